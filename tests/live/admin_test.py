# SPDX-License-Identifier: Apache-2.0
"""admin_test.py - the admin API as node/ctl/admin/API.md promises it, over the Unix socket."""

import json
import os
import re
import socket
import threading
from typing import Any, Dict, Iterator, List, Optional

import pytest

from support.client import Client, fetch, get
from support.message import Stream, read_response
from support.node import Node, to_yaml
from support.site import tenant, unique
from support.wait import PATIENCE, until

YAML = {"Content-Type": "application/yaml"}
JSON = {"Content-Type": "application/json"}


def _plain(name: str, *hosts: str, **more: Any) -> Dict[str, Any]:
    """A tenant as JSON has it: without apiVersion and kind, which are of files."""
    return {"name": name, "hosts": list(hosts) or [f"{name}.test"],
            "upstreams": {"web": {"endpoints": [{"address": "127.0.0.1:9"}]}}, **more}


@pytest.fixture
def name(node: Node) -> Iterator[str]:
    """A tenant's name that nobody has, and that is free again afterwards."""
    one = unique()
    yield one
    node.admin.call("DELETE", f"/v1/tenants/{one}")


# -- health and metrics


def test_healthz_and_readyz(node: Node) -> None:
    """/healthz alive, /readyz has its data and serves."""
    assert (node.admin.get("/healthz").status, node.admin.get("/healthz").body.strip()) == (200, b"ok")
    assert (node.admin.get("/readyz").status, node.admin.get("/readyz").body.strip()) == (200, b"ready")


_SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*"'
                     r'(,[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*")*\})? (-?[0-9.]+(e[+-]?[0-9]+)?|\+Inf|NaN)')


def test_metrics_are_prometheus_text(node: Node) -> None:
    """The exposition format, each metric with its help and type before its samples, none given twice."""
    response = node.admin.get("/metrics")
    assert response.status == 200
    assert (response.headers["Content-Type"] or "").startswith("text/plain; version=0.0.4")
    text = response.body.decode("ascii")
    assert text.endswith("\n")
    helped: List[str] = []
    typed: Dict[str, str] = {}
    seen: List[str] = []
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped.append(line.split(" ", 3)[2])
        elif line.startswith("# TYPE "):
            _, _, metric, kind = line.split(" ")
            assert metric == helped[-1] and metric not in typed and kind in ("counter", "gauge", "histogram")
            typed[metric] = kind
        else:
            match = _SAMPLE.fullmatch(line)
            assert match, line
            base = re.sub(r"_(bucket|sum|count)$", "", match.group(1)) if match.group(1) not in typed else match.group(1)
            assert base == helped[-1] and base in typed and base.startswith("weir_")
            if typed[base] == "counter":
                assert base.endswith("_total") and float(match.group(4)) >= 0
            seen.append(line.rsplit(" ", 1)[0])
    assert len(seen) == len(set(seen)) > 30


def test_metrics_count_and_stay_bounded(make_site) -> None:
    """Bounded cardinality: a tenant adds its own series once; its traffic and unknown hosts add none."""
    site = make_site()
    site.fetch("/")
    site.barrier()
    before = site.node.admin.metrics()
    for number in range(20):
        site.fetch(f"/{number}")
        fetch(site.node.address, get(f"unknown{number}.test"))
    site.barrier()
    after = site.node.admin.metrics()
    assert set(after) == set(before)
    assert after['weir_requests_total{class="2xx"}'] - before['weir_requests_total{class="2xx"}'] == 20
    assert after["weir_requests_unknown_host_total"] - before["weir_requests_unknown_host_total"] == 20


