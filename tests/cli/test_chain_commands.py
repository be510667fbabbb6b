"""The chain through its commands: evaluate.py, similarity sets, detectors, and the noise encoder as a leak test."""

import csv
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dataset_preparation.synthetic_process import main as make_events
from videosync.cli import construct, eval_detector, evaluate, sync, train, train_detector
from videosync.data import identity
from videosync.similarity.store import load_similarity_set

CONFIG = """
data: {dataset: synthetic, image_size: 32, num_frames: 24, views: cross, sampling_region: 1.0, num_workers: 0}
pairs: {num_frames: 24, max_offset: 6, windows_train: 6, windows_val: 6}
model: {backbone: small, input: motion, layer: 0, temporal_kernel: 5, fc_layers: 1, fc_size: 16, dropout: 0.0,
        hidden_size: 16, positions: none, layers: 1, heads: 2, ff_size: 16, embedding_size: 16, projection_size: 0}
loss: {label_variance: 1.0}
train: {epochs: 1, batch_size: 4, eval_every: 0, holdout: 0}
eval: {bootstrap: 200, pictures: 1}
"""


@pytest.fixture(scope="module")
def workdir(tmp_path_factory, one_worker_in_process):
    folder = tmp_path_factory.mktemp("chain")
    events = ["--train_events", "12", "--val_events", "16", "--frames", "48", "--size", "32"]
    events += ["--offset_range", "6"]
    assert make_events(["--output_dir", str(folder / "synthetic"), *events, "--workers", "1"]) == 0
    (folder / "tiny.yml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def trained(workdir):
    logdir = workdir / "encoder"
    assert train.main(flags(workdir, logdir)) == 0
    return logdir


def flags(workdir, logdir, *opts, **extra):
    paths = [f"paths.sets={workdir / 'sets'}", f"paths.detectors={workdir / 'detectors'}"]
    words = ["--workdir", str(workdir), "--cfg_file", str(workdir / "tiny.yml"), "--logdir", str(logdir)]
    for name, value in extra.items():
        words += [f"--{name}", *value.split()]
    return [*words, "--opts", *paths, *opts]


def test_evaluate_writes_numbers_pairs_and_pictures(workdir, trained, capsys):
    output = trained / "evaluation" / "synthetic_val"
    output.mkdir(parents=True)
    for name in ("worst_7_matrix.png", "median_7_strip.png", "mine.png"):
        (output / name).write_bytes(b"of an earlier report, or the user's own")
    assert evaluate.main(flags(workdir, trained)) == 0
    said = capsys.readouterr().out
    report = json.loads((output / "metrics.json").read_text())
    assert set(report["methods"]) == {"median", "mean", "dtw", "diagonal"}
    assert report["floor"].keys() >= {"n", "n_events", "mae_frames", "moe_frames"}
    assert report["config"]["pairs"]["seed"] == 0
    assert str(workdir) in report["command"]
    assert report["versions"].keys() >= {"videosync", "python", "torch", "decoder"}
    with open(output / "pairs.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == report["floor"]["n"] == 16 * 6
    errors = [abs(float(row["diagonal"]) - int(row["true_offset_frames"])) for row in rows]
    assert np.mean(errors) == pytest.approx(report["methods"]["diagonal"]["mae_frames"], abs=1e-4)
    milliseconds = [float(row["diagonal_error_ms"]) for row in rows]
    assert np.mean(milliseconds) == pytest.approx(report["methods"]["diagonal"]["mae_ms"], abs=0.1)
    pictures = {path.name for path in output.glob("*.png")}
    assert {"worst_1_matrix.png", "worst_1_strip.png", "median_1_matrix.png", "methods.png", "mine.png"} <= pictures
    assert not {"worst_7_matrix.png", "median_7_strip.png"} & pictures
    assert "always 0" in said
    assert str(output) in said
    why = "best: epoch 1 of 1, nothing was held out to choose by, so the last is the best; last: epoch 1"
    assert f"checkpoint {why}\n" in said
    assert report["checkpoint"] == {"name": "best", "epoch": 1, "step": 3, "why": why}
    assert evaluate.main(flags(workdir, trained, "eval.checkpoint=last", "eval.pictures=0")) == 0
    assert "checkpoint last: epoch 1 of 1, nothing was held out" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_similarity_sets_do_not_depend_on_the_number_of_processes(workdir, trained, root, processes):
    prefix = f"ranks{processes}"
    command = [sys.executable, "-m", "torch.distributed.launch", "--nproc_per_node", str(processes)]
    command += ["construct_softmaxed_sim_dataset.py", *flags(workdir, trained, dataset_prefix=prefix)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_PORT": str(29600 + os.getpid() % 300 + processes)}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pairs, header = load_similarity_set(workdir / "sets", prefix, "val")
    assert len(pairs) == 16 * 6
    assert header["temperature"] == 0.1
    np.testing.assert_allclose(pairs.forward.sum(-1), 1, atol=1e-5)
    assert construct.main(flags(workdir, trained, dataset_prefix="plain")) == 0
    plain, _ = load_similarity_set(workdir / "sets", "plain", "val")
    assert plain.pair_ids == pairs.pair_ids
    np.testing.assert_allclose(plain.forward, pairs.forward, atol=1e-5)
    np.testing.assert_allclose(plain.backward, pairs.backward, atol=1e-5)


@pytest.fixture
def small(workdir, trained, tmp_path):
    """(workdir, logdir): a copy of four events and of the trained encoder, to be changed."""
    lines = (workdir / "synthetic" / "manifest.jsonl").read_text().splitlines()
    chosen = [*lines[:2], *lines[-2:]]
    for line in chosen:
        event = json.loads(line)["event"]
        shutil.copytree(workdir / "synthetic" / event, tmp_path / "synthetic" / event)
    (tmp_path / "synthetic" / "manifest.jsonl").write_text("\n".join(chosen) + "\n")
    shutil.copytree(trained / "checkpoints", tmp_path / "run" / "checkpoints")
    shutil.copy(trained / "run.json", tmp_path / "run")
    (tmp_path / "tiny.yml").write_text(CONFIG.replace("pictures: 1", "pictures: 0"))
    return tmp_path, tmp_path / "run"


def replace_a_video(folder):
    first, second = sorted(folder.glob("synthetic/*/cam0.mp4"))[-2:]
    shutil.copyfile(first, second)


def correct_a_label(folder):
    path = folder / "synthetic" / "manifest.jsonl"
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    for sample in samples:
        sample["views"][1]["start_frame"] += 1
    path.write_text("\n".join(json.dumps(sample) for sample in samples) + "\n")


def change_the_code(folder):
    identity.PACKAGE = folder


CHANGES = {
    "video": (replace_a_video, "video files (size or time of change)"),
    "label": (correct_a_label, "the pairs or their labels"),
    "code": (change_the_code, "the code"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_made_from_something_else_is_made_anew(small, change, capsys, monkeypatch):
    folder, logdir = small
    monkeypatch.setattr(identity, "PACKAGE", identity.PACKAGE)  # put back afterwards
    make, said = CHANGES[change]
    sets = [*flags(folder, logdir, dataset_prefix="demo"), "--continue_train"]
    shown = [*flags(folder, logdir), "--continue_train"]
    report = logdir / "evaluation" / "synthetic_val" / "metrics.json"
    assert construct.main(sets) == evaluate.main(shown) == 0
    report.write_text(json.dumps({**json.loads(report.read_text()), "table": "kept"}))
    make(folder)
    capsys.readouterr()
    assert construct.main(sets) == 0
    assert "demo_val: 12 pairs" in (out := capsys.readouterr().out)
    assert f"replaces one made otherwise: {said}" in out
    assert evaluate.main(shown) == 0
    out = capsys.readouterr().out
    assert f"Evaluated anew; since the earlier report there changed: {said}." in out
    assert "kept" not in out
    assert construct.main(sets) == evaluate.main(shown) == 0
    assert "demo_val: already in" in capsys.readouterr().out


def test_other_arrays_of_a_detector_are_asked_anew(small, capsys):
    folder, logdir = small
    assert construct.main(flags(folder, logdir, dataset_prefix="demo")) == 0
    train_flags = flags(folder, logdir, "detector.holdout=0.5", prefix="demo", sync_methods="log_reg")
    assert train_detector.main(train_flags) == 0
    shown = [*flags(folder, logdir, "eval.detectors=[demo/log_reg]"), "--continue_train"]
    assert evaluate.main(shown) == 0
    arrays = folder / "detectors" / "demo" / "log_reg" / "detector.safetensors"
    save_file({name: -array for name, array in load_file(arrays).items()}, arrays)
    capsys.readouterr()
    assert evaluate.main(shown) == 0
    assert "since the earlier report there changed: trained detectors." in capsys.readouterr().out
    assert evaluate.main([*shown, "--opts", "similarity.temperature=0.2"]) == 0
    assert "Note: demo/log_reg was trained on matrices with temperature 0.1" in capsys.readouterr().out
    made = construct.main(
        flags(folder, logdir, "similarity.splits=[val]", "similarity.temperature=0.2", dataset_prefix="demo")
    )
    assert made == 0
    assert "replaces one made otherwise: similarity.temperature is 0.2 but was 0.1" in capsys.readouterr().out
    assert train_detector.main(train_flags) == 2
    assert "_val.json was made otherwise than " in capsys.readouterr().err


def test_other_data_options_are_named_and_replace_no_report(small, capsys):
    folder, logdir = small
    plain = logdir / "evaluation" / "synthetic_val"
    assert evaluate.main(flags(folder, logdir)) == 0
    assert "Note:" not in capsys.readouterr().out
    before = (plain / "metrics.json").read_bytes()
    assert evaluate.main(flags(folder, logdir, "data.image_size=48")) == 0
    said = capsys.readouterr().out
    beside = logdir / "evaluation" / "synthetic_val_data.image_size=48"
    assert "Note: data.image_size is 48 but was 32 in training" in said
    assert str(beside) in said
    report = json.loads((beside / "metrics.json").read_text())
    assert "data.image_size is 48" in report["differences"][0]
    assert (plain / "metrics.json").read_bytes() == before
    assert construct.main(flags(folder, logdir, "data.image_size=48", dataset_prefix="large")) == 0
    assert "Note: data.image_size is 48 but was 32 in training" in capsys.readouterr().out
    again = flags(folder, logdir, "data.image_size=48", output_dir=str(plain))
    assert evaluate.main(again) == 2
    assert "holds a report made with other options (data.image_size is 48 but was 32)" in capsys.readouterr().err
    assert (plain / "metrics.json").read_bytes() == before


def test_a_noise_encoder_is_no_better_than_the_floor(workdir):
    """Truth 3: noise through the whole chain. A method that beats the floor here has found a leak."""
    noise = (
        "model.name=noise",
        "detector.mlp_hidden=[32]",
        "detector.mlp_epochs=10",
        "detector.cnn_epochs=2",
        "detector.equivariant_epochs=2",
    )
    logdir = workdir / "noise"
    assert construct.main(flags(workdir, logdir, *noise, dataset_prefix="noise")) == 0
    methods = "log_reg svm mlp cnn equivariant"
    assert train_detector.main(flags(workdir, logdir, *noise, prefix="noise", sync_methods=methods)) == 0
    assert eval_detector.main(flags(workdir, logdir, *noise, model_prefix="noise", data_prefix="noise")) == 0
    report = json.loads((logdir / "metrics.json").read_text())
    floor = report["floor"]
    assert floor["mae_frames"] == pytest.approx(6 * 7 / 13, abs=2 * floor["moe_frames"])  # mean |k|, k uniform in ±6
    assert len(report["methods"]) == 9
    for name, metrics in report["methods"].items():
        margin = metrics["moe_frames"] + floor["moe_frames"]
        assert metrics["mae_frames"] > floor["mae_frames"] - margin, name
        assert metrics["within_1"] < 0.45, name
        if name.rpartition("/")[2] in ("median", "mean", "log_reg", "svm", "mlp", "cnn", "equivariant"):
            assert metrics["mae_frames"] < floor["mae_frames"] + margin, name


def test_files_are_synchronised_with_the_trained_encoder_and_detector(workdir, trained, capsys):
    """Their names, what they were made from, and an answer that is exactly reversed with the files."""
    few = ("detector.equivariant_epochs=2", "detector.holdout=0.5")
    assert construct.main(flags(workdir, trained, dataset_prefix="chain")) == 0
    learned = flags(workdir, workdir / "log", *few, prefix="chain", sync_methods="log_reg equivariant")
    assert train_detector.main(learned) == 0
    videos = [str(workdir / "synthetic" / "val_0003" / f"cam{n}.mp4") for n in (0, 1)]
    capsys.readouterr()

    def answer(files, *arguments):
        assert sync.main([*files, "--cue", "learned", "--workdir", str(workdir), "--json", "-", *arguments]) in (0, 3)
        return json.loads(capsys.readouterr().out)

    by_name = ("--encoder", str(trained), "--detector", "chain/equivariant")
    found = answer(videos, *by_name)
    encoder = f"{trained.parent.name}/encoder"
    assert (found["encoder"], found["detector"], found["notes"]) == (encoder, "chain/equivariant", [])
    folder = workdir / "detectors" / "chain" / "equivariant"
    assert answer(videos, "--encoder", str(trained), "--detector", str(folder)) == found
    back = answer(videos[::-1], *by_name)
    assert back["pairs"][0]["alone_seconds"] == -found["pairs"][0]["alone_seconds"]
    kernel = answer(videos, "--encoder", str(trained))
    assert kernel["detector"] is None
    assert kernel["pairs"][0]["confidence"] != found["pairs"][0]["confidence"]
    (note,) = answer(videos, "--detector", "chain/equivariant")["notes"]  # with the encoder of the package
    assert "detector chain/equivariant was trained on matrices of another encoder (encoder/best (epoch 1))" in note
    assert sync.main([*videos, "--workdir", str(workdir), "--detector", "chain/log_reg"]) == 2
    said = capsys.readouterr().err
    assert "log_reg reads matrices of 24 x 24 frames only" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("opts", "expected"),
    [
        (["model.hidden_size=32"], "model.hidden_size is 32 but was 16"),
        (["eval.methods=[diagnal]"], "Did you mean 'diagonal'"),
        (["eval.detectors=[demo/mlp]"], "demo"),
    ],
)
def test_wrong_input_is_one_sentence_and_code_2(workdir, trained, opts, expected, capsys):
    output = workdir / "unwritten"
    assert evaluate.main(flags(workdir, trained, *opts, output_dir=str(output))) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert (expected in said.err, said.err.count("\n"), said.out) == (True, 1, "")
    assert not output.exists()
