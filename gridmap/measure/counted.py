"""A count that nobody made is missing, never 0: which figures a city has is decided here.

A rate or share without a denominator is missing, too, months may be covered in part, and some
incidents of the newest days are not reported yet.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
from scipy.special import pdtr

from gridmap.errors import InputError
from gridmap.fields import Json
from gridmap.i18n import tr
from gridmap.measure.period import CutDay, Moment, Period, parse_period, period_between
from gridmap.measure.pieces import people_layer
from gridmap.model import City, Incidents, Kind
from gridmap.typing import Floats, Ints

#: Incidents expected in days without one, from which on that is no chance: exp(-5) is 0.7 %.
_NO_CHANCE = 5.0

_DAY_S = 86_400
_ARRIVED = 0.95  # share of a day's incidents from which on it is called complete
_OLD_DAYS = 90  # age from which on a day's reports are taken to have come in
_LEAST_OLD = 100  # incidents of old days that say how long reports take

#: What is counted and shared out, besides incidents.
COUNTS = ("residents", "migrants", "households")


def missing_counts(city: City) -> tuple[str, ...]:
    """Return which of residents, migrants, households and incidents a city has no counts of.

    A count is missing where its layer has no such column, or a column without one number. A
    single blank among numbers is a grid with nobody in it.
    """
    people = people_layer(city)
    absent = [name for name in COUNTS if people is None or not people.is_counted(name)]
    grids = city.get(Kind.GRID)
    if city.incidents is None and (grids is None or not grids.is_counted("incidents")):
        absent.append("incidents")
    return tuple(absent)


def held_days(city: City) -> tuple[date, date] | None:
    """Return the first and last day for which a city's data are complete.

    Data seldom begin and end at midnight: a first or last day with less than half of the usual
    number of incidents, if that is beyond chance, does not count as held, because it would make a
    daily rate, or a weekday, look low. None without incidents, without times, or where only months
    are known.
    """
    incidents = city.incidents
    if incidents is None or incidents.period is None or incidents.precision == "month":
        return None
    first, last = (stamp.date() for stamp in incidents.period)
    usual = len(incidents) / ((last - first).days + 1)
    if not any(_is_too_few(_count_day(incidents, day), usual) for day in (first, last)):
        return first, last
    # In one pass: a stray incident may lie years before the others.
    begin, counts = np.datetime64(first, "D"), np.zeros((last - first).days + 1, np.int64)
    for part in incidents.columns(["time"]):
        day = part["time"][~np.isnat(part["time"])].astype("datetime64[D]")
        counts += np.bincount((day - begin).astype(np.int64), minlength=len(counts))
    whole = [not _is_too_few(count, usual) for count in counts.tolist()]
    start = whole.index(True) if any(whole) else len(whole) - 1
    end = len(whole) - whole[::-1].index(True) if any(whole) else len(whole)
    return first + timedelta(days=start), first + timedelta(days=end - 1)


def period_in(city: City, period: Period | str) -> Period:
    """Return a period with the days for which a city has data: daily rates are per such day.

    Parameters
    ----------
    city
        The city; `held_days` says which days have data.
    period
        The period, or a text that `parse_period` reads.

    Raises
    ------
    InputError
        If the text is no period.
    """
    given = parse_period(period) if isinstance(period, str) else period
    held, incidents = held_days(city), city.incidents
    if held is None or incidents is None:
        return given
    return replace(given, held=held, cut=_cut_days(incidents, held))


def _cut_days(incidents: Incidents, held: tuple[date, date]) -> tuple[CutDay, ...]:
    """Return the first and last days that are not held whole, and how much of them is.

    A day is taken to hold what the others hold up to its last incident, or from its first on.
    Where even of that fewer than half came, beyond chance, hours are uninformative: each of them
    holds the day's count beside the usual one.
    """
    assert incidents.period is not None  # noqa: S101 - days are held
    ends = tuple(stamp.date() for stamp in incidents.period)
    days = [ends[0] + timedelta(days=d) for d in range((held[0] - ends[0]).days)]
    days += [ends[1] - timedelta(days=d) for d in range((ends[1] - held[1]).days)]
    if not days:
        return ()
    usual = np.zeros(_DAY_S)
    cut = np.array(days, "datetime64[D]").astype(np.int64)
    found = [np.empty((2, 0), np.int64)]
    for part in incidents.columns(["time"]):
        time = part["time"][~np.isnat(part["time"])].astype("datetime64[s]").astype(np.int64)
        day, second = np.divmod(time, _DAY_S)
        outside = np.isin(day, cut)
        usual += np.bincount(second[~outside], minlength=_DAY_S)
        found.append(np.stack([day[outside], second[outside]]))
    usual /= (held[1] - held[0]).days + 1
    of, seconds = np.concatenate(found, axis=1)
    return tuple(
        _cut_day(one, seconds[of == number], usual, late=one > held[1])
        for one, number in zip(days, cut.tolist(), strict=True)
    )


def _cut_day(day: date, own: Ints, usual: Floats, *, late: bool) -> CutDay:
    """Return how much of a day is held, of its seconds with incidents and those of other days."""
    second = np.arange(_DAY_S)
    if not len(own):
        return CutDay(day, 0.0, (0.0,) * 24)
    inside = second <= own.max() if late else second >= own.min()
    expected = float(usual[inside].sum())
    if _is_too_few(len(own), expected):
        share = min(len(own) / float(usual.sum()), 1.0)
        return CutDay(day, share, (share,) * 24)
    hours = inside.reshape(24, -1).mean(axis=1)
    return CutDay(day, expected / float(usual.sum()), tuple(hours.tolist()))


def moments_in(
    city: City, since: Moment, until: Moment, hours: Sequence[int] = ()
) -> tuple[np.datetime64 | None, np.datetime64 | None]:
    """Return the moments between which a city's incidents are to be counted.

    Parameters
    ----------
    city
        The city.
    since, until
        As of `period_between`.
    hours
        Hours of the week that are asked for; all if empty.

    Raises
    ------
    InputError
        If a text is no date, or no time of the incidents is known: none would be counted.
    """
    found, incidents = period_between(since, until), city.incidents
    timeless = incidents is not None and len(incidents) > 0 and incidents.period is None
    if timeless and (found != (None, None) or len(hours)):
        raise InputError("measure.error.counts_have_no_times", city=city.label)
    return found


def _count_day(incidents: Incidents, day: date) -> int:
    since = np.datetime64(day, "s")
    found = incidents.columns(["time"], since=since, until=since + np.timedelta64(1, "D"))
    return sum(len(part["time"]) for part in found)


def _is_too_few(count: int, usual: float) -> bool:
    """Return whether there are fewer than half of the usual number, and that beyond chance."""
    return count < usual / 2 and float(pdtr(count, usual / 2)) < math.exp(-_NO_CHANCE)


def partial_months(
    city: City, *, since: Moment = None, until: Moment = None
) -> dict[str, tuple[date, date]]:
    """Return the months of which a city's data hold only some days.

    The first month with data begins, and the last ends, where the data do, if so many days
    without an incident are no chance: at the usual daily rate five incidents or more would have
    been expected in them. A period that begins or ends within a month cuts it, too.

    Parameters
    ----------
    city
        The city.
    since, until
        The period that is shown, ``since <= time < until``.

    Returns
    -------
    dict
        By month as ``YYYY-MM``: the first and last day that are held.
    """
    incidents = city.incidents
    if incidents is None or incidents.period is None or incidents.precision == "month":
        return {}
    first, last = held_days(city) or (stamp.date() for stamp in incidents.period)
    usual = len(incidents) / ((last - first).days + 1)
    begins, ends = first.replace(day=1), _month_end(last)
    if (first - begins).days * usual >= _NO_CHANCE:
        begins = first
    if (ends - last).days * usual >= _NO_CHANCE:
        ends = last
    opens, closes = period_between(since, until)
    if opens is not None:
        begins = max(begins, opens.astype("datetime64[D]").item())
    if closes is not None:
        end = (closes - np.timedelta64(1, "s")).astype("datetime64[D]").item()
        ends = min(ends, end)
    if ends < begins:
        return {}
    found = {}
    for day in {begins, ends}:
        start, end = max(begins, day.replace(day=1)), min(ends, _month_end(day))
        if start.day > 1 or end != _month_end(day):
            found[f"{day:%Y-%m}"] = (start, end)
    return dict(sorted(found.items()))


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReportDelays:
    """How late a city's incidents are reported, and for which days some are still missing.

    Attributes
    ----------
    usual_days
        Days within which 95 % of the incidents of old days were reported.
    known, late
        Incidents of the period whose report has a date; of these, reported later than that.
    incomplete
        First and last of the newest days of the period of which less than 95 % of the incidents
        are expected to be reported; None where there are none.
    """

    usual_days: int
    known: int
    late: int
    incomplete: tuple[date, date] | None

    def sentences(self, *, counts: bool = True) -> list[str]:
        """Return that in words; without ``counts`` only which days are incomplete."""
        told = {name: getattr(self, name) for name in ("usual_days", "known", "late")}
        said = [tr("measure.delays.late", **told)] if counts and self.known else []
        if self.incomplete is not None:
            first, last = map(str, self.incomplete)
            said.append(tr("measure.delays.incomplete", first=first, last=last))
        return said

    def to_dict(self) -> dict[str, Json]:
        """Return plain values for JSON."""
        days = None if self.incomplete is None else [str(day) for day in self.incomplete]
        return {**asdict(self), "incomplete": days}


def report_delays(
    city: City, *, since: Moment = None, until: Moment = None
) -> ReportDelays | None:
    """Return how late the incidents of a period were reported.

    The delay is the whole days from an incident to its report. Its distribution is that of the
    incidents at least 90 days older than the newest date in the data (half of the data's days
    where they span less than 180), whose reports have come in. A day of age ``a`` days, 0 for
    the newest, is incomplete where less than 95 % of these delays are ``<= a``.

    Parameters
    ----------
    city
        The city.
    since, until
        Incidents with ``since <= time < until``.

    Returns
    -------
    ReportDelays or None
        None where incidents have no date of report beside their own, or fewer than 100 of old
        days have; reports dated before their incident are left out.
    """
    incidents = city.incidents
    if incidents is None or incidents.period is None or incidents.precision == "month":
        return None
    days, delays = [], []
    newest = np.datetime64(incidents.period[1], "D")
    for batch in incidents.batches():
        if batch.reported is None:
            return None
        known = ~np.isnat(batch.time) & ~np.isnat(batch.reported)
        day, told = (
            column[known].astype("datetime64[D]") for column in (batch.time, batch.reported)
        )
        newest = np.append(told, newest).max()
        right = told >= day
        days.append(day[right])
        delays.append((told - day)[right].astype(np.int64))
    day, delay = np.concatenate(days), np.concatenate(delays)
    age = np.asarray(newest - day).astype(np.int64)
    old = np.sort(delay[age >= min(_OLD_DAYS, int(age.max(initial=0)) // 2)])
    if len(old) < _LEAST_OLD:
        return None
    usual = int(old[math.ceil(_ARRIVED * len(old) - 1e-9) - 1])
    opens, closes = period_between(since, until)
    inside = np.ones(len(day), dtype=bool)
    first, last = newest - usual + 1, newest
    if opens is not None:
        inside &= day >= opens.astype("datetime64[D]")
        first = max(first, opens.astype("datetime64[D]"))
    if closes is not None:
        end = (closes - np.timedelta64(1, "s")).astype("datetime64[D]")
        inside &= day <= end
        last = min(last, end)
    return ReportDelays(
        usual_days=usual,
        known=int(inside.sum()),
        late=int((delay[inside] > usual).sum()),
        incomplete=(first.item(), last.item()) if first <= last else None,
    )


def is_missing(figure: str, missing: Collection[str]) -> bool:
    """Return whether a figure is computed from missing counts.

    Parameters
    ----------
    figure
        Its name, such as ``incidents_per_1000_residents``; shares covered of nobody in
        particular are shares of residents.
    missing
        From `missing_counts`.

    Examples
    --------
    >>> is_missing("residents_per_km2", ["residents"]), is_missing("area_km2", ["residents"])
    (True, False)
    """
    if figure in {"covered", "covered_share", "least_covered_share"}:
        return "residents" in missing
    return any(name in figure for name in missing)


def without_missing(values: Mapping[str, Json], missing: Collection[str]) -> dict[str, Json]:
    """Return figures for JSON: None for each that is missing, at any depth."""

    def cleaned(value: Json) -> Json:
        if isinstance(value, Mapping):
            return without_missing(value, missing)
        if isinstance(value, list | tuple):
            return [cleaned(one) for one in value]
        return value

    return {
        name: None if is_missing(name, missing) else cleaned(value)
        for name, value in values.items()
    }


def ratio(above: npt.ArrayLike, below: npt.ArrayLike) -> Floats:
    """Divide, giving NaN where there is nothing to divide by.

    >>> ratio([1.0, 1.0], [4.0, 0.0]).tolist()
    [0.25, nan]
    """
    top, bottom = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
