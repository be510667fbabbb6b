"""``evaluate.py`` on made replicas of UCF101's and ESC-50's trees, as a user types it."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.recognition.replicas import make_sounds, make_videos
from videosync.checkpoints.checkpoint import save_checkpoint
from videosync.cli import evaluate
from videosync.config.load import config_to_dict, load_config
from videosync.export.export import ExportRequest, export
from videosync.models.audio_resnet import AudioBackbone
from videosync.models.crisscross import CrissCrossModel
from videosync.models.r2plus1d import VideoBackbone

NETWORK = ["model.name=crisscross", "loss.name=crisscross", "crisscross.width=2", "crisscross.projection_size=8",
           "crisscross.prediction_size=4", "data.num_workers=0", "eval.bootstrap=200"]  # fmt: skip
SVM = ["data.dataset=esc", "eval.tasks=[sound_svm]", "svm.seconds=0.4", "svm.train_clips=2", "svm.test_clips=2",
       "svm.costs=[0.1,1]", "svm.more_costs=[10]"]  # fmt: skip
LINEAR = ["data.dataset=esc", "eval.tasks=[sound_linear]", "linear.seconds=0.4", "linear.clips=2", "linear.epochs=3"]
VIDEO = ["data.dataset=ucf", "eval.split=test", "data.num_frames=4", "data.image_size=16", "audio.seconds=0.3"]
FINETUNE = [*VIDEO, "eval.tasks=[finetune]", "finetune.epochs=2", "finetune.batch_size=2", "finetune.test_clips=2"]
STREAMS = [*VIDEO, "eval.tasks=[av_retrieval,probe]", "streams.clips=2", "streams.ks=[1,2]", "eval.folds=[1]"]
RANDOM = "eval.checkpoint=random"


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recognition")
    make_sounds(folder / "esc", folds=2, files=2)
    make_videos(folder / "ucf", events=4, frames=16)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was trained, as far as its checkpoint tells."""
    folder = tmp_path_factory.mktemp("run")
    config = load_config(None, NETWORK)
    torch.manual_seed(1)
    weights = CrissCrossModel(config.crisscross).state_dict()
    save_checkpoint(
        folder, "best", weights=weights, state={}, epoch=3, step=30, metrics={}, config=config_to_dict(config)
    )
    return folder


@pytest.fixture
def evaluated(workdir: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[dict, str]]:
    def call(logdir: Path, *options: str, flags: tuple[str, ...] = ()) -> tuple[dict, str]:
        arguments = ["--workdir", str(workdir), "--logdir", str(logdir), *flags, "--opts", *NETWORK, *options]
        code = evaluate.main(arguments)
        said = capsys.readouterr()
        if code:
            return {}, said.err
        (report,) = (path for path in (logdir if logdir.is_dir() else logdir.parent).rglob("metrics.json"))
        return json.loads(report.read_text()), said.out

    return call


def test_a_sound_is_recognised_by_an_svm(evaluated, tmp_path: Path) -> None:
    report, said = evaluated(tmp_path, *SVM, RANDOM, "eval.calibrate=true")
    found = report["recognition"]["tasks"]["sound_svm"]
    assert set(found["scores"]) == {"cost", "published_costs", "best_cost_on_test"}
    assert found["n"] == 8
    assert found["scores"]["cost"]["mean"] >= 0.75  # a high tone and a low one
    assert found["scores"]["cost"]["floor"] == 0.5
    assert "as published, best C of it on test" in said
    assert report["checkpoint"]["why"] == "none: initialised with seed 0"
    assert "PyAV" in report["versions"]["decoder"]


