"""警力跟着警情走: officers of beats by the norms, their posts, and how long they have held them.

`apportion` shares officers out, `Posting` puts whole officers at posts so that the busiest is
least busy, and 社区民警原则上3年内不得调离 is counted from the dates that posts were taken up.
"""

from __future__ import annotations

import heapq
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.errors import InfeasibleError, InputError, MissingError
from gridmap.i18n import current_language, tr
from gridmap.measure.hypercube import ON_SCENE_MIN, calls_of_plan, solve_posts
from gridmap.measure.period import Moment
from gridmap.model import City, Kind, Plan
from gridmap.travel import Travel
from gridmap.typing import Floats, Ints

NormKind = Literal["per_beat", "per_village", "people_per_officer", "auxiliaries_per_officer"]
_QUOTA_DIGITS = 9
_KINDS = ("per_beat", "per_village", "people_per_officer", "auxiliaries_per_officer")


@dataclass(frozen=True, slots=True)
class Norm:
    """A rule of staffing with its source; `dataclasses.replace` changes its figures.

    Attributes
    ----------
    id, zh, en
        Its name in the data file, and in both languages.
    source_zh, source_en
        Where it was read, in both languages.
    kind
        ``per_beat`` and ``per_village``: staff for each; ``people_per_officer``: residents
        and migrants that one officer can look after at most; ``auxiliaries_per_officer``:
        at least so many.
    where
        ``urban``, ``rural`` or both (empty).
    officers, auxiliaries, people
        The figures that its kind uses.
    """

    id: str
    zh: str
    en: str
    source_zh: str
    source_en: str
    kind: NormKind
    where: str = ""
    officers: float = 0.0
    auxiliaries: float = 0.0
    people: float = 0.0

    def __post_init__(self) -> None:
        """Check that the figures make sense."""
        figures = (self.officers, self.auxiliaries, self.people)
        if self.kind not in _KINDS or self.where not in ("", "urban", "rural"):
            raise InputError("measure.error.norm", id=self.id, received=(self.kind, self.where))
        if min(figures) < 0 or (self.kind == "people_per_officer" and not self.people > 0):
            raise InputError("measure.error.norm", id=self.id, received=figures)

    @property
    def name(self) -> str:
        """The name in the current language."""
        return self.zh if current_language() == "zh" else self.en

    @property
    def source(self) -> str:
        """Where it was read, in the current language."""
        return self.source_zh if current_language() == "zh" else self.source_en


@cache
def norms() -> tuple[Norm, ...]:
    """Return the bundled norms of staffing; each figure is a preset that can be changed."""
    text = (files(__package__) / "norms.toml").read_text(encoding="utf-8")
    return tuple(Norm(id=name, **entry) for name, entry in tomllib.loads(text).items())


def staff_needed(beats: pd.DataFrame, *, rules: Iterable[Norm] | None = None) -> pd.DataFrame:
    """Return what each beat needs by the norms, has and lacks.

    A beat needs the most that any norm asks, rounded up to whole people.

    Parameters
    ----------
    beats
        One row per beat with ``residents``, and if known ``migrants`` (added to them),
        ``villages``, ``urban`` (True if missing), ``officers`` and ``auxiliaries`` (those
        it has; 0 if missing).
    rules
        The norms; those of `norms` if None.

    Returns
    -------
    DataFrame
        Index of ``beats``; ``officers_needed, auxiliaries_needed``, the id of the norm that
        asks most (``officers_norm, auxiliaries_norm``, empty if none asks), and
        ``officers_lacking, auxiliaries_lacking`` (0 if it has enough).
    """
    people = beats["residents"].to_numpy(float) + _column(beats, "migrants", 0.0)
    urban = _column(beats, "urban", 1.0) > 0
    villages = _column(beats, "villages", 0.0)
    has = {name: _column(beats, name, 0.0) for name in ("officers", "auxiliaries")}
    need = {name: np.zeros(len(beats)) for name in has}
    asks = {name: np.full(len(beats), "", dtype=object) for name in has}

    def ask(name: str, rule: Norm, amount: Floats) -> None:
        where = {"urban": urban, "rural": ~urban}.get(rule.where, np.ones(len(beats), bool))
        more = where & (np.ceil(amount - 1e-9) > need[name])
        need[name][more] = np.ceil(amount - 1e-9)[more]
        asks[name][more] = rule.id

    # Auxiliaries per officer come last: they follow from the officers needed.
    order = sorted(rules or norms(), key=lambda rule: rule.kind == "auxiliaries_per_officer")
    for rule in order:
        if rule.kind == "people_per_officer":
            ask("officers", rule, people / rule.people)
        elif rule.kind == "auxiliaries_per_officer":
            officers = np.maximum(need["officers"], has["officers"])
            ask("auxiliaries", rule, rule.auxiliaries * officers)
        else:
            number = np.ones(len(beats)) if rule.kind == "per_beat" else villages
            ask("officers", rule, rule.officers * number)
            ask("auxiliaries", rule, rule.auxiliaries * number)
    return pd.DataFrame(
        {
            "officers_needed": need["officers"],
            "officers_norm": asks["officers"],
            "officers_lacking": np.maximum(need["officers"] - has["officers"], 0.0),
            "auxiliaries_needed": need["auxiliaries"],
            "auxiliaries_norm": asks["auxiliaries"],
            "auxiliaries_lacking": np.maximum(need["auxiliaries"] - has["auxiliaries"], 0.0),
        },
        index=beats.index,
    )


