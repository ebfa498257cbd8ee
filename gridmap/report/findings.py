"""What a report finds: a title and a few sentences, ranked by surprise times size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridmap.i18n import current_language, tr
from gridmap.measure import HotSpots
from gridmap.measure.period import Period
from gridmap.measure.pieces import By
from gridmap.model import Kind
from gridmap.report.area_tables import (
    new_hot_spots,
    staff_balance,
    staff_shortest,
    with_covered,
)
from gridmap.report.measured import CountChange, CountHistory, Level, Measured
from gridmap.report.plan_change import effects_of, plan_effect, price_lines
from gridmap.report.suppression import Hiding
from gridmap.report.tables import in_mood, shown
from gridmap.typing import Bools, Floats

_MOST = 5  # findings on the first page
_OF_A_PLAN = frozenset({"plan", "worse", "price", "station", "beat", "rows", "coverage", "staff"})
_PLACES = 5  # places that the map numbers
_GATHERED = 0.03  # score of hot grids as such: incidents gather in every report
_MOST_NEW = 3  # new hot spots that a finding names
_SURE = 8.0  # surprise stops growing here, in powers of ten


@dataclass(frozen=True, slots=True)
class Place:
    """A place that the first page's map numbers and its table lists.

    Parameters
    ----------
    level, row
        Which row of which level.
    name
        Its name.
    values
        What the table says of it, as people read it.
    """

    level: str
    row: int
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """One finding.

    Parameters
    ----------
    key
        What it is about.
    lead
        Its first words, set in bold: they say it.
    text
        The figures.
    score
        Surprise times size; what comes first has the greatest.
    """

    key: str
    lead: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What the first page says.

    Attributes
    ----------
    title
        The finding in one line.
    findings
        The most important first.
    every
        All of them, those that the first page has no room for too.
    places
        What the map numbers, the first first.
    place_labels
        Headings of the places' values.
    place_title
        What stands above the map.
    shaded
        What the map shades: ``outside``, ``change``, ``incidents``, ``residents`` or blank.
    """

    title: str
    findings: tuple[Headline, ...]
    places: tuple[Place, ...]
    place_labels: tuple[str, ...]
    place_title: str
    shaded: str
    every: tuple[Headline, ...] = ()


def find(
    measured: Measured,
    hiding: Hiding,
    history: CountHistory | None,
    hot: HotSpots | None,
    *,
    grave: Sequence[str] = (),
    busy: str = "",
    more: Sequence[Headline] = (),
) -> Findings:
    """Return what a report finds.

    Parameters
    ----------
    measured, hiding, history, hot
        What is known, and what must not be told.
    grave
        Categories that are always named; a usual list if empty.
    busy
        The hours in which incidents concentrate, in words; blank for none.
    more
        Findings of others, which stand where their scores put them.
    """
    found = [*more, *_plan(measured, hiding)]
    if history is not None:
        found += _total(measured, hiding, history)
        found += _grave(hiding, history, grave)
        found += _categories(hiding, history)
        found += _rows(hiding, history, conditional=measured.plan is not None)
    elif not hiding.limit:
        found += _plain_total(measured)
    found += _coverage(measured, hiding)
    found += _staff(measured, hiding)
    found += _hot(measured, hiding, history, hot, busy)
    if not any(one.key == "total" for one in found):
        found += _outlines(measured, hiding)
    ranked = sorted(found, key=lambda one: -one.score)
    if measured.comparison is not None:
        # What happened is the same with any plan: the first page tells what a plan changes.
        ranked = [one for one in ranked if one.key in _OF_A_PLAN]
    # A plan or the total comes first and what is grave second, whatever their scores.
    first = ("plan", "worse", "price", "total", "grave")
    fixed = [one for key in first for one in ranked if one.key == key]
    rest = [one for one in ranked if one.key not in {*first, "outlines"}]
    chosen = tuple(((fixed + rest) or ranked)[:_MOST])
    shaded, title, labels, places = _places(measured, hiding, history)
    return Findings(
        _title(measured, hiding, history), chosen, places, labels, title, shaded, tuple(found)
    )


