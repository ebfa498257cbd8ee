"""A planner's job from start to end, in a new workspace: the demo city's files, and Chicago's.

Import (a faulty file among them), find the fault, repair, propose, edit three grids, undo one,
save, compare.
"""

from __future__ import annotations

import re

import geopandas as gpd
import pytest
from playwright.sync_api import expect
from shapely import affinity


@pytest.fixture
def planner(city_name, request, open_page, reader_class, chicago_files):
    """Someone in a session of their own: the demo city's in Chinese, Chicago's in English."""
    language = "zh" if city_name == "demo" else "en"
    if city_name != "demo":
        chicago_files()
    return reader_class(open_page(), request.getfixturevalue("app_url"), language)


@pytest.fixture
def files(city_name, tmp_path, chicago_files):
    """Return a file that cannot be used as it is, grids with a fault in them, and incidents."""
    if city_name != "demo":
        place = chicago_files()
        crimes = place / "Crimes_September_2014.csv"
        return crimes, place / "block_groups_2010.gpkg", crimes
    from gridmap.demo import make_city

    city = make_city(grids=120, incidents=1500, seed=5)
    frame = gpd.GeoDataFrame(
        {
            "网格编号": city.grids.ids,
            "常住人口": city.grids.counts("residents"),
        },
        geometry=city.grids.geometry.copy(),
        crs=city.crs,
    )
    # One grid lies 60 m east of where it should: it overlaps one neighbour and leaves a gap.
    frame.loc[40, "geometry"] = affinity.translate(frame.geometry.iloc[40], xoff=60.0)
    broken, grids, incidents = (tmp_path / name for name in ("网格.shp", "网格.gpkg", "警情.csv"))
    broken.write_bytes(b"not a shapefile")
    frame.to_file(grids)
    batch = city.incidents.all
    points = gpd.GeoSeries(gpd.points_from_xy(batch.x, batch.y), crs=city.crs).to_crs(4326)
    kinds = [city.incidents.categories[row] for row in batch.category]
    table = gpd.pd.DataFrame(
        {"报警时间": batch.time, "类别": kinds, "经度": points.x, "纬度": points.y}
    )
    table.to_csv(incidents, index=False)
    return broken, grids, incidents


def drop(planner, file) -> None:
    page = planner.page
    remove = page.get_by_test_id("stFileChipDeleteBtn")
    while remove.count():
        remove.first.get_by_role("button").click()
        planner.settle()
    planner.see("page.import.formats")  # the page has taken the last one away
    page.locator('[data-testid="stFileUploader"] input[type="file"]').set_input_files(file)
    expect(page.get_by_test_id("stFileChipName")).to_have_count(1)
    states = [planner.says(f"page.import.state.{name}") for name in ("ready", "asks", "refused")]
    told = page.get_by_text(re.compile("^(" + "|".join(map(re.escape, states)) + ")$"))
    told.first.wait_for()
    planner.settle()


def store(planner, kind: str, city: str) -> None:
    planner.press("page.import.store", count=1)
    said = planner.says("page.import.stored", kinds=planner.says(f"page.kind.{kind}"))
    planner.page.get_by_text(said[:-1]).first.wait_for()
    planner.settle()


def steps_done(planner, count: int) -> None:
    name = planner.says("page.edit.save", count=count)
    planner.page.get_by_role("button", name=name, exact=True).wait_for()
    planner.settle()


