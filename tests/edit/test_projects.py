"""Each project is read again by something that did not write it: starts are those of the answer."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse
from xml.etree.ElementTree import parse

import numpy as np
import opentimelineio
import pytest

from videosync.edit.addresses import located, url
from videosync.edit.fcpxml import VERSIONS
from videosync.edit.sequence import STANDARD, sequence_of
from videosync.edit.writers import LISTS, PROJECTS, write_project
from videosync.errors import ConfigError, VideoError, VideoWriteError
from videosync.video.sound_track import Sound
from videosync.video.write import write_video

NAMES = ["cam 1.mp4", 'a&b <"x">.mp4', "100%$HOME.mp4", "käm-😀.mp4", "it's.mp4", "C:\\clips\\d.mp4", "\udcff.mp4"]


def answer(rng: random.Random, folder: Path, *, fastest: float = 240) -> dict[str, Any]:
    """Two to five files that are nowhere, at any rates and starts, in any order."""
    rates = [float(rate) for rate in STANDARD if rate <= fastest]
    files = []
    for name in rng.sample(NAMES, rng.randint(2, 5)):
        fps = rng.choice(rates)
        files.append(
            {
                "path": name if ":" in name else str(folder / name), "placed": True, "fps": fps, "confidence": 0.99,
                "start_seconds": rng.uniform(-100, 100), "duration_seconds": rng.randint(20, 4000) / fps,
                "timecode": rng.choice([None, "01:02:03:04"]),
            }
        )  # fmt: skip
    return {"schema": 2, "files": files}


def starts_of(written: Mapping[str, Any]) -> list[float]:
    """Seconds after the earliest file."""
    starts = [file["start_seconds"] for file in written["files"]]
    return [start - min(starts) for start in starts]


@pytest.mark.parametrize(
    ("path", "full", "address"),
    [
        ("D:\\a & b\\c#1.mp4", "D:/a & b/c#1.mp4", "file:///D%3A/a%20%26%20b/c%231.mp4"),
        ("\\\\nas\\media\\c%.mp4", "//nas/media/c%.mp4", "file://nas/media/c%25.mp4"),
        ("/x/c:d.mp4", "/x/c:d.mp4", "file:///x/c%3Ad.mp4"),
    ],
)
def test_addresses_of_files_elsewhere(path: str, full: str, address: str) -> None:
    assert located(path, Path("/x"), "absolute") == full
    assert url(path, Path("/x"), "absolute") == address
    near = path.startswith("/")
    assert url(path, Path("/x"), "relative") == ("c%3Ad.mp4" if near else address)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["otio", "premiere"])
def test_opentimelineio_reads_the_same_starts(tmp_path: Path, kind: str, seed: int) -> None:
    given = answer(random.Random(seed), tmp_path)
    path = tmp_path / ("project.otio" if kind == "otio" else "project.xml")
    write_project(given, kind, path)
    timeline = opentimelineio.adapters.read_from_file(str(path))
    rate = float(sequence_of(given).rate)
    tracks = list(timeline.video_tracks())
    assert len(tracks) == len(given["files"])
    for track, start, file in zip(tracks, starts_of(given), given["files"]):
        (clip,) = track.find_clips()
        assert clip.range_in_parent().start_time.to_seconds() == pytest.approx(start, abs=0.501 / rate)
        begins = clip.source_range.start_time.to_seconds()
        assert begins == pytest.approx(clip.media_reference.available_range.start_time.to_seconds(), abs=1e-6)
        assert (begins > 3600) == (file["timecode"] is not None)
        address = unquote(urlparse(clip.media_reference.target_url).path, errors="surrogateescape")
        assert address.endswith(file["path"].replace("\\", "/"))


@pytest.mark.parametrize("seed", range(8))
def test_final_cut_xml_has_the_starts_in_both_versions(tmp_path: Path, seed: int) -> None:
    given = answer(random.Random(seed), tmp_path)
    write_project(given, "fcpxml", path := tmp_path / "project.fcpxml")
    root = parse(path).getroot()

    def seconds(text: str) -> Fraction:
        assert re.fullmatch(r"\d+(/\d+)?s", text)
        return Fraction(text[:-1])

    rate = sequence_of(given).rate
    angles = [angle.findall("asset-clip") for angle in root.iter("mc-angle")]
    stacked = [clip for gap in root.findall(".//spine/gap") for clip in gap.findall("asset-clip")]
    for start, [of_angle], of_stack in zip(starts_of(given), angles, stacked, strict=True):
        for clip, offset in ((of_angle, Fraction(0)), (of_stack, Fraction(3600))):
            at = seconds(clip.get("offset") or "") - offset
            assert float(at) == pytest.approx(start, abs=0.501 / float(rate))
            assert (at * rate).denominator == 1  # a whole frame
            asset = root.find(f".//asset[@id='{clip.get('ref')}']")
            assert asset is not None
            begin, end = seconds(clip.get("start") or ""), seconds(clip.get("duration") or "")
            assert begin == seconds(asset.get("start") or "")
            assert end <= seconds(asset.get("duration") or "") + Fraction(1, 50) / rate
    assert [clip.get("lane") for clip in stacked] == [str(n) for n in range(1, len(stacked) + 1)]
    assert {source.get("angleID") for source in root.iter("mc-source")} == {
        a.get("angleID") for a in root.iter("mc-angle")
    }


@pytest.mark.skipif(shutil.which("xmllint") is None, reason="there is no xmllint")
def test_final_cut_xml_keeps_to_its_document_type(filmed: dict[str, Any], tmp_path: Path) -> None:
    grammar = Path(__file__).with_name("fcpxml_subset.dtd")
    paths = [tmp_path / f"{seed}.fcpxml" for seed in range(4)]
    for seed, (path, version) in enumerate(zip(paths, VERSIONS)):
        write_project(answer(random.Random(seed), tmp_path) if seed else filmed, "fcpxml", path, version=version)
    subprocess.run(["xmllint", "--noout", "--dtdvalid", grammar, *paths], check=True)


@pytest.mark.parametrize("seed", range(4))
def test_blanks_of_mlt_are_the_starts(tmp_path: Path, seed: int) -> None:
    given = answer(random.Random(seed), tmp_path)
    write_project(given, "mlt", path := tmp_path / "project.mlt", paths="relative")
    root = parse(path).getroot()
    profile = root.find("profile")
    assert profile is not None
    rate = int(profile.get("frame_rate_num") or 0) / int(profile.get("frame_rate_den") or 1)
    for start, playlist in zip(starts_of(given), root.findall("playlist"), strict=True):
        blank = playlist.find("blank")
        frames = 0 if blank is None else int(blank.get("length") or 0)
        assert frames / rate == pytest.approx(start, abs=0.501 / rate)


@pytest.mark.parametrize("seed", range(4))
def test_edit_lists_begin_where_the_answer_says(tmp_path: Path, seed: int) -> None:
    given = answer(random.Random(seed), tmp_path, fastest=60)
    written = write_project(given, LISTS, tmp_path / "lists")
    rate = float(sequence_of(given).rate)
    for start, path in zip(starts_of(given), written, strict=True):
        timeline = opentimelineio.adapters.read_from_file(str(path), adapter_name="cmx_3600", rate=round(rate))
        for track in timeline.tracks:
            *_, clip = track.find_clips()  # after black
            begin = clip.range_in_parent().start_time
            assert begin.value / rate == pytest.approx(start, abs=0.501 / rate)


def test_edit_lists_count_no_more_than_60_frames(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="counts to 60 frames/s"):
        write_project(answer(random.Random(0), tmp_path), LISTS, tmp_path / "lists", rate=120)
    assert not (tmp_path / "lists").exists()


@pytest.fixture
def filmed(tmp_path: Path) -> dict[str, Any]:
    """An answer about two files that are there: one with stereo sound, one with none."""
    write_video(
        tmp_path / "a.mp4", [np.zeros((48, 64, 3), np.uint8)] * 30, 30, sound=Sound(np.zeros((48000, 2)), 48000)
    )
    write_video(tmp_path / "b.mp4", [np.zeros((96, 128, 3), np.uint8)] * 25, 25)
    common = {"placed": True, "confidence": 0.99, "duration_seconds": 1.0, "timecode": None}
    files = [
        {"path": str(tmp_path / "a.mp4"), "fps": 30.0, "start_seconds": 0.0, **common},
        {"path": str(tmp_path / "b.mp4"), "fps": 25.0, "start_seconds": 0.21, **common},
        {"path": "lost.mp4", "placed": False},
    ]
    return {"schema": 2, "files": files}


def test_pictures_and_sound_of_a_file_are_linked_and_described_once(filmed: dict[str, Any], tmp_path: Path) -> None:
    write_project(filmed, "premiere", path := tmp_path / "project.xml", paths="relative")
    root = parse(path).getroot()
    clips = {clip.get("id"): clip for clip in root.iter("clipitem")}
    assert len(root.findall(".//video/track")) == 2
    assert len(root.findall(".//audio/track")) == 2  # the channels of one file
    for clip in clips.values():
        linked = [clips[link.findtext("linkclipref")] for link in clip.findall("link")]
        files = {(file.get("id") if (file := other.find("file")) is not None else "") for other in linked}
        assert len(files) == 1
    assert [len(clip.findall("link")) for clip in clips.values()] == [3, 1, 3, 3]
    assert [element.text for element in root.iter("pathurl")] == ["a.mp4", "b.mp4"]
    assert sequence_of(filmed).size == (128, 96)


def test_nothing_is_overwritten_unless_asked(filmed: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "there.otio"
    path.write_text("mine")
    with pytest.raises(VideoWriteError, match="there already"):
        write_project(filmed, "otio", path)
    assert path.read_text() == "mine"
    write_project(filmed, "otio", path, force=True)
    assert json.loads(path.read_text())["OTIO_SCHEMA"] == "Timeline.1"


@pytest.mark.parametrize("kind", PROJECTS)
def test_one_file_is_no_timeline(filmed: dict[str, Any], tmp_path: Path, kind: str) -> None:
    filmed["files"][0]["placed"] = False
    with pytest.raises(VideoError, match="fewer than two files are placed"):
        write_project(filmed, kind, tmp_path / "none")


@pytest.mark.parametrize("wrong", [{}, {"schema": 1, "files": []}, {"schema": 2, "files": [{"placed": True}]}])
def test_what_is_no_answer_is_told_so(wrong: dict[str, Any]) -> None:
    with pytest.raises(VideoError, match="run videosync sync again|no answer of videosync sync"):
        sequence_of(wrong)


def test_the_rate_is_the_most_frequent_one() -> None:
    def rate(*rates: float) -> float:
        common = {"placed": True, "confidence": 1.0, "start_seconds": 0.0, "duration_seconds": 9.0, "timecode": None}
        return float(sequence_of({"schema": 2, "files": [{"path": "x", "fps": r, **common} for r in rates]}).rate)

    assert rate(25, 25, 60) == 25
    assert rate(25, 60) == 60
    assert rate(29.97, 29.9701, 30) == pytest.approx(30000 / 1001)
    assert rate(31.3, 31.4) == 30  # varies


@pytest.mark.parametrize(("ppm", "said"), [(1000.0, "+0.060 s at its end"), (-100.0, None)])
def test_a_clip_that_drifts_is_noted_not_stretched(tmp_path: Path, ppm: float, said: str | None) -> None:
    given = answer(random.Random(0), tmp_path)
    for file in given["files"]:
        file |= {"fps": 30.0, "duration_seconds": 60.0}
    given["files"][0]["drift_ppm"] = ppm
    first, *others = sequence_of(given).sources
    assert first.duration == 60
    assert said in first.note if said else "drifts" not in first.note
    assert not any("drifts" in source.note for source in others)
