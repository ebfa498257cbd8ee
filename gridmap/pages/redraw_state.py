"""What the Redraw page is in the middle of: plans on the table, a search, edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gridmap.model import Plan
from gridmap.pages.ground import Ground
from gridmap.pages.jobs import Job
from gridmap.partition import Proposal
from gridmap.plans import History, PlanStore

__all__ = ["Found", "Redraw", "redraw_of", "store_of", "stored_plans"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came back with.

    Parameters
    ----------
    proposal
        The front of plans.
    plans
        The same as plans, named.
    rows
        One row a plan, as `gridmap.partition.plan_rows` makes them.
    """

    proposal: Proposal
    plans: tuple[Plan, ...]
    rows: tuple[Mapping[str, Any], ...]


@dataclass(slots=True)
class Redraw:
    """One reader's redrawing.

    Parameters
    ----------
    step
        ``propose``, ``compare`` or ``edit``.
    weights
        Criteria and weights that the workload is made of.
    job
        The search that runs, or None.
    found
        What the last search came back with.
    looked_at
        Row of the plan of `found` that the map shows.
    history
        The plan that is being edited, with its commands.
    base
        Name and version of the stored plan that the edits began with.
    """

    step: str = "propose"
    weights: Mapping[str, float] = field(default_factory=dict)
    job: Job[Found] | None = None
    found: Found | None = None
    looked_at: int = 0
    history: History | None = None
    base: tuple[str, int] | None = None


def redraw_of(ground: Ground) -> Redraw:
    """Return what this reader is in the middle of."""
    state = ground.session.work.get("redraw")
    if not isinstance(state, Redraw):
        state = Redraw()
        ground.session.work["redraw"] = state
    return state


def store_of(ground: Ground) -> PlanStore:
    """Return the store of plans: the department's, or the workspace's own."""
    session = ground.session
    return PlanStore.open(session.settings.database_url or session.writable_path() / "plans.db")


def stored_plans(ground: Ground) -> dict[str, Plan]:
    """Return the plans that can be looked at by name: today's beats, proposals, saved ones."""
    found: dict[str, Plan] = {}
    if ground.plan is not None:
        found[ground.plan.name] = ground.plan
    state = redraw_of(ground)
    if state.found is not None:
        found.update({plan.name: plan for plan in state.found.plans})
    for name in saved_names(ground):
        with store_of(ground) as store:
            plan = store.load(name)
        if plan.city_digest in ("", ground.city.grids.digest):
            found[name] = plan
    if state.history is not None:
        plan = state.history.current.plan
        found[plan.name] = plan
    return found


def saved_names(ground: Ground) -> list[str]:
    """Return the names of the saved plans; opens no store where there is none."""
    session = ground.session
    if not session.settings.database_url and not (session.path / "plans.db").exists():
        return []
    with store_of(ground) as store:
        return [version.name for version in store.list()]