def test_the_plain_listener_has_health_and_metrics_alone(make_node) -> None:
    """On a plain address (admin.metrics) /metrics, /healthz, /readyz alone; the rest is 404 there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = make_node(config={"admin": {"metrics": f"127.0.0.1:{port}"}})
    address = ("127.0.0.1", port)
    for path in ("/healthz", "/readyz", "/metrics"):
        assert fetch(address, get(f"127.0.0.1:{port}", path)).status == 200
    for path in ("/v1/status", "/v1/tenants", "/v1/tenants/x", "/"):
        assert fetch(address, get("localhost", path)).status == 404
    for method in ("PUT", "DELETE", "POST"):
        assert fetch(address, get("localhost", "/v1/tenants/x", method=method)).status in (404, 405)
    assert node.admin.get("/v1/status").status == 200


# -- paths and methods


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v1/nope", "/v2/status", "//v1/status", "/v1//status", "/v1/status/",
                                  "/v1/./status", "/v1/../v1/status", "/V1/status", "/v1/%73tatus", "/metrics/",
                                  "/v1/tenants/", "/v1/tenants/a/b", "/v1/tenants/a/history/", "/healthz/x", "/v1/test"])
def test_unknown_paths_are_404(node: Node, path: str) -> None:
    """Unknown paths are 404; paths are exact, nothing is normalised into one that exists."""
    response = node.admin.get(path)
    assert (response.status, response.code) == (404, "not_found")


@pytest.mark.parametrize("method,path", [("POST", "/v1/status"), ("DELETE", "/v1/tenants"), ("PATCH", "/v1/tenants/x"),
                                         ("POST", "/metrics"), ("GET", "/v1/apply"), ("PUT", "/v1/drain"),
                                         ("GET", "/v1/undrain"), ("GET", "/v1/reload"), ("POST", "/v1/log-level"),
                                         ("PUT", "/v1/tenants/x/history"), ("GET", "/v1/tenants/x/rollback")])
def test_wrong_methods_are_405(node: Node, method: str, path: str) -> None:
    """RFC 9110 15.5.6: 405 with Allow."""
    response = node.admin.call(method, path)
    assert (response.status, response.code) == (405, "method_not_allowed")
    allowed = {one.strip() for one in (response.headers["Allow"] or "").split(",")}
    assert allowed and method not in allowed


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=", "bogus=1", "limit=1&limit=2",
                                   "after=%zz", "limit=99999999999999999999"])
def test_wrong_parameters_are_400(node: Node, query: str) -> None:
    """A parameter is known and in range, or the request is refused and the parameter named."""
    response = node.admin.get(f"/v1/tenants?{query}")
    assert (response.status, response.code) == (400, "bad_request")


def test_head_of_every_page(node: Node) -> None:
    """RFC 9110 9.3.2."""
    for path in ("/healthz", "/metrics", "/v1/status", "/v1/tenants"):
        response = node.admin.call("HEAD", path)
        assert (response.status, response.body) == (200, b"")


# -- one tenant


def test_the_life_of_a_tenant(node: Node, name: str) -> None:
    """PUT creates (201), changes or leaves as it is (200), GET shows with ETag = revision, DELETE deletes."""
    created = node.admin.put(name, _plain(name))
    assert (created.status, created.headers["ETag"]) == (201, '"1"')
    assert {key: created.json()[key] for key in ("kind", "name", "outcome", "revision")} == {
        "kind": "Tenant", "name": name, "outcome": "created", "revision": 1}
    assert re.fullmatch(r"[0-9a-f]{32}:[0-9]+", created.json()["token"])
    same = node.admin.put(name, _plain(name))
    assert (same.status, same.json()["outcome"], same.json()["revision"]) == (200, "unchanged", 1)
    changed = node.admin.put(name, _plain(name, "a.test", f"{name}.test"))
    assert (changed.status, changed.json()["outcome"], changed.headers["ETag"]) == (200, "changed", '"2"')
    shown = node.admin.get(f"/v1/tenants/{name}")
    assert (shown.status, shown.headers["ETag"]) == (200, '"2"')
    assert shown.json()["tenant"] == _plain(name, "a.test", f"{name}.test")
    assert shown.json()["revision"] == 2 and shown.json()["applied_by"] and shown.json()["why"] == "apply"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown.json()["applied_at"])
    gone = node.admin.call("DELETE", f"/v1/tenants/{name}")
    assert (gone.status, gone.json()["outcome"]) == (200, "deleted")
    assert node.admin.get(f"/v1/tenants/{name}").status == 404
    assert node.admin.call("DELETE", f"/v1/tenants/{name}").status == 404


def test_optimistic_concurrency(node: Node, name: str) -> None:
    """If-Match is the revision; another one is 412 and changes nothing; If-None-Match: * is for new ones."""
    assert node.admin.put(name, _plain(name), If_Match='"1"').status == 412
    assert node.admin.put(name, _plain(name), If_None_Match="*").status == 201
    again = node.admin.put(name, _plain(name, "b.test"), If_None_Match="*")
    assert (again.status, again.code) == (412, "conflict")
    wrong = node.admin.put(name, _plain(name, "b.test"), If_Match='"7"')
    assert (wrong.status, wrong.code, wrong.headers["ETag"]) == (412, "conflict", '"1"')
    assert node.admin.put(name, _plain(name, "b.test"), If_Match='"1"').json()["revision"] == 2
    assert node.admin.call("DELETE", f"/v1/tenants/{name}", headers={"If-Match": '"1"'}).status == 412
    assert node.admin.call("DELETE", f"/v1/tenants/{name}", headers={"If-Match": '"2"'}).status == 200


def test_of_many_writers_with_one_revision_one_wins(node: Node, name: str) -> None:
    """If-Match under a race: exactly one of twenty writers of the same revision is taken."""
    node.admin.put(name, _plain(name))
    statuses: List[int] = []

    def write(number: int) -> None:
        statuses.append(node.admin.put(name, _plain(name, f"w{number}.test"), If_Match='"1"').status)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [412] * 19
    assert node.admin.get(f"/v1/tenants/{name}").json()["revision"] == 2


@pytest.mark.parametrize("etag", ['1', 'W/"1"', '"x"', '"1", "2"', '""', '"-1"', '"1"x'])
def test_if_match_that_is_no_revision(node: Node, name: str, etag: str) -> None:
    """What could be read as no condition at all is refused, never ignored."""
    node.admin.put(name, _plain(name))
    assert node.admin.put(name, _plain(name, "c.test"), If_Match=etag).status in (400, 412)
    assert node.admin.get(f"/v1/tenants/{name}").json()["revision"] == 1


def test_put_takes_yaml(node: Node, name: str) -> None:
    """API.md: JSON, or YAML with its media type; as a file has it, or bare."""
    for number, text in enumerate((f"name: {name}\nhosts: [a.test]\n",
                                   f"apiVersion: weir/v1\nkind: Tenant\nname: {name}\nhosts: [b.test]\n")):
        response = node.admin.call("PUT", f"/v1/tenants/{name}", text, YAML)
        assert response.status == (201, 200)[number], response.body


@pytest.mark.parametrize("body,headers,status", [
    ("{", JSON, 400), ("[]", JSON, 400), ("null", JSON, 400), ('"x"', JSON, 400), ("", JSON, 400), ("x", {}, 400),
    ("{}", {"Content-Type": "text/plain"}, 415), ("{}", JSON, 400), ("a: [", YAML, 400), ("&a [*a]", YAML, 400),
    ('{"name":"NAME","hosts":["a.test"],"hosts":["b.test"]}', JSON, 400), ('{"name":"NAME","hosts":"a.test"}', JSON, 400),
    ('{"name":"NAME","hosts":["a.test"]} trailing', JSON, 400), ('{"name":"other","hosts":["a.test"]}', JSON, 400),
    ('{"name":"NAME","hosts":["a.test"],"nope":1}', JSON, 400), ('{"kind":"Node","name":"NAME"}', JSON, 400),
    ("[" * 100_000, JSON, 400), ("[" * 100_000, YAML, 400), ('{"name":"NAME\\u0000","hosts":["a.test"]}', JSON, 400),
    (b'{"name":"NAME","hosts":["\xff.test"]}', JSON, 400), ("name: NAME\nhosts: [a.test]\n---\nname: NAME\n", YAML, 400),
    ("a: &a [x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n", YAML, 400),
])
def test_bodies_that_are_no_tenant(node: Node, name: str, body: Any, headers: Dict[str, str], status: int) -> None:
    """Rule 15: bad input is refused and named, and changes nothing."""
    body = body.replace("NAME", name) if isinstance(body, str) else body.replace(b"NAME", name.encode())
    response = node.admin.call("PUT", f"/v1/tenants/{name}", body, headers)
    assert response.status == status, response.body
    assert response.json()["error"]["message"]
    assert node.admin.get(f"/v1/tenants/{name}").status == 404


@pytest.mark.parametrize("bad", ["-a", "a-", "UPPER", "a_b", "a.b", "a" * 64, "ä", "a%2fb"])
def test_names_in_paths(node: Node, bad: str) -> None:
    """A name is a DNS label; no other reaches the store."""
    path = f"/v1/tenants/{bad.encode('ascii', 'ignore').decode() or 'x_'}"
    assert node.admin.get(path).status == 404
    assert node.admin.call("PUT", path, json.dumps(_plain("a")), JSON).status in (400, 404)


# -- many tenants


def test_pages_of_tenants(make_node) -> None:
    """API.md: in name order, paged by `after`, filtered by `prefix`; each tenant exactly once; total and next."""
    node = make_node()
    names = sorted(f"p{number:03}" for number in range(120))
    node.apply(*(tenant(name, ["127.0.0.1:9"]) for name in [*names, "other"]))
    for limit in (1, 7, 120, 121, 1000):
        found, after, pages = [], "", 0
        while True:
            page = node.admin.get(f"/v1/tenants?prefix=p&limit={limit}" + (f"&after={after}" if after else "")).json()
            items = page.get("items", [])
            assert len(items) <= limit
            found += [item["name"] for item in items]
            pages += 1
            after = page.get("next", "")
            if not after:
                break
        assert found == names
    assert node.admin.get("/v1/tenants").json()["total"] == 121
    assert not node.admin.get("/v1/tenants?prefix=zz").json().get("items")
    assert not node.admin.get("/v1/tenants?after=p119").json().get("items")
    assert [item["name"] for item in node.admin.get("/v1/tenants?limit=1").json()["items"]] == ["other"]


def test_apply_of_many_documents(node: Node) -> None:
    """API.md: results in the order of the documents, each with its outcome; YAML and JSON."""
    names = [unique() for _ in range(3)]
    node.admin.put(names[0], _plain(names[0]))
    node.admin.put(names[1], _plain(names[1]))
    documents = [{"apiVersion": "weir/v1", "kind": "Tenant", **_plain(names[0])},
                 {"apiVersion": "weir/v1", "kind": "Tenant", **_plain(names[1], "d.test")},
                 {"apiVersion": "weir/v1", "kind": "Tenant", **_plain(names[2])}]
    response = node.admin.call("POST", "/v1/apply", to_yaml(*documents), YAML)
    assert [(one["name"], one["outcome"]) for one in response.json()["results"]] == [
        (names[0], "unchanged"), (names[1], "changed"), (names[2], "created")]
    assert (response.json()["nodes_durable"], response.json()["nodes_total"]) == (1, 1)
    for one in names:
        node.admin.call("DELETE", f"/v1/tenants/{one}")


def test_one_bad_document_stops_all(node: Node) -> None:
    """API.md: one invalid document: 400 with all details, nothing applied."""
    good, bad = unique(), unique()
    text = to_yaml(tenant(good, ["127.0.0.1:9"]),
                   tenant(bad, ["127.0.0.1:99999"], nope=1, http={"max_header": "1GiB"}))
    response = node.admin.call("POST", "/v1/apply", text, YAML)
    assert (response.status, response.code) == (400, "invalid")
    fields = [detail["field"] for detail in response.json()["error"]["details"]]
    assert sorted(fields) == ["http.max_header", "nope", "upstreams.web.endpoints[0].address"]
    assert node.admin.get(f"/v1/tenants/{good}").status == 404


def test_apply_refuses_a_node(node: Node) -> None:
    """API.md: kind Node is refused."""
    response = node.admin.call("POST", "/v1/apply", node.config_path.read_text(), YAML)
    assert response.status == 400


def test_dry_run_does_everything_but_write(node: Node, name: str) -> None:
    """API.md: dry_run=1 on PUT, DELETE, apply and rollback."""
    body = json.dumps(_plain(name))
    assert node.admin.call("PUT", f"/v1/tenants/{name}?dry_run=1", body, JSON).json()["outcome"] == "created"
    assert node.admin.get(f"/v1/tenants/{name}").status == 404
    node.admin.put(name, _plain(name))
    node.admin.put(name, _plain(name, "e.test"))
    text = to_yaml({"apiVersion": "weir/v1", "kind": "Tenant", **_plain(name, "f.test")})
    assert node.admin.call("POST", "/v1/apply?dry_run=1", text, YAML).json()["results"][0]["outcome"] == "changed"
    assert node.admin.call("POST", f"/v1/tenants/{name}/rollback?revision=1&dry_run=1").json()["outcome"] == "changed"
    assert node.admin.call("DELETE", f"/v1/tenants/{name}?dry_run=1").json()["outcome"] == "deleted"
    shown = node.admin.get(f"/v1/tenants/{name}").json()
    assert (shown["revision"], shown["tenant"]["hosts"]) == (2, ["e.test"])


# -- history


def test_history_and_rollback(node: Node, name: str) -> None:
    """The last revisions, when, by whom, what changed; an old one applied as a new revision."""
    for number in range(1, 4):
        node.admin.put(name, _plain(name, f"v{number}.test"))
    history = node.admin.get(f"/v1/tenants/{name}/history").json()
    assert [one["revision"] for one in history["revisions"]] == [3, 2, 1]
    assert [one.get("changed") for one in history["revisions"]][:2] == [["hosts[0]"], ["hosts[0]"]]
    old = node.admin.get(f"/v1/tenants/{name}/revisions/1").json()
    assert old["tenant"]["hosts"] == ["v1.test"]
    done = node.admin.call("POST", f"/v1/tenants/{name}/rollback?revision=1").json()
    assert (done["outcome"], done["revision"]) == ("changed", 4)
    now = node.admin.get(f"/v1/tenants/{name}").json()
    assert (now["tenant"], now["why"]) == (old["tenant"], "rollback to 1")
    assert node.admin.call("POST", f"/v1/tenants/{name}/rollback?revision=9").status == 404
    assert node.admin.get(f"/v1/tenants/{name}/revisions/9").status == 404
    assert node.admin.get(f"/v1/tenants/{unique()}/history").status == 404


def test_history_holds_16_and_outlives_the_tenant(node: Node, name: str) -> None:
    """The last 16 revisions of each tenant; a deleted one can be brought back."""
    for number in range(20):
        node.admin.put(name, _plain(name, f"n{number}.test"))
    revisions = [one["revision"] for one in node.admin.get(f"/v1/tenants/{name}/history").json()["revisions"]]
    assert revisions == list(range(20, 4, -1))
    assert node.admin.get(f"/v1/tenants/{name}/revisions/4").status == 404
    node.admin.call("DELETE", f"/v1/tenants/{name}")
    assert node.admin.get(f"/v1/tenants/{name}/history").json()["revisions"][0]["revision"] == 20
    back = node.admin.call("POST", f"/v1/tenants/{name}/rollback?revision=20").json()
    assert (back["outcome"], back["revision"] > 20) == ("created", True)
    assert node.admin.get(f"/v1/tenants/{name}").json()["tenant"]["hosts"] == ["n19.test"]


# -- questions


def test_route_and_redirect_tests(node: Node, name: str) -> None:
    """What would happen to a request, and which rule decides; nothing is sent anywhere."""
    node.admin.put(name, _plain(name, redirects=[{"path": "/old", "to": {"path": "/new", "code": 308}}],
                                routes=[{"path": "/", "upstream": "web"}, {"path": "/api/", "upstream": "web"}]))
    base = f"http://{name}.test"
    routed = node.admin.get(f"/v1/test/route?url={base}/api/x").json()
    assert (routed["tenant"], routed["decision"], routed["rule"], routed["upstream"]) == (name, "route", "routes[1]", "web")
    assert routed["endpoints"][0].startswith("127.0.0.1:9")
    moved = node.admin.get(f"/v1/test/route?url={base}/old/x").json()
    assert (moved["decision"], moved["rule"], moved["code"], moved["location"]) == (
        "redirect", "redirects[0]", 308, f"{base}/new/x")
    assert node.admin.get("/v1/test/route?url=http://nobody.test/").json()["decision"] == "none"
    asked = node.admin.get(f"/v1/test/redirect?url={base}/old&tenant={name}").json()
    assert asked["location"] == f"{base}/new"
    assert node.admin.get(f"/v1/test/redirect?url={base}/&tenant={unique()}").status == 404
    for bad in ("", "nonsense", "ftp://a/", "http://", "http://a:0/", "http://a/%00"):
        assert node.admin.get(f"/v1/test/route?url={bad}").status == 400


def test_status(node: Node) -> None:
    """weir status: state, version, load, store, of one node."""
    one, = node.admin.get("/v1/status").json()["nodes"]
    assert (one["name"], one["state"], one["workers"]) == ("live", "serving", 1)
    assert one["store_used_bytes"] > 0 and one["store_max_bytes"] == 256 << 20
    assert one["resident_bytes"] > 1 << 20
    assert re.fullmatch(r"[0-9a-f]{32}", one["lane"])


def test_doctor(make_site) -> None:
    """weir doctor: each check with its outcome; an endpoint that does not respond is found."""
    make_site()
    make_site(endpoints=["127.0.0.1:9"])
    from_node = make_site().node.admin.get("/v1/doctor").json()["checks"]
    assert {check["outcome"] for check in from_node} <= {"ok", "warn", "fail"}
    names = {check["name"] for check in from_node}
    assert {"clock", "descriptors", "store", "readers", "listeners"} <= names
    found = [check for check in from_node if "127.0.0.1:9 " in check["message"] + " "]
    assert found and found[0]["outcome"] == "warn" and found[0]["hint"]


# -- logs


def test_logs_of_a_tenant(make_site) -> None:
    """API.md, /v1/logs: the last records, of one tenant if asked."""
    site, other = make_site(), make_site()
    site.fetch("/mine")
    other.fetch("/theirs")
    node = site.node

    def records() -> List[Dict[str, Any]]:
        return [json.loads(line) for line in node.admin.get(f"/v1/logs?tenant={site.name}").body.splitlines()]

    until(lambda: any(record["path"] == "/mine" for record in records()), "the record is there")
    assert {record["tenant"] for record in records()} == {site.name}


def test_logs_that_are_followed(make_site) -> None:
    """API.md: with follow=1 it stays open; records come as exchanges end."""
    site = make_site()
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(PATIENCE)
    stream.connect(site.node.socket_path)
    stream.sendall(f"GET /v1/logs?follow=1&tenant={site.name} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += stream.recv(4096)
    for number in range(3):
        site.fetch(f"/followed{number}")
        while b"/followed%d" % number not in received:
            data = stream.recv(4096)
            assert data, "the stream ended"
            received += data
    stream.close()
    assert site.node.admin.get("/healthz").status == 200


# -- the socket as an HTTP server


def _raw(node: Node, data: bytes, finish: bool = False) -> bytes:
    """Send bytes, read to the end of the connection."""
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(PATIENCE)
        one.connect(node.socket_path)
        try:
            one.sendall(data)
        except BrokenPipeError:
            pass
        if finish:
            one.shutdown(socket.SHUT_WR)
        received = b""
        while True:
            try:
                piece = one.recv(65_536)
            except ConnectionResetError:
                return received
            if not piece:
                return received
            received += piece


@pytest.mark.parametrize("data", [
    b"GET /v1/status\r\n\r\n", b"GET  /v1/status HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /v1/status HTTP/1.1\nHost: a\n\n",
    b"GET /v1/status HTTP/1.1\r\n\r\n", b"POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
    b"POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Type: application/yaml\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /v1/status HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", b"\x16\x03\x01\x00\x00", b"\x00" * 100,
])
def test_hostile_bytes_on_the_admin_socket(node: Node, data: bytes) -> None:
    """Robustness, admin API: own listener, same parser: malformed requests are 400, once, and the connection ends."""
    received = _raw(node, data + b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 400 "), received[:200]
    assert received.count(b"HTTP/1.1 ") == 1


def test_bodies_are_bounded(node: Node) -> None:
    """Consul CVE-2025-11374 class: at most 8 MiB, declared or in chunks; 413."""
    limit = 8 << 20
    head = b"POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Type: application/yaml\r\n"
    assert _raw(node, head + b"Content-Length: %d\r\n\r\n" % (limit + 1)).startswith(b"HTTP/1.1 413 ")
    assert _raw(node, head + b"Content-Length: 999999999999999999\r\n\r\n").startswith(b"HTTP/1.1 413 ")
    chunk = b"100000\r\n" + b"#" * 0x100000 + b"\r\n"
    assert _raw(node, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 9).startswith(b"HTTP/1.1 413 ")
    assert node.admin.call("POST", "/v1/apply", "# comment\n" * 10 + "#" * (limit - 200), YAML).status in (200, 400)


def test_a_large_head_is_refused(node: Node) -> None:
    """RFC 6585 5 on the admin socket."""
    received = _raw(node, b"GET /v1/status HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100_000 + b"\r\n\r\n")
    assert received.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


def test_pipelined_admin_requests(node: Node) -> None:
    """RFC 9112 9.3.2 on the admin socket: responses come in the order of the requests."""
    received = _raw(node, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/nope HTTP/1.1\r\nHost: a\r\n\r\n"
                    b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    pieces = iter([received])
    stream = Stream(lambda: next(pieces, b""))
    assert [read_response(stream).status for _ in range(3)] == [200, 404, 200]


def _open_admin(node: Node) -> Optional[socket.socket]:
    one = socket.socket(socket.AF_UNIX)
    one.setblocking(False)
    try:
        one.connect(node.socket_path)
    except BlockingIOError:
        one.close()
        return None
    return one


def test_admin_connections_are_bounded(make_node, make_site) -> None:
    """Rule 11: at most 256 admin connections; those beyond wait, the data path serves on, and room is used again."""
    node = make_node()
    site = make_site(on=node)
    held = [until(lambda: _open_admin(node), "an admin connection") for _ in range(256)]
    waiting = _open_admin(node)
    assert site.fetch("/").status == 200
    if waiting is not None:
        waiting.close()
    for one in held:
        one.close()
    until(lambda: _is_healthy(node), "the admin API responds again")


def _is_healthy(node: Node) -> bool:
    try:
        return node.admin.get("/healthz").status == 200
    except OSError:
        return False


def test_the_socket_is_for_its_owner(node: Node) -> None:
    """Local clients, by file permission."""
    mode = os.stat(node.socket_path).st_mode & 0o777
    assert mode & 0o007 == 0
    assert os.stat(node.data).st_mode & 0o777 == 0o700


def test_a_push_does_not_disturb_the_data_path(make_site) -> None:
    """Rule 15: pushes and bad pushes go by, a client's connection serves on."""
    site = make_site()
    with site.connect() as client:
        for number in range(30):
            site.node.admin.put(site.name, {"nonsense": number})
            site.node.admin.call("POST", "/v1/apply", "{" * number, YAML)
            assert client.ask(site.get("/")).status == 200


def test_write_is_live_when_acknowledged(node: Node, name: str) -> None:
    """API.md: a write is acknowledged after it is durable and the workers have it: the next request sees it."""
    with Client(node.address) as client:
        for number in range(50):
            host = f"r{number}.{name}.test"
            node.admin.put(name, _plain(name, host, redirects=[{"path": "/", "to": {"host": f"to{number}.test"}}]))
            response = client.ask(get(host, "/"))
            location = response.get("Location") or b""
            assert response.status == 301 and b"to%d.test" % number in location
