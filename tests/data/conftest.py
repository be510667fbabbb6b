"""Footage for the tests of this folder."""

import numpy as np
import pytest

from videosync.data.manifest import Sample, View, read_manifest, write_manifest
from videosync.video.write import write_video


def numbered(count, first, height=32):
    """Frames [count, height, 64, 3] that carry ``first + i`` as eight black or white bars."""
    bits = (first + np.arange(count))[:, None] >> np.arange(8) & 1  # [T, 8]
    bars = np.repeat(255 * bits, 8, axis=1).astype(np.uint8)  # [T, 64]
    return np.broadcast_to(bars[:, None, :, None], (count, height, 64, 3))


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """A manifest with files whose frames carry their place on the event's timeline.

    Split train: events a (2 views), b (3 views); split single: two lines of one view; split short: 6-frame views.
    """
    root = tmp_path_factory.mktemp("numbered")
    events = {
        "a": ("train", [(10, 60), (0, 64)]),
        "b": ("train", [(0, 50), (7, 55), (3, 60)]),
        "c": ("single", [(0, 40)]),
        "d": ("single", [(5, 40)]),
        "e": ("short", [(0, 6), (2, 6)]),
    }
    samples = []
    for event, (split, spans) in events.items():
        views = []
        for i, (start, count) in enumerate(spans):
            write_video(root / event / f"cam{i}.mp4", numbered(count, start), 25.0, gop=10)
            views.append(View(f"{event}/cam{i}.mp4", start, count, 25.0))
        samples.append(Sample(event, split, tuple(views)))
    write_manifest(root, samples)
    return read_manifest(root)


@pytest.fixture(scope="session")
def read_numbers():
    """Frames uint8 [..., 3, H, W] → the numbers they carry, int64 [...]."""

    def read(frames):
        grey = np.asarray(frames).mean((-3, -2))  # [..., W]
        bits = grey.reshape(*grey.shape[:-1], 8, -1).mean(-1) > 127.5
        return (bits * (1 << np.arange(8))).sum(-1)

    return read
