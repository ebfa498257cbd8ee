"""Watch: a planted cluster is found where and when it is, quiet days are quiet, exit code 3."""

from dataclasses import replace

import numpy as np
import pytest

import gridmap
from gridmap.demo import make_city
from gridmap.errors import GridmapError
from gridmap.model import IncidentBatch, Incidents, Kind

DAYS = 280
FIRST = np.datetime64("2024-01-01")


@pytest.fixture(scope="module")
def ground():
    return make_city(grids=60, incidents=0)


def city_of(ground, rng, *, planted=0, at=0):
    """Return a city with even incidents, and some more in one grid in the last four days."""
    points = ground.grids.frame.geometry.representative_point()
    xy = np.column_stack([points.x, points.y])
    count = 2400
    row = rng.integers(0, len(xy), count)
    day = rng.integers(0, DAYS, count)
    row = np.concatenate([row, np.full(planted, at)])
    day = np.concatenate([day, DAYS - 1 - rng.integers(0, 4, planted)])
    time = (FIRST + day).astype("datetime64[s]") + rng.integers(0, 86_400, len(day))
    batch = IncidentBatch(xy[row, 0], xy[row, 1], time, (np.arange(len(row)) % 2).astype(np.int16))
    incidents = Incidents.from_batch(batch, categories=("盗窃", "诈骗"), crs=ground.crs)
    return type(ground)(ground.name, ground.crs, ground.layers, incidents, ground.presets)


def test_a_planted_cluster_is_found_where_and_when_it_is(ground):
    rng = np.random.default_rng(5)
    city = city_of(ground, rng, planted=14, at=20)
    result = gridmap.watch(city, recurrence=30)
    clusters = [alert for alert in result.alerts if alert["kind"] == "cluster"]
    assert clusters
    first = clusters[0]
    assert str(city.grids.ids[20]) in first["ids"]
    last = FIRST + DAYS - 1
    assert last - 6 <= np.datetime64(first["since"]) <= last
    assert first["observed"] >= 5 * first["expected"]
    assert first["recurrence_days"] >= 30
    assert len(result.to_gdf()) == len(result.alerts)


def test_quiet_cities_alert_no_more_often_than_the_recurrence_says(ground):
    alerts = 0
    cities = 12
    for seed in range(cities):
        city = city_of(ground, np.random.default_rng(100 + seed))
        alerts += len(gridmap.watch(city, recurrence=60, days=7).alerts)
    # One look a city: an alert in 60 looks by the scans, one in 60 / 7 weeks by the charts.
    assert alerts <= 5


def test_a_rise_of_a_category_is_charted_with_what_is_usual(ground):
    rng = np.random.default_rng(8)
    city = city_of(ground, rng)
    batch = city.incidents.all
    late = batch.time >= (FIRST + DAYS - 28).astype("datetime64[s]")
    more = np.repeat(np.flatnonzero(late & (batch.category == 0)), 2)
    rows = np.concatenate([np.arange(len(batch)), more])
    incidents = Incidents.from_batch(batch.take(rows), categories=("盗窃", "诈骗"), crs=city.crs)
    risen = type(city)(city.name, city.crs, city.layers, incidents, city.presets)
    charts = [alert for alert in gridmap.watch(risen).alerts if alert["kind"] == "chart"]
    theft = next(a for a in charts if a["level"] == "city" and a["category"] == "盗窃")
    assert theft["observed"] > 1.5 * theft["expected"]
    whole, *others = gridmap.watch(risen).to_dict()["charts"]
    assert len(others) == len(charts)
    end = np.datetime64(whole["until"][-1]) + 1
    last = (risen.incidents.all.time >= end - 7) & (risen.incidents.all.time < end)
    assert whole["incidents"][-1] == last.sum()
    assert whole["usual"] == pytest.approx(
        np.mean(whole["incidents"][: -whole["recent"]]), abs=1e-3
    )
    own = others[charts.index(theft)]
    assert sum(own["incidents"][-4:]) >= theft["observed"]
    assert max(own["incidents"][-4:]) > own["high"] > own["usual"] > own["low"]
    assert b"%PDF" in gridmap.watch(risen).sheet()[:8]


