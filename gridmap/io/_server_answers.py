"""What map servers say in their answers about the features they did not send."""

from __future__ import annotations

import re
from pathlib import Path

from gridmap.errors import InputError
from gridmap.io.options import Note

__all__ = ["held_back", "require_no_error"]

_ENDS = 65_536  # servers say it before or after the features
_EXCEEDED = re.compile(rb'"exceededTransferLimit"\s*:\s*(?:true|"true"|1)', re.IGNORECASE)
_TOTAL = re.compile(rb'"(?:numberMatched|totalFeatures|total_count)"\s*:\s*"?(\d{1,12})')
_NEXT = re.compile(rb'"rel"\s*:\s*"next"')
_ERROR = re.compile(rb'^\s*\{\s*"error"\s*:\s*\{[^{}]{0,400}?"code"\s*:\s*(-?\d{1,6})')
_LIMITS = {1_000, 2_000, 5_000, 10_000, 50_000}  # of ArcGIS, Socrata and GeoServer, as installed


def held_back(path: Path, count: int) -> list[Note]:
    """Return a remark on a download that is not the whole layer.

    Parameters
    ----------
    path
        The answer as it was saved.
    count
        How many features it holds.

    """
    with path.open("rb") as file:
        ends = file.read(_ENDS)
        file.seek(max(path.stat().st_size - _ENDS, 0))
        ends += b"\n" + file.read()
    values: dict[str, object] = {"file": path.name, "count": count}
    total = _TOTAL.search(ends)
    if total and int(total[1]) > count:
        return [Note("io.note.held_back_of", {**values, "total": int(total[1])})]
    if _EXCEEDED.search(ends) or _NEXT.search(ends):
        return [Note("io.note.held_back", values)]
    return [Note("io.note.round_count", values)] if count in _LIMITS else []


def require_no_error(path: Path) -> None:
    """Refuse an answer that is an error which the server sent as if all were well.

    Raises
    ------
    InputError
        If it is one; the message has the server's code.
    """
    with path.open("rb") as file:
        error = _ERROR.match(file.read(_ENDS))
    if error:
        raise InputError("io.error.server_error", file=path.name, code=int(error[1]))
