"""A damaged video of a data set, met by one of two processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.jobs import flags
from tests.fuzz.research import data_set
from videosync.files import file_hash

ENCODER = "encoder/checkpoints/best/model.safetensors"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data_set")
    data_set(folder, folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "run", "damaged"),
    [
        ("train.py", "run", "train_0001/cam1.mp4"),
        ("evaluate.py", "encoder", "val_0001/cam1.mp4"),
        ("construct_softmaxed_sim_dataset.py", "encoder", "train_0003/cam1.mp4"),
    ],
)
def test_the_video_that_one_of_two_processes_meets_is_named(
    source: Path, root: Path, tmp_path: Path, script: str, run: str, damaged: str
) -> None:
    before, video = file_hash(source / ENCODER), source / "synthetic" / damaged
    whole = video.read_bytes()
    video.write_bytes(whole[: len(whole) // 3])
    more = {"train.py": (), "evaluate.py": ("--output-dir", str(tmp_path))}.get(script, ("--dataset_prefix", "new"))
    opts = ("train.epochs=1", "train.backend=gloo", "data.num_workers=1", f"paths.sets={tmp_path}")
    ranks = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"]
    done = subprocess.run(
        [*ranks, str(root / script), *flags(source, source / run, *opts, more=more)],
        cwd=root, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    video.write_bytes(whole)
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert f"{damaged}: " in sentence
    assert done.returncode != 0
    assert file_hash(source / ENCODER) == before
    assert not list(tmp_path.glob("new_*"))
