"""Is one method better than another on the very same windows? Paired, from what ``benchmarks.accuracy`` wrote.

    python -m benchmarks.accuracy_paired runs/benchmarks/accuracy/accuracy.json motion cue:motion-learned

For each length: mean errors and shares within 1 frame of both methods (sets weigh the same), their differences with
95 % of a bootstrap over pairs of views within each set, and how many windows the second puts right and wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from videosync.errors import ConfigError, VideoSyncError
from videosync.evaluation.intervals import interval_text, percentiles, stratified_means

WITHIN = 1  # frames, of answers rounded to whole frames


def compare(
    answers: Sequence[dict[str, Any]], first: str, second: str, *, resamples: int = 4000, seed: int = 0
) -> list[dict[str, Any]]:
    """A row for each length, of the answers in accuracy.json.

    Raises:
        ConfigError: a method has no answers there.
    """
    if unknown := [name for name in (first, second) if any(name not in row["said"] for row in answers)]:
        known = ", ".join(answers[0]["said"]) if answers else "nothing"
        raise ConfigError(f"method '{unknown[0]}' is not in the file; it holds {known}")
    rows = []
    for length in dict.fromkeys(row["length"] for row in answers):
        by_pair: dict[str, dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
        windows = [row for row in answers if row["length"] == length and not _is_control(row)]
        for row in windows:
            by_pair[row["set"]][row["pair"].rsplit("/", 1)[0]].append(_scored(row, first, second))
        sets = [np.array([np.mean(of, axis=0) for of in pairs.values()]) for pairs in by_pair.values()]
        drawn = stratified_means([values.T for values in sets], bootstrap=resamples, seed=seed)
        means = np.mean([values.mean(axis=0) for values in sets], axis=0)  # error, error, within, within
        scored = np.array([_scored(row, first, second) for row in windows])
        rows.append(
            {
                "length": length,
                "windows": len(windows),
                "mean_error": means[:2].tolist(),
                "within_1": means[2:].tolist(),
                "fewer_frames": float(means[0] - means[1]),
                "fewer_frames_95": percentiles(drawn[:, 0] - drawn[:, 1]),
                "more_within_1": float(means[3] - means[2]),
                "more_within_1_95": percentiles(drawn[:, 3] - drawn[:, 2]),
                "put_right": int(((scored[:, 2] == 0) & (scored[:, 3] == 1)).sum()),
                "put_wrong": int(((scored[:, 2] == 1) & (scored[:, 3] == 0)).sum()),
            }
        )
    return rows


def _is_control(row: dict[str, Any]) -> bool:
    """Controls are sets of their own, whose name their pairs begin with."""
    return bool(row["pair"].startswith(f"{row['set']}:"))


def _scored(row: dict[str, Any], first: str, second: str) -> np.ndarray:
    """Errors of both methods in frames, and whether each is within a frame: float64 [4]."""
    said = [row["said"][name][0] for name in (first, second)]
    errors = [abs(answer - row["true"]) for answer in said]
    right = [abs(np.rint(answer) - row["true"]) <= WITHIN for answer in said]
    return np.array([*errors, *right], np.float64)


def as_markdown(rows: Sequence[dict[str, Any]], first: str, second: str) -> str:
    lines = [
        f"| windows | n | {first} | {second} | frames less (95 %) | points within 1 more (95 %) | put right / wrong |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            f"{error:.2f}, {100 * share:.0f} %" for error, share in zip(row["mean_error"], row["within_1"])
        ]
        lines.append(
            f"| {row['length']} | {row['windows']} | {cells[0]} | {cells[1]} "
            f"| {row['fewer_frames']:.2f} ({interval_text(row['fewer_frames_95'])}) "
            f"| {100 * row['more_within_1']:.1f} ({interval_text(row['more_within_1_95'], '.1f', 100)}) "
            f"| {row['put_right']} / {row['put_wrong']} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="accuracy.json")
    parser.add_argument("first", help="a method in it")
    parser.add_argument("second", help="another one")
    args = parser.parse_args()
    try:
        try:
            answers = json.loads(args.file.read_text(encoding="utf-8"))["answers"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{args.file}: not a file that benchmarks.accuracy wrote ({error})") from error
        rows = compare(answers, args.first, args.second)
    except VideoSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(as_markdown(rows, args.first, args.second))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
