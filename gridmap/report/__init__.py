"""Reports: what an analyst sends and a commander prints."""

from gridmap.measure.period import Period, parse_period
from gridmap.report.measured import Measured, TellProgress
from gridmap.report.report import Report, Request, build_report
from gridmap.report.settings import (
    SETTINGS,
    Remarks,
    ReportSettings,
    parse_remarks,
    read_remarks,
    read_settings,
    write_settings,
)
from gridmap.report.suppression import Hiding, SuppressedFrame
from gridmap.report.tables import Column, Table
from gridmap.report.workbook import write_workbook
from gridmap.report.writing import (
    ALL_FORMATS,
    MANIFEST,
    ReportFiles,
    check_target,
    parse_formats,
    read_manifest,
    write_report,
    write_templates,
)

__all__ = [
    "ALL_FORMATS",
    "MANIFEST",
    "SETTINGS",
    "Column",
    "Hiding",
    "Measured",
    "Period",
    "Remarks",
    "Report",
    "ReportFiles",
    "ReportSettings",
    "Request",
    "SuppressedFrame",
    "Table",
    "TellProgress",
    "build_report",
    "check_target",
    "parse_formats",
    "parse_period",
    "parse_remarks",
    "read_manifest",
    "read_remarks",
    "read_settings",
    "write_report",
    "write_settings",
    "write_templates",
    "write_workbook",
]
