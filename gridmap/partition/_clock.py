"""How long a search may take: a deadline and a stop button."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np

__all__ = ["Clock"]


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
