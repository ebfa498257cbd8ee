"""The commands as scripts see them: exit codes, JSON, and one clear line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from command_line import run

from gridmap.cli._output import print_rows
from gridmap.i18n import tr

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("demo") / "city"
    done = run("demo", place, "--grids", 120, "--incidents", 2000)
    assert done.returncode == 0, done.stderr
    return place


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_help_of_any_command_loads_nothing_heavy() -> None:
    # Whatever is no part of Python and neither typer nor what it brings along.
    code = (
        "import sys\n"
        "import gridmap, gridmap.errors, gridmap.fields, gridmap.i18n, gridmap.settings\n"
        "from gridmap.cli import build, main\n"
        "for name in ['', *build().commands]:\n"
        "    sys.argv = ['gridmap', *name.split(), '--help']\n"
        "    try:\n"
        "        main()\n"
        "    except SystemExit as end:\n"
        "        assert not end.code, name\n"
        "light = {'gridmap', 'typer', 'rich', 'click', 'shellingham', 'markdown_it', 'mdurl',\n"
        "         'pygments', 'pydantic', 'pydantic_core', 'annotated_types', 'annotated_doc',\n"
        "         'typing_extensions', 'typing_inspection'}\n"
        "files = {name.partition('.')[0]: str(getattr(module, '__file__', ''))\n"
        "         for name, module in list(sys.modules.items())}\n"
        "heavy = {n for n in files if 'site-packages' in files[n] and n[0] != '_'} - light\n"
        "print(sorted(heavy), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_help_names_every_command(language: str) -> None:
    done = run("--help", language=language)
    assert done.returncode == 0
    for name in ("demo", "import", "check", "measure", "propose", "app"):
        assert name in done.stdout


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a city of three grids in two beats and two incidents: no people, times or names."""
    folder = tmp_path_factory.mktemp("bare")
    grids = gpd.GeoDataFrame(
        {"网格编码": ["a", "b", "c"], "所属警务区": ["B1", "B1", "B2"]},
        geometry=[shapely.box(114 + x, 30, 114.01 + x, 30.01) for x in (0, 0.01, 0.02)],
        crs=4326,
    )  # fmt: skip
    grids.to_file(folder / "grids.geojson")
    table = folder / "incidents.csv"
    table.write_text("经度,纬度,备用\n114.005,30.005,x\n114.015,30.005,y\n", encoding="utf-8")
    for kind, file in (("grid", "grids.geojson"), ("incidents", table.name)):
        done = run("import", folder / "city", "--kind", kind, folder / file)
        assert done.returncode == 0, done.stderr
    return folder / "city"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "words",
    [
        "import {city} --kind incidents {city}/../incidents.csv --replace",
        "plans {city} show X", "plans {city} history X", "compare {city} present X",
        "refresh {city}", "refresh {city} --kind road", "audit {city}", "roles {city}",
        "import {city} https://x.example/a --kind road", "import {city} https:///a --kind road",
        "propose {city} --beats 2 --together a", "propose {city} --beats 2 --balance ,",
        "propose {city} --beats 2 --chance 0 --effort quick", "check {city}", "measure {city}",
        "around {city} --at 114.005,30.005", "assess {city}", "repair {city}",
        "site {city} --rooms 1",
    ],
)  # fmt: skip
def test_what_there_is_nothing_to_say_of_is_not_said(
    bare: Path, words: str, language: str
) -> None:
    done = run(*words.format(city=bare).split(), language=language)
    told = done.stdout + done.stderr
    assert told.strip()
    assert not re.search(
        r"(: |：|\(|（|for |from )[-–]([ .,;:)。，；）]|$)", told, re.MULTILINE
    ), told
    assert "\n\n\n" not in f"{told}\n", told
    assert "[]" not in told


def test_plans_of_a_city_without_people_are_compared(bare: Path) -> None:
    done = run("compare", bare, "present", "present")
    assert done.returncode == 0, done.stderr
    # Every plan drawn shares the incidents out evenly: all of them are better balanced.
    assert "100% are better balanced" in done.stdout


def test_what_cannot_be_weighed_by_names_what_can(bare: Path) -> None:
    done = run("site", bare, "--rooms", 1)
    assert done.returncode == 2
    assert "no residents to weigh by. Choose --weight incidents" in done.stderr


def test_a_column_of_ids_is_not_printed_twice_nor_one_without_content(bare: Path) -> None:
    told = run("measure", bare).stdout.split()
    assert [told.count(word) for word in ("B1", "B2", "ID", "Name")] == [1, 1, 1, 0]
    done = run("propose", bare, "--beats", 2, "--effort", "quick", "--save", "Z")
    assert done.returncode == 0
    assert f"Saved: Z. Next: compare it with gridmap compare {bare} present Z" in done.stderr
    told = run("plans", bare, "show", "Z").stdout
    assert "Officers" in told
    assert "Station" not in told  # none is known


