"""Compiling the kernels behind the app: progress on disk, started once, shown while it runs."""

import subprocess

import pytest

from gridmap.api import warm


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRIDMAP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def started(monkeypatch):
    calls = []

    class Process:
        pid = -1

        def __init__(self, command, **options):
            calls.append((command, options))

    monkeypatch.setattr(subprocess, "Popen", Process)
    return calls


def test_a_cold_installation_is_compiled_in_a_process_of_its_own(cache, started):
    assert warm.warming_share() is None
    warm.start_warming()
    assert [command[1:] for command, _ in started] == [["-m", "gridmap", "warm"]]


def test_a_compiled_installation_is_left_alone(cache, started):
    warm._write_share(1.0)
    warm.start_warming()
    assert started == []
    assert warm.warming_share() is None


def test_the_share_is_shown_while_it_grows_and_forgotten_when_it_stops(cache, monkeypatch):
    warm._write_share(0.35)
    assert warm.warming_share() == pytest.approx(0.35)
    now = warm.time.time()
    monkeypatch.setattr(warm.time, "time", lambda: now + 301)
    assert warm.warming_share() is None  # whoever compiled was stopped


def test_a_damaged_progress_file_counts_as_none(cache, started):
    warm._write_share(0.5)
    next(cache.glob("kernels-*.txt")).write_text("half", encoding="ascii")
    assert warm.warming_share() is None
    warm.start_warming()
    assert len(started) == 1


def test_without_a_cache_folder_the_kernels_are_loaded_each_time(monkeypatch, started):
    monkeypatch.setenv("GRIDMAP_CACHE", "off")
    warm._write_share(1.0)
    warm.start_warming()
    assert len(started) == 1
