"""Videos with a class, and official splits of them: each video becomes one clip, each split a folder with a manifest.

::

    OUT/clips/<class>/<name>.mp4
    OUT/fold1/manifest.jsonl, sources.jsonl, report.json      "video": "../clips/<class>/<name>.mp4"
    OUT/fold2/…
"""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from dataset_preparation.arguments import require_folder
from dataset_preparation.clips.dataset import Dropped, finish
from dataset_preparation.whole.options import open_reader, print_found, print_plan, settings_of
from dataset_preparation.whole.read import Needs
from dataset_preparation.whole.unreadable import UNREADABLE_NAME
from dataset_preparation.whole.video import VIDEO_SUFFIXES, video_files
from videosync.data.samples import MANIFEST_NAME, Sample, View
from videosync.errors import ManifestError
from videosync.files import read_text

TRAIN, TEST = "train", "test"
UNIT = "videos of each class in each split"  # that --limit counts


@dataclass(frozen=True)
class ActionVideo:
    """A file that may become a clip."""

    path: str  # relative to the archive's folder, with /
    label: str  # its class
    event: str  # what it shares with other cuts of the same recording

    @property
    def clip(self) -> str:
        return f"clips/{self.label}/{PurePosixPath(self.path).stem}.mp4"


@dataclass(frozen=True)
class Fold:
    """One official split."""

    name: str  # "fold1"
    splits: Mapping[str, str]  # path of a video → TRAIN or TEST
    events: Mapping[str, str] = field(default_factory=dict)  # path → event, where it is another one in this fold
    found: Mapping[str, int] = field(default_factory=dict)  # for report.json


def prepare(
    args: Namespace,
    *,
    places: Sequence[str],
    expected: str,
    event: Callable[[str, str], str],
    read_fold: Callable[[Path, int, Listed], Fold],
) -> int:
    """Make the clips that any of the three folds has, then the folds; returns the exit code.

    ``--limit`` counts videos of each class, split and fold.

    Args:
        places: where class folders may be, as :func:`class_folders` takes them. expected: what the archive holds.
        event: (class, name without suffix) of a video → what it shares with other cuts of the same recording.
        read_fold: (folder of the archive, 1 … 3, its files) → the official split.

    Raises:
        VideoSyncError: there is no such folder.
        ManifestError: there are no class folders, a list of a split is missing or damaged, or a fold has nothing that
            could be used, or an event in both splits.
    """
    require_folder(args.data_root, expected)
    dropped: list[Dropped] = []
    videos = find_videos(args.data_root, class_folders(args.data_root, places, expected), event, dropped)
    files = Listed(videos)
    folds = [read_fold(args.data_root, number, files) for number in (1, 2, 3)]
    dropped += files.dropped
    listed = [video for video in videos if any(video.path in fold.splits for fold in folds)]
    found = {
        "classes": len({video.label for video in videos}),
        "files": len(videos),
        "files in no split": len(videos) - len(listed),
    }
    if args.limit:
        listed = _first_of_each_class(listed, folds, args.limit)
    reader = open_reader(
        args, Needs(frames=1, seconds=args.min_seconds), manifests=[f"{fold.name}/{MANIFEST_NAME}" for fold in folds]
    )
    settings, paths = settings_of(args, reader), {video.path for video in videos}
    print_found(found, reader, paths)
    if args.dry_run:
        for fold in folds:
            counts = {split: sum(fold.splits.get(v.path) == split for v in listed) for split in (TRAIN, TEST)}
            print(f"{fold.name}: {', '.join(f'{count} {split}' for split, count in counts.items())}")
        print_plan(reader, listed, dropped)
        return 0
    args.output_dir.mkdir(parents=True, exist_ok=True)
    clips = reader.read(listed, label="videos")
    print(f"{args.output_dir / UNREADABLE_NAME} lists {len(reader.listed.entries)} files")
    for fold in folds:
        chosen = [video for video in listed if video.path in fold.splits]
        used = [video for video in chosen if video.clip in clips]
        moved = {v.clip: replace(clips[v.clip], clip=f"../{v.clip}") for v in used}
        print(f"\n{fold.name}")
        finish(
            args.output_dir / fold.name,
            data_root=args.data_root,
            samples=[
                Sample(
                    fold.events.get(video.path, video.event),
                    fold.splits[video.path],
                    (View(clip.clip, 0, clip.num_frames, clip.fps),),
                    video.label,
                )
                for video in used
                for clip in (moved[video.clip],)
            ],
            clips=moved.values(),
            dropped=[*dropped, *reader.dropped([v for v in chosen if v.clip not in clips])],
            settings=settings,
            found={**found, **fold.found},
        )
    return 0


