"""A report's tables as values: columns with their formats, rows, a total, hidden cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from unicodedata import category

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.i18n import has_key, tr
from gridmap.typing import Bools, Floats, Ints

Format = Literal[
    "text",
    "month",
    "date",
    "count",
    "decimal",
    "fine",
    "share",
    "change",
    "plain",
]

SLIVER = 1e-3  # share of the ground that is lost where borders do not quite meet
#: What stands for a number that is hidden because it is small, and for one not known.
HIDDEN, UNKNOWN = "*", "–"

#: Number formats of a workbook; the same digits are used wherever numbers become text.
FORMATS: dict[Format, str] = {
    "text": "@",
    "month": "yyyy-mm",
    "date": "yyyy-mm-dd",
    "count": "#,##0",
    "plain": "General",
    "decimal": "#,##0.0",
    "fine": "#,##0.00",
    "share": "0.0%",
    "change": "+0.0%;-0.0%;0.0%",
}

_DIGITS = {
    "plain": ",.6g",
    "share": ".1%",
    "change": "+.1%",
    "decimal": ",.1f",
    "fine": ",.2f",
}


@dataclass(frozen=True, slots=True)
class Ratio:
    """How a column follows from two others, in a row as in a total.

    ``scale * over / under - less``; unknown where ``under`` is 0, or where either is below
    ``least``.

    Parameters
    ----------
    over, under
        Keys of the two columns; ``under`` may be blank for 1.
    scale, less, least
        As above.
    """

    over: str
    under: str = ""
    scale: float = 1.0
    less: float = 0.0
    least: float = 0.0

    def of(self, values: Mapping[str, Any]) -> Floats:
        """Return the ratio of numbers or columns by key; NaN where it is unknown."""
        over = np.asarray(values[self.over], dtype=float)
        if not self.under:
            return self.scale * over - self.less
        under = np.asarray(values[self.under], dtype=float)
        known = (under > 0) & (np.minimum(over, under) >= self.least)
        quotient = np.divide(over, under, out=np.full(under.shape, np.nan), where=known)
        return self.scale * quotient - self.less


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
    ratio
        How it follows from other columns; None where it does not.
    adds
        Whether the rows add up to the total.
    head
        A shorter label for paper; the label if blank.
    period, measure
        For a figure of another period than the report's: which, and what it is there.
    """

    key: str
    label: str
    form: Format = "count"
    bar: bool = False
    ratio: Ratio | None = None
    adds: bool = True
    head: str = ""
    period: str = ""
    measure: str = ""

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers: months and days are texts, ``2024-03``."""
        return self.form not in {"text", "month", "date"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number with a format of its own in a column of texts, where rows tell different things.

    Parameters
    ----------
    value
        NaN where it is unknown or hidden.
    form, hidden
        How it is written, and whether it is hidden.
    """

    value: float
    form: Format = "count"
    hidden: bool = False

    def __str__(self) -> str:
        return shown(self.value, self.form, hidden=self.hidden)


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
        One row per line, with every column's key; numbers are NaN where unknown or hidden.
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
    outside
        How much more a total holds than its rows by key: what lies in none of them.
    heat
        Keys of the columns that one colour scale runs through.
    weeks : (rows, weeks)
        Counts of each row week by week, drawn as a line on paper; None without.
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
    outside: Mapping[str, float] = field(default_factory=dict)
    heat: tuple[str, ...] = ()
    weeks: Ints | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def values(self, key: str) -> npt.NDArray[Any]:
        """Return a column's values: numbers, or texts without blanks."""
        return np.asarray(self.rows[key].to_numpy())

    def is_hidden(self, key: str) -> Bools:
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


