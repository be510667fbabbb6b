"""The two detector commands as a user types them: on simulated similarity sets, good and bad."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from tests.offset.simulated import simulated_pairs
from videosync.cli import eval_detector, train_detector
from videosync.offset.methods import DETECTORS, PREDICTORS, load_detector
from videosync.similarity.store import SimilaritySetWriter
from videosync.types import MatrixPairs

QUICK = ["--opts", "detector.mlp_hidden=[32]", "detector.mlp_epochs=8", "detector.cnn_channels=[4,8]"]
QUICK += ["detector.cnn_epochs=3", "detector.cnn_lr=3e-3", "eval.bootstrap=200"]
QUICK += ["detector.equivariant_channels=[4,6]", "detector.equivariant_epochs=2"]


def store(folder: Path, prefix: str, split: str, pairs: MatrixPairs, temperature: float = 0.1) -> None:
    writer = SimilaritySetWriter(
        folder,
        prefix,
        split,
        size=pairs.forward.shape[1],
        lengths=pairs.lengths.tolist(),
        pair_ids=pairs.pair_ids,
        events=pairs.events,
        offsets=pairs.offsets.tolist(),
        fps=pairs.fps.tolist(),
        max_offset=pairs.max_offset,
        header={"metric": "sqeuclidean", "encoder": "simulated", "encoder_hash": "0", "config": {}}
        | {"temperature": temperature},
    )
    for n in range(len(pairs)):
        real = slice(pairs.lengths[n])
        writer.write(n, pairs.forward[n, real, real], pairs.backward[n, real, real])
    writer.finish()


def store_both(folder: Path, prefix: str, *, size: int = 12, seed: int = 0, temperature: float = 0.1) -> None:
    for split, events in (("train", 30), ("val", 12)):
        pairs = simulated_pairs(events, size=size, max_offset=3, seed=seed + len(split), name=split)
        store(folder, prefix, split, pairs, temperature)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two sets of 12 x 12 matrices, one of 14 x 14, and all detectors trained on the first."""
    folder = tmp_path_factory.mktemp("trained")
    store_both(folder / "similarity_sets", "ntu")
    store_both(folder / "similarity_sets", "cmu", seed=50, temperature=0.2)
    store_both(folder / "similarity_sets", "longer", size=14)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert train_detector.main(["--prefix", "ntu", *QUICK]) == 0
    return folder


