"""Who looks after which ground: each grid's beat, and each beat's name and staff."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from html import escape
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import InputError, MissingError, some_ids
from gridmap.i18n import LANGUAGES, tr
from gridmap.typing import Floats, Ints32

L = TypeVar("L")  # what a caller names grids by


@cache
def _made_number(beat: str, name: str) -> int:
    """Return the number of a new beat that gridmap named in any language; 0 for other names.

    A proposal's beat has its number as its id (``01``), one made by hand an N before it (``N1``).
    The same name on another beat was typed by a person.
    """
    digits = beat.removeprefix("N")
    number = int(digits) if digits.isdecimal() else 0
    texts = {tr("model.new_beat", language=language, number=number) for language in LANGUAGES}
    return number if beat in {f"{number:02d}", f"N{number}"} and name in texts else 0


@dataclass(frozen=True, slots=True)
class BeatInfo:
    """One beat of a plan.

    Parameters
    ----------
    id
        Text, not blank, once in a plan.
    name
        What people call it; the id if blank.
    station
        Id of its station, or ``""``.
    room
        Id of its police room, or ``""``.
    officers, auxiliaries
        Numbers of staff; not negative.
    """

    id: str
    name: str = ""
    station: str = ""
    room: str = ""
    officers: float = 0.0
    auxiliaries: float = 0.0

    @property
    def label(self) -> str:
        """The name, or the id where there is none.

        A new beat that gridmap named is named in the reader's language, whichever it was made in.
        """
        number = _made_number(self.id, self.name)
        return tr("model.new_beat", number=number) if number else self.name or self.id


@dataclass(frozen=True, eq=False)
class Plan:
    """An immutable assignment of grids to beats; grids are never split.

    Parameters
    ----------
    name
        What the plan is called.
    grid_ids : (n,) object
        The grids, in the order of the city's grid layer.
    assignment : (n,) int32
        Row of the grid's beat in ``beats``; -1 for a grid in no beat.
    beats
        The beats; one may be empty.
    city_digest
        Digest of the grid layer that the plan was made on, or ``""``.

    Raises
    ------
    InputError
        If lengths differ, a beat's id is blank or repeated, a row is out of range, or
        staff is negative.
    """

    name: str
    grid_ids: NDArray[np.object_]
    assignment: Ints32
    beats: tuple[BeatInfo, ...]
    city_digest: str = ""

    def __post_init__(self) -> None:
        """Check the whole invariant."""
        assignment = np.array(self.assignment, dtype=np.int32)
        assignment.setflags(write=False)
        if len(self.grid_ids) != len(assignment):
            raise InputError(
                "model.error.plan_lengths", grids=len(self.grid_ids), rows=len(assignment)
            )
        ids = [beat.id for beat in self.beats]
        twice = sorted({name for name in ids if ids.count(name) > 1}) if _repeats(ids) else []
        if twice or any(not name.strip() for name in ids):
            raise InputError("model.error.plan_beat_ids", ids=some_ids(twice or [""]))
        if len(assignment) and not (-1 <= assignment.min() <= assignment.max() < len(ids)):
            raise InputError("model.error.plan_range", beats=len(ids))
        if any(min(beat.officers, beat.auxiliaries) < 0 for beat in self.beats):
            raise InputError("model.error.plan_staff")
        object.__setattr__(self, "assignment", assignment)
        object.__setattr__(self, "beats", tuple(self.beats))

    def __repr__(self) -> str:
        return f"<Plan {self.name!r}: {len(self.grid_ids)} grids in {len(self.beats)} beats>"

    def _repr_html_(self) -> str:
        """Return the plan's beats, with grids and staff, as a table: what a notebook shows."""
        sizes = np.bincount(self.assignment[self.assignment >= 0], minlength=len(self.beats))
        head = [tr("field.name"), tr("io.layer.grid"), tr("field.officers")]
        cells = [head] + [
            [beat.label, f"{count:,}", f"{beat.officers:g}"]
            for beat, count in zip(self.beats, sizes.tolist(), strict=True)
        ]
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in cells
        )
        return f"<div><b>{escape(self.name)}</b><table>{rows}</table></div>"

    def __len__(self) -> int:
        return len(self.beats)

    @classmethod
    def from_labels(
        cls,
        name: str,
        grid_ids: Iterable[object],
        labels: Iterable[object] | Mapping[L, object],
        *,
        beats: Mapping[str, BeatInfo] | None = None,
        city_digest: str = "",
    ) -> Plan:
        """Return a plan from each grid's beat id; a blank, ``"0"`` or None means no beat.

        Beats are in the order of ``beats``, then of their ids.

        Parameters
        ----------
        name
            What the plan is called.
        grid_ids
            The grids, each once.
        labels
            A beat id a grid, in the order of ``grid_ids``, or grid to beat id; numbers become
            text, and NaN is None. A grid that a mapping leaves out is in no beat.
        beats
            Id to what is known of the beat.
        city_digest
            Digest of the grid layer, or ``""``.

        Raises
        ------
        InputError
            If an argument is of the wrong kind, a grid is repeated, or lengths differ.
        MissingError
            If a mapping names a grid that is not among ``grid_ids``.
        """
        if not isinstance(name, str):
            raise InputError("model.error.takes_text", argument="name",
                             received=type(name).__name__)  # fmt: skip
        for argument, values in (("grid_ids", grid_ids), ("labels", labels)):
            if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
                key = f"model.error.takes_{argument}"
                raise InputError(key, received=type(values).__name__)
        if beats is not None and not isinstance(beats, Mapping):
            raise InputError("model.error.takes_beats", received=type(beats).__name__)
        ids = np.array([str(grid) for grid in grid_ids], dtype=object)
        index = pd.Index(ids)
        if not index.is_unique:
            raise InputError("model.error.plan_grids_repeated", plan=name,
                             ids=some_ids(index[index.duplicated()].unique()))  # fmt: skip
        if isinstance(labels, Mapping):
            by_grid = {str(grid): label for grid, label in labels.items()}
            if lost := by_grid.keys() - set(ids):
                raise MissingError("model.error.plan_no_grid", ids=some_ids(sorted(lost)),
                                   plan=name)  # fmt: skip
            labels = [by_grid.get(grid) for grid in ids]
        text = np.array([_beat_id(label) for label in labels], dtype=object)
        known = dict(beats or {})
        for label in sorted(set(text) - {""} - set(known), key=_natural):
            known[label] = BeatInfo(label)
        rows = {label: row for row, label in enumerate(known)}
        assignment = np.array([rows.get(label, -1) for label in text], dtype=np.int32)
        return cls(name, ids, assignment, tuple(known.values()), city_digest)

    @cached_property
    def beat_ids(self) -> NDArray[np.object_]:
        """The beats' ids, shape (k,)."""
        return np.array([beat.id for beat in self.beats], dtype=object)

    @cached_property
    def labels(self) -> NDArray[np.object_]:
        """Each grid's beat id, ``""`` for none, shape (n,)."""
        ids = np.append(self.beat_ids, "")
        return np.asarray(ids[self.assignment], dtype=object)

    @cached_property
    def digest(self) -> str:
        """Sixteen bytes in hex over grids, assignment and beats."""
        sums = hashlib.blake2b(digest_size=16)
        sums.update("\x1f".join(map(str, self.grid_ids)).encode())
        sums.update(self.assignment.tobytes())
        sums.update(repr(self.beats).encode())
        return sums.hexdigest()

    def totals(self, values: Floats) -> Floats:
        """Return the sum of a value per grid over each beat, shape (k,)."""
        held = self.assignment >= 0
        return np.bincount(
            self.assignment[held], weights=values[held], minlength=len(self.beats)
        ).astype(float)

    def row_of(self, beat: str | int) -> int:
        """Return the row of a beat.

        Raises
        ------
        MissingError
            If the plan has no such beat.
        """
        rows = np.flatnonzero(self.beat_ids == str(beat))
        if len(rows) == 0:
            raise MissingError("model.error.plan_no_beat", beat=beat, plan=self.name)
        return int(rows[0])

    def rows_of(self, grids: Iterable[str | int]) -> NDArray[np.intp]:
        """Return the rows of grids.

        Raises
        ------
        MissingError
            If the plan lacks one of them.
        """
        wanted = [str(grid) for grid in grids]
        index = pd.Index(self.grid_ids)
        rows = index.get_indexer(wanted)
        if (rows < 0).any():
            lost = [name for name, row in zip(wanted, rows, strict=True) if row < 0]
            raise MissingError("model.error.plan_no_grid", ids=some_ids(lost), plan=self.name)
        return np.asarray(rows)

    def move(self, grids: Iterable[str | int], *, to: str | int) -> Plan:
        """Return the plan with grids moved to a beat (``""`` takes them out of any).

        Raises
        ------
        MissingError
            If the plan lacks a grid or the beat.
        """
        assignment = self.assignment.copy()
        assignment[self.rows_of(grids)] = -1 if to == "" else self.row_of(to)
        return replace(self, assignment=assignment)

    def without_empty_beats(self) -> Plan:
        """Return the plan without the beats that have no grid."""
        held = np.unique(self.assignment[self.assignment >= 0])
        place = np.full(len(self) + 1, -1, dtype=np.int32)  # the last one is of grids in no beat
        place[held] = np.arange(len(held), dtype=np.int32)
        beats = tuple(self.beats[row] for row in held)
        return replace(self, assignment=place[self.assignment], beats=beats)

    def renamed(self, name: str) -> Plan:
        """Return the plan under another name."""
        return replace(self, name=name)


def _repeats(ids: list[str]) -> bool:
    return len(set(ids)) < len(ids)


def _beat_id(label: object) -> str:
    """Return a label as text, ``""`` for none: 3 and 3.0 are both ``"3"``.

    >>> [_beat_id(label) for label in (3, 3.0, "A", "0", None, float("nan"))]
    ['3', '3', 'A', '', '', '']
    """
    if isinstance(label, str):
        text = str(label)
    elif pd.api.types.is_scalar(label) and pd.isna(label):
        return ""
    elif isinstance(label, (float, np.floating)) and float(label).is_integer():
        text = str(int(label))
    else:
        text = str(label)
    return "" if text.strip() in ("", "0") else text


def _natural(label: str) -> tuple[int, int | str, str]:
    return (0, int(label), label) if label.isascii() and label.isdigit() else (1, label, label)
