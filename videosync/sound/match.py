"""How far apart in time two sounds of one event are, and how sure that is; no training.

Offset ``k`` of (track 0, track 1): time ``t`` of file 0 sounds like time ``t + k`` of file 1; with starts on a common
clock ``k = start0 - start1``. Swapped tracks give exactly ``-k``: the pair is worked out in an order that only its
content decides, and reversed afterwards.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from videosync.sound.calibration import CALIBRATION, FEATURES
from videosync.sound.confidence import AGREE, APART, CERTAIN, Evidence, features, peaks, probability_right
from videosync.sound.envelopes import HOP, envelopes
from videosync.sound.likeness import Likeness, likeness_of
from videosync.sound.pauses import comparable
from videosync.sound.refine import Refined, refine, vertex
from videosync.sound.repeats import repetitions
from videosync.sound.search import STEEPEST, envelope_scores, wave_energy
from videosync.sound.segments import Power, pieces_of
from videosync.sound.whiten import RATE, whitened

SHORTEST = 1.0  # seconds that a track must have
AUDIBLE = 0.3  # seconds above digital silence, likewise
OVERLAP = 2.0  # seconds, unless something else is asked for
LEAST_CELLS = 5  # offsets to choose from
MOST_PRODUCTS = 250_000.0  # seconds × seconds of waveform that are compared at every lag; above, near candidates
CANDIDATES = 40  # of long recordings: peaks of the envelopes
BESIDE = 3  # cells to either side of a candidate
MOST_PIECES = 48  # segments that weigh them
RIVAL, RIVALS = 0.1, 5  # logarithm of the ratio: another offset this near to the best one is as likely; at most so many
HOPELESS = 0.2  # logarithm of the ratio: an offset that leads by less is never sure
PLAYED_AGAIN = -1.0  # logarithm: what agrees resembles its own recording this much more than the other one
SAME = 0.6  # correlation of whitened sound: two microphones have less, be it in one room without noise
CLEAR = 6.0  # spreads: a segment that agrees by this much does not do so by chance
SPREAD = 0.008  # seconds: how well envelopes know the offset
SHARPNESS = 6.0  # of log scores: a peak of twice the height is 2⁶ times likelier


@dataclass(frozen=True, eq=False)
class Track:
    """What is kept of one file's sound, made once for all its pairs."""

    wave: np.ndarray  # float16 [n]: whitened, 16 kHz
    envelope: np.ndarray  # float32 [T, 30]: cepstra, 100 a second
    loudness: np.ndarray  # float32 [⌈T / 10⌉]: decibels of each tenth of a second, -inf: digital silence
    start: float  # seconds of the first sample on the file's clock
    silent: bool  # nothing, or next to nothing, above digital silence
    digest: bytes  # of the samples

    @property
    def seconds(self) -> float:
        return len(self.wave) / RATE


@dataclass(frozen=True, eq=False)
class SoundMatch:
    """The offset of two sounds, by which what is heard at time ``t`` of file 0 is heard at ``t + k`` of file 1.

    Where the clocks run unlike, ``seconds`` holds at the start of the time that both recorded, and at ``s`` seconds
    after it the offset is ``seconds + drift_ppm · 1e-6 · s``. It is that of the sound as it arrives: a microphone that
    is 10 m further away has it 29 ms later.
    """

    seconds: float  # 0 where there is no answer
    interval: tuple[float, float]  # 95 %
    confidence: float  # the probability that the error is at most 0.1 s
    placed: bool  # sure enough to be used
    precise: bool  # to 5 ms, most often to far less; else to 50 ms
    drift_ppm: float | None  # how much faster the clock of file 1 runs; None: too little to tell
    reason: str | None  # why it is not placed: "silent", "short", "repeats", "ambiguous", "weak", "edge"
    same_recording: bool  # both hold copies of one recording, which may have been put under the pictures
    rivals: tuple[float, ...]  # other offsets nearly as likely, seconds, rising
    # FEATURES, of which confidence is worked out; "sharpness", of which ``precise``; "correlation" of the whitened
    # sound, 0 … 1, the median of segments; "agreeing_share": of the segments with sound in them, how many have this
    # offset by themselves, where that can be told
    features: dict[str, float]
    lags: np.ndarray  # float64 [L], seconds, rising, 10 ms apart
    scores: np.ndarray  # float64 [L], like log odds, the larger the likelier, median 0

    def reversed(self) -> SoundMatch:
        """That of the swapped pair."""
        return replace(
            self,
            seconds=-self.seconds + 0.0,
            interval=(-self.interval[1], -self.interval[0]),
            drift_ppm=None if self.drift_ppm is None else -self.drift_ppm + 0.0,
            rivals=tuple(-rival for rival in reversed(self.rivals)),
            lags=-self.lags[::-1] + 0.0,
            scores=self.scores[::-1],
        )


