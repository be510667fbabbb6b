"""Made pairs as files, kept for the next run: ``FOLDER/SPLIT_SEED/related_17/{pair.json,0.wav,1.wav}``."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from joblib import Parallel, delayed
from scipy.io import wavfile

from benchmarks.pipeline import bar
from benchmarks.sound.pairs import Draw, Pair, Waves, make
from benchmarks.sound.sources import Library
from benchmarks.sound.waves import RATE
from videosync.errors import ConfigError
from videosync.files import read_json, write_json

GENERATOR = ("waves.py", "sources.py", "recording.py", "pairs.py")  # what decides how recordings are made
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Recorded:
    """A pair, its files, and what is in them: float32 at 16 kHz."""

    pair: Pair
    paths: tuple[Path, Path]
    waves: Waves


def add_arguments(add: Callable[..., argparse.Action], related: int, unrelated: int) -> None:
    """The options of commands that look at made pairs."""
    add("--sources", type=Path, metavar="FOLDER", help="sound files, FOLDER/CLASS/GROUP/… (default: made sounds only)")
    add("--recordings", type=Path, default=Path("runs/benchmarks/sound/recordings"), metavar="FOLDER",
        help="where made recordings are kept (default %(default)s)")  # fmt: skip
    add("--related", type=int, default=related, help="pairs of one sound (default %(default)s)")
    add("--unrelated", type=int, default=unrelated, help="pairs of nothing in common (default %(default)s)")
    add("--jobs", type=int, default=1, help="processes (default %(default)s)")


def of_all(args: argparse.Namespace, draw: Draw, look: Callable[[Recorded], Found]) -> list[Found]:
    """What ``look`` finds in each pair of a draw, which are made where they are not yet there.

    Raises ConfigError: those there were made otherwise; AudioError: a source cannot be read.
    """
    library = Library(args.sources, draw.split)
    folder = Path(args.recordings) / f"{draw.split}_{draw.seed}"
    identity = {"made": _identity(library), "sources": {k: sum(map(len, v.values())) for k, v in library.files.items()}}
    note = folder / "made.json"
    if note.exists() and read_json(note) != identity:
        raise ConfigError(f"{folder}: was made by other code or of other sources; delete it, or give --recordings.")
    write_json(note, identity)
    names = list(draw.names())
    work = Parallel(n_jobs=args.jobs, return_as="generator")(
        delayed(_look)(folder, kind, number, draw, library, look) for kind, number in names
    )
    return list(bar(work, f"{draw.split} pairs", len(names)))


def recorded_pair(folder: Path, kind: str, number: int, draw: Draw, library: Library) -> Recorded:
    """A pair from its files, made and written before where they are not there."""
    place = folder / f"{kind}_{number}"
    if not (place / "pair.json").exists():  # which is written last
        pair, waves = make(kind, number, draw, library)
        place.mkdir(parents=True, exist_ok=True)
        for name, wave in zip(("0.wav", "1.wav"), waves):
            whole = np.round(np.clip(wave, -1, 1) * (2**15 - 1)).astype(np.int16)
            wavfile.write(place / name, RATE, whole)
        write_json(place / "pair.json", asdict(pair))
    paths = place / "0.wav", place / "1.wav"
    one, other = (wavfile.read(path)[1].astype(np.float32) / 2**15 for path in paths)
    return Recorded(Pair(**read_json(place / "pair.json")), paths, (one, other))


def _look(
    folder: Path, kind: str, number: int, draw: Draw, library: Library, look: Callable[[Recorded], Found]
) -> Found:
    return look(recorded_pair(folder, kind, number, draw, library))


def _identity(library: Library) -> str:
    digest = hashlib.sha256()
    for name in GENERATOR:
        digest.update(Path(__file__).with_name(name).read_bytes())
    for kind, groups in library.files.items():
        for group, files in groups.items():
            digest.update(repr((kind, group, [(path.name, path.stat().st_size) for path in files])).encode())
    return digest.hexdigest()[:16]
