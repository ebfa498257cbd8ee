"""The document for Word: an official letter by GB/T 9704-2012 in Chinese, a memo in English."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gridmap.errors import InputError
from gridmap.i18n import tr, using_language
from gridmap.report.charts import Svg, text_width
from gridmap.report.document import (
    Block,
    Box,
    Columns,
    Document,
    Figure,
    Grid,
    Paragraph,
    Section,
    sample_document,
)
from gridmap.report.pdf import read_logo, typeset_all
from gridmap.report.tables import printable

DOCX_TEMPLATE = "letter.docx"


_DATE = (1980, 1, 1, 0, 0, 0)
_STAMP = re.compile(
    rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(</dcterms:(?:created|modified)>)"
)


def steady_package(data: bytes, iso_date: str) -> bytes:
    """Return a package with its parts in order and every date that of the report.

    Parameters
    ----------
    data
        A zip archive as an office library wrote it; workbooks inside it are treated too.
    iso_date
        ``YYYY-MM-DD``.
    """
    stamp = f"{iso_date}T00:00:00Z".encode()
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as package,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as steady,
    ):
        for name in package.namelist():
            part = package.read(name)
            if name.endswith(".xlsx"):
                part = steady_package(part, iso_date)
            elif name == "docProps/core.xml":
                part = _STAMP.sub(rb"\g<1>" + stamp + rb"\g<2>", part)
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            steady.writestr(info, part)
    return out.getvalue()


#: Faces that the standard names, and what stands in for each where it is not installed.
_FACES = {
    "title": ("\u65b9\u6b63\u5c0f\u6807\u5b8b\u7b80\u4f53", "STZhongsong"),
    "body": ("\u4eff\u5b8b_GB2312", "FangSong"),
    "head": ("\u9ed1\u4f53", "SimHei"),
    "head2": ("\u6977\u4f53_GB2312", "KaiTi"),
    "song": ("\u5b8b\u4f53", "SimSun"),
}
_RED = "B5121B"
_LINE_PT = 28.95  # 22 lines on 225 mm
_FIGURE_PT = 442.0  # 156 mm
_MEMO_PT = 468.0
_SPARK_PT = 52.0
_CARD_PT, _CARD_LINE_PT = 10.5, 15.0  # letters of a beat's facts, and their lines
_CAPTION_PT, _GUTTER_PT = 20.0, 14.0


def write_docx(document: Document, *, template: Path | None = None) -> bytes:
    """Return a document for Word, with native tables and pictures.

    Parameters
    ----------
    document
        What it says.
    template
        Folder that may hold a ``letter.docx`` of the department's own, whose page, styles,
        headers and footers are kept and whose text is replaced; None for the usual look.

    Raises
    ------
    InputError
        If the template is no Word document.
    """
    with using_language(document.language):
        kind = _Letter if document.language == "zh" else _Memo
        own = None if template is None else template / DOCX_TEMPLATE
        if own is None or not own.is_file():
            return steady_package(kind(document, None).to_bytes(), document.iso_date)
        try:
            return steady_package(kind(document, own).to_bytes(), document.iso_date)
        except Exception as error:  # python-docx raises whatever a foreign file makes it
            reason = InputError("report.error.template_docx")
            raise InputError("report.error.template", path=str(own), reason=reason) from error


def empty_template(language: str) -> bytes:
    """Return a Word document without text whose styles a department can change."""
    document = sample_document(language)
    kind = _Letter if language == "zh" else _Memo
    book = kind(document, None).book
    buffer = io.BytesIO()
    book.save(buffer)
    return steady_package(buffer.getvalue(), document.iso_date)


def _opened(path: Path) -> Any:  # noqa: ANN401 - python-docx has no types
    """Return a department's document without its text."""
    import docx

    book = docx.Document(str(path))
    body = book.element.body
    for part in list(body):
        if not part.tag.endswith("}sectPr"):
            body.remove(part)
    return book


