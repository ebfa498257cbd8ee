"""What is shared out must add up: nobody is lost and nobody is counted twice."""

from __future__ import annotations

import math

__all__ = ["require_conserved"]


def require_conserved(before: float, after: float, *, tolerance: float = 1e-9) -> None:
    """Stop if a total changed while it was being shared out.

    Parameters
    ----------
    before, after
        Totals that must agree: what came in, and what went out plus what is unassigned.
    tolerance
        Greatest difference allowed, relative to the greater total; absolute below 1.

    Raises
    ------
    ArithmeticError
        If they differ: an error of the program, not of the data.

    Examples
    --------
    >>> require_conserved(10.0, 3.0 + 7.0)
    """
    if not math.isclose(before, after, rel_tol=tolerance, abs_tol=tolerance):
        message = f"a total of {before!r} became {after!r}"
        raise ArithmeticError(message)