def apportion(
    demand: npt.ArrayLike,
    total: int,
    *,
    method: Literal["largest remainder", "minimax"] = "largest remainder",
    least: npt.ArrayLike = 1,
) -> Ints:
    """Apportion a fixed number of officers to beats by their demand.

    ``largest remainder`` (Hamilton): each beat gets the whole part of its quota ``total *
    demand_i / sum demand``, and what is left goes to the greatest remainders. ``minimax``:
    the greatest demand per officer becomes as small as it can be; giving one officer after
    the other to the beat with the greatest demand per officer does that.

    Parameters
    ----------
    demand
        Workload or incidents of each beat, not negative.
    total
        Officers to apportion.
    method
        How.
    least
        Officers that every beat has at least, one number or one for each. Of equal beats the
        first gets more.

    Raises
    ------
    InfeasibleError
        If the total is not enough for the least.
    """
    wanted = np.asarray(demand, np.float64)
    given = np.broadcast_to(np.asarray(least, np.int64), wanted.shape).copy()
    if wanted.ndim != 1 or not (wanted >= 0).all() or (given < 0).any():
        message = "demand and least must not be negative"
        raise ValueError(message)
    if total < given.sum():
        raise InfeasibleError(
            "measure.error.too_few_officers",
            total=total,
            beats=len(wanted),
            least=int(given.max(initial=0)),
        )
    if not len(wanted):
        return given
    floor = given.copy()
    if method == "minimax":
        return _minimax(wanted, given, total)
    weight = wanted if wanted.sum() > 0 else np.ones(len(wanted))
    # Rounded, so that equal beats are equal and ties go by order, not by rounding errors.
    quota = np.round(total * weight / weight.sum(), _QUOTA_DIGITS)
    given = np.maximum(np.floor(quota).astype(np.int64), floor)
    remainder = np.round(quota - given, _QUOTA_DIGITS)
    while given.sum() < total:
        at = int(np.argmax(remainder))
        given[at] += 1
        remainder[at] = round(remainder[at] - 1, _QUOTA_DIGITS)
    while given.sum() > total:  # the least took more than the quota gives
        spare = np.where(given > floor, remainder, np.inf)
        at = int(np.argmin(spare))
        given[at] -= 1
        remainder[at] = round(remainder[at] + 1, _QUOTA_DIGITS)
    return given


def _minimax(wanted: Floats, given: Ints, total: int) -> Ints:
    queue = [(-_per_officer(wanted[i], given[i]), i) for i in range(len(wanted))]
    heapq.heapify(queue)
    for _ in range(total - int(given.sum())):
        _, at = heapq.heappop(queue)
        given[at] += 1
        heapq.heappush(queue, (-_per_officer(wanted[at], given[at]), at))
    return given


def _per_officer(wanted: float, officers: int) -> float:
    if not officers:
        return np.inf if wanted > 0 else 0.0
    return float(f"{wanted / officers:.12g}")  # equal beats tie in spite of rounding errors


def _column(table: pd.DataFrame, name: str, default: float) -> Floats:
    if name not in table.columns:
        return np.full(len(table), default)
    return table[name].fillna(default).to_numpy(dtype=float)


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
    """Return the same day some months later, or the last day of a shorter month."""
    stamp = pd.Timestamp(day) + pd.DateOffset(months=months)
    return np.datetime64(stamp.date())
