"""Conditions that a planner writes: what each becomes, and what is said where it cannot be."""

import numpy as np
import pytest

import gridmap
from gridmap.api.propose import ProposeOptions
from gridmap.demo import make_city
from gridmap.errors import GridmapError, InfeasibleError, InputError, OptionError
from gridmap.measure import Workload, criterion_of, parse_within
from gridmap.measure.pieces import present_plan
from gridmap.model import BeatInfo, Kind, Layer, Plan
from gridmap.partition import (
    Problem,
    communities_of,
    criteria_of,
    officers_of,
    plan_rows,
    plans_of,
    problem_of,
    propose,
    room_grids,
    travel_between,
    with_rooms,
)
from gridmap.partition._instance import beat_names, relabel
from gridmap.partition.city import station_of_grids


@pytest.fixture(scope="module")
def city():
    return make_city(grids=120, incidents=3_000, seed=3)


@pytest.fixture(scope="module")
def town():
    return make_city(grids=60, incidents=600, seed=3)


@pytest.fixture(scope="module")
def workload(city):
    return Workload.from_city(city, {"residents": 1, "incidents": 1})


@pytest.fixture(scope="module")
def present(city):
    return present_plan(city)


def solve(city, workload, beats, present=None, *, tolerance=0.15, objective="compact", **kinds):
    problem = problem_of(city, workload, beats=beats, present=present, **kinds)
    return propose(problem, tolerance=tolerance, objective=objective, effort="quick")


@pytest.mark.parametrize(
    ("written", "held"),
    [
        (["0.05"], 0.05),
        (["5%"], 0.05),
        (0.05, 0.05),
        ("5%", 0.05),
        (["residents=5%", "incidents=0.1"], {"residents": 0.05, "incidents": 0.1}),
        ({"residents": 0.05, "incidents": "10%"}, {"residents": 0.05, "incidents": 0.1}),
        (["3%,residents=5%"], {"workload": 0.03, "residents": 0.05}),
        (["incidents@22-6=20％"], {"incidents@22-6": 0.2}),
    ],
)
def test_tolerances_are_read(written, held):
    assert ProposeOptions(tolerance=written).tolerance == pytest.approx(held)


@pytest.mark.parametrize("written", ["0", "-1", "2", "5", "x", "=5%", "nan", 0, True, object()])
def test_bad_tolerances_are_refused(written):
    with pytest.raises(OptionError) as wrong:
        ProposeOptions(tolerance=[written] if isinstance(written, str) else written)
    assert (wrong.value.key, wrong.value.option) == ("api.error.tolerance", "tolerance")


def test_a_tolerance_is_given_once():
    with pytest.raises(OptionError) as wrong:
        ProposeOptions(tolerance=["a=5%,a=6%"])
    assert wrong.value.key == "api.error.tolerance_twice"


def test_shares_to_keep_are_read():
    assert ProposeOptions(keep="90%").keep == ProposeOptions(keep=0.9).keep == 0.9
    assert ProposeOptions(keep="incidents=0.9").keep == {"incidents": 0.9}
    with pytest.raises(OptionError):
        ProposeOptions(keep="1.2")


def test_each_criterion_holds_its_own_tolerance(city, workload):
    found = gridmap.propose(
        city, beats=8, balance={"residents": 1, "incidents": 1}, effort="quick",
        tolerance={"residents": 0.2, "incidents": 0.3},
    )  # fmt: skip
    plan = found.proposal.best
    assert (np.abs(plan.scores.deviations).max(axis=0) <= [0.2, 0.3]).all()
    fields = criteria_of(city, workload, {"residents": 0.2}, together=0.1)
    assert fields["weights"].shape == (len(city.grids), 2)
    assert fields["tolerances"] == (0.1, 0.2)
    assert fields["criterion_names"] == ("workload", "residents")


