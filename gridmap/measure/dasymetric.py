"""Sharing people out by where buildings, roads or communities are, not by bare ground."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy
import shapely

from gridmap.measure.crosswalk import Crosswalk

__all__ = ["Control", "dasymetric"]

Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Control:
    """A layer that says where in their grids people live.

    Attributes
    ----------
    shapes
        Valid polygons (buildings, land use), lines or points in the working CRS, of one
        dimension, shape (n,).
    weights
        Weight of each, spread over it, zero or more, shape (n,); its size if None.
    source
        What the layer is called.
    repaired
        How many shapes were invalid and have been repaired.
    """

    shapes: Shapes
    weights: Floats | None = None
    source: str = ""
    repaired: int = 0

    def __len__(self) -> int:
        return len(self.shapes)

    @cached_property
    def digest(self) -> str:
        """Digest of the shapes and weights."""
        sums = hashlib.blake2b(digest_size=16)
        sums.update(b"".join(shapely.to_wkb(self.shapes)))
        sums.update(b"" if self.weights is None else self.weights.tobytes())
        return sums.hexdigest()


def dasymetric(
    table: Crosswalk,
    sources: npt.ArrayLike,
    targets: npt.ArrayLike,
    control: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
) -> Crosswalk:
    """Share each source out by a control layer instead of its bare area.

    With ``c_ij`` the control inside source i and target j, and ``c_i`` all of it inside
    source i, ``share_ij = c_ij / c_i`` (Wright 1936). A source without control keeps its
    shares by area. Mass is preserved: rows still add up to 1 with the unassigned share.

    Parameters
    ----------
    table
        Crosswalk by area of the same sources and targets.
    sources, targets
        The polygons that the crosswalk was made of.
    control
        Buildings or communities (polygons, counted by area), roads (lines, by length), or
        points (by number); of one dimension.
    weights
        Weight of each control feature spread over it, for example residents of a
        community or floors of a building times its area; its size if None.
    """
    own = np.asarray(sources, dtype=object)
    shapes = np.asarray(control, dtype=object)
    size = _size(shapes)
    if weights is None:
        density = np.ones(len(shapes))
    else:
        amount = np.asarray(weights, np.float64)
        density = np.divide(amount, size, out=np.zeros(len(size)), where=size > 0)
    source, feature, parts = _cut(own, shapes)
    inside = np.bincount(source, weights=_size(parts) * density[feature], minlength=len(own))
    part, target, pieces = _cut(parts, np.asarray(targets, dtype=object))
    amounts = scipy.sparse.csr_array(
        (_size(pieces) * density[feature[part]], (source[part], target)),
        shape=table.shares.shape,
    )
    amounts.eliminate_zeros()
    # Targets that overlap may hold more than there is: then what there is, in proportion.
    divisor = np.maximum(inside, np.asarray(amounts.sum(axis=1)))
    known = divisor > 0
    by_control = amounts.multiply(np.divide(1.0, divisor, out=divisor * 0, where=known)[:, None])
    by_area = table.shares.multiply((~known).astype(float)[:, None])
    shares = scipy.sparse.csr_array(by_control) + scipy.sparse.csr_array(by_area)
    unassigned = np.clip(1.0 - np.asarray(shares.sum(axis=1)), 0.0, 1.0)
    unassigned[unassigned < 1e-12] = 0.0
    return replace(table, shares=shares, unassigned_share=unassigned, weight="control")


def _size(shapes: Shapes) -> Floats:
    """Return area, length or number, whichever the shapes have."""
    area, length = shapely.area(shapes), shapely.length(shapes)
    count = shapely.get_num_geometries(shapes).astype(float)
    dimension = int(shapely.get_dimensions(shapes).max(initial=0))
    return np.nan_to_num((count, length, area)[dimension])


def _cut(one: Shapes, other: Shapes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Shapes]:
    """Return positions in both and the shape they share, without touching neighbours."""
    first, second = shapely.STRtree(other).query(one, predicate="intersects")
    shared = shapely.intersection(one[first], other[second])
    whole = min(int(shapely.get_dimensions(shapes).max(initial=0)) for shapes in (one, other))
    kept = shapely.get_dimensions(shared) == whole
    return first[kept], second[kept], shared[kept]
