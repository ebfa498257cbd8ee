"""The list of dropped files: what each asks, and what is never done unasked."""

from __future__ import annotations

import re
import string
from dataclasses import replace

import geopandas as gpd
import pytest
from shapely import Point, box

from gridmap.errors import in_page
from gridmap.i18n import LANGUAGES, keys, using_language
from gridmap.io import TABLE, Workspace
from gridmap.io.options import sources_of
from gridmap.pages import data
from gridmap.pages.session import Session
from gridmap.pages.uploads import keep_files, look, store_ready
from gridmap.plans import LOCAL
from gridmap.settings import Settings

AREAS = "io", "gdal", "model"


@pytest.fixture
def session(tmp_path, monkeypatch):
    place = tmp_path / "city"
    made = Session(Settings(), "zh", "city", {"city": place}, shared={"city": place})
    made.actor = LOCAL
    monkeypatch.setattr(data.st, "rerun", lambda: None)
    yield made
    if made._folder is not None:
        made._folder.cleanup()


def squares(count, *, west=120.0, **columns):
    shapes = [box(west + n * 0.01, 30, west + 0.01 + n * 0.01, 30.01) for n in range(count)]
    ids = [f"{n:03}" for n in range(count)]
    return gpd.GeoDataFrame({"编号": ids, **columns}, geometry=shapes, crs=4326)


def geojson(frame):
    return frame.to_json(drop_id=True).encode()


def drop(session, **files):
    """Drop files as a reader does: name and suffix with a hyphen between, content."""
    named = [(name.replace("__", "."), data) for name, data in files.items()]
    upload = keep_files(session, named)
    for item in upload.take(None):
        look(session, item)
    return upload


def question(session, upload, item):
    return data._question_of(session, upload, item)


def by_name(upload, name):
    return next(item for item in upload.items if item.name.startswith(name))


@pytest.mark.slow
def test_each_file_is_a_layer_of_its_own(session):
    upload = drop(
        session,
        网格__geojson=geojson(squares(4, 常住人口=[1, 2, 3, 4])),
        警格__geojson=geojson(squares(2)),
        警务室__csv="名称,经度,纬度\n甲,120.005,30.005\n".encode(),
        警情__csv="发生时间,类别,经度,纬度\n2024-03-05 10:00,盗窃,120.005,30.005\n".encode(),
    )
    assert {item.name: item.kind for item in upload.items} == {
        "网格.geojson": "grid", "警格.geojson": "beat", "警务室.csv": "room",
        "警情.csv": "incidents",
    }  # fmt: skip
    assert all(question(session, upload, item) is None for item in upload.items)
    done = store_ready(session, upload.items)
    assert [item.kind for item in done] == ["grid", "beat", "room", "incidents"]
    city = Workspace.open(session.path).city()
    assert (len(city.grids), len(city.incidents)) == (4, 1)
    assert city.grids.counts("residents").sum() == 10


@pytest.mark.slow
def test_two_files_of_one_kind_are_put_together_only_when_asked(session):
    upload = drop(
        session,
        网格东__geojson=geojson(squares(2, 常住人口=[1, 2])),
        网格西__geojson=geojson(squares(3, west=119.0, 常住人口=[3, 4, 5])),
        网格南__geojson=geojson(squares(3, west=118.0, 户数=[3, 4, 5])),
    )
    first, *others = upload.items
    assert question(session, upload, first) is None
    same = next(item for item in others if item.agrees_with(first))
    other = next(item for item in others if not item.agrees_with(first))
    # What has other columns can only be left out, or be of another kind.
    assert len(question(session, upload, other).answers) == 1
    merge, leave_out = question(session, upload, same).answers
    assert same.name in leave_out.text
    merge.do()
    assert len(upload.items) == 2
    assert first.report.features == 5 if "南" not in first.name else 6
    question(session, upload, other).answers[0].do()
    assert upload.items == [first]


