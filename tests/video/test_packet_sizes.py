"""Sizes and keyframes of packets, as they are shown."""

import numpy as np
import pytest

from videosync.errors import VideoError
from videosync.video.packet_sizes import read_packets
from videosync.video.write import write_video


def test_packets_in_the_order_in_which_they_are_shown(tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (40, 16, 16, 3), dtype=np.uint8)
    write_video(tmp_path / "a.mp4", frames, 25.0, gop=250, b_frames=2, keyframes=[17, 30])
    table = read_packets(tmp_path / "a.mp4")
    assert np.flatnonzero(table.keyframes).tolist() == [0, 17, 30]
    assert len(table.sizes) == 40
    assert table.sizes.min() > 0


def test_files_that_are_no_videos(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"nothing")
    with pytest.raises(VideoError, match="a.mp4"):
        read_packets(tmp_path / "a.mp4")
