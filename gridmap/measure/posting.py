"""How many officers stand at each beat, whole, so that the busiest is least busy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gridmap.errors import InfeasibleError
from gridmap.i18n import tr
from gridmap.measure.hypercube import ON_SCENE_MIN, calls_of_plan, solve_posts
from gridmap.measure.period import Moment
from gridmap.measure.staffing import apportion
from gridmap.model import City, Plan
from gridmap.travel import Travel
from gridmap.typing import Floats, Ints

__all__ = ["Posting", "least_busy", "post_officers"]

_GOALS, _ORIGINS = 3, 20  # posts to give an officer to, and to take one from, tried each time
_BETTER = 1e-6  # of a utilisation: less is the error of the approximation


@dataclass(frozen=True, slots=True, eq=False)
class Posting:
    """Officers on duty at each beat's post, and how busy they would be.

    Attributes
    ----------
    plan
        The plan, with these officers at its beats.
    officers
        Whole numbers, shape (beats,); 0 for a beat without grids.
    utilisation
        Mean share of time that an officer of each beat is busy with calls; NaN without officers.
    service_min
        Mean minutes that a call keeps an officer busy, the way there included.
    """

    plan: Plan
    officers: Ints
    utilisation: Floats
    service_min: float

    def sentence(self) -> str:
        """Return how many officers beats get, and which is the busiest."""
        held = self.officers > 0
        busiest = int(np.nanargmax(self.utilisation))
        return tr(
            "measure.posting",
            officers=int(self.officers.sum()),
            beats=int(held.sum()),
            least=int(self.officers[held].min()),
            most=int(self.officers.max()),
            busiest=self.plan.beats[busiest].label,
            utilisation=float(self.utilisation[busiest]),
        )


def least_busy(
    calls_per_h: npt.ArrayLike, travel_min: npt.ArrayLike, officers: int, service_min: float
) -> tuple[Ints, Floats]:
    """Share officers among posts so that the greatest utilisation is as small as can be found.

    Utilisations are those of the hypercube model with several units at a post (Larson 1974,
    and his approximation beyond 512 states): an officer of the own post goes first, then those
    of the nearest. The search begins with the least greatest workload per officer, which is the
    answer where nobody helps out elsewhere, and moves one officer at a time for as long as
    that helps.

    Parameters
    ----------
    calls_per_h
        Calls from each place per hour, shape (places,).
    travel_min
        Mean minutes from each place's post to the calls of each place, (places, places).
    officers
        How many there are on duty at once; one at least for each place.
    service_min
        Mean minutes that a call keeps an officer busy.

    Returns
    -------
    counts, utilisation
        Officers at each post, and how busy each is, shapes (places,). In 200 random towns of 3
        to 5 posts and up to 9 officers the greatest utilisation was the least of all ways to
        share them, found by trying each.

    Raises
    ------
    InfeasibleError
        If there are fewer officers than places, or calls come faster than all of them serve.
    """
    calls = np.asarray(calls_per_h, np.float64)[None] / 60.0
    ranked = np.array(travel_min, np.float64)
    np.fill_diagonal(ranked, -1.0)
    counts = apportion(calls[0], officers, method="minimax")
    if calls.sum() * service_min >= officers * (1.0 - _BETTER):
        raise InfeasibleError(
            "measure.error.overloaded",
            calls=60.0 * float(calls.sum()),
            capacity=60.0 * officers / service_min,
            units=officers,
        )

    def moves() -> Iterator[Ints]:
        """One officer of a quiet post to the busiest, or to one near it that helps it out."""
        busiest = int(np.argmax(found))
        for goal in np.argsort(ranked[:, busiest], kind="stable")[:_GOALS]:
            spare = np.flatnonzero((counts > 1) & (np.arange(len(counts)) != goal))
            for origin in spare[np.argsort(found[spare], kind="stable")][:_ORIGINS]:
                tried = counts.copy()
                tried[origin] -= 1
                tried[goal] += 1
                yield tried

    found = solve_posts(calls, ranked, counts, service_min)[0][0]
    moving = True
    while moving:
        moving = False
        for tried in moves():
            busy = solve_posts(calls, ranked, tried, service_min)[0][0]
            if busy.max() < found.max() - _BETTER:
                counts, found, moving = tried, busy, True
                break
    return counts, found


def post_officers(
    city: City,
    plan: Plan,
    officers: int,
    travel: Travel,
    *,
    on_scene_min: float = ON_SCENE_MIN,
    since: Moment = None,
    until: Moment = None,
) -> Posting:
    """Share officers on duty among a plan's beats, in whole numbers; see `least_busy`.

    They stand at each beat's room, or at the middle of its calls where it has none. A call
    keeps an officer busy for the time on scene and the mean way in the caller's own beat. What
    lies in no beat calls the nearest post.

    Parameters
    ----------
    city
        City with grids and incidents.
    plan
        The plan; at least one beat holds a grid.
    officers
        How many are on duty at once; each beat with grids has one at least.
    travel
        Way of measuring travel, in minutes.
    on_scene_min
        Mean minutes on scene.
    since, until
        Count calls with ``since <= time < until`` only.

    Raises
    ------
    InputError
        If travel is not in minutes, there are no calls, or their hours are not known.
    InfeasibleError
        If there are fewer officers than beats, or calls come faster than all of them serve.
    """
    manned, rate, minutes, home = calls_of_plan(city, plan, travel, since=since, until=until)
    home = np.where(home >= 0, home, np.argmin(minutes, axis=0))
    lying = np.zeros((len(manned), len(rate)))
    lying[home, np.arange(len(rate))] = rate
    of_beat = lying.sum(axis=1)
    # Where nobody calls, a way is to nobody.
    way = minutes @ (lying / np.maximum(of_beat, 1e-300)[:, None]).T
    service_min = on_scene_min + float((np.diag(way) * of_beat).sum() / of_beat.sum())
    found, busy = least_busy(of_beat, way, officers, service_min)
    counts, utilisation = np.zeros(len(plan), np.int64), np.full(len(plan), np.nan)
    counts[manned], utilisation[manned] = found, busy
    beats = tuple(
        replace(beat, officers=float(count))
        for beat, count in zip(plan.beats, counts, strict=True)
    )
    return Posting(replace(plan, beats=beats), counts, utilisation, service_min)
