"""CrissCross through the command a user types, on a small dataset of videos with sound."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cli.sound_clips import RATE, write_sound_clip, write_sound_clips
from tests.cli.test_train_command import losses, records
from videosync import load_encoder
from videosync.checkpoints.checkpoint import find_checkpoint
from videosync.cli.main import main as videosync
from videosync.cli.train import main
from videosync.config.load import load_config
from videosync.data.manifest import read_manifest, write_manifest
from videosync.data.samples import Sample, View
from videosync.engine.encoders import load_sound_encoder
from videosync.errors import ConfigError
from videosync.models.crisscross import CrissCrossModel
from videosync.models.options import CrissCrossOptions

TINY = """
data: {dataset: clips, image_size: 16, num_frames: 4, fps: 8, samples_per_video: 2, num_workers: 0}
audio: {seconds: 1.0}
model: {name: crisscross}
crisscross: {width: 2, projection_size: 16, prediction_size: 4}
loss: {name: crisscross}
optim: {lr: 0.01, larc: true, final_lr: 0.002, predictor_lr: 0.02, warmup_epochs: 0}
train: {epochs: 3, batch_size: 4, eval_every: 1, holdout: 0.25, save_every: 0}
log: {every: 2}
"""
TERMS = ("v1v2", "a1a2", "v1a1", "v2a2", "v1a2", "v2a1")
SPREAD = ("video_std", "audio_std")  # batches are too small for ranks


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 events of 4 s."""
    folder = tmp_path_factory.mktemp("workdir")
    write_sound_clips(folder / "clips", 8)
    (folder / "tiny.yml").write_text(TINY)
    return folder


def command(workdir: Path, logdir: Path, *opts: str) -> list[str]:
    paths = ["--workdir", str(workdir), "--cfg_file", str(workdir / "tiny.yml"), "--logdir", str(logdir)]
    return [*paths, "--opts", *opts] if opts else paths


