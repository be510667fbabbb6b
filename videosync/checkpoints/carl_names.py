"""Weights of published CARL and VideoSync checkpoints ↔ weights of :class:`videosync.models.encoder.Encoder`.

There the ResNet is a sequence of children: ``backbone`` holds the frozen stages, ``res_finetune`` the trained ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from videosync.errors import CheckpointError

STAGES = 4
_STEM = {"0": "conv1", "1": "bn1"}
# (their name, our name), tried in order; both are prefixes or inner parts of a dotted name
_EMBEDDER = (
    ("embed.video_encoder.enc_layers.", "embedder.layers."),
    ("embed.video_emb.", "embedder.to_hidden."),
    ("embed.embedding_layer.", "embedder.to_embedding."),
    ("embed.fc_layers.", "embedder.fc_layers."),
    ("ssl_projection.net.", "projection.net."),
    ("classifier.fc_layers.", "classifier.net."),
)
_LAYER = (
    (".res_layer0.norm.", ".attention_norm."),
    (".res_layer1.norm.", ".ff_norm."),
    (".self_att.linear_Q2d.", ".attention.query."),
    (".self_att.linear_K2d.", ".attention.key."),
    (".self_att.linear_V2d.", ".attention.value."),
    (".self_att.linear_d2Q.", ".attention.out."),
    (".feed_forward.fc1.", ".ff.0."),
    (".feed_forward.fc2.", ".ff.3."),
)


def from_carl(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A CARL ``model_state`` under our names.

    Raises:
        CheckpointError: not such a state, or names in it that are not known (all are counted, some named).
    """
    state = _transformer_state(state)
    layer = frozen_stages(state)
    renamed = {name: our_name(name, layer) for name in state}
    strange = [name for name, ours in renamed.items() if ours is None]
    if strange:
        raise CheckpointError(f"{len(strange)} names are not those of a CARL model: {', '.join(strange[:5])}")
    return {ours: state[name] for name, ours in renamed.items() if ours is not None}


def _transformer_state(state: Mapping[Any, Any]) -> dict[str, Tensor]:
    """``state`` without DistributedDataParallel's prefix, if it is that of a transformer model with a ResNet.

    Raises:
        CheckpointError: it holds something else; the embedder is named where it is another one of CARL's.
    """
    named = {str(name).removeprefix("module."): tensor for name, tensor in state.items()}
    if not any(name.startswith("embed.video_emb.") for name in named) and "embed.embedding_layer.weight" in named:
        kind = "conv" if any(name.startswith("embed.conv_layers.") for name in named) else "vanilla"
        raise CheckpointError(
            f"holds a model with CARL's {kind} embedder (MODEL.EMBEDDER_TYPE: {kind}), which is not part of this "
            "project; only the transformer embedder is: give a checkpoint of a transformer configuration "
            "(scl_transformer_…, tcc_transformer_…), or train such a model anew"
        )
    if not all(isinstance(tensor, Tensor) for tensor in named.values()) or not {
        "backbone.0.weight",
        "embed.video_emb.weight",
    } <= set(named):
        raise CheckpointError(
            f"holds no weights of a CARL or VideoSync transformer model (it has {len(named)} names: "
            f"{', '.join(sorted(named)[:3])}, …); expected backbone.0.weight, …, embed.video_emb.weight, …"
        )
    return named


def frozen_stages(names: Iterable[str]) -> int:
    """How many ResNet stages ``backbone`` holds among the names of a CARL ``model_state``: its ``BASE_MODEL.LAYER``.

    Raises:
        CheckpointError: ``backbone`` is no beginning of a ResNet.
    """
    children = {int(match[1]) for name in names if (match := re.match(r"backbone\.(\d+)\.", name))}
    stages = max(children, default=0) - 3
    if not 1 <= stages <= STAGES:
        raise CheckpointError(
            f"its backbone has the children {sorted(children)}; expected the first of a ResNet's: 0 and 1, 4 … 7"
        )
    return stages


