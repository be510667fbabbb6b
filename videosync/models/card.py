"""What ``model_card.json`` says in a folder that ``videosync export`` wrote. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from videosync.errors import CheckpointError
from videosync.files import file_hash, read_json
from videosync.models import SHIPPED

FOLDER = Path(__file__).resolve().parents[1] / "weights" / SHIPPED  # of the encoder that comes with the package
CARD_JSON, WEIGHTS = "model_card.json", "model.safetensors"
FORMAT = 1
KINDS = {"encoder": "an encoder", "detector": "a detector", "two_streams": "the two backbones of a CrissCross run"}
TEMPERATURE = 0.1  # of the softmax over frames, where a checkpoint does not tell what it was trained with


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
    config, checkpoint = facts.get("config"), facts.get("checkpoint")
    sections = [checkpoint, config, facts.get("training", {}), *(config.values() if isinstance(config, dict) else ())]
    if not all(isinstance(section, dict) for section in sections) or "weights_hash" not in (checkpoint or {}):
        raise CheckpointError(f"{path}: damaged (its checkpoint or config is not as export wrote it); export again")
    return facts


def exported_weights(folder: Path, facts: Mapping[str, Any]) -> Path:
    """The weights in ``folder`` that the card with ``facts`` is about. Raises CheckpointError: there are none."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise CheckpointError(f"{path}: missing; export the run again with --format safetensors")
    if file_hash(path) != facts["checkpoint"]["weights_hash"]:
        raise CheckpointError(f"{path}: does not match the hash in {CARD_JSON}; the file is damaged or was exchanged")
    return path


def trained_with(config: Mapping[str, Any]) -> dict[str, Any]:
    """Of the options that an encoder was trained with, as nested dictionaries: what ``ClipEncoder`` has to know."""
    of_loss, of_matrix = config.get("loss", {}), config.get("similarity", {})
    cosine = of_matrix.get("metric") == "cosine"  # of unit vectors: squared distances at twice the temperature
    return {
        "size": int(config.get("data", {}).get("image_size", 224)),
        "temperature": float(of_loss.get("temperature", TEMPERATURE)),
        "matrix_temperature": (2 if cosine else 1) * float(of_matrix.get("temperature", TEMPERATURE)),
    }


def card_rates(facts: Mapping[str, Any]) -> tuple[float, ...]:
    """Frames/s of the videos that an exported network was trained on; none if unknown."""
    data = facts.get("training", {}).get("data", {})
    rates = data.get("frame_rates", ()) if isinstance(data, dict) else ()
    return tuple(rate for rate in rates if isinstance(rate, int | float)) if isinstance(rates, list | tuple) else ()
