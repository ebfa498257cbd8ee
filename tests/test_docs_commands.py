"""Every command that the documents show works, on files made of the demo city."""

import ast
import hashlib
import inspect
import re
import shlex
import sqlite3
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import documents
import geopandas as gpd
import numpy as np
import pytest
from test_io_rasters import geotiff

from gridmap.api.open import SAMPLES, SampleFile, SampleLayer
from gridmap.demo import make_city
from gridmap.io import read_city, write_frame
from gridmap.model import City, Kind
from gridmap.model.crs import reproject_points, to_datum

Run = Callable[..., tuple[int, str, str]]

# A small city, a wide tolerance and a short search: that a command works is asked here, sizes
# elsewhere.
SHORTER = {
    "demo": ("--grids", "60", "--incidents", "2000"),
    "propose": ("--effort", "quick"),
}
LOOSER = re.compile(r"(?<=--tolerance )0\.\d+")
# What stands for something of the reader's own.
MEANT = {
    "WORKSPACE": "mycity", "工作区": "mycity", "FOLDER": "mycity", "文件夹": "mycity",
    "/srv/gridmap": "mycity", "/srv/gridmap/city": "mycity", "KIND": "overlap", "代号": "overlap",
    "/etc/gridmap/login.toml": "login.toml",
}  # fmt: skip


def frame_of(city: City, kind: Kind) -> gpd.GeoDataFrame:
    return city.layer(kind).frame


def table_with_degrees(city: City, x: np.ndarray, y: np.ndarray, datum: str) -> dict[str, object]:
    lon, lat = to_datum(*reproject_points(x, y, city.crs, gpd.GeoSeries(crs=4326).crs), datum)
    return {"经度": lon, "纬度": lat}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the documents name."""
    folder = tmp_path_factory.mktemp("desk")
    city = make_city(grids=72, incidents=1000)
    grids = frame_of(city, Kind.GRID).drop(columns=["beat", "station"], errors="ignore")
    write_frame(grids, folder / "shp" / "网格.shp")
    write_frame(grids, folder / "网格.shp")
    counts = grids[["id"]].rename(columns={"id": "网格编号"}).assign(租户=7)
    counts.to_excel(folder / "人口.xlsx", index=False)
    with zipfile.ZipFile(folder / "网格.zip", "w") as archive:
        for path in (folder / "shp").iterdir():
            archive.write(path, path.name)
    write_frame(frame_of(city, Kind.BEAT), folder / "警务区.shp")
    write_frame(frame_of(city, Kind.STATION), folder / "派出所辖区.geojson")
    write_frame(frame_of(city, Kind.ROAD), folder / "道路.shp")
    rooms = frame_of(city, Kind.ROOM)
    points = table_with_degrees(city, *city.room_xy.T, "gcj02")
    rooms.drop(columns="geometry").assign(**points).to_excel(folder / "警务室.xlsx", index=False)
    west, _, _, north = frame_of(city, Kind.GRID).to_crs(4326).total_bounds
    geotiff(folder / "pop.tif", np.full((90, 90), 3.0, np.float32), west=west, north=north)
    batch = city.incidents.all
    gpd.pd.DataFrame(
        {
            **table_with_degrees(city, batch.x, batch.y, "wgs84"),
            "发生时间": np.datetime_as_string(batch.time.astype("datetime64[D]")),
            "警情类别": np.array(city.incidents.categories, dtype=object)[batch.category],
        }
    ).to_csv(folder / "警情.csv", index=False)
    areas = frame_of(city, Kind.GRID).to_crs(2276)
    calls = np.maximum(city.grids.counts("residents") // 50, 1).astype(int)
    beat = np.arange(len(areas)) // 6
    text = gpd.pd.DataFrame(
        {"WKT": areas.geometry.to_wkt(), "PDGrid": areas["id"], "CountCalls": calls,
         "BEATNUMBER": beat}
    ).to_csv(index=False)  # fmt: skip
    with closing(sqlite3.connect(folder / "city.mbtiles")) as base:
        base.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        base.execute("CREATE TABLE tiles (zoom_level, tile_column, tile_row, tile_data)")
        base.execute("INSERT INTO tiles VALUES (0, 0, 0, ?)", [b"\x89PNG"])
        base.commit()
    (folder / "downloads").mkdir()
    with zipfile.ZipFile(folder / "downloads" / "CarrolltonGrid.csv.zip", "w") as archive:
        archive.writestr("CarrolltonGrid.csv", text)
    like_chicago(city, folder / "downloads")
    return folder


def samples_of(downloads: Path) -> dict[str, tuple[SampleLayer, ...]]:
    """Return the samples as they would be if the demo's files were the public ones."""

    def known(file: SampleFile) -> SampleFile:
        data = (downloads / file.name).read_bytes()
        return replace(file, size=len(data), sha256=hashlib.sha256(data).hexdigest())

    return {
        name: tuple(
            replace(layer, file=known(layer.file), counts=layer.counts and known(layer.counts))
            for layer in layers
        )
        for name, layers in SAMPLES.items()
    }


