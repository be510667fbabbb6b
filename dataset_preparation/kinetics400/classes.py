"""Some classes of Kinetics-400: those of a list, or those of Kinetics-Sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dataset_preparation.kinetics400.archive import Video
from videosync.errors import ManifestError, did_you_mean
from videosync.files import read_text

# Arandjelović & Zisserman, "Look, Listen and Learn", ICCV 2017 (arXiv:1705.08168), appendix A.1: 34 classes of an early
# Kinetics. Kinetics-400 has 32 of them, some under other names: blowing out (candles), dribbling (basket)ball, mowing
# (the) lawn, stomping (grapes), fingerpicking (strumming guitar). Typing and patting are not in it.
KINETICS_SOUND = (
    "blowing nose", "blowing out candles", "bowling", "chopping wood", "dribbling basketball", "laughing",
    "mowing lawn", "playing accordion", "playing bagpipes", "playing bass guitar", "playing clarinet",
    "playing drums", "playing guitar", "playing harmonica", "playing keyboard", "playing organ", "playing piano",
    "playing saxophone", "playing trombone", "playing trumpet", "playing violin", "playing xylophone",
    "ripping paper", "shoveling snow", "shuffling cards", "singing", "stomping grapes", "strumming guitar",
    "tap dancing", "tapping guitar", "tapping pen", "tickling",
)  # fmt: skip


def read_classes(file: Path) -> tuple[str, ...]:
    """Names of classes, one a line; empty lines and those that begin with ``#`` are passed over.

    Raises:
        ManifestError: no such file, no text, no name.
    """
    if not file.is_file():
        raise ManifestError(f"--classes {file}: is not a file; give a text file with the name of a class on each line")
    try:
        lines = [line.strip() for line in read_text(file).splitlines()]
    except ValueError as error:
        raise ManifestError(f"--classes {file}: {error}, with the name of a class on each line") from error
    names = tuple(line for line in lines if line and not line.startswith("#"))
    if not names:
        raise ManifestError(f"--classes {file}: names no class; write one on each line")
    return names


def of_classes(videos: Sequence[Video], classes: Iterable[str]) -> tuple[list[Video], dict[str, int]]:
    """The videos of the classes, and counts of the others. ``playing_drums`` and ``playing drums`` are one name.

    Raises:
        ManifestError: no video is of any of the classes.
    """
    wanted = {_plain(name): name for name in classes}
    chosen = [video for video in videos if _plain(video.label) in wanted]
    there = sorted({video.label for video in videos if video.label})
    if not chosen:
        first = next(iter(wanted.values()))
        where = f"the classes there are {', '.join(there[:5])} …" if there else "no annotations and no class folders"
        raise ManifestError(
            f"no video is of the {len(wanted)} classes asked for, '{first}' for example ({where}); give --data_root "
            f"the archive with its annotations, or other --classes.{did_you_mean(first, there)}"
        )
    lost = set(wanted) - {_plain(label) for label in there}
    return chosen, {
        "files of other classes": sum(bool(video.label) for video in videos) - len(chosen),
        "files of no known class": sum(not video.label for video in videos),
        "classes without a file": len(lost),
    }


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").lower().split())
