"""Reads a workbook in a process of its own: run as a script, never imported.

The parser is compiled code that believes what a file says of its size: one cell in the last row
and column makes it ask for 500 GB, and a broken file may make it abort or never end. So it runs
here, locked in by `gridmap.gdal.guards.confine`, and hands over text only, as lines of JSON:
``{"sheet": name, "merged": [[top, bottom, left, right], ...]}``, then a list for each of its
rows, and ``{"end": true}`` at the end of the workbook.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import os
import re
import sys
import zipfile
from pathlib import Path
from xml.parsers import expat

#: What `gridmap.io._tables` reads off the exit code.
TOO_LARGE, LOCKED, UNREADABLE, LONG_CELL = 3, 4, 5, 6
_MEMORY = 1_000_000_000  # bytes
_CELLS = 10_000_000  # of all sheets together: a million rows of ten columns
_CELLS_UNPACKED = 2_000_000  # more only with a byte of the file for each
# Of all cells together. A string stands once in the file and may stand in every cell.
_LETTERS, _LETTERS_PER_BYTE = 20_000_000, 20
LONGEST = 32_767  # letters of a cell: Excel's own limit
_MERGED = 100_000
_WIDEST = 16_384  # columns of a sheet


class _TooLargeError(Exception):
    """The workbook holds more than is read."""


class _LongCellError(Exception):
    """A cell holds more than Excel lets it."""


def main(path: str, packages: str, seconds: int, encoding: str) -> int:
    """Print the sheets of a workbook, or of a page in an encoding; return an exit code."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.path.append(packages)
    from gridmap.gdal.guards import confine

    confine(read=[Path(path)], write=None, memory_bytes=_MEMORY, processor_s=seconds)
    import python_calamine as calamine

    try:
        if encoding:
            _print_page(path, encoding)
        else:
            _print_book(path)
    except (_TooLargeError, MemoryError):
        return TOO_LARGE
    except _LongCellError:
        return LONG_CELL
    except calamine.PasswordError:
        return LOCKED
    except (calamine.CalamineError, expat.ExpatError, zipfile.BadZipFile, OSError, ValueError):
        return UNREADABLE
    return 0


def _print_book(path: str) -> None:
    import python_calamine as calamine

    merged_of = _merged_in_document(path)
    cells = letters = 0
    packed = Path(path).stat().st_size
    most_cells = min(_CELLS, _CELLS_UNPACKED + packed)
    most_letters = _LETTERS + _LETTERS_PER_BYTE * packed
    # The library judges a path by its ending, and these end in anything.
    with open(path, "rb") as file, calamine.load_workbook(file) as book:  # noqa: PTH123
        for about in book.sheets_metadata:
            if about.typ != calamine.SheetTypeEnum.WorkSheet:
                continue
            sheet = book.get_sheet_by_name(about.name)
            merged = [
                (top, bottom, left, right)
                for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()
            ] or merged_of.get(about.name, [])
            cells += (sheet.total_height + 1) * (sheet.total_width + 1)
            if cells > most_cells or len(merged) > _MERGED:
                raise _TooLargeError
            _print({"sheet": about.name, "merged": merged})
            if sheet.start is None:
                continue
            before = [""] * sheet.start[1]  # rows are counted from the first, cells are not
            for row in sheet.iter_rows():
                line = [*before, *map(_text, row)]
                letters += sum(map(len, line))
                if letters > most_letters:
                    raise _TooLargeError
                _print(line)
    _print({"end": True})


def _print_page(path: str, encoding: str) -> None:
    page = Path(path).read_text(encoding, errors="replace")
    found = _Tables()
    at = 0
    # Every step goes on behind what it has looked at, so the time grows with the page's length.
    while (opening := page.find("<", at)) >= 0:
        found.take_text(page[at:opening])
        following = page[opening + 1 : opening + 2]
        if following.isascii() and (following.isalpha() or following in {"/", "!", "?"}):
            at = _after_markup(page, opening, found)
        else:
            found.take_text("<")
            at = opening + 1
    found.take_text(page[at:])
    found.close()
    for number, table in enumerate(found.tables, 1):
        _print({"sheet": str(number), "merged": table.merged})
        for row in table.rows:
            _print(row)
    _print({"end": True})


def _after_markup(page: str, opening: int, found: _Tables) -> int:
    """Take a tag, a comment or a declaration, and return where it ends: at worst with the page."""
    if page.startswith("<!--", opening):
        return _after(page, "-->", opening + 4)
    if page.startswith("<![CDATA[", opening):
        end = _after(page, "]]>", opening)
        found.take_text(page[opening + 9 : end - 3], escaped=False)
        return end
    name = _TAG.match(page, opening)
    if name is None:
        return _after(page, ">", opening)
    closing = _END_OF_TAG.match(page, name.end())
    after = closing.end() if closing else _after(page, ">", opening)
    tag = name[2].lower()
    if name[1]:
        found.end(tag)
    else:
        found.start(tag, page[name.end() : after])
        if tag in {"script", "style"}:
            closed = _END_OF_SCRIPT.search(page, after)
            return closed.start() if closed else len(page)
    return after


def _after(page: str, mark: str, start: int) -> int:
    at = page.find(mark, start)
    return at + len(mark) if at >= 0 else len(page)


_TAG = re.compile(r"<(/?)(?:\w{1,40}:)?(\w{1,40})")
# The end may stand within quotes. Nothing is looked at beyond the next tag, and nothing twice.
_END_OF_TAG = re.compile(r"""(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+>""")
_END_OF_SCRIPT = re.compile(r"</(?:script|style)", re.IGNORECASE)
_NUMBER = re.compile(
    r"""\b(ss:index|ss:mergedown|ss:mergeacross|rowspan|colspan)\s{0,9}=\s{0,9}["']?(\d{1,8})\b""",
    re.IGNORECASE,
)


