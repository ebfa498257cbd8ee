"""Shifts and patrol routes."""

from __future__ import annotations

__all__: list[str] = []
