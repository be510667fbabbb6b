from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.cli.noise_clips import write_noise_clips
from videosync.checkpoints.checkpoint import choice, find_checkpoint, list_checkpoints
from videosync.cli.train import main
from videosync.config.load import load_config

TINY = """
data: {dataset: clips, image_size: 32, num_frames: 8, num_workers: 0}
pairs: {num_frames: 12, max_offset: 3}
model: {backbone: small, layer: 0, fc_layers: 1, fc_size: 16, hidden_size: 16, layers: 1, heads: 2, ff_size: 32,
        embedding_size: 8, projection_size: 16}
train: {epochs: 2, batch_size: 2, eval_every: 1, holdout: 0.25}
log: {every: 1}
"""


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of noise: 5 train events and 1 val event of two views, 20 frames of 32 x 32."""
    folder = tmp_path_factory.mktemp("workdir")
    write_noise_clips(folder / "clips", train=5, val=1)
    (folder / "tiny.yml").write_text(TINY)
    return folder


def flags(workdir: Path, logdir: Path, *opts: str) -> list[str]:
    own = ["--workdir", str(workdir), "--cfg_file", str(workdir / "tiny.yml"), "--logdir", str(logdir)]
    return [*own, "--opts", *opts] if opts else own


def records(logdir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (logdir / "metrics.jsonl").read_text().splitlines()]


def losses(logdir: Path) -> dict[int, float]:
    return {r["step"]: r["loss"] for r in records(logdir) if "loss" in r}


def start(root: Path, command: list[str], **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture(scope="module")
def trained(workdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logdir of a whole run: 2 epochs of 2 batches (5 events less one held out)."""
    logdir = tmp_path_factory.mktemp("trained") / "run"
    assert main(flags(workdir, logdir)) == 0
    return logdir


def test_plain_run_leaves_checkpoints_metrics_and_config(trained: Path, workdir: Path) -> None:
    assert [c.folder.name for c in list_checkpoints(trained)] == ["best", "last"]
    assert sorted(losses(trained)) == [1, 2, 3, 4]
    validations = [r for r in records(trained) if "val/loss" in r]
    assert [r["epoch"] for r in validations] == [1, 2]
    assert {"val/median_mae_frames", "val/diagonal_mae_frames"} <= validations[0].keys()
    best = find_checkpoint(trained, "best")
    lowest = min(r["val/expected_error_frames"] for r in validations)
    assert best.metrics["val/expected_error_frames"] == lowest
    assert choice(best) == f"best: epoch {best.epoch} of 2, {best.validation}; last: epoch 2"
    assert re.fullmatch(
        r"expected error \d\.\d\d frames on \d+ windows of 1 held-out events, the lowest so far", best.validation
    )
    assert load_config(trained / "config.yaml") == load_config(workdir / "tiny.yml")


