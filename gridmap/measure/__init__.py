"""What grids and beats carry, and where it concentrates: pure functions of values."""

from gridmap.measure.balance import Balance, balance, lorenz_curve
from gridmap.measure.counting import (
    Axes,
    IncidentCounts,
    count_batches,
    count_incidents,
    count_incidents_by,
)
from gridmap.measure.coverage import covered_share
from gridmap.measure.crosswalk import Crosswalk, Transfer, centres, crosswalk
from gridmap.measure.period import Moment, moment
from gridmap.measure.polygon_index import PolygonIndex
from gridmap.measure.roads import road_length_m
from gridmap.measure.summary import MeasureTable, summarise
from gridmap.measure.workload import CRITERIA, Workload, criterion_of, parse_weights

__all__ = [
    "CRITERIA",
    "Axes",
    "Balance",
    "Crosswalk",
    "IncidentCounts",
    "MeasureTable",
    "Moment",
    "PolygonIndex",
    "Transfer",
    "Workload",
    "balance",
    "centres",
    "count_batches",
    "count_incidents",
    "count_incidents_by",
    "covered_share",
    "criterion_of",
    "crosswalk",
    "lorenz_curve",
    "moment",
    "parse_weights",
    "road_length_m",
    "summarise",
]