def short_period(period: Period) -> str:
    """Return a month or a quarter without its year: the title has little room.

    A range of days is named by its first and last.
    """
    if period.first is None or period.last is None:
        return tr("briefing.period.all")
    unit = period.unit
    if unit in {"month", "quarter", "half", "year"}:
        return tr(
            f"briefing.period.{unit}",
            year=period.first.year,
            name=tr(f"briefing.month.{period.first.month}"),
            quarter=(period.first.month + 2) // 3,
            which=tr(f"briefing.half.{1 if period.first.month == 1 else 2}"),
        )
    return tr("briefing.period.range", first=day_words(period.first), last=day_words(period.last))


def day_words(day: object) -> str:
    """Return a day as people read it: ``3月5日`` or ``5 Mar``."""
    month = tr(f"briefing.month.{day.month}")  # type: ignore[attr-defined] # a date
    return tr("briefing.day", day=day.day, name=month[:3])  # type: ignore[attr-defined] # a date


def verdict_words(change: CountChange | None) -> str:
    """Return the verdict on a change in words: no p-value, no significance."""
    if change is None:
        return tr("briefing.verdict.unknown")
    return tr(f"briefing.verdict.{change.verdict}")


def grave_rows(history: CountHistory, grave: Sequence[str]) -> list[int]:
    """Return the rows of the categories that are always named."""
    names = history.levels["category"].names
    if grave:
        known = {name.casefold(): row for row, name in enumerate(names)}
        return [known[name.casefold()] for name in grave if name.casefold() in known]
    usual = [word.strip() for word in tr("briefing.grave.words").split("|")]
    usual += [word.strip() for word in tr("briefing.grave.words_en").split("|")]
    return [row for row, name in enumerate(names) if any(g in name.casefold() for g in usual)]


def change_text(change: CountChange | None) -> str:
    """Return a change of the daily rate as a percentage, or as counts where they are few."""
    if change is None:
        return "–"
    if not change.tells_share:
        return tr("briefing.few", now=change.now, before=change.before)
    return shown(change.share, "change")


def _score(change: CountChange, whole: float) -> float:
    """Return surprise times size: how unlikely it is, and how much of all incidents it is."""
    surprise = min(-math.log10(max(change.p_value, 10.0**-_SURE)), _SURE) / _SURE
    return 6.0 * surprise * abs(change.difference) / max(whole, 1e-9)


def _dark(hiding: Hiding, level: str, row: int, size: int) -> bool:
    """Return whether a row's count of either period is hidden."""
    extra = 1 if level == "category" else 0  # the incidents without a category have a row
    return any(
        bool(hiding.of(level, "incidents", size + extra, when=when)[row])
        for when in ("now", "before")
    )


def _plan(measured: Measured, hiding: Hiding) -> list[Headline]:
    """Say what a plan would make better, what worse, and what it would cost."""
    if measured.comparison is None:
        return []
    effects = effects_of(measured, hiding)
    told = {
        "plan": [one.sentence() for one in effects if one.side == "better"],
        "worse": [one.sentence() for one in effects if one.side == "worse"],
        "price": price_lines(measured, hiding),
    }
    found = []
    for key, lines in told.items():
        text = tr("briefing.semicolon").join(lines) + tr("briefing.stop") if lines else ""
        lead = tr(f"briefing.if.{key}_{'lead' if lines else 'none'}", count=len(lines))
        found.append(Headline(key, lead, sentence(text), 9.0))
    return found


