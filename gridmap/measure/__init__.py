"""What grids and beats carry, and where it concentrates: pure functions of values."""

from gridmap.measure.accuracy import score_maps, top_area
from gridmap.measure.alignment import Alignment, alignment
from gridmap.measure.balance import Balance, balance
from gridmap.measure.chance import Dispersion, adjust_p, estimate_dispersion, share_p_value
from gridmap.measure.change import (
    CountedPeriods,
    WeeklyCounts,
    change_verdict,
    judge_changes,
    rest_p_value,
    weekly_counts,
)
from gridmap.measure.cluster import count_on_cluster
from gridmap.measure.counted import COUNTS, is_missing, missing_counts, without_missing
from gridmap.measure.counting import (
    Axes,
    Axis,
    IncidentCounts,
    count_batches,
    count_incidents_by,
    count_located,
)
from gridmap.measure.coverage import (
    Coverage,
    Within,
    measure_coverage,
    networks_of,
    parse_within,
    places_of,
    sample_points,
    travel_of,
)
from gridmap.measure.coverage_tables import (
    coverage_by_hour,
    coverage_figures,
    coverage_frame,
    coverage_table,
    open_hours,
    reach_frame,
    reach_shape,
    room_table,
    worst_grids,
)
from gridmap.measure.crosswalk import Crosswalk, Transfer, Weight, centres, crosswalk
from gridmap.measure.dasymetric import dasymetric
from gridmap.measure.density import Density, Rule, kernel_density, scott_bandwidth_m
from gridmap.measure.disc_areas import covered_share
from gridmap.measure.disputes import Disputes, disputes_of, settle_disputes
from gridmap.measure.hotspots import (
    Expectation,
    HotSpots,
    changed_hot_spots,
    find_hotspots,
    getis_ord,
    hot_spots,
    window_dispersion,
)
from gridmap.measure.hypercube import BUSY_LIMIT, Response, hypercube
from gridmap.measure.period import (
    Basis,
    ComparedPeriods,
    Moment,
    Period,
    compared_periods,
    moment,
    parse_bases,
    parse_period,
    period_before,
    weekday_occurrences,
)
from gridmap.measure.pieces import Pieces, areas_of, cut_pieces, pieces_of
from gridmap.measure.present import match_beats, present_plan
from gridmap.measure.ranking import rank
from gridmap.measure.response import (
    ON_SCENE_MIN,
    PlanResponse,
    respond,
    respond_to_both,
    tell_response,
)
from gridmap.measure.rhythm import BusyTime, busy_times, per_occurrence, week_matrix
from gridmap.measure.roads import road_length_m
from gridmap.measure.staffing import Norm, apportion, norms, staff_needed
from gridmap.measure.summary import SLIVER_SHARE, By, MeasureTable, summarise
from gridmap.measure.watch import Cluster, ControlChart, control_chart, scan_space_time
from gridmap.measure.workload import CRITERIA, Workload, criterion_of, parse_weights
from gridmap.model.polygon_index import PolygonIndex

__all__ = [
    "BUSY_LIMIT",
    "COUNTS",
    "CRITERIA",
    "ON_SCENE_MIN",
    "SLIVER_SHARE",
    "Alignment",
    "Axes",
    "Axis",
    "Balance",
    "Basis",
    "BusyTime",
    "By",
    "Cluster",
    "ComparedPeriods",
    "ControlChart",
    "CountedPeriods",
    "Coverage",
    "Crosswalk",
    "Density",
    "Dispersion",
    "Disputes",
    "Expectation",
    "HotSpots",
    "IncidentCounts",
    "MeasureTable",
    "Moment",
    "Norm",
    "Period",
    "Pieces",
    "PlanResponse",
    "PolygonIndex",
    "Response",
    "Rule",
    "Transfer",
    "WeeklyCounts",
    "Weight",
    "Within",
    "Workload",
    "adjust_p",
    "alignment",
    "apportion",
    "areas_of",
    "balance",
    "busy_times",
    "centres",
    "change_verdict",
    "changed_hot_spots",
    "compared_periods",
    "control_chart",
    "count_batches",
    "count_incidents_by",
    "count_located",
    "count_on_cluster",
    "coverage_by_hour",
    "coverage_figures",
    "coverage_frame",
    "coverage_table",
    "covered_share",
    "criterion_of",
    "crosswalk",
    "cut_pieces",
    "dasymetric",
    "disputes_of",
    "estimate_dispersion",
    "find_hotspots",
    "getis_ord",
    "hot_spots",
    "hypercube",
    "is_missing",
    "judge_changes",
    "kernel_density",
    "match_beats",
    "measure_coverage",
    "missing_counts",
    "moment",
    "networks_of",
    "norms",
    "open_hours",
    "parse_bases",
    "parse_period",
    "parse_weights",
    "parse_within",
    "per_occurrence",
    "period_before",
    "pieces_of",
    "places_of",
    "present_plan",
    "rank",
    "reach_frame",
    "reach_shape",
    "respond",
    "respond_to_both",
    "rest_p_value",
    "road_length_m",
    "room_table",
    "sample_points",
    "scan_space_time",
    "score_maps",
    "scott_bandwidth_m",
    "settle_disputes",
    "share_p_value",
    "staff_needed",
    "summarise",
    "tell_response",
    "top_area",
    "travel_of",
    "week_matrix",
    "weekday_occurrences",
    "weekly_counts",
    "window_dispersion",
    "without_missing",
    "worst_grids",
]
