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
from gridmap.i18n import using_language
from gridmap.report import Request, build_report
from gridmap.report.composing import compose
from gridmap.report.document import Grid, Paragraph, Section
from gridmap.report.html import html_map
from gridmap.report.mapping import MapFigure, Shading
from gridmap.report.pdf import write_pdf
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


def test_the_same_report_gives_the_same_bytes(report):
    document, _ = compose(report)
    again, _ = compose(replace(report))
    assert write_pdf(document) == write_pdf(again)


def test_the_html_map_asks_nobody(report):
    page = html_map(report)
    for place in ('src="http', "url(http", "@import", 'fetch("http'):
        assert place not in page
    assert report.title in page
