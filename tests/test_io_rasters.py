"""Rasters of people (WorldPop, GHSL): summed into grids, and as a control layer."""

import struct

import geopandas as gpd
import numpy as np
import pytest
import shapely

import gridmap
from gridmap.errors import GridmapError, InputError, MissingError
from gridmap.io import ImportOptions, import_files, read_city
from gridmap.model.crs import parse_crs

WEST, NORTH, STEP = 120.10, 30.26, 1 / 240
_FORMS = {"f": 3, "u": 1, "i": 2}


def geotiff(path, values, *, west=WEST, north=NORTH, step=STEP, epsg=4326, text="", point=False,
            nothing=None, bands=1, size=None):  # fmt: skip
    """Write an unpacked GeoTIFF tag by tag, so that no reader of ours has a hand in it."""
    rows, columns = size or values.shape
    kind = 2048 if epsg == 4326 else 3072
    keys = [1, 1, 0, 2, 1025, 0, 1, 2 if point else 1, kind, 0, 1, epsg] if epsg else []
    raw = values.tobytes()
    tags = [
        (256, "I", [columns]), (257, "I", [rows]), (258, "H", [8 * values.itemsize] * bands),
        (259, "H", [1]), (262, "H", [1]), (273, "I", [8]), (277, "H", [bands]),
        (278, "I", [rows]), (279, "I", [len(raw)]),
        (339, "H", [_FORMS[values.dtype.kind]] * bands),
        (33550, "d", [step, step, 0.0]), (33922, "d", [0.0, 0.0, 0.0, west, north, 0.0]),
    ]  # fmt: skip
    tags += [(34735, "H", keys)] if keys else []
    tags += [(34737, "s", f"{text}|\0".encode())] if text else []
    tags += [(42113, "s", f"{nothing}\0".encode())] if nothing is not None else []
    code = {"H": 3, "I": 4, "d": 12, "s": 2}
    at = 8 + len(raw)
    after = at + 2 + 12 * len(tags) + 4
    head, body = b"", b""
    for tag, form, cells in tags:
        packed = cells if form == "s" else struct.pack(f"<{len(cells)}{form}", *cells)
        if len(packed) > 4:
            place = struct.pack("<I", after + len(body))
            body += packed + b"\0" * (len(packed) % 2)
        else:
            place = packed.ljust(4, b"\0")
        head += struct.pack("<HHI", tag, code[form], len(cells)) + place
    path.write_bytes(
        b"II*\0"
        + struct.pack("<I", at)
        + raw
        + struct.pack("<H", len(tags))
        + head
        + b"\0" * 4
        + body
    )
    return path


@pytest.fixture(scope="module")
def people():
    values = np.random.default_rng(5).gamma(1.0, 20.0, (24, 24)).astype(np.float32)
    values[::5] = -99999
    return values


@pytest.fixture
def outlines(tmp_path):
    """Four grids whose borders cut pixels; the third lies half outside the raster."""
    cells = [
        shapely.box(120.1113 + 0.013 * n, 30.2017, 120.1243 + 0.013 * n, 30.2391) for n in range(3)
    ]
    cells.append(shapely.box(120.19, 30.20, 120.25, 30.22))
    frame = gpd.GeoDataFrame({"id": list("abcd")}, geometry=cells, crs="EPSG:4326")
    frame.to_file(tmp_path / "grid.gpkg")
    return frame


def residents(tmp_path, raster, **options):
    said = ImportOptions(join=(raster,), upon="replace", **options)
    report = import_files(tmp_path / "city", [tmp_path / "grid.gpkg"], kind="grid", options=said)
    note = next(item for item in report.warnings if item.key == "io.note.raster_summed")
    return read_city(tmp_path / "city").grids.frame["residents"].to_numpy(), note.values


def overlaid(outlines, values, crs):
    """Return the people of each grid by geopandas: pixels cut by the grids, in metres."""
    row, column = np.nonzero(values > 0)
    x, y = WEST + column * STEP, NORTH - row * STEP
    pixels = gpd.GeoDataFrame(
        {"people": values[row, column]}, geometry=shapely.box(x, y - STEP, x + STEP, y), crs=4326
    ).to_crs(crs)
    pixels["whole"] = pixels.area
    cut = gpd.overlay(pixels, outlines.to_crs(crs), how="intersection")
    shared = cut.people * cut.area / cut.whole
    return shared.groupby(cut["id"]).sum().reindex(list("abcd")).fillna(0.0).to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["f4", "f8", "u2", "i4"])
