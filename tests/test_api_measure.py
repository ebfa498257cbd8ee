"""The verb measure as Python, the command and scripts use it: one request, one answer."""

import datetime as dt
import inspect
import json
import subprocess
import sys
from dataclasses import FrozenInstanceError

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from command_line import run

import gridmap
from gridmap.api.measure import MeasureOptions, measure
from gridmap.api.options import option_specs
from gridmap.errors import OptionError, in_python
from gridmap.i18n import using_language
from gridmap.measure import changed_hot_spots, count_located, moment, window_dispersion
from gridmap.measure.pieces import present_plan
from gridmap.model import Kind

mpl.use("agg")


@pytest.fixture(scope="module")
def city():
    return gridmap.make_city(grids=60, incidents=500)


def test_fields_and_an_options_object_ask_for_the_same(city):
    one = measure(city, by="station", since="2024-03-01")
    other = measure(city, MeasureOptions(by="station", since=dt.date(2024, 3, 1)))
    assert one.to_dict() == other.to_dict()


def test_python_and_the_command_give_the_same_json(city, tmp_path):
    place = gridmap.Workspace.at(tmp_path / "city")
    place.put_city(city)
    done = run("measure", place.path, "--by", "grid", "--to", "2024-06-30", "--json")
    assert json.loads(done.stdout) == json.loads(
        json.dumps(measure(place.city(), by="grid", until="2024-06-30").to_dict())
    )


@pytest.mark.parametrize(
    ("fields", "option"),
    [
        ({"by": "planet"}, "by"),
        ({"by": 3}, "by"),
        ({"since": "yesterday-ish"}, "since"),
        ({"until": object()}, "until"),
        ({"since": 20240101}, "since"),
        ({"since": "2024-02-01", "until": "2024-01-31"}, "until"),
        ({"plan": 3}, "plan"),
    ],
)
def test_an_invalid_option_is_named(fields, option):
    with pytest.raises(OptionError) as caught:
        MeasureOptions(**fields)
    assert caught.value.option == option
    for language in ("zh", "en"):
        assert option in caught.value.text(language)


def test_the_command_names_the_flag(city, tmp_path):
    gridmap.Workspace.at(tmp_path / "city").put_city(city)
    done = run("measure", tmp_path / "city", "--from", "x")
    assert (done.returncode, done.stderr) == (
        2, "--from: x is not a date. Write it as 2024-03-31.\n",
    )  # fmt: skip


def test_options_do_not_change_and_unknown_ones_are_refused(city):
    options = MeasureOptions()
    with pytest.raises(FrozenInstanceError):
        options.by = "grid"
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        measure(city, of="beat")
    with pytest.raises(TypeError, match="Did you mean 'since'"):
        measure(city, sinc="2024-01-01")
    with pytest.raises(TypeError, match="MeasureOptions or its fields"):
        measure(city, options, by="grid")
    with pytest.raises(OptionError, match="load_plan"):
        measure(city, plan="A")
    with pytest.raises(TypeError, match="takes a City, received str"):
        measure("city")


def test_the_rows_carry_their_ground(city):
    frame = measure(city, by="station").to_gdf()
    assert frame.crs == city.crs
    assert frame.geometry.area.to_numpy() / 1e6 == pytest.approx(frame["area_km2"].to_numpy())


def test_a_plan_is_measured_on_its_own_ground(city):
    labels = np.where(np.arange(len(city.grids)) % 2, "odd", "even")
    plan = gridmap.Plan.from_labels("halves", city.grids.ids, labels)
    result = measure(city, by="beat", plan=plan)
    assert result.to_frame()["id"].tolist() == ["even", "odd"]
    assert result.to_gdf().geometry.area.sum() == pytest.approx(city.grids.area_m2.sum())
    assert result.to_dict()["options"]["plan"] == "halves"


def test_what_nobody_counted_is_null(city):
    grids = city.grids.frame.drop(columns=["residents"])
    bare = gridmap.City("bare", city.crs, {gridmap.Kind.GRID: gridmap.Layer(
        gridmap.Kind.GRID, grids)})  # fmt: skip
    result = measure(bare, by="grid")
    answer = result.to_dict()
    assert {"residents", "incidents"} <= set(answer["missing"])
    assert answer["rows"][0]["residents"] is None
    assert answer["totals"]["incidents"] is None
    assert "residents" not in result.to_frame()


def test_a_result_draws_and_maps_itself(city):
    result = measure(city, by="beat")
    axes = result.plot("residents", title="x")
    assert len(axes.collections) >= 2
    mpl.pyplot.close(axes.figure)
    assert "CityMap" in result.explore().get_root().render()
    html = result._repr_html_()
    assert "data:image/png;base64," in html
    with pytest.raises(OptionError, match=r"residents"):
        result.plot("luck")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["zh", "en"])
