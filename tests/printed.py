"""What is seen of a PDF's pages."""

import pymupdf


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
