"""Frames/s of decoding, augmentation and the training loader, beside the usual way of doing the same.

    python benchmarks/data.py                                   # a few minutes; prints a table
    python benchmarks/data.py --output runs/benchmarks/data.json --frames 300 --repeats 7

The video is made on the fly: 720p H.264, a panning textured scene with moving things and sensor noise. *bare* is a
plain PyAV loop with the same decoder settings; *PIL* is the same augmentation picture by picture. Both sides of a row
alternate within one process, and medians over the repeats are printed. Augmentation runs on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image, ImageEnhance, ImageFilter
from scipy.ndimage import zoom

from videosync.data.datasets import TrainingClips
from videosync.data.draws import ClipDraws
from videosync.data.loaders import training_loader
from videosync.data.manifest import Sample, View, read_manifest, write_manifest
from videosync.video.index import clear_index_cache
from videosync.video.read import probe, read_frames, read_frames_at
from videosync.video.transforms import AugmentDraw, ClipAugment
from videosync.video.write import write_video

RESIZED = (256, 456)  # height, width, pixels
LOADER_FRAMES = 80


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=240, help="length of the 720p video")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each side; the median counts")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="loader processes to try")
    parser.add_argument("--gop", type=int, default=12, help="frames between keyframes of the 720p video")
    parser.add_argument("--output", type=Path, help="JSON file for the numbers")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "v720.mp4"
        write_video(video, scene(args.frames, 720, 1280), 30, crf=23, gop=args.gop, preset="fast")
        rows = decode_rows(video, args.repeats)
        rows += cache_rows(video, Path(folder) / "cache.npy", args.repeats)
        rows += [augment_row(args.repeats), *loader_rows(Path(folder) / "set", args.workers, args.repeats)]
    report(rows, args)


def scene(frames: int, height: int, width: int) -> Iterator[np.ndarray]:
    """uint8 [H,W,3] frames of a textured scene: a panning background, moving blocks, noise."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (height // 40, width // 20, 3))
    background = zoom(coarse, (40, 40, 1), order=1)[:height].astype(np.int16)
    grain = rng.normal(0, 6, (4, height, width, 3)).astype(np.int16)
    blocks = rng.uniform(size=(8, 5))
    for t in range(frames):
        left = int(t * 1.5) % (background.shape[1] - width)
        frame = background[:, left : left + width] + grain[t % 4]
        for x, y, speed, size, shade in blocks:
            side = int(40 + 120 * size)
            column = int((x + 0.01 * speed * t) % 1 * (width - side))
            row = int((y + 0.2 * np.sin(0.1 * t + 6 * speed)) % 1 * (height - side))
            frame[row : row + side, column : column + side] = 255 * shade
        yield frame.clip(0, 255).astype(np.uint8)


def compare(ours: Callable[[], int], other: Callable[[], int], repeats: int) -> tuple[float, float]:
    """Median frames/s of both, run in turn; each returns the number of frames it made."""
    ours()
    other()
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for work, kept in zip((ours, other), rates, strict=True):
            started = time.perf_counter()
            count = work()
            kept.append(count / (time.perf_counter() - started))
    return statistics.median(rates[0]), statistics.median(rates[1])


def row(name: str, other: str, rates: tuple[float, float], note: str = "") -> dict[str, Any]:
    return {
        "what": name,
        "frames_per_second": round(rates[0], 1),
        "beside": other,
        "beside_frames_per_second": round(rates[1], 1),
        "ratio": round(rates[0] / rates[1], 2),
        "note": note,
    }


def bare_decode(path: Path, size: tuple[int, int] | None) -> int:
    """A plain PyAV loop over all frames: threads for decoding, one scaler, no bookkeeping."""
    scaler, frames = VideoReformatter(), []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        height, width = size or (None, None)
        for frame in container.decode(stream):
            rgb = scaler.reformat(
                frame, width=width, height=height, format="rgb24", interpolation=Interpolation.AREA, threads=1
            )
            frames.append(rgb.to_ndarray())
    return len(np.stack(frames))