def test_hot_spots_are_named_and_the_hot_ones_come_first(demo: Path) -> None:
    found = json.loads(run("hotspots", demo, "--json").stdout)["rows"]
    kinds, ids = [row["kind"] for row in found], {row["id"] for row in found}
    assert {"hot", "cold"} == set(kinds)
    lines = [line.split() for line in run("hotspots", demo).stdout.splitlines()]
    rows = [line for line in lines if line[:1] and line[0] in ids]
    assert len(rows) == min(len(found), 40)
    shown = [line[2].lower() for line in rows]
    assert shown == sorted(shown, reverse=True)
    assert not any("e-" in line[-1] for line in rows)
    assert all(line[1].endswith("网格") for line in rows)


def test_new_rooms_lie_where_their_degrees_say(demo: Path) -> None:
    row = json.loads(run("site", demo, "--rooms", 1, "--json").stdout)["sites"][0]
    told = run("site", demo, "--rooms", 1).stdout
    assert f"{row['lon']:.6f}  {row['lat']:.6f}" in told
    assert re.search(r"Residents\s+nearest", told)


@pytest.mark.parametrize("by", ["grid", "beat", "station", "community"])
def test_rows_and_unassigned_make_the_city(demo: Path, by: str) -> None:
    done = run("measure", demo, "--by", by, "--json")
    table = json.loads(done.stdout)
    assert table["by"] == by
    keys = {
        "id", "name", "area_km2", "residents", "migrants", "households", "incidents",
        "residents_per_km2", "incidents_per_km2", "incidents_per_1000_residents",
        "covered_residents_share",
    }  # fmt: skip
    assert set(table["rows"][0]) == keys
    for name in ("residents", "migrants", "households", "incidents"):
        got = sum(row[name] for row in table["rows"]) + table["unassigned"][name]
        assert got == pytest.approx(table["totals"][name], rel=1e-12)


