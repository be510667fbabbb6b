"""Files that the tests of reading share: every codec and container, and one with several groups of pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.video.numbered import COUNT, numbered_frames
from videosync.video.write import write_video

QUICK_VPX = {"cpu-used": "8", "deadline": "realtime"}
QUIET_265 = {"x265-params": "open-gop=1:bframes=3:log-level=error"}

# name → (file name, options of write_video)
FILES: dict[str, tuple[str, dict[str, Any]]] = {
    "h264 with B-frames": ("a.mp4", dict(b_frames=3)),
    "h264, one keyframe": ("b.mp4", dict(b_frames=3, gop=600)),
    "h264, open GOP": ("c.mkv", dict(options={"x264-params": "open-gop=1:bframes=3:b-adapt=0"})),
    "h264, intra refresh": ("d.mp4", dict(gop=20, options={"x264-params": "intra-refresh=1"})),
    "h264, all keyframes": ("e.mov", dict(gop=1)),
    "h264 in AVI": ("f.avi", dict(b_frames=3)),
    "h264 in MPEG-TS": ("g.ts", dict(b_frames=3)),
    "h264, no timestamps": ("h.264", dict(b_frames=3)),
    "h265": ("i.mp4", dict(codec="libx265", preset="ultrafast")),
    "h265, open GOP": ("j.mkv", dict(codec="libx265", options=QUIET_265)),
    "mpeg4": ("k.mp4", dict(codec="mpeg4", bit_rate=2_000_000, b_frames=2)),
    "mpeg4 in AVI": ("l.avi", dict(codec="mpeg4", bit_rate=2_000_000, b_frames=2)),
    "vp8": ("m.webm", dict(codec="libvpx", options={**QUICK_VPX, "lag-in-frames": "16", "auto-alt-ref": "1"})),
    "vp9": ("n.webm", dict(codec="libvpx-vp9", options=QUICK_VPX)),
    "mjpeg in AVI": ("o.avi", dict(codec="mjpeg", pixel_format="yuvj420p")),
}


@pytest.fixture(scope="session", params=FILES, ids=list(FILES))
def coded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """COUNT numbered frames at 30000/1001 frames/s."""
    name, options = FILES[request.param]
    path = tmp_path_factory.mktemp("coded") / name
    write_video(path, numbered_frames(COUNT), Fraction(30000, 1001), **options)
    return path


@pytest.fixture(scope="session")
def long_gop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 numbered frames at 25 frames/s with a keyframe at least every 50."""
    path = tmp_path_factory.mktemp("long") / "v.mp4"
    write_video(path, numbered_frames(200), 25, gop=50, b_frames=2)
    return path
