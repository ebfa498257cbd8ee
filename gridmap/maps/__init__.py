"""Maps: drawing geometry, classes, scenes, folium maps and pictures for print."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gridmap.maps.classes import Classes, classify, colour_beats, ramp
from gridmap.maps.drawing import Drawing, draw_geometry, draw_layer
from gridmap.maps.layers_of_city import (
    COLUMNS,
    ColumnStyle,
    beat_theme,
    captions_of,
    change_theme,
    choropleth,
    degrees_of,
    density_overlay,
    facts_of,
    hot_spot_theme,
    hour_theme,
    load_theme,
    outline_overlay,
    room_overlay,
    unit_theme,
    units_of,
    value_theme,
)
from gridmap.maps.scene import (
    Captions,
    Facts,
    Hours,
    Overlay,
    Paint,
    Scene,
    Swipe,
    Theme,
    Tiles,
    Units,
    basemap,
    font_path,
    write_touch_folder,
)
from gridmap.maps.still import RouteSheet, Still, draw_route_sheets, draw_still, plot_theme

if TYPE_CHECKING:
    from gridmap.maps.viewing import OfflineMap, folium_map, to_html

__all__ = [
    "COLUMNS",
    "Captions",
    "Classes",
    "ColumnStyle",
    "Drawing",
    "Facts",
    "Hours",
    "OfflineMap",
    "Overlay",
    "Paint",
    "RouteSheet",
    "Scene",
    "Still",
    "Swipe",
    "Theme",
    "Tiles",
    "Units",
    "basemap",
    "beat_theme",
    "captions_of",
    "change_theme",
    "choropleth",
    "classify",
    "colour_beats",
    "degrees_of",
    "density_overlay",
    "draw_geometry",
    "draw_layer",
    "draw_route_sheets",
    "draw_still",
    "facts_of",
    "folium_map",
    "font_path",
    "hot_spot_theme",
    "hour_theme",
    "load_theme",
    "outline_overlay",
    "plot_theme",
    "ramp",
    "room_overlay",
    "to_html",
    "unit_theme",
    "units_of",
    "value_theme",
    "write_touch_folder",
]

# Loaded when first used: the pages draw without folium.
_VIEWING = ("OfflineMap", "folium_map", "to_html")


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has the name
    if name not in _VIEWING:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module("gridmap.maps.viewing"), name)
