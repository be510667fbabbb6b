"""``sync`` says which cameras move."""

from __future__ import annotations

from pathlib import Path

from dataset_preparation.synthetic.event import Settings, make_event
from videosync import sync


def test_moving_cameras_are_named(tmp_path: Path) -> None:
    settings = Settings(frames=60, size=96, offset_range=10, distractors=0, camera_motion="head", seed=4)
    record = make_event(tmp_path, "train", 0, settings)
    timeline = sync([tmp_path / view["video"] for view in record["views"]])
    assert [file["camera"] for file in timeline.to_json()["files"]] == ["moving", "moving"]
    said = "The camera moves in cam0.mp4, cam1.mp4; only what moves against it was compared"
    assert timeline.sentences()[-1] == said


def test_fixed_cameras_are_not_mentioned(event: tuple[list[Path], list[int]]) -> None:
    timeline = sync(event[0][:2])
    assert all(file.camera == "fixed" for file in timeline.files)
    assert not any("camera moves" in sentence for sentence in timeline.sentences())
