"""Where to put rooms: covering, median, center and capacitated models."""

from gridmap.siting.answer import Limits, Siting
from gridmap.siting.city import (
    Candidates,
    Model,
    Places,
    SiteProposal,
    SiteRequest,
    candidates_of,
    propose_sites,
    rooms_with,
)
from gridmap.siting.models import (
    solve_backup_cover,
    solve_capacitated_median,
    solve_center,
    solve_max_cover,
    solve_median,
    solve_set_cover,
)

__all__ = [
    "Candidates", "Limits", "Model", "Places", "SiteProposal", "SiteRequest", "Siting",
    "candidates_of", "propose_sites", "rooms_with", "solve_backup_cover",
    "solve_capacitated_median", "solve_center", "solve_max_cover", "solve_median",
    "solve_set_cover",
]  # fmt: skip
