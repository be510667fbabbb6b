"""What is read of an NTU-SYN annotation: where the view's clip begins, and how many frames the video has.

The files are those of a skeleton data set: ``info`` (``num_frame``, ``resolution``, ``keypoint_channels``, …),
``annotations`` (keypoints of each person in each frame) and ``category_id``, which for NTU-SYN is no class but the
raw frame that the view begins with.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from videosync.errors import ManifestError
from videosync.files import read_json


@dataclass(frozen=True)
class Annotation:
    start: int  # raw frame that the view begins with
    num_frames: int | None  # of the raw video, as the file says; None if it says nothing sensible


def read_annotation(path: str) -> Annotation:
    """Raises ManifestError (file, key, what was expected): unreadable, no JSON object, no whole start frame ≥ 0."""
    try:
        content = read_json(path)
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror}); copy it again") from error
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError
        raise ManifestError(f"{path}: is not JSON ({error}); copy it again") from error
    if not isinstance(content, dict) or "category_id" not in content:
        raise ManifestError(f"{path}: has no category_id, the frame that the view begins with")
    start = content["category_id"]
    if isinstance(start, float) and start.is_integer():
        start = int(start)
    if not isinstance(start, int) or isinstance(start, bool) or start < 0:
        raise ManifestError(
            f"{path}: category_id is {json.dumps(start)[:60]}, but must be a whole frame number from 0 on"
        )
    info = content.get("info")
    said = info.get("num_frame") if isinstance(info, dict) else None
    sensible = isinstance(said, int) and not isinstance(said, bool) and said > 0
    return Annotation(start, said if sensible else None)
