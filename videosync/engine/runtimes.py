"""``eval.engine``: a backbone computed by torch.compile, OpenVINO or ONNX Runtime, behind the interface of its own.

For OpenVINO and ONNX Runtime it is written as an ONNX program once, and kept under a hash of all that this depends on.
What an engine gives is compared with PyTorch before it is used.
"""

from __future__ import annotations

import copy
import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from videosync.data.identity import code_hash, content_hash
from videosync.engine.feature_cache import weights_hash
from videosync.errors import ConfigError, VideoWriteError, require_known
from videosync.files import file_hash, new_file
from videosync.foreign import said
from videosync.models.encoder import Encoder
from videosync.models.inference import TOLERANCE, has_native_bf16, optimize_for_inference, smooth_pictures
from videosync.models.programs import (
    ONNX_PACKAGES,
    Case,
    Network,
    largest_difference,
    require_installed,
    trace,
    write_onnx,
)
from videosync.models.staged import STAGES, StagedBackbone

log = logging.getLogger("videosync")

FOLDER = "engines"  # of converted backbones, inside that of the run
NEEDS: dict[str, tuple[str, ...]] = {
    "torch": (),
    "compile": (),
    "openvino": ("openvino", *ONNX_PACKAGES),
    "onnxruntime": ONNX_PACKAGES,
}
FRAMES = 16  # computed at once, always as many: engines choose their kernels for one shape
FLOAT32_TOLERANCE = 1e-4  # largest difference of a number of a unit embedding; of a feature, as a share of the largest
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16}

Compute = Callable[[Tensor], Tensor]  # normalised frames float32 [FRAMES, 3, S, S] → features [FRAMES, F]


class EngineBackbone(StagedBackbone):
    """A backbone for evaluation only, whose stages ``compute`` does in one go."""

    def __init__(self, compute: Compute, feature_size: int) -> None:
        super().__init__()
        self.compute, self.feature_size = compute, feature_size

    def forward(self, frames: Tensor, *, chunk_size: int, prepare: Callable[[Tensor], Tensor]) -> Tensor:
        """As ``StagedBackbone.forward``; ``FRAMES`` frames go through at once, whatever ``chunk_size`` is."""
        features = []
        for chunk in frames.split(FRAMES):
            ready = prepare(chunk).float()
            full = ready.new_zeros(FRAMES, *ready.shape[1:]).contiguous(memory_format=torch.channels_last)
            full[: len(ready)] = ready
            features.append(self.compute(full)[: len(ready)].float())
        return torch.cat(features)  # [N, F]


class Stages(nn.Module):
    """All stages and the pooling of a backbone: normalised frames ``[N, 3, S, S]`` → features float32 ``[N, F]``."""

    def __init__(self, backbone: StagedBackbone, dtype: torch.dtype) -> None:
        super().__init__()
        self.backbone, self.dtype = copy.deepcopy(backbone).to(dtype), dtype

    def forward(self, frames: Tensor) -> Tensor:
        x = frames.to(self.dtype)
        for stage in range(STAGES + 1):
            x = self.backbone.run_stage(stage, x)
        return self.backbone.pool(x).float()


@torch.no_grad()
def with_engine(encoder: Encoder, engine: str, *, precision: str, size: int, folder: Path) -> Encoder:
    """A copy of ``encoder`` for embedding only, as ``optimize_for_inference``, whose backbone ``engine`` computes.

    Args:
        encoder: on its device, which is the CPU for OpenVINO and ONNX Runtime.
        engine: "torch", "compile", "openvino" or "onnxruntime".
        precision: of the backbone, as in ``optimize_for_inference``; "auto" is float32 for ONNX Runtime.
        size: S, pixels of the square frames.
        folder: keeps converted backbones.

    Raises:
        ConfigError: the engine is not installed, or cannot compute this backbone here, or not as PyTorch does.
        VideoWriteError: ``folder`` cannot be written.
    """
    require_known("eval.engine", engine, NEEDS)
    if engine == "torch":
        plain = optimize_for_inference(encoder, precision=precision)
        assert isinstance(plain, Encoder)
        return plain
    what, device = f"eval.engine is '{engine}', which", next(encoder.parameters()).device
    require_installed(NEEDS[engine], what, remedy="pip install 'videosync[engines]', or set eval.engine to torch")
    if engine != "compile" and device.type != "cpu":
        raise ConfigError(
            f"{what} computes on the CPU, but this job runs on {device}: set eval.engine to torch or compile, or hide "
            "the GPU (CUDA_VISIBLE_DEVICES=)"
        )
    fast = optimize_for_inference(encoder, precision="float32")
    assert isinstance(fast, Encoder)
    pictures = smooth_pictures(FRAMES + 2, size).to(device)[None]  # [1, T, 3, S, S]; more than go through at once
    exact, backbone = fast(pictures), fast.backbone
    for kind in _precisions(engine, precision, device):
        try:
            compute = _compute(engine, backbone, kind, size, folder)
            fast.backbone = EngineBackbone(compute, backbone.feature_size)
            found = fast(pictures)
        except VideoWriteError:
            raise
        except Exception as error:
            raise ConfigError(
                f"{what} cannot compute this backbone at {size} pixels here ({said(error)}): set eval.engine to torch"
            ) from error
        if kind == "float32":
            difference = largest_difference(found.cpu().numpy(), exact.cpu().numpy())
            if difference > FLOAT32_TOLERANCE:
                raise ConfigError(
                    f"{what} gives embeddings that differ from PyTorch's by {difference:.1e} (allowed: "
                    f"{FLOAT32_TOLERANCE:.0e}): set eval.engine to torch"
                )
        elif precision == "auto" and (cosine := float((found * exact).sum(-1).min())) < TOLERANCE:
            log.warning("%s: in float32, as bf16 changes embeddings more than it may (cosine %.5f)", engine, cosine)
            continue
        log.info("embedding with %s in %s on %s", engine, kind, device)
        break
    return fast


