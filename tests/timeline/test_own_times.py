"""What files say of their own time: reported beside the answer, compared with it, and never obeyed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
import pytest

import videosync
from tests.cli.sound_clips import write_sound_clip
from tests.timeline.test_sync import of_two_events
from videosync.timeline.conclude import conclude
from videosync.timeline.own_times import common_seconds, contradictions
from videosync.timeline.result import PlacedFile
from videosync.video.recorded import Recorded, recorded


def copied(source: Path, path: Path, tags: Mapping[str, str], late: float = 0.0) -> Path:
    """A copy with tags, whose pictures are ``late`` seconds behind its sound."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        new.metadata.update(tags)
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.dts is None or packet.pts is None:
                continue
            if packet.stream.type == "video":
                ticks = round(late / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
            packet.stream = streams[packet.stream.index]
            new.mux(packet)
    return path


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "ts"])
def test_pictures_that_begin_after_the_sound(tmp_path: Path, ending: str) -> None:
    write_sound_clip(tmp_path / "plain.mp4", 0, seconds=3.0)
    found = recorded(copied(tmp_path / "plain.mp4", tmp_path / f"late.{ending}", {}, late=2.0))
    assert found.late == pytest.approx(2.0, abs=0.15)  # the encoder of the sound begins a little earlier
    assert found.first_frame_seconds is not None


def test_timecode_and_creation_time_are_read(tmp_path: Path) -> None:
    write_sound_clip(tmp_path / "plain.mp4", 0, seconds=2.0)
    tags = {"timecode": "01:02:03:04", "creation_time": "2024-05-06T07:08:09.000000Z"}
    found = recorded(copied(tmp_path / "plain.mp4", tmp_path / "tagged.mov", tags))
    assert (found.timecode, found.creation_time) == (tags["timecode"], tags["creation_time"])
    assert found.created() == 1714979289
    assert recorded(tmp_path / "plain.mp4").timecode is None


@pytest.mark.parametrize(
    ("code", "fps", "seconds"),
    [
        ("01:00:00:00", 25.0, 3600.0),
        ("00:00:01:12", 25.0, 1.48),
        ("01:00:00:00", 30000 / 1001, 3603.6),
        ("01:00:00;00", 30000 / 1001, 3599.9964),
        ("00:01:00;02", 30000 / 1001, 1800 * 1001 / 30000),
        ("00:10:00;00", 60000 / 1001, 599.9994),
        ("noon", 25.0, None),
        ("00:00:01:00", None, None),
    ],
)
def test_timecodes_in_seconds(code: str, fps: float | None, seconds: float | None) -> None:
    found = Recorded(timecode=code).timecode_seconds(fps)
    assert found == (seconds if seconds is None else pytest.approx(seconds, abs=1e-6))


@pytest.mark.parametrize("text", ["", "yesterday", "1904-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"])
def test_a_clock_that_was_never_set_says_nothing(text: str) -> None:
    assert Recorded(creation_time=text).created() is None


@pytest.mark.parametrize(
    ("tags", "other", "said"),
    [
        ({"timecode": "00:00:05:00"}, {"timecode": "00:00:03:00"}, None),
        ({"timecode": "00:00:00:00"}, {"timecode": "23:59:58:00"}, None),
        ({"timecode": "00:00:08:00"}, {"timecode": "00:00:03:00"}, "timecodes of b.mp4 and a.mp4 say +5.00 s"),
        ({"timecode": "00:00:08:00"}, {}, None),
        ({"creation_time": "2024-05-06T07:00:03Z"}, {"creation_time": "2024-05-06T09:00:00+02:00"}, None),
        ({"creation_time": "2024-05-06T07:01:00Z"}, {"creation_time": "2024-05-06T07:00:00Z"}, "creation times of"),
    ],
)
def test_they_are_compared_with_the_answer(tags: dict[str, str], other: dict[str, str], said: str | None) -> None:
    first = PlacedFile("a.mp4", True, 25.0, 0.0, recorded=Recorded(**other))  # type: ignore[arg-type]
    second = PlacedFile("b.mp4", True, 25.0, 2.0, recorded=Recorded(**tags))  # type: ignore[arg-type]
    sentences = list(contradictions(second, first, {"a.mp4": "a.mp4", "b.mp4": "b.mp4"}))
    assert bool(sentences) is (said is not None)
    assert said is None or (said in sentences[0] and "says +2.00 s" in sentences[0] and "not used" in sentences[0])


@pytest.mark.parametrize(
    ("spans", "common"),
    [
        ([(0.0, 10.0), (2.0, 20.0)], (2.0, 10.0)),
        ([(0.0, 3.0), (2.0, 20.0), (4.0, 5.0)], None),
        ([(0.0, 3.0), (None, 20.0)], None),
        ([(0.0, 3.0)], None),
    ],
)
def test_what_all_placed_files_show(spans: list[tuple[float | None, float]], common: object) -> None:
    files = [PlacedFile(str(n), start is not None, 25.0, start) for n, (start, _) in enumerate(spans)]
    lasting = [
        PlacedFile(file.path, file.placed, 25.0, start, duration_seconds=0 if start is None else end - start)
        for file, (start, end) in zip(files, spans)
    ]
    assert common_seconds(tuple(lasting)) == common


def test_frames_to_cut_are_counted_by_their_times() -> None:
    times = np.array([0.0, 0.1, 0.11, 0.12, 0.5])
    frames = [
        PlacedFile("a.mp4", True, 10.0, 0.0, cut_seconds=cut, times=shown).cut_frames
        for cut in (0.13, 0.5, 2.0)
        for shown in (times, None)
    ]
    assert frames == [3, 1, 4, 5, 20, 20]


def test_the_json_has_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_sound_clip(tmp_path / f"{name}.mp4", 0, seconds=4.0)
    late = copied(tmp_path / "b.mp4", tmp_path / "late.mov", {"timecode": "01:00:00:00"}, late=2.0)
    timeline = videosync.sync([tmp_path / "a.mp4", late], cue="motion", audio="off")
    told = timeline.to_json()["files"][1]
    assert told["timecode"] == "01:00:00:00"
    assert told["first_frame_seconds"] - told["container_start_seconds"] == pytest.approx(2.0, abs=0.15)
    assert told["duration_seconds"] == pytest.approx(4.0, abs=1e-3)
    assert "and the file itself starts" in (told["note"] or "")
    assert "the file itself starts" not in (timeline.to_json()["files"][0]["note"] or "")
    both = conclude(of_two_events((2, 0)))
    assert both.complete
    assert both.to_json()["common_seconds"] == pytest.approx([0.0, 10.0], abs=0.05)
