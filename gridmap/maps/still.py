"""Pictures of maps for print: legend, scale bar, north arrow, source, in PNG or SVG.

The look is that of the maps on screen: the same themes, the same outlines.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from textwrap import fill
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.i18n import tr
from gridmap.maps.classes import INK
from gridmap.maps.layers_of_city import OUTLINES
from gridmap.maps.scene import Theme, font_path
from gridmap.model import Kind, Layer
from gridmap.typing import Floats

_PAPER_M = 1.06  # the picture shows this much more than the layer
_LABEL = 24  # letters of a name written into a map
_FEW = 60  # outlines that are drawn in full width
# Sizes of a legend's letters, and letters to a line; the first that fits is taken.
_LEGEND = ((8.5, 0), (8.0, 0), (8.0, 22), (7.5, 18), (7.0, 14), (6.0, 14))


@dataclass(frozen=True, slots=True)
class Still:
    """What a picture shows besides its theme.

    Parameters
    ----------
    title
        Above the map; blank for none.
    source
        Below the map: where the figures come from, and of which period.
    outlines
        Layers whose borders are drawn over the cells.
    rooms
        Police rooms, or None.
    radius_m
        Circle around each room; 0 for none.
    labels
        A layer whose names are written into its polygons, or None.
    marked
        Rows of cells with a heavy outline.
    size_in
        Width and height in inches.
    dpi
        Dots an inch, for PNG.
    """

    title: str = ""
    source: str = ""
    outlines: Sequence[Layer] = ()
    rooms: Layer | None = None
    radius_m: float = 0.0
    labels: Layer | None = None
    marked: Sequence[int] = ()
    size_in: tuple[float, float] = (9.0, 6.5)
    dpi: int = 150


def draw_still(
    cells: Layer,
    theme: Theme,
    still: Still | None = None,
    *,
    form: Literal["png", "svg"] = "png",
) -> bytes:
    """Return a picture of cells coloured by a theme, for print.

    Parameters
    ----------
    cells
        Polygons in metres.
    theme
        One colour a cell, as the maps on screen take it.
    still
        Title, source, outlines, size.
    form
        ``png`` or ``svg``. The same input gives the same bytes.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    wish = still or Still()
    look = {"svg.hashsalt": "gridmap", "svg.fonttype": "path", "text.parse_math": False}
    with mpl.rc_context(look):
        figure = Figure(figsize=wish.size_in, facecolor="white")
        axes = figure.add_axes((0.015, 0.06, 0.745, 0.86 if wish.title else 0.92))
        axes.set_axis_off()
        axes.set_aspect("equal")
        _fit(axes, cells.geometry, wish.size_in)
        _put_cells(axes, cells, theme)
        for layer in wish.outlines:
            _put_outline(axes, layer)
        if wish.rooms is not None:
            _put_rooms(axes, wish.rooms, wish.radius_m)
        if len(wish.marked):
            rows = np.asarray(wish.marked, dtype=int)
            axes.add_collection(_lines(cells.geometry[rows], "#111827", 2.2))
        if wish.labels is not None:
            _put_labels(axes, wish.labels)
        _put_frame(figure, axes, wish)
        _put_legend(figure, theme, wish)
        out = io.BytesIO()
        metadata: dict[str, Any] = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(out, format=form, dpi=wish.dpi, metadata=metadata)
    return out.getvalue()


@cache
def _font(size: float, *, bold: bool = False) -> Any:  # noqa: ANN401 - matplotlib is untyped
    from matplotlib.font_manager import FontProperties

    return FontProperties(fname=str(font_path()), size=size, weight="bold" if bold else "normal")


def _fit(axes: Any, shapes: NDArray[np.object_], size: tuple[float, float]) -> None:  # noqa: ANN401 - matplotlib is untyped
    west, south, east, north = shapely.total_bounds(shapes)
    box = axes.get_position()
    ratio = (size[0] * box.width) / (size[1] * box.height)
    width, height = (east - west) * _PAPER_M, (north - south) * _PAPER_M
    width, height = max(width, height * ratio, 1.0), max(height, width / ratio, 1.0)
    x, y = (west + east) / 2, (south + north) / 2
    axes.set_xlim(x - width / 2, x + width / 2)
    axes.set_ylim(y - height / 2, y + height / 2)


