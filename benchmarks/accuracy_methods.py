"""The methods that are compared: what each measures in a window, and how it answers. Adding one is one line."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.accuracy_windows import keyframe_marks
from videosync.data.samples import nearest
from videosync.errors import ConfigError
from videosync.types import Window

SIZE = 160  # pixels, longer side of the frames that methods get
RIVAL = 3  # frames; lags further than this from the best are rivals, nearer ones its flanks
ENERGY_FLOOR = 0.05  # grey levels: the logarithm of a still picture is finite


@dataclass(frozen=True)
class Clip:
    """A window of a file; ``frames`` uint8 [T, H, W, 3], 160 pixels on the longer side, or none if none are wanted."""

    window: Window
    frames: np.ndarray


@dataclass(frozen=True)
class Answer:
    """``offset`` in frames (finite, may be fractional); a method that has none to give says 0 with a low confidence.

    ``confidence``: larger is surer; only its order matters, across all pairs. None: the method cannot tell.
    ``curve``: scores of the lags -K … K, or None.
    """

    offset: float
    confidence: float | None = None
    curve: np.ndarray | None = None


@dataclass(frozen=True)
class Example:
    """A pair with its truth, for methods that are fitted."""

    signals0: Any
    signals1: Any
    true: int
    search: int


@dataclass(frozen=True)
class Method:
    """``prepare`` a window on its own, once; ``answer`` from what was prepared of two: (0, 1, max_offset)."""

    prepare: Callable[[Clip], Any]
    answer: Callable[[Any, Any, int], Answer]
    tuned_on: tuple[str, ...]  # what was fitted, trained or chosen while looking at these sets; () = nothing
    reads: Literal["frames", "file", "nothing"] = (
        "frames"  # "file": prepare decodes by itself, and its time counts
    )
    shared: Hashable = (
        None  # methods of which this is equal prepare the same: it is done once for all of them
    )
    fit: Callable[[Sequence[Example]], Method] | None = None  # learns from other sets, with --leave_one_out


def correlation_curve(curve0: np.ndarray, curve1: np.ndarray, max_offset: int) -> np.ndarray:
    """Pearson correlation of curve0[i] and curve1[i + k] over the frames that overlap, k = -K … K; 0 where flat."""
    scores = np.zeros(2 * max_offset + 1)
    length = len(curve0)
    for k in range(-max_offset, max_offset + 1):
        a, b = curve0[max(0, -k) : length - max(0, k)], curve1[max(0, k) : length + min(0, k)]
        a, b = a - a.mean(), b - b.mean()
        power = np.sqrt((a @ a) * (b @ b))
        scores[max_offset + k] = a @ b / power if power > 1e-9 * len(a) else 0.0
    return scores


def best_of(curve: np.ndarray) -> Answer:
    """The lag with the highest score (of equals the mean), as sure as it is above all lags 3 frames away or more."""
    from videosync.lags.scores import best_lag

    offset = float(best_lag(curve[None])[0])
    lags = np.arange(len(curve)) - len(curve) // 2
    rivals = curve[np.abs(lags - offset) > RIVAL]
    return Answer(offset, float(curve.max() - rivals.max()) if len(rivals) else 0.0, curve)


def motion_energy(clip: Clip) -> np.ndarray:
    """``log(mean |frame t - frame t-1|)`` over pixels and colours, [T]; the first frame has its second's."""
    change = [
        np.abs(later.astype(np.int16) - former).mean() for former, later in zip(clip.frames, clip.frames[1:])
    ]
    return np.log(np.array([change[0], *change]) + ENERGY_FLOOR)


def spared_energy(clip: Clip) -> np.ndarray:
    """Motion energy [T], interpolated over keyframes, at which the pictures of most codecs flash."""
    energy, marked = motion_energy(clip), keyframe_marks(clip.window) > 0
    times = np.arange(len(energy))
    energy[marked] = np.interp(times[marked], times[~marked], energy[~marked])
    return energy


