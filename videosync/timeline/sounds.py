"""The sound of files: read once, compared pair by pair, and turned into lag scores like those of pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from videosync.errors import AudioError, NoSoundError, VideoError
from videosync.lags.scores import APART, LagEvidence, LagScores
from videosync.timeline.calibration import SOUND, calibration_for
from videosync.timeline.confidence import mass_near
from videosync.timeline.progress import HEARING, MATCHING, Progress, counted

if TYPE_CHECKING:
    from videosync.sound.match import SoundMatch, Track
    from videosync.timeline.chapters import Chapter

SPEED = 343.0  # m/s, of sound in air at 20 °C
DISTANCE = 10.0  # metres between two microphones at most, where nobody says
LATEST = 0.1  # seconds that sound may come late and still belong to the pictures, where nobody says
# steps a second of the grid on which sound ties files together: no finer than sound is late, or the pairs of one event
# would contradict each other; between its steps the offset of each pair is exact
GRID = 10.0
HEIGHT = 6.0  # standard errors: of the best offset of a sound that is not sure
HIGHEST_RIVAL = 0.96  # of that
SILENT = "its sound is silent"


@dataclass(frozen=True)
class Sounds:
    """What there is to hear in files, by their numbers, and in each two of them, (i, j), i < j."""

    present: frozenset[int] = frozenset()  # files with a sound track that can be opened
    problems: Mapping[int, str] = field(default_factory=dict)  # file → why its sound cannot be used
    notes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # on sound that is used
    spans: Mapping[int, tuple[float, float]] = field(default_factory=dict)  # seconds on the file's clock
    matches: Mapping[tuple[int, int], SoundMatch] = field(default_factory=dict)

    def shared_seconds(self, pair: tuple[int, int]) -> float:
        """How long both of a pair sound, at the offset of its match."""
        (begin0, end0), (begin1, end1), away = *(self.spans[n] for n in pair), self.matches[pair].seconds
        return max(0.0, min(end0 + away, end1) - max(begin0 + away, begin1))


def copies(pictures: bool) -> str:
    """What two sound tracks are that hold one recording; ``pictures``: whether one of the files has any."""
    return f"copies of one recording{', which may have been put under the pictures' * pictures}"


def sound_tracks(paths: Sequence[str]) -> tuple[frozenset[int], dict[int, str]]:
    """Which files have sound that can be opened, and what is wrong with that of others: a look at each first sample."""
    from videosync.audio.decode import opening
    from videosync.video.index import file_version

    present, problems = set(), {}
    for number, path in enumerate(paths):
        try:
            opening(*file_version(path), whatever=True)
            present.add(number)
        except NoSoundError:
            continue
        except VideoError as error:
            problems[number] = str(error)
    return frozenset(present), problems


def hear(
    paths: Sequence[str],
    present: frozenset[int],
    problems: Mapping[int, str],
    *,
    max_offset: float | None = None,
    min_overlap: float | None = None,
    progress: Progress | None = None,
    chapters: Mapping[int, Sequence[Chapter]] | None = None,
) -> Sounds:
    """Compare the sound of all pairs of the files ``present``. A single one is not read.

    Args:
        present, problems: as of ``sound_tracks``. max_offset, min_overlap: seconds, as of ``sync``.
        progress: as of ``sync``. chapters: of the files that are the first of several.
    """
    if len(present) < 2:
        return Sounds(present, dict(problems), {}, {}, {})
    from videosync.audio.listen import sync_sound
    from videosync.sound.match import match, track
    from videosync.timeline.joined import joined_sound

    problems = dict(problems)
    tracks: dict[int, Track] = {}
    notes: dict[int, tuple[str, ...]] = {}
    for number in counted(progress, HEARING, sorted(present)):
        try:
            parts = (chapters or {}).get(number)
            sound = sync_sound(paths[number]) if parts is None else joined_sound(parts)
        except AudioError as error:
            problems[number] = str(error)
            continue
        made = track(sound.samples, sound.start)
        if min_overlap is not None and made.seconds < min_overlap:
            problems[number] = f"too short: {made.seconds:.2f} s of sound, and at least {min_overlap:.2f} s are needed"
        elif made.silent:
            problems[number] = SILENT
        else:
            tracks[number], notes[number] = made, sound.notes
    matches = {
        (i, j): match(tracks[i], tracks[j], max_offset=max_offset, min_overlap=min_overlap)
        for i, j in counted(progress, MATCHING, combinations(tracks, 2))
    }
    spans = {number: (made.start, made.start + made.seconds) for number, made in tracks.items()}
    return Sounds(present, problems, notes, spans, matches)


def half_seconds(match: SoundMatch, distance: float | None) -> float:
    """Seconds to either side that hold the offset of the files in 95 %, its own and the way of the sound.

    Args:
        distance: metres between the microphones at most; None: ``DISTANCE``.
    """
    own = max(match.seconds - match.interval[0], match.interval[1] - match.seconds)
    return own + (DISTANCE if distance is None else distance) / SPEED


def agrees(match: SoundMatch, seconds: float, frame: float, distance: float | None) -> bool:
    """Whether the sound says the same as pictures that are ``seconds`` apart, frames of ``frame`` seconds.

    They may differ by a frame, the sound's own interval and the time in which sound passes ``distance`` metres
    (None: ``LATEST``).
    """
    own = max(match.seconds - match.interval[0], match.interval[1] - match.seconds)
    late = LATEST if distance is None else distance / SPEED
    return abs(match.seconds - seconds) <= frame + own + late


def sound_scores(match: SoundMatch, confidence: float) -> LagScores:
    """A match as lag scores, ``GRID`` a second, which are judged to be as sure as ``confidence``.

    Between the steps of the grid the peak has the offset of the match. Scores of other offsets compare with the best
    one's as those of the match do; their scale leaves all of them together less probability than the match has to be
    wrong. The evidence is what the calibration turns into the rest of the confidence, so that evidence of several pairs
    can be added.
    """
    exact = match.seconds * GRID
    lag = round(exact)
    places = np.rint(match.lags * GRID).astype(np.int64)
    first = min(int(places[0]), lag) - 2  # no peak is at an end of the range for want of a neighbour
    share = np.zeros(max(int(places[-1]), lag) + 2 - first + 1)
    np.maximum.at(share, places - first, np.maximum(match.scores, 0))
    lags = np.arange(first, first + len(share))
    near = np.abs(lags - lag) <= 1
    share /= max(float(share[np.abs(lags - lag) <= APART].max()), 1e-9)
    share = np.where(near, 1.0 - 0.1 * (lags - exact) ** 2, np.minimum(share, HIGHEST_RIVAL))
    rival = float(share[np.abs(lags - lag) > APART].max(initial=0.0))
    table = calibration_for(SOUND)
    height = HEIGHT
    if confidence >= table.accepted:
        height = max(height, math.log(len(share) / (1 - confidence)) / (table.sharpness * (1 - rival)))
    curve = LagScores(first, height * share, cue=SOUND)
    shared = min(confidence / mass_near(curve, lag) / table.most, 1 - 1e-6)
    shared = max(shared, 1e-6)
    needed = max(0.0, (math.log(shared / (1 - shared)) - table.bias) / sum(table.weights))
    chance = math.sqrt(2 * math.log(len(share)))
    top = float(share[near].max())
    evidence = LagEvidence(share * (needed + chance) / top, share[None] * needed / (top - rival), share * needed / top)
    return LagScores(first, curve.scores, evidence, cue=SOUND)
