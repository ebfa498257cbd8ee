"""Every sentence and word that a user reads, in Chinese and in English.

The catalogue is the ``*.toml`` files beside this module, one per area (``model``, ``io``,
``field``, ``cli``, ``page`` ...), each entry with ``zh`` and ``en``. The first part of a key is
its file: ``model.error.layer_no_crs`` is in ``model.toml`` under ``[error.layer_no_crs]``.
Values are put in by `str.format`, so numbers take ``{count:,}``.
"""

from __future__ import annotations

import locale
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from numbers import Real
from string import Formatter
from typing import Any

__all__ = [
    "DAYS", "LANGUAGES", "current_language", "has_key", "keys", "one_line", "set_language",
    "some_names", "system_language", "tr", "using_language",
]  # fmt: skip

LANGUAGES = ("zh", "en")
#: Weekdays, Monday first: ``measure.day.mon`` and so on are their names.
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST_NAMES = 8  # on a line

# A context variable, not a global: Streamlit serves each user in a thread of its own.
_language: ContextVar[str] = ContextVar("gridmap_language")


def current_language() -> str:
    """Return the language of this context, ``zh`` or ``en``: the system's unless set."""
    return _language.get(None) or system_language()


def system_language() -> str:
    """Return ``zh`` where the environment asks for Chinese, else ``en``.

    ``GRIDMAP_LANG`` decides where it is ``zh`` or ``en``, else the first of ``LC_ALL``,
    ``LC_MESSAGES`` and ``LANG`` that is set, read by hand: a locale that is not installed names
    a language all the same. Where none is set, as on Windows, the system's own setting.
    """
    own = os.environ.get("GRIDMAP_LANG", "").strip().lower()
    if own in LANGUAGES:
        return own
    asked = (os.environ.get(name, "").strip() for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    named = next(filter(None, asked), "") or locale.getlocale()[0] or ""
    # Windows says Chinese (Simplified)_China.936 or Chinese_China.936; zhuang is no Chinese.
    return "zh" if re.match(r"(zh|chinese)(?![a-z])", named.lower()) else "en"


def set_language(language: str) -> None:
    """Set the language of this context.

    Raises
    ------
    ValueError
        If ``language`` is not one of `LANGUAGES`.
    """
    if language not in LANGUAGES:
        message = f"language must be one of {LANGUAGES}, received {language!r}"
        raise ValueError(message)
    _language.set(language)


@contextmanager
def using_language(language: str) -> Iterator[None]:
    """Set the language inside a ``with`` block; afterwards the previous setting applies again."""
    before = _language.set(current_language())
    try:
        set_language(language)
        yield
    finally:
        _language.reset(before)


def tr(key: str, *, language: str | None = None, **values: object) -> str:
    """Return the catalogue's text for a key with its values put in.

    Parameters
    ----------
    key
        Dotted key whose first part names the area.
    language
        ``zh`` or ``en``; the current language if None.
    **values
        What the text's placeholders stand for.

    Raises
    ------
    KeyError
        If the catalogue has no such key.

    Examples
    --------
    >>> tr("field.residents", language="en")
    'Residents'
    >>> tr("page.edit.marked", language="en", count=1)
    '1 grid selected:'
    """
    entry = _entries(key.partition(".")[0])[key]
    text = entry[language or current_language()]
    if values and "|" in text:
        return _COUNTING.vformat(text, (), values)
    return text.format_map(values) if values else text


# A file's name may hold line breaks, and letters that a terminal obeys.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: str) -> str:
    r"""Return a name from outside with its control characters, such as line breaks, written out.

    Examples
    --------
    >>> one_line("new\nline")
    'new\\nline'
    """
    return _CONTROL.sub(_visible, text)


def _visible(letter: re.Match[str]) -> str:
    return letter[0].encode("unicode_escape").decode("ascii")


def some_names(names: Sequence[str], *, most: int = _MOST_NAMES) -> str:
    """Return the first names, and how many there are where some are left out."""
    more = tr("duty.around.more", count=len(names)) if len(names) > most else ""
    return tr("api.join").join(names[:most]) + more


class _Counting(Formatter):
    """Formatting that knows ``{count:grid|grids}`` and ``{names:? (of {names})|}``.

    The first is the one word for 1, the other for all else. The second is what stands before
    the last bar where there is something to say, and what follows it where there is nothing.
    """

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401 - as the base class
        if format_spec.startswith("?"):
            some, _, nothing = format_spec[1:].rpartition("|")
            return some if value else nothing
        one, bar, many = format_spec.partition("|")
        if not bar:
            return str(super().format_field(value, format_spec))
        shown = f"{value:.0f}" if isinstance(value, Real) else str(value)
        return one if shown == "1" else many


_COUNTING = _Counting()


def has_key(key: str) -> bool:
    """Return whether the catalogue has the key."""
    try:
        return key in _entries(key.partition(".")[0])
    except FileNotFoundError:
        return False


def keys() -> dict[str, dict[str, str]]:
    """Return the whole catalogue: key to its texts by language."""
    folder = files(__package__)
    areas = sorted(
        item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")
    )
    return {key: entry for area in areas for key, entry in _entries(area).items()}


@cache
def _entries(area: str) -> dict[str, dict[str, str]]:
    text = (files(__package__) / f"{area}.toml").read_text(encoding="utf-8")
    return dict(_flatten(area, tomllib.loads(text)))


def _flatten(prefix: str, table: dict[str, object]) -> Iterator[tuple[str, dict[str, str]]]:
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if not isinstance(value, dict):
            message = f"catalogue entry {key} is not a table of languages"
            raise TypeError(message)
        if all(isinstance(text, str) for text in value.values()):
            yield key, value
        else:
            yield from _flatten(key, value)