def track(samples: np.ndarray, start: float = 0.0) -> Track:
    """What ``match`` needs of one sound; its memory is about two thirds of that of the samples.

    Args:
        samples: float32 [n], 16 kHz, mono; what is not finite counts as silence.
        start: seconds of the first sample on the file's clock.
    """
    samples = np.ascontiguousarray(samples, np.float32)
    if not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    envelope, audible, loudness = envelopes(samples)
    digest = hashlib.sha256(samples.data).digest()
    return Track(whitened(samples), envelope, loudness, float(start), audible < AUDIBLE, digest)


def match(one: Track, other: Track, *, max_offset: float | None = None, min_overlap: float | None = None) -> SoundMatch:
    """The offset at which two tracks sound alike.

    Args:
        max_offset: seconds, on the files' clocks; None: any. min_overlap: seconds that both must have recorded; None:
            2, or half of the shorter track.

    Returns:
        For swapped tracks exactly the negative.
    """
    keys = [(len(each.wave), each.digest, each.start) for each in (one, other)]
    if keys[0] > keys[1]:
        return _match(other, one, max_offset, min_overlap).reversed()
    found = _match(one, other, max_offset, min_overlap)
    return found if keys[0] < keys[1] else _symmetric(found)


def _symmetric(found: SoundMatch) -> SoundMatch:
    """That of a track with itself, without what rounding adds on one side only."""
    back = found.reversed()
    half = (found.interval[1] - found.interval[0]) / 2
    return replace(
        found, seconds=0.0, interval=(-half, half), drift_ppm=None if found.drift_ppm is None else 0.0,
        rivals=tuple(sorted({*found.rivals, *back.rivals})), lags=(found.lags + back.lags) / 2,
        scores=(found.scores + back.scores) / 2,
    )  # fmt: skip


def _match(one: Track, other: Track, max_offset: float | None, min_overlap: float | None) -> SoundMatch:
    """``match`` of tracks in canonical order, the shorter one first."""
    shift = other.start - one.start  # seconds, from lags of samples to offsets
    least = min(OVERLAP, one.seconds / 2) if min_overlap is None else min_overlap
    lowest, highest = least - one.seconds, other.seconds - least
    if max_offset is not None:
        lowest, highest = max(lowest, -max_offset - shift), min(highest, max_offset - shift)
    low, high = int(np.ceil(lowest * RATE / HOP)), int(np.floor(highest * RATE / HOP)) + 1
    lags = np.arange(low, max(high, low + 1)) * (HOP / RATE) + shift
    if one.silent or other.silent:
        return _refused("silent", lags)
    if one.seconds < SHORTEST or high - low < LEAST_CELLS:
        return _refused("short", lags)
    power0, power1 = Power.of(one.wave), Power.of(other.wave)
    seen, tilts = _evidence(one, other, low, high, power0, power1)
    both = seen.both
    best = int(both.argmax())
    found = features(seen, best)
    fine = _refined(one, other, low, best, seen, float(tilts[best]), power0, power1)
    likeness = Likeness(0.0, 0.0)
    if found["lead"] >= HOPELESS:
        likeness = likeness_of(one.wave, other.wave, fine, power0, power1)
    found |= {"alone": likeness.alone, "spread": likeness.spread}
    confidence = probability_right(found)
    told = {"sharpness": fine.sharpness, "correlation": float(np.median(fine.correlation))}
    found |= told | _agreeing_share(fine, one, other)
    repeated = repetitions((one.envelope, other.envelope), both, low, best)
    rivals = repeated or [
        peak
        for peak in peaks(both, RIVALS + 1)
        if abs(peak - best) > APART and both[peak] > both[best] * np.exp(-RIVAL)
    ]
    sure, at_edge = confidence >= CALIBRATION.accepted, not 1 < best < len(both) - 2
    reason = (
        "repeats" if repeated or likeness.alone <= PLAYED_AGAIN
        else "edge" if sure and at_edge
        else None if sure
        else "ambiguous" if rivals
        else "weak"
    )  # fmt: skip
    precise = reason is None and fine.sharpness >= CALIBRATION.precise
    half = CALIBRATION.half_widths[0 if precise else 1]
    seconds = (fine.lag - fine.before * (fine.tilt or 0.0)) / RATE + shift
    scores = SHARPNESS * np.log(np.maximum(both, 1.0))
    same = told["correlation"] >= SAME
    drift = None if fine.tilt is None else fine.tilt * 1e6
    return SoundMatch(
        seconds, (seconds - half, seconds + half), confidence, reason is None, precise, drift, reason, same,
        tuple(sorted(float(lags[rival]) for rival in rivals)), found, lags, scores - np.median(scores),
    )  # fmt: skip


