"""The fit of confidence: calibrated on curves of known worth, the same numbers as the library's, held out by set."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from benchmarks import sync_confidence
from benchmarks.confidence_fit import (
    FEATURES,
    NODES,
    WANTED,
    Model,
    Row,
    fit,
    half_widths,
    held_out,
    reliability,
    row_weights,
    scores,
    threshold,
)
from benchmarks.confidence_windows import Event, draw
from dataset_preparation.synthetic.event import Settings, make_event
from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.lags.scores import LagScores
from videosync.timeline import calibration
from videosync.timeline.calibration import CALIBRATIONS, Calibration
from videosync.timeline.confidence import probability_right


def rows(count: int, seed: int = 0) -> list[Row]:
    """Peaks of all heights in noise, of four sets, a third of them of nothing."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        true = None if number % 3 == 0 else int(rng.integers(-20, 21))
        noise = rng.normal(size=61)
        height = 0 if true is None else rng.uniform(0, 9)
        curve = LagScores(
            -30, noise + height * np.exp(-0.5 * ((np.arange(-30, 31) - (true or 0)) / 0.8) ** 2)
        )
        kind = number % 4
        found.append(Row(f"set{kind}", f"event{number % 20}", kind < 2, "equal", true, curve))
    return found


def test_what_is_said_is_what_comes_true() -> None:
    said = held_out(some := rows(800))
    classes = reliability(some, said, (0.0, 0.2, 0.5, 0.8, 1.01))
    assert len(classes) == 4
    for found in classes:
        assert found["said"] == pytest.approx(found["right"], abs=0.15)
    limit = threshold(some, said)
    worth = scores(some, said, limit, half_widths(some, said))
    assert worth["right_of_accepted"] >= WANTED
    assert worth["auc_right"] > 0.9
    assert worth["inside_interval_of_accepted"] >= 0.93
    assert worth["at_50%"]["right"] >= worth["at_80%"]["right"]


def test_weights_are_not_negative_and_the_fit_does_not_depend_on_the_order() -> None:
    some = rows(300)
    one, other = fit(some), fit(some[::-1])
    assert min(one.weights) >= 0
    assert other.weights == pytest.approx(one.weights, abs=1e-2)
    assert one.most < 1


def test_a_model_says_what_the_library_says(monkeypatch: pytest.MonkeyPatch) -> None:
    some = rows(60)
    table = CALIBRATIONS["motion"]
    model = Model(table.sharpness, table.bias, table.weights, table.most)
    library = [probability_right(row.curve, row.curve.best()) for row in some]
    assert model(some) == pytest.approx(library)
    changed = Calibration(1.0, 0.5, (0.1, 0.2, 0.3), 0.9, 0.8, (0.5,), (1.0,), "")
    monkeypatch.setitem(CALIBRATIONS, "motion", changed)
    other = [probability_right(row.curve, row.curve.best()) for row in some]
    assert Model(1.0, 0.5, (0.1, 0.2, 0.3), 0.9)(some) == pytest.approx(other)


def test_kinds_and_sets_weigh_the_same() -> None:
    some = rows(40) + [row for row in rows(40, seed=1) if row.group == "set0"]
    weights = row_weights(some)
    total = {
        name: sum(w for w, row in zip(weights, some) if row.group == name)
        for name in ("set0", "set1", "set3")
    }
    assert total["set0"] == pytest.approx(total["set1"])
    assert total["set0"] == pytest.approx(total["set3"])
    assert weights.sum() == pytest.approx(len(some))


def test_a_set_is_judged_by_the_others() -> None:
    """Rows of one set that all lie do not change what is said of them."""
    some = rows(200)
    lying = [
        Row(r.group, r.name, r.made, r.shape, None if r.group == "set2" else r.true, r.curve) for r in some
    ]
    there = np.array([row.group == "set2" for row in some])
    assert held_out(lying)[there] == pytest.approx(held_out(some)[there])


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
    for d in (d for d in drawn if d.true is None and d.shape != "wide"):
        assert len(d.signals0["x"]) == len(d.signals1["x"])


def test_the_table_is_written_as_it_is_read() -> None:
    table = Calibration(
        1.5, -2.0, (0.1,) * len(FEATURES), 0.99, 0.8, NODES, (1.0,) * len(NODES), "9 'pairs' " * 30
    )
    scope: dict[str, object] = {"Calibration": Calibration}
    source = sync_confidence._as_source({"motion": table, "other": CALIBRATIONS["motion"]})
    exec(source.replace("CALIBRATIONS: dict[str, Calibration]", "found"), scope)
    assert scope["found"] == {"motion": table, "other": CALIBRATIONS["motion"]}


@pytest.mark.slow
def test_one_command_from_videos_to_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = []
    for number in range(3):
        root = tmp_path / f"set{number}"
        settings = Settings(
            views=2, frames=100, size=48, offset_range=10, distractors=0, static_share=0.0, seed=number
        )
        samples = []
        for index in range(2):
            record = make_event(root, "train", index, settings)
            views = tuple(
                View(v["video"], v["start_frame"], v["num_frames"], v["fps"]) for v in record["views"]
            )
            samples.append(Sample(f"{'abc'[number]}_{index}", "train", views))
        write_manifest(root, samples)
        folders.append(str(root))
    table = tmp_path / "calibration.py"
    table.write_text(Path(calibration.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(calibration, "__file__", str(table))
    typed = ["--data", folders[0], "--synthetic", *folders[1:], "--windows", "18", "--bootstrap", "20"]
    typed += ["--cache", str(tmp_path / "cache"), "--output", str(tmp_path / "out"), "--write"]
    assert sync_confidence.main(typed) == 0
    assert "| real, all |" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "sync_confidence.json").read_text())
    written = runpy.run_path(str(table), run_name="videosync.timeline.calibration")["CALIBRATIONS"][
        report["cue"]
    ]
    assert list(written.weights) == list(report["calibration"]["weights"].values())
    assert written.accepted == report["calibration"]["accepted"]
    assert written.made_from.startswith(f"{sum(report['sets'].values())} pairs of windows: ")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".png"}
    cached = sorted((tmp_path / "cache").iterdir())
    assert len(cached) == 12
    assert sync_confidence.main([*typed[:1], "/nowhere", *typed[2:]]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")
