"""Frames/s of embedding a whole video, beside the bare backbone's own at the same precision.

    python benchmarks/embed.py                                  # ResNet-50 and -18 at 224 px, small at 96 px
    python benchmarks/embed.py --encoders resnet50/rgb/224 --device cuda
    python benchmarks/embed.py --encoders small/motion/96 --frames 0 --minutes 1 10       # memory of long videos

*bare*: the backbone on frames that already lie normalised in memory. *embed*: file → decoded, resized,
normalised, through the backbone and the transformer. Both alternate within one process, and medians are
printed, in frames/s. Each encoder is measured with glibc's allocator as it comes ("default") and told to keep
its memory ("kept"), which is what the commands do. ``share`` is embed / bare; ``cpu_share`` is the same in
processor time, in which decoding counts in full and other work on the machine counts little. Weights are
random: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from videosync.engine.allocator import keep_freed_memory
from videosync.evaluation.embed import video_features
from videosync.models.encoder import Encoder, build_encoder
from videosync.models.inference import optimize_for_inference
from videosync.models.options import ModelOptions
from videosync.video.read import iter_frames
from videosync.video.write import write_video

ENCODERS = ("resnet50/rgb/224", "resnet18/rgb/224", "small/motion/96")
COLUMNS = (
    "encoder", "allocator", "precision", "decode", "bare", "embed", "share", "cpu_share", "cosine", "peak_mb",
)  # fmt: skip
WINDOW = 240  # frames that the transformer sees at once


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoders", nargs="+", default=ENCODERS, help="backbone/input/size, size in pixels")
    parser.add_argument("--frames", type=int, default=480, help="length of the timed video; 0: time nothing")
    parser.add_argument(
        "--video_size", type=int, nargs=2, default=(360, 640), help="height and width, pixels"
    )
    parser.add_argument(
        "--minutes", type=float, nargs="*", default=[], help="also: peak memory at these lengths (30 fps)"
    )
    parser.add_argument(
        "--batch_frames", type=int, default=64, help="frames that go through the backbone at once"
    )
    parser.add_argument("--repeats", type=int, default=3, help="medians over this many runs")
    parser.add_argument("--precision", default="auto", help="auto, float32 or bf16")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--output", type=Path, default=Path("runs/benchmarks/embed.json"), help="JSON file to write"
    )
    parser.add_argument("--child", help=argparse.SUPPRESS)  # JSON: one measurement in its own process
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(args, **json.loads(args.child))))
        return
    rows: list[dict[str, Any]] = []
    print("  ".join(f"{column:>16}" for column in COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        video = make_video(Path(folder) / "timed.mp4", max(args.frames, 1), args.video_size)
        for encoder in args.encoders if args.frames else ():
            for allocator in ("default", "kept"):
                rows.append(in_child(encoder=encoder, allocator=allocator, video=str(video), timed=True))
                print("  ".join(f"{rows[-1][column]!s:>16}" for column in COLUMNS), flush=True)
        for minutes in args.minutes:
            video = make_video(Path(folder) / "long.mp4", round(minutes * 60 * 30), args.video_size)
            for encoder in args.encoders:
                row = in_child(encoder=encoder, allocator="kept", video=str(video), timed=False)
                rows.append({**row, "minutes": minutes})
                print(
                    f"{encoder}: {minutes:g} min, {row['frames']} frames: peak {row['peak_mb']} MB",
                    flush=True,
                )
    report = {"command": sys.argv, "machine": machine(args.device), "load": os.getloadavg(), "rows": rows}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(report, indent=2) + "\n")
    print(f"frames/s on {report['machine']}; load {os.getloadavg()[0]:.1f}\nwritten: {args.output}")


def in_child(**task: Any) -> dict[str, Any]:
    """One measurement in a process of its own, so that memory and allocator settings are its own too."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, __file__, *sys.argv[1:], "--child", json.dumps(task)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=clean)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(
    args: argparse.Namespace, encoder: str, allocator: str, video: str, timed: bool
) -> dict[str, Any]:
    if allocator == "kept" and not keep_freed_memory():
        raise SystemExit("the C library has no mallopt: nothing to compare")
    backbone, input, pixels = encoder.split("/")
    size = int(pixels)
    exact = random_encoder(backbone, input, args.batch_frames).to(args.device).eval()
    fast = optimize_for_inference(exact, precision=args.precision)
    assert isinstance(fast, Encoder)
    dtype = next(fast.backbone.parameters()).dtype
    row: dict[str, Any] = {
        "encoder": encoder,
        "allocator": allocator,
        "precision": str(dtype).removeprefix("torch."),
    }
    row["batch_frames"] = args.batch_frames

    def embed() -> int:
        features = video_features(fast, video, size=size, batch_frames=args.batch_frames, device=args.device)
        with torch.no_grad():
            for window in features.split(WINDOW):
                fast.embed(window[None].to(args.device)).cpu()
        return len(features)

    if not timed:
        row["frames"] = embed()
    else:
        clip = torch.from_numpy(np.stack(list(iter_frames(video, 0, args.batch_frames, size=(size, size)))))
        clip = clip.permute(0, 3, 1, 2).to(args.device)  # [T, 3, H, W]
        with torch.no_grad():
            cosine = (exact(clip[None, :16]) * fast(clip[None, :16])).sum(-1).min()
            ready = fast.input.normalise(fast.input.channels(clip[None], None, 0)[0])
            ready = ready.to(dtype, memory_format=torch.channels_last)

        def bare() -> int:
            with torch.no_grad():
                for _ in range(max(args.frames // len(ready), 1)):
                    last = fast.backbone(ready, chunk_size=args.batch_frames, prepare=lambda x: x)
                last.sum().item()  # waits for the device
            return max(args.frames // len(ready), 1) * len(ready)

        def decode() -> int:
            return sum(1 for _ in iter_frames(video, size=(size, size)))

        rates, cpu_rates = alternate({"decode": decode, "bare": bare, "embed": embed}, args.repeats)
        row |= {name: round(rate, 1) for name, rate in rates.items()}
        row["share"] = round(rates["embed"] / rates["bare"], 3)
        row["cpu_share"] = round(cpu_rates["embed"] / cpu_rates["bare"], 3)
        row["cosine"] = round(cosine.item(), 5)
    row["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    if args.device.startswith("cuda"):
        row["peak_gpu_mb"] = round(torch.cuda.max_memory_allocated() / 2**20)
    return row


def alternate(work: dict[str, Callable[[], int]], repeats: int) -> tuple[dict[str, float], dict[str, float]]:
    """Median frames/s and frames per second of processor time; after a warm-up the jobs take turns."""
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for turn in range(repeats + 1):
        for name, job in work.items():
            wall, cpu = time.perf_counter(), time.process_time()
            frames = job()
            if turn:
                rates[name].append(
                    (frames / (time.perf_counter() - wall), frames / (time.process_time() - cpu))
                )
    by_wall = {name: statistics.median(wall for wall, _ in values) for name, values in rates.items()}
    return by_wall, {name: statistics.median(cpu for _, cpu in values) for name, values in rates.items()}


def random_encoder(backbone: str, input: str, chunk_size: int) -> Encoder:
    """The shipped sizes behind this backbone."""
    torch.manual_seed(0)
    options = ModelOptions(backbone=backbone, input=input, random_backbone=True, chunk_size=chunk_size)  # type: ignore[arg-type]
    encoder = build_encoder(options, num_frames=WINDOW)
    assert isinstance(encoder, Encoder)
    return encoder


def make_video(path: Path, frames: int, size: tuple[int, int]) -> Path:
    """A textured picture with bodies that move and a little sensor noise, H.264, 30 frames/s."""
    height, width = size
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (height // 20, width // 20, 3), dtype=np.uint8)
    background = coarse.repeat(20, 0).repeat(20, 1)
    noise = [rng.integers(0, 6, background.shape, dtype=np.uint8) for _ in range(7)]

    def pictures() -> Iterator[np.ndarray]:
        for t in range(frames):
            picture = background + noise[t % len(noise)]
            for body in range(3):
                y = int((height - 80) * (0.5 + 0.5 * np.sin(t / (17 + 5 * body))))
                x = int((width - 60) * (0.5 + 0.5 * np.cos(t / (29 - 4 * body))))
                picture[y : y + 80, x : x + 60] = 220 - 60 * body
            yield picture

    write_video(path, pictures(), 30, preset="veryfast")
    return path


def machine(device: str) -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    gpu = f", {torch.cuda.get_device_name()}" if device.startswith("cuda") else ""
    name = names[0] if names else platform.processor()
    return (
        f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}{gpu}"
    )


if __name__ == "__main__":
    main()
