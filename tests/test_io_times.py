"""Times of incident tables: read rightly and told, or refused in one line."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from gridmap.errors import GridmapError
from gridmap.io import ImportOptions, import_files, read_city
from gridmap.io._values import joined_times, parse_times

HEAD = "发生时间,警情类别,经度,纬度\n"


def column(*cells):
    return pd.Series(list(cells), dtype="object")


def one(cell):
    return str(parse_times(column(cell))[0][0])


def refused(*cells):
    with pytest.raises(GridmapError) as raised:
        parse_times(column(*cells))
    assert "\n" not in raised.value.text()
    return raised.value.key


def bring(tmp_path, name, raw, **options):
    path = tmp_path / name
    path.write_text(raw, encoding="utf-8")
    report = import_files(
        tmp_path / "city", [path], kind="incidents", options=ImportOptions(**options)
    )
    return report, read_city(tmp_path / "city").incidents.all


# -- years of two digits

MONTH = range(1, 32)
SHORT = {
    "%y-%m-%d": [f"24-03-{day:02d} 10:00" for day in MONTH],
    "%m/%d/%y": [f"3/{day}/24 10:00" for day in MONTH],
    "%d.%m.%y": [f"{day:02d}.03.24 10:00" for day in MONTH],
}


@pytest.mark.parametrize("order", SHORT)
def test_short_years_are_read_where_one_order_alone_makes_dates(order):
    times, forms = parse_times(column(*SHORT[order], ""))
    expected = np.arange("2024-03-01T10:00", "2024-04-01T10:00", dtype="datetime64[D]")
    assert (times[:-1].astype("datetime64[D]") == expected).all()
    assert np.isnat(times[-1])
    assert forms["short_year"] == 31


def test_short_years_that_fit_two_orders_are_refused_and_read_when_said():
    assert refused("24-03-05", "24-03-06") == "io.error.dates_short"
    # 12/05/06 fits all three.
    assert refused("12/05/06") == "io.error.dates_short"
    times, _ = parse_times(column("24-03-05"), formats=("%y-%m-%d",))
    assert str(times[0]) == "2024-03-05T00:00:00"
    times, _ = parse_times(column("12/05/06"), formats=("%d/%m/%y",))
    assert str(times[0]) == "2006-05-12T00:00:00"


def test_a_short_year_is_the_latest_that_is_not_in_the_future():
    times, _ = parse_times(column("98年3月5日", "24年3月5日"))
    assert [str(day)[:10] for day in times] == ["1998-03-05", "2024-03-05"]


def test_a_short_year_among_long_ones_is_a_slip():
    times, forms = parse_times(column("2024-03-05", "24-03-06"))
    assert np.isnat(times).tolist() == [False, True]
    assert forms == {"ymd": 1}


# -- numbers


def test_seconds_and_milliseconds_since_1970_count_in_world_time():
    # 1,709,604,000 s are 19,787 days and 7,200 s: 2024-03-05 02:00 UTC, 10:00 in Beijing.
    for cell in ("1709604000", "1709604000000", "1709604000.5"):
        times, forms = parse_times(column(cell, ""), utc_offset_h=8.0)
        assert str(times[0]) == "2024-03-05T10:00:00"
        assert np.isnat(times[1])
        assert forms == {"epoch": 1}


def test_seconds_since_1970_need_a_place_whose_clocks_are_known(tmp_path):
    assert refused("1709604000") == "io.error.times_epoch"
    rows = "".join(f"170960{n}000,盗窃,114.05,22.55\n" for n in range(4000, 4003))
    report, batch = bring(tmp_path, "a.csv", HEAD + rows)
    assert str(batch.time[0]) == "2024-03-05T10:00:00"
    assert "io.note.times_epoch" in {note.key for note in report.warnings}
    with pytest.raises(GridmapError) as raised:
        bring(tmp_path, "b.csv", HEAD + "1709604000,theft,-87.6,41.9\n")
    assert raised.value.key == "io.error.times_epoch"


def test_other_numbers_are_no_seconds():
    assert np.isnat(parse_times(column("2024030510"))[0][0])
    assert one("20240305100000") == "2024-03-05T10:00:00"
    times, forms = parse_times(column("1709604000", "2024-03-05"), utc_offset_h=8.0)
    assert np.isnat(times).tolist() == [True, False]
    assert "epoch" not in forms


def test_excel_day_numbers_are_told(tmp_path):
    report, batch = bring(tmp_path, "a.csv", HEAD + "45356.5,盗窃,114.05,22.55\n")
    assert str(batch.time[0]) == "2024-03-05T12:00:00"
    told = {note.key: note.values for note in report.warnings}
    assert told["io.note.times_excel"]["count"] == 1


# -- clocks

CLOCKS = {
    "2024-03-05 24:00": "2024-03-06T00:00:00",
    "2024年3月5日 晚上12点": "2024-03-06T00:00:00",
    "2024年3月5日 晚上8点": "2024-03-05T20:00:00",
    "2024年3月5日 晚上1点": "2024-03-05T01:00:00",
    "2024年3月5日 夜间2点": "2024-03-05T02:00:00",
    "2024年3月5日 凌晨12:30": "2024-03-05T00:30:00",
    "2024年3月5日 傍晚6点": "2024-03-05T18:00:00",
    "2024-03-05 10:00:00+08": "2024-03-05T10:00:00",
    "2024-03-05 10:00:00 CST": "2024-03-05T10:00:00",
    "'2024-03-05 10:00": "2024-03-05T10:00:00",
    "05-MAR-24 10.05.00.000000 AM": "2024-03-05T10:05:00",
    "Tue Mar 05 10:05:00 CST 2024": "2024-03-05T10:05:00",
}


@pytest.mark.parametrize("written", CLOCKS)
def test_clocks_are_read_as_they_are_said(written):
    assert one(written) == CLOCKS[written]


def test_a_date_of_a_spreadsheet_loses_its_midnight_before_a_clock():
    days = pd.DataFrame({"日期": ["2024-03-05 00:00:00"]})
    assert joined_times(pd.Series(["10:05:00"]), days).tolist() == ["2024-03-05 10:05:00"]


# -- zones


def points(*times):
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"time": time},
                    "geometry": {"type": "Point", "coordinates": [-87.6, 41.9]},
                }
                for time in times
            ],
        }
    )


def test_clocks_of_summer_and_winter_stand_as_written(tmp_path):
    raw = points("2024-03-05T10:00:00-06:00", "2024-07-06T10:00:00-05:00")
    report, batch = bring(tmp_path, "a.geojson", raw)
    assert [str(time) for time in batch.time] == ["2024-03-05T10:00:00", "2024-07-06T10:00:00"]
    assert "io.note.times_world_clock" not in {note.key for note in report.warnings}


@pytest.mark.parametrize("name", ["a.geojson", "a.csv"])
def test_a_mark_of_world_time_is_told(tmp_path, name):
    stamps = ["2024-03-05T10:00:00Z", "2024-03-06T10:00:00+00:00"]
    table = HEAD + "".join(f"{stamp},盗窃,114.05,22.55\n" for stamp in stamps)
    report, batch = bring(tmp_path, name, points(*stamps) if name == "a.geojson" else table)
    assert str(batch.time[0]) == "2024-03-05T10:00:00"
    told = {note.key: note.values for note in report.warnings}
    assert told["io.note.times_world_clock"]["count"] == 2


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai", "UTC"])
def test_a_column_of_times_keeps_its_clock(tmp_path, zone):
    # Half past eleven on the wall stays so, whichever zone the column names.
    times = pd.to_datetime(["2024-03-01 23:30", "2024-03-02 00:10"]).tz_localize(zone)
    pd.DataFrame({"发生时间": times, "经度": [114.0, 114.1], "纬度": [22.5, 22.6]}).to_parquet(
        tmp_path / "calls.parquet"
    )
    report = import_files(
        tmp_path / "city", [tmp_path / "calls.parquet"], kind="incidents",
        options=ImportOptions(crs="EPSG:4490"),
    )  # fmt: skip
    known = read_city(tmp_path / "city").incidents.all.time
    assert known.astype(str).tolist() == ["2024-03-01T23:30:00", "2024-03-02T00:10:00"]
    warned = [note for note in report.warnings if note.key == "io.note.times_world_clock"]
    assert len(warned) == (zone == "UTC")