def _paths(shapes: NDArray[np.object_]) -> list[Any]:
    """Return one compound path a shape: holes are holes."""
    from matplotlib.path import Path

    parts, owner = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    codes = np.full(len(points), Path.LINETO, dtype=np.uint8)
    starts = np.flatnonzero(np.diff(ring, prepend=-1))
    codes[starts] = Path.MOVETO
    codes[np.append(starts[1:], len(points))[: len(starts)] - 1] = Path.CLOSEPOLY
    ends = np.searchsorted(owner[part[ring]], np.arange(len(shapes) + 1))
    empty = Path([(0, 0)])
    return [
        Path(points[start:end], codes[start:end]) if end > start else empty
        for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    ]


def _put_cells(axes: Any, cells: Layer, theme: Theme) -> None:  # noqa: ANN401 - matplotlib is untyped
    from matplotlib.collections import PathCollection

    colours = np.array([*theme.palette, "none"], dtype=object)
    rows = np.where(theme.rows < len(theme.palette), theme.rows, len(theme.palette))
    width = 0.35 if len(cells) < 3000 else 0.12
    axes.add_collection(
        PathCollection(
            _paths(cells.geometry),
            facecolors=list(colours[rows]),
            edgecolors="#ffffff",
            linewidths=width,
        )
    )


def _put_outline(axes: Any, layer: Layer) -> None:  # noqa: ANN401 - matplotlib is untyped
    colour, width, dash = OUTLINES[layer.kind]
    thin = min(1.0, max(0.4, (_FEW / max(len(layer), 1)) ** 0.5))  # or many hide what lies below
    lines = _lines(layer.geometry, colour, width * 0.55 * thin)
    if dash:
        lines.set_linestyle((0, tuple(part / 1.6 for part in dash)))
    axes.add_collection(lines)


def _lines(shapes: NDArray[np.object_], colour: str, width: float) -> Any:  # noqa: ANN401 - matplotlib is untyped
    from matplotlib.collections import LineCollection

    parts = shapely.get_parts(shapes)
    areas = shapely.get_dimensions(parts) == 2
    lines = np.concatenate([shapely.get_rings(parts[areas]), parts[~areas]])
    return LineCollection(
        [shapely.get_coordinates(line) for line in lines], colors=colour, linewidths=width
    )


def _put_rooms(axes: Any, rooms: Layer, radius_m: float) -> None:  # noqa: ANN401 - matplotlib is untyped
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Circle

    xy = shapely.get_coordinates(shapely.centroid(rooms.geometry))
    if radius_m:
        axes.add_collection(
            PatchCollection(
                [Circle(tuple(point), radius_m) for point in xy],
                facecolor="#0f5c5512",
                edgecolor="#0f5c55aa",
                linewidth=0.6,
            )
        )
    axes.scatter(xy[:, 0], xy[:, 1], s=11, color="#0f5c55", edgecolors="white", linewidths=0.5)


def _put_labels(axes: Any, layer: Layer) -> None:  # noqa: ANN401 - matplotlib is untyped
    """Write names into polygons, the largest first; one that finds no room is left out."""
    from matplotlib.patheffects import withStroke

    size = 7.0 if len(layer) <= 40 else 5.0
    low, high = axes.get_ylim()
    inches = axes.get_position().height * axes.figure.get_figheight()
    em = size / 72.0 * (high - low) / inches  # in metres on the ground
    points = shapely.get_coordinates(shapely.point_on_surface(layer.geometry))
    taken: list[tuple[float, float, float, float]] = []
    for row in np.argsort(-shapely.area(layer.geometry), kind="stable").tolist():
        name = _label(str(layer.names[row]))
        width = em * sum(1.0 if letter > "\u2e80" else 0.6 for letter in name)
        x = float(points[row, 0])
        for step in (0.0, 1.2, -1.2, 2.4, -2.4):
            y = float(points[row, 1]) + step * em
            box = (x - width / 2, y - 0.6 * em, x + width / 2, y + 0.6 * em)
            if not any(_overlap(box, other) for other in taken):
                break
        else:
            continue
        taken.append(box)
        axes.text(
            x,
            y,
            name,
            ha="center",
            va="center",
            color=INK,
            fontproperties=_font(size),
            path_effects=[withStroke(linewidth=1.6, foreground="white")],
        )


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _label(name: str) -> str:
    """Return a name that fits into a map: on one line, not endless."""
    line = "".join(letter if letter.isprintable() else " " for letter in name)
    return line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}\u2026"


