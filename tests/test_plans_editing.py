"""Commands, effects, vetoes, locks, undo and suggestions on a town of twelve grids.

::

    8  9 10 11        a a b b
    4  5  6  7        a a b b
    0  1  2  3        a a b b

Each grid is 100 m wide, holds ten residents (grid 0 holds twenty) and one incident.
"""

import json
from dataclasses import replace
from functools import reduce

import geopandas as gpd
import numpy as np
import pytest
import shapely
from documents import in_language
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from gridmap.errors import InfeasibleError, InputError, MissingError, PermissionDeniedError
from gridmap.i18n import using_language
from gridmap.model import Adjacency, BeatInfo, City, Kind, Layer, Plan
from gridmap.plans import (
    LOCAL,
    Action,
    Actor,
    AssignOfficers,
    AssignRoom,
    AssignStation,
    Draft,
    Ground,
    History,
    LockBeat,
    LockGrids,
    MergeBeats,
    MoveGrids,
    NewBeat,
    RenameBeat,
    Role,
    SplitBeat,
    carry_out,
    carry_over,
    command_from_record,
    command_record,
    compare_plans,
    measure_beats,
    preview,
    replay,
    suggest_moves,
    worst_beat,
)
from gridmap.plans.audit import ALLOWED
from gridmap.plans.versions import COMMANDS

METRES = CRS.from_epsg(4547)


def town(columns=4, rows=3, **fields):
    shapes = [
        shapely.box(c * 100.0, r * 100.0, c * 100.0 + 100, r * 100.0 + 100)
        for r in range(rows)
        for c in range(columns)
    ]
    count = len(shapes)
    residents = np.full(count, 10.0)
    residents[0] = 20.0
    columns_of = {"residents": residents, "incidents": np.ones(count), **fields}
    frame = gpd.GeoDataFrame(
        {"id": [str(n) for n in range(count)], **columns_of}, geometry=shapes, crs=METRES
    )
    return City("town", METRES, {Kind.GRID: Layer(Kind.GRID, frame)})


GROUND = Ground.from_city(town())
HALVES = ["a", "a", "b", "b"] * 3


def draft(labels=None, *, ground=GROUND, beats=None):
    plan = Plan.from_labels("p", ground.grid_ids, labels or HALVES, beats=beats)
    return Draft.start(ground, plan)


def labels_of(made):
    return "".join(label or "-" for label in made.plan.labels)


# -- effects -----------------------------------------------------------------------------


def test_the_effect_of_a_move_is_told_before_it_is_made():
    #  a a b b      a a b b
    #  a a b b  ->  a b b b
    #  a a b b      a b b b
    before = draft()
    effect = preview(before, MoveGrids(("1", "5"), "b"))
    assert effect.veto is None
    assert effect.grids == ("1", "5")
    assert (effect.residents, effect.incidents) == (20.0, 2.0)
    a, b = effect.beats
    assert (a.beat, a.before.grids, a.after.grids) == ("a", 6, 4)
    assert (a.before.residents, a.after.residents) == (70.0, 50.0)
    assert (b.before.residents, b.after.residents) == (60.0, 80.0)
    # a was 200 x 300 m: 4 pi 60,000 / 1,000^2; it becomes an L of 4 grids, 1,000 m around.
    assert a.before.compactness == pytest.approx(4 * np.pi * 60_000 / 1_000**2)
    assert a.after.compactness == pytest.approx(4 * np.pi * 40_000 / 1_000**2)
    assert b.after.compactness == pytest.approx(4 * np.pi * 80_000 / 1_200**2)
    assert (a.after.area_km2, b.after.area_km2) == (pytest.approx(0.04), pytest.approx(0.08))
    # workload in percent: half residents (of 130), half incidents (of 12)
    work = 50 * 50 / 130 + 50 * 4 / 12
    assert a.after.workload == pytest.approx(work)
    assert a.deviation_after == pytest.approx(work / 50 - 1)
    assert effect.max_deviation_after == pytest.approx(1 - work / 50)
    assert labels_of(before) == "aabbaabbaabb"
    assert labels_of(carry_out(before, effect.command)) == "abbbabbbaabb"
    for language in ("zh", "en"):
        assert len(in_language(language, effect.sentences)) == 3