class _Writer:
    """A Word document being written; the letter and the memo differ in looks."""

    width_pt = _MEMO_PT
    body_pt = 700.0  # height of the body of a page, 297 mm less margins
    parts_apart = False  # whether each part begins on a page of its own

    def __init__(self, document: Document, template: Path | None) -> None:
        import docx

        self.document = document
        self.templated = template is not None
        self.book = docx.Document() if template is None else _opened(template)
        self.target = self.book  # what blocks are written into: the body, or a cell
        self._pictures = self._draw()
        self.prepare()

    def to_bytes(self) -> bytes:
        """Write everything and return the file."""
        self.head()
        for block in self.document.front:
            self.block(block, self.width_pt)
        parts = _parts(self.document)
        self.list_parts([title for title, _ in parts])
        self.signature()
        for number, (title, sections) in enumerate(parts, start=1):
            alone = self.parts_apart or sections[0].fresh
            self.heading(self.numbered(number, title), 1, fresh=alone)
            for place, section in enumerate(sections):
                if section.fresh:
                    self.heading(section.title, 2, fresh=place > 0)
                for block in section.blocks:
                    if section.fresh and isinstance(block, Paragraph):
                        self.paragraph(block, style="Card")
                    else:
                        self.block(block, self.width_pt)
        self.foot()
        core = self.book.core_properties
        core.title, core.author = self.document.title, self.document.head.agency or "gridmap"
        core.language = "zh-CN" if self.document.language == "zh" else "en"
        core.comments = ""
        buffer = io.BytesIO()
        self.book.save(buffer)
        return buffer.getvalue()

    def style(self, name: str, **look: Any) -> None:  # noqa: ANN401 - as `_style` takes it
        """Set a style; one that a department's template has stays as it is."""
        if not self.templated or name not in [each.name for each in self.book.styles]:
            _style(self.book, name, **look)

    # What the two kinds do differently.
    def prepare(self) -> None:
        """Set the page, the styles and the page numbers."""

    def head(self) -> None:
        """Write what stands above the findings."""

    def numbered(self, _number: int, title: str) -> str:
        """Return the heading of a section with its number."""
        return title

    def list_parts(self, titles: Sequence[str]) -> None:
        """Write which parts follow the signature."""

    def signature(self) -> None:
        """Write who made it and when."""

    def foot(self) -> None:
        """Write what stands below everything."""

    # Blocks.
    def block(self, block: Block, width: float) -> None:
        """Write a block as wide as so many points."""
        if isinstance(block, Paragraph):
            self.paragraph(block)
        elif isinstance(block, Figure):
            self.caption(block.caption)
            self.picture(self.book.add_paragraph(style="Line"), block, width)
            if block.note:
                self.paragraph(Paragraph(block.note, style="note"))
        elif isinstance(block, Grid):
            self.grid(block)
        elif isinstance(block, Box):
            for one in block.blocks:
                self.paragraph(one)
            self.line(block.foot, align="right")
        elif isinstance(block, Columns):
            parts = (*block.left, *block.right)
            figures = [part for part in parts if isinstance(part, Figure)]
            if len(figures) == len(parts):
                self.beside(figures, width)
            elif figures:  # half as wide, their letters could not be read
                for part in parts:
                    self.block(part, width)
            else:
                self.card(block, width)

    def paragraph(self, block: Paragraph, *, style: str = "") -> None:
        """Write a paragraph, its first words in bold."""
        made = self.target.add_paragraph(
            style=style or ("Note" if block.style == "note" else None)
        )
        if block.lead:
            self.run(made, block.lead, bold=True)
        self.run(made, block.text)

    def run(self, paragraph: Any, words: str, **look: Any) -> Any:  # noqa: ANN401 - python-docx has no types
        """Add words to a paragraph."""
        made = paragraph.add_run(printable(words))
        made.bold = look.get("bold") or None
        return made

    def line(self, words: str, *, align: str = "left") -> Any:  # noqa: ANN401 - python-docx has no types
        """Write a line of its own."""
        from docx.enum.text import WD_ALIGN_PARAGRAPH

        made = self.book.add_paragraph(style="Line")
        made.alignment = {"right": WD_ALIGN_PARAGRAPH.RIGHT, "center": WD_ALIGN_PARAGRAPH.CENTER,
                          "left": WD_ALIGN_PARAGRAPH.LEFT}[align]  # fmt: skip
        self.run(made, words)
        return made

    def heading(self, words: str, level: int, *, fresh: bool = False) -> None:
        """Write a heading, on a page of its own if asked to."""
        made = self.book.add_heading(printable(words), level)
        if fresh:
            made.paragraph_format.page_break_before = True

    def caption(self, words: str) -> None:
        """Write what stands above a figure or a table, kept with it."""
        if words:
            made = self.target.add_paragraph(style="Caption")
            self.run(made, words)
            made.paragraph_format.keep_with_next = True

    def picture(self, paragraph: Any, figure: Figure, width: float) -> None:  # noqa: ANN401 - python-docx has no types
        """Write a drawing as a picture with its words for who cannot see it."""
        from docx.shared import Pt

        picture = io.BytesIO(self._pictures[id(figure)])
        shape = paragraph.add_run().add_picture(picture, width=Pt(width))
        shape._inline.docPr.set("descr", printable(figure.alt or figure.caption))  # noqa: SLF001 - no other way
        shape._inline.docPr.set("title", printable(figure.caption))  # noqa: SLF001 - the same

    def beside(self, figures: Sequence[Figure], width: float) -> None:
        """Write drawings side by side under their captions."""
        table = self.book.add_table(rows=2, cols=len(figures))
        room = width / len(figures)
        for place, figure in enumerate(figures):
            above, below = (table.cell(row, place).paragraphs[0] for row in (0, 1))
            above.style, below.style = self.book.styles["Caption"], self.book.styles["Cell"]
            self.run(above, figure.caption)
            self.picture(below, figure, room - 14.0)

    def card(self, block: Columns, width: float) -> None:
        """Write tables and sentences side by side, in small letters on lines of one height."""
        from docx.shared import Pt

        table = self.book.add_table(rows=1, cols=2)
        table.autofit = False
        sides = ((block.left, block.share), (block.right, 1.0 - block.share))
        for cell, (parts, share) in zip(table.rows[0].cells, sides, strict=True):
            cell.width = Pt(width * share)
            whole, self.target = self.target, cell
            for part in parts:
                if isinstance(part, Grid):
                    self.grid(part, width=width * share - _GUTTER_PT)
                elif isinstance(part, Paragraph):
                    self.paragraph(part, style="Card")
            self.target = whole
            empty = cell.paragraphs[0]._p  # noqa: SLF001 - a cell begins with one
            if cell.paragraphs[0].text == "" and len(cell._tc) > 2:  # noqa: SLF001 - the same
                empty.getparent().remove(empty)
            if cell._tc[-1].tag.endswith("}tbl"):  # noqa: SLF001 - Word asks for one below a table
                cell.add_paragraph(style="Gap")

    def grid(self, grid: Grid, *, width: float = 0.0) -> None:
        """Write a native table whose head is repeated on every page."""
        from docx.enum.table import WD_TABLE_ALIGNMENT
        from docx.enum.text import WD_ALIGN_PARAGRAPH
        from docx.oxml.ns import qn
        from docx.oxml.shared import OxmlElement
        from docx.shared import Pt

        self.caption(grid.caption)
        sides = {"left": WD_ALIGN_PARAGRAPH.LEFT, "right": WD_ALIGN_PARAGRAPH.RIGHT,
                 "center": WD_ALIGN_PARAGRAPH.CENTER}  # fmt: skip
        wide, small = width or self.width_pt, bool(width)
        table = self.target.add_table(rows=len(grid.rows) + 1, cols=len(grid.labels))
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        table.autofit = False
        _borders(table)
        widths = _shares(grid)
        for column, share in zip(table.columns, widths, strict=True):
            column.width = Pt(wide * share)
        many = len(grid.labels)
        size = Pt(9.5 if small else 10.5 if many <= 8 else 9 if many <= 11 else 7.5)
        lines: list[Sequence[str | Svg]] = [grid.labels, *grid.rows]
        # Cells of one row are asked for once: asking the table for each is slow.
        for place, (row, line) in enumerate(zip(table.rows, lines, strict=True)):
            for at, (cell, item) in enumerate(zip(row.cells, line, strict=True)):
                cell.width = Pt(wide * widths[at])
                made = cell.paragraphs[0]
                made.style = self.book.styles["Card" if small else "Cell"]
                made.alignment = sides[grid.align[at]] if place else WD_ALIGN_PARAGRAPH.CENTER
                if isinstance(item, Svg):
                    made.add_run().add_picture(
                        io.BytesIO(self._pictures[id(item)]), width=Pt(_SPARK_PT)
                    )
                    continue
                run = self.run(made, item, bold=not place or (place - 1) in grid.strong)
                run.font.size = size
            if not place:
                mark = OxmlElement("w:tblHeader")
                mark.set(qn("w:val"), "true")
                row._tr.get_or_add_trPr().append(mark)  # noqa: SLF001 - python-docx has no way to say it
            whole = OxmlElement("w:cantSplit")
            row._tr.get_or_add_trPr().append(whole)  # noqa: SLF001 - the same
        for note in grid.notes:
            self.paragraph(Paragraph(note, style="note"))
        if not grid.notes and not small:
            self.book.add_paragraph(style="Gap")

    def room_beside(self, blocks: Sequence[Block]) -> float:
        """Return the height that a page has left for a picture beside a section's other blocks.

        Known because cards and their tables have lines of one height.
        """

        def tall(block: Block, width: float) -> float:
            if isinstance(block, Paragraph):
                lines = text_width(block.lead + block.text, _CARD_PT) / (width - _GUTTER_PT)
                return _CARD_LINE_PT * math.ceil(lines)
            if isinstance(block, Grid):
                return (_CARD_LINE_PT + 1.0) * (len(block.rows) + 1) + _CAPTION_PT
            if isinstance(block, Columns):
                sides = ((block.left, block.share), (block.right, 1.0 - block.share))
                return max(sum(tall(one, width * part) for one in some) for some, part in sides)
            return 0.0

        taken = sum(tall(one, self.width_pt) for one in blocks)
        return max(self.body_pt - 3 * _LINE_PT - taken - 8 * _CARD_LINE_PT, 0.3 * _FIGURE_PT)

    def _draw(self) -> dict[int, bytes]:
        """Draw every figure and every small drawing once, all together."""
        keys: list[int] = []
        drawings: list[Svg] = []

        def take(blocks: Sequence[Block], *, fresh: bool = False) -> None:
            for block in blocks:
                if isinstance(block, Figure):
                    keys.append(id(block))
                    tall = block.height * _FIGURE_PT
                    if block.fill and fresh:
                        tall = min(self.room_beside(blocks), _FIGURE_PT)
                    elif block.fill and blocks is not self.document.front:
                        tall = 0.0  # nobody knows what else is on its page: as the ground is
                    drawings.append(block.drawing.draw(_FIGURE_PT, tall))
                elif isinstance(block, Grid):
                    for row in block.rows:
                        for item in row:
                            if isinstance(item, Svg):
                                keys.append(id(item))
                                drawings.append(item)
                elif isinstance(block, Columns):
                    take((*block.left, *block.right))

        take(self.document.front)
        for section in self.document.sections:
            take(section.blocks, fresh=section.fresh)
        return dict(zip(keys, typeset_all(drawings), strict=True))