@pytest.fixture
def there(trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(trained)
    return trained


def test_training_leaves_detectors_epochs_and_numbers(there: Path) -> None:
    epochs = [json.loads(line) for line in (there / "runs/detectors/ntu/metrics.jsonl").read_text().splitlines()]
    assert {record["method"] for record in epochs} == set(DETECTORS)
    assert [r["epoch"] for r in epochs if r["method"] == "cnn"] == [1, 2, 3]
    report = json.loads((there / "runs/detectors/ntu/metrics.json").read_text())
    assert list(report["methods"]) == list(DETECTORS)
    assert report["methods"]["svm"]["mae_frames"] < report["floor"]["mae_frames"]
    for name in DETECTORS:
        detector, facts = load_detector(there / "detectors/ntu" / name)
        assert (detector.size, detector.max_offset) == (12, 3)
        assert facts["metrics"]["val"] == report["methods"][name]
        assert facts["encoder_hash"] == "0"
        assert all(event.startswith("train") for event in facts["train"]["holdout_events"])


def test_continue_train_skips_what_is_finished_and_retrains_what_changed(
    there: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="videosync")
    files = {name: there / "detectors/ntu" / name / "detector.json" for name in ("log_reg", "mlp")}
    before = {name: path.stat().st_mtime_ns for name, path in files.items()}
    flags = ["--prefix", "ntu", "--continue_train", "--sync_methods", "log_reg", "mlp", *QUICK]
    assert train_detector.main(flags) == 0
    assert {name: path.stat().st_mtime_ns for name, path in files.items()} == before
    assert caplog.text.count("not trained again") == 2
    again = capsys.readouterr().out
    assert "always 0" in again
    assert "log_reg" in again
    assert train_detector.main([*flags, "detector.log_reg_c=0.5"]) == 0
    assert files["log_reg"].stat().st_mtime_ns != before["log_reg"]
    assert files["mlp"].stat().st_mtime_ns == before["mlp"]


def test_cross_evaluation_prints_writes_and_draws(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert eval_detector.main(["--model_prefix", "ntu", "--data_prefix", "cmu"]) == 0
    said = capsys.readouterr().out
    names = [*PREDICTORS, *DETECTORS]
    assert [line.split()[0] for line in said.splitlines() if " ± " in line] == ["always", *names]
    assert "frame i + k of video 1" in said
    assert "ntu/mlp was trained on matrices with temperature 0.1, the data has 0.2" in said
    output = there / "runs/detectors/ntu_on_cmu"
    report = json.loads((output / "metrics.json").read_text())
    assert list(report["methods"]) == names
    assert "--data_prefix cmu" in report["command"]
    assert report["config"]["pairs"]["seed"] == 0
    assert report["versions"].keys() >= {"videosync", "python", "torch", "scikit-learn"}
    assert (report["floor"]["n"], report["floor"]["n_events"]) == (48, 12)
    with (output / "pairs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 48
    for name in names:
        errors = [abs(float(row[name]) - int(row["true_offset_frames"])) for row in rows]
        assert np.mean(errors) == pytest.approx(report["methods"][name]["mae_frames"], abs=1e-4)
        ms = np.mean([float(row[f"{name}_error_ms"]) for row in rows])
        assert ms == pytest.approx(report["methods"][name]["mae_ms"], abs=0.1)
    picture = matplotlib.image.imread(output / "methods.png")
    assert picture.shape[0] > 400
    assert picture[..., :3].std() > 0.1


def test_a_report_of_other_models_stands_beside_the_first(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--model_prefix", "ntu", "--data_prefix", "ntu", "--models"]
    plain = Path("runs/detectors/ntu_on_ntu")
    assert eval_detector.main([*flags, "median"]) == 0
    assert list(json.loads((plain / "metrics.json").read_text())["methods"]) == ["median"]
    before = (plain / "metrics.json").read_bytes()
    capsys.readouterr()
    assert eval_detector.main([*flags, "median", "svm"]) == 0
    assert "are in runs/detectors/ntu_on_ntu_models=median-svm." in capsys.readouterr().out
    assert (plain / "metrics.json").read_bytes() == before
    assert eval_detector.main([*flags, "svm", "--logdir", str(plain)]) == 2
    assert "--logdir runs/detectors/ntu_on_ntu: holds a report made with other" in capsys.readouterr().err


def test_detectors_of_a_set_that_was_made_anew_are_told(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained / "detectors", tmp_path / "detectors")
    monkeypatch.chdir(tmp_path)
    flags = ["--model_prefix", "ntu", "--data_prefix", "ntu", "--models", "svm"]
    for seed, told in ((0, False), (7, True)):
        store_both(tmp_path / "similarity_sets", "ntu", seed=seed)
        assert eval_detector.main(flags) == 0
        note = "Note: ntu/svm was trained on an earlier set ntu, made anew since; train it again"
        assert (note in capsys.readouterr().out) == told


def test_sets_and_detectors_are_also_found_in_the_workdir(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--model_prefix", "ntu", "--data_prefix", "ntu", "--models", "svm"]
    assert eval_detector.main(["--workdir", str(trained), *flags]) == 0
    assert (tmp_path / "runs/detectors/ntu_on_ntu/metrics.json").is_file()


def test_a_second_process_of_a_launcher_does_nothing(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert train_detector.main(["--prefix", "ntu", "--logdir", "second", "--local_rank", "1", *QUICK]) == 0
    assert not (there / "second").exists()


@pytest.mark.parametrize(
    ("job", "flags", "said"),
    [
        ("train", ["--prefix", "nut"], "Did you mean 'ntu'?"),
        ("train", ["--prefix", "ntu", "--sync_methods", "mpl"], "Did you mean 'mlp'?"),
        ("train", ["--prefix", "ntu", "--opts", "detector.holdout=0.99"], "leaves none to fit on; choose a smaller"),
        ("eval", ["--model_prefix", "ntu", "--data_prefix", "longer"], "reads 12 x 12 matrices"),
        ("eval", ["--model_prefix", "nut", "--data_prefix", "ntu"], "Did you mean 'ntu'?"),
        ("eval", ["--model_prefix", "cmu", "--data_prefix", "ntu"], "no detector was trained there"),
        ("eval", ["--model_prefix", "ntu", "--data_prefix", "ntu", "--models", "diagnal"], "'diagonal'"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(
    job: str, flags: list[str], said: str, there: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = {"train": train_detector.main, "eval": eval_detector.main}[job]
    before = sorted(there.rglob("*"))
    logdir = tmp_path / "log"
    assert main([*flags, "--logdir", str(logdir)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert (said in captured.err, captured.err.count("\n"), captured.out) == (True, 1, "")
    assert not logdir.exists()
    assert sorted(there.rglob("*")) == before


def test_an_event_in_train_and_val_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for split in ("train", "val"):
        store(tmp_path / "similarity_sets", "leaky", split, simulated_pairs(4, name="same"))
    assert train_detector.main(["--prefix", "leaky"]) == 2
    assert "4 events are in both the train and the val split" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_offsets_never_trained_on_are_said_in_training_and_in_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for split, seed in (("train", 0), ("val", 1)):
        pairs = simulated_pairs(4, max_offset=8, seed=seed, name=split, offsets=[8, -8] * 8)
        store(tmp_path / "similarity_sets", "two", split, pairs)
    assert train_detector.main(["--prefix", "two", "--sync_methods", "log_reg", "equivariant", *QUICK]) == 0
    said = capsys.readouterr().out
    for name in ("log_reg", "equivariant"):
        assert f"Note: {name} was trained on offsets of 2 of 17 classes (-8, 8)" in said
    assert "Note: all true offsets are -8 or 8 frames: only their sign is to be found" in said
    assert "No intervals over events: they need 5 events or more, here are 4." in said
    assert "100 … 100" not in said
    assert eval_detector.main(["--model_prefix", "two", "--data_prefix", "two"]) == 0
    assert "Note: two/log_reg was trained on offsets of 2 of 17 classes (-8, 8)" in capsys.readouterr().out
    report = json.loads((tmp_path / "runs/detectors/two_on_two/metrics.json").read_text())
    assert len(report["notes"]) == 3
    assert report["methods"]["log_reg"]["within_1_interval"] is None


def test_matrices_that_are_all_the_same_teach_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for split in ("train", "val"):
        pairs = simulated_pairs(4, name=split)
        same = np.repeat(pairs.forward[:1], len(pairs), axis=0)
        store(tmp_path / "similarity_sets", "same", split, replace(pairs, forward=same, backward=same))
    assert train_detector.main(["--prefix", "same", "--sync_methods", "log_reg"]) == 2
    assert "all 16 train matrices are the same, so there is nothing to learn" in capsys.readouterr().err
    assert eval_detector.main(["--model_prefix", "same", "--data_prefix", "same", "--models", "median"]) == 0
    assert "Note: all 16 matrices are the same" in capsys.readouterr().out
