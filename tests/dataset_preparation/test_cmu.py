"""CMU Panoptic: labels and frames against the truth of a replica, windows without bias, runs that can be repeated."""

import json
import shutil
from collections import Counter
from itertools import combinations

import av
import numpy as np
import pytest

from dataset_preparation.clips.cut import Cut, Encoding
from dataset_preparation.clips.dataset import Dropped
from dataset_preparation.cmu import archive, look, sketch
from dataset_preparation.cmu.cameras import usable_cameras
from dataset_preparation.cmu.cutting import CutJob, cut
from dataset_preparation.cmu.pairs import Camera, Pair, Protocol
from dataset_preparation.cmu.windows import allowed_places, draw_places, draw_windows, good_frames, most_places
from dataset_preparation.cmu_process import main
from tests.dataset_preparation.replicas.cmu import CAMERAS, Source, make_cmu, numbers_in, write_source
from tests.dataset_preparation.reports import report_of
from videosync.data.manifest import read_manifest, validate_manifest
from videosync.data.pairs import generator
from videosync.data.sources import read_sources
from videosync.errors import ManifestError
from videosync.jobs.job import Clip, Outcome, Rejected
from videosync.video.index import video_index
from videosync.video.read import probe, read_frames

LENGTH, RANGE, CLIPS = 40, 6, 3  # of the runs on the replica


# Windows


def naive_allowed(good_i, good_j, num_frames, max_offset):
    """The definition, place by place."""
    return [
        all(
            s + k >= 0 and s + k + num_frames <= len(good_i) and good_i[s + k : s + k + num_frames].all()
            for k in range(-max_offset, max_offset + 1)
        )
        and good_j[s : s + num_frames].all()
        for s in range(max(len(good_j) - num_frames + 1, 0))
    ]


@pytest.mark.parametrize("lengths", [(60, 60), (60, 40), (35, 60), (20, 20), (10, 60), (60, 5)])
def test_a_place_is_allowed_if_every_offset_is(lengths):
    rng = np.random.default_rng(0)
    for _ in range(20):
        good = [good_frames(n, [(b, b + 2) for b in rng.integers(-1, n, rng.integers(0, 3))]) for n in lengths]
        found = allowed_places(*good, num_frames=8, max_offset=3)
        assert found.tolist() == naive_allowed(*good, 8, 3)


def test_sets_of_places_are_equally_probable():
    free = np.ones(14, bool)
    free[5] = free[6] = False
    sets = [c for c in combinations(np.flatnonzero(free).tolist(), 3) if min(np.diff(c)) >= 4]
    rng = np.random.default_rng(1)
    draws = 4000
    counts = Counter(tuple(draw_places(free, 4, 3, rng)) for _ in range(draws))
    assert set(counts) == set(sets)
    expected = draws / len(sets)
    chi2 = sum((counts[s] - expected) ** 2 / expected for s in sets)
    assert chi2 < len(sets) + 4 * np.sqrt(2 * len(sets))
    assert most_places(free, 4, 9) == 4
    assert most_places(np.zeros(5, bool), 4, 9) == 0


@pytest.mark.parametrize("room", [1, 40, 400])  # places: the tightest video there is, up to plenty
def test_offsets_are_uniform_and_say_nothing_about_the_place(room):
    good = np.ones(LENGTH + 2 * RANGE + room - 1, bool)
    allowed = allowed_places(good, good, num_frames=LENGTH, max_offset=RANGE)
    assert allowed.sum() == room
    drawn = [
        draw_windows(allowed, [], 1, num_frames=LENGTH, max_offset=RANGE, rng=generator(0, n))[0] for n in range(3000)
    ]
    counts = Counter(window.offset for window in drawn)
    assert sorted(counts) == list(range(-RANGE, RANGE + 1))
    expected = len(drawn) / (2 * RANGE + 1)
    chi2 = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi2 < 32.9  # 12 degrees of freedom, p = 0.001
    for window in drawn:
        assert 0 <= window.start + window.offset <= len(good) - LENGTH
    if room > 1:
        places, offsets = np.array([(w.start, w.offset) for w in drawn]).T
        assert abs(np.corrcoef(places, offsets)[0, 1]) < 0.06
        for edge in (places <= np.quantile(places, 0.1), places >= np.quantile(places, 0.9)):
            assert abs(offsets[edge].mean()) < 4 * np.sqrt(14 / edge.sum())  # variance of -6 … 6 is 14


