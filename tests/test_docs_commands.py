"""Every command that the documents show works, on files made of the demo city."""

import ast
import inspect
import re
import shlex
import tomllib
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import documents
import numpy as np
import pytest

from gridmap.demo import make_city

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("pair", documents.PAIRS, ids=lambda pair: pair[0])
def test_both_languages_show_the_same_commands(pair: tuple[str, str]) -> None:
    one, other = (documents.commands_of(name) for name in pair)
    assert one == other


@pytest.mark.parametrize("pair", documents.PAIRS, ids=lambda pair: pair[0])
def test_both_languages_name_the_same_code(pair: tuple[str, str]) -> None:
    """What stands in code is the same but for words that each reader puts in."""
    own = re.compile(
        r"[A-Z]{3,}\b|ID|工作区|文件夹|代号|编号|工作表名|列名|字段|field|column|[\u4e00-\u9fff，]"
    )
    one, other = (
        {own.sub("", span) for span in documents.spans_of(name) if re.search(r"[a-z]", span)}
        for name in pair
    )
    assert one == other


@pytest.mark.slow
def test_every_command_shown_works(works: Callable[[str], object], login: Path) -> None:
    assert login.exists()
    commands = [
        line
        for name in documents.DOCUMENTS
        for line in documents.commands_of(name)
        if line.startswith("gridmap ")
    ]
    assert len(commands) > 40
    for command in dict.fromkeys(commands):  # the second language adds nothing: see above
        works(command)


@pytest.mark.slow
def test_every_command_in_the_text_works(works: Callable[[str], object], login: Path) -> None:
    assert login.exists()
    works("gridmap demo mycity") if not Path("mycity").exists() else None
    works("gridmap propose mycity --beats 6 --save drawn")
    spans = {span for name in documents.DOCUMENTS for span in documents.spans_of(name)}
    whole = sorted(span for span in spans if re.match(r"gridmap \w+ \S", span))
    assert len(whole) >= 8
    for command in whole:
        works(command)


def test_the_service_in_the_package_starts(
    works: Callable[[str], object], login: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("mycity").exists():
        works("gridmap demo mycity")
    unit = (documents.ROOT / "packaging" / "gridmap.service").read_text(encoding="utf-8")
    settings = dict(re.findall(r"^Environment=(GRIDMAP_\w+)=(.*)$", unit, re.MULTILINE))
    assert set(settings) == {"GRIDMAP_LOGIN", "GRIDMAP_WORKSPACE", "GRIDMAP_CACHE"}
    here = {"GRIDMAP_LOGIN": str(login), "GRIDMAP_WORKSPACE": "mycity", "GRIDMAP_CACHE": "off"}
    for key, value in here.items():
        monkeypatch.setenv(key, value)
    works(re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)[1])


def options_of() -> dict[str, set[str]]:
    """Return the options of each command."""
    from gridmap.cli import build

    return {
        name: {option for item in command.params for option in (*item.opts, *item.secondary_opts)}
        for name, command in build().commands.items()
    }


def test_every_option_in_the_text_is_one() -> None:
    known = set().union(*options_of().values()) | {"--help"}
    for name in documents.DOCUMENTS:
        for span in documents.spans_of(name):
            if span.startswith(("--", "gridmap ")):
                assert set(re.findall(r"--[a-z-]+", span)) <= known, (name, span)


def run_python(name: str) -> dict[str, object]:
    """Run the Python of a document from top to bottom; return what it has made."""
    from gridmap.report import document, report, sections

    held: dict[str, object] = {}
    for module in (document, report, sections):  # a fragment shows what goes into a module
        held |= {item: getattr(module, item) for item in dir(module) if item[0] != "_"}
    for block in documents.blocks_of(name):
        if re.match(r"(import|from|def|@|gridmap\.)\W?\w", block):
            *lines, last = ast.parse(block).body
            exec(compile(ast.Module(lines, []), name, "exec"), held)  # noqa: S102 - our own
            if isinstance(last, ast.Expr):
                held["last"] = eval(compile(ast.Expression(last.value), name, "eval"), held)  # noqa: S307
            else:
                exec(compile(ast.Module([last], []), name, "exec"), held)  # noqa: S102
    return held


def shows_python(name: str) -> bool:
    return any(re.match(r"(import|from) \w", block) for block in documents.blocks_of(name))


