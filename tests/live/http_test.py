# SPDX-License-Identifier: Apache-2.0
"""http_test.py - the data path in good order: connections, bodies of any size and framing, fields, weir's own responses."""

import hashlib
import os
import random
import subprocess
import threading
from pathlib import Path
from typing import Iterator, List

import pytest

from support.client import Client, End
from support.message import Response, Truncated
from support.nginx import Nginx
from support.node import Node, is_sanitized, split_url
from support.site import Site
from support.upstream import Served, normalised, ok, responding
from support.wait import PATIENCE, until

MIB = 1 << 20


def _echo(conn: Served) -> None:
    """Respond with what was sent, in the framing in which it was sent."""
    while True:
        request = conn.read_request()
        if request.chunked:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(request.body), request.body) if request.body else b"0\r\n\r\n"
            conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        else:
            conn.send(ok(request.body))


def _by_target(conn: Served) -> None:
    while True:
        conn.send(ok(conn.read_request().target.encode()))


def _bytes(length: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(length)


# -- connections


def test_keep_alive_serves_many_requests_on_one_connection(make_site) -> None:
    """RFC 9112 9.3: HTTP/1.1 connections persist, on both sides."""
    site = make_site(_by_target)
    with site.connect() as client:
        for number in range(200):
            response = client.ask(site.get(f"/{number}"))
            assert (response.status, response.body) == (200, b"/%d" % number)
            assert response.get("Connection") is None
    assert len(site.upstream.used()) == 1


@pytest.mark.parametrize("number", [2, 33, 500])
def test_pipelined_requests_get_their_responses_in_order(make_site, number: int) -> None:
    """RFC 9112 9.3.2: responses come in the order of the requests, however many are waiting."""
    site = make_site(_by_target)
    with site.connect() as client:
        sender = threading.Thread(target=client.send, args=(b"".join(site.get(f"/{n}") for n in range(number)),))
        sender.start()
        for expected in range(number):
            assert client.read_response().body == b"/%d" % expected
        sender.join()


def test_pipelined_requests_behind_a_close_are_not_served(make_site) -> None:
    """RFC 9112 9.6: after a request with "close" no further request of the connection is processed."""
    site = make_site(_by_target)
    with site.connect() as client:
        client.send(site.get("/1") + site.get("/2", "Connection: close") + site.get("/3"))
        assert client.read_response().body == b"/1"
        response = client.read_response()
        assert (response.body, response.get("Connection")) == (b"/2", b"close")
        assert client.expect_end()
    assert [request.target for request in site.upstream.requests] == ["/1", "/2"]


def test_pipelined_bodies_and_heads_in_one_segment(make_site) -> None:
    """RFC 9112 6: each request ends where its framing ends it, with the next one right behind it."""
    site = make_site(_echo)
    with site.connect() as client:
        client.send(site.get("/a", method="POST", body=b"GET /x HTTP/1.1\r\n\r\n")
                    + site.get("/b", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n0\r\n\r\n" + b"\r\n"
                    + site.get("/c") + site.get("/d", "Transfer-Encoding: chunked", method="PUT") + b"0\r\n\r\n")
        assert [client.read_response().body for _ in range(4)] == [b"GET /x HTTP/1.1\r\n\r\n", b"abc", b"", b""]
    assert [request.target for request in site.upstream.requests] == ["/a", "/b", "/c", "/d"]


def test_http10_closes_unless_asked(make_site) -> None:
    """RFC 9112 9.3: an HTTP/1.0 connection ends after its response, unless keep-alive was asked for and is granted."""
    site = make_site(_by_target)
    with site.connect() as client:
        response = client.ask(f"GET /a HTTP/1.0\r\nHost: {site.host}\r\n\r\n".encode())
        assert (response.body, response.get("Connection")) == (b"/a", b"close")
        assert client.expect_end() is End.CLEAN
    with site.connect() as client:
        for target in ("/b", "/c"):
            response = client.ask(f"GET {target} HTTP/1.0\r\nHost: {site.host}\r\nConnection: keep-alive\r\n\r\n".encode())
            assert (response.body, response.get("Connection")) == (target.encode(), b"keep-alive")


def test_http10_gets_a_chunked_response_until_the_close(make_site) -> None:
    """RFC 9112 7.1, 6.3: no chunks for HTTP/1.0; the end of the connection ends the body."""
    chunks = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    site = make_site(responding(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks))
    with site.connect() as client:
        client.send(f"GET /a HTTP/1.0\r\nHost: {site.host}\r\nConnection: keep-alive\r\n\r\n".encode())
        seen = client.read_to_end()
        assert seen.endswith(b"\r\n\r\nhello world") and b"chunked" not in seen
        assert b"\r\nConnection: close\r\n" in seen
        assert client.end is End.CLEAN


def test_a_client_that_half_closes_gets_its_responses(make_site) -> None:
    """RFC 9112 9.6: a client may end its side after its last request and still reads the responses."""
    site = make_site(_by_target)
    with site.connect() as client:
        client.send(site.get("/1") + site.get("/2"))
        client.finish()
        assert [client.read_response().body for _ in range(2)] == [b"/1", b"/2"]
        assert client.expect_end() is End.CLEAN


def test_a_client_that_half_closes_before_a_slow_response(make_site) -> None:
    """The end of a client's side does not end its exchange: the response may take its time."""
    go = threading.Event()

    def script(conn: Served) -> None:
        conn.read_request()
        go.wait(PATIENCE)
        conn.send(ok(b"late"))

    site = make_site(script)
    with site.connect() as client:
        client.send(site.get("/1"))
        client.finish()
        site.upstream.wait_requests(1)
        site.barrier()
        go.set()
        assert client.read_response().body == b"late"
        client.expect_end()


def test_a_client_that_leaves_ends_the_upstream_request(make_site) -> None:
    """Rule 12: when the client is gone the upstream's work is ended, and its connection not reused."""
    site = make_site(lambda conn: (conn.read_request(), conn.wait_end()))
    with site.connect() as client:
        client.send(site.get("/gone"))
        site.upstream.wait_requests(1)
        client.reset()
    site.upstream.wait_ended(site.upstream.connections[0])
    record = site.node.wait_record(tenant=site.name, path="/gone")
    assert record["outcome"] == "client_gone"


def test_head_has_the_fields_of_get_and_no_body(make_site, nginx: Nginx) -> None:
    """RFC 9110 9.3.2: HEAD is GET without the content."""
    (nginx.www / "head.txt").write_bytes(b"x" * 1234)
    site = make_site(endpoints=[nginx.address])
    with site.connect() as client:
        head = client.ask(site.get("/head.txt", method="HEAD"))
        get = client.ask(site.get("/head.txt"))
    assert (head.status, head.get("Content-Length"), head.body) == (200, b"1234", b"")
    assert head.get("ETag") == get.get("ETag")
    assert len(get.body) == 1234


def test_304_and_206_of_a_real_server(make_site, nginx: Nginx) -> None:
    """RFC 9110 13, 14: conditional and range requests pass through."""
    (nginx.www / "part.txt").write_bytes(b"0123456789")
    site = make_site(endpoints=[nginx.address])
    with site.connect() as client:
        whole = client.ask(site.get("/part.txt"))
        etag = (whole.get("ETag") or b"").decode()
        assert client.ask(site.get("/part.txt", f"If-None-Match: {etag}")).status == 304
        part = client.ask(site.get("/part.txt", "Range: bytes=2-4"))
        assert (part.status, part.body, part.get("Content-Range")) == (206, b"234", b"bytes 2-4/10")


def test_ipv4_and_ipv6_listeners_and_endpoints(ipv6, make_node, make_site, make_upstream) -> None:
    """Addresses are ip:port and [v6]:port, on both sides."""
    node = make_node(listen=("127.0.0.1:0", "[::1]:0"))
    site = make_site(on=node, endpoints=[make_upstream(_by_target, host="::1").address])
    for address in node.addresses:
        with Client(address) as client:
            response = client.ask(site.get(f"/{address[0]}"))
            assert response.body == f"/{address[0]}".encode()
    assert {host for host, _ in node.addresses} == {"127.0.0.1", "::1"}


# -- bodies


@pytest.mark.parametrize("length", [0, 1, 1023, 16_384, 65_535, 65_536, 65_537, 1_000_003])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_of_all_lengths_both_ways(echo_site: Site, length: int, chunked: bool) -> None:
    """RFC 9112 6 and 7: a body arrives as it was sent, around every buffer size, in both framings."""
    site, body = echo_site, _bytes(length)
    if chunked:
        framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in _cut(body)) + b"0\r\n\r\n"
        data = site.get("/echo", "Transfer-Encoding: chunked", method="POST") + framed
    else:
        data = f"POST /echo HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: {length}\r\n\r\n".encode() + body
    with site.connect() as client:
        sender = threading.Thread(target=client.send, args=(data,))
        sender.start()
        response = client.read_response()
        sender.join()
        assert response.status == 200 and response.chunked == chunked
        assert hashlib.sha256(response.body).digest() == hashlib.sha256(body).digest()
        assert client.ask(site.get("/next")).status == 200


def _cut(body: bytes) -> Iterator[bytes]:
    """Pieces of odd lengths, from one byte to more than any buffer."""
    rng, at = random.Random(len(body)), 0
    while at < len(body):
        length = rng.choice((1, 2, 15, 16, 17, 255, 4096, 65_536, 100_000))
        yield body[at:at + length]
        at += length


@pytest.fixture(scope="module")
def echo_site(make_module_site) -> Site:
    return make_module_site(_echo)


def test_many_tiny_chunks(make_site) -> None:
    """Back-pressure and work per byte: 200,000 chunks of one byte are only a body."""
    body = _bytes(200_000)
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    site = make_site(responding(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks))
    with site.connect() as client:
        client.send(site.get("/"))
        assert client.read_response().body == body


def test_50_mib_from_a_real_server(make_site, nginx: Nginx) -> None:
    """Streaming: a large body of known length (spliced) is whole."""
    body = _bytes(50 * MIB)
    (nginx.www / "large").write_bytes(body)
    site = make_site(endpoints=[nginx.address])
    with site.connect() as client:
        client.send(site.get("/large"))
        response = client.read_response()
        assert hashlib.sha256(response.body).digest() == hashlib.sha256(body).digest()
        assert client.ask(site.get("/large", method="HEAD")).status == 200
    (nginx.www / "large").unlink()


@pytest.mark.parametrize("chunked", [False, True])
def test_50_mib_to_a_real_server(make_site, nginx: Nginx, chunked: bool) -> None:
    """Streaming: a large upload is whole, in both framings."""
    body = _bytes(50 * MIB, seed=2)
    site = make_site(endpoints=[nginx.address])
    if chunked:
        data = site.get("/store/up", "Transfer-Encoding: chunked", method="PUT")
        data += b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in _cut(body)) + b"0\r\n\r\n"
    else:
        data = site.get("/store/up", method="PUT", body=body)
    with site.connect() as client:
        assert client.send(data)
        assert client.read_response().status in (201, 204)
    stored = (nginx.www / "store" / "up").read_bytes()
    assert hashlib.sha256(stored).digest() == hashlib.sha256(body).digest()


