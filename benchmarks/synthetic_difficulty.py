"""How hard is a synthetic dataset? Finds offsets from plain curves, no learning, and compares with the truth.

    python benchmarks/synthetic_difficulty.py ~/datasets/synthetic --split val

For every pair of views, windows of equal length are drawn with an offset uniform in plus or minus
--max_offset (as far as the files allow). Each curve is correlated over lags, normalised over the frames that
overlap, and the best lag is the answer. "motion" is the logarithm of the mean absolute frame difference,
"whitened" its temporal derivative. The others may not do better than chance: "brightness" and "colour" are
the frames' means, "keyframes" marks the frames the codec stores whole, and "unrelated" is motion compared
with another event's. "floor" always answers 0, "chance" any offset. Prints a table, then one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from videosync.data.manifest import View

Curve = NDArray[np.float64]


def curves_of(path: Path) -> dict[str, Curve]:
    """Curves [T] of one file."""
    import av

    from videosync.video.read import read_frames

    frames = read_frames(path).astype(np.float32)
    motion = np.log(np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3), dtype=float) + 0.05)
    motion = np.concatenate([motion[:1], motion])
    colour = frames.mean(axis=(1, 2), dtype=float)  # [T, 3]
    with av.open(str(path)) as container:
        packets = [(packet.pts, packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    return {
        "motion": motion,
        "whitened": np.gradient(motion),
        "brightness": colour.mean(axis=1),
        "colour": colour[:, 0] - colour[:, 2],
        "keyframes": np.array([float(whole) for _, whole in sorted(packets)]),
    }


def best_lag(curve0: Curve, curve1: Curve, max_offset: int) -> int:
    """The k in plus or minus ``max_offset`` for which curve0[i] and curve1[i + k] correlate best."""
    length = len(curve0)
    scores = []
    for k in range(-max_offset, max_offset + 1):
        a, b = curve0[max(0, -k) : length - max(0, k)], curve1[max(0, k) : length + min(0, k)]
        a, b = a - a.mean(), b - b.mean()
        scores.append(float(a @ b / (np.sqrt((a @ a) * (b @ b)) + 1e-9)))
    return int(np.argmax(scores)) - max_offset


def draw_window(
    rng: np.random.Generator, view0: View, view1: View, num_frames: int, max_offset: int
) -> tuple[int, int] | None:
    """First frames of two windows, their offset uniform in what ``max_offset`` and the files allow."""
    rooms = view0.num_frames - num_frames, view1.num_frames - num_frames
    if min(rooms) < 0:
        return None
    starting = view0.start_frame - view1.start_frame
    choices = [k for k in range(-max_offset, max_offset + 1) if -rooms[1] <= k - starting <= rooms[0]]
    if not choices:
        return None
    apart = int(rng.choice(choices)) - starting  # first frame of window 0 less that of window 1
    at1 = int(rng.integers(max(0, -apart), min(rooms[1], rooms[0] - apart) + 1))
    return at1 + apart, at1


def measure(
    dataset: Path, split: str, *, num_frames: int, max_offset: int, windows: int, seed: int
) -> dict[str, list[int]]:
    """Absolute errors in frames, one for each window, of every curve.

    Raises:
        ManifestError: the dataset or the split is not there.
    """
    from videosync.data.manifest import read_manifest

    manifest = read_manifest(dataset)
    samples = manifest.of_split(split)
    rng = np.random.default_rng(seed)
    curves = [[curves_of(manifest.path(view)) for view in sample.views] for sample in samples]
    errors: dict[str, list[int]] = {}
    for number, sample in enumerate(samples):
        other = curves[number - 1]
        for v0, v1 in combinations(range(len(sample.views)), 2):
            for _ in range(windows):
                window = draw_window(rng, sample.views[v0], sample.views[v1], num_frames, max_offset)
                if window is None:
                    continue
                cut0, cut1 = (slice(at, at + num_frames) for at in window)
                true = sample.views[v0].start_frame + window[0] - sample.views[v1].start_frame - window[1]
                found = {
                    name: best_lag(curve[cut0], curves[number][v1][name][cut1], max_offset)
                    for name, curve in curves[number][v0].items()
                }
                if len(samples) > 1 and v1 < len(other):
                    lag = best_lag(curves[number][v0]["motion"][cut0], other[v1]["motion"][cut1], max_offset)
                    found["unrelated"] = lag
                found |= {"floor": 0, "chance": int(rng.integers(-max_offset, max_offset + 1))}
                for name, lag in found.items():
                    errors.setdefault(name, []).append(abs(lag - true))
    return errors


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("dataset", type=Path, help="folder with manifest.jsonl")
    add("--split", default="val", help="split to measure (default %(default)s)")
    add("--num_frames", type=int, default=96, help="window length, frames (default %(default)s)")
    add("--max_offset", type=int, default=16, help="largest offset, frames (default %(default)s)")
    add("--windows", type=int, default=1, help="windows a pair of views (default %(default)s)")
    add("--seed", type=int, default=0, help="of the windows (default %(default)s)")
    args = parser.parse_args(arguments)

    from videosync.errors import VideoSyncError

    choices = {name: getattr(args, name) for name in ("num_frames", "max_offset", "windows", "seed")}
    try:
        errors = measure(args.dataset, args.split, **choices)
    except VideoSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not errors:
        room = f"{args.num_frames} frames each within {args.max_offset} of one another"
        print(
            f"error: {args.dataset}: no two views of {args.split} have {room}; lower --num_frames",
            file=sys.stderr,
        )
        return 2
    table = {
        name: {
            "mean_error_frames": round(float(np.mean(found)), 2),
            **{f"within_{n}": round(float(np.mean(np.array(found) <= n)), 3) for n in (0, 1, 3, 5)},
        }
        for name, found in errors.items()
    }
    count = len(errors["floor"])
    print(f"{args.split}: n = {count} windows of {args.num_frames} frames, offsets within ±{args.max_offset}")
    for name, row in table.items():
        print(f"{name:>10}  " + "  ".join(f"{key} {value:6.3f}" for key, value in row.items()))
    print(json.dumps({"n": count, **choices, "methods": table}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
