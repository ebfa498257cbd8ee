"""The PDF read back: letters, margins, headers, one page of briefing, no page half empty."""

import re
from dataclasses import replace
from datetime import date
from itertools import combinations, pairwise

import numpy as np
import pymupdf
import pytest
import shapely

from gridmap.demo import make_city
from gridmap.i18n import tr, using_language
from gridmap.report import Request, build_report
from gridmap.report.charts import SmallMultiples, text_width
from gridmap.report.composing import compose
from gridmap.report.document import Figure, Grid, Paragraph, Section, grid_of
from gridmap.report.html import html_map
from gridmap.report.mapping import MapFigure, Shading
from gridmap.report.measured import told_apart
from gridmap.report.pdf import _measure_columns, write_pdf
from gridmap.report.sections import crossed_grid
from tests.printed import fullness


@pytest.fixture(scope="module")
def city():
    return make_city(grids=120, incidents=20_000, seed=7)


@pytest.fixture(scope="module", params=["zh", "en"])
def report(city, request):
    with using_language(request.param):
        return build_report(city, Request(date(2024, 4, 1), "2024-03"))


@pytest.fixture(scope="module")
def pages(report):
    # Each language on one paper: four would only take longer.
    paper = "a4" if report.language == "zh" else "a3"
    return pymupdf.open("pdf", write_pdf(compose(report, paper=paper)[0], paper=paper))


@pytest.mark.slow
def test_all_letters_are_in_fonts_that_are_packed_in(pages):
    fonts = {font[3].split("+")[-1] for page in pages for font in page.get_fonts()}
    assert all("Noto" in font for font in fonts), fonts
    for page in pages:
        assert "\ufffd" not in page.get_text()


def test_nothing_runs_out_of_the_type_area_or_over_its_neighbour(pages):
    for page in pages:
        words = page.get_text("words")
        assert max(word[2] for word in words) <= page.rect.width - 40
        assert min(word[0] for word in words) >= 40
        assert max(word[3] for word in words) <= page.rect.height - 15
        lines = {}
        for x0, y0, x1, y1, text, *_ in words:
            lines.setdefault(round((y0 + y1) / 2), []).append((x0, x1, text))
        for parts in lines.values():
            for left, right in pairwise(sorted(parts)):
                assert left[1] <= right[0] + 1.5, (left, right)


def test_a_map_stands_below_the_tables_of_its_page(pages, report):
    # A table that goes on from the page before is not to be looked for below a map.
    with using_language(report.language):
        captions = {tr("briefing.map.density_incidents"), tr("briefing.map.change",
                    now=report.period.label(), before=report.compared.label())}  # fmt: skip
        total = tr("report.total")
    found = 0
    for page in list(pages)[1:]:
        middle = page.rect.width / 2 if page.rect.width > 700 else page.rect.width  # A3: columns
        totals = page.search_for(total)
        for spot in (one for caption in captions for one in page.search_for(caption)):
            beside = [one for one in totals if (one.x0 < middle) == (spot.x0 < middle)]
            assert all(one.y0 < spot.y0 for one in beside)
            found += 1
    assert found


def test_every_page_but_the_last_is_over_sixty_percent_full(pages):
    assert min(fullness(pages)[:-1]) > 0.6


def test_numbers_of_a_dense_core_are_written_in_an_inset_and_not_over_each_other():
    # Nine beats of 60 m between two of 4 km; the corner above on the right is free.
    core = [shapely.box(x, y, x + 60, y + 60) for x in (0, 60, 120) for y in (0, 60, 120)]
    large = [shapely.box(-1500, -1500, 2500, 0), shapely.box(-1500, 0, 0, 2500)]
    shapes = np.array([*core, *large], dtype=object)
    spots = shapely.get_coordinates(shapely.point_on_surface(shapes))
    labels = tuple((float(x), float(y), str(n + 1)) for n, (x, y) in enumerate(spots))
    shade = Shading(shapes, np.zeros(len(shapes), np.int64), (("#ffffff", ""),))
    text = MapFigure("m", "m", (shade,), (), (), (), labels, shapes).draw(500.0).to_string()
    written = re.findall(r'<text[^>]*? x="([\d.]+)" y="([\d.]+)"[^>]*>(\d+)</text>', text)
    assert {name for _, _, name in written} == {name for _, _, name in labels}
    boxes = []
    for x, y, name in written:
        left, low, half = float(x), float(y), 3 * len(name)
        boxes.append(shapely.box(left - half, low - 6, left + half, low))
    assert not [(a, b) for a, b in combinations(boxes, 2) if a.intersects(b)]


