"""Rules of the two-stream network (``model.name`` crisscross): what it reads, and what only it reads."""

from __future__ import annotations

from collections.abc import Iterator

from videosync.config.options import options, quoted, value_of
from videosync.config.schema import Config

CRISSCROSS = "crisscross"
# options and groups that only training the two streams reads, and those that it does not read
_ONLY_TWO_STREAMS = ("data.fps", "data.relation", "audio", "crisscross", "optim.predictor_lr")
_NOT_TWO_STREAMS = (
    "data.views", "data.cross_share", "data.sampling_region", "data.sampling_block", "data.consistent_offset",
    "data.label_fraction", "data.feature_cache", "pairs", "model", "train.start_from", "train.eval_pairs",
    "eval.engine",
    "train.recompute", "train.batch_statistics",
)  # fmt: skip


def two_stream_problems(config: Config) -> list[str]:
    """A sentence for each option that was changed though the chosen model does not read it, or that does not fit it."""
    name = config.model.name
    unread = _NOT_TWO_STREAMS if name == CRISSCROSS else _ONLY_TWO_STREAMS
    problems = [
        f"{key} is {quoted(value_of(config, key))}, but model.name is '{name}': the option is read only when "
        f"model.name is {'another' if name == CRISSCROSS else repr(CRISSCROSS)}."
        for key in _changed(config, unread)
    ]
    if name == CRISSCROSS and config.audio.crop_scale != sorted(config.audio.crop_scale):
        problems.append(f"audio.crop_scale is {config.audio.crop_scale}; the smallest size comes first.")
    return problems


def loss_problems(config: Config) -> list[str]:
    """Whether model and loss, of a training, go together."""
    name, loss = config.model.name, config.loss.name
    if (name == CRISSCROSS) == (loss == CRISSCROSS):
        return []
    return [
        f"model.name is '{name}' and loss.name is '{loss}': the two streams of crisscross and its loss go together. "
        f"Set both to {CRISSCROSS}, or neither."
    ]


def _changed(config: Config, unread: tuple[str, ...]) -> Iterator[str]:
    """Options in or among ``unread`` that differ from their defaults; that no heads are built is no change."""
    for key, option in options().items():
        if key in ("model.name", "model.projection_size") or not {key, key.partition(".")[0]} & set(unread):
            continue
        if value_of(config, key) != option.default:
            yield key
