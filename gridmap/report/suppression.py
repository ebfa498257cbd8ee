"""Small counts hidden."""

from __future__ import annotations

from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured

__all__ = ["hide_counts"]


def hide_counts(measured: Measured, limit: int) -> Hiding:
    """Return."""
    return Hiding(limit)
