"""Preferred and avoided borders, limits per beat, sectors: what planners ask for besides."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gridmap
from gridmap.errors import InputError, OptionError
from gridmap.i18n import tr
from gridmap.measure import Workload
from gridmap.partition import problem_of, propose, union_beats
from tests.lattices import lattice, row


def test_a_preferred_border_is_taken_and_its_true_length_is_told():
    # Six alike in a row: the middle is even, yet within a third 2 and 4 may be parted too.
    factor = [1, 0.5, 1, 1, 1]
    found = propose(
        row(np.ones(6), 2, np.full(5, 10.0), border_factor=factor), tolerance=0.4, effort="quick"
    ).best
    assert found.assignment.tolist() == [0, 0, 1, 1, 1, 1]
    assert found.scores.cut_m == 10.0
    assert not found.proven  # borders as they are weighed are the shortest, not as they are


def test_an_avoided_border_is_not_taken_where_many_grids_make_a_search():
    # 8 x 8 in two beats: three straight lines across are even within 25 %, two of them dear.
    problem = lattice(8, 8, np.ones(64), 2)
    upper = problem.edges // 8
    at = upper.max(axis=1) * (upper[:, 0] != upper[:, 1])
    right = (problem.edges % 8).max(axis=1) * (upper[:, 0] == upper[:, 1])
    factor = np.where((at == 5) | (right > 0), 1.0, 2.0)
    factor[right > 0] = 3.0
    best = propose(problem.replace(border_factor=factor), tolerance=0.3, effort="quick").best
    assert sorted(best.scores.totals[:, 0].tolist()) == [24.0, 40.0]
    assert best.scores.cut_m == 8.0


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_a_limit_is_held_wherever_a_plan_holds_it(seed):
    rng = np.random.default_rng(seed)
    weights, amount = rng.integers(1, 9, 8).astype(float), rng.integers(1, 9, 8).astype(float)
    most = float(rng.integers(14, 30))
    problem = row(weights, 3, rng.integers(1, 9, 7), limited=amount[:, None], limits=(most,))
    best, exists = propose(problem, tolerance=0.5, effort="quick").best, False
    mean = weights.sum() / 3
    for a, b in itertools.combinations(range(1, 8), 2):
        parts = np.split(np.arange(8), [a, b])
        fits = all(abs(weights[p].sum() / mean - 1) <= 0.5 for p in parts)
        exists |= fits and all(amount[p].sum() <= most for p in parts)
    assert best.feasible == exists
    held = np.bincount(best.assignment, weights=amount)
    assert not exists or held.max() <= most


@pytest.mark.slow
def test_a_limit_on_grids_is_held_by_the_search_and_a_hopeless_one_is_named():
    weights = np.ones(144)
    weights[:36] = 4.0  # the south is busy: even beats in the north have 28 grids each
    problem = lattice(12, 12, weights, 9, limited=np.ones((144, 1)), limits=(22.0,))
    best = propose(problem, tolerance=0.5, effort="quick").best
    assert best.feasible
    assert np.bincount(best.assignment).max() <= 22
    free = propose(problem.replace(limited=None, limits=()), tolerance=0.05, effort="quick").best
    assert np.bincount(free.assignment).max() > 22
    told = propose(problem.replace(limits=(12.0,)), tolerance=0.5, effort="quick")
    assert not told.best.feasible
    assert "partition.note.limits" in [note.key for note in told.notes]


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_a_reach_is_held_wherever_a_plan_holds_it(seed):
    rng = np.random.default_rng(seed)
    weights, reach = rng.integers(1, 9, 8).astype(float), float(rng.choice([100, 200, 300]))
    best = propose(row(weights, 3, np.ones(7), reach=reach), tolerance=0.8, effort="quick").best
    mean, exists, at = weights.sum() / 3, False, np.arange(8) * 100.0

    def far(part):
        sums = [(weights[part] * np.abs(at[part] - at[c])).sum() for c in part]
        return np.abs(at[part] - at[part[int(np.argmin(sums))]]).max()

    for a, b in itertools.combinations(range(1, 8), 2):
        parts = np.split(np.arange(8), [a, b])
        fits = all(abs(weights[p].sum() / mean - 1) <= 0.8 for p in parts)
        exists |= fits and all(far(p) <= reach for p in parts)
    assert best.feasible == exists


def test_a_reach_shortens_long_beats_and_a_hopeless_one_is_named():
    # A strip of 4 x 25: five beats across reach 250 m and a little at their corners.
    problem = lattice(4, 25, np.ones(100), 5, borders_m=None)
    edges = problem.edges
    upright = np.abs(edges[:, 0] - edges[:, 1]) == 1
    problem = problem.replace(borders_m=np.where(upright, 900.0, 100.0))  # long stripes are cheap
    free = propose(problem, tolerance=0.2, effort="quick").best
    assert np.ptp(problem.xy[free.assignment == free.assignment[0], 0]) > 700
    held = propose(problem.replace(reach=400.0), tolerance=0.2, effort="quick").best
    assert held.feasible
    for b in range(5):
        own = problem.xy[held.assignment == b]
        assert np.hypot(*(own - problem.xy[held.scores.centres[b]]).T).max() <= 400.0
    told = propose(problem.replace(reach=150.0), tolerance=0.2, effort="quick")
    assert not told.best.feasible
    assert "partition.note.reach" in [note.key for note in told.notes]


def test_sectors_are_unions_of_whole_beats_in_one_piece():
    problem = lattice(6, 6, np.ones(36), 9)
    beats = (np.arange(36) // 12) * 3 + (np.arange(36) % 6) // 2
    sectors = union_beats(problem, beats, 3)
    assert np.bincount(sectors).tolist() == [12, 12, 12]
    assert len(set(zip(beats.tolist(), sectors.tolist(), strict=True))) == 9
    night = np.where(np.arange(36) < 12, 6.0, 1.0)  # 72 of 96 in the southern three beats
    by_night = union_beats(problem, beats, 2, weights=night, tolerance=0.3)
    assert sorted(np.bincount(by_night, weights=night)) == [48.0, 48.0]
    with pytest.raises(InputError):
        union_beats(problem, beats, 10)


@pytest.fixture(scope="module")
def town():
    """4 x 4 grids of 100 m; a main road between the second and third row, two communities."""
    cells = [shapely.box(x, y, x + 100, y + 100) for y in range(0, 400, 100)
             for x in range(0, 400, 100)]  # fmt: skip
    names = [f"g{i}" for i in range(16)]
    frame = gpd.GeoDataFrame(
        {"id": names, "residents": 10, "community": ["west", "west", "east", "east"] * 4},
        geometry=cells,
        crs="EPSG:32650",
    )
    roads = gpd.GeoDataFrame(
        {"id": ["r1", "r2"], "class": ["primary", "residential"]},
        geometry=[
            shapely.LineString([(0, 205), (400, 205)]),
            shapely.LineString([(0, 100), (400, 100)]),
        ],
        crs="EPSG:32650",
    )
    return gridmap.City.from_frames(grids=frame, roads=roads)


def test_borders_along_main_roads_and_communities_are_found(town):
    workload = Workload.from_city(town, {"residents": 1})
    problem = problem_of(town, workload, beats=2, prefer=["road"], avoid=["community"])
    y = problem.edges // 4
    along = (y[:, 0] == 1) & (y[:, 1] == 2)
    between = (problem.edges[:, 0] % 4 == 1) & (problem.edges[:, 1] % 4 == 2)
    expected = np.where(along, 0.5, 1.0) * np.where(between, 2.0, 1.0)
    np.testing.assert_allclose(problem.border_factor, expected)


def test_the_verb_says_what_is_missing_and_counts_sectors(town):
    asked = {"balance": {"residents": 1}, "effort": "quick", "chance": 0}
    found = gridmap.propose(town, beats=4, prefer="road,barrier", max_grids=4, sectors=2, **asked)
    assert np.bincount(found.plans[0].assignment).max() == 4
    note = tr("partition.note.no_layer", layer=tr("maps.kind.barrier"))
    assert note in found.notes()
    sectors = found.to_dict()["sectors"]
    assert sorted(name for one in sectors for name in one["beats"]) == ["01", "02", "03", "04"]
    assert [one["share"] for one in sectors] == [0.5, 0.5]
    with pytest.raises(OptionError, match="river"):
        gridmap.propose(town, beats=2, prefer="river")