@pytest.mark.parametrize("above", range(30, 44, 2))
def test_no_table_leaves_fewer_than_three_rows_on_a_page(report, above):
    # Lines above it push a table of 20 rows over the end of the page.
    rows = tuple((f"r{n}", str(n)) for n in range(20))
    grid = Grid(("name", "number"), ("left", "right"), rows)
    lines = tuple(Paragraph(f"line {n}") for n in range(above))
    document, _ = compose(replace(report, request=replace(report.request, pages="1")))
    document = replace(document, front=lines, sections=(Section("s", "S", (grid,)),),
                       front_alone=False, signature=())  # fmt: skip
    pages = pymupdf.open("pdf", write_pdf(document))
    counts = [len(re.findall(r"\br\d+\b", page.get_text())) for page in pages]
    assert sum(counts) == 20
    assert all(count == 0 or count >= 3 for count in counts), counts


@pytest.mark.parametrize("rows", [12, 26, 45, 60])
def test_a_map_takes_what_a_table_leaves_of_its_page(report, rows):
    table = Grid(("name", "number"), ("left", "right"),
                 tuple((f"r{n}", str(n)) for n in range(rows)), notes=("below",))  # fmt: skip
    square = np.array([shapely.box(0, 0, 9, 9)], dtype=object)
    shade = Shading(square, np.zeros(1, np.int64), (("#336699", ""),))
    filling = Figure(MapFigure("m", "m", (shade,)), "map", height=1.2, fill=True)
    opening = replace(filling, height=0.9, fill=False)
    document, _ = compose(replace(report, request=replace(report.request, pages="1")))
    document = replace(
        document, front=tuple(Paragraph(f"line {n}") for n in range(18)), front_alone=False,
        signature=(),
        sections=(Section("a", "A", (opening,)), Section("b", "B", (table, filling), fresh=True),
                  Section("c", "C", (Paragraph("end"),), fresh=True)),
    )  # fmt: skip
    pages = pymupdf.open("pdf", write_pdf(document))
    shares = fullness(pages)
    assert min(shares[:-1]) > 0.6
    low = max(word[3] for word in pages[1].get_text("words") if word[4].startswith("r"))
    alone = low > 505  # a third of the page is left: the map has the next one
    assert len(pages) == 4 if alone else 3
    assert alone == (rows >= 45)
    ends = [text for page in pages if "below" in (text := page.get_text())]
    assert len(re.findall(r"\br\d+\b", ends[0])) >= 3  # a note stands below rows


def test_news_stand_before_what_every_report_says(report):
    keys = [one.key for one in report.found.findings]
    assert {"category", "hot"} <= {one.key for one in report.found.every}
    assert "hot" not in keys or keys.index("category") < keys.index("hot")


@pytest.mark.parametrize("width", [442.0, 505.0])
def test_small_multiples_have_room_for_their_notes(width):
    notes = ("日均38.6（+0.9%，上期38.2）",) * 6
    chart = SmallMultiples(("城东派出所",) * 6, notes, np.ones((6, 13)))
    assert chart.draw(width).to_string().count(notes[0]) == 6


def test_several_areas_of_one_name_are_told_apart():
    with using_language("en"):
        assert told_apart(["31ST", "2ND", "31ST"], ["31-1", "2", "31-2"]).tolist() == [
            "31ST (31-1)", "2ND", "31ST (31-2)",
        ]  # fmt: skip


