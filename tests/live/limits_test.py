# SPDX-License-Identifier: Apache-2.0
"""limits_test.py - every bound of the data path that a tenant or node sets: at it, one beyond, and what ends there.

Time limits are set small, and a test waits for what they cause. None asserts how long that took.
"""

import resource
import socket
import threading
from typing import Iterator, List

import pytest

from support.client import Client, End, StillOpen, get
from support.message import Truncated
from support.site import Site
from support.upstream import Served, normalised, ok, pause, responding
from support.wait import PATIENCE, Deadline, until


def _by_target(conn: Served) -> None:
    while True:
        conn.send(ok(conn.read_request().target.encode()))


def _post(site: Site, length: int, *lines: str) -> bytes:
    return "\r\n".join((f"POST / HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: {length}", *lines, "\r\n")).encode()


# -- sizes


def test_max_body_by_length(make_site) -> None:
    """RFC 9110 15.5.14: a declared length over max_body is 413 before a byte of it; one at it passes."""
    site = make_site(http={"max_body": "1000B"})
    with site.connect() as client:
        assert client.ask(_post(site, 1000) + b"x" * 1000).status == 200
        assert client.ask(_post(site, 1001) + b"x" * 1001).status == 413
        assert client.ask(site.get("/next")).status == 200
    assert [len(request.body) for request in site.upstream.requests] == [1000, 0]


def test_max_body_by_chunks(make_site) -> None:
    """Rule 11: without a declared length the limit holds while the body streams; the upstream never gets a whole one."""
    site = make_site(http={"max_body": "1000B"})
    start = site.get("/", "Transfer-Encoding: chunked", method="POST")
    with site.connect() as client:
        assert client.ask(start + b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n").status == 200
    with site.connect() as client:
        client.send(start + b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        client.send(b"1\r\nx\r\n0\r\n\r\n" + site.get("/smuggled"))
        response = client.read_response()
        assert (response.status, response.get("Connection")) == (413, b"close")
        client.expect_end()
    assert len(site.upstream.requests) == 1
    for conn in site.upstream.connections:
        site.upstream.wait_ended(conn)


@pytest.mark.parametrize("limit", ["1KiB", "32KiB", "63KiB"])
def test_max_header(make_site, limit: str) -> None:
    """RFC 6585 5: a head of max_header bytes passes, one byte more is 431."""
    size = int(limit[:-3]) * 1024
    site = make_site(http={"max_header": limit})
    empty = len(site.get("/", "X: "))
    with site.connect() as client:
        assert client.ask(site.get("/", "X: " + "y" * (size - empty))).status == 200
        assert client.ask(site.get("/", "X: " + "y" * (size - empty + 1))).status == 431
    assert len(site.upstream.requests) == 1


def test_pool_max(make_site) -> None:
    """pool.max: no more connections than that to an endpoint; further requests wait for their turn."""
    go, most, now, lock = threading.Event(), [0], [0], threading.Lock()

    def script(conn: Served) -> None:
        while True:
            request = conn.read_request()
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            assert go.wait(PATIENCE)
            with lock:
                now[0] -= 1
            conn.send(ok(request.target.encode()))

    site = make_site(script, upstream={"pool": {"min_idle": 0, "max_idle": 2, "max": 2}, "connect_timeout": "1m"})
    clients = [site.connect() for _ in range(12)]
    for number, client in enumerate(clients):
        client.send(site.get(f"/{number}"))
    site.upstream.wait_requests(2)
    site.barrier()
    assert len(site.upstream.requests) == 2
    go.set()
    for number, client in enumerate(clients):
        assert client.read_response().body == b"/%d" % number
        client.close()
    assert most[0] == 2
    assert site.upstream.accepted == 2


def test_pool_queue(make_site) -> None:
    """Rule 11: the queue for an endpoint's connections is bounded; beyond it a request gets 503 at once."""
    waiting = 1024  # WEIR_POOL_WAIT_MAX
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4 * waiting:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8 * waiting), hard))
    go = threading.Event()

    def script(conn: Served) -> None:
        while True:
            conn.read_request()
            go.wait(PATIENCE)
            conn.send(ok(b"served"))

    site = make_site(script, upstream={"pool": {"min_idle": 0, "max_idle": 1, "max": 1}, "connect_timeout": "1m"})
    clients = [site.connect() for _ in range(1 + waiting)]
    clients[0].send(site.get("/"))
    site.upstream.wait_requests(1)
    for client in clients[1:]:
        client.send(site.get("/"))
    site.barrier()
    with site.connect() as late:
        assert late.ask(site.get("/late")).status == 503
    go.set()
    statuses = [client.read_response().status for client in clients]
    for client in clients:
        client.close()
    assert statuses == [200] * (1 + waiting)


# -- time: the client


