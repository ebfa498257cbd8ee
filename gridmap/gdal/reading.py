"""Reading a GIS file in a confined process: the request, and the answer."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.errors import GridmapError, InputError, MissingError, WorkspaceError
from gridmap.gdal.guards import MOST_PIXELS, PARTS, RASTERS, plain_environment, require_format

# What a file may cost: measured on the largest public layers, and some ten times that.
_MEMORY_BYTES, _MEMORY_PER_BYTE = 700_000_000, 24
_PROCESSOR_S, _PROCESSOR_PER_MB = 8, 2
_CLOCK_PER_PROCESSOR_S = 6  # a machine that is busy with other things
_PER_PIXEL = 10  # bytes: as read, and as single floats
_SAFE = str.maketrans(dict.fromkeys('!?*#<>:"|\\/', "_"))
_LONGEST = 60  # letters of a name; some systems take 255 bytes


@dataclass(frozen=True)
class RawLayer:
    """One layer as GDAL reads it, before anything is made of it.

    Parameters
    ----------
    name
        The layer's name in its file.
    frame
        The attributes.
    shapes
        A geometry for each row, None where there is none; None for a table.
    crs
        What the file states, as text that pyproj takes, or None.
    driver
        GDAL's name of the format.
    in_bytes
        Whether text is still bytes, each as a Latin-1 letter, with the encoding unknown.
    encoding
        The encoding that the text was in, where the reader found it out.
    closed
        Shapes of which rings had to be closed.
    """

    name: str
    frame: pd.DataFrame
    shapes: NDArray[np.object_] | None
    crs: str | None
    driver: str
    in_bytes: bool
    encoding: str = ""
    closed: int = 0


@dataclass(frozen=True)
class RawRaster:
    """A raster of counts, north up.

    Parameters
    ----------
    values
        Counts, shape (rows, columns), from the north and the west; 0 where nothing is known.
    west, north
        Where the first pixel begins, in the raster's CRS.
    step_x, step_y
        Size of a pixel.
    crs
        What the file states, as text that pyproj takes, or None.
    """

    values: NDArray[np.float32]
    west: float
    north: float
    step_x: float
    step_y: float
    crs: str | None


def read_raster(path: Path) -> RawRaster:
    """Read a GeoTIFF in a process that sees this file only.

    Raises
    ------
    InputError
        If the file is no GeoTIFF of one band, north up, is broken, or has too many pixels.
    WorkspaceError
        If there is no room for what is read.
    """
    with _answered(path) as (answer, out):
        return RawRaster(
            np.load(out / answer["file"], allow_pickle=False), answer["west"], answer["north"],
            answer["step_x"], answer["step_y"], answer["crs"],
        )  # fmt: skip


def read_layers(
    path: Path, *, layer: str = "", encoding: str = "", dimension: int | None = None
) -> list[RawLayer]:
    """Read layers of a GIS file in a process that sees this file only.

    Parameters
    ----------
    path
        The file, or the folder of a file geodatabase.
    layer
        Name of a layer, ``all`` for each that has shapes, blank for the only one.
    encoding
        Encoding of a KML that states a wrong one; what else has text in bytes returns bytes.
    dimension
        0 for points, 1 for lines, 2 for areas: which layer of a GPX or OSM file is meant where
        none is named.

    Raises
    ------
    InputError
        If the file is in another format than its suffix says, is broken, leads to other files,
        costs too much memory or time, or holds several layers and none was chosen.
    MissingError
        If it has no such layer.
    WorkspaceError
        If there is no room for what is read.
    """
    with _answered(path, layer=layer, encoding=encoding, dimension=dimension) as (answer, out):
        return [_layer(item, out) for item in answer["layers"]]


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file in a process that sees this file only.

    Returns
    -------
    pandas.DataFrame
        The table; a GeoDataFrame where the file is GeoParquet.

    Raises
    ------
    InputError
        If the file is in another format, is broken, or unpacks to far more than its size.
    WorkspaceError
        If there is no room for what is read.
    """
    with _answered(path) as (answer, out):
        # Both libraries call Arrow's files Feather; shapes are described as in GeoParquet.
        read = gpd.read_feather if answer["has_shapes"] else pd.read_feather
        frame: pd.DataFrame = read(out / answer["file"])
        return frame


