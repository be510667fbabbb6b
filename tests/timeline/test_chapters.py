"""Chapters of one camera are one recording; takes that are only named alike are not."""

from __future__ import annotations

import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av import VideoFrame
from av.video.stream import VideoStream

from videosync.audio.listen import sync_sound
from videosync.cli.sync_report import describe
from videosync.edit.cuts import plan_cuts
from videosync.edit.frames import frame_table
from videosync.errors import VideoError
from videosync.timeline import chapters as module
from videosync.timeline.chapters import Chapter, find_chapters
from videosync.timeline.clips import ClipInfo, FileWarning, inspect
from videosync.timeline.joined import joined_sound
from videosync.timeline.sounds import hear
from videosync.timeline.sync import sync
from videosync.video.read import read_frames_at
from videosync.video.recorded import UNKNOWN
from videosync.video.write import write_video

FRAMES = 90  # 3 s
MADE = "2024-05-01T10:00:{:02d}Z"


def film(path: Path, *, size: int = 32, first: int = 0, made: int | None = None, code: str | None = None) -> Path:
    """Three seconds at 30 frames/s, of which the first has the number ``first`` by its time stamp."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {"format": "mpegts"} if path.suffix == ".MTS" else {}
    with av.open(str(path), "w", **kind) as output:
        video = output.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        assert isinstance(video, VideoStream)
        video.width = video.height = size
        video.pix_fmt, video.codec_context.time_base = "yuv420p", Fraction(1, 90000)
        if made is not None:
            output.metadata["creation_time"] = MADE.format(made)
        if code is not None:
            video.metadata["timecode"] = code
        for number in range(FRAMES):
            frame = VideoFrame.from_ndarray(np.full((size, size, 3), number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = 3000 * (first + number), Fraction(1, 90000)
            output.mux(video.encode(frame))
        output.mux(video.encode())
    return path


def found(paths: list[Path]) -> tuple[list[list[str]], str]:
    """Names of joined files, and what is said."""
    groups, notes = find_chapters([str(path) for path in paths], {n: inspect(path) for n, path in enumerate(paths)})
    return [[Path(chapter.path).name for chapter in group] for group in groups], "; ".join(notes)


TOGETHER = [
    (("GX030034.MP4", {}), ("GX010034.MP4", {}), ("GX020034.MP4", {})),
    (("GP010034.MP4", {}), ("GOPR0034.MP4", {})),
    (("GH010034.MP4", {"made": 0}), ("GH020034.MP4", {"made": 0})),
    (("GH010034.MP4", {"made": 0}), ("GH020034.MP4", {"made": 4})),
    (("GH010034.MP4", {"code": "10:00:00:00"}), ("GH020034.MP4", {"code": "10:00:03:00"})),
    (("00001.MTS", {"first": 30}), ("00002.MTS", {"first": 30 + FRAMES})),
]
APART = [
    ((("GX010034.MP4", {}), ("GX030034.MP4", {})), ""),  # one is missing
    ((("GX010034.MP4", {}), ("GX020035.MP4", {})), ""),
    ((("a/GX010034.MP4", {}), ("b/GX020034.MP4", {})), ""),
    ((("GX010034.MP4", {}), ("GX020034.MP4", {"size": 64})), "but their formats differ: they are taken for two"),
    ((("GX010034.MP4", {"made": 0}), ("GX020034.MP4", {"made": 30})), "but their creation times say that"),
    (
        (("GX010034.MP4", {"code": "10:00:00:00"}), ("GX020034.MP4", {"code": "10:00:03:10"})),
        "but their timecodes say that",
    ),
    ((("MVI_0001.MP4", {"made": 0}), ("MVI_0002.MP4", {"made": 3})), ""),  # the first is not full: it was stopped
    ((("00001.MTS", {}), ("00002.MTS", {})), ""),  # each begins at the same time of its own
    ((("cam1.mp4", {}), ("cam2.mp4", {})), ""),
]


@pytest.mark.parametrize("files", TOGETHER)
def test_files_that_go_on_where_one_ends_are_chapters(files: tuple[tuple[str, Any], ...], tmp_path: Path) -> None:
    paths = [film(tmp_path / name, **options) for name, options in files]
    groups, said = found(paths)
    assert [set(group) for group in groups] == [{path.name for path in paths}]
    assert all(path.name in said for path in paths)
    assert "--chapters off" in said
    assert [group[0] for group in groups] == [min(path.name for path in paths if "P01" not in path.name)]


@pytest.mark.parametrize(("files", "sentence"), APART)
def test_names_alone_are_not_enough(files: tuple[tuple[str, Any], ...], sentence: str, tmp_path: Path) -> None:
    groups, said = found([film(tmp_path / name, **options) for name, options in files])
    assert groups == []
    assert sentence in said
    assert bool(said) == bool(sentence)


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        ({"made": 0}, {"made": 3}, True),
        ({"made": 0}, {"made": 9}, False),
        ({}, {}, False),
        ({"code": "00:00:00:00"}, {"code": "00:00:03:00"}, True),
        # timecode that runs while the camera records goes on in the next take too
        ({"code": "00:00:00:00", "made": 0}, {"code": "00:00:03:00", "made": 30}, False),
    ],
)
def test_a_full_file_has_to_go_on_in_the_next(
    one: Any, other: Any, joined: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FULL", ((0, 1e9),))
    groups, _ = found([film(tmp_path / "MVI_0001.MP4", **one), film(tmp_path / "MVI_0002.MP4", **other)])
    assert bool(groups) == joined


def test_a_file_that_is_cut_off_does_not_tell_where_the_next_begins(tmp_path: Path) -> None:
    paths = [film(tmp_path / "GX010034.MP4"), film(tmp_path / "GX020034.MP4")]
    infos = {n: inspect(path) for n, path in enumerate(paths)}
    infos[0] = replace(infos[0], warnings=(FileWarning("cut_off", "it is cut off"),))
    groups, (note,) = find_chapters([str(path) for path in paths], infos)
    assert not groups
    assert "how long GX010034.MP4 lasted is not known" in note


def split(source: Path, names: list[str], folder: Path, *stops: int) -> list[Path]:
    """A video in parts."""
    edges = [0, *stops, 180]
    paths = [folder / name for name in names]
    for path, first, stop in zip(paths, edges, edges[1:]):
        write_video(path, read_frames_at(source, np.arange(first, stop)), 30.0, crf=8, preset="ultrafast")
    return paths


def test_each_chapter_starts_where_the_one_before_ends(event: tuple[list[Path], list[int]], tmp_path: Path) -> None:
    films, starts = event
    parts = split(films[0], ["GX010034.MP4", "GX020034.MP4", "GX030034.MP4"], tmp_path, 61, 140)
    given = [parts[1], films[1], parts[0], parts[2]]
    whole, answer = (sync(files, cue="motion", reference=films[1]) for files in (films[:2], given))
    placed = {Path(file.path).name: file for file in answer.files}
    assert [Path(file.path) for file in answer.files] == given
    assert all(file.placed for file in answer.files)
    first = placed["GX010034.MP4"].start_seconds
    assert first == pytest.approx(whole.files[0].start_seconds, abs=0.02)
    assert first == pytest.approx((starts[0] - starts[1]) / 30, abs=0.05)
    for name, frames in (("GX020034.MP4", 61), ("GX030034.MP4", 140)):
        assert placed[name].start_seconds == pytest.approx(first + frames / 30, abs=1e-6)
    assert len(answer.pairs) == 1
    (sentence,) = answer.sentences()
    assert sentence.startswith("GX010034.MP4 started")
    (begins,) = (line for line in describe(answer) if "begins last" in line)
    assert not begins.startswith(("GX020034", "GX030034"))
    said = answer.to_json()
    assert said["files"][0]["chapter"] == {
        "recording": str(parts[0]), "number": 2, "of": 3, "begin_seconds": pytest.approx(61 / 30, abs=1e-6)
    }  # fmt: skip
    assert said["files"][1]["chapter"] is None
    expected = [whole.to_json()["common_seconds"], said["common_seconds"]]
    assert expected[0] == pytest.approx(expected[1], abs=0.02)
    cuts = {Path(cut.path).name: len(cut.numbers) for cut in plan_cuts(said, tmp_path / "cut")}
    joined = sum(count for name, count in cuts.items() if name.startswith("GX"))
    assert joined == pytest.approx(cuts[films[1].name], abs=1)
    table = frame_table(said)
    assert table.frames[:, 0].max() > 140
    assert np.abs(table.residuals).max() <= 0.5 / 30 + 1e-6


def test_what_is_asked_of_a_later_chapter_is_refused(event: tuple[list[Path], list[int]], tmp_path: Path) -> None:
    parts = split(event[0][0], ["GX010034.MP4", "GX020034.MP4"], tmp_path, 90)
    with pytest.raises(VideoError, match="are chapters of one recording.*name files of another camera"):
        sync(parts)
    with pytest.raises(VideoError, match=r"is chapter 2 of the recording that begins with .*GX010034.MP4; name that"):
        sync([*parts, event[0][1]], cue="motion", reference=parts[1])


def test_the_sound_of_chapters_is_that_of_the_whole(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(0, 3000, 64_000).astype("<i2")

    def sounding(name: str, some: np.ndarray) -> str:
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(some.tobytes())
        return str(tmp_path / name)

    whole = sync_sound(sounding("whole.wav", samples))
    info = ClipInfo("", np.zeros(1), 30.0)
    (tmp_path / "no.wav").write_bytes(b"nothing")
    parts = [
        Chapter(sounding("1.wav", samples[:20_000]), 0.0, info, UNKNOWN),
        Chapter(str(tmp_path / "no.wav"), 20_000 / 16_000, info, UNKNOWN),
        Chapter(sounding("3.wav", samples[40_000:]), 40_000 / 16_000, info, UNKNOWN),
    ]
    sound = joined_sound(parts)
    heard = hear([parts[0].path, sounding("late.wav", samples[8_000:])], frozenset([0, 1]), {}, chapters={0: parts})
    assert heard.matches[0, 1].seconds == pytest.approx(-0.5, abs=0.001)
    assert heard.spans[0] == (0, 4)
    kept = np.r_[0:20_000, 40_000:64_000]
    np.testing.assert_allclose(
        sound.samples[kept], whole.samples[kept], atol=1e-3
    )  # of each file its mean is taken off
    assert not sound.samples[20_100:39_900].any()
    assert "the sound of a chapter cannot be read" in sound.notes[0]
