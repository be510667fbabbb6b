"""Colour jitter of one frame, operation by operation, as torchvision defines them; hue turns YIQ's chroma plane."""

import math

import numpy as np

TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])


def slow_grey(frame):
    return 0.299 * frame[..., 0] + 0.587 * frame[..., 1] + 0.114 * frame[..., 2]


def slow_brightness(frame, factor):
    return np.clip(factor * frame, 0, 1)


def slow_contrast(frame, factor):
    """Around the mean of the frame's own grey picture."""
    return np.clip(factor * frame + (1 - factor) * slow_grey(frame).mean(), 0, 1)


def slow_saturation(frame, factor):
    return np.clip(factor * frame + (1 - factor) * slow_grey(frame)[..., None], 0, 1)


def slow_hue(frame, turn):
    angle = 2 * math.pi * turn
    y, i, q = np.moveaxis(frame @ TO_YIQ.T, -1, 0)
    turned = y, math.cos(angle) * i - math.sin(angle) * q, math.sin(angle) * i + math.cos(angle) * q
    return np.clip(np.stack(turned, -1) @ np.linalg.inv(TO_YIQ).T, 0, 1)


SLOW = {"brightness": slow_brightness, "contrast": slow_contrast, "saturation": slow_saturation, "hue": slow_hue}
