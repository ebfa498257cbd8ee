"""How near is near enough: 1,000 m, or 5 minutes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridmap.errors import InputError
from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.travel import Unit

__all__ = ["Within", "parse_within"]

_LEAST, _MOST = 0.01, 1e7  # metres or minutes


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
    words = {
        word: name
        for name in ("m", "km", "min")
        for word in (name, tr(f"coverage.words.{name}", language="zh"))
    }
    found = []
    for part in unicodedata.normalize("NFKC", text).lower().split(","):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(\w+)\s*", part)
        written = "" if match is None else words.get(match[2], "")
        if match is None or not written or float(match[1]) <= 0.0:
            raise InputError("coverage.error.within", received=part.strip() or text)
        factor = 1000.0 if written == "km" else 1.0
        unit: Unit = "min" if written == "min" else "m"
        value = float(match[1]) * factor
        if not _LEAST <= value <= _MOST:
            raise InputError("coverage.error.within_range", received=part.strip())
        found.append(Within(value, unit))
    return tuple(found)
