"""The commands together, and what happens when one fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer
from typer.core import TyperGroup
from typer.main import get_command

from gridmap.cli import (
    _output,
    _usage,
    app,
    audit,
    check,
    compare,
    coverage,
    demo,
    import_,
    measure,
    plans,
    propose,
    repair,
    report,
    roles,
    shifts,
    site,
    warm,
)
from gridmap.errors import GridmapError
from gridmap.i18n import has_key, set_language, tr
from gridmap.settings import read_language

__all__ = ["build", "main", "option_key"]

_STOPPED = 130  # the exit code of whatever Ctrl+C ends

_COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo.command,
    "import": import_.command,
    "check": check.command,
    "repair": repair.command,
    "measure": measure.command,
    "coverage": coverage.command,
    "propose": propose.command,
    "site": site.command,
    "shifts": shifts.command,
    "plans": plans.command,
    "compare": compare.command,
    "report": report.command,
    "audit": audit.command,
    "roles": roles.command,
    "warm": warm.command,
    "app": app.command,
}


def build() -> TyperGroup:
    """Return the commands with their texts in the current language."""
    commands = typer.Typer(
        help=tr("cli.help.gridmap"),
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    for name, command in _COMMANDS.items():
        commands.command(name, help=tr(f"cli.help.{name}"))(command)
    made = get_command(commands)
    assert isinstance(made, TyperGroup)  # noqa: S101 - several commands make a group
    for name, one in made.commands.items():
        for item in one.params:
            if isinstance(item, typer.core.TyperOption):
                item.help = option_help(name, item.opts[0])
                item.callback = item.callback or _usage.check_finite(_COMMANDS, sys.argv[1:])
    return made


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
    """Run the command line; exit code 2 and one line for a problem of the user's making."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A Windows console or a cron job may be in another code page.
            stream.reconfigure(encoding="utf-8", errors="replace")
    set_language(read_language())
    os.umask(0o077)  # what is written is for whoever runs this, and for nobody else
    try:
        # Not standalone, so that typer's own lines of usage, in English, are not printed.
        code = build()(prog_name="gridmap", standalone_mode=False)
    except GridmapError as error:
        _output.fail(error)
    except _usage.UsageError as error:
        if _usage.is_help(error):
            _output.say(str(error))
            sys.exit(2)
        _output.fail(_usage.told(error, _COMMANDS, sys.argv[1:]))
    except (KeyboardInterrupt, typer.Abort):
        code = _STOPPED
    if code == _STOPPED:
        _output.say(tr("cli.stopped"))
    sys.exit(code or 0)
