"""Hard synthetic events: rates, overlaps and exposures are as asked for, and the truth is exact."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from dataset_preparation.synthetic.event import Settings, make_event
from dataset_preparation.synthetic.exposure import draw_course
from dataset_preparation.synthetic.recording import draw_recordings, exact_rate
from dataset_preparation.synthetic_process import main
from videosync.data.manifest import read_manifest
from videosync.video.read import probe, read_frames

RATES = (24.0, 25.0, 29.97, 30.0, 50.0, 60.0)


def stream(*key: int) -> np.random.Generator:
    return np.random.default_rng([3, *key])


def recordings(seed: int, *, views: int = 2, rates: tuple[float, ...] = (), overlap: float = 0.0) -> list:  # type: ignore[type-arg]
    return draw_recordings(
        lambda *key: np.random.default_rng([seed, *key]), views=views, frames=300, fps=30.0,
        offset_range=60, rates=rates, overlap=overlap,
    )  # fmt: skip


@pytest.mark.parametrize("views", [2, 4])
@pytest.mark.parametrize("overlap", [0.3, 0.6])
def test_the_first_and_the_last_file_share_as_much_as_asked_for(views: int, overlap: float) -> None:
    apart = []
    for seed in range(30):
        event = recordings(seed, views=views, rates=RATES, overlap=overlap)
        first, last = min(event, key=lambda r: r.start), max(event, key=lambda r: r.start)
        shared = (first.start + first.duration - last.start) / min(first.duration, last.duration)
        assert shared == pytest.approx(overlap, abs=0.02)  # starts and lengths are whole frames
        apart.append(last.start - first.start)
    assert np.std(apart) > 0.3  # s: no answer is right for all


def test_rates_differ_inside_an_event_and_offsets_are_fractions_of_frames() -> None:
    fractions = []
    for seed in range(30):
        for one, other in combinations(recordings(seed, views=4, rates=RATES), 2):
            assert one.fps != other.fps
            assert one.num_frames == pytest.approx(10 * one.fps, abs=1)
            fractions.append((one.start - other.start) * min(one.fps, other.fps) % 1)
    assert np.histogram(fractions, bins=4, range=(0, 1))[0].min() > 10


def test_rates_as_people_write_them_are_exact() -> None:
    assert exact_rate(29.97) == pytest.approx(30000 / 1001, abs=1e-12)
    assert exact_rate(23.98) == pytest.approx(24000 / 1001, abs=1e-12)
    assert exact_rate(30.0) == 30.0


def test_views_of_different_rates_show_the_same_moments(tmp_path: Path) -> None:
    """Where two views have a frame at one time, their scene is the same: rendered by one camera they would agree."""
    plain = Settings(frames=40, size=48, offset_range=10, distractors=0, seed=5)
    mixed = Settings(frames=40, size=48, offset_range=10, distractors=0, seed=5, rates=(60.0,))
    views = [make_event(tmp_path / name, "train", 0, s)["views"] for name, s in (("a", plain), ("b", mixed))]
    slow, fast = (read_frames(tmp_path / name / v[0]["video"]).astype(float) for name, v in zip("ab", views))
    start = 2 * views[0][0]["start_frame"] - views[1][0]["start_frame"]
    assert (views[1][0]["fps"], abs(start)) == (60.0, 0)
    assert len(fast) == 80
    here, later = np.abs(slow - fast[::2]), np.abs(slow[:-4] - fast[8::2])
    assert (here > 25).mean() < 0.2 * (later > 25).mean()  # beyond what noise and codec do


def test_automatic_exposure_settles_steps_and_flickers() -> None:
    times = 2 + np.arange(0, 8, 1 / 60)
    for seed in range(10):
        course = draw_course(stream(seed), 2.0, 8.0, steps=3, flicker=0.0)
        gains = np.log2([course(t) for t in times])
        assert 0.2 < np.ptp(gains) < 4.5  # stops
        assert np.abs(np.diff(gains)).max() < 0.9
        still = draw_course(stream(seed), 2.0, 8.0, steps=0, flicker=0.05)
        beats = np.log([still(t) for t in times])
        assert 0.08 < np.ptp(beats) < 0.11


def test_the_command_writes_rates_into_files_and_manifest(tmp_path: Path) -> None:
    hard = ["--rates", "24", "29.97", "--overlap", "0.5", "--contrast", "1", "--exposure_steps", "2"]
    size = ["--frames", "40", "--size", "32", "--train_events", "1", "--val_events", "0", "--workers", "1"]
    assert main(["--output_dir", str(tmp_path / "set"), *size, *hard]) == 0
    manifest = read_manifest(tmp_path / "set")
    views = manifest.samples[0].views
    assert {round(view.fps, 2) for view in views} == {24.0, 29.97}
    for view in views:
        info = probe(manifest.path(view))
        assert info.num_frames == view.num_frames
        assert info.fps == pytest.approx(view.fps, rel=1e-5)
