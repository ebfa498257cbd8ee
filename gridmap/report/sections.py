"""What follows the first page: the city, its stations, beats, grids, reach and staff, the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gridmap.i18n import DAYS, tr
from gridmap.measure import per_occurrence
from gridmap.measure.pieces import By
from gridmap.model import Kind
from gridmap.report.area_tables import TITLES, outside_note
from gridmap.report.charts import BarChart, HourChart, text_width
from gridmap.report.document import (
    WHOLE,
    Block,
    Columns,
    Figure,
    Grid,
    Paragraph,
    Section,
    grid_of,
)
from gridmap.report.findings import change_text, outline_words, sentence
from gridmap.report.mapping import (
    MapFigure,
    Marks,
    Outline,
    Shading,
    merged,
    points_in,
    shade_by_class,
    shade_changes,
)
from gridmap.report.measured import CountHistory, told_apart
from gridmap.report.plan_change import effect_grid, effects_of, plan_map, price_lines
from gridmap.report.report import Report
from gridmap.report.settings import BEAT_COLUMNS, SECTIONS
from gridmap.report.tables import Table, in_mood, shown

_MANY_BEATS = 200  # beats above which only the exceptions are printed
_MOST_CROSSED = 120  # beats above which there is no table of categories by beat
_SOME = 20
_MOST_NAMES = 60  # areas named on a map
_OUTSIDE_KEYS = ("name", "outside_residents", "covered_residents_share")
_ROOM_KEYS = ("name", "residents", "officers", "residents_per_officer")
_CROSS_COLUMNS = 12  # categories in a table of categories by station
_CROSS_EM = 68.0  # width of a page in the smallest letters that such a table is set in


def section(name: str) -> Callable[[Callable[[Report], list[Block]]], Any]:
    """Return a decorator that makes a function the section ``name`` of reports.

    The function returns the section's blocks, none where the city has no data for it; the title
    is the text ``briefing.section.NAME``. A new section is the last; its name in `SECTIONS` of
    `gridmap.report.settings` gives it another place.
    """

    def register(made: Callable[[Report], list[Block]]) -> Callable[[Report], list[Block]]:
        SECTIONS[name] = made
        return made

    return register


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
    found = []
    for name in wanted:
        make = SECTIONS[name]
        assert make is not None  # noqa: S101 - this module makes all of them
        blocks = make(report)
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


def _findings(report: Report, *keys: str) -> list[Block]:
    """Return what a section opens with: the findings on what it is about."""
    return [
        Paragraph(one.text, lead=tr("briefing.lead_before", lead=one.lead))
        for one in report.found.every
        if one.key in keys
    ]


def _says_outlines(report: Report) -> bool:
    """Return whether the first page says how many areas there are."""
    return any(one.key == "outlines" for one in report.found.findings)


def _outline(report: Report, level: By) -> list[Block]:
    """Return what a section opens with that has no findings, unless the first page says it."""
    if _says_outlines(report):
        return []
    return [Paragraph(sentence(outline_words(report.measured, level) + tr("briefing.stop")))]


@section("plan")
def _plan(report: Report) -> list[Block]:
    """Return the page of a plan: better, worse, price, maps before and after, all beats."""
    measured = report.measured
    made = measured.comparison
    if made is None or report.plan is None or measured.present is None:
        return []
    effects = effects_of(measured, report.hiding)
    blocks: list[Block] = [
        Paragraph(tr("briefing.plan.intro", plan=made.new, today=made.old)),
        effect_grid(effects),
    ]
    price = price_lines(measured, report.hiding)
    if price:
        blocks.append(
            Paragraph(tr("briefing.semicolon").join(price) + tr("briefing.stop"),
                      lead=tr("briefing.plan.price"))
        )  # fmt: skip
    before = plan_map(measured, measured.present, "before")
    after = plan_map(measured, report.plan, "after", changed=measured.present)
    blocks.append(Columns((before,), (after,), 0.5))
    table = report.table("comparison")
    if table is not None:
        blocks.append(grid_of(table))
    response = report.table("response")
    if response is not None:
        blocks.append(grid_of(response))
    return blocks


@section("city")
def _city(report: Report) -> list[Block]:
    """Categories, hours and months of the whole city."""
    blocks = _findings(report, "total", *(() if _says_outlines(report) else ("outlines",)))
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


@section("attention")
def _attention(report: Report) -> list[Block]:
    """Alerts, disputes still open, and places that call again."""
    keys = {
        "repeats": (
            "place",
            "incidents",
            "incidents_before_previous",
            "first",
            "last",
            "median_days_between",
        )
    }
    return _findings(report, "alerts", "disputes", "repeats") + [
        grid_of(table, keys=keys.get(key, ()), most=_SOME)
        for key in ("alerts", "disputes", "repeats")
        if (table := report.table(key)) is not None
    ]


def _across(lines: Sequence[Sequence[str]], caption: str) -> Grid:
    """Return two columns as two rows: months side by side."""
    labels = tuple(line[0] for line in lines)
    return Grid(labels, ("right",) * len(labels), (tuple(line[1] for line in lines),), caption,
                whole=True)  # fmt: skip


def _category_chart(history: CountHistory) -> Figure | None:
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
    notes = [tr("briefing.table.mark_note")] if basis is not None else []
    rest = int((kinds.now > 0).sum()) - len(order)
    if rest:
        left = int(kinds.now.sum() - kinds.now[order].sum())
        notes.append(tr("briefing.chart.more_categories", count=rest, incidents=left))
    return Figure(chart, caption, caption, " ".join(notes), key="categories", fixed=True)


def _hours(report: Report) -> Figure | None:
    """Return incidents by hour and weekday, per occurrence of that weekday."""
    time = report.measured.time
    if time is None or not time.hours.sum():
        return None
    counts = time.hours.astype(float)
    hidden = report.hiding.of("hours", "incidents", counts.size).reshape(counts.shape)
    each = per_occurrence(counts.T.ravel(), time.occurrences).T
    if report.hiding.limit:
        each = np.round(each, 0)  # digits would tell counts
    each = np.where(hidden, np.nan, each)
    caption = tr("briefing.chart.hours")
    names = tuple(tr(f"measure.day.{day}") for day in DAYS)
    return Figure(HourChart(each, names, caption), caption, caption, key="hours", fixed=True)


def _density_map(report: Report) -> Figure | None:
    known = ("incidents_per_km2", "residents_per_km2")
    key = next((one for one in known if one in report.grid_values), "")
    if not key or not report.city.has(Kind.GRID):
        return None
    values, hidden = report.grid_values[key], report.grid_hidden[key]
    shade = shade_by_class(
        report.city.grids.geometry, values, title=tr(f"report.column.{key}"),
        form="decimal" if key.startswith("incidents") else "count", hidden=hidden,
        limit=report.hiding.limit, count=5,
    )  # fmt: skip
    title = tr(f"briefing.map.density_{key.partition('_')[0]}")
    figure = MapFigure(
        "density", title, (merged(shade),), _borders(report), **_names(report), alt=title
    )
    return Figure(figure, title, title, height=0.62, key="density")


def _names(report: Report) -> dict[str, Any]:
    """Return the names of stations, or of beats without any, as labels of a map."""
    layer = report.city.get(Kind.STATION) or report.beats
    if layer is None or len(layer) > _MOST_NAMES:
        return {}
    spots = points_in(layer)
    labels = tuple(
        (float(x), float(y), name)
        for (x, y), name in zip(spots, told_apart(layer.names, layer.ids), strict=True)
    )
    return {"labels": labels, "label_shapes": layer.geometry}


def _borders(report: Report, *, strong: bool = True) -> tuple[Outline, ...]:
    lines = []
    if report.beats is not None:
        lines.append(Outline(report.beats.geometry, 0.5, "#41505f"))
    stations = report.city.get(Kind.STATION)
    if stations is not None and strong:
        lines.append(Outline(stations.geometry, 1.2, name=tr("briefing.map.stations")))
    return tuple(lines)


def _exceptions(report: Report, level: By) -> list[Block]:
    """Say which rows changed beyond chance, or that none did."""
    history = report.history
    of = None if history is None else history.levels.get(level)
    if history is None or of is None or history.basis is None:
        return _outline(report, level)
    size = len(of.names)
    dark = report.hiding.of(level, "incidents", size)
    dark |= report.hiding.of(level, "incidents", size, when="before")
    told = [
        tr("briefing.rows.one", name=of.names[row], now=change.now, before=change.before,
           change=change_text(change))
        for row, change in enumerate(of.changes[history.basis])
        if change.mark and not dark[row]
    ]  # fmt: skip
    word = tr(f"briefing.level.{level}")
    if not told:
        key = in_mood("briefing.exceptions.none", conditional=report.plan is not None)
        return [Paragraph(tr(key, level=word))]
    lead = tr(in_mood("briefing.rows.lead", conditional=report.plan is not None),
              level=word, count=len(told))  # fmt: skip
    text = tr("briefing.semicolon").join(told[:12])
    text += tr("briefing.rows.more", count=len(told) - 12) if len(told) > 12 else ""
    return [Paragraph(text + tr("briefing.stop"), lead=tr("briefing.lead_before", lead=lead))]


def area_grid(report: Report, level: By, *, rows: Sequence[int] | None = None) -> Grid | None:
    """Return the stations, or the beats by station with subtotals, as they are printed.

    Parameters
    ----------
    report
        The report.
    level
        ``station`` or ``beat``.
    rows
        Rows to print; all if None.
    """
    table = report.table(TITLES[level])
    if table is None:
        return None
    wanted = report.request.settings.beat_columns
    keys = ["name", *(key for name in wanted for key in BEAT_COLUMNS[name])]
    if not any(key in table.rows.columns for key in keys[1:]):
        keys.append("area_km2")
    beats = level == "beat"
    notes = []
    if rows is not None and len(rows) < len(table):
        key = _leading_column(table)
        notes.append(tr(f"briefing.table.some_beats_{key}", shown=len(rows), of=len(table)))
    outside = outside_note(table, report.hiding, level)
    notes += [outside] if outside else []
    of = "s" if not beats or "parent_station" in table.rows.columns else ""
    caption = tr(f"briefing.table.{level}{of}")
    grid = grid_of(
        table, keys=keys, rows=rows, notes=notes,
        group="parent_station" if beats else "", wholes=report.table("stations"),
    )  # fmt: skip
    first = 1 if beats else 0
    labels = (*grid.labels[:first], tr(f"briefing.table.{level}"), *grid.labels[first + 1 :])
    return replace(grid, labels=labels, caption=caption)


def _leading_column(table: Table) -> str:
    """Return the column that says which rows matter most: what the city has of three."""
    return next(key for key in ("incidents", "residents", "area_km2") if key in table.rows.columns)


@section("stations")
def _stations(report: Report) -> list[Block]:
    grid = area_grid(report, "station")
    table = report.table("stations")
    if grid is None or table is None or len(table) < 2:
        return []
    blocks = [*_exceptions(report, "station"), grid]
    change = _change_map(report)
    if change is not None:
        blocks.append(change)
    crossed = crossed_grid(report, "station")
    if crossed is not None:
        blocks.append(crossed)
    return blocks


def crossed_grid(report: Report, level: str) -> Grid | None:
    """Return categories by station or beat, those beyond the usual in shades."""
    history = report.history
    if history is None or report.hiding.limit or level not in history.crossed:
        return None
    counts, names = history.crossed[level], history.levels[level].names
    table = report.table(TITLES[level])
    assert table is not None  # noqa: S101 - there is a history of its rows
    row_of = {key: row for row, key in enumerate(history.levels[level].ids)}
    order = [row_of[key] for key in table.values("id")]
    kinds = history.levels["category"]
    if len(kinds.names) < 2 or not counts.sum():
        return None
    columns = np.argsort(-kinds.now, kind="stable")
    some = columns[:_CROSS_COLUMNS]
    some = some[kinds.now[some] > 0]
    # As many as can be read on paper: columns are as wide as their head on several lines.
    taken = max(map(text_width, names)) + 1.0 + 2 * 4.5  # names, the other categories, the total
    heads = [min(max(text_width(kinds.names[c]), 2.5), 5.2) + 1.0 for c in some]
    some = some[: max(int((np.cumsum(heads) <= _CROSS_EM - taken).sum()), 4)]
    rest = [c for c in columns.tolist() if c not in set(some.tolist())]
    labels = [tr(f"briefing.table.{level}"), *(kinds.names[c] for c in some)]
    other = rest and counts[:, rest].any()
    labels += [tr("briefing.table.others")] if other else []
    labels.append(tr("report.total"))
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
        (tr("briefing.table.crossed_note"),), heat=tuple(heat), whole=len(body) <= WHOLE,
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
        figure = MapFigure(
            "change", title, (shade,), _borders(report), **_names(report), alt=title
        )
        return Figure(figure, title, title, height=0.62, key="change")
    return None


@section("beats")
def _beats(report: Report) -> list[Block]:
    table = report.table("beats")
    if table is None or len(table) < 2:
        return []
    blocks = _exceptions(report, "beat")
    rows = None
    if len(table) > _MANY_BEATS:
        counts = table.values(_leading_column(table))
        busy = np.argsort(-np.nan_to_num(counts.astype(float)), kind="stable")[:60]
        marked = table.rows["mark"] != "" if "mark" in table.rows.columns else []
        rows = sorted({*busy.tolist(), *np.flatnonzero(marked).tolist()})
    figure = _beat_map(report, table, rows)
    if figure is not None:
        blocks.append(figure)
    grid = area_grid(report, "beat", rows=rows)
    if grid is not None:
        blocks.append(grid)
    if len(table) <= _MOST_CROSSED:
        crossed = crossed_grid(report, "beat")
        if crossed is not None:
            blocks.append(crossed)
    return blocks


def _beat_map(report: Report, table: Table, rows_shown: Sequence[int] | None) -> Figure | None:
    """Return the beats with the numbers of the table, of those rows that it shows."""
    layer = report.beats
    if layer is None or len(layer) != len(table):
        return None
    place = {key: row for row, key in enumerate(table.values("id"))}
    rows_of = np.array([place[key] for key in layer.ids.astype(str)])
    named = "parent_station" in table.rows.columns
    stations = table.values("parent_station" if named else "id")[rows_of]
    if not named:
        stations = np.array([""] * len(layer), dtype=object)
    groups = {name: place for place, name in enumerate(dict.fromkeys(stations.tolist()))}
    tones = ("#eef2f6", "#dfe7ee", "#f3efe6", "#e6eee6", "#efe6ec", "#e3eaf3")
    rows = np.array([groups[name] % len(tones) for name in stations], dtype=np.int64)
    shade = Shading(layer.geometry, rows, tuple((tone, "") for tone in tones))
    spots = points_in(layer)
    here = np.isin(rows_of, np.arange(len(table)) if rows_shown is None else rows_shown)
    labels = tuple(
        (float(x), float(y), str(row + 1))
        for (x, y), row in zip(spots[here], rows_of[here], strict=True)
    )
    rooms = report.city.get(Kind.ROOM)
    marks: tuple[Marks, ...] = ()
    if rooms is not None and len(rooms):
        marks = (Marks(report.city.room_xy, name=tr("briefing.map.rooms"), radius=1.4),)
    title = tr("briefing.map.beat_numbers")
    figure = MapFigure("beats", title, (shade,), _borders(report), marks, (), labels,
                       layer.geometry[here], alt=title)  # fmt: skip
    # Many numbers need all the paper that the ground's shape can take.
    tall = 0.0 if len(layer) > _MOST_NAMES else 0.66
    return Figure(figure, title, title, height=tall, key="beats")


@section("grids")
def _grids(report: Report) -> list[Block]:
    table = report.table("grids")
    if table is None:
        return []
    blocks = _findings(report, "hot") or _outline(report, "grid")
    hot = _hot_map(report)
    if hot is not None:
        blocks.append(hot)
    by = next((key for key in ("incidents", "residents") if key in table.rows.columns), None)
    if by is None:
        return blocks if hot is not None else []
    values = np.nan_to_num(table.values(by).astype(float), nan=-1.0)
    order = [row for row in np.argsort(-values, kind="stable")[:_SOME].tolist() if values[row] > 0]
    if not order:
        return blocks
    notes = [tr("briefing.table.grids_note", count=len(table))]
    notes += list(table.notes[-1:]) if report.hiding.limit else []
    keys = ("id", "name", "parent_beat", "parent_station", "parent_community", "incidents",
            "residents", "migrants", "incidents_per_km2", "incidents_per_1000_residents",
            "covered_residents_share", "hot_spot")  # fmt: skip
    caption = tr("briefing.table.grids", count=len(order), by=tr(f"briefing.place.{by}"))
    grid = grid_of(replace(table, total=None), keys=keys, rows=order, notes=notes)
    blocks.append(replace(grid, caption=caption))
    return blocks


def _hot_map(report: Report) -> Figure | None:
    if report.hot is None or not report.city.has(Kind.GRID):
        return None
    kind = np.asarray(report.hot.kind).astype(str)
    rows = np.where(kind == "hot", 0, np.where(kind == "cold", 1, -1)).astype(np.int64)
    title = tr("briefing.map.hot_title", count=int((rows == 0).sum()))
    if not (rows == 0).any():
        return None
    if report.hot.change is not None:
        rows[report.hot.change == "emerging"] = 2
        rows[report.hot.change == "growing"] = 3
    colours = {"hot": "#e08a4f", "cold": "#c4cedb", "hot_new": "#8c1d04", "hot_grown": "#c8500a"}
    legend = tuple(
        (colour, tr(f"briefing.map.{name}") if (rows == place).any() else "")
        for place, (name, colour) in enumerate(colours.items())
    )
    shade = Shading(report.city.grids.geometry, rows, legend)
    figure = MapFigure(
        "hot_spots", title, (merged(shade),), _borders(report), **_names(report), alt=title
    )
    return Figure(figure, title, title, height=0.62, key="hot_spots")


@section("coverage")
def _coverage(report: Report) -> list[Block]:
    """Who lives out of reach, whom each room and network reaches."""
    blocks = _findings(report, "coverage")
    rows = report.rows_of("beat")
    level = "beat" if rows is not None else "station"
    rows = rows if rows is not None else report.rows_of("station")
    layer, table = report.layer_of(level), report.table(TITLES[level])
    if (
        rows is not None
        and layer is not None
        and table is not None
        and "outside_residents" in table.rows.columns
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
        figure = MapFigure("coverage", title, (shade,), _borders(report), marks,
                           **_names(report), alt=title)  # fmt: skip
        blocks.append(Figure(figure, title, title, height=0.62, key="coverage"))
    left: list[Block] = []
    right: list[Block] = []
    if table is not None and len(table) > 1 and "outside_residents" in table.rows.columns:
        outside = np.nan_to_num(table.values("outside_residents").astype(float), nan=-1.0)
        order = np.argsort(-outside, kind="stable").tolist()
        grid = grid_of(table, keys=_OUTSIDE_KEYS, rows=order, most=12, notes=())
        left.append(replace(grid, caption=tr("report.sheet.coverage"), whole=True))
    rooms = report.table("rooms")
    if rooms is not None and len(rooms) > 1:
        right.append(replace(grid_of(rooms, keys=_ROOM_KEYS, most=12, notes=()), whole=True))
    if left and right:
        blocks.append(Columns(tuple(left), tuple(right), 0.48))
    else:
        blocks += left + right
    networks = report.table("networks")
    if networks is not None:
        blocks.append(grid_of(networks))
    return blocks


@section("staff")
def _staff(report: Report) -> list[Block]:
    table = report.table("staffing")
    if table is None:
        return []
    blocks: list[Block] = [Paragraph(line) for line in table.notes[:-1]]
    keys = ("name", "parent_station", "people", "officers", "officers_needed", "officers_lacking",
            "officers_surplus", "auxiliaries", "auxiliaries_needed", "auxiliaries_lacking",
            "auxiliaries_surplus")  # fmt: skip
    blocks.append(grid_of(table, keys=keys, most=25, notes=table.notes[-1:]))
    return blocks


@section("duty")
def _duty(report: Report) -> list[Block]:
    """Shifts, norms and the ranking, as `gridmap.api.report` made them."""
    return list(report.request.duty)


@section("data")
def _data(report: Report) -> list[Block]:
    blocks: list[Block] = [Paragraph(line, style="alert") for line in report.warnings]
    blocks.append(Paragraph(tr("briefing.data_intro")))
    for key in ("imports", "definitions", "sources"):
        table = report.table(key)
        if table is not None:
            blocks.append(grid_of(table, keys=("term", "formula", "source", "item", "value")))
    return blocks
