# SPDX-License-Identifier: Apache-2.0
"""exchange_faults_test.py - faults of the data path that close reading and real use found, one test a fault or more."""

import socket
import threading
from typing import List

import pytest

from conftest import MakeNode, SiteMaker
from support.client import End
from support.message import Request
from support.node import Node
from support.upstream import Served, ok, responding
from support.wait import PATIENCE, until


def closed_port() -> str:
    """An address that refuses: bound, and not listened on, for as long as the test runs."""
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    _held.append(probe)
    return f"127.0.0.1:{probe.getsockname()[1]}"


_held: List[socket.socket] = []


# -- tries --


def test_at_most_eight_endpoints_are_tried_for_one_request(make_site: SiteMaker, node: Node) -> None:
    site = make_site(endpoints=[closed_port() for _ in range(12)])
    assert site.fetch("/many").status == 502
    record = node.wait_record(path="/many")
    assert record["tries"] == 8


def test_all_tries_together_end_at_connect_total(make_site: SiteMaker, node: Node) -> None:
    # Listeners whose queues are full take no connection: each try lasts as long as it may.
    full = [FullListener() for _ in range(4)]
    try:
        site = make_site(endpoints=[one.address for one in full],
                         upstream={"connect_timeout": "400ms", "connect_total": "600ms"})
        assert site.fetch("/total").status == 504
        record = node.wait_record(path="/total")
        assert record["tries"] == 2
    finally:
        for one in full:
            one.close()


