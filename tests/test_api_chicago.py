"""Chicago by every verb: the page's options, the command and Python give one answer."""

import json
from pathlib import Path

import pytest
from command_line import run

import gridmap
from gridmap.api.options import option_specs
from gridmap.api.propose import ProposeOptions
from gridmap.i18n import using_language

CHICAGO = Path(__file__).parents[2] / "shared" / "data" / "chicago"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not CHICAGO.exists(), reason="put the real data in ../shared/data"),
]
BEATS = {
    "beats": 40, "balance": {"residents": 1.0}, "effort": "quick", "seed": 1, "tolerance": 0.1,
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("chicago") / "city"
    for kind, name, more in (
        ("grid", "block_groups_2010.gpkg", ("--map", "residents=pop", "--map", "id=GEOID10")),
        ("station", "police_districts.zip", ()),
        ("room", "Police_Stations.csv", ("--crs", "EPSG:4326")),
        ("incidents", "Crimes_September_2014.csv",
         ("--date-format", "%m/%d/%Y", "--date-format", "%Y/%d/%m")),
    ):  # fmt: skip
        done = run("import", place, "--kind", kind, *more, CHICAGO / name)
        assert done.returncode == 0, done.stderr
    return place


def timeless(answer):
    if isinstance(answer, dict):
        return {k: timeless(v) for k, v in answer.items() if k not in {"seconds", "name"}}
    return [timeless(item) for item in answer] if isinstance(answer, list) else answer


@pytest.mark.parametrize(
    ("verb", "fields", "flags"),
    [
        ("check", {}, ()),
        ("measure", {"by": "station", "since": "2014-09-01", "until": "2014-09-15"},
         ("--by", "station", "--from", "2014-09-01", "--to", "2014-09-15")),
        ("coverage", {"within": "3km", "by": "station"}, ("--within", "3km", "--by", "station")),
        ("site", {"rooms": 2, "within": "3km"}, ("--rooms", "2", "--within", "3km")),
        ("propose", BEATS, ("--beats", "40", "--balance", "residents=1", "--effort", "quick",
                            "--seed", "1", "--tolerance", "10%")),
    ],
)  # fmt: skip
def test_python_and_the_command_answer_alike(place, verb, fields, flags):
    done = run(verb, place, *flags, "--json")
    assert done.returncode == 0, done.stderr
    with using_language("en"):
        mine = getattr(gridmap, verb)(gridmap.open(place), **fields).to_dict()
    mine = json.loads(json.dumps(mine, allow_nan=False))
    assert timeless(json.loads(done.stdout)) == timeless(mine)


def test_what_a_form_writes_is_the_same_request():
    """A page's form and a command line are texts; both make the dataclass that Python takes."""
    texts = {"beats": 40, "balance": "residents=1", "effort": "quick", "seed": 1,
             "tolerance": "10%", "keep": "", "lock": ()}  # fmt: skip
    assert ProposeOptions.from_texts(texts) == ProposeOptions(**BEATS)
    assert set(texts) <= {spec.name for spec in option_specs(ProposeOptions)}
