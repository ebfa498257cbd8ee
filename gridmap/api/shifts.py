"""Shifts: how many officers should be on duty at which hours, and which posts cover that."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict

from gridmap._lazy import gpd, np, pd
from gridmap.api.options import (
    AsDate,
    AsNames,
    Options,
    as_date,
    as_list,
    end_of,
    option,
)
from gridmap.api.results import FORMAT, MapView, PrintedResult, verb
from gridmap.errors import OptionError
from gridmap.fields import Json, Kind
from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.model import City
    from gridmap.patrol import HourCounts, Norms, Reached, Roster
    from gridmap.report.document import Block
    from gridmap.typing import Floats, Ints


_MOST_SEARCHED = 25  # units: branch and bound of more takes minutes


def as_norms(value: object, option: str) -> Norms | None:
    """Return norms, those of a ``norms.toml``, or None; see `gridmap.patrol.read_norms`."""
    from gridmap.patrol import Norms, read_norms

    if isinstance(value, (str, PathLike)):
        return read_norms(Path(value))
    if value is not None and not isinstance(value, Norms):
        raise OptionError("api.error.norms", option=option, received=type(value).__name__)
    return value


def _patterns(value: object, option: str) -> tuple[str, ...]:
    from gridmap.patrol import PATTERNS

    names = as_list(value, option)
    unknown = [name for name in names if name not in PATTERNS]
    if unknown or not names:
        raise OptionError(
            "api.error.choice", option=option, received=", ".join(unknown) or '""',
            known=", ".join(PATTERNS),
        )  # fmt: skip
    return names


@dataclass(frozen=True, kw_only=True)
class ShiftsOptions(Options):
    """Whose shifts `shifts` plans, with how many officers, by which rules."""

    verb: ClassVar[str] = "shifts"

    by: Literal["city", "station", "beat"] = option("station", choices=("city", "station", "beat"))
    officers: int | None = option(None, kind=int, least=1, most=100_000, metavar="N")
    patterns: AsNames = option(("8h",), metavar="8h,12h,split", parse=_patterns)
    since: AsDate = option("", metavar="DATE", parse=as_date)
    until: AsDate = option("", metavar="DATE", parse=as_date)
    service: float | None = option(None, kind=float, least=0.5, most=0.999, metavar="SHARE")
    prevention: float | None = option(None, kind=float, least=0, most=0.9, metavar="SHARE")
    rest: float | None = option(None, kind=float, least=0, most=23, unit="h", metavar="HOURS")
    week: float | None = option(None, kind=float, least=4, most=84, unit="h", metavar="HOURS")
    response: float | None = option(
        None, kind=float, least=0.1, most=600, unit="min", metavar="MIN"
    )
    norms: Norms | str | PathLike[str] | None = option(None, parse=as_norms, hidden=True)


class ShiftRow(TypedDict):
    """One unit in one hour of the week."""

    unit: str
    name: str
    weekday: int
    hour: int
    incidents: float
    busy: float
    needed: float
    today: float | None
    proposed: float
    reached_today: float | None
    reached: float | None


class RosterRow(TypedDict):
    """Posts of one unit that work the same week; no names, posts only."""

    unit: str
    name: str
    posts: int
    pattern: str
    begin: str
    end: str
    first_day: int
    days: int


class UnitRow(TypedDict):
    """What one unit needs, has and leaves uncovered."""

    unit: str
    name: str
    officers: int
    demand_h: float
    uncovered_today_h: float | None
    uncovered_h: float
    bound: float
    gap: float
    one_more_h: float
    dispersion: float
    posts_needed: int
    calls: float
    late_today: float | None
    late: float | None
    one_more_calls: float | None
    manned: list[str]


class ShiftsJson(TypedDict):
    """The JSON of ``gridmap shifts --json``."""

    format: int
    by: str
    since: str
    until: str
    rows: list[ShiftRow]
    roster: list[RosterRow]
    units: list[UnitRow]
    demand_h: float
    uncovered_today_h: float | None
    uncovered_h: float
    bound: float
    gap: float
    posts_needed: int
    calls: float
    late_today: float | None
    late: float | None
    notes: list[str]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False)
class UnitShifts:
    """Demand, duty today and the proposed roster of one unit.

    Attributes
    ----------
    unit, name
        Id and name.
    officers
        Posts that were planned.
    incidents, busy, needed
        Mean incidents and busy officers of each hour of the week, and the officers that should
        be on duty, shape (168,).
    today
        Officers on duty today by the rooms' hours, shape (168,), or None where no room of the
        unit says its hours.
    roster
        The posts.
    one_more_h
        Uncovered officer-hours a week that one more officer would save.
    dispersion
        Variance over mean of weekly counts, at least 1.
    posts_needed
        The fewest posts found with which no hour of the week lacks an officer.
    reached
        Which calls are reached in time by how many officers, or None without ``response``.
    one_more_calls
        Calls a week that one more officer would reach in time, or None.
    """

    unit: str
    name: str
    officers: int
    incidents: Floats
    busy: Floats
    needed: Floats
    today: Floats | None
    roster: Roster
    one_more_h: float
    dispersion: float
    posts_needed: int
    reached: Reached | None = None
    one_more_calls: float | None = None

    def late(self, on_duty: Floats | None) -> float | None:
        """Return the calls a week that are reached late by officers on duty, if that is known."""
        if self.reached is None or on_duty is None:
            return None
        return float(self.incidents @ (1.0 - self.reached.of(on_duty)))

    @property
    def uncovered_today_h(self) -> float | None:
        """Officer-hours a week that demand exceeds the officers on duty today."""
        if self.today is None:
            return None
        return float((self.needed - self.today).clip(min=0.0).sum())


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ShiftsResult(PrintedResult[ShiftsJson]):
    """The shifts of each unit.

    Attributes
    ----------
    city, options
        What was planned, and how.
    units
        One `UnitShifts` a station, beat or the city.
    since, until
        First and last day whose incidents were counted.
    notes
        What is missing or assumed, in words.
    """

    city: City
    options: ShiftsOptions
    units: tuple[UnitShifts, ...]
    since: str
    until: str
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        posts = sum(unit.officers for unit in self.units)
        return f"<ShiftsResult: {posts} posts in {len(self.units)} units>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per unit and hour of the week: demand against officers on duty."""
        return pd.DataFrame(self._rows())

    def roster_frame(self) -> pd.DataFrame:
        """Return the week's roster: one row for posts that work the same tour."""
        return pd.DataFrame(self._posts(), columns=list(RosterRow.__annotations__))

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return one row per unit with its ground, in the working CRS."""
        frame = pd.DataFrame([self._unit_row(unit) for unit in self.units])
        ground = self._ground()
        order = {unit: row for row, unit in enumerate(ground.ids)}
        rows = [order[unit] for unit in frame["unit"]]
        return gpd.GeoDataFrame(frame, geometry=ground.geometry[rows], crs=self.city.crs)

    def to_dict(self) -> ShiftsJson:
        """Return the JSON of the command; duty that nobody stated is None."""
        units = [self._unit_row(unit) for unit in self.units]
        demand = sum(unit["demand_h"] for unit in units)
        left, bound = (sum(unit[key] for unit in units) for key in ("uncovered_h", "bound"))
        calls = sum(unit["calls"] for unit in units)
        total = demand if self.options.response is None else calls
        today, late_today, late = (
            [unit[key] for unit in units] for key in ("uncovered_today_h", "late_today", "late")
        )
        lost = left if self.options.response is None else _sum_known(late) or 0.0
        return {
            "format": FORMAT,
            "by": self.options.by,
            "since": self.since,
            "until": self.until,
            "rows": self._rows(),
            "roster": self._posts(),
            "units": units,
            "demand_h": demand,
            "uncovered_today_h": _sum_known(today),
            "uncovered_h": left,
            "bound": bound,
            "gap": max(0.0, lost - bound) / total if total else 0.0,
            "posts_needed": sum(unit["posts_needed"] for unit in units),
            "calls": calls,
            "late_today": _sum_known(late_today),
            "late": _sum_known(late),
            "notes": list(self.notes),
            "options": self.options.to_dict() | {"norms": None},
        }

    def readable_roster(self) -> pd.DataFrame:
        """Return the roster as people read it: headings and weekdays in words."""
        from gridmap.report.duty import roster_days

        roster = self.roster_frame()
        days = [
            roster_days(first, count)
            for first, count in zip(roster["first_day"], roster["days"], strict=True)
        ]
        pairs = zip(roster["begin"], roster["end"], strict=True)
        hours = [f"{begin}-{end}" for begin, end in pairs]
        names = ("pattern", "hours", "days", "posts")
        patterns = [tr(f"duty.page.pattern_{one}") for one in roster["pattern"]]
        return roster.assign(hours=hours, days=days, pattern=patterns)[["name", *names]].rename(
            columns={
                "name": tr("duty.shifts.unit"),
                **{name: tr(f"duty.shifts.{name}") for name in names},
            }
        )

    def sentence(self) -> str:
        """Return what shifts leave uncovered, today and as proposed, in one sentence."""
        from gridmap.report.duty import shifts_sentence

        return shifts_sentence(self.to_dict())

    def unit_columns(self) -> tuple[str, ...]:
        """Return the keys of a unit that its table shows: of work, or of calls reached late."""
        from gridmap.report.duty import shifts_columns

        return shifts_columns(self.to_dict())

    def blocks(self, *, roster: bool = True) -> list[Block]:
        """Return the demand, the duty and the posts as they are printed.

        Parameters
        ----------
        roster
            Whether the posts are listed.
        """
        from gridmap.report.duty import shifts_blocks

        return shifts_blocks(self.to_dict(), roster=roster)

    @property
    def sheet_title(self) -> str:
        """The title of the printed sheet."""
        return tr("duty.sheet.shifts", city=self.city.label)

    def figures(self) -> list[tuple[str, str]]:
        """Return demand, and what is uncovered today and as proposed, hours a week."""
        plain = self.to_dict()
        return [
            (tr(f"field.{key}"), f"{value:,.0f}")
            for key in ("demand_h", "uncovered_today_h", "uncovered_h")
            if (value := plain[key]) is not None
        ]

    def map_view(self) -> MapView | None:
        """Return the units coloured by what stays uncovered."""
        from gridmap.maps import value_theme

        if self.options.by == "city":
            return None
        frame = self.to_gdf()
        left = frame["uncovered_h"].to_numpy(dtype=float)
        theme = value_theme("uncovered_h", tr("field.uncovered_h"), left)
        return MapView(cells=self._ground(), themes=(theme,))

    def _ground(self) -> Any:  # noqa: ANN401 - a Layer, imported where it is needed
        from gridmap.measure.pieces import ground_of

        return ground_of(self.city, self.options.by)

    def _rows(self) -> list[ShiftRow]:
        rows: list[ShiftRow] = []
        for unit in self.units:
            duty = unit.roster.on_duty
            shares = [
                None if unit.reached is None or line is None else unit.reached.of(line)
                for line in (unit.today, duty)
            ]
            for hour in range(len(unit.needed)):
                today, proposed = (
                    None if share is None or not unit.incidents[hour] else float(share[hour])
                    for share in shares
                )
                rows.append(
                    {
                        "unit": unit.unit,
                        "name": unit.name,
                        "weekday": hour // 24,
                        "hour": hour % 24,
                        "incidents": round(float(unit.incidents[hour]), 4),
                        "busy": round(float(unit.busy[hour]), 4),
                        "needed": float(unit.needed[hour]),
                        "today": None if unit.today is None else round(float(unit.today[hour]), 4),
                        "proposed": float(duty[hour]),
                        "reached_today": None if today is None else round(today, 4),
                        "reached": None if proposed is None else round(proposed, 4),
                    }
                )
        return rows

    def _posts(self) -> list[RosterRow]:
        rows: list[RosterRow] = []
        for unit in self.units:
            for tour, posts in zip(unit.roster.tours, unit.roster.posts, strict=True):
                end = (tour.start + tour.pattern.span_h) % 24
                rows.append(
                    {
                        "unit": unit.unit,
                        "name": unit.name,
                        "posts": posts,
                        "pattern": tour.pattern.name,
                        "begin": f"{tour.start:02d}:00",
                        "end": f"{end or 24:02d}:00",
                        "first_day": tour.first_day,
                        "days": tour.days,
                    }
                )
        return rows

    @staticmethod
    def _unit_row(unit: UnitShifts) -> UnitRow:
        return {
            "unit": unit.unit,
            "name": unit.name,
            "officers": unit.officers,
            "demand_h": unit.roster.demand_h,
            "uncovered_today_h": unit.uncovered_today_h,
            "uncovered_h": unit.roster.uncovered_h,
            "bound": unit.roster.bound,
            "gap": unit.roster.gap,
            "one_more_h": unit.one_more_h,
            "dispersion": round(unit.dispersion, 4),
            "posts_needed": unit.posts_needed,
            "calls": float(unit.incidents.sum()),
            "late_today": unit.late(unit.today),
            "late": unit.late(unit.roster.on_duty),
            "one_more_calls": unit.one_more_calls,
            "manned": [] if unit.reached is None else list(unit.reached.posts),
        }


def _sum_known(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(sum(known)) if len(known) == len(values) else None


@verb(ShiftsOptions)
def shifts(city: City, options: ShiftsOptions) -> ShiftsResult:
    """Plan shifts: officers on duty by hour of the week against the work of each hour.

    Work is incidents by hour and category times their handling minutes; the officers needed
    handle the open incidents at ``service`` of all moments and keep ``prevention`` of their time
    free. Whole posts are given weekly tours so that the fewest officer-hours go uncovered
    (Dantzig 1954; Baker 1976 for days off), with a bound that no roster can beat. With
    ``response`` the most calls are reached within that number of minutes instead, wait and way by
    car together, by the hypercube model of each hour (Larson 1974); the officers needed are then
    those who reach ``service`` of the hour's calls in time, and bound and gap count calls.

    Without ``officers`` and without a column of officers, as many are planned as leave no hour
    short.

    Returns
    -------
    ShiftsResult
        Posts only; nobody is named.

    Raises
    ------
    MissingError
        If there are no incidents with an hour, no such units, or no grids with ``response``.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=2000)
    >>> result = gridmap.shifts(city, by="city", officers=6)
    >>> int(result.roster_frame()["posts"].sum())
    6
    """
    from gridmap.patrol import (
        count_hours,
        fewest_posts,
        make_tours,
        plan_shifts,
        read_norms,
        weekly_dispersion,
        work_by_hour,
    )

    norms = as_norms(options.norms, "norms") or read_norms()
    rest = norms.shifts.rest_h if options.rest is None else options.rest
    week = norms.shifts.week_h if options.week is None else options.week
    tours = make_tours(options.patterns, rest_h=rest, week_h=week)
    counts = count_hours(
        city, options.by, since=options.since or None, until=end_of(options.until)
    )
    work = [
        work_by_hour(table, counts.categories, counts.occurrences, norms)
        for table in counts.counts
    ]
    spread = [weekly_dispersion(weeks) for weeks in counts.weekly]
    needs, reached, notes = _needs(
        city, counts, options, norms, [each[1] for each in work], spread
    )
    enough = [fewest_posts(need, tours) for need in needs]
    staff, unstaffed = _officers(city, counts, options, np.array([n.sum() for n in needs]), enough)
    made = []
    for row, (incidents, busy) in enumerate(work):
        posts, table = int(staff[row]), reached[row]
        late = None if table is None else incidents[:, None] * (1.0 - table.shares)
        search = len(work) <= _MOST_SEARCHED
        roster = plan_shifts(needs[row], posts, tours, late=late, search=search)
        done = roster.loss <= (0.0 if late is None else float(late[:, -1].sum())) + 1e-9
        more = (
            roster if done else plan_shifts(needs[row], posts + 1, tours, late=late, search=search)
        )
        made.append(
            UnitShifts(
                unit=str(counts.ids[row]),
                name=str(counts.names[row]),
                officers=posts,
                incidents=incidents,
                busy=busy,
                needed=needs[row],
                today=_today(city, options.by, str(counts.ids[row]), week),
                roster=roster,
                one_more_h=max(0.0, roster.uncovered_h - more.uncovered_h),
                dispersion=spread[row],
                posts_needed=enough[row],
                reached=table,
                one_more_calls=None if late is None else max(0.0, roster.loss - more.loss),
            )
        )
    notes = [*notes, *unstaffed, *_notes(counts, norms)]
    if all(unit.today is None for unit in made):
        notes.append(tr("api.shifts.no_hours"))
    return ShiftsResult(
        city=city, options=options, units=tuple(made), since=str(counts.first),
        until=str(counts.last), notes=tuple(notes),
    )  # fmt: skip


def _notes(counts: HourCounts, norms: Norms) -> list[str]:
    """Return what the counts leave out or assume, in words."""
    notes = []
    if counts.untimed:
        notes.append(tr("api.shifts.untimed", count=counts.untimed))
    if counts.outside:
        notes.append(tr("api.shifts.outside", count=counts.outside))
    missing = [c for c in counts.categories if c not in norms.handling_minutes]
    if missing:
        shown = tr("api.join").join(missing[:5])
        notes.append(
            tr("api.shifts.default_minutes", categories=shown, count=len(missing),
               minutes=norms.handling_minutes["default"])
        )  # fmt: skip
    weeks = int(counts.occurrences.min())
    if weeks < 8:
        notes.append(tr("api.shifts.few_weeks", weeks=weeks))
    return notes


def _needs(
    city: City,
    counts: HourCounts,
    options: ShiftsOptions,
    norms: Norms,
    busy: list[Floats],
    spread: list[float],
) -> tuple[list[Floats], list[Reached | None], list[str]]:
    """Return the officers that each unit needs by hour, whom they reach in time, and notes."""
    from gridmap.patrol import mean_handling, officers_for_target, officers_needed, reached_in_time

    said = norms.shifts
    service = said.service if options.service is None else options.service
    free = said.prevention_share if options.prevention is None else options.prevention
    if options.response is None:
        needs = [
            officers_needed(load, dispersion=wide, service=service, prevention_share=free)
            for load, wide in zip(busy, spread, strict=True)
        ]
        return needs, [None] * len(needs), []
    handling = [mean_handling(table, counts.categories, norms) for table in counts.counts]
    reached = reached_in_time(
        city, options.by, np.array(busy), np.array(handling), minutes=options.response,
        since=options.since or None, until=end_of(options.until),
    )  # fmt: skip
    found = [officers_for_target(table.shares, service) for table in reached]
    roads = city.has(Kind.ROAD) and len(city.layer(Kind.ROAD))
    notes = [tr("api.shifts.by_road" if roads else "api.shifts.straight")]
    if any(table.shares.shape[1] - 1 > table.exact_to for table in reached):
        notes.append(tr("api.shifts.approximate"))
    far = [str(counts.names[row]) for row, (_, met) in enumerate(found) if not met]
    if far:
        notes.append(
            tr("api.shifts.out_of_reach", count=len(far), units=tr("api.join").join(far[:5]),
               share=service, minutes=options.response)
        )  # fmt: skip
    return [need for need, _ in found], list(reached), notes


def _officers(
    city: City, counts: HourCounts, options: ShiftsOptions, demand: Floats, enough: list[int]
) -> tuple[Ints, list[str]]:
    """Return how many posts each unit has: as stated, shared out by demand, or enough."""
    from gridmap.measure import apportion

    if options.officers is not None:
        asks = demand > 0 if demand.any() else np.ones(len(demand), np.bool_)
        given = np.zeros(len(demand), np.int64)
        least = 1 if options.officers >= asks.sum() else 0
        given[asks] = apportion(demand[asks], options.officers, least=least)
        notes = []
        if not asks.all():
            idle = [str(counts.names[row]) for row in np.flatnonzero(~asks)]
            shown = tr("api.join").join(idle[:5])
            notes.append(tr("api.shifts.no_demand", units=shown, count=len(idle)))
        return given, notes
    staff = _staff(city, options.by, counts)
    if staff is None:
        note = tr("api.shifts.no_staff", city=city.label, count=sum(enough))
        return np.array(enough, np.int64), [note]
    whole = np.rint(staff).astype(np.int64)
    empty = [str(counts.names[row]) for row in np.flatnonzero(whole == 0)]
    notes = []
    if empty:
        shown = tr("api.join").join(empty[:5])
        notes.append(tr("api.shifts.no_officers", units=shown, count=len(empty)))
    return whole, notes


def _staff(city: City, by: str, counts: HourCounts) -> Floats | None:
    """Return the officers of each unit: those of its beats, else of its rooms; None if unknown."""
    for kind in (Kind.BEAT, Kind.ROOM):
        layer = city.get(kind)
        if layer is None or not layer.has("officers") or not len(layer):
            continue
        officers = layer.counts("officers")
        if by == "city":
            return np.array([officers.sum()])
        homes = layer.ids if str(kind) == by else city.named(layer, Kind(by))
        totals = dict.fromkeys(counts.ids, 0.0)
        for home, count in zip(homes, officers, strict=True):
            if home in totals:
                totals[home] += count
        if sum(totals.values()) > 0:
            return np.array(list(totals.values()))
    return None


def _today(city: City, by: str, unit: str, week_h: float) -> Floats | None:
    """Return the officers on duty today by hour of the week, from rooms' hours and officers.

    A room's officers share its hours evenly: five officers of 40 hours in a room that is open
    84 hours a week are 2.4 on duty on average.
    """
    from gridmap.measure import open_hours

    rooms = city.get(Kind.ROOM)
    if rooms is None or not (rooms.has("hours") and rooms.has("officers")):
        return None
    inside = np.full(len(rooms), by == "city")
    if by != "city":
        inside = city.named(rooms, Kind(by)) == unit
    inside &= rooms.texts("hours") != ""
    if not inside.any():
        return None
    duty = np.zeros(24)
    for row in np.flatnonzero(inside):
        hours = open_hours(str(rooms.texts("hours")[row]))
        if hours.any():
            duty[hours] += rooms.counts("officers")[row] * week_h / (7.0 * hours.sum())
    return np.tile(duty, 7)