def test_coverage_is_of_the_residents_near_a_room():
    city = town()
    room = gpd.GeoDataFrame({"id": ["r"]}, geometry=[shapely.Point(0, 150)], crs=METRES)
    city = city.with_layer(Layer(Kind.ROOM, room))
    city = replace(city, presets=replace(city.presets, room_radius_m=360.5))
    ground = Ground.from_city(city)
    # Every corner of beat a is within hypot(200, 150) = 250 m, none of column 3 but in part.
    made = draft(ground=ground)
    assert made.figures_of("a").covered_share == 1.0
    assert 0.5 < made.figures_of("b").covered_share < 1.0
    effect = preview(made, MoveGrids(("3",), "a"))
    assert effect.beats[0].after.covered_share < 1.0


@given(
    labels=st.lists(st.sampled_from("abcd"), min_size=30, max_size=30),
    grids=st.sets(st.integers(0, 29), min_size=1, max_size=6),
    to=st.sampled_from("abcd"),
    barrier=st.lists(st.booleans(), min_size=49, max_size=49),
)
@settings(max_examples=50)
def test_the_effect_equals_the_full_recomputation(labels, grids, to, barrier):
    ground = Ground.from_city(town(6, 5, incidents=np.arange(30.0) ** 1.5))
    adjacency = ground.adjacency
    ground = replace(
        ground,
        adjacency=Adjacency(
            30, adjacency.first, adjacency.second, adjacency.length_m, np.array(barrier)
        ),
    )
    made = draft(labels, ground=ground, beats={label: BeatInfo(label) for label in "abcd"})
    command = MoveGrids(tuple(str(grid) for grid in sorted(grids)), to, insist=True)
    try:
        after = carry_out(made, command)
    except InputError:
        assert {labels[grid] for grid in grids} == {to}
        return
    full = measure_beats(ground, after.plan.assignment, len(after.plan))
    for name in ("grids", "residents", "incidents", "workload", "area_m2", "perimeter_m"):
        assert (getattr(after.figures, name) == getattr(full, name)).all()
    assert (after.figures.pieces == full.pieces).all()
    piece = ground.adjacency.pieces(after.plan.assignment)  # counted by the model's own code
    for row in range(4):
        members = after.plan.assignment == row
        assert full.pieces[row] == len(set(piece[members].tolist()))


# -- vetoes ------------------------------------------------------------------------------


def test_a_move_that_breaks_a_beat_is_vetoed_with_the_detached_part():
    made = draft(list("aaaaaababbbb"))
    # Taking 1 out of a cuts 0 and 4 from 2, 3, 7... 4 hangs on 0 and 5: still one piece.
    assert preview(made, MoveGrids(("1",), "b")).veto is not None
    veto = preview(made, MoveGrids(("3",), "b")).veto
    assert (veto.reason, veto.beat, veto.grids) == ("detached", "a", ("7",))
    with pytest.raises(InfeasibleError, match="7"):
        carry_out(made, MoveGrids(("3",), "b"))
    insisted = carry_out(made, MoveGrids(("3",), "b", insist=True))
    assert [(f.beat, f.pieces, f.detached) for f in insisted.faults] == [
        ("a", 2, ("7",)),
        ("b", 2, ("3",)),
    ]
    assert "a" in in_language("en", insisted.faults[0].text)
    # Moving the detached part along breaks nothing.
    assert preview(made, MoveGrids(("3", "7"), "b")).veto is None


def test_grids_that_do_not_touch_their_new_beat_are_vetoed():
    veto = preview(draft(), MoveGrids(("0",), "b")).veto
    assert (veto.beat, veto.grids) == ("b", ("0",))


def test_corners_do_not_join():
    made = draft(list("aaccbbccbbcc"))
    #  b b c c
    #  b b c c      grid 2 touches 1 (a) by a side, 5 (b) by a corner only
    #  a a c c
    assert preview(made, MoveGrids(("2",), "a")).veto is None
    assert preview(made, MoveGrids(("2",), "b")).veto.grids == ("2",)


