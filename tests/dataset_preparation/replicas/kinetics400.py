"""A small Kinetics-400 folder as the CVD Foundation's archive unpacks: names, CSVs, codecs, sound, and its defects.

Every frame of a good video carries its number (tests/video/numbered.py), so a clip can be compared with it exactly.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from tests.video.numbered import numbered_frame

HTML = b"<!DOCTYPE html>\n<html><head><title>404</title></head><body>Video unavailable</body></html>\n"


@dataclass
class Truth:
    """What a preparation must find; paths are relative to the root."""

    frames: dict[str, int] = field(default_factory=dict)  # usable file → its frames (0, 1, 2 …)
    fps: dict[str, float] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)  # usable file → split
    labels: dict[str, str] = field(default_factory=dict)  # usable file → class ("" where no row says)
    unreadable: dict[str, str] = field(default_factory=dict)  # path → kind
    replaced: dict[str, str] = field(default_factory=dict)  # unusable path → the file used instead
    in_both: tuple[str, ...] = ()  # train files whose id is in val
    rows_without_file: int = 0
    files_without_row: int = 0


def write_clip(
    path: Path,
    count: int,
    *,
    fps: Fraction | int = 30,
    size: tuple[int, int] = (96, 128),
    codec: str = "libx264",
    turned: int = 0,
    first: int = 0,
    sound: str = "aac",
    picture: bool = True,
    faststart: bool = False,
    heard: float | None = None,
) -> None:
    """Numbered frames ``first`` … of (height, width) ``size`` upright, stored turned by quarters, with a tone.

    ``sound``: the tone's codec, "" for none; it lasts ``heard`` seconds (None: as long as the pictures).
    ``faststart`` puts the index before the frames, as web videos have it: such a file can be cut off and still opens.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"movflags": "+faststart"} if faststart else {}
    with av.open(str(path), "w", options=options) as container:
        rate = Fraction(fps)
        video = container.add_stream(codec, rate=rate) if picture else None
        if video is not None:
            height, width = size if turned % 180 == 0 else size[::-1]
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            if codec == "libx264":
                video.options = {"crf": "18"}
            else:
                video.bit_rate = 2_000_000
            if turned:
                video.set_display_rotation(turned)
        audio = container.add_stream(sound, rate=16000, layout="mono") if sound else None
        if video is not None:
            for number in range(first, first + count):
                upright = cv2.resize(numbered_frame(number), size[::-1], interpolation=cv2.INTER_NEAREST)
                stored = np.ascontiguousarray(np.rot90(upright, -turned // 90))
                frame = av.VideoFrame.from_ndarray(stored, format="rgb24")
                frame.pts, frame.time_base = number - first, 1 / rate
                container.mux(video.encode(frame))
        if audio is not None:
            samples = int(16000 * (count / rate if heard is None else heard))
            tone = (0.2 * np.sin(2 * np.pi * 440 * np.arange(samples) / 16000)).astype(np.float32)
            for start in range(0, samples, 1024):
                block = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], "fltp", "mono")
                block.sample_rate, block.pts, block.time_base = 16000, start, Fraction(1, 16000)
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))
        if video is not None:
            container.mux(video.encode(None))