def test_no_label_lies_over_another_and_the_map_says_how_many_are_left_out():
    # 400 areas of 20 points, and names of 30 points: about every second has room.
    shapes = np.array(
        [shapely.box(x, y, x + 20, y + 20) for x in range(0, 400, 20) for y in range(0, 400, 20)],
        dtype=object,
    )
    spots = shapely.get_coordinates(shapely.centroid(shapes))
    labels = tuple((float(x), float(y), f"N{n:06d}") for n, (x, y) in enumerate(spots))
    shade = Shading(shapes, np.zeros(len(shapes), np.int64), (("#ffffff", ""),))
    text = (
        MapFigure("m", "m", (shade,), labels=labels, label_shapes=shapes).draw(400.0).to_string()
    )
    at = [(float(x), float(y)) for x, y in
          re.findall(r'<text[^>]*? x="([\d.]+)" y="([\d.]+)"[^>]*>N\d+<', text)]  # fmt: skip
    wide = text_width("N000000", 5.6)
    assert 100 <= len(at) < 400
    assert not [(a, b) for a, b in combinations(at, 2)
                if abs(a[0] - b[0]) < wide - 0.1 and abs(a[1] - b[1]) < 5.5]  # fmt: skip
    with using_language("en"):
        said = MapFigure("m", "m", (shade,), labels=labels, label_shapes=shapes).draw(400.0)
    assert f"{400 - len(at)} more have no room for a label" in said.to_string()


def test_headers_stand_on_every_page_that_the_beats_reach(pages, report):
    texts = [page.get_text() for page in pages]
    names = report.rows_of("beat")["name"].astype(str).tolist()
    reached = [text for text in texts if sum(name in text for name in names) > len(names) // 3]
    assert reached


@pytest.mark.slow
def test_the_briefing_is_one_page_and_says_what_the_title_says(city):
    for language in ("zh", "en"):
        with using_language(language):
            asked = Request(date(2024, 4, 1), "2024-03", pages="1")
            report = build_report(city, asked)
            document, found = compose(report)
        pages = pymupdf.open("pdf", write_pdf(document))
        assert len(pages) == 1
        text = re.sub(r"\s", "", pages[0].get_text())
        assert re.sub(r"\s", "", document.title) in text
        history = report.history
        daily = history.city.now[0] / 31
        assert f"{daily:,.1f}" in document.title
        before = history.city.change(0).before / 29
        assert f"{abs(daily / before - 1):.1%}" in document.title
        assert 3 <= len(found.findings) <= 5
        for place in found.places:
            assert re.sub(r"\s", "", place.name) in text


def test_four_pages_are_at_most_four(city):
    with using_language("zh"):
        report = build_report(city, Request(date(2024, 4, 1), "2024-03", pages="4"))
        document, _ = compose(report)
    assert 2 <= len(pymupdf.open("pdf", write_pdf(document))) <= 4
    assert document.sections


def test_long_definitions_have_the_room_that_short_names_do_not_need(report):
    grid = grid_of(report.table("definitions"), keys=("term", "formula", "source"))
    (term, formula, source), size = _measure_columns(grid, 504.0)
    assert formula > max(source, 1.9 * term)
    assert size > 7.0


def test_many_categories_of_long_names_are_set_to_be_read(report):
    history = report.history
    kinds = history.levels["category"]
    names = tuple(
        f"{word} {number}" for number in range(14) for word in ["PUBLIC PEACE VIOLATION"]
    )
    many = replace(kinds, ids=names, names=names, now=np.arange(100, 86, -1))
    crossed = {"station": np.tile(history.crossed["station"][:, :1], (1, 14))}
    history = replace(history, levels={**history.levels, "category": many}, crossed=crossed)
    grid = crossed_grid(replace(report, history=history), "station")
    assert 4 + 3 <= len(grid.labels) < 14
    assert _measure_columns(grid, 504.0)[1] > 7.0
    # What has no column of its own is among the others: each row makes its total.
    for row in grid.rows:
        *counts, total = (int(str(cell).replace(",", "")) for cell in row[1:])
        assert sum(counts) == total


def test_the_same_report_gives_the_same_bytes(report):
    document, _ = compose(report)
    again, _ = compose(replace(report))
    assert write_pdf(document) == write_pdf(again)


def test_the_html_map_asks_nobody(report):
    page = html_map(report)
    for place in ('src="http', "url(http", "@import", 'fetch("http'):
        assert place not in page
    assert report.title in page
