"""A commander's and an analyst's job from start to end, on the demo city and on Chicago."""

from __future__ import annotations

import io
import re
import zipfile

from openpyxl import load_workbook
from playwright.sync_api import expect


def read_figures(page) -> dict[str, str]:
    """Return the key figures of a page by their names."""
    boxes = page.locator(".gm-figure")
    return {box.locator("span").inner_text(): box.locator("b").inner_text() for box in boxes.all()}


def _look_at_the_night(reader):
    page = reader.page
    # Hot spots at night: the last hours of every day, picked on the matrix.
    reader.open("incidents")
    frame = reader.wait_for_map()
    name = reader.says("maps.column.incidents")
    whole = int(read_figures(page)[name].replace(",", ""))
    chart = page.locator(
        '[data-testid="stVegaLiteChart"] canvas, [data-testid="stVegaLiteChart"] svg'
    )
    chart.first.wait_for()
    box = chart.first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.86, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60, steps=5)
    page.mouse.move(box["x"] + box["width"] * 0.95, box["y"] + 120, steps=5)
    page.mouse.up()
    page.wait_for_function(
        """([name, whole]) => [...document.querySelectorAll(".gm-figure")].some((box) =>
            box.querySelector("span").innerText === name &&
            box.querySelector("b").innerText.replaceAll(",", "") < whole)""",
        arg=[name, whole],
    )
    reader.settle()
    night = int(read_figures(page)[name].replace(",", ""))
    assert 0 < night < whole
    frame.locator("select.gm-themes").select_option("hot_spots")
    expect(frame.locator(".gm-panel")).to_contain_text(reader.says("maps.hot.hot"))
    reader.require_no_fault()


def test_a_commander_looks_at_coverage_the_night_and_prints_a_page(reader, city_name):
    page = reader.page
    reader.open("coverage")
    reader.wait_for_map()
    straight = read_figures(page)
    if city_name == "demo":  # Chicago's files hold no roads
        reader.choose("page.mode.car")
        reader.watched.wait_until(lambda: read_figures(page) != straight)
    reader.require_no_fault()

    _look_at_the_night(reader)

    reader.open("overview")
    reader.wait_for_map()
    sheet = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1


def test_an_analyst_chooses_a_period_and_opens_what_is_downloaded(
    reader, city_name, open_page, tmp_path
):
    page = reader.page
    reader.open("reports")
    month = "2024-11" if city_name == "demo" else "2014-09"
    reader.pick("page.reports.period", month)
    page.get_by_text(re.compile(f"· .*{month[:4]}")).first.wait_for()
    formats = page.get_by_role("combobox", name=reader.says("page.reports.formats"))
    formats.click()
    page.get_by_role("option", name="HTML", exact=True).click()
    page.keyboard.press("Escape")
    reader.settle()
    reader.press("page.reports.make")
    link = page.get_by_test_id("stDownloadButton").get_by_role("button").first
    link.wait_for()
    with page.expect_download() as loading:
        link.click()
    archive = zipfile.ZipFile(loading.value.path())
    assert archive.testzip() is None
    names = {name.rpartition(".")[2]: name for name in archive.namelist()}
    assert {"xlsx", "pdf", "html"} <= set(names)
    book = load_workbook(io.BytesIO(archive.read(names["xlsx"])), read_only=True)
    assert len(book.sheetnames) >= 3
    texts = [str(cell) for row in book.worksheets[0].iter_rows(values_only=True) for cell in row]
    assert any(month[:4] in text for text in texts)
    assert archive.read(names["pdf"]).startswith(b"%PDF")
    target = tmp_path / "map.html"
    moving = next(name for name in archive.namelist() if name.endswith("map.html"))
    target.write_bytes(archive.read(moving))
    opened = open_page()
    opened.page.goto(target.as_uri())
    opened.page.locator("body[data-painted]").wait_for()
    opened.require_clean()
    reader.require_no_fault()


def test_a_commander_asks_who_is_near_and_where_the_patrol_goes(app_url, open_page, reader_class):
    reader = reader_class(open_page(390, 844), app_url, "zh")
    reader.open("duty")
    reader.see("duty.page.unit_shown")
    reader.choose("duty.page.patrol")
    frame = reader.wait_for_map()
    frame.locator(".gm-disc").first.wait_for()
    reader.choose("duty.page.around")
    reader.see("duty.page.click")
    reader.wait_for_map()
    box = reader.page.locator("iframe").first.bounding_box()
    reader.page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    reader.see("duty.page.nearest")
    reader.settle()
    wide = reader.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    reader.watched.require_accessible()
    reader.require_no_fault()
