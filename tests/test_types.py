import pytest

from videosync.types import Offset, SyncPair, Window


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (12, "cam1 started 0.40 s (12 frames) after cam2"),  # k = start0 - start1 > 0: video 1 started first
        (-12, "cam2 started 0.40 s (12 frames) after cam1"),
        (0.5, "cam1 started 0.02 s (0.5 frames) after cam2"),
        (0, "cam1 and cam2 started at the same time"),
    ],
)
def test_an_offset_in_words(frames, sentence):
    assert Offset(frames, 30.0).sentence("cam1", "cam2") == sentence


@pytest.mark.parametrize("frames", [12, -7.5])
def test_swapped_videos_say_the_same_in_words(frames):
    assert Offset(frames, 30.0).sentence("a", "b") == Offset(-frames, 30.0).sentence("b", "a")


def test_windows_of_unequal_length_are_no_pair():
    with pytest.raises(ValueError, match="equal length"):
        SyncPair("p", "e", Window("a", 0, 10, 30.0), Window("b", 0, 11, 30.0), 0)
