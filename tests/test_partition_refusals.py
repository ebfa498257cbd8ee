"""What cannot be is refused by name, in both languages, before any search begins."""

import numpy as np
import pytest

from gridmap.errors import InfeasibleError, InputError
from gridmap.partition import Problem, propose
from gridmap.partition._locks import check_options

NAN, INF = float("nan"), float("inf")
TODAY = [0, 0, 0, 1, 1, 1]


def row(**options):
    """Six grids in a row."""
    values = {
        "weights": [1.0, 2, 3, 4, 5, 6],
        "edges": [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)],
        "beats": 2,
        "xy": [(100.0 * i, 0.0) for i in range(6)],
    }
    return Problem(**{**values, **options})


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("beats", {"beats": 2.5}),
        ("beats", {"beats": "2"}),
        ("beats", {"beats": True}),
        ("beats", {"beats": None}),
        ("beats", {"beats": 0}),
        ("beats", {"beats": 7}),
        ("shape", {"weights": []}),
        ("shape", {"weights": 3.0}),
        ("shape", {"weights": np.ones((6, 1, 1))}),
        ("shape", {"weights": np.ones((6, 0))}),
        ("not_numbers", {"weights": ["a"] * 6}),
        ("not_numbers", {"weights": [[1], [1, 2]]}),
        ("not_numbers", {"weights": np.array(["2024-01-01"] * 6, dtype="datetime64[D]")}),
        ("not_finite", {"weights": [INF] * 6}),
        ("not_finite", {"weights": [1, 2, None, 4, 5, 6]}),
        ("too_large", {"weights": [1e308] * 6}),
        ("too_small", {"weights": [1e-320] * 6}),
        ("negative", {"weights": [-1.0, 2, 3, 4, 5, 6]}),
        ("shape", {"edges": [0, 1, 2]}),
        ("shape", {"edges": [(0, 1, 2)]}),
        ("not_whole", {"edges": [(0.9, 1.2)]}),
        ("not_numbers", {"edges": iter([(0, 1)])}),
        ("edges", {"edges": [(0, 6)]}),
        ("too_large", {"borders_m": [1e300] * 5}),
        ("too_large", {"xy": np.full((6, 2), 1e300)}),
        ("negative", {"travel": -np.ones((6, 6))}),
        ("not_finite", {"travel": np.full((6, 6), NAN)}),
        ("not_finite", {"travel": np.full((6, 6), INF)}),
        ("too_large", {"travel": np.full((6, 6), 1e308)}),
        ("shape", {"travel": np.ones(6)}),
        ("shape", {"targets": 3}),
        ("shape", {"targets": [1, 2, 3]}),
        ("shape", {"targets": np.ones((2, 1, 1))}),
        ("not_positive", {"targets": [2, 0]}),
        ("too_large", {"targets": [1e308, 1e308]}),
        ("targets_ratio", {"targets": [1e-320, 1]}),
        ("shape", {"tolerances": 0.1}),
        ("shape", {"tolerances": (0.1, 0.1)}),
        ("tolerance", {"tolerances": (-0.1,)}),
        ("tolerance", {"tolerances": (NAN,)}),
        ("tolerance", {"tolerances": (INF,)}),
        ("bounds_order", {"bounds": (1, 2, 3)}),
        ("bounds_order", {"bounds": (20, 5)}),
        ("bounds_order", {"bounds": (NAN, NAN)}),
        ("bounds_order", {"bounds": (-INF, 15)}),
        ("bounds_order", {"bounds": (INF, INF)}),
        ("not_numbers", {"bounds": "ab"}),
        ("not_finite", {"present": [NAN] * 6}),
        ("not_whole", {"present": [0.5] * 6}),
        ("labels", {"present": [-5, 0, 0, 1, 1, 1]}),
        ("labels", {"fixed": [-9] * 6}),
        ("fixed", {"fixed": [2, -1, -1, -1, -1, -1]}),
        ("fixed", {"fixed": [50, -1, -1, -1, -1, -1], "present": TODAY}),
        ("frozen_empty", {"frozen": (-1,), "present": [-1, 0, 0, 1, 1, 1]}),
        ("not_whole", {"frozen": (0.5,), "present": TODAY}),
        ("not_numbers", {"frozen": 0, "present": TODAY}),
        ("grids", {"rooms": [-7, -1]}),
        ("not_whole", {"rooms": [1.7, -1]}),
        ("shape", {"rooms": 1}),
        ("not_numbers", {"together": 1}),
        ("not_whole", {"together": ((0, 1.5),)}),
        ("shape", {"apart": ((0, 1, 2),)}),
        ("grids", {"apart": ((0, 6),)}),
    ],
)
def test_what_is_no_problem_is_refused(said, wrong):
    with pytest.raises(InputError) as told:
        row(**wrong)
    assert told.value.key == f"partition.error.{said}"
    name = next(iter(wrong))
    for language in ("zh", "en"):
        text = told.value.text(language)
        assert "\n" not in text
        assert name in text or said in {"beats", "tolerance", "bounds_order", "targets_ratio",
                                        "grids", "frozen_empty", "fixed"}  # fmt: skip


