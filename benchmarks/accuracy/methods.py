"""The methods that are compared: what each measures in a window, and how it answers. Adding one is one line."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.windows import keyframe_marks
from benchmarks.signals import cue_of, of_frames
from videosync.cues import DEFAULT_CUE
from videosync.cues.cue import Cue
from videosync.cues.evidence import scores_with_evidence
from videosync.errors import require_known
from videosync.lags.scores import best_lag
from videosync.lags.similarity import similarity_scores
from videosync.models import SHIPPED
from videosync.signals.grey import small_size
from videosync.timeline.confidence import half_width
from videosync.timeline.placement import judge
from videosync.types import Window
from videosync.video.read import iter_frames, probe

SIZE = 160  # pixels, longer side of the frames that methods get
RIVAL = 3  # frames; lags further than this from the best are rivals, nearer ones its flanks
ENERGY_FLOOR = 0.05  # grey levels: the logarithm of a still picture is finite
NOISE = 128, 0.2  # numbers of an embedding, temperature


@dataclass(frozen=True)
class Clip:
    """A window of a file; ``frames`` uint8 [T, H, W, 3], or none where no method wants them."""

    window: Window
    frames: np.ndarray


@dataclass(frozen=True)
class Said:
    """``offset`` in frames (finite, may be fractional); a method that has none to give says 0 and is not sure.

    ``confidence``: larger is surer. ``placed``: whether the answer is given, or refused; None: it always is.
    """

    offset: float
    confidence: float | None = None
    placed: bool | None = None
    half_width: float | None = None


@dataclass(frozen=True)
class Method:
    """``prepare`` a window on its own, once; ``answer`` from what was prepared of two: (0, 1, max_offset)."""

    prepare: Callable[[Clip], Any]
    answer: Callable[[Any, Any, int], Said]
    frames: bool = True  # wants those of ``Clip``; False: sees nothing, or reads the file by itself
    shared: Hashable = None  # methods for which this is equal prepare the same, once for all of them


def correlation_curve(curve0: np.ndarray, curve1: np.ndarray, max_offset: int) -> np.ndarray:
    """Pearson correlation of curve0[i] and curve1[i + k] over the frames that overlap, k = -K … K; 0 where flat."""
    scores = np.zeros(2 * max_offset + 1)
    length = len(curve0)
    for k in range(-max_offset, max_offset + 1):
        a, b = curve0[max(0, -k) : length - max(0, k)], curve1[max(0, k) : length - max(0, -k)]
        a, b = a - a.mean(), b - b.mean()
        power = np.sqrt((a @ a) * (b @ b))
        scores[max_offset + k] = a @ b / power if power > 1e-9 * len(a) else 0.0
    return scores


def best_of(curve: np.ndarray) -> Said:
    """The lag with the highest score (of equals the mean), as sure as it is above all lags 3 frames away or more."""
    offset = float(best_lag(curve[None])[0])
    lags = np.arange(len(curve)) - len(curve) // 2
    rivals = curve[np.abs(lags - offset) > RIVAL]
    return Said(offset, float(curve.max() - rivals.max()) if len(rivals) else 0.0)


def motion_energy(clip: Clip) -> np.ndarray:
    """``log(mean |frame t - frame t-1|)`` over pixels and colours, [T]; the first frame has its second's."""
    change = [np.abs(later.astype(np.int16) - former).mean() for former, later in zip(clip.frames, clip.frames[1:])]
    return np.log(np.array([change[0], *change]) + ENERGY_FLOOR)


def answer_curves(curve0: np.ndarray, curve1: np.ndarray, max_offset: int) -> Said:
    return best_of(correlation_curve(curve0, curve1, max_offset))


def answer_marks(marks0: np.ndarray, marks1: np.ndarray, max_offset: int) -> Said:
    """Of the lags at which most keyframes meet, for the frames that overlap, the one nearest to 0."""
    curve = correlation_curve(marks0, marks1, max_offset)
    lags = np.flatnonzero(curve >= curve.max() - 1e-9) - max_offset
    return Said(float(min(lags, key=abs)), best_of(curve).confidence)