def _total(measured: Measured, hiding: Hiding, history: CountHistory) -> list[Headline]:
    """Say how many incidents there were, against what stands beside them."""
    if hiding.one("city", "incidents"):
        return [Headline("total", tr("briefing.total.hidden"), "", 9.0)]
    city = history.city
    now, days = int(city.now[0]), history.period.days
    change = None if history.basis is None else city.change(0, history.basis)
    if change is not None and hiding.one("city", "incidents", when="before"):
        change = None
    lead = tr("briefing.total.lead_none") if change is None else tr(
        f"briefing.total.lead_{change.verdict if change.mark else 'usual'}"
    )  # fmt: skip
    parts = [
        tr("briefing.total.now", city=measured.city.label, period=short_period(history.period),
           count=now, daily=now / days)
    ]  # fmt: skip
    for each in history.compared:
        found = city.change(0, each.basis)
        if found is None or (each.basis == history.basis and change is None):
            continue
        key = "ytd" if each.basis == "ytd" else "against"
        parts.append(
            tr(
                f"briefing.total.{key}",
                basis=tr(f"briefing.basis.{each.basis}"),
                now=found.now,
                before=each.before.label(),
                daily=found.daily_before,
                change=change_text(found),
                verdict=verdict_words(found),
            )
        )
    if change is not None and (change.now - change.before) * change.difference < 0:
        more = change.now - change.before
        key = "more_days" if more > 0 else "fewer_days"
        first = history.compared[0]
        parts.append(
            tr(
                f"briefing.total.{key}",
                count=abs(more),
                days=abs(round(days - first.before.days, 1)),
            )
        )
    parts += _weeks(hiding, history)
    return [Headline("total", lead, tr("briefing.join").join(parts) + tr("briefing.stop"), 9.0)]


def _weeks(hiding: Hiding, history: CountHistory) -> list[str]:
    limits = history.limits
    if limits is None or hiding.limit:
        return []
    values = history.city.weeks[0]
    inside = values[history.week_of_period :]
    if not len(inside):
        return []
    beyond = np.flatnonzero(limits.outside(inside)) + history.week_of_period
    if not len(beyond):
        return [tr("briefing.total.weeks_usual")]
    days = tr("briefing.and").join(day_words(history.week_starts[row]) for row in beyond[:3])
    return [tr("briefing.total.weeks_beyond", count=len(beyond), days=days)]


def _plain_total(measured: Measured) -> list[Headline]:
    """Say how many incidents there are where no period was asked for or no time is known."""
    found = next(iter(measured.now.values()), None)
    if found is None or "incidents" in found.missing:
        return []
    count = float(found.totals["incidents"])
    known = None if measured.city.incidents is None else measured.city.incidents.period
    if known is None:
        text = tr("briefing.total.no_time", city=measured.city.label, count=count)
    else:
        days = (known[1].date() - known[0].date()).days + 1
        text = tr("briefing.total.all_time", city=measured.city.label, count=count,
                  first=str(known[0].date()), last=str(known[1].date()),
                  daily=count / days)  # fmt: skip
    return [Headline("total", tr("briefing.total.lead_none"), text, 9.0)]


def _grave(hiding: Hiding, history: CountHistory, grave: Sequence[str]) -> list[Headline]:
    kinds = history.levels["category"]
    told = []
    for row in grave_rows(history, grave):
        if _dark(hiding, "category", row, len(kinds.names)):
            told.append(tr("briefing.grave.hidden", name=kinds.names[row]))
            continue
        change = None if history.basis is None else kinds.change(row, history.basis)
        if change is None:
            told.append(tr("briefing.grave.alone", name=kinds.names[row], now=int(kinds.now[row])))
            continue
        told.append(
            tr(
                "briefing.grave.one",
                name=kinds.names[row],
                now=change.now,
                before=change.before,
                verdict=verdict_words(change),
            )
        )
    if not told:
        return []
    text = tr("briefing.semicolon").join(told) + tr("briefing.stop")
    return [Headline("grave", tr("briefing.grave.lead"), text, 8.0)]


