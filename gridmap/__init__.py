"""gridmap: police beats over administrative grids.

Load both patchworks, overlay them, see who is near whom, and propose better beats:

>>> import gridmap
>>> city = gridmap.make_city(grids=60, incidents=500)  # doctest: +SKIP
>>> gridmap.summarise(city, by="beat").rows  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridmap.demo import make_city
    from gridmap.errors import GridmapError
    from gridmap.io import Workspace, import_files, read_city
    from gridmap.measure import Workload, summarise
    from gridmap.model import Adjacency, City, Incidents, Kind, Layer, Plan, Presets

__version__ = "0.2.0"

# Names are loaded when first used: `gridmap --help` must not wait for GDAL.
_HOMES = {
    "Adjacency": "gridmap.model",
    "City": "gridmap.model",
    "GridmapError": "gridmap.errors",
    "Incidents": "gridmap.model",
    "Kind": "gridmap.model",
    "Layer": "gridmap.model",
    "Plan": "gridmap.model",
    "Presets": "gridmap.model",
    "Workload": "gridmap.measure",
    "Workspace": "gridmap.io",
    "import_files": "gridmap.io",
    "make_city": "gridmap.demo",
    "read_city": "gridmap.io",
    "summarise": "gridmap.measure",
}

__all__ = [
    "Adjacency",
    "City",
    "GridmapError",
    "Incidents",
    "Kind",
    "Layer",
    "Plan",
    "Presets",
    "Workload",
    "Workspace",
    "import_files",
    "make_city",
    "read_city",
    "summarise",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    if name not in _HOMES:
        message = f"module 'gridmap' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)
