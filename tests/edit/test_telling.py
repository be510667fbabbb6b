"""The moments an answer can be checked by are those in which something happens in several recordings at once."""

from __future__ import annotations

import numpy as np
import pytest

from videosync.edit.telling import telling_moments


def recording(start: float, *events: float, seconds: float = 20.0, rate: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    times = start + np.arange(int(seconds * rate)) / rate
    changes = np.full(len(times), 0.1)
    for event in events:
        changes += 5 * np.exp(-0.5 * ((times - event) / 0.2) ** 2)
    return times, changes


def test_what_only_one_recording_shows_tells_less_than_what_two_do() -> None:
    found = telling_moments([recording(0, 4, 9, 15), recording(1.5, 9, 12, 15, rate=25), recording(0, 18)], 2)
    assert found == pytest.approx([9, 15], abs=0.1)


def test_moments_lie_where_two_run_and_apart() -> None:
    found = telling_moments([recording(0, 1, 5, 5.4, 12), recording(3, 5, 5.4, 12)], 4)
    assert found[0] >= 3
    assert found[-1] <= 20
    assert np.diff(found).min() >= 17 / 8 - 1e-6
    assert len(found) == 4


def test_nothing_shared_has_no_moment() -> None:
    still = recording(0)[0], np.zeros(600)
    for given in ([], [recording(0, 3)], [recording(0, 3), still], [recording(0, 3), recording(40, 42)]):
        assert telling_moments(given) == ()
