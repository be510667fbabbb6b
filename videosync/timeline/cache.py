"""Signals of files, kept on disk, so that a second question about the same files need not decode them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from videosync.data.identity import code_hash, content_hash, file_stamp
from videosync.errors import VideoWriteError
from videosync.files import new_file
from videosync.foreign import read_npz
from videosync.signals.measure import Meter
from videosync.timeline.clips import Clip, ClipInfo, Progress, frames_at, read_clips

OWN = ("clips", "clock_steps", "grid")
# the code that decides what signals are
MEASURING = ("signals", "audio", "video", "models", *(f"timeline/{name}.py" for name in OWN))
NAME = 40  # letters of a file's name that its entry has


class SignalCache:
    """A folder of signals: one file for each video, rate and way to measure it.

    An entry is known by the video's path, size and time of change (``videosync.data.identity``), the channels, the
    encoder's weights, the code that measures and the libraries that decode. It is complete or absent; one that is
    damaged is measured anew. Of videos with frames that cannot be decoded nothing is kept. Nothing is ever deleted: the
    folder may be, at any time.

    Args:
        folder: made when the first entry is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []  # what the user should know of damaged entries, and of those that cannot be kept

    def clips(
        self, info: ClipInfo, rates: Collection[float], meters: Sequence[Meter], progress: Progress | None = None
    ) -> dict[float, Clip]:
        """``read_clips``, of what is kept where it is kept. Raises VideoError: a frame cannot be decoded."""
        entries = {rate: self.entry(info, rate, meters) for rate in rates}
        kept = {rate: found for rate, path in entries.items() if (found := self._kept(path, info, rate, meters))}
        if len(kept) == len(entries):
            if progress is not None:
                progress(len(info.times), len(info.times))
            return kept
        clips = read_clips(info, rates, meters, progress)
        # of a damaged file less was measured than was asked for: it is read, and its damage said, each time
        for rate in [rate for rate in entries.keys() - kept.keys() if clips[rate].info is info]:
            try:
                with new_file(entries[rate]) as building, building.open("wb") as file:
                    np.savez(file, allow_pickle=False, **clips[rate].signals)
            except VideoWriteError as error:
                self.notes.append(f"signals of {info.path} are not kept: {error}")
        return clips

    def has(
        self, infos: Mapping[int, ClipInfo], grids: Mapping[tuple[int, int], float], meters: Sequence[Meter]
    ) -> bool:
        """Whether signals of all files are kept, at the rates of their pairs."""
        wanted = {(number, rate) for pair, rate in grids.items() for number in pair}
        return all(self.entry(infos[number], rate, meters).is_file() for number, rate in wanted)

    def entry(self, info: ClipInfo, rate: float, meters: Sequence[Meter]) -> Path:
        """The file of a video's signals at ``rate`` frames/s."""
        path = Path(info.path).resolve()
        made: dict[str, Any] = {
            "file": [str(path), file_stamp(path)],
            "rate": float(rate),
            "frames": [info.first, len(info.times), float(info.times[0])],  # a stretch of the file, or all of it
            "meters": [[sorted(meter.reach), _weights(meter)] for meter in meters],
            "code": [code_hash(*MEASURING), av.__version__, cv2.__version__, np.__version__],
        }
        return self.folder / f"{path.stem[:NAME]}_{content_hash(made)}.npz"

    def _kept(self, path: Path, info: ClipInfo, rate: float, meters: Sequence[Meter]) -> Clip | None:
        if not path.is_file():
            return None
        try:
            signals = read_npz(path)
            if not {name for meter in meters for name in meter.reach} <= signals.keys():
                raise ValueError("signals are missing")
            if any(signal.ndim != 2 or len(signal) != frames_at(info, rate) for signal in signals.values()):
                raise ValueError("its signals are not as long as the video")
        except (OSError, ValueError) as error:
            self.notes.append(f"{path}: damaged ({error}); {info.path} is measured anew")
            return None
        return Clip(info, rate, signals)


def _weights(meter: Meter) -> str:
    """Identity of the network that a meter looks through; "" for none."""
    return str(getattr(getattr(meter, "encoder", None), "weights_hash", ""))
