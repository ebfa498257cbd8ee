"""The check of the house finds what it is there to find."""

import importlib.util
from pathlib import Path

import pytest

from gridmap.report import composing, settings


@pytest.fixture(scope="module")
def house():
    path = Path(__file__).parents[1] / ".ci" / "house.py"
    spec = importlib.util.spec_from_file_location("house", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_module_imports_one_that_imports_it(house):
    assert house.cycles("gridmap") == []


def test_an_import_inside_a_function_or_for_its_types_alone_counts(house, tmp_path, monkeypatch):
    """one -> two at the top; two -> one in a function; three and four for their types."""
    package = tmp_path / "ringed"
    package.mkdir()
    lazily = "def go():\n    from ringed.one import x\n    return x\n"
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ringed.{} import {}\n"
    for name, text in {
        "__init__": "from ringed.one import x\n",
        "one": "from ringed.two import go\nx = 1\n",
        "two": lazily,
        "three": typed.format("four", "a"),
        "four": typed.format("three", "b"),
        "five": "from ringed.four import a\n",
    }.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert sorted(house.cycles("ringed")) == [
        "import cycle: ringed.four, ringed.three",
        "import cycle: ringed.one, ringed.two",
    ]


def test_each_section_that_a_department_may_name_can_be_made():
    assert composing.SECTIONS is settings.SECTIONS
    assert all(callable(make) for make in settings.SECTIONS.values())


def test_a_list_of_names_stands_in_packages_and_public_modules(house, tmp_path, monkeypatch):
    files = ["gridmap/errors.py", "gridmap/report/__init__.py", "gridmap/report/pdf.py"]
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text('__all__ = ["x"]\nx = 1\n')
    monkeypatch.setattr(house, "ROOT", tmp_path)
    monkeypatch.setattr(house, "_git", lambda *_: files)
    (said,) = house.private_lists()
    assert said.startswith("gridmap/report/pdf.py: __all__")
