"""What the pages are made of, without a screen: addresses, cuts, jobs, uploads, reasons."""

from __future__ import annotations

import ast
import re
import threading
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Point, box

from gridmap.api.coverage import SiteOptions
from gridmap.api.incidents import Slices
from gridmap.errors import GridmapError, InputError
from gridmap.i18n import current_language, has_key, tr, using_language
from gridmap.io import TABLE, ImportReport, guess_kind
from gridmap.measure import IncidentCounts
from gridmap.model import BeatInfo, Plan
from gridmap.pages import coverage_views
from gridmap.pages.ground import _beat_id
from gridmap.pages.incidents import trend_bars
from gridmap.pages.jobs import Job
from gridmap.pages.layout import _days_text, show_frame
from gridmap.pages.overview import deviation_of, least_loaded, worst_beats
from gridmap.pages.reports import _hidden_below
from gridmap.pages.session import Address, is_name
from gridmap.pages.uploads import Item, Upload

PAGES = Path(__file__).resolve().parents[1] / "gridmap" / "pages"


# -- tables


def test_a_table_escapes_its_texts_and_leads_to_the_map(monkeypatch):
    drawn = []
    monkeypatch.setattr("gridmap.pages.layout.st.html", drawn.append)
    frame = pd.DataFrame({
        "unit": ["<甲>", "乙"], "km": [1234.56, 2.0], "count": [3000.0, np.nan],
        "cost": [np.nan, np.nan], "rank": ["1–2", "2"],
    })  # fmt: skip
    show_frame(frame, right=["rank"], cells=[[4, 5], []])
    heads = re.findall(r'<th class="([^"]*)">.*?>([^<]*)</button>', drawn[0])
    # A column of which nothing is known is left out.
    assert heads == [("gm-text gm-name", "unit"), ("", "km"), ("", "count"), ("", "rank")]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in drawn[0].split("<tr")[2:]]
    assert rows == [["&lt;甲&gt;", "1,234.6", "3,000", "1–2"], ["乙", "2.0", "–", "2"]]
    assert re.findall(r'data-gm-cells="([^"]*)"', drawn[0]) == ["4,5"]


def test_suggested_rooms_are_told_of_in_each_readers_language(monkeypatch):
    monkeypatch.setattr(coverage_views, "site", lambda _city, _options: current_language())
    for language in ("en", "zh", "en"):
        with using_language(language):
            assert coverage_views.sites_of(None, "of a test", SiteOptions(), ()) == language


def test_no_local_font_is_named_by_its_family_alone():
    # The family of a variable font stands for its thinnest face: hairlines on a projector.
    told = [PAGES / "pages.css", PAGES.parent / "maps" / "assets" / "touch.html"]
    names = re.findall(r'local\("((?:Noto|Source)[^"]*)"\)', "".join(map(Path.read_text, told)))
    assert names
    assert all(name.endswith("Regular") for name in names)


# -- the address bar


@given(
    st.dates(),
    st.dates(),
    st.sampled_from(["", "zh", "en"]),
    st.sampled_from(["", "示例市", "a b"]),
)
def test_an_address_reads_back_what_it_wrote(one, other, language, workspace):
    address = Address(workspace, "", min(one, other), max(one, other), language)
    assert Address.read(address.to_query()) == (address, None)


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ({"lang": "fr"}, "lang"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2025-13-01"}, "to"),
        ({"from": "2025-02-01", "to": "2025-01-01"}, "from"),
        ({"workspace": "../../etc"}, "workspace"),
        ({"plan": "a\nb"}, "plan"),
    ],
)
def test_a_bad_address_names_its_part(query, part):
    known = {"plan": "三月", "beat": "B01", "lang": "en"}
    address, error = Address.read({**known, **query})
    assert error.values["part"] == part
    # Only that part is refused.
    assert address == Address(**{
        {"lang": "language"}.get(name, name): text for name, text in known.items() if name != part
    }, until=None)  # fmt: skip


def test_days_of_a_period_with_an_open_end_are_not_said_backwards():
    with using_language("en"):
        assert _days_text(date(2030, 1, 1), None) == "from 2030-01-01 on"
        assert _days_text(None, date(2001, 1, 1)) == "up to 2001-01-01"
    assert _days_text(date(2030, 1, 1), date(2031, 1, 1)) == "2030-01-01至2031-01-01"