@pytest.mark.slow
def test_a_criterion_that_is_not_met_is_called_by_its_name(town):
    options = {"beats": 6, "balance": {"residents": 1, "incidents": 1}, "effort": "quick"}
    for asked, zh, en in (
        ({"tolerance": {"residents": 0.001, "incidents": 0.9}}, "常住人口的偏差", "for residents"),
        ({"tolerance": 0.001, "hours": "6-18,18-6"}, "6-18时段的警情的偏差", "for incidents at"),
    ):
        found = gridmap.propose(town, **options, **asked).proposal
        assert any(zh in text for text in found.sentences("zh")), found.sentences("zh")
        assert any(en in text for text in found.sentences("en")), found.sentences("en")


@pytest.mark.slow
def test_a_further_plan_outside_the_tolerance_says_so(town):
    options = {"beats": 3, "balance": {"residents": 1}, "effort": "quick", "tolerance": 0.05}
    found = gridmap.propose(town, front=6, **options)
    beyond = [one.scores.max_deviation > 0.05 for one in found.proposal.candidates]
    assert any(beyond)
    assert not all(beyond)
    told = found.wider("en")
    assert [one is not None for one in found.beyond()] == beyond
    for plan, outside in zip(found.plans, beyond, strict=True):
        assert any(f"Plan {plan.name} deviates" in text for text in told) == outside
    assert set(found.wider()) <= set(found.notes())


def test_hours_and_hot_spots_are_criteria(city):
    day = criterion_of(city, "incidents@6-22")
    night = criterion_of(city, "incidents@22-6")
    timed = criterion_of(city, "incidents@0-12") + criterion_of(city, "incidents@12-24")
    assert (day + night == timed).all()
    assert timed.sum() <= criterion_of(city, "incidents").sum()
    hot = criterion_of(city, "hot_spots")
    assert ((hot == 0) | (hot == criterion_of(city, "incidents"))).all()
    for wrong in ("incidents@22", "incidents@25-3", "incidents@5-5", "residents@1-2"):
        with pytest.raises(InputError) as error:
            criterion_of(city, wrong)
        assert error.value.key == "measure.error.hour_band"


@pytest.mark.slow
def test_communities_are_kept_whole_and_counted(city, workload, present):
    names = communities_of(city)
    plan = solve(city, workload, 4, communities=names, whole_communities=True, tolerance=0.5).best
    assert plan.scores.split_communities == 0
    for name in set(names) - {"-1"}:
        assert len(set(plan.assignment[names == name])) == 1
    loose = solve(city, workload, 12, communities=names)
    row = plan_rows(city, plans_of(city, loose, name="A"), loose, workload)[0]
    split = sum(len(set(loose.best.assignment[names == n])) > 1 for n in set(names) - {"-1"})
    assert row["communities_split"] == split


def test_grids_stay_together_or_apart(city, workload):
    ids = [str(name) for name in city.grids.ids]
    options = ProposeOptions(together=f"{ids[0]},{ids[5]}，{ids[9]}", apart=[ids[20:22]])
    assert options.together == ((ids[0], ids[5], ids[9]),)
    (plan,) = gridmap.propose(
        city, beats=6, together=[[ids[0], ids[5]]], apart=[ids[20:22]], effort="quick"
    ).plans
    assert plan.assignment[0] == plan.assignment[5]
    assert plan.assignment[20] != plan.assignment[21]
    for wrong in ("A", ids[0], f"{ids[0]},nowhere"):
        with pytest.raises(OptionError) as error:
            gridmap.propose(city, beats=6, apart=wrong)
        assert (error.value.key, error.value.option) == ("api.error.grids", "apart")


def test_every_beat_has_a_room(city, workload):
    held = room_grids(city)
    inside = city.grids.geometry
    assert all(any(inside[g].covers(p) for g in held) for p in city.rooms.geometry)
    number = min(len(held), 6)
    problem = with_rooms(problem_of(city, workload, beats=number), held)
    plan = propose(problem, tolerance=0.3, effort="quick").best
    for beat in range(number):
        assert np.isin(held, np.flatnonzero(plan.assignment == beat)).any()
    with pytest.raises(InfeasibleError) as few:
        with_rooms(problem_of(city, workload, beats=len(held) + 1), held)
    assert few.value.values["rooms"] == len(held)


