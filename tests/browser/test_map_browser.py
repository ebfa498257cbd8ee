"""The map speaks and the lists lead to it: names, links, search, tools, address, themes."""

from __future__ import annotations

import io
import re

import pymupdf
import pytest
from PIL import Image
from playwright.sync_api import expect


@pytest.fixture
def commander(open_page, app_url, reader_class):
    return reader_class(open_page(), app_url, "zh")


def test_names_stand_on_the_map_and_none_over_another(reader):
    reader.open("overview")
    reader.wait_for_map()
    frame = reader.touch()
    frame.wait_for_function("() => touch.city.facts && touch.city.labels.written.length > 3")
    taken, texts, beats = frame.evaluate(
        """() => { const { labels, names } = touch.city;
          return [labels.taken, labels.written.map((one) => one.text), names.units.names]; }"""
    )
    assert len(set(texts) & set(beats)) > 15
    for at, one in enumerate(taken):
        for other in taken[at + 1 :]:
            apart = one[2] <= other[0] or other[2] <= one[0]
            assert apart or one[3] <= other[1] or other[3] <= one[1]
    # Nearer, grids have their names too; farther, stations come first.
    grids = "() => touch.city.labels.written.filter((one) => one.size === 11).length"
    assert frame.evaluate(grids) == 0
    frame.evaluate("() => touch.map.setZoom(touch.map.getZoom() + 3, { animate: false })")
    frame.wait_for_function(f"() => ({grids})() > 0")
    frame.evaluate("() => touch.map.setZoom(touch.map.getZoom() - 5, { animate: false })")
    frame.wait_for_function("() => touch.city.labels.written[0]?.size === 15")
    reader.require_no_fault()


def test_a_list_leads_to_the_map_and_the_map_to_the_list(commander):
    page = commander.page
    commander.open("overview")
    commander.wait_for_map()
    frame = commander.touch()
    row = page.locator(".gm-list [data-gm-unit]").first
    unit = int(row.get_attribute("data-gm-unit"))
    row.hover()
    frame.wait_for_function(f"() => touch.city.pointer.outlined.has({unit})")
    zoom = frame.evaluate("() => touch.map.getZoom()")
    row.click()
    frame.wait_for_function(f"() => touch.city.marks.outlined.has({unit})")
    frame.wait_for_function("(zoom) => touch.map.getZoom() > zoom", arg=zoom)
    commander.see("page.card.redraw")
    name = frame.evaluate(f"() => touch.city.names.units.names[{unit}]")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.wait_for_url(re.compile("beat="))
    # The address alone brings another reader to the same beat.
    commander.page.goto(page.url)
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    commander.wait_for_map()
    frame = commander.touch()
    frame.wait_for_function(f"() => touch.city.chosenUnit === {unit}")
    # A click on the map chooses the row of the list.
    commander.settle()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name=name)).to_have_count(0)
    commander.settle()
    at = frame.evaluate(
        f"""() => {{ touch.city.fit(); const cell = touch.city.cellsOf({unit})[0];
          const {{ x, y, zoom }} = touch.city.shapes.middle(cell);
          return touch.map.latLngToContainerPoint(touch.map.unproject([x, y], zoom)); }}"""
    )
    box = page.locator("iframe").first.bounding_box()
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    # The card leads to the beat's edit.
    commander.press("page.card.redraw")
    commander.see("page.edit.suggestions")
    commander.wait_for_map()
    commander.touch().wait_for_function(f"() => touch.city.chosenUnit === {unit}")
    target = page.get_by_role("combobox", name=commander.says("page.edit.target"))
    expect(target).to_have_value(name)
    commander.require_no_fault()


def test_a_beats_card_leads_to_its_sheet_for_the_police_room_in_one_click(commander):
    page = commander.page
    commander.open("overview", beat="990101001J04")
    name = page.locator(".st-key-gridmap-card-report").locator("xpath=ancestor::div[.//h2][1]//h2")
    name = name.first.inner_text()
    commander.press("page.card.report")
    chosen = page.get_by_role("combobox", name=commander.says("page.reports.card"))
    expect(chosen).to_have_value(name)
    with page.expect_download() as loading:
        page.get_by_role("button", name="PDF", exact=True).click()
    with pymupdf.open(loading.value.path()) as sheet:
        assert len(sheet) == 1
        assert name in sheet[0].get_text()
    commander.settle()
    commander.require_no_fault()


