from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from videosync.errors import VideoError
from videosync.signals.window import video_signals
from videosync.video.write import write_video


@pytest.fixture
def video(tmp_path: Path) -> Path:
    frames = np.full((40, 96, 320, 3), 60, np.uint8)
    for t in range(40):
        frames[t, 20:60, 4 * t : 4 * t + 40] = 220
    frames[15:20] = frames[15]  # nothing moves here
    write_video(tmp_path / "clip.mp4", frames, 30.0)
    return tmp_path / "clip.mp4"


def test_a_window_of_a_file(video: Path) -> None:
    whole = video_signals(video, channels=["energy"])["energy"][:, 0]
    part = video_signals(video, 10, 30, channels=["energy"])["energy"][:, 0]
    assert len(whole) == 40
    assert len(part) == 20
    assert part[6:10].max() < part[:5].min()  # frames 16 to 19 stand still
    assert part[6:10].max() < part[11:].min()


def test_a_window_that_is_not_there(video: Path) -> None:
    with pytest.raises(VideoError, match="frames 30 to 50"):
        video_signals(video, 30, 50)