@dataclass(slots=True, eq=False)
class TableBuilder:
    """A table's columns being gathered, with what is hidden and what all rows carry.

    Parameters
    ----------
    size
        Number of rows.
    """

    size: int
    columns: list[Column] = field(default_factory=list)
    rows: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    hidden: dict[str, Bools] = field(default_factory=dict)
    total: dict[str, Any] = field(default_factory=dict)
    dark: set[str] = field(default_factory=set)
    outside: dict[str, float] = field(default_factory=dict)

    def add(
        self,
        item: Column,
        values: npt.ArrayLike,
        total: object = "",
        *,
        hidden: Bools | None = None,
        dark: bool = False,
        outside: float | None = None,
    ) -> None:
        """Add a column; hidden values, and a total that is ``dark``, are taken out.

        What lies in no row is what the total holds beyond all of them, hidden ones too, where
        it is not told.
        """
        mask = np.zeros(self.size, dtype=bool) if hidden is None else hidden
        self.columns.append(item)
        if not item.numeric:
            self.rows[item.key] = np.where(mask, HIDDEN, np.asarray(values, dtype=object))
            self.total[item.key] = HIDDEN if dark else total
            return
        self.rows[item.key] = np.where(mask, np.nan, np.asarray(values, dtype=float))
        self.hidden[item.key] = mask
        if total != "":
            whole = float(total)  # type: ignore[arg-type] # a number
            self.total[item.key] = np.nan if dark else whole
            more = whole - float(np.sum(values)) if outside is None else outside
            if item.adds and item.ratio is None and abs(more) >= 1e-6:  # NaN is not
                self.outside[item.key] = more
        if dark:
            self.dark.add(item.key)

    def add_ratio(self, item: Column) -> None:
        """Add a column that follows from others, hidden where one of them is."""
        ratio = item.ratio
        assert ratio is not None  # noqa: S101 - the caller's column has one
        keys = [key for key in (ratio.over, ratio.under) if key]
        self.add(
            item,
            ratio.of(self.rows),
            float(ratio.of(self.total)) if all(key in self.total for key in keys) else "",
            hidden=np.any([self.hidden[key] for key in keys], axis=0),
            dark=any(key in self.dark for key in keys),
        )

    def table(
        self,
        key: str,
        *,
        order: Sequence[int] | npt.NDArray[np.integer[Any]] | None = None,
        totals: bool = True,
        **options: Any,  # noqa: ANN401 - of `Table`
    ) -> Table:
        """Return the table ``key`` with its rows in an order."""
        at = np.arange(self.size) if order is None else np.asarray(order, dtype=np.int64)
        return Table(
            key,
            tr(f"report.sheet.{key}"),
            tuple(self.columns),
            pd.DataFrame({name: values[at] for name, values in self.rows.items()}),
            self.total if totals else None,
            hidden=pd.DataFrame({name: mask[at] for name, mask in self.hidden.items()}),
            hidden_total=frozenset(self.dark) if totals else frozenset(),
            outside=self.outside if totals else {},
            **options,
        )


def column(
    key: str,
    form: Format = "count",
    *,
    bar: bool = False,
    ratio: Ratio | None = None,
    adds: bool = True,
    label: str = "",
    period: str = "",
    of: str = "",
) -> Column:
    """Return a column with its labels in the current language.

    One of another ``period`` is what the column ``of`` is there.
    """
    head = f"report.head.{key}"
    return Column(key, label or _label(key), form, bar, ratio, adds,
                  tr(head) if has_key(head) else "", period, _label(of) if of else "")  # fmt: skip


def _label(key: str) -> str:
    name = f"report.column.{key}"
    return tr(name if has_key(name) else f"field.{key}")


def in_mood(key: str, *, conditional: bool) -> str:
    """Return the key of a text; of that in the conditional for what a plan would change."""
    return f"briefing.if.{key.removeprefix('briefing.')}" if conditional else key


def printable(words: str) -> str:
    """Return words without the letters that neither XML nor paper holds."""
    if words.isprintable():
        return words
    return "".join(
        " " if category(one) in {"Cc", "Cs"} or one in "\ufffe\uffff" else one for one in words
    )


def sum_rows(
    table: Table, rows: Sequence[int], whole: tuple[Table, int] | None = None
) -> dict[str, tuple[float, bool]]:
    """Return the sum of some rows by column, and whether it is hidden.

    Ratios follow from the sums; texts are left out.

    Parameters
    ----------
    table, rows
        The rows.
    whole
        A table and its row of the area that these rows may make up. Where they have its whole
        ground it tells the sums of columns in which some of the rows are hidden.
    """
    at = list(rows)
    numbers = [item for item in table.columns if item.numeric]
    sums = {
        item.key: float(table.values(item.key)[at].astype(float).sum())
        for item in numbers
        if item.ratio is None and item.adds
    }
    hidden = {item.key: bool(table.is_hidden(item.key)[at].any()) for item in numbers}
    if whole is not None:
        other, row = whole
        there = set(other.rows.columns) & set(sums)
        ground = float(other.values("area_km2")[row]) if "area_km2" in there else np.nan
        if abs(sums.get("area_km2", np.nan) - ground) <= SLIVER * ground:
            for key in (key for key in there if hidden[key]):
                sums[key] = float(other.values(key)[row])
                hidden[key] = bool(other.is_hidden(key)[row])
    for item in numbers:
        if not item.adds:
            sums[item.key] = float("nan")
        if item.ratio is not None:
            needed = [key for key in (item.ratio.over, item.ratio.under) if key]
            known = all(key in sums for key in needed)
            sums[item.key] = float(item.ratio.of(sums)) if known else float("nan")
            if known:
                hidden[item.key] = any(hidden[key] for key in needed)
    return {key: (value, hidden[key]) for key, value in sums.items()}


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
    text = format(number, _DIGITS.get(form, ",.0f"))
    if not text.strip("+-0.,%"):  # what rounds to nothing has no sign
        return text.lstrip("+-")
    return text.replace("-", "\u2212")  # the minus sign, as wide as a plus
