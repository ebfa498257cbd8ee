"""The document model: what a report says, before any format has written it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from gridmap.i18n import tr
from gridmap.report.charts import Svg, sparkline
from gridmap.report.tables import Column, Table, shown, sum_rows

WHOLE = 14  # rows up to which a table is not broken over pages
Align = str  # ``left``, ``right`` or ``center``


class Drawable(Protocol):
    """What a figure shows: a chart or a map, drawn at any width."""

    def draw(self, width: float, height: float = 0.0) -> Svg:
        """Draw it at a width in points; a height of 0 follows from the width."""
        ...


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences.

    Parameters
    ----------
    text
        What they say.
    lead
        First words, set in bold.
    style
        ``body``, ``note`` (small and quiet) or ``alert``.
    """

    text: str
    lead: str = ""
    style: Literal["body", "note", "alert"] = "body"


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A chart or a map with what stands above it.

    Parameters
    ----------
    drawing
        A chart or a map.
    caption
        What stands above it.
    alt
        The figure in words.
    note
        What stands below it.
    height
        Share of its width; 0 as the drawing has it.
    key
        Name for files.
    fixed
        Stays where it is; other large figures float to the top or bottom of a page.
    fill
        Takes the height that all else on its page leaves.
    """

    drawing: Drawable
    caption: str
    alt: str = ""
    note: str = ""
    height: float = 0.0
    key: str = ""
    fixed: bool = False
    fill: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A table as it is printed: texts, and small drawings.

    Parameters
    ----------
    labels, align
        Head and side of each column.
    rows
        A text or a drawing in each place.
    caption
        What stands above it.
    notes
        What stands below it.
    strong
        Rows set in bold: totals and subtotals.
    heat
        How dark each number is, 0 to 1, by row and column; empty for none.
    whole
        Not broken over pages.
    """

    labels: tuple[str, ...]
    align: tuple[Align, ...]
    rows: tuple[tuple[str | Svg, ...], ...]
    caption: str = ""
    notes: tuple[str, ...] = ()
    strong: frozenset[int] = frozenset()
    heat: tuple[tuple[float, ...], ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """Paragraphs in a frame, for what somebody adds by hand."""

    blocks: tuple[Paragraph, ...]
    foot: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Blocks side by side."""

    left: tuple[Block, ...]
    right: tuple[Block, ...]
    share: float = 0.5


Block = Paragraph | Figure | Grid | Box | Columns


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A part of a document that begins with a heading.

    Parameters
    ----------
    key
        Name in ``report.toml``.
    title
        Its heading.
    blocks
        What it holds; a section without any is left out.
    fresh
        Begins on a page of its own.
    """

    key: str
    title: str
    blocks: tuple[Block, ...]
    fresh: bool = False


@dataclass(frozen=True, kw_only=True)
class Letterhead:
    """What an office puts around a report.

    Attributes
    ----------
    agency
        Whose report it is; the city's name if blank.
    title
        What stands in red above it; in ``report.toml`` a pattern in which ``{agency}`` and
        ``{period}`` are filled in.
    number, secrecy, signatory
        Document number (``示公指〔2024〕3号``), secrecy line, who signs.
    contact, phone
        Whom to ask.
    copies
        Who gets a copy.
    logo
        A picture beside the file, or its path.
    """

    agency: str = ""
    title: str = ""
    number: str = ""
    secrecy: str = ""
    signatory: str = ""
    contact: str = ""
    phone: str = ""
    copies: tuple[str, ...] = ()
    logo: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A report as a value that every format writes.

    Attributes
    ----------
    title
        The finding in one line.
    name
        What kind of report it is of what city and period, for running heads and files.
    language
        ``zh`` or ``en``.
    head
        What the office puts around it.
    front
        The first page.
    sections
        What follows it.
    foot
        What stands at the foot of the first page: data and dates.
    dated
        The date of the report, as people read it.
    iso_date
        The same as ``YYYY-MM-DD``.
    band
        What is said on every page: that it is a plan, or that the city is made up.
    signature
        Lines below the first page: the agency and the date.
    front_alone
        Nothing else stands on the first page.
    """

    title: str
    name: str
    language: str
    head: Letterhead
    front: tuple[Block, ...]
    sections: tuple[Section, ...]
    foot: str
    dated: str
    iso_date: str
    band: str = ""
    signature: tuple[str, ...] = ()
    front_alone: bool = True


def sample_document(language: str) -> Document:
    """Return a short document on which templates are made and checked."""
    said = Paragraph("gridmap")
    table = Grid(("A", "1"), ("left", "right"), (("a", "1"),))
    part = Section("city", "gridmap", (said, table, Box((said,)), Columns((table,), (said,))))
    return Document("gridmap", "gridmap", language, Letterhead(title="gridmap"), (said,), (part,),
                    "gridmap", "2000-01-01", "2000-01-01")  # fmt: skip


def figures_of(blocks: Sequence[Block]) -> Iterator[Figure]:
    """Yield every figure of some blocks, those in columns too."""
    for block in blocks:
        if isinstance(block, Figure):
            yield block
        elif isinstance(block, Columns):
            yield from figures_of(block.left)
            yield from figures_of(block.right)


def grid_of(
    table: Table,
    *,
    keys: Sequence[str] = (),
    rows: Sequence[int] | None = None,
    most: int = 0,
    group: str = "",
    wholes: Table | None = None,
    rest: str = "",
    notes: Sequence[str] | None = None,
) -> Grid:
    """Return a table as it is printed.

    Columns that say the same in every row are left out, and a note says it once.

    Parameters
    ----------
    table
        The table.
    keys
        Columns to print, in order, those that the table has; ``weeks`` is the line of weeks.
        All but that if empty.
    rows
        Rows to print, in order; all if None.
    most
        Print the first so many only, and say so; all if 0.
    group
        Column by whose values rows are grouped: each group begins with a row of its sums,
        and rows bear their number in the table, as maps do. None if blank.
    wholes
        The table of the groups: it tells sums of which a row is hidden.
    rest
        Name of a row with the sums of all rows that are not printed; none if blank.
    notes
        What stands below it; the table's own notes if None.
    """
    shown_rows = list(range(len(table))) if rows is None else list(rows)
    below = list(table.notes if notes is None else notes)
    if most and len(shown_rows) > most:
        below.insert(0, tr("briefing.table.first_of", shown=most, of=len(shown_rows)))
        shown_rows = shown_rows[:most]
    known = {item.key: item for item in table.columns}
    known.setdefault("name", table.columns[0])  # what has no names goes by its id
    chosen = [known[key] for key in keys if key in known] if keys else table.columns
    chosen = list(dict.fromkeys(chosen))
    chosen = [item for item in chosen if item.key != group]
    lines = _Lines(table, chosen, keys)
    body: list[tuple[str | Svg, ...]] = []
    strong: set[int] = set()
    last = None
    place_of = {} if wholes is None else {
        name: (wholes, row) for row, name in enumerate(_names_in(wholes))
    }  # fmt: skip
    for row in shown_rows:
        mine = str(table.values(group)[row]) if group in known else ""
        if mine and mine != last:
            strong.add(len(body))
            members = np.flatnonzero(table.values(group).astype(str) == mine).tolist()
            body.append(lines.summed(mine, members, place_of.get(mine)))
        last = mine
        body.append(lines.row(row))
    left = sorted(set(range(len(table))) - set(shown_rows))
    if rest and left:
        body.append(lines.summed(tr(rest, count=len(left)), left))
    if table.total is not None:
        strong.add(len(body))
        body.append(lines.total())
    labels, align = lines.heads()
    if group:
        numbers = iter(range(len(shown_rows)))
        body = [
            ("" if place in strong else str(shown_rows[next(numbers)] + 1), *line)
            for place, line in enumerate(body)
        ]
        labels, align = (tr("briefing.place.number"), *labels), ("center", *align)
    grid = Grid(labels, align, tuple(body), table.title, tuple(below),
                frozenset(strong), whole=len(body) <= WHOLE)  # fmt: skip
    return _without_constants(grid, 2 if group else 1)


def _names_in(table: Table) -> list[str]:
    names: list[str] = table.values("name" if "name" in table.rows.columns else "id").tolist()
    return names


class _Lines:
    """Cells of a table's rows, of sums of rows, and of its total."""

    def __init__(self, table: Table, columns: Sequence[Column], keys: Sequence[str]) -> None:
        self.table, self.columns = table, list(columns)
        self.weeks_at = len(self.columns)
        self.weeks = table.weeks if "weeks" in keys else None
        if self.weeks is not None:
            before = set(keys[: list(keys).index("weeks")])
            self.weeks_at = sum(item.key in before for item in self.columns)
        self.cells = replace(table, columns=tuple(self.columns)).texts()

    def heads(self) -> tuple[tuple[str, ...], tuple[Align, ...]]:
        """Return labels and sides."""
        labels = [item.head or item.label for item in self.columns]
        sides = ["right" if item.numeric else "center" if item.key == "mark" else "left"
                 for item in self.columns]  # fmt: skip
        if self.weeks is not None:
            labels.insert(self.weeks_at, tr("report.head.weeks"))
            sides.insert(self.weeks_at, "center")
        return tuple(labels), tuple(sides)

    def row(self, row: int) -> tuple[str | Svg, ...]:
        """Return the cells of a row."""
        return self._with_weeks(self.cells[row], [row])

    def total(self) -> tuple[str | Svg, ...]:
        """Return the cells of the total; its first text says what it is."""
        cells: list[str] = self.cells[-1]
        if cells and not cells[0]:
            cells[0] = tr("report.total")
        return self._with_weeks(cells, list(range(len(self.table))))

    def summed(
        self, name: str, rows: Sequence[int], whole: tuple[Table, int] | None = None
    ) -> tuple[str | Svg, ...]:
        """Return the cells of several rows together; a mark is of one row only."""
        sums = sum_rows(self.table, rows, whole)
        cells = [
            shown(*(sums[item.key][0], item.form), hidden=sums[item.key][1])
            if item.numeric
            else ""
            for item in self.columns
        ]
        cells[0] = name
        return self._with_weeks(cells, rows)

    def _with_weeks(self, cells: Sequence[str], rows: Sequence[int]) -> tuple[str | Svg, ...]:
        made: list[str | Svg] = list(cells)
        if self.weeks is not None:
            made.insert(self.weeks_at, sparkline(self.weeks[list(rows)].sum(axis=0)))
        return tuple(made)


def _without_constants(grid: Grid, first: int) -> Grid:
    """Return a table without the columns that say the same in every row."""
    body = [row for place, row in enumerate(grid.rows) if place not in grid.strong]
    if len(body) < 3:
        return grid
    kept, notes = [], []
    for place, label in enumerate(grid.labels):
        texts = {row[place] for row in body if isinstance(row[place], str)}
        drawn = any(isinstance(row[place], Svg) for row in body)
        if place < first or drawn or len(texts) > 1:
            kept.append(place)
            continue
        value = next(iter(texts))
        if value:
            notes.append(tr("briefing.table.all_same", label=label, value=value))
        elif label == tr("report.head.mark"):
            notes.append(tr("briefing.table.none_beyond"))
    return replace(
        grid,
        labels=tuple(grid.labels[place] for place in kept),
        align=tuple(grid.align[place] for place in kept),
        rows=tuple(tuple(row[place] for place in kept) for row in grid.rows),
        notes=(*notes, *grid.notes),
    )
