"""Files whose speed is not what their time stamps say: signals at another speed, and the ratios that occur."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from videosync.cues.cue import Cue, Signals
from videosync.cues.evidence import Scored, Side
from videosync.lags.scores import LagScores
from videosync.timeline.calibration import calibration_for
from videosync.timeline.confidence import probability_right
from videosync.timeline.search import lag_range

# 30 for 29.97; film at 25; 30 for 25, and for 24; high-speed files stored at 30
RATIOS = (1.001, 25 / 24, 30 / 25, 30 / 24, 2.0, 4.0, 8.0)
LOOKED_INTO = 2  # ratios of which the evidence is worked out: those with the highest peaks
WORTH_SAYING = 0.3  # confidence of a ratio that is named as a guess …
BEATS = 0.2  # … and by which it is surer than one speed


def resampled(signals: Signals, speed: float, reach: Mapping[str, np.ndarray]) -> Signals:
    """Signals of a clip that is played ``speed`` times as fast from its first frame on, averaged over each new frame.

    Args:
        signals: name → [T, F]. reach: name → int [F]: frames back that a column looks; what is measured between two
            frames belongs to the time between them. Signals without one are left out.

    Returns:
        name → float32 [1 + ⌊(T - 1) / speed⌋, F].
    """
    frames = len(next(iter(signals.values())))
    kept = np.arange(1 + int((frames - 1) / speed + 1e-9))
    edges = np.arange(frames + 1) - 0.5
    found: Signals = {}
    for name, values in signals.items():
        if name not in reach:
            continue
        area = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
        columns = []
        for column, back in zip(area.T, np.broadcast_to(reach[name], values.shape[1])):
            middle = speed * (kept - back / 2) + back / 2
            low, high = (np.clip(middle + half, edges[0], edges[-1]) for half in (-speed / 2, speed / 2))
            columns.append(
                (np.interp(high, edges, column) - np.interp(low, edges, column)) / np.maximum(high - low, 1e-9)
            )
        found = {**found, name: np.stack(columns, axis=1).astype(np.float32)}
    return found


@dataclass(frozen=True, eq=False)
class Speed:
    """How two files fit if one of them is played faster than its time stamps say."""

    curve: LagScores  # of the two at one speed; less sure by as many ratios as were tried
    rate: float  # seconds of file 1 in one of file 0
    slow: int  # the file that is slow: 0 or 1
    confidence: float


def best_speed(
    cue: Cue,
    clip0: Signals,
    clip1: Signals,
    rate: float,
    reach: Mapping[str, np.ndarray],
    *,
    max_offset: float | None = None,
    min_overlap: float | None = None,
    name: str | None = None,
) -> Speed | None:
    """The ratio of ``RATIOS``, either file being the slow one, at which two clips fit best; None: none fits at all.

    Args:
        clip0, clip1: signals at ``rate`` frames/s. max_offset, min_overlap, name: as of ``compare``.
    """
    tried: list[tuple[float, float, int, Scored]] = []
    as_they_are: dict[int, Side] = {}
    for ratio in RATIOS:
        for slow in (0, 1):
            one, other = (resampled(clip, ratio, reach) if n == slow else clip for n, clip in enumerate((clip0, clip1)))
            lags = lag_range(_frames(one), _frames(other), rate, max_offset=max_offset, min_overlap=min_overlap)
            if lags is None or len(lags) < 3:
                continue
            used = cue.for_clips(one, other)
            sides = [Side(used, one), Side(used, other)]
            known = as_they_are.setdefault(1 - slow, sides[1 - slow])
            sides[1 - slow] = known if known.cue == used else sides[1 - slow]
            scored = Scored(used, sides[0], sides[1], lags, name)
            scores = scored.alone
            tried.append((float(scores.lead(scores.scores, scores.best())), ratio, slow, scored))
            tried = sorted(tried, key=lambda each: -each[0])[:LOOKED_INTO]
    found: Speed | None = None
    for _, ratio, slow, scored in tried:
        curve = less_sure(scored.curve, 2 * len(RATIOS))
        confidence = probability_right(curve, curve.best())
        if found is None or confidence > found.confidence:
            found = Speed(curve, 1 / ratio if slow == 0 else ratio, slow, confidence)
    return found


def less_sure(curve: LagScores, tries: int) -> LagScores:
    """A curve that was the best of several: the odds that its answer is right are divided by their number."""
    table, seen = calibration_for(curve.cue), curve.support()
    less = np.log(tries) / max(table.weights[0], 0.1)
    return replace(curve, evidence=replace(seen, level=seen.level - less))


def _frames(clip: Signals) -> int:
    return len(next(iter(clip.values())))