def _categories(hiding: Hiding, history: CountHistory) -> list[Headline]:
    """Say which categories rose and fell beyond chance."""
    if history.basis is None:
        return _largest_categories(hiding, history)
    kinds, whole = history.levels["category"], _daily(history)
    told = []
    for row, change in enumerate(kinds.changes[history.basis]):
        if change.mark and not _dark(hiding, "category", row, len(kinds.names)):
            told.append((_score(change, whole), row, change))
    told.sort(key=lambda one: -one[0])
    if not told:
        if len(kinds.names) < 2:
            return []
        return [Headline("category", tr("briefing.category.usual_lead"),
                        tr("briefing.category.usual"), 0.02)]  # fmt: skip
    up = [kinds.names[row] for _, row, change in told if change.mark > 0]
    down = [kinds.names[row] for _, row, change in told if change.mark < 0]
    parts = []
    for names, way in ((up, "up"), (down, "down")):
        if names:
            key = f"briefing.category.{way}" + ("_more" if len(names) > 3 else "")
            some = tr("briefing.and").join(names[:3])
            parts.append(tr(key, names=some, count=len(names)))
    lead = tr("briefing.comma").join(parts) + tr("briefing.stop")
    first = history.compared[0].before
    lines: list[str] = []
    for _, row, change in told[:3]:
        line = tr("briefing.category.one", name=kinds.names[row], now=change.now,
                  daily=change.daily, before=change.daily_before, change=change_text(change),
                  period=short_period(first))  # fmt: skip
        if not lines:
            line += _where(hiding, history, row, up=change.mark > 0)
        lines.append(line)
    rest = len(kinds.names) - len(told)
    if rest:
        lines.append(tr("briefing.category.rest", count=rest))
    text = tr("briefing.semicolon").join(lines) + tr("briefing.stop")
    return [Headline("category", sentence(lead), text, sum(one[0] for one in told))]


def _largest_categories(hiding: Hiding, history: CountHistory) -> list[Headline]:
    kinds = history.levels["category"]
    total = int(kinds.now.sum())
    if len(kinds.names) < 2 or not total or hiding.limit:
        return []
    order = np.argsort(-kinds.now, kind="stable")[:3]
    lead = tr("briefing.category.largest_lead", name=kinds.names[order[0]],
              share=float(kinds.now[order[0]]) / total)  # fmt: skip
    told = tr("briefing.semicolon").join(
        tr("briefing.category.largest", name=kinds.names[row], count=int(kinds.now[row]))
        for row in order
    )
    return [Headline("category", lead, told + tr("briefing.stop"), 0.05)]


def _where(hiding: Hiding, history: CountHistory, category: int, *, up: bool) -> str:
    """Say in how many stations a category moved the same way, and where most."""
    if hiding.limit or "station" not in history.crossed_before:
        return ""
    now = history.crossed["station"][:, category].astype(float)
    before = history.crossed_before["station"][:, category].astype(float)
    days, earlier = history.period.days, history.compared[0].before.days
    known = np.minimum(now, before) >= 5
    if known.sum() < 2:
        return ""
    shares = np.where(known, (now / days) / np.maximum(before / earlier, 1e-9) - 1.0, 0.0)
    same = known & ((shares > 0) if up else (shares < 0))
    if not same.any():
        return ""
    most = int(np.argmax(shares if up else -shares))
    name = history.levels["station"].names[most]
    every = "all" if same.sum() == len(now) else "some"
    return tr(
        f"briefing.category.where_{every}_{'up' if up else 'down'}",
        count=int(same.sum()), of=len(now), name=name, change=shown(float(shares[most]), "change"),
    )  # fmt: skip


