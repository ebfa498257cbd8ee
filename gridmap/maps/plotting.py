"""Maps on matplotlib axes, for notebooks: the look of the pictures for print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gridmap.i18n import tr
from gridmap.maps.layers_of_city import OUTLINES
from gridmap.maps.palettes import INK
from gridmap.maps.scene import Theme
from gridmap.maps.still import _font, _put_cells, _put_outline, _put_rooms
from gridmap.model import Kind, Layer

__all__ = ["plot_theme"]

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
