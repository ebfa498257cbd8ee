"""Beats as they have grown over the years: uneven, odd in shape, some across grids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.demo._nesting import Borders, join_lightest, renumber

__all__ = ["DrawnBeats", "draw_beats"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class DrawnBeats:
    """The beats.

    Parameters
    ----------
    shapes
        Their polygons, shape (b,).
    station
        Station of each, shape (b,).
    beat_of
        Beat of each grid, shape (g,); of a grid that a beat cuts, the one it was cut from.
    cut
        Grids that were cut.
    """

    shapes: NDArray[np.object_]
    station: Ints
    beat_of: Ints
    cut: Ints


def draw_beats(
    grids: NDArray[np.object_],
    station: Ints,
    borders: Borders,
    people: NDArray[np.int64],
    *,
    count: int,
    cut_share: float,
    rng: np.random.Generator,
) -> DrawnBeats:
    """Draw about so many beats inside the stations, without a thought for the workload.

    Parameters
    ----------
    grids
        Polygons, a valid coverage, shape (g,).
    station
        Station of each grid, shape (g,).
    borders
        How strongly neighbouring grids are tied.
    people
        People of each grid, shape (g,).
    count
        Number of beats wanted, at least one for each station.
    cut_share
        Share of the grids that a beat's border cuts in two.
    rng
        Source of every choice.
    """
    beat_of = np.zeros(len(grids), dtype=np.int64)
    first = 0
    for number, wanted in enumerate(_share_out(station, people, count)):
        rows = np.flatnonzero(station == number)
        place = {int(row): i for i, row in enumerate(rows)}
        inner: Borders = {
            i: {
                place[g]: tie * rng.uniform(0.3, 1.0)
                for g, tie in borders[row].items()
                if g in place
            }
            for row, i in place.items()
        }
        # What each grid seemed to weigh when the beats were drawn, long ago.
        seemed = (0.25 + people[rows] / people.mean()) * np.exp(rng.normal(0.0, 0.26, len(rows)))
        group = join_lightest(np.arange(len(rows)), seemed, inner, target=wanted)
        beat_of[rows] = first + group
        first += int(group.max()) + 1
    beat_of = renumber(beat_of)
    pieces, owner, cut = _cut_across(grids, station, beat_of, borders, cut_share, rng)
    order = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[order], np.arange(first + 1))
    shapes = np.array(
        [shapely.coverage_union_all(pieces[order[ends[i] : ends[i + 1]]]) for i in range(first)],
        dtype=object,
    )
    of_station = np.zeros(first, dtype=np.int64)
    of_station[beat_of] = station
    return DrawnBeats(shapes, of_station, beat_of, cut)


def _share_out(station: Ints, people: Ints, count: int) -> list[int]:
    """Return the number of beats of each station: a quarter alike, the rest by people."""
    size = np.bincount(station).astype(float)
    lives = np.bincount(station, weights=people) / people.sum()
    wish = count * (0.25 / len(size) + 0.75 * lives)
    whole = np.maximum(np.floor(wish), 1)
    for i in np.argsort(whole - wish, kind="stable")[: max(0, count - int(whole.sum()))]:
        whole[i] += 1
    return [int(value) for value in np.minimum(whole, size)]


def _cut_across(
    grids: NDArray[np.object_],
    station: Ints,
    beat_of: Ints,
    borders: Borders,
    share: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.object_], Ints, Ints]:
    pieces, owner = list(grids), beat_of.tolist()
    wanted = round(share * len(grids))
    cut: list[int] = []
    frozen: set[int] = set()
    for grid in rng.permutation(len(grids)).tolist():
        if len(cut) >= wanted:
            break
        others = [
            g
            for g in sorted(borders[grid])
            if beat_of[g] != beat_of[grid] and station[g] == station[grid]
        ]
        mates = [g for g in sorted(borders[grid]) if beat_of[g] == beat_of[grid]]
        if grid in frozen or not others or not mates:
            continue
        given = _slice(grids[grid], grids[others[0]], grids[mates], rng)
        if given is None:
            continue
        pieces[grid], part = given
        pieces.append(part)
        owner.append(int(beat_of[others[0]]))
        cut.append(grid)
        frozen.update(borders[grid])
    return np.array(pieces, dtype=object), np.array(owner), np.array(sorted(cut), dtype=np.int64)


def _slice(
    grid: shapely.Polygon,
    other: shapely.Polygon,
    mates: NDArray[np.object_],
    rng: np.random.Generator,
) -> tuple[shapely.Polygon, shapely.Polygon] | None:
    """Return what stays of a grid and what goes to its neighbour's beat, or None.

    The cut runs between two corners that the grid already has, so that neighbours need no
    new ones, and what stays keeps touching all its mates, so that the beat stays whole.
    """
    corners = shapely.get_coordinates(grid)[:-1]
    count = len(corners)
    for _ in range(12):
        i, j = sorted(rng.choice(count, 2, replace=False).tolist())
        if j - i < 2 or count - j + i < 2:
            continue
        halves = (
            shapely.Polygon(corners[i : j + 1]),
            shapely.Polygon(np.concatenate([corners[j:], corners[: i + 1]])),
        )
        share = halves[0].area / grid.area
        if not 0.2 < share < 0.8 or not shapely.covers(grid, shapely.LineString(corners[[i, j]])):
            continue
        for stays, goes in (halves, halves[::-1]):
            if (
                stays.is_valid
                and goes.is_valid
                and shapely.length(shapely.intersection(goes, other)) > 20.0
                and (shapely.length(shapely.intersection(stays, mates)) > 5.0).all()
            ):
                return stays, goes
    return None