def test_a_search_finds_beats_grids_and_communities(commander):
    page = commander.page
    commander.open("overview")
    frame = commander.wait_for_map()
    field = frame.get_by_role("searchbox")
    for wanted, shown in (
        ("城北第三", "城北第三警务区"),
        ("光明社区", "光明社区"),
        ("阳光社区第五", "阳光社区第五网格"),
    ):
        field.fill(wanted)
        frame.locator(".gm-search li button", has_text=shown).first.wait_for()
    field.fill("城北第三")
    field.press("Enter")
    expect(page.get_by_role("heading", name="城北第三警务区")).to_be_visible()
    commander.require_no_fault()


def test_back_and_forward_take_one_step_each(commander):
    page = commander.page
    commander.open("overview")
    commander.wait_for_map()
    page.get_by_role("link", name="警情").click()
    commander.see("page.incidents.matrix")
    commander.settle()
    page.get_by_role("button", name="English").click()
    page.get_by_text("Half of all incidents").wait_for()
    commander.settle()
    page.get_by_role("link", name="Data").click()
    page.get_by_text("Layers").first.wait_for()
    commander.settle()
    for turn, path in (("back", "incidents"), ("back", "overview"), ("forward", "incidents")):
        page.evaluate(f"() => history.{turn}()")
        page.wait_for_url(re.compile(f"/{path}"))
        commander.settle()
        assert f"/{path}" in page.url  # and nothing has turned it elsewhere
    commander.require_no_fault()


def test_what_is_seen_is_saved_as_a_picture_and_measured(commander):
    page = commander.page
    commander.open("overview")
    frame = commander.wait_for_map()
    with page.expect_download() as loading:
        frame.get_by_role("button", name="保存为图片").click()
    picture = Image.open(io.BytesIO(loading.value.path().read_bytes()))
    commander.settle()
    box = page.locator("iframe").first.bounding_box()
    assert abs(picture.width - box["width"]) < 4
    assert len(picture.convert("RGB").getcolors(1 << 24)) > 40
    frame.get_by_role("button", name=re.compile("测距")).click()
    for x in (0.45, 0.6):
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * 0.5)
    frame.locator(".gm-tip", has_text=" km").wait_for()
    commander.settle()
    assert "beat=" not in page.url  # measuring chooses nothing
    commander.require_no_fault()


def test_dark_and_large_and_a_folded_legend(commander, open_page, app_url, reader_class):
    page = commander.page
    commander.open("overview")
    commander.wait_for_map()
    page.locator('[data-gm-do="large"]').click()
    expect(page.locator("html")).to_have_class(re.compile("gm-large"))
    commander.touch().wait_for_function("() => touch.city.large")
    page.keyboard.press("Escape")
    commander.touch().wait_for_function("() => !touch.city.large")
    page.locator('[data-gm-do="theme"]').click()
    app = page.locator(".stApp")  # the page is opened anew
    expect(app).to_have_css("color-scheme", "dark")
    commander.wait_for_map()
    dark = "() => document.documentElement.classList.contains('gm-dark')"
    commander.touch().wait_for_function(dark)
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    commander.watched.require_accessible()
    sheet = pymupdf.open(stream=page.pdf(prefer_css_page_size=True))
    assert len(sheet) == 1
    # Ink on white, and a picture of the whole map.
    assert sheet[0].get_pixmap(dpi=30).pixel(2, 2) == (255, 255, 255)
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    wide = page.locator("iframe").first.bounding_box()["width"]
    assert abs(page.locator("canvas.gm-print").evaluate("(one) => one.width") - wide) < 4
    page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
    assert page.locator(".gm-print").count() == 0
    page.locator('[data-gm-do="theme"]').click()  # and back
    expect(app).not_to_have_css("color-scheme", "dark")
    narrow = reader_class(open_page(1090, 800), app_url, "zh")
    narrow.open("overview")
    frame = narrow.wait_for_map()
    expect(frame.get_by_role("button", name="图例")).to_have_attribute("aria-expanded", "false")
    narrow.page.set_viewport_size({"width": 390, "height": 844})
    narrow.settle()
    fold = frame.get_by_role("button", name="图例")
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.click()
    expect(frame.locator(".gm-swatch").first).to_be_visible()
    narrow.require_no_fault()
    commander.require_no_fault()