def test_windows_of_a_pair_share_no_frame_where_there_is_room():
    apart = LENGTH + 2 * RANGE
    arguments = {"num_frames": LENGTH, "max_offset": RANGE}
    exact = np.ones(2 * apart + 1, bool)  # room for exactly three
    for seed in range(50):
        windows = draw_windows(exact, [], 3, rng=generator(seed), **arguments)
        assert [w.start for w in windows] == [0, apart, 2 * apart]
    tight = np.ones(apart, bool)
    windows = draw_windows(tight, [], 3, rng=generator(0), **arguments)
    assert len(windows) == 3
    assert min(np.diff([w.start for w in windows])) >= LENGTH // 4
    assert len(draw_windows(np.ones(3, bool), [], 3, rng=generator(0), **arguments)) == 1
    assert draw_windows(np.zeros(9, bool), [], 3, rng=generator(0), **arguments) == []
    (added,) = draw_windows(exact, [0, 2 * apart], 1, rng=generator(0), **arguments)
    assert added.start == apart


# Rounds


def outcomes_of(pair, reject=lambda view: None, problem=""):
    made, lost = {}, {}
    for camera, piece in pair.cuts():
        kind = reject(piece)
        if kind:
            lost.setdefault(camera.name, []).append(Rejected(piece.clip, kind, "because"))
        else:
            made.setdefault(camera.name, []).append(Clip(piece.clip, "x", piece.first, piece.num_frames, 30.0))
    return {
        c.name: Outcome(problem=problem)
        if problem and c.name == "00"
        else Outcome(tuple(made.get(c.name, ())), tuple(lost.get(c.name, ())))
        for c in pair.cameras
    }


def pair_of(frames=2000, seed=0, bad=()):
    cameras = [Camera(name, name, frames, tuple(bad)) for name in ("00", "03")]
    return Pair("run", *cameras, Protocol(5, LENGTH, RANGE, seed))


def test_rejected_windows_are_replaced_elsewhere_and_good_ones_stay():
    pair, judged = pair_of(), []

    def reject(cut):
        judged.append(cut)
        return "black" if 600 - LENGTH < cut.first < 1200 else None  # frames 600 … 1199 are black

    for _ in range(8):
        before = list(pair.accepted)
        pair.draw()
        pair.settle(outcomes_of(pair, reject))
        assert set(before) <= set(pair.accepted)
    assert len(pair.accepted) == 5
    assert pair.missing() is None
    assert pair.rejected
    assert len({cut.clip for cut in judged}) == len(judged)  # no window is tried twice
    kept = [view for sample in pair.samples("train", 30.0) for view in sample.views]
    assert len(kept) == 10
    assert not any(600 - LENGTH < view.start_frame < 1200 for view in kept)
    pair.draw()
    assert pair.cuts() == []


def test_what_stays_missing_is_said_with_its_reasons():
    pair = pair_of()
    for _ in range(3):
        pair.draw()
        pair.settle(outcomes_of(pair, lambda cut: "green"))
    assert pair.samples("train", 30.0) == []
    missing = pair.missing()
    assert (missing.event, missing.what, missing.kind) == ("run", "00-03", "missing clips")
    assert "0 of 5 clips" in missing.why
    assert "30 × green in 3 rounds" in missing.why
    short = pair_of(frames=60)
    short.draw()
    short.settle(outcomes_of(short))
    assert short.missing().why.startswith("1 of 5 clips: there is room for no more")


