"""Watching over what a loss says of its outputs while training: logged, warned of, and ended where nothing is left."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch

from videosync.engine.distributed import Distributed
from videosync.errors import TrainingError
from videosync.losses.objective import Objective

PATIENCE = 10  # looks in a row at which something has collapsed: it does not come back


class CollapseWatch:
    """Looks at the diagnostics of ``loss`` every ``every`` steps (0: never), as means over ranks.

    What has collapsed is said once a kind: sentences that differ in their numbers alone are of one kind.
    """

    def __init__(self, loss: Objective, *, every: int, distributed: Distributed) -> None:
        self.loss = loss
        self.every = every
        self.distributed = distributed
        self._seen: dict[str, float] = {}
        self._said: set[str] = set()
        self._in_a_row = 0  # looks at which something had collapsed

    @torch.no_grad()
    def look(self, output: Any, step: int) -> None:
        """At the output of this rank, of which step ``step`` is made, where it is due."""
        if self.every and step % self.every == 0:
            self._seen = self.loss.diagnostics(output)

    def found(self) -> dict[str, float]:
        """The diagnostics of the step just done, the same on every rank; {} where none were due."""
        seen, self._seen = self._seen, {}
        if not seen:
            return {}
        totals = self.distributed.sum(list(seen.values()))
        return {name: total / self.distributed.world_size for name, total in zip(seen, totals, strict=True)}

    def judge(self, found: Mapping[str, float], step: int, say: Callable[[str], None]) -> None:
        """Say what has collapsed. Raises TrainingError on every rank where that was so ``PATIENCE`` times in a row."""
        if not found:
            return
        sentence = self.loss.collapse(dict(found))
        self._in_a_row = self._in_a_row + 1 if sentence else 0
        if self._in_a_row == PATIENCE:
            raise TrainingError(f"step {step}: seen at {PATIENCE} looks in a row, every {self.every} steps: {sentence}")
        kind = re.sub(r"[\d.]+", "", sentence)
        if kind and kind not in self._said:
            self._said.add(kind)
            say(f"warning, step {step}: {sentence}")