def test_a_barrier_cuts_a_beat_that_touches():
    adjacency = GROUND.adjacency
    cut = (adjacency.first % 4 == 1) & (adjacency.second == adjacency.first + 1)
    ground = replace(
        GROUND,
        adjacency=Adjacency(
            12, adjacency.first, adjacency.second, adjacency.length_m, np.asarray(cut)
        ),
    )
    made = draft(ground=ground)
    assert preview(made, MoveGrids(("2",), "a")).veto.grids == ("2",)
    # The border along the river is inside the beat all the same: its outline is shorter.
    whole = draft(list("a" * 12), ground=ground)
    assert whole.figures_of("a").pieces == 2
    assert whole.figures.perimeter_m[0] == pytest.approx(1_400.0)


def test_a_beat_in_pieces_may_be_mended_and_may_stay_as_it_is():
    made = draft(list("abbaabbaaabb"))
    assert [fault.beat for fault in made.faults] == ["a"]
    #  a a b b
    #  a b b a     a is in two pieces; giving 3 and 7 to b mends it
    #  a b b a
    mended = carry_out(made, MoveGrids(("3", "7"), "b"))
    assert mended.faults == ()
    # A change elsewhere that makes nothing worse is not vetoed.
    assert preview(made, MoveGrids(("9",), "b")).veto is None


def test_emptying_a_beat_is_no_fault():
    made = carry_out(draft(), MoveGrids(tuple(str(n) for n in (0, 1, 4, 5, 8, 9)), "b"))
    assert made.figures_of("a").pieces == 0
    assert made.faults == ()


def test_a_beat_without_a_grid_counts_in_no_mean_wherever_it_is_told():
    # a carries 70/130 of the residents and 6/12 of the incidents: 27/52, where 26/52 is the mean.
    start = carry_out(draft(), NewBeat("c", "空"))
    assert start.figures.deviation == pytest.approx([1 / 26, -1 / 26, -1.0])
    assert start.figures.max_deviation == pytest.approx(1 / 26)
    uneven = carry_out(start, MoveGrids(("2", "6", "10"), "a"))
    assert worst_beat(uneven) != "c"
    assert suggest_moves(uneven)
    both = compare_plans(start.ground, draft().plan, start.plan)
    for told, empty in ((both.before, 0), (both.after, 1)):
        assert (told.beats, told.empty_beats) == (2, empty)
        assert told.workload_deviation == pytest.approx(1 / 26)
        assert told.residents_deviation == pytest.approx(5 / 65)
    assert both.to_dict()["after"]["empty_beats"] == 1
    with using_language("en"):
        assert any("has 0" in line and "has 1" in line for line in both.sentences())


def test_steps_are_measured_on_ground_that_is_weighed_anew():
    other = Ground.from_city(town(), workload={"incidents": 1.0})
    commands = (MoveGrids(("2",), "a"), MergeBeats(("a",), "b"), SplitBeat("b", ("8", "9"), "c"))
    first, second = (
        reduce(History.apply, commands, History(start, LOCAL)).undo()
        for start in (draft(), Draft.start(other, draft().plan))
    )
    found = first.measured_on(other)
    assert found.current.figures.workload.tolist() == second.current.figures.workload.tolist()
    for key in ("worst_before", "worst_after"):
        assert [getattr(one, key) for one in found.steps] == pytest.approx(
            [getattr(one, key) for one in second.steps]
        )
    # 7 of 12 grids in a, where 6 are the mean.
    assert found.steps[0].worst_after == pytest.approx(1 / 6)
    assert found.redo().current.plan.labels.tolist() == second.redo().current.plan.labels.tolist()


# -- the other commands ------------------------------------------------------------------


def test_split_merge_and_new_beats():
    made = carry_out(draft(), SplitBeat("a", ("8", "9"), "c", "北区"))
    assert labels_of(made) == "aabbaabbccbb"
    assert made.plan.beats[2].label == "北区"
    assert made.figures_of("c").residents == 20.0
    merged = carry_out(made, MergeBeats(("a",), "c"))
    assert labels_of(merged) == "ccbbccbbccbb"
    assert [beat.id for beat in merged.plan.beats] == ["b", "c"]
    full = measure_beats(GROUND, merged.plan.assignment, 2)
    assert (merged.figures.residents == full.residents).all()
    founded = carry_out(draft(), NewBeat("n", "新区", ("1", "2")))
    assert labels_of(founded) == "annb" + "aabb" * 2
    assert carry_out(draft(), NewBeat("n")).figures_of("n").grids == 0


