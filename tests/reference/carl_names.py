"""Names of the published CARL checkpoint → names of ``videosync.models``."""

import re

EMBEDDER = (
    (r"^video_emb\.", "to_hidden."),
    (r"^embedding_layer\.", "to_embedding."),
    (r"^video_encoder\.enc_layers\.(\d+)\.", r"layers.\1."),
    (r"\.res_layer0\.norm\.", ".attention_norm."),
    (r"\.res_layer1\.norm\.", ".ff_norm."),
    (r"\.self_att\.linear_Q2d\.", ".attention.query."),
    (r"\.self_att\.linear_K2d\.", ".attention.key."),
    (r"\.self_att\.linear_V2d\.", ".attention.value."),
    (r"\.self_att\.linear_d2Q\.", ".attention.out."),
    (r"\.feed_forward\.fc1\.", ".ff.0."),
    (r"\.feed_forward\.fc2\.", ".ff.3."),
)
RESNET = (
    (r"^backbone\.0\.", "backbone.conv1."),
    (r"^backbone\.1\.", "backbone.bn1."),
    (r"^backbone\.([4-7])\.", lambda m: f"backbone.layer{int(m[1]) - 3}."),
    (r"^res_finetune\.", "backbone.layer4."),
    (r"^ssl_projection\.", "projection."),
)


def embedder_name(name):
    for pattern, replacement in EMBEDDER:
        name = re.sub(pattern, replacement, name)
    return name


def encoder_name(name):
    """A name in ``model_state`` of the checkpoint (layer 3) → a name in ``Encoder.state_dict()``."""
    if name.startswith("embed."):
        return "embedder." + embedder_name(name.removeprefix("embed."))
    for pattern, replacement in RESNET:
        name = re.sub(pattern, replacement, name)
    return name
