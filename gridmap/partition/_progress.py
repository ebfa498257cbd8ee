"""How far a search is, told in one share, though it has several parts one after the other."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Tell", "part_of", "silent"]

Tell = Callable[[float], None]


def silent(_share: float) -> None:
    """Tell nobody."""


def part_of(tell: Tell, begin: float, share: float) -> Tell:
    """Return what tells the progress of one part.

    Parameters
    ----------
    tell
        Tells the progress of the whole, 0 to 1.
    begin, share
        Where in the whole the part begins, and how much of the whole it is.
    """
    return lambda part: tell(begin + share * min(max(part, 0.0), 1.0))
