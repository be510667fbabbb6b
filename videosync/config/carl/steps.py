"""Old keys that are translated together, or into more than one option; see :mod:`videosync.config.carl.translate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from videosync.config.carl.keys import BACKBONE, EMBEDDER, LEGACY_KEYS, PLAIN, RATE, WARMUP

Result = tuple[dict[str, Any], list[str]]  # our options, and what means something else here
FROM_DATASETS = ("ntu", "cmu", "cvid", "kinetics400")  # the old loaders that take the folder from DATASETS
TORCHVISION = ("Resnet50", "Resnet50_pretrained")  # what old files call torchvision's weights
WHOLE_VIDEO = ("kinetics", "k400", "pouring", "penn")  # datasets whose old loaders draw from the whole video


class Refused(ValueError):
    """Values that this project cannot do: the key that is to blame, and what to do instead."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class Old:
    """All old values: those that are given, else the old defaults."""

    def __init__(self, given: Mapping[str, Any], *, whole: bool, world_size: int, loss: str | None) -> None:
        self.given = given
        self.whole = whole
        self.world_size = world_size
        algo = self["TRAINING_ALGO"]
        self.loss: str = loss or LEGACY_KEYS["TRAINING_ALGO"].values.get(algo, algo)

    def __getitem__(self, key: str) -> Any:
        return self.given.get(key, LEGACY_KEYS[key].default)

    def wants(self, key: str) -> bool:
        """Whether what ``key`` alone says is to be set: it is given, or a whole file is translated."""
        return self.whole or key in self.given

    def unread(self, key: str) -> str:
        """Why ``key`` has no effect; "" where it has one."""
        about = LEGACY_KEYS[key]
        if about.ignored:
            return about.remark
        if about.loss and about.loss != self.loss:
            return f"the loss is {self.loss}"
        if key.startswith("AUGMENTATION.") and (about.remark == PLAIN) == self["SSL"]:
            return PLAIN if self["SSL"] else "the old code reads it when SSL is true only"
        if about.remark.startswith(WARMUP) and self[f"{RATE}.DECAY_TYPE"] != "cosinewarmup":
            return WARMUP
        uniform = self["DATA.SAMPLING_STRATEGY"] == "offset_uniform"
        if uniform and key in ("DATA.SAMPLING_REGION", "DATA.CONSISTENT_OFFSET"):
            return "time_augment alone reads it"
        if key == "TCC.VARIANCE_LAMBDA" and self["TCC.LOSS_TYPE"] != "regression_mse_var":
            return "regression_mse_var alone reads it"
        return ""


def _precision(old: Old) -> Result:
    if old["USE_AMP"]:
        return {"train.precision": "fp16"}, []
    return {"train.precision": "float32", "eval.precision": "float32"}, []


def _dataset(old: Old) -> Result:
    path, names = old["PATH_TO_DATASET"], old["DATASETS"]
    if not names:
        raise Refused("DATASETS", "names no dataset.")
    by_name = any(part in names[0] for part in FROM_DATASETS) or "PATH_TO_DATASET" not in old.given
    chosen = names[0] if by_name and "DATASETS" in old.given else path
    notes = []
    if old.wants("PATH_TO_DATASET") and old.wants("DATASETS") and names != [path]:
        notes.append(
            f"PATH_TO_DATASET '{path}', DATASETS [{', '.join(names)}]: a run has one folder with a manifest here, "
            f"data.dataset '{chosen}'; evaluate others with --opts data.dataset NAME"
        )
    if not old.whole:
        return {"data.dataset": chosen}, notes
    known = [PurePath(name).name.lower() for name in (chosen, *old.given.get("DATASETS", [])[:1])]
    block = "video" if any(name.startswith(WHOLE_VIDEO) for name in known) else "view"
    return {"data.dataset": chosen, "data.sampling_block": block}, notes


def _batch_size(old: Old) -> Result:
    pairs = old["TRAIN.BATCH_SIZE"] * old.world_size
    each = f"{old.world_size} processes" if old.world_size > 1 else "1 process"
    note = (
        f"TRAIN.BATCH_SIZE is of each process there, of all together here: train.batch_size {pairs} of {each}"
    )
    return {"train.batch_size": pairs}, [note] if old.whole or old.world_size > 1 else []


