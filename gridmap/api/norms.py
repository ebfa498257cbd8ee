"""Norms and assess: what rooms and beats lack by the norms, and how beats or stations rank.

What is lacking has a price; in the ranking, differences that chance may explain do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypedDict, cast

from gridmap._lazy import gpd, np, pd
from gridmap.api.options import AsDate, Options, as_date, end_of, option
from gridmap.api.results import FORMAT, MapView, PrintedResult, plain, rows_of, verb
from gridmap.api.shifts import as_norms
from gridmap.errors import MissingError, OptionError
from gridmap.fields import Json, Kind
from gridmap.i18n import has_key, tr

if TYPE_CHECKING:
    from os import PathLike

    from gridmap.measure.staffing import Steadiness
    from gridmap.model import City
    from gridmap.patrol import Lacks, Norms
    from gridmap.patrol.score import Assessment, Goal, MeasuredUnits
    from gridmap.report.document import Block
    from gridmap.typing import Floats


@dataclass(frozen=True, kw_only=True)
class NormsOptions(Options):
    """By which norms `norms` judges."""

    verb: ClassVar[str] = "norms"

    norms: Norms | str | PathLike[str] | None = option(None, parse=as_norms, hidden=True)


class LackRow(TypedDict):
    """A thing that a room or beat lacks."""

    kind: str
    id: str
    name: str
    item: str
    has: float
    norm: float
    lacking: float
    cost: float | None


class UnitLacks(TypedDict):
    """A room or beat: how many things it lacks, how many are unknown, and the cost."""

    kind: str
    id: str
    name: str
    things: int
    unknown: int
    cost: float


class ItemLacks(TypedDict):
    """A thing: how many rooms or beats lack it."""

    kind: str
    item: str
    norm: float
    units: int
    lacking: float
    unknown: int
    cost: float | None


class PostRow(TypedDict):
    """A beat's post: since when it is held, and from when on it may change hands."""

    id: str
    name: str
    post_since: str | None
    free_on: str | None
    months_left: float | None
    bound: bool


