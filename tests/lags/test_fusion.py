from __future__ import annotations

import numpy as np
import pytest

from videosync.lags.fusion import fuse, standardise


def test_standardised_curves_have_one_scale_whatever_their_unit() -> None:
    curve = np.random.default_rng(0).normal(size=61)
    np.testing.assert_allclose(standardise(1000 * curve + 7), standardise(curve))
    assert standardise(curve).std() == pytest.approx(1)
    assert np.median(standardise(curve)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "curve", [np.zeros(61), np.full(61, 1e6), np.full(61, 0.1) + 1e-12 * np.arange(61), np.arange(4.0)]
)
def test_what_is_flat_or_too_short_says_nothing(curve: np.ndarray) -> None:
    assert not standardise(curve).any()
    assert not fuse([curve, curve]).any()


def test_a_loud_wrong_cue_does_not_outvote_two_quiet_right_ones() -> None:
    rng = np.random.default_rng(1)
    right = [rng.normal(size=61) + 5 * (np.arange(61) == 40) for _ in range(2)]
    wrong = 1000 * (rng.normal(size=61) + 4 * (np.arange(61) == 10))
    assert np.sum([*right, wrong], axis=0).argmax() == 10
    assert fuse([*right, wrong]).argmax() == 40


def test_a_flat_cue_changes_nothing() -> None:
    curve = np.random.default_rng(2).normal(size=61)
    np.testing.assert_allclose(fuse([curve, np.zeros(61)]), standardise(curve))
