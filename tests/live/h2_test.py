# SPDX-License-Identifier: Apache-2.0
"""h2_test.py - HTTP/2 over TLS, with clients that others wrote: python3-h2, curl, nghttp; and what each of them gets."""

import socket
import ssl
import struct
import subprocess
import threading
import time
from typing import Iterator, List, Tuple

import h2.connection
import h2.events
import pytest

from h2_sites import H2Site, h2_node, make_h2_site
from support import h2 as wire
from support.message import Request
from support.node import Node
from support.upstream import Served, ok, responding
from support.wait import until

__all__ = ["h2_node", "make_h2_site"]


def _echo(conn: Served, request: Request) -> None:
    conn.send(ok(request.body, "Content-Type: text/plain"))


@pytest.fixture
def site(make_h2_site) -> H2Site:
    return make_h2_site(responding(ok(b"served", "Content-Type: text/plain")))


def test_h2_is_spoken_where_the_tenant_offers_it(make_h2_site) -> None:
    """Issue 11, 3: HTTP/2 only where the tenant turns it on; others get HTTP/1.1 by the same handshake."""
    for offered in (True, False):
        site = make_h2_site(responding(ok(b"served")), http2=offered)
        context = ssl.create_default_context(cafile=str(site.authority))
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(site.address) as raw, \
                context.wrap_socket(raw, server_hostname=site.host) as client:
            assert client.selected_alpn_protocol() == ("h2" if offered else "http/1.1")


def test_h2_record_and_fields_of_a_request(site: H2Site) -> None:
    """The upstream sees HTTP/1.1, https and Via 2.0; the access record names HTTP/2.0."""
    with site.h2() as client:
        outcome = client.fetch(site.fields("/a?b"))
    assert (outcome.status, outcome.body, outcome.ended) == (200, b"served", True)
    request = site.upstream.requests[-1]
    assert (request.method, request.target) == ("GET", "/a?b")
    assert request.get("X-Forwarded-Proto") == b"https"
    assert request.get("Via") == b"2.0 weir"
    record = site.node.wait_record(host=site.host, path="/a?b")
    assert (record["protocol"], record["status"], record["scheme"]) == ("HTTP/2.0", 200, "https")


def test_h2_bodies_both_ways(make_h2_site) -> None:
    """Bodies of any size pass unchanged, with a length and without, beyond all windows."""
    site = make_h2_site(responding(_echo))
    for size in (0, 1, 16384, 65535, 1000000):
        body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        done = subprocess.run(["curl", "-sS", "--http2", "--cacert", str(site.authority), "--resolve",
                               f"{site.host}:{site.port}:127.0.0.1", "--data-binary", "@-", "-w", "%{http_version}",
                               f"https://{site.host}:{site.port}/"], input=body, capture_output=True, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout == body + b"2"


def test_h2_of_python_h2(site: H2Site) -> None:
    """Many requests at once by a client of another author."""
    context = ssl.create_default_context(cafile=str(site.authority))
    context.set_alpn_protocols(["h2"])
    ended: List[int] = []
    with socket.create_connection(site.address) as raw, \
            context.wrap_socket(raw, server_hostname=site.host) as sock:
        conn = h2.connection.H2Connection()
        conn.initiate_connection()
        for stream in range(1, 101, 2):
            conn.send_headers(stream, [(name.decode(), value.decode()) for name, value in site.fields("/")], True)
        sock.sendall(conn.data_to_send())
        while len(ended) < 50:
            data = sock.recv(65536)
            assert data
            for event in conn.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    ended.append(event.stream_id)
                assert not isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated))
            sock.sendall(conn.data_to_send())
    assert sorted(ended) == list(range(1, 101, 2))


