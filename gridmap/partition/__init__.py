"""Dividing grids into beats: balanced, in one piece, compact, near, and close to today's."""

from gridmap.partition.city import plan_rows, plans_of, problem_of
from gridmap.partition.conditions import (
    communities_of,
    criteria_of,
    officers_of,
    room_grids,
    travel_between,
    with_rooms,
)
from gridmap.partition.problem import Problem
from gridmap.partition.proposal import Bound, Candidate, Progress, Proposal
from gridmap.partition.propose import propose
from gridmap.partition.scores import Scores, score_plan
from gridmap.partition.warm import warm_up

__all__ = [
    "Bound",
    "Candidate",
    "Problem",
    "Progress",
    "Proposal",
    "Scores",
    "communities_of",
    "criteria_of",
    "officers_of",
    "plan_rows",
    "plans_of",
    "problem_of",
    "propose",
    "room_grids",
    "score_plan",
    "travel_between",
    "warm_up",
    "with_rooms",
]