def test_no_upper_bound_is_the_whole_workload():
    problem = row(bounds=(8, INF))
    assert problem.bounds == (8.0, 21.0)
    loads = np.bincount(propose(problem, effort="quick").best.assignment, problem.weights[:, 0])
    assert loads.min() >= 8


def test_a_beat_locked_twice_is_named_once():
    assert row(present=TODAY, frozen=(0, 0)).frozen == (0,)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("effort", {"effort": "fast"}),
        ("effort", {"effort": None}),
        ("objective", {"objective": None}),
        ("seed", {"seed": -1}),
        ("seed", {"seed": 1.5}),
        ("counts", {"front": 1.5}),
        ("counts", {"front": 0}),
        ("counts", {"processes": True}),
        ("tolerance", {"tolerance": NAN}),
        ("tolerance", {"tolerance": "5%"}),
        ("keep", {"keep": NAN}),
        ("keep", {"keep": "all"}),
        ("seconds", {"seconds": NAN}),
        ("seconds", {"seconds": -1}),
    ],
)
def test_options_that_cannot_be_are_refused(said, wrong):
    usual = {
        "objective": "compact",
        "tolerance": 0.05,
        "keep": None,
        "front": 1,
        "processes": 1,
        "effort": "quick",
    }
    with pytest.raises(InputError) as told:
        check_options(row(present=TODAY), **{**usual, **wrong})
    assert told.value.key == f"partition.error.{said}"
    assert all("\n" not in told.value.text(language) for language in ("zh", "en"))


RING = {"edges": [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (4, 5)]}
AROUND = tuple((i, (i + 1) % 5) for i in range(5))


@pytest.mark.parametrize(
    ("beats", "options", "named"),
    [
        (1, {"apart": ((2, 5),)}, "2, 5"),
        (2, {"apart": ((0, 1), (1, 2), (0, 2))}, "0, 1, 2"),
        # One of three is locked: two are left for three.
        (
            3,
            {"apart": ((1, 2), (2, 4), (1, 4)), "present": [0, 1, 1, 2, 2, 0], "frozen": (0,)},
            "1, 2, 4",
        ),
        # 0 and 1 go together: who is apart from one is apart from the other.
        (2, {"apart": ((0, 2), (1, 3), (2, 3)), "together": ((0, 1),)}, "0, 1, 2, 3"),
    ],
)
def test_more_grids_apart_than_beats_are_refused_by_name(beats, options, named):
    problem = row(**{**options, "beats": beats})
    with pytest.raises(InfeasibleError) as told:
        propose(problem, tolerance=1.0, effort="quick")
    assert told.value.key == "partition.error.apart_crowd"
    for language in ("zh", "en"):
        assert named in told.value.text(language)


@pytest.mark.parametrize(
    "options",
    [
        {"apart": ((0, 1), (1, 2), (0, 2)), "beats": 3},
        {"apart": AROUND, "beats": 3, **RING},
        # A locked beat is apart from all others as it is.
        {"apart": ((0, 3), (0, 4), (3, 5)), "present": TODAY, "frozen": (0,), "beats": 3},
    ],
)
def test_as_many_grids_apart_as_beats_are_not_refused(options):
    assert propose(row(**options), tolerance=1.0, effort="quick").best.assignment.size == 6


def test_a_ring_that_two_beats_cannot_keep_apart_is_named():
    # Each of five differs from the next: two beats would alternate, and five is odd.
    found = propose(row(apart=AROUND, **RING), tolerance=1.0, effort="quick")
    assert not found.best.feasible
    assert "partition.note.apart" in [note.key for note in found.notes]


def test_many_pairs_apart_are_looked_through_in_no_time():
    n = 300
    edges = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)
    pairs = tuple((i, j) for i in range(n) for j in range(i) if (i * 7 + j * 13) % 3)
    problem = Problem(weights=np.ones(n), edges=edges, beats=5, apart=pairs)
    with pytest.raises(InfeasibleError) as told:
        propose(problem, effort="quick")
    assert told.value.key == "partition.error.apart_crowd"
