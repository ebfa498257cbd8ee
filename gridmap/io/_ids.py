"""Ids that tell every feature apart, whatever the file's column holds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import some_ids
from gridmap.io.options import Note

__all__ = ["GivenIds", "unique_ids"]


_CODE = r"[\w.\-/]{1,40}"


@dataclass(frozen=True)
class GivenIds:
    """Ids without blanks or repeats, and which of them are not the file's own."""

    ids: NDArray[np.object_]
    repeated: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: list[Note] = field(default_factory=list)


def unique_ids(frame: pd.DataFrame, where: str) -> GivenIds:
    """Return an id a row: blanks become ``row-N``, repeats get ``-1``, ``-2`` ...

    Parameters
    ----------
    frame
        Features; their ids stand in ``id`` if they have any.
    where
        What to call the file.
    """
    if "id" not in frame.columns:
        ids = np.array([str(row + 1) for row in range(len(frame))], dtype=object)
        likely = some_ids(_likely_ids(frame)) or "-"
        values: dict[str, object] = {"file": where, "count": len(frame), "columns": likely}
        return GivenIds(ids, notes=[Note("io.note.ids_made", values)])
    ids = frame["id"].astype("object").fillna("").astype(str).to_numpy(dtype=object)
    notes: list[Note] = []
    blank = ids == ""
    taken = set(ids[~blank])
    ids = ids.copy()
    for row in np.flatnonzero(blank):
        ids[row] = _free(f"row-{row + 1}", taken)
    missing = tuple(ids[blank])
    if missing:
        notes.append(Note("io.note.ids_blank", {"file": where, "count": len(missing)}))
    series = pd.Series(ids)
    repeated = series.duplicated(keep=False).to_numpy()
    if not repeated.any():
        return GivenIds(ids, (), missing, notes)
    names = series[repeated].unique()
    values = {"file": where, "count": int(repeated.sum()), "ids": some_ids(names)}
    notes.append(Note("io.note.ids_repeated", values))
    number: dict[str, int] = {}
    for row in np.flatnonzero(repeated):
        name = str(series[row])
        number[name] = number.get(name, 0) + 1
        while f"{name}-{number[name]}" in taken:
            number[name] += 1
        ids[row] = f"{name}-{number[name]}"
        taken.add(str(ids[row]))
    return GivenIds(ids, tuple(ids[repeated]), missing, notes)


def _likely_ids(frame: pd.DataFrame) -> list[str]:
    """Return the columns that hold something else in each row, written as codes are."""
    found = []
    for name in frame.columns:
        values = frame[name]
        if values.dtype.kind in "fbMm" or values.dtype == "geometry" or values.isna().any():
            continue
        text = values.astype(str).str.strip()
        if text.is_unique and text.str.fullmatch(_CODE).all():
            found.append(str(name))
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "'"
    taken.add(name)
    return name
