# SPDX-License-Identifier: Apache-2.0
"""h2_hostile_test.py - what HTTP/2 clients may not do: requests that become others over HTTP/1.1, and floods of frames."""

import math
import struct
import threading
import time
from typing import Callable, Iterator, List, Tuple

import pytest

from h2_hostile_cases import GOAWAY, HOSTILE, RESET, Hostile
from h2_sites import H2Site, h2_node, make_h2_site
from support import h2 as wire
from support.message import Request
from support.node import is_sanitized
from support.upstream import Served, normalised, ok, responding
from support.wait import until

__all__ = ["h2_node", "make_h2_site"]

STREAMS_MAX = 100
FORGIVEN_PER_SECOND = 2  # of the resets that count as streams
MEMORY_MAX = 16 << 20


@pytest.fixture(scope="module")
def site(make_h2_site) -> H2Site:
    return make_h2_site(responding(ok(b"served")))


@pytest.fixture(autouse=True)
def _forget(site: H2Site) -> None:
    site.upstream.forget()


def _for(site: H2Site, fields: wire.Fields) -> List[Tuple[bytes, bytes]]:
    host = site.host.encode()
    return [(name.replace(b"<host>", host), value.replace(b"<host>", host)) for name, value in fields]


def _send(client: wire.H2Client, site: H2Site, case: Hostile) -> int:
    body = None if case.body is None else case.body.replace(b"<host>", site.host.encode())
    if not case.trailers:
        return client.ask(_for(site, case.fields), body)
    stream = client.ask(_for(site, case.fields), body, end=False)
    client.send(client.head(stream, case.trailers))
    return stream


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.name)
def test_h2_hostile_request_is_refused_and_never_forwarded(site: H2Site, case: Hostile) -> None:
    """Rule 5: the same validator stands behind HTTP/2; nothing is serialised that it has not passed."""
    with site.h2() as client:
        stream = _send(client, site, case)
        if case.outcome == GOAWAY:
            assert client.read_to_end() is not None
        else:
            outcome = client.read_response(stream)
            assert (outcome.status, outcome.reset) == ((0, wire.PROTOCOL_ERROR) if case.outcome == RESET
                                                       else (case.outcome, None))
            assert client.fetch(site.fields("/good")).body == b"served", "the connection goes on"
    assert site.fetch("/other").body == b"served"
    received = site.upstream.received()
    assert b"smuggled" not in received
    complete = [request.target for request in site.upstream.requests]
    assert complete == ([] if case.outcome == GOAWAY else ["/good"]) + ["/other"]
    if not case.in_body:
        assert b"/hostile" not in received


def test_h2_fields_that_pass(site: H2Site) -> None:
    """Written anew: crumbs joined (RFC 9113 8.2.3), te dropped, trailers dropped, an equal host taken for one."""
    fields = site.fields("/p", "POST", ("cookie", "a=1"), ("te", "trailers"), ("cookie", "b=2"), ("x-a", "1"),
                         ("host", site.host))
    with site.h2() as client:
        stream = client.ask(fields, b"hello", end=False)
        client.send(client.head(stream, [(b"t", b"v")]))
        assert client.read_response(stream).body == b"served"
    request = site.upstream.requests[-1]
    assert (request.get("Cookie"), request.get("X-A"), request.get("TE")) == (b"a=1; b=2", b"1", None)
    assert request.body == b"hello"
    assert b"\r\nt: v" not in normalised(site.upstream.received())
    assert normalised(site.upstream.received()).count(b"\r\nhost: ") + \
        normalised(site.upstream.received()).count(b"\r\nHost: ") == 1


# -- frames that RFC 9113 forbids end the connection --

