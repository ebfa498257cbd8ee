"""What nobody counted is missing in every table and JSON, and never 0."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import CRS

import gridmap
from gridmap.api.incidents import change_of, per_time
from gridmap.demo import make_city
from gridmap.errors import InputError
from gridmap.fields import match_columns
from gridmap.i18n import using_language
from gridmap.io import Workspace
from gridmap.io.importing import import_files
from gridmap.measure import (
    ReportDelays,
    Within,
    busy_times,
    count_located,
    coverage_by_hour,
    coverage_table,
    held_days,
    is_missing,
    measure_coverage,
    missing_counts,
    partial_months,
    period_in,
    report_delays,
    room_table,
    summarise,
    week_matrix,
    without_missing,
)
from gridmap.measure.pieces import present_plan
from gridmap.model import City, IncidentBatch, Incidents, Kind, Layer
from gridmap.plans import Ground, compare_plans
from gridmap.report import Request, build_report, write_report
from gridmap.report.composing import compose

METRES = CRS.from_epsg(4547)


def small_city(**columns: list[float]) -> City:
    """Four grids in two beats, with only the columns that are given, and a room."""
    shapes = [shapely.box(100 * k, 0, 100 * k + 100, 100) for k in range(4)]
    frame = gpd.GeoDataFrame(
        {"id": list("abcd"), "beat": ["1", "1", "2", "2"], **columns}, geometry=shapes, crs=METRES
    )
    room = gpd.GeoDataFrame({"id": ["r"]}, geometry=[shapely.Point(50, 50)], crs=METRES)
    layers = {Kind.GRID: Layer(Kind.GRID, frame), Kind.ROOM: Layer(Kind.ROOM, room)}
    return City("Small", METRES, layers)


def numbers(value: Any) -> list[tuple[str, object]]:
    """Return every figure of a JSON with its key."""
    if isinstance(value, dict):
        return [
            pair
            for key, one in value.items()
            for pair in (numbers(one) if isinstance(one, dict | list) else [(key, one)])
        ]
    return [pair for one in value for pair in numbers(one)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        ({}, ("residents", "migrants", "households", "incidents")),
        ({"residents": [1.0, 2.0, 3.0, 4.0]}, ("migrants", "households", "incidents")),
        ({"residents": [np.nan] * 4}, ("residents", "migrants", "households", "incidents")),
        ({"residents": [0.0] * 4}, ("migrants", "households", "incidents")),
        ({"residents": [np.nan, 1.0, np.nan, 2.0], "incidents": [0.0, 1.0, 2.0, 3.0]},
         ("migrants", "households")),
    ],
)  # fmt: skip
def test_what_is_missing(columns: dict[str, list[float]], missing: tuple[str, ...]) -> None:
    assert missing_counts(small_city(**columns)) == missing


def test_measure_has_no_zero_residents() -> None:
    table = summarise(small_city(incidents=[1.0, 2.0, 3.0, 4.0]), by="beat")
    assert table.rows["incidents"].tolist() == [3.0, 7.0]
    for name in ("residents", "migrants", "residents_per_km2", "covered_residents_share"):
        assert table.rows[name].isna().all()
        assert np.isnan(table.totals[name])
    told = table.to_dict()
    assert told["totals"]["residents"] is None
    assert told["unassigned"]["residents"] is None
    assert told["rows"][0]["residents"] is None
    assert told["totals"]["incidents"] == 10.0


def test_residents_counted_as_0_are_0() -> None:
    table = summarise(small_city(residents=[0.0] * 4), by="beat")
    assert table.rows["residents"].tolist() == [0.0, 0.0]
    assert "residents" not in table.missing


def test_coverage_has_no_zero_residents() -> None:
    city = small_city(incidents=[1.0, 2.0, 3.0, 4.0])
    found = measure_coverage(city, Within(150.0, "m"))
    table = coverage_table(city, found, by="beat")
    assert table[[name for name in table if "residents" in name]].isna().all(axis=None)
    assert table["covered_incidents"][0] > 0
    assert table["mean_m"].notna().all()
    assert room_table(city, found)["residents"].isna().all()
    assert room_table(city, found)[["officers", "auxiliaries"]].isna().all(axis=None)
    assert coverage_by_hour(city, Within(150.0, "m"))["officers"].isna().all()
    assert coverage_by_hour(city, Within(150.0, "m"))["covered_residents"].isna().all()


def test_comparisons_have_no_zero_residents() -> None:
    city = small_city(incidents=[1.0, 2.0, 3.0, 4.0])
    plan = present_plan(city)
    told = compare_plans(Ground.from_city(city), plan, plan.move(["b"], to="2"))
    figures = numbers(told.to_dict())
    assert {value for key, value in figures if "residents" in key or key == "covered_share"} == {
        None
    }
    assert told.table()["residents_before"].isna().all()
    assert told.incidents_moved == 2.0


def test_names_of_figures() -> None:
    assert is_missing("incidents_per_1000_residents", ["residents"])
    assert is_missing("least_covered_share", ["residents"])
    assert not is_missing("covered_incidents_share", ["residents"])
    made = without_missing(
        {"residents": 0, "beats": [{"residents": 1, "grids": 2}]}, ["residents"]
    )
    assert made == {"residents": None, "beats": [{"residents": None, "grids": 2}]}


def test_the_command_line_says_null(tmp_path: Path, ask: Any) -> None:
    from gridmap.io import Workspace

    Workspace.at(tmp_path / "city").put_city(small_city(incidents=[1.0, 2.0, 3.0, 4.0]))
    for command in (("measure",), ("coverage", "--within", "150m"), ("compare",)):
        verb, *options = command
        if verb == "compare":
            ask("propose", tmp_path / "city", "--beats", 2, "--save", "new")
            answer = ask(verb, tmp_path / "city", "present", "new")
        else:
            answer = ask(verb, tmp_path / "city", *options, "--by", "beat")
        found = [value for key, value in numbers(answer) if "residents" in key]
        assert found
        assert set(found) == {None}, verb


def city_of_days(days: list[str], reported: np.ndarray | None = None) -> City:
    time = np.array(days, "datetime64[s]")
    zeros = np.zeros(len(time))
    codes = np.full(len(time), -1, np.int16)
    batch = IncidentBatch(zeros, zeros, time, codes, reported=reported)
    incidents = Incidents.from_batch(batch, categories=(), crs=METRES)
    return City("Days", METRES, {}, incidents)


def test_months_that_the_data_hold_in_part_are_named() -> None:
    days = np.arange("2024-01-10", "2024-03-18", dtype="datetime64[D]")
    city = city_of_days(np.repeat(days, 3).astype(str).tolist())
    january, march = (date(2024, 1, 10), date(2024, 1, 31)), (date(2024, 3, 1), date(2024, 3, 17))
    assert partial_months(city) == {"2024-01": january, "2024-03": march}
    assert partial_months(city, since="2024-02-01", until="2024-03-01") == {}
    assert partial_months(city, since="2024-02-05", until="2024-02-20") == {
        "2024-02": (date(2024, 2, 5), date(2024, 2, 19))
    }
    assert partial_months(city, since="2025-01-01", until="2025-02-01") == {}
    # Where an incident comes every ten days, nine days without one are chance.
    rare = city_of_days(np.arange("2024-01-10", "2024-06-28", 10, "datetime64[D]").astype(str))
    assert partial_months(rare) == {}
    assert partial_months(city_of_days(["NaT"])) == {}
    assert partial_months(small_city()) == {}


def test_dates_without_hours_are_no_incidents_at_midnight() -> None:
    days = np.arange("2024-01-01", "2024-01-31", dtype="datetime64[D]").astype(str).tolist()
    counts = count_located(city_of_days(days), None, by=("hour", "month"))
    assert counts.table("hour", with_unknown=True)[-1] == 30
    assert not counts.table("hour").any()
    assert counts.table("month").tolist() == [30]
    timed = city_of_days([*days, "2024-01-31T08:30"])
    assert count_located(timed, None, by=("hour",)).table("hour").sum() == 31
    # A few incidents may all have happened at midnight.
    assert count_located(city_of_days(days[:5]), None, by=("hour",)).table("hour").sum() == 5


def reported_late(until: str) -> tuple[np.ndarray, np.ndarray]:
    """Return 20 incidents a day of 2024 up to a day, and their reports, those that are in.

    Of each 20, 18 are reported on the day, one 3 days and one 30 days later: 95 % in 3 days.
    """
    days = np.arange("2024-01-01", until, dtype="datetime64[D]")
    delay = np.tile([*[0] * 18, 3, 30], len(days))
    day = np.repeat(days, 20)
    arrived = day + delay < np.datetime64(until)
    return day[arrived], (day + delay)[arrived].astype("datetime64[s]")


def test_late_reports_are_counted_and_the_newest_days_called_incomplete(tmp_path: Path) -> None:
    day, reported = reported_late("2024-08-01")
    city = city_of_days(day.astype(str).tolist(), reported)
    stored = Workspace.at(tmp_path / "city")
    stored.put_city(city)
    for one in (city, stored.city()):
        march = report_delays(one, since="2024-03-01", until="2024-04-01")
        # One of each of 31 days came after 30 days; July's newest three wait for theirs.
        assert march == ReportDelays(3, 31 * 20, 31, None)
        july = report_delays(one, since="2024-07-01", until="2024-08-01")
        # Reported within the month: 18 a day, those of the third day up to the 28th, and of the
        # thirtieth day for the first only.
        assert july == ReportDelays(3, 31 * 18 + 28 + 1, 1, (date(2024, 7, 29), date(2024, 7, 31)))
        assert july.to_dict()["incomplete"] == ["2024-07-29", "2024-07-31"]
    assert report_delays(city_of_days(day.astype(str).tolist())) is None
    few = day[:90].astype(str).tolist()
    assert report_delays(city_of_days(few, reported[:90])) is None


def test_late_reports_stand_in_the_report_and_the_watch(tmp_path: Path) -> None:
    day, reported = reported_late("2024-08-01")
    table = pd.DataFrame(
        {"经度": 126.5 + np.arange(len(day)) % 7 / 1000, "纬度": 45.7, "发案时间": day.astype(str),
         "报案时间": reported.astype("datetime64[D]").astype(str)}
    )  # fmt: skip
    table.to_csv(tmp_path / "calls.csv", index=False)
    said = import_files(tmp_path / "city", [tmp_path / "calls.csv"], kind="incidents")
    assert said.mapped["time"] == "发案时间"
    assert said.mapped["reported"] == "报案时间"
    city = Workspace.open(tmp_path / "city").city()
    x, y = city.incidents.all.x, city.incidents.all.y
    square = shapely.box(x.min() - 9, y.min() - 9, x.max() + 9, y.max() + 9)
    frame = gpd.GeoDataFrame({"id": ["a"]}, geometry=[square], crs=city.crs)
    city = city.with_layer(Layer(Kind.GRID, frame))
    late = f"Of {31 * 18 + 29:,} incidents with a date of report, 1 was reported more than 3 days"
    newest = "2024-07-29 to 2024-07-31 are incomplete"
    with using_language("en"):
        report = build_report(city, Request(date(2024, 8, 2), "2024-07", "none"))
        values = [str(value) for value in report.table("imports").rows["value"]]
        hidden = build_report(
            city, Request(date(2024, 8, 2), "2024-07", "none", suppress_below=5)
        ).table("months")
        watched = gridmap.watch(city, days=31)
    for lines in (report.table("months").notes, values, watched.notes):
        assert any(line.startswith(late) for line in lines)
        assert any(line.startswith(newest) for line in lines)
    assert any(line.startswith(newest) for line in hidden.notes)
    assert not any("date of report" in line for line in hidden.notes)
    assert watched.to_dict()["reporting"] == {
        "usual_days": 3, "known": 31 * 18 + 29, "late": 1,
        "incomplete": ["2024-07-29", "2024-07-31"],
    }  # fmt: skip
    written = write_report(report, tmp_path / "out", formats=["csv"])
    assert written.manifest["reporting"] == watched.to_dict()["reporting"]


@pytest.mark.parametrize(
    ("columns", "time", "reported"),
    [
        (("发案时间", "接警时间"), "发案时间", "接警时间"),
        (("报警时间", "类别"), "报警时间", None),  # when a call was taken is when it happened
        (("DATE OCC", "Date Rptd"), None, "Date Rptd"),
        (("time", "reported"), "time", "reported"),
    ],
)
def test_a_date_of_report_is_told_from_the_time(
    columns: tuple[str, ...], time: str | None, reported: str | None
) -> None:
    found = match_columns(columns, "incidents")
    assert (found.get("time"), found.get("reported")) == (time, reported)


def cut_demo(until: str) -> City:
    """Return the demo city with the incidents before a moment only."""
    city = gridmap.make_city(grids=120, incidents=60_000, seed=7)
    batch = city.incidents.all
    kept = batch.take(batch.time < np.datetime64(until))
    incidents = Incidents.from_batch(kept, categories=city.incidents.categories, crs=city.crs)
    return replace(city, incidents=incidents)


def part_of_a_day(times, day):
    """How much of a usual day's incidents happen up to the last one of a day."""
    whole, cut = times[times < day], times[times >= day]
    if not len(cut):
        return 0.0
    return float(((whole - whole.astype("datetime64[D]")) <= cut.max() - day).mean())


