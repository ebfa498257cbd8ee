"""The document of a division: extents in words, a page for each beat, a handover that adds up."""

import io
import math
import re
from dataclasses import fields, replace
from datetime import date

import docx
import geopandas as gpd
import numpy as np
import pandas as pd
import pymupdf
import pytest
import shapely
from docx.oxml.ns import qn
from pyproj import CRS

from gridmap.demo import make_city
from gridmap.errors import InputError, MissingError
from gridmap.i18n import tr, using_language
from gridmap.measure import busy_times
from gridmap.measure.pieces import present_plan
from gridmap.model import City, Kind, Layer
from gridmap.report import Request, build_report, write_report
from gridmap.report.area_tables import staff_balance, stations_of_grids
from gridmap.report.charts import text_width
from gridmap.report.composing import compose
from gridmap.report.document import Paragraph
from gridmap.report.docx import write_docx
from gridmap.report.gis import layer_frames
from gridmap.report.pdf import write_pdf
from gridmap.report.plan_change import effects_of, plan_effect, price_lines
from gridmap.report.plan_document import beat_card, extent_words, extents_of, plan_document
from gridmap.report.pptx import write_pptx
from gridmap.report.report import _last_year
from tests.printed import SPACED, fullness, texts_of

METRES = CRS.from_epsg(4547)


def layer(kind, shapes, names):
    ids = [f"{kind}{row}" for row in range(len(shapes))]
    frame = gpd.GeoDataFrame({"id": ids, "name": names}, geometry=shapes, crs=METRES)
    return Layer(kind, frame)


def test_each_side_is_named_after_what_it_follows():
    # East a road 20 m beside it, south a road along 70 %, west a river 50 m away with a grid
    # beyond, north nothing at all.
    beat = shapely.box(0, 0, 1000, 1000)
    beyond = shapely.box(-500, 0, 0, 1000)
    city = City(
        "square",
        METRES,
        {
            Kind.GRID: layer(Kind.GRID, [beat, beyond], ["one", "two"]),
            Kind.ROAD: layer(
                Kind.ROAD,
                [shapely.LineString([(1020, -200), (1020, 1200)]),
                 shapely.LineString([(0, -10), (700, -10)])],
                ["East Road", "South Road"],
            ),
            Kind.BARRIER: layer(
                Kind.BARRIER, [shapely.LineString([(-50, 0), (-50, 1000)])], ["River"]
            ),
        },
    )  # fmt: skip
    (found,) = extents_of(city, np.array([beat], dtype=object))
    # The river is too far away.
    assert found.follows == ((("line", "East Road"),), (("line", "South Road"),), (),
                             (("edge", ""),))  # fmt: skip
    assert found.shares[0] == pytest.approx(1.0, abs=0.03)
    assert found.shares[1] == pytest.approx(0.7, abs=0.05)
    with using_language("zh"):
        assert extent_words(found) == "东至East Road，南至South Road，西至网格界线，北至辖区外界。"


@pytest.mark.parametrize(
    ("roads", "named"),
    [
        # Two that together have 70 %, in the order from west to east, whichever is longer.
        ({"B": (300, 700), "A": (0, 300)}, ("A", "B")),
        ({"A": (0, 400), "B": (400, 700)}, ("A", "B")),
        # One that has 60 % is enough; one that adds less than 10 % is not named.
        ({"A": (0, 650), "B": (650, 1000)}, ("A",)),
        ({"A": (0, 300), "B": (300, 500), "C": (500, 650), "D": (650, 730)}, ("A", "B", "C")),
        # Three that have 50 %, and four that would have to be named: none.
        ({"A": (0, 200), "B": (200, 400), "C": (400, 500)}, ()),
        ({"A": (0, 120), "B": (200, 320), "C": (400, 520), "D": (600, 720)}, ()),
    ],
)
def test_a_side_is_named_after_up_to_three_roads_in_succession(roads, named):
    beat = shapely.box(0, 0, 1000, 1000)
    lines = [shapely.LineString([(x0, 1000), (x1, 1000)]) for x0, x1 in roads.values()]
    city = City(
        "square",
        METRES,
        {
            Kind.GRID: layer(Kind.GRID, [beat, shapely.box(0, 1000, 1000, 2000)], ["one", "two"]),
            Kind.ROAD: layer(Kind.ROAD, lines, list(roads)),
        },
    )
    (found,) = extents_of(city, np.array([beat], dtype=object))
    assert found.follows[3] == tuple(("line", name) for name in named)
    with using_language("zh"):
        assert f"北至{'、'.join(named) or '网格界线'}。" in extent_words(found)


