# SPDX-License-Identifier: Apache-2.0
"""route_test.py - which tenant a request belongs to, where it goes, and what weir responds itself: hosts, addresses, routes, redirects."""

import json
from typing import Any, Dict, List, Optional, Tuple

import pytest

from support.client import Client, fetch, get
from support.node import Node, to_yaml
from support.site import Site, tenant, unique
from support.upstream import Upstream, ok, responding
from support.wait import until

# -- hosts and addresses


def _owner(node: Node, host: str) -> Optional[str]:
    """The tenant that a host leads to, shown by a redirect of its own."""
    response = fetch(node.address, get(host, "/owner"))
    return None if response.status == 404 else (response.get("Location") or b"").rsplit(b"/", 1)[-1].decode()


def _naming(name: str, hosts: List[str], **more: Any) -> Dict[str, Any]:
    """A tenant that redirects /owner to its own name."""
    return tenant(name, ["127.0.0.1:9"], hosts=hosts, redirects=[{"path": "=/owner", "to": {"path": f"/{name}"}}], **more)


def _wait_owner(node: Node, host: str, name: Optional[str]) -> None:
    until(lambda: _owner(node, host) == name, f"{host} leads to {name}")


def test_hosts_exact_and_wildcard(node: Node) -> None:
    """hosts: exact beats wildcard, a longer wildcard beats a shorter one; a wildcard is not its own base."""
    base = unique("h") + ".test"
    names = [unique() for _ in range(3)]
    node.apply(_naming(names[0], [f"*.{base}"], allow_overlap=names[1:]), _naming(names[1], [f"a.{base}", base]),
               _naming(names[2], [f"*.deep.{base}"]))
    expected = {f"x.{base}": names[0], f"x.y.{base}": names[0], f"a.{base}": names[1], base: names[1],
                f"b.a.{base}": names[0], f"deep.{base}": names[0], f"x.deep.{base}": names[2],
                f"x.y.deep.{base}": names[2], f"other{base}": None}
    for host, name in expected.items():
        _wait_owner(node, host, name)
    for name in names:
        node.admin.call("DELETE", f"/v1/tenants/{name}")


@pytest.mark.parametrize("change", [str.upper, str.title, lambda host: host + ".", lambda host: host + ":8080",
                                    lambda host: host + ".:80"])
def test_hosts_are_compared_by_their_meaning(make_site, change) -> None:
    """RFC 9110 4.2.3, RFC 3986 6.2.2.1: letter case, trailing dot and port do not choose the tenant."""
    site = make_site()
    assert fetch(site.node.address, get(change(site.host))).status == 200


def test_a_deleted_tenants_host_is_unknown(node: Node) -> None:
    """A push that takes a host away is live for the next request, and the name is free for others."""
    first, second, host = unique(), unique(), unique("h") + ".test"
    node.apply(_naming(first, [host]))
    _wait_owner(node, host, first)
    assert node.run("delete", "tenant", first).returncode == 0
    _wait_owner(node, host, None)
    node.apply(_naming(second, [host]))
    _wait_owner(node, host, second)
    node.admin.call("DELETE", f"/v1/tenants/{second}")


def test_an_earlier_claim_wins_until_it_is_given_up(node: Node) -> None:
    """Design, Tenant lookup: two tenants that claim one name: the earlier wins, the other shows the conflict and takes over."""
    first, second, host = unique(), unique(), unique("h") + ".test"
    node.apply(_naming(first, [host]))
    node.apply(_naming(second, [host, f"own.{host}"]))
    _wait_owner(node, f"own.{host}", second)
    assert _owner(node, host) == first
    assert host in str(node.admin.get(f"/v1/tenants/{second}").json().get("conflicts"))
    node.admin.call("DELETE", f"/v1/tenants/{first}")
    _wait_owner(node, host, second)
    assert not node.admin.get(f"/v1/tenants/{second}").json().get("conflicts")
    node.admin.call("DELETE", f"/v1/tenants/{second}")


