"""The workbook as Excel and LibreOffice take it, and what it says."""

import csv
import io
import re
import zipfile
from dataclasses import replace
from datetime import date

import numpy as np
import openpyxl
import pytest
from openpyxl.utils import column_index_from_string, get_column_letter

from gridmap.demo import make_city
from gridmap.i18n import using_language
from gridmap.measure import Period, summarise, weekday_occurrences
from gridmap.measure.period import CutDay
from gridmap.model import Kind, Layer
from gridmap.report import Request, build_report, workbook, write_workbook
from gridmap.report.area_tables import outside_note
from gridmap.report.composing import days_text
from gridmap.report.sections import area_grid
from gridmap.report.suppression import Hiding
from gridmap.report.tables import TableBuilder, column
from gridmap.report.workbook import table_csv

# openpyxl does not know the data bars of Excel 2010 and later.
pytestmark = pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")

ATTACK = '=HYPERLINK("http://x","y")'


@pytest.fixture(scope="module")
def city():
    made = make_city(grids=60, incidents=2_000, seed=7)
    beats = made.beats.frame.copy()
    beats["name"] = beats["name"].astype(object)
    beats.loc[0, "name"] = ATTACK
    return made.with_layer(Layer(Kind.BEAT, beats, made.beats.provenance))


@pytest.fixture(scope="module")
def report(city):
    with using_language("zh"):
        return build_report(city, Request(date(2024, 4, 1), "2024-03"))


@pytest.fixture(scope="module")
def book(report):
    return openpyxl.load_workbook(io.BytesIO(write_workbook(report)), data_only=True)


def test_every_table_is_a_sheet(book, report):
    titles = [table.title for table in report.tables]
    assert book.sheetnames == titles
    long = book["数据"]  # one number a row, ready for a pivot
    assert long.max_column == 7
    assert long.max_row > 500
    keys = {table.key for table in report.tables}
    assert {"summary", "grids", "beats", "stations", "communities", "rooms", "hours", "categories",
            "months", "staffing", "data", "definitions", "sources"} <= keys  # fmt: skip


def test_a_name_that_begins_like_a_formula_stays_text(book, report):
    data = write_workbook(report)
    with zipfile.ZipFile(io.BytesIO(data)) as files:
        sheets = [files.read(name) for name in files.namelist() if "worksheets/sheet" in name]
    formulas = [text for sheet in sheets for text in re.findall(rb"<f>(.*?)</f>", sheet)]
    assert formulas
    assert all(
        re.fullmatch(rb'(SUBTOTAL|IFERROR)\([-+*/.,:()\w"&;\xe2\x80\x93]*', f) for f in formulas
    )
    links = [text for sheet in sheets for text in re.findall(rb"<hyperlink [^>]*>", sheet)]
    assert links
    assert all(b"location=" in link and b"r:id" not in link for link in links)
    cells = [cell for row in book["警格"].iter_rows() for cell in row if cell.value == ATTACK]
    assert len(cells) == 1
    assert cells[0].data_type == "s"
    line = table_csv(report.table("beats")).decode("utf-8-sig").splitlines()[1]
    assert f"\"'{ATTACK[:11]}" in line


@pytest.mark.parametrize("level", ["grid", "beat", "station"])
def test_totals_are_those_of_measure_to_the_last_unit(book, city, level):
    title = {"grid": "网格", "beat": "警格", "station": "派出所"}[level]
    sheet = book[title]
    table = summarise(city, by=level, since="2024-03-01", until="2024-04-01")
    head = [cell.value for cell in sheet[5]]
    last = next(row for row in sheet.iter_rows(min_row=6) if row[0].value == "合计")
    for name, label in (
        ("residents", "常住人口"),
        ("incidents", "警情"),
        ("migrants", "流动人口"),
    ):
        place = head.index(label)
        assert last[place].value == table.totals[name]
        column = [row[place].value for row in sheet.iter_rows(min_row=6, max_row=last[0].row - 1)]
        assert np.array_equal(column, table.rows[name])


def test_headers_are_frozen_filtered_and_numbers_formatted(book):
    sheet = book["警格"]
    assert sheet.freeze_panes == "C6"
    (table,) = sheet.tables.values()
    assert table.ref.startswith("A5:")
    assert table.totalsRowCount == 1
    head = [cell.value for cell in sheet[5]]
    assert sheet.cell(6, head.index("警情") + 1).number_format == "#,##0"
    assert sheet.cell(6, head.index("覆盖率") + 1).number_format == "0.0%"
    assert sheet.conditional_formatting
    assert sheet.print_title_rows == "$5:$5"
    assert sheet._charts


