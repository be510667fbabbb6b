"""Every key of the upper-case configurations of CARL and of the VideoSync research code, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

_KINDS = {bool: "bool", int: "int", float: "float", str: "text"}


@dataclass(frozen=True)
class LegacyKey:
    """A key that sets ``ours``, or, where that is empty, one that has no effect or may have one value alone."""

    default: Any  # of the old code; its type is that of the key
    ours: str = ""  # the options it sets, by itself or with others
    remark: str = ""  # what is different; or why it has no effect
    values: Mapping[Any, Any] = field(default_factory=dict)  # all that can be translated → our value; {}: any
    loss: str = ""  # the only loss.name that reads it; "": it does not depend on that
    when: tuple[str, Any] | None = None  # (key, value): with another value there, this key is not read
    change: Callable[[Any], Any] | None = None  # old value → ours
    note: str = ""  # what is to be said of a {value} that is none of ``quiet``; may quote the {remark}
    quiet: tuple[Any, ...] = ()
    fractional: bool = False  # a whole number is its default alone

    @property
    def kind(self) -> str:
        """ "bool", "int", "float", "text", "ints", …, "layers", or "any" of a key that has no effect."""
        if self.ignored:
            return "any"
        if not isinstance(self.default, list):
            return "float" if self.fractional else _KINDS[type(self.default)]
        item = self.default[0]
        return "layers" if isinstance(item, list) else f"{_KINDS[type(item)]}s"

    @property
    def value_kind(self) -> Literal["bool", "number", "text"]:
        """What the value is, or each item of a list; a key that may be anything counts as a bool, which is free."""
        numbers = ("int", "ints", "float", "floats")
        return "number" if self.kind in numbers else "text" if self.kind in ("text", "texts") else "bool"

    @property
    def ignored(self) -> bool:
        return not self.ours and not self.values

    def translated(self, value: Any) -> Any:
        """Our value of an old one that ``ours`` takes by itself."""
        return self.change(value) if self.change else self.values[value] if self.values else value


def _same(values: str) -> dict[Any, Any]:
    return {value: value for value in values.split()}


def _ignored(reason: str, default: Any = None) -> LegacyKey:
    return LegacyKey(default, remark=reason)


UNREAD = "the old code does not read it"
PLAIN = "the old code reads it when SSL is false only"
CONV = "the old code reads it for the conv embedder only"
LAUNCHER = "the launcher decides"
OVERWRITTEN = "the old code overwrites it with that of TRAIN"
FINEGYM = "the old code reads it for FineGym only"
WARMUP = "cosinewarmup alone reads it"
EMBEDDER, BACKBONE, RATE = "MODEL.EMBEDDER_MODEL", "MODEL.BASE_MODEL", "OPTIMIZER.LR"
TORCHVISION = ("Resnet50", "Resnet50_pretrained")  # what old files call torchvision's weights
WITH_WARMUP = (f"{RATE}.DECAY_TYPE", "cosinewarmup")
NEAR = ("DATA.SAMPLING_STRATEGY", "time_augment")


def _augmentation(default: Any, ours: str) -> LegacyKey:
    return LegacyKey(default, f"augment.{ours}", PLAIN, when=("SSL", False))


LEGACY_KEYS: dict[str, LegacyKey] = {
    "SSL": LegacyKey(True,
        "augment.crop_scale, augment.flip, augment.color_prob, augment.gray_prob, augment.blur_prob, augment.reference",
        "which AUGMENTATION keys count; a sample is always two views here"),
    "USE_AMP": LegacyKey(False, "train.precision, eval.precision", "true: fp16; false: float32"),
    "PATH_TO_DATASET": LegacyKey("pouring", "data.dataset", "the folder with manifest.jsonl"),
    "DATASETS": LegacyKey(["pouring"], "data.dataset, data.sampling_block",
        "its first name, where the old loader takes the folder from it (ntu, cmu, cvid, kinetics400); views of "
        "Kinetics, Pouring and Penn Action are drawn from the whole video (sampling_block)"),
    "TRAINING_ALGO": LegacyKey("scl", "loss.name", values=_same("scl tcc tcn classification") | {"simclr": "scl"}),
    "IMAGE_SIZE": LegacyKey(224, "data.image_size"),
    "NUM_GPUS": _ignored(LAUNCHER),
    "SHARD_ID": _ignored(LAUNCHER),
    "RNG_SEED": LegacyKey(1, "train.seed"),
    "LOGDIR": _ignored("give --logdir"),
    "TRAIN.MAX_EPOCHS": LegacyKey(500, "train.epochs"),
    "TRAIN.BATCH_SIZE": LegacyKey(1, "train.batch_size", "of each process there, of all processes together here"),
    "TRAIN.NUM_FRAMES": LegacyKey(240, "data.num_frames"),
    "EVAL.BATCH_SIZE": _ignored(OVERWRITTEN),
    "EVAL.NUM_FRAMES": _ignored(OVERWRITTEN),
    "EVAL.VAL_INTERVAL": LegacyKey(50, "train.eval_every",
        "there on the val split, here on events held out of train (train.holdout)",
        note="EVAL.VAL_INTERVAL: the old code measures on the val split while it trains, and keeps the last "
        "checkpoint; here events held out of train choose the best one, if there are any (--opts train.holdout 0.1)"),
    "EVAL.TASKS": LegacyKey(["kendalls_tau", "retrieval", "classification", "event_completion"], "eval.tasks",
        values=_same("kendalls_tau retrieval classification event_completion sync_offset"),
        change=lambda tasks: list(dict.fromkeys(tasks))),
    "EVAL.FRAMES_PER_BATCH": LegacyKey(1000, "eval.max_frames"),
    "EVAL.KENDALLS_TAU_STRIDE": LegacyKey(5, "eval.tau_stride"),
    "EVAL.KENDALLS_TAU_DISTANCE": LegacyKey("sqeuclidean", "eval.tau_distance",
        values=_same("sqeuclidean euclidean cosine cityblock")),
    "EVAL.CLASSIFICATION_FRACTIONS": LegacyKey([0.1, 0.5, 1.0], "eval.label_fractions"),
    "EVAL.RETRIEVAL_KS": LegacyKey([5, 10, 15], "eval.retrieval_ks"),
    "EVAL.CLASS_NUM": LegacyKey(0, "model.num_classes", loss="classification"),
    "EVAL.CLASSIFICATION_LR": _ignored(FINEGYM),
    "EVAL.CLASSIFICATION_EPOCHS": _ignored(FINEGYM),
    "MODEL.EMBEDDER_TYPE": LegacyKey("transformer", values=_same("transformer"),
        remark="the embedders conv and vanilla are not part of this project"),
    f"{BACKBONE}.NETWORK": LegacyKey("Resnet50_byol", "model.weights",
        "torchvision, whatever it says: so do the old transformers; model.weights names others, or a path",
        change=lambda name: "torchvision", quiet=TORCHVISION,
        note="MODEL.BASE_MODEL.NETWORK {value}: the old transformers start from torchvision's ImageNet weights "
        "whatever it says, and so does this (model.weights torchvision); name others with --opts model.weights byol"),
    f"{BACKBONE}.LAYER": LegacyKey(3, "model.layer",
        "the old code freezes all for any other number; model.layer also takes 0 and 1", values={2: 2, 3: 3, 4: 4}),
    f"{BACKBONE}.FRAMES_PER_BATCH": LegacyKey(40, "model.chunk_size",
        "there of every clip of the batch at once, here in all: batch norm of stages that are trained sees fewer"),
    f"{BACKBONE}.OUT_CHANNEL": _ignored("the backbone says it"),
    "MODEL.TRAIN_BASE": LegacyKey("frozen", values=_same("frozen train_all"), quiet=("frozen",),
        remark="stages 1 … LAYER stay frozen, as in the old transformer model; model.layer=0 trains all",
        note="MODEL.TRAIN_BASE {value}: {remark}"),
    "MODEL.L2_NORMALIZE": LegacyKey(True, "loss.embeddings",
        "for tcc, tcn, classification; evaluation has unit length always"),
    "MODEL.PROJECTION": LegacyKey(True, "model.projection_size", "false: 0", loss="scl"),
    "MODEL.PROJECTION_SIZE": LegacyKey(128, "model.projection_size", loss="scl"),
    "MODEL.PROJECTION_HIDDEN_SIZE": _ignored(f"{UNREAD}; its head is PROJECTION_SIZE wide"),
    f"{EMBEDDER}.HIDDEN_SIZE": LegacyKey(256, "model.hidden_size"),
    f"{EMBEDDER}.D_FF": LegacyKey(1024, "model.ff_size"),
    f"{EMBEDDER}.NUM_HEADS": LegacyKey(8, "model.heads"),
    f"{EMBEDDER}.NUM_LAYERS": LegacyKey(3, "model.layers"),
    f"{EMBEDDER}.FC_LAYERS": LegacyKey([[256, True], [256, True]], "model.fc_layers, model.fc_size",
        "widths × CAPACITY_SCALAR, all equal; ReLU follows each, as in the old code whatever it says"),
    f"{EMBEDDER}.CAPACITY_SCALAR": LegacyKey(2, "model.fc_size", fractional=True),
    f"{EMBEDDER}.FC_DROPOUT_RATE": LegacyKey(0.1, "model.dropout"),
    f"{EMBEDDER}.EMBEDDING_SIZE": LegacyKey(128, "model.embedding_size"),
    f"{EMBEDDER}.CONV_LAYERS": _ignored(CONV),
    f"{EMBEDDER}.FLATTEN_METHOD": _ignored("it is the maximum, there and here", "max_pool"),
    f"{EMBEDDER}.USE_BN": _ignored("there is batch norm always, there and here", True),
    **{f"MODEL.CONVGRU_EMBEDDER_MODEL.{name}": _ignored(UNREAD)
       for name in ("CONV_LAYERS", "DROPOUT_RATE", "GRU_LAYERS", "USE_BN")},
    "SCL.LABEL_VARIENCE": LegacyKey(10.0, "loss.label_variance", loss="scl"),
    "SCL.SOFTMAX_TEMPERATURE": LegacyKey(0.1, "loss.temperature", loss="scl"),
    "SCL.POSITIVE_TYPE": LegacyKey("gauss", remark="targets are always a Gaussian here", values=_same("gauss"),
        loss="scl"),
    "SCL.NEGATIVE_TYPE": LegacyKey("single_noself", "loss.negative_type", loss="scl",
        values=_same("single_noself single batch_noself batch")),
    "SCL.POSITIVE_WINDOW": _ignored("positives other than gauss alone read it"),
    "TCC.CYCLE_LENGTH": _ignored(UNREAD),
    "TCC.LABEL_SMOOTHING": LegacyKey(0.1, "loss.label_smoothing", loss="tcc"),
    "TCC.SOFTMAX_TEMPERATURE": LegacyKey(0.1, "loss.temperature", loss="tcc"),
    "TCC.LOSS_TYPE": LegacyKey("regression_mse_var", "loss.tcc_type, loss.huber_delta, loss.tcc_reference",
        "Huber: delta 1; classification: the old code's divergence (tcc_reference)", loss="tcc",
        values=_same("regression_mse_var regression_mse regression_huber classification")),
    "TCC.NORMALIZE_INDICES": LegacyKey(True, remark="time is always a share of the clip here", values={True: True},
        loss="tcc"),
    "TCC.VARIANCE_LAMBDA": LegacyKey(0.001, "loss.variance_lambda", "for regression_mse_var", loss="tcc",
        when=("TCC.LOSS_TYPE", "regression_mse_var")),
    "TCC.FRACTION": _ignored(UNREAD),
    "TCC.HUBER_DELTA": _ignored(f"{UNREAD}; its delta is 1 (loss.huber_delta)"),
    "TCC.SIMILARITY_TYPE": LegacyKey("l2", "loss.tcc_similarity", values=_same("l2 cosine"), loss="tcc"),
    "TCC.STOCHASTIC_MATCHING": _ignored(UNREAD),
    "TCN.POSITIVE_WINDOW": LegacyKey(5, "loss.tcn_window",
        "there a frame up to so many before in the same view, here the other view's nearest up to so many away",
        loss="tcn",
        note="TCN.POSITIVE_WINDOW: a frame's positive is the other view's nearest frame, up to {value} away; there one "
        "1 to {value} before it in the same view, and half of NUM_FRAMES are such positives"),
    "TCN.REG_LAMBDA": LegacyKey(0.002, "loss.reg_lambda", loss="tcn"),
    "OPTIMIZER.TYPE": LegacyKey("AdamOptimizer", "optim.name", "MomentumOptimizer is not part of this project",
        values={"AdamOptimizer": "adam", "AdamWOptimizer": "adamw"}),
    "OPTIMIZER.WEIGHT_DECAY": LegacyKey(1e-5, "optim.weight_decay"),
    # there none unless it is above 0
    "OPTIMIZER.GRAD_CLIP": LegacyKey(10, "optim.grad_clip", fractional=True, change=lambda most: max(0.0, most)),
    f"{RATE}.INITIAL_LR": LegacyKey(1e-4, "optim.lr"),
    f"{RATE}.DECAY_TYPE": LegacyKey("cosine", "optim.schedule, optim.warmup_epochs",
        "a step at a time here, an epoch at a time there; fixed and cosine have no warm-up",
        values={"fixed": "constant", "cosine": "cosine", "cosinewarmup": "cosine"}),
    f"{RATE}.NUM_WARMUP_STEPS": LegacyKey(1, "optim.warmup_epochs", WARMUP, when=WITH_WARMUP, fractional=True),
    f"{RATE}.WARMUP_LR": _ignored(f"{WARMUP}, and the warm-up starts near 0 here", 1e-4),
    f"{RATE}.FINAL_LR": LegacyKey(0.0, "optim.schedule", f"{WARMUP}; only 0: a cosine ends at 0 here",
        when=WITH_WARMUP),
    "DATA.FRACTION": LegacyKey(1.0, "data.label_fraction", loss="classification"),
    "DATA.ADDITION_TRAINSET": _ignored("what is trained on is what the manifest lists", False),
    "DATA.SAMPLING_STRATEGY": LegacyKey("time_augment", "data.sampling_region, data.sampling_block",
        "offset_uniform: frames of the whole video (sampling_block video, sampling_region 1)",
        values=_same("time_augment offset_uniform")),
    "DATA.SAMPLING_REGION": LegacyKey(1.5, "data.sampling_region", when=NEAR),
    "DATA.CONSISTENT_OFFSET": LegacyKey(0.2, "data.consistent_offset", when=NEAR),
    "DATA.DYNAMIC_FRAMES": _ignored(UNREAD),
    "DATA.CONSISTENT_VIEWS": _ignored(UNREAD),
    "DATA.NUM_CONTEXTS": LegacyKey(1, remark="frames are embedded without context frames here", values={1: 1}),
    "DATA.CONTEXT_STRIDE": _ignored("there are no context frames", 1),
    "DATA.FRAME_LABELS": _ignored("the manifest says which views have labels", True),
    "DATA.SAMPLE_ALL_STRIDE": LegacyKey(1, remark="evaluation embeds every frame here", values={1: 1}),
    "DATA.NUM_WORKERS": LegacyKey(4, "data.num_workers"),
    "AUGMENTATION.STRENGTH": LegacyKey(1.0,
        "augment.brightness, augment.contrast, augment.saturation, augment.hue, augment.blur_prob",
        "× 0.8, 0.8, 0.8, 0.2 and 0.5 (of clips with jitter), with crop_scale 0.8; read when SSL is true",
        when=("SSL", True)),
    "AUGMENTATION.RANDOM_FLIP": _augmentation(True, "flip"),
    "AUGMENTATION.RANDOM_CROP": _augmentation(True, "crop_scale"),
    "AUGMENTATION.BRIGHTNESS": _augmentation(True, "brightness"),
    "AUGMENTATION.BRIGHTNESS_MAX_DELTA": _augmentation(0.8, "brightness"),
    "AUGMENTATION.CONTRAST": _augmentation(True, "contrast"),
    "AUGMENTATION.CONTRAST_MAX_DELTA": _augmentation(0.8, "contrast"),
    "AUGMENTATION.HUE": _augmentation(True, "hue"),
    "AUGMENTATION.HUE_MAX_DELTA": _augmentation(0.2, "hue"),
    "AUGMENTATION.SATURATION": _augmentation(True, "saturation"),
    "AUGMENTATION.SATURATION_MAX_DELTA": _augmentation(0.8, "saturation"),
    "LOGGING.REPORT_INTERVAL": LegacyKey(20, "log.every"),
    "CHECKPOINT.SAVE_INTERVAL": LegacyKey(50, "train.save_every"),
}  # fmt: skip

RENAMED = {"SIMCLR": "SCL"}  # groups whose keys had another name in early versions of CARL

WITHOUT_KEY: dict[str, tuple[Any, str]] = {  # what the old code does and no key says: option → value, why
    "train.holdout": (0.0, "it trains on the whole train split"),
    "pairs.placement": ("start", "offsets are those of the clips' first frames"),
    "pairs.num_frames": (1000, "clips are compared whole"),
    "similarity.temperature": (1.0, "its softmax has no temperature"),
    "loss.log_epsilon": (1e-6, "what it adds inside the logarithm"),  # scl
}
