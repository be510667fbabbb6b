"""What results are made from: what changes a hash, what does not, and how it is said."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from videosync.data import identity
from videosync.data.identity import code_hash, content_hash, files_hash, inside, what_changed

MADE = {
    "options": {"similarity.temperature": 0.1, "eval.methods": ["median"]},
    "weights": "a",
    "pairs": "b",
    "detectors": {"demo/mlp": "c"},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"weights": "b"}, ["the encoder's weights"]),
        ({"pairs": "c", "videos": "d"}, ["the pairs or their labels", "video files (size or time of change)"]),
        ({"detectors": {}}, ["trained detectors"]),
        ({"options": {"similarity.temperature": 0.2, "eval.methods": ["median"], "eval.new": 1}},
         ["similarity.temperature is 0.2 but was 0.1", "eval.new is 1 but was None"]),
    ],
)  # fmt: skip
def test_what_changed_is_named(change: dict[str, object], said: list[str]) -> None:
    assert what_changed(MADE, {**MADE, **change}) == said


def test_what_was_not_recorded_is_not_taken_for_the_same() -> None:
    assert what_changed(None, MADE) == what_changed({}, MADE) == ["what it was made from was not recorded"]


def test_files_are_known_by_name_size_and_time(tmp_path: Path) -> None:
    def identity_of(root: Path, text: str, time: int, name: str = "cam0.mp4") -> str:
        shutil.rmtree(root, ignore_errors=True)
        video = root / "a" / name
        video.parent.mkdir(parents=True)
        video.write_text(text)
        os.utime(video, ns=(10**18, time))
        return files_hash(root, [video, root / "absent.mp4"])

    first = identity_of(tmp_path / "here", "1234", 10**18)
    assert identity_of(tmp_path / "there", "1234", 10**18) == first
    later = identity_of(tmp_path / "here", "1234", 10**18 + 1)
    longer = identity_of(tmp_path / "here", "12345", 10**18)
    other = identity_of(tmp_path / "here", "1234", 10**18, "cam1.mp4")
    assert len({first, later, longer, other}) == 4


def test_names_count_from_the_folder_on_and_elsewhere_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for root in (Path("clips"), tmp_path / "clips"):
        assert inside(root, "clips/a/cam0.mp4") == "a/cam0.mp4"
        assert inside(root, "/data/cam0.mp4") == "/data/cam0.mp4"


def test_code_is_known_by_its_files_and_the_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_hash("models", "version.py") != code_hash("models")
    monkeypatch.setattr(identity, "PACKAGE", tmp_path)
    (tmp_path / "models" / "__pycache__").mkdir(parents=True)
    code = tmp_path / "models" / "a.py"
    code.write_text("x = 1\n")
    first = code_hash("models")
    (tmp_path / "models" / "__pycache__" / "a.pyc").write_bytes(b"compiled")
    assert code_hash("models") == first
    code.write_text("x = 2\n")
    changed = code_hash("models")
    monkeypatch.setattr(identity, "__version__", "99")
    assert len({first, changed, code_hash("models")}) == 3


def test_content_does_not_depend_on_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": [2.5, None]}) == content_hash({"b": [2.5, None], "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})
