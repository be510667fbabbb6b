"""Sums over the frames that overlap."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.fft import next_fast_len

from videosync.lags import overlap
from videosync.lags.overlap import column_products, cross_products, fast_size, vector_products


@pytest.mark.parametrize("of_library", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize(("frames0", "frames1"), [(20, 20), (15, 22), (22, 15)])
def test_products_at_each_lag_are_the_sums_of_the_definition(of_library, frames0, frames1):
    rng, lags = np.random.default_rng(0), np.arange(1 - frames0, frames1)
    x, y = rng.normal(size=(2, frames0, 40)), rng.normal(size=(2, frames1, 40))
    pairs = [[(i, i + k) for i in range(frames0) if 0 <= i + k < frames1] for k in lags]
    slow = np.stack([sum(x[:, i] * y[:, j] for i, j in at) for at in pairs], axis=1)
    x, y = of_library(x), of_library(y)
    np.testing.assert_allclose(cross_products(x, y, lags), slow, atol=1e-9)
    np.testing.assert_allclose(vector_products(x, y, lags), slow.sum(axis=-1), atol=1e-9)


@pytest.mark.parametrize("together", [1, 1 << 20])
def test_products_of_each_two_columns_are_those_of_one_with_one(together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "TOGETHER", together)
    rng, lags = np.random.default_rng(0), np.arange(-10, 15)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(22, 4))
    found = np.concatenate([some for _, some in column_products(x, y, lags)])
    slow = [[cross_products(x[:, [a]], y[:, [b]], lags)[:, 0] for b in range(4)] for a in range(3)]
    np.testing.assert_allclose(found, slow, atol=1e-9)


def test_fast_sizes_are_those_of_scipy() -> None:
    sizes = [*range(1, 700), *np.random.default_rng(0).integers(1, 500_000, 300).tolist()]
    assert [fast_size(n) for n in sizes] == [next_fast_len(n, real=True) for n in sizes]
