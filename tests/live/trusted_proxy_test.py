# SPDX-License-Identifier: Apache-2.0
"""trusted_proxy_test.py - fault 19: what a trusted proxy says counts in decisions: who the client is, and how it came."""

from typing import Optional

import pytest

from support.site import tenant


def _node(make_node):
    return make_node(config={"trusted_proxies": ["127.0.0.0/8", "10.0.0.0/8"]})


# What a proxy writes, and the client that the upstream and the record see.
CLIENTS = [
    (("X-Forwarded-For: 203.0.113.7:4711",), "203.0.113.7"),
    (("X-Forwarded-For: 203.0.113.7, 10.0.0.2:80",), "203.0.113.7"),
    (("X-Forwarded-For: [2001:db8::7]:4711",), "2001:db8::7"),
    (("X-Forwarded-For: [2001:db8::7]",), "2001:db8::7"),
    (("X-Forwarded-For: 203.0.113.7, unknown",), "127.0.0.1"),
    (("Forwarded: for=203.0.113.7",), "203.0.113.7"),
    (('Forwarded: for="203.0.113.7:4711";proto=https, For=10.0.0.2',), "203.0.113.7"),
    (('Forwarded: by=10.0.0.1;for="[2001:db8::7]:4711"',), "2001:db8::7"),
    (("Forwarded: for=203.0.113.7", "Forwarded: for=10.0.0.9"), "203.0.113.7"),
    (("Forwarded: for=203.0.113.7, for=_hidden",), "127.0.0.1"),
    (("Forwarded: for=203.0.113.7, for=unknown, for=10.0.0.9",), "10.0.0.9"),
    (('Forwarded: for="203.0.113.7',), "127.0.0.1"),
    (("Forwarded: for=203.0.113.7", "X-Forwarded-For: 203.0.113.8"), "203.0.113.8"),
]


@pytest.mark.parametrize("fields,client", CLIENTS)
def test_the_client_is_the_one_that_a_trusted_proxy_names(make_node, make_site, fields, client: str) -> None:
    """X-Forwarded-For with ports and brackets; Forwarded (RFC 7239); X-Forwarded-* first when both are there."""
    node = _node(make_node)
    site = make_site(on=node)
    assert site.fetch("/seen", *fields).status == 200
    request, = site.upstream.requests
    assert request.get("X-Real-IP") == client.encode()
    assert node.wait_record(tenant=site.name, path="/seen")["client"] == client


# What a proxy writes, and the scheme that counts.
SCHEMES = [
    ((), "http"),
    (("X-Forwarded-Proto: https",), "https"),
    (("X-Forwarded-Proto: HTTPS",), "https"),
    (("X-Forwarded-Proto: ftp",), "http"),
    (("X-Forwarded-For: 203.0.113.7, 10.0.0.2", "X-Forwarded-Proto: https, http"), "https"),
    (("X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https, http"), "http"),
    (("Forwarded: for=203.0.113.7;proto=https",), "https"),
    (("Forwarded: for=203.0.113.7;proto=https, for=10.0.0.2;proto=http",), "https"),
    (("Forwarded: for=10.0.0.3;proto=https, for=203.0.113.7;proto=http",), "http"),
    (("Forwarded: proto=https", "X-Forwarded-For: 203.0.113.7"), "http"),
    (("Forwarded: proto=http", "X-Forwarded-Proto: https"), "https"),
]


@pytest.mark.parametrize("fields,scheme", SCHEMES)
def test_the_scheme_of_a_trusted_proxy_decides(make_node, make_site, fields, scheme: str) -> None:
    """Redirect rules, Location, the record's scheme, and X-Forwarded-Proto towards the upstream."""
    node = _node(make_node)
    site = make_site(on=node, redirects=[{"path": "/http/", "scheme": "http", "to": {"path": "/new/"}},
                                         {"path": "/https/", "scheme": "https", "to": {"path": "/new/"}}])
    for asked in ("http", "https"):
        response = site.fetch(f"/{asked}/a", *fields)
        location: Optional[bytes] = f"{scheme}://{site.host}/new/a".encode() if asked == scheme else None
        assert response.get("Location") == location
        assert node.wait_record(tenant=site.name, path=f"/{asked}/a")["scheme"] == scheme
    assert site.fetch("/passed", *fields).status == 200
    if not any("Proto" in field for field in fields):
        assert site.upstream.requests[-1].get("X-Forwarded-Proto") == scheme.encode()


@pytest.mark.parametrize("field", ["X-Forwarded-Proto: https", "Forwarded: for=203.0.113.7;proto=https",
                                   "X-Forwarded-For: 203.0.113.7"])
def test_what_others_say_counts_for_nothing(make_site, field: str) -> None:
    """A peer that is not trusted decides neither scheme nor client, and its statements go no further."""
    site = make_site(redirects=[{"scheme": "https", "to": {"host": "elsewhere.test"}}])
    assert site.fetch("/untrusted", field).status == 200
    request = site.upstream.requests[-1]
    assert (request.get("X-Forwarded-Proto"), request.get("X-Real-IP"), request.get("Forwarded")) == (
        b"http", b"127.0.0.1", None)
    record = site.node.wait_record(tenant=site.name, path="/untrusted")
    assert (record["scheme"], record["client"]) == ("http", "127.0.0.1")


def test_a_redirect_to_https_ends_behind_a_proxy_that_speaks_tls(make_node, make_upstream) -> None:
    """The rule that every site has: http to https. Behind a proxy that ends TLS it would lead to itself for ever."""
    node = _node(make_node)
    server = make_upstream()
    node.apply(tenant("t", [server.address], hosts=["t.test"], redirects=[{"to": {"scheme": "https"}}]))
    with node.connect() as client:
        plain = client.ask(b"GET /a HTTP/1.1\r\nHost: t.test\r\nX-Forwarded-Proto: http\r\n\r\n")
        assert (plain.status, plain.get("Location")) == (301, b"https://t.test/a")
        assert client.ask(b"GET /a HTTP/1.1\r\nHost: t.test\r\nX-Forwarded-Proto: https\r\n\r\n").status == 200


def test_a_client_certificate_is_what_a_trusted_proxy_saw(make_node, make_site, authority) -> None:
    """RFC 9440 2.4: the proxy that ended TLS tells of the certificate, unless the tenant asks for certificates itself."""
    node = _node(make_node)
    site = make_site(on=node)
    said = ("Client-Cert: :Zm9yZ2Vk:", "Client-Cert-Chain: :Zm9yZ2Vk:")
    assert site.fetch("/", *said).status == 200
    assert [site.upstream.requests[-1].get(line.split(":")[0]) for line in said] == [b":Zm9yZ2Vk:"] * 2
    site.push(tls={"client_certificates": {"mode": "optional", "ca": {"pem": authority.root.read_text()}}})
    assert site.fetch("/", *said).status == 200
    assert [site.upstream.requests[-1].get(line.split(":")[0]) for line in said] == [None] * 2
