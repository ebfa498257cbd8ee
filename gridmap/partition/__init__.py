"""Dividing grids into beats: balanced, in one piece, compact, near, and close to today's."""

from gridmap.partition.city import plan_rows, plans_of, problem_of
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
    "plan_rows",
    "plans_of",
    "problem_of",
    "propose",
    "score_plan",
    "warm_up",
]
