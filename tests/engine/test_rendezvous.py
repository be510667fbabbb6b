from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest

from videosync.engine import rendezvous
from videosync.engine.rendezvous import likely_cause, meet
from videosync.errors import ConfigError

SLURM = {"SLURM_PROCID": "0", "SLURM_NTASKS": "2"}


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that another program uses."""
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        yield server.getsockname()[1]


@pytest.fixture
def port() -> int:
    with socket.create_server(("", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(("rank", "missing"), [(0, "1 of 2 processes to come to"), (1, "process 0 of 2 to answer at")])
def test_processes_that_do_not_come_are_named_soon_and_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, port: int, rank: int, missing: str
) -> None:
    monkeypatch.setattr(rendezvous, "NOTICE_SECONDS", 0.1)
    monkeypatch.setattr(rendezvous, "LIMIT", timedelta(seconds=2))
    env = {**SLURM, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with caplog.at_level(logging.WARNING), pytest.raises(ConfigError) as caught:
        meet(env, rank=rank, world_size=2)
    for text in (caplog.text, str(caught.value)):
        assert f"{missing} 127.0.0.1:{port}; SLURM_NTASKS is 2" in text
        assert "srun python" in text
    assert f"process {rank} still waits" in caplog.text


def test_port_of_another_program_and_no_port(listening: int) -> None:
    with pytest.raises(ConfigError, match=f"127.0.0.1:{listening}.*set MASTER_PORT"):
        meet({"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(listening)}, rank=0, world_size=2)
    for text in ("one", "70000", "-1"):
        with pytest.raises(ConfigError, match=f"MASTER_PORT='{text}'"):
            meet({"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": text}, rank=0, world_size=2)


@pytest.mark.parametrize(
    ("env", "part"),
    [
        (SLURM, "srun seems not to have started this process"),
        ({**SLURM, "SLURM_STEP_NUM_TASKS": "2"}, "set MASTER_ADDR"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "unset RANK and WORLD_SIZE"),
        ({"RANK": "0", "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "none"}, "same --nnodes"),
    ],
)
def test_likely_cause(env: dict[str, str], part: str) -> None:
    assert part in likely_cause(env, 2)
