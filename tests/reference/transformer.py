"""Parts of the transformer embedder, one clip and one head at a time, from the published description."""

import numpy as np


def slow_positions(num_frames, train_frames, size):
    """CARL's stretched code, column by column."""
    places = np.arange(num_frames) if num_frames == train_frames else np.linspace(0, train_frames - 1, num_frames)
    code = np.zeros((num_frames, size))
    for column in range(size):
        wave = np.sin if column % 2 == 0 else np.cos
        code[:, column] = wave(places / 10000 ** (column / size))
    return code


def slow_attention(query, key, value, real):
    """Single-head attention [T, d] over the frames where ``real`` is True."""
    out = np.zeros_like(value)
    for t in range(len(query)):
        scores = np.array([query[t] @ key[s] / np.sqrt(query.shape[1]) for s in range(len(key)) if real[s]])
        weights = np.exp(scores - scores.max())
        out[t] = (weights / weights.sum()) @ value[real]
    return out