def test_a_merge_adds_up_the_staff_and_needs_neighbours():
    beats = {
        "a": BeatInfo("a", officers=1, auxiliaries=2),
        "b": BeatInfo("b", officers=2, auxiliaries=1),
        "c": BeatInfo("c"),
    }
    made = draft(list("abbc" * 3), beats=beats)
    merged = carry_out(made, MergeBeats(("a", "b"), "b"))
    assert (merged.plan.beats[0].officers, merged.plan.beats[0].auxiliaries) == (3, 3)
    assert preview(made, MergeBeats(("c",), "a")).veto.beat == "a"
    effect = preview(made, MergeBeats(("a",), "b"))
    assert [(item.beat, item.after.grids) for item in effect.beats] == [("b", 9), ("a", 0)]


def test_beats_are_described():
    made = draft()
    for command in (
        RenameBeat("a", "北区"),
        AssignStation("a", "s1"),
        AssignRoom("a", "r1"),
        AssignOfficers("a", 2, 3),
    ):
        made = carry_out(made, command)
    assert made.plan.beats[0] == BeatInfo("a", "北区", "s1", "r1", 2.0, 3.0)
    for number in (-1, float("nan"), float("inf")):
        with pytest.raises(InputError):
            carry_out(made, AssignOfficers("a", number))
    effect = preview(made, RenameBeat("a", "南区"))
    assert (effect.beats, effect.grids, effect.residents) == ((), (), 0.0)
    assert len(in_language("zh", effect.sentences)) == 1


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (MoveGrids(("0",), "a"), InputError),
        (MoveGrids(("nowhere",), "a"), MissingError),
        (MoveGrids(("0",), "z"), MissingError),
        (SplitBeat("a", ("2",), "c"), MissingError),
        (SplitBeat("a", ("0",), "b"), InputError),
        (SplitBeat("a", ("0",), " "), InputError),
        (NewBeat("a"), InputError),
        (MergeBeats(("a",), "a"), InputError),
        (MergeBeats(("z",), "a"), MissingError),
        (RenameBeat("z", "x"), MissingError),
        (RenameBeat("a", ""), InputError),
        (LockBeat("z"), MissingError),
        (LockBeat("a", locked=False), InputError),
        (LockGrids(("nowhere",)), MissingError),
    ],
)
def test_commands_that_cannot_be_carried_out(command, error):
    with pytest.raises(error):
        carry_out(draft(), command)
    with pytest.raises(error):
        preview(draft(), command)


# -- locks -------------------------------------------------------------------------------


def test_a_locked_beat_neither_gains_nor_loses_even_if_one_insists():
    made = carry_out(draft(), LockBeat("a"))
    for command in (
        MoveGrids(("1",), "b", insist=True),
        MoveGrids(("2",), "a", insist=True),
        SplitBeat("a", ("8", "9"), "c", insist=True),
        MergeBeats(("a",), "b", insist=True),
        NewBeat("n", grids=("1", "2"), insist=True),
    ):
        with pytest.raises(InfeasibleError):
            carry_out(made, command)
        assert preview(made, command).veto.reason == "beat_locked"
    carry_out(made, RenameBeat("a", "x"))
    free = carry_out(made, LockBeat("a", locked=False))
    assert labels_of(carry_out(free, MoveGrids(("1",), "b"))).startswith("ab")


def test_locked_grids_stay():
    made = carry_out(draft(), LockGrids(("1", "5")))
    veto = preview(made, MoveGrids(("1", "9"), "b")).veto
    assert (veto.reason, veto.grids) == ("grids_locked", ("1",))
    assert not veto.can_insist
    assert preview(made, MoveGrids(("9",), "b")).veto is None


# -- history -----------------------------------------------------------------------------

