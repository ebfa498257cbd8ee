"""What the Redraw page is in the middle of: plans on the table, a search, edits."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from gridmap.api.compare import PlanPoint
from gridmap.api.propose import ProposeOptions
from gridmap.api.propose import propose as propose_beats
from gridmap.errors import ConflictError, GridmapError, InputError
from gridmap.i18n import LANGUAGES, tr, using_language
from gridmap.model import City, Kind, Layer, Plan
from gridmap.pages.cache import criteria_of, ground_of_plans, plan_of
from gridmap.pages.ground import PageGround
from gridmap.pages.jobs import Job, Tell
from gridmap.pages.layout import NONE, number, show_chart, show_table
from gridmap.pages.session import Session, browser_mark
from gridmap.plans import LOCAL, Command, Comparison, Figures, History, PlanVersion, compare_plans
from gridmap.typing import Floats

_WORK = "redraw"
_MOST = 64
_LEFT: OrderedDict[tuple[str, ...], Redraw] = OrderedDict()


def restore_session(session: Session, grids: Layer | None) -> None:
    """Restore what an earlier session saved, unless this one has begun something itself."""
    place = place_of_work(session, grids)
    left = _LEFT.get(place) if place else None
    if left is not None and _WORK not in session.work:
        state = left.copied()
        if state.job is not None:
            state.job.hold_for(state)
        session.work[_WORK] = state


def save_session(session: Session, grids: Layer | None) -> None:
    """Save what the session is in the middle of."""
    state, place = session.work.get(_WORK), place_of_work(session, grids)
    if not place or not isinstance(state, Redraw):
        return
    _LEFT[place] = state.copied()
    _LEFT.move_to_end(place)
    while len(_LEFT) > _MOST:
        _LEFT.popitem(last=False)


def place_of_work(session: Session, grids: Layer | None) -> tuple[str, ...]:
    """Return what work is kept under; empty where nobody can be told from anybody else."""
    known = session.actor is not None and session.actor != LOCAL
    name = session.someone().name if known else browser_mark(session.settings)
    if grids is None or not name:
        return ()
    return ("account" if known else "browser", name, str(session.path.resolve()), grids.digest)


_WORDS = (
    "plans.proposal",
    "measure.present",
    *(f"partition.objective.{one}" for one in ("compact", "balance", "travel", "change")),
)


def made_name(name: str) -> str:
    """Return a plan's name in the reader's language where gridmap made it; a typed one stays.

    Today's beats, a proposal with its objective behind it, and a copy of either to be edited.
    """
    for language in LANGUAGES:
        before, after = tr("page.edit.copy", language=language, name="|").split("|")
        if name.startswith(before) and name.endswith(after):
            whole = name[len(before) : len(name) - len(after)]
            return tr("page.edit.copy", name=made) if (made := made_name(whole)) != whole else name
    words = {tr(key, language=one): tr(key) for key in _WORDS for one in LANGUAGES}
    parts = [re.fullmatch(r"(.*?)( \d+)?", part, re.DOTALL) for part in name.split("-")]
    said = [(one[1], one[2] or "") for one in parts if one]
    if said[0][0] not in words:
        return name
    return "-".join(words.get(word, word) + number for word, number in said)


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search.

    Parameters
    ----------
    told
        What the search says of its plans, in words, by language.
    plans
        The front of plans.
    rows
        One row per plan, as `gridmap.propose` makes them.
    points
        Today's beats where they are known, and each plan, beside randomly drawn plans.
    intervals
        Between what each beat's deviation lies in each plan, as shares; None where unknown.
    known_to
        Half width of the median beat's interval in the first plan, or None.
    steps
        What few changed grids reach, in words, by language.
    beyond
        Of each plan that deviates by more than was asked for: by how much, what was asked for, and
        the tolerance that it was searched with; None for the others.
    """

    told: Mapping[str, Sequence[str]]
    plans: tuple[Plan, ...]
    rows: tuple[Mapping[str, Any], ...]
    points: tuple[PlanPoint, ...] = ()
    intervals: tuple[Floats | None, ...] = ()
    known_to: float | None = None
    steps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    beyond: tuple[tuple[float, float, float] | None, ...] = ()

    def in_language(self) -> Found:
        """Return the same with its plans named in the reader's language."""
        if not self.plans or made_name(self.plans[0].name) == self.plans[0].name:
            return self
        return replace(
            self,
            plans=tuple(plan.renamed(made_name(plan.name)) for plan in self.plans),
            rows=tuple({**row, "name": made_name(str(row["name"]))} for row in self.rows),
            points=tuple(replace(point, name=made_name(point.name)) for point in self.points),
        )

    def asked_beyond(self, row: int) -> float | None:
        """Return what deviation was asked for where a plan goes beyond it, or None."""
        found = self.beyond[row] if self.beyond else None
        return None if found is None else found[1]

    @property
    def today(self) -> PlanPoint | None:
        """Today's beats beside the plans, or None."""
        return next((point for point in self.points if point.today), None)


