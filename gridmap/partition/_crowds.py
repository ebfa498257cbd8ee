"""Grids each of which is to be apart from all the others: as many beats as grids."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["crowd_of"]


def crowd_of(foes: Mapping[int, set[int]]) -> list[int]:
    """Return grids that are all to be apart from each other, as far as found greedily.

    Parameters
    ----------
    foes
        What each grid is to be apart from, as far as it counts here; no grid without any.
    """
    crowd: list[int] = []
    for v in sorted(foes, key=lambda v: (-len(foes[v]), v)):
        if foes[v] >= set(crowd):
            crowd.append(v)
    return crowd