class _Letter(_Writer):
    """An official letter (公文): faces, lines and numbering by the standard."""

    width_pt = _FIGURE_PT
    body_pt = 22 * _LINE_PT
    parts_apart = True  # GB/T 9704-2012, 7.3.7

    def prepare(self) -> None:
        from docx.shared import Mm

        section = self.book.sections[0]
        if not self.templated:
            section.page_width, section.page_height = Mm(210), Mm(297)
            section.top_margin, section.left_margin = Mm(37), Mm(28)
            section.right_margin, section.bottom_margin = Mm(26), Mm(35)
            section.footer_distance = Mm(28)
            self.style("Normal", face="body", size=16, line=_LINE_PT, indent=2)
            _doc_grid(section, self.book)
        self.style("Line", face="body", size=16, line=0)
        self.style("Note", face="body", size=10.5, line=16)
        self.style("Caption", face="head", size=12, line=20, bold=False)
        self.style("Cell", face="body", size=10.5, line=0)
        self.style("Gap", face="body", size=8, line=10)
        self.style("Card", face="body", size=_CARD_PT, line=_CARD_LINE_PT)
        self.style("Heading 1", face="head", size=16, line=_LINE_PT, indent=2)
        self.style("Heading 2", face="head2", size=16, line=_LINE_PT, indent=2)
        if not self.templated:
            self.book.settings.odd_and_even_pages_header_footer = True
            _page_number(section.footer, "right", face="song", size=14)
            _page_number(section.even_page_footer, "left", face="song", size=14)
            _name_faces(self.book)
        if self.document.band:
            for header in (section.header, section.even_page_header):
                made = header.paragraphs[0]
                made.style = self.book.styles["Note"]
                self.run(made, self.document.band, bold=True)

    def head(self) -> None:
        from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT
        from docx.shared import Pt, RGBColor

        head = self.document.head
        if head.secrecy:
            self.line(head.secrecy)
        if head.logo:
            picture = io.BytesIO(read_logo(Path(head.logo)))
            self.line("", align="center").add_run().add_picture(picture, height=Pt(30))
        if head.title:
            made = self.line("", align="center")
            run = self.run(made, head.title)
            wide = max(sum(1.0 if ord(letter) > 0x2E80 else 0.55 for letter in head.title), 1.0)
            run.font.size = Pt(min(48.0, _FIGURE_PT / wide))
            run.font.color.rgb = RGBColor.from_string(_RED)
            _face(run, "title")
            made.paragraph_format.space_after = Pt(18)
            # Only what goes upwards is signed: the number left and who signs right, each a
            # letter from the edge; else the number alone in the middle.
            signed = head.signatory not in {
                "",
                tr("briefing.signatory", name=tr("briefing.blank")),
            }
            made = self.line(head.number, align="left" if signed else "center")
            if signed:
                made.paragraph_format.left_indent = Pt(16)
                made.paragraph_format.tab_stops.add_tab_stop(
                    Pt(_FIGURE_PT - 16), WD_TAB_ALIGNMENT.RIGHT
                )
                made.add_run().add_tab()
                self.run(made, head.signatory)
            _rule(made, _RED, 18)
        made = self.book.add_paragraph(style="Line")
        made.alignment = WD_ALIGN_PARAGRAPH.CENTER
        made.paragraph_format.space_before = Pt(_LINE_PT)
        made.paragraph_format.space_after = Pt(_LINE_PT / 2)
        run = self.run(made, self.document.title)
        run.font.size = Pt(22)
        _face(run, "title")

    def numbered(self, number: int, title: str) -> str:
        # Findings are numbered on the first page; sections go on as parts of their own.
        return tr("report.docx.part", number=number, title=title)

    def list_parts(self, titles: Sequence[str]) -> None:
        # One line below the text, two letters in; further lines stand below the first's title.
        from docx.shared import Pt

        if titles:
            self.line("")
        single = "_one" if len(titles) == 1 else ""
        for number, title in enumerate(titles, start=1):
            key = f"report.docx.list{'_more' if number > 1 else single}"
            made = self.line(tr(key, number=number, title=title))
            made.paragraph_format.left_indent = Pt((5 if number > 1 else 2) * 16)

    def signature(self) -> None:
        from docx.shared import Pt

        for line in self.document.signature:
            made = self.line(line, align="right")
            made.paragraph_format.right_indent = Pt(4 * 16)
        note = self.book.add_paragraph(style="Note")
        self.run(note, self.document.foot)

    def foot(self) -> None:
        head = self.document.head
        if head.copies:
            made = self.book.add_paragraph(style="Note")
            self.run(made, tr("report.docx.copies", names=tr("briefing.comma").join(head.copies)))
            _rule(made, "000000", 8, above=True)
        made = self.book.add_paragraph(style="Note")
        dated = self.document.signature[-1] if self.document.signature else self.document.dated
        self.run(made, tr("report.docx.printed", agency=head.agency, dated=dated))
        _rule(made, "000000", 8, above=not head.copies, below=True)


