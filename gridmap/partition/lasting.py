"""Plans that last: the uncertainty of deviations, and the balance on held-out periods.

A grid's incidents are taken as counts of a gamma-Poisson law: their mean share is steady, and
they vary more than Poisson counts do by a factor, the dispersion. From that follow intervals for
each beat's deviation, rates of single periods shrunk towards the grid's own mean, and a check:
plans made without a period are measured on it (cross-validation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from gridmap.i18n import tr
from gridmap.typing import Floats, Ints

if TYPE_CHECKING:
    from gridmap.partition.problem import Problem

_FOLDS = 6  # periods, or blocks of periods, that are left out one after the other
_LEVEL = 0.9


def dispersion(counts: Floats) -> float:
    """Return by how much counts vary more than Poisson counts would, 1 or more.

    Parameters
    ----------
    counts
        Rows are places, columns periods. A row's share of a column is taken as steady, so that
        what a whole column has more than another does not count.

    Notes
    -----
    Squared differences from the expected counts over these, by degrees of freedom (Pearson's
    statistic with the denominators summed first, which is steadier where counts are small).

    Examples
    --------
    >>> dispersion(np.array([[4.0, 4.0], [8.0, 8.0]]))
    1.0
    """
    used = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    rows, columns = used.shape
    if rows < 2 or columns < 2:
        return 1.0
    expected = np.outer(used.sum(axis=1), used.sum(axis=0)) / used.sum()
    freedom = (rows - 1) * (columns - 1) / (rows * columns)
    return max(1.0, float(((used - expected) ** 2).sum() / expected.sum() / freedom))


def shrink_rates(counts: Floats) -> Floats:
    """Return what to expect of each grid in each period, given all of them (n, periods).

    The posterior mean of a gamma-Poisson law (Robbins 1956; Clayton and Kaldor 1987): each count
    moves towards what the grid's own mean and the period's total let expect, the more, the less
    counts vary beyond Poisson. Sums of rows and columns stay.

    Examples
    --------
    >>> shrink_rates(np.array([[5.0, 3.0], [3.0, 5.0]])).tolist()  # no more than chance
    [[4.0, 4.0], [4.0, 4.0]]
    """
    total = float(counts.sum())
    if total <= 0:
        return counts.astype(np.float64)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    return np.asarray(expected + (1.0 - 1.0 / dispersion(counts)) * (counts - expected))


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class SeenCounts:
    """The incidents that a workload is made of, by period, and its part that has no times.

    Attributes
    ----------
    counts
        Incidents of each grid in each period (n, periods).
    names
        What each period is called.
    share
        Part of the workload that incidents make up, 0 to 1.
    steady
        The rest of each grid's workload (n,), which adds up to 1 - share.
    """

    counts: Floats
    names: tuple[str, ...]
    share: float
    steady: Floats

    def loads(self, counts: Floats) -> Floats:
        """Return each grid's part of the work (n, ...) if these incidents were all."""
        counts = counts.reshape(len(counts), -1)
        total = np.maximum(counts.sum(axis=0), 1e-300)
        return np.asarray(self.steady[:, None] + self.share * counts / total)

    def by_beat(self, beat: Ints, beats: int) -> Floats:
        """Return the incidents of each beat in each period (beats, periods)."""
        return np.stack([np.bincount(beat, weights=c, minlength=beats) for c in self.counts.T], 1)


def deviation_intervals(seen: SeenCounts, assignment: Ints, *, ahead: float = 0.0) -> Floats:
    """Return the 90 % interval of each beat's deviation (beats, 2), beats by ascending label.

    Parameters
    ----------
    assignment
        Label of each grid's beat (n,).
    ahead
        0 for the deviation behind the counts; else that of a period to come, so many times as
        long as all that was seen together.
    """
    labels, beat = np.unique(assignment, return_inverse=True)
    k = len(labels)
    counts = seen.by_beat(beat, k)
    whole, own = float(counts.sum()), counts.sum(axis=1)
    load = np.bincount(beat, weights=seen.loads(seen.counts.sum(axis=1))[:, 0], minlength=k)
    middle = load * k - 1.0
    if whole <= 0 or seen.share <= 0:
        return np.stack([middle, middle], axis=1)
    part = own / whole
    # A share's variance; a count of none still leaves one unseen.
    variance = dispersion(counts) * np.maximum(own, 1.0) * (1.0 - part) / whole**2
    variance *= 1.0 + (1.0 / ahead if ahead > 0 else 0.0)
    half = float(ndtri(0.5 + _LEVEL / 2)) * seen.share * np.sqrt(variance) * k
    return np.stack([middle - half, middle + half], axis=1)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class HeldOut:
    """Cross-validation: how plans made without a period balance that period.

    Attributes
    ----------
    names
        The periods left out, one after the other.
    worst
        Worst deviation of any beat on each (periods,).
    within
        Share of all beats that were within the tolerance there.
    covered
        Share of beats whose deviation lay in its 90 % interval.
    """

    names: tuple[str, ...]
    worst: Floats
    within: float
    covered: float

    def sentence(self, language: str | None = None) -> str:
        """Return it in words."""
        return tr(
            "partition.lasting.held_out",
            language=language,
            periods=len(self.names),
            least=float(self.worst.min()),
            most=float(self.worst.max()),
            within=self.within,
            covered=self.covered,
        )


def hold_out(
    problem: Problem, seen: SeenCounts, search: Callable[[Problem], Ints], *, tolerance: float
) -> HeldOut | None:
    """Return how plans made without a period fare on it; None where only one was seen.

    Parameters
    ----------
    search
        Returns the plan (label of each grid's beat) of a problem.
    tolerance
        Deviation that counts as kept.
    """
    periods = seen.counts.shape[1]
    if periods < 2:
        return None
    blocks = np.array_split(np.arange(periods), min(periods, _FOLDS))
    names, worst, within, covered = [], [], [], []
    for block in blocks:
        rest = np.setdiff1d(np.arange(periods), block)
        left_out = seen.counts[:, block].sum(axis=1)
        known = SeenCounts(
            counts=seen.counts[:, rest],
            names=tuple(seen.names[i] for i in rest),
            share=seen.share,
            steady=seen.steady,
        )
        if not left_out.sum() > 0 or not known.counts.sum() > 0:
            continue
        load = known.loads(known.counts.sum(axis=1)) * problem.grids
        plan = search(problem.replace(weights=load, tolerances=None, criterion_names=()))
        labels, beat = np.unique(plan, return_inverse=True)
        found = np.bincount(beat, weights=seen.loads(left_out)[:, 0]) * len(labels) - 1.0
        ahead = float(left_out.sum() / known.counts.sum())
        low, high = deviation_intervals(known, plan, ahead=ahead).T
        names.append(seen.names[block[0]])
        worst.append(float(np.abs(found).max()))
        within += (np.abs(found) <= tolerance + 1e-9).tolist()
        covered += ((low <= found) & (found <= high)).tolist()
    if not names:
        return None
    return HeldOut(
        names=tuple(names),
        worst=np.array(worst),
        within=float(np.mean(within)),
        covered=float(np.mean(covered)),
    )
