"""The answer: plans with their scores, bounds and reasons, and what was not reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridmap.errors import some_ids
from gridmap.i18n import tr
from gridmap.partition._arrays import best_sites
from gridmap.partition._instance import beat_names, empty_attraction
from gridmap.partition._regions import Division, Region, SearchNote, pieces_of, shares_of
from gridmap.partition.problem import Problem
from gridmap.typing import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposalProgress:
    """How far a search is: share done, 0 to 1, and which objective it works on.

    ``reached`` is the worst deviation of the best plan so far, None before there is one.
    """

    share: float
    objective: str
    reached: float | None = None

    def sentence(self) -> str:
        """Return the best plan so far in words; blank before there is one."""
        found = self.reached
        return "" if found is None else tr("partition.best_so_far", worst=found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """What is known about the best possible value of an objective.

    Attributes
    ----------
    objective
        Name of the measure, as in `Scores`.
    value, lower
        The plan's value and a proven lower bound, or None where no bound is known.
    proven
        Whether the plan is proven optimal (gap at most 1e-6).
    """

    objective: str
    value: float
    lower: float | None = None
    proven: bool = False

    @property
    def gap(self) -> float | None:
        """Return (value - lower) / value, or None without a bound."""
        if self.lower is None:
            return None
        return max(0.0, (self.value - self.lower) / self.value) if self.value else 0.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Candidate:
    """One plan: the beat of each grid (n,), its scores and what is proven about it.

    ``feasible`` is whether it meets the request under its own ``tolerance``, which is wider or
    narrower than the one asked for in further plans of a front. ``net_deviation`` is the worst
    deviation net of what single heavy grids and whole numbers of beats per station force.
    """

    assignment: Ints
    objective: str
    scores: Scores
    tolerance: float
    net_deviation: float
    bounds: tuple[Bound, ...] = ()
    feasible: bool = True

    @property
    def proven(self) -> bool:
        """Whether the plan is proven optimal for one of its bounds."""
        return any(bound.proven for bound in self.bounds)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Proposal:
    """Plans on a front of trade-offs, the one asked for first.

    Attributes
    ----------
    candidates
        At least one plan.
    bridges
        Pairs of grids (b, 2) joined to make islands part of a beat.
    notes
        What the user must know, as catalogue keys with values; `sentences` gives the text.
    """

    candidates: tuple[Candidate, ...]
    bridges: Ints
    notes: tuple[SearchNote, ...]
    problem: Problem
    seconds: float
    seed: int
    effort: str

    @property
    def best(self) -> Candidate:
        """The plan for the objective asked for."""
        return self.candidates[0]

    def exceeds(self, candidate: Candidate) -> bool:
        """Return whether a further plan, searched more widely, is outside what was asked for."""
        asked, problem = self.best.tolerance, self.problem
        if candidate.tolerance <= asked or problem.bounds is not None:
            return False
        allowed = np.array(problem.tolerances or (asked,) * problem.criteria)
        return bool((np.abs(candidate.scores.deviations) > allowed + _TRIFLE).any())

    def sentences(self, language: str | None = None) -> list[str]:
        """Return the notes as sentences in ``zh`` or ``en`` (the current language if None)."""
        return [note.text(language) for note in self.notes]

    def proofs(self, language: str | None = None) -> list[str]:
        """Return sentences on what is forced and what is proven about the plan asked for."""
        notes = (*_net(self.best), *explain_proofs(self.best))
        return [note.text(language) for note in notes]


_NOTABLE = 0.005  # deviation that is forced and worth a sentence
_PROOFS = {
    "cut_m": ("partition.reason.cut_proven", "partition.reason.cut_gap"),
    "travel_m": ("partition.reason.travel_proven", "partition.reason.travel_gap"),
    "moved": ("partition.reason.moved_proven", ""),
    "max_deviation": ("partition.reason.balance_proven", ""),
}
_OPEN = {"cut_m": "partition.reason.cut_open", "travel_m": "partition.reason.travel_open"}


def explain_proofs(candidate: Candidate) -> tuple[SearchNote, ...]:
    """Return what is proven about a plan; for an objective without a bound, that there is none.

    Borders are left out where the plan is about travel, which has a bound.
    """
    bounds = candidate.bounds
    if candidate.objective == "travel" and any(b.objective == "travel_m" for b in bounds):
        bounds = tuple(b for b in bounds if b.objective == "travel_m" or b.proven)
    return tuple(_proof(bound) for bound in bounds)


def _net(candidate: Candidate) -> list[SearchNote]:
    """Return how far the plan is from even, net of what single grids and stations force."""
    worst, net = candidate.scores.max_deviation, candidate.net_deviation
    if worst - net <= _NOTABLE:
        return []
    return [SearchNote("partition.reason.net", {"worst": worst, "net": net})]


def _proof(bound: Bound) -> SearchNote:
    proven, gap = _PROOFS[bound.objective]
    if bound.proven:
        return SearchNote(proven)
    if bound.gap is None:
        return SearchNote(_OPEN[bound.objective])
    return SearchNote(gap, {"gap": bound.gap})


_TRIFLE = 1e-12


def shortfalls(
    problem: Problem,
    best: Candidate,
    tolerance: float,
    keep: float | None,
    division: Division,
    *,
    all_plans: bool = False,
    binding: tuple[str, ...] = (),
) -> tuple[SearchNote, ...]:
    """Return what the division of the city says, and what a plan does not hold.

    Parameters
    ----------
    all_plans
        Whether all plans were enumerated, so that what was not reached cannot be.
    binding
        Conditions without which the tolerance could be met: ``keep``, ``apart``.
    """
    names = beat_names(problem, best.assignment)
    across = _across_frozen(problem, division)
    islands = [
        note
        for note in division.notes
        if not across
        or note.key != "partition.note.bridges"
        or note.values["count"] != across[0].values["count"]
    ]
    notes = [*islands, *across]
    if problem.bounds is not None:
        notes += _off_bounds(problem, best, names)
    notes += _off_balance(problem, best, tolerance, division, names, all_plans=all_plans)
    over = best.scores.labels[over_limits(problem, best.assignment)]
    if over.size:
        named = {"beats": some_ids(names[int(b)] for b in over), "count": len(over)}
        notes.append(SearchNote("partition.note.limits", {**named}))
    beyond = beyond_reach(problem, best.scores, best.assignment)
    if beyond.size:
        ids = some_ids(problem.name_of(beyond))
        notes.append(SearchNote("partition.note.reach", {"ids": ids, "count": len(beyond)}))
    if not best.feasible:
        values: dict[str, object] = {"asked": keep, "count": len(problem.apart)}
        notes += [SearchNote(f"partition.note.binding_{name}", {**values}) for name in binding]
    scores = best.scores
    if keep is not None and scores.kept is not None and scores.kept < keep - _TRIFLE:
        most = most_kept(problem)
        key = "partition.note.keep_all_plans" if all_plans else "partition.note.keep"
        key = key if most >= keep else "partition.note.keep_fewer"
        part_report = {"asked": keep, "reached": scores.kept, "most": most, "beats": problem.beats}
        notes.append(SearchNote(key, {**part_report}))
    together = [
        " + ".join(map(str, problem.name_of(pair)))
        for pair in problem.apart
        if best.assignment[pair[0]] == best.assignment[pair[1]]
    ]
    if together:
        notes.append(
            SearchNote("partition.note.apart", {"ids": some_ids(together), "count": len(together)})
        )
    return tuple(notes)


def over_limits(problem: Problem, assignment: Ints) -> Bools:
    """Return which beats, by ascending label, hold more of an amount than they may."""
    labels, row = np.unique(assignment, return_inverse=True)
    over = np.zeros(len(labels), dtype=np.bool_)
    for c, most in enumerate(problem.limits):
        held = np.bincount(row, weights=problem.limited[:, c], minlength=len(labels))
        over |= held > most * (1 + 1e-9)
    return over


def beyond_reach(problem: Problem, scores: Scores, assignment: Ints) -> Ints:
    """Return the grids that are farther from their beat's centre or room than they may be."""
    if problem.reach is None or scores.centres is None:
        return np.zeros(0, dtype=np.int64)
    centre = scores.centres[np.searchsorted(scores.labels, assignment)]
    if problem.travel is not None:
        far = problem.travel[np.arange(problem.grids), centre].astype(np.float64)
    else:
        xy = problem.xy
        assert xy is not None  # noqa: S101 - a reach needs places; for the type checker
        far = np.hypot(*(xy - xy[centre]).T)
    return np.flatnonzero(far > problem.reach * (1 + 1e-6))


