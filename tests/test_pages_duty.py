"""The page Duty as Streamlit runs it: its figures are those of the verbs."""

from pathlib import Path

import numpy as np
import pymupdf
import pytest
from streamlit.testing.v1 import AppTest

import gridmap
from gridmap.demo import make_city
from gridmap.i18n import tr
from gridmap.io import Workspace
from gridmap.model import City, Kind


@pytest.fixture(scope="module")
def city() -> City:
    return make_city(grids=60, incidents=6000)


@pytest.fixture
def page(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    place = Workspace.at(tmp_path / "city")
    place.put_city(city)
    monkeypatch.setenv("GRIDMAP_WORKSPACE", str(place.path))
    monkeypatch.setenv("GRIDMAP_LANG", "zh")

    def run() -> None:
        from gridmap.pages.duty import show
        from gridmap.pages.layout import guarded
        from gridmap.pages.session import current_session
        from gridmap.plans import LOCAL

        current_session().actor = LOCAL
        guarded(show)()

    return AppTest.from_function(run, default_timeout=600).run()


def look_at(page: AppTest, view: str) -> None:
    page.button_group[0].set_value(view).run()
    assert not page.exception


def text_of(page: AppTest) -> str:
    kinds = ("html", "markdown", "caption", "error", "radio", "success")
    return " ".join(str(getattr(item, "value", item)) for kind in kinds for item in page.get(kind))


def sheet_text(data: bytes) -> str:
    return "".join(sheet.get_text() for sheet in pymupdf.open(stream=data))


@pytest.mark.slow
def test_shifts_are_those_of_the_verb(page: AppTest, city: City) -> None:
    assert not page.exception
    plain = gridmap.shifts(city).to_dict()
    for key in ("demand_h", "uncovered_today_h", "uncovered_h", "bound"):
        known = plain[key]  # not every station has a room that says its hours
        assert f"<b>{'–' if known is None else f'{known:,.0f}'}</b>" in text_of(page)
    page.number_input[0].set_value(30).run()
    assert not page.exception
    more = gridmap.shifts(city, officers=30).to_dict()
    assert f"<b>{more['uncovered_h']:,.0f}</b>" in text_of(page)


def test_a_wrong_norm_is_said_where_it_is(page: AppTest, tmp_path: Path) -> None:
    (tmp_path / "city" / "norms.toml").write_text("[shifts]\nnight = 3\n", encoding="utf-8")
    page.run()
    assert not page.exception
    assert "norms.toml" in text_of(page)
    assert "night" in text_of(page)


@pytest.mark.slow
def test_patrol_shows_the_routes_of_a_station_then_of_a_beat(page: AppTest, city: City) -> None:
    look_at(page, "patrol")
    assert not page.error
    station = str(city.layer(Kind.STATION).ids[0])
    plain = gridmap.patrol(city, station=station).to_dict()
    assert f"<b>{plain['expected']:,.2f}</b>" in text_of(page)
    assert text_of(page).count("<tr><td") == len(plain["routes"][0]["stops"])
    before = text_of(page)
    other = tr("duty.page.other_routes", language="zh")
    next(button for button in page.button if button.label == other).click().run()
    assert not page.exception
    assert before != text_of(page)
    page.button_group[1].set_value("beat").run()
    assert not page.exception
    assert not page.error


@pytest.mark.slow
def test_watch_says_what_the_verb_finds(page: AppTest, city: City) -> None:
    look_at(page, "watch")
    result = gridmap.watch(city)
    said = result.sentences() or [result.quiet()]
    shown = text_of(page) + " ".join(option for radio in page.radio for option in radio.options)
    for sentence in said:
        assert sentence in shown


@pytest.mark.slow
def test_around_takes_a_grid_by_its_name_or_a_point(page: AppTest, city: City) -> None:
    look_at(page, "around")
    name, grid = str(city.grids.names[5]), str(city.grids.ids[5])
    page.text_input[0].set_value(name).run()
    assert not page.exception
    result = gridmap.around(city, grid=grid)
    residents = f"<b>{result.rings[0]['residents']:,.0f}</b>"
    assert residents in text_of(page)
    page.text_input[0].set_value(f"{result.lonlat[0]:.6f}，{result.lonlat[1]:.6f}").run()
    assert residents in text_of(page)
    page.text_input[0].set_value("nowhere").run()
    assert not page.exception
    assert "nowhere" in text_of(page)


def test_sheets_hold_the_figures(city: City) -> None:
    result = gridmap.shifts(city, by="city", officers=9)
    text = sheet_text(result.sheet())
    assert f"{result.to_dict()['demand_h']:,.0f}" in text
    posts = [int(row["posts"]) for row in result.to_dict()["roster"]]
    assert sum(posts) == 9
    near = gridmap.around(city, grid=str(city.grids.ids[5]), within="300m,800m")
    text = sheet_text(near.sheet())
    for ring in near.rings:
        assert f"{ring['residents']:,.0f}" in text
    assert near.rooms[0]["name"] in text
    quiet = gridmap.watch(city, recurrence=3650)
    said = quiet.sentences() or [quiet.quiet()]
    assert "".join(said[0].split())[:12] in "".join(sheet_text(quiet.sheet()).split())


def test_a_chart_of_duty_draws_what_is_known() -> None:
    from gridmap.report.duty import DutyChart, roster_days

    flat = np.full(168, 2.0)
    with_today = DutyChart(flat, flat, flat + 1).draw(400.0).to_string()
    without = DutyChart(flat, None, flat + 1).draw(400.0).to_string()
    assert with_today.count("<polyline") == 2
    assert without.count("<polyline") == 1
    assert roster_days(3, 5) == "周四至周一"
    assert roster_days(3, 6) == "除周三外每日"
    assert roster_days(3, 1) == "周四"


@pytest.mark.slow
def test_a_report_has_a_section_of_duty_where_it_is_asked_for(city: City) -> None:
    from gridmap.report.sections import build_sections

    built = gridmap.report(city, duty=True, period="2024-06", compare="none").report
    (section,) = build_sections(built, ["duty"])
    said = " ".join(str(getattr(block, "text", "")) for block in section.blocks)
    june = gridmap.shifts(city, since="2024-06-01", until="2024-06-30").to_dict()
    assert f"{june['demand_h']:,.0f}" in said
    assert gridmap.norms(city).sentence() in said
    assert build_sections(gridmap.report(city, compare="none").report, ["duty"]) == ()
    hidden = gridmap.report(city, duty=True, compare="none", suppress_below=5).report
    assert build_sections(hidden, ["duty"]) == ()
