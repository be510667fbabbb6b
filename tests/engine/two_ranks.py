"""Run in test_distributed.py: two ranks of torchrun's launcher, each writes what it saw to ``OUT/rank{r}.json``.

They are forked from the launcher, so that torch is imported once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # which the first distributed model imports
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from tests.engine.test_batches import BadClips
from tests.engine.test_distributed import ALIKE
from tests.engine.test_trainer import Recorder, StopAt
from tests.engine.toy import ToyClips, toy_trainer
from videosync.checkpoints.checkpoint import latest_checkpoint
from videosync.engine.distributed import Distributed, setup_distributed
from videosync.engine.signals import shield_workers
from videosync.engine.train import resume
from videosync.engine.trainer import Trainer
from videosync.errors import TrainingError, VideoError


def collectives(there: Distributed) -> dict[str, Any]:
    tensor = torch.full((3,), float(there.rank + 1))
    there.share_tensors([tensor])

    def work() -> str:
        if there.rank == 1:
            raise VideoError("clip 7 is broken")
        return "fine"

    try:
        told = there.together(work)
    except VideoError as error:
        told = str(error)
    return {
        "place": [there.rank, there.world_size, there.local_rank, there.is_main, str(there.device)],
        "gather": there.gather({"rank": there.rank}),
        "broadcast": there.broadcast(f"from {there.rank}"),
        "sum": there.sum([there.rank + 1.0, 0.25]),
        "share": tensor.tolist(),
        "together": told,
    }


def gradients(there: Distributed, out: Path, **options: Any) -> list[float]:
    """The gradient that two ranks agree on in their first step."""
    trainer = toy_trainer(out / f"gradients{len(list(out.iterdir()))}", distributed=there, **options)
    seen: list[list[float]] = []
    trainer.optimizer.register_step_pre_hook(
        lambda *_: seen.append(torch.cat([p.grad.flatten() for p in trainer.parameters]).tolist())
    )
    trainer.run()
    return seen[0]


def losses_of_a_stopped_and_resumed_run(there: Distributed, out: Path) -> dict[str, list[float]]:
    whole = toy_trainer(out / "whole", distributed=there)
    whole.logger = uninterrupted = Recorder()
    whole.run()
    first = toy_trainer(out / "parts", distributed=there)
    first.logger = before = StopAt(6) if there.rank == 1 else Recorder()  # the signal reaches one rank only
    stopped = first.run()
    torch.manual_seed(999)
    second = toy_trainer(out / "parts", distributed=there)
    checkpoint = there.broadcast(latest_checkpoint(out / "parts"))
    assert resume(second, checkpoint) == []
    second.logger = after = Recorder()
    second.run()
    same = all(torch.equal(a, b) for a, b in zip(whole.encoder.parameters(), second.encoder.parameters()))
    return {
        "whole": uninterrupted.series("loss"),
        "before": before.series("loss"),
        "after": after.series("loss"),
        "same_weights": [float(same)],
        "stopped": [float(stopped or 0)],
    }


def problem(trainer: Trainer) -> str:
    """What stops a run in which one rank alone has met something bad."""
    shield_workers()
    try:
        trainer.run()
    except TrainingError as error:
        return str(error)
    return "went on"


def gloo_threads() -> list[str]:
    """Names of the group's threads in this process (Linux)."""
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if "gloo" in name]


def main(out: Path) -> None:
    with setup_distributed() as there:
        seen: dict[str, Any] = {
            "collectives": collectives(there),
            **{name: gradients(there, out, **options()) for name, options in ALIKE.items()},
            "resumed": losses_of_a_stopped_and_resumed_run(there, out),
            "not_finite": problem(toy_trainer(out / "bad", distributed=there, clips=ToyClips(16, bad=[3]))),
            "worker_died": problem(
                toy_trainer(out / "died", distributed=there, clips=BadClips("SIGKILL", range(16)), workers=there.rank)
            ),
        }
        rank = there.rank
    seen["threads_left"] = gloo_threads()
    (out / f"rank{rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    place = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "run_id": "two_ranks", "max_restarts": 0}
    config = LaunchConfig(min_nodes=1, max_nodes=1, nproc_per_node=2, start_method="fork", **place)
    elastic_launch(config, main)(Path(sys.argv[1]))
