"""Networks as torch.export and ONNX programs, each read back from its file and compared with PyTorch."""

from __future__ import annotations

import importlib
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx.experimental import _config as oblivious

from videosync.errors import CheckpointError, ConfigError

log = logging.getLogger("videosync")

OPSET = 18
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
Run = Callable[[tuple[Tensor, ...]], tuple[np.ndarray, ...]]
Case = tuple[str, tuple[Tensor, ...]]  # what it is, and the inputs


@dataclass(frozen=True)
class Network:
    """A network to export and how it is tested.

    ``low`` … ``high`` (None: no limit) is what the named dimension may be; ``compare`` takes a case's inputs and
    the outputs of an exported program, and gives the largest difference to PyTorch.
    """

    name: str  # of its file, without ending
    module: nn.Module
    example: tuple[Tensor, ...]
    inputs: dict[str, str]  # name → what it is
    outputs: dict[str, str]
    open_dims: dict[int, tuple[str, int, int | None]]  # of every input: dimension → name, low, high
    cases: Callable[[], Iterator[Case]]
    checked_on: str  # the cases in words
    compare: Callable[[tuple[Tensor, ...], tuple[np.ndarray, ...]], float]
    tolerance: float
    shrinks: bool = (
        False  # open dimensions are divided, possibly down to 1, which tracing else takes for a special case
    )


@dataclass(frozen=True)
class Checked:
    """An exported file that gave PyTorch's answers."""

    file: str
    difference: float  # largest, over all cases


def require_installed(packages: Sequence[str], what: str, *, remedy: str) -> None:
    """Raises ConfigError that says what ``what`` lacks of ``packages``, and the remedy, if one cannot be imported."""
    missing = [name for name in packages if not _is_installed(name)]
    if missing:
        is_not = f"which {'is' if len(missing) == 1 else 'are'} not installed"
        raise ConfigError(f"{what} needs {', '.join(missing)}, {is_not}: {remedy}")


def trace(network: Network) -> ExportedProgram:
    """The network as a program whose ``open_dims`` are open."""
    with _quiet(), torch.no_grad(), oblivious.patch(backed_size_oblivious=network.shrinks):  # type: ignore[attr-defined]
        return torch.export.export(network.module, network.example, dynamic_shapes=_shapes(network, Dim))


def write_torch(program: ExportedProgram, network: Network, folder: Path, facts: Mapping[str, str]) -> Checked:
    """``{name}.pt2``, read back with ``torch.export.load`` and checked."""
    path = folder / f"{network.name}.pt2"
    with _quiet():
        torch.export.save(program, path, extra_files=dict(facts))
        loaded = torch.export.load(path).module()

    @torch.no_grad()
    def run(inputs: tuple[Tensor, ...]) -> tuple[np.ndarray, ...]:
        outputs = loaded(*inputs)
        return tuple(t.numpy() for t in (outputs if isinstance(outputs, tuple) else (outputs,)))

    return check(path.name, run, network)


def write_onnx(program: ExportedProgram, network: Network, folder: Path, facts: Mapping[str, str]) -> Checked:
    """``{name}.onnx``, one file, read back with ONNX Runtime and checked; ``facts`` go into its metadata.

    Raises:
        CheckpointError: it does not give PyTorch's answers.
    """
    import onnxruntime

    path = folder / f"{network.name}.onnx"
    with _quiet():
        converted = torch.onnx.export(
            program,
            (),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=list(network.inputs),
            output_names=list(network.outputs),
            dynamic_shapes=_shapes(network, lambda name, **_: name),
        )
    assert converted is not None
    converted.model.metadata_props.update(facts)
    converted.save(path, external_data=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(inputs: tuple[Tensor, ...]) -> tuple[np.ndarray, ...]:
        feed = {name: tensor.numpy() for name, tensor in zip(network.inputs, inputs, strict=True)}
        return tuple(session.run(list(network.outputs), feed))

    return check(path.name, run, network)


def check(file: str, run: Run, network: Network) -> Checked:
    """Compare a program with PyTorch in every case.

    Raises:
        CheckpointError: a difference is larger than the network's tolerance.
    """
    largest = 0.0
    started = time.monotonic()
    for name, inputs in network.cases():
        difference = network.compare(inputs, run(inputs))
        if not difference <= network.tolerance:
            raise CheckpointError(
                f"{file} differs from PyTorch by {difference:.1e} on {name} (allowed: {network.tolerance:.0e}), so "
                f"nothing was written; export another format, or report this with torch {torch.__version__}"
            )
        largest = max(largest, difference)
        if time.monotonic() - started > 5:
            log.info("%s: %s compared with PyTorch", file, name)
    return Checked(file, largest)


def _shapes(network: Network, dim: Callable[..., Any]) -> tuple[dict[int, Any], ...]:
    """Open dimensions of every input, as ``dim`` names them."""
    dims = {
        name: dim(name, min=low, **({} if high is None else {"max": high}))
        for name, low, high in network.open_dims.values()
    }
    return tuple({place: dims[d[0]] for place, d in network.open_dims.items()} for _ in network.inputs)


def _is_installed(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def largest_difference(got: np.ndarray, expected: np.ndarray) -> float:
    """The largest absolute difference; infinite where a number is not finite or the shapes differ."""
    if got.shape != expected.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.abs(got.astype(np.float64) - expected).max(initial=0.0))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' own remarks, hundreds of lines about the nodes they simplify."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