def test_head_timeout(make_site) -> None:
    """Rule 10, RFC 9110 15.5.9: a head has an absolute time from its first byte to its end."""
    site = make_site(http={"head_timeout": "300ms"})
    with site.connect() as client:
        client.send(site.get("/")[:-2])
        response = client.read_response()
        assert (response.status, response.get("Connection")) == (408, b"close")
        client.expect_end()
    assert site.upstream.requests == []
    assert site.node.wait_record(status=408, host=site.host)["outcome"] == "timed_out_head"


def test_head_timeout_is_not_moved_by_bytes(make_site) -> None:
    """Rule 10, slowloris: a byte now and then does not buy time."""
    site = make_site(http={"head_timeout": "500ms"})
    with site.connect() as client:
        client.send(site.get("/")[:-2])
        for number in range(2000):
            if not client.send(b"X-%d: y\r\n" % number):
                break
            pause(0.02)
            if not client.is_silent():
                break
        else:
            raise AssertionError("a head that never ends is read for ever")
        assert client.read_response().status == 408
        client.expect_end()


def test_head_timeout_of_a_second_request(make_site) -> None:
    """The time of a head begins anew with each request."""
    site = make_site(http={"head_timeout": "400ms"})
    with site.connect() as client:
        for _ in range(4):
            assert client.ask(site.get("/")).status == 200
            pause(0.15)
        client.send(site.get("/")[:-2])
        assert client.read_response().status == 408


def test_connections_that_send_nothing_or_nothing_useful(make_site) -> None:
    """Rule 10: before a host is known the default of 10 s holds, for the first byte as well."""
    site = make_site()
    with site.connect() as mute, site.connect() as slow:
        slow.send(b"GET / HT")
        assert slow.read_response().status == 408
        slow.expect_end()
        rest = mute.read_to_end()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 408 ")


def test_idle_timeout(make_site) -> None:
    """Rule 10: a connection that waits for its next request ends, without a word."""
    site = make_site(http={"idle_timeout": "300ms"})
    with site.connect() as client:
        assert client.ask(site.get("/")).status == 200
        assert client.expect_end() is End.CLEAN


@pytest.mark.parametrize("chunked", [False, True])
def test_body_timeout(make_site, chunked: bool) -> None:
    """Rule 10: a body that stands still ends its request; the upstream's part of it is not taken for whole."""
    site = make_site(http={"body_timeout": "300ms"})
    with site.connect() as client:
        if chunked:
            client.send(site.get("/", "Transfer-Encoding: chunked", method="POST") + b"a\r\nhello")
        else:
            client.send(_post(site, 10) + b"hello")
        response = client.read_response()
        assert (response.status, response.get("Connection")) == (408, b"close")
        client.expect_end()
    site.upstream.wait_ended(site.upstream.connections[0])
    assert site.upstream.requests == []
    assert site.node.wait_record(tenant=site.name, status=408)["outcome"] == "timed_out_body"


def test_body_timeout_of_a_reader(make_site) -> None:
    """Rule 10: a client that stops to take its response is given up."""
    site = make_site(responding(ok(b"x" * 30_000_000)), http={"body_timeout": "300ms"})
    with site.connect() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(site.get("/"))
        record = site.node.wait_record(tenant=site.name, path="/")
        assert record["outcome"] == "slow_client"
        with pytest.raises(Truncated):
            client.read_response()


def _trickle(client: Client, piece: bytes, every: float) -> Iterator[bool]:
    """Send pieces for ever; yields whether the connection still takes them in silence."""
    while True:
        yield client.send(piece) and client.is_silent()
        pause(every)


def test_min_rate_of_uploads(make_site) -> None:
    """Rule 10, slow POST: below min_rate over 10 s an upload ends; above it, however slow, it goes on."""
    site = make_site(http={"min_rate": "1000B/s"})
    with site.connect(90) as slow, site.connect(90) as steady:
        slow.send(_post(site, 10_000_000))
        steady.send(_post(site, 10_000_000))
        for slow_goes, steady_goes in zip(_trickle(slow, b"x" * 10, 0.1), _trickle(steady, b"x" * 400, 0)):
            assert steady_goes, "an upload above the minimum was ended"
            if not slow_goes:
                break
        assert slow.read_response().status == 408
        slow.expect_end()


def _read_slowly(client: Client, piece: int, total: int) -> int:
    """Read a piece ten times a second, up to a total or the end; the bytes that came."""
    got = 0
    while got < total:
        try:
            data = client.socket.recv(piece)
        except ConnectionResetError:
            return got
        if not data:
            return got
        got += len(data)
        pause(0.1)
    return got


def test_min_rate_of_downloads(make_site) -> None:
    """Rule 10, slow read: below min_rate over 10 s a download ends, before body_timeout would end it."""
    site = make_site(responding(ok(b"x" * 30_000_000)), http={"min_rate": "100000B/s", "body_timeout": "1h"})
    with site.connect(300) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.send(site.get("/"))
        deadline = Deadline(60)
        while not site.node.access_records(tenant=site.name, path="/"):
            assert not deadline.over(), "a reader of 5 KB/s is served for ever"
            _read_slowly(client, 500, 1000)
    assert site.node.access_records(tenant=site.name, path="/")[0]["outcome"] == "slow_client"


