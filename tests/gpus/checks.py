"""What the GPUs of a machine compute, beside one process on the CPU: run by ``tests.gpus``, a rank a GPU.

A check returns lines ``(what, found, allowed)``: a difference, and how large it may be; of what is only measured
``allowed`` is None. Rank 0 writes the lines after each check, so that those of a run that breaks off are there.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from tests.engine.test_trainer import Recorder, StopBehind
from tests.engine.toy import FEATURES, StillEncoder, ToyClips, ToyEncoder, toy_trainer
from videosync.checkpoints.checkpoint import latest_checkpoint
from videosync.config.load import load_config
from videosync.engine.build import build_encoder, place_encoder
from videosync.engine.distributed import Distributed, setup_distributed
from videosync.engine.train import resume
from videosync.engine.trainer import Trainer
from videosync.models.crisscross import CrissCrossModel
from videosync.models.options import CrissCrossOptions

Line = tuple[str, float, float | None]
ALONE = Distributed(rank=0, world_size=1, local_rank=0, device=torch.device("cpu"))
FLOAT32, HALF = 1e-4, 1e-2  # relative differences: sums in another order, numbers of 11 or 8 binary digits
LEARNED = 0.85  # of the first loss, that is left after eight epochs of the toy


def apart(found: Iterable[Tensor], wanted: Iterable[Tensor]) -> float:
    """The largest difference, as a part of the largest number wanted."""
    one, other = (torch.cat([t.detach().double().cpu().flatten() for t in of]) for of in (found, wanted))
    return float((one - other).abs().max() / other.abs().max())


def collectives(there: Distributed, folder: Path) -> list[Line]:
    """Sum, copies of rank 0's and all of all ranks, on the device."""
    ones = torch.full((1000,), float(there.rank + 1), device=there.device)
    summed, copied = ones.clone(), ones.clone()
    gathered = [torch.empty_like(ones) for _ in range(there.world_size)]
    dist.all_reduce(summed)
    dist.broadcast(copied, src=0)
    dist.all_gather(gathered, ones)
    total = there.world_size * (there.world_size + 1) / 2
    found = (summed - total).abs().max() + (copied - 1).abs().max()
    found += sum((tensor - rank - 1).abs().max() for rank, tensor in enumerate(gathered))
    return [(f"{dist.get_backend()}: sum, broadcast and gather of {there.world_size}", float(found), 0.0)]


def toy(there: Distributed, folder: Path, model: Callable[[], nn.Module] = StillEncoder, **options: Any) -> Trainer:
    """A toy whose encoder is on the device; a step has two pairs a rank."""
    options = {"batch_size": 2 * there.world_size, **options}
    clips = ToyClips(4 * options["batch_size"])
    return toy_trainer(folder, distributed=there, model=lambda: model().to(there.device), clips=clips, **options)


def gradients(there: Distributed, folder: Path) -> list[Line]:
    """The gradient of the first step, of all ranks and of one process on the CPU."""

    def first(of: Distributed, place: Path) -> list[Tensor]:
        trainer, seen = toy(of, place, max_steps=1, batch_size=2 * there.world_size), []
        trainer.optimizer.register_step_pre_hook(lambda *_: seen.extend(p.grad.clone() for p in trainer.parameters))
        trainer.run()
        return seen

    found = apart(first(there, folder / "all"), first(ALONE, folder / f"alone{there.rank}"))
    return [(f"gradient of {there.world_size} ranks and of one", found, FLOAT32)]


def half_precision(there: Distributed, folder: Path) -> list[Line]:
    losses = {}
    for precision in ("float32", "fp16", "bf16"):
        trainer = toy(there, folder / precision, partial(ToyEncoder, 0.0), precision=precision, epochs=8)
        trainer.logger = record = Recorder()
        trainer.run()
        losses[precision] = record.series("loss")
    lines: list[Line] = []
    for precision in ("fp16", "bf16"):
        first, last = losses[precision][0], statistics.mean(losses[precision][-4:])
        beside = abs(first / losses["float32"][0] - 1)
        lines.append((f"{precision}: first loss, beside float32's", beside, HALF))
        lines.append((f"{precision}: last loss, as a part of the first", last / first, LEARNED))
    return lines


def resumed(there: Distributed, folder: Path) -> list[Line]:
    """Dropout and scaler included."""
    options = {"model": ToyEncoder, "precision": "fp16"}
    whole = toy(there, folder / "whole", **options)
    whole.run()
    first = toy(there, folder / "parts", **options)
    first.logger = StopBehind(first, 6)
    first.run()
    second = toy(there, folder / "parts", **options)
    resume(second, there.broadcast(latest_checkpoint(folder / "parts")))
    second.run()
    return [
        ("fp16, stopped and resumed: weights", apart(second.encoder.parameters(), whole.encoder.parameters()), HALF)
    ]


