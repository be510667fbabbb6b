"""The cues by name. Adding one is one line in ``CUES``."""

from __future__ import annotations

from videosync.cues.cue import Cue
from videosync.cues.encoder import ENCODER, ClipEmbedder, LagReader, encoder_part
from videosync.cues.motion import MOTION, PARTS
from videosync.errors import ConfigError, require_known

CUES: dict[str, Cue] = {
    "motion": Cue(MOTION),
    "motion-learned": Cue((*MOTION, ENCODER)),
    "learned": Cue((ENCODER,)),
    **{name: Cue((part,)) for name, part in PARTS.items()},
}


def find_cue(name: str, encoder: ClipEmbedder | None = None, detector: LagReader | None = None) -> Cue:
    """The cue called ``name``, with ``encoder``, and ``detector`` to read it, if it uses one.

    Raises:
        ConfigError: there is none (the nearest is named), or an encoder or a detector is given and it uses none.
    """
    require_known("cue", name, CUES)
    cue = CUES[name]
    if (encoder or detector) and not cue.uses_encoder:
        using = " or ".join(known for known, other in CUES.items() if other.uses_encoder)
        given, lacks = ("an encoder", "none") if detector is None else ("a detector", "no encoder for it to read")
        raise ConfigError(f"{given} was given, but the cue '{name}' uses {lacks}; choose {using}")
    if encoder is None:
        return cue
    own = encoder_part(encoder, detector)
    return Cue(tuple(own if part is ENCODER else part for part in cue.parts))
