"""What a reader sees of figures, tables and charts: no unit without a number, no empty column."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from gridmap.demo import make_city
from gridmap.io import Workspace
from gridmap.model import City, Kind, Layer
from gridmap.pages import layout
from gridmap.pages.layout import StripFigure, axis_room, local_time, number, show_figures


@pytest.fixture
def drawn(monkeypatch):
    found: list[str] = []
    monkeypatch.setattr(st, "html", found.append)
    return found


def test_a_figure_that_is_not_known_has_no_unit(drawn):
    show_figures([StripFigure("Residents", number(float("nan")), "persons", "in all")])
    assert "persons" not in drawn[0]
    show_figures([StripFigure("Residents", number(3), "persons", "in all")])
    assert "persons" in drawn[1]


def test_no_place_is_kept_for_notes_that_none_has(drawn):
    show_figures([StripFigure("Grids", "3"), StripFigure("Beats", "2")])
    assert "<i>" not in drawn[0]
    show_figures([StripFigure("Grids", "3"), StripFigure("Beats", "2", note="two")])
    assert drawn[1].count("<i>") == 2


def test_the_longest_label_of_a_chart_is_given_room():
    # Eight signs as wide as they are high, at the 12 px of a chart's labels, and a margin.
    assert axis_room(["城东", "城东南第七警务区"]) == 8 * 12 + 24
    assert axis_room([]) > 0


@pytest.mark.parametrize(
    ("zone", "hour"), [("Asia/Shanghai", "20:30"), ("America/Chicago", "06:30")]
)
def test_a_time_is_that_of_the_readers_clock(monkeypatch, zone, hour):
    monkeypatch.setattr(layout.st, "context", SimpleNamespace(timezone=zone))
    at = datetime(2024, 11, 28, 12, 30, tzinfo=UTC)
    assert f"{local_time(at):%H:%M}" == hour


@pytest.mark.parametrize("zone", [None, "", "Nowhere/Nothing"])
def test_a_browser_that_tells_no_clock_sees_the_servers(monkeypatch, zone):
    monkeypatch.setattr(layout.st, "context", SimpleNamespace(timezone=zone))
    at = datetime(2024, 11, 28, 12, 30, tzinfo=UTC)
    assert local_time(at) == at


def without_staff(city: City) -> City:
    rooms = city.rooms
    frame = rooms.frame.drop(columns=["officers", "auxiliaries"])
    return city.with_layer(Layer(Kind.ROOM, frame, rooms.provenance))


@pytest.mark.slow
def test_rooms_whose_staff_nobody_counted_have_no_column_of_it(tmp_path, monkeypatch):
    place = Workspace.at(tmp_path / "city")
    place.put_city(without_staff(make_city(grids=80, incidents=300, seed=2)))
    monkeypatch.setenv("GRIDMAP_WORKSPACE", str(place.path))
    monkeypatch.setenv("GRIDMAP_LANG", "zh")

    def run() -> None:
        from gridmap.pages.coverage import show
        from gridmap.pages.layout import guarded

        guarded(show)()

    page = AppTest.from_function(run, default_timeout=600).run()
    page.button_group[3].set_value("rooms").run()
    assert not page.exception
    table = next(one.value for one in page.get("html") if "gm-scroll" in one.value)
    columns = re.findall(r"data-gm-sort>([^<]*)<", table)
    assert "常住人口" in columns
    assert not {"民警", "辅警", "民警人均服务"} & set(columns)


def open_overview(city: City, path: Path, monkeypatch, beat: str) -> tuple[AppTest, list]:
    """Return Overview with a beat looked at, and the scenes that it drew."""
    place = Workspace.at(path)
    place.put_city(city)
    monkeypatch.setenv("GRIDMAP_WORKSPACE", str(place.path))
    monkeypatch.setenv("GRIDMAP_LANG", "zh")
    scenes: list = []
    monkeypatch.setattr("gridmap.pages.overview.show_map", lambda scene, **_: scenes.append(scene))

    def run(beat: str) -> None:
        from gridmap.pages.overview import show
        from gridmap.pages.session import current_session

        current_session().beat = beat
        show()

    page = AppTest.from_function(run, default_timeout=600, kwargs={"beat": beat}).run()
    assert not page.exception
    return page, scenes


def test_a_beat_that_is_not_there_is_said_and_a_load_tells_what_it_is_of(tmp_path, monkeypatch):
    city = replace(make_city(grids=60, incidents=100, seed=3), incidents=None)
    page, scenes = open_overview(city, tmp_path / "city", monkeypatch, "nosuch")
    assert "nosuch" in page.error[0].value
    assert page.session_state["gridmap"].beat == ""
    load = next(theme for theme in scenes[-1].themes if theme.key == "load")
    assert load.note == "只计人口"
    facts = json.loads(scenes[-1].facts.data)
    assert facts["ids"] == list(map(str, city.grids.ids))


def test_a_tooltip_of_incidents_tells_the_hours_that_are_chosen(tmp_path, monkeypatch):
    city = make_city(grids=60, incidents=900, seed=3)
    place = Workspace.at(tmp_path / "city")
    place.put_city(city)
    monkeypatch.setenv("GRIDMAP_WORKSPACE", str(place.path))
    monkeypatch.setenv("GRIDMAP_LANG", "zh")
    scenes: list = []
    monkeypatch.setattr(
        "gridmap.pages.incidents.show_map", lambda scene, **_: scenes.append(scene)
    )

    def run() -> None:
        from gridmap.pages.incidents import show
        from gridmap.pages.session import choose, current_session

        choose(current_session(), "part", "night")
        show()

    assert not AppTest.from_function(run, default_timeout=600).run().exception
    batch, located = city.incidents.all, city.located.columns([str(Kind.GRID)])
    grid = np.concatenate([part[str(Kind.GRID)] for part in located])
    hour = batch.time.astype("datetime64[h]").astype(int) % 24
    night = grid[((hour >= 22) | (hour < 6)) & (grid >= 0)]
    label = next(one for one in scenes[-1].facts.columns if one.startswith("警情"))
    wanted = np.bincount(night, minlength=len(city.grids))
    assert scenes[-1].facts.columns[label].tolist() == wanted.tolist()


def test_workspaces_are_offered_by_their_cities_names(tmp_path, monkeypatch):
    city = make_city(grids=60, incidents=100)
    for folder, name in (("dc", "东城"), ("xc", "xc"), ("broken", "")):
        Workspace.at(tmp_path / folder).put_city(replace(city, name=name or folder))
    (tmp_path / "broken" / "gridmap.toml").write_text("name = [", encoding="utf-8")
    monkeypatch.setenv("GRIDMAP_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("GRIDMAP_LANG", "zh")

    def run() -> None:
        from gridmap.pages.layout import put_header
        from gridmap.pages.session import current_session

        put_header(current_session(), None)

    page = AppTest.from_function(run).run()
    assert not page.exception
    shown = page.selectbox[0]
    assert {"东城（dc）", "xc", "broken"} < set(shown.options)
    shown.set_value("dc").run()
    assert page.session_state["gridmap"].workspace == "dc"
    # A name that is changed in the file is seen at the next look.
    config = tmp_path / "dc" / "gridmap.toml"
    config.write_text(config.read_text("utf-8").replace("东城", "新城"), encoding="utf-8")
    assert "新城（dc）" in AppTest.from_function(run).run().selectbox[0].options


def test_a_value_is_sent_again_until_a_browser_must_have_it():
    """What a run sends may be lost; a widget without its value would stand at its least."""

    def run() -> None:
        import streamlit as st

        from gridmap.pages.session import Session, choice_key

        session = Session.__new__(Session)
        session.workspace = "city"
        st.slider("weight", 0, 100, key=choice_key(session, "w-residents", 50))

    page = AppTest.from_function(run).run()
    for _ in range(2):
        slider = page.slider[0]
        assert slider.value == 50
        assert slider.proto.set_value
        page.run()
    page.slider[0].set_value(70).run()
    assert page.slider[0].value == 70
    assert page.slider[0].proto.value == [70.0]
