"""How many steps a search takes: quick, normal or thorough."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Effort", "effort_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """How many looks at a grid one annealing takes, and how many annealings there are.

    ``windows`` is how many looks go into windows, for each look of one annealing; ``searches``
    is the number of searches of `search_small`, 0 for plain annealing.
    """

    visits: float
    least: int
    most: int
    starts: int
    windows: float = 0.0
    searches: int

    def part(self, share: float, *, travels: bool) -> Effort:
        """Return the effort for a region with this share of the grids.

        Many stations share one search's looks and searches, down to a twentieth each; where
        distance counts, a look costs several times as much, and there are fewer.
        """
        share = max(share, 0.05)
        visits = self.visits * share / (3.0 if travels else 1.0)
        return replace(self, visits=visits, searches=int(self.searches * share))

    def sweeps(self, grids: int) -> int:
        """Return the sweeps of one annealing of so many grids."""
        return int(min(self.most, max(self.least, self.visits / max(grids, 1))))


_EFFORTS = {
    "quick": Effort(visits=2.5e6, least=60, most=4_000, starts=1, windows=1.0, searches=0),
    "normal": Effort(visits=4e7, least=500, most=20_000, starts=2, windows=2.0, searches=6),
    "thorough": Effort(visits=4e8, least=3_000, most=20_000, starts=8, windows=8.0, searches=300),
}


def effort_of(name: str) -> Effort:
    """Return the effort of a name: quick, normal or thorough."""
    return _EFFORTS[name]