@pytest.mark.slow
@pytest.mark.parametrize("until", ["2024-03-21", "2024-03-21T01:00", "2024-03-21T09:00"])
def test_a_period_that_the_data_do_not_fill_is_divided_by_the_days_they_hold(until):
    """Twenty days of March and nine hours are 20 days and what such hours usually hold."""
    city = cut_demo(until)
    assert held_days(city) == (date(2024, 1, 1), date(2024, 3, 20))
    times = city.incidents.all.time
    march = int((times >= np.datetime64("2024-03-01")).sum())
    part = part_of_a_day(times, np.datetime64("2024-03-21"))
    days = 20 + part
    assert part < 0.4
    february = int((times >= np.datetime64("2024-02-01")).sum()) - march
    with using_language("en"):
        asked = Request(dated=date(2024, 4, 2), period="2024-03", compare="previous")
        report = build_report(city, asked)
        assert report.period.days == pytest.approx(days)
        assert report.history.levels["city"].now.tolist() == [march]
        occurred = report.measured.time.days  # Monday first; 1 March 2024 was a Friday
        assert occurred.tolist() == [3, 3, 3, 2, 3, 3, 3]
        assert "every day but" not in report.busy
        document = compose(report)[0]
    assert "2024-03-01 to 2024-03-20" in document.foot
    assert f"{march / days:.1f} incidents a day" in document.title
    assert "beyond normal variation" not in document.title
    change = change_of(city, (date(2024, 3, 1), date(2024, 3, 31)), march, february)
    assert change.per_day_now == pytest.approx(march / days)
    # Of three days the third, cut one would else make two days look busier by a fifth.
    late = int((times >= np.datetime64("2024-03-19")).sum())
    short = change_of(city, (date(2024, 3, 19), date(2024, 3, 21)), late, late)
    assert short.per_day_now == pytest.approx(late / (2 + part))