def test_a_side_without_a_road_is_named_after_the_community_beyond():
    beat = shapely.box(0, 0, 1000, 1000)
    city = City(
        "square",
        METRES,
        {
            Kind.GRID: layer(Kind.GRID, [beat], ["one"]),
            Kind.COMMUNITY: layer(
                Kind.COMMUNITY, [beat, shapely.box(1000, 0, 2000, 1000)], ["mine", "Beyond"]
            ),
        },
    )
    (found,) = extents_of(city, np.array([beat], dtype=object))
    # No grid lies beyond any side: that of a community in which nobody's ground is, is the edge.
    assert found.follows == ((("edge", ""),),) * 4
    grids = layer(Kind.GRID, [beat, shapely.box(1000, 0, 2000, 1000)], ["one", "two"])
    (found,) = extents_of(city.with_layer(grids), np.array([beat], dtype=object))
    assert found.follows == ((("community", "Beyond"),), *((("edge", ""),),) * 3)


def test_a_side_is_named_after_lines_the_edge_and_communities_in_succession():
    # North: a river for 40 %, then no grid beyond for 30 %, then a grid of a third community.
    # East: half of it has a grid of a community beyond of which the beat itself has a grid.
    beat = shapely.box(0, 0, 1000, 1000)
    north = [shapely.box(0, 1000, 400, 1500), shapely.box(700, 1000, 1000, 1500)]
    shapes = [beat, *north, shapely.box(1000, 0, 1500, 1000)]
    mine = shapely.union(shapely.box(490, 0, 1000, 1000), shapes[3])
    kinds = {
        Kind.GRID: layer(Kind.GRID, shapes, list("abcd")),
        Kind.BARRIER: layer(Kind.BARRIER, [shapely.LineString([(0, 1000), (400, 1000)])], ["R"]),
        Kind.COMMUNITY: layer(
            Kind.COMMUNITY, [shapely.box(0, 0, 501, 1000), *north, mine], ["M", "N", "P", "Q"]
        ),
    }
    beats = np.array([beat], dtype=object)
    (found,) = extents_of(City("square", METRES, kinds), beats)
    assert found.follows[3] == (("line", "R"), ("edge", ""))
    assert found.shares[3] == pytest.approx(0.7, abs=0.08)
    assert found.follows[0] == ()  # Q is the beat's own as much as it is its neighbour's
    with using_language("zh"):
        assert extent_words(found).endswith("北至R、辖区外界。")
    filled = layer(Kind.GRID, [*shapes, shapely.box(400, 1000, 700, 1500)], list("abcde"))
    (found,) = extents_of(City("square", METRES, {**kinds, Kind.GRID: filled}), beats)
    assert found.follows[3] == (("line", "R"), ("community", "P"))


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=1_200, seed=7)


@pytest.fixture(scope="module")
def divided(city):
    plan = present_plan(city).renamed("A")
    edges = city.adjacency
    moved = 0
    for one, other in zip(edges.first, edges.second, strict=True):
        if plan.assignment[one] != plan.assignment[other] and moved < 3:
            plan = plan.move([city.grids.ids[one]], to=plan.beat_ids[plan.assignment[other]])
            moved += 1
    with using_language("zh"):
        asked = Request(date(2025, 1, 6), document=True)
        return city, plan, build_report(city, asked, plan=plan)


@pytest.mark.parametrize(
    ("first", "last", "begins"),
    [
        ("2024-01-01", "2024-12-31", "2024-01-01"),
        ("2020-05-05", "2025-03-14", "2024-03-15"),
        ("2020-05-05", "2024-02-28", "2023-02-28"),  # the day after is 29 February
        ("2024-09-01", "2024-09-29", "2024-09-01"),  # the data hold less than a year
    ],
)
def test_a_division_is_of_the_last_twelve_months_of_the_data(first, last, begins):
    first, last = date.fromisoformat(first), date.fromisoformat(last)
    found = _last_year(first, last)
    assert (str(found.first), found.last) == (begins, last)


