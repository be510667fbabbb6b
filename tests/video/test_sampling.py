"""Which frames two views hold: bounds, order, reach, timelines, padding, determinism."""

from __future__ import annotations

import numpy as np
import pytest

from videosync.errors import VideoError
from videosync.video.sampling import ViewSteps, sample_cross_views, sample_self_views


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def self_views(
    video: int = 200, num: int = 20, seed: int = 0, region: float = 1.5, offset: float = 0.2
) -> ViewSteps:
    return sample_self_views(video, num, sampling_region=region, consistent_offset=offset, rng=rng(seed))


def cross_views(
    cameras: tuple[int, int, int, int], num: int = 20, seed: int = 0, region: float = 1.5, offset: float = 0.2
) -> ViewSteps:
    return sample_cross_views(*cameras, num, sampling_region=region, consistent_offset=offset, rng=rng(seed))


@pytest.mark.parametrize("offset", [0.0, 0.2, 1.0])
@pytest.mark.parametrize(("video", "num"), [(200, 20), (25, 20), (20, 20), (31, 30)])
def test_self_views_lie_in_blocks_of_the_video(video: int, num: int, offset: float) -> None:
    for seed in range(100):
        views = self_views(video, num, seed, offset=offset)
        assert views.frames.dtype == views.steps.dtype == views.lengths.dtype == np.int64
        assert views.frames.shape == views.mask.shape == (2, num)
        assert views.mask.all()
        assert views.frames.min() >= 0
        assert views.frames.max() < video
        assert (np.diff(views.frames) > 0).all()
        assert (views.frames[:, -1] - views.frames[:, 0] < 1.5 * num).all()
        assert np.array_equal(views.frames, views.steps)
        assert views.lengths.tolist() == [video, video]


def test_blocks_use_the_whole_region() -> None:
    spans = [np.ptp(self_views(seed=s).frames[0]) + 1 for s in range(400)]
    assert min(spans) == 20
    assert max(spans) >= 28
    starts = [self_views(seed=s).frames[0, 0] for s in range(400)]
    assert min(starts) < 5
    assert max(starts) > 165


def test_second_view_starts_within_reach_on_both_sides() -> None:
    gaps = np.array([self_views(seed=s, region=1.0).frames[:, 0] for s in range(800)])
    inside = gaps[(gaps[:, 0] > 20) & (gaps[:, 0] < 160)]
    difference = inside[:, 1] - inside[:, 0]
    assert difference.min() == -16
    assert difference.max() == 16
    assert abs(difference.mean()) < 1.5


def test_no_consistent_offset_means_anywhere() -> None:
    gaps = [np.subtract(*self_views(seed=s, offset=0.0).frames[:, 0]) for s in range(400)]
    assert max(np.abs(gaps)) > 120


def test_region_of_one_gives_contiguous_frames() -> None:
    for seed in range(20):
        assert (np.diff(self_views(seed=seed, region=1.0).frames) == 1).all()
        assert (np.diff(cross_views((0, 90, 10, 90), seed=seed, region=1.0).steps) == 1).all()


def test_short_video_gives_all_its_frames_padded() -> None:
    views = self_views(video=7, num=12)
    assert views.mask.sum(1).tolist() == [7, 7]
    assert views.frames[0].tolist() == [0, 1, 2, 3, 4, 5, 6] + [6] * 5
    assert np.array_equal(views.frames[0], views.frames[1])


def test_equal_generators_give_equal_views() -> None:
    for draw in (lambda s: self_views(seed=s), lambda s: cross_views((5, 80, 30, 90), seed=s)):
        first, again, other = draw(3), draw(3), draw(4)
        assert np.array_equal(first.frames, again.frames)
        assert np.array_equal(first.steps, again.steps)
        assert not np.array_equal(first.steps, other.steps)


@pytest.mark.parametrize(
    "cameras", [(0, 200, 30, 150), (100, 60, 70, 300), (0, 40, 30, 60), (-50, 90, 0, 400)]
)
@pytest.mark.parametrize("offset", [0.0, 0.2, 1.0])
def test_cross_views_stay_in_their_files_and_on_one_timeline(
    cameras: tuple[int, int, int, int], offset: float
) -> None:
    start0, frames0, start1, frames1 = cameras
    common = max(start0, start1), min(start0 + frames0, start1 + frames1)
    for seed in range(100):
        views = cross_views(cameras, seed=seed, offset=offset)
        assert np.array_equal(views.steps - views.frames, np.repeat([[start0], [start1]], 20, 1))
        assert views.frames.min() >= 0
        assert (views.frames.max(1) < [frames0, frames1]).all()
        assert (np.diff(views.frames) > 0).all()
        assert views.mask.all()
        # With equal lengths, scaled distances on the timeline are distances in frames.
        assert views.lengths[0] == views.lengths[1] > np.ptp(views.steps)
        # One view at least lies around the time both filmed.
        leads = (views.steps[:, -1] >= common[0]) & (views.steps[:, 0] < common[1])
        assert leads.any()


def test_views_of_cameras_with_much_in_common_overlap() -> None:
    shared = []
    for seed in range(300):
        steps = cross_views((0, 300, 15, 300), seed=seed, region=1.0).steps
        shared.append(len(np.intersect1d(*steps)))
    assert min(shared) >= 20 - 16
    assert max(shared) == 20


def test_exchanging_cameras_exchanges_the_distribution() -> None:
    one = [cross_views((0, 120, 40, 100), seed=s).steps for s in range(1500)]
    two = [cross_views((40, 100, 0, 120), seed=s + 5000).steps[::-1] for s in range(1500)]
    difference_one = np.array([s[1, 0] - s[0, 0] for s in one])
    difference_two = np.array([s[1, 0] - s[0, 0] for s in two])
    standard_error = np.hypot(difference_one.std(), difference_two.std()) / np.sqrt(1500)
    assert abs(difference_one.mean() - difference_two.mean()) < 4 * standard_error


def test_short_camera_is_padded_alone() -> None:
    views = cross_views((0, 200, 50, 8), num=20)
    assert views.mask.sum(1).tolist() == [20, 8]
    assert views.steps[1, :8].tolist() == list(range(50, 58))


def test_cameras_without_a_common_moment() -> None:
    with pytest.raises(VideoError, match="0 to 49 and 50 to 99 of an event share no moment"):
        cross_views((0, 50, 50, 50))


@pytest.mark.parametrize(
    "bad", [dict(region=0.9), dict(offset=-0.1), dict(offset=1.1), dict(num=0), dict(video=0)], ids=str
)
def test_impossible_values(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        self_views(**bad)  # type: ignore[arg-type]
