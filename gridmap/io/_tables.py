"""Read tables: CSV and similar text with its encoding, and the sheets of workbooks.

Separator, header row and encoding are found, with the reason; text stays text. The encoding of
a DBF is found here, too.

Systems that "export to Excel" write many things under two names: workbooks of today (a zip of
XML, or of records), of OpenDocument, of before 2007, pages of HTML, XML of 2003, and plain text.
The first bytes of a file tell which it is. All are read in a separate, confined process, as text
with the merged cells.
"""

from __future__ import annotations

import codecs
import csv
import importlib.util
import json
import re
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyproj import CRS

from gridmap.errors import EncodingError, GridmapError, InputError, MissingError, some_ids
from gridmap.fields import FIELDS, fold
from gridmap.gdal.child import several_layers
from gridmap.gdal.guards import plain_environment
from gridmap.i18n import tr
from gridmap.io import _workbook_child
from gridmap.io.options import Note

#: Where the choice of an encoding came from; ``default`` is what the format always has.
Reason = Literal["asked", "cpg", "language_byte", "bom", "ascii", "detected", "default"]
_LANGUAGE_BYTES = {0x4D: "gb18030", 0x4F: "big5", 0x7A: "gb18030", 0x7B: "big5"}
_CANDIDATES = ("utf-8", "gb18030", "big5")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NO_ENCODINGS = {"undefined", "punycode", "idna", "unicode-escape", "raw-unicode-escape", "utf-7"}
_BIG5_ORDINARY = 0xC6  # first byte of the last of the 5,401 characters in common use
# Characters that ordinary Chinese names are made of; rare ones betray a wrong decoding.
_COMMON = re.compile(r"[\u4e00-\u9fa5]")
_GARBLED = re.compile(r"[\u00a1-\u00ff]{2,}|锟斤拷|\ufffd|[\u0080-\u009f]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding and where the choice came from.

    Parameters
    ----------
    name
        Python's name of the codec.
    reason
        Where the choice came from.
    preview
        Some decoded text, without numbers, for the user to judge.
    """

    name: str
    reason: Reason
    preview: str = ""

    def text(self) -> str:
        """Return the encoding and where the choice came from, for people."""
        return f"{self.name} ({tr(f'io.encoding.{self.reason}')})"


def looks_garbled(text: str) -> bool:
    """Return whether a text is Chinese read in a Western encoding, or replaced bytes.

    >>> looks_garbled("¾¯¸ñ"), looks_garbled("警格"), looks_garbled("Café")
    (True, False, False)
    """
    return bool(_GARBLED.search(text))


def detect_dbf(shp: Path, asked: str = "") -> Encoding:
    """Return the encoding of a shapefile's attributes.

    The user's word first, then the ``.cpg`` file, the language byte of the DBF, and last
    the bytes themselves. A ``.cpg`` that cannot decode its table is not believed, nor is
    anything that calls text in UTF-8 by another name: tools write the byte of GBK by habit.

    Raises
    ------
    EncodingError
        If the chosen encoding is unknown or cannot decode the table, or it mixes encodings.
    """
    dbf = file_beside(shp, ".dbf")
    raw = _dbf_text(dbf) if dbf else b""
    if asked:
        return _checked(raw, asked, "asked", str(shp.name))
    if _lines_apart(raw):
        return detect_bytes(raw, where=shp.name)
    cpg = file_beside(shp, ".cpg")
    if cpg:
        name = _codec(cpg.read_text(encoding="ascii", errors="ignore").strip())
        if name and _believed(raw, name):
            return Encoding(name, "cpg", _preview(raw, name))
    if dbf:
        with dbf.open("rb") as file:
            head = file.read(32)
        name = _LANGUAGE_BYTES.get(head[29], "") if len(head) == 32 else ""
        if name and _believed(raw, name):
            return Encoding(name, "language_byte", _preview(raw, name))
    return detect_bytes(raw, where=shp.name)


def detect_bytes(raw: bytes, *, asked: str = "", where: str = "") -> Encoding:
    """Return the encoding of text bytes.

    Raises
    ------
    EncodingError
        If the asked encoding is unknown or wrong, or none of UTF-8, GB18030 and Big5
        decodes the bytes into readable text.
    """
    if asked:
        return _checked(raw, asked, "asked", where)
    for mark, name in _MARKS.items():
        if raw.startswith(mark):
            return Encoding(name, "bom", _preview(raw, name))
    if wide := _wide(raw):
        return Encoding(wide, "detected", _preview(raw, wide))
    if raw.isascii():
        return Encoding("utf-8", "ascii")
    # Text that is valid UTF-8 beyond ASCII is UTF-8: by chance it hardly ever is.
    fitting = [name for name in _CANDIDATES if _decodes(raw, name)]
    if "utf-8" not in fitting and (lines := _lines_apart(raw)):
        raise EncodingError("io.error.encoding_mixed", file=where, lines=some_ids(lines))
    if not fitting:
        fitting = [_unusual(raw, where)]
    elif "utf-8" in fitting:
        fitting = ["utf-8"]
    name = max(fitting, key=lambda item: _score(_foreign(raw, item), item))
    return Encoding(name, "detected", _preview(raw, name))


def _believed(raw: bytes, name: str) -> bool:
    """Return whether text may be in an encoding: it decodes, and is not plainly UTF-8."""
    if not _decodes(raw, name):
        return False
    # Bytes of another encoding are Chinese in UTF-8 by no chance.
    chinese = _decodes(raw, "utf-8") and len(_COMMON.findall(raw.decode("utf-8", "ignore"))) >= 3
    return not chinese or name.startswith("utf")


def _lines_apart(raw: bytes) -> list[int]:
    """Return the lines that are not in UTF-8 among others that are; none where few others are."""
    apart: list[int] = []
    alike = 0
    for number, line in enumerate(raw.split(b"\n"), 1):
        if line.isascii():
            continue
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            apart.append(number)
        else:
            # A character or two of GBK may look like UTF-8; two of Chinese in it never do.
            alike += len(_COMMON.findall(text)) >= 2
    return apart if alike > 0.05 * len(apart) else []


def _wide(raw: bytes) -> str:
    """Return UTF-16 without its mark, known by the zero bytes of commas, digits and line ends."""
    head = raw[: min(len(raw), 4000) // 2 * 2]
    first, second = head[::2].count(0), head[1::2].count(0)
    if max(first, second) < len(head) / 16 or min(first, second) > max(first, second) / 8:
        return ""
    name = "utf-16-le" if second > first else "utf-16-be"
    return name if _decodes(raw, name) else ""


def _unusual(raw: bytes, where: str) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(raw[:200_000]).best()
    if best is None or looks_garbled(str(best)[:2000]):
        raise EncodingError("io.error.encoding", file=where)
    return best.encoding


def _checked(raw: bytes, asked: str, reason: Reason, where: str) -> Encoding:
    name = _codec(asked)
    if not name:
        raise EncodingError("io.error.encoding_unknown", received=asked[:40])
    if name == "utf-16" and not raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        name = _wide(raw)
    if not name or not _decodes(raw, name):
        raise EncodingError("io.error.encoding_wrong", file=where, received=asked)
    return Encoding(name, reason, _preview(raw, name))


def _codec(name: str) -> str:
    text = name.strip().lower().replace(" ", "")
    text = {"936": "gb18030", "gbk": "gb18030", "gb2312": "gb18030", "cp936": "gb18030",
            "65001": "utf-8", "950": "big5", "ansi936": "gb18030"}.get(text, text)  # fmt: skip
    text = re.sub(r"^8859_?(\d+)$", r"iso8859-\1", text)
    try:
        found = codecs.lookup(text).name if text else ""
    except (LookupError, ValueError):  # ValueError: a zero byte in the name
        return ""
    # Python calls much a codec: what turns bytes into text that files are written in is one.
    return "" if found in _NO_ENCODINGS or not _is_for_text(found) else found


def _is_for_text(name: str) -> bool:
    try:
        b"ab".decode(name)  # of no bytes Python asks no codec
    except LookupError:
        return False
    except UnicodeError:
        return True
    return True


def _decodes(raw: bytes, name: str) -> bool:
    """Return whether each line decodes; the end of one may be cut inside a character."""
    try:
        raw.decode(name)
    except (UnicodeError, LookupError):
        if name in {"utf-16", "utf-16-le", "utf-16-be"}:
            return _decodes_but_end(raw, name)
        return all(_decodes_but_end(line, name) for line in raw.split(b"\n"))
    return True


def _decodes_but_end(line: bytes, name: str) -> bool:
    for cut in range(4):
        try:
            line[: len(line) - cut].decode(name)
        except (UnicodeError, LookupError):
            continue
        return True
    return False


def _foreign(raw: bytes, name: str, limit: int = 20_000) -> str:
    """Return the first characters beyond ASCII: the rest reads alike in every encoding."""
    return re.sub(r"[\x00-\x7f]+", " ", raw.decode(name, errors="ignore"))[:limit]


def _score(text: str, encoding: str) -> float:
    if not text:
        return 0.0
    # Ordinary names are of the characters in common use; the same bytes read in another
    # encoding seldom are.
    chinese = _COMMON.findall(text)
    plain = sum(1 for letter in chinese if _is_ordinary(letter, encoding))
    return (plain - 2.0 * (len(chinese) - plain) - 3.0 * len(_GARBLED.findall(text))) / len(text)


def _is_ordinary(letter: str, encoding: str) -> bool:
    """Return whether a character is of GB2312, or of Big5's first level where that is meant."""
    try:
        raw = letter.encode("big5" if encoding == "big5" else "gb2312")
    except UnicodeEncodeError:
        return False
    return encoding != "big5" or raw[0] <= _BIG5_ORDINARY


def _preview(raw: bytes, name: str) -> str:
    words = re.findall(r"[^\x00-\x7f]{2,}", raw.decode(name, errors="ignore"))
    return "、".join(dict.fromkeys(word.strip() for word in words[:200]))[:60]


def file_beside(path: Path, suffix: str) -> Path | None:
    for other in path.parent.iterdir():
        if other.stem == path.stem and other.suffix.lower() == suffix:
            return other
    return None


def _dbf_text(dbf: Path, limit: int = 2_000_000) -> bytes:
    """Return the bytes of field names and of character fields only."""
    raw = dbf.read_bytes()[:limit]
    if len(raw) < 33:
        return b""
    header, width = int.from_bytes(raw[8:10], "little"), int.from_bytes(raw[10:12], "little")
    spans, names, at = [], [], 1
    for start in range(32, min(header, len(raw)) - 1, 32):
        field = raw[start : start + 32]
        if len(field) < 32 or field[0] == 0x0D:
            break
        names.append(field[:11].split(b"\0")[0])
        if field[11:12] == b"C":
            spans.append((at, at + field[16]))
        at += field[16]
    parts = list(names)
    for row in range(header, len(raw) - width + 1, max(width, 1)):
        parts.extend(raw[row + a : row + b].rstrip(b" \0") for a, b in spans)
    return b"\n".join(parts)


# -- what one file holds, before anything is made of it


@dataclass(frozen=True)
class Source:
    """What one file holds, before anything is made of it.

    Parameters
    ----------
    frame
        The rows; with a geometry column for a layer, without one for a table.
    crs
        The CRS that the file states, or None.
    encoding
        How its text was decoded.
    driver
        The format.
    garbled
        Columns whose text looks like Chinese read in a Western encoding.
    layer
        Name of the layer in its file.
    notes
        What was done to it on the way in.
    """

    frame: pd.DataFrame
    crs: CRS | None
    encoding: Encoding
    driver: str
    garbled: tuple[str, ...] = ()
    layer: str = ""
    notes: tuple[Note, ...] = ()


@contextmanager
def foreign_reader(path: Path) -> Iterator[None]:
    """Turn whatever a library makes of broken bytes into an error of ours."""
    try:
        with warnings.catch_warnings():
            # GDAL's remarks about odd files become our own findings, from our own checks.
            warnings.simplefilter("ignore")
            yield
    except GridmapError:
        raise
    except Exception as error:
        # Damaged files have been seen to raise a dozen kinds of errors, from IndexError to
        # GEOSException; none of them is the user's to understand.
        raise InputError("io.error.cannot_open", file=path.name) from error


_ALIASES = {fold(alias) for field in FIELDS for alias in (field.name, *field.aliases)}
_DEEPEST = 12
_LONGEST = 1_000_000  # letters of a cell: an outline of 25,000 points as WKT
_WIDEST = 2_000  # columns: each is searched for records of persons


def require_width(columns: int, where: str) -> None:
    """Refuse a table of more columns than any that people make.

    Raises
    ------
    InputError
        If there are more than 2,000.
    """
    if columns > _WIDEST:
        raise InputError("io.error.too_many_columns", file=where, count=columns, limit=_WIDEST)


def known_names(cells: Sequence[object]) -> int:
    """Return how many cells are names of columns that gridmap understands.

    >>> known_names(["编号", "名称", "备注"])
    2
    """
    return sum(1 for cell in cells if cell is not None and fold(str(cell)) in _ALIASES)


def header_row(rows: Sequence[Sequence[object]]) -> int:
    """Return the row that names the columns: the first, or a later one that is clearly it.

    A later row counts only if it has two known names, or one below titles, and more of them than
    any row above.

    >>> header_row([["2024年警务室统计表", ""], ["编号", "名称"], ["001", "东门"]])
    1
    """
    known = [known_names(row) for row in rows[:_DEEPEST]]
    if not known:
        return 0
    best = max(range(len(known)), key=lambda at: (known[at], -at))
    if known[best] >= 2:
        return best
    # One known name is enough below titles: rows that say one thing only.
    titled = all(len(_said(row)) <= 1 for row in rows[:best])
    return best if known[best] and titled and len(_said(rows[best])) > 1 else 0


def _said(row: Sequence[object]) -> set[str]:
    return {str(cell).strip() for cell in row if cell is not None} - {""}


_HEAD = 4_000_000  # bytes that show an encoding
_LINES = 12  # that a header row may be among
_SEPARATORS = (",", "\t", ";", "|")
_ERRORS = (
    pd.errors.ParserError,
    pd.errors.EmptyDataError,
    pd.errors.ParserWarning,  # rows with more cells than the header: told, not cut
    UnicodeDecodeError,
    ValueError,
    csv.Error,
)
_NAMELESS = re.compile(r"^Unnamed: \d+$")


def read_csv(path: Path, *, encoding: str = "") -> Source:
    """Read a table of text.

    Raises
    ------
    InputError
        If the file is no table.
    EncodingError
        If its encoding cannot be found, or is not the one asked for.
    """
    found, options = _options(path, encoding)
    with _strictly(path):
        frame = pd.read_csv(path, **options)
    return Source(_fitting(frame, path), None, found, "CSV")


def read_csv_parts(path: Path, *, encoding: str = "", rows: int = 250_000) -> Iterator[Source]:
    """Yield a large table in parts of at most ``rows`` rows, each as a source of its own.

    Raises
    ------
    InputError
        If the file is no table.
    EncodingError
        If its encoding cannot be found, or is not the one asked for.
    """
    found, options = _options(path, encoding)
    with _strictly(path), pd.read_csv(path, chunksize=rows, **options) as parts:
        for frame in parts:
            yield Source(_fitting(frame, path).reset_index(drop=True), None, found, "CSV")


def csv_columns(path: Path, *, encoding: str = "", only: Iterable[str] = ()) -> pd.DataFrame:
    """Return some columns of a table; where it has none of them, all its columns without rows."""
    _, options = _options(path, encoding)
    try:
        names = _clean_names(pd.read_csv(path, nrows=0, **options).columns)
        wanted = [name for name in names if name in set(only)]
        if not wanted:
            return pd.DataFrame(columns=names)
        places = [names.index(name) for name in wanted]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
            frame = pd.read_csv(path, usecols=places, **options)
    except _ERRORS as error:
        raise InputError("io.error.bad_table", file=path.name) from error
    frame.columns = wanted
    return frame


def _options(path: Path, encoding: str) -> tuple[Encoding, dict[str, Any]]:
    with path.open("rb") as file:
        found = detect_bytes(file.read(_HEAD), asked=encoding, where=path.name)
    try:
        with path.open(encoding=found.name, errors="strict", newline=None) as file:
            lines = [file.readline(1_000_000) for _ in range(_LINES)]
    except UnicodeError as error:  # also of a UTF-16 without its mark
        raise InputError("io.error.bad_table", file=path.name) from error
    separator, top = _shape(lines)
    require_width(max(line.count(separator) for line in lines) + 1, path.name)
    _refuse_nul(path, found.name)
    return found, {
        "sep": separator,
        "skiprows": top,
        "index_col": False,
        "dtype": str,
        "keep_default_na": False,
        "encoding": found.name,
        "skipinitialspace": True,
        "low_memory": False,
    }


def _refuse_nul(path: Path, encoding: str) -> None:
    """Refuse a table with zero bytes: a file that was cut off while it was written, or no text."""
    if encoding.startswith(("utf-16", "utf-32")):
        return
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 24), b""):
            if b"\0" in chunk:
                raise InputError("io.error.nul_bytes", file=path.name)


