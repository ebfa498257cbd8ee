"""Tables by grid, beat, station and community, of staff, and of whom rooms and networks reach."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridmap.i18n import tr
from gridmap.measure import HotSpots, MeasureTable, rank, staff_needed
from gridmap.measure.counted import COUNTS
from gridmap.measure.hotspots import windows
from gridmap.measure.period import Basis, compared_periods
from gridmap.measure.pieces import By
from gridmap.model import City, Kind, Plan
from gridmap.plans import plan_layer
from gridmap.report.measured import CountChange, CountHistory, LevelHistory, Measured, told_apart
from gridmap.report.suppression import Hiding
from gridmap.report.tables import (
    HIDDEN,
    SLIVER,
    Chart,
    Format,
    Ratio,
    Table,
    TableBuilder,
    column,
    in_mood,
    shown,
)
from gridmap.typing import Bools, Floats

#: Which hidden counts would be known from a figure.
_TOLD_BY = {
    "residents_per_km2": ("residents",),
    "incidents_per_km2": ("incidents",),
    "incidents_per_1000_residents": ("residents", "incidents"),
    "covered_residents_share": ("covered_residents", "residents"),
    "covered_residents": ("covered_residents",),
    "outside_residents": ("covered_residents", "residents"),
    "officers_lacking": ("residents", "migrants"),
    "per_day_now": ("incidents",),
    "rank": ("incidents",),
}
_RATIOS = {
    "residents_per_km2": Ratio("residents", "area_km2"),
    "incidents_per_km2": Ratio("incidents", "area_km2"),
    "incidents_per_1000_residents": Ratio("incidents", "residents", 1000.0),
    "covered_residents_share": Ratio("covered_residents", "residents"),
}
TITLES = {"grid": "grids", "beat": "beats", "station": "stations", "community": "communities"}
ENOUGH = 5.0  # incidents in both periods below which a share of change says nothing


def area_table(
    measured: Measured,
    hiding: Hiding,
    level: By,
    *,
    hot: HotSpots | None = None,
    history: CountHistory | None = None,
) -> Table:
    """Return the table of every grid, beat, station or community.

    Workbook, files and the printed report show columns of this one table.

    Parameters
    ----------
    measured, hiding
        The figures, and which are hidden.
    level
        What stands in its rows.
    hot
        Hot and cold grids, for the table of grids.
    history
        Other periods, of which beats and stations get columns.
    """
    found = measured.now[level]
    rows = with_covered(found.rows).reset_index(drop=True)
    totals = with_covered(pd.DataFrame([found.totals])).iloc[0].to_dict()
    made = TableBuilder(len(rows))
    made.add(column("id", "text"), rows["id"].astype(str), tr("report.total"))
    if (rows["id"].astype(str) != rows["name"].astype(str)).any():
        made.add(column("name", "text"), rows["name"].astype(str))
    for key, words in parents_of(measured, level).items():
        made.add(column(key, "text"), words)
    of = None if history is None else history.levels.get(level)
    for key, form in _figures(found, hiding, level):
        told = _TOLD_BY.get(key, (key,))
        mask = np.any([hiding.of(level, name, len(rows)) for name in told], axis=0)
        if level == "grid" and key == "covered_residents_share":
            mask = None  # geometry: it tells nothing about anybody
        bar = key in {"incidents", "outside_residents"}
        made.add(
            column(key, form, bar=bar, ratio=_RATIOS.get(key)),
            rounded(rows[key].to_numpy(dtype=float), form, hiding),
            float(rounded(np.array([totals[key]]), form, hiding)[0]),
            hidden=mask,
            dark=any(hiding.one("city", name) for name in told),
            outside=found.unassigned.get(key),
        )
        if key == "incidents" and history is not None and of is not None:
            past = {basis: np.array([change.before for change in changes], dtype=float)
                    for basis, changes in of.changes.items()}  # fmt: skip
            add_changes(made, hiding, history, of, past,
                        hiding.of(level, "incidents", len(rows), when="before"))  # fmt: skip
    _add_lacking(made, measured, hiding, level)
    counted = "incidents" in made.rows
    if counted and level in {"beat", "station"}:
        places = rank(made.rows["incidents"], np.arange(len(rows))).sort_values("id")["rank"]
        made.add(column("rank", adds=False), places.astype(float), hidden=made.hidden["incidents"])
    if level == "grid" and hot is not None:
        made.add(column("hot_spot", "text"), _hot_words(hot))
    order = np.arange(len(rows))
    if level != "grid":  # those keep the order of their layer, as maps take their numbers
        order = np.array(_order(made), dtype=np.int64)
    notes = _notes(made, found, hiding, level)
    if of is not None and history is not None:
        notes += change_notes(history)
    drawn = next((key for key in ("incidents", "residents") if key in made.rows), "")
    named = "name" if "name" in made.rows else "id"
    charts: tuple[Chart, ...] = ()
    if drawn and level != "grid":
        charts = (Chart("bar", tr(f"report.chart.{drawn}"), named, (drawn,)),)
    weeks = None
    if of is not None and not hiding.limit and of.weeks.shape[1] > 3:
        weeks = of.weeks[order]
    return made.table(TITLES[level], order=order, notes=tuple(notes), charts=charts, weeks=weeks)


def _hot_words(hot: HotSpots) -> npt.NDArray[np.object_]:
    """Return whether each grid is hot or cold, and which became hot or hotter, in words."""
    names = {kind: tr(f"maps.hot.{kind}") for kind in ("hot", "cold")} | {"hidden": HIDDEN}
    words = np.array([names.get(str(kind), "") for kind in hot.kind], dtype=object)
    if hot.change is not None:
        words[hot.change == "emerging"] = tr("briefing.map.hot_new")
        words[hot.change == "growing"] = tr("briefing.map.hot_grown")
    return words


def _figures(found: MeasureTable, hiding: Hiding, level: By) -> list[tuple[str, Format]]:
    """Return the figures that somebody counted, and how they are written."""
    lived_in, counted = (name not in found.missing for name in ("residents", "incidents"))
    figures: list[tuple[str, Format]] = [("incidents", "count")] if counted else []
    figures += [(name, "count") for name in COUNTS if name not in found.missing]
    figures.append(("area_km2", "fine"))
    figures += [("residents_per_km2", "count")] if lived_in else []
    figures += [("incidents_per_km2", "decimal")] if counted else []
    figures += [("incidents_per_1000_residents", "decimal")] if lived_in and counted else []
    if lived_in and np.isfinite(found.totals["covered_residents_share"]):
        # Small numbers of people within reach are hidden where they are cells of their own.
        told = not hiding.limit or (level, "covered_residents", "now") in hiding.masks
        if told and level != "grid":
            figures += [("covered_residents", "count"), ("outside_residents", "count")]
        figures.append(("covered_residents_share", "share"))
    return figures


def add_changes(
    made: TableBuilder,
    hiding: Hiding,
    history: CountHistory,
    of: LevelHistory,
    past: Mapping[Basis, Floats],
    dim: Bools,
) -> None:
    """Add daily rates, the counts of other periods, changes and marks to a table.

    Parameters
    ----------
    made
        The table being made; ``incidents`` is among its columns.
    hiding, history, of
        What is hidden, the other periods, and the changes of the rows. Rows that these do
        not know (incidents without a category) stand at the end.
    past
        Counts of all rows in each other period.
    dim
        Rows whose count of the other period is hidden.
    """
    city, extra = history.city, made.size - len(of.names)
    before_dark = hiding.one("city", "incidents", when="before")
    daily = Ratio("incidents", "", 1.0 / history.period.days)
    made.add_ratio(column("per_day_now", "decimal", ratio=daily))
    if of.year_to_date is not None and not hiding.limit:
        so_far = np.append(of.year_to_date.astype(float), np.full(extra, np.nan))
        assert city.year_to_date is not None  # noqa: S101 - known of all levels or of none
        year = compared_periods(history.period, "ytd").now.label()
        item = column("incidents_ytd", period=year, of="incidents")
        made.add(item, so_far, float(city.year_to_date[0]))
    for each in history.compared:
        basis, over = each.basis.replace("-", "_"), "incidents"
        if each.basis == "ytd":
            over = "incidents_ytd" if "incidents_ytd" in made.rows else "incidents"
            if over == "incidents" and each.now.first != history.period.first:
                continue
        key, past_label = f"incidents_before_{basis}", each.before.label()
        label = tr("report.column.incidents_of", period=past_label)
        whole = float(city.changes[each.basis][0].before)
        item = column(key, label=label, period=past_label, of="incidents")
        made.add(item, past[each.basis], whole, hidden=dim, dark=before_dark)
        earlier = Ratio(key, "", 1.0 / each.before.days)
        if each.basis == history.basis:
            made.add_ratio(column("per_day_before", "decimal", ratio=earlier, period=past_label,
                                  of="per_day_now"))  # fmt: skip
        ratio = Ratio(over, key, each.before.days / each.now.days, 1.0, ENOUGH)
        made.add_ratio(column(f"change_{basis}", "change", ratio=ratio))
    if history.basis is not None:
        signs = {1: "▲", -1: "▼", 0: ""}
        marks = [signs[change.mark] for change in of.changes[history.basis]] + [""] * extra
        dark = "incidents" in made.dark or before_dark
        made.add(column("mark", "text"), marks, signs[city.changes[history.basis][0].mark],
                 hidden=made.hidden["incidents"] | dim, dark=dark)  # fmt: skip


def change_notes(history: CountHistory) -> list[str]:
    """Return what changes and marks mean: from which history, or that Poisson was assumed."""
    weeks = history.judged_weeks
    how = tr("report.note.dispersion", weeks=weeks) if weeks else tr("report.note.poisson")
    first = history.period.first
    same = (
        [tr("report.note.ytd")] if first is not None and (first.month, first.day) == (1, 1) else []
    )
    judged = [tr("report.note.change"), tr("report.note.chance") + how]
    return same + (judged if history.compared else [])


def _add_lacking(made: TableBuilder, measured: Measured, hiding: Hiding, level: By) -> None:
    """Add the officers that each beat or station lacks, where that is known."""
    lacking = lacking_by_beat(measured) if level in {"beat", "station"} else None
    if lacking is None:
        return
    size = len(lacking)
    dark = hiding.of("beat", "residents", size) | hiding.of("beat", "migrants", size)
    if dark.any():
        return  # what the norms ask would tell the people of the beats that are hidden
    if level == "station":
        of = stations_of_beats(measured)
        names = measured.now["station"].rows["name"].astype(str)
        lacking = np.array([float(lacking[of == name].sum()) for name in names])
    made.add(column("officers_lacking"), lacking, float(lacking.sum()))


def _order(made: TableBuilder) -> list[int]:
    """Return the order of rows: by the station they belong to, then by id."""
    ids = made.rows["id"].tolist()
    parents = made.rows.get("parent_station", np.array([""] * len(ids), dtype=object)).tolist()
    firsts: dict[str, tuple[tuple[int, int, str], ...]] = {}
    for key, station in zip(ids, parents, strict=True):
        mine = natural_key(key)
        firsts[station] = min(firsts.get(station, mine), mine)
    return sorted(
        range(len(ids)),
        key=lambda row: (firsts[parents[row]], parents[row], natural_key(ids[row])),
    )


def parents_of(measured: Measured, level: By) -> dict[str, npt.NDArray[np.object_]]:
    """Return the names of the beat, station and community that each row belongs to."""
    city, plan = measured.city, measured.plan
    layer = city.get(Kind(level))
    size = len(measured.now[level].rows)
    found: dict[str, npt.NDArray[np.object_]] = {}
    for kind in (Kind.BEAT, Kind.STATION, Kind.COMMUNITY):
        if level == "beat" and kind == Kind.STATION:
            words = stations_of_beats(measured)
        elif plan is not None and level == "grid" and kind == Kind.BEAT:
            labels = np.array([*(beat.label for beat in plan.beats), ""], dtype=object)
            words = labels[plan.assignment]
        elif plan is not None and level == "grid" and kind == Kind.STATION:
            words = stations_of_grids(city, plan)
        elif layer is not None and len(layer) == size and layer.has(str(kind)):
            words = _named(city, kind, layer.texts(str(kind)))
        else:
            continue
        if len(words) == size and any(words):
            found[f"parent_{kind}"] = words
    return found


@dataclass(frozen=True, slots=True)
class NewHotSpot:
    """A place that became hot since the period before, or grew: a grid and its neighbours.

    Attributes
    ----------
    kind
        ``emerging`` or ``growing``, as `gridmap.measure.changed_hot_spots` has it.
    row
        Row of the grid in the middle.
    name
        The grid's name, with its beat's where that is known.
    before
        Name of the period before.
    change
        Incidents of the grid and its neighbours together in both periods.
    """

    kind: str
    row: int
    name: str
    before: str
    change: CountChange


def new_hot_spots(measured: Measured, hot: HotSpots) -> list[NewHotSpot]:
    """Return the places that became hot or hotter since the period before.

    New ones come first, of each kind the most surprising. What is judged is a grid with its
    neighbours; of those that overlap only the first is a place, so that none is told twice.
    """
    compared, period = measured.compared, measured.period
    if hot.change is None or hot.before is None or hot.change_p is None or compared is None:
        return []
    near = windows(measured.city.adjacency)
    names = measured.now["grid"].rows["name"].astype(str).to_numpy()
    beats = parents_of(measured, "grid").get("parent_beat", [""] * len(names))
    rows = np.flatnonzero(np.isin(hot.change, ("emerging", "growing")))
    more = hot.observed / period.days - hot.before / compared.days
    order = np.lexsort((-more[rows], hot.change_p[rows], hot.change[rows] == "growing"))
    taken = np.zeros(len(names), bool)
    found = []
    for row in rows[order].tolist():
        window = near[[row]].indices
        if taken[window].any():
            continue
        taken[window] = True
        now, before = int(hot.observed[row]), int(hot.before[row])
        daily, usual = now / period.days, before / compared.days
        share = daily / usual - 1.0 if before else float("nan")
        change = CountChange(now, before, daily, usual, share, float(hot.change_p[row]), "up")
        key = "in_beat" if beats[row] else "alone"
        place = tr(f"briefing.hot.{key}", name=names[row], beat=beats[row])
        found.append(NewHotSpot(str(hot.change[row]), row, place, compared.label(), change))
    return found


def _named(city: City, kind: Kind, words: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Return the names of areas that texts call by their ids; other texts stay."""
    layer = city.get(kind)
    if layer is None:
        return words
    ids = layer.ids.astype(str)
    names = dict(zip(ids, told_apart(layer.names, ids), strict=True))
    # Beats of station 3 may say that they are of station 03.
    plain = [str(word) if str(word) in names else str(word).lstrip("0") for word in words]
    return np.array(
        [names.get(key, str(word)) for key, word in zip(plain, words, strict=True)], dtype=object
    )


