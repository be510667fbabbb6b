"""Frames/s of embedding a whole video, beside the bare backbone's own at the same precision.

    python -m benchmarks.speed.embed                              # ResNet-50 and -18 at 224 px, small at 96 px
    python -m benchmarks.speed.embed --encoders resnet50/rgb/224
    python -m benchmarks.speed.embed --encoders small/motion/96 --frames 18000    # memory of long videos
    python -m benchmarks.speed.embed --encoders small/motion/96 --heights 360 720 1080   # beside bare decoding
    python -m benchmarks.speed.embed --encoders resnet50/rgb/224 --engine torch compile openvino onnxruntime \
        --precision float32 bf16

*bare*: the backbone on frames that already lie normalised in memory. *here*: file → decoded, resized, normalised,
through the backbone and the transformer. In the note: how close embeddings are to those in float32 (cosine), the
decoder's own speed, and the share in processor time, in which decoding counts in full and other work on the machine
counts little. Where the backbone is quicker than decoding, a second line has *bare* decoding: a PyAV loop over the
file with as many decoder threads as *here*, which does nothing with the frames.
Runs on the GPU where there is one. Weights are random: speed does not depend on them. With ``--engine``
others than PyTorch compute the backbone, which takes turns with them: *bare* stays PyTorch's own.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.pipeline import benchmark, run
from benchmarks.speed.measure import alternate, peak_mb, reset_peak, row, scene, show
from videosync.config.load import load_config
from videosync.engine.build import build_encoder
from videosync.engine.distributed import setup_distributed
from videosync.engine.runtimes import NEEDS, with_engine
from videosync.evaluation.embed import video_features
from videosync.models.encoder import Encoder
from videosync.video.index import open_video, video_stream
from videosync.video.read import iter_frames, probe
from videosync.video.write import write_video

ENCODERS = ("resnet50/rgb/224", "resnet18/rgb/224", "small/motion/96")
PRECISIONS = ("auto", "float32", "bf16")
WINDOW = 240  # frames that the transformer sees at once


def measure_encoder(
    args: argparse.Namespace, name: str, precision: str, video: Path, device: torch.device
) -> list[dict[str, Any]]:
    backbone, input, pixels = name.split("/")
    size, batch = int(pixels), args.batch_frames
    exact = random_encoder(backbone, input, batch).to(device).eval()
    plain = with_engine(exact, "torch", precision=precision, size=size, folder=args.output)
    dtype = next(plain.backbone.parameters()).dtype
    fast = {"torch": plain}
    for engine in args.engine:
        if engine != "torch" and (engine, precision) != ("onnxruntime", "bf16"):  # which it cannot do
            fast[engine] = with_engine(exact, engine, precision=precision, size=size, folder=args.output)
    clip = torch.from_numpy(np.stack(list(iter_frames(video, 0, batch, size=(size, size)))))
    clip = clip.permute(0, 3, 1, 2).to(device)  # [T, 3, H, W]
    with torch.no_grad():
        expected = exact(clip[None, :16])
        cosine = {engine: (expected * other(clip[None, :16])).sum(-1).min().item() for engine, other in fast.items()}
        ready = plain.input.normalise(plain.input.channels(clip[None], None, 0)[0])
        ready = ready.to(dtype, memory_format=torch.channels_last)
    turns = max(args.frames // len(ready), 1)

    @torch.no_grad()
    def bare() -> int:
        for _ in range(turns):
            last = plain.backbone(ready, chunk_size=batch, prepare=lambda x: x)
        last.sum().item()  # waits for the device
        return turns * len(ready)

    def decode() -> int:
        with open_video(str(video)) as container:
            return sum(1 for _ in container.decode(video_stream(container, str(video))))

    reset_peak(device)
    work: dict[str, Callable[[], int]] = {"decode": decode, "bare": bare}
    work |= {
        engine: partial(embed, fast[engine], video, size, batch, device) for engine in fast if engine in args.engine
    }
    rates = alternate(work, args.repeats)
    shown = f"embed, {name}, of {probe(video).height}p"
    rows = []
    for engine in [engine for engine in work if engine in fast]:
        note = (
            f"{str(dtype).removeprefix('torch.')}, cosine {cosine[engine]:.5f}, "
            f"decodes {rates['decode'][0]:.0f} frames/s, "
            f"{rates[engine][1] / rates['bare'][1]:.0%} of processor time, peak {peak_mb(device)} MB"
        )
        (here, cpu), (alone, _) = rates[engine], rates["bare"]
        title = shown if args.engine == ["torch"] else f"{name}, {precision}: {engine}"
        about = {"cpu": cpu, "cosine": cosine[engine], "n": f"{args.repeats} × {args.frames} frames"}
        rows.append(row(title, here, alone, "the backbone on frames in memory", note, **about))
    for line in rows:
        line["of_torch"] = line["cpu"] / rows[0]["cpu"]
    decoding, decoding_cpu = rates["decode"]
    if decoding < rates["bare"][0] and args.engine == ["torch"]:
        note = f"{rates['torch'][1] / decoding_cpu:.0%} of processor time"
        rows.append(row(shown, rates["torch"][0], decoding, "PyAV loop, decoding only", note))
    return rows


@torch.no_grad()
def embed(encoder: Encoder, video: Path, size: int, batch: int, device: torch.device) -> int:
    features = video_features(encoder, video, size=size, batch_frames=batch, device=device)
    for window in features.split(WINDOW):
        encoder.embed(window[None].to(device)).cpu()
    return len(features)


def random_encoder(backbone: str, input: str, chunk_size: int) -> Encoder:
    """The shipped sizes behind this backbone."""
    torch.manual_seed(0)
    shipped = (f"data.num_frames={WINDOW}", "model.weights=", "model.random_backbone=true", "model.layer=3")
    options = [f"model.backbone={backbone}", f"model.input={input}", f"model.chunk_size={chunk_size}", *shipped]
    encoder = build_encoder(load_config(None, options), Path())
    assert isinstance(encoder, Encoder)
    return encoder


def measure(args: argparse.Namespace) -> None:
    with setup_distributed() as distributed, tempfile.TemporaryDirectory() as folder:
        videos = [Path(folder) / f"{height}.mp4" for height in args.heights]
        for height, video in zip(args.heights, videos):
            write_video(video, scene(args.frames, height, 16 * height // 9), 30, preset="veryfast")
        asked = itertools.product(args.encoders, args.precision, videos)
        rows = [line for what in asked for line in measure_encoder(args, *what, distributed.device)]
    show(args, rows)


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.speed.embed")
    add = parser.add_argument
    add("--encoders", nargs="+", default=ENCODERS, help="backbone/input/size, size in pixels")
    add("--frames", type=int, default=480, help="length of the timed video (default %(default)s)")
    add("--heights", type=int, nargs="+", default=[360], help="of the timed videos, pixels (default 360)")
    add("--batch_frames", type=int, default=64, help="that go through the backbone at once (default %(default)s)")
    add("--repeats", type=int, default=3, help="timed runs of each side (default %(default)s)")
    add("--precision", nargs="+", default=["auto"], choices=PRECISIONS, help="(default auto)")
    add("--engine", nargs="+", default=["torch"], choices=[*NEEDS], help="what computes the backbone (default torch)")
    return parser


main = partial(run, measure, arguments)

if __name__ == "__main__":
    sys.exit(main())
