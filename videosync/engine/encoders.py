"""Trained encoders: ready to embed, with weights from a run's checkpoint, or as what a new training starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from videosync.checkpoints.carl import PICKLES, find_any_checkpoint
from videosync.checkpoints.checkpoint import Checkpoint, checkpoints_folder, choice, load_weights
from videosync.checkpoints.crisscross import STEM, load_published
from videosync.config.load import config_from_dict
from videosync.config.schema import Config
from videosync.engine.run_record import trained_rates
from videosync.errors import CheckpointError, did_you_mean
from videosync.files import file_hash
from videosync.foreign import said
from videosync.models import SHIPPED
from videosync.models.audio_resnet import AudioBackbone
from videosync.models.card import is_export, read_card
from videosync.models.clip_encoder import ClipEncoder, clip_encoder, shipped_encoder
from videosync.models.encoder import Encoder, build_encoder, require_frame_encoder
from videosync.models.inference import optimize_for_inference
from videosync.models.noise import NoiseEncoder
from videosync.models.sound_encoder import SoundEncoder
from videosync.models.weights import misfits

# options that say how a model is trained or run, not what it computes
FREE_OPTIONS = {"weights", "random_backbone", "layer", "chunk_size", "dropout"}
# what training looks through; their weights lie in its checkpoints
HEAD_OPTIONS = ("projection_size", "num_classes")
HEADS = ("projection.", "classifier.")
SOUND_WEIGHTS = (*PICKLES, ".zip", ".safetensors")
SOUND_TERMS = ("a1a2", "v1a1", "v2a2", "v1a2", "v2a1")  # of the loss of CrissCross


def load_trained_encoder(
    config: Config, *, workdir: Path, logdir: Path, device: torch.device | str
) -> tuple[Encoder | NoiseEncoder, dict[str, Any]]:
    """The encoder of ``config`` with the weights trained in ``logdir``, in eval mode and in its fast form.

    ``logdir`` may hold a run of ours, or checkpoints of CARL and the VideoSync research code, or be such a file, or a
    folder that ``videosync export`` wrote.
    The noise encoder (``model.name=noise``) has no weights and needs no checkpoint.

    Returns:
        The encoder, and ``{"name", "hash", "checkpoint"}``: which checkpoint it is, the hash of its weights, and its
        name, epoch, step and why it was taken (nothing of noise).

    Raises:
        CheckpointError: no such checkpoint, or it was trained with another model than ``config`` describes.
        ConfigError: ``eval.engine`` is not installed or cannot compute the encoder.
    """
    if config.model.name == "noise":
        noise = build_encoder(config.model, num_frames=config.data.num_frames, workdir=workdir)
        return noise.to(device).eval(), {"name": "noise", "hash": "none", "checkpoint": {}}
    checkpoint = find_any_checkpoint(logdir, config.eval.checkpoint)
    require_frame_encoder(checkpoint.config["model"].get("name", "encoder"), checkpoint.folder)
    check_same_model(config, checkpoint)
    encoder = checkpoint_encoder(config, checkpoint)
    place = logdir.name if checkpoint.folder == logdir else f"{logdir.name}/{checkpoint.folder.name}"
    name = f"{place} (epoch {checkpoint.epoch})"
    encoder = encoder.to(device)
    if config.eval.engine == "torch":
        fast = optimize_for_inference(encoder, precision=config.eval.precision)
    else:
        from videosync.engine.runtimes import FOLDER, with_engine  # slow to import

        folder = (logdir.parent if logdir.is_file() else logdir) / FOLDER
        size, precision = config.data.image_size, config.eval.precision
        fast = with_engine(encoder, config.eval.engine, precision=precision, size=size, folder=folder)
    taken = {
        "name": checkpoint.folder.name,
        "epoch": checkpoint.epoch,
        "step": checkpoint.step,
        "why": choice(checkpoint),
    }
    return fast, {"name": name, "hash": checkpoint.weights_hash, "checkpoint": taken}


def checkpoint_encoder(config: Config, checkpoint: Checkpoint) -> Encoder:
    """The encoder that ``config`` describes with a checkpoint's weights: float32, on the CPU, in eval mode.

    ``stretched`` positions are no weights: they are those of clips of ``data.num_frames`` frames, whatever length the
    checkpoint was trained at, as in CARL, whose evaluation takes the length from its configuration.

    Raises CheckpointError: the weights do not fit the model, or there can be no such model.
    """
    require_frame_encoder(checkpoint.config["model"].get("name", "encoder"), checkpoint.folder)
    heads = {head: size for head, size in checkpoint.config["model"].items() if head in HEAD_OPTIONS}
    options = replace(config.model, weights="", random_backbone=True, **heads)
    try:
        encoder = build_encoder(options, num_frames=config.data.num_frames)
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:  # of numbers that no size can be
        raise CheckpointError(f"{checkpoint.folder}: its model options describe no model ({said(error)})") from error
    load_weights(encoder, checkpoint)
    assert isinstance(encoder, Encoder)
    return encoder.eval()


def check_same_model(config: Config, checkpoint: Checkpoint) -> None:
    """Raises CheckpointError that names every model option in which ``config`` and the checkpoint differ."""
    trained, asked = checkpoint.config["model"], asdict(config.model)
    differences = [
        f"model.{key} is {asked[key]!r} but was {trained[key]!r} in training"
        for key in asked
        if key not in (*FREE_OPTIONS, *HEAD_OPTIONS) and key in trained and asked[key] != trained[key]
    ]
    if differences:
        raise CheckpointError(f"{checkpoint.folder}: {'; '.join(differences)}. Use the config it was trained with")


def load_encoder(source: str | PathLike[str]) -> ClipEncoder:
    """A trained frame encoder: for ``videosync.sync``, and to embed videos by itself (``.embed_video(path)``).

    Args:
        source: the folder of a training run (its best checkpoint) or of ``videosync export``, a checkpoint of CARL or
            the VideoSync research code, or "crossview", the encoder that comes with the package.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    if source == SHIPPED:
        return shipped_encoder()
    path = _place(source, PICKLES, SHIPPED)
    checkpoint = find_any_checkpoint(path, "best")
    config = config_from_dict(checkpoint.config, source=str(checkpoint.folder))
    encoder = checkpoint_encoder(config, checkpoint)
    fast = optimize_for_inference(encoder)
    assert isinstance(fast, Encoder)
    return clip_encoder(
        fast, asdict(config), name=_name_of(path), weights_hash=checkpoint.weights_hash, rates=trained_rates(path)
    )


