"""A density surface as a picture that lies on the map."""

from __future__ import annotations

import io

import numpy as np
from pyproj import CRS

from gridmap.i18n import tr
from gridmap.maps.drawing import world_pixels
from gridmap.maps.palettes import SEQUENTIAL
from gridmap.maps.scene import Overlay
from gridmap.measure.density import Density
from gridmap.model.crs import from_datum, reproject_points

__all__ = ["density_overlay"]

_WGS84 = CRS.from_epsg(4326)


def density_overlay(
    density: Density,
    crs: CRS,
    bounds: tuple[float, float, float, float],
    *,
    datum: str = "wgs84",
    width_px: int = 700,
    shown: bool = False,
) -> Overlay:
    """Return a density as a picture in the map's own projection.

    Parameters
    ----------
    density
        Incidents per km2 on cells in the working CRS.
    crs
        The working CRS.
    bounds
        South, west, north, east of the picture in degrees of the basemap's datum.
    datum
        The basemap's datum.
    width_px
        Width of the picture.
    shown
        Whether it is on when the map opens.

    Notes
    -----
    Each pixel looks its own place up in the surface, so the picture lies where the cells
    are, however the working CRS is turned against the map.
    """
    from PIL import Image

    south, west, north, east = bounds
    x, y = world_pixels(np.array([west, east]), np.array([north, south]), 0)
    height_px = max(1, round(width_px * float(y[1] - y[0]) / float(x[1] - x[0])))
    lon = west + (np.arange(width_px) + 0.5) / width_px * (east - west)
    down = y[0] + (np.arange(height_px) + 0.5) / height_px * (y[1] - y[0])
    lat = np.degrees(2 * np.arctan(np.exp(np.pi * (1 - down / 128.0))) - np.pi / 2)
    grid_lon, grid_lat = (part.ravel() for part in np.meshgrid(lon, lat))
    found = density.at(*reproject_points(*from_datum(grid_lon, grid_lat, datum), _WGS84, crs))
    top = float(np.nanmax(density.per_km2)) or 1.0
    share = np.clip(np.nan_to_num(found) / top, 0.0, 1.0) ** 0.5
    stops = np.array(
        [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in SEQUENTIAL["orange"]]
    )
    places = np.linspace(0.0, 1.0, len(stops))
    pixels = np.empty((len(share), 4), dtype=np.uint8)
    for channel in range(3):
        pixels[:, channel] = np.interp(share, places, stops[:, channel])
    pixels[:, 3] = np.where(share > 0.05, 60 + 170 * share, 0)
    out = io.BytesIO()
    Image.fromarray(pixels.reshape(height_px, width_px, 4)).save(out, "PNG", optimize=True)
    return Overlay(
        "density",
        tr("maps.legend.density", bandwidth=f"{density.bandwidth_m:,.0f}", top=f"{top:,.0f}"),
        "#e0570c",
        picture=out.getvalue(),
        bounds=bounds,
        shown=shown,
    )
