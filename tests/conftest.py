"""What tests of several floors share."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# The tests read what the library says in Chinese; a command line gets its own language.
os.environ.setdefault("GRIDMAP_LANG", "zh")

import command_line
import hypothesis
import pytest

# A shared machine is slow at times: an example may take as long as it takes. Everybody tries the
# same examples, so that no change is refused for what an earlier one has done; `make fuzz` looks
# for others. What fails is printed so that it can be run again, on any machine.
hypothesis.settings.register_profile(
    "gridmap",
    deadline=None,
    print_blob=True,
    derandomize="GRIDMAP_FUZZ" not in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("gridmap")

# A script of a user's, for mypy: it is read, not run.
collect_ignore = ["data/user_script.py"]

# Files that take longest, browsers among others: whoever runs several at once begins with them,
# so that none is left for the end.
_FIRST = (
    "test_docs_commands", "test_docs_proposals", "test_io_fuzz", "test_map_browser", "test_faults",
    "test_people_browser", "test_cli_report", "test_planner_browser", "test_report_notebooks",
    "test_pages_browser", "test_extras", "test_walks_browser", "test_partition_proof",
    "test_serve_gate", "test_patrol_shifts", "test_reach_browser",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    ranks = {name: rank for rank, name in enumerate(_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(_FIRST)))


@pytest.fixture(autouse=True)
def _main_module() -> Iterator[None]:
    """Put the main module back: Streamlit's tests leave a script of theirs, and new processes
    import it."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(scope="session")
def run() -> Callable[..., tuple[int, str, str]]:
    """Return what runs ``gridmap`` in this process: exit code, output, error output."""
    return command_line.run


@pytest.fixture(scope="session")
def ask() -> Callable[..., Any]:
    """Return what runs ``gridmap ... --json`` and reads the answer."""

    def asked(*arguments: object) -> Any:
        code, out, err = command_line.run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return asked


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the documents name."""
    import shown

    return shown.write_desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def login(desk: Path) -> Path:
    """Return the login file that the documents show."""
    import shown

    return shown.write_login(desk)


@pytest.fixture
def works(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[int, str, str]]:
    """Return what runs a command as the documents show it."""
    import shown

    monkeypatch.chdir(desk)
    return lambda command: shown.run_shown(command, desk)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Return the address of a Dask cluster."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as made:
        yield made.scheduler_address