def test_painting_follows_at_once_and_is_undone_by_the_keyboard(commander):
    page = commander.page
    commander.open("redraw")
    commander.wait_for_map()
    commander.choose("page.redraw.edit")
    commander.press("page.edit.begin")
    commander.wait_for_map()
    page.get_by_text(commander.says("page.edit.paint"), exact=True).click()
    commander.settle()
    frame = commander.touch()
    frame.wait_for_function("() => touch.city.brush.paints")
    # Two strokes in haste: the sum is right at once, and the page takes both.
    cells, sums, wanted = frame.evaluate(
        """() => {
          const { shapes, groups, brush } = touch.city, to = brush.paint.to, cells = [];
          const [, , first, second] = shapes.sharedEdges(shapes.level(-1));
          for (let e = 0; e < first.length && cells.length < 2; e++) {
            const turned = groups[first[e]] !== to;
            const [mine, cell] = turned ? [second[e], first[e]] : [first[e], second[e]];
            if (mine < 0 || cell < 0 || groups[mine] !== to || groups[cell] === to) continue;
            const size = groups.filter((one) => one === groups[cell]).length;
            if (!cells.includes(cell) && size > 4) cells.push(cell);
          }
          for (const cell of cells) touch.takeUp([cell], null);
          const carried = (unit) => [...groups.keys()].filter((f) => groups[f] === unit)
            .reduce((sum, f) => sum + brush.loads[f], 0);
          return [cells, [...brush.sums], brush.sums.map((_, unit) => carried(unit))];
        }"""
    )
    assert len(cells) == 2
    assert sums == pytest.approx(wanted)
    save = page.get_by_role("button", name=re.compile(r"2步调整"))
    refused = page.get_by_role("button", name=commander.says("page.edit.give_up"))
    save.or_(refused).first.wait_for()
    commander.settle()
    frame.wait_for_function("() => touch.city.brush.strokes.length === 0")
    expect(page.locator(".gm-table")).to_contain_text(commander.says("page.change.people"))
    before = page.get_by_role("button", name=re.compile(r"\d步调整")).inner_text()
    page.keyboard.press("Control+z")
    page.get_by_role("button", name=before, exact=True).wait_for(state="detached")
    commander.settle()
    # The list of steps, the newest first, leads back to any of them.
    steps = page.get_by_test_id("stRadio").filter(has_text=commander.says("page.edit.steps"))
    expect(steps.get_by_role("radio").first).not_to_be_checked()
    steps.locator("label:has(input)").first.click()
    page.get_by_role("button", name=before, exact=True).wait_for()
    commander.settle()
    split_and_lock(commander)
    give_up_on_the_map(commander)
    commander.require_no_fault()


def give_up_on_the_map(commander) -> None:
    """Escape after a click on the map clears the marks; Enter reaches the page's command too."""
    page = commander.page
    page.evaluate(
        """() => {
          window.heard = [];
          window.addEventListener("message", ({ data }) => {
            if (data.gridmap === "key") window.heard.push(data.key);
          });
        }"""
    )
    box = page.locator("iframe").first.bounding_box()
    clear = page.locator(".st-key-gridmap-clear-marks button")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(clear).to_be_enabled()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(clear).to_be_disabled()
    assert page.evaluate("window.heard") == ["Enter", "Escape"]


def split_and_lock(commander) -> None:
    """Split a beat in two, and lock it: the map hatches what may not move."""
    page, frame = commander.page, commander.touch()
    count = "() => touch.city.names.units.names.length"
    beats = frame.evaluate(count)
    commander.choose("page.edit.do_split")
    commander.press("page.edit.split")
    frame.wait_for_function(f"(beats) => ({count})() === beats + 1", arg=beats)
    commander.choose("page.edit.do_lock")
    page.get_by_text(commander.says("page.edit.lock"), exact=True).click()
    frame.locator(".gm-hatched").wait_for()
    frame.wait_for_function(
        """() => {
          const { groups, scene, locks } = touch.city, unit = groups[scene.locked[0]];
          const own = [...groups.keys()].filter((f) => groups[f] === unit);
          const { canvas } = locks, pen = canvas.getContext("2d");
          const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
          return own.join() === scene.locked.join() && data.some((value) => value > 0);
        }"""
    )


def test_every_step_of_redraw_draws_without_a_fault(reader):
    reader.open("redraw")
    reader.wait_for_map()
    for step in ("compare", "edit", "versions", "propose"):
        reader.choose(f"page.redraw.{step}")
        reader.require_no_fault()
    reader.choose("page.redraw.edit")
    reader.press("page.edit.begin")
    reader.wait_for_map()
    reader.watched.require_accessible()
    reader.choose("page.redraw.compare")
    reader.wait_for_map(1)
    said = reader.says("page.change.residents")
    reader.page.locator(".gm-table tr", has_text=said).first.wait_for()
    swipe_two_plans(reader)
    reader.choose("page.redraw.propose")
    reader.wait_for_map()
    reader.require_no_fault()