def stations_of_beats(measured: Measured) -> npt.NDArray[np.object_]:
    """Return the name of each beat's station; blank where none is known.

    The plan's or the layer's own word counts; without one the station that holds a point
    inside the beat.
    """
    city, plan, size = measured.city, measured.plan, len(measured.now["beat"].rows)
    stations, layer = city.get(Kind.STATION), city.get(Kind.BEAT)
    words = np.array([""] * size, dtype=object)
    if plan is not None:
        words = np.array([beat.station for beat in plan.beats], dtype=object)
    elif layer is not None and layer.has("station") and len(layer) == size:
        words = layer.texts("station")
    if stations is None:
        return words
    words = _named(city, Kind.STATION, words)
    blank = np.flatnonzero(words == "")
    if plan is not None and len(blank):
        layer = plan_layer(plan, city.grids, gap_m=city.presets.gap_m)
    if len(blank) and layer is not None and len(layer) == size:
        points = shapely.point_on_surface(layer.geometry[blank])
        inside, station = shapely.STRtree(stations.geometry).query(points, predicate="within")
        words[blank[inside]] = stations.names.astype(str)[station]
    return words


def stations_of_grids(city: City, plan: Plan) -> npt.NDArray[np.object_]:
    """Return the name of each grid's station under a plan; blank where none is known.

    Its beat's station, by which the tables of stations count too; the grids' own where no
    beat of the plan has one.
    """
    words = np.array([*(beat.station for beat in plan.beats), ""], dtype=object)[plan.assignment]
    return _named(city, Kind.STATION, words if any(words) else city.grids.texts("station"))


