"""``gridmap warm``: compile once what is compiled, so that no first use waits for it."""

from __future__ import annotations

import time

from gridmap.cli._output import progress_bar, say
from gridmap.i18n import tr

_MEASURES = 0.35  # of the time, so that the bar moves evenly
_SEARCH = 0.94


def command() -> None:
    """Compile measures, search and siting; a second time it takes seconds."""
    say(tr("cli.warming"))
    began = time.monotonic()
    with progress_bar(tr("cli.warming_measures")) as tell:
        from gridmap.demo import make_city
        from gridmap.measure import measure_coverage, parse_within, summarise

        city = make_city(grids=60, incidents=500)
        summarise(city, by="beat")
        (near,) = parse_within("5min")
        measure_coverage(city, near, mode="walk")
        tell(_MEASURES, tr("cli.warming_search"))
        from gridmap.partition import warm_up

        warm_up(lambda share: tell(_MEASURES + (_SEARCH - _MEASURES) * share))
        tell(_SEARCH, tr("cli.warming_siting"))
        from gridmap.siting import SiteRequest, propose_sites

        for model in ("median", "cover"):
            propose_sites(city, SiteRequest(near, rooms=2, model=model, mode="walk"))
    say(tr("cli.warm", seconds=round(time.monotonic() - began)))