def like_chicago(city: City, folder: Path) -> None:
    """Write the demo city as Chicago's files are: other names, two orders of day and month."""
    grids = frame_of(city, Kind.GRID)
    ids = [f"17031{row:06d}1" for row in range(len(grids))]
    write_frame(grids[["geometry"]].assign(GEOID10=ids), folder / "bg" / "bg.shp")
    with zipfile.ZipFile(folder / "tl_2020_17031_bg10.zip", "w") as archive:
        for path in (folder / "bg").iterdir():
            archive.write(path, path.name)
    gpd.pd.DataFrame(
        {"state": "17", "county": "031", "tract": [f"{row:06d}" for row in range(len(grids))],
         "BLKGRP": "1", "PLACE": "14000", "P001001": grids["residents"].astype(int)}
    ).to_csv(folder / "pl_2010_cook_block.csv.gz", index=False)  # fmt: skip
    beats = frame_of(city, Kind.BEAT)
    shapes = beats[["geometry"]].assign(BEAT_NUM=range(len(beats)), DISTRICT=beats["station"])
    write_frame(shapes, folder / "police_beats" / "beats.shp")
    with zipfile.ZipFile(folder / "police_beats.zip", "w") as archive:
        for path in (folder / "police_beats").iterdir():
            archive.write(path, path.name)
    rooms = table_with_degrees(city, *city.room_xy.T, "wgs84")
    gpd.pd.DataFrame(
        {
            "DISTRICT": range(len(city.room_xy)),
            "PHONE": "312-555-0100",
            "LATITUDE": rooms["纬度"],
            "LONGITUDE": rooms["经度"],
        }
    ).to_csv(folder / "Police_Stations.csv", index=False)
    batch = city.incidents.all
    places = table_with_degrees(city, batch.x, batch.y, "wgs84")
    days = ["09/13/2014 10:00:00 PM", "2014/05/09 10:00"]
    gpd.pd.DataFrame(
        {
            "Date": [days[row % 2] for row in range(len(batch))],
            "Primary Type": "THEFT",
            "Latitude": places["纬度"],
            "Longitude": places["经度"],
        }
    ).to_csv(folder / "Crimes_September_2014.csv", index=False)


class Served:
    """Stands for the server of the pages: it starts, and ends at once."""

    def __init__(self, command: list[str], **_: object) -> None:
        assert "gridmap.pages.serve" in command

    def wait(self) -> int:
        return 0


