"""Both languages are complete, agree in their placeholders, and no text is left unused."""

import ast
import re
import string
from contextlib import suppress
from contextvars import Context
from pathlib import Path

import pytest

from gridmap.errors import InputError
from gridmap.i18n import current_language, keys, set_language, tr, using_language

ROOT = Path(__file__).parents[1]
FILES = (".py", ".toml", ".js", ".html", ".css", ".db", ".id", ".json", ".typ")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Chinese in code is data there: names that people call columns by, words of dates and of
# the made-up city, marks of persons.
DATA = {
    "fields.py", "_personal.py", "_coordinates.py", "_incidents.py", "_person_numbers.py",
    "docx.py", "_values.py", "_tables.py", "_features.py", "coverage.py", "summary.py",
    "importing.py", "norms.py",
}  # fmt: skip


def placeholders(text: str, *, shown: bool = False) -> set[str]:
    """Return the values that a text takes, or those alone that it shows: a count may choose
    between one and many, which Chinese does not tell apart."""
    parts = [(name, form or "") for _, name, form, _ in string.Formatter().parse(text) if name]
    return {name for name, form in parts if not shown or "|" not in form or form.startswith("?")}


def test_both_languages_say_the_same() -> None:
    for key, entry in keys().items():
        assert set(entry) == {"zh", "en"}, f"{key} lacks a language"
        # A share has no unit; anything else says something.
        assert all(text.strip() for text in entry.values()) or ".unit." in key, key
        assert placeholders(entry["zh"], shown=True) <= placeholders(entry["en"]), key
        assert placeholders(entry["en"], shown=True) <= placeholders(entry["zh"]), key
        assert not re.search(r"\b([A-Za-z]+) \1\b", entry["en"]), f"{key} says a word twice"


#: Messages whose examples of what to type stand apart (but numbers that are put in do not), and
#: names in Latin letters that end in a number (WGS 84, CGCS2000).
TERMINAL = re.compile(r"^(cli|gdal|extras)\.|\.error\.")
LATIN = re.compile(r"[A-Z][A-Za-z. -]*[\d.-]*\d ")
NUMERIC = re.compile(
    r"[\u3000-\u303f\u4e00-\u9fff\uff01-\uffef] +[+\u2212\u00b1\u2264\u2265]?(\d|\{\w+:)"
    r"|(\d|%|\{\w+:[^}]*\}) +[\u3000-\u303f\u4e00-\u9fff\uff01-\uffef]"
)


def test_chinese_and_numbers_stand_without_a_space() -> None:
    spaced = {}
    for key, entry in keys().items():
        text = LATIN.sub("", entry["zh"])
        if TERMINAL.search(key):
            text = re.sub(r"[\d%]+", "`", text.replace("%}", "}"))
        if NUMERIC.search(text):
            spaced[key] = entry["zh"]
    assert not spaced


def test_every_text_is_used() -> None:
    sources = [*(ROOT / "gridmap").rglob("*.py"), ROOT / "app.py"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    code += "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "gridmap").rglob("*.js"))
    code += "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "gridmap").rglob("*.html"))
    # A key may be put together from a stem and a name: f"cli.reason.{reason}".
    stems = set(re.findall(r"""f["']((?:[a-z_0-9]+\.)+[a-z_0-9]*)\{""", code))
    unused = [
        key
        for key in keys()
        if f'"{key}"' not in code and not any(key.startswith(stem) for stem in stems)
    ]
    assert not unused, unused


def test_every_key_in_the_code_is_in_the_catalogue() -> None:
    known = set(keys())
    areas = {key.partition(".")[0] for key in known}
    area = "|".join(sorted(areas))
    pattern = re.compile(rf'"((?:{area})\.[a-z_0-9]+(?:\.[a-z_0-9]+)*)"')
    lost = {}
    for path in (ROOT / "gridmap").rglob("*.py"):
        for key in pattern.findall(path.read_text(encoding="utf-8")):
            if key not in known and not key.endswith(FILES):
                lost[key] = path.name
    assert not lost, lost


@pytest.fixture(scope="module")
def modules() -> dict[Path, ast.Module]:
    """Return every module of the package, read once."""
    paths = (ROOT / "gridmap").rglob("*.py")
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}


@pytest.mark.slow
def test_every_message_gets_the_values_that_it_shows(modules: dict[Path, ast.Module]) -> None:
    """Where a key stands beside its values: an error that lacks one would end in a traceback."""
    known = keys()
    lacking = {}
    for path, tree in modules.items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            key = getattr(call.args[0], "value", "") if call.args else ""
            values = {item.arg for item in call.keywords}
            if key in known and None not in values and (name == "tr" or name.endswith("Error")):
                needed = set().union(*map(placeholders, known[key].values()))
                if needed - values:
                    lacking[f"{path.name}:{call.lineno}: {key}"] = needed - values
    assert lacking == {}


@pytest.mark.slow
def test_no_chinese_stands_in_the_code_outside_the_catalogue(
    modules: dict[Path, ast.Module],
) -> None:
    found = []
    for path, tree in modules.items():
        if path.name in DATA or "demo" in path.parts:
            continue
        documented = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        found += [
            f"{path.name}:{node.lineno}: {node.value[:20]}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and CHINESE.search(node.value)
            and id(node) not in documented
        ]
    assert not found, found


def test_language_of_a_context() -> None:
    with using_language("en"):
        assert tr("field.residents") == "Residents"
        with using_language("zh"):
            assert tr("field.residents") == "常住人口"
        assert tr("field.residents") == "Residents"
    with pytest.raises(ValueError, match="language must be one of"):
        set_language("fr")


def test_a_language_borrowed_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def borrowed() -> str:
        monkeypatch.setenv("GRIDMAP_LANG", "zh")
        with using_language("en"), suppress(ValueError), using_language("fr"):
            pass
        monkeypatch.setenv("GRIDMAP_LANG", "en")
        return current_language()

    assert Context().run(borrowed) == "en"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 grids"), (1, "1 grid"), (2, "2 grids"), ("1", "1 grid"), ("1,001", "1,001 grids")],
)
def test_one_is_not_many(count: object, said: str) -> None:
    assert tr("page.edit.marked", language="en", count=count) == f"{said} selected:"


def test_what_is_said_only_where_there_is_something() -> None:
    text = {"language": "en", "plan": "A"}
    assert tr("plans.error.no_plan", known="B", **text).endswith("There are: B.")
    assert tr("plans.error.no_plan", known="", **text).endswith("saves one.")
    # A value may have the bar in it that parts the two.
    assert tr("plans.error.no_plan", known="B|C", **text).endswith("There are: B|C.")
    for key, entry in keys().items():
        for language, told in entry.items():
            for _, name, spec, _ in string.Formatter().parse(told):
                assert not (spec or "").startswith("?") or "|" in (spec or ""), (
                    key,
                    language,
                    name,
                )


def test_a_name_cannot_break_a_line_or_turn_a_terminal() -> None:
    said = InputError("io.error.no_file", file="f/new\nline\x1b[31m\u202e.gpkg", known="").text(
        "en"
    )
    assert "f/new\\nline\\x1b[31m\\u202e.gpkg" in said
    assert said.isprintable()