class NormsJson(TypedDict):
    """The JSON of ``gridmap norms --json``."""

    format: int
    rows: list[LackRow]
    units: list[UnitLacks]
    items: list[ItemLacks]
    missing: list[str]
    cost: float
    posts: list[PostRow] | None
    notes: list[str]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NormsResult(PrintedResult[NormsJson]):
    """What is lacking.

    Attributes
    ----------
    city, options
        What was judged, and how.
    lacks
        The tables.
    posts
        When each beat's post may change hands, or None where no beat has ``post_since``.
    notes
        What is missing or unknown, in words.
    """

    city: City
    options: NormsOptions
    lacks: Lacks
    posts: Steadiness | None
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<NormsResult: {len(self.lacks.rows)} things lacking>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per thing that is lacking, the rooms that lack most first."""
        return self.lacks.rows.copy()

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return one row per room with its place, in the working CRS."""
        units = self.lacks.units
        units = units[units["kind"] == str(Kind.ROOM)].reset_index(drop=True)
        rooms = self.city.get(Kind.ROOM)
        if rooms is None:
            return gpd.GeoDataFrame(units, geometry=[], crs=self.city.crs)
        place = {str(one): row for row, one in enumerate(rooms.ids)}
        rows = [place[one] for one in units["id"]]
        return gpd.GeoDataFrame(units, geometry=rooms.geometry[rows], crs=self.city.crs)

    def readable(self) -> pd.DataFrame:
        """Return one row per room or beat as people read it: what it lacks, in words."""
        rows = self.lacks.rows
        said: dict[tuple[str, str], list[str]] = {}
        for row in rows.itertuples(index=False):
            count = "" if row.lacking == 1 else f" {row.lacking:g}"
            said.setdefault((row.kind, row.id), []).append(tr(f"field.{row.item}") + count)
        units = self.lacks.units[self.lacks.units["things"] > 0]
        keys = zip(units["kind"], units["id"], strict=True)
        frame = pd.DataFrame(
            {
                tr("duty.norms.kind"): [tr(f"duty.norms.kind_{kind}") for kind in units["kind"]],
                tr("field.name"): units["name"].to_numpy(),
                tr("duty.norms.things"): units["things"].to_numpy(),
                tr("duty.norms.what"): [tr("api.join").join(said[key]) for key in keys],
            }
        )
        return (
            frame.assign(**{tr("duty.norms.cost"): units["cost"].to_numpy()})
            if self.priced
            else frame
        )

    def readable_items(self) -> pd.DataFrame:
        """Return one row per thing as people read it."""
        items = self.lacks.items.assign(
            kind=[tr(f"duty.norms.kind_{kind}") for kind in self.lacks.items["kind"]],
            item=[tr(f"field.{item}") for item in self.lacks.items["item"]],
        )
        if not self.priced:
            items = items.drop(columns="cost")
        return items.rename(columns={name: tr(f"duty.norms.{name}") for name in items.columns})

    @property
    def priced(self) -> bool:
        """Whether anything that is lacking has a price."""
        return bool(self.lacks.items["cost"].notna().any())

    def blocks(self) -> list[Block]:
        """Return the tables as they are printed."""
        from gridmap.report.document import Paragraph
        from gridmap.report.duty import frame_grid

        tables = [
            frame_grid(table, tr(f"duty.norms.by_{name}"))
            for name, table in (("item", self.readable_items()), ("unit", self.readable()))
            if len(table)
        ]
        return [
            Paragraph(self.sentence()),
            *tables,
            *self._posts_blocks(),
            *(Paragraph(note, style="note") for note in self.notes),
        ]

    @property
    def sheet_title(self) -> str:
        """The title of the printed sheet."""
        return tr("duty.sheet.norms", city=self.city.label)

    def _posts_blocks(self) -> list[Block]:
        from gridmap.report.document import Paragraph
        from gridmap.report.duty import frame_grid

        if self.posts is None:
            return []
        said = Paragraph(self.posts_sentence())
        table = self.readable_posts()
        return [said, frame_grid(table, tr("duty.posts.title"))] if len(table) else [said]

    def posts_sentence(self) -> str:
        """Return how many posts may not change hands yet; blank where no day is known."""
        if self.posts is None:
            return ""
        return tr(
            "duty.posts.sentence",
            bound=len(self.posts.bound),
            beats=len(self.posts.rows),
            years=self.posts.years,
            day=self.posts.as_of.isoformat(),
        )

    def sentence(self) -> str:
        """Return how many rooms have all that the norms ask, in one sentence."""
        units = self.lacks.units
        rooms = units[units["kind"] == "room"]
        if not len(self.lacks.items):
            return tr("duty.norms.sentence_none")
        return tr(
            "duty.norms.sentence_priced" if self.priced else "duty.norms.sentence",
            good=int((rooms["things"] == 0).sum()),
            rooms=len(rooms),
            things=int(units["things"].sum()),
            cost=float(units["cost"].sum()),
        )

    def to_dict(self) -> NormsJson:
        """Return the JSON of the command; a cost without a price is None."""
        return {
            "format": FORMAT,
            "rows": cast("list[LackRow]", rows_of(self.lacks.rows)),
            "units": cast("list[UnitLacks]", rows_of(self.lacks.units)),
            "items": cast("list[ItemLacks]", rows_of(self.lacks.items)),
            "missing": list(self.lacks.missing),
            "cost": float(self.lacks.units["cost"].sum()),
            "posts": None if self.posts is None else self._posts(),
            "notes": list(self.notes),
            "options": self.options.to_dict() | {"norms": None},
        }

    def _posts(self) -> list[PostRow]:
        assert self.posts is not None  # noqa: S101 - asked before
        rows = self.posts.rows
        days = {
            name: [None if text == "NaT" else text for text in _days(rows[name])]
            for name in ("post_since", "free_on")
        }
        return plain(rows.assign(**days).to_dict("records"))

    def readable_posts(self) -> pd.DataFrame:
        """Return one row per beat whose post is not free yet, as people read it."""
        if self.posts is None:
            return pd.DataFrame()
        rows = self.posts.rows
        rows = rows[rows["bound"]]
        return pd.DataFrame(
            {
                tr("field.name"): rows["name"].to_numpy(),
                tr("field.post_since"): _days(rows["post_since"]),
                tr("duty.posts.free_on"): _days(rows["free_on"]),
                tr("duty.posts.months_left"): rows["months_left"].to_numpy(),
            }
        )

    def figures(self) -> list[tuple[str, str]]:
        """Return how many rooms meet the norms, and how many things are lacking."""
        rooms = self.lacks.units[self.lacks.units["kind"] == "room"]
        good = int((rooms["things"] == 0).sum())
        things = int(self.lacks.units["things"].sum())
        return [
            (tr("duty.norms.good"), f"{good} / {len(rooms)}"),
            (tr("duty.norms.things"), f"{things}"),
        ]

    def map_view(self) -> MapView | None:
        """Return the beats coloured by the things that they and their rooms lack, or None."""
        from gridmap.maps import value_theme

        beats, rooms = self.city.get(Kind.BEAT), self.city.get(Kind.ROOM)
        if beats is None:
            return None
        units = self.lacks.units
        things = units.groupby(["kind", "id"])["things"].sum()
        lacking = things.loc["beat"] if "beat" in set(units["kind"]) else things.iloc[:0]
        values = lacking.reindex(beats.ids.astype(str)).fillna(0).to_numpy(dtype=float)
        if rooms is not None and rooms.has("beat") and "room" in set(units["kind"]):
            own = things.loc["room"].reindex(rooms.ids.astype(str)).fillna(0).to_numpy(dtype=float)
            by_beat = pd.Series(own).groupby(rooms.frame["beat"].astype(str).to_numpy()).sum()
            values += by_beat.reindex(beats.ids.astype(str)).fillna(0).to_numpy(dtype=float)
        theme = value_theme("things", tr("duty.norms.things"), values)
        return MapView(cells=beats, themes=(theme,), rooms=rooms)


