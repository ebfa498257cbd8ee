"""One printed sheet for the road: a map with numbered places above the table of their times."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.maps.still import _font, _lines, _put_outline
from gridmap.model import Kind, Layer

__all__ = ["RouteSheet", "draw_route_sheets"]

_A4_IN = (8.27, 11.69)
_ROUTE, _ROAD, _INK, _MUTED = "#b4232a", "#c3c9d1", "#111827", "#4b5563"
_MAP_BOX = (0.06, 0.43, 0.88, 0.47)
_ROWS = 16  # of the table on a sheet
_MARGIN = 0.12  # of the map around the route


@dataclass(frozen=True, eq=False)
class RouteSheet:
    """What one sheet shows.

    Parameters
    ----------
    title, subtitle, note
        Above the map, below that, and at the foot.
    line
        The way, working CRS, shape (k, 2).
    places
        Numbered places, shape (m, 2).
    start
        Where the way begins and ends, shape (2,).
    columns, rows
        The table: headings, and a text a cell.
    """

    title: str
    subtitle: str
    note: str
    line: NDArray[np.float64]
    places: NDArray[np.float64]
    start: NDArray[np.float64]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def draw_route_sheets(
    sheets: Sequence[RouteSheet], *, roads: Layer | None = None, outlines: Sequence[Layer] = ()
) -> bytes:
    """Return a PDF with one A4 sheet a route; the same input gives the same bytes.

    Parameters
    ----------
    sheets
        The sheets, in order.
    roads
        Drawn as the quiet ground, or None.
    outlines
        Layers whose borders are drawn.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

    out = io.BytesIO()
    look = {"pdf.fonttype": 42, "text.parse_math": False}
    with mpl.rc_context(look), PdfPages(out, metadata={"CreationDate": None}) as pages:
        for sheet in sheets:
            figure = Figure(figsize=_A4_IN, facecolor="white")
            figure.text(0.06, 0.955, sheet.title, fontproperties=_font(15, bold=True), color=_INK)
            figure.text(0.06, 0.927, sheet.subtitle, fontproperties=_font(9.5), color=_MUTED)
            _put_map(figure, sheet, roads, outlines)
            _put_table(figure, sheet)
            figure.text(0.06, 0.03, sheet.note, fontproperties=_font(7.5), color=_MUTED)
            pages.savefig(figure)
    return out.getvalue()


def _put_map(
    figure: Any,  # noqa: ANN401 - matplotlib is untyped
    sheet: RouteSheet,
    roads: Layer | None,
    outlines: Sequence[Layer],
) -> None:
    axes = figure.add_axes(_MAP_BOX)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    points = np.concatenate([sheet.line, sheet.places, sheet.start[None, :]])
    low, high = points.min(axis=0), points.max(axis=0)
    middle, size = (low + high) / 2, np.maximum(high - low, 200.0) * (1 + 2 * _MARGIN)
    ratio = (_A4_IN[0] * _MAP_BOX[2]) / (_A4_IN[1] * _MAP_BOX[3])
    width = max(size[0], size[1] * ratio)
    box = (width / 2, width / ratio / 2)
    axes.set_xlim(middle[0] - box[0], middle[0] + box[0])
    axes.set_ylim(middle[1] - box[1], middle[1] + box[1])
    window = shapely.box(*(middle - box), *(middle + box))
    if roads is not None:
        near = roads.geometry[shapely.intersects(roads.geometry, window)]
        axes.add_collection(_lines(near, _ROAD, 1.1))
    for layer in outlines:
        near = shapely.intersects(layer.geometry, window)
        if layer.kind is Kind.GRID:
            axes.add_collection(_lines(layer.geometry[near], "#d7dbe0", 0.5))
        else:
            _put_outline(axes, layer)
    axes.plot(*sheet.line.T, color="white", linewidth=4.4, solid_capstyle="round", zorder=4)
    axes.plot(*sheet.line.T, color=_ROUTE, linewidth=2.2, solid_capstyle="round", zorder=5)
    axes.plot(*sheet.start, marker="s", markersize=10, color=_INK, zorder=7)
    for number, (x, y) in enumerate(sheet.places, start=1):
        axes.plot(x, y, "o", markersize=15, color="white", markeredgecolor=_ROUTE, zorder=8)
        axes.text(
            x, y, str(number), ha="center", va="center_baseline", zorder=9, color=_INK,
            fontproperties=_font(8.5, bold=True),
        )  # fmt: skip


def _put_table(figure: Any, sheet: RouteSheet) -> None:  # noqa: ANN401 - matplotlib is untyped
    axes = figure.add_axes((0.06, 0.06, 0.88, 0.35))
    axes.set_axis_off()
    rows = list(sheet.rows[:_ROWS])
    widths = [0.07, *[0.93 / (len(sheet.columns) - 1)] * (len(sheet.columns) - 1)]
    lefts = np.concatenate([[0.0], np.cumsum(widths)[:-1]])
    step = 1.0 / (_ROWS + 1)
    for left, name in zip(lefts, sheet.columns, strict=True):
        axes.text(left, 1.0 - step / 2, name, va="center", fontproperties=_font(9, bold=True))
    axes.plot([0, 1], [1 - step] * 2, color=_INK, linewidth=0.9)
    for number, row in enumerate(rows, start=1):
        y = 1.0 - step * (number + 0.5)
        for left, text in zip(lefts, row, strict=True):
            axes.text(left, y, text, va="center", fontproperties=_font(9), color=_INK)
        axes.plot([0, 1], [1 - step * (number + 1)] * 2, color="#e5e7eb", linewidth=0.6)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
