"""What a check can find, how much it matters, and where it lies."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from gridmap.fields import Json
from gridmap.i18n import tr

_SHOWN = 5


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """A number is wrong as long as it stands."""
    WARNING = "warning"
    """A number may be wrong; somebody should look."""
    NOTE = "note"
    """Worth knowing; no number suffers."""


class FindingKind(StrEnum):
    """What a check can find; the only place where the kinds are named."""

    INVALID = "invalid"
    """Shapes that break the rules of polygons or lines: crossing rings, spikes."""
    EMPTY = "empty"
    """Features without a shape; those that an import refused are counted too."""
    DUPLICATE = "duplicate"
    """Features of one layer with the same shape, or incidents equal in everything."""
    MULTI_PART = "multi_part"
    """Areas of several parts."""
    OVERLAP = "overlap"
    """Ground that belongs to two areas of one layer."""
    GAP = "gap"
    """Ground inside a layer that belongs to none of its areas."""
    SLIVER = "sliver"
    """Gaps, overlaps and whole features narrower than the preset ``gap_m``."""
    DUST = "dust"
    """Borders that neighbours draw up to a centimetre apart, as reprojecting leaves them."""
    UNMATCHED_EDGE = "unmatched_edge"
    """Areas whose border is not drawn, point by point, as their neighbours' is."""
    REPEATED_ID = "repeated_id"
    """Features that shared an id and were given different ones when imported."""
    MISSING_ID = "missing_id"
    """Features without an id, which got one when they were imported."""
    BAD_CODE = "bad_code"
    """Grids whose id breaks the rule of 15 or 20 digits; looked for only when asked."""
    CRS_SCALE = "crs_scale"
    """A working CRS whose metres are off by more than 0.1 % at the city: areas by twice that."""
    DATUM = "datum"
    """A layer that fits the others as GCJ-02 or BD-09, not as it was read."""
    OUTSIDE_BEAT = "outside_beat"
    """Grids that lie, for the most part, in no beat."""
    OTHER_BEAT = "other_beat"
    """Grids that name another beat than the polygon that holds most of them: today's plan goes
    by the name, ``measure --by beat`` by the polygons."""
    OUTSIDE_STATION = "outside_station"
    """Beats that lie, for the most part, in no station's area."""
    CROSSES_COMMUNITY = "crosses_community"
    """Grids with a hundredth or more of their ground in a second community."""
    DISCONNECTED = "disconnected"
    """Grids that no open border or bridge joins to the largest part of the city."""
    IN_PIECES = "in_pieces"
    """Beats of several pieces that share no border."""
    NULL_COUNT = "null_count"
    """Features whose count is blank; it counts as 0."""
    NEGATIVE_COUNT = "negative_count"
    """Features with a count below 0."""
    OUTSIDE_CITY = "outside_city"
    """Incidents that lie in no grid."""
    SAME_POINT = "same_point"
    """Incidents piled up on one exact point, as a geocoder's default does."""
    IN_FUTURE = "in_future"
    """Incidents later than now."""
    OTHER_STATION = "other_station"
    """Incidents that lie outside the area of the station that they name."""
    UNKNOWN_STATION = "unknown_station"
    """Incidents that name a station which the city does not have."""


MENDABLE = (
    FindingKind.INVALID, FindingKind.SLIVER, FindingKind.OVERLAP, FindingKind.UNMATCHED_EDGE,
    FindingKind.GAP,
)  # fmt: skip
"""What a repair can mend."""


def finding_name(kind: FindingKind, count: int = 2) -> str:
    """Return what a kind of finding is called beside a count, or above a list of them."""
    return tr(f"io.finding.{kind}", count=count)


# What no file could repair: to be known, or to be looked at.
_LOOKED_AT = {
    FindingKind.DUST, FindingKind.MULTI_PART, FindingKind.DISCONNECTED, FindingKind.IN_PIECES,
    FindingKind.CROSSES_COMMUNITY, FindingKind.UNKNOWN_STATION, FindingKind.OUTSIDE_BEAT,
    FindingKind.OUTSIDE_STATION,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of fault in one layer.

    Parameters
    ----------
    layer
        Kind of the layer, or ``incidents``.
    kind, severity
        What it is and how much it matters.
    count
        How many there are: features, pairs of overlapping areas, gaps, or incidents.
    ids
        At most five of them by id; ``first+second`` for a pair, a row number from 1 for
        an incident, coordinates for a point.
    area_m2
        Ground concerned, in square metres; 0 where there is none.
    places
        Their geometry in the working CRS, for the map; at most 10,000.
    datum
        The datum that would fit, of a finding of that kind.
    """

    layer: str
    kind: FindingKind
    severity: Severity
    count: int
    ids: tuple[str, ...] = ()
    area_m2: float = 0.0
    places: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=object))
    datum: str = ""

    def __post_init__(self) -> None:
        """Keep five ids and ten thousand places."""
        object.__setattr__(self, "ids", tuple(str(name) for name in self.ids[:_SHOWN]))
        object.__setattr__(self, "places", np.asarray(self.places, dtype=object)[:10_000])

    @property
    def effect(self) -> str:
        """A sentence that says which figure the finding affects and how."""
        return tr(f"io.effect.{self.kind}")

    def command(self, workspace: str) -> str:
        """Return the command that repairs it, blank where none does.

        Parameters
        ----------
        workspace
            The workspace's folder as the reader wrote it.
        """
        if self.kind in MENDABLE and self.layer != "incidents":
            return f"gridmap repair {workspace} --only {self.kind}"
        if self.kind in _LOOKED_AT:
            return ""
        datum = f" --datum {self.datum}" if self.kind is FindingKind.DATUM else ""
        return f"gridmap import {workspace} FILE --kind {self.layer}{datum} --replace"

    def as_json(self) -> dict[str, Json]:
        """Return plain values for ``--json``."""
        return {
            "layer": self.layer,
            "kind": str(self.kind),
            "severity": str(self.severity),
            "count": self.count,
            "ids": list(self.ids),
            "area_m2": round(float(self.area_m2), 6),
            "effect": self.effect,
            "command": self.command("WORKSPACE"),
        }
