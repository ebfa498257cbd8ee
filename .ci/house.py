"""Check what no linter checks: true `__all__`, import cycles, file sizes, docstrings, texts."""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import networkx as nx

ROOT = Path(__file__).parent.parent
MOST_LINES = 800
# What makes a docstring wrong; a sentence may name its few parameters.
SERIOUS = {"GL06", "GL07", "GL08", "PR02", "PR03", "PR10", "SS03"}
# Packages whose public boundaries say what they take and give.
TYPED = ("partition", "io", "plans", "api")
_CACHE = ROOT / ".house_cache" / "docstrings.json"


def exports(package: str) -> list[str]:
    """Return what is wrong with the names that packages export."""
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        bound, listed = _top_level(tree)
        missing = [name for name in listed if name not in bound]
        if missing and "__getattr__" in bound:  # made on demand: ask the module itself
            parts = path.relative_to(ROOT).with_suffix("").parts
            module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
            missing = [name for name in missing if not hasattr(module, name)]
        where = path.relative_to(ROOT)
        found += [f"{where}: __all__ names {name}, which is not there" for name in missing]
    return found


def private_lists() -> list[str]:
    """Return the modules whose ``__all__`` nobody needs: it stands in packages and public modules.

    Public are the modules beside the packages; `gridmap._lazy` hands on what it imports.
    """
    found = []
    for path in map(Path, _git("ls-files", "*.py")):
        public = path.parent == Path("gridmap") and not path.stem.startswith("_")
        if public or path.name in {"__init__.py", "_lazy.py"}:
            continue
        if _top_level(ast.parse((ROOT / path).read_text(encoding="utf-8")))[1]:
            found.append(f"{path}: __all__ in a module that is neither a package nor public")
    return found


def _top_level(tree: ast.Module) -> tuple[set[str], list[str]]:
    """Return the names that a module binds, and those in its ``__all__``."""
    bound: set[str] = set()
    listed: list[str] = []
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef() | ast.ClassDef() | ast.AsyncFunctionDef():
                bound.add(node.name)
            case ast.Import() | ast.ImportFrom():
                bound |= {item.asname or item.name.partition(".")[0] for item in node.names}
            case ast.If() | ast.Try() | ast.With() | ast.For():
                waiting += [item for item in ast.walk(node) if isinstance(item, ast.stmt)][1:]
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = {item.id for target in targets for item in ast.walk(target)
                         if isinstance(item, ast.Name)}  # fmt: skip
                bound |= names
                if "__all__" in names and isinstance(node.value, (ast.List, ast.Tuple)):
                    listed = [ast.literal_eval(item) for item in node.value.elts
                              if isinstance(item, ast.Constant)]  # fmt: skip
    return bound, listed


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


def cycles(package: str) -> list[str]:
    """Return the modules that import each other, inside functions or for their types too."""
    graph = grimp.build_graph(package, cache_dir=None)
    arrows = nx.DiGraph(
        (module, other)
        for module in graph.modules
        for other in graph.find_modules_directly_imported_by(module)
    )
    rings = nx.strongly_connected_components(arrows)
    return [f"import cycle: {', '.join(sorted(ring))}" for ring in rings if len(ring) > 1]


def docstrings() -> list[str]:
    """Return the public functions and classes whose docstring numpydoc finds at fault.

    A file that is as it was is not looked at again: what was found stands in a cache beside those
    of the other tools.
    """
    kept = _read_cache()
    fresh: dict[str, list[str]] = {}
    for path in sorted((ROOT / "gridmap").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        if "migrations" in parts or parts[-1] == "__init__" or parts[1] in {"cli", "pages"}:
            continue
        key = hashlib.sha256(path.read_bytes() + Path(__file__).read_bytes()).hexdigest()
        key = f"{'.'.join(parts)} {key}"
        fresh[key] = kept[key] if key in kept else _faulty_docstrings(path, ".".join(parts))
    _CACHE.parent.mkdir(exist_ok=True)
    _CACHE.write_text(json.dumps(fresh), encoding="utf-8")
    return [line for lines in fresh.values() for line in lines]


def _read_cache() -> dict[str, list[str]]:
    try:
        kept: dict[str, list[str]] = json.loads(_CACHE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept


def _faulty_docstrings(path: Path, module: str) -> list[str]:
    from numpydoc.validate import validate

    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            errors = validate(f"{module}.{node.name}")["errors"]
            found += [f"{module}.{node.name}: {code} {text}" for code, text in errors
                      if code in SERIOUS]  # fmt: skip
    return found


def boundaries() -> list[str]:
    """Return where a public boundary takes or gives anything: ``Any``, mappings to ``object``.

    A ``TypedDict``, a dataclass or a union of what is meant says more, to people and to mypy.
    """
    found = []
    for package in TYPED:
        folder = ROOT / "gridmap" / package
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        exported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
                    for alias in node.names}  # fmt: skip
        for path in sorted(folder.glob("*.py")):
            own = path.stem.startswith("_")
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                name = _name_of(node)
                if name.startswith("_") or (own and name not in exported):
                    continue
                found += [f"{path.relative_to(ROOT)}:{line}: {name} takes or gives anything"
                          for line in sorted(set(_loose(node)))]  # fmt: skip
    return found


def _name_of(node: ast.stmt) -> str:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return "_"


def _loose(node: ast.stmt) -> Iterator[int]:
    """Yield the lines of hints that say nothing: of a definition, of a class's public ones."""
    if isinstance(node, ast.ClassDef):
        for item in node.body:
            if not _name_of(item).startswith("_"):
                yield from _loose(item)
        return
    for hint in filter(None, _hints(node)):
        for part in ast.walk(hint):
            match part:
                case (
                    ast.Name(id="Any")
                    | ast.Subscript(
                        value=ast.Name(id="dict" | "Mapping" | "MutableMapping"),
                        slice=ast.Tuple(elts=[_, ast.Name(id="object")]),
                    )
                ):
                    yield part.lineno


def _hints(node: ast.stmt) -> list[ast.expr | None]:
    """Return the hints of a function, a field, or another name for a type."""
    match node:
        case ast.FunctionDef(args=every):
            named = [*every.posonlyargs, *every.args, *every.kwonlyargs]
            found = [node.returns, *(item.annotation for item in (*named, every.vararg) if item)]
            words = every.kwarg.annotation if every.kwarg else None
            # Keywords of type object are anything at all.
            any_words = isinstance(words, ast.Name) and words.id == "object"
            return [*found, ast.Name("Any", lineno=node.lineno) if any_words else words]
        case ast.AnnAssign():
            return [node.annotation]
        case ast.Assign():
            return [node.value]
    return []


def paths() -> list[str]:
    """Return the tracked files that name a path of somebody's machine."""
    return _git("grep", "-nI", "-e", "/" + "work/", "--", ".")


def _git(*words: str) -> list[str]:
    """Return the lines that git says of our own tree."""
    done = subprocess.run(  # noqa: S603 - git on our own tree
        ["git", *words],  # noqa: S607 - git on the PATH
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.splitlines()


def main() -> int:
    """Print what is wrong and return how the check ends."""
    found = [
        *exports("gridmap"),
        *private_lists(),
        *cycles("gridmap"),
        *sizes(),
        *docstrings(),
        *boundaries(),
        *paths(),
    ]
    for line in found:
        print(line)  # noqa: T201 - a check speaks to whoever runs it
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
