"""What follows the first page: the city, its stations, beats, grids, reach and staff, the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import shapely

from gridmap.i18n import tr
from gridmap.measure import per_occurrence
from gridmap.measure.period import Basis
from gridmap.model import Kind
from gridmap.report._areas import natural_key
from gridmap.report._staff import lacking_by_beat, staff_sentences
from gridmap.report._times import DAYS
from gridmap.report.charts import BarChart, HourChart, sparkline
from gridmap.report.document import Block, Columns, Figure, Grid, Paragraph, Section, grid_of
from gridmap.report.findings import change_text
from gridmap.report.history import Change, History, LevelHistory
from gridmap.report.mapping import (
    MapFigure,
    Marks,
    Outline,
    Shading,
    points_in,
    shade_by_class,
    shade_changes,
)
from gridmap.report.plan_change import plan_section
from gridmap.report.report import Report
from gridmap.report.svg import Svg
from gridmap.report.tables import UNKNOWN, shown

__all__ = ["build_sections", "crossed_grid", "station_grid", "stations_of_beats"]

_MANY_BEATS = 400  # beats above which only the exceptions are printed
_SOME = 20
_OUTSIDE_KEYS = ("name", "outside_residents", "covered_residents_share")
_ROOM_KEYS = ("name", "residents", "officers", "residents_per_officer")
_CROSS_COLUMNS = 12  # categories in a table of categories by station


def build_sections(
    report: Report, wanted: Sequence[str], *, brief: bool = False
) -> tuple[Section, ...]:
    """Return the sections of a report that hold anything, in the order asked for.

    Parameters
    ----------
    report
        The report.
    wanted
        Keys of the sections.
    brief
        Leave out long tables, for a report of a few pages.
    """
    made = {
        "plan": plan_section,
        "city": _city,
        "stations": _stations,
        "beats": _beats,
        "grids": _grids,
        "coverage": _coverage,
        "staff": _staff,
        "data": _data,
    }
    found = []
    for name in wanted:
        blocks = made[name](report)
        if brief:
            blocks = [_shortened(block) for block in blocks]
        if blocks:
            found.append(Section(name, tr(f"briefing.section.{name}"), tuple(blocks)))
    return tuple(found)


def _shortened(block: Block) -> Block:
    """Return a block without the rows of a table that a few pages have no room for."""
    if not isinstance(block, Grid) or len(block.rows) <= _SOME:
        return block
    body = [place for place in range(len(block.rows)) if place not in block.strong][:_SOME]
    note = tr("briefing.table.first_of", shown=len(body), of=len(block.rows) - len(block.strong))
    return replace(
        block,
        rows=tuple(block.rows[place] for place in body),
        heat=tuple(block.heat[place] for place in body) if block.heat else (),
        strong=frozenset(),
        notes=(note, *block.notes),
    )


def stations_of_beats(report: Report) -> npt.NDArray[np.object_]:
    """Return the name of each beat's station; blank where none is known.

    The plan's or the layer's own word counts; without one the station that holds a point
    inside the beat.
    """
    rows = report.rows_of("beat")
    assert rows is not None  # noqa: S101 - asked for where there are beats
    stations = report.city.get(Kind.STATION)
    if report.plan is not None:
        words = np.array([beat.station for beat in report.plan.beats], dtype=object)
    else:
        beats = report.city.get(Kind.BEAT)
        has = beats is not None and beats.has("station") and len(beats) == len(rows)
        words = np.array([""] * len(rows), dtype=object)
        if has and beats is not None:
            words = beats.texts("station")
    if stations is None:
        return words
    names = dict(zip(stations.ids.astype(str), stations.names.astype(str), strict=True))
    found = np.array([names.get(str(word), str(word)) for word in words], dtype=object)
    blank = np.flatnonzero(found == "")
    layer = report.beats
    if len(blank) and layer is not None and len(layer) == len(rows):
        points = shapely.points(points_in(layer)[blank])
        inside, station = shapely.STRtree(stations.geometry).query(points, predicate="within")
        found[blank[inside]] = stations.names.astype(str)[station]
    return found


def _city(report: Report) -> list[Block]:
    """Categories, hours and months of the whole city."""
    blocks: list[Block] = []
    history = report.history
    if history is not None and not report.hiding.limit:
        chart = _category_chart(history)
        if chart is not None:
            blocks.append(chart)
    hours = _hours(report)
    if hours is not None:
        blocks.append(hours)
        if report.busy:
            blocks.append(Paragraph(tr("report.sentence.busy", times=report.busy)))
    density = _density_map(report)
    if density is not None:
        blocks.append(density)
    months = report.table("months")
    if months is not None and len(months) > 1:
        last = replace(
            months,
            rows=months.rows.tail(12).reset_index(drop=True),
            hidden=months.hidden.tail(12).reset_index(drop=True),
        )
        blocks.append(_across(last.texts(), tr("report.sheet.months")))
    return blocks


def _across(lines: Sequence[Sequence[str]], caption: str) -> Grid:
    """Return two columns as two rows: months side by side."""
    labels = tuple(line[0] for line in lines)
    return Grid(labels, ("right",) * len(labels), (tuple(line[1] for line in lines),), caption,
                whole=True)  # fmt: skip


def _category_chart(history: History) -> Figure | None:
    kinds = history.levels["category"]
    if len(kinds.names) < 2:
        return None
    order = np.argsort(-kinds.now, kind="stable")[:_SOME]
    order = order[kinds.now[order] > 0]
    if not len(order):
        return None
    basis = history.basis
    daily = kinds.now[order] / history.period.days
    others = None
    names: tuple[str, ...] = (history.period.label(),)
    marks: tuple[int, ...] = ()
    if basis is not None:
        changes = [kinds.changes[basis][row] for row in order]
        others = np.array([change.daily_before for change in changes])
        first = history.of(basis)
        assert first is not None  # noqa: S101 - it is the first basis
        names = (history.period.label(), first.before.label())
        marks = tuple(change.mark for change in changes)
    caption = tr("briefing.chart.categories")
    chart = BarChart(tuple(kinds.names[row] for row in order), daily, others, names, "decimal",
                     marks, caption)  # fmt: skip
    note = tr("briefing.table.beyond_note") if basis is not None else ""
    return Figure(chart, caption, caption, note, key="categories")


def _hours(report: Report) -> Figure | None:
    """Return incidents by hour and weekday, per occurrence of that weekday."""
    time = report.measured.time if report.measured is not None else None
    if time is None or not time.hours.sum():
        return None
    counts = time.hours.astype(float)
    hidden = report.hiding.of("hours", "incidents", counts.size).reshape(counts.shape)
    each = per_occurrence(counts.T.ravel(), time.days).T
    if report.hiding.limit:
        each = np.round(each, 0)  # digits would tell counts
    each = np.where(hidden, np.nan, each)
    caption = tr("briefing.chart.hours")
    names = tuple(tr(f"measure.day.{day}") for day in DAYS)
    return Figure(HourChart(each, names, caption), caption, caption, key="hours")


def _density_map(report: Report) -> Figure | None:
    values = report.grid_values.get("incidents_per_km2")
    if values is None or not report.city.has(Kind.GRID):
        return None
    hidden = report.grid_hidden["incidents_per_km2"]
    shade = shade_by_class(
        report.city.grids.geometry, values, title=tr("report.column.incidents_per_km2"),
        form="decimal", hidden=hidden, limit=report.hiding.limit, count=5,
    )  # fmt: skip
    title = tr("briefing.map.density")
    figure = MapFigure("density", title, (shade,), _borders(report), alt=title)
    return Figure(figure, title, title, height=0.62, key="density")


def _borders(report: Report, *, strong: bool = True) -> tuple[Outline, ...]:
    lines = []
    if report.beats is not None:
        lines.append(Outline(report.beats.geometry, 0.5, "#41505f"))
    stations = report.city.get(Kind.STATION)
    if stations is not None and strong:
        lines.append(Outline(stations.geometry, 1.2, name=tr("briefing.map.stations")))
    return tuple(lines)


class _Lines:
    """Cells of a row of a level: counts, daily rates, changes, a line of weeks, a mark."""

    def __init__(
        self, report: Report, level: str, lacking: npt.NDArray[np.float64] | None = None
    ) -> None:
        self.report, self.level, self.lacking = report, level, lacking
        rows = report.rows_of(level)
        assert rows is not None  # noqa: S101 - asked for where there are some
        self.rows = rows
        size = len(rows)
        self.missing = report.missing(level)
        self.dark = report.hiding.of(level, "incidents", size)
        self.past = report.hiding.of(level, "incidents", size, when="before")
        self.people = report.hiding.of(level, "residents", size)
        self.covered = report.hiding.of(level, "covered_residents", size) | self.people
        self.history = report.history
        self.of: LevelHistory | None = None
        if self.history is not None:
            self.of = self.history.levels.get(level)
        self.counts = "incidents" not in self.missing
        self.bases: list[Basis] = []
        if self.history is not None and self.of is not None:
            self.bases = [one.basis for one in self.history.compared if one.basis != "ytd"]
        self.shows_weeks = (
            self.of is not None and not report.hiding.limit and self.of.weeks.shape[1] > 3
        )
        self.lived_in = "residents" not in self.missing
        share = rows["covered_residents_share"].to_numpy(dtype=float)
        self.shares = share
        self.is_covered = self.lived_in and bool(np.isfinite(share).any())

    def heads(self) -> list[tuple[str, str]]:
        """Return the columns that the city has data for: the settings' name, and the head."""
        heads = []
        if self.counts:
            heads.append(("incidents", tr("briefing.place.incidents")))
            if self.of is not None:
                heads.append(("daily", tr("briefing.table.daily")))
                heads += [("changes", tr(f"briefing.table.{basis}")) for basis in self.bases]
                if self.shows_weeks:
                    heads.append(("weeks", tr("briefing.table.trend")))
        if self.lived_in:
            heads.append(("residents", tr("briefing.place.residents")))
            if self.counts:
                heads.append(("rate", tr("briefing.table.per_1000")))
        if self.is_covered:
            heads.append(("covered", tr("briefing.place.covered")))
        if self.lacking is not None:
            heads.append(("lacking", tr("briefing.table.lacking")))
        if self.bases:
            heads.append(("mark", tr("briefing.table.beyond")))
        return heads

    def order(self) -> list[int]:
        """Return the places of the columns that the settings want, in their order."""
        names = [name for name, _ in self.heads()]
        wanted = self.report.request.settings.beat_columns
        return [at for name in wanted for at, one in enumerate(names) if one == name]

    def labels(self) -> list[str]:
        """Return the heads of `cells`."""
        heads = self.heads()
        return [heads[at][1] for at in self.order()]

    def cells(self, rows: Sequence[int], *, marked: bool = True) -> list[str | Svg]:
        """Return the cells of one row, or of several rows together, which have no mark."""
        every = self._cells(list(rows))
        if self.lacking is not None:
            every.append(shown(float(self.lacking[list(rows)].sum()), "count"))
        if self.bases:
            every.append(self.mark(rows[0]) if marked and len(rows) == 1 else "")
        return [every[at] for at in self.order()]

    def _cells(self, at: list[int]) -> list[str | Svg]:
        cells: list[str | Svg] = []
        one = at[0] if len(at) == 1 else None
        incidents = float(self.rows["incidents"].to_numpy(dtype=float)[at].sum())
        people = float(self.rows["residents"].to_numpy(dtype=float)[at].sum())
        dark, past = bool(self.dark[at].any()), bool(self.past[at].any())
        empty = bool(self.people[at].any())
        if self.counts:
            cells.append(shown(incidents, "count", hidden=dark))
            if self.of is not None and self.history is not None:
                daily = incidents / self.history.period.days
                cells.append(shown(daily, "decimal", hidden=dark))
                for basis in self.bases:
                    change = self.change(at, basis)
                    told = UNKNOWN if not change.tells_share else shown(change.share, "change")
                    cells.append(shown(told, "text", hidden=dark or past))
                if self.shows_weeks:
                    cells.append(sparkline(self.of.weeks[at].sum(axis=0)))
        if self.lived_in:
            cells.append(shown(people, "count", hidden=empty))
            if self.counts:
                rate = 1000.0 * incidents / people if people > 0 else float("nan")
                cells.append(shown(rate, "decimal", hidden=dark or empty))
        if self.is_covered:
            each = self.rows["residents"].to_numpy(dtype=float)[at]
            inside = float(np.nansum(each * np.nan_to_num(self.shares[at])))
            share = inside / people if people > 0 else float("nan")
            hidden = bool(self.covered[at].any())
            cells.append(shown(share if one is None else self.shares[one], "share", hidden=hidden))
        return cells

    def change(self, rows: Sequence[int], basis: Basis) -> Change:
        """Return the change of some rows together; the verdict is of one row only."""
        assert self.of is not None  # noqa: S101 - asked for where there is a history
        changes = [self.of.changes[basis][row] for row in rows]
        if len(changes) == 1:
            return changes[0]
        now, before = sum(c.now for c in changes), sum(c.before for c in changes)
        each = self.history.of(basis) if self.history is not None else None
        assert each is not None  # noqa: S101 - it is among the bases
        daily, earlier = now / each.now.days, before / each.before.days
        share = daily / earlier - 1.0 if before else float("nan")
        return Change(now, before, daily, earlier, share, 1.0, "unknown")

    def mark(self, row: int) -> str:
        """Return the mark of a row whose change is beyond chance."""
        if not self.bases or self.of is None or self.dark[row] or self.past[row]:
            return ""
        return {1: "▲", -1: "▼", 0: ""}[self.of.changes[self.bases[0]][row].mark]

    def align(self) -> list[str]:
        """Return the sides of `cells`."""
        heads = self.heads()
        return ["center" if heads[at][0] == "mark" else "right" for at in self.order()]