def most_kept(problem: Problem) -> float:
    """Return the share that can keep its beat at most: that of today's largest beats."""
    assert problem.present is not None  # noqa: S101 - the caller's case; for the type checker
    keep = problem.keep_values
    has = problem.present >= 0
    held = np.sort(np.bincount(problem.present[has], weights=keep[has]))[::-1]
    total = float(held.sum())
    return float(held[: problem.beats].sum()) / total if total > 0 else 1.0


def _across_frozen(problem: Problem, division: Division) -> list[SearchNote]:
    """Return which grids only locked beats connect with the rest."""
    if not division.frozen.any() or not len(division.bridges):
        return []
    everywhere = np.ones(len(problem.edges), dtype=np.bool_)
    _, whole = pieces_of(problem.grids, problem.edges, everywhere)
    ends = division.bridges
    cut = ends[whole[ends[:, 0]] == whole[ends[:, 1]]]
    if not len(cut):
        return []
    pairs = [" - ".join(map(str, problem.name_of(pair))) for pair in cut]
    return [
        SearchNote("partition.note.across_locked", {"ids": some_ids(pairs), "count": len(cut)})
    ]


def _off_balance(
    problem: Problem,
    best: Candidate,
    tolerance: float,
    division: Division,
    names: dict[int, str],
    *,
    all_plans: bool,
) -> list[SearchNote]:
    """Return where beats are outside their tolerance, by criterion, and why.

    Absolute bounds stand in for the tolerance of the first criterion.
    """
    allowed = np.array(problem.tolerances or (tolerance,) * problem.criteria)
    notes: list[SearchNote] = []
    bounded = problem.bounds is not None
    even = allowed.tolist()
    locked = None if bounded else _locked(problem, best, float(allowed[0]), names)
    for c in range(int(bounded), problem.criteria):
        off, cause = _worst(problem, best, division, even, c)
        wrong = [label for label, value in off.items() if value > allowed[c] + _TRIFLE]
        if not wrong:
            continue
        values: dict[str, object] = {
            "beats": some_ids(names[label] for label in wrong),
            "asked": float(allowed[c]),
            "reached": max(off.values()),
            "criterion": problem.criterion_names[c] if problem.criterion_names else c + 1,
        }
        heavy = _heavy(problem, c, float(allowed[c]), cause)
        if heavy is not None:
            grids, least = heavy
            key = "partition.note.heavy_grid" if len(grids) == 1 else "partition.note.heavy_group"
            values |= {"ids": some_ids(problem.name_of(grids)), "least": least}
            notes.append(SearchNote(key, values))
        elif all_plans:
            notes.append(SearchNote("partition.note.all_plans", values))
        elif problem.criteria > 1:
            notes.append(SearchNote("partition.note.tolerance_of", values))
        else:
            notes.append(SearchNote("partition.note.tolerance", values))
    if locked is not None:
        within = max(_worst(problem, best, division, even, 0)[0].values(), default=0.0)
        notes.insert(0, SearchNote("partition.note.locked", {**locked, "within": within}))
    return notes