def _refused(reason: str, lags: np.ndarray) -> SoundMatch:
    """No offset."""
    nothing = dict.fromkeys((*FEATURES, "sharpness", "correlation"), 0.0)
    return SoundMatch(
        0.0, (-np.inf, np.inf), 0.0, False, False, None, reason, False, (), nothing, lags, np.zeros(len(lags))
    )  # fmt: skip


def _evidence(
    one: Track, other: Track, low: int, high: int, power0: Power, power1: Power
) -> tuple[Evidence, np.ndarray]:
    """Evidence of cells ``low … high - 1``, and the tilt [L] of the best line through each."""
    envelope = envelope_scores(one.envelope, other.envelope, low, high)
    pieces, ranges = pieces_of(0, len(one.wave)), [(low, high)]
    if one.seconds * other.seconds > MOST_PRODUCTS:
        pieces = [pieces[i] for i in np.unique(np.linspace(0, len(pieces) - 1, MOST_PIECES).round().astype(int))]
        ranges = [
            (max(low, low + peak - BESIDE), min(high, low + peak + BESIDE + 1)) for peak in peaks(envelope, CANDIDATES)
        ]
    wave, tilts = np.zeros(high - low), np.zeros(high - low)
    found = wave_energy(one.wave, other.wave, pieces, ranges, power0, power1)
    usual = float(np.median(np.concatenate([energy for energy, _ in found])))
    for (start, stop), (energy, tilt) in zip(ranges, found):
        wave[start - low : stop - low] = np.sqrt(np.maximum(energy - usual, 0))
        tilts[start - low : stop - low] = tilt
    return Evidence(wave, envelope), tilts


def _agreeing_share(fine: Refined, one: Track, other: Track) -> dict[str, float]:
    """Nothing where the segments that agree hardly do, so that others might by chance not."""
    counted = comparable(fine.pieces, round(fine.lag), one.loudness, other.loudness)
    agreeing = fine.agreeing[counted]
    spreads = (fine.correlation * np.sqrt([stop - first for first, stop in fine.pieces]))[counted]
    if not agreeing.any() or np.median(spreads[agreeing]) < CLEAR:
        return {}
    return {"agreeing_share": float(agreeing.mean())}


def _refined(
    one: Track, other: Track, low: int, best: int, seen: Evidence, tilt: float, power0: Power, power1: Power
) -> Refined:
    """The offset of cell ``best`` to a fraction of a sample, with what the envelopes say near it."""
    lag = (low + best) * HOP
    first, stop = max(0, -lag), min(len(one.wave), len(other.wave) - lag)
    moved = (first + stop - len(one.wave)) / 2  # samples from the middle of the track to that of the overlap
    near = slice(max(best - AGREE, 0), best + AGREE + 1)
    top = near.start + int(seen.envelope[near].argmax())
    centre, spread = float(top), float("inf")
    if seen.envelope[top] >= CERTAIN and 0 < top < len(seen.envelope) - 1:
        centre += vertex(seen.envelope[top - 1 : top + 2])
        spread = float(np.hypot(SPREAD * RATE, STEEPEST * moved))
    lag += round(tilt * moved)
    return refine(one.wave, other.wave, lag, tilt, power0, power1, (low + centre) * HOP + tilt * moved, spread)
