"""``eval.engine``: every engine gives PyTorch's embeddings, converts once, and says in a sentence what it cannot do."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from videosync.engine import runtimes
from videosync.engine.runtimes import FRAMES, NEEDS, EngineBackbone, with_engine
from videosync.errors import ConfigError
from videosync.models.encoder import Encoder, build_encoder
from videosync.models.options import ModelOptions
from videosync.models.programs import Checked, Network

SIZE = 32


def needs(engine: str) -> None:
    if absent := [name for name in NEEDS[engine] if find_spec(name) is None]:
        pytest.skip(f"{', '.join(absent)} not installed (extra 'engines')")


def encoder(**changes: Any) -> Encoder:
    """With statistics of batch norms as after some training."""
    torch.manual_seed(0)
    options = {
        "random_backbone": True,
        "hidden_size": 16,
        "embedding_size": 16,
        "layers": 1,
        "heads": 2,
        "fc_layers": 1,
    }
    made = build_encoder(ModelOptions(**{**options, "backbone": "small", **changes}), num_frames=12)
    assert isinstance(made, Encoder)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
    return made.eval()


def clip(frames: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (1, frames, 3, SIZE, SIZE), generator=generator, dtype=torch.uint8)


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """The folder of converted backbones, each for all tests."""
    return tmp_path_factory.mktemp("engines")


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bf16", 1e-2)])
@pytest.mark.parametrize(
    ("engine", "model"),
    [
        ("openvino", {"input": "rgb"}),
        ("openvino", {"input": "motion"}),
        ("onnxruntime", {"input": "rgb"}),
        pytest.param("onnxruntime", {"backbone": "resnet18", "input": "motion"}, marks=pytest.mark.slow),
        pytest.param("compile", {"input": "motion"}, marks=pytest.mark.slow),
    ],
)
def test_an_engine_gives_the_embeddings_of_torch(converted, engine, model, precision, tolerance):
    needs(engine)
    exact = encoder(**model)
    if (engine, precision) == ("onnxruntime", "bf16"):
        with pytest.raises(ConfigError, match="float32 only.*set eval.engine to torch"):
            with_engine(exact, engine, precision=precision, size=SIZE, folder=converted)
        return
    fast = with_engine(exact, engine, precision=precision, size=SIZE, folder=converted)
    assert isinstance(fast.backbone, EngineBackbone)
    assert not isinstance(exact.backbone, EngineBackbone)
    for frames in (7, 2 * FRAMES + 5):  # fewer than go through at once, and more
        with torch.no_grad():
            torch.testing.assert_close(fast(clip(frames)), exact(clip(frames)), atol=tolerance, rtol=0)


def test_a_backbone_is_converted_once_and_again_when_it_is_another_or_damaged(tmp_path, monkeypatch):
    written = []

    def write(_: object, network: Network, folder: Path, __: object) -> Checked:
        written.append(network.name)
        (folder / "backbone.onnx").write_bytes(b"program %d" % len(written))
        return Checked("backbone.onnx", 0.0)

    monkeypatch.setattr(runtimes, "write_onnx", write)
    monkeypatch.setattr(runtimes, "trace", lambda network: None)
    folder, backbone = tmp_path / "engines", encoder().backbone
    for _ in range(2):
        assert runtimes._program(backbone, SIZE, folder) == b"program 1"
    nn.init.ones_(next(backbone.parameters()))
    assert runtimes._program(backbone, SIZE, folder) == b"program 2"
    damaged = next(path for path in folder.iterdir() if path.read_bytes() == b"program 2")
    damaged.write_bytes(b"progra")
    assert runtimes._program(backbone, SIZE, folder) == b"program 3"
    assert sorted(path.read_bytes() for path in folder.iterdir()) == [b"program 1", b"program 3"]


def test_a_conversion_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fails(*_: object) -> None:
        raise RuntimeError("no such operator\nand a hundred lines")

    monkeypatch.setattr(runtimes, "require_installed", lambda *a, **k: None)
    monkeypatch.setattr(runtimes, "trace", fails)
    with pytest.raises(ConfigError, match=r"'onnxruntime'.*at 32 pixels here \(no such operator\): set eval.engine to"):
        with_engine(encoder(), "onnxruntime", precision="float32", size=SIZE, folder=tmp_path / "engines")
    assert not (tmp_path / "engines").exists()


@pytest.mark.parametrize("engine", ["compile", "onnxruntime"])
def test_other_numbers_than_those_of_torch_are_refused(tmp_path, monkeypatch, engine):
    monkeypatch.setattr(runtimes, "_compute", lambda *a: lambda frames: torch.rand(FRAMES, a[1].feature_size))
    monkeypatch.setattr(runtimes, "require_installed", lambda *a, **k: None)
    with pytest.raises(ConfigError, match="differ from PyTorch's by"):
        with_engine(encoder(), engine, precision="float32", size=SIZE, folder=tmp_path)


def test_auto_is_bf16_where_it_is_native_and_close_enough(tmp_path, monkeypatch):
    asked = []

    def torch_itself(engine, backbone, precision, size, folder):
        asked.append(precision)
        return runtimes.Stages(backbone, runtimes.DTYPES[precision])

    monkeypatch.setattr(runtimes, "_compute", torch_itself)
    for native, tolerance, expected in (
        (False, 0.0, ["float32"]),
        (True, 0.0, ["bf16"]),
        (True, 1.1, ["bf16", "float32"]),
    ):
        asked.clear()
        monkeypatch.setattr(runtimes, "has_native_bf16", lambda device, native=native: native)
        monkeypatch.setattr(runtimes, "TOLERANCE", tolerance)
        with_engine(encoder(), "compile", precision="auto", size=SIZE, folder=tmp_path)
        assert asked == expected


def test_what_is_not_installed_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(runtimes.NEEDS, "openvino", ("no_such_engine",))
    with pytest.raises(
        ConfigError, match=r"'openvino', which needs no_such_engine.*pip install 'videosync\[engines\]'"
    ):
        with_engine(encoder(), "openvino", precision="auto", size=SIZE, folder=tmp_path)


def test_on_a_gpu_engines_of_the_cpu_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(runtimes, "require_installed", lambda *a, **k: None)
    with pytest.raises(ConfigError, match="'onnxruntime', which computes on the CPU, but this job runs on meta: set"):
        with_engine(encoder().to("meta"), "onnxruntime", precision="auto", size=SIZE, folder=tmp_path)
