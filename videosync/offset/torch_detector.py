"""What detectors with a network of torch share: where it computes, how it starts, and its arrays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from videosync.offset.detector import Detector

if TYPE_CHECKING:  # names and options are read without it
    from torch import Tensor, nn


class TorchDetector(Detector):
    """A detector with a network.

    Args:
        device: where to train and predict; None: a GPU if there is one.
    """

    def __init__(self, *, device: str | None = None, **options: Any) -> None:
        import torch

        super().__init__(**options)
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._network: nn.Module = torch.nn.Identity()  # until it is fitted or loaded

    @abstractmethod
    def _new_network(self) -> nn.Module:
        """The network with random weights, on the CPU."""

    @contextmanager
    def _fresh_network(self) -> Iterator[nn.Module]:
        """A network whose weights depend on the seed alone; random numbers inside too, and none outside."""
        import torch

        with torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            torch.manual_seed(self.options.seed)
            self._network = self._build()
            yield self._network

    def _build(self) -> nn.Module:
        import torch

        with torch.random.fork_rng(devices=[]):
            return self._new_network().to(self._device)

    def _put(self, values: np.ndarray) -> Tensor:
        import torch

        return torch.from_numpy(np.array(values, dtype=np.float32)).to(self._device)

    def _model_arrays(self) -> dict[str, np.ndarray]:
        return {name: value.cpu().numpy() for name, value in self._network.state_dict().items()}

    def _load_model(self, arrays: Mapping[str, np.ndarray]) -> None:
        import torch

        self._network = self._build()
        self._network.load_state_dict({name: torch.from_numpy(np.array(v)) for name, v in arrays.items()})
