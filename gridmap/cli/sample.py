"""``gridmap sample``: import a public city from files that were downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridmap.cli._output import print_text, say
from gridmap.i18n import tr


def command(
    name: Annotated[str, typer.Argument(metavar="carrollton|chicago", show_default=False)],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", show_default=False)],
    workspace: Annotated[Path | None, typer.Option("--workspace", metavar="WORKSPACE")] = None,
) -> None:
    """Check the files of a public city and import them into a workspace."""
    from gridmap.api.sample import import_sample

    target = workspace or Path(name)
    counts = import_sample(
        name,
        folder,
        target,
        progress=lambda kind: say(tr("cli.sample.layer", kind=tr(f"io.layer.{kind}"))),
    )
    for kind, count in counts.items():
        print_text(f"  {tr(f'io.layer.{kind}')}: {count:,}")
    say(tr("cli.next.import", path=str(target)))