@dataclass(slots=True)
class Sitting:
    """A plan being edited, and the version of it in the store.

    Parameters
    ----------
    start
        The plan that the edits began with.
    history
        The current plan, with its commands.
    base
        Name and number of the version to save upon, or None for a plan not stored yet.
    origin
        Name and number of the version that the commands start from, or None.
    saved
        The commands that the last save held.
    conflict
        What the store said when somebody else had saved in between, or None.
    """

    start: Plan
    history: History
    base: tuple[str, int] | None = None
    origin: tuple[str, int] | None = None
    saved: tuple[Command, ...] = ()
    conflict: ConflictError | None = None

    @property
    def is_saved(self) -> bool:
        """Whether the store holds the current plan."""
        return self.base is not None and self.history.commands == self.saved

    def apply(self, *commands: Command) -> None:
        """Carry commands out, all or none.

        Raises
        ------
        GridmapError
            If the role does not allow it, or something speaks against it.
        """
        self.history = reduce(History.apply, commands, self.history)


@dataclass(slots=True, weakref_slot=True)
class Redraw:
    """One reader's redrawing.

    Parameters
    ----------
    step
        ``propose``, ``compare``, ``edit`` or ``versions``.
    goes
        Whether a button has just asked for `step`.
    weights
        Criteria and weights that the workload is made of.
    tolerance
        Greatest deviation of a beat from the mean that was asked for, as a share.
    seen
        Stamp of the last stroke of the brush that is in the plan.
    job
        The search that runs, or None.
    several
        Whether `job` looks for several plans.
    error
        Why the last search came back with nothing, or None.
    found
        What the last search came back with.
    looked_at
        Row of the plan of `found` that the map shows.
    kept
        The versions that plans of `found` were saved as, by row.
    sitting
        The plan that is being edited, or None.
    """

    step: str = "propose"
    goes: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    tolerance: float = 0.05
    seen: int = 0
    job: Job[Found] | None = None
    several: bool = False
    error: GridmapError | None = None
    found: Found | None = None
    looked_at: int = 0
    kept: dict[int, PlanVersion] = field(default_factory=dict)
    sitting: Sitting | None = None

    def begin(self, work: Callable[[Tell, Callable[[], bool]], Found]) -> Job[Found]:
        """Begin a search; it is stopped when the reader's session is gone.

        Parameters
        ----------
        work
            As `gridmap.pages.jobs.Job` takes it; it must not hold on to the session.
        """
        self.job, self.error = Job(work), None
        self.job.hold_for(self)
        self.job.start()
        return self.job

    def search(self, city: City, options: ProposeOptions) -> None:
        """Begin a search for plans."""

        def work(tell: Tell, stops: Callable[[], bool]) -> Found:
            result = propose_beats(city, options, progress=tell, should_stop=stops)
            # What stands beside the plans is worked out here too: the page does not wait for it.
            told = {one: result.proposal.sentences(one) for one in LANGUAGES}
            if stops():
                return Found(told, result.plans, result.rows, beyond=result.beyond())
            if result.chance is not None:
                told = {one: [*lines, result.chance.law(one)] for one, lines in told.items()}
            steps: dict[str, list[str]] = {}
            for language in LANGUAGES:
                with using_language(language):
                    steps[language] = [rung.sentence() for rung in result.ladder]
            return Found(
                told,
                result.plans,
                result.rows,
                result.points,
                tuple(result.intervals(row) for row in range(len(result.plans))),
                result.known_to,
                steps,
                result.beyond(),
            )

        self.several = options.front > 1
        self.begin(work)

    def copied(self) -> Redraw:
        """Return the same for another session: what is done there is not done here."""
        copy = replace(self, kept=dict(self.kept), goes=False)
        if self.sitting is not None:
            copy.sitting = replace(self.sitting)
        return copy

    def end(self) -> None:
        """Take what a search that is done has come back with."""
        if self.job is None:
            return
        job, self.job = self.job, None
        found = job.result()
        self.error = job.error
        if found is not None:
            self.found, self.looked_at, self.kept = found, 0, {}


