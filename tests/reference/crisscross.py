"""CrissCross by its formulas, in NumPy: the loss, one vector at a time, and a step of Adam behind LARC."""

import numpy as np


def slow_crisscross(p, z, weights):
    """``p``, ``z``: {"v1": [B, D], …}; ``weights``: {"v1a2": 1.0, …} → the loss."""

    def cosine(a, b):
        return np.mean([np.dot(x, y) / np.sqrt(np.dot(x, x) * np.dot(y, y)) for x, y in zip(a, b)])

    total = 0.0
    for name, weight in weights.items():
        first, second = name[:2], name[2:]
        total += weight * (-cosine(p[first], z[second]) / 2 - cosine(p[second], z[first]) / 2)
    return total / sum(weight > 0 for weight in weights.values())


class SlowLarcAdam:
    """One tensor; ``beta`` 0.9 and 0.999."""

    def __init__(self, weight, lr, decay, trust=1e-3, eps=1e-8):
        self.weight, self.lr, self.decay, self.trust, self.eps = weight.copy(), lr, decay, trust, eps
        self.mean, self.square, self.steps = np.zeros_like(weight), np.zeros_like(weight), 0

    def step(self, gradient):
        size, slope = np.sqrt((self.weight**2).sum()), np.sqrt((gradient**2).sum())
        if size > 0 and slope > 0:
            local = self.trust * size / (slope + self.decay * size + self.eps)
            gradient = (gradient + self.decay * self.weight) * min(local / self.lr, 1)
        self.steps += 1
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * gradient**2
        mean, square = self.mean / (1 - 0.9**self.steps), self.square / (1 - 0.999**self.steps)
        self.weight = self.weight - self.lr * mean / (np.sqrt(square) + self.eps)
