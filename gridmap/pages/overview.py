"""总览: the city at a glance, for a projector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from gridmap.api.measure import MeasureResult
from gridmap.errors import MissingError
from gridmap.i18n import tr
from gridmap.maps import Theme, choropleth, load_theme, unit_theme
from gridmap.maps.layers_of_city import share_change_theme
from gridmap.model import Kind, Plan
from gridmap.pages.cache import beat_weeks_of, slices_of
from gridmap.pages.ground import PageGround, read_ground
from gridmap.pages.layout import (
    NONE,
    Line,
    StripFigure,
    beat_noun,
    day_range,
    number,
    pick_period,
    show_empty,
    show_error,
    show_figures,
    show_lines,
    show_list,
)
from gridmap.pages.touch import show_map, touched
from gridmap.pages.watching import show_news
from gridmap.typing import Floats, Ints

_MAP = "map-overview"
_THEMES = ("residents_per_km2", "incidents_per_km2", "residents", "incidents")
_OF_BEATS = ("incidents", "residents", "covered_residents_share")
_TOLD = ("residents", "migrants", "incidents", "residents_per_km2", "incidents_per_km2")


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    if not ground.city.has(Kind.GRID):
        show_empty("no_grids")
        return
    grids = ground.table("grid")
    beats = ground.table("beat") if ground.plan else None
    _take(ground)
    show_figures(
        [item for item in _figures(ground, grids, beats) if item.value not in {NONE, "0"}]
    )
    map_side, side = st.columns([7, 3], gap="medium")
    with side:
        pick_period(ground.session, ground.city)
        show_card(ground, beats)
        _show_worst(ground, beats)
        show_news(ground)
        _show_health(grids, beats)
    with map_side:
        themes = _themes(ground, grids, beats)
        told = tuple(name for name in _TOLD if name.split("_per")[0] not in grids.table.missing)
        show_map(
            ground.scene(themes, columns=told, theme=themes[0].key if themes else ""),
            key=_MAP,
            height=680,
        )


def _take(ground: PageGround) -> None:
    """Look at the beat that was chosen on the map or in a list; again to leave it."""
    event, plan = touched(_MAP), ground.plan
    if event is None or plan is None or not event.grids:
        return
    session, row = ground.session, event.grids[0]
    if event.event == "unit":
        session.beat = str(plan.beat_ids[row]) if 0 <= row < len(plan) else ""
    else:
        beat = beat_at(plan, row)
        session.beat = "" if beat == session.beat else beat


def _themes(
    ground: PageGround, grids: MeasureResult, beats: MeasureResult | None
) -> tuple[Theme, ...]:
    """Return what the map may show: of each beat first, then of each grid."""
    themes: list[Theme] = []
    if beats is not None and ground.plan is not None:
        plan = ground.plan
        # Rows of the table in the order of the plan's beats.
        rows = beats.table.rows
        rows = rows.set_index(rows["id"].astype(str)).reindex(map(str, plan.beat_ids))
        off = deviation_of(rows)
        if off is not None:
            known = [name for name in _LOADS if rows[name].sum() > 0]
            note = "maps.load.note" if len(known) > 1 else f"maps.load.note_{known[0]}"
            themes.append(load_theme(np.nan_to_num(off), note=tr(note)))
        for name in _OF_BEATS:
            values = rows[name].to_numpy(dtype=float)
            if np.isfinite(values).any() and np.nansum(values) > 0:
                themes.append(choropleth(name, values, by="beat"))
        change = _change_by_beat(ground, rows["incidents"].to_numpy(dtype=float))
        themes += [] if change is None else [change]
        themes = [unit_theme(theme, plan.assignment) for theme in themes]
        themes.append(ground.beats(plan))
    themes += [
        choropleth(name, grids.table.rows[name].to_numpy(dtype=float))
        for name in _THEMES
        if name.split("_per")[0] not in grids.table.missing
    ]
    return tuple(themes)


def _change_by_beat(ground: PageGround, now: Floats) -> Theme | None:
    """Return the theme of each beat's change per day against the period before, if any."""
    days, counted = ground.days_before, ground.days
    if days is None or counted is None or ground.plan is None:
        return None
    rows = ground.table("beat", days).table.rows
    before = rows.set_index(rows["id"].astype(str))["incidents"]
    before = before.reindex(map(str, ground.plan.beat_ids)).to_numpy(dtype=float)
    length, length_now = ((last - first).days + 1 for first, last in (days, counted))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (now / length_now) / (before / length) - 1.0
    note = tr("maps.change.note", since=str(days[0]), until=str(days[1]))
    return share_change_theme(share, note=note)


