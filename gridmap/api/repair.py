"""Repair: correct the shapes of a city; counts of people never change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from gridmap.api.options import AsNames, Options, as_list, option
from gridmap.api.results import FORMAT, MapView, Result
from gridmap.api.verbs import Progress, verb
from gridmap.errors import InputError, OptionError
from gridmap.fields import Json
from gridmap.i18n import tr

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridmap.io import FindingKind, Repair, Repaired
    from gridmap.model import City

__all__ = ["RepairJson", "RepairOptions", "RepairResult", "repair"]


def _kinds(value: object, option: str) -> tuple[str, ...]:
    from gridmap.io import MENDABLE

    known = [str(kind) for kind in MENDABLE]
    names = as_list(value, option)
    wrong = [name for name in names if name not in known]
    if wrong:
        raise InputError("io.error.not_mendable", received=wrong[0], known=", ".join(known))
    return names


@dataclass(frozen=True, kw_only=True)
class RepairOptions(Options):
    """What `repair` repairs, and how far it may move a border."""

    verb: ClassVar[str] = "repair"

    only: AsNames = option(
        (), metavar="invalid|sliver|overlap|unmatched_edge|gap", many=True, parse=_kinds
    )
    tolerance_m: float = option(5.0, metavar="M", unit="m")

    def check_together(self) -> None:
        """Check that a border may be moved at all."""
        if not self.tolerance_m > 0:
            raise OptionError(
                "io.error.tolerance", option="tolerance_m", received=self.tolerance_m
            )

    def kinds(self) -> tuple[FindingKind, ...]:
        """Return the faults to repair."""
        from gridmap.io import MENDABLE

        return tuple(kind for kind in MENDABLE if not self.only or str(kind) in self.only)


class RepairedJson(TypedDict):
    """What was done to one kind of fault in one layer."""

    layer: str
    kind: str
    rows: int
    area_m2: float
    moved_max_m: float


class LeftJson(TypedDict):
    """Faults that stay."""

    layer: str
    kind: str
    count: int


class RepairJson(TypedDict):
    """The JSON of ``gridmap repair --json``."""

    format: int
    repaired: list[RepairedJson]
    coverage_valid: bool
    tolerance_m: float
    left: list[LeftJson]
    originals: list[str]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RepairResult(Result[RepairJson]):
    """A repaired city, and what was done.

    Attributes
    ----------
    city
        The city with its layers repaired.
    before
        The city as it was.
    options
        How it was repaired.
    report
        What was done, one entry per layer and kind.
    """

    city: City
    before: City
    options: RepairOptions
    report: Repair

    def __repr__(self) -> str:
        return f"<RepairResult: {sum(item.rows for item in self.report.done)} features changed>"

    def to_dict(self) -> RepairJson:
        """Return the JSON of the command."""
        answer: dict[str, Any] = {
            "format": FORMAT, **self.report.as_json(), "options": self.options.to_dict(),
        }  # fmt: skip
        return answer  # type: ignore[return-value] # the keys of Repair.as_json

    def to_frame(self) -> pd.DataFrame:
        """Return one row per layer and kind of fault."""
        import pandas as pd

        rows = [{**item.as_json(), "left": item.left} for item in self.report.done]
        columns = ["layer", "kind", "rows", "area_m2", "moved_max_m", "left"]
        return pd.DataFrame(rows, columns=columns)

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the features that changed or went, as they are now (empty where they went)."""
        import geopandas as gpd
        import numpy as np
        import pandas as pd
        import shapely

        parts = []
        for kind, old in self.before.layers.items():
            new = dict(zip(self.city.layers[kind].ids, self.city.layers[kind].geometry,
                           strict=True))  # fmt: skip
            now = np.array([new.get(name, shapely.Polygon()) for name in old.ids], dtype=object)
            moved = ~shapely.equals_exact(shapely.normalize(old.geometry),
                                          shapely.normalize(now))  # fmt: skip
            parts.append(
                pd.DataFrame({"layer": str(kind), "id": old.ids[moved], "geometry": now[moved]})
            )
        whole = pd.concat(parts, ignore_index=True)
        return gpd.GeoDataFrame(whole, geometry="geometry", crs=self.city.crs)

    def figures(self) -> list[tuple[str, str]]:
        """Return how many features changed."""
        return [(tr("api.repair.changed"), f"{sum(item.rows for item in self.report.done)}")]

    def map_view(self) -> MapView | None:
        """Return the grids, the changed ones coloured, or None without grids."""
        import numpy as np

        from gridmap.maps import Theme
        from gridmap.model import Kind

        grids = self.city.get(Kind.GRID)
        if grids is None:
            return None
        gone = self.to_gdf()
        rows = np.isin(grids.ids, gone.loc[gone["layer"] == str(Kind.GRID), "id"]).astype(np.uint8)
        title, palette = tr("api.repair.changed"), ("#eef2f5", "#d7301f")
        theme = Theme("changed", title, title, palette, rows, ((palette[1], title),))
        return MapView(cells=grids, themes=(theme,))


@verb(RepairOptions)
def repair(
    city: City, options: RepairOptions, *, progress: Progress | None = None
) -> RepairResult:
    """Repair the shapes of a city on a copy; every column and every count stays.

    To repair a workspace in place, with the originals kept beside, use ``gridmap repair`` or
    `gridmap.io.repair_workspace`.

    Returns
    -------
    RepairResult
        ``result.city`` is the repaired city.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> gridmap.repair(city, tolerance_m=1.0).report.coverage_valid
    True
    """
    from gridmap.io import Repair, repair_layer
    from gridmap.model import AREA_KINDS

    mended, valid = city, True
    done: list[Repaired] = []
    for step, (kind, layer) in enumerate(city.layers.items()):
        if progress is not None:
            progress(step / len(city.layers))
        result = repair_layer(
            layer,
            only=options.kinds(),
            tolerance_m=options.tolerance_m,
            sliver_m=min(city.presets.gap_m, options.tolerance_m),
        )
        done += result.done
        valid &= result.coverage_valid or kind not in AREA_KINDS
        mended = mended.with_layer(result.layer)
    report = Repair(tuple(done), valid, options.tolerance_m)
    return RepairResult(city=mended, before=city, options=options, report=report)
