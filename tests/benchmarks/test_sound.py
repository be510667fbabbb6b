"""Made recordings whose truth holds, and the commands that ask about them."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile
from scipy.signal import correlate

from benchmarks.pipeline import Answer
from benchmarks.sound import compare, events, long, pairs, recordings
from benchmarks.sound.methods import FINDER, answered, offset_finder, why_no_finder
from benchmarks.sound.pairs import Draw, Pair, make
from benchmarks.sound.recording import BIT_RATES, Microphone, draw_room, noise, on_clock, through_codec
from benchmarks.sound.recordings import Recorded
from benchmarks.sound.scoring import sound_scores
from benchmarks.sound.sources import SPLITS, Library, read_folder
from benchmarks.sound.waves import MADE, RATE, speech_like
from dataset_preparation.synthetic.sound_event import SoundSettings, make_sound_event
from videosync.data.identity import code_hash
from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.errors import ConfigError

DRAW = Draw("development", 3, related=5, unrelated=5)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "LENGTHS", (2.0, 4.0))


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outdoors, hardly any noise, microphones that change nothing."""
    monkeypatch.setattr(pairs, "DECIBELS", (60.0, 60.0))
    monkeypatch.setattr(pairs, "draw_room", lambda rng: replace(draw_room(rng), reflection=0.0))
    monkeypatch.setattr(pairs, "draw_microphone", lambda rng: Microphone((50.0, 7000.0), 0.0, 0.9, "", 0))


def lag(one: np.ndarray, other: np.ndarray) -> float:
    """Seconds by which what is in ``one`` comes later in ``other``."""
    return (int(np.argmax(correlate(other, one, "full", "fft"))) - len(one) + 1) / RATE


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("what", ["related", "unrelated", "copies"])
def test_a_pair_is_the_same_each_time_and_unlike_the_next(what: str) -> None:
    library = Library(None, "development")
    (pair, one), (again, two), (_, other) = (make(what, n, DRAW, library) for n in (0, 0, 5))
    assert pair == again
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0][:16000], other[0][:16000])
    assert all(len(wave) >= 2 * RATE - 1 and np.abs(wave).max() < 1.5 for wave in one)
    assert (pair.start is None) == (what == "unrelated")


