"""Every option, its type, default, meaning and range. YAML files and ``--opts`` hold only what differs.

Components own theirs: ``model`` is :class:`videosync.models.options.ModelOptions`, ``crisscross`` the options beside
it, ``audio`` holds those of :class:`videosync.audio.augment.SoundAugment`; ``loss`` holds the options of all
``LOSSES``, ``detector`` those of all ``DETECTORS``, each under ``METHOD_NAME`` but for what several of them inherit.
``finetune``, ``svm``, ``linear`` and ``streams`` are in :mod:`videosync.recognition.options`.
Sizes are in pixels, lengths in frames, rates in frames/s unless a name says otherwise.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields, make_dataclass
from typing import Any, Literal, get_type_hints

from videosync.audio.augment import SoundAugment
from videosync.losses.named import LOSSES
from videosync.models.options import CrissCrossOptions, ModelOptions
from videosync.offset.detector import DetectorOptions
from videosync.offset.methods import DETECTORS
from videosync.option import option
from videosync.recognition.options import TASKS as RECOGNITION_TASKS
from videosync.recognition.options import FinetuneOptions, LinearOptions, StreamOptions, SvmOptions

FRAME_TASKS = ("sync_offset", "kendalls_tau", "retrieval", "event_completion", "classification")
EVAL_TASKS = (*FRAME_TASKS, *RECOGNITION_TASKS)

# fmt: off


@dataclass(frozen=True)
class DataConfig:
    dataset: str = option("", "dataset folder, inside --workdir, that holds manifest.jsonl")
    image_size: int = option(224, "frames are resized to image_size x image_size", "[16, inf)")
    num_frames: int = option(240, "frames in one training view", "[2, inf)")
    views: Literal["self", "cross", "mix"] = option("self", "two views of one video, of two cameras, or a mix")
    cross_share: float = option(0.5, 'share of cross-view samples when views is "mix"', "[0, 1]")
    sampling_region: float = option(1.5, "a view is drawn from a block 1 to this many times as long as it", "[1, inf)")
    sampling_block: Literal["view", "video"] = option("view", "video: that many times as long as the whole video")
    consistent_offset: float = option(0.2, "blocks start within (1 - this) * num_frames; 0: anywhere", "[0, 1]")
    samples_per_video: int = option(1, "training samples drawn per manifest line and epoch", "[1, inf)")
    num_workers: int = option(4, "data-loading processes per rank", "[0, inf)")
    label_fraction: float = option(1.0, "classification: share of the labelled events trained on", "(0, 1]")
    feature_cache: int = option(0, "0: off; N: train on cached features of N augmented copies (1: plain)", "[0, inf)")
    fps: float = option(16.0, "crisscross: pictures a second in a clip, whatever the file's own rate", "(0, inf)")
    relation: Literal["same", "overlapped", "adjacent", "random", "far", "far_video", "far_audio"] = option(
        "overlapped", "crisscross: how the two clips of a video lie in time"
    )


@dataclass(frozen=True)
class AugmentConfig:
    enabled: bool = option(True, "off: training frames are only resized, and sound stays as it is")
    crop_scale: float = option(0.4, "smallest area share of a random resized crop (largest is 1)", "(0, 1]")
    flip: float = option(0.5, "probability of a horizontal flip", "[0, 1]")
    color_prob: float = option(0.8, "probability of colour jitter", "[0, 1]")
    brightness: float = option(0.8, "largest relative change", "[0, inf)")
    contrast: float = option(0.8, "largest relative change", "[0, inf)")
    saturation: float = option(0.8, "largest relative change", "[0, inf)")
    hue: float = option(0.2, "largest rotation, as a share of the full circle", "[0, 0.5]")
    gray_prob: float = option(0.2, "probability of turning a clip grey", "[0, 1]")
    blur_prob: float = option(0.5, "probability of a Gaussian blur", "[0, 1]")
    cutout: int = option(0, "side of a square that is cut out of all frames of a clip, pixels; 0: none", "[0, inf)")
    reference: bool = option(False, "as CARL: jitter in random order around each frame's mean, blur only with it")


@dataclass(frozen=True)
class AudioConfig(SoundAugment):
    """The length of a clip's sound, and the random changes of it."""

    seconds: float = option(2.0, "of sound in a clip", "[0.1, 60]")


@dataclass(frozen=True)
class PairsConfig:
    num_frames: int = option(240, "length of both windows of a pair", "[2, inf)")
    max_offset: int = option(30, "K: offsets lie in -K ... K frames", "[0, inf)")
    placement: Literal["random", "start"] = option("random", "seeded windows, or each clip from its first frame on")
    windows_train: int = option(1, "windows drawn per pair of views in the train split", "[1, inf)")
    windows_val: int = option(1, "windows drawn per pair of views in every other split", "[1, inf)")
    seed: int = option(0, "of the window positions", "[0, 9223372036854775807]")


