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


def draw(path: Path, true: np.ndarray, errors: dict[str, np.ndarray], pairs_per_event: int) -> None:
    facts = {"fps": 30.0, "events": [str(n // pairs_per_event) for n in range(len(true))]}
    metrics = {name: sync_metrics(true + e, true, **facts) for name, e in errors.items()}
    save_comparison(path, metrics, floor_metrics(true, **facts), errors, title="a")


@pytest.mark.parametrize("pairs", [1, 2, 30])
def test_any_number_of_pairs_is_drawn(tmp_path: Path, pairs: int) -> None:
    errors = {"perfect": np.zeros(pairs), "off": np.linspace(-4, 9, pairs)}
    draw(tmp_path / "a.png", np.arange(pairs) % 7 - 3, errors, 2)
    picture = matplotlib.image.imread(tmp_path / "a.png")
    assert picture.shape[1] == 900  # GitHub's width; a row for each method makes the height
    assert picture.shape[0] > 200


def test_the_best_method_is_on_top_and_trained_ones_have_another_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plt, "close", lambda figure: None)
    errors = {"diagonal": np.full(8, 2.0), "demo/cnn": np.zeros(8), "dtw": np.ones(8)}
    draw(tmp_path / "a.png", np.arange(8) % 5 - 2, errors, 1)
    axes = plt.gcf().axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["demo/cnn", "dtw", "diagonal"]
    assert axes.yaxis_inverted()
    bars = {round(bar.get_y() + bar.get_height() / 2): bar.get_facecolor() for bar in axes.patches}
    assert bars[1] == bars[2] != bars[0]
