"""Turn ESC-10 into files with folds, in the tree of ESC-50 (which needs no preparation).

    python dataset_preparation/esc10_process.py

Expected in --data_root: a folder for each class, as it is released:

    001 - Dog bark/1-100032-A.ogg, …      the number before the first hyphen is the fold, 1 … 5

Files are decoded to their end and copied as they are. A run that was cut off goes on where it stopped. report.json says
what was used, what was dropped, and why.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import require_folder, run_script
from dataset_preparation.clips.dataset import Dropped
from dataset_preparation.sounds.tree import SOUND_SUFFIXES, SoundJob, prepare, sounds_parser
from dataset_preparation.usual_places import KnownArchive
from videosync.errors import ManifestError

EXPECTED = "folders like '001 - Dog bark' with files like 1-100032-A.ogg"
ARCHIVE = KnownArchive("raw/esc10", "esc10", ("[0-9][0-9][0-9] - *",))
_CLASS = re.compile(r"\d+ - (.+)")
_FILE = re.compile(r"(\d+)-.+")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    return run_script(sounds_parser("esc10_process.py", __doc__, ARCHIVE), argv, run)


def run(args: argparse.Namespace) -> int:
    require_folder(args.data_root, EXPECTED)
    jobs: list[SoundJob] = []
    dropped: list[Dropped] = []
    for folder in sorted(path for path in args.data_root.iterdir() if path.is_dir()):
        label = _CLASS.fullmatch(folder.name)
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SOUND_SUFFIXES) if label else []
        for file in files:
            fold = _FILE.fullmatch(file.stem)
            if label and fold:
                jobs.append(SoundJob(str(file), file.name, int(fold[1]), label[1]))
            elif not file.name.startswith("."):
                why = "its name begins with no fold; expected a name like 1-100032-A.ogg"
                dropped.append(Dropped("", f"{folder.name}/{file.name}", "other file", why))
    if not jobs:
        there = ", ".join(sorted(path.name for path in args.data_root.iterdir())[:5]) or "nothing"
        raise ManifestError(f"--data_root {args.data_root} holds {there}; expected {EXPECTED}")
    return prepare(args, jobs, dropped, {"classes": len({job.label for job in jobs}), "files": len(jobs)})


if __name__ == "__main__":
    sys.exit(main())
