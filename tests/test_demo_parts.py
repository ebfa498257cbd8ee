"""The demo's own algorithms on maps small enough to check by eye."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from gridmap.demo._areas import Borders, join_lightest, loosen
from gridmap.demo._plan import LANE, LIMIT, RAIL, Blocks, CutLine, draw_blocks, lay_terrain
from gridmap.demo._shapes import (
    ordinal,
    scatter_people,
    station_names,
    street_names,
    town_names,
    village_names,
)


def _square(limit: int = LIMIT) -> tuple[Blocks, int]:
    """A square of 100 m with four people, one in each quarter."""
    blocks = Blocks()
    street = blocks.add_street(limit)
    ring = [
        blocks.add_node(x, y) for x, y in ((0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0))
    ]
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        blocks.link(a, b, street)
    return blocks, blocks.add_ring(ring, np.arange(4))


_PEOPLE = np.array([[25.0, 25.0], [75.0, 25.0], [75.0, 75.0], [25.0, 75.0]])


def _cut(blocks: Blocks, block: int, cut: CutLine) -> tuple[int, int]:
    places = blocks.find_ends(block, cut, 5.0)
    assert places is not None
    return blocks.divide(block, places, cut.street, _PEOPLE)


def test_cut_halves_a_square_and_its_people():
    blocks, block = _square()
    cut = CutLine(50.0, 0.0, 0.0, 1.0, blocks.add_street(LANE), 0.0)
    parts = _cut(blocks, block, cut)
    areas = [blocks.area(blocks.rings[part]) for part in parts]
    assert areas == [5000.0, 5000.0]
    found = {tuple(sorted(blocks.people[part].tolist())) for part in parts}
    assert found == {(0, 3), (1, 2)}


def test_neighbour_takes_the_end_of_a_street_into_its_border():
    blocks, block = _square()
    west, east = _cut(blocks, block, CutLine(50.0, 0.0, 0.0, 1.0, blocks.add_street(LANE), 0.0))
    if blocks.xs[min(blocks.rings[west])] != 0.0:
        west, east = east, west
    before = len(blocks.rings[east])
    _cut(blocks, west, CutLine(0.0, 40.0, 1.0, 0.0, blocks.add_street(LANE), 0.0))
    assert len(blocks.rings[east]) == before + 1
    assert blocks.area(blocks.rings[east]) == 5000.0


@pytest.mark.parametrize(("kind", "new_nodes"), [(LANE, 1), (RAIL, 2)])
def test_streets_meet_across_a_street_but_not_across_the_railway(kind: int, new_nodes: int):
    blocks, block = _square()
    first, second = _cut(blocks, block, CutLine(50.0, 0.0, 0.0, 1.0, blocks.add_street(kind), 0.0))
    _cut(blocks, first, CutLine(0.0, 40.0, 1.0, 0.0, blocks.add_street(LANE), 0.0))
    nodes = len(blocks.xs)
    _cut(blocks, second, CutLine(0.0, 43.0, 1.0, 0.0, blocks.add_street(LANE), 8.0))
    # A crossroads adds one node, the far end; two separate ends add two.
    assert len(blocks.xs) - nodes == new_nodes


def test_every_inner_edge_has_a_block_on_both_sides():
    rng = np.random.default_rng(1)
    terrain = lay_terrain(80, rng)
    points, zone = scatter_people(terrain, 80, rng)
    blocks = draw_blocks(terrain, points, zone, grids=80, communities=12, rng=rng)
    assert len(blocks.rings) == 80
    for block, ring in blocks.rings.items():
        assert blocks.area(ring) > 0
        for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
            assert blocks.left[a, b] == block
            assert (min(a, b), max(a, b)) in blocks.street_of


def _row(count: int) -> Borders:
    """Atoms in a row, each tied to the next by 1 m."""
    return {i: {j: 1.0 for j in (i - 1, i + 1) if 0 <= j < count} for i in range(count)}


def test_lightest_group_joins_its_lightest_neighbour_when_borders_are_equal():
    # 5 - 1 - 2 - 9: the 1 joins the 2, then that 3 joins the 5.
    weights = np.array([5.0, 1.0, 2.0, 9.0])
    assert join_lightest(np.arange(4), weights, _row(4), target=3).tolist() == [0, 1, 1, 2]
    assert join_lightest(np.arange(4), weights, _row(4), target=2).tolist() == [0, 0, 0, 1]


def test_groups_without_neighbours_stay():
    borders: Borders = {0: {1: 1.0}, 1: {0: 1.0}, 2: {}}
    assert join_lightest(np.arange(3), np.ones(3), borders, target=1).tolist() == [0, 0, 1]


def test_loosened_groups_stay_in_one_piece():
    # A field of 6 by 6 in two halves.
    side = 6
    borders: Borders = {
        r * side + c: {
            rr * side + cc: 1.0
            for rr, cc in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1))
            if 0 <= rr < side and 0 <= cc < side
        }
        for r in range(side)
        for c in range(side)
    }
    halves = np.repeat([0, 1], side * side // 2)
    found = loosen(halves, borders, share=0.5, rng=np.random.default_rng(3))
    assert (found != halves).any()
    for label in (0, 1):
        group = set(np.flatnonzero(found == label).tolist())
        seen, todo = set(), [min(group)]
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo += [n for n in borders[at] if n in group]
        assert seen == group


def test_names_do_not_run_out_and_do_not_repeat():
    rng = np.random.default_rng(0)
    for names in (town_names(rng), village_names(rng), street_names("巷", rng)):
        many = list(islice(names, 5000))
        assert len(set(many)) == 5000


def test_stations_are_named_by_where_they_lie():
    places = [(0.0, 0.0, True), (9.0, 0.5, False), (-8.0, 0.0, False), (8.0, 1.0, False)]
    assert station_names(places) == ["城关派出所", "城东派出所", "城西派出所", "城东北派出所"]


def test_numbers_in_chinese():
    assert [ordinal(n) for n in (1, 10, 11, 20, 34, 99)] == [
        "一",
        "十",
        "十一",
        "二十",
        "三十四",
        "九十九",
    ]


def test_displacement_keeps_the_plan_unfolded():
    terrain = lay_terrain(480, np.random.default_rng([7, 0]))
    grid = np.stack(np.meshgrid(np.linspace(-6000, 6000, 121), np.linspace(-5000, 5000, 101)), -1)
    moved = terrain.bend(grid.reshape(-1, 2)).reshape(grid.shape)
    right, up = np.diff(moved, axis=1)[:-1], np.diff(moved, axis=0)[:, :-1]
    turned = right[..., 0] * up[..., 1] - right[..., 1] * up[..., 0]
    assert turned.min() > 0
