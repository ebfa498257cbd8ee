"""The document as PDF: set by typst with Chinese fonts from packages, on A4 or A3."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from gridmap.errors import InputError
from gridmap.i18n import using_language
from gridmap.maps import font_path
from gridmap.report.charts import QUIET, Svg, text_width
from gridmap.report.document import (
    Block,
    Box,
    Columns,
    Document,
    Figure,
    Grid,
    Paragraph,
    figures_of,
)
from gridmap.report.tables import printable

#: Width of a column of text in points: A4 has one, A3 lies across and has two of them.
_WIDTH_PT = {"a4": 178.0 / 0.352778, "a3": 178.0 / 0.352778}
_GUTTER_PT = 6.0 / 0.352778
_LARGEST_PT, _SMALLEST_PT = 8.5, 6.0
_PADDING_EM = 1.0
_WIDEST_EM = (30.0, 20.0, 14.0, 10.0)  # of one column: longer texts take several lines
_MOST_LINES = 3  # of a text, beyond which columns of shorter ones get narrower
_SMALLER = 0.85  # letters of a table shrink so far before its columns get narrower
_ONE_LINE_PT, _TWO_LINES_PT = 12.0, 14.0  # a title with smaller letters takes two lines
_TALL_PT = 200.0  # figures from this height on float
_LONGEST = 400  # letters of one cell
_FONT_PACKAGES = ("manimgx_fonts_cjk", "pylopdf_fonts_zh_cn")
_TEMPLATE = "document.typ"
_DRAWN = ".svg"
_LOGO_PIXELS = 1_200
_PICTURE_PT = 560.0  # width of a picture
_TOGETHER = 2  # pictures that are set at once
_REMEMBERED = 10  # compilations for which typst keeps what it has set


def write_pdf(document: Document, *, paper: str = "a4", template: Path | None = None) -> bytes:
    """Return a document as PDF.

    Parameters
    ----------
    document
        What it says.
    paper
        ``a4`` or ``a3``.
    template
        Folder whose ``document.typ`` is used instead of our own.

    Raises
    ------
    InputError
        If the template has a mistake: its file and line, and what typst says.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _lay_out(document, folder, paper, template)
        made = dt.datetime.combine(
            dt.date.fromisoformat(document.iso_date), dt.time(), tzinfo=dt.UTC
        )
        return bytes(_compile(folder / _TEMPLATE, template, timestamp=made))