def _rows(hiding: Hiding, history: CountHistory, *, conditional: bool = False) -> list[Headline]:
    """Say which stations and beats changed beyond chance, or that none did."""
    if history.basis is None:
        return []
    found: list[Headline] = []
    calm: list[str] = []
    levels: tuple[Level, ...] = ("station", "beat")
    for level in levels:
        rows = history.levels.get(level)
        if rows is None or len(rows.names) < 2:
            continue
        told = []
        for row, change in enumerate(rows.changes[history.basis]):
            if change.mark and not _dark(hiding, level, row, len(rows.names)):
                told.append((_score(change, _daily(history)), row, change))
        told.sort(key=lambda one: -one[0])
        if not told:
            calm.append(tr(f"briefing.level.{level}"))
            continue
        lines = [
            tr("briefing.rows.one", name=rows.names[row], now=change.now,
               before=change.before, change=change_text(change))
            for _, row, change in told[:4]
        ]  # fmt: skip
        lead = tr(in_mood("briefing.rows.lead", conditional=conditional),
                  level=tr(f"briefing.level.{level}"), count=len(told))  # fmt: skip
        rest = len(told) - len(lines)
        text = tr("briefing.semicolon").join(lines)
        text += tr("briefing.rows.more", count=rest) if rest else ""
        found.append(Headline(level, lead, text + tr("briefing.stop"),
                             sum(one[0] for one in told)))  # fmt: skip
    if calm and not found:
        words = tr("briefing.and").join(calm)
        found.append(
            Headline(
                "rows",
                tr(in_mood("briefing.rows.usual_lead", conditional=conditional), levels=words),
                tr(in_mood("briefing.rows.usual", conditional=conditional)),
                0.015,
            )
        )
    return found


