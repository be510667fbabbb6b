"""Turn HMDB51 into clips of one size and a manifest for each of its three official splits.

    python dataset_preparation/hmdb51_process.py

Expected in --data_root:

    <class>/*.avi                                    51 classes, or inside of hmdb51_org/ or videos/
    testTrainMulti_7030_splits/<class>_test_split1.txt, … 2, 3
                                                     a line a file: its name, and 1 (train), 2 (test) or 0 (neither)

Every video that a split uses becomes one clip, with its sound where it has any; fold1/, fold2/ and fold3/ have a
manifest each, with the splits train and test. The event of a clip is the film that its name begins with, for each
class. Where an official split has cuts of one film in both parts, it stays as it is: there each cut is an event, and
the report counts such films.

A run that was cut off goes on where it stopped. fold1/report.json … say what was used, what was dropped, and why.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import run_script
from dataset_preparation.recognition.folds import TEST, TRAIN, UNIT, ActionVideo, Fold, Listed, prepare, read_lines
from dataset_preparation.usual_places import KnownArchive
from dataset_preparation.whole.options import LIMITS, whole_parser
from videosync.errors import ManifestError

LISTS = "testTrainMulti_7030_splits"
EXPECTED = f"<class>/*.avi (or hmdb51_org/<class>/*.avi), and {LISTS}/"
ARCHIVE = KnownArchive("raw/hmdb51", "hmdb51", (LISTS,))
PARTS = {"0": "", "1": TRAIN, "2": TEST}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    parser = whole_parser("hmdb51_process.py", __doc__, ARCHIVE, unit=UNIT, size=256)
    return run_script(parser, argv, run, limits=LIMITS)


def run(args: argparse.Namespace) -> int:
    return prepare(args, places=("hmdb51_org", "videos", "."), expected=EXPECTED, event=film_of, read_fold=read_fold)


def film_of(label: str, name: str) -> str:
    """``Eragon_draw_sword_u_nm_np1_fr_bad_0`` → ``draw_sword/Eragon``; another name is an event of its own."""
    film = name.rpartition(f"_{label}_")[0]
    return f"{label}/{film or name}"


def read_fold(root: Path, number: int, listed: Listed) -> Fold:
    """One of the three splits. Raises ManifestError: a list is missing, or is another one."""
    lists = root / LISTS
    ending = f"_test_split{number}.txt"
    files = sorted(path for path in lists.glob(f"*{ending}") if not path.name.startswith("."))
    if not files:
        raise ManifestError(f"{lists} holds no <class>{ending}; expected {EXPECTED}")
    splits: dict[str, str] = {}
    for file in files:
        label = file.name.removesuffix(ending)
        for where, words in read_lines(file):
            if len(words) < 2 or words[-1] not in PARTS:
                raise ManifestError(
                    f"{where}: expected a file name and 0, 1 or 2, not '{' '.join(words)[:80]}'; download it again"
                )
            split, row = PARTS[words[-1]], f"{label}/{' '.join(words[:-1])}"
            path = listed.find(row, where) if split else None
            if path is not None and splits.setdefault(path, split) != split:
                raise ManifestError(f"{where}: an earlier line says train of {row}, or test; download it again")
    return _with_events(f"fold{number}", splits, listed.videos)


def _with_events(name: str, splits: dict[str, str], videos: Sequence[ActionVideo]) -> Fold:
    """The fold in which cuts of films that are in both parts are events of their own."""
    films: dict[str, list[str]] = defaultdict(list)
    for video in videos:
        if video.path in splits:
            films[video.event].append(video.path)
    divided = [paths for paths in films.values() if len({splits[path] for path in paths}) > 1]
    events = {path: f"{Path(path).parent.name}/{Path(path).stem}" for paths in divided for path in paths}
    return Fold(name, splits, events, {"films in train and test": len(divided)})


if __name__ == "__main__":
    sys.exit(main())
