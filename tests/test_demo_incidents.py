"""The made-up year: places, hours, weekdays, seasons, hot spots, and flat memory."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gridmap.demo import CATEGORIES, make_city
from gridmap.demo._city import month_weights
from gridmap.model import City, IncidentBatch, Kind


@pytest.fixture(scope="module")
def city() -> City:
    return make_city()


@pytest.fixture(scope="module")
def year(city: City) -> IncidentBatch:
    return city.incidents.all


def _hour(year: IncidentBatch, category: str) -> np.ndarray:
    rows = year.category == CATEGORIES.index(category)
    seconds = (year.time[rows] - year.time[rows].astype("datetime64[D]")).astype(int)
    return np.bincount(seconds // 3600, minlength=24)


def test_every_incident_lies_in_a_grid_and_none_in_the_river(city: City, year: IncidentBatch):
    points = shapely.points(year.x, year.y)
    row, _ = shapely.STRtree(city.grids.geometry).query(points, "within")
    assert len(np.unique(row)) == 60_000
    river = city.layer(Kind.BARRIER).geometry[0]
    shapely.prepare(river)
    assert not shapely.contains(river, points).any()


def test_times_fill_the_year(year: IncidentBatch):
    assert year.time.min() >= np.datetime64("2024-01-01")
    assert year.time.max() < np.datetime64("2025-01-01")
    assert len(np.unique(year.time.astype("datetime64[D]"))) == 366
    assert (np.diff(year.time) >= np.timedelta64(0)).all()


def test_months_come_in_batches_and_walks_agree(city: City):
    first = list(city.incidents.batches())
    again = list(city.incidents.batches())
    assert len(first) == 12
    assert sum(map(len, first)) == len(city.incidents)
    for number, (a, b) in enumerate(zip(first, again, strict=True)):
        assert (a.x == b.x).all()
        assert (a.time == b.time).all()
        assert (a.time.astype("datetime64[M]").astype(int) % 12 == number).all()


def test_period_can_be_chosen(city: City, year: IncidentBatch):
    since, until = np.datetime64("2024-03-10"), np.datetime64("2024-03-20")
    chosen = sum(map(len, city.incidents.batches(since=since, until=until)))
    assert chosen == ((year.time >= since) & (year.time < until)).sum()


def test_hours_have_their_rhythm(year: IncidentBatch):
    traffic = _hour(year, "交通")
    assert traffic[[7, 8, 17, 18]].min() > 3 * traffic[[0, 1, 2, 3, 4]].max()
    order = _hour(year, "治安")
    assert order[20:].sum() > 3 * order[6:10].sum()
    disputes = _hour(year, "矛盾纠纷")
    assert disputes.argmax() in {19, 20}


def test_weekdays_have_their_rhythm(year: IncidentBatch):
    weekday = (year.time.astype("datetime64[D]").astype(int) + 3) % 7
    days = np.bincount((np.arange(366) + 0) % 7, minlength=7)  # 2024-01-01 was a Monday
    fraud = np.bincount(weekday[year.category == CATEGORIES.index("诈骗")], minlength=7) / days
    assert fraud[:5].mean() > 1.2 * fraud[5:].mean()
    order = np.bincount(weekday[year.category == CATEGORIES.index("治安")], minlength=7) / days
    assert order[[4, 5]].min() > 1.15 * order[:4].max()


def test_year_has_a_season(year: IncidentBatch):
    month = year.time.astype("datetime64[M]").astype(int) % 12
    order = np.bincount(month[year.category == CATEGORIES.index("治安")], minlength=12)
    assert order[[5, 6, 7]].mean() > 1.3 * order[[0, 1, 2]].mean()
    theft = np.bincount(month[year.category == CATEGORIES.index("盗窃")], minlength=12)
    assert theft.argmax() in {0, 11}


def test_categories_keep_their_shares(year: IncidentBatch):
    share = np.bincount(year.category, minlength=6) / len(year)
    assert share == pytest.approx(month_weights().sum(axis=0), abs=0.006)
    assert month_weights().sum() == pytest.approx(1.0)


def test_hot_spots_stand_out(year: IncidentBatch):
    """One cell of 200 m in a thousand holds many times its share of thefts."""
    rows = year.category == CATEGORIES.index("盗窃")
    cell = (year.x[rows] // 200).astype(int) * 100_000 + (year.y[rows] // 200).astype(int)
    _, counts = np.unique(cell, return_counts=True)
    top = np.sort(counts)[::-1][:10]
    assert top.sum() > 0.05 * rows.sum()
    assert top[0] < 0.10 * rows.sum()


def test_only_disputes_are_settled_and_some_stay_open(year: IncidentBatch):
    assert year.settled is not None
    dispute = year.category == CATEGORIES.index("矛盾纠纷")
    known = ~np.isnat(year.settled)
    assert not known[~dispute].any()
    assert 0.05 < 1 - known[dispute].mean() < 0.15
    assert (year.settled[known] > year.time[known]).all()
    assert year.settled[known].max() < np.datetime64("2025-01-01")


def test_many_incidents_take_no_more_room_than_a_month():
    city = make_city(grids=60, incidents=600_000)
    sizes = [len(batch) for batch in city.incidents.batches()]
    assert sum(sizes) == 600_000
    assert max(sizes) < 60_000


def test_no_incidents_is_a_city_too():
    city = make_city(grids=60, incidents=0)
    assert len(city.incidents) == 0
    assert len(city.incidents.all) == 0
    assert city.incidents.period is None
