"""Write docs/reference/ from the commands and the docstrings; ``--check`` only compares."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"
PACKAGES = (
    "gridmap", "gridmap.model", "gridmap.io", "gridmap.demo", "gridmap.travel", "gridmap.measure",
    "gridmap.partition", "gridmap.siting", "gridmap.plans", "gridmap.maps", "gridmap.report",
    "gridmap.errors", "gridmap.i18n", "gridmap.fields",
)  # fmt: skip
MADE = "<!-- Made by .ci/reference.py; change the code, then run it again. -->"
SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)


def commands() -> str:
    """Return the reference of the command line."""
    from gridmap.cli._main import build, option_key
    from gridmap.i18n import tr

    lines = [
        "# Commands 命令", "", MADE, "",
        "Every command ends with code 0 when it has done what was asked, and with code 2 and one",
        "line on standard error when the input is bad. `--json` prints one document for scripts.",
        "", "每个命令成功时以 0 结束；输入有误时以 2 结束，并在标准错误里写一行说明。",
        "`--json` 输出一份供脚本读取的文档。", "",
        "Options in brackets may be left out. 方括号里的选项可以不写。", "",
    ]  # fmt: skip
    for name, command in build().commands.items():
        usage = [f"gridmap {name}"]
        rows = []
        for item in command.params:
            if item.param_type_name == "argument":
                usage.append(item.metavar or item.name.upper())
                continue
            flags = "/".join([*item.opts, *item.secondary_opts])
            kind = "N" if isinstance(item.default, (int, float)) else "TEXT"
            value = f" {item.metavar or kind}"
            if isinstance(item.default, bool):
                value = ""
            short = f"[{item.opts[0]}{' ...' if value else ''}]"
            usage.append(f"{flags} ..." if item.required else short)
            default = "" if item.default in (None, "", False) else f"`{item.default}`"
            choice = f"{flags}{value}".replace("|", "\\|")
            told = [tr(option_key(name, item.opts[0]), language=each) for each in ("zh", "en")]
            rows.append(f"| `{choice}` | {default} | {told[0]} | {told[1]} |")
        lines += [f"## gridmap {name}", "", tr(f"cli.help.{name}", language="zh"), ""]
        lines += [tr(f"cli.help.{name}", language="en"), "", "```text", " ".join(usage), "```", ""]
        if rows:
            head = ["| option 选项 | default 默认 | 作用 | what it does |", "|---|---|---|---|"]
            lines += [*head, *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def python() -> str:
    """Return the reference of what packages export."""
    lines = ["# Python", "", MADE, ""]
    seen: set[int] = set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        lines += [f"## {package}", "", *_prose(inspect.getdoc(module) or ""), ""]
        for name in module.__all__:
            value = getattr(module, name)
            if id(value) in seen and (inspect.isclass(value) or inspect.isroutine(value)):
                lines += [f"### {package}.{name}", "", f"See `{value.__module__}`.", ""]
                continue
            seen.add(id(value))
            lines += [f"### {package}.{name}", "", *_entry(name, value), ""]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
    return text.rstrip() + "\n"


def _entry(name: str, value: object) -> list[str]:
    if inspect.isclass(value) and issubclass(value, enum.Enum):
        members = ", ".join(f"`{item.value}`" for item in value)
        return [*_prose(inspect.getdoc(value) or ""), "", f"One of {members}."]
    if inspect.isclass(value) or inspect.isroutine(value):
        lines = ["```python", f"{name}{_signature(value)}", "```", ""]
        lines += _prose(inspect.getdoc(value) or "")
        if inspect.isclass(value):
            lines += ["", *_members(value)]
        return lines
    shown = str(value).replace("typing.", "")
    return ["```python", f"{name} = {shown}" if len(shown) < 200 else name, "```"]


def _signature(value: object) -> str:
    try:
        found = inspect.signature(value)  # type: ignore[arg-type] # a class or a function
    except (TypeError, ValueError):
        return "(...)"
    kept = [item for item in found.parameters.values() if not item.name.startswith("_")]
    text = str(found.replace(parameters=kept)).replace("'", "")
    return re.sub(r"<factory>|<object object at 0x\w+>", "...", text)


def _members(value: type) -> list[str]:
    """Return the public methods and properties that the class itself defines."""
    plain = {item.name for item in dataclasses.fields(value)} if _is_data(value) else set()
    lines = []
    for name, member in vars(value).items():
        inner = getattr(member, "__func__", member)
        told = inspect.getdoc(getattr(value, name, None))
        if name.startswith("_") or name in plain or not told:
            continue
        if not inspect.isroutine(inner) and not hasattr(inner, "__get__"):
            continue
        call = _signature(inner) if inspect.isroutine(inner) else ""
        call = re.sub(r"\((self|cls)(, )?", "(", call)
        lines.append(f"- `{name}{call}`: {_inline(told.splitlines()[0])}")
    return lines


def _is_data(value: type) -> bool:
    return dataclasses.is_dataclass(value)


def _prose(text: str) -> list[str]:
    """Return a numpydoc text as Markdown."""
    text = SECTION.sub(lambda found: f"**{found[1]}**", text)
    lines: list[str] = []
    code = False
    listed = False
    for line in text.splitlines():
        if line.startswith(">>>") and not code:
            lines += ["", "```python"]
            code = True
        if code:
            if line.strip():
                lines.append(line)
                continue
            lines += ["```", ""]
            code = False
        if line.startswith("**"):
            listed = line in {"**Parameters**", "**Attributes**", "**Raises**", "**Returns**"}
            lines += ["", line, ""]
        elif listed and line and not line.startswith(" "):
            lines.append(f"- `{line.strip()}`" if not line.startswith("*") else line)
        elif listed and line.strip():
            lines.append("  " + _inline(line.strip()))
        else:
            lines.append(_inline(line))
    return [*lines, "```"] if code else lines


def _inline(line: str) -> str:
    return line.replace("``", "`")


def main() -> int:
    """Write both files, or say which differ."""
    made = {"commands.md": commands(), "python.md": python()}
    stale = []
    for name, text in made.items():
        path = FOLDER / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(f"docs/reference/{name}")
        if "--check" not in sys.argv:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"{', '.join(stale)}: not as the code is; run python .ci/reference.py")  # noqa: T201 - a check speaks to whoever runs it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
