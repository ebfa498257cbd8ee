"""A plan beside today: what gets better, what gets worse, what it costs, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gridmap.i18n import tr
from gridmap.model import Kind, Plan
from gridmap.plans import Comparison, plan_layer
from gridmap.report._staff import lacking_by_beat
from gridmap.report.document import Block, Columns, Figure, Grid, Paragraph, grid_of
from gridmap.report.mapping import MapFigure, Marks, Outline, Shading, points_in
from gridmap.report.report import Report
from gridmap.report.tables import Format, shown

__all__ = ["Effect", "effect_grid", "effects_of", "plan_map", "plan_section", "price_lines"]

_SAME = 0.0005  # a change of a share or deviation below this is none
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
)


@dataclass(frozen=True, slots=True)
class Effect:
    """A figure of a plan beside today's.

    Parameters
    ----------
    key, label
        What it is.
    before, after
        Today's and the plan's, as people read them.
    side
        ``better``, ``worse`` or ``same``.
    """

    key: str
    label: str
    before: str
    after: str
    side: Literal["better", "worse", "same"]


def effects_of(made: Comparison, missing: tuple[str, ...]) -> tuple[Effect, ...]:
    """Return the figures of a plan beside today's, those that nobody counted left out."""
    found = []
    for key, sign, form in _FIGURES:
        if key.startswith("residents") and "residents" in missing:
            continue
        if "covered" in key and "residents" in missing:
            continue
        if key.startswith("incidents") and "incidents" in missing:
            continue
        before, after = float(getattr(made.before, key)), float(getattr(made.after, key))
        if not (np.isfinite(before) and np.isfinite(after)):
            continue
        change = (after - before) * sign
        side: Literal["better", "worse", "same"] = "same"
        if abs(change) > _SAME:
            side = "better" if change > 0 else "worse"
        found.append(
            Effect(key, tr(f"briefing.plan.{key}"), shown(before, form), shown(after, form), side)
        )
    return tuple(found)


def price_lines(report: Report) -> list[str]:
    """Return what a plan costs: officers lacking, beats without officers, people who change."""
    made = report.measured.comparison if report.measured is not None else None
    if made is None or report.plan is None or report.measured is None:
        return []
    lines = [tr("briefing.plan.price_grids", grids=made.grids_moved)]
    missing = report.measured.now["beat"].missing
    if "residents" not in missing and not report.hiding.limit:
        lines.append(tr("briefing.plan.price_people", residents=made.residents_moved))
    if made.officers:
        lines.append(
            tr("briefing.plan.price_officers", kept=made.officers_kept, officers=made.officers)
        )
    staff = np.array([beat.officers for beat in report.plan.beats], dtype=float)
    empty = int((staff == 0).sum())
    if staff.any() and empty:
        lines.append(tr("briefing.plan.price_empty", count=empty))
    lacking = None if report.hiding.limit else lacking_by_beat(report.measured)
    if lacking is not None:
        lines.append(tr("briefing.plan.price_lacking", count=float(lacking.sum())))
    if not staff.any():
        lines.append(tr("briefing.plan.price_unstaffed"))
    return lines


def plan_section(report: Report) -> list[Block]:
    """Return the page of a plan: better, worse, price, maps before and after, all beats."""
    measured = report.measured
    made = None if measured is None else measured.comparison
    if measured is None or made is None or report.plan is None or measured.present is None:
        return []
    effects = effects_of(made, measured.now["beat"].missing)
    blocks: list[Block] = [
        Paragraph(tr("briefing.plan.intro", plan=made.new, today=made.old)),
        effect_grid(effects),
    ]
    price = price_lines(report)
    if price:
        blocks.append(
            Paragraph(tr("briefing.semicolon").join(price) + tr("briefing.stop"),
                      lead=tr("briefing.plan.price"))
        )  # fmt: skip
    before = plan_map(report, measured.present, "before")
    after = plan_map(report, report.plan, "after", changed=measured.present)
    blocks.append(Columns((before,), (after,), 0.5))
    table = report.table("comparison")
    if table is not None:
        blocks.append(grid_of(table))
    response = report.table("response")
    if response is not None:
        blocks.append(grid_of(response))
    return blocks


def effect_grid(effects: tuple[Effect, ...]) -> Grid:
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


def plan_map(report: Report, plan: Plan, side: str, *, changed: Plan | None = None) -> Figure:
    """Return a map of a plan's beats, with the grids that change hands in colour."""
    city = report.city
    beats = plan_layer(plan, city.grids, gap_m=city.presets.gap_m)
    # A plan that nobody has begun has no beats: the grids are shown then.
    ground = beats.geometry if len(beats) else city.grids.geometry
    shading = [Shading(ground, np.zeros(len(ground), np.int64), (("#eef2f6", ""),))]
    if changed is not None and report.measured is not None and report.measured.comparison:
        moved = set(report.measured.comparison.grid_table["grid"].astype(str))
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
    labels = tuple(
        (float(spots[n, 0]), float(spots[n, 1]), str(n + 1)) for n in range(len(beats))
    ) if len(beats) <= 150 else ()  # fmt: skip
    lines = [Outline(beats.geometry, 0.6, "#41505f")]
    stations = city.get(Kind.STATION)
    if stations is not None:
        lines.append(Outline(stations.geometry, 1.2))
    marks = (Marks(city.room_xy, radius=1.2),) if city.has(Kind.ROOM) and len(city.rooms) else ()
    title = tr(f"briefing.plan.map_{side}", plan=plan.name)
    figure = MapFigure(f"plan_{side}", title, tuple(shading), tuple(lines), marks, (), labels,
                       alt=title)  # fmt: skip
    return Figure(figure, title, title, key=f"plan_{side}")
