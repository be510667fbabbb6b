"""Trained detectors: the contract of every one, and what each must not get wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.offset.simulated import simulated_pairs
from videosync.errors import CheckpointError, ConfigError, TrainingError
from videosync.evaluation.metrics import floor_metrics, sync_metrics
from videosync.offset.detector import Detector, split_events
from videosync.offset.early_stopping import EarlyStopping
from videosync.offset.methods import DETECTORS, PREDICTORS, load_detector, load_methods
from videosync.offset.saving import save_detector, trained_detectors
from videosync.types import MatrixPairs

SMALL: dict[str, dict[str, Any]] = {
    "log_reg": {},
    "svm": {},
    "mlp": {"hidden": [64, 32], "epochs": 40},
    "cnn": {"channels": [8, 16], "lr": 3e-3, "epochs": 25, "dropout": 0.1},
    "equivariant": {"channels": [4, 6], "epochs": 8},
}
TRAIN = simulated_pairs(60, size=16, max_offset=4, seed=0)
VAL = simulated_pairs(30, size=16, max_offset=4, seed=1, name="val")


def fitted(name: str, train: MatrixPairs = TRAIN, **options: Any) -> Detector:
    detector = DETECTORS[name](**{**SMALL[name], **options})
    detector.fit(train)
    return detector


@pytest.fixture(scope="module", params=DETECTORS)
def detector(request: pytest.FixtureRequest) -> Detector:
    return fitted(request.param)


def test_every_detector_has_a_small_form_here() -> None:
    assert SMALL.keys() == DETECTORS.keys()


class TestEveryDetector:
    def test_it_learns_to_read_offsets(self, detector: Detector) -> None:
        errors = np.abs(detector.predict(VAL.forward, VAL.backward) - VAL.offsets)
        assert errors.mean() < 0.5 * np.abs(VAL.offsets).mean()
        assert (errors <= 1).mean() > 0.8

    def test_swapped_videos_give_exactly_the_negative_offset(self, detector: Detector) -> None:
        one = detector.predict(VAL.forward, VAL.backward)
        np.testing.assert_array_equal(detector.predict(VAL.backward, VAL.forward), -one)
        np.testing.assert_array_equal(
            detector.probabilities(VAL.backward, VAL.forward),
            detector.probabilities(VAL.forward, VAL.backward)[:, ::-1],
        )

    def test_identical_videos_give_exactly_zero(self, detector: Detector) -> None:
        np.testing.assert_array_equal(detector.predict(VAL.forward, VAL.forward), np.zeros(len(VAL)))

    def test_probabilities_sum_to_one(self, detector: Detector) -> None:
        probabilities = detector.probabilities(VAL.forward, VAL.backward)
        assert probabilities.shape == (len(VAL), 9)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)

    def test_same_seed_same_detector(self, detector: Detector) -> None:
        again = fitted(detector.method).arrays()
        for name, value in detector.arrays().items():
            np.testing.assert_array_equal(again[name], value, err_msg=name)

    def test_saved_and_loaded_it_answers_the_same(self, detector: Detector, tmp_path: Path) -> None:
        folder = tmp_path / "set" / detector.method
        save_detector(detector, folder, {"set_hash": "abc"})
        loaded, facts = load_detector(folder)
        np.testing.assert_array_equal(
            loaded.probabilities(VAL.forward, VAL.backward), detector.probabilities(VAL.forward, VAL.backward)
        )
        # that holds on any processor, for the arrays that are multiplied lie in one order
        strides = [{k: v.strides for k, v in d.arrays().items()} for d in (detector, loaded)]
        assert strides[0] == strides[1]
        assert asdict(loaded.options) == asdict(detector.options) == facts["options"]
        assert (facts["set_hash"], facts["size"], facts["max_offset"]) == ("abc", 16, 4)
        assert loaded.name == f"set/{detector.method}"
        assert sorted(p.name for p in folder.iterdir()) == ["detector.json", "detector.safetensors"]
        save_detector(detector, folder, {"set_hash": "def"})  # replaces
        assert load_detector(folder)[1]["set_hash"] == "def"
        assert [p.name for p in folder.parent.iterdir()] == [detector.method]

    def test_matrices_of_another_size_or_range_are_refused(self, detector: Detector) -> None:
        other = simulated_pairs(1, size=18, max_offset=4)
        if detector.any_size:
            assert detector(other.forward, other.backward, 5).shape == (4,)
            return
        with pytest.raises(CheckpointError, match="reads 16 x 16 matrices, but the data holds 18 x 18"):
            detector.predict(other.forward, other.backward)
        with pytest.raises(CheckpointError, match=r"up to ±4 frames, but the data holds offsets up to ±5"):
            detector(VAL.forward, VAL.backward, 5)

    def test_labels_that_training_never_saw(self, detector: Detector) -> None:
        kept = np.isin(np.abs(TRAIN.offsets), [0, 1, 3])
        rows = np.flatnonzero(kept)
        partial = replace(
            TRAIN,
            forward=TRAIN.forward[rows],
            backward=TRAIN.backward[rows],
            lengths=TRAIN.lengths[rows],
            offsets=TRAIN.offsets[rows],
            events=tuple(TRAIN.events[n] for n in rows),
            pair_ids=tuple(TRAIN.pair_ids[n] for n in rows),
            fps=TRAIN.fps[rows],
        )
        learned = fitted(detector.method, partial)
        probabilities = learned.probabilities(VAL.forward, VAL.backward)
        assert probabilities.shape == (len(VAL), 9)
        assert np.isfinite(probabilities).all()
        if detector.any_size:  # it has learned what a diagonal looks like, not which ones there are
            errors = np.abs(learned.predict(VAL.forward, VAL.backward) - VAL.offsets)
            assert (errors[~np.isin(np.abs(VAL.offsets), [0, 1, 3])] <= 1).mean() > 0.8
            return
        assert probabilities[:, [0, 2, 6, 8]].mean() < probabilities[:, [1, 3, 4, 5, 7]].mean()

    def test_fewer_than_two_events_are_refused(self, detector: Detector) -> None:
        with pytest.raises(TrainingError, match="at least 2 train events"):
            fitted(detector.method, simulated_pairs(1, windows=8))

    def test_only_the_offset_zero_is_refused(self, detector: Detector) -> None:
        with pytest.raises(TrainingError, match="all train offsets are 0"):
            fitted(detector.method, simulated_pairs(4, windows=1, offsets=[0, 0, 0, 0]))

    def test_inputs_are_left_as_they_were(self, detector: Detector) -> None:
        before = VAL.forward.copy(), VAL.backward.copy()
        detector.predict(VAL.forward, VAL.backward)
        np.testing.assert_array_equal(VAL.forward, before[0])
        np.testing.assert_array_equal(VAL.backward, before[1])


@pytest.mark.parametrize("name", DETECTORS)
def test_noise_lands_on_the_floor(name: str) -> None:
    """Embeddings that know nothing: the error of always answering 0, not less (a leak) and not more."""
    train = simulated_pairs(60, size=16, noise=np.inf, seed=3)
    val = simulated_pairs(60, size=16, noise=np.inf, seed=4, name="val")
    detector = fitted(name, train)
    facts = {"fps": val.fps, "events": val.events, "max_offset": val.max_offset}
    found = sync_metrics(detector.predict(val.forward, val.backward), val.offsets, **facts)
    floor = floor_metrics(val.offsets, **facts)
    assert floor.moe_frames is not None
    assert abs(found.mae_frames - floor.mae_frames) < floor.moe_frames
    assert abs(floor.mae_frames - val.max_offset * (val.max_offset + 1) / (2 * val.max_offset + 1)) < 0.3


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_the_best_epoch_is_what_remains(name: str) -> None:
    detector = DETECTORS[name](**SMALL[name], patience=3)
    losses: list[float] = []
    states: list[Mapping[str, np.ndarray]] = []

    def on_epoch(report: Mapping[str, float]) -> None:
        assert report["epoch"] == len(losses) + 1
        losses.append(report["holdout_loss"])
        states.append({k: v.copy() for k, v in detector.arrays().items() if k.startswith("model.")})

    noisy = simulated_pairs(30, size=16, max_offset=4, noise=1.5, seed=5)
    facts = detector.fit(noisy, on_epoch=on_epoch)
    best = int(np.argmin(losses))
    assert facts["best_epoch"] == best + 1
    assert facts["epochs"] == len(losses) == best + 1 + 3  # it stopped by patience, after the best epoch
    kept = detector.arrays()
    for key, value in states[best].items():
        np.testing.assert_array_equal(kept[key], value, err_msg=key)
    assert any(not np.array_equal(states[-1][key], value) for key, value in states[best].items())


def test_a_loss_that_is_not_finite_stops_with_a_sentence() -> None:
    with pytest.raises(TrainingError, match="held-out loss of epoch 1"):
        fitted("cnn", lr=1e30)


def test_training_a_cnn_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    fitted("cnn", epochs=1).predict(VAL.forward, VAL.backward)
    assert torch.equal(torch.rand(3), expected)


def test_linear_fit_in_the_row_span_is_the_fit_over_all_cells() -> None:
    """100 examples of 256 cells: the short way and scikit-learn on all cells give one solution."""
    from sklearn.linear_model import LogisticRegression

    from videosync.offset.linear import row_space

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(100, 256)).astype(np.float32) / 16
    labels = rng.integers(0, 5, 100)
    span = inputs.T @ row_space(inputs)
    np.testing.assert_allclose(span.T @ span, np.eye(span.shape[1]), atol=1e-4)
    short = LogisticRegression(tol=1e-8, max_iter=5000).fit(inputs @ span, labels)
    full = LogisticRegression(tol=1e-8, max_iter=5000).fit(inputs, labels)
    np.testing.assert_allclose(short.coef_ @ span.T, full.coef_, atol=2e-3)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize(("size", "max_offset"), [(5, 1), (23, 11)])
def test_any_size_and_range(name: str, size: int, max_offset: int) -> None:
    pairs = simulated_pairs(8, size=size, max_offset=max_offset)
    options = {**SMALL[name], **({"epochs": 2} if "epochs" in SMALL[name] else {})}
    detector = DETECTORS[name](**options)
    detector.fit(pairs)
    found = detector(pairs.forward, pairs.backward, max_offset)
    assert found.shape == (32,)
    assert np.abs(found).max() <= max_offset


def test_no_event_is_on_both_sides_of_the_holdout() -> None:
    events = tuple(f"e{n % 7}" for n in range(50))
    rows, held = split_events(events, 0.3, seed=0)
    assert {events[n] for n in rows}.isdisjoint(events[n] for n in held)
    assert sorted([*rows, *held]) == list(range(50))
    assert len({events[n] for n in held}) == 3  # 0.3 of 7, rounded up


def test_of_epochs_with_equal_loss_the_last_is_kept_and_patience_runs_on() -> None:
    stopping = EarlyStopping(patience=3)
    stops = [
        stopping.update(epoch, loss, lambda epoch=epoch: {"weights": np.array(epoch)})  # type: ignore[misc]
        for epoch, loss in enumerate([2.0, 1.0, 1.5, 1.0, 1.0], start=1)
    ]
    assert stops == [False, False, False, False, True]  # three epochs after the second: none was lower
    assert stopping.best_arrays["weights"] == stopping.facts(5)["best_epoch"] == 5


def test_names_of_methods(tmp_path: Path) -> None:
    save_detector(fitted("log_reg"), tmp_path / "ntu" / "log_reg", {})
    methods = load_methods(["diagonal", "ntu/log_reg"], tmp_path.joinpath)
    assert methods["diagonal"] is PREDICTORS["diagonal"]
    np.testing.assert_array_equal(
        methods["ntu/log_reg"](VAL.forward, VAL.backward, 4), fitted("log_reg").predict(VAL.forward, VAL.backward)
    )
    assert trained_detectors(tmp_path / "ntu") == ["log_reg"]
    with pytest.raises(ConfigError, match="Did you mean 'diagonal'"):
        load_methods(["diagnal"], tmp_path.joinpath)
    with pytest.raises(CheckpointError, match="Trained there: log_reg"):
        load_methods(["ntu/mlp"], tmp_path.joinpath)
    with pytest.raises(CheckpointError, match="Did you mean 'ntu'"):
        load_methods(["nut/log_reg"], tmp_path.joinpath)


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("detector.safetensors", lambda data: data[:100], "damaged"),
        ("detector.json", lambda data: b"{not json", "not JSON"),
        ("detector.json", lambda data: data.replace(b'"format": 1', b'"format": 99'), "not a detector of this version"),
        ("detector.json", lambda data: data.replace(b'"log_reg"', b'"mlp"'), "do not fit"),
        ("detector.json", lambda data: data.replace(b'"shortest": 16', b'"shortest": "16"'), "shortest is '16', but"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, damage: Callable[[bytes], bytes], said: str) -> None:
    folder = tmp_path / "set" / "log_reg"
    save_detector(fitted("log_reg"), folder, {})
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    with pytest.raises(CheckpointError, match=said) as caught:
        load_detector(folder)
    assert str(folder) in str(caught.value)


def test_a_set_too_large_for_memory_is_said_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("videosync.offset.cell_detector.os.sysconf", lambda name: 100)
    with pytest.raises(TrainingError, match=r"480 matrices of 16 x 16 need .* GiB"):
        fitted("log_reg")
