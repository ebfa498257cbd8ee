"""Duty: how many officers at which hours, and where patrols go."""

from gridmap.patrol.demand import (
    HOURS,
    HourCounts,
    Unit,
    count_hours,
    erlang_wait,
    mean_handling,
    officers_for_response,
    officers_needed,
    timed_parts,
    weekly_dispersion,
    work_by_hour,
)
from gridmap.patrol.norms import EQUIPMENT, Norms, RoomNorms, ShiftNorms, read_norms
from gridmap.patrol.rooms import Lacks, has_equipment, lacks_of
from gridmap.patrol.routes import PatrolTask, Route, Visit, bound_routes, plan_routes
from gridmap.patrol.shifts import PATTERNS, Pattern, Roster, Tour, make_tours, plan_shifts

__all__ = [
    "EQUIPMENT",
    "HOURS",
    "PATTERNS",
    "HourCounts",
    "Lacks",
    "Norms",
    "PatrolTask",
    "Pattern",
    "RoomNorms",
    "Roster",
    "Route",
    "ShiftNorms",
    "Tour",
    "Unit",
    "Visit",
    "bound_routes",
    "count_hours",
    "erlang_wait",
    "has_equipment",
    "lacks_of",
    "make_tours",
    "mean_handling",
    "officers_for_response",
    "officers_needed",
    "plan_routes",
    "plan_shifts",
    "read_norms",
    "timed_parts",
    "weekly_dispersion",
    "work_by_hour",
]
