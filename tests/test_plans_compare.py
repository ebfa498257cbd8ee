"""Two plans side by side, and plans as tables and layers, by hand-derived numbers."""

from io import StringIO
from itertools import permutations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from documents import in_language
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from gridmap.errors import InputError
from gridmap.i18n import using_language
from gridmap.model import BeatInfo, City, Kind, Layer, Plan
from gridmap.plans import (
    Ground,
    assignment_table,
    compare_plans,
    plan_difference,
    plan_from_layer,
    plan_from_table,
    plan_layer,
    read_plan,
)

METRES = CRS.from_epsg(4547)


def grids(count=6, **columns):
    shapes = [shapely.box(n * 100.0, 0, n * 100.0 + 100, 100) for n in range(count)]
    fields = {"residents": 100.0, "incidents": 10.0, **columns}
    frame = gpd.GeoDataFrame(
        {"id": [f"00{n}" for n in range(count)], **fields}, geometry=shapes, crs=METRES
    )
    return Layer(Kind.GRID, frame)


def ground(**columns):
    layer = grids(**columns)
    return Ground.from_city(City("row", METRES, {Kind.GRID: layer}))


GROUND = ground()


def plan(labels, name="old", **beats):
    infos = {label: beats.get(label, BeatInfo(label)) for label in sorted({*labels} - {"-"})}
    return Plan.from_labels(
        name, GROUND.grid_ids, ["" if label == "-" else label for label in labels], beats=infos
    )


def test_a_beat_that_only_changed_its_number_has_not_moved():
    made = compare_plans(GROUND, plan("aabbcc"), plan("xxyyzz", "new"))
    assert made.grids_moved == 0
    assert made.flows == ()
    assert [(b.before, b.after, b.kept_share) for b in made.beats] == [
        ("a", "x", 1.0), ("b", "y", 1.0), ("c", "z", 1.0),
    ]  # fmt: skip
    assert (
        in_language("en", made.sentences)[0] == '"new" gives every grid the beat it has in "old".'
    )


def test_a_grid_whose_beat_keeps_its_id_has_not_moved():
    # By residents alone y would continue x (20 of its 30) and x take y's last 10: from x to x.
    made = compare_plans(
        ground(residents=[5.0, 10.0, 10.0, 10.0, 0.0, 0.0]), plan("xxxyyy"), plan("xyyyyy", "new")
    )
    assert [(f.before, f.after, f.grids) for f in made.flows] == [("x", "y", ("001", "002"))]
    assert made.residents_moved == 20.0
    assert {beat.before: beat.after for beat in made.beats} == {"x": "x", "y": "y"}
    assert made.beats[0].kept_share == 0.2
    assert not made.beats[0].keeps_officers


def test_a_beat_that_went_elsewhere_under_its_id_kept_nobody():
    made = compare_plans(GROUND, plan("aabbcc"), plan("bbaacc", "new"))
    kept = {beat.before: (beat.after, beat.kept_share) for beat in made.beats}
    assert kept == {"a": ("a", 0.0), "b": ("b", 0.0), "c": ("c", 1.0)}
    assert made.grids_moved == 4


def test_a_beat_without_a_grid_kept_nobody():
    old = Plan("old", GROUND.grid_ids, np.zeros(6, dtype=np.int32), (BeatInfo("a"), BeatInfo("b")))
    made = compare_plans(GROUND, old, plan("aaabbb", "new"))
    assert [(b.before, b.after, b.kept_share) for b in made.beats] == [
        ("a", "a", 0.5), ("b", "b", 0.0),
    ]  # fmt: skip


def test_what_moves_is_counted_and_said():
    old = plan("aaaabb", a=BeatInfo("a", "城东", officers=2), b=BeatInfo("b", "城西", officers=1))
    made = compare_plans(GROUND, old, plan("aaabbb", "new"))
    assert (made.grids_moved, made.residents_moved, made.incidents_moved) == (1, 100.0, 10.0)
    flow = made.flows[0]
    assert (flow.before, flow.after, flow.grids) == ("a", "b", ("003",))
    # 400 and 200 of a mean of 300: one third off; then even.
    assert made.before.residents_deviation == pytest.approx(1 / 3)
    assert made.after.residents_deviation == 0.0
    assert (made.officers, made.officers_kept) == (3.0, 3.0)
    assert made.beats[0].kept_share == 0.75
    assert in_language("zh", made.sentences) == [
        "由“old”改为“new”，共调整1个网格，涉及常住人口100人、警情10起。",
        "1个网格由城东调至b，涉及常住人口100人、警情10起。",
        "常住人口最大偏差由33.3%降至0.0%。",
        "警情最大偏差由33.3%降至0.0%。",
        "负荷最大偏差由33.3%降至0.0%。",
        "3名民警中，3名留在原社区。",
    ]
    assert in_language("en", made.sentences)[1] == (
        "From 城东 to b: 1 grid, 100 residents, 10 incidents."
    )
    assert made.grid_table.to_dict("records") == [{"grid": "003", "before": "a", "after": "b"}]
    with using_language("en"):
        assert made.to_dict()["sentences"] == in_language("en", made.sentences)


