# SPDX-License-Identifier: Apache-2.0
"""hostile_response_test.py - upstreams are hostile: what clients get of their responses, and that no client gets another's.

After each response two more requests follow, one on the same connection and one on another: each gets its own response, over
an upstream connection that the hostile response cannot have poisoned (rules 6 to 8).
"""

import threading
from typing import Callable, List, Optional

import pytest

from hostile_response_cases import BAD, SEEN, TORN, Bad, Seen, Torn, response
from support.client import Client, End
from support.message import Response, Stream, Truncated, read_response
from support.site import Site
from support.upstream import Served, ok
from support.wait import PATIENCE, until

Play = Callable[[Served], Optional[bool]]


class Stage:
    """The script of the shared upstream: /hostile gets what the test plays, any other target gets its own name."""

    def __init__(self) -> None:
        self.play: Play = lambda conn: None
        self.hostile: List[Served] = []

    def __call__(self, conn: Served) -> None:
        while True:
            request = conn.read_request()
            if not request.target.startswith("/hostile"):
                conn.send(ok(b"own " + request.target.encode()))
                continue
            self.hostile.append(conn)
            self.play(conn)
            if conn.socket.fileno() < 0:
                return


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="module")
def site(make_module_site, stage: Stage) -> Site:
    return make_module_site(stage)


@pytest.fixture(autouse=True)
def _forget(site: Site, stage: Stage) -> None:
    site.upstream.forget()
    stage.hostile.clear()


def _end(conn: Served, after: str) -> None:
    if after == "close":
        conn.close()
    elif after == "reset":
        conn.reset()


def _own(client: Client, site: Site, target: str) -> None:
    received = client.ask(site.get(target))
    assert (received.status, received.body) == (200, b"own " + target.encode())


def _check_afterwards(site: Site, stage: Stage, client: Optional[Client] = None) -> None:
    """Requests after a hostile response get their own, never over its connection."""
    if client is not None:
        _own(client, site, "/same-connection")
    with site.connect() as other:
        _own(other, site, "/other-connection")
    for conn in stage.hostile:
        site.upstream.wait_ended(conn)
        assert all(request.target.startswith("/hostile") for request in conn.requests)


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_refused_with_502(site: Site, stage: Stage, case: Bad) -> None:
    """RFC 9110 15.6.3: a response that is not of the grammar is 502, and no byte of it is seen."""
    stage.play = lambda conn: conn.send(case.data)
    with site.connect() as client:
        received = client.ask(site.get("/hostile", method=case.method))
        assert received.status == 502
        assert received.get("X-Request-ID") and received.get("Via") is None
        assert len(stage.hostile) == 1, "a response that began is not asked for again"
        _check_afterwards(site, stage, client)


@pytest.mark.parametrize("case", [case for case in BAD if len(case.data) < 300], ids=lambda case: case.name)
def test_refused_with_502_in_single_bytes(site: Site, stage: Stage, case: Bad) -> None:
    """The result depends on the bytes alone, not on the segments in which they come."""
    stage.play = lambda conn: conn.send(*(case.data[at:at + 1] for at in range(len(case.data))))
    with site.connect() as client:
        assert client.ask(site.get("/hostile", method=case.method)).status == 502
        _check_afterwards(site, stage, client)


@pytest.mark.parametrize("case", TORN, ids=lambda case: case.name)
def test_torn_visibly_when_the_head_was_passed(site: Site, stage: Stage, case: Torn) -> None:
    """Rule 7: a client that has the head sees the connection end inside the body, never a clean end of it."""
    go = threading.Event()

    def play(conn: Served) -> None:
        conn.send(case.good)
        assert go.wait(PATIENCE)
        conn.send(case.bad)
        _end(conn, case.after)

    stage.play = play
    with site.connect() as client:
        client.send(site.get("/hostile"))
        while not client.read_line() == b"":
            pass
        client.read_bytes(1)
        go.set()
        rest = client.read_to_end()
        assert b"0\r\n\r\n" not in rest and b"HTTP/1.1" not in rest
        assert client.end in (End.CLEAN, End.RESET)
    _check_afterwards(site, stage)


