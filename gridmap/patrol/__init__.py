"""Duty: how many officers at which hours, and where patrols go."""

from gridmap.patrol.demand import (
    HOURS,
    HourCounts,
    Unit,
    count_hours,
    hours_of_week,
    mean_handling,
    officers_needed,
    timed_parts,
    weekly_dispersion,
    work_by_hour,
)
from gridmap.patrol.norms import EQUIPMENT, Norms, RoomNorms, ShiftNorms, read_norms
from gridmap.patrol.reached import Reached, officers_for_target, reached_in_time
from gridmap.patrol.rooms import Lacks, has_equipment, lacks_of
from gridmap.patrol.routes import PatrolTask, Route, Visit, bound_routes, plan_routes
from gridmap.patrol.shifts import (
    PATTERNS,
    Pattern,
    Roster,
    Tour,
    fewest_posts,
    make_tours,
    plan_shifts,
)

__all__ = [
    "EQUIPMENT",
    "HOURS",
    "PATTERNS",
    "HourCounts",
    "Lacks",
    "Norms",
    "PatrolTask",
    "Pattern",
    "Reached",
    "RoomNorms",
    "Roster",
    "Route",
    "ShiftNorms",
    "Tour",
    "Unit",
    "Visit",
    "bound_routes",
    "count_hours",
    "fewest_posts",
    "has_equipment",
    "hours_of_week",
    "lacks_of",
    "make_tours",
    "mean_handling",
    "officers_for_target",
    "officers_needed",
    "plan_routes",
    "plan_shifts",
    "reached_in_time",
    "read_norms",
    "timed_parts",
    "weekly_dispersion",
    "work_by_hour",
]
