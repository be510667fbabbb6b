"""Videos warped onto each other, and the pictures of two videos' alignment."""

import numpy as np
import pytest

from tests.phases.actions import make_actions
from videosync.data.manifest import read_manifest
from videosync.phases import aligned_video
from videosync.phases.aligned_video import HEIGHT, STRIP, warped_frames, write_aligned_video
from videosync.phases.embed import PhaseVideo, phase_videos
from videosync.phases.metrics import nearest_frames
from videosync.phases.plots import Aligned, phase_runs, save_alignment
from videosync.video.read import probe, read_frames


def clock(progress):
    """Embeddings of frames that show how far an action has come."""
    return np.stack([np.cos(progress), np.sin(progress)], axis=1)


def test_a_known_warp_is_found():
    slow = np.linspace(0, 1.5, 90) ** 2
    steady = np.linspace(0, 2.25, 61)
    warped = warped_frames(clock(slow), clock(steady), "sqeuclidean")
    assert warped.shape == (90,)
    assert (np.diff(warped) >= 0).all()
    assert (warped[0], warped[-1]) == (0, 60)
    assert np.abs(steady[warped] - slow).max() < 0.05
    assert np.abs(steady[nearest_frames(clock(slow), clock(steady), "sqeuclidean")] - slow).max() < 0.02


def test_long_videos_are_warped_with_fewer_frames(monkeypatch):
    slow, steady = np.linspace(0, 1.5, 400) ** 2, np.linspace(0, 2.25, 250)
    exact = warped_frames(clock(slow), clock(steady), "sqeuclidean")
    monkeypatch.setattr(aligned_video, "LONGEST", 100)
    coarse = warped_frames(clock(slow), clock(steady), "sqeuclidean")
    assert coarse.shape == exact.shape
    assert (np.diff(coarse) >= 0).all()
    assert coarse.max() < 250
    assert np.abs(coarse - exact).max() <= 8


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    root = tmp_path_factory.mktemp("actions")
    make_actions(root, train=1, val=2, frames=(24, 40), size=32)
    videos = phase_videos(read_manifest(root), "val")
    return videos[0], videos[2]


@pytest.mark.parametrize("batch", [64, 7])
def test_the_video_shows_both_frames_with_their_phases(pair, tmp_path, monkeypatch, batch):
    monkeypatch.setattr(aligned_video, "BATCH", batch)
    query, key = pair
    warped = np.minimum(np.arange(query.num_frames) // 2, key.num_frames - 1)
    write_aligned_video(tmp_path / "both.mp4", query, key, warped)
    info = probe(tmp_path / "both.mp4")
    assert (info.num_frames, info.fps) == (query.num_frames, query.fps)
    assert (info.height, info.width) == (HEIGHT + STRIP, 2 * HEIGHT)
    shown = read_frames(tmp_path / "both.mp4").astype(int)
    left = read_frames(query.path, size=(HEIGHT, HEIGHT)).astype(int)
    right = read_frames(key.path, size=(HEIGHT, HEIGHT)).astype(int)[warped]
    assert np.abs(shown[:, STRIP:, :HEIGHT] - left).mean() < 4
    assert np.abs(shown[:, STRIP:, HEIGHT:] - right).mean() < 4
    for frame in (0, query.num_frames - 1):
        strip = shown[frame, STRIP // 2 : STRIP].reshape(-1, 3)
        text = strip[strip.sum(1) > 250]
        greener = (text[:, 1] - text[:, 0]).mean()
        assert abs(greener) > 10
        agree = query.labels[frame] == key.labels[warped[frame]]
        assert (greener > 0) == agree  # green where the phases agree, red where not


def test_captions_fit_narrow_pictures(pair, tmp_path):
    query, key = pair
    long_name = PhaseVideo("a" * 200 + "_ü.mp4", query.path, "e", query.num_frames, query.fps, None)
    write_aligned_video(tmp_path / "both.mp4", long_name, key, np.zeros(query.num_frames, np.int64))
    first = read_frames(tmp_path / "both.mp4", 0, 1)[0]
    assert first[: STRIP // 2, HEIGHT - 3 : HEIGHT].max() < 60  # the name ends before the other picture begins


def test_the_picture_is_drawn_with_and_without_labels(pair, tmp_path):
    query, key = pair
    bare = PhaseVideo(key.name, key.path, key.event, key.num_frames, key.fps, None)
    frames = np.zeros(query.num_frames, np.int64)
    for number, (other, tau) in enumerate(((key, 0.5), (bare, None))):
        path = tmp_path / f"{number}.png"
        save_alignment(path, Aligned(query, other, frames, frames, tau), "two videos")
        assert path.stat().st_size > 20_000


def test_runs_of_phases():
    assert phase_runs(np.array([0, 0, 1, 1, 1, -1, 0])) == [(0, 2, 0), (2, 5, 1), (5, 6, -1), (6, 7, 0)]
    assert phase_runs(np.array([4])) == [(0, 1, 4)]
