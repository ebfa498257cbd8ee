"""Travel cost: straight lines, or along the road layer by mode."""

from gridmap.travel.isochrones import isochrone, ring
from gridmap.travel.modes import CAR, EBIKE, WALK, Mode, Unit, metres_per_minute, modes_of
from gridmap.travel.network import Located, RoadNetwork
from gridmap.travel.reach import Reach, Travel
from gridmap.travel.road import RoadTravel
from gridmap.travel.roads import read_oneway, road_network
from gridmap.travel.straight import StraightLine

__all__ = [
    "CAR",
    "EBIKE",
    "WALK",
    "Located",
    "Mode",
    "Reach",
    "RoadNetwork",
    "RoadTravel",
    "StraightLine",
    "Travel",
    "Unit",
    "isochrone",
    "metres_per_minute",
    "modes_of",
    "read_oneway",
    "ring",
    "road_network",
]