def _coverage(measured: Measured, hiding: Hiding) -> list[Headline]:
    """Say how many people live out of reach of a room, and where."""
    found = next(iter(measured.now.values()), None)
    if found is None or not np.isfinite(found.totals["covered_residents_share"]):
        return []
    if hiding.one("city", "covered_residents") or hiding.one("city", "residents"):
        return []
    residents = float(found.totals["residents"])
    if "residents" in found.missing or not residents > 0:
        return []
    outside = residents * (1.0 - float(found.totals["covered_residents_share"]))
    share = outside / residents
    reach = _reach_words(measured)
    plan = measured.plan is not None
    if outside < 0.5:
        key = in_mood("briefing.coverage.none_lead", conditional=plan)
        return [Headline("coverage", tr(key, reach=reach), "", 0.01)]
    parts = [tr("briefing.coverage.share", share=share)]
    beats = measured.now.get("beat")
    if beats is not None and len(beats.rows) > 2:
        each = with_covered(beats.rows)["outside_residents"].to_numpy(dtype=float)
        order = np.argsort(-each, kind="stable")
        half = int(np.searchsorted(np.cumsum(each[order]), outside / 2.0)) + 1
        dark = hiding.of("beat", "covered_residents", len(each)) | hiding.of(
            "beat", "residents", len(each)
        )
        if half <= max(len(each) // 3, 1) and not dark[order[:half]].any():
            names = beats.rows["name"].astype(str).to_numpy()[order[: min(half, 3)]]
            key = f"briefing.coverage.{'half_named' if half > 3 else 'half'}"
            parts.append(tr(in_mood(key, conditional=plan), count=half,
                            names=tr("briefing.and").join(names)))  # fmt: skip
    lead = tr(in_mood("briefing.coverage.lead", conditional=plan), outside=outside, reach=reach)
    text = tr("briefing.comma").join(parts) + tr("briefing.stop")
    return [Headline("coverage", lead, sentence(text), share * 0.3)]


def _staff(measured: Measured, hiding: Hiding) -> list[Headline]:
    """Say who is missing by the norms, and where most."""
    sums = staff_balance(measured).get("officers")
    beats = measured.now.get("beat")
    if sums is None or beats is None or not sums.needed:
        return []
    size = len(beats.rows)
    if any(hiding.of("beat", name, size).any() for name in ("residents", "migrants")):
        return []
    name, lacking, norm = staff_shortest(measured)
    kind = ("net" if sums.net > 0 else "exchange") if sums.lacking else "enough"
    plan = measured.plan is not None
    lead = tr(in_mood(f"briefing.staff.{kind}_lead", conditional=plan), net=sums.net,
              lacking=sums.lacking)  # fmt: skip
    key = "briefing.staff.text" if sums.lacking else "briefing.staff.enough"
    text = tr(in_mood(key, conditional=plan), norm=norm, needed=sums.needed,
              present=sums.present, lacking=sums.lacking, surplus=sums.surplus,
              unplaced=sums.unplaced, name=name, most=lacking)  # fmt: skip
    return [Headline("staff", lead, text, max(0.15 * sums.lacking / sums.needed, 0.01))]


def _hot(
    measured: Measured,
    hiding: Hiding,
    history: CountHistory | None,
    hot: HotSpots | None,
    busy: str,
) -> list[Headline]:
    """Say what became hot, how much of all incidents hot grids hold, and when these come."""
    grids = measured.now.get("grid")
    parts: list[str] = []
    lead, score = "", 0.0
    if hot is not None and grids is not None and not hiding.limit:
        rows = np.asarray(hot.kind).astype(str) == "hot"
        counts = grids.rows["incidents"].to_numpy(dtype=float)
        area = grids.rows["area_km2"].to_numpy(dtype=float)
        if rows.any() and counts.sum() > 0:
            share, ground = counts[rows].sum() / counts.sum(), area[rows].sum() / area.sum()
            lead = tr("briefing.hot.lead", count=int(rows.sum()), share=float(share))
            parts.append(tr("briefing.hot.text", ground=float(ground), share=float(share)))
            if hot.weeks == 0:
                parts.append(tr("briefing.hot.few_weeks"))
            score = _GATHERED
            fresh = [] if history is None else new_hot_spots(measured, hot)
            if history is not None and fresh:
                told = [
                    tr(f"briefing.hot.{one.kind}_one", place=one.name, now=one.change.now,
                       period=one.before, before=one.change.before,
                       change=change_text(one.change))
                    for one in fresh[:_MOST_NEW]
                ]  # fmt: skip
                news = tr("briefing.semicolon").join(told)
                rest = len(fresh) - len(told)
                news += tr("briefing.hot.more", count=rest) if rest else ""
                news = tr("briefing.lead_before", lead=sentence(news) + tr("briefing.stop"))
                parts = [news, tr("briefing.lead_before", lead=lead), *parts]
                leads = [
                    tr(f"briefing.hot.{kind}_lead", count=sum(one.kind == kind for one in fresh))
                    for kind in dict.fromkeys(one.kind for one in fresh)
                ]
                lead = sentence(tr("briefing.comma").join(leads)) + tr("briefing.stop")
                score += sum(_score(one.change, _daily(history)) for one in fresh)
    if busy:
        if lead:
            parts.append(tr("briefing.hot.busy", times=busy))
        else:
            lead, score = tr("briefing.hot.busy_lead"), _GATHERED
            parts.append(tr("briefing.hot.busy_only", times=busy))
    if not lead:
        return []
    return [Headline("hot", lead, "".join(parts), score)]


def _outlines(measured: Measured, hiding: Hiding) -> list[Headline]:
    """Say what there is where nobody counted anything."""
    parts = [outline_words(measured, level) for level in measured.now]
    found = next(iter(measured.now.values()), None)
    dark = hiding.one("city", "residents")
    if found is not None and "residents" not in found.missing and not dark:
        parts.append(tr("briefing.outlines.residents", count=float(found.totals["residents"])))
    if not parts:
        return []
    return [Headline("outlines", tr("briefing.outlines.lead"),
                    tr("briefing.semicolon").join(parts) + tr("briefing.stop"), 0.1)]  # fmt: skip


def outline_words(measured: Measured, level: By) -> str:
    """Say how many areas of a level there are, and how large they are together."""
    rows = measured.now[level].rows
    key = in_mood(
        "briefing.outlines.one", conditional=level == "beat" and measured.plan is not None
    )
    return tr(key, count=len(rows), level=tr(f"briefing.level.{level}"),
              area=float(rows["area_km2"].sum()))  # fmt: skip


def _title(measured: Measured, hiding: Hiding, history: CountHistory | None) -> str:
    """Return the finding in one line."""
    effect = plan_effect(effects_of(measured, hiding))
    if effect is not None and measured.plan is not None and measured.comparison is not None:
        people = measured.comparison.residents_moved
        known = "residents" not in measured.now["beat"].missing and not hiding.limit
        key = "briefing.title.plan_people" if known else "briefing.title.plan_effect"
        return tr(key, plan=measured.plan.name, effect=effect.sentence(), residents=people)
    if history is None or hiding.one("city", "incidents"):
        return _plain_title(measured, hiding)
    city, label = history.city, short_period(history.period)
    daily = float(city.now[0]) / history.period.days
    change = None if history.basis is None else city.change(0, history.basis)
    if change is None or hiding.one("city", "incidents", when="before"):
        return tr("briefing.title.alone", period=label, daily=daily, count=int(city.now[0]))
    size = abs(change.share) if np.isfinite(change.share) else 0.0
    moved = "same" if round(size, 3) == 0 else "up" if change.difference > 0 else "down"
    verdict = "usual" if change.verdict == "usual" else "beyond"
    parts = [
        tr(f"briefing.title.{moved}_{verdict}", period=label, daily=daily, change=size,
           basis=tr(f"briefing.basis_title.{history.basis}"))
    ]  # fmt: skip
    kinds = history.levels["category"]
    assert history.basis is not None  # noqa: S101 - there is a change
    told = [
        (_score(one, _daily(history)), row, one)
        for row, one in enumerate(kinds.changes[history.basis])
        if one.mark and one.tells_share and not _dark(hiding, "category", row, len(kinds.names))
    ]
    told.sort(key=lambda one: (-(one[2].mark > 0), -one[0]))
    tails = [
        tr(f"briefing.title.kind_{'up' if one.mark > 0 else 'down'}",
           name=kinds.names[row], change=abs(one.share))
        for _, row, one in told[:2]
    ]  # fmt: skip
    if tails:
        parts.append(tr("briefing.comma").join(tails))
    return tr("briefing.semicolon").join(parts)


def _plain_title(measured: Measured, hiding: Hiding) -> str:
    found = next(iter(measured.now.values()), None)
    name = measured.city.label
    if found is None:
        return name
    if "incidents" not in found.missing and not hiding.one("city", "incidents"):
        return tr("briefing.title.count", city=name, count=float(found.totals["incidents"]))
    share = float(found.totals["covered_residents_share"])
    if "residents" not in found.missing and np.isfinite(share) and not hiding.limit:
        return tr("briefing.title.covered", city=name, share=share, reach=_reach_words(measured),
                  count=float(found.totals["residents"]))  # fmt: skip
    if "residents" not in found.missing and not hiding.one("city", "residents"):
        return tr("briefing.title.residents", city=name, count=float(found.totals["residents"]))
    parts = [
        tr("briefing.title.rows", count=len(table.rows), level=tr(f"briefing.level.{level}"))
        for level, table in measured.now.items()
    ]
    return tr("briefing.title.outlines", city=name, rows=tr("briefing.and").join(parts))


def _places(
    measured: Measured, hiding: Hiding, history: CountHistory | None
) -> tuple[str, str, tuple[str, ...], tuple[Place, ...]]:
    """Return what the map shades, its title, headings of the places' values, and the places."""
    there = [each for each in ("beat", "station", "grid", "community") if each in measured.now]
    # Stations that are a column of the grids have no ground of their own to draw.
    drawn = [each for each in there if each == "beat" or measured.city.has(Kind(each))]
    level = next(iter(drawn or there), None)
    if level is None:
        return "", "", (), ()
    table = measured.now[level]
    names = table.rows["name"].astype(str).to_numpy()
    rows = with_covered(table.rows)
    size = len(rows)
    share = float(table.totals["covered_residents_share"])
    if level in {"beat", "station"} and "residents" not in table.missing and np.isfinite(share):
        outside = rows["outside_residents"].to_numpy(dtype=float)
        dark = hiding.of(level, "covered_residents", size) | hiding.of(level, "residents", size)
        if (outside[~dark] >= 0.5).any():
            order = _first(outside, dark)
            covered = rows["covered_residents_share"].to_numpy(dtype=float)
            places = tuple(
                Place(level, row, names[row],
                      (shown(outside[row], "count"), shown(covered[row], "share")))
                for row in order
            )  # fmt: skip
            heads = (tr("briefing.place.outside", reach=_reach_words(measured)),
                     tr("briefing.place.covered"))  # fmt: skip
            word = tr(f"briefing.level.{level}")
            title = tr("briefing.place.outside_title", count=len(places),
                       reach=_reach_words(measured), level=word)  # fmt: skip
            return "outside", title, heads, places
    if "incidents" not in table.missing:
        counts = rows["incidents"].to_numpy(dtype=float)
        dark = hiding.of(level, "incidents", size)
        order = _first(counts, dark)
        past = None if history is None else history.levels.get(level)
        basis = None if history is None else history.basis
        if past is not None and basis is not None and not hiding.limit:
            places = tuple(
                Place(level, row, names[row], (shown(counts[row], "count"),
                                               change_text(past.change(row, basis))))
                for row in order
            )  # fmt: skip
            labels: tuple[str, ...] = (
                tr("briefing.place.incidents"),
                tr(f"briefing.basis_short.{basis}"),
            )
        else:
            places = tuple(
                Place(level, row, names[row], (shown(counts[row], "count"),)) for row in order
            )
            labels = (tr("briefing.place.incidents"),)
        title = tr("briefing.place.incidents_title", count=len(places),
                   level=tr(f"briefing.level.{level}"))  # fmt: skip
        return ("incidents", title, labels, places) if places else ("", "", (), ())
    if "residents" not in table.missing:
        people = rows["residents"].to_numpy(dtype=float)
        order = _first(people, hiding.of(level, "residents", size))
        places = tuple(Place(level, row, names[row], (shown(people[row], "count"),))
                       for row in order)  # fmt: skip
        title = tr("briefing.place.residents_title", count=len(places),
                   level=tr(f"briefing.level.{level}"))  # fmt: skip
        return "residents", title, (tr("briefing.place.residents"),), places
    area = rows["area_km2"].to_numpy(dtype=float)
    order = _first(area, np.zeros(size, bool))
    places = tuple(Place(level, row, names[row], (shown(area[row], "fine"),)) for row in order)
    title = tr("briefing.place.area_title", count=len(places),
               level=tr(f"briefing.level.{level}"))  # fmt: skip
    return "area", title, (tr("briefing.place.area"),), places


def _first(values: Floats, dark: Bools) -> list[int]:
    seen = np.where(dark | ~np.isfinite(values), -1.0, values)
    order = np.argsort(-seen, kind="stable")[:_PLACES]
    return [int(row) for row in order if seen[row] > 0]


def _reach_words(measured: Measured) -> str:
    metres = measured.city.presets.room_radius_m
    if metres >= 1000:
        return tr("briefing.reach_km", km=metres / 1000.0)
    return tr("briefing.reach_m", m=metres)


def _daily(history: CountHistory) -> float:
    return float(history.city.now[0]) / history.period.days


def sentence(text: str) -> str:
    """Return a text with a capital letter in front, where the language has them."""
    return text[:1].upper() + text[1:] if current_language() == "en" else text
