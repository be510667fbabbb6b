"""The Pouring archive, from TFRecord files to clips: every frame and every label as the archive has them."""

from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataset_preparation import pouring_process, tfrecords_to_videos
from dataset_preparation.pouring.images import decode_jpegs
from dataset_preparation.pouring.plan import draw_starts, plan_clips
from dataset_preparation.pouring.record import pouring_record, record_head
from dataset_preparation.pouring.tfrecord import record_places
from tests.dataset_preparation.replicas.pouring import TRAIN0, TRAIN1, VAL, example, jpeg, make_pouring, write_records
from tests.dataset_preparation.reports import report_of
from tests.video.numbered import numbered_frame, numbers_in
from videosync.data.frame_labels import read_frame_labels
from videosync.data.manifest import Manifest, Sample, View, read_manifest, validate_manifest
from videosync.data.sources import read_sources
from videosync.errors import ManifestError, VideoError
from videosync.video.read import probe, read_frames
from videosync.video.write import VideoWriter

EXACT = ["--workers", "1"]


def unpack(root, out, *options):
    return tfrecords_to_videos.main(["--data_root", str(root), "--output_dir", str(out), *EXACT, *map(str, options)])


def process(videos, out, *options):
    fixed = ["--data_root", str(videos), "--output_dir", str(out), "--size", "64", *EXACT]
    return pouring_process.main([*fixed, *map(str, options)])


def files_of(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in Path(folder).rglob("*.mp4")}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    root = tmp_path_factory.mktemp("pouring")
    return root, make_pouring(root)


