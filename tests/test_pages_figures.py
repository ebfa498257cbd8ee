"""Figures and lists of the pages against counts made by hand or one by one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from test_measure_summary import METRES, km, layer
from test_measure_summary import city as small_city
from test_measure_summary import grids as small_grids

from gridmap.api.incidents import count_days, weeks_of_beats
from gridmap.demo import make_city
from gridmap.i18n import using_language
from gridmap.measure.pieces import present_plan
from gridmap.model import IncidentBatch, Incidents, Kind
from gridmap.pages.ground import PageGround
from gridmap.pages.layout import Line, beat_noun, show_list
from gridmap.pages.overview import _figures, beat_at, beat_hours
from gridmap.pages.redraw_state import border_km, change_rows
from gridmap.pages.rooms_by_hand import Hand, _go_back, hand_of, take_places
from gridmap.pages.session import _key
from gridmap.pages.touch import _event
from gridmap.plans import Ground, compare_plans


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=800, seed=7)


@pytest.fixture(scope="module")
def plans(city):
    """Today's beats, and the same with one grid given to a neighbour."""
    today = present_plan(city)
    pairs = city.adjacency
    beats = today.assignment
    at = next(
        edge for edge in range(len(pairs.first))
        if beats[pairs.first[edge]] != beats[pairs.second[edge]]
        and (beats == beats[pairs.first[edge]]).sum() > 1
    )  # fmt: skip
    row, to = int(pairs.first[at]), str(today.beat_ids[beats[pairs.second[at]]])
    return today, today.move([str(today.grid_ids[row])], to=to).renamed("B"), row


def test_incidents_of_each_day_are_those_counted_one_by_one(city):
    batch = city.incidents.all
    grid = city.located.columns([str(Kind.GRID)])
    rows = np.concatenate([part[str(Kind.GRID)] for part in grid])
    kept, hours, categories = (3, 7, 11), (0, 25, 167, 100), (1, 2)
    first = city.incidents.period[0].date()
    wanted: dict[int, int] = {}
    for time, kind, where in zip(batch.time, batch.category, rows, strict=True):
        moment = time.astype("datetime64[s]").item()
        week = 24 * moment.weekday() + moment.hour
        if week in hours and kind in categories and where in kept:
            day = (moment.date() - first).days
            wanted[day] = wanted.get(day, 0) + 1
    got = count_days(city, rows=kept, hours=hours, categories=categories)
    assert {at: int(count) for at, count in enumerate(got) if count} == wanted
    assert count_days(city).sum() == len(batch.time)


def test_the_table_of_a_change_says_what_the_plans_hold(city, plans):
    today, plan, row = plans
    found = compare_plans(Ground.from_city(city), today, plan)
    with using_language("en"):
        rows = {name: (before, after) for name, before, after in
                change_rows(city, ("residents", "incidents"), found, today, plan)}  # fmt: skip
    people = city.grids.counts("residents")

    def worst(of) -> float:
        sums = np.bincount(of.assignment, weights=people, minlength=len(of))
        return max(abs(sums / sums.mean() - 1.0))

    assert rows["Worst deviation of residents"] == (f"{worst(today):.1%}", f"{worst(plan):.1%}")
    share = people[row] / people.sum()
    assert rows["Residents who change beats"][1] == f"{people[row]:,.0f} ({share:.1%})"
    assert rows["Grids that change beats"][1] == "1"
    lengths = sum(
        length for one, other, length in zip(
            city.adjacency.first, city.adjacency.second, city.adjacency.length_m, strict=True)
        if plan.assignment[one] != plan.assignment[other]
    )  # fmt: skip
    assert border_km(city, plan) == pytest.approx(lengths / 1000)


def test_what_nobody_counted_is_in_no_table(city, plans):
    today, plan, _ = plans
    found = compare_plans(Ground.from_city(city), today, plan)
    with using_language("en"):
        names = {row[0] for row in change_rows(city, ("incidents",), found, today, plan)}
    assert not {name for name in names if "esidents" in name}


