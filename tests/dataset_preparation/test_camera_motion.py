"""Cameras that move through the synthetic scene: poses are rigid, near things move past far ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataset_preparation.synthetic.camera import Camera, place_camera
from dataset_preparation.synthetic.camera_motion import CAMERA_MOTIONS, CameraMotion, move_camera
from dataset_preparation.synthetic.event import Settings, make_event
from dataset_preparation.synthetic.room import draw_room
from videosync.errors import ConfigError
from videosync.video.read import read_frames

TIMES = np.arange(120) / 30
MOVING = [kind for kind in CAMERA_MOTIONS if kind != "fixed"]


def moved(kind: CameraMotion, seed: int = 0) -> Camera:
    camera = place_camera(np.random.default_rng(seed), 0, 2, 0.4, 96)
    return move_camera(camera, np.random.default_rng(seed + 1), TIMES, kind)


def test_a_fixed_camera_is_left_as_it_is() -> None:
    camera = place_camera(np.random.default_rng(0), 0, 2, 0.4, 96)
    assert move_camera(camera, np.random.default_rng(1), TIMES, "fixed") is camera


@pytest.mark.parametrize("kind", MOVING)
def test_poses_are_rigid_and_each_is_that_of_its_time(kind: CameraMotion) -> None:
    camera = moved(kind)
    np.testing.assert_allclose(
        camera.rotation @ camera.rotation.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (120, 3, 3)), atol=1e-9
    )
    points = np.random.default_rng(2).normal(0, 1, (120, 7, 3))
    pixels, depth = camera.project(points)
    alone, deep = camera.at(50).project(points[50])
    np.testing.assert_allclose(pixels[50], alone)
    np.testing.assert_allclose(depth[50], deep)


@pytest.mark.parametrize("kind", MOVING)
def test_the_subject_stays_in_the_picture_and_moves_in_it(kind: CameraMotion) -> None:
    for seed in range(5):
        camera = moved(kind, seed)
        pixels, _ = camera.project(np.broadcast_to([0.0, 0, 0.8], (120, 3)))
        assert ((pixels > 0) & (pixels < 96)).mean() > 0.95
        assert np.ptp(pixels, axis=0).max() > 0.15


def test_near_things_move_past_far_ones() -> None:
    camera = moved("head", 3)
    ahead = camera.at(0)
    near, far = (np.broadcast_to(ahead.position + d * ahead.rotation[2], (120, 3)) for d in (3.0, 14.0))
    apart = camera.project(near)[0] - camera.project(far)[0]
    assert np.ptp(apart, axis=0).max() > 2.0  # pixels


def test_the_room_stays_where_it_is() -> None:
    """What a turned camera sees of the room is what the projection of its walls says."""
    room, camera = draw_room(np.random.default_rng(0)), moved("pan", 1)
    one, other = camera.at(0), camera.at(100)
    pictures = [room.seen_by(c).astype(float) for c in (one, other)]
    straight = [Camera(c.rotation, c.position, c.focal, 0.0, c.size) for c in (one, other)]
    spots = one.floor_points()
    spots = np.concatenate([spots, np.zeros((96, 96, 1))], axis=-1)[60::6, 10:90:6].reshape(-1, 3)
    places = [np.floor(c.project(spots)[0]).astype(int) for c in straight]
    inside = np.all([(p >= 0).all(axis=1) & (p < 96).all(axis=1) for p in places], axis=0)
    assert inside.sum() > 20
    seen = [picture[p[inside, 1], p[inside, 0]] for picture, p in zip(pictures, places)]
    assert np.abs(seen[0] - seen[1]).mean() < 0.35 * np.abs(seen[0] - seen[1][::-1]).mean()


def test_events_with_moving_cameras(tmp_path: Path) -> None:
    settings = Settings(frames=30, size=48, offset_range=4, camera_motion="head", seed=5)
    files = []
    for run in ("a", "b"):
        record = make_event(tmp_path / run, "train", 0, settings)
        files.append((tmp_path / run / record["views"][0]["video"]).read_bytes())
    assert files[0] == files[1]
    still = make_event(tmp_path / "c", "train", 0, Settings(frames=30, size=48, offset_range=4, seed=5))
    changes = [
        np.abs(np.diff(read_frames(root / view["video"]).astype(int), axis=0)).mean()
        for root, view in ((tmp_path / "a", record["views"][0]), (tmp_path / "c", still["views"][0]))
    ]
    assert changes[0] > changes[1]
    with pytest.raises(ConfigError, match="handheld"):
        Settings(camera_motion="shaky")  # type: ignore[arg-type]
