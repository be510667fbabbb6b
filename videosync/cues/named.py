"""The cues by name. Adding one is one line in ``CUES``."""

from __future__ import annotations

from videosync.cues.cue import Cue
from videosync.cues.encoder import ENCODER, ClipEmbedder, encoder_part
from videosync.cues.motion import MOTION, PARTS
from videosync.errors import ConfigError, require_known

CUES: dict[str, Cue] = {
    "motion": Cue(MOTION),
    "motion-learned": Cue((*MOTION, ENCODER)),
    "learned": Cue((ENCODER,)),
    **{name: Cue((part,)) for name, part in PARTS.items()},
}


def find_cue(name: str, encoder: ClipEmbedder | None = None) -> Cue:
    """The cue called ``name``, with ``encoder`` if it uses one.

    Raises:
        ConfigError: there is none (the nearest is named), or an encoder is given and it uses none.
    """
    require_known("cue", name, CUES)
    cue = CUES[name]
    if encoder is None:
        return cue
    if not cue.uses_encoder:
        using = " or ".join(known for known, other in CUES.items() if other.uses_encoder)
        raise ConfigError(f"an encoder was given, but the cue '{name}' uses none; choose {using}")
    return Cue(tuple(encoder_part(encoder) if part is ENCODER else part for part in cue.parts))