def test_a_limit_of_small_counts_out_of_range_is_refused():
    assert [_hidden_below(number) for number in (0, 5, 100)] == [0, 5, 100]
    for wrong in (-5, 101):
        with pytest.raises(InputError, match=str(wrong)):
            _hidden_below(wrong)


def test_a_beat_may_be_named_as_a_page_prints_it():
    beats = {
        one: BeatInfo(one, name) for one, name in (("1", "高桥"), ("2", "同名"), ("3", "同名"))
    }
    plan = Plan.from_labels("今", ["a", "b", "c"], ["1", "2", "3"], beats=beats)
    assert [_beat_id(plan, name) for name in ("1", "高桥", "同名", "x", "")] == [
        "1", "1", "同名", "x", "",
    ]  # fmt: skip


def test_a_new_workspace_takes_only_names_that_an_address_can_carry():
    assert [is_name(name) for name in ("东城 2025", "../../etc", "a\\b", "..", "", "长" * 81)] == [
        True, False, False, False, False, False,
    ]  # fmt: skip


# -- incidents by grid, hour and category


@pytest.fixture
def slices():
    # Two grids, two categories; hour 0 is Monday midnight, 25 Tuesday one o'clock.
    shape = (3, 169, 3, 1)
    cells = {(0, 0, 0): 4, (0, 25, 1): 2, (1, 25, 0): 5, (2, 25, 0): 7, (1, 168, 1): 1}
    places = np.array([np.ravel_multi_index((*cell, 0), shape) for cell in cells])
    order = np.argsort(places)
    counts = np.array(list(cells.values()))[order]
    return Slices.of(IncidentCounts(2, ("theft", "dispute"), (), 168, places[order], counts))


def test_by_grid_leaves_out_what_lies_in_no_grid(slices):
    assert slices.by_grid().tolist() == [6.0, 6.0]


def test_hours_filter_the_grids(slices):
    assert slices.by_grid(hours=[25]).tolist() == [2.0, 5.0]


def test_categories_filter_the_grids(slices):
    assert slices.by_grid(categories=[1]).tolist() == [2.0, 1.0]


def test_grids_filter_the_hours(slices):
    assert slices.by_hour(rows=[0])[0, 0] == 4
    assert slices.by_hour(rows=[0])[1, 1] == 2
    assert slices.by_hour().sum() == 18  # one has no time


# -- the trend


def test_the_last_days_stand_in_the_trend_as_a_broken_week():
    # 366 days: 52 weeks and two days, 3 incidents each day but 100 on the last.
    counts = np.full(366, 3)
    counts[-1] = 100
    starts = [date(2024, 1, 1) + timedelta(days=at) for at in range(0, 366, 7)]
    bars = trend_bars(counts, starts, 7)
    assert bars["count"].sum() == counts.sum()
    assert bars.iloc[-1][["day", "days", "count"]].tolist() == ["2024-12-30", 2, 103]
    assert set(bars["days"].iloc[:-1]) == {7}


# -- the worst beats


def beats(**columns) -> pd.DataFrame:
    names = list("ABCD")
    usual = {
        "residents": [100.0] * 4,
        "incidents": [10.0] * 4,
        "covered_residents_share": [1.0] * 4,
    }
    return pd.DataFrame({"id": names, "name": names, **usual, **columns})


def test_the_worst_beat_is_the_one_with_the_greatest_excess():
    # Mean 25: B has 60, 140 % above; C lacks 90 % of its cover.
    rows = beats(incidents=[10.0, 60.0, 10.0, 20.0], covered_residents_share=[1.0, 1.0, 0.1, 1.0])
    with using_language("en"):
        found = worst_beats(rows, count=2)
    assert [beat.id for beat in found] == ["B", "C"]
    assert found[0].score == pytest.approx(1.4)
    assert "60 incidents" in found[0].reason
    assert "2.4 times" in found[0].reason
    assert "90%" in found[1].reason


