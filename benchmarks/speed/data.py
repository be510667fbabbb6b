"""Frames/s of decoding, augmentation and the training loader, beside the usual way of doing the same.

    python -m benchmarks.speed.data                                   # a few minutes
    python -m benchmarks.speed.data --frames 300 --repeats 7

The video is made on the fly: 720p H.264. *Bare* is a plain PyAV loop with the same decoder settings; of augmentation
it is the same with PIL, picture by picture. Augmentation runs on one thread.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image, ImageEnhance, ImageFilter

from benchmarks.pipeline import benchmark, run
from benchmarks.speed.measure import alternate, row, scene, show
from videosync.data.datasets import TrainingClips
from videosync.data.decoded import DecodedFiles
from videosync.data.draws import ClipDraws
from videosync.data.loaders import training_loader
from videosync.data.manifest import Sample, View, read_manifest, write_manifest
from videosync.video.read import read_frames
from videosync.video.transforms import AugmentDraw, ClipAugment
from videosync.video.write import write_video

RESIZED = (256, 456)  # height, width, pixels
LOADER_FRAMES = 80
BATCHES = 4  # of an epoch: all workers have something to do


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


def decode_rows(video: Path, frames: int, repeats: int) -> list[dict[str, Any]]:
    rows = []
    for name, size in (("decode 720p", None), ("decode 720p to 456 × 256", RESIZED)):
        work = {"here": lambda s=size: len(read_frames(video, size=s)), "bare": partial(bare_decode, video, size)}
        rates = alternate(work, repeats)  # type: ignore[arg-type]
        rows.append(row(name, rates["here"][0], rates["bare"][0], "PyAV loop"))
    stored = frames * RESIZED[0] * RESIZED[1] * 3 / video.stat().st_size
    rows[-1]["note"] = f"a cache of decoded frames would be {stored:.0f} times as large as the video"
    return rows


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
    work = {
        "here": lambda: sum(len(augment.apply(tensor, draw)) for draw in draws),
        "bare": lambda: sum(len(pil_augment(clip[:8], draw, size)) for draw in draws),
    }
    rates = alternate(work, repeats)
    torch.set_num_threads(threads)
    name = f"augment 640 × 360 to {size}, one core"
    return row(name, rates["here"][0], rates["bare"][0], "PIL, frame by frame")


def loader_rows(folder: Path, workers: Sequence[int], repeats: int) -> Iterator[dict[str, Any]]:
    """Frames/s of the whole loader (decode, augment, collate) beside decoding and resizing the same files whole."""
    samples = []
    for event in range(2):
        view = View(video=f"{event}.mp4", start_frame=0, num_frames=120, fps=30.0)
        write_video(folder / view.video, scene(120, 360, 640), 30, crf=23)
        samples.append(Sample(event=f"event{event}", split="train", views=(view, view)))
    write_manifest(folder, samples)
    draws = ClipDraws(
        read_manifest(folder), "train", num_frames=LOADER_FRAMES, views="self", cross_share=0.0, sampling_region=1.5,
        consistent_offset=0.2, samples_per_video=BATCHES, seed=0,
    )  # fmt: skip
    for count, kept in product(workers, (None, folder / "kept")):
        dataset = TrainingClips(draws, image_size=224, augment=ClipAugment(224), files=DecodedFiles(kept))
        loader, sampler = training_loader(dataset, batch_size=2, num_workers=count, rank=0, world_size=1, seed=0)
        epochs = iter(range(repeats + 1))

        def epoch(
            dataset: Any = dataset, loader: Any = loader, sampler: Any = sampler, epochs: Iterator[int] = epochs
        ) -> int:
            number = next(epochs)
            dataset.set_epoch(number)
            sampler.set_epoch(number)
            return sum(int(batch.mask.sum()) for batch in loader)

        bare = lambda: sum(bare_decode(folder / f"{event}.mp4", (224, 224)) for event in range(2))  # noqa: E731
        rates = alternate({"here": epoch, "bare": bare}, repeats)
        name = f"training loader, 2 × {LOADER_FRAMES} frames, {count or 'no'} worker{'s' * (count != 1)}"
        name += ", files kept decoded" * (kept is not None)
        note = "" if count else f"{rates['here'][1] / rates['bare'][1]:.0%} of processor time"
        yield row(name, rates["here"][0], rates["bare"][0], "PyAV loop, resized only", note)


def measure(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "v720.mp4"
        write_video(video, scene(args.frames, 720, 1280), 30, crf=23, gop=args.gop, preset="fast")
        rows = decode_rows(video, args.frames, args.repeats)
        rows += [augment_row(args.repeats), *loader_rows(Path(folder) / "set", args.workers, args.repeats)]
    show(args, rows)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.speed.data")
    parser.add_argument("--frames", type=int, default=240, help="length of the 720p video (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each side (default %(default)s)")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2], help="loader processes to try")
    parser.add_argument("--gop", type=int, default=12, help="frames between keyframes of the 720p video")
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