def _worst(
    problem: Problem, best: Candidate, division: Division, allowed: Sequence[float], criterion: int
) -> tuple[dict[int, float], dict[int, Region]]:
    """Return how far each beat is from what its part of the city can give it."""
    off: dict[int, float] = {}
    cause: dict[int, Region] = {}
    for region in division.regions:
        beat = best.assignment[region.grids]
        labels = np.unique(beat)
        load = problem.weights[region.grids, criterion]
        # Numbers may have changed hands since, between beats of the same target.
        share = shares_of(problem, labels)[:, criterion]
        aim = region.aims(allowed)[:, criterion]
        targets = share / share.sum() * float(aim.sum())
        for label, target in zip(labels.tolist(), targets.tolist(), strict=True):
            if target > 0:
                off[label] = abs(float(load[beat == label].sum()) / target - 1)
                cause[label] = region
    return off, cause


def _heavy(
    problem: Problem, criterion: int, allowed: float, cause: dict[int, Region]
) -> tuple[Ints, float] | None:
    """Return grids that alone, or tied together, exceed a beat, and the least deviation."""
    weight = problem.weights[:, criterion]
    found: tuple[Ints, float] | None = None
    ties = [np.array(tie, dtype=np.int64) for tie in problem.together]
    regions = {id(region): region for region in cause.values()}.values()
    for region in regions:
        most = float(region.targets[:, criterion].max())
        if most <= 0:
            continue
        inside = np.zeros(problem.grids, dtype=np.bool_)
        inside[region.grids] = True
        groups = [np.array([v]) for v in region.grids[np.argsort(-weight[region.grids])[:1]]]
        groups += [tie[inside[tie]] for tie in ties]
        for group in groups:
            least = float(weight[group].sum()) / most - 1
            if least > allowed and (found is None or least > found[1]):
                found = (group, least)
    return found


