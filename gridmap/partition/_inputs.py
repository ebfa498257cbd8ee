"""What is given as numbers, read as arrays: anything else is refused in one sentence."""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridmap.errors import InputError, some_ids

__all__ = ["group", "groups", "number_of_beats", "numbers", "pairs", "refuse_rows", "whole"]

Integers = NDArray[np.int64]


def refuse_rows(key: str, name: str, wrong: NDArray[np.bool_], **values: object) -> None:
    """Refuse an array for its rows that are wrong."""
    if wrong.any():
        rows = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
        said = f"partition.error.{key}"
        raise InputError(said, name=name, ids=some_ids(rows), **values)


def number_of_beats(beats: object, grids: int) -> int:
    """Return the number of beats."""
    try:
        number = -1 if isinstance(beats, (bool, np.bool_)) else operator.index(beats)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if not 1 <= number <= grids:
        raise InputError("partition.error.beats", beats=beats, grids=grids)
    return number


def numbers(name: str, value: object) -> NDArray[Any]:
    """Return numbers as an array of their own, whole or with fractions."""
    try:
        array = np.array(value)
        if array.dtype.kind in "OUS":
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_numbers(name, value) from error
    if array.dtype.kind not in "iufb":
        raise _no_numbers(name, value)
    return array if array.dtype.kind in "iu" else array.astype(np.float64)


def _no_numbers(name: str, value: object) -> InputError:
    received = " ".join(reprlib.repr(value).split())
    return InputError("partition.error.not_numbers", name=name, received=received)


def whole(name: str, value: object) -> Integers:
    """Return whole numbers."""
    array = numbers(name, value)
    if array.dtype.kind == "f":
        array = np.atleast_1d(array)
        refuse_rows("not_finite", name, ~np.isfinite(array))
        refuse_rows("not_whole", name, (array != np.rint(array)) | (np.abs(array) > 2**53))
    return array.astype(np.int64)


def group(name: str, given: Iterable[int]) -> tuple[int, ...]:
    """Return the grids or beats of a group."""
    try:
        members = tuple(given)
    except TypeError as error:
        raise _no_numbers(name, given) from error
    found = whole(name, members)
    if found.ndim != 1:
        raise _no_numbers(name, given)
    return tuple(found.tolist())


def groups(
    name: str, given: Iterable[Iterable[int]], size: int | None
) -> tuple[tuple[int, ...], ...]:
    """Return groups, each of a size where one is given."""
    try:
        made = tuple(group(name, one) for one in given)
    except TypeError as error:
        raise _no_numbers(name, given) from error
    wrong = [one for one in made if size is not None and len(one) != size]
    if wrong:
        raise InputError(
            "partition.error.shape", name=name, expected=("m", size), received=wrong[0]
        )
    return made


def pairs(name: str, edges: ArrayLike | None) -> Integers:
    """Return edges as pairs (low, high) without loops."""
    array = whole(name, () if edges is None else edges)
    if not array.size:
        return np.zeros((0, 2), dtype=np.int64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(
            "partition.error.shape", name=name, expected="(m, 2)", received=array.shape
        )
    return np.sort(array, axis=1)