def rounded(values: Floats, form: Format, hiding: Hiding) -> Floats:
    """Return numbers with no more digits than are shown, where small ones are hidden.

    Digits behind the point of a count that was shared out would tell the counts it is of.
    """
    digits = {"share": 3, "decimal": 1, "fine": 2}.get(form, 0)
    return np.round(values, digits) if hiding.limit else values


def with_covered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the residents within and out of reach of a room."""
    # Nobody lives where there are no residents: none is covered, none is not.
    share = np.where(rows["residents"] > 0, rows["covered_residents_share"], 0.0)
    covered = rows["residents"] * share
    return rows.assign(covered_residents=covered, outside_residents=rows["residents"] - covered)


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts numbers within texts by their size: 2 before 10."""
    return tuple(
        (0, len(part.lstrip("0")), part.lstrip("0")) if part[0] in "0123456789" else (1, 0, part)
        for part in re.split(r"([0-9]+)", text)
        if part
    )


def outside_note(table: Table | TableBuilder, hiding: Hiding, level: By) -> str:
    """Return what lies in no row though the total counts it; blank for nothing.

    Slivers of ground, under a thousandth of the whole, are not worth a word.
    """
    parts = []
    for name in ("area_km2", "residents", "incidents"):
        ground = name == "area_km2"
        dark = hiding.one(f"outside-{level}", name)
        more = table.outside.get(name, 0.0)
        text = shown(more, "fine" if ground else "count", hidden=dark)
        sliver = ground and more < SLIVER * (table.total or {})[name]
        if not sliver and text != "0":
            parts.append(tr(f"report.outside.{name}", count=text))
    return tr(f"report.note.outside_{level}", what=tr("api.join").join(parts)) if parts else ""


