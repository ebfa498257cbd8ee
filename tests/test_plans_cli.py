"""`gridmap plans`, `compare` and `audit` as scripts see them."""

import json
import sqlite3

import pandas as pd
import pytest

from gridmap.io import read_city
from gridmap.measure.pieces import present_plan
from gridmap.plans import LOCAL, MoveGrids, PlanStore, carry_out
from gridmap.plans.draft import Draft, Ground
from gridmap.plans.history import suggest_moves


@pytest.fixture(scope="module")
def place(tmp_path_factory, run):
    folder = tmp_path_factory.mktemp("plans") / "city"
    assert run("demo", folder, "--grids", 120, "--incidents", 500)[0] == 0
    return folder


@pytest.fixture(scope="module")
def saved(place):
    """Today's beats as ``today`` and, one suggestion further, ``better``."""
    city = read_city(place)
    present = present_plan(city).renamed("today")
    draft = Draft.start(Ground.from_city(city), present)
    move = suggest_moves(draft, count=1)[0].command
    better = carry_out(draft, move).plan.renamed("better")
    with PlanStore.open(place) as store:
        store.save(present, author=LOCAL, grids=city.grids)
        store.save(present.renamed("better"), author=LOCAL, grids=city.grids)
        store.save(better, author=LOCAL, base_version=1, commands=[move], note="first try")
    return move


def test_a_workspace_without_plans(tmp_path, run, ask):
    folder = tmp_path / "city"
    run("demo", folder, "--grids", 60, "--incidents", 0)
    before = sorted(path.name for path in folder.iterdir())
    assert ask("plans", folder) == {"format": 1, "plans": []}
    for command in (("plans", folder, "show", "x"), ("audit", folder)):
        code, out, err = run(*command)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_list_history_and_show(place, saved, run, ask):
    listed = {item["name"]: item for item in ask("plans", place, "list")["plans"]}
    assert listed["better"]["version"] == 2
    assert listed["better"]["note"] == "first try"
    versions = ask("plans", place, "history", "better")["versions"]
    assert [item["base"] for item in versions] == [None, 1]
    assert versions[1]["commands"][0]["grids"] == list(saved.grids)
    shown = ask("plans", place, "show", "better")
    city = read_city(place)
    total = sum(row["residents"] for row in shown["rows"])
    inside = city.grids.counts("residents")[present_plan(city).assignment >= 0].sum()
    assert total == inside
    assert (
        shown["max_deviation"]
        < ask("plans", place, "show", "better", "--version", 1)["max_deviation"]
    )
    code, out, _ = run("plans", place, "show", "better")
    assert code == 0
    assert "version 2" in out
    assert "this machine" in out  # the one user of a machine without login, as on the page
    assert "Deviation" in out