@dataclass(frozen=True)
class LossConfig:
    """The name; the options of the losses are added (:func:`_loss_group`)."""

    name: str = option("scl", "what the encoder is trained with", choices=LOSSES)


@dataclass(frozen=True)
class OptimConfig:
    name: Literal["adam", "adamw"] = option("adam", "the optimizer")
    lr: float = option(1e-4, "learning rate after the warm-up", "(0, inf)")
    weight_decay: float = option(1e-5, "of all trained weights", "[0, inf)")
    larc: bool = option(False, "adam: scale the gradient of each tensor first, as LARC does (weight decay in it)")
    schedule: Literal["cosine", "constant"] = option("cosine", "how the learning rate goes on after the warm-up")
    final_lr: float = option(0.0, "where the cosine ends", "[0, inf)")
    predictor_lr: float = option(0.0, "crisscross: constant rate of the predictors; 0: as all others", "[0, inf)")
    warmup_epochs: float = option(1.0, "epochs of linear rise of the learning rate", "[0, inf)")
    grad_clip: float = option(10.0, "largest gradient norm; 0: no clipping", "[0, inf)")
    accumulate: int = option(1, "batches per optimizer step", "[1, inf)")


@dataclass(frozen=True)
class TrainConfig:
    epochs: int = option(300, "times every sample is drawn", "[1, inf)")
    batch_size: int = option(2, "pairs a step takes, over all processes together", "[1, inf)")
    precision: Literal["float32", "fp16", "bf16"] = option("float32", "autocast precision; the loss stays float32")
    seed: int = option(0, "rank r uses seed + r", "[0, 9223372036854775807]")
    start_from: str = option("", 'folder of a run, or CARL\'s .pth file, whose weights training starts from; "": none')
    holdout: float = option(0.1, "share of train events that choose the best checkpoint; 0: the last is best", "[0, 1)")
    eval_every: int = option(10, "epochs between validations; 0: never, and the last is best", "[0, inf)")
    eval_pairs: int = option(96, "held-out pairs wanted; pairs.windows_val is raised to get them", "[0, inf)")
    eval_batches: int = option(0, "validation batches and pairs at most; 0: all", "[0, inf)")
    save_every: int = option(10, "epochs between numbered checkpoints; 0: only last and best", "[0, inf)")
    max_steps: int = option(0, "end after this many optimizer steps, the schedule too; 0: no limit", "[0, inf)")
    channels_last: bool = option(True, "memory format of the backbone, the quicker one on most hardware")
    recompute: bool = option(
        False, "trained stages of the backbone are computed again in the backward pass: less memory, a third more time"
    )
    batch_statistics: bool = option(
        True, "batch norm of trained stages goes by the batch; off: by the statistics of the weights, so that "
        "model.chunk_size frames at once go through the whole backbone (with train.recompute backward too)"
    )
    backend: Literal["auto", "nccl", "gloo"] = option("auto", "auto: nccl on GPUs, gloo on CPUs")


@dataclass(frozen=True)
class EvalConfig:
    tasks: list[str] = option(
        ["sync_offset"],
        f"what is measured: {', '.join(EVAL_TASKS)}",
        choices=EVAL_TASKS,
        filled=True,
        distinct=True,
    )
    split: str = option("val", "split of the manifest that is evaluated")
    checkpoint: Literal["best", "last", "random", "means", "statistics"] = option(
        "best", "which in --logdir; or, for tasks of crisscross, none: random, the network as initialised; or, for "
        "probe and av_retrieval, what is made by hand: means of pixels and mel bands, or statistics of their changes"
    )
    calibrate: bool = option(False, "tasks of crisscross: batch norm is given the statistics of train clips first")
    folds: list[int] = option([], "tasks of crisscross: those of the data set; []: all, or it has none", distinct=True)
    holdout: float = option(0.1, "finetune, sound_svm, probe: share of the train groups on which is chosen", "(0, 1)")
    methods: list[str] = option(["median", "mean", "dtw", "diagonal"], "label-free", distinct=True)
    detectors: list[str] = option([], '"prefix/method" of trained detectors to evaluate too', distinct=True)
    precision: Literal["auto", "float32", "bf16"] = option("auto", "auto: bf16 where the CPU or GPU has it")
    engine: Literal["torch", "compile", "openvino", "onnxruntime"] = option(
        "torch", 'computes the backbone; compile: torch.compile; openvino, onnxruntime: CPU only (extra "engines")'
    )
    pictures: int = option(2, "heat maps and film strips of this many worst and median pairs; 0: none", "[0, inf)")
    bootstrap: int = option(2000, "resamples over events", "[0, inf)")
    max_frames: int = option(1000, "phases: longer videos are embedded in equal pieces; 0: whole", "[0, inf)")
    tau_stride: int = option(5, "kendalls_tau, retrieval: one frame in so many is compared", "[1, inf)")
    tau_distance: Literal["sqeuclidean", "euclidean", "cosine", "cityblock"] = option(
        "sqeuclidean", "kendalls_tau, retrieval: between the embeddings of two frames"
    )
    retrieval_ks: list[int] = option([5, 10, 15], "retrieval: the nearest K frames count", "[1, inf)", distinct=True)
    label_fractions: list[float] = option([0.1, 0.5, 1.0], "classification: of train videos", "(0, 1]", distinct=True)
    standardize: bool = option(False, "classification: embeddings get unit variance, unlike the reference")