def _exceptions(lines: _Lines, names: Sequence[str], level: str) -> Paragraph | None:
    """Return the rows whose change is beyond chance in one sentence, or that none is."""
    if lines.of is None or not lines.bases:
        return None
    told = []
    for row, change in enumerate(lines.of.changes[lines.bases[0]]):
        if change.mark and lines.mark(row):
            told.append(
                tr("briefing.rows.one", name=names[row], now=change.now, before=change.before,
                   change=change_text(change))
            )  # fmt: skip
    word = tr(f"briefing.level.{level}")
    if not told:
        return Paragraph(tr("briefing.exceptions.none", level=word))
    lead = tr("briefing.rows.lead", level=word, count=len(told))
    text = tr("briefing.semicolon").join(told[:12])
    text += tr("briefing.rows.more", count=len(told) - 12) if len(told) > 12 else ""
    return Paragraph(text + tr("briefing.stop"), lead=tr("briefing.lead_before", lead=lead))


def _stations(report: Report) -> list[Block]:
    rows = report.rows_of("station")
    grid = station_grid(report)
    if rows is None or grid is None:
        return []
    lines = _Lines(report, "station")
    names = rows["name"].astype(str).tolist()
    blocks: list[Block] = []
    said = _exceptions(lines, names, "station")
    if said is not None:
        blocks.append(said)
    blocks.append(grid)
    crossed = crossed_grid(report, "station", _station_order(lines), names)
    if crossed is not None:
        blocks.append(crossed)
    change = _change_map(report)
    if change is not None:
        blocks.append(change)
    return blocks


