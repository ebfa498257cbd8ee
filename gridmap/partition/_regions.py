"""Parts that are solved separately: stations, islands, and what frozen beats leave."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gridmap.errors import InfeasibleError, some_ids
from gridmap.i18n import has_key, tr
from gridmap.measure import apportion
from gridmap.partition.problem import Problem, wanted_beats
from gridmap.typing import Bools, Floats, Ints

_ISLAND_SHARE = 0.5  # a part that deserves less than half a beat joins its neighbour
_NOTABLE = 0.005  # deviation that is forced and worth a sentence


def pieces_of(count: int, edges: Ints, same: Bools) -> tuple[int, Ints]:
    """Return the number of pieces and each grid's piece over the edges that are marked."""
    kept = edges[same]
    table = coo_array((np.ones(len(kept), np.int8), (kept[:, 0], kept[:, 1])), (count, count))
    number, label = connected_components(table, directed=False)
    return int(number), label.astype(np.int64)


def open_edges(problem: Problem) -> Ints:
    """Return the pairs of grids that a beat may be connected by: no station or lock between."""
    edges = problem.edges
    return edges[_is_open(problem, problem.locked_grids, _stations(problem))]


def _stations(problem: Problem) -> Ints:
    """Return the number of each grid's station (n,)."""
    if problem.parents is None:
        return np.zeros(problem.grids, dtype=np.int64)
    return np.unique(problem.parents.astype(str), return_inverse=True)[1].astype(np.int64)


def _is_open(problem: Problem, frozen: Bools, codes: Ints) -> Bools:
    edges = problem.edges
    inside = codes[edges[:, 0]] == codes[edges[:, 1]]
    return inside & ~frozen[edges].any(axis=1) & (edges[:, 0] != edges[:, 1])


def divide(problem: Problem) -> Division:
    """Split a problem, its locks settled, into regions that can be solved apart.

    Raises
    ------
    InfeasibleError
        If there are fewer beats than stations, or locks that contradict each other.
    """
    n = problem.grids
    frozen, codes = problem.locked_grids, _stations(problem)
    edges = problem.edges
    inside_open = _is_open(problem, frozen, codes)
    beats = problem.beats - len(set(problem.frozen))
    free = np.flatnonzero(~frozen)
    notes: list[SearchNote] = []
    if not free.size or beats <= 0:
        if free.size:
            raise InfeasibleError("partition.error.all_frozen", grids=len(free))
        if beats:
            raise InfeasibleError(
                "partition.error.only_frozen", beats=problem.beats, locked=problem.beats - beats
            )
        return Division((), frozen, np.zeros((0, 2), np.int64), ())
    used = np.unique(codes[free])
    if beats < len(used):
        raise InfeasibleError("partition.error.few_beats", beats=beats, stations=len(used))
    must = [np.array(tie, dtype=np.int64) for tie in problem.together]
    unit = np.arange(n)
    for tie in must:
        unit[tie] = tie[0]
    wanted = wanted_beats(problem)
    wanted[np.isin(wanted, problem.frozen)] = -1
    load = np.bincount(
        codes[free], weights=_first(problem)[free], minlength=codes.max() + 1
    ).astype(np.float64)
    separated_pairs = _separated_pairs(problem)

    def least_of(grids: Ints) -> int:
        inside = separated_pairs.keys() & set(grids.tolist()) if separated_pairs else set()
        clique = clique_of({v: near for v in inside if (near := separated_pairs[v] & inside)})
        return max(1, len(_labels_in(wanted, grids)), len(clique))

    least = np.array([least_of(free[codes[free] == p]) for p in used])
    if least.sum() > beats:
        raise InfeasibleError("partition.error.few_beats", beats=beats, stations=least.sum())
    room = np.array([len(np.unique(unit[free[codes[free] == p]])) for p in used])
    seats = _cap(apportion(load[used], beats, least=least), room)
    _, piece = pieces_of(n, edges, inside_open)
    parts: list[Ints] = []
    counts: list[int] = []
    bridges: list[tuple[int, int]] = []
    for station, number in zip(used, seats, strict=True):
        inside = np.flatnonzero((codes == station) & ~frozen)
        groups = [inside[piece[inside] == c] for c in np.unique(piece[inside])]
        groups, added = _join_islands(problem, groups, int(number), must, least_of)
        bridges += added
        weights = np.array([_first(problem)[g].sum() for g in groups])
        floor = np.array([least_of(g) for g in groups])
        most = np.array([len(np.unique(unit[g])) for g in groups])
        counts += list(_cap(apportion(weights, int(number), least=floor), most))
        parts += groups
    if bridges:
        names = [" - ".join(map(str, problem.name_of(pair))) for pair in bridges]
        notes.append(
            SearchNote("partition.note.bridges", {"ids": some_ids(names), "count": len(names)})
        )
    labels = _give_labels(problem, parts, counts, wanted)
    every = np.concatenate([*labels, np.array(sorted(set(problem.frozen)), dtype=np.int64)])
    unit_load = problem.weights.sum(axis=0) / shares_of(problem, every).sum(axis=0)
    regions = []
    inner = _inner_edges(problem, parts, inside_open, bridges)
    for part, own, (ends, border) in zip(parts, labels, inner, strict=True):
        share = shares_of(problem, own)
        total = problem.weights[part].sum(axis=0)
        targets = share / share.sum(axis=0) * total
        regions.append(Region(part, own, targets, share * unit_load, ends, border))
    notes += _left_by_locks(problem, frozen, regions) + _forced(problem, regions)
    return Division(tuple(regions), frozen, np.array(bridges, np.int64).reshape(-1, 2), (*notes,))


