"""Every cue: right on what it can see, exactly antisymmetric, silent on what says nothing."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from videosync.cues.cue import Signals
from videosync.cues.encoder import EMBEDDINGS
from videosync.cues.evidence import scores_with_evidence
from videosync.cues.named import CUES, find_cue
from videosync.errors import ConfigError
from videosync.lags.scores import LagScores
from videosync.models.clip_encoder import shipped_encoder
from videosync.signals.encoder import LEARNED, EncoderMeter
from videosync.signals.hard_changes import PICTURES
from videosync.signals.measure import measure
from videosync.signals.motion import CAMERA, CHANNELS, MotionMeter
from videosync.signals.sound import SOUND
from videosync.timeline.evidence import default_encoder
from videosync.video.read import iter_frames


class OfSound:
    name, temperature, seconds, columns, weights_hash, rates = "of sound", 0.1, 1.0, 64, "", ()

    def features(self, stretches: np.ndarray) -> np.ndarray:
        raise AssertionError


ALL_CUES = {
    name: find_cue(name, OfSound() if cue.uses_sound_encoder else default_encoder(name)) for name, cue in CUES.items()
}
LAGS = range(-40, 41)


def scene(frames: int, start: float, view: int, *, rate: float = 1.0) -> np.ndarray:
    """uint8 [T,72,96]: a body and a limb that move by themselves, seen from one of two sides, with noise of its own."""
    rng = np.random.default_rng(7)
    paths = gaussian_filter1d(rng.normal(size=(4, 400)), 4.0, axis=1)
    paths *= 14 / paths.std(axis=1, keepdims=True)
    noise = np.random.default_rng(view)
    times = start + np.arange(frames) * rate
    at = np.stack([np.interp(times, np.arange(400), path) for path in paths], axis=1)  # [T, 4]
    yy, xx = np.mgrid[:72, :96]
    pictures = np.empty((frames, 72, 96))
    for t, (a, b, c, d) in enumerate(at):
        if view:
            a, b, c, d = 0.5 * a + 0.6 * c, 0.8 * b, 0.7 * c - 0.4 * a, d
        body = np.exp(-(((xx - 48 - 20 * np.tanh(a / 20)) / 9) ** 2) - ((yy - 36 - 15 * np.tanh(b / 20)) / 14) ** 2)
        limb = np.exp(-(((xx - 30 - 22 * np.tanh(c / 20)) / 5) ** 2) - ((yy - 30 - 20 * np.tanh(d / 20)) / 5) ** 2)
        pictures[t] = 60 + 120 * np.minimum(body, 1) + (90 if view else 70) * limb
    return np.clip(pictures + noise.normal(0, 1.5, pictures.shape), 0, 255).astype(np.uint8)


def measured(frames: np.ndarray) -> dict[str, np.ndarray]:
    """Also as if what moves were heard."""
    signals = measure(frames, [MotionMeter(), EncoderMeter(shipped_encoder())])
    return {**signals, SOUND: signals["cells"] - signals["cells"].min()}


@pytest.fixture(scope="module")
def clips() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Signals of 150 and 180 frames, offset 17."""
    return measured(scene(150, 67, 0)), measured(scene(180, 50, 1))


@pytest.mark.parametrize("name", CUES)
def test_the_offset_is_found(name: str, clips: tuple[Signals, Signals]) -> None:
    scores = ALL_CUES[name].score(*clips, LAGS)
    assert abs(LAGS[int(scores.argmax())] - 17) <= 1


@pytest.mark.parametrize("name", CUES)
def test_swapped_clips_give_the_reversed_scores_to_the_last_bit(name: str, clips: tuple[Signals, Signals]) -> None:
    lags = range(-40, 61)
    there = ALL_CUES[name].score(*clips, lags)
    back = ALL_CUES[name].score(clips[1], clips[0], range(-60, 41))
    np.testing.assert_array_equal(there, back[::-1])


@pytest.mark.parametrize("name", CUES)
def test_identical_clips_give_zero(name: str, clips: tuple[Signals, Signals]) -> None:
    scores = ALL_CUES[name].score(clips[0], clips[0], LAGS)
    np.testing.assert_array_equal(scores, scores[::-1])
    assert LagScores(LAGS.start, scores).vertex(LAGS[int(scores.argmax())]) == 0


