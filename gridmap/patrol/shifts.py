"""Shift scheduling: whole officers on weekly tours, so that the least work is uncovered.

Demand by hour is covered by shifts (Dantzig 1954) with consecutive days off (Baker 1976). A tour
is one post's week: the same shift on consecutive days, then days off. Each hour has a loss by the
number of officers on duty: the uncovered officers, or the calls that are reached late. The integer
programme has a whole number of posts for each tour and the loss of each hour as a convex piecewise
linear function (the lower envelope where it is not convex); HiGHS solves it, which bounds what any
roster can reach; exchanges of single posts then even out the worst hours.

A post begins at the same hour on consecutive days, so a relaxation that cuts posts in pieces
covers more than whole posts can: round the clock with one officer, it needs 4.2 posts, and whole
ones cover 136 of 168 hours with four. What the posts of one hour of the day can save at best in
the seven days (`_daily_cuts`) is therefore added to the programme.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack, vstack

from gridmap._highs import minimise
from gridmap.errors import InputError
from gridmap.patrol.demand import HOURS
from gridmap.typing import Floats, Ints

_KICKS = 60  # random restarts of the local search
_SEARCH_GAP = 0.02  # of the demand: beyond this the integer programme is searched, too
_NODES = 8  # branch and bound: more nodes hardly close the gap (benchmarks.shifts)
_GAP = 0.002  # of the demand: closer than any demand is known
_MOST_RUNS = 8  # posts on duty at one hour of the day: 6,435 ways to lay their days


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of shifts.

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
    loss
        What was made small: ``uncovered_h``, or the calls a week that are reached late.
    bound
        No roster of the same officers has a smaller loss.
    total
        What the loss is a part of: ``demand_h``, or the calls a week.
    """

    tours: tuple[Tour, ...]
    posts: tuple[int, ...]
    on_duty: Floats
    demand_h: float
    uncovered_h: float
    loss: float
    bound: float
    total: float

    @property
    def gap(self) -> float:
        """How far the roster may be from the best, as a share of the total."""
        return max(0.0, self.loss - self.bound) / max(self.total, 1e-9)

    @property
    def proven(self) -> bool:
        """Whether loss and bound are equal to within 0.2 % of the total."""
        return self.loss - self.bound <= 1e-6 + _GAP * self.total


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


def plan_shifts(
    needed: npt.ArrayLike,
    officers: int,
    tours: tuple[Tour, ...],
    *,
    late: npt.ArrayLike | None = None,
    search: bool = True,
) -> Roster:
    """Return the roster of a number of officers that has the least loss.

    The loss is the work that goes uncovered or, if ``late`` is given, the calls that are
    reached late. Of rosters with equal losses, the one that leaves the least work uncovered,
    then the one whose worst hour loses least. The search is limited by nodes, not seconds: the
    same input gives the same roster on every machine.

    Parameters
    ----------
    needed
        Officers that should be on duty in each hour of the week, shape (168,), not negative.
    officers
        Posts to fill, each with one tour; not negative.
    tours
        The tours to choose from; see `make_tours`.
    late
        Calls that are reached late in each hour with 0, 1, ... officers on duty, shape
        (168, numbers); more officers than the last never lose more, and are taken to lose
        the same.
    search
        Whether branch and bound may be tried where the relaxation leaves a gap of more than 2 %:
        it takes seconds, and is never tried with ``late``, where it gains nothing.
    """
    goal = _ShiftGoal.of(needed, late)
    if officers < 0:
        message = "officers must not be negative"
        raise ValueError(message)
    duty = np.array([tour.on_duty for tour in tours])  # (t, 168)
    posts = _exchange(_greedy(goal, officers, duty), goal, duty)
    bound = float(goal.loss[:, -1].sum())
    if goal.at(posts @ duty) > bound + 1e-9:
        relaxed, bound = _programme(posts, goal, officers, duty, whole=False)
        posts = _better(posts, _round_up(relaxed, officers), goal, duty)
        posts = _kick(posts, goal, duty, bound, 1e-6 if late is None else _GAP * goal.total)
    wide = goal.at(posts @ duty) - bound > _SEARCH_GAP * goal.total
    if wide and search and late is None:
        found, bound = _programme(posts, goal, officers, duty, whole=True)
        posts = _better(posts, np.rint(found).astype(np.int64), goal, duty)
    used = np.flatnonzero(posts)
    on_duty = posts @ duty
    loss = goal.at(on_duty)
    return Roster(
        tours=tuple(tours[i] for i in used),
        posts=tuple(int(posts[i]) for i in used),
        on_duty=on_duty,
        demand_h=float(goal.need.sum()),
        uncovered_h=float(np.maximum(goal.need - on_duty, 0.0).sum()),
        loss=loss,
        bound=min(max(bound, 0.0) + 0.0, loss),
        total=goal.total,
    )