class _Memo(_Writer):
    """A plain memo."""

    def prepare(self) -> None:
        from docx.shared import Mm, Pt

        section = self.book.sections[0]
        if not self.templated:
            section.page_width, section.page_height = Mm(210), Mm(297)
            section.top_margin = section.bottom_margin = Mm(22)
            section.left_margin = section.right_margin = Mm(22.5)
        for name, size in (("Normal", 10.5), ("Line", 10.5), ("Note", 8.5), ("Cell", 9.0),
                           ("Gap", 6.0), ("Caption", 10.0), ("Heading 1", 15.0),
                           ("Heading 2", 12.0)):  # fmt: skip
            bold = name.startswith("Heading") or name == "Caption"
            self.style(name, face="", size=size, line=0, bold=bold)
        self.style("Card", face="", size=_CARD_PT, line=_CARD_LINE_PT)
        if not self.templated:
            self.book.styles["Normal"].paragraph_format.space_after = Pt(5)
            _page_number(section.footer, "right", face="", size=9)
        made = section.header.paragraphs[0]
        made.style = self.book.styles["Note"]
        self.run(made, self.document.band or self.document.name, bold=bool(self.document.band))

    def head(self) -> None:
        from docx.shared import Pt

        head = self.document.head
        if head.secrecy:
            self.line(head.secrecy)
        made = self.line(head.title or head.agency)
        made.runs[0].bold = True
        made.runs[0].font.size = Pt(18)
        parts = [head.number, self.document.dated, head.signatory]
        made = self.line("   ".join(part for part in parts if part))
        _rule(made, "1B2A3A", 8)
        self.heading(self.document.title, 1)

    def signature(self) -> None:
        made = self.book.add_paragraph(style="Note")
        self.run(made, self.document.foot)