def test_a_division_has_the_figures_of_the_last_year_on_the_new_ground(divided):
    city, _, report = divided
    assert report.period.code == "2024"  # nobody asked for it: the data hold that year
    with using_language("zh"):
        texts = list(texts_of(plan_document(report)[0]))
    assert any("2024年警情按发生地点计入新警务区" in text for text in texts)
    assert not any("不足一年" in text for text in texts)
    assert report.table("beats").total["incidents"] == len(city.incidents)


@pytest.mark.parametrize(
    ("before", "after"),
    [(0.5651, 0.5749), (0.5749, 0.5751), (0.25, 0.25), (0.1, 0.3), (0.3, 0.1), (0.0, 0.00004)],
)
def test_a_verdict_is_on_the_figures_that_are_printed(divided, before, after):
    measured, hiding = divided[2].measured, divided[2].hiding
    made = measured.comparison
    figures = {field.name: getattr(made.before, field.name) for field in fields(made.before)}
    numbers = [name for name, value in figures.items() if isinstance(value, float)]
    sides = [replace(made.before, **dict.fromkeys(numbers, value)) for value in (before, after)]
    both = replace(made, before=sides[0], after=sides[1])
    found = effects_of(replace(measured, comparison=both, response=None), hiding)
    assert len(found) > 4
    for effect in found:
        assert (effect.side == "same") == (effect.before == effect.after)
        if effect.side != "same":
            good = effect.key.startswith(("covered", "least", "mean"))
            assert effect.side == ("better" if (after > before) == good else "worse")


@pytest.mark.parametrize(
    ("language", "mood"), [("zh", "将|若"), ("en", r"\b(would|could|if|If)\b")]
)
def test_a_plan_is_told_in_the_conditional_and_its_title_is_its_finding(
    city, divided, language, mood
):
    _, plan, report = divided
    if language != report.language:
        with using_language(language):
            report = build_report(city, Request(date(2025, 1, 6), "2024"), plan=plan)
    document, _ = compose(replace(report, request=replace(report.request, document=False)))
    made = report.measured.comparison
    assert plan.name in document.title
    assert f"{made.residents_moved:,.0f}" in document.title
    best = plan_effect(effects_of(report.measured, report.hiding))
    assert best.before in document.title
    assert best.after in document.title
    assert best.side != "same"
    told = [block for part in document.sections if part.key in {"plan", "beats", "staff"}
            for block in part.blocks]  # fmt: skip
    told = [block for block in (*document.front, *told) if isinstance(block, Paragraph)]
    assert len(told) > 4
    for block in told:
        assert re.search(mood, block.lead + block.text), block.text
    assert re.search(mood, document.title)
    (reach,) = [one for one in report.found.every if one.key == "coverage"]
    assert re.search(mood, reach.lead)  # who would live out of reach, not who does


def test_no_chinese_report_has_a_space_between_chinese_and_a_number(divided):
    _, _, report = divided
    plain = replace(report, request=replace(report.request, document=False))
    for document in (compose(plain)[0], *plan_document(report)):
        spaced = [text for text in texts_of(document) if SPACED.search(text)]
        assert not spaced
    tables = [cell for table in report.tables for line in table.texts() for cell in line]
    assert not [text for text in tables if SPACED.search(text)]


@pytest.mark.parametrize("made_in", ["zh", "en"])
def test_new_beats_are_named_in_the_readers_language(city, made_in):
    with using_language(made_in):
        name = tr("model.new_beat", number=7)
    plan = present_plan(city).renamed("A")
    made = replace(plan.beats[0], id="07", name=name)
    plan = replace(plan, beats=(made, *plan.beats[1:]))
    for language, label in (("zh", "新警格07"), ("en", "New beat 07")):
        with using_language(language):
            report = build_report(city, Request(date(2025, 1, 6)), plan=plan)
            assert plan.beats[0].label == label
            assert replace(made, id="N7").label == label  # made by hand under its usual name
            # What a person calls another beat stays as it was typed.
            assert replace(made, id="08").label == name
            assert replace(made, name=f"{name}甲").label == f"{name}甲"
        texts = [cell for table in report.tables for line in table.texts() for cell in line]
        assert any(label in text for text in texts)
        assert name == label or not any(name in text for text in texts)


