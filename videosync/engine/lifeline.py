"""A connection between process 0 and each other one that nothing is sent over while all goes well.

The system closes it when a process ends, however it ends, so the others learn within moments which one did: also those
that are loading data, or wait in a collective that would time out after half an hour.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import struct
import sys
import threading
from contextlib import suppress
from datetime import timedelta

import torch.distributed as dist

from videosync.errors import printable

log = logging.getLogger(__name__)

PORT_KEY, REASON_KEY = "lifeline", "reason"
CONNECT = timedelta(seconds=30)
PATIENCE_SECONDS = 6.0  # for the work under way to notice by itself, and say so
NUMBER = struct.Struct("<i")
BYE = -1
KEEPALIVE = {"TCP_KEEPIDLE": 3, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3}  # seconds, for machines that vanish


class Lifeline:
    """Watches the other processes of a run from a thread, until :meth:`close`.

    ``lost`` is the rank of the first one that ended without saying goodbye. Where the work of this process has not
    ended after ``PATIENCE_SECONDS`` more, the thread ends the process, with exit code 2 and a sentence of one of them.

    Args:
        store: what the processes share. host: where the others reach process 0.
    """

    def __init__(self, store: dist.Store, host: str, *, rank: int, world_size: int) -> None:
        self.rank, self.world_size, self.store = rank, world_size, store
        self.lost: int | None = None
        self._told, self._closed = threading.Event(), threading.Event()
        self._selector, self._connections = selectors.DefaultSelector(), dict[int, socket.socket]()
        self._waker, self._wakened = socket.socketpair()
        self._selector.register(self._wakened, selectors.EVENT_READ, None)
        try:
            self._connect(store, host)
        except (OSError, RuntimeError) as error:  # the run goes on without: it is a help, no need
            log.debug("process %d is not watched over: %s", rank, error)
        self._thread = threading.Thread(target=self._watch, name="lifeline", daemon=True)
        self._thread.start()

    def who(self, seconds: float = 1.0) -> int | None:
        """``lost``, waited for a little: another library may have noticed first."""
        self._told.wait(seconds)
        return self.lost

    def leave(self, sentence: str) -> None:
        """This process ends by this; process 0 finds it in :meth:`reason`."""
        if self.rank != 0:
            with suppress(RuntimeError):  # the store is gone: so is process 0
                self.store.set(REASON_KEY, sentence)

    def reason(self) -> str:
        """What another process left, for process 0 (beside which the store is there for certain), or ""."""
        if self.rank == 0:
            with suppress(RuntimeError):
                if self.store.check([REASON_KEY]):
                    return str(self.store.get(REASON_KEY).decode())
        return ""

    def close(self, *, goodbye: bool = True) -> None:
        """Stop watching. With ``goodbye`` the others are not told that this process is lost."""
        if self._closed.is_set():
            return
        self._closed.set()
        if goodbye:
            self._tell(BYE)
        self._waker.send(b"x")
        self._thread.join()
        for connection in (*self._connections.values(), self._waker, self._wakened):
            connection.close()

    def _connect(self, store: dist.Store, host: str) -> None:
        if self.rank == 0:
            with socket.create_server(("", 0), backlog=self.world_size) as server:
                server.settimeout(CONNECT.total_seconds())
                store.set(PORT_KEY, str(server.getsockname()[1]))
                for _ in range(1, self.world_size):
                    connection = server.accept()[0]
                    connection.settimeout(CONNECT.total_seconds())
                    self._keep(_number(connection) or 0, connection)
        else:
            store.wait([PORT_KEY], CONNECT)
            address = host, int(store.get(PORT_KEY))
            connection = socket.create_connection(address, timeout=CONNECT.total_seconds())
            connection.sendall(NUMBER.pack(self.rank))
            self._keep(0, connection)

    def _keep(self, rank: int, connection: socket.socket) -> None:
        connection.settimeout(None)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            if hasattr(socket, option):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        self._connections[rank] = connection
        self._selector.register(connection, selectors.EVENT_READ, rank)

    def _watch(self) -> None:
        with self._selector:
            while not self._closed.is_set():
                for key, _ in self._selector.select():
                    rank = key.data
                    if rank is None:
                        return
                    said = _number(self._connections[rank])  # of process 0 also: which other one is lost
                    self._selector.unregister(self._connections[rank])
                    if said != BYE:
                        self._lose(rank if said is None else said)
                        return

    def _lose(self, rank: int) -> None:
        self.lost = rank
        if self.rank == 0:
            self._tell(rank)
        self._told.set()
        if not self._closed.wait(PATIENCE_SECONDS):
            if self.rank == (1 if rank == 0 else 0):
                sys.stderr.write(f"error: {printable(self.reason() or sentence(rank, self.world_size))}\n")
                sys.stderr.flush()
            os._exit(2)

    def _tell(self, number: int) -> None:
        for connection in self._connections.values():
            with suppress(OSError):
                connection.sendall(NUMBER.pack(number))


def sentence(rank: int | None, world_size: int, limit: timedelta = timedelta()) -> str:
    """That a process has ended, which one if that is known, and where the reason stands. ``limit``: of collectives."""
    which = f", process {rank} of {world_size}"
    if rank is None:
        which = f", or did not answer for {limit.total_seconds() / 60:.0f} minutes"
    return (
        f"another process of this run has ended{which}: what it said itself is the reason; if it said nothing it was "
        "killed, as the system does when memory runs out; go on from the last checkpoint with --continue_train"
    )


def _number(connection: socket.socket) -> int | None:
    """What is sent; None: the other end is gone."""
    with suppress(OSError):
        data = connection.recv(NUMBER.size, socket.MSG_WAITALL)
        if len(data) == NUMBER.size:
            return int(NUMBER.unpack(data)[0])
    return None