@pytest.mark.parametrize("case", TORN, ids=lambda case: case.name)
def test_torn_or_502_when_it_comes_at_once(site: Site, stage: Stage, case: Torn) -> None:
    """Rule 7: when the fault comes with the head, 502 is as good as a cut; a whole response is not."""

    def play(conn: Served) -> None:
        conn.send(case.good + case.bad)
        _end(conn, case.after)

    stage.play = play
    with site.connect() as client:
        client.send(site.get("/hostile"))
        try:
            assert client.read_response().status == 502
        except Truncated:
            assert client.end in (End.CLEAN, End.RESET)
    _check_afterwards(site, stage)


@pytest.mark.parametrize("case", TORN, ids=lambda case: case.name)
def test_torn_by_reset_for_an_http10_client(site: Site, stage: Stage, case: Torn) -> None:
    """RFC 9112 8: where only the end of the connection ends the body, a cut must be a reset."""

    def play(conn: Served) -> None:
        conn.send(case.good + case.bad)
        _end(conn, case.after)

    stage.play = play
    with site.connect() as client:
        client.send(f"GET /hostile HTTP/1.0\r\nHost: {site.host}\r\n\r\n".encode())
        seen = client.read_to_end()
        if not seen.startswith(b"HTTP/1.1 502 "):
            assert b"Content-Length: 10\r\n" in seen or client.end is End.RESET
    _check_afterwards(site, stage)


@pytest.mark.parametrize("case", SEEN, ids=lambda case: case.name)
def test_seen_as_exactly_these_bytes(site: Site, stage: Stage, case: Seen) -> None:
    """Rule 1: a response is written anew; what is behind its end belongs to no request."""

    def play(conn: Served) -> None:
        conn.send(case.data)
        _end(conn, case.after)

    stage.play = play
    with site.connect() as client:
        client.send(site.get("/hostile", method=case.method))
        assert client.read_bytes(len(case.seen)) == case.seen
        client.send(site.get("/same-connection"))
        received = client.read_response()
        assert (received.status, received.body) == (200, b"own /same-connection")
    conn, = stage.hostile
    if case.reused:
        assert [request.target for request in conn.requests] == ["/hostile", "/same-connection"]
    else:
        _check_afterwards(site, stage)


@pytest.mark.parametrize("case", [case for case in SEEN if len(case.data) < 400], ids=lambda case: case.name)
def test_means_the_same_in_single_bytes(site: Site, stage: Stage, case: Seen) -> None:
    """RFC 9112 2.2: a message is a sequence of bytes, however it is cut into segments."""

    def play(conn: Served) -> None:
        conn.send(*(case.data[at:at + 1] for at in range(len(case.data))))
        _end(conn, case.after)

    whole = _parse(case.seen, case.method)
    stage.play = play
    with site.connect() as client:
        received = client.ask(site.get("/hostile", method=case.method))
        assert (received.status, received.reason, received.body) == (whole.status, whole.reason, whole.body)
        assert received.head == whole.head
        assert [one.head for one in received.interims] == [one.head for one in whole.interims]
        if not case.reused:
            site.upstream.wait_ended(stage.hostile[0])
        _own(client, site, "/same-connection")


def _parse(data: bytes, method: str) -> Response:
    pieces = iter([data])
    return read_response(Stream(lambda: next(pieces, b"")), method)


def test_interim_responses_are_not_sent_to_http10(site: Site, stage: Stage) -> None:
    """RFC 9110 15.2: a 1xx response is not sent to an HTTP/1.0 client."""
    stage.play = lambda conn: conn.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + ok(b"final"))
    with site.connect() as client:
        client.send(f"GET /hostile HTTP/1.0\r\nHost: {site.host}\r\n\r\n".encode())
        received = client.read_response()
        assert (received.status, received.body, received.interims) == (200, b"final", [])
        assert client.expect_end() is End.CLEAN


