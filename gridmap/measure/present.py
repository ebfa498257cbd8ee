"""Today's beats as a plan, and which new beat is which old one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

from gridmap.errors import InputError, MissingError
from gridmap.i18n import tr
from gridmap.measure.crosswalk import crosswalk
from gridmap.model import BeatInfo, City, Kind, Layer, Plan

__all__ = ["has_beats", "match_beats", "present_plan"]


def has_beats(city: City) -> bool:
    """Return whether a city has beats today: a layer of them, or grids that name theirs."""
    grids = city.get(Kind.GRID)
    return city.has(Kind.BEAT) or (grids is not None and any(grids.texts("beat")))


def present_plan(city: City) -> Plan:
    """Return today's beats as a plan of whole grids.

    A grid belongs to the beat that its own ``beat`` column names; where the grids have no
    such column, to the beat polygon that holds most of its ground (a grid outside every
    polygon belongs to none).

    Raises
    ------
    MissingError
        If the city has neither.
    """
    grids, beats = city.grids, city.get(Kind.BEAT)
    known = {beat.id: beat for beat in _infos(city, beats)} if beats is not None else {}
    name = tr("measure.present")
    if any(grids.texts("beat")):
        return Plan.from_labels(
            name,
            grids.ids,
            city.named(grids, Kind.BEAT),
            beats=known,
            city_digest=grids.digest,
        )
    if beats is None:
        raise MissingError("measure.error.no_rows", by="beat", city=city.label)
    main = crosswalk(grids.geometry, beats.geometry).main_target
    return Plan(name, grids.ids, main.astype(np.int32), tuple(known.values()), grids.digest)


def match_beats(old: Plan, new: Plan, weights: npt.NDArray[np.float64]) -> dict[int, int]:
    """Return which old beat each new beat continues.

    An id stands for the same beat in both plans, wherever it lies: its officers, its room and
    its records go by it, so a grid that stays under it has not changed hands. Beats whose ids
    are in one plan only have perhaps just been renumbered: of them, the pairs that keep most
    weight belong together.

    Parameters
    ----------
    old, new
        Two plans of the same grids.
    weights : (n,)
        What counts as kept, for example residents.

    Returns
    -------
    dict
        Row of the new beat to row of the old one. New beats with an id of their own that
        share nothing with any old beat left over are not in it.

    Raises
    ------
    InputError
        If the plans are of different grids.

    Notes
    -----
    The pairs are an assignment problem on the matrix of shared weight, solved exactly; grids
    without weight count a trifle, so that empty ground is matched too. A plan whose numbers
    say nothing about today's is to be compared under ids that today's beats do not have.
    """
    if len(old.grid_ids) != len(new.grid_ids) or (old.grid_ids != new.grid_ids).any():
        raise InputError("measure.error.plan_of_other_city", plan=new.name, city=old.name)
    row_of = {name: row for row, name in enumerate(old.beat_ids)}
    match = {row: row_of[name] for row, name in enumerate(new.beat_ids) if name in row_of}
    shared = np.zeros((len(new), len(old)))
    held = (old.assignment >= 0) & (new.assignment >= 0)
    trifle = 1e-9 * max(float(weights.sum()), 1.0) / max(len(weights), 1)
    np.add.at(shared, (new.assignment[held], old.assignment[held]), weights[held] + trifle)
    shared[list(match), :] = 0.0
    shared[:, list(match.values())] = 0.0
    rows, columns = scipy.optimize.linear_sum_assignment(shared, maximize=True)
    match |= {int(r): int(c) for r, c in zip(rows, columns, strict=True) if shared[r, c] > 0}
    return match


def _infos(city: City, beats: Layer) -> list[BeatInfo]:
    stations, rooms = city.named(beats, Kind.STATION), city.named(beats, Kind.ROOM)
    officers, auxiliaries = beats.counts("officers"), beats.counts("auxiliaries")
    return [
        BeatInfo(
            str(beats.ids[row]),
            str(beats.names[row]),
            str(stations[row]),
            str(rooms[row]),
            max(float(officers[row]), 0.0),
            max(float(auxiliaries[row]), 0.0),
        )
        for row in range(len(beats))
    ]
