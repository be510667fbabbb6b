"""Labels against source frames: the right ones pass, wrong ones are measured, still scenes are "cannot tell"."""

import json
import random

import numpy as np
import pytest

from videosync.data.check.frame_match import match_clip
from videosync.data.check.label_check import check_labels, choose_clips, recorded_data_root, start_problems
from videosync.data.manifest import Sample, View, read_manifest, write_manifest
from videosync.data.sources import SourceOf
from videosync.errors import ManifestError, VideoError
from videosync.video.read import read_frames
from videosync.video.write import write_video

LENGTH, FIRST, CLIP = 300, 60, 100  # frames of a source; its first one that a clip holds; frames of the clip


def scene(seed, count=LENGTH, still=False):
    """uint8 [count, 96, 128, 3]: a disc on a restless path over a ground that differs from seed to seed."""
    rng = np.random.default_rng(seed)
    ground = np.kron(rng.integers(40, 200, (12, 16)), np.ones((8, 8)))
    steps = np.zeros((count, 2)) if still else rng.normal(0, 1.5, (count, 2))
    path = np.cumsum(np.cumsum(steps, axis=0) * 0.3, axis=0) + rng.normal(0, 0 if still else 0.5, (count, 2))
    y, x = np.mgrid[:96, :128]
    frames = []
    for dy, dx in path:
        centre = (48 + 30 * np.sin(dy / 20), 64 + 45 * np.sin(dx / 20))
        inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < 14**2
        frames.append(np.where(inside, 240, ground))
    return np.repeat(np.stack(frames).astype(np.uint8)[..., None], 3, axis=3)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Two moving sources and a still one, and a clip of each at half the size, beginning at frame 60."""
    root = tmp_path_factory.mktemp("archive")
    for name, frames in (("a", scene(1)), ("b", scene(2)), ("still", scene(3, still=True))):
        write_video(root / "raw" / f"{name}.mkv", frames, 30.0, gop=90)
        source = read_frames(root / "raw" / f"{name}.mkv", FIRST, FIRST + CLIP, size=(48, 64))
        write_video(root / "set" / "e" / f"{name}.mp4", source, 30.0, crf=20)
    views = [View(f"e/{name}.mp4", FIRST, CLIP, 30.0) for name in ("a", "b", "still")]
    write_manifest(root / "set", [Sample("e", "train", tuple(views))])
    return root


def source_of(clip, source, first, origin=0):
    return SourceOf(f"e/{clip}.mp4", f"{source}.mkv", first, origin)


def right_sources():
    return {f"e/{name}.mp4": source_of(name, name, FIRST) for name in ("a", "b", "still")}


def found(archive, clip, source, first):
    return match_clip(archive / "set" / "e" / f"{clip}.mp4", archive / "raw" / f"{source}.mkv", first)


@pytest.mark.parametrize("shift", [0, 1, -2, 8, -8, 9, 33, -60, 199])
def test_every_moving_frame_is_found_where_it_was_cut_and_a_wrong_label_is_measured(archive, shift):
    matches = found(archive, "a", "a", FIRST - shift)  # claims frames that lie ``shift`` before the true ones
    frames = [match.frame for match in matches]
    assert frames == sorted(set(frames))
    assert frames[0] < 30 < 70 < frames[-1]
    assert [match.found for match in matches] == [FIRST + frame for frame in frames]
    assert [match.shift for match in matches] == [shift] * 5
    assert not any(match.elsewhere for match in matches)


def test_a_still_scene_is_no_pass_and_no_error(archive):
    for first in (FIRST, FIRST + 5):
        matches = found(archive, "still", "still", first)
        assert [(match.found, match.elsewhere) for match in matches] == [(None, False)] * 5


def test_repeated_frames_cannot_be_told_apart(tmp_path):
    source = np.repeat(scene(1, 60), 3, axis=0)
    write_video(tmp_path / "raw.mkv", source, 30.0)
    write_video(tmp_path / "clip.mp4", source[30:120], 30.0)
    assert [m.found for m in match_clip(tmp_path / "clip.mp4", tmp_path / "raw.mkv", 30)] == [None] * 5


@pytest.mark.parametrize(("clip", "source"), [("a", "b"), ("a", "still"), ("still", "a")])
def test_another_scene_is_seen(archive, clip, source):
    matches = found(archive, clip, source, FIRST)
    assert all(match.elsewhere and match.found is None for match in matches)


def test_a_clip_that_is_wrong_at_its_end_alone(tmp_path):
    source = scene(1, 640)
    write_video(tmp_path / "raw.mkv", source, 30.0, gop=90)
    write_video(tmp_path / "clip.mp4", np.concatenate([source[:566], source[570:604]]), 30.0)
    matches = match_clip(tmp_path / "clip.mp4", tmp_path / "raw.mkv", 0)
    assert [match.shift for match in matches] == [0, 0, 0, 0, 4]


@pytest.mark.parametrize("fps", [29.8, 30.2])
def test_clocks_that_part_before_the_end_are_seen(archive, tmp_path, fps):
    """Every frame is where sources.jsonl says, but the second recording had another rate than its clip."""
    for name, rate in (("a", 30.0), ("b", fps)):
        frames = read_frames(archive / "raw" / f"{name}.mkv")
        write_video(tmp_path / f"{name}.mkv", frames, rate)
        write_video(tmp_path / "set" / f"{name}.mp4", frames, 30.0)
    views = tuple(View(f"{name}.mp4", 0, LENGTH, 30.0) for name in "ab")
    write_manifest(tmp_path / "set", [Sample("e", "train", views)])
    sources = {f"{name}.mp4": SourceOf(f"{name}.mp4", f"{name}.mkv", 0, 0) for name in "ab"}
    (sentence,) = check_labels(read_manifest(tmp_path / "set"), views, sources, tmp_path).problems
    assert sentence.startswith("sample 1 (e): by the times of their source frames, a and b are 2.0 frames off")
    assert "at the end of the clips" in sentence
    right = tuple(View(view.video, 0, LENGTH, rate) for view, rate in zip(views, (30.0, fps)))
    write_manifest(tmp_path / "set", [Sample("e", "train", right)])
    assert check_labels(read_manifest(tmp_path / "set"), right, sources, tmp_path).problems == []


def test_frames_that_the_source_does_not_have(archive):
    matches = found(archive, "still", "still", LENGTH - 50)
    assert [match.elsewhere for match in matches] == [match.claimed >= LENGTH for match in matches]
    assert any(match.elsewhere for match in matches)


def test_a_clip_of_few_frames(archive, tmp_path):
    frames = read_frames(archive / "raw" / "a.mkv", 100, 103, size=(48, 64))
    write_video(tmp_path / "short.mp4", frames, 30.0)
    matches = match_clip(tmp_path / "short.mp4", archive / "raw" / "a.mkv", 100)
    assert [match.shift for match in matches] == [0, 0, 0]


def test_each_wrong_label_is_one_sentence(archive):
    manifest = read_manifest(archive / "set")
    views = manifest.samples[0].views
    sources = right_sources()
    right = check_labels(manifest, views, sources, archive / "raw")
    assert (right.problems, right.absent, right.still) == ([], [], ["e/still.mp4"])
    assert (right.clips, right.frames, right.told) == (3, 15, 10)

    sources["e/b.mp4"] = source_of("b", "b", FIRST - 3)
    sources["e/still.mp4"] = source_of("still", "gone", FIRST)
    wrong = check_labels(manifest, views, sources, archive / "raw")
    (sentence,) = wrong.problems
    assert sentence.startswith("e/b.mp4: frame ")
    assert f"of {archive / 'raw' / 'b.mkv'}, sources.jsonl says" in sentence
    assert "the label is 3 frames off (5 of the 5 frames that can be told)" in sentence
    assert wrong.absent == [str(archive / "raw" / "gone.mkv")]

    sources["e/a.mp4"] = source_of("a", "b", FIRST)
    (sentence, _) = check_labels(manifest, views, sources, archive / "raw").problems
    assert "which does not show it, nor does a frame up to 200 before or after (and 4 more" in sentence

    sources["e/a.mp4"] = source_of("a", "a", LENGTH + 300)
    (sentence,) = check_labels(manifest, views[:1], sources, archive / "raw").problems
    assert "which has 300 frames" in sentence


def test_a_source_that_cannot_be_read_is_a_problem(archive, tmp_path):
    (tmp_path / "a.mkv").write_bytes(b"no video")
    manifest = read_manifest(archive / "set")
    sources = {"e/a.mp4": source_of("a", "a", FIRST)}
    result = check_labels(manifest, manifest.samples[0].views[:1], sources, tmp_path)
    assert len(result.problems) == 1
    assert "e/a.mp4: cannot be compared with its source" in result.problems[0]
    with pytest.raises(VideoError):
        match_clip(archive / "set" / "e" / "a.mp4", tmp_path / "absent.mkv", 0)


def test_starts_of_the_manifest_follow_from_where_clips_were_cut(archive):
    manifest = read_manifest(archive / "set")
    sources = right_sources()
    assert start_problems(manifest, sources) == []
    sources["e/b.mp4"] = source_of("b", "b", FIRST - 20, 20)  # a later origin makes up for the earlier cut
    assert start_problems(manifest, sources) == []
    sources["e/b.mp4"] = source_of("b", "b", FIRST, 7)
    del sources["e/still.mp4"]
    missing, apart = start_problems(manifest, sources)
    assert missing == "sample 1 (e): sources.jsonl does not say where e/still.mp4 was cut from"
    assert "a and b start 0 frames apart, sources.jsonl says -7" in apart


def test_clips_of_many_events_are_chosen_and_pairs_come_first():
    def sample(number, event, views):
        paths = (f"{number}/{event}/{i}.mp4" for i in range(views))
        return Sample(event, "train", tuple(View(path, 0, 9, 25.0) for path in paths))

    samples = [sample(n, f"single{n}", 1) for n in range(5)]
    samples += [sample(5 + n, f"e{n // 3}", 4) for n in range(9)]
    chosen = [view.video.split("/", 1)[1] for view in choose_clips(samples, 3, random.Random(0))]
    assert sorted({video.split("/")[0] for video in chosen}) == ["e0", "e1", "e2"]
    assert len(chosen) == 6
    assert len(choose_clips(samples, 100, random.Random(0))) == 5 + 2 * 9
    parts = [Sample("e", "train", (View(f"{n}.mp4", 9 * n, 9, 25.0),)) for n in (3, 0, 7, 1, 5)]
    end_and_start = [view.video for view in choose_clips(parts, 2, random.Random(1))]
    assert end_and_start == ["7.mp4", "0.mp4"]


def test_the_recorded_folder_of_the_archive(tmp_path):
    assert recorded_data_root(tmp_path) is None
    (tmp_path / "report.json").write_text(json.dumps({"data_root": "/videos"}))
    assert str(recorded_data_root(tmp_path)) == "/videos"
    (tmp_path / "report.json").write_text("{")
    with pytest.raises(ManifestError, match="not valid JSON"):
        recorded_data_root(tmp_path)
