"""What the Redraw page and the session hold between two looks: without a browser."""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from gridmap.api.compare import PlanPoint
from gridmap.api.propose import propose
from gridmap.demo import make_city
from gridmap.errors import InfeasibleError, InputError, MissingError
from gridmap.i18n import tr, using_language
from gridmap.measure.pieces import present_plan
from gridmap.model import Kind, Layer
from gridmap.pages import redraw_edit
from gridmap.pages.ground import PageGround
from gridmap.pages.jobs import Job
from gridmap.pages.layout import show_complaint
from gridmap.pages.redraw import days_line, front_chart, searching_line
from gridmap.pages.redraw_commands import (
    beat_labels,
    beats_beside,
    grid_names,
    named_effect,
    split_in_two,
)
from gridmap.pages.redraw_edit import locked_rows, search_on, step_line
from gridmap.pages.redraw_state import (
    Found,
    Redraw,
    Sitting,
    made_name,
    redraw_of,
    restore_session,
    save_session,
)
from gridmap.pages.session import Session
from gridmap.partition import Problem, ProposalProgress
from gridmap.partition import propose as divide
from gridmap.plans import LOCAL, Draft, Ground, History, LockBeat, LockGrids, MoveGrids, RenameBeat
from gridmap.plans import versions as do
from gridmap.plans.effects import carry_out
from gridmap.plans.versions import COMMANDS
from gridmap.settings import Settings


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=0, seed=7)


@pytest.fixture
def session(tmp_path):
    return Session(Settings(), "zh", "city", {"city": tmp_path})


def ended(state: Redraw, work) -> Redraw:
    job = state.begin(work)
    assert job._done.wait(300)
    return state


# -- a search that has ended


def test_why_a_search_found_nothing_stays_until_the_next_one_begins():
    def impossible(_tell, _stops):
        raise InfeasibleError("page.error.address", part="beats", received="9")

    state = ended(Redraw(), impossible)
    state.end()
    state.end()  # the page is drawn again and again
    assert state.job is None
    assert isinstance(state.error, InfeasibleError)
    state.begin(lambda _tell, _stops: Found({}, (), ()))
    assert state.error is None


def test_a_search_that_found_nothing_leaves_the_plans_of_the_one_before():
    def impossible(_tell, _stops):
        raise InfeasibleError("page.error.address", part="beats", received="9")

    before = Found({}, (), ())
    state = ended(Redraw(found=before, looked_at=1), impossible)
    state.end()
    assert state.found is before
    assert state.looked_at == 1


