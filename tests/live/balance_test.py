# SPDX-License-Identifier: Apache-2.0
"""balance_test.py - which endpoint serves: shares, weights, backups, failures, hashing by address, pools and names."""

import collections
import threading
from typing import Any, Callable, Dict, List

import pytest

from support.client import fetch, get
from support.message import Truncated
from support.node import Node
from support.site import Site, tenant, unique
from support.upstream import Served, Upstream, ok, responding
from support.wait import PATIENCE, until


def _named(name: str):
    return responding(ok(name.encode()))


def _three(make_upstream) -> Dict[str, Upstream]:
    return {name: make_upstream(_named(name)) for name in "abc"}


def _count(site: Site, number: int) -> "collections.Counter[str]":
    with site.connect() as client:
        return collections.Counter(client.ask(site.get("/")).body.decode() for _ in range(number))


# -- shares


def test_round_robin_takes_turns(make_site, make_upstream) -> None:
    """round_robin is the default; equal weights get equal shares, to the request."""
    servers = _three(make_upstream)
    site = make_site(endpoints=[server.address for server in servers.values()])
    assert _count(site, 30) == {"a": 10, "b": 10, "c": 10}


def test_weights(make_site, make_upstream) -> None:
    """weight: shares in proportion, spread and not in blocks."""
    servers = _three(make_upstream)
    weights = {"a": 5, "b": 3, "c": 2}
    site = make_site(endpoints=[{"address": server.address, "weight": weights[name]} for name, server in servers.items()])
    with site.connect() as client:
        order = [client.ask(site.get("/")).body.decode() for _ in range(40)]
    assert collections.Counter(order) == {"a": 20, "b": 12, "c": 8}
    assert "aaaa" not in "".join(order)


def test_weight_0_gets_no_new_work(make_site, make_upstream) -> None:
    """Weight 0 = no new work, whatever happens to the others."""
    servers = _three(make_upstream)
    site = make_site(endpoints=[servers["a"].address, {"address": servers["b"].address, "weight": 0}])
    assert _count(site, 20) == {"a": 20}
    servers["a"].close()
    assert site.fetch("/").status in (502, 503)
    assert servers["b"].accepted == 0


def test_only_weight_0_is_503(make_site, make_upstream) -> None:
    """RFC 9110 15.6.4: 503 where all servers of a site have weight 0."""
    servers = _three(make_upstream)
    site = make_site(endpoints=[{"address": servers["a"].address, "weight": 0}])
    assert site.fetch("/").status == 503
    assert site.node.wait_record(tenant=site.name, path="/")["outcome"] == "no_endpoint"


def test_backups_serve_only_when_all_others_are_out(make_site, make_upstream) -> None:
    """Product documents: a backup is used only when every other endpoint is out; then it gets all."""
    servers = _three(make_upstream)
    site = make_site(endpoints=[servers["a"].address, servers["b"].address,
                                {"address": servers["c"].address, "backup": True}])
    assert _count(site, 20) == {"a": 10, "b": 10}
    servers["a"].close()
    assert _count(site, 20) == {"b": 20}
    servers["b"].close()
    assert _count(site, 20) == {"c": 20}


# -- failures


def test_a_refused_connect_goes_on_to_the_next(make_site, make_upstream) -> None:
    """Rule 9: nothing was sent, so that any method may be given to another endpoint."""
    servers = _three(make_upstream)
    servers["a"].close()
    site = make_site(endpoints=[server.address for server in servers.values()])
    for method in ("GET", "POST", "PATCH", "PURGE"):
        assert site.fetch("/", method=method).status == 200


def _ask_from(site, number: int, target: str = "/", method: str = "GET"):
    """A request of a client with an address of its own."""
    with site.connect(source=f"127.0.0.{number % 250 + 1}") as client:
        return client.ask(site.get(target, method=method))


