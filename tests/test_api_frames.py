"""Cities of GeoDataFrames: what a newcomer in a notebook does first, and what goes wrong."""

import subprocess
import sys
import warnings
from dataclasses import replace
from functools import partial

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import box

import gridmap
from gridmap.errors import GridmapError
from gridmap.i18n import using_language
from gridmap.io.frames import ImportNote

mpl.use("agg")
UTM = 32651


def squares(columns=8, rows=6, side=200.0, **more):
    """Return a grid of squares, by rows from the south-west."""
    shapes = [
        box(500_000 + side * x, 3_000_000 + side * y,
            500_000 + side * (x + 1), 3_000_000 + side * (y + 1))
        for y in range(rows)
        for x in range(columns)
    ]  # fmt: skip
    return gpd.GeoDataFrame(more, geometry=shapes, crs=UTM)


@pytest.fixture
def blocks():
    return squares(GEOID=[f"B{i:03}" for i in range(48)], pop=np.arange(48) + 50)


@pytest.fixture
def beats():
    return squares(2, 2, 800.0, beat_id=["1", "2", "3", "4"]).head(4)


def quiet(**frames):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportNote)
        return gridmap.City.from_frames(**frames)


@pytest.mark.slow
def test_the_five_lines(blocks, beats):
    city = gridmap.City.from_frames(grids=blocks, beats=beats, columns={"residents": "pop"})
    table = gridmap.measure(city, by="beat").to_frame()
    assert table["residents"].sum() <= blocks["pop"].sum()
    proposal = gridmap.propose(city, beats=10, balance={"residents": 1}, effort="quick")
    axes = proposal.plot()
    mpl.pyplot.close(axes.figure)
    frame = proposal.to_gdf()
    assert len(frame) == 10
    assert frame["residents"].sum() == blocks["pop"].sum()
    assert isinstance(proposal.plans[0], gridmap.Plan)


def test_grids_that_a_border_cuts_are_named(blocks):
    """Beats of 700 m cut the fourth column and the fourth row, but not what lies in no beat."""
    city = quiet(grids=blocks, beats=squares(2, 2, 700.0))
    cut = [f"B{8 * y + x:03}" for y in range(6) for x in range(8) if x == 3 or (y == 3 and x < 7)]
    measured = gridmap.measure(city, by="beat")
    assert measured.cut_grids() == cut
    assert measured.to_dict()["split_grids"] == len(cut)
    in_beats = {
        f"B{8 * y + x:03}": n
        for (y, x), n in zip(
            [(y, x) for y in range(6) for x in range(8)], blocks["pop"], strict=True
        )
        if x < 7
    }
    whole = sum(n for one, n in in_beats.items() if one not in cut)
    share = measured.to_dict()["whole_share"]
    assert share == pytest.approx(whole / sum(in_beats.values()))
    assert gridmap.measure(city, by="beat", suppress_below=5).to_dict()["whole_share"] is None
    assert gridmap.measure(city, by="grid").cut_grids() == []


@pytest.mark.slow
def test_moves_are_suggested_and_made(blocks):
    """The south-west has 100 of 120 people in four blocks: one that it gives makes it even."""
    people = blocks.assign(pop=0).head(16)
    people.loc[[0, 1, 8, 9], "pop"] = 25
    people.loc[15, "pop"] = 20
    city = quiet(grids=people, columns={"residents": "pop"})
    proposal = gridmap.propose(
        city, beats=2, balance={"residents": 1}, tolerance=1.0, effort="quick"
    )
    start = gridmap.Plan.from_labels("s", city.grids.ids, ["A", "A", *"BBBBBB"] * 2)
    best, *_ = replace(proposal, plans=(start,)).suggest(beat="A")
    assert best.max_deviation_after < best.max_deviation_before == pytest.approx(2 / 3)
    moved = start.move(best.grids, to=best.command.to)
    assert set(best.grids) <= {"B001", "B009"}
    assert gridmap.compare(city, before=start, after=moved).to_dict()["residents_moved"] in {
        25,
        50,
    }