def test_a_table_joins_the_layer_that_the_reader_names(session):
    upload = drop(
        session,
        网格__geojson=geojson(squares(3)),
        人口__csv="编号,常住人口\n0,7\n001,8\n2,9\n".encode(),
    )
    table = by_name(upload, "人口")
    assert table.kind == TABLE
    (answer,) = question(session, upload, table).answers
    answer.do()
    (grids,) = upload.items
    assert grids.report.mapped["residents"] == "常住人口"
    assert grids.found.counts("residents").sum() == 24


def test_a_table_that_fits_no_layer_says_so_and_changes_nothing(session):
    upload = drop(
        session,
        网格__geojson=geojson(squares(3)),
        人口__csv="代码,常住人口\nx,7\ny,8\n".encode(),
    )
    table = by_name(upload, "人口")
    question(session, upload, table).answers[0].do()
    assert table.error.key == "io.error.no_join"
    assert by_name(upload, "网格").is_ready
    alone = drop(session, 人口__csv="代码,常住人口\nx,7\n".encode())
    assert question(session, alone, alone.items[0]).answers == ()


@pytest.mark.slow
def test_nothing_is_replaced_before_the_reader_says_so(session):
    store_ready(session, drop(session, 网格__geojson=geojson(squares(3))).items)
    upload = drop(session, 网格__geojson=geojson(squares(2)))
    (item,) = upload.items
    append, over = question(session, upload, item).answers
    assert not item.is_ready
    append.do()
    assert item.report.features == 0  # both ids are there already
    item.options = replace(item.options, upon="ask")
    look(session, item)
    over = question(session, upload, item).answers[1]
    over.do()
    store_ready(session, [item])
    assert len(Workspace.open(session.path).city().grids) == 2


def test_a_missing_crs_is_asked_with_the_place_that_each_would_mean(session):
    points = gpd.GeoSeries([Point(120.15, 30.28), Point(120.16, 30.29)], crs=4326).to_crs(3857)
    rows = "".join(f"{n},{p.x:.1f},{p.y:.1f}\n" for n, p in enumerate(points))
    upload = drop(session, 警务室__csv=f"名称,x,y\n{rows}".encode())
    (item,) = upload.items
    asked = question(session, upload, item)
    answer = asked.answers[0]  # the likeliest, as the place beside it says
    assert "EPSG:3857" in answer.text
    assert "Hangzhou" in answer.text or "杭州" in answer.text
    places = data._scene(upload).overlays[0]
    assert any("EPSG:3857" in name for name in places.names)
    answer.do()
    assert item.is_ready
    lon, lat = data.degrees_of(item.found.geometry, item.found.crs)[0][::-1]
    assert (lon, lat) == pytest.approx((120.15, 30.28), abs=1e-4)


def test_dates_are_asked_with_what_they_would_mean(session):
    text = "发生时间,类别,经度,纬度\n" + "03/05/2024 10:00,盗窃,120.1,30.1\n" * 3
    upload = drop(session, 警情__csv=text.encode())
    (item,) = upload.items
    first, second = question(session, upload, item).answers
    assert {first.text, second.text} == {
        "03/05/2024 = 2024年3月5日（3行）", "03/05/2024 = 2024年5月3日（3行）",
    }  # fmt: skip
    chosen = first if "3月5日" in first.text else second
    chosen.do()
    assert item.report.facts["first"] == "2024-03-05T10:00:00"


