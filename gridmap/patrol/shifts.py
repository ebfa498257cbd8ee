"""Shift scheduling: whole officers on weekly tours, so that the least work is uncovered.

Demand by hour is covered by shifts (Dantzig 1954) with consecutive days off (Baker 1976). A tour
is one post's week: the same shift on consecutive days, then days off. The integer programme has
a whole number of posts for each tour and the uncovered officers of each hour; HiGHS solves it,
which bounds what any roster can reach; exchanges of single posts then even out the worst hours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from gridmap._highs import minimise
from gridmap.errors import InputError
from gridmap.patrol.demand import HOURS

__all__ = ["PATTERNS", "Pattern", "Roster", "Tour", "make_tours", "plan_shifts"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_KICKS = 60  # random restarts of the local search
_SEARCH_GAP = 0.02  # of the demand: beyond this the integer programme is searched, too
_NODES = 8  # branch and bound: more nodes hardly close the gap (benchmarks.shifts)
_GAP = 0.002  # of the demand: closer than any demand is known


@dataclass(frozen=True, slots=True)
class Pattern:
    """A form of shift.

    Parameters
    ----------
    name
        What options call it.
    parts
        Hours of work, as (begin, end) counted from the start of the shift.
    """

    name: str
    parts: tuple[tuple[int, int], ...]

    @property
    def work_h(self) -> int:
        """Hours of work in one shift."""
        return sum(end - begin for begin, end in self.parts)

    @property
    def span_h(self) -> int:
        """Hours from the start of the shift to its end, breaks included."""
        return self.parts[-1][1]


PATTERNS = {
    "8h": Pattern("8h", ((0, 8),)),
    "12h": Pattern("12h", ((0, 12),)),
    "split": Pattern("split", ((0, 4), (8, 12))),
}


@dataclass(frozen=True, slots=True)
class Tour:
    """One post's week.

    Parameters
    ----------
    pattern
        Form of its shift.
    start
        Hour of the day at which each shift begins, 0 to 23.
    first_day, days
        The shift is worked on so many consecutive days from this weekday on (0 is Monday).
    """

    pattern: Pattern
    start: int
    first_day: int
    days: int

    @property
    def on_duty(self) -> Floats:
        """1 in each hour of the week that the post works, shape (168,)."""
        hours = np.zeros(HOURS)
        for day in range(self.days):
            begin = 24 * (self.first_day + day) + self.start
            for first, last in self.pattern.parts:
                hours[np.arange(begin + first, begin + last) % HOURS] = 1.0
        return hours


@dataclass(frozen=True, eq=False)
class Roster:
    """Posts that cover a demand.

    Parameters
    ----------
    tours, posts
        Tours that are used, and how many posts work each (whole, above 0).
    on_duty
        Officers on duty in each hour of the week, shape (168,).
    demand_h
        Officer-hours of demand a week.
    uncovered_h
        Officer-hours a week that demand exceeds the officers on duty.
    bound_h
        No roster of the same officers leaves fewer uncovered.
    proven
        Whether the two are equal to within 0.2 % of the demand.
    """

    tours: tuple[Tour, ...]
    posts: tuple[int, ...]
    on_duty: Floats
    demand_h: float
    uncovered_h: float
    bound_h: float
    proven: bool

    @property
    def gap(self) -> float:
        """How far the roster may be from the best, as a share of the demand."""
        return max(0.0, self.uncovered_h - self.bound_h) / max(self.demand_h, 1e-9)


def make_tours(
    patterns: Iterable[str], *, rest_h: float = 11.0, week_h: float = 40.0
) -> tuple[Tour, ...]:
    """Return all tours of some patterns that leave enough rest.

    A tour works as many days as ``week_h`` allows, at most six. Between two shifts lie
    24 hours less the span of the shift; that must be at least ``rest_h``.

    Raises
    ------
    InputError
        If a pattern is unknown, or none fits the rest and the week.
    """
    names = list(dict.fromkeys(patterns))
    unknown = [name for name in names if name not in PATTERNS]
    if unknown or not names:
        raise InputError(
            "patrol.error.pattern", received=", ".join(unknown), known=", ".join(PATTERNS)
        )
    tours = []
    for name in names:
        pattern = PATTERNS[name]
        days = min(6, int(week_h // pattern.work_h))
        if days < 1 or 24 - pattern.span_h < rest_h:
            continue
        tours += [Tour(pattern, start, first, days) for start in range(24) for first in range(7)]
    if not tours:
        raise InputError(
            "patrol.error.no_tour", patterns=", ".join(names), rest=rest_h, week=week_h
        )
    return tuple(tours)


def plan_shifts(needed: npt.ArrayLike, officers: int, tours: tuple[Tour, ...]) -> Roster:
    """Return the roster of a number of officers that leaves the least work uncovered.

    Among rosters with equally little uncovered work, the one whose worst hour lacks the
    fewest officers. The search is limited by nodes, not seconds: the same input gives the
    same roster on every machine.

    Parameters
    ----------
    needed
        Officers that should be on duty in each hour of the week, shape (168,), not negative.
    officers
        Posts to fill, each with one tour; not negative.
    tours
        The tours to choose from; see `make_tours`.
    """
    need = np.asarray(needed, np.float64)
    if need.shape != (HOURS,) or not (need >= 0).all() or officers < 0:
        message = "needed must hold 168 values that are not negative, and officers too"
        raise ValueError(message)
    duty = np.array([tour.on_duty for tour in tours])  # (t, 168)
    posts = _exchange(_greedy(need, officers, duty), need, duty)
    bound = 0.0
    if _uncovered(posts, need, duty) > 0.0:
        relaxed, bound = _programme(posts, need, officers, duty, whole=False)
        posts = _better(posts, _round_up(relaxed, officers), need, duty)
        posts = _kick(posts, need, duty, bound)
    if _uncovered(posts, need, duty) - bound > _SEARCH_GAP * float(need.sum()):
        found, bound = _programme(posts, need, officers, duty, whole=True)
        posts = _better(posts, np.rint(found).astype(np.int64), need, duty)
    used = np.flatnonzero(posts)
    on_duty = posts @ duty
    uncovered = _uncovered(posts, need, duty)
    bound = min(max(bound, 0.0) + 0.0, uncovered)
    return Roster(
        tours=tuple(tours[i] for i in used),
        posts=tuple(int(posts[i]) for i in used),
        on_duty=on_duty,
        demand_h=float(need.sum()),
        uncovered_h=uncovered,
        bound_h=bound,
        proven=uncovered - bound <= 1e-6 + _GAP * float(need.sum()),
    )


def _programme(
    start: Ints, need: Floats, officers: int, duty: Floats, *, whole: bool
) -> tuple[Floats, float]:
    """Return posts by tour from the programme or its relaxation, and the bound it proves."""
    t = len(duty)
    # Columns: posts of each tour, then the uncovered officers of each hour.
    cover = np.hstack([duty.T, np.eye(HOURS)])
    staff = np.hstack([np.ones((1, t)), np.zeros((1, HOURS))])
    answer = minimise(
        np.append(np.zeros(t), np.ones(HOURS)),
        csr_array(np.vstack([cover, staff])),
        np.append(need, officers),
        np.append(np.full(HOURS, np.inf), officers),
        whole=whole & (np.arange(t + HOURS) < t),
        upper=np.append(np.full(t, float(officers)), need),
        nodes=_NODES,
        absolute_gap=max(_GAP * float(need.sum()), 1e-6),
        start=np.append(start, np.maximum(need - start @ duty, 0.0)),
    )
    if answer.values is None:
        return start.astype(np.float64), answer.bound
    bound = float(answer.values[t:].sum()) if not whole else answer.bound
    if (need == np.rint(need)).all():  # whole posts leave whole officers uncovered
        bound = float(np.ceil(bound - 1e-6))
    return answer.values[:t], bound


def _round_up(posts: Floats, officers: int) -> Ints:
    """Return whole posts near a relaxed solution that add up to the officers."""
    whole = np.floor(posts + 1e-9).astype(np.int64)
    rest = officers - int(whole.sum())
    whole[np.argsort(whole - posts, kind="stable")[:rest]] += 1
    return whole


def _uncovered(posts: Ints, need: Floats, duty: Floats) -> float:
    return float(np.maximum(need - posts @ duty, 0.0).sum())


def _better(one: Ints, other: Ints, need: Floats, duty: Floats) -> Ints:
    """Return the roster of two, after exchanges, that leaves less uncovered."""
    other = _exchange(other, need, duty)
    return other if _uncovered(other, need, duty) < _uncovered(one, need, duty) - 1e-9 else one


def _kick(posts: Ints, need: Floats, duty: Floats, bound: float) -> Ints:
    """Improve a roster by iterated local search: move some posts at random, exchange, compare."""
    rng = np.random.default_rng(0)
    best = posts
    for _ in range(_KICKS):
        if not posts.sum() or _uncovered(best, need, duty) - bound <= 1e-6:
            break
        other = best.copy()
        for old in rng.permutation(np.repeat(np.arange(len(duty)), best))[:3]:
            other[old] -= 1
            other[rng.integers(len(duty))] += 1
        best = _better(best, other, need, duty)
    return best


def _greedy(need: Floats, officers: int, duty: Floats) -> Ints:
    """Return posts by tour: post after post, the tour that covers most of what is left."""
    posts = np.zeros(len(duty), np.int64)
    for _ in range(officers):
        left = np.maximum(need - posts @ duty, 0.0)
        posts[int(np.argmax(duty @ np.minimum(left, 1.0)))] += 1
    return posts


def _exchange(posts: Ints, need: Floats, duty: Floats) -> Ints:
    """Move one post at a time to another tour while that improves the roster.

    Better is less uncovered work; then a smaller shortfall in the worst hour; then a more
    even surplus.
    """
    posts = posts.copy()
    on_duty = posts @ duty
    improved = True
    while improved:
        improved = False
        for old in np.flatnonzero(posts):
            left = need - on_duty + duty[old] - duty  # (t, 168): each tour in its place
            short = np.maximum(left, 0.0)
            total, worst = np.round(short.sum(axis=1), 6), short.max(axis=1)
            surplus = np.square(np.minimum(left, 0.0)).sum(axis=1)
            new = int(np.lexsort((surplus, worst, total))[0])
            if (total[new], worst[new], surplus[new]) < (total[old], worst[old], surplus[old]):
                posts[old] -= 1
                posts[new] += 1
                on_duty += duty[new] - duty[old]
                improved = True
    return posts
