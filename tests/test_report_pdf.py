"""The PDF read back: letters, margins, headers, maps."""

from datetime import date
from io import BytesIO
from itertools import pairwise

import pymupdf
import pytest

from gridmap.demo import make_city
from gridmap.i18n import using_language
from gridmap.report import Request, build_report
from gridmap.report.pdf import write_pdf
from gridmap.report.pictures import draw_map, html_map, map_views


@pytest.fixture(scope="module")
def city():
    return make_city(grids=120, incidents=3_000, seed=7)


@pytest.fixture(scope="module", params=["zh", "en"])
def report(city, request):
    with using_language(request.param):
        return build_report(city, Request(date(2024, 4, 1), "2024-03", suppress_below=3))


@pytest.fixture(scope="module")
def pages(report):
    # Each language on one paper: four would only take longer.
    paper = "a4" if report.language == "zh" else "a3"
    return pymupdf.open("pdf", write_pdf(report, paper=paper))


def test_all_letters_are_in_the_one_font_that_is_packed_in(pages):
    fonts = {font[3].split("+")[-1] for page in pages for font in page.get_fonts()}
    assert fonts == {"NotoSansSC-Regular"}
    for page in pages:
        for block in page.get_text("rawdict")["blocks"]:
            for line in block.get("lines", ()):
                for span in line["spans"]:
                    assert "\ufffd" not in "".join(char["c"] for char in span["chars"])


def test_every_letter_has_a_glyph(report):
    from fontTools.ttLib import TTFont

    from gridmap.maps import font_path

    with TTFont(font_path(), lazy=True) as font:
        known = set(font.getBestCmap())
    texts = [text for table in report.tables for line in table.texts() for text in line]
    texts += [column.label for table in report.tables for column in table.columns]
    texts += list(report.sentences)
    assert {letter for text in texts for letter in text} - {chr(code) for code in known} == set()


def test_nothing_runs_out_of_the_type_area_or_over_its_neighbour(pages):
    for page in pages:
        words = page.get_text("words")
        assert max(word[2] for word in words) <= page.rect.width - 40
        assert min(word[0] for word in words) >= 40
        assert max(word[3] for word in words) <= page.rect.height - 20
        lines = {}
        for x0, y0, x1, y1, text, *_ in words:
            lines.setdefault(round((y0 + y1) / 2), []).append((x0, x1, text))
        for parts in lines.values():
            ordered = sorted(parts)
            for left, right in pairwise(ordered):
                assert left[1] <= right[0] + 1.0, (left, right)


def test_headers_stand_on_every_page_that_a_table_reaches(pages, report):
    grids = report.table("grids")
    first, last = str(grids.rows["id"].iloc[0]), str(grids.rows["id"].iloc[-1])
    texts = [page.get_text() for page in pages]
    start = next(place for place, text in enumerate(texts) if first in text)
    end = next(place for place, text in enumerate(texts) if last in text)
    assert end > start or pages[0].rect.width > 600
    for text in texts[start : end + 1]:
        assert grids.columns[0].label in text


def test_no_definition_is_cut(pages, report):
    printed = "".join("".join(page.get_text().split()) for page in pages)
    for formula in report.table("definitions").rows["formula"]:
        assert "".join(formula.split()) in printed.replace("\u200b", "")


def test_maps_stand_whole_on_their_pages(pages, report):
    found = [(page, box) for page in pages for box in page.get_image_info()]
    assert len(found) == len(map_views(report))
    for page, box in found:
        assert page.rect.contains(pymupdf.Rect(box["bbox"]))


def test_the_html_map_asks_nobody_and_hides_what_is_hidden(report):
    page = html_map(report)
    for place in ('src="http', "url(http", "@import", 'fetch("http'):
        assert place not in page
    assert report.title in page


def test_a_picture_keeps_every_letter_of_its_legend_inside(report):

    import numpy as np
    from matplotlib.image import imread

    for view in map_views(report):
        picture = imread(BytesIO(draw_map(report, view, dpi=60)))[..., :3]
        edge = np.concatenate([picture[:, -3:].ravel(), picture[:3].ravel(), picture[-3:].ravel()])
        assert (edge > 0.98).all(), view.key