def _notes(made: TableBuilder, found: MeasureTable, hiding: Hiding, level: By) -> list[str]:
    notes = [note for note in [outside_note(made, hiding, level)] if note]
    if found.split_grids:
        if "residents" not in found.missing:
            notes.append(tr("report.note.split", count=found.split_grids))
        if np.isfinite(found.whole_share) and not hiding.limit:
            notes.append(tr("report.note.whole", share=found.whole_share))
    if hiding.limit:
        notes.append(tr("report.note.hidden", limit=hiding.limit, mark=HIDDEN))
    return notes


def room_load_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return each room's people beside its officers, the most per officer first."""
    reach, missing = measured.reach, next(iter(measured.now.values())).missing
    if reach is None or "residents" in missing:
        return None
    rows = reach.rooms
    made = TableBuilder(len(rows))
    made.add(column("id", "text"), rows["id"], tr("report.total"))
    made.add(column("name", "text"), rows["name"])
    layer = measured.city.rooms
    if measured.plan is not None:
        made.add(column("parent_beat", "text"), _beats_at(measured.city, measured.plan))
    elif layer.has("beat") and len(layer) == len(rows):
        words = _named(measured.city, Kind.BEAT, layer.texts("beat"))
        made.add(column("parent_beat", "text"), words)
    names = ["residents"]
    if "incidents" not in missing and not hiding.limit:
        names.append("incidents")  # sums of parts of grids would tell hidden counts
    for name in names:
        item = column(name, label=tr(f"report.column.nearest_{name}"), bar=name == "residents")
        values = rounded(rows[name].to_numpy(dtype=float), "count", hiding)
        if name == "incidents":  # parts of grids to whole incidents; the sum stays
            values = np.diff(np.round(np.cumsum(values)), prepend=0.0)
        made.add(item, values, float(rows[name].sum()), hidden=hiding.of("room", name, len(rows)),
                 dark=hiding.one("rooms", name))  # fmt: skip
    for name in ("officers", "auxiliaries"):
        if rows[name].any():
            made.add(column(name), rows[name], float(rows[name].sum()))
    first = "residents"
    if "officers" in made.rows:
        first = "residents_per_officer"
        each = Ratio("residents", "officers")
        made.add_ratio(column(first, bar=True, ratio=each))
        made.rows[first] = rounded(made.rows[first], "count", hiding)
    order = pd.Series(made.rows[first]).sort_values(ascending=False, kind="stable").index
    return made.table(
        "rooms",
        order=order.to_numpy(),
        notes=(tr("report.note.rooms"),),
        charts=(Chart("bar", tr("report.chart.rooms"), "name", (first,)),),
    )