@pytest.fixture
def works(
    desk: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[int, str, str]]:
    """Return what runs a command as it is shown, with the reader's own words put in."""
    monkeypatch.chdir(desk)

    def work(command: str) -> tuple[int, str, str]:
        shown = LOOSER.sub("0.5", command.translate(BRACKETS))
        words = [MEANT.get(word, word) for word in shlex.split(shown)]
        shorter = SHORTER.get(words[1], ())
        if words[1] == "propose":
            shorter += ("--chance", "20" if "--chance" in words else "0")
        with pytest.MonkeyPatch.context() as patch:
            if words[1] == "app":
                patch.setattr("subprocess.Popen", Served)
                patch.setattr("gridmap.cli.run.start_warming", lambda: None)
                patch.setattr("signal.signal", lambda *_: None)
            if words[1] == "sample":
                patch.setattr("gridmap.api.open.SAMPLES", samples_of(desk / "downloads"))
            done = run(*words[1:], *shorter)
        assert done[0] == 0, (command, done[2])
        return done

    return work


BRACKETS = str.maketrans("", "", "[]")


@pytest.fixture(scope="module")
def login(desk: Path) -> Path:
    """Return the login file as docs/department.md shows it, with a secret that is long enough."""
    block = next(item for item in documents.blocks_of("docs/department.md") if "[auth]" in item)
    file = desk / "login.toml"
    file.write_text(block.replace("64 random characters", "0123456789abcdef" * 4), "utf-8")
    return file


@pytest.mark.parametrize("pair", documents.PAIRS, ids=lambda pair: pair[0])
def test_both_languages_show_the_same_commands(pair: tuple[str, str]) -> None:
    one, other = (documents.commands_of(name) for name in pair)
    assert one == other


@pytest.mark.parametrize("pair", documents.PAIRS, ids=lambda pair: pair[0])
def test_both_languages_name_the_same_code(pair: tuple[str, str]) -> None:
    """What stands in code is the same but for words that each reader puts in."""
    own = re.compile(
        r"[A-Z]{3,}\b|ID|工作区|文件夹|代号|编号|工作表名|列名|字段|field|column|[\u4e00-\u9fff，]"
    )
    one, other = (
        {own.sub("", span) for span in documents.spans_of(name) if re.search(r"[a-z]", span)}
        for name in pair
    )
    assert one == other


@pytest.mark.slow
def test_every_command_shown_works(works: Callable[[str], object], login: Path) -> None:
    assert login.exists()
    commands = [
        line
        for name in documents.DOCUMENTS
        for line in documents.commands_of(name)
        if line.startswith("gridmap ")
    ]
    assert len(commands) > 40
    for command in dict.fromkeys(commands):  # the second language adds nothing: see above
        works(command)


@pytest.mark.slow
def test_every_command_in_the_text_works(works: Callable[[str], object], login: Path) -> None:
    assert login.exists()
    works("gridmap demo mycity") if not Path("mycity").exists() else None
    works("gridmap propose mycity --beats 6 --save drawn")
    spans = {span for name in documents.DOCUMENTS for span in documents.spans_of(name)}
    whole = sorted(span for span in spans if re.match(r"gridmap \w+ \S", span))
    assert len(whole) >= 8
    for command in whole:
        works(command)


def test_the_service_in_the_package_starts(
    works: Callable[[str], object], login: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("mycity").exists():
        works("gridmap demo mycity")
    unit = (documents.ROOT / "packaging" / "gridmap.service").read_text(encoding="utf-8")
    settings = dict(re.findall(r"^Environment=(GRIDMAP_\w+)=(.*)$", unit, re.MULTILINE))
    assert set(settings) == {"GRIDMAP_LOGIN", "GRIDMAP_WORKSPACE", "GRIDMAP_CACHE"}
    here = {"GRIDMAP_LOGIN": str(login), "GRIDMAP_WORKSPACE": "mycity", "GRIDMAP_CACHE": "off"}
    for key, value in here.items():
        monkeypatch.setenv(key, value)
    works(re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)[1])


def options_of() -> dict[str, set[str]]:
    """Return the options of each command."""
    from gridmap.cli._main import build

    return {
        name: {option for item in command.params for option in (*item.opts, *item.secondary_opts)}
        for name, command in build().commands.items()
    }