PYTHON = [name for name in documents.DOCUMENTS if shows_python(name)]


@pytest.mark.slow
@pytest.mark.parametrize("name", PYTHON)
def test_the_python_shown_runs(name: str, works: Callable[[str], object], cluster: str) -> None:
    """What a document's Python makes is looked at, so that a document that is new is, too."""
    from gridmap.report import settings

    if not Path("mycity").exists():
        works("gridmap demo mycity")
    held = run_python(name)
    own = settings.SECTIONS.pop("shifts", None)
    if name.startswith("README"):
        assert len(held["last"]) == 60
    elif name.startswith("docs/report"):
        assert held["png"].startswith(b"\x89PNG")
        assert Path("march", "manifest.json").exists()
        assert held["_shifts"](held["result"].report) == []  # a report without a table of shifts
        assert own is held["_shifts"]
    else:
        assert name.startswith("docs/department")
        city = make_city(grids=60, incidents=500)
        batch = city.incidents.all
        halves = np.array_split(np.arange(len(batch)), 2)
        found = held["count"](city, halves, lambda rows: iter([batch.take(rows)]), cluster)
        assert found.total == len(city.incidents)


@pytest.mark.slow
def test_the_command_of_the_notebooks_works(works: Callable[[str], object]) -> None:
    if not Path("mycity").exists():
        works("gridmap demo mycity")
    texts = [path.read_text("utf-8") for path in sorted(documents.ROOT.glob("notebooks/*.ipynb"))]
    found = [
        line for text in texts for line in re.findall(r'"(gridmap \w+ [^"]*?)(?:\\n)?"', text)
    ]
    assert found
    for command in found:
        works(command)


def _is_known(command: str) -> bool:  # noqa: PLR0911 - one return a program
    """Tell whether what a command that is not ours runs is there."""
    root = documents.ROOT
    words = shlex.split(command.replace("\\", "/"))
    if words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE)
        return words[1] in targets
    if "pip" in words[0]:
        extras = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"][
            "optional-dependencies"
        ]
        asked = ",".join(re.findall(r"\.\[([\w,]+)\]", command)).split(",")
        files = [after for word, after in pairwise(words) if word == "-c"]
        return all(item in extras for item in asked if item) and all(
            (root / f).exists() for f in files
        )
    if words[0] == "systemctl":
        return (root / "packaging" / f"{words[-1]}.service").exists()
    if words[0].endswith("/gridmap"):
        return words[1] in options_of()
    if words[:3] == ["python", "-m", "pytest"]:
        return all((root / word).exists() for word in words[3:] if word.startswith("tests/"))
    if words[:2] == ["python", "-m"] and words[2].startswith("benchmarks."):
        source = inspect.getsource(import_module(words[2]))
        options = [word for word in words[3:] if word.startswith("--")]
        return all(f'"{option}"' in source for option in options)
    if "install." in command:  # tests/test_closed_network.py runs it
        script = next(word for word in words if "install." in word)
        return (root / "packaging" / Path(script).name).exists()
    # tests/test_docs_backup.py runs these
    return words[0] in {"cp", "pg_dump", "createdb", "pg_restore", "python"} or command in {
        "py -3.11 -m venv .venv", ".venv\\Scripts\\python -m pytest",
    }  # fmt: skip


@pytest.mark.parametrize("name", documents.DOCUMENTS)
def test_what_other_commands_run_is_there(name: str) -> None:
    spans = [re.sub(r" ?\b[A-Z]{4,}\.\.\.", "", span) for span in documents.spans_of(name)]
    spans = [f"python -m {span}" if span.startswith("benchmarks.") else span for span in spans]
    told = [span for span in spans if re.match(r"(make|pip|python -m) \S", span)]
    for command in [*documents.commands_of(name), *told]:
        assert command.startswith("gridmap ") or _is_known(command), command


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", sorted(path.stem for path in (documents.ROOT / "benchmarks").glob("[a-z]*.py"))
)
def test_every_benchmark_tells_what_it_does(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = import_module(f"benchmarks.{module}")
    if "__main__" not in inspect.getsource(made):
        return  # peers that another benchmark runs
    monkeypatch.setattr("sys.argv", [module, "--help"])
    with pytest.raises(SystemExit) as ended:
        made.main()
    assert not ended.value.code
    assert "usage" in capsys.readouterr().out
