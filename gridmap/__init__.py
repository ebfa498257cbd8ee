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

from gridmap._lazy import lazy_names
from gridmap.version import __version__

if TYPE_CHECKING:
    from gridmap.api.around import AroundOptions, AroundResult, around
    from gridmap.api.check import (
        CheckOptions,
        CheckResult,
        RepairOptions,
        RepairResult,
        check,
        repair,
    )
    from gridmap.api.compare import CompareOptions, CompareResult, compare
    from gridmap.api.coverage import (
        CoverageOptions,
        CoverageResult,
        SiteOptions,
        SiteResult,
        coverage,
        site,
    )
    from gridmap.api.measure import (
        HotspotsOptions,
        HotspotsResult,
        MeasureOptions,
        MeasureResult,
        hotspots,
        measure,
    )
    from gridmap.api.norms import (
        AssessOptions,
        AssessResult,
        NormsOptions,
        NormsResult,
        assess,
        norms,
    )
    from gridmap.api.open import load_plan, open, plan_frame, to_gerrychain  # noqa: A004 - gridmap.open, as rasterio.open
    from gridmap.api.patrol import PatrolOptions, PatrolResult, patrol
    from gridmap.api.propose import ProposeOptions, ProposeResult, propose
    from gridmap.api.report import ReportOptions, ReportResult, report
    from gridmap.api.shifts import ShiftsOptions, ShiftsResult, shifts
    from gridmap.api.watch import WatchOptions, WatchResult, watch
    from gridmap.demo import make_city
    from gridmap.errors import GridmapError
    from gridmap.i18n import set_language
    from gridmap.io import Workspace, import_files, read_city
    from gridmap.measure import Workload, summarise
    from gridmap.model import Adjacency, City, Incidents, Kind, Layer, Plan, Presets

__all__ = [
    "Adjacency", "AroundOptions", "AroundResult", "AssessOptions", "AssessResult", "CheckOptions",
    "CheckResult", "City", "CompareOptions", "CompareResult", "CoverageOptions", "CoverageResult",
    "GridmapError", "HotspotsOptions", "HotspotsResult", "Incidents", "Kind", "Layer",
    "MeasureOptions", "MeasureResult", "NormsOptions", "NormsResult", "PatrolOptions",
    "PatrolResult", "Plan", "Presets", "ProposeOptions", "ProposeResult", "RepairOptions",
    "RepairResult", "ReportOptions", "ReportResult", "ShiftsOptions", "ShiftsResult",
    "SiteOptions", "SiteResult", "WatchOptions", "WatchResult", "Workload", "Workspace",
    "__version__", "around", "assess", "check", "compare", "coverage", "hotspots", "import_files",
    "load_plan", "make_city", "measure", "norms", "open", "patrol", "plan_frame", "propose",
    "read_city", "repair", "report", "set_language", "shifts", "site", "summarise",
    "to_gerrychain", "watch",
]  # fmt: skip

# Names are loaded when first used: `gridmap --help` must not wait for GDAL.
_find, _ = lazy_names(__name__, __file__)
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
    return import_module(f"gridmap.{name}") if name in _CALLED else _find(name)


sys.modules[__name__].__class__ = _Package
