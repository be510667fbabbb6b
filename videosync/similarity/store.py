"""Similarity sets on disk: complete or absent, memory-mapped, written by all ranks.

A set ``{prefix}`` has per split three files in one folder::

    {prefix}_{split}_matrices.npy   float32 [N, 2, T, T]: [n, 0] similarity(video 0, video 1), [n, 1] swapped;
                                    pairs shorter than T frames lie in the top left corner, with zeros around
    {prefix}_{split}_labels.npy     int64 [N] true offsets k in frames
    {prefix}_{split}.json           what the matrices are; written last, so that a set with it is complete

While a set is being made its arrays carry hidden ``.partial`` names, with notes of the rows that are written beside
them (``similarity/rows.py``); a set of the same name that is already there stays whole until the new one is.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from videosync.errors import CheckpointError, did_you_mean
from videosync.files import new_file, put_in_place, read_object, write_json
from videosync.foreign import read_npy, said
from videosync.similarity.intact import changed_rows, misfit
from videosync.similarity.rows import WrittenRows, forget, take_over
from videosync.types import MatrixPairs
from videosync.version import __version__

T = TypeVar("T")
_NEEDED = ("num_pairs", "size", "labels_crc32", "events", "pair_ids", "fps", "max_offset")  # in the header
FORMAT = 1
REQUIRED_HEADER = ("temperature", "metric", "encoder", "encoder_hash", "config")


def _alone(item: Any) -> list[Any]:
    return [item]


class SimilaritySetWriter:
    """Writes one split of a similarity set; every rank writes its own pairs into one preallocated file.

    Args:
        folder: where the set goes, on a file system that all ranks share; created if absent.
        prefix: name of the set. split: "train", "val", ...
        size: T, room for matrices up to T x T.
        lengths: frames of either window of each pair, up to T.
        pair_ids: N unique ids; the order of the set. events, offsets (k, frames), fps: N each.
        max_offset: K; offsets lie in -K ... K.
        header: further facts; must hold ``temperature, metric, encoder, encoder_hash, config``.
        rank: this process's rank; rank 0 creates, checks and renames.
        gather: ``gather(item) -> [item of every rank]``, on every rank (``Distributed.gather``).
        go_on: keep the rows that a killed job with the same arguments wrote; ``done`` has them.

    Raises:
        CheckpointError: no pairs, offsets beyond K, or the folder cannot be written.
        ValueError: lists of different lengths, repeated ids, missing header keys.
    """

    def __init__(
        self,
        folder: str | Path,
        prefix: str,
        split: str,
        *,
        size: int,
        lengths: Sequence[int],
        pair_ids: Sequence[str],
        events: Sequence[str],
        offsets: Sequence[int],
        fps: Sequence[float],
        max_offset: int,
        header: Mapping[str, Any],
        rank: int = 0,
        gather: Callable[[Any], list[Any]] = _alone,
        go_on: bool = False,
    ) -> None:
        counts, distinct = [len(values) for values in (pair_ids, events, offsets, fps)], len(set(pair_ids))
        if {*counts, distinct} != {distinct}:
            raise ValueError(
                "pair_ids, events, offsets and fps must have one length and the ids must be unique; got lengths "
                f"{', '.join(map(str, counts))} and {distinct} distinct ids"
            )
        if absent := [key for key in REQUIRED_HEADER if key not in header]:
            raise ValueError(f"the header of a similarity set needs {', '.join(absent)}")
        if not pair_ids:
            raise CheckpointError(f"{folder}: split '{split}' has no pairs, so there is no set '{prefix}' to make")
        if (worst := max(abs(int(k)) for k in offsets)) > max_offset:
            raise CheckpointError(f"an offset of {worst} frames in split '{split}', beyond max_offset={max_offset}")
        if len(lengths) != len(pair_ids) or not 1 <= min(lengths) <= max(lengths) <= size:
            raise ValueError(f"expected {len(pair_ids)} lengths of 1 … {size} frames, got {list(lengths)[:5]} …")
        self._paths = _SetPaths(folder, prefix, split)
        self._labels = np.asarray(offsets, dtype=np.int64)
        self._header = {
            **header,
            "format": FORMAT,
            "prefix": prefix,
            "split": split,
            "num_pairs": len(pair_ids),
            "size": size,
            "lengths": [int(length) for length in lengths],
            "max_offset": max_offset,
            "version": __version__,
            "pair_ids": list(pair_ids),
            "events": list(events),
            "fps": [float(rate) for rate in fps],
            "labels_crc32": zlib.crc32(self._labels.tobytes()),
        }
        self._size, self._rank, self._gather = size, rank, gather
        self._checksums: dict[int, int] = {}  # row -> CRC-32, of the rows this rank wrote
        identity = hashlib.sha256(json.dumps(self._header, sort_keys=True, default=str).encode()).hexdigest()
        failed = ""
        if rank == 0:
            try:
                self._paths.folder.mkdir(parents=True, exist_ok=True)
                self._prepare(identity, go_on)
            except OSError as error:
                failed = f"{self._paths.folder}: cannot write a similarity set here ({error.strerror})"
        start, done, failed = gather((getattr(self, "_start", 0), self._checksums, failed))[0]
        if failed:
            raise CheckpointError(failed)
        self._start = start
        self.done = frozenset(done)  # rows that are there already
        self._file = os.open(self._paths.partial, os.O_RDWR)
        self._rows = WrittenRows(self._paths.partial, identity, rank)

    def _prepare(self, identity: str, go_on: bool) -> None:
        """Find the unfinished matrices of the same ``identity``, or make them."""
        partial, shape = self._paths.partial, (len(self._labels), 2, self._size, self._size)
        if go_on and partial.is_file():
            try:
                there = np.lib.format.open_memmap(partial, "r")
            except ValueError:  # killed before the header of the file was written
                there = None
            if there is not None and (there.shape, there.dtype) == (shape, np.float32):
                self._start = there.offset
                self._checksums = take_over(partial, identity, self._start, shape[0], 8 * self._size**2)
                return
        forget(partial)
        self._start = np.lib.format.open_memmap(partial, "w+", dtype=np.float32, shape=shape).offset

    def write(self, index: int, forward: np.ndarray, backward: np.ndarray) -> None:
        """Write pair ``index``: similarity(0, 1) and similarity(1, 0), float ``[lengths[index]] * 2`` each.

        Raises:
            CheckpointError: a value is NaN or infinite. ValueError: wrong shape or index, or written before.
        """
        if not 0 <= index < len(self._labels) or index in self._checksums or index in self.done:
            raise ValueError(f"pair {index} of {len(self._labels)} does not exist or was written before")
        length = self._header["lengths"][index]
        if not forward.shape == backward.shape == (length, length):
            raise ValueError(f"matrices of {forward.shape} and {backward.shape} for a pair of {length} frames")
        row = np.zeros((2, self._size, self._size), dtype=np.float32)
        row[0, :length, :length], row[1, :length, :length] = forward, backward
        if not np.isfinite(row).all():
            raise CheckpointError(
                f"pair {self._header['pair_ids'][index]}: its similarity matrix holds NaN or infinite "
                "values: the encoder's training diverged (take an earlier checkpoint), or its precision overflows"
            )
        data = row.data.cast("B")
        checksum, position = zlib.crc32(data), self._start + index * len(data)
        while data:
            written = os.pwrite(self._file, data, position)
            data, position = data[written:], position + written
        self._rows.note(index, checksum)
        self._checksums[index] = checksum

    def finish(self) -> None:
        """All ranks: check that each pair was written exactly once, then make the set visible.

        Raises:
            CheckpointError: on every rank, if pairs are missing or were written by two ranks.
        """
        os.fsync(self._file)
        os.close(self._file)
        self._rows.close()
        per_rank: list[dict[int, int]] = self._gather(self._checksums)
        checksums = {row: value for rows in per_rank for row, value in rows.items()}
        missing = len(self._labels) - len(checksums)
        repeated = sum(len(rows) for rows in per_rank) - len(checksums)
        if missing or repeated:
            raise CheckpointError(
                f"{self._paths.describe()}: of {len(self._labels)} pairs {missing} were not written and "
                f"{repeated} were written by two ranks; the set was not saved"
            )
        if self._rank == 0:
            self._header["rows_crc32"] = [checksums[row] for row in range(len(self._labels))]
            self._paths.publish(self._labels, self._header)
        self._gather(None)  # no rank goes on before the set is there


def load_similarity_set(
    folder: str | Path, prefix: str, split: str, *, whole: bool = False
) -> tuple[MatrixPairs, dict[str, Any]]:
    """Open one split of a similarity set; the matrices stay on disk (memory-mapped, read-only).

    Args:
        whole: read all matrices once, and compare them with the checksums in the header.

    Returns:
        The pairs, ``forward`` and ``backward`` float32 ``[N, T, T]``, and the header.

    Raises:
        CheckpointError: the set is absent (names the nearest existing prefix), incomplete, of another
            format, or its files do not belong together.
    """
    paths = _SetPaths(folder, prefix, split)
    if not paths.header.is_file():
        raise CheckpointError(paths.absent())
    header = paths.read(paths.header, read_object)
    matrices, labels = paths.read(paths.matrices, read_npy), np.array(paths.read(paths.labels, read_npy))
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{paths.header}: set format {header.get('format')!r}, but this version reads {FORMAT}; " + _rebuild(prefix)
        )
    if absent := [key for key in _NEEDED if key not in header]:
        raise CheckpointError(f"{paths.header}: has no {absent[0]}; {_rebuild(prefix)}")
    shape = (header["num_pairs"], 2, header["size"], header["size"])
    if matrices.shape != shape or matrices.dtype != np.float32:
        raise CheckpointError(
            f"{paths.matrices}: float32 {shape} expected from its header, found {matrices.dtype} "
            f"{matrices.shape}; {_rebuild(prefix)}"
        )
    if labels.shape != shape[:1] or zlib.crc32(labels.tobytes()) != header["labels_crc32"]:
        raise CheckpointError(f"{paths.labels}: labels are not those of {paths.header.name}; {_rebuild(prefix)}")
    try:
        pairs = MatrixPairs(
            forward=matrices[:, 0],
            backward=matrices[:, 1],
            lengths=np.asarray(header.get("lengths", [header["size"]] * header["num_pairs"]), dtype=np.int64),
            offsets=labels,
            events=tuple(map(str, header["events"])),
            pair_ids=tuple(map(str, header["pair_ids"])),
            fps=np.asarray(header["fps"], dtype=np.float64),
            max_offset=int(header["max_offset"]),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{paths.header}: damaged ({said(error)}); {_rebuild(prefix)}") from error
    if problem := misfit(pairs, header):
        raise CheckpointError(f"{paths.header}: damaged ({problem}); {_rebuild(prefix)}")
    if whole and (changed := changed_rows(matrices, header)):
        raise CheckpointError(
            f"{paths.matrices}: damaged ({len(changed)} of {len(matrices)} pairs are not as they were written, the "
            f"first of them {pairs.pair_ids[changed[0]]}); {_rebuild(prefix)}"
        )
    return pairs, header


def similarity_set_exists(folder: str | Path, prefix: str, split: str) -> bool:
    """Whether a complete set of this name is in ``folder``."""
    return _SetPaths(folder, prefix, split).header.is_file()


def set_hash(header: Mapping[str, Any]) -> str:
    """Identity of a set's content: SHA-256 of its header, which holds a checksum of every matrix."""
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()[:16]


