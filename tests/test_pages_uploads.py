"""Files of the pages: uploads are kept whatever they are called, old map files go."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from gridmap.errors import InputError
from gridmap.pages.session import Session
from gridmap.pages.uploads import contents_of, forget_bytes, keep_files, stored_name
from gridmap.settings import Settings


@pytest.fixture
def session(tmp_path):
    made = Session(Settings(), "zh", "city", {"city": tmp_path}, shared={"city": tmp_path})
    yield made
    if made._folder is not None:
        made._folder.cleanup()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("网格.shp", "网格.shp"),
        ("..", "file"),
        (".", "file"),
        ("", "file"),
        ("/", "file"),
        ("../../etc/passwd", "passwd"),
        ("C:\\city\\网格.csv", "网格.csv"),
        ("a\x00b.csv", "ab.csv"),
        ("\x00", "file"),
        ("a" * 300 + ".csv", "a" * 150 + ".csv"),
        ("网" * 300 + ".csv", "网" * 50 + ".csv"),
        ("a." + "b" * 300, "a." + "b" * 148),
        ("\udcff.csv", "file.csv"),
        ("a\u202etxt.csv", "atxt.csv"),
        (".shp", "file.shp"),
        ("a.csv ", "a.csv"),
    ],
)
def test_the_name_under_which_a_file_is_kept(name, kept):
    assert stored_name(name) == kept


@given(st.text(max_size=400))
def test_any_name_is_one_part_of_a_path_that_a_disk_takes(name):
    kept = stored_name(name)
    assert Path(kept).name == kept
    assert kept not in {"", ".", ".."}
    assert len(os.fsencode(kept)) <= 255
    assert "\x00" not in kept


@pytest.mark.parametrize(
    "name",
    ["..", "a\x00b", "x" * 300, "/", "con", "网" * 300 + ".csv", "\ud800.csv", "\udcff",
     "a\u202eb", "..\\..\\x.csv", ".", " ", "\n"],
)  # fmt: skip
def test_files_of_any_name_are_kept(session, name):
    upload = keep_files(session, [(name, b"1")])
    (file,) = upload.folder.iterdir()
    assert (file.name,) == upload.names
    assert file.read_bytes() == b"1"


def test_the_parts_of_a_shapefile_stay_together(session):
    stem = "网格" * 100
    upload = keep_files(session, [(f"{stem}.shp", b"1"), (f"{stem}.dbf", b"2")])
    assert len({Path(name).stem for name in upload.names}) == 1
    assert len(upload.paths) == 1


def test_two_files_of_one_name_are_refused(session):
    with pytest.raises(InputError, match=r"a\.csv"):
        keep_files(session, [("x/a.csv", b"1"), ("y/A.csv".lower(), b"2")])


def dropped(name, data, file_id):
    file = UploadedFile(UploadedFileRec(file_id, name, "text/csv", data), None)
    assert isinstance(file, io.BytesIO)
    return file


def test_files_that_the_server_forgot_are_read_from_the_folder(session):
    one, two = dropped("a.shp", b"1", "i"), dropped("a.dbf", b"2", "j")
    upload = keep_files(session, contents_of(session, [one], None))
    upload.ids = forget_bytes(session, [one])
    emptied = dropped("a.shp", b"", "i")
    assert contents_of(session, [emptied, two], upload) == [("a.shp", b"1"), ("a.dbf", b"2")]
    # After another workspace was opened nobody knows what it held.
    assert contents_of(session, [emptied], None) is None


def test_map_files_that_nobody_was_shown_for_long_go_first(tmp_path, monkeypatch):
    from gridmap.pages import touch

    monkeypatch.setattr(touch, "_MOST_BYTES", 25)
    for name, age_s in (("old", 9_000), ("older", 90_000), ("new", 10), ("newer", 0)):
        file = tmp_path / f"{name}.bin"
        file.write_bytes(b"x" * 10)
        at = file.stat().st_mtime - age_s
        os.utime(file, (at, at))
    (tmp_path / "touch.html").write_bytes(b"y" * 100)
    touch._sweep(tmp_path)
    # Forty bytes are too many, but what was shown within the hour stays.
    assert {path.name for path in tmp_path.iterdir()} == {"new.bin", "newer.bin", "touch.html"}
