"""Turn the part of Kinetics-400 whose actions are heard (Kinetics-Sound) into clips with sound and a manifest.

    python dataset_preparation/kinetics_sound_process.py

Expected in --data_root: Kinetics-400 as kinetics400_process.py expects it, or the part of it that holds these classes.
Files without sound, and those with less than --min_seconds of pictures or of sound, are left out; report.json names
each of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

if __package__ in (None, ""):  # run as a file: make the repository's packages importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dataset_preparation.arguments import run_script
from dataset_preparation.kinetics400.classes import KINETICS_SOUND
from dataset_preparation.kinetics400_process import ARCHIVE, kinetics_parser, run
from dataset_preparation.usual_places import KnownArchive
from dataset_preparation.whole.options import LIMITS


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 2 when the input is wrong or nothing of it could be used."""
    parser = kinetics_parser(
        "kinetics_sound_process.py",
        __doc__,
        KnownArchive(ARCHIVE.raw, "kinetics_sound", ARCHIVE.marks),
        size=256,
        classes=f"the {len(KINETICS_SOUND)} of Kinetics-Sound",
        min_seconds=2.0,
        need_sound=True,
    )
    return run_script(parser, argv, partial(run, classes=KINETICS_SOUND), limits=LIMITS)


if __name__ == "__main__":
    sys.exit(main())
