"""Mutated files of one format through the readers, in one process with limits.

Run as a program: ``python tests/fuzzing.py FORMAT SEED FIRST COUNT FOLDER [alone]``. Each line
that it prints is the number of a mutation that ended well: in a report, or in one line of ours.
What ends otherwise, takes more than 10 s of the processor or 1 GB, in this process or in one that
it starts, ends the program with a code above zero.

The readers of GIS files work in this process, not in one for each file, so that 300 mutations of
a format take seconds. A mutation that ends the process is the last number and one: `test_io_fuzz`
then runs it with ``alone``, where the real reader works in a process of its own.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import signal
import sys
import traceback
import warnings
import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
from shapely import box

from gridmap.errors import GridmapError, InputError
from gridmap.gdal import child, reading
from gridmap.io import Workspace, read_files

DATA = Path(__file__).parent / "data"
FORMATS = (
    "shp", "gpkg", "geojson", "fgb", "kml", "tab", "parquet", "csv", "xlsx", "xls", "zip",
    "topojson", "gpx", "dxf", "osm",
)  # fmt: skip
MEMORY = 1_000_000_000
SECONDS = 10  # of the processor
CLOCK = 300  # seconds on a busy machine
UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
TEXT = {"geojson", "kml", "csv", "topojson", "gpx", "dxf", "osm"}
EXTREME = ["0", "-1", "1e308", "-1e308", "NaN", "99999999999999999999", "", "null", "{}", "[[",
           '"',
           "\ufeff", "\x00", "<", "&#0;", "\ud800", "]" * 500, "[" * 500, "甲" * 3000]  # fmt: skip


def squares():
    shapes = [box(114 + n / 100, 22.5, 114.01 + n / 100, 22.51) for n in range(6)]
    return gpd.GeoDataFrame(
        {"编码": [f"{n:03}" for n in range(6)], "name": "湖滨", "residents": range(6)},
        geometry=shapes, crs=4490,
    )  # fmt: skip


def seed_file(name, folder):  # noqa: C901, PLR0912 - a case a format
    """Write a good file of a format and return it with its parts."""
    path = folder / f"a.{name}"
    frame = squares()
    match name:
        case "shp" | "zip":
            frame.to_file(folder / "a.shp", encoding="gbk")
            if name == "zip":
                with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                    for part in sorted(folder.glob("a.*")):
                        if part != path:
                            archive.write(part, f"数据/{part.name}")
                for part in folder.glob("a.[!z]*"):
                    part.unlink()
        case "parquet":
            frame.to_parquet(path)
        case "tab":
            frame.rename(columns={"编码": "code"}).to_file(path, driver="MapInfo File")
        case "csv":
            rows = "".join(f"2024-03-{n + 1:02},盗窃,114.0{n},22.505\n" for n in range(8))
            path.write_text(f"发生时间,类别,经度,纬度\n{rows}", encoding="gbk")
        case "xlsx":
            table = pd.DataFrame(
                {"编号": ["1", "2"], "经度": [114.0, 114.1], "纬度": [22.5, 22.6]}
            )
            table.to_excel(path, index=False)
        case "xls":
            shutil.copyfile(DATA / "incidents.xls", path)
        case "kml":
            path.write_text(kml(frame), encoding="utf-8")
        case "topojson":
            arc = [[0, 0], [50, 0], [0, 50], [-50, 0], [0, -50]]
            one = {"type": "Polygon", "arcs": [[0]], "properties": {"id": "A1"}}
            made = {"type": "GeometryCollection", "geometries": [one]}
            transform = {"scale": [0.0001, 0.0001], "translate": [120.1, 30.2]}
            path.write_text(json.dumps(
                {"type": "Topology", "transform": transform, "objects": {"g": made}, "arcs": [arc]}
            ), encoding="utf-8")  # fmt: skip
        case "gpx":
            points = "".join(f'<trkpt lat="30.{n}" lon="120.{n}"/>' for n in range(5))
            track = f"<trk><name>a</name><trkseg>{points}</trkseg></trk>"
            path.write_text(f'<gpx version="1.1">{track}</gpx>', encoding="utf-8")
        case "osm":
            nodes = "".join(f'<node id="{n}" lat="30.{n}" lon="120.{n}"/>' for n in range(1, 5))
            refs = "".join(f'<nd ref="{n}"/>' for n in range(1, 5))
            path.write_text(f'<osm version="0.6">{nodes}<way id="9">{refs}<tag k="highway" '
                            'v="primary"/></way></osm>', encoding="utf-8")  # fmt: skip
        case "dxf":
            points = "".join(f"10\n{500000 + x}\n20\n{3300000 + y}\n"
                             for x, y in ((0, 0), (900, 0), (900, 900)))  # fmt: skip
            path.write_text(f"0\nSECTION\n2\nENTITIES\n0\nLWPOLYLINE\n8\na\n90\n3\n70\n1\n{points}"
                            "0\nENDSEC\n0\nEOF\n", encoding="utf-8")  # fmt: skip
        case _:
            frame.to_file(path)
    return sorted(folder.glob("a.*"))


def kml(frame):
    marks = ""
    for row in frame.itertuples():
        ring = " ".join(f"{x},{y},0" for x, y in row.geometry.exterior.coords)
        marks += (
            f"<Placemark><name>{row.name}</name><ExtendedData><Data name='编码'><value>{row.编码}"
            f"</value></Data></ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>"
            f"{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        )
    return f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{marks}</Document></kml>'


def mutated(raw, rng, *, text):
    """Return bytes changed in one to four of the ways in which files break or are broken."""
    out = bytearray(raw)
    for _ in range(rng.randint(1, 4)):
        at, size = rng.randrange(len(out) + 1), rng.choice((1, 2, 4, 8, 64, 1000))
        match rng.randrange(7 if not text else 9):
            case 0:
                del out[at:]
            case 1:
                del out[at : at + size]
            case 2:
                out[at:at] = out[at : at + size]
            case 3:
                out[at : at + size] = rng.randbytes(min(size, 64))
            case 4:
                number = rng.choice((0, 1, -1, 2**31 - 1, -(2**31), 255, 2**16))
                out[at : at + 4] = number.to_bytes(4, rng.choice(("little", "big")), signed=True)
            case 5:
                out[at : at + size] = bytes(size)
            case 6:
                for place in range(at, min(at + size, len(out))):
                    out[place] ^= 1 << rng.randrange(8)
            case _:
                word = rng.choice(EXTREME).encode("utf-8", "surrogatepass")
                out[at : at + rng.choice((0, 1, size))] = word
    return bytes(out)


def in_this_process(request, name, out):
    """Read as the child does, in this process."""
    try:
        return child.read_in_child(request, Path(out))
    except GridmapError:
        raise
    except MemoryError as error:
        raise InputError("gdal.error.memory", file=name) from error
    except Exception as error:
        raise InputError("gdal.error.cannot_open", file=name) from error


def kind_of(name):
    return {
        "csv": "incidents",
        "xls": "incidents",
        "xlsx": "room",
        "gpx": "road",
        "osm": "road",
    }.get(name, "beat")


def state(folder):
    return sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*"))


def write_mutation(name, seed, number, parts, folder):
    """Write a mutation and return the file to be read."""
    rng = random.Random(f"{name}-{seed}-{number}")  # noqa: S311 - dice with a seed
    chosen = rng.choice(parts)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for part in parts:
        raw = part.read_bytes()
        if part == chosen:
            raw = mutated(raw, rng, text=name in TEXT or part.suffix in {".tab", ".prj", ".cpg"})
        (folder / part.name).write_bytes(raw)
    return folder / f"a.{name}"


def peak_memory():
    """Return the most memory that this program, or one that it started, has held, in bytes.

    ``ru_maxrss`` starts from what the process held before it became another program: of this
    one, that is a whole test run, so the kernel's own high-water mark is read, which starts anew.
    Of those that it starts it is what this one held, which is counted anyway.
    """
    status = Path("/proc/self/status")
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * UNIT
    if status.exists():
        mark = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return max(children, int(mark.split()[1]) * 1024)
    return max(children, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT)


def processor_s():
    """Return the processor time of this program and of those that it started and that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main(name, seed, first, count, folder, *, alone=False):
    """Read mutations one after the other and print the number of each that ended well."""
    good = folder / "good"
    parts = sorted(good.iterdir())
    place = Workspace.at(folder / "empty")  # without layers, which each reading would read first
    before = state(folder / "city")
    if not alone:
        reading._ask = in_this_process
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")  # GDAL's remarks on what is broken go nowhere in the reader
    for number in range(first, first + count):
        path = write_mutation(name, seed, number, parts, folder / "mutated")
        # This process ends itself, as the reader of one file would; the clock is for what waits.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(CLOCK)
        began = processor_s()
        try:
            _, report = read_files(place, [path], kind=kind_of(name))
        except GridmapError as error:
            ended = bool(error.text("en")) and "\n" not in error.text("zh")
        except Exception:  # noqa: BLE001 - what must not happen is shown
            traceback.print_exc()
            ended = False
        else:
            ended = report.read == report.features + sum(report.refused.values())
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        if processor_s() - began > SECONDS:
            return 3
        if peak_memory() > MEMORY:
            return 2
        if not ended or state(folder / "city") != before or place.path.exists():
            return 1
        print(number, flush=True)  # noqa: T201 - this is the answer
    return 0


if __name__ == "__main__":
    format_, *numbers = sys.argv[1:5]
    alone = sys.argv[6:] == ["alone"]
    sys.exit(main(format_, *map(int, numbers), Path(sys.argv[5]), alone=alone))
