"""Ways of getting there, with their speeds as editable presets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gridmap.errors import InputError

if TYPE_CHECKING:
    from gridmap.model import Presets

__all__ = ["CAR", "EBIKE", "WALK", "Mode", "Unit", "metres_per_minute", "modes_of"]

Unit = Literal["m", "min"]


@dataclass(frozen=True, slots=True)
class Mode:
    """One way of getting there.

    Parameters
    ----------
    name
        ``walk``, ``ebike``, ``car`` or a name of one's own.
    speed_kmh
        Speed on every road; None takes each road's own.
    oneway
        Whether one-way roads bind.
    default_kmh
        Speed on roads that state none, where ``speed_kmh`` is None; 30 is the limit of a
        town street without a centre line (道路交通安全法实施条例, article 45).
    access_kmh
        Speed between a point and its road; a person on foot.

    Raises
    ------
    InputError
        If a speed is not positive.
    """

    name: str
    speed_kmh: float | None
    oneway: bool
    default_kmh: float = 30.0
    access_kmh: float = 5.0

    def __post_init__(self) -> None:
        """Check the speeds."""
        given = {
            "speed_kmh": self.speed_kmh,
            "default_kmh": self.default_kmh,
            "access_kmh": self.access_kmh,
        }
        for name, speed in given.items():
            if speed is not None and not speed > 0:
                raise InputError("travel.error.speed", mode=self.name, name=name, received=speed)


WALK = Mode("walk", 5.0, oneway=False)
EBIKE = Mode("ebike", 20.0, oneway=True)
CAR = Mode("car", None, oneway=True)


def modes_of(presets: Presets) -> dict[str, Mode]:
    """Return the modes at a city's own speeds, by name."""
    return {
        "walk": Mode("walk", presets.walk_kmh, oneway=False, access_kmh=presets.walk_kmh),
        "ebike": Mode("ebike", presets.ebike_kmh, oneway=True, access_kmh=presets.walk_kmh),
        "car": Mode("car", None, oneway=True, access_kmh=presets.walk_kmh),
    }


def metres_per_minute(speed_kmh: float) -> float:
    """Return a speed in metres a minute.

    >>> metres_per_minute(6.0)
    100.0
    """
    return speed_kmh * 1000.0 / 60.0
