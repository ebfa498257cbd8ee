"""Travel cost: straight lines, or along the road layer by mode."""

from gridmap.travel.network import Located, RoadNetwork, read_oneway, road_network
from gridmap.travel.reach import (
    CAR,
    EBIKE,
    WALK,
    Mode,
    Reach,
    StraightLine,
    Travel,
    Unit,
    isochrone,
    metres_per_minute,
    modes_of,
    ring,
)
from gridmap.travel.road import RoadTravel

__all__ = [
    "CAR", "EBIKE", "WALK", "Located", "Mode", "Reach", "RoadNetwork", "RoadTravel",
    "StraightLine", "Travel", "Unit", "isochrone", "metres_per_minute", "modes_of", "read_oneway",
    "ring", "road_network",
]  # fmt: skip
