"""What is recognised: files with a class, in folds with a train and a test part. NumPy only.

Files of one source recording or event are not independent: they form a *group*, are held out together, and are drawn
together where intervals are made.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videosync.data.labelled_sounds import LabelledSound
from videosync.data.samples import Manifest
from videosync.errors import ManifestError

_ESC_NAME = re.compile(r"\d-(\d+)-[A-Z]")  # fold-source-take, as ESC-50 and ESC-10 name files


@dataclass(frozen=True)
class Item:
    """One file and its class."""

    path: Path
    label: str
    group: str
    pictures: bool = False  # a video, not sound alone


@dataclass(frozen=True)
class Fold:
    """One way to part a data set."""

    name: str
    train: tuple[Item, ...]
    test: tuple[Item, ...]


def sound_folds(sounds: Sequence[LabelledSound], wanted: Sequence[int], *, where: Path) -> list[Fold]:
    """The folds ``wanted`` (none: all): one is tested, the others are trained on.

    Raises ManifestError: there is no such fold, or no other one to train on.
    """
    items = {sound: Item(sound.path, sound.label, source_of(sound.path)) for sound in sounds}
    there = sorted({sound.fold for sound in sounds})
    if missing := sorted(set(wanted) - set(there)):
        raise ManifestError(f"{where}: eval.folds names fold {missing[0]}, but there are {_words(there)}")
    if len(there) < 2:
        raise ManifestError(f"{where}: all files are in fold {there[0]}, so there is nothing to train on; use two")
    folds = []
    for number in wanted or there:
        train = tuple(item for sound, item in items.items() if sound.fold != number)
        folds.append(Fold(str(number), train, tuple(item for sound, item in items.items() if sound.fold == number)))
    return folds


def source_of(path: Path) -> str:
    """The recording that a sound was cut from, by ESC-50's names; else the file itself, with its folder."""
    found = _ESC_NAME.match(path.name)
    return found[1] if found else short_name(path)


def short_name(path: Path) -> str:
    """The file and its folder: data sets have the same names in several."""
    return "/".join(path.parts[-2:])


def video_fold(manifest: Manifest, name: str, *, train: str, test: str) -> Fold:
    """Two splits of a manifest with labels; each file of a sample counts by itself.

    Raises ManifestError: there is no such split, or a sample has no label.
    """
    return Fold(name, _video_items(manifest, train), _video_items(manifest, test))


def _video_items(manifest: Manifest, split: str) -> tuple[Item, ...]:
    items = []
    for sample in manifest.of_split(split):
        if sample.label is None:
            raise ManifestError(
                f"{manifest.root}: sample '{sample.event}' of split '{split}' has no label, which recognition needs; "
                'add "label" to each line of the manifest'
            )
        for view in sample.views:
            items.append(Item(manifest.path(view), sample.label, sample.event, pictures=True))
    return tuple(items)


def check_fold(fold: Fold, *, where: Path) -> list[str]:
    """Notes about a fold that can be used. Raises ManifestError: a class that is tested has nothing to train on."""
    train, test = Counter(item.label for item in fold.train), Counter(item.label for item in fold.test)
    if unseen := sorted(set(test) - set(train)):
        more = f" (and {len(unseen) - 1} more)" if len(unseen) > 1 else ""
        raise ManifestError(
            f"{where}, fold {fold.name}: class '{unseen[0]}'{more} has files to test ({test[unseen[0]]}) but none to "
            "train on; add some, or take the class out of the test files"
        )
    if len(train) < 2:
        raise ManifestError(f"{where}, fold {fold.name}: all files are of class '{next(iter(train))}'; two are needed")
    shared = {item.group for item in fold.train} & {item.group for item in fold.test}
    if not shared:
        return []
    return [f"fold {fold.name}: {len(shared)} of the sources of its test files are in its train files too"]


def hold_out(items: Sequence[Item], *, share: float, seed: int) -> np.ndarray:
    """Which of ``items`` are held out: bool ``[N]``; whole groups, about ``share`` of those of each class.

    No class is held out whole: of one that has a single group, nothing is.
    """
    rng = np.random.default_rng(seed)
    by_class: dict[str, list[str]] = {}
    for group, label in dict.fromkeys((item.group, item.label) for item in items):
        by_class.setdefault(label, []).append(group)
    held: set[str] = set()
    for label in sorted(by_class):
        groups = rng.permutation(sorted(by_class[label])).tolist()
        count = min(max(1, round(share * len(groups))), len(groups) - 1)
        free = [group for group in groups if group not in held]  # a group may have files of several classes
        held.update(free[: max(0, count - (len(groups) - len(free)))])
    found = np.array([item.group in held for item in items])
    left = {item.label for item, out in zip(items, found) if not out}
    return found & np.array([item.label in left for item in items])


def class_numbers(items: Iterable[Item], classes: Sequence[str]) -> np.ndarray:
    """The place of each item's class in ``classes`` (sorted): int64 ``[N]``."""
    return np.searchsorted(np.asarray(classes), [item.label for item in items])


def classes_of(items: Iterable[Item]) -> list[str]:
    return sorted({item.label for item in items})


def floor_share(train: Sequence[Item], test: Sequence[Item]) -> float:
    """The share of the test files that the commonest class of the train files names rightly."""
    largest = Counter(item.label for item in train).most_common(1)[0][0]
    return float(np.mean([item.label == largest for item in test]))


def _words(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
