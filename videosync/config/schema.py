"""Every option, its type and its default. YAML files and ``--opts`` hold only what differs.

The comment behind a field is its documentation (``videosync config --explain`` prints it).
Sizes are in pixels, lengths in frames, rates in frames/s unless a name says otherwise.
"""

from dataclasses import dataclass, field
from typing import Literal

Embeddings = Literal["auto", "unit", "raw"]
NegativeType = Literal["single_noself", "single", "batch_noself", "batch"]
Distance = Literal["sqeuclidean", "euclidean", "cosine", "cityblock"]
EVAL_TASKS = ("sync_offset", "kendalls_tau", "retrieval", "event_completion", "classification")
TccType = Literal["regression_mse_var", "regression_mse", "regression_huber", "classification"]


@dataclass(frozen=True)
class DataConfig:
    dataset: str = ""  # dataset folder, inside --workdir, that holds manifest.jsonl
    image_size: int = 224  # frames are resized to image_size x image_size
    num_frames: int = 240  # frames in one training view
    views: Literal["self", "cross", "mix"] = "self"  # two views of one video, of two cameras, or a mix
    cross_share: float = 0.5  # share of cross-view samples when views is "mix"
    sampling_region: float = 1.5  # a view's frames come out of a block 1 to this many times as long as it
    sampling_block: Literal["view", "video"] = "view"  # video: that many times as long as the whole video
    consistent_offset: float = 0.2  # blocks of views start within (1 - this) * num_frames; 0: anywhere
    samples_per_video: int = 1  # training samples drawn per manifest line and epoch
    num_workers: int = 4  # data-loading processes per rank
    label_fraction: float = 1.0  # classification: share of the labelled train events that is trained on
    feature_cache: int = 0  # 0: off; N: train on cached frozen features of N augmented copies (1: plain)


@dataclass(frozen=True)
class AugmentConfig:
    enabled: bool = True  # off: training frames are only resized
    crop_scale: float = 0.4  # smallest area share of a random resized crop (largest is 1)
    flip: float = 0.5  # probability of a horizontal flip
    color_prob: float = 0.8  # probability of colour jitter
    brightness: float = 0.8  # largest relative change
    contrast: float = 0.8  # largest relative change
    saturation: float = 0.8  # largest relative change
    hue: float = 0.2  # largest rotation, as a share of the full circle
    gray_prob: float = 0.2  # probability of turning a clip grey
    blur_prob: float = 0.5  # probability of a Gaussian blur
    reference: bool = (
        False  # as CARL's code: jitter in random order, around each frame's mean; no blur without it
    )


@dataclass(frozen=True)
class PairsConfig:
    num_frames: int = 240  # length of both windows of a pair
    max_offset: int = 30  # K: offsets lie in -K ... K frames
    placement: Literal["random", "start"] = "random"  # seeded windows, or each clip from its first frame on
    windows_train: int = 1  # windows drawn per pair of views in the train split
    windows_val: int = 1  # windows drawn per pair of views in every other split
    seed: int = 0  # of the window positions


@dataclass(frozen=True)
class ModelConfig:
    name: Literal["encoder", "noise"] = "encoder"  # "noise": random embeddings, the leak control
    backbone: Literal["resnet50", "resnet34", "resnet18", "small"] = "resnet50"  # turns a frame into features
    input: Literal["rgb", "motion"] = "rgb"  # what a backbone sees: the frame, or log frame differences
    weights: str = ""  # of the backbone: byol, mocov2, simclr, dino, torchvision, or a file inside --workdir
    random_backbone: bool = False  # allow frozen stages without pretrained weights
    layer: int = 3  # stages 1 ... layer are frozen (4: all; 0: none)
    chunk_size: int = 64  # frames that go through the backbone at once
    temporal_kernel: int = 0  # frames a learned filter over time of each feature spans; 0: none, as in CARL
    clip_norm: bool = False  # each feature gets mean 0 and deviation 1 over its clip, behind that filter
    fc_layers: int = 2  # fully connected layers behind the pooled backbone features
    fc_size: int = 512  # their width
    dropout: float = 0.1  # of the fully connected layers and the transformer
    hidden_size: int = 256  # width of the transformer
    positions: Literal["stretched", "plain", "rotary", "none"] = "stretched"  # how a frame knows its place
    temporal_layers: int = 0  # blocks of dilated convolutions over time before the transformer; 0: none
    layers: int = 3  # of the transformer; 0: none
    heads: int = 8  # of its attention
    ff_size: int = 1024  # width of its feed-forward part
    embedding_size: int = 128  # size of a frame's embedding
    projection_size: int = 512  # scl: hidden size of the projection head used by the loss; 0: no head
    num_classes: int = 0  # classification: how many; 0: as the frame labels of the train split say


