"""The command as it was typed, for reports: what made a number has to be found beside it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence


def typed_command(argv: Sequence[str] | None) -> str:
    """``videosync train --logdir …`` or ``train.py --logdir …``; ``argv`` None: the process's own arguments."""
    return " ".join([sys.argv[0], *map(shlex.quote, sys.argv[1:] if argv is None else argv)])
