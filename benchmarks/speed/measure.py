"""What the speed benchmarks share: generated footage, jobs that take turns, memory, one table.

The bare cost of the same work is measured in the same run, alternating; medians of repeated runs count.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks.pipeline import keep_result, provenance
from benchmarks.tables import SPEED, markdown

NOISE = 3.5  # of the generated camera, grey levels: 1080p makes 8 Mbit/s at crf 20
BODIES = 6
Seconds = tuple[float, float]  # on the clock, of processor time


def scene(frames: int, height: int, width: int, seed: int = 0) -> Iterator[np.ndarray]:
    """uint8 [H,W,3]: a textured background that pans, turning bodies of other texture, noise of a camera."""
    rng = np.random.default_rng(seed)
    room, drop, side = width // 3, height // 17, height // 3
    background = texture(rng, height + drop, width + room)
    bodies = [(texture(rng, side, side), rng.uniform(size=4)) for _ in range(BODIES)]
    grain = rng.normal(0, NOISE, (height + 64, width + 64, 1)).astype(np.int8)
    for t in range(frames):
        left, top = (int(far / 2 * (1 + np.sin(pace * t))) for far, pace in ((room, 0.011), (drop, 0.017)))
        frame = background[top : top + height, left : left + width].copy()
        for patch, (x, y, speed, phase) in bodies:
            angle = 360 * (phase + 0.004 * (1 + speed) * t)
            turn = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1.0)
            turned = cv2.warpAffine(patch, turn, (side, side), borderMode=cv2.BORDER_REFLECT)
            row = int((height - side) * (0.5 + 0.5 * np.sin(6 * y + 0.03 * (1 + speed) * t)))
            column = int((width - side) * (0.5 + 0.5 * np.sin(6 * x + 0.02 * (1 + speed) * t)))
            frame[row : row + side, column : column + side] = turned
        row, column = rng.integers(0, 64, 2)
        yield cv2.add(frame, grain[row : row + height, column : column + width].repeat(3, 2), dtype=cv2.CV_8U)


def texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """uint8 [H,W,3]: noise of all scales, coarse ones stronger and colours weaker, as in natural pictures."""
    total = np.full((height, width, 3), 128, np.float32)
    for cell in (256, 128, 64, 32, 16, 8, 4):
        for channels, strength in ((1, 0.4), (3, 0.12)):
            coarse = rng.normal(0, strength * cell**0.9, (height // cell + 2, width // cell + 2, channels))
            fine = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
            total += fine.reshape(height, width, channels)
    return np.asarray(total.clip(0, 255).astype(np.uint8))


def alternate(work: Mapping[str, Callable[[], int]], repeats: int) -> dict[str, Seconds]:
    """Median frames a second, on the clock and of processor time; after a warm-up the jobs take turns.

    Each job returns the number of frames it made.
    """
    rates: dict[str, list[Seconds]] = {name: [] for name in work}
    for turn in range(repeats + 1):
        for name, job in work.items():
            wall, cpu = time.perf_counter(), time.process_time()
            frames = job()
            if turn:
                rates[name].append((frames / (time.perf_counter() - wall), frames / (time.process_time() - cpu)))
    return {name: (_median(values, 0), _median(values, 1)) for name, values in rates.items()}


def _median(values: Sequence[Seconds], place: int) -> float:
    return statistics.median(value[place] for value in values)


def row(name: str, here: float, bare: float, beside: str, note: str = "", **more: Any) -> dict[str, Any]:
    """A line of the table; ``here`` and ``bare`` in frames/s."""
    return {"name": name, "here": here, "bare": bare, "share": here / bare, "beside": beside, "note": note, **more}


def show(args: argparse.Namespace, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the table; with ``--result`` keep it."""
    made = provenance(args)
    print(f"{made['machine']}, load {made['load']}, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print(markdown(rows, SPEED))
    keep_result(args, rows, threads=torch.get_num_threads())


def reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    elif Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew


def peak_mb(device: torch.device) -> int:
    """Peak memory of this process (of the GPU, where there is one) since :func:`reset_peak`, MB."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated() / 1e6)
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return round(int(line.split()[1]) * 1024 / 1e6)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
