"""What the documents say is what the code does."""

import ast
import re
from importlib import import_module
from pathlib import Path

import documents
import pytest
from test_i18n import LATIN, NUMERIC

from gridmap.i18n import keys
from gridmap.io.findings import FindingKind
from gridmap.settings import Settings

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "heading"),
    [("data.md", "## What a check finds"), ("data.zh-CN.md", "## 检查会发现什么")],
)
def test_every_kind_of_finding_is_listed(name: str, heading: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    listed = text.split(heading)[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", listed, re.MULTILINE)) == set(FindingKind)


@pytest.mark.parametrize("pair", documents.PAIRS, ids=lambda pair: pair[0])
def test_both_languages_have_the_same_parts_and_figures(pair: tuple[str, str]) -> None:
    """As many headings and tables; the same code in both, and the same figures in tables."""
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in pair]
    for pattern in (r"^#+ ", r"^\|", r"^    \S"):
        one, other = (len(re.findall(pattern, text, re.MULTILINE)) for text in texts)
        assert one == other, pattern
    if pair[0] in {
        "docs/measures.md",
        "docs/benchmarks.md",
        "README.md",
    }:  # formulas and 万 are put into words
        return
    cells = [
        [re.findall(r"\d+(?:,\d{3})*", row) for row in re.findall(r"^\|.*$", text, re.MULTILINE)]
        for text in texts
    ]
    for one, other in zip(*cells, strict=True):
        assert sorted(one) == sorted(other)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", *sorted(
    f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")
)])  # fmt: skip
def test_every_link_leads_somewhere(name: str) -> None:
    file = ROOT / name
    for target in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", file.read_text(encoding="utf-8")):
        place = (file.parent / target[0]).resolve() if target[0] else file
        assert place.exists(), target
        if target[1]:
            titles = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert target[1] in anchors, target


def test_every_option_says_what_it_does() -> None:
    from gridmap.cli import build, option_key
    from gridmap.i18n import has_key

    options = [
        option_key(name, item.opts[0])
        for name, command in build().commands.items()
        for item in command.params
        if item.param_type_name == "option"
    ]
    assert len(options) > 80
    assert [key for key in options if not has_key(key)] == []
    told = {key for key in keys() if key.startswith("cli.option.")}
    assert told <= set(options), told - set(options)


def test_every_document_of_json_is_described() -> None:
    from gridmap.cli import build

    text = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (\w+)", text, re.MULTILINE)
    asked = {
        name
        for name, command in build().commands.items()
        if any("--json" in item.opts for item in command.params)
    }
    assert set(titles) == asked
    inner = re.findall(r"^### (\w+)", text, re.MULTILINE)
    assert len(inner) == len(set(inner))  # a link leads to one place


def test_every_setting_is_documented() -> None:
    source = (ROOT / "gridmap" / "settings.py").read_text(encoding="utf-8")
    read = {f"GRIDMAP_{name.upper()}" for name in Settings.__slots__} - {"GRIDMAP_LANGUAGE"}
    read.add("GRIDMAP_LANG")
    assert set(re.findall(r"^``(GRIDMAP_\w+)``", source, re.MULTILINE)) == read
    for name in ("department.md", "department.zh-CN.md"):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert set(re.findall(r"^\| `(GRIDMAP_\w+)` \|", text, re.MULTILINE)) == read, name


def named_functions(name: str) -> list[str]:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return re.findall(r"\| `(gridmap\.[\w.]+)` \|$", text, re.MULTILINE)


def test_each_measure_names_a_function_that_is_there() -> None:
    names = named_functions("measures.md")
    assert names == named_functions("measures.zh-CN.md")
    for name in names:
        module, _, item = name.rpartition(".")
        assert item in import_module(module).__all__, name


def test_the_measures_leave_no_measure_out() -> None:
    # What serves a measure but is none itself.
    serving = {
        "adjust_p", "alignment", "apportion", "areas_of", "balance", "centres",
        "change_verdict", "rest_p_value", "window_dispersion",
        "compared_periods", "count_batches", "count_incidents_by",
        "count_on_cluster", "criterion_of", "cut_pieces", "dispute_rows",
        "disputes_of",
        "hypercube", "is_missing", "missing_counts", "moment", "networks_of",
        "norms", "open_hours", "partial_months",
        "parse_bases", "parse_period", "parse_weights", "parse_within", "per_occurrence",
        "period_before", "period_in", "pieces_of", "places_of", "present_plan", "reach_frame",
        "respond_to_both", "sample_points", "scott_bandwidth_m", "tell_response",
        "top_area", "travel_of", "weekday_occurrences", "weekly_counts",
        "without_missing", "worst_grids",
    }  # fmt: skip
    functions = {
        name
        for name in import_module("gridmap.measure").__all__
        if name.islower() and name not in serving
    }
    told = {name.rpartition(".")[2] for name in named_functions("measures.md")}
    assert functions <= told, functions - told


