"""Which encoding a DBF or a CSV is in, and why gridmap thinks so."""

from __future__ import annotations

import codecs
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
from pyproj import CRS

from gridmap.errors import EncodingError, GridmapError, InputError, some_ids
from gridmap.i18n import tr
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
    dbf = _beside(shp, ".dbf")
    raw = _dbf_text(dbf) if dbf else b""
    if asked:
        return _checked(raw, asked, "asked", str(shp.name))
    if _lines_apart(raw):
        return detect_bytes(raw, where=shp.name)
    cpg = _beside(shp, ".cpg")
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
    """Return UTF-16 without its mark, told by the zero bytes of commas, digits and line ends."""
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


def _beside(path: Path, suffix: str) -> Path | None:
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
