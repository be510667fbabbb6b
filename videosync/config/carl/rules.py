"""Old keys that are translated together, or into more than one option; see :mod:`videosync.config.carl.translate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from videosync.config.carl.keys import EMBEDDER, LEGACY_KEYS, RATE

Result = tuple[dict[str, Any], list[str]]  # our options, and what means something else here
FROM_DATASETS = ("ntu", "cmu", "cvid", "kinetics400")  # the old loaders that take the folder from DATASETS
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
        if about.when is None or self[about.when[0]] == about.when[1]:
            return ""
        other, value = about.when
        if isinstance(value, bool):
            return f"the old code reads it when {other} is {str(value).lower()} only"
        return f"{value} alone reads it"


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
    note = f"TRAIN.BATCH_SIZE is of each process there, of all together here: train.batch_size {pairs} of {each}"
    return {"train.batch_size": pairs}, [note] if old.whole or old.world_size > 1 else []


def _fc_layers(old: Old) -> Result:
    scale = old[f"{EMBEDDER}.CAPACITY_SCALAR"]
    widths = [width * scale for width, _ in old[f"{EMBEDDER}.FC_LAYERS"]]
    if len(set(widths)) > 1:
        shown = ", ".join(map(str, widths))
        raise Refused(f"{EMBEDDER}.FC_LAYERS", f"layers of different widths ({shown}); give all the same.")
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
            without = "false without a projection head; scl needs unit length: set it to true."
            raise Refused("MODEL.L2_NORMALIZE", without)
        return {}, notes
    usual = unit == (old.loss == "tcn")  # what loss.embeddings 'auto' means
    return {"loss.embeddings": "auto" if usual else "unit" if unit else "raw"}, notes


def _loss_type(old: Old) -> Result:
    kind = old["TCC.LOSS_TYPE"]
    settings: dict[str, Any] = {"loss.tcc_type": kind}
    if kind == "regression_huber":
        note = "TCC.LOSS_TYPE regression_huber: with delta 1, as in the old code (loss.huber_delta)"
        return {**settings, "loss.huber_delta": 1.0}, [note]
    if kind == "classification":
        note = "TCC.LOSS_TYPE classification: the old code's divergence (loss.tcc_reference)"
        return {**settings, "loss.tcc_reference": True}, [note]
    return settings, []


def _schedule(old: Old) -> Result:
    kind, final = old[f"{RATE}.DECAY_TYPE"], old[f"{RATE}.FINAL_LR"]
    warmup = old[f"{RATE}.NUM_WARMUP_STEPS"] if kind == "cosinewarmup" else 0.0
    if kind == "cosinewarmup" and final:
        raise Refused(f"{RATE}.FINAL_LR", f"expected 0, got {final}; a cosine ends at 0 here.")
    schedule = LEGACY_KEYS[f"{RATE}.DECAY_TYPE"].values.get(kind, kind)
    return {"optim.schedule": schedule, "optim.warmup_epochs": float(warmup)}, []


def _sampling(old: Old) -> Result:
    if old["DATA.SAMPLING_STRATEGY"] == "offset_uniform":
        return {"data.sampling_block": "video", "data.sampling_region": 1.0}, []
    return {"data.sampling_region": max(1.0, old["DATA.SAMPLING_REGION"])}, []  # there 1 unless it is above


def _augment(old: Old) -> Result:
    """With SSL all changes have one strength; without it each one is switched on by itself."""
    if not old["SSL"] and old.loss == "scl":
        raise Refused("SSL", "scl compares two views of a video; set it to true.")
    jitter = ("brightness", "contrast", "saturation", "hue")
    if not old["SSL"]:
        given = {name: old[f"AUGMENTATION.{name.upper()}_MAX_DELTA"] for name in jitter}
        settings = {n: most if old[f"AUGMENTATION.{n.upper()}"] else 0.0 for n, most in given.items()}
        settings |= {"crop_scale": 0.8 if old["AUGMENTATION.RANDOM_CROP"] else 1.0}
        settings |= {"flip": 0.5 if old["AUGMENTATION.RANDOM_FLIP"] else 0.0}
        settings |= {"color_prob": 1.0, "gray_prob": 0.0, "blur_prob": 0.0, "reference": True}
        notes = ["SSL false: a sample is two views here, each augmented; there one clip of a video"]
    else:
        strength = old["AUGMENTATION.STRENGTH"]
        settings = {name: round(most * strength, 6) for name, most in zip(jitter, (0.8, 0.8, 0.8, 0.2))}
        settings["blur_prob"] = min(1.0, 0.5 * strength) if old["DATASETS"][:1] != ["finegym"] else 0.0
        if old.wants("SSL"):
            settings |= {"crop_scale": 0.8, "flip": 0.5, "color_prob": 0.8, "gray_prob": 0.2, "reference": True}
        notes = []
    return {f"augment.{name}": value for name, value in settings.items()}, notes


Rule = Callable[[Old], Result]
_RULES: dict[Rule, tuple[str, ...]] = {
    _precision: ("USE_AMP",),
    _dataset: ("PATH_TO_DATASET", "DATASETS"),
    _batch_size: ("TRAIN.BATCH_SIZE",),
    _fc_layers: (f"{EMBEDDER}.FC_LAYERS", f"{EMBEDDER}.CAPACITY_SCALAR"),
    _head: ("MODEL.PROJECTION", "MODEL.PROJECTION_SIZE"),
    _unit_length: ("MODEL.L2_NORMALIZE",),
    _loss_type: ("TCC.LOSS_TYPE",),
    _schedule: (f"{RATE}.DECAY_TYPE", f"{RATE}.NUM_WARMUP_STEPS", f"{RATE}.FINAL_LR"),
    _sampling: ("DATA.SAMPLING_STRATEGY", "DATA.SAMPLING_REGION"),
    _augment: ("SSL", *(key for key in LEGACY_KEYS if key.startswith("AUGMENTATION."))),
}
COMBINED: dict[str, Rule] = {key: rule for rule, keys in _RULES.items() for key in keys}