def _days(values: pd.Series) -> list[str]:
    return [str(value)[:10] for value in values]


@verb(NormsOptions)
def norms(city: City, options: NormsOptions) -> NormsResult:
    """Compare police rooms and beats with the norms of ``norms.toml``.

    Rooms: office rooms, equipment (身份证人像和指纹采集设备, 电脑, 警务通, 执法记录仪), officers,
    auxiliaries at least 1:1, hours. Beats: one officer and two auxiliaries, in rural beats one
    auxiliary per village. A blank cell is unknown, never lacking; missing columns are named. What
    is lacking is ranked and priced where ``norms.toml`` has prices.

    Beats with a ``post_since`` are also listed by when their post may change hands
    (社区民警原则上3年内不得调离).

    Returns
    -------
    NormsResult
        Counts of things and posts; nobody is named.

    Raises
    ------
    MissingError
        If there are neither rooms nor beats.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=0)
    >>> result = gridmap.norms(city)
    >>> set(result.to_frame()["kind"]) <= {"room", "beat"}
    True
    """
    from gridmap.measure.staffing import steady_posts
    from gridmap.patrol import lacks_of, read_norms

    figures = as_norms(options.norms, "norms") or read_norms()
    if not any((layer := city.get(kind)) and len(layer) for kind in (Kind.ROOM, Kind.BEAT)):
        raise MissingError("patrol.error.no_rooms", city=city.label)
    found = lacks_of(city, figures)
    notes = []
    if found.missing:
        for kind in ("room", "beat"):
            columns = [name.partition(".")[2] for name in found.missing if name.startswith(kind)]
            if columns:
                named = tr("api.join").join(tr(f"field.{column}") for column in columns)
                notes.append(tr(f"duty.norms.missing_{kind}", columns=named))
    unknown = int(found.units["unknown"].sum())
    if unknown:
        notes.append(tr("duty.norms.unknown_cells", count=unknown))
    if not figures.prices:
        notes.append(tr("duty.norms.no_prices"))
    posts = None
    try:
        posts = steady_posts(city, years=figures.steady_years)
    except MissingError as error:
        notes.append(error.text())
    return NormsResult(city=city, options=options, lacks=found, posts=posts, notes=tuple(notes))


def _goals(value: object, option: str) -> tuple[Goal, ...] | None:
    """Return indicators, those of a ``score.toml``, or None."""
    from gridmap.patrol.score import Goal, read_goals

    if isinstance(value, (str, PathLike)):
        return read_goals(Path(value))
    if value is not None and not (
        isinstance(value, tuple) and value and all(isinstance(one, Goal) for one in value)
    ):
        raise OptionError("api.error.goals", option=option, received=type(value).__name__)
    return value


