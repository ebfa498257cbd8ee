"""What a user's script may write: type checkers take it as it stands, but for the last lines.

`tests/test_api_verbs.py` has mypy read it, with the Python of the README.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import assert_type

import geopandas as gpd
import numpy as np

import gridmap

blocks = gpd.read_file("blocks.gpkg")
city = gridmap.City.from_frames(
    grids=blocks, columns={"residents": "pop", "id": 5, "beats": {"id": "code"}}, crs=4326
)
city.save(Path("city"))
city = gridmap.open(Path("city"))
assert_type(city.layer("grid"), gridmap.Layer)
assert_type(city.get("beat"), gridmap.Layer | None)
assert_type(city.has(gridmap.Kind.ROOM), bool)
plan = gridmap.Plan.from_labels("halves", city.grids.ids, {"a": 1, "b": 2})
assert_type(gridmap.load_plan(Path("city"), "A@2"), gridmap.Plan)

assert_type(gridmap.check(city, grid_code=15), gridmap.CheckResult)
assert_type(gridmap.repair(city, only=["gap"], tolerance_m=2), gridmap.RepairResult)
measured = gridmap.measure(
    city, by="beat", since=date(2024, 3, 1), until="2024-03-31", plan=plan, control=Path("a.csv")
)
assert_type(measured, gridmap.MeasureResult)
assert_type(measured.options.since, str)
measured.plot("residents").set_title("March")
measured.explore().save("map.html")
assert_type(measured.to_dict()["rows"][0]["residents"], float | None)
day = np.datetime64("2024-03-01")
hot = gridmap.hotspots(city, since=day, hours=range(8), categories=np.array(["theft"]))
assert_type(hot.options.hours, tuple[int, ...])
gridmap.hotspots(city, hours="22-6", categories={"theft"}, compare="previous")
gridmap.coverage(
    city,
    within=["500m", "5min"],
    places=np.zeros((2, 2)),
    until=date.today(),  # noqa: DTZ011 - as users write
)
gridmap.coverage(city, places=blocks.geometry)
gridmap.site(city, rooms=2, within="500m", model="median").to_gdf()
gridmap.site(city, rooms=1, candidates="area", area=blocks)
proposal = gridmap.propose(
    city, beats=10, balance={"residents": 1}, tolerance="5%", keep=0.9, targets=np.ones(10),
    together=[["a", "b"]], apart=["c,d"], lock=["beat=1"], hours=("6-14", "14-22"),
)  # fmt: skip
gridmap.propose(city, gridmap.ProposeOptions(beats=5), progress=print)
gridmap.propose(city, per_officer={"residents": 3000}, tolerance={"residents": 0.05}, start=plan)
assert_type(proposal.plans[0], gridmap.Plan)
assert_type(proposal.options.balance, Mapping[str, float] | None)
assert_type(gridmap.compare(city, after=proposal.plans[0]).sentences(), list[str])
report = gridmap.report(
    city, period="2024-03", settings=Path("report.toml"), date=date(2024, 4, 1)
)
report.write(Path("out"))
gridmap.watch(city, until=date(2024, 3, 31), days=14).to_dict()["alerts"]
gridmap.shifts(city, by="city", officers=40, patterns=["8h"], norms=Path("norms.toml"))
gridmap.patrol(city, station="1", since="2024-03-01", mode="ebike")
gridmap.around(city, at=(120.1, 30.2), until=date(2024, 3, 31))
gridmap.around(city, grid=5, within="500m")
gridmap.around(city, at=blocks.geometry.head(1))
plan.move([1, "2"], to=2)
gridmap.norms(city, norms="norms.toml")
gridmap.assess(city, by="station", since=date(2024, 3, 1), goals=Path("score.toml"))

gridmap.measure(city, by="town")  # refused
gridmap.measure(city, since=2024)  # refused
gridmap.propose(city, beets=3)  # refused
gridmap.propose(city, balance=["residents"])  # refused
gridmap.report(city, settings=5)  # refused