def _station_order(lines: _Lines) -> list[int]:
    """Return the busiest first, or the layer's order where counts are hidden or not known."""
    if not lines.counts or lines.report.hiding.limit:
        return list(range(len(lines.rows)))
    values = -lines.rows["incidents"].to_numpy(dtype=float)
    return [int(row) for row in np.argsort(values, kind="stable")]


def station_grid(report: Report) -> Grid | None:
    """Return the table of stations, or None where there are none."""
    rows = report.rows_of("station")
    if rows is None or not len(rows):
        return None
    names = rows["name"].astype(str).tolist()
    lines = _Lines(report, "station", _lacking_by_station(report, names))
    labels = [tr("briefing.table.station"), *lines.labels()]
    body = [(names[row], *lines.cells([row])) for row in _station_order(lines)]
    align = ["left", *lines.align()]
    return _plain(Grid(tuple(labels), tuple(align), tuple(body), tr("briefing.table.stations")))


def _lacking_by_station(report: Report, names: Sequence[str]) -> npt.NDArray[np.float64] | None:
    """Return the officers that the beats of each station lack, or None where that is unknown."""
    if report.measured is None or report.rows_of("beat") is None:
        return None
    lacking = lacking_by_beat(report.measured)
    size = 0 if lacking is None else len(lacking)
    if lacking is None or any(
        report.hiding.of("beat", name, size).any() for name in ("residents", "migrants")
    ):
        return None
    of = stations_of_beats(report)
    return np.array([float(lacking[of == name].sum()) for name in names])