def test_large_bodies_of_many_clients_at_once(make_site, twin_node: Node, nginx: Nginx) -> None:
    """Bodies of different exchanges are never mixed."""
    for number in range(4):
        (nginx.www / f"many{number}").write_bytes(_bytes(3 * MIB, seed=10 + number))
    site = make_site(endpoints=[nginx.address], on=twin_node)
    wrong: List[int] = []

    def download(number: int) -> None:
        with site.connect() as client:
            for _ in range(3):
                client.send(site.get(f"/many{number % 4}"))
                if client.read_response().body != _bytes(3 * MIB, seed=10 + number % 4):
                    wrong.append(number)

    threads = [threading.Thread(target=download, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_expect_100_continue(make_site) -> None:
    """RFC 9110 10.1.1: the client's body is sent after the upstream's 100, and the final response follows."""

    def script(conn: Served) -> None:
        request = conn.read_head()
        assert request.get("Expect") == b"100-Continue"
        conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert conn.read_body(request) == b"hello"
        conn.send(ok(b"thanks"))

    site = make_site(script)
    with site.connect() as client:
        client.send(site.get("/", "Expect: 100-Continue", "Content-Length: 5", method="POST"))
        assert client.read_interim().status == 100
        client.send(b"hello")
        assert client.read_response().body == b"thanks"


def test_expect_that_is_refused_by_the_upstream(make_site) -> None:
    """RFC 9110 10.1.1: a final response in the place of 100; whether a body follows is unknown, so the connection ends."""

    def script(conn: Served) -> None:
        conn.read_head()
        conn.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        conn.wait_end()

    site = make_site(script)
    with site.connect() as client:
        client.send(site.get("/", "Expect: 100-continue", "Content-Length: 5", method="POST"))
        response = client.read_response()
        assert (response.status, response.body, response.get("Connection")) == (403, b"no", b"close")
        client.expect_end()
    site.upstream.wait_ended(site.upstream.connections[0])


def test_expect_that_ends_in_an_error_of_weirs_own(make_site) -> None:
    """0.CL: a client that gets 502 in the place of 100 may send its body or not, so the connection must end."""

    def script(conn: Served) -> None:
        conn.read_head()

    site = make_site(script)
    with site.connect() as client:
        client.send(site.get("/", "Expect: 100-continue", "Content-Length: 60", method="POST"))
        response = client.read_response()
        assert (response.status, response.get("Connection")) == (502, b"close")
        client.send(site.get("/taken-for-a-body"))
        client.expect_end()


def test_expect_with_a_response_of_weirs_own(make_site) -> None:
    """0.CL: weir's own response to an expecting request ends the connection; the body is not read as a request."""
    site = make_site(headers={"underscores": "refuse"})
    with site.connect() as client:
        client.send(site.get("/", "A_B: c", "Expect: 100-continue", "Content-Length: 60", method="POST"))
        client.send(site.get("/smuggled"))
        response = client.read_response()
        assert (response.status, response.get("Connection")) == (400, b"close")
        client.expect_end()
    assert site.upstream.requests == []


@pytest.mark.parametrize("chunked", [False, True])
def test_a_response_of_weirs_own_reads_a_small_body_and_goes_on(make_site, chunked: bool) -> None:
    """Rule 8: local responses drain the body within bounds, so that the connection can carry the next request."""
    site = make_site(_by_target)
    body = b"x" * 100_000
    start = f"POST / HTTP/1.1\r\nHost: nobody.test\r\n"
    if chunked:
        data = start.encode() + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    else:
        data = start.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with site.connect() as client:
        assert client.ask(data).status == 404
        assert client.ask(site.get("/next")).body == b"/next"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_response_of_weirs_own_does_not_read_a_huge_body(make_site, chunked: bool) -> None:
    """Rule 8: beyond the bound the connection ends, and the response has been sent before."""
    site = make_site(_by_target)
    framing = b"Transfer-Encoding: chunked\r\n\r\n3b9aca00\r\n" if chunked else b"Content-Length: 1000000000\r\n\r\n"
    with site.connect() as client:
        client.send(b"POST / HTTP/1.1\r\nHost: nobody.test\r\n" + framing)
        assert client.read_response().status == 404
        sent = 0
        while sent < 50 * MIB and client.send(b"x" * MIB):
            sent += MIB
        assert sent < 50 * MIB, "the node goes on reading a body that nobody wants"


# -- back-pressure


def _growth_bound() -> int:
    """Bytes by which a node may grow for one exchange of any size: some buffers, not the body."""
    return (48 if is_sanitized() else 8) * MIB


@pytest.mark.parametrize("chunked", [False, True])
def test_a_slow_reader_holds_the_upstream_back(make_node, make_site, chunked: bool) -> None:
    """Rule 11: what the client does not take stays at the upstream; the node's memory does not grow with the body."""
    total, part = 192 * MIB, _bytes(MIB)
    sent = [0]

    def script(conn: Served) -> None:
        conn.read_request()
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" if chunked
                  else b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        for _ in range(total // len(part)):
            conn.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            sent[0] += len(part)
        conn.send(b"0\r\n\r\n" if chunked else b"")
        conn.wait_end()

    node = make_node()
    site = make_site(script, on=node, http={"min_rate": 0})
    before = node.resident_bytes()
    with site.connect() as client:
        client.send(site.get("/"))
        _wait_still(sent)
        assert sent[0] < total // 2, "the upstream could send although nobody reads"
        assert node.resident_bytes() - before < _growth_bound()
        response = client.read_response()
        assert len(response.body) == total
        expected, digest = hashlib.sha256(), hashlib.sha256(response.body).digest()
        for _ in range(total // len(part)):
            expected.update(part)
        assert digest == expected.digest()
        assert node.resident_bytes() - before < _growth_bound()


def _wait_still(counter: List[int]) -> None:
    """Until a counter has moved and then stands still for a while: the sender is blocked."""
    seen = {"value": -1, "times": 0}

    def still() -> bool:
        seen["times"] = seen["times"] + 1 if counter[0] == seen["value"] and counter[0] > 0 else 0
        seen["value"] = counter[0]
        return seen["times"] > 60

    until(still, "a sender comes to a halt")


def test_a_slow_upstream_holds_the_client_back(make_node, make_site) -> None:
    """Rule 11: the same for uploads."""
    total, part = 192 * MIB, _bytes(MIB, seed=3)
    go, digest, sent = threading.Event(), hashlib.sha256(), [0]

    def script(conn: Served) -> None:
        conn.upstream.keep_bytes = False
        request = conn.read_head()
        go.wait(PATIENCE)
        left = int(request.get("Content-Length") or 0)
        while left:
            data = conn.read_some()
            if not data:
                return
            digest.update(data)
            left -= len(data)
        conn.send(ok(b"stored"))

    node = make_node()
    site = make_site(script, on=node, http={"min_rate": 0})
    before = node.resident_bytes()

    def upload() -> None:
        for _ in range(total // len(part)):
            if not client.send(part):
                return
            sent[0] += len(part)

    with site.connect() as client:
        client.send(f"PUT / HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: {total}\r\n\r\n".encode())
        sender = threading.Thread(target=upload)
        sender.start()
        _wait_still(sent)
        assert sent[0] < total // 2, "the client could send although nobody reads"
        assert node.resident_bytes() - before < _growth_bound()
        go.set()
        assert client.read_response().body == b"stored"
        sender.join()
    expected = hashlib.sha256()
    for _ in range(total // len(part)):
        expected.update(part)
    assert digest.digest() == expected.digest()


def test_a_client_that_reads_no_responses_gets_no_more_requests_served(make_site) -> None:
    """Rule 11: a pipeline is served as fast as its responses are taken."""
    site = make_site(responding(ok(b"x" * 100_000)))
    with site.connect() as client:
        client.socket.settimeout(0.5)
        try:
            client.socket.sendall(site.get("/") * 100_000)
        except (TimeoutError, ConnectionResetError, BrokenPipeError):
            pass
        counter = [0]

        def served() -> bool:
            counter[0] = len(site.upstream.requests)
            return True

        stopped = {"at": -1, "times": 0}

        def still() -> bool:
            served()
            stopped["times"] = stopped["times"] + 1 if counter[0] == stopped["at"] else 0
            stopped["at"] = counter[0]
            return counter[0] > 0 and stopped["times"] > 60

        until(still, "no further request of the pipeline is served")
        assert counter[0] < 1000


def test_a_reset_is_noticed_whatever_waits(make_site) -> None:
    """Rule 11: a client that is gone is gone, also when its input and its output are full; nothing spins or lingers."""
    site = make_site(responding(ok(b"x" * 1_000_000)), http={"min_rate": 0})
    open_before = site.node.admin.metrics()["weir_connections_open"]
    with site.connect() as client:
        client.socket.settimeout(0.2)
        try:
            client.socket.sendall(site.get("/") * 50_000)
        except TimeoutError:
            pass
        until(lambda: site.upstream.requests, "requests at the upstream")
        site.barrier()
        client.reset()
    until(lambda: site.node.admin.metrics()["weir_connections_open"] <= open_before, "the connection is gone", 10)


# -- fields


def test_tenants_fields_are_added_and_removed(make_site) -> None:
    """headers: add and remove, in both directions, whatever the case of the name."""
    site = make_site(responding(ok(b"hi", "Server: nginx", "x-Powered-By: php", "Keep: 1")),
                     headers={"add_request": {"X-Edge": "weir"}, "remove_request": ["cookie", "X-Drop"],
                              "add_response": {"Strict-Transport-Security": "max-age=1"},
                              "remove_response": ["server", "X-Powered-By"]})
    response = site.fetch("/", "COOKIE: a=b", "x-drop: 1", "X-Stay: 2")
    request, = site.upstream.requests
    assert (request.get("X-Edge"), request.get("Cookie"), request.get("X-Drop"), request.get("X-Stay")) == (
        b"weir", None, None, b"2")
    assert (response.get("Server"), response.get("X-Powered-By"), response.get("Keep")) == (None, None, b"1")
    assert response.get("Strict-Transport-Security") == b"max-age=1"


def test_request_ids_tie_request_response_and_record_together(make_site) -> None:
    """Headers: each request gets an id of its own; weir's responses carry it; the record has it."""
    site = make_site()
    with site.connect() as client:
        client.ask(site.get("/1"))
        client.ask(site.get("/2"))
        refused = client.ask(site.get("/").replace(site.host.encode(), b"nobody.test"))
    ids = [request.get("X-Request-ID") for request in site.upstream.requests]
    assert len(set(ids)) == 2 and all(ids)
    assert site.node.wait_record(path="/1", tenant=site.name)["request_id"].encode() == ids[0]
    own = refused.get("X-Request-ID")
    assert own and site.node.wait_record(request_id=own.decode())["outcome"] == "unknown_host"


def test_via_and_date_of_responses(make_site) -> None:
    """RFC 9110 7.6.3, 6.6.1: Via is appended; a missing Date is set, an existing one stays."""
    site = make_site(responding(b"HTTP/1.1 200 OK\r\nVia: 1.0 inner\r\nContent-Length: 0\r\n\r\n"))
    response = site.fetch("/")
    assert response.all("Via") == [b"1.0 inner", b"1.1 weir"]
    assert response.get("Date")


def test_trusted_proxies_are_believed(make_node, make_site) -> None:
    """trusted_proxies: the client is the last address that no trusted proxy vouches for."""
    node = make_node(config={"trusted_proxies": ["127.0.0.0/8", "10.0.0.0/8"]})
    site = make_site(on=node)
    sent = ("X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.0.0.2", "X-Forwarded-Proto: https", "X-Forwarded-Host: outer.test",
            "X-Request-ID: abcdefgh-0123456789")
    site.fetch("/", *sent)
    request, = site.upstream.requests
    assert request.get("X-Forwarded-For") == b"6.6.6.6, 203.0.113.7, 10.0.0.2, 127.0.0.1"
    assert request.get("X-Real-IP") == b"203.0.113.7"
    assert request.get("X-Forwarded-Proto") == b"https"
    assert request.get("X-Forwarded-Host") == b"outer.test"
    assert request.get("X-Request-ID") == b"abcdefgh-0123456789"
    assert node.wait_record(tenant=site.name, path="/")["client"] == "203.0.113.7"


@pytest.mark.parametrize("bad", ["short", "a b c d e f g h i j k l", "x" * 200, "semi;colon;semi;colon"])
def test_a_request_id_that_is_not_well_formed_is_replaced(make_node, make_site, bad: str) -> None:
    """Headers: preserved if well-formed, else made."""
    node = make_node(config={"trusted_proxies": ["127.0.0.1/32"]})
    site = make_site(on=node)
    site.fetch("/", f"X-Request-ID: {bad}")
    request, = site.upstream.requests
    assert request.get("X-Request-ID") not in (None, bad.encode())


def test_what_the_upstream_sees_of_a_browser(make_site) -> None:
    """The documented fields, byte for byte, on the request of an ordinary browser."""
    site = make_site()
    fields = ("User-Agent: Mozilla/5.0 (X11; Linux x86_64)", "Accept: text/html,*/*;q=0.8", "Accept-Language: en,de;q=0.5",
              "Cookie: session=0123456789abcdef; theme=dark", "Sec-Fetch-Mode: navigate")
    assert site.fetch("/shop?q=caf%C3%A9&n=1", *fields, "Connection: keep-alive").status == 200
    assert normalised(site.upstream.received()) == site.forwarded("/shop?q=caf%C3%A9&n=1", *fields)


# -- responses of weir's own


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_unknown_host_is_404_with_a_page(node: Node, method: str) -> None:
    """Unknown host 404 with a clear page."""
    with node.connect() as client:
        response = client.ask(f"{method} / HTTP/1.1\r\nHost: nobody.test\r\n\r\n".encode())
        assert response.status == 404
        assert (response.get("Content-Type") or b"").startswith(b"text/html")
        assert int(response.get("Content-Length") or 0) > 100
        assert (b"No site is configured here" in response.body) == (method == "GET")
        assert client.ask(b"GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n").status == 404, "the connection goes on"


def test_weirs_responses_to_http10(node: Node) -> None:
    """RFC 9112 9.3: weir's own responses keep to the client's version as well."""
    with node.connect() as client:
        response = client.ask(b"GET / HTTP/1.0\r\n\r\n")
        assert (response.status, response.get("Connection")) == (404, b"close")
        client.expect_end()
    with node.connect() as client:
        request = b"GET / HTTP/1.0\r\nHost: nobody.test\r\nConnection: keep-alive\r\n\r\n"
        assert client.ask(request).get("Connection") == b"keep-alive"
        assert client.ask(request).status == 404


def test_a_page_never_repeats_what_a_client_sent(node: Node) -> None:
    """No reflection: nothing of the request stands in weir's own pages."""
    with node.connect() as client:
        response = client.ask(b"GET /reflect-me HTTP/1.1\r\nHost: reflect-me.test\r\nX: reflect-me\r\n\r\n")
    assert b"reflect-me" not in response.body + response.head


# -- ordinary clients


def _curl(site: Site, *args: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    host, port = site.node.address
    resolve = f"{site.host}:{port}:{host}"
    return subprocess.run(["curl", "-sS", "--max-time", "60", "--resolve", resolve, *args], input=stdin,
                          capture_output=True, check=False)


def _url(site: Site, path: str) -> str:
    return f"http://{site.host}:{site.node.address[1]}{path}"


def test_curl_gets_and_puts(make_site, nginx: Nginx, folder: Path) -> None:
    """The whole way with an ordinary client and an ordinary server: up with Expect, down, and compared."""
    site = make_site(endpoints=[nginx.address])
    body = _bytes(3 * MIB, seed=5)
    (folder / "up").write_bytes(body)
    up = _curl(site, "-T", str(folder / "up"), "-H", "Expect: 100-continue", "-o", os.devnull, "-w", "%{http_code}",
               _url(site, "/store/curl"))
    assert up.stdout in (b"201", b"204"), up.stderr
    down = _curl(site, "--fail", _url(site, "/store/curl"))
    assert down.returncode == 0 and down.stdout == body
    chunked = _curl(site, "-T", "-", "-o", os.devnull, "-w", "%{http_code}", _url(site, "/store/chunked"), stdin=body)
    assert chunked.stdout in (b"201", b"204")
    assert (nginx.www / "store" / "chunked").read_bytes() == body


def test_curl_sees_a_cut(make_site) -> None:
    """Rule 7 as an ordinary client sees it: exit 18, a partial file."""

    def script(conn: Served) -> None:
        conn.read_request()
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")

    site = make_site(script)
    done = _curl(site, _url(site, "/"))
    assert done.returncode in (18, 56), done.returncode


def test_curl_over_one_connection(make_site) -> None:
    """RFC 9112 9.3 with an ordinary client: five requests, one connection."""
    site = make_site(_by_target)
    done = _curl(site, "-w", " %{num_connects};", *(_url(site, f"/{n}") for n in range(5)))
    assert done.stdout == b"/0 1;/1 0;/2 0;/3 0;/4 0;"


# -- tries


def test_a_parked_connection_that_died_is_replaced(make_site) -> None:
    """RFC 9112 9.3.1, rule 9: a GET over a connection that its server closed meanwhile is sent again, once."""

    def script(conn: Served) -> None:
        conn.send(ok(b"own " + conn.read_request().target.encode()))
        conn.read_request()  # swallowed: the server closes while the request is under way

    site = make_site(script)
    with site.connect() as client:
        for number in range(4):
            response = client.ask(site.get(f"/{number}"))
            assert (response.status, response.body) == (200, b"own /%d" % number)
        assert client.ask(site.get("/post", method="POST", body=b"x")).status == 502
    record = site.node.wait_record(tenant=site.name, path="/1")
    assert record["outcome"] == "retried_ok"
    assert [request.target for request in site.upstream.requests].count("/post") == 1


def test_a_parked_connection_that_its_server_closed_is_not_used(make_site) -> None:
    """Rule 6: the end of an idle connection is seen when it comes, so that even POST is safe afterwards."""

    def one(conn: Served) -> None:
        conn.send(ok(conn.read_request().target.encode()))

    site = make_site(one)
    for number in range(20):
        response = site.fetch(f"/{number}", method="POST", body=b"x")
        assert (response.status, response.body) == (200, b"/%d" % number)
        site.upstream.wait_ended(site.upstream.connections[-1])
        site.barrier()


def test_a_cut_response_is_not_retried(make_site) -> None:
    """Rule 9: once a byte of a response came the request may have been acted on."""

    def script(conn: Served) -> None:
        conn.read_request()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")

    site = make_site(script)
    with site.connect() as client:
        client.send(site.get("/"))
        with pytest.raises(Truncated):
            client.read_response()
    assert len(site.upstream.requests) == 1
    assert site.node.wait_record(tenant=site.name, path="/")["outcome"] == "upstream_cut"


def test_access_records_show_how_each_exchange_went(make_site) -> None:
    """One JSON object per exchange, with timing split, bytes, outcome, upstream, request id."""
    site = make_site(_echo)
    response: Response = site.fetch("/rec?a=b", "User-Agent: live", "Referer: http://a/", method="POST", body=b"x" * 1000)
    assert response.status == 200
    record = site.node.wait_record(tenant=site.name, method="POST")
    expected = {"path": "/rec?a=b", "status": 200, "outcome": "ok", "request_bytes": 1000, "response_bytes": 1000,
                "upstream": "web", "endpoint": site.upstream.address, "user_agent": "live", "referer": "http://a/",
                "client": "127.0.0.1", "protocol": "HTTP/1.1", "scheme": "http", "host": site.host,
                "local": split_url(site.node.address)}
    assert {key: record.get(key) for key in expected} == expected
    assert record["total_us"] >= record["first_byte_us"] > 0
    assert len(record["request_id"]) == 32
