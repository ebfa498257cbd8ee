"""Two plans side by side: which beat is which, what moved, what improves or gets worse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from gridmap.errors import MissingError
from gridmap.fields import Json
from gridmap.i18n import tr
from gridmap.measure.counted import is_missing, without_missing
from gridmap.measure.pieces import match_beats
from gridmap.measure.staffing import Steadiness, steady_posts
from gridmap.model import City, Plan
from gridmap.plans.draft import BeatFigures, Draft, Ground, max_deviation
from gridmap.typing import Bools, Ints


@dataclass(frozen=True, slots=True)
class PlanFigures:
    """Figures of a whole plan.

    Parameters
    ----------
    beats
        Number of beats that hold grids.
    empty_beats
        Beats without a grid: they count in no mean, and no deviation is theirs.
    residents_deviation, incidents_deviation, workload_deviation
        Worst deviation of a beat from the mean of the beats.
    workload_cv
        Standard deviation of the beats' workload over its mean.
    covered_share
        Share of the residents in beats who live within reach of a room.
    least_covered_share
        The same of the beat where it is least.
    mean_compactness
        Mean Polsby-Popper of the beats.
    pieces_max
        Pieces of the beat that has most.
    unassigned_grids
        Grids in no beat.
    """

    beats: int
    empty_beats: int
    residents_deviation: float
    incidents_deviation: float
    workload_deviation: float
    workload_cv: float
    covered_share: float
    least_covered_share: float
    mean_compactness: float
    pieces_max: int
    unassigned_grids: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Grids that go from one beat to another; ``""`` stands for no beat.

    Parameters
    ----------
    before, after
        Ids of the beats, of the old and the new plan.
    before_label, after_label
        Their names.
    grids
        Ids of the grids.
    residents, incidents
        Sums over the grids.
    """

    before: str
    after: str
    before_label: str
    after_label: str
    grids: tuple[str, ...]
    residents: float
    incidents: float


@dataclass(frozen=True, slots=True)
class BeatChange:
    """A beat of the old plan and the one that continues it.

    Parameters
    ----------
    before, after
        Ids; ``""`` for a beat that ends or is new.
    label
        Its name, the old one where there is one.
    figures_before, figures_after
        Its figures, None where it is not there.
    kept_share
        Share of its old residents that stay in it (of its grids where nobody lives).
    officers
        Its officers before.
    keeps_officers
        Whether at least half of the residents stay, so that the officers keep their
        community (no transfer within 3 years: 新时代“枫桥经验”, Heilongjiang).
    """

    before: str
    after: str
    label: str
    figures_before: BeatFigures | None
    figures_after: BeatFigures | None
    kept_share: float
    officers: float
    keeps_officers: bool