def test_frames_are_left_as_they_were(blocks, beats):
    before = blocks.copy(deep=True)
    quiet(grids=blocks, beats=beats, columns={"residents": "pop"})
    pd.testing.assert_frame_equal(pd.DataFrame(blocks), pd.DataFrame(before))


def test_a_frame_from_a_file_and_by_import_are_one_city(blocks, tmp_path):
    blocks.to_file(tmp_path / "blocks.gpkg")
    gridmap.import_files(
        tmp_path / "city", [tmp_path / "blocks.gpkg"], kind="grid",
        options=gridmap.io.ImportOptions(columns={"residents": "pop"}),
    )  # fmt: skip
    by_import = gridmap.open(tmp_path / "city")
    city = quiet(grids=blocks, columns={"residents": "pop"})
    assert city.grids.digest == by_import.grids.digest
    assert city.crs == by_import.crs


def test_degrees_become_metres_and_feet_too(blocks):
    for crs in (4326, 3857):
        city = quiet(grids=blocks.to_crs(crs), columns={"residents": "pop"})
        assert city.crs.axis_info[0].unit_name == "metre"
        assert city.grids.area_m2.sum() == pytest.approx(48 * 200.0**2, rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"grids": "blocks.shp"}, "grids takes a GeoDataFrame"),
        ({"grids": lambda b: b.set_crs(None, allow_override=True)}, "crs"),
        ({"columns": {"residents": "people"}}, "residents -> people"),
        ({"columns": {"people": "pop"}}, "people -> pop"),
        ({"columns": {"rooms": {"id": "x"}}}, "columns names rooms"),
        ({"columns": {"grids": {"luck": "pop"}}}, "luck"),
        ({"grids": lambda b: pd.DataFrame(b.drop(columns="geometry"))}, "no geometry"),
        ({"grids": lambda b: b.set_geometry(b.centroid)}, "grid"),
        ({"grids": lambda b: b.assign(pop="many")}, "pop"),
        ({"grids": lambda b: b.head(0)}, "grids"),
        ({"crs": "EPSG:99"}, "EPSG:99"),
        ({"working_crs": "EPSG:4326"}, "4326"),
        ({"datum": "mars"}, "mars"),
        ({"datum": None}, "datum takes text"),
        ({"columns": ["pop"]}, "columns takes a dict"),
        ({"columns": "pop"}, "columns takes a dict"),
        ({"columns": {"residents": 5}}, "residents -> 5"),
        ({"crs": 99999999}, "crs takes a CRS"),
        ({"crs": [1]}, "crs takes a CRS"),
        ({"working_crs": object()}, "working_crs takes a CRS"),
        # The squares lie at 123 E, 27 N, in UTM zone 51.
        ({"working_crs": 4326}, "EPSG:4326 is not. EPSG:32651 suits"),
        ({"grids": lambda b: pd.concat([b, b[["pop"]]], axis=1)}, "grids has several"),
        ({"grids": lambda b: b.assign(x=1).rename(columns={"GEOID": "1", "x": 1})}, "named 1."),
        ({"grids": lambda b: pd.DataFrame(b.assign(c=b.centroid))}, "no active geometry"),
        ({"grids": lambda b: b.set_geometry(b.centroid)}, "grids: The grid layer has the wrong"),
        ({"name": 5}, "name takes text"),
        ({"date_formats": 5}, "date_formats takes text"),
    ],
)
def test_what_cannot_be_used_is_told_by_argument(blocks, change, said):
    given = {"grids": blocks, "columns": {"residents": "pop"}, **change}
    if callable(given["grids"]):
        given["grids"] = given["grids"](blocks)
    for language in ("zh", "en"):
        with using_language(language), pytest.raises(GridmapError) as caught:
            quiet(**given)
        with using_language(language):
            text = str(caught.value)
        assert "--" not in text, text
        assert len(text.splitlines()) == 1
        if language == "en":
            assert said in text


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda c, _: gridmap.plan_frame(c, "o"), "plan takes a Plan, received str"),
        (lambda c, _: gridmap.plan_frame(c, None), "plan takes a Plan, received NoneType"),
        (lambda c, p: gridmap.plan_frame(p, c), "city takes a City, received Plan"),
        (lambda *_: gridmap.open(None), "folder takes the path"),
        (lambda *_: gridmap.load_plan(None, "o"), "folder takes the path"),
        (lambda c, _: c.save(None), "folder takes the path"),
        (lambda c, _: c.save("\0"), "folder takes the path"),
        (lambda *_: gridmap.Plan.from_labels("p", ["a"], [1], beats=["1"]), "beats takes a dict"),
        (lambda *_: gridmap.Plan.from_labels(None, ["a"], ["1"]), "name takes text"),
        (lambda *_: gridmap.Plan.from_labels("p", None, ["1"]), "grid_ids takes"),
        (lambda *_: gridmap.Plan.from_labels("p", ["a"], "1"), "labels takes"),
        (lambda *_: gridmap.Plan.from_labels("p", ["a"], None), "labels takes"),
        (lambda *_: gridmap.Plan.from_labels("p", ["a", "b", "a"], "112"), "labels takes"),
        (lambda *_: gridmap.Plan.from_labels("p", ["a", "b", "a"], [1, 1, 2]), "repeat a."),
        (lambda *_: gridmap.Plan.from_labels("p", ["a"], {"z": 1}), "these grids: z"),
        (lambda c, _: c.beats, '"Unnamed city" has no beat layer yet. Import one with City.from'),
        (lambda c, _: c.has(["grid"]), "kind takes one of"),
        (lambda c, _: c.has("grids"), "kind takes one of"),
        (lambda c, _: c.layer("grids"), "kind takes one of: grid, beat, station"),
        (lambda c, _: c.layer(None), "kind takes one of"),
        (lambda _, p: p.move([99], to=1), "these grids: 99"),
        (lambda _, p: p.move(["B000"], to=7), "no beat 7"),
    ],
)
def test_wrong_arguments_are_one_line(blocks, call, said):
    city = quiet(grids=blocks, name=None)
    plan = gridmap.Plan.from_labels("p", city.grids.ids, [1] * 48)
    with using_language("en"), pytest.raises(GridmapError) as caught:
        call(city, plan)
    with using_language("en"):
        text = str(caught.value)
    assert said in text
    assert len(text.splitlines()) == 1