def test_nothing_stands_out_where_all_are_equal():
    assert worst_beats(beats()) == []
    # Nor are the others named beside one of which something does.
    one = beats(residents=[100.0, 200.0, 100.0, 100.0])
    assert [beat.id for beat in worst_beats(one)] == ["B"]


def test_what_holds_for_a_third_of_the_beats_is_no_reason():
    # Mean 25: B has 60. Three of four are out of reach: the rooms are few, no beat is at fault.
    rows = beats(incidents=[10.0, 60.0, 10.0, 20.0], covered_residents_share=[0.1, 0.2, 0.3, 1.0])
    assert [beat.id for beat in worst_beats(rows)] == ["B"]


def test_the_least_loaded_beats_are_told_by_both_loads_together():
    # Loads over their means: A 0.4 and 0.5, B 2.0 and 1.0, C and D 0.8 and 1.25.
    rows = beats(residents=[40.0, 200.0, 80.0, 80.0], incidents=[4.0, 8.0, 10.0, 10.0])
    assert deviation_of(rows) == pytest.approx([-0.55, 0.5, 0.025, 0.025])
    assert [beat.id for beat in least_loaded(rows)] == ["A"]
    assert least_loaded(beats()) == []


def test_a_city_without_rooms_and_incidents_has_its_worst_beats_still():
    rows = beats(
        residents=[100.0, 300.0, 100.0, 100.0],
        incidents=[0.0] * 4,
        covered_residents_share=[np.nan] * 4,
    )
    assert worst_beats(rows)[0].id == "B"


# -- jobs


def test_a_job_tells_how_far_it_is_and_gives_its_result():
    seen = []
    job = Job(lambda tell, _stops: (tell(0.5), seen.append(job.share), 42)[-1])
    job.start()
    assert job._done.wait(300)
    assert seen == [0.5]
    assert job.result() == 42


def test_a_job_stops_when_asked_and_keeps_what_it_has():
    began = threading.Event()

    def work(_tell, stops):
        began.set()
        while not stops():
            pass
        return "best so far"

    job = Job(work)
    job.start()
    assert began.wait(300)
    job.stop()
    assert job._done.wait(300)
    assert job.result() == "best so far"


def test_a_readers_mistake_is_kept_and_a_programmers_is_raised():
    def mistaken(_tell, _stops):
        raise InputError("page.error.address", part="x", received="y")

    job = Job(mistaken)
    job.start()
    assert job._done.wait(300)
    assert isinstance(job.error, GridmapError)
    assert job.result() is None
    broken = Job(lambda _tell, _stops: 1 / 0)
    broken.start()
    assert broken._done.wait(300)
    with pytest.raises(ZeroDivisionError):
        broken.result()


def test_a_job_speaks_its_readers_language():
    from gridmap.i18n import current_language

    with using_language("en"):
        job = Job(lambda _tell, _stops: current_language())
        job.start()
    assert job._done.wait(300)
    assert job.result() == "en"


def test_a_job_tells_on_in_the_language_of_the_page_that_shows_it():
    shown = threading.Event()

    def work(tell, _stops):
        tell(0.1, tr("page.redraw.stop"))
        assert shown.wait(300)
        tell(0.2)
        tell(0.3, tr("page.redraw.stop"))

    with using_language("en"):
        job = Job(work)
        job.start()
    job.language = "zh"  # the page was turned to Chinese
    shown.set()
    assert job._done.wait(300)
    assert job.said == tr("page.redraw.stop", language="zh")


# -- uploads


