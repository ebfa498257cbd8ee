"""The command line ``gridmap``: a module for each group of commands; libraries load when used."""

from __future__ import annotations

import errno
import io
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from difflib import get_close_matches
from importlib import import_module
from itertools import zip_longest
from typing import Annotated, Any, Literal, cast, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperGroup
from typer.main import get_command

from gridmap.api.options import OptionSpec, number_error
from gridmap.cli import _output
from gridmap.errors import GridmapError, InputError, MissingError, explain_missing
from gridmap.i18n import LANGUAGES, has_key, set_language, system_language, tr
from gridmap.settings import is_completing

__all__ = ["COMMANDS", "build", "main"]

_STOPPED = 130  # the exit code of whatever Ctrl+C ends
_HELP = {"-h", "--help"}

#: Group to its commands; ``measure_command`` of the group's module is the command ``measure``.
GROUPS: dict[str, tuple[str, ...]] = {
    "data": ("demo", "sample", "import", "refresh", "check", "repair"),
    "measure": ("measure", "hotspots", "coverage", "report"),
    "propose": ("propose", "site", "plans", "compare"),
    "duty": ("watch", "shifts", "patrol", "around", "norms", "assess"),
    "run": ("app", "warm", "audit", "roles"),
}
COMMANDS = tuple(name for names in GROUPS.values() for name in names)


