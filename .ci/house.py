"""Check what no linter checks: true `__all__`, file sizes, docstrings, texts."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_LINES = 800


def exports(package: str) -> list[str]:
    """Return what is wrong with the names that packages export."""
    found = []
    root = importlib.import_module(package)
    names = [package] + [
        info.name
        for info in pkgutil.walk_packages(root.__path__, f"{package}.")
        if not any(part.startswith("_") for part in info.name.split("."))
        and "migrations" not in info.name
    ]
    for name in names:
        module = importlib.import_module(name)
        listed = list(getattr(module, "__all__", ()))
        found += [f"{name}: __all__ names {item}, which is not there" for item in listed
                  if not hasattr(module, item)]  # fmt: skip
    return found


def sizes() -> list[str]:
    """Return the source files that have grown into two rooms."""
    files = [*(ROOT / "gridmap").rglob("*.py"), ROOT / "app.py"]
    long = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    found = [
        f"{path.relative_to(ROOT)}: {lines} lines, more than {MOST_LINES}"
        for path, lines in sorted(long.items())
        if lines > MOST_LINES
    ]
    if long[ROOT / "app.py"] >= 60:
        found.append("app.py: the router has 60 lines or more")
    return found


def docstrings() -> list[str]:
    """Return the public functions and classes whose docstring numpydoc finds at fault."""
    from numpydoc.validate import validate

    # Only what makes a docstring wrong: a sentence may name its few parameters.
    serious = {"GL06", "GL07", "GL08", "PR02", "PR03", "PR10", "SS03"}
    found = []
    for path in sorted((ROOT / "gridmap").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        if "migrations" in parts or parts[-1] == "__init__" or parts[1] in {"cli", "pages"}:
            continue
        module = ".".join(parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_"):
                continue
            result = validate(f"{module}.{node.name}")
            found += [
                f"{module}.{node.name}: {code} {text}"
                for code, text in result["errors"]
                if code in serious
            ]
    return found


def paths() -> list[str]:
    """Return the tracked files that name a path of somebody's machine."""
    mark = "/" + "work/"
    done = subprocess.run(  # noqa: S603 - git on our own tree
        ["git", "grep", "-nI", "-e", mark, "--", "."],  # noqa: S607 - git on the PATH
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.splitlines()


def main() -> int:
    """Print what is wrong and return how the check ends."""
    found = [*exports("gridmap"), *sizes(), *docstrings(), *paths()]
    for line in found:
        print(line)  # noqa: T201 - a check speaks to whoever runs it
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
