"""How far apart in time two sounds of one event are, and how sure that is; no training.

Offset ``k`` of (track 0, track 1): time ``t`` of file 0 sounds like time ``t + k`` of file 1; with starts on a common
clock ``k = start0 - start1``. Swapped tracks give exactly ``-k``: the pair is worked out in an order that only its
content decides, and reversed afterwards.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from videosync.sound.calibration import CALIBRATION, FEATURES
from videosync.sound.envelopes import HOP, envelopes
from videosync.sound.segments import powers, scaled, segment_correlation
from videosync.sound.whiten import RATE, whitened

SEGMENT = 8 * RATE  # samples
POOL = HOP // 5  # samples whose largest correlation stands for all
APART = 0.15  # seconds: another answer, not the same one
SHORTEST = 1.0  # seconds that a track must have


@dataclass(frozen=True, eq=False)
class Track:
    """What is kept of one file's sound, made once for all its pairs."""

    wave: np.ndarray  # float32 [n]: whitened, 16 kHz
    bands: np.ndarray  # float32 [T, 20]: envelopes, 100 a second
    timbre: np.ndarray  # float32 [T, 12]
    start: float  # seconds of the first sample on the file's clock
    silent: bool  # nothing above digital silence
    digest: bytes  # of the samples

    @property
    def seconds(self) -> float:
        return len(self.wave) / RATE


@dataclass(frozen=True, eq=False)
class SoundMatch:
    """The offset of two sounds."""

    seconds: float  # at the start of the time that both sound
    interval: tuple[float, float]  # 95 %, of the acoustic offset
    confidence: float  # the probability that it is right within 0.1 s
    placed: bool
    precise: bool  # right within 5 ms or so; else 50
    drift_ppm: float | None  # how much faster the clock of file 1 runs; None: too short to tell
    reason: str | None  # why it is not placed: "silent", "short", "repeats", "weak", "ambiguous", "edge"
    rivals: tuple[float, ...]  # other offsets nearly as likely, seconds
    features: dict[str, float]
    lags: np.ndarray  # float64 [L], seconds, rising, 10 ms apart
    scores: np.ndarray  # float64 [L], the larger the likelier, median 0

    def reversed(self) -> SoundMatch:
        """That of the swapped pair."""
        return replace(
            self,
            seconds=-self.seconds + 0.0,
            interval=(-self.interval[1], -self.interval[0]),
            drift_ppm=None if self.drift_ppm is None else -self.drift_ppm + 0.0,
            rivals=tuple(-rival for rival in self.rivals),
            lags=-self.lags[::-1],
            scores=self.scores[::-1],
        )


