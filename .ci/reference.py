"""Write docs/reference/ from the commands; ``--check`` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"
# What ``--json`` prints of commands that are no verbs.
_DOCUMENTS = {
    "audit": "gridmap.plans.audit.AuditJson",
    "import": "gridmap.io.options.ImportJson",
    "plans history": "gridmap.plans.versions.PlanHistoryJson",
    "plans import": "gridmap.plans.versions.PlanImportedJson",
    "plans list": "gridmap.plans.versions.PlansJson",
    "plans show": "gridmap.plans.versions.PlanShownJson",
    "refresh": "gridmap.io.importing.RefreshJson",
    "roles": "gridmap.plans.audit.RolesJson",
}
MADE = "<!-- Made by .ci/reference.py; change the code, then run it again. -->"


def commands() -> str:
    """Return the reference of the command line."""
    from gridmap.cli import build, option_key
    from gridmap.i18n import tr

    lines = [
        "# Commands 命令", "", MADE, "",
        "Every command ends with code 0 when it has done what was asked, and with code 2 and one",
        "line on standard error when the input is bad. `--json` prints one document for scripts.",
        "", "每个命令成功时以0结束；输入有误时以2结束，并在标准错误里写一行说明。",
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


def json_formats() -> str:
    """Return the reference of what ``--json`` prints, made from the types of the results."""
    import importlib
    from typing import get_type_hints, is_typeddict

    import gridmap
    from gridmap.api.results import FORMAT

    lines = [
        "# JSON", "", MADE, "",
        "`--json` prints one document; `to_dict()` of a result in Python is the same.",
        f"`format` is {FORMAT}. It changes when a key changes its meaning or is removed; adding",
        "keys does not change it. A number that nobody counted, or that does not exist (a rate",
        "without a denominator), is `null`, never 0. Shares are from 0 to 1.", "",
        "`--json` 输出一份文档，与 Python 结果的 `to_dict()` 相同。",
        f"`format` 为{FORMAT}：已有的键改变含义或取消时才变，新增键时不变。",
        "没有统计过或无法得到的数为 `null`，不写0。比例在0到1之间。", "",
        "An error is JSON too, with exit code 2. 出错时也是 JSON，退出码为2：", "",
        "```json",
        '{"format": 1, "error": {"key": "io.error.no_crs", "text": "..."}}',
        "```", "",
    ]  # fmt: skip
    documents = dict(_DOCUMENTS)
    for options in (name for name in gridmap.__all__ if name.endswith("Options")):
        verb, home = options.removesuffix("Options"), getattr(gridmap, options).__module__
        if hasattr(importlib.import_module(home), f"{verb}Json"):
            documents[verb.lower()] = f"{home}.{verb}Json"
    done = set()
    for title, place in sorted(documents.items()):
        module, _, name = place.rpartition(".")
        waiting = [whole := getattr(importlib.import_module(module), name)]
        while waiting:
            one = waiting.pop(0)
            if one in done:
                continue
            done.add(one)
            lines += [f"## {title}" if one is whole else f"### {one.__name__}", ""]
            lines += [" ".join(str(one.__doc__).replace("``", "`").split()), ""]
            lines += ["| key 键 | type 类型 | unit 单位 | null |", "|---|---|---|---|"]
            keys = {"format": int} if one is whole else {}
            for key, kind in (keys | get_type_hints(one)).items():
                text, null, inner = _json_type(kind)
                waiting += [item for item in inner if is_typeddict(item)]
                lines.append(f"| `{key}` | {text} | {_unit(key)} | {'yes' if null else ''} |")
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _json_type(kind: object) -> tuple[str, bool, list[type]]:
    """Return a type in words, whether it may be null, and the types inside it."""
    from collections.abc import Mapping
    from types import NoneType, UnionType
    from typing import Any, Union, get_args, get_origin, is_typeddict

    origin, parts = get_origin(kind), get_args(kind)
    if any(get_origin(part) is Mapping for part in parts):  # `gridmap.fields.Json`
        return "any", False, []
    if origin in {Union, UnionType}:
        found = [_json_type(part) for part in parts if part is not NoneType]
        return (" or ".join(text for text, _, _ in found), NoneType in parts,
                [item for *_, inner in found for item in inner])  # fmt: skip
    if origin in {list, tuple}:
        text, null, inner = _json_type(parts[0])
        return f"list of {text}{' or null' if null else ''}", False, inner
    if origin is dict:
        text, null, inner = _json_type(parts[1])
        return f"object of {text}{' or null' if null else ''}", False, inner
    if is_typeddict(kind):
        return f"[{kind.__name__}](#{kind.__name__.lower()})", False, [kind]
    words = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return ("any" if kind is Any else words.get(kind, str(kind))), False, []


def _unit(key: str) -> str:
    """Return the unit that a key's name ends with."""
    units = {
        "_per_km2": "per km2", "_km2": "km2", "_m2": "m2", "_km": "km", "_m": "m",
        "_min": "min", "_share": "0-1", "seconds": "s", "deviation": "0-1",
        "_per_1000_residents": "per 1,000 residents",
    }  # fmt: skip
    return next((unit for end, unit in units.items() if key.endswith(end)), "")


def main() -> int:
    """Write the files, or say which differ."""
    made = {"commands.md": commands(), "json.md": json_formats()}
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
