"""What was put into files, and what the whole picture does at once, places no file; what was filmed still does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dataset_preparation.synthetic.event import Settings, make_event
from videosync.cues import DEFAULT_CUE
from videosync.timeline.calibration import CALIBRATIONS
from videosync.timeline.result import Timeline
from videosync.timeline.sync import sync
from videosync.video.read import iter_frames
from videosync.video.write import write_video

RATE = 30
Film = list[np.ndarray]
Edit = Callable[[Film, int], Film]  # (frames, 0 or 1: which of the two files)


@pytest.fixture(scope="session")
def films(event: tuple[list[Path], list[int]], tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Film], int]:
    """Two cameras of one event, one of another; and the offset of the former two."""
    root = tmp_path_factory.mktemp("other")
    settings = Settings(views=2, frames=180, size=64, offset_range=40, distractors=0, static_share=0.0, seed=12)
    other = root / make_event(root, "train", 0, settings)["views"][0]["video"]
    paths, starts = event
    return [list(iter_frames(path, 0, 180)) for path in (paths[0], paths[1], other)], starts[0] - starts[1]


def card(colour: int, frames: int, fade: int = 1) -> Film:
    picture = np.full((64, 64, 3), colour, np.uint8)
    cv2.putText(picture, "Play", (6, 36), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255 - colour,) * 3, 2)
    ramp = np.minimum(1, np.minimum(np.arange(frames), np.arange(frames)[::-1]) / fade) if fade > 1 else np.ones(frames)
    return [(picture * share).astype(np.uint8) for share in ramp]


def clock(frames: int) -> Film:
    found = []
    for left in range(frames, 0, -1):
        picture = np.full((64, 64, 3), 60, np.uint8)
        angle = 2 * np.pi * left / RATE
        end = int(32 + 26 * np.sin(angle)), int(32 - 26 * np.cos(angle))
        cv2.line(picture, (32, 32), end, (230, 230, 230), 3)
        cv2.putText(picture, str(left // RATE), (4, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (250, 200, 90), 2)
        found.append(picture)
    return found


def bars(frames: int) -> Film:
    return [np.repeat(np.kron(np.arange(0, 256, 36), np.ones(8))[None, :64, None], 64, axis=0).repeat(3, 2)] * frames


def black(frames: int) -> Film:
    return [np.zeros((64, 64, 3), np.uint8)] * frames


def black_first(film: Film, which: int) -> Film:
    return black(6) + film


def black_unequal(film: Film, which: int) -> Film:
    return black((4, 19)[which]) + film


def fade_in(film: Film, which: int) -> Film:
    return black(5) + [(f * min(1, n / 20)).astype(np.uint8) for n, f in enumerate(film)]


def black_last(film: Film, which: int) -> Film:
    return film + black(60)


def flash(film: Film, which: int) -> Film:
    place = (40, 120)[which]
    return film[:place] + [np.full((64, 64, 3), 255, np.uint8)] * 2 + film[place + 2 :]


def title(film: Film, which: int) -> Film:
    return card(20, 70, fade=12) + film


def bright_title(film: Film, which: int) -> Film:
    return card(220, 50) + film


def other_titles(film: Film, which: int) -> Film:
    return card((30, 200)[which], 50) + film


def title_in_one(film: Film, which: int) -> Film:
    return card(220, 50) + film if which else film


def countdown(film: Film, which: int) -> Film:
    return clock(75) + film


def colour_bars(film: Film, which: int) -> Film:
    return [np.asarray(p, np.uint8) for p in bars(30)] + film


def slate_last(film: Film, which: int) -> Film:
    return film + card(220, 50)


ADDED_FIRST = {black_unequal: (4, 19), title_in_one: (0, 50)}
EDITS = [black_first, black_unequal, fade_in, black_last, flash, title, bright_title, other_titles, title_in_one,
         countdown, colour_bars, slate_last]  # fmt: skip


def synced(films: list[Film], edit: Edit, folder: Path) -> Timeline:
    paths = [folder / "a.mp4", folder / "b.mp4"]
    for which, (path, film) in enumerate(zip(paths, films)):
        write_video(path, edit(film, which), RATE, crf=(18, 26)[which])
    return sync(paths, cue="motion", audio="off")


@pytest.mark.slow
@pytest.mark.parametrize("edit", EDITS)
def test_one_event_is_placed_right_whatever_was_added(
    edit: Edit, films: tuple[list[Film], int], tmp_path: Path
) -> None:
    (one, other, _), offset = films
    pair = synced([one, other], edit, tmp_path).pairs[0]
    before = ADDED_FIRST.get(edit, (0, 0))
    assert pair.placed, pair.reason
    assert pair.seconds == pytest.approx((offset - before[0] + before[1]) / RATE, abs=1.5 / RATE)


@pytest.mark.slow
@pytest.mark.parametrize("edit", EDITS)
def test_two_events_are_not_placed_by_what_was_added(edit: Edit, films: tuple[list[Film], int], tmp_path: Path) -> None:
    (one, _, other), _ = films
    assert not synced([one, other], edit, tmp_path).pairs[0].placed


def codes(timeline: Timeline) -> list[set[str]]:
    return [{warning.code for warning in file.warnings} for file in timeline.files]


@pytest.mark.slow
def test_pictures_that_are_left_out_are_named(films: tuple[list[Film], int], tmp_path: Path) -> None:
    (one, _, other), _ = films
    timeline = synced([one, other], lambda film, which: black(8) + card(220, 50) + film, tmp_path)
    for file, name in zip(timeline.files, ("b.mp4", "a.mp4")):
        said = {warning.code: warning.text for warning in file.warnings}
        assert "from 0.00 to 0.27 s" in said["one_colour"]
        assert f"as in {name} are shown from 0.27 to 1.93 s" in said["same_pictures"]


@pytest.mark.slow
def test_a_copy_is_placed_and_said_to_be_one(films: tuple[list[Film], int], tmp_path: Path) -> None:
    (one, other, _), _ = films
    timeline = synced([one, one], lambda film, which: film[20:] if which else film[:150], tmp_path)
    assert timeline.pairs[0].placed
    assert timeline.pairs[0].seconds == pytest.approx(-20 / RATE, abs=0.02)
    assert codes(timeline) == [{"copy"}, {"copy"}]
    assert codes(synced([one, other], lambda film, which: film, tmp_path)) == [set(), set()]


def with_lamp(film: Film, which: int) -> Film:
    """A recording lamp that goes on and off by the file's own clock."""
    found = [picture.copy() for picture in film]
    for number, picture in enumerate(found):
        if number % 50 < 20:
            picture[4:14, 48:60] = (230, 20, 20)
    return found


