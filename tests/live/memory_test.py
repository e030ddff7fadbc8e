# SPDX-License-Identifier: Apache-2.0
"""memory_test.py - memory is short: room is secured before bytes are read, and one tenant's slow clients do not harm others."""

import socket
import threading
from typing import List

from support.client import Client
from support.upstream import Served, ok
from support.wait import PATIENCE, until

_MIB = 1 << 20
_MEMORY = 16 * _MIB  # the least that limits.memory may be; half of it is for what waits to be sent
_SLOW = 60
_BODY = 6 * _MIB  # more than the kernel holds for a client that reads nothing
_PATIENT = {"body_timeout": "5m", "min_rate": "0B/s"}
_CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"


def _large(conn: Served) -> None:
    """In chunks, so that it goes through the node's own memory and not through a pipe."""
    while True:
        conn.read_request()
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(_BODY // 65536):
            conn.send(_CHUNK)
        conn.send(b"0\r\n\r\n")


def _medium(conn: Served) -> None:
    while True:
        conn.send(ok(b"y" * (100 * 1024)) if conn.read_request() else b"")


def _slow_clients(node, site, number: int) -> List[Client]:
    clients = []
    for _ in range(number):
        client = node.connect(4 * PATIENCE)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(site.get("/"))
        clients.append(client)
    return clients


def test_slow_readers_of_one_tenant(make_node, make_site) -> None:
    """Rule 25: clients that read nothing wait for memory, none is cut, and another tenant's client sees no failure."""
    node = make_node(config={"limits": {"memory": "16MiB"}})
    hog = make_site(_large, on=node, http=_PATIENT)
    other = make_site(_medium, on=node)
    slow = _slow_clients(node, hog, _SLOW)
    until(lambda: node.admin.metrics()["weir_memory_used_bytes"] >= 3 * _MIB, "the slow clients' tenant has its share")
    with node.connect() as client:
        for _ in range(50):
            assert client.ask(other.get("/")).status == 200
    metrics = node.admin.metrics()
    assert metrics["weir_memory_used_bytes"] <= _MEMORY // 2
    assert metrics["weir_requests_cut_total"] == 0 and metrics["weir_pool_exhausted_total"] == 0
    assert metrics["weir_memory_shed_connections_total"] == 0
    # Once they read, each gets all of its response. Ten are enough to show it.
    for client in slow[10:]:
        client.close()
    for client in slow[:10]:
        assert len(client.read_response().body) == _BODY
        client.close()
    until(lambda: node.admin.metrics()["weir_memory_used_bytes"] == 0, "all memory is given back")


def test_slow_upstream_of_one_tenant(make_node, make_site) -> None:
    """Rule 25: the same for requests: bodies that an upstream does not read wait, and others are served."""
    go = threading.Event()

    def script(conn: Served) -> None:
        while True:
            request = conn.read_head()
            assert go.wait(PATIENCE)
            conn.read_body(request)
            conn.send(ok(b"read"))

    node = make_node(config={"limits": {"memory": "16MiB"}})
    hog = make_site(script, on=node, http=_PATIENT, upstream={"response_timeout": "5m"})
    other = make_site(_medium, on=node)
    start = hog.get("/", f"Content-Length: {_BODY}", method="POST")
    senders = []

    def send(client: Client) -> None:
        client.send(start)
        client.send(b"z" * _BODY)

    clients = [node.connect(4 * PATIENCE) for _ in range(_SLOW)]
    for client in clients:
        senders.append(threading.Thread(target=send, args=(client,)))
        senders[-1].start()
    until(lambda: len(hog.upstream.requests) == _SLOW, "all heads are at the upstream")
    with node.connect() as client:
        for _ in range(20):
            assert client.ask(other.get("/")).status == 200
    assert node.admin.metrics()["weir_memory_used_bytes"] <= _MEMORY // 2
    go.set()
    for sender in senders:
        sender.join(4 * PATIENCE)
    assert [client.read_response().status for client in clients] == [200] * _SLOW
    for client in clients:
        client.close()
