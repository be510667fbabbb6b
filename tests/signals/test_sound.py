"""What an encoder hears is beside the frames that are shown with it, and nothing where there is nothing to hear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.video.numbered import numbered_frames
from videosync.cues.named import find_cue
from videosync.cues.sound import centred
from videosync.errors import ConfigError, NoSoundError
from videosync.models.clip_encoder import shipped_encoder
from videosync.signals.measure import Source
from videosync.signals.sound import CHUNK, HOP, SOUND, SoundMeter, sound_features
from videosync.timeline.clips import inspect, read_clip
from videosync.video.sound_track import Sound
from videosync.video.write import write_video

RATE = 16_000


class Middle:
    """Hears the sample in the middle of a stretch, and its square."""

    name, temperature, weights_hash, rates = "middle", 0.1, "", ()
    seconds, columns = 0.5, 2

    def __init__(self) -> None:
        self.heard: list[int] = []

    def features(self, stretches: np.ndarray) -> np.ndarray:
        self.heard.append(len(stretches))
        middle = stretches[:, stretches.shape[1] // 2]
        return np.stack([middle, middle**2], axis=1)


def ramp(seconds: float) -> np.ndarray:
    """Rises by 0.01 a second from 0.1."""
    return (0.1 + 0.01 * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


@pytest.mark.parametrize("start", [0.0, -0.3, 1.0])
def test_features_belong_to_their_frames(start: float) -> None:
    times, encoder = np.arange(400) / 25 + 2.0, Middle()
    found = sound_features(encoder, ramp(30), start, times)
    np.testing.assert_allclose(found[:, 0], 0.1 + 0.01 * (times - start), atol=1e-5)
    assert max(encoder.heard) <= CHUNK
    assert sum(encoder.heard) == pytest.approx(16 / HOP, abs=2)


def test_nothing_is_heard_outside_of_the_sound_nor_in_silence() -> None:
    times = np.arange(500) / 25
    sound = ramp(8)
    sound[4 * RATE : 6 * RATE] = 0
    heard = sound_features(Middle(), sound, 2.0, times).any(axis=1)
    inside = (times > 2.1) & (times < 9.9) & ~((times > 5.9) & (times < 8.1))
    assert heard[inside].all()
    assert not heard[(times < 1.6) | (times > 10.4) | ((times > 6.4) & (times < 7.6))].any()


def test_vectors_are_what_differs_from_the_mean_of_a_clip() -> None:
    features = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32) + 40
    features[:10] = 0
    vectors = centred(features)
    assert not vectors[:10].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[10:], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors, centred(5 * features), atol=1e-4)
    assert not centred(np.full((50, 8), 7, np.float32)).any()
    assert not centred(np.zeros((50, 8), np.float32)).any()


def test_a_file_is_measured_beside_its_pictures(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", numbered_frames(50), 25, sound=Sound(ramp(2), RATE))
    write_video(tmp_path / "mute.mp4", numbered_frames(50), 25)
    meters = find_cue("sound-learned", Middle()).meters("energy")
    clip = read_clip(inspect(tmp_path / "a.avi"), 25.0, meters)
    assert clip.signals[SOUND].shape == (50, 2)
    assert clip.signals[SOUND][20:40, 0].std() > 0
    with pytest.raises(NoSoundError, match=r"mute\.mp4: has no sound"):
        read_clip(inspect(tmp_path / "mute.mp4"), 25.0, meters)
    with pytest.raises(ValueError, match="needs the file"):
        SoundMeter(Middle()).begin(Source())


def test_an_encoder_of_the_other_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="the encoder middle is one of sound, but the cue 'learned' needs one of pic"):
        find_cue("learned", Middle())
    with pytest.raises(ConfigError, match="the encoder crossview is one of pictures, but the cue 'sound-learned'"):
        find_cue("sound-learned", shipped_encoder())
    with pytest.raises(ConfigError, match="a detector was given, but the cue 'sound-learned' uses no encoder for it"):
        find_cue("sound-learned", Middle(), object())  # type: ignore[arg-type]
