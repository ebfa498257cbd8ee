"""Every option of a proposal that the documents show works."""

import re
from collections.abc import Callable
from pathlib import Path

import documents
import pytest

from gridmap.io import read_city


@pytest.mark.slow
def test_every_option_of_a_proposal_works(
    works: Callable[[str], object], desk: Path, cluster: str
) -> None:
    name = "docs/proposals.md"  # the other language shows the same: see above
    if not Path("pieces").exists():
        works("gridmap demo pieces")
    city = read_city(desk / "pieces")
    beats = city.beats.ids
    three = [str(item) for item in city.grids.ids[:3]]
    put = [
        (r"beat=(ID|编号)", f"beat={beats[0]}"),
        (r"grid=(ID|编号)", f"grid={three[0]}"),
        ("A,B,C", ",".join(three)),
        ("A,B", ",".join(three[:2])),
        (r"walk\|ebike\|car", "walk"),
        ("--front N", "--front 2"),
        ("--start NAME", "--start begun"),
        ("tcp://host:8786", cluster),
        ("--processes 2", "--parents station --processes 2"),
        ("--scheduler", "--parents station --scheduler"),
        ("--objective travel$", "--objective travel --prove --seconds 5"),
    ]
    works(f"gridmap propose pieces --beats {len(beats)} --tolerance 0.5 --save begun")
    shown = [span for span in documents.spans_of(name) if re.match(r"--\S+( \S|$)", span)]
    ran = set()
    few = {"--targets 2,1,1": 3, "--communities hard": 4, "--rooms one-per-beat": 5}
    for span in dict.fromkeys(shown):
        if " " not in span and span not in {"--prove", "--no-barriers"}:
            continue  # an option named, its values said elsewhere
        line = span
        for pattern, meant in put:
            line = re.sub(pattern, meant, line)
        many = few.get(span, len(beats))
        base = "" if re.search("--beats|--per-officer", line) else f"--beats {many}"
        quick = "" if "--effort" in line else "--effort quick"
        works(f"gridmap propose pieces {base} --tolerance 0.5 {quick} {line}")
        ran |= set(re.findall(r"--[a-z-]+", line))
    table = set(re.findall(r"^\| `(--[a-z-]+)", documents.text_of(name), re.MULTILINE))
    assert table <= ran
    assert len(ran) >= 15