@pytest.fixture(scope="module")
def videos(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp("videos")
    assert unpack(archive[0], out) == 0
    return out


def test_every_record_becomes_a_video_with_its_frames_and_labels(archive, videos):
    _, truth = archive
    manifest = read_manifest(videos)
    assert validate_manifest(manifest, deep=True) == []
    views = {view.name: view for sample in manifest.samples for view in sample.views}
    assert sorted(views) == sorted(truth.numbers)
    for sample in manifest.samples:
        assert [view.name for view in sample.views] == sorted(view.name for view in sample.views)
        for view in sample.views:
            assert view.name.startswith(f"{sample.event}_view_")
            assert sample.split == truth.split[view.name]
            assert (view.start_frame, view.fps) == (0, 25.0)
            assert numbers_in(read_frames(manifest.path(view))) == truth.numbers[view.name]
            assert read_frame_labels(manifest, view).tolist() == truth.labels[view.name]
            assert (probe(manifest.path(view)).height, probe(manifest.path(view)).width) == (96, 128)
    (lost,) = report_of(videos)["dropped"]
    assert lost["kind"] == "unreadable record"
    assert f"{TRAIN1}: record 2 at byte" in lost["why"]


def test_clips_show_what_the_manifest_says(archive, videos, tmp_path):
    _, truth = archive
    out = tmp_path / "out"
    assert process(videos, out) == 0
    manifest = read_manifest(out)
    assert validate_manifest(manifest, deep=True, max_offset=30) == []
    sources = read_sources(out)
    assert Counter(len(sample.views) for sample in manifest.samples) == {2: 4, 1: 2}
    for sample in manifest.samples:
        for view in sample.views:
            begin, end = view.start_frame, view.end_frame
            assert numbers_in(read_frames(manifest.path(view))) == truth.numbers[view.name][begin:end]
            assert read_frame_labels(manifest, view).tolist() == truth.labels[view.name][begin:end]
            assert sample.split == truth.split[view.name]
            source = sources[view.video]
            assert (source.first_frame, source.origin) == (begin, 0)
            assert numbers_in(read_frames(videos / source.source))[begin:end] == numbers_in(
                read_frames(manifest.path(view))
            )
        frames = [len(truth.numbers[view.name]) for view in sample.views]
        if len(frames) == 2:
            assert {view.num_frames for view in sample.views} == {min(frames) - 30}
        else:
            assert (view.start_frame, view.num_frames) == (0, frames[0])
    kinds = {entry["event"]: entry["kind"] for entry in report_of(out)["dropped"]}
    assert kinds == {
        "water_to_yellow1_real": "unpaired view",
        "sprite_to_clear2_real": "unpaired view",
        "milk_to_black3_real": "longer view",
        "orangejuice_to_clear1_real": "longer view",
    }


def test_offsets_are_drawn_by_the_seed_and_lost_labels_written_again(archive, videos, tmp_path):
    for name, seed in (("a", 5), ("c", 6)):
        assert process(videos, tmp_path / name, "--seed", seed) == 0
    first, other = ((tmp_path / name / "manifest.jsonl").read_bytes() for name in ("a", "c"))
    assert first != other
    for out, again in (
        (tmp_path / "a", lambda: process(videos, tmp_path / "a", "--seed", 5)),
        (videos, lambda: unpack(archive[0], videos)),
    ):
        lost, before = out / "val" / "coke_to_glass4_fake_view_0.json", files_of(out)
        labels = lost.read_bytes()
        lost.unlink()
        assert again() == 0
        assert files_of(out) == before
        assert lost.read_bytes() == labels


def test_dry_run_and_limit(archive, videos, tmp_path, capsys):
    assert unpack(archive[0], tmp_path / "x", "--dry_run") == 0
    shown = capsys.readouterr().out
    assert "456" in shown  # frames of the train split that the heads of the records promise
    assert "unreadable record" in shown
    assert process(videos, tmp_path / "y", "--dry_run", "--limit", "1") == 0
    assert "coke_to_glass4_fake" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert unpack(archive[0], tmp_path / "x", "--limit", "1") == 0
    assert [path.name for path in (tmp_path / "x").rglob("*.mp4")] == ["creamsoda_to_clear5_real_view_0.mp4"]


def views(*frames, event="e", split="train"):
    return Sample(
        event, split, tuple(View(f"{split}/{event}_view_{i}.mp4", 0, count, 25.0) for i, count in enumerate(frames))
    )


def plan(*samples, seed=0, max_offset=30):
    return plan_clips(Manifest(Path("/videos"), samples), seed=seed, max_offset=max_offset)


def test_offsets_are_uniform_and_lengths_do_not_tell_them():
    offsets, places = Counter(), []
    for number in range(6100):
        start0, start1 = draw_starts(f"event{number}", seed=0, max_offset=30)
        assert min(start0, start1) >= 0
        assert max(start0, start1) <= 30
        offsets[start0 - start1] += 1
        if start0 == start1:
            places.append(start0)
    assert sorted(offsets) == list(range(-30, 31))
    expected = 6100 / 61
    chi_square = sum((count - expected) ** 2 / expected for count in offsets.values())
    assert chi_square < 99.6  # 60 degrees of freedom, p = 0.001
    assert max(places) > 20  # where an offset of 0 leaves all the room, it is used
    assert min(places) < 10
    for number in range(50):
        jobs, _ = plan(views(100, 104, event=f"event{number}"))
        assert [job.num_frames for job in jobs] == [70, 70]
        assert [job.first for job in jobs] == [*draw_starts(f"event{number}", seed=0, max_offset=30)]


def test_an_offset_depends_on_seed_and_event_alone():
    first, _ = plan(views(100, 100, event="a"), views(100, 100, event="b"))
    second, _ = plan(views(200, 90, event="b"), views(80, 90, event="c"))
    starts = {job.name: job.first for job in first}
    again = {job.name: job.first for job in second if job.event == "b"}
    assert again == {name: start for name, start in starts.items() if "b_view" in name}
    others = [draw_starts("a", seed=seed, max_offset=30) for seed in range(20)]
    assert len(set(others)) > 15


def test_what_makes_no_pair():
    jobs, dropped = plan(views(61, 61, event="short"), views(60, 90, event="shorter"), views(50, event="one"))
    assert [(job.event, job.first, job.num_frames) for job in jobs if job.event == "one"] == [("one", 0, 50)]
    assert [job.num_frames for job in jobs if job.event == "short"] == [31, 31]
    assert [(entry.event, entry.kind) for entry in dropped] == [("shorter", "too short"), ("one", "unpaired view")]
    jobs, dropped = plan(views(90, 90, 90))
    assert len(jobs) == 2
    assert [entry.kind for entry in dropped] == ["third view"]
    with pytest.raises(ManifestError, match=r"have one name; give the folder that tfrecords_to_videos\.py wrote"):
        plan(*(Sample(event, "train", (View(f"{event}/cam0.mp4", 0, 90, 30.0),)) for event in ("run0", "run1")))


def test_records_that_contradict_each_other_are_reported_and_the_held_out_ones_stay(tmp_path):
    out = tmp_path / "out"
    write_records(tmp_path / VAL, ("a_view_0", 3), ("a_view_1", 3))
    write_records(tmp_path / TRAIN0, ("b_view_0", 4), ("a_view_2", 5), ("alone", 2))
    write_records(tmp_path / TRAIN1, ("b_view_1", 4), ("b_view_0", 6), ("../x_view_0", 2), ("", 2))
    assert unpack(tmp_path, out) == 0
    manifest = read_manifest(out)
    found = {sample.event: (sample.split, [v.num_frames for v in sample.views]) for sample in manifest.samples}
    assert found == {"a": ("val", [3, 3]), "b": ("train", [4, 4]), "alone": ("train", [2])}
    report = report_of(out)
    assert report["dropped_kinds"] == {"duplicate name": 1, "event in two splits": 1, "unreadable record": 2}
    whys = {entry["kind"]: entry["why"] for entry in report["dropped"]}
    assert f"{TRAIN1}: record 1 at byte" in whys["duplicate name"]
    assert f"{TRAIN0}: record 0 at byte 0" in whys["duplicate name"]
    assert "cannot be a file name" in whys["unreadable record"]


def test_missing_and_damaged_files_do_not_stop_the_run_unless_nothing_is_left(tmp_path, capsys):
    root, out = tmp_path / "raw", tmp_path / "out"
    write_records(root / TRAIN0, ("a_view_0", 3), ("a_view_1", 3))
    write_records(root / VAL, ("b_view_0", 3))
    (root / VAL).write_bytes((root / VAL).read_bytes()[:-7])
    assert unpack(root, out) == 0
    assert report_of(out)["dropped_kinds"] == {"missing file": 1, "unreadable file": 1}
    assert "download_pouring_data.sh" in capsys.readouterr().out
    (root / TRAIN0).unlink()
    assert unpack(root, out) == 2
    assert "nothing in" in capsys.readouterr().err
    (root / VAL).rename(root / "other.tfrecord")
    assert unpack(root, out) == 2
    assert "none of" in (message := capsys.readouterr().err)
    assert "(but other.tfrecord)" in message
    assert process(root, tmp_path / "clips") == 2
    assert "tfrecords_to_videos.py writes it" in capsys.readouterr().err


def test_videos_and_labels_that_went_bad_are_reported(videos, tmp_path):
    copy = tmp_path / "videos"
    for path in videos.rglob("*"):
        if path.is_file() and not path.relative_to(videos).parts[0].startswith("."):
            (copy / path.relative_to(videos)).parent.mkdir(parents=True, exist_ok=True)
            (copy / path.relative_to(videos)).write_bytes(path.read_bytes())
    gone = copy / "train" / "milk_to_black3_real_view_1.mp4"
    gone.unlink()
    half = copy / "val" / "coke_to_glass4_fake_view_0.mp4"
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    (copy / "val" / "coke_to_glass4_fake_view_1.json").write_text("[0, 1]")
    assert process(copy, tmp_path / "out") == 0
    manifest = read_manifest(tmp_path / "out")
    assert validate_manifest(manifest, deep=True) == []
    left = {sample.event: [view.name[-1] for view in sample.views] for sample in manifest.samples}
    assert (left["milk_to_black3_real"], left["coke_to_glass4_fake"]) == (["0"], ["1"])
    (view,) = next(sample for sample in manifest.samples if sample.event == "coke_to_glass4_fake").views
    assert view.frame_labels is None
    whys = [entry["why"] for entry in report_of(tmp_path / "out")["dropped"]]
    for name, reason in (
        (gone.name, "cannot be read"),
        (half.name, ""),
        ("coke_to_glass4_fake_view_1.json", "has 2 labels"),
    ):
        assert any(name in why and reason in why for why in whys)


GOOD = [jpeg(numbered_frame(i)) for i in range(3)]


def changed(where, key, value):
    """The context and features of a good record with one key changed, or (None) left out."""
    parts = dict(zip(("context", "features"), example("a_view_0", GOOD, [0, 1, 2])))
    if value is None:
        del parts[where][key]
    else:
        parts[where][key] = value
    return parts["context"], parts["features"]


@pytest.mark.parametrize(
    ("where", "key", "value", "message"),
    [
        ("context", "name", None, "its context has no feature 'name'; there are label, len"),
        ("context", "len", None, "its context has no feature 'len'"),
        ("context", "name", (5, "int"), "'name' has int64 values, expected one bytes value"),
        ("context", "name", (b"a/b", "byte"), "its name b'a/b' cannot be a file name"),
        ("context", "name", (b"..", "byte"), ".*cannot be a file name"),
        ("context", "name", (b"\xff", "byte"), ".*cannot be a file name"),
        ("context", "len", ([3, 3], "int"), "'len' has 2 values, expected one int64 value"),
        ("context", "len", (4, "int"), "'len' is 4, but 'video' has 3 entries"),
        ("features", "video", None, "it has no feature list 'video'; there are frame_labels"),
        ("features", "video", ([], "byte"), "'len' is 3, but 'video' has 0 entries"),
        ("features", "video", ([1, 2, 3], "int"), "entry 0 of 'video' has int64 values"),
    ],
)
def test_a_record_that_is_not_as_expected_says_what_and_where(tmp_path, where, key, value, message):
    path = tmp_path / "x.tfrecord"
    write_records(path, changed("context", "label", None), changed(where, key, value))
    good, bad = record_places(path)
    assert record_head(good) == ("a_view_0", 3)  # the label of the whole video is not needed
    assert pouring_record(good).labels == (0, 1, 2)
    with pytest.raises(VideoError, match=rf"x\.tfrecord: record 1 at byte {bad.offset}: {message}"):
        pouring_record(bad)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "it has no feature list 'frame_labels'; there are video"),
        (([0, 1], "int"), "'len' is 3, but 'frame_labels' has 2 entries"),
        (([0.5, 1.0, 2.0], "float"), "entry 0 of 'frame_labels' has float values, expected one int64 value"),
    ],
)
def test_a_video_whose_labels_cannot_be_used_goes_without(tmp_path, labels, message):
    out, clips = tmp_path / "out", tmp_path / "clips"
    write_records(tmp_path / TRAIN0, changed("features", "frame_labels", labels), ("a_view_1", 3))
    assert unpack(tmp_path, out) == 0
    (sample,) = read_manifest(out).samples
    assert [view.frame_labels for view in sample.views] == [None, "train/a_view_1.json"]
    (lost,) = (entry for entry in report_of(out)["dropped"] if entry["kind"] == "no frame labels")
    assert (lost["event"], lost["what"]) == ("a", "train/a_view_0.json")
    assert f"{TRAIN0}: record 0 at byte 0: {message}" in lost["why"]
    assert process(out, clips, "--max_offset", 1) == 0
    (sample,) = read_manifest(clips).samples
    assert [view.frame_labels for view in sample.views] == [None, "train/a_view_1.json"]