def _parts(document: Document) -> list[tuple[str, list[Section]]]:
    """Return the parts behind the front: pages of one kind, one after the other, are one."""
    parts: list[tuple[str, list[Section]]] = []
    for section in (one for one in document.sections if one.blocks):
        if parts and section.fresh and parts[-1][1][-1].fresh:
            parts[-1][1].append(section)
        else:
            title = tr("report.docx.pages") if section.fresh else section.title
            parts.append((title, [section]))
    return parts


def _shares(grid: Grid) -> list[float]:
    """Return which share of the width each column takes."""

    def wide(item: str | Svg) -> float:
        if isinstance(item, Svg):
            return _SPARK_PT / 10.0
        each = sum(1.0 if ord(letter) > 0x2E80 else 0.55 for letter in item)
        # A code cannot be broken, and faces that stand in for Word's are wider.
        return each * 1.2 if item.isascii() and " " not in item else each

    needed = []
    for at, label in enumerate(grid.labels):
        most = max((wide(row[at]) for row in grid.rows), default=1.0)
        needed.append(max(min(most, 24.0), min(wide(label), 5.0)) + 1.2)
    return [each / sum(needed) for each in needed]


def _face(run: Any, name: str) -> None:  # noqa: ANN401 - python-docx has no types
    from docx.oxml.ns import qn

    face = _FACES[name][0]
    run.font.name = "Times New Roman"
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), face)  # noqa: SLF001 - python-docx sets Latin faces only


