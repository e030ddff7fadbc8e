# SPDX-License-Identifier: Apache-2.0
"""pipes_test.py - large bodies of a node that runs as an ordinary user, whom the kernel lets have few pages of pipes."""

import fcntl
import os
import shutil
import socket
import threading
from typing import List

import pytest

from support.client import Client
from support.upstream import Served
from support.wait import PATIENCE, until

_F_GETPIPE_SZ = 1032
_NOBODY = 65534
_BODY = 8 << 20
_CLIENTS = 100  # more than 64 pipes of 1 MiB, which is what an ordinary user may have

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def _pipe_sizes(pid: int) -> List[int]:
    """The capacities of the process's pipes for bodies: one entry for each pipe of more than a page or two."""
    sizes = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{name}"
        try:
            target = os.readlink(path)
            if not target.startswith("pipe:"):
                continue
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            sizes[target] = fcntl.fcntl(fd, _F_GETPIPE_SZ)
        finally:
            os.close(fd)
    return list(sizes.values())


def _large(go: threading.Event):
    def script(conn: Served) -> None:
        while True:
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % _BODY, b"x" * (4 << 20))
            assert go.wait(PATIENCE)
            conn.send(b"x" * (_BODY - (4 << 20)))
    return script


@needs_root
def test_pipes_of_an_ordinary_user(make_node, make_site, folder) -> None:
    """Many large bodies at once: no pipe is below 64 KiB, whatever the kernel's limit; those without a pipe are copied."""
    node = make_node(start=False, folder=folder,
                     wrap=["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups",
                           "--bounding-set=-all", "--inh-caps=-all"])
    shutil.chown(folder, _NOBODY, _NOBODY)
    node.start()
    go = threading.Event()
    site = make_site(_large(go), on=node)
    before = set(_pipe_sizes(node.pid))
    clients: List[Client] = []
    for _ in range(_CLIENTS):
        client = node.connect()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(site.get("/"))
        clients.append(client)
    until(lambda: len(site.upstream.requests) == _CLIENTS, "all bodies have begun")
    until(lambda: sum(_pipe_sizes(node.pid)) >= 40 << 20, "most of the pages are used")
    sizes = sorted(_pipe_sizes(node.pid))
    assert len(sizes) >= 40 and not [size for size in sizes if size < 65536 and size not in before], sizes
    assert len([size for size in sizes if size == 1 << 20]) >= 20, sizes
    go.set()
    for client in clients:
        assert len(client.read_response().body) == _BODY
        client.close()