def test_a_dead_endpoint_is_not_asked_for_each_request(make_site, make_upstream) -> None:
    """Design, Health: an endpoint that fails whoever asks is out after a few failures, so that not every user waits for it."""
    asked: List[int] = []

    def dying(conn: Served) -> None:
        conn.read_request()
        asked.append(conn.index)
        conn.reset()

    servers = {"dead": make_upstream(dying), "good": make_upstream(_named("good"))}
    site = make_site(endpoints=[server.address for server in servers.values()])
    answered = [_ask_from(site, number).body for number in range(60)]
    assert answered == [b"good"] * 60
    # Marks of one, two, four seconds end meanwhile on a slow machine: five failures each.
    assert 5 <= len(asked) < 30


# What an endpoint may do to a response.
_BAD = {
    "malformed": lambda conn: conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
    "cut": lambda conn: conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"),
    "closed": lambda conn: None,
    "late": lambda conn: conn.read_some(),
}


def _sick(target: str, bad: Callable[[Served], Any]) -> Callable[[Served], None]:
    """Serves, but for one target."""
    def script(conn: Served) -> None:
        while True:
            if conn.read_request().target == target:
                bad(conn)
                return
            conn.send(ok(b"first"))
    return script


def _patience(bad: str) -> Dict[str, str]:
    return {"response_timeout": "500ms"} if bad == "late" else {}


@pytest.mark.parametrize("bad", _BAD)
def test_a_single_client_takes_no_endpoint_out(make_site, make_upstream, bad: str) -> None:
    """Fault 9: an anonymous visitor must not be able to send a whole site to its backup."""
    backup = make_upstream(_named("backup"))
    first = make_upstream(_sick("/bad", _BAD[bad]))
    site = make_site(endpoints=[{"address": first.address}, {"address": backup.address, "backup": True}],
                     upstream=_patience(bad))
    for _ in range(7):
        try:
            _ask_from(site, 1, "/bad", "POST")
        except (Truncated, ConnectionResetError):
            pass
        assert _ask_from(site, 2).body == b"first"
    assert not backup.requests


@pytest.mark.parametrize("bad", _BAD)
def test_an_endpoint_that_fails_for_many_is_out(make_site, make_upstream, bad: str) -> None:
    """Fault 9: responses count, and mark by their rate over several clients."""
    backup = make_upstream(_named("backup"))
    first = make_upstream(_sick("/bad", _BAD[bad]))
    site = make_site(endpoints=[{"address": first.address}, {"address": backup.address, "backup": True}],
                     upstream=_patience(bad))

    def moved(number: List[int] = [0]) -> bool:
        number[0] += 1
        try:
            return _ask_from(site, number[0], "/bad", "POST").body == b"backup"
        except (Truncated, ConnectionResetError):
            return False

    until(moved, "the backup serves")
    assert len(first.requests) >= 5


def test_a_client_that_leaves_is_no_failure_of_the_endpoint(make_site, make_upstream) -> None:
    """Fault 9: what clients do never counts."""
    backup = make_upstream(_named("backup"))

    def script(conn: Served) -> None:
        while True:
            if conn.read_request().target == "/wait":
                conn.read_some()
                return
            conn.send(ok(b"first"))

    first = make_upstream(script)
    site = make_site(endpoints=[{"address": first.address}, {"address": backup.address, "backup": True}])
    for number in range(12):
        with site.connect(source=f"127.0.0.{number + 1}") as client:
            client.send(site.get("/wait"))
            until(lambda: len(first.requests) > number, "the request at the upstream")
            client.reset()
    site.barrier()
    assert _ask_from(site, 99).body == b"first"
    assert not backup.requests


def test_a_marked_endpoint_comes_back(make_site, make_upstream) -> None:
    """Passive marks end: an endpoint that could not be reached is tried again after a while, and serves its share."""
    back = make_upstream(_named("back"))
    site = make_site(endpoints=[back.address, make_upstream(_named("good")).address])
    address = back.address
    back.close()
    with site.connect() as client:
        assert [client.ask(site.get("/")).body for _ in range(4)] == [b"good"] * 4
        make_upstream(_named("back"), port=int(address.rsplit(":", 1)[1]))
        until(lambda: client.ask(site.get("/")).body == b"back", "the marked endpoint serves again")


