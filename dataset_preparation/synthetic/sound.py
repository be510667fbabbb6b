"""What a struck body sounds like, and what a microphone in a room makes of it. NumPy and SciPy only.

A material is a range of modal sounds (van den Doel and Pai, "The sounds of physical shapes", 1998): a strike sets a
body's modes ringing, each a damped sine, as loud as the strike, as bright as it is hard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataset_preparation.synthetic.motion import Array, Rng
from dataset_preparation.synthetic.striking import Hits

RATE = 16_000  # samples/s
SPEED = 343.0  # m/s, of sound
LEAD = 1.0  # s before a recording begins from which sound is still heard
Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Material:
    """Ranges (low, high) from which a body of it draws; all are drawn log-uniformly."""

    lowest: tuple[float, float]  # Hz, its lowest mode
    decay: tuple[float, float]  # s, in which the lowest mode falls to 1/e
    damping: float  # decays are proportional to frequency to the power of minus this
    brightness: tuple[float, float]  # Hz, above which a strike of full strength excites little
    ratios: tuple[float, ...]  # of its modes' frequencies to the lowest one


MATERIALS = {
    "wood": Material((180, 800), (0.012, 0.045), 0.8, (900, 3500), (1, 2.57, 4.95, 6.6, 8.6)),
    "metal": Material((300, 1600), (0.12, 0.6), 0.35, (2000, 8000), (1, 1.58, 2.24, 2.92, 4.1, 5.43)),
}


@dataclass(frozen=True)
class Body:
    """The modes of one body: frequencies (Hz), decays (s), gains [M] each, and how bright it can sound (Hz)."""

    frequencies: Array
    decays: Array
    gains: Array
    brightness: float

    def ring(self, hits: Hits, start: float, samples: int, rng: Rng) -> Wave:
        """float32 [samples] from ``start`` (s) on: what all hits sound like close to the body.

        Args:
            rng: draws where each hit falls on the body, which changes the gains of its modes.
        """
        from scipy.signal import lfilter

        sound = np.zeros(samples)
        first = np.round((hits.times - start) * RATE).astype(int)
        places = rng.uniform(0.4, 1.0, size=(len(first), len(self.gains)))
        heard = (first >= 0) & (first < samples)
        strengths = hits.strengths[heard, None]
        hardness = self.brightness * (0.4 + 0.6 * np.clip(strengths, 0, 1))
        gains = strengths * self.gains * places[heard] * np.exp(-self.frequencies / hardness)  # [N, M]
        for gain, turn, fade in zip(
            gains.T, 2 * np.pi * self.frequencies / RATE, np.exp(-1 / (self.decays * RATE)), strict=True
        ):
            if gain.any():  # a resonator whose answer to 1 is fade^n sin(turn n)
                struck = np.bincount(first[heard], gain, samples)
                sound += lfilter([0, fade * np.sin(turn)], [1, -2 * fade * np.cos(turn), fade**2], struck)
        return sound.astype(np.float32)


def draw_body(rng: Rng, material: str) -> Body:
    """A body of such a material (one of :data:`MATERIALS`)."""
    kind = MATERIALS[material]
    lowest, decay, brightness = (_log_uniform(rng, *limits) for limits in (kind.lowest, kind.decay, kind.brightness))
    frequencies = lowest * np.array(kind.ratios) * np.exp(rng.normal(0, 0.05, size=len(kind.ratios)))
    gains = np.where(frequencies < 0.45 * RATE, rng.uniform(0.3, 1.0, size=len(frequencies)), 0.0)
    return Body(frequencies, decay * (frequencies / lowest) ** -kind.damping, gains, brightness)


def draw_foreign(rng: Rng, begin: float, end: float) -> Hits:
    """Strikes on something that no camera sees: none in some events, about one in three seconds in others."""
    number = rng.poisson(rng.choice([0.0, 0.1, 0.3]) * (end - begin))
    return Hits(np.sort(rng.uniform(begin, end, size=number)), rng.uniform(0.1, 0.4, size=number))


@dataclass(frozen=True)
class Room:
    """``reverberation``: s, in which its sound falls by 60 dB; ``hum``: Hz, of the mains."""

    reverberation: float
    hum: float


def draw_room(rng: Rng) -> Room:
    return Room(_log_uniform(rng, 0.12, 0.4), float(rng.choice([50.0, 60.0])))


def record(sources: Sequence[tuple[Wave, float]], room: Room, samples: int, rng: Rng) -> Wave:
    """float32 [samples], within -1 … 1: the sources as a microphone in the room records them.

    Its echoes, place in the room, band, noise, hum and gain are its own (drawn from ``rng``).

    Args:
        sources: of each the sound [LEAD * RATE + samples], ``LEAD`` s earlier than the recording, and its distance (m).
    """
    from scipy import fft

    count = len(sources[0][0])
    frequencies = fft.rfftfreq(count, 1 / RATE).astype(np.float32)
    mixed = np.zeros(len(frequencies), np.complex64)
    for wave, distance in sources:
        mixed += fft.rfft(wave) / distance * fft.rfft(_echoes(room, distance, rng), count)
    low, high = _log_uniform(rng, 30, 100), _log_uniform(rng, 3500, 7500)
    tilt = (np.maximum(frequencies, 50) / 1000) ** rng.uniform(-0.5, 0.5)
    band = tilt / np.sqrt((1 + (low / np.maximum(frequencies, 1)) ** 4) * (1 + (frequencies / high) ** 6))
    colour = (np.maximum(frequencies, 50) / 1000) ** rng.uniform(-1.0, 0.0)
    noise = fft.irfft(
        fft.rfft(rng.standard_normal(count, dtype=np.float32)) * (colour * band).astype(np.float32), count
    )
    heard = fft.irfft(mixed * band.astype(np.float32), count)[-samples:]
    loud = max(float(np.sqrt(np.mean(heard**2))), 1e-9)
    heard = heard / loud + noise[-samples:] / max(float(noise.std()), 1e-9) * 10 ** (rng.uniform(-45, -22) / 20)
    heard += _hum(room, samples, rng) * 10 ** (rng.uniform(-45, -22) / 20)
    peak = max(float(np.abs(heard).max()), 1e-9)
    level = 10 ** (rng.uniform(-15, 0) / 20) * rng.uniform(1.0, 1.3)  # the loudest ones are clipped softly
    return np.tanh(heard / peak * level).astype(np.float32)


def _echoes(room: Room, distance: float, rng: Rng) -> Wave:
    """Impulse response: the direct sound after its way, then echoes that decay."""
    way = round(distance / SPEED * RATE)
    response = np.zeros(way + round(min(room.reverberation, 0.9 * LEAD - distance / SPEED) * RATE), np.float32)
    t = np.arange(len(response) - way, dtype=np.float32) / RATE
    tail = rng.standard_normal(len(t), dtype=np.float32) * np.exp(-6.9 / room.reverberation * t)
    tail[: round(rng.uniform(0.002, 0.012) * RATE)] = 0
    energy = distance * _log_uniform(rng, 0.03, 0.3)  # of all echoes together, to that of the direct sound
    response[way:] = tail * np.sqrt(energy / max(float(np.sum(tail**2)), 1e-9))
    response[way] += 1.0
    return response


def _hum(room: Room, samples: int, rng: Rng) -> Array:
    """Harmonics of the mains, of amplitude about 1; none in half of the recordings."""
    harmonics = np.array([1, 2, 3, 4, 6, 8])
    gains = rng.uniform(0, 1, size=len(harmonics)) / harmonics**0.5 * rng.choice([0.0, 1.0])
    phases = rng.uniform(0, 2 * np.pi, size=len(harmonics))
    t = np.arange(RATE // 10) / RATE  # whole periods of 50 and of 60 Hz
    waves = np.sin(2 * np.pi * room.hum * harmonics[:, None] * t + phases[:, None])
    return np.resize(gains @ waves, samples)


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
