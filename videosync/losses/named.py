"""The losses by name. A new one is a file beside this one and a line here; it needs nothing else to be configured."""

from __future__ import annotations

from videosync.losses.classification import Classification
from videosync.losses.crisscross import CrissCross
from videosync.losses.objective import Objective
from videosync.losses.scl import Scl
from videosync.losses.tcc import Tcc
from videosync.losses.tcn import Tcn

LOSSES: dict[str, type[Objective]] = {
    "scl": Scl,
    "tcc": Tcc,
    "tcn": Tcn,
    "classification": Classification,
    "crisscross": CrissCross,
}
