"""Which hot-spot map to trust: each is scored on the month that followed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["score_maps", "top_area"]


def score_maps(
    maps: Mapping[str, npt.ArrayLike], following: npt.ArrayLike, area_km2: npt.ArrayLike
) -> pd.DataFrame:
    """Score maps of hot grids on incidents that happened afterwards.

    Hit rate is ``n / N``, the share of later incidents in hot grids; the Predictive
    Accuracy Index is ``(n / N) / (a / A)``, the hit rate over the share of ground that is
    hot (Chainey, Tompson and Uhlig 2008, *Security Journal* 21). 1 is no better than
    marking ground at random.

    Parameters
    ----------
    maps
        For each map, which grids are hot.
    following
        Incidents of each grid in the period after the one the maps were made of.
    area_km2
        Areas of the grids.

    Returns
    -------
    DataFrame
        One row per map, best first: ``hot_grids, area_share, hits, hit_rate,
        accuracy_index``; NaN where nothing is hot or nothing followed.
    """
    later = np.asarray(following, np.float64)
    area = np.asarray(area_km2, np.float64)
    rows = {}
    for name, chosen in maps.items():
        hot = np.asarray(chosen, bool)
        share = area[hot].sum() / area.sum()
        hit_rate = later[hot].sum() / later.sum() if later.sum() > 0 else np.nan
        rows[name] = {
            "hot_grids": int(hot.sum()),
            "area_share": share,
            "hits": float(later[hot].sum()),
            "hit_rate": hit_rate,
            "accuracy_index": hit_rate / share if share > 0 else np.nan,
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.sort_values("accuracy_index", ascending=False, kind="stable")


def top_area(
    values: npt.ArrayLike, area_km2: npt.ArrayLike, *, share: float
) -> npt.NDArray[np.bool_]:
    """Mark the densest grids that make up at most a share of the ground.

    Maps that mark equal shares of ground can be compared. Grids are taken in order of value
    per km2, the first of equal ones first, while the next still fits.

    Parameters
    ----------
    values
        Incidents of each grid.
    area_km2
        Areas.
    share
        Share of the ground to mark, 0 to 1.
    """
    area = np.asarray(area_km2, np.float64)
    held = np.asarray(values, np.float64)
    density = np.divide(held, area, out=np.zeros(len(area)), where=area > 0)
    order = np.argsort(-density, kind="stable")
    fits = np.cumsum(area[order]) <= share * area.sum() * (1 + 1e-12)
    marked = np.zeros(len(area), bool)
    marked[order[fits]] = True
    return marked
