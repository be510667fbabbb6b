"""``sync`` of files with sound, from the files on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.audio.sounded import write_sound
from videosync.errors import VideoError
from videosync.timeline import evidence
from videosync.timeline.result import Timeline
from videosync.timeline.sync import sync
from videosync.video.read import read_frames
from videosync.video.sound_track import Sound
from videosync.video.write import CLIP_OPTIONS, write_video

RATE = 16_000
FPS = 30.0
SECONDS = 6.0
Recorded = Callable[[str, float], Path]


def hits(seconds: float, seed: int) -> np.ndarray:
    """Short noises, at no regular times, float32 [n]."""
    rng = np.random.default_rng(seed)
    loud = np.repeat(rng.random(round(16 * seconds)) ** 4, RATE // 16)
    return (0.4 * loud * rng.uniform(-1, 1, len(loud))).astype(np.float32)


EVENT = hits(30.0, 1)  # what is to be heard, from 10 s before the event's timeline begins
SONG = hits(30.0, 2)


class Event:
    """Three cameras of one event, and what is recorded of it."""

    def __init__(self, folder: Path, paths: list[Path], starts: list[int]) -> None:
        self.folder, self.paths = folder, paths
        self.starts = [start / FPS for start in starts]
        self.frames = [read_frames(path) for path in paths]

    def film(
        self, name: str, camera: int, heard: np.ndarray | None = EVENT, late: float = 0.0, backwards: bool = False
    ) -> Path:
        """A file of a camera with what is heard there, perhaps ``late`` seconds later."""
        path = self.folder / f"{name}.mkv"
        frames = self.frames[camera][::-1] if backwards else self.frames[camera]
        sound = None if heard is None else Sound(recorded(heard, self.starts[camera] - late, SECONDS, camera), RATE)
        write_video(path, frames, FPS, sound=sound, threads=1, **CLIP_OPTIONS)  # pictures are reproducible
        return path

    def record(self, name: str, start: float, seconds: float, heard: np.ndarray = EVENT, **options: bool) -> Path:
        """A file with sound only."""
        path = self.folder / name
        codec = "pcm_s16le" if path.suffix == ".wav" else ""
        write_sound(path, Sound(recorded(heard, start, seconds, 9), RATE, codec), **options)
        return path


def recorded(heard: np.ndarray, start: float, seconds: float, seed: int) -> np.ndarray:
    begin = round((10 + start) * RATE)
    part = heard[begin : begin + round(seconds * RATE)]
    return part + 0.003 * np.random.default_rng(seed).normal(size=len(part)).astype(np.float32) * bool(part.any())


@pytest.fixture(scope="module")
def made(event: tuple[list[Path], list[int]], tmp_path_factory: pytest.TempPathFactory) -> Event:
    return Event(tmp_path_factory.mktemp("sound"), *event)


@pytest.fixture(scope="module")
def films(made: Event) -> list[Path]:
    return [made.film(f"cam{camera}", camera) for camera in (0, 1)]


def run(*paths: Path, **options: object) -> Timeline:
    return sync(paths, cue="motion", **options)  # type: ignore[arg-type]


OF_SOUND = ("audio", "witnesses", "agree", "decided_by")


def answers(timeline: Timeline) -> str:
    """The JSON but for what is said of sound, and paths."""
    said = timeline.to_json()
    for place in (*said["files"], *said["pairs"], said):
        for key in (*OF_SOUND, "path", "reference", *(["files"] if place is not said else [])):
            place.pop(key, None)
    return json.dumps(said)


def test_sound_and_pictures_of_one_event_agree(made: Event, films: list[Path]) -> None:
    truth = made.starts[0] - made.starts[1]
    (alone,), both = run(*films, audio="off").pairs, run(*films)
    (pair,) = both.pairs
    assert alone.placed
    assert [witness.name for witness in alone.witnesses] == ["picture"]
    assert (pair.seconds, pair.interval_seconds) == (alone.seconds, alone.interval_seconds)
    assert pair.confidence > alone.confidence
    assert (pair.decided_by, pair.agree) == ("picture", True)
    sound = pair.witness("sound")
    assert sound is not None
    assert sound.placed
    assert sound.seconds == pytest.approx(truth, abs=0.002)
    assert pair.sound_delay_seconds == pytest.approx((pair.seconds or 0) - truth, abs=0.002)
    assert len(both.sentences()) == 1


def test_swapped_files_give_exactly_the_negative_answer(films: list[Path]) -> None:
    (one,), (other,) = run(*films).pairs, run(*films[::-1]).pairs
    assert other.reversed() == one


def test_without_sound_that_can_be_heard_nothing_changes(made: Event, films: list[Path]) -> None:
    silent = made.film("silent", 1, np.zeros_like(EVENT))
    without = [made.film("none0", 0, None), made.film("none1", 1, None)]
    expected = answers(run(*films, audio="off"))
    assert answers(run(*without)) == answers(run(films[0], without[1])) == expected
    found = run(films[0], silent)
    assert answers(found) == expected
    assert [(w.name, w.reason) for w in found.pairs[0].witnesses] == [
        ("picture", None),
        ("sound", "its sound is silent"),
    ]


def test_off_reads_no_sound(films: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "sound_tracks", lambda paths: pytest.fail("sound was looked for"))
    assert run(*films, audio="off").complete


def test_only_looks_at_no_pictures(made: Event, films: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "read_clips", lambda *_: pytest.fail("pictures were decoded"))
    without = made.film("none", 1, None)
    found = sync([*films, without], audio="only")
    assert found.cue == "sound"
    pair = found.offset(*films)
    assert pair.seconds == pytest.approx(made.starts[0] - made.starts[1], abs=0.002)
    assert pair.frames == pytest.approx(FPS * (pair.seconds or 0))
    assert found.files[2].reason == "it has no sound"


@pytest.mark.parametrize("ending", ["wav", "m4a"])
def test_a_recording_of_sound_is_placed(ending: str, made: Event, films: list[Path]) -> None:
    """By the sound of the only file that has pictures, which need not be decoded; a cover is no picture."""
    recorder = made.record(f"recorder.{ending}", -4.0, 12.0, cover=ending == "m4a")
    found = run(films[1], recorder)
    assert found.complete
    film, sound = found.to_json()["files"]
    assert (sound["fps"], sound["start_frame"], sound["camera"]) == (None, None, None)
    assert film["start_seconds"] == pytest.approx(made.starts[1] + 4, abs=0.003)
    assert film["start_frame"] == pytest.approx(film["start_seconds"] * FPS, abs=1e-3)
    low, high = film["interval_seconds"]
    assert 2 * 10 / 343 < high - low < 2 * 0.09
    close = run(films[1], recorder, microphone_distance=1.0).pairs[0].interval_seconds or (0, 0)
    assert (high - low) - (close[1] - close[0]) == pytest.approx(2 * 9 / 343, abs=1e-6)


def test_where_no_other_file_has_sound_that_is_the_reason(made: Event) -> None:
    films = [made.film("none0", 0, None), made.film("none1", 1, None)]
    recorder = made.record("recorder.wav", -4.0, 12.0)
    found = run(*films, recorder)
    assert [file.placed for file in found.files] == [True, True, False]
    assert found.files[2].reason == "it has sound only, and no other file has sound that can be compared with it"
    lonely = run(films[0], recorder)
    assert lonely.files[0].reason == "it has no sound, and no other file has pictures"
    assert not lonely.complete
    unknown = made.film("unknown", 1)
    unknown.write_bytes(unknown.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_XXXXX/ISO/AVC"))
    found = run(*films, unknown)
    assert found.files[2].reason is not None
    assert found.files[2].reason.startswith("its pictures are in a format that nothing here decodes")
    with pytest.raises(VideoError, match=r"recorder\.wav: has no video stream .* With --audio off"):
        run(*films, recorder, audio="off")


def test_sound_files_that_are_damaged_or_too_short_are_named(made: Event, films: list[Path]) -> None:
    empty, short = made.folder / "empty.wav", made.record("short.wav", 0.0, 2.0)
    empty.write_bytes(short.read_bytes()[:44])
    found = run(*films, empty, short, min_overlap=3.0)
    assert [file.placed for file in found.files] == [True, True, False, False]
    assert re.search(r"empty\.wav: .*cannot be (opened as a sound file|decoded)", found.files[2].reason or "")
    assert found.files[3].reason == "too short: 2.00 s of sound, and at least 3.00 s are needed"
    with pytest.raises(VideoError, match=r"empty\.wav: .*cannot be (opened as a sound file|decoded)"):
        run(films[0], empty)


def test_a_range_that_leaves_no_offset_is_the_reason(made: Event) -> None:
    recorders = [made.record(name, start, 4.0) for name, start in (("here.wav", 0.0), ("there.wav", 0.5))]
    for options in ({"max_offset": 0.01}, {"min_overlap": 4.0}):
        assert "raise --max-offset or lower --min-overlap" in (run(*recorders, **options).files[0].reason or "")


def test_three_files_of_which_one_has_sound_only(made: Event, films: list[Path]) -> None:
    recorder = made.record("recorder.wav", -4.0, 12.0)
    alone, found = run(*films, audio="off"), run(*films, recorder)
    assert found.complete
    names = [*map(str, films), str(recorder)]
    offsets = {(i, j): found.offset(names[i], names[j]).seconds or 0 for i, j in ((0, 1), (1, 2), (0, 2))}
    assert offsets[0, 1] == pytest.approx(alone.pairs[0].seconds, abs=1e-9)
    assert offsets[0, 2] == pytest.approx(made.starts[0] + 4, abs=0.02)
    assert offsets[0, 1] + offsets[1, 2] == pytest.approx(offsets[0, 2], abs=1e-9)


def test_a_song_under_one_film_does_not_move_it(made: Event, films: list[Path]) -> None:
    """The same song lies under both films, elsewhere in each."""
    songs = [made.film("song0", 0, SONG), made.film("song1", 1, SONG, late=2.2)]
    alone, found = run(*songs, audio="off").pairs[0], run(*songs)
    (pair,) = found.pairs
    assert pair.seconds == alone.seconds
    assert 0.8 <= pair.confidence < alone.confidence
    assert "The sound of song0.mkv and song1.mkv fits 2.2" in found.sentences()[1]
    foreign = run(films[0], songs[1]).pairs[0]  # a song here, the event there: nothing in common
    assert foreign.seconds == pytest.approx(alone.seconds, abs=1 / FPS)
    assert (foreign.decided_by, foreign.agree) == ("picture", None)


def test_the_same_song_in_two_films_that_share_nothing_is_said(made: Event) -> None:
    one, other = made.film("one", 0, SONG), made.film("other", 1, SONG, backwards=True)
    assert not run(one, other, audio="off").complete
    found = run(one, other)
    (pair,) = found.pairs
    assert (pair.decided_by, pair.agree) == ("sound", False)
    assert any("pictures of one.mkv and other.mkv" in sentence for sentence in found.sentences())


def test_sound_from_far_away_is_said_and_not_averaged_in(made: Event, films: list[Path]) -> None:
    far = made.film("far", 1, late=0.08)
    near, found = run(*films).pairs[0], run(films[0], far)
    (pair,) = found.pairs
    assert pair.seconds == near.seconds
    assert (pair.sound_delay_seconds or 0) - (near.sound_delay_seconds or 0) == pytest.approx(-0.08, abs=0.003)
    assert any("later in far.mkv than in cam0.mkv" in sentence for sentence in found.sentences())
    assert run(films[0], far, microphone_distance=2.0).pairs[0].agree is False


def test_sound_places_films_in_which_nothing_moves(made: Event, films: list[Path]) -> None:
    still = made.folder / "still.mkv"
    sound = Sound(recorded(EVENT, made.starts[0], SECONDS, 3), RATE)
    write_video(still, np.repeat(made.frames[0][:1], round(SECONDS * FPS), axis=0), FPS, sound=sound)
    found = run(still, films[1])
    assert found.complete
    assert found.pairs[0].decided_by == "sound"
    assert "its pictures were not compared (nothing moves in it" in (found.files[0].note or "")
