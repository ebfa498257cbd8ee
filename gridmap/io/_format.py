"""The format of a workspace, and how one of an older gridmap is brought up to it.

===========  ==========================================================================
version      what it brought
===========  ==========================================================================
1            ``gridmap.toml``, ``city.gpkg``, ``incidents.parquet``
2            the preset ``coverage``, which a gridmap of version 1 would refuse as unknown
3            where incidents lie, in columns of their own; ``station`` was such a name before
===========  ==========================================================================

Reading brings the contents of ``gridmap.toml`` up in memory and writes nothing, so a folder
that is read-only, or shared with an older gridmap, stays as it is. The first change that is
written keeps the old file as ``gridmap.toml.v1`` and puts the new one in place at a stroke.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from gridmap.errors import WorkspaceError
from gridmap.io.placing import put

__all__ = ["VERSION", "keep_older", "upgrade"]

VERSION = 3
Config = MutableMapping[str, Any]


def _from_1(config: Config) -> None:
    """Leave all as it is: a preset that is not named has its usual value."""


def _from_2(config: Config) -> None:
    """Leave all as it is: incidents are located when the next layer or incidents are stored."""


_STEPS: Mapping[int, Callable[[Config], None]] = {1: _from_1, 2: _from_2}


def version_of(config: Mapping[str, Any], folder: Path) -> int:
    """Return the version that a workspace says it is of; 1 where somebody wrote it by hand.

    Raises
    ------
    WorkspaceError
        If it is no version, or a later one than this gridmap knows.
    """
    version = config.get("version", 1)
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise WorkspaceError("io.error.version", path=str(folder), received=version, known=VERSION)
    return int(version)


def upgrade(config: Config, folder: Path) -> None:
    """Bring what ``gridmap.toml`` says up to the present version, in memory.

    Raises
    ------
    WorkspaceError
        If it is of a later version.
    """
    for version in range(version_of(config, folder), VERSION):
        _STEPS[version](config)
    config["version"] = VERSION


def keep_older(config: Path, version: int) -> None:
    """Keep a copy of ``gridmap.toml`` of an older version beside it, once."""
    kept = config.with_name(f"{config.name}.v{version}")
    if version < VERSION and config.exists() and not kept.exists():
        beside = kept.with_name(f".{kept.name}.part")
        shutil.copyfile(config, beside)
        put(beside, kept)
