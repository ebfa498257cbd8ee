"""Who lives within reach of a room: shares of ground, residents and incidents covered.

Distances are metres in a projected working CRS; a point at exactly the given distance or time
counts as covered.
"""

from gridmap.measure._areas import By
from gridmap.measure._coverage_city import (
    Coverage,
    measure_coverage,
    networks_of,
    places_of,
    travel_of,
)
from gridmap.measure._coverage_samples import sample_points
from gridmap.measure._coverage_shapes import coverage_frame, reach_frame, reach_shape
from gridmap.measure._coverage_share import covered_share
from gridmap.measure._coverage_tables import (
    coverage_by_hour,
    coverage_figures,
    coverage_table,
    open_hours,
    room_table,
    worst_grids,
)
from gridmap.measure._coverage_within import Within, parse_within

__all__ = [
    "By",
    "Coverage",
    "Within",
    "coverage_by_hour",
    "coverage_figures",
    "coverage_frame",
    "coverage_table",
    "covered_share",
    "measure_coverage",
    "networks_of",
    "open_hours",
    "parse_within",
    "places_of",
    "reach_frame",
    "reach_shape",
    "room_table",
    "sample_points",
    "travel_of",
    "worst_grids",
]