def test_labels_are_numbers_gaps_or_a_mapping():
    made = partial(gridmap.Plan.from_labels, "p")
    ids = [11, 12, 13, 14]
    for labels in ([10, 2, None, 2], pd.Series([10, 2, np.nan, 2]), ["10", "2", pd.NA, "2"],
                   {11: 10, "12": 2, 14: 2.0}):  # fmt: skip
        plan = made(ids, labels)
        assert plan.labels.tolist() == ["10", "2", "", "2"]
        assert plan.beat_ids.tolist() == ["2", "10"]  # by number, not by letter
    assert plan.grid_ids.tolist() == ["11", "12", "13", "14"]


def test_ids_are_numbers_where_frames_have_numbers(blocks):
    numbered = blocks.assign(GEOID=range(48))
    city = quiet(grids=numbered, columns={"id": "GEOID", "residents": "pop"})
    plan = gridmap.Plan.from_labels("p", numbered["GEOID"], [1] * 24 + [2] * 24)
    moved = plan.move([0, np.int64(1)], to=2)
    assert moved.labels.tolist()[:3] == ["2", "2", "1"]
    assert plan.move([0], to="").labels[0] == ""
    options = gridmap.ProposeOptions(beats=2, together=[[1, 2], ["3", 4]])
    assert options.together == (("1", "2"), ("3", "4"))
    near = [gridmap.around(city, grid=grid, within="300m") for grid in (9, "9")]
    assert near[0].to_dict() == near[1].to_dict()
    weights = gridmap.ProposeOptions(balance=pd.Series({"residents": 2, "area_km2": 1})).balance
    assert weights == {"residents": 2.0, "area_km2": 1.0}


