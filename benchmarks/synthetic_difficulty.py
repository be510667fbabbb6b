"""How hard is a synthetic dataset? Finds offsets from plain curves, no learning, and compares with the truth.

    python benchmarks/synthetic_difficulty.py ~/datasets/synthetic --split val --num_frames 96 --max_offset 16

For every pair of views, windows of equal length are drawn with an offset uniform in plus or minus ``--max_offset``; each
curve is correlated over lags (normalised over the frames that overlap) and the best lag is the answer. ``motion`` is the
logarithm of the mean absolute frame difference, ``whitened`` its temporal derivative. The others are shortcuts that must
score at chance: ``brightness`` and ``colour`` are the frames' means, ``codec`` is the size of each frame's packet, and
``keyframes`` marks those the codec stores whole. ``floor`` always answers 0. Prints a table, then JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]


def curves_of(path: Path) -> dict[str, Curve]:
    """Curves [T] of one file."""
    import av

    from videosync.video.read import read_frames

    frames = read_frames(path).astype(np.float32)
    motion = np.log(np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3)) + 0.05)
    motion = np.concatenate([motion[:1], motion])
    red, _, blue = (frames[..., c].mean(axis=(1, 2)) for c in range(3))
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
    packets.sort(key=lambda packet: packet.pts or 0)
    return {
        "motion": motion,
        "whitened": np.gradient(motion),
        "brightness": frames.mean(axis=(1, 2, 3)).astype(float),
        "colour": (red - blue).astype(float),
        "codec": np.log([float(packet.size) for packet in packets]),
        "keyframes": np.array([float(packet.is_keyframe) for packet in packets]),
    }


def best_lag(curve0: Curve, curve1: Curve, max_offset: int) -> int:
    """The k in plus or minus ``max_offset`` whose overlap correlates best: curve0[i] against curve1[i + k]."""
    length = len(curve0)
    scores = []
    for k in range(-max_offset, max_offset + 1):
        a, b = curve0[max(0, -k) : length - max(0, k)], curve1[max(0, k) : length + min(0, k)]
        a, b = a - a.mean(), b - b.mean()
        scores.append(float(a @ b / (np.sqrt((a @ a) * (b @ b)) + 1e-9)))
    return int(np.argmax(scores)) - max_offset


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path, help="folder with manifest.jsonl")
    parser.add_argument("--split", default="val", help="split to measure (default %(default)s)")
    parser.add_argument(
        "--num_frames", type=int, default=96, help="window length, frames (default %(default)s)"
    )
    parser.add_argument(
        "--max_offset", type=int, default=16, help="largest offset, frames (default %(default)s)"
    )
    parser.add_argument(
        "--windows", type=int, default=1, help="windows a pair of views (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the windows (default %(default)s)")
    args = parser.parse_args()

    from videosync.data.manifest import read_manifest

    manifest = read_manifest(args.dataset)
    rng = np.random.default_rng(args.seed)
    errors: dict[str, list[float]] = {}
    skipped = 0
    for sample in manifest.of_split(args.split):
        curves = [curves_of(manifest.path(view)) for view in sample.views]
        for (view0, curves0), (view1, curves1) in combinations(zip(sample.views, curves), 2):
            for _ in range(args.windows):
                window = _draw_window(rng, view0, view1, args.num_frames, args.max_offset)
                if window is None:
                    skipped += 1
                    continue
                at0, at1 = window
                true = (view0.start_frame + at0) - (view1.start_frame + at1)
                for name in curves0:
                    part0, part1 = (
                        curves0[name][at0 : at0 + args.num_frames],
                        curves1[name][at1 : at1 + args.num_frames],
                    )
                    errors.setdefault(name, []).append(abs(best_lag(part0, part1, args.max_offset) - true))
                errors.setdefault("floor", []).append(abs(true))
    if not errors:
        print(
            f"no pair of views has windows of {args.num_frames} frames within +-{args.max_offset}",
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
    print(
        f"{args.dataset} {args.split}: n = {count} windows, {args.num_frames} frames, offsets within +-{args.max_offset}"
    )
    for name, row in table.items():
        print(f"{name:>12}  " + "  ".join(f"{key} {value:6.3f}" for key, value in row.items()))
    print(json.dumps({"n": count, "skipped": skipped, "methods": table}))
    return 0


def _draw_window(rng, view0, view1, num_frames: int, max_offset: int) -> tuple[int, int] | None:  # type: ignore[no-untyped-def]
    """First frames of two windows with an offset uniform in what ``max_offset`` and the files allow."""
    rooms = view0.num_frames - num_frames, view1.num_frames - num_frames
    if min(rooms) < 0:
        return None
    starting = view0.start_frame - view1.start_frame
    choices = [k for k in range(-max_offset, max_offset + 1) if -rooms[1] <= k - starting <= rooms[0]]
    if not choices:
        return None
    apart = int(rng.choice(choices)) - starting  # at0 - at1
    at1 = int(rng.integers(max(0, -apart), min(rooms[1], rooms[0] - apart) + 1))
    return at1 + apart, at1


if __name__ == "__main__":
    sys.exit(main())