def track(samples: np.ndarray, start: float = 0.0) -> Track:
    """What ``match`` needs of one sound.

    Args:
        samples: float32 [n], 16 kHz, mono. start: seconds of the first sample on the file's clock.
    """
    samples = np.nan_to_num(np.asarray(samples, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    bands, timbre = envelopes(samples)
    silent = not len(samples) or float(np.abs(np.diff(samples)).max(initial=0)) < 1e-4
    return Track(whitened(samples), bands, timbre, float(start), silent, hashlib.sha256(samples.tobytes()).digest())


def match(one: Track, other: Track, *, max_offset: float | None = None, min_overlap: float | None = None) -> SoundMatch:
    """The offset at which two tracks sound alike.

    Args:
        max_offset: seconds on the files' clocks; None: any. min_overlap: seconds that both must have; None: 2, or half
            of the shorter one.
    """
    if (len(one.wave), one.digest) > (len(other.wave), other.digest):
        return _match(other, one, max_offset, min_overlap).reversed()
    return _match(one, other, max_offset, min_overlap)


def _match(one: Track, other: Track, max_offset: float | None, min_overlap: float | None) -> SoundMatch:
    """``match`` of tracks in canonical order."""
    shift = other.start - one.start  # seconds, from lags of samples to offsets
    shorter = min(one.seconds, other.seconds)
    least = min(2.0, shorter / 2) if min_overlap is None else min_overlap
    low, high = -(one.seconds - least), other.seconds - least
    if max_offset is not None:
        low, high = max(low, -max_offset - shift), min(high, max_offset - shift)
    cells = np.arange(int(np.ceil(low * 100)), int(np.floor(high * 100)) + 1) if high >= low else np.zeros(0, int)
    lags = cells / 100 + shift

    def refused(reason: str) -> SoundMatch:
        curve = np.zeros(max(len(lags), 1))
        return SoundMatch(
            0.0, (-np.inf, np.inf), 0.0, False, False, None, reason, (), dict.fromkeys(FEATURES, 0.0),
            lags if len(lags) else np.zeros(1), curve,
        )  # fmt: skip

    if one.silent or other.silent:
        return refused("silent")
    if shorter < SHORTEST or len(cells) < 5:
        return refused("short")
    wave = _wave_energy(one, other, cells)  # [L]
    band, timbre = (_vector_scores(x, y, cells) for x, y in ((one.bands, other.bands), (one.timbre, other.timbre)))
    scores = np.maximum(band, 0) ** 2 / 4 + wave / 2
    scores = scores - np.median(scores)
    best = int(np.argmax(scores))
    far = np.abs(cells - cells[best]) > APART * 100
    second = float(scores[far].max(initial=1.0))
    ratio = float(np.sqrt(max(scores[best], 0) / max(second, 1e-9)))
    agreement = float(abs(int(cells[int(np.argmax(timbre))]) - int(cells[best])) <= 5)
    found = {"ratio": min(ratio, 6.0) - 1, "agreement": agreement, "level": float(np.log1p(max(scores[best], 0)))}
    logit = CALIBRATION.bias + float(np.dot(CALIBRATION.weights, [found[name] for name in FEATURES]))
    confidence = CALIBRATION.most * float(expit(logit))
    place, sharpness = _refined(one, other, int(cells[best]) * HOP)
    found["sharpness"], found["agreeing_share"] = sharpness, 1.0
    placed, precise = confidence >= CALIBRATION.accepted, sharpness >= CALIBRATION.precise
    seconds = place / RATE + shift
    half = CALIBRATION.half_widths[0 if precise else 1]
    rivals = (float(lags[far][np.argmax(scores[far])]),) if ratio < 1.1 and far.any() else ()
    return SoundMatch(
        seconds, (seconds - half, seconds + half), confidence, placed, precise, None,
        None if placed else "ambiguous" if rivals else "weak", rivals, found, lags, np.sqrt(np.maximum(scores, 0)),
    )  # fmt: skip


def _wave_energy(one: Track, other: Track, cells: np.ndarray) -> np.ndarray:
    """``Σ max(z² - 1, 0)`` over segments, the largest of each cell of 10 ms: float64 [L]."""
    running0, running1 = powers(one.wave), powers(other.wave)
    low, high = int(cells[0]) * HOP - HOP // 2, int(cells[-1]) * HOP + HOP // 2
    total = np.zeros((high - low) // POOL)
    for first in range(0, max(len(one.wave) - SEGMENT // 2, 1), SEGMENT):
        z = scaled(segment_correlation(one.wave, other.wave, first, SEGMENT, low, high, running0, running1))
        total += np.maximum(z**2 - 1, 0).reshape(-1, POOL).max(axis=1)
    return total.reshape(-1, HOP // POOL).max(axis=1)


def _vector_scores(x: np.ndarray, y: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Correlation of all columns at each lag, in units of its spread: float64 [L]."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(len(x) + len(y), real=True)
    spectrum = sum(np.conj(rfft(x[:, c], n=size)) * rfft(y[:, c], n=size) for c in range(x.shape[1]))
    product = irfft(spectrum, n=size)[cells % size].astype(np.float64)
    overlap = np.minimum(len(x), len(y) - cells) - np.maximum(0, -cells)
    z = product / np.sqrt(np.maximum(overlap, 1))
    z -= np.median(z)
    return np.asarray(z / max(1.4826 * float(np.median(np.abs(z))), 1e-9))


def _refined(one: Track, other: Track, lag: int) -> tuple[float, float]:
    """Lag in samples, sub-sample, and how much its peak stands out within 80 ms."""
    running0, running1 = powers(one.wave), powers(other.wave)
    reach = RATE * 80 // 1000
    total = np.zeros(2 * reach + 1)
    for first in range(0, max(len(one.wave) - SEGMENT // 2, 1), SEGMENT):
        z = segment_correlation(one.wave, other.wave, first, SEGMENT, lag - reach, lag + reach + 1, running0, running1)
        total += z.astype(np.float64) ** 2
    near = slice(reach - RATE * 50 // 1000, reach + RATE * 50 // 1000 + 1)
    peak = near.start + int(np.argmax(total[near]))
    far = np.abs(np.arange(len(total)) - peak) > RATE * 2 // 1000
    sharpness = float(np.sqrt(total[peak] / max(float(total[far].max()), 1e-9)))
    place = float(peak)
    if 0 < peak < len(total) - 1:
        before, here, after = total[peak - 1 : peak + 2]
        bend = before + after - 2 * here
        place += 0.5 * (before - after) / bend if bend < 0 else 0.0
    return lag - reach + place, sharpness
