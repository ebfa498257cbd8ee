"""Grid codes against the rules that a department may keep."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import shapely

from gridmap.errors import InputError
from gridmap.io.findings import Finding, FindingKind, Severity
from gridmap.model import Layer

__all__ = ["CODE_DIGITS", "faulty_codes"]

CODE_DIGITS = (15, 20)
"""15: county 6 (GB/T 2260), street 3, community 3, sequence 3, by DB11/T 2157-2023.
20: CJ/T 349-2010."""

_PROVINCES = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12]"


def faulty_codes(layer: Layer, *, digits: int) -> Iterator[Finding]:
    """Find grids whose id is no code of so many digits.

    A code begins with a province of GB/T 2260; of 15 digits, the county, street, community
    and sequence numbers must not be all zeros. An id that import told apart is judged
    without its ``-1``.

    Raises
    ------
    InputError
        If there is no rule for so many digits.
    """
    if digits not in CODE_DIGITS:
        raise InputError(
            "io.error.code_digits", received=digits, known=", ".join(map(str, CODE_DIGITS))
        )
    rule = re.compile(rf"(?:{_PROVINCES})\d{{{digits - 2}}}")
    told_apart = layer.provenance.get("ids_repeated", ())
    apart = set(told_apart) if isinstance(told_apart, (list, tuple)) else set()
    wrong = np.array(
        [
            not _follows(name.rsplit("-", 1)[0] if name in apart else name, rule)
            for name in layer.ids
        ],
        dtype=bool,
    )
    if wrong.any():
        yield Finding(
            str(layer.kind), FindingKind.BAD_CODE, Severity.NOTE, int(wrong.sum()),
            tuple(layer.ids[wrong]), float(shapely.area(layer.geometry[wrong]).sum()),
            layer.geometry[wrong],
        )  # fmt: skip


def _follows(name: str, rule: re.Pattern[str]) -> bool:
    if not rule.fullmatch(name):
        return False
    parts = (name[2:6], name[6:9], name[9:12], name[12:15])
    return len(name) != 15 or all(int(part) for part in parts)
