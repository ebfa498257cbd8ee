"""Every page in a real browser without a network, and what a reader does on it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

PAGES = {
    "overview": "最需关注的警格",
    "data": "现有图层",
    "incidents": "时段分布",
    "coverage": "范围外人口最多的网格",
    "redraw": "负荷由哪些因素构成",
    "reports": "预览表格",
}


# What is said to who hears the page, but for names of file formats and keys, and for places.
_HEARD = """() => [...document.querySelectorAll("[aria-label], [aria-roledescription], iframe")]
  .filter((one) => !one.closest(".gm-head"))
  .flatMap((one) => [one.ariaLabel, one.ariaRoleDescription,
    one.tagName === "IFRAME" && one.title])
  .filter(Boolean)"""
_OWN_WORDS = re.compile(r"\b(?!PNG|SVG|CSV|PDF|XLSX|English|Esc|zip)[A-Za-z]{3,}")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_without_a_network(app_url, open_page, name):
    watched = open_page(1920, 1080)
    watched.page.goto(f"{app_url}/{name}?lang=zh")
    watched.page.get_by_text(PAGES[name]).first.wait_for()
    if name not in {"data", "reports"}:
        watched.wait_for_map()
    watched.require_accessible()
    assert watched.page.locator('[data-testid="stException"]').count() == 0
    assert [text for text in watched.page.evaluate(_HEARD) if _OWN_WORDS.search(text)] == []
    watched.page.get_by_role("button", name="English").click()
    watched.page.get_by_role("button", name="中文").wait_for()
    watched.require_accessible()
    heard = [text for text in watched.page.evaluate(_HEARD) if re.search("[一-鿿]", text)]
    assert [text for text in heard if text != "中文"] == []
    watched.require_clean()


def test_the_address_says_what_is_open(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/incidents?lang=en&from=2024-03-01&to=2024-03-31")
    page.get_by_text("Half of all incidents").wait_for()
    for part in ("lang=en", "from=2024-03-01", "to=2024-03-31"):
        page.wait_for_url(re.compile(part))


def test_a_bad_address_says_so_and_opens_the_usual_view(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/overview?lang=zh&from=yesterday")
    page.get_by_text("yesterday").wait_for()
    watched.wait_for_map()
    # A page that is not there is told in the reader's language, not by Streamlit in English.
    page.goto(f"{app_url}/nowhere?lang=zh")
    page.get_by_text("没有“nowhere”这一页").wait_for()
    watched.settle()
    assert page.get_by_role("dialog").count() == 0
    page.get_by_role("link", name="数据").click()
    page.get_by_text("现有图层").wait_for()
    expect(page.get_by_text("nowhere")).to_have_count(0)


def test_one_click_turns_the_pages_into_english(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/overview?lang=zh")
    watched.wait_for_map()
    page.get_by_role("button", name="English").click()
    page.get_by_text("Beats to look at first").wait_for()
    watched.settle()
    panel = page.frame_locator("iframe").first.locator(".gm-panel")
    # Names of the demo city's places stay Chinese; what gridmap says does not.
    for said in ("总览", "警情密度", "数据状况", "常住人口", "警务室"):
        expect(page.locator("body")).not_to_contain_text(said, use_inner_text=True)
        expect(panel).not_to_contain_text(said)


def test_geometry_is_sent_once_and_a_click_sends_colours_only(app_url, open_page):
    watched = open_page()
    page = watched.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{app_url}/incidents?lang=zh")
    watched.wait_for_map()
    before = [url for url in asked if url.endswith(".bin")]
    assert before
    assert len(before) == len(set(before))
    asked.clear()
    box = page.locator("iframe").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.55)
    page.get_by_text("所选网格").wait_for()
    watched.settle()
    assert [url for url in asked if url.endswith(".bin")] == []
    watched.require_clean()


def test_a_click_marks_a_grid_and_the_theme_switch_recolours(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/overview?lang=zh")
    watched.wait_for_map()
    frame = watched.touch()
    read = "() => { const c = touch.city; return [c.theme, Array.from(c.cells.look.classes)]; }"
    first, classes = frame.evaluate(read)
    frame.locator("select.gm-themes").select_option("incidents_per_km2")
    frame.wait_for_function("(first) => touch.city.theme !== first", arg=first)
    _, others = frame.evaluate(read)  # a theme is drawn at once
    assert classes != others
    assert len(classes) == len(others) == 480


def test_a_lasso_selects_the_grids_whose_middle_lies_inside(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/incidents?lang=zh")
    watched.wait_for_map().get_by_role("button", name="框选网格").click()
    box = page.locator("iframe").first.bounding_box()
    x, y = box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.4
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 60, steps=4)
    page.mouse.move(x + 150, y + 120, steps=4)
    page.mouse.up()
    page.get_by_text(re.compile(r"取消所选\d+个网格")).wait_for()


def test_an_exported_map_opens_from_a_file_without_a_network(tmp_path, open_page):
    from gridmap.demo import make_city
    from gridmap.maps import Facts, Scene, choropleth, draw_layer, outline_overlay, to_html

    city = make_city(grids=60, incidents=500, seed=3)
    residents = city.grids.counts("residents")
    name = "</script><b>甲"
    scene = Scene(
        draw_layer(city.grids),
        (choropleth("residents", residents),),
        overlays=(outline_overlay(city.beats),),
        facts=Facts([name, *map(str, city.grids.names[1:])], {"人": residents}),
    )
    target = tmp_path / "map.html"
    target.write_text(to_html(scene, title="甲 <乙>"), encoding="utf-8")
    watched = open_page()
    watched.page.goto(target.as_uri())
    watched.page.locator("body[data-painted]").wait_for()
    assert watched.page.locator("h1").inner_text() == "甲 <乙>"
    assert watched.page.locator(".gm-swatch").count() == 5
    # The canvas holds colours of the ramp, not an empty sheet.
    seen = watched.page.evaluate(
        """() => {
          const canvas = document.querySelector(".leaflet-gm-cells-pane canvas");
          const pen = canvas.getContext("2d");
          const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
          const found = new Set();
          for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] === 255) found.add(data.slice(i, i + 3).join());
          }
          return [...found];
        }"""
    )
    wanted = {
        ",".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
        for colour in scene.themes[0].palette
    }
    assert wanted <= set(seen)
    watched.require_clean()


def test_an_empty_folder_says_once_what_comes_first(empty_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{empty_url}/overview?lang=zh")
    page.get_by_text("请到“数据”页导入网格面").wait_for()
    watched.settle()
    assert page.get_by_test_id("stAlert").count() == 1
    assert "gridmap.toml" not in page.locator("body").inner_text()
    page.get_by_role("link", name="数据").click()
    page.get_by_text("把文件拖到这里").wait_for()
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


def test_chinese_is_drawn_whole_where_the_machine_has_no_font_for_it(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/data?lang=zh")
    watched.wait_for_map()
    # A Chinese sign is as wide as it is high; what stands for one that is missing is not.
    wide = """() => [...document.querySelectorAll(".gm-title, .gm-row span:last-child")]
      .filter((one) => [...one.textContent].every((sign) => sign > "\\u2e80"))
      .map((one) => {
        const text = document.createRange();
        text.selectNodeContents(one);
        const width = text.getBoundingClientRect().width;
        const size = parseFloat(getComputedStyle(one).fontSize);
        return [one.textContent, Math.abs(width - one.textContent.length * size) < 2];
      })"""
    measured = watched.touch().evaluate(wide)
    assert len(measured) >= 4
    for text, fits in measured:
        assert fits, text


def test_a_chart_leaves_its_chinese_labels_room_before_their_font_is_there(app_url, open_page):
    watched = open_page(1366, 768)
    page = watched.page
    page.goto(f"{app_url}/incidents?lang=zh")
    labels = page.locator('[data-testid="stVegaLiteChart"] .mark-text.role-axis-label text')
    expect(labels.filter(has_text="周")).to_have_count(7)
    watched.settle()
    left = page.get_by_test_id("stVegaLiteChart").first.bounding_box()["x"]
    for at in range(7):
        assert labels.filter(has_text="周").nth(at).bounding_box()["x"] >= left


def test_on_a_low_screen_the_legend_covers_no_tool(app_url, open_page):
    watched = open_page(1366, 768)
    page = watched.page
    page.goto(f"{app_url}/incidents?lang=zh")
    frame = watched.wait_for_map()
    panel = frame.locator(".gm-panel").bounding_box()
    for name in ("点选网格", "框选网格", "圈选网格"):
        box = frame.get_by_role("button", name=name).bounding_box()
        assert box["y"] + box["height"] <= panel["y"]


def test_the_city_stays_beside_a_legend_that_grows(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/coverage?lang=zh")
    watched.wait_for_map()
    where = """() => {
      const { map, city } = touch, [, west, north] = city.scene.bounds;
      const panel = document.querySelector(".gm-panel").getBoundingClientRect();
      return [map.latLngToContainerPoint([north, west]).x, panel.right];
    }"""
    beside = f"() => {{ const [city, panel] = ({where})(); return city >= panel && panel; }}"
    frame = watched.touch()
    narrow = frame.wait_for_function(beside).json_value()
    # As when the font of its words arrives late: nothing but the legend itself has changed.
    widen = "(width) => { document.querySelector('.gm-panel').style.minWidth = width; }"
    frame.evaluate(widen, f"{narrow - 20}px")  # without its padding
    assert frame.wait_for_function(beside).json_value() > narrow
    frame.evaluate(widen, "")
    buttons = page.get_by_test_id("stButtonGroup")
    buttons.get_by_role("radio", name="选址", exact=True).click()
    watched.settle()
    page.get_by_role("spinbutton", name="增设几个").fill("2")
    page.keyboard.press("Tab")
    page.frame_locator("iframe").first.get_by_text("建议增设").wait_for()
    watched.settle()
    grown = frame.wait_for_function(beside).json_value()
    assert grown > narrow
    # Once a reader has moved the map, it stays where it was put.
    frame.evaluate("() => touch.map.setZoom(touch.map.getZoom() + 1, { animate: false })")
    watched.settle()
    moved, _ = frame.evaluate(where)
    page.get_by_role("spinbutton", name="增设几个").fill("0")
    page.keyboard.press("Tab")
    gone = page.frame_locator("iframe").first.get_by_text("建议增设")
    gone.wait_for(state="detached")
    watched.settle()
    assert frame.evaluate(where)[0] == pytest.approx(moved, abs=1)


def test_where_shapes_do_not_meet_to_the_pixel_a_border_still_has_two_sides(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/redraw?lang=zh")
    watched.wait_for_map()
    outer, edges, long, found = watched.touch().evaluate(
        """() => {
          const { shapes } = touch.city, level = shapes.levelFor(touch.map.getZoom());
          const { x, y } = level, [from, to, first, second] = shapes.sharedEdges(level);
          const all = [...second.keys()], inner = all.filter((e) => second[e] >= 0);
          const length = (e) => Math.hypot(x[to[e]] - x[from[e]], y[to[e]] - y[from[e]]);
          const long = inner.sort((a, b) => length(b) - length(a)).slice(0, 50);
          const beyond = (e) => shapes.beyond(level, from[e], to[e], first[e]);
          const found = long.filter((e) => beyond(e) === second[e]).length;
          return [all.length - inner.length, all.length, long.length, found];
        }"""
    )
    assert 0 < outer < edges / 4  # the border of the city alone
    assert found == long == 50


def test_borders_are_thinner_where_areas_are_small_on_the_screen(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/redraw?lang=zh")
    watched.wait_for_map()
    few, many, nearer = watched.touch().evaluate(
        """() => {
          const { shapes, cells } = touch.city, level = shapes.levelFor(touch.map.getZoom());
          const scale = 2 ** (touch.map.getZoom() - level.zoom);
          const width = (count, zoom) => cells._width(level, scale * zoom, count, 2);
          return [width(48, 1), width(2000, 1), width(2000, 4)];
        }"""
    )
    assert few == 2
    assert 0.6 <= many < 1
    assert many < nearer <= 2
