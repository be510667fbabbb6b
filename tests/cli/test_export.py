"""``videosync export`` as a user types it: after a real training, and with the lines of docs/export.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.noise_clips import write_noise_clips
from tests.offset.simulated import simulated_pairs
from videosync.cli.evaluate import main as evaluate
from videosync.cli.export import main as export
from videosync.cli.train import main as train
from videosync.offset.cnn import CnnDetector
from videosync.offset.methods import load_detector
from videosync.offset.saving import save_detector

LENGTH = 12  # frames of the matrices of a detector
TINY = """
data: {dataset: clips, image_size: 32, num_frames: 8, num_workers: 0}
pairs: {num_frames: 12, max_offset: 3}
model: {backbone: small, input: motion, layer: 0, fc_layers: 1, fc_size: 16, hidden_size: 16, layers: 1, heads: 2,
        ff_size: 32, embedding_size: 8, projection_size: 16, positions: rotary, temporal_kernel: 3}
train: {epochs: 1, batch_size: 2, eval_every: 1, holdout: 0.25}
eval: {pictures: 0, precision: float32}
log: {every: 1}
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset, an encoder trained on it and evaluated, and a detector."""
    folder = tmp_path_factory.mktemp("work")
    write_noise_clips(folder / "clips", train=4, val=1)
    (folder / "tiny.yml").write_text(TINY)
    flags = ["--workdir", str(folder), "--cfg_file", str(folder / "tiny.yml"), "--logdir", str(folder / "run")]
    assert train(flags) == 0
    assert evaluate(flags) == 0
    detector = CnnDetector(channels=(8, 16), epochs=8, lr=1e-2, device="cpu")
    detector.fit(simulated_pairs(12, size=LENGTH, max_offset=3))
    save_detector(detector, folder / "detectors/clips/cnn", {"prefix": "clips", "temperature": 0.1})
    return folder


def test_a_trained_encoder_leaves_with_its_card_and_is_evaluated_again(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = work / "weights"
    assert export([str(work / "run"), "--output", str(output), "--format", "safetensors"]) == 0
    printed = capsys.readouterr().out
    assert "no --licence was given" in printed
    assert str(output / "README.md") in printed
    card = (output / "README.md").read_text()
    assert f"--logdir {work / 'run'}" in card  # the training's command
    assert "3 events, 6 videos" in card  # 4 train events, one of them held out
    assert "1 further event held out" in card
    assert "always 0" in card
    again = work / "again"
    own = ["--workdir", str(work), "--cfg_file", str(output / "config.yaml")]
    assert evaluate([*own, "--logdir", str(output), "--output_dir", str(again)]) == 0
    reports = [
        json.loads((folder / "metrics.json").read_text()) for folder in (work / "run/evaluation/clips_val", again)
    ]
    assert reports[0]["methods"] == reports[1]["methods"]
    assert reports[0]["encoder"]["hash"] == reports[1]["encoder"]["hash"]


@pytest.mark.slow
def test_onnx_files_give_offsets_with_the_lines_of_the_page(
    work: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    monkeypatch.chdir(work)
    common = ["--format", "onnx", "--licence", "MIT"]
    assert export(["run", "--output", "exported/encoder", *common]) == 0
    assert export(["detectors/clips/cnn", "--output", "exported/demo/cnn", *common]) == 0
    check = json.loads(Path("exported/encoder/model_card.json").read_text())["files"]["encoder.onnx"]["check"]
    assert check["cases"] == "clips of 6, 8, 12, 17 frames"
    assert check["largest_difference"] < 1e-5
    capsys.readouterr()
    (work / "cam0.mp4").symlink_to(work / "clips/event4/cam0.mp4")
    (work / "cam1.mp4").symlink_to(work / "clips/event4/cam1.mp4")
    page = (root / "docs" / "export.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    exec(lines, names)
    assert "frame i of cam0 shows the moment of frame i +" in capsys.readouterr().out

    encoder = onnxruntime.InferenceSession("exported/encoder/encoder.onnx")
    (frames,) = encoder.get_inputs()
    assert (frames.type, frames.shape) == ("tensor(uint8)", ["B", "T", 3, 32, 32])
    notes = encoder.get_modelmeta().custom_metadata_map
    assert notes["licence"] == "MIT"
    assert "frame `i + k` of video 1" in notes["sign"]

    detector = onnxruntime.InferenceSession("exported/demo/cnn/detector.onnx")
    pairs = simulated_pairs(2, size=LENGTH, max_offset=3, seed=1)
    ahead, back = pairs.forward, pairs.backward
    probabilities, offset = detector.run(None, {"forward": ahead, "backward": back})
    swapped_probabilities, swapped = detector.run(None, {"forward": back, "backward": ahead})
    np.testing.assert_array_equal(swapped_probabilities, probabilities[:, ::-1])
    np.testing.assert_array_equal(swapped, -offset)
    own, _ = load_detector("detectors/clips/cnn")
    np.testing.assert_array_equal(offset, own.predict(ahead, back))
    assert len(np.unique(offset)) > 1
    # the page's lines and the project's own functions agree on the pair
    e0, e1 = (names[name] for name in ("e0", "e1"))
    similarity = names["similarity"]
    assert callable(similarity)
    answer = own.predict(similarity(e0, e1)[None], similarity(e1, e0)[None])
    np.testing.assert_array_equal(names["offset"], answer)


def test_mistakes_are_one_sentence(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export([str(work / "run"), "--output", str(work / "clips"), "--format", "torch"]) == 2
    assert "there already" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        export([str(work / "run"), "--output", str(tmp_path / "out"), "--format", "onxx"])
    error = capsys.readouterr().err
    assert "onxx" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
