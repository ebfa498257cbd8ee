"""Commands, undo, redo, save and reload against a model of plain dictionaries."""

import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pyproj import CRS

from gridmap.errors import ConflictError, InfeasibleError, InputError, MissingError
from gridmap.model import City, Kind, Layer, Plan
from gridmap.plans import (
    LOCAL,
    AssignOfficers,
    Draft,
    Ground,
    History,
    LockBeat,
    LockGrids,
    MergeBeats,
    MoveGrids,
    NewBeat,
    PlanStore,
    RenameBeat,
    SplitBeat,
    measure_beats,
    replay,
)

COLUMNS, ROWS = 5, 4
COUNT = COLUMNS * ROWS
METRES = CRS.from_epsg(4547)


def ground():
    shapes = [
        shapely.box(c * 100.0, r * 100.0, c * 100.0 + 100, r * 100.0 + 100)
        for r in range(ROWS)
        for c in range(COLUMNS)
    ]
    frame = gpd.GeoDataFrame(
        {
            "id": [f"g{n}" for n in range(COUNT)],
            "residents": np.arange(COUNT) * 7.0 % 11,
            "incidents": np.arange(COUNT) * 3.0 % 5,
        },
        geometry=shapes,
        crs=METRES,
    )
    return Ground.from_city(City("town", METRES, {Kind.GRID: Layer(Kind.GRID, frame)}))


GROUND = ground()
GRIDS = st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=4, unique=True).map(
    lambda rows: tuple(f"g{row}" for row in rows)
)
NAMES = st.sampled_from(["北", "南", "a b"])
BEATS = st.sampled_from(["a", "b", "c", "d", "e"])


def neighbours(row):
    x, y = row % COLUMNS, row // COLUMNS
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        if 0 <= x + dx < COLUMNS and 0 <= y + dy < ROWS:
            yield row + dx + dy * COLUMNS


def count_pieces(rows):
    """Flood fill on plain sets: another way to the same number."""
    left, pieces = set(rows), 0
    while left:
        pieces += 1
        front = [left.pop()]
        while front:
            for row in neighbours(front.pop()):
                if row in left:
                    left.remove(row)
                    front.append(row)
    return pieces