def crossed_grid(
    report: Report, level: str, order: Sequence[int], names: Sequence[str]
) -> Grid | None:
    """Return categories by station or beat, those beyond the usual in shades."""
    history = report.history
    if history is None or report.hiding.limit or level not in history.crossed:
        return None
    counts = history.crossed[level]
    kinds = history.levels["category"]
    if len(kinds.names) < 2 or not counts.sum():
        return None
    columns = np.argsort(-kinds.now, kind="stable")
    some = columns[:_CROSS_COLUMNS]
    some = some[kinds.now[some] > 0]
    rest = [c for c in columns.tolist() if c not in set(some.tolist())]
    labels = [tr(f"briefing.table.{level}"), *(kinds.names[c] for c in some)]
    other = rest and counts[:, rest].any()
    labels += [tr("briefing.table.others")] if other else []
    labels.append(tr("briefing.table.total"))
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / max(counts.sum(), 1)
    spread = np.divide(counts - expected, np.sqrt(np.maximum(expected, 1.0)))
    body, heat = [], []
    for row in order:
        cells = [names[row], *(shown(int(counts[row, c]), "count") for c in some)]
        shades = [0.0, *(float(np.clip((spread[row, c] - 2.0) / 6.0, 0.0, 1.0)) for c in some)]
        if other:
            cells.append(shown(int(counts[row, rest].sum()), "count"))
            shades.append(0.0)
        cells.append(shown(int(counts[row].sum()), "count"))
        body.append(tuple(cells))
        heat.append((*shades, 0.0))
    align = ("left", *("right",) * (len(labels) - 1))
    return Grid(
        tuple(labels), align, tuple(body), tr(f"briefing.table.crossed_{level}"),
        (tr("briefing.table.crossed_note"),), heat=tuple(heat),
    )  # fmt: skip


