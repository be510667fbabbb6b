"""What is measured of a clip: the signals that were asked for, in one pass, and whether the camera moves."""

from __future__ import annotations

import numpy as np
import pytest

from videosync.models.clip_encoder import shipped_encoder
from videosync.signals.learned import LEARNED
from videosync.timeline.clips import measured


def pictures(frames: int, *, shift: int) -> np.ndarray:
    """uint8 [T,120,160,3]: a room, seen by a camera that pans by ``shift`` pixels a frame, and a small body."""
    rng = np.random.default_rng(3)
    room = np.kron(rng.integers(40, 200, (30, 120)), np.ones((4, 4))).astype(np.uint8)  # [120, 480]
    found = np.stack([room[:, shift * t : shift * t + 160] for t in range(frames)])
    for t, picture in enumerate(found):
        left = 60 + int(20 * np.sin(t / 3))
        picture[50:60, left : left + 10] = 250
    return np.repeat(found[..., None], 3, axis=-1)


@pytest.mark.parametrize(("shift", "moves"), [(0, False), (3, True)])
def test_the_learned_channel_says_nothing_where_the_camera_moves(shift: int, moves: bool) -> None:
    signals, camera_moves = measured(
        pictures(60, shift=shift), ("energy", LEARNED), encoder=shipped_encoder()
    )
    assert camera_moves is moves
    assert set(signals) == {"energy", LEARNED}
    assert signals[LEARNED].shape == (60, shipped_encoder().columns)
    assert signals[LEARNED].any() != moves
    assert signals["energy"].shape == (60, 1)