def test_a_camera_that_could_not_be_worked_on_is_not_tried_again():
    pair = pair_of()
    pair.draw()
    pair.settle(outcomes_of(pair, problem="its worker died"))
    pair.draw()
    assert pair.pending == []
    assert pair.rejected[0] == Dropped("run", pair.rejected[0].what, "unreadable", "its worker died")


def test_windows_depend_on_seed_sequence_and_cameras():
    def starts(**options):
        pair = pair_of(**options)
        pair.draw()
        return pair.pending

    assert starts() == starts()
    assert starts() != starts(seed=1)
    other = Pair("other", *pair_of().cameras, pair_of().protocol)
    other.draw()
    assert other.pending != starts()


# Pictures


def frame_of(picture):
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(picture, np.uint8), format="rgb24")


def flat(color, share=1.0, rest=(200, 200, 200)):
    picture = np.empty((224, 224, 3), np.uint8)
    picture[:] = rest
    picture[: round(224 * share)] = color
    return picture


@pytest.mark.parametrize(
    ("picture", "kind"),
    [
        (flat((0, 0, 0)), "black"),
        (flat((45, 45, 45)), "black"),
        (flat((55, 55, 55)), ""),
        (flat((0, 0, 0), 0.85), "black"),
        (flat((0, 0, 0), 0.75), ""),
        (flat((40, 170, 60)), "green"),
        (flat((0, 255, 0)), "green"),
        (flat((70, 86, 68), rest=(220, 30, 40)), "green"),  # S = 53
        (flat((40, 170, 60), 0.85), "green"),
        (flat((40, 170, 60), 0.85, rest=(220, 30, 40)), "green"),
        (flat((40, 170, 60), 0.75), ""),
        (flat((80, 90, 80)), ""),  # S = 28: grey
        (flat((40, 60, 170)), ""),
        (flat((170, 160, 40)), ""),  # yellow
    ],
)
def test_black_and_green_are_what_the_protocol_says(picture, kind):
    assert look.look_at(frame_of(picture))[1] == kind


def test_the_quick_look_for_green_misses_none_and_passes_over_grey():
    def of(y, u, v, matrix):
        frame = av.VideoFrame(16, 16, "yuv420p")
        for plane, value in zip(frame.planes, (y, u, v)):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.colorspace = matrix
        return frame

    near_grey = range(118, 131, 2)
    frames = [of(y, u, v, m) for y in (45, 120, 220) for u in near_grey for v in near_grey for m in (1, 5)]
    green = [frame for frame in frames if look._is_green(frame)]
    assert 20 < len(green) < len(frames)
    assert all(look._maybe_green(frame) for frame in green)
    assert not look._maybe_green(of(120, 128, 128, 1))


