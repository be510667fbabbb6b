"""Files that are cut off, or break in the middle, keep what can be read, and it is said how much that is."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from videosync.cues.named import find_cue
from videosync.errors import VideoError
from videosync.timeline.clips import inspect, read_clip
from videosync.timeline.damage import readable_frames
from videosync.timeline.sync import sync
from videosync.video.read import iter_frames
from videosync.video.write import write_video

METERS = find_cue("motion").meters("energy")
Event = tuple[list[Path], list[int]]


def damaged(source: Path, target: Path, *, first: int, last: int) -> Path:
    """A copy of which the packets of frames ``first`` to ``last``, keyframes among them, hold nothing."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        for number, packet in enumerate(p for p in old.demux(stream) if p.size):
            times = packet.pts, packet.dts, packet.duration, packet.is_keyframe
            if first <= number <= last:
                packet = av.Packet(b"\x00" * packet.size)
                packet.pts, packet.dts, packet.duration, packet.is_keyframe = times
                packet.time_base = stream.time_base
            packet.stream = copy
            new.mux(packet)
    return target


def with_header_in_front(source: Path, target: Path) -> Path:
    with av.open(str(source)) as old, av.open(str(target), "w", options={"movflags": "faststart"}) as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        for packet in old.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                new.mux(packet)
    return target


@pytest.fixture(scope="module")
def film(event: Event, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The event's first file with a keyframe every 30 frames, and no B-frames."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_video(path, iter_frames(event[0][0]), 30.0, gop=30, b_frames=0)
    return path


@pytest.mark.parametrize(("first", "last", "lost"), [(70, 80, range(70, 90)), (160, 179, range(160, 180))])
def test_frames_that_cannot_be_decoded_are_counted_and_left_out(
    film: Path, tmp_path: Path, first: int, last: int, lost: range
) -> None:
    path = damaged(film, tmp_path / "broken.mp4", first=first, last=last)
    missing: set[int] = set()
    frames = list(readable_frames(str(path), 180, (64, 64), missing))
    assert len(frames) == 180
    assert missing == set(lost)
    whole = list(iter_frames(film, size=(64, 64)))
    assert all((frames[n] == whole[n]).all() for n in range(180) if n not in lost)
    clip = read_clip(inspect(path), 30.0, METERS)
    (warning,) = clip.info.warnings
    assert warning.code == "frames_lost"
    assert f"{len(lost)} of 180 frames cannot be decoded, from {first / 30:.2f} s on" in warning.text
    assert len(clip.info.times) == 180 - len(lost)


def test_a_broken_beginning_is_stood_in_for_by_what_follows(film: Path, tmp_path: Path) -> None:
    path = damaged(film, tmp_path / "broken.mp4", first=3, last=20)
    missing: set[int] = set()
    frames = list(readable_frames(str(path), 180, (64, 64), missing))
    assert (len(frames), missing) == (180, set(range(3, 30)))


def test_where_nothing_can_be_decoded_the_reason_stays(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(path: str, start: int, stop: int, **_: object) -> list[np.ndarray]:
        raise VideoError(f"{path}: frame {start} cannot be decoded")

    monkeypatch.setattr("videosync.timeline.damage.iter_frames", breaks)
    missing: set[int] = set()
    with pytest.raises(VideoError, match="frame .* cannot be decoded"):
        list(readable_frames(str(film), 180, (64, 64), missing))


def test_a_file_that_breaks_in_the_middle_is_placed_by_the_rest(event: Event, film: Path, tmp_path: Path) -> None:
    path = damaged(film, tmp_path / "broken.mp4", first=70, last=80)
    timeline = sync([path, event[0][1]], cue="motion", audio="off")
    assert timeline.complete
    broken = timeline.files[0]
    assert [warning.code for warning in broken.warnings] == ["frames_lost"]
    assert "20 of 180 frames cannot be decoded" in (broken.note or "")
    wanted = (event[1][0] - event[1][1]) / 30
    assert timeline.pairs[0].seconds == pytest.approx(wanted, abs=1.5 / 30)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi"])
def test_a_file_that_is_cut_off_says_how_much_of_it_can_be_read(film: Path, tmp_path: Path, ending: str) -> None:
    whole, cut = tmp_path / f"whole.{ending}", tmp_path / f"cut.{ending}"
    write_video(whole, iter_frames(film), 30.0)
    if ending == "mp4":  # with its header in front
        whole = with_header_in_front(whole, tmp_path / "front.mp4")
    content = whole.read_bytes()
    cut.write_bytes(content[: int(0.6 * len(content))])
    info = inspect(cut)
    assert 0 < info.duration < 5
    (warning,) = info.warnings
    assert warning.code == "cut_off"
    assert f": {info.duration:.1f} of 6.0 s readable; what is there is used" in warning.text
    assert not inspect(whole).warnings
