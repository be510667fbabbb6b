"""The manifest: what is written is read back, and what is wrong is said with file, line and key."""

import json
from dataclasses import replace

import numpy as np
import pytest

from videosync.data.frame_labels import save_labels
from videosync.data.manifest import (
    MANIFEST_NAME,
    Manifest,
    Sample,
    View,
    read_manifest,
    require_usable,
    validate_manifest,
    write_manifest,
)
from videosync.errors import ManifestError
from videosync.video.write import write_video


def view(video="a/cam0.mp4", start=0, frames=100, fps=30.0):
    return View(video=video, start_frame=start, num_frames=frames, fps=fps)


def sample(event="a", split="train", starts=(0, 4), frames=100):
    views = tuple(view(f"{event}/cam{i}.mp4", start, frames) for i, start in enumerate(starts))
    return Sample(event=event, split=split, views=views)


def touch_videos(root, samples):
    for s in samples:
        for v in s.views:
            (root / v.video).parent.mkdir(parents=True, exist_ok=True)
            (root / v.video).touch()


def problems_of(tmp_path, *samples, **options):
    touch_videos(tmp_path, samples)
    return validate_manifest(Manifest(tmp_path, samples), **options)


def test_round_trip_keeps_everything_and_writes_the_same_bytes(tmp_path):
    samples = (sample("a"), sample("küche", split="val", starts=(7,)), sample("c", starts=(0, 1, 2)))
    write_manifest(tmp_path / "x", samples)
    write_manifest(tmp_path / "y", list(samples))
    manifest = read_manifest(tmp_path / "x")
    assert manifest.samples == samples
    assert manifest.splits == ("train", "val")
    assert manifest.of_split("val") == (samples[1],)
    assert (tmp_path / "x" / MANIFEST_NAME).read_bytes() == (tmp_path / "y" / MANIFEST_NAME).read_bytes()


def test_labels_are_keys_that_only_lines_and_views_with_labels_have(tmp_path):
    samples = (sample("a"), Sample("b", "train", (replace(view("b/cam0.mp4"), frame_labels="b/cam0.json"),), "Rain"))
    write_manifest(tmp_path, samples)
    first, second = (tmp_path / MANIFEST_NAME).read_text().splitlines()
    assert first == (
        '{"event": "a", "split": "train", "views": [{"video": "a/cam0.mp4", "start_frame": 0, "num_frames": 100, '
        '"fps": 30.0}, {"video": "a/cam1.mp4", "start_frame": 4, "num_frames": 100, "fps": 30.0}]}'
    )
    assert json.loads(second)["views"][0]["frame_labels"] == "b/cam0.json"
    assert json.loads(second)["label"] == "Rain"
    assert read_manifest(tmp_path).samples == samples


def test_a_failed_write_leaves_the_old_manifest(tmp_path):
    write_manifest(tmp_path, [sample("a")])
    before = (tmp_path / MANIFEST_NAME).read_bytes()
    with pytest.raises(ManifestError, match="num_frames"):
        write_manifest(tmp_path, [sample("b"), sample("c", frames=0)])
    with pytest.raises(ManifestError, match="at least one sample"):
        write_manifest(tmp_path, [])
    assert (tmp_path / MANIFEST_NAME).read_bytes() == before


def good_line():
    return {"event": "a", "split": "train", "views": [{"video": "a.mp4", "start_frame": 0, "num_frames": 5, "fps": 25}]}


