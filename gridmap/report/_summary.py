"""Key figures, and the report in sentences that a commander reads aloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from gridmap.i18n import tr
from gridmap.measure import balance, busy_times, change_verdict
from gridmap.measure.period import Period
from gridmap.report._areas import with_covered
from gridmap.report._hot import filled
from gridmap.report._response import response_notes
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured
from gridmap.report.tables import HIDDEN, UNKNOWN, Format, Table, column, shown

__all__ = ["KeyFigure", "busy_words", "key_figures", "sentences", "summary_table", "warnings_of"]

_MOST = 5
_FEW = 100  # incidents below which no hours are called busy


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One figure of the whole city.

    Parameters
    ----------
    key
        What it is.
    label, unit
        What stands beside it.
    value
        NaN where unknown or hidden.
    form
        How it is written.
    note
        What stands under it, for example the change on the last period.
    hidden
        Whether it is hidden.
    """

    key: str
    label: str
    unit: str
    value: float
    form: Format = "count"
    note: str = ""
    hidden: bool = False

    def text(self) -> str:
        """Return the value as people read it."""
        return shown(self.value, self.form, hidden=self.hidden)


def key_figures(measured: Measured, hiding: Hiding) -> tuple[KeyFigure, ...]:
    """Return the figures that head a report."""
    found = next(iter(measured.now.values()), None)
    if found is None:
        return ()
    figures = [
        _figure(name, float(found.totals[name]), dark=hiding.one("city", name))
        for name in ("residents", "migrants", "households")
        if name not in found.missing
    ]
    if "incidents" not in found.missing:
        dark = hiding.one("city", "incidents")
        change = _change(measured, hiding)
        figures.append(_figure("incidents", found.totals["incidents"], dark=dark, note=change))
        rate = float(found.totals["incidents_per_1000_residents"])
        if np.isfinite(rate):
            dark = dark or hiding.one("city", "residents")
            figures.append(_figure("incidents_per_1000_residents", rate, "decimal", dark=dark))
    share = float(found.totals["covered_residents_share"])
    if np.isfinite(share):
        dark = hiding.one("city", "covered_residents") or hiding.one("city", "residents")
        figures.append(_figure("covered_residents_share", share, "share", dark=dark))
    figures += [
        _figure(f"{level}_count", len(table.rows)) for level, table in measured.now.items()
    ]
    return tuple(figures)


def summary_table(figures: tuple[KeyFigure, ...]) -> Table:
    """Return the key figures as a table; each row has a format of its own."""
    rows = pd.DataFrame(
        {
            "term": [figure.label for figure in figures],
            "value": [figure.text() for figure in figures],
            "unit": [figure.unit for figure in figures],
            "note": [figure.note for figure in figures],
        }
    )
    return Table(
        "summary",
        tr("report.sheet.summary"),
        (column("term", "text"), column("value", "text"), column("unit", "text"),
         column("note", "text")),
        rows,
    )  # fmt: skip


def sentences(measured: Measured, hiding: Hiding) -> tuple[str, ...]:
    """Return what the report says, the most important first."""
    found = next(iter(measured.now.values()), None)
    if found is None:
        return ()
    lines = []
    if "incidents" not in found.missing:
        count = shown(found.totals["incidents"], "count", hidden=hiding.one("city", "incidents"))
        lines.append(tr("report.sentence.incidents", period=measured.period.label(), count=count))
        if measured.compared is not None:
            lines.append(_change_sentence(measured, measured.compared, hiding))
        lines += warnings_of(measured)
    lines += _busy(measured, hiding)
    for level in ("beat", "station"):
        lines += _leaders(measured, hiding, level)
    lines += _balance(measured, hiding)
    lines += _coverage(measured, hiding)
    if measured.comparison is not None and not hiding.limit:
        lines += measured.comparison.sentences()
        if measured.response is not None:
            lines += response_notes(measured.response, measured.city)[:1]
    elif measured.comparison is not None:
        made = measured.comparison
        lines.append(
            tr("report.sentence.moved", old=made.old, new=made.new, count=made.grids_moved)
        )
    return tuple(lines)


def _figure(
    key: str, value: float, form: Format = "count", *, dark: bool = False, note: str = ""
) -> KeyFigure:
    return KeyFigure(
        key,
        column(key).label,
        tr(f"report.unit.{key}"),
        float("nan") if dark else float(value),
        form,
        note,
        dark,
    )


def _change_sentence(measured: Measured, compared: Period, hiding: Hiding) -> str:
    if _change_share(measured, hiding) == UNKNOWN:
        return tr("report.sentence.none_before", compared=compared.label())
    return tr(
        "report.sentence.change",
        compared=compared.label(),
        days=compared.dates(),
        change=_change_share(measured, hiding),
        before=_before(measured, hiding),
        daily=_daily(measured, hiding),
        daily_before=_daily(measured, hiding, when="before"),
        verdict=_verdict(measured, hiding),
    )


def _before(measured: Measured, hiding: Hiding) -> str:
    found = next(iter(measured.before.values()))
    dark = hiding.one("city", "incidents", when="before")
    return shown(found.totals["incidents"], "count", hidden=dark)


def _change_share(measured: Measured, hiding: Hiding) -> str:
    """Return the change of the daily rate: months differ in length."""
    dark = hiding.one("city", "incidents") or hiding.one("city", "incidents", when="before")
    if "city" not in measured.changes:
        return UNKNOWN
    share = float(measured.changes["city"]["change_percent"].iloc[0]) / 100.0
    return shown(share, "change", hidden=dark)


