"""A camera that turns quickly and passes things at unlike distances moves; one before which a thing moves does not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from videosync.cues.named import CUES
from videosync.signals.grey import small_grey
from videosync.signals.looks import EVERY, LOOKS, Looks, camera_moved
from videosync.signals.stabilise import camera_moves
from videosync.timeline.clips import inspect, read_clip
from videosync.video.write import write_video

HEIGHT, WIDTH = 252, 448


def wall(seed: int = 0) -> np.ndarray:
    """uint8: texture of several scales, larger than a picture."""
    rng = np.random.default_rng(seed)
    total = sum(s * gaussian_filter(rng.normal(size=(HEIGHT + 160, WIDTH + 160)), s) for s in (1.5, 4.0, 10.0))
    return np.clip(120 + 45 * total / total.std(), 0, 255).astype(np.uint8)


def worn(frames: int, parallax: float = 1.1, speed: float = 10.0) -> list[np.ndarray]:
    """uint8 [252,448,3] each: a scene of uneven depth before a camera that looks about, some pixels a frame."""
    rng = np.random.default_rng(1)
    steps = gaussian_filter1d(rng.normal(size=(frames, 2)), 2.0, axis=0)
    steps *= speed / np.linalg.norm(steps, axis=1, keepdims=True)
    depth = gaussian_filter(rng.normal(size=(HEIGHT, WIDTH)), 12)
    depth = 1 + parallax * depth / np.abs(depth).max()
    path = np.cumsum(steps, axis=0)
    path = 60 * np.sin(path / 60)  # stays before the wall
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    scene, found = wall(), []
    for dx, dy in path:
        at = (x + 80 + dx * depth).astype(np.float32), (y + 80 + dy * depth).astype(np.float32)
        view = cv2.remap(scene, *at, cv2.INTER_LINEAR) + rng.normal(0, 1, (HEIGHT, WIDTH))
        found.append(np.repeat(np.clip(view, 0, 255).astype(np.uint8)[..., None], 3, axis=-1))
    return found


def fixed(frames: int, plain: bool) -> list[np.ndarray]:
    """uint8 [252,448,3] each: a textured thing swings before a plain ground, or before a wall."""
    rng = np.random.default_rng(2)
    ground = np.full((HEIGHT, WIDTH), 90, np.uint8) if plain else wall()[:HEIGHT, :WIDTH]
    ground = cv2.rectangle(ground.copy(), (20, 20), (40, 230), 200, 2)  # a post
    thing, found = wall(5)[:110, :110], []
    for t in range(frames):
        picture = ground.astype(np.float64)
        left, top = round(160 + 90 * np.sin(t / 4)), round(70 + 40 * np.sin(t / 7))
        picture[top : top + 110, left : left + 110] = thing
        picture += rng.normal(0, 1, picture.shape)
        found.append(np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=-1))
    return found


def grey(frame: np.ndarray) -> np.ndarray:
    return small_grey(frame, WIDTH)


def test_a_look_tells_a_camera_that_moves_from_one_that_does_not() -> None:
    moving, still, plain = worn(12), fixed(12, plain=False), fixed(12, plain=True)
    for clip, expected in ((moving, True), (still, False), (plain, False)):
        assert [camera_moved(grey(a), grey(b)) for a, b in zip(clip[::3], clip[1::3])] == [expected] * 4
    assert not camera_moved(np.zeros((HEIGHT, WIDTH), np.uint8), grey(still[0]))  # no corners


def marked(tmp_path: Path, frames: list[np.ndarray]) -> bool:
    """Whether the camera is found to move in a file of these frames."""
    path = tmp_path / "clip.mp4"
    write_video(path, frames, 30.0)
    info = inspect(path)
    return read_clip(info, info.fps, CUES["motion"].meters()).camera_moves


def test_a_worn_camera_is_found_to_move_where_small_pictures_do_not_show_it(tmp_path: Path) -> None:
    frames = worn(60)
    assert not camera_moves([small_grey(frame, 160) for frame in frames])
    assert marked(tmp_path, frames)


@pytest.mark.parametrize("plain", [True, False])
def test_what_moves_before_a_fixed_camera_does_not_count(tmp_path: Path, plain: bool) -> None:
    assert not marked(tmp_path, fixed(60, plain))


def test_files_smaller_than_a_look_are_judged_by_small_pictures_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videosync.timeline.clips.LOOK_SIZE", WIDTH + 1)
    assert not marked(tmp_path, worn(60))


@pytest.mark.parametrize(
    ("frames", "fps", "looks"), [(1, 30, 0), (2, 30, 1), (6, 30, 5), (300, 30, 8), (6400, 30, 100)]
)
def test_looks_are_spread_over_a_file(frames: int, fps: float, looks: int) -> None:
    found = Looks(np.arange(frames) / fps, fps)
    assert len(found.numbers) <= 2 * max(LOOKS, frames // EVERY)
    seen = 0
    for number in sorted(found.numbers):
        before = len(found._found)
        found.show(number, np.zeros((8, 8), np.uint8))
        seen += len(found._found) - before
    assert seen == looks
    assert not found.camera_moves(0.0, frames / fps)


def test_pictures_of_quick_cameras_are_looked_at_a_60th_of_a_second_apart() -> None:
    numbers = sorted(Looks(np.arange(4000) / 240, 240.0).numbers)
    assert numbers[1] - numbers[0] == 4
