"""Which frames two views hold: bounds, order, reach, timelines, padding, determinism."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.reference.views import slow_views, view_statistics
from videosync.errors import VideoError
from videosync.video.sampling import ViewSteps, sample_cross_views, sample_self_views


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def self_views(video: int = 200, num: int = 20, seed: int = 0, **more: Any) -> ViewSteps:
    return sample_self_views(video, num, rng=rng(seed), **options(**more))


def cross_views(cameras: tuple[int, int, int, int], num: int = 20, seed: int = 0, **more: Any) -> ViewSteps:
    return sample_cross_views(*cameras, num, rng=rng(seed), **options(**more))


def options(region: float = 1.5, offset: float = 0.2, sampling_block: str = "view") -> dict[str, Any]:
    return {"sampling_region": region, "consistent_offset": offset, "sampling_block": sampling_block}


def real(views: ViewSteps) -> list[np.ndarray]:
    """The real steps of both views."""
    return [steps[mask] for steps, mask in zip(views.steps, views.mask)]


def check_shape(views: ViewSteps, num: int, frames: Sequence[int]) -> None:
    """Real frames come first, rise, and lie in files of ``frames`` frames; the others are held at the last one."""
    assert views.frames.dtype == views.steps.dtype == views.lengths.dtype == np.int64
    assert views.frames.shape == views.steps.shape == views.mask.shape == (2, num)
    assert views.mask[:, 0].all()  # no view is masked as a whole
    assert (np.diff(views.mask.astype(int)) <= 0).all()
    for numbers, mask, count in zip(views.frames, views.mask, frames):
        assert (np.diff(numbers[mask]) > 0).all()
        assert 0 <= numbers.min() <= numbers.max() < count
        assert (numbers[~mask] == count - 1).all()


@pytest.mark.parametrize("block", ["view", "video"])
@pytest.mark.parametrize("offset", [0.0, 0.2, 1.0])
@pytest.mark.parametrize(("video", "num"), [(200, 20), (25, 20), (20, 20), (7, 20), (1, 4)])
def test_self_views_are_moments_of_one_block(video: int, num: int, offset: float, block: str) -> None:
    for seed in range(60):
        views = self_views(video, num, seed, offset=offset, sampling_block=block)
        check_shape(views, num, (video, video))
        longest = 1.5 * (min(video, num) if block == "view" else video)
        assert all(np.ptp(steps) < longest for steps in real(views))
        assert views.mask.all() or longest > video
        assert np.array_equal(views.frames, views.steps)
        assert views.lengths.tolist() == [video, video]


@pytest.mark.parametrize(("video", "num"), [(240, 240), (70, 80), (9, 80)])
def test_views_of_a_video_no_longer_than_a_view_differ(video: int, num: int) -> None:
    """Were they the same frames, the place in the clip alone would tell that the offset is 0."""
    pairs = [real(self_views(video, num, seed)) for seed in range(300)]
    assert np.mean([np.array_equal(*pair) for pair in pairs]) < 0.02
    assert 0.5 * video < np.mean([len(np.intersect1d(*pair)) for pair in pairs]) < 0.8 * video


CASES: dict[tuple[str, int, int], list[tuple[float, float]]] = {
    # 100,000 draws of tests/reference/views.py, sampling_region 1.5, consistent_offset 0.2: mean and deviation of
    # real share, common share, span of both views, gap between their starts, and its absolute value
    ("view", 60, 80): [(0.8055, 0.0686), (0.6488, 0.1126), (59.4922, 0.8532), (59.493, 0.8511),
        (-0.0013, 0.8317), (0.4267, 0.7139)],
    ("view", 70, 80): [(0.8061, 0.0681), (0.6496, 0.1118), (69.4934, 0.8487), (69.4959, 0.848),
        (-0.0003, 0.8343), (0.4293, 0.7154)],
    ("view", 186, 240): [(0.8096, 0.0678), (0.6555, 0.1108), (185.496, 0.861), (185.5006, 0.8619),
        (-0.0028, 0.8375), (0.4233, 0.7226)],
    ("view", 240, 240): [(0.8093, 0.0676), (0.655, 0.1103), (239.4975, 0.8639), (239.5021, 0.8574),
        (-0.0052, 0.8364), (0.4247, 0.7205)],
    ("view", 250, 240): [(0.8416, 0.0684), (0.68, 0.1114), (249.1239, 1.616), (249.1181, 1.6234),
        (0.0397, 1.4), (0.7032, 1.2112)],
    ("view", 600, 240): [(1.0, 0.0), (0.5801, 0.1477), (299.9202, 34.3857), (299.961, 34.3791),
        (-0.5909, 98.9472), (82.9363, 53.9673)],
    ("video", 250, 240): [(0.8097, 0.0679), (0.6294, 0.1065), (249.3927, 0.959), (249.3881, 0.9602),
        (0.0025, 0.9375), (0.5024, 0.7915)],
    ("video", 600, 240): [(0.8104, 0.0688), (0.2627, 0.0501), (595.7549, 3.7365), (595.7563, 3.7299),
        (-0.0176, 3.7306), (2.5599, 2.7137)],
}  # fmt: skip


def assert_means(rows: list[dict[str, float]], expected: list[tuple[float, float]]) -> None:
    """Each mean within 5 standard errors, those of the expected numbers among them."""
    for name, (mean, deviation) in zip(rows[0], expected, strict=True):
        error = deviation * np.sqrt(1 / len(rows) + 1 / 100_000) + 1e-4  # numbers are rounded
        assert np.mean([row[name] for row in rows]) == pytest.approx(mean, abs=5 * error), name


@pytest.mark.parametrize("draws", [400, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_draws_are_distributed_as_those_of_the_reference(case: tuple[str, int, int], draws: int) -> None:
    block, video, num = case
    generator, chosen = rng(1), options(sampling_block=block)
    views = (sample_self_views(video, num, rng=generator, **chosen) for _ in range(draws))
    rows = [view_statistics(*(steps.tolist() for steps in real(drawn)), video, num) for drawn in views]
    assert_means(rows, CASES[case])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_reference_draws_as_its_numbers_say(case: tuple[str, int, int]) -> None:
    block, video, num = case
    generator = random.Random(2)
    draws = [slow_views(video, num, 1.5, 0.2, block == "video", generator) for _ in range(400)]
    assert_means([view_statistics(*views, video, num) for views in draws], CASES[case])


def test_a_block_of_the_video_and_region_1_is_any_frames_of_the_video() -> None:
    views = [self_views(50, 10, s, region=1.0, sampling_block="video") for s in range(1000)]
    assert all(v.mask.all() for v in views)
    counts = np.bincount(np.concatenate([v.steps[1] for v in views]), minlength=50)
    assert counts == pytest.approx(np.full(50, 200), abs=5 * np.sqrt(200 * 0.8))


@pytest.mark.parametrize("block", ["view", "video"])
def test_no_view_is_masked_as_a_whole(block: str) -> None:
    for seed in range(300):
        check_shape(self_views(3, 2, seed, region=9.0, sampling_block=block), 2, (3, 3))
        check_shape(cross_views((0, 2, 1, 1), 4, seed, region=9.0, sampling_block=block), 4, (2, 1))


def test_second_view_starts_within_reach_on_both_sides_or_anywhere() -> None:
    starts = np.array([self_views(seed=s, region=1.0).frames[:, 0] for s in range(800)])
    gaps = np.diff(starts[(starts[:, 0] > 20) & (starts[:, 0] < 160)])
    assert (gaps.min(), gaps.max()) == (-16, 16)
    assert abs(gaps.mean()) < 1.5
    anywhere = [np.subtract(*self_views(seed=s, offset=0.0).frames[:, 0]) for s in range(400)]
    assert max(np.abs(anywhere)) > 120


def test_region_of_one_gives_contiguous_frames() -> None:
    for seed in range(20):
        assert (np.diff(self_views(seed=seed, region=1.0).frames) == 1).all()
        assert (np.diff(cross_views((0, 90, 10, 90), seed=seed, region=1.0).steps) == 1).all()


def test_region_of_one_gives_all_frames_of_a_short_video_padded() -> None:
    views = self_views(video=7, num=12, region=1.0)
    assert views.mask.sum(1).tolist() == [7, 7]
    assert views.frames[0].tolist() == [0, 1, 2, 3, 4, 5, 6] + [6] * 5
    assert np.array_equal(views.frames[0], views.frames[1])


def test_equal_generators_give_equal_views() -> None:
    for draw in (lambda s: self_views(seed=s), lambda s: cross_views((5, 80, 30, 90), seed=s)):
        assert np.array_equal(draw(3).steps, draw(3).steps)
        assert not np.array_equal(draw(3).steps, draw(4).steps)


@pytest.mark.parametrize("offset", [0.0, 0.2, 1.0])
@pytest.mark.parametrize(
    "cameras",
    [(0, 200, 30, 150), (100, 60, 70, 300), (0, 40, 30, 60), (-50, 90, 0, 400),
     (0, 30, 4, 20), (0, 100, 90, 12), (6, 18, 0, 300)],
)  # fmt: skip
def test_cross_views_stay_in_their_files_and_on_one_timeline(cameras: tuple[int, int, int, int], offset: float) -> None:
    start0, frames0, start1, frames1 = cameras
    common = max(start0, start1), min(start0 + frames0, start1 + frames1)
    masked = 0
    for seed in range(100):
        for block in ("view", "video"):
            views = cross_views(cameras, seed=seed, offset=offset, sampling_block=block)
            check_shape(views, 20, (frames0, frames1))
            assert np.array_equal(views.steps - views.frames, np.repeat([[start0], [start1]], 20, 1))
            # with equal lengths, scaled distances on the timeline are distances in frames
            assert views.lengths[0] == views.lengths[1] > np.ptp(views.steps)
            # one view at least lies around the time both filmed
            first, last = (np.array([steps[place] for steps in real(views)]) for place in (0, -1))
            assert ((last >= common[0]) & (first < common[1])).any()
            masked += int((views.mask.sum(1) < np.minimum([frames0, frames1], 20)).sum())
    assert masked or min(frames0, frames1) > 30  # what a camera did not film


def test_views_of_cameras_with_much_in_common_overlap() -> None:
    views = (cross_views((0, 300, 15, 300), seed=seed, region=1.0) for seed in range(300))
    shared = [len(np.intersect1d(*drawn.steps)) for drawn in views]
    assert min(shared) >= 20 - 16
    assert max(shared) == 20


def test_exchanging_cameras_exchanges_the_distribution() -> None:
    one = [np.diff(cross_views((0, 120, 40, 100), seed=s).steps[:, 0]) for s in range(1500)]
    two = [-np.diff(cross_views((40, 100, 0, 120), seed=s + 5000).steps[:, 0]) for s in range(1500)]
    standard_error = np.hypot(np.std(one), np.std(two)) / np.sqrt(1500)
    assert abs(np.mean(one) - np.mean(two)) < 4 * standard_error


def test_short_camera_is_padded_alone() -> None:
    views = cross_views((0, 200, 50, 8), num=20, region=1.0)
    assert views.mask.sum(1).tolist() == [20, 8]
    assert views.steps[1, :8].tolist() == list(range(50, 58))


def test_cameras_that_began_together_give_views_as_one_video_does() -> None:
    """Else the place in the clip alone would tell the offset of clips no longer than a view, as in self-views."""
    pairs = [real(cross_views((5, 70, 5, 70), 80, s)) for s in range(400)]
    assert not any(np.array_equal(*pair) for pair in pairs)
    rows = [view_statistics(*(pair - 5 for pair in views), 70, 80) for views in pairs]
    assert_means(rows, CASES["view", 70, 80])


def test_cameras_without_a_common_moment() -> None:
    with pytest.raises(VideoError, match="0 to 49 and 50 to 99 of an event share no moment"):
        cross_views((0, 50, 50, 50))


@pytest.mark.parametrize(
    "bad", [{"region": 0.9}, {"offset": -0.1}, {"offset": 1.1}, {"num": 0}, {"video": 0}, {"sampling_block": "clip"}]
)
def test_impossible_values(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        self_views(**bad)
