"""What is opened as a video: files alone, and no file that nobody named."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from videosync.errors import VideoError
from videosync.video import index
from videosync.video.containers import RECORDINGS
from videosync.video.index import open_video
from videosync.video.read import probe
from videosync.video.write import write_video


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    write_video(path, [np.zeros((16, 16, 3), np.uint8)] * 5, 25)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n#EXT-X-ENDLIST\n"),
        ("a.ffconcat", "ffconcat version 1.0\nfile a.mp4\n"),
        ("a.mp4.sdp", "v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"),
        ("a.mpd", '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>'),
    ],
)
def test_lists_that_name_other_files_are_no_videos(clip: Path, name: str, content: str) -> None:
    path = clip.with_name(name)
    path.write_text(content)
    with pytest.raises(
        VideoError, match=r"is a list that names other files, not a video; name the videos themselves\.$"
    ):
        open_video(str(path))


def test_a_name_is_a_name_and_no_protocol(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clip.parent)
    for name in ("concat:a.mp4|a.mp4", "subfile,,start,0,end,0,,:a.mp4", "a.mp4?x"):
        with pytest.raises(VideoError, match="No such file"):
            open_video(name)
        Path(name).write_bytes(clip.read_bytes())
        assert probe(name).num_frames == 5


def test_pictures_beyond_all_measure_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GIF of 16,000 x 16,000 pixels takes 40 bytes on the disk and a gigabyte in memory."""
    picture = b"\x21\xf9\x04\0\x04\0\0\0\x2c" + struct.pack("<HHHHB", 0, 0, 16000, 16000, 0) + b"\x02\x02\x4c\x01\0"
    head = b"GIF89a" + struct.pack("<HHBBB", 16000, 16000, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    (tmp_path / "a.gif").write_bytes(head + picture * 3 + b";")
    with pytest.raises(VideoError, match="frame 0 at 0 s cannot be decoded"):
        probe(tmp_path / "a.gif")
    monkeypatch.setattr(index, "MOST_PIXELS", 10**6)
    write_video(tmp_path / "b.mp4", [np.zeros((1002, 1000, 3), np.uint8)] * 2, 25)
    with pytest.raises(VideoError, match="said to have 1000 x 1002 pixels; at most 1 million are decoded"):
        probe(tmp_path / "b.mp4")


@pytest.mark.parametrize("name", ["\ud800.mp4", "a\0.mp4"])
def test_what_can_be_no_name_is_a_sentence(name: str) -> None:
    with pytest.raises(VideoError, match="no file can have this name"):
        probe(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes with names")
def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(VideoError, match=r"pipe\.mp4: is a pipe, not a file"):
        probe(tmp_path / "pipe.mp4")


def test_formats_that_are_opened_are_those_of_ffmpeg_that_hold_a_recording_themselves() -> None:
    there = {name for format in av.formats_available for name in format.split(",")}
    assert set(RECORDINGS) - there == set()  # none misspelt
    assert {"hls", "concat", "dash", "sdp", "rtsp", "image2", "lavfi", "imf", "vobsub"}.isdisjoint(RECORDINGS)
