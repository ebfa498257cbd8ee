"""社区民警原则上3年内不得调离: posts held for less than three years, and when each is free."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.errors import MissingError
from gridmap.model import City, Kind, Plan
from gridmap.typing import Floats

__all__ = ["STEADY_YEARS", "Steadiness", "post_dates", "steady_posts", "steady_weights"]

#: Years for which an officer is not moved off a community (preset of ``norms.toml``).
STEADY_YEARS = 3.0
_DEAR = 3.0  # what a resident of a beat that is not free counts when beats are to be kept
_DAY = re.compile(r"(\d{4})\D{0,2}(\d{1,2})(?:\D{0,2}(\d{1,2}))?")


@dataclass(frozen=True, eq=False)
class Steadiness:
    """When each beat's post may change hands.

    Attributes
    ----------
    rows
        One row per beat: ``id, name, post_since, free_on`` (days; NaT where not known),
        ``months_left`` (0 where it is free, NaN where not known) and ``bound``; those that
        are bound longest first, then the free ones, then the unknown.
    as_of
        The day of the judgement.
    years
        Years for which a post is bound.
    """

    rows: pd.DataFrame
    as_of: date
    years: float

    @property
    def bound(self) -> frozenset[str]:
        """Ids of the beats that may not change hands yet."""
        return frozenset(self.rows.loc[self.rows["bound"], "id"])

    def broken(self, changed: Iterable[str]) -> tuple[str, ...]:
        """Return which of some beats that change hands are bound, in the order given.

        Parameters
        ----------
        changed
            Ids of beats whose officers lose their community.
        """
        bound = self.bound
        return tuple(beat for beat in changed if beat in bound)


def post_dates(cells: npt.ArrayLike) -> npt.NDArray[np.datetime64]:
    """Return days as people write them; NaT where none is written.

    Parameters
    ----------
    cells
        Texts: ``2023-05-01``, ``2023/5/1``, ``20230501``, ``2023年5月1日``, ``2023年5月`` (its
        first day).

    Examples
    --------
    >>> post_dates(["2023\u5e745\u6708", "20240229", "soon"]).astype(str).tolist()
    ['2023-05-01', '2024-02-29', 'NaT']
    """

    def read(cell: object) -> np.datetime64:
        found = _DAY.match(unicodedata.normalize("NFKC", str(cell)).strip())
        if found is not None:
            year, month, day = (int(part or 1) for part in found.groups())
            try:
                return np.datetime64(date(year, month, day))
            except ValueError:
                pass
        return np.datetime64("NaT", "D")

    return np.array([read(cell) for cell in np.asarray(cells, object).ravel()], "datetime64[D]")


def steady_posts(
    city: City, *, as_of: date | None = None, years: float = STEADY_YEARS
) -> Steadiness:
    """Return when the post of each beat may change hands.

    Parameters
    ----------
    city
        A city whose beats have a column ``post_since``: the day since which the post is held.
        No person is named.
    as_of
        The day of the judgement; the last day of the incidents if None, else today.
    years
        Years for which a post is bound.

    Raises
    ------
    MissingError
        If no beat has a date; it names the column.
    """
    beats = city.get(Kind.BEAT)
    since = post_dates(beats.texts("post_since")) if beats is not None else post_dates([])
    if beats is None or np.isnat(since).all():
        raise MissingError("measure.error.no_posts", city=city.label)
    day = as_of
    if day is None:
        period = city.incidents.period if city.incidents is not None else None
        day = period[1].date() if period is not None else date.today()  # noqa: DTZ011 - the reader's
    months = round(12 * years)
    free = np.array(
        [np.datetime64("NaT", "D") if np.isnat(one) else _later(one, months) for one in since],
        "datetime64[D]",
    )
    known = ~np.isnat(free)
    days = (free - np.datetime64(day)).astype(float)
    left = np.where(known, np.ceil(np.maximum(days, 0.0) / 30.4375), np.nan)
    rows = pd.DataFrame(
        {
            "id": beats.ids.astype(str),
            "name": beats.names.astype(str),
            "post_since": since,
            "free_on": free,
            "months_left": left,
            "bound": known & (days > 0),
        }
    )
    order = ["bound", "free_on"]
    rows = rows.sort_values(order, ascending=[False, False], na_position="last", kind="stable")
    return Steadiness(rows.reset_index(drop=True), day, years)


def steady_weights(city: City, plan: Plan, posts: Steadiness) -> Floats:
    """Return what keeping each grid in its beat counts, relative to a beat that is free.

    Parameters
    ----------
    city
        The city.
    plan
        Today's beats.
    posts
        Which of them are bound.

    Returns
    -------
    (n,) array
        Three where the grid's beat is bound, else one.
    """
    bound = np.array([beat.id in posts.bound for beat in plan.beats] + [False])
    assert len(plan.assignment) == len(city.grids)  # noqa: S101 - a plan of this city
    return np.where(bound[plan.assignment], _DEAR, 1.0)


def _later(day: np.datetime64, months: int) -> np.datetime64:
    """Return the same day so many months later; the last of its month where it has no such day."""
    stamp = pd.Timestamp(day) + pd.DateOffset(months=months)
    return np.datetime64(stamp.date())