@dataclass(frozen=True)
class SimilarityConfig:
    metric: Literal["sqeuclidean", "cosine"] = option("sqeuclidean", "of two frames' embeddings")
    temperature: float = option(0.1, "of the row softmax", "(0, inf)")
    splits: list[str] = option(["train", "val"], "splits that get a set", filled=True, distinct=True)


@dataclass(frozen=True)
class LogConfig:
    every: int = option(10, "steps between log lines", "[1, inf)")
    tensorboard: bool = option(False, 'write TensorBoard files (extra "tensorboard")')
    wandb: bool = option(False, 'log to Weights & Biases (extra "wandb"), offline with WANDB_MODE=offline')


@dataclass(frozen=True)
class PathsConfig:
    sets: str = option("similarity_sets", "folder of similarity sets")
    detectors: str = option("detectors", "folder of trained offset detectors")
    decoded: str = option("", 'folder that keeps decoded files, for all runs; "": they are decoded for each use')

# fmt: on


def detector_key(method: str) -> Callable[[str], str]:
    """From the name of an option of ``DETECTORS[method]`` to that in ``detector``: ``lr`` → ``cnn_lr``.

    What a detector inherits (``seed``, ``patience``) has the same name for all.
    """
    own = DETECTORS[method].Options.__annotations__
    return lambda name: f"{method}_{name}" if name in own else name


def _loss_group() -> type[LossConfig]:
    return _together(LossConfig, tuple(LOSSES.items()))


def _detector_group() -> type[DetectorOptions]:
    return _together(DetectorOptions, tuple((name, cls.Options) for name, cls in DETECTORS.items()))


@functools.cache
def _together(base: type, owners: tuple[tuple[str, type], ...]) -> type:
    """``base`` with the options of all ``owners``; ``read_by`` of a field's metadata names those that have it."""
    found: dict[str, tuple[type, Field[Any], list[str]]] = {}
    for name, owner in owners:
        key = detector_key(name) if base is DetectorOptions else str
        for one in fields(owner):
            kind, known, readers = found.setdefault(key(one.name), (get_type_hints(owner)[one.name], one, []))
            if (one.default, one.metadata) != (known.default, known.metadata):
                raise TypeError(f"{key(one.name)} of {name} is not that of {readers[0]}; give it another name")
            readers.append(name)
    added = []
    for name, (kind, one, readers) in found.items():
        about = {**one.metadata, "read_by": tuple(readers)}
        if base is LossConfig:
            about["meaning"] = f"{', '.join([*readers, *(one.metadata['only_for'] or ())[1:]])}: {about['meaning']}"
        start = {"default_factory": one.default_factory} if one.default is MISSING else {"default": one.default}
        added.append((name, kind, field(**start, metadata=about)))
    return make_dataclass(base.__name__, added, bases=(base,), frozen=True)


@dataclass(frozen=True)
class Config:
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    pairs: PairsConfig = field(default_factory=PairsConfig)
    audio: AudioConfig = field(default_factory=AudioConfig)
    model: ModelOptions = field(default_factory=ModelOptions)
    crisscross: CrissCrossOptions = field(default_factory=CrissCrossOptions)
    loss: LossConfig = field(default_factory=lambda: _loss_group()())
    optim: OptimConfig = field(default_factory=OptimConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    eval: EvalConfig = field(default_factory=EvalConfig)
    similarity: SimilarityConfig = field(default_factory=SimilarityConfig)
    detector: DetectorOptions = field(default_factory=lambda: _detector_group()())
    finetune: FinetuneOptions = field(default_factory=FinetuneOptions)
    svm: SvmOptions = field(default_factory=SvmOptions)
    linear: LinearOptions = field(default_factory=LinearOptions)
    streams: StreamOptions = field(default_factory=StreamOptions)
    log: LogConfig = field(default_factory=LogConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
