"""The manifest: what a report's folder holds and what it was made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gridmap.report._definitions import repairs_of
from gridmap.report.report import Report
from gridmap.version import __version__

__all__ = ["MANIFEST", "parameters_of", "read_manifest", "write_manifest"]

MANIFEST = "manifest.json"
_LIBRARIES = ("geopandas", "matplotlib", "numpy", "pandas", "pyogrio", "pyproj", "shapely",
              "typst", "xlsxwriter")  # fmt: skip


def write_manifest(report: Report, folder: Path, options: Mapping[str, object]) -> dict[str, Any]:
    """Write ``manifest.json`` over the files of a folder and return it.

    Parameters
    ----------
    report
        The report that the files were made of.
    folder
        Where the files are.
    options
        How they were written: formats, paper.
    """
    city = report.city
    layers: list[dict[str, Any]] = [
        {
            "kind": str(kind),
            "features": len(layer),
            "digest": layer.digest,
            "sources": [str(name) for name in _listed(layer.provenance.get("sources"))],
            "repairs": repairs_of(layer),
        }
        for kind, layer in city.layers.items()
    ]
    hidden = bool(report.hiding.limit)  # the number of all would tell those of a month
    if city.incidents is not None:
        layers.append(
            {
                "kind": "incidents",
                "features": None if hidden else len(city.incidents),
                "digest": city.incidents.digest,
                "sources": [],
            }
        )
    manifest = {
        "gridmap": __version__,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "title": report.title,
        "language": report.language,
        "parameters": {**parameters_of(report), **options},
        "crs": city.crs.to_string(),
        "presets": {name: getattr(city.presets, name) for name in sorted(city.presets.__slots__)},
        "layers": layers,
        "files": [_entry(path, folder) for path in sorted(folder.rglob("*")) if path.is_file()],
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
    return manifest


def parameters_of(report: Report) -> dict[str, Any]:
    """Return what the numbers of a report depend on, as plain values."""
    return {
        "date": report.request.dated.isoformat(),
        "period": report.period.code,
        "compared": None if report.compared is None else report.compared.code,
        "plan": None if report.plan is None else report.plan.name,
        "plan_digest": None if report.plan is None else report.plan.digest,
        "suppress_below": report.request.suppress_below,
    }


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a folder, or None where there is none that can be read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        ours = "gridmap" in found and all(isinstance(item["path"], str) for item in found["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if ours else None


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _entry(path: Path, folder: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {
        "path": path.relative_to(folder).as_posix(),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
