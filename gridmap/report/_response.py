"""How today's beats and a plan's would answer their calls, by the hypercube model."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from gridmap.i18n import tr
from gridmap.measure import ON_SCENE_MIN, PlanResponse, respond_to_both, tell_response
from gridmap.measure.period import Period
from gridmap.model import City, Kind, Plan
from gridmap.plans import Comparison
from gridmap.report.tables import Column, Table, column

__all__ = ["answer", "response_notes", "response_table"]

_FIGURES = ("calls_per_day", "utilisation", "own_share")


def answer(
    city: City, present: Plan, plan: Plan, period: Period
) -> tuple[PlanResponse, PlanResponse] | None:
    """Return what the hypercube model says of today's beats and of a plan.

    None where it cannot say: without incident points or a period with limits, where the city
    is so large that it would take minutes, or calls come faster than units can serve.
    """
    hours = _hours(city, period)
    if not hours:
        return None
    return respond_to_both(
        city, present, plan, since=period.since, until=period.until, hours=hours
    )


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
            for name in _FIGURES:
                line[f"{name}_{side}"] = known[name].get(key, np.nan)
        lines.append(line)
    columns: list[Column] = [column("name", "text")]
    for name in _FIGURES:
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
        tuple(response_notes(response, city)),
    )


def response_notes(response: tuple[PlanResponse, PlanResponse], city: City) -> list[str]:
    """Return what the model says of the whole, and what it assumes."""
    way = "road" if city.has(Kind.ROAD) and len(city.layer(Kind.ROAD)) else "straight"
    return [
        tell_response(*response),
        tr("report.note.response_assumes", minutes=ON_SCENE_MIN, way=tr(f"report.way.{way}")),
    ]


def _hours(city: City, period: Period) -> float:
    """Return for how many hours of the period incidents are known; 0 where that is not."""
    known = None if city.incidents is None else city.incidents.period
    if known is None or period.first is None or period.last is None:
        return 0.0
    first, last = max(period.first, known[0].date()), min(period.last, known[1].date())
    return max((last - first + timedelta(days=1)).total_seconds() / 3600.0, 0.0)
