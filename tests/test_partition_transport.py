"""Workload that has far to go: the least flow, and plans that need none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from gridmap.partition import Problem, propose
from gridmap.partition._transport import flow_potential


def _ring(count: int) -> tuple[np.ndarray, np.ndarray]:
    cols = np.array([[(b - 1) % count, (b + 1) % count] for b in range(count)])
    return np.arange(count + 1) * 2, np.sort(cols, axis=1).ravel()


def _after(
    ptr: np.ndarray, cols: np.ndarray, total: np.ndarray, potential: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return what beats carry once all has flowed, and the sum of squared flows."""
    rows = np.repeat(np.arange(len(total)), np.diff(ptr))
    flow = potential[rows] - potential[cols]
    out = np.bincount(rows, weights=flow, minlength=len(total))
    return total - out, float((flow**2).sum()) / 2


def _settled(
    ptr: np.ndarray, cols: np.ndarray, total: np.ndarray, lo: np.ndarray, hi: np.ndarray
) -> np.ndarray:
    potential = np.zeros(len(total))
    for _ in range(40):
        potential = flow_potential(ptr, cols, total, lo, hi, potential)
    return potential


def test_surplus_of_one_end_flows_along_the_chain_to_the_other() -> None:
    ptr, cols = np.array([0, 1, 3, 5, 6]), np.array([1, 0, 2, 1, 3, 2])
    total = np.array([13.0, 11.0, 9.0, 7.0])
    bounds = np.full(4, 9.0), np.full(4, 11.0)
    potential = _settled(ptr, cols, total, *bounds)
    carried, _ = _after(ptr, cols, total, potential)
    # 2 over at the first, 2 missing at the last: both inner beats pass 2 through.
    np.testing.assert_allclose(-np.diff(potential), [2.0, 2.0, 2.0], atol=1e-2)
    np.testing.assert_allclose(carried, [11.0, 11.0, 9.0, 9.0], atol=1e-2)


def test_nothing_flows_where_all_beats_are_inside_their_bounds() -> None:
    ptr, cols = _ring(6)
    total = np.array([9.1, 10.9, 10.0, 9.5, 10.2, 10.3])
    found = flow_potential(ptr, cols, total, np.full(6, 9.0), np.full(6, 11.0), np.zeros(6))
    assert not found.any()


def test_what_fits_nowhere_is_shared_evenly() -> None:
    ptr, cols = _ring(4)
    total = np.array([20.0, 10.0, 10.0, 12.0])
    potential = _settled(ptr, cols, total, np.full(4, 9.0), np.full(4, 11.0))
    carried, _ = _after(ptr, cols, total, potential)
    np.testing.assert_allclose(carried, 13.0, atol=1e-2)


@settings(max_examples=25)
@given(st.lists(st.floats(5.0, 15.0), min_size=4, max_size=9), st.floats(0.0, 2.0))
def test_flow_is_the_least_that_brings_all_inside(loads: list[float], half: float) -> None:
    total = np.array(loads)
    count = len(total)
    ptr, cols = _ring(count)
    lo, hi = np.full(count, total.mean() - half), np.full(count, total.mean() + half)
    carried, squares = _after(ptr, cols, total, _settled(ptr, cols, total, lo, hi))
    assert (carried <= hi + 0.05).all()
    assert (carried >= lo - 0.05).all()
    assert carried.sum() == pytest.approx(total.sum())
    # Flow along the ring, one unknown a border: b gives flow[b] to its successor.
    known = minimize(
        lambda flow: float((flow**2).sum()),
        np.zeros(count),
        jac=lambda flow: 2 * flow,
        method="SLSQP",
        constraints=[
            {"type": "ineq", "fun": lambda flow: hi - (total - flow + np.roll(flow, 1))},
            {"type": "ineq", "fun": lambda flow: (total - flow + np.roll(flow, 1)) - lo},
        ],
    )
    assert known.success
    assert squares == pytest.approx(known.fun, rel=0.02, abs=0.05)


def test_beats_that_handing_over_has_parted_stay_in_one_piece() -> None:
    edges = [(0, 1), (1, 2), (2, 3), (5, 6), (7, 8), (8, 9), (1, 6), (2, 7), (3, 8), (4, 9)]
    problem = Problem(
        weights=np.array([1, 0, 0, 1, 3, 5, 2, 4, 2, 3], dtype=float),
        edges=np.array(edges),
        borders_m=np.array([6, 7, 6, 1, 7, 7, 4, 1, 1, 2], dtype=float),
        beats=4,
        together=((7, 2),),
    )
    proposal = propose(problem, tolerance=0.1, objective="balance", effort="normal")
    assert (proposal.best.scores.pieces == 1).all()