def _change_map(report: Report) -> Figure | None:
    """Return where incidents rose and fell, by beat or station."""
    history = report.history
    if history is None or history.basis is None or report.hiding.limit:
        return None
    for level in ("beat", "station"):
        layer, rows = report.layer_of(level), history.levels.get(level)
        if layer is None or rows is None or len(layer) != len(rows.names):
            continue
        changes = rows.changes[history.basis]
        shade = shade_changes(
            layer.geometry,
            [change.mark for change in changes],
            [change.share if change.tells_share else 0.0 for change in changes],
        )
        each = history.of(history.basis)
        assert each is not None  # noqa: S101 - it is the first basis
        title = tr("briefing.map.change", now=each.now.label(), before=each.before.label())
        figure = MapFigure("change", title, (shade,), _borders(report), alt=title)
        return Figure(figure, title, title, height=0.62, key="change")
    return None


def _beats(report: Report) -> list[Block]:
    rows = report.rows_of("beat")
    if rows is None or len(rows) < 2:
        return []
    lacking = None if report.measured is None else lacking_by_beat(report.measured)
    lines = _Lines(report, "beat", lacking)
    if lines.people.any():
        lines.lacking = None  # officers needed would tell the people
    names = rows["name"].astype(str).tolist()
    stations = stations_of_beats(report)
    order = _by_station(rows["id"].astype(str).tolist(), stations)
    number = {row: place + 1 for place, row in enumerate(order)}
    blocks: list[Block] = []
    said = _exceptions(lines, names, "beat")
    if said is not None:
        blocks.append(said)
    figure = _beat_map(report, number)
    if figure is not None:
        blocks.append(figure)
    printed = order
    if len(order) > _MANY_BEATS:
        marked = [row for row in order if lines.mark(row)]
        most = np.argsort(-rows["incidents"].to_numpy(dtype=float), kind="stable")[:60].tolist()
        keep = {*marked, *most}
        printed = [row for row in order if row in keep]
    labels = [tr("briefing.place.number"), tr("briefing.table.beat"), *lines.labels()]
    align = ["center", "left", *lines.align()]
    body: list[tuple[str | Svg, ...]] = []
    strong: set[int] = set()
    last = None
    for row in printed:
        if stations[row] != last and stations[row]:
            members = [n for n in order if stations[n] == stations[row]]
            strong.add(len(body))
            body.append(("", str(stations[row]), *lines.cells(members, marked=False)))
        last = stations[row]
        body.append((str(number[row]), names[row], *lines.cells([row])))
    notes = []
    if len(printed) < len(order):
        notes.append(tr("briefing.table.some_beats", shown=len(printed), of=len(order)))
    grid = Grid(tuple(labels), tuple(align), tuple(body), tr("briefing.table.beats"),
                tuple(notes), frozenset(strong))  # fmt: skip
    blocks.append(_plain(grid))
    if 2 <= len(order) <= 120:
        crossed = crossed_grid(report, "beat", order, names)
        if crossed is not None:
            blocks.append(crossed)
    return blocks


