"""Residents, migrants and households of each grid, and what kind of ground it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridmap.demo._blocks import Blocks
from gridmap.demo._people import POINTS_PER_GRID
from gridmap.demo._terrain import ZONES, Terrain

__all__ = ["Census", "count_people"]

Floats = NDArray[np.float64]

# People for each grid's worth of points, by zone: residents, migrants as a share of them,
# persons in a household.
_RESIDENTS = (1120.0, 1040.0, 760.0, 300.0, 430.0)
_MIGRANTS = (0.14, 0.12, 0.06, 1.6, 0.015)
_PERSONS = (2.45, 2.75, 2.9, 2.2, 3.1)


@dataclass(frozen=True)
class Census:
    """Counts by grid, all of shape (g,).

    Parameters
    ----------
    residents, migrants, households
        Whole numbers.
    zone
        Index into ``ZONES``: the ground that most of the grid's people stand on.
    urban
        Share of the grid's people who live in town.
    """

    residents: NDArray[np.int64]
    migrants: NDArray[np.int64]
    households: NDArray[np.int64]
    zone: NDArray[np.int64]
    urban: Floats


def count_people(
    blocks: Blocks, terrain: Terrain, zone: NDArray[np.int8], rng: np.random.Generator
) -> Census:
    """Return the people of each grid, in the order of the sorted blocks."""
    order = sorted(blocks.rings)
    mix = np.array(
        [np.bincount(zone[blocks.people[block]], minlength=len(ZONES)) for block in order],
        dtype=float,
    )
    size = np.maximum(mix.sum(axis=1), 1.0)
    middle = np.array(
        [
            (
                np.mean([blocks.xs[n] for n in blocks.rings[b]]),
                np.mean([blocks.ys[n] for n in blocks.rings[b]]),
            )
            for b in order
        ]
    )
    count = len(order)
    residents = mix @ np.array(_RESIDENTS) / POINTS_PER_GRID
    residents *= np.exp(rng.normal(0.0, 0.24, count))
    ground = mix.argmax(axis=1)
    # Parks, schools, offices and works: blocks where hardly anybody lives.
    quiet = (rng.uniform(0, 1, count) < 0.05) & (ground <= 1)
    residents *= np.where(quiet, rng.uniform(0.04, 0.3, count), 1.0)
    share = mix @ np.array(_MIGRANTS) / size
    x, y, dx, dy = terrain.rail
    station = (x + 0.15 * terrain.towns[0].core_m * dx, y + 0.15 * terrain.towns[0].core_m * dy)
    away = np.hypot(middle[:, 0] - station[0], middle[:, 1] - station[1])
    share += 0.7 * np.exp(-((away / (0.6 * terrain.towns[0].core_m)) ** 2)) * (ground != 4)
    share *= np.exp(rng.normal(0.0, 0.45, count))
    persons = mix @ np.array(_PERSONS) / size * np.exp(rng.normal(0.0, 0.05, count))
    whole = np.rint(residents).astype(np.int64)
    return Census(
        residents=whole,
        migrants=np.rint(residents * share).astype(np.int64),
        households=np.rint(whole / np.maximum(persons, 1.5)).astype(np.int64),
        zone=ground,
        urban=1.0 - mix[:, 4] / size,
    )
