# SPDX-License-Identifier: Apache-2.0
"""http10_origin_test.py - chunked requests to an endpoint that has shown itself to be HTTP/1.0 (RFC 9112 6.1).

"A client MUST NOT send a request containing Transfer-Encoding unless it knows the server will handle HTTP/1.1 requests":
what it knows is the version of the endpoint's last response.
"""

from typing import Any, List

import pytest

from support.site import Site
from support.upstream import responding

HTTP10 = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
HTTP11 = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def _site_of(make_site, responses: List[bytes], **upstream: Any) -> Site:
    """A site whose server gives these responses in turn to all but weir's probes of the test, then the last for ever."""

    def respond(conn, request) -> None:
        own = request.target.startswith("/t")
        conn.send(responses.pop(0) if own and len(responses) > 1 else responses[0] if own else HTTP11)

    site = make_site(script=responding(respond), upstream=upstream)
    assert site.fetch("/t1").status == 200, "the endpoint shows its version"
    site.upstream.forget()
    return site


def _chunked(site: Site, body: bytes, *lines: str) -> bytes:
    data = site.get("/t2", *lines, "Transfer-Encoding: chunked", method="POST")
    for at in range(0, len(body), 700):
        piece = body[at:at + 700]
        data += b"%x\r\n%s\r\n" % (len(piece), piece)
    return data + b"0\r\n\r\n"


def test_chunks_for_an_origin_of_http10_get_a_411(make_site) -> None:
    """Unless the tenant lets them be buffered; nothing of them is sent, and the connection goes on."""
    site = _site_of(make_site, [HTTP10])
    with site.connect() as client:
        assert client.ask(_chunked(site, b"hello")).status == 411
        assert client.ask(site.get("/t3")).status == 200
    assert [request.target for request in site.upstream.requests] == ["/t3"]
    assert site.node.wait_record(path="/t2", host=site.host)["outcome"] == "refused"


@pytest.mark.parametrize("length", [0, 1, 5000, 65536])
def test_chunks_for_an_origin_of_http10_are_sent_with_their_length(make_site, length: int) -> None:
    """http10_buffer: the body is read as a whole first. It arrives whole, and the response comes back."""
    body = bytes(n % 251 for n in range(length))
    site = _site_of(make_site, [HTTP10], http10_buffer="64KiB")
    with site.connect() as client:
        assert client.ask(_chunked(site, body)).status == 200
        assert client.ask(site.get("/t3")).status == 200
    post, _get = site.upstream.requests
    assert post.get("Content-Length") == str(length).encode()
    assert post.get("Transfer-Encoding") is None
    assert post.body == body


def test_chunks_beyond_the_buffer_get_a_413(make_site) -> None:
    site = _site_of(make_site, [HTTP10], http10_buffer="1KiB")
    assert site.fetch("/t2", method="GET").status == 200
    with site.connect() as client:
        assert client.ask(_chunked(site, b"x" * 1024)).status == 200
    with site.connect() as client:
        assert client.ask(_chunked(site, b"x" * 1025)).status == 413
        client.expect_end()
    assert all(request.get("Transfer-Encoding") is None for request in site.upstream.requests)


def test_a_client_that_expects_100_gets_it_from_weir(make_site) -> None:
    """RFC 9110 10.1.1: a server of HTTP/1.0 never sends one, so a proxy that buffers for it may."""
    site = _site_of(make_site, [HTTP10], http10_buffer="64KiB")
    data = _chunked(site, b"hello", "Expect: 100-continue")
    end = data.index(b"\r\n\r\n") + 4
    with site.connect() as client:
        client.send(data[:end])
        assert client.read_interim().status == 100
        client.send(data[end:])
        assert client.read_response().status == 200
    post, = site.upstream.requests
    assert (post.get("Content-Length"), post.body) == (b"5", b"hello")


def test_slow_chunks_are_buffered_byte_by_byte(make_site) -> None:
    site = _site_of(make_site, [HTTP10], http10_buffer="64KiB")
    data = _chunked(site, b"hello world")
    with site.connect() as client:
        client.send_parts([data[at:at + 1] for at in range(len(data))])
        assert client.read_response().status == 200
    post, = site.upstream.requests
    assert (post.get("Content-Length"), post.body) == (b"11", b"hello world")


def test_malformed_chunks_are_refused_and_nothing_is_sent(make_site) -> None:
    site = _site_of(make_site, [HTTP10], http10_buffer="64KiB")
    with site.connect() as client:
        client.send(site.get("/t2", "Transfer-Encoding: chunked", method="POST") + b"5\r\nhello\r\n0x\r\n\r\n")
        assert client.read_response().status == 400
        client.expect_end()
    assert site.upstream.requests == []


def test_an_origin_that_has_come_to_http11_gets_chunks_again(make_site) -> None:
    """The last response counts: a server may have been updated."""
    site = _site_of(make_site, [HTTP10, HTTP11])
    assert site.fetch("/t3").status == 200
    with site.connect() as client:
        assert client.ask(_chunked(site, b"hello")).status == 200
    assert site.upstream.requests[-1].get("Transfer-Encoding") == b"chunked"
