"""Benchmarks that read files: what they say without them, and the cities made in their place."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks.doors import Reading, verdict
from benchmarks.irregular_city import main, make_graph
from benchmarks.partition import load_graph
from gridmap.partition import propose


@pytest.mark.parametrize(
    ("module", "options", "told"),
    [
        ("partition", ["--folder", "away"], "python -m benchmarks.irregular_city"),
        ("partition", ["--graphs", "away.npz"], "python -m benchmarks.irregular_city"),
        ("carrollton", ["--folder", "away"], "apwheele/PatrolRedistrict"),
        ("cut_edges", ["away.json"], "Political-Districting-to-Minimize-Cut-Edges"),
        ("siting", ["--pmedian", "pmed1.txt"], "OR-Library"),
        ("stopwatch", ["--files", "away"], "docs/data.md"),
    ],
)
def test_missing_files_end_a_benchmark_with_one_line(
    module: str,
    options: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [module, *options])
    with pytest.raises(SystemExit) as ended:
        import_module(f"benchmarks.{module}").main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out, len(err.splitlines())) == (2, "", 1)
    assert told in err
    assert options[-1] in err


def test_a_city_is_made_as_benchmarks_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("a", "b"):
        monkeypatch.setattr(
            "sys.argv",
            ["", str(tmp_path / folder), "--grids", "150", "--beats", "6", "--seed", "3"],
        )
        main()
    first, again = (dict(np.load(tmp_path / folder / "v150.npz")) for folder in ("a", "b"))
    assert all((first[name] == again[name]).all() for name in first)
    assert (first["w"] != make_graph(150, 6, seed=4)["w"]).any()
    problem = load_graph(tmp_path / "a" / "v150.npz")
    assert (problem.grids, problem.beats) == (150, 6)
    best = propose(problem, tolerance=0.05, effort="quick").best
    assert best.scores.pieces.tolist() == [1] * 6
    assert best.scores.max_deviation <= 0.05


@pytest.mark.parametrize(("grids", "seed"), [(20, 0), (60, 1), (400, 2), (2_100, 3)])
def test_a_made_city_is_a_map_with_rivers_and_bridges(grids: int, seed: int) -> None:
    city = make_graph(grids, 2, seed=seed)
    ends = np.stack([city["eu"], city["ev"]], axis=1)
    assert len(np.unique(ends, axis=0)) == len(ends) <= 3 * grids - 6  # Euler: a planar map
    assert (ends[:, 0] < ends[:, 1]).all()
    # Cells fill the ellipse, a polygon of 96 corners, and its rim is theirs.
    radius = np.sqrt(grids * 250_000 / np.pi)
    ellipse = 1.12 * 0.9 * radius**2 * 48 * np.sin(2 * np.pi / 96)
    assert city["area"].sum() == pytest.approx(ellipse)
    turn = np.linspace(0, 2 * np.pi, 97)
    rim = np.hypot(1.12 * radius * np.diff(np.cos(turn)), 0.9 * radius * np.diff(np.sin(turn)))
    assert city["outer"].sum() == pytest.approx(rim.sum(), rel=1e-6)
    # Nobody is cut off: bridges join both banks.
    assert 0 < city["barrier"].sum() < len(ends) / 3
    open_ends = ends[~city["barrier"]]
    table = coo_array((np.ones(len(open_ends)), tuple(open_ends.T)), (grids, grids))
    assert connected_components(table, directed=False)[0] == 1
    assert city["w"].min() >= 1
    assert city["w"].mean() == pytest.approx(1_000, rel=0.01)
    assert (city["mig"] <= city["pop"]).all()


def test_a_city_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="20 grids"):
        make_graph(5, 1)


@pytest.mark.parametrize(
    ("reading", "truth", "judged"),
    [
        (Reading({"features": 2, "ids": ["b", "a"]}), {"features": 2, "ids": ["a", "b"]}, "right"),
        (Reading({"features": 2}, warnings=["a row is odd"]), {"features": 2}, "right"),
        (Reading({"features": 1}), {"features": 2}, "silent"),
        (Reading({"features": 2}), {"features": 2, "total": 3.0}, "silent"),
        (Reading({"box": [120.1, 30.2, 120.2, 30.3]}), {"box": (120.105, 30.2, 120.2, 30.3)},
         "silent"),
        (Reading({"features": 1}, warnings=["one row left out"]), {"features": 2}, "warned"),
        (Reading(error="it is broken"), {"features": 2}, "refused"),
        (Reading({"features": 2}), None, "silent"),
        (Reading(error="it is broken"), None, "refused"),
    ],
)  # fmt: skip
def test_what_is_read_is_judged_by_the_truth_alone(
    reading: Reading, truth: dict[str, object] | None, judged: str
) -> None:
    assert verdict(reading, truth) == judged