def names_in(node: ast.AST) -> set[str]:
    """Every name, attribute and imported name below a node."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
        elif isinstance(part, ast.alias):
            found.add(part.name)
    return found


@pytest.mark.slow
def test_every_public_measure_is_reached_by_a_command_a_page_or_a_report() -> None:
    """A function that only tests call is no feature. The documents' own Python counts, too."""
    used: set[str] = set()
    uses: dict[str, set[str]] = {}
    for path in (ROOT / "gridmap").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.parent != ROOT / "gridmap" / "measure":
            used |= names_in(tree)
            continue
        for item in tree.body if path.name != "__init__.py" else ():
            if isinstance(item, ast.FunctionDef | ast.ClassDef):
                uses.setdefault(item.name, set()).update(names_in(item))
    for path in (ROOT / "docs").glob("*.md"):
        for block in documents.blocks_of(f"docs/{path.name}"):
            if block.startswith(("from ", "import ")):
                used |= set(names_in(ast.parse(block)))
    reached: set[str] = set()
    waiting = used & set(uses)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= (uses[name] & set(uses)) - reached
    public = set(import_module("gridmap.measure").__all__) & set(uses)
    assert sorted(public - reached) == []


@pytest.mark.parametrize("name", ["README.zh-CN.md", "docs/reference/json.md", *sorted(
    f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")
)])  # fmt: skip
def test_chinese_and_numbers_stand_without_a_space_in_documents(name: str) -> None:
    """A line that ends between the two is shown with a space, too; code is left out."""
    text = re.sub(r"^    .*$", "", documents.text_of(name), flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`", "`", text)
    assert not name.endswith(".zh-CN.md") or not re.findall(r"\d %", text)
    text = LATIN.sub("", re.sub(r"(?<![\n，。；：、）])\n(?=[^\n|#-])", " ", text))
    assert [match.group() for match in re.finditer(f".*?(?:{NUMERIC.pattern})", text)] == []


# Words that say a second time what a word of docs/words.md says.
SECOND = {
    "工作量": "负荷", "电动自行车": "电动车", "格界长": "界线", "屏障": "河流、铁路",
    "阻隔": "河流、铁路", "共用库": "方案库", "链头": "末条校验值", "登录设置": "登录配置",
    "警力标准": "配备标准", "配置标准": "配备标准", "警情报告": "报表", "出报告": "报表",
}  # fmt: skip


def test_one_chinese_word_stands_for_one_thing() -> None:
    files = [
        *ROOT.glob("README*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("notebooks/*.ipynb"),
        *ROOT.glob("gridmap/i18n/*.toml"),
    ]  # fmt: skip
    assert len(files) > 25
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert {word: SECOND[word] for word in SECOND if word in text} == {}, file.name


def test_roles_are_called_as_the_product_calls_them() -> None:
    from gridmap.i18n import tr
    from gridmap.plans import Role

    words = (ROOT / "docs" / "words.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "department.zh-CN.md").read_text(encoding="utf-8")
    for role in Role:
        name = tr(f"plans.role.{role}", language="zh")
        assert f"| {role} {name} |" in page
        assert name in words


def test_the_crs_of_a_city_can_be_chosen_before_its_first_import(tmp_path: Path) -> None:
    from gridmap.demo import make_city
    from gridmap.io import import_files, read_city, write_frame
    from gridmap.model import Kind

    grids = make_city(grids=60, incidents=0).layer(Kind.GRID).frame
    write_frame(grids, tmp_path / "grids.gpkg")
    for name in ("data.md", "data.zh-CN.md"):
        line = re.search(r"`(crs = [^`]*)`", (ROOT / "docs" / name).read_text("utf-8"))[1]
        place = tmp_path / name
        place.mkdir()
        (place / "gridmap.toml").write_text(line + "\n", encoding="utf-8")
        import_files(place, [tmp_path / "grids.gpkg"], kind="grid")
        assert f'"EPSG:{read_city(place).crs.to_epsg()}"' in line


def test_pictures_are_there_and_in_the_language_of_their_readme() -> None:
    used = set()
    for name, language in (("README.md", "en"), ("README.zh-CN.md", "zh")):
        text = (ROOT / name).read_text(encoding="utf-8")
        shown = re.findall(r"!\[[^]]+\]\((docs/images/[^)]+)\)", text)
        assert shown
        assert all(path.endswith(f"-{language}.png") for path in shown)
        used |= set(shown)
    there = {f"docs/images/{path.name}" for path in (ROOT / "docs" / "images").iterdir()}
    assert there == used


def test_every_public_package_has_a_page_of_the_reference() -> None:
    import pkgutil

    import gridmap

    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    inside = {"cli", "pages", "i18n", "demo", "api", "gdal", "patrol"}  # documented elsewhere
    for info in pkgutil.iter_modules(gridmap.__path__):
        if info.name.startswith("_") or not info.ispkg or info.name in inside:
            continue
        page = ROOT / "docs" / "reference" / "python" / f"{info.name}.md"
        assert f"::: gridmap.{info.name}" in page.read_text(encoding="utf-8")
        assert f"reference/python/{info.name}.md" in nav
