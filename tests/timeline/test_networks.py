"""The encoder and the detector of ``sync``: what does not fit is said, and what is too long is refused unread."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.offset.simulated import simulated_pairs
from videosync.errors import ConfigError
from videosync.offset.clip_detector import ClipDetector
from videosync.offset.equivariant import EquivariantDetector
from videosync.timeline.clips import ClipInfo
from videosync.timeline.evidence import gather
from videosync.timeline.networks import check_lengths, unlike_training
from videosync.timeline.progress import OPENING

FACTS = {"metric": "sqeuclidean", "temperature": 0.1, "encoder": "mine/best", "encoder_hash": "1234"}


def encoder(**facts: Any) -> Any:
    return SimpleNamespace(**{"name": "mine", "weights_hash": "1234", "rates": (25.0, 30.0), **facts})


def detector(**facts: Any) -> ClipDetector:
    return ClipDetector(EquivariantDetector(), {**FACTS, **facts})


def vectors(frames: int, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(frames, 6)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("rate", [24.0, 30.0, 38.0])
def test_what_fits_needs_no_word(rate: float) -> None:
    assert unlike_training(encoder(), detector(frame_rates=[30.0]), rate) == ()
    assert unlike_training(encoder(rates=()), detector(), 1000.0) == ()


def test_other_frame_rates_and_another_encoder_are_said() -> None:
    said = unlike_training(encoder(weights_hash="5678"), detector(frame_rates=[30.0]), 60.0)
    assert "detector equivariant was trained on matrices of another encoder (mine/best)" in said[0]
    assert "encoder mine was trained on videos of 25 to 30 frames/s, and these are compared at 60" in said[1]
    assert "detector equivariant was trained on videos of 30 frames/s" in said[2]


def test_videos_too_long_for_a_detector_are_refused_before_they_are_decoded(
    event: tuple[list[Path], list[int]],
) -> None:
    infos = [ClipInfo(f"{name}.mp4", np.arange(n) / 30, 30.0) for name, n in (("a", 60), ("b", 9000), ("c", 3000))]
    check_lengths(detector(), infos, 30.0)
    with pytest.raises(ConfigError, match=r"b.mp4 \(300 s\) and c.mp4 \(100 s\) are too long .* of 110 s; cut them"):
        check_lengths(detector(), infos, 50.0)
    small = detector()
    small.most_cells = 1000
    told: set[str] = set()
    with pytest.raises(ConfigError, match="too long for detector equivariant"):
        gather(event[0], detector=small, progress=lambda what, *_: told.add(what))
    assert told == {OPENING}  # nothing is decoded


def test_a_detector_of_one_size_is_refused() -> None:
    fixed = SimpleNamespace(name="demo/mlp", method="mlp", size=96)
    with pytest.raises(ConfigError, match="mlp reads matrices of 96 x 96 frames only.*use the detector equivariant"):
        ClipDetector(fixed, FACTS)  # type: ignore[arg-type]


def test_both_orders_of_the_clips_make_the_answer_of_the_detector() -> None:
    one, other, lags = vectors(30), vectors(45, seed=1), np.arange(-20, 33)
    trained = EquivariantDetector(channels=(4, 6), epochs=1)
    trained.fit(simulated_pairs(8, size=12, max_offset=3))
    reader = ClipDetector(trained, {**FACTS, "temperature": 0.5})
    ways = (reader.scores(one, other, lags) + reader.scores(other, one, -lags[::-1])[::-1]) / 2
    matrices = [
        np.exp(x @ y.T / 0.25) / np.exp(x @ y.T / 0.25).sum(axis=1, keepdims=True)  # -|x - y|² / 0.5, less a constant
        for x, y in ((one, other), (other, one))
    ]
    whole = trained.lag_scores(matrices[0][None], matrices[1][None], lags)[0]
    np.testing.assert_allclose(ways, whole, rtol=1e-3, atol=1e-4)
    same = np.repeat(one[:1], 30, axis=0)
    assert not reader.scores(same, same, np.arange(-5, 6)).any()
    assert not reader.scores(np.zeros_like(one), other, lags).any()