def _beats_at(city: City, plan: Plan) -> npt.NDArray[np.object_]:
    """Return the plan's beat on whose ground each room stands; blank for none."""
    spots = shapely.points(city.room_xy)
    rooms, grids = shapely.STRtree(city.grids.geometry).query(spots, predicate="intersects")
    labels = np.array([*(beat.label for beat in plan.beats), ""], dtype=object)
    words = np.full(len(spots), "", dtype=object)
    words[rooms] = labels[plan.assignment[grids]]
    return words


def network_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return what each network of facilities covers: 村警、监控、消防、服务."""
    reach, city = measured.reach, measured.city
    if reach is None or not reach.networks:
        return None
    if "residents" in next(iter(measured.now.values())).missing:
        return None
    residents, names = city.grids.counts("residents"), list(reach.networks)
    covered = np.array([float(residents @ reach.networks[name]) for name in names])
    everyone = float(residents.sum())
    dark = np.array([hiding.one("network", name) for name in names])
    rest = dark | hiding.one("city", "residents")
    made = TableBuilder(len(names))
    made.add(column("network", "text"), names)
    made.add(column("facilities"), [float(reach.facilities[name]) for name in names])
    made.add(column("covered_residents"), rounded(covered, "count", hiding), hidden=dark)
    made.add(column("outside_residents", bar=True), rounded(everyone - covered, "count", hiding),
             hidden=rest)  # fmt: skip
    made.add(column("covered_residents_share", "share"),
             rounded(covered / max(everyone, 1.0), "share", hiding), hidden=rest)  # fmt: skip
    share = ("covered_residents_share",)
    return made.table(
        "networks",
        totals=False,
        notes=(tr("report.note.networks", radius=city.presets.room_radius_m),),
        charts=(Chart("bar", tr("report.chart.networks"), "network", share),),
    )


def _staff(measured: Measured) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return each beat's people and staff, and what the norms ask; None where not known."""
    found = measured.now.get("beat")
    if found is None or "residents" in found.missing:
        return None
    if measured.plan is not None:
        staff = {name: np.array([getattr(beat, name) for beat in measured.plan.beats], dtype=float)
                 for name in ("officers", "auxiliaries")}  # fmt: skip
        if not staff["officers"].any():
            return None
    else:
        beats = measured.city.get(Kind.BEAT)
        if beats is None or not beats.has("officers"):
            return None
        staff = {name: beats.counts(name) for name in ("officers", "auxiliaries")}
    people = found.rows[["residents", "migrants"]].assign(**staff)
    return people, staff_needed(people, rules=measured.rules)


