from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.toy import StillEncoder, StillStreams, ToySounds, toy_trainer
from videosync.engine import distributed as module
from videosync.engine.build_crisscross import freeze_unseen_stream
from videosync.engine.distributed import setup_distributed
from videosync.engine.rendezvous import first_host, set_address
from videosync.errors import ConfigError, VideoError
from videosync.losses.crisscross import CrissCross

Seen = list[dict[str, Any]]
ALIKE: dict[str, Callable[[], dict[str, Any]]] = {  # trainings of which two ranks have the gradient of one
    "gradients": lambda: {"model": StillEncoder},
    "accumulated": lambda: {"model": StillEncoder, "accumulate": 2},
    "two_streams": lambda: {"model": StillStreams, "clips": ToySounds(16), "loss": CrissCross()},
    "one_stream": lambda: {"model": still_pictures, "clips": ToySounds(16), "loss": PICTURES_ALONE},
}
PICTURES_ALONE = CrissCross(a1a2=0.0, v1a1=0.0, v2a2=0.0, v1a2=0.0, v2a1=0.0)


def still_pictures() -> StillStreams:
    model = StillStreams()
    freeze_unseen_stream(model, PICTURES_ALONE)
    return model


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Seen:
    """What two ranks saw (tests/engine/two_ranks.py)."""
    out = tmp_path_factory.mktemp("two_ranks")
    done = subprocess.run(
        [sys.executable, "tests/engine/two_ranks.py", str(out)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((out / f"rank{rank}.json").read_text()) for rank in range(2)]


def test_collectives(seen: Seen) -> None:
    for rank in range(2):
        assert seen[rank]["collectives"] == {
            "place": [rank, 2, rank, rank == 0, "cpu" if not torch.cuda.is_available() else f"cuda:{rank}"],
            "gather": [{"rank": 0}, {"rank": 1}],
            "broadcast": "from 0",
            "sum": [3.0, 0.5],
            "share": [1.0, 1.0, 1.0],
            "together": "clip 7 is broken",
        }


@pytest.mark.parametrize("name", ALIKE)
def test_two_ranks_have_the_gradient_of_one(seen: Seen, tmp_path: Path, name: str) -> None:
    """With BatchNorm in evaluation mode: in training, CPU ranks normalise by their own share of the batch."""
    trainer = toy_trainer(tmp_path, max_steps=1, **ALIKE[name]())
    alone: list[torch.Tensor] = []
    trainer.optimizer.register_step_pre_hook(
        lambda *_: alone.extend(p.grad.flatten().clone() for p in trainer.parameters)  # type: ignore[union-attr]
    )
    trainer.run()
    expected = torch.cat(alone)
    assert seen[0][name] == seen[1][name]
    torch.testing.assert_close(torch.tensor(seen[0][name]), expected, rtol=1e-4, atol=1e-6)
    assert expected.abs().max() > 1e-3


def test_signal_to_one_rank_stops_both_and_the_resumed_run_equals_the_uninterrupted_one(seen: Seen) -> None:
    for rank in range(2):
        resumed = seen[rank]["resumed"]
        assert resumed["stopped"] == [signal.SIGTERM]
        assert len(resumed["before"]) in (6, 7)
        assert resumed["before"] + resumed["after"] == resumed["whole"]
        assert resumed["same_weights"] == [1.0]
    assert seen[0]["resumed"]["whole"] == seen[1]["resumed"]["whole"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("not_finite", "the loss is nan .*clip3"),
        ("worker_died", r"a data-loading worker of process 1 was ended \(SIGKILL\)"),
    ],
)
def test_what_one_rank_meets_stops_both_with_the_same_sentence(seen: Seen, what: str, said: str) -> None:
    assert re.search(said, seen[0][what])
    assert seen[0][what] == seen[1][what]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dies", "work"),
    [(1, "there.barrier()"), (0, "there.barrier()"), (2, "time.sleep(300)"), (0, "time.sleep(300)")],
    ids=["in a collective", "process 0 in a collective", "while others load", "process 0 while others load"],
)
def test_process_that_dies_takes_the_others_down_and_is_named(root: Path, dies: int, work: str) -> None:
    codes, said = three_processes(root, dies, "os._exit(9)", work)
    assert codes == [9 if rank == dies else 2 for rank in range(3)]
    speaker = said[1 if dies == 0 else 0]
    assert speaker.startswith("error: another process of this run has ended") or dies == 0
    assert f"another process of this run has ended, process {dies} of 3: " in speaker
    assert speaker.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("meets", [0, 2])
