"""``gridmap warm``: compile the numba kernels, so that no first use waits for them."""

from __future__ import annotations

import time

from gridmap.api.warm import warm_kernels
from gridmap.cli._output import progress_bar, say
from gridmap.i18n import tr


def command() -> None:
    """Compile measures, search and siting; a second time it takes seconds."""
    say(tr("cli.warming"))
    began = time.monotonic()
    with progress_bar(tr("cli.warming_measures")) as tell:
        warm_kernels(lambda share, step: tell(share, tr(step)))
    say(tr("cli.warm", seconds=round(time.monotonic() - began)))