def test_hours_of_a_cut_day_are_divided_by_the_hours_that_are_held():
    """Forty days with fifty incidents at half past each hour; the last, a Friday, ends at 9:30."""
    hours = np.arange(np.datetime64("2024-01-01T00:30"), np.datetime64("2024-02-09T10:00"), 60)
    city = city_of_days(np.repeat(hours, 50).astype(str).tolist())
    assert held_days(city) == (date(2024, 1, 1), date(2024, 2, 8))
    period = period_in(city, "2024-02-05..2024-02-09")
    assert period.days == pytest.approx(4 + 10 / 24)
    counts = np.zeros((7, 24))
    counts[:4] = counts[4, :10] = 50.0
    each = per_time(city, counts, (period.first, period.last))
    assert each[:4].tolist() == [[50.0] * 24] * 4
    assert each[4, :9].tolist() == [50.0] * 9
    assert np.isnan(each[4, 10:]).all()
    assert np.isnan(each[5:]).all()
    friday = period_in(city, "2024-02-09..2024-02-09")
    assert friday.days == pytest.approx(10 / 24)
    assert friday.occurrences().sum() == pytest.approx(9.5, abs=1e-3)
    week = week_matrix(np.tile(np.arange(24) + 1, 7))
    week[4, 10:] = 0  # the hours that are not held are no quiet ones
    held = np.where(week, 1.0, 0.0)
    assert busy_times(week.ravel(), days=held, beside="profile", draws=99) == []


