"""What goes wrong around gridmap: each fault ends in one clear line, with nothing lost."""

import gc
import json
import os
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gridmap.demo import make_city
from gridmap.errors import ConflictError, MissingError, WorkspaceError
from gridmap.io import Workspace
from gridmap.measure.pieces import present_plan
from gridmap.model import Kind, Layer
from gridmap.plans import LOCAL, Action, PlanStore, _database, logged

ROOT = Path(__file__).parents[1]
GRIDMAP = "from gridmap.cli import main; main()"
# A file may grow to so many bytes and no further: what a full disk does, for one process.
FULL = (
    "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    "size = int(sys.argv.pop(1)); resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)); "
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A city with one plan, at rest."""
    folder = tmp_path_factory.mktemp("faults") / "city"
    place = Workspace.at(folder)
    place.put_city(make_city(grids=120, incidents=2_000, seed=7))
    city = place.city()
    with PlanStore.open(folder) as store:
        store.save(present_plan(city).renamed("现行"), author=LOCAL, grids=city.grids)
    city.grids.frame[["id", "name", "geometry"]].to_file(folder.parent / "grids.gpkg")
    return folder


@pytest.fixture
def place(made, tmp_path):
    shutil.copytree(made, tmp_path / "city")
    shutil.copy(made.parent / "grids.gpkg", tmp_path / "grids.gpkg")
    return tmp_path / "city"


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in {".db-shm", ".db-wal"}
    }


def run(code, *arguments, before=()):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRIDMAP_LANG": "en"}
    done = subprocess.run(
        [*before, sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        check=False,
        cwd=ROOT,
    )
    return done.returncode, done.stdout, done.stderr


def one_line(result):
    code, _, err = result
    lines = [line for line in err.splitlines() if line.strip()]
    return code == 2 and len(lines) == 1 and "Traceback" not in err


def run_all(commands, *, before=()):
    """Run commands one after another in a process of their own."""
    code = (
        "import contextlib, io, json, sys\n"
        "from gridmap.cli import main\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    sys.argv, out, err, code = ['gridmap', *arguments], io.StringIO(), io.StringIO(), 0\n"
        "    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):\n"
        "        try:\n"
        "            main()\n"
        "        except SystemExit as end:\n"
        "            code = end.code or 0\n"
        "    print(json.dumps([code, out.getvalue(), err.getvalue()]))\n"
    )
    texts = [[str(item) for item in arguments] for arguments in commands]
    ended, told, errors = run(code, json.dumps(texts), before=before)
    assert ended == 0, errors
    return [json.loads(line) for line in told.splitlines()]


# -- a full disk


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
def test_an_import_on_a_full_disk_leaves_the_workspace_as_it_was(place):
    before, size = contents(place), (place / "city.gpkg").stat().st_size + 4_000
    done = run(
        FULL + GRIDMAP,
        size,
        "import",
        place,
        place.parent / "grids.gpkg",
        "--kind",
        "community",
        "--replace",
    )
    assert one_line(done), done
    assert "disk" in done[2]
    assert "already exists" not in done[2]
    assert contents(place) == before
    assert Workspace.open(place).city().grids.digest
    with PlanStore.open(place) as store:
        assert store.verify().is_whole


SMALL_DISK = """
import json, os, shutil, sys
from pathlib import Path
from gridmap.errors import GridmapError
from gridmap.io import import_files
city, grids = Path(sys.argv[1]), sys.argv[2]
held = lambda: {path.name: path.read_bytes() for path in city.rglob("*") if path.is_file()}
before, told = held(), set()
for kb in range(0, 500, 40):
    free = shutil.disk_usage(city).free
    (city.parent / "fill").write_bytes(b"0" * max(free - kb * 1024, 0))
    for kind in ("grid", "community"):
        try:
            import_files(city, [grids], kind=kind)
        except GridmapError as error:
            told.add(error.key)
            assert held() == before, (kb, kind)
        else:
            before = held()
    (city.parent / "fill").unlink()
