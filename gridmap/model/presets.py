"""Figures that a department may change: radii, speeds, norms, each with its source."""

from __future__ import annotations

from dataclasses import dataclass, fields

from gridmap.errors import InputError

__all__ = ["Presets"]


@dataclass(frozen=True, slots=True)
class Presets:
    """Editable figures; ``gridmap.toml`` of a workspace may set each of them.

    Parameters
    ----------
    room_radius_m
        Reach of a police room for the coverage share; a house rule, no text states one.
    reach_min
        Minutes within which an officer should arrive: 5 in town, from a local 110 接处警规范
        (10 in the outskirts).
    walk_kmh, ebike_kmh
        Speeds off the road layer's own limits.
    coverage
        Distances and times that coverage offers, as `gridmap.measure.parse_within` reads them.
    gap_m
        Width of gaps and overlaps below which neighbours still share a border.

    Raises
    ------
    InputError
        If a figure is not a positive number.
    """

    room_radius_m: float = 1000.0
    reach_min: float = 5.0
    walk_kmh: float = 5.0
    ebike_kmh: float = 20.0
    coverage: str = "500m,1000m,1500m,5min,10min"
    gap_m: float = 1.0

    def __post_init__(self) -> None:
        """Check that every figure is a positive number."""
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "coverage" and isinstance(value, str):
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise InputError("model.error.preset", name=item.name, received=value)