def page_count(document: Document, *, paper: str = "a4", template: Path | None = None) -> int:
    """Return how many pages a document takes."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _lay_out(document, folder, paper, template)
        # Tiny pictures are the quickest that typst can be asked for.
        pages = _compile(folder / _TEMPLATE, template, format="png", ppi=4.0)
        return len(pages) if isinstance(pages, list) else 1


def first_page(document: Document, *, template: Path | None = None, ppi: float = 110.0) -> bytes:
    """Return the first page as PNG, as `write_pdf` prints it.

    Parameters
    ----------
    document
        What it says; sections after the first page are not set.
    template
        Folder with a template of the department's own, or None.
    ppi
        Pixels per inch: at 110 an A4 page is 909 by 1286 pixels.
    """
    alone = replace(document, sections=())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        _lay_out(alone, Path(name), "a4", template)
        pages = _compile(Path(name) / _TEMPLATE, template, format="png", ppi=ppi)
        return bytes(pages[0] if isinstance(pages, list) else pages)


def read_logo(path: Path) -> bytes:
    """Return a department's logo as PNG.

    Raises
    ------
    ValueError
        If it is no picture, or is too large to be one of a logo.
    """
    import typst
    from PIL import Image, ImageOps

    if path.suffix.lower() != _DRAWN:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # a picture that takes gigabytes is a warning
                with Image.open(path) as picture:
                    upright = ImageOps.exif_transpose(picture).convert("RGBA")
            upright.thumbnail((_LOGO_PIXELS, _LOGO_PIXELS))
            buffer = io.BytesIO()
            upright.save(buffer, "PNG")
        except Exception as error:  # Pillow raises what its decoders do
            raise ValueError(str(error)) from error
        return buffer.getvalue()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        source = Path(name) / _TEMPLATE
        try:
            shutil.copyfile(path, source.with_name("logo.svg"))
            source.write_text(
                "#set page(width: 300pt, height: 30pt, margin: 0pt, fill: none)\n"
                '#image("logo.svg", width: 100%, height: 100%, fit: "contain")'
            )
            return bytes(_compile(source, None, format="png", ppi=300.0))
        except (OSError, typst.TypstError) as error:
            raise ValueError(str(error)) from error


def typeset(drawing: Svg, *, ppi: float = 220.0) -> bytes:
    """Return a drawing as PNG, with the same fonts as on paper."""
    return typeset_all([drawing], ppi=ppi)[0]


def typeset_all(drawings: Sequence[Svg], *, ppi: float = 220.0) -> list[bytes]:
    """Return drawings as PNG, set together because that is far quicker."""
    if not drawings:
        return []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        lines = []
        for place, drawing in enumerate(drawings):
            (folder / f"{place}.svg").write_text(drawing.to_string(), encoding="utf-8")
            size = f"width: {drawing.width:.2f}pt, height: {drawing.height:.2f}pt"
            lines.append(f'#page({size}, margin: 0pt, image("{place}.svg", width: 100%))')
        (folder / _TEMPLATE).write_text("\n".join(lines), encoding="utf-8")
        pages = _compile(folder / _TEMPLATE, None, format="png", ppi=ppi)
        return [bytes(page) for page in (pages if isinstance(pages, list) else [pages])]


def _compile(source: Path, template: Path | None, **options: Any) -> Any:  # noqa: ANN401 - bytes, or a list of them
    import typst

    known = {"root": str(source.parent), "font_paths": _fonts(), "ignore_system_fonts": True}
    try:
        return typst.compile(str(source), **known, **options)
    except typst.TypstError as error:
        if template is None:
            raise
        raise InputError(
            "report.error.template_line",
            path=str(template / _TEMPLATE),
            line=_faulty_line(source, error.message, **known, **options),
            reason=" ".join(error.message.split()),
        ) from error


def _faulty_line(source: Path, message: str, **options: Any) -> int:  # noqa: ANN401 - as `_compile`
    """Return the line of a template without which it can be set: typst does not tell.

    Where there is none, as with two mistakes, the first without which it says something else.
    """
    import typst

    lines = source.read_text(encoding="utf-8").split("\n")
    other = 0
    for number in range(1, len(lines) + 1):
        if not lines[number - 1].strip():
            continue
        without = [*lines[: number - 1], "", *lines[number:]]
        source.write_text("\n".join(without), encoding="utf-8")
        try:
            typst.compile(str(source), **options)
        except typst.TypstError as error:
            other = other or (number if error.message != message else 0)
        else:
            return number
    return other or 1


def forget_typesetting() -> None:
    """Let typst forget what it has set: large maps take hundreds of megabytes there."""
    typst: Any = sys.modules.get("typst")
    for _ in range(_REMEMBERED + 1 if typst else 0):
        typst.compile(b"", format="svg", ignore_system_fonts=True)


@cache
def _fonts() -> Any:  # noqa: ANN401 - typst's own
    import typst

    folders = [font_path().parent]
    for package in _FONT_PACKAGES:
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            folders.append(Path(spec.origin).parent)
    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[str(folder) for folder in folders],
    )


def _lay_out(document: Document, folder: Path, paper: str, template: Path | None) -> None:
    """Write everything that typst reads into a folder."""
    drawn = _Drawn(folder)
    width = _WIDTH_PT[paper]
    head = asdict(document.head)
    if document.head.logo:
        logo = Path(document.head.logo)
        drawn_logo = logo.suffix.lower() == _DRAWN
        head["logo"] = "logo.svg" if drawn_logo else "logo.png"
        data = logo.read_bytes() if drawn_logo else read_logo(logo)
        (folder / head["logo"]).write_bytes(data)
    wide = max(text_width(document.head.title), 1.0)
    head["red_size"] = round(min(26.0, width / wide * 0.98), 1)
    day = dt.date.fromisoformat(document.iso_date)
    title = printable(document.title)
    fitting = width / max(text_width(title), 1.0) * 0.93  # bold letters are wider
    if fitting < _ONE_LINE_PT:  # two lines part where the sentence does, if each has room
        parts = re.sub("；", "；\n", title, count=1)
        room = width / _TWO_LINES_PT * 0.93
        title = parts if max(map(text_width, parts.split("\n"))) <= room else title
    content = {
        "paper": paper,
        "language": document.language,
        "title": title,
        "title_size": round(min(16.0, fitting), 1) if fitting >= _ONE_LINE_PT else _TWO_LINES_PT,
        "name": printable(document.name),
        "author": printable(document.head.agency) or "gridmap",
        "band": document.band,
        "foot": printable(document.foot),
        "dated": document.dated,
        "day": [day.year, day.month, day.day],
        "head": head,
        "signature": list(document.signature),
        "front_alone": document.front_alone,
        "front": [drawn.block(block, width) for block in document.front],
        "sections": [
            {
                "title": printable(section.title),
                "fresh": section.fresh,
                # What follows the heading stays there: a heading never stands alone.
                "blocks": [
                    drawn.block(block, width, floats=bool(place))
                    for place, block in enumerate(section.blocks)
                ],
            }
            for section in document.sections
            if section.blocks
        ],
    }
    (folder / "document.json").write_text(json.dumps(content), encoding="utf-8")
    own = None if template is None else template / _TEMPLATE
    if own is not None and own.is_file():
        source = own.read_bytes()
        try:
            source.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError("report.error.settings_unread", path=str(own)) from error
    else:
        source = (files("gridmap.report") / "assets" / _TEMPLATE).read_bytes()
    (folder / _TEMPLATE).write_bytes(source)


class _Drawn:
    """Blocks as the template reads them; drawings become files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def block(self, block: Block, width: float, *, floats: bool = False) -> dict[str, Any]:
        """Return a block in a column of a width in points; large figures may float there."""
        if isinstance(block, Paragraph):
            return {"kind": "paragraph", **_paragraph(block)}
        if isinstance(block, Figure):
            svg = block.drawing.draw(width, width * block.height)
            return {
                "kind": "figure",
                "file": self._save(svg),
                "caption": printable(block.caption),
                "alt": printable(block.alt),
                "note": printable(block.note),
                "float": floats and not block.fixed and not block.fill and svg.height > _TALL_PT,
                "fill": block.fill,
                "gives": not floats and not block.fixed and svg.height > _TALL_PT,
                "height": svg.height,
            }
        if isinstance(block, Grid):
            return {"kind": "grid", **self._grid(block, width)}
        if isinstance(block, Box):
            return {
                "kind": "box",
                "blocks": [_paragraph(one) for one in block.blocks],
                "foot": printable(block.foot),
            }
        assert isinstance(block, Columns)  # noqa: S101 - the last kind
        room = width - _GUTTER_PT
        return {
            "kind": "columns",
            "share": block.share,
            "left": [self.block(one, room * block.share) for one in block.left],
            "right": [self.block(one, room * (1 - block.share)) for one in block.right],
        }

    def _save(self, svg: Svg) -> str:
        self._count += 1
        name = f"drawing{self._count}.svg"
        (self._folder / name).write_text(svg.to_string(), encoding="utf-8")
        return name

    def _grid(self, grid: Grid, width: float) -> dict[str, Any]:
        widths, size = _measure_columns(grid, width)
        rows = [
            [
                {"file": self._save(item), "width": item.width, "alt": printable(item.alt)}
                if isinstance(item, Svg)
                else _breakable(_short(item), room)
                for item, room in zip(row, widths, strict=True)
            ]
            for row in grid.rows
        ]
        return {
            "labels": [label.replace("\uff08", "\n\uff08") for label in grid.labels],
            "align": list(grid.align),
            "rows": rows,
            "caption": printable(grid.caption),
            "notes": [printable(note) for note in grid.notes],
            "strong": sorted(grid.strong),
            "heat": [list(row) for row in grid.heat],
            "whole": grid.whole,
            "widths": widths,
            "size": size,
        }


