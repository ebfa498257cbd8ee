"""What the environment says, rightly and wrongly."""

from __future__ import annotations

import pytest

from gridmap.errors import InputError
from gridmap.i18n import system_language
from gridmap.settings import read_settings


@pytest.mark.parametrize("written", ["many", "0", "-5", "nan", "2 GB"])
def test_a_setting_that_is_no_number_is_told(monkeypatch, written):
    monkeypatch.setenv("GRIDMAP_MAX_FILE_MB", written)
    with pytest.raises(InputError) as raised:
        read_settings()
    assert raised.value.values == {"name": "GRIDMAP_MAX_FILE_MB", "received": written}
    # The language is known all the same: the line is said in it.
    monkeypatch.setenv("GRIDMAP_LANG", "en_US.UTF-8")
    assert system_language() == "en"


@pytest.mark.parametrize(("written", "meant"), [("", 2048.0), (" ", 2048.0), ("1.5", 1.5)])
def test_a_setting_that_is_a_number(monkeypatch, written, meant):
    monkeypatch.setenv("GRIDMAP_MAX_FILE_MB", written)
    assert read_settings().max_file_mb == meant


def test_every_setting_is_read_from_its_variable(monkeypatch):
    for name in ("database_url", "tile_datum", "login_claim", "source_hosts", "cache"):
        monkeypatch.setenv(f"GRIDMAP_{name.upper()}", f"my-{name}")
        assert getattr(read_settings(), name) == f"my-{name}"
    monkeypatch.setenv("GRIDMAP_CACHE", "off")
    assert read_settings().cache == ""
    monkeypatch.delenv("GRIDMAP_TILE_DATUM")
    assert read_settings().tile_datum == "wgs84"
