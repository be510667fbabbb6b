"""The camera's own motion is found and taken out; what moves against it stays, and fixed cameras are left alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.signals.motion_of import motion_signals
from videosync.cues.named import CUES
from videosync.signals.motion import CAMERA, CHANNELS
from videosync.signals.stabilise import aligned, camera_moves, camera_step

SIZE = 128


def wall(seed: int = 0, size: int = 260) -> np.ndarray:
    """uint8 [size,size]: texture of several scales."""
    rng = np.random.default_rng(seed)
    total = sum(s * gaussian_filter(rng.normal(size=(size, size)), s) for s in (1.5, 4.0, 10.0))
    return np.clip(120 + 45 * total / total.std(), 0, 255).astype(np.uint8)


def wander(frames: int, pixels: float, seed: int = 1) -> np.ndarray:
    """[T, 2]: a smooth path of so large a standard deviation."""
    path = gaussian_filter(np.random.default_rng(seed).normal(size=(frames, 2)), (4.0, 0))
    return pixels * path / path.std()


def filmed(path: np.ndarray, *, moves_from: int | None = None, noise: float = 1.0, seed: int = 2) -> np.ndarray:
    """uint8 [T,128,128]: a wall, seen by a camera that follows ``path``; a ball swings from some frame on."""
    rng = np.random.default_rng(seed)
    frames, texture = [], wall()
    for t, (x, y) in enumerate(path):
        scene = texture.copy()
        if moves_from is not None:
            swing = 22 * np.sin(max(0, t - moves_from) / 4)
            cv2.circle(scene, (round(130 + swing), 130), 14, 235, -1, cv2.LINE_AA)
        view = cv2.warpAffine(scene, np.array([[1, 0, -66 - x], [0, 1, -66 - y]]), (SIZE, SIZE), flags=cv2.INTER_CUBIC)
        frames.append(np.clip(view + rng.normal(0, noise, view.shape), 0, 255).astype(np.uint8))
    return np.stack(frames)


@pytest.mark.parametrize(("turn", "zoom", "shift"), [(0, 1, (3.3, -1.7)), (1.0, 1.0, (0, 0)), (-0.5, 1.02, (6, 4))])
def test_a_known_motion_is_recovered(turn: float, zoom: float, shift: tuple[float, float]) -> None:
    truth = cv2.getRotationMatrix2D((130, 130), turn, zoom) + np.array([[0, 0, shift[0]], [0, 0, shift[1]]])
    before = wall()
    after = cv2.warpAffine(before, truth, (260, 260), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    step = camera_step(before, after)
    corners = np.array([[0, 0, 1], [259, 0, 1], [0, 259, 1], [259, 259, 1]], float)
    assert step.trusted
    assert np.abs(corners @ step.matrix[:2].T - corners @ truth.T).max() < 0.25
    moved, seen = aligned(before, step.matrix)
    apart = cv2.absdiff(moved, after)[seen > 0]
    assert apart.mean() < 0.15 * cv2.absdiff(before, after)[seen > 0].mean()
    assert 0.85 < seen.mean() < 1


@pytest.mark.parametrize("moves_from", [None, 0, 30])
def test_signals_of_a_fixed_camera_are_the_same_to_the_bit(moves_from: int | None) -> None:
    frames = filmed(np.zeros((60, 2)), moves_from=moves_from)
    assert not camera_moves(frames)
    on = motion_signals(frames)
    off = motion_signals(frames, stabilise=False)
    for name in on:
        np.testing.assert_array_equal(on[name], off[name], err_msg=name)
    assert not on[CAMERA].any()


def test_a_subject_that_fills_the_picture_is_no_moving_camera() -> None:
    rng = np.random.default_rng(0)
    frames = [gaussian_filter(rng.normal(size=(96, 96)), 3) for _ in range(40)]
    assert not camera_moves([np.clip(120 + 400 * f, 0, 255).astype(np.uint8) for f in frames])


def test_a_rigid_thing_before_a_plain_ground_is_no_moving_camera() -> None:
    """All corners are its own and obey one map, but nothing happens at the rim."""
    ground, thing = np.full((SIZE, SIZE), 90, np.uint8), wall()[:48, :48]
    pictures = []
    for x, y in np.rint(40 + wander(80, 12.0)).astype(int):
        picture = ground.copy()
        x, y = np.clip((x, y), 17, SIZE - 65)
        picture[y : y + 48, x : x + 48] = thing
        pictures.append(picture)
    assert not camera_moves(pictures)


def test_a_moving_camera_before_a_still_scene_leaves_little() -> None:
    frames = filmed(wander(60, 6.0))
    on = motion_signals(frames, channels=["area", "energy"])
    off = motion_signals(frames, channels=["area", "energy"], stabilise=False)
    assert np.exp(on["area"]).mean() < 0.1 * np.exp(off["area"]).mean()
    assert on["energy"].std() < 0.3 * off["energy"].std()
    truth = np.linalg.norm(np.diff(wander(60, 6.0), axis=0), axis=1)
    np.testing.assert_allclose(on[CAMERA][1:, 0], truth, atol=0.3)


def test_a_body_that_moves_against_a_panning_camera_is_seen() -> None:
    pan = np.stack([np.linspace(-50, 50, 80), np.zeros(80)], axis=1)  # 1.25 pixels a frame
    frames = filmed(pan, moves_from=40)
    energy = motion_signals(frames, channels=["energy"])["energy"][:, 0]
    assert energy[45:].mean() > energy[5:38].mean() + 1.0
    still = motion_signals(filmed(np.zeros((80, 2)), moves_from=40), channels=["energy"])["energy"][:, 0]
    assert np.corrcoef(energy[42:], still[42:])[0, 1] > 0.8
    raw = motion_signals(frames, channels=["energy"], stabilise=False)["energy"][:, 0]
    assert np.corrcoef(raw[42:], still[42:])[0, 1] < 0.5


def test_a_frame_that_cannot_be_followed_makes_no_spike() -> None:
    frames = filmed(wander(60, 6.0), moves_from=0)
    usual = motion_signals(frames, channels=["energy"])["energy"][:, 0]
    frames[30] = 128  # a flash
    energy = motion_signals(frames, channels=["energy"])["energy"][:, 0]
    assert energy.max() < usual.max() + 0.3


@pytest.mark.parametrize("count", [1, 2, 9])
def test_pictures_without_corners(count: int) -> None:
    frames = np.full((count, 48, 64), 90, np.uint8)
    assert not camera_moves(frames)
    step = camera_step(frames[0], frames[-1])
    assert not step.trusted
    np.testing.assert_array_equal(step.matrix, np.eye(3))


def test_blocks_of_a_moving_camera_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = filmed(wander(90, 6.0), moves_from=0)
    whole = motion_signals(frames, channels=["energy"])
    monkeypatch.setattr("videosync.signals.motion.BLOCK", 30)
    parts = motion_signals(frames, channels=["energy"])
    assert np.corrcoef(whole["energy"][:, 0], parts["energy"][:, 0])[0, 1] > 0.95
    assert (parts[CAMERA][1:] > 0).all()


def test_no_cue_looks_at_how_the_camera_moves() -> None:
    assert CAMERA not in CHANNELS
    assert not any(CAMERA in cue.channels for cue in CUES.values())


def test_scores_of_moving_cameras_are_reversed_when_the_clips_are_swapped() -> None:
    a, b = (motion_signals(filmed(wander(60, 5.0, s), moves_from=0, seed=s)) for s in (5, 6))
    lags = np.arange(-15, 16)
    forward, backward = CUES["motion"].score(a, b, lags), CUES["motion"].score(b, a, lags)
    np.testing.assert_array_equal(forward, backward[::-1])
    assert lags[forward.argmax()] == 0  # one ball, two wandering cameras
