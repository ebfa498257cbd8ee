"""Output, help and shared arguments of commands.

Results go to standard output, everything else to standard error. Help has the overview, each
command's options and its examples in both languages, at 80 columns.
"""

from __future__ import annotations

import atexit
import inspect
import json
import math
import os
import re
import shutil
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NoReturn,
    TypeVar,
    get_type_hints,
)

import typer
from rich.cells import cell_len

from gridmap import io
from gridmap._lazy import pd
from gridmap.api.open import plan_of
from gridmap.api.options import Options, OptionSpec, option_specs
from gridmap.api.results import FORMAT, Progress, plain
from gridmap.errors import GridmapError, InputError, WorkspaceError
from gridmap.fields import Json
from gridmap.i18n import has_key, tr
from gridmap.settings import read_settings

if TYPE_CHECKING:
    import rich.progress

    from gridmap.io import Workspace
    from gridmap.model import City


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
    "watch": ("gridmap watch mycity", "gridmap watch mycity --to 2024-09-15 --recurrence 180"),
    "patrol": (
        "gridmap patrol mycity --beat 990101001J01 --hours 18-24",
        "gridmap patrol mycity --station 990101001 --units 2 --out tonight",
    ),
    "around": (
        "gridmap around mycity --at 114.13,30.55",
        "gridmap around mycity --grid 990101001001001 --within 300m,5min",
    ),
    "norms": ("gridmap norms mycity", "gridmap norms mycity --csv lacking.csv --sheet norms.pdf"),
    "assess": ("gridmap assess mycity --by station", "gridmap assess mycity --sheet ranking.pdf"),
    "roles": ("gridmap roles mycity", "gridmap roles mycity wang@example.org planner"),
    "warm": ("gridmap warm",),
    "app": ("gridmap app mycity", "gridmap app --port 8600 --no-browser"),
}