def test_an_officer_whose_community_is_cut_up_loses_it():
    old = plan("aaaabb", a=BeatInfo("a", officers=1), b=BeatInfo("b", officers=1))
    made = compare_plans(GROUND, old, plan("axyzbb", "new"))
    kept = {beat.before: (beat.kept_share, beat.keeps_officers) for beat in made.beats}
    assert kept["a"] == (0.25, False)
    assert kept["b"] == (1.0, True)
    assert (made.officers, made.officers_kept) == (2.0, 1.0)
    assert sum(beat.before == "" for beat in made.beats) == 3


def test_grids_in_no_beat_are_seen():
    made = compare_plans(GROUND, plan("aab-bb"), plan("a-bbbb", "new"))
    assert {(f.before, f.after, f.grids) for f in made.flows} == {
        ("a", "", ("001",)),
        ("", "b", ("003",)),
    }
    assert (made.before.unassigned_grids, made.after.unassigned_grids) == (1, 1)


def test_empty_ground_is_matched_by_its_grids():
    empty = Ground.from_city(
        City("row", METRES, {Kind.GRID: grids(residents=np.zeros(6), incidents=np.zeros(6))})
    )
    made = compare_plans(empty, plan("aaabbb"), plan("xxxxyy", "new"))
    assert [(b.before, b.after) for b in made.beats] == [("a", "x"), ("b", "y")]
    assert made.beats[1].kept_share == pytest.approx(2 / 3)


@given(st.permutations(list("wxyz")), st.lists(st.sampled_from("wxyz"), min_size=6, max_size=6))
@settings(max_examples=50)
def test_numbers_that_are_new_change_no_comparison(order, labels):
    old = plan("aabbcc")
    renamed = dict(zip("wxyz", order, strict=True))
    first = compare_plans(GROUND, old, plan(labels, "new"))
    second = compare_plans(GROUND, old, plan([renamed[label] for label in labels], "new"))
    assert first.residents_moved == second.residents_moved
    assert first.after.workload_deviation == pytest.approx(second.after.workload_deviation)
    # The matching is the best there is: no way to name the beats moves fewer residents.
    kept = 600.0 - first.residents_moved
    for names in permutations("abcd"):
        table = dict(zip("wxyz", names, strict=True))
        same = sum(100.0 for was, now in zip("aabbcc", labels, strict=True) if table[now] == was)
        assert same <= kept + 1e-6


@given(*[st.lists(st.sampled_from("abcde-"), min_size=6, max_size=6)] * 2)
@settings(max_examples=100)
def test_equal_ids_stay_and_two_ids_of_one_plan_never_pass_for_one(before, after):
    made = compare_plans(GROUND, plan(before), plan(after, "new"))
    gone = {grid for flow in made.flows for grid in flow.grids}
    for grid, was, now in zip(GROUND.grid_ids, before, after, strict=True):
        if was == now:
            assert grid not in gone
        elif was in after or now in before:
            assert grid in gone
    if not {*after} - {*before, "-"}:  # then it is what `gridmap propose` calls kept
        same = sum(100.0 for was, now in zip(before, after, strict=True) if was == now)
        assert made.residents_moved == 600.0 - same


def test_the_difference_by_ids_as_they_stand():
    made = plan_difference(plan("aaabbb"), plan("aabbbc", "new", b=BeatInfo("b", "新名")))
    assert [(m.grids, m.before, m.after) for m in made.moves] == [
        (("002",), "a", "b"),
        (("005",), "b", "c"),
    ]
    assert (made.added, made.removed) == (("c",), ())
    assert [beat.id for beat in made.described] == ["b"]
    assert "002" not in in_language("en", made.text)
    assert "c" in in_language("zh", made.text)
    assert in_language("en", plan_difference(plan("aaabbb"), plan("aaabbb")).text) == "nothing"


