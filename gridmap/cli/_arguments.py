"""Arguments that several commands share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.errors import InputError

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "Json",
    "Sheet",
    "WorkspacePath",
    "check_format",
    "check_sheet",
    "end_of",
    "pairs",
    "parts",
]

WorkspacePath = Annotated[Path, typer.Argument(metavar="WORKSPACE", show_default=False)]
Json = Annotated[bool, typer.Option("--json")]
Sheet = Annotated[Path | None, typer.Option("--sheet", metavar="FILE.pdf")]


def check_format(out: Path | None) -> None:
    """Refuse a file to write whose format is not known, before anything is computed.

    Raises
    ------
    InputError
        If its suffix stands for no format.
    """
    from gridmap.io import FORMATS

    if out is not None and out.suffix.lower() not in FORMATS:
        raise InputError("io.error.format", received=out.name, known=", ".join(FORMATS))


def check_sheet(out: Path | None) -> None:
    """Refuse a printed sheet that is no PDF, before anything is computed.

    Raises
    ------
    InputError
        If its suffix is another one.
    """
    if out is not None and out.suffix.lower() != ".pdf":
        raise InputError("io.error.format", received=out.name, known=".pdf")


def end_of(date: str) -> np.datetime64 | None:
    """Return the moment at which a period that ends with a date or time is over."""
    from gridmap.api.options import end_of as end

    return end(date)


def parts(text: str) -> list[str]:
    """Return what a text lists, blanks left out; a comma may be a Chinese one.

    >>> parts("a, b，c,")
    ['a', 'b', 'c']
    """
    return [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]


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