@pytest.mark.slow
def test_rooms_within_reach_are_enough_and_stations_are_told_apart(city, workload):
    near = room_grids(city, within=parse_within("1500m")[0])
    assert set(room_grids(city)) <= set(near) | set(room_grids(city))
    problem = problem_of(city, workload, beats=12, by_station=True)
    plan = propose(with_rooms(problem, near), tolerance=0.3, effort="quick").best
    for beat in range(12):
        assert np.isin(near, np.flatnonzero(plan.assignment == beat)).any()
    station = problem.parents
    only = near[station[near] == station[near[0]]]
    with pytest.raises(InfeasibleError) as few:
        with_rooms(problem, np.concatenate([only, np.flatnonzero(station == station[only[0]])]))
    assert few.value.key in {"partition.error.few_rooms_in_station", "partition.error.few_rooms"}


def test_roads_and_straight_lines_are_travelled(city, workload):
    assert travel_between(city, "straight") is None
    minutes = travel_between(city, "car")
    assert minutes.shape == (len(city.grids),) * 2
    assert np.isfinite(minutes).all()
    assert (np.diag(minutes) == 0).all()
    found = solve(city, workload, 5, objective="travel", travel=minutes)
    row = plan_rows(city, plans_of(city, found, name="A"), found, workload)[0]
    assert row["travel_unit"] == "min"
    assert 0 < row["mean_travel"] < minutes.max()
    with pytest.raises(GridmapError):
        travel_between(city, "plane")


def test_targets_follow_officers(city, workload, present):
    officers = officers_of(present)
    found = gridmap.propose(
        city, targets="officers", balance={"residents": 1, "incidents": 1}, tolerance=0.6,
        effort="quick",
    )  # fmt: skip
    plan = found.proposal.best
    assert len(found.plans[0]) == len(present)
    load = np.bincount(plan.assignment, weights=workload.load, minlength=len(present))
    share = officers / officers.sum()
    assert np.abs(load / share - 1).max() == pytest.approx(plan.scores.max_deviation)
    with pytest.raises(OptionError, match="targets"):
        gridmap.propose(city, beats=3, targets="2,1")
    with pytest.raises(OptionError, match="targets"):
        ProposeOptions(targets="a")
    assert len(gridmap.propose(city, targets=[2, 1, 1], effort="quick").plans[0]) == 3


@pytest.mark.slow
def test_people_per_officer_by_figure_and_by_norm(city):
    residents = criterion_of(city, "residents").sum()
    people = residents + criterion_of(city, "migrants").sum()

    def beats(per_officer):
        found = gridmap.propose(city, per_officer=per_officer, effort="quick")
        return len(found.plans[0])

    assert beats("residents=3000") == beats({"residents": 3000}) == np.ceil(residents / 3000)
    assert beats("people_per_officer") == np.ceil(people / 3000)
    for wrong in ("luck", "residents=x", "residents=0", "residents=nan"):
        with pytest.raises(OptionError):
            beats(wrong)
    with pytest.raises(OptionError):
        ProposeOptions(beats=5, per_officer="residents=3000")


def test_as_many_beats_as_today_are_proposed_unless_a_number_is_named(city, present):
    assert len(gridmap.propose(city, effort="quick", chance=0).plans[0]) == len(present)
    bare = gridmap.City.from_frames(grids=city.grids.frame[["id", "residents", "geometry"]])
    with pytest.raises(OptionError, match="beats"):
        gridmap.propose(bare)


def test_locks_name_beats_and_grids_of_today(city, workload, present):
    first = present.beats[0].id
    grid = str(city.grids.ids[7])
    (kept,) = gridmap.propose(
        city, beats=len(present), lock=[f"beat={first}", f"grid={grid}"], effort="quick",
        tolerance=0.5,
    ).plans  # fmt: skip
    assert ((kept.labels == first) == (present.labels == first)).all()
    assert kept.labels[7] == present.labels[7]
    bare = gridmap.City("bare", city.crs, {Kind.GRID: Layer(
        Kind.GRID, city.grids.frame.drop(columns="beat", errors="ignore"))})  # fmt: skip
    with pytest.raises(OptionError, match="lock"):
        gridmap.propose(bare, beats=4, lock=[f"beat={first}"])
    proposal = solve(city, workload, len(present), present, frozen=(0,), tolerance=0.3)
    plan = plans_of(city, proposal, name="A", present=present)[0]
    was = present.labels == first
    assert (plan.labels[was] == first).all()


