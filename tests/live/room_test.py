# SPDX-License-Identifier: Apache-2.0
"""room_test.py - who gets a connection when there is no room for all: idle ones make way, by the node and not by the worker;
and what clients may do that belong to no tenant yet.
"""

import threading
from typing import List

import pytest

from support.client import Client, End
from support.site import Site
from support.upstream import Served, ok
from support.wait import PATIENCE, until

# The least that limits.connections may be.
_LIMIT = 16
_SHED = "weir_connections_shed_total"
_ORIGINS_SHED = "weir_upstream_shed_total"
_OPEN = "weir_connections_open"


class _Held:
    """An upstream that responds to /held only when it may, and to all else at once."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def script(self, conn: Served) -> None:
        while True:
            request = conn.read_request()
            if request.target.startswith("/held"):
                self.go.wait(PATIENCE)
            conn.send(ok(request.target.encode()))


def _held(site: Site) -> int:
    return len([request for request in site.upstream.requests if request.target.startswith("/held")])


def _close(clients: List[Client]) -> None:
    for client in clients:
        client.close()


def test_idle_makes_way(make_node, make_site) -> None:
    """Rule 26: at limits.connections the longest idle connection makes way, in order; the others go on."""
    node = make_node(config={"limits": {"connections": _LIMIT}, "log": {"level": "debug"}})
    site = make_site(_Held().script, on=node)
    until(lambda: node.admin.metrics()[_OPEN] == 0, "the connections of the push are gone")
    idle = [node.connect() for _ in range(_LIMIT)]
    for number, client in enumerate(idle):
        assert client.ask(site.get(f"/{number}")).status == 200
    assert idle[0].ask(site.get("/again")).status == 200  # now the second is the longest idle
    with node.connect() as late:
        assert late.ask(site.get("/late")).status == 200
        assert idle[1].expect_end() is End.CLEAN
        for client in [idle[0], *idle[2:]]:
            assert client.ask(site.get("/still")).status == 200
    assert node.admin.metrics()[_SHED] == 1
    assert node.stderr.count("reason=shed") == 1
    _close(idle)


def test_silent_makes_way(make_node, make_site) -> None:
    """Rule 26: a connection that never sent a byte is idle too."""
    node = make_node(config={"limits": {"connections": _LIMIT}})
    site = make_site(_Held().script, on=node)
    until(lambda: node.admin.metrics()[_OPEN] == 0, "the connections of the push are gone")
    silent = [node.connect() for _ in range(_LIMIT)]
    until(lambda: node.admin.metrics()[_OPEN] == _LIMIT, "the kernel hands the silent connections over")
    with node.connect() as late:
        assert late.ask(site.get("/late")).status == 200
    assert node.admin.metrics()[_SHED] == 1
    _close(silent)


def test_begun_requests_do_not_make_way(make_node, make_site) -> None:
    """Rule 26: a connection with a byte of a request is not idle; with none that is, the newest waits in the backlog."""
    node = make_node(config={"limits": {"connections": _LIMIT}})
    held = _Held()
    site = make_site(held.script, on=node)
    until(lambda: node.admin.metrics()[_OPEN] == 0, "the connections of the push are gone")
    busy = [node.connect() for _ in range(_LIMIT)]
    for number, client in enumerate(busy):
        client.send(b"G" if number % 2 else site.get(f"/held{number}"))
    until(lambda: _held(site) == _LIMIT // 2, "the whole requests are at the upstream")
    until(lambda: node.admin.metrics()[_OPEN] == _LIMIT, "all are accepted")
    with node.connect() as late:
        late.send(site.get("/late"))
        assert late.is_silent()
        busy[1].send(site.get("/begun")[1:])
        assert busy[1].read_response().body == b"/begun"
        assert late.read_response().body == b"/late"
        assert busy[1].expect_end() is End.CLEAN
    assert node.admin.metrics()[_SHED] == 1
    held.go.set()
    _close(busy)


def test_room_is_of_the_node(make_node, make_site) -> None:
    """Rule 26: whichever workers the kernel gives connections to, limits.connections of them are served at once."""
    node = make_node(workers=2, config={"limits": {"connections": _LIMIT}})
    held = _Held()
    site = make_site(held.script, on=node)
    until(lambda: node.admin.metrics()[_OPEN] == 0, "the connections of the push are gone")
    busy = [node.connect() for _ in range(_LIMIT)]
    for number, client in enumerate(busy):
        client.send(site.get(f"/held{number}"))
    until(lambda: _held(site) == _LIMIT, "all requests are at the upstream")
    with node.connect() as late:
        late.send(site.get("/late"))
        held.go.set()
        assert late.read_response().body == b"/late"
    for number, client in enumerate(busy):
        assert client.read_response().body == b"/held%d" % number
    _close(busy)


def test_room_is_made_by_any_worker(make_node, make_site) -> None:
    """Rule 26: a worker without idle connections gets room from one that has them; nothing waits in a queue for good."""
    node = make_node(workers=2, config={"limits": {"connections": _LIMIT}})
    site = make_site(_Held().script, on=node)
    clients = []
    for number in range(8 * _LIMIT):
        clients.append(node.connect())
        assert clients[-1].ask(site.get(f"/{number}")).body == b"/%d" % number
        assert node.admin.metrics()[_OPEN] <= _LIMIT
    assert node.admin.metrics()[_SHED] >= 7 * _LIMIT
    _close(clients)


def test_descriptors_make_way(make_node, make_site) -> None:
    """Rule 26: out of descriptors, idle clients and parked origin connections make way, and the newest is served."""
    limit = 700  # the node wants 512 for itself
    node = make_node(wrap=["setpriv", "--bounding-set=-sys_resource", "prlimit", f"--nofile={limit}:{limit}"])
    site = make_site(_Held().script, on=node)
    idle = []
    for number in range(limit + 50):
        idle.append(node.connect())
        assert idle[-1].ask(site.get(f"/{number}")).body == b"/%d" % number
    metrics = node.admin.metrics()
    assert metrics[_SHED] + metrics[_ORIGINS_SHED] > 0
    assert metrics["weir_connections_refused_total"] == 0
    _close(idle)


# -- clients that belong to no tenant yet


def test_client_head_timeout(make_node, make_site) -> None:
    """Rule 10: clients.head_timeout bounds a head whose Host is not known yet; then the tenant's own limit counts."""
    node = make_node(config={"clients": {"head_timeout": "300ms"}})
    site = make_site(_Held().script, on=node, http={"head_timeout": "1m"})
    with node.connect() as nameless, node.connect() as named:
        named.send(b"GET /named HTTP/1.1\r\nHost: %s\r\n" % site.host.encode())
        nameless.send(b"GET / HTTP/1.1\r\n")
        assert nameless.read_response().status == 408
        named.send(b"\r\n")
        assert named.read_response().body == b"/named"