def _daily(measured: Measured, hiding: Hiding, *, when: str = "now") -> str:
    value = float(measured.changes["city"][f"per_day_{when}"].iloc[0])
    return shown(value, "decimal", hidden=hiding.one("city", "incidents", when=when))


def _verdict(measured: Measured, hiding: Hiding) -> str:
    hidden = any(hiding.one("city", "incidents", when=when) for when in ("now", "before"))
    beyond = bool(measured.changes["city"]["beyond_chance"].iloc[0])
    return HIDDEN if hidden else change_verdict(beyond_chance=beyond)


def _change(measured: Measured, hiding: Hiding) -> str:
    change = UNKNOWN if measured.compared is None else _change_share(measured, hiding)
    if measured.compared is None or change == UNKNOWN:
        return ""
    return tr(
        "report.figure.change",
        compared=measured.compared.label(),
        change=change,
        verdict=_verdict(measured, hiding),
    )


def warnings_of(measured: Measured) -> list[str]:
    """Return what whoever asked for a report should know before sending it."""
    return _empty(measured) or _gap(measured)


def _empty(measured: Measured) -> list[str]:
    """Say so where no incidents are known of the period asked for."""
    incidents = measured.city.incidents
    found = next(iter(measured.now.values()), None)
    known = None if incidents is None else incidents.period
    if known is None or found is None or found.totals["incidents"] > 0:
        return []
    first, last = str(known[0].date()), str(known[1].date())
    label = measured.period.label()
    return [tr("report.sentence.empty", period=label, first=first, last=last)]


def _gap(measured: Measured) -> list[str]:
    """Say so where the data do not reach over the periods asked for."""
    incidents = measured.city.incidents
    known = None if incidents is None else incidents.period
    if known is None:
        return []
    first, last = known[0].date(), known[1].date()
    short = [
        tr("report.sentence.gap", period=period.label(), first=str(first), last=str(last))
        for period in (measured.period, measured.compared)
        if period is not None
        and period.first is not None
        and period.last is not None
        and (period.first < first or period.last > last)
    ]
    return list(dict.fromkeys(short))


def busy_words(
    measured: Measured, hiding: Hiding, *, beside: Literal["even", "profile"] = "even"
) -> str:
    """Name the hours of the week in which incidents concentrate, without their counts.

    Beside an even week, or beside the city's own profile of the day (`busy_times`).
    """
    if measured.time is None or measured.time.hours.sum() < _FEW:
        return ""
    counts = measured.time.hours.astype(float)
    hidden = hiding.of("hours", "incidents", counts.size).reshape(counts.shape)
    total = np.nan if hiding.one("timed", "incidents") else float(counts.sum())
    week = np.round(filled(counts, hidden, total, hiding.limit)).astype(np.int64)
    week[:, measured.time.days == 0] = 0  # days that the period does not have
    times = busy_times(week.T.ravel(), days=measured.time.days, beside=beside)
    return tr("report.sentence.comma").join(time.label() for time in times)


def _busy(measured: Measured, hiding: Hiding) -> list[str]:
    times = busy_words(measured, hiding)
    special = busy_words(measured, hiding, beside="profile")
    lines = [tr("report.sentence.busy", times=times)] if times else []
    return lines + ([tr("report.sentence.busy_profile", times=special)] if special else [])


def _leaders(measured: Measured, hiding: Hiding, level: str) -> list[str]:
    found = measured.now.get(level)  # type: ignore[call-overload] # a level, as text
    if found is None or "incidents" in found.missing or len(found.rows) < 2 * _MOST:
        return []
    if hiding.one("city", "incidents") or hiding.of(level, "incidents", len(found.rows)).any():
        return []  # their share would tell the total, and one that is hidden may be the first
    rows = found.rows[found.rows["incidents"] > 0].nlargest(_MOST, "incidents", keep="first")
    if rows.empty:
        return []
    told = [
        tr("report.sentence.leader", name=name, count=count)
        for name, count in zip(rows["name"], rows["incidents"], strict=True)
    ]
    share = float(rows["incidents"].sum() / max(found.totals["incidents"], 1.0))
    names = tr("report.sentence.comma").join(told)
    return [tr(f"report.sentence.leaders_{level}", names=names, share=share)]


def _balance(measured: Measured, hiding: Hiding) -> list[str]:
    found = measured.now.get("beat")
    if found is None or "incidents" in found.missing or len(found.rows) < 2:
        return []
    if hiding.of("beat", "incidents", len(found.rows)).any():
        return []  # the worst and the mean would tell of the hidden ones
    loads = found.rows["incidents"].to_numpy(dtype=float)
    if not loads.sum() > 0:
        return []
    even = balance(loads)
    names = found.rows["name"].to_numpy()
    return [
        tr(
            "report.sentence.balance",
            over=even.most_over,
            most=names[int(loads.argmax())],
            under=-even.most_under,
            least=names[int(loads.argmin())],
            gini=even.gini,
        )
    ]


def _coverage(measured: Measured, hiding: Hiding) -> list[str]:
    found = next(iter(measured.now.values()))
    share = float(found.totals["covered_residents_share"])
    if not np.isfinite(share):
        return []
    dark = hiding.one("city", "covered_residents") or hiding.one("city", "residents")
    total = with_covered(pd.DataFrame([found.totals])).iloc[0]
    return [
        tr(
            "report.sentence.coverage",
            radius=measured.city.presets.room_radius_m,
            share=shown(share, "share", hidden=dark),
            outside=shown(total["outside_residents"], "count", hidden=dark),
        )
    ]