def test_a_dedicated_address_takes_everything(make_node, make_upstream) -> None:
    """addresses: everything that arrives there is this tenant's, whatever its Host, or without one."""
    node = make_node(listen=("0.0.0.0:0",))
    port = node.address[1]
    shared, dedicated = make_upstream(responding(ok(b"shared"))), make_upstream(responding(ok(b"dedicated")))
    node.apply(tenant("shared", [shared.address], hosts=["shared.test"]),
               tenant("dedicated", [dedicated.address], hosts=["dedicated.test"], addresses=["127.0.0.77"]))
    own, other = ("127.0.0.77", port), ("127.0.0.1", port)
    until(lambda: fetch(other, get("shared.test")).body == b"shared", "the push is live")
    for host in ("dedicated.test", "shared.test", "nobody.test", "127.0.0.77", f"127.0.0.77:{port}"):
        assert fetch(own, get(host)).body == b"dedicated"
    assert fetch(own, b"GET / HTTP/1.0\r\n\r\n").body == b"dedicated"
    assert fetch(other, get("shared.test")).body == b"shared"
    assert fetch(other, get("dedicated.test")).body == b"dedicated"
    assert fetch(other, get("nobody.test")).status == 404
    assert fetch(other, b"GET / HTTP/1.0\r\n\r\n").status == 404


def test_a_dedicated_ipv6_address(ipv6, make_node, make_upstream) -> None:
    """The same over IPv6."""
    node = make_node(listen=("[::]:0",))
    server = make_upstream(responding(ok(b"six")))
    node.apply(tenant("six", [server.address], hosts=[], addresses=["::1"]))
    until(lambda: fetch(("::1", node.address[1]), get("[::1]")).body == b"six", "the push is live")


# -- routes


def _routed(make_site, make_upstream, *paths: str) -> Site:
    upstreams = {f"u{at}": {"pool": {"min_idle": 0}, "endpoints": [{"address": _server(make_upstream, path).address}]}
                 for at, path in enumerate(paths)}
    return make_site(endpoints=["127.0.0.1:9"], upstreams=upstreams,
                     routes=[{"path": path, "upstream": f"u{at}"} for at, path in enumerate(paths)])


def _server(make_upstream, path: str) -> Upstream:
    return make_upstream(responding(ok(path.encode())))


def test_the_longest_prefix_wins_and_exact_beats_it(make_site, make_upstream) -> None:
    """routes: longest path prefix wins; `=` in front = exact; the order does not matter."""
    site = _routed(make_site, make_upstream, "/", "/api/", "=/api/", "/api/v2", "=/exact", "/api/v2/deep/")
    expected = {"/": "/", "/x": "/", "/api": "/", "/api/": "=/api/", "/api/x": "/api/", "/api/v1": "/api/",
                "/api/v2": "/api/v2", "/api/v22": "/api/v2", "/api/v2/x": "/api/v2", "/api/v2/deep/": "/api/v2/deep/",
                "/api/v2/deep/x?y": "/api/v2/deep/", "/exact": "=/exact", "/exact?q=1": "=/exact", "/exact/": "/",
                "/exactly": "/"}
    seen = {target: site.fetch(target).body.decode() for target in expected}
    assert seen == expected


@pytest.mark.parametrize("target,route", [
    ("/a/../api/x", "/api/"), ("/api/../x", "/"), ("/%61pi/x", "/api/"), ("/api/%2e%2e/x", "/"), ("/./api/x", "/api/"),
    ("//api/x", "/"), ("/API/x", "/"), ("/api%2Fx", "/"), ("/x/../../api/x", None), ("/?/api/", "/"), ("/api/x/..", "/api/"),
])
def test_routes_compare_the_normalised_path(make_site, make_upstream, target: str, route: Optional[str]) -> None:
    """RFC 3986 5.2.4, 6.2.2: a path is compared by its meaning, so that no spelling gets around a rule."""
    site = _routed(make_site, make_upstream, "/", "/api/")
    response = site.fetch(target)
    assert response.body.decode() == route if route else response.status == 400


