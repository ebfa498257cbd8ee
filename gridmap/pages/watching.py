"""The watch beside the pages: looked for once for the same data, by whoever asks first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import streamlit as st

from gridmap.api.watch import AlertRow, WatchOptions, WatchResult, watch
from gridmap.errors import GridmapError, in_page
from gridmap.i18n import set_language, tr
from gridmap.model import City
from gridmap.pages.cache import recall, remember
from gridmap.pages.ground import PageGround
from gridmap.pages.jobs import Job
from gridmap.pages.layout import Line, beat_noun, number, show_list

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


def watching_of(ground: PageGround) -> Watching:
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


def show_news(ground: PageGround) -> None:
    """Draw what is unusual now, once it has been looked for in these data."""
    if ground.city.incidents is None or ground.city.incidents.period is None:
        return
    watching = watching_of(ground)
    st.header(tr("page.overview.news"), anchor=False)
    if watching.job is not None:
        _show_watching(watching, ground.session.language)
    elif watching.found is not None:
        show_list(alert_lines(ground, watching.found))
        st.caption(tr("page.watch.note", since=watching.found.since, until=watching.found.until))
    else:
        if watching.error is not None:
            st.caption(in_page(watching.error.text()))
        if st.button(tr("page.watch.begin"), width="stretch", key="gridmap-watch"):
            watching.begin()
            st.rerun()


@st.fragment(run_every=1.0)
def _show_watching(watching: Watching, language: str) -> None:
    set_language(language)
    if watching.end():
        st.rerun()
    st.caption(tr("page.watch.running"))


def alert_lines(ground: PageGround, found: WatchResult) -> list[Line]:
    """Return one line per alert, which leads to its ground; one that says so on a quiet day."""
    row_of: Callable[[str], int] = {
        str(one): row for row, one in enumerate(ground.city.grids.ids)
    }.__getitem__
    beats = [] if ground.plan is None else list(map(str, ground.plan.beat_ids))
    lines = []
    for alert in found.alerts:
        where = tr("page.join.names").join(
            beat_noun(name) if alert["level"] == "beat" else name for name in alert["names"][:3]
        )
        more = tr("page.watch.more", count=len(alert["names"])) if len(alert["names"]) > 3 else ""
        one = alert["ids"][0] if alert["ids"] else ""
        what = alert["category"] or tr("page.incidents.all")
        lines.append(
            Line(
                f"{where or tr('page.watch.city')}{more} · {what}",
                tr(
                    "page.watch.line",
                    since=alert["since"],
                    until=alert["until"],
                    observed=number(alert["observed"]),
                    expected=number(alert["expected"]),
                    days=number(alert["recurrence_days"]),
                ),
                beats.index(one) if alert["level"] == "beat" and one in beats else -1,
                tuple(map(row_of, alert["ids"])) if alert["level"] == "grid" else (),
            )
        )
    return lines or [Line(tr("page.watch.quiet"))]