def test_a_fault_of_the_program_is_raised_once_and_the_page_goes_on():
    state = ended(Redraw(), lambda _tell, _stops: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        state.end()
    state.end()
    assert state.job is None


def test_what_a_search_found_is_looked_at_from_its_first_plan():
    found = Found({}, (), ())
    state = ended(Redraw(looked_at=2, kept={"a": None}), lambda _tell, _stops: found)
    state.end()
    assert (state.found, state.looked_at, state.kept) == (found, 0, {})


def test_proposed_plans_are_named_in_the_readers_language(city):
    plan = present_plan(city)
    with using_language("zh"):
        names = ["建议方案", "建议方案 2", "甲"]  # the last one was named by a person
        plans = tuple(plan.renamed(name) for name in names)
        found = Found({}, plans, tuple({"name": name, "beats": 3} for name in names))
        assert found.in_language() is found
    with using_language("en"):
        again = found.in_language()
        assert [one.name for one in again.plans] == ["Proposal", "Proposal 2", "甲"]
        assert [row["name"] for row in again.rows] == ["Proposal", "Proposal 2", "甲"]
    with using_language("zh"):
        assert [one.name for one in again.in_language().plans] == names


@pytest.mark.parametrize(("share", "at", "said"), [(0.06, 6.0, "6.0"), (0.99, 8.0, "99.0")])
def test_todays_beats_stand_among_the_plans_and_do_not_push_them_together(share, at, said):
    # Plans at 2 % and 5 %: the edge is as far above the worst of them as they are apart.
    frame = pd.DataFrame(
        {"name": ["a", "b"], "row": [0, 1], "shown": [True, False], "deviation": [2.0, 5.0],
         "kept": [60.0, 80.0], "cut_border_km": [9.0, 8.0], "mean_polsby_popper": [0.3, 0.3]}
    )  # fmt: skip
    today = PlanPoint(
        name="today", today=True, max_deviation=share, cut_border_km=7.0, mean_travel=None,
        travel_unit="m", kept_share=1.0,
    )  # fmt: skip
    square, text, plans = front_chart(frame, today).layer
    row = square.data.iloc[0]
    assert (row["kept"], row["deviation"]) == (100.0, pytest.approx(at))
    assert said in row["name"]
    assert ("↑" in row["name"]) == (share > 0.08)
    assert plans.data is frame
    assert text.data is square.data


def test_a_search_tells_how_long_it_runs_and_the_best_plan_so_far():
    told: list[ProposalProgress] = []
    # Of 3, 1, 1 and 1 in a row the most even halves are 3 and 3.
    row = Problem(weights=[3, 1, 1, 1], edges=[(0, 1), (1, 2), (2, 3)], beats=2)
    divide(row, effort="quick", front=2, on_progress=told.append)
    assert told[0].reached is None
    assert told[-1].reached == pytest.approx(0.0)
    job = Job(lambda _tell, _stops: None)
    job._begun = time.monotonic() - 30.2
    with using_language("en"):
        job._tell(0.02)
        assert searching_line(job) == "30 s elapsed; time left not known yet; no whole plan yet"
        one = "30 s elapsed; time left not known yet; one plan, shown when the search ends"
        assert searching_line(job, several=False) == one
        job._tell(0.6, ProposalProgress(share=0.6, objective="", reached=0.052).sentence())
        best = "Best so far: worst deviation 5.2%"
        assert searching_line(job) == f"30 s elapsed; about 20 s left; {best}"


# -- several commands at once


def test_of_several_commands_all_are_carried_out_or_none(city):
    plan = present_plan(city)
    sitting = Sitting(plan, History(Draft.start(Ground.from_city(city), plan), LOCAL))
    first, second = plan.beat_ids[:2]
    with pytest.raises(MissingError):
        sitting.apply(RenameBeat(first, "新名"), MoveGrids(("nowhere",), second))
    assert sitting.history.commands == ()
    sitting.apply(RenameBeat(first, "新名"), RenameBeat(second, "又一个"))
    assert len(sitting.history.commands) == 2


# -- a page that is loaded anew


def test_unsaved_work_is_taken_up_by_the_same_browser_alone(session, city, monkeypatch):
    marks = iter(["mine", "mine", "another"])
    monkeypatch.setattr("gridmap.pages.redraw_state.browser_mark", lambda _settings: next(marks))
    grids, plan = city.layer(Kind.GRID), present_plan(city)
    draft = Draft.start(Ground.from_city(city), plan)
    state = Redraw(step="edit", sitting=Sitting(plan, History(draft, LOCAL)))
    session.work["redraw"] = state
    save_session(session, grids)
    session.work = {}
    restore_session(session, grids)
    found = session.work.pop("redraw")
    assert (found.step, found.sitting.history) == ("edit", state.sitting.history)
    found.sitting.apply(RenameBeat(plan.beat_ids[0], "新名"))
    assert state.sitting.history.commands == ()
    restore_session(session, grids)
    assert session.work == {}


def test_a_search_ends_when_the_last_who_waits_for_it_is_gone():
    job = Job(lambda _tell, _stops: None)
    first, second = Redraw(job=job), Redraw(job=job)
    job.hold_for(first)
    job.hold_for(second)
    del first
    gc.collect()
    assert not job._stop.is_set()
    del second
    gc.collect()
    assert job._stop.is_set()


def test_grids_just_picked_are_to_go_to_a_beat_beside_them(session, city):
    plan = present_plan(city)
    ground = SimpleNamespace(session=session, city=city)
    rows = tuple(np.flatnonzero(plan.labels == plan.beat_ids[0])[:1].tolist())
    beside = beats_beside(ground, plan, rows)
    pairs = city.adjacency
    for beat in plan.beat_ids:
        touching = sum(
            length
            for one, other, length, cut in zip(
                pairs.first, pairs.second, pairs.length_m, pairs.barrier, strict=True
            )
            for here, there in ((one, other), (other, one))
            if here in rows and plan.labels[there] == beat and not cut
        )
        own = plan.labels[rows[0]] == beat
        assert (beat in beside) == (touching > 0 and not own)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_each_kind_of_step_is_told_with_the_worst_deviation_after_it(city, language):
    plan = present_plan(city)
    first, second = plan.beat_ids[:2]
    grids = tuple(map(str, plan.grid_ids[plan.labels == second]))
    history = History(Draft.start(Ground.from_city(city), plan), LOCAL)
    done = (
        do.LockBeat(first), do.LockBeat(first, locked=False),
        do.LockGrids(grids[:1]), do.LockGrids(grids[:1], locked=False),
        do.RenameBeat(first, "新名"), do.AssignStation(first, "S9"), do.AssignRoom(first, "R9"),
        do.AssignOfficers(first, 9, 9), do.SplitBeat(second, grids[:1], "N1", "甲", insist=True),
        do.MergeBeats(("N1",), second, insist=True),
        do.NewBeat("N2", "乙", grids[:2], insist=True),
        do.MoveGrids(grids[:2], second, insist=True),
        do.RenameBeat(first, "别名"), do.RenameBeat(first, "新名"),
    )  # fmt: skip
    for command in done:
        history = history.apply(command)
    assert {command.kind for command in done} == set(COMMANDS)
    with using_language(language):
        lines = [step_line(history, count) for count in range(len(done) + 1)]
        start = tr("page.step.start")
    assert start in lines[0]
    assert "2" in lines[12].removeprefix("12").replace(plan.beats[1].label, "")
    assert plan.beats[1].label in lines[12]
    assert "甲" in lines[9]
    assert len(set(lines)) == len(lines)
    worst = [f"{step.worst_after:.1%}".replace("%", "") for step in history.steps]
    assert all(one in line for one, line in zip(worst, lines[1:], strict=True))


@pytest.fixture
def sitting(city):
    plan = present_plan(city)
    return Sitting(plan, History(Draft.start(Ground.from_city(city), plan), LOCAL))


@pytest.mark.slow
def test_a_beat_is_split_into_two_halves_in_one_piece_each_and_undone(session, city, sitting):
    plan = sitting.start
    beat = str(max(plan.beat_ids, key=lambda one: (plan.labels == one).sum()))
    command = split_in_two(SimpleNamespace(session=session, city=city), plan, beat)
    sitting.apply(command)
    after = sitting.history.current.plan
    assert len(after) == len(plan) + 1
    changed = after.labels != plan.labels
    assert set(plan.labels[changed]) == {beat}
    assert set(after.labels[changed]) == {command.new}
    pairs = city.adjacency
    for half in (beat, command.new):
        graph = nx.Graph()
        graph.add_nodes_from(np.flatnonzero(after.labels == half))
        graph.add_edges_from(
            (one, other)
            for one, other, cut in zip(pairs.first, pairs.second, pairs.barrier, strict=True)
            if not cut and after.labels[one] == after.labels[other] == half
        )
        assert nx.is_connected(graph)
    sitting.history = sitting.history.undo()
    assert np.array_equal(sitting.history.current.plan.labels, plan.labels)


def emptied(plan, beat):
    """Return a plan whose beat has given its grids to the beats around, and what took them."""
    rows = np.flatnonzero(plan.labels == beat)
    to = next(one for one in plan.beat_ids if one != beat)
    return plan.move(plan.grid_ids[rows], to=to), to


@pytest.mark.slow
def test_a_beat_is_split_evenly_beside_beats_without_a_grid(session, city, sitting):
    plan = sitting.start
    small = sorted(plan.beat_ids, key=lambda one: (plan.labels == one).sum())
    for beat in small[:2]:
        plan, _ = emptied(plan, beat)
    beat = small[-1]
    lost = plan.grid_ids[plan.labels == small[-2]][:1]
    plan = plan.move(lost, to="")  # ground in no beat stays there
    draft = Draft.start(Ground.from_city(city), plan)
    command = split_in_two(SimpleNamespace(session=session, city=city), plan, beat)
    after = carry_out(draft, command)  # no veto: both halves are in one piece
    whole = draft.figures_of(beat).workload
    halves = [after.figures_of(one).workload for one in (beat, command.new)]
    assert sum(halves) == pytest.approx(whole)
    assert halves == pytest.approx([whole / 2, whole / 2], rel=0.15)
    others = plan.labels != beat
    assert (after.plan.labels[others] == plan.labels[others]).all()


def test_one_grid_cannot_be_split(session, city, sitting):
    plan, beat = sitting.start, sitting.start.beat_ids[0]
    rows = np.flatnonzero(plan.labels == beat)
    alone = plan.move(plan.grid_ids[rows[1:]], to=plan.beat_ids[1])
    with pytest.raises(InputError):
        split_in_two(SimpleNamespace(session=session, city=city), alone, beat)


def test_a_search_goes_on_without_beats_that_have_no_grid(session, city, sitting):
    plan = sitting.start
    first, last = plan.beat_ids[0], plan.beat_ids[-1]
    sitting.history = replace(
        sitting.history, current=Draft.start(Ground.from_city(city), emptied(plan, first)[0])
    )
    row = int(np.flatnonzero(plan.labels == last)[0])
    sitting.apply(LockBeat(first), LockGrids((plan.grid_ids[row],)))
    options = search_on(SimpleNamespace(session=session, city=city), Redraw(), sitting)
    assert options.beats == len(options.start) == len(plan) - 1
    assert f"beat={first}" not in options.lock
    assert options.start.labels.tolist() == sitting.history.current.plan.labels.tolist()


def test_a_search_goes_on_with_what_was_painted_and_locked(session, city, sitting):
    ground = SimpleNamespace(session=session, city=city)
    plan = sitting.start
    grid = next(
        row for row in range(len(plan.labels))
        if beats_beside(ground, plan, (row,)) and (plan.labels == plan.labels[row]).sum() > 3
        and sitting.history.preview(
            MoveGrids((plan.grid_ids[row],), beats_beside(ground, plan, (row,))[0])
        ).veto is None
    )  # fmt: skip
    to = beats_beside(ground, plan, (grid,))[0]
    still = int(np.flatnonzero((plan.labels != to) & (np.arange(len(plan.labels)) != grid))[0])
    shut = next(b for b in plan.beat_ids if b not in {to, plan.labels[grid], plan.labels[still]})
    sitting.apply(
        MoveGrids((plan.grid_ids[grid],), to), LockGrids((plan.grid_ids[still],)), LockBeat(shut)
    )
    draft = sitting.history.current
    assert set(locked_rows(draft)) == {still, *np.flatnonzero(plan.labels == shut)}
    options = search_on(ground, Redraw(tolerance=0.3), sitting)
    assert set(options.lock) == {
        f"grid={plan.grid_ids[grid]}", f"grid={plan.grid_ids[still]}", f"beat={shut}",
    }  # fmt: skip
    found = propose(city, options).plans[0]
    held = [grid, still, *np.flatnonzero(plan.labels == shut)]
    assert found.labels[held].tolist() == draft.plan.labels[held].tolist()
    assert ((found.labels == shut) == (plan.labels == shut)).all()


def test_a_reader_is_told_of_beats_and_grids_by_name(session, city):
    plan = present_plan(city)
    table = Ground.from_city(city)
    history = History(Draft.start(table, plan), LOCAL)
    sitting = Sitting(plan, history)
    ground = SimpleNamespace(session=session, city=city)
    grids = [str(grid) for grid in city.grids.ids]
    effects = (
        history.preview(MoveGrids((grid,), beat)) for grid in grids for beat in plan.beat_ids[:3]
        if plan.labels[grids.index(grid)] != beat
    )  # fmt: skip
    effect = next(effect for effect in effects if effect.veto is not None)
    told = named_effect(ground, sitting, effect).sentences()[0]
    assert beat_labels(plan)[effect.veto.beat] in told
    assert effect.veto.beat not in told
    for grid in effect.veto.grids[:3]:
        assert grid_names(ground)[grid] in told
        assert grid not in told


def test_each_refused_stroke_is_told_and_all_cut_off_grids_are_marked(session, city, sitting):
    ground = SimpleNamespace(session=session, city=city)
    plan, history = sitting.start, sitting.history
    strokes = []
    for grid, own in zip(plan.grid_ids, plan.labels, strict=True):
        to = next(beat for beat in plan.beat_ids if beat != own)
        if own not in {one[2] for one in strokes}:
            veto = history.preview(MoveGrids((grid,), to)).veto
            strokes += [(grid, to, own, veto)] if veto is not None else []
    assert len(strokes) > 1
    for grid, to, _, _ in strokes[:2]:
        redraw_edit._carry_out(ground, sitting, MoveGrids((grid,), to))
    refused = session.work["refused"]
    assert [one.move.grids for one in refused] == [(one[0],) for one in strokes[:2]]
    cut_off = {grid for one in strokes[:2] for grid in one[3].grids}
    assert set(city.grids.ids[list(session.marked["edit"])]) == cut_off
    assert sitting.history.commands == ()


def test_whatever_is_refused_is_told_by_names(session, city, sitting):
    ground = SimpleNamespace(session=session, city=city)
    plan = sitting.start
    beat = str(max(plan.beat_ids, key=lambda one: (plan.labels == one).sum()))
    other = next(one for one in plan.beat_ids if one != beat)
    grids = tuple(map(str, plan.grid_ids[plan.labels == beat]))
    sitting.apply(LockBeat(beat))
    for command in (
        do.SplitBeat(beat, grids[:2], "N1", "甲"), do.NewBeat("N1", "甲", grids[:2]),
        do.MergeBeats((beat,), other), MoveGrids(grids[:2], other),
    ):  # fmt: skip
        redraw_edit._carry_out(ground, sitting, command)
        told = session.work["refused"][-1].error.text()
        assert beat_labels(plan)[beat] in told
        assert grid_names(ground)[grids[0]] in told
        assert not any(code in told for code in (beat, *grids))


# -- one period on the page: plans are made for all days


def test_a_chosen_period_changes_no_figure_of_the_page_and_is_named(session):
    city = make_city(grids=60, incidents=300, seed=7)
    first, last = (day.date() for day in city.incidents.period)
    session.since = session.until = first + (last - first) // 2
    other = PageGround(session, city, city.digest, present_plan(city))
    ground = replace(other, all_days=True)
    counted = Ground.from_city(city).incidents
    assert ground.table("grid").table.rows["incidents"].tolist() == counted.tolist()
    assert other.table("grid").table.rows["incidents"].sum() < counted.sum()
    scene = ground.scene((), columns=("incidents",), plan=ground.plan)
    assert repr(scene.facts) != repr(other.scene((), columns=("incidents",)).facts)
    with using_language("en"):
        line = days_line(ground)
    assert f"{first} – {last}" in line
    assert f"{session.since} – {session.since}" in line


# -- names of plans follow the language


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("建议方案", "Proposal"), ("建议方案-少变动", "Proposal-least change"),
        ("建议方案-紧凑-3", "Proposal-compact-3"), ("现行警格（调整）", "Present beats (edited)"),
        ("城东-紧凑", "城东-紧凑"), ("城东（调整）", "城东（调整）"),
    ],
)  # fmt: skip
def test_names_that_gridmap_made_follow_the_language(chinese, english):
    with using_language("en"):
        assert made_name(chinese) == english
    with using_language("zh"):
        assert made_name(english) == chinese