def _inner_edges(
    problem: Problem, parts: list[Ints], inside_open: Bools, bridges: list[tuple[int, int]]
) -> list[tuple[Ints, Floats]]:
    """Return the edges inside each part, by position in it, sorted once for all parts."""
    owner = np.full(problem.grids, -1, dtype=np.int64)
    local = np.zeros(problem.grids, dtype=np.int64)
    for i, part in enumerate(parts):
        owner[part] = i
        local[part] = np.arange(len(part))
    added = np.array(bridges, dtype=np.int64).reshape(-1, 2)
    ends = np.concatenate([problem.edges[inside_open], added])
    border = np.concatenate([problem.search_borders[inside_open], np.zeros(len(added))])
    inside = owner[ends[:, 0]] == owner[ends[:, 1]]
    ends, border = ends[inside], border[inside]
    order = np.argsort(owner[ends[:, 0]], kind="stable")
    ends, border = ends[order], border[order]
    cuts = np.searchsorted(owner[ends[:, 0]], np.arange(1, len(parts)))
    return list(zip(np.split(local[ends], cuts), np.split(border, cuts), strict=True))


def _first(problem: Problem) -> Floats:
    """Return the first criterion, or ones where nobody works anywhere."""
    first: Floats = problem.weights[:, 0]
    return first if first.sum() > 0 else np.ones(len(first))


def _cap(given: Ints, room: Ints) -> Ints:
    """Return counts none of which is above its room; the surplus goes where there is most."""
    given = given.copy()
    while (given > room).any():
        given[np.argmax(given - room)] -= 1
        given[np.argmax(room - given)] += 1
    return given


def _labels_in(wanted: Ints, grids: Ints) -> list[int]:
    """Return the beats with a fixed grid among some grids."""
    return [label for label in np.unique(wanted[grids]).tolist() if label >= 0]


def _separated_pairs(problem: Problem) -> dict[int, set[int]]:
    """Return the grids that each grid is to be apart from."""
    separated_pairs: dict[int, set[int]] = {}
    for a, b in problem.apart:
        separated_pairs.setdefault(int(a), set()).add(int(b))
        separated_pairs.setdefault(int(b), set()).add(int(a))
    return separated_pairs


def _join_islands(
    problem: Problem,
    groups: list[Ints],
    beats: int,
    must: list[Ints],
    least_of: Callable[[Ints], int],
) -> tuple[list[Ints], list[tuple[int, int]]]:
    """Join parts too small for a beat, or tied to another part, by the nearest bridge."""
    bridges: list[tuple[int, int]] = []
    weight = _first(problem)
    total = sum(float(weight[g].sum()) for g in groups)
    while len(groups) > 1:
        least = sum(least_of(g) for g in groups)
        small = _smallest(groups, weight, total / beats * _ISLAND_SHARE, least > beats)
        first, others = small, [i for i in range(len(groups)) if i != small]
        if small < 0:
            pair = _tied_pair(groups, must)
            if pair is None:
                break
            first, others = pair[0], [pair[1]]
        bridge, at = _nearest_bridge(problem, groups[first], [groups[i] for i in others])
        bridges.append(bridge)
        other = others[at]
        merged = np.sort(np.concatenate([groups[first], groups[other]]))
        groups = [g for i, g in enumerate(groups) if i not in (first, other)] + [merged]
    return groups, bridges


def _smallest(groups: list[Ints], weight: Floats, limit: float, crowded: bool) -> int:  # noqa: FBT001 - private, two callers' cases
    """Return the lightest part if it is under the limit, or if there are too many; else -1."""
    loads = [float(weight[g].sum()) for g in groups]
    lightest = min(range(len(groups)), key=lambda i: (loads[i], int(groups[i][0])))
    return lightest if crowded or loads[lightest] < limit else -1