@pytest.fixture(scope="module")
def trained(workdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logdir of a whole run: 3 epochs of 3 batches (6 of the events, twice each)."""
    logdir = tmp_path_factory.mktemp("trained") / "run"
    assert main(command(workdir, logdir)) == 0
    return logdir


def test_a_run_leaves_checkpoints_and_all_that_is_measured(trained: Path, workdir: Path) -> None:
    steps = [r for r in records(trained) if "loss" in r]
    assert [r["step"] for r in steps] == list(range(1, 10))
    assert np.isfinite([r["loss"] for r in steps]).all()
    for step in steps:  # every second one is looked at
        assert {*TERMS, *SPREAD} <= step.keys() if step["step"] % 2 == 0 else not {*TERMS, *SPREAD} & step.keys()
    assert steps[1]["loss"] == pytest.approx(np.mean([steps[1][term] for term in TERMS]))
    assert steps[-1]["lr"] == pytest.approx(0.002, rel=0.2)
    validations = [r for r in records(trained) if "val/loss" in r]
    assert [r["epoch"] for r in validations] == [1, 2, 3]
    assert {f"val/{name}" for name in (*TERMS, *SPREAD)} <= validations[0].keys()
    best, last = find_checkpoint(trained, "best"), find_checkpoint(trained, "last")
    assert best.step == last.step == 9  # whatever val/loss is
    assert best.weights_hash == last.weights_hash
    assert best.validation == "the last is the best; 4 clips of 2 held-out events were measured beside it"
    assert load_config(trained / "config.yaml").crisscross == load_config(workdir / "tiny.yml").crisscross


def test_going_on_equals_never_having_stopped(workdir: Path, tmp_path: Path) -> None:
    # train.max_steps shortens a learning rate schedule, but a constant one
    opts = ["train.epochs=2", "optim.schedule=constant", "optim.final_lr=0", "augment.cutout=3"]
    assert main(command(workdir, tmp_path / "whole", *opts)) == 0
    assert main(command(workdir, tmp_path / "parts", *opts, "train.max_steps=4")) == 0  # 3 batches an epoch: 1 and 1
    assert main(["--continue_train", *command(workdir, tmp_path / "parts", *opts)]) == 0
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    whole, parts = (find_checkpoint(tmp_path / part, "last").weights() for part in ("whole", "parts"))
    assert all(torch.equal(value, parts[key]) for key, value in whole.items())


@pytest.mark.slow
def test_what_a_loading_process_reads_is_the_same(workdir: Path, tmp_path: Path) -> None:
    opts = ["train.epochs=1", "train.eval_every=0"]
    assert main(command(workdir, tmp_path / "none", *opts)) == 0
    assert main(command(workdir, tmp_path / "one", *opts, "data.num_workers=1")) == 0
    assert list(losses(tmp_path / "one").values()) == pytest.approx(list(losses(tmp_path / "none").values()), rel=1e-4)


def test_jobs_that_need_an_encoder_of_frames_say_so(
    trained: Path, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["--workdir", str(workdir), "--logdir", str(trained), "--cfg_file", str(trained / "config.yaml")]
    clips = [str(workdir / "clips" / f"event{number}.mp4") for number in range(2)]
    for arguments in (
        ["construct", *run, "--dataset_prefix", "x"],
        ["evaluate", *run],
        ["sync", *clips, "--encoder", str(trained)],
    ):
        assert videosync(arguments) == 2
        (said,) = capsys.readouterr().err.strip().splitlines()
        assert "whose two streams see whole clips with sound, but this job needs an encoder of frames" in said
    with pytest.raises(ConfigError, match="best: model.name is 'crisscross'"):
        load_encoder(trained)


def test_a_run_is_the_encoder_of_the_cue_of_sound(
    trained: Path, workdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So is its export, and a file of its weights; one that was not trained, or is no network of sound, is refused."""
    run, weights = load_sound_encoder(trained), find_checkpoint(trained, "best").weights()
    assert (run.columns, run.name) == (16, "run")
    torch.save(weights, tmp_path / "weights.pth.tar")
    assert videosync(["export", str(trained), "--output", str(tmp_path / "export"), "--format", "safetensors"]) == 0
    sound = np.random.default_rng(0).normal(size=(3, 8_000)).astype(np.float32)
    for source in (tmp_path / "export", tmp_path / "weights.pth.tar"):
        np.testing.assert_array_equal(load_sound_encoder(source).features(sound), run.features(sound))

    torch.save(CrissCrossModel(CrissCrossOptions(width=2)).audio.state_dict(), tmp_path / "fresh.pth")
    clips = [str(workdir / "clips" / f"event{number}.mp4") for number in range(2)]
    capsys.readouterr()
    for encoder, sentence in (
        (tmp_path / "fresh.pth", "its sound backbone was not trained"),
        (tmp_path / "gone", "no such file or folder"),
        (None, "the cue 'sound-learned' needs an encoder of sound; name the run of a CrissCross network"),
    ):
        named = [] if encoder is None else ["--encoder", str(encoder)]
        assert videosync(["sync", *clips, "--cue", "sound-learned", *named]) == 2
        (said,) = capsys.readouterr().err.strip().splitlines()
        assert sentence in said
    answer = tmp_path / "answer.json"
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(Path(clips[0]).read_bytes())
    asked = ["--cue", "sound-learned", "--encoder", str(trained), "--json", str(answer)]
    assert videosync(["sync", str(copy), clips[0], *asked]) == 0
    told = json.loads(answer.read_text())
    assert (told["cue"], told["encoder"]) == ("sound-learned", "run")
    assert [file["start_seconds"] for file in told["files"]] == [0, 0]


@pytest.mark.slow
def test_the_published_recipe_takes_a_step(root: Path, workdir: Path, tmp_path: Path) -> None:
    config = str(root / "configs" / "crisscross_kinetics_sound_pretrain_config.yml")
    small = ["data.dataset=clips", "data.num_workers=0", "train.batch_size=2", "train.max_steps=1", "train.holdout=0"]
    flags = ["--workdir", str(workdir), "--cfg_file", config, "--logdir", str(tmp_path)]
    assert main([*flags, "--opts", *small, "train.precision=bf16", "log.every=1"]) == 0
    (step,) = records(tmp_path)
    assert {*TERMS, *SPREAD} <= step.keys()
    assert step["loss"] == pytest.approx(np.mean([step[term] for term in TERMS]), abs=1e-6)
    weights = find_checkpoint(tmp_path, "best").weights()
    sizes = {stream: weights[f"{stream}.conv1.0.weight"].shape for stream in ("video", "audio")}
    assert sizes == {"video": (64, 3, 3, 7, 7), "audio": (64, 1, 7, 7)}


@pytest.mark.slow
def test_two_processes_train_it(root: Path, workdir: Path, tmp_path: Path) -> None:
    port = str(29500 + os.getpid() % 1000)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", port]
    done = subprocess.run(
        [*launcher, "train.py", *command(workdir, tmp_path / "run", *(f"loss.{term}=0" for term in TERMS[1:]))],
        cwd=root, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(losses(tmp_path / "run")) == list(range(1, 10))
    assert {f"val/{name}" for name in (*TERMS, *SPREAD)} <= records(tmp_path / "run")[-1].keys()


@pytest.mark.parametrize(
    ("opts", "expected"),
    [
        (["loss.name=scl"], "model.name is 'crisscross' and loss.name is 'scl': the two streams"),
        (["model.name=encoder", "model.layer=0"], "crisscross.width is 2, but model.name is 'encoder': the option is"),
        (["model.layers=1"], "model.layers is 1, but model.name is 'crisscross': the option is read only when"),
        (["data.views=cross"], "data.views is 'cross', but model.name is 'crisscross'"),
        (["optim.name=adamw"], "optim.larc is true, but optim.name is 'adamw'"),
        (["optim.final_lr=0.1"], "optim.final_lr (0.1) is above optim.lr (0.01)"),
        (["optim.schedule=constant"], "optim.final_lr is 0.002, but optim.schedule is 'constant'"),
        (["audio.crop_scale=[1.5,0.6]"], "audio.crop_scale is [1.5, 0.6]; the smallest size comes first"),
        ([f"loss.{term}=0" for term in TERMS], "all weights of loss.name 'crisscross' are 0 (loss.v1v2, loss.a1a2"),
        (["audio.seconds=3"], "8 of 8 videos of split 'train' are too short"),
        (["train.batch_size=64"], "batch_size is 64, but an epoch has only 12 samples"),
        (["crisscross.video_weights=nowhere.pth.tar"], "nowhere.pth.tar"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_input_is_one_sentence(
    workdir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], opts: list[str], expected: str
) -> None:
    assert main(command(workdir, tmp_path / "run", *opts)) == 2
    said = capsys.readouterr().err.strip()
    assert expected in said
    assert "Traceback" not in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sound_seconds": 0.0}, "bad.mp4: has no sound"),
        ({"sound_seconds": 0.5}, "bad.mp4: has pictures with sound for 0.5"),
        ({}, "bad.mp4: its sound"),
    ],
    ids=["silent", "short", "damaged"],
)
@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_bad_file_stops_training_with_its_name_and_a_remedy(
    workdir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, float],
    said: str,
    workers: int,
) -> None:
    bad = tmp_path / "bad"
    write_sound_clip(bad / "bad.mp4", 5, **options)
    samples = [Sample("bad", "train", (View("bad.mp4", 0, 4 * RATE, float(RATE)),))]
    for sample in read_manifest(workdir / "clips").samples[:3]:
        (bad / sample.views[0].video).symlink_to(workdir / "clips" / sample.views[0].video)
        samples.append(sample)
    write_manifest(bad, samples)
    if not options:
        damage_sound(bad / "bad.mp4")
    opts = ["data.dataset=bad", "train.holdout=0", f"data.num_workers={workers}"]
    flags = command(workdir, tmp_path / "run", *opts)
    flags[1] = str(tmp_path)
    assert main(flags) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line
    assert f"'videosync check {bad} --all --sound 1.5' names all such files" in line


def test_what_was_trained_before_a_bad_file_is_kept(workdir: Path, tmp_path: Path) -> None:
    data = tmp_path / "clips"
    write_sound_clips(data, 4)
    damage_sound(data / read_manifest(data).samples[0].views[0].video)
    flags = command(workdir, tmp_path / "run", "train.holdout=0", "train.batch_size=1", "train.seed=1")
    flags[1] = str(tmp_path)
    assert main(flags) == 2
    steps = [record["step"] for record in records(tmp_path / "run") if "loss" in record]
    assert find_checkpoint(tmp_path / "run", "last").step == steps[-1] > 0
    write_sound_clips(data, 4)
    assert main([*flags[:6], "--continue_train", *flags[6:]]) == 0
    assert find_checkpoint(tmp_path / "run", "last").step == 3 * 8


def damage_sound(path: Path) -> None:
    """Overwrites the packets of the sound, and nothing else."""
    import av

    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    with path.open("r+b") as file:
        for place, size in places:
            file.seek(place)
            file.write(b"\xff" * size)