WORK = (
    MoveGrids(("1",), "b"),
    SplitBeat("b", ("10", "11"), "c"),
    RenameBeat("c", "新"),
    LockGrids(("0",)),
    MergeBeats(("c",), "a"),
    NewBeat("d", "", ("3",)),
    AssignOfficers("d", 1, 1),
    LockBeat("d"),
)


def same(first, second):
    return (
        first.plan.digest == second.plan.digest
        and first.locks == second.locks
        and all(
            (getattr(first.figures, name) == getattr(second.figures, name)).all()
            for name in ("residents", "workload", "perimeter_m", "pieces", "grids")
        )
    )


def test_undo_and_redo_go_all_the_way_and_replay_gives_the_same():
    start = draft()
    states, history = [start], History(start, LOCAL)
    for command in WORK:
        history = history.apply(command)
        states.append(history.current)
    assert history.commands == WORK
    assert same(replay(start, WORK), history.current)
    for state in reversed(states[:-1]):
        history = history.undo()
        assert same(history.current, state)
    assert history.undone == WORK
    with pytest.raises(MissingError):
        history.undo()
    for state in states[1:]:
        history = history.redo()
        assert same(history.current, state)
    with pytest.raises(MissingError):
        history.redo()


@pytest.mark.parametrize("count", range(len(WORK) + 1))
def test_any_step_is_gone_to_at_once_with_its_figures(count):
    states, history = [draft()], History(draft(), LOCAL)
    for command in WORK:
        history = history.apply(command)
        states.append(history.current)
    worst = [state.figures.max_deviation for state in states]
    assert [step.worst_after for step in history.steps] == pytest.approx(worst[1:])
    assert history.steps[0].worst_before == pytest.approx(worst[0])
    there = history.go(count)
    assert same(there.current, states[count])
    assert (there.commands, there.undone) == (WORK[:count], WORK[count:])
    back = there.go(len(WORK))
    assert same(back.current, states[-1])
    for wrong in (-1, len(WORK) + 1):
        with pytest.raises(MissingError):
            there.go(wrong)


def test_a_new_command_forgets_what_was_undone():
    history = History(draft(), LOCAL).apply(WORK[0]).undo().apply(RenameBeat("a", "x"))
    assert history.undone == ()
    with pytest.raises(MissingError):
        history.redo()


def test_an_editors_work_is_carried_over_to_a_later_version():
    mine = (MoveGrids(("1",), "b"),)
    theirs = carry_out(draft(), MoveGrids(("10",), "a"))
    assert labels_of(replay(theirs, mine)) == "abbb" + "aabb" + "aaab"


def test_what_cannot_be_carried_over_is_told_and_the_rest_is_kept():
    mine = (MoveGrids(("1",), "b"), RenameBeat("b", "新"), MoveGrids(("10",), "a"))
    theirs = carry_out(draft(), MoveGrids(("10",), "a"))
    made, refused = carry_over(History(theirs, LOCAL), mine)
    assert labels_of(made.current) == "abbb" + "aabb" + "aaab"
    assert made.commands == mine[:2]
    assert [command for command, _ in refused] == [mine[2]]
    assert refused[0][1].key == "plans.error.nothing_changes"
    with pytest.raises(PermissionDeniedError):
        carry_over(History(theirs, Actor("v", Role.VIEWER)), ())


@pytest.mark.parametrize("command", WORK)
def test_commands_survive_being_written_down(command):
    text = json.dumps(command_record(command), ensure_ascii=False)
    assert command_from_record(json.loads(text)) == command


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"kind": "drop_table"},
        {"kind": "rename_beat", "beat": "a"},
        {"kind": "rename_beat", "beat": "a", "name": 7},
        {"kind": "rename_beat", "beat": "a", "name": "x", "role": "administrator"},
        {"kind": "move_grids", "grids": [1, 2], "to": "a"},
        {"kind": "move_grids", "grids": "12", "to": "a"},
    ],
)
def test_forged_records_are_refused(record):
    with pytest.raises(InputError):
        command_from_record(record)


# -- people ------------------------------------------------------------------------------

