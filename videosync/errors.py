"""Errors a user can cause. Each message says what, where, what was expected and what to do.

The command line prints the message alone (no traceback) and exits with code 2.
"""

import difflib
import re
from collections.abc import Iterable

# control characters, what turns the direction of writing, halves of surrogate pairs; lines of a list are indented
_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]|\n(?!  )")


class VideoSyncError(Exception):
    """Base of all errors whose cause lies in the input, not in the code."""


class ConfigError(VideoSyncError):
    """A configuration file, key or value is wrong."""


class VideoError(VideoSyncError):
    """A video file cannot be opened, decoded or written as asked."""


class AudioError(VideoError):
    """The sound of a file cannot be decoded as asked."""


class NoSoundError(AudioError):
    """A file has no sound track."""


class VideoWriteError(VideoError):
    """A video or a file beside it cannot be written: wrong frames, an unknown encoder, no place on the disk.

    Preparation stops at it; any other VideoError means that one source is bad, and the others go on.
    """


class ManifestError(VideoSyncError):
    """A dataset folder or its manifest is missing, malformed or contradicts itself."""


class CheckpointError(VideoSyncError):
    """A checkpoint, weight file, similarity set or detector is missing, incomplete or does not fit."""


class NotFiniteError(CheckpointError):
    """Embeddings hold NaN or infinite values: a training that diverged, or a precision that overflows."""


class TrainingError(VideoSyncError):
    """Training cannot go on (for example, the loss is not finite)."""


class DataLoadingError(TrainingError):
    """Data-loading workers died, failed or hang. What was trained before is good, and saved."""


class ProcessLostError(VideoSyncError):
    """Another process of this run has ended, or no longer answers."""


def printable(message: str) -> str:
    """``message`` with what a name, a tag or a key brought into it, and a terminal would obey, shown as an escape."""
    return _UNSEEN.sub(lambda met: ascii(met[0])[1:-1], message)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word`` (upper and lower case count the same); None where none is like it."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return by_lower[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """``" Did you mean 'x'?"`` to end a message with; where nothing known is like ``word``, ``otherwise``."""
    match = nearest(word, known)
    return f" Did you mean '{match}'?" if match else otherwise and f" {otherwise}"


def require_known(what: str, name: object, known: Iterable[str]) -> None:
    """Raises ConfigError that lists the ``known`` names, and the one most like ``name``, if it is none of them."""
    names = list(known)
    if name not in names:
        raise ConfigError(
            f"{what} '{name}' is unknown: expected one of {', '.join(names)}.{did_you_mean(str(name), names)}"
        )
