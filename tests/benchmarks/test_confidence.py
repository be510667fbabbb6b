"""The fit of confidence: calibrated on curves of known worth, the same numbers as the library's, held out by set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.confidence import __main__ as confidence
from benchmarks.confidence.fit import (
    WANTED,
    Model,
    Row,
    answers,
    calibration,
    fit,
    held_out_models,
    row_weights,
    said_of,
    tables_of,
    threshold,
)
from benchmarks.confidence.windows import LONGER, SHAPES, Event, draw
from benchmarks.scores import reliability, scores
from dataset_preparation.synthetic.event import Settings, make_event
from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.lags.scores import LagScores
from videosync.timeline.calibration import CALIBRATIONS, PATH, Calibration, read_calibrations
from videosync.timeline.confidence import probability_right


def rows(count: int, seed: int = 0) -> list[Row]:
    """Peaks of all heights in noise, of four sets, a third of them of nothing."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        true = None if number % 3 == 0 else int(rng.integers(-20, 21))
        noise = rng.normal(size=61)
        height = 0 if true is None else rng.uniform(0, 9)
        curve = LagScores(-30, noise + height * np.exp(-0.5 * ((np.arange(-30, 31) - (true or 0)) / 0.8) ** 2))
        kind = number % 4
        found.append(Row(f"set{kind}", f"event{number % 20}", kind < 2, "equal", true, curve))
    return found


def test_what_is_said_is_what_comes_true() -> None:
    some = rows(800)
    models = held_out_models(some)
    said = said_of(models, some)
    found = answers(some, said, tables_of(models, some, said, "motion", None))
    classes = reliability(found, (0.0, 0.2, 0.5, 0.8, 1.01))
    assert len(classes) == 4
    for one in classes:
        assert one["said"] == pytest.approx(one["right"], abs=0.15)
    worth = scores(found, bootstrap=0)
    assert worth["placed_right"] >= WANTED
    assert worth["auc_right"] > 0.75
    assert worth["auc_related"] > 0.75
    assert worth["interval_holds"] >= 0.93
    assert worth["at_50%"]["within_1"] >= worth["at_80%"]["within_1"]


def test_weights_are_not_negative_and_the_fit_does_not_depend_on_the_order() -> None:
    some = rows(300)
    one, other = fit(some), fit(some[::-1])
    assert min(one.weights) >= 0
    assert other.weights == pytest.approx(one.weights, abs=1e-2)
    assert one.most < 1


def test_the_limit_leaves_strangers_and_wrong_answers_out() -> None:
    some = rows(400)
    strange = np.array([row.true is None for row in some])
    wrong = ~strange & np.array([row.error > 2 for row in some])
    inside = np.array([not row.curve.at_edge(row.curve.best()) for row in some])
    assert min((strange & inside).sum(), (wrong & inside).sum()) > 20
    assert threshold(some, np.where(strange, 0.85, np.where(wrong, 0.1, 0.99))) == 0.86
    assert threshold(some, np.where(strange, 0.1, np.where(wrong, 0.88, 0.99))) == 0.89
    assert threshold(some, np.where(strange | wrong, 0.1, 0.99)) == 0.8


def test_no_answer_is_surer_than_was_counted() -> None:
    def high(count: int) -> list[Row]:
        made = rows(count)
        peaks = [20 * (row.curve.lags == (row.true or 0)) + 0.1 * row.curve.scores for row in made]
        return [replace(r, true=r.true or 0, curve=replace(r.curve, scores=peak)) for r, peak in zip(made, peaks)]

    few, many = fit(high(30)), fit(high(120))
    assert few.most == pytest.approx(31 / 32, abs=1e-3)
    assert many.most == pytest.approx(121 / 122, abs=1e-3)
    wrong = [replace(row, true=row.true + 9 if n % 30 == 0 else row.true) for n, row in enumerate(high(120))]
    assert fit(wrong).most < many.most


def test_a_model_says_what_the_library_says(monkeypatch: pytest.MonkeyPatch) -> None:
    some = rows(60)
    table = CALIBRATIONS["motion"]
    model = Model(table.sharpness, table.bias, table.weights, table.most)
    library = [probability_right(row.curve, row.curve.best()) for row in some]
    assert model(some) == pytest.approx(library)
    changed = Calibration("motion", 1.0, 0.5, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), 0.9, 0.8, (0.5,), (1.0,))
    monkeypatch.setitem(CALIBRATIONS, "motion", changed)
    other = [probability_right(row.curve, row.curve.best()) for row in some]
    assert Model(1.0, 0.5, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), 0.9)(some) == pytest.approx(other)