def test_rooms_set_and_closed_by_hand_are_in_the_layer(city):
    closed = str(city.rooms.ids[0])
    x, y = np.array(city.grids.geometry[5].representative_point().coords[0])
    hand = Hand(((float(x), float(y)),), (closed,))
    layer = hand.layer(city)
    assert len(layer) == len(city.rooms)
    assert closed not in set(layer.ids)
    new = layer.frame.iloc[-1]
    assert str(city.grids.names[5]) in new["name"]
    assert new.geometry.coords[0] == pytest.approx((x, y))
    assert hand.rooms(city).shape == (len(layer), 2)
    assert not Hand().size


def test_a_room_moved_by_hand_keeps_its_name_and_stands_elsewhere(city):
    one, place = str(city.rooms.ids[1]), tuple(city.room_xy[1] + 300.0)
    hand = Hand(moved={one: place})
    assert hand.size == 1
    layer = hand.layer(city)
    assert list(layer.ids) == list(city.rooms.ids)
    assert list(layer.names) == list(city.rooms.names)
    assert hand.rooms(city)[1] == pytest.approx(place)
    assert layer.geometry[1].coords[0] == pytest.approx(place)
    assert hand.rooms(city)[0] == pytest.approx(city.room_xy[0])


def test_two_clicks_in_haste_place_two_rooms(city, monkeypatch, tmp_path):
    monkeypatch.setenv("GRIDMAP_CACHE", str(tmp_path / "cache"))
    state: dict[str, object] = {}
    for module in ("touch", "session"):
        monkeypatch.setattr(f"gridmap.pages.{module}.st", SimpleNamespace(session_state=state))
    monkeypatch.setattr("gridmap.pages.rooms_by_hand.place_of_work", lambda *_: ("browser", "a"))
    here = np.array(city.grids.frame.to_crs(4326).representative_point()[7].coords[0])
    places = [[5, here[1], here[0]], [6, here[1], here[0] + 1e-4]]
    value = {"event": "click", "grids": [7], "more": False, "place": places[1][1:], "stamp": 6,
             "places": places}  # fmt: skip

    def ground() -> SimpleNamespace:
        session = SimpleNamespace(work={}, workspace="city")
        return SimpleNamespace(session=session, city=city, datum="wgs84")

    first = ground()
    take_places(first, _event("map", value), places_rooms=True)
    assert len(hand_of(first).placed) == 2
    again = _event("map", {**value, "stamp": 7, "places": [*places, [7, *places[0][1:]]]})
    take_places(first, again, places_rooms=True)
    assert len(hand_of(first).placed) == 3
    assert len(hand_of(ground()).placed) == 3  # the page was loaded anew
    state[_key(first.session, "moved-room")] = str(city.rooms.ids[0])
    last = _event("map", {**value, "stamp": 8, "places": [[8, *places[0][1:]]]})
    take_places(first, last, places_rooms=True)
    assert list(hand_of(first).moved) == [str(city.rooms.ids[0])]
    other = _event("map", {**value, "stamp": 9, "places": [[9, *places[0][1:]]]})
    take_places(first, other, places_rooms=False)  # a click of another view
    assert hand_of(first).size == 4
    # The app is started anew: what was set is still there. One step after another is undone.
    monkeypatch.setattr("gridmap.pages.rooms_by_hand._LEFT", OrderedDict())
    assert hand_of(ground()).moved == hand_of(first).moved
    assert hand_of(ground()).placed == hand_of(first).placed
    sizes = []
    while (past := hand_of(first).past) is not None:
        _go_back(first, past)
        sizes.append((len(hand_of(first).placed), len(hand_of(first).moved)))
    assert sizes == [(3, 0), (2, 0), (1, 0), (0, 0)]


