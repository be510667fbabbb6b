"""Networks as torch.export and ONNX programs, each read back from its file and compared with PyTorch."""

from __future__ import annotations

import importlib
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram
from torch.fx.experimental import _config as oblivious

from videosync.errors import CheckpointError, ConfigError
from videosync.export.modules import Network

log = logging.getLogger("videosync")

OPSET = 18
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
Run = Callable[[tuple[Tensor, ...]], tuple[np.ndarray, ...]]


@dataclass(frozen=True)
class Checked:
    """An exported file that gave PyTorch's answers."""

    file: str
    difference: float  # largest, over all cases


def check_onnx_installed() -> None:
    """Raises ConfigError that says what to do when ONNX programs can be neither made nor checked."""
    missing = [name for name in ONNX_PACKAGES if not _is_installed(name)]
    if missing:
        raise ConfigError(
            f"--format onnx needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed: "
            "pip install 'videosync[onnx]', or leave onnx out, as in --format torch safetensors"
        )


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
