"""How commands speak: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, Protocol

from gridmap.errors import GridmapError
from gridmap.i18n import has_key, tr

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Tell", "fail", "print_json", "print_rows", "print_text", "progress_bar", "say"]


def print_text(text: str) -> None:
    """Print a line of the result."""
    sys.stdout.write(f"{text}\n")


def print_json(value: object) -> None:
    """Print a result as one JSON document; NaN becomes null."""
    text = json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False)
    sys.stdout.write(f"{text}\n")


def print_rows(rows: pd.DataFrame) -> None:
    """Print a table with its columns named in the current language; no cell is cut."""
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in rows.columns:
        label = tr(f"field.{name}") if has_key(f"field.{name}") else str(name)
        numeric = rows[name].dtype.kind in "if"
        table.add_column(label, justify="right" if numeric else "left", no_wrap=True)
    for row in rows.itertuples(index=False):
        table.add_row(*(_cell(value) for value in row))
    console = Console(file=sys.stdout, width=10_000)
    console.width = max(1, Measurement.get(console, console.options, table).maximum)
    console.print(table)


class Tell(Protocol):
    """Takes the share done, 0 to 1, and what is being done where that changes."""

    def __call__(self, share: float, what: str = "") -> None:
        """Move the bar."""


@contextmanager
def progress_bar(label: str = "") -> Iterator[Tell]:
    """Show progress on standard error where it is a screen; yield what moves the bar."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

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
    sys.stderr.write(f"{text}\n")


def fail(error: GridmapError) -> NoReturn:
    """Print the error in one line and exit with code 2."""
    say(error.text())
    sys.exit(2)


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