def test_when_all_are_marked_they_are_tried_all_the_same(make_site, make_upstream) -> None:
    """A try is better than a certain error: marks hide no endpoint when there is no other."""
    down = [True]

    def script(conn: Served) -> None:
        while True:
            conn.read_request()
            if down[0]:
                conn.reset()
                return
            conn.send(ok(b"up"))

    site = make_site(endpoints=[make_upstream(script).address, make_upstream(script).address])
    for _ in range(4):
        assert site.fetch("/", method="POST").status == 502
    down[0] = False
    assert site.fetch("/", method="POST").status == 200


def test_no_endpoint_listens(make_site, make_upstream) -> None:
    """RFC 9110 15.6.3: 502 when no endpoint could be reached; each endpoint was tried once."""
    servers = _three(make_upstream)
    for server in servers.values():
        server.close()
    site = make_site(endpoints=[server.address for server in servers.values()])
    assert site.fetch("/").status == 502
    record = site.node.wait_record(tenant=site.name, path="/")
    assert (record["outcome"], record["tries"]) == ("upstream_refused", 3)


# -- hashing by address


def _choice(node: Node, host: str, source: str) -> str:
    with node.connect(source=source) as client:
        return client.ask(get(host)).body.decode()


def _choices(node: Node, host: str, number: int = 60) -> Dict[str, str]:
    return {source: _choice(node, host, source) for source in (f"127.0.1.{n}" for n in range(1, number + 1))}


def _hashed(make_upstream, names: str = "abc") -> Dict[str, Upstream]:
    return {name: make_upstream(_named(name)) for name in names}


def test_ip_hash_leaves_a_client_at_its_endpoint(make_site, make_upstream) -> None:
    """ip_hash sends the same client to the same endpoint, and spreads clients over all."""
    servers = _hashed(make_upstream)
    site = make_site(endpoints=[server.address for server in servers.values()], upstream={"balance": "ip_hash"})
    first = _choices(site.node, site.host)
    assert _choices(site.node, site.host) == first
    shares = collections.Counter(first.values())
    assert set(shares) == {"a", "b", "c"} and min(shares.values()) >= 5


def test_ip_hash_is_the_same_on_every_node_and_after_a_restart(make_node, make_site, make_upstream) -> None:
    """The same choice on every node."""
    servers = _hashed(make_upstream)
    endpoints = [server.address for server in servers.values()]
    one, two = make_node(), make_node(workers=2)
    for node, order in ((one, endpoints), (two, endpoints[::-1])):
        node.apply(tenant("same", order, upstream={"balance": "ip_hash"}))
        until(lambda: fetch(node.address, get("same.test")).status == 200, "the push is live")
    first = _choices(one, "same.test")
    assert _choices(two, "same.test") == first
    one.restart()
    assert _choices(one, "same.test") == first


def test_ip_hash_moves_only_the_clients_of_an_endpoint_that_goes(make_site, make_upstream) -> None:
    """Minimal remapping."""
    servers = _hashed(make_upstream, "abcd")
    endpoints = {name: {"address": server.address} for name, server in servers.items()}
    site = make_site(endpoints=list(endpoints.values()), upstream={"balance": "ip_hash"})
    before = _choices(site.node, site.host)
    web: Dict[str, Any] = dict(site.document["upstreams"]["web"])
    web["endpoints"] = [endpoints[name] for name in "abc"]
    site.push(upstreams={"web": web})
    after = _choices(site.node, site.host)
    moved = {source for source in before if before[source] != after[source]}
    assert moved == {source for source in before if before[source] == "d"}


