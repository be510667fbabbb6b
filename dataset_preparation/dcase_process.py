"""Turn DCASE 2013's acoustic scenes (10 classes) into files with folds, in the tree of ESC-50.

    python dataset_preparation/dcase_process.py

Expected in --data_root, as the two archives of the challenge unpack:

    scenes_stereo/bus01.wav … tubestation10.wav                the public set (development): fold 2
    scenes_stereo_testset/bus01.wav … tubestation10.wav        the private set (evaluation): fold 1

Either may lie in a folder of its own name, once more. The class is the name without its number. The published
evaluation trains on the public set and tests on the private one: that is fold 1 for testing.

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

SETS = {"scenes_stereo_testset": ("private", 1), "scenes_stereo": ("public", 2)}
SCENES = ("bus", "busystreet", "office", "openairmarket", "park", "quietstreet", "restaurant", "supermarket", "tube",
          "tubestation")  # fmt: skip
ARCHIVE = KnownArchive("raw/dcase2013", "dcase", tuple(SETS))


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    return run_script(sounds_parser("dcase_process.py", __doc__, ARCHIVE), argv, run)


def run(args: argparse.Namespace) -> int:
    require_folder(args.data_root, f"{' and '.join(SETS)}")
    jobs: list[SoundJob] = []
    dropped: list[Dropped] = []
    found = {}
    for folder, (name, fold) in SETS.items():
        files = _files(args.data_root, folder)
        found[f"files in {folder}"] = len(files)
        for file in files:
            match = re.fullmatch(r"([a-z]+)\d+", file.stem.lower())
            if match and match[1] in SCENES:
                jobs.append(SoundJob(str(file), f"{name}/{file.name}", fold, match[1]))
            else:
                why = f"its name is no scene with a number; the scenes are {', '.join(SCENES)}"
                dropped.append(Dropped("", f"{folder}/{file.name}", "other file", why))
    return prepare(args, jobs, dropped, found)


def _files(root: Path, folder: str) -> list[Path]:
    """The files of one of the two sets. Raises ManifestError: there are none."""
    places = [root / folder, root / folder / folder]
    for place in places:
        files = [p for p in place.iterdir() if p.suffix.lower() in SOUND_SUFFIXES] if place.is_dir() else []
        if files:
            return sorted(p for p in files if not p.name.startswith("."))
    there = ", ".join(sorted(p.name for p in root.iterdir())[:5]) or "nothing"
    raise ManifestError(
        f"--data_root {root} has no {folder}/ with files like bus01.wav (it holds {there}); the evaluation needs both "
        f"sets: unpack {folder}.zip there"
    )


if __name__ == "__main__":
    sys.exit(main())
