"""What grids and beats carry, and where it concentrates: pure functions of values."""

from gridmap.measure.change import (
    CountedPeriods,
    Dispersion,
    WeeklyCounts,
    adjust_p,
    change_verdict,
    estimate_dispersion,
    judge_changes,
    rest_p_value,
    share_p_value,
    weekly_counts,
)
from gridmap.measure.counted import (
    COUNTS,
    ReportDelays,
    held_days,
    is_missing,
    missing_counts,
    partial_months,
    period_in,
    report_delays,
    without_missing,
)
from gridmap.measure.counting import (
    Axes,
    Axis,
    BusyTime,
    IncidentCounts,
    busy_times,
    count_batches,
    count_incidents_by,
    count_located,
    count_on_cluster,
    per_occurrence,
    week_matrix,
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
from gridmap.measure.crosswalk import (
    Alignment,
    Control,
    Crosswalk,
    Transfer,
    Weight,
    alignment,
    centres,
    crosswalk,
    dasymetric,
)
from gridmap.measure.disc_areas import covered_share
from gridmap.measure.disputes import (
    Disputes,
    dispute_rows,
    disputes_of,
    repeated_places,
    settle_disputes,
)
from gridmap.measure.hotspots import (
    Density,
    Expectation,
    HotSpots,
    Rule,
    changed_hot_spots,
    find_hotspots,
    getis_ord,
    hot_spots,
    kernel_density,
    score_maps,
    scott_bandwidth_m,
    top_area,
    window_dispersion,
)
from gridmap.measure.hypercube import (
    BUSY_LIMIT,
    ON_SCENE_MIN,
    PlanResponse,
    Response,
    hypercube,
    respond,
    respond_to_both,
    tell_response,
)
from gridmap.measure.period import (
    Basis,
    ComparedPeriods,
    CutDay,
    Moment,
    Period,
    compared_periods,
    moment,
    parse_bases,
    parse_period,
    period_before,
    weekday_occurrences,
)
from gridmap.measure.pieces import (
    By,
    Pieces,
    areas_of,
    cut_pieces,
    match_beats,
    pieces_of,
    present_plan,
)
from gridmap.measure.staffing import Norm, apportion, norms, staff_needed
from gridmap.measure.summary import (
    SLIVER_SHARE,
    MeasureTable,
    coverage_by_hour,
    coverage_figures,
    coverage_table,
    open_hours,
    reach_frame,
    reach_shape,
    room_table,
    summarise,
    worst_grids,
)
from gridmap.measure.watch import Cluster, ControlChart, control_chart, scan_space_time
from gridmap.measure.workload import (
    CRITERIA,
    Balance,
    Workload,
    balance,
    criterion_of,
    parse_weights,
    rank,
    road_length_m,
)
from gridmap.model.polygon_index import PolygonIndex

__all__ = [
    "BUSY_LIMIT", "COUNTS", "CRITERIA", "ON_SCENE_MIN", "SLIVER_SHARE", "Alignment", "Axes",
    "Axis", "Balance", "Basis", "BusyTime", "By", "Cluster", "ComparedPeriods", "Control",
    "ControlChart", "CountedPeriods", "Coverage", "Crosswalk", "CutDay", "Density", "Dispersion",
    "Disputes", "Expectation", "HotSpots", "IncidentCounts", "MeasureTable", "Moment", "Norm",
    "Period", "Pieces", "PlanResponse", "PolygonIndex", "ReportDelays", "Response", "Rule",
    "Transfer", "WeeklyCounts", "Weight", "Within", "Workload", "adjust_p", "alignment",
    "apportion", "areas_of", "balance", "busy_times", "centres", "change_verdict",
    "changed_hot_spots", "compared_periods", "control_chart", "count_batches",
    "count_incidents_by", "count_located", "count_on_cluster", "coverage_by_hour",
    "coverage_figures", "coverage_table", "covered_share", "criterion_of", "crosswalk",
    "cut_pieces", "dasymetric", "dispute_rows", "disputes_of", "estimate_dispersion",
    "find_hotspots", "getis_ord", "held_days", "hot_spots", "hypercube", "is_missing",
    "judge_changes", "kernel_density", "match_beats", "measure_coverage", "missing_counts",
    "moment", "networks_of", "norms", "open_hours", "parse_bases", "parse_period", "parse_weights",
    "parse_within", "partial_months", "per_occurrence", "period_before", "period_in", "pieces_of",
    "places_of", "present_plan", "rank", "reach_frame", "reach_shape", "repeated_places",
    "report_delays", "respond", "respond_to_both", "rest_p_value", "road_length_m", "room_table",
    "sample_points", "scan_space_time", "score_maps", "scott_bandwidth_m", "settle_disputes",
    "share_p_value", "staff_needed", "summarise", "tell_response", "top_area", "travel_of",
    "week_matrix", "weekday_occurrences", "weekly_counts", "window_dispersion", "without_missing",
    "worst_grids",
]  # fmt: skip