EVERY_COMMAND = {
    "move_grids": MoveGrids(("1",), "b"),
    "split_beat": SplitBeat("a", ("8", "9"), "c"),
    "merge_beats": MergeBeats(("a",), "b"),
    "new_beat": NewBeat("n"),
    "rename_beat": RenameBeat("a", "x"),
    "assign_station": AssignStation("a", "s"),
    "assign_room": AssignRoom("a", "r"),
    "assign_officers": AssignOfficers("a", 1),
    "lock_beat": LockBeat("a"),
    "lock_grids": LockGrids(("0",)),
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("kind", COMMANDS)
def test_every_role_times_every_command(role, kind):
    history = History(draft(), Actor("somebody", role))
    command = EVERY_COMMAND[kind]
    history.preview(command)  # looking costs nothing
    if role in {Role.PLANNER, Role.ADMINISTRATOR}:
        assert history.apply(command).undo().redo().commands == (command,)
        return
    for attempt in (lambda: history.apply(command), history.undo, history.redo):
        with pytest.raises(PermissionDeniedError, match="somebody"):
            attempt()


def test_the_table_of_permissions():
    table = {role: {str(action) for action in actions} for role, actions in ALLOWED.items()}
    assert table == {
        Role.VIEWER: {"view"},
        Role.ANALYST: {"view", "export"},
        Role.PLANNER: {"view", "export", "edit", "save", "import", "repair"},
        Role.ADMINISTRATOR: {"view", "export", "edit", "save", "import", "repair", "assign_role"},
    }
    assert set().union(*ALLOWED.values()) == set(Action)


@pytest.mark.parametrize(("name", "role"), [("", "viewer"), ("x", "root")])
def test_actors_that_are_none(name, role):
    with pytest.raises(ValueError):
        Actor(name, role)


# -- suggestions -------------------------------------------------------------------------


def test_suggestions_help_the_worst_beat_and_break_nothing():
    made = draft(list("aaab" * 3))
    assert worst_beat(made) in {"a", "b"}
    found = suggest_moves(made)
    assert found
    for effect in found:
        assert effect.veto is None
        assert effect.max_deviation_after < effect.max_deviation_before
    assert all(effect.command.to == "b" for effect in found)


def test_suggestions_lead_to_balance_in_one_piece():
    made = draft(list("aaab" * 3))
    for _ in range(10):
        found = suggest_moves(made, count=1)
        if not found:
            break
        made = carry_out(made, found[0].command)
    assert made.faults == ()
    assert made.figures.max_deviation < 0.1


def test_suggestions_open_no_lock_and_cross_no_station():
    locked = carry_out(draft(list("aaab" * 3)), LockGrids(tuple(str(n) for n in range(12))))
    assert suggest_moves(locked) == ()
    one = carry_out(draft(list("aaab" * 3)), LockBeat("a"))
    assert worst_beat(one) == "b"
    assert suggest_moves(one) == ()
    ground = Ground.from_city(town(station=["s1", "s1", "s1", "s2"] * 3))
    beats = {"a": BeatInfo("a", station="s1"), "b": BeatInfo("b", station="s2")}
    assert suggest_moves(draft(list("aaab" * 3), ground=ground, beats=beats)) == ()


def test_a_grid_takes_along_what_it_would_cut_off():
    # A tail: b is a column of 3 beside a; giving 7 alone would strand 11.
    labels = list("abbbaabbaaab")
    made = draft(labels)
    for effect in suggest_moves(made, beat="b", count=20):
        assert effect.veto is None


# -- the ground --------------------------------------------------------------------------


def test_a_plan_of_other_grids_is_refused():
    with pytest.raises(InputError):
        Draft.start(GROUND, Plan.from_labels("p", np.array(["x"], dtype=object), ["a"]))


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_amounts_that_are_none_are_named(value):
    bad = GROUND.residents.copy()
    bad[3] = value
    with pytest.raises(InputError, match="3"):
        replace(GROUND, residents=bad)
    with pytest.raises(InputError):
        replace(GROUND, residents=np.ones(3))


def test_a_town_without_people_still_has_a_workload():
    ground = Ground.from_city(town(residents=np.zeros(12), incidents=np.zeros(12)))
    assert ground.workload.tolist() == pytest.approx([100 / 12] * 12)
