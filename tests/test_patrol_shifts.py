"""Shifts: demand by hour, rosters against brute force, what is said where data is missing."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gridmap
from gridmap.demo import make_city
from gridmap.errors import GridmapError, InputError, MissingError
from gridmap.model import Incidents, Kind
from gridmap.patrol import (
    Norms,
    count_hours,
    fewest_posts,
    make_tours,
    officers_for_target,
    officers_needed,
    plan_shifts,
    reached_in_time,
    read_norms,
    weekly_dispersion,
    work_by_hour,
)


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=6000)


def test_work_is_conserved_and_runs_into_the_next_hours():
    counts = np.zeros((168, 2))
    counts[10, 0] = 6.0  # six incidents, in one of the weeks that were counted
    norms = Norms({"default": 45.0, "a": 90.0})
    incidents, busy = work_by_hour(counts, ("a",), np.full(168, 2.0), norms)
    assert incidents[10] == pytest.approx(3.0)
    assert busy.sum() == pytest.approx(3 * 1.5)
    # Begins uniformly in its hour, lasts 1.5 h: half an hour of the first, 7/8 and 1/8 later.
    assert busy[[10, 11, 12]] == pytest.approx([1.5, 3 * 0.875, 3 * 0.125])


def test_work_of_sunday_night_runs_into_monday():
    counts = np.zeros((168, 1))
    counts[167, 0] = 1.0
    _, busy = work_by_hour(counts, (), np.ones(168), Norms({"default": 60.0}))
    assert busy[[167, 0]] == pytest.approx([0.5, 0.5])


def test_officers_needed_cover_the_share_of_moments_that_was_asked():
    rng = np.random.default_rng(1)
    needed = officers_needed(3.0, dispersion=2.0, service=0.9, prevention_share=0.0)
    open_incidents = rng.negative_binomial(3.0, 0.5, 200_000)
    assert (open_incidents <= needed).mean() >= 0.9
    assert (open_incidents <= needed - 1).mean() < 0.9


def test_tours_leave_rest_and_keep_the_week():
    for tour in make_tours(("8h", "12h", "split"), rest_h=11, week_h=40):
        assert tour.on_duty.sum() == tour.pattern.work_h * tour.days <= 40
        assert 24 - tour.pattern.span_h >= 11
    with pytest.raises(InputError, match=r"13"):
        make_tours(("12h",), rest_h=13)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_two_posts_are_as_good_as_the_best_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    need = rng.integers(0, 3, 168).astype(float) * (rng.random(168) < 0.5)
    tours = make_tours(("8h",))
    duty = np.array([tour.on_duty for tour in tours])
    best = min(
        np.maximum(need - duty[i] - duty[i:], 0.0).sum(axis=1).min() for i in range(len(duty))
    )
    roster = plan_shifts(need, 2, tours)
    assert sum(roster.posts) == 2
    assert roster.uncovered_h == pytest.approx(np.maximum(need - roster.on_duty, 0).sum())
    assert roster.bound - 1e-6 <= best <= roster.uncovered_h + 1e-6
    assert roster.uncovered_h <= best + 0.02 * need.sum() + 1e-6


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_two_posts_reach_as_many_calls_as_the_best_of_all_pairs(seed):
    """Losses that fall slowly, then fast, then slowly, as those of a queue do."""
    rng = np.random.default_rng(seed)
    calls = rng.gamma(1.0, 2.0, 168)
    late = calls[:, None] * np.array([1.0, 1.0, 0.2, 0.1]) ** rng.uniform(0.5, 2.0, (168, 1))
    late[: rng.integers(1, 168)] = calls[: len(late), None][:1] * np.array([1.0, 0.3, 0.1, 0.0])
    tours = make_tours(("12h",))
    duty = np.array([tour.on_duty for tour in tours]).astype(int)
    hours = np.arange(168)
    best = min(
        late[hours, duty[i] + duty[j]].sum() for i in range(len(duty)) for j in range(i + 1)
    )
    roster = plan_shifts(np.ones(168), 2, tours, late=late)
    assert roster.loss == pytest.approx(late[hours, roster.on_duty.astype(int)].sum())
    assert roster.bound - 1e-6 <= best <= roster.loss + 1e-6
    assert roster.loss <= best + 0.02 * roster.total


@pytest.mark.parametrize(("posts", "left"), [(1, 128), (4, 32), (5, 16), (6, 0)])
def test_whole_posts_round_the_clock_have_a_bound_without_a_gap(posts, left):
    """A clock hour has 5 of 7 days with one post, all with two; a post works 8 clock hours.

    Four posts are 16 clock hours with one and 8 with two: 80 + 56 of 168 hours.
    """
    roster = plan_shifts(np.ones(168), posts, make_tours(("8h",)))
    assert (roster.bound, roster.uncovered_h) == (left, left)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_no_two_posts_of_any_pattern_beat_the_bound(seed):
    rng = np.random.default_rng(seed)
    need = rng.integers(0, 4, 168).astype(float) + rng.random(168) * (rng.random() < 0.5)
    tours = make_tours(("8h", "12h", "split"))
    duty = np.array([tour.on_duty for tour in tours])
    best = min(
        np.maximum(need - duty[i] - duty[i:], 0.0).sum(axis=1).min() for i in range(len(duty))
    )
    assert plan_shifts(need, 2, tours, search=False).bound <= best + 1e-6


def test_the_fewest_posts_leave_no_hour_short():
    tours = make_tours(("8h",))
    always = fewest_posts(np.ones(168), tours)
    assert plan_shifts(np.ones(168), always, tours).uncovered_h == 0
    assert 168 / 40 <= always <= 6  # two posts for each of three shifts
    office = np.zeros((7, 24))
    office[:5, 8:16] = 2
    assert fewest_posts(office.ravel(), tours) == 2
    assert fewest_posts(np.zeros(168), tours) == 0


def test_the_least_officers_for_a_target_by_hand():
    shares = [[0.0, 0.5, 0.92], [0.0, 0.6, 0.605], [1.0, 1.0, 1.0]]
    needed, met = officers_for_target(shares, 0.9)
    assert needed.tolist() == [2, 1, 0]  # the second hour never gets there: one is as good as two
    assert not met


@pytest.mark.slow
def test_response_is_planned_by_the_hypercube_of_each_hour(city):
    plain = gridmap.shifts(city, officers=24, response=6.0).to_dict()
    whole = count_hours(city, "station")
    assert plain["calls"] == pytest.approx((whole.counts.sum((0, 2)) / whole.occurrences).sum())
    assert plain["bound"] <= plain["late"] + 1e-9 <= plain["calls"]
    assert plain["gap"] <= 0.03
    for unit in plain["units"]:
        rows = [row for row in plain["rows"] if row["unit"] == unit["unit"]]
        late = sum(row["incidents"] * (1 - (row["reached"] or 0.0)) for row in rows)
        assert late == pytest.approx(unit["late"], abs=0.05)
        assert set(unit["manned"]) <= set(city.beats.names)
    more = gridmap.shifts(city, officers=36, response=6.0).to_dict()
    assert more["late"] < plain["late"]
    layers = {kind: layer for kind, layer in city.layers.items() if kind != Kind.GRID}
    with pytest.raises(MissingError):  # nobody knows where calls come from
        gridmap.shifts(replace(city, layers=layers), officers=24, response=6.0)


def test_the_heaviest_beats_are_manned_and_late_is_never_more_with_more(city):
    counts = count_hours(city, "station")
    busy = np.array([work_by_hour(t, counts.categories, counts.occurrences, read_norms())[1]
                     for t in counts.counts])  # fmt: skip
    tables = reached_in_time(
        city, "station", busy, np.full(len(busy), 50.0), minutes=6.0, since=None, until=None
    )
    by_beat = count_hours(city, "beat")
    calls = dict(zip(by_beat.names, by_beat.counts.sum(axis=(1, 2)), strict=True))
    for table in tables:
        numbers = [calls[name] for name in table.posts]
        assert numbers == sorted(numbers, reverse=True)
        assert (np.diff(table.shares, axis=1) >= 0).all()
        assert table.of(np.full(168, 1.5)) == pytest.approx(table.shares[:, 1:3].mean(axis=1))


def test_the_same_demand_gives_the_same_roster_and_more_officers_leave_no_more():
    need = np.tile(np.repeat([1.0, 3.0, 2.0], 8), 7)
    tours = make_tours(("8h", "12h"))
    rosters = [plan_shifts(need, officers, tours) for officers in (0, 4, 9, 9)]
    left = [roster.uncovered_h for roster in rosters]
    assert left[0] == need.sum()
    assert left[0] > left[1] > left[2] == left[3]
    assert rosters[2].tours == rosters[3].tours


def test_dispersion_is_that_of_the_weeks_without_their_trend():
    rng = np.random.default_rng(3)
    trend = np.linspace(20, 120, 500)
    assert weekly_dispersion(rng.poisson(trend)) == pytest.approx(1.0, abs=0.15)
    doubled = rng.negative_binomial(trend, 0.5)  # variance twice the mean
    assert weekly_dispersion(doubled) == pytest.approx(2.0, abs=0.3)
    assert weekly_dispersion([3, 9]) == 1.0


def test_counts_add_up_to_the_incidents(city):
    counts = count_hours(city, "station")
    assert counts.counts.sum() + counts.outside + counts.untimed == len(city.incidents)
    whole = count_hours(city, "city")
    assert whole.counts.sum() == pytest.approx(counts.counts.sum() + counts.outside)
    # The demo's year, 2024, begins on a Monday and has 366 days: 53 Mondays and Tuesdays.
    assert counts.occurrences.reshape(7, 24)[:, 0].tolist() == [53, 53, 52, 52, 52, 52, 52]
    assert whole.weekly.shape[1] == 52


def test_the_verb_adds_up_and_prints_what_it_holds(city):
    result = gridmap.shifts(city, by="station")
    plain = result.to_dict()
    assert len(plain["rows"]) == 168 * len(plain["units"])
    for unit in plain["units"]:
        rows = [row for row in plain["rows"] if row["unit"] == unit["unit"]]
        left = sum(max(row["needed"] - row["proposed"], 0) for row in rows)
        assert left == pytest.approx(unit["uncovered_h"])
        assert unit["bound"] <= unit["uncovered_h"] + 1e-9
        posts = sum(row["posts"] for row in plain["roster"] if row["unit"] == unit["unit"])
        assert posts == unit["officers"]
        if unit["uncovered_today_h"] is None:  # a station without a room that says its hours
            assert all(row["today"] is None for row in rows)
            continue
        today = sum(max(row["needed"] - row["today"], 0) for row in rows)
        assert today == pytest.approx(unit["uncovered_today_h"], abs=0.02)
    assert plain["gap"] <= 0.03
    assert result.to_gdf().crs == city.crs


def test_officers_are_shared_out_by_work_and_all_of_them(city):
    result = gridmap.shifts(city, officers=31)
    assert sum(unit.officers for unit in result.units) == 31
    most = max(result.units, key=lambda unit: unit.needed.sum())
    assert most.officers == max(unit.officers for unit in result.units)


def test_a_station_without_incidents_has_no_officers_and_is_named(city):
    batch = city.incidents.all
    inside = shapely.contains_xy(city.layer(Kind.STATION).geometry[0], batch.x, batch.y)
    calm = replace(
        city,
        incidents=Incidents.from_batch(
            batch.take(~inside), categories=city.incidents.categories, crs=city.crs
        ),
    )
    result = gridmap.shifts(calm, officers=31)
    first, *others = result.units
    assert (first.officers, sum(unit.officers for unit in others)) == (0, 31)
    assert all(unit.officers for unit in others)
    assert any(first.name in note for note in result.notes)


def test_rooms_without_hours_leave_today_unknown(city):
    rooms = city.rooms
    bare = city.with_layer(type(rooms)(Kind.ROOM, rooms.frame.drop(columns="hours")))
    result = gridmap.shifts(bare, by="city")
    assert result.to_dict()["uncovered_today_h"] is None
    assert "uncovered_today_h" not in result.unit_columns()
    assert "uncovered_today_h" in gridmap.shifts(city, by="city").unit_columns()
    assert any("值守时间" in note or "hours" in note for note in result.notes)


def test_without_staff_enough_are_planned_and_without_incidents_none(city):
    frame = city.beats.frame.drop(columns=["officers", "auxiliaries"])
    rooms = city.rooms.frame.drop(columns=["officers", "auxiliaries"])
    bare = city.with_layer(type(city.beats)(Kind.BEAT, frame))
    bare = bare.with_layer(type(city.rooms)(Kind.ROOM, rooms))
    result = gridmap.shifts(bare)
    assert result.to_dict()["uncovered_h"] == 0
    assert [unit.officers for unit in result.units] == [u.posts_needed for u in result.units]
    assert any("民警数" in note and city.label in note for note in result.notes)
    with pytest.raises(GridmapError):
        gridmap.shifts(city, since="2030-01-01")


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("[shifts]\nservice = 0.9\nrests = 3\n", 3, "rests"),
        ("[duty]\n", 1, "duty"),
        ("[shifts]\n\nservice = 2\n", 3, "service"),
        ('[rooms]\nequipment = ["coffee"]\n', 2, "equipment"),
    ],
)
def test_a_wrong_norm_is_refused_by_key_and_line(tmp_path, text, line, word):
    path = tmp_path / "norms.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_norms(path)
    assert f"{line}" in str(refused.value)
    assert word in str(refused.value)


def test_a_department_changes_one_figure_and_keeps_the_others(tmp_path):
    path = tmp_path / "norms.toml"
    path.write_text("[shifts]\nrest_h = 12\n", encoding="utf-8")
    norms = read_norms(path)
    assert norms.shifts.rest_h == 12
    assert norms.shifts.week_h == read_norms().shifts.week_h
    assert norms.handling_minutes == read_norms(tmp_path / "none.toml").handling_minutes


def test_the_command_prints_units_and_writes_the_roster(city, run, ask, tmp_path):
    from gridmap.io import Workspace

    Workspace.at(tmp_path / "city").put_city(city)
    plain = ask("shifts", tmp_path / "city", "--by", "city", "--officers", "8")
    assert {"rows", "bound", "gap", "roster", "units", "format"} <= set(plain)
    assert plain["options"]["officers"] == 8
    out = tmp_path / "roster.csv"
    code, _, err = run("shifts", tmp_path / "city", "--by", "city", "--csv", out)
    assert code == 0, err
    assert out.read_text(encoding="utf-8-sig").count("\n") >= 2
    code, _, err = run("shifts", tmp_path / "city", "--patterns", "9h")
    assert code == 2
    assert "--patterns" in err
    (tmp_path / "city" / "norms.toml").write_text("[shift]\n", encoding="utf-8")
    code, _, err = run("shifts", tmp_path / "city")
    assert code == 2
    assert "norms.toml" in err


def test_a_shift_may_begin_at_every_hour_of_every_day():
    starts = {(tour.start, tour.first_day) for tour in make_tours(("8h",))}
    assert starts == set(itertools.product(range(24), range(7)))


def test_the_map_of_shifts_shows_what_stays_uncovered():
    city = make_city(grids=60, incidents=2000)
    view = gridmap.shifts(city, officers=3).map_view()
    assert len(view.themes[0].rows) == len(view.cells)
    assert gridmap.shifts(city, by="city", officers=3).map_view() is None
