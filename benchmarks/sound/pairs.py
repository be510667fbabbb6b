"""Pairs of recordings whose offset is known: of one sound by two microphones, and of sounds that never met.

Truth is acoustic, at the microphones: what sounds at T is in file i at ``(T + distance_i / 343 m/s - start_i) ·
rate_i`` seconds, so that the offset includes the way of the sound and, where clocks differ, changes with time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.sound.recording import (
    Room,
    convolved,
    draw_microphone,
    draw_place,
    draw_room,
    hum,
    mixed,
    noise,
    on_clock,
    recorded,
    response,
    through_codec,
)
from benchmarks.sound.sources import SPLITS, Library
from benchmarks.sound.waves import LOUDNESS, RATE, Rng, levelled
from dataset_preparation.synthetic.sound import SPEED

LENGTHS = (2.0, 60.0)  # seconds of a recording, log-uniform
LONG, LONG_SHARED = 64.0, 60.0  # seconds of recordings, and of what both have, where drift is asked for
DECIBELS = (-10.0, 30.0)  # sound over noise, of each recording
PPM = 100.0  # of a clock
SHARED = (2.0, 0.3)  # seconds, and share of the shorter recording, that both have of related pairs at least
WITHIN = 0.3  # share of related pairs of which one recording lies within the other
COMMON = 0.5  # share of related pairs with noise from a place of its own, which both microphones record
LEAD = 1.0  # seconds before a recording begins from which echoes are still there
UNRELATED = {"elsewhere": 0.4, "same class": 0.35, "same noise": 0.15, "silence": 0.1}
CLEAN = 0.5  # share of copies to which nothing is added
OVER = (0.0, 30.0)  # dB of a copy over what else is in its file, of the others
KINDS = ("related", "unrelated", "long", "copies")
Waves = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Pair:
    """What is known of a pair of recordings. Offsets are ``start0 - start1``, in seconds."""

    name: str
    sound: str  # its class
    condition: str  # "2-60 s", "60 s", or how an unrelated pair is hard
    unit: str  # what was recorded first: pairs of one unit depend on each other
    start: float | None = None  # where both begin to record; None: nothing to be found
    middle: float | None = None  # in the middle of what both recorded
    drift_ppm: float = 0.0  # how much faster the clock of file 1 runs
    shared: float = 0.0  # seconds that both recorded
    decibels: tuple[float, ...] = ()
    codecs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draw:
    """How many pairs, of which split and seed."""

    split: str
    seed: int
    related: int
    unrelated: int
    long: int = 0  # related ones of 60 s
    copies: int = 0  # of which both files hold the same recording, put under

    def names(self) -> Iterator[tuple[str, int]]:
        yield from ((kind, number) for kind in KINDS for number in range(getattr(self, kind)))


@dataclass(frozen=True)
class Noise:
    """A kind of noise, of which each recording has its own."""

    colour: float
    mains: float  # Hz
    gains: tuple[float, ...]  # of the mains' harmonics
    humming: float  # share of its power

    def draw(self, samples: int, rng: Rng) -> np.ndarray:
        hiss = noise(samples, self.colour, rng)
        return mixed(hiss, [(hum(samples, self.mains, self.gains, rng), 1.0)], -10 * np.log10(max(self.humming, 1e-6)))


def draw_noise(rng: Rng) -> Noise:
    gains = tuple(float(g) for g in rng.uniform(0, 1, 8) / np.arange(1, 9))
    return Noise(rng.uniform(0, 2), float(rng.choice([50, 60])), gains, float(rng.choice([0, rng.uniform(0.05, 2)])))


def make(what: str, number: int, draw: Draw, library: Library) -> tuple[Pair, Waves]:
    """One pair and its two recordings, float32 [n] at 16 kHz. Raises VideoError: a source cannot be read."""
    rng = np.random.default_rng([draw.seed, SPLITS.index(draw.split), KINDS.index(what), number])
    sound = library.classes[number % len(library.classes)]
    lengths = np.exp(rng.uniform(np.log(LENGTHS[0]), np.log(LENGTHS[1]), 2)) if what != "long" else np.full(2, LONG)
    pair = Pair(f"{what} {number}", sound, "60 s" if what == "long" else "2-60 s", f"{what} {number}")
    if what == "copies":
        return _copied(pair, lengths, library, rng)
    if what == "unrelated":
        return _unrelated(pair, lengths, library, rng)
    return _related(pair, lengths, library, rng)


def _related(pair: Pair, lengths: np.ndarray, library: Library, rng: Rng) -> tuple[Pair, Waves]:
    shared, starts = _starts(lengths, pair.condition == "60 s", rng)
    source = library.draw(pair.sound, LEAD + float(max(starts + lengths)) + 0.2, rng)
    room, kind = draw_room(rng), draw_noise(rng)
    place, elsewhere = draw_place(room, rng), draw_place(room, rng)
    common = noise(len(source.wave), rng.uniform(0, 2), rng)
    share = float(rng.uniform(0.1, 0.7)) if rng.random() < COMMON else 0.0
    waves, ways, rates, decibels, codecs = [], [], [], [], []
    for start, seconds in zip(starts, lengths):
        there, ppm = draw_place(room, rng), float(rng.uniform(-PPM, PPM))
        ways.append(max(float(np.linalg.norm(there - place)), 0.3) / SPEED)
        rates.append(1 + ppm * 1e-6)
        decibels.append(float(rng.uniform(*DECIBELS)))
        heard = at_microphone(source.wave, room, place, there, start, seconds, ppm, rng)
        ambient = at_microphone(common, room, elsewhere, there, start, seconds, ppm, rng)
        others = [(ambient, share), (kind.draw(len(heard), rng), 1 - share)]
        microphone = draw_microphone(rng)
        codecs.append(microphone.codec)
        waves.append(recorded(mixed(heard, others, decibels[-1]), microphone))

    def offset(moment: float) -> float:
        """For what sounds at this moment."""
        times = [(moment + way - start) * rate for way, start, rate in zip(ways, starts, rates)]
        return float(times[1] - times[0])

    begin, end = float(max(starts)), float(min(starts + lengths))
    drift = (rates[1] / rates[0] - 1) * 1e6
    found = replace(
        pair, unit=source.unit, start=offset(begin), middle=offset((begin + end) / 2), drift_ppm=drift, shared=shared,
        decibels=tuple(decibels), codecs=tuple(codecs),
    )  # fmt: skip
    return found, (waves[0], waves[1])


def _copied(pair: Pair, lengths: np.ndarray, library: Library, rng: Rng) -> tuple[Pair, Waves]:
    """Two files with stretches of one recording: no microphone, no clock, a codec, and half of the time other sound."""
    shared, starts = _starts(lengths, False, rng)
    first = np.round(starts * RATE).astype(int)
    source = library.draw(pair.sound, float(max(starts + lengths)) + 0.2, rng)
    alone = rng.random() < CLEAN
    waves, decibels, codecs = [], [], []
    for begin, seconds in zip(first, lengths):
        wave = source.wave[begin : begin + round(seconds * RATE)]
        if not alone:
            decibels.append(float(rng.uniform(*OVER)))
            wave = mixed(wave, [(draw_noise(rng).draw(len(wave), rng), 1.0)], decibels[-1])
        codec = draw_microphone(rng)
        wave = levelled(wave, LOUDNESS * 10 ** (rng.uniform(-20, 3) / 20)).clip(-1, 1)
        codecs.append(codec.codec)
        waves.append(through_codec(wave, codec.codec, codec.bit_rate) if codec.codec else wave)
    offset = float(first[0] - first[1]) / RATE
    found = replace(
        pair, condition="copies", unit=source.unit, start=offset, middle=offset, shared=shared,
        decibels=tuple(decibels), codecs=tuple(codecs),
    )  # fmt: skip
    return found, (waves[0], waves[1])


def _starts(lengths: np.ndarray, long: bool, rng: Rng) -> tuple[float, np.ndarray]:
    """Seconds that both recordings share, and when they begin, the earlier one at 0: float64 [2]."""
    shorter = float(lengths.min())
    if not long and rng.random() < WITHIN:
        late = rng.uniform(0, float(np.ptp(lengths)))
        return shorter, np.where(lengths == shorter, late, 0.0)
    shared = LONG_SHARED if long else float(rng.uniform(max(min(SHARED[0], shorter), SHARED[1] * shorter), shorter))
    starts = np.array([0.0, lengths[0] - shared] if rng.random() < 0.5 else [lengths[1] - shared, 0.0])
    return shared, starts


def _unrelated(pair: Pair, lengths: np.ndarray, library: Library, rng: Rng) -> tuple[Pair, Waves]:
    """Two recordings of which nothing can be found, in one of the hard ways."""
    how = str(rng.choice(list(UNRELATED), p=list(UNRELATED.values())))
    pair = replace(pair, condition=how)
    room, kind = draw_room(rng), draw_noise(rng)
    starts = np.array([0.0, lengths[0] + rng.uniform(0.5, 3)]) if how == "elsewhere" else np.zeros(2)
    source = library.draw(pair.sound, LEAD + float(max(starts + lengths)) + 0.2, rng)
    sources = [source, library.draw(pair.sound, LEAD + lengths[1] + 0.2, rng, unlike=source)] if (
        how == "same class"
    ) else [source, source]  # fmt: skip
    decibels, codecs, waves = [], [], []
    for number, (start, seconds) in enumerate(zip(starts, lengths)):
        microphone = draw_microphone(rng)
        decibels.append(float(rng.uniform(*DECIBELS)))
        codecs.append(microphone.codec)
        room = draw_room(rng) if how == "same class" else room
        count = round(seconds * RATE)
        ppm, place, there = float(rng.uniform(-PPM, PPM)), draw_place(room, rng), draw_place(room, rng)
        if how == "silence" and number == 0:
            step = rng.choice([0.0, 1.0]) / 2**15  # nothing at all, or the last bit
            waves.append((rng.integers(-1, 2, count) * step).astype(np.float32))
            continue
        wave = kind.draw(count, rng)
        if how != "same noise":
            heard = at_microphone(sources[number].wave, room, place, there, start, seconds, ppm, rng)
            wave = mixed(heard, [(wave, 1.0)], decibels[-1])
        waves.append(recorded(wave, microphone))
    order = rng.permutation(2)
    return (
        replace(pair, unit=source.unit, decibels=tuple(decibels), codecs=tuple(codecs)),
        (waves[order[0]], waves[order[1]]),
    )


def at_microphone(
    wave: np.ndarray,
    room: Room,
    place: np.ndarray,
    there: np.ndarray,
    start: float,
    seconds: float,
    ppm: float,
    rng: Rng,
) -> np.ndarray:  # fmt: skip
    """float32 [round(seconds · RATE)]: the sound at a microphone, by its clock; ``wave`` begins ``LEAD`` s earlier."""
    first = int(start * RATE)
    wet = convolved(wave[first : first + round((LEAD + seconds + 0.2) * RATE)], response(room, place, there, rng))
    return on_clock(wet, LEAD + start - first / RATE, seconds, ppm)
