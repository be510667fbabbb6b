import pytest

from videosync.types import OffsetEstimate, SyncPair, Window


def answer(frames, **more):
    return OffsetEstimate("cam1", "cam2", placed=True, fps=30.0, seconds=frames / 30, **more)


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (12, "cam1 started 0.400 s (12.0 frames) after cam2"),  # k = start0 - start1 > 0: video 1 started first
        (-12, "cam2 started 0.400 s (12.0 frames) after cam1"),
        (0.5, "cam1 started 0.017 s (0.5 frames) after cam2"),
        (0, "cam1 and cam2 started at the same time"),
    ],
)
def test_an_offset_in_words(frames, sentence):
    assert answer(frames).sentence() == sentence


@pytest.mark.parametrize(
    ("seconds", "around", "sentence"),
    [
        (0.4, 0.03, "cam1 started 0.400 s (12.0 frames) after cam2"),
        (0.4, 0.09, "cam1 started 0.40 s (12.0 frames) after cam2"),
        (-12.48, 0.6, "cam2 started 12.5 s (374 frames) after cam1"),
        (0.04, 0.09, "cam1 started 0.04 ± 0.09 s (1.2 frames) after cam2"),
        (0.009, 0.09, "cam1 and cam2 started at the same time: 0.01 ± 0.09 s (0.3 frames) apart"),
    ],
)
def test_digits_follow_the_interval(seconds, around, sentence):
    interval = (seconds - around, seconds + around)
    estimate = OffsetEstimate("cam1", "cam2", placed=True, fps=30.0, seconds=seconds, interval_seconds=interval)
    assert estimate.sentence() == sentence


@pytest.mark.parametrize("frames", [12, -7.5])
def test_swapped_videos_say_the_same_in_words(frames):
    assert answer(frames).sentence("a", "b") == answer(-frames).sentence("b", "a")


def test_windows_of_unequal_length_are_no_pair():
    with pytest.raises(ValueError, match="equal length"):
        SyncPair("p", "e", Window("a", 0, 10, 30.0), Window("b", 0, 11, 30.0), 0)
