"""Batches of view pairs for one rank, in an order that can be taken up again anywhere."""

from __future__ import annotations

import math
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import get_all_start_methods, parent_process
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler, get_worker_info

from videosync.data.datasets import collate
from videosync.errors import ConfigError
from videosync.types import Batch

PREFETCH = 2  # batches that each worker may have ready
SHARED_MEMORY = Path("/dev/shm")  # where workers put batches (Linux)
SHARED_MEMORY_REMEDY = (
    "use data.num_workers 0, which needs none (fewer workers or a smaller train.batch_size need less), or in "
    "Docker give the container more: --shm-size {gigabytes}g or --ipc=host"
)


class EpochSamples(Protocol):
    """A dataset whose sample number i is another one in each epoch."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any: ...

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose samples come next; living worker processes see it too."""


class EpochSampler(Sampler[list[int]]):
    """Batches of sample numbers for one rank.

    An epoch is one permutation of all samples, seeded by (seed, epoch), the same on every rank. It is cut
    into whole batches of ``batch_size`` over all ranks, and rank r takes part r of each: no sample comes
    twice in an epoch, on any rank. The ``len(samples) % batch_size`` samples at the permutation's end are
    left out; these are different ones each epoch.

    Args:
        num_samples: N, samples in the dataset.
        batch_size: over all ranks. key: of the configuration, that gave it.

    Raises:
        ConfigError: the batch does not divide over the ranks, or is larger than the dataset.
    """

    def __init__(
        self, num_samples: int, *, batch_size: int, rank: int, world_size: int, seed: int, key: str = "train.batch_size"
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} is not one of {world_size}")
        if batch_size < 1 or batch_size % world_size:
            raise ConfigError(
                f"{key} is {batch_size}, which {world_size} processes cannot share evenly; "
                f"make it a multiple of {world_size}"
            )
        if batch_size > num_samples:
            raise ConfigError(
                f"{key} is {batch_size}, but an epoch has only {num_samples} samples; "
                "lower it, or raise data.samples_per_video"
            )
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.rank = rank
        self.world_size = world_size
        self.seed = seed
        self.epoch = 0
        self.start = 0

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Go behind the first ``start`` samples of an epoch's order; the next iteration starts there."""
        if not 0 <= start <= self.num_samples:
            raise ValueError(f"{start} is not a number of samples of {self.num_samples}")
        self.epoch = epoch
        self.start = start

    def __len__(self) -> int:
        """Batches that are left in the epoch."""
        return (self.num_samples - self.start) // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.num_samples)
        share = self.batch_size // self.world_size
        for batch in range(len(self)):
            first = self.start + batch * self.batch_size + self.rank * share
            yield order[first : first + share].tolist()


def fitting_prefetch(batch_bytes: int, *, num_workers: int, processes: int) -> int:
    """Batches that each worker may have ready, 2 or 1, so that those of all ranks fit into the shared memory.

    Args:
        batch_bytes: of one rank's batch.
        num_workers: data-loading processes of each rank.
        processes: ranks on this machine.

    Raises:
        ConfigError: not even one batch a worker, beside the one that is trained on, fits.
    """
    if num_workers == 0 or not SHARED_MEMORY.is_dir():
        return PREFETCH
    free = shutil.disk_usage(SHARED_MEMORY).free
    for prefetch in range(PREFETCH, 0, -1):
        needed = (prefetch * num_workers + 1) * batch_bytes * processes
        if needed <= free:
            return prefetch
    raise ConfigError(
        f"{SHARED_MEMORY}: {_size(free)} free, but {num_workers} data-loading worker{'s' * (num_workers > 1)}"
        f"{f' for each of {processes} processes' * (processes > 1)} and batches of {_size(batch_bytes)} need "
        f"{_size(needed)}; {SHARED_MEMORY_REMEDY.format(gigabytes=math.ceil(needed * 1.1 / 2**30))}"
    )


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{math.ceil(count / 2**20)} MB"


def training_loader(
    dataset: EpochSamples,
    *,
    batch_size: int,
    num_workers: int,
    rank: int,
    world_size: int,
    seed: int,
    prefetch: int = PREFETCH,
    key: str = "train.batch_size",
    collate: Callable[[Sequence[Any]], Batch] = collate,
) -> tuple[DataLoader[Any], EpochSampler]:
    """Batches of ``batch_size / world_size`` samples for one rank, and the sampler that orders them.

    Before each epoch call ``dataset.set_epoch(e)`` and ``sampler.set_epoch(e, start)``. Workers stay
    alive from epoch to epoch. They are started clean (forkserver, or spawn), never forked from the training
    process: a fork would copy the locks of its decoder, OpenMP and CUDA threads but not the threads. They end with
    the training process, however it ends.

    Args:
        batch_size: over all ranks. key: of the configuration, that gave it.
        num_workers: data-loading processes of this rank; 0 loads in the training process.
        prefetch: batches that each of them may have ready (:func:`fitting_prefetch`).
        collate: makes a batch of samples.

    Raises:
        ConfigError: see :class:`EpochSampler`.
    """
    sampler = EpochSampler(len(dataset), batch_size=batch_size, rank=rank, world_size=world_size, seed=seed, key=key)
    options: dict[str, Any] = {}
    if num_workers > 0:
        method = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
        options = {
            "multiprocessing_context": method,
            "persistent_workers": True,
            "prefetch_factor": prefetch,
            "worker_init_fn": _end_with_parent,
        }
    loader: DataLoader[Any] = DataLoader(
        dataset,  # type: ignore[arg-type]
        batch_sampler=sampler,
        num_workers=num_workers,
        collate_fn=partial(_shared_batch, collate=collate),
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator().manual_seed(seed),  # else each epoch would draw from torch's global state
        **options,
    )
    return loader, sampler


def _shared_batch(samples: Sequence[Any], collate: Callable[[Sequence[Any]], Batch] = collate) -> Batch:
    """``collate``, in a worker into shared memory.

    torch would do it on the way to the training process, in a thread whose errors reach nobody.
    """
    batch = collate(samples)
    if get_worker_info() is not None:
        for value in vars(batch).values():
            if isinstance(value, Tensor):
                value.share_memory_()
    return batch


def _end_with_parent(worker: int) -> None:
    """Torch looks between two batches whether the process that started a worker lives: not while one hangs."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
