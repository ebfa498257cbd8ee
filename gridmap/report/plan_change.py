"""A plan beside today: what gets better, what gets worse, what it costs, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd
import shapely

from gridmap.i18n import tr
from gridmap.measure import ON_SCENE_MIN, PlanResponse, tell_response
from gridmap.model import City, Kind, Plan
from gridmap.plans import BeatChange, BeatFigures, Comparison, plan_layer
from gridmap.report.area_tables import rounded, staff_balance, stations_of_grids, unplaced_staff
from gridmap.report.document import Figure, Grid
from gridmap.report.mapping import MapFigure, Marks, Outline, Shading, points_in
from gridmap.report.measured import Measured
from gridmap.report.suppression import Hiding
from gridmap.report.tables import Chart, Column, Format, Table, column, shown
from gridmap.typing import Ints

#: Figures of a beat by the hypercube model of response.
_RESPONSE = ("calls_per_day", "utilisation", "own_share")
#: Which hidden counts would be known from a figure of a beat.
_COUNTED = {"grids": (), "covered_share": ("covered_residents", "residents")}
#: Figures of a plan, whether more is better, and how they are written.
_FIGURES: tuple[tuple[str, int, Format], ...] = (
    ("residents_deviation", -1, "share"),
    ("incidents_deviation", -1, "share"),
    ("workload_deviation", -1, "share"),
    ("covered_share", 1, "share"),
    ("least_covered_share", 1, "share"),
    ("mean_compactness", 1, "fine"),
    ("pieces_max", -1, "count"),
    ("unassigned_grids", -1, "count"),
    ("empty_beats", -1, "count"),
    ("mean_response_min", -1, "decimal"),
    ("response_95_min", -1, "decimal"),
)


_FLOWS = 3  # pairs of stations named that ground goes between


@dataclass(frozen=True, slots=True)
class PlanFigure:
    """A figure of a plan beside today's.

    Parameters
    ----------
    key, label
        What it is.
    before, after
        Today's and the plan's, as people read them.
    side
        ``better``, ``worse`` or ``same``.
    change
        The plan's less today's.
    """

    key: str
    label: str
    before: str
    after: str
    side: Literal["better", "worse", "same"]
    change: float

    def sentence(self) -> str:
        """Return what becomes of it in the plan, without a full stop."""
        how = "same" if self.side == "same" else "up" if self.change > 0 else "down"
        name = tr("briefing.plan.named", label=self.label[:1].lower() + self.label[1:])
        return tr(f"briefing.plan.goes_{how}", name=name, before=self.before, after=self.after)


def effects_of(measured: Measured, hiding: Hiding) -> tuple[PlanFigure, ...]:
    """Return the figures of a plan beside today's, those that nobody counted left out."""
    made = measured.comparison
    if made is None:
        return ()
    missing = measured.now["beat"].missing
    sides = [asdict(made.before), asdict(made.after)]
    if measured.response is not None and not hiding.limit:
        for figures, answer in zip(sides, measured.response, strict=True):
            figures["mean_response_min"] = answer.response.mean_response_min
            figures["response_95_min"] = answer.response.response_95_min
    found = []
    for key, sign, form in _FIGURES:
        if key.startswith("residents") and "residents" in missing:
            continue
        if "covered" in key and "residents" in missing:
            continue
        if key.startswith("incidents") and "incidents" in missing:
            continue
        before, after = (float(figures.get(key, np.nan)) for figures in sides)
        if key == "empty_beats" and not before + after:
            continue
        if not (np.isfinite(before) and np.isfinite(after)):
            continue
        texts = shown(before, form), shown(after, form)
        side: Literal["better", "worse", "same"] = "same"
        if texts[0] != texts[1]:  # a verdict is on what is printed
            side = "better" if (after - before) * sign > 0 else "worse"
        found.append(PlanFigure(key, tr(f"briefing.plan.{key}"), *texts, side, after - before))
    return tuple(found)


def beats_ended(made: Comparison) -> list[BeatChange]:
    """Return the beats that hold ground today and none in a plan."""
    return [beat for beat in made.beats if _holds(beat.figures_before)
            and not _holds(beat.figures_after)]  # fmt: skip


def beats_made(made: Comparison) -> list[BeatChange]:
    """Return the beats that hold ground in a plan and none today."""
    return [beat for beat in made.beats if _holds(beat.figures_after)
            and not _holds(beat.figures_before)]  # fmt: skip


