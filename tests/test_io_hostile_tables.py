"""Tables made to hold a reader up: each is refused in one line, in little time and memory."""

from __future__ import annotations

import io
import os
import random
import re
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gridmap.errors import GridmapError
from gridmap.io import ImportOptions, import_files, read_city
from gridmap.io._sources import read_source
from gridmap.io._tables import read_csv, read_excel

DATA = Path(__file__).parent / "data"
HEAD = "发生时间,警情类别,经度,纬度"
ROW = "2024-03-05 10:00,盗窃,114.05,22.55"
SHEET = "xl/worksheets/sheet1.xml"
SECONDS = 20.0  # of the processor, on a slow machine: what holds a reader up takes minutes
OFFICE = (
    "<office:document-content xmlns:office='urn:oasis:names:tc:opendocument:xmlns:office:1.0' "
    "xmlns:table='urn:oasis:names:tc:opendocument:xmlns:table:1.0' "
    "xmlns:text='urn:oasis:names:tc:opendocument:xmlns:text:1.0'>"
    "<office:body><office:spreadsheet>{}</office:spreadsheet></office:body>"
    "</office:document-content>"
)


def processor_s():
    """Return the processor time of this process and of the readers that it has started."""
    return sum(os.times()[:4])


def refused(tmp_path, name, raw, **options):
    """Return the key of the refusal, after making sure that it is one cheap line."""
    path = tmp_path / name
    path.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    began = processor_s()
    with pytest.raises(GridmapError) as raised:
        import_files(tmp_path / "city", [path], kind="incidents", options=ImportOptions(**options))
    assert processor_s() - began < SECONDS
    for language in ("zh", "en"):
        text = raised.value.text(language)
        assert "\n" not in text
        assert len(text) < 400
    assert not (tmp_path / "city").exists()
    return raised.value.key


def workbook(change):
    """Return a workbook whose sheet's XML a function has changed."""
    plain, made = io.BytesIO(), io.BytesIO()
    book = openpyxl.Workbook()
    for row in ([*HEAD.split(",")], [*ROW.split(",")]):
        book.active.append(row)
    book.save(plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name == SHEET else data)
    return made.getvalue()


def added(xml):
    return lambda data: data.replace(b"</sheetData>", xml + b"</sheetData>")


def document(*tables):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest:manifest/>")
        archive.writestr("content.xml", OFFICE.format("".join(tables)))
    return made.getvalue()


def table(name, *rows):
    return f"<table:table table:name='{name}'>{''.join(rows)}</table:table>"


def row(*cells, more=""):
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


def cell(text, more=""):
    kind = "office:value-type='string'"
    return f"<table:table-cell {kind} {more}><text:p>{text}</text:p></table:table-cell>"