def test_frames_that_do_not_decode_cost_their_record_alone(tmp_path):
    small = jpeg(numbered_frame(1)[::2])
    png = BytesIO()
    Image.fromarray(numbered_frame(1)).save(png, "PNG")
    bad = {
        "half": (GOOD[1][: len(GOOD[1]) // 2], r"frame 1: its \d+ bytes cannot be decoded, expected a JPEG"),
        "empty": (b"", "frame 1: its 0 bytes"),
        "png": (png.getvalue(), "frame 1: .*expected a JPEG"),
        "small": (small, "frame 1 has 128x48 pixels, frame 0 128x96"),
    }
    records = [example(f"{name}_view_0", [GOOD[0], image], [0, 0]) for name, (image, _) in bad.items()]
    write_records(tmp_path / TRAIN0, *records, ("good_view_0", 3))
    assert unpack(tmp_path, tmp_path / "out") == 0
    assert [sample.event for sample in read_manifest(tmp_path / "out").samples] == ["good"]
    assert [path.name for path in (tmp_path / "out").rglob("*.mp4")] == ["good_view_0.mp4"]
    whys = {entry["event"]: entry["why"] for entry in report_of(tmp_path / "out")["dropped"]}
    for name, (_, message) in bad.items():
        with pytest.raises(VideoError, match=message):
            raise VideoError(whys[name])


def patches(height=96, width=96):
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (255, 255, 0), (10, 20, 30)]
    image = np.zeros((height, width, 3), np.uint8)
    for i, color in enumerate((*colors, (250, 240, 230), (128, 128, 128))):
        y, x = divmod(i, 3)
        image[32 * y : 32 * y + 32, 32 * x : 32 * x + 32] = color
    return image


@pytest.mark.parametrize(
    "images",
    [
        [jpeg(patches())] * 2,
        [jpeg(patches(), subsampling="4:4:4")] * 2,
        [jpeg(patches(), subsampling="4:2:2")] * 2,
        [jpeg(patches()[:, :, 0])] * 2,  # grey
        [jpeg(patches()[:, :, 0]), jpeg(patches()), jpeg(patches(), subsampling="4:4:4")],
        [jpeg(patches(91, 89))] * 2,  # odd sizes
    ],
    ids=["420", "444", "422", "grey", "mixed", "odd"],
)
@pytest.mark.parametrize("crf", [0, 4])
def test_colours_are_those_of_the_jpeg_files(tmp_path, images, crf):
    frames = list(decode_jpegs([memoryview(image) for image in images], "here"))
    first = frames[0]
    size = (first.height, first.width)
    with VideoWriter(tmp_path / "x.mp4", 25, size=size, crf=crf, pixel_format=first.format.name) as writer:
        for frame in frames:
            writer.write(frame)
    decoded = read_frames(tmp_path / "x.mp4").astype(int)
    for image, found in zip(images, decoded, strict=True):
        expected = np.asarray(Image.open(BytesIO(image)).convert("RGB")).astype(int)
        assert found.shape == expected.shape
        middle = slice(16, None, 32)  # away from edges, where decoders differ in how they scale colour up
        assert np.abs(found[middle, middle] - expected[middle, middle]).max() <= 2 + (crf > 0)
