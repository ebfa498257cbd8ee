"""The map's scripts and styles: ours from this package, Leaflet from ``xstatic-leaflet``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

__all__ = ["OUR_SCRIPTS", "read_asset", "read_leaflet", "write_touch_folder"]

OUR_SCRIPTS = ("shapes.js", "canvas.js", "citymap.js")


@cache
def read_asset(name: str) -> str:
    """Return one of our own scripts or styles."""
    return (files("gridmap.maps.assets") / name).read_text(encoding="utf-8")


@cache
def read_leaflet(name: str) -> str:
    """Return ``leaflet.js`` or ``leaflet.css``; the style without pictures nothing uses."""
    from xstatic.pkg import leaflet

    text = (Path(leaflet.BASE_DIR) / name).read_text(encoding="utf-8")
    if name.endswith(".css"):
        for picture in ("layers.png", "layers-2x.png", "marker-icon.png"):
            text = text.replace(f"url(images/{picture})", "none")
    # The source map is not served.
    return text.replace("//# sourceMappingURL=leaflet.js.map", "")


def write_touch_folder(folder: Path) -> None:
    """Write the touch map's page, scripts and styles into a folder to be served."""
    for name in ("leaflet.js", "leaflet.css"):
        (folder / name).write_text(read_leaflet(name), encoding="utf-8")
    for name in ("touch.html", "touch.js", "map.css", *OUR_SCRIPTS):
        target = "index.html" if name == "touch.html" else name
        (folder / target).write_text(read_asset(name), encoding="utf-8")
