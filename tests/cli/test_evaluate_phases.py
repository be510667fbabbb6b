"""``evaluate.py`` with the tasks about phases, as a user types it."""

import json
import os
import subprocess
import sys

import pytest

from tests.phases.actions import make_actions
from videosync.cli import evaluate, train
from videosync.data.manifest import read_manifest, write_manifest
from videosync.data.samples import Sample, View

CONFIG = """
data: {dataset: actions, image_size: 32, num_frames: 16, num_workers: 0}
pairs: {num_frames: 16, max_offset: 4}
model: {backbone: small, layer: 0, fc_layers: 1, fc_size: 16, dropout: 0.0, hidden_size: 16, layers: 1, heads: 2,
        ff_size: 16, embedding_size: 16, projection_size: 0}
train: {epochs: 1, batch_size: 4, eval_every: 0, holdout: 0}
eval: {bootstrap: 100, pictures: 1, tau_stride: 2, tasks: [kendalls_tau, retrieval, event_completion, classification]}
"""
METRICS = [
    "kendalls_tau",
    "retrieval_ap_5",
    "retrieval_ap_10",
    "retrieval_ap_15",
    "event_completion_r2",
    "classification_accuracy_10",
    "classification_accuracy_50",
    "classification_accuracy_100",
]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phases")
    make_actions(folder / "actions", train=8, val=4, frames=(24, 40), size=32)
    (folder / "tiny.yml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def logdir(workdir):
    assert train.main(flags(workdir, workdir / "run")) == 0
    return workdir / "run"


def flags(workdir, logdir, *opts):
    words = ["--workdir", str(workdir), "--cfg_file", str(workdir / "tiny.yml"), "--logdir", str(logdir)]
    return [*words, *(["--opts", *opts] if opts else [])]


def report_of(folder):
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture(scope="module")
def evaluated(workdir, logdir):
    assert evaluate.main(flags(workdir, logdir)) == 0
    return logdir / "evaluation" / "actions_val"


def test_numbers_table_pictures_and_videos(evaluated):
    report = report_of(evaluated)
    phases = report["phases"]
    assert phases["videos"] == {"val": 8, "train": 16}
    scores = phases["scores"]
    assert list(scores) == ["encoder", "without_positions", "position_only", "chance"]
    for column in scores.values():
        assert list(column) == METRICS
        assert all(score["n"] == 8 and score["n_events"] == 4 for score in column.values())
    assert "without positions" in phases["table"]
    assert "methods" not in report  # sync was not asked for
    assert report["versions"].keys() >= {"videosync", "torch"}
    made = {path.name for path in evaluated.iterdir()}
    drawn = {f"phases_{kind}_1.{suffix}" for kind in ("worst", "median") for suffix in ("png", "mp4")}
    assert made == {"metrics.json", *drawn}


@pytest.mark.slow
def test_two_processes_and_sync_beside_give_the_same_numbers(workdir, logdir, evaluated, root, tmp_path):
    tasks = f"eval.tasks=[sync_offset,{','.join(('kendalls_tau', 'retrieval', 'event_completion', 'classification'))}]"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "evaluate.py"]
    command += flags(workdir, logdir, tasks, "eval.pictures=0")
    command[command.index("--opts") : command.index("--opts")] = ["--output_dir", str(tmp_path)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = report_of(tmp_path)
    for column, scores in report_of(evaluated)["phases"]["scores"].items():
        for metric, score in scores.items():
            assert report["phases"]["scores"][column][metric]["value"] == pytest.approx(score["value"], abs=1e-6)
    assert set(report["methods"]) == {"median", "mean", "dtw", "diagonal"}
    assert "Offset errors on actions, split val" in done.stdout
    assert "Phases on actions, split val" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.json", "pairs.csv", "methods.png"}


@pytest.mark.slow
def test_a_finished_evaluation_is_shown_again_until_a_label_changes(workdir, logdir, evaluated, capsys):
    again = [*flags(workdir, logdir), "--continue_train"]
    report = report_of(evaluated)
    report["phases"]["table"] = "kept"
    (evaluated / "metrics.json").write_text(json.dumps(report))
    assert evaluate.main(again) == 0
    assert "Phases on actions, split val\nkept" in capsys.readouterr().out
    labels = workdir / "actions" / "action_008" / "cam0.json"
    before = labels.read_text()
    labels.write_text(json.dumps([-1, *json.loads(before)[1:]]))
    assert evaluate.main(again) == 0
    labels.write_text(before)
    assert "kept" not in capsys.readouterr().out


def test_without_labels_there_is_kendalls_tau_alone(workdir, logdir, capsys):
    manifest = read_manifest(workdir / "actions")
    bare = workdir / "bare"
    bare.mkdir()
    samples = [
        Sample(s.event, s.split, tuple(View(v.video, v.start_frame, v.num_frames, v.fps) for v in s.views))
        for s in manifest.samples
    ]
    for sample in samples:
        (bare / sample.event).symlink_to(workdir / "actions" / sample.event)
    write_manifest(bare, samples)
    refused = evaluate.main(flags(workdir, logdir, "data.dataset=bare"))
    assert refused == 2
    said = capsys.readouterr().err
    assert "no view of split 'val' has frame_labels" in said
    assert "'kendalls_tau' can do without" in said
    only = ("data.dataset=bare", "eval.tasks=[kendalls_tau]", "eval.pictures=0")
    assert evaluate.main(flags(workdir, logdir, *only)) == 0
    report = report_of(logdir / "evaluation" / "bare_val")
    assert list(report["phases"]["scores"]["encoder"]) == ["kendalls_tau"]
    assert report["phases"]["videos"] == {"val": 8}  # the train split is not embedded


def test_noise_is_at_chance(workdir, logdir, tmp_path):
    options = ("model.name=noise", "eval.pictures=0", "eval.tau_stride=1")
    assert evaluate.main([*flags(workdir, logdir, *options), "--output_dir", str(tmp_path)]) == 0
    phases = report_of(tmp_path)["phases"]
    assert abs(phases["scores"]["encoder"]["kendalls_tau"]["value"]) < 0.1
    assert phases["scores"]["without_positions"] is None
    for metric in METRICS[1:]:
        encoder, chance = (phases["scores"][column][metric]["value"] for column in ("encoder", "chance"))
        assert encoder < chance + 0.1, metric