@dataclass(frozen=True, eq=False)
class Comparison:
    """What changes from an old plan to a new one.

    Parameters
    ----------
    old, new
        Names of the plans.
    beats
        Every beat of either, the old plan's first.
    flows
        The grids that change their beat, by beat left and joined, the most residents first.
    before, after
        Figures of the plans.
    grids_moved, residents_moved, incidents_moved
        Totals over the flows.
    officers, officers_kept
        Officers of the old plan, and those who keep their community.
    missing
        Counts that nobody made; figures of them are None in JSON and NaN in tables.
    directions
        ``rose``, ``fell`` or ``held`` for each deviation and the least covered share: known
        where the numbers themselves are hidden.
    """

    old: str
    new: str
    beats: tuple[BeatChange, ...]
    flows: tuple[Flow, ...]
    before: PlanFigures
    after: PlanFigures
    grids_moved: int
    residents_moved: float
    incidents_moved: float
    officers: float
    officers_kept: float
    missing: tuple[str, ...] = ()
    directions: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def grid_table(self) -> pd.DataFrame:
        """The grids that change their beat, for the map: ``grid, before, after``."""
        rows = [(grid, flow.before, flow.after) for flow in self.flows for grid in flow.grids]
        return pd.DataFrame(rows, columns=["grid", "before", "after"])

    def table(self) -> pd.DataFrame:
        """Return one row per beat: figures before and after, NaN where there is no such beat."""
        names = ("grids", "residents", "incidents", "workload", "pieces", "compactness")
        rows = []
        for beat in self.beats:
            row: dict[str, object] = {
                "before": beat.before, "after": beat.after, "name": beat.label,
                "kept_share": beat.kept_share, "officers": beat.officers,
                "keeps_officers": beat.keeps_officers,
            }  # fmt: skip
            for name in names:
                row[f"{name}_before"] = getattr(beat.figures_before, name, np.nan)
                row[f"{name}_after"] = getattr(beat.figures_after, name, np.nan)
            rows.append(row)
        table = pd.DataFrame(rows)
        table[[name for name in table.columns if is_missing(name, self.missing)]] = np.nan
        return table

    def sentences(self) -> list[str]:
        """Return the change in sentences that can be read aloud, the sum first."""
        return comparison_sentences(self)

    def to_dict(self) -> dict[str, Json]:
        """Return everything as plain values for JSON."""
        made = {
            field: getattr(self, field)
            for field in (
                "old",
                "new",
                "grids_moved",
                "residents_moved",
                "incidents_moved",
                "officers",
                "officers_kept",
            )
        }
        made["before"], made["after"] = asdict(self.before), asdict(self.after)
        made["flows"] = [{**asdict(flow), "grids": list(flow.grids)} for flow in self.flows]
        made["beats"] = [asdict(beat) for beat in self.beats]
        return {**without_missing(made, self.missing), "sentences": self.sentences()}


def compare_plans(ground: Ground, old: Plan, new: Plan) -> Comparison:
    """Compare two plans of the same grids.

    A beat continues the old one that has its id, so a grid whose beat has the same id in both
    plans has not moved, as `gridmap propose` counts the residents it keeps. Ids of one plan
    only are matched by the residents that the beats share, by workload where nobody lives
    (`gridmap.measure.match_beats`): a beat whose number is new has not moved either.

    Parameters
    ----------
    ground
        The grids.
    old, new
        The plans.

    Raises
    ------
    InputError
        If a plan is of other grids.
    """
    first, second = Draft.start(ground, old), Draft.start(ground, new)
    shared = ground.residents if ground.residents.sum() > 0 else ground.workload
    match = match_beats(old, new, shared)
    before, after = _continued(match, old, new)
    moved = before != after
    officers, kept = _officers(beats := _beats(first, second, match))
    return Comparison(
        old=old.name,
        new=new.name,
        beats=beats,
        flows=_flows(ground, old, new, moved),
        before=(old_figures := _figures(first)),
        after=(new_figures := _figures(second)),
        grids_moved=int(moved.sum()),
        residents_moved=float(ground.residents[moved].sum()),
        incidents_moved=float(ground.incidents[moved].sum()),
        officers=officers,
        officers_kept=kept,
        missing=ground.missing,
        directions=directions_of(old_figures, new_figures),
    )


def _continued(match: dict[int, int], old: Plan, new: Plan) -> tuple[Ints, Ints]:
    """Return each grid's beat in both plans, by rows of the old one; new beats follow."""
    row_of = np.full(len(new) + 1, -1, dtype=np.int64)
    for row in range(len(new)):
        row_of[row] = match.get(row, len(old) + row)
    return old.assignment.astype(np.int64), row_of[new.assignment]


def _flows(ground: Ground, old: Plan, new: Plan, moved: Bools) -> tuple[Flow, ...]:
    rows = np.flatnonzero(moved)
    groups: dict[tuple[int, int], list[int]] = {}
    for row in rows.tolist():
        key = (int(old.assignment[row]), int(new.assignment[row]))
        groups.setdefault(key, []).append(row)
    flows = []
    for (left, joined), members in groups.items():
        source = old.beats[left] if left >= 0 else None
        target = new.beats[joined] if joined >= 0 else None
        flows.append(
            Flow(
                before=source.id if source else "",
                after=target.id if target else "",
                before_label=source.label if source else "",
                after_label=target.label if target else "",
                grids=tuple(ground.grid_ids[members]),
                residents=float(ground.residents[members].sum()),
                incidents=float(ground.incidents[members].sum()),
            )
        )
    return tuple(sorted(flows, key=lambda f: (-f.residents, -len(f.grids), f.before, f.after)))