def test_bytes_on_a_parked_connection_close_it(site: Site, stage: Stage) -> None:
    """Rule 6: nothing is read from an idle upstream connection but its end."""
    stage.play = lambda conn: conn.send(ok(b"first"))
    assert site.fetch("/hostile").body == b"first"
    conn, = stage.hostile
    conn.send(response(b"Content-Length: 6", body=b"poison"))
    _check_afterwards(site, stage)


def test_bytes_on_a_connection_dialled_ahead_close_it(make_site) -> None:
    """Queue poisoning: a connection on which the server sends first never serves a request."""

    def script(conn: Served) -> None:
        if 0 < conn.index < 4:
            conn.send(response(b"Content-Length: 6", body=b"poison"))
        while True:
            conn.send(ok(b"own " + conn.read_request().target.encode()))

    site = make_site(script, upstream={"pool": {"min_idle": 4}})
    assert site.fetch("/first").body == b"own /first"
    until(lambda: site.upstream.accepted >= 4, "three connections are made ahead of demand")
    for conn in site.upstream.connections[1:4]:
        site.upstream.wait_ended(conn)
        assert conn.received == b""
    until(lambda: site.fetch("/again").body == b"own /again" and site.upstream.accepted >= 7,
          "they are replaced by others, once a request was served")
    for number in range(8):
        assert site.fetch(f"/{number}").body == b"own /%d" % number


def test_a_second_response_is_not_the_next_requests(site: Site, stage: Stage) -> None:
    """Response queue poisoning with pipelining: each of two requests gets its own response."""
    stage.play = lambda conn: conn.send(ok(b"first") + response(b"Content-Length: 6", body=b"poison"))
    with site.connect() as client:
        client.send(site.get("/hostile") + site.get("/second"))
        assert client.read_response().body == b"first"
        assert client.read_response().body == b"own /second"
    _check_afterwards(site, stage)


_METHODS = [("GET", 2), ("HEAD", 2), ("PUT", 2), ("DELETE", 2), ("OPTIONS", 2), ("POST", 1), ("PATCH", 1),
            ("PURGE", 1)]


@pytest.mark.parametrize("method,tries", _METHODS)
@pytest.mark.parametrize("after", ["close", "reset"])
def test_no_response_on_a_parked_connection(site: Site, stage: Stage, method: str, tries: int, after: str) -> None:
    """RFC 9110 9.2.2, rule 9: retried once on a fresh connection when idempotent, and never otherwise."""
    stage.play = lambda conn: _end(conn, after)
    with site.connect() as client:
        _own(client, site, "/to-have-one-parked")
        assert client.ask(site.get("/hostile", method=method)).status == 502
        assert len(stage.hostile) == tries
        assert len({conn.index for conn in stage.hostile}) == tries
        assert [request.target for request in stage.hostile[-1].requests] == ["/hostile"][:tries - 1] or tries == 1


@pytest.mark.parametrize("method,tries", _METHODS)
def test_no_response_of_one_endpoint_of_two(make_site, make_upstream, method: str, tries: int) -> None:
    """Rule 9: an endpoint that closes a fresh connection without a word is not asked again, another one is."""
    asked = []

    def mute(conn: Served) -> None:
        conn.read_request()
        asked.append(conn)

    good = make_upstream()
    site = make_site(endpoints=[make_upstream(mute).address, good.address])
    statuses = [site.fetch("/a", method=method).status for _ in range(2)]
    assert len(asked) == 1, "it is out after its first failure"
    assert len(good.requests) == 2 if tries == 2 else 1
    assert sorted(statuses) == ([200, 200] if tries == 2 else [200, 502])


def test_a_request_whose_body_is_gone_is_not_retried(site: Site, stage: Stage) -> None:
    """Rule 9: what was streamed is not there any more, so that even PUT is tried once only."""
    stage.play = lambda conn: conn.close()
    with site.connect() as client:
        assert client.ask(site.get("/hostile", method="PUT", body=b"x" * 1000)).status == 502
    assert len(stage.hostile) == 1


