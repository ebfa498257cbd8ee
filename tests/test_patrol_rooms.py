"""Rooms and beats beside the norms: what is lacking, what nobody stated, what it costs."""

from dataclasses import replace

import numpy as np
import pytest

import gridmap
from gridmap.demo import make_city
from gridmap.errors import MissingError
from gridmap.i18n import tr
from gridmap.model import Kind, Layer
from gridmap.patrol import has_equipment, lacks_of, read_norms
from gridmap.report.document import Grid


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=0)


def with_rooms(city, **columns):
    """Return the city with three rooms that have these columns only."""
    frame = city.rooms.frame.iloc[:3][["id", "name", "geometry"]].assign(**columns)
    beats = city.beats.frame.drop(columns=["officers", "auxiliaries"])
    layers = city.layers | {Kind.ROOM: Layer(Kind.ROOM, frame), Kind.BEAT: Layer(Kind.BEAT, beats)}
    return replace(city, layers=layers)


def test_each_thing_is_held_against_its_norm(city):
    # Room a has all; room b lacks an office and a computer; c has three officers and one aide.
    told = with_rooms(
        city,
        offices=[2, 0, 1],
        computer=["是", "无", "2台"],
        officers=[1, 1, 3],
        auxiliaries=[1, 2, 1],
        hours=["8:00-20:00", "24小时 00:00-24:00", "08:00-10:00"],
    )
    prices = {"office": 1000.0, "computer": 5000.0, "auxiliary": 10.0}
    found = lacks_of(told, replace(read_norms(), prices=prices))
    ids = list(told.rooms.ids)
    got = {(row.id, row.item): (row.lacking, row.cost) for row in found.rows.itertuples()}
    assert got[ids[1], "offices"] == (1, 1000)
    assert got[ids[1], "computer"] == (1, 5000)
    assert got[ids[2], "auxiliaries"] == (2, 20)
    assert got[ids[2], "hours"][0] == 6
    assert np.isnan(got[ids[2], "hours"][1])
    assert len(got) == 4
    ranked = found.units[found.units["kind"] == "room"]
    assert ranked["id"].tolist() == [ids[1], ids[2], ids[0]]  # two things each: the dearer first
    assert ranked["cost"].tolist() == [6000, 20, 0]
    assert {"room.id_reader", "room.police_terminal", "room.body_camera"} <= set(found.missing)
    assert "beat.officers" in found.missing


def test_a_blank_cell_is_unknown_and_never_lacking(city):
    told = with_rooms(city, computer=["", "否", "1"], officers=[np.nan, 1, 0])
    found = lacks_of(told, read_norms())
    ids = list(told.rooms.ids)
    lacking = {(row.id, row.item) for row in found.rows.itertuples()}
    assert lacking == {(ids[1], "computer"), (ids[2], "officers")}
    items = found.items.set_index("item")
    assert items.loc["computer", "unknown"] == 1
    assert items.loc["officers", "unknown"] == 1


def test_beats_are_held_against_one_officer_and_two_auxiliaries(city):
    frame = city.beats.frame.assign(officers=1.0, auxiliaries=2.0)
    frame.loc[0, "auxiliaries"] = 1.0
    frame.loc[1, "officers"] = 0.0
    layers = {Kind.GRID: city.grids, Kind.BEAT: Layer(Kind.BEAT, frame)}
    told = replace(city, layers=layers)
    rows = lacks_of(told, read_norms()).rows
    rows = rows[rows["kind"] == "beat"]
    ids = list(told.beats.ids)
    lacking = {(row.id, row.item) for row in rows.itertuples()}
    assert lacking == {(ids[0], "auxiliaries"), (ids[1], "officers")}


def test_a_village_asks_for_one_auxiliary_of_its_rural_beat(city):
    ground = city.beats.frame.iloc[[0]]
    three = [ground.geometry.iloc[0].representative_point().buffer(30 * n) for n in (1, 2, 3)]
    frame = type(ground)({"id": ["a", "b", "c"], "name": ["甲村", "乙村", "丙村"]},
                         geometry=three, crs=city.crs)  # fmt: skip
    beats = city.beats.frame.assign(officers=1.0, auxiliaries=2.0)
    layers = city.layers | {
        Kind.BEAT: Layer(Kind.BEAT, beats), Kind.COMMUNITY: Layer(Kind.COMMUNITY, frame),
    }  # fmt: skip
    rows = lacks_of(replace(city, layers=layers), read_norms()).rows
    (row,) = rows[rows["kind"] == "beat"].itertuples()
    assert (row.id, row.item, row.norm, row.lacking) == (city.beats.ids[0], "auxiliaries", 3, 1)


def test_cells_are_read_as_people_write_them():
    cells = ["有", "没有", "√", "×", "２ 台", "0"]
    assert has_equipment(cells).tolist() == [1, 0, 1, 0, 2, 0]
    assert np.isnan(has_equipment(["坏", ""])).all()


def test_the_verb_says_what_it_could_not_judge(city):
    result = gridmap.norms(with_rooms(city, officers=[0, 1, 1]))
    plain = result.to_dict()
    assert plain["rows"][0]["item"] == "officers"
    assert plain["rows"][0]["cost"] is None
    assert "room.offices" in plain["missing"]
    assert result.notes
    assert len(result.to_gdf()) == 3
    bare = replace(city, layers={Kind.GRID: city.grids})
    with pytest.raises(MissingError):
        gridmap.norms(bare)


def test_rooms_without_any_column_are_neither_good_nor_bad(city):
    names = city.rooms.frame[["id", "name", "geometry"]]
    nothing = gridmap.norms(replace(city, layers={Kind.ROOM: Layer(Kind.ROOM, names)}))
    assert nothing.sentence() == tr("duty.norms.sentence_none")
    assert not any(isinstance(block, Grid) for block in nothing.blocks())
    assert any(tr("field.offices") in note for note in nothing.notes)