def test_kinds_and_sets_weigh_the_same() -> None:
    some = rows(40) + [row for row in rows(40, seed=1) if row.group == "set0"]
    weights = row_weights(some)
    total = {name: sum(w for w, row in zip(weights, some) if row.group == name) for name in ("set0", "set1", "set3")}
    assert total["set0"] == pytest.approx(total["set1"])
    assert total["set0"] == pytest.approx(total["set3"])
    assert weights.sum() == pytest.approx(len(some))


def test_a_set_is_judged_by_the_others() -> None:
    """Rows of one set that all lie do not change what is said of them."""
    some = rows(200)
    lying = [Row(r.group, r.name, r.made, r.shape, None if r.group == "set2" else r.true, r.curve) for r in some]
    there = np.array([row.group == "set2" for row in some])
    one, other = (said_of(held_out_models(of), of)[there] for of in (lying, some))
    assert one == pytest.approx(other)


def test_true_offsets_lie_in_the_range_that_is_searched() -> None:
    rng = np.random.default_rng(2)
    clock = np.arange(900, dtype=np.float32)[:, None]  # signals that say which moment they show
    views = (7.0, {"x": clock[7:700]}), (90.0, {"x": clock[90:]})
    events = [Event(f"set{n % 3}", f"e{n}/1", n % 3 == 0, views) for n in range(9)]
    drawn = list(draw(events, [{"x": -clock[:80]}], 90, rng))
    assert len(drawn) > 200
    related = [d for d in drawn if d.true is not None]
    assert 0.5 < len(related) / len(drawn) < 0.8
    for d in related:
        assert d.true in d.lags
        assert d.signals0["x"][0, 0] - d.signals1["x"][0, 0] == d.true
    for d in drawn:
        frames = len(d.signals0["x"]), len(d.signals1["x"])
        assert frames[0] == frames[1] or d.shape in ("wide", "long")
        assert frames[0] >= LONGER * frames[1] or d.shape != "long"
    assert {d.shape for d in drawn} == set(SHAPES)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the calibration that may be written."""
    copy = tmp_path / "calibration.json"
    copy.write_bytes(PATH.read_bytes())
    monkeypatch.setattr(confidence, "PATH", copy)
    return copy


def test_an_entry_is_written_as_it_is_read_and_the_others_stay(written: Path) -> None:
    model = Model(1.5, -2.0, (0.1, 0.0, 0.3, 0.4, 0.5, 0.6), 0.99)
    some = rows(60)
    made = calibration(model, some, model(some), "energy", "crossview")
    entry = confidence.entry_of(made, {"command": "typed", "pairs": 9, "sets": {"a": 9}})
    confidence.write_calibration("energy", entry)
    content = json.loads(written.read_text())
    assert read_calibrations(content) == {**CALIBRATIONS, "energy": made}
    assert content["fallback"] == "motion"
    assert (
        content["cues"]["energy"]["measured"].items()
        >= {"command": "typed", "pairs": 9, "encoder": "crossview"}.items()
    )


@pytest.mark.slow
def test_one_command_from_videos_to_the_entry(
    tmp_path: Path, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = []
    for number in range(3):
        root = tmp_path / f"set{number}"
        settings = Settings(views=2, frames=100, size=48, offset_range=10, distractors=0, static_share=0.0, seed=number)
        samples = []
        for index in range(2):
            record = make_event(root, "train", index, settings)
            views = tuple(View(v["video"], v["start_frame"], v["num_frames"], v["fps"]) for v in record["views"])
            samples.append(Sample(f"{'abc'[number]}_{index}", "train", views))
        write_manifest(root, samples)
        folders.append(str(root))
    typed = ["--data", folders[0], "--synthetic", *folders[1:], "--windows", "18", "--bootstrap", "20"]
    typed += ["--cache", str(tmp_path / "cache"), "--output", str(tmp_path / "out"), "--write"]
    typed += ["--brought", "3", "2", "--files", str(tmp_path / "files")]
    assert confidence.main(typed) == 0
    assert "| real, wide " in capsys.readouterr().out
    entry = json.loads(written.read_text())["cues"]["motion-learned"]
    assert entry["measured"]["pairs"] == sum(entry["measured"]["sets"].values()) > 20
    assert entry["measured"]["encoder"] == "crossview"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"answers.jsonl", "reliability.png", "held_out.json"}
    cached = [path for path in (tmp_path / "cache").iterdir() if path.name.startswith("cam")]
    assert len(cached) == 12  # the others are of files as people bring them
    assert confidence.main([*typed[:1], "/nowhere", *typed[2:]]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")
    kept = ["--answers", str(tmp_path / "out" / "answers.jsonl"), "--output", str(tmp_path / "out")]
    assert confidence.main(kept) == 0
    assert confidence.main([*kept, "--write"]) == 2
