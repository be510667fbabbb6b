from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from videosync.engine.signals import StopAsked, StopRequest

HANGS = """
import os, signal, time
from videosync.engine import signals
signals.PATIENCE_SECONDS = 0.2
with signals.StopRequest(warns={warns}):
    os.kill(os.getpid(), signal.{name})
    time.sleep(300)
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("name", "warns"), [("SIGTERM", True), ("SIGINT", False)])
def test_work_that_never_ends_is_ended(root: Path, name: str, warns: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGS.format(name=name, warns=warns)], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 128 + signal.Signals[name]
    assert ("go on from the last checkpoint with --continue_train" in done.stderr) == warns
    assert done.stderr.count("\n") == warns


def test_work_that_asks_is_told_and_then_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        assert not stop.asked()
        assert stop.waited == 0
        stop.check()
        signal.raise_signal(signal.SIGTERM)
        assert stop.asked()
        with pytest.raises(StopAsked) as caught:
            stop.check()
        assert caught.value.signal == signal.SIGTERM
        stop.heed()
    assert signal.getsignal(signal.SIGTERM) == handler
    assert signal.set_wakeup_fd(-1) == -1
