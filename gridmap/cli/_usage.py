"""A command line that cannot be read, told in one line of the current language."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

import typer

from gridmap.api.options import OptionSpec, number_error
from gridmap.errors import GridmapError, InputError

__all__ = ["UsageError", "check_finite", "told"]

_ALIKE = 0.6  # of 1: what a slip of the keys leaves
Commands = Mapping[str, Callable[..., None]]

# What typer raises comes from click or, later, from a click of its own.
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])


def _no_command(received: str, names: Sequence[str]) -> GridmapError:
    near = get_close_matches(received, names, 1, _ALIKE)
    if near:
        return InputError("cli.usage.command_near", received=received, near=near[0])
    return InputError("cli.usage.command", received=received, known=", ".join(names))


def _no_option(received: str, commands: Commands, usage: str) -> GridmapError:
    near = get_close_matches(received, _flags(commands), 1, _ALIKE)
    if near:
        return InputError("cli.usage.option_near", received=received, near=near[0], usage=usage)
    return InputError("cli.usage.option", received=received, usage=usage)


def _flags(commands: Commands) -> list[str]:
    """Return every flag of the commands."""
    from gridmap.cli._main import build

    return [
        flag for one in build(commands).commands.values() for item in one.params
        for flag in (*item.opts, *item.secondary_opts) if flag.startswith("--")
    ]  # fmt: skip


def told(
    error: Exception, commands: Commands, names: Sequence[str], words: Sequence[str]
) -> GridmapError:
    """Return the one sentence that says what is wrong with a command line.

    Parameters
    ----------
    error
        What typer raised, a `UsageError`.
    commands
        The command that was named, by its name; empty where none was.
    names
        The names of all commands.
    words
        The command line without the program.
    """
    name = next((word for word in words if word in commands), "")
    asked = next((word for word in words if not word.startswith("-")), "")
    usage = " ".join(["gridmap", *filter(None, [name]), "--help"])
    option = str(getattr(error, "option_name", ""))
    param = getattr(error, "param", None)
    if not name and asked:
        return _no_command(asked, names)
    if hasattr(error, "possibilities"):
        return _no_option(option, commands, usage)
    if option:
        given = any(word.startswith(f"{option}=") for word in words)
        return InputError(f"cli.usage.{'no_value' if given else 'value'}", option=option)
    if param is not None and hasattr(error, "param_type"):
        return InputError("cli.usage.missing", name=_shown(param), usage=usage)
    if param is not None and name:
        return _number(commands[name], param, words)
    extra = str(getattr(error, "message", error)).rpartition(" (")[2].rstrip(")")
    return InputError("cli.usage.extra", received=extra, usage=usage)


def check_finite(commands: Commands, words: Sequence[str]) -> Callable[..., Any]:
    """Return what refuses an option that is infinite or no number: typer lets some through."""

    def check(ctx: typer.Context, param: typer.CallbackParam, value: object) -> object:
        if isinstance(value, float) and not math.isfinite(value):
            raise _number(commands[str(ctx.info_name)], param, words)
        return value

    return check


def _shown(param: Any) -> str:  # noqa: ANN401 - typer's own class has no public name
    """Return an option as it is written, an argument as the help calls it."""
    option = param.opts[0]
    return str(option if option.startswith("-") else param.metavar or param.name)


def _number(command: Callable[..., None], param: Any, words: Sequence[str]) -> InputError:  # noqa: ANN401 - the same
    """Return what an option takes: a whole number or any, and from where to where."""
    hint = get_type_hints(command, include_extras=True)[param.name]
    kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    least, most = (getattr(notes[0], end, None) if notes else None for end in ("min", "max"))
    whole = float not in (kind, *get_args(kind))
    received = [
        word.partition("=")[2] if "=" in word else after
        for word, after in zip(words, [*words[1:], ""], strict=True)
        if word.partition("=")[0] in param.opts
    ]
    spec = OptionSpec("", None, int if whole else float, "", least=least, most=most)
    return number_error(_shown(param), spec, received[-1] if received else "")
