"""A comparison in sentences that a commander reads aloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.plans.comparison import Comparison

_FLOWS = 10
_SAME = 0.0005


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
                residents=made.residents_moved,
                incidents=made.incidents_moved,
            )
        ]
    lines += [
        tr(
            "plans.compare.flow",
            language=language,
            count=len(flow.grids),
            before=flow.before_label,
            after=flow.after_label,
            residents=flow.residents,
            incidents=flow.incidents,
        )
        for flow in made.flows[:_FLOWS]
    ]
    rest = made.flows[_FLOWS:]
    if rest:
        count = sum(len(flow.grids) for flow in rest)
        residents = sum(flow.residents for flow in rest)
        lines.append(tr("plans.compare.rest", language=language, count=count, residents=residents))
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


def _figures(made: Comparison, language: str | None) -> list[str]:
    lines = []
    for name in (
        "residents_deviation",
        "incidents_deviation",
        "workload_deviation",
        "least_covered_share",
    ):
        before, after = getattr(made.before, name), getattr(made.after, name)
        if name == "least_covered_share" and not max(
            made.before.covered_share, made.after.covered_share
        ):
            continue  # no room anywhere: nothing to tell
        way = "held" if abs(after - before) < _SAME else "fell" if after < before else "rose"
        lines.append(
            tr(f"plans.compare.{name}.{way}", language=language, before=before, after=after)
        )
    return lines