def test_ip_hash_fails_over_and_comes_back(make_site, make_upstream) -> None:
    """A client whose endpoint is out goes to another one, always the same."""
    servers = _hashed(make_upstream)
    site = make_site(endpoints=[server.address for server in servers.values()], upstream={"balance": "ip_hash"})
    before = _choices(site.node, site.host, 20)
    servers["a"].close()
    after = _choices(site.node, site.host, 20)
    assert "a" not in after.values()
    assert all(before[source] == after[source] for source in before if before[source] != "a")


def test_ip_hash_takes_the_client_that_trusted_proxies_name(make_node, make_site, make_upstream) -> None:
    """Behind a trusted proxy the client is the address that the proxy names, not the proxy."""
    servers = _hashed(make_upstream)
    node = make_node(config={"trusted_proxies": ["127.0.0.1/32"]})
    site = make_site(on=node, endpoints=[server.address for server in servers.values()], upstream={"balance": "ip_hash"})
    chosen = {site.fetch("/", f"X-Forwarded-For: 203.0.113.{number}").body for number in range(40)}
    assert chosen == {b"a", b"b", b"c"}


# -- pools


def test_min_idle_is_dialled_ahead_of_demand(make_site) -> None:
    """pool.min_idle: connections stand ready, and are ready again after they were taken."""
    site = make_site(_named("x"), upstream={"pool": {"min_idle": 6}})
    site.fetch("/")
    until(lambda: len(site.upstream.open_connections()) >= 6, "six connections stand ready")
    unused = [conn for conn in site.upstream.open_connections() if not conn.received]
    assert len(unused) >= 5


def test_dialled_connections_serve(make_site) -> None:
    """What was dialled ahead is what requests are given to: twenty at once need no new connection."""
    go = threading.Event()

    def script(conn: Served) -> None:
        while True:
            request = conn.read_request()
            if request.target == "/wait":
                go.wait(PATIENCE)
            conn.send(ok(b"x"))

    site = make_site(script, upstream={"pool": {"min_idle": 20, "max_idle": 64}})
    site.fetch("/")
    until(lambda: site.upstream.accepted >= 20, "twenty connections stand ready")
    ready = {conn.index for conn in site.upstream.open_connections()}
    clients = [site.connect() for _ in range(20)]
    for client in clients:
        client.send(site.get("/wait"))
    site.upstream.wait_requests(21)
    go.set()
    assert all(client.read_response().status == 200 for client in clients)
    used = {conn.index for conn in site.upstream.used()}
    assert len(used & ready) >= 20


def test_a_dead_endpoint_starves_no_other(make_site) -> None:
    """Rule 13: dialling ahead to a server that is gone takes nothing from the pools of others."""
    gone = make_site(_named("x"), upstream={"pool": {"min_idle": 64}})
    gone.fetch("/")
    until(lambda: gone.upstream.accepted >= 16, "connections are dialled ahead")
    gone.upstream.close()
    for _ in range(5):
        site = make_site(_named("x"), upstream={"pool": {"min_idle": 6}})
        site.fetch("/")
        until(lambda: len(site.upstream.open_connections()) >= 6, "six connections stand ready")


def test_a_pool_survives_pushes_that_do_not_change_the_endpoint(make_site) -> None:
    """The pool survives pushes: the very same connections serve afterwards."""
    site = make_site(_named("x"), upstream={"pool": {"min_idle": 4}})
    site.fetch("/")
    until(lambda: len(site.upstream.open_connections()) >= 4, "four connections stand ready")
    before = {conn.index for conn in site.upstream.open_connections()}
    for number in range(3):
        site.push(headers={"add_request": {"X-Push": str(number)}})
        response = site.fetch("/")
        assert response.status == 200
    assert site.upstream.requests[-1].get("X-Push") == b"2"
    assert {conn.index for conn in site.upstream.open_connections()} >= before
    assert {conn.index for conn in site.upstream.used()} <= before