def test_help_shows_every_option(language):
    code = (
        "import gridmap, gridmap.i18n\n"
        f"gridmap.i18n.set_language({language!r})\n"
        "print(gridmap.measure.__doc__)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    for spec in option_specs(MeasureOptions):
        assert f"\n{spec.name} : " in told
        with using_language(language):
            assert in_python(spec.meaning("measure")) in told


def test_the_package_measure_is_the_verb_too(city):
    assert gridmap.measure.summarise is gridmap.summarise
    assert list(inspect.signature(gridmap.measure).parameters)[:3] == ["city", "options", "by"]
    assert gridmap.measure(city, by="grid").to_frame().shape[0] == len(city.grids)
    assert "measure" in dir(gridmap)
    assert isinstance(gridmap.measure(city).to_frame(), pd.DataFrame)


def test_hot_spots_are_compared_with_the_period_before(city, tmp_path):
    fields = {"since": "2024-03-01", "until": "2024-03-31", "compare": "previous"}
    found = gridmap.hotspots(city, **fields)
    assert found.before == "2024-02"
    expected = changed_hot_spots(
        *(count_located(city, Kind.GRID, since=since, until=until, by=()).table("polygon")
          for since, until in (("2024-03-01", "2024-04-01"), ("2024-02-01", "2024-03-01"))),
        city.adjacency,
        city.grids.area_m2,
        dispersion=window_dispersion(city, since=moment("2024-03-01"), until=moment("2024-04-01")),
    )  # fmt: skip
    assert found.found.change.tolist() == expected.change.tolist()
    assert set(found.to_frame()["change"]) <= {"emerging", "growing", "lasting", "fading", "none"}
    assert all("change" in row for row in found.to_dict()["rows"])
    plain = gridmap.hotspots(city, since="2024-03-01", until="2024-03-31")
    assert plain.to_dict()["before"] is None
    assert "change" not in plain.to_frame()
    for wrong in ({"compare": "previous"}, {**fields, "method": "gi"}):
        with pytest.raises(OptionError) as caught:
            gridmap.hotspots(city, **wrong)
        assert caught.value.option == "compare"


def is_small(values, limit=5):
    return ((values > 0) & (values < limit)).any()


def test_small_counts_are_hidden_on_every_face_of_measure(city, tmp_path):
    place = gridmap.Workspace.at(tmp_path / "city")
    place.put_city(city)
    fields = {"by": "grid", "since": "2024-03-01", "until": "2024-03-31"}
    whole = measure(city, **fields).to_frame()
    assert is_small(whole["incidents"]), "nothing to hide"
    found = measure(city, suppress_below=5, **fields)
    shown = found.to_frame()
    for name in ("residents", "migrants", "households", "incidents"):
        dark = shown[name].isna()
        assert not is_small(shown[name][~dark])
        assert (shown[name] == whole[name])[~dark].all()
        assert dark.sum() != 1  # one alone is the total less the others
    rate = shown["incidents_per_km2"].isna()
    assert (rate == shown["incidents"].isna()).all()
    outside = shown["residents"] * (1 - shown["covered_residents_share"])
    assert not is_small(outside.dropna().round(6))
    told = found.to_dict()
    dark = [row["id"] for row in told["rows"] if row["incidents"] is None]
    assert dark == [one for one, names in told["hidden"]["rows"].items() if "incidents" in names]
    flags = ("--by", "grid", "--from", "2024-03-01", "--to", "2024-03-31", "--suppress-below", "5")
    printed = run("measure", place.path, *flags, "--csv", tmp_path / "rows.csv")
    assert printed.returncode == 0, printed.stderr
    table = pd.read_csv(tmp_path / "rows.csv", dtype=str, keep_default_na=False)
    assert (table["incidents"] == "*").sum() == len(dark) > 0
    assert "*" in run("measure", place.path, *flags).stdout


@pytest.mark.slow
def test_small_counts_are_hidden_on_every_face_of_coverage(city, tmp_path):
    place = gridmap.Workspace.at(tmp_path / "city")
    place.put_city(city)
    found = gridmap.coverage(city, within="500m", by="grid", suppress_below=20)
    shown = found.to_frame()
    for name in ("residents", "migrants", "incidents"):
        for count in (shown[name], shown[f"covered_{name}"],
                      shown[name] - shown[f"covered_{name}"]):  # fmt: skip
            assert not is_small(count.dropna().round(6), 20)
    assert shown["covered_incidents"].isna().any()
    (record,) = found.to_dict()["coverage"]
    assert record["worst"] == []
    assert "rooms" not in record
    printed = run("coverage", place.path, "--within", "500m", "--by", "grid",
                  "--suppress-below", "20", "--out", tmp_path / "reach.csv")  # fmt: skip
    assert printed.returncode == 0, printed.stderr
    assert "*" in printed.stdout
    with pytest.raises(OptionError) as caught:
        gridmap.coverage(city, within="500m,1km", suppress_below=5)
    assert caught.value.option == "suppress_below"


def test_small_counts_are_hidden_on_every_face_of_compare(city, tmp_path):
    place = gridmap.Workspace.at(tmp_path / "city")
    place.put_city(city)
    flags = ("present", "present", "--chance", "0", "--suppress-below", "40")
    told = json.loads(run("compare", place.path, *flags, "--json").stdout)
    today = present_plan(city)
    found = gridmap.compare(city, before=today, after=today, chance=0, suppress_below=40)
    assert told["hidden"] == found.to_dict()["hidden"]
    shown = [beat["figures_after"]["incidents"] for beat in told["beats"]]
    assert None in shown
    assert not is_small(np.array([one for one in shown if one is not None]), 40)
    printed = run("compare", place.path, *flags).stdout
    assert "stays at *" in printed
    assert "below 40" in printed