def answer_energy(energy0: np.ndarray, energy1: np.ndarray, max_offset: int) -> Answer:
    return best_of(correlation_curve(energy0, energy1, max_offset))


def answer_marks(marks0: np.ndarray, marks1: np.ndarray, max_offset: int) -> Answer:
    """Of the lags at which most keyframes meet, for the frames that overlap, the one nearest to 0."""
    curve = correlation_curve(marks0, marks1, max_offset)
    best = best_of(curve)
    lags = np.flatnonzero(curve >= curve.max() - 1e-9) - max_offset
    return replace(best, offset=float(min(lags, key=abs)))


def name_of(clip: Clip) -> str:
    return f"{'/'.join(Path(clip.window.video).parts[-2:])}:{clip.window.start}:{clip.window.num_frames}"


def guess(name0: str, name1: str, max_offset: int) -> Answer:
    """Any offset, any confidence; the same ones in each run."""
    rng = np.random.default_rng([zlib.crc32(name0.encode()), zlib.crc32(name1.encode())])
    return Answer(float(rng.integers(-max_offset, max_offset, endpoint=True)), float(rng.random()))


def signals_of(clip: Clip, *, meters: Any) -> Any:
    """The library's signals of a window: channel → float32 [T, F]."""
    from videosync.signals.measure import Source, measure

    flashes = tuple(np.flatnonzero(keyframe_marks(clip.window)).tolist())
    return measure(clip.frames, meters, Source(flashes))


def answer_cue(signals0: Any, signals1: Any, max_offset: int, *, cue: Any, name: str) -> Answer:
    """The peak of a cue's lag scores, as sure as ``videosync sync`` says it is."""
    from videosync.cues.evidence import scores_with_evidence
    from videosync.timeline.placement import judge

    curve = scores_with_evidence(cue, signals0, signals1, range(-max_offset, max_offset + 1), name)
    said = judge(curve)
    return Answer(curve.vertex(said.lag), said.confidence, curve.scores)


def cue_method(name: str) -> Method:
    """A cue of the library. Raises ConfigError: there is no such cue (the nearest is named)."""
    from videosync.cues.named import CUES, find_cue
    from videosync.timeline.sync import default_encoder

    if name not in CUES:
        known = f"available: {', '.join(CUES)}{nearest(name, CUES)}"
        raise ConfigError(f"--methods cue:{name}: there is no such cue; {known}")
    cue = find_cue(name, default_encoder(name))
    prepare, answer = partial(signals_of, meters=cue.meters()), partial(answer_cue, cue=cue, name=name)
    tuned_on = () if name == "learned" else CHOSEN_ON  # its network has seen synthetic events only
    return Method(prepare, answer, tuned_on, shared=("cue", cue.channels))


def embed(clip: Clip, *, encoder: Any, size: int) -> Any:
    """Embeddings of a window: float32 tensor [T, D]."""
    from videosync.evaluation.sync import embed_windows

    return embed_windows(encoder, [clip.window], image_size=size, device="cpu")[clip.window]


def answer_embeddings(e0: Any, e1: Any, max_offset: int, *, metric: Any, temperature: float) -> Answer:
    """The label-free ``diagonal`` of the similarity matrices of both directions."""
    from videosync.lags.similarity import lag_scores
    from videosync.similarity.matrix import similarity_matrix

    forward = similarity_matrix(e0, e1, metric=metric, temperature=temperature)
    backward = similarity_matrix(e1, e0, metric=metric, temperature=temperature)
    return best_of(lag_scores(forward.numpy()[None], backward.numpy()[None], max_offset)[0])


def noise_method() -> Method:
    """The whole embedding chain with an encoder that looks at nothing."""
    from videosync.config.schema import SimilarityConfig
    from videosync.models.noise import NoiseEncoder

    encoder, matching = NoiseEncoder(embedding_size=128).eval(), SimilarityConfig()
    return Method(
        prepare=partial(embed, encoder=encoder, size=SIZE),
        answer=partial(answer_embeddings, metric=matching.metric, temperature=matching.temperature),
        tuned_on=(),
        reads="nothing",
    )


