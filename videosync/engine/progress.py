"""Where training is, and how far it goes: in epochs and samples, which mean the same whatever the size of a step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from videosync.losses.objective import Means


@dataclass
class LoopState:
    """Where training is; saved and restored as one."""

    epoch: int = 0  # whole epochs done
    samples: int = 0  # samples done of the epoch under way, over all processes; all of them: it is not validated yet
    step: int = 0  # optimizer steps done
    best: float = math.inf  # lowest validation score so far
    judged_by: str = ""  # identity of the validation that gave it
    best_epoch: int = 0  # whole epochs done when it was measured; 0: not noted
    best_events: Means = field(default_factory=dict)  # of which it is the mean, by event; {}: not noted


@dataclass(frozen=True)
class Plan:
    """What is to be trained at the present settings.

    Args:
        epochs: times every sample is drawn.
        max_steps: optimizer steps after which training ends before that; 0: no limit.
        samples: in an epoch.
        batch_size: samples in a batch, over all processes.
        accumulate: batches per optimizer step.
    """

    epochs: int
    max_steps: int
    samples: int
    batch_size: int
    accumulate: int

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.samples // self.batch_size / self.accumulate)

    def batches_left(self, state: LoopState) -> int:
        """Whole batches left of the epoch under way."""
        return (self.samples - state.samples) // self.batch_size

    def finished(self, state: LoopState) -> bool:
        # a signal broke off the end of an epoch
        unvalidated = state.samples > 0 and not self.batches_left(state)
        return state.epoch >= self.epochs or (0 < self.max_steps <= state.step and not unvalidated)

    def steps_left(self, state: LoopState) -> int:
        """Optimizer steps to the end of training."""
        if self.finished(state):
            return 0
        of_epoch = math.ceil(self.batches_left(state) / self.accumulate)
        steps = of_epoch + (self.epochs - state.epoch - 1) * self.steps_per_epoch
        return min(steps, self.max_steps - state.step) if self.max_steps else steps

    def total_steps(self, state: LoopState) -> int:
        """Optimizer steps that will have been done at the end of training."""
        return state.step + self.steps_left(state)

    def position(self, state: LoopState) -> float:
        """The number of steps that get as far as ``state`` at the present settings.

        It is ``state.step``, unless other settings trained a part of it. The learning rate depends on it alone.
        """
        return state.epoch * self.steps_per_epoch + state.samples / (self.batch_size * self.accumulate)

    def end(self, state: LoopState) -> float:
        """``position`` at the end of training."""
        return self.position(state) + self.steps_left(state)

    def span(self, state: LoopState) -> float:
        """Epochs from the beginning to the end of training."""
        return min(self.epochs, self.end(state) / self.steps_per_epoch) if self.max_steps else self.epochs

    def reason_to_end(self, state: LoopState) -> str:
        """Why nothing is left to train, and what to raise to go on; "" where something is."""
        if state.epoch >= self.epochs:
            done = f"{state.epoch} of {self.epochs} epochs are done ({state.step} steps)"
            return f"{done}; raise train.epochs to go on"
        if self.finished(state):
            done = f"{state.step} steps are done ({state.epoch} of {self.epochs} epochs)"
            return f"{done}, and train.max_steps is {self.max_steps}; raise it, or set it to 0, to go on"
        return ""