def _tied_pair(groups: list[Ints], must: Iterable[Ints]) -> tuple[int, int] | None:
    for tied in must:
        holding = [i for i, g in enumerate(groups) if np.isin(tied, g).any()]
        if len(holding) > 1:
            return holding[0], holding[1]
    return None


def _nearest_bridge(
    problem: Problem, island: Ints, others: list[Ints]
) -> tuple[tuple[int, int], int]:
    """Return the closest pair of grids between an island and the other parts."""
    rest = np.concatenate(others)
    owner = np.repeat(np.arange(len(others)), [len(g) for g in others])
    if problem.xy is None:
        return (int(island[0]), int(rest[0])), int(owner[0])
    gap, near = cKDTree(problem.xy[rest]).query(problem.xy[island])
    best = int(np.argmin(np.round(gap, 3)))
    return (int(island[best]), int(rest[near[best]])), int(owner[near[best]])


def _give_labels(
    problem: Problem, parts: list[Ints], counts: list[int], wanted: Ints
) -> list[Ints]:
    """Return the beats of each part: those fixed there, today's, then by what is to be done.

    Where targets differ, no two beats get numbers that stand for the same target.
    """
    given: list[list[int]] = [_labels_in(wanted, part) for part in parts]
    taken = {label for own in given for label in own} | set(problem.frozen)
    apart = problem.targets is not None
    goals = {label % problem.beats for label in taken} if apart else set()
    if problem.present is not None:
        keep = _first(problem) if problem.keep_weights is None else problem.keep_weights
        overlap = []
        for i, part in enumerate(parts):
            inside = problem.present[part]
            for label in np.unique(inside[inside >= 0]):
                held = float(keep[part[inside == label]].sum())
                overlap.append((-held, int(label), i))
        for _, label, i in sorted(overlap):
            free = label not in taken and not (apart and label % problem.beats in goals)
            if free and len(given[i]) < counts[i]:
                given[i].append(label)
                taken.add(label)
                goals.add(label % problem.beats)
    spare = [b for b in range(problem.beats + len(taken)) if b not in taken]
    if apart:
        own = [b for b in spare if b < problem.beats and b not in goals]
        spare = own + [b for b in spare if b not in own]  # locked beats may share a target
    spare = spare[: sum(counts) - sum(map(len, given))]
    target = np.ones(problem.beats) if problem.targets is None else problem.targets[:, 0]
    weight = _first(problem)
    unit = sum(float(weight[p].sum()) for p in parts) / float(target.sum())
    need = [
        float(weight[p].sum()) - unit * float(target[np.array(own, int) % problem.beats].sum())
        for p, own in zip(parts, given, strict=True)
    ]
    neediest = [
        (-round(need[i] / unit, 9), i) for i in range(len(parts)) if len(given[i]) < counts[i]
    ]
    heapq.heapify(neediest)
    for label in sorted(spare, key=lambda b: (-target[b % problem.beats], b)):
        at = neediest[0][1]
        given[at].append(label)
        need[at] -= unit * float(target[label % problem.beats])
        if len(given[at]) < counts[at]:
            heapq.heapreplace(neediest, (-round(need[at] / unit, 9), at))
        else:
            heapq.heappop(neediest)
    return [np.array(sorted(own), dtype=np.int64) for own in given]


def _left_by_locks(problem: Problem, frozen: Bools, regions: list[Region]) -> list[SearchNote]:
    """Return what locked beats leave to the others, where that is not an even share."""
    total = float(problem.weights[:, 0].sum())
    locked = np.array(sorted(set(problem.frozen)), dtype=np.int64)
    own = np.concatenate([region.labels for region in regions])
    wanted = float(shares_of(problem, own)[:, 0].sum())
    whole = wanted + float(shares_of(problem, locked)[:, 0].sum())
    if not len(locked) or total <= 0 or wanted <= 0:
        return []
    left = float(problem.weights[~frozen, 0].sum()) / total * whole / wanted - 1
    if abs(left) < _NOTABLE:
        return []
    return [SearchNote("partition.note.left_by_locks", {"forced": left, "beats": len(own)})]


def _forced(problem: Problem, regions: list[Region]) -> list[SearchNote]:
    """Return what whole numbers of beats alone do to the balance."""
    if len(regions) < 2:
        return []
    wanted = np.array([shares_of(problem, region.labels)[:, 0].sum() for region in regions])
    load = np.array([float(region.targets[:, 0].sum()) for region in regions])
    if load.sum() <= 0 or not (wanted > 0).all():
        return []
    off = np.abs(load / load.sum() * wanted.sum() / wanted - 1)
    worst = int(np.argmax(np.round(off, 9)))
    if off[worst] < _NOTABLE:
        return []
    key = "whole_numbers" if problem.targets is None else "whole_targets"
    return [
        SearchNote(
            f"partition.note.{key}",
            {
                "parts": len(regions),
                "forced": float(off[worst]),
                "beats": len(regions[worst].labels),
                "ids": some_ids(problem.name_of(regions[worst].grids)),
            },
        )
    ]


