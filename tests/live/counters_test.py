# SPDX-License-Identifier: Apache-2.0
"""counters_test.py - /metrics by tenant and by endpoint: what counts for which, and the state of endpoints."""

from support.site import Site
from support.upstream import ok, responding
from support.wait import until


def _of_tenant(site: Site, name: str, more: str = "") -> float:
    return site.node.admin.metrics()[f'weir_tenant_{name}{{tenant="{site.name}"{more}}}']


def _of_endpoint(site: Site, name: str, endpoint: str) -> float:
    labels = f'{{tenant="{site.name}",upstream="web",endpoint="{endpoint}"}}'
    return site.node.admin.metrics()[f"weir_endpoint_{name}{labels}"]


def test_requests_and_bytes_count_for_their_tenant(make_site, make_upstream) -> None:
    """Requests by class, body bytes both ways and requests in progress by tenant."""
    server = make_upstream(responding(ok(b"x" * 70)))
    site, other = make_site(endpoints=[server.address]), make_site(endpoints=[server.address])
    sent = _of_tenant(site, "sent_bytes_total"), _of_tenant(other, "sent_bytes_total")
    for _ in range(3):
        assert site.fetch("/", method="POST", body=b"y" * 11).status == 200
    assert other.fetch("/").status == 200
    for one in (site, other):
        with one.connect() as client:
            assert client.ask(one.get("/", method="HEAD"), "HEAD").status == 200
    until(lambda: _of_tenant(site, "requests_total", ',class="2xx"') == 4, "all requests of the first are counted")
    until(lambda: _of_tenant(other, "requests_total", ',class="2xx"') == 2, "all requests of the second are counted")
    assert _of_tenant(site, "requests_total", ',class="5xx"') == 0
    assert _of_tenant(site, "received_bytes_total") == 33
    assert _of_tenant(site, "sent_bytes_total") - sent[0] == 210
    assert _of_tenant(other, "sent_bytes_total") - sent[1] == 70
    assert _of_tenant(site, "requests_open") == 0


def test_a_request_in_progress_shows_until_it_ends(make_site, make_upstream) -> None:
    """The gauge of open requests goes up with a request that waits and down when its client leaves."""
    server = make_upstream(responding(lambda conn, request: conn.wait_end()))
    site = make_site(endpoints=[server.address])
    with site.connect() as client:
        client.send(site.get("/"))
        until(lambda: _of_tenant(site, "requests_open") == 1, "the request is in progress")
        client.reset()
    until(lambda: _of_tenant(site, "requests_open") == 0, "the request has ended")


def test_a_dead_endpoint_shows_its_failures_and_that_it_is_out(make_site, make_upstream) -> None:
    """State and counters of endpoints by tenant."""
    live, dead = make_upstream(responding()), make_upstream(responding())
    dead.close()
    site = make_site(endpoints=[live.address, dead.address])
    for _ in range(12):
        assert site.fetch("/").status == 200
    assert _of_endpoint(site, "failures_total", live.address) == 0
    assert _of_endpoint(site, "requests_total", live.address) == 12
    assert _of_endpoint(site, "failures_total", dead.address) >= 1
    assert _of_endpoint(site, "usable", live.address) == 1
    assert _of_endpoint(site, "usable", dead.address) == 0