def synchronised_norm(there: Distributed, folder: Path) -> list[Line]:
    """Statistics and gradients of ranks with a share each, and of one process with the whole batch."""
    if there.device.type != "cuda":
        return []
    torch.manual_seed(0)
    alone = ToyEncoder(0.0)
    frames, weight = torch.randn(4 * there.world_size, 2, 8, FEATURES), torch.randn(8)
    ranks = nn.SyncBatchNorm.convert_sync_batchnorm(ToyEncoder(0.0)).to(there.device)
    ranks.load_state_dict(alone.state_dict())
    together = DistributedDataParallel(ranks, device_ids=[there.device])
    share = frames[4 * there.rank : 4 * (there.rank + 1)].to(there.device)
    (together(share) @ weight.to(there.device)).square().mean().backward()
    (alone(frames) @ weight).square().mean().backward()
    gradient = apart((p.grad for p in ranks.parameters()), (p.grad for p in alone.parameters()))
    title = f"SyncBatchNorm over {there.world_size}"
    return [
        (f"{title}: gradient", gradient, FLOAT32),
        (f"{title}: statistics", apart(ranks.buffers(), alone.buffers()), FLOAT32),
    ]


def memory_formats(there: Distributed, folder: Path) -> list[Line]:
    """Two backbones in channels-last on the device, contiguous on the CPU."""
    lines: list[Line] = []
    opts = ["model.weights=", "model.random_backbone=true", "data.image_size=64", "data.num_frames=8"]
    config = load_config("configs/scl_transformer_k400_pretrain_config.yml", opts)
    streams = CrissCrossOptions(width=4, projection_size=8, prediction_size=4)
    generator = torch.Generator().manual_seed(0)
    draw = partial(torch.randn, generator=generator)
    for title, make, inputs in (
        ("ResNet-50", lambda: build_encoder(config, folder), [draw(1, 2, 8, 3, 64, 64)]),
        ("two streams", lambda: CrissCrossModel(streams), [draw(2, 2, 3, 4, 32, 32), draw(2, 2, 1, 80, 17)]),
    ):
        seen = []
        for place, last in ((replace_device(there), True), (ALONE, False)):
            torch.manual_seed(0)
            placed = place_encoder(
                make().eval(), replace(config, train=replace(config.train, channels_last=last)), place
            )
            found = placed(*(tensor.to(place.device) for tensor in inputs))
            outputs = [found] if isinstance(found, Tensor) else [t for t in vars(found).values() if t is not None]
            sum(F.normalize(t.float(), dim=-1)[..., 0].sum() for t in outputs).backward()
            wanted = [p.grad for p in placed.parameters() if p.grad is not None]
            seen.append(([t.detach() for t in outputs], wanted))
        lines.append((f"{title}, channels-last: output", apart(seen[0][0], seen[1][0]), 10 * FLOAT32))
        lines.append((f"{title}, channels-last: gradient", apart(seen[0][1], seen[1][1]), 10 * FLOAT32))
    return lines


def replace_device(there: Distributed) -> Distributed:
    """This rank's device, as of one process."""
    return Distributed(rank=0, world_size=1, local_rank=there.local_rank, device=there.device)


def speeds(there: Distributed, folder: Path) -> list[Line]:
    """What docs/scale.md assumes: copies to the device, and a step of ResNet-50 on frames that are there."""
    if there.device.type != "cuda":
        return []
    block = torch.empty(2**28, dtype=torch.uint8, pin_memory=True)
    copy = seconds(lambda: block.to(there.device, non_blocking=True))
    lines: list[Line] = [("pinned memory to the GPU, GB/s", block.numel() / 1e9 / copy, None)]
    opts = ["model.weights=", "model.random_backbone=true", "data.num_frames=80"]
    config = load_config("configs/scl_transformer_k400_pretrain_config.yml", opts)
    encoder = place_encoder(build_encoder(config, folder), config, replace_device(there)).train()
    frames = torch.rand(1, 2, 80, 3, 224, 224, device=there.device)

    def step() -> None:
        with torch.autocast("cuda", torch.float16):
            embeddings = encoder(frames, project=True)
        embeddings.float().square().sum().backward()

    lines.append(("ResNet-50, 224 px, fp16, forward and backward, frames/s", 160 / seconds(step), None))
    return lines


def seconds(work: Callable[[], object]) -> float:
    """Median of ten, after three."""
    found = []
    for _ in range(13):
        torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        torch.cuda.synchronize()
        found.append(time.perf_counter() - started)
    return statistics.median(found[3:])


CHECKS = (collectives, gradients, half_precision, resumed, synchronised_norm, memory_formats, speeds)


def main(out: Path, device: str) -> None:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    lines: list[Line] = []
    with setup_distributed("nccl" if device == "cuda" else "gloo") as there, tempfile.TemporaryDirectory() as folder:
        if not dist.is_initialized():  # one GPU: a group of one
            dist.init_process_group("nccl", store=dist.HashStore(), rank=0, world_size=1)
        shared = Path(there.broadcast(folder))
        for check in CHECKS:
            lines += check(there, shared / check.__name__)
            there.barrier()
            if there.is_main:
                out.write_text(json.dumps(lines))
        there.barrier()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
