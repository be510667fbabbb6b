"""The encoder and the detector that ``sync`` is asked to use: from wherever they lie, and what does not fit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from videosync.cues.cue import Cue
from videosync.cues.encoder import ClipEmbedder, LagReader
from videosync.cues.sound import SoundEmbedder
from videosync.errors import ConfigError
from videosync.timeline.clips import ClipInfo

PathLike = str | os.PathLike[str]
LIKE = 1.3  # frame rates that differ by no more than this factor are alike, as 24 and 30 frames/s are


def open_encoder(encoder: ClipEmbedder | SoundEmbedder | PathLike, cue: Cue) -> ClipEmbedder | SoundEmbedder:
    """That of pictures or of sound, as ``cue`` needs. Raises CheckpointError: there is none, or it is damaged."""
    if not isinstance(encoder, (str, os.PathLike)):
        return encoder
    from videosync.engine.encoders import load_encoder, load_sound_encoder  # imports torch

    return load_sound_encoder(encoder) if cue.uses_sound_encoder else load_encoder(encoder)


def open_detector(detector: LagReader | PathLike) -> LagReader:
    """Raises ConfigError: it reads matrices of one size. CheckpointError: there is none, or it is damaged."""
    if not isinstance(detector, (str, os.PathLike)):
        return detector
    from videosync.engine.detector_sets import load_clip_detector  # imports torch

    return load_clip_detector(detector, workdir=Path())


def check_lengths(detector: LagReader, infos: Sequence[ClipInfo], rate: float) -> None:
    """Raises ConfigError if the two longest clips, at ``rate`` frames/s, are more than ``detector`` can read."""
    if len(infos) < 2:
        return
    one, other = sorted(infos, key=lambda info: -info.duration)[:2]
    if one.duration * other.duration * rate**2 > detector.most_cells:
        raise ConfigError(
            f"{one.path} ({one.duration:.0f} s) and {other.path} ({other.duration:.0f} s) are too long for detector "
            f"{detector.name}, which at {rate:.4g} frames/s reads two videos of {detector.most_cells**0.5 / rate:.0f} "
            "s; cut them shorter, or leave the detector out"
        )


def unlike_training(encoder: ClipEmbedder | SoundEmbedder, detector: LagReader | None, rate: float) -> tuple[str, ...]:
    """Sentences on what encoder and detector were trained on otherwise than clips at ``rate`` frames/s."""
    notes = []
    if detector is not None:
        from videosync.engine.detector_sets import matrix_notes

        made = {key: detector.facts.get(key) for key in ("metric", "temperature")}
        notes += matrix_notes(
            f"detector {detector.name}", detector.facts, {**made, "encoder_hash": encoder.weights_hash}
        )
    notes += _other_rate(f"encoder {encoder.name}", encoder.rates, rate)
    if detector is not None:
        notes += _other_rate(f"detector {detector.name}", detector.rates, rate)
    return tuple(notes)


def _other_rate(name: str, trained: Sequence[float], rate: float) -> list[str]:
    if not trained or min(trained) / LIKE <= rate <= max(trained) * LIKE:
        return []
    known = " to ".join(dict.fromkeys(f"{fps:.4g}" for fps in (min(trained), max(trained))))
    return [
        f"{name} was trained on videos of {known} frames/s, and these are compared at {rate:.4g}; if it does badly, "
        "try copies of them at such a rate"
    ]