def test_h2_of_nghttp(site: H2Site) -> None:
    """nghttp, with its dependencies of RFC 7540 and its weights."""
    done = subprocess.run(["nghttp", "-n", "-v", "-m", "5", "-H", f":authority: {site.host}",
                           f"https://127.0.0.1:{site.port}/"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(":status: 200") + done.stdout.count(":status: 421") == 5, done.stdout


def test_h2_head_and_interim_responses(make_h2_site) -> None:
    """RFC 9110 9.3.2, 15.2: a HEAD has no body; 103 passes before the response."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    site = make_h2_site(responding(lambda conn, request: conn.send(
        ok(b"", "X-One: 1") if request.method == "HEAD" else hints + ok(b"served"))))
    with site.h2() as client:
        outcome = client.fetch(site.fields("/", "HEAD"))
        assert (outcome.status, outcome.body, outcome.get("x-one")) == (200, b"", "1")
        outcome = client.fetch(site.fields("/"))
        assert (outcome.interim, outcome.status, outcome.body) == ([103], 200, b"served")


@pytest.mark.parametrize("cut", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                                 b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
def test_h2_a_cut_response_is_a_reset(make_h2_site, cut: bytes) -> None:
    """Rule 7, HAProxy 2.6.12: what the upstream cut is never shown as whole."""
    def serve(conn: Served) -> None:
        conn.read_request()
        conn.send(cut)

    site = make_h2_site(serve)
    with site.h2() as client:
        outcome = client.fetch(site.fields("/"))
        assert (outcome.body, outcome.ended, outcome.reset) == (b"abc", False, wire.INTERNAL_ERROR)


def test_bytes_behind_the_end_of_a_drained_connection_end_nothing(make_h2_site) -> None:
    """A client may go on to send after the last GOAWAY: the node ends in order, by itself."""
    site = make_h2_site(responding(ok(b"x")), own_node=True)
    with site.h2() as client:
        assert client.fetch(site.fields("/")).body == b"x"
        site.node.signal(15)
        client.read_to_end()
        while client.try_send(wire.frame(wire.PING, 0, 0, b"12345678")):
            pass
    assert site.node.wait() == 0


@pytest.mark.parametrize("ends", ["goaway", "drain"])
def test_a_client_that_takes_its_time_gets_all_behind_the_end(make_h2_site, ends: str) -> None:
    """Whoever ends the connection, what was sent before stays to be read, also longer than a socket lingers."""
    large = b"z" * 3_000_000
    site = make_h2_site(responding(ok(large)), own_node=True)
    client = site.h2(window=(1 << 31) - 1)
    stream = client.ask(site.fields("/"))
    until(lambda: site.upstream.requests, "the upstream has the request")
    if ends == "goaway":
        client.send(wire.frame(wire.GOAWAY, 0, 0, b"\0" * 8))
    else:
        site.node.signal(15)
    time.sleep(2.5)  # longer than an ended socket waits for bytes that it drops
    assert client.read_response(stream).body == large
    client.close()


def test_h2_drains_in_order(make_h2_site) -> None:
    """RFC 9113 6.8: a notice first, then the last GOAWAY; the request that runs is served to its end."""
    go = threading.Event()

    def serve(conn: Served) -> None:
        conn.read_request()
        go.wait(30)
        conn.send(ok(b"late"))

    site = make_h2_site(serve, own_node=True)
    with site.h2() as client:
        stream = client.ask(site.fields("/"))
        until(lambda: site.upstream.requests, "the upstream has the request")
        site.node.signal(15)
        while client.goaway is None:
            client.read_frame()
        assert client.goaway == (0x7FFFFFFF, wire.NO_ERROR)
        while client.goaway[0] == 0x7FFFFFFF:
            client.read_frame()
        assert client.goaway == (stream, wire.NO_ERROR)
        go.set()
        assert client.read_response(stream).body == b"late"
        client.read_to_end()
    assert site.node.wait() == 0


def test_a_page_that_is_left_does_not_end_the_next_one(make_h2_site) -> None:
    """A browser resets the requests of a page and asks for the next: what is refused of it meanwhile ends nothing."""
    site = make_h2_site(responding(ok(b"x" * 10)))
    with site.h2() as client:
        left = [client.ask(site.fields("/")) for _ in range(60)]
        client.send(b"".join(wire.frame(wire.RST_STREAM, 0, stream, struct.pack(">I", 8)) for stream in left))
        page = [client.ask(site.fields("/")) for _ in range(100)]
        over = lambda stream: client.outcomes[stream].ended or client.outcomes[stream].reset is not None
        while not all(map(over, page)):
            client.read_frame()
        refused = [stream for stream in page if client.outcomes[stream].reset is not None]
        assert {client.outcomes[stream].reset for stream in refused} <= {wire.REFUSED_STREAM}
        assert len(refused) < len(page) and client.goaway is None
        for _ in refused:
            while client.fetch(site.fields("/")).body != b"x" * 10:
                assert client.goaway is None


def test_h2_one_slow_stream_does_not_hold_others(make_h2_site) -> None:
    """One stream whose window is shut; the others are served meanwhile, and it too, once it opens."""
    large = b"l" * 300000
    site = make_h2_site(responding(lambda conn, request: conn.send(ok(large if request.target == "/l" else b"small"))))
    with site.h2(window=1000) as client:
        slow = client.ask(site.fields("/l"))
        while len(client.outcomes[slow].body) < 1000:
            client.read_frame()
        for _ in range(20):
            assert client.fetch(site.fields("/s")).body == b"small"
        assert len(client.outcomes[slow].body) == 1000
        client.send(wire.frame(wire.WINDOW_UPDATE, 0, slow, struct.pack(">I", 1 << 20)))
        assert client.read_response(slow).body == large


def _streams(client: wire.H2Client, site: H2Site, number: int) -> Iterator[Tuple[int, wire.Outcome]]:
    for stream in [client.ask(site.fields("/")) for _ in range(number)]:
        yield stream, client.read_response(stream)


def test_h2_a_hundred_streams_at_once(site: H2Site) -> None:
    """SETTINGS_MAX_CONCURRENT_STREAMS is announced, and so many are served at once."""
    with site.h2() as client:
        assert client.fetch(site.fields("/")).status == 200
        assert client.settings[3] == 100
        assert client.settings[9] == 1, "RFC 9218 2.1: priorities of RFC 7540 are not used"
        for _, outcome in _streams(client, site, 100):
            assert (outcome.status, outcome.body) == (200, b"served")


def test_h2_host_of_another_tenant_is_421(make_h2_site, h2_node: Node) -> None:
    """RFC 9110 15.5.20: the request's host must belong to the tenant of the handshake."""
    one, other = make_h2_site(responding(ok(b"one"))), make_h2_site(responding(ok(b"other")))
    with one.h2() as client:
        assert client.fetch(one.fields("/")).body == b"one"
        assert client.fetch(other.fields("/")).status == 421
        assert client.fetch(one.fields("/")).body == b"one", "the connection goes on"
    assert not other.upstream.requests
    assert h2_node is one.node