def test_a_locked_beat_takes_in_what_only_it_borders():
    # Grid 0 has no beat, and borders nothing but grid 1 of the locked beat.
    problem = Problem(
        weights=np.ones(6),
        edges=[(0, 1), (1, 2), (2, 3), (3, 4), (3, 5), (4, 5)],
        present=[-1, 0, 0, 0, 1, 1],
        frozen=(0,),
        beats=2,
    )
    proposal = propose(problem, effort="quick")
    assert proposal.best.assignment.tolist() == [0, 0, 0, 0, 1, 1]
    assert (proposal.best.scores.pieces == 1).all()
    assert any("no beat today" in text for text in proposal.sentences("en"))


def test_new_beats_keep_the_names_of_those_they_continue(city, workload, present):
    proposal = solve(city, workload, len(present) - 2, present)
    plan = plans_of(city, proposal, name="A", present=present)[0]
    known = {beat.id: beat for beat in present.beats}
    assert all(beat == known[beat.id] for beat in plan.beats if beat.id in known)
    assert len({beat.id for beat in plan.beats}) == len(present) - 2
    kept = plan_rows(city, [plan], proposal, workload, present=present)[0]["kept_share"]
    assert kept == pytest.approx(proposal.best.scores.kept)


def test_beats_are_numbered_from_the_west_or_as_today():
    xy = np.array([[3.0, 0], [2, 0], [1, 0], [0, 0]])
    row = Problem(weights=np.ones(4), edges=[(0, 1), (1, 2), (2, 3)], beats=2, xy=xy)
    assert relabel(row, np.array([0, 0, 1, 1])).tolist() == [1, 1, 0, 0]
    today = row.replace(present=[5, 5, 5, 7])
    assert relabel(today, np.array([0, 0, 1, 1])).tolist() == [5, 5, 7, 7]
    three = today.replace(beats=3, present=[5, 5, 5, -1], beat_names=("a",) * 6)
    numbers = relabel(three, np.array([0, 0, 1, 2])).tolist()
    assert numbers == [5, 5, 7, 6]
    assert beat_names(three, np.array(numbers)) == {5: "a", 6: "6", 7: "7"}
    shares = row.replace(targets=[1, 3])
    assert relabel(shares, np.array([1, 1, 1, 0])).tolist() == [1, 1, 1, 0]


def test_what_is_not_reached_is_explained():
    edges = [(i, i + 1) for i in range(7)]
    row = Problem(weights=[9, 1, 1, 1, 1, 1, 1, 1], edges=edges, beats=2)

    def told(problem, **options):
        return " ".join(propose(problem, effort="quick", **options).sentences("en"))

    # One grid of 9 in two beats of 8: no plan is below 9 / 8 - 1.
    assert "grid 0 alone" in told(row)
    assert "12.50%" in told(row)
    tied = row.replace(weights=np.ones(8), together=((0, 1, 2, 3, 4, 5),))
    assert "must stay together" in told(tied)
    assert "50.00%" in told(tied)
    today = row.replace(weights=np.ones(8), present=[0, 0, 0, 1, 1, 2, 2, 2])
    # The two largest of today's three beats hold 6 of 8.
    assert "hold only 75.0%" in told(today, keep=0.9, tolerance=0.3)
    locked = today.replace(beats=3, frozen=(1,), present=[0, 0, 0, 0, 0, 0, 1, 2])
    assert "Locked beats 1" in told(locked, tolerance=0.2)
    absolute = row.replace(weights=[1, 5, 1, 1, 1, 1, 1, 5], bounds=(8, 8))
    assert "outside 8 to 8" in told(absolute) or not told(absolute)


