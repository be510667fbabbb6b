"""Jobs that write small real clips, and misbehave when told to. Run as a file, it is a preparation script:

python clip_jobs.py <output folder> <workers> <jobs> <frames a clip>
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from videosync.errors import VideoError, VideoWriteError
from videosync.jobs.job import Clip, Outcome
from videosync.jobs.workers import run_jobs
from videosync.video.write import VideoWriter

FPS = 25.0


@dataclass(frozen=True)
class ClipJob:
    name: str
    sources: tuple[str, ...]
    folder: str  # of the clips
    frames: int = 3
    pause: float = 0.0  # seconds between frames
    fault: str = ""  # what happens after the first frame: a signal's name, or see ``_fail``

    @property
    def outputs(self) -> tuple[str, ...]:
        return (f"clips/{self.name}.mp4",)


def write_clip(job: ClipJob, folder: Path) -> Outcome:
    """Notes in ``ran/`` that it was run, then writes a clip whose brightness rises."""
    note = Path(job.folder).parent / "ran"
    note.mkdir(exist_ok=True)
    (note / f"{job.name}.{time.time_ns()}").touch()
    clip = f"clips/{job.name}.mp4"
    with VideoWriter(folder / clip, FPS, size=(32, 32), threads=1) as writer:
        for number in range(job.frames):
            writer.write(np.full((32, 32, 3), number % 256, np.uint8))
            time.sleep(job.pause)
            if job.fault:
                _fail(job)
    return Outcome((Clip(clip, job.sources[0], 0, job.frames, FPS),), frames=job.frames)


def _fail(job: ClipJob) -> None:
    if job.fault == "bad":
        raise VideoError(f"{job.sources[0]}: is damaged")
    if job.fault == "no access":
        raise VideoError(f"{job.sources[0]}: cannot be read (Permission denied)") from PermissionError()
    if job.fault == "disk":
        raise VideoWriteError(f"{job.folder}: the disk is full")
    if job.fault == "memory":
        raise MemoryError
    if job.fault == "bug":
        raise ZeroDivisionError("a mistake in the code")
    if job.fault == "exit":
        os._exit(3)
    os.kill(os.getpid(), signal.Signals[job.fault])
    time.sleep(60)  # another thread may be the one that it reaches


def make_jobs(root: Path, count: int, **fields: object) -> list[ClipJob]:
    """Job ``i`` reads source ``i`` of ``root`` and writes to ``root/out``."""
    jobs = []
    for number in range(count):
        source = root / f"source{number}.bin"
        if not source.exists():
            source.write_bytes(bytes(100))
        jobs.append(ClipJob(f"job{number}", (str(source),), str(root / "out"), **fields))  # type: ignore[arg-type]
    return jobs


def times_run(root: Path) -> dict[str, int]:
    """Job name → how often it was begun."""
    names = [path.name.partition(".")[0] for path in (root / "ran").glob("*")]
    return {name: names.count(name) for name in sorted(set(names))}


def main(root: Path, where: str, count: int, frames: int) -> int:
    jobs = make_jobs(root, count, frames=frames, pause=0.03)
    workers, cluster = (1, where) if ":" in where else (int(where), None)
    try:
        run_jobs(
            write_clip, jobs, output_dir=root / "out", settings={}, workers=workers, cluster=cluster, label="cutting"
        )
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])))
