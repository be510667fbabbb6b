"""The plan of a pretraining, beside the same sum written out."""

from __future__ import annotations

import pytest

from benchmarks.speed import plan as module
from videosync.config.load import load_config
from videosync.errors import ConfigError

RESULTS = {
    "speed_data": [
        {"name": module.LOADER[0], "here": 500.0},
        {"name": f"{module.LOADER[0]}, files kept decoded", "here": 900.0},  # a pretraining has no room for them
    ],
    "speed_train_step": [{"name": module.STEP[0], "share": 0.5}],
}


def test_the_slowest_part_and_the_averaging_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_result", lambda name: {"rows": RESULTS[name]})
    config = load_config(None, ["data.num_frames=100", "data.image_size=100", "train.batch_size=8", "train.epochs=3"])
    args = module.arguments().parse_args(["--videos=1000", "--cores=4", "--copy=12", "--network=1"])
    alone, wide = (module.plan(config, gpus, 1000.0, 10**7, args) for gpus in (8, 16))
    assert [alone[f"{part}_rate"] for part in ("decoding", "copying", "step")] == [8000.0, 3_200_000.0, 4000.0]
    assert (alone["slowest"], alone["averaging"], alone["cores"]) == ("step", 0.0, 2.0)
    assert alone["hours"] == pytest.approx(1000 * 200 * 3 / 4000 / 3600)
    # 16 pairs of 200 frames at 8,000 frames/s are 0.4 s; 40 MB twice at 1 GB/s are 0.08 s
    assert wide["averaging"] == pytest.approx(0.08 / 0.48)
    assert wide["hours"] == pytest.approx(1000 * 200 * 3 / (3200 / 0.48) / 3600)


def test_a_part_that_was_not_measured_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_result", lambda name: {"rows": []})
    with pytest.raises(
        ConfigError, match=r"speed_data\.json: no row is named training loader, 2 × 80 frames, no workers or"
    ):
        module.measured("speed_data", module.LOADER, "here")
