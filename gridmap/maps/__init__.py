"""Maps: drawing geometry, classes, scenes, folium maps and pictures for print."""

from gridmap.maps.classes import Classes, classify
from gridmap.maps.drawing import Drawing, draw_geometry, draw_layer
from gridmap.maps.palettes import colour_beats, ramp
from gridmap.maps.scene import Facts, Overlay, Scene, Theme, Tiles
from gridmap.maps.scripts import write_touch_folder

__all__ = [
    "Classes",
    "Drawing",
    "Facts",
    "Overlay",
    "Scene",
    "Theme",
    "Tiles",
    "classify",
    "colour_beats",
    "draw_geometry",
    "draw_layer",
    "ramp",
    "write_touch_folder",
]
