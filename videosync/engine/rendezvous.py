"""Where the processes of a run meet, and what to say when some do not come."""

from __future__ import annotations

import logging
import re
import socket
import threading
import time
from collections.abc import Mapping, MutableMapping
from datetime import timedelta

import torch.distributed as dist

from videosync.errors import ConfigError

log = logging.getLogger(__name__)

NOTICE_SECONDS = 5.0  # until it is said what is waited for
LIMIT = timedelta(minutes=5)  # for all processes to be there; a cluster starts them one after another
POLL_SECONDS = 0.1
LAST_PORT = 65535


def meet(env: Mapping[str, str], *, rank: int, world_size: int) -> dist.Store:
    """The store that all ``world_size`` processes share, once all of them are there.

    Says after a few seconds what it waits for.

    Raises ConfigError: some did not come in time, or MASTER_ADDR and MASTER_PORT cannot be used.
    """
    host, digits = env["MASTER_ADDR"], env["MASTER_PORT"]
    if not digits.isdecimal() or int(digits) > LAST_PORT:
        raise ConfigError(f"MASTER_PORT={digits!r}: expected the number of a port, 1 to {LAST_PORT}")
    port, address = int(digits), f"{host}:{digits}"
    master = rank == 0 and env.get("TORCHELASTIC_USE_AGENT_STORE") != "True"  # else torchrun is it
    arrived = [1] if master else []  # how many, as far as is known

    def waits_for() -> str:
        if arrived:
            return f"{world_size - arrived[-1]} of {world_size} processes to come to {address}"
        return f"process 0 of {world_size} to answer at {address}"

    def say() -> None:
        log.warning("process %d still waits for %s; %s", rank, waits_for(), likely_cause(env, world_size))

    notice = threading.Timer(NOTICE_SECONDS, say)
    notice.daemon = True
    notice.start()
    until = time.monotonic() + LIMIT.total_seconds()
    try:
        if master or _answers(host, port, until):
            store: dist.Store = dist.TCPStore(
                host, port, world_size, is_master=master, timeout=LIMIT, wait_for_workers=False, multi_tenant=True
            )
            store = dist.PrefixStore(f"start_{env.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
            arrived.append(store.add("arrived", 1))
            while arrived[-1] < world_size and time.monotonic() < until:
                time.sleep(POLL_SECONDS)
                arrived.append(store.add("arrived", 0))
            if arrived[-1] >= world_size:
                return store
    except dist.DistError as error:
        reason = str(error).strip().splitlines()[0]
        if "EADDRINUSE" in str(error):
            reason = "another program uses this port; set MASTER_PORT (--master_port of a launcher) to another"
        raise ConfigError(f"{address}, where the processes of this run meet: {reason}") from error
    finally:
        notice.cancel()
    raise ConfigError(
        f"process {rank} waited {LIMIT.total_seconds():.0f} s for {waits_for()}; {likely_cause(env, world_size)}"
    )


def _answers(host: str, port: int, until: float) -> bool:
    """Whether somebody listens there before ``until``; torch would write a page for each time it is refused."""
    while time.monotonic() < until:
        try:
            socket.create_connection((host, port), timeout=5.0).close()
            return True
        except OSError:  # also while the host's name is not known
            time.sleep(POLL_SECONDS)
    return False


def likely_cause(env: Mapping[str, str], world_size: int) -> str:
    """Why not all processes are there, and what to do, by what the launcher left in ``env``."""
    if "TORCHELASTIC_RUN_ID" in env:
        return (
            "start torchrun on each machine, with the same --nnodes and the same --master_addr or --rdzv_endpoint, "
            "which all of them can reach"
        )
    if "RANK" in env and "WORLD_SIZE" in env:
        return (
            f"the environment says WORLD_SIZE={world_size}: start that many processes, one for each RANK, or unset "
            "RANK and WORLD_SIZE to run one"
        )
    if "SLURM_STEP_NUM_TASKS" not in env:
        return (
            f"SLURM_NTASKS is {world_size}, but srun seems not to have started this process: type 'srun python ...' to "
            "start all, or unset SLURM_NTASKS to run one"
        )
    return "srun may still be starting the others, or they cannot reach this machine; set MASTER_ADDR to its address"


def set_address(env: MutableMapping[str, str]) -> None:
    """Set MASTER_ADDR and MASTER_PORT where the launcher did not (Slurm)."""
    if "MASTER_ADDR" not in env:
        hosts = env.get("SLURM_STEP_NODELIST") or env.get("SLURM_NODELIST") or env.get("SLURM_JOB_NODELIST")
        env["MASTER_ADDR"] = first_host(hosts) if hosts else env.get("SLURM_LAUNCH_NODE_IPADDR", "127.0.0.1")
    if "MASTER_PORT" not in env:
        job = re.sub(r"\D", "", env.get("SLURM_JOB_ID", "")) or "0"
        env["MASTER_PORT"] = str(20000 + int(job) % 20000)


def first_host(nodelist: str) -> str:
    """First host of a Slurm node list: ``"gpu[03-07,11],cpu1"`` → ``"gpu03"``."""
    first = re.match(r"(?:[^,\[]|\[[^\]]*\])+", nodelist)
    if first is None:
        raise ConfigError(f"SLURM_NODELIST={nodelist!r}: no host name in it; set MASTER_ADDR yourself")
    return re.sub(r"\[([^\],-]+)[^\]]*\]", r"\1", first.group())
