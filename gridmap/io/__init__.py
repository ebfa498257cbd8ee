"""Files in, trusted layers out: the only floor that opens data files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridmap._lazy import lazy_names

if TYPE_CHECKING:
    from gridmap.io._personal import (
        personal_columns,
        personal_reason,
        refuse_personal,
        refuse_personal_columns,
    )
    from gridmap.io._sources import opened_files, read_source
    from gridmap.io._tables import Source
    from gridmap.io._values import as_ids
    from gridmap.io._vector import FORMATS, Written, check_new_file, write_frame
    from gridmap.io.audit import check_city
    from gridmap.io.findings import MENDABLE, Finding, FindingKind, Severity
    from gridmap.io.importing import (
        KINDS,
        TABLE,
        guess_kind,
        import_files,
        read_control,
        read_files,
        read_layer,
        refresh_source,
    )
    from gridmap.io.options import ImportOptions, ImportReport, Note
    from gridmap.io.placing import check_new_folder, keep_arrays, kept_arrays
    from gridmap.io.repair import (
        TOLERANCE_M,
        LayerRepair,
        Repair,
        Repaired,
        repair_layer,
        repair_workspace,
        undo_repair,
    )
    from gridmap.io.workspace import Workspace, read_city, workspaces_at

__all__ = [
    "FORMATS", "KINDS", "MENDABLE", "TABLE", "TOLERANCE_M", "Finding", "FindingKind",
    "ImportOptions", "ImportReport", "LayerRepair", "Note", "Repair", "Repaired", "Severity",
    "Source", "Workspace", "Written", "as_ids", "check_city", "check_new_file", "check_new_folder",
    "guess_kind", "import_files", "keep_arrays", "kept_arrays", "opened_files", "personal_columns",
    "personal_reason", "read_city", "read_control", "read_files", "read_layer", "read_source",
    "refresh_source", "refuse_personal", "refuse_personal_columns", "repair_layer",
    "repair_workspace", "undo_repair", "workspaces_at", "write_frame",
]  # fmt: skip

__getattr__, __dir__ = lazy_names(__name__, __file__)
