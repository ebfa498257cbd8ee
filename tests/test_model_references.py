"""What one layer says of another, where files spell it differently."""

from gridmap.demo import make_city
from gridmap.measure import summarise
from gridmap.measure.present import present_plan
from gridmap.model import Kind, Layer


def test_stations_are_spelled_as_their_layer_spells_them():
    city = make_city(grids=60, incidents=0, seed=3)
    frame = city.layers[Kind.STATION].frame
    renamed = frame.assign(id=[str(i + 1) for i in range(len(frame))])
    number = dict(zip(frame["id"], renamed["id"], strict=True))
    beats = city.beats.frame
    spelled = beats.assign(station=["0" + number[name] for name in beats["station"]])
    city = city.with_layer(Layer(Kind.STATION, renamed)).with_layer(Layer(Kind.BEAT, spelled))
    assert city.stations_of(city.beats).tolist() == [number[name] for name in beats["station"]]
    plan = present_plan(city)
    rows = summarise(city, by="station", plan=plan).rows
    assert set(rows["id"]) <= set(renamed["id"])
    assert rows["residents"].sum() <= city.grids.counts("residents").sum()
    twice = renamed.assign(id=["1", "01", *renamed["id"][2:]])
    city = city.with_layer(Layer(Kind.STATION, twice))
    assert set(city.stations_of(city.beats)) >= {"01"}  # two answer to it: left as it is