def test_an_endpoint_that_is_taken_out_gets_nothing_more(make_site, make_upstream) -> None:
    """A push is live: its first request goes to the new endpoint."""
    old, new = make_upstream(_named("old")), make_upstream(_named("new"))
    site = make_site(endpoints=[old.address])
    assert site.fetch("/").body == b"old"
    site.push(upstreams={"web": {"pool": {"min_idle": 0}, "endpoints": [{"address": new.address}]}})
    assert _count(site, 10) == {"new": 10}
    assert len(old.requests) == 1


def test_a_running_exchange_uses_its_tenant_over_a_push(make_site, make_upstream) -> None:
    """Design, Threads: connections keep the tenant they were compiled with until their current request ends."""
    go = threading.Event()

    def script(conn: Served) -> None:
        conn.read_request()
        go.wait(PATIENCE)
        conn.send(ok(b"old", "Server: x"))

    old, new = make_upstream(script), make_upstream(_named("new"))
    site = make_site(endpoints=[old.address])
    with site.connect() as client:
        client.send(site.get("/"))
        old.wait_requests(1)
        site.push(upstreams={"web": {"pool": {"min_idle": 0}, "endpoints": [{"address": new.address}]}},
                  headers={"remove_response": ["Server"]})
        go.set()
        response = client.read_response()
        assert (response.body, response.get("Server")) == (b"old", b"x")
        assert client.ask(site.get("/")).body == b"new"


def test_tenants_with_the_same_endpoint_do_not_mix(make_site, make_upstream) -> None:
    """Two tenants in front of one server: each request carries its own host and its own tenant's fields."""
    server = make_upstream(lambda conn: _echo_host(conn))
    sites = [make_site(endpoints=[server.address], headers={"add_request": {"X-Tenant": str(number)}})
             for number in range(3)]
    for _ in range(5):
        for number, site in enumerate(sites):
            assert site.fetch("/").body == f"{site.host} {number}".encode()


def _echo_host(conn: Served) -> None:
    while True:
        request = conn.read_request()
        conn.send(ok((request.get("Host") or b"") + b" " + (request.get("X-Tenant") or b"")))


# -- names


def test_a_host_name_as_an_endpoint(make_site, make_upstream) -> None:
    """A host name is resolved."""
    server = make_upstream(_named("by-name"))
    site = make_site(endpoints=[f"localhost:{server.port}"])
    assert _count(site, 10) == {"by-name": 10}


def test_a_name_that_does_not_resolve(make_site, make_upstream) -> None:
    """Names are resolved without blocking; an endpoint whose name does not exist is out."""
    server = make_upstream(_named("good"))
    site = make_site(endpoints=["nobody.invalid:80", server.address])
    assert _count(site, 10) == {"good": 10}
    alone = make_site(endpoints=["nobody.invalid:80"])
    assert alone.fetch("/").status in (502, 504)
    assert site.fetch("/").status == 200


def test_an_endpoint_by_ipv6(ipv6, make_site, make_upstream) -> None:
    """[v6]:port."""
    server = make_upstream(_named("six"), host="::1")
    site = make_site(endpoints=[server.address])
    assert site.fetch("/").body == b"six"


def test_hundreds_of_endpoints(make_node, make_upstream) -> None:
    """256 endpoints of one upstream, the most there may be, of which 240 refuse: at most 8 are tried for a request, and
    those that refused are passed over by the next ones."""
    node, name = make_node(workers=2), unique()
    first = make_upstream(_named("x"), host="127.0.2.1")
    serving = [first] + [make_upstream(_named("x"), host=f"127.0.2.{n}", port=first.port) for n in range(2, 17)]
    refusing = [f"127.0.3.{n}:{first.port}" for n in range(1, 241)]
    node.apply(tenant(name, refusing + [server.address for server in serving]))
    statuses = [fetch(node.address, get(f"{name}.test")).status for _ in range(40)]
    assert set(statuses) <= {200, 502}
    assert 0 < statuses.count(200) == sum(len(server.requests) for server in serving)
    records = until(lambda: len(node.access_records(tenant=name)) == 40 and node.access_records(tenant=name), "all records")
    assert max(record["tries"] for record in records) == 8
