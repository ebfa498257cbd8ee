"""The bundled demo city is the one that the generator makes."""

from gridmap.demo import make_city
from gridmap.io import Workspace
from gridmap.settings import bundled

LIMIT_BYTES = 5_000_000


def test_the_bundle_is_the_default_city_and_small() -> None:
    folder = bundled("data") / "demo"
    stored, made = Workspace.open(folder).city(), make_city()
    assert stored.name == made.name
    assert stored.made_up
    assert stored.crs == made.crs
    assert {str(k): len(layer) for k, layer in stored.layers.items()} == {
        str(k): len(layer) for k, layer in made.layers.items()
    }
    assert stored.grids.counts("residents").sum() == made.grids.counts("residents").sum()
    assert stored.incidents is not None
    assert made.incidents is not None
    assert stored.incidents.digest == made.incidents.digest
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) < LIMIT_BYTES