class FullListener:
    """A listener with a full queue: the kernel drops what comes."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._fill: List[socket.socket] = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(self._listener.getsockname())
            self._fill.append(one)

    def close(self) -> None:
        for one in [*self._fill, self._listener]:
            one.close()


# -- slow bodies --


def test_events_that_trickle_slower_than_min_rate_are_passed_on(make_site: SiteMaker) -> None:
    """An endpoint whose turn it is may trickle; only its silence is bounded."""
    go_on = threading.Event()

    def trickle(conn: Served, request: Request) -> None:
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for index in range(24):
            conn.send(b"data: %d\n\n" % index)
            go_on.wait(0.5)  # what paces a trickle is time itself
        conn.close()

    site = make_site(responding(trickle), http={"min_rate": "1KiB/s", "body_timeout": "1s"})
    with site.connect(seconds=30) as client:
        response = client.ask(site.get("/events"))
    assert response.body.count(b"data: ") == 24


def test_an_origin_that_is_silent_for_its_body_timeout_is_given_up(make_site: SiteMaker, node: Node) -> None:
    def stall(conn: Served, request: Request) -> None:
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        conn.wait_end()

    site = make_site(responding(stall), upstream={"body_timeout": "500ms"}, http={"body_timeout": "60s"})
    with site.connect() as client:
        client.send(site.get("/stall"))
        client.read_to_end()
        assert client.end is End.RESET
    assert node.wait_record(path="/stall")["outcome"] == "slow_upstream"


def test_a_client_that_pauses_its_body_gets_408_though_the_origin_may_pause_longer(make_site: SiteMaker) -> None:
    site = make_site(upstream={"body_timeout": "60s"}, http={"body_timeout": "500ms"})
    with site.connect() as client:
        client.send(site.get("/", "Content-Length: 10", method="POST") + b"half")
        assert client.read_response().status == 408


# -- clients that close --


def waiting(answered: threading.Event, ended: threading.Event):
    def serve(conn: Served, request: Request) -> None:
        answered.set()
        conn.wait_end()
        ended.set()

    return serve


def test_a_client_that_closes_while_its_response_is_awaited_ends_the_origins_connection(make_site: SiteMaker,
                                                                                        node: Node) -> None:
    begun, ended = threading.Event(), threading.Event()
    site = make_site(responding(waiting(begun, ended)))
    client = site.connect()
    client.send(site.get("/left"))
    assert begun.wait(PATIENCE)
    client.close()
    assert ended.wait(PATIENCE)
    record = node.wait_record(path="/left")
    assert (record["status"], record["outcome"]) == (499, "client_gone")


def test_on_client_close_finish_serves_a_client_that_shut_down_its_sending_side(make_site: SiteMaker) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def serve(conn: Served, request: Request) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)
        conn.send(ok(b"finished"))

    site = make_site(responding(serve), http={"on_client_close": "finish"})
    with site.connect() as client:
        client.send(site.get("/"))
        assert begun.wait(PATIENCE)
        client.finish()
        site.barrier()
        go_on.set()
        assert client.read_response().body == b"finished"


# -- connections with an identity --


def identity_server(challenge: str, seen: List[int]):
    """Refuses the first request of a connection with the challenge, and takes the connection for known afterwards."""

    def serve(conn: Served) -> None:
        known = False
        while True:
            request = conn.read_request()
            seen.append(conn.index)
            if not known and not request.get("Authorization"):
                conn.send(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: %s\r\nContent-Length: 0\r\n\r\n" %
                          challenge.encode())
            else:
                known = True
                conn.send(ok(b"known on %d" % conn.index))

    return serve


@pytest.mark.parametrize("challenge", ["NTLM", "Negotiate", 'Basic realm="a, b", negotiate', "ntlm abcd=="])
def test_a_connection_that_carries_an_identity_is_its_clients_alone(make_site: SiteMaker, challenge: str) -> None:
    seen: List[int] = []
    site = make_site(identity_server(challenge, seen))
    with site.connect() as first, site.connect() as second:
        assert first.ask(site.get("/")).status == 401
        assert second.ask(site.get("/other")).status == 401  # on a connection of its own
        token = challenge.split(",")[-1].strip().split(" ")[0]
        body = first.ask(site.get("/", f"Authorization: {token} abc=")).body
        assert body == b"known on 0"
        assert first.ask(site.get("/")).body == b"known on 0"  # known without a field
        assert second.ask(site.get("/other")).status == 401
    assert seen == [0, 1, 0, 0, 1]
    # Both clients are gone: nobody else is given their connections.
    until(lambda: all(conn.ended.is_set() for conn in site.upstream.connections), "the connections end with their clients")
    assert site.fetch("/").status == 401
    assert seen[-1] == 2


def test_an_identity_in_a_request_binds_a_connection_that_was_shared_before(make_site: SiteMaker) -> None:
    seen: List[int] = []
    site = make_site(identity_server("NTLM", seen))
    assert site.fetch("/", "Authorization: Basic abc=").status == 200
    with site.connect() as client:
        assert client.ask(site.get("/", "Authorization: NTLM abc=")).status == 200
        assert site.fetch("/", "Authorization: Basic abc=").status == 200
        assert client.ask(site.get("/", "Authorization: NTLM abc=")).status == 200
    assert seen == [0, 0, 1, 0]


def test_a_held_connection_that_the_origin_closes_is_replaced(make_site: SiteMaker) -> None:
    def serve(conn: Served) -> None:
        conn.read_request()
        conn.send(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n")
        conn.close()

    site = make_site(serve)
    with site.connect() as client:
        for index in range(3):
            assert client.ask(site.get("/")).status == 401
            until(lambda: site.upstream.connections[index].ended.is_set(), "the origin has closed")
    assert site.upstream.accepted == 3


# -- connections that bring nothing --


def test_a_connection_that_brings_nothing_is_closed_in_silence(make_node: MakeNode) -> None:
    """A connection made in advance, or a check of the port: no 408, no access record."""
    node = make_node(config={"clients": {"head_timeout": "300ms"}})
    with node.connect() as silent:
        assert silent.read_to_end() == b""
        assert silent.end is End.CLEAN
    with node.connect() as begun:
        begun.send(b"G")
        assert begun.read_response().status == 408
    assert node.wait_record(status=408)["outcome"] == "timed_out_head"
    assert len(node.access_records()) == 1
