"""What the demo says at its end: one JSON file, one table, one folder of pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

KEYS = ("mae_frames", "moe_frames", "median_frames", "within_1", "within_3", "n")


def write_summary(output: Path, evaluation: Path) -> dict[str, Any]:
    """``summary.json``: the floor, every method on the trained encoder, and the same on the noise encoder."""
    trained = json.loads((output / "cross_demo" / "metrics.json").read_text())
    control = json.loads((output / "cross_noise" / "metrics.json").read_text())
    summary = {
        "floor_frames": trained["floor"]["mae_frames"],
        "max_offset": json.loads((evaluation / "metrics.json").read_text())["max_offset"],
        "n_events": trained["floor"]["n_events"],
        "methods": _methods(trained),
        "noise_control": _methods(control),
        "notes": trained["notes"],
    }
    (output / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    return summary


def _methods(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    named = {name.rpartition("/")[2]: values for name, values in report["methods"].items()}
    return {name: {key: values[key] for key in KEYS} for name, values in named.items()}


def summary_table(summary: dict[str, Any]) -> str:
    """The table the demo prints: errors in frames on held-out events, beside the noise control and the floor."""
    lines = [
        f"Offset errors on {next(iter(summary['methods'].values()))['n']} pairs of windows from {summary['n_events']} "
        f"held-out synthetic events, offsets within ±{summary['max_offset']} frames",
        f"{'':12}{'trained encoder':^46}{'noise encoder (control)':>26}",
        f"{'method':12}{'mean error':>16}{'median':>9}{'within 1':>10}{'within 3':>10}{'mean error':>26}",
    ]
    lines.append("─" * len(lines[-1]))
    lines.append(f"{'always 0':12}{summary['floor_frames']:16.2f}{'':29}{summary['floor_frames']:26.2f}")
    for name, m in summary["methods"].items():
        noise = summary["noise_control"][name]
        lines.append(
            f"{name:12}{_mean(m):>16}{m['median_frames']:9.1f}{m['within_1']:10.0%}{m['within_3']:10.0%}{_mean(noise):>26}"
        )
    return "\n".join([*lines, *(f"Note: {note}" for note in summary["notes"])])


def _mean(m: dict[str, Any]) -> str:
    return f"{m['mae_frames']:.2f}" + ("" if m["moe_frames"] is None else f" ± {m['moe_frames']:.2f}")


def true_offset(output: Path) -> str:
    """What the answer about the two videos at the end should have been."""
    lines = (output / "data" / "synthetic" / "manifest.jsonl").read_text().splitlines()
    event = next(sample for sample in map(json.loads, lines) if sample["event"] == "val_0000")
    early, late = sorted(event["views"], key=lambda view: view["start_frame"])
    frames = late["start_frame"] - early["start_frame"]
    said = f"{frames / late['fps']:.3f} s ({frames} frames) after {Path(early['video']).name}"
    return f"In truth {Path(late['video']).name} started {said}."


def collect_pictures(output: Path, evaluation: Path) -> None:
    """Copy the pictures of all steps into one folder, ``pictures``."""
    folder = output / "pictures"
    folder.mkdir()
    for picture in sorted(evaluation.glob("*.png")):
        shutil.copy(picture, folder / picture.name)
    shutil.copy(output / "cross_demo" / "methods.png", folder / "methods.png")
    shutil.copy(output / "cross_noise" / "methods.png", folder / "noise_control.png")