@pytest.mark.slow  # the demo starts two processes too
@pytest.mark.parametrize("launcher", ["torch.distributed.run", "torch.distributed.launch"])
def test_launchers_start_two_processes(root: Path, workdir: Path, tmp_path: Path, launcher: str) -> None:
    port = str(29500 + os.getpid() % 1000)
    command = [sys.executable, "-m", launcher, "--nproc_per_node", "2", "--master_port", port, "train.py"]
    process = start(root, [*command, *flags(workdir, tmp_path / "run", "train.max_steps", "2")])
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "2 processes on" in output
    assert output.count("step 2/2") == 1  # rank 0 alone speaks
    assert sorted(losses(tmp_path / "run")) == [1, 2]
    assert find_checkpoint(tmp_path / "run", "last").step == 2
    assert find_checkpoint(tmp_path / "run", "best").step == 2


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in the processes of ``start``: other numbers of threads add up in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_sigterm_saves_and_continue_train_goes_on_as_if_nothing_had_happened(
    root: Path, workdir: Path, tmp_path: Path
) -> None:
    logdir = tmp_path / "run"
    opts = ["train.epochs", "400", "train.eval_every", "0", "data.num_workers", "1"]
    opts += ["optim.schedule", "constant"]  # the only one that train.max_steps, below, does not shorten
    process = start(root, [sys.executable, "train.py", *flags(workdir, logdir, *opts)], start_new_session=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step 3/"):
            break
    os.killpg(process.pid, signal.SIGTERM)  # as a scheduler does: to its data-loading workers too
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, errors
    assert "go on with --continue_train" in output
    assert "Traceback" not in errors
    step = find_checkpoint(logdir, "last").step
    assert step >= 3
    assert max(losses(logdir)) == step

    more = [*opts, "train.max_steps", str(step + 2)]
    assert main([*flags(workdir, logdir), "--continue_train", "--opts", *more]) == 0
    assert main(flags(workdir, tmp_path / "whole", *more)) == 0
    assert losses(logdir) == losses(tmp_path / "whole")


def test_training_starts_from_another_run_and_caches_features_of_its_backbone(
    workdir: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fixed = [f"train.start_from={trained}", "model.layer=4", "data.feature_cache=1", "optim.lr=1e-12"]
    logdir = tmp_path / "run"
    assert main(flags(workdir, logdir, *fixed, "train.max_steps", "1")) == 0
    after, start = find_checkpoint(logdir, "last").weights(), find_checkpoint(trained, "best").weights()
    trainable = [n for n in after if after[n].is_floating_point() and "running" not in n]
    assert all((after[n] - start[n]).abs().max() < 1e-6 for n in trainable)
    caches = sorted(path.name for path in (workdir / "feature_cache").iterdir())
    more = [*fixed, "train.max_steps", "2"]
    assert main([*flags(workdir, logdir), "--continue_train", "--opts", *more]) == 0
    assert sorted(path.name for path in (workdir / "feature_cache").iterdir()) == caches  # the same backbone's
    plain = [*fixed[1:], "model.random_backbone", "true", "train.max_steps", "1"]
    assert main(flags(workdir, tmp_path / "plain", *plain)) == 0
    assert sorted(path.name for path in (workdir / "feature_cache").iterdir()) != caches
    assert main(flags(workdir, tmp_path / "wrong", "train.start_from", str(tmp_path / "none"))) == 2
    assert "none" in capsys.readouterr().err


def test_logdir_with_checkpoints_is_not_overwritten(
    workdir: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.rglob("*")}
    assert main(flags(workdir, trained)) == 2
    assert "already holds best, last; go on from there with --continue_train" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in trained.rglob("*")} == before


def said_when_going_on(caplog: pytest.LogCaptureFixture, arguments: list[str]) -> list[str]:
    caplog.clear()
    with caplog.at_level("INFO", logger="videosync"):
        assert main([*arguments, "--continue_train"]) == 0
    return [record.message for record in caplog.records]


def test_continue_train_without_a_checkpoint_starts_from_scratch_and_says_so(
    workdir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = said_when_going_on(caplog, flags(workdir, tmp_path / "run", "train.max_steps", "1"))
    assert any("starts from scratch" in line for line in said)


def test_changed_options_are_named_when_going_on_and_another_model_is_refused(
    workdir: Path, trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    logdir = shutil.copytree(trained, tmp_path / "copy")
    assert main([*flags(workdir, logdir, "model.heads", "1"), "--continue_train"]) == 2
    assert "trained with another model (model.heads: 2 → 1)" in capsys.readouterr().err
    said = said_when_going_on(caplog, flags(workdir, logdir, "train.epochs", "3", "optim.lr=1e-3"))
    assert "changed since that checkpoint: optim.lr: 0.0001 → 0.001" in said
    assert "changed since that checkpoint: train.epochs: 2 → 3" in said
    assert sorted(losses(logdir)) == [1, 2, 3, 4, 5, 6]


def test_other_data_is_named_when_going_on(workdir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(workdir, tmp_path / "work")
    assert main(flags(tmp_path / "work", tmp_path / "run", "train.max_steps=1")) == 0
    manifest = tmp_path / "work" / "clips" / "manifest.jsonl"
    manifest.write_text("".join(manifest.read_text().splitlines(keepends=True)[1:]))
    said = said_when_going_on(caplog, flags(tmp_path / "work", tmp_path / "run"))
    (line,) = [line for line in said if "other train data" in line]
    assert "3 samples an epoch of 3 events instead of 4 samples an epoch of 4 events" in line
    assert "epoch 1, which was under way, starts from its beginning" in line
    assert find_checkpoint(tmp_path / "run", "last").epoch == 2


def test_nothing_left_to_train_is_said_and_changes_nothing(
    workdir: Path, trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logdir = shutil.copytree(trained, tmp_path / "copy")
    before = {path: path.read_bytes() for path in logdir.rglob("*") if path.is_file()}
    said = said_when_going_on(caplog, flags(workdir, logdir, "optim.lr=0.5"))
    assert said[-1].startswith("nothing is trained: 2 of 2 epochs are done (4 steps); raise train.epochs to go on")
    assert not any("trained 4 steps" in line for line in said)
    assert {path: path.read_bytes() for path in logdir.rglob("*") if path.is_file()} == before


def test_a_warm_up_longer_than_training_is_said(
    workdir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="videosync"):
        assert main(flags(workdir, tmp_path, "train.max_steps=1")) == 0
    rate = [r["lr"] for r in records(tmp_path) if "lr" in r][-1]
    (said,) = [r.message for r in caplog.records if "warmup_epochs" in r.message]
    assert "optim.warmup_epochs=1 is 2 steps, but training ends after 1" in said
    assert f"up to {rate:.2g} of optim.lr=0.0001" in said


@pytest.mark.parametrize(
    ("opts", "expected"),
    [
        (["optim.lrr=1"], "Did you mean 'optim.lr'"),
        (["data.dataset=clip"], "Did you mean 'clips'"),
        (["model.weights=resnet.pth", "model.layer=3"], "resnet.pth"),
        (["pairs.num_frames=200"], "lower pairs.num_frames"),
    ],
)
def test_bad_input_is_one_sentence_exit_code_2_and_leaves_nothing(
    workdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], opts: list[str], expected: str
) -> None:
    assert main(flags(workdir, tmp_path / "run", *opts)) == 2
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert (said.startswith("error: "), expected in said) == (True, True), said
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "opts", "said"),
    [
        (True, ["train.holdout=0"], "cam0.mp4: cannot be opened as a video"),
        (False, ["optim.lr=1e30", "optim.grad_clip=0", "train.epochs=50"], "loss is nan"),
    ],
    ids=["damaged video", "loss that is not finite"],
)
def test_an_error_in_training_ends_the_worker_processes_too(
    root: Path, workdir: Path, tmp_path: Path, broken: bool, opts: list[str], said: str
) -> None:
    shutil.copytree(workdir, tmp_path / "work")
    if broken:
        for number in range(5):
            (tmp_path / "work" / "clips" / f"event{number}" / "cam0.mp4").write_bytes(b"junk" * 1000)
    command = [sys.executable, "train.py"]
    process = start(root, [*command, *flags(tmp_path / "work", tmp_path / "run", "data.num_workers=1", *opts)])
    try:
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 2
    assert said in errors
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
