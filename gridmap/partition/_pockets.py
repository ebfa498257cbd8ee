"""Grids without a beat that locked beats cut off from everything else."""

from __future__ import annotations

import numpy as np

from gridmap.errors import some_ids
from gridmap.partition._division import Note
from gridmap.partition._regions import pieces_of
from gridmap.partition.problem import Problem

__all__ = ["fill_pockets"]


def fill_pockets(problem: Problem) -> tuple[Problem, tuple[Note, ...]]:
    """Return the problem with such grids in the locked beat they share most border with.

    A locked beat keeps all its grids. A grid that has no beat today, and borders nothing but
    locked beats, can only join one of them if every beat is to be in one piece.
    """
    if not problem.frozen or problem.present is None:
        return problem, ()
    locked = np.isin(problem.present, problem.frozen)
    edges = problem.edges
    station = np.zeros(problem.grids, dtype=np.int64)
    if problem.parents is not None:
        station = np.unique(problem.parents.astype(str), return_inverse=True)[1]
    inside = station[edges[:, 0]] == station[edges[:, 1]]
    _, piece = pieces_of(problem.grids, edges, inside & ~locked[edges].any(axis=1))
    homeless = np.ones(int(piece.max()) + 1, dtype=np.bool_)
    homeless[piece[(problem.present >= 0) | locked]] = False
    if problem.fixed is not None:
        homeless[piece[problem.fixed >= 0]] = False
    border = np.zeros((len(homeless), len(problem.frozen)))
    both = np.concatenate([edges[inside], edges[inside][:, ::-1]])
    length = np.tile(problem.borders_m[inside], 2)
    touching = homeless[piece[both[:, 0]]] & locked[both[:, 1]]
    order = np.argsort(problem.frozen)
    beat = np.searchsorted(np.array(problem.frozen)[order], problem.present[both[touching, 1]])
    np.add.at(border, (piece[both[touching, 0]], order[beat]), length[touching] + 1e-9)
    joins = homeless & (border.sum(axis=1) > 0)
    grids = np.flatnonzero(joins[piece])
    spare = problem.beats > len(set(problem.frozen))
    if not grids.size or (spare and bool((locked | joins[piece]).all())):
        return problem, ()  # where beats are left for nobody else, pockets are theirs
    present = problem.present.copy()
    present[grids] = np.array(problem.frozen)[np.argmax(border[piece[grids]], axis=1)]
    note = Note(
        "partition.note.pockets", {"ids": some_ids(problem.name_of(grids)), "count": len(grids)}
    )
    return problem.replace(present=present), (note,)
