"""Compiling the search once, at install or before the first plan."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gridmap.partition.problem import Problem
from gridmap.partition.propose import propose

__all__ = ["warm_up"]


def warm_up(on_progress: Callable[[float], None] | None = None) -> None:
    """Compile all compiled parts, or load them from numba's cache (about a second).

    Parameters
    ----------
    on_progress
        Called with the share done, 0 to 1, after each part.
    """
    at = np.arange(64).reshape(8, 8)
    edges = np.concatenate(
        [
            np.stack([at[:, :-1].ravel(), at[:, 1:].ravel()], axis=1),
            np.stack([at[:-1].ravel(), at[1:].ravel()], axis=1),
        ]
    )
    xy = np.stack(np.divmod(np.arange(64), 8), axis=1).astype(np.float64)
    weights = np.arange(64, dtype=np.float64) % 7
    problem = Problem(weights=weights, edges=edges, beats=5, xy=xy)
    parts = (
        {"effort": "quick", "tolerance": 0.02},
        {"effort": "quick", "tolerance": 0.1, "objective": "travel"},
        {"effort": "normal", "tolerance": 0.1, "seconds": 0.2},
        {"effort": "quick", "tolerance": 0.1, "objective": "travel", "prove": True, "seconds": 1},
    )
    for i, options in enumerate(parts):
        propose(problem, **options)  # type: ignore[arg-type]  # a table of options
        if on_progress is not None:
            on_progress((i + 1) / len(parts))