def redraw_of(ground: PageGround) -> Redraw:
    """Return what this reader is in the middle of."""
    state = ground.session.work.get("redraw")
    if not isinstance(state, Redraw):
        state = Redraw()
        ground.session.work["redraw"] = state
    if state.found is not None:
        state.found = state.found.in_language()
    sitting = state.sitting
    if sitting is not None and sitting.base is None:  # what is not saved yet
        current = sitting.history.current
        name = made_name(current.plan.name)
        if name != current.plan.name:
            draft = replace(current, plan=current.plan.renamed(name))
            sitting.history = replace(sitting.history, current=draft)
    return state


def saved_versions(ground: PageGround) -> tuple[PlanVersion, ...]:
    """Return the latest version of each saved plan; opens no store where there is none."""
    session = ground.session
    if not session.settings.database_url and not (session.path / "plans.db").exists():
        return ()
    with session.store(session.path) as store:
        return store.list()


def saved_plan(ground: PageGround, version: PlanVersion) -> Plan | None:
    """Return a saved plan on the city's grids, or None if the grids have changed."""

    def load() -> Plan | None:
        with ground.session.store(ground.session.path) as store:
            try:
                return store.load(version.name, version.number, grids=ground.city.grids)
            except InputError:
                return None

    return plan_of(version, ground.city.grids.digest, load)


def stored_plans(ground: PageGround) -> dict[str, Plan]:
    """Return the plans that can be looked at by name: today's beats, proposals, saved ones."""
    found: dict[str, Plan] = {}
    if ground.plan is not None:
        found[ground.plan.name] = ground.plan
    state = redraw_of(ground)
    if state.found is not None:
        found.update({plan.name: plan for plan in state.found.plans})
    for version in saved_versions(ground):
        plan = saved_plan(ground, version)
        if plan is not None:
            found[version.name] = plan
    if state.sitting is not None:
        plan = state.sitting.history.current.plan
        found[plan.name] = plan
    return found


# -- what a plan changes, in one table that stays in its place, and every beat's load as bars


_WIDE_BEATS = 60  # more bars than this have no room for their names


def compared(ground: PageGround, old: Plan, new: Plan, weights: Mapping[str, float]) -> Comparison:
    """Return what changes from one plan to another; the last pairs are kept."""
    kept = ground.session.work.setdefault("compared", {})
    key = (ground.key, old.digest, new.digest, tuple(sorted(weights.items())))
    if key not in kept:
        while len(kept) >= 8:
            kept.pop(next(iter(kept)))
        kept[key] = compare_plans(ground_of_plans(ground.city, ground.key, weights), old, new)
    found: Comparison = kept[key]
    return found


def border_km(city: City, plan: Plan) -> float:
    """Return the length of the borders between beats of a plan."""
    pairs = city.adjacency
    apart = plan.assignment[pairs.first] != plan.assignment[pairs.second]
    return float(pairs.length_m[apart].sum()) / 1000.0