def unplaced_staff(measured: Measured) -> dict[str, int]:
    """Return the officers and auxiliaries in post today to whom a plan gives no beat."""
    plan, present = measured.plan, measured.present
    if plan is None or present is None:
        return {"officers": 0, "auxiliaries": 0}
    return {
        name: max(int(sum(getattr(beat, name) for beat in present.beats)
                      - sum(getattr(beat, name) for beat in plan.beats)), 0)
        for name in ("officers", "auxiliaries")
    }  # fmt: skip


def staffing_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return each beat's officers beside the people they look after."""
    staff = _staff(measured)
    if staff is None:
        return None
    people, needs = staff
    rows = measured.now["beat"].rows[["id", "name"]].astype(str)
    of, size = stations_of_beats(measured), len(rows)
    dark = hiding.of("beat", "residents", size) | hiding.of("beat", "migrants", size)
    secret = bool(dark.any())  # the sums would tell what the rows hide
    known = {norm.id: norm.name for norm in measured.rules}
    norms = [known.get(norm, "") for norm in needs["officers_norm"]]
    unplaced = unplaced_staff(measured)
    if any(unplaced.values()):  # a row of their own, so that nobody in post is lost
        nobody = {"id": "", "name": tr("report.staff.unplaced")}
        rows = pd.concat([rows, pd.DataFrame([nobody])], ignore_index=True)
        people = pd.concat([people, pd.DataFrame([unplaced])], ignore_index=True).fillna(0.0)
        needs = needs.reset_index(drop=True).reindex(range(size + 1))  # the norms ask for nobody
        of, dark, norms = np.append(of, ""), np.append(dark, False), [*norms, ""]
    made = TableBuilder(len(rows))
    made.add(column("id", "text"), rows["id"], tr("report.total"))
    made.add(column("name", "text"), rows["name"])
    if any(of):
        made.add(column("parent_station", "text"), of)
    everyone = people["residents"] + people["migrants"]
    made.add(column("people"), everyone, float(everyone.sum()), hidden=dark, dark=secret)
    for who in ("officers", "auxiliaries"):
        there = people[who].to_numpy(dtype=float)
        needed = np.nan_to_num(needs[f"{who}_needed"].to_numpy(dtype=float))
        made.add(column(who), there, float(there.sum()))
        for name, values in (
            ("needed", needed),
            ("lacking", np.maximum(needed - there, 0.0)),
            ("surplus", np.maximum(there - needed, 0.0)),
        ):
            made.add(column(f"{who}_{name}", bar=name == "lacking"), values, float(values.sum()),
                     hidden=dark, dark=secret)  # fmt: skip
    made.add(column("officers_norm", "text"), norms, hidden=dark)
    worst = pd.Series(made.rows["officers_lacking"]).sort_values(ascending=False, kind="stable")
    drawn = ("officers_lacking", "auxiliaries_lacking")
    return made.table(
        "staffing",
        order=worst.index.to_numpy(),
        notes=(*staff_sentences(measured, hiding), tr("report.note.staffing")),
        charts=(Chart("bar", tr("report.chart.lacking"), "name", drawn),),
    )