def _put_frame(figure: Any, axes: Any, wish: Still) -> None:  # noqa: ANN401 - matplotlib is untyped
    if wish.title:
        figure.text(
            0.02, 0.955, wish.title, color=INK, va="center", fontproperties=_font(14, bold=True)
        )
    if wish.source:
        figure.text(0.02, 0.022, wish.source, color="#5b6b7c", fontproperties=_font(7.5))
    _put_scale(axes)


def _put_scale(axes: Any) -> None:  # noqa: ANN401 - matplotlib is untyped
    """Draw a bar of round length and an arrow to the north."""
    low, high = axes.get_xlim()
    length = _round_length((high - low) * 0.2)
    text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    left = low + (high - low) * 0.02
    bottom, top = axes.get_ylim()
    y = bottom + (top - bottom) * 0.025
    tick = (top - bottom) * 0.008
    axes.plot(
        [left, left, left + length, left + length],
        [y + tick, y, y, y + tick],
        color=INK,
        linewidth=1.2,
    )
    axes.text(
        left + length / 2, y + tick, text, ha="center", va="bottom", color=INK,
        fontproperties=_font(8),
    )  # fmt: skip
    axes.annotate(
        "N",
        xy=(0.975, 0.985),
        xytext=(0.975, 0.915),
        xycoords="axes fraction",
        textcoords="axes fraction",
        ha="center",
        va="center",
        color=INK,
        fontproperties=_font(9, bold=True),
        arrowprops={"facecolor": INK, "edgecolor": INK, "width": 1.5, "headwidth": 6},
    )


def _put_legend(figure: Any, theme: Theme, wish: Still) -> None:  # noqa: ANN401 - matplotlib is untyped
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Patch(facecolor=colour, edgecolor="#8796a8", linewidth=0.5, label=label)
        for colour, label in theme.legend
    ]
    for layer in wish.outlines:
        colour, width, dash = OUTLINES[layer.kind]
        handles.append(
            Line2D(
                [], [], color=colour, linewidth=width * 0.7, label=tr(f"maps.kind.{layer.kind}"),
                linestyle=(0, (3, 2)) if dash else "-",
            )
        )  # fmt: skip
    if wish.rooms is not None:
        name = tr(f"maps.kind.{Kind.ROOM}")
        if wish.radius_m:
            name = tr("maps.legend.rooms_radius", radius=f"{wish.radius_m:,.0f}")
        handles.append(
            Line2D([], [], color="#0f5c55", marker="o", markersize=4, linestyle="", label=name)
        )
    if not handles:  # a legend without lines is its title
        figure.text(
            0.77, 0.905, theme.title, color=INK, va="top", fontproperties=_font(9, bold=True)
        )
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    texts = [handle.get_label() for handle in handles]
    for size, letters in _LEGEND:  # until the longest text is inside the picture
        legend = figure.legend(
            handles=handles,
            labels=[fill(text, letters) if letters else text for text in texts],
            title=theme.title + (f"\n{theme.note}" if theme.note else ""),
            loc="upper left",
            bbox_to_anchor=(0.765, 0.92),
            frameon=False,
            prop=_font(size),
            title_fontproperties=_font(size + 0.5, bold=True),
            alignment="left",
            handleheight=1.1,
            labelspacing=0.45,
        )
        right = legend.get_window_extent(renderer).x1
        if (size, letters) == _LEGEND[-1] or right <= 0.995 * figure.bbox.width:
            break
        legend.remove()
    for text in legend.get_texts():
        text.set_color(INK)


