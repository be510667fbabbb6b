"""NTU RGB+D's names: ``S001C002P003R002A013`` is setup 1, camera 2, performer 3, replication 2, action 13."""

from __future__ import annotations

import re
from dataclasses import dataclass

CAMERAS = ("C001", "C002")  # view 0 and view 1 of an NTU-SYN pair
VIDEO_ENDING = "_rgb.avi"
ANNOTATION_ENDING = "_rgb.avi.json"

_NAME = re.compile(r"(S\d{3})(C\d{3})(P\d{3}R\d{3}A\d{3})", re.ASCII)


@dataclass(frozen=True)
class Name:
    """One camera's recording of one performance."""

    setup: str  # "S001"
    camera: str  # "C002"
    rest: str  # "P003R002A013"

    @property
    def text(self) -> str:
        return self.setup + self.camera + self.rest

    @property
    def event(self) -> str:
        """The performance, which three cameras recorded at once: the name without its camera."""
        return self.setup + self.rest

    @property
    def clip(self) -> str:
        """Path of its clip: a folder for each performance, a file for each camera."""
        return f"{self.setup}/{self.event}/{self.camera}.mp4"

    def seen_by(self, camera: str) -> Name:
        return Name(self.setup, camera, self.rest)


def parse_name(file: str, ending: str) -> Name | None:
    """The name in front of ``ending`` (any case), or None if the file is called otherwise."""
    if not file.lower().endswith(ending):
        return None
    match = _NAME.fullmatch(file[: -len(ending)])
    return Name(*match.groups()) if match else None
