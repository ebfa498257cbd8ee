"""The commands together, and what happens when one fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from importlib import import_module

import typer
from typer.core import TyperGroup
from typer.main import get_command

from gridmap.cli import _help, _output, _usage
from gridmap.errors import GridmapError, InputError
from gridmap.extras import explain_missing
from gridmap.i18n import has_key, set_language, tr
from gridmap.settings import is_completing, read_language

__all__ = ["COMMANDS", "GROUPS", "build", "main", "option_help", "option_key"]

_STOPPED = 130  # the exit code of whatever Ctrl+C ends
_HELP = {"-h", "--help"}

#: Group to its commands; a command is ``command`` of the module of its name.
GROUPS: dict[str, tuple[str, ...]] = {
    "data": ("demo", "sample", "import", "refresh", "check", "repair"),
    "measure": ("measure", "hotspots", "coverage"),
    "propose": ("propose", "site", "plans", "compare"),
    "duty": ("watch", "shifts", "patrol", "around", "norms", "assess"),
    "report": ("report",),
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
                item.callback = item.callback or _usage.check_finite(functions, sys.argv[1:])
    return made


def _nothing() -> None:
    """Do nothing before a command."""


def _function(name: str) -> Callable[..., None]:
    module = import_module(f"gridmap.cli.{name}{'_' if name == 'import' else ''}")
    function: Callable[..., None] = module.command
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
    set_language(read_language())
    os.umask(0o077)  # what is written is for whoever runs this, and for nobody else
    words = sys.argv[1:]
    name = next((word for word in words if not word.startswith("-")), "")
    try:
        "".join(words).encode()
    except UnicodeEncodeError:
        _output.fail(InputError("cli.usage.no_text"), as_json="--json" in words)
    if _answered(words, name):
        return
    known = [name] if name in COMMANDS else COMMANDS
    code: int | None = 0
    try:
        # Not standalone, so that typer's own lines of usage, in English, are not printed.
        code = build(known)(prog_name="gridmap", standalone_mode=False)
    except GridmapError as error:
        _output.fail(error, as_json="--json" in words)
    except _usage.UsageError as error:
        functions = {one: _function(one) for one in known if one == name}
        told = _usage.told(error, functions, COMMANDS, words)
        _output.fail(told, as_json="--json" in words)
    except ModuleNotFoundError as error:
        missing = explain_missing(error.name)
        if missing is None:
            raise
        _output.fail(missing, as_json="--json" in words)
    except (KeyboardInterrupt, typer.Abort):
        code = _STOPPED
    if code == _STOPPED:
        _output.say(tr("cli.stopped"))
    sys.exit(code or 0)


def _answered(words: list[str], name: str) -> bool:
    """Answer what asks for help or for the version; return whether it was one."""
    asked = set(words[: words.index("--")] if "--" in words else words)
    if is_completing():
        return False
    if not words or (asked & _HELP and not name) or words == ["help"]:
        _output.print_text(_help.overview(GROUPS))
        if not words:
            sys.exit(2)
        return True
    if asked & _HELP and name in COMMANDS:
        command = build([name]).commands[name]
        _output.print_text(_help.command_help(name, command, option_help))
        return True
    if words[0] in {"--version", "-V"}:
        from gridmap.version import __version__, library_versions

        _output.print_text(f"gridmap {__version__}")
        for library, number in library_versions().items():
            _output.print_text(f"  {library} {number}")
        return True
    return False
