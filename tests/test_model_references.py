"""What one layer says of another, where files spell it differently."""

from gridmap.demo import make_city
from gridmap.measure import summarise
from gridmap.measure.pieces import present_plan
from gridmap.model import Kind, Layer


def test_stations_are_spelled_as_their_layer_spells_them():
    city = make_city(grids=60, incidents=0, seed=3)
    frame = city.layers[Kind.STATION].frame
    renamed = frame.assign(id=[str(i + 1) for i in range(len(frame))])
    number = dict(zip(frame["id"], renamed["id"], strict=True))
    beats = city.beats.frame
    spelled = beats.assign(station=["0" + number[name] for name in beats["station"]])
    city = city.with_layer(Layer(Kind.STATION, renamed)).with_layer(Layer(Kind.BEAT, spelled))
    assert city.named(city.beats, Kind.STATION).tolist() == [
        number[name] for name in beats["station"]
    ]
    plan = present_plan(city)
    rows = summarise(city, by="station", plan=plan).rows
    assert set(rows["id"]) <= set(renamed["id"])
    assert rows["residents"].sum() <= city.grids.counts("residents").sum()
    twice = renamed.assign(id=["1", "01", *renamed["id"][2:]])
    city = city.with_layer(Layer(Kind.STATION, twice))
    assert set(city.named(city.beats, Kind.STATION)) >= {"01"}  # two answer to it: left as it is


def test_beats_rooms_and_communities_are_found_by_code_or_by_name():
    city = make_city(grids=60, incidents=0, seed=3)
    grids, beats, rooms = city.grids.frame, city.beats, city.rooms
    title = dict(zip(beats.ids, beats.names, strict=True))
    assert len(set(title.values())) == len(title)
    number = {name: str(row) for row, name in enumerate(rooms.ids, 1)}
    right = present_plan(city)
    named = grids.assign(beat=[title[name] for name in right.labels])
    own = list(rooms.ids[: len(beats)]) + [""] * (len(beats) - len(rooms))
    posted = beats.frame.assign(room=["00" + number[name] if name else "" for name in own])
    city = (
        city.with_layer(Layer(Kind.GRID, named))
        .with_layer(Layer(Kind.BEAT, posted))
        .with_layer(Layer(Kind.ROOM, rooms.frame.assign(id=[number[name] for name in rooms.ids])))
    )
    plan = present_plan(city)
    assert plan.labels.tolist() == right.labels.tolist()
    assert [beat.room for beat in plan.beats] == [number.get(name, "") for name in own]