def test_a_file_that_cannot_be_used_is_refused_by_name_and_the_others_go_on(session):
    upload = drop(session, 网格__geojson=b'{"type": "Nothing"}', 警格__geojson=geojson(squares(2)))
    broken = by_name(upload, "网格")
    assert question(session, upload, broken) is None
    assert "网格.geojson" in broken.error.text()
    assert [item.kind for item in store_ready(session, [by_name(upload, "警格")])] == ["beat"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_flag_of_the_command_line_stands_on_the_page(language):
    """Every sentence that an import may say, with something in each of its places."""
    with using_language(language):
        for key, said in keys().items():
            if key.partition(".")[0] not in AREAS:
                continue
            told = in_page(_filled(said[language]))
            assert not re.search(r"--[a-z]|gridmap import", told), (key, told)


def _filled(text):
    names = [name for _, name, _, _ in string.Formatter().parse(text) if name]
    return re.sub(r"\{[^{}]*\}", "id" if names else "", text)


ROSTER = """姓名,身份证号,手机,经度,纬度
王秀英,11010519491231002X,13800138000,120.001,30.005
李娜,440524188001010014,13900139000,120.002,30.005
"""


@pytest.mark.parametrize("kind", ["incidents", "room", "facility"])
def test_a_table_of_persons_is_refused_whatever_it_is_taken_for(session, kind):
    upload = drop(session, persons__csv=ROSTER.encode())
    item = upload.items[0]
    item.kind = kind
    look(session, item)
    assert (item.error.key, item.is_ready) == ("io.error.person_rows", False)
    assert "姓名, 身份证号, 手机" in item.error.text("zh")
    assert question(session, upload, item) is None
    assert not store_ready(session, upload.items)
    assert not Workspace(session.path).exists


def test_offices_with_telephones_are_no_table_of_persons(session):
    rows = "DISTRICT,PHONE,LATITUDE,LONGITUDE\n1,312-745-4290,30.005,120.001\n"
    upload = drop(session, stations__csv=rows.encode())
    item = upload.items[0]
    for kind, refused in (("room", False), ("facility", False), ("incidents", True)):
        item.kind = kind
        look(session, item)
        assert (item.error is not None and item.error.key == "io.error.person_rows") is refused


def test_a_table_of_persons_without_places_is_refused(session):
    upload = drop(session, hidden__csv=b"a,b,c\n11010519491231002X,1,x\n440524188001010014,2,y\n")
    assert upload.items[0].error.key == "io.error.person_rows"
    assert upload.items[0].error.values["columns"] == "a"
    # What belongs to grids is no list of persons: only the column of telephones is left out.
    codes = "网格编码,所属警格,联系电话\n001,甲,13800138000\n002,乙,13900139000\n"
    assert drop(session, 对照__csv=codes.encode()).items[0].kind == TABLE


def test_columns_left_out_are_named_beside_the_file_and_after_storing(session, monkeypatch):
    rows = "发生时间,类别,报警人手机,经度,纬度\n2024-03-05 10:00,盗窃,13800138000,120.005,30.005\n"
    upload = drop(session, 警情__csv=rows.encode())
    assert question(session, upload, upload.items[0]) is None
    monkeypatch.setattr(data.st, "button", lambda *_, **__: True)
    data._show_store(session, upload)
    told = "含个人信息的列不会读取、不会存储：报警人手机"
    assert session.work["stored"] == f"已导入：警情。 {told}"


def test_places_without_time_and_category_are_asked_about(session):
    upload = drop(session, 点__csv="经度,纬度\n120.005,30.005\n".encode())
    item = upload.items[0]
    asked = question(session, upload, item)
    assert [answer.text for answer in asked.answers] == ["警情", "警务室", "设施"]
    asked.answers[0].do()
    assert question(session, upload, item) is None
    assert len(store_ready(session, upload.items)) == 1


def test_rows_whose_file_is_not_recorded_are_not_ascribed_to_an_added_one(session):
    head = "发生时间,类别,经度,纬度\n2024-03-0"
    first = drop(session, 甲__csv=f"{head}5 10:00,盗窃,120.005,30.005\n".encode())
    store_ready(session, first.items)
    place = Workspace.open(session.path)
    place.put_incidents(place.incidents)  # as the demo city's: no file is recorded
    for day, name in ((6, "乙"), (7, "丙")):
        more = drop(
            session, **{f"{name}__csv": f"{head}{day} 10:00,盗窃,120.005,30.005\n".encode()}
        )
        item = more.items[0]
        item.options = replace(item.options, upon="append")
        look(session, item)
        store_ready(session, [item])
    there = Workspace.open(session.path).config["incidents"]
    assert (there["count"], sources_of(there)) == (3, ["来源未记录", "乙.csv", "丙.csv"])
