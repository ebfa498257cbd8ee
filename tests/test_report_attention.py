"""Repeat places, disputes and alerts in a report are those of a plain count."""

import math
from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
import shapely

import gridmap
from gridmap.demo import make_city
from gridmap.i18n import using_language
from gridmap.measure import changed_hot_spots, parse_period, summarise
from gridmap.model import IncidentBatch, Incidents, Kind
from gridmap.report import Request, build_report
from gridmap.report.area_tables import new_hot_spots
from gridmap.report.city_tables import areas_at, attention_findings, least_calls
from gridmap.report.findings import find
from gridmap.report.report import find_hot_spots

SINCE, UNTIL = np.datetime64("2024-03-01"), np.datetime64("2024-04-01")


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=9_000, seed=7)


@pytest.fixture(scope="module")
def report(city):
    with using_language("en"):
        return build_report(city, Request(date(2024, 4, 1), "2024-03"))


def march(city):
    batch = city.incidents.all
    return batch.take((batch.time >= SINCE) & (batch.time < UNTIL))


def test_places_of_four_calls_are_listed_with_their_counts(city, report):
    batch = march(city)
    squares = Counter(zip((batch.x // 10).tolist(), (batch.y // 10).tolist(), strict=True))
    truth = sorted((count for count in squares.values() if count >= 4), reverse=True)
    assert truth
    table = report.table("repeats")
    assert table.values("incidents").tolist() == truth[:50]
    places = table.values("place").tolist()
    assert {place.split(" (")[0] for place in places} <= set(city.grids.names.astype(str))
    assert len(set(places)) == len(places)  # several of one grid are told apart
    before = city.incidents.all
    before = before.take((before.time >= np.datetime64("2024-02-01")) & (before.time < SINCE))
    past = Counter(zip((before.x // 10).tolist(), (before.y // 10).tolist(), strict=True))
    new = sum(past[square] < 4 for square, count in squares.items() if count >= 4)
    with using_language("en"):
        said = attention_findings(report.tables, report.period, report.compared)
    text = next(one.text for one in said if one.key == "repeats")
    assert text.startswith(f"{new} of them {'is' if new == 1 else 'are'} new (fewer than 4 in")


def test_places_of_one_grid_are_told_apart_by_where_in_it_they_lie(city):
    ((x, y),) = shapely.get_coordinates(shapely.centroid(city.grids.geometry[:1]))
    rows = pd.DataFrame({"x": [x + 100.0, x, x + 5.0], "y": [y, y - 200.0, y + 5_000.0]})
    columns = {"x": rows["x"], "y": rows["y"], "grid": np.array([0, 0, 1])}
    first, second = city.grids.names[:2]
    with using_language("en"):
        assert areas_at(city, Kind.GRID, columns, rows) == [
            f"{first} (100 m east of its middle)", f"{first} (200 m south of its middle)", second
        ]  # fmt: skip


def test_repeat_places_are_of_as_many_calls_as_the_period_is_long():
    periods = ("2024-03-04..2024-03-10", "2024-02", "2024-03", "2024Q1", "2024")
    assert [least_calls(parse_period(text)) for text in periods] == [3, 4, 4, 12, 48]


def test_disputes_are_settled_or_open(city, report):
    batch = march(city)
    kinds = {
        city.incidents.categories[kind]
        for kind in np.unique(batch.category[~np.isnat(batch.settled)])
    }
    row = report.table("disputes").rows.iloc[0]
    inside = np.isin(np.array(city.incidents.categories)[batch.category], sorted(kinds))
    done = ~np.isnat(batch.settled) & (batch.settled <= UNTIL) & inside
    assert row["disputes"] == inside.sum()
    assert row["settled"] == done.sum()
    assert row["open"] == inside.sum() - done.sum()
    assert row["settled_share"] == pytest.approx(done.sum() / inside.sum())
    with using_language("en"):
        said = [one.lead for one in attention_findings(report.tables, report.period, None)]
    assert f"{done.sum() / inside.sum():.1%} of disputes are settled." in said


def test_nothing_is_told_of_places_where_small_counts_are_hidden(city):
    with using_language("en"):
        asked = Request(date(2024, 4, 1), "2024-03", suppress_below=5)
        report = build_report(city, asked)
    assert report.table("repeats") is None
    assert report.table("disputes") is None
    assert "disputes" in report.left_out


def test_alerts_are_those_of_watch_up_to_the_end_of_the_period(city):
    result = gridmap.report(city, period="2024-11", lang="en", watch=True, date="2024-12-01")
    alerts = gridmap.watch(city, until="2024-11-30").alerts
    table = result.report.table("alerts")
    assert (0 if table is None else len(table)) == len(alerts)
    if table is not None:
        assert table.values("observed").tolist() == [one["observed"] for one in alerts]


def test_the_preview_is_the_first_page_as_a_picture(city):
    result = gridmap.report(city, period="2024-03", lang="zh", date="2024-04-01")
    data = result.preview(ppi=40.0)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (round(210 / 25.4 * 40), round(297 / 25.4 * 40))


def test_a_place_that_became_hot_is_a_finding_with_its_figures(city, report):
    """A quiet grid and a hot one get many more incidents in March."""
    busy = report.measured.now["grid"].rows["incidents"].to_numpy()
    calm, hot = int(np.argmin(busy)), int(np.argmax(busy))
    rows = np.repeat([calm, hot], [100, 80])
    spots = np.array([shape.representative_point().coords[0] for shape in city.grids.geometry])
    time = SINCE.astype("datetime64[s]") + np.arange(len(rows)) * np.timedelta64(14_000, "s")
    every = city.incidents.all
    batch = IncidentBatch(
        np.append(every.x, spots[rows, 0]), np.append(every.y, spots[rows, 1]),
        np.append(every.time, time), np.append(every.category, np.zeros(len(rows), np.int16)),
    )  # fmt: skip
    incidents = Incidents.from_batch(batch, categories=city.incidents.categories, crs=city.crs)
    planted = replace(city, incidents=incidents)
    grids = summarise(planted, by="grid", since="2024-03-01", until="2024-04-01")
    measured = replace(report.measured, city=planted, now={"grid": grids})
    with using_language("en"):
        found = find_hot_spots(measured, report.hiding)
        new, grown = new_hot_spots(measured, found)
        told = find(measured, report.hiding, report.history, found).every

    def around(middle, batch, first, last):
        """Count the incidents of a grid and of those that share a border with it."""
        shapes = city.grids.geometry
        shared = shapely.length(shapely.intersection(shapes[middle], shapes))
        ground = shapely.union_all(shapes[(shared > 1.0) | (np.arange(len(shapes)) == middle)])
        inside = (batch.time >= np.datetime64(first)) & (batch.time < np.datetime64(last))
        return int(shapely.contains_xy(ground, batch.x[inside], batch.y[inside]).sum())

    assert [new.kind, grown.kind] == ["emerging", "growing"]
    for one, lead in ((new, "New: grid "), (grown, "grown: grid ")):
        now = around(one.row, batch, "2024-03-01", "2024-04-01")
        before = around(one.row, batch, "2024-02-01", "2024-03-01")
        assert (one.change.now, one.change.before) == (now, before)
        share = (now / 31) / (before / 29) - 1
        text = f"{one.name} with its neighbours, {now:,} (2024-02 {before:,}, {share:+.1%} a day)"
        assert lead + text.removeprefix("grid ") in next(t.text for t in told if t.key == "hot")
    hot_one = next(one for one in told if one.key == "hot")
    assert hot_one.lead == "1 new hot spot, 1 hot spot grew."
    # Surprise times size, as other findings have it, on top of what gathers in every month.
    daily = report.history.city.now[0] / 31
    size = 0.0
    for change in (new.change, grown.change):
        size += min(-math.log10(change.p_value), 8) / 8 * (change.now / 31 - change.before / 29)
    assert hot_one.score == pytest.approx(0.03 + 6.0 * size / daily, rel=1e-6)


def test_a_quiet_city_seldom_has_a_new_hot_spot(city, report):
    """Both months drawn from one pattern, that of the year: five in a hundred at most."""
    grids = summarise(city, by="grid").rows["incidents"].to_numpy()
    area = city.grids.area_m2
    rng = np.random.default_rng(5)
    said = 0
    for _ in range(60):
        months = rng.multinomial(700, grids / grids.sum(), size=2)
        found = changed_hot_spots(*months, city.adjacency, area)
        said += bool(new_hot_spots(report.measured, found))
    assert said <= 3
