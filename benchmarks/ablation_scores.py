"""What the rows of the encoder ablation answer, how it is scored, and the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.accuracy_methods import Answer, Clip, best_of
from benchmarks.accuracy_scores import over_sets, set_scores
from benchmarks.accuracy_signals import Outcome
from videosync.evaluation.intervals import interval_text

FLOORS = ("always-0", "noise", "energy", "motion")


def embed(clip: Clip, *, encoder: Any, size: int) -> Any:
    """Embeddings of a window, float32 tensor [T, D]."""
    import torch

    from videosync.video.transforms import to_model_input

    with torch.no_grad():
        return encoder(to_model_input(torch.from_numpy(clip.frames), size)[None])[0]


def answer_both(e0: Any, e1: Any, max_offset: int, *, temperature: float) -> Answer:
    """The mean along diagonals of the softmax of both directions, in standard errors."""
    from videosync.lags.similarity import similarity_scores

    lags = np.arange(-max_offset, max_offset + 1)
    return best_of(similarity_scores(e0.numpy(), e1.numpy(), lags, temperature=temperature))


def answer_rows(e0: Any, e1: Any, max_offset: int, *, temperature: float) -> Answer:
    """The diagonal of the row softmax of minus squared distances with the largest mean."""
    from videosync.similarity.matrix import similarity_matrix

    matrix = similarity_matrix(e0, e1, metric="sqeuclidean", temperature=temperature).numpy()
    return best_of(np.array([matrix.diagonal(k).mean() for k in range(-max_offset, max_offset + 1)]))


def scores(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Errors of each set, and their mean over sets with an interval (over pairs where there is one set)."""
    groups = dict.fromkeys(o.trial.group for o in outcomes)
    sets = {
        g: set_scores([o for o in outcomes if o.trial.group == g], bootstrap=1000, seed=0) for g in groups
    }
    whole = (
        over_sets(list(sets.values()), bootstrap=1000, seed=0) if len(sets) > 1 else next(iter(sets.values()))
    )
    kept = ("n_windows", "mae_frames", "within_1", "mae_interval", "within_1_interval")
    return {"all": {k: whole[k] for k in kept}, "sets": {g: {k: s[k] for k in kept} for g, s in sets.items()}}


def as_text(report: dict[str, Any]) -> str:
    """The table: mean error in frames, and % within 1 frame with its interval; seeds of a row are averaged."""
    tests = list(report["floors"])
    lines = [
        [
            "row",
            "seeds",
            "steps",
            "events",
            *(f"{t}: mean" for t in tests),
            *(f"{t}: % within 1" for t in tests),
        ]
    ]
    for name in dict.fromkeys(row["row"] for row in report["rows"]):
        mine = [row for row in report["rows"] if row["row"] == name]
        lines.append([name, str(len(mine)), str(mine[0]["steps"]), str(mine[0]["events"])])
        lines[-1] += [_cell([r["tests"][t]["all"] for r in mine if t in r["tests"]], "mae") for t in tests]
        lines[-1] += [
            _cell([r["tests"][t]["all"] for r in mine if t in r["tests"]], "within_1") for t in tests
        ]
    for name in FLOORS:
        cells = [report["floors"][t][name]["all"] for t in tests]
        lines.append(
            [name, "", "", "", *(_cell([c], "mae") for c in cells), *(_cell([c], "within_1") for c in cells)]
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)) for line in lines)


def _cell(scores: Sequence[dict[str, Any]], measure: str) -> str:
    if not scores:
        return "-"
    if measure == "mae":
        return " / ".join(f"{score['mae_frames']:.2f}" for score in scores)
    shares = " / ".join(f"{100 * score['within_1']:.0f}" for score in scores)
    return f"{shares} ({interval_text(scores[0]['within_1_interval'], '.0f', 100)})"