LETTERS = b"a" * 300_000_000
MERGED = b"<mergeCells><mergeCell ref='A2:XFD1048576'/></mergeCells>"
ALL_COLUMNS = "table:number-columns-repeated='16384'"
BOOKS = {
    "a far cell": lambda: workbook(added(b"<row r='9'><c r='XFD1048576'><v>1</v></c></row>")),
    "a far column": lambda: workbook(added(b"<row r='3'><c r='XFD3'><v>1</v></c></row>")),
    "a cell of 300 million letters": lambda: workbook(
        added(
            b"<row r='3'><c r='A3' t='inlineStr'><is><t>%b</t></is></c></row>" % LETTERS
        )
    ),
    "repeats of OpenDocument": lambda: document(
        table("a", row(cell("编号", ALL_COLUMNS), more="table:number-rows-repeated='1048576'"))
    ),
    "repeats on many sheets": lambda: document(
        *(
            table(f"s{n}", row(cell("x", ALL_COLUMNS), more="table:number-rows-repeated='5000'"))
            for n in range(40)
        )
    ),
    "four billion blanks in a cell": lambda: document(
        table("a", row(cell("<text:s text:c='4000000000'/>")))
    ),
    "spans of a page": lambda: "<table><tr>" + "<td rowspan=9999 colspan=99999>x" * 10,
    "many spans of a page": lambda: "<table>" + ("<tr>" + "<td rowspan=999 colspan=9>" * 999) * 99,
    "a page that says it is at row 99999999": lambda: "<table><tr ss:index=99999999><td>1",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", BOOKS)
def test_workbooks_that_are_larger_than_they_look(tmp_path, name):
    suffix = {"<": "xls", "P": "xlsx"}
    raw = BOOKS[name]()
    raw = raw.encode() if isinstance(raw, str) else raw
    key = refused(tmp_path, f"a.{suffix[chr(raw[0])]}", raw)
    assert key.removeprefix("io.error.") in {
        "book_too_large", "too_many_columns", "cannot_open", "empty_layer",
    }  # fmt: skip


def page(more):
    head = "".join(f"<td>{name}" for name in HEAD.split(","))
    cells = "".join(f"<td>{value}" for value in ROW.split(","))
    return f"<html><table><tr>{head}<td>备注<tr>{cells}<td>{more}".encode()


@pytest.mark.parametrize("said", ["<a ", "<!--", "<!--x>", "<!", "<?", "</", "<a '\""])
def test_markup_without_an_end_takes_time_in_proportion(tmp_path, said):
    """The process that reads ends itself after some ten seconds of the processor."""
    (tmp_path / "a.xls").write_bytes(page(said * 500_000))
    assert read_excel(tmp_path / "a.xls").shape == (1, 5)


def test_the_text_of_a_page_is_what_a_reader_sees(tmp_path):
    said = (
        "<!-- <td>a remark > --><b title='5 > 3' style=\"a>b\">3&nbsp;&lt;&#52;</b>, 1 < 2"
        "<script>if (a < b) '<td>'</script><![CDATA[ &amp;<td> ]]><SS:Data ss:Type=String>末"
    )
    (tmp_path / "a.xls").write_bytes(page(said))
    assert read_excel(tmp_path / "a.xls")["备注"][0] == "3\xa0<4, 1 < 2 &amp;<td> 末"


@pytest.mark.parametrize(("length", "key"), [(32_767, ""), (32_768, "io.error.long_cell")])
@pytest.mark.parametrize("form", ["book", "page"])
def test_a_cell_of_a_workbook_is_as_long_as_excel_lets_it(tmp_path, form, length, key):
    text = "甲" * length
    sheet = f"<row r='3'><c r='A3' t='inlineStr'><is><t>{text}</t></is></c></row>".encode()
    raw = workbook(added(sheet)) if form == "book" else page(text)
    if key:
        assert refused(tmp_path, "a.xls", raw) == key
    else:
        (tmp_path / "a.xls").write_bytes(raw)
        assert text in read_excel(tmp_path / "a.xls").iloc[-1].tolist()


def test_a_cell_of_a_table_of_text_has_a_million_letters_at_most(tmp_path):
    text = f"{HEAD},备注\n{ROW},"
    (tmp_path / "a.csv").write_text(text + "甲" * 1_000_000, encoding="utf-8")
    assert len(read_csv(tmp_path / "a.csv").frame["备注"][0]) == 1_000_000
    assert refused(tmp_path, "b.csv", text + "甲" * 1_000_001) == "io.error.long_cell"


def shared(letters, rows):
    """Return a column that holds one text in each row; in memory, too, it stands once."""
    return pa.DictionaryArray.from_arrays(np.zeros(rows, "int32"), ["x" * letters])


PACKED = {
    "rows": lambda: {"lon": np.full(600_000, 114.0)},
    "values": lambda: {f"c{n}": np.zeros(300_000, "int8") for n in range(20)},
    "letters": lambda: {"name": shared(1_000_000, 200)},
    "columns": lambda: {f"c{n}": [1] for n in range(2_001)},
}


@pytest.mark.parametrize("name", PACKED)
def test_parquet_that_unpacks_to_far_more_than_its_size(tmp_path, name):
    raw = io.BytesIO()
    pq.write_table(pa.table(PACKED[name]()), raw, compression="zstd")
    key = refused(tmp_path, "a.parquet", raw.getvalue())
    assert key == ("gdal.error.columns" if name == "columns" else "gdal.error.unpacks")


def test_parquet_of_categories_is_read_as_text(tmp_path):
    frame = pd.DataFrame({"类别": pd.Categorical(["盗窃", None, "盗窃"]), "n": [1, 2, 3]})
    frame.to_parquet(tmp_path / "a.parquet")
    read = read_source(tmp_path / "a.parquet").frame
    assert read["类别"].fillna("").tolist() == ["盗窃", "", "盗窃"]
    assert read["n"].tolist() == [1, 2, 3]


def test_a_merge_to_the_last_cell_costs_nothing(tmp_path):
    raw = workbook(lambda data: data.replace(b"</sheetData>", b"</sheetData>" + MERGED))
    (tmp_path / "a.xlsx").write_bytes(raw)
    began = processor_s()
    assert read_excel(tmp_path / "a.xlsx").shape == (1, 4)
    assert processor_s() - began < SECONDS


def test_merged_cells_of_open_document_hold_what_the_first_does(tmp_path):
    number = "<table:table-cell office:value-type='float' office:value='{}'/>"
    at = [number.format(114.005), number.format(22.505)]
    rest = "<table:table-cell table:number-columns-repeated='16384'/>"
    raw = document(
        table(
            "表",
            row(cell("统计表", "table:number-columns-spanned='4'"), rest),
            row(*map(cell, ["编号", "经度", "纬度", "所属派出所"])),
            row(cell("001"), *at, cell("7", "table:number-rows-spanned='2'")),
            row(cell("002"), *at, "<table:covered-table-cell/>"),
            row(rest, more="table:number-rows-repeated='1048570'"),
        )
    )
    (tmp_path / "a.ods").write_bytes(raw)
    import_files(tmp_path / "city", [tmp_path / "a.ods"], kind="room")
    rooms = read_city(tmp_path / "city").rooms
    assert list(rooms.ids) == ["001", "002"]
    assert list(rooms.texts("station")) == ["7", "7"]


CELLS = {
    "brackets": "[" * 100_000,
    "wide brackets": "（" * 100_000,
    "half of a pair": '"[""\\ud800""]"',
    "an object in an object": '{"a":' * 50_000,
    "at signs": "a" * 50_000 + "@" * 50_000,
    "digits and dots": "1." * 50_000,
    "dashes": "1-" * 50_000,
    "letters": "a" * 200_000,
    "names": "张伟、" * 30_000,
    "rooms": "3栋" * 30_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_of_100_000_letters_holds_nothing_up(tmp_path, name):
    path = tmp_path / "a.csv"
    path.write_text(f"{HEAD},其他列\n{ROW},{CELLS[name]}\n", encoding="utf-8")
    began = processor_s()
    report = import_files(tmp_path / "city", [path], kind="incidents")
    assert processor_s() - began < SECONDS
    assert report.features == 1


TEXTS = {
    "200,000 columns": ",".join([HEAD, *map(str, range(200_000))]) + f"\n{ROW}\n",
    "a zero byte": f"{HEAD}\n{ROW}\n\0\0\0\n",
    "a zero byte in a name": HEAD.replace("经", "经\0") + f"\n{ROW}\n",
    "no such SRID": "时间,wkt\n2024-03-05,SRID=999999999999;POINT(114 22)\n",
    "two SRIDs": "时间,wkt\n2024-03-05,SRID=4490;POINT(114 22)\n2024-03-05,SRID=4326;POINT(1 2)\n",
    "WKT 100,000 deep": "时间,wkt\n1,POINT(114 22)\n2," + "GEOMETRYCOLLECTION(" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_text_that_no_person_writes(tmp_path, name):
    assert refused(tmp_path, "a.csv", TEXTS[name]).startswith("io.error.")


def test_a_reference_that_is_somebodys_number_is_not_repeated(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("时间,wkt\n2024-03-05,SRID=13812345678;POINT(1 2)\n", encoding="utf-8")
    with pytest.raises(GridmapError) as caught:
        import_files(tmp_path / "city", [path], kind="incidents")
    assert not re.search(r"\d{7}", caught.value.text().replace(str(path), ""))


@pytest.mark.parametrize(
    "encoding",
    ["undefined", "utf-16", "utf-32", "punycode", "idna", "unicode_escape", "raw_unicode_escape",
     "rot13", "base64", "hex", "zlib", "utf-7", "a b", "\x01", "x" * 500, "gbk\0"],
)  # fmt: skip
def test_encodings_that_are_none(tmp_path, encoding):
    key = refused(tmp_path, "a.csv", f"{HEAD}\n{ROW}\n", encoding=encoding)
    assert key in {"io.error.encoding_unknown", "io.error.encoding_wrong"}


@pytest.mark.parametrize("name", ["incidents.xls", "made.xlsx", "made.ods"])
def test_damaged_workbooks_are_refused_in_one_line(tmp_path, name):
    raw = {
        "made.xlsx": lambda: workbook(bytes),
        "made.ods": lambda: document(table("a", row(cell("编号")), row(cell("1")))),
    }.get(name, (DATA / "incidents.xls").read_bytes)()
    draw = random.Random(7)  # noqa: S311
    for _ in range(15):
        damaged = bytearray(raw)
        for _ in range(draw.randint(1, 12)):
            damaged[draw.randrange(len(raw))] = draw.randrange(256)
        path = tmp_path / name
        path.write_bytes(bytes(damaged[: draw.choice([len(raw), draw.randrange(len(raw))])]))
        try:
            read_excel(path)
        except GridmapError as error:
            assert "\n" not in error.text()  # noqa: PT017 - most are read all the same
