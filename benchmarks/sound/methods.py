"""What methods say about a pair of recordings. Offsets of answers are milliseconds (``fps`` 1000)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import correlate

from benchmarks.pipeline import Answer
from benchmarks.sound.recordings import Recorded
from benchmarks.sound.waves import RATE
from videosync.data.identity import code_hash
from videosync.errors import ConfigError
from videosync.files import read_json, write_json
from videosync.sound.match import match, track

OURS, FINDER = "videosync", "audio-offset-finder"
SURE = 10.0  # the score from which audio-offset-finder calls its answer good
Asked = Callable[[Recorded], dict[str, Any]]  # fields of an Answer; "said" in seconds


def ours(recorded: Recorded) -> dict[str, Any]:
    one, other = (track(wave) for wave in recorded.waves)
    found = match(one, other)
    (low, high), true = found.interval, recorded.pair.start  # it answers where both begin
    more = {
        "precise": bool(found.placed and found.precise),
        "drift_ppm": found.drift_ppm,
        "reason": found.reason,
        "same_recording": found.same_recording,
        "inside": true is not None and bool(low <= true <= high),
        "features": found.features,
    }
    said = {"said": found.seconds, "confidence": found.confidence, "placed": found.placed}
    return {"true": true, **said, "more": more}


def plain_correlation(recorded: Recorded) -> dict[str, Any]:
    """The largest value of the cross-correlation."""
    one, other = recorded.waves
    return {"said": (int(np.argmax(correlate(other, one, "full", "fft"))) - len(one) + 1) / RATE}


def always_0(recorded: Recorded) -> dict[str, Any]:
    return {"said": 0.0}


def offset_finder(recorded: Recorded, python: str) -> dict[str, Any]:
    """The better of both orders of the files, accepted by its own threshold. Raises ConfigError: it ended."""
    child = _started(python)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps([str(path) for path in recorded.paths]) + "\n")
    child.stdin.flush()
    line = child.stdout.readline()
    if not line:
        raise ConfigError(f"--offset-finder: it ended at {recorded.paths[0].parent}; its message is above")
    answer = json.loads(line)
    known = [(sign, of) for sign, of in zip((-1, 1), answer["orders"]) if of is not None and np.isfinite(of["score"])]
    orders = [(of["score"], sign * of["seconds"]) for sign, of in known]
    score, said = max(orders, default=(0.0, None))
    return {"said": said, "confidence": score, "placed": score > SURE, "seconds": answer["seconds"]}


def answered(recorded: Recorded, methods: Mapping[str, Asked]) -> list[Answer]:
    """What each method says about one pair; answers are kept beside it."""
    pair = recorded.pair
    answers = []
    for name, ask in methods.items():
        found = _kept(recorded, name, ask)
        said, true = found.pop("said"), found.pop("true", pair.middle)
        about = {
            "minutes": sum(map(len, recorded.waves)) / RATE / 60,
            "shared": pair.shared,
            "true_drift_ppm": pair.drift_ppm,
            "decibels": pair.decibels,
            **found.pop("more", {}),
        }
        answers.append(
            Answer(
                row=pair.condition, group=pair.sound, unit=pair.unit, case=pair.name, method=name, fps=1000.0,
                true=None if true is None else true * 1000,
                said=None if said is None else said * 1000, more=about, **found,
            )
        )  # fmt: skip
    return answers


def _kept(recorded: Recorded, name: str, ask: Asked) -> dict[str, Any]:
    """What a method said, with the processor time it took; kept beside the recordings while its code stays as it is."""
    version = f"_{code_hash('sound')}" if name == OURS else ""
    path = recorded.paths[0].with_name(f"{name}{version}.json")
    if not path.exists():
        began = time.process_time()
        found = ask(recorded)
        write_json(path, {"seconds": time.process_time() - began, **found})
    return dict(read_json(path))


def why_no_finder(python: Path | None) -> str | None:
    """Why audio-offset-finder cannot be asked; None: it can."""
    if python is None:
        return "no --offset-finder was given"
    if not python.is_file():
        return f"{python} is no interpreter"
    tried = subprocess.run([str(python), "-c", "import audio_offset_finder"], capture_output=True)
    if tried.returncode:
        return f"{python} has no module audio_offset_finder"
    return None if shutil.which("ffmpeg", path=_path(str(python))) else f"there is no ffmpeg beside {python} or on PATH"


@lru_cache(maxsize=1)
def _started(python: str) -> subprocess.Popen[str]:
    """One for each process; it ends with its input."""
    script = str(Path(__file__).with_name("offset_finder.py"))
    limits = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, text=True,
        env={**os.environ, **limits, "PATH": _path(python)},
    )  # fmt: skip


def _path(python: str) -> str:
    return os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", "")])