def _beats(first: Draft, second: Draft, match: dict[int, int]) -> tuple[BeatChange, ...]:
    ground, old, new = first.ground, first.plan, second.plan
    successor = {was: now for now, was in match.items()}
    beats = []
    for row, beat in enumerate(old.beats):
        now = successor.get(row)
        share = 0.0
        mine = old.assignment == row
        if now is not None and mine.any():  # today's layer may hold a beat without a grid
            weight = ground.residents if first.figures.residents[row] > 0 else np.ones(len(ground))
            share = float(weight[mine & (new.assignment == now)].sum() / weight[mine].sum())
        beats.append(
            BeatChange(
                before=beat.id,
                after="" if now is None else new.beats[now].id,
                label=beat.label,
                figures_before=first.figures.row(row),
                figures_after=None if now is None else second.figures.row(now),
                kept_share=share,
                officers=beat.officers,
                keeps_officers=share >= 0.5,
            )
        )
    beats += [
        BeatChange("", beat.id, beat.label, None, second.figures.row(row), 0.0, 0.0, False)  # noqa: FBT003 - a new beat keeps nobody
        for row, beat in enumerate(new.beats)
        if row not in match
    ]
    return tuple(beats)


def _officers(beats: tuple[BeatChange, ...]) -> tuple[float, float]:
    return (
        float(sum(beat.officers for beat in beats)),
        float(sum(beat.officers for beat in beats if beat.keeps_officers)),
    )


def _figures(draft: Draft) -> PlanFigures:
    figures = draft.figures.taken(np.flatnonzero(draft.figures.grids > 0))
    mean = figures.mean
    residents = float(figures.residents.sum())
    lived_in = figures.residents > 0
    return PlanFigures(
        beats=len(figures),
        empty_beats=len(draft.plan) - len(figures),
        residents_deviation=max_deviation(figures.residents, figures.grids),
        incidents_deviation=max_deviation(figures.incidents, figures.grids),
        workload_deviation=figures.max_deviation,
        workload_cv=float(figures.workload.std() / mean) if mean > 0 else 0.0,
        covered_share=float(figures.covered.sum() / residents) if residents > 0 else 0.0,
        least_covered_share=float(figures.covered_share[lived_in].min(initial=1.0)),
        mean_compactness=float(figures.compactness.mean()) if len(figures) else 0.0,
        pieces_max=int(figures.pieces.max(initial=0)),
        unassigned_grids=int((draft.plan.assignment < 0).sum()),
    )


# -- a comparison in sentences that a commander reads aloud


#: Flows that have a sentence of their own; one sentence sums up the rest.
FLOWS_TOLD = 10
_TOLD = ("residents_deviation", "incidents_deviation", "workload_deviation", "least_covered_share")


def directions_of(before: PlanFigures, after: PlanFigures) -> dict[str, str]:
    """Return whether each reported figure ``rose``, ``fell`` or ``held``."""
    made = {}
    for name in _TOLD:
        old, new = getattr(before, name), getattr(after, name)
        # A direction is that of what is printed.
        same = f"{old:.1%}" == f"{new:.1%}"
        made[name] = "held" if same else "fell" if new < old else "rose"
    return made


class _Star(float):
    """A number that is hidden: NaN, written as a star."""

    def __format__(self, spec: str) -> str:
        return "*"


def _shown(value: float) -> float:
    """Return a number as sentences write it: a star where it is hidden (NaN)."""
    return _Star("nan") if np.isnan(value) else value