def _holds(figures: BeatFigures | None) -> bool:
    return figures is not None and figures.grids > 0


def ended_grid(measured: Measured) -> Grid | None:
    """Return the beats that a plan ends or makes, and where their grids go or come from."""
    made, today, plan = measured.comparison, measured.present, measured.plan
    if made is None or today is None or plan is None:
        return None
    missing = measured.now["beat"].missing
    counted = [name for name in ("residents", "incidents") if name not in missing]
    staffed = [name for name in ("officers", "auxiliaries")
               if any(getattr(beat, name) for beat in today.beats)]  # fmt: skip
    rows = []
    for change, ends in [*((one, True) for one in beats_ended(made)),
                         *((one, False) for one in beats_made(made))]:  # fmt: skip
        key, of = (change.before, today) if ends else (change.after, plan)
        beat = of.beats[of.row_of(key)]
        figures = change.figures_before if ends else change.figures_after
        if figures is None:
            continue
        flows = [
            (flow.after_label if ends else flow.before_label, flow)
            for flow in made.flows
            if key == (flow.before if ends else flow.after)
        ]
        told = [tr("briefing.document.ended_flow", name=label or tr("report.handover.none"),
                   count=len(flow.grids)) for label, flow in flows]  # fmt: skip
        rows.append(
            (
                beat.label,
                tr(f"briefing.document.ended_{'yes' if ends else 'no'}"),
                shown(figures.grids, "count"),
                *(shown(float(getattr(figures, name)), "count") for name in counted),
                *(shown(float(getattr(beat, name)), "count") for name in staffed),
                tr("briefing.and").join(told),
            )
        )
    if not rows:
        return None
    words = [tr(f"field.{name}") for name in (*counted, *staffed)]
    labels = (tr("field.name"), tr("briefing.document.ended_change"),
              tr("briefing.document.fact.grids"), *words,
              tr("briefing.document.ended_flows"))  # fmt: skip
    align = ("left", "center", *("right" for _ in range(1 + len(words))), "left")
    return Grid(labels, align, tuple(rows), tr("briefing.document.ended"))


def price_lines(measured: Measured, hiding: Hiding) -> list[str]:
    """Return what a plan costs: officers lacking, beats without officers, people who change."""
    made = measured.comparison
    if made is None or measured.plan is None:
        return []
    lines = [tr("briefing.plan.price_grids", grids=made.grids_moved)]
    ended, new = len(beats_ended(made)), len(beats_made(made))
    if ended or new:
        both = int(bool(ended and new))
        lines.insert(0, tr("briefing.plan.price_beats", ended=ended, made=new, both=both))
    missing = measured.now["beat"].missing
    if "residents" not in missing and not hiding.limit:
        lines.append(tr("briefing.plan.price_people", residents=made.residents_moved))
    moves = station_moves(measured)
    if moves:
        flows = [
            tr("briefing.plan.price_station", before=one.before, after=one.after,
               grids=len(one.rows))
            for one in moves[:_FLOWS]
        ]  # fmt: skip
        more = tr("briefing.plan.price_others") if len(moves) > len(flows) else ""
        lines.append(
            tr(
                "briefing.plan.price_stations",
                grids=sum(len(one.rows) for one in moves),
                people=int("residents" not in missing and not hiding.limit),
                residents=sum(one.residents for one in moves),
                flows=tr("briefing.and").join(flows) + more,
            )
        )
    if made.officers:
        lines.append(
            tr("briefing.plan.price_officers", kept=made.officers_kept, officers=made.officers)
        )
    staff = np.array([beat.officers for beat in measured.plan.beats], dtype=float)
    empty = int((staff == 0).sum())
    if staff.any() and empty:
        lines.append(tr("briefing.plan.price_empty", count=empty))
    unplaced = unplaced_staff(measured) if staff.any() else {}
    if any(unplaced.values()):
        lines.append(
            tr(
                "briefing.plan.price_unplaced",
                officers=unplaced["officers"],
                auxiliaries=unplaced["auxiliaries"],
                both=int(all(unplaced.values())),
            )
        )
    sums = None if hiding.limit else staff_balance(measured).get("officers")
    if sums is not None and sums.net > 0:
        lines.append(tr("briefing.plan.price_lacking", count=sums.net))
    elif sums is not None and sums.lacking:
        lines.append(tr("briefing.plan.price_exchange", count=sums.lacking))
    if not staff.any():
        lines.append(tr("briefing.plan.price_unstaffed"))
    return lines


