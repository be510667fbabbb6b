"""What is measured of files and of each two of them, before anything is concluded from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from videosync.cues import DEFAULT_CUE
from videosync.cues.cue import Cue
from videosync.cues.encoder import ClipEmbedder, LagReader
from videosync.cues.evidence import liveliness
from videosync.cues.named import find_cue
from videosync.cues.sound import SoundEmbedder
from videosync.errors import ConfigError, VideoError, require_known
from videosync.lags.scores import LagScores
from videosync.threads import one_thread
from videosync.timeline.cache import SignalCache
from videosync.timeline.calibration import SOUND
from videosync.timeline.chapters import Chapter, recordings
from videosync.timeline.clips import Clip, ClipInfo, frames_at, inspect, read_clips
from videosync.timeline.clocks import Clocks
from videosync.timeline.compare import Compared, compare_again
from videosync.timeline.file_warnings import NO_VIDEO
from videosync.timeline.in_chapters import check_names
from videosync.timeline.in_parts import compare_in_parts
from videosync.timeline.inputs import check_files
from videosync.timeline.joined import joined_clips
from videosync.timeline.networks import PathLike, check_lengths, open_detector, open_encoder, unlike_training
from videosync.timeline.partners import compare_files, picked_from, said_of_pairs
from videosync.timeline.progress import OPENING, Progress, counted, step
from videosync.timeline.rates import comparable, grid_rates
from videosync.timeline.reasons import Search
from videosync.timeline.result import short_names
from videosync.timeline.search import SHORTEST, is_still, least_overlap
from videosync.timeline.sounds import GRID, Sounds, hear, sound_tracks
from videosync.video.recorded import Recorded, recorded

AUDIO = ("auto", "only", "off")
CHAPTERS = ("auto", "off")
ENERGY = "energy"  # shows in which clips nothing moves
UNUSED = "this encoder was trained with static cameras only"


@dataclass(frozen=True)
class Evidence:
    """What was measured (N files; cameras are their numbers)."""

    paths: tuple[str, ...]
    infos: Mapping[int, ClipInfo]  # of the files whose pictures could be read
    problems: Mapping[int, str]  # file → why its pictures have no part in the search
    rate: float  # frames/s in which starts are counted: of the fastest grid; where no pictures are compared, of sound's
    compared: Mapping[tuple[int, int], Compared]  # what pictures of two files say
    search: Search
    cue: str = DEFAULT_CUE  # SOUND: no pictures were compared
    moving: frozenset[int] = frozenset()  # files whose camera moves
    encoder: str | None = None  # name of the one that the cue looked through
    detector: str | None = None  # name of the one that read it
    notes: tuple[str, ...] = ()  # what the user should know of these
    sounds: Sounds = field(default_factory=Sounds)
    audio: str = "off"  # of AUDIO
    recorded: Mapping[int, Recorded] = field(default_factory=dict)  # what files say of their own time
    rates: Mapping[int, float] = field(default_factory=dict)  # file → frames/s of its grid (default: ``rate``)
    left_out: frozenset[tuple[int, int]] = frozenset()  # pairs of which the pictures were not compared: too many
    # file → frames/s, and how much of what the cue compares changes in each frame: float32 [T], usual: 1 a channel
    changes: Mapping[int, tuple[float, np.ndarray]] = field(default_factory=dict)
    chapters: Mapping[int, tuple[Chapter, ...]] = field(default_factory=dict)  # of recordings that have several
    given: tuple[str, ...] = ()  # all files, where some are chapters of others; else they are ``paths``

    @property
    def files(self) -> list[int]:
        """Those of which pictures or sound could be read."""
        return sorted({*self.infos, *self.sounds.present})

    @cached_property
    def curves(self) -> dict[tuple[int, int], LagScores]:
        """Of pictures: (i, j) → scores of ``start_i - start_j``."""
        picked = picked_from({*self.compared, *self.left_out})
        return {pair: found.curve.picked(picked) for pair, found in self.compared.items()}

    @cached_property
    def clocks(self) -> dict[tuple[int, int], Clocks]:
        """By pictures: (i, j) → how the clocks of two files run, of the pairs of which something is known."""
        return {pair: found.clocks for pair, found in self.compared.items() if found.clocks is not None}

    def grid(self, pair: Iterable[int]) -> float:
        """Frames/s at which files are compared: of the slowest one's grid."""
        return min(self.rates.get(number, self.rate) for number in pair)

    @property
    def looks(self) -> bool:
        """Whether pictures were compared."""
        return self.cue != SOUND


