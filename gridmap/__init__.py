"""gridmap: who looks after which police ground, is that fair, and what would be better.

Load grids and beats, measure them, and propose better beats:

>>> import gridmap
>>> city = gridmap.make_city(grids=60, incidents=500)
>>> gridmap.measure(city, by="station")
<MeasureResult by station: 6 rows>

Each verb is ``gridmap.VERB(city, options)``; the options' fields may be given as keywords.
`gridmap.api` says how verbs are made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from inspect import Signature, signature
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gridmap.version import __version__

if TYPE_CHECKING:
    from gridmap.api.around import AroundOptions, AroundResult, around
    from gridmap.api.assess import AssessOptions, AssessResult, assess
    from gridmap.api.check import CheckOptions, CheckResult, check
    from gridmap.api.compare import CompareOptions, CompareResult, compare
    from gridmap.api.coverage import CoverageOptions, CoverageResult, coverage
    from gridmap.api.hotspots import HotspotsOptions, HotspotsResult, hotspots
    from gridmap.api.measure import MeasureOptions, MeasureResult, measure
    from gridmap.api.norms import NormsOptions, NormsResult, norms
    from gridmap.api.open import load_plan, open, plan_frame, to_gerrychain  # noqa: A004 - gridmap.open, as rasterio.open
    from gridmap.api.patrol import PatrolOptions, PatrolResult, patrol
    from gridmap.api.propose import ProposeOptions, ProposeResult, propose
    from gridmap.api.repair import RepairOptions, RepairResult, repair
    from gridmap.api.report import ReportOptions, ReportResult, report
    from gridmap.api.shifts import ShiftsOptions, ShiftsResult, shifts
    from gridmap.api.site import SiteOptions, SiteResult, site
    from gridmap.api.watch import WatchOptions, WatchResult, watch
    from gridmap.demo import make_city
    from gridmap.errors import GridmapError
    from gridmap.i18n import set_language
    from gridmap.io import Workspace, import_files, read_city
    from gridmap.measure import Workload, summarise
    from gridmap.model import Adjacency, City, Incidents, Kind, Layer, Plan, Presets

# Names are loaded when first used: `gridmap --help` must not wait for GDAL.
_HOMES = {
    "Adjacency": "gridmap.model",
    "AroundOptions": "gridmap.api.around",
    "AroundResult": "gridmap.api.around",
    "AssessOptions": "gridmap.api.assess",
    "AssessResult": "gridmap.api.assess",
    "CheckOptions": "gridmap.api.check",
    "CheckResult": "gridmap.api.check",
    "City": "gridmap.model",
    "CompareOptions": "gridmap.api.compare",
    "CompareResult": "gridmap.api.compare",
    "CoverageOptions": "gridmap.api.coverage",
    "CoverageResult": "gridmap.api.coverage",
    "GridmapError": "gridmap.errors",
    "HotspotsOptions": "gridmap.api.hotspots",
    "HotspotsResult": "gridmap.api.hotspots",
    "Incidents": "gridmap.model",
    "Kind": "gridmap.model",
    "Layer": "gridmap.model",
    "MeasureOptions": "gridmap.api.measure",
    "MeasureResult": "gridmap.api.measure",
    "NormsOptions": "gridmap.api.norms",
    "NormsResult": "gridmap.api.norms",
    "PatrolOptions": "gridmap.api.patrol",
    "PatrolResult": "gridmap.api.patrol",
    "Plan": "gridmap.model",
    "Presets": "gridmap.model",
    "ProposeOptions": "gridmap.api.propose",
    "ProposeResult": "gridmap.api.propose",
    "RepairOptions": "gridmap.api.repair",
    "RepairResult": "gridmap.api.repair",
    "ReportOptions": "gridmap.api.report",
    "ReportResult": "gridmap.api.report",
    "ShiftsOptions": "gridmap.api.shifts",
    "ShiftsResult": "gridmap.api.shifts",
    "SiteOptions": "gridmap.api.site",
    "SiteResult": "gridmap.api.site",
    "WatchOptions": "gridmap.api.watch",
    "WatchResult": "gridmap.api.watch",
    "Workload": "gridmap.measure",
    "Workspace": "gridmap.io",
    "around": "gridmap.api.around",
    "assess": "gridmap.api.assess",
    "check": "gridmap.api.check",
    "compare": "gridmap.api.compare",
    "coverage": "gridmap.api.coverage",
    "hotspots": "gridmap.api.hotspots",
    "import_files": "gridmap.io",
    "load_plan": "gridmap.api.open",
    "make_city": "gridmap.demo",
    "measure": "gridmap.api.measure",
    "norms": "gridmap.api.norms",
    "open": "gridmap.api.open",
    "patrol": "gridmap.api.patrol",
    "plan_frame": "gridmap.api.open",
    "propose": "gridmap.api.propose",
    "read_city": "gridmap.io",
    "repair": "gridmap.api.repair",
    "report": "gridmap.api.report",
    "set_language": "gridmap.i18n",
    "shifts": "gridmap.api.shifts",
    "site": "gridmap.api.site",
    "summarise": "gridmap.measure",
    "to_gerrychain": "gridmap.api.open",
    "watch": "gridmap.api.watch",
}

__all__ = [
    "Adjacency",
    "AroundOptions",
    "AroundResult",
    "AssessOptions",
    "AssessResult",
    "CheckOptions",
    "CheckResult",
    "City",
    "CompareOptions",
    "CompareResult",
    "CoverageOptions",
    "CoverageResult",
    "GridmapError",
    "HotspotsOptions",
    "HotspotsResult",
    "Incidents",
    "Kind",
    "Layer",
    "MeasureOptions",
    "MeasureResult",
    "NormsOptions",
    "NormsResult",
    "PatrolOptions",
    "PatrolResult",
    "Plan",
    "Presets",
    "ProposeOptions",
    "ProposeResult",
    "RepairOptions",
    "RepairResult",
    "ReportOptions",
    "ReportResult",
    "ShiftsOptions",
    "ShiftsResult",
    "SiteOptions",
    "SiteResult",
    "WatchOptions",
    "WatchResult",
    "Workload",
    "Workspace",
    "__version__",
    "around",
    "assess",
    "check",
    "compare",
    "coverage",
    "hotspots",
    "import_files",
    "load_plan",
    "make_city",
    "measure",
    "norms",
    "open",
    "patrol",
    "plan_frame",
    "propose",
    "read_city",
    "repair",
    "report",
    "set_language",
    "shifts",
    "site",
    "summarise",
    "to_gerrychain",
    "watch",
]

# Subpackages that are called as the verb is: ``gridmap.measure`` is both.
_CALLED = {"measure", "patrol", "report"}


class _VerbModule(ModuleType):
    """A subpackage with the name of a verb: calling it calls the verb."""

    @property  # found as a method is, so that calls and notebooks see the verb's own signature
    def __call__(self) -> Callable[..., object]:
        name = self.__name__.rpartition(".")[2]
        verb: Callable[..., object] = getattr(import_module(f"gridmap.api.{name}"), name)
        return verb

    @property
    def __signature__(self) -> Signature:
        return signature(self.__call__)

    @property
    def __doc__(self) -> str:  # type: ignore[override] # the class has a plain text
        return str(self.__call__.__doc__)


class _Package(ModuleType):
    """The package: its subpackages with names of verbs can be called when they are loaded."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _CALLED and isinstance(value, ModuleType) and name in __all__:
            value.__class__ = _VerbModule
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted(__all__)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    if name not in _HOMES:
        message = f"module 'gridmap' has no attribute {name!r}"
        raise AttributeError(message)
    if name in _CALLED:
        return import_module(f"gridmap.{name}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


sys.modules[__name__].__class__ = _Package