def changed(path, value):
    record = good_line()
    target = record
    for key in path[:-1]:
        target = target[key]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return json.dumps(record)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("{not json", ["not valid JSON", "column 2"]),
        ("[1, 2]", ["must be an object", "'event'"]),
        (changed(["evnt"], "b"), ["unknown key 'evnt'", "Did you mean 'event'?"]),
        (changed(["views", 0, "frame_label"], 1), ["'views[0].frame_label'", "Did you mean 'frame_labels'?"]),
        (changed(["views", 0, "frame_labels"], 7), ["'views[0].frame_labels' is 7", "must be a path"]),
        (changed(["split"], None), ["'split' is missing"]),
        (changed(["label"], 3), ["'label' is 3", "the name of a class"]),
        (changed(["views", 0, "fps"], None), ["'views[0].fps' is missing"]),
        (changed(["event"], ""), ["'event' is ''", "a name"]),
        (changed(["event"], "a\x1b[31m"), ["'event' is 'a\\x1b[31m'", "control characters"]),
        (changed(["views"], []), ["'views' is []", "one view or more"]),
        (changed(["views"], [{}] * 1001), ["'views' is [{}", "one view or more, up to 1000"]),
        (changed(["event"], "e" * 1001), ["'event' is 'eee", "at most 1000 letters"]),
        (" " * 2**24 + "{}", ["a line of 17 MB"]),
        (changed(["views", 0], "cam0.mp4"), ["views[0] must be an object"]),
        (changed(["views", 0, "start_frame"], 1.5), ["'views[0].start_frame' is 1.5", "whole number"]),
        (changed(["views", 0, "num_frames"], True), ["'views[0].num_frames' is True", "whole number"]),
        (changed(["views", 0, "num_frames"], 0), ["'views[0].num_frames' is 0", "1 or more"]),
        (changed(["views", 0, "num_frames"], 10**400), ["'views[0].num_frames' is 1000", "whole number"]),
        *((changed(["views", 0, "fps"], fps), [f"'views[0].fps' is {fps!r}"[:25], "above 0"])
          for fps in ("30", float("nan"), -25, 10**400)),
        *((changed(["views", 0, "video"], f"a{character}.mp4"), ["without control characters"])
          for character in ("\0", "\ud800", "\x1b[31m")),
        (changed(["views", 0, "video"], "a" * 300), ["names of at most 255 bytes"]),
        ('{"event": ' + "[" * 100_000, ["nested too deeply"]),
        ('{"event": ' + "9" * 5000 + "}", ["thousands of digits"]),
    ],
)  # fmt: skip
def test_a_malformed_line_is_named(tmp_path, line, parts):
    path = tmp_path / MANIFEST_NAME
    path.write_text(json.dumps(good_line()) + "\n\n" + line + "\n")
    with pytest.raises(ManifestError) as error:
        read_manifest(tmp_path)
    assert str(error.value).startswith(f"{path}:3: ")
    for part in parts:
        assert part in str(error.value)


def test_another_encoding_is_named(tmp_path):
    path = tmp_path / MANIFEST_NAME
    path.write_text(json.dumps({**good_line(), "event": "é"}, ensure_ascii=False) + "\n", encoding="cp1252")
    with pytest.raises(ManifestError, match=r"manifest.jsonl: not UTF-8.*save it as UTF-8"):
        read_manifest(tmp_path)


def test_missing_folder_file_split(tmp_path):
    (tmp_path / "dataset").mkdir()
    with pytest.raises(ManifestError, match="does not exist. Did you mean 'dataset'"):
        read_manifest(tmp_path / "datasets")
    with pytest.raises(ManifestError, match=r"does not exist \(nor does .*nowhere\)\. Expected a folder"):
        read_manifest(tmp_path / "nowhere" / "dataset")
    with pytest.raises(ManifestError, match=r"has no manifest.jsonl"):
        read_manifest(tmp_path / "dataset")
    (tmp_path / "dataset" / MANIFEST_NAME).write_text("\n")
    with pytest.raises(ManifestError, match="is empty"):
        read_manifest(tmp_path / "dataset")
    with pytest.raises(ManifestError, match="no sample has split 'vall'.*Did you mean 'val'"):
        Manifest(tmp_path, (sample(split="val"),)).of_split("vall")


def segment(event, number, split="train"):
    return Sample(event, split, (view(f"{event}/cam0_{number}.mp4"), view(f"{event}/cam1_{number}.mp4")))


def of_views(event, split, *views):
    return Sample(event, split, views)


A = sample("a", starts=(0, 0))


