"""Every plan is a partition, every beat one piece, and what must hold holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.errors import InfeasibleError, InputError
from gridmap.partition import Problem, propose, score_plan

SLOW = settings(max_examples=25)


def lattice(rows, columns, weights, beats, **options):
    """Grids of 100 m in rows and columns; grid r * columns + c at row r, column c."""
    at = np.arange(rows * columns).reshape(rows, columns)
    edges = np.concatenate(
        [
            np.stack([at[:, :-1].ravel(), at[:, 1:].ravel()], axis=1),
            np.stack([at[:-1].ravel(), at[1:].ravel()], axis=1),
        ]
    )
    y, x = np.divmod(np.arange(rows * columns), columns)
    sides = (y == 0).astype(float) + (y == rows - 1) + (x == 0) + (x == columns - 1)
    values = {
        "weights": weights,
        "edges": edges,
        "borders_m": np.full(len(edges), 100.0),
        "xy": np.stack([x, y], axis=1) * 100.0 + 50.0,
        "areas_m2": np.full(rows * columns, 10_000.0),
        "outer_m": sides * 100.0,
        "beats": beats,
    }
    return Problem(**{**values, **options})


@st.composite
def cities(draw):
    """Return a lattice with random workloads, some zero, and some borders missing."""
    rows, columns = draw(st.integers(2, 7)), draw(st.integers(2, 7))
    n = rows * columns
    weights = draw(st.lists(st.integers(0, 20), min_size=n, max_size=n))
    beats = draw(st.integers(1, min(n, 6)))
    problem = lattice(rows, columns, weights, beats)
    seed = draw(st.integers(0, 1000))
    keep = np.random.default_rng(seed).random(len(problem.edges)) > draw(
        st.sampled_from([0.0, 0.2, 0.5])
    )
    return problem.replace(edges=problem.edges[keep], borders_m=problem.borders_m[keep])


@pytest.mark.slow
@SLOW
@given(cities(), st.sampled_from(["compact", "balance", "travel"]), st.integers(0, 3))
def test_every_plan_is_a_partition_in_single_pieces(problem, objective, seed):
    proposal = propose(problem, objective=objective, effort="quick", seed=seed)
    plan = proposal.best
    assert plan.assignment.shape == (problem.grids,)
    assert set(plan.assignment.tolist()) == set(range(problem.beats))
    assert (plan.scores.pieces == 1).all()
    assert plan.scores.totals.sum() == problem.weights.sum()


def test_a_lattice_is_halved_along_its_short_side():
    # 2 x 4 grids of one each: two squares of four, cut 2 x 100 m, perimeters 8 x 100 m.
    plan = propose(lattice(2, 4, np.ones(8), 2), tolerance=0.01, effort="quick").best
    assert plan.assignment.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert plan.scores.cut_m == 200.0
    assert plan.scores.perimeters_m.tolist() == [800.0, 800.0]
    assert plan.scores.polsby_popper == pytest.approx(4 * np.pi * 40_000 / 800**2)


def test_same_seed_same_plan_whatever_the_numbering():
    rng = np.random.default_rng(5)
    problem = lattice(8, 8, rng.integers(0, 9, 64), 5)
    first = propose(problem, effort="quick", seed=3).best.assignment
    again = propose(problem, effort="quick", seed=3).best.assignment
    assert (first == again).all()
    moved = propose(problem.replace(xy=problem.xy + 12_345.0), effort="quick", seed=3).best
    assert (moved.assignment == first).all()
    order = rng.permutation(64)
    place = np.argsort(order)
    shuffled = problem.replace(
        weights=problem.weights[order],
        edges=place[problem.edges],
        xy=problem.xy[order],
        areas_m2=problem.areas_m2[order],
        outer_m=problem.outer_m[order],
    )
    other = propose(shuffled, effort="quick", seed=3).best
    assert other.scores.cut_m == pytest.approx(
        score_plan(problem, first, np.zeros((0, 2), int)).cut_m
    )
    together = first[:, None] == first[None, :]
    back = other.assignment[place]
    assert ((back[:, None] == back[None, :]) == together).all()


def test_stations_are_not_crossed_and_whole_numbers_are_explained():
    stations = np.array(["south"] * 16 + ["north"] * 20)
    problem = lattice(6, 6, np.ones(36), 5, parents=stations)
    proposal = propose(problem, effort="quick")
    for beat in range(5):
        assert len(set(stations[proposal.best.assignment == beat])) == 1
    assert any("Whole numbers" in text for text in proposal.sentences("en"))


def test_islands_get_a_beat_or_a_bridge():
    problem = lattice(2, 6, np.ones(12), 2)
    cut = np.isin(problem.edges, [5, 11]).any(axis=1) & ~np.isin(problem.edges, [5, 11]).all(
        axis=1
    )
    island = problem.replace(edges=problem.edges[~cut], borders_m=problem.borders_m[~cut])
    proposal = propose(island, effort="quick")
    assert len(proposal.bridges) == 1
    assert (proposal.best.scores.pieces == 1).all()
    assert any("bridges" in text for text in proposal.sentences("en"))


def test_locks_hold():
    problem = lattice(
        6,
        6,
        np.ones(36),
        4,
        fixed=np.where(np.arange(36) == 0, 2, np.where(np.arange(36) == 35, 0, -1)),
        together=((5, 30),),
        apart=((14, 15), (20, 21)),
    )
    plan = propose(problem, tolerance=0.3, effort="quick").best.assignment
    assert plan[0] == 2
    assert plan[35] == 0
    assert plan[5] == plan[30]
    assert plan[14] != plan[15]
    assert plan[20] != plan[21]


def test_a_frozen_beat_stays_and_rooms_hold():
    present = np.repeat(np.arange(3), 12)
    problem = lattice(6, 6, np.ones(36), 3, present=present, frozen=(1,))
    plan = propose(problem, effort="quick").best.assignment
    assert ((plan == 1) == (present == 1)).all()
    roomy = lattice(6, 6, np.ones(36), 3, rooms=[0, 35, -1])
    found = propose(roomy, objective="travel", effort="quick").best
    assert found.assignment[0] == 0
    assert found.assignment[35] == 1
    assert found.scores.centres[:2].tolist() == [0, 35]


def test_least_change_keeps_what_it_can():
    weights = np.ones(36)
    weights[:6] = 2.0
    present = np.repeat(np.arange(3), 12)
    problem = lattice(6, 6, weights, 3, present=present)
    plan = propose(problem, objective="change", tolerance=0.08, keep=0.85, effort="quick").best
    assert plan.scores.kept >= 0.85
    assert plan.scores.max_deviation <= 0.08


def test_requests_that_cannot_be_are_refused():
    problem = lattice(2, 2, [1, 1, 1, 9], 2)
    with pytest.raises(InputError, match=r"objective|目标"):
        propose(problem, objective="beauty")
    with pytest.raises(InfeasibleError) as heavy:
        propose(problem.replace(bounds=(5, 7)))
    assert heavy.value.key == "partition.error.heavy_grid"
    with pytest.raises(InfeasibleError) as few:
        propose(problem.replace(parents=["a", "b", "c", "d"]))
    assert few.value.key == "partition.error.few_beats"
    explained = propose(problem, tolerance=0.1, effort="quick")
    assert not explained.best.feasible
    assert "3" in explained.sentences("en")[0]


@pytest.mark.parametrize(
    ("name", "value"), [("weights", [1, -1, 1, 1]), ("xy", np.full((4, 2), np.nan))]
)
def test_bad_arrays_are_refused(name, value):
    with pytest.raises(InputError):
        lattice(2, 2, [1, 1, 1, 1], 2, **{name: value}) if name == "xy" else lattice(
            2, 2, value, 2
        )


def test_a_front_has_no_plan_that_another_beats():
    rng = np.random.default_rng(8)
    present = np.repeat(np.arange(4), 16)
    problem = lattice(8, 8, rng.integers(1, 9, 64), 4, present=present)
    proposal = propose(problem, effort="quick", front=4, tolerance=0.1)
    assert proposal.best.objective == "compact"
    assert 1 <= len(proposal.candidates) <= 4
    kept = [one.scores.kept for one in proposal.candidates]
    assert max(kept) >= kept[0]


@pytest.mark.slow
def test_stopping_and_processes_leave_valid_plans():
    rng = np.random.default_rng(2)
    problem = lattice(12, 12, rng.integers(1, 9, 144), 8, parents=np.repeat([0, 1], 72))
    told = []
    stopped = propose(problem, effort="thorough", should_stop=lambda: True)
    assert (stopped.best.scores.pieces == 1).all()
    alone = propose(problem, effort="quick", seed=4, on_progress=told.append).best.assignment
    assert told[-1].share == pytest.approx(1.0)
    shared = propose(problem, effort="quick", seed=4, processes=2).best.assignment
    assert (alone == shared).all()


@pytest.mark.slow
def test_progress_never_goes_back_and_ends_with_the_search():
    rng = np.random.default_rng(3)
    problem = lattice(12, 12, rng.integers(1, 9, 144), 8)
    told = []
    propose(problem, effort="quick", front=3, on_progress=told.append)
    shares = [one.share for one in told]
    assert shares == sorted(shares)
    assert len(shares) > 20
    assert shares[0] < 0.2
    assert shares[-1] == pytest.approx(1.0)
    assert list(dict.fromkeys(one.objective for one in told)) == ["compact", "balance", "travel"]
