"""How long a search may take: steps by effort, a deadline, a stop button, a progress line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """How many looks at a grid one annealing takes, and how many annealings there are.

    ``windows`` is how many looks go into windows, for each look of one annealing.
    """

    visits: float
    least: int
    most: int
    starts: int
    windows: float = 0.0

    def part(self, share: float, *, travels: bool) -> Effort:
        """Return the effort for a region with this share of the grids.

        Many stations share one search's looks, down to a twentieth each; where distance
        counts, a look costs several times as much, and there are fewer.
        """
        return replace(self, visits=self.visits * max(share, 0.05) / (3.0 if travels else 1.0))

    def sweeps(self, grids: int) -> int:
        """Return the sweeps of one annealing of so many grids."""
        return int(min(self.most, max(self.least, self.visits / max(grids, 1))))


_EFFORTS = {
    "quick": Effort(visits=2.5e6, least=60, most=4_000, starts=1, windows=1.0),
    "normal": Effort(visits=4e7, least=500, most=20_000, starts=2, windows=2.0),
    "thorough": Effort(visits=4e8, least=3_000, most=20_000, starts=8, windows=8.0),
}


def effort_of(name: str) -> Effort:
    """Return the effort of a name: quick, normal or thorough."""
    return _EFFORTS[name]


class Clock:
    """The user's patience: a deadline, a stop button and a progress line.

    Parameters
    ----------
    seconds
        Wall time from now, or None.
    should_stop
        Asked now and then; True ends the search with the best plan so far.
    """

    def __init__(
        self, seconds: float | None = None, should_stop: Callable[[], bool] | None = None
    ) -> None:
        self.start = perf_counter()
        self.end = np.inf if seconds is None else self.start + seconds
        self._should_stop = should_stop
        self._stopped = False

    def left(self) -> float:
        """Return the seconds left (infinite without a deadline)."""
        return float(self.end - perf_counter())

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return perf_counter() - self.start

    def stopped(self) -> bool:
        """Return whether the deadline has passed or the user has stopped."""
        if not self._stopped and self._should_stop is not None and self._should_stop():
            self._stopped = True
        return self._stopped or self.left() <= 0

    def part(self, seconds: float) -> Clock:
        """Return a clock that ends after some seconds, or with this one."""
        inner = Clock(min(seconds, self.left()), self._should_stop)
        inner._stopped = self._stopped
        return inner


ReportProgress = Callable[[float], None]


def silent(_share: float) -> None:
    """Tell nobody."""


def part_of(report: ReportProgress, begin: float, share: float) -> ReportProgress:
    """Return what tells the progress of one part.

    Parameters
    ----------
    report
        Tells the progress of the whole, 0 to 1.
    begin, share
        Where in the whole the part begins, and how much of the whole it is.
    """
    return lambda part: report(begin + share * min(max(part, 0.0), 1.0))
