"""From evidence to sentences: what is said of files that go together, but not with the timeline."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from videosync.lags.scores import LagScores
from videosync.timeline.clips import ClipInfo
from videosync.timeline.conclude import conclude
from videosync.timeline.evidence import Evidence
from videosync.timeline.reasons import Search

LAGS = np.arange(-80, 81)


def of_two_events(sizes: tuple[int, int]) -> Evidence:
    """Cameras of two events, all started at once: clear peaks inside an event, noise between them."""
    rng = np.random.default_rng(3)
    event = [number for number, size in enumerate(sizes) for _ in range(size)]
    curves = {
        (i, j): LagScores(
            -80, rng.normal(size=161) + (event[i] == event[j]) * 12.0 * (LAGS == 0), None, 300 - abs(LAGS)
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