def test_frames_as_geopandas_leaves_them(blocks):
    plain = quiet(grids=blocks, columns={"id": "GEOID", "residents": "pop"})
    by_index = blocks.set_index(["GEOID", "pop"])
    numbered = blocks.rename(columns={"pop": 5})
    for frame, pop in (
        (by_index, "pop"),
        (blocks.dissolve(["GEOID", "pop"]), "pop"),
        (blocks.set_index("pop", drop=False), "pop"),
        (numbered, 5),
        (blocks.rename(columns={"geometry": "shape"}), "pop"),
        (pd.DataFrame(blocks), "pop"),
    ):
        city = quiet(grids=frame, columns={"id": "GEOID", "residents": pop})
        assert city.grids.ids.tolist() == plain.grids.ids.tolist()
        assert city.grids.counts("residents").tolist() == plain.grids.counts("residents").tolist()
        assert city.crs == plain.crs


def test_an_unnamed_city_reads_well(blocks):
    for name in ("", None, " "):
        city = quiet(grids=blocks, name=name)
        with using_language("en"):
            assert "<b>Unnamed city</b>" in city._repr_html_()
        with using_language("zh"):
            assert "<b>本辖区</b>" in city._repr_html_()
    with using_language("en"):
        assert "Unnamed city: grids, beats" in repr(gridmap.report(city))


def test_one_format_of_dates_is_no_row_of_letters(blocks):
    table = pd.DataFrame({"lon": 123.001, "lat": 27.12, "time": ["03/04/2024", "05/06/2024"]})
    for formats in ("%d/%m/%Y", ["%d/%m/%Y"]):
        city = quiet(grids=blocks, incidents=table, date_formats=formats)
        assert [f"{day:%m-%d}" for day in city.incidents.period] == ["04-03", "06-05"]


def test_nothing_at_all_is_refused():
    with pytest.raises(GridmapError, match="grids, beats"), using_language("en"):
        gridmap.City.from_frames()
    with pytest.raises(TypeError):
        gridmap.City.from_frames(squares())


def test_a_crs_is_said_for_frames_without_one(blocks):
    bare = blocks.set_crs(None, allow_override=True)
    assert quiet(grids=bare, crs=f"EPSG:{UTM}").crs.to_epsg() == UTM
    assert quiet(grids=bare, crs=UTM).crs.to_epsg() == UTM


def test_repeated_and_missing_ids_are_repaired_with_a_word(blocks):
    blocks = blocks.drop(columns="GEOID")
    blocks["id"] = ["x"] * 2 + [None] + [f"y{i}" for i in range(45)]
    with pytest.warns(ImportNote):
        city = gridmap.City.from_frames(grids=blocks)
    assert city.grids.ids[:3].tolist() == ["x-1", "x-2", "row-3"]
    assert len(set(city.grids.ids)) == 48


def test_frames_without_any_id_are_numbered():
    bare = gpd.GeoDataFrame(geometry=[shapely.box(x, 0, x + 9, 9) for x in (0, 9)], crs=32651)
    with using_language("en"), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        city = gridmap.City.from_frames(grids=bare)
    assert "made from row numbers. Name one with columns=" in str(told[0].message)
    assert city.grids.ids.tolist() == ["1", "2"]


def test_records_of_persons_stay_out(blocks):
    blocks["身份证号"] = [f"33010619{i:02}0101{i:03}X" for i in range(48)]
    with pytest.warns(ImportNote, match="身份证号"):
        city = gridmap.City.from_frames(grids=blocks)
    assert "身份证号" not in city.grids.frame
    with pytest.raises(GridmapError):
        quiet(grids=blocks, columns={"name": "身份证号"})


def test_incidents_are_a_table_or_points(blocks):
    degrees = gpd.GeoSeries([shapely.Point(500_100, 3_000_100)] * 3, crs=UTM).to_crs(4326)
    table = pd.DataFrame({
        "lon": degrees.x, "lat": degrees.y, "type": ["a", "b", "a"],
        "time": pd.to_datetime(["2024-03-01 10:00", "2024-03-02 11:00", "2024-04-01 12:00"]),
    })  # fmt: skip
    one = quiet(grids=blocks, incidents=table)
    points = gpd.GeoDataFrame(table[["type", "time"]], geometry=degrees)
    other = quiet(grids=blocks, incidents=points)
    for city in (one, other):
        assert len(city.incidents) == 3
        assert city.incidents.categories == ("a", "b")
        rows = gridmap.measure(city, by="grid", since="2024-03-01", until="2024-03-31")
        assert rows.to_frame()["incidents"].tolist()[:2] == [2.0, 0.0]


