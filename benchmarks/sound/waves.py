"""Sounds that need no download: speech-like, music-like, strikes, crowds, and loops of any of them.

All are float32 [n] at 16 kHz of about the same loudness, and never repeat, but for loops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.signal import lfilter

from dataset_preparation.synthetic.sound import MATERIALS, RATE, draw_body
from dataset_preparation.synthetic.striking import Hits

LOUDNESS = 0.1  # root mean square
Rng = np.random.Generator


def levelled(wave: np.ndarray, loudness: float = LOUDNESS) -> np.ndarray:
    """The wave with this root mean square; what is silent stays so."""
    level = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))) if len(wave) else 0.0
    return (wave * (loudness / level)).astype(np.float32) if level > 1e-9 else wave.astype(np.float32)


def speech_like(seconds: float, rng: Rng) -> np.ndarray:
    """Syllables of one voice: pulses or noise through two formants, with pauses between phrases."""
    wave = np.zeros(round(seconds * RATE), np.float32)
    pitch, at = rng.uniform(85, 240), rng.uniform(0, 0.3)
    while at < seconds:
        length = rng.uniform(0.07, 0.25)
        count = round(length * RATE)
        t = np.arange(count) / RATE
        melody = pitch * np.exp(rng.normal(0, 0.12) + rng.normal(0, 0.3) * t)
        turns = np.cumsum(melody) / RATE
        pulses = np.diff(np.floor(turns), prepend=0.0)
        if rng.random() < 0.25:  # a consonant
            pulses = rng.normal(0, 0.1, count)
        sound = pulses
        for low, high in ((250, 900), (900, 2800)):
            turn, fade = 2 * np.pi * rng.uniform(low, high) / RATE, np.exp(-np.pi * rng.uniform(60, 160) / RATE)
            sound = lfilter([1 - fade], [1, -2 * fade * np.cos(turn), fade**2], sound)
        shape = np.sin(np.pi * t / length) ** 0.7 * rng.uniform(0.4, 1.0)
        first = round(at * RATE)
        piece = levelled(sound)[: len(wave) - first] * shape[: len(wave) - first]
        wave[first : first + len(piece)] += piece.astype(np.float32)
        at += length + (rng.uniform(0.3, 1.2) if rng.random() < 0.12 else rng.uniform(0, 0.06))
    return levelled(wave)


def music_like(seconds: float, rng: Rng) -> np.ndarray:
    """A melody, chords and a drum over a steady beat; the notes are drawn anew all the time."""
    wave = np.zeros(round(seconds * RATE), np.float32)
    beat, base = 60 / rng.uniform(70, 150), rng.uniform(90, 180)
    scale = 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]) / 12)
    harmonics = rng.uniform(0.1, 1, 6) / np.arange(1, 7)
    drum, drum_hits = draw_body(rng, "wood"), []
    for step, at in enumerate(np.arange(0, seconds, beat / 2)):
        if rng.random() < 0.6:
            drum_hits.append(at)
        notes = [(4.0, 0.5)] if rng.random() < 0.7 else []  # octave, loudness
        notes += [(1.0, 0.4), (2.0, 0.3)] if step % 4 == 0 else []
        for octave, loud in notes:
            length = beat * rng.choice([0.5, 1, 2])
            t = np.arange(round(min(length, seconds - at) * RATE), dtype=np.float32) / RATE
            tone = base * octave * scale[rng.integers(len(scale))]
            parts = (h * np.sin(2 * np.pi * tone * (n + 1) * t) for n, h in enumerate(harmonics) if tone * n < 6500)
            first = round(at * RATE)
            here = wave[first : first + len(t)]
            here += (sum(parts) * loud * np.exp(-t * rng.uniform(2, 8)))[: len(here)]
    strengths = rng.uniform(0.2, 0.9, len(drum_hits))
    return levelled(wave + drum.ring(Hits(np.array(drum_hits), strengths), 0.0, len(wave), rng))


def strikes(seconds: float, rng: Rng) -> np.ndarray:
    """Things that are struck at irregular times (of ``dataset_preparation.synthetic``)."""
    count = round(seconds * RATE)
    wave = np.zeros(count, np.float32)
    for _ in range(rng.integers(1, 4)):
        body = draw_body(rng, str(rng.choice(list(MATERIALS))))
        times = np.cumsum(rng.exponential(1 / rng.uniform(0.5, 3), int(4 * seconds) + 8))
        times = times[times < seconds]
        wave += body.ring(Hits(times, rng.uniform(0.2, 1, len(times))), 0.0, count, rng)
    return levelled(wave)


def crowd(seconds: float, rng: Rng) -> np.ndarray:
    """Many voices at once, and clapping that swells and ebbs."""
    count = round(seconds * RATE)
    wave = np.zeros(count, np.float32)
    for _ in range(rng.integers(5, 9)):
        wave += speech_like(seconds, rng) * np.float32(rng.uniform(0.3, 1))
    claps = rng.poisson(0.002 * np.interp(np.arange(0, count), *_swell(seconds, rng))).astype(np.float32)
    sharp = lfilter([1], [1, -0.97], rng.normal(0, 1, count)) * lfilter([1], [1, -0.985], claps)
    return levelled(levelled(wave) + levelled(sharp, LOUDNESS * rng.uniform(0.0, 1.0)))


def loop(seconds: float, rng: Rng, sound: Callable[[float, Rng], np.ndarray] = music_like) -> np.ndarray:
    """Half a second to four seconds of ``sound``, over and over; half of the time with quiet strikes that are not."""
    bar = sound(rng.uniform(0.5, 4), rng)
    wave = levelled(np.resize(bar, round(seconds * RATE)))
    return levelled(wave + strikes(seconds, rng) * rng.choice([0.0, 10 ** rng.uniform(-1, 0)]))


MADE: Mapping[str, Callable[[float, Rng], np.ndarray]] = {
    "speech-like": speech_like,
    "music-like": music_like,
    "strikes": strikes,
    "crowd": crowd,
    "loop": loop,
}


def _swell(seconds: float, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Sample numbers and how loud it is there."""
    times = np.arange(0, seconds + 4, 2)
    return times * RATE, rng.exponential(1, len(times))