@dataclass(frozen=True, kw_only=True)
class AssessOptions(Options):
    """Whom `assess` ranks, by which indicators of which period."""

    verb: ClassVar[str] = "assess"

    by: Literal["beat", "station", "community"] = option(
        "beat", choices=("beat", "station", "community")
    )
    since: AsDate = option("", metavar="DATE", parse=as_date)
    until: AsDate = option("", metavar="DATE", parse=as_date)
    goals: tuple[Goal, ...] | str | PathLike[str] | None = option(None, parse=_goals, hidden=True)


class AssessRow(TypedDict):
    """One unit, the best first."""

    id: str
    name: str
    band: int
    rank: int
    rank_low: int
    rank_high: int
    score: float
    low: float
    high: float
    values: dict[str, float | None]
    estimates: dict[str, float | None]


class IndicatorRow(TypedDict):
    """One indicator."""

    name: str
    measure: str
    better: str
    weight: float
    target: float | None
    category: str


class AssessJson(TypedDict):
    """The JSON of ``gridmap assess --json``."""

    format: int
    by: str
    rows: list[AssessRow]
    bands: int
    indicators: list[IndicatorRow]
    missing: list[str]
    notes: list[str]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AssessResult(PrintedResult[AssessJson]):
    """The ranking.

    Attributes
    ----------
    city, options
        What was assessed, and how.
    measured
        The units and their indicators.
    assessment
        Scores, intervals, ranks and bands.
    notes
        What is missing, in words.
    """

    city: City
    options: AssessOptions
    measured: MeasuredUnits
    assessment: Assessment
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<AssessResult: {len(self.assessment.rows)} units in {self.bands} bands>"

    @property
    def bands(self) -> int:
        """Number of bands of units that can be distinguished."""
        return int(self.assessment.rows["band"].max()) if len(self.assessment.rows) else 0

    def to_frame(self) -> pd.DataFrame:
        """Return one row per unit, the best first: band, rank, score, and each indicator."""
        rows = self.assessment.rows
        at = rows["row"].to_numpy()
        frame = rows.drop(columns="row")
        frame.insert(0, "id", self.measured.ids[at].astype(str))
        frame.insert(1, "name", self.measured.names[at].astype(str))
        for column, indicator in enumerate(self.measured.indicators):
            frame[indicator.key] = indicator.values[at]
            frame[f"{indicator.key}_estimate"] = self.assessment.estimates[at, column]
        return frame

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the table with the units' ground, in the working CRS."""
        from gridmap.measure.pieces import ground_of

        ground = ground_of(self.city, self.options.by)
        at = self.assessment.rows["row"].to_numpy()
        return gpd.GeoDataFrame(self.to_frame(), geometry=ground.geometry[at], crs=self.city.crs)

    def readable(self) -> pd.DataFrame:
        """Return the ranking as people read it."""
        frame = self.to_frame()
        pairs = zip(frame["rank_low"], frame["rank_high"], strict=True)
        return pd.DataFrame(
            {
                tr("duty.score.band"): frame["band"],
                tr("field.name"): frame["name"],
                tr("duty.score.rank"): frame["rank"],
                tr("duty.score.ranks"): [f"{low}–{high}" for low, high in pairs],
                tr("duty.score.score"): frame["score"].round(2),
                **dict(self._readable_goal(goal, frame) for goal in self.measured.goals),
            }
        )

    @staticmethod
    def _readable_goal(goal: Goal, frame: pd.DataFrame) -> tuple[str, pd.Series]:
        """Return an indicator's heading and figures; a share is a percentage."""
        values = frame[goal.name]
        if goal.measure.endswith("share"):
            label = tr("duty.score.percent", label=_label(goal))
            return label, (100.0 * values).round(1)
        return _label(goal), values.map(_digits)

    def sentence(self) -> str:
        """Return one sentence on how many units can be distinguished."""
        rows = self.assessment.rows
        first = rows[rows["band"] == 1]
        names = self.measured.names[first["row"].to_numpy()[:5]].astype(str)
        return tr(
            "duty.score.sentence",
            units=len(rows),
            bands=self.bands,
            first=len(first),
            names=tr("api.join").join(names),
        )

    def blocks(self) -> list[Block]:
        """Return the ranking as it is printed."""
        from gridmap.report.document import Paragraph
        from gridmap.report.duty import frame_grid

        return [
            Paragraph(self.sentence()),
            frame_grid(self.readable(), tr("duty.score.table")),
            Paragraph(tr("duty.score.help"), style="note"),
            *(Paragraph(note, style="note") for note in self.notes),
        ]

    @property
    def sheet_title(self) -> str:
        """The title of the printed sheet."""
        return tr("duty.sheet.score", city=self.city.label)

    def to_dict(self) -> AssessJson:
        """Return the JSON of the command; what is not known is None."""
        frame = self.to_frame()
        names = [goal.name for goal in self.measured.goals]
        fixed = ["id", "name", "band", "rank", "rank_low", "rank_high", "score", "low", "high"]
        rows = [
            {
                **{name: row[name] for name in fixed},
                "values": {name: row[name] for name in names},
                "estimates": {name: row[f"{name}_estimate"] for name in names},
            }
            for row in frame.to_dict("records")
        ]
        return {
            "format": FORMAT,
            "by": self.options.by,
            "rows": cast("list[AssessRow]", plain(rows)),
            "bands": self.bands,
            "indicators": [
                {
                    "name": goal.name, "measure": goal.measure, "better": goal.better,
                    "weight": goal.weight, "target": goal.target, "category": goal.category,
                }
                for goal in self.measured.goals
            ],
            "missing": [goal.name for goal in self.measured.missing],
            "notes": list(self.notes),
            "options": self.options.to_dict() | {"goals": None},
        }  # fmt: skip

    def figures(self) -> list[tuple[str, str]]:
        """Return the number of units and of bands."""
        units = f"{len(self.assessment.rows)}"
        return [(tr("duty.score.units"), units), (tr("duty.score.bands"), f"{self.bands}")]

    def map_view(self) -> MapView | None:
        """Return the units coloured by their score."""
        from gridmap.maps import value_theme
        from gridmap.measure.pieces import ground_of

        values = np.full(len(self.measured.ids), np.nan)
        values[self.assessment.rows["row"].to_numpy()] = self.assessment.rows["band"]
        theme = value_theme("band", tr("duty.score.band"), values, colours="purple")
        return MapView(cells=ground_of(self.city, self.options.by), themes=(theme,))