BROKEN = {
    "data-on-stream-0": wire.frame(wire.DATA, 0, 0, b"a"),
    "headers-on-stream-0": wire.frame(wire.HEADERS, 5, 0, b"\x82"),
    "headers-on-an-even-stream": wire.frame(wire.HEADERS, 5, 2, b"\x82\x84\x87"),
    "data-on-an-idle-stream": wire.frame(wire.DATA, 0, 5, b"a"),
    "a-frame-too-large": wire.frame(wire.DATA, 0, 1, b"x" * 16385),
    "a-ping-of-7-bytes": wire.frame(wire.PING, 0, 0, b"1234567"),
    "settings-of-5-bytes": wire.frame(wire.SETTINGS, 0, 0, b"12345"),
    "settings-on-a-stream": wire.frame(wire.SETTINGS, 0, 1, b""),
    "a-push-of-a-client": wire.frame(wire.PUSH_PROMISE, 4, 1, struct.pack(">I", 2) + b"\x82"),
    "continuation-alone": wire.frame(wire.CONTINUATION, 4, 1, b"\x82"),
    "a-frame-within-a-block": wire.frame(wire.HEADERS, 1, 1, b"\x82") + wire.frame(wire.PING, 0, 0, b"12345678"),
    "index-out-of-the-table": wire.frame(wire.HEADERS, 5, 1, b"\xff\xff\xff\xff\x0f"),
    "a-table-that-is-too-large": wire.frame(wire.HEADERS, 5, 1, b"\x3f\xe1\xff\x03\x82"),
    "a-window-beyond-its-limit": wire.frame(wire.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
    "padding-longer-than-the-frame": wire.frame(wire.HEADERS, 0xD, 1, b"\xff\x82"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_h2_broken_frames_end_the_connection(site: H2Site, name: str) -> None:
    """RFC 9113 5.4.1: a connection error is told by GOAWAY, and the connection ends."""
    with site.h2() as client:
        client.try_send(BROKEN[name])
        goaway = client.read_to_end()
    assert goaway is not None and goaway[1] != wire.NO_ERROR
    assert site.fetch("/other").body == b"served"
    assert [request.target for request in site.upstream.requests] == ["/other"]


# -- floods --

class Victim:
    """Another tenant's client, which asks again and again while something else goes on."""

    def __init__(self, site: H2Site) -> None:
        self._site = site
        self._stop = threading.Event()
        self.slowest, self.served, self.failed = 0.0, 0, 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        with self._site.h2() as client:
            while not self._stop.is_set():
                began = time.monotonic()
                if client.fetch(self._site.fields("/")).body != b"victim":
                    self.failed += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.served += 1
                self._stop.wait(0.005)

    def __enter__(self) -> "Victim":
        self._thread.start()
        until(lambda: self.served > 0, "the other tenant's client is served")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)


def _resets(client: wire.H2Client, site: H2Site) -> None:
    """CVE-2023-44487."""
    for _ in range(2000):
        stream = client.new_stream()
        if not client.try_send(client.head(stream, site.fields("/slow")) +
                               wire.frame(wire.RST_STREAM, 0, stream, struct.pack(">I", wire.CANCEL))):
            return


def _made_resets(how: Callable[[int], bytes]) -> Callable[[wire.H2Client, H2Site], None]:
    """CVE-2025-8671: the client makes the server reset."""
    def flood(client: wire.H2Client, site: H2Site) -> None:
        for _ in range(2000):
            stream = client.new_stream()
            if not client.try_send(client.head(stream, site.fields("/slow")) + how(stream)):
                return
    return flood


def _many(data: Callable[[int], bytes], number: int = 20000) -> Callable[[wire.H2Client, H2Site], None]:
    def flood(client: wire.H2Client, site: H2Site) -> None:
        for at in range(0, number, 50):
            if not client.try_send(b"".join(data(index) for index in range(at, at + 50))):
                return
    return flood


def _continuations(client: wire.H2Client, site: H2Site) -> None:
    """CVE-2024-27316: a header block without end."""
    client.try_send(wire.frame(wire.HEADERS, 1, 1, b"\x82\x84\x87"))
    block = b"".join(wire.literal(b"x", b"y" * 100) for _ in range(100))
    for _ in range(1000):
        if not client.try_send(wire.frame(wire.CONTINUATION, 0, 1, block)):
            return


def _bomb(client: wire.H2Client, site: H2Site) -> None:
    """CVE-2016-6581: one large field in the table, asked for a thousand times by a byte each."""
    big = b"\x40\x01x\x7f" + b"\xa1\x1e" + b"y" * 4000
    for _ in range(50):
        stream = client.new_stream()
        head = client.head(stream, site.fields("/"), end=True)[9:]
        if not client.try_send(wire.frame(wire.HEADERS, 5, stream, head + big + b"\xbe" * 4000)):
            return


def _crumbs(client: wire.H2Client, site: H2Site) -> None:
    """Cookie crumbs count one by one."""
    for _ in range(50):
        stream = client.new_stream()
        head = client.head(stream, site.fields("/"), end=True)[9:]
        if not client.try_send(wire.frame(wire.HEADERS, 5, stream, head + b"\x60\x00" * 2000)):
            return


def _unread(client: wire.H2Client, site: H2Site) -> None:
    """CVE-2019-9517 and slow reading: large responses that the client does not read."""
    for _ in range(STREAMS_MAX):
        client.send(client.head(client.new_stream(), site.fields("/large")))
    time.sleep(2)


def _shut_windows(client: wire.H2Client, site: H2Site) -> None:
    """CVE-2019-9511: windows that open a byte at a time."""
    client.send(wire.frame(wire.SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
    streams = [client.new_stream() for _ in range(50)]
    for stream in streams:
        client.send(client.head(stream, site.fields("/large")))
    for _ in range(200):
        for stream in streams:
            if not client.try_send(wire.frame(wire.WINDOW_UPDATE, 0, stream, struct.pack(">I", 1))):
                return


def _resets_of_work(client: wire.H2Client, site: H2Site) -> None:
    """CVE-2023-44487 by a patient client: each stream is reset once its request is at the upstream."""
    for _ in range(20):
        streams = [client.new_stream() for _ in range(STREAMS_MAX // 2)]
        before = len(site.upstream.requests)
        if not all(client.try_send(client.head(stream, site.fields("/slow"))) for stream in streams):
            return
        end = time.monotonic() + 0.5
        while len(site.upstream.requests) < before + len(streams) and time.monotonic() < end:
            time.sleep(0.01)
        code = struct.pack(">I", wire.CANCEL)
        if not all(client.try_send(wire.frame(wire.RST_STREAM, 0, stream, code)) for stream in streams):
            return


FLOODS = {
    "resets": _resets,
    "resets-of-work": _resets_of_work,
    "made-resets-window": _made_resets(lambda s: wire.frame(wire.WINDOW_UPDATE, 0, s, b"\x7f\xff\xff\xff")),
    "made-resets-zero-window": _made_resets(lambda s: wire.frame(wire.WINDOW_UPDATE, 0, s, b"\0\0\0\0")),
    "made-resets-data": _made_resets(lambda s: wire.frame(wire.DATA, 0, s, b"late")),
    "made-resets-headers": _made_resets(lambda s: wire.frame(wire.HEADERS, 4, s, b"\x82")),
    "made-resets-priority": _made_resets(lambda s: wire.frame(wire.PRIORITY, 0, s, struct.pack(">IB", s, 0))),
    "made-resets-length": _made_resets(lambda s: wire.frame(wire.PRIORITY, 0, s, b"1234")),
    "pings": _many(lambda _: wire.frame(wire.PING, 0, 0, b"12345678")),
    "settings": _many(lambda _: wire.frame(wire.SETTINGS, 0, 0)),
    "priorities": _many(lambda n: wire.frame(wire.PRIORITY, 0, 2 * n + 1, b"\0\0\0\0\1")),
    "priority-updates": _many(lambda n: wire.frame(wire.PRIORITY_UPDATE, 0, 0, struct.pack(">I", 2 * n + 1) + b"u=1")),
    "window-updates": _many(lambda _: wire.frame(wire.WINDOW_UPDATE, 0, 0, b"\0\0\0\1")),
    "unknown-frames": _many(lambda _: wire.frame(0x99, 0, 0, b"?")),
    "empty-unknown-frames": _many(lambda _: wire.frame(0x99, 0, 0)),
    "continuations": _continuations,
    "bomb": _bomb,
    "crumbs": _crumbs,
}
QUIET_FLOODS = {"unread": _unread, "shut-windows": _shut_windows}


def _slow(conn: Served, request: Request) -> None:
    if request.target == "/large":
        conn.send(ok(b"l" * 1000000))
    elif request.target == "/slow":
        conn.upstream_waits.wait(20)  # type: ignore[attr-defined]
        conn.send(ok(b"slow"))
    else:
        conn.send(ok(b"served"))


@pytest.fixture(scope="module")
def sites(make_h2_site) -> Iterator[Tuple[H2Site, H2Site, threading.Event]]:
    """What is flooded, another tenant of the same worker, and when slow responses come."""
    waits = threading.Event()

    def serve(conn: Served, request: Request) -> None:
        conn.upstream_waits = waits  # type: ignore[attr-defined]
        _slow(conn, request)

    yield make_h2_site(responding(serve)), make_h2_site(responding(ok(b"victim"))), waits
    waits.set()


def _flood_resident(sites: Tuple[H2Site, H2Site, threading.Event], flood: Callable) -> int:
    flooded, other, waits = sites
    waits.clear()
    flooded.upstream.forget()
    with other.h2() as client:
        assert client.fetch(other.fields("/")).body == b"victim"
    before = flooded.node.resident_bytes()
    most = before
    with Victim(other) as victim:
        with flooded.h2() as client:
            flood(client, flooded)
            most = max(most, flooded.node.resident_bytes())
            if flood not in QUIET_FLOODS.values():
                goaway = client.read_to_end()
                assert goaway is None or goaway[1] != wire.NO_ERROR
        before_end = victim.served
        until(lambda: victim.served > before_end, "the other tenant's client is served on")
    waits.set()
    assert victim.failed == 0
    assert victim.slowest < (2.0 if is_sanitized() else 0.5)
    return most - before


@pytest.mark.parametrize("name", [*FLOODS, *QUIET_FLOODS])
def test_h2_flood_is_bounded(sites, name: str) -> None:
    """Rules 11, 12: a flood runs no more upstream requests than the stream limit and what resets are forgiven while it
    lasts, takes no more than 16 MB, and another tenant's client is served meanwhile."""
    start = time.monotonic()
    taken = _flood_resident(sites, {**FLOODS, **QUIET_FLOODS}[name])
    most = STREAMS_MAX + math.ceil(FORGIVEN_PER_SECOND * (time.monotonic() - start))
    begun = len(sites[0].upstream.requests)
    assert begun <= most, f"{begun} requests were begun, {most} may be"
    assert begun > 0 or name not in ("resets-of-work", *QUIET_FLOODS)
    if not is_sanitized():  # a sanitizer keeps what was freed
        assert taken <= MEMORY_MAX
    sites[0].node.check_alive()
