# SPDX-License-Identifier: Apache-2.0
"""refused_record_test.py - fault 23: the record of a refused request says whose it was, for what, and how long it took."""

import time

import pytest

from support.wait import until

# What is sent for a host, its status, and the method, path and host of its record; <h> is the host.
REFUSED = [
    (b"GET /a\"b HTTP/1.1\r\nHost: <h>\r\n\r\n", 400, "GET", "/a\"b", "<h>"),
    (b"GET /x HTTP/1.1\r\nHost: <h>\r\nCookie: " + b"a" * 70000 + b"\r\n\r\n", 431, "GET", "/x", "<h>"),
    (b"GET /" + b"p" * 70000 + b" HTTP/1.1\r\nHost: <h>\r\n\r\n", 414, "GET", "/" + "p" * 1023 + "...", None),
    (b"POST /x HTTP/1.1\r\nHost: <h>\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, "POST", "/x", "<h>"),
    (b"GET /x HTTP/1.1\r\nBad Name: 1\r\nHost: <h>\r\n\r\n", 400, "GET", "/x", "<h>"),
    (b"GET http://<h>/x HTTP/1.1\r\nHost: a,b\r\n\r\n", 400, "GET", "http://<h>/x", "<h>"),
    (b"GET /\xff\x01 HTTP/1.1\r\nHost: <h>\r\n\r\n", 400, "GET", "/\u00ff\u0001", "<h>"),
    (b"GET /x HTTP/3.0\r\nHost: <h>\r\n\r\n", 505, "GET", "/x", "<h>"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003...",
     None, None),
]


def _seen(site, port: int, status: int) -> int:
    """Records that earlier clients with this port left."""
    return len(site.node.access_records(client_port=port, status=status))


def _record(site, port: int, status: int, seen: int):
    return until(lambda: site.node.access_records(client_port=port, status=status)[seen:], "the record")[-1]


@pytest.mark.parametrize("data,status,method,path,host", REFUSED, ids=lambda value: str(value)[:24])
def test_the_record_of_a_refused_request_has_what_was_read(make_site, data, status, method, path, host) -> None:
    """Method, target and Host as far as they came, escaped and cut."""
    site = make_site()
    with site.connect() as client:
        port = client.socket.getsockname()[1]
        seen = _seen(site, port, status)
        client.send(data.replace(b"<h>", site.host.encode()))
        assert client.read_response().status == status
    record = _record(site, port, status, seen)
    assert (record.get("method"), record.get("path"), record.get("host")) == (
        method, path.replace("<h>", site.host) if path else None, site.host if host else None)


def test_the_record_of_a_head_that_comes_too_slowly_has_its_time(make_site) -> None:
    """408: what came of the head, and the time since its first byte, not since the refusal."""
    site = make_site(http={"head_timeout": "300ms"})
    with site.connect() as client:
        port = client.socket.getsockname()[1]
        seen = _seen(site, port, 408)
        client.send(f"GET /slow HTTP/1.1\r\nHost: {site.host}\r\nX-Mo".encode())
        assert client.read_response().status == 408
    record = _record(site, port, 408, seen)
    assert (record["outcome"], record["method"], record["path"], record["host"]) == (
        "timed_out_head", "GET", "/slow", site.host)
    assert record["total_us"] >= 250_000


def test_the_time_of_a_refused_request_begins_with_its_first_byte(make_site) -> None:
    """A head that is refused in its second piece took the time between the two."""
    site = make_site(http={"head_timeout": "20s"})
    with site.connect() as client:
        port = client.socket.getsockname()[1]
        client.ask(site.get("/first"))
        client.send(f"GET /two HTTP/1.1\r\nHost: {site.host}\r\n".encode())
        site.barrier()
        begun = time.monotonic()
        until(lambda: time.monotonic() > begun + 0.4, "some time has passed")
        client.send(b"Bad Name: x\r\n\r\n")
        assert client.read_response().status == 400
    record = until(lambda: site.node.access_records(client_port=port, path="/two"), "the record")[0]
    assert record["total_us"] >= 300_000
