"""The values that flow through gridmap; nothing here opens a file or knows a screen."""

from gridmap.fields import AREA_KINDS, Kind
from gridmap.model.adjacency import Adjacency, Bridge
from gridmap.model.city import City, Presets
from gridmap.model.layer import IncidentBatch, Incidents, Layer
from gridmap.model.plan import BeatInfo, Plan

__all__ = [
    "AREA_KINDS", "Adjacency", "BeatInfo", "Bridge", "City", "IncidentBatch", "Incidents", "Kind",
    "Layer", "Plan", "Presets",
]  # fmt: skip
