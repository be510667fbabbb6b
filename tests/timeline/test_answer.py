"""A saved answer is read as its schema says, or refused by the value that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from videosync.errors import VideoError
from videosync.timeline.answer import read_answer

FILE = {"path": "a.mp4", "placed": True, "start_seconds": 0.0, "confidence": 0.9, "fps": 25}


def saved(folder: Path, **changes: Any) -> Path:
    path = folder / "answer.json"
    path.write_text(json.dumps({"schema": 2, "files": [{**FILE, **changes}], "later": {"kept": 1}}))
    return path


def test_keys_of_later_and_earlier_versions(tmp_path: Path) -> None:
    answer = read_answer(saved(tmp_path))
    assert answer["later"] == {"kept": 1}
    (file,) = answer["files"]
    assert file.items() >= FILE.items()
    assert [file[key] for key in ("reason", "warnings", "accepted", "drift_ppm")] == [None, [], False, None]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"interval_seconds": 3}, "files[0].interval_seconds is 3, expected array or null"),
        ({"interval_seconds": [1]}, "files[0].interval_seconds has 1 entries"),
        ({"warnings": ["late"]}, "files[0].warnings[0] is 'late', expected object"),
        ({"warnings": [{"code": "start"}]}, "files[0].warnings[0] has no text"),
        ({"start_seconds": True}, "files[0].start_seconds is True, expected number or null"),
        ({"start_seconds": 10**400}, "files[0].start_seconds is 1000"),
        ({"path": "\ud800.mp4"}, "files[0].path is '\\ud800.mp4', which is no text"),
        ({"path": "a\0.mp4"}, "files[0].path is 'a\\x00.mp4', which is no text"),
        ({"fps": float("nan")}, "files[0].fps is nan"),
        ({"duration_seconds": -1e9}, "files[0].duration_seconds is -1000000000.0"),
    ],
)
def test_a_value_of_another_kind_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = saved(tmp_path, **changes)
    with pytest.raises(VideoError) as raised:
        read_answer(path)
    assert str(raised.value).startswith(f"{path}: this is no answer of videosync sync: {said}")