def _by_station(ids: Sequence[str], stations: npt.NDArray[np.object_]) -> list[int]:
    """Return the order of beats: by station, then by id, numbers in it by their size."""
    firsts: dict[str, tuple[tuple[int, int, str], ...]] = {}
    for key, station in zip(ids, stations, strict=True):
        mine = natural_key(key)
        firsts[str(station)] = min(firsts.get(str(station), mine), mine)
    words = [str(station) for station in stations]
    return sorted(
        range(len(ids)), key=lambda row: (firsts[words[row]], words[row], natural_key(ids[row]))
    )


def _beat_map(report: Report, number: dict[int, int]) -> Figure | None:
    """Return the beats with the numbers of the table."""
    layer = report.beats
    if layer is None or len(layer) != len(number):
        return None
    stations = stations_of_beats(report)
    groups = {name: place for place, name in enumerate(dict.fromkeys(stations.tolist()))}
    tones = ("#eef2f6", "#dfe7ee", "#f3efe6", "#e6eee6", "#efe6ec", "#e3eaf3")
    rows = np.array([groups[name] % len(tones) for name in stations], dtype=np.int64)
    shade = Shading(layer.geometry, rows, tuple((tone, "") for tone in tones))
    spots = points_in(layer)
    labels = tuple(
        (float(spots[row, 0]), float(spots[row, 1]), str(number[row])) for row in range(len(layer))
    )
    rooms = report.city.get(Kind.ROOM)
    marks: tuple[Marks, ...] = ()
    if rooms is not None and len(rooms):
        marks = (Marks(report.city.room_xy, name=tr("briefing.map.rooms"), radius=1.4),)
    title = tr("briefing.map.beat_numbers")
    figure = MapFigure("beats", title, (shade,), _borders(report), marks, (), labels,
                       layer.geometry, alt=title)  # fmt: skip
    return Figure(figure, title, title, height=0.66, key="beats")


def _plain(grid: Grid) -> Grid:
    """Return a table without the columns that say the same in every row: a note says it once."""
    if len(grid.rows) < 3:
        return grid
    kept, notes = [], []
    body = [row for place, row in enumerate(grid.rows) if place not in grid.strong]
    for place, label in enumerate(grid.labels):
        texts = {row[place] for row in body if isinstance(row[place], str)}
        drawn = any(isinstance(row[place], Svg) for row in body)
        if place > 1 and not drawn and len(texts) == 1:
            value = next(iter(texts))
            if label == tr("briefing.table.beyond"):
                notes.append(tr("briefing.table.none_beyond"))
            elif value:
                notes.append(tr("briefing.table.all_same", label=label, value=value))
            continue
        kept.append(place)
    if len(kept) == len(grid.labels):
        return grid
    return replace(
        grid,
        labels=tuple(grid.labels[place] for place in kept),
        align=tuple(grid.align[place] for place in kept),
        rows=tuple(tuple(row[place] for place in kept) for row in grid.rows),
        notes=(*notes, *grid.notes),
    )


def _grids(report: Report) -> list[Block]:
    table = report.table("grids")
    if table is None:
        return []
    blocks: list[Block] = []
    hot = _hot_map(report)
    if hot is not None:
        blocks.append(hot)
    keys = [item.key for item in table.columns]
    by = next((key for key in ("incidents", "residents") if key in keys), None)
    if by is None:
        return blocks
    values = table.values(by).astype(float)
    order = np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")[:_SOME]
    order = order[np.nan_to_num(values[order]) > 0]
    if not len(order):
        return blocks
    notes: tuple[str, ...] = (tr("briefing.table.grids_note", count=len(table)),)
    if report.hiding.limit:
        notes += table.notes[-1:]
    some = replace(
        table,
        rows=table.rows.iloc[order].reset_index(drop=True),
        hidden=table.hidden.iloc[order].reset_index(drop=True),
        total=None,
        notes=notes,
    )
    printed = grid_of(some, caption=tr("briefing.table.grids", count=len(order),
                                       by=tr(f"briefing.place.{by}")))  # fmt: skip
    blocks.append(_plain(printed))
    return blocks


