"""The watch beside the pages: looked for once for the same data, by whoever asks first."""

from __future__ import annotations

from dataclasses import dataclass, field

from gridmap.api.watch import AlertRow, WatchOptions, WatchResult, watch
from gridmap.errors import GridmapError
from gridmap.model import City
from gridmap.pages.ground import Ground
from gridmap.pages.jobs import Job
from gridmap.pages.keeping import recall, remember

__all__ = ["Watching", "watching_of"]

_MOST = 16
_WATCHED: dict[str, Watching] = {}


@dataclass(slots=True)
class Watching:
    """What was found in one state of a city's data, or the search for it.

    Parameters
    ----------
    city, key
        The city, and the digest of what is stored.
    job
        The search that runs, or None.
    found
        What it came back with, now or in an earlier run of the app.
    error
        Why it came back with nothing.
    """

    city: City
    key: str
    job: Job[WatchResult] | None = None
    found: WatchResult | None = field(default=None)
    error: GridmapError | None = None

    def begin(self) -> None:
        """Begin the search, unless somebody has."""
        if self.job is None:
            city = self.city
            self.job = Job(lambda _tell, _stops: watch(city, WatchOptions()))
            self.job.start()

    def end(self) -> bool:
        """Take what the search has come back with; whether it is over."""
        job = self.job
        if job is None:
            return True
        if not job.done:
            return False
        self.job, self.error = None, job.error
        self.found = job.result()
        if self.found is not None:
            told = self.found
            kept = {"since": told.since, "until": told.until, "watched": told.watched,
                    "alerts": [dict(alert) for alert in told.alerts],
                    "notes": list(told.notes)}  # fmt: skip
            remember("watch", (self.key,), kept)
        return True


def watching_of(ground: Ground) -> Watching:
    """Return the watch over the open city's data."""
    found = _WATCHED.get(ground.key)
    if found is None:
        found = Watching(ground.city, ground.key)
        kept = recall("watch", (ground.key,))
        if kept is not None:
            found.found = _result(ground.city, kept[0])
        while len(_WATCHED) >= _MOST:
            _WATCHED.pop(next(iter(_WATCHED)))
        _WATCHED[ground.key] = found
    return found


def _result(city: City, kept: dict[str, object]) -> WatchResult:
    alerts: list[AlertRow] = kept["alerts"]  # type: ignore[assignment] # as `Watching.end` kept it
    return WatchResult(
        city=city,
        options=WatchOptions(),
        since=str(kept["since"]),
        until=str(kept["until"]),
        alerts=tuple(alerts),
        watched=int(str(kept["watched"])),
        notes=tuple(map(str, kept["notes"])),  # type: ignore[call-overload] # a list
    )