def _locked(
    problem: Problem, best: Candidate, allowed: float, names: dict[int, str]
) -> dict[str, object] | None:
    """Return which locked beats are themselves outside the tolerance."""
    off = dict(zip(best.scores.labels.tolist(), np.abs(best.scores.deviations[:, 0]), strict=True))
    wrong = [b for b in problem.frozen if off.get(b, 0.0) > allowed + _TRIFLE]
    if not wrong:
        return None
    return {
        "beats": some_ids(names[b] for b in wrong),
        "asked": allowed,
        "reached": float(max(off[b] for b in wrong)),
    }


def _off_bounds(problem: Problem, best: Candidate, names: dict[int, str]) -> list[SearchNote]:
    """Return which beats are outside absolute bounds, and the nearest bounds that hold."""
    assert problem.bounds is not None  # noqa: S101 - the caller's case; for the type checker
    low, high = problem.bounds
    totals = best.scores.totals[:, 0]
    wrong = best.scores.labels[(totals < low - 1e-9) | (totals > high + 1e-9)]
    if not wrong.size:
        return []
    return [
        SearchNote(
            "partition.note.bounds",
            {
                "beats": some_ids(names[int(b)] for b in wrong),
                "lower": low,
                "upper": high,
                "least": float(totals.min()),
                "most": float(totals.max()),
            },
        )
    ]


def front_of(candidates: Sequence[Candidate], most: int) -> list[Candidate]:
    """Return the plan asked for, then those that no other beats, the least alike first.

    A plan that was found twice is shown once.

    Parameters
    ----------
    most
        Number of plans at most.
    """
    shown, rest = [candidates[0]], []
    for i, one in enumerate(candidates[1:], start=1):
        beaten = any(_dominates(other, one) for other in candidates if other is not one)
        if not beaten and not any(
            np.array_equal(other.assignment, one.assignment) for other in candidates[:i]
        ):
            rest.append(one)
    values = np.array([_measures(one) for one in [*shown, *rest]])
    width = np.ptp(values, axis=0)
    places = {id(one): row for one, row in zip([*shown, *rest], values, strict=True)}

    def gap(one: Candidate) -> float:
        own = places[id(one)]
        far = [np.abs(own - places[id(other)])[width > 0] / width[width > 0] for other in shown]
        return min(float(f.sum()) for f in far)

    while rest and len(shown) < most:
        at = int(np.argmax(np.round([gap(one) for one in rest], 9)))
        shown.append(rest.pop(at))
    return shown


def _measures(one: Candidate) -> tuple[float, ...]:
    scores = one.scores
    return (scores.max_deviation, scores.cut_m, scores.travel_total or 0.0, -(scores.kept or 0.0))


def _dominates(one: Candidate, other: Candidate) -> bool:
    a, b = _measures(one), _measures(other)
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


# -- what a plan is worth: balance, borders, shape, travel and change, per beat and in all


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Scores:
    """Scores of one plan; arrays have one entry per beat in the order of ``labels``.

    Attributes
    ----------
    labels
        Beats (k,), ascending.
    totals, deviations
        Workload (k, criteria), and how far it is from its target as a share of it.
    pieces
        Pieces over passable borders and bridges; 1 for a beat in one piece.
    cut_m
        Sum of passable borders between different beats, metres. Barriers don't count here.
    perimeters_m
        Outline (k,): borders with other beats, barriers and the outside.
    polsby_popper
        4 pi area / perimeter squared (Polsby and Popper 1991), or None without areas.
    centres, travel_m
        Position of the best centre grid, or the room's (k,), and demand times distance from it
        (k,), in metres or in the unit of `Problem.travel`; None without places.
    kept
        Share of the keep weights that stays in its present beat, or None without one.
    split_communities
        Communities in more than one beat.
    """

    labels: Ints
    totals: Floats
    deviations: Floats
    pieces: Ints
    cut_m: float
    perimeters_m: Floats
    polsby_popper: Floats | None
    centres: Ints | None
    travel_m: Floats | None
    demand: float
    kept: float | None
    split_communities: int

    @property
    def max_deviation(self) -> float:
        """Worst deviation of any beat on any criterion, either side."""
        return float(np.abs(self.deviations).max(initial=0.0))

    @property
    def cv(self) -> float:
        """Coefficient of variation of the first criterion (population standard deviation)."""
        mean = float(self.totals[:, 0].mean())
        return float(self.totals[:, 0].std() / mean) if mean > 0 else 0.0

    @property
    def travel_total(self) -> float | None:
        """Demand times distance over all beats."""
        return None if self.travel_m is None else float(self.travel_m.sum())

    @property
    def mean_travel(self) -> float | None:
        """Mean distance from the beat's centre per unit of demand."""
        if self.travel_m is None or self.demand <= 0:
            return None
        return float(self.travel_m.sum()) / self.demand

    @property
    def mean_polsby_popper(self) -> float | None:
        """Mean over beats of Polsby and Popper's ratio."""
        return None if self.polsby_popper is None else float(self.polsby_popper.mean())


