"""What a training loss is to the training loop: a frozen dataclass of its options, which is called with an output of
the encoder and says which output that is. Each lies beside its formula; :mod:`videosync.losses.named` names them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from videosync.option import option

if TYPE_CHECKING:  # options are read without it
    from torch import Tensor

Means = dict[str, tuple[float, float]]  # name → (sum, weight): measures that are averaged over many batches


class Objective(ABC):
    """A training loss. Subclasses are frozen dataclasses: their fields are the options ``loss.*`` that they read.

    Losses that share an option repeat its field; what differs between them is found when they are named.
    """

    labels: ClassVar[bool] = False  # whether ``batch.labels`` are needed

    @property
    def wanted(self) -> Mapping[str, bool]:
        """Which output of the encoder the loss looks at, as keywords of ``Encoder.forward``: ``project`` (through the
        projection head), ``classify`` (scores of the classes), ``unit`` (of unit length). Other heads are not built.
        """
        return {}

    @abstractmethod
    def __call__(self, output: Any, batch: Any) -> Tensor:
        """The encoder's output float32 ``[B, 2, T, …]`` of a ClipBatch → scalar; a loss of two streams takes what
        :class:`~videosync.types.TwoStreamOutput` holds."""

    def diagnostics(self, output: Any) -> dict[str, float]:
        """What is logged of an output beside the loss, every ``log.every`` steps, and measured on held-out clips."""
        return {}

    def collapse(self, diagnostics: dict[str, float]) -> str:
        """What has collapsed, in a sentence for people; "" where nothing has."""
        return ""

    def measure(self, output: Any, batch: Any) -> Means:
        """What validation averages over held-out clips: the loss, a batch counting once, and what is added to it."""
        found = {"loss": self(output, batch).item(), **self.diagnostics(output)}
        return {name: (value, 1.0) for name, value in found.items()}


@dataclass(frozen=True)
class FreeObjective(Objective):
    """A loss that may look at embeddings of any length."""

    embeddings: Literal["auto", "unit", "raw"] = option(
        "auto", "as seen by the loss; auto: unit, but raw for tcc and classification"
    )
    unit: ClassVar[bool] = True  # what auto is, as L2_NORMALIZE in the configurations of the reference code

    @property
    def wanted(self) -> Mapping[str, bool]:
        return {"unit": self.unit if self.embeddings == "auto" else self.embeddings == "unit"}
