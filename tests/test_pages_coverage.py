"""The coverage page as Streamlit runs it: its figures are those of the core."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from gridmap.demo import make_city
from gridmap.i18n import tr
from gridmap.io import Workspace, read_city
from gridmap.measure import Within, coverage_table, measure_coverage
from gridmap.model import City, Kind, Layer
from gridmap.siting import SiteRequest, propose_sites


@pytest.fixture(scope="module")
def city() -> City:
    return make_city(grids=120, incidents=800)


@pytest.fixture
def page(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    return open_page(city, tmp_path / "city", monkeypatch)


def open_page(city: City, path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    place = Workspace.at(path)
    place.put_city(city)
    monkeypatch.setenv("GRIDMAP_WORKSPACE", str(place.path))
    monkeypatch.setenv("GRIDMAP_LANG", "zh")

    def run() -> None:
        from gridmap.pages.coverage import show
        from gridmap.pages.layout import guarded
        from gridmap.pages.session import current_session
        from gridmap.plans import LOCAL

        current_session().actor = LOCAL
        guarded(show)()

    return AppTest.from_function(run, default_timeout=600).run()


def text_of(page: AppTest) -> str:
    kinds = ("html", "markdown", "caption", "error")
    return " ".join(str(getattr(item, "value", item)) for kind in kinds for item in page.get(kind))


def figure(value: float) -> str:
    return f"<b>{value:,.1f}</b>"


@pytest.mark.slow
def test_figures_are_those_of_the_core(page: AppTest, city: City) -> None:
    assert not page.exception
    row = coverage_table(city, measure_coverage(city, Within(1000.0, "m"))).iloc[0]
    assert figure(100 * row["covered_residents_share"]) in text_of(page)
    page.button_group[1].set_value("walk").run()
    assert not page.exception
    found = measure_coverage(city, Within(1000.0, "m"), mode="walk")
    row = coverage_table(city, found).iloc[0]
    assert figure(100 * row["covered_residents_share"]) in text_of(page)


def test_a_limit_that_means_nothing_leaves_the_page(page: AppTest) -> None:
    page.text_input[0].set_value("soon").run()
    assert not page.exception
    assert "soon" in text_of(page)
    assert figure(100.0) not in text_of(page)


def test_where_nobody_counted_residents_the_map_shows_ground(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = []
    monkeypatch.setattr("gridmap.pages.coverage.show_map", lambda scene, **_: scenes.append(scene))
    grids = city.grids
    bare = Layer(Kind.GRID, grids.frame[["id", "name", "geometry"]], grids.provenance)
    layers = {Kind.GRID: bare, Kind.ROOM: city.rooms}
    page = open_page(replace(city, layers=layers, incidents=None), tmp_path / "bare", monkeypatch)
    assert not page.exception
    assert [theme.name for theme in scenes[-1].themes] == [
        tr("coverage.page.ground", language="zh")
    ]
    assert not [label for label in scenes[-1].facts.columns if "人口" in label]


@pytest.mark.slow
def test_each_view_draws(page: AppTest) -> None:
    for view in ("rooms", "hours", "areas", "networks", "site"):
        page.button_group[3].set_value(view).run()
        assert not page.exception, view
        assert not page.error, view


@pytest.mark.slow
def test_new_rooms_tell_before_and_after(page: AppTest, city: City) -> None:
    page.button_group[3].set_value("site").run()
    page.number_input[0].set_value(2).run()
    assert not page.exception
    request = SiteRequest(Within(1000.0, "m"), rooms=2, mode="straight", seconds=20.0)
    proposal = propose_sites(city, request)
    before, after = (100 * state["covered_share"] for state in (proposal.before, proposal.after))
    assert f"{before:,.1f} → {after:,.1f} %" in text_of(page)


@pytest.mark.slow
@pytest.mark.parametrize("kept", [(), (Kind.FACILITY, Kind.ROAD)], ids=["grids", "facilities"])
def test_a_city_without_rooms_is_given_its_first(
    kept: tuple[Kind, ...], city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = {kind: city.layers[kind] for kind in (Kind.GRID, *kept)}
    bare = replace(city, layers=layers)
    page = open_page(bare, tmp_path / "bare", monkeypatch)
    assert not page.exception
    if kept:  # facilities are looked at first; the rooms stand beside them
        page.button_group[0].set_value("").run()
    assert tr("page.empty.no_rooms", language="zh") in [item.value for item in page.info]
    assert figure(0.0) in text_of(page)
    page.number_input[0].set_value(2).run()
    assert not page.exception
    assert not page.error
    request = SiteRequest(Within(1000.0, "m"), rooms=2, mode="straight", seconds=20.0)
    proposal = propose_sites(bare, request)
    assert f"0.0 → {100 * proposal.after['covered_share']:,.1f} %" in text_of(page)
    weight = tr("coverage.page.weight", language="zh")
    picked = next(box for box in page.selectbox if box.label == weight)
    picked.set_value("incidents").run()  # what is then told is of incidents
    assert tr("coverage.page.backup_incidents", language="zh") in text_of(page)
    take = tr("coverage.page.take", language="zh", count=2)
    next(button for button in page.button if button.label == take).click().run()
    assert not page.exception
    assert len(read_city(tmp_path / "bare").rooms) == 2
    assert not page.info