def _hot_map(report: Report) -> Figure | None:
    if report.hot is None or not report.city.has(Kind.GRID):
        return None
    kind = np.asarray(report.hot.kind).astype(str)
    rows = np.where(kind == "hot", 0, np.where(kind == "cold", 1, -1)).astype(np.int64)
    if not (rows == 0).any():
        return None
    legend = (
        ("#c8500a", tr("briefing.map.hot")),
        ("#c4cedb", tr("briefing.map.cold") if (rows == 1).any() else ""),
    )
    shade = Shading(report.city.grids.geometry, rows, legend)
    title = tr("briefing.map.hot_title", count=int((rows == 0).sum()))
    figure = MapFigure("hot_spots", title, (shade,), _borders(report), alt=title)
    return Figure(figure, title, title, height=0.62, key="hot_spots")


def _coverage(report: Report) -> list[Block]:
    """Who lives out of reach, whom each room and network reaches."""
    blocks: list[Block] = []
    rows = report.rows_of("beat")
    level = "beat" if rows is not None else "station"
    rows = rows if rows is not None else report.rows_of("station")
    layer = report.layer_of(level)
    if (
        rows is not None
        and layer is not None
        and report.table("coverage") is not None
        and len(layer) == len(rows)
        and report.city.has(Kind.ROOM)
    ):
        size = len(rows)
        hidden = report.hiding.of(level, "covered_residents", size) | report.hiding.of(
            level, "residents", size
        )
        radius = report.city.presets.room_radius_m
        title = tr("briefing.map.outside", radius=radius)
        shade = shade_by_class(
            layer.geometry, rows["outside_residents"].to_numpy(dtype=float), title=title,
            colours="orange", hidden=hidden, limit=report.hiding.limit,
        )  # fmt: skip
        marks = (Marks(report.city.room_xy, name=tr("briefing.map.rooms_reach"), reach_m=radius),)
        figure = MapFigure("coverage", title, (shade,), _borders(report), marks, alt=title)
        blocks.append(Figure(figure, title, title, height=0.62, key="coverage"))
    left: list[Block] = []
    right: list[Block] = []
    coverage = report.table("coverage")
    if coverage is not None and len(coverage) > 1:
        left.append(
            replace(
                grid_of(coverage, most=12, keys=_OUTSIDE_KEYS), notes=(), whole=True,
            )
        )  # fmt: skip
    rooms = report.table("rooms")
    if rooms is not None and len(rooms) > 1:
        right.append(
            replace(
                grid_of(rooms, most=12, keys=_ROOM_KEYS), notes=_first_note(12, len(rooms)),
                whole=True,
            )
        )  # fmt: skip
    if left and right:
        blocks.append(Columns(tuple(left), tuple(right), 0.48))
    else:
        blocks += left + right
    networks = report.table("networks")
    if networks is not None:
        blocks.append(grid_of(networks))
    return blocks


def _first_note(most: int, every: int) -> tuple[str, ...]:
    """Say that only the first rows are printed, where there are more."""
    return (tr("briefing.table.first_of", shown=most, of=every),) if every > most else ()


def _staff(report: Report) -> list[Block]:
    table = report.table("staffing")
    if table is None or report.measured is None:
        return []
    blocks: list[Block] = [
        Paragraph(line) for line in staff_sentences(report.measured, report.hiding)
    ]
    keys = ("name", "people", "officers", "officers_needed", "officers_lacking",
            "officers_surplus", "auxiliaries", "auxiliaries_needed", "auxiliaries_lacking",
            "auxiliaries_surplus")  # fmt: skip
    most = 25
    note = tr("briefing.table.first_of", shown=most, of=len(table)) if len(table) > most else ""
    grid = grid_of(table, most=most, keys=keys, left_out=note)
    blocks.append(
        _plain(replace(grid, notes=tuple(n for n in (note, tr("report.note.staffing")) if n)))
    )
    return blocks


def _data(report: Report) -> list[Block]:
    blocks: list[Block] = [Paragraph(line, style="alert") for line in report.warnings]
    for key in ("imports", "definitions", "sources"):
        table = report.table(key)
        if table is not None:
            blocks.append(grid_of(table, keys=("term", "formula", "source", "item", "value")))
    return blocks