def _precisions(engine: str, precision: str, device: torch.device) -> list[str]:
    """Which are tried, in this order. ONNX Runtime has no convolutions in bf16 on CPUs."""
    if precision != "auto":
        return [precision]
    return ["bf16", "float32"] if engine != "onnxruntime" and has_native_bf16(device) else ["float32"]


def _compute(engine: str, backbone: StagedBackbone, precision: str, size: int, folder: Path) -> Compute:
    if engine == "compile":
        compiled: Compute = torch.compile(Stages(backbone, DTYPES[precision]))
        return compiled
    program, threads = _program(backbone, size, folder), torch.get_num_threads()
    run = {"openvino": _openvino, "onnxruntime": _onnxruntime}[engine](program, precision, threads)
    return lambda frames: torch.from_numpy(run(frames.contiguous().numpy()))


def _openvino(program: bytes, precision: str, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    import openvino

    core = openvino.Core()
    options = {
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bf16": "bf16"}[precision],
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = core.compile_model(core.read_model(program), "CPU", options)
    return lambda frames: np.asarray(compiled(frames)[0])


def _onnxruntime(program: bytes, precision: str, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    if precision != "float32":
        raise ValueError("on a CPU it computes in float32 only")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(program, options, providers=["CPUExecutionProvider"])

    def run(frames: np.ndarray) -> np.ndarray:
        features: Any = session.run(["features"], {"frames": frames})[0]
        return np.asarray(features)

    return run


def _program(backbone: StagedBackbone, size: int, folder: Path) -> bytes:
    """The backbone as an ONNX program, that in ``folder``, or a new one that is left there.

    Its name ends in a hash of its bytes: a damaged file is not used, but made again.
    """
    parts = {"weights": weights_hash(backbone), "size": size, "frames": FRAMES, "torch": torch.__version__}
    key = content_hash({**parts, "code": code_hash("models", "engine/runtimes.py")})
    for path in sorted(folder.glob(f"{key}-*.onnx")) if folder.is_dir() else []:
        program = path.read_bytes() if path.is_file() else b""
        if path.stem == f"{key}-{hashlib.sha256(program).hexdigest()}":
            return program
        log.warning("%s: damaged; converting the backbone again", path)
        path.unlink()
    log.info("converting the backbone to ONNX, which is done once (%s)", folder)
    network = _network(Stages(backbone, torch.float32).eval(), size, backbone.feature_size)
    with tempfile.TemporaryDirectory() as temporary:
        written = Path(temporary) / write_onnx(trace(network), network, Path(temporary), {}).file
        path = folder / f"{key}-{file_hash(written)}.onnx"
        with new_file(path) as place:
            shutil.copyfile(written, place)
    return path.read_bytes()


def _network(stages: Stages, size: int, features: int) -> Network:
    frames = 2 * smooth_pictures(FRAMES, size) - 1

    def cases() -> Iterator[Case]:
        yield f"{FRAMES} frames", (frames,)

    @torch.no_grad()
    def compare(inputs: tuple[Tensor, ...], outputs: tuple[np.ndarray, ...]) -> float:
        expected = stages(*inputs).numpy()
        return largest_difference(outputs[0], expected) / max(float(np.abs(expected).max()), 1e-6)

    return Network(
        name="backbone",
        module=stages,
        example=(frames,),
        inputs={"frames": f"[{FRAMES}, 3, {size}, {size}] float32, normalised"},
        outputs={"features": f"[{FRAMES}, {features}] float32"},
        open_dims={},
        cases=cases,
        checked_on=f"{FRAMES} frames",
        compare=compare,
        tolerance=FLOAT32_TOLERANCE,
    )