_NEAR_ENOUGH = 0.5  # of the tolerance: a region's mean that far off leaves room on both sides


@dataclass(frozen=True, slots=True)
class SearchNote:
    """Something the user must know: a catalogue key and the values of its sentence."""

    key: str
    values: dict[str, object] = field(default_factory=dict)

    def text(self, language: str | None = None) -> str:
        """Return the sentence in ``zh`` or ``en`` (the current language if None)."""
        values = dict(self.values)
        if "criterion" in values:
            values["criterion"] = _criterion_text(str(values["criterion"]), language)
        return tr(self.key, language=language, **values)


def _criterion_text(name: str, language: str | None) -> str:
    """Return what a criterion is called: a number, a column, a month or a band of hours."""
    what, _, hours = name.partition("@")
    if hours:
        return tr("partition.criterion.hours", language=language, hours=hours)
    if what.isdecimal():
        return tr("partition.criterion.number", language=language, number=what)
    key = f"partition.criterion.{what}"
    return tr(key, language=language) if has_key(key) else what


@dataclass(frozen=True, slots=True)
class Region:
    """Grids that hang together and share ``labels``, one beat for each.

    ``targets`` is what each beat is to carry, (beats, criteria), in workload, of what the
    region has; ``ideal`` the same of what the whole city has. ``edges`` are pairs of positions
    in ``grids`` (sorted) and ``borders_m`` their lengths as the search weighs them, bridges
    with 0.
    """

    grids: Ints
    labels: Ints
    targets: Floats
    ideal: Floats
    edges: Ints
    borders_m: Floats

    def aims(self, tolerances: Sequence[float]) -> Floats:
        """Return what tolerances are measured from (beats, criteria).

        The city's target, unless whole numbers of beats alone put the region's own so far from
        it that little of the tolerance is left on one side.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            off = np.abs(self.targets.sum(axis=0) / self.ideal.sum(axis=0) - 1)
        return np.where(off <= _NEAR_ENOUGH * np.array(tolerances), self.ideal, self.targets)


@dataclass(frozen=True, slots=True)
class Division:
    """All regions, the grids of frozen beats, bridges added, and what must be said."""

    regions: tuple[Region, ...]
    frozen: Bools
    bridges: Ints
    notes: tuple[SearchNote, ...]

    def put_back(self, original_order: Ints) -> Division:
        """Return the division with the grids as they came: where each was before (n,).

        Its regions list their grids in the order of before.
        """
        frozen = np.empty_like(self.frozen)
        frozen[original_order] = self.frozen
        regions = tuple(replace(one, grids=original_order[one.grids]) for one in self.regions)
        return replace(self, regions=regions, frozen=frozen, bridges=original_order[self.bridges])


def shares_of(problem: Problem, labels: Ints) -> Floats:
    """Return what beats are to carry (k, criteria), in the unit of the targets."""
    if problem.targets is None:
        return np.ones((len(labels), problem.criteria))
    shares: Floats = problem.targets[labels % problem.beats]
    return shares


def clique_of(separated_pairs: Mapping[int, set[int]]) -> list[int]:
    """Return grids that are all to be apart from each other, as far as found greedily.

    Parameters
    ----------
    separated_pairs
        What each grid is to be apart from, as far as it counts here; no grid without any.
    """
    clique: list[int] = []
    for v in sorted(separated_pairs, key=lambda v: (-len(separated_pairs[v]), v)):
        if separated_pairs[v] >= set(clique):
            clique.append(v)
    return clique


def net_deviation(problem: Problem, division: Division, assignment: Ints) -> float:
    """Return the worst deviation that nothing forces: of each region's own mean.

    A beat of a single grid that is heavier than a beat should be is left out: no plan mends it.
    """
    worst = 0.0
    for region in division.regions:
        labels, row, count = np.unique(
            assignment[region.grids], return_inverse=True, return_counts=True
        )
        share = shares_of(problem, labels)
        loads = np.stack(
            [
                np.bincount(row, weights=c, minlength=len(labels))
                for c in problem.weights[region.grids].T
            ],
            axis=1,
        )
        target = share / share.sum(axis=0) * loads.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            off = np.where(target > 0, loads / target - 1, 0.0)
        off[(count == 1)[:, None] & (off > 0)] = 0.0
        worst = max(worst, float(np.abs(off).max(initial=0.0)))
    return worst