def _val_interval(old: Old) -> Result:
    note = (
        "EVAL.VAL_INTERVAL: the old code measures on the val split while it trains, and keeps the last checkpoint; "
        "here events held out of train choose the best one, if there are any (--opts train.holdout 0.1)"
    )
    return {"train.eval_every": old["EVAL.VAL_INTERVAL"]}, [note] if old.whole else []


def _tasks(old: Old) -> Result:
    return {"eval.tasks": list(dict.fromkeys(old["EVAL.TASKS"]))}, []


def _network(old: Old) -> Result:
    name = old[f"{BACKBONE}.NETWORK"]
    note = (
        f"MODEL.BASE_MODEL.NETWORK {name}: the old transformers start from torchvision's ImageNet weights whatever it "
        "says, and so does this (model.weights torchvision); name others with --opts model.weights byol"
    )
    return {"model.weights": "torchvision"}, [] if name in TORCHVISION else [note]


def _train_base(old: Old) -> Result:
    if old["MODEL.TRAIN_BASE"] == "frozen":
        return {}, []
    return {}, [f"MODEL.TRAIN_BASE {old['MODEL.TRAIN_BASE']}: {LEGACY_KEYS['MODEL.TRAIN_BASE'].remark}"]


def _fc_layers(old: Old) -> Result:
    scale = old[f"{EMBEDDER}.CAPACITY_SCALAR"]
    widths = [width * scale for width, _ in old[f"{EMBEDDER}.FC_LAYERS"]]
    if len(set(widths)) > 1:
        widths_shown = ", ".join(map(str, widths))
        raise Refused(
            f"{EMBEDDER}.FC_LAYERS", f"layers of different widths ({widths_shown}); give all the same."
        )
    if any(width != int(width) for width in widths):
        raise Refused(f"{EMBEDDER}.CAPACITY_SCALAR", f"layers of width {widths[0]}; expected a whole number.")
    settings: dict[str, Any] = {"model.fc_size": int(widths[0])} if widths else {}
    if old.wants(f"{EMBEDDER}.FC_LAYERS"):
        settings["model.fc_layers"] = len(widths)
    return settings, []


def _head(old: Old) -> Result:
    return {"model.projection_size": old["MODEL.PROJECTION_SIZE"] if old["MODEL.PROJECTION"] else 0}, []


def _unit_length(old: Old) -> Result:
    unit = old["MODEL.L2_NORMALIZE"]
    notes = [] if unit else ["MODEL.L2_NORMALIZE false: evaluation looks at embeddings of unit length here"]
    if old.loss == "scl":
        if not unit and not old["MODEL.PROJECTION"]:
            raise Refused(
                "MODEL.L2_NORMALIZE",
                "false without a projection head; scl needs unit length: set it to true.",
            )
        return {}, notes
    usual = unit == (old.loss == "tcn")  # what loss.embeddings 'auto' means
    return {"loss.embeddings": "auto" if usual else "unit" if unit else "raw"}, notes


def _loss_type(old: Old) -> Result:
    kind = old["TCC.LOSS_TYPE"]
    settings: dict[str, Any] = {"loss.tcc_type": kind}
    if kind == "regression_huber":
        settings["loss.huber_delta"] = 1.0
        return settings, [
            "TCC.LOSS_TYPE regression_huber: with delta 1, as in the old code (loss.huber_delta)"
        ]
    if kind == "classification":
        settings["loss.tcc_reference"] = True
        return settings, ["TCC.LOSS_TYPE classification: the old code's divergence (loss.tcc_reference)"]
    return settings, []


def _tcn_window(old: Old) -> Result:
    window = old["TCN.POSITIVE_WINDOW"]
    note = (
        f"TCN.POSITIVE_WINDOW: a frame's positive is the other view's nearest frame, up to {window} away; there one 1 "
        f"to {window} before it in the same view, and half of NUM_FRAMES are such positives"
    )
    return {"loss.tcn_window": window}, [note]


def _schedule(old: Old) -> Result:
    kind = old[f"{RATE}.DECAY_TYPE"]
    warmup = old[f"{RATE}.NUM_WARMUP_STEPS"] if kind == "cosinewarmup" else 0.0
    if kind == "cosinewarmup" and old[f"{RATE}.FINAL_LR"]:
        raise Refused(
            f"{RATE}.FINAL_LR", f"expected 0, got {old[f'{RATE}.FINAL_LR']}; a cosine ends at 0 here."
        )
    schedule = LEGACY_KEYS[f"{RATE}.DECAY_TYPE"].values.get(kind, kind)
    return {"optim.schedule": schedule, "optim.warmup_epochs": float(warmup)}, []


