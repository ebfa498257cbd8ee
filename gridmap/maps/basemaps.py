"""Basemaps: none unless a setting names one, and then shifted to fit what lies under it."""

from __future__ import annotations

from gridmap.errors import InputError
from gridmap.i18n import tr
from gridmap.maps.scene import Tiles

__all__ = ["basemap"]

_TIANDITU = (
    "https://t{s}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
    "&LAYER={layer}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}"
    "&TILECOL={x}&tk={key}"
)


def basemap(url: str, *, key: str = "", credit: str = "", datum: str = "wgs84") -> Tiles | None:
    """Return the basemap that settings name, or None for none.

    Parameters
    ----------
    url
        Template with ``{x}``, ``{y}``, ``{z}`` and perhaps ``{s}`` (0 to 7) and ``{key}``;
        ``tianditu`` for 天地图's streets and their names; blank for none.
    key
        Put in for ``{key}``.
    credit
        Attribution.
    datum
        Datum of the tiles: ``wgs84``, ``gcj02`` or ``bd09``. 天地图's is CGCS2000, which is
        WGS 84 to a decimetre.

    Raises
    ------
    InputError
        If the template wants a key and there is none, or has no place for x, y or z.

    Examples
    --------
    >>> basemap("") is None
    True
    >>> basemap("http://10.0.0.8/{z}/{x}/{y}.png?k={key}", key="a b").url
    'http://10.0.0.8/{z}/{x}/{y}.png?k=a b'
    """
    if not url:
        return None
    known = url.strip().lower() == "tianditu"
    template = _tianditu("vec") if known else url
    if "{key}" in template and not key:
        raise InputError("maps.error.tile_key")
    if not all(f"{{{name}}}" in template for name in "xyz"):
        raise InputError("maps.error.tile_url", received=url[:80])
    labels = _tianditu("cva") if known else ""
    return Tiles(
        template.replace("{key}", key),
        credit or (tr("maps.tianditu") if known else ""),
        "wgs84" if known else datum,
        labels.replace("{key}", key),
    )


def _tianditu(layer: str) -> str:
    return _TIANDITU.replace("{layer}", layer)