def test_the_handover_list_adds_up_to_the_comparison(divided):
    _, _, report = divided
    table, made = report.table("handover"), report.measured.comparison
    assert table.total["grids"] == made.grids_moved
    assert table.total["residents"] == pytest.approx(made.residents_moved)
    assert table.total["incidents"] == pytest.approx(made.incidents_moved)
    assert table.total["posts_lost"] == pytest.approx(made.officers - made.officers_kept)
    assert (table.rows["from_beat"] != table.rows["to_beat"]).all()


def test_posts_that_lose_their_community_are_handed_over_once(city):
    plan = present_plan(city)
    second = plan.beat_ids[1]
    gone = plan.grid_ids[plan.assignment == 0]
    plan = plan.move(gone[:-1], to=second).move(gone[-1:], to=plan.beat_ids[2]).renamed("B")
    with using_language("zh"):
        report = build_report(city, Request(date(2025, 1, 6)), plan=plan)
    table, beat = report.table("handover"), present_plan(city).beats[0]
    assert beat.officers > 0
    assert sorted(table.rows["posts_lost"]) == [0.0, beat.officers]
    assert table.total["posts_lost"] == beat.officers
    assert len(table) == 2


@pytest.fixture(scope="module")
def redrawn(city):
    """A plan without the first beat, whose grids go to two beats of other stations."""
    today = present_plan(city)
    other = today.beat_ids[2]
    grids = today.grid_ids[today.assignment == 0]
    plan = today.move(grids[:2], to=today.beat_ids[1]).move(grids[2:], to=other)
    plan = replace(plan, name="C", beats=plan.beats[1:], assignment=plan.assignment - 1)
    with using_language("zh"):
        report = build_report(city, Request(date(2025, 1, 6), "2024"), plan=plan)
    return today, plan, report


@pytest.mark.parametrize("who", ["officers", "auxiliaries"])
def test_nobody_in_post_is_lost_when_a_beat_ends(redrawn, who):
    today, plan, report = redrawn
    in_post = sum(getattr(beat, who) for beat in today.beats)
    placed = sum(getattr(beat, who) for beat in plan.beats)
    ended = int(getattr(today.beats[0], who))
    assert in_post == placed + ended > placed
    table = report.table("staffing")
    (row,) = [row for row in table.rows.to_dict("records") if row["name"] == "待安置"]
    assert row[who] == row[f"{who}_surplus"] == ended
    assert table.total[who] == in_post
    sums = staff_balance(report.measured)[who]
    assert (sums.present, sums.unplaced) == (in_post, ended)
    assert sums.needed - in_post == sums.lacking - sums.surplus - sums.unplaced == sums.net
    price = price_lines(report.measured, report.hiding)
    noun = "名民警" if who == "officers" else "名辅警"
    assert any(f"{ended}{noun}" in line and line.endswith("将待安置") for line in price)
    if who == "officers":
        assert f"按标准将净缺民警{sums.net}名" in price
        (lead,) = [one.lead for one in report.found.every if one.key == "staff"]
        assert lead == f"将缺民警{sums.net}名。"


def test_grids_of_a_plan_add_up_to_its_stations_and_their_change_is_said(redrawn):
    today, plan, report = redrawn
    grids, stations = report.table("grids").rows, report.table("stations").rows
    of_grids = grids.groupby("parent_station")[["residents", "incidents"]].sum()
    of_stations = stations.set_index("name")[["residents", "incidents"]]
    pd.testing.assert_frame_equal(
        of_grids.sort_index(), of_stations.sort_index(), check_names=False, check_dtype=False
    )
    stations_of = [np.array([beat.station for beat in one.beats])[one.assignment]
                   for one in (today, plan)]  # fmt: skip
    assert (layer_frames(report)["grid"]["station"] == stations_of[1]).all()
    moved = stations_of[0] != stations_of[1]
    people = report.city.grids.counts("residents")[moved].sum()
    (line,) = [one for one in price_lines(report.measured, report.hiding) if "派出所" in one]
    assert f"{moved.sum()}个网格（居民{people:,.0f}名）将变更所属派出所" in line
    handed = report.table("handover").rows
    assert handed.loc[handed["station_change"] != "", "grids"].sum() == moved.sum() > 0