def change_rows(
    city: City, criteria: Sequence[str], found: Comparison, old: Plan, new: Plan
) -> list[tuple[str, str, str]]:
    """Return what changes: what it is, before, after; a figure that nobody knows is left out.

    Parameters
    ----------
    city, criteria
        The city, and what of it is counted.
    found
        The two plans compared.
    old, new
        The plans.
    """
    before, after = found.before, found.after
    rows = []

    def add(key: str, one: float, other: float, form: str) -> None:
        if np.isfinite([one, other]).all():
            rows.append((tr(f"page.change.{key}"), f"{one:{form}}", f"{other:{form}}"))

    add("workload", before.workload_deviation, after.workload_deviation, ".1%")
    for name in ("residents", "incidents"):
        if name in criteria:
            key = f"{name}_deviation"
            add(name, getattr(before, key), getattr(after, key), ".1%")
    if city.has(Kind.ROOM) and "residents" in criteria:
        add("covered", before.covered_share, after.covered_share, ".1%")
    add("border", border_km(city, old), border_km(city, new), ",.1f")
    add("beats", before.beats, after.beats, ",.0f")
    if before.empty_beats or after.empty_beats:
        add("empty", before.empty_beats, after.empty_beats, ",.0f")
    if "residents" in criteria:
        everyone = float(city.grids.counts("residents").sum())
        share = found.residents_moved / everyone if everyone else 0.0
        text = f"{number(found.residents_moved)} ({share:.1%})"
        rows.append((tr("page.change.people"), NONE, text))
    rows.append((tr("page.change.grids"), NONE, number(found.grids_moved)))
    if found.officers:
        changed = number(found.officers - found.officers_kept)
        rows.append((tr("page.change.officers"), NONE, changed))
    return rows


def show_change(
    ground: PageGround,
    old: Plan,
    new: Plan,
    weights: Mapping[str, float],
    *,
    names: tuple[str, str] | None = None,
) -> Comparison:
    """Draw the table of what changes from one plan to another, and return the comparison."""
    found = compared(ground, old, new, weights)
    known = criteria_of(ground.city, ground.key)
    show_table(
        ("", *(names or (old.name, new.name))),
        change_rows(ground.city, known, found, old, new),
    )
    whole = ground.whole_grids_note()
    if whole:
        st.caption(whole)
    return found


def show_bars(
    plan: Plan, figures: Figures, tolerance: float, between: Floats | None = None
) -> None:
    """Draw how far each beat with grids is from the mean, the greatest load first.

    Parameters
    ----------
    plan, figures
        The plan, and its beats' figures.
    tolerance
        Bars beyond this share are of another colour.
    between
        Between what each beat's deviation lies (beats, 2), as shares: a line on its bar.
    """
    off = figures.deviation * 100
    order = np.argsort(-off, kind="stable")
    order = order[figures.grids[order] > 0]  # the table tells how many beats have no grid
    frame = pd.DataFrame(
        {
            "at": np.arange(len(order)),
            "beat": [plan.beats[row].label for row in order],
            "off": off[order],
            "kind": np.where(np.abs(off[order]) > 100 * tolerance, "over", "within"),
        }
    )
    few = len(frame) <= _WIDE_BEATS
    bars = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X(
                "at:O",
                title=None,
                axis=alt.Axis(labels=False, ticks=False, domain=False, grid=False),
                scale=alt.Scale(paddingInner=0.15 if few else 0.0),
            ),
            y=alt.Y("off:Q", title=tr("page.edit.off")),
            color=alt.Color(
                "kind:N",
                legend=None,
                scale=alt.Scale(domain=["over", "within"], range=["#d97706", "#2f7fc1"]),
            ),
            tooltip=[
                alt.Tooltip("beat", title=tr("maps.column.beat")),
                alt.Tooltip("off", title=tr("page.edit.off"), format="+.1f"),
            ],
        )
    )
    limits = (
        alt.Chart(pd.DataFrame({"limit": [100 * tolerance, -100 * tolerance]}))
        .mark_rule(strokeDash=[4, 3], color="#d9483b")
        .encode(y="limit:Q")
    )
    whiskers = []
    if between is not None:
        frame[["low", "high"]] = between[order] * 100
        line = alt.Chart(frame).mark_rule(color="#7d8c9b")
        whiskers = [line.encode(x=alt.X("at:O"), y=alt.Y("low:Q"), y2="high:Q")]
    worst = f"{figures.max_deviation:.1%}"
    title = tr("page.bars.title", worst=worst, count=int((frame["kind"] == "over").sum()),
               tolerance=f"{tolerance:.0%}")  # fmt: skip
    st.caption(title)
    show_chart(alt.layer(bars, *whiskers, limits).properties(height=150), title)
