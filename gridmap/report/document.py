"""The document model: what a report says, before any format has written it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from gridmap.report.svg import Svg
from gridmap.report.tables import Table

__all__ = [
    "Block",
    "Box",
    "Columns",
    "Document",
    "Figure",
    "Grid",
    "Heading",
    "Letterhead",
    "Paragraph",
    "Section",
    "figures_of",
    "grid_of",
]

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


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str
    level: int = 2


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
    """

    drawing: Drawable
    caption: str
    alt: str = ""
    note: str = ""
    height: float = 0.0
    key: str = ""
    fixed: bool = False


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


Block = Paragraph | Heading | Figure | Grid | Box | Columns


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


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What an office puts around a report.

    Attributes
    ----------
    agency
        Whose report it is.
    red_head
        The title in red above everything; blank for none.
    number, signatory, secrecy
        Document number, who signs, and how secret it is; blank for none.
    contact, phone, copies
        Who is asked, and who gets a copy.
    logo
        Path of a picture; blank for none.
    """

    agency: str = ""
    red_head: str = ""
    number: str = ""
    signatory: str = ""
    secrecy: str = ""
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
    most: int = 0,
    caption: str = "",
    left_out: str = "",
) -> Grid:
    """Return a table as it is printed.

    Parameters
    ----------
    table
        The table.
    keys
        Columns to print, in order; all if empty.
    most
        Rows to print, the first ones; all if 0.
    caption
        What stands above it; the table's title if blank.
    left_out
        What is said where rows are left out.
    """
    known = [item.key for item in table.columns]
    places = [known.index(key) for key in (keys or known) if key in known]
    lines = table.texts()
    body = lines[: len(table)]
    kept = body[:most] if most else body
    rows = [tuple(line[place] for place in places) for line in kept]
    strong: frozenset[int] = frozenset()
    if table.total is not None:
        rows.append(tuple(lines[-1][place] for place in places))
        strong = frozenset({len(rows) - 1})
    notes = list(table.notes)
    if most and len(body) > most and left_out:
        notes.insert(0, left_out)
    heat: tuple[tuple[float, ...], ...] = ()
    return Grid(
        tuple(table.columns[place].label for place in places),
        tuple("left" if table.columns[place].form == "text" else "right" for place in places),
        tuple(rows),
        caption or table.title,
        tuple(notes),
        strong,
        heat,
    )