class Editing(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.folder = tempfile.TemporaryDirectory()
        self.store = PlanStore.open(Path(self.folder.name) / "plans.db")
        labels = ["a" if row % COLUMNS < 3 else "b" for row in range(COUNT)]
        plan = Plan.from_labels("p", GROUND.grid_ids, labels)
        self.history = History(Draft.start(GROUND, plan), LOCAL)
        # The model: state = (beat of each grid, {beat: (name, officers)}, locks)
        state = (tuple(labels), {"a": ("", 0.0), "b": ("", 0.0)}, frozenset(), frozenset())
        self.states, self.at = [state], 0
        self.saved = []
        self.base, self.origin = None, None

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    @property
    def state(self):
        return self.states[self.at]

    def attempt(self, command, after):
        """Carry out a command; ``after`` is the model's state, or None where it must fail."""
        before = self.history
        try:
            self.history = before.apply(command)
        except (InputError, MissingError):
            assert after is None
            return
        except InfeasibleError:
            assert after is not None
            self.check_veto(command, after)
            return
        assert after is not None
        self.states = [*self.states[: self.at + 1], after]
        self.at += 1

    def check_veto(self, command, after):
        labels, _, locked_beats, locked_grids = self.state
        changed = [row for row in range(COUNT) if labels[row] != after[0][row]]
        beats = {labels[row] for row in changed} | {after[0][row] for row in changed}
        if beats & locked_beats or {f"g{row}" for row in changed} & locked_grids:
            return
        if isinstance(command, (MergeBeats, SplitBeat)):
            beats |= set(after[1]) - set(self.state[1])
        # Otherwise some beat must really be in pieces after it.
        assert not command.insist
        assert any(
            count_pieces([row for row in range(COUNT) if after[0][row] == beat]) > 1
            for beat in beats - {""}
        )

    def moved(self, grids, to):
        labels, beats, locked_beats, locked_grids = self.state
        rows = {int(grid[1:]) for grid in grids}
        if all(labels[row] == to for row in rows):
            return None
        made = tuple(to if row in rows else label for row, label in enumerate(labels))
        return (made, beats, locked_beats, locked_grids)

    @rule(grids=GRIDS, to=st.one_of(BEATS, st.just("")), insist=st.booleans())
    def move(self, grids, to, insist):
        known = to == "" or to in self.state[1]
        self.attempt(MoveGrids(grids, to, insist), self.moved(grids, to) if known else None)

    @rule(beat=BEATS, grids=GRIDS, new=BEATS, name=NAMES)
    def split(self, beat, grids, new, name):
        labels, beats, *locks = self.state
        fits = beat in beats and new not in beats
        fits = fits and all(labels[int(grid[1:])] == beat for grid in grids)
        after = None
        if fits:
            made = self.moved(grids, new)
            after = (made[0], {**beats, new: (name, 0.0)}, *locks)
        self.attempt(SplitBeat(beat, grids, new, name), after)

    @rule(beat=BEATS, grids=st.one_of(GRIDS, st.just(())), name=NAMES)
    def found(self, beat, grids, name):
        labels, beats, *locks = self.state
        after = None
        if beat not in beats:
            made = self.moved(grids, beat)[0] if grids else labels
            after = (made, {**beats, beat: (name, 0.0)}, *locks)
        self.attempt(NewBeat(beat, name, grids, insist=True), after)

    @rule(ending=BEATS, into=BEATS, insist=st.booleans())
    def merge(self, ending, into, insist):
        labels, beats, locked_beats, locked_grids = self.state
        after = None
        if ending in beats and into in beats and ending != into:
            made = tuple(into if label == ending else label for label in labels)
            staff = beats[into][1] + beats[ending][1]
            rest = {name: value for name, value in beats.items() if name != ending}
            rest[into] = (rest[into][0], staff)
            after = (made, rest, locked_beats - {ending}, locked_grids)
        self.attempt(MergeBeats((ending,), into, insist), after)

    @rule(beat=BEATS, name=NAMES)
    def rename(self, beat, name):
        labels, beats, *locks = self.state
        fits = beat in beats and beats[beat][0] != name
        after = (labels, {**beats, beat: (name, beats[beat][1])}, *locks) if fits else None
        self.attempt(RenameBeat(beat, name), after)

    @rule(beat=BEATS, officers=st.integers(1, 3))
    def staff(self, beat, officers):
        labels, beats, *locks = self.state
        fits = beat in beats and beats[beat][1] != officers
        after = None
        if fits:
            after = (labels, {**beats, beat: (beats[beat][0], float(officers))}, *locks)
        self.attempt(AssignOfficers(beat, officers), after)

    @rule(beat=BEATS, locked=st.booleans())
    def lock_beat(self, beat, locked):
        labels, beats, now, grids = self.state
        fits = beat in beats and (beat in now) != locked
        after = (labels, beats, now | {beat} if locked else now - {beat}, grids)
        self.attempt(LockBeat(beat, locked), after if fits else None)

    @rule(grids=GRIDS, locked=st.booleans())
    def lock_grids(self, grids, locked):
        labels, beats, now, held = self.state
        made = held | set(grids) if locked else held - set(grids)
        after = (labels, beats, now, frozenset(made))
        self.attempt(LockGrids(grids, locked), after if made != held else None)

    @precondition(lambda self: self.at > 0)
    @rule()
    def undo(self):
        self.history = self.history.undo()
        self.at -= 1

    @precondition(lambda self: self.at < len(self.states) - 1)
    @rule()
    def redo(self):
        self.history = self.history.redo()
        self.at += 1

    @precondition(lambda self: (self.base or 0) == len(self.saved))
    @rule(stay=st.booleans())
    def save(self, stay):
        draft = self.history.current
        version = self.store.save(
            draft.plan,
            author=LOCAL,
            base_version=self.base,
            commands=self.history.commands,
            locks=draft.locks,
            faults=draft.faults,
            origin=self.origin,
        )
        self.saved.append(self.state)
        assert version.number == len(self.saved)
        assert version.origin == (self.origin or (("p", self.base) if self.base else None))
        if version.origin:  # what was saved can be made again from where the sitting began
            again = replay(self.stored(version.origin[1]), self.store.commands("p"))
            assert again.plan.digest == version.digest
        if stay and self.origin:
            self.origin, self.base = version.origin, version.number
        else:
            self.open(version.number)

    @precondition(lambda self: self.saved)
    @rule(data=st.data())
    def reload(self, data):
        self.open(data.draw(st.integers(1, len(self.saved))))

    @precondition(lambda self: self.base is not None and self.base < len(self.saved))
    @rule()
    def save_on_an_old_version(self):
        try:
            self.store.save(self.history.current.plan, author=LOCAL, base_version=self.base)
        except ConflictError:
            self.open(len(self.saved))
            return
        raise AssertionError

    def stored(self, number):
        plan = self.store.load("p", number)
        return Draft.start(GROUND, plan, locks=self.store.version("p", number).locks)

    def open(self, number):
        self.history = History(self.stored(number), LOCAL)
        self.states, self.at = [self.saved[number - 1]], 0
        self.base, self.origin = number, ("p", number)

    @invariant()
    def agrees(self):
        if not hasattr(self, "history"):
            return
        labels, beats, locked_beats, locked_grids = self.state
        draft = self.history.current
        assert tuple(draft.plan.labels) == labels
        assert {b.id: (b.name, b.officers) for b in draft.plan.beats} == beats
        assert (draft.locks.beats, draft.locks.grids) == (locked_beats, locked_grids)
        for row, beat in enumerate(draft.plan.beats):
            members = [n for n in range(COUNT) if labels[n] == beat.id]
            assert draft.figures.pieces[row] == count_pieces(members)
            assert draft.figures.grids[row] == len(members)
            assert draft.figures.residents[row] == sum(n * 7 % 11 for n in members)
        full = measure_beats(GROUND, draft.plan.assignment, len(draft.plan))
        assert (full.workload == draft.figures.workload).all()
        assert (full.perimeter_m == draft.figures.perimeter_m).all()

    @invariant()
    def replays(self):
        if not hasattr(self, "history") or self.origin is None:
            return
        again = replay(self.stored(self.origin[1]), self.history.commands)
        assert again.plan.digest == self.history.current.plan.digest
        assert again.locks == self.history.current.locks


Editing.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow],
)
TestEditing = Editing.TestCase