class _SheetTable:
    """A table of a page: its rows, its merged cells, and where those hang down."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self.merged: list[tuple[int, int, int, int]] = []
        self.hanging: dict[int, int] = {}  # column to the last row that a cell above it takes


class _Tables:
    """Gathers the tables of a page, and the worksheets of Excel's XML of 2003."""

    def __init__(self) -> None:
        self.tables: list[_SheetTable] = []
        self._text: list[str] | None = None
        self._span = (1, 1)
        self._cells = 0

    def start(self, tag: str, attributes: str) -> None:
        """Begin a table, a row or a cell."""
        if tag == "table":
            self.close()
            self.tables.append(_SheetTable())
        elif tag in {"tr", "row"} and self.tables:
            self.close()
            # A row may say its place too, where blank ones above it are left out.
            said = _numbers(attributes)
            above = _number(said, "ss:index", 1) - 1 - len(self.tables[-1].rows)
            self._count(max(above, 0) + 1)
            self.tables[-1].rows += [[] for _ in range(max(above, 0) + 1)]
        elif tag in {"td", "th", "cell"} and self.tables and self.tables[-1].rows:
            self.close()
            row = self.tables[-1].rows[-1]
            # A cell may say its place, where blank ones before it are left out.
            said = _numbers(attributes)
            before = max(_number(said, "ss:index", 1) - 1 - len(row), 0)
            self._count(before)
            row += [""] * before
            self._span = (
                max(_number(said, "rowspan"), _number(said, "ss:mergedown", 0) + 1),
                max(_number(said, "colspan"), _number(said, "ss:mergeacross", 0) + 1),
            )
            self._text = []

    def end(self, tag: str) -> None:
        """End a cell."""
        if tag in {"td", "th", "cell", "tr", "row", "table"}:
            self.close()

    def take_text(self, text: str, *, escaped: bool = True) -> None:
        """Gather the text of a cell."""
        if self._text is not None and text:
            self._text.append(html.unescape(text) if escaped else text)

    def close(self) -> None:
        """End the cell that is open."""
        if self._text is None:
            return
        table, (down, across) = self.tables[-1], self._span
        row, top = table.rows[-1], len(table.rows) - 1
        # A cell that hangs down from a row above takes its place in this one.
        while table.hanging.get(len(row), -1) >= top:
            row.append("")
        left = len(row)
        self._count(across)
        if left + across > _WIDEST:
            raise _TooLargeError
        if down > 1 or across > 1:
            table.merged.append((top, top + down - 1, left, left + across - 1))
        if down > 1:
            table.hanging |= dict.fromkeys(range(left, left + across), top + down - 1)
        row += [_short("".join(self._text).strip()), *[""] * (across - 1)]
        self._text = None

    def _count(self, cells: int) -> None:
        self._cells += cells
        if self._cells > _CELLS:
            raise _TooLargeError


def _numbers(attributes: str) -> dict[str, str]:
    return {name.lower(): number for name, number in _NUMBER.findall(attributes)}


def _short(text: str) -> str:
    if len(text) > LONGEST:
        raise _LongCellError
    return text


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


def _text(value: object) -> str:
    match value:
        case str():
            return _short(value.strip())
        case float() if value.is_integer():
            return str(int(value))
        case dt.datetime():
            return value.isoformat(sep=" ")
        case dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            # Twenty-four o'clock, and anything a sheet shows as hours beyond a day.
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
        case _:
            return str(value)


def _merged_in_document(path: str) -> dict[str, list[tuple[int, int, int, int]]]:
    """Return the merged cells of an OpenDocument workbook, which the parser leaves out."""
    try:
        with zipfile.ZipFile(path) as archive:
            if "content.xml" not in archive.namelist():
                return {}
            found = _Spans()
            with archive.open("content.xml") as content:
                for chunk in iter(lambda: content.read(1 << 20), b""):
                    found.feed(chunk)
            return found.merged
    except zipfile.BadZipFile:
        return {}  # a workbook of before 2007


class _Spans:
    """Follows the rows and columns of OpenDocument tables, and notes cells that span several."""

    def __init__(self) -> None:
        self.merged: dict[str, list[tuple[int, int, int, int]]] = {}
        self._here: list[tuple[int, int, int, int]] = []
        self._row, self._after, self._column = 0, 0, 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start

    def feed(self, chunk: bytes) -> None:
        self._parser.Parse(chunk)

    def _start(self, tag: str, said: dict[str, str]) -> None:
        if tag == "table:table":
            self._here = self.merged.setdefault(said.get("table:name", ""), [])
            self._row, self._after = 0, 0
        elif tag == "table:table-row":
            self._row = self._after
            self._after += _number(said, "table:number-rows-repeated")
            self._column = 0
        elif tag in {"table:table-cell", "table:covered-table-cell"}:
            down = _number(said, "table:number-rows-spanned")
            across = _number(said, "table:number-columns-spanned")
            if down > 1 or across > 1:
                bottom, right = self._row + down - 1, self._column + across - 1
                self._here.append((self._row, bottom, self._column, right))
                if len(self._here) > _MERGED:
                    raise _TooLargeError
            self._column += _number(said, "table:number-columns-repeated")


def _number(said: dict[str, str], name: str, usual: int = 1) -> int:
    text = said.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 9 else usual


if __name__ == "__main__":
    code = main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
    sys.stdout.flush()
    # The library's own cleaning up of a broken file is not waited for.
    os._exit(code)
