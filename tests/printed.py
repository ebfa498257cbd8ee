"""What is seen of a report: how full its pages are, and every text of a document."""

import re
from collections.abc import Iterator, Sequence

import pymupdf

from gridmap.report.document import Block, Box, Columns, Document, Figure, Grid, Paragraph

#: A space between Chinese and a number, which official texts do not have.
SPACED = re.compile(
    "[\u3000-\u303f\u4e00-\u9fff\uff01-\uffef\u201c\u201d] +[+\u2212\u00b1\u2264\u2265]?\\d"
    "|[\\d%] +[\u3000-\u303f\u4e00-\u9fff\uff01-\uffef\u201c\u201d]"
)


def fullness(pages: pymupdf.Document) -> list[float]:
    """Return down to which share of its height each page, or column of A3, is written on."""
    shares = []
    for page in pages:
        halves = [page.rect]
        if page.rect.width > page.rect.height:  # A3: two columns
            middle = page.rect.width / 2
            halves = [pymupdf.Rect(0, 0, middle, page.rect.height),
                      pymupdf.Rect(middle, 0, page.rect.width, page.rect.height)]  # fmt: skip
        words = [pymupdf.Rect(word[:4]) for word in page.get_text("words")]
        drawn = [pymupdf.Rect(drawing["rect"]) for drawing in page.get_drawings()]
        for half in halves:
            body = pymupdf.Rect(half.x0, 60, half.x1, page.rect.height - 55)
            ends = [
                box.y1
                for box in words + drawn
                if body.intersects(box) and box.y1 <= body.y1 + 5 and box.height < 700
            ]
            shares.append((max(ends, default=body.y0) - body.y0) / body.height)
    return shares


def texts_of(document: Document) -> Iterator[str]:
    """Yield every text of a document, those in its drawings too."""
    yield from (document.title, document.name, document.foot, document.dated, document.band)
    yield from _texts(document.front)
    for section in document.sections:
        yield section.title
        yield from _texts(section.blocks)


def _texts(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Paragraph):
            yield block.lead + block.text
        elif isinstance(block, Figure):
            yield from (block.caption, block.alt, block.note)
            yield re.sub("<[^>]*>", "|", block.drawing.draw(500.0).to_string())
        elif isinstance(block, Grid):
            yield from (block.caption, *block.labels, *block.notes)
            yield from (cell for row in block.rows for cell in row if isinstance(cell, str))
        elif isinstance(block, Box):
            yield block.foot
            yield from _texts(block.blocks)
        else:
            assert isinstance(block, Columns)
            yield from _texts((*block.left, *block.right))