print(json.dumps(sorted(told)))
"""


@pytest.mark.slow
def test_whatever_is_written_when_the_disk_is_full_is_told_as_that(place, tmp_path):
    """A disk of 3 MB, filled up to each few kilobytes: GDAL then says ``already exists``."""
    shell, disk = shutil.which("unshare"), tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=3m tmpfs '{disk}'"
    if not shell or subprocess.run([shell, "-rm", "sh", "-c", mount], check=False).returncode:
        pytest.skip("a small disk needs Linux with user namespaces (unshare -rm)")
    grids = tmp_path / "grids.gpkg"
    (tmp_path / "try.py").write_text(SMALL_DISK, encoding="utf-8")
    script = (
        f"{mount} && '{sys.executable}' -m gridmap import '{disk}/city' '{grids}' --kind grid "
        f">/dev/null && '{sys.executable}' '{tmp_path}/try.py' '{disk}/city' '{grids}'"
    )
    done = subprocess.run(
        [shell, "-rm", "sh", "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT), "GRIDMAP_CACHE": str(tmp_path / "kept")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == ["io.error.disk_full"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
def test_a_save_on_a_full_disk_is_refused_in_one_line_and_the_store_stays_whole(place):
    size = (place / "plans.db").stat().st_size + 2_000
    code = FULL + (
        "from gridmap.plans import LOCAL, PlanStore\n"
        "from gridmap.errors import WorkspaceError\n"
        "store = PlanStore.open(sys.argv[1]); plan = store.load('现行'); saved = 0\n"
        "try:\n"
        "    for n in range(400): store.save(plan, author=LOCAL, note='x' * 5000); saved += 1\n"
        "except WorkspaceError as error: print(saved, len(error.text().splitlines()))\n"
    )
    done = run(code, size, place)
    assert done[0] == 0, done
    saved, lines = map(int, done[1].split())
    assert lines == 1
    with PlanStore.open(place) as store:
        assert len(store.history("现行")) == 1 + saved
        assert store.verify().is_whole
        store.save(store.load("现行"), author=LOCAL)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
def test_a_report_on_a_full_disk_says_so_and_leaves_no_half_report(place, tmp_path):
    out = tmp_path / "out"
    done = run(FULL + GRIDMAP, 30_000, "report", place, "--out", out, "--formats", "csv,gpkg")
    assert one_line(done), done
    assert not out.exists() or not any(out.rglob("manifest.json"))


# -- a folder that is read-only


@pytest.fixture
def read_only(place):
    """A folder that nobody may write in, and how to run as somebody to whom that applies."""
    before = ()
    if os.name == "nt":
        pytest.skip("rights of folders are others on Windows")
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write anywhere: run as a user, or install util-linux")
        before = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner")
    paths = [place, *place.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield place, before
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.slow
def test_a_read_only_workspace_is_read_and_refuses_writing_in_one_line(read_only, tmp_path):
    place, before = read_only
    old = contents(place)
    reading = (
        ("measure", place),
        ("plans", place, "list"),
        ("plans", place, "show", "现行"),
        ("compare", place, "present", "现行"),
        ("audit", place),
    )
    writing = (
        ("import", place, place.parent / "grids.gpkg", "--kind", "community"),
        ("repair", place),
        ("plans", place, "export", "现行", tmp_path / "plan.csv"),
        ("roles", place, "li", "planner"),
        ("report", place, "--out", tmp_path / "out", "--formats", "csv"),
    )
    # One process for all: starting is what costs.
    done = run_all((*reading, *writing), before=before)
    for arguments, (code, out, err) in zip(reading, done, strict=False):
        assert (code, err) == (0, ""), (arguments, err)
        assert out
    for arguments, ended in zip(writing, done[len(reading) :], strict=True):
        assert one_line(ended), (arguments, ended)
    assert contents(place) == old
    assert not (tmp_path / "plan.csv").exists()


# -- a file that goes away


def test_a_store_that_went_away_in_the_middle_of_an_edit(place):
    with PlanStore.open(place) as store:
        plan = store.load("现行")
    for path in place.glob("plans.db*"):
        path.unlink()
    with PlanStore.open(place) as store:
        # Saving upon what is gone is told; under a new name nothing of the work is lost.
        with pytest.raises(ConflictError) as raised:
            store.save(plan, author=LOCAL, base_version=1)
        assert raised.value.key == "plans.error.base_missing"
        assert store.save(plan.renamed("另存"), author=LOCAL, base_version=0).number == 1


@pytest.mark.parametrize("name", ["city.gpkg", "incidents.parquet"])
def test_a_data_file_that_went_away_is_named(place, name):
    target = place / name
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
    with pytest.raises(WorkspaceError) as raised:
        Workspace.open(place).city()
    assert len(raised.value.text("en").splitlines()) == 1


def test_a_file_of_incidents_that_goes_or_breaks_while_a_command_runs_is_named(place):
    incidents = Workspace.open(place).city().incidents
    files = sorted((place / "incidents.parquet").iterdir())
    last = files[-1].read_bytes()
    for harm, key in (
        (lambda path: path.write_bytes(last[: len(last) // 2]), "io.error.incidents_unreadable"),
        (lambda path: path.write_bytes(b""), "io.error.incidents_unreadable"),
        (lambda path: path.unlink(), "io.error.incidents_lost"),
    ):
        batches = incidents.batches()
        next(batches)  # the command has begun
        harm(files[-1])
        with pytest.raises(WorkspaceError) as raised:
            list(batches)
        assert raised.value.key == key
        assert files[-1].name in raised.value.text("en")


def test_an_empty_store_that_a_full_disk_left_is_none(place):
    (place / "plans.db").write_bytes(b"")
    with pytest.raises(MissingError):
        PlanStore.open(place, create=False)
    with PlanStore.open(place) as store:
        assert store.list() == ()


# -- a clock that jumps


def test_a_clock_that_jumps_back_loses_no_order(place, monkeypatch):
    moments = [datetime(2030, 1, 1, tzinfo=UTC) - timedelta(days=400 * n) for n in range(12)]
    jumping = iter(moments)
    monkeypatch.setattr(_database, "now", lambda: next(jumping).isoformat(timespec="microseconds"))
    with PlanStore.open(place) as store:
        plan = store.load("现行")
        for number in (1, 2, 3):
            store.save(plan, author=LOCAL, base_version=number, note=str(number))
        assert [version.note for version in store.history("现行")] == ["", "1", "2", "3"]
        assert store.version("现行").number == 4
        assert [record.number for record in store.audit_records()] == [1, 2, 3, 4]
        assert store.verify().is_whole


# -- two at once on one workspace


@pytest.mark.slow
def test_two_apps_on_one_workspace_lose_nothing(place):
    code = (
        "import sys\n"
        "from gridmap.io import Workspace\n"
        "from gridmap.model import Kind\n"
        "from gridmap.plans import LOCAL, Action, PlanStore, logged\n"
        "folder, name = sys.argv[1:]\n"
        "for _ in range(3):\n"
        "    place = Workspace.open(folder)\n"
        "    with logged(place.path, LOCAL, Action.IMPORT, 'beat'):\n"
        "        place.put_layer(place.layer(Kind.BEAT))\n"
        "    with PlanStore.open(folder) as store:\n"
        "        store.save(store.load('现行').renamed(name), author=LOCAL)\n"
        "print('done')\n"
    )
    results = {}

    def work(name):
        results[name] = run(code, place, name)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: done[:2] for name, done in results.items()} == {
        "one": (0, "done\n"),
        "two": (0, "done\n"),
    }, results
    assert len(Workspace.open(place).city().grids) == 120
    with PlanStore.open(place) as store:
        assert {v.name: v.number for v in store.list()} == {"one": 3, "two": 3, "现行": 1}
        assert len(store.audit_records()) == 1 + 2 * 6
        assert store.verify().is_whole


def test_what_was_made_from_a_layer_does_not_replace_a_newer_one(place, monkeypatch):
    from gridmap.io import repair
    from gridmap.io.findings import FindingKind
    from gridmap.io.repair import LayerRepair, Repaired

    # While a repair computes, somebody else imports the stations anew.
    newer = Workspace.open(place).layer(Kind.STATION)
    newer = Layer(Kind.STATION, newer.frame.assign(name="新"))

    def slow(layer, **_):
        if layer.kind != Kind.STATION:
            return LayerRepair(layer, (), coverage_valid=True)
        Workspace.open(place).put_layer(newer)
        mended = Layer(layer.kind, layer.frame.assign(name="旧"), layer.provenance)
        done = Repaired(layer.kind, FindingKind.GAP, 1, 1.0, 0.1, 0)
        return LayerRepair(mended, (done,), coverage_valid=True)

    monkeypatch.setattr(repair, "repair_layer", slow)
    with pytest.raises(ConflictError) as raised:
        repair.repair_workspace(place)
    assert raised.value.key == "io.error.layer_changed"
    assert Workspace.open(place).layer(Kind.STATION).digest == newer.digest


def test_an_import_that_fails_is_not_in_the_log(place):
    with (
        pytest.raises(WorkspaceError),
        logged(place, LOCAL, Action.IMPORT, "grid"),
    ):
        raise WorkspaceError("io.error.locked", path="x")
    with PlanStore.open(place) as store:
        assert len(store.audit_records()) == 1


# -- a browser that goes away in the middle of a proposal


def test_a_search_ends_when_its_reader_is_gone():
    from gridmap.pages.redraw_state import Redraw

    began = threading.Event()

    def work(_tell, stops):
        began.set()
        while not stops():
            pass
        return "best so far"

    state = Redraw()
    job = state.begin(work)
    assert began.wait(300)
    assert not job.done
    del state
    gc.collect()
    assert job._done.wait(300)
    assert job.result() == "best so far"