def fewest_posts(needed: npt.ArrayLike, tours: tuple[Tour, ...]) -> int:
    """Return the fewest posts found that leave no hour short: Dantzig's covering programme.

    Parameters
    ----------
    needed
        Officers that should be on duty in each hour of the week, shape (168,), not negative.
    tours
        The tours to choose from; see `make_tours`.
    """
    need = np.ceil(np.asarray(needed, np.float64) - 1e-9)
    duty = np.array([tour.on_duty for tour in tours])
    each = int(need.max(initial=0.0))
    answer = minimise(
        np.ones(len(duty)), csr_array(duty.T), need, np.full(HOURS, np.inf),
        whole=np.zeros(len(duty), np.bool_), upper=np.full(len(duty), float(max(each, 1))),
    )  # fmt: skip
    relaxed = answer.values if answer.values is not None else np.full(len(duty), float(each))
    posts = np.floor(relaxed + 1e-9).astype(np.int64)
    left = np.maximum(need - posts @ duty, 0.0)
    while left.any():
        posts[int(np.argmax(duty @ np.minimum(left, 1.0)))] += 1
        left = np.maximum(need - posts @ duty, 0.0)
    for tour in np.flatnonzero(posts)[::-1]:  # whatever the others cover, too
        while posts[tour] and ((posts @ duty - duty[tour]) >= need).all():
            posts[tour] -= 1
    return int(posts.sum())


@dataclass(frozen=True, slots=True, eq=False)
class _ShiftGoal:
    """What a roster should make small.

    Parameters
    ----------
    need
        Officers needed, shape (168,).
    loss, envelope
        Loss of each hour by officers on duty, shape (168, numbers), and its lower convex
        envelope.
    total
        What the loss is a part of.
    """

    need: Floats
    loss: Floats
    envelope: Floats
    total: float

    @classmethod
    def of(cls, needed: npt.ArrayLike, late: npt.ArrayLike | None) -> _ShiftGoal:
        need = np.asarray(needed, np.float64)
        number = np.arange(int(np.ceil(need.max(initial=0.0))) + 1)
        loss = np.maximum(need[..., None] - number, 0.0) if late is None else np.asarray(late)
        if need.shape != (HOURS,) or not (need >= 0).all() or len(loss) != HOURS:
            message = "needed must hold 168 values that are not negative, and late as many rows"
            raise ValueError(message)
        if late is None:
            return cls(need, loss, loss, float(need.sum()))
        return cls(need, loss, _envelope(loss), float(loss[:, 0].sum()))

    def at(self, on_duty: Floats) -> float:
        """Return the loss of a week."""
        return float(self.lookup(self.loss, on_duty).sum())

    @staticmethod
    def lookup(table: Floats, on_duty: Floats) -> Floats:
        """Return the values of each hour for the officers on duty, shape (168,)."""
        number = np.minimum(np.rint(on_duty).astype(np.int64), table.shape[1] - 1)
        return table[np.arange(HOURS), number]


def _envelope(loss: Floats) -> Floats:
    """Return the greatest convex functions that nowhere exceed the losses, row by row."""
    numbers = np.arange(loss.shape[1])
    envelope = loss.copy()
    for row, values in enumerate(loss):
        corners = [0]
        while corners[-1] < numbers[-1]:
            at = corners[-1]
            slopes = (values[at + 1 :] - values[at]) / (numbers[at + 1 :] - at)
            corners.append(at + 1 + int(np.flatnonzero(slopes <= slopes.min() + 1e-12)[-1]))
        envelope[row] = np.interp(numbers, corners, values[corners])
    return envelope