@pytest.mark.slow
def test_zero_workload_and_empty_or_broken_present_beats_are_no_obstacle(city, workload):
    # Beat 1 is empty today, beat 0 in two pieces, a grid without a beat, four without work.
    at = np.arange(36)
    present = np.where(at < 6, 0, np.where(at < 18, 2, np.where(at < 30, 3, 0)))
    present[14] = -1
    weights = np.where(np.isin(at, [3, 4, 20, 21]), 0.0, 1.0)
    edges = [(v, v + 1) for v in at if v % 6 < 5] + [(v, v + 6) for v in at if v < 30]
    xy = np.stack([at % 6, at // 6], axis=1) * 100.0
    problem = Problem(weights=weights, edges=edges, beats=4, present=present, xy=xy)
    for objective in ("change", "compact", "balance", "travel"):
        plan = propose(problem, objective=objective, tolerance=0.2, effort="quick").best
        assert (plan.scores.pieces == 1).all()
        assert len(plan.scores.labels) == 4
        assert plan.scores.max_deviation <= 0.2


def test_stations_are_those_of_the_grids(city, workload):
    problem = problem_of(city, workload, beats=10, by_station=True)
    assert len(set(problem.parents)) == len(city.layer(Kind.STATION))


def test_a_new_beat_belongs_to_the_station_with_most_of_its_grids(city, workload):
    problem = problem_of(city, workload, beats=5)
    plan = plans_of(city, propose(problem, effort="quick"), name="five")[0]
    stations = station_of_grids(city)
    for label, beat in enumerate(plan.beats):
        inside = stations[plan.assignment == label].tolist()
        assert inside.count(beat.station) == max(map(inside.count, inside))


@pytest.mark.slow
def test_a_new_beat_spells_its_station_as_the_beats_of_today_do(city, workload):
    stations = station_of_grids(city)
    ids = sorted(set(stations.tolist()))
    rows = np.array([ids.index(station) for station in stations], dtype=np.int32)
    rows[:3] = -1
    beats = tuple(BeatInfo(f"old{n}", station=f"0{name}") for n, name in enumerate(ids))
    present = Plan("today", city.grids.ids, rows, beats)
    problem = problem_of(city, workload, beats=3 * len(ids), by_station=True, present=present)
    plan = plans_of(city, propose(problem, effort="quick"), name="more", present=present)[0]
    assert {beat.station for beat in plan.beats} == {f"0{name}" for name in ids}


@pytest.mark.slow
def test_with_as_many_beats_as_today_the_plan_changes_little():
    city = gridmap.make_city(grids=160, incidents=8000, seed=3)
    asked = {"beats": len(city.beats), "effort": "quick", "chance": 0, "seed": 2}
    found = gridmap.propose(city, **asked)
    other = gridmap.propose(city, objective="compact", **asked)
    (first,), (second,) = found.rows, other.rows
    assert (first["objective"], second["objective"]) == ("change", "compact")
    assert first["max_deviation"] <= 0.05
    assert first["kept_share"] > second["kept_share"] + 0.05
    # Who names a plan to start from wants a better one, not the same one again.
    begun = gridmap.propose(city, start=other.plans[0], **asked)
    assert begun.rows[0]["objective"] == "compact"
    fewer = gridmap.propose(city, **{**asked, "beats": len(city.beats) - 4})
    assert fewer.rows[0]["objective"] == "compact"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_quick_search_meets_a_share_to_keep_that_can_be_met(seed):
    city = gridmap.make_city(grids=480, incidents=20_000)
    asked = {"beats": 48, "effort": "quick", "chance": 0, "seed": seed}
    most = gridmap.propose(city, **asked).rows[0]
    assert most["max_deviation"] <= 0.05
    assert most["kept_share"] > 0.68
    kept = gridmap.propose(city, keep=0.7, objective="compact", **asked).rows[0]
    assert kept["kept_share"] >= 0.7
    assert kept["max_deviation"] <= 0.05
