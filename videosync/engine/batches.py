"""Training batches of an epoch from any position on; if one rank cannot get its batch, all stop for it."""

from __future__ import annotations

from collections.abc import Iterator

from torch.utils.data import DataLoader

from videosync.data.loaders import ClipDataset, EpochSampler
from videosync.engine.distributed import Distributed
from videosync.engine.timing import StepClock
from videosync.errors import VideoSyncError
from videosync.types import ClipBatch


class BatchSource:
    """The batches of this rank, epoch by epoch; ``len`` is the number of batches in a whole epoch.

    Places in an epoch are numbers of samples over all ranks, so that they do not depend on the size of a batch.
    """

    def __init__(
        self,
        clips: ClipDataset,
        loader: DataLoader[ClipBatch],
        sampler: EpochSampler,
        distributed: Distributed,
    ) -> None:
        self.clips = clips
        self.loader = loader
        self.sampler = sampler
        self.distributed = distributed

    def __len__(self) -> int:
        return len(self.clips) // self.sampler.batch_size

    def batches(self, epoch: int, start: int, clock: StepClock) -> Iterator[ClipBatch]:
        """The batches of ``epoch`` behind its first ``start`` samples, on the device; ``clock`` is told of waiting.

        Raises on every rank what was raised on any: VideoError and the other errors of the data.
        """
        self.clips.set_epoch(epoch)
        self.sampler.set_epoch(epoch, start)
        iterator = iter(self.loader)
        for _ in range(len(self.sampler)):
            clock.ask()
            batch, problem = _fetch(iterator)
            clock.receive()
            (problems,) = self.distributed.sum([float(problem is not None)])
            if problems:
                raise next(p for p in self.distributed.gather(problem) if p is not None)
            assert batch is not None
            yield batch.to(self.distributed.device)

    def close(self) -> None:
        """End the worker processes.

        They are deaf to SIGTERM (:func:`videosync.engine.signals.shield_workers`), so that the interpreter, which
        ends workers by it, would wait for ever for those that an error has left running.
        """
        iterator, self.loader._iterator = self.loader._iterator, None
        if iterator is not None:
            iterator._shutdown_workers()  # type: ignore[attr-defined]


def _fetch(iterator: Iterator[ClipBatch]) -> tuple[ClipBatch | None, VideoSyncError | None]:
    try:
        return next(iterator), None
    except VideoSyncError as error:
        return None, type(error)(_sentence(error))


def _sentence(error: VideoSyncError) -> str:
    """The message alone: worker processes hand on their whole traceback as the message."""
    name = f"{type(error).__module__}.{type(error).__qualname__}: "
    return str(error).rpartition(name)[2].strip()