def _label(goal: Goal) -> str:
    keys = (f"duty.measure.{goal.measure}", f"field.{goal.measure}")
    label = next((tr(key) for key in keys if has_key(key)), goal.measure)
    return (
        label if goal.name == goal.measure else tr("duty.score.named", name=goal.name, label=label)
    )


def _digits(value: float) -> float:
    return round(value, 3 if abs(value) < 1 else 2 if abs(value) < 100 else 0)


def _differ_by_chance(values: Floats, estimates: Floats) -> bool:
    """Return whether units differ in what was observed, and not once chance is taken out."""
    known = np.isfinite(values)
    return len(set(values[known])) > 1 and np.allclose(estimates[known], estimates[known][0])


@verb(AssessOptions)
def assess(city: City, options: AssessOptions) -> AssessResult:
    """Rank beats, stations or communities by the indicators of ``score.toml``.

    Rates and shares are shrunk towards the common level by empirical Bayes (Marshall 1991), so
    that a small beat neither wins nor loses by chance; each indicator is standardised by the
    spread between units and weighted. The uncertain values are drawn 4,000 times: a unit starts a
    new band if it is worse than the band's first in 95 % of the draws.

    Returns
    -------
    AssessResult
        Units, never persons; 定期排名通报 as a table.

    Raises
    ------
    MissingError
        If there are no such units, or nothing that is asked can be measured.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=3000)
    >>> result = gridmap.assess(city, by="station")
    >>> sorted(result.to_frame()["rank"]) == list(range(1, 7))
    True
    """
    from gridmap.patrol.score import assess_units, measure_goals, read_goals

    measured = measure_goals(
        city, options.by, _goals(options.goals, "goals") or read_goals(),
        since=options.since or None, until=end_of(options.until),
    )  # fmt: skip
    notes = []
    if measured.missing:
        names = tr("api.join").join(_label(goal) for goal in measured.missing)
        notes.append(tr("duty.score.missing", names=names))
    assessment = assess_units(measured.indicators)
    even = [
        _label(goal)
        for goal, indicator, column in zip(
            measured.goals, measured.indicators, assessment.estimates.T, strict=True
        )
        if _differ_by_chance(indicator.values, column)
    ]
    if even:
        notes.append(tr("duty.score.even", names=tr("api.join").join(even)))
    return AssessResult(
        city=city, options=options, measured=measured, assessment=assessment, notes=tuple(notes)
    )
