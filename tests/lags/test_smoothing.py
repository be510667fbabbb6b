"""The Gaussian over time, beside SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from videosync.lags.smoothing import gaussian


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("scale", [0.4, 1.0, 2.3])
@pytest.mark.parametrize("frames", [1, 2, 5, 100])
def test_it_is_that_of_scipy(frames: int, scale: float, order: int) -> None:
    signal = np.random.default_rng(frames).normal(size=(frames, 3)).astype(np.float32)
    wanted = gaussian_filter1d(signal.astype(np.float64), scale, axis=0, order=order)
    np.testing.assert_allclose(gaussian(signal, scale, order=order), wanted, rtol=1e-13, atol=1e-15)