@pytest.mark.parametrize("options", [LINEAR, FINETUNE], ids=["sound_linear", "finetune"])
def test_folds_of_a_run_are_measured_and_shown_again(evaluated, run: Path, tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "checkpoints").symlink_to(run / "checkpoints")
    report, said = evaluated(tmp_path, *options)
    (found,) = report["recognition"]["tasks"].values()
    assert [len(score["folds"]) for score in found["scores"].values()] == [2] * len(found["scores"])
    assert report["checkpoint"]["epoch"] == 3
    assert report["made_from"]["weights"] == report["network"]["hash"]
    assert "folds 1, 2" in said
    assert not list(tmp_path.rglob("*.safetensors")) or all("checkpoints" in str(p) for p in tmp_path.rglob("*.safe*"))
    (path,) = tmp_path.rglob("metrics.json")
    report["recognition"]["table"] = "kept"
    path.write_text(json.dumps(report))
    assert "kept" in evaluated(tmp_path, *options, flags=("--continue_train",))[1]
    assert "kept" not in evaluated(tmp_path, *options)[1]


def test_folds_that_are_done_stay_when_an_evaluation_goes_on(evaluated, tmp_path: Path) -> None:
    report, _ = evaluated(tmp_path, *SVM, RANDOM, "eval.folds=[2]")
    (done,) = tmp_path.rglob("sound_svm_fold2_*.json")
    content = json.loads(done.read_text())
    content["notes"] = ["as it was found"]
    done.write_text(json.dumps(content))
    next(tmp_path.rglob("metrics.json")).unlink()
    report, said = evaluated(tmp_path, *SVM, RANDOM, flags=("--continue_train",))
    assert "as it was found" in said
    assert [fold["fold"] for fold in report["recognition"]["folds"]["sound_svm"]] == ["1", "2"]