def class_folders(data_root: Path, places: Sequence[str], expected: str) -> str:
    """The folder of ``data_root`` that holds a folder of videos for each class: one of ``places`` ("." is itself).

    Raises:
        ManifestError: there is none; ``expected`` says what was looked for.
    """
    for place in places:
        folder = data_root / place
        if folder.is_dir() and any(
            file.suffix.lower() in VIDEO_SUFFIXES
            for inside in folder.iterdir()
            if inside.is_dir()
            for file in inside.iterdir()
        ):
            return place
    packed = sorted(p.name for p in data_root.iterdir() if p.suffix in (".rar", ".zip", ".gz"))
    found = ", ".join(sorted(p.name for p in data_root.iterdir())[:5]) or "nothing"
    remedy = f"{packed[0]} is still packed: unpack it" if packed else f"it holds {found}"
    raise ManifestError(f"--data_root {data_root} has no class folders with videos ({remedy}); expected {expected}")


def find_videos(
    data_root: Path, place: str, event: Callable[[str, str], str], dropped: list[Dropped]
) -> list[ActionVideo]:
    """The videos of the class folders in ``place``, sorted; ``event(class, name)`` says what each belongs to."""
    paths = sorted(video_files(data_root, place, dropped, Counter()))
    split = [(path, PurePosixPath(path)) for path in paths]
    inside = len(PurePosixPath(place).parts) + 1
    return [
        ActionVideo(path, pure.parent.name, event(pure.parent.name, pure.stem))
        for path, pure in split
        if len(pure.parts) > inside
    ]


def read_lines(file: Path) -> list[tuple[str, list[str]]]:
    """(file and line, words) of each line of a list that is not empty.

    Raises:
        ManifestError: the file is not there, or is no text.
    """
    try:
        lines = read_text(file).splitlines()
    except OSError as error:
        raise ManifestError(f"{file}: cannot be read ({error.strerror}); all lists of the splits are needed") from error
    except ValueError as error:
        raise ManifestError(f"{file}: {error}, or download it again") from error
    return [(f"{file}:{number}", line.split()) for number, line in enumerate(lines, start=1) if line.strip()]


class Listed:
    """Files by what lists call them: ``class/name.avi``, in any case of letters."""

    def __init__(self, videos: Sequence[ActionVideo]) -> None:
        self.videos = videos
        self._paths = {_key(f"{video.label}/{PurePosixPath(video.path).name}"): video.path for video in videos}
        self.dropped: list[Dropped] = []  # listed files that are not there, each once
        self._missing: set[str] = set()

    def find(self, row: str, where: str) -> str | None:
        """The path of the file that a row names, or None (and ``dropped`` has it)."""
        path = self._paths.get(_key(row))
        if path is None and row not in self._missing:
            self._missing.add(row)
            why = f"{where} lists it, but there is no such file; unpack or copy it again"
            self.dropped.append(Dropped(PurePosixPath(row).stem, row, "no file", why))
        return path


def _key(name: str) -> str:
    return name.lower()


def _first_of_each_class(videos: Sequence[ActionVideo], folds: Sequence[Fold], limit: int) -> list[ActionVideo]:
    taken: Counter[tuple[str, str, str]] = Counter()
    chosen = []
    for video in videos:
        keys = [(fold.name, fold.splits[video.path], video.label) for fold in folds if video.path in fold.splits]
        if any(taken[key] < limit for key in keys):
            chosen.append(video)
            taken.update(keys)
    return chosen