def comparison_sentences(made: Comparison) -> list[str]:
    """Return the sum, the greatest flows, balance, coverage and officers, in this order."""
    if not made.grids_moved:
        lines = [tr("plans.compare.same", old=made.old, new=made.new)]
    else:
        lines = [
            tr(
                "plans.compare.total",
                old=made.old,
                new=made.new,
                count=made.grids_moved,
                amounts=_amounts(made, made.residents_moved, made.incidents_moved),
            )
        ]
    lines += [
        tr(
            "plans.compare.flow",
            count=len(flow.grids),
            before=flow.before_label,
            after=flow.after_label,
            amounts=_amounts(made, flow.residents, flow.incidents),
        )
        for flow in made.flows[:FLOWS_TOLD]
    ]
    rest = made.flows[FLOWS_TOLD:]
    if rest:
        count = sum(len(flow.grids) for flow in rest)
        residents = sum(flow.residents for flow in rest)
        amounts = _amounts(made, residents, sum(flow.incidents for flow in rest))
        lines.append(tr("plans.compare.rest", count=count, amounts=amounts))
    lines += _figures_in_words(made)
    before, after = made.before.empty_beats, made.after.empty_beats
    if before or after:
        names = {"old": made.old, "new": made.new}
        lines.append(tr("plans.compare.empty", before=before, after=after, **names))
    if made.officers > 0:
        lines.append(tr("plans.compare.officers", count=made.officers, kept=made.officers_kept))
    return lines


def _known(made: Comparison, name: str) -> bool:
    """Return whether the city has any residents, or incidents; without, there is no deviation."""
    return not max(getattr(made.before, name), getattr(made.after, name)) <= 0  # NaN: hidden


def _amounts(made: Comparison, residents: float, incidents: float) -> str:
    """Return the residents and incidents that change hands, of what the city counts."""
    has_incidents = _known(made, "incidents_deviation")
    kind = "both"
    if has_incidents != _known(made, "residents_deviation"):
        kind = "incidents" if has_incidents else "residents"
    return tr(
        f"plans.compare.amounts.{kind}", residents=_shown(residents), incidents=_shown(incidents)
    )


def _figures_in_words(made: Comparison) -> list[str]:
    lines: list[str] = []
    said: list[tuple[float, float]] = []
    for name in _TOLD:
        before, after = getattr(made.before, name), getattr(made.after, name)
        if name == "least_covered_share" and not max(
            made.before.covered_share, made.after.covered_share
        ):
            continue  # no room anywhere: nothing to report
        if name in {"residents_deviation", "incidents_deviation"} and not _known(made, name):
            continue
        alone = name == "workload_deviation" and len(said) == 1
        if alone and np.allclose((before, after), said[0], rtol=0, atol=0.00005, equal_nan=True):
            continue  # the workload is what has just been told
        said.append((before, after))
        key = f"plans.compare.{name}.{made.directions[name]}"
        lines.append(tr(key, before=_shown(before), after=_shown(after)))
    return lines


# -- posts of under three years in a comparison: who would lose a community too early


_MOST = 5  # names in a sentence


def posts_of(city: City) -> Steadiness | None:
    """Return when each beat's post may change hands; None where no beat has ``post_since``."""
    try:
        return steady_posts(city)
    except MissingError:
        return None


def broken_posts(comparison: Comparison, posts: Steadiness | None) -> tuple[str, ...]:
    """Return the old beats whose officer loses the community before the post is free.

    Parameters
    ----------
    comparison
        Today's beats beside a plan; a beat loses its officer where less than half of its
        residents stay (`gridmap.plans.BeatChange.keeps_officers`).
    posts
        When each post is free; None for none that is known.
    """
    if posts is None:
        return ()
    changed = (beat.before for beat in comparison.beats if beat.before and not beat.keeps_officers)
    return posts.broken(changed)


def tell_posts(comparison: Comparison, posts: Steadiness | None) -> list[str]:
    """Return that in words; nothing where no day is known."""
    if posts is None:
        return []
    broken = broken_posts(comparison, posts)
    labels = {beat.before: beat.label for beat in comparison.beats}
    names = tr("api.join").join(labels[beat] for beat in broken[:_MOST])
    key = "plans.posts.broken" if broken else "plans.posts.kept"
    bound, years = len(posts.bound), posts.years
    return [tr(key, count=len(broken), names=names, bound=bound, years=years)]
