"""The picture of README: two cameras of one synthetic event, before and after ``videosync.sync``.

    python -m benchmarks.before_after_plots --output docs/images/before_after.jpg

The event is made at 480 x 480 pixels, 10 s. Of a few seeds this has a large offset and figures that are easy to see.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import matplotlib
import numpy as np

from dataset_preparation.synthetic.event import Settings, make_event
from videosync.timeline.sync import sync
from videosync.video.read import probe, read_frames_at

matplotlib.use("Agg")
from matplotlib import pyplot as plt

COLUMNS, HEIGHT = 4, 360


def draw(files: list[Path], names: tuple[str, str], output: Path) -> None:
    """Row 1: video 0. Row 2: video 1 at the same time of its file. Row 3: video 1 at the same moment, as was found."""
    timeline = sync(files, audio="off")
    fps = probe(files[0]).fps
    seconds = timeline.offset(*files).seconds
    assert seconds is not None, "an event that is placed was chosen"
    shift = round(seconds * fps)
    last = probe(files[0]).num_frames - 1
    frames = np.linspace(max(0, -shift), min(last, last - shift), COLUMNS + 2).round().astype(int)[1:-1]
    rows = (
        (f"{names[0]}\n", files[0], frames, "0.25"),
        (f"{names[1]}, before\n(same time in the file)", files[1], frames, "tab:red"),
        (f"{names[1]}, after\n(shifted by {seconds:+.2f} s)", files[1], frames + shift, "tab:green"),
    )
    figure, grid = plt.subplots(3, COLUMNS, figsize=(2.6 * COLUMNS + 0.6, 8.1), layout="constrained")
    for line, (name, file, numbers, color) in zip(grid, rows):
        for axes, number, picture in zip(line, numbers, read_frames_at(file, numbers, size=(HEIGHT, HEIGHT))):
            axes.imshow(picture)
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(f"{number / fps:.2f} s", fontsize=9)
            for spine in axes.spines.values():
                spine.set(color=color, linewidth=3)
        line[0].set_ylabel(name, fontsize=12, color=color)
    figure.savefig(output, dpi=100, pil_kwargs={"quality": 88})
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="picture to write, .jpg")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(frames=300, size=480, offset_range=90, distractors=0, static_share=0.05, seed=args.seed)
        event = make_event(Path(folder), "train", 0, settings)
        files = [Path(folder) / view["video"] for view in event["views"]]
        draw(files, ("camera 1", "camera 2"), args.output)


if __name__ == "__main__":
    main()
