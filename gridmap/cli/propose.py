"""``gridmap propose``: propose beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from gridmap.api.propose import ProposeOptions, propose
from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._from_options import from_options
from gridmap.cli._log import open_store, with_plans
from gridmap.cli._output import print_json, print_rows, print_text, progress_bar
from gridmap.i18n import tr

_SHOWN = {  # what the table tells of each plan, and how it is written
    "name": "{}",
    "beats": "{}",
    "pieces_max": "{}",
    "max_deviation": "{:.2%}",
    "cv": "{:.4f}",
    "mean_polsby_popper": "{:.3f}",
    "cut_border_km": "{:,.1f}",
    "kept_share": "{:.1%}",
    "kept_work_share": "{:.1%}",
    "communities_split": "{}",
}


@from_options(ProposeOptions)
def command(
    workspace: WorkspacePath,
    options: ProposeOptions,
    save: Annotated[str, typer.Option("--save", metavar="NAME")] = "",
    as_json: Json = False,
) -> None:
    """Propose beats: balanced, in one piece, compact, near, and close to today's."""
    from gridmap.io import Workspace

    place = Workspace.open(workspace)
    city = place.city()
    options = with_plans(place, city, options)
    with progress_bar(tr("cli.proposing")) as tell:
        result = propose(city, replace(options, name=save), progress=tell)
    if save:
        from gridmap.plans import LOCAL

        with open_store(place.path) as store:
            for plan in result.plans:
                store.save(plan, author=LOCAL, grids=city.grids)
    if as_json:
        print_json(result.to_dict())
        return
    _print_rows(result.rows)
    ladder = [rung.sentence() for rung in result.ladder] if options.ladder else []
    told = (*result.notes(), *result.changes(), *result.sector_sentences(), *ladder)
    for sentence in (*told, *result.standing()):
        print_text(sentence)


def _print_rows(rows: Sequence[Mapping[str, object]]) -> None:
    import pandas as pd

    shown = [
        name
        for name in _SHOWN
        if any(row[name] is not None for row in rows)
        and (name != "communities_split" or any(row[name] for row in rows))
        and (name != "kept_work_share" or all(row["kept_share"] is None for row in rows))
    ]
    table = {
        tr(f"cli.plan.{name}"): [
            "-" if row[name] is None else _SHOWN[name].format(row[name]) for row in rows
        ]
        for name in shown
    }
    table[tr("cli.plan.objective")] = [
        tr(f"partition.objective.{row['objective']}") for row in rows
    ]
    print_rows(pd.DataFrame(table))