def test_overview_counts_inside_outlines_and_says_where_redraw_counts_otherwise():
    """The beats' border cuts C and D: 60 % of their ground is the upper beat's, so both grids are.

    Inside the outlines: upper 100 + 200 + 0.6 x 50 = 330 residents, lower 20; by whole grids 350
    and 0. Of the incidents, one at 5 o'clock lies in C below the border, two at 9 above it.
    """
    shapes = [km(0, 0.4, 2, 2), km(0, 0, 2, 0.4)]
    outlines = layer(Kind.BEAT, shapes, id=["up", "low"], name=["上", "下"])
    x, y = np.array([(0.5, 0.2), (0.5, 0.7), (1.5, 1.5)]).T * 1000
    times = np.array(["2014-09-01T05", "2014-09-02T09", "2014-09-03T09"], "datetime64[s]")
    batch = IncidentBatch(x, y, times, np.zeros(3, np.int16))
    cut = replace(
        small_city(small_grids(), outlines),
        incidents=Incidents.from_batch(batch, categories=("盗窃",), crs=METRES),
    )
    session = SimpleNamespace(since=None, until=None, beat="low")
    ground = PageGround(session, cut, "outlines that cut grids", present_plan(cut))
    rows = ground.table("beat").table.rows
    assert rows["residents"].tolist() == pytest.approx([330, 20])
    assert rows["incidents"].tolist() == [2, 1]
    hours = [beat_hours(ground, beat) for beat in ("up", "low")]
    assert [np.flatnonzero(each).tolist() for each in hours] == [[9], [5]]
    assert [each.sum() for each in hours] == [2, 1]
    with using_language("en"):
        low, worst = ground.whole_grids_note("low"), ground.whole_grids_note()
    # Against means of 175 residents and 1.5 incidents, the incident weighs more than 20 people.
    assert "incidents 0 in whole grids, 1 inside its outline" in low
    assert "incidents 3 in whole grids, 2 inside" in worst
    # The lower beat has no grid of its own: Overview counts it, and says so as Redraw does.
    with using_language("en"):
        strip = _figures(ground, ground.table("grid"), ground.table("beat"))
    count = next(one for one in strip if one.label == "Beats")
    assert (count.value, count.note.split("; ")[-1]) == ("2", "1 of them without a grid")
    whole = replace(cut, layers={Kind.GRID: cut.grids, Kind.BEAT: layer(
        Kind.BEAT, [km(0, 0.995, 2, 2), km(0, 0, 2, 0.995)], id=["up", "low"])})  # fmt: skip
    whole = PageGround(session, whole, "outlines along grids", present_plan(whole))
    assert whole.whole_grids_note() == ""


def test_weeks_of_a_beat_are_those_inside_its_outline():
    shapes = [km(0, 0.4, 2, 2), km(0, 0, 2, 0.4)]
    points = [(0.5, 0.2, 1), (0.5, 0.7, 3), (1.5, 1.5, 7)]
    cut = small_city(small_grids(), layer(Kind.BEAT, shapes, id=["up", "low"]), points=points)
    assert weeks_of_beats(cut, present_plan(cut)) == {"up": [2], "low": [1]}


def test_a_click_leads_to_the_beat_of_its_grid(plans):
    today, _, _ = plans
    assert beat_at(today, 4) == str(today.labels[4])
    assert beat_at(today, -1) == beat_at(today, 10**6) == beat_at(None, 0) == ""


def test_a_number_is_a_beat_and_a_name_is_a_name():
    with using_language("en"):
        assert beat_noun("1713") == beat_noun("3100-1").replace("3100-1", "1713") == "Beat 1713"
        assert beat_noun("North End") == "North End"
    assert beat_noun("城北第一警务区") == "城北第一警务区"


def test_a_line_says_where_it_leads_and_no_name_is_markup(monkeypatch):
    drawn: list[str] = []
    monkeypatch.setattr("gridmap.pages.layout.st.html", drawn.append)
    show_list([Line("<b>甲", "丙", unit=3, spark=(0, 2, 4)), Line("乙", cells=(1, 2)), ("丁", "")])
    first, second, third = drawn[0].split("<li>")[1:]
    assert 'data-gm-unit="3"' in first
    assert "&lt;b&gt;甲" in first
    assert first.count("height:") == 3
    assert 'data-gm-cells="1,2"' in second
    assert "data-gm" not in third


def test_strokes_told_again_are_all_there_each_with_its_beat(monkeypatch):
    state: dict[str, object] = {}
    monkeypatch.setattr("gridmap.pages.touch.st", SimpleNamespace(session_state=state))
    strokes = [{"stamp": 5, "cells": [1, 2], "to": 4}, {"stamp": 6, "cells": [3], "to": 0}]
    value = {"event": "paint", "grids": [], "more": False, "stamp": 6, "strokes": strokes}
    event = _event("map", value)
    assert event.strokes == ((5, (1, 2), 4), (6, (3,), 0))
    assert _event("map", value) is None