def score_plan(problem: Problem, assignment: Ints, bridges: Ints) -> Scores:
    """Return the scores of an assignment of grids to beats.

    Parameters
    ----------
    assignment
        Label of each grid's beat (n,).
    bridges
        Pairs of grids that count as joined (b, 2).
    """
    labels, beat = np.unique(assignment, return_inverse=True)
    k = len(labels)
    totals = np.stack(
        [np.bincount(beat, weights=c, minlength=k) for c in problem.weights.T], axis=1
    ).astype(np.float64)
    target = shares_of(problem, labels)
    target = target / target.sum(axis=0) * problem.weights.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        deviations = np.where(target > 0, totals / target - 1, 0.0)
    edges = np.concatenate([problem.edges, bridges])
    _, piece = pieces_of(problem.grids, edges, beat[edges[:, 0]] == beat[edges[:, 1]])
    pairs = np.unique(piece * k + beat) % k
    between = beat[problem.edges[:, 0]] != beat[problem.edges[:, 1]]
    cut = float(problem.borders_m[between].sum())
    perimeters = _perimeters(problem, beat, k, between)
    shape = None
    if problem.areas_m2 is not None:
        areas = np.bincount(beat, weights=problem.areas_m2, minlength=k)
        shape = 4 * np.pi * areas / np.maximum(perimeters, 1e-9) ** 2
    centres, travel, demand = _travel(problem, beat, labels)
    return Scores(
        labels=labels,
        totals=totals,
        deviations=deviations,
        pieces=np.bincount(pairs, minlength=k),
        cut_m=cut,
        perimeters_m=perimeters,
        polsby_popper=shape,
        centres=centres,
        travel_m=travel,
        demand=demand,
        kept=_kept(problem, assignment),
        split_communities=_split(problem, beat),
    )


def _perimeters(problem: Problem, beat: Ints, k: int, between: Bools) -> Floats:
    total = np.zeros(k)
    if problem.outer_m is not None:
        total += np.bincount(beat, weights=problem.outer_m, minlength=k)
    walls = problem.barrier_edges
    apart = beat[walls[:, 0]] != beat[walls[:, 1]]
    for ends, length in (
        (problem.edges[between], problem.borders_m[between]),
        (walls[apart], problem.barrier_m[apart]),
    ):
        for side in range(2):
            total += np.bincount(beat[ends[:, side]], weights=length, minlength=k)
    return total


def _travel(
    problem: Problem, beat: Ints, labels: Ints
) -> tuple[Ints | None, Floats | None, float]:
    demand = problem.demand_values
    if problem.xy is None and problem.travel is None:
        return None, None, float(demand.sum())
    k = len(labels)
    xy = np.zeros((problem.grids, 2)) if problem.xy is None else problem.xy
    attraction = empty_attraction(xy, demand, problem.travel)
    site = best_sites(attraction, beat.astype(np.int32), k, problem.grids if k > 1 else 512)
    centres = site.astype(np.int64)
    if problem.rooms is not None:
        for i, label in enumerate(labels):
            if label < len(problem.rooms) and problem.rooms[label] >= 0:
                centres[i] = problem.rooms[label]
    if problem.travel is not None:
        far = problem.travel[np.arange(problem.grids), centres[beat]].astype(np.float64)
    else:
        far = np.hypot(*(xy - xy[centres[beat]]).T)
    travel = np.bincount(beat, weights=demand * far, minlength=k).astype(np.float64)
    return centres, travel, float(demand.sum())


def _kept(problem: Problem, assignment: Ints) -> float | None:
    if problem.present is None:
        return None
    keep = problem.keep_values
    had = problem.present >= 0
    total = float(keep[had].sum())
    stays = had & (assignment == problem.present)
    return float(keep[stays].sum()) / total if total > 0 else 1.0


def _split(problem: Problem, beat: Ints) -> int:
    if problem.communities is None:
        return 0
    names = problem.communities.astype(str)
    has = (names != "-1") & (names != "None")
    pairs = {(c, int(b)) for c, b in zip(names[has], beat[has], strict=True)}
    seen: dict[str, int] = {}
    for name, _ in pairs:
        seen[name] = seen.get(name, 0) + 1
    return sum(1 for number in seen.values() if number > 1)