def _round_length(length_m: float) -> float:
    power = 10.0 ** np.floor(np.log10(max(length_m, 1.0)))
    return float(max(step for step in (1, 2, 5) if step * power <= max(length_m, 1.0)) * power)


# -- maps on matplotlib axes, for notebooks: the look of the pictures for print


_SIZE_IN = (8.0, 6.0)


def plot_theme(
    cells: Layer,
    theme: Theme,
    *,
    ax: Any = None,  # noqa: ANN401 - matplotlib is untyped
    outlines: Sequence[Layer] = (),
    rooms: Layer | None = None,
    title: str = "",
) -> Any:  # noqa: ANN401 - the same
    """Draw cells coloured by a theme, with their legend, and return the axes.

    Parameters
    ----------
    cells
        Polygons in metres.
    theme
        One colour a cell.
    ax
        Axes to draw on; new ones if None.
    outlines
        Layers whose borders are drawn over the cells.
    rooms
        Police rooms, or None.
    title
        Above the map; blank for none.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if ax is None:
        from matplotlib import pyplot as plt

        _, ax = plt.subplots(figsize=_SIZE_IN, layout="constrained")
    _put_cells(ax, cells, theme)
    handles: list[Any] = [
        Patch(facecolor=colour, edgecolor="#8796a8", linewidth=0.5, label=label)
        for colour, label in theme.legend
    ]
    for layer in outlines:
        _put_outline(ax, layer)
        colour, width, dash = OUTLINES[layer.kind]
        handles.append(
            Line2D(
                [], [], color=colour, linewidth=width * 0.7, label=tr(f"maps.kind.{layer.kind}"),
                linestyle=(0, (3, 2)) if dash else "-",
            )
        )  # fmt: skip
    if rooms is not None:
        _put_rooms(ax, rooms, 0.0)
        handles.append(
            Line2D(
                [], [], color="#0f5c55", marker="o", markersize=4, linestyle="",
                label=tr(f"maps.kind.{Kind.ROOM}"),
            )
        )  # fmt: skip
    ax.set_axis_off()
    ax.autoscale_view()
    ax.set_aspect("equal")
    if title:
        ax.set_title(title, color=INK, loc="left", fontproperties=_font(12, bold=True))
    ax.legend(
        handles=handles,
        title=theme.title + (f"\n{theme.note}" if theme.note else ""),
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        prop=_font(8),
        title_fontproperties=_font(8.5, bold=True),
        alignment="left",
    )
    return ax


# -- one printed sheet for the road: a map with numbered places above the table of their times


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
        Above the map, below that, and at the foot, where a line of text is a line of paper.
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
    line: Floats
    places: Floats
    start: Floats
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
            figure.text(
                0.06, 0.02, sheet.note, fontproperties=_font(7.5), color=_MUTED, va="bottom"
            )
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
    _put_scale(axes)
    _put_route_legend(axes, roads, outlines)


def _put_route_legend(axes: Any, roads: Layer | None, outlines: Sequence[Layer]) -> None:  # noqa: ANN401 - matplotlib is untyped
    """Say below the map what its marks and lines are."""
    from matplotlib.lines import Line2D

    room = Line2D([], [], marker="s", color=_INK, linestyle="", label=tr("maps.kind.room"))
    handles = [room, Line2D([], [], color=_ROUTE, linewidth=2.2, label=tr("maps.route"))]
    looks = [(layer.kind, *OUTLINES[layer.kind][:1]) for layer in outlines]
    looks = [(kind, "#d7dbe0" if kind is Kind.GRID else colour) for kind, colour in looks]
    if roads is not None:
        looks.insert(0, (Kind.ROAD, _ROAD))
    handles += [
        Line2D([], [], color=colour, label=tr(f"maps.kind.{kind}")) for kind, colour in looks
    ]
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.0, 0.0), ncols=len(handles),
        frameon=False, prop=_font(8), borderaxespad=0.4, handlelength=1.4,
    )  # fmt: skip


def _put_table(figure: Any, sheet: RouteSheet) -> None:  # noqa: ANN401 - matplotlib is untyped
    axes = figure.add_axes((0.06, 0.06, 0.88, 0.34))
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
