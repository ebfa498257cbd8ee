"""Dividing grids into beats: balanced, in one piece, compact, near, and close to today's."""

from gridmap.partition._ensemble import Ensemble, neutral_ensemble, warm_up
from gridmap.partition.city import (
    communities_of,
    criteria_of,
    has_layer,
    officers_of,
    plan_rows,
    plans_of,
    problem_of,
    room_grids,
    scenarios_of,
    seen_counts,
    travel_between,
    union_beats,
    with_rooms,
)
from gridmap.partition.ladder import Rung, change_ladder, score_present
from gridmap.partition.lasting import (
    HeldOut,
    SeenCounts,
    deviation_intervals,
    dispersion,
    hold_out,
    shrink_rates,
)
from gridmap.partition.problem import Problem
from gridmap.partition.proposal import (
    Bound,
    Candidate,
    Proposal,
    ProposalProgress,
    Scores,
    score_plan,
)
from gridmap.partition.propose import propose

__all__ = [
    "Bound",
    "Candidate",
    "Ensemble",
    "HeldOut",
    "Problem",
    "Proposal",
    "ProposalProgress",
    "Rung",
    "Scores",
    "SeenCounts",
    "change_ladder",
    "communities_of",
    "criteria_of",
    "deviation_intervals",
    "dispersion",
    "has_layer",
    "hold_out",
    "neutral_ensemble",
    "officers_of",
    "plan_rows",
    "plans_of",
    "problem_of",
    "propose",
    "room_grids",
    "scenarios_of",
    "score_plan",
    "score_present",
    "seen_counts",
    "shrink_rates",
    "travel_between",
    "union_beats",
    "warm_up",
    "with_rooms",
]