class _SetPaths:
    """The file names of one split of a set."""

    def __init__(self, folder: str | Path, prefix: str, split: str) -> None:
        if not prefix or Path(prefix).name != prefix or prefix.startswith("."):
            raise CheckpointError(
                f"{prefix!r} cannot name a similarity set: expected a plain name, without folders or a leading dot"
            )
        self.folder, self.prefix, self.split = Path(folder).expanduser(), prefix, split
        self.matrices = self.folder / f"{prefix}_{split}_matrices.npy"
        self.labels = self.folder / f"{prefix}_{split}_labels.npy"
        self.header = self.folder / f"{prefix}_{split}.json"
        self.partial = self.folder / f".{prefix}_{split}_matrices.partial"

    def describe(self) -> str:
        return f"similarity set '{self.prefix}', split '{self.split}', in {self.folder}"

    def absent(self) -> str:
        if self.partial.exists():
            return f"{self.describe()} is incomplete: making it did not finish; {_rebuild(self.prefix)}"
        ending = f"_{self.split}.json"
        names = sorted(path.name.removesuffix(ending) for path in self.folder.glob(f"*{ending}"))
        there = f"There are {', '.join(names[:5])}." if names else f"It holds no set with split '{self.split}'."
        hint = did_you_mean(self.prefix, names, there)
        return f"{self.describe()} does not exist.{hint} Otherwise {_rebuild(self.prefix)}"

    def read(self, path: Path, load: Callable[[Path], T]) -> T:
        """One file of the set. Raises CheckpointError."""
        try:
            return load(path)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise CheckpointError(f"{path}: cannot be read ({why}); {_rebuild(self.prefix)}") from error

    def publish(self, labels: np.ndarray, header: Mapping[str, Any]) -> None:
        """Rename the arrays into place and the header last; an old set of this name goes first."""
        self.header.unlink(missing_ok=True)
        forget(self.partial)
        put_in_place(self.partial, self.matrices)
        with new_file(self.labels) as temporary:
            np.save(temporary, labels, allow_pickle=False)
        write_json(self.header, header)


def _rebuild(prefix: str) -> str:
    return f"make it with construct_softmaxed_sim_dataset.py --dataset_prefix {prefix}"
