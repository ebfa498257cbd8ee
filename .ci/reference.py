"""Write docs/reference/ from the commands; ``--check`` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"
MADE = "<!-- Made by .ci/reference.py; change the code, then run it again. -->"


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


def main() -> int:
    """Write the files, or say which differ."""
    made = {"commands.md": commands()}
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
