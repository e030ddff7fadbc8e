# SPDX-License-Identifier: Apache-2.0
"""fields_test.py - fault 25: Via as the tenant wants it, and which fields a tenant may take out of requests."""

from typing import Dict, List

import pytest

from support.node import Node, to_yaml
from support.site import tenant
from support.upstream import ok, responding


@pytest.mark.parametrize("headers,via", [({}, [b"1.1 weir"]), ({"via": "on"}, [b"1.1 weir"]), ({"via": "off"}, []),
                                         ({"via": "edge-1"}, [b"1.1 edge-1"])])
def test_via_as_the_tenant_sets_it(make_site, headers: Dict[str, str], via: List[bytes]) -> None:
    """Fault 25: headers.via is on, off or a pseudonym, in both directions; what others wrote stays."""
    site = make_site(responding(ok(b"hi", "Via: 1.0 inner")), headers=headers)
    response = site.fetch("/", "Via: 1.1 outer")
    request, = site.upstream.requests
    assert request.all("Via") == [b"1.1 outer", *via]
    assert response.all("Via") == [b"1.0 inner", *via]


def test_any_field_can_be_removed_from_requests(make_node, make_site) -> None:
    """Fault 25: remove_request also takes what weir itself writes out, trusted proxy or not; nothing of it reaches the origin."""
    names = ["Via", "X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host", "X-Real-IP", "X-Request-ID", "Forwarded",
             "X-Forwarded-Port", "Date", "Authorization"]
    node = make_node(config={"trusted_proxies": ["127.0.0.1/32"]})
    site = make_site(on=node, headers={"remove_request": names})
    site.fetch("/", *(f"{name}: x" for name in names if name != "Forwarded"), "Forwarded: for=203.0.113.7", "X-Stay: 1")
    request, = site.upstream.requests
    assert [name for name in names if request.all(name)] == []
    assert request.get("X-Stay") == b"1" and request.get("Host")


@pytest.mark.parametrize("name", ["Host", "Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade",
                                  "Expect", "CDN-Loop"])
def test_host_and_framing_cannot_be_removed(node: Node, name: str) -> None:
    """Fault 25: what a request needs to be read rightly stays."""
    done = node.run("validate", "-f", "-", stdin=to_yaml(tenant("x", ["127.0.0.1:9"], headers={"remove_request": [name]})))
    assert done.returncode == 1 and "headers.remove_request[0]" in done.stderr


@pytest.mark.parametrize("value", ["yes", "true", "ON", "a b", "a@b", "x" * 65, ""])
def test_a_via_that_is_no_pseudonym_is_refused(node: Node, value: str) -> None:
    """RFC 9110 7.6.3: received-by is a token here; words that look like a switch are no pseudonym."""
    done = node.run("validate", "-f", "-", stdin=to_yaml(tenant("x", ["127.0.0.1:9"], headers={"via": value})))
    assert done.returncode == 1 and "headers.via" in done.stderr