def test_every_option_in_the_text_is_one() -> None:
    known = set().union(*options_of().values()) | {"--help"}
    for name in documents.DOCUMENTS:
        for span in documents.spans_of(name):
            if span.startswith(("--", "gridmap ")):
                assert set(re.findall(r"--[a-z-]+", span)) <= known, (name, span)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Return the address of a Dask cluster."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as made:
        yield made.scheduler_address


@pytest.mark.slow
def test_every_option_of_a_proposal_works(
    works: Callable[[str], object], desk: Path, cluster: str
) -> None:
    name = "docs/proposals.md"  # the other language shows the same: see above
    if not Path("pieces").exists():
        works("gridmap demo pieces")
    city = read_city(desk / "pieces")
    beats = city.beats.ids
    three = [str(item) for item in city.grids.ids[:3]]
    put = [
        (r"beat=(ID|编号)", f"beat={beats[0]}"),
        (r"grid=(ID|编号)", f"grid={three[0]}"),
        ("A,B,C", ",".join(three)),
        ("A,B", ",".join(three[:2])),
        (r"walk\|ebike\|car", "walk"),
        ("--front N", "--front 2"),
        ("--start NAME", "--start begun"),
        ("tcp://host:8786", cluster),
        ("--processes 2", "--parents station --processes 2"),
        ("--scheduler", "--parents station --scheduler"),
        ("--objective travel$", "--objective travel --prove --seconds 5"),
    ]
    works(f"gridmap propose pieces --beats {len(beats)} --tolerance 0.5 --save begun")
    shown = [span for span in documents.spans_of(name) if re.match(r"--\S+( \S|$)", span)]
    ran = set()
    few = {"--targets 2,1,1": 3, "--communities hard": 4, "--rooms one-per-beat": 5}
    for span in dict.fromkeys(shown):
        if " " not in span and span not in {"--prove", "--no-barriers"}:
            continue  # an option named, its values said elsewhere
        line = span
        for pattern, meant in put:
            line = re.sub(pattern, meant, line)
        many = few.get(span, len(beats))
        base = "" if re.search("--beats|--per-officer", line) else f"--beats {many}"
        quick = "" if "--effort" in line else "--effort quick"
        works(f"gridmap propose pieces {base} --tolerance 0.5 {quick} {line}")
        ran |= set(re.findall(r"--[a-z-]+", line))
    table = set(re.findall(r"^\| `(--[a-z-]+)", documents.text_of(name), re.MULTILINE))
    assert table <= ran
    assert len(ran) >= 15


def run_python(name: str) -> dict[str, object]:
    """Run the Python of a document from top to bottom; return what it has made."""
    from gridmap.report import document, report, sections

    held: dict[str, object] = {}
    for module in (document, report, sections):  # a fragment shows what goes into a module
        held |= {item: getattr(module, item) for item in dir(module) if item[0] != "_"}
    for block in documents.blocks_of(name):
        if re.match(r"(import|from|def|@|gridmap\.)\W?\w", block):
            *lines, last = ast.parse(block).body
            exec(compile(ast.Module(lines, []), name, "exec"), held)  # noqa: S102 - our own
            if isinstance(last, ast.Expr):
                held["last"] = eval(compile(ast.Expression(last.value), name, "eval"), held)  # noqa: S307
            else:
                exec(compile(ast.Module([last], []), name, "exec"), held)  # noqa: S102
    return held


def shows_python(name: str) -> bool:
    return any(re.match(r"(import|from) \w", block) for block in documents.blocks_of(name))


PYTHON = [name for name in documents.DOCUMENTS if shows_python(name)]