def test_the_difference_of_plans_on_other_grids():
    first = Plan.from_labels("p", np.array(["x", "y"], dtype=object), ["a", "b"])
    second = Plan.from_labels("p", np.array(["z", "y"], dtype=object), ["a", "b"])
    made = plan_difference(first, second)
    assert {(m.grids, m.before, m.after) for m in made.moves} == {
        (("x",), "a", ""),
        (("z",), "", "a"),
    }


# -- tables and layers -------------------------------------------------------------------


def test_a_plan_goes_out_as_a_table_and_comes_back():
    layer = grids()
    out = plan("aab-bb", a=BeatInfo("a", "城东", "s1", "r1", 2, 1), b=BeatInfo("b", "城西"))
    text = assignment_table(out).to_csv(index=False)
    again = plan_from_table(pd.read_csv(StringIO(text), dtype=str), layer, name="old")
    assert again.labels.tolist() == out.labels.tolist()
    assert again.beats == out.beats
    assert again.city_digest == layer.digest


def test_empty_beats_survive_the_table():
    out = Plan("p", grids().ids, np.zeros(6, dtype=np.int32), (BeatInfo("a"), BeatInfo("b", "空")))
    again = plan_from_table(assignment_table(out), grids(), name="p")
    assert again.beats == out.beats


def test_chinese_tables_in_any_order_and_with_numbers_for_ids():
    layer = Layer(Kind.GRID, grids().frame.assign(id=["101", "102", "103", "104", "105", "106"]))
    table = pd.DataFrame(
        {"网格编码": [106.0, 105, 104, 103, 102, 101], "所属警格": [2, 2, 2, 1, 1, 0]}
    )
    made = plan_from_table(table, layer, name="p")
    assert made.labels.tolist() == ["", "1", "1", "2", "2", "2"]
    other = table.rename(columns={"网格编码": "code A", "所属警格": "B"})
    chosen = plan_from_table(other, layer, name="p", columns={"grid": "code A", "beat": "B"})
    assert chosen.labels.tolist() == made.labels.tolist()


@pytest.mark.parametrize("beat", ["警格", "警务区", "所在警格"])
def test_a_table_whose_codes_a_spreadsheet_took_for_decimals(tmp_path, beat):
    layer = Layer(Kind.GRID, grids().frame.assign(id=[f"33010200{n}" for n in range(1, 7)]))
    city = City("row", METRES, {Kind.GRID: layer})
    rows = [f"33010200{n}.0,{'甲乙'[n > 3]}" for n in range(1, 7)]
    path = tmp_path / "plan.csv"
    path.write_text("\n".join([f"网格编码,{beat}", *rows, "合计,"]), encoding="gbk")
    assert read_plan(path, city, name="p").labels.tolist() == list("甲甲甲乙乙乙")
    # A table is a file like any other: the limit holds for it.
    with pytest.raises(InputError) as raised:
        read_plan(path, city, name="p", max_mb=0.00001)
    assert raised.value.key == "io.error.too_large"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop(columns="beat"), "beat"),
        (lambda t: t.drop(columns="grid"), "grid"),
        (lambda t: pd.concat([t, t.iloc[[0]]]), "000"),
        (lambda t: t.iloc[1:], "000"),
        (lambda t: t.assign(grid=t["grid"].replace("000", "new")), "new"),
        (lambda t: t.assign(officers="many"), "officers.* 1, 2"),
        (lambda t: t.assign(officers="-1"), "officers.* 1, 2"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(change, words):
    table = assignment_table(plan("aaabbb"))
    with pytest.raises(InputError, match=words):
        plan_from_table(change(table), grids(), name="p")


def test_a_plan_goes_out_as_a_layer_and_comes_back():
    layer = grids()
    out = plan("aab-bb", a=BeatInfo("a", "城东", "s1", "r1", 2, 1))
    beats = plan_layer(out, layer)
    assert beats.kind is Kind.BEAT
    assert beats.ids.tolist() == ["a", "b"]
    assert beats.area_m2.tolist() == [20_000.0, 30_000.0]
    again = plan_from_layer(beats, layer, name="old")
    assert again.labels.tolist() == out.labels.tolist()
    assert again.beats[0] == out.beats[0]


def test_a_layer_in_another_crs_or_of_other_grids_is_refused():
    beats = plan_layer(plan("aaabbb"), grids())
    with pytest.raises(InputError, match="4549"):
        plan_from_layer(Layer(Kind.BEAT, beats.frame.to_crs(4549)), grids(), name="p")
    with pytest.raises(InputError):
        plan_layer(plan("aaabbb"), grids(5))