def _style(
    book: Any,  # noqa: ANN401 - python-docx has no types
    name: str,
    *,
    face: str,
    size: float,
    line: float,
    indent: int = 0,
    bold: bool = False,
) -> None:
    from docx.enum.style import WD_STYLE_TYPE
    from docx.oxml.ns import qn
    from docx.oxml.shared import OxmlElement
    from docx.shared import Pt, RGBColor

    styles = book.styles
    if name in [each.name for each in styles]:
        style = styles[name]
    else:
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    style.font.size, style.font.bold, style.font.italic = Pt(size), bold, False
    style.font.color.rgb = RGBColor(0, 0, 0)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
        if fonts.get(qn(theme)) is not None:
            del fonts.attrib[qn(theme)]
    style.font.name = "Times New Roman" if face else "Arial"
    if face:
        fonts.set(qn("w:eastAsia"), _FACES[face][0])
    made = style.paragraph_format
    made.space_before = made.space_after = Pt(0)
    if line:
        made.line_spacing = Pt(line)
    else:
        made.line_spacing = 1.0
    if name == "Heading 1" and not face:
        made.space_before, made.space_after = Pt(12), Pt(6)
    made.first_line_indent = Pt(indent * size) if indent else Pt(0)
    made.widow_control = True
    if line < _LINE_PT:  # tables, cards and captions do not keep to the lines of the page
        properties = style.element.get_or_add_pPr()
        snap = OxmlElement("w:snapToGrid")
        snap.set(qn("w:val"), "0")
        properties.append(snap)


