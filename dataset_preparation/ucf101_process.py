"""Turn UCF101 into clips of one size and a manifest for each of its three official splits.

    python dataset_preparation/ucf101_process.py

Expected in --data_root:

    UCF-101/<class>/v_<Class>_g01_c01.avi        101 classes, each in a folder
    ucfTrainTestlist/trainlist01.txt, testlist01.txt, … 02, 03

Every video becomes one clip, with its sound where it has any; fold1/, fold2/ and fold3/ have a manifest each, with the
splits train and test of the lists. The event of a clip is its group (g01): the cuts of one recording, which the
official splits keep together.

A run that was cut off goes on where it stopped. fold1/report.json … say what was used, what was dropped, and why.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import run_script
from dataset_preparation.recognition.folds import TEST, TRAIN, UNIT, Fold, Listed, prepare, read_lines
from dataset_preparation.usual_places import KnownArchive
from dataset_preparation.whole.options import LIMITS, whole_parser
from videosync.errors import ManifestError

LISTS = "ucfTrainTestlist"
EXPECTED = f"UCF-101/<class>/*.avi, and {LISTS}/ beside UCF-101/"
ARCHIVE = KnownArchive("raw/ucf101", "ucf101", ("UCF-101", LISTS))
_CUT = re.compile(r"(?:v_)?(.+)_c\d+")  # the name of a file: group, then the number of the cut


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    parser = whole_parser("ucf101_process.py", __doc__, ARCHIVE, unit=UNIT, size=256)
    return run_script(parser, argv, run, limits=LIMITS)


def run(args: argparse.Namespace) -> int:
    return prepare(args, places=("UCF-101", "UCF101", "."), expected=EXPECTED, event=group_of, read_fold=read_fold)


def group_of(label: str, name: str) -> str:
    """``v_Archery_g08_c01`` → ``Archery_g08``; another name is an event of its own."""
    match = _CUT.fullmatch(name)
    return match[1] if match else f"{label}/{name}"


def read_fold(root: Path, number: int, listed: Listed) -> Fold:
    """One of the three splits. Raises ManifestError: a list is missing, or is another one."""
    splits: dict[str, str] = {}
    for split in (TRAIN, TEST):
        for where, words in read_lines(root / LISTS / f"{split}list{number:02d}.txt"):
            if "/" not in words[0]:
                raise ManifestError(f"{where}: expected <class>/<file>, not '{words[0][:80]}'; download it again")
            path = listed.find(words[0], where)
            if path is not None and splits.setdefault(path, split) != split:
                raise ManifestError(f"{where}: {words[0]} is in the list for training, too; download both again")
    return Fold(f"fold{number}", splits)


if __name__ == "__main__":
    sys.exit(main())
