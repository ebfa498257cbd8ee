"""Repairing a workspace: the originals are kept beside, and put back when asked."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridmap.errors import MissingError
from gridmap.io._commit import flushed
from gridmap.io._layer_store import read_stored_layer, write_stored_layer
from gridmap.io.findings import MENDABLE, FindingKind
from gridmap.io.placing import put
from gridmap.io.repair import TOLERANCE_M, LayerRepair, Repaired, repair_layer
from gridmap.io.workspace import Workspace
from gridmap.model import AREA_KINDS, Kind, Layer

__all__ = ["ORIGINALS", "Repair", "repair_workspace", "undo_repair"]

ORIGINALS = "before_repair"
"""Folder of a workspace that keeps the layers as they were before each repair."""


@dataclass(frozen=True)
class Repair:
    """What a repair did to a workspace.

    Parameters
    ----------
    done
        One entry a layer and kind.
    coverage_valid
        Whether the grids, beats, stations and communities that are there tile the ground.
    tolerance_m
        The tolerance that was kept.
    originals
        Files that keep the layers as they were.
    """

    done: tuple[Repaired, ...]
    coverage_valid: bool
    tolerance_m: float
    originals: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return plain values for ``--json``."""
        return {
            "repaired": [item.as_json() for item in self.done if item.rows],
            "coverage_valid": self.coverage_valid,
            "tolerance_m": self.tolerance_m,
            "left": [
                {"layer": item.layer, "kind": str(item.kind), "count": item.left}
                for item in self.done
                if item.left
            ],
            "originals": list(self.originals),
        }


def repair_workspace(
    workspace: str | Path,
    *,
    only: Collection[FindingKind] = MENDABLE,
    tolerance_m: float = TOLERANCE_M,
    progress: Callable[[float], None] | None = None,
) -> Repair:
    """Mend the layers of a workspace and keep the originals beside.

    The repair works on copies; the workspace changes at the end, all layers or none.

    Parameters
    ----------
    workspace
        The folder.
    only
        Faults to mend, out of `MENDABLE`.
    tolerance_m
        No border is moved farther, in metres.
    progress
        Called with the share done, from 0 to 1.

    Raises
    ------
    InputError
        If a kind cannot be mended or the tolerance is not positive.
    ConflictError
        If somebody has imported one of the mended layers anew meanwhile.
    WorkspaceError
        If the folder is no workspace or cannot be written.
    """
    place = Workspace.open(workspace)
    sliver_m = min(place.presets.gap_m, tolerance_m)
    done: list[Repaired] = []
    changed: list[Layer] = []
    originals: list[str] = []
    read: dict[Kind, str] = {}
    valid = True
    tell = progress or (lambda _: None)
    for step, kind in enumerate(place.kinds):
        tell(step / len(place.kinds))
        before = place.layer(kind)
        result = repair_layer(before, only=only, tolerance_m=tolerance_m, sliver_m=sliver_m)
        done += result.done
        valid &= result.coverage_valid or kind not in AREA_KINDS
        if result.layer is not before:
            name = _keep(place, before)
            originals.append(f"{ORIGINALS}/{name}")
            read[kind] = before.digest
            changed.append(_remembering(result, before, name, tolerance_m))
    place.put_layers(changed, upon=read)
    return Repair(tuple(done), valid, tolerance_m, tuple(originals))


def undo_repair(workspace: str | Path) -> tuple[Kind, ...]:
    """Put back every layer as it was before its last repair; return their kinds.

    Raises
    ------
    MissingError
        If no layer was repaired since it was imported.
    """
    place = Workspace.open(workspace)
    restored = []
    for kind in place.kinds:
        entry: dict[str, Any] = dict(place.config["layers"][str(kind)])
        history = list(entry.pop("repairs", []))
        if not history:
            continue
        last = history.pop()
        if history:
            entry["repairs"] = history
        crs = place.layer(kind).crs
        restored.append(
            read_stored_layer(place.path / ORIGINALS / last["original"], kind, crs, entry)
        )
    if not restored:
        raise MissingError("io.error.nothing_to_undo", path=str(workspace))
    place.put_layers(restored)
    return tuple(layer.kind for layer in restored)


def _keep(place: Workspace, layer: Layer) -> str:
    folder = place.path / ORIGINALS
    folder.mkdir(exist_ok=True)
    name = f"{layer.kind}-{layer.digest[:12]}.gpkg"
    if not (folder / name).exists():
        draft = folder / f".{name}"
        draft.unlink(missing_ok=True)
        write_stored_layer(layer, draft)
        flushed(draft)
        put(draft, folder / name)
    return name


def _remembering(result: LayerRepair, before: Layer, name: str, tolerance_m: float) -> Layer:
    """Return the repaired layer with the repair added to its provenance."""
    entry: dict[str, Any] = {
        "original": name,
        "tolerance_m": tolerance_m,
        "kinds": [str(item.kind) for item in result.done if item.rows],
        "rows": sum(item.rows for item in result.done),
        "area_m2": round(sum(item.area_m2 for item in result.done), 3),
        "moved_max_m": round(max(item.moved_max_m for item in result.done), 3),
    }
    told = dict(before.provenance)
    history = told.get("repairs", [])
    earlier = list(history) if isinstance(history, list) else []
    return Layer(before.kind, result.layer.frame, {**told, "repairs": [*earlier, entry]})
