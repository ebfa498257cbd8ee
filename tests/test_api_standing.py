"""Plans beside plans drawn by chance, in the verbs that propose and compare."""

from __future__ import annotations

import numpy as np
import pytest
from documents import in_language

import gridmap


@pytest.fixture(scope="module")
def city():
    return gridmap.make_city(grids=60, incidents=500)


@pytest.fixture(scope="module")
def found(city):
    return gridmap.propose(
        city, beats=4, tolerance=0.1, effort="quick", chance=200, front=3, ladder=True
    )


@pytest.mark.slow
def test_every_plan_is_a_point_and_todays_beats_are_too(city, found):
    points = found.points
    assert [point.today for point in points][1:] == [False] * len(found.plans)
    assert [point.name for point in points[1:]] == [plan.name for plan in found.plans]
    for point, row in zip(points[1:], found.rows, strict=True):
        assert point.cut_border_km == row["cut_border_km"]
        assert point.max_deviation == row["max_deviation"]
        assert point.mean_travel == row["mean_travel"]


@pytest.mark.slow
def test_shares_are_those_of_plans_that_were_drawn(found):
    drawn, best = found.chance, found.proposal.best.scores
    assert drawn.plans == 200
    own = found.points[1].chance
    assert own["cut_m"] == pytest.approx(np.mean(drawn.cut_m < best.cut_m), abs=0.05)
    assert own["travel_m"] == pytest.approx(np.mean(drawn.travel_m < best.travel_total), abs=0.05)
    assert f"{own['cut_m']:.0%}" in in_language("en", found.points[1].sentence)
    told = found.to_dict()
    assert told["chance"]["plans"] == 200
    assert told["points"][1]["chance"] == own
    assert told["points"][1]["sentence"] == found.standing()[1]
    assert [rung["allowed"] for rung in told["ladder"]] == [1, 2, 5, 10, 20]


def test_without_plans_drawn_nothing_is_said_of_chance(city):
    found = gridmap.propose(city, beats=4, effort="quick", chance=0)
    told = found.to_dict()
    assert told["chance"] is None
    assert told["ladder"] == []
    assert all(not point["chance"] and not point["sentence"] for point in told["points"])


@pytest.mark.slow
def test_todays_beats_are_no_point_of_plans_with_another_number(city):
    today = len(gridmap.propose(city, beats=4, effort="quick", chance=0).present)
    found = gridmap.propose(city, beats=today + 1, effort="quick", chance=100)
    assert found.points[0].today
    assert not found.points[0].chance
    assert found.points[1].chance


@pytest.mark.slow
def test_both_plans_of_a_comparison_are_told_among_plans_drawn(city, found):
    compared = gridmap.compare(city, after=found.plans[0], chance=100)
    assert [point.name for point in compared.points][1] == found.plans[0].name
    assert len(compared.to_dict()["points"]) == 2
    assert len(compared.standing()) == 2
