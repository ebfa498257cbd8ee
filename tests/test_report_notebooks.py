"""The notebooks run from top to bottom, on the demo city, without a network."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import gridmap

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
ENGLISH = [path for path in NOTEBOOKS if ".zh-CN." not in path.name]


def test_there_are_five_in_each_language():
    english = [path.name for path in ENGLISH]
    assert [name[:2] for name in english] == ["01", "02", "03", "04", "05"]
    chinese = [path.name for path in NOTEBOOKS if ".zh-CN." in path.name]
    assert chinese == [name.replace(".ipynb", ".zh-CN.ipynb") for name in english]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_speaks_one_language_and_shows_its_outputs(path):
    book = nbformat.read(path, as_version=4)
    text = "".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    assert bool(re.search(r"[\u4e00-\u9fff]", text)) == (".zh-CN." in path.name)
    outputs = [out for cell in book.cells for out in cell.get("outputs", ())]
    assert any("image/png" in out.get("data", {}) for out in outputs)
    assert not any(out.output_type == "error" for out in outputs)


def code_of(path):
    """Return a notebook's code without what is in quotes, which each language says its own way."""
    cells = nbformat.read(path, as_version=4).cells
    return [re.sub(r'"[^"\n]*"', '""', cell.source) for cell in cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", ENGLISH, ids=lambda path: path.stem)
def test_both_languages_run_the_same_code(path):
    assert code_of(path) == code_of(path.with_name(path.name.replace(".ipynb", ".zh-CN.ipynb")))


@pytest.mark.parametrize("path", ENGLISH, ids=lambda path: path.stem)
def test_a_notebook_needs_nothing_of_gridmap_but_its_first_floor(path):
    code = "\n".join(code_of(path))
    assert not re.search(r"from gridmap|import gridmap\.", code)
    assert set(re.findall(r"\bgridmap\.(\w+)", code)) <= set(gridmap.__all__)


def texts_of(book):
    """Return what each cell prints and shows as text."""
    outputs = [
        [out.get("text") or out.data["text/plain"] for out in cell.get("outputs", ())
         if out.get("name") == "stdout" or "text/plain" in out.get("data", {})]
        for cell in book.cells
    ]  # fmt: skip
    return [
        "".join(texts) for texts in outputs
    ]  # what is printed comes in one piece or in several


_FIGURE = re.compile(r"<Figure size [^>]*>")  # of a picture beside it: by the backend at hand
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")


def words_of(text):
    """Return what is printed but for its numbers and the space between."""
    return "".join(_NUMBER.sub("#", _FIGURE.sub("", text)).split())


def numbers_of(text):
    """Return the numbers that are printed."""
    return [float(one) for one in _NUMBER.findall(_FIGURE.sub("", text))]


# The code is the same, so each piece runs once; the report in Chinese, the others in English.
@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        *ENGLISH[:4],
        *(path for path in NOTEBOOKS if path.name.startswith("05") and "zh" in path.name),
    ],
    ids=lambda path: path.stem,
)
def test_a_notebook_runs_to_its_end(path, tmp_path, monkeypatch):
    book = nbformat.read(path, as_version=4)
    saved = texts_of(book)
    monkeypatch.delenv("MPLBACKEND", raising=False)  # Streamlit's tests set it
    # A proxy that answers nobody: whoever asks the network fails.
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    )
    NotebookClient(
        book, timeout=1_800, startup_timeout=600, kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()  # fmt: skip
    outputs = [out for cell in book.cells for out in cell.get("outputs", ())]
    assert outputs
    if (
        "redrawing" not in path.stem
    ):  # another processor rounds otherwise: a search may end elsewhere
        for made, kept in zip(texts_of(book), saved, strict=True):
            assert words_of(made) == words_of(kept)  # or run the notebooks and save them
            assert numbers_of(made) == pytest.approx(numbers_of(kept), rel=1e-3, abs=1e-3)
    assert not any(out.output_type == "error" for out in outputs)
