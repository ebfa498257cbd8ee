"""Tables as people and portals write them: places, times, sheets, each with its right answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pytest

from gridmap.errors import GridmapError
from gridmap.io import ImportOptions, import_files, read_city
from gridmap.io._coordinates import as_degrees
from gridmap.measure import count_located
from gridmap.model.crs import reproject_points

CASES = Path(__file__).parents[2] / "shared" / "cases" / "files"
CHINA, CHICAGO = (120.112, 30.212), (-87.69, 41.81)
SECONDS = 1e-6  # degrees: a tenth of a metre


def bring(tmp_path, raw, kind="incidents", name="a.csv", **options):
    path = tmp_path / name
    path.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    report = import_files(tmp_path / "city", [path], kind=kind, options=ImportOptions(**options))
    return report, read_city(tmp_path / "city")


def places(city):
    """Return longitude and latitude of each incident, shape (n, 2)."""
    batch = city.incidents.all
    return np.column_stack(reproject_points(batch.x, batch.y, city.crs, "EPSG:4326"))


def keys(report):
    return {note.key.removeprefix("io.note.") for note in report.warnings}


def told(report, key):
    return next(note.values for note in report.warnings if note.key == f"io.note.{key}")


def stored(city):
    return [str(moment) for moment in city.incidents.all.time]


# -- places in two columns

TWO = {
    "decimal commas": ("经度;纬度", "120,112;30,212", CHINA),
    "decimal commas, quoted": ("经度,纬度", '"120,112","30,212"', CHINA),
    "decimal commas, tabs": ("lon\tlat", "-87,69\t41,81", CHICAGO),
    "decimal commas under X and Y": ("X;Y", "-87,69;41,81", CHICAGO),
    "degrees under X and Y": ("X,Y", "-87.69,41.81", CHICAGO),
    "primes": ("经度,纬度", "120°6′43.2″,30°12′43.2″", CHINA),
    "ordinals for degrees": ("经度,纬度", "120º6'43.2'',30º12'43.2''", CHINA),
    "curled quotes": ("经度,纬度", "120°6’43.2”,30°12’43.2”", CHINA),
    "full width": ("经度,纬度", "１２０°６′４３．２″,３０°１２′４３．２″", CHINA),
    "in words": ("经度,纬度", "东经120度6分43.2秒,北纬30度12分43.2秒", CHINA),
    "sides": ("lon,lat", "87°41'24\"W,41°48'36\"N", CHICAGO),
    "sides before": ("lon,lat", "W 87.69,N 41.81", CHICAGO),
    "sides behind": ("lon,lat", "87.69W,41.81N", CHICAGO),
    "west in words": ("经度,纬度", "西经87.69,北纬41.81", CHICAGO),
    "minutes with a fraction": ("lon,lat", "-87° 41.4',41° 48.6'", CHICAGO),
    "colons": ("lon,lat", "-87:41:24,41:48:36", CHICAGO),
    "blanks": ("lon,lat", "-87 41 24,41 48 36", CHICAGO),
    "units behind the headings": ("经度(°),纬度（度）", "120.112,30.212", CHINA),
    "units with another sign": ("经度(º),纬度(deg)", "120.112,30.212", CHINA),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", TWO)
def test_places_in_two_columns(tmp_path, form):
    head, row, right = TWO[form]
    comma = ";" if ";" in head else "\t" if "\t" in head else ","
    raw = f"发生时间{comma}警情类别{comma}{head}\n" + f"2024-03-05{comma}盗窃{comma}{row}\n" * 2
    _, city = bring(tmp_path, raw)
    assert places(city) == pytest.approx(np.array([right] * 2), abs=SECONDS)


@pytest.mark.parametrize(
    "cell",
    ["120°61'", "120°6'60\"", "120 99", "12-34", "x°", "°", "120°6'1\"2", "1:2:3:4", "E", ""],
)
def test_what_is_no_degree_stays_as_it_is(cell):
    import pandas as pd

    assert as_degrees(pd.Series([cell])).tolist() == [cell]


PACKED = "发生时间,警情类别,经度,纬度\n" + "2024-03-05,盗窃,1200643.2,301243.2\n" * 2


def test_packed_degrees_are_offered_and_not_taken_for_feet(tmp_path):
    with pytest.raises(GridmapError) as raised:
        bring(tmp_path, PACKED)
    assert raised.value.key == "io.error.packed_degrees"
    offer = str(raised.value.values["guess"])
    assert offer == "EPSG:4326@dms"
    _, city = bring(tmp_path, PACKED, crs=offer)
    assert places(city)[0] == pytest.approx(CHINA, abs=SECONDS)


def test_belt_coordinates_are_not_taken_for_packed_degrees(tmp_path):
    # 40,500,000 is a belt's easting, 99 its seconds.
    raw = "时间,类别,x,y\n" + "".join(
        f"2024-03-05,盗,405{n}0099.5,335{n}099.2\n" for n in range(9)
    )
    with pytest.raises(GridmapError) as raised:
        bring(tmp_path, raw)
    assert raised.value.key != "io.error.packed_degrees"


# -- places in one column

ONE = {
    "lon, lat by the heading": ("经纬度", '"120.112,30.212"', CHINA),
    "by numbers above 90 whatever the heading": ("经纬度", '"30.212,120.112"', CHINA),
    "Chinese comma": ("坐标", "120.112，30.212", CHINA),
    "semicolon": ("坐标", '"120.112;30.212"', CHINA),
    "blank": ("位置坐标", "120.112 30.212", CHINA),
    "in brackets": ("坐标", '"[120.112, 30.212]"', CHINA),
    "Chinese brackets": ("坐标", "（120.112，30.212）", CHINA),
    "degrees with signs": ("坐标", '"120°6′43.2″E, 30°12′43.2″N"', CHINA),
    "latitude first by its sides": ("position", '"30°12′43.2″N 120°6′43.2″E"', CHINA),
    "sides with fractions": ("gps", '"N41.81, W87.69"', CHICAGO),
    "portal's pair": ("Location", '"(41.81, -87.69)"', CHICAGO),
    "portal's pair behind an address": (
        "Location 1", '"4800 W CHICAGO AVE\n\nCHICAGO, IL\n(41.81, -87.69)"', CHICAGO),
    "portal's object": (
        "location", '"{""latitude"": ""41.81"", ""longitude"": ""-87.69"", ""b"": false}"',
        CHICAGO),
    "portal's object, the other way round": (
        "location", '"{""longitude"": ""-87.69"", ""latitude"": ""41.81""}"', CHICAGO),
    "Python's object": ("location", "\"{'lat': 41.81, 'lng': -87.69}\"", CHICAGO),
    "GeoJSON": ("point", '"{""type"": ""Point"", ""coordinates"": [-87.69, 41.81]}"', CHICAGO),
    "WKT": ("the_geom", "POINT (-87.69 41.81)", CHICAGO),
    "lnglat": ("lnglat", '"-87.69,41.81"', CHICAGO),
    "latlng": ("latlng", '"41.81,-87.69"', CHICAGO),
    "under any heading": ("F7", '"120.112,30.212"', CHINA),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("form", ONE)
def test_places_in_one_column(tmp_path, form):
    head, cell, right = ONE[form]
    options = {"crs": "EPSG:4326"} if form == "WKT" else {}
    report, city = bring(
        tmp_path, f"发生时间,警情类别,{head}\n" + f"2024-03-05,盗窃,{cell}\n" * 3, **options
    )
    assert places(city) == pytest.approx(np.array([right] * 3), abs=SECONDS)
    assert form == "WKT" or told(report, "one_column")["column"] == head


def test_blank_places_in_one_column_are_counted(tmp_path):
    rows = ['"120.1,30.2"'] * 20 + ["", "不详"]
    report, city = bring(
        tmp_path, "时间,类别,经纬度\n" + "".join(f"2024-03-05,盗,{r}\n" for r in rows)
    )
    assert (len(city.incidents), report.refused) == (20, {"no_coordinates": 2})


def test_rooms_have_places_in_one_column_too(tmp_path):
    _, city = bring(tmp_path, '编号,警务室名称,坐标\n1,东门,"120.112,30.212"\n', kind="room")
    xy = np.array(city.room_xy)
    lon, lat = reproject_points(xy[:, 0], xy[:, 1], city.crs, "EPSG:4326")
    assert (lon[0], lat[0]) == pytest.approx(CHINA, abs=SECONDS)


def test_one_exchanged_row_refuses_one_row_and_names_it(tmp_path):
    rows = [f"2024-03-05,盗,120.1{n:02d},30.2" for n in range(50)] + ["2024-03-05,盗,30.2,120.1"]
    rows *= 3
    report, city = bring(tmp_path, "时间,类别,经度,纬度\n" + "\n".join(rows[:101] + rows[:50]))
    assert len(city.incidents) == 150
    assert told(report, "rows_swapped")["rows"] == "51"


# -- times

MONTHS = ["2024-03", "2024/03", "2024/3", "2024.03", "2024年3月", "2024年03月份", "202403",
          "03/2024", "3-2024", "Mar 2024", "March 2024", "Mar-2024"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("month", MONTHS)
def test_a_month_without_days_counts_as_its_month(tmp_path, month):
    raw = "月份,警情类别,经度,纬度\n" + f"{month},盗窃,120.112,30.212\n" * 2
    report, city = bring(tmp_path, raw)
    assert stored(city) == ["2024-03-01T00:00:00"] * 2
    assert told(report, "times_month")["count"] == 2
    assert city.incidents.precision == "month"
    assert "repeated_rows" not in keys(report)  # equal in month is not equal in time


def test_a_table_of_police_uk(tmp_path):
    raw = "Crime ID,Month,Reported by,Longitude,Latitude,Location,Crime type,Context\n" + "".join(
        f"{n * 0x9E3779B97F4A7C15 % 2**256:064x},2024-0{n % 3 + 1},X,-0.1{n},51.5{n},On or near "
        f"Park Road,{('Burglary', 'Drugs')[n % 2]},\n"
        for n in range(1, 9)
    )
    report, city = bring(tmp_path, raw)
    assert report.refused_columns == ()
    assert city.incidents.categories == ("Burglary", "Drugs")
    assert len(city.incidents) == 8


def test_a_blank_column_of_times_gives_way(tmp_path):
    raw = "报警时间,发生时间,警情类别,经度,纬度\n2024-03-05 01:00,,盗窃,120.1,30.2\n"
    report, city = bring(tmp_path, raw)
    assert stored(city) == ["2024-03-05T01:00:00"]
    assert told(report, "time_elsewhere") == {
        "file": "a.csv", "blank": "发生时间", "column": "报警时间",
    }  # fmt: skip


APART = {
    "New York": ("CMPLNT_FR_DT,CMPLNT_FR_TM,CMPLNT_TO_DT", "03/20/2024,00:30:00,03/21/2024"),
    "Los Angeles": ("Date Rptd,DATE OCC,TIME OCC", "03/22/2024,03/20/2024,0030"),
    "Chinese": ("发案日期,发案时刻", "2024-03-20,0:30"),
    "known names": ("日期,时间", "2024-03-20,00:30:00"),
    "starting and ending": ("START_DATE,END_DATE", "2024-03-20 00:30:00,2024-03-20 01:00:00"),
}


@pytest.mark.parametrize("form", APART)
def test_date_and_hour_in_columns_that_nobody_called_time(tmp_path, form):
    head, row = APART[form]
    _, city = bring(tmp_path, f"{head},类别,lon,lat\n" + f"{row},盗,-87.69,41.81\n" * 2)
    assert stored(city) == ["2024-03-20T00:30:00"] * 2


def test_what_may_be_the_time_or_the_category_is_offered(tmp_path):
    rows = "".join(
        f"2024-03-2{n},2024-03-2{n},{('ROBBERY', 'THEFT')[n % 2]},x{n}\n" for n in range(9)
    )
    raw = "date_a,date_b,OFNS_DESC,remark,lon,lat\n" + rows.replace("\n", ",-87.69,41.81\n")
    report, _ = bring(tmp_path, raw)
    assert told(report, "no_time")["columns"] == "date_a, date_b"
    assert told(report, "no_category")["columns"] == "OFNS_DESC"


def test_zones_among_local_times_are_told_apart(tmp_path):
    clocks = ["2024-03-08 08:00:00"] * 4 + ["2024-03-08T08:00:00Z", "2024-03-08T08:00:00-05:00",
                                            "2024-03-08 08:00:00+0800"]  # fmt: skip
    raw = "时间,类别,经度,纬度\n" + "".join(f"{clock},盗,120.1,30.2\n" for clock in clocks)
    report, city = bring(tmp_path, raw)
    assert set(stored(city)) == {"2024-03-08T08:00:00"}  # nothing shifts in silence
    assert told(report, "times_world_clock")["count"] == 1
    assert told(report, "times_other_zone")["count"] == 2


def test_repeats_are_told_only_where_time_place_and_category_were_read(tmp_path):
    row = "2024-03-05 10:00,盗,120.1,30.2\n"
    report, _ = bring(tmp_path, "时间,类别,经度,纬度\n" + row * 2)
    assert told(report, "repeated_rows")["count"] == 1
    for left_out in ({"time": ""}, {"category": ""}):
        report, _ = bring(tmp_path, "时间,类别,经度,纬度\n" + row * 2, columns=left_out)
        assert "repeated_rows" not in keys(report)


# -- counts with decimal commas


@pytest.mark.parametrize(
    ("cell", "right"),
    [("1,234", 1234.0), ("1.234,5", 1234.5), ("12,5", 12.5), ("1 234", 1234.0),
     ("1,234,567", 1234567.0),
     ("0,75", 0.75), ("1,2345", 1.2345), ("３人", 3.0)],
)  # fmt: skip
def test_a_comma_before_other_than_three_digits_is_a_point(tmp_path, cell, right):
    _, city = bring(tmp_path, f'编号;民警数;lon;lat\n1;"{cell}";120.1;30.2\n', kind="room")
    assert city.rooms.counts("officers").tolist() == [right]


# -- sheets

HEAD = ["发生时间", "警情类别", "经度", "纬度"]


def year(*, months=3):
    book = openpyxl.Workbook()
    book.active.title = "说明"
    book.active.append(["本表由某单位填写"])
    book.active.append(["请勿改动"])
    for month in range(1, months + 1):
        page = book.create_sheet(f"{month}月")
        page.append([f"2024年{month}月警情"])
        page.append(HEAD)
        for day in range(1, month + 2):
            page.append([f"2024-{month:02d}-{day:02d} 10:00", "盗窃", 120.1, 30.2])
    summary = book.create_sheet("汇总")
    summary.append(["月份", "警情数"])
    summary.append(["1月", 2])
    return book


def test_a_workbook_with_a_sheet_a_month_comes_in_with_one_command(tmp_path):
    year().save(tmp_path / "y.xlsx")
    raw = (tmp_path / "y.xlsx").read_bytes()
    with pytest.raises(GridmapError) as raised:
        bring(tmp_path, raw, name="a.xlsx")
    assert raised.value.key == "io.error.several_layers"
    _, city = bring(tmp_path, raw, name="a.xlsx", layer="all")
    assert len(city.incidents) == 2 + 3 + 4
    _, city = bring(tmp_path, raw, name="a.xlsx", layers=("1月", "3月"))
    assert len(city.incidents) == 2 + 4
    with pytest.raises(GridmapError) as raised:
        bring(tmp_path, raw, name="a.xlsx", layers=("1月", "4月"))
    assert raised.value.key == "io.error.no_layer"


# -- the shared cases

FILES = {
    "d_monthonly.csv": {"first": (120.101, 30.201), "rows": 4, "time": "2024-03-01T00:00:00"},
    "i_sc.csv": {"first": (120.101, 30.201), "second": CHINA, "rows": 4},
    "i_sc2.csv": {"first": (-87.691, 41.801), "second": (-87.692, 41.802), "rows": 4},
    "pr0.csv": {"first": CHINA, "second": CHINA, "rows": 2},
    "merged.csv": {"first": (120.101, 30.201), "rows": 4},
    "loc.csv": {"first": CHICAGO, "rows": 4},
    "socj.csv": {"first": CHICAGO, "rows": 4},
    "split2.csv": {"first": CHICAGO, "rows": 4, "time": "2024-03-20T00:30:00",
                   "note": "no_category"},
    "two.csv": {"rows": 4, "time": "2024-03-05T00:00:00", "note": "time_elsewhere"},
    "unit.csv": {"first": (120.101, 30.201), "rows": 4, "time": "2024-03-05T08:00:00"},
    "swap1.csv": {"rows": 200, "note": "rows_swapped"},
    "mixz.csv": {"rows": 6, "note": "times_other_zone"},
    "months.xlsx": {"rows": 6, "options": {"layer": "all"}},
    "dmsp.csv": {"first": (120.101, 30.201), "rows": 3, "options": {"crs": "EPSG:4326@dms"}},
}  # fmt: skip


@pytest.mark.real_data
@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not at ../shared/cases")
@pytest.mark.parametrize("name", FILES)
def test_shared_cases(tmp_path, name):
    right = FILES[name]
    report, city = bring(
        tmp_path, (CASES / name).read_bytes(), name=name, **right.get("options", {})
    )
    assert len(city.incidents) == report.features
    assert report.features == right["rows"]
    xy = places(city)
    for at, key in enumerate(("first", "second")):
        if key in right:
            assert xy[at] == pytest.approx(right[key], abs=SECONDS)
    if "time" in right:
        assert stored(city)[0] == right["time"]
    if "note" in right:
        assert right["note"] in keys(report)


def test_months_without_days_have_no_hours_in_any_count(tmp_path):
    rows = (
        "2024-03,盗窃,120.112,30.212\n2024-03,纠纷,120.112,30.212\n2024-04,盗窃,120.112,30.212\n"
    )
    _, city = bring(tmp_path, "月份,警情类别,经度,纬度\n" + rows)
    counts = count_located(city, None)
    assert counts.table("hour").sum() == 0
    assert counts.table("hour", with_unknown=True)[-1] == 3
    assert counts.table("month").tolist() == [2, 1]
    assert counts.table("category").tolist() == [2, 1]