def test_a_division_says_which_beats_end_and_where_their_grids_go(redrawn):
    today, plan, report = redrawn
    gone, stays = today.beats[0], today.beats[1].label
    moved = plan.labels[today.assignment == 0]
    other = next(beat.label for beat in plan.beats if beat.id == moved[-1])
    with using_language("zh"):
        document, cards = plan_document(report)
    told = [one.text for one in document.front if isinstance(one, Paragraph)]
    assert (
        f"划分为{len(plan)}个警务区。现有警务区{len(today)}个，其中1个将撤销（{gone.label}）。"
        in told[0]
    )
    assert price_lines(report.measured, report.hiding)[0] == "将撤销1个警格"
    (section,) = [one for one in document.sections if one.key == "handover"]
    (row,) = section.blocks[0].rows
    assert row[:3] == (gone.label, "撤销", str(len(moved)))
    assert f"{gone.officers:.0f}" in row
    assert {f"{stays}2个", f"{other}{len(moved) - 2}个"} == set(row[-1].split("、"))
    texts = [
        text for part in cards.sections for text in texts_of(replace(cards, sections=(part,)))
    ]
    people = report.city.grids.counts("residents")[today.assignment == 0]
    station = stations_of_grids(report.city, today)[0]
    moved_people = f"常住人口{people[:2].sum():,.0f}人，原属{station}"
    assert f"划入：从{gone.label}划入2个网格（{moved_people}）。" in texts
    (line,) = [text for text in texts if f"从{gone.label}划入{len(moved) - 2}个网格" in text]
    assert line.endswith(f"人，原属{station}）。")


def test_gis_files_of_a_plan_say_so_in_their_names_and_their_project(divided, tmp_path):
    _, plan, report = divided
    report = replace(report, plan=plan.renamed("东/A"))
    written = write_report(report, tmp_path / "out", formats=["gpkg"])
    assert written.files == ("gis/report_2024_plan_东_A.gpkg", "gis/report_2024_plan_东_A.qgs")
    project = (tmp_path / "out" / written.files[1]).read_text(encoding="utf-8")
    band = "方案测算：以下为“东/A”若实行时的情况，并非现状。"
    assert re.search(f"<title>[^<]*{band}", project)
    assert f'<layer-tree-group name="{band}"' in project


def test_a_beats_page_has_its_own_hours_its_neighbours_and_its_station(divided):
    city, plan, report = divided
    incidents = city.incidents.all
    known = ~np.isnat(incidents.time)
    hour = (incidents.time[known].astype("datetime64[h]").astype(int) + 72) % 168  # from a Monday
    xy = np.column_stack([incidents.x, incidents.y])[known]
    days = report.measured.time.occurrences
    for row in range(len(plan.beats)):
        mine = shapely.union_all(city.grids.geometry[plan.assignment == row])
        week = np.bincount(hour[shapely.contains_xy(mine, *xy.T)], minlength=168)
        truth = busy_times(week, days=days, draws=199)
        if truth:
            break
    with using_language("zh"):
        card = beat_card(report, plan.beats[row].id)
        words = "，".join(one.label() for one in truth) + "。"
    told = [(one.lead, one.text) for one in card.front[1].right if "重点时段" in one.lead]
    assert told == [("重点时段：", words)]
    assert words != report.busy + "。"
    drawn = card.front[0].drawing
    beats = report.beats
    named = {words: (x, y) for x, y, words in drawn.labels if words in set(beats.names)}
    assert set(beats.names[shapely.touches(beats.geometry, beats.geometry[row])]) & set(named)
    assert beats.names[row] not in named
    for ground, name in zip(beats.geometry, beats.names, strict=True):
        assert name not in named or shapely.contains_xy(ground, *named[name])
    station = plan.beats[row].station
    there = [beat.id for beat in plan.beats if beat.station == station]
    assert len(drawn.locator.shapes) == (len(there) if len(there) > 1 else len(beats))
    assert drawn.locator.shapes[drawn.locator.row].equals(beats.geometry[row])
    assert drawn.locator.name in drawn.draw(400.0, 300.0).to_string()