def test_a_plan_in_hand_is_named_in_the_readers_language(session, city, sitting):
    ground = SimpleNamespace(session=session, city=city)
    plan = sitting.start.renamed("现行警格（调整）")
    draft = replace(sitting.history.current, plan=plan)
    sitting.history = replace(sitting.history, current=draft)
    session.work["redraw"] = Redraw(sitting=sitting)
    with using_language("en"):
        redraw_of(ground)
        assert sitting.history.current.plan.name == "Present beats (edited)"
    sitting.base = ("Present beats (edited)", 1)  # a stored name is a key: it stays
    with using_language("zh"):
        redraw_of(ground)
        assert sitting.history.current.plan.name == "Present beats (edited)"


# -- rows of grids that are there no more


def test_other_grids_end_what_was_marked_and_drafted_on_the_ones_before(session, city):
    grids = city.layer(Kind.GRID)
    session.see(grids)
    session.marked["edit"] = (0, 59)
    session.work.update({"redraw": Redraw(), "siting-area": (59,), "uploads": 3})
    heavier = grids.frame.assign(residents=1.0)
    session.see(Layer(Kind.GRID, heavier, grids.provenance))
    assert session.marked == {"edit": (0, 59)}  # the same grids, counted anew
    session.see(Layer(Kind.GRID, grids.frame.iloc[:50], grids.provenance))
    assert session.marked == {}
    assert session.work == {"uploads": 3}


def test_the_same_grids_in_another_order_are_others(session, city):
    grids = city.layer(Kind.GRID)
    session.see(grids)
    session.marked["edit"] = (0,)
    turned = grids.frame.iloc[np.arange(60)[::-1]].reset_index(drop=True)
    session.see(Layer(Kind.GRID, turned, grids.provenance))
    assert session.marked == {}


# -- what was wrong with an address


def test_a_complaint_stands_on_the_page_it_came_to_and_on_no_other(session, monkeypatch):
    said = []
    monkeypatch.setattr("gridmap.pages.layout.st.warning", lambda text, **_: said.append(text))
    session.complaint = InputError("page.error.no_page", received="x", known="overview")
    for page in ("overview", "overview", "data", "overview"):
        show_complaint(session, page)
    assert len(said) == 2
    assert session.complaint is None