@pytest.mark.slow
@pytest.mark.parametrize("name", PYTHON)
def test_the_python_shown_runs(name: str, works: Callable[[str], object], cluster: str) -> None:
    """What a document's Python makes is looked at, so that a document that is new is, too."""
    from gridmap.report import settings

    if not Path("mycity").exists():
        works("gridmap demo mycity")
    held = run_python(name)
    own = settings.SECTIONS.pop("shifts", None)
    if name.startswith("README"):
        assert len(held["last"]) == 60
    elif name.startswith("docs/report"):
        assert held["png"].startswith(b"\x89PNG")
        assert Path("march", "manifest.json").exists()
        assert held["_shifts"](held["result"].report) == []  # a report without a table of shifts
        assert own is held["_shifts"]
    else:
        assert name.startswith("docs/department")
        city = make_city(grids=60, incidents=500)
        batch = city.incidents.all
        halves = np.array_split(np.arange(len(batch)), 2)
        found = held["count"](city, halves, lambda rows: iter([batch.take(rows)]), cluster)
        assert found.total == len(city.incidents)


@pytest.mark.slow
def test_the_command_of_the_notebooks_works(works: Callable[[str], object]) -> None:
    if not Path("mycity").exists():
        works("gridmap demo mycity")
    texts = [path.read_text("utf-8") for path in sorted(documents.ROOT.glob("notebooks/*.ipynb"))]
    found = [
        line for text in texts for line in re.findall(r'"(gridmap \w+ [^"]*?)(?:\\n)?"', text)
    ]
    assert found
    for command in found:
        works(command)


def _is_known(command: str) -> bool:  # noqa: PLR0911 - one return a program
    """Tell whether what a command that is not ours runs is there."""
    root = documents.ROOT
    words = shlex.split(command.replace("\\", "/"))
    if words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE)
        return words[1] in targets
    if "pip" in words[0]:
        extras = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"][
            "optional-dependencies"
        ]
        asked = ",".join(re.findall(r"\.\[([\w,]+)\]", command)).split(",")
        files = [after for word, after in pairwise(words) if word == "-c"]
        return all(item in extras for item in asked if item) and all(
            (root / f).exists() for f in files
        )
    if words[0] == "systemctl":
        return (root / "packaging" / f"{words[-1]}.service").exists()
    if words[0].endswith("/gridmap"):
        return words[1] in options_of()
    if words[:3] == ["python", "-m", "pytest"]:
        return all((root / word).exists() for word in words[3:] if word.startswith("tests/"))
    if words[:2] == ["python", "-m"] and words[2].startswith("benchmarks."):
        source = inspect.getsource(import_module(words[2]))
        options = [word for word in words[3:] if word.startswith("--")]
        return all(f'"{option}"' in source for option in options)
    if "install." in command:  # tests/test_closed_network.py runs it
        script = next(word for word in words if "install." in word)
        return (root / "packaging" / Path(script).name).exists()
    # tests/test_docs_backup.py runs these
    return words[0] in {"cp", "pg_dump", "createdb", "pg_restore", "python"} or command in {
        "py -3.11 -m venv .venv", ".venv\\Scripts\\python -m pytest",
    }  # fmt: skip


@pytest.mark.parametrize("name", documents.DOCUMENTS)
def test_what_other_commands_run_is_there(name: str) -> None:
    spans = [re.sub(r" ?\b[A-Z]{4,}\.\.\.", "", span) for span in documents.spans_of(name)]
    spans = [f"python -m {span}" if span.startswith("benchmarks.") else span for span in spans]
    told = [span for span in spans if re.match(r"(make|pip|python -m) \S", span)]
    for command in [*documents.commands_of(name), *told]:
        assert command.startswith("gridmap ") or _is_known(command), command


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", sorted(path.stem for path in (documents.ROOT / "benchmarks").glob("[a-z]*.py"))
)
def test_every_benchmark_tells_what_it_does(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = import_module(f"benchmarks.{module}")
    if "__main__" not in inspect.getsource(made):
        return  # peers that another benchmark runs
    monkeypatch.setattr("sys.argv", [module, "--help"])
    with pytest.raises(SystemExit) as ended:
        made.main()
    assert not ended.value.code
    assert "usage" in capsys.readouterr().out
