"""What the documents say is what the code does."""

import re
from pathlib import Path

import pytest

from gridmap.io.findings import FindingKind
from gridmap.settings import Settings

ROOT = Path(__file__).parents[1]


def test_every_kind_of_finding_is_listed() -> None:
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)) == set(FindingKind)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_every_command_shown_exists_with_its_options(name: str) -> None:
    from typer.main import get_command

    from gridmap.cli._main import build

    commands = get_command(build()).commands  # type: ignore[attr-defined]
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^    gridmap (\w+)(.*)$", text, re.MULTILINE)
    assert lines
    for command, rest in lines:
        known = {option for item in commands[command].params for option in item.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, (command, rest)


def test_every_setting_is_documented() -> None:
    source = (ROOT / "gridmap" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'env\.get\("(GRIDMAP_\w+)"', source))
    listed = set(re.findall(r"^``(GRIDMAP_\w+)``", source, re.MULTILINE))
    assert read == listed
    assert len(read) == len(Settings.__slots__)