@pytest.mark.slow
def test_a_proposal_is_saved_and_in_one_piece(demo: Path) -> None:
    done = run("propose", demo, "--beats", 10, "--effort", "quick", "--save", "甲", "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)["plans"][0]
    assert plan["name"] == "甲"
    assert plan["beats"] == 10
    assert plan["pieces_max"] == 1
    keys = {
        "name", "beats", "pieces_max", "max_deviation", "cv", "gini", "mean_polsby_popper",
        "cut_border_km", "kept_share", "grids_split", "seconds",
    }  # fmt: skip
    assert keys <= set(plan)


def test_a_period_includes_its_last_day(demo: Path) -> None:
    def count(*options: str) -> float:
        table = json.loads(run("measure", demo, "--by", "station", *options, "--json").stdout)
        return table["totals"]["incidents"]

    year = count("--from", "2024-01-01", "--to", "2024-12-31")
    assert year == count() == 2000
    assert count("--to", "2024-06-30") + count("--from", "2024-07-01") == year


def test_what_nobody_counted_has_no_column(tmp_path: Path) -> None:
    grids = tmp_path / "grids.csv"
    grids.write_text("id,wkt\n" + "".join(
        f'G{i},"POLYGON(({x} 3000000,{x + 500} 3000000,{x + 500} 3000500,{x} 3000500,'
        f'{x} 3000000))"\n'
        for i, x in enumerate((500_000, 500_500))
    ))  # fmt: skip
    place, table = tmp_path / "city", tmp_path / "table.csv"
    done = run("import", place, "--kind", "grid", "--crs", "EPSG:4547", grids)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Grids: 2 rows read")
    done = run("measure", place, "--by", "grid", "--csv", table)
    assert done.returncode == 0, done.stderr
    assert table.read_text(encoding="utf-8-sig").splitlines()[0] == "id,name,area_km2"
    shown = run("measure", place, "--by", "grid").stdout
    assert "ncidents" not in shown
    assert "esidents" not in shown
    done = run("coverage", place, "--network", "all")
    assert done.returncode == 2
    assert "acilit" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("measure", "nowhere"),
        ("check", "nowhere"),
        ("propose", "nowhere", "--beats", "3"),
        ("app", "nowhere"),
        ("import", "DEMO", "--kind", "grid", "missing.shp"),
        ("import", "DEMO", "--kind", "planet", "missing.shp"),
        ("import", "DEMO", "--kind", "grid", "--map", "residents", "missing.shp"),
        ("propose", "DEMO", "--beats", "100000"),
        ("propose", "DEMO", "--beats", "5", "--balance", "luck=1"),
        ("propose", "DEMO", "--beats", "5", "--tolerance", "-1"),
        ("measure", "DEMO", "--by", "planet"),
        ("measure", "DEMO", "--from", "yesterday-ish"),
        ("demo", "DEMO"),
        ("demo", "nowhere", "--grids", "40"),
        ("demo", "nowhere", "--incidents", "-1"),
        ("report", "DEMO", "--plan", "nobody@1", "--out", "nowhere"),
        ("report", "DEMO", "--period", "9999", "--out", "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    demo: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    places = {"DEMO": str(demo), "nowhere": str(tmp_path / "nowhere")}
    before = snapshot(demo)
    for language in ("zh", "en"):
        done = run(*(places.get(word, word) for word in arguments), language=language)
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert snapshot(demo) == before
    assert not (tmp_path / "nowhere").exists()


def test_what_lies_in_no_row_is_told_below_the_table(tmp_path: Path) -> None:
    grids = tmp_path / "grids.csv"
    square = "POLYGON(({x} 3000000,{y} 3000000,{y} 3000500,{x} 3000500,{x} 3000000))"
    grids.write_text("id,residents,beat,wkt\n" + "".join(
        f'G{i},{100 + i},{beat},"{square.format(x=500_000 + 500 * i, y=500_500 + 500 * i)}"\n'
        for i, beat in enumerate(("A", "A", ""))
    ))  # fmt: skip
    place = tmp_path / "city"
    run("import", place, "--kind", "grid", "--crs", "EPSG:4547", grids)
    shown = run("measure", place, "--by", "beat").stdout.splitlines()
    assert shown[-1] == "In none of these rows: Residents 102 (of 303)."
    assert "In none" not in run("measure", place, "--by", "grid").stdout


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="put the real data in ../shared/data")
def test_carrollton_by_its_own_columns(tmp_path: Path) -> None:
    place = tmp_path / "carrollton"
    done = run(
        "import", place, "--kind", "grid", REAL / "carrollton" / "CarrolltonGrid.csv.zip",
        "--crs", "EPSG:2276", "--map", "incidents=CountCalls", "--map", "beat=BEATNUMBER",
        "--json",
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert (report["read"], report["features"]) == (325, 325)
    table = json.loads(run("measure", place, "--by", "beat", "--json").stdout)
    assert len(table["rows"]) == 12
    assert table["totals"]["incidents"] == 129_082
    plan = json.loads(
        run("propose", place, "--beats", 12, "--balance", "incidents=1", "--tolerance", "0.03",
            "--json").stdout
    )["plans"][0]  # fmt: skip
    assert plan["pieces_max"] == 1
    assert plan["max_deviation"] <= 0.03


def test_no_cell_of_a_table_is_cut(capsys):
    long = "17032".ljust(40, "0")
    rows = pd.DataFrame({"id": [long], "name": ["城东第三警务区" * 9], "residents": [1234.0]})
    print_rows(rows)
    out = capsys.readouterr().out
    assert long in out
    assert "城东第三警务区" * 9 in out
    assert "…" not in out
    print_rows(pd.DataFrame())


def test_numbers_of_a_column_have_the_same_decimals_and_names_say_more_than_ids(capsys):
    """Three figures of the largest, two of the smallest; a unit stands on a line of its own."""
    rows = pd.DataFrame(
        {"id": ["a", "b"], "name": ["a", "b"], "警格间界线（公里）": [4.0, 0.133],
         "b": [100.0, 52.1], "c": [83.7, 1044.0], "p": [0.5, 1e-5], "n": [3.0, float("nan")]}
    )  # fmt: skip
    print_rows(rows)
    first, second, *cells = capsys.readouterr().out.splitlines()
    assert (first.split(), second.split()) == (
        ["警格间界线"], [tr("field.id"), "（公里）", "b", "c", "p", "n"],
    )  # fmt: skip
    assert [line.split() for line in cells] == [
        ["a", "4.00", "100.0", "84", "0.5", "3"], ["b", "0.13", "52.1", "1,044", "1e-05", "-"],
    ]  # fmt: skip


def test_a_share_is_shown_as_a_percentage_and_kept_as_a_share_for_scripts(demo):
    # A table wider than 80 columns goes on below; the share is in its last part.
    whole = run("measure", demo).stdout
    assert max(map(len, whole.splitlines())) <= 80
    shown = whole.split("\n\n")[-1].splitlines()
    assert [line.split()[-1] for line in shown[:3]] == ["Residents", "covered", "(%)"]
    rows = json.loads(run("measure", demo, "--json").stdout)["rows"]
    assert float(shown[3].split()[-1]) == pytest.approx(
        100 * rows[0]["covered_residents_share"], abs=0.5
    )
