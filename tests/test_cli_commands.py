"""The commands as scripts see them: exit codes, JSON, and one clear line."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from command_line import run

from gridmap.cli._output import print_rows

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
        "from gridmap.cli._main import build, main\n"
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