@dataclass(frozen=True, slots=True)
class StationMove:
    """Ground that a plan gives from one station to another.

    Parameters
    ----------
    before, after
        Names of the stations.
    rows
        Rows of the grids.
    residents
        Who lives there.
    """

    before: str
    after: str
    rows: Ints
    residents: float


def station_moves(measured: Measured) -> tuple[StationMove, ...]:
    """Return the grids whose station a plan changes, the most residents first."""
    if measured.plan is None or measured.present is None:
        return ()
    city = measured.city
    before, after = (stations_of_grids(city, each) for each in (measured.present, measured.plan))
    residents = city.grids.counts("residents")
    groups: dict[tuple[str, str], list[int]] = {}
    for row in np.flatnonzero((before != after) & (before != "") & (after != "")).tolist():
        groups.setdefault((str(before[row]), str(after[row])), []).append(row)
    moves = [StationMove(*pair, np.array(rows, np.int64), float(residents[rows].sum()))
             for pair, rows in groups.items()]  # fmt: skip
    return tuple(sorted(moves, key=lambda one: (-one.residents, one.before, one.after)))


def plan_effect(effects: Sequence[PlanFigure]) -> PlanFigure | None:
    """Return the figure that tells a plan best: the worst deviation that it changes most."""
    return max(
        effects,
        key=lambda one: (one.side != "same", one.key.endswith("_deviation"), abs(one.change)),
        default=None,
    )


def effect_grid(effects: tuple[PlanFigure, ...]) -> Grid:
    """Return what gets better, worse and stays, in this order."""
    rows = [
        (effect.label, effect.before, effect.after, tr(f"briefing.plan.{effect.side}"))
        for side in ("better", "worse", "same")
        for effect in effects
        if effect.side == side
    ]
    names = ("figure", "before", "after", "verdict")
    labels = tuple(tr(f"briefing.plan.column_{name}") for name in names)
    return Grid(labels, ("left", "right", "right", "center"), tuple(rows),
                tr("briefing.plan.effects"), whole=True)  # fmt: skip


def plan_map(measured: Measured, plan: Plan, side: str, *, changed: Plan | None = None) -> Figure:
    """Return a map of a plan's beats, with the grids that change hands in colour."""
    city = measured.city
    beats = plan_layer(plan, city.grids, gap_m=city.presets.gap_m)
    # A plan that nobody has begun has no beats: the grids are shown then.
    ground = beats.geometry if len(beats) else city.grids.geometry
    shading = [Shading(ground, np.zeros(len(ground), np.int64), (("#eef2f6", ""),))]
    if changed is not None and measured.comparison:
        moved = set(measured.comparison.grid_table["grid"].astype(str))
        rows = np.array([str(key) in moved for key in city.grids.ids])
        if rows.any():
            shading.append(
                Shading(
                    city.grids.geometry[rows],
                    np.zeros(int(rows.sum()), np.int64),
                    (("#f0a860", tr("briefing.plan.moved_grids")),),
                )
            )
    spots = points_in(beats)
    labels = tuple((float(spots[n, 0]), float(spots[n, 1]), str(n + 1)) for n in range(len(beats)))
    lines = [Outline(beats.geometry, 0.6, "#41505f")]
    stations = city.get(Kind.STATION)
    if stations is not None:
        lines.append(Outline(stations.geometry, 1.2))
    marks = (Marks(city.room_xy, radius=1.2),) if city.has(Kind.ROOM) and len(city.rooms) else ()
    title = tr(f"briefing.plan.map_{side}", plan=plan.name)
    figure = MapFigure(f"plan_{side}", title, tuple(shading), tuple(lines), marks, (), labels,
                       beats.geometry, alt=title)  # fmt: skip
    return Figure(figure, title, title, key=f"plan_{side}")