@dataclass(frozen=True)
class LossConfig:
    name: Literal["scl", "tcc", "tcn", "classification"] = "scl"  # what the encoder is trained with
    temperature: float = 0.1  # scl, tcc: of the softmax over frames
    embeddings: Embeddings = "auto"  # as seen by the loss; auto: unit, but raw for tcc and classification
    negative_type: NegativeType = "single_noself"  # scl: + none, own view, other videos, both in the softmax
    label_variance: float = 10.0  # scl: variance of the Gaussian target, frames^2
    lag_weight: float = 0.0  # scl: weight of a loss over lags beside it; views must be contiguous
    log_epsilon: float = 0.0  # scl: added inside the logarithm; 1e-6 reproduces the reference code
    tcc_type: TccType = "regression_mse_var"  # tcc: what is asked of a frame that was matched there and back
    tcc_similarity: Literal["l2", "cosine"] = "l2"  # tcc: minus the squared distance, or the inner product
    label_smoothing: float = 0.1  # tcc: share of a frame's label that is spread over its clip
    variance_lambda: float = 0.001  # tcc, regression_mse_var: weight of the log variance of a match
    huber_delta: float = 0.1  # tcc, regression_huber: where squares turn linear; 1 is the reference code's
    tcc_reference: bool = False  # tcc, classification: the reference code's divergence to unnormalised scores
    tcn_window: int = 5  # tcn: the positive, the other view's nearest frame, is at most this many frames away
    reg_lambda: float = 0.002  # tcn: weight of the embeddings' squared lengths


@dataclass(frozen=True)
class OptimConfig:
    name: Literal["adam", "adamw"] = "adam"  # the optimizer
    lr: float = 1e-4  # learning rate after the warm-up
    weight_decay: float = 1e-5  # of all trained weights
    schedule: Literal["cosine", "constant"] = "cosine"  # how the learning rate goes on after the warm-up
    warmup_epochs: float = 1.0  # epochs of linear rise of the learning rate
    grad_clip: float = 10.0  # largest gradient norm; 0: no clipping
    accumulate: int = 1  # batches per optimizer step


@dataclass(frozen=True)
class TrainConfig:
    epochs: int = 300  # times every sample is drawn
    batch_size: int = 2  # pairs a step takes, over all processes together
    precision: Literal["float32", "fp16", "bf16"] = "float32"  # autocast precision; the loss stays float32
    seed: int = 0  # rank r uses seed + r
    start_from: str = ""  # folder of a run, or CARL's .pth file, whose weights training starts from; "": none
    holdout: float = 0.1  # share of train events kept to choose the best checkpoint by; 0: the last is best
    eval_every: int = 10  # epochs between validations; 0: never, and the last is best
    eval_pairs: int = 96  # held-out pairs wanted; pairs.windows_val is raised where there are too few events
    eval_batches: int = 0  # validation batches and pairs at most; 0: all
    save_every: int = 10  # epochs between numbered checkpoints; 0: only last and best
    max_steps: int = 0  # end after this many optimizer steps, the schedule too; 0: no limit
    channels_last: bool = True  # memory format of the backbone, the quicker one on most hardware
    backend: Literal["auto", "nccl", "gloo"] = "auto"  # auto: nccl on GPUs, gloo on CPUs