def to_carl(state: Mapping[str, Tensor], *, layer: int) -> dict[str, Tensor]:
    """The weights of an encoder under CARL's names, with ``layer`` stages in ``backbone``: inverse of ``from_carl``.

    Raises:
        CheckpointError: the encoder has parts that CARL's model does not have (a temporal filter, …).
    """
    renamed = {name: _theirs(name, layer) for name in state}
    strange = [name for name, theirs in renamed.items() if theirs is None]
    if strange:
        raise CheckpointError(
            f"{len(strange)} weights have no place in a CARL model: {', '.join(strange[:5])}; only ResNet encoders "
            "with CARL's transformer can be written in its format"
        )
    return {theirs: state[name] for name, theirs in renamed.items() if theirs is not None}


def our_name(name: str, layer: int) -> str | None:
    """The name here of a weight there, in a model with ``layer`` frozen stages; None for an unknown one."""
    for theirs, ours in _EMBEDDER:
        if name.startswith(theirs):
            return _replace(ours + name.removeprefix(theirs), _LAYER)
    if match := re.fullmatch(r"backbone\.(\d+)\.(.+)", name):
        child, rest = match.groups()
        if child in _STEM:
            return f"backbone.{_STEM[child]}.{rest}"
        return f"backbone.layer{int(child) - 3}.{rest}" if 4 <= int(child) <= 3 + layer else None
    if name.startswith("res_finetune."):
        rest = name.removeprefix("res_finetune.")
        if layer == STAGES - 1:
            return f"backbone.layer{STAGES}.{rest}"
        child, _, rest = rest.partition(".")
        stage = layer + 1 + int(child)
        return f"backbone.layer{stage}.{rest}" if stage <= STAGES else None
    return None


def _theirs(name: str, layer: int) -> str | None:
    for theirs, ours in _EMBEDDER:
        if name.startswith(ours):
            return _replace(theirs + name.removeprefix(ours), ((new, old) for old, new in _LAYER))
    for child, stem in _STEM.items():
        if name.startswith(f"backbone.{stem}."):
            return f"backbone.{child}." + name.removeprefix(f"backbone.{stem}.")
    if match := re.fullmatch(r"backbone\.layer(\d)\.(.+)", name):
        stage, rest = int(match[1]), match[2]
        if stage <= layer:
            return f"backbone.{stage + 3}.{rest}"
        within = "" if layer == STAGES - 1 else f"{stage - layer - 1}."
        return f"res_finetune.{within}{rest}"
    return None


def _replace(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    for old, new in pairs:
        name = name.replace(old, new)
    return name


def model_options(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The ``model`` options (and only those) that the shapes in a CARL ``model_state`` tell.

    Heads, dropout and the training length of the positions leave no trace in the weights.

    Raises:
        CheckpointError: not such a state, or a weight that tells an option is missing or no matrix.
    """
    state = _transformer_state(state)
    layers = {m[1] for name in state if (m := re.match(r"embed\.video_encoder\.enc_layers\.(\d+)\.", name))}
    fc = [name for name in state if re.fullmatch(r"embed\.fc_layers\.\d+\.weight", name) and state[name].dim() == 2]

    def size(name: str, axis: int = 0) -> int:
        if name not in state or state[name].dim() != 2:
            found = f"has the shape {list(state[name].shape)}" if name in state else "is missing"
            raise CheckpointError(f"{name} {found}, but must be a matrix in a CARL transformer model")
        return state[name].shape[axis]

    options: dict[str, Any] = {
        "layer": frozen_stages(state),
        "fc_layers": len(fc),
        "hidden_size": size("embed.video_emb.weight"),
        "layers": len(layers),
        "embedding_size": size("embed.embedding_layer.weight"),
        "projection_size": 0,
    }
    if fc:
        options["fc_size"] = size("embed.video_emb.weight", 1)
    if layers:
        options["ff_size"] = size("embed.video_encoder.enc_layers.0.feed_forward.fc1.weight")
    if "ssl_projection.net.0.weight" in state:
        options["projection_size"] = size("ssl_projection.net.0.weight")
    if "classifier.fc_layers.1.weight" in state:
        options["num_classes"] = size("classifier.fc_layers.1.weight")
    return options
