"""Arguments that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from gridmap.api.options import Options, OptionSpec, option_specs
from gridmap.cli._output import announce
from gridmap.errors import GridmapError, InputError

if TYPE_CHECKING:
    import numpy as np


WorkspacePath = Annotated[Path, typer.Argument(metavar="WORKSPACE", show_default=False)]
Json = Annotated[bool, typer.Option("--json")]
Sheet = Annotated[Path | None, typer.Option("--sheet", metavar="FILE.pdf")]


def check_format(out: Path | None) -> None:
    """Refuse a file to write whose format is not known, before anything is computed.

    Raises
    ------
    InputError
        If its suffix is of no known format.
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
        call.__signature__ = inspect.Signature(made)  # type: ignore[attr-defined]
        call.__annotations__ = {item.name: item.annotation for item in made} | {"return": None}
        return call

    return decorate


def _choices_of(choices: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Return what tells a shell the values that a flag takes."""

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