def _grad_clip(old: Old) -> Result:
    return {"optim.grad_clip": max(0.0, old["OPTIMIZER.GRAD_CLIP"])}, []  # there none unless it is above 0


def _sampling(old: Old) -> Result:
    if old["DATA.SAMPLING_STRATEGY"] == "offset_uniform":
        return {"data.sampling_block": "video", "data.sampling_region": 1.0}, []
    return {"data.sampling_region": max(1.0, old["DATA.SAMPLING_REGION"])}, []  # there 1 unless it is above


def _augment(old: Old) -> Result:
    if not old["SSL"] and old.loss == "scl":
        raise Refused("SSL", "scl compares two views of a video; set it to true.")
    if not old["SSL"]:
        note = "SSL false: a sample is two views here, each augmented; there one clip of a video"
        return {
            "augment.color_prob": 1.0,
            "augment.gray_prob": 0.0,
            "augment.blur_prob": 0.0,
            "augment.reference": True,
            **_plain(old),
        }, [note]
    strength = old["AUGMENTATION.STRENGTH"]
    blurred = old["DATASETS"][:1] != ["finegym"]
    settings = {
        "augment.brightness": round(0.8 * strength, 6),
        "augment.contrast": round(0.8 * strength, 6),
        "augment.saturation": round(0.8 * strength, 6),
        "augment.hue": round(0.2 * strength, 6),
        "augment.blur_prob": min(1.0, 0.5 * strength) if blurred else 0.0,
    }
    if old.wants("SSL"):
        settings |= {
            "augment.crop_scale": 0.8,
            "augment.flip": 0.5,
            "augment.color_prob": 0.8,
            "augment.gray_prob": 0.2,
            "augment.reference": True,
        }
    return settings, []


def _plain(old: Old) -> dict[str, Any]:
    """The augmentation without SSL: each change is switched on by itself."""
    jitter = {
        f"augment.{name.lower()}": old[f"AUGMENTATION.{name}_MAX_DELTA"]
        if old[f"AUGMENTATION.{name}"]
        else 0.0
        for name in ("BRIGHTNESS", "CONTRAST", "SATURATION", "HUE")
    }
    crop = 0.8 if old["AUGMENTATION.RANDOM_CROP"] else 1.0
    return {
        **jitter,
        "augment.crop_scale": crop,
        "augment.flip": 0.5 if old["AUGMENTATION.RANDOM_FLIP"] else 0.0,
    }


Combination = Callable[[Old], Result]
COMBINED: dict[str, Combination] = {  # old key → what translates it, with all other keys of that function
    "USE_AMP": _precision,
    "PATH_TO_DATASET": _dataset,
    "DATASETS": _dataset,
    "TRAIN.BATCH_SIZE": _batch_size,
    "EVAL.VAL_INTERVAL": _val_interval,
    "EVAL.TASKS": _tasks,
    f"{BACKBONE}.NETWORK": _network,
    "MODEL.TRAIN_BASE": _train_base,
    f"{EMBEDDER}.FC_LAYERS": _fc_layers,
    f"{EMBEDDER}.CAPACITY_SCALAR": _fc_layers,
    "MODEL.PROJECTION": _head,
    "MODEL.PROJECTION_SIZE": _head,
    "MODEL.L2_NORMALIZE": _unit_length,
    "TCC.LOSS_TYPE": _loss_type,
    "TCN.POSITIVE_WINDOW": _tcn_window,
    f"{RATE}.DECAY_TYPE": _schedule,
    f"{RATE}.NUM_WARMUP_STEPS": _schedule,
    f"{RATE}.FINAL_LR": _schedule,
    "OPTIMIZER.GRAD_CLIP": _grad_clip,
    "DATA.SAMPLING_STRATEGY": _sampling,
    "DATA.SAMPLING_REGION": _sampling,
    "SSL": _augment,
    **{key: _augment for key in LEGACY_KEYS if key.startswith("AUGMENTATION.")},
}