def test_ground_given_away_is_told_with_the_beat_it_goes_to(divided):
    _, _, report = divided
    flow = report.measured.comparison.flows[0]
    with using_language("zh"):
        texts = list(texts_of(plan_document(report)[1]))
    told = f"向{flow.after_label}划出{len(flow.grids)}个网格（常住人口{flow.residents:,.0f}人"
    assert any(told in text for text in texts)


def test_slides_of_a_plan_are_six_with_its_effects_and_maps(divided):
    import pptx

    _, _, report = divided
    report = replace(report, request=replace(report.request, document=False))
    document, found = compose(report)
    deck = pptx.Presentation(io.BytesIO(write_pptx(report, document, found)))
    titles = [slide.shapes.title.text for slide in deck.slides]
    assert len(titles) == 6
    assert titles[0] == document.title
    assert not any(title.endswith(("。", ".")) for title in titles)
    said = {one.text for one in report.found.findings if one.text}
    last = "".join(shape.text_frame.text for shape in deck.slides[5].shapes
                   if shape.has_text_frame)  # fmt: skip
    assert not any(text in last for text in said)  # the first slide says it
    pictures = [sum(shape.shape_type == 13 for shape in slide.shapes) for slide in deck.slides]
    assert pictures[2] == 2  # before and after
    tables = [shape.table for slide in deck.slides for shape in slide.shapes if shape.has_table]
    for table in tables:  # a head of two lines has a row of two: LibreOffice cuts it off else
        for cell, column in zip(table.rows[0].cells, table.columns, strict=True):
            size = cell.text_frame.paragraphs[0].runs[0].font.size.pt
            lines = math.ceil(text_width(cell.text, size) / (column.width.pt - 7.2))
            assert table.rows[0].height.pt >= lines * size * 1.15
    assert "将变差" in "".join(cell.text for shape in deck.slides[1].shapes if shape.has_table
                               for row in shape.table.rows for cell in row.cells)  # fmt: skip


def test_the_document_has_a_page_for_each_beat_and_says_that_it_is_a_plan(divided, tmp_path):
    _, plan, report = divided
    written = write_report(report, tmp_path / "out", formats=["pdf"])
    assert all("plan" in name for name in written.files)
    cards = next(name for name in written.files if "cards" in name)
    pages = pymupdf.open(tmp_path / "out" / cards)
    held = [row for row in range(len(plan.beats)) if (plan.assignment == row).any()]
    assert len(pages) == len(held) + 1
    assert min(fullness(pages)) > 0.6
    document = next(name for name in written.files if "cards" not in name)
    assert min(fullness(pymupdf.open(tmp_path / "out" / document))[:-1]) > 0.6
    for page, row in zip(list(pages)[1:], held, strict=True):
        text = page.get_text()
        assert plan.beats[row].label in text
        assert "四至范围" in text
        assert "方案测算" in text  # the band


