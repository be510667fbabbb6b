"""Nearest neighbours and a linear probe on features of pictures, of sound, and of both together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor

from videosync.errors import ManifestError
from videosync.recognition.clips import Damage, SoundClips
from videosync.recognition.features import Network
from videosync.recognition.items import Fold, Item
from videosync.recognition.options import StreamOptions
from videosync.recognition.report import FoldResult, Measure
from videosync.recognition.retrieval import recall_chance, recall_hits, ridge_hits, unit
from videosync.recognition.tasks import Parts, Setting, rows

Known = dict[Path, np.ndarray]  # file → float32 [n, D] of its n clips


def av_retrieval(fold: Fold, setting: Setting, streams: StreamOptions) -> FoldResult:
    """Whether the nearest train files of a test file are of its class.

    Within a stream by backbone features; from one stream to the other from predictions to projections (p → z), what
    the loss has brought together.
    """
    damage = Damage()
    known = stream_features(fold, setting, streams, damage)
    parts = Parts(fold, setting, damage, list(known.values()))
    train, test = features_by_stream(known, parts.fold.train), features_by_stream(known, parts.fold.test)
    chance = recall_chance(parts.test, parts.train, streams.ks)
    pairs: dict[str, tuple[np.ndarray, np.ndarray]] = {
        name: (test[name], train[name]) for name in ("video", "audio", "joint") if name in test
    }
    if "p_video" in test:
        pairs["video_to_audio"] = test["p_video"], train["z_audio"]
        pairs["audio_to_video"] = test["p_audio"], train["z_video"]
    measures = {}
    for name, (query, gallery) in pairs.items():
        hits = recall_hits(query, gallery, parts.test, parts.train, streams.ks)
        for k, right, floor in zip(streams.ks, hits, chance):
            measures[f"{name}_to_{name}_{k}" if "_to_" not in name else f"{name}_{k}"] = Measure(right.tolist(), floor)
    if "joint" in test and "p_video" not in test:
        parts.notes.append("no retrieval from one stream to the other: these weights have no projectors and predictors")
    return parts.result(measures)


def probe(fold: Fold, setting: Setting, streams: StreamOptions) -> FoldResult:
    """Ridge regression from features to classes, the penalty chosen on held-out train files."""
    damage = Damage()
    known = stream_features(fold, setting, streams, damage, heads=False)
    parts = Parts(fold, setting, damage, list(known.values()))
    train, test = features_by_stream(known, parts.fold.train), features_by_stream(known, parts.fold.test)
    measures = {}
    for name in test:
        hits, penalty = ridge_hits((train[name], parts.train, parts.held), (test[name], parts.test), streams.penalties)
        measures[f"probe_{name}"] = Measure(hits.tolist(), parts.floor(), f"penalty {penalty:g}")
    return parts.result(measures)


def used_streams(fold: Fold, streams: StreamOptions) -> tuple[Literal["video", "audio"], ...]:
    """What features are of. Raises ManifestError: pictures are asked for, but the files are sounds alone."""
    if all(item.pictures for item in fold.test):
        return {"both": ("video", "audio"), "video": ("video",), "sound": ("audio",)}[streams.use]  # type: ignore[return-value]
    if streams.use == "video":
        raise ManifestError(f"{fold.test[0].path}: sound alone, but streams.use is 'video'; set it to sound")
    return ("audio",)


def stream_features(
    fold: Fold, setting: Setting, streams: StreamOptions, damage: Damage, *, heads: bool = True
) -> dict[str, Known]:
    """Features of each stream that is used and there, and with both and ``heads`` what their heads make of them."""
    items = [*fold.train, *fold.test]
    found: dict[str, Known] = {}
    sound = SoundClips(setting.sound_seconds, setting.video.files)
    read: dict[str, Callable[[Item, int, Damage], Tensor]] = {"video": setting.video.spaced, "audio": sound.spaced}
    for name in used_streams(fold, streams):
        backbone: Any = getattr(setting.streams, name)
        if backbone is None:
            continue
        one: Callable[[Item], Tensor] = lambda item, take=read[name]: take(item, 1, Damage())  # type: ignore[misc]  # noqa: E731
        network = setting.calibrated(backbone, fold.train, one)
        spaced: Callable[[Item], Tensor] = lambda item, take=read[name]: take(item, streams.clips, damage)  # type: ignore[misc]  # noqa: E731
        said = "video" if name == "video" else "sound"
        found[name] = setting.features(f"{said} features", items, spaced, network, damage)
    if heads and len(found) == 2 and setting.streams.heads is not None:
        found |= heads_of(setting, found)
    return found


def heads_of(setting: Setting, found: Mapping[str, Known]) -> dict[str, Known]:
    """Projections z and predictions p of features."""
    import torch

    model, made = setting.streams.heads, {}
    assert model is not None
    with torch.no_grad():
        for name in ("video", "audio"):
            project: Network = model.get_submodule(f"project_{name}").to(setting.device)
            predict: Network = model.get_submodule(f"predict_{name}").to(setting.device)
            z = {path: project(torch.from_numpy(rows).to(setting.device)) for path, rows in found[name].items()}
            made[f"z_{name}"] = {path: rows.cpu().numpy() for path, rows in z.items()}
            made[f"p_{name}"] = {path: predict(rows).cpu().numpy() for path, rows in z.items()}
    return made


def features_by_stream(known: Mapping[str, Known], items: tuple[Item, ...]) -> dict[str, np.ndarray]:
    """Means over the clips of each file, float32 ``[N, D]``; "joint" are both streams', each of length 1."""
    found = {name: rows(one, items).mean(axis=1) for name, one in known.items()}
    if "video" in found and "audio" in found:
        found["joint"] = np.concatenate([unit(found["video"]), unit(found["audio"])], axis=1)
    return found