@pytest.mark.parametrize("name", CUES)
@pytest.mark.parametrize("frames", [3, 10, 60])
def test_black_or_still_clips_say_nothing(name: str, frames: int) -> None:
    black = measured(np.zeros((frames, 48, 64), np.uint8))
    rng = np.random.default_rng(0)
    lively = {n: rng.normal(size=(frames, black[n].shape[1])).astype(np.float32) for n in black}
    lively[CAMERA] = black[CAMERA]  # does not move
    for other in (black, lively):
        scores = ALL_CUES[name].score(black, other, range(-frames // 2, frames // 2 + 1))
        assert not scores.any()


def test_a_cue_measures_only_what_it_compares() -> None:
    assert [set(meter.reach) for meter in CUES["energy"].meters()] == [{"energy", CAMERA}, {PICTURES}]
    motion, _, encoder = ALL_CUES["motion-learned"].meters("energy")
    assert set(motion.reach) == {*CUES["motion"].channels, "energy", CAMERA}
    assert set(encoder.reach) == {LEARNED}
    assert [name for name, cue in CUES.items() if cue.uses_encoder] == ["motion-learned", "learned"]


def test_a_cue_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'motion-learnt' is unknown.*Did you mean 'motion-learned'"):
        find_cue("motion-learnt")
    with pytest.raises(ConfigError, match="'cells' uses none; choose motion-learned or learned"):
        find_cue("cells", shipped_encoder())
    with pytest.raises(ConfigError, match="a detector was given, but the cue 'cells' uses no encoder"):
        find_cue("cells", detector=object())  # type: ignore[arg-type]


def test_without_its_encoder_a_cue_scores_nothing(clips: tuple[Signals, Signals]) -> None:
    with pytest.raises(ValueError, match="none was given"):
        CUES["learned"].score(*clips, LAGS)


@pytest.mark.parametrize("moving", [(True, True), (False, True)])
def test_an_encoder_of_differences_abstains_where_a_camera_moves(
    moving: tuple[bool, bool], clips: tuple[Signals, Signals]
) -> None:
    """The fused cue is then the cue without it; evidence has a row of 0, with which confidence was calibrated."""
    one, other = (
        {**clip, CAMERA: clip[CAMERA] + (np.arange(len(clip[CAMERA]))[:, None] == 70) * moves}  # once is enough
        for clip, moves in zip(clips, moving)
    )
    found, alone = (scores_with_evidence(ALL_CUES[name], one, other, LAGS) for name in ("motion-learned", "motion"))
    np.testing.assert_array_equal(found.scores, alone.scores)
    np.testing.assert_array_equal(found.support().parts[:4], alone.support().parts)
    assert not found.support().parts[3:].any()  # nor do lines take part
    np.testing.assert_allclose(found.support().level, alone.support().level * np.sqrt(4 / 5), rtol=1e-12)
    np.testing.assert_array_equal(found.support().halves, alone.support().halves)
    assert not ALL_CUES["learned"].score(one, other, LAGS).any()


def test_an_encoder_of_pictures_takes_part_though_the_camera_moves(clips: tuple[Signals, Signals]) -> None:
    class OfPictures:
        name, temperature, size, context, columns, sees_differences = "pictures", 0.1, 8, 0, 2, False

    vectors = np.random.default_rng(0).normal(size=(400, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    one, other = (
        {**clip, CAMERA: np.ones((len(clip[CAMERA]), 1)), EMBEDDINGS: vectors[start : start + len(clip[CAMERA])]}
        for clip, start in zip(clips, (67, 50))
    )
    assert LAGS[int(find_cue("learned", OfPictures()).score(one, other, LAGS).argmax())] == 17  # type: ignore[arg-type]


def test_unrelated_signals_do_not_win_at_the_edges() -> None:
    """Over a range that leaves 30 of 150 frames, answers of unrelated clips are spread over all offsets."""
    cue, lags, edge = CUES["motion"], range(-120, 121), 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        pair = [
            {n: gaussian_filter1d(rng.normal(size=(150, CHANNELS[n])), 1.5, axis=0) for n in cue.channels}
            for _ in range(2)
        ]
        edge += abs(lags[int(cue.score(*pair, lags).argmax())]) > 100
    assert edge <= 15  # a sixth of the range: 6.7 expected, correlations as they are give 35


@pytest.fixture(scope="module")
def smooth_signals() -> list[Signals]:
    """Four times the signals of one clip, 20 values a frame."""
    rng = np.random.default_rng(11)
    return [
        {n: gaussian_filter1d(rng.normal(size=(4000, CHANNELS[n])), 40.0, axis=0) for n in CUES["motion"].channels}
        for _ in range(4)
    ]


@pytest.mark.parametrize("shift", [-0.4, -0.2, 0.0, 0.25, 0.5])
def test_the_peak_between_frames_is_nearly_unbiased(smooth_signals: list[Signals], shift: float) -> None:
    """The same moments, sampled a fraction of a frame later: the parabola's top is within a tenth of a frame."""
    errors = []
    for fine in smooth_signals:
        later = round(20 * (9 + shift))
        first = {n: v[400 + later : 400 + later + 3000 : 20] for n, v in fine.items()}
        second = {n: v[400 : 400 + 3000 : 20] for n, v in fine.items()}
        curve = LagScores(LAGS.start, CUES["motion"].score(first, second, LAGS))
        errors.append(curve.vertex(LAGS[int(curve.scores.argmax())]) - (9 + shift))
    assert abs(np.mean(errors)) < 0.1
    assert np.abs(errors).max() < 0.15


def window(path: Path, start: int, frames: int) -> Signals:
    return measure(iter_frames(path, start, start + frames), CUES["motion"].meters())


@pytest.mark.shared
def test_two_webcams_of_hands_are_aligned(shared: Path) -> None:
    files = [shared / "realsync" / "handpose3d_2" / f"cam{n}.mp4" for n in (0, 1)]
    first, second = (window(file, start, 150) for file, start in zip(files, (30, 11)))
    scores = CUES["motion"].score(first, second, LAGS)
    assert abs(LAGS[int(scores.argmax())] - 19) <= 1


@pytest.mark.shared
def test_five_views_of_a_mouse_are_aligned(shared: Path) -> None:
    folder, starts = shared / "realsync" / "dannce_mouse5", {"E": 200, "R": 230, "U": 189}
    cue = CUES["motion"]
    clips = {name: window(folder / f"Camera{name}.mp4", start, 240) for name, start in starts.items()}
    for one, two in combinations(clips, 2):
        scores = cue.score(clips[one], clips[two], range(-60, 61))
        assert abs(int(scores.argmax()) - 60 - (starts[one] - starts[two])) <= 1
