"""Frame labels: read as written, and bad files named with what is wrong."""

import numpy as np
import pytest

from videosync.data.frame_labels import load_labels, read_frame_labels, save_labels
from videosync.data.samples import Manifest, View
from videosync.errors import ManifestError


def test_labels_are_read_as_written(tmp_path):
    save_labels(tmp_path / "a" / "x.json", np.array([0, 4, -1, 2**40]))
    view = View("a/x.mp4", 0, 4, 25.0, "a/x.json")
    labels = read_frame_labels(Manifest(tmp_path, ()), view)
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 4, -1, 2**40]


def test_a_view_without_labels_and_a_wrong_number_of_them(tmp_path):
    save_labels(tmp_path / "x.json", [1, 2])
    with pytest.raises(ManifestError, match=r"x\.mp4 has no frame_labels"):
        read_frame_labels(Manifest(tmp_path, ()), View("x.mp4", 0, 2, 25.0))
    with pytest.raises(ManifestError, match=r"x\.json: has 2 labels, but x\.mp4 has 3 frames"):
        read_frame_labels(Manifest(tmp_path, ()), View("x.mp4", 0, 3, 25.0, "x.json"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[0, 1", "must be a JSON list of whole numbers"),
        (b"\xff\xfe", "must be a JSON list of whole numbers"),
        (b'{"labels": [0]}', "must be a JSON list, not dict"),
        (b"[0, 1.5]", "label 1 is 1.5"),
        (b"[0, true]", "label 1 is True"),
        (b"[123456789012345678901]", "label 0 is 123456789012345678901"),
        (None, "cannot be read"),
    ],
)
def test_malformed_files(tmp_path, text, message):
    if text is not None:
        (tmp_path / "x.json").write_bytes(text)
    with pytest.raises(ManifestError, match=message):
        load_labels(tmp_path / "x.json")
