"""A small CMU Panoptic archive: the same tree, names and kinds of files, and all that may be wrong with them.

Each picture tells its frame number in twelve blocks (top half) and moves (bottom half), so that a clip's frames say
which source frames they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from videosync.video.write import write_video

FPS = 30000 / 1001
HEIGHT, WIDTH = 96, 144
BITS = 12
LEVELS = 40, 230  # of a block whose bit is 0 or 1
GREEN = 40, 170, 60
CAMERAS = ("00", "03", "06", "09", "10", "11", "15")  # what the replica stands for; 15 is not there


@dataclass
class Source:
    """What one file shows: frame ``n`` shows number ``n``, but for the stretches [first, stop)."""

    num_frames: int = 700
    lead: int = 0  # black frames at the start
    black: tuple[int, int] = (0, 0)
    green: tuple[int, int] = (0, 0)
    still: tuple[int, int] = (0, 0)  # repeats the picture of its first frame
    fps: float = FPS
    codec: str = "libx264"
    gop: int = 60
    cut_off: bool = False

    def bad(self) -> np.ndarray:
        """bool [T]: frames that show nothing."""
        bad = np.zeros(self.num_frames, bool)
        for first, stop in ((0, self.lead), self.black, self.green):
            bad[first:stop] = True
        return bad

    def shown(self, number: int) -> int:
        first, stop = self.still
        return first if first <= number < stop else number


@dataclass
class Truth:
    root: Path
    sources: dict[tuple[str, str], Source] = field(default_factory=dict)  # (sequence, camera)


def make_cmu(root: Path) -> Truth:
    """``root/<sequence>/hdVideos/hd_00_XX.mp4`` of three sequences."""
    sources = {
        ("171204_pose1", "00"): Source(lead=20, black=(415, 420)),  # a flash between two keyframes
        ("171204_pose1", "03"): Source(lead=95, green=(300, 350), num_frames=690),
        ("171204_pose1", "06"): Source(lead=47, codec="mpeg4", gop=48),
        ("171204_pose1", "09"): Source(num_frames=300, cut_off=True),
        ("171204_pose1", "10"): Source(num_frames=300, fps=25.0),
        ("171204_pose1", "11"): Source(lead=3, still=(430, 560), num_frames=640),
        ("171204_pose2", "00"): Source(num_frames=230, lead=10, gop=30),
        ("171204_pose2", "03"): Source(num_frames=250, lead=130, gop=30),  # room for one window
        ("171026_pose3", "00"): Source(num_frames=500, lead=60),
        ("171026_pose3", "03"): Source(num_frames=520, lead=5),
    }
    for (sequence, camera), source in sources.items():
        write_source(root / sequence / "hdVideos" / f"hd_00_{camera}.mp4", source, seed=int(camera))
    (root / "171204_pose1" / "calibration_171204_pose1.json").write_text("{}")  # lies there in the archive
    return Truth(root, sources)


def write_source(path: Path, source: Source, *, seed: int) -> None:
    options = {"sc_threshold": "0", "g": str(source.gop), "keyint_min": str(source.gop)}
    mpeg4 = {"bit_rate": 3_000_000} if source.codec == "mpeg4" else {"options": options, "preset": "superfast"}
    write_video(path, pictures(source, seed), source.fps, codec=source.codec, gop=source.gop, b_frames=2, **mpeg4)
    if source.cut_off:
        cut_off(path)


def pictures(source: Source, seed: int) -> Iterator[np.ndarray]:
    """uint8 [96,144,3] of every frame."""
    rng = np.random.default_rng(seed)
    texture = np.kron(rng.integers(60, 220, (6, 24, 3)), np.ones((8, 12, 1))).astype(np.uint8)  # [48,288,3]
    bad = source.bad()
    for number in range(source.num_frames):
        if bad[number]:
            green = source.green[0] <= number < source.green[1]
            yield np.full((HEIGHT, WIDTH, 3), GREEN if green else 8, np.uint8)
            continue
        shown = source.shown(number)
        bits = (shown >> np.arange(BITS) & 1).reshape(2, 6)
        blocks = np.kron(np.where(bits, LEVELS[1], LEVELS[0]), np.ones((24, 24)))  # [48,144]
        top = np.broadcast_to(blocks[..., None], (48, WIDTH, 3)).astype(np.uint8)
        yield np.concatenate([top, np.roll(texture, -2 * shown, axis=1)[:, :WIDTH]])


def numbers_in(frames: np.ndarray) -> list[int]:
    """The numbers that frames uint8 [T,H,W,3] of any size tell; -1 where the blocks are neither dark nor bright."""
    height, width = frames.shape[1:3]
    rows = [(np.array([r, r + 1]) * height / 4 + [1, -1]).round().astype(int) for r in range(2)]
    columns = [(np.array([c, c + 1]) * width / 6 + [1, -1]).round().astype(int) for c in range(6)]
    blocks = np.array([frames[:, y0:y1, x0:x1].mean((1, 2, 3)) for y0, y1 in rows for x0, x1 in columns]).T  # [T,12]
    numbers = ((blocks > 135) << np.arange(BITS)).sum(1)
    unclear = (np.abs(blocks[..., None] - LEVELS).min(2) > 40).any(1)
    return np.where(unclear, -1, numbers).tolist()


def cut_off(path: Path) -> None:
    """A download that stopped: the header is at the front, as on the server, and the end of the data is missing."""
    whole = path.with_suffix(".whole.mp4")
    path.rename(whole)
    with av.open(str(whole)) as source, av.open(str(path), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    whole.unlink()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
