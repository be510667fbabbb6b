"""Encoders out of folders that ``videosync export`` wrote: weights, and a JSON that says what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from videosync.errors import CheckpointError
from videosync.files import file_hash, read_json
from videosync.models.encoder import Encoder, build_encoder
from videosync.models.options import ModelOptions
from videosync.models.weights import misfits

CARD_JSON, WEIGHTS = "model_card.json", "model.safetensors"
FORMAT = 1
KINDS = {"encoder": "an encoder", "detector": "a detector", "two_streams": "the two backbones of a CrissCross run"}


def load_exported_encoder(folder: str | Path) -> tuple[Encoder, dict[str, Any]]:
    """The encoder in a folder written by ``videosync export --format safetensors``, float32 on the CPU, in eval mode.

    It takes frames ``[B, T, 3, S, S]`` (uint8, or float in 0 … 1), S = ``facts["config"]["data"]["image_size"]``, and
    gives unit embeddings ``[B, T, D]``.

    Returns:
        The encoder, and what ``model_card.json`` says.

    Raises:
        CheckpointError: the folder holds no encoder, or its weights are missing, exchanged or do not fit.
    """
    folder = Path(folder)
    facts = read_card(folder, kind="encoder")
    path = folder / WEIGHTS
    if not path.is_file():
        raise CheckpointError(f"{path}: missing; export the run again with --format safetensors")
    if file_hash(path) != facts["checkpoint"]["weights_hash"]:
        raise CheckpointError(f"{path}: does not match the hash in {CARD_JSON}; the file is damaged or was exchanged")
    try:
        options = ModelOptions(**{**facts["config"]["model"], "weights": "", "random_backbone": True})
        encoder = build_encoder(options, num_frames=facts["config"]["data"]["num_frames"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder / CARD_JSON}: its model options are not those of this version ({error})"
        ) from error
    weights = load_file(path)
    if problems := misfits(encoder.state_dict(), weights):
        raise CheckpointError(f"{path} does not fit the model that {CARD_JSON} describes ({problems})")
    encoder.load_state_dict(weights)
    assert isinstance(encoder, Encoder)
    return encoder.eval(), facts


def is_export(folder: Path) -> bool:
    return (folder / CARD_JSON).is_file()


def read_card(folder: Path, *, kind: str) -> dict[str, Any]:
    """What ``model_card.json`` of a folder says.

    Raises:
        CheckpointError: there is none, it is damaged, or it is about something else than a ``kind``.
    """
    path = folder / CARD_JSON
    if not path.is_file():
        raise CheckpointError(f"{folder}: holds no {CARD_JSON}; expected a folder that 'videosync export' wrote")
    try:
        facts = read_json(path)
    except ValueError as error:
        raise CheckpointError(f"{path}: damaged ({error}); export again") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a card of this version (format {FORMAT}); export again")
    if facts.get("kind") != kind:
        found = KINDS.get(str(facts.get("kind")), "something else")
        raise CheckpointError(f"{path}: describes {found}, expected {KINDS[kind]}")
    return facts
