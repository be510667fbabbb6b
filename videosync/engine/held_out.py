"""Which events of the train split are trained on, and which are held out to validate."""

from __future__ import annotations

import numpy as np

from videosync.config.schema import Config
from videosync.data.labelled import keep_share_of_events
from videosync.data.samples import Manifest
from videosync.engine.reports import content_hash
from videosync.errors import ManifestError

TRAIN_SPLIT = "train"


def split_train_events(config: Config, manifest: Manifest) -> tuple[Manifest, Manifest]:
    """(what is trained on, what validates): nothing is held out where nothing would be validated.

    Of labelled events, all that are held out validate, and ``data.label_fraction`` of the others is trained on.
    """
    train, held_out = manifest, Manifest(manifest.root, ())
    if config.train.holdout > 0 and config.train.eval_every > 0:
        train, held_out = hold_out_events(manifest, share=config.train.holdout, seed=config.train.seed)
    if config.data.label_fraction < 1:
        train = keep_share_of_events(
            Manifest(train.root, train.of_split(TRAIN_SPLIT)), config.data.label_fraction, seed=config.train.seed
        )
    return train, held_out


def hold_out_events(manifest: Manifest, *, share: float, seed: int) -> tuple[Manifest, Manifest]:
    """(the events to train on, the events held out): a seeded share of those of the train split, at least one.

    Raises ManifestError: the split has a single event, so that none can be held out.
    """
    samples = manifest.of_split(TRAIN_SPLIT)
    events = sorted({sample.event for sample in samples})
    if len(events) < 2:
        raise ManifestError(
            f"{manifest.root}: split '{TRAIN_SPLIT}' has one event, so train.holdout={share:g} cannot keep any "
            "from training; set train.holdout=0, or add events"
        )
    count = min(max(1, round(share * len(events))), len(events) - 1)
    held = set(np.random.default_rng(seed).permutation(events)[:count].tolist())
    kept = tuple(sample for sample in samples if sample.event not in held)
    return Manifest(manifest.root, kept), Manifest(manifest.root, tuple(s for s in samples if s.event in held))


def data_facts(manifest: Manifest) -> dict[str, int | str]:
    """Samples and events, counted, and the hash of both: where it differs, other clips come in other orders."""
    samples = manifest.of_split(TRAIN_SPLIT)
    lines = [(s.event, [(v.video, v.start_frame, v.num_frames, v.fps) for v in s.views]) for s in samples]
    return {"samples": len(samples), "events": len({sample.event for sample in samples}), "hash": content_hash(lines)}