def test_what_a_process_meets_alone_is_said_by_the_first(root: Path, meets: int) -> None:
    """Which ends, or finds the others gone: a launcher then ends those who would say it themselves."""
    codes, said = three_processes(root, meets, "raise VideoError('clip 7 is broken')", "there.barrier()")
    assert codes == [2, 2, 2]
    assert said[0] == "error: clip 7 is broken\n"


def three_processes(root: Path, one: int, does: str, others: str) -> tuple[list[int], list[str]]:
    """Exit codes, and what is said on stderr, of a group in which ``one`` process does something else."""
    program = (
        "import time\n"
        "import os; from videosync.cli.common import run_command; from videosync.engine.distributed import *\n"
        "from videosync.errors import VideoError\n"
        "def job():\n"
        "    with setup_distributed('gloo') as there:\n"
        "        there.barrier()\n"
        f"        if there.rank == {one}: {does}\n"
        f"        {others}\n"
        "raise SystemExit(run_command(job))"
    )
    with socket.create_server(("", 0)) as server:
        port = str(server.getsockname()[1])
    place = {"WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    command, options = [sys.executable, "-c", program], {"cwd": root, "stderr": subprocess.PIPE, "text": True}
    ranks: list[Any] = [
        subprocess.Popen(command, env={**os.environ, **place, "RANK": rank}, **options) for rank in "012"
    ]
    said = [rank.communicate(timeout=120)[1] for rank in ranks]  # 300 s would be too long
    return [rank.returncode for rank in ranks], said


def test_no_thread_of_the_group_is_left_at_the_end(seen: Seen) -> None:
    """One that outlives the group can abort the process at exit (seen in one run of seven)."""
    assert [seen[rank]["threads_left"] for rank in range(2)] == [[], []]


def test_one_process_needs_no_group() -> None:
    with setup_distributed() as there:
        assert (there.rank, there.world_size, there.is_main) == (0, 1, True)
        assert not torch.distributed.is_initialized()
        assert there.gather(3) == [3]
        assert there.sum([1.0, 2.0]) == [1.0, 2.0]
        assert there.broadcast("x") == "x"
        there.barrier()
        model = torch.nn.Linear(1, 1)
        assert there.replicate(model) is model
        with pytest.raises(VideoError):
            there.together(lambda: (_ for _ in ()).throw(VideoError("broken")))


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, (0, 1, None)),
        ({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}, (3, 4, 1)),
        ({"RANK": "3", "WORLD_SIZE": "4"}, (3, 4, None)),
        ({"SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1"}, (5, 8, 1)),
        # an interactive shell inside an allocation, or a job of one task
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_LOCALID": "0"}, (0, 1, None)),
        # the step's own number of tasks counts, not the job's
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "1"}, (0, 1, None)),
        # torchrun started by srun: torchrun's variables count
        ({"RANK": "1", "WORLD_SIZE": "2", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, (1, 2, None)),
    ],
)
def test_place_from_the_launchers_variables(env: dict[str, str], expected: tuple[int, int, int | None]) -> None:
    assert module._place(env) == expected


def test_variable_that_is_no_number_is_named() -> None:
    with pytest.raises(ConfigError, match="RANK='one'"):
        module._place({"RANK": "one", "WORLD_SIZE": "2"})


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("gpu7", "gpu7"), ("gpu[03-07,11],cpu1", "gpu03"), ("a,b,c", "a"), ("rack[1,3]node[2-4]-ib,x", "rack1node2-ib")],
)
def test_first_host_of_a_slurm_node_list(nodes: str, first: str) -> None:
    assert first_host(nodes) == first


@pytest.mark.parametrize(
    ("env", "host", "port"),
    [
        ({"SLURM_NODELIST": "gpu[03-07]", "SLURM_JOB_ID": "123456"}, "gpu03", "23456"),
        ({"SLURM_LAUNCH_NODE_IPADDR": "10.0.0.1"}, "10.0.0.1", None),
        ({"MASTER_ADDR": "own", "MASTER_PORT": "1", "SLURM_NODELIST": "gpu1"}, "own", "1"),
    ],
)
def test_slurm_rendezvous(env: dict[str, str], host: str, port: str | None) -> None:
    set_address(env)
    assert env["MASTER_ADDR"] == host
    assert port is None or env["MASTER_PORT"] == port


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_nccl_without_a_gpu_is_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"train\.backend: nccl needs a CUDA device"):
        setup_distributed("nccl")
