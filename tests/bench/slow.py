# SPDX-License-Identifier: Apache-2.0
"""slow.py - clients that read slowly, or not at all: what they cost a proxy, and what they cost the others."""

import contextlib
import os
import socket
import time

from load import exchange
from servers import host_of

SLOW_PATHS = ("/64k", "/256k", "/1m")
SLOW_READ_BYTES = 16384
SLOW_READ_SECONDS = 0.25  # one read of each connection in this time: 64 KiB/s
SLOW_RECEIVE_BUFFER = 16384  # bytes; the kernel doubles it
STALLED_RECEIVE_BUFFER = 4096
STALLED_PER_EXCHANGE = 20  # stalled clients that come between two exchanges of the other tenant


@contextlib.contextmanager
def on_core(core):
    """This process runs on the load's core meanwhile, so that it takes nothing from the proxy."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def connect(port, receive_buffer):
    """A connection whose window is small from its first segment on."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", port))
    return connection


def ask(connection, tenant, path):
    connection.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path.encode(), host_of(tenant).encode()))


class SlowClient:
    """Asks for one body after the other on one connection and reads each a little at a time."""

    def __init__(self, port, path):
        self.path = path
        self.connection = connect(port, SLOW_RECEIVE_BUFFER)
        ask(self.connection, 0, path)
        self.connection.setblocking(False)
        self.head = b""
        self.left = None  # of the body; None inside a head

    def read(self):
        """One read; returns its bytes. ValueError when the connection ended."""
        try:
            piece = self.connection.recv(SLOW_READ_BYTES)
        except BlockingIOError:
            return 0
        if not piece:
            raise ValueError("closed inside a body")
        body = len(piece)
        if self.left is None:
            self.head += piece
            head, separator, rest = self.head.partition(b"\r\n\r\n")
            if not separator:
                return len(piece)
            lines = head.lower().split(b"\r\n")
            if lines[0].split()[1] != b"200":
                raise ValueError(lines[0].decode())
            self.left = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
            self.head, body = b"", len(rest)
        self.left -= body
        if self.left == 0:
            self.left = None
            ask(self.connection, 0, self.path)
        return len(piece)


def slow_readers(proxy, options):
    """`slow_connections` clients of bodies of 64 KiB to 1 MiB, 64 KiB/s each: MiB per CPU second, and most memory."""
    clients, failed, moved, most = [], 0, 0, 0
    with on_core(options.load_core):
        try:
            before = proxy.memory()["anonymous"]
            clients = [SlowClient(proxy.port, SLOW_PATHS[i % len(SLOW_PATHS)]) for i in range(options.slow_connections)]
            spent, started = proxy.cpu_seconds(), time.monotonic()
            turns = max(4, int(2 * options.seconds / SLOW_READ_SECONDS))
            for turn in range(turns):
                for client in list(clients):
                    try:
                        moved += client.read()
                    except (OSError, ValueError):
                        failed += 1
                        client.connection.close()
                        clients.remove(client)
                most = max(most, proxy.memory()["anonymous"] - before)
                time.sleep(max(0.0, started + (turn + 1) * SLOW_READ_SECONDS - time.monotonic()))
            spent = proxy.cpu_seconds() - spent
            return {"mib_per_cpu_second": moved / 1048576 / spent, "bytes_each": most / options.slow_connections,
                    "errors": failed}
        finally:
            for client in clients:
                client.connection.close()


def one_exchange(port, tenant):
    """Seconds of a small exchange on a new connection; None when it failed."""
    started = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            exchange(connection, host_of(tenant), "/1k")
    except (OSError, ValueError):
        return None
    return time.monotonic() - started


class Other:
    """A client of another tenant: small exchanges, each on a connection of its own."""

    def __init__(self, port, tenant):
        self.port = port
        self.tenant = tenant
        self.taken = []
        self.failed = 0

    def go(self):
        seconds = one_exchange(self.port, self.tenant)
        if seconds is None:
            self.failed += 1
        else:
            self.taken.append(seconds)

    def figures(self):
        taken = sorted(self.taken) or [float("inf")]
        return {"other_p50_ms": taken[len(taken) // 2] * 1e3, "other_p99_ms": taken[len(taken) * 99 // 100] * 1e3,
                "other_failed": self.failed}


def stalled_clients(proxy, options):
    """`stalled_connections` clients of one tenant ask for 1 MiB each and read nothing; one of another tenant goes on."""
    connections = []
    other = Other(proxy.port, 1)
    with on_core(options.load_core):
        try:
            before, refused = proxy.memory()["anonymous"], 0
            for i in range(options.stalled_connections):
                try:
                    connections.append(connect(proxy.port, STALLED_RECEIVE_BUFFER))
                    ask(connections[-1], 0, "/1m")
                except OSError:
                    refused += 1
                if i % STALLED_PER_EXCHANGE == 0:
                    other.go()
            until = time.monotonic() + 2 * options.seconds
            while time.monotonic() < until:
                other.go()
            grown = proxy.memory()["anonymous"] - before
            return dict(other.figures(), refused=refused, grown=grown, bytes_each=grown / options.stalled_connections)
        finally:
            for connection in connections:
                connection.close()