def _shape(lines: list[str]) -> tuple[str, int]:
    """Return the separator, and the number of lines above the one that names the columns."""
    best: tuple[int, str, int] = (1, "", 0)
    for separator in _SEPARATORS:
        cells = [[cell.strip(' "\ufeff\n') for cell in line.split(separator)] for line in lines]
        top = header_row(cells)
        known = known_names(cells[top])
        if known > best[0]:
            best = (known, separator, top)
    if best[1]:
        return best[1], best[2]
    first = next((line for line in lines if line.strip()), "")
    return max(_SEPARATORS, key=first.count), 0


@contextmanager
def _strictly(path: Path) -> Iterator[None]:
    """Refuse what is no table, and rows with more cells than the header."""
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            yield
    except GridmapError:
        raise
    except _ERRORS as error:
        raise InputError("io.error.bad_table", file=path.name) from error


def _fitting(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the named columns of a table whose cells are no longer than people make them."""
    for at in range(len(frame.columns)):
        longest = pc.max(pc.utf8_length(pa.array(frame.iloc[:, at], pa.large_string()))).as_py()
        if longest is not None and longest > _LONGEST:
            raise InputError("io.error.long_cell", file=path.name, limit=_LONGEST)
    return _named(frame)


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that have a name: anything beside a table is not part of it."""
    frame.columns = _clean_names(frame.columns)
    nameless = [bool(_NAMELESS.match(name)) for name in frame.columns]
    return frame.loc[:, [not without for without in nameless]] if any(nameless) else frame


def _clean_names(names: Iterable[object]) -> list[str]:
    return [str(name).strip().strip('"').lstrip("\ufeff") for name in names]


_COORDINATES = {
    fold(alias)
    for field in FIELDS
    if field.content == "coordinate"
    for alias in (field.name, *field.aliases)
}


_MOST_MERGED = 20_000_000  # cells filled with what a merged one holds


def read_excel(path: Path, *, sheet: str = "") -> pd.DataFrame:
    """Return a sheet as a table of text, its header row found by the words gridmap knows.

    Where no sheet is named, it is the only one with such a header; of several, the only one
    with coordinates.

    Raises
    ------
    InputError
        If the file is no workbook, or the sheet is empty, or several may be meant.
    MissingError
        If there is no such sheet.
    """
    found = _tables(path, sheet)
    chosen = _choose(_heads(found), path.name)
    return _frame(*found[chosen])


def read_excel_all(path: Path) -> dict[str, pd.DataFrame]:
    """Return the sheets of a workbook whose headers are understood, by name.

    Where any has coordinates, those without are notes and summaries.

    Raises
    ------
    InputError
        If there is none.
    """
    found = _tables(path, "")
    return {name: _frame(*found[name]) for name in _understood(_heads(found))}


def _heads(found: Mapping[str, tuple[list[str], list[list[str]]]]) -> dict[str, list[str]]:
    return {name: head for name, (head, _) in found.items()}


def _tables(path: Path, sheet: str) -> dict[str, tuple[list[str], list[list[str]]]]:
    pages = read_sheets(path)
    if sheet and sheet not in pages:
        raise MissingError(
            "io.error.no_layer", layer=sheet, file=path.name, known=", ".join(pages)
        )
    tables = {name: _table(page, path.name) for name, page in pages.items() if sheet in {"", name}}
    found = {name: table for name, table in tables.items() if table is not None}
    if not found:
        raise InputError("io.error.empty_layer", file=path.name)
    return found


def _frame(header: list[str], body: list[list[str]]) -> pd.DataFrame:
    frame = pd.DataFrame(body, columns=header, dtype="object")
    return frame.loc[:, [bool(name) for name in frame.columns]].astype("str")


def _understood(heads: Mapping[str, list[str]]) -> list[str]:
    found = [name for name, head in heads.items() if known_names(head) >= 2] or list(heads)[:1]
    placed = [name for name in found if any(fold(cell) in _COORDINATES for cell in heads[name])]
    return placed or found


def _choose(heads: dict[str, list[str]], where: str) -> str:
    understood = _understood(heads)
    if len(understood) > 1:
        raise several_layers(where, list(understood))
    return understood[0]


def _table(sheet: Sheet, where: str) -> tuple[list[str], list[list[str]]] | None:
    """Return the names of a sheet's columns and its rows below; None where it has none."""
    width = max((len(row) for row in sheet.rows if any(row)), default=0)
    require_width(width, where)
    if sum(_area(area, len(sheet.rows), width) for area in sheet.merged) > _MOST_MERGED:
        raise InputError("io.error.book_too_large", file=where)
    rows = [[*row[:width], *[""] * (width - len(row))] for row in sheet.rows]
    full = _filled(rows, sheet.merged)
    kept = [at for at, row in enumerate(full) if any(row)]
    if len(kept) < 2:
        return None
    top = header_row([full[at] for at in kept[:-1]])
    # Below the header a cell merged across columns is a remark or a total, not a value of
    # each of them; one merged over rows holds for each row.
    body = [
        (first, last, left, right if first <= kept[top] else left)
        for first, last, left, right in sheet.merged
    ]
    below = _filled(rows, body)
    header = _header([full[at] for at in kept], top)
    return header, [below[at] for at in kept[top + 1 :]]


def _area(merged: tuple[int, int, int, int], height: int, width: int) -> int:
    """Return how many cells of a sheet a merged cell takes."""
    top, bottom, left, right = merged
    return max(min(bottom + 1, height) - top, 0) * max(min(right + 1, width) - left, 0)


def _filled(rows: list[list[str]], merged: list[tuple[int, int, int, int]]) -> list[list[str]]:
    """Return rows in which merged cells all hold what the first one holds."""
    filled = [list(row) for row in rows]
    for top, bottom, left, right in merged:
        if top >= len(rows) or left >= len(rows[top]):
            continue
        for row in filled[top : bottom + 1]:
            row[left : right + 1] = [rows[top][left]] * len(row[left : right + 1])
    return filled


def _header(rows: list[list[str]], top: int) -> list[str]:
    # Two header rows, one of groups and one of names: the lower one is known, and what it
    # leaves blank is named by the row above.
    names: list[str] = []
    for column, value in enumerate(rows[top]):
        name = value
        above = top - 1
        while not name and above >= 0:
            name = rows[above][column]
            above -= 1
        names.append(name.replace("\n", "").strip())
    seen: dict[str, int] = {}
    for at, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if name and seen[name] > 1:
            names[at] = f"{name}_{seen[name]}"
    return names


_OLD = b"\xd0\xcf\x11\xe0"  # how an .xls begins, and a workbook with a password
_BOOK_HEAD = 4000  # bytes that show what a file is
_MARKUP = 4_000_000  # bytes of a page that show its encoding
# Of the processor; a workbook of a million cells is 6 MB and takes 3.
_SECONDS, _SECONDS_PER_MB = 5, 2.0
_CLOCK_PER_SECOND = 6  # a machine that is busy with other things


@dataclass
class Sheet:
    """One sheet: rows of cells, and merged cells as (top, bottom, left, right), from 0."""

    rows: list[list[str]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


def workbook_form(path: Path) -> str:
    """Return ``book``, ``old`` or ``markup`` for a workbook, and blank for anything else."""
    with path.open("rb") as file:
        head = file.read(_BOOK_HEAD)
    if head.startswith(_OLD):
        return "old"
    if head.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
            return ""  # no archive, or (RuntimeError) one of a newer version than zipfile reads
        document = "content.xml" in names and "mimetype" in names
        return "book" if document or any(name.startswith("xl/") for name in names) else ""
    text = head.replace(b"\0", b"").lower()
    return "markup" if b"<table" in text or b"<workbook" in text or b"<html" in text else ""


def read_sheets(path: Path) -> dict[str, Sheet]:
    """Return the sheets of a workbook by name.

    Raises
    ------
    InputError
        If it cannot be read, has a password, or holds more than is read.
    """
    form = workbook_form(path)
    if not form:
        raise InputError("io.error.cannot_open", file=path.name)
    encoding = ""
    if form == "markup":
        with path.open("rb") as file:
            encoding = detect_bytes(file.read(_MARKUP), where=path.name).name
    done = _run(path, encoding)
    if done.returncode == _workbook_child.LOCKED:
        raise InputError("io.error.locked_book", file=path.name)
    if done.returncode == _workbook_child.LONG_CELL:
        longest = _workbook_child.LONGEST
        raise InputError("io.error.long_cell", file=path.name, limit=longest)
    # Below zero: the system ended it, out of memory or out of time.
    if done.returncode == _workbook_child.TOO_LARGE or done.returncode < 0:
        raise InputError("io.error.book_too_large", file=path.name)
    made: dict[str, Sheet] = {}
    here = Sheet()
    once: dict[str, str] = {}  # a small file may say the same in ten million cells
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        said = json.loads(line)
        if isinstance(said, list):
            here.rows.append([once.setdefault(cell, cell) for cell in said])
        elif "sheet" in said:
            here = Sheet(merged=[(a, b, c, d) for a, b, c, d in said["merged"]])
            made[said["sheet"]] = here
        else:
            return made
    # Of workbooks of before 2007, a password and damage look alike.
    key = "io.error.locked_book" if form == "old" else "io.error.cannot_open"
    raise InputError(key, file=path.name)


def _run(path: Path, encoding: str) -> subprocess.CompletedProcess[bytes]:
    library = importlib.util.find_spec("python_calamine")
    if library is None or library.origin is None:
        message = "python-calamine is not installed"
        raise RuntimeError(message)
    seconds = _SECONDS + int(_SECONDS_PER_MB * path.stat().st_size / 1e6)
    command = [
        sys.executable, "-I", str(Path(_workbook_child.__file__)), str(path.resolve()),
        str(Path(library.origin).parents[1]), str(seconds), encoding,
    ]  # fmt: skip
    try:
        return subprocess.run(  # noqa: S603 - our own script, and no shell
            command,
            capture_output=True,
            timeout=_CLOCK_PER_SECOND * seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            env=plain_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise InputError("io.error.book_too_large", file=path.name) from error
