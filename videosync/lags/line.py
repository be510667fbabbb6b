"""A robust line through offsets along time: how fast two clocks part, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDS = 25  # of reweighting
SHARPNESS = 1.5  # robust standard deviations of the residuals: those further out lose weight (Cauchy)
LEAST_SPREAD = 0.15  # frames: residuals are never taken for smaller than this
LEAST_POINTS = 5
ANGLES = 20001  # at which a density is known
NORMAL = 1.4826  # times the median absolute deviation: the standard deviation of a normal distribution


@dataclass(frozen=True)
class Line:
    """``offset(t) = offset + slope · (t - centre)``."""

    centre: float
    offset: float
    slope: float
    error: float  # standard error of the slope, inf where it cannot be told
    points: float  # as many independent ones as bear on it, about

    def at(self, times: np.ndarray | float) -> np.ndarray | float:
        return self.offset + self.slope * (times - self.centre)

    def around(self, probability: float) -> float:
        """Half the width of the interval of the slope that holds it with this probability (Student's t)."""
        return self.error * student_half_width(probability, max(self.points - 2, 1.0))


def student_half_width(probability: float, freedom: float) -> float:
    """The ``t`` such that Student's variable of ``freedom`` >= 1 lies in ± t with this probability, to 4 digits.

    ``scipy.special`` has it too, and takes a quarter of the time in which ``videosync sync`` starts to be imported.

    The density of the angle ``arctan(t / √freedom)`` is ``cos(angle)^(freedom - 1)`` (Student, "The probable error of a
    mean", 1908).
    """
    angles = np.linspace(0, np.pi / 2, ANGLES)
    density = np.cos(angles) ** (freedom - 1)
    area = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return float(np.sqrt(freedom) * np.tan(np.interp(probability * area[-1], area, angles)))


def fit_line(times: np.ndarray, offsets: np.ndarray, weights: np.ndarray, *, together: int = 2) -> Line:
    """The line through points, some of which are far off: reweighted least squares (Cauchy weights).

    The error of its slope takes into account that the errors of neighbouring points are alike (the sandwich of Newey
    and West, "A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent covariance matrix",
    1987).

    Args:
        times: float [N], rising. offsets: [N], frames. weights: [N], 0 and more.
        together: points this near to each other, counted along time, have errors that are alike.
    """
    kept = weights > 0
    times, offsets, weights = times[kept], offsets[kept], weights[kept]
    if len(times) < LEAST_POINTS:
        middle = float(np.median(offsets)) if len(offsets) else 0.0
        return Line(float(times.mean()) if len(times) else 0.0, middle, 0.0, np.inf, float(len(times)))
    centre = float(np.average(times, weights=weights))
    design = np.stack([np.ones(len(times)), times - centre], axis=1)  # [N, 2]
    found = np.array([_weighted_median(offsets, weights), 0.0])
    for _ in range(ROUNDS):
        residuals = offsets - design @ found
        spread = max(NORMAL * _weighted_median(np.abs(residuals), weights), LEAST_SPREAD)
        each = weights / (1 + (residuals / (SHARPNESS * spread)) ** 2)
        found = np.linalg.solve(design.T @ (design * each[:, None]), design.T @ (each * offsets))
    residuals = offsets - design @ found
    pull = design * (each * residuals)[:, None]  # [N, 2]: what each point adds to the normal equations
    middle = pull.T @ pull
    for away in range(1, min(together, len(times) - 1) + 1):
        share = 1 - away / (together + 1)
        both = pull[away:].T @ pull[:-away]
        middle += share * (both + both.T)
    # of Cauchy's weights the derivative of the pull, not the weight itself, is what holds the line
    held = each * (1 - (residuals / (SHARPNESS * spread)) ** 2) / (1 + (residuals / (SHARPNESS * spread)) ** 2)
    bread = np.linalg.inv(design.T @ (design * np.maximum(held, 0.0)[:, None]) + 1e-12 * np.eye(2))
    points = 2 / (together + 1) * each.sum() ** 2 / (each**2).sum()
    variance = float((bread @ middle @ bread)[1, 1]) * points / max(points - 2, 0.5)
    return Line(centre, float(found[0]), float(found[1]), float(np.sqrt(max(variance, 0.0))), float(points))


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values, kind="stable")
    running = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(running, running[-1] / 2)])