@dataclass(frozen=True, slots=True)
class StaffBalance:
    """Staff: ``needed - present == lacking - surplus - unplaced`` holds for each kind.

    Attributes
    ----------
    needed, present
        What the norms ask of all beats together, and who is in post.
    lacking, surplus
        The sums of what single beats lack, and of what single beats have too many.
    unplaced
        Those of ``present`` to whom a plan gives no beat.
    """

    needed: int
    present: int
    lacking: int
    surplus: int
    unplaced: int

    @property
    def net(self) -> int:
        """Who is missing after beats have exchanged; negative where there are too many."""
        return self.needed - self.present


def staff_balance(measured: Measured) -> dict[str, StaffBalance]:
    """Return the balance of officers and auxiliaries; empty where no beat has officers."""
    staff = _staff(measured)
    if staff is None:
        return {}
    people, needs = staff
    balances = {}
    for name, unplaced in unplaced_staff(measured).items():
        needed = needs[f"{name}_needed"].to_numpy(dtype=float)
        there = people[name].to_numpy(dtype=float)
        balances[name] = StaffBalance(
            int(needed.sum()),
            int(there.sum()) + unplaced,
            int(np.maximum(needed - there, 0.0).sum()),
            int(np.maximum(there - needed, 0.0).sum()),
            unplaced,
        )
    return balances