SQUARE, LINE, POINT = box(120, 30, 121, 31), LineString([(120, 30), (121, 31)]), Point(120, 30)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape", "columns", "kind"),
    [
        ("网格.geojson", SQUARE, {}, "grid"),
        ("police_districts.geojson", SQUARE, {}, "station"),
        ("Police_Stations.geojson", POINT, {}, "room"),  # points are never areas
        ("警格.geojson", POINT, {"警务室名称": "甲"}, "room"),
        ("StreetCenterlines.geojson", LINE, {}, "road"),
        ("beats.geojson", LINE, {}, "road"),
        ("unknown.geojson", SQUARE, {}, "grid"),
        (
            "a.geojson",
            SQUARE,
            {"警务区编码": "01", "警务区名称": "甲", "所属警务室": "乙"},
            "beat",
        ),
        ("a.geojson", POINT, {"发生时间": "2024-03-05", "警情类别": "盗窃"}, "incidents"),
    ],
)
def test_a_kind_is_guessed_from_shapes_then_the_name_then_columns(
    tmp_path, name, shape, columns, kind
):
    frame = gpd.GeoDataFrame({key: [value] for key, value in columns.items()}, geometry=[shape],
                             crs=4326)  # fmt: skip
    frame.to_file(tmp_path / name, driver="GeoJSON")
    assert guess_kind(tmp_path / name) == kind


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("Crimes.csv", "Date,Latitude,Longitude\n2024-03-05,41.8,-87.6\n", "incidents"),
        ("警务室.csv", '名称,经纬度\n甲,"120.1,30.2"\n', "room"),
        ("人口.csv", "网格编码,常住人口\n01,30\n", TABLE),
    ],
)
def test_a_table_has_places_or_is_joined_by_its_codes(tmp_path, name, text, kind):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert guess_kind(tmp_path / name) == kind


def test_a_shapefiles_parts_are_one_file(tmp_path):
    for suffix in (".shp", ".shx", ".dbf", ".prj"):
        (tmp_path / f"网格{suffix}").write_bytes(b"x")
    (tmp_path / "人口.dbf").write_bytes(b"x")
    upload = Upload(("网格.shp", "人口.dbf"), tmp_path)
    assert [path.name for path in upload.paths] == ["人口.dbf", "网格.shp"]


def test_a_correction_can_take_a_column_away_and_give_it_back(tmp_path):
    report = ImportReport(
        kind="grid", read=2, features=2, crs="", working_crs="", refused={},
        mapped={"id": "编号", "residents": "人口"}, warnings=(), encoding="", refused_columns=(),
        files=("网格.shp",),
    )  # fmt: skip
    upload = Item([tmp_path / "网格.shp"], "grid", report=report)
    chosen = upload.taken()
    assert (chosen["id"], chosen["residents"], chosen["name"]) == ("编号", "人口", "")
    upload.correct({**chosen, "residents": "", "name": "人口"}, encoding="GBK")
    assert upload.options.columns == {"residents": "", "name": "人口"}
    assert upload.options.encoding == "GBK"
    upload.report = replace(report, mapped={"id": "编号", "name": "人口"})
    upload.correct({**upload.taken(), "residents": "人口", "name": ""})
    assert upload.options.columns == {"residents": "人口", "name": ""}


# -- texts


def test_every_text_of_a_page_is_in_the_catalogue_and_none_is_hard_coded():
    for path in sorted(PAGES.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            if id(node) in docs:
                continue
            letters = [letter for letter in node.value if "\u4e00" <= letter <= "\u9fff"]
            # Signs by which file names and networks are told apart are data, not texts.
            if path.name not in {"uploads.py", "coverage.py"}:
                assert letters == [], (path.name, node.value)
        for call in ast.walk(tree):
            if (
                isinstance(call, ast.Call)
                and getattr(call.func, "id", "") == "tr"
                and call.args
                and isinstance(call.args[0], ast.Constant)
            ):
                assert has_key(call.args[0].value), (path.name, call.args[0].value)


def test_a_page_address_is_for_days():
    assert Address.read({"from": "2025-01-31"})[0].since == date(2025, 1, 31)


def test_jobs_wait_for_one_another_until_they_are_stopped(monkeypatch):
    from gridmap.pages import jobs

    monkeypatch.setattr(jobs, "_TURNS", threading.BoundedSemaphore(1))
    begun, end = threading.Event(), threading.Event()
    first = jobs.Job(lambda _tell, _stops: (begun.set(), end.wait(300)))
    second = jobs.Job(lambda _tell, stops: stops())
    third = jobs.Job(lambda _tell, stops: stops())
    first.start()
    assert begun.wait(300)
    second.start()
    third.start()
    third.stop()  # nobody waits for it any more: it ends with the best that it has, at once
    assert third._done.wait(300)
    assert third.result() is True
    assert not second.done
    end.set()
    assert second._done.wait(300)
    assert second.result() is False
