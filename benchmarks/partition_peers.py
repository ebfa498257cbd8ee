"""METIS, GerryChain and spopt on a partition problem, each as its users run it."""

from __future__ import annotations

import random
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmap.partition import Problem, score_plan

Integers = NDArray[np.int64]
_BURST = 10


def measure_plan(problem: Problem, beat: Integers) -> dict[str, Any]:
    """Return cut in km, worst deviation, pieces too many, and beats found."""
    scores = score_plan(problem, beat.astype(np.int64), np.zeros((0, 2), np.int64))
    return {
        "cut_km": round(scores.cut_m / 1000, 3),
        "max_deviation": round(scores.max_deviation, 5),
        "extra_pieces": int((scores.pieces - 1).sum()),
        "beats": len(scores.labels),
    }


def metis_best(
    problem: Problem, seconds: float, tolerance: float
) -> tuple[float | None, float | None]:
    """Return METIS's shortest cut in km within the tolerance, and its worst deviation.

    K-way with contiguity, one seed after another for the seconds; None where it is not
    installed, or no plan has every beat there in one piece and inside the tolerance.
    """
    try:
        import pymetis
    except ImportError:
        return None, None
    from scipy.sparse import coo_array

    n, ends = problem.grids, problem.edges
    length = np.maximum(1, np.round(problem.borders_m)).astype(np.int64)
    both = np.concatenate([ends, ends[:, ::-1]])
    table = coo_array((np.tile(length, 2), (both[:, 0], both[:, 1])), (n, n)).tocsr()
    adjacency = pymetis.CSRAdjacency(table.indptr, table.indices)
    weights = problem.weights[:, 0].astype(np.int64).tolist()
    best: tuple[float | None, float | None] = (None, None)
    end = perf_counter() + seconds
    seed = 0
    while perf_counter() < end:
        options = pymetis.Options(
            seed=seed, contig=1, ufactor=max(1, round(tolerance * 1000)), niter=20
        )
        _, found = pymetis.part_graph(
            problem.beats,
            adjacency=adjacency,
            vweights=weights,
            eweights=table.data.tolist(),
            recursive=False,
            options=options,
        )
        seed += 1
        line = measure_plan(problem, np.array(found))
        whole = line["extra_pieces"] == 0 and line["beats"] == problem.beats
        shorter = best[0] is None or line["cut_km"] < best[0]
        if whole and line["max_deviation"] <= tolerance and shorter:
            best = (line["cut_km"], line["max_deviation"])
    return best


def gerrychain_bursts(problem: Problem, seconds: float, tolerance: float) -> Integers:
    """Return the shortest cut of GerryChain's short bursts of ReCom, from its tree start."""
    import networkx as nx
    from gerrychain import Partition, updaters
    from gerrychain.constraints import within_percent_of_ideal_population
    from gerrychain.graph import Graph
    from gerrychain.optimization import SingleMetricOptimizer
    from gerrychain.proposals import recom

    plain = nx.Graph()
    for v in range(problem.grids):
        plain.add_node(v, pop=float(problem.weights[v, 0]))
    for (a, b), length in zip(problem.edges.tolist(), problem.borders_m, strict=True):
        plain.add_edge(a, b, length=float(length))
    border = {tuple(sorted(e)): d for *e, d in plain.edges(data="length")}

    def cut(plan: Any) -> float:  # noqa: ANN401 - the library has no types
        return sum(border[tuple(sorted(edge))] for edge in plan["cut_edges"])

    target = float(problem.weights[:, 0].sum()) / problem.beats
    start = perf_counter()
    first = Partition.from_random_assignment(
        Graph.from_networkx(plain),
        problem.beats,
        tolerance,
        "pop",
        updaters={"pop": updaters.Tally("pop"), "cut_edges": updaters.cut_edges},
        rng=1,
    )
    proposal = partial(recom, pop_col="pop", pop_target=target, epsilon=tolerance)
    search = SingleMetricOptimizer(
        proposal,
        within_percent_of_ideal_population(first, tolerance, "pop"),
        first,
        cut,
        maximize=False,
        rng=random.Random(1),  # noqa: S311 - a search, not a secret
    )
    for _ in search.short_bursts(_BURST, 10**9):
        if perf_counter() - start > seconds:
            break
    plan = search.best_part
    return np.array([plan.assignment[v] for v in range(problem.grids)])


def spopt_ward(problem: Problem, _seconds: float, _tolerance: float) -> Integers:
    """Return spopt's WardSpatial on places and workload, by contiguity."""
    import geopandas as gpd
    from libpysal.weights import W
    from spopt.region import WardSpatial

    assert problem.xy is not None
    neighbours: dict[int, list[int]] = {v: [] for v in range(problem.grids)}
    for a, b in problem.edges.tolist():
        neighbours[a].append(b)
        neighbours[b].append(a)
    frame = gpd.GeoDataFrame(
        {
            "work": problem.weights[:, 0],
            "x": problem.xy[:, 0],
            "y": problem.xy[:, 1],
        },
        geometry=gpd.points_from_xy(*problem.xy.T),
    )
    model = WardSpatial(
        frame,
        W(neighbours, silence_warnings=True),
        ["x", "y"],
        n_clusters=problem.beats,
    )
    model.solve()
    return np.asarray(model.labels_, dtype=np.int64)


#: What runs beside ours besides METIS, by name: problem, seconds, tolerance to beats.
PEERS = {"gerrychain_bursts": gerrychain_bursts, "spopt_ward": spopt_ward}