def test_people_of_pixels_are_shared_out_by_area(tmp_path, people, outlines, dtype):
    values = np.clip(people, 0 if dtype == "u2" else None, None).astype(dtype)
    raster = geotiff(tmp_path / "pop.tif", values, nothing=-99999)
    found, note = residents(tmp_path, raster)
    expected = overlaid(outlines, values, read_city(tmp_path / "city").crs)
    assert found == pytest.approx(expected, rel=1e-6)
    near = values[values > 0].sum()
    assert note["total"] == pytest.approx(found.sum())
    assert 0 < note["lost"] < near - found.sum() + 1e-6


def test_a_pixel_that_is_a_point_begins_half_a_pixel_before(tmp_path, people, outlines):
    area, _ = residents(tmp_path, geotiff(tmp_path / "area.tif", people))
    raster = geotiff(
        tmp_path / "point.tif", people, west=WEST + STEP / 2, north=NORTH - STEP / 2, point=True
    )
    assert residents(tmp_path, raster)[0] == pytest.approx(area, rel=1e-9)


@pytest.mark.slow
def test_a_raster_without_crs_takes_the_users_and_mollweide_is_known_by_its_name(
    tmp_path, people, outlines
):
    raster = geotiff(tmp_path / "none.tif", people, epsg=0)
    with pytest.raises(GridmapError) as caught:
        residents(tmp_path, raster)
    assert caught.value.key == "io.error.raster_crs"
    expected, _ = residents(tmp_path, geotiff(tmp_path / "said.tif", people))
    assert residents(tmp_path, raster, crs="EPSG:4326")[0] == pytest.approx(expected)
    place = gpd.GeoSeries(outlines.geometry, crs=4326).to_crs(parse_crs("ESRI:54009"))
    west, north = place.total_bounds[[0, 3]]
    even = np.full((90, 120), 7.0)
    ghsl = geotiff(
        tmp_path / "ghsl.tif", even, west=west - 500, north=north + 500, step=100.0, epsg=32767,
        text="World_Mollweide",
    )  # fmt: skip
    # Mollweide keeps areas: seven people a hectare.
    assert residents(tmp_path, ghsl)[0][:3] == pytest.approx(7 * place.area[:3] / 10_000, rel=1e-3)


def test_a_raster_as_control_layer_weighs_by_its_people(tmp_path, people, outlines):
    left, right = shapely.box(120.0, 30.0, 120.13, 30.5), shapely.box(120.13, 30.0, 120.5, 30.5)
    beats = gpd.GeoDataFrame({"id": ["1", "2"]}, geometry=[left, right], crs=4326)
    grids = outlines.assign(residents=100.0)[:3]
    city = gridmap.City.from_frames(grids=grids, beats=beats)
    raster = geotiff(tmp_path / "pop.tif", people, nothing=-99999)
    found = gridmap.measure(city, by="beat", control=raster).to_frame().set_index("id")
    both = overlaid(outlines[:3].assign(id=list("abc")), people, city.crs)[:3]
    west = outlines[:3].assign(geometry=outlines.geometry[:3].intersection(left))
    expected = 100.0 * (overlaid(west, people, city.crs)[:3] / both).sum()
    # A pixel that a beat cuts is spread evenly over its ground.
    assert found.residents["1"] == pytest.approx(expected, rel=1e-3)
    assert found.residents.sum() == pytest.approx(300.0)
    with pytest.raises(MissingError):
        gridmap.measure(city, by="beat", control=tmp_path / "none.tif")
    with pytest.raises(InputError) as caught:
        gridmap.measure(city, by="beat", control=raster, control_weight="x")
    assert caught.value.key == "io.error.raster_weight"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("written", "key"),
    [
        ({"bands": 3}, "gdal.error.cannot_open"),
        ({"size": (60_000, 60_000)}, "gdal.error.pixels"),
        ({"size": (2_000, 2_000)}, "gdal.error.cannot_open"),
        ({"west": 20.0}, "io.error.raster_elsewhere"),
        ({"nothing": "none"}, ""),
    ],
)
def test_what_a_raster_claims_is_held_against_what_it_holds(
    tmp_path, people, outlines, written, key
):
    raster = geotiff(tmp_path / "pop.tif", people, **written)
    if not key:
        assert residents(tmp_path, raster)[0].sum() > 0
        return
    with pytest.raises(InputError) as caught:
        residents(tmp_path, raster)
    assert caught.value.key == key
    assert not (tmp_path / "city").exists()


def test_a_raster_is_no_layer_and_no_picture_is_a_raster(tmp_path, people, outlines):
    raster = geotiff(tmp_path / "pop.tif", people)
    with pytest.raises(InputError) as caught:
        import_files(tmp_path / "city", [raster], kind="grid")
    assert caught.value.key == "io.error.raster_kind"
    (tmp_path / "fake.tif").write_bytes(b"<OGRVRTDataSource/>")
    with pytest.raises(InputError) as caught:
        residents(tmp_path, tmp_path / "fake.tif")
    assert caught.value.key == "gdal.error.another_format"
