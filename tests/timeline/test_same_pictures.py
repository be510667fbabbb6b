"""Pictures that two files share as pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from videosync.lags.scores import LagScores
from videosync.signals.thumbnails import HEIGHT, WIDTH
from videosync.timeline import same_pictures
from videosync.timeline.clips import ClipInfo
from videosync.timeline.compare import BESIDE_GRAPHICS, Compared, _tested
from videosync.timeline.evidence import Evidence
from videosync.timeline.file_warnings import file_warnings
from videosync.timeline.placement import DoubtKind, judge
from videosync.timeline.reasons import Search
from videosync.timeline.same_pictures import is_copy, shared_cells, shared_pictures
from videosync.timeline.useful import LeftOut

RATE, CELLS = 30.0, (12, 16)


def scene(seed: int, frames: int, things: int = 3) -> np.ndarray:
    """[T, 192]: a place of its own, in which blobs move."""
    rng = np.random.default_rng(seed)
    place = np.kron(rng.uniform(30, 200, (4, 4)), np.ones((3, 4)))
    y, x = np.mgrid[: CELLS[0], : CELLS[1]]
    found = np.repeat(place[None], frames, axis=0)
    for path in rng.normal(size=(things, 2, frames)).cumsum(axis=2):
        for t, (a, b) in enumerate(path.T):
            found[t] += 60 * np.exp(-((y - 6 - a % 6) ** 2 + (x - 8 - b % 8) ** 2) / 4)
    return (found + rng.normal(0, 0.3, found.shape)).clip(0, 255).reshape(frames, -1).astype(np.float32)


def title(frames: int) -> np.ndarray:
    return np.repeat(scene(99, 1, things=0), frames, axis=0)


def countdown(frames: int) -> np.ndarray:
    return scene(98, frames, things=1)


def faded(frames: int) -> np.ndarray:
    found, ramp = title(frames), np.arange(frames) / 10
    return found * np.minimum(1, np.minimum(ramp, ramp[::-1]))[:, None].astype(np.float32)


def encoded_again(pictures: np.ndarray) -> np.ndarray:
    return np.round(pictures * 0.93 + 6 + np.random.default_rng(1).normal(0, 0.4, pictures.shape)).astype(np.float32)


@pytest.mark.parametrize("put", [title, countdown, faded])
@pytest.mark.parametrize("place", ["first", "last"])
def test_what_was_put_into_both_is_found(put: Callable[[int], np.ndarray], place: str) -> None:
    files = []
    for seed, frames in ((1, 200), (2, 150)):
        shown = put(60) if seed == 1 else encoded_again(put(60))
        own = scene(seed, frames)
        files.append(np.concatenate([shown, own] if place == "first" else [own, shown]))
    for found, frames in zip(shared_pictures(files[0], files[1], RATE), (200, 150)):
        inside, outside = (found[:60], found[60:]) if place == "first" else (found[frames:], found[:frames])
        assert inside[3:-3].all()
        assert not outside.any()


def test_one_shows_it_for_longer_and_in_the_middle() -> None:
    one = np.concatenate([scene(1, 100), title(80), scene(3, 100)])
    other = np.concatenate([title(40), scene(2, 150)])
    found0, found1 = shared_pictures(one, other, RATE)
    assert np.flatnonzero(found0).tolist() == list(range(100, 180))
    assert np.flatnonzero(found1).tolist() == list(range(40))


def test_two_places_share_nothing_and_neither_do_two_recordings_of_one_camera() -> None:
    assert not any(found.any() for found in shared_pictures(scene(1, 200), scene(2, 200), RATE))
    empty_room = scene(7, 1, things=0)
    later = []
    for seed in (1, 2):
        recording = np.repeat(empty_room, 300, axis=0)
        recording[100:200] = scene(7, 100) if seed == 1 else encoded_again(scene(7, 100))[::-1]
        later.append(recording)
    assert not any(found.any() for found in shared_pictures(later[0], later[1], RATE))


def test_a_copy_is_told_by_its_offset() -> None:
    one = scene(4, 300)
    cut = encoded_again(one[70:250])
    assert is_copy(one, cut, -70, RATE)
    assert not is_copy(one, cut, -60, RATE)
    assert not is_copy(one, scene(5, 180), -70, RATE)
    assert is_copy(cut, one, 70, RATE)
    assert not any(found.any() for found in shared_pictures(one, cut, RATE))
    assert not is_copy(title(200), title(200), 0, RATE)  # any offset would do


def test_black_is_not_shared() -> None:
    one, other = (np.concatenate([np.zeros((30, 192), np.float32), scene(seed, 100)]) for seed in (1, 2))
    assert not any(found.any() for found in shared_pictures(one, other, RATE))


def test_long_files_are_looked_at_here_and_there_and_then_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_pictures, "MOST_FRAMES", 40)
    one, other = (np.concatenate([countdown(60), scene(seed, 400)]) for seed in (1, 2))
    for found in shared_pictures(one, other, RATE):
        assert found[:60].mean() > 0.9
        assert not found[60:].any()


def test_what_concerns_several_files_is_said_once() -> None:
    paths = tuple(f"{name}.mp4" for name in "abc")
    infos = {n: ClipInfo(path, np.arange(300) / RATE, RATE) for n, path in enumerate(paths)}
    shown = LeftOut(plain=((0.0, 0.2),), same=((0.2, 3.0), (9.0, 9.5)))
    found = Compared(LagScores(0, np.zeros(1)), left_out=(shown, shown), copy=True, graphics=True)
    compared = dict.fromkeys(combinations(range(3), 2), found)
    said = file_warnings(Evidence(paths, infos, {}, RATE, compared, Search(None, None)), 1, None)
    assert [(warning.code, warning.text.split(":")[0].split(";")[0]) for warning in said] == [
        ("one_colour", "black, or of one colour, from 0.00 to 0.20 s"),
        (
            "same_pictures",
            "the same pictures as in a.mp4 and c.mp4 are shown from 0.20 to 3.00 s and from 9.00 to 9.50 s",
        ),
        ("same_graphic", "the same graphic moves in a.mp4 and c.mp4 (a clock, a lamp, a caption)"),
        ("copy", "it shows the same pictures as a.mp4 and c.mp4"),
    ]


def test_many_files_and_stretches_are_listed_as_in_a_sentence() -> None:
    paths = tuple(f"{name}.mp4" for name in "abcdefg")
    infos = {n: ClipInfo(path, np.arange(300) / RATE, RATE) for n, path in enumerate(paths)}
    shown = LeftOut(plain=tuple((2.0 * n, 2.0 * n + 1) for n in range(5)))
    found = Compared(LagScores(0, np.zeros(1)), left_out=(shown, shown), graphics=True)
    compared = dict.fromkeys(combinations(range(7), 2), found)
    plain, graphic = file_warnings(Evidence(paths, infos, {}, RATE, compared, Search(None, None)), 0, None)
    assert "from 0.00 to 1.00 s, from 2.00 to 3.00 s, from 4.00 to 5.00 s, from 6.00 to 7.00 s and later" in plain.text
    assert "in b.mp4, c.mp4, d.mp4, e.mp4 and 2 more (" in graphic.text


def test_a_fragile_answer_is_not_accepted_however_sure_the_rest_is() -> None:
    lags = np.arange(-80, 81)
    curve = LagScores(-80, 30.0 * (lags == 10), None, 300 - abs(lags))
    assert judge(curve).doubt is None
    said = judge(replace(curve, fragile=True))
    assert said.doubt is not None
    assert said.doubt.kind is DoubtKind.FRAGILE
    assert said.confidence == judge(curve).confidence / 2


def test_the_edge_of_a_graphic_belongs_to_it() -> None:
    rng = np.random.default_rng(0)
    clips = [rng.normal(0, 2, (200, HEIGHT, WIDTH)).cumsum(axis=0) for _ in range(2)]
    graphic = rng.normal(0, 8, 200).cumsum()
    for clip in clips:
        clip[:, 2:4, 2:5] = graphic[:, None, None]
        for places in ((4, slice(2, 5)), (9, slice(10, 12))):  # half over it, and far from it
            clip[:, places[0], places[1]] = 0.3 * graphic[:, None] + clip[:, places[0], places[1]]
    found = shared_cells(*(clip.reshape(200, -1) for clip in clips), 0).reshape(HEIGHT, WIDTH)
    assert found[2:5, 2:5].all()
    assert found.sum() == 9


def test_a_caption_across_the_lower_third_is_a_graphic_and_light_on_half_of_the_picture_is_none() -> None:
    rng = np.random.default_rng(1)
    clips = [rng.normal(0, 2, (200, HEIGHT, WIDTH)).cumsum(axis=0) for _ in range(2)]
    shown = np.where((np.arange(200) > 50) & (np.arange(200) < 150), 120.0, 0.0)
    for clip in clips:
        clip[:, 8:11] = shown[:, None, None]
        clip[:, 11, :4] += shown[:, None]  # its edge
    found = shared_cells(*(clip.reshape(200, -1) for clip in clips), 0).reshape(HEIGHT, WIDTH)
    assert found[8:11].all()
    assert found.sum() == 3 * WIDTH + 4
    for clip in clips:
        clip[:, 5:8] += shown[:, None, None]
    assert not shared_cells(*(clip.reshape(200, -1) for clip in clips), 0).any()


def test_without_a_graphic_the_answer_has_to_be_the_same_to_a_frame() -> None:
    lags = np.arange(-80, 81)
    curve = LagScores(-80, 30.0 * (lags == 10), None, 300 - abs(lags))
    near = replace(curve, first=curve.first + 2)
    assert not _tested(curve, near).fragile
    assert _tested(curve, near, BESIDE_GRAPHICS).fragile
    assert not _tested(curve, curve, BESIDE_GRAPHICS).fragile