def encoder_method(logdir: str) -> Method:
    """The encoder trained in LOGDIR, read with ``diagonal``. Raises CheckpointError."""
    from videosync.checkpoints.carl import find_any_checkpoint
    from videosync.config.load import config_from_dict
    from videosync.engine.encoders import load_trained_encoder

    folder = Path(logdir).expanduser()
    found = find_any_checkpoint(folder, "best")
    config = config_from_dict(found.config, source=str(found.folder))
    encoder, _ = load_trained_encoder(config, workdir=Path(), logdir=folder, device="cpu")
    matching = config.similarity
    return Method(
        prepare=partial(embed, encoder=encoder, size=config.data.image_size),
        answer=partial(answer_embeddings, metric=matching.metric, temperature=matching.temperature),
        tuned_on=(config.data.dataset,),
        reads="file",
    )


def calibrated_method(name: str) -> Method:
    """Another method whose confidence becomes the probability of being right within 1 frame, fitted on other sets."""
    base = make_method(name)

    def fit(examples: Sequence[Example]) -> Method:
        from sklearn.linear_model import LogisticRegression

        answers = [base.answer(e.signals0, e.signals1, e.search) for e in examples]
        if not answers or answers[0].confidence is None:
            raise ConfigError(
                f"calibrated:{name}: there are no confidences to calibrate; choose another method"
            )
        said = np.array([[a.confidence] for a in answers])
        right = np.array([abs(np.rint(a.offset) - e.true) <= 1 for a, e in zip(answers, examples)])
        if right.all() or not right.any():
            return replace(
                base, answer=lambda s0, s1, k: replace(base.answer(s0, s1, k), confidence=right.mean())
            )
        center, spread = said.mean(), max(said.std(), 1e-9)
        model = LogisticRegression().fit((said - center) / spread, right)

        def answer(signals0: Any, signals1: Any, max_offset: int) -> Answer:
            found = base.answer(signals0, signals1, max_offset)
            assert found.confidence is not None
            sure = model.predict_proba([[(found.confidence - center) / spread]])[0, 1]
            return replace(found, confidence=float(sure))

        return replace(base, answer=answer)

    return replace(base, fit=fit)


CHOSEN_ON = (  # channels and fusion of the motion cues were chosen while looking at these
    "pose2sim_single4", "caliscope_A", "caliscope_C", "handpose3d_2", "dannce_mouse5", "mirror_mouse2",
)  # fmt: skip
METHODS: dict[str, Callable[[], Method]] = {
    "always-0": lambda: Method(lambda clip: None, lambda s0, s1, k: Answer(0.0), (), "nothing"),
    "guess": lambda: Method(name_of, guess, (), "nothing"),
    "noise": noise_method,
    "keyframes": lambda: Method(lambda clip: keyframe_marks(clip.window), answer_marks, (), "nothing"),
    "energy": lambda: Method(motion_energy, answer_energy, ()),
    "energy-spared": lambda: Method(spared_energy, answer_energy, ()),
    "motion": lambda: cue_method("motion"),  # needs no weights
}
NAMED: dict[str, Callable[[str], Method]] = {  # "name:argument"
    "cue": cue_method,
    "encoder": encoder_method,
    "calibrated": calibrated_method,
}
FLOORS = ("always-0", "guess", "noise", "keyframes")  # see nothing of what is filmed
ALWAYS = (*FLOORS, "energy", "energy-spared")  # what a result is worth shows beside these


def make_method(name: str) -> Method:
    """The method called ``name``. Raises ConfigError: there is none (the nearest is named)."""
    kind, _, argument = name.partition(":")
    if name in METHODS:
        return METHODS[name]()
    if kind in NAMED and argument:
        return NAMED[kind](argument)
    choices = [*METHODS, *(f"{kind}:…" for kind in NAMED)]
    close = nearest(name, choices)
    raise ConfigError(f"--methods {name}: there is no such method; available: {', '.join(choices)}{close}")
