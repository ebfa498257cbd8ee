"""Which figures of a report are hidden: a mask for each level, field and period."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Hiding"]

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Hiding:
    """Masks of hidden figures.

    Parameters
    ----------
    limit
        Counts above 0 and below it are hidden; 0 hides nothing.
    masks
        ``(level, field, when)`` to a mask over the level's rows; ``when`` is ``now`` or
        ``before``. Totals stand under level ``city``, what is in no row of a level under
        ``outside-LEVEL``, each as a mask of one.
    """

    limit: int = 0
    masks: dict[tuple[str, str, str], Bools] = field(default_factory=dict)

    def of(self, level: str, name: str, length: int, *, when: str = "now") -> Bools:
        """Return the mask of a level's field, shape (length,)."""
        found = self.masks.get((level, name, when))
        return np.zeros(length, dtype=bool) if found is None else found

    def one(self, level: str, name: str, *, when: str = "now") -> bool:
        """Return whether a single figure is hidden."""
        return bool(self.of(level, name, 1, when=when)[0])

    @property
    def count(self) -> int:
        """Number of figures hidden."""
        return int(sum(mask.sum() for mask in self.masks.values()))
