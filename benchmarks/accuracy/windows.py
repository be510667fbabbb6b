"""The windows that every method is asked about: equal length, true offsets uniform around 0, seeded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np

from videosync.data.clock import common_frames, similar_rates
from videosync.data.manifest import MANIFEST_NAME, Manifest, Sample, View, read_manifest
from videosync.data.pairs import feasible_offsets, sync_pairs
from videosync.data.samples import quoted, view_names
from videosync.errors import ConfigError, ManifestError, did_you_mean
from videosync.types import SyncPair, Window
from videosync.video.packet_sizes import read_packets

FIT_SHARE = 0.6  # of a clip that a window of "fitN" takes where N frames and the offsets do not fit
SMALLEST_SEARCH = 3  # frames; with fewer lags to choose from a right answer says nothing
NUMBERED = re.compile(r"[_-]?\d+$")


@dataclass(frozen=True)
class Trial:
    """One question: how far apart are these two windows?"""

    group: str  # set
    length: str  # as asked for: "240", "fit240", "native"
    unit: str  # the pair of views; windows of one pair are not independent, so the bootstrap draws units
    pair: SyncPair
    search: int  # the offset was drawn from -search … search, and methods look there
    control: str = ""  # in one of ``controls.CONTROLS`` there is nothing to be found,
    target: int | None = None  # but perhaps an offset at which keyframes coincide,
    period: int = 1  # which they do again after so many frames


@dataclass(frozen=True)
class LeftOut:
    """A pair of views without windows of one length, and why."""

    group: str
    length: str
    pair: str
    reason: str


@dataclass(frozen=True)
class Length:
    """How long windows are.

    ``"N"``: N frames; clips without room for the whole range of offsets are left out. ``"fitN"``: N frames where
    the clips have room, else 60 % of what both show, with the offsets that leaves. ``"native"``: two thirds of what
    both show with offsets of up to half a window, the widest range that a clip allows in equal windows.
    """

    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"native|(fit)?[1-9]\d*", self.name):
            close = "." + did_you_mean(self.name, ["native", "fit240"])
            raise ConfigError(
                f"--length {self.name}: expected a number of frames, 'fit' and a number, or 'native'{close}"
            )

    def window(self, view0: View, view1: View, max_offset: int, longest: int) -> tuple[int, int]:
        """(frames of both windows, largest offset). Raises ManifestError that says why there is none."""
        common = min(common_frames(view0, view1), common_frames(view1, view0))
        if common < 2:
            raise ManifestError("the clips have no moment in common")
        if self.name == "native":
            frames = min(2 * common // 3, longest)
            return frames, _search(view0, view1, frames, frames // 2)
        wanted = int(self.name.removeprefix("fit"))
        if max_offset < wanted and _search(view0, view1, wanted, max_offset, smallest=0) == max_offset:
            return wanted, max_offset
        if self.name.startswith("fit"):
            frames = min(wanted, int(FIT_SHARE * common))
            return frames, _search(view0, view1, frames, min(max_offset, frames // 2))
        shortest = min(view0.num_frames, view1.num_frames)
        raise ManifestError(f"{shortest} frames leave no room for {wanted} and offsets up to {max_offset}")


def keyframe_marks(window: Window) -> np.ndarray:
    """1 where the codec stores a whole picture, else 0, [T]: read from the file's packets, nothing is decoded.

    The first frame of a window is left out: what flashes at a keyframe is its difference from the frame before.
    """
    marks = _keyframes(window.video)[window.start : window.start + window.num_frames].astype(float)
    marks[0] = 0
    return marks


@cache
def _keyframes(video: str) -> np.ndarray:
    return read_packets(video).keyframes


def _search(view0: View, view1: View, frames: int, wanted: int, *, smallest: int = SMALLEST_SEARCH) -> int:
    """The largest K up to ``wanted`` for which all of -K … K can be cut."""
    found = feasible_offsets(view0, view1, frames, wanted) if frames > 0 else None
    search = min(-found[0], found[1]) if found else 0
    if search < smallest:
        raise ManifestError(f"offsets up to {max(search, 0)} frames are too few to choose from")
    return search


def read_data(paths: Iterable[Path]) -> list[Manifest]:
    """The manifests of dataset folders (or of manifest files). Raises ManifestError."""
    return [read_manifest(path.parent if path.name == MANIFEST_NAME else path) for path in paths]


def group_samples(manifests: Sequence[Manifest], split: str | None) -> dict[str, list[tuple[Manifest, Sample]]]:
    """Samples with two views or more by set.

    A set is a folder's events whose names differ in their last number only: made, or filmed, in one way. It takes its
    name from the events, or from the folder where that holds nothing else; where two would have one name, from both.

    Raises:
        ManifestError: no manifest has such a split, or two views of anything.
    """
    groups: dict[tuple[str, str], list[tuple[Manifest, Sample]]] = {}
    for manifest in manifests:
        alike = Counter(NUMBERED.sub("", event) for event in {sample.event for sample in manifest.samples})
        for sample in manifest.samples:
            if split in (None, sample.split) and len(sample.views) > 1:
                stem = NUMBERED.sub("", sample.event)
                stem = stem if stem and alike[stem] > 1 else sample.event  # alone: the number is part of its name
                groups.setdefault((manifest.root.name, stem), []).append((manifest, sample))
    if not groups:
        splits = dict.fromkeys(name for manifest in manifests for name in manifest.splits)
        close = "." + did_you_mean(split or "", splits)
        wanted = f" of split '{split}' (there are {quoted(splits)}){close}" if split else ""
        folders = ", ".join(str(manifest.root) for manifest in manifests)
        raise ManifestError(f"{folders}: no sample{wanted} has two views; offsets need two cameras of one event")
    folders_of = [folder for folder, _ in groups]
    stems = [stem for _, stem in groups]

    def name(folder: str, stem: str) -> str:
        events = {sample.event for _, sample in groups[folder, stem]}
        if len(events) > 1 and folders_of.count(folder) == 1:
            return folder
        return stem if stems.count(stem) == 1 else f"{folder}/{stem}"

    return {name(folder, stem): members for (folder, stem), members in groups.items()}


def draw_trials(
    groups: dict[str, list[tuple[Manifest, Sample]]],
    lengths: Sequence[Length],
    *,
    max_offset: int,
    windows: int,
    seed: int,
    longest: int,
) -> tuple[list[Trial], list[LeftOut]]:
    """Windows of every pair of views at every length, and the pairs that have none.

    The draws are those of :func:`videosync.data.pairs.sync_pairs` ("random"): they depend on the seed, the files and
    the number of the window, and on nothing else that is measured with them.

    Args:
        windows: a pair of views.
        longest: frames; native windows are cut to it.

    Raises:
        ConfigError: numbers that make no windows.  ManifestError: no pair of views has any.
    """
    if windows < 1 or max_offset < SMALLEST_SEARCH or longest < 2 * SMALLEST_SEARCH:
        raise ConfigError(
            f"--windows {windows} --max_offset {max_offset} --longest {longest}: a benchmark needs 1 window or more, "
            f"offsets of at least {SMALLEST_SEARCH} frames, and windows of {2 * SMALLEST_SEARCH} or more"
        )
    trials: list[Trial] = []
    left_out: list[LeftOut] = []
    for group, members in groups.items():
        pairs_of_views = [(m, sample, *two) for m, sample in members for two in combinations(sample.views, 2)]
        for manifest, sample, view0, view1 in pairs_of_views:
            name = f"{sample.event}/{'-'.join(view_names((view0, view1)))}"
            for length in lengths:
                try:
                    if not similar_rates(view0, view1):
                        raise ManifestError(f"{view0.fps:g} and {view1.fps:g} frames/s")
                    frames, search = length.window(view0, view1, max_offset, longest)
                    alone = Sample(sample.event, sample.split, (view0, view1))
                    pairs = sync_pairs(
                        Manifest(manifest.root, (alone,)), sample.split, num_frames=frames, max_offset=search,
                        placement="random", windows=windows, seed=seed,
                    )  # fmt: skip
                except ManifestError as error:
                    left_out.append(LeftOut(group, length.name, name, str(error)))
                    continue
                unit = f"{manifest.root.name}/{name}"
                trials += [Trial(group, length.name, unit, pair, search) for pair in pairs]
    if not trials:
        first = left_out[0]
        raise ManifestError(
            f"no pair of views has windows of any length ({first.pair}: {first.reason}); lower --length or --max_offset"
        )
    return trials, left_out
