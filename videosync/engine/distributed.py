"""One process or many: ranks, devices and the few collectives the project uses.

Started by ``torchrun``, ``python -m torch.distributed.launch``, Slurm's ``srun`` or plain ``python``; the rest of the
code sees one object and never asks which. One process needs no process group: every collective is then the identity.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

# Imported before a group exists: its functions take the group as a default argument. Imported later (DDP does it),
# they keep the group's threads alive into interpreter exit, where one of them now and then aborts the process.
import torch.distributed.nn
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from videosync.engine.allocator import keep_freed_memory
from videosync.engine.lifeline import Lifeline, sentence
from videosync.engine.rendezvous import meet, set_address
from videosync.errors import ConfigError, ProcessLostError, VideoSyncError

log = logging.getLogger(__name__)

COLLECTIVE_TIMEOUT = timedelta(minutes=30)  # ranks wait for rank 0 writing and for uneven validation

T = TypeVar("T")


class Distributed:
    """One process: rank 0 of 1, every collective the identity.

    Attributes: ``rank``, ``world_size``, ``local_rank`` (rank on this machine) and ``device``.
    """

    def __init__(self, *, rank: int, world_size: int, local_rank: int, device: torch.device) -> None:
        self.rank = rank
        self.world_size = world_size
        self.local_rank = local_rank
        self.device = device

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until every rank is here."""

    def gather(self, obj: T) -> list[T]:
        """Every rank's picklable ``obj`` in rank order, on every rank."""
        return [obj]

    def broadcast(self, obj: T) -> T:
        """Rank 0's picklable ``obj`` on every rank."""
        return obj

    def sum(self, values: Sequence[float]) -> list[float]:
        """Element-wise sum over ranks of a few float64 numbers (over gloo: no GPU queue is waited for)."""
        return list(values)

    def share_tensors(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite ``tensors`` in place with rank 0's."""

    def replicate(self, model: nn.Module) -> nn.Module:
        """``model`` with gradients averaged over ranks in each backward pass."""
        return model

    def together(self, work: Callable[[], T]) -> T:
        """``work()`` of this rank, or on every rank the first VideoSyncError that any rank met.

        Without it, a rank that meets bad input leaves the others waiting for it.
        """
        return work()

    def close(self) -> None:
        """Leave the process group. Safe to call twice."""

    def __enter__(self) -> Distributed:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class ProcessGroup(Distributed):
    """Two or more processes joined by torch.distributed (numbers and objects travel over gloo)."""

    def __init__(self, *, lifeline: Lifeline, **place: Any) -> None:
        super().__init__(**place)
        self.lifeline = lifeline

    def barrier(self) -> None:
        self.sum([0.0])

    def gather(self, obj: T) -> list[T]:
        gathered: list[Any] = [None] * self.world_size
        dist.all_gather_object(gathered, obj)
        return gathered

    def broadcast(self, obj: T) -> T:
        box = [obj if self.is_main else None]
        dist.broadcast_object_list(box, src=0)
        return box[0]  # type: ignore[return-value]

    def sum(self, values: Sequence[float]) -> list[float]:
        tensor = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(tensor)
        return tensor.tolist()

    def share_tensors(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            dist.broadcast(tensor, src=0)

    def replicate(self, model: nn.Module) -> nn.Module:
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=devices, gradient_as_bucket_view=True)

    def together(self, work: Callable[[], T]) -> T:
        problem: VideoSyncError | None = None
        try:
            result = work()
        except VideoSyncError as error:
            problem = error
        first = next((p for p in self.gather(problem) if p is not None), None)
        if first is not None:
            raise first
        return result

    def close(self) -> None:
        self.lifeline.close()
        if dist.is_initialized():
            gc.collect()  # models of a finished training refer to the group in cycles
            dist.destroy_process_group()

    def __exit__(self, *raised: object) -> None:
        """Close. Raises ProcessLostError in place of what torch says when another process is gone.

        Errors that the user is told in a sentence are an orderly end, and the sentence is left for process 0, which may
        be the only one that has time to speak; after another exception the others are told.
        """
        error = raised[1]
        if isinstance(error, VideoSyncError):
            self.lifeline.leave(str(error))
        if isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error)):
            lost = self.lifeline.who()
            reason = self.lifeline.reason() or sentence(lost, self.world_size, COLLECTIVE_TIMEOUT)
            self.lifeline.close(goodbye=False)
            super().__exit__(*raised)
            raise ProcessLostError(reason) from error
        self.lifeline.close(goodbye=not isinstance(error, Exception) or isinstance(error, VideoSyncError))
        super().__exit__(*raised)


