"""Posts held for under three years: when they are free, and who breaks the rule."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

import gridmap
from gridmap.demo import make_city
from gridmap.errors import MissingError
from gridmap.measure.pieces import present_plan
from gridmap.measure.staffing import post_dates, steady_posts, steady_weights
from gridmap.model import Kind, Layer


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=200)


def posted(city, since):
    """Return the city with these days for its first beats, and none for the others."""
    cells = list(since) + [""] * (len(city.beats) - len(since))
    frame = city.beats.frame.assign(post_since=cells)
    return replace(city, layers=city.layers | {Kind.BEAT: Layer(Kind.BEAT, frame)})


def test_days_are_read_as_people_write_them():
    cells = ["2023-05-01", "2023/5/1", "20230501", "２０２３年５月１日", "2023年5月",
             "2023-05-01 00:00:00", "2023-02-30", "", "三年前"]  # fmt: skip
    found = post_dates(cells).astype(str).tolist()
    assert found == ["2023-05-01"] * 6 + ["NaT"] * 3


def test_a_post_is_free_three_years_after_it_began(city):
    told = posted(city, ["2022-06-30", "2022-07-01", "2024-02-29", "2010-01-01"])
    found = steady_posts(told, as_of=date(2025, 6, 30)).rows.set_index("id")
    first, second, third, fourth, *rest = told.beats.ids
    assert str(found.loc[first, "free_on"].date()) == "2025-06-30"
    assert not found.loc[first, "bound"]  # on the day itself it is free
    assert found.loc[second, "bound"]
    assert found.loc[second, "months_left"] == 1
    assert str(found.loc[third, "free_on"].date()) == "2027-02-28"
    assert found.loc[fourth, "months_left"] == 0
    assert not found.loc[rest, "bound"].any()
    assert found.loc[rest, "months_left"].isna().all()
    assert found.index[0] == third  # bound longest first


def test_without_dates_the_column_is_named(city):
    with pytest.raises(MissingError, match="post_since"):
        steady_posts(posted(city, []))


def test_a_comparison_says_how_many_break_the_rule(city):
    # One beat takes all grids of its neighbour: the neighbour's officer loses the community.
    plan = present_plan(city)
    given, taker = 0, 1
    rows = np.flatnonzero(plan.assignment == given)
    after = plan.move(plan.grid_ids[rows], to=plan.beats[taker].id)
    young = posted(city, ["2024-06-01"] * len(city.beats))
    result = gridmap.compare(young, after=after)
    assert result.posts_broken == (plan.beats[given].id,)
    assert len(result.posts.bound) == len(city.beats)
    assert plan.beats[given].label in result.sentences()[-1]
    old = gridmap.compare(posted(city, ["2010-06-01"] * len(city.beats)), after=after)
    assert old.posts_broken == ()
    none = gridmap.compare(posted(city, []), after=after)
    assert none.posts is None


def test_grids_of_bound_beats_are_dear(city):
    told = posted(city, ["2024-06-01"])
    plan = present_plan(told)
    weights = steady_weights(told, plan, steady_posts(told))
    bound = plan.beats.index(next(b for b in plan.beats if b.id == told.beats.ids[0]))
    assert set(weights[plan.assignment == bound]) == {3.0}
    assert set(weights[plan.assignment != bound]) == {1.0}


def test_a_proposal_keeps_bound_beats_and_says_how_many_break_the_rule(city):
    told = posted(city, ["2024-06-01", "2024-06-01"])
    options = {"beats": len(city.beats), "effort": "quick", "keep": 0.7, "seed": 1}
    result = gridmap.propose(told, steady=True, **options)
    shares = {}
    old, new = result.present, result.plans[0]
    people = told.grids.counts("residents")
    labels = {beat.id: row for row, beat in enumerate(new.beats)}
    for row, beat in enumerate(old.beats):
        here = old.assignment == row
        stays = here & (new.assignment == labels.get(beat.id, -2))
        shares[beat.id] = people[stays].sum() / people[here].sum()
    # Residents of bound beats count three times in what is to be kept.
    weight = {beat: 3.0 if beat in told.beats.ids[:2] else 1.0 for beat in shares}
    held = {beat.id: people[old.assignment == row].sum() for row, beat in enumerate(old.beats)}
    total = sum(weight[beat] * held[beat] for beat in shares)
    assert sum(weight[beat] * held[beat] * shares[beat] for beat in shares) >= 0.7 * total - 1e-6
    assert any("2" in sentence and "3" in sentence for sentence in result.changes()[-1:])
    with pytest.raises(MissingError, match="post_since"):
        gridmap.propose(posted(city, []), steady=True, **options)
