"""From evidence to what is said: files that go together, best guesses, what the user accepts or sets by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from itertools import combinations
from typing import Any

import numpy as np
import pytest

import videosync
from tests.reference.json_schema import problems
from videosync.errors import VideoError
from videosync.lags.scores import LagScores
from videosync.timeline.clips import ClipInfo
from videosync.timeline.compare import Compared
from videosync.timeline.conclude import conclude
from videosync.timeline.evidence import Evidence
from videosync.timeline.reasons import Search
from videosync.timeline.result import PlacedFile, Timeline

LAGS = np.arange(-80, 81)


def of_two_events(sizes: tuple[int, int]) -> Evidence:
    """Cameras of two events, all started at once: clear peaks inside an event, noise between them."""
    rng = np.random.default_rng(3)
    event = [number for number, size in enumerate(sizes) for _ in range(size)]
    curves = {
        (i, j): Compared(
            LagScores(-80, rng.normal(size=161) + (event[i] == event[j]) * 12.0 * (LAGS == 0), None, 300 - abs(LAGS))
        )
        for i, j in combinations(range(len(event)), 2)
    }
    paths = tuple(f"event{number}/cam{i}.mp4" for i, number in enumerate(event))
    infos = {i: ClipInfo(path, np.arange(300) / 30, 30.0) for i, path in enumerate(paths)}
    return Evidence(paths, infos, {}, 30.0, curves, Search(None, None))


def test_files_that_fit_one_another_but_not_the_timeline_are_told_so() -> None:
    timeline = conclude(of_two_events((3, 2)))
    assert [file.placed for file in timeline.files] == [True, True, True, False, False]
    for file, other in ((timeline.files[3], "cam4.mp4"), (timeline.files[4], "cam3.mp4")):
        assert file.reason is not None
        assert file.reason.startswith(f"fits {other}, but not those on the timeline: ")


def test_a_stranger_alone_fits_nothing() -> None:
    stranger = conclude(of_two_events((3, 1))).files[3]
    assert not stranger.placed
    assert stranger.reason is not None
    assert not stranger.reason.startswith("fits ")


def with_a_doubtful_file(height: float = 4.2) -> Evidence:
    """Two cameras that are clearly 30 frames apart, and one with a peak of this height against both, at +45 and +15."""
    rng = np.random.default_rng(5)
    starts, tall = (30, 0, 45), {(0, 1): 12.0}
    curves = {
        (i, j): Compared(
            LagScores(
                -80,
                rng.normal(size=161) + tall.get((i, j), height) * (starts[i] - starts[j] == LAGS),
                None,
                300 - abs(LAGS),
            )
        )
        for i, j in combinations(range(3), 2)
    }
    paths = tuple(f"cam{i}.mp4" for i in range(3))
    infos = {i: ClipInfo(path, np.arange(300) / 30, 30.0) for i, path in enumerate(paths)}
    return Evidence(paths, infos, {}, 30.0, curves, Search(None, None))


def answered(evidence: Evidence, **asked: Any) -> tuple[Timeline, dict[str, PlacedFile]]:
    """An answer that is as the schema says, and its files by name."""
    timeline = conclude(evidence, **asked)
    schema = json.loads((resources.files("videosync") / "timeline" / "schema.json").read_text(encoding="utf-8"))
    assert not problems(json.loads(json.dumps(timeline.to_json())), schema, schema)
    return timeline, {file.path: file for file in timeline.files}


def test_a_file_that_is_not_placed_has_a_best_guess_on_the_timeline() -> None:
    timeline, files = answered(with_a_doubtful_file())
    guess = files["cam2.mp4"]
    assert [file.placed for file in timeline.files] == [True, True, False]
    assert guess.best_guess_seconds == pytest.approx(1.5, abs=0.02)
    assert 0 < (guess.best_guess_confidence or 0) < 0.8
    assert guess.code in ("ambiguous", "weak", "unrelated", "disagree")
    pair = timeline.offset("cam2.mp4", "cam0.mp4")
    assert not pair.placed
    assert pair.best_guess_seconds == pytest.approx(guess.best_guess_seconds - (files["cam0.mp4"].start_seconds or 0))
    assert pair.best_guess_seconds == -(timeline.offset("cam0.mp4", "cam2.mp4").best_guess_seconds or 0)
    assert (pair.best_guess_confidence, pair.code is None) == (guess.best_guess_confidence, False)


def test_where_nothing_is_placed_guesses_count_from_the_earliest_or_the_reference() -> None:
    evidence = with_a_doubtful_file()
    alone = replace(evidence, compared={(0, 2): evidence.compared[0, 2]})
    curve = alone.curves[0, 2]
    apart = -curve.vertex(curve.best()) / 30
    _, files = answered(alone)
    assert not any(file.placed for file in files.values())
    assert files["cam0.mp4"].best_guess_seconds == 0
    assert files["cam2.mp4"].best_guess_seconds == pytest.approx(apart)
    assert files["cam1.mp4"].best_guess_seconds is None  # nothing joins it to the others
    _, files = answered(alone, reference="cam2.mp4")
    assert files["cam0.mp4"].best_guess_seconds == pytest.approx(-apart)


def test_a_group_off_the_timeline_is_guessed_as_a_whole() -> None:
    _, files = answered(of_two_events((3, 2)))
    apart = [file for file in files.values() if not file.placed]
    assert len(apart) == 2
    assert apart[0].best_guess_seconds == pytest.approx(apart[1].best_guess_seconds, abs=1 / 30)


def test_the_user_accepts_what_is_as_likely_as_asked() -> None:
    evidence = with_a_doubtful_file()
    plain, files = answered(evidence)
    likely = files["cam2.mp4"].best_guess_confidence or 0.0
    more, accepted = answered(evidence, accept=likely - 1e-6)
    assert more.complete
    assert more.reference == plain.reference
    assert accepted["cam2.mp4"].accepted
    assert accepted["cam2.mp4"].start_seconds == files["cam2.mp4"].best_guess_seconds
    assert accepted["cam2.mp4"].confidence == likely
    assert [warning.code for warning in accepted["cam2.mp4"].warnings] == ["accepted"]
    for name in ("cam0.mp4", "cam1.mp4"):  # the others stay as they are
        assert replace(accepted[name], cut_seconds=None) == replace(files[name], cut_seconds=None)
    pair = more.offset("cam2.mp4", "cam0.mp4")
    assert (pair.placed, pair.confidence, pair.decided_by) == (True, likely, "picture")
    assert not answered(evidence, accept=likely + 1e-6)[0].complete
    nothing = replace(evidence, compared={(0, 2): evidence.compared[0, 2]})
    assert [file.placed for file in answered(nothing, accept=1e-9)[0].files] == [True, False, True]


@pytest.mark.parametrize("accept", [0.0, -0.5, 1.01, float("nan")])
def test_no_probability_is_accepted_that_is_none(accept: float) -> None:
    with pytest.raises(ValueError, match="accept must be a probability"):
        videosync.sync(["a.mp4", "b.mp4"], accept=accept)


@pytest.mark.parametrize(
    ("at", "reference", "starts"),
    [
        ({"cam0.mp4": 12.48}, None, (12.48, 11.48, None)),  # the timeline is moved
        ({"cam2.mp4": 4.2}, None, (1.0, 0.0, 4.2)),  # what is not placed is put on it
        ({"cam2.mp4": 4.2}, "cam0.mp4", (0.0, -1.0, 4.2)),  # the reference is at 0
        ({"cam1.mp4": 3.0, "cam2.mp4": 4.5}, None, (4.0, 3.0, 4.5)),
        ({"cam0.mp4": 0.0}, "cam0.mp4", (0.0, -1.0, None)),
    ],
)
def test_starts_that_are_set_by_hand_hold(
    at: Mapping[str, float], reference: str | None, starts: tuple[float | None, ...]
) -> None:
    timeline, files = answered(with_a_doubtful_file(), at=at, reference=reference)
    for file, start in zip(timeline.files, starts):
        assert file.start_seconds == (None if start is None else pytest.approx(start, abs=0.03))
        assert file.by_hand == (file.path in at or (file.path == reference))
    assert all(files[name].start_seconds == pytest.approx(start, abs=1e-9) for name, start in at.items())
    assert all(np.isfinite(pair.interval_seconds).all() for pair in timeline.pairs if pair.interval_seconds)
    by_hand = [file.path for file in timeline.files if file.by_hand]
    if len(by_hand) == 2:
        pair = timeline.offset(*by_hand)
        assert (pair.decided_by, pair.confidence) == ("hand", 1)


def test_a_file_that_cannot_be_read_may_be_set_by_hand() -> None:
    evidence = with_a_doubtful_file()
    without = replace(
        evidence, infos={n: evidence.infos[n] for n in (0, 1)}, problems={2: "cam2.mp4: cannot be opened"},
        compared={(0, 1): evidence.compared[0, 1]},
    )  # fmt: skip
    assert answered(without)[1]["cam2.mp4"].code == "unreadable"
    timeline, files = answered(without, at={"cam2.mp4": 4.2})
    assert timeline.complete
    assert files["cam2.mp4"].start_seconds == 4.2
    assert [warning.code for warning in files["cam2.mp4"].warnings] == ["pictures_unused", "by_hand"]
    assert (files["cam2.mp4"].note or "").endswith("; its start was set by hand")
    assert "cam2.mp4 started 4.200 s after cam1.mp4" in [s.replace(" (126.0 frames)", "") for s in timeline.sentences()]


def test_other_files_are_placed_around_what_is_set_by_hand() -> None:
    evidence = with_a_doubtful_file(12.0)
    evidence = replace(evidence, compared={pair: evidence.compared[pair] for pair in ((0, 1), (1, 2))})
    _, files = answered(evidence, at={"cam0.mp4": 9.0, "cam1.mp4": 2.0})
    assert files["cam2.mp4"].start_seconds == pytest.approx(3.5, abs=0.02)
    assert not files["cam2.mp4"].by_hand


def test_evidence_against_what_was_set_by_hand_is_said() -> None:
    timeline, files = answered(with_a_doubtful_file(), at={"cam0.mp4": 9.0, "cam1.mp4": 2.0})
    assert [warning.code for warning in files["cam0.mp4"].warnings] == ["by_hand", "contradicted"]
    assert "cam1.mp4 fit 6.00 s away" in files["cam0.mp4"].warnings[1].text
    assert timeline.offset("cam0.mp4", "cam1.mp4").seconds == pytest.approx(7)


@pytest.mark.parametrize(
    ("at", "reference", "sentence"),
    [
        ({"cam9.mp4": 1.0}, None, "cam9.mp4: each file of --at must be one of the videos"),
        ({"cam0.mp4": 1.0}, "cam0.mp4", "cannot start at 1 s and at 0 s: it is the reference"),
        ({"cam0.mp4": 1.0, "./cam0.mp4": 2.0}, None, "must be one of the videos|it was given two starts"),
    ],
)
def test_starts_that_contradict_each_other_are_refused(
    at: Mapping[str, float], reference: str | None, sentence: str
) -> None:
    with pytest.raises(VideoError, match=sentence):
        conclude(with_a_doubtful_file(), reference, at=at)


def test_cuts_lead_to_the_file_that_begins_last() -> None:
    _, files = answered(with_a_doubtful_file(12.0))
    assert [files[f"cam{n}.mp4"].cut_frames for n in range(3)] == [15, 45, 0]
    assert files["cam1.mp4"].cut_seconds == pytest.approx(1.5, abs=0.02)
    assert files["cam2.mp4"].cut_seconds == 0
    _, files = answered(replace(with_a_doubtful_file(), compared={}))
    assert files["cam0.mp4"].cut_seconds is files["cam0.mp4"].cut_frames is None