def comparison_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return each beat today and in the plan."""
    made = measured.comparison
    if made is None or measured.present is None or measured.plan is None:
        return None
    old = {beat: row for row, beat in enumerate(measured.present.beat_ids)}
    new = {beat: row for row, beat in enumerate(measured.plan.beat_ids)}
    lines, masks = [], []
    for beat in made.beats:
        line: dict[str, object] = {"name": beat.label}
        mask: dict[str, bool] = {}
        for side, figures, level, row, size in (
            ("before", beat.figures_before, "present", old.get(beat.before, -1), len(old)),
            ("after", beat.figures_after, "beat", new.get(beat.after, -1), len(new)),
        ):
            for name in ("grids", "residents", "incidents", "covered_share"):
                key = f"{name}_{side}"
                line[key] = np.nan if figures is None else float(getattr(figures, name))
                counted = _COUNTED.get(name, (name,))
                mask[key] = row >= 0 and any(
                    bool(hiding.of(level, each, size)[row]) for each in counted
                )
        lines.append(line)
        masks.append(mask)
    rows, hidden = pd.DataFrame(lines), pd.DataFrame(masks)
    for key in hidden.columns:
        form: Format = "share" if key.startswith("covered") else "count"
        rows[key] = rounded(rows[key].to_numpy(dtype=float), form, hiding)
        rows.loc[hidden[key], key] = np.nan
    # A beat that is new has nothing to keep.
    rows["kept_share"] = [
        np.nan if beat.figures_before is None else beat.kept_share for beat in made.beats
    ]
    hidden["kept_share"] = hidden["residents_before"] | bool(hiding.limit)
    rows.loc[hidden["kept_share"], "kept_share"] = np.nan
    notes = [tr("report.note.comparison", old=made.old, new=made.new)]
    if measured.response is None:
        notes.append(tr("report.note.no_response"))
    columns = [column("name", "text")]
    missing = measured.now["beat"].missing
    for name in ("grids", "residents", "incidents", "covered_share"):
        if name in missing or (name == "covered_share" and "residents" in missing):
            continue
        form = "share" if name == "covered_share" else "count"
        label = tr("report.column.incidents_today") if name == "incidents" else ""
        now = column(f"{name}_before", form, label=label)
        columns += [now, column(f"{name}_after", form)]
    if not hiding.limit:
        columns.append(column("kept_share", "share", bar=True))
    order = _most_changed(rows, hidden)
    drawn = next(name for name in ("incidents", "residents", "grids") if name not in missing)
    return Table(
        "comparison",
        tr("report.sheet.comparison"),
        tuple(columns),
        rows.iloc[order].reset_index(drop=True),
        None,
        tuple(notes),
        (
            Chart(
                "bar", tr(f"report.chart.comparison_{drawn}"), "name",
                (f"{drawn}_before", f"{drawn}_after"),
            ),
        ),
        hidden.iloc[order].reset_index(drop=True),
    )  # fmt: skip


def handover_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return what each beat gives to which other; None where small counts are hidden."""
    made = measured.comparison
    if made is None or hiding.limit or not made.flows:
        return None
    city, missing = measured.city, measured.now["beat"].missing
    rooms = city.get(Kind.ROOM)
    place = {key: row for row, key in enumerate(city.grids.ids.astype(str))}
    posts = {beat.before: beat.officers for beat in made.beats if not beat.keeps_officers}
    stations = {city.grids.ids[row]: f"{move.before}\u2192{move.after}"
                for move in station_moves(measured) for row in move.rows}  # fmt: skip
    lines = []
    for flow in made.flows:
        line: dict[str, object] = {
            "from_beat": flow.before_label or tr("report.handover.none"),
            "to_beat": flow.after_label or tr("report.handover.none"),
            "grids": float(len(flow.grids)),
            "residents": flow.residents,
            "incidents": flow.incidents,
            "posts_lost": posts.pop(flow.before, 0.0),
            "station_change": stations.get(flow.grids[0], ""),  # that of the beats: of all alike
        }
        if rooms is not None and len(rooms):
            ground = city.grids.geometry[[place[str(key)] for key in flow.grids]]
            hit = shapely.STRtree(ground).query(
                shapely.points(city.room_xy), predicate="intersects"
            )
            line["rooms"] = tr("report.sentence.comma").join(
                rooms.names.astype(str)[np.unique(hit[0])]
            )
        line["listed"] = grid_names(city, [place[str(key)] for key in flow.grids])
        lines.append(line)
    columns = [column("from_beat", "text"), column("to_beat", "text"), column("grids")]
    columns += [column(name) for name in ("residents", "incidents") if name not in missing]
    columns += [column("posts_lost")] if made.officers else []
    columns += [column("station_change", "text")] if stations else []
    columns += [column("rooms", "text")] if "rooms" in lines[0] else []
    columns.append(column("listed", "text"))
    rows = pd.DataFrame(lines)
    total = {
        "from_beat": tr("report.total"),
        "to_beat": "",
        "station_change": "",
        "rooms": "",
        "listed": "",
    }
    counted = ("grids", "residents", "incidents", "posts_lost")
    sums = {name: float(rows[name].sum()) for name in counted}
    return Table(
        "handover",
        tr("report.sheet.handover"),
        tuple(columns),
        rows,
        total | sums,
        (tr("report.note.handover"),),
    )


