"""Training that starts from the weights of another run, or of a published checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from videosync.checkpoints.carl import find_any_checkpoint
from videosync.checkpoints.checkpoint import choice
from videosync.errors import CheckpointError
from videosync.models.weights import misfits

HEADS = ("projection.", "classifier.")  # what only training looks through


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
    heads = {head: {n: t for n, t in wanted.items() if n.startswith(head)} for head in HEADS}
    fitting = [head for head in HEADS if heads[head] and not misfits(heads[head], _under(given, head))]
    body = {name: tensor for name, tensor in wanted.items() if not name.startswith(HEADS)}
    if problems := misfits(
        body, {name: tensor for name, tensor in given.items() if not name.startswith(HEADS)}
    ):
        raise CheckpointError(
            f"train.start_from {source}: {checkpoint.folder} does not fit the model ({problems}); set the model "
            "options to those it was trained with"
        )
    taken = {
        name: tensor for name, tensor in given.items() if name in body or name.startswith(tuple(fitting))
    }
    encoder.load_state_dict({**wanted, **taken})
    fresh = [head.removesuffix(".") for head in HEADS if heads[head] and head not in fitting]
    said = f"starting from the weights of {checkpoint.folder} ({choice(checkpoint)})"
    return [said + (f"; fresh, as it has none that fits: {', '.join(fresh)}" if fresh else "")]


def _under(weights: Mapping[str, Tensor], head: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if name.startswith(head)}
