"""Problems on grids in a row or in a lattice, for tests of proposals."""

from __future__ import annotations

import numpy as np

from gridmap.partition import Problem


def row(weights, beats, borders, **options):
    """Grids in a row, 100 m apart; border i lies between grids i and i + 1."""
    n = len(weights)
    at = np.arange(n)
    values = {
        "weights": weights,
        "edges": np.stack([at[:-1], at[1:]], axis=1),
        "borders_m": np.array(borders, dtype=float),
        "xy": np.stack([at * 100.0, np.zeros(n)], axis=1),
        "beats": beats,
    }
    return Problem(**{**values, **options})


def lattice(rows, columns, weights, beats, **options):
    """Grids of 100 m in rows and columns; grid r * columns + c at row r, column c."""
    at = np.arange(rows * columns).reshape(rows, columns)
    across = np.stack([at[:, :-1].ravel(), at[:, 1:].ravel()], axis=1)
    down = np.stack([at[:-1].ravel(), at[1:].ravel()], axis=1)
    y, x = np.divmod(np.arange(rows * columns), columns)
    values = {
        "weights": weights,
        "edges": np.concatenate([across, down]),
        "xy": np.stack([x, y], axis=1) * 100.0,
        "beats": beats,
    }
    return Problem(**{**values, **options})