def test_few_incidents_of_the_first_or_last_day_may_be_chance():
    rare = city_of_days(["2024-01-01", "2024-01-09", "2024-02-20"])
    assert held_days(rare) == (date(2024, 1, 1), date(2024, 2, 20))
    assert held_days(small_city()) is None


def test_of_incidents_without_times_no_period_is_measured():
    """Counting would find none, and print 0 where nothing is known."""
    demo = make_city(grids=60, incidents=300)
    batch = demo.incidents.all
    batch = replace(batch, time=np.full(len(batch), "NaT", "datetime64[s]"))
    incidents = Incidents.from_batch(batch, categories=demo.incidents.categories, crs=demo.crs)
    city = replace(demo, incidents=incidents)
    assert gridmap.measure(city, by="city").table.totals["incidents"] == 300
    days = {"since": "2024-03-01", "until": "2024-03-31"}
    for ask in (
        lambda: gridmap.measure(city, by="beat", **days),
        lambda: gridmap.coverage(city, by="beat", **days),
        lambda: gridmap.hotspots(city, **days),
        lambda: gridmap.hotspots(city, hours=[22, 23]),
        lambda: gridmap.report(city, period="2024-03"),
    ):
        with pytest.raises(InputError) as told:
            ask()
        assert told.value.key == "measure.error.counts_have_no_times"