@pytest.mark.usefixtures("short", "clean")
@pytest.mark.parametrize("number", [0, 1, 3])  # speech-like, music-like, a crowd
def test_the_truth_is_what_the_microphones_recorded(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pair, (one, other) = make("related", number, DRAW, Library(None, "development"))
    assert pair.middle is not None
    assert lag(one, other) == pytest.approx(pair.middle, abs=1e-3)
    monkeypatch.setattr(pairs, "SPEED", 1e9)  # without the way of the sound it would be another one
    bare, _ = make("related", number, DRAW, Library(None, "development"))
    assert bare.middle is not None
    assert abs(bare.middle - pair.middle) > 1e-4


@pytest.mark.usefixtures("short", "clean")
def test_copies_lie_where_the_truth_says() -> None:
    pair, (one, other) = make("copies", 3, DRAW, Library(None, "development"))
    assert pair.start is not None
    assert lag(one, other) == pytest.approx(pair.start, abs=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("clean")
def test_clocks_drift_as_the_truth_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "PPM", 5000.0)
    pair, (one, other) = make("long", 3, DRAW, Library(None, "development"))
    assert pair.start is not None
    assert pair.middle is not None
    begin = max(0.0, -pair.start)
    for at in (2.0, 30.0, 55.0):
        first = round((begin + at) * RATE)
        expected = pair.start + at * pair.drift_ppm * 1e-6
        near = round((begin + at + expected - 0.5) * RATE)
        found = lag(one[first : first + RATE], other[near : near + 2 * RATE])
        assert found + near / RATE - first / RATE == pytest.approx(expected, abs=8e-3)
    assert pair.middle - pair.start == pytest.approx(30 * pair.drift_ppm * 1e-6, rel=0.02)


def test_a_clock_reads_between_samples() -> None:
    t = np.arange(3 * RATE) / RATE
    wave = np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    seen = on_clock(wave, 0.50001, 1.0, 100.0)
    places = 0.50001 + np.arange(RATE) / RATE / (1 + 1e-4)
    assert seen == pytest.approx(np.sin(2 * np.pi * 1000 * places), abs=1e-3)


@pytest.mark.parametrize(("codec", "rate"), [(codec, rates[-1]) for codec, rates in BIT_RATES.items()])
def test_a_codec_keeps_sound_where_it_is(codec: str, rate: int) -> None:
    wave = noise(3 * RATE + 333, 1.0, np.random.default_rng(0))
    coded = through_codec(wave, codec, rate)
    assert len(coded) == len(wave)
    assert abs(lag(wave, coded)) <= 1 / RATE


@pytest.mark.parametrize("name", MADE)
def test_made_sounds_fill_their_time(name: str) -> None:
    wave = MADE[name](3.0, np.random.default_rng(1))
    assert len(wave) == 3 * RATE
    assert np.isfinite(wave).all()
    assert np.sqrt(np.mean(wave**2)) == pytest.approx(0.1, rel=0.01)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Four voices of three files each, and four noises without groups."""
    rng = np.random.default_rng(0)
    for place in [f"speech/voice{n}/{m}.wav" for n in range(4) for m in range(3)] + [
        f"noises/{n}.wav" for n in range(4)
    ]:
        path = tmp_path / "sounds" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(path, RATE, speech_like(1.5, rng))
    return tmp_path / "sounds"


def test_splits_share_no_group_and_no_file(sounds: Path) -> None:
    dealt = {split: read_folder(sounds, split) for split in SPLITS}
    for kind, count in (("speech", 4), ("noises", 4)):
        groups = [set(dealt[split][kind]) for split in SPLITS]
        assert sum(map(len, groups)) == len(set.union(*groups)) == count
        assert all(groups)
    library = Library(sounds, "test")
    one = library.draw("speech", 6.0, np.random.default_rng(0))
    other = library.draw("speech", 4.0, np.random.default_rng(1), unlike=one)
    assert one.group != other.group
    assert len([path for path in one.files if path.parent.name == one.group]) == 3  # none of them twice, then others
    assert {path.parent.name for path in one.files | other.files} <= set(dealt["test"]["speech"])


def test_what_cannot_be_read_is_named_and_too_little_is_a_sentence(
    sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sounds / "noises" / "0.wav").write_bytes(b"x" * 9000)
    assert sorted(name for split in SPLITS for name in read_folder(sounds, split)["noises"]) == [
        "1.wav",
        "2.wav",
        "3.wav",
    ]
    assert f"left out: {sounds / 'noises' / '0.wav'}" in capsys.readouterr().err
    for name in ("1.wav", "2.wav"):
        (sounds / "noises" / name).unlink()
    with pytest.raises(ConfigError, match="three or more"):
        read_folder(sounds, "test")
    with pytest.raises(ConfigError, match="no sub-folder"):
        read_folder(tmp_path / "nowhere", "test")


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_one_command_makes_compares_and_keeps_recordings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ["--split", "development", "--related", "5", "--unrelated", "4", "--long", "0", "--bootstrap", "20"]
    typed += ["--copies", "2", "--recordings", str(tmp_path / "made"), "--output", str(tmp_path / "out")]
    assert compare.main(typed) == 0
    printed = capsys.readouterr()
    for name in ("| videosync ", "| cross-correlation ", "| always 0 ", "| speech-like ", "| unrelated: ", "| copies "):
        assert name in printed.out
    assert f"{FINDER} is left out: no --offset-finder was given" in printed.err
    assert {path.name for path in (tmp_path / "made" / "development_0" / "related_0").iterdir()} == {
        "0.wav", "1.wav", "pair.json", "cross-correlation.json", "always 0.json",
        f"videosync_{code_hash('sound')}.json",
    }  # fmt: skip
    assert compare.main(["--answers", str(tmp_path / "out" / "answers.jsonl"), "--bootstrap", "20"]) == 0
    assert capsys.readouterr().out == printed.out

    def never(*args: object) -> None:
        raise AssertionError("what is there is not made again")

    monkeypatch.setattr(recordings, "make", never)
    assert compare.main(typed) == 0
    monkeypatch.setattr(recordings, "GENERATOR", ("waves.py",))  # as if the code had changed
    assert compare.main(typed) == 2
    assert "was made by other code" in capsys.readouterr().err


def test_the_other_finder_is_asked_in_both_orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "audio_offset_finder"
    module.mkdir()
    (module / "__init__.py").touch()
    (module / "audio_offset_finder.py").write_text(
        "class InsufficientAudioException(Exception): pass\n"
        "def find_offset_between_files(one, other):\n"
        "    if 'short' in one: raise InsufficientAudioException\n"
        "    first = one.endswith('0.wav')\n"
        "    return {'time_offset': 1.5 if first else -1.25, 'standard_score': 8.0 if first else 12.0}\n"
    )
    assert why_no_finder(None) == "no --offset-finder was given"
    assert why_no_finder(tmp_path / "none") == f"{tmp_path / 'none'} is no interpreter"
    assert "no module" in str(why_no_finder(Path(sys.executable)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pair = Pair("a", "b", "c", "d", 0.0, 0.0)
    waves = np.zeros(9), np.zeros(9)
    paths = tmp_path / "0.wav", tmp_path / "1.wav"
    said = offset_finder(Recorded(pair, paths, waves), sys.executable)
    assert (said["said"], said["confidence"], said["placed"]) == (-1.25, 12.0, True)
    short = tmp_path / "short" / "0.wav", tmp_path / "short" / "1.wav"
    said = offset_finder(Recorded(pair, short, waves), sys.executable)
    assert (said["said"], said["placed"]) == (None, False)


def test_an_answer_is_kept_beside_the_recordings(tmp_path: Path) -> None:
    recorded = Recorded(
        Pair("a", "b", "c", "d", 0.0, 0.5), (tmp_path / "0.wav", tmp_path / "1.wav"), (np.zeros(9),) * 2
    )
    first = answered(recorded, {"m": lambda recorded: {"said": 1.0, "more": {"precise": True}}})
    again = answered(recorded, {"m": lambda recorded: {"said": 2.0}})
    assert first == again
    assert (first[0].said, first[0].true, first[0].more["precise"]) == (1000.0, 500.0, True)


def answer(said: float | None, true: float | None, placed: bool | None, **more: object) -> Answer:
    about = {"minutes": 0.5, **more}
    return Answer("60 s", "speech", f"{said}{true}", "c", "m", 1000.0, true, said, 0.9, placed, seconds=0.1, more=about)


def test_scores_are_of_what_is_placed() -> None:
    found = sound_scores(
        [
            answer(4.0, 0.0, True, precise=True, drift_ppm=3.0, true_drift_ppm=1.0, inside=True),
            answer(-30.0, 0.0, True, drift_ppm=None, true_drift_ppm=0.0, inside=False),
            answer(500.0, 0.0, True, inside=False),
            answer(300.0, 0.0, False),
            answer(1.0, None, True),
            answer(1.0, None, False),
        ],
        bootstrap=50,
    )
    expected = {
        "n": 4, "unrelated": 2, "placed": 0.75, "placed_median_ms": 30.0, "precise_within_20": 1.0, "accepted": 0.5,
        "median_ms": 165.0, "within_20": 0.25, "within_100": 0.5, "drift_error_ppm": 2.0, "n_drift": 1,
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert found["placed_wrong"] == pytest.approx(1 / 3)
    assert found["interval_holds"] == pytest.approx(1 / 3)
    assert found["seconds_a_minute"] == pytest.approx(0.2)
    never = sound_scores([answer(0.0, 5.0, None), answer(0.0, None, None)], bootstrap=0)
    assert never["placed"] is never["accepted"] is never["interval_holds"] is None


@pytest.mark.slow
def test_a_long_recording_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["--minutes", "0.6", "0.5", "--late", "0.1", "--decibels", "30", "--output", str(tmp_path)]
    assert long.main(typed) == 0
    assert "| 0.6 min, 0.5 min |" in capsys.readouterr().out
    assert long.main(["--files", str(tmp_path / "0.wav"), str(tmp_path / "1.wav")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["offset"] == pytest.approx(-6, abs=0.2)
    assert found["gigabytes"] > 0.01
    assert long.main(["--files", str(tmp_path / "none.wav"), str(tmp_path / "1.wav")]) == 2


@pytest.mark.slow
def test_events_are_asked_by_picture_by_sound_and_by_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = SoundSettings(views=2, frames=60, size=48, offset_range=10, fps=25.0)
    samples = []
    for index in range(2):
        record = make_sound_event(tmp_path / "made", "val", index, settings)
        views = tuple(View(v["video"], v["start_frame"], v["num_frames"], v["fps"]) for v in record["views"])
        samples.append(Sample(f"event{index}", "val", views))
    write_manifest(tmp_path / "made", samples)
    assert events.main(["--data", str(tmp_path / "made"), "--output", str(tmp_path), "--bootstrap", "20"]) == 0
    printed = capsys.readouterr().out
    for name in ("| picture | 2, 2 ", "| sound   | 2, 2 ", "| both    | 2, 2 "):
        assert name in printed
    assert events.main(["--output", str(tmp_path)]) == 2
