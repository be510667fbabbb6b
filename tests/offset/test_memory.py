"""Detectors learn from sets that are larger than the memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.offset.simulated import simulated_pairs
from videosync.errors import TrainingError
from videosync.offset import cell_detector
from videosync.offset.methods import DETECTORS
from videosync.similarity.store import REQUIRED_HEADER, SimilaritySetWriter

SMALL = {"mlp": {"hidden": [8]}, "cnn": {"channels": [2]}, "equivariant": {"channels": [2, 2], "batch_size": 4}}

# A set of 160 MB, and 100 MB more than the libraries take.
TRAINED = """
import resource, sys
from pathlib import Path
import numpy as np
from tests.offset.simulated import simulated_pairs
from tests.offset.test_memory import SMALL
from videosync.offset import cell_detector
from videosync.offset.methods import DETECTORS
from videosync.similarity.store import load_similarity_set

train, _ = load_similarity_set(sys.argv[1], "large", "train")
detector = DETECTORS[sys.argv[2]](epochs=1, **SMALL[sys.argv[2]])
detector.fit(simulated_pairs(4))  # loads libraries, which take their buffers
status = Path("/proc/self/status").read_text()
used = 1024 * int(status.split("VmData:")[1].split()[0])
room = 100_000_000
resource.setrlimit(resource.RLIMIT_DATA, (used + room, used + room))
try:
    np.zeros(len(train) * 2 * 96 * 96, np.float32)
except MemoryError:
    cell_detector.memory_there = lambda: room
    print("trained on", detector.fit(train)["train_pairs"])
"""


@pytest.fixture(scope="module")
def large_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2200 pairs of 96 frames, the same few again and again."""
    few = simulated_pairs(22, windows=4, size=96, max_offset=12)
    rows = np.arange(2200) % len(few)
    folder = tmp_path_factory.mktemp("sets")
    writer = SimilaritySetWriter(
        folder, "large", "train", size=96, lengths=[96] * len(rows), pair_ids=[str(n) for n in range(len(rows))],
        events=[few.events[row] for row in rows], offsets=few.offsets[rows].tolist(), fps=[30.0] * len(rows),
        max_offset=12, header=dict.fromkeys(REQUIRED_HEADER, ""),
    )  # fmt: skip
    for place, row in enumerate(rows):
        writer.write(place, few.forward[row], few.backward[row])
    writer.finish()
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is that of Linux")
@pytest.mark.parametrize("name", SMALL)
def test_a_set_larger_than_the_memory_is_trained_on(tmp_path: Path, large_set: Path, name: str) -> None:
    command = [sys.executable, "-c", TRAINED, str(large_set), name]
    # a crop of another shape is another program, and oneDNN would keep a thousand of them
    little = {"OMP_NUM_THREADS": "1", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0"}
    around = {**os.environ, **little, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=around)
    assert done.stdout.startswith("trained on"), done.stderr[-2000:]
    assert not [file for file in tmp_path.iterdir() if file.is_file()]


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_examples_in_a_file_train_the_same_detector(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    train = simulated_pairs(8, size=10, max_offset=3)
    found = []
    for share in (1.0, 0.0):
        monkeypatch.setattr(cell_detector, "IN_MEMORY", share)
        detector = DETECTORS[name](epochs=2, **SMALL[name])
        detector.fit(train)
        found.append(detector.predict(train.forward, train.backward))
    np.testing.assert_array_equal(*found)


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cell_detector, "IN_MEMORY", 0.0)
    monkeypatch.setattr("os.posix_fallocate", full, raising=False)
    with pytest.raises(TrainingError, match="no room for .* GiB .*No space left on device.*TMPDIR"):
        DETECTORS["cnn"](epochs=1).fit(simulated_pairs(4, size=8, max_offset=2))


def test_the_memory_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_detector, "CONTAINER_LIMIT", tmp_path / "memory.max")
    whole = cell_detector.memory_there()
    for text, bytes_there in (("max\n", whole), ("1000000\n", 1_000_000)):
        (tmp_path / "memory.max").write_text(text)
        assert cell_detector.memory_there() == bytes_there