def swipe_two_plans(reader) -> None:
    """Drag the divider: the old plan is drawn left of it, the new one's borders right of it."""
    reader.choose("page.compare.view_swipe")
    bar = reader.wait_for_map().locator(".gm-swipe")
    bar.wait_for()
    reader.settle()
    box = bar.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 40
    reader.page.mouse.move(x, y)
    reader.page.mouse.down()
    reader.page.mouse.move(x - 100, y, steps=3)
    reader.page.mouse.up()
    # The bar, the border of the one and that of the other.
    frame = reader.page.locator("iframe").first.bounding_box()
    reader.touch().wait_for_function(
        """(wanted) => {
          const { map } = touch, corner = map.containerPointToLayerPoint([0, 0]);
          const edges = (name) => map.getPane(name).style.clip.match(/-?[\\d.]+/g).map(Number);
          const bar = document.querySelector(".gm-swipe").getBoundingClientRect();
          const [, to, , ] = edges("gm-left"), [, , , from] = edges("gm-borders");
          const found = [bar.x + bar.width / 2, to - corner.x, from - corner.x];
          return found.every((one) => Math.abs(one - wanted) <= 3);
        }""",
        arg=x - 100 - frame["x"],
    )
    # A saved picture has the divider where it stands, and says which plan is on which side.
    told = reader.touch().evaluate(
        """() => {
          const { tools, swipe } = touch.city, said = [];
          const pens = CanvasRenderingContext2D.prototype;
          const fill = pens.fillText;
          pens.fillText = function (text, x, ...more) {
            said.push([text, x]);
            return fill.call(this, text, x, ...more);
          };
          const canvas = tools.picture(), wide = touch.map.getSize().x, at = wide * swipe.share;
          pens.fillText = fill;
          const pixel = canvas.getContext("2d").getImageData(
            Math.round(at * canvas.width / wide), canvas.height >> 2, 1, 1).data;
          const side = (name) => Math.sign(said.find(([text]) => text === name)?.[1] - at);
          return [[...pixel.slice(0, 3)], side(swipe.other.left), side(swipe.other.right)];
        }"""
    )
    assert told == [[31, 78, 121], -1, 1]
    reader.watched.require_accessible()


def test_a_trend_is_dragged_over_and_lists_show_where(commander):
    page = commander.page
    commander.open("incidents")
    commander.wait_for_map()
    chart = page.locator(".st-key-gridmap-trend canvas, .st-key-gridmap-trend svg").first
    chart.wait_for()
    commander.settle()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 40, steps=6)
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 50, steps=6)
    page.mouse.up()
    page.wait_for_url(re.compile(r"from=2024-\d\d-\d\d"))
    page.wait_for_url(re.compile(r"to=2024-"))
    commander.settle()
    commander.choose("page.incidents.list_risen")
    commander.wait_for_map()
    row = page.locator(".gm-list [data-gm-cells]").first
    cell = int(row.get_attribute("data-gm-cells"))
    row.click()
    frame = commander.touch()
    frame.wait_for_function(f"() => touch.city.marks.marked.has({cell})")
    commander.see("page.incidents.matrix_marked")
    commander.require_no_fault()


def test_a_room_is_set_by_a_click_and_one_is_suggested_at_once(commander):
    page = commander.page
    commander.open("coverage")
    commander.wait_for_map()
    commander.choose("coverage.page.hand")
    commander.wait_for_map()
    frame = commander.touch()
    at = frame.evaluate(
        """() => { const { x, y, zoom } = touch.city.shapes.middle(470);
          return touch.map.latLngToContainerPoint(touch.map.unproject([x, y], zoom)); }"""
    )
    box = page.locator("iframe").first.bounding_box()
    page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])
    table = page.locator(".gm-table")
    table.wait_for()
    commander.settle()
    cells = table.locator("tr").nth(1).locator("td").all_inner_texts()
    assert int(cells[2]) == int(cells[1]) + 1
    commander.choose("coverage.page.site")
    page.frame_locator("iframe").first.get_by_text("建议增设").wait_for()
    commander.require_no_fault()


def test_reports_show_their_first_page(commander):
    commander.open("reports", **{"from": "2024-11-01", "to": "2024-11-30"})
    picture = commander.page.get_by_test_id("stImage").locator("img")
    picture.wait_for()
    commander.settle()
    tall = picture.evaluate(
        "async (one) => { await one.decode(); return one.naturalHeight / one.naturalWidth; }"
    )
    assert tall == pytest.approx(2**0.5, abs=0.02)  # A4
    commander.require_no_fault()
