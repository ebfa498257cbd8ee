"""What the environment says, rightly and wrongly."""

from __future__ import annotations

import pytest

from gridmap.errors import InputError
from gridmap.settings import read_language, read_settings


@pytest.mark.parametrize("written", ["many", "0", "-5", "nan", "2 GB"])
def test_a_setting_that_is_no_number_is_told(monkeypatch, written):
    monkeypatch.setenv("GRIDMAP_MAX_FILE_MB", written)
    with pytest.raises(InputError) as raised:
        read_settings()
    assert raised.value.values == {"name": "GRIDMAP_MAX_FILE_MB", "received": written}
    # The language is known all the same: the line is said in it.
    monkeypatch.setenv("GRIDMAP_LANG", "en_US.UTF-8")
    assert read_language() == "en"


@pytest.mark.parametrize(("written", "meant"), [("", 2048.0), (" ", 2048.0), ("1.5", 1.5)])
def test_a_setting_that_is_a_number(monkeypatch, written, meant):
    monkeypatch.setenv("GRIDMAP_MAX_FILE_MB", written)
    assert read_settings().max_file_mb == meant