def _programme(
    start: Ints, goal: _ShiftGoal, officers: int, duty: Floats, *, whole: bool
) -> tuple[Floats, float]:
    """Return posts by tour from the programme or its relaxation, and the bound it proves."""
    t = len(duty)
    slope = -np.diff(goal.envelope, axis=1)
    # Officers of an hour who save the same are one part of the programme.
    first = np.column_stack([slope[:, :1] > 0, np.diff(slope, axis=1) < -1e-12]) & (slope > 0)
    hour, step = np.nonzero(first)
    ends = np.append(step[1:], 0)
    last = np.append(hour[1:] != hour[:-1], True)
    ends[last] = (slope > 1e-12).sum(axis=1)[hour[last]]
    width = (ends - step).astype(np.float64)
    # Columns: posts of each tour, then each officer of each hour by what he saves there.
    parts = csr_array(
        (-np.ones(len(hour)), (hour, np.arange(len(hour)))), shape=(HOURS, len(hour))
    )
    staff = np.concatenate([np.ones(t), np.zeros(len(hour))])[None]
    present = np.minimum(np.maximum((start @ duty)[hour] - step, 0.0), width)
    cuts, most = _daily_cuts(goal, duty, hour, slope[hour, step])
    answer = minimise(
        np.concatenate([np.zeros(t), -slope[hour, step]]),
        vstack([hstack([csr_array(duty.T), parts]), csr_array(staff), cuts], format="csr"),
        np.concatenate([np.zeros(HOURS), [officers], np.full(len(most), -np.inf)]),
        np.concatenate([np.full(HOURS, np.inf), [officers], most]),
        whole=whole & (np.arange(t + len(hour)) < t),
        upper=np.append(np.full(t, float(officers)), width),
        nodes=_NODES,
        absolute_gap=max(_GAP * goal.total, 1e-6),
        start=np.append(start, present),
    )
    none_there = float(goal.loss[:, 0].sum())
    if answer.values is None:
        return start.astype(np.float64), none_there + answer.bound
    saved = float(slope[hour, step] @ answer.values[t:]) if not whole else -answer.bound
    bound = none_there - saved
    if (goal.loss == np.rint(goal.loss)).all():  # whole posts leave whole officers uncovered
        bound = float(np.ceil(bound - 1e-6))
    return answer.values[:t], bound


def _daily_cuts(
    goal: _ShiftGoal, duty: Floats, hour: Ints, saves: Floats
) -> tuple[csr_array, Floats]:
    """Return what posts that work at one hour of the day can save there in a week, as cuts.

    For each hour of the day the best days of 1, 2, ... posts are enumerated, each a run of
    consecutive days. The upper concave envelope over the number of posts is no less than what
    any whole posts save; each of its segments is a row ``saved - slope * posts <= intercept``.
    Hours whose losses more posts than `_MOST_RUNS` would still lessen have no cut.
    """
    gain = goal.envelope[:, :1] - goal.envelope
    daily = duty.reshape(len(duty), 7, 24)
    runs = int(daily.sum(axis=1).max(initial=0.0))
    rows, most = [], []
    for clock in range(24):
        table = gain[clock::24]
        best = np.zeros(_MOST_RUNS + 1)
        for posts in range(1, _MOST_RUNS + 1):
            there = np.minimum(_covers(posts, runs), table.shape[1] - 1)  # (ways, 7)
            best[posts] = table[np.arange(7), there].sum(axis=1).max()
        if best[-1] < table[:, -1].sum() - 1e-9:
            continue
        at_work = daily[:, :, clock].max(axis=1)
        upper = -_envelope(-best[None])[0]
        for posts, slope in enumerate(np.diff(upper)):
            if posts and slope > upper[posts] - upper[posts - 1] - 1e-9:
                continue  # the segment before goes on
            rows.append(
                np.concatenate([-slope * at_work, np.where(hour % 24 == clock, saves, 0.0)])
            )
            most.append(upper[posts] - slope * posts)
    return csr_array(np.array(rows).reshape(len(rows), len(duty) + len(hour))), np.array(most)