def test_client_idle_timeout(make_node, make_site) -> None:
    """Rule 10: clients.idle_timeout bounds the wait of a client that has asked for no tenant; a tenant has its own."""
    node = make_node(config={"clients": {"idle_timeout": "300ms"}})
    site = make_site(_Held().script, on=node, http={"idle_timeout": "1m"})
    with node.connect() as stranger, node.connect() as customer:
        assert customer.ask(site.get("/1")).status == 200
        assert stranger.ask(site.get("/").replace(site.host.encode(), b"nobody.test")).status == 404
        assert stranger.expect_end() is End.CLEAN
        assert customer.ask(site.get("/2")).status == 200


_OVER = "weir_connections_over_address_limit_total"


@pytest.mark.parametrize("workers", [1, 2])
def test_connections_per_address(make_node, make_site, workers: int) -> None:
    """Rule 13: one address has no more connections to the node than it may; one more is closed unread, others are served."""
    node = make_node(workers=workers, config={"clients": {"connections_per_address": 8}})
    site = make_site(_Held().script, on=node)
    until(lambda: node.admin.metrics()[_OPEN] == 0, "the connections of the push are gone")
    held = [node.connect(source="127.0.0.2") for _ in range(8)]
    for number, client in enumerate(held):
        assert client.ask(site.get(f"/{number}")).status == 200
    with node.connect(source="127.0.0.2") as over:
        over.send(site.get("/over"))
        assert over.read_to_end() == b"" and over.end is End.RESET
    with node.connect(source="127.0.0.3") as other:
        assert other.ask(site.get("/other")).status == 200
    assert node.admin.metrics()[_OVER] == 1
    assert not [request for request in site.upstream.requests if request.target == "/over"]
    held.pop().close()
    until(lambda: node.admin.metrics()[_OPEN] == 7, "the node sees the end")
    with node.connect(source="127.0.0.2") as again:
        assert again.ask(site.get("/again")).status == 200
    _close(held)


def test_connections_per_address_spares_proxies(make_node, make_site) -> None:
    """Rule 13: a trusted proxy stands for many clients, so that the limit of an address is not for it."""
    node = make_node(config={"clients": {"connections_per_address": 2}, "trusted_proxies": ["127.0.0.9/32"]})
    site = make_site(_Held().script, on=node)
    proxy = [node.connect(source="127.0.0.9") for _ in range(5)]
    for number, client in enumerate(proxy):
        assert client.ask(site.get(f"/{number}")).status == 200
    assert node.admin.metrics()[_OVER] == 0
    _close(proxy)


def test_clients_are_reloaded(make_node, make_site) -> None:
    """A reload takes the three limits over; connections made from then on are counted."""
    node = make_node()
    site = make_site(_Held().script, on=node)
    before = node.connect(source="127.0.0.2")
    assert before.ask(site.get("/before")).status == 200
    node.config["clients"] = {"connections_per_address": 1, "head_timeout": "300ms"}
    node.write_config()
    changed = node.admin.call("POST", "/v1/reload").json()["changed"]
    assert [key for key in changed if key.startswith("clients")] == [
        "clients.head_timeout", "clients.connections_per_address"]
    with node.connect(source="127.0.0.2") as first:
        assert first.ask(site.get("/first")).status == 200
        with node.connect(source="127.0.0.2") as over:
            over.send(site.get("/over"))
            assert over.read_to_end() == b""
    with node.connect() as nameless:
        nameless.send(b"GET / HTTP/1.1\r\n")
        assert nameless.read_response().status == 408
    before.close()
