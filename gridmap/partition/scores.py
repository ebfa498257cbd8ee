"""What a plan is worth: balance, borders, shape, travel and change, per beat and in all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridmap.partition._arrays import best_sites
from gridmap.partition._instance import empty_attraction
from gridmap.partition._regions import pieces_of, shares_of
from gridmap.partition.problem import Problem

__all__ = ["Scores", "score_plan"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


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

    labels: Integers
    totals: Floats
    deviations: Floats
    pieces: Integers
    cut_m: float
    perimeters_m: Floats
    polsby_popper: Floats | None
    centres: Integers | None
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


def score_plan(problem: Problem, assignment: Integers, bridges: Integers) -> Scores:
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


def _perimeters(problem: Problem, beat: Integers, k: int, between: NDArray[np.bool_]) -> Floats:
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
    problem: Problem, beat: Integers, labels: Integers
) -> tuple[Integers | None, Floats | None, float]:
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


def _kept(problem: Problem, assignment: Integers) -> float | None:
    if problem.present is None:
        return None
    keep = problem.keep_values
    had = problem.present >= 0
    total = float(keep[had].sum())
    stays = had & (assignment == problem.present)
    return float(keep[stays].sum()) / total if total > 0 else 1.0


def _split(problem: Problem, beat: Integers) -> int:
    if problem.communities is None:
        return 0
    names = problem.communities.astype(str)
    has = (names != "-1") & (names != "None")
    pairs = {(c, int(b)) for c, b in zip(names[has], beat[has], strict=True)}
    seen: dict[str, int] = {}
    for name, _ in pairs:
        seen[name] = seen.get(name, 0) + 1
    return sum(1 for number in seen.values() if number > 1)