@contextmanager
def _answered(
    path: Path, *, layer: str = "", encoding: str = "", dimension: int | None = None
) -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield what the reader says of a file, and the folder in which it has left the rest."""
    require_format(path)
    with _staged(path) as (staged, readable, out):
        size = _size(path)
        request = {
            "path": str(staged),
            "name": path.name,
            "suffix": path.suffix.lower(),
            "layer": layer,
            "encoding": encoding,
            "dimension": dimension,
            "out": str(out),
            "readable": [str(item) for item in readable],
            "memory_bytes": _MEMORY_BYTES + _MEMORY_PER_BYTE * size + _raster_bytes(path),
            "processor_s": _PROCESSOR_S + _PROCESSOR_PER_MB * (size // 1_000_000),
        }
        answer = _ask(request, path.name, out)
        try:
            yield answer, out
        except (ValueError, TypeError, KeyError) as error:  # ArrowInvalid is a ValueError
            raise InputError("gdal.error.cannot_open", file=path.name) from error


def _ask(request: dict[str, Any], name: str, out: Path) -> dict[str, Any]:
    package = str(Path(__file__).parents[2])
    # Where gridmap is worked on, this copy comes before one that is installed.
    place = (
        f"import sys; package = {package!r}; package in sys.path or sys.path.insert(0, package)"
    )
    start = f"{place}; from gridmap.gdal import child; child.main()"
    try:
        done = subprocess.run(  # noqa: S603 - our own program, by this very interpreter
            [sys.executable, "-I", "-X", "utf8", "-c", start],
            input=json.dumps(request).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=out,
            env=_environment(out),
            timeout=_CLOCK_PER_PROCESSOR_S * request["processor_s"],
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError("gdal.error.time", file=name) from error
    try:
        answer = json.loads((out / "answer.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _stopped(done.returncode, name, out) from error
    if "error" in answer:
        kind = MissingError if answer.get("missing") else InputError
        cause = RuntimeError(answer["reason"]) if "reason" in answer else None
        raise kind(str(answer["error"]), **answer["values"]) from cause
    return dict(answer)


def _environment(out: Path) -> dict[str, str]:
    """Return what a reader must know of its surroundings: no secrets, no settings of GDAL."""
    return plain_environment() | {
        "TMPDIR": str(out), "TEMP": str(out), "TMP": str(out), "HOME": str(out),
        "CPL_TMPDIR": str(out), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
        "GDAL_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system",
    }  # fmt: skip


def _stopped(code: int, name: str, out: Path) -> GridmapError:
    """Return why a reader ended without an answer."""
    if shutil.disk_usage(out).free < 10_000_000:
        return WorkspaceError("gdal.error.disk_full", file=name)
    slow = sys.platform != "win32" and code in {-signal.SIGXCPU, -signal.SIGKILL}
    return InputError("gdal.error.time" if slow else "gdal.error.stopped", file=name)


@contextmanager
def _staged(path: Path) -> Iterator[tuple[Path, list[Path], Path]]:
    """Yield a file apart from its neighbours, what must be readable, and a folder to write in."""
    out = Path(tempfile.mkdtemp(prefix="gridmap-"))
    try:
        suffix = path.suffix.lower()
        stem = path.stem[:_LONGEST].translate(_SAFE).strip() or "layer"
        staged = out / "in" / f"{stem}{suffix}"
        staged.parent.mkdir()
        readable = [_put(path, staged)]
        readable += [
            _put(other, staged.with_suffix(other.suffix.lower()))
            for other in path.parent.iterdir()
            if other.stem == path.stem and other.suffix.lower() in PARTS.get(suffix, ())
        ]
        yield staged, readable, out
    except OSError as error:
        if isinstance(error, GridmapError):
            raise
        raise InputError("gdal.error.cannot_open", file=path.name) from error
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _put(source: Path, target: Path) -> Path:
    """Link or copy a file, and return what has to be readable for the reader to see it."""
    source = source.resolve()
    log = source.with_name(f"{source.name}-wal")
    if log.exists() and log.stat().st_size:
        # What another program has not yet written into its database is in the file beside it.
        shutil.copyfile(source, target)
        shutil.copyfile(log, target.with_name(f"{target.name}-wal"))
        return target
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:  # no right to make links
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
        return target
    return source


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{_literal(path.stem)}.*")
    return sum(item.stat().st_size for item in files if item.is_file())


def _raster_bytes(path: Path) -> int:
    """Return what the pixels of a raster take, unpacked; 0 for other files."""
    return _PER_PIXEL * MOST_PIXELS if path.suffix.lower() in RASTERS else 0


def _literal(stem: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in stem)


def _layer(item: dict[str, Any], out: Path) -> RawLayer:
    import pyarrow as pa

    with pa.memory_map(str(out / item["file"])) as source:
        table = pa.ipc.open_file(source).read_all()
        table, in_bytes = _with_valid_text(table)
        table.validate(full=True)
        shapes, closed = None, 0
        if item["has_shapes"] and "geometry" in table.column_names:
            raw = table.column("geometry").to_numpy()
            shapes, closed = _shapes(raw)
            table = table.drop_columns(["geometry"])
        frame = _plain(table).to_pandas()
    for name in item["times"]:
        if name in frame.columns:
            frame[name] = _times(frame[name])
    return RawLayer(
        item["name"], frame, shapes, item["crs"], item["driver"],
        bool(item["in_bytes"]) or in_bytes,
        str(item.get("encoding", "")), closed,
    )  # fmt: skip


def _shapes(raw: NDArray[np.object_]) -> tuple[NDArray[np.object_], int]:
    """Return geometries and how many had rings to be closed; None for what is no shape."""
    shapes = np.asarray(shapely.from_wkb(raw, on_invalid="ignore"), dtype=object)
    lost = shapely.is_missing(shapes) & np.array([item is not None for item in raw], dtype=bool)
    if not lost.any():
        return shapes, 0
    mended = np.asarray(shapely.from_wkb(raw[lost], on_invalid="fix"), dtype=object)
    # A ring of two points closes to a line there and back: that is no area.
    mended[shapely.area(mended) == 0] = None
    shapes[lost] = mended
    return shapes, int((~shapely.is_missing(mended)).sum())


def _with_valid_text(table: Any) -> tuple[Any, bool]:  # noqa: ANN401 - pyarrow carries no types
    """Return a table whose text is text; as bytes, each a Latin-1 letter, where it is no UTF-8."""
    import pyarrow as pa

    places = [n for n, field in enumerate(table.schema) if pa.types.is_string(field.type)
              or pa.types.is_large_string(field.type)]  # fmt: skip
    try:
        for place in places:
            table.column(place).validate(full=True)
    except pa.ArrowInvalid:
        for place in places:
            cells = table.column(place).cast(pa.large_binary()).to_pylist()
            text = [None if cell is None else cell.decode("latin-1") for cell in cells]
            table = table.set_column(place, table.schema.names[place], pa.array(text, pa.string()))
        return table, True
    return table, False


def _plain(table: Any) -> Any:  # noqa: ANN401 - pyarrow carries no types
    """Return a table with lists and objects among its values as JSON text."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            text = [
                None if value is None else json.dumps(value, ensure_ascii=False, default=str)
                for value in table.column(place).to_pylist()
            ]
            table = table.set_column(place, field.name, pa.array(text, pa.string()))
    return table


def _times(values: pd.Series) -> pd.Series:
    """Return times; as text where they are of several offsets (summer and winter)."""
    text = values.astype("object")
    known = text[text.notna()].astype(str)
    offsets = known.str.extract(r"(Z|[+-]\d{2}:?\d{2})$")[0].fillna("")
    if len(set(offsets)) > 1:
        return text
    try:
        return pd.to_datetime(values, format="ISO8601")
    except (ValueError, OverflowError):
        return text
