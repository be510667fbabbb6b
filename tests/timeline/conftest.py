"""One synthetic event, three cameras, rendered once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_preparation.synthetic.event import Settings, make_event


@pytest.fixture(scope="session")
def event(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[int]]:
    """Files of 180 frames at 30 frames/s, and their start frames on the event's timeline."""
    root = tmp_path_factory.mktemp("event")
    settings = Settings(views=3, frames=180, size=64, offset_range=40, distractors=0, static_share=0.0, seed=11)
    record = make_event(root, "train", 0, settings)
    return [root / v["video"] for v in record["views"]], [v["start_frame"] for v in record["views"]]
