"""Sentences on pairs of which pictures and sound say different things, or sound something that pictures cannot."""

from __future__ import annotations

from collections.abc import Iterator

from videosync.timeline.sounds import copies
from videosync.types import OffsetEstimate, Witness

SPEED = 343.0  # m/s, of sound in air at 20 °C
WORTH_SAYING = 0.2  # confidence of an answer that did not decide
PARTLY = 0.75  # share of the common sound that agrees, below which it is said
ENOUGH = 8.0  # seconds of common sound, of which less is in too few segments to tell a share
DRIFT = 0.02  # seconds that two clocks part over a recording, from which it is said


def remarks(pair: OffsetEstimate, name0: str, name1: str) -> list[str]:
    """What to know of a pair that is placed; nothing where one witness is all there is."""
    picture, sound = pair.witness("picture"), pair.witness("sound")
    if not pair.placed or sound is None or sound.seconds is None:
        return []
    both = f"{name0} and {name1}"
    said = [*_differing(pair, picture, sound, both), *_of_sound(pair, sound, name0, name1)]
    if sound.same_recording and not pair.agree:
        said.append(f"The sound tracks of {both} are {copies(pair.fps is not None)}")
    return said


def _differing(pair: OffsetEstimate, picture: Witness | None, sound: Witness, both: str) -> Iterator[str]:
    if pair.agree is not False or picture is None or picture.seconds is None:
        return
    if pair.decided_by == "picture" and pair.seconds is not None and sound.seconds is not None:
        yield (
            f"The sound of {both} fits {abs(pair.seconds - sound.seconds):.2f} s elsewhere: a sound track put under, "
            "or out of step with its pictures, or the same music at another time? The pictures decide"
        )
    elif picture.confidence >= WORTH_SAYING and pair.seconds is not None:
        yield (
            f"The pictures of {both} fit {abs(pair.seconds - picture.seconds):.2f} s elsewhere, but less surely "
            f"({100 * picture.confidence:.0f} %); the sound decides"
        )
    else:
        yield (
            f"The pictures of {both} do not bear out what their sound says: do they show too little in common, or was "
            "the same music played at another time?"
        )


def _of_sound(pair: OffsetEstimate, sound: Witness, name0: str, name1: str) -> Iterator[str]:
    delay, interval = pair.sound_delay_seconds, pair.interval_seconds
    if delay is not None and interval is not None and abs(delay) > (interval[1] - interval[0]) / 2:
        late, early = (name0, name1) if delay > 0 else (name1, name0)
        yield (
            f"Measured by the pictures, sound comes {abs(delay):.3f} s later in {late} than in {early}, as from a "
            f"microphone {SPEED * abs(delay):.0f} m further away"
        )
    if not (sound.placed or pair.decided_by == "sound") or (pair.agree is False and pair.decided_by == "picture"):
        return
    share, shared = sound.agreeing_share or 0.0, sound.shared_seconds or 0.0
    if 0 < share < PARTLY and shared >= ENOUGH:
        yield (
            f"The sound of {name0} and {name1} agrees in {100 * share:.0f} % of the time they share: elsewhere one may "
            "be muted, or have another sound, or there is too little to hear"
        )
    apart = 1e-6 * (sound.drift_ppm or 0.0) * shared
    if abs(apart) >= DRIFT:
        fast, slow = (name1, name0) if apart > 0 else (name0, name1)
        yield (
            f"The clock of {fast} runs {abs(sound.drift_ppm or 0.0):.0f} ppm faster than that of {slow}: "
            f"{abs(apart):.2f} s in the {sound.shared_seconds:.0f} s that they share"
        )
