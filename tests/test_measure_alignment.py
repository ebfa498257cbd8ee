"""Alignment and dasymetric shares by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely import LineString, Point, box

from gridmap.measure.crosswalk import alignment, crosswalk
from gridmap.measure.dasymetric import dasymetric

# | A | B | C | D |   four grids of 10 m; beat one ends in the middle of B; D is in none
GRIDS = np.array([box(10 * n, 0, 10 * n + 10, 10) for n in range(4)])
BEATS = np.array([box(0, 0, 15, 10), box(15, 0, 30, 10)])


def test_alignment_counts_residents_of_whole_grids():
    found = alignment(crosswalk(GRIDS, BEATS, target_ids=["one", "two"]), [30, 20, 40, 7])
    # one: A 30 + half of B 10; two: half of B 10 + C 40; D is in no beat
    assert found.city == pytest.approx(70 / 90)
    assert found.by_beat.to_dict() == pytest.approx({"one": 30 / 40, "two": 40 / 50})
    assert (found.whole_grids, found.split_grids, found.outside_grids) == (2, 1, 1)


def test_alignment_of_nobody_is_unknown():
    found = alignment(crosswalk(GRIDS, BEATS), [0, 0, 0, 0])
    assert np.isnan(found.city)
    assert found.by_beat.isna().all()


@pytest.mark.parametrize(
    ("control", "weights", "expected"),
    [
        ([Point(11, 1), Point(12, 1), Point(13, 1), Point(19, 1)], None, 0.75),
        ([LineString([(12, 5), (18, 5)]), LineString([(12, 6), (14, 6)])], None, 5 / 8),
        ([box(11, 1, 12, 2), box(17, 1, 18, 4)], None, 1 / 4),
        ([box(11, 1, 12, 2), box(17, 1, 18, 4)], [90.0, 10.0], 0.9),
    ],
)
def test_control_decides_where_people_of_a_cut_grid_live(control, weights, expected):
    table = crosswalk(GRIDS, BEATS)
    shares = dasymetric(table, GRIDS, BEATS, control, weights=weights).shares.toarray()
    assert shares[1].tolist() == pytest.approx([expected, 1 - expected])
    assert shares[0].tolist() == [1, 0]  # no control there: by area


def test_control_preserves_mass():
    table = crosswalk(GRIDS, BEATS)
    houses = shapely.points(np.random.default_rng(2).uniform(0, 40, 300), 5.0)
    moved = dasymetric(table, GRIDS, BEATS, houses).transfer([30.0, 20.0, 40.0, 7.0])
    assert moved.by_target.sum() + moved.unassigned == pytest.approx(97, rel=1e-12)
    assert moved.unassigned == pytest.approx(7)


def test_overlapping_targets_share_the_control():
    targets = np.array([box(0, 0, 10, 10), box(0, 0, 10, 10)])
    table = crosswalk(GRIDS[:1], targets)
    shares = dasymetric(table, GRIDS[:1], targets, [Point(5, 5)]).shares.toarray()
    assert shares.tolist() == [[0.5, 0.5]]
