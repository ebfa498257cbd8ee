"""A plain installation measures and proposes; what it lacks is named with the way to get it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from gridmap.errors import EXTRAS

ROOT = Path(__file__).resolve().parents[1]

# Runs a command as on a machine without the libraries of the extras.
PLAIN = """
import sys
absent = set({absent!r})

class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent)
sys.argv[0] = "gridmap"
from gridmap.cli import main
main()
"""


def run_plain(*words: object) -> subprocess.CompletedProcess[str]:
    absent = sorted({module for modules in EXTRAS.values() for module in modules} - {"google"})
    code = PLAIN.format(absent=absent)
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True, text=True, check=False, encoding="utf-8",
    )  # fmt: skip


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain") / "city"
    done = run_plain("demo", folder, "--grids", "60", "--incidents", "500")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("measure", "--by", "beat"), ("coverage", "--within", "800m"),
        ("propose", "--beats", "6", "--effort", "quick", "--save", "A"),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_a_plain_installation_measures_and_proposes(city: Path, words: tuple[str, ...]) -> None:
    done = run_plain(words[0], city, *words[1:])
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "extra"),
    [(("app",), "app"), (("report", "--period", "2024-03", "--formats", "pdf"), "report")],
)
def test_what_is_missing_is_named_with_its_extra(
    city: Path, tmp_path: Path, words: tuple[str, ...], extra: str
) -> None:
    more = ("--out", tmp_path / "out") if words[0] == "report" else ()
    done = run_plain(words[0], city, *words[1:], *more)
    assert done.returncode == 2
    assert f"gridmap[{extra}]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_package_declares_what_brings_each_module() -> None:
    """Each module of an extra comes with a distribution that the extra lists."""
    from importlib.metadata import packages_distributions

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    plain = {Requirement(text).name.lower() for text in declared["dependencies"]}
    brings = packages_distributions()
    for extra, modules in EXTRAS.items():
        listed = {
            Requirement(text).name.lower() for text in declared["optional-dependencies"][extra]
        }
        for module in modules:
            names = {name.lower() for name in brings[module]}
            assert names & listed, (extra, module, names)
            assert not names & plain, (extra, module, names)