@pytest.mark.slow
def test_a_graphic_that_moves_in_both_places_none(
    films: tuple[list[Film], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one, _, other), _ = films
    still = [film[:1] * len(film) for film in (one, other)]
    timeline = synced(still, with_lamp, tmp_path)
    assert not timeline.pairs[0].placed
    pair = synced([one, other], with_lamp, tmp_path).pairs[0]
    assert not pair.placed
    surer = replace(CALIBRATIONS[DEFAULT_CUE], accepted=0.9999)  # so that nothing but guesses is left
    monkeypatch.setitem(CALIBRATIONS, DEFAULT_CUE, surer)
    guess = synced([one, other], with_lamp, tmp_path).pairs[0].best_guess_confidence
    assert (guess or 0) < 0.5


def one_ball(film: Film, which: int) -> Film:
    """Nothing moves in a still, but once a ball crosses it."""
    found = [picture.copy() for picture in film[:1] * len(film)]
    for step in range(9):
        place = (60, 110)[which] + step
        cv2.circle(found[place], (6 + 6 * step, (20, 44)[which]), 5, (250, 250, 250), -1)
    return found


@pytest.mark.slow
def test_one_moment_in_still_films_places_none(films: tuple[list[Film], int], tmp_path: Path) -> None:
    (one, _, other), _ = films
    assert not synced([one, other], one_ball, tmp_path).pairs[0].placed


@pytest.mark.slow
def test_one_person_in_a_still_room_is_enough(films: tuple[list[Film], int], tmp_path: Path) -> None:
    (one, other, _), offset = films

    def still_but_for_a_part(film: Film, which: int) -> Film:
        """Only the lower half of what the camera saw, before a still upper half."""
        found = [picture.copy() for picture in film]
        for picture in found:
            picture[:32] = film[0][:32]
        return found

    pair = synced([one, other], still_but_for_a_part, tmp_path).pairs[0]
    assert not pair.placed or pair.seconds == pytest.approx(offset / RATE, abs=1.5 / RATE)


@pytest.mark.slow
def test_two_black_films_with_a_flash_each_are_refused(films: tuple[list[Film], int], tmp_path: Path) -> None:
    timeline = synced(films[0][:2], lambda film, which: flash(black(150), which), tmp_path)
    assert [file.code for file in timeline.files] == ["still", "still"]