def test_short_histories_and_cities_without_times_say_so(ground):
    city = city_of(ground, np.random.default_rng(1))
    early = gridmap.watch(city, until="2024-03-31")
    assert early.notes
    (days,) = early.charts
    assert (days["step"], len(days["incidents"]), days["until"][-1]) == ("day", 28, "2024-03-31")
    assert early.until == "2024-03-31"
    with pytest.raises(GridmapError):
        gridmap.watch(ground)
    with pytest.raises(GridmapError):
        gridmap.watch(city, until="2020-01-01")


def test_a_last_day_that_has_only_begun_is_said(ground):
    batch = city_of(ground, np.random.default_rng(3)).incidents.all
    often = batch.take(np.repeat(np.arange(len(batch)), 5))  # some 30 a day

    def notes_of(kept):
        incidents = Incidents.from_batch(
            often.take(kept), categories=("盗窃", "诈骗"), crs=ground.crs
        )
        city = type(ground)(ground.name, ground.crs, ground.layers, incidents, ground.presets)
        return " ".join(gridmap.watch(city).notes)

    last = (FIRST + DAYS - 1).astype("datetime64[s]")
    day = str(FIRST + DAYS - 1)
    begun = np.flatnonzero(often.time >= last)[0]
    assert day not in notes_of(np.ones(len(often), bool))
    assert day in notes_of((often.time < last) | (np.arange(len(often)) == begun))


def test_without_grids_only_charts_are_made(ground):
    city = city_of(ground, np.random.default_rng(2))
    layers = {kind: layer for kind, layer in city.layers.items() if kind is not Kind.GRID}
    bare = type(city)(city.name, city.crs, layers, city.incidents, city.presets)
    assert any("grid" in note or "网格" in note for note in gridmap.watch(bare).notes)


def test_the_command_ends_with_three_when_there_is_an_alert(ground, run, tmp_path):
    from gridmap.io import Workspace

    city = city_of(ground, np.random.default_rng(5), planted=14, at=20)
    Workspace.at(tmp_path / "city").put_city(city)
    code, out, err = run("watch", tmp_path / "city", "--recurrence", 30)
    assert code == 3, err
    assert str(city.grids.names[20]) in out
    code, out, _ = run("watch", tmp_path / "city", "--to", "2024-06-30", "--json")
    assert '"alerts"' in out
    assert code in {0, 3}


def test_disputes_are_summed_up_to_the_day(ground):
    city = make_city(grids=60, incidents=3000)
    told = gridmap.watch(city, until="2024-06-30").to_dict()["disputes"]
    end = np.datetime64("2024-07-01")
    parts = list(city.incidents.batches())
    kind = next(int(p.category[~np.isnat(p.settled)][0]) for p in parts)
    began = np.concatenate([p.time[p.category == kind] for p in parts])
    settled = np.concatenate([p.settled[p.category == kind] for p in parts])
    before = began < end
    closed = before & ~np.isnat(settled) & (settled <= end)
    assert (told["total"], told["settled"]) == (before.sum(), closed.sum())
    assert told["open"] == told["total"] - told["settled"]
    assert told["settled_share"] == pytest.approx(closed.sum() / before.sum(), abs=1e-4)
    assert gridmap.watch(city_of(ground, np.random.default_rng(1))).to_dict()["disputes"] is None


def test_a_day_after_the_newest_incident_is_not_called_quiet_in_silence(ground):
    """A cron line that asks for today, of data that ended months ago."""
    city = city_of(ground, np.random.default_rng(2))
    stale = gridmap.watch(city, until="2030-01-01")
    assert any("2030-01-01" in note for note in stale.notes)
    assert len(gridmap.watch(city).notes) == len(stale.notes) - 1


def test_places_of_one_grid_are_told_together(ground):
    result = gridmap.watch(city_of(ground, np.random.default_rng(2)))
    rows = [{"grid": grid, "disputes": count} for grid, count in (("甲", 5), ("乙", 4), ("甲", 3))]
    told = {"total": 9, "settled_share": 0.5, "open": 4, "median_days": 1.0, "repeat_places": 3,
            "ninety_percent_days": 2.0, "open_days_mean": 3.0, "repeats": rows}  # fmt: skip
    said = replace(result, disputes=told).dispute_sentences()[-1]
    assert said.count("甲") == 1
    assert "5、3" in said
