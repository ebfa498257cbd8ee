"""A comparison in sentences that a commander reads aloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.plans.comparison import Comparison, PlanFigures

#: Flows that have a sentence of their own; one sentence tells the rest.
FLOWS_TOLD = 10
_SAME = 0.0005
_TOLD = ("residents_deviation", "incidents_deviation", "workload_deviation", "least_covered_share")


def directions_of(before: PlanFigures, after: PlanFigures) -> dict[str, str]:
    """Return whether each figure that is told ``rose``, ``fell`` or ``held``."""
    made = {}
    for name in _TOLD:
        change = getattr(after, name) - getattr(before, name)
        made[name] = "held" if abs(change) < _SAME else "fell" if change < 0 else "rose"
    return made


class _Star(float):
    """A number that is hidden: NaN, written as a star."""

    def __format__(self, spec: str) -> str:
        return "*"


def _shown(value: float) -> float:
    """Return a number as sentences write it: a star where it is hidden (NaN)."""
    return _Star("nan") if np.isnan(value) else value


def comparison_sentences(made: Comparison, language: str | None) -> list[str]:
    """Return the sum, the greatest flows, balance, coverage and officers, in this order."""
    if not made.grids_moved:
        lines = [tr("plans.compare.same", language=language, old=made.old, new=made.new)]
    else:
        lines = [
            tr(
                "plans.compare.total",
                language=language,
                old=made.old,
                new=made.new,
                count=made.grids_moved,
                amounts=_amounts(made, made.residents_moved, made.incidents_moved, language),
            )
        ]
    lines += [
        tr(
            "plans.compare.flow",
            language=language,
            count=len(flow.grids),
            before=flow.before_label,
            after=flow.after_label,
            amounts=_amounts(made, flow.residents, flow.incidents, language),
        )
        for flow in made.flows[:FLOWS_TOLD]
    ]
    rest = made.flows[FLOWS_TOLD:]
    if rest:
        count = sum(len(flow.grids) for flow in rest)
        residents = sum(flow.residents for flow in rest)
        amounts = _amounts(made, residents, sum(flow.incidents for flow in rest), language)
        lines.append(tr("plans.compare.rest", language=language, count=count, amounts=amounts))
    lines += _figures(made, language)
    if made.officers > 0:
        lines.append(
            tr(
                "plans.compare.officers",
                language=language,
                count=made.officers,
                kept=made.officers_kept,
            )
        )
    return lines


def _known(made: Comparison, name: str) -> bool:
    """Return whether the city has any residents, or incidents; without, there is no deviation."""
    return not max(getattr(made.before, name), getattr(made.after, name)) <= 0  # NaN: hidden


def _amounts(made: Comparison, residents: float, incidents: float, language: str | None) -> str:
    """Return the residents and incidents that change hands, of what the city counts."""
    has_incidents = _known(made, "incidents_deviation")
    kind = "both"
    if has_incidents != _known(made, "residents_deviation"):
        kind = "incidents" if has_incidents else "residents"
    return tr(
        f"plans.compare.amounts.{kind}",
        language=language,
        residents=_shown(residents),
        incidents=_shown(incidents),
    )


def _figures(made: Comparison, language: str | None) -> list[str]:
    lines: list[str] = []
    said: list[tuple[float, float]] = []
    for name in _TOLD:
        before, after = getattr(made.before, name), getattr(made.after, name)
        if name == "least_covered_share" and not max(
            made.before.covered_share, made.after.covered_share
        ):
            continue  # no room anywhere: nothing to tell
        if name in {"residents_deviation", "incidents_deviation"} and not _known(made, name):
            continue
        alone = name == "workload_deviation" and len(said) == 1
        if alone and np.allclose(
            (before, after), said[0], rtol=0, atol=_SAME / 10, equal_nan=True
        ):
            continue  # the workload is what has just been told
        said.append((before, after))
        key = f"plans.compare.{name}.{made.directions[name]}"
        lines.append(tr(key, language=language, before=_shown(before), after=_shown(after)))
    return lines
