"""Every loss beside SCL, through the command a user types, on a small dataset whose frames carry phase labels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cli.test_train_command import losses, records
from videosync.checkpoints.checkpoint import find_checkpoint
from videosync.cli.train import main
from videosync.config.load import load_config
from videosync.data.frame_labels import save_labels
from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.engine.encoders import load_trained_encoder
from videosync.video.write import write_video

FRAMES, EVENTS = 24, 7
TINY = """
data: {dataset: phases, image_size: 32, num_frames: 10, num_workers: 0, views: cross}
augment: {enabled: false}
pairs: {num_frames: 16, max_offset: 3}
model: {backbone: small, layer: 0, fc_layers: 1, fc_size: 16, dropout: 0.0, hidden_size: 16, positions: none, layers: 1,
        heads: 2, ff_size: 32, embedding_size: 8}
optim: {lr: 0.003, schedule: constant, warmup_epochs: 0}
train: {epochs: 16, batch_size: 2, eval_every: 8, holdout: 0.3, save_every: 0}
log: {every: 1}
"""
LOSSES: dict[str, list[str]] = {
    "tcc": ["loss.name=tcc"],
    "tcc_cosine": ["loss.name=tcc", "loss.tcc_type=classification", "loss.tcc_similarity=cosine"],
    "tcn": ["loss.name=tcn", "loss.embeddings=raw", "loss.tcn_window=1"],
    "classification": ["loss.name=classification"],
}
each_loss = pytest.mark.parametrize("name", LOSSES)
each_kind = pytest.mark.parametrize("name", ["tcc", "tcn", "classification"])


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events of two views in which a grey bar moves from left to right; a third of the event is one phase.

    The last event's second view has no labels, and the first frame of each clip is of unknown phase.
    """
    folder = tmp_path_factory.mktemp("workdir")
    rng = np.random.default_rng(0)
    samples = []
    for number in range(EVENTS):
        views = []
        for camera in range(2):
            name = f"event{number}/cam{camera}"
            moments = camera + np.arange(FRAMES)  # camera 1 starts one frame later
            frames = rng.integers(0, 30, (FRAMES, 32, 32, 3), dtype=np.uint8)
            for frame, moment in zip(frames, moments):
                frame[:, moment : moment + 6] += np.uint8(60 + 5 * moment)
            write_video(folder / "phases" / f"{name}.mp4", frames, 25.0, preset="ultrafast")
            labels: str | None = f"{name}.json"
            if (number, camera) == (EVENTS - 1, 1):
                labels = None
            else:
                save_labels(folder / "phases" / f"{name}.json", [-1, *(moments[1:] * 3 // (FRAMES + 1))])
            views.append(View(f"{name}.mp4", camera, FRAMES, 25.0, labels))
        samples.append(Sample(f"event{number}", "train", tuple(views)))
    write_manifest(folder / "phases", samples)
    (folder / "tiny.yml").write_text(TINY)
    return folder


def command(workdir: Path, logdir: Path, *opts: str) -> list[str]:
    # labelled views alone are trained on, and one event has a single one: "mix" takes it as a self-view
    views = ["data.views=mix", "data.cross_share=1.0"] if "loss.name=classification" in opts else []
    paths = ["--workdir", str(workdir), "--cfg_file", str(workdir / "tiny.yml"), "--logdir", str(logdir)]
    return [*paths, "--opts", *opts, *views]


@pytest.fixture(scope="module")
def trained(workdir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The logdirs of whole runs, one a loss."""
    folder = tmp_path_factory.mktemp("trained")
    for name, opts in LOSSES.items():
        assert main(command(workdir, folder / name, *opts)) == 0
    return {name: folder / name for name in LOSSES}


@each_loss
def test_training_lowers_the_loss_and_leaves_checkpoints(trained: dict[str, Path], name: str) -> None:
    seen = list(losses(trained[name]).values())
    assert len(seen) == 32
    assert np.isfinite(seen).all()
    assert np.mean(seen[-8:]) < 0.9 * np.mean(seen[:4])
    assert find_checkpoint(trained[name], "last").step == 32
    criterion = "val/loss" if name == "classification" else "val/expected_error_frames"
    validations = [r for r in records(trained[name]) if "val/loss" in r]
    assert [r["epoch"] for r in validations] == [8, 16]
    lowest = min(r[criterion] for r in validations)
    assert find_checkpoint(trained[name], "best").metrics[criterion] == lowest


def test_phases_are_learned_and_accuracy_is_that_of_held_out_events(trained: dict[str, Path]) -> None:
    validations = [r for r in records(trained["classification"]) if "val/accuracy" in r]
    assert all(0 <= r["val/accuracy"] <= 1 for r in validations)
    assert validations[-1]["val/accuracy"] > 0.6  # a third is right by luck
    assert not any("val/accuracy" in r for r in records(trained["tcc"]))


@each_loss
def test_the_heads_in_a_checkpoint_are_those_that_were_trained(
    trained: dict[str, Path], workdir: Path, name: str
) -> None:
    weights = find_checkpoint(trained[name], "last").weights()
    heads = {key: tuple(w.shape) for key, w in weights.items() if key.startswith(("projection", "classifier"))}
    expected = {"classifier.net.1.weight": (3, 8), "classifier.net.1.bias": (3,)}
    assert heads == (expected if name == "classification" else {})
    saved = load_config(trained[name] / "config.yaml")  # keeps every rule
    assert saved.model.projection_size == 0
    assert saved.model.num_classes == (3 if name == "classification" else 0)
    for source in (trained[name] / "config.yaml", workdir / "tiny.yml"):  # evaluation needs to know of no head
        encoder, about = load_trained_encoder(load_config(source), workdir=workdir, logdir=trained[name], device="cpu")
        assert name in about["name"]
        embeddings = encoder(torch.rand(1, 5, 3, 32, 32))
        torch.testing.assert_close(embeddings.norm(dim=-1), torch.ones(1, 5), rtol=1e-2, atol=1e-2)


@each_kind
def test_going_on_equals_never_having_stopped(
    trained: dict[str, Path], workdir: Path, tmp_path: Path, name: str
) -> None:
    # train.max_steps shortens a learning rate schedule, but a constant one
    dropout = ["model.dropout=0.1", "train.epochs=2", "train.eval_every=0", "optim.schedule=constant"]
    opts = [*LOSSES[name], *dropout]
    assert main(command(workdir, tmp_path / "whole", *opts)) == 0
    assert main(command(workdir, tmp_path / "parts", *opts, "train.max_steps=3")) == 0
    go_on = command(workdir, tmp_path / "parts", *opts)
    assert main(["--continue_train", *go_on]) == 0
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    whole, parts = (find_checkpoint(tmp_path / part, "last").weights() for part in ("whole", "parts"))
    assert all(torch.equal(value, parts[key]) for key, value in whole.items())


@pytest.mark.slow
@each_loss
def test_two_processes_train_it(root: Path, workdir: Path, tmp_path: Path, name: str) -> None:
    port = str(29500 + (os.getpid() + 17 * list(LOSSES).index(name)) % 1000)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", port]
    opts = [*LOSSES[name], "train.epochs=2", "train.eval_every=1"]
    done = subprocess.run(
        [*launcher, "train.py", *command(workdir, tmp_path / "run", *opts)],
        cwd=root, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(losses(tmp_path / "run")) == [1, 2, 3, 4]
    last = [r for r in records(tmp_path / "run") if "val/loss" in r][-1]
    assert np.isfinite(last["val/loss"])
    assert ("val/accuracy" in last) == (name == "classification")


def test_a_share_of_the_labels_and_cached_features(workdir: Path, tmp_path: Path) -> None:
    opts = ["loss.name=classification", "train.epochs=1", "train.eval_every=1", "train.batch_size=1"]
    cached = [*opts, "data.feature_cache=1", "model.layer=4", "model.random_backbone=true"]
    assert main(command(workdir, tmp_path / "cached", *cached)) == 0
    assert len(losses(tmp_path / "cached")) == 5  # 7 events less 2 held out
    assert main(command(workdir, tmp_path / "share", *opts, "data.label_fraction=0.4")) == 0
    assert len(losses(tmp_path / "share")) == 2
    accuracy = [
        [r["val/accuracy"] for r in records(tmp_path / run) if "val/accuracy" in r] for run in ("cached", "share")
    ]
    assert all(len(found) == 1 for found in accuracy)


@pytest.mark.parametrize(
    ("opts", "expected"),
    [
        (["loss.name=classification", "model.num_classes=2"], ["model.num_classes is 2", "set it to 3"]),
        (["loss.name=classification", "data.dataset=bare"], ["bare", "no view of split 'train' has frame_labels"]),
        (["loss.name=classification", "data.dataset=flat"], ["flat", "are 0; supervised training needs two classes"]),
    ],
    ids=lambda value: value[-1],
)
def test_bad_input_is_one_sentence(
    workdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], opts: list[str], expected: list[str]
) -> None:
    for folder, labels in (("bare", None), ("flat", "flat.json")):
        if not (workdir / folder).exists():
            (workdir / folder).mkdir()
            (workdir / folder / "a.mp4").symlink_to(workdir / "phases" / "event0" / "cam0.mp4")
            save_labels(workdir / folder / "flat.json", [0] * FRAMES)
            view = View("a.mp4", 0, FRAMES, 25.0, labels)
            write_manifest(workdir / folder, [Sample("a", "train", (view,))])
    assert main(command(workdir, tmp_path / "run", *opts)) == 2
    (said,) = capsys.readouterr().err.strip().splitlines()
    for part in expected:
        assert part in said
    assert not (tmp_path / "run").exists()
