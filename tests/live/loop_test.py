# SPDX-License-Identifier: Apache-2.0
"""loop_test.py - fault 6: an upstream that leads back to weir. CDN-Loop (RFC 8586) ends the circle."""

import json
import socket

import pytest

from support.client import Address, fetch, get
from support.site import tenant
from support.upstream import Served


def _relay(conn: Served, address: Address) -> None:
    """Pass one request on, byte for byte, and its response back."""
    request = conn.read_request()
    with socket.create_connection(address, timeout=30) as onward:
        onward.sendall(request.head)
        onward.shutdown(socket.SHUT_WR)
        while data := onward.recv(65536):
            conn.send(data)


def test_an_upstream_that_leads_back_gets_a_508(make_node, make_upstream) -> None:
    """A request is refused where it comes back, whatever stands between; it is not passed on for ever."""
    node = make_node()
    relay = make_upstream(lambda conn: _relay(conn, node.address))
    node.apply(tenant("t", [relay.address], hosts=["t.test"]))
    assert fetch(node.address, get("t.test", "/a")).status == 508
    assert node.wait_record(tenant="t", path="/a", outcome="ok")["status"] == 508
    assert node.wait_record(tenant="t", path="/a", outcome="loop")["status"] == 508
    assert len(relay.requests) == 1
    assert node.admin.metrics()["weir_requests_looped_total"] == 1


def test_another_node_of_the_cluster_refuses_it_as_well(make_node) -> None:
    """The identity does not depend on the node: an upstream must not lead to another node either."""
    first, second = make_node(), make_node()
    first.apply(tenant("t", [f"127.0.0.1:{second.address[1]}"], hosts=["t.test"]))
    second.apply(tenant("t", [f"127.0.0.1:{first.address[1]}"], hosts=["t.test"]))
    assert fetch(first.address, get("t.test", "/a")).status == 508
    assert second.wait_record(tenant="t", path="/a", outcome="loop")["status"] == 508


def test_clusters_behind_each_other_pass_each_other(make_node, make_upstream) -> None:
    """Different identities: what one has forwarded the other one forwards too, and both stand in the field."""
    inner, outer = make_node(config={"cdn_id": "inner"}), make_node(config={"cdn_id": "outer"})
    server = make_upstream()
    inner.apply(tenant("t", [server.address], hosts=["t.test"]))
    outer.apply(tenant("t", [f"127.0.0.1:{inner.address[1]}"], hosts=["t.test"]))
    assert fetch(outer.address, get("t.test", "/", "CDN-Loop: first;v=1", "CDN-Loop: second")).status == 200
    request, = server.requests
    assert request.all("CDN-Loop") == [b"first;v=1, second, outer, inner"]


@pytest.mark.parametrize("field,status", [
    ("CDN-Loop: weir", 508), ("CDN-Loop: other, WEIR;v=1", 508), ('CDN-Loop: a;x="weir"', 200), ("CDN-Loop: weird", 200),
    ('CDN-Loop: "', 400), ("CDN-Loop: a b", 400), ("CDN-Loop: a\r\nConnection: CDN-Loop", 400)])
def test_the_field_is_read_by_its_grammar(make_site, field: str, status: int) -> None:
    """RFC 8586: a list with parameters; what cannot be read could hide a loop, and Connection must not drop the field."""
    site = make_site()
    assert site.fetch("/", field).status == status
    assert len(site.upstream.requests) == (1 if status == 200 else 0)


def test_a_tenant_cannot_remove_the_field(make_site) -> None:
    """RFC 8586 2: a customer must not be able to switch loop detection off."""
    site = make_site()
    done = site.node.run("apply", "-f", "-", stdin="apiVersion: weir/v1\nkind: Tenant\nname: x\nhosts: [x.test]\n"
                         "upstreams: { web: { endpoints: [ { address: \"127.0.0.1:9\" } ] } }\n"
                         "headers: { remove_request: [CDN-Loop] }\n")
    assert done.returncode == 1 and "remove_request[0]" in done.stderr


def _endpoint(name: str, address: str) -> str:
    return json.dumps(tenant(name, [address]))


@pytest.mark.parametrize("listen,endpoint", [
    ("127.0.0.1:0", "127.0.0.1:{port}"), ("127.0.0.1:0", "localhost:{port}"), ("0.0.0.0:0", "127.0.0.1:{port}"),
    ("0.0.0.0:0", "127.9.9.9:{port}"), ("0.0.0.0:0", "0.0.0.0:{port}")])
def test_an_endpoint_that_is_a_listener_of_the_node_is_refused(make_node, listen: str, endpoint: str) -> None:
    """Where it can be seen, at the push; `weir validate`, which knows no node, takes the file."""
    node = make_node(listen=(listen,))
    port = node.address[1]
    text = _endpoint("t", endpoint.format(port=port))
    done = node.run("apply", "-f", "-", stdin=text)
    assert done.returncode == 1 and "listener of this node" in done.stderr, done.stderr
    assert "upstreams.web.endpoints[0].address" in done.stderr
    assert node.admin.put("t", tenant("t", [endpoint.format(port=port)])).status == 400
    assert node.run("apply", "--dry-run", "-f", "-", stdin=text).returncode == 1
    assert node.admin.get("/v1/tenants/t").status == 404
    assert node.run("validate", "-f", "-", stdin=text).returncode == 0
    assert node.run("apply", "-f", "-", stdin=_endpoint("t", endpoint.format(port=port ^ 1))).returncode == 0
