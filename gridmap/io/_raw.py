"""What one file holds, before anything is made of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pyproj import CRS

from gridmap.errors import GridmapError, InputError
from gridmap.io._encoding import Encoding
from gridmap.io.options import Note

__all__ = ["Source", "foreign_reader"]


@dataclass(frozen=True)
class Source:
    """What one file holds, before anything is made of it.

    Parameters
    ----------
    frame
        The rows; with a geometry column for a layer, without one for a table.
    crs
        The CRS that the file states, or None.
    encoding
        How its text was decoded.
    driver
        The format.
    garbled
        Columns whose text looks like Chinese read in a Western encoding.
    layer
        Name of the layer in its file.
    notes
        What was done to it on the way in.
    """

    frame: pd.DataFrame
    crs: CRS | None
    encoding: Encoding
    driver: str
    garbled: tuple[str, ...] = ()
    layer: str = ""
    notes: tuple[Note, ...] = ()


@contextmanager
def foreign_reader(path: Path) -> Iterator[None]:
    """Turn whatever a library makes of broken bytes into an error of ours."""
    try:
        with warnings.catch_warnings():
            # GDAL's remarks about odd files become our own findings, from our own checks.
            warnings.simplefilter("ignore")
            yield
    except GridmapError:
        raise
    except Exception as error:
        # Damaged files have been seen to raise a dozen kinds of errors, from IndexError to
        # GEOSException; none of them is the user's to understand.
        raise InputError("io.error.cannot_open", file=path.name) from error
