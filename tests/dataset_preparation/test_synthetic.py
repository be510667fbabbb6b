"""The synthetic generator: physics, projection, drawing, and the dataset that comes out of the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from dataset_preparation import synthetic_process
from dataset_preparation.synthetic import render
from dataset_preparation.synthetic.bodies import KINDS, Box, Capsule, Part, Stage
from dataset_preparation.synthetic.camera import Camera, place_camera
from dataset_preparation.synthetic.event import Settings, make_event
from dataset_preparation.synthetic.motion import GRAVITY, Ballistic, Clock, Smooth, StopAndGo, static_stretches
from dataset_preparation.synthetic.scene import Scene, build_distractors, build_scene
from dataset_preparation.synthetic_process import main
from videosync.data.manifest import read_manifest, validate_manifest
from videosync.video.read import read_frames

SCRIPT = Path(__file__).parents[2] / "dataset_preparation" / "synthetic_process.py"
TIMES = np.arange(180) / 30
SMALL = ["--train_events", "2", "--val_events", "1", "--frames", "24", "--size", "32", "--offset_range", "6"]


def rng(*key: int) -> np.random.Generator:
    return np.random.default_rng([7, *key])


def scene(seed: int = 0, static_share: float = 0.2, times: np.ndarray = TIMES) -> Scene:
    return build_scene(rng(seed), times, 6.0, static_share)


def points(part: Part) -> np.ndarray:
    """All points [T, P, 3] of a part."""
    return part.corners if isinstance(part, Box) else np.stack([part.start, part.end], axis=1)


# motion


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.8])
def test_static_stretches_fill_their_share_without_overlap(share: float) -> None:
    for seed in range(20):
        pauses = static_stretches(rng(seed), 6.0, share)
        assert sum(b - a for a, b in pauses) == pytest.approx(share * 6.0)
        edges = [edge for pause in pauses for edge in pause]
        assert edges == sorted(edges)
        assert not edges or (edges[0] >= 0 and edges[-1] <= 6.0 + 1e-9)


def test_clock_stands_in_pauses_and_otherwise_bursts() -> None:
    pauses = [(1.0, 2.0), (4.0, 4.5)]
    rates = []
    for seed in range(20):
        clock = Clock(rng(seed), 6.0, pauses)
        assert clock(np.array([1.0]))[0] == pytest.approx(clock(np.array([2.0]))[0], abs=1e-9)
        assert (np.diff(clock(TIMES)) >= 0).all()
        rates.append(clock.rate(TIMES[TIMES < 0.9]))
    rates = np.concatenate(rates)
    assert (rates < 0.05).mean() > 0.1  # rests
    assert np.quantile(rates, 0.9) > 2.5 * np.quantile(rates, 0.5)  # and bursts


def test_stop_and_go_starts_and_ends_moves_at_rest_and_keeps_its_range() -> None:
    fine = np.arange(0, 6, 0.001)
    path = StopAndGo(rng(), 6.0, [-1.0, 2.0], [1.0, 3.0])(fine)
    speed = np.abs(np.diff(path, axis=0)).max(axis=1) * 1000
    assert path[:, 0].min() >= -1
    assert path[:, 1].max() <= 3
    assert (speed == 0).mean() > 0.1
    assert speed.max() > 1
    assert np.abs(np.diff(speed)).max() < 0.05 * speed.max()  # no jumps in speed


def test_smooth_motion_stays_in_range_and_never_stops() -> None:
    path = Smooth(rng(), [-1.0, 0.0], [1.0, 5.0])(TIMES)
    assert (path >= [-1, 0]).all()
    assert (path <= [1, 5]).all()
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).min() > 0


def test_thrown_bodies_fall_with_gravity_bounce_and_rest_in_pauses() -> None:
    pauses, fine = [(2.0, 3.0)], np.arange(0, 6, 0.001)
    for seed in range(20):
        path = Ballistic(rng(seed), 6.0, pauses, reach=1.0, radius=0.2)(fine)
        assert path[:, 2].min() >= 0.2 - 1e-9
        assert np.abs(path[:, :2]).max() <= 1.0 + 1e-6
        assert np.ptp(path[(fine >= 2.0) & (fine < 3.0)], axis=0).max() < 1e-9
        assert np.abs(np.diff(path, axis=0)).max() < 0.02  # nothing jumps
        flying = (path[:-2, 2] > 0.201) & (path[1:-1, 2] > 0.201) & (path[2:, 2] > 0.201)
        falls = np.diff(path[:, 2], 2)[flying] * 1e6
        assert np.median(falls) == pytest.approx(-GRAVITY, rel=1e-3)


# bodies and scenes


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_moves_smoothly_near_the_centre_above_the_floor(kind: str) -> None:
    fine = np.arange(0, 6, 1 / 240)
    travelled = []
    for seed in range(8):
        parts = KINDS[kind](rng(seed), Stage(fine, 6.0, [(2.0, 3.0)]))
        every = np.concatenate([points(part) for part in parts], axis=1)  # [T, P, 3]
        assert np.isfinite(every).all()
        assert np.linalg.norm(every[..., :2], axis=-1).max() < 2.6
        assert every[..., 2].min() > -0.1
        assert every[..., 2].max() < 3.2
        speeds = np.linalg.norm(np.diff(every, axis=0), axis=-1) * 240  # m/s
        assert speeds.max() < 45  # nothing jumps (a jump by 0.3 m would be 72 m/s)
        assert np.quantile(speeds, 0.99) < 15
        still = every[(fine >= 2.0) & (fine < 3.0)]
        assert np.ptp(still, axis=0).max() < 1e-6
        travelled.append(np.linalg.norm(np.diff(every, axis=0), axis=-1).sum(axis=0).max())
    assert np.median(travelled) > 0.5


def test_scenes_mix_kinds_and_are_drawn_from_the_seed() -> None:
    kinds = [scene(seed).kinds for seed in range(30)]
    assert {kind for found in kinds for kind in found} == set(KINDS)
    assert all(3 <= len(found) <= 7 and set(found) & {"ball", "slider"} for found in kinds)
    again, other = scene(3), scene(4)
    assert (points(again.bodies[0][0]) == points(scene(3).bodies[0][0])).all()
    assert again.kinds != other.kinds or (points(again.bodies[0][0]) != points(other.bodies[0][0])).any()


def test_distractors_differ_between_views() -> None:
    stage = scene().stage
    first, second = (build_distractors(rng(view), stage, 2) for view in (0, 1))
    assert len(first) == len(second) == 2
    assert points(first[0][0]).shape != points(second[0][0]).shape or not np.allclose(
        points(first[0][0]), points(second[0][0])
    )


# cameras


def test_floor_points_and_project_are_inverse() -> None:
    camera = place_camera(rng(), 0, 2, 1.0, 64)
    straight = Camera(camera.rotation, camera.position, camera.focal, 0.0, camera.size)
    floor = straight.floor_points()
    rows, columns = np.nonzero(~np.isnan(floor[..., 0]))
    world = np.pad(floor[rows, columns], ((0, 0), (0, 1)))
    pixels, depth = straight.project(world)
    assert len(rows) > 1000
    assert np.allclose(pixels, np.stack([columns, rows], axis=-1) + 0.5, atol=1e-6)
    assert (depth > 0).all()


def test_up_is_up_and_pictures_are_not_mirrored() -> None:
    camera = place_camera(rng(1), 0, 2, 1.0, 64)
    (low, _), (high, _) = (camera.project(np.array([0, 0, z])) for z in (0.2, 1.4))
    assert high[1] < low[1] - 5
    assert np.linalg.det(camera.rotation) == pytest.approx(1.0)  # right, down, forward: right-handed


@pytest.mark.parametrize("views", [2, 3, 4, 6])
def test_cameras_stand_apart_and_all_see_the_scene(views: int) -> None:
    for seed in range(10):
        cameras = [place_camera(rng(seed, v), v, views, 0.3, 96) for v in range(views)]
        azimuths = [np.arctan2(c.position[1], c.position[0]) for c in cameras]
        for i in range(views):
            for j in range(i):
                apart = abs(np.angle(np.exp(1j * (azimuths[i] - azimuths[j])), deg=True))
                assert apart > 30
        assert len({round(c.focal, 3) for c in cameras}) == views
        world = np.concatenate([points(p).reshape(-1, 3) for body in scene(seed).bodies for p in body])
        for camera in cameras:
            pixels, depth = camera.project(world)
            inside = ((pixels > 0) & (pixels < 96)).all(axis=-1) & (depth > 0.5)
            assert inside.mean() > 0.85


# drawing


class _Plain:
    """Exposure that changes nothing."""

    def develop(self, image: np.ndarray, time: float, rng: np.random.Generator) -> np.ndarray:
        return image


def _draw(monkeypatch: pytest.MonkeyPatch, *centres: np.ndarray, **changes: float) -> np.ndarray:
    """Frames of spheres (one body each) seen from 5 m away, 50 pixels a metre, no noise."""
    monkeypatch.setattr(render, "draw_exposure", lambda rng, size: _Plain())
    camera = Camera(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), np.array([0, -5.0, 0.8]), 250.0, 0.0, 96)
    bodies = tuple([[Capsule(c, c, (0.15, 0.15))] for c in centres])
    times = np.arange(len(centres[0])) / 30
    frames = render.render_view(
        bodies, np.array([0, -0.6, 0.8]), times, camera, recorded=slice(0, len(times)), look=rng(3), noise=rng()
    )
    return np.stack(list(frames)).astype(float)


@pytest.mark.parametrize("step", [0.05, 0.2, 0.7])
def test_motion_of_a_fraction_of_a_pixel_shows_in_proportion(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    x = np.arange(20) * step / 50
    frames = _draw(monkeypatch, np.stack([x, 0 * x, 0 * x + 0.8], axis=-1))
    energy = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    moved = _draw(monkeypatch, np.stack([x / step, 0 * x, 0 * x + 0.8], axis=-1))  # a pixel a frame
    whole = np.abs(np.diff(moved, axis=0)).mean(axis=(1, 2, 3))
    assert energy.min() > 0
    assert energy.mean() == pytest.approx(step * whole.mean(), rel=0.15)


def test_nearer_bodies_hide_farther_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    here, away = np.array([[0, 0.0, 0.8]]), np.array([0.0, 1.0, 0.0])
    near, alone, both, swapped = (
        _draw(monkeypatch, *bodies)[0, 48, 48]
        for bodies in ((here,), (here, here + 50 * away), (here, here + away), (here, here - away))
    )
    assert (near == alone).all()
    assert (near == both).all()
    assert (near != swapped).any()


@pytest.mark.parametrize(
    ("radii", "length"), [((5.0, 5.0), 0.0), ((8.0, 2.0), 3.0), ((2.0, 8.0), 3.0), ((6.0, 3.0), 20.0)]
)
def test_outlines_are_the_hull_of_their_two_circles(radii: tuple[float, float], length: float) -> None:
    import cv2

    start, end = np.array([[50.0, 50.0]]), np.array([[50.0 + length, 50.0]])
    outline = render._outline(start, end, *(np.array([r]) for r in radii))[0]
    around = np.linspace(0, 2 * np.pi, 200)
    circle = np.stack([np.cos(around), np.sin(around)], axis=-1)
    both = np.concatenate([start + radii[0] * circle, end + radii[1] * circle]).astype(np.float32)
    wanted = cv2.contourArea(cv2.convexHull(both))
    assert cv2.contourArea(cv2.convexHull(outline.astype(np.float32))) == pytest.approx(wanted, rel=0.03)
    assert cv2.contourArea(outline.astype(np.float32)) == pytest.approx(wanted, rel=0.03)  # convex as it stands


# the dataset


def make(folder: Path, *arguments: str) -> Path:
    assert main(["--output_dir", str(folder), "--workers", "1", *SMALL, *arguments]) == 0
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("synthetic") / "set")


def test_the_manifest_is_valid_and_says_what_the_files_hold(dataset: Path) -> None:
    manifest = read_manifest(dataset)
    assert validate_manifest(manifest, deep=True, max_offset=6) == []
    assert [s.split for s in manifest.samples] == ["train", "train", "val"]
    for sample in manifest.samples:
        starts = [view.start_frame for view in sample.views]
        assert len(set(starts)) == 2
        assert 0 <= min(starts) <= max(starts) <= 6
        assert {view.num_frames for view in sample.views} == {24}
        assert all(read_frames(manifest.path(view)).shape == (24, 32, 32, 3) for view in sample.views)
    report = json.loads((dataset / "report.json").read_text())
    assert report["events"] == {"train": 2, "val": 1}
    assert report["events_made_now"] == 3
    assert report["settings"][0]["seed"] == 0


def test_same_seed_same_files_whatever_the_workers_and_the_number_of_events(dataset: Path, tmp_path: Path) -> None:
    again = make(tmp_path / "again", "--workers", "2", "--val_events", "2")
    files = sorted(path.relative_to(dataset) for path in dataset.rglob("*.mp4"))
    assert len(files) == 6
    for file in files:
        assert (again / file).read_bytes() == (dataset / file).read_bytes()
    lines = (again / "manifest.jsonl").read_text().splitlines()
    assert lines[:3] == (dataset / "manifest.jsonl").read_text().splitlines()
    assert len(lines) == 4


def test_another_seed_another_dataset(dataset: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other", "--seed", "1", "--limit", "1")
    assert len((other / "manifest.jsonl").read_text().splitlines()) == 2
    a, b = (read_frames(folder / "train_0000" / "cam0.mp4").astype(float) for folder in (dataset, other))
    assert np.abs(a - b).mean() > 10


def test_an_interrupted_run_goes_on(dataset: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "set", "--limit", "1")
    (folder / "train_0001").mkdir()  # as left by something that died
    (folder / ".train_0001.partial-1").mkdir()
    (folder / ".train_0001.partial-1" / "cam0.mp4").write_bytes(b"half")
    kept = folder / "train_0000" / "cam0.mp4"
    before = kept.stat().st_mtime_ns
    make(folder)
    assert kept.stat().st_mtime_ns == before
    assert json.loads((folder / "report.json").read_text())["events_made_now"] == 1
    assert (folder / "manifest.jsonl").read_bytes() == (dataset / "manifest.jsonl").read_bytes()
    assert sorted(p.name for p in folder.iterdir()) == sorted(p.name for p in dataset.iterdir())
    assert (folder / "train_0001/cam1.mp4").read_bytes() == (dataset / "train_0001/cam1.mp4").read_bytes()


def test_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--output_dir", str(tmp_path / "new"), *SMALL, "--dry_run"]) == 0
    assert not (tmp_path / "new").exists()
    assert "2 train, 1 val" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size", "33"], "--size 33"),
        (["--views", "1"], "--views 1"),
        (["--offset_range", "24"], "--offset_range 24"),
        (["--views", "8"], "--offset_range 6"),
        (["--static_share", "0.9"], "--static_share 0.9"),
        (["--fps", "0"], "--fps 0"),
        (["--seed", "-1"], "--seed -1"),
        (["--workers", "0"], "--workers 0"),
        (["--limit", "0"], "--limit 0"),
        (["--overlap", "1.5"], "--overlap 1.5"),
        (["--contrast", "-1"], "--contrast -1"),
        (["--flicker", "2"], "--flicker 2"),
        (["--exposure_steps", "-1"], "--exposure_steps -1"),
        (["--rates", "0"], "--rates"),
        (["--train_events", "0", "--val_events", "0"], "at least one event"),
    ],
)
def test_bad_options_are_one_sentence_and_write_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["--output_dir", str(tmp_path / "new"), *SMALL, *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_folder_of_other_settings_is_refused(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (dataset / "manifest.jsonl").read_bytes()
    assert main(["--output_dir", str(dataset), *SMALL, "--size", "48"]) == 2
    assert "size 32 (now 48)" in capsys.readouterr().err
    assert (dataset / "manifest.jsonl").read_bytes() == before


def test_help_is_quick_and_says_the_sign() -> None:
    command = [sys.executable, "-X", "importtime", str(SCRIPT), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"torch", "scipy", "sklearn", "av", "matplotlib"}  # they take long
    assert "k = start_frame(cam0) - start_frame(cam1)" in done.stdout
    assert "cam1 started first" in done.stdout


def test_help_shows_every_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(f"--{name} " in text for name in Settings.__dataclass_fields__)


# what a learner may and may not see


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[list[int], list[np.ndarray], list[Path]]]:
    """Twelve events of 96 frames: start frames, frames and files of both views."""
    root = tmp_path_factory.mktemp("events")
    settings = Settings(frames=96, size=48, offset_range=14)
    events = []
    for number in range(12):
        record = make_event(root, "val", number, settings)
        files = [root / view["video"] for view in record["views"]]
        starts = [view["start_frame"] for view in record["views"]]
        events.append((starts, [read_frames(file).astype(np.float32) for file in files], files))
    return events


def _contrast(events: list, curve: Callable[[np.ndarray], np.ndarray], other: int = 0) -> float:  # type: ignore[type-arg]
    """How much better the curves of two views correlate at the true lag than at others, averaged over events.

    With ``other``, view 1 is taken from that many events further on, which happened at another time.
    """
    contrasts = []
    for number, (starts, frames, _) in enumerate(events):
        a, b = curve(frames[0]), curve(events[(number + other) % len(events)][1][1])
        scores = {
            k: np.corrcoef(a[max(0, -k) : len(a) - max(0, k)], b[max(0, k) : len(b) + min(0, k)])[0, 1]
            for k in range(-20, 21)
        }
        true = starts[0] - starts[1]
        wrong = [score for k, score in scores.items() if abs(k - true) > 4]
        contrasts.append(scores[true] - np.mean(wrong))
    return float(np.mean(contrasts))


def log_motion(frames: np.ndarray) -> np.ndarray:
    return np.log(np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3)) + 0.05)


def test_motion_tells_the_offset_and_nothing_else_does(recorded: list) -> None:  # type: ignore[type-arg]
    assert _contrast(recorded, log_motion) > 0.3
    assert abs(_contrast(recorded, log_motion, other=1)) < 0.2
    assert abs(_contrast(recorded, lambda f: f.mean(axis=(1, 2, 3)))) < 0.2
    assert abs(_contrast(recorded, lambda f: f[..., 0].mean(axis=(1, 2)) - f[..., 2].mean(axis=(1, 2)))) < 0.2


def test_keyframes_lie_elsewhere_in_every_view(recorded: list) -> None:  # type: ignore[type-arg]
    common = total = 0
    for starts, _, files in recorded:
        grids = []
        for start, file in zip(starts, files):
            with av.open(str(file)) as container:
                packets = sorted((p.pts, p.is_keyframe) for p in container.demux(video=0) if p.size)
            grids.append({start + i for i, (_, whole) in enumerate(packets) if whole})
        common += len(grids[0] & grids[1])
        total += min(len(grid) for grid in grids)
    assert total > 20
    assert common / total < 0.2


def test_nothing_of_the_scene_moves_in_static_stretches(tmp_path: Path) -> None:
    settings = Settings(frames=90, size=48, offset_range=4, distractors=0, static_share=0.5)
    ratios = []
    for number in range(3):
        record = make_event(tmp_path, "train", number, settings)
        for view in record["views"]:
            frames = read_frames(tmp_path / view["video"]).astype(np.float32)
            moving = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
            times = (np.arange(1, 90) + view["start_frame"]) / 30
            still = np.any([(times > a + 0.07) & (times < b - 0.02) for a, b in record["static_seconds"]], axis=0)
            assert still.sum() > 15
            ratios.append(np.median(moving[still]) / np.quantile(moving[~still], 0.75))
    assert np.median(ratios) < 0.7


def test_distractors_change_only_their_own_pixels(tmp_path: Path) -> None:
    """The rest of the picture (background, colours, the scene's bodies) is drawn as without them."""
    frames = {}
    for number in (0, 1):
        settings = Settings(frames=12, size=48, offset_range=4, distractors=number)
        make_event(tmp_path / str(number), "train", 0, settings)
        frames[number] = read_frames(tmp_path / str(number) / "train_0000" / "cam0.mp4").astype(float)
    changed = np.abs(frames[0] - frames[1]).mean(axis=(0, 3)) > 20
    assert 0.002 < changed.mean() < 0.4


def test_events_take_all_combinations_of_several_values_in_turn(tmp_path: Path) -> None:
    output = tmp_path / "mixed"
    several = ["--fps", "10", "60", "--distractors", "0", "2", "--workers", "1"]
    sizes = ["--train_events", "4", "--val_events", "0", "--frames", "8", "--size", "16", "--offset_range", "2"]
    assert main(["--output_dir", str(output), *sizes, *several]) == 0
    found = [json.loads((output / f"train_{i:04d}" / "event.json").read_text())["settings"] for i in range(4)]
    assert [(s["fps"], s["distractors"]) for s in found] == [(10, 0), (10, 2), (60, 0), (60, 2)]
    rates = [view.fps for sample in read_manifest(output).samples for view in sample.views]
    assert rates == [10, 10, 10, 10, 60, 60, 60, 60]
    alone = tmp_path / "alone"
    assert main(["--output_dir", str(alone), *sizes, "--fps", "60", "--distractors", "2", "--workers", "1"]) == 0
    file = Path("train_0003") / "cam1.mp4"
    assert (alone / file).read_bytes() == (output / file).read_bytes()


def dies(*task: object) -> None:
    os._exit(9)


def test_worker_process_that_is_ended_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(synthetic_process, "_make", dies)
    flags = ["--train_events", "2", "--val_events", "0", "--workers", "2"]
    assert main(["--output_dir", str(tmp_path / "out"), *flags]) == 2
    errors = capsys.readouterr().err
    assert "a worker process was ended" in errors
    assert "fewer --workers" in errors
    assert "Traceback" not in errors