def decode_rows(video: Path, repeats: int) -> list[dict[str, Any]]:
    rows = []
    sizes: dict[str, tuple[int, int] | None] = {"decode 720p": None, "decode 720p to 456x256": RESIZED}
    for name, size in sizes.items():
        ours, bare = partial(read_frames, video, size=size), partial(bare_decode, video, size)
        rows.append(row(name, "bare PyAV loop", compare(lambda: len(ours()), bare, repeats)))  # noqa: B023
    total = probe(video).num_frames
    rng = np.random.default_rng(0)
    picks = [
        np.sort(rng.choice(total // 2, total // 3, replace=False)) + total // 4 for _ in range(repeats + 1)
    ]
    turn = iter(picks)
    rates = compare(
        lambda: len(read_frames_at(video, next(turn), size=RESIZED)),
        lambda: bare_decode(video, RESIZED),
        repeats,
    )
    rows.append(row("two thirds of a window's frames", "bare PyAV loop, whole file", rates))

    def indexed() -> int:
        clear_index_cache()
        return probe(video).num_frames

    rows.append(
        row(
            "list the frames of a file",
            "bare PyAV loop",
            compare(indexed, lambda: bare_decode(video, RESIZED), repeats),
        )
    )
    return rows


def cache_rows(video: Path, path: Path, repeats: int) -> list[dict[str, Any]]:
    """Would decoded frames on disk pay? Sizes, and reading them from the operating system's memory (at best)."""
    np.save(path, read_frames(video, size=RESIZED))
    rates = compare(lambda: len(read_frames(video, size=RESIZED)), lambda: len(np.load(path)), repeats)
    growth = path.stat().st_size / video.stat().st_size
    note = f"cache is {growth:.0f} times the video's size; np.load from memory, not from disk"
    return [row("decode to 456x256", "np.load of decoded frames", rates, note)]


def pil_augment(clip: np.ndarray, draw: AugmentDraw, size: int) -> torch.Tensor:
    """The same changes with PIL, picture by picture."""
    out = []
    for frame in clip:
        box = (draw.left, draw.top, draw.left + draw.width, draw.top + draw.height)
        picture = Image.fromarray(frame).crop(box).resize((size, size), Image.Resampling.BILINEAR)
        if draw.flip:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if draw.brightness != 1:
            picture = ImageEnhance.Brightness(picture).enhance(draw.brightness)
            picture = ImageEnhance.Contrast(picture).enhance(draw.contrast)
            picture = ImageEnhance.Color(picture).enhance(draw.saturation)
            hsv = np.array(picture.convert("HSV"))
            hsv[..., 0] += np.uint8(int(draw.hue * 255) % 256)
            picture = Image.fromarray(hsv, "HSV").convert("RGB")
        if draw.gray:
            picture = picture.convert("L").convert("RGB")
        if draw.sigma:
            picture = picture.filter(ImageFilter.GaussianBlur(draw.sigma))
        out.append(torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255)
    return torch.stack(out)


def augment_row(repeats: int, size: int = 224, frames: int = 80) -> dict[str, Any]:
    clip = np.stack(list(scene(frames, 360, 640)))
    augment, tensor = ClipAugment(size), torch.from_numpy(clip)
    draws = [augment.draw(360, 640, torch.Generator().manual_seed(seed)) for seed in range(8)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rates = compare(
        lambda: sum(len(augment.apply(tensor, draw)) for draw in draws),
        lambda: sum(len(pil_augment(clip[:8], draw, size)) for draw in draws),
        repeats,
    )
    torch.set_num_threads(threads)
    return row(
        "augment 640x360 to 224, one core", "PIL, frame by frame", rates, "8 draws of the default options"
    )


def loader_rows(folder: Path, workers: list[int], repeats: int) -> list[dict[str, Any]]:
    """Frames/s of the whole loader (decode, augment, collate) beside decoding and resizing the same files whole."""
    samples = []
    for event in range(2):
        path = folder / f"{event}.mp4"
        write_video(path, scene(120, 360, 640), 30, crf=23)
        view = View(video=path.name, start_frame=0, num_frames=120, fps=30.0)
        samples.append(Sample(event=f"event{event}", split="train", views=(view, view)))
    write_manifest(folder, samples)
    draws = ClipDraws(
        read_manifest(folder),
        "train",
        num_frames=LOADER_FRAMES,
        views="self",
        cross_share=0.0,
        sampling_region=1.5,
        consistent_offset=0.2,
        samples_per_video=1,
        seed=0,
    )
    dataset = TrainingClips(draws, image_size=224, augment=ClipAugment(224))
    rows = []
    for count in workers:
        loader, sampler = training_loader(
            dataset, batch_size=2, num_workers=count, rank=0, world_size=1, seed=0
        )
        epochs = iter(range(repeats + 1))

        def epoch(loader: Any = loader, sampler: Any = sampler, epochs: Iterator[int] = epochs) -> int:
            number = next(epochs)
            dataset.set_epoch(number)
            sampler.set_epoch(number)
            return sum(int(batch.mask.sum()) for batch in loader)

        bare = lambda: sum(bare_decode(folder / f"{event}.mp4", (224, 224)) for event in range(2))  # noqa: E731
        rates = compare(epoch, bare, repeats)
        name = f"training loader, 2 x {LOADER_FRAMES} frames, {count} worker{'' if count == 1 else 's'}"
        rows.append(
            row(name, "bare PyAV loop, resized only", rates, "640x360 H.264; both views of one video")
        )
    return rows


def processor_name() -> str:
    """What the processor calls itself, where the system tells."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def report(rows: list[dict[str, Any]], args: argparse.Namespace) -> None:
    machine = {
        "machine": processor_name(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "load": [round(value, 1) for value in os.getloadavg()],
        "torch": torch.__version__,
        "av": av.__version__,
        "repeats": args.repeats,
    }
    print("  ".join(f"{key} {value}" for key, value in machine.items()))
    print(f"{'frames/s':44} {'here':>9} {'beside':>9} {'ratio':>7}")
    for entry in rows:
        here, beside = entry["frames_per_second"], entry["beside_frames_per_second"]
        print(f"{entry['what']:44} {here:9.0f} {beside:9.0f} {entry['ratio']:7.2f}  {entry['beside']}")
        if entry["note"]:
            print(f"{'':44} {entry['note']}")
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps({**machine, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
