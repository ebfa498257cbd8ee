"""Samples: only the files listed are imported, whole or not at all."""

import hashlib
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gridmap.api.open import SAMPLES, import_sample
from gridmap.errors import InputError, MissingError, WorkspaceError
from gridmap.io import read_city
from gridmap.model import Kind

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "data" / "carrollton" / "CarrolltonGrid.csv.zip"


def test_the_documents_list_every_file_as_it_is_checked() -> None:
    for name in ("docs/data.md", "docs/data.zh-CN.md"):
        text = (ROOT / name).read_text("utf-8")
        for layers in SAMPLES.values():
            for layer in layers:
                for file in filter(None, (layer.file, layer.counts)):
                    row = next(line for line in text.splitlines() if f"| `{file.name}` |" in line)
                    told = re.findall(r"`([^`]+)`", row)
                    assert told == [
                        file.name, file.repository, file.commit, file.path, file.sha256
                    ], name  # fmt: skip
                    assert f"{file.size:,}" in row


def test_another_file_of_the_name_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "CarrolltonGrid.csv.zip").write_bytes(b"not it")
    with pytest.raises(InputError) as error:
        import_sample("carrollton", tmp_path, tmp_path / "city")
    assert "not it" not in error.value.text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CarrolltonGrid.csv.zip"]


def test_missing_files_are_named_with_their_place(tmp_path: Path) -> None:
    with pytest.raises(MissingError) as error:
        import_sample("chicago", tmp_path, tmp_path / "city")
    for layer in SAMPLES["chicago"]:
        assert layer.file.path in error.value.text()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_workspace_and_an_unknown_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "city").mkdir()
    with pytest.raises(WorkspaceError):
        import_sample("carrollton", tmp_path, tmp_path / "city")
    with pytest.raises(InputError, match="carrollton, chicago"):
        import_sample("atlantis", tmp_path, tmp_path / "new")


def test_a_file_that_cannot_be_imported_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"PDGrid,CountCalls\n1,2\n"
    layer = SAMPLES["carrollton"][0]
    digest = hashlib.sha256(data).hexdigest()
    file = replace(layer.file, path="a.csv", size=len(data), sha256=digest)
    monkeypatch.setitem(SAMPLES, "carrollton", (replace(layer, file=file),))
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(InputError):
        import_sample("carrollton", tmp_path, tmp_path / "city")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data/carrollton")
def test_carrollton_has_its_published_totals(tmp_path: Path) -> None:
    shutil.copy(REAL, tmp_path)
    kinds = []
    counts = import_sample("carrollton", tmp_path, tmp_path / "city", progress=kinds.append)
    assert counts == {"grid": 325}
    assert kinds == ["grid"]
    city = read_city(tmp_path / "city")
    assert city.layer(Kind.GRID).frame["incidents"].sum() == 129_082
