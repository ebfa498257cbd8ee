"""``gridmap propose``: propose beats."""

from __future__ import annotations


def command() -> None:
    """Propose beats."""