def test_every_sheet_prints_one_page_wide_large_enough_to_read(book):
    for sheet in book:
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
        area = sheet.print_area.split("!")[1]
        left, right = (cell.strip("$").split("$") for cell in area.split(":"))
        assert left == ["A", "1"]
        columns = range(1, column_index_from_string(right[0]) + 1)
        wide = sum(sheet.column_dimensions[get_column_letter(n)].width for n in columns)
        upright = sheet.page_setup.orientation != "landscape"
        room = 95.0 if upright else 140.0 if int(sheet.page_setup.paperSize) == 9 else 200.0
        assert room / wide > 0.5, (sheet.title, wide)
    data = book["数据"]
    assert data.max_row > 100  # for pivot tables, not for paper
    assert data.print_area.endswith("$5")


def test_every_figure_of_the_tidy_sheet_is_of_its_own_period(report):
    table = report.table("data")
    keys = ("unit", "level", "parent", "period", "category", "measure")
    assert not table.rows.duplicated([f"tidy_{name}" for name in keys]).any()
    beats = report.table("beats")
    rows = table.rows[
        (table.rows["tidy_level"] == "警格") & (table.rows["tidy_measure"] == "警情")
    ]
    sums = rows[rows["tidy_category"] == ""].groupby("tidy_period")["tidy_value"].sum()
    assert sums.to_dict() == {
        "2024年3月": beats.values("incidents").sum(),
        "2024年2月": beats.values("incidents_before_previous").sum(),
        "2024年第1季度": beats.values("incidents_ytd").sum(),
    }
    by_category = rows[rows["tidy_category"] != ""].groupby("tidy_period")["tidy_value"].sum()
    assert by_category.to_dict() == {name: sums[name] for name in ("2024年3月", "2024年2月")}
    assert "日均" in set(table.rows["tidy_measure"][table.rows["tidy_period"] == "2024年2月"])


def test_the_same_report_gives_the_same_bytes(report):
    assert write_workbook(report) == write_workbook(report)
    other = replace(report, request=replace(report.request, dated=date(2024, 4, 2)))
    assert write_workbook(report) != write_workbook(other)


def test_rows_and_columns_of_hours_add_up_to_the_incidents(report):
    hours = report.table("hours")
    days = [column.key for column in hours.columns[1:-1]]
    # The cells are incidents of one such weekday: March 2024 has four or five of each.
    times = weekday_occurrences(date(2024, 3, 1), date(2024, 3, 31))
    counts = np.column_stack([hours.values(day) for day in days]) * times
    total = report.table("categories").total["incidents"]
    assert counts.sum() == pytest.approx(total)
    assert hours.total["all"] == total
    assert counts.sum(axis=1) == pytest.approx(hours.values("all"))


def test_ties_share_a_place_and_the_next_is_skipped(report):
    ranking = report.table("beats")
    counts = ranking.values("incidents").astype(float)
    for place, count in zip(ranking.values("rank"), counts, strict=True):
        assert place == 1 + int((counts > count).sum())


def test_a_csv_carries_a_byte_order_mark_and_whole_numbers(report):
    data = table_csv(report.table("grids"))
    assert data.startswith(b"\xef\xbb\xbf")
    lines = data.decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + 60  # the totals of all tables stand in totals.csv
    assert lines[0].startswith("编号,名称")


def test_numbers_of_every_file_are_numbers(report, book):
    # In tables whose rows tell different things, too: no separators, no percent signs.
    figures = {figure.label: figure for figure in report.figures}
    lines = list(csv.reader(io.StringIO(table_csv(report.table("summary")).decode("utf-8-sig"))))
    assert {line[0]: float(line[1]) for line in lines[1:] if line[1]} == {
        label: pytest.approx(one.value) for label, one in figures.items() if np.isfinite(one.value)
    }
    assert any("%" in one.text() for one in figures.values())
    stored = next(row for row in book["警情数据导入情况"].values if row[0] == "存入（起）")
    assert stored[1] == 2_000
    assert b"2000" in table_csv(report.table("imports"))
    near = report.table("rooms").values("incidents")
    assert (near % 1 == 0).all()
    assert near.sum() == report.table("rooms").total["incidents"]


def test_rates_are_said_to_be_per_the_days_that_divide_them():
    whole = Period("month", date(2024, 9, 1), date(2024, 9, 30))
    cut = (CutDay(date(2024, 9, 30), 0.008, (0.192, *([0.0] * 23))),)
    part = replace(whole, held=(date(2024, 9, 1), date(2024, 9, 29)), cut=cut)
    assert (days_text(whole), days_text(part)) == ("30", "29.01")
    assert f"{21_559 / part.days:.1f}" == f"{21_559 / float(days_text(part)):.1f}" == "743.2"