def _figures(
    ground: PageGround, grids: MeasureResult, beats: MeasureResult | None
) -> list[StripFigure]:
    city, totals = ground.city, grids.table.totals
    count = 0 if beats is None else len(beats.table.rows)
    rooms = len(city.rooms) if city.has(Kind.ROOM) else 0
    radius = number(city.presets.room_radius_m)
    covered = totals["covered_residents_share"] * 100
    known = "residents" not in grids.table.missing
    residents = totals["residents"] if known else float("nan")
    plan = ground.plan
    # As Redraw tells: beats in no mean there, since plans are made of whole grids.
    empty = (
        0 if plan is None else len(plan) - len(np.unique(plan.assignment[plan.assignment >= 0]))
    )
    return [
        StripFigure(
            tr("page.figure.grids"),
            number(len(city.grids)),
            note=tr("page.figure.area", area=number(totals["area_km2"])),
        ),
        StripFigure(
            tr("maps.column.residents"),
            number(residents),
            tr("maps.unit.residents"),
            tr("page.figure.migrants", count=number(totals["migrants"]))
            if "migrants" not in grids.table.missing
            else "",
        ),
        StripFigure(
            tr("page.figure.beats"),
            number(count) if beats is not None else NONE,
            note=tr("page.join.pairs").join(
                tr(f"page.figure.{key}", count=number(value))
                for key, value in (("per_beat", residents / count), ("no_grid", empty))
                if value > 0
            )
            if count
            else "",
        ),
        StripFigure(
            tr("page.figure.rooms"),
            number(rooms),
            note=tr("page.figure.per_room", count=number(residents / rooms))
            if rooms and known
            else "",
        ),
        StripFigure(
            tr("maps.column.incidents"),
            number(totals["incidents"]),
            tr("page.figure.incidents"),
            _change(ground, totals["incidents"])
            or day_range(ground.session.since, ground.session.until, city),
        ),
        StripFigure(
            tr("page.figure.covered"),
            number(covered, 1),
            "%",
            tr("page.figure.radius", radius=radius),
        ),
    ]


def _change(ground: PageGround, now: float) -> str:
    """Return the change of incidents on the period before, or blank where there is none."""
    days = ground.days_before
    if days is None or not now >= 0:  # nobody counted
        return ""
    return ground.change_note(now, ground.table("grid", days).table.totals["incidents"])


def _show_worst(ground: PageGround, beats: MeasureResult | None) -> None:
    st.header(tr("page.overview.worst"), anchor=False)
    if beats is None:
        show_empty("no_beats")
        return
    found = worst_beats(beats.table.rows)
    if not found:
        st.caption(tr("page.worst.none"))
    show_beats(ground, found)
    least = least_loaded(beats.table.rows)
    if least:
        st.header(tr("page.overview.least"), anchor=False)
        show_beats(ground, least)


def _show_health(grids: MeasureResult, beats: MeasureResult | None) -> None:
    st.header(tr("page.overview.health"), anchor=False)
    lines = []
    if beats is not None:
        if beats.table.split_grids:
            lines.append(tr("page.health.split", count=beats.table.split_grids))
        left = beats.table.unassigned["residents"]
        if left >= 1:
            lines.append(tr("page.health.residents", count=number(left)))
    outside, missing = grids.table.unassigned["incidents"], grids.table.missing
    if outside > 0:
        lines.append(tr("page.health.incidents", count=number(outside)))
    if missing:
        names = tr("page.join.names").join(tr(f"maps.column.{name}") for name in missing)
        lines.append(tr("page.health.missing", names=names))
    show_lines(lines or [tr("page.health.good")])


# -- which beats stand out and why, and one beat's card: the lists that lead to the map


_LOADS = ("residents", "incidents")
_NOTABLE = 0.1  # an excess below a tenth is not worth a sentence
_COMMON = 1 / 3  # what holds for more of the beats than this tells none of them apart
_SPARK_WEEKS = 12
_NAMED = 5  # beats named where an address asks for one that is not there