def setup_distributed(backend: str = "auto", local_rank: int | None = None) -> Distributed:
    """Join the run this process was started in.

    Args:
        backend: "auto" (NCCL where there is a GPU, else gloo), "nccl" or "gloo".
        local_rank: the launcher's ``--local-rank``; the environment's LOCAL_RANK comes first.

    Raises:
        ConfigError: NCCL without a GPU, more processes than GPUs, a launcher's variable that is no number, or
            processes that do not come (:func:`videosync.engine.rendezvous.meet`).
    """
    rank, world_size, env_local_rank = _place(os.environ)
    if env_local_rank is None:
        env_local_rank = local_rank or 0
    device = _device(env_local_rank, backend)
    if device.type == "cpu":
        keep_freed_memory()
    if world_size == 1:
        return Distributed(rank=0, world_size=1, local_rank=env_local_rank, device=device)
    set_address(os.environ)
    if rank == 0:
        address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        log.info("waiting for %d processes at %s", world_size, address)
    store = meet(os.environ, rank=rank, world_size=world_size)
    use_nccl = device.type == "cuda" and backend != "gloo"
    dist.init_process_group(
        backend="cpu:gloo,cuda:nccl" if use_nccl else "gloo",
        store=store,
        rank=rank,
        world_size=world_size,
        timeout=COLLECTIVE_TIMEOUT,
    )
    lifeline = Lifeline(store, os.environ["MASTER_ADDR"], rank=rank, world_size=world_size)
    return ProcessGroup(rank=rank, world_size=world_size, local_rank=env_local_rank, device=device, lifeline=lifeline)


def _place(env: Mapping[str, str]) -> tuple[int, int, int | None]:
    """(rank, world size, local rank or None) from torchrun's variables, else Slurm's, else one process."""
    if "RANK" in env and "WORLD_SIZE" in env:
        local = _integer(env, "LOCAL_RANK") if "LOCAL_RANK" in env else None
        return _integer(env, "RANK"), _integer(env, "WORLD_SIZE"), local
    if "SLURM_PROCID" in env:
        # a step's own task count where srun gives it; SLURM_NTASKS is the whole job's
        tasks = "SLURM_STEP_NUM_TASKS" if "SLURM_STEP_NUM_TASKS" in env else "SLURM_NTASKS"
        world_size = _integer(env, tasks) if tasks in env else 1
        if world_size > 1:
            local = _integer(env, "SLURM_LOCALID") if "SLURM_LOCALID" in env else None
            return _integer(env, "SLURM_PROCID"), world_size, local
    return 0, 1, None


def _integer(env: Mapping[str, str], name: str) -> int:
    try:
        return int(env[name])
    except ValueError:
        raise ConfigError(
            f"environment variable {name}={env[name]!r}: expected a whole number, as the launcher sets it; "
            "unset it to run one process"
        ) from None


def _device(local_rank: int, backend: str) -> torch.device:
    if not torch.cuda.is_available():
        if backend == "nccl":
            raise ConfigError("train.backend: nccl needs a CUDA device and there is none; use auto or gloo")
        return torch.device("cpu")
    count = torch.cuda.device_count()
    if local_rank >= count:
        raise ConfigError(
            f"local rank {local_rank} has no GPU: this machine shows {count}; start at most {count} "
            f"process{'es' if count > 1 else ''} here (--nproc_per_node {count})"
        )
    device = torch.device("cuda", local_rank)
    torch.cuda.set_device(device)
    return device
