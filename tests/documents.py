"""What the documents show: their commands, and the pieces of code in their text."""

import re
from pathlib import Path

from gridmap.i18n import using_language

ROOT = Path(__file__).parents[1]
# Each pair says the same in English and in Chinese; some documents hold both languages.
PAIRS = [
    (f"{name}.md", f"{name}.zh-CN.md")
    for name in (
        "README",
        "docs/benchmarks",
        "docs/data",
        "docs/department",
        "docs/duty",
        "docs/measures",
        "docs/proposals",
        "docs/report",
    )
]
DOCUMENTS = [*(name for pair in PAIRS for name in pair), "docs/words.md", "CONTRIBUTING.md"]
_PROGRAMS = (
    "gridmap", "make", "py", "pip", "python", "cp", "pg_dump", "createdb", "pg_restore", "bash",
    "powershell", "sqlite3", "docker", "apt-get", "curl", "git", "systemctl", r"\.venv\S+",
)  # fmt: skip
_COMMAND = re.compile(rf"^    ((?:{'|'.join(_PROGRAMS)}) .*)$", re.MULTILINE)


def in_language(language, make):
    """Return what a function says in a language."""
    with using_language(language):
        return make()


def text_of(name: str) -> str:
    """Return a document, its continued lines joined."""
    return (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")


def commands_of(name: str) -> list[str]:
    """Return the commands of a document's blocks, in order, without what is said of them."""
    found = _COMMAND.findall(text_of(name))
    return [re.sub(r"\s+", " ", re.sub(r"\s# .*", "", line)).strip() for line in found]


def spans_of(name: str) -> list[str]:
    """Return the code in the text of a document, outside its blocks."""
    lines = (line for line in text_of(name).splitlines() if not line.startswith("    "))
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", "\n".join(lines))]


def blocks_of(name: str) -> list[str]:
    """Return the blocks of a document, each without its indent."""
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text_of(name), re.MULTILINE)
    return ["\n".join(line[4:] for line in block.strip("\n").splitlines()) for block in found]
