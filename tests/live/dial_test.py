# SPDX-License-Identifier: Apache-2.0
"""dial_test.py - how a connection to an endpoint is made: all addresses of its name, in which order, and what ahead of demand."""

import socket
from typing import Any, Dict, Iterator, List

import pytest

from support.client import fetch, get
from support.dns import NameServer
from support.node import Node
from support.site import tenant
from support.upstream import ok, pause, responding
from support.wait import until

ONE_EACH = ok(b"ok", "Connection: close")


class DeafListener:
    """An address that does not respond to a connect: its queue is full and nobody accepts."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(0)
        self._fill = []
        for _ in range(4):
            one = socket.socket(family, socket.SOCK_STREAM)
            one.setblocking(False)
            one.connect_ex((host, port))
            self._fill.append(one)

    def close(self) -> None:
        for one in self._fill:
            one.close()
        self._listener.close()


@pytest.fixture
def deaf() -> Iterator[Any]:
    made: List[DeafListener] = []

    def make(host: str, port: int) -> None:
        made.append(DeafListener(host, port))

    yield make
    for one in made:
        one.close()


def _node(make_node, server: NameServer, **options: Any) -> Node:
    return make_node(config={"resolver": {"servers": [server.address]}}, **options)


def _statuses(node: Node, name: str, number: int) -> List[int]:
    return [fetch(node.address, get(f"{name}.test")).status for _ in range(number)]


# -- all addresses of a name


def test_a_dead_address_beside_a_good_one_costs_no_request(make_node, make_upstream, name_server) -> None:
    """RFC 8305 5: all addresses of a name are one endpoint; it has failed when all of them have."""
    good = make_upstream(responding(ONE_EACH))
    node = _node(make_node, name_server)
    name_server.set("two.example", "127.0.0.2", "127.0.0.3", "127.0.0.1")
    node.apply(tenant("two", [f"two.example:{good.port}"]))
    assert _statuses(node, "two", 12) == [200] * 12
    assert node.admin.metrics()["weir_upstream_none_left_total"] == 0
    assert "upstream.endpoint_out" not in node.stderr


def test_an_address_that_does_not_respond_is_overtaken_by_the_next(make_node, make_upstream, name_server, deaf) -> None:
    """RFC 8305 5: the next address is tried after a short head start, while the earlier try goes on."""
    good = make_upstream(responding(ONE_EACH))
    deaf("127.0.0.2", good.port)
    deaf("127.0.0.3", good.port)
    node = _node(make_node, name_server)
    name_server.set("deaf.example", "127.0.0.2", "127.0.0.3", "127.0.0.1")
    node.apply(tenant("deaf", [f"deaf.example:{good.port}"], upstream={"connect_timeout": "25s"}))
    assert _statuses(node, "deaf", 6) == [200] * 6


def test_the_last_good_address_is_tried_first(make_node, make_upstream, name_server) -> None:
    """Once is enough: the dead address is not tried again by the worker that has found the good one."""
    good = make_upstream(responding(ONE_EACH))
    node = _node(make_node, name_server)
    name_server.set("good.example", "127.0.0.2", "127.0.0.1", "127.0.0.3")
    node.apply(tenant("good", [f"good.example:{good.port}"]))
    assert _statuses(node, "good", 1) == [200]
    errors = node.admin.metrics()["weir_upstream_connect_errors_total"]
    assert errors <= 2
    assert _statuses(node, "good", 8) == [200] * 8
    assert node.admin.metrics()["weir_upstream_connect_errors_total"] == errors


def test_an_endpoint_whose_addresses_are_all_dead_has_failed(make_node, make_upstream, name_server) -> None:
    """Then it is marked, and the next endpoint serves."""
    good = make_upstream(responding(ONE_EACH))
    node = _node(make_node, name_server)
    name_server.set("dead.example", "127.0.0.2", "127.0.0.3", "127.0.0.4")
    node.apply(tenant("dead", [f"dead.example:{good.port}"]), tenant("both", [f"dead.example:{good.port}", good.address]))
    assert _statuses(node, "dead", 1) == [502]
    assert node.admin.metrics()["weir_upstream_connect_errors_total"] == 3
    assert _statuses(node, "both", 4) == [200] * 4


def test_addresses_of_both_families_are_one_endpoint(ipv6, make_node, make_upstream, name_server) -> None:
    """An origin with AAAA and A records whose IPv6 does not respond: the commonest fault of them all."""
    good = make_upstream(responding(ONE_EACH))
    node = _node(make_node, name_server)
    name_server.set("dual.example", "::1", "127.0.0.1")
    node.apply(tenant("dual", [f"dual.example:{good.port}"]))
    assert _statuses(node, "dual", 12) == [200] * 12


def test_a_client_that_leaves_ends_the_dial(make_node, make_upstream, name_server, deaf) -> None:
    """Nothing of it is left: no connection that is being made, no place in the pool."""
    good = make_upstream(responding(ONE_EACH))
    for n in range(2, 6):
        deaf(f"127.0.0.{n}", good.port)
    node = _node(make_node, name_server)
    name_server.set("gone.example", *(f"127.0.0.{n}" for n in range(2, 6)))
    node.apply(tenant("gone", [f"gone.example:{good.port}"], upstream={"connect_timeout": "60s"}))
    client = node.connect()
    client.send(get("gone.test"))
    until(lambda: node.admin.metrics()["weir_upstream_open"] == 4, "all four addresses are tried at once")
    client.reset()
    until(lambda: node.admin.metrics()["weir_upstream_open"] == 0, "the dial has ended")


# -- connections that are kept, and the addresses that they lead to


def test_kept_connections_follow_a_name_that_moves(make_node, make_upstream, name_server) -> None:
    """A connection that leads to an address which the name no longer has is closed when it is idle, and not kept again."""
    old = make_upstream(responding(ok(b"old")))
    new = make_upstream(responding(ok(b"new")), host="127.0.0.2", port=old.port)
    node = _node(make_node, name_server)
    name_server.set("moves.example", "127.0.0.1", ttl=1)
    node.apply(tenant("moves", [f"moves.example:{old.port}"]))
    assert fetch(node.address, get("moves.test")).body == b"old"
    assert len(old.open_connections()) == 1
    name_server.set("moves.example", "127.0.0.2", ttl=1)
    until(lambda: not old.open_connections(), "the connection to the old address is closed")
    assert fetch(node.address, get("moves.test")).body == b"new"
    assert len(new.open_connections()) == 1


def test_a_request_on_its_way_is_not_cut_when_the_name_moves(make_node, make_upstream, name_server) -> None:
    """It ends on the old address; then that connection closes."""

    def slowly(conn) -> None:
        conn.read_request()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
        until(lambda: new.accepted > 0, "another request is served by the new address")
        conn.send(b"half")
        conn.wait_end()

    old = make_upstream(slowly)
    new = make_upstream(responding(ok(b"new")), host="127.0.0.2", port=old.port)
    node = _node(make_node, name_server)
    name_server.set("slow.example", "127.0.0.1", ttl=1)
    node.apply(tenant("slow", [f"slow.example:{old.port}"]))
    with node.connect() as client:
        client.send(get("slow.test"))
        old.wait_requests(1)
        name_server.set("slow.example", "127.0.0.2", ttl=1)
        name_server.wait_asked("slow.example", number=3)
        assert fetch(node.address, get("slow.test")).body == b"new"
        assert client.read_response().body == b"halfhalf"
    until(lambda: not old.open_connections(), "the connection to the old address is closed")


def test_a_kept_connection_has_a_maximum_age(make_site) -> None:
    """pool.max_age: however busy, and although it is never idle for pool.idle_timeout."""
    site = make_site(responding(), upstream={"pool": {"min_idle": 0, "max_age": "1s", "idle_timeout": "60s"}})
    until(lambda: site.fetch("/").status == 200 and site.upstream.accepted >= 3, "connections are replaced")
    until(lambda: not site.upstream.open_connections(), "the last one is closed while it is idle")


# -- ahead of demand


def test_nothing_is_opened_ahead_of_demand_by_default(make_node, make_upstream) -> None:
    """pool.min_idle is 0: an origin that serves one connection at a time is not held by connections without a request."""
    server = make_upstream(responding())
    node = make_node()
    document = tenant("plain", [server.address])
    del document["upstreams"]["web"]["pool"]
    node.apply(document)
    for _ in range(5):
        assert fetch(node.address, get("plain.test")).status == 200
    assert len(server.connections) == len(server.used()) == 1


def test_an_origin_that_ends_unused_connections_is_left_alone(make_site) -> None:
    """They are not opened again and again: none until a request was served, and a back-off by endpoint before it."""

    def script(conn) -> None:
        if conn.index > 0 and not conn.upstream.requests[1:]:
            return  # ends it at once
        responding()(conn)

    def slow(conn) -> None:
        conn.read_request()
        pause(1.5)
        conn.send(ok())

    site = make_site(script, upstream={"pool": {"min_idle": 4, "idle_timeout": "60s"}})
    other = make_site(slow)
    assert site.fetch("/").status == 200
    until(lambda: site.upstream.accepted >= 4, "connections are made ahead of demand")
    assert other.fetch("/").status == 200
    assert site.upstream.accepted == 4
    until(lambda: site.fetch("/").status == 200 and len(site.upstream.open_connections()) >= 4, "they are made again")
