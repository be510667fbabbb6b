"""From files with known starts through ``sync`` to each format, read again by something that did not write it."""

from __future__ import annotations

import csv
import random
from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import parse

import opentimelineio
import pytest

from dataset_preparation.synthetic.event import Settings, make_event
from videosync import sync
from videosync.edit.sequence import sequence_of
from videosync.video.read import iter_frames
from videosync.video.write import write_video

NAMES = ["cam 1.mp4", 'a&b "x".mp4', "100%$HOME.mp4", "käm-😀.mp4"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_starts_stay_those_of_the_files(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    rate = rng.choice([24, 25, Fraction(30000, 1001), 30])
    settings = Settings(frames=260, fps=float(rate), size=96, offset_range=50, views=3, seed=500 + seed)
    views = make_event(tmp_path / "made", "train", 0, settings)["views"]
    paths, starts = [], []
    for view, name in zip(views, rng.sample(NAMES, len(views))):
        dropped = rng.randint(0, 20)
        frames = [frame for n, frame in enumerate(iter_frames(tmp_path / "made" / view["video"])) if n >= dropped]
        write_video(tmp_path / name, frames, rate)
        paths.append(tmp_path / name)
        starts.append((view["start_frame"] + dropped) / rate)
    timeline = sync(paths, cue="motion")
    assert timeline.complete
    true = [float(start - min(starts)) for start in starts]
    off = 1.0 / float(rate)  # a frame by which the answer may be off, and half a frame of the timeline
    placed = [file.start_seconds or 0.0 for file in timeline.files]
    assert [start - min(placed) for start in placed] == pytest.approx(true, abs=off)
    off += 0.501 / float(sequence_of(timeline.to_json()).rate)

    for kind, name in (("otio", "cut.otio"), ("premiere", "cut.xml")):
        (path,) = timeline.write(kind, tmp_path / name)
        tracks = opentimelineio.adapters.read_from_file(str(path)).video_tracks()
        read = [next(iter(track.find_clips())).range_in_parent().start_time.to_seconds() for track in tracks]
        assert read == pytest.approx(true, abs=off)
    root = parse(timeline.write("fcpxml", tmp_path / "cut.fcpxml")[0]).getroot()
    read = [_seconds(clip.get("offset")) - 3600 for clip in root.findall(".//spine/gap/asset-clip")]
    assert read == pytest.approx(true, abs=off)
    root = parse(timeline.write("mlt", tmp_path / "cut.mlt")[0]).getroot()
    profile = root.find("profile")
    assert profile is not None
    frame = int(profile.get("frame_rate_den") or 1) / int(profile.get("frame_rate_num") or 1)
    blanks = [playlist.find("blank") for playlist in root.findall("playlist")]
    read = [0.0 if blank is None else frame * int(blank.get("length") or 0) for blank in blanks]
    assert read == pytest.approx(true, abs=off)
    with timeline.write("frames-csv", tmp_path / "f.csv")[0].open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["frame_index"] and int(row["frame_index"]) > 0]
    for number, path in enumerate(paths):
        own = [row for row in rows if row["camera"] == path.name]
        ticks = [int(row["sync_index"]) / timeline.to_json()["files"][number]["fps"] for row in own]
        frames = [int(row["frame_index"]) / float(rate) for row in own]
        away = [tick - at for tick, at in zip(ticks, frames)]  # ticks begin with the latest file
        assert away == pytest.approx([true[number] - max(true)] * len(own), abs=2 * off)
        assert all(abs(float(row["residual_ms"])) <= 501 / float(rate) for row in own)


def _seconds(text: str | None) -> float:
    return float(Fraction((text or "").removesuffix("s")))
