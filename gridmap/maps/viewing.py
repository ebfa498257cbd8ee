"""Folium maps for viewing, notebooks and export: one file that needs no network.

Leaflet and our own script are embedded in the file; folium's other default scripts are
dropped, because nothing we draw needs them.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any, ClassVar

import folium
from branca.element import Element, MacroElement
from jinja2 import Template

from gridmap.errors import InputError
from gridmap.i18n import current_language, tr
from gridmap.maps.scene import OUR_SCRIPTS, Scene, read_asset, read_leaflet


class OfflineMap(folium.Map):  # type: ignore[misc] # folium is untyped
    """A folium map with Leaflet embedded in the page; everything else works as in folium.

    Parameters
    ----------
    **options
        As `folium.Map` takes them; without ``tiles`` there is no basemap.
    """

    # folium would ask content networks for these, jQuery and Bootstrap included.
    default_js: ClassVar[list[tuple[str, str]]] = []
    default_css: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - folium's own options
        options.setdefault("tiles", None)
        options.setdefault("zoom_snap", 0.25)
        options.setdefault("attribution_control", bool(options["tiles"]))
        super().__init__(**options)
        head = self.get_root().header
        head.add_child(_Text(f"<style>{read_leaflet('leaflet.css')}</style>"), name="gm-leaflet")
        head.add_child(_Text(f"<style>{read_asset('map.css')}</style>"), name="gm-style")
        head.add_child(_Text('<link rel="icon" href="data:,">'), name="gm-icon")
        head.add_child(_Text(_script(read_leaflet("leaflet.js"))), name="gm-leaflet-js")
        for name in OUR_SCRIPTS:
            head.add_child(_Text(_script(read_asset(name))), name=f"gm-{name}")


class _Text(Element):  # type: ignore[misc] # branca is untyped
    """Text put into the page as it is: branca would read scripts and titles as templates."""

    _template = Template("{{ this.text }}")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class _SceneElement(MacroElement):  # type: ignore[misc] # branca is untyped
    """A scene on an `OfflineMap`, drawn by the script of the pages."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            var {{ this.name }} = new CityMap({{ this.place }}, {{ this.scene }});
            {{ this.name }}.ready.then(() => { document.body.dataset.painted = "1"; });
        {% endmacro %}
        """
    )

    @property
    def name(self) -> str:
        """The variable's name in the page."""
        return str(self.get_name())

    @property
    def place(self) -> str:
        """The map's name in the page."""
        return str(self._parent.get_name())

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._name = "Scene"
        sources = {
            digest: {"data": base64.b64encode(zlib.compress(data, 9)).decode()}
            for digest, data in scene.assets().items()
        }
        # A name of somebody's grid must not end the script it stands in.
        self.scene = json.dumps(scene.to_dict(sources), ensure_ascii=False).replace("<", "\\u003c")


def folium_map(scene: Scene, *, title: str = "", height: int | str = "100%") -> OfflineMap:
    """Return a scene as a folium map; more folium layers may be put on it.

    Parameters
    ----------
    scene
        What is drawn.
    title
        The page's title, and a heading over the map; blank for none.
    height
        Pixels, or per cent of the page.

    Raises
    ------
    InputError
        If there is nothing to draw.
    """
    if scene.cells is None and not scene.overlays:
        raise InputError("maps.error.nothing_to_draw")
    south, west, north, east = scene.to_dict({})["bounds"]
    tiles = (
        None
        if scene.tiles is None
        else folium.TileLayer(scene.tiles.url, attr=scene.tiles.credit or " ")
    )
    found = OfflineMap(
        location=[(south + north) / 2, (west + east) / 2], height=height, tiles=tiles
    )
    found.fit_bounds([[south, west], [north, east]], padding=(12, 12))
    root = found.get_root()
    root.html_attributes = {"lang": current_language()} if hasattr(root, "html_attributes") else {}
    root.title = _escaped(title or tr("maps.title"))
    if title:
        heading = f'<h1 class="gm-heading">{_escaped(title)}</h1>'
        root.html.add_child(_Text(heading), name="gm-heading")
    found.add_child(_SceneElement(scene), name="gm-scene")
    return found


def to_html(scene: Scene, *, title: str = "") -> str:
    """Return a scene as one HTML file that opens without a network."""
    return str(folium_map(scene, title=title).get_root().render())


def _script(text: str) -> str:
    return f"<script>{text.replace('</script', '<' + chr(92) + '/script')}</script>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
