"""Long work beside the page: it reports its progress, and can be stopped."""

from __future__ import annotations

import contextvars
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gridmap.errors import GridmapError
from gridmap.i18n import current_language, set_language

T = TypeVar("T")
Tell = Callable[..., None]  # takes the share that is done, and in words what is reached

_TELLING = 0.05  # of the work: before, the pace is that of the first moments

# One processor is left to those who look at pages.
_TURNS = threading.BoundedSemaphore(max(1, (os.cpu_count() or 2) - 1))


@dataclass(slots=True)
class Job(Generic[T]):
    """One piece of work in a thread of its own.

    Parameters
    ----------
    work
        Called with a function to tell the share done (0 to 1) and one that says whether to
        stop; returns the result.
    language
        What the work tells from now on; blank for the language of whoever began it.

    Notes
    -----
    What the reader's data cause (`GridmapError`) is kept in `error` for the page to show.
    Any other exception is a fault of the program: `result` raises it.
    """

    work: Callable[[Tell, Callable[[], bool]], T]
    share: float = 0.0
    said: str = ""
    error: GridmapError | None = None
    language: str = ""
    _fault: BaseException | None = None
    _result: list[T] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _done: threading.Event = field(default_factory=threading.Event)
    _holders: int = 0
    _begun: float = 0.0

    def start(self) -> None:
        """Begin; the thread speaks the language of whoever begins."""
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run,), daemon=True).start()

    def stop(self) -> None:
        """Ask the work to end with the best that it has."""
        self._stop.set()

    def hold_for(self, holder: object) -> None:
        """Note who waits for the work: it is stopped when the last of them is gone."""
        self._holders += 1
        weakref.finalize(holder, self._let_go)

    def _let_go(self) -> None:
        self._holders -= 1
        if not self._holders:
            self.stop()

    @property
    def done(self) -> bool:
        """Whether the work has ended, well or not."""
        return self._done.is_set()

    def result(self) -> T | None:
        """Return what came of it, or None where it ended with an `error`."""
        if self._fault is not None:
            raise self._fault
        return self._result[0] if self._result else None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until fewer jobs run than the machine has processors; less when stopped."""
        got = False
        while not got and not self._stop.is_set():
            got = _TURNS.acquire(timeout=0.2)
        try:
            yield
        finally:
            if got:
                _TURNS.release()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the work had its turn; 0 before."""
        return time.monotonic() - self._begun if self._begun else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest takes at the pace so far; None while that cannot be told."""
        if self.share < _TELLING:
            return None
        return self.elapsed_s * (1.0 - self.share) / self.share

    def _tell(self, share: float, said: str = "") -> None:
        self.share, self.said = min(max(share, 0.0), 1.0), said or self.said
        if self.language and self.language != current_language():
            set_language(self.language)

    def _run(self) -> None:
        try:
            with self._turn():
                self._begun = time.monotonic()
                self._result.append(self.work(self._tell, self._stop.is_set))
        except GridmapError as error:
            self.error = error
        except BaseException as fault:  # noqa: BLE001 - raised again where the page asks for the result
            self._fault = fault
        finally:
            self._done.set()