@dataclass(frozen=True, slots=True)
class WorstBeat:
    """A beat that stands out.

    Parameters
    ----------
    id, name
        The beat.
    score
        Its greatest excess: load over the mean less 1, or the share of residents out of
        reach, whichever is greater.
    reason
        The sentence.
    """

    id: str
    name: str
    score: float
    reason: str


def worst_beats(rows: pd.DataFrame, *, count: int = 5) -> list[WorstBeat]:
    """Return the beats with the greatest load or the most residents out of reach, if any.

    Parameters
    ----------
    rows
        A table by beat, as `gridmap.measure` makes it.
    count
        How many at most; a beat of which nothing stands out is not among them.

    Notes
    -----
    Score of a beat = max(residents / mean - 1, incidents / mean - 1, share of residents out
    of reach). Under-load is no complaint of the beat itself: it shows in the others. Where a
    third of the beats have notable residents out of reach, the rooms are few, and that is left
    out: it tells no beat from another.
    """
    scores: dict[str, Floats] = {}
    for name in _LOADS:
        values = rows[name].to_numpy(dtype=float)
        if values.sum() > 0:
            scores[name] = values / values.mean() - 1.0
    outside = np.nan_to_num(1.0 - rows["covered_residents_share"].to_numpy(dtype=float))
    if 0 < (outside > _NOTABLE).mean() <= _COMMON or (outside.any() and not scores):
        scores["outside"] = outside
    if not scores or rows.empty:
        return []
    table = np.column_stack(list(scores.values()))
    total = table.max(axis=1)
    order = np.argsort(-total, kind="stable")[:count]
    order = order[total[order] > _NOTABLE]
    names = list(scores)
    found = []
    for row in order.tolist():
        worst_first = np.argsort(-table[row], kind="stable").tolist()
        record = rows.iloc[row]
        parts = [
            _part(names[column], record, float(table[row, column]))
            for column in worst_first
            if table[row, column] > _NOTABLE
        ]
        found.append(
            WorstBeat(
                str(record["id"]),
                str(record["name"]),
                float(total[row]),
                tr("page.worst.join").join(parts[:2]),
            )
        )
    return found


def _part(name: str, record: pd.Series, excess: float) -> str:
    if name == "outside":
        return tr("page.worst.outside", share=f"{excess:.0%}")
    return tr(f"page.worst.{name}", count=f"{record[name]:,.0f}", times=f"{1 + excess:.1f}")


def deviation_of(rows: pd.DataFrame) -> Floats | None:
    """Return each beat's load over the mean less 1: residents and incidents by halves.

    One of the two alone where the other is not known; None where neither is.
    """
    known = [rows[name].to_numpy(dtype=float) for name in _LOADS]
    shares = [values / values.mean() for values in known if values.sum() > 0]
    return np.mean(shares, axis=0) - 1.0 if shares else None


def least_loaded(rows: pd.DataFrame, *, count: int = 3) -> list[WorstBeat]:
    """Return the beats with the least load, the least first; none where loads are alike."""
    off = deviation_of(rows)
    if off is None:
        return []
    order = [
        row for row in np.argsort(off, kind="stable")[:count].tolist() if off[row] < -_NOTABLE
    ]
    return [
        WorstBeat(
            str(rows["id"].iloc[row]),
            str(rows["name"].iloc[row]),
            float(off[row]),
            tr("page.worst.least", share=f"{1 + off[row]:.0%}"),
        )
        for row in order
    ]


def show_beats(ground: PageGround, found: Sequence[WorstBeat]) -> None:
    """Draw beats as lines that lead to the map, each with its last weeks."""
    ids = [] if ground.plan is None else list(map(str, ground.plan.beat_ids))
    weeks = _weeks(ground)
    show_list(
        [
            Line(
                beat_noun(one.name),
                one.reason,
                ids.index(one.id) if one.id in ids else -1,
                spark=weeks.get(one.id, ()),
            )
            for one in found
        ]
    )


def _weeks(ground: PageGround) -> dict[str, Sequence[float]]:
    """Return the incidents of each beat's last weeks, by its id."""
    if ground.plan is None or ground.city.incidents is None:
        return {}
    found = beat_weeks_of(ground.city, ground.key, ground.plan)
    return {beat: counts[-_SPARK_WEEKS:] for beat, counts in found.items() if len(counts) > 2}


