"""What a plan changes, in one table that stays in its place, and every beat's load as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from gridmap.i18n import tr
from gridmap.model import City, Kind, Plan
from gridmap.pages.cache import criteria_of, ground_of_plans
from gridmap.pages.ground import Ground
from gridmap.pages.layout import NONE, number, show_table
from gridmap.plans import Comparison, Figures, compare_plans

__all__ = ["border_km", "change_rows", "compared", "show_bars", "show_change"]

_WIDE_BEATS = 60  # more bars than this have no room for their names


def compared(ground: Ground, old: Plan, new: Plan, weights: Mapping[str, float]) -> Comparison:
    """Return what changes from one plan to another; the last pairs are kept."""
    kept = ground.session.work.setdefault("compared", {})
    key = (ground.key, old.digest, new.digest, tuple(sorted(weights.items())))
    if key not in kept:
        while len(kept) >= 8:
            kept.pop(next(iter(kept)))
        kept[key] = compare_plans(ground_of_plans(ground.city, ground.key, weights), old, new)
    found: Comparison = kept[key]
    return found


def border_km(city: City, plan: Plan) -> float:
    """Return the length of the borders between beats of a plan."""
    pairs = city.adjacency
    apart = plan.assignment[pairs.first] != plan.assignment[pairs.second]
    return float(pairs.length_m[apart].sum()) / 1000.0


def change_rows(
    city: City, criteria: Sequence[str], found: Comparison, old: Plan, new: Plan
) -> list[tuple[str, str, str]]:
    """Return what changes: what it is, before, after; a figure that nobody knows is left out.

    Parameters
    ----------
    city, criteria
        The city, and what of it is counted.
    found
        The two plans compared.
    old, new
        The plans.
    """
    before, after = found.before, found.after
    rows = []

    def add(key: str, one: float, other: float, form: str) -> None:
        if np.isfinite([one, other]).all():
            rows.append((tr(f"page.change.{key}"), f"{one:{form}}", f"{other:{form}}"))

    add("workload", before.workload_deviation, after.workload_deviation, ".1%")
    for name in ("residents", "incidents"):
        if name in criteria:
            key = f"{name}_deviation"
            add(name, getattr(before, key), getattr(after, key), ".1%")
    if city.has(Kind.ROOM) and "residents" in criteria:
        add("covered", before.covered_share, after.covered_share, ".1%")
    add("border", border_km(city, old), border_km(city, new), ",.1f")
    add("beats", before.beats, after.beats, ",.0f")
    if "residents" in criteria:
        everyone = float(city.grids.counts("residents").sum())
        share = found.residents_moved / everyone if everyone else 0.0
        text = f"{number(found.residents_moved)} ({share:.1%})"
        rows.append((tr("page.change.people"), NONE, text))
    rows.append((tr("page.change.grids"), NONE, number(found.grids_moved)))
    if found.officers:
        changed = number(found.officers - found.officers_kept)
        rows.append((tr("page.change.officers"), NONE, changed))
    return rows


def show_change(
    ground: Ground,
    old: Plan,
    new: Plan,
    weights: Mapping[str, float],
    *,
    names: tuple[str, str] | None = None,
) -> Comparison:
    """Draw the table of what changes from one plan to another, and return the comparison."""
    found = compared(ground, old, new, weights)
    known = criteria_of(ground.city, ground.key)
    show_table(
        ("", *(names or (old.name, new.name))),
        change_rows(ground.city, known, found, old, new),
    )
    return found


def show_bars(plan: Plan, figures: Figures, tolerance: float) -> None:
    """Draw how far each beat is from the mean, all of them, the greatest load first."""
    off = figures.deviation * 100
    order = np.argsort(-off, kind="stable")
    frame = pd.DataFrame(
        {
            "at": np.arange(len(order)),
            "beat": [plan.beats[row].label for row in order],
            "off": off[order],
            "kind": np.where(np.abs(off[order]) > 100 * tolerance, "over", "within"),
        }
    )
    few = len(frame) <= _WIDE_BEATS
    bars = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X(
                "at:O",
                title=None,
                axis=alt.Axis(labels=False, ticks=False, domain=False, grid=False),
                scale=alt.Scale(paddingInner=0.15 if few else 0.0),
            ),
            y=alt.Y("off:Q", title=tr("page.edit.off")),
            color=alt.Color(
                "kind:N",
                legend=None,
                scale=alt.Scale(domain=["over", "within"], range=["#d97706", "#1f4e79"]),
            ),
            tooltip=[
                alt.Tooltip("beat", title=tr("maps.column.beat")),
                alt.Tooltip("off", title=tr("page.edit.off"), format="+.1f"),
            ],
        )
    )
    limits = (
        alt.Chart(pd.DataFrame({"limit": [100 * tolerance, -100 * tolerance]}))
        .mark_rule(strokeDash=[4, 3], color="#b3261e")
        .encode(y="limit:Q")
    )
    worst = f"{figures.max_deviation:.1%}"
    title = tr("page.bars.title", worst=worst, count=int((frame["kind"] == "over").sum()),
               tolerance=f"{tolerance:.0%}")  # fmt: skip
    st.caption(title)
    st.altair_chart((bars + limits).properties(height=150, description=title), width="stretch")
