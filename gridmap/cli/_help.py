"""Help in both languages: the overview, each command's options and examples, at 80 columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from gridmap.i18n import has_key, tr

_WIDTH = 80
_LEFT = 26  # columns of the options' side

#: Commands that run as they stand, on a demo city in ``mycity``.
EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "demo": ("gridmap demo mycity", "gridmap demo bigcity --grids 2000 --incidents 200000"),
    "sample": (
        "gridmap sample carrollton downloads",
        "gridmap sample chicago downloads --workspace chi",
    ),
    "import": (
        "gridmap import mycity --kind grid grids.shp --map residents=POP",
        "gridmap import mycity --kind incidents calls.csv --date-format %Y-%m-%d",
        "gridmap import mycity --kind room rooms.xlsx --datum gcj02",
    ),
    "refresh": ("gridmap refresh mycity", "gridmap refresh mycity --kind incidents --json"),
    "check": ("gridmap check mycity", "gridmap check mycity --grid-code 15 --json"),
    "repair": ("gridmap repair mycity --only gap --only overlap", "gridmap repair mycity --undo"),
    "measure": (
        "gridmap measure mycity --by station",
        "gridmap measure mycity --from 2024-03-01 --to 2024-03-31 --csv march.csv",
    ),
    "hotspots": (
        "gridmap hotspots mycity --from 2024-03-01 --hours 22-6",
        "gridmap hotspots mycity --expect residents --out hot.gpkg --json",
    ),
    "coverage": (
        "gridmap coverage mycity --within 500m,5min --mode walk",
        "gridmap coverage mycity --by beat --network all",
    ),
    "site": (
        "gridmap site mycity --rooms 3 --within 1000m",
        "gridmap site mycity --rooms 2 --model median --mode car --adopt",
    ),
    "propose": (
        "gridmap propose mycity --beats 60 --balance residents=1 --effort quick",
        "gridmap propose mycity --beats 60 --keep 0.8 --save A --effort quick",
    ),
    "shifts": ("gridmap shifts mycity --by station", "gridmap shifts mycity --officers 200"),
    "plans": ("gridmap plans mycity", "gridmap plans mycity export A plan.csv"),
    "compare": ("gridmap compare mycity present A", "gridmap compare mycity A@1 A --json"),
    "report": (
        "gridmap report mycity --out march --period 2024-03",
        "gridmap report mycity --out plan-a --plan A --formats xlsx",
    ),
    "audit": ("gridmap audit mycity",),
    "watch": ("gridmap watch mycity", "gridmap watch mycity --until 2024-09-15 --recurrence 180"),
    "patrol": (
        "gridmap patrol mycity --beat 3 --hours 18-24",
        "gridmap patrol mycity --station 2 --units 2 --mode ebike --out tonight",
    ),
    "around": (
        "gridmap around mycity --at 120.15,30.28",
        "gridmap around mycity --grid 330106001001 --within 300m,5min",
    ),
    "norms": ("gridmap norms mycity", "gridmap norms mycity --csv lacking.csv --sheet norms.pdf"),
    "assess": ("gridmap assess mycity --by station", "gridmap assess mycity --sheet ranking.pdf"),
    "roles": ("gridmap roles mycity", "gridmap roles mycity wang@example.org planner"),
    "warm": ("gridmap warm",),
    "app": ("gridmap app mycity", "gridmap app --port 8600 --no-browser"),
}

#: Options of a command by the question that they answer; the others stand below them.
QUESTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "propose": {
        "even": ("--beats", "--per-officer", "--balance", "--tolerance"),
        "change": ("--keep", "--ladder"),
        "hold": (
            *("--parents", "--communities", "--rooms", "--lock", "--together", "--apart"),
            *("--max-area", "--max-grids", "--farthest"),
        ),
        "expert": (
            *(
                "--objective",
                "--targets",
                "--officers",
                "--travel",
                "--barriers",
                "--prefer",
                "--avoid",
                "--sectors",
                "--periods",
                "--hours",
            ),
            *("--front", "--validate", "--chance", "--prove", "--effort", "--seconds"),
            *("--seed", "--processes", "--scheduler"),
        ),
    },
}


def cell_width(text: str) -> int:
    """Return how many columns a text takes on a screen; Chinese letters take two.

    >>> cell_width("ab"), cell_width("网格")
    (2, 4)
    """
    return sum(
        0 if unicodedata.combining(letter) else
        2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )  # fmt: skip


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of at most a width; Chinese breaks anywhere but before its marks.

    >>> wrapped("one two three", 7)
    ['one two', 'three']
    >>> wrapped("网格与警格", 6)
    ['网格与', '警格']
    """
    lines, line = [], ""
    for piece in _pieces(text):
        if line and cell_width(line) + cell_width(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _pieces(text: str) -> list[str]:
    """Split a text where a line may end: behind a blank, and between Chinese letters."""
    pieces: list[str] = []
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in "WF"
        mark = wide and unicodedata.category(letter).startswith("P") and letter not in "（《“"
        opens = pieces and pieces[-1][-1:] in "（《“"
        fresh = not pieces or pieces[-1].endswith(" ") or (
            not mark and not opens
            and (wide or unicodedata.east_asian_width(pieces[-1][-1]) in "WF")
        )  # fmt: skip
        if fresh:
            pieces.append(letter)
        else:
            pieces[-1] += letter
    return pieces


def overview(groups: Mapping[str, Sequence[str]]) -> str:
    """Return the help of ``gridmap``: its commands by group, a line each.

    Parameters
    ----------
    groups
        Group to its commands.
    """
    lines = [*wrapped(tr("cli.help.gridmap"), _WIDTH), "", tr("cli.usage.overview"), ""]
    for group, names in groups.items():
        lines.append(tr(f"cli.group.{group}"))
        for name in names:
            lines += _row(name, _first_sentence(tr(f"cli.help.{name}")), columns=14)
        lines.append("")
    return "\n".join([*lines, *wrapped(tr("cli.usage.more"), _WIDTH)])


def _first_sentence(text: str) -> str:
    end = re.search(r"。|\.(?= )", text)
    return text[: end.end()] if end else text


def command_help(name: str, command: Any, help_of: Any) -> str:  # noqa: ANN401 - typer's own classes
    """Return the help of a command: usage, arguments, options, examples.

    Parameters
    ----------
    name
        The command.
    command
        What typer made of it.
    help_of
        Returns what an option does.
    """
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    options = [item for item in command.params if item.param_type_name == "option"]
    shown = " ".join(_argument(item) for item in arguments)
    needed = " ".join(f"{item.opts[0]} {_value(item)}" for item in options if item.required)
    usage = f"gridmap {name} {shown} {needed}".replace("  ", " ").strip()
    first, *rest = wrapped(f"{usage} [{tr('cli.usage.options')}]", _WIDTH - 4)
    lines = [first, *(f"    {line}" for line in rest), ""]
    lines += wrapped(tr(f"cli.help.{name}"), _WIDTH)
    if arguments:
        lines += ["", tr("cli.usage.arguments")]
        for item in arguments:
            key = f"cli.argument.{name}.{item.name}"
            key = key if has_key(key) else f"cli.argument.any.{item.name}"
            lines += _row(_argument(item), tr(key))
    for title, some in _grouped(name, options):
        lines += ["", title]
        for item in some:
            flags = "/".join([*item.opts, *item.secondary_opts])
            text = help_of(name, item.opts[0]) + _default(item)
            lines += _row(f"{flags} {_value(item)}".strip(), text)
    lines += _row("-h, --help", tr("cli.usage.help"))
    if name in EXAMPLES:
        lines += ["", tr("cli.usage.examples")]
        for example in EXAMPLES[name]:
            first, *rest = wrapped(example, _WIDTH - 8)
            lines += [f"  {first}" + (" \\" if rest else "")]
            lines += [f"      {part}" + (" \\" if part is not rest[-1] else "") for part in rest]
    return "\n".join(lines)


def _grouped(name: str, options: list[Any]) -> list[tuple[str, list[Any]]]:
    """Return the options under their headings; those of no group come last."""
    groups = QUESTIONS.get(name, {})
    asked = {flag for flags in groups.values() for flag in flags}
    made = [
        (tr(f"cli.question.{name}.{group}"), [item for item in options if item.opts[0] in flags])
        for group, flags in groups.items()
    ]
    rest = [item for item in options if item.opts[0] not in asked]
    return [*made, (tr("cli.usage.options_title"), rest)]


def _row(left: str, text: str, *, columns: int = _LEFT) -> list[str]:
    """Return a line of a list, its text wrapped beside or below what it is about."""
    lines = wrapped(text, _WIDTH - columns - 2)
    head = f"  {left}"
    if cell_width(head) > columns:
        return [head, *(" " * (columns + 2) + line for line in lines)]
    first = head + " " * (columns + 2 - cell_width(head)) + lines[0]
    return [first, *(" " * (columns + 2) + line for line in lines[1:])]


def _argument(item: Any) -> str:  # noqa: ANN401 - typer's own class
    return str(item.metavar or item.name.upper())


def _value(item: Any) -> str:  # noqa: ANN401 - the same
    """Return what follows a flag: never the name of a type."""
    if item.secondary_opts or item.is_flag:
        return ""
    if item.metavar:
        return str(item.metavar)
    return "N" if isinstance(item.default, (int, float)) or _is_number(item) else "TEXT"


def _is_number(item: Any) -> bool:  # noqa: ANN401 - the same
    return getattr(item, "min", None) is not None or getattr(item, "max", None) is not None


def _default(item: Any) -> str:  # noqa: ANN401 - the same
    value = item.default
    if item.required:
        return tr("cli.usage.required")
    if value in (None, "", False, ()) or value == [] or item.secondary_opts:
        return ""
    return tr("cli.usage.default", value=f"{value:g}" if isinstance(value, float) else value)
