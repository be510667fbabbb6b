"""The log-mel spectrogram that the audio backbone sees: 80 Slaney mels at 100 frames/s, standardised."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

SAMPLE_RATE = 16_000  # samples/s
MELS = 80
HOP = 160  # samples
FFT = 1024  # samples
MEAN, STD = -5.3688107, 4.410007  # of log-mel values; those that the published weights were trained with

# Slaney's scale (Auditory Toolbox, 1998): linear up to 1000 Hz, then 27 mels for each factor of 6.4.
_LINEAR = 200 / 3  # Hz a mel
_BREAK = 1000.0  # Hz
_STEP = math.log(6.4) / 27


def log_mel(waveform: Tensor) -> Tensor:
    """Mono waveform at 16 kHz, float [..., n] → float32 [..., 80, 1 + n // 160], standardised.

    Power of the short-time Fourier transform (Hann window of 1024 samples, frames centred, zeros around the clip),
    triangles of equal area on Slaney's mel scale from 0 to 8 kHz, natural logarithm of the sum and float32's epsilon.
    It equals ``librosa.feature.melspectrogram`` with ``pad_mode="constant"``.
    """
    samples = waveform.float()
    flat = samples.reshape(-1, samples.shape[-1])  # [N, n]
    window = torch.hann_window(FFT, device=samples.device)
    spectrum = torch.stft(flat, FFT, HOP, window=window, center=True, pad_mode="constant", return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()  # [N, 513, F]
    mels = mel_filters().to(samples.device) @ power  # [N, 80, F]
    standardised = (torch.log(mels + torch.finfo(torch.float32).eps) - MEAN) / STD
    return standardised.reshape(*samples.shape[:-1], MELS, -1)


@lru_cache(maxsize=1)
def mel_filters() -> Tensor:
    """float32 [80, 513]: the weight of each Fourier bin in each mel band."""
    ends = torch.linspace(0, _hertz_to_mel(SAMPLE_RATE / 2), MELS + 2, dtype=torch.float64)
    edges = torch.tensor([_mel_to_hertz(mel) for mel in ends.tolist()], dtype=torch.float64)  # Hz [82]
    bins = torch.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1, dtype=torch.float64)
    low, middle, high = (edges[i : i + MELS, None] for i in range(3))
    triangles = torch.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)).clamp_min(0)
    return (triangles * 2 / (high - low)).float()


def _hertz_to_mel(hertz: float) -> float:
    return hertz / _LINEAR if hertz < _BREAK else _BREAK / _LINEAR + math.log(hertz / _BREAK) / _STEP


def _mel_to_hertz(mel: float) -> float:
    at_break = _BREAK / _LINEAR
    return mel * _LINEAR if mel < at_break else _BREAK * math.exp((mel - at_break) * _STEP)
