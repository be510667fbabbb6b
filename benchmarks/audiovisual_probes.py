"""What simple statistics tell of synthetic events with sound: which of ten classes, which motion, which material.

    python -m benchmarks.audiovisual_probes              # 900 events: a minute or two

Ridge regression on each statistic of a clip, five folds over events; shares of right answers with 95 % over events. The
mean picture and the mean spectrum tell little of the class, so that what is learned on these events must see motion and
hear rhythm. Nothing is written to disk; pictures and sound are taken before they are encoded.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.pipeline import bar, run
from benchmarks.tables import markdown, percent, text
from dataset_preparation.synthetic.sound_event import LABELS, SoundSettings, draw_event
from videosync.evaluation.intervals import event_interval, interval_text

Array = np.ndarray


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.audiovisual_probes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    defaults = SoundSettings()
    add = parser.add_argument
    add("--events", type=int, default=900, help="(default %(default)s)")
    add("--frames", type=int, default=defaults.frames, help="of a clip (default %(default)s)")
    add("--fps", type=float, default=defaults.fps, help="(default %(default)g)")
    add("--distractors", type=int, default=defaults.distractors, help="silent bodies (default %(default)s)")
    add("--seed", type=int, default=0, help="(default %(default)s)")
    return parser


def statistics(frames: Array, log_mel: Array) -> dict[str, Array]:
    """Name → vector. Frames uint8 [T, H, W, 3], log-mel [80, F]."""
    import torch

    from videosync.recognition.handmade import band_statistics, mean_bands, mean_pixels, motion_energy

    video, mel = torch.from_numpy(frames).permute(3, 0, 1, 2)[None].float(), torch.from_numpy(log_mel)[None, None]
    found = {
        "mean of the pixels": mean_pixels(video),
        "map of motion energy": motion_energy(video),
        "mean log-mel": mean_bands(mel),
        "five statistics of bands": band_statistics(mel),
    }
    return {name: vector[0].numpy() for name, vector in found.items()}


def collect(settings: SoundSettings, events: int) -> tuple[dict[str, Array], Array]:
    """Statistics [N, D] of the train events 0 … N - 1, by name, and their labels [N]."""
    import torch

    from videosync.audio.log_mel import log_mel

    rows, labels = [], []
    for number in bar(range(events), "events"):
        world, (take, *_) = draw_event("train", number, settings)
        mel = log_mel(torch.from_numpy(take.sound)).numpy()
        rows.append(statistics(np.stack(list(take.frames)), mel))
        labels.append(world.label)
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}, np.array(labels)


def probe(vectors: Array, wanted: Array, seed: int = 0) -> Array:
    """bool [N]: is the answer right that ridge regression on the other four fifths of the events gives?"""
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-1, 5, 7)))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return np.asarray(cross_val_predict(model, vectors, wanted, cv=folds) == wanted)


def questions(labels: Array) -> dict[str, Array]:
    """What is asked of each event: its class, and the two halves of its name."""
    motions, materials = np.array([label.rsplit("_", 1) for label in labels]).T
    return {f"class of {len(LABELS)}": labels, "motion of 5": motions, "material of 2": materials}


def main(args: argparse.Namespace) -> None:
    settings = SoundSettings(frames=args.frames, fps=args.fps, distractors=args.distractors, seed=args.seed)
    found, labels = collect(settings, args.events)
    events = np.arange(len(labels)).astype(str)
    rows: list[dict[str, str]] = []
    for name, vectors in found.items():
        row = {"statistic": name}
        for question, wanted in questions(labels).items():
            right = probe(vectors, wanted).astype(float)
            interval = event_interval(right, events, bootstrap=2000, seed=0, share=True)
            row[question] = f"{percent(right.mean())} ({interval_text(interval, '.0f', 100)})"
        rows.append(row)
    columns: list[tuple[str, Callable[..., str]]] = [(key, text(key)) for key in rows[0]]
    print(f"{len(labels)} events, seed {args.seed}\n\n{markdown(rows, columns)}")


def command(argv: Sequence[str] | None = None) -> int:
    return run(main, arguments, argv)


if __name__ == "__main__":
    raise SystemExit(command())