def test_in_word_a_beat_has_a_page_that_its_map_leaves_room_on(divided):
    _, plan, report = divided
    with using_language("zh"):
        document, _ = plan_document(report)
    body = docx.Document(io.BytesIO(write_docx(document))).element.body
    page, tall, inside = 22 * 28.95, [], False
    for part in body.iterchildren():
        style = part.find(".//" + qn("w:pStyle"))
        kind = style.get(qn("w:val")) if part.tag.endswith("}p") and style is not None else ""
        if kind.startswith("Heading"):
            inside = kind == "Heading2"
            fresh = part.find(".//" + qn("w:pageBreakBefore")) is not None
            assert fresh or inside  # each annex begins on a page of its own
            tall += [28.95 if fresh else 57.9] if inside else []  # below the annex's title
        if not inside:
            continue
        tall[-1] += sum(int(one.get("cy")) / 12700 for one in part.iter(qn("wp:extent")))
        if part.tag.endswith("}tbl"):  # facts and sentences beside them, in lines of 15 points
            tall[-1] += 16.0 * len(list(part.iter(qn("w:tr"))))
    assert len(tall) == len({*plan.labels} - {""})
    texts = [part.xpath("string()") for part in body.iterchildren() if part.tag.endswith("}p")]
    annexes = [text.partition("　")[2] for text in texts if re.match("附件[0-9]+　", text)]
    assert annexes.count("各警务区基本情况") == 1  # all beats together
    assert not any(beat.label in title for beat in plan.beats for title in annexes)
    listed = texts.index(f"附件：1.{annexes[0]}")
    assert texts[listed + 1 : listed + len(annexes)] == [
        f"{number}.{title}" for number, title in enumerate(annexes[1:], start=2)
    ]
    assert listed < texts.index(document.signature[-1]) < texts.index(f"附件1　{annexes[0]}")
    first = next(
        part
        for part in body.iterchildren()
        if part.find(".//" + qn("wp:extent")) is not None
        and "警格图" in part.getprevious().xpath("string()")
    )
    overview = first.find(".//" + qn("wp:extent"))
    assert int(overview.get("cy")) / 12700 > 0.6 * page  # the map of all beats has a page
    codes = [
        cell
        for row in body.iter(qn("w:tr"))
        for cell in row.iter(qn("w:tc"))
        if cell.xpath("string()") == str(plan.beats[0].id)
    ]
    wide = int(codes[-1].find(".//" + qn("w:tcW")).get(qn("w:w"))) / 20  # points
    assert wide > 9.5 * 0.65 * len(str(plan.beats[0].id)) + 4  # in the wide face of LibreOffice
    assert max(tall) < page
    assert min(tall) > 0.6 * page


@pytest.mark.parametrize("of_today", [True, False])
def test_a_beats_card_is_one_page_with_its_own_figures(divided, of_today):
    city, plan, report = divided
    if of_today:
        with using_language("zh"):
            report = build_report(city, Request(date(2025, 1, 6), "2024"))
        plan = present_plan(city)
    beat = plan.beats[1]
    page, *others = pymupdf.open(stream=write_pdf(beat_card(report, beat.id)))
    assert others == []
    text = page.get_text()
    assert beat.label in text
    residents = city.grids.counts("residents")[plan.labels == beat.id].sum()
    assert f"{residents:,.0f}" in text
    above = text.partition("基本情况")[0]  # the map names the beats around once
    assert above.find(beat.label) < min(
        above.find(other.label) % len(text) for other in plan.beats if other is not beat
    )
    assert all(above.count(other.label) <= 1 for other in plan.beats if other is not beat)
    with pytest.raises(MissingError):
        beat_card(report, "nowhere")


def test_a_beat_that_grids_name_and_no_polygon_draws_has_no_card(divided):
    city, _, _ = divided
    layer = city.layer(Kind.BEAT)
    gone, drawn = (str(layer.ids[row]) for row in (0, 1))
    grids = city.grids.frame.assign(beat=present_plan(city).labels)
    city = city.with_layer(Layer(Kind.GRID, grids, city.grids.provenance))
    city = city.with_layer(Layer(Kind.BEAT, layer.frame.iloc[1:], layer.provenance))
    with using_language("zh"):
        report = build_report(city, Request(date(2025, 1, 6), "2024"))
    assert gone in set(map(str, present_plan(city).beat_ids))
    assert beat_card(report, drawn).front
    with pytest.raises(MissingError):
        beat_card(report, gone)


@pytest.mark.slow
def test_a_document_without_a_plan_or_with_hidden_counts_is_refused(divided, tmp_path):
    city, plan, _ = divided
    for asked, of in (
        (Request(date(2025, 1, 6), "2024", document=True), None),
        (Request(date(2025, 1, 6), "2024", suppress_below=5, document=True), plan),
    ):
        report = build_report(city, asked, plan=of)
        with pytest.raises(InputError):
            write_report(report, tmp_path / "no", formats=["pdf"])
        if asked.suppress_below:
            with pytest.raises(InputError):
                beat_card(report, of.beats[0].id)
    assert not any(tmp_path.iterdir())
