"""A small AudioSet: videos in folders of several depths, as different tools name them, and the released tables."""

from __future__ import annotations

from pathlib import Path

from tests.dataset_preparation.replicas.kinetics400 import write_clip

HEADER = "# Segments csv created Sun Mar  5 10:54:25 2017\n# num_ytids=3\n# YTID, start_seconds, end_seconds, labels\n"
VIDEOS = {  # path → (YouTube id, split)
    "videos/part_0/-0RWZT-miFs_420.000_430.000.mp4": ("-0RWZT-miFs", "train"),
    "videos/part_0/Yabcdefghijk_30000.mkv": ("abcdefghijk", "train"),
    "videos/part_1/deep/Yes_I_am_id.webm": ("Yes_I_am_id", "val"),
    "eval/holiday.mp4": ("holiday", "val"),
}


def make_audioset(root: Path, *, tables: bool = True) -> None:
    for path in VIDEOS:
        codec, sound = ("libvpx", "libopus") if path.endswith("webm") else ("libx264", "aac")
        write_clip(root / path, 24, size=(48, 64), codec=codec, sound=sound)
    if tables:
        (root / "balanced_train_segments.csv").write_text(
            HEADER + '-0RWZT-miFs, 420.000, 430.000, "/m/03v3yw,/m/0k4j"\nnotHereAtAl, 0.000, 10.000, "/m/0k4j"\n'
        )
        (root / "eval_segments.csv").write_text(HEADER + 'Yes_I_am_id, 30.000, 40.000, "/m/0k4j"\n')
        (root / "class_labels_indices.csv").write_text(
            'index,mid,display_name\n0,/m/03v3yw,"Keys jangling"\n1,/m/0k4j,"Car, motor"\n'
        )
