"""Every verb: one request gives one answer from Python and the command, and it shows itself."""

import json
import re
from pathlib import Path

import documents
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import shapely
from command_line import run

import gridmap
from gridmap.api.options import Options, option_specs
from gridmap.errors import InputError, OptionError
from gridmap.i18n import using_language

mpl.use("agg")
VERBS = {
    "check": {},
    "repair": {"tolerance_m": 2.0},
    "measure": {"by": "station"},
    "hotspots": {"hours": "8-20", "expect": "residents"},
    "coverage": {"within": "500m", "by": "beat"},
    "site": {"rooms": 2, "within": "500m"},
    "propose": {"beats": 6, "effort": "quick", "seed": 3},
    "compare": {},
    "report": {"period": "2024-03", "date": "2024-04-02"},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = gridmap.Workspace.at(tmp_path_factory.mktemp("verbs") / "city")
    place.put_city(gridmap.make_city(grids=80, incidents=800, seed=2))
    return place


@pytest.fixture(scope="module")
def city(place):
    return place.city()


@pytest.fixture(scope="module")
def results(city):
    with using_language("en"):
        found = {
            name: getattr(gridmap, name)(city, **fields)
            for name, fields in VERBS.items()
            if name != "compare"
        }
        found["compare"] = gridmap.compare(city, after=found["propose"].plans[0])
    return found


def flags(fields):
    for name, value in fields.items():
        yield from (f"--{name.replace('_', '-')}", str(value))


def timeless(answer):
    """Return an answer without what differs from run to run."""
    if isinstance(answer, dict):
        return {k: timeless(v) for k, v in answer.items() if k not in {"seconds", "name"}}
    return [timeless(item) for item in answer] if isinstance(answer, list) else answer


@pytest.mark.slow
@pytest.mark.parametrize("name", ["check", "measure", "hotspots", "coverage", "site", "propose"])
def test_the_command_answers_as_python_does(place, results, name):
    done = run(name, place.path, *flags(VERBS[name]), "--json")
    assert done.returncode == 0, done.stderr
    with using_language("en"):
        mine = json.loads(json.dumps(results[name].to_dict(), allow_nan=False))
    assert timeless(json.loads(done.stdout)) == timeless(mine)


@pytest.mark.slow
@pytest.mark.parametrize("name", VERBS)
def test_a_result_is_frame_json_and_html(results, name):
    result = results[name]
    answer = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert answer["format"] == 1
    assert isinstance(result.to_frame(), pd.DataFrame)
    assert result.to_gdf().crs == result.city.crs
    assert result._repr_html_().startswith("<div>")
    assert name.title() in repr(result)
    axes = result.plot()
    assert len(axes.collections)
    mpl.pyplot.close("all")
    assert "CityMap" in result.explore().get_root().render()


def test_arrays_and_columns_are_taken_where_lists_are(results):
    city = results["check"].city
    kinds = np.array([city.incidents.categories[0]])
    asked = {"by": "beat", "since": "2024-03-01", "until": "2024-03-31"}
    plain = gridmap.hotspots(city, categories=list(kinds), hours=[22, 23])
    for values in (np.array, pd.Series, pd.Index):
        other = gridmap.hotspots(city, categories=values(kinds), hours=values([22, 23]))
        assert other.to_dict() == plain.to_dict()
    assert (
        gridmap.measure(city, **asked).to_dict()
        == gridmap.measure(
            city, **{name: np.array(value)[()] for name, value in asked.items()}
        ).to_dict()
    )
    two = gridmap.HotspotsOptions(categories={"b", "a"}, hours={23, 22})
    assert (two.categories, two.hours) == (("a", "b"), (22, 23))
    assert gridmap.ReportOptions(settings=Path("a") / "b.toml").settings == str(Path("a/b.toml"))
    beats = len(city.beats)
    for targets in (np.ones(beats), pd.Series(1.0, range(beats))):
        assert gridmap.ProposeOptions(beats=beats, targets=targets).targets == (1.0,) * beats


def options_classes():
    return {cls.verb: cls for cls in Options.__subclasses__() if cls.__module__[:7] == "gridmap"}


def test_every_option_explains_itself_in_both_languages(results):
    assert set(options_classes()) >= set(VERBS)
    for name, cls in options_classes().items():
        assert getattr(gridmap, name).__doc__
        for spec in option_specs(cls):
            for language in ("zh", "en"):
                with using_language(language):
                    assert spec.meaning(name).strip()


@pytest.mark.parametrize("name", VERBS)
def test_an_option_of_a_wrong_type_is_refused_by_name(results, name):
    for spec in option_specs(options_classes()[name]):
        with pytest.raises(OptionError) as caught:
            options_classes()[name](**{spec.name: object()})
        assert caught.value.option == spec.name
        assert "object" in str(caught.value)


def test_dir_lists_every_verb():
    assert set(VERBS) <= set(dir(gridmap))
    for name in gridmap.__all__:
        assert getattr(gridmap, name) is not None
    assert all(callable(getattr(gridmap, name)) for name in VERBS)


def test_a_new_room_says_where_it_stands(results):
    site = results["site"].to_frame()
    assert site["lon"].between(-180, 180).all()
    assert site["lat"].between(-90, 90).all()
    assert set(site["beat"]) <= set(results["measure"].city.beats.names)
    points = results["site"].to_gdf().to_crs(4326).geometry
    assert points.x.to_numpy() == pytest.approx(site["lon"].to_numpy(), abs=1e-6)


def test_a_report_gives_its_beats_with_figures_and_ground(results, city):
    shown = results["report"].to_gdf()
    measured = gridmap.measure(city, by="beat", since="2024-03-01", until="2024-03-31").to_frame()
    assert shown["id"].tolist() == measured["id"].tolist()
    assert shown["incidents"].tolist() == measured["incidents"].tolist()
    assert shown.area.sum() == pytest.approx(1e6 * measured["area_km2"].sum(), rel=1e-6)


def test_a_written_report_is_whole(results, tmp_path):
    written = results["report"].write(tmp_path / "out")
    assert {name.rpartition(".")[2] for name in written.files} == {"xlsx", "pdf"}


def test_points_and_grounds_are_brought_into_the_citys_crs(city):
    rooms, stations = city.layer("room").frame.head(2), city.layer("station").frame.head(1)
    pairs = shapely.get_coordinates(rooms.geometry.to_numpy())
    shares = [
        gridmap.coverage(city, places=places).to_frame()["covered_residents_share"][0]
        for places in (pairs, list(rooms.geometry), rooms, rooms.geometry.to_crs(4326))
    ]
    assert shares == pytest.approx([shares[0]] * 4, abs=1e-6)
    assert 0 < shares[0] < gridmap.coverage(city).to_frame()["covered_residents_share"][0]
    held = gridmap.CoverageOptions(places=rooms.to_crs(4326))  # a city says where it is
    assert gridmap.coverage(city, held).options.to_dict()["places"][0] == pytest.approx(pairs[0])
    ask = {"rooms": 1, "within": "500m", "candidates": "area"}
    here, there = (
        gridmap.site(city, area=area, **ask).to_gdf().geometry[0]
        for area in (stations, stations.to_crs(4326))
    )
    assert here.distance(there) < 1.0
    assert stations.geometry.iloc[0].distance(here) < 1e-6
    near = gridmap.around(city, at=rooms.geometry.head(1).to_crs(4326), within="500m")
    assert near.xy == pytest.approx(pairs[0], abs=0.01)


@pytest.mark.parametrize("places", [["a"], [shapely.Point()], [shapely.box(0, 0, 1, 1)]])
def test_places_are_points(city, places):
    with using_language("en"), pytest.raises(OptionError, match="places takes points"):
        gridmap.coverage(city, places=places)


def test_an_empty_layer_is_a_layer_without_features(city):
    """No room: nobody is covered. No beat: everybody lies in none. Neither is unknown."""

    def without(kind):
        return city.with_layer(gridmap.Layer(kind, city.layer(kind).frame.iloc[:0]))

    reach = gridmap.coverage(without(gridmap.Kind.ROOM))
    (told,) = reach.to_dict()["coverage"]
    assert told["rows"][0]["covered_residents_share"] == 0
    assert [hour["rooms"] for hour in told["hours"]] == [0] * 24
    bare = without(gridmap.Kind.BEAT)
    table = gridmap.measure(bare, by="beat")
    everybody = city.grids.counts("residents").sum()
    assert table.to_dict()["rows"] == []
    assert table.to_dict()["unassigned"]["residents"] == pytest.approx(everybody)
    for result in (reach, table, gridmap.norms(bare)):
        assert "<table" in result._repr_html_()
    with pytest.raises(InputError):
        table.plot()


@pytest.mark.slow
def test_mypy_takes_what_a_user_writes(tmp_path, monkeypatch):
    from mypy import api

    root = Path(__file__).parents[1]
    script = tmp_path / "script.py"
    shown = next(b for b in documents.blocks_of("README.md") if b.startswith("import gridmap"))
    text = (root / "tests" / "data" / "user_script.py").read_text(encoding="utf-8")
    script.write_text(text + shown, encoding="utf-8")
    monkeypatch.setenv("MYPYPATH", str(root))
    told, problem, _ = api.run([
        "--strict", "--config-file=", "--ignore-missing-imports", "--follow-imports=silent",
        "--hide-error-context", f"--cache-dir={tmp_path / 'cache'}", str(script),
    ])  # fmt: skip
    assert not problem
    found = {int(line) for line in re.findall(r"script\.py:(\d+): error", told)}
    refused = {at for at, line in enumerate(text.splitlines(), 1) if line.endswith("# refused")}
    assert found == refused, told


DATED = [
    kind
    for kind in (getattr(gridmap, name) for name in gridmap.__all__ if name.endswith("Options"))
    if {"since", "until"} <= {spec.name for spec in option_specs(kind)}
]


@pytest.mark.parametrize("options", DATED)
def test_a_period_may_begin_within_its_last_day_but_not_after_it(options):
    needed = {"beat": "1"} if options.verb == "patrol" else {}
    period = options(since="2024-03-31 12:00", until="2024-03-31", **needed)
    assert (period.since[:10], period.until) == ("2024-03-31", "2024-03-31")
    with pytest.raises(OptionError) as refused:
        options(since="2024-04-01", until="2024-03-31", **needed)
    assert (refused.value.key, refused.value.values["option"]) == ("api.error.period", "until")
