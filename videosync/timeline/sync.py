"""``sync``: from files to one timeline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from videosync.cues import DEFAULT_CUE
from videosync.cues.encoder import ClipEmbedder, LagReader
from videosync.cues.sound import SoundEmbedder
from videosync.timeline.anchors import read_anchors
from videosync.timeline.conclude import conclude
from videosync.timeline.evidence import gather
from videosync.timeline.inputs import check_files, find_file
from videosync.timeline.networks import PathLike
from videosync.timeline.progress import Progress
from videosync.timeline.result import Timeline


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
    audio: str = "auto",
    microphone_distance: float | None = None,
    accept: float | None = None,
    at: Mapping[PathLike, float] | None = None,
    cache: PathLike | None = None,
    chapters: str = "auto",
    thorough: bool = False,
) -> Timeline:
    """Put videos and sound recordings of one event on one timeline, from pixels and sound.

    Args:
        videos: two or more files; frame rates and lengths may differ. With ``audio`` they may have sound only.
        reference: the one of them that starts at 0 (default: the earliest).
        max_offset: seconds; the largest offset of two files that is considered (default: any).
        min_overlap: seconds that two files share at least (default: a quarter of the shorter, but 30 frames or
            half of it at least, and 10 s at most; of sound 2 s, or half of the shorter).
        cue: what is compared, a name of ``cues.named.CUES``.
        encoder: of the cues "motion-learned" and "learned", from ``videosync.load_encoder`` or what that takes; None:
            the one that comes with the package. Of "sound-learned": a run, an export or weights of CrissCross.
        detector: what reads the encoder's similarity, in place of the mean along its diagonals: the folder of a
            trained ``equivariant``.
        progress: called with (path, frames done, frames in all) while files are decoded, and with (step, done, in all)
            for the other steps, of ``timeline.progress.STEPS``: opening files, reading and comparing sound, comparing
            pictures, placing files.
        audio: "auto": sound is a second witness of every pair of files that both have any; "only": no pictures are
            compared; "off": no sound is.
        microphone_distance: metres; the microphones of two files are no further apart. Sound is as late as that at
            most (343 m/s), so that what it alone places has an interval of at least ± distance / 343 s (default: 10 m
            for the interval; 34 m, 0.1 s, before sound and pictures are said to disagree).
        accept: also place files whose best guess is right with at least this probability, in (0, 1]; they are marked
            ``accepted``. What is placed without it stays.
        at: file → its start on the timeline, seconds, set by hand; the other files are placed around it. With a
            reference, which starts at 0, or two and more of them, their offsets are taken for true.
        cache: a folder in which signals of the pictures are kept, so that files that have not changed are not decoded
            again (``timeline.cache``).
        chapters: "auto": files that a camera wrote of one recording, each of which goes on where the one before ends,
            are compared as one (``timeline.chapters``); "off": each file is one by itself.
        thorough: decode all of long files too, of which parts are enough where these leave no doubt
            (``timeline.in_parts``).

    Returns:
        The timeline. Files that cannot be placed with confidence, or are damaged, are named with the reason.

    Raises:
        VideoError: fewer than two files, the same one twice, one that is missing or has neither pictures nor sound, or
            fewer than two that can be decoded; a file in ``at`` that is none of them, or has two starts.
        ConfigError: an unknown ``audio``, ``chapters`` or cue, or a cue with sound only; an encoder or a detector for a
            cue that uses none, a detector that reads matrices of one size only, or videos too long for it.
        CheckpointError: there is no such encoder or detector, or it is damaged.
        ValueError: ``max_offset`` or ``min_overlap`` is not positive, ``microphone_distance`` is negative,
            ``accept`` is not in (0, 1], a start is not finite.
    """
    for name, seconds in (("max_offset", max_offset), ("min_overlap", min_overlap)):
        if seconds is not None and not seconds > 0:
            raise ValueError(f"{name} must be a positive number of seconds, got {seconds}")
    if microphone_distance is not None and not 0 <= microphone_distance < math.inf:
        raise ValueError(f"microphone_distance must be a number of metres, 0 or more, got {microphone_distance}")
    if accept is not None and not 0 < accept <= 1:
        raise ValueError(f"accept must be a probability above 0 and at most 1, got {accept}")
    paths = check_files(videos)
    read_anchors(at or {}, paths, None if reference is None else find_file(reference, paths))  # before any decoding
    evidence = gather(
        paths, max_offset=max_offset, min_overlap=min_overlap, cue=cue, encoder=encoder, detector=detector,
        progress=progress, audio=audio, microphone_distance=microphone_distance, cache=cache,
        chapters=chapters, named=[*([] if reference is None else [reference]), *(at or {})],
        thorough=thorough,
    )  # fmt: skip
    return conclude(evidence, reference, accept=accept, at=at, progress=progress)
