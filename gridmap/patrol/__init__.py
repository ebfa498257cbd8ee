"""Duty: how many officers at which hours, and where patrols go."""

from gridmap.patrol.demand import (
    HOURS,
    DutyUnit,
    HourCounts,
    Reached,
    count_hours,
    hours_of_week,
    mean_handling,
    officers_for_target,
    officers_needed,
    reached_in_time,
    timed_parts,
    weekly_dispersion,
    work_by_hour,
)
from gridmap.patrol.norms import (
    EQUIPMENT,
    Lacks,
    Norms,
    RoomNorms,
    ShiftNorms,
    has_equipment,
    lacks_of,
    read_norms,
)
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
    "EQUIPMENT", "HOURS", "PATTERNS", "DutyUnit", "HourCounts", "Lacks", "Norms", "PatrolTask",
    "Pattern", "Reached", "RoomNorms", "Roster", "Route", "ShiftNorms", "Tour", "Visit",
    "bound_routes", "count_hours", "fewest_posts", "has_equipment", "hours_of_week", "lacks_of",
    "make_tours", "mean_handling", "officers_for_target", "officers_needed", "plan_routes",
    "plan_shifts", "reached_in_time", "read_norms", "timed_parts", "weekly_dispersion",
    "work_by_hour",
]  # fmt: skip
