"""What is measured of files and of each two of them, before anything is concluded from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

from videosync.cues import DEFAULT_CUE
from videosync.cues.encoder import ClipEmbedder, LagReader
from videosync.cues.named import find_cue
from videosync.cues.sound import SoundEmbedder
from videosync.errors import ConfigError, VideoError, require_known
from videosync.lags.scores import LagScores
from videosync.timeline.calibration import SOUND
from videosync.timeline.clips import Clip, ClipInfo, common_rate, inspect, read_clip
from videosync.timeline.compare import Compared, compare
from videosync.timeline.file_warnings import NO_VIDEO
from videosync.timeline.inputs import check_files
from videosync.timeline.networks import PathLike, check_lengths, open_detector, open_encoder, unlike_training
from videosync.timeline.reasons import Search
from videosync.timeline.result import short_names
from videosync.timeline.search import SHORTEST, is_still, least_overlap
from videosync.timeline.sounds import GRID, Sounds, hear, sound_tracks
from videosync.video.recorded import Recorded, recorded

Progress = Callable[[str, int, int], None]  # path, frames done, frames in all

AUDIO = ("auto", "only", "off")
ENERGY = "energy"  # shows in which clips nothing moves
UNUSED = "this encoder was trained with static cameras only"


@dataclass(frozen=True)
class Evidence:
    """What was measured (N files; cameras are their numbers)."""

    paths: tuple[str, ...]
    infos: Mapping[int, ClipInfo]  # of the files whose pictures could be read
    problems: Mapping[int, str]  # file → why its pictures have no part in the search
    rate: float  # frames/s of the common grid of pictures; where none are compared, of that of sound
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

    @property
    def files(self) -> list[int]:
        """Those of which pictures or sound could be read."""
        return sorted({*self.infos, *self.sounds.present})

    @cached_property
    def curves(self) -> dict[tuple[int, int], LagScores]:
        """Of pictures: (i, j) → scores of ``start_i - start_j``."""
        return {pair: found.curve for pair, found in self.compared.items()}

    @property
    def looks(self) -> bool:
        """Whether pictures were compared."""
        return self.cue != SOUND


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
) -> Evidence:
    """Read every file once and score the offsets of every pair. Arguments and errors: as of ``sync``."""
    paths = check_files(videos)
    require_known("audio", audio, AUDIO)
    asked = find_cue(cue)  # before networks are loaded
    if audio == "only" and (encoder is not None or detector is not None or cue != DEFAULT_CUE):
        raise ConfigError("with sound only no pictures are looked at; leave out cue, encoder and detector")
    network = None if encoder is None else open_encoder(encoder, asked)
    reader = None if detector is None else open_detector(detector)
    deaf = audio == "off"
    audio = "off" if asked.uses_sound_encoder else audio  # no second witness: sound is the first
    infos, problems = _inspected(paths)
    present, unheard = (frozenset[int](), dict[int, str]()) if audio == "off" else sound_tracks(paths)
    problems |= {n: said for n, said in unheard.items() if NO_VIDEO in problems.get(n, "")}
    _check_usable(infos, problems, present, deaf)
    own = {n: recorded(paths[n], pictures=n in infos) for n in sorted(infos.keys() | present)}
    search = Search(max_offset, min_overlap, microphone_distance)
    looks = audio != "only" and len(infos) > 1
    rate = common_rate(list(infos.values())) if looks else GRID
    if reader is not None and looks:
        check_lengths(reader, list(infos.values()), rate)
    sounds = hear(paths, present, unheard, max_offset=max_offset, min_overlap=min_overlap)
    if not looks:
        return Evidence(paths, infos, problems, rate, {}, search, SOUND, sounds=sounds, audio=audio, recorded=own)
    network = default_encoder(cue) if encoder is None else network
    chosen = find_cue(cue, network, reader)
    meters = chosen.meters(ENERGY)
    clips: dict[int, Clip] = {}
    for number, info in infos.items():
        try:
            clips[number] = read_clip(info, rate, meters, _named(progress, info.path))
        except VideoError as error:
            problems[number] = str(error)
    if len(clips) < 2 and not sounds.matches:
        raise VideoError(next(iter(problems.values())))
    moving = {}
    for number, clip in clips.items():
        least = max(SHORTEST, least_overlap(len(clip), len(clip), rate, min_overlap))
        if len(clip) < least:
            problems[number] = f"too short: {clip.info.duration:.2f} s, and at least {least / rate:.2f} s are needed"
        elif chosen.unused(clip.signals)[1]:
            why = f"the cue '{cue}' is for static cameras only" if network is None else UNUSED
            problems[number] = f"its camera moves, and {why}; use --cue motion"
        elif is_still(clip):
            problems[number] = "nothing moves in it, so there is nothing to synchronise it by"
        else:
            moving[number] = clip
    compared = {
        (i, j): found
        for (i, clip0), (j, clip1) in combinations(moving.items(), 2)
        if (found := compare(chosen, clip0, clip1, max_offset=max_offset, min_overlap=min_overlap, name=cue))
    }
    notes = () if network is None else unlike_training(network, reader, rate)
    unused = [short_names(list(paths))[clip.info.path] for clip in moving.values() if chosen.unused(clip.signals)[0]]
    if unused:
        notes += (f"the encoder was not used for {' and '.join(unused)}: a camera moves there, and {UNUSED}",)
    return Evidence(
        paths, {n: infos[n] for n in clips}, problems, rate, compared, search, cue,
        frozenset(number for number, clip in clips.items() if clip.camera_moves),
        None if network is None else network.name, None if reader is None else reader.name,
        notes, sounds, audio, own,
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


def _inspected(paths: Sequence[str]) -> tuple[dict[int, ClipInfo], dict[int, str]]:
    """Files whose pictures can be opened, and what is wrong with those of the others."""
    infos, problems = {}, {}
    for number, path in enumerate(paths):
        try:
            infos[number] = inspect(path)
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


def _named(progress: Progress | None, path: str) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(path, done, total)
