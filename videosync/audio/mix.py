"""One channel of many, for comparing with other recordings: every channel that is heard counts, none drowns another.

Chosen by placing made pairs against each other. The loudest channel alone is lost where hum, noise or a foreign sound
is louder than what both recordings hold; the plain mean where channels are opposite in phase, and often where one is
mostly noise. With all channels at one level and turned the same way, hardly any pair is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from videosync.audio.decode import Channels
from videosync.audio.resample import Piece

BLOCK = 10.0  # seconds over which channels are weighed
SILENT = 2.0**-15  # of full scale: what 16-bit samples cannot hold, root mean square
DEAD = 10 ** (-40 / 20)  # of the root mean square of the loudest channel: what is below is noise of its own
OPPOSITE = -0.5  # correlation below which a channel is another one upside down
FULL = 0.999  # of full scale


@dataclass
class Tally:
    """What was seen of the channels while they were mixed (C channels; of files that change them, the first ones)."""

    count: int = 0  # samples
    energy: np.ndarray = field(default_factory=lambda: np.zeros(0))  # [C] without the mean
    total: np.ndarray = field(default_factory=lambda: np.zeros(0))  # [C] sum of the samples
    full: np.ndarray = field(default_factory=lambda: np.zeros(0))  # [C] samples at full scale
    opposite: int = 0  # blocks in which a channel was turned over
    blocks: int = 0

    def add(self, samples: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> None:
        if not self.count:
            self.energy, self.total, self.full = (np.zeros(len(samples)) for _ in range(3))
        if len(samples) == len(self.total):
            self.count += samples.shape[1]
            self.energy += np.diag(covariance) * samples.shape[1]
            self.total += mean * samples.shape[1]
            self.full += (np.abs(samples) >= FULL).sum(axis=1)


def mixed(pieces: Iterator[Channels], rate: int, tally: Tally) -> Iterator[Piece]:
    """The weighted mean of all channels, without their constant part, ten seconds at a time."""
    waiting: list[Channels] = []
    held = 0
    for place, samples in pieces:
        if waiting and len(samples) != len(waiting[0][1]):
            yield from _mixed(waiting, tally)
            waiting, held = [], 0
        waiting.append((place, samples))
        held += samples.shape[1]
        if held >= BLOCK * rate:
            yield from _mixed(waiting, tally)
            waiting, held = [], 0
    if held:
        yield from _mixed(waiting, tally)


def _mixed(waiting: list[Channels], tally: Tally) -> Iterator[Piece]:
    samples = np.concatenate([samples for _, samples in waiting], axis=1)  # [C, n]
    mean = samples.mean(axis=1, dtype=np.float64)
    samples -= mean[:, None].astype(np.float32)
    covariance = np.asarray(samples @ samples.T, np.float64) / samples.shape[1]
    tally.add(samples + mean[:, None].astype(np.float32), mean, covariance)
    weights = channel_weights(covariance)
    tally.opposite += bool((weights < 0).any())
    tally.blocks += 1
    one = weights.astype(np.float32) @ samples
    done, size = 0, 0
    for (start, piece), (following, _) in pairwise([*waiting, (-1, waiting[0][1])]):
        size += piece.shape[1]
        if following != start + piece.shape[1]:  # they do not go on without a gap
            yield start + piece.shape[1] - size, one[done : done + size]
            done, size = done + size, 0


def channel_weights(covariance: np.ndarray) -> np.ndarray:
    """How much each channel counts, float64 [C], from their covariance [C, C].

    All that are heard are brought to the level of the loudest, and those that are others upside down are turned over,
    before the mean is taken. A channel 40 dB below the loudest does not count.
    """
    level = np.sqrt(np.diag(covariance))
    heard = level > max(SILENT, DEAD * level.max())
    if not heard.any():
        return np.full(len(level), 1 / len(level))
    first = int(np.flatnonzero(heard)[0])
    gain = np.where(heard, level.max() / np.where(heard, level, 1), 0)
    correlation = covariance[first] * gain * gain[first] / level.max() ** 2
    return np.where(correlation < OPPOSITE, -gain, gain) / heard.sum()
