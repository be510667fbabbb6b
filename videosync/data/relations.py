"""How two clips of one video lie in time: the temporal relations of CrissCross (Sarkar & Etemad, AAAI 2023, section 3).

A clip has pictures and sound of its own lengths, whose middles are one moment. In the near relations (``same``,
``overlapped``, ``adjacent``) each of the two comes from a stretch 1, 1.5 or 2 times its length, split in two, and both
stretches have one middle: what the pictures of a clip show is heard in its sound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RELATIONS: dict[str, str] = {
    "same": "the same moment twice",
    "overlapped": "a stretch 1.5 times as long as a clip, split in two",
    "adjacent": "one right behind the other",
    "random": "any two moments of the video",
    "far": "at least a clip's length between them, and half of what the video has room for",
    "far_video": "the pictures far, the sound overlapped",
    "far_audio": "the sound far, the pictures overlapped",
}
STRETCHES = {"same": 1.0, "overlapped": 1.5, "adjacent": 2.0}
FAR = 3.0  # clip lengths that hold two clips with a third one's time between them


@dataclass(frozen=True)
class Moments:
    """The middles of two clips, seconds; clip 0 is the earlier one, but for ``random``."""

    video: tuple[float, float]
    audio: tuple[float, float]


def seconds_needed(relation: str, video_seconds: float, audio_seconds: float) -> float:
    """How much pictures with sound a video must have for two clips with pictures and sound of these lengths."""
    longest = max(video_seconds, audio_seconds)
    if relation.startswith("far"):
        return FAR * longest
    return STRETCHES.get(relation, 1.0) * longest


def draw_moments(
    relation: str, start: float, end: float, *, video_seconds: float, audio_seconds: float, rng: np.random.Generator
) -> Moments:
    """Where two clips of a video lie whose pictures and sound last from ``start`` to ``end``: all of both inside.

    Raises ValueError: less than :func:`seconds_needed`, or no such relation.
    """
    if relation not in RELATIONS:
        raise ValueError(f"relation '{relation}' is none of {', '.join(RELATIONS)}")
    needed = seconds_needed(relation, video_seconds, audio_seconds)
    if end - start < needed * (1 - 1e-9):
        raise ValueError(f"{end - start:g} s are too short for the relation '{relation}', which needs {needed:g} s")
    if relation in STRETCHES:
        middle = rng.uniform(start + needed / 2, end - needed / 2)
        video, audio = (_split(middle, length, STRETCHES[relation] - 1) for length in (video_seconds, audio_seconds))
        return Moments(video, audio)
    longest = max(video_seconds, audio_seconds)
    first, last = start + longest / 2, end - longest / 2  # of a clip's middle
    if relation == "random":
        both = rng.uniform(first, last), rng.uniform(first, last)
        return Moments(both, both)
    room = last - first
    apart = rng.uniform(max((FAR - 1) * longest, room / 2), room)
    one = rng.uniform(first, last - apart)
    far = one, one + apart
    if relation == "far":
        return Moments(far, far)
    # the other modality goes with one of the two clips
    length = audio_seconds if relation == "far_video" else video_seconds
    shift = (STRETCHES["overlapped"] - 1) * length
    near = (far[0], far[0] + shift) if rng.random() < 0.5 else (far[1] - shift, far[1])
    return Moments(far, near) if relation == "far_video" else Moments(near, far)


def _split(middle: float, length: float, shift: float) -> tuple[float, float]:
    """Middles of two clips of ``length`` that lie ``shift`` lengths apart, around ``middle``."""
    return middle - shift * length / 2, middle + shift * length / 2