def test_nearest_neighbours_and_probes_of_both_streams(evaluated, run: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").symlink_to(run / "checkpoints")
    report, said = evaluated(tmp_path, *STREAMS)
    tasks = report["recognition"]["tasks"]
    ways = ("video_to_video", "audio_to_audio", "joint_to_joint", "video_to_audio", "audio_to_video")
    assert set(tasks["av_retrieval"]["scores"]) == {f"{way}_{k}" for way in ways for k in (1, 2)}
    assert set(tasks["probe"]["scores"]) == {"probe_video", "probe_audio", "probe_joint"}
    assert tasks["av_retrieval"]["scores"]["audio_to_audio_1"]["mean"] >= 0.75
    assert tasks["av_retrieval"]["scores"]["video_to_video_1"]["floor"] == pytest.approx(0.5)
    assert "sound → video R@1" in said


@pytest.mark.parametrize("name", ["means", "statistics"])
def test_what_is_made_by_hand_is_evaluated_as_a_network_is(evaluated, tmp_path: Path, name: str) -> None:
    report, _ = evaluated(tmp_path, *STREAMS, f"eval.checkpoint={name}")
    scores = report["recognition"]["tasks"]["probe"]["scores"]
    assert scores["probe_audio"]["mean"] >= 0.75  # a high tone and a low one
    assert report["checkpoint"]["why"] == f"none: {name} that are made by hand"
    assert (
        "what is made by hand is for av_retrieval and probe" in evaluated(tmp_path, *SVM, f"eval.checkpoint={name}")[1]
    )


def test_nearest_neighbours_of_sounds_alone(evaluated, run: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").symlink_to(run / "checkpoints")
    sounds = [*STREAMS, "data.dataset=esc", "eval.tasks=[av_retrieval]"]
    report, _ = evaluated(tmp_path, *sounds)
    assert set(report["recognition"]["tasks"]["av_retrieval"]["scores"]) == {"audio_to_audio_1", "audio_to_audio_2"}
    assert "sound alone, but streams.use is 'video'" in evaluated(tmp_path, *sounds, "streams.use=video")[1]


@pytest.mark.parametrize(("options", "kind"), [(SVM, "audio"), (FINETUNE, "video")], ids=["audio", "video"])
def test_a_file_of_published_weights_is_evaluated(evaluated, tmp_path: Path, options: list[str], kind: str) -> None:
    path = published(tmp_path, kind)
    report, _ = evaluated(path, *options, "eval.folds=[1]")
    assert report["network"]["name"] == f"{path.name} ({kind})"


def test_published_weights_are_found_by_name_and_in_a_zip(evaluated, workdir: Path, tmp_path: Path) -> None:
    path = published(tmp_path / "weights", "audio")
    folder = workdir / "pretrained_models"
    folder.mkdir()
    with zipfile.ZipFile(folder / "aud_crisscross_kinetics400.zip", "w") as archive:
        archive.write(path, path.name)
    report, said = evaluated(tmp_path / "run", *SVM, "crisscross.audio_weights=kinetics400", "eval.folds=[1]")
    assert report["network"]["name"] == "aud_crisscross_kinetics400.zip (audio)"
    assert "checkpoint weights: aud_crisscross_kinetics400.zip" in said
    plain, _ = evaluated(path, *SVM, "eval.folds=[1]")
    assert (path.parent / "evaluation" / "esc_sound_svm_aud_crisscross_kinetics400").is_dir()
    assert plain["recognition"]["tasks"] == report["recognition"]["tasks"]


def test_both_streams_come_out_of_one_file_or_export(evaluated, run: Path, tmp_path: Path) -> None:
    probe = [*STREAMS, "eval.tasks=[probe]"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").symlink_to(run / "checkpoints")
    expected = evaluated(tmp_path / "run", *probe)[0]["recognition"]["tasks"]
    export(run, tmp_path / "out", ["safetensors"], ExportRequest())
    model = load_file(run / "checkpoints" / "best" / "model.safetensors")
    (tmp_path / "file").mkdir()
    torch.save({"state_dict": {f"module.{name}": t for name, t in model.items()}}, tmp_path / "file" / "run.pth.tar")
    for place in ("out", "file/run.pth.tar"):
        assert evaluated(tmp_path / place, *probe)[0]["recognition"]["tasks"] == expected, place


def test_other_weights_under_the_same_name_are_evaluated_anew(evaluated, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "trained")
    options = [*SVM, "eval.folds=[1]", f"crisscross.audio_weights={tmp_path / 'trained'}"]
    first, _ = evaluated(tmp_path / "found", *options)
    config = load_config(None, NETWORK)
    weights = CrissCrossModel(config.crisscross).state_dict()
    facts = {"state": {}, "epoch": 4, "step": 40, "metrics": {}, "config": config_to_dict(config)}
    save_checkpoint(tmp_path / "trained", "best", weights=weights, **facts)
    second, _ = evaluated(tmp_path / "found", *options, flags=("--continue_train",))
    assert first["network"]["hash"] != second["network"]["hash"]


def published(folder: Path, kind: str) -> Path:
    """A file as the published ones, of a narrow backbone."""
    torch.manual_seed(0)
    path = folder / f"{kind[:3]}_crisscross_kinetics400.pth.tar"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"audio": AudioBackbone, "video": VideoBackbone}[kind](width=2).state_dict(), path)
    return path


def test_a_run_of_an_encoder_of_frames_is_refused(evaluated, tmp_path: Path) -> None:
    config = config_to_dict(load_config(None, []))
    save_checkpoint(tmp_path, "best", weights={}, state={}, epoch=1, step=1, metrics={}, config=config)
    assert "model.name was 'encoder' in training, an encoder of frames" in evaluated(tmp_path, *SVM)[1]


def test_weights_of_the_other_stream_and_absent_ones_are_refused(evaluated, tmp_path: Path) -> None:
    path = published(tmp_path, "video")
    said = evaluated(path, *SVM)[1]
    assert "holds the video backbone, not an audio backbone" in said
    assert "Traceback" not in said
    assert "absent.pth.tar: there is no such file or folder" in evaluated(tmp_path / "absent.pth.tar", *SVM)[1]
    said = evaluated(tmp_path, *SVM, f"crisscross.video_weights={path}")[1]
    assert "there are no audio weights, which eval.tasks needs" in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([*SVM, RANDOM, "eval.folds=[6]"], "eval.folds names fold 6, but there are 1 and 2"),
        ([*FINETUNE, RANDOM, "eval.folds=[3]"], "eval.folds names fold 3, but there are fold1, fold2"),
        ([*FINETUNE, RANDOM, "eval.split=train"], "eval.split is 'train', but eval.tasks holds 'finetune'"),
        ([*SVM, "eval.tasks=[sound_svm,sync_offset]"], "evaluate them in two commands"),
        (["eval.checkpoint=random"], "eval.checkpoint is random, but eval.tasks holds 'sync_offset'"),
        ([*FINETUNE, RANDOM, "finetune.batch_size=64"], "error: finetune.batch_size is 64, but an epoch has only"),
        ([*SVM, "data.dataset=elsewhere", RANDOM], "elsewhere does not exist. Expected one with manifest.jsonl"),
        ([*FINETUNE, "data.dataset=esc", RANDOM], "esc: holds sounds alone, but 'finetune' in eval.tasks takes videos"),
        (SVM, "no checkpoint 'best' there"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_a_sentence(
    evaluated, tmp_path: Path, options: list[str], sentence: str
) -> None:
    said = evaluated(tmp_path, *options)[1]
    assert sentence in said
    assert "Traceback" not in said


def test_a_damaged_sound_is_named_and_left_out(workdir: Path, tmp_path: Path, capsys) -> None:
    make_sounds(tmp_path / "esc", folds=2, files=3)
    damaged = sorted((tmp_path / "esc" / "audio").iterdir())[0]
    damaged.write_bytes(b"nothing that could be heard")
    code = evaluate.main(
        ["--workdir", str(tmp_path), "--logdir", str(tmp_path / "run"), "--opts", *NETWORK, *SVM, RANDOM]
    )
    assert code == 0
    said = capsys.readouterr().out
    assert "11 test files of 8 groups" in said
    assert f"left out, as they cannot be read: 1 file: {damaged}" in said


def test_damaged_videos_are_named_and_left_out(tmp_path: Path, capsys) -> None:
    make_videos(tmp_path / "ucf", events=6, frames=8)
    for name in ("v_high_g00_c01.mp4", "v_low_g01_c01.mp4"):  # of fold 1: tested, and trained on
        (tmp_path / "ucf" / "clips" / name).write_bytes(b"nothing that could be seen")
    call = ["--workdir", str(tmp_path), "--logdir", str(tmp_path / "run"), "--opts", *NETWORK, *FINETUNE, RANDOM]
    assert evaluate.main([*call, "eval.folds=[1]"]) == 0
    said = capsys.readouterr().out
    assert "finetune: 5 test files of 5 groups, fold 1" in said
    assert "left out, as they cannot be read: 2 files:" in said
    assert "v_high_g00_c01.mp4" in said
    assert "v_low_g01_c01.mp4" in said


def test_a_class_without_train_files_is_named(tmp_path: Path, capsys) -> None:
    make_sounds(tmp_path / "esc", folds=2, files=2)
    (table,) = (tmp_path / "esc" / "meta").iterdir()
    rows = list(csv.reader(table.read_text().splitlines()))
    rows[1][3] = "owl"
    table.write_text("\n".join(map(",".join, rows)) + "\n")
    code = evaluate.main(
        ["--workdir", str(tmp_path), "--logdir", str(tmp_path / "run"), "--opts", *NETWORK, *SVM, RANDOM]
    )
    assert code == 2
    assert "fold 1: class 'owl' has files to test (1) but none to train on" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_share_the_folds(workdir: Path, root: Path, evaluated, tmp_path: Path) -> None:
    alone, _ = evaluated(tmp_path / "alone", *LINEAR, RANDOM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "evaluate.py"]
    command += ["--workdir", str(workdir), "--logdir", str(tmp_path / "two"), "--opts", *NETWORK, *LINEAR, RANDOM]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (report,) = (tmp_path / "two").rglob("metrics.json")
    assert json.loads(report.read_text())["recognition"]["folds"] == alone["recognition"]["folds"]
