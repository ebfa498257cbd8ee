"""The map's scripts and styles: ours from this package, Leaflet from ``xstatic-leaflet``."""

from __future__ import annotations

import shutil
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from gridmap.errors import MissingError

__all__ = ["OUR_SCRIPTS", "font_path", "read_asset", "read_leaflet", "write_touch_folder"]

OUR_SCRIPTS = (
    "shapes.js", "canvas.js", "names.js", "keys.js", "tools.js", "brush.js", "citymap.js",
)  # fmt: skip


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
    shutil.copyfile(font_path(), folder / "cjk.ttf")


def font_path() -> Path:
    """Return the Chinese font that comes with ``zhplot`` (Noto Sans SC, OFL)."""
    # Found, not imported: the package changes matplotlib's settings when it is.
    spec = find_spec("zhplot")
    if spec is None or spec.origin is None:
        raise MissingError("maps.error.no_font")
    return Path(spec.origin).parent / "fonts" / "NotoSansSC-Regular.ttf"