@dataclass(frozen=True)
class EvalConfig:
    tasks: list[str] = field(  # what is measured: sync_offset, kendalls_tau, retrieval, event_completion,
        default_factory=lambda: ["sync_offset"]  # classification
    )
    split: str = "val"  # split of the manifest that is evaluated
    checkpoint: Literal["best", "last"] = "best"  # which checkpoint in --logdir
    methods: list[str] = field(default_factory=lambda: ["median", "mean", "dtw", "diagonal"])  # label-free
    detectors: list[str] = field(default_factory=list)  # "prefix/method" of trained detectors to evaluate too
    precision: Literal["auto", "float32", "bf16"] = "auto"  # auto: bf16 where the CPU or GPU has it
    pictures: int = 2  # heat maps and film strips of this many worst and median pairs; 0: none
    bootstrap: int = 2000  # resamples over events
    max_frames: int = (
        1000  # phases: longer videos are embedded in equal pieces, positions anew in each; 0: whole
    )
    tau_stride: int = 5  # kendalls_tau, retrieval: one frame in so many is compared
    tau_distance: Distance = "sqeuclidean"  # kendalls_tau, retrieval: between the embeddings of two frames
    retrieval_ks: list[int] = field(
        default_factory=lambda: [5, 10, 15]
    )  # retrieval: the nearest K frames count
    label_fractions: list[float] = field(
        default_factory=lambda: [0.1, 0.5, 1.0]
    )  # classification: of train videos
    standardize: bool = (
        False  # classification: embeddings get unit variance; false: as they are, as the reference
    )


@dataclass(frozen=True)
class SimilarityConfig:
    metric: Literal["sqeuclidean", "cosine"] = "sqeuclidean"  # of two frames' embeddings
    temperature: float = 0.1  # of the row softmax
    splits: list[str] = field(default_factory=lambda: ["train", "val"])  # splits that get a set


@dataclass(frozen=True)
class DetectorConfig:
    holdout: float = 0.15  # share of train events kept for early stopping
    seed: int = 0  # of the held-out events and of the fits
    log_reg_c: float = 1.0  # inverse regularisation of the logistic regression
    svm_c: float = 1.0  # inverse regularisation of the support vector machine
    mlp_hidden: list[int] = field(default_factory=lambda: [2048, 1024, 512])  # hidden layers
    mlp_epochs: int = 200  # at most
    cnn_channels: list[int] = field(default_factory=lambda: [32, 64, 128, 256])  # a convolution block each
    cnn_dropout: float = 0.3  # before the last layer
    cnn_lr: float = 1e-4  # learning rate of AdamW
    cnn_epochs: int = 100  # at most; the best epoch is kept
    cnn_batch_size: int = 32  # matrices a step takes
    equivariant_channels: list[int] = field(default_factory=lambda: [6, 10])  # along diagonals, and over lags
    equivariant_lr: float = 3e-3  # largest learning rate of AdamW; it rises and falls once
    equivariant_epochs: int = 20  # at most; the best epoch is kept
    equivariant_batch_size: int = 32  # matrices a step takes
    patience: int = 10  # epochs without progress on the held-out events before stopping


@dataclass(frozen=True)
class LogConfig:
    every: int = 10  # steps between log lines
    tensorboard: bool = False  # write TensorBoard files (extra "tensorboard")
    wandb: bool = False  # log to Weights & Biases (extra "wandb"), offline with WANDB_MODE=offline


@dataclass(frozen=True)
class PathsConfig:
    sets: str = "similarity_sets"  # folder of similarity sets
    detectors: str = "detectors"  # folder of trained offset detectors


@dataclass(frozen=True)
class Config:
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    pairs: PairsConfig = field(default_factory=PairsConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    eval: EvalConfig = field(default_factory=EvalConfig)
    similarity: SimilarityConfig = field(default_factory=SimilarityConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    log: LogConfig = field(default_factory=LogConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