def cut_off(path: Path, share: float) -> None:
    """Keep the first ``share`` of a file's bytes."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def make_kinetics400(root: Path, *, class_folders: bool = False, csv_folder: str = "annotations") -> Truth:
    """Write the archive; ``class_folders`` puts files into a folder for each class, as many people sort them."""
    truth = Truth()
    rows: dict[str, list[str]] = {"train": [], "val": [], "test": []}

    def place(split: str, name: str, label: str = "", *, row: bool = True) -> str:
        """Path of a file, and its row in the split's CSV."""
        identity, start, end = name[:11], int(name[12:18]), int(name[19:25])
        if row:
            quoted = f'"{label}"' if "'" in label else label
            rows[split].append(f"{quoted},{identity},{start},{end},{split}")
        folder = f"{split}/{label}" if class_folders and label else split
        return f"{folder}/{name}.mp4"

    def good(split: str, name: str, label: str, count: int, *, row: bool = True, **options) -> str:
        path = place(split, name, label, row=row)
        write_clip(root / path, count, **options)
        use(path, split, label if row or class_folders else "", count, options.get("fps", 30))
        return path

    def use(path: str, split: str, label: str, count: int, fps) -> None:
        truth.frames[path], truth.fps[path] = count, float(fps)
        truth.splits[path], truth.labels[path] = split, label

    def bad(split: str, name: str, label: str, kind: str) -> Path:
        path = place(split, name, label)
        truth.unreadable[path] = kind
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        return root / path

    good("train", "-3B32lodo2M_000059_000069", "abseiling", 60, size=(90, 120))
    good("train", "0_dash-id_x_000002_000012", "archery", 50, fps=25, size=(240, 320), faststart=True)
    good("train", "__V-Ea38-1s_000131_000141", "dancing ballet", 45, fps=Fraction(30000, 1001))
    good("train", "__V-Ea38-1s_000200_000210", "dancing ballet", 40, fps=Fraction(30000, 1001), first=500)
    good("train", "mpegFourPar_000010_000020", "archery", 40, fps=15, codec="mpeg4")
    good("train", "phoneUprigh_000003_000013", "abseiling", 40, turned=90, size=(128, 96))
    good("train", "fastSixtyFp_000000_000010", "massaging person's head", 64, fps=60, sound="")
    good("train", "noRowAtAll__000000_000010", "archery", 30, row=False)
    truth.files_without_row = 1
    good("val", "valClipNo-1_000017_000027", "abseiling", 40, size=(72, 128))
    good("val", "valClipNo_2_000000_000010", "archery", 36, fps=Fraction(24000, 1001))

    shared = place("train", "valClipNo-1_000100_000110", "abseiling")  # another part of a val video
    write_clip(root / shared, 30)
    truth.in_both = (shared,)

    bad("train", "emptyFile00_000001_000011", "archery", "empty").write_bytes(b"")
    bad("train", "webPage0000_000001_000011", "archery", "web page").write_bytes(HTML)
    noise = np.random.default_rng(0).integers(0, 256, 20_000, np.uint8).tobytes()
    bad("train", "randomBytes_000001_000011", "abseiling", "not a video").write_bytes(noise)
    write_clip(bad("train", "soundOnly00_000001_000011", "archery", "no video stream"), 60, picture=False)
    write_clip(bad("train", "tooShort000_000001_000011", "archery", "too short"), 3)
    damaged = bad("train", "damagedData_000001_000011", "archery", "damaged")
    write_clip(damaged, 60, size=(240, 320))
    data = bytearray(damaged.read_bytes())
    data[len(data) // 3 : len(data) // 2] = noise[: len(data) // 2 - len(data) // 3]
    damaged.write_bytes(data)
    cut = bad("val", "cutOffIndex_000001_000011", "abseiling", "truncated")
    write_clip(cut, 60, faststart=True)
    cut_off(cut, 0.6)

    first = place("train", "noMoovAtom0_000005_000015", "dancing ballet")  # the index was at the end and is gone
    write_clip(root / first, 40)
    cut_off(root / first, 0.7)
    truth.unreadable[first] = "truncated"
    gone = place("train", "onlyReplace_000005_000015", "abseiling")  # a row, no file, a replacement
    for number, path in enumerate((first, gone)):
        name = Path(path).name
        instead = f"replacement/replacement_for_corrupted_k400/{name}"
        write_clip(root / instead, 40 + number, first=100)
        truth.replaced[path] = instead
        use(instead, "train", "dancing ballet" if path == first else "abseiling", 40 + number, 30)
    write_clip(root / "replacement/replacement_for_corrupted_k400/notNeeded00_000000_000010.mp4", 20)

    place("train", "goneFromWeb_000001_000011", "archery")  # rows whose videos left YouTube
    place("val", "goneFromToo_000001_000011", "archery")
    truth.rows_without_file = 2
    write_clip(root / place("test", "testVideo00_000000_000010", "archery"), 20)
    source = root / next(iter(truth.frames))
    (source.parent / f"._{source.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
    (root / "train" / "k400_train_path.txt").write_text("a list of tar files\n")
    (root / csv_folder).mkdir(parents=True, exist_ok=True)
    for split, lines in rows.items():
        text = "\n".join(["label,youtube_id,time_start,time_end,split", *lines]) + "\n"
        (root / csv_folder / f"{split}.csv").write_text(text)
    return truth


def copy_archive(root: Path, target: Path) -> Path:
    """A copy with the same times of last change."""
    shutil.copytree(root, target, copy_function=shutil.copy2)
    return target