def test_totals_are_formulas_that_give_the_totals(report):
    data = write_workbook(report)
    formulas = openpyxl.load_workbook(io.BytesIO(data))
    values = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    seen = 0
    for sheet in formulas:
        for cell in (cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"):
            known = values[sheet.title]
            told = known[cell.coordinate].value
            if found := re.fullmatch(r"=SUBTOTAL\(109,([A-Z]+\d+:[A-Z]+\d+)\)(.*)", cell.value):
                cells = [one for (one,) in known[found[1]]]
                total = sum(one.value for one in cells if isinstance(one.value, int | float))
                assert told == pytest.approx(total + float(found[2] or 0))
            else:
                ratio = re.fullmatch(
                    r'=IFERROR\(([\d.e-]+)\*([A-Z]+\d+)(?:/([A-Z]+\d+))?(?:-([\d.]+))?,"–"\)',
                    cell.value,
                )
                under = known[ratio[3]].value if ratio[3] else 1.0
                worked = float(ratio[1]) * known[ratio[2]].value / under - float(ratio[4] or 0)
                assert told == pytest.approx(worked)
            seen += 1
    assert seen > 30


def test_months_are_dates_and_links_lead_to_sheets(report):
    book = openpyxl.load_workbook(io.BytesIO(write_workbook(report)))
    months = book["逐月警情"]
    assert all(months.cell(row, 1).is_date for row in range(6, 6 + len(report.table("months"))))
    links = [cell.hyperlink.location for row in book["概要"].iter_rows() for cell in row
             if cell.hyperlink]  # fmt: skip
    assert links == [f"'{title}'!A1" for title in book.sheetnames[1:]]


def test_charts_have_words_for_who_cannot_see_them(report):
    with zipfile.ZipFile(io.BytesIO(write_workbook(report))) as files:
        drawings = [
            files.read(name).decode() for name in files.namelist() if "drawings/drawing" in name
        ]
    assert drawings
    assert all(re.findall(r'descr="[^"]+"', text) for text in drawings)


def test_a_table_longer_than_a_sheet_goes_on_in_the_next(report, book, monkeypatch):
    monkeypatch.setattr(workbook, "_MOST_ROWS", 25)
    table = report.table("grids")
    whole = replace(report, tables=(report.table("summary"), table))
    parts = openpyxl.load_workbook(io.BytesIO(write_workbook(whole)), data_only=True)
    assert parts.sheetnames == ["概要", "网格", "网格 (2)", "网格 (3)"]
    cells = [
        [cell.value for cell in row]
        for name in parts.sheetnames[1:]
        for row in parts[name].iter_rows(min_row=6)
        if row[0].value is not None
    ]
    rows = [[cell.value for cell in row] for row in book["网格"].iter_rows(min_row=6)]
    assert cells[:-1] == rows[:-1]
    for value, formula in zip(cells[-1], rows[-1], strict=True):  # the total
        assert (
            value == pytest.approx(formula) if isinstance(value, float | int) else value == formula
        )


def test_what_lies_in_no_row_is_added_to_a_total_and_said(city):
    part = city.with_layer(
        Layer(Kind.BEAT, city.beats.frame.iloc[1:].reset_index(drop=True), city.beats.provenance)
    )
    with using_language("zh"):
        report = build_report(part, Request(date(2024, 4, 1), "2024-03"))
    with zipfile.ZipFile(io.BytesIO(write_workbook(report))) as files:
        sheets = [files.read(name) for name in files.namelist() if "worksheets/sheet" in name]
    sums = [f for sheet in sheets for f in re.findall(rb"<f>(SUBTOTAL.*?)</f>", sheet)]
    whole = re.compile(rb"SUBTOTAL\(109,[A-Z]+\d+:[A-Z]+\d+\)([-+][\d.]+(e-?\d+)?)?")
    assert all(map(whole.fullmatch, sums))
    assert any(b")+" in f for f in sums)
    lost = summarise(part, by="beat", since="2024-03-01", until="2024-04-01").unassigned
    beats = report.table("beats")
    for name in ("incidents", "residents", "area_km2"):  # one rule for formula and note
        assert beats.outside[name] == lost[name]
        assert f"+{lost[name]!r}".encode() in b" ".join(sums)
    grid = area_grid(report, "beat")
    note = next(text for text in grid.notes if text.startswith("未划入任何警格"))
    assert f"常住人口{lost['residents']:,.0f}人、警情{lost['incidents']:,.0f}起" in note
    assert f"面积{lost['area_km2']:.2f}平方公里" in note


def test_what_lies_in_no_row_is_known_beside_hidden_and_rounded_rows():
    made = TableBuilder(2)
    made.add(column("area_km2", "fine"), [1.0, 1.0], 2.0)
    made.add(column("incidents"), [3.0, 40.0], 50.0, hidden=np.array([True, False]))
    made.add(column("residents"), [10.0, 11.0], 20.0, outside=0.4)  # 10.4 and 10.6, rounded
    table = made.table("beats")
    assert table.outside == {"incidents": 7.0, "residents": 0.4}
    formulas = [workbook._formula(table, item, 7) for item in table.columns]
    assert formulas == ["=SUBTOTAL(109,A6:A7)", "=SUBTOTAL(109,B6:B7)+7.0", ""]
    with using_language("en"):
        assert "7" in outside_note(table, Hiding(5), "beat")
        dark = Hiding(5, {("outside-beat", "incidents", "now"): np.array([True])})
        assert "*" in outside_note(table, dark, "beat")
