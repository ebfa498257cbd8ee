"""Output of commands: results on standard output, everything else on standard error."""

from __future__ import annotations

import atexit
import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn, Protocol, TypeVar

from gridmap.api.open import plan_of
from gridmap.api.options import Options, option_specs
from gridmap.api.results import FORMAT
from gridmap.cli._help import cell_width, wrapped
from gridmap.errors import GridmapError, WorkspaceError
from gridmap.fields import Json
from gridmap.i18n import has_key, tr
from gridmap.settings import read_settings

if TYPE_CHECKING:
    import pandas as pd
    from rich.progress import Progress

    from gridmap.io import Workspace
    from gridmap.model import City, Plan


#: What stands for a number that is hidden.
HIDDEN = "*"


def print_text(text: str) -> None:
    """Print a line of the result."""
    _waiting.end()
    sys.stdout.write(f"{text}\n")


def print_json(value: Mapping[str, object]) -> None:
    """Print a result as one JSON document with the number of its format; NaN becomes null."""
    text = json.dumps(
        _plain({"format": FORMAT, **value}), ensure_ascii=False, indent=2, allow_nan=False
    )
    _waiting.end()
    sys.stdout.write(f"{text}\n")


def starred(rows: pd.DataFrame, hidden: pd.DataFrame | None) -> pd.DataFrame:
    """Return a table with a star where a column of ``hidden`` says that a number is."""
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

    Long headings take several lines. A table wider than the screen, or than 80 columns where
    there is none, goes on below, its first columns repeated.
    """
    columns = [_Column.of(name, rows[name]) for name in rows.columns]
    keys = [column for column in columns[:2] if column.name in {"id", "name"}] or columns[:1]
    rest = columns[len(keys) :]
    width = screen_width()
    while columns:
        room = width - sum(column.width + 2 for column in keys)
        block: list[_Column] = []
        while rest and (not block or room >= rest[0].width):
            room -= rest[0].width + 2
            block.append(rest.pop(0))
        _print_block([*keys, *block], len(rows))
        if not rest:
            return
        print_text("")


class _Column(NamedTuple):
    """One column of a table as it is printed."""

    name: str
    heading: list[str]
    cells: list[str]
    width: int
    numeric: bool

    @classmethod
    def of(cls, name: object, values: pd.Series) -> _Column:
        label = tr(f"field.{name}") if has_key(f"field.{name}") else str(name)
        cells = [_cell(value) for value in values]
        width = max(map(cell_width, cells), default=0)
        longest = max(cell_width(word) for word in label.split() or [""])
        narrow = longest if label.isascii() else min(cell_width(label), _NARROW)
        heading = wrapped(label, max(width, narrow))
        width = max(width, *map(cell_width, heading))
        numeric = values.dtype.kind in "if" or any(isinstance(one, float) for one in values)
        return cls(str(name), heading, cells, width, numeric)

    def put(self, text: str) -> str:
        """Return a text at its place in the column."""
        blank = " " * (self.width - cell_width(text))
        return blank + text if self.numeric else text + blank


_NARROW = 8  # a heading in Chinese is broken to this at most


def _print_block(columns: list[_Column], rows: int) -> None:
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


class Tell(Protocol):
    """Takes the share done, 0 to 1, and what is being done where that changes."""

    def __call__(self, share: float, what: str = "") -> None:
        """Move the bar."""


@contextmanager
def progress_bar(label: str = "") -> Iterator[Tell]:
    """Show progress on standard error where it is a screen; yield what moves the bar."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    _waiting.end()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        console=(console := Console(stderr=True)),
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(label, total=1.0)

        def tell(share: float, what: str = "") -> None:
            bar.update(task, completed=share, description=what or None)

        yield tell
        tell(1.0)


def _cell(value: object) -> str:
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124 - NaN
            return "-"
        return f"{value:,.0f}" if abs(value) >= 100 or value.is_integer() else f"{value:,.3g}"
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
        self._bar: Progress | None = None

    def begin(self) -> None:
        self._timer = threading.Timer(_PATIENCE_S, self._show)
        self._timer.daemon = True
        self._timer.start()
        atexit.register(self.end)  # whatever happens, the screen is left as it was

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TimeElapsedColumn

        with self._lock:
            if self._timer is None:  # ended while this was on its way
                return
            self._bar = Progress(
                BarColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True
            )
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


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, (str, int, bool)) or value is None:
        return value
    return str(value)


# -- the workspace's store as commands use it, and the log of what they bring in or take out


O = TypeVar("O", bound=Options)  # noqa: E741 - the options' type


def load_plan(place: Workspace, city: City, name: str) -> Plan:
    """Return the plan that a command names; see `gridmap.api.open.plan_of`."""
    return plan_of(place.path, city, name)


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
        name: None if value == PRESENT else load_plan(place, city, value)
        for name, value in named.items()
    }
    return replace(options, **loaded)


def put_table(place: Workspace, out: Path | None, frame: pd.DataFrame, subject: str) -> None:
    """Write a verb's table where one was asked for, and log it."""
    if out is None:
        return
    from gridmap.io import write_frame

    with logged(place.path, "export", subject) as detail:
        write_frame(frame, out)
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