def test_a_slow_reader_that_moves_is_not_cut(make_site) -> None:
    """Rule 10: body_timeout is the time without a byte taken; a reader of 50 KB/s takes some in every second."""
    site = make_site(responding(ok(b"x" * 8_000_000)), http={"min_rate": "500B/s", "body_timeout": "1s"})
    with site.connect(120) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.send(site.get("/"))
        assert _read_slowly(client, 5_000, 300_000) >= 300_000
    assert site.node.wait_record(tenant=site.name, path="/")["outcome"] == "client_gone"


def test_min_rate_0_lets_everything_take_its_time(make_site) -> None:
    """min_rate 0 is no minimum; only standing still ends a body."""
    site = make_site(http={"min_rate": 0, "body_timeout": "2s"})
    with site.connect() as client:
        client.send(_post(site, 30))
        for _ in range(30):
            client.send(b"x")
            pause(0.1)
        assert client.read_response().status == 200


# -- time: the upstream


class BlackHole:
    """An address that takes no more connections and refuses none: its backlog is full."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._fill: List[socket.socket] = []
        until(self._is_full, "the backlog is full")

    def _is_full(self) -> bool:
        one = socket.socket()
        self._fill.append(one)
        one.settimeout(0.2)
        try:
            one.connect(self._listener.getsockname())
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        for one in [*self._fill, self._listener]:
            one.close()


@pytest.fixture
def black_hole() -> Iterator[BlackHole]:
    hole = BlackHole()
    yield hole
    hole.close()


def test_connect_timeout(make_site, black_hole: BlackHole) -> None:
    """RFC 9110 15.6.5: an endpoint that takes no connection in time is 504 when there is no other."""
    site = make_site(endpoints=[black_hole.address], upstream={"connect_timeout": "200ms"})
    assert site.fetch("/").status == 504
    assert site.node.wait_record(tenant=site.name, path="/")["outcome"] == "upstream_timeout"


def test_connect_timeout_goes_on_to_the_next_endpoint(make_site, make_upstream, black_hole: BlackHole) -> None:
    """Rule 9: before anything was sent another endpoint may serve any method, and the slow one is out for a while."""
    good = make_upstream(_by_target)
    site = make_site(endpoints=[black_hole.address, good.address], upstream={"connect_timeout": "500ms"})
    for number in range(4):
        response = site.fetch(f"/{number}", method="POST", body=b"x")
        assert (response.status, response.body) == (200, b"/%d" % number)
    tries = [site.node.wait_record(tenant=site.name, path=f"/{number}")["tries"] for number in range(4)]
    assert sorted(tries) == [1, 1, 1, 2]


def test_response_timeout_is_not_an_idle_time(make_site) -> None:
    """response_timeout: to the first byte of the response; the body has limits of its own."""

    def script(conn: Served) -> None:
        request = conn.read_request()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
        for _ in range(20):
            conn.send(b"x")
            pause(0.05)
        assert request.target == "/"

    site = make_site(script, upstream={"response_timeout": "300ms"}, http={"min_rate": 0})
    assert site.fetch("/").body == b"x" * 20


def test_pool_idle_timeout(make_site) -> None:
    """pool.idle_timeout: a parked connection is closed after it."""
    site = make_site(upstream={"pool": {"min_idle": 0, "idle_timeout": "1s"}})
    assert site.fetch("/").status == 200
    site.upstream.wait_ended(site.upstream.connections[0])


def test_limits_do_not_end_what_goes_well(make_site) -> None:
    """A long exchange that moves is not cut: a response longer than every time limit but the rate passes."""

    def script(conn: Served) -> None:
        conn.read_request()
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(12):
            conn.send(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
            pause(0.1)
        conn.send(b"0\r\n\r\n")

    site = make_site(script, http={"head_timeout": "300ms", "body_timeout": "600ms", "idle_timeout": "300ms"},
                     upstream={"response_timeout": "300ms", "connect_timeout": "300ms"})
    assert len(site.fetch("/").body) == 12_000


def test_a_node_full_of_idle_connections_serves(make_site) -> None:
    """Rule 11: idle connections use no buffers and do not disturb others."""
    site = make_site(_by_target)
    idle = [site.connect() for _ in range(500)]
    for client in idle[::10]:
        client.send(b"GET /partial HTTP/1.1\r\nHost: ")
    assert site.fetch("/among-them").body == b"/among-them"
    for client in idle[1::10]:
        assert client.ask(get(site.host, "/idle")).body == b"/idle"
    for client in idle:
        client.close()
    assert normalised(site.upstream.received()).count(b"/partial") == 0


def test_still_open_is_distinguished(make_site) -> None:
    """The helper of these tests: a connection that is merely silent is neither ended nor sent anything."""
    site = make_site()
    with site.connect(0.3) as client:
        with pytest.raises(StillOpen):
            client.read_to_end()
