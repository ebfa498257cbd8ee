"""Reports: what an analyst sends and a commander prints."""

from gridmap.measure.period import Period, parse_period
from gridmap.report.hiding import Hiding
from gridmap.report.manifest import MANIFEST, read_manifest
from gridmap.report.measured import Measured, Progress
from gridmap.report.report import Report, Request, build_report
from gridmap.report.suppressed_frame import SuppressedFrame, suppress_frame
from gridmap.report.tables import Column, Table
from gridmap.report.workbook import write_workbook
from gridmap.report.writing import (
    ALL_FORMATS,
    Written,
    check_target,
    parse_formats,
    write_report,
)

__all__ = [
    "ALL_FORMATS",
    "MANIFEST",
    "Column",
    "Hiding",
    "Measured",
    "Period",
    "Progress",
    "Report",
    "Request",
    "SuppressedFrame",
    "Table",
    "Written",
    "build_report",
    "check_target",
    "parse_formats",
    "parse_period",
    "read_manifest",
    "suppress_frame",
    "write_report",
    "write_workbook",
]
