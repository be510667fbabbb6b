"""What is measured of a file: the signals of its frames, in one pass, and whether the camera moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from videosync.cues.named import find_cue
from videosync.models.clip_encoder import shipped_encoder
from videosync.signals.encoder import LEARNED
from videosync.signals.measure import Source, measure
from videosync.signals.motion import CAMERA
from videosync.timeline.clips import inspect, read_clip
from videosync.video.read import read_frames
from videosync.video.write import write_video


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
def test_a_file_gives_the_signals_of_its_frames(tmp_path: Path, shift: int, moves: bool) -> None:
    path = tmp_path / "clip.mp4"
    write_video(path, pictures(60, shift=shift), 30.0, gop=25)
    meters = find_cue("motion-learned", shipped_encoder()).meters("energy")
    clip = read_clip(inspect(path), 30.0, meters)
    expected = measure(read_frames(path), meters, Source(keyframes=(0, 25, 50)))
    assert clip.camera_moves is moves
    assert len(clip) == 60
    assert set(clip.signals) == set(expected) >= {"energy", LEARNED, CAMERA}
    for name, signal in expected.items():  # measured, also what the cue does not use where the camera moves
        np.testing.assert_array_equal(clip.signals[name], signal)
        assert signal.any() or name == CAMERA


def test_a_file_of_twice_the_rate_is_thinned_out_and_brought_onto_the_grid(tmp_path: Path) -> None:
    path, frames = tmp_path / "fast.mp4", pictures(61, shift=0)
    write_video(path, np.repeat(frames, 2, axis=0), 60.0, gop=200)
    meters = find_cue("motion").meters()
    clip = read_clip(inspect(path), 30.0, meters)
    every_second = measure(read_frames(path)[::2], meters, Source(keyframes=(0,)))
    np.testing.assert_array_equal(clip.signals["energy1248"], every_second["energy1248"])
    slower = read_clip(inspect(path), 24.0, meters)
    assert len(slower) == int(121 / 60 * 24) + 1
    assert slower.signals["cells"].shape == (len(slower), 64)


def test_sound_needs_no_pictures(tmp_path: Path) -> None:
    """A meter of sound is told which file, and when its frames are shown; no frame is passed to it."""

    class Sound:
        needs, reach = "sound", {"loudness": np.zeros(1, np.int64)}

        def pixels(self, height: int, width: int) -> tuple[int, int]:
            raise AssertionError

        def begin(self, source: Source) -> Sound:
            self.source = source
            return self

        def watch(self, frame: np.ndarray) -> None:
            raise AssertionError

        def signals(self) -> dict[str, np.ndarray]:
            assert self.source.times is not None
            return {"loudness": np.sin(self.source.times)[:, None].astype(np.float32)}

    path, sound = tmp_path / "clip.mp4", Sound()
    write_video(path, pictures(30, shift=0), 25.0)
    clip = read_clip(inspect(path), 25.0, [*find_cue("motion").meters(), sound])  # type: ignore[list-item]
    assert sound.source.path == str(path)
    np.testing.assert_allclose(clip.signals["loudness"][:, 0], np.sin(np.arange(30) / 25), atol=1e-6)