@one_thread()
def gather(
    videos: Sequence[PathLike],
    *,
    max_offset: float | None = None,
    min_overlap: float | None = None,
    cue: str = DEFAULT_CUE,
    encoder: ClipEmbedder | SoundEmbedder | PathLike | None = None,
    detector: LagReader | PathLike | None = None,
    progress: Progress | None = None,
    audio: str = "auto",
    microphone_distance: float | None = None,
    cache: PathLike | None = None,
    chapters: str = "off",
    named: Sequence[PathLike] = (),
    thorough: bool = False,
) -> Evidence:
    """Read every file once and score the offsets of every pair. Arguments and errors: as of ``sync``.

    ``named``: files that ``conclude`` will be asked about, which must not be later chapters.
    """
    paths = check_files(videos)
    require_known("audio", audio, AUDIO)
    require_known("chapters", chapters, CHAPTERS)
    asked = find_cue(cue)  # before networks are loaded
    if audio == "only" and (encoder is not None or detector is not None or cue != DEFAULT_CUE):
        raise ConfigError("with sound only no pictures are looked at; leave out cue, encoder and detector")
    network = None if encoder is None else open_encoder(encoder, asked)
    reader = None if detector is None else open_detector(detector)
    deaf = audio == "off"
    audio = "off" if asked.uses_sound_encoder else audio  # no second witness: sound is the first
    infos, problems = _inspected(paths, progress)
    given, joined, told = paths, dict[int, tuple[Chapter, ...]](), tuple[str, ...]()
    if chapters == "auto":
        paths, infos, problems, joined, told = recordings(paths, infos, problems)
        check_names(named, joined)
    present, unheard = (frozenset[int](), dict[int, str]()) if audio == "off" else sound_tracks(paths)
    problems |= {n: said for n, said in unheard.items() if NO_VIDEO in problems.get(n, "")}
    _check_usable(infos, problems, present, deaf)
    own = {n: recorded(paths[n], pictures=n in infos) for n in sorted(infos.keys() | present)}
    search = Search(max_offset, min_overlap, microphone_distance)
    looks = audio != "only" and len(infos) > 1
    rates = grid_rates(infos) if looks else {}
    if reader is not None:
        for rate in set(rates.values()):
            check_lengths(reader, [infos[n] for n in rates if rates[n] >= rate], rate)
    sounds = hear(
        paths, present, unheard, max_offset=max_offset, min_overlap=min_overlap, progress=progress, chapters=joined
    )
    if not looks:
        return Evidence(
            paths, infos, problems, GRID, {}, search, SOUND, notes=told, sounds=sounds, audio=audio, recorded=own,
            chapters=joined, given=given,
        )  # fmt: skip
    network = default_encoder(cue) if encoder is None else network
    chosen = find_cue(cue, network, reader)
    meters = chosen.meters(ENERGY)
    kept = None if cache is None else SignalCache(Path(cache))
    read = read_clips if kept is None else kept.clips
    grids = comparable(infos, rates, max_offset, min_overlap)
    limits = {"max_offset": max_offset, "min_overlap": min_overlap}
    parts = None
    if not thorough and reader is None and not joined and not (kept is not None and kept.has(infos, grids, meters)):
        parts = compare_in_parts(chosen, infos, grids, read, **limits, name=cue, progress=progress)
    if parts is not None:
        looked = _Looked(parts.compared, parts.left_out)
    else:
        looked = _look_at_all(
            chosen, infos, problems, rates, grids, joined, read, bool(sounds.matches), limits, cue, progress
        )
    fastest, compared = max(rates.values()), looked.compared
    notes = told
    notes += () if network is None else unlike_training(network, reader, max(grids.values(), default=fastest))
    notes += () if kept is None else tuple(dict.fromkeys(kept.notes))
    names = short_names(list(paths))
    if looked.unused:
        unused = " and ".join(names[path] for path in looked.unused)
        notes += (f"the encoder was not used for {unused}: a camera moves there, and {UNUSED}",)
    if parts is not None:
        notes += (parts.note,)
    elif looked.left_out:
        notes += (said_of_pairs(len(compared), len(compared) + len(looked.left_out)),)
    return Evidence(
        paths, infos, problems, fastest, compared, search, cue, looked.moving,
        None if network is None else network.name, None if reader is None else reader.name,
        notes, sounds, audio, own, rates, looked.left_out, looked.changes, joined, given,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Looked:
    """What was seen of all files."""

    compared: Mapping[tuple[int, int], Compared]
    left_out: frozenset[tuple[int, int]] = frozenset()
    moving: frozenset[int] = frozenset()  # files whose camera moves
    unused: tuple[str, ...] = ()  # those of which the cue does not use all parts
    changes: Mapping[int, tuple[float, np.ndarray]] = field(default_factory=dict)  # as of ``Evidence``


def _look_at_all(
    cue: Cue,
    infos: dict[int, ClipInfo],
    problems: dict[int, str],
    rates: Mapping[int, float],
    grids: Mapping[tuple[int, int], float],
    joined: Mapping[int, tuple[Chapter, ...]],
    read: Callable[..., dict[float, Clip]],
    heard: bool,
    limits: Mapping[str, float | None],
    name: str,
    progress: Progress | None,
) -> _Looked:
    """Read all of every file and compare each two; ``infos`` and ``problems`` are brought up to date.

    Raises VideoError: fewer than two can be decoded, and no sound was ``heard``.
    """
    meters = cue.meters(ENERGY)
    clips: dict[int, dict[float, Clip]] = {}
    for number, info in list(infos.items()):
        wanted = {rate for pair, rate in grids.items() if number in pair} or {rates[number]}
        try:
            if number in joined:
                clips[number] = joined_clips(joined[number], wanted, meters, read, progress)
            else:
                clips[number] = read(info, wanted, meters, step(progress, info.path))
            infos[number] = next(iter(clips[number].values())).info  # without frames that cannot be decoded
        except VideoError as error:
            problems[number] = str(error)
            del infos[number]
    if len(clips) < 2 and not heard:
        raise VideoError(next(iter(problems.values())))
    usable: dict[tuple[int, float], Clip] = {}
    for number, measured in clips.items():
        said = {rate: _problem(cue, clip, rates[number], limits["min_overlap"]) for rate, clip in measured.items()}
        usable |= {(number, rate): measured[rate] for rate, problem in said.items() if problem is None}
        if None not in said.values():
            problems[number] = str(said[max(said)])
    compared, left_out = compare_files(cue, usable, grids, **limits, name=name, progress=progress)
    both = {(i, j): (usable[i, grids[i, j]], usable[j, grids[i, j]]) for i, j in compared}
    return _Looked(
        {**compared, **compare_again(cue, both, compared, **limits)},
        left_out,
        frozenset(number for number, measured in clips.items() if measured[max(measured)].camera_moves),
        tuple(dict.fromkeys(clip.info.path for clip in usable.values() if cue.unused(clip.signals)[0])),
        _changes(cue, usable),
    )


def _changes(cue: Cue, clips: Mapping[tuple[int, float], Clip]) -> dict[int, tuple[float, np.ndarray]]:
    """Of each file, at its highest rate."""
    highest = {number: rate for number, rate in sorted(clips)}
    return {n: (rate, liveliness(cue, clips[n, rate].signals).astype(np.float32)) for n, rate in highest.items()}


def _problem(cue: Cue, clip: Clip, rate: float, min_overlap: float | None) -> str | None:
    """Why a clip has no part in the search; ``rate``: frames/s of the grid of its file."""
    frames = frames_at(clip.info, rate)
    least = max(SHORTEST, least_overlap(frames, frames, rate, min_overlap))
    if frames < least:
        return (
            f"too short: {clip.info.duration:.2f} s at {clip.info.fps:.4g} frames/s, and at least {least / rate:.2f} s "
            "are needed"
        )
    if cue.unused(clip.signals)[1]:
        why = UNUSED if cue.uses_encoder else "this cue is for static cameras only"
        return f"its camera moves, and {why}; use --cue motion"
    if is_still(clip):
        return "nothing moves in it, so there is nothing to synchronise it by"
    return None


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
    from videosync.models.light import light_shipped_encoder

    return light_shipped_encoder()


def _inspected(paths: Sequence[str], progress: Progress | None) -> tuple[dict[int, ClipInfo], dict[int, str]]:
    """Files whose pictures can be opened, and what is wrong with those of the others."""
    infos, problems = {}, {}
    for number in counted(progress, OPENING, range(len(paths))):
        try:
            infos[number] = inspect(paths[number])
        except VideoError as error:
            problems[number] = str(error)
    return infos, problems


def _check_usable(
    infos: Mapping[int, ClipInfo], problems: Mapping[int, str], heard: frozenset[int], deaf: bool
) -> None:
    """Raises VideoError: a file of another kind, or fewer than two that can be opened; ``deaf``: sound is off."""
    useless = {number: problem for number, problem in problems.items() if number not in heard}
    for problem in useless.values():
        if NO_VIDEO in problem:
            raise VideoError(f"{problem} With --audio off sound is not compared." if deaf else problem)
    if len(infos.keys() | heard) < 2:
        raise VideoError(next(iter(useless.values())))
