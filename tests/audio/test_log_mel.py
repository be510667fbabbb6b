"""The log-mel spectrogram, against librosa's (0.11) on 0.5 s each of noise, of a rising tone, and of a burst."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from videosync.audio.log_mel import log_mel, mel_filters

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "log_mel.npz"


def test_log_mel_equals_librosa() -> None:
    golden = np.load(GOLDEN)
    waveform = torch.from_numpy(golden["samples"].astype(np.float32) / 32768)  # [3, 8000]
    np.testing.assert_allclose(log_mel(waveform).numpy(), golden["log_mel"], atol=1e-5)
    np.testing.assert_allclose(mel_filters().numpy()[::8], golden["filters"], atol=1e-8)


def test_each_clip_for_itself_whatever_their_arrangement() -> None:
    waveform = torch.rand(2, 3, 1600, generator=torch.Generator().manual_seed(0)) - 0.5
    mels = log_mel(waveform)
    assert mels.shape == (2, 3, 80, 11)
    assert mels.dtype == torch.float32
    torch.testing.assert_close(mels[1, 2], log_mel(waveform[1, 2].double()))


@pytest.mark.parametrize(("samples", "frames"), [(32_000, 201), (31_999, 200), (1, 1), (160, 2)])
def test_silence_is_the_least_of_all_values(samples: int, frames: int) -> None:
    mels = log_mel(torch.zeros(samples))
    assert mels.shape == (80, frames)
    assert mels.unique().tolist() == [pytest.approx((np.log(np.finfo(np.float32).eps) + 5.3688107) / 4.410007)]
