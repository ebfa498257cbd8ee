"""Every command that the documents show works, on files made of the demo city."""

import re
import shlex
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from gridmap.demo import make_city
from gridmap.io import write_frame
from gridmap.model import City, Kind
from gridmap.model.crs import reproject_points, to_datum

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", "README.zh-CN.md", *sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")
)]  # fmt: skip

# A small city and a short search: that a command works is asked here, sizes elsewhere.
SHORTER = {"demo": ("--grids", "60", "--incidents", "2000"), "propose": ("--effort", "quick")}


def shown(name: str) -> list[str]:
    """Return the commands of indented and fenced blocks, continued lines joined."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    fenced = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^    (gridmap \w.*)$", text, re.MULTILINE)
    return [*lines, *re.findall(r"^\$? ?(gridmap \w.*)$", fenced, re.MULTILINE)]


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
    with zipfile.ZipFile(folder / "网格.zip", "w") as archive:
        for path in (folder / "shp").iterdir():
            archive.write(path, path.name)
    write_frame(frame_of(city, Kind.BEAT), folder / "警务区.shp")
    write_frame(frame_of(city, Kind.STATION), folder / "派出所辖区.geojson")
    write_frame(frame_of(city, Kind.ROAD), folder / "道路.shp")
    rooms = frame_of(city, Kind.ROOM)
    points = table_with_degrees(city, *city.room_xy.T, "gcj02")
    rooms.drop(columns="geometry").assign(**points).to_excel(folder / "警务室.xlsx", index=False)
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
    with zipfile.ZipFile(folder / "CarrolltonGrid.csv.zip", "w") as archive:
        archive.writestr("CarrolltonGrid.csv", text)
    like_chicago(city, folder)
    return folder


def like_chicago(city: City, folder: Path) -> None:
    """Write the demo city as Chicago's files are: other names, two orders of day and month."""
    grids = frame_of(city, Kind.GRID)
    census = grids[["geometry"]].assign(GEOID10=grids["id"], pop=grids["residents"])
    write_frame(census, folder / "block_groups_2010.gpkg")
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


def test_every_command_shown_works(
    desk: Path, run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    commands = dict.fromkeys(
        re.sub(r"\s+", " ", line) for name in DOCUMENTS for line in shown(name)
    )
    assert len(commands) > 10
    for command in commands:
        words = shlex.split(command, comments=True)[1:]
        if words[0] == "app":
            continue  # serves until it is stopped
        code, _, err = run(*words, *SHORTER.get(words[0], ()))
        assert code == 0, (command, err)
