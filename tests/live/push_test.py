# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 server push and early hints through the whole program: python's h2, nghttp and curl as clients.

Rows of the product document, "HTTP/2 Server Push": what a response links is requested from the upstream and pushed;
several Link fields; Link is never removed, whatever the client speaks.
"""

import shutil
import socket
import subprocess
import threading
from typing import Dict, List, Optional

import pytest

from support.certs import Authority
from support.client import get
from support.h2_push import PushClient, Setting
from support.message import Request
from support.site import Site
from support.upstream import Response, Served, by_target, ok, responding
from support.wait import PATIENCE, until

STYLE = "Link: </style.css>; as=style; rel=preload"
PAGE = ok(b"<html>", "Content-Type: text/html", STYLE)
CSS = ok(b"body {}", "Content-Type: text/css")


def _site(make_secure_site, **responses: Response) -> Site:
    """A site whose paths are the names, with "_" for "/"."""
    return make_secure_site(by_target({name.replace("_", "/"): one for name, one in responses.items()}, CSS))


def _client(site: Site, authority: Authority, settings: Optional[Dict[int, int]] = None) -> PushClient:
    return PushClient(site.node.secure_address, site.host, authority.context("h2"), settings)


def _targets(site: Site) -> List[str]:
    return [request.target for request in site.upstream.requests if not request.target.startswith("/.")]


def test_a_linked_style_sheet_is_requested_and_pushed(make_secure_site, authority) -> None:
    """On detecting such a header in the response, the proxy requests the resource from the upstream and pushes it."""
    site = _site(make_secure_site, _index=PAGE)
    with _client(site, authority) as client:
        page = client.ask("/index")
        client.wait(lambda: len(client.promised()) == 1 and client.promised()[0].over, "the push is over")
        assert client.wait_over(page).body == b"<html>"
        assert client.streams[page].get("link") == ["</style.css>; as=style; rel=preload"]
        pushed = client.promised()[0]
        assert dict(pushed.promise) == {":method": "GET", ":scheme": "https", ":authority": site.host,
                                        ":path": "/style.css"}
        assert (pushed.parent, pushed.status, pushed.body, pushed.ended) == (page, 200, b"body {}", True)
        # RFC 9113 8.4.1: before the frames that refer to what is promised.
        assert client.order[0] == ("promise", 2)
    assert _targets(site) == ["/index", "/style.css"]
    record = site.node.wait_record(host=site.host, path="/style.css")
    assert (record["status"], record["outcome"]) == (200, "ok")


def test_links_of_several_fields_and_several_of_a_field_are_pushed(make_secure_site, authority) -> None:
    """Multiple Link headers can be added to a single server response."""
    site = _site(make_secure_site, _dir_index=ok(
        b"x", 'Link: <a.js>; rel="preload"; as="script", </no>; rel=preload; nopush', "Link: </next>; rel=next",
        "Link: <//other.example/c>; rel=preload", "link: <../b.png?v=1>;rel=preload"))
    with _client(site, authority) as client:
        client.ask("/dir/index")
        client.wait(lambda: len(client.promised()) == 2 and all(one.over for one in client.promised()), "two pushes")
        client.quiet()
        assert [one.path for one in client.promised()] == ["/dir/a.js", "/b.png?v=1"]
    assert sorted(_targets(site)) == ["/b.png?v=1", "/dir/a.js", "/dir/index"]


def test_a_refused_push_ends_the_request_at_the_upstream(make_secure_site, authority) -> None:
    """RFC 9113 8.4.2: RST_STREAM of a promised stream; nothing of it is sent on, and the upstream is let go."""
    begun, ended = threading.Event(), threading.Event()

    def slow(conn: Served, _: Request) -> None:
        begun.set()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc")
        conn.wait_end()
        ended.set()

    site = _site(make_secure_site, **{"_": PAGE, "_style.css": slow})
    with _client(site, authority) as client:
        page = client.ask("/")
        client.wait(lambda: len(client.promised()) == 1, "a promise")
        assert begun.wait(PATIENCE)
        client.reset(2)
        assert client.wait_over(page).status == 200
        assert ended.wait(PATIENCE), "the upstream's connection ends"
        assert client.get("/other").status == 200
    assert site.node.wait_record(host=site.host, path="/style.css")["outcome"] == "client_gone"


def test_a_client_that_forbids_pushes_gets_hints_instead(make_secure_site, authority) -> None:
    """SETTINGS_ENABLE_PUSH 0. The second visitor is told by a 103 before the upstream has responded."""
    wait = threading.Event()

    def page(conn: Served, _: Request) -> None:
        assert wait.wait(PATIENCE)
        conn.send(PAGE)

    site = _site(make_secure_site, _page=page)
    wait.set()
    no_push = {int(Setting.ENABLE_PUSH): 0}
    with _client(site, authority, no_push) as client:
        first = client.get("/page")
        assert (first.interim, client.promised()) == ([], [])
        assert first.get("link") == ["</style.css>; as=style; rel=preload"]
    wait.clear()
    with _client(site, authority, no_push) as client:
        stream = client.ask("/page")
        client.wait(lambda: bool(client.streams[stream].interim), "a 103")
        status, fields = client.streams[stream].interim[0]
        assert (status, dict(fields)["link"]) == (103, "</style.css>; as=style; rel=preload")
        wait.set()
        assert client.wait_over(stream).status == 200
        assert (len(client.streams[stream].interim), client.promised()) == (1, [])


def test_a_client_may_forbid_pushes_later(make_secure_site, authority) -> None:
    site = _site(make_secure_site, _a=PAGE, _b=ok(b"b", "Link: </b.css>; rel=preload"))
    with _client(site, authority) as client:
        client.get("/a")
        client.wait(lambda: len(client.promised()) == 1, "a promise")
        client.set({int(Setting.ENABLE_PUSH): 0})
        client.get("/b")
        client.quiet()
        assert len(client.promised()) == 1


def test_no_more_pushes_are_open_than_the_client_takes(make_secure_site, authority) -> None:
    """SETTINGS_MAX_CONCURRENT_STREAMS of the client bounds what the server opens."""
    links = ", ".join(f"</{i}.css>; rel=preload" for i in range(10))
    site = _site(make_secure_site, _page=ok(b"x", f"Link: {links}"))
    with _client(site, authority, {int(Setting.MAX_CONCURRENT_STREAMS): 3}) as client:
        client.get("/page")
        client.wait(lambda: len(client.promised()) == 3 and all(one.over for one in client.promised()), "three pushes")
        client.quiet()
        assert len(client.promised()) == 3
    assert len(_targets(site)) == 4


def test_a_push_that_is_no_success_is_cancelled(make_secure_site, authority) -> None:
    """A redirect to a login, say, must not stay in the client's cache as the style sheet."""
    site = _site(make_secure_site, **{"_": PAGE, "_style.css":
                                      b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"})
    with _client(site, authority) as client:
        client.get("/")
        client.wait(lambda: len(client.promised()) == 1 and client.promised()[0].over, "the push is over")
        assert (client.promised()[0].status, client.promised()[0].reset) == (None, 8)


def test_the_switches_of_a_tenant(make_secure_site, authority) -> None:
    """http.server_push and http.early_hints; without pushes, a client that takes them gets hints."""
    site = make_secure_site(responding(PAGE), http={"server_push": False})
    with _client(site, authority) as client:
        assert client.get("/x").interim == []
        assert [status for status, _ in client.get("/x").interim] == [103]
        assert client.promised() == []
    site.push(http={"server_push": False, "early_hints": False})
    with _client(site, authority) as client:
        assert client.get("/x").interim == []


def test_what_one_visitor_got_is_not_hinted_to_others(make_secure_site, authority) -> None:
    site = _site(make_secure_site, _cookie=ok(b"x", STYLE, "Set-Cookie: a=b"),
                 _private=ok(b"x", STYLE, "Cache-Control: private, max-age=60"), _mine=PAGE)
    with _client(site, authority, {int(Setting.ENABLE_PUSH): 0}) as client:
        for path, fields in (("/cookie", ()), ("/private", ()), ("/mine", (("cookie", "a=b"),))):
            for _ in range(2):
                assert client.get(path, *fields).interim == []
        assert client.get("/mine").interim == []
        assert [status for status, _ in client.get("/mine").interim] == [103]


def test_clients_of_http_1_see_the_link_and_no_more(make_secure_site, authority) -> None:
    """Even if the browser uses HTTP/1.1, it can analyse the Link header. Old clients do not expect a 103."""
    site = _site(make_secure_site, _page=PAGE)
    with _client(site, authority, {int(Setting.ENABLE_PUSH): 0}) as client:
        client.get("/page")  # so that there is something to hint
    with site.connect() as client:
        response = client.ask(get(site.host, "/page"))
        assert (response.status, response.get("Link")) == (200, b"</style.css>; as=style; rel=preload")
    context = authority.context("http/1.1")
    with context.wrap_socket(socket.create_connection(site.node.secure_address), server_hostname=site.host) as secure:
        secure.sendall(get(site.host, "/page", "Connection: close"))
        data = b""
        while piece := secure.recv(65536):
            data += piece
    assert data.startswith(b"HTTP/1.1 200 ") and b"\r\nLink: </style.css>; as=style; rel=preload\r\n" in data
    assert _targets(site) == ["/page"] * 3


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed; deploy/setup --tests brings it")
    return path


def test_nghttp_is_pushed_to(make_secure_site) -> None:
    site = _site(make_secure_site, _index=PAGE)
    host, port = site.node.secure_address
    done = subprocess.run([_tool("nghttp"), "-v", "-H", f":authority: {site.host}", f"https://{host}:{port}/index"],
                          capture_output=True, text=True, timeout=PATIENCE * 2, check=False)
    assert done.returncode == 0, done.stderr
    assert "recv PUSH_PROMISE frame" in done.stdout
    assert ":path: /style.css" in done.stdout and "body {}" in done.stdout
    assert sorted(_targets(site)) == ["/index", "/style.css"]


def test_curl_gets_page_and_link_over_both_versions(make_secure_site, authority) -> None:
    """curl takes no pushes: over HTTP/2 it is hinted to, over HTTP/1.1 it is not."""
    site = _site(make_secure_site, _index=PAGE)
    host, port = site.node.secure_address
    statuses = []
    for version in ("--http2", "--http2", "--http1.1"):
        done = subprocess.run([_tool("curl"), "-si", version, "--cacert", str(authority.root), "--resolve",
                               f"{site.host}:{port}:{host}", f"https://{site.host}:{port}/index"],
                              capture_output=True, text=True, timeout=PATIENCE * 2, check=False)
        assert done.returncode == 0, done.stderr
        assert "link: </style.css>; as=style; rel=preload" in done.stdout.lower()
        statuses.append([line.split()[1] for line in done.stdout.splitlines() if line.startswith("HTTP/")])
    assert statuses == [["200"], ["103", "200"], ["200"]]
    assert _targets(site) == ["/index"] * 3


def test_pushes_are_counted(make_secure_site, authority) -> None:
    site = _site(make_secure_site, _index=PAGE)
    before = site.node.admin.metrics()
    with _client(site, authority) as client:
        client.get("/index")
        client.wait(lambda: len(client.promised()) == 1 and client.promised()[0].over, "the push is over")
    until(lambda: site.node.admin.metrics()["weir_h2_pushes_total"] == before["weir_h2_pushes_total"] + 1,
          "the push is counted")