def _measure_columns(grid: Grid, width: float) -> tuple[list[float], float]:
    """Return the widths of a table's columns in ems, and the size of its letters in points."""
    for widest in _WIDEST_EM:  # long texts take two lines before letters shrink
        columns, cut = [], {}
        for place, label in enumerate(grid.labels):
            cells = [row[place] for row in grid.rows]
            texts = [text_width(_short(item)) for item in cells if isinstance(item, str)]
            drawn = [item.width / _LARGEST_PT for item in cells if isinstance(item, Svg)]
            head = max(map(text_width, label.replace("\uff08", "\n\uff08").split("\n")))
            room = max([*texts, 0.0])
            if grid.align[place] == "left" and room > widest:
                cut[place] = room - widest
                room = widest
            columns.append(max(room, min(head, 5.2), *drawn, 1.0) + _PADDING_EM)
        size = width / sum(columns)
        # Texts of many lines need what short ones beside them do not.
        long = any(more > _MOST_LINES * widest for more in cut.values())
        if size >= _SMALLER * _LARGEST_PT and not long:
            break
    # Long texts have what is left, in smaller letters where they are very long.
    least = _LARGEST_PT * (_SMALLER if widest == _WIDEST_EM[-1] else 1.0)
    spare = max(width / least - sum(columns), 0.0)
    for place, more in cut.items():
        columns[place] += spare * more / sum(cut.values())
    size = min(max(width / sum(columns), _SMALLEST_PT), _LARGEST_PT)
    return [round(each, 3) for each in columns], round(size, 2)