@lru_cache(maxsize=32)
def _covers(posts: int, days: int) -> Ints:
    """Return how many of some posts work on each day, one row for each way to lay their runs."""
    run = np.array([[(day - first) % 7 < days for day in range(7)] for first in range(7)])
    ways = np.array(list(combinations_with_replacement(range(7), posts)))
    return np.asarray(run[ways].sum(axis=1), np.int64)


def _round_up(posts: Floats, officers: int) -> Ints:
    """Return whole posts near a relaxed solution that add up to the officers."""
    whole = np.floor(posts + 1e-9).astype(np.int64)
    rest = officers - int(whole.sum())
    whole[np.argsort(whole - posts, kind="stable")[:rest]] += 1
    return whole


def _better(one: Ints, other: Ints, goal: _ShiftGoal, duty: Floats) -> Ints:
    """Return the roster of two, after exchanges, that has the smaller loss."""
    other = _exchange(other, goal, duty)
    return other if goal.at(other @ duty) < goal.at(one @ duty) - 1e-9 else one


def _kick(posts: Ints, goal: _ShiftGoal, duty: Floats, bound: float, near: float) -> Ints:
    """Improve a roster by iterated local search: move some posts at random, exchange, compare.

    The search ends where the loss is as near to the bound as asked.
    """
    rng = np.random.default_rng(0)
    best = posts
    for _ in range(_KICKS):
        if not posts.sum() or goal.at(best @ duty) - bound <= near:
            break
        other = best.copy()
        for old in rng.permutation(np.repeat(np.arange(len(duty)), best))[:3]:
            other[old] -= 1
            other[rng.integers(len(duty))] += 1
        best = _better(best, other, goal, duty)
    return best


def _greedy(goal: _ShiftGoal, officers: int, duty: Floats) -> Ints:
    """Return posts by tour: post after post, the tour that saves most of what is left."""
    posts = np.zeros(len(duty), np.int64)
    on_duty = np.zeros(HOURS)
    for _ in range(officers):
        saves = goal.lookup(goal.envelope, on_duty) - goal.lookup(goal.envelope, on_duty + 1.0)
        best = int(np.argmax(duty @ saves))
        posts[best] += 1
        on_duty += duty[best]
    return posts


def _exchange(posts: Ints, goal: _ShiftGoal, duty: Floats) -> Ints:
    """Move one post at a time to another tour while that improves the roster.

    Better is a smaller loss; then less uncovered work; then a smaller loss in the worst hour;
    then a more even surplus.
    """
    posts = posts.copy()
    on_duty = posts @ duty
    tried = 0  # tours since the last improvement
    while tried < np.count_nonzero(posts):
        for old in np.flatnonzero(posts):
            new = _best_tour(int(old), on_duty - duty[old], goal, duty)
            tried += 1
            if new != old:
                posts[old] -= 1
                posts[new] += 1
                on_duty += duty[new] - duty[old]
                tried = 0
            elif tried >= np.count_nonzero(posts):
                break
    return posts


def _best_tour(old: int, others: Floats, goal: _ShiftGoal, duty: Floats) -> int:
    """Return the best tour beside the other posts' officers, the old one if it is as good."""
    lost = [goal.lookup(goal.loss, others + more) for more in (0.0, 1.0)]
    left = [goal.need - others - more for more in (0.0, 1.0)]
    short = [np.maximum(each, 0.0) for each in left]
    even = [np.square(np.minimum(each, 0.0)) for each in left]

    def week(values: list[Floats], some: Ints) -> Floats:  # an hour has the tour's officer or not
        chosen = duty if len(some) == len(duty) else duty[some]
        return np.asarray(values[0].sum() + chosen @ (values[1] - values[0]))

    some = np.arange(len(duty))
    for values in (lost, short):
        if (values[0] != values[1]).any():
            total = np.round(week(values, some), 6)
            some = some[total == total.min()]
    if (lost[0] != lost[1]).any():
        worst = np.where(duty[some] > 0, lost[1], lost[0]).max(axis=1)
        some = some[worst == worst.min()]
    surplus = np.round(week(even, some), 6)
    some = some[surplus == surplus.min()]
    return old if old in some else int(some[0])