def move_a_grid_by_hand(planner) -> None:
    """Click grids at a beat's border until one may go to the beat beyond it, and move it."""
    page = planner.page
    planner.wait_for_map()
    frame = planner.touch()
    frame.wait_for_function("() => touch.city.facts")
    places = frame.evaluate(
        """() => {
          const { shapes, facts } = touch.city, level = shapes.level(-1);
          const { groups } = touch.city, found = [], seen = new Set();
          const [, , first, second] = shapes.sharedEdges(level);
          for (let e = 0; e < first.length; e++) {
            const [a, b] = [first[e], second[e]];
            if (b < 0 || groups[a] === groups[b] || seen.has(a)) continue;
            seen.add(a);
            const { x, y, zoom } = shapes.middle(a);
            const at = touch.map.latLngToContainerPoint(touch.map.unproject([x, y], zoom));
            if (shapes.find(x, y, zoom) !== a || at.x < 300 || at.y < 60) continue;
            found.push({ x: at.x, y: at.y, to: facts.rows[0].values[b] });
          }
          return found;
        }"""
    )
    box = page.locator("iframe").first.bounding_box()
    for place in places[:: max(1, len(places) // 12)]:
        if place["y"] > box["height"] - 60:
            continue
        page.mouse.click(box["x"] + place["x"], box["y"] + place["y"])
        planner.see("page.edit.marked", count=1)
        planner.settle()  # the page proposes a target of its own
        target = page.get_by_role("combobox", name=planner.says("page.edit.target")).first
        target.click()
        target.fill(place["to"])
        options = page.get_by_role("option")
        options.or_(page.get_by_text(re.compile("^(无匹配项|No results)$"))).first.wait_for()
        option = page.get_by_role("option", name=place["to"], exact=True)
        if option.count() == 0:  # beyond the border lies what the plan does not name so
            page.keyboard.press("Escape")
            continue
        option.first.click()
        planner.settle()
        move = page.get_by_role("button", name=planner.says("page.edit.move"), exact=True).last
        if move.is_enabled():
            move.click()
            return
    pytest.fail("no grid at a border could be moved")


def look_at_each_plan(planner) -> None:
    """Pick plans in the chart and by name in turns: the one that is picked last is shown."""
    page = planner.page
    points = page.locator('[data-testid="stVegaLiteChart"] .mark-symbol path')
    names = page.get_by_test_id("stRadio").get_by_role("radio")
    if names.count() > 1:
        points.last.click(force=True)
        expect(names.last).to_be_checked()
        planner.settle()
        page.get_by_test_id("stRadio").locator("label:has(input)").first.click()
        expect(names.first).to_be_checked()
        planner.settle()
    shown = planner.says("plans.proposal")
    page.get_by_text(planner.says("page.redraw.on_map", name=shown), exact=True).wait_for()


def import_all(planner, city: str, files, *, asks_for_dates: bool) -> None:
    page = planner.page
    broken, grids, incidents = files
    # A file that cannot be used is refused in words, with a remedy; then what can.
    drop(planner, broken)
    assert page.get_by_text(planner.says("page.import.state.ready"), exact=True).count() == 0
    assert "Traceback" not in page.locator("body").inner_text()
    drop(planner, grids)
    store(planner, "grid", city)
    drop(planner, incidents)
    if asks_for_dates:
        # Two orders of year, month and day in one file: gridmap asks which.
        page.get_by_role("button").filter(has_text="= 1 September 2014").click()
        planner.settle()
    store(planner, "incidents", city)


def find_and_mend(planner) -> None:
    page = planner.page
    planner.choose("page.data.check")
    planner.wait_for_map()
    planner.press("page.data.repair")
    mended = planner.says("page.data.repaired", layer=planner.says("io.layer.grid"), kind="@",
                          count=1, left=0)  # fmt: skip
    page.locator("li").filter(has_text=mended.partition("@")[0]).first.wait_for()
    planner.settle()
    assert page.locator('[data-testid="stException"]').count() == 0


def test_a_planner_imports_repairs_proposes_edits_saves_and_compares(planner, files, city_name):
    page = planner.page
    city = f"walk {city_name}"
    planner.open("data")
    planner.press("page.data.new_workspace")
    page.get_by_role("textbox", name=planner.says("page.data.new_name")).fill(city)
    page.keyboard.press("Enter")
    planner.settle()
    planner.press("page.data.new_make")

    import_all(planner, city, files, asks_for_dates=city_name == "chicago")
    find_and_mend(planner)
    page.get_by_role("link", name=planner.says("page.redraw.title")).click()
    planner.settle()
    if city_name == "chicago":  # as many as it has districts: a quick search on a busy machine
        beats = page.get_by_role("spinbutton", name=planner.says("page.redraw.beats"))
        beats.fill("25")
        beats.press("Tab")
    planner.press("page.redraw.begin")
    planner.see("page.redraw.edit_this")
    planner.settle()
    look_at_each_plan(planner)
    planner.press("page.redraw.edit_this")
    planner.see("page.edit.suggestions")
    for count in (1, 2, 3):
        move_a_grid_by_hand(planner)
        steps_done(planner, count)
    planner.press("page.edit.undo")
    steps_done(planner, 2)
    page.get_by_role("textbox", name=planner.says("page.edit.name")).fill("B")
    page.get_by_role("button", name=planner.says("page.edit.save", count=2), exact=True).click()
    saved = planner.says("page.edit.saved", name="B", number="@").partition("@")[0]
    page.get_by_text(saved).first.wait_for()
    planner.settle()
    planner.choose("page.redraw.compare")
    planner.see("page.compare.changes")
    planner.settle()
    expect(page.locator("iframe")).to_have_count(2)
    planner.pick("page.compare.old", "B")  # with itself: nothing changes, and nothing breaks
    planner.see("page.compare.changes")
    if city_name == "demo":  # the library leads to what a department signs
        planner.choose("page.redraw.versions")
        planner.press("page.reports.document")
        document = planner.says("page.reports.document")
        expect(page.get_by_role("heading", name=re.compile(document))).to_be_visible()
        expect(page.get_by_test_id("stImage").locator("img")).to_be_visible()
    planner.require_no_fault()


def test_two_readers_do_not_see_each_others_plans(app_url, open_page, reader_class):
    other = reader_class(open_page(), app_url, "zh")
    other.open("redraw")
    other.wait_for_map()
    other.choose("page.redraw.compare")
    # What a planner saved in a copy of the demo city is seen in that session only.
    other.see("page.empty.no_plans")


def test_a_refresh_keeps_what_a_browser_made_and_others_do_not_see_it(
    app_url, open_page, reader_class, tmp_path
):
    from gridmap.demo import make_city

    grids = tmp_path / "网格.gpkg"
    make_city(grids=60, incidents=100, seed=3).grids.frame.to_file(grids)
    mine = reader_class(open_page(), app_url, "zh")
    mine.open("data")
    mine.press("page.data.new_workspace")
    mine.page.get_by_role("textbox", name=mine.says("page.data.new_name")).fill("城西 1")
    mine.page.keyboard.press("Enter")
    mine.settle()
    mine.press("page.data.new_make")
    drop(mine, grids)
    store(mine, "grid", "城西 1")
    mine.page.reload()
    mine.page.locator(".gm-head", has_text="城西 1").wait_for()
    mine.see("page.data.layers")
    other = reader_class(open_page(), app_url, "zh")
    other.open("data")
    assert "城西" not in other.page.locator("body").inner_text()
