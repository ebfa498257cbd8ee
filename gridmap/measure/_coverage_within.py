"""How near is near enough: 1,000 m, or 5 minutes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridmap.errors import InputError

if TYPE_CHECKING:
    from gridmap.travel import Unit

__all__ = ["PRESETS", "Within", "parse_within"]


@dataclass(frozen=True, slots=True)
class Within:
    """A distance or a time that counts as covered (``<=``).

    Parameters
    ----------
    value
        Metres or minutes, above 0.
    unit
        ``m`` or ``min``.
    """

    value: float
    unit: Unit

    def __str__(self) -> str:
        return f"{self.value:g}{self.unit}"


#: House rules but for 5 and 10 minutes, from a local 110接处警规范; all editable.
PRESETS = (
    Within(500.0, "m"),
    Within(1000.0, "m"),
    Within(1500.0, "m"),
    Within(5.0, "min"),
    Within(10.0, "min"),
)


def parse_within(text: str) -> tuple[Within, ...]:
    """Return the distances and times of a text such as ``1000m,5min``.

    Raises
    ------
    InputError
        If a part is not a positive number of m, km or min.

    Examples
    --------
    >>> [str(limit) for limit in parse_within("1km, 5 min")]
    ['1000m', '5min']
    """
    found = []
    for part in text.replace("，", ",").split(","):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(m|km|min|米|公里|分钟)\s*", part.lower())
        if match is None or float(match[1]) <= 0.0:
            raise InputError("coverage.error.within", received=part.strip())
        factor = 1000.0 if match[2] in {"km", "公里"} else 1.0
        unit: Unit = "min" if match[2] in {"min", "分钟"} else "m"
        found.append(Within(float(match[1]) * factor, unit))
    return tuple(found)