def staff_sentences(measured: Measured, hiding: Hiding) -> tuple[str, ...]:
    """Return how staff adds up, and how the staff of rooms and beats hangs together."""
    lines = []
    found = measured.now.get("beat")
    hidden = found is not None and any(
        hiding.of("beat", name, len(found.rows)).any() for name in ("residents", "migrants")
    )
    for name, sums in staff_balance(measured).items():
        if hidden:
            continue  # needed and lacking would tell the people of the beats that are hidden
        which = "over" if sums.net < 0 else "short" if sums.net else "even"
        lines.append(
            tr(
                in_mood(f"briefing.staff.balance_{which}", conditional=measured.plan is not None),
                who=tr(f"report.staff.{name}"),
                needed=sums.needed,
                present=sums.present,
                lacking=sums.lacking,
                surplus=sums.surplus,
                unplaced=sums.unplaced,
                net=abs(sums.net),
            )
        )
    lines += _rooms_and_beats(measured)
    return tuple(lines)


def _rooms_and_beats(measured: Measured) -> list[str]:
    """Say why the staff of rooms and that of beats differ, where both are known."""
    rooms, beats = measured.city.get(Kind.ROOM), measured.city.get(Kind.BEAT)
    if rooms is None or not rooms.has("officers") or measured.plan is not None:
        return []
    if beats is None or not beats.has("officers"):
        return []
    staff = beats.counts("officers")
    of_beats, of_rooms = int(staff.sum()), int(rooms.counts("officers").sum())
    if not of_rooms:
        return []
    if of_beats == of_rooms:
        return [tr("report.staff.rooms_equal", officers=of_rooms)]
    known = {key: row for row, key in enumerate(beats.ids.astype(str))}
    places = [known.get(text, -1) for text in rooms.texts("beat")] if rooms.has("beat") else []
    without = np.ones(len(beats), dtype=bool)
    without[[place for place in places if place >= 0]] = False
    roomless = int(staff[without].sum())
    rest = of_beats - of_rooms - roomless
    parts = []
    if places and roomless:
        parts.append(tr("report.staff.roomless", count=int(without.sum()), officers=roomless))
    if rest or not parts:
        side = "beats" if rest >= 0 else "rooms"
        parts.append(tr(f"report.staff.more_in_{side}", officers=abs(rest)))
    return [
        tr(
            "report.staff.rooms_differ",
            beats=of_beats,
            rooms=of_rooms,
            difference=abs(of_beats - of_rooms),
            why=tr("report.sentence.comma").join(parts),
        )
    ]


def staff_shortest(measured: Measured) -> tuple[str, int, str]:
    """Return the beat that lacks most officers, how many, and the norm that asks for them."""
    staff = _staff(measured)
    if staff is None:
        return "", 0, ""
    lacking = staff[1]["officers_lacking"].to_numpy(dtype=float)
    row = int(lacking.argmax())
    known = {norm.id: norm.name for norm in measured.rules}
    names = measured.now["beat"].rows["name"]
    norm = known.get(str(staff[1]["officers_norm"].iloc[row]), "")
    return str(names.iloc[row]), int(lacking[row]), norm


def lacking_by_beat(measured: Measured) -> Floats | None:
    """Return the officers that each beat lacks by the norms, or None where that is unknown."""
    staff = _staff(measured)
    return None if staff is None else staff[1]["officers_lacking"].to_numpy(dtype=float)
