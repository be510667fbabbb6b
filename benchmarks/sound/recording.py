"""What a microphone in a room makes of a sound: echoes, noise, its clock, band, gain, clipping, and a codec.

Echoes are those of a box (Allen and Berkley, "Image method for efficiently simulating small-room acoustics", 1979),
followed by noise that decays.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from scipy import fft
from scipy.ndimage import map_coordinates
from scipy.signal import butter, lfilter, sosfilt

from benchmarks.sound.waves import LOUDNESS, RATE, Rng, levelled
from dataset_preparation.synthetic.sound import SPEED
from videosync.audio.read import read_sound
from videosync.video.sound_track import Sound, SoundTrack

IMAGES = 3  # boxes to either side, in each direction
CODECS = {"aac": ".m4a", "libopus": ".ogg"}
BIT_RATES = {"aac": (24_000, 32_000, 64_000), "libopus": (12_000, 16_000, 24_000, 48_000)}
QUICK = {"aac": {"aac_coder": "fast"}, "libopus": {"compression_level": "0", "frame_duration": "60"}}


@dataclass(frozen=True, eq=False)
class Room:
    """A box. Sizes and places are metres, [3]."""

    size: np.ndarray
    reflection: float  # of amplitude at each wall; 0: outdoors
    reverberation: float  # seconds in which its sound falls by 60 dB


def draw_room(rng: Rng) -> Room:
    size = np.exp(rng.uniform(np.log([4, 3, 2.4]), np.log([35, 25, 8])))
    surface = 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    reverberation = float(np.exp(rng.uniform(np.log(0.15), np.log(1.5))))
    absorbed = min(0.161 * size.prod() / (surface * reverberation), 0.95)  # Sabine's equation
    return Room(size, 0.0 if rng.random() < 0.15 else float(np.sqrt(1 - absorbed)), reverberation)


def draw_place(room: Room, rng: Rng) -> np.ndarray:
    return room.size * rng.uniform(0.05, 0.95, 3)


def response(room: Room, source: np.ndarray, microphone: np.ndarray, rng: Rng) -> np.ndarray:
    """Impulse response, float32 [n]; sample 0 is the moment at which the source sounds."""
    n = np.arange(-IMAGES, IMAGES + 1)
    boxes = np.stack(np.meshgrid(n, n, n, indexing="ij"), -1).reshape(-1, 1, 3)  # [N, 1, 3]
    mirrored = np.stack(np.meshgrid(*[[0, 1]] * 3, indexing="ij"), -1).reshape(1, 8, 3)
    images = (1 - 2 * mirrored) * source + 2 * boxes * room.size  # [N, 8, 3]
    distance = np.maximum(np.linalg.norm(images - microphone, axis=-1), 0.3).ravel()
    bounces = (np.abs(boxes - mirrored) + np.abs(boxes)).sum(-1).ravel()
    gain = np.where(bounces == 0, 1.0, room.reflection**bounces) / distance
    early = 2 * IMAGES * float(room.size.min()) / SPEED  # until then no image is missing
    kept = (distance / SPEED < early) | (bounces == 0)
    place = distance[kept] / SPEED * RATE
    whole = place.astype(int)
    echoes = np.zeros(max(whole.max() + 2, round(min(early + room.reverberation, 1.5) * RATE)), np.float64)
    np.add.at(echoes, whole, gain[kept] * (1 - place + whole))
    np.add.at(echoes, whole + 1, gain[kept] * (place - whole))
    if room.reflection:
        begin = round(early * RATE)
        before = np.sqrt(np.mean(echoes[max(begin - 400, 0) : begin] ** 2))
        t = np.arange(len(echoes) - begin) / RATE
        echoes[begin:] += before * rng.standard_normal(len(t)) * 10 ** (-3 * t / room.reverberation)
    return echoes.astype(np.float32)


def convolved(wave: np.ndarray, filter: np.ndarray) -> np.ndarray:
    """float32 of the length of ``wave``."""
    size = fft.next_fast_len(len(wave) + len(filter), real=True)
    return np.asarray(fft.irfft(fft.rfft(wave, size) * fft.rfft(filter, size), size)[: len(wave)], np.float32)


def noise(samples: int, colour: float, rng: Rng) -> np.ndarray:
    """float32 [samples], of about ``LOUDNESS``, whose power falls with frequency to the power of ``colour``."""
    size = fft.next_fast_len(samples, real=True)
    spectrum = fft.rfft(rng.standard_normal(size, np.float32))
    spectrum *= (np.maximum(np.arange(len(spectrum)), 50 * size / RATE) ** (-colour / 2)).astype(np.float32)
    return levelled(fft.irfft(spectrum, size)[:samples])


def hum(samples: int, mains: float, gains: Sequence[float], rng: Rng) -> np.ndarray:
    """Harmonics of the mains, 50 or 60 Hz: float32 [samples]."""
    t = np.arange(RATE // 10) / RATE  # whole periods of both
    phases = rng.uniform(0, 2 * np.pi, len(gains))
    waves = [g * np.sin(2 * np.pi * mains * (n + 1) * t + p) for n, (g, p) in enumerate(zip(gains, phases))]
    return levelled(np.resize(np.sum(waves, axis=0), samples))


def on_clock(wave: np.ndarray, start: float, seconds: float, ppm: float) -> np.ndarray:
    """The stretch from ``start`` s on, ``seconds`` long by a clock that is faster by ``ppm``: float32 [n]."""
    places = start * RATE + np.arange(round(seconds * RATE)) / (1 + ppm * 1e-6)
    first = max(int(places[0]) - 32, 0)
    near = np.asarray(wave[first : int(places[-1]) + 33], np.float32)
    return np.asarray(map_coordinates(near, [places - first], order=5, output=np.float32, mode="nearest"))


@dataclass(frozen=True)
class Microphone:
    """What it does to sound, in this order: band, gain control, clipping, codec."""

    band: tuple[float, float]  # Hz
    gain_control: float  # 0: none; 1: as loud all the time
    clipping: float  # times full scale that the peaks would have; below 1: none
    codec: str  # "": none
    bit_rate: int


def draw_microphone(rng: Rng) -> Microphone:
    phone = rng.random() < 0.2
    band = (300.0, 3400.0) if phone else (float(rng.uniform(30, 200)), float(rng.uniform(3000, 7800)))
    control = float(rng.uniform(0.4, 0.95)) if rng.random() < 0.35 else 0.0
    clipping = float(rng.uniform(1.5, 6)) if rng.random() < 0.25 else float(10 ** rng.uniform(-1.2, -0.02))
    codec = ("", "aac", "libopus")[rng.choice(3, p=(0.3, 0.4, 0.3))]
    rate = int(rng.choice(BIT_RATES[codec])) if codec else 0
    return Microphone(band, control, clipping, codec, rate)


def recorded(wave: np.ndarray, microphone: Microphone) -> np.ndarray:
    """float32 [n], -1 … 1 before the codec: what is left of the sound at a microphone. Raises VideoError."""
    wave = sosfilt(butter(2, microphone.band, "bandpass", fs=RATE, output="sos"), wave)
    if microphone.gain_control:
        fade = np.exp(-1 / (0.4 * RATE))
        power = lfilter([1 - fade], [1, -fade], wave**2, zi=[fade * np.mean(wave[:RATE] ** 2)])[0]
        wave = wave * (power + 1e-6) ** (-microphone.gain_control / 2)
    wave = np.clip(wave / max(float(np.abs(wave).max()), 1e-9) * microphone.clipping, -1, 1).astype(np.float32)
    return through_codec(wave, microphone.codec, microphone.bit_rate) if microphone.codec else wave


def through_codec(wave: np.ndarray, codec: str, bit_rate: int) -> np.ndarray:
    """float32 [n]: written and read again, in step by the file's own time stamps."""
    with tempfile.TemporaryDirectory(prefix="videosync-sound-") as folder:
        path = Path(folder) / f"coded{CODECS[codec]}"
        with av.open(str(path), "w") as container:
            SoundTrack(path, container, Sound(wave, RATE, codec, bit_rate, QUICK[codec])).write_until(None)
        return read_sound(path, 0.0, len(wave) / RATE)


def mixed(source: np.ndarray, others: Sequence[tuple[np.ndarray, float]], decibels: float) -> np.ndarray:
    """Source and noise with this ratio of their powers; ``others``: noises with their shares of the power."""
    total = sum((levelled(wave) * np.float32(np.sqrt(share)) for wave, share in others), np.zeros(len(source)))
    return (levelled(source) + levelled(total, LOUDNESS * 10 ** (-decibels / 20))).astype(np.float32)