@pytest.mark.slow
def test_compare_says_what_moved(place, saved, run, ask):
    assert isinstance(saved, MoveGrids)
    made = ask("compare", place, "present", "better")
    assert made["grids_moved"] == len(saved.grids)
    assert made["flows"][0]["after"] == saved.to
    assert made["after"]["workload_deviation"] < made["before"]["workload_deviation"]
    assert all(0 < side["mean_response_min"] < 60 for side in made["response"].values())
    assert ask("compare", place, "today", "better@1")["grids_moved"] == 0
    code, out, _ = run("compare", place, "better@1", "better")
    assert code == 0
    assert out.startswith('From "better@1" to "better"')
    assert any(line.startswith("By the hypercube model") for line in out.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", "gpkg", "geojson"])
def test_a_plan_goes_out_and_comes_back(place, saved, tmp_path, suffix, run, ask):
    file = tmp_path / f"plan.{suffix}"
    code, _, err = run("plans", place, "export", "better", file)
    assert code == 0, err
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    name = f"from {suffix}"
    assert ask("plans", place, "import", name, file)["grids"] == 120
    assert ask("compare", place, "better", name)["grids_moved"] == 0
    assert ask("audit", place)["whole"]


def test_a_table_with_columns_of_its_own(place, saved, tmp_path, run, ask):
    run("plans", place, "export", "better", tmp_path / "plan.csv")
    table = pd.read_csv(tmp_path / "plan.csv", dtype=str)
    table.rename(columns={"grid": "Zelle", "beat": "Revier"})[["Zelle", "Revier"]].to_csv(
        tmp_path / "own.csv", index=False
    )
    own = tmp_path / "own.csv"
    code, _, err = run("plans", place, "import", "own", own)
    assert (code, len(err.splitlines())) == (2, 1)
    made = ask("plans", place, "import", "own", own, "--map", "grid=Zelle", "--map", "beat=Revier")
    assert made["version"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("plans", "list"),
        ("plans", "drop"),
        ("plans", "show"),
        ("plans", "show", "nope"),
        ("plans", "show", "better", "--version", "99"),
        ("plans", "export", "better"),
        ("plans", "export", "better", "plan.shp"),
        ("plans", "import", "x", "nowhere.csv"),
        ("plans", "import", "x@2", "plan.csv"),
        ("propose", "--beats", "3", "--save", ""),
        ("propose", "--beats", "3", "--save", "a\nb"),
        ("compare", "present", "nope"),
        ("compare", "present", "better@77"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_two(place, saved, tmp_path, arguments, run):
    where = tmp_path if arguments == ("plans", "list") else place
    code, out, err = run(arguments[0], where, *arguments[1:])
    assert (code, out, len(err.splitlines())) == (2, "", 1)


def test_the_audit_names_the_first_broken_link(tmp_path, run):
    folder = tmp_path / "city"
    run("demo", folder, "--grids", 60, "--incidents", 0)
    plan = present_plan(read_city(folder)).renamed("p")
    with PlanStore.open(folder) as store:
        for _ in range(3):
            store.save(plan, author=LOCAL)
    notes = tmp_path / "anchors.txt"
    code, out, _ = run("audit", folder, "--anchor", notes)
    assert code == 0
    assert "3 records" in out
    assert "3 versions" in out
    assert run("audit", folder, "--anchor", notes)[0] == 0
    code, _, err = run("audit", folder, "--anchor", tmp_path / "nowhere" / "anchors.txt")
    assert (code, err.count("\n")) == (2, 1)
    assert "anchors.txt" in err
    lines = notes.read_text().splitlines()
    assert len(lines) == 2
    for expected in (notes, lines[0].split()[1]):
        assert run("audit", folder, "--expect", expected)[0] == 0
    code, out, _ = run("audit", folder, "--expect", "2-" + lines[0].split("-", 3)[3])
    assert (code, out.startswith("Record 2")) == (1, True)
    for wrong in ("3", tmp_path / "none.txt", folder):
        code, out, err = run("audit", folder, "--expect", wrong)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
    raw = sqlite3.connect(folder / "plans.db")
    raw.execute("DROP TRIGGER audit_no_update")
    raw.execute("UPDATE audit SET actor = 'nobody' WHERE number = 2")
    raw.commit()
    raw.close()
    code, out, _ = run("audit", folder)
    assert code == 1
    assert out.startswith("Record 2 (p)")
    code, out, _ = run("audit", folder, "--json")
    assert code == 1
    assert json.loads(out)["broken"]["number"] == 2


def test_roles_are_given_and_listed(tmp_path, run, ask):
    folder = tmp_path / "city"
    run("demo", folder, "--grids", 60, "--incidents", 0)
    assert ask("roles", folder) == {"format": 1, "roles": {}}
    assert not (folder / "plans.db").exists()
    assert run("roles", folder, "li", "planner")[0] == 0
    assert ask("roles", folder) == {"format": 1, "roles": {"li": "planner"}}
    code, _, err = run("roles", folder, "li", "root")
    assert (code, len(err.splitlines())) == (2, 1)
    assert ask("audit", folder)["records"] == 1
