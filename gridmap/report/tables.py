"""A report's tables as values: columns with their formats, rows, a total, hidden cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.i18n import has_key, tr

__all__ = ["FORMATS", "HIDDEN", "UNKNOWN", "Chart", "Column", "Format", "Table", "column", "shown"]

Format = Literal[
    "text", "count", "decimal", "fine", "share", "change", "signed", "plain", "signed_fine"
]

#: What stands for a number that is hidden because it is small, and for one not known.
HIDDEN, UNKNOWN = "*", "–"

#: Number formats of a workbook; the same digits are used wherever numbers become text.
FORMATS: dict[Format, str] = {
    "text": "@",
    "count": "#,##0",
    "plain": "General",
    "decimal": "#,##0.0",
    "fine": "#,##0.00",
    "share": "0.0%",
    "change": "+0.0%;-0.0%;0.0%",
    "signed": "+#,##0;-#,##0;0",
    "signed_fine": "+#,##0.00;-#,##0.00;0.00",
}

_SIGNED = {"signed": 0, "signed_fine": 2}  # digits behind the point
_DIGITS = {
    "plain": ",.6g",
    "share": ".1%",
    "change": "+.1%",
    "signed": "+,.0f",
    "signed_fine": "+,.2f",
    "decimal": ",.1f",
    "fine": ",.2f",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key in the frame, what stands above it, and how numbers look.

    Parameters
    ----------
    key
        Column of `Table.rows`.
    label
        What stands above it, in the report's language.
    form
        How its values are written.
    bar
        Draw data bars behind its numbers.
    """

    key: str
    label: str
    form: Format = "count"
    bar: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of a table's rows.

    Parameters
    ----------
    kind
        ``bar`` (lying), ``column`` (standing) or ``line``.
    title
        What stands above it.
    label
        Key of the column of labels.
    values
        Keys of the columns drawn.
    most
        Draw the first so many rows only.
    """

    kind: Literal["bar", "column", "line"]
    title: str
    label: str
    values: tuple[str, ...]
    most: int = 25


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One table of a report.

    Parameters
    ----------
    key
        Name for files: ``grids``, ``beats`` ...
    title
        What stands above it.
    columns
        Its columns, in order.
    rows
        One row a line, with every column's key; numbers are NaN where unknown or hidden.
    total
        The line of totals by key, or None.
    notes
        Sentences under it.
    charts
        Charts of it.
    hidden
        True where a number is hidden, one column a column's key, rows as ``rows``.
    hidden_total
        Keys of the totals that are hidden.
    heat
        Keys of the columns that one colour scale runs through.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: pd.DataFrame
    total: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    hidden: pd.DataFrame = field(default_factory=pd.DataFrame)
    hidden_total: frozenset[str] = frozenset()
    heat: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def values(self, key: str) -> npt.NDArray[Any]:
        """Return a column's values: numbers, or texts without blanks."""
        return np.asarray(self.rows[key].to_numpy())

    def is_hidden(self, key: str) -> npt.NDArray[np.bool_]:
        """Return where a column's numbers are hidden, shape (n,)."""
        if key not in self.hidden.columns:
            return np.zeros(len(self.rows), dtype=bool)
        return np.asarray(self.hidden[key].to_numpy(dtype=bool))

    def texts(self) -> list[list[str]]:
        """Return the rows as people read them, totals last."""
        columns = [
            [
                shown(value, item.form, hidden=bool(hidden))
                for value, hidden in zip(
                    self.rows[item.key].tolist(), self.is_hidden(item.key), strict=True
                )
            ]
            for item in self.columns
        ]
        lines = [list(line) for line in zip(*columns, strict=True)]
        if self.total is not None:
            lines.append(
                [
                    shown(
                        self.total.get(item.key, ""),
                        item.form,
                        hidden=item.key in self.hidden_total,
                    )
                    for item in self.columns
                ]
            )
        return lines


def column(key: str, form: Format = "count", *, bar: bool = False) -> Column:
    """Return a column with its label in the current language."""
    name = f"report.column.{key}"
    return Column(key, tr(name if has_key(name) else f"field.{key}"), form, bar)


def shown(value: object, form: Format, *, hidden: bool = False) -> str:
    """Return a value as people read it.

    Examples
    --------
    >>> shown(1234.6, "count"), shown(0.256, "share"), shown(float("nan"), "count")
    ('1,235', '25.6%', '–')
    """
    if hidden:
        return HIDDEN
    if isinstance(value, str) or form == "text":
        return "" if value is None else str(value)
    number = float(value)  # type: ignore[arg-type] # a number by now
    if not np.isfinite(number):
        return UNKNOWN
    # What rounds to nothing has no sign.
    if form == "change" and not round(number, 3):
        return "0.0%"
    if form in _SIGNED and not round(number, _SIGNED[form]):
        return f"{0:.{_SIGNED[form]}f}"
    text = format(number, _DIGITS.get(form, ",.0f"))
    return text.replace("-", "\u2212")  # the minus sign, as wide as a plus
