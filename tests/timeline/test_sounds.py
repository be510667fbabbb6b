"""Sound beside pictures, from matches that are made up: what is tied, what is not moved, how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tests.audio.sounded import write_sound
from tests.timeline.test_placement import curve
from videosync.lags.scores import LagScores
from videosync.sound.match import SoundMatch
from videosync.timeline.calibration import SOUND, calibration_for
from videosync.timeline.clips import ClipInfo
from videosync.timeline.compare import Compared
from videosync.timeline.conclude import conclude
from videosync.timeline.evidence import Evidence
from videosync.timeline.placement import judge
from videosync.timeline.progress import HEARING, MATCHING
from videosync.timeline.reasons import Search
from videosync.timeline.result import Timeline
from videosync.timeline.sounds import GRID, Sounds, hear, sound_scores
from videosync.video.sound_track import Sound

RATE = 30.0
Pair = tuple[int, int]


def match(seconds: float, confidence: float = 0.99, *, rival: float | None = None, **facts: object) -> SoundMatch:
    """A peak at ``seconds`` and perhaps a rival, nearly as high."""
    lags = np.arange(-1000, 1001) / 100
    scores = np.abs(np.random.default_rng(0).normal(size=len(lags))) + 20 * (np.abs(lags - seconds) < 0.011)
    if rival is not None:
        scores += 19 * (np.abs(lags - rival) < 0.011)
    placed = bool(facts.pop("placed", confidence >= 0.95))
    told = {"drift_ppm": None, "reason": None if placed else "weak", "rivals": (), "features": {}}
    told |= {"same_recording": False, **facts}
    return SoundMatch(
        seconds, (seconds - 0.005, seconds + 0.005), confidence, placed, True, lags=lags, scores=scores, **told
    )  # type: ignore[arg-type]


def seen(frames: float, height: float = 9.0) -> LagScores:
    return curve(frames, height=height, rng=np.random.default_rng(1), reach=200)


def said(
    pictures: Mapping[Pair, LagScores],
    matches: Mapping[Pair, SoundMatch],
    *,
    files: int = 2,
    sound_only: tuple[int, ...] = (),
    distance: float | None = None,
) -> Timeline:
    """What is concluded of files of 10 s; all have pictures but those of ``sound_only``, and all have sound."""
    infos = {n: ClipInfo(f"f{n}", np.arange(300) / RATE, RATE) for n in range(files) if n not in sound_only}
    sounds = Sounds(frozenset(range(files)), spans=dict.fromkeys(range(files), (0.0, 10.0)), matches=matches)
    search = Search(None, None, distance)
    looks = len(infos) > 1
    paths = tuple(f"f{n}" for n in range(files))
    compared = {pair: Compared(curve) for pair, curve in pictures.items()}
    return conclude(
        Evidence(
            paths, infos, {}, RATE if looks else GRID, compared, search, "motion" if looks else SOUND, sounds=sounds,
            audio="auto",
        )
    )  # fmt: skip


@pytest.mark.parametrize("confidence", [0.3, 0.81, 0.95, 0.99, 0.998])
@pytest.mark.parametrize("seconds", [1.0, -2.5432, 0.049])
def test_lag_scores_of_sound_are_as_sure_as_the_match_and_as_exact(seconds: float, confidence: float) -> None:
    scores = sound_scores(match(seconds), confidence)
    assert scores.vertex(scores.best()) / GRID == pytest.approx(seconds, abs=1e-9)
    answer = judge(scores)
    assert answer.lag == scores.best()
    assert answer.confidence == pytest.approx(confidence, abs=2e-3)
    assert (answer.doubt is None) == (confidence >= calibration_for(SOUND).accepted)


def test_rivals_do_not_make_a_sure_match_less_sure() -> None:
    answer = judge(sound_scores(match(1.0, rival=4.0), 0.97))
    assert answer.confidence == pytest.approx(0.97, abs=2e-3)
    assert answer.lag == 10


def test_witnesses_that_agree_are_surer_and_the_start_is_that_of_the_pictures() -> None:
    alone, both = said({(0, 1): seen(30.4)}, {}), said({(0, 1): seen(30.4)}, {(0, 1): match(1.04)})
    (before,), (after,) = alone.pairs, both.pairs
    assert (after.seconds, after.interval_seconds) == (before.seconds, before.interval_seconds)
    assert before.confidence < after.confidence < 1
    assert 1 - after.confidence == pytest.approx((1 - before.confidence) * 0.01)
    assert (after.decided_by, after.agree) == ("picture", True)
    assert after.sound_delay_seconds == pytest.approx(after.seconds - 1.04)
    assert [(w.name, w.placed, round(w.seconds, 1)) for w in after.witnesses] == [
        ("picture", True, 1.0),
        ("sound", True, 1.0),
    ]


@pytest.mark.parametrize("elsewhere", [4.2, -1.0, 1.3])
def test_sound_never_moves_pictures_that_are_sure(elsewhere: float) -> None:
    alone, both = said({(0, 1): seen(30.4)}, {}), said({(0, 1): seen(30.4)}, {(0, 1): match(elsewhere, 0.998)})
    assert both.pairs[0].seconds == alone.pairs[0].seconds
    assert both.pairs[0].agree is False
    assert both.pairs[0].sound_delay_seconds is None
    assert both.pairs[0].confidence == calibration_for("motion").accepted < alone.pairs[0].confidence
    assert f"fits {abs(alone.pairs[0].seconds - elsewhere):.2f} s elsewhere" in both.sentences()[1]


def test_one_song_under_many_files_does_not_move_them_together() -> None:
    """Two files of one event, and the song that was put under both, at another place of each."""
    sounds = {(0, 1): match(4.0, 0.998), (0, 2): match(5.0, 0.998), (1, 2): match(1.0, 0.998)}
    found = said({(0, 1): seen(30.0)}, sounds, files=3, sound_only=(2,))
    assert found.offset("f0", "f1").seconds == pytest.approx(1.0, abs=0.02)
    assert [file.placed for file in found.files] == [True, True, False]
    assert "contradict each other" in (found.files[2].reason or "")


def test_sound_that_refuses_says_nothing_against_pictures() -> None:
    alone, both = said({(0, 1): seen(30.4)}, {}), said({(0, 1): seen(30.4)}, {(0, 1): match(4.0, 0.5)})
    assert both.pairs[0].confidence == alone.pairs[0].confidence
    assert both.pairs[0].agree is None
    assert len(both.sentences()) == len(alone.sentences())


@pytest.mark.parametrize("reason", ["repeats", "edge"])
def test_sound_that_fits_many_offsets_bears_nothing_out(reason: str) -> None:
    alone = said({(0, 1): seen(30.4)}, {}).pairs[0]
    both = said({(0, 1): seen(30.4)}, {(0, 1): match(1.01, 0.97, placed=False, reason=reason)}).pairs[0]
    assert (both.confidence, both.agree) == (alone.confidence, None)
    refused = said({}, {(0, 1): match(1.01, 0.97, placed=False, reason=reason)}, sound_only=(0, 1))
    assert not any(file.placed for file in refused.files)


def test_pictures_that_are_not_sure_give_way_to_sound() -> None:
    weak = seen(-60.0, height=3.6)
    found = said({(0, 1): weak}, {(0, 1): match(1.0)})
    (pair,) = found.pairs
    assert (pair.decided_by, pair.agree, pair.placed) == ("sound", False, True)
    assert pair.seconds == pytest.approx(1.0, abs=1e-6)
    assert pair.confidence == pytest.approx(0.99, abs=2e-3)
    assert any("pictures of f0 and f1" in sentence for sentence in found.sentences())


def test_two_unsure_witnesses_that_agree_place_a_file() -> None:
    weak = seen(30.0, height=3.9)
    unsure = judge(LagScores(weak.first, weak.scores, cue="motion"))
    assert 0.2 < unsure.confidence < calibration_for("motion").accepted
    assert not said({(0, 1): weak}, {}).pairs[0].placed
    together = said({(0, 1): weak}, {(0, 1): match(1.0, 0.75)}).pairs[0]
    assert together.placed
    assert 1 - together.confidence == pytest.approx((1 - unsure.confidence) * 0.25, abs=2e-3)
    assert not said({(0, 1): weak}, {(0, 1): match(4.0, 0.75)}).pairs[0].placed


def test_the_way_of_the_sound_is_in_the_interval() -> None:
    for distance, half in ((None, 0.005 + 10 / 343), (0.0, 0.005), (3.43, 0.015)):
        (pair,) = said({}, {(0, 1): match(1.0)}, sound_only=(0, 1), distance=distance).pairs
        low, high = pair.interval_seconds or (0, 0)
        assert (low, high) == pytest.approx((1 - half, 1 + half))
        assert (pair.fps, pair.frames) == (None, None)


def test_how_far_sound_may_be_late_depends_on_the_distance() -> None:
    for distance, agree in ((None, True), (30.0, True), (1.0, False)):
        (pair,) = said({(0, 1): seen(30.0)}, {(0, 1): match(1.08)}, distance=distance).pairs
        assert pair.agree is agree


def test_microphones_far_apart_do_not_contradict_each_other() -> None:
    """Sound comes 60 ms later in file 1: the recorder is tied to both files, which the pictures hold."""
    sounds = {(0, 1): match(1.06), (0, 2): match(3.0), (1, 2): match(1.94)}
    found = said({(0, 1): seen(30.0)}, sounds, files=3, sound_only=(2,))
    assert found.complete
    pictures = said({(0, 1): seen(30.0)}, {}).pairs[0].seconds
    assert found.offset("f0", "f1").seconds == pytest.approx(pictures, abs=1e-9)
    assert found.offset("f0", "f2").seconds == pytest.approx(2.97, abs=0.02)


def test_loops_of_files_close() -> None:
    starts = {0: 0.0, 1: 1.3, 2: -2.2, 3: 0.7}
    sounds = {(i, j): match(starts[i] - starts[j] + 0.002 * (i + j)) for i, j in combinations(starts, 2)}
    found = said({}, sounds, files=4, sound_only=(0, 1, 2, 3))
    assert found.complete
    for i, j in combinations(starts, 2):
        pair = found.offset(f"f{i}", f"f{j}")
        assert pair.seconds == pytest.approx(starts[i] - starts[j], abs=0.01)
        assert pair.decided_by == "sound"


def test_groups_that_pictures_place_are_tied_by_sound() -> None:
    """Two events of two cameras for the pictures, one for the sound of one camera each."""
    found = said({(0, 1): seen(30.0), (2, 3): seen(-45.0)}, {(1, 2): match(2.0)}, files=4)
    assert found.complete
    assert found.offset("f0", "f1").seconds == pytest.approx(1.0, abs=0.02)
    assert found.offset("f2", "f3").seconds == pytest.approx(-1.5, abs=0.02)
    assert found.offset("f1", "f2").seconds == pytest.approx(2.0, abs=1e-6)
    assert [found.offset(*pair).decided_by for pair in (("f0", "f1"), ("f1", "f2"))] == ["picture", "sound"]
    low, high = found.offset("f0", "f3").interval_seconds or (0, 0)
    assert high - low > sum(b - a for a, b in [found.offset("f0", "f1").interval_seconds or (0, 0)])


def test_a_bigger_group_of_sounds_does_not_displace_what_pictures_place() -> None:
    sounds = {(i, j): match(0.5 * (i - j)) for i, j in combinations((2, 3, 4), 2)}
    found = said({(0, 1): seen(30.0)}, sounds, files=5, sound_only=(2, 3, 4))
    assert [file.placed for file in found.files] == [True, True, False, False, False]
    assert "fits f3 and f4, but not those on the timeline" in (found.files[2].reason or "")


def test_contradicting_sounds_do_not_displace_what_pictures_place() -> None:
    """Three recordings that fit each other, and both cameras of the event, but each at another time."""
    sounds = {(i, j): match(0.5 * (i - j), 0.998) for i, j in combinations((2, 3, 4), 2)}
    sounds |= {(0, 2): match(2.0), (1, 3): match(-6.0), (0, 4): match(8.0), (1, 4): match(3.0)}
    found = said({(0, 1): seen(30.0)}, sounds, files=5, sound_only=(2, 3, 4))
    assert [file.placed for file in found.files[:2]] == [True, True]
    assert found.offset("f0", "f1").seconds == pytest.approx(1.0, abs=0.02)


def test_a_pair_that_hears_nothing_does_not_weaken_one_that_does() -> None:
    sounds = {(0, 2): match(3.0), (1, 2): match(-4.0, 0.3)}
    found = said({(0, 1): seen(30.0)}, sounds, files=3, sound_only=(2,))
    assert found.offset("f0", "f2").seconds == pytest.approx(3.0, abs=1e-6)
    assert found.files[2].confidence == pytest.approx(0.99, abs=2e-3)


def test_swapped_files_have_the_same_rivals_in_the_same_order() -> None:
    heard = match(1.0, 0.3, reason="repeats", rivals=(-2.5, 1.5, 4.0))
    (one,) = said({}, {(0, 1): heard}, sound_only=(0, 1)).pairs
    (other,) = said({}, {(0, 1): heard.reversed()}, sound_only=(0, 1)).pairs
    assert other.reversed().rivals_seconds == one.rivals_seconds == (1.5, 4.0, -2.5)
    assert other.reason == one.reason
    assert "(0.50 s, 3.00 s, 3.50 s away from the best)" in (one.reason or "")


def test_swapped_files_negate_everything() -> None:
    pictures, heard = seen(30.4), match(1.04, drift_ppm=30.0, rivals=(3.0,))
    (one,) = said({(0, 1): pictures}, {(0, 1): heard}).pairs
    (other,) = said({(0, 1): pictures.reversed()}, {(0, 1): heard.reversed()}).pairs
    back = other.reversed()
    assert (back.seconds, back.interval_seconds, back.confidence) == (one.seconds, one.interval_seconds, one.confidence)
    assert back.witnesses == one.witnesses
    assert back.sound_delay_seconds == one.sound_delay_seconds


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"drift_ppm": 5000.0}, "The clock of f1 runs 5000 ppm faster than that of f0: 0.04 s in the 9 s"),
        ({"features": {"agreeing_share": 0.45}}, "The sound of f0 and f1 agrees in 45 % of the time they share"),
    ],
)
def test_what_sound_says_of_itself(facts: dict[str, object], sentence: str) -> None:
    found = said({(0, 1): seen(30.0)}, {(0, 1): match(1.0, **facts)})
    assert any(sentence in said for said in found.sentences())
    assert not any(sentence in said for said in said_plainly())


def test_both_files_of_copies_are_warned_of() -> None:
    found = said({(0, 1): seen(30.0)}, {(0, 1): match(1.0, same_recording=True)})
    for file, other in zip(found.files, ("f1", "f0")):
        (warning,) = [warning for warning in file.warnings if warning.code == "same_recording"]
        assert f"that of {other} are copies of one recording" in warning.text
    sentence, more = "The sound tracks of f0 and f1 are copies of one recording", ", which may have been put under"
    assert not any(sentence in said for said in found.sentences())  # pictures bear it out
    for sound_only, expected in (((0, 1), False), ((0,), True)):
        alone = said({}, {(0, 1): match(1.0, same_recording=True)}, sound_only=sound_only)
        (told,) = [said for said in alone.sentences() if sentence in said]
        texts = [warning.text for file in alone.files for warning in file.warnings]
        assert [more in text for text in (told, *texts)] == [expected] * 3


def test_a_few_seconds_do_not_tell_what_share_of_the_sound_agrees() -> None:
    partly = match(4.0, features={"agreeing_share": 0.45})
    assert not any("45 %" in sentence for sentence in said({(0, 1): seen(120.0)}, {(0, 1): partly}).sentences())


def said_plainly() -> list[str]:
    return said({(0, 1): seen(30.0)}, {(0, 1): match(1.0)}).sentences()


@pytest.mark.parametrize(
    ("reason", "rivals", "sentence"),
    [
        ("repeats", (1.5, 2.0), "the sound repeats itself (a loop, a beat)"),
        ("ambiguous", (3.0,), "other offsets of the sound fit nearly as well (2.00 s away from the best)"),
        ("weak", (), "too little of the sound is shared"),
        ("short", (), "too little sound for a comparison"),
        ("edge", (), "lower --min-overlap"),
    ],
)
def test_why_sound_does_not_place_a_file(reason: str, rivals: tuple[float, ...], sentence: str) -> None:
    found = said({}, {(0, 1): match(1.0, 0.3, reason=reason, rivals=rivals)}, sound_only=(0, 1))
    assert not any(file.placed for file in found.files)
    assert all(sentence in (file.reason or "") for file in found.files)
    assert sentence in (found.pairs[0].reason or "")
    assert found.pairs[0].witnesses[0].code == reason


def test_listening_tells_how_far_it_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = [str(tmp_path / f"{number}.wav") for number in range(3)]
    for path in paths:
        write_sound(Path(path), Sound(rng.normal(0, 0.1, 24_000).astype(np.float32), 16_000, "pcm_s16le"))
    told: list[tuple[str, int, int]] = []
    hear(paths, frozenset(range(3)), {}, progress=lambda *step: told.append(step))
    assert told == [(HEARING, done, 3) for done in range(4)] + [(MATCHING, done, 3) for done in range(4)]