def grid_names(city: City, rows: Sequence[int], *, most: int = 0) -> str:
    """Return the names of grids, those that begin with their community's name together.

    Parameters
    ----------
    city
        The city.
    rows
        Rows of the grids.
    most
        Name the first so many, and say how many more there are; all if 0.
    """
    of = community_names(city)
    groups: dict[str, list[str]] = {}
    for row in list(rows)[: most or None]:
        name, community = str(city.grids.names[row]), of[row]
        within = bool(community) and name.startswith(community) and name != community
        rest = name.removeprefix(community).lstrip(" ,-") if within else name
        groups.setdefault(community if within else "", []).append(rest)
    join = tr("briefing.and").join
    told = [
        tr("briefing.document.grouped", name=name, grids=join(rest)) if name else join(rest)
        for name, rest in groups.items()
    ]
    left = len(rows) - most if most else 0
    return join(told) + (tr("briefing.rows.more", count=left) if left > 0 else "")


def community_names(city: City) -> list[str]:
    """Return the name of each grid's community; blank where none is known."""
    if not city.grids.has("community"):
        return [""] * len(city.grids)
    layer = city.get(Kind.COMMUNITY)
    names = {} if layer is None else dict(
        zip(layer.ids.astype(str), layer.names.astype(str), strict=True)
    )  # fmt: skip
    return [names.get(word, word) for word in city.grids.texts("community").astype(str).tolist()]


def _most_changed(rows: pd.DataFrame, hidden: pd.DataFrame) -> np.ndarray:
    """Return the order of beats by how much changes, of what is shown, the most first."""
    change = np.zeros(len(rows))
    for name in ("residents", "incidents", "grids"):
        before, after = (
            rows[f"{name}_{side}"].fillna(0.0).to_numpy(dtype=float)
            for side in ("before", "after")
        )
        dark = hidden[f"{name}_before"] | hidden[f"{name}_after"]
        total = max(float(np.maximum(before, after).sum()), 1.0)
        change += np.where(dark, 0.0, np.abs(after - before) / total)
    return np.argsort(-change, kind="stable")


def response_table(
    comparison: Comparison, response: tuple[PlanResponse, PlanResponse], city: City
) -> Table:
    """Return calls, utilisation and own share of each beat today and in the plan."""
    sides = {}
    for side, made in zip(("before", "after"), response, strict=True):
        figures = made.beats.copy()
        figures.loc[figures["calls_per_day"] <= 0, ["utilisation", "own_share"]] = np.nan
        sides[side] = figures
    lines = []
    for beat in comparison.beats:
        line: dict[str, object] = {"name": beat.label}
        for side, key in (("before", beat.before), ("after", beat.after)):
            known = sides[side]
            for name in _RESPONSE:
                line[f"{name}_{side}"] = known[name].get(key, np.nan)
        lines.append(line)
    columns: list[Column] = [column("name", "text")]
    for name in _RESPONSE:
        form = "decimal" if name == "calls_per_day" else "share"
        columns += [
            column(f"{name}_before", form),  # type: ignore[arg-type] # one of the two
            column(f"{name}_after", form, bar=name == "utilisation"),  # type: ignore[arg-type] # the same
        ]
    rows = pd.DataFrame(lines)
    busiest = rows[["utilisation_after", "utilisation_before"]].fillna(-1.0)
    order = busiest.sort_values(list(busiest), ascending=False, kind="stable").index
    return Table(
        "response",
        tr("report.sheet.response"),
        tuple(columns),
        rows.loc[order].reset_index(drop=True),
        None,
        tuple(_response_notes(response, city)),
    )


def _response_notes(response: tuple[PlanResponse, PlanResponse], city: City) -> list[str]:
    """Return what the model says of the whole, and what it assumes."""
    way = "road" if city.has(Kind.ROAD) and len(city.layer(Kind.ROAD)) else "straight"
    return [
        tell_response(*response),
        tr("report.note.response_assumes", minutes=ON_SCENE_MIN, way=tr(f"report.way.{way}")),
    ]
