from __future__ import annotations

from typing import get_args, get_type_hints

import numpy as np
import pytest

from videosync.config.schema import DataConfig
from videosync.data.relations import RELATIONS, Moments, draw_moments, seconds_needed

VIDEO, AUDIO = 0.5, 2.0
START, END = 0.4, 10.0
each_relation = pytest.mark.parametrize("relation", RELATIONS)


def draws(relation: str, start: float = START, end: float = END, count: int = 200) -> list[Moments]:
    rng = np.random.default_rng(0)
    lengths = {"video_seconds": VIDEO, "audio_seconds": AUDIO}
    return [draw_moments(relation, start, end, **lengths, rng=rng) for _ in range(count)]


def apart(pair: tuple[float, float]) -> float:
    return pair[1] - pair[0]


@each_relation
@pytest.mark.parametrize("spare", [0.0, 5.0])
def test_all_of_both_clips_lies_inside(relation: str, spare: float) -> None:
    end = START + seconds_needed(relation, VIDEO, AUDIO) + spare
    for moments in draws(relation, end=end):
        for middles, length in ((moments.video, VIDEO), (moments.audio, AUDIO)):
            assert min(middles) - length / 2 >= START - 1e-9
            assert max(middles) + length / 2 <= end + 1e-9


@pytest.mark.parametrize(("relation", "share"), [("same", 0.0), ("overlapped", 0.5), ("adjacent", 1.0)])
def test_near_clips_are_a_share_of_their_length_apart(relation: str, share: float) -> None:
    for moments in draws(relation):
        assert apart(moments.video) == pytest.approx(share * VIDEO)
        assert apart(moments.audio) == pytest.approx(share * AUDIO)


@each_relation
def test_what_a_clip_shows_is_heard_in_its_sound(relation: str) -> None:
    """Of both clips, or of one where one modality alone is far."""
    together = []
    for moments in draws(relation):
        inside = [abs(v - a) <= (AUDIO - VIDEO) / 2 + 1e-9 for v, a in zip(moments.video, moments.audio)]
        assert any(inside) if "_" in relation else all(inside)
        together.append(inside)
    if "_" in relation:  # either clip is the one
        assert {tuple(inside) for inside in together} >= {(True, False), (False, True)}


def test_far_clips_have_a_clip_between_them_and_half_the_room() -> None:
    longest = max(VIDEO, AUDIO)
    for relation, far, near, length in (
        ("far", ("video", "audio"), (), 0.0),
        ("far_video", ("video",), ("audio",), AUDIO),
        ("far_audio", ("audio",), ("video",), VIDEO),
    ):
        for moments in draws(relation):
            for name in far:
                assert apart(getattr(moments, name)) >= max(2 * longest, (END - START - longest) / 2) - 1e-9
            for name in near:
                assert apart(getattr(moments, name)) == pytest.approx(length / 2)


def test_random_clips_come_in_either_order_and_everywhere() -> None:
    found = draws("random", count=500)
    assert {np.sign(apart(moments.audio)) for moments in found} == {-1.0, 1.0}
    middles = [middle for moments in found for middle in moments.video]
    assert min(middles) < START + AUDIO / 2 + 0.1
    assert max(middles) > END - AUDIO / 2 - 0.1


@each_relation
def test_too_little_time_is_an_error(relation: str) -> None:
    needed = seconds_needed(relation, VIDEO, AUDIO)
    with pytest.raises(ValueError, match=f"relation '{relation}', which needs {needed:g} s"):
        draws(relation, end=START + 0.99 * needed)


def test_the_options_name_them_all() -> None:
    assert get_args(get_type_hints(DataConfig)["relation"]) == tuple(RELATIONS)
    with pytest.raises(ValueError, match="none of same, overlapped"):
        draws("beside")
