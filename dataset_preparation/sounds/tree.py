"""Files of sound with a class and a fold, made into the tree of ESC-50 (videosync/data/labelled_sounds.py).

::

    OUT/audio/<filename>        the file as it is, once it has been decoded to its end
    OUT/meta/sounds.csv         filename,fold,category
    OUT/report.json             what was used and dropped, and why
"""

from __future__ import annotations

import csv
import io
import shutil
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dataset_preparation.arguments import PreparationParser, preparation_parser
from dataset_preparation.clips.dataset import REPORT_NAME, Dropped, dropped_of, print_dropped
from dataset_preparation.usual_places import KnownArchive
from videosync.audio.read import decoder_version, probe_sound, read_sound
from videosync.data.labelled_sounds import AUDIO, COLUMNS, META, read_labelled_sounds
from videosync.errors import ManifestError
from videosync.files import write_json, write_text
from videosync.jobs.job import Clip, Outcome
from videosync.jobs.workers import run_jobs

SOUND_SUFFIXES = (".wav", ".ogg", ".flac", ".mp3", ".m4a")
TABLE = f"{META}/sounds.csv"


@dataclass(frozen=True, slots=True)
class SoundJob:
    """A file that is decoded once and copied."""

    path: str  # absolute
    filename: str  # relative to the folder audio/
    fold: int
    label: str

    @property
    def name(self) -> str:
        return self.filename

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.path,)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"{AUDIO}/{self.filename}",)


def sounds_parser(prog: str, description: str, archive: KnownArchive) -> PreparationParser:
    """The flags of all preparation scripts, but those of pictures."""
    return preparation_parser(prog, description, archives=[archive], size=None, unit="files of each class in each fold")


def prepare(args: Namespace, jobs: Sequence[SoundJob], dropped: Sequence[Dropped], found: Mapping[str, int]) -> int:
    """Copy the files and write the table and the report; returns the exit code.

    Raises:
        ManifestError: nothing could be used, or files of one fold only.
    """
    taken: Counter[tuple[int, str]] = Counter()
    chosen = []
    for job in sorted(jobs, key=lambda job: job.filename):
        taken[job.fold, job.label] += 1
        if not args.limit or taken[job.fold, job.label] <= args.limit:
            chosen.append(job)
    for name, count in found.items():
        print(f"found  {count} {name}")
    if args.dry_run:
        print_counts(_counts(chosen))
        print_dropped(_dropped(dropped))
        return 0
    args.output_dir.mkdir(parents=True, exist_ok=True)
    outcomes = run_jobs(
        copy_sound,
        chosen,
        output_dir=args.output_dir,
        settings={},
        workers=args.workers,
        cluster=args.cluster,
        label="sounds",
        manifests=(TABLE,),
    )
    lost = [entry for job in chosen for entry in dropped_of(outcomes[job.name], job.label, job.filename)]
    used = [job for job in chosen if outcomes[job.name].clips]
    report = {
        "data_root": str(args.data_root),
        "settings": {"limit": args.limit},
        "folds": _counts(used),
        **_dropped([*dropped, *lost]),
        "found": dict(found),
        "decoder": decoder_version(),
    }
    write_json(args.output_dir / REPORT_NAME, report)
    print_counts(report["folds"])
    print_dropped(report)
    if not used:
        raise ManifestError(f"nothing in {args.data_root} could be used; {args.output_dir / REPORT_NAME} says why")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((job.filename, job.fold, job.label) for job in used)
    write_text(args.output_dir / TABLE, text.getvalue())
    read_labelled_sounds(args.output_dir)
    print(f"wrote {args.output_dir / TABLE}")
    return 0


def copy_sound(job: SoundJob, folder: Path) -> Outcome:
    """Decode a file to its end and copy it as it is. Raises AudioError: it cannot be decoded."""
    info = probe_sound(job.path)
    count = len(read_sound(job.path, rate=info.rate))
    target = folder / job.outputs[0]
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(job.path, target)
    return Outcome((Clip(job.outputs[0], job.path, 0, count, float(info.rate)),), (), count)


def print_counts(folds: Mapping[str, Mapping[str, int]]) -> None:
    """A row for each fold."""
    for fold, counts in folds.items():
        print(f"fold {fold}: {counts['files']} files of {counts['classes']} classes")


def _counts(jobs: Sequence[SoundJob]) -> dict[str, dict[str, int]]:
    folds = sorted({job.fold for job in jobs})
    chosen = {fold: [job.label for job in jobs if job.fold == fold] for fold in folds}
    return {str(fold): {"files": len(labels), "classes": len(set(labels))} for fold, labels in chosen.items()}


def _dropped(dropped: Sequence[Dropped]) -> dict[str, Any]:
    listed = sorted(dropped, key=lambda entry: (entry.kind, entry.event, entry.what))
    kinds = dict(sorted(Counter(entry.kind for entry in dropped).items()))
    return {"dropped_kinds": kinds, "dropped": [asdict(entry) for entry in listed]}
