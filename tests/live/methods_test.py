# SPDX-License-Identifier: Apache-2.0
"""methods_test.py - OPTIONS and TRACE, and where Max-Forwards ends their chain of proxies (RFC 9110 7.6.2)."""

import pytest

from support.message import Response
from support.site import Site

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


def _ask(site: Site, method: str, *lines: str, target: str = "/x") -> Response:
    """The response, and a look at the connection: it goes on."""
    with site.connect() as client:
        response = client.ask(site.get(target, *lines, method=method))
        assert client.ask(site.get("/next")).status == 200, "the connection goes on"
    return response


def _forwarded(site: Site) -> list:
    """What reached the upstream but for the look at the connection."""
    return [request for request in site.upstream.requests if request.target != "/next"]


@pytest.mark.parametrize("target", ["/x", "*"])
def test_options_with_max_forwards_0_ends_here(make_site, target: str) -> None:
    """RFC 9110 9.3.7: with Allow, and with Content-Length: 0 since there is no content."""
    site = make_site()
    response = _ask(site, "OPTIONS", "Max-Forwards: 0", target=target)
    assert (response.status, response.body) == (200, b"")
    assert response.get("Allow") == METHODS
    assert response.get("Content-Length") == b"0"
    assert _forwarded(site) == []
    assert site.node.wait_record(path=target, host=site.host, method="OPTIONS")["outcome"] == "max_forwards"


def test_max_forwards_is_counted_down(make_site) -> None:
    """RFC 9110 7.6.2: "the intermediary MUST ... decrement"; a GET may carry the field and means nothing by it."""
    site = make_site(http={"trace": True})
    for method, came, goes in (("OPTIONS", "5", b"4"), ("TRACE", "1", b"0"), ("GET", "0", b"0")):
        site.upstream.forget()
        assert _ask(site, method, f"Max-Forwards: {came}").status == 200
        request, = _forwarded(site)
        assert (request.method, request.get("Max-Forwards")) == (method, goes)


@pytest.mark.parametrize("lines", [(), ("Max-Forwards: 0",), ("Max-Forwards: 5",)])
def test_trace_is_405_unless_the_tenant_allows_it(make_site, lines: tuple) -> None:
    """RFC 9110 15.5.6: with Allow, and TRACE not in it. It is counted as refused by a rule."""
    site = make_site()
    before = site.node.admin.metrics()["weir_requests_refused_total"]
    response = _ask(site, "TRACE", *lines)
    assert response.status == 405
    assert response.get("Allow") == METHODS
    assert _forwarded(site) == []
    assert site.node.admin.metrics()["weir_requests_refused_total"] == before + 1
    assert site.node.wait_record(path="/x", host=site.host, method="TRACE")["outcome"] == "refused"


def test_trace_with_max_forwards_0_is_echoed_without_credentials(make_site) -> None:
    """RFC 9110 9.3.8: message/http, without fields that are likely to contain sensitive data."""
    site = make_site(http={"trace": True})
    response = _ask(site, "TRACE", "Max-Forwards: 0", "Cookie: a=b", "Authorization: Basic YTpi", "X-Api-Key: c", "Via: 1.1 y",
                    target="/x?q")
    assert response.status == 200
    assert response.get("Content-Type") == b"message/http"
    assert response.body == (f"TRACE /x?q HTTP/1.1\r\nHost: {site.host}\r\nMax-Forwards: 0\r\n"
                             "Via: 1.1 y\r\n\r\n").encode()
    assert _forwarded(site) == []


def test_trace_of_the_longest_head_is_echoed(make_site) -> None:
    """What a tenant lets in as a head fits a response of weir's own."""
    site = make_site(http={"trace": True, "max_header": "63KiB", "max_fields": 256})
    lines = [f"X-{n}: " + "y" * 240 for n in range(250)]
    response = _ask(site, "TRACE", "Max-Forwards: 0", *lines)
    assert response.status == 200
    assert response.body.count(b"\r\n") == 254
