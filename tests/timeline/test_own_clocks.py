"""What is said of each file's clock, and where it starts on that of the reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources

import numpy as np
import pytest

from tests.reference.json_schema import problems
from videosync.lags.scores import LagScores
from videosync.sound.match import FEATURES, SoundMatch
from videosync.timeline.clips import ClipInfo
from videosync.timeline.clocks import Break, Clocks, Untold
from videosync.timeline.compare import Compared
from videosync.timeline.conclude import conclude
from videosync.timeline.evidence import Evidence
from videosync.timeline.reasons import Search
from videosync.timeline.result import PlacedFile, Timeline
from videosync.timeline.sounds import Sounds

RATE, SECONDS = 30.0, 60.0
LAGS = np.arange(-900, 901)


def peak(lag: float) -> LagScores:
    scores = np.random.default_rng(3).normal(size=len(LAGS)) + 14.0 * np.maximum(0, 1 - (LAGS - lag) ** 2 / 2)
    return LagScores(int(LAGS[0]), scores, None, 2000 - abs(LAGS))


def heard(seconds: float, drift_ppm: float) -> SoundMatch:
    lags = np.arange(-3000, 3001) / 100
    features = dict.fromkeys((*FEATURES, "sharpness", "agreeing_share"), 5.0)
    around = (seconds - 0.005, seconds + 0.005)
    scores = np.where(abs(lags - seconds) < 0.05, 40.0, 0.0)
    return SoundMatch(seconds, around, 0.99, True, True, drift_ppm, None, False, (), features, lags, scores)


def said(
    pairs: Mapping[tuple[int, int], tuple[float, Clocks | None]],
    sounds: Mapping[tuple[int, int], SoundMatch] | None = None,
    reference: str | None = None,
) -> tuple[Timeline, list[PlacedFile]]:
    """What is concluded of files of a minute, by (frames, clocks) of their pairs; its JSON is as the schema says."""
    files = sorted({n for pair in pairs for n in pair})
    infos = {n: ClipInfo(f"f{n}", np.arange(round(RATE * SECONDS)) / RATE, RATE) for n in files}
    compared = {pair: Compared(peak(lag), clocks) for pair, (lag, clocks) in pairs.items()}
    matches = dict(sounds or {})
    present = frozenset(n for pair in matches for n in pair)
    heard_of = Sounds(present, spans=dict.fromkeys(present, (0.0, SECONDS)), matches=matches)
    paths = tuple(f"f{n}" for n in files)
    timeline = conclude(
        Evidence(paths, infos, {}, RATE, compared, Search(None, None), "motion", sounds=heard_of, audio="auto"),
        reference,
    )
    schema = json.loads((resources.files("videosync") / "timeline" / "schema.json").read_text(encoding="utf-8"))
    assert not problems(json.loads(json.dumps(timeline.to_json())), schema, schema)
    return timeline, list(timeline.files)


def codes(file: PlacedFile) -> list[str]:
    return [warning.code for warning in file.warnings]


@pytest.mark.parametrize("reference", ["f0", "f1"])
def test_common_time_is_start_and_file_time_by_the_clock(reference: str) -> None:
    """What is at ``t`` in file 0 is at ``10 + 1.002 t`` in file 1, whichever is the reference."""
    clocks = Clocks(1.002, (1900.0, 2100.0))
    timeline, files = said({(0, 1): (300, clocks)}, reference=reference)
    file, other = (files[1], files[0]) if reference == "f0" else (files[0], files[1])
    assert file.clock is not None
    assert file.clock.drift_ppm is not None
    assert (other.start_seconds, other.clock and other.clock.drift_ppm) == (0, 0)
    for moment in (0.0, 20.0):  # of file 0
        own = moment if reference == "f1" else 10 + 1.002 * moment
        theirs = 10 + 1.002 * moment if reference == "f1" else moment
        common = (file.start_seconds or 0) + own * (1 + file.clock.drift_ppm * 1e-6)
        assert common == pytest.approx(theirs, abs=5e-3)  # a drift that is left out is 20 ms
    assert codes(file) == ["drift"]
    assert "2000 ppm (95 %: 1900 to 2100)" in file.warnings[0].text or reference == "f0"
    assert timeline.offset("f0", "f1").drift_ppm == pytest.approx(2000)
    assert timeline.offset("f1", "f0").drift_ppm == pytest.approx(-1996, abs=0.1)


def test_29_97_taken_for_30_is_named() -> None:
    _, files = said({(0, 1): (60, Clocks(1.00104, (900.0, 1200.0)))})
    (warning,) = [warning for file in files for warning in file.warnings]
    assert "29.97 taken for 30" in warning.text


def test_where_none_is_certain_the_drift_is_0_and_its_interval_said() -> None:
    timeline, files = said({(0, 1): (60, Clocks(1.0, (-40.0, 70.0)))})
    clock = next(file.clock for file in files if file.path != timeline.reference)
    assert clock is not None
    assert clock.drift_ppm == 0
    assert sorted(map(abs, clock.interval_ppm or ())) == pytest.approx([40, 70], abs=0.1)
    assert not any(file.warnings for file in files)


def test_what_is_too_short_has_no_drift() -> None:
    timeline, files = said({(0, 1): (60, Clocks())})
    assert next(file.to_json()["drift_ppm"] for file in files if file.path != timeline.reference) is None


def test_a_drift_that_cannot_be_told_is_said_and_widens_the_interval() -> None:
    untold = Untold((4.0, 6.0), (10.0, 12.0), 5000.0)
    _, (first, second) = said({(0, 1): (60, Clocks(untold=untold))}, reference="f1")
    _, (plain, _) = said({(0, 1): (60, Clocks())}, reference="f1")
    assert (codes(first), codes(second), codes(plain)) == (["drift"], [], [])
    assert "too short to tell" in first.warnings[0].text
    assert "only 4 to 10 s of it tell" in first.warnings[0].text
    assert first.start_seconds == plain.start_seconds
    wide, narrow = (np.ptp(file.interval_seconds) / 2 for file in (first, plain) if file.interval_seconds is not None)
    assert wide == pytest.approx(np.hypot(narrow, 0.005 * 7), abs=1e-6)


def test_a_break_that_is_likely_is_said_and_is_none_of_the_breaks() -> None:
    clocks = Clocks(suspected=Break((4.0, 5.0), (4.0, 5.5)))
    _, (first, second) = said({(0, 1): (60, clocks)}, reference="f1")
    assert (codes(first), codes(second)) == (["break"], [])
    assert "around 4.0 s its best fit with f1 shifts by 0.50 s, though not surely" in first.warnings[0].text
    assert first.clock is None or not first.clock.breaks


@pytest.mark.parametrize(
    ("after", "file", "text"),
    [
        ((10.0, 16.0), 0, "at about 10.0 s it lacks 6.00 s that f1 shows"),
        ((16.0, 10.0), 1, "at about 10.0 s it lacks 6.00 s that f0 shows"),
        ((13.0, 22.0), 1, "from about 10.0 to 22.0 s it fits f0 nowhere and lasts 9.00 s longer, as at 25 %"),
    ],
)
def test_a_break_is_said_of_the_file_that_has_it(after: tuple[float, float], file: int, text: str) -> None:
    each = Break((10.0, 10.0), after)
    timeline, files = said({(0, 1): (60, Clocks(breaks=(each,)))})
    assert codes(files[file]) == ["break"]
    assert not codes(files[1 - file])
    assert files[file].warnings[0].text.startswith(text)
    told = timeline.to_json()["pairs"][0]["breaks"][0]
    assert told["size_seconds"] == pytest.approx(each.size_seconds)


def test_a_break_beside_two_files_is_that_of_the_third() -> None:
    """One that was put in is not a pause of both others."""
    put_in, none = Break((10.0, 10.0), (16.0, 10.0)), Clocks()
    _, files = said(
        {(0, 1): (60, Clocks(breaks=(put_in,))), (0, 2): (90, Clocks(breaks=(put_in,))), (1, 2): (30, none)}
    )
    assert codes(files[0]) == ["break"] * len(codes(files[0])) != []
    assert not [*codes(files[1]), *codes(files[2])]


@pytest.mark.parametrize("reference", ["f0", "f1"])
def test_a_slow_file_is_placed_at_its_speed(reference: str) -> None:
    """File 0 plays at 80 %: 10 s of it are 8 s of file 1, and it begins 4 s after."""
    timeline, files = said({(0, 1): (120, Clocks(0.8, None, 1, 0))}, reference=reference)
    assert codes(files[0]) == ["speed"]
    assert "80 % of the speed of f1" in files[0].warnings[0].text
    assert timeline.offset("f0", "f1").seconds == pytest.approx(4.0 if reference == "f1" else 5.0, abs=0.02)


def test_a_speed_that_is_a_guess_is_the_reason() -> None:
    timeline, files = said({(0, 1): (60, None)})
    assert all(file.placed for file in files)
    flat = Compared(LagScores(-900, np.random.default_rng(0).normal(size=1801), None, 2000 - abs(LAGS)),
                    Clocks(0.8, None, 1, 0, sure=False))  # fmt: skip
    infos = {n: ClipInfo(f"f{n}", np.arange(1800) / RATE, RATE) for n in (0, 1)}
    timeline = conclude(Evidence(("f0", "f1"), infos, {}, RATE, {(0, 1): flat}, Search(None, None), "motion"))
    for file in timeline.files:
        assert not file.placed
        assert file.code == "speed"
        assert "80 % of its real speed" in (file.reason or "")


def test_the_surer_witness_says_the_drift() -> None:
    pictures = Clocks(1.0, (-300.0, 250.0))
    _, files = said({(0, 1): (60, pictures)}, {(0, 1): heard(2.0, 100.0)}, reference="f1")
    assert files[0].clock is not None
    assert files[0].clock.drift_ppm == pytest.approx(100)
    ends = files[0].clock.interval_ppm
    assert ends is not None
    assert ends[1] - ends[0] < 50
    # pictures say 2 s in the middle of what both show, half a minute after the first frame
    assert files[0].start_seconds == pytest.approx(2.0 - 29e-4, abs=5e-4)
    assert not codes(files[0])  # 6 ms in a minute are a fifth of a frame