def noise(clip: Clip) -> np.ndarray:
    """Embeddings of an encoder that looks at nothing: unit vectors [T, D], the same for a window in each run."""
    window = clip.window
    name = f"{'/'.join(Path(window.video).parts[-2:])}:{window.start}:{window.num_frames}"
    found = np.random.default_rng(zlib.crc32(name.encode())).normal(size=(window.num_frames, NOISE[0]))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def answer_noise(vectors0: np.ndarray, vectors1: np.ndarray, max_offset: int) -> Said:
    lags = np.arange(-max_offset, max_offset + 1)
    return best_of(similarity_scores(vectors0, vectors1, lags, temperature=NOISE[1]))


def answer_cue(signals0: Any, signals1: Any, max_offset: int, *, cue: Cue, name: str) -> Said:
    """The peak of a cue's lag scores, as sure as ``videosync sync`` says it is, and refused where that refuses."""
    curve = scores_with_evidence(cue, signals0, signals1, range(-max_offset, max_offset + 1), name)
    said = judge(curve)
    width = half_width(said.confidence, name)
    return Said(curve.vertex(said.lag), said.confidence, said.doubt is None, width)


def cue_method(name: str) -> Method:
    """A cue of the library. Raises ConfigError: there is no such cue (the nearest is named)."""
    cue = cue_of(name)

    def prepare(clip: Clip) -> Any:
        flashes = np.flatnonzero(keyframe_marks(clip.window)).tolist()
        return of_frames(clip.frames, cue, flashes)

    shared = "cue", cue.channels
    return Method(prepare, partial(answer_cue, cue=cue, name=name), shared=shared)


def encoder_method(source: str) -> Method:
    """An encoder alone, as ``videosync sync --cue learned --encoder SOURCE`` reads it. Raises CheckpointError."""
    from videosync.engine.encoders import load_encoder

    encoder = load_encoder(source if source == SHIPPED else Path(source))
    cue = cue_of("learned", encoder)

    def prepare(clip: Clip) -> Any:
        window, info = clip.window, probe(clip.window.video)
        longest = max(SIZE, math.ceil(encoder.size * max(info.height, info.width) / min(info.height, info.width)))
        size = small_size(info.height, info.width, longest)  # no fewer pixels than it takes
        pictures = iter_frames(window.video, window.start, window.start + window.num_frames, size=size)
        return of_frames(pictures, cue, np.flatnonzero(keyframe_marks(window)).tolist())

    return Method(prepare, partial(answer_cue, cue=cue, name="learned"), frames=False)


FLOORS: dict[str, Callable[[], Method]] = {  # see nothing of what is filmed
    "always-0": lambda: Method(lambda clip: None, lambda s0, s1, k: Said(0.0), False),
    "noise": lambda: Method(noise, answer_noise, False),
    "keyframes": lambda: Method(lambda clip: keyframe_marks(clip.window), answer_marks, False),
}
CURVES: dict[str, Callable[[], Method]] = {  # of whole frames, correlated over lags
    "energy": lambda: Method(motion_energy, answer_curves),
    "brightness": lambda: Method(lambda clip: clip.frames.mean(axis=(1, 2, 3), dtype=float), answer_curves),
}
KINDS: dict[str, Callable[[str], Method]] = {"cue": cue_method, "encoder": encoder_method}  # "name:argument"
ALWAYS = (*FLOORS, "energy")  # what a result is worth shows beside these
DEFAULT = (f"cue:{DEFAULT_CUE}", "cue:motion")


def make_method(name: str) -> Method:
    """The method called ``name``. Raises ConfigError: there is none (the nearest is named)."""
    known = {**FLOORS, **CURVES}
    kind, _, argument = name.partition(":")
    if kind in KINDS and argument:
        return KINDS[kind](argument)
    require_known("method", name, [*known, *(f"{kind}:…" for kind in KINDS)])
    return known[name]()
