"""Files of the demo city as the documents name them, and commands run as they are shown."""

import hashlib
import re
import shlex
import shutil
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import command_line
import documents
import geopandas as gpd
import numpy as np
import pytest
from test_io_rasters import geotiff

from gridmap.api.open import SAMPLES, SampleFile, SampleLayer
from gridmap.demo import make_city
from gridmap.io import write_frame
from gridmap.model import City, Kind
from gridmap.model.crs import reproject_points, to_datum

# A small city, a wide tolerance and a short search: that a command works is asked here, sizes
# elsewhere.
SHORTER = {
    "demo": ("--grids", "60", "--incidents", "2000"),
    "propose": ("--effort", "quick"),
}
BRACKETS = str.maketrans("", "", "[]")
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


def write_desk(folder: Path) -> Path:
    """Write the files that the documents name."""
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
    write_like_chicago(city, folder / "downloads")
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


def write_like_chicago(city: City, folder: Path) -> None:
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

    def poll(self) -> int:
        return 0


def run_shown(command: str, desk: Path) -> tuple[int, str, str]:
    """Run a command as it is shown, with the reader's own words put in."""
    shown = LOOSER.sub("0.5", command.translate(BRACKETS))
    words = [MEANT.get(word, word) for word in shlex.split(shown)]
    if words[1] == "demo":  # each is shown to someone who has no such folder yet
        shutil.rmtree(desk / words[2], ignore_errors=True)
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
        done = command_line.run(*words[1:], *shorter)
    assert done[0] == 0, (command, done[2])
    return done


def write_login(desk: Path) -> Path:
    """Write the login file as docs/department.md shows it, with a secret that is long enough."""
    block = next(item for item in documents.blocks_of("docs/department.md") if "[auth]" in item)
    file = desk / "login.toml"
    file.write_text(block.replace("64 random characters", "0123456789abcdef" * 4), "utf-8")
    return file
