"""``gridmap watch``: what is unusual now; exit code 3 when there is an alert."""

from __future__ import annotations

import typer

from gridmap.api.watch import AlertRow, WatchOptions, watch
from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._from_options import from_options
from gridmap.cli._output import print_json, print_text, say
from gridmap.i18n import tr

_ALERT = 3  # the exit code for a cron line to act on
_MOST = 4  # names on a line


@from_options(WatchOptions)
def command(workspace: WorkspacePath, options: WatchOptions, as_json: Json = False) -> None:
    """Watch a workspace for what is unusual."""
    from gridmap.io import Workspace

    result = watch(Workspace.open(workspace).city(), options)
    if as_json:
        print_json(result.to_dict())
    else:
        if not result.alerts:
            print_text(tr("cli.watch.quiet", until=result.until, days=options.recurrence))
        for alert in result.alerts:
            print_text(_line(alert))
        for note in result.notes:
            say(note)
    if result.alerts:
        raise typer.Exit(_ALERT)


def _line(alert: AlertRow) -> str:
    names = alert["names"] or [tr("cli.watch.city")]
    more = tr("cli.around.more", count=len(names)) if len(names) > _MOST else ""
    return tr(
        f"cli.watch.{alert['kind']}",
        where=tr("api.join").join(names[:_MOST]) + more,
        what=alert["category"] or tr("cli.watch.all"),
        since=alert["since"],
        until=alert["until"],
        observed=round(alert["observed"]),
        expected=alert["expected"],
        days=alert["recurrence_days"],
    )
