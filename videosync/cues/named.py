"""The cues by name. Adding one is one line in ``CUES``."""

from __future__ import annotations

from typing import cast

from videosync.cues.cue import Cue
from videosync.cues.encoder import ENCODER, ClipEmbedder, LagReader, encoder_part
from videosync.cues.motion import MOTION, PARTS
from videosync.cues.sound import SOUND_ENCODER, SoundEmbedder, sound_part
from videosync.errors import ConfigError, require_known

CUES: dict[str, Cue] = {
    "motion": Cue(MOTION),
    "motion-learned": Cue((*MOTION, ENCODER)),
    "learned": Cue((ENCODER,)),
    "sound-learned": Cue((SOUND_ENCODER,)),
    **{name: Cue((part,)) for name, part in PARTS.items()},
}


def find_cue(name: str, encoder: ClipEmbedder | SoundEmbedder | None = None, detector: LagReader | None = None) -> Cue:
    """The cue called ``name``, with ``encoder``, and ``detector`` to read it, if it uses one.

    Raises:
        ConfigError: there is none (the nearest is named), or an encoder or a detector is given and it uses none.
    """
    require_known("cue", name, CUES)
    cue = CUES[name]
    if (encoder or detector) and not (cue.uses_encoder or (cue.uses_sound_encoder and detector is None)):
        using = " or ".join(known for known, other in CUES.items() if other.uses_encoder)
        given, lacks = ("an encoder", "none") if detector is None else ("a detector", "no encoder for it to read")
        raise ConfigError(f"{given} was given, but the cue '{name}' uses {lacks}; choose {using}")
    if encoder is None:
        return cue
    of_sound = hasattr(encoder, "seconds")
    if of_sound != cue.uses_sound_encoder:
        given, needed = ("sound", "pictures") if of_sound else ("pictures", "sound")
        raise ConfigError(f"the encoder {encoder.name} is one of {given}, but the cue '{name}' needs one of {needed}")
    if of_sound:
        own = sound_part(cast("SoundEmbedder", encoder))
    else:
        own = encoder_part(cast("ClipEmbedder", encoder), detector)
    return Cue(tuple(own if part in (ENCODER, SOUND_ENCODER) else part for part in cue.parts))