@pytest.mark.parametrize("part", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"])
@pytest.mark.parametrize("after", ["close", "reset"])
def test_a_head_that_is_cut_is_502_without_a_retry(site: Site, stage: Stage, part: bytes, after: str) -> None:
    """Rule 9: no byte of a response may have come before a retry."""
    seen = threading.Event()

    def play(conn: Served) -> None:
        conn.send(part)
        if after == "reset":
            seen.wait(PATIENCE)
        _end(conn, after)

    stage.play = play
    with site.connect() as client:
        client.send(site.get("/hostile"))
        until(lambda: stage.hostile, "the request at the upstream")
        site.barrier()
        seen.set()
        assert client.read_response().status == 502
        assert len(stage.hostile) == 1
        _check_afterwards(site, stage, client)


def test_an_early_response_ends_the_upstream_connection(make_site) -> None:
    """0.CL and CVE-2025-4366: a response before the request's end leaves bytes behind that must not become a request."""
    served: List[Served] = []

    def script(conn: Served) -> None:
        while True:
            request = conn.read_head()
            if request.target == "/early":
                served.append(conn)
                conn.send(ok(b"early"))
                conn.wait_end()
                return
            conn.read_body(request)
            conn.send(ok(b"own " + request.target.encode()))

    site = make_site(script)
    inner = site.get("/smuggled")
    with site.connect() as client:
        client.send(site.get("/early", f"Content-Length: {len(inner)}", method="POST") + inner[:5])
        assert client.read_response().body == b"early"
        client.send(inner[5:] + site.get("/next"))
        try:
            assert client.read_response().body == b"own /next"
        except Truncated:
            pass
    conn, = served
    site.upstream.wait_ended(conn)
    assert b"/next" not in conn.received
    assert site.fetch("/other").body == b"own /other"
    assert "/smuggled" not in [request.target for request in site.upstream.requests]


def test_an_early_response_and_a_close_reach_the_client(make_site) -> None:
    """RFC 9112 9.6: a server that responds and stops reading has given its response; the client gets it although its body is cut."""

    def script(conn: Served) -> None:
        conn.read_head()
        conn.send(response(b"Connection: close", b"Content-Length: 7", start=b"HTTP/1.1 413 Too Large", body=b"too big"))
        conn.close()

    site = make_site(script)
    with site.connect() as client:
        client.send(f"POST /up HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: 4000000\r\n\r\n".encode())
        client.send(b"x" * 1_000_000)
        received = client.read_response()
        assert (received.status, received.body) == (413, b"too big")


def test_a_response_that_never_comes_is_504(make_site) -> None:
    """Rule 10, RFC 9110 15.6.5: response_timeout is absolute, interim responses or not."""

    def script(conn: Served) -> None:
        conn.read_request()
        conn.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        conn.wait_end()

    site = make_site(script, upstream={"response_timeout": "300ms"})
    received = site.fetch("/slow")
    assert received.status == 504
    assert len(site.upstream.requests) == 1


def test_a_head_that_trickles_is_504(make_site) -> None:
    """Rule 10: a timer belongs to the exchange, not to the last byte."""

    def script(conn: Served) -> None:
        conn.read_request()
        conn.socket.settimeout(0.02)
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10_000:
            conn.send(bytes([byte]))
            try:
                if not conn.socket.recv(1):
                    return
            except TimeoutError:
                continue

    site = make_site(script, upstream={"response_timeout": "500ms"})
    assert site.fetch("/slow").status == 504


def test_a_body_that_stalls_is_cut(make_site) -> None:
    """Rules 7 and 10: a response that stops inside its body is cut after body_timeout, visibly."""

    def script(conn: Served) -> None:
        conn.read_request()
        conn.send(response(b"Content-Length: 10", body=b"hello"))
        conn.wait_end()

    site = make_site(script, upstream={"body_timeout": "300ms"})
    with site.connect() as client:
        client.send(site.get("/stall"))
        with pytest.raises(Truncated):
            client.read_response()
    record = site.node.wait_record(tenant=site.name, outcome="slow_upstream")
    assert record["status"] == 200