def beat_at(plan: Plan | None, row: int) -> str:
    """Return the id of the beat that a grid lies in; blank for none."""
    if plan is None or not 0 <= row < len(plan.assignment):
        return ""
    at = int(plan.assignment[row])
    return str(plan.beat_ids[at]) if at >= 0 else ""


def show_card(ground: PageGround, beats: MeasureResult | None) -> None:
    """Draw what is known of the beat that is looked at, with what may be done about it."""
    session, plan = ground.session, ground.plan
    if not session.beat:
        return
    ids = [] if plan is None else list(map(str, plan.beat_ids))
    told = pd.DataFrame({"id": []}) if beats is None else beats.table.rows
    rows = told[told["id"].astype(str) == session.beat]
    if beats is None or plan is None or rows.empty or session.beat not in ids:
        known = tr("page.join.names").join(ids[:_NAMED])
        show_error(MissingError("page.error.no_beat", name=session.beat, known=known))
        session.beat = ""
        return
    row, info = rows.iloc[0], plan.beats[plan.row_of(session.beat)]
    with st.container(border=True):
        title, close = st.columns([6, 1], vertical_alignment="center")
        title.header(beat_noun(info.label), anchor=False)
        if close.button("✕", key="gridmap-clear-marks", help=tr("page.card.close")):
            session.beat = ""
            st.rerun()
        show_list(
            [
                Line(label, value=value, spark=spark)
                for label, value, spark in _told(ground, beats, row)
            ]
        )
        left, right = st.columns(2)
        # Redraw counts otherwise: who is led there knows it before.
        whole = ground.whole_grids_note(session.beat)
        if whole:
            st.caption(whole)
        if left.button(
            tr("page.card.redraw"), width="stretch", key="gridmap-card-redraw", help=whole or None
        ):
            # With it come charts, for which Overview's first opening does not wait.
            from gridmap.pages.redraw_edit import edit_beat

            edit_beat(ground, session.beat)
            st.switch_page(session.pages["redraw"])
        if right.button(tr("page.card.report"), width="stretch", key="gridmap-card-report"):
            st.switch_page(session.pages["reports"])


def beat_hours(ground: PageGround, beat: str) -> Floats:
    """Return the incidents of a beat in each hour of the day, counted where its total is."""
    session, plan, layer = ground.session, ground.plan, ground.city.get(Kind.BEAT)
    rows: Ints = np.empty(0, np.int64)
    if layer is not None:
        rows = np.flatnonzero(layer.ids.astype(str) == beat)
    elif plan is not None:
        rows = np.flatnonzero(plan.assignment == plan.row_of(beat))
    if not len(rows):
        return np.zeros(24)
    kind = Kind.GRID if layer is None else Kind.BEAT
    slices = slices_of(ground.city, ground.key, session.since, session.until, kind)
    return slices.by_hour(rows=rows.tolist()).sum(axis=0)


def _told(
    ground: PageGround, beats: MeasureResult, row: pd.Series
) -> list[tuple[str, str, Sequence[float]]]:
    plan, session = ground.plan, ground.session
    assert plan is not None  # noqa: S101 - asked before
    info = plan.beats[plan.row_of(session.beat)]
    lines: list[tuple[str, str, Sequence[float]]] = []
    for name in _LOADS:
        mean = float(beats.table.rows[name].mean())
        if name in beats.table.missing or not mean > 0:
            continue
        value = tr("page.card.times", count=number(row[name]), times=f"{row[name] / mean:.1f}")
        lines.append((tr(f"maps.column.{name}"), value, ()))
    weeks = _weeks(ground).get(session.beat, ())
    if len(weeks):
        lines.append((tr("page.card.weeks", count=len(weeks)), "", weeks))
    if ground.city.incidents is not None:
        lines.append((tr("page.card.hours"), "", beat_hours(ground, session.beat).tolist()))
    if np.isfinite(row["covered_residents_share"]):
        lines.append((tr("page.figure.covered"), f"{row['covered_residents_share']:.0%}", ()))
    if info.officers or info.auxiliaries:
        staff = tr("page.card.staff", officers=f"{info.officers:g}", aids=f"{info.auxiliaries:g}")
        lines.append((tr("page.edit.officers"), staff, ()))
    rooms = ground.city.get(Kind.ROOM)
    if rooms is not None and info.room in set(rooms.ids.astype(str)):
        name = rooms.names[list(rooms.ids.astype(str)).index(info.room)]
        lines.append((tr("page.kind.room"), str(name), ()))
    return lines
