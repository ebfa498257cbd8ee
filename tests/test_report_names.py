"""Names that a file could take for its own language stay names, in every file of a report."""

import csv
import io
import re
import zipfile
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import openpyxl
import pymupdf
import pyogrio
import pytest

from gridmap.demo import make_city
from gridmap.errors import InputError
from gridmap.i18n import using_language
from gridmap.measure.pieces import present_plan
from gridmap.model import Incidents, Kind, Layer
from gridmap.report import Request, build_report, write_report

# openpyxl does not know the data bars of Excel 2010 and later.
pytestmark = pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")

FORMULAS = ('=HYPERLINK("http://x","y")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1")
MARKUP = (
    "# head *b* _i_ $x^2$ @ref <label> [c] \\ // `r` #panic()",
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "$\\frac{$ ^_ %",
    "&P&D &amp; 'q' \"d\"",
    "{{x}} ${y} `z`",
)
STRANGE = ("a\x01b\x0bc\x1fd", "名" * 300, "W" * 400, "x:y/z?*[]", "'=1", "sheet'!A1")
NAMES = (*FORMULAS, *MARKUP, *STRANGE)


def renamed(city, kind, names):
    layer = city.layer(kind)
    frame = layer.frame.copy()
    frame["name"] = np.resize(np.array(names, dtype=object), len(frame))
    return city.with_layer(Layer(kind, frame, layer.provenance))


@pytest.fixture(scope="module")
def city():
    made = make_city(grids=60, incidents=600, seed=7)
    for kind in (Kind.GRID, Kind.BEAT, Kind.STATION, Kind.ROOM, Kind.COMMUNITY):
        # Beats get the markup: each of them stands in a table of the PDF.
        start = len(FORMULAS) if kind == Kind.BEAT else list(Kind).index(kind)
        made = renamed(made, kind, [*NAMES[start:], *NAMES[:start]])
    kinds = tuple(NAMES[: len(made.incidents.categories)])
    incidents = Incidents.from_batch(made.incidents.all, categories=kinds, crs=made.crs)
    return replace(made, name='=cmd|"/c calc"!A1 <b>$x$', incidents=incidents)


@pytest.fixture(scope="module", params=["zh", "en"])
def folder(request, city, tmp_path_factory):
    plan = present_plan(city).renamed("=1+1 <b>#x")
    grids = plan.grid_ids[plan.labels == plan.beat_ids[0]][:1]
    with using_language(request.param):
        asked = Request(date(2024, 4, 1), "2024-03")
        report = build_report(city, asked, plan=plan.move(grids, to=plan.beat_ids[1]))
    out = tmp_path_factory.mktemp("names") / "out"
    formats = ["xlsx", "pdf", "html", "svg", "csv"]
    if request.param == "zh":
        formats += ["gpkg", "geojson"]
    write_report(report, out, formats=formats)
    return out


def clean(text):
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)


def without_id(text):
    """Return a name without the id that tells it from another of the same name."""
    return re.sub(r"(?: \(\d+\w*\)|（\d+\w*）)$", "", text)


@pytest.mark.slow
def test_a_workbook_holds_texts_and_no_formula(folder):
    data = next(folder.glob("report_2024-03_plan_*.xlsx")).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as files:
        for name in files.namelist():
            text = files.read(name)
            ET.fromstring(text)  # noqa: S314 - our own
            for formula in re.findall(rb"<f>(.*?)</f>", text):
                assert formula.startswith((b"SUBTOTAL(109,", b"IFERROR("))
                assert not any(clean(name).encode() in formula for name in NAMES)
            for link in re.findall(rb"<hyperlink [^>]*>", text):
                assert b"location=" in link
                assert b"r:id" not in link
            assert b"externalLink" not in text
    book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    found = set()
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", (sheet.title, cell.coordinate)
                if isinstance(cell.value, str):
                    found.add(without_id(cell.value))
    assert {clean(name) for name in NAMES} <= found


def test_no_field_of_a_csv_begins_like_a_formula_and_each_can_be_read_back(folder):
    found = set()
    for path in sorted((folder / "tables").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file))
        assert len({len(line) for line in lines}) == 1, path.name
        for text in (text for line in lines for text in line):
            assert not text.startswith(("=", "@", "\t", "\r", "＝", "＋", "－", "＠"))
            if text.startswith(("+", "-")):
                float(text)  # a number
            found.add(without_id(re.sub(r"^'(?='*[=+\-@\t\r\n＝＋－＠])", "", text)))
    assert set(NAMES) <= found


def test_a_pdf_prints_names_as_they_are_and_inside_the_page(folder):
    pages = pymupdf.open(next(folder.glob("report_2024-03_plan_*.pdf")))
    text = re.sub(r"\s|\u200b", "", "".join(page.get_text() for page in pages))
    for name in (*FORMULAS[:3], *MARKUP):
        assert re.sub(r"\s", "", name) in text, name
    for page in pages:
        words = page.get_text("words")
        assert max(word[2] for word in words) <= page.rect.width - 30
        assert max(word[3] for word in words) <= page.rect.height - 20


class Tags(HTMLParser):
    """Tags of a page and what its scripts hold."""

    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))


def test_a_page_gets_no_element_of_a_name(folder, city):
    page = (folder / "map.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(page)
    names = {name for name, _ in tags.tags}
    assert "img" not in names
    assert "b" not in names
    assert not any("onerror" in attributes for _, attributes in tags.tags)
    assert "alert(1)</script>" not in page
    title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    assert title is not None
    assert "<b>" not in title.group(1)


def test_pictures_are_drawings_only(folder):
    for path in sorted((folder / "maps").glob("*.svg")):
        root = ET.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 - our own
        kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert "script" not in kinds
        assert "a" not in kinds


def test_gis_files_carry_the_names_unchanged(folder, city):
    if not (folder / "gis").exists():
        return  # written once
    truth = dict(zip(city.grids.ids, city.grids.names, strict=True))
    for frame in (
        pyogrio.read_dataframe(next((folder / "gis").glob("report_2024-03*.gpkg")), layer="grid"),
        pyogrio.read_dataframe(folder / "gis" / "grid.geojson"),
    ):
        assert dict(zip(frame["id"], frame["name"], strict=True)) == truth


def test_a_shapefile_that_cannot_hold_a_name_is_refused_not_cut(city, tmp_path):
    report = build_report(city, Request(date(2024, 4, 1), "2024-03"))
    with pytest.raises(InputError, match="254"):
        write_report(report, tmp_path / "out", formats=["shp"])
    assert not any(tmp_path.iterdir())