def test_a_city_is_saved_and_opened(blocks, beats, tmp_path):
    city = quiet(grids=blocks, beats=beats, columns={"residents": "pop"}, name="测试")
    city.save(tmp_path / "city")
    again = gridmap.open(tmp_path / "city")
    assert (again.digest, again.name) == (city.digest, "测试")
    with pytest.raises(GridmapError, match="replace=True"):
        city.save(tmp_path / "city")
    city.save(tmp_path / "city", replace=True)
    with pytest.raises(GridmapError):
        gridmap.open(tmp_path / "nowhere")


def test_a_notebook_shows_city_and_plan(blocks):
    city = quiet(grids=blocks, columns={"residents": "pop"}, name="<b>")
    assert repr(city) == "<City '<b>': 48 grid; no incidents>"
    assert f"{blocks['pop'].sum():,}" in city._repr_html_()
    assert "&lt;b&gt;" in city._repr_html_()
    plan = gridmap.Plan.from_labels("半", city.grids.ids, ["A", "B"] * 24)
    assert "24" in plan._repr_html_()


def test_a_plan_goes_to_frames_and_to_gerrychain(blocks):
    city = quiet(grids=blocks, columns={"residents": "pop"})
    labels = np.where(np.arange(48) < 24, "south", "north")
    plan = gridmap.Plan.from_labels("halves", city.grids.ids, labels)
    frame = gridmap.plan_frame(city, plan)
    assert frame["beat"].tolist() == labels.tolist()
    assert frame["residents"].tolist() == blocks["pop"].tolist()
    assert frame.crs == city.crs
    gerrychain = pytest.importorskip("gerrychain", reason="pip install gerrychain")
    partition = gridmap.to_gerrychain(city, plan)
    assert partition["population"] == {"south": blocks["pop"][:24].sum(),
                                       "north": blocks["pop"][24:].sum()}  # fmt: skip
    # Two halves of three rows each meet along eight squares.
    assert len(partition["cut_edges"]) == 8
    # Half of eight by three squares of 200 m has 22 sides outside, of which 8 are shared.
    updaters = {name: getattr(gerrychain.updaters, name) for name in (
        "boundary_nodes", "cut_edges", "cut_edges_by_part", "exterior_boundaries",
        "interior_boundaries", "perimeter",
    )}  # fmt: skip
    measured = gerrychain.Partition(partition.graph, "beat", updaters)
    assert measured["perimeter"] == pytest.approx({"south": 4400.0, "north": 4400.0})
    # It is a chain's start as it stands: recombination keeps both halves about even.
    chain = gerrychain.MarkovChain(
        partial(
            gerrychain.proposals.recom, pop_col="residents", epsilon=0.2,
            pop_target=blocks["pop"].sum() / 2,
        ),
        [gerrychain.constraints.contiguous],
        gerrychain.accept.always_accept,
        partition,
        5,
    )  # fmt: skip
    half = blocks["pop"].sum() / 2
    for state in list(chain)[1:]:
        assert sum(state["population"].values()) == blocks["pop"].sum()
        assert all(abs(people / half - 1) <= 0.2 for people in state["population"].values())
    with pytest.raises(GridmapError):
        gridmap.to_gerrychain(city, plan.move([city.grids.ids[0]], to=""))


def test_saved_plans_are_loaded_by_name(blocks, tmp_path):
    from gridmap.api.open import open_store
    from gridmap.plans import LOCAL

    city = quiet(grids=blocks)
    city.save(tmp_path / "city")
    plan = gridmap.Plan.from_labels("甲", city.grids.ids, ["A", "B"] * 24)
    with open_store(tmp_path / "city") as store:
        store.save(plan, author=LOCAL, grids=city.grids)
    assert gridmap.load_plan(tmp_path / "city", "甲").labels.tolist() == plan.labels.tolist()
    with pytest.raises(GridmapError):
        gridmap.load_plan(tmp_path / "city", "乙")


def test_importing_gridmap_is_light():
    code = "import sys, gridmap; print(sorted(set(sys.modules) & {'pandas', 'numpy', 'fiona'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
