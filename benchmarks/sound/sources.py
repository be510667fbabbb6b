"""What is recorded: sounds that are made, and (``--sources FOLDER``) excerpts of files, in splits that share none.

    FOLDER/CLASS/GROUP/**/file     # a class of sounds; a group is one voice, one composer, one package

The groups of a class (its files, where it has fewer than three groups) are dealt to the splits in the order of a hash
of their names. Files that are too short are strung together, never twice in one excerpt while there are others.
"""

from __future__ import annotations

import hashlib
import itertools
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.sound.waves import LOUDNESS, MADE, RATE, Rng, levelled, loop
from videosync.audio.read import probe_sound, read_sound
from videosync.errors import AudioError, ConfigError

SPLITS = ("test", "calibration", "development")
SUFFIXES = {".aac", ".aif", ".aiff", ".flac", ".g722", ".gsm", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav"}
SMALLEST = 4000  # bytes; what is smaller holds no sound worth the name
Groups = Mapping[str, tuple[Path, ...]]


@dataclass(frozen=True, eq=False)
class Source:
    """One sound, and what it was taken from."""

    wave: np.ndarray  # float32 [n], 16 kHz
    group: str  # two sources of one group may share a voice or a piece of music
    unit: str  # the first file; a name of its own for what is made
    files: frozenset[Path] = frozenset()


class Library:
    """The sources of one split."""

    def __init__(self, folder: Path | None, split: str) -> None:
        self.split = split
        self.files = {} if folder is None else read_folder(folder, split)
        made = ("strikes", "crowd", "loop") if self.files else tuple(MADE)
        self.classes = (*self.files, *self.files, *made)  # real sounds twice as often

    def draw(self, kind: str, seconds: float, rng: Rng, *, unlike: Source | None = None) -> Source:
        """A sound of a class. ``unlike``: not of that one's group or, where there is no other, of its files.

        Raises AudioError: a file cannot be read.
        """
        if kind in self.files:
            return self._excerpt(self.files[kind], seconds, rng, unlike)
        name = f"{kind} {int(rng.integers(2**31))}"
        if kind == "loop" and "music" in self.files:
            wave = loop(seconds, rng, lambda bar, rng: self._excerpt(self.files["music"], bar, rng, None).wave)
        else:
            wave = MADE[kind](seconds, rng)
        return Source(wave, name, name)

    def _excerpt(self, groups: Groups, seconds: float, rng: Rng, unlike: Source | None) -> Source:
        names = list(groups)
        if unlike is not None:
            names = [name for name in names if name != unlike.group] or names
        first = names[rng.integers(len(names))]
        order = [first, *(name for name in rng.permutation(names) if name != first)]
        queue = [path for name in order for path in rng.permutation(np.array(groups[name], object))]
        if unlike is not None:
            queue = [path for path in queue if path not in unlike.files] or queue
        wave, used, at = np.zeros(round(seconds * RATE), np.float32), set(), 0
        paths = itertools.cycle(queue)
        while at < len(wave):
            path = next(paths)
            used.add(path)
            length, wanted = probe_sound(path).seconds, (len(wave) - at) / RATE
            start = float(rng.uniform(0, max(length - wanted, 0.0)))
            piece = read_sound(path, start, min(wanted, length))[: len(wave) - at]
            wave[at : at + len(piece)] = levelled(piece, LOUDNESS * 10 ** (rng.uniform(-6, 3) / 20))
            at += len(piece) + round(rng.uniform(0.05, 0.8) * RATE)
        return Source(wave, first, f"{first}/{queue[0].name}", frozenset(used))


def read_folder(folder: Path, split: str) -> dict[str, Groups]:
    """Class → group → its files of one split. Raises ConfigError: there are none, or too few for three splits."""
    found: dict[str, Groups] = {}
    for place in sorted(path for path in folder.expanduser().glob("*") if path.is_dir()):
        files = sorted(path for path in place.rglob("*") if _is_sound(path))
        groups: dict[str, list[Path]] = {}
        for path in files:
            groups.setdefault(path.relative_to(place).parts[0], []).append(path)
        if len(groups) < len(SPLITS):
            groups = {str(path.relative_to(place)): [path] for path in files}
        if len(groups) < len(SPLITS):
            raise ConfigError(f"--sources: {place} holds {len(files)} sound files; three splits need three or more.")
        dealt = sorted(groups, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
        own = {name: [*filter(_readable, groups[name])] for name in dealt[SPLITS.index(split) :: len(SPLITS)]}
        found[place.name] = {name: tuple(paths) for name, paths in sorted(own.items()) if paths}
        if not found[place.name]:
            raise ConfigError(f"--sources: nothing in {place} can be read for the split {split!r}; give other files.")
    if not found:
        raise ConfigError(f"--sources: {folder} has no sub-folder; sounds lie in FOLDER/CLASS/GROUP/.")
    return found


def _is_sound(path: Path) -> bool:
    """Neither empty nor another name of a file."""
    usual = path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink()
    return usual and path.stat().st_size >= SMALLEST


def _readable(path: Path) -> bool:
    """What cannot be read is named on stderr."""
    try:
        return probe_sound(path).seconds > 0
    except AudioError as error:
        print(f"left out: {error}", file=sys.stderr)
        return False
