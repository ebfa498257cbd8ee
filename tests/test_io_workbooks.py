"""Workbooks under any name: of today, of before 2007, pages of HTML, XML of 2003, text."""

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from gridmap.errors import GridmapError
from gridmap.io import import_files, read_city

DATA = Path(__file__).parent / "data"
ROOMS = [
    ["编号", "名称", "经度", "纬度", "民警数"],
    ["001", "东门警务室", "114.005", "22.505", "3"],
    ["002", "西街警务室", "114.015", "22.505", "4"],
]


def made(path, rows, *merged):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for area in merged:
        book.active.merge_cells(area)
    book.save(path)
    return path


def bring(tmp_path, path, kind="room"):
    report = import_files(tmp_path / "city", [path], kind=kind)
    return report, read_city(tmp_path / "city")


def page(rows):
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<html><meta charset=gbk><table><caption>表</caption>{lines}</table></html>"


def xml(rows):
    said = "urn:schemas-microsoft-com:office:spreadsheet"
    cells = [
        [f"<Cell><Data ss:Type='String'>{cell}</Data></Cell>" for cell in row] for row in rows
    ]
    lines = "".join(f"<Row>{''.join(row)}</Row>" for row in cells)
    return (
        f"<?xml version='1.0' encoding='UTF-8'?><Workbook xmlns='{said}' xmlns:ss='{said}'>"
        f"<Worksheet ss:Name='表'><Table><Row><Cell ss:MergeAcross='4'><Data>统计表</Data></Cell>"
        f"</Row>{lines}</Table></Worksheet></Workbook>"
    )


CALLED_XLS = {
    "html": page(ROOMS).encode("gbk"),
    "xml": xml(ROOMS).encode(),
    "text": "\n".join("\t".join(row) for row in ROOMS).encode("gbk"),
}


@pytest.mark.parametrize("form", [*CALLED_XLS, "xlsx"])
def test_what_systems_call_xls_is_read(tmp_path, form):
    path = tmp_path / "a.xls"
    if form == "xlsx":
        made(tmp_path / "a.xlsx", ROOMS).rename(path)
    else:
        path.write_bytes(CALLED_XLS[form])
    _, city = bring(tmp_path, path)
    assert list(city.rooms.ids) == ["001", "002"]
    assert list(city.rooms.names) == ["东门警务室", "西街警务室"]
    assert city.rooms.counts("officers").tolist() == [3.0, 4.0]


def test_a_workbook_called_csv_is_read(tmp_path):
    path = tmp_path / "a.csv"
    made(tmp_path / "a.xlsx", ROOMS).rename(path)
    assert list(bring(tmp_path, path)[1].rooms.ids) == ["001", "002"]


def test_cells_of_a_page_that_span_rows_and_columns(tmp_path):
    raw = (
        "<table><tr><th rowspan=2>编号<th rowspan=2>所属派出所<th colspan=2>坐标</tr>"
        "<tr><th>经度<th>纬度</tr>"
        "<tr><td>001<td rowspan=2>7<td>114.005<td>22.505</tr>"
        "<tr><td>002<td>114.015<td>22.505</tr></table>"
    )
    (tmp_path / "a.xls").write_text(raw, encoding="utf-8")
    _, city = bring(tmp_path, tmp_path / "a.xls")
    assert list(city.rooms.ids) == ["001", "002"]
    assert list(city.rooms.texts("station")) == ["7", "7"]


def test_a_workbook_of_before_2007(tmp_path):
    # Two sheets, a title, dates and clocks apart, a station merged over two rows, a total.
    report, city = bring(tmp_path, DATA / "incidents.xls", "incidents")
    batch = city.incidents.all
    assert [str(moment) for moment in batch.time] == [
        "2024-03-05T10:05:00",
        "2024-03-06T23:59:59",
        "2024-03-07T00:00:00",
    ]
    assert list(batch.station) == ["01", "01", "02"]
    assert city.incidents.categories == ("盗窃", "纠纷")
    assert report.refused == {"no_coordinates": 1}


def test_dates_and_clocks_of_a_workbook_stand_in_cells_of_their_own(tmp_path):
    head = ["日期", "时间", "警情类别", "经度", "纬度"]
    rows = [
        [date(2024, 3, 5), time(10, 5), "盗窃", 114.05, 22.55],
        [pd.Timestamp("2024-03-06").to_pydatetime(), time(23, 59, 59), "盗窃", 114.06, 22.55],
        [date(2024, 3, 7), timedelta(hours=24), "盗窃", 114.06, 22.55],
    ]
    _, city = bring(tmp_path, made(tmp_path / "a.xlsx", [head, *rows]), "incidents")
    assert [str(moment) for moment in city.incidents.all.time] == [
        "2024-03-05T10:05:00",
        "2024-03-06T23:59:59",
        "2024-03-08T00:00:00",
    ]


def test_a_total_merged_across_columns_costs_its_row_only(tmp_path):
    rows = [["2024年统计表"], *ROOMS, ["合计", None, None, None, 7]]
    path = made(tmp_path / "a.xlsx", rows, "A1:E1", "A5:D5")
    report, city = bring(tmp_path, path)
    assert list(city.rooms.ids) == ["001", "002"]
    assert report.refused == {"no_coordinates": 1}


def test_junk_is_told(tmp_path):
    (tmp_path / "a.xls").write_bytes(b"PK\x03\x04" + bytes(300))
    with pytest.raises(GridmapError) as raised:
        bring(tmp_path, tmp_path / "a.xls")
    assert "\n" not in raised.value.text()
