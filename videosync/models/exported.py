"""Encoders out of folders that ``videosync export`` wrote: weights, and a JSON that says what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from videosync.errors import CheckpointError
from videosync.foreign import read_safetensors
from videosync.models.card import CARD_JSON, exported_weights, read_card
from videosync.models.encoder import Encoder, build_encoder
from videosync.models.options import ModelOptions
from videosync.models.weights import misfits


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
    path = exported_weights(folder, facts)
    try:
        options = ModelOptions(**{**facts["config"]["model"], "weights": "", "random_backbone": True})
        encoder = build_encoder(options, num_frames=facts["config"]["data"]["num_frames"])
    except (KeyError, TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise CheckpointError(
            f"{folder / CARD_JSON}: its model options are not those of this version ({error})"
        ) from error
    weights = read_safetensors(path, load_file)
    if problems := misfits(encoder.state_dict(), weights):
        raise CheckpointError(f"{path} does not fit the model that {CARD_JSON} describes ({problems})")
    encoder.load_state_dict(weights)
    assert isinstance(encoder, Encoder)
    return encoder.eval(), facts