def build(names: Iterable[str] = COMMANDS) -> TyperGroup:
    """Return commands with their texts in the current language.

    Parameters
    ----------
    names
        The commands wanted: a module is loaded for each.
    """
    commands = typer.Typer(
        help=tr("cli.help.gridmap"),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    functions = {name: _function(name) for name in names}
    for name, function in functions.items():
        commands.command(name, help=tr(f"cli.help.{name}"))(function)
    # A callback makes a group of one command, too.
    commands.callback()(_nothing)
    made = get_command(commands)
    assert isinstance(made, TyperGroup)  # noqa: S101 - a callback makes a group
    for name, one in made.commands.items():
        for item in one.params:
            if isinstance(item, typer.core.TyperOption):
                item.help = option_help(name, item.opts[0])
                item.callback = item.callback or check_finite(functions, sys.argv[1:])
    return made


def _nothing() -> None:
    """Do nothing before a command."""


def _function(name: str) -> Callable[..., None]:
    group = next(group for group, names in GROUPS.items() if name in names)
    module = import_module(f"gridmap.cli.{group}")
    function: Callable[..., None] = getattr(module, f"{name}_command")
    return function


def option_key(command: str, option: str) -> str:
    """Return the key of what an option of a command does, such as ``--beats`` of ``propose``."""
    name = option.lstrip("-").replace("-", "_")
    keys = (
        f"cli.option.{command}.{name}",
        f"api.option.{command}.{name}",
        f"api.option.any.{name}",
        f"cli.option.any.{name}",
    )
    return next((key for key in keys if has_key(key)), keys[-1])


def option_help(command: str, option: str) -> str:
    """Return what an option does and costs, in the current language."""
    name = option.lstrip("-").replace("-", "_")
    cost = f"api.cost.{command}.{name}"
    return tr(option_key(command, option)) + (tr(cost) if has_key(cost) else "")


def main() -> None:
    """Run the command line; exit code 2 and one line for a problem of the user's making.

    With ``--json`` the problem is printed as JSON too: ``error`` with ``key`` and ``text``.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A Windows console or a cron job may be in another code page.
            stream.reconfigure(encoding="utf-8", errors="replace")
    words = sys.argv[1:]
    asked = _received(["--lang"], words)  # by which errors go, too
    set_language(asked if asked in LANGUAGES else system_language())
    # Arrow's own pool holds on to what it has read: 60 MB after a million incidents.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.umask(0o077)  # files are readable by the user who runs this command only
    name = next((word for word in words if not word.startswith("-")), "")
    try:
        "".join(words).encode()
    except UnicodeEncodeError:
        _output.fail(InputError("cli.usage.no_text"), as_json="--json" in words)
    if _answered(words, name):
        _output.end_output()
        return
    known = [name] if name in COMMANDS else COMMANDS
    code: int | None = 0
    try:
        # Not standalone, so that typer's own lines of usage, in English, are not printed.
        code = build(known)(prog_name="gridmap", standalone_mode=False)
    except GridmapError as error:
        _output.fail(error, as_json="--json" in words)
    except UsageError as error:
        functions = {one: _function(one) for one in known if one == name}
        line = usage_error(error, functions, COMMANDS, words)
        _output.fail(line, as_json="--json" in words)
    except (ModuleNotFoundError, OSError) as error:
        missing = _what_is_missing(error)
        if missing is None:
            raise
        _output.fail(missing, as_json="--json" in words)
    except (KeyboardInterrupt, typer.Abort):
        code = _STOPPED
    if code == _STOPPED:
        _output.say(tr("cli.stopped"))
    _output.end_output()
    sys.exit(code or 0)


def _what_is_missing(error: ModuleNotFoundError | OSError) -> GridmapError | None:
    if isinstance(error, ModuleNotFoundError):
        return explain_missing(error.name)
    if error.errno == errno.ENAMETOOLONG:  # no file has a name that long
        return MissingError("io.error.no_file", file=error.filename)
    return None


def _answered(words: list[str], name: str) -> bool:
    """Answer what asks for help or for the version; return whether it was one."""
    asked = set(words[: words.index("--")] if "--" in words else words)
    if is_completing():
        return False
    if words[:1] == ["help"]:  # as ``-h`` of the command that follows
        asked, name, known = _HELP, "".join(words[1:2]), ("", *COMMANDS)
        if name not in known:
            _output.fail(_no_command(name, COMMANDS))
    if not words or (asked & _HELP and not name):
        _output.print_text(_output.overview(GROUPS))
        if not words:
            sys.exit(2)
        return True
    if asked & _HELP and name in COMMANDS:
        command = build([name]).commands[name]
        _output.print_text(_output.command_help(name, command, option_help))
        return True
    if words[0] == "--install-completion":
        _install_completion()
        return True
    if words[0] in {"--version", "-V"}:
        from gridmap.version import __version__, library_versions

        _output.print_text(f"gridmap {__version__}")
        for library, number in library_versions().items():
            _output.print_text(f"  {library} {number}")
        return True
    return False


def _install_completion() -> None:
    """Install completion for the shell in use: typer's own option speaks English only."""
    from typer.completion import install  # type: ignore[attr-defined] # typer imports it there

    try:
        with redirect_stdout(io.StringIO()):
            shell, path = install(prog_name="gridmap")
    except typer.Exit:
        _output.fail(InputError("cli.error.shell"))
    _output.print_text(tr("cli.completion", name=shell, path=path))


# -- errors in a command line, each told in one line of the current language


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
    own = _flags(commands)
    name = received.strip("-").replace("-", "_")
    # Python's name of an option says which one is meant: ``since`` is ``--from`` of some.
    near = [flag for flag, python in own.items() if python == name]
    others = [] if near else [one for one in COMMANDS if received in _flags([one])]
    if others:
        return InputError(
            "cli.usage.option_elsewhere",
            received=received,
            commands=", ".join(others),
            usage=usage,
        )
    bare = {flag.strip("-"): flag for flag in own}  # dashes make all of them alike
    near += [bare[one] for one in get_close_matches(received.strip("-"), bare, 1, _ALIKE)]
    if near:
        return InputError("cli.usage.option_near", received=received, near=near[0], usage=usage)
    return InputError("cli.usage.option", received=received, usage=usage)


def _flags(commands: Iterable[str]) -> dict[str, str]:
    """Return every flag of the commands, and what Python calls its value."""
    return {
        flag: str(item.name) for one in build(commands).commands.values() for item in one.params
        for flag in (*item.opts, *item.secondary_opts) if flag.startswith("--")
    }  # fmt: skip


def usage_error(
    error: Exception, commands: Commands, names: Sequence[str], words: Sequence[str]
) -> GridmapError:
    """Return one sentence that says what is wrong with a command line.

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
        return _mistaken(commands[name], param, words)
    extra = str(getattr(error, "message", error)).rpartition(" (")[2].rstrip(")")
    return InputError("cli.usage.extra", received=extra, usage=usage)


def check_finite(commands: Commands, words: Sequence[str]) -> Callable[..., Any]:
    """Return what refuses an option that is infinite or no number: typer lets some through."""

    def check(ctx: typer.Context, param: typer.CallbackParam, value: object) -> object:
        if isinstance(value, float) and not math.isfinite(value):
            raise _mistaken(commands[str(ctx.info_name)], param, words)
        return value

    return check


def _shown(param: Any) -> str:  # noqa: ANN401 - typer's own class has no public name
    """Return an option as it is typed, an argument as the help calls it."""
    option = param.opts[0]
    return str(option if option.startswith("-") else param.metavar or param.name)


def _mistaken(command: Callable[..., None], param: Any, words: Sequence[str]) -> InputError:  # noqa: ANN401 - the same
    """Return what an option takes: some words, or a whole number or any, from where to where."""
    hint = get_type_hints(command, include_extras=True)[param.name]
    kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    received = _received(param.opts, words)
    if get_origin(kind) is Literal:
        known = ", ".join(get_args(kind))
        return InputError("api.error.choice", option=_shown(param), known=known, received=received)
    least, most = (getattr(notes[0], end, None) if notes else None for end in ("min", "max"))
    whole = float not in (kind, *get_args(kind))
    spec = OptionSpec("", None, int if whole else float, "", least=least, most=most)
    return number_error(_shown(param), spec, received)


def _received(flags: Sequence[str], words: Sequence[str]) -> str:
    """Return what a command line gives an option, at its last place."""
    values = [
        word.partition("=")[2] if "=" in word else after
        for word, after in zip_longest(words, words[1:], fillvalue="")
        if word.partition("=")[0] in flags
    ]
    return values[-1] if values else ""