def _doc_grid(section: Any, book: Any) -> None:  # noqa: ANN401 - python-docx has no types
    """Set 22 lines of 28 letters."""
    from docx.oxml.ns import qn
    from docx.oxml.shared import OxmlElement

    grid = section._sectPr.find(qn("w:docGrid"))  # noqa: SLF001 - python-docx has no way to say it
    if grid is None:
        grid = OxmlElement("w:docGrid")
        section._sectPr.append(grid)  # noqa: SLF001 - the same
    grid.set(qn("w:type"), "lines")
    grid.set(qn("w:linePitch"), str(round(_LINE_PT * 20)))
    # Letters of 16 points a little closer: a grid of letters is read differently by
    # different programs, this the same by all.
    spacing = OxmlElement("w:spacing")
    spacing.set(qn("w:val"), str(-5))
    book.styles["Normal"].element.get_or_add_rPr().append(spacing)


def _page_number(footer: Any, side: str, *, face: str, size: float) -> None:  # noqa: ANN401 - python-docx has no types
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn
    from docx.oxml.shared import OxmlElement
    from docx.shared import Pt

    made = footer.paragraphs[0]
    made.alignment = WD_ALIGN_PARAGRAPH.RIGHT if side == "right" else WD_ALIGN_PARAGRAPH.LEFT
    made.paragraph_format.first_line_indent = Pt(0)
    for kind, words in (("", "— "), ("begin", ""), ("code", ""), ("end", ""), ("", " —")):
        run = made.add_run(words)
        run.font.size = Pt(size)
        if face:
            _face(run, face)
        if kind in {"begin", "end"}:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
            run._r.append(mark)  # noqa: SLF001 - python-docx has no fields
        elif kind == "code":
            code = OxmlElement("w:instrText")
            code.set(qn("xml:space"), "preserve")
            code.text = "PAGE"
            run._r.append(code)  # noqa: SLF001 - the same


def _rule(
    paragraph: Any,  # noqa: ANN401 - python-docx has no types
    colour: str,
    eighths: int,
    *,
    above: bool = False,
    below: bool | None = None,
) -> None:
    """Draw a line below a paragraph, above it, or both."""
    from docx.oxml.ns import qn
    from docx.oxml.shared import OxmlElement

    borders = OxmlElement("w:pBdr")
    sides = ["top"] if above else []
    sides += ["bottom"] if below or (below is None and not above) else []
    for side in sides:
        edge = OxmlElement(f"w:{side}")
        for key, value in (("val", "single"), ("sz", str(eighths)), ("space", "1"),
                           ("color", colour)):  # fmt: skip
            edge.set(qn(f"w:{key}"), value)
        borders.append(edge)
    paragraph._p.get_or_add_pPr().append(borders)  # noqa: SLF001 - python-docx has no borders


def _borders(table: Any) -> None:  # noqa: ANN401 - python-docx has no types
    """Give a table lines above, below and thin ones between rows."""
    from docx.oxml.ns import qn
    from docx.oxml.shared import OxmlElement

    borders = OxmlElement("w:tblBorders")
    for side, size, colour in (("top", "10", "000000"), ("bottom", "10", "000000"),
                               ("insideH", "4", "999999")):  # fmt: skip
        edge = OxmlElement(f"w:{side}")
        for key, value in (("val", "single"), ("sz", size), ("space", "0"), ("color", colour)):
            edge.set(qn(f"w:{key}"), value)
        borders.append(edge)
    table._tbl.tblPr.append(borders)  # noqa: SLF001 - python-docx has no borders
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        edge = OxmlElement(f"w:{side}")
        edge.set(qn("w:w"), "40")
        edge.set(qn("w:type"), "dxa")
        margins.append(edge)
    table._tbl.tblPr.append(margins)  # noqa: SLF001 - nor margins


def _name_faces(book: Any) -> None:  # noqa: ANN401 - python-docx has no types
    """Say in the table of fonts what stands in for a face that is not installed."""
    for part in book.part.package.iter_parts():
        if str(part.partname) == "/word/fontTable.xml":
            text = part.blob.decode("utf-8")
            added = "".join(
                f'<w:font w:name="{face}"><w:altName w:val="{other}"/>'
                '<w:charset w:val="86"/><w:family w:val="auto"/></w:font>'
                for face, other in _FACES.values()
                if f'w:name="{face}"' not in text
            )
            part._blob = text.replace("</w:fonts>", f"{added}</w:fonts>").encode("utf-8")  # noqa: SLF001 - a part without a class
