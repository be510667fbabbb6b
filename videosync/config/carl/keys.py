"""Every key of the upper-case configurations of CARL and of the VideoSync research code, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["bool", "int", "float", "text", "ints", "floats", "texts", "layers", "any"]


@dataclass(frozen=True)
class LegacyKey:
    """A key that sets ``ours``, or, where that is empty, one that has no effect or may have one value alone."""

    kind: Kind
    default: Any  # of the old code
    ours: str = ""  # the options it sets, by itself or with others
    remark: str = ""  # what is different; or why it has no effect
    values: Mapping[Any, Any] = field(default_factory=dict)  # all that can be translated → our value; {}: any
    loss: str = ""  # the only loss.name that reads it; "": it does not depend on that

    @property
    def value_kind(self) -> Literal["bool", "number", "text"]:
        """What the value is, or each item of a list; a key that may be anything counts as a bool, which is free."""
        numbers = ("int", "ints", "float", "floats")
        return "number" if self.kind in numbers else "text" if self.kind in ("text", "texts") else "bool"

    @property
    def ignored(self) -> bool:
        return not self.ours and not self.values


def _same(*values: str) -> dict[Any, Any]:
    return {value: value for value in values}


def _ignored(reason: str, default: Any = None) -> LegacyKey:
    return LegacyKey("any", default, remark=reason)


def _scl(kind: Kind, default: Any, ours: str, **more: Any) -> LegacyKey:
    return LegacyKey(kind, default, ours, loss="scl", **more)


def _tcc(kind: Kind, default: Any, ours: str, **more: Any) -> LegacyKey:
    return LegacyKey(kind, default, ours, loss="tcc", **more)


UNREAD = "the old code does not read it"
PLAIN = "the old code reads it when SSL is false only"
CONV = "the old code reads it for the conv embedder only"
LAUNCHER = "the launcher decides"
OVERWRITTEN = "the old code overwrites it with that of TRAIN"
FINEGYM = "the old code reads it for FineGym only"
WARMUP = "cosinewarmup alone reads it"
EMBEDDER, BACKBONE, RATE = "MODEL.EMBEDDER_MODEL", "MODEL.BASE_MODEL", "OPTIMIZER.LR"

LEGACY_KEYS: dict[str, LegacyKey] = {
    "SSL": LegacyKey(
        "bool",
        True,
        "augment.crop_scale, augment.flip, augment.color_prob, augment.gray_prob, augment.blur_prob, augment.reference",
        "which AUGMENTATION keys count; a sample is always two views here",
    ),
    "USE_AMP": LegacyKey("bool", False, "train.precision, eval.precision", "true: fp16; false: float32"),
    "PATH_TO_DATASET": LegacyKey("text", "pouring", "data.dataset", "the folder with manifest.jsonl"),
    "DATASETS": LegacyKey(
        "texts",
        ["pouring"],
        "data.dataset, data.sampling_block",
        "its first name, where the old loader takes the folder from it (ntu, cmu, cvid, kinetics400); views of "
        "Kinetics, Pouring and Penn Action are drawn from the whole video (sampling_block)",
    ),
    "TRAINING_ALGO": LegacyKey(
        "text", "scl", "loss.name", values={**_same("scl", "tcc", "tcn", "classification"), "simclr": "scl"}
    ),
    "IMAGE_SIZE": LegacyKey("int", 224, "data.image_size"),
    "NUM_GPUS": _ignored(LAUNCHER),
    "SHARD_ID": _ignored(LAUNCHER),
    "RNG_SEED": LegacyKey("int", 1, "train.seed"),
    "LOGDIR": _ignored("give --logdir"),
    "TRAIN.MAX_EPOCHS": LegacyKey("int", 500, "train.epochs"),
    "TRAIN.BATCH_SIZE": LegacyKey(
        "int", 1, "train.batch_size", "of each process there, of all processes together here"
    ),
    "TRAIN.NUM_FRAMES": LegacyKey("int", 240, "data.num_frames"),
    "EVAL.BATCH_SIZE": _ignored(OVERWRITTEN),
    "EVAL.NUM_FRAMES": _ignored(OVERWRITTEN),
    "EVAL.VAL_INTERVAL": LegacyKey(
        "int",
        50,
        "train.eval_every",
        "there on the val split, here on events held out of train (train.holdout)",
    ),
    "EVAL.TASKS": LegacyKey(
        "texts",
        ["kendalls_tau", "retrieval", "classification", "event_completion"],
        "eval.tasks",
        values=_same("kendalls_tau", "retrieval", "classification", "event_completion", "sync_offset"),
    ),
    "EVAL.FRAMES_PER_BATCH": LegacyKey("int", 1000, "eval.max_frames"),
    "EVAL.KENDALLS_TAU_STRIDE": LegacyKey("int", 5, "eval.tau_stride"),
    "EVAL.KENDALLS_TAU_DISTANCE": LegacyKey(
        "text",
        "sqeuclidean",
        "eval.tau_distance",
        values=_same("sqeuclidean", "euclidean", "cosine", "cityblock"),
    ),
    "EVAL.CLASSIFICATION_FRACTIONS": LegacyKey("floats", [0.1, 0.5, 1.0], "eval.label_fractions"),
    "EVAL.RETRIEVAL_KS": LegacyKey("ints", [5, 10, 15], "eval.retrieval_ks"),
    "EVAL.CLASS_NUM": LegacyKey("int", 0, "model.num_classes", loss="classification"),
    "EVAL.CLASSIFICATION_LR": _ignored(FINEGYM),
    "EVAL.CLASSIFICATION_EPOCHS": _ignored(FINEGYM),
    "MODEL.EMBEDDER_TYPE": LegacyKey(
        "text",
        "transformer",
        remark="the embedders conv and vanilla are not part of this project",
        values=_same("transformer"),
    ),
    f"{BACKBONE}.NETWORK": LegacyKey(
        "text",
        "Resnet50_byol",
        "model.weights",
        "torchvision, whatever it says: so do the old transformers; model.weights names others, or a path",
    ),
    f"{BACKBONE}.LAYER": LegacyKey(
        "int",
        3,
        "model.layer",
        "the old code freezes all for any other number; model.layer also takes 0 and 1",
        values={2: 2, 3: 3, 4: 4},
    ),
    f"{BACKBONE}.FRAMES_PER_BATCH": LegacyKey(
        "int",
        40,
        "model.chunk_size",
        "there of every clip of the batch at once, here in all: batch norm of stages that are trained sees fewer",
    ),
    f"{BACKBONE}.OUT_CHANNEL": _ignored("the backbone says it"),
    "MODEL.TRAIN_BASE": LegacyKey(
        "text",
        "frozen",
        remark="stages 1 … LAYER stay frozen, as in the old transformer model; model.layer=0 trains all",
        values=_same("frozen", "train_all"),
    ),
    "MODEL.L2_NORMALIZE": LegacyKey(
        "bool", True, "loss.embeddings", "for tcc, tcn, classification; evaluation has unit length always"
    ),
    "MODEL.PROJECTION": LegacyKey("bool", True, "model.projection_size", "false: 0", loss="scl"),
    "MODEL.PROJECTION_SIZE": LegacyKey("int", 128, "model.projection_size", loss="scl"),
    "MODEL.PROJECTION_HIDDEN_SIZE": _ignored(f"{UNREAD}; its head is PROJECTION_SIZE wide"),
    f"{EMBEDDER}.HIDDEN_SIZE": LegacyKey("int", 256, "model.hidden_size"),
    f"{EMBEDDER}.D_FF": LegacyKey("int", 1024, "model.ff_size"),
    f"{EMBEDDER}.NUM_HEADS": LegacyKey("int", 8, "model.heads"),
    f"{EMBEDDER}.NUM_LAYERS": LegacyKey("int", 3, "model.layers"),
    f"{EMBEDDER}.FC_LAYERS": LegacyKey(
        "layers",
        [[256, True], [256, True]],
        "model.fc_layers, model.fc_size",
        "widths × CAPACITY_SCALAR, all equal; ReLU follows each, as in the old code whatever it says",
    ),
    f"{EMBEDDER}.CAPACITY_SCALAR": LegacyKey("float", 2, "model.fc_size"),
    f"{EMBEDDER}.FC_DROPOUT_RATE": LegacyKey("float", 0.1, "model.dropout"),
    f"{EMBEDDER}.EMBEDDING_SIZE": LegacyKey("int", 128, "model.embedding_size"),
    f"{EMBEDDER}.CONV_LAYERS": _ignored(CONV),
    f"{EMBEDDER}.FLATTEN_METHOD": _ignored("it is the maximum, there and here", "max_pool"),
    f"{EMBEDDER}.USE_BN": _ignored("there is batch norm always, there and here", True),
    "MODEL.CONVGRU_EMBEDDER_MODEL.CONV_LAYERS": _ignored(UNREAD),
    "MODEL.CONVGRU_EMBEDDER_MODEL.DROPOUT_RATE": _ignored(UNREAD),
    "MODEL.CONVGRU_EMBEDDER_MODEL.GRU_LAYERS": _ignored(UNREAD),
    "MODEL.CONVGRU_EMBEDDER_MODEL.USE_BN": _ignored(UNREAD),
    "SCL.LABEL_VARIENCE": _scl("float", 10.0, "loss.label_variance"),
    "SCL.SOFTMAX_TEMPERATURE": _scl("float", 0.1, "loss.temperature"),
    "SCL.POSITIVE_TYPE": LegacyKey(
        "text", "gauss", remark="targets are always a Gaussian here", values=_same("gauss"), loss="scl"
    ),
    "SCL.NEGATIVE_TYPE": _scl(
        "text",
        "single_noself",
        "loss.negative_type",
        values=_same("single_noself", "single", "batch_noself", "batch"),
    ),
    "SCL.POSITIVE_WINDOW": _ignored("positives other than gauss alone read it"),
    "TCC.CYCLE_LENGTH": _ignored(UNREAD),
    "TCC.LABEL_SMOOTHING": _tcc("float", 0.1, "loss.label_smoothing"),
    "TCC.SOFTMAX_TEMPERATURE": _tcc("float", 0.1, "loss.temperature"),
    "TCC.LOSS_TYPE": _tcc(
        "text",
        "regression_mse_var",
        "loss.tcc_type, loss.huber_delta, loss.tcc_reference",
        remark="Huber: delta 1; classification: the old code's divergence (tcc_reference)",
        values=_same("regression_mse_var", "regression_mse", "regression_huber", "classification"),
    ),
    "TCC.NORMALIZE_INDICES": LegacyKey(
        "bool", True, remark="time is always a share of the clip here", values={True: True}, loss="tcc"
    ),
    "TCC.VARIANCE_LAMBDA": _tcc("float", 0.001, "loss.variance_lambda", remark="for regression_mse_var"),
    "TCC.FRACTION": _ignored(UNREAD),
    "TCC.HUBER_DELTA": _ignored(f"{UNREAD}; its delta is 1 (loss.huber_delta)"),
    "TCC.SIMILARITY_TYPE": _tcc("text", "l2", "loss.tcc_similarity", values=_same("l2", "cosine")),
    "TCC.STOCHASTIC_MATCHING": _ignored(UNREAD),
    "TCN.POSITIVE_WINDOW": LegacyKey(
        "int",
        5,
        "loss.tcn_window",
        "there a frame up to so many before in the same view, here the other view's nearest up to so many away",
        loss="tcn",
    ),
    "TCN.REG_LAMBDA": LegacyKey("float", 0.002, "loss.reg_lambda", loss="tcn"),
    "OPTIMIZER.TYPE": LegacyKey(
        "text",
        "AdamOptimizer",
        "optim.name",
        "MomentumOptimizer is not part of this project",
        values={"AdamOptimizer": "adam", "AdamWOptimizer": "adamw"},
    ),
    "OPTIMIZER.WEIGHT_DECAY": LegacyKey("float", 1e-5, "optim.weight_decay"),
    "OPTIMIZER.GRAD_CLIP": LegacyKey("float", 10, "optim.grad_clip"),
    f"{RATE}.INITIAL_LR": LegacyKey("float", 1e-4, "optim.lr"),
    f"{RATE}.DECAY_TYPE": LegacyKey(
        "text",
        "cosine",
        "optim.schedule, optim.warmup_epochs",
        "a step at a time here, an epoch at a time there; fixed and cosine have no warm-up",
        values={"fixed": "constant", "cosine": "cosine", "cosinewarmup": "cosine"},
    ),
    f"{RATE}.NUM_WARMUP_STEPS": LegacyKey("float", 1, "optim.warmup_epochs", WARMUP),
    f"{RATE}.WARMUP_LR": _ignored(f"{WARMUP}, and the warm-up starts near 0 here", 1e-4),
    f"{RATE}.FINAL_LR": LegacyKey(
        "float", 0.0, "optim.schedule", f"{WARMUP}; only 0: a cosine ends at 0 here"
    ),
    "DATA.FRACTION": LegacyKey("float", 1.0, "data.label_fraction", loss="classification"),
    "DATA.ADDITION_TRAINSET": _ignored("what is trained on is what the manifest lists", False),
    "DATA.SAMPLING_STRATEGY": LegacyKey(
        "text",
        "time_augment",
        "data.sampling_region, data.sampling_block",
        "offset_uniform: frames of the whole video (sampling_block video, sampling_region 1)",
        values=_same("time_augment", "offset_uniform"),
    ),
    "DATA.SAMPLING_REGION": LegacyKey("float", 1.5, "data.sampling_region"),
    "DATA.CONSISTENT_OFFSET": LegacyKey("float", 0.2, "data.consistent_offset"),
    "DATA.DYNAMIC_FRAMES": _ignored(UNREAD),
    "DATA.CONSISTENT_VIEWS": _ignored(UNREAD),
    "DATA.NUM_CONTEXTS": LegacyKey(
        "int", 1, remark="frames are embedded without context frames here", values={1: 1}
    ),
    "DATA.CONTEXT_STRIDE": _ignored("there are no context frames", 1),
    "DATA.FRAME_LABELS": _ignored("the manifest says which views have labels", True),
    "DATA.SAMPLE_ALL_STRIDE": LegacyKey("int", 1, remark="evaluation embeds every frame here", values={1: 1}),
    "DATA.NUM_WORKERS": LegacyKey("int", 4, "data.num_workers"),
    "AUGMENTATION.STRENGTH": LegacyKey(
        "float",
        1.0,
        "augment.brightness, augment.contrast, augment.saturation, augment.hue, augment.blur_prob",
        "× 0.8, 0.8, 0.8, 0.2 and 0.5 (of clips with jitter), with crop_scale 0.8; read when SSL is true",
    ),
    "AUGMENTATION.RANDOM_FLIP": LegacyKey("bool", True, "augment.flip", PLAIN),
    "AUGMENTATION.RANDOM_CROP": LegacyKey("bool", True, "augment.crop_scale", PLAIN),
    "AUGMENTATION.BRIGHTNESS": LegacyKey("bool", True, "augment.brightness", PLAIN),
    "AUGMENTATION.BRIGHTNESS_MAX_DELTA": LegacyKey("float", 0.8, "augment.brightness", PLAIN),
    "AUGMENTATION.CONTRAST": LegacyKey("bool", True, "augment.contrast", PLAIN),
    "AUGMENTATION.CONTRAST_MAX_DELTA": LegacyKey("float", 0.8, "augment.contrast", PLAIN),
    "AUGMENTATION.HUE": LegacyKey("bool", True, "augment.hue", PLAIN),
    "AUGMENTATION.HUE_MAX_DELTA": LegacyKey("float", 0.2, "augment.hue", PLAIN),
    "AUGMENTATION.SATURATION": LegacyKey("bool", True, "augment.saturation", PLAIN),
    "AUGMENTATION.SATURATION_MAX_DELTA": LegacyKey("float", 0.8, "augment.saturation", PLAIN),
    "LOGGING.REPORT_INTERVAL": LegacyKey("int", 20, "log.every"),
    "CHECKPOINT.SAVE_INTERVAL": LegacyKey("int", 50, "train.save_every"),
}

RENAMED = {"SIMCLR": "SCL"}  # groups whose keys had another name in early versions of CARL

WITHOUT_KEY: dict[str, tuple[Any, str]] = {  # what the old code does and no key says: option → value, why
    "train.holdout": (0.0, "it trains on the whole train split"),
    "pairs.placement": ("start", "offsets are those of the clips' first frames"),
    "pairs.num_frames": (1000, "clips are compared whole"),
    "similarity.temperature": (1.0, "its softmax has no temperature"),
    "loss.log_epsilon": (1e-6, "what it adds inside the logarithm"),  # scl
}
