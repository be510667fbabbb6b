"""Changes of light: found whatever moves, whatever the tone curve; not seen where there are none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.signals.motion_of import motion_signals
from tests.signals.test_motion import moving_square
from videosync.signals import exposure
from videosync.signals.exposure import as_exposed, tone_change

LEVEL = 32


def scene(*, square: int = 20, noise: float = 1.0, seed: int = 0) -> np.ndarray:
    """float [72,96] grey levels 20 … 200: smooth patches, and a square whose left edge is at ``square``."""
    rng = np.random.default_rng(3)
    picture = cv2.resize(rng.uniform(30, 190, (6, 8)), (96, 72), interpolation=cv2.INTER_CUBIC).clip(20, 200)
    picture[25:45, square : square + 20] = 120
    return picture + np.random.default_rng(seed).normal(0, noise, picture.shape)


def coded(picture: np.ndarray) -> np.ndarray:
    return np.rint(picture.clip(0, 255) * LEVEL).astype(np.uint16)


@pytest.mark.parametrize(
    "camera",
    [lambda g: 1.2 * g, lambda g: 0.8 * g, lambda g: g + 12, lambda g: 255 * (g / 255) ** 0.9],
    ids=["brighter", "darker", "offset", "gamma"],
)
def test_the_change_is_found_while_a_part_of_the_picture_moves(camera) -> None:  # type: ignore[no-untyped-def]
    before, after = scene(square=20), scene(square=45, seed=1)
    curve = tone_change(coded(before), coded(camera(after)), level=LEVEL)
    assert curve is not None
    levels = np.arange(50, 170)
    assert np.abs(curve[levels * LEVEL] / LEVEL - camera(levels)).max() < 2.0
    (shown,) = as_exposed([coded(before)], curve)
    left = np.abs(shown.astype(float) - coded(camera(after)).astype(float)) / LEVEL
    assert np.quantile(left, 0.8) < 3.0  # and what moved is still there
    assert left[25:45, 20:65].max() > 15


@pytest.mark.parametrize("noise", [0.5, 4.0])
def test_constant_light_is_left_alone(noise: float) -> None:
    for square in (20, 23, 60):
        curve = tone_change(coded(scene(noise=noise)), coded(scene(square=square, noise=noise, seed=1)), level=LEVEL)
        assert curve is None
    pictures = [coded(scene())]
    assert as_exposed(pictures, None)[0] is pictures[0]


def test_a_cut_to_another_picture_is_no_change_of_light() -> None:
    rng = np.random.default_rng(5)
    one, other = (cv2.GaussianBlur(rng.uniform(0, 255, (72, 96)), (0, 0), 2) * 3 - 255 for _ in range(2))
    assert tone_change(coded(one), coded(other), level=LEVEL) is None


def test_black_and_white_pictures_tell_nothing() -> None:
    black, white = np.zeros((40, 40), np.uint16), np.full((40, 40), 255 * LEVEL, np.uint16)
    for pair in ((black, black), (white, white), (black, white)):
        assert tone_change(*pair, level=LEVEL) is None


def test_a_plain_body_on_a_plain_ground_moves_and_lights_nothing() -> None:
    """All pixels between the two levels agree on a change, but no tone curve turns one level into two."""
    before, after = (np.full((72, 96), 60 * LEVEL, np.uint16) for _ in range(2))
    before[10:60, 5:40], after[10:60, 45:80] = 160 * LEVEL, 160 * LEVEL
    assert tone_change(before, after, level=LEVEL) is None
    assert tone_change(np.full_like(before, 60 * LEVEL), after, level=LEVEL) is None


def test_swapped_pictures_change_the_other_way() -> None:
    one, other = coded(scene()), coded(1.15 * scene(seed=1))
    there, back = tone_change(one, other, level=LEVEL), tone_change(other, one, level=LEVEL)
    assert there is not None
    assert back is not None
    levels = np.arange(40, 180) * LEVEL
    assert np.abs(back[there[levels]].astype(int) - levels).max() < 0.5 * LEVEL


def test_signals_of_flickering_light_are_those_of_steady_light(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = moving_square(120).astype(float)
    gain = 1 + 0.08 * np.sin(np.arange(120) * 1.9)
    gain[60:] *= 1.3
    flickering = np.clip(frames * gain[:, None, None], 0, 255).astype(np.uint8)
    steady, found = (motion_signals(f) for f in (frames.astype(np.uint8), flickering))
    monkeypatch.setattr("videosync.signals.motion.tone_change", lambda before, after, level: None)
    fooled = motion_signals(flickering)

    def kept(signals: dict[str, np.ndarray], name: str) -> float:
        return float(np.mean([np.corrcoef(a[9:], b[9:])[0, 1] for a, b in zip(steady[name].T, signals[name].T)]))

    for name in ("energy", "area", "energy1248"):
        assert kept(found, name) > 0.85, name
    assert 1 - kept(found, "energy1248") < (1 - kept(fooled, "energy1248")) / 2


def test_steady_light_changes_no_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = moving_square(60)
    found = motion_signals(frames)
    monkeypatch.setattr("videosync.signals.motion.tone_change", lambda before, after, level: None)
    for name, signal in motion_signals(frames).items():
        np.testing.assert_array_equal(signal, found[name])


def test_the_ranges_are_those_of_plain_medians(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is fitted: of each range of levels with pixels enough that agree, its mean level and median change."""
    asked: list[tuple[list[float], list[float], list[int]]] = []

    def noted(*ranges: list) -> list[int]:  # type: ignore[type-arg]
        asked.append(ranges)  # type: ignore[arg-type]
        return []

    monkeypatch.setattr(exposure, "_on_one_curve", noted)
    before, after = coded(scene()), coded(1.2 * scene(square=45, seed=1))
    tone_change(before, after, level=LEVEL)
    x, y = (np.int64(p[::2, ::2]).ravel() for p in (before, after))
    inside = (np.minimum(x, y) > 4 * LEVEL) & (np.maximum(x, y) < 251 * LEVEL)
    x, y = x[inside], y[inside]
    wanted: tuple[list[float], list[float], list[int]] = ([], [], [])
    for number in range(8):
        own = (x + y) * 8 // (2 * 255 * LEVEL + 1) == number
        if own.sum() >= 40:
            usual = np.median((y - x)[own])
            if np.median(np.abs((y - x)[own] - usual)) <= max(abs(usual), LEVEL / 2):
                for column, value in zip(wanted, ((x + y)[own].mean() / 2, usual, own.sum())):
                    column.append(value)
    assert len(wanted[0]) >= 3
    assert asked == [wanted]