def load_sound_encoder(source: str | PathLike[str]) -> SoundEncoder:
    """The sound backbone of a CrissCross network, for the cue "sound-learned" of ``videosync.sync``.

    Args:
        source: the folder of a training run of ``model.name=crisscross`` (its best checkpoint) or of ``videosync
            export``, or published weights (.pth.tar, .zip, .safetensors).

    Raises:
        CheckpointError: there is none, it is damaged, or its sound backbone was not trained.
    """
    path = _place(source, SOUND_WEIGHTS)
    weights = load_published(path, "audio")[1]
    config, weights_hash = _recorded(path)
    terms = {term: weight for term, weight in config.get("loss", {}).items() if term in SOUND_TERMS}
    if (terms and not any(terms.values())) or not bool(weights["conv1.1.running_mean"].any()):
        raise CheckpointError(
            f"encoder {source}: its sound backbone was not trained; give a run whose loss looks at the sound "
            f"({', '.join(SOUND_TERMS)})"
        )
    backbone = AudioBackbone(width=len(weights[STEM]))
    backbone.load_state_dict(weights)
    return SoundEncoder(backbone, name=_name_of(path), weights_hash=weights_hash)


def _recorded(path: Path) -> tuple[Mapping[str, Any], str]:
    """The configuration of a run or an export (none of a file of weights), and the hash of its weights."""
    if path.is_file():
        return {}, file_hash(path)
    if is_export(path):
        facts = read_card(path, kind="two_streams")
        return facts["config"], facts["checkpoint"]["weights_hash"]
    checkpoint = find_any_checkpoint(path, "best")
    return checkpoint.config, checkpoint.weights_hash


def _place(source: str | PathLike[str], files: tuple[str, ...], shipped: str = "") -> Path:
    """The run, export or file (by its ending) that ``source`` names. Raises CheckpointError: there is none."""
    path = Path(source).expanduser()
    if path.parent.name == "checkpoints" or path.name == "checkpoints":
        path = path.parents[0 if path.name == "checkpoints" else 1]
    if not path.is_dir() and not (path.suffix.lower() in files and (shipped or path.is_file())):
        hint = did_you_mean(str(source), [shipped]) if shipped else ""
        there = (
            "is no folder of a run or an export, and no .pth checkpoint" if path.is_file() else "no such file or folder"
        )
        raise CheckpointError(f"encoder {source}: {there}; give such a one{shipped and f', or {shipped}'}.{hint}")
    runs = [run.name for run in sorted(path.glob("*")) if checkpoints_folder(run).is_dir()] if path.is_dir() else []
    if runs and not checkpoints_folder(path).is_dir():
        raise CheckpointError(f"encoder {source}: no run itself, but it holds some: {', '.join(runs)}")
    return path


def _name_of(path: Path) -> str:
    """What answers call the encoder: its file, or its folder, with the one above where that only says "encoder"."""
    place = path.resolve()
    name = place.stem if place.suffix.lower() in PICKLES else place.name
    return f"{place.parent.name}/{name}" if name == "encoder" else name


def start_from(encoder: nn.Module, source: Path) -> list[str]:
    """Fill ``encoder`` with the best weights of ``source``, a run's folder or a CARL checkpoint.

    Everything but the heads must fit; a head of another size, or that is not there, keeps its fresh weights.

    Returns:
        Sentences that say what was taken.

    Raises:
        CheckpointError: no checkpoint, or its weights do not fit the model.
    """
    checkpoint = find_any_checkpoint(source, "best")
    given = checkpoint.weights()
    wanted = encoder.state_dict()
    present = [head for head in HEADS if any(name.startswith(head) for name in wanted)]
    fitting = [head for head in present if not misfits(_under(wanted, head), _under(given, head))]
    body = {name: tensor for name, tensor in wanted.items() if not name.startswith(HEADS)}
    if problems := misfits(body, {name: tensor for name, tensor in given.items() if not name.startswith(HEADS)}):
        raise CheckpointError(
            f"train.start_from {source}: {checkpoint.folder} does not fit the model ({problems}); set the model "
            "options to those it was trained with"
        )
    taken = {name: tensor for name, tensor in given.items() if name in body or name.startswith(tuple(fitting))}
    encoder.load_state_dict({**wanted, **taken})
    fresh = [head.removesuffix(".") for head in present if head not in fitting]
    said = f"starting from the weights of {checkpoint.folder} ({choice(checkpoint)})"
    return [said + (f"; fresh, as it has none that fits: {', '.join(fresh)}" if fresh else "")]


def _under(weights: Mapping[str, Tensor], head: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if name.startswith(head)}