#: Options of a command by the question that they answer; the others stand below them.
QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "propose": {
        "even": "--beats --per-officer --balance --tolerance",
        "change": "--keep --ladder",
        "hold": (
            "--parents --communities --rooms --lock --together --apart "
            "--max-area --max-grids --farthest"
        ),
        "expert": (
            "--objective --targets --officers --travel --barriers --prefer --avoid --sectors "
            "--periods --hours --front --validate --chance --prove --effort --seconds "
            "--seed --processes --scheduler"
        ),
    }
}


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of at most a width; Chinese breaks anywhere but before its marks.

    >>> wrapped("one two three", 7)
    ['one two', 'three']
    >>> wrapped("网格与警格", 6)
    ['网格与', '警格']
    >>> wrapped("网格[选项]", 6)
    ['网格', '[选项]']
    """
    lines, line = [], ""
    for piece in _pieces(text):
        if line and cell_len(line) + cell_len(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _pieces(text: str) -> list[str]:
    """Split a text where a line may end: behind a blank, between Chinese letters, not in []."""
    pieces: list[str] = []
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in "WF"
        mark = wide and unicodedata.category(letter).startswith("P") and letter not in "（《“"
        last = pieces[-1] if pieces else ""
        opens = last[-1:] in tuple("（《“") or last.rfind("[") > last.rfind("]")
        fresh = not last or last.endswith(" ") or (
            not mark and not opens and (wide or unicodedata.east_asian_width(last[-1]) in "WF")
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
    asked = {flag for flags in groups.values() for flag in flags.split()}
    made = [
        (
            tr(f"cli.question.{name}.{group}"),
            [item for item in options if item.opts[0] in flags.split()],
        )
        for group, flags in groups.items()
    ]
    rest = [item for item in options if item.opts[0] not in asked]
    return [*made, (tr("cli.usage.options_title"), rest)]


def _row(left: str, text: str, *, columns: int = _LEFT) -> list[str]:
    """Return a line of a list, its text wrapped beside or below what it is about."""
    lines = wrapped(text, _WIDTH - columns - 2)
    head = f"  {left}"
    if cell_len(head) > columns:
        return [head, *(" " * (columns + 2) + line for line in lines)]
    first = head + " " * (columns + 2 - cell_len(head)) + lines[0]
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


#: What stands for a number that is hidden.
HIDDEN = "*"


def print_text(text: str) -> None:
    """Print a line of the result."""
    _waiting.end()
    _write(f"{text}\n")


def _write(text: str) -> None:
    """Write to standard output; end quietly where its reader has gone, as ``| head`` does."""
    try:
        sys.stdout.write(text)
        if not text:
            sys.stdout.flush()
    except BrokenPipeError:
        # What is still held back is written when Python ends: to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_NO_READER)


def end_output() -> None:
    """Write what is still held back, while a reader who has gone can be noticed."""
    _write("")


_NO_READER = 141  # the exit code of what SIGPIPE ends


def print_json(value: Mapping[str, object]) -> None:
    """Print a result as one JSON document with the number of its format; NaN becomes null."""
    text = json.dumps(
        plain({"format": FORMAT, **value}), ensure_ascii=False, indent=2, allow_nan=False
    )
    _waiting.end()
    _write(f"{text}\n")


def starred(rows: pd.DataFrame, hidden: pd.DataFrame | None) -> pd.DataFrame:
    """Return a table with a star for each number that ``hidden`` marks."""
    if hidden is None:
        return rows
    columns = {
        name: rows[name].astype(object).mask(hidden[name].to_numpy(dtype=bool), HIDDEN)
        for name in hidden.columns
        if name in rows
    }
    return rows.assign(**columns)


def print_rows(rows: pd.DataFrame) -> None:
    """Print a table with its columns named in the current language; no cell is cut.

    Long headings are wrapped. A table wider than the screen (80 columns without one) continues
    below with its first columns repeated. The name column is omitted if it equals the ids.
    """
    if {"id", "name"} <= set(rows) and (rows["id"] == rows["name"]).all():
        rows = rows.drop(columns="name")
    columns = [_TableColumn.of(name, rows[name]) for name in rows.columns]
    keys = [column for column in columns[:2] if column.name in {"id", "name"}] or columns[:1]
    rest = columns[len(keys) :]
    width = screen_width()
    while columns:
        room = width - sum(column.width + 2 for column in keys)
        block: list[_TableColumn] = []
        while rest and (not block or room >= rest[0].width):
            room -= rest[0].width + 2
            block.append(rest.pop(0))
        _print_block([*keys, *block], len(rows))
        if not rest:
            return
        print_text("")


class _TableColumn(NamedTuple):
    """One column of a table as it is printed."""

    name: str
    heading: list[str]
    cells: list[str]
    width: int
    numeric: bool

    @classmethod
    def of(cls, name: object, values: pd.Series) -> _TableColumn:
        label = tr(f"field.{name}") if has_key(f"field.{name}") else str(name)
        digits = _decimals([value for value in values if isinstance(value, float)])
        cells = [_cell(value, digits) for value in values]
        width = max(map(cell_len, cells), default=0)
        parts = label.split() if label.isascii() else label.replace("（", " （").split(" ")
        widest = max(map(cell_len, parts or [""]))
        width = max(width, widest if label.isascii() or widest <= _WHOLE else _NARROW)
        # The unit of a Chinese heading stands whole, on a line of its own where need be.
        heading = wrapped(label, width) if cell_len(label) <= width or label.isascii() else [
            line for part in parts for line in wrapped(part, width)]  # fmt: skip
        width = max(width, *map(cell_len, heading))
        numeric = values.dtype.kind in "if" or any(isinstance(one, float) for one in values)
        return cls(str(name), heading, cells, width, numeric)

    def put(self, text: str) -> str:
        """Return a text at its place in the column."""
        blank = " " * (self.width - cell_len(text))
        return blank + text if self.numeric else text + blank


_WHOLE = 12  # a heading in Chinese, or its unit, is not broken up to this width
_NARROW = 8  # and to no less than this beyond


def _print_block(columns: list[_TableColumn], rows: int) -> None:
    height = max((len(column.heading) for column in columns), default=0)
    for line in range(height):
        parts = []
        for column in columns:
            at = line - (height - len(column.heading))  # headings stand on the cells
            parts.append(column.put(column.heading[at] if at >= 0 else ""))
        print_text("  ".join(parts).rstrip())
    for row in range(rows):
        print_text("  ".join(column.put(column.cells[row]) for column in columns).rstrip())


def screen_width() -> int:
    """Return the columns of the screen, 80 where the output goes elsewhere."""
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80


@contextmanager
def progress_bar(label: str = "") -> Iterator[Progress]:
    """Show progress on standard error where it is a screen; yield what moves the bar."""
    from rich import progress
    from rich.console import Console

    _waiting.end()
    with progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TextColumn("{task.percentage:>3.0f}%"),
        progress.TimeElapsedColumn(),
        console=(console := Console(stderr=True)),
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(label, total=1.0)

        def tell(share: float, what: str = "", /) -> None:
            bar.update(task, completed=share, description=what or None)

        yield tell
        tell(1.0)


def _decimals(values: Sequence[float]) -> int | None:
    """Return how many decimals all numbers of a column take; None where each takes its own."""
    sizes = [abs(value) for value in values if math.isfinite(value) and value]
    if all(size.is_integer() for size in sizes):
        return 0
    if min(sizes) < 10.0**-_MOST_DECIMALS:
        return None
    of_most = 2 - math.floor(math.log10(max(sizes)))  # three figures of the largest
    of_least = 1 - math.floor(math.log10(min(sizes)))  # two of the smallest
    return min(max(of_most, of_least, int(max(sizes) <= 100)), _MOST_DECIMALS)


_MOST_DECIMALS = 3


def _cell(value: object, digits: int | None = None) -> str:
    if isinstance(value, float):
        if not math.isfinite(value):
            return "-"
        return f"{value:,.3g}" if digits is None else f"{value:,.{digits}f}"
    return "" if value is None else str(value)


def say(text: str) -> None:
    """Print a remark."""
    _waiting.end()
    sys.stderr.write(f"{text}\n")


def announce(command: str) -> None:
    """Say at once what begins, where somebody looks on; after a second, a bar that moves."""
    if sys.stderr.isatty():
        say(tr("cli.begins", what=tr(f"cli.help.{command}").rstrip("。.")))
        _waiting.begin()


class _Waiting:
    """A bar without an end, on the screen from the first second until anything is printed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._bar: rich.progress.Progress | None = None

    def begin(self) -> None:
        self._timer = threading.Timer(_PATIENCE_S, self._show)
        self._timer.daemon = True
        self._timer.start()
        atexit.register(self.end)  # whatever happens, the screen is left as it was

    def _show(self) -> None:
        from rich import progress
        from rich.console import Console

        with self._lock:
            if self._timer is None:  # ended while this was on its way
                return
            columns = progress.BarColumn(), progress.TimeElapsedColumn()
            self._bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task("", total=None)
            self._bar.start()

    def end(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._bar is not None:
                self._bar.stop()
                self._bar = None


_PATIENCE_S = 1.0
_waiting = _Waiting()


def fail(error: GridmapError, *, as_json: bool = False) -> NoReturn:
    """Print the error in one line, and as JSON where that was asked for; exit with code 2."""
    if as_json:
        print_json({"error": error_record(error)})
    say(error.text())
    sys.exit(2)


def error_record(error: GridmapError) -> dict[str, str]:
    """Return an error as scripts read it: its key in the catalogue and its sentence."""
    return {"key": error.key, "text": error.text()}


# -- the workspace's store as commands use it, and the log of what they bring in or take out


O = TypeVar("O", bound=Options)  # noqa: E741 - the options' type


def with_plans(place: Workspace, city: City, options: O) -> O:
    """Return options in which the saved plans that they name are loaded.

    ``present`` is what a verb takes anyway where no plan is given.
    """
    named = {
        spec.name: value
        for spec in option_specs(type(options))
        if spec.is_plan and isinstance(value := getattr(options, spec.name), str) and value
    }
    if not named:
        return options
    from gridmap.plans import PRESENT  # the store takes longer to load than most commands run

    loaded = {
        name: None if value == PRESENT else plan_of(place.path, city, value)
        for name, value in named.items()
    }
    return replace(options, **loaded)


def note_period(city: City, options: Options) -> None:
    """Say that there are no data in the days that were asked for: all counts are 0."""
    period = None if city.incidents is None else city.incidents.period
    since, until = (str(getattr(options, name, ""))[:10] for name in ("since", "until"))
    if period is None:
        return
    first, last = (str(one.date()) for one in period)
    if (since and since > last) or (until and until < first):
        asked = f"{since or '…'} – {until or '…'}"
        say("! " + tr("cli.no_data", received=asked, first=first, last=last))


def put_table(place: Workspace, out: Path | None, frame: pd.DataFrame, subject: str) -> None:
    """Write a verb's table where one was asked for, and log it."""
    if out is None:
        return
    with logged(place.path, "export", subject) as detail:
        io.write_frame(frame, out)
        detail.update(file=out.name, rows=len(frame))


def put_sheet(place: Workspace, out: Path | None, make: Callable[[], bytes], verb: str) -> None:
    """Write a verb's printed sheet where one was asked for, whole or not at all, and log it.

    Raises
    ------
    WorkspaceError
        If it cannot be written.
    """
    if out is None:
        return
    from gridmap.io.placing import new_folder_beside, put

    with logged(place.path, "export", verb) as detail:
        data = make()
        try:
            folder = new_folder_beside(out)
            try:
                (folder / out.name).write_bytes(data)
                put(folder / out.name, out)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise WorkspaceError(
                "io.error.cannot_write_file", path=str(out), reason=reason
            ) from error
        detail.update(file=out.name, bytes=len(data))


@contextmanager
def logged(
    workspace: Path, action: Literal["import", "export", "repair"], subject: str
) -> Iterator[dict[str, Json]]:
    """Let the local user do something, and write to the log what is put into the details."""
    from gridmap import plans

    with plans.logged(
        workspace, plans.LOCAL, plans.Action(action), subject, url=read_settings().database_url
    ) as detail:
        yield detail


WorkspacePath = Annotated[Path, typer.Argument(metavar="WORKSPACE", show_default=False)]
JsonFlag = Annotated[bool, typer.Option("--json")]
SheetFile = Annotated[Path | None, typer.Option("--sheet", metavar="FILE.pdf")]


def pairs(items: Iterable[str], *, option: str, blank: bool = False) -> dict[str, str]:
    """Return ``{"field": "column"}`` from ``["field=column"]``; with ``blank``, ``field=`` too.

    Raises
    ------
    InputError
        If an item has no equals sign, or nothing on a side of it where something must be.
    """
    made: dict[str, str] = {}
    for item in items:
        key, sign, value = item.partition("=")
        if not sign or not key.strip() or not (blank or value.strip()):
            raise InputError("cli.error.pair", option=option, received=item)
        made[key.strip()] = value.strip()
    return made


# -- commands made from options dataclasses: flags, help, metavars, choices, defaults


_NAMING = {"option", "other"}  # values of a message that are names of options


def from_options(options: type[Options]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Put a flag for each option in the place of a command's parameter ``options``.

    Parameters
    ----------
    options
        The options dataclass; the command gets an instance that has checked itself. An
        error names the flag instead of the field.

    Examples
    --------
    ::

        @from_options(MeasureOptions)
        def command(workspace: WorkspacePath, options: MeasureOptions, as_json: Json = False):
            ...
    """
    specs = [spec for spec in option_specs(options) if not spec.hidden]
    flags = {spec.name: spec.flag for spec in specs}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def call(**words: Any) -> None:  # noqa: ANN401 - typer passes what it has read
            announce(options.verb)
            texts = {spec.name: words.pop(spec.name) for spec in specs}
            try:
                command(options=options.from_texts(texts), **words)
            except GridmapError as error:
                # As the reader wrote it: --from, not since.
                for name in _NAMING & set(error.values):
                    named = str(error.values[name])
                    error.values[name] = flags.get(named, named)
                raise

        own = inspect.signature(command).parameters
        hints = get_type_hints(command, include_extras=True)
        made: list[inspect.Parameter] = []
        for name, parameter in own.items():
            if name == "options":
                made += [_parameter(spec) for spec in specs]
            else:
                keyword = inspect.Parameter.KEYWORD_ONLY
                made.append(parameter.replace(kind=keyword, annotation=hints[name]))
        call.__dict__["__signature__"] = inspect.Signature(made)
        call.__annotations__ = {item.name: item.annotation for item in made} | {"return": None}
        return call

    return decorate


def _choices_of(choices: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Return a completer that offers a shell the values of a flag."""

    def offered(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice and choice.startswith(incomplete)]

    return offered


def _parameter(spec: OptionSpec) -> inspect.Parameter:
    whole = spec.kind is int
    number = spec.kind in {int, float} and spec.parse is None
    kind: Any = spec.kind if number or spec.kind is bool else str
    default: Any = spec.default
    flag = spec.flag
    ends: dict[str, Any] = {}
    if spec.kind is bool:
        flag = f"{flag}/--no-{flag.removeprefix('--')}" if spec.default else flag
    elif number:
        ends = {name: int(end) if whole else end for name, end in
                (("min", spec.least), ("max", spec.most)) if end is not None}  # fmt: skip
    if default is None or (spec.many and not default):
        kind, default = (list[str] if spec.many else kind) | None, None
    elif not number and spec.kind is not bool and not isinstance(default, str):
        default = ""
    if spec.choices:
        ends["autocompletion"] = _choices_of(spec.choices)
    said = typer.Option(flag, metavar=spec.metavar or None, **ends)
    return inspect.Parameter(
        spec.name, inspect.Parameter.KEYWORD_ONLY, default=default,
        annotation=Annotated[kind, said],
    )  # fmt: skip
