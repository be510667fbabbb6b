"""``sync``: from files to one timeline."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from videosync.cues import DEFAULT_CUE
from videosync.cues.encoder import ClipEmbedder, LagReader
from videosync.cues.evidence import scores_with_evidence
from videosync.cues.named import find_cue
from videosync.cues.sound import SoundEmbedder
from videosync.errors import ConfigError, VideoError
from videosync.lags.scores import LagScores
from videosync.timeline.clips import Clip, ClipInfo, common_rate, inspect, read_clip
from videosync.timeline.confidence import half_width
from videosync.timeline.networks import PathLike, check_lengths, open_detector, open_encoder, unlike_training
from videosync.timeline.placement import Doubt, DoubtKind, Placement, judge, place
from videosync.timeline.reasons import Search, why_not
from videosync.timeline.result import PlacedFile, Timeline, short_names
from videosync.timeline.search import SHORTEST, is_still, lag_range, least_overlap
from videosync.types import OffsetEstimate

Progress = Callable[[str, int, int], None]  # path, frames done, frames in all

ENERGY = "energy"  # shows in which clips nothing moves
UNUSED = "this encoder was trained with static cameras only"


@dataclass(frozen=True)
class Evidence:
    """What was measured, before anything is concluded from it (N files; cameras are their numbers)."""

    paths: tuple[str, ...]
    infos: Mapping[int, ClipInfo]  # of the files that could be opened
    problems: Mapping[int, str]  # file → why it has no part in the search
    rate: float  # frames/s of the common grid
    curves: Mapping[tuple[int, int], LagScores]
    search: Search
    cue: str = DEFAULT_CUE
    moving: frozenset[int] = frozenset()  # files whose camera moves
    encoder: str | None = None  # name of the one that the cue looked through
    detector: str | None = None  # name of the one that read it
    notes: tuple[str, ...] = ()  # what the user should know of these


def sync(
    videos: Sequence[PathLike],
    *,
    reference: PathLike | None = None,
    max_offset: float | None = None,
    min_overlap: float | None = None,
    cue: str = DEFAULT_CUE,
    encoder: ClipEmbedder | SoundEmbedder | PathLike | None = None,
    detector: LagReader | PathLike | None = None,
    progress: Progress | None = None,
) -> Timeline:
    """Put videos of one event on one timeline, from the pixels alone.

    Args:
        videos: two or more files, each decoded once; frame rates and lengths may differ.
        reference: the one of them that starts at 0 (default: the earliest).
        max_offset: seconds; the largest offset of two files that is considered (default: any).
        min_overlap: seconds that two files share at least (default: a quarter of the shorter, but 30 frames or
            half of it at least, and 10 s at most).
        cue: what is compared, a name of ``cues.named.CUES``.
        encoder: of the cues "motion-learned" and "learned", from ``videosync.load_encoder`` or what that takes; None:
            the one that comes with the package. Of "sound-learned": a run, an export or weights of CrissCross.
        detector: what reads the encoder's similarity, in place of the mean along its diagonals: the folder of a
            trained ``equivariant``.
        progress: called with (path, frames done, frames in all) while files are decoded.

    Returns:
        The timeline. Files that cannot be placed with confidence, or are damaged, are named with the reason.

    Raises:
        VideoError: fewer than two files, the same one twice, one that is missing or no video, or fewer than two that
            can be decoded.
        ConfigError: an unknown cue, an encoder or a detector for one that uses none, a detector that reads matrices of
            one size only, or videos too long for it.
        CheckpointError: there is no such encoder or detector, or it is damaged.
        ValueError: ``max_offset`` or ``min_overlap`` is not positive.
    """
    for name, seconds in (("max_offset", max_offset), ("min_overlap", min_overlap)):
        if seconds is not None and not seconds > 0:
            raise ValueError(f"{name} must be a positive number of seconds, got {seconds}")
    evidence = gather(
        videos, max_offset=max_offset, min_overlap=min_overlap, cue=cue, encoder=encoder, detector=detector,
        progress=progress,
    )  # fmt: skip
    return conclude(evidence, reference)


def gather(
    videos: Sequence[PathLike],
    *,
    max_offset: float | None = None,
    min_overlap: float | None = None,
    cue: str = DEFAULT_CUE,
    encoder: ClipEmbedder | SoundEmbedder | PathLike | None = None,
    detector: LagReader | PathLike | None = None,
    progress: Progress | None = None,
) -> Evidence:
    """Decode every file once and score the offsets of every pair. Arguments and errors: as of ``sync``."""
    paths = check_files(videos)
    asked = find_cue(cue)  # before networks are loaded
    network = default_encoder(cue) if encoder is None else open_encoder(encoder, asked)
    reader = None if detector is None else open_detector(detector)
    chosen = find_cue(cue, network, reader)
    meters = chosen.meters(ENERGY)
    infos, problems = _inspected(paths)
    rate = common_rate(list(infos.values()))
    if reader is not None:
        check_lengths(reader, list(infos.values()), rate)
    clips: dict[int, Clip] = {}
    for number, info in infos.items():
        try:
            clips[number] = read_clip(info, rate, meters, _named(progress, info.path))
        except VideoError as error:
            problems[number] = str(error)
    if len(clips) < 2:
        raise VideoError(next(iter(problems.values())))
    search = Search(max_offset, min_overlap)
    moving = {}
    for number, clip in clips.items():
        least = max(SHORTEST, least_overlap(len(clip), len(clip), rate, min_overlap))
        if len(clip) < least:
            problems[number] = f"too short: {clip.info.duration:.2f} s, and at least {least / rate:.2f} s are needed"
        elif chosen.unused(clip.signals)[1]:
            problems[number] = f"its camera moves, and {UNUSED}; use --cue motion"
        elif is_still(clip):
            problems[number] = "nothing moves in it, so there is nothing to synchronise it by"
        else:
            moving[number] = clip
    curves = {}
    for (i, clip0), (j, clip1) in combinations(moving.items(), 2):
        lags = lag_range(len(clip0), len(clip1), rate, max_offset=max_offset, min_overlap=min_overlap)
        if lags is not None:
            curves[i, j] = scores_with_evidence(chosen, clip0.signals, clip1.signals, lags, cue)
    notes = () if network is None else unlike_training(network, reader, rate)
    unused = [short_names(list(paths))[clip.info.path] for clip in moving.values() if chosen.unused(clip.signals)[0]]
    if unused:
        notes += (f"the encoder was not used for {' and '.join(unused)}: a camera moves there, and {UNUSED}",)
    return Evidence(
        paths, {n: infos[n] for n in clips}, problems, rate, curves, search, cue,
        frozenset(number for number, clip in clips.items() if clip.camera_moves),
        None if network is None else network.name, None if reader is None else reader.name,
        notes,
    )  # fmt: skip


def default_encoder(cue: str) -> ClipEmbedder | None:
    """The encoder that comes with the package; None for a cue that uses none.

    Raises:
        ConfigError: an unknown cue, or one that needs an encoder of sound, of which none comes with the package.
    """
    if find_cue(cue).uses_sound_encoder:
        raise ConfigError(
            f"the cue '{cue}' needs an encoder of sound; name the run of a CrissCross network (--encoder)"
        )
    if not find_cue(cue).uses_encoder:
        return None
    from videosync.models.clip_encoder import shipped_encoder  # imports torch

    return shipped_encoder()


def conclude(evidence: Evidence, reference: PathLike | None = None) -> Timeline:
    """The timeline that the evidence supports. Raises VideoError: ``reference`` is none of the files."""
    paths, rate = evidence.paths, evidence.rate
    chosen = None if reference is None else find_file(reference, paths)
    cameras = [number for number in evidence.infos if number not in evidence.problems]
    placement = place(evidence.curves, cameras, chosen)
    starts = {number: start / rate for number, start in placement.starts.items()}
    base = chosen if chosen in starts else min(starts, key=lambda n: (starts[n], n), default=None)
    joined = list(combinations(sorted(evidence.infos), 2))
    pairs = tuple(_pair(i, j, starts, placement, evidence) for i, j in joined)
    fits: dict[int, list[str]] = {}  # file that is not placed → others that it goes with
    names = short_names(list(paths))
    for (i, j), pair in zip(joined, pairs):
        if pair.placed and i not in starts and j not in starts:
            fits.setdefault(i, []).append(names[paths[j]])
            fits.setdefault(j, []).append(names[paths[i]])
    files = tuple(
        _file(number, base, starts, placement, evidence, fits.get(number, ())) for number in range(len(paths))
    )
    return Timeline(
        None if base is None else paths[base], files, pairs, evidence.cue, evidence.encoder, evidence.detector,
        evidence.notes,
    )  # fmt: skip


def check_files(videos: Sequence[PathLike]) -> tuple[str, ...]:
    """The paths as text. Raises VideoError: fewer than two, a missing one, a folder, the same file twice."""
    listed = [videos] if isinstance(videos, (str, os.PathLike)) else videos  # a name is a sequence too
    paths = tuple(os.fspath(video) for video in listed)
    if len(paths) < 2:
        given = f"only {paths[0]} was given" if paths else "none was given"
        raise VideoError(f"two or more videos of one event are needed, and {given}; name the others too.")
    seen: dict[tuple[int, int], str] = {}
    for path in paths:
        try:
            status = os.stat(path)
        except OSError as error:
            raise VideoError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
        if os.path.isdir(path):
            raise VideoError(f"{path}: is a folder; name the video files in it.")
        key = status.st_dev, status.st_ino
        if key in seen:
            other = "" if seen[key] == path else f" (also as {seen[key]})"
            raise VideoError(f"{path}: was given twice{other}; name each video once.")
        seen[key] = path
    return paths


def _inspected(paths: Sequence[str]) -> tuple[dict[int, ClipInfo], dict[int, str]]:
    """Files that can be opened, and what is wrong with the others. Raises VideoError if fewer than two can."""
    infos, problems = {}, {}
    for number, path in enumerate(paths):
        try:
            infos[number] = inspect(path)
        except VideoError as error:
            if "no video stream" in str(error):
                raise
            problems[number] = str(error)
    if len(infos) < 2:
        raise VideoError(next(iter(problems.values())))
    return infos, problems


def _named(progress: Progress | None, path: str) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(path, done, total)


def find_file(reference: PathLike, paths: Sequence[str]) -> int:
    """The number of the file ``reference``. Raises VideoError: it is none of ``paths``."""
    for number, path in enumerate(paths):
        if os.fspath(reference) == path or (os.path.exists(reference) and os.path.samefile(reference, path)):
            return number
    raise VideoError(f"{os.fspath(reference)}: the reference must be one of the videos: {', '.join(paths)}.")


def _file(
    number: int,
    base: int | None,
    starts: Mapping[int, float],
    placement: Placement,
    evidence: Evidence,
    fits: Sequence[str],
) -> PlacedFile:
    info = evidence.infos.get(number)
    path = evidence.paths[number]
    fps, note = (None, None) if info is None else (info.fps, info.note)
    camera = None if info is None else "moving" if number in evidence.moving else "fixed"
    if number not in starts or base is None:
        doubt = placement.doubts.get(number, Doubt(DoubtKind.UNKNOWN))
        reason = evidence.problems.get(number) or why_not(doubt, evidence.rate, evidence.search)
        if fits and starts:
            reason = f"fits {' and '.join(fits)}, but not those on the timeline: {reason}"
        return PlacedFile(path, False, fps, confidence=doubt.confidence, reason=reason, note=note, camera=camera)
    start = starts[number] - starts[base]
    confidence = placement.confidence[number]
    around = 0.0 if number == base else half_width(confidence, evidence.cue) / evidence.rate
    return PlacedFile(path, True, fps, start, (start - around, start + around), confidence, note=note, camera=camera)


def _pair(i: int, j: int, starts: Mapping[int, float], placement: Placement, evidence: Evidence) -> OffsetEstimate:
    """What is known of one pair: from the timeline if both are on it, else from its own scores."""
    rate, curve = evidence.rate, evidence.curves.get((i, j))
    fps = common_rate([evidence.infos[i], evidence.infos[j]])
    said = None if curve is None else judge(curve)
    alone = None if curve is None or said is None else curve.vertex(said.lag) / rate
    names = evidence.paths[i], evidence.paths[j]
    if i in starts and j in starts:
        seconds = starts[i] - starts[j]
        confidence = min(placement.confidence[i], placement.confidence[j])
    elif said is not None and alone is not None and said.doubt is None:
        seconds, confidence = alone, said.confidence
    else:
        problem = evidence.problems.get(i) or evidence.problems.get(j)
        doubt = Doubt(DoubtKind.UNKNOWN) if said is None else said.doubt
        best, rivals = (0, ()) if doubt is None else (doubt.best or 0, doubt.rivals)
        return OffsetEstimate(
            *names,
            placed=False,
            fps=fps,
            confidence=0.0 if said is None else said.confidence,
            reason=problem or why_not(doubt or Doubt(DoubtKind.UNKNOWN), rate, evidence.search),
            rivals_seconds=tuple((best + away) / rate for away in rivals),
            alone_seconds=alone,
        )
    around = half_width(confidence, evidence.cue) / rate
    return OffsetEstimate(
        *names,
        placed=True,
        fps=fps,
        seconds=seconds,
        interval_seconds=(seconds - around, seconds + around),
        confidence=confidence,
        alone_seconds=alone,
    )
