"""The comparison picture at its edges."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib import pyplot as plt

from videosync.evaluation.detector_plots import _frame_bins, save_comparison
from videosync.evaluation.metrics import floor_metrics, sync_metrics


@pytest.mark.parametrize("largest", [0.0, 0.5, 1.0, 7.5, 61.0, 400.0])
def test_bins_hold_every_error_and_are_centred_on_zero(largest: float) -> None:
    edges = _frame_bins(largest)
    assert edges[0] <= -largest
    assert edges[-1] >= largest
    np.testing.assert_allclose(edges, -edges[::-1])
    assert len(edges) % 2 == 0  # one bin around 0
    assert len(edges) <= 64


@pytest.mark.parametrize("pairs", [1, 2, 30])
def test_any_number_of_pairs_is_drawn(tmp_path: Path, pairs: int) -> None:
    true = np.arange(pairs) % 7 - 3
    facts = {"fps": 30.0, "events": [str(n // 2) for n in range(pairs)]}
    errors = {"perfect": np.zeros(pairs), "off": np.linspace(-4, 9, pairs)}
    metrics = {name: sync_metrics(true + e, true, **facts) for name, e in errors.items()}
    save_comparison(tmp_path / "a.png", metrics, floor_metrics(true, **facts), errors, title="a")
    picture = matplotlib.image.imread(tmp_path / "a.png")
    assert picture.shape[1] == 900  # GitHub's width; a row for each method makes the height
    assert picture.shape[0] > 200


def test_the_best_method_is_on_top_and_trained_ones_have_another_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plt, "close", lambda figure: None)
    true, facts = np.arange(8) % 5 - 2, {"fps": 30.0, "events": [str(n) for n in range(8)]}
    errors = {"diagonal": np.full(8, 2.0), "demo/cnn": np.zeros(8), "dtw": np.ones(8)}
    metrics = {name: sync_metrics(true + e, true, **facts) for name, e in errors.items()}
    save_comparison(tmp_path / "a.png", metrics, floor_metrics(true, **facts), errors, title="a")
    axes = plt.gcf().axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["demo/cnn", "dtw", "diagonal"]
    assert axes.yaxis_inverted()
    bars = {round(bar.get_y() + bar.get_height() / 2): bar.get_facecolor() for bar in axes.patches}
    assert bars[1] == bars[2] != bars[0]
