"""``sync`` says which cameras move."""

from __future__ import annotations

from pathlib import Path

from tests.timeline.test_clips import pictures
from videosync import sync
from videosync.video.write import write_video


def test_moving_cameras_are_named(tmp_path: Path) -> None:
    for name, shift in (("one", 3), ("two", 2)):
        write_video(tmp_path / f"{name}.mp4", pictures(60, shift=shift), 30.0)
    timeline = sync([tmp_path / "one.mp4", tmp_path / "two.mp4"])
    assert [file["camera"] for file in timeline.to_json()["files"]] == ["moving", "moving"]
    said = "The camera moves in one.mp4, two.mp4; its own motion was removed before comparing"
    assert timeline.sentences()[-1] == said


def test_fixed_cameras_are_not_mentioned(event: tuple[list[Path], list[int]]) -> None:
    timeline = sync(event[0][:2])
    assert all(file.camera == "fixed" for file in timeline.files)
    assert not any("camera moves" in sentence for sentence in timeline.sentences())