@pytest.mark.parametrize(
    ("samples", "options", "said"),
    [
        # segments of one event are fine in one split only
        ([sample("a"), sample("b", "val"), sample("c", starts=(3,))], {}, None),
        ([segment("a", 0), segment("a", 1)], {}, None),
        ([segment("a", 0), segment("a", 1, "val")], {}, "event 'a' is in splits 'train' and 'val'"),
        # a file in two splits or events is a leak
        ([A, of_views("b", "val", view("./a/cam0.mp4"), view("b/cam1.mp4"))], {},
         "a/cam0.mp4: its frames are in splits 'train' and 'val'"),
        ([A, of_views("b", "train", view("./a/cam0.mp4"), view("b/cam1.mp4"))], {},
         "a/cam0.mp4: belongs to events 'a' and 'b'"),
        # lines that contradict or repeat each other
        ([sample("a"), sample("b"), sample("a")], {}, "sample 3 (a): has the same videos as sample 1"),
        ([of_views("a", "train", view(start=0), view("a/cam1.mp4")), of_views("a", "train", view(start=5))], {},
         "a/cam0.mp4: listed with different start_frame, num_frames, fps or frame_labels"),
        ([of_views("a", "train", view(), view("b.mp4")),
          of_views("a", "train", replace(view(), frame_labels="a.json"))], {}, "fps or frame_labels"),
        # views of a sample that do not go together
        ([sample("a", starts=(0, 99))], {}, None),
        ([sample("a", starts=(0, 100))], {}, "cam0 and cam1 have no moment in common (frames 0–99 and 100–199)"),
        ([sample("a", starts=(-1, 0))], {}, "start_frame -1"),
        ([of_views("m", "train", view("l.mp4", fps=25.0), view("r.mp4"))], {}, "l has 25 frames/s and r 30"),
        ([of_views("t", "train", view(), view())], {}, "a/cam0.mp4 is listed twice"),
        ([sample("a", starts=(0, 31, 30))], {"max_offset": 30}, "cam0 and cam1 start -31 frames apart, outside"),
    ],
)  # fmt: skip
def test_problems_are_one_sentence_each(tmp_path, samples, options, said):
    problems = problems_of(tmp_path, *samples, **options)
    if said is None:
        assert problems == []
    else:
        (problem,) = problems
        assert said in problem


def test_frame_labels_are_looked_at_when_the_check_is_deep(tmp_path):
    write_video(tmp_path / "a.mp4", np.zeros((4, 16, 16, 3), np.uint8), 25)
    labelled = View("a.mp4", 0, 4, 25.0, "a.json")
    manifest = Manifest(tmp_path, (Sample("a", "train", (labelled,)),))
    (problem,) = validate_manifest(manifest, deep=True)
    assert "a.json: frame labels cannot be read" in problem
    save_labels(tmp_path / "a.json", [0, 0, 1])
    (problem,) = validate_manifest(manifest, deep=True)
    assert "has 3 labels, but a.mp4 has 4 frames" in problem
    save_labels(tmp_path / "a.json", [0, 0, 1, 2])
    assert validate_manifest(manifest, deep=True) == []


def test_missing_files_are_listed_once(tmp_path):
    problems = validate_manifest(Manifest(tmp_path, (segment("a", 0),)))
    assert len(problems) == 2
    assert all("is missing" in p for p in problems)


def test_a_leak_between_splits_is_refused_in_every_split(tmp_path):
    events = [sample("a"), sample("b", split="val"), sample("a", split="val", starts=(7, 8))]
    files = [sample("a"), of_views("b", "val", view("a/../a/cam0.mp4"), view("b/cam1.mp4"))]
    touch_videos(tmp_path, [*events, *files])
    for split in ("train", "val"):
        with pytest.raises(ManifestError, match=r"manifest.jsonl: event 'a' is in splits .*check"):
            require_usable(Manifest(tmp_path, tuple(events)), split)
        with pytest.raises(ManifestError, match=r"cam0.mp4: its frames are in splits"):
            require_usable(Manifest(tmp_path, tuple(files)), split)


def test_missing_files_are_refused_where_they_are_needed(tmp_path):
    samples = (sample("a"), sample("b", split="val"))
    touch_videos(tmp_path, samples[:1])
    manifest = Manifest(tmp_path, samples)
    require_usable(manifest, "train")
    with pytest.raises(ManifestError, match=r"b/cam0.mp4: the file is missing.*and 1 more"):
        require_usable(manifest, "val")
    with pytest.raises(ManifestError, match="no sample has split 'tset'"):
        require_usable(manifest, "tset")