def test_no_route_is_404(make_site, make_upstream) -> None:
    """A path that no route covers is 404 by weir, and goes to no upstream."""
    site = _routed(make_site, make_upstream, "/only/")
    assert site.fetch("/only/x").status == 200
    assert site.fetch("/other").status == 404
    assert site.node.wait_record(tenant=site.name, path="/other")["outcome"] == "no_route"


def test_the_asterisk_form_takes_the_route_of_the_root(make_site, make_upstream) -> None:
    """RFC 9112 3.2.4: OPTIONS * asks about the server, which is the one that serves the root."""
    site = _routed(make_site, make_upstream, "/", "/api/")
    assert site.fetch("*", method="OPTIONS").body == b"/"


# -- redirects

Rule = Tuple[Dict[str, Any], str, int, Optional[str]]


def _to(**to: Any) -> Dict[str, Any]:
    return {"to": to}


# A rule, a target, and the status and Location that follow; <h> is the host, <p> the port in the request's authority.
REDIRECTS: List[Rule] = [
    ({**_to(scheme="https")}, "/a?b=c", 301, "https://<h>/a?b=c"),
    ({"path": "/", **_to(code=302, scheme="https")}, "/a", 302, "https://<h>/a"),
    ({"path": "/", **_to(code=303, host="other.test")}, "/a", 303, "http://other.test:<p>/a"),
    ({"path": "/", **_to(code=307, host="other.test", port=81)}, "/a", 307, "http://other.test:81/a"),
    ({"path": "/", **_to(code=308, scheme="https", host="other.test")}, "/a", 308, "https://other.test/a"),
    ({"path": "/", **_to(scheme="https", port=8443)}, "/a", 301, "https://<h>:8443/a"),
    ({"path": "/", **_to(scheme="https", port=443)}, "/a", 301, "https://<h>/a"),
    ({"path": "/old/", **_to(path="/new/")}, "/old/a/b?c", 301, "http://<h>:<p>/new/a/b?c"),
    ({"path": "=/old", **_to(path="/new")}, "/old?c", 301, "http://<h>:<p>/new?c"),
    ({"path": "/old/", **_to(path="/new/", query=False)}, "/old/a?c", 301, "http://<h>:<p>/new/a"),
    ({"path": "/old/", **_to(path="/")}, "/old/a", 301, "http://<h>:<p>/a"),
    ({"path": "/old/", **_to(path="/new/")}, "/other", 200, None),
    ({"path": "=/old", **_to(path="/new")}, "/old/a", 200, None),
    ({"scheme": "https", **_to(scheme="http")}, "/a", 200, None),
    ({"scheme": "http", **_to(scheme="https")}, "/a", 301, "https://<h>/a"),
    ({"port": 1, **_to(scheme="https")}, "/a", 200, None),
    ({"host": "<h>", **_to(scheme="https")}, "/a", 301, "https://<h>/a"),
    ({"host": "other.test", **_to(scheme="https")}, "/a", 200, None),
    ({"path": "/caf", **_to(scheme="https")}, "/caf%C3%A9?q=%20", 301, "https://<h>/caf%C3%A9?q=%20"),
    ({"path": "/a/", **_to(path="/b/")}, "/x/../a/c", 301, "http://<h>:<p>/b/c"),
]


def _fill(value: Any, host: str, port: int) -> Any:
    if isinstance(value, str):
        return value.replace("<h>", host).replace("<p>", str(port))
    if isinstance(value, dict):
        return {key: _fill(item, host, port) for key, item in value.items()}
    return value