def _paragraph(block: Paragraph) -> dict[str, str]:
    return {
        "text": _breakable(printable(block.text)),
        "lead": printable(block.lead),
        "style": block.style,
    }


def _short(text: str) -> str:
    clean = printable(text)
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST - 1]}\u2026"


def _breakable(text: str, room: float = 0.0) -> str:
    """Return a text whose long words may be broken where it is wider than there is room."""
    if text_width(text) <= room:
        return text
    pieces: list[str] = []
    run = 0
    for letter in text:
        run = 0 if letter.isspace() or ord(letter) >= 0x2E80 else run + 1
        pieces.append(letter)
        if run and run % 14 == 0:
            pieces.append("\u200b")
    return "".join(pieces)


def write_pictures(document: Document, folder: Path, form: Literal["png", "svg"]) -> None:
    """Write every map and chart of a document into ``maps/KEY.png`` or ``.svg``."""
    figures: dict[str, Figure] = {}
    for blocks in (document.front, *(section.blocks for section in document.sections)):
        for figure in figures_of(blocks):
            figures.setdefault(figure.key, figure)
    if not figures:
        return
    target = folder / "maps"
    target.mkdir(exist_ok=True)
    with using_language(document.language):
        drawn = ((key, _framed(document, figure)) for key, figure in figures.items())
        if form == "svg":
            for key, svg in drawn:
                text = svg.to_string()
                (target / f"{key}.svg").write_text(text, encoding="utf-8", newline="\n")
            return
        # Together is far quicker; all of a large city's maps at once take too much memory.
        while batch := dict(islice(drawn, _TOGETHER)):
            for key, data in zip(batch, typeset_all(list(batch.values()), ppi=200), strict=True):
                (target / f"{key}.png").write_bytes(data)
            forget_typesetting()


def _framed(document: Document, figure: Figure) -> Svg:
    """Return a drawing with its title above it, and what it is of below it."""
    svg = figure.drawing.draw(_PICTURE_PT, _PICTURE_PT * figure.height)
    framed = Svg(svg.width + 24.0, svg.height + 58.0, figure.alt)
    framed.rect(0.0, 0.0, framed.width, framed.height, fill="#ffffff")
    framed.text(12.0, 22.0, figure.caption, size=13.0, bold=True)
    framed.place(svg, 12.0, 32.0)
    source = f"{document.name}  {document.dated}  {document.band}".strip()
    framed.text(12.0, framed.height - 9.0, source, size=7.0, fill=QUIET)
    return framed