def test_movement_is_a_mean_in_pixels_and_small_sizes_are_brought_to_one():
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(60, 220, (28, 28)), np.ones((8, 8))).astype(np.uint8)
    moved = np.roll(texture, 2, axis=1)
    assert look.movement(texture, texture) == pytest.approx(0, abs=1e-3)
    assert 1 < look.movement(texture, moved) < 3
    small = look.small(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24"))
    assert look.grey(small).shape == (224, 224)


# Sketches


def sketch_of(path, source, seed=0):
    write_source(path, source, seed=seed)
    return sketch.sketch(sketch.SketchJob("x", (str(path),)), path.parent)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_sketch_finds_the_bad_stretches_from_keyframes(tmp_path, codec):
    source = Source(700, lead=100, green=(250, 340), still=(430, 600), gop=30, codec=codec)
    outcome = sketch_of(tmp_path / "a.mp4", source)
    facts = json.loads(json.dumps(outcome.facts))
    assert (facts["num_frames"], round(facts["fps"], 2), facts["jumps"]) == (700, 29.97, 0)
    assert outcome.frames < 0.03 * 700 + 2
    found = {kind: (first, stop) for first, stop, kind in facts["bad"]}
    assert set(found) == {"black", "green", "stationary"}
    for kind, (first, stop) in {"black": (0, 100), "green": (250, 340), "stationary": (430, 600)}.items():
        assert first - 90 <= found[kind][0] <= first + (90 if kind == "stationary" else 0)
        assert stop - (90 if kind == "stationary" else 0) <= found[kind][1] <= stop + 90


def test_rare_keyframes_are_filled_in_within_a_budget(tmp_path):
    write_source(tmp_path / "a.mp4", Source(2000, gop=900), seed=0)
    keys, between = sketch.sample_frames(video_index(tmp_path / "a.mp4"))
    assert keys == [0, 900, 1800]
    assert between == [90, 180]  # 10 % of the video
    write_source(tmp_path / "b.mp4", Source(500, lead=400, gop=1000), seed=0)
    outcome = sketch.sketch(sketch.SketchJob("x", (str(tmp_path / "b.mp4"),)), tmp_path)
    assert outcome.facts["bad"] == [[0, 180, "black"]]  # beyond is not known: every written frame is looked at


def test_keyframes_are_thinned_but_stay_within_the_spacing():
    assert sketch.thinned([0, 12, 24, 36, 48, 60, 72, 84, 96, 108]) == [0, 84, 108]
    assert sketch.thinned([5, 300, 310, 700]) == [5, 300, 310, 700]
    assert sketch.thinned([]) == []


def test_empty_samples_spoil_up_to_their_neighbours():
    moving = [np.random.default_rng(n).integers(60, 220, (224, 224)).astype(np.uint8) for n in range(4)]
    dark = np.zeros((224, 224), np.uint8)

    def stretches(*samples, frames=1000):
        return sketch.bad_stretches(samples, frames)

    assert stretches((0, dark, "black"), (60, moving[0], ""), (120, moving[1], "")) == [(0, 60, "black")]
    assert stretches((0, dark, "black"), (500, dark, "black"), (900, moving[0], "")) == [(0, 590, "black")]
    assert stretches((0, moving[0], ""), (500, dark, "green"), (900, moving[1], "")) == [(410, 590, "green")]
    still = stretches((0, moving[0], ""), (80, moving[0], ""), (160, moving[0], ""), (240, moving[1], ""))
    assert still == [(0, 161, "stationary")]


def test_what_the_sketch_did_not_see_is_rejected_while_cutting(tmp_path):
    source = Source(700, black=(100, 102), green=(300, 301), still=(500, 560), gop=1000)
    write_source(tmp_path / "a.mp4", source, seed=0)
    places = {"before": 60, "black": 70, "green": 261, "good": 310, "some": 470, "still": 495, "again": 535}
    cuts = tuple(Cut(f"{name}.mp4", first, LENGTH) for name, first in places.items())
    job = CutJob("x", (str(tmp_path / "a.mp4"),), cuts, 30000 / 1001)
    outcome = cut(job, tmp_path / "out", encoding=Encoding(48, 12))
    assert {r.clip: r.kind for r in outcome.rejected} == {
        "black.mp4": "black",
        "green.mp4": "green",
        "still.mp4": "stationary",
        "again.mp4": "stationary",
    }
    assert {clip.clip for clip in outcome.clips} == {"before.mp4", "good.mp4", "some.mp4"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["before.mp4", "good.mp4", "some.mp4"]
    assert outcome.facts["bad"]["black.mp4"] == [100, 101]
    assert outcome.facts["bad"]["green.mp4"] == [300, 301]
    first, stop = outcome.facts["bad"]["still.mp4"]
    assert 500 <= first < stop <= 561
    assert stop - first == 17


# Archive and index


def test_known_sequences_have_committed_splits_and_others_a_seeded_one():
    names = [*archive.KNOWN, "170101_a", "170101_b", "170101_c"]
    recordings = [archive.Recording(name, ()) for name in names]
    splits = archive.choose_splits(recordings, val_share=0.3, seed=0)
    pose = [n for n in archive.POSE["train"] + archive.POSE["val"] if splits[n] == "val"]
    assert pose == ["171204_pose5", "171204_pose6", "171026_pose3"]
    assert len(archive.POSE["train"]) == 6
    multi = archive.MULTI_HUMAN
    assert {len(multi["train"]), len(multi["val"])} == {6, 3}
    assert not {n[:6] for n in multi["train"]} & {n[:6] for n in multi["val"]}  # no day in two splits
    assert Counter(splits[n] for n in names[-3:]) == {"train": 2, "val": 1}


def facts(num_frames=1000, fps=30000 / 1001, jumps=0, bad=()):
    return Outcome(facts={"num_frames": num_frames, "fps": fps, "jumps": jumps, "bad": list(bad)})


def test_files_that_do_not_share_the_index_are_left_out_or_doubted():
    recording = archive.Recording("run", tuple((c, f"/x/{c}.mp4") for c in ("00", "03", "06", "09", "10", "11", "15")))
    sketches = {
        "00": facts(),
        "03": facts(fps=25.0),
        "06": Outcome(problem="/x/06.mp4: cannot be opened"),
        "09": facts(num_frames=700, bad=[(0, 60, "black")]),
        "10": facts(jumps=2),
        "11": facts(fps=30.0),  # one frame off after 1000
        "15": facts(fps=29.98),  # a third of a frame
    }
    cameras, fps, dropped, notes = usable_cameras(recording, sketches)
    assert [camera.name for camera in cameras] == ["00", "09", "10", "15"]
    assert cameras[1].bad == ((0, 60),)
    assert fps == 30000 / 1001
    assert {(d.what, d.kind) for d in dropped} == {
        ("hd_00_03", "other frame rate"),
        ("hd_00_06", "unreadable"),
        ("hd_00_11", "other frame rate"),
    }
    assert sorted(notes) == ["hd_00_09", "hd_00_10"]
    assert "60 of 700 frames" in notes["hd_00_09"][0]
    assert "doubt: has 700 frames" in notes["hd_00_09"][1]
    assert "skip frames in 2 places" in notes["hd_00_10"][0]
    both25 = {c: facts(fps=25.0) for c in sketches}
    assert usable_cameras(recording, both25)[1] == 25.0


# The command


def prepare(root, out, *options, workers=1):
    fixed = {"size": 48, "workers": workers, "clips": CLIPS, "num_frames": LENGTH, "max_offset": RANGE}
    flags = [word for key, value in fixed.items() for word in (f"--{key}", str(value))]
    arguments = ["--data_root", str(root), "--output_dir", str(out), *flags, "--cameras", *CAMERAS]
    return main([*arguments, *map(str, options)])


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return make_cmu(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def prepared(truth, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "cmu"
    assert prepare(truth.root, out) == 0
    return out


def test_every_frame_of_every_clip_is_the_labelled_one_and_shows_something(truth, prepared):
    manifest = read_manifest(prepared)
    assert validate_manifest(manifest, deep=True, max_offset=RANGE) == []
    sources = read_sources(prepared)
    expected = {"171204_pose1": 6 * CLIPS, "171204_pose2": 1, "171026_pose3": CLIPS}
    assert Counter(sample.event for sample in manifest.samples) == expected
    assert {s.event: s.split for s in manifest.samples} == {
        "171204_pose1": "train",
        "171204_pose2": "train",
        "171026_pose3": "val",
    }
    for sample in manifest.samples:
        cameras = [view.name for view in sample.views]
        assert cameras == sorted(cameras)
        shown = []
        for view in sample.views:
            source = truth.sources[sample.event, view.name[-2:]]
            wanted = range(view.start_frame, view.end_frame)
            numbers = numbers_in(read_frames(manifest.path(view)))
            assert numbers == [source.shown(n) for n in wanted]
            assert not source.bad()[wanted.start : wanted.stop].any()
            still = sum(source.still[0] <= n < source.still[1] for n in wanted)
            assert still < 24  # 16 frames and one step of the grid, for a window of 40
            info = probe(manifest.path(view))
            assert (info.num_frames, info.width, info.height, view.fps) == (LENGTH, 48, 48, 30000 / 1001)
            assert sources[view.video].first_frame == view.start_frame
            assert sources[view.video].origin == 0
            assert (truth.root / sources[view.video].source).is_file()
            shown.append(numbers)
        k = sample.views[0].start_frame - sample.views[1].start_frame
        if not any(truth.sources[sample.event, c[-2:]].still[1] for c in cameras):
            assert {a - b for a, b in zip(*shown)} == {k}  # frame n of view 0 is frame n + k of view 1


def test_the_report_says_what_was_left_out_and_why(prepared):
    report = report_of(prepared)
    dropped = {(d["event"], d["what"]): d for d in report["dropped"]}
    assert dropped["171204_pose1", ""]["kind"] == "missing files"
    assert dropped["171204_pose1", ""]["why"] == "has 6 of 7 cameras; download hd_00_15"
    assert "cut off" in dropped["171204_pose1", "hd_00_09"]["why"]
    assert "25 frames/s" in dropped["171204_pose1", "hd_00_10"]["why"]
    assert dropped["171204_pose2", "00-03"]["why"].startswith(f"1 of {CLIPS} clips")
    flash = [d for d in report["dropped"] if d["kind"] == "black"]
    assert flash  # frames 415 … 419 lie between two keyframes
    assert {d["what"][-6:-4] for d in flash} == {"00"}
    assert all(int(d["why"].split()[2]) in range(415, 420) for d in flash)
    found = report["found"]
    assert any("green" in line for line in found["171204_pose1/hd_00_03"])
    assert any("stationary" in line for line in found["171204_pose1/hd_00_11"])
    assert report["splits"]["train"]["samples"] == 6 * CLIPS + 1
    assert report["splits"]["val"]["event_names"] == ["171026_pose3"]


def test_other_cameras_and_sequences_change_no_window_of_a_pair(truth, prepared, tmp_path):
    assert prepare(truth.root, tmp_path / "some", "--limit", 2, "--cameras", "00", "06") == 0
    assert prepare(truth.root, tmp_path / "fewer", "--cameras", "00", "03") == 0
    lines = set((prepared / "manifest.jsonl").read_text().splitlines())
    for name, count in (("some", CLIPS), ("fewer", 2 * CLIPS + 1)):
        found = (tmp_path / name / "manifest.jsonl").read_text().splitlines()
        assert len(found) == count
        assert set(found) <= lines


def test_wrong_input_is_one_sentence(truth, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    one = tmp_path / "one" / "run" / "hdVideos"
    one.mkdir(parents=True)
    shutil.copy(truth.root / "171026_pose3/hdVideos/hd_00_00.mp4", one)
    for root, options, said in (
        (empty, (), "has no sequence; expected <sequence>/hdVideos/hd_00_XX.mp4"),
        (truth.root / "171026_pose3", (), f"give the folder of all sequences, {truth.root}"),
        (truth.root / "171026_pose3" / "hdVideos", (), f"give the folder of all sequences, {truth.root}"),
        (tmp_path / "one", (), "no sequence has two of the cameras"),
        (truth.root, ("--cameras", "3"), "give the two digits"),
        (truth.root, ("--cameras", "03"), "a pair needs two"),
        (truth.root, ("--max_offset", "40"), "must be below --num_frames"),
        (truth.root, ("--cameras", "28", "29"), "no sequence has two of the cameras 28 29"),
    ):
        assert prepare(root, tmp_path / "out", *options) == 2
        message = capsys.readouterr().err
        assert said in message
        assert message.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_nothing_usable_is_an_error_and_the_report_says_why(tmp_path, capsys):
    for camera in ("00", "03"):
        path = tmp_path / "raw" / "run" / "hdVideos" / f"hd_00_{camera}.mp4"
        write_source(path, Source(200, lead=200), seed=0)
    assert prepare(tmp_path / "raw", tmp_path / "out") == 2
    assert "could be used" in capsys.readouterr().err
    report = report_of(tmp_path / "out")
    assert [d["kind"] for d in report["dropped"] if d["event"] == "run" and d["what"] == "00-03"] == ["missing clips"]
    with pytest.raises(ManifestError):
        read_manifest(tmp_path / "out")