@pytest.mark.parametrize("rule,target,status,location", REDIRECTS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_redirects(make_site, rule: Dict[str, Any], target: str, status: int, location: Optional[str], method: str) -> None:
    """redirects: every field of rule and target; what the target leaves out is the request's."""
    site = make_site(redirects=[])
    port = site.node.address[1]
    site.push(redirects=[_fill(rule, site.host, port)])
    with site.connect() as client:
        data = get(f"{site.host}:{port}", target, method=method, body=b"x" if method == "POST" else b"")
        response = client.ask(data)
        assert response.status == status
        assert response.get("Location") == (_fill(location, site.host, port).encode() if location else None)
        assert client.ask(get(site.host, "/.generation")).status == 302, "the connection goes on behind a redirect"
    assert len(site.upstream.requests) == (1 if status == 200 else 0)


@pytest.mark.parametrize("authority", ["<h>", "<h>:80", "<h>:8080", "<h>:<p>"])
@pytest.mark.parametrize("rule,path", [({"path": "/old/", **_to(path="/new/")}, "/new/x"),
                                       ({"path": "/old/", **_to(scheme="https")}, "/old/x")])
def test_location_has_the_port_of_the_authority(make_site, rule: Dict[str, Any], path: str, authority: str) -> None:
    """Fault 20: the port is the one that the client used, or none; `weir redirect test` says the same."""
    site = make_site(redirects=[rule])
    authority = _fill(authority, site.host, site.node.address[1])
    expected = f"http://{authority}{path}" if "path" in rule["to"] else f"https://{site.host}{path}"
    response = fetch(site.node.address, get(authority, "/old/x"))
    assert (response.status, response.get("Location")) == (301, expected.encode())
    asked = site.node.run("redirect", "test", f"http://{authority}/old/x", "--tenant", site.name, "-o", "json")
    assert json.loads(asked.stdout)["location"] == expected


def test_a_redirect_by_port(make_node, make_upstream) -> None:
    """redirects: `port` is the one at which the request arrived, whatever its Host names."""
    node = make_node(listen=("127.0.0.1:0", "127.0.0.1:0"))
    (_, plain), (_, other) = node.addresses
    server = make_upstream()
    node.apply(tenant("t", [server.address], hosts=["t.test"], redirects=[{"port": plain, "to": {"scheme": "https"}}]))
    until(lambda: fetch(("127.0.0.1", plain), get("t.test")).status == 301, "the push is live")
    assert fetch(("127.0.0.1", plain), get(f"t.test:{other}", "/a")).status == 301
    assert fetch(("127.0.0.1", other), get(f"t.test:{plain}", "/a")).status == 200


def test_the_most_specific_redirect_wins_whatever_the_order(make_site) -> None:
    """Product documents: the most specific rule wins whatever the order; `to: none` is a carve-out."""
    rules = [
        {"path": "/", "to": {"code": 301, "scheme": "https"}},
        {"path": "/.well-known/", "to": "none"},
        {"path": "/shop/", "to": {"code": 302, "path": "/store/"}},
        {"path": "=/shop/open", "to": "none"},
        {"path": "/shop/", "scheme": "http", "to": {"code": 303, "path": "/store/"}},
    ]
    expected = {"/": 301, "/x": 301, "/.well-known/acme": 200, "/shop/x": 303, "/shop/open": 200, "/shop/open/x": 303,
                "/%2ewell-known/acme": 200, "/shop/../.well-known/x": 200}
    for order in (rules, rules[::-1]):
        site = make_site(redirects=order)
        assert {target: site.fetch(target).status for target in expected} == expected


def test_a_redirect_by_host_of_a_wildcard(make_site) -> None:
    """redirects: host may be a wildcard; exact beats it."""
    base = unique("h") + ".test"
    site = make_site(hosts=[base, f"*.{base}"], redirects=[
        {"host": f"*.{base}", "to": {"host": base}}, {"host": f"keep.{base}", "to": "none"}])
    port = site.node.address[1]
    response = fetch(site.node.address, get(f"www.{base}:{port}", "/a?b"))
    assert (response.status, response.get("Location")) == (301, f"http://{base}:{port}/a?b".encode())
    assert fetch(site.node.address, get(f"keep.{base}", "/a")).status == 200
    assert fetch(site.node.address, get(base, "/a")).status == 200


def test_a_redirect_cannot_be_split(make_site) -> None:
    """Response splitting: nothing that a client sends can end the Location field."""
    site = make_site(redirects=[{"path": "/r/", "to": {"path": "/new/"}}])
    for target in ("/r/%0d%0aSet-Cookie:%20a=b", "/r/%0D%0A%0D%0Abody", "/r/a?b=%0d%0aX:%20y"):
        response = site.fetch(target)
        location = response.get("Location") or b""
        assert response.status == 301 and b"%0" in location and b"\r" not in location
        assert response.get("Set-Cookie") is None and response.get("X") is None


def test_a_redirect_without_a_host_to_lead_to(make_node, make_upstream) -> None:
    """HTTP/1.0 without Host on a dedicated address: there is no name for Location, or it is the address."""
    node = make_node(listen=("127.0.0.1:0",))
    node.apply(tenant("t", [make_upstream().address], hosts=[], addresses=["127.0.0.1"],
                      redirects=[{"path": "/old", "to": {"path": "/new"}}]))
    until(lambda: fetch(node.address, get("any.test", "/old")).status == 301, "the push is live")
    with Client(node.address) as client:
        response = client.ask(b"GET /old HTTP/1.0\r\n\r\n")
    if response.status == 301:
        assert response.get("Location") == b"/new", "only the client knows the port that it used"
    else:
        assert response.status == 200


# -- pages


def test_error_pages_of_a_tenant(make_site, folder) -> None:
    """error_pages: the tenant's page for an error of weir's; the status stays; others keep weir's page."""
    site = make_site(endpoints=["127.0.0.1:9"], routes=[{"path": "/a/", "upstream": "web"}],
                     error_pages={"502": {"body": "<h1>sorry</h1>"},
                                  "404": {"body": '{"gone":true}', "content_type": "application/json"}})
    sorry = site.fetch("/a/x")
    assert (sorry.status, sorry.body) == (502, b"<h1>sorry</h1>")
    assert sorry.get("Content-Type") == b"text/html; charset=utf-8"
    gone = site.fetch("/nothing")
    assert (gone.status, gone.body, gone.get("Content-Type")) == (404, b'{"gone":true}', b"application/json")
    head = site.fetch("/nothing", method="HEAD")
    assert (head.status, head.body, head.get("Content-Length")) == (404, b"", b"13")


def test_error_pages_from_a_file(make_site, folder) -> None:
    """error_pages: `file` is read by the client that applies, relative to the document."""
    (folder / "sorry.html").write_text("<p>from a file</p>")
    site = make_site(endpoints=["127.0.0.1:9"])
    document = tenant(site.name, ["127.0.0.1:9"], error_pages={"502": {"file": "sorry.html"}})
    (folder / "t.yaml").write_text(to_yaml(document))
    done = site.node.run("apply", "-f", str(folder / "t.yaml"))
    assert done.returncode == 0, done.stderr
    until(lambda: site.fetch("/").body == b"<p>from a file</p>", "the page is live")


def test_a_large_error_page(make_site) -> None:
    """A page of the largest size goes out whole."""
    page = "x" * 65_536
    site = make_site(endpoints=["127.0.0.1:9"], error_pages={"502": {"body": page}})
    with site.connect() as client:
        for _ in range(3):
            assert client.ask(site.get("/")).body == page.encode()


def test_an_upstreams_own_errors_pass(make_site) -> None:
    """error_pages are for weir's responses: what an upstream sends, errors too, is passed on."""
    site = make_site(responding(b"HTTP/1.1 502 Mine\r\nContent-Length: 4\r\n\r\nmine"),
                     error_pages={"502": {"body": "weirs"}})
    response = site.fetch("/")
    assert (response.status, response.reason, response.body) == (502, b"Mine", b"mine")
