# SPDX-License-Identifier: Apache-2.0
"""https_upstream_test.py - `protocol: https` of an upstream: versions, ciphers, names, verification, pins, sessions,
pools, and servers that misbehave in or behind the handshake."""

import base64
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from conftest import short_folder
from support.certs import Authority, Certificate, openssl
from support.client import End, get
from support.nginx import binary
from support.site import tenant
from support.tls_upstream import NginxTls, OpensslServer, TlsUpstream, end_in_order, server_context
from support.upstream import Script, Served, ok, pause, responding
from support.wait import PATIENCE, until

NAME = "origin.test"


@pytest.fixture(scope="module")
def good(authority: Authority) -> Certificate:
    """A certificate for the name and for the address on which upstreams listen."""
    return authority.issue(NAME, "127.0.0.1")


@pytest.fixture
def make_server(good: Certificate) -> Iterator[Callable[..., TlsUpstream]]:
    made: List[TlsUpstream] = []

    def make(script: Script = responding(), one: Optional[Certificate] = None, **options: Any) -> TlsUpstream:
        made.append(TlsUpstream(one or good, script, **options))
        return made[-1]

    yield make
    for server in made:
        server.close()
    for server in made:
        server.check()


@pytest.fixture
def make_openssl(folder: Path, authority: Authority) -> Iterator[Callable[..., OpensslServer]]:
    made: List[OpensslServer] = []

    def make(*options: str, key: str = "rsa") -> OpensslServer:
        made.append(OpensslServer(folder, authority.issue(NAME, key=key), *options))
        return made[-1]

    yield make
    for server in made:
        server.stop()


def https(**tls: Any) -> Dict[str, Any]:
    """An upstream over TLS."""
    return {"protocol": "https", **({"tls": tls} if tls else {})}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pin_of(one: Certificate) -> str:
    key = openssl("pkey", "-pubin", "-outform", "DER", stdin=openssl("x509", "-in", one.cert, "-pubkey", "-noout"))
    return "sha256/" + base64.b64encode(hashlib.sha256(key).digest()).decode()


def refused(site: Any, fault: str) -> None:
    """The request gets a 502, and its record says why the handshake failed."""
    assert site.fetch("/refused").status == 502
    record = site.node.wait_record(tenant=site.name, path="/refused")
    assert (record["outcome"], record["fault"]) == ("upstream_tls", fault)


# -- versions and ciphers


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3"])
def test_a_server_of_each_version_is_reached(make_site, make_openssl, version: str) -> None:
    """http-proxy.txt, encryption: all versions of TLS for upstream connections; the upstream is not verified."""
    option = "-tls1" if version == "1.0" else "-tls" + version.replace(".", "_")
    server = make_openssl(option, "-cipher", "ALL:@SECLEVEL=0")
    site = make_site(endpoints=[server.address], upstream=https())
    response = site.fetch("/file")
    assert (response.status, response.body) == (200, b"from openssl")


def _common_ciphers() -> List[str]:
    """Those that OpenSSL has of weir's."""
    listed = openssl("ciphers", "ALL:@SECLEVEL=0").decode().strip().split(":")
    ours = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
            "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
            "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "DES-CBC3-SHA"]
    return [name for name in ours if name in listed]


@pytest.mark.parametrize("cipher", _common_ciphers())
def test_a_server_of_each_cipher_is_reached(make_site, make_server, authority, cipher: str) -> None:
    """http-proxy.txt, encryption: all possible algorithms for upstream connections. Also when the tenant names it."""
    one = authority.issue(NAME, key="ecdsa" if "ECDSA" in cipher else "rsa")
    for tls in ({}, {"ciphers": [cipher]}):
        server = make_server(one=one, context=server_context(one, ("1.0", "1.2"), cipher + ":@SECLEVEL=0"))
        site = make_site(endpoints=[server.address], upstream=https(**tls))
        assert site.fetch("/").status == 200
        assert server.handshakes[0].cipher == cipher


def test_versions_and_ciphers_are_those_of_the_tenant(make_site, make_server) -> None:
    """tls.min_version, tls.max_version, tls.ciphers bound what is offered."""
    for tls, expected in (({"max_version": "1.2"}, "TLSv1.2"), ({"max_version": "1.0"}, "TLSv1"), ({}, "TLSv1.3"),
                          ({"min_version": "1.1", "max_version": "1.1"}, "TLSv1.1")):
        server = make_server()
        assert make_site(endpoints=[server.address], upstream=https(**tls)).fetch("/").status == 200
        assert server.handshakes[0].version == expected


def test_no_version_or_cipher_in_common_is_a_refusal_with_its_reason(make_site, make_server, good) -> None:
    """A handshake that fails is a failed connect, and the record says why."""
    old = make_server(context=server_context(good, ("1.0", "1.2")))
    refused(make_site(endpoints=[old.address], upstream=https(min_version="1.3")), "alert_protocol_version")
    new = make_server(context=server_context(good, ("1.2", "1.2"), "ECDHE-ECDSA-AES128-GCM-SHA256"))
    refused(make_site(endpoints=[new.address], upstream=https(max_version="1.2", ciphers=["AES128-SHA"])),
            "alert_handshake_failure")


# -- names


def test_the_name_in_the_handshake_is_sni_or_the_endpoints_own(make_node, make_server, name_server) -> None:
    """tls.sni; without it the endpoint's name, and none for an address."""
    node = make_node(config={"resolver": {"servers": [name_server.address]}})
    name_server.set("named.example", "127.0.0.1")
    server = make_server()
    for number, (endpoint, tls, expected) in enumerate((
            (server.address, {}, None), (f"named.example:{server.port}", {}, "named.example"),
            (server.address, {"sni": "Other.Example"}, "other.example"),
            (f"named.example:{server.port}", {"sni": "third.example"}, "third.example"))):
        node.apply(tenant(f"t{number}", [endpoint], upstream=https(**tls)))
        with node.connect() as client:
            assert client.ask(get(f"t{number}.test")).status == 200
        assert server.names()[-1] == expected


# -- verification


def test_without_verify_any_certificate_will_do(make_site, make_server, authority) -> None:
    """http-proxy.txt, encryption: the upstream's authenticity is not verified."""
    for one in (authority.issue("elsewhere.test", days=(-20, -10)), authority.issue("self.test", issuer="self")):
        server = make_server(one=one)
        assert make_site(endpoints=[server.address], upstream=https()).fetch("/").status == 200


def test_a_verified_chain_leads_to_the_authorities_of_the_tenant(make_site, make_server, authority, good) -> None:
    """tls.verify with tls.ca: chain, dates and name; the name is sni, else the address."""
    root = {"pem": authority.root.read_text()}
    server = make_server()
    for tls in ({"sni": NAME}, {}, {"sni": NAME, "pins": [pin_of(good)]}):
        site = make_site(endpoints=[server.address], upstream=https(verify=True, ca=root, **tls))
        assert site.fetch("/").status == 200


@pytest.mark.parametrize("case", ["name", "address", "expired", "early", "self_signed", "issuer", "no_chain"])
def test_a_certificate_that_is_not_verified_is_refused(make_site, make_server, authority, folder, case: str) -> None:
    """Each reason has a label of its own in the record; no byte of the request leaves."""
    root = {"pem": authority.root.read_text()}
    one, fault = {
        "name": (authority.issue("other.test"), "certificate_name"),
        "address": (authority.issue(NAME, "127.0.0.2"), "certificate_name"),
        "expired": (authority.issue(NAME, days=(-20, -1)), "certificate_expired"),
        "early": (authority.issue(NAME, days=(1, 20)), "certificate_not_yet_valid"),
        "self_signed": (authority.issue(NAME, issuer="self"), "certificate_self_signed"),
        "issuer": (Authority(folder / "strangers", "strangers").issue(NAME), "certificate_unknown_issuer"),
        "no_chain": (authority.issue(NAME), "certificate_unknown_issuer"),
    }[case]
    context = server_context(one)
    if case == "no_chain":
        context.load_cert_chain(one.cert, one.key)
    server = make_server(one=one, context=context)
    tls = {} if case == "address" else {"sni": NAME}
    refused(make_site(endpoints=[server.address], upstream=https(verify=True, ca=root, **tls)), fault)
    assert server.requests == []


def test_a_leaf_or_an_intermediate_can_be_the_anchor(make_site, make_server, authority) -> None:
    """tls.ca: a self-signed certificate of the server itself, and an intermediate alone."""
    alone = authority.issue(NAME, issuer="self")
    for one, anchor in ((alone, alone), (authority.issue(NAME), authority.intermediate)):
        server = make_server(one=one)
        site = make_site(endpoints=[server.address], upstream=https(verify=True, sni=NAME, ca={"pem": anchor.pem}))
        assert site.fetch("/").status == 200


def test_without_ca_the_system_decides(make_node, make_server, authority, monkeypatch) -> None:
    """The file of the system, or of SSL_CERT_FILE, is read when it is first needed."""
    server = make_server()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    node = make_node(workers=2)
    assert "tls.system_authorities" not in node.stderr
    node.apply(tenant("known", [server.address], upstream=https(verify=True, sni=NAME)))
    for _ in range(16):  # both workers, as the kernel spreads connections
        with node.connect() as client:
            assert client.ask(get("known.test")).status == 200
    assert node.stderr.count("tls.system_authorities") == 1
    monkeypatch.delenv("SSL_CERT_FILE")
    other = make_node()
    other.apply(tenant("known", [server.address], upstream=https(verify=True, sni=NAME)))
    with other.connect() as client:
        assert client.ask(get("known.test")).status == 502
    monkeypatch.setenv("SSL_CERT_FILE", "/none.pem")
    bare = make_node()
    bare.apply(tenant("known", [server.address], upstream=https(verify=True, sni=NAME)))
    with bare.connect() as client:
        assert client.ask(get("known.test")).status == 502
    assert bare.wait_record(tenant="known")["fault"] == "no_system_authorities"


def test_a_pinned_key_is_the_leafs(make_site, make_server, authority, good) -> None:
    """tls.pins: with verify or without, and never a key of the rest of the chain."""
    server = make_server()
    wrong = pin_of(authority.issue("other.test"))
    for pins in ([pin_of(good)], [wrong, pin_of(good)]):
        assert make_site(endpoints=[server.address], upstream=https(pins=pins)).fetch("/").status == 200
    refused(make_site(endpoints=[server.address], upstream=https(pins=[wrong])), "pin_mismatch")
    above = make_site(endpoints=[server.address], upstream=https(pins=[pin_of(authority.intermediate)]))
    refused(above, "pin_mismatch")


def test_a_client_certificate_that_is_asked_for_and_not_there(make_site, make_server, authority, good) -> None:
    """A server that asks is given none; one that insists ends the handshake or the connection."""
    for mode, status in ((ssl.CERT_OPTIONAL, 200), (ssl.CERT_REQUIRED, 502)):
        context = server_context(good)
        context.load_verify_locations(str(authority.root))
        context.verify_mode = mode
        server = make_server(context=context)
        site = make_site(endpoints=[server.address], upstream=https())
        assert site.fetch("/").status == status


@pytest.mark.parametrize("key", ["ecdsa", "rsa", "rsa3072"])
def test_a_client_certificate_of_the_store_is_shown(make_site, make_server, authority, good, key: str) -> None:
    """tls.client_certificate: the ID that `weir cert add` gave; a renewed one is another ID and another connection."""
    mine, renewed = (authority.client("weir." + key, key=key), authority.client("weir.renewed." + key, key=key))
    context = server_context(good)
    context.load_verify_locations(str(authority.root))
    context.verify_mode = ssl.CERT_REQUIRED
    server = make_server(context=context)
    site = make_site(endpoints=[server.address], upstream=https())
    assert site.fetch("/").status == 502
    for number, one in enumerate((mine, renewed)):
        added = site.node.run("cert", "add", "--force", "--tenant", site.name, "--cert", str(one.full_chain),
                              "--key", str(one.key), "-o", "name")
        assert added.returncode == 0, added.stderr
        web = {**site.document["upstreams"]["web"], **https(client_certificate=added.stdout.split("/")[-1].strip())}
        site.push(upstreams={"web": web})
        for _ in range(2):
            assert site.fetch("/").status == 200
        assert [seen.peer_certificate for seen in server.handshakes if not seen.error][number:] == [one.der]


def test_a_client_certificate_that_is_gone_is_missed_at_once(make_site, make_server) -> None:
    """Without it no byte of a request leaves for a server that would take weir for somebody else."""
    server = make_server()
    site = make_site(endpoints=[server.address], upstream=https(client_certificate="0" * 32))
    refused(site, "no_client_certificate")
    assert server.requests == []


# -- sessions and pools


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_sessions_are_resumed(make_site, make_server, good, version: str) -> None:
    """RFC 8446 2.2, RFC 5077: a new connection to the same address resumes a session of the one before."""
    server = make_server(responding(ok(b"ok", "Connection: close")), context=server_context(good, (version, version)))
    site = make_site(endpoints=[server.address], upstream=https())
    before = site.node.admin.metrics()["weir_upstream_tls_resumed_total"]
    for _ in range(4):
        assert site.fetch("/").status == 200
    seen = server.wait_handshakes(4)
    assert [one.resumed for one in seen] == [False, True, True, True]
    assert site.node.admin.metrics()["weir_upstream_tls_resumed_total"] == before + 3


def test_a_session_is_not_resumed_under_other_settings(make_site, make_server) -> None:
    """Two upstreams of one address share neither connections nor sessions when they are secured differently."""
    server = make_server()
    for tls in ({}, {"sni": "a.test"}, {"sni": "b.test"}, {"max_version": "1.2"}):
        assert make_site(endpoints=[server.address], upstream=https(**tls)).fetch("/").status == 200
    assert [one.resumed for one in server.handshakes] == [False] * 4
    same = make_site(endpoints=[server.address], upstream=https(sni="a.test"))
    assert same.fetch("/").status == 200
    assert len(server.handshakes) == 4  # the parked connection of the tenant that is secured alike


def test_a_session_that_the_server_no_longer_knows_is_no_failure(make_site, make_server, good) -> None:
    """RFC 8446 4.2.11: a ticket that cannot be used leads to a full handshake."""
    closing = responding(ok(b"ok", "Connection: close"))
    server = make_server(closing)
    site = make_site(endpoints=[server.address], upstream=https())
    assert site.fetch("/").status == 200
    port = server.port
    server.close()
    fresh = make_server(closing, context=server_context(good), port=port)
    assert site.fetch("/").status == 200
    assert [one.resumed for one in fresh.handshakes] == [False]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_session_that_breaks_the_handshake_is_offered_once(make_site, make_server, good, version: str) -> None:
    """A server that cannot even read a session is reached by a full handshake the next time."""
    lengths: List[int] = []

    def before(conn: Served) -> None:
        """End the handshake of a ClientHello that is longer by a session than the first one."""
        hello = conn.socket.recv(16384, socket.MSG_PEEK)
        lengths.append(len(hello))
        if len(hello) > lengths[0] + 64:
            conn.send(b"\x15\x03\x03\x00\x02\x02\x28")
            raise ConnectionError

    server = make_server(responding(ok(b"ok", "Connection: close")), context=server_context(good, (version, version)),
                         before=before)
    site = make_site(endpoints=[server.address], upstream=https())
    assert [site.fetch("/").status for _ in range(3)] == [200, 502, 200]
    assert [one.resumed for one in server.handshakes] == [False, False]


def test_a_ticket_of_tls_1_3_is_used_once(make_site, make_server, good) -> None:
    """RFC 8446 C.4: a client should not use a ticket twice, so that nobody can link its connections."""
    tickets: List[bytes] = []
    both = threading.Barrier(2)  # neither handshake goes on, and brings new tickets, before the other has begun

    def before(conn: Served) -> None:
        hello = conn.socket.recv(16384, socket.MSG_PEEK)
        for at in range(len(hello) - 4):  # pre_shared_key (41) is the last extension
            if hello[at:at + 2] == b"\x00\x29" and at + 4 + int.from_bytes(hello[at + 2:at + 4], "big") == len(hello):
                tickets.append(hello[at + 8:at + 40])
        if conn.index > 0:
            both.wait(PATIENCE)

    context = server_context(good, ("1.3", "1.3"))
    context.num_tickets = 2
    server = make_server(responding(ok(b"ok", "Connection: close")), context=context, before=before)
    site = make_site(endpoints=[server.address], upstream=https())
    assert site.fetch("/").status == 200
    with site.connect() as one, site.connect() as two:
        one.send(site.get("/"))
        two.send(site.get("/"))
        assert (one.read_response().status, two.read_response().status) == (200, 200)
    assert len(tickets) == 2 and len(set(tickets)) == 2


@pytest.mark.parametrize("tickets,handshakes", [(0, 1), (32, 1), (33, 2)])
def test_a_server_that_sends_tickets_without_end_is_not_idle(make_site, make_server, good, tickets: int,
                                                             handshakes: int) -> None:
    """robustness.md 11: what an idle connection may bring has a limit. A resumed one brings one ticket."""
    context = server_context(good, ("1.3", "1.3"))
    context.num_tickets = tickets
    context.options |= ssl.OP_NO_TICKET if not tickets else 0
    server = make_server(context=context)
    site = make_site(endpoints=[server.address], upstream=https())
    for _ in range(3):
        assert site.fetch("/", method="POST", body=b"x").status == 200
        site.barrier()
    assert len(server.handshakes) == handshakes


def test_connections_are_kept_alive(make_site, make_server) -> None:
    """http-proxy.txt, persistent connections with upstream: one handshake serves many requests."""
    server = make_server()
    site = make_site(endpoints=[server.address], upstream=https())
    for number in range(20):
        body = os.urandom(number * 700)
        assert site.fetch("/", method="POST", body=body).status == 200
        assert server.requests[-1].body == body
    assert len(server.handshakes) == 1


def test_connections_ahead_of_demand_are_ready(make_site, make_server) -> None:
    """pool.min_idle: the handshake is done before a request comes; tickets that arrive meanwhile end nothing."""
    server = make_server()
    site = make_site(endpoints=[server.address], upstream={**https(), "pool": {"min_idle": 3}})
    assert site.fetch("/").status == 200
    server.wait_handshakes(3)
    until(lambda: site.node.admin.metrics()["weir_upstream_idle"] >= 3, "the connections are parked")
    site.barrier()  # what came behind the handshakes is read
    for _ in range(3):
        assert site.fetch("/", method="POST", body=b"x").status == 200
    assert all(conn.index < 3 for conn in server.used())
    assert all(not conn.ended.is_set() for conn in server.connections[:3])


def test_nginx_sees_names_resumption_and_requests_on_one_connection(make_site, good) -> None:
    """A real server: two requests of one connection, then a connection that resumes."""
    if binary() is None:
        pytest.skip("nginx is not installed")
    path = short_folder()
    server = NginxTls(path, good, "keepalive_requests 2;")
    try:
        (server.www / "page").write_bytes(b"a page")
        site = make_site(endpoints=[server.tls_address], upstream=https(sni=NAME))
        for _ in range(4):
            assert site.fetch("/page").body == b"a page"
        until(lambda: len(server.lines()) == 4, "four lines in the log")
        assert server.lines() == [["TLSv1.3", ".", NAME, "1"], ["TLSv1.3", ".", NAME, "2"],
                                  ["TLSv1.3", "r", NAME, "1"], ["TLSv1.3", "r", NAME, "2"]]
    finally:
        server.stop()
        shutil.rmtree(path, ignore_errors=True)


@pytest.mark.parametrize("version", ["1.0", "1.2", "1.3"])
def test_big_bodies_pass_unchanged_both_ways(make_site, make_server, good, version: str) -> None:
    """Each byte of 24 MiB arrives, up and down at the same time as other requests."""
    body = os.urandom(24 << 20)

    def echo(conn: Served) -> None:
        while True:
            request = conn.read_request()
            conn.send(ok(request.body))

    server = make_server(echo, context=server_context(good, (version, version)))
    server.keep_bytes = False
    site = make_site(endpoints=[server.address], upstream=https())
    response = site.fetch("/", method="POST", body=body)
    assert hashlib.sha256(response.body).digest() == hashlib.sha256(body).digest()


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
def test_tls_on_both_sides(make_node, make_server, authority, folder, protocol: str) -> None:
    """HTTPS in and HTTPS out, also with HTTP/2 to the client: bodies pass unchanged both ways, many at a time."""
    def echo(conn: Served) -> None:
        while True:
            conn.send(ok(conn.read_request().body))

    server = make_server(echo)
    server.keep_bytes = False
    port = free_port()
    node = make_node(config={"listen": {"http": ["127.0.0.1:0"], "https": [f"127.0.0.1:{port}"]}})
    node.apply(tenant("both", [server.address], upstream=https(), tls={"http2": True}))
    one = authority.issue("both.test")
    added = node.run("cert", "add", "--tenant", "both", "--cert", str(one.full_chain), "--key", str(one.key))
    assert added.returncode == 0, added.stderr
    sent, got = folder / "sent", folder / "got"
    sent.write_bytes(os.urandom(6 << 20))
    url = f"https://both.test:{port}/[1-4]"
    done = subprocess.run(["curl", "-sS", protocol, "--parallel", "--cacert", str(authority.root), "--resolve",
                           f"both.test:{port}:127.0.0.1", "--data-binary", f"@{sent}", "-H", "Expect:", "-o", f"{got}.#1",
                           "-w", "%{http_code} %{http_version}\n", url], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    expected = "200 2" if protocol == "--http2" else "200 1.1"
    assert done.stdout.decode().split("\n")[:4] == [expected] * 4
    for number in range(1, 5):
        assert Path(f"{got}.{number}").read_bytes() == sent.read_bytes()


# -- servers that misbehave


def test_bytes_in_clear_before_or_in_the_handshake_are_never_believed(make_site, make_upstream) -> None:
    """robustness.md, "plain text injected before upstream TLS": no response but what comes through TLS."""
    injected = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ninjected"

    def at_once(conn: Served) -> None:
        conn.send(injected)
        conn.wait_end()

    def behind_hello(conn: Served) -> None:
        conn.read_some()
        conn.send(injected)
        conn.wait_end()

    for script in (at_once, behind_hello):
        server = make_upstream(script)
        site = make_site(endpoints=[server.address], upstream=https())
        assert site.fetch("/refused").status == 502
        record = site.node.wait_record(tenant=site.name, path="/refused")
        assert record["outcome"] == "upstream_tls"
        assert b"GET" not in server.received()


def test_bytes_in_clear_before_a_good_handshake_end_it(make_site, make_server) -> None:
    """The same from somebody on the way, in front of the real server's bytes."""
    server = make_server(before=lambda conn: conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    site = make_site(endpoints=[server.address], upstream=https())
    assert site.fetch("/").status == 502
    assert server.requests == []


def _unsolicited(site: Any) -> float:
    return site.node.admin.metrics()["weir_upstream_unsolicited_total"]


def test_application_bytes_before_any_request_are_no_response(make_site, make_server) -> None:
    """robustness.md 6: a connection made ahead on which a server speaks first carries no request."""

    def script(conn: Served) -> None:
        if conn.index > 0:
            conn.send(ok(b"early"))
        while True:
            conn.read_request()
            conn.send(ok(b"asked for"))

    site = make_site(endpoints=[make_server(script).address], upstream={**https(), "pool": {"min_idle": 2}})
    before = _unsolicited(site)
    assert site.fetch("/").body == b"asked for"
    until(lambda: _unsolicited(site) > before, "the early bytes are counted")
    for _ in range(3):
        assert site.fetch("/", method="POST", body=b"x").body == b"asked for"


@pytest.mark.parametrize("way", ["silent", "after_hello", "garbage", "closes", "resets", "alert"])
def test_a_server_that_fails_in_the_handshake_is_passed_over(make_site, make_upstream, make_server, way: str) -> None:
    """A failed handshake is a failed connect: the next endpoint is tried, this one is out for a while."""

    def script(conn: Served) -> None:
        if way in ("silent", "after_hello"):
            if way == "after_hello":
                conn.read_some()
                conn.send(b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\xfc")
            conn.wait_end()
            return
        conn.read_some()
        if way == "garbage":
            conn.send(os.urandom(512))
        elif way == "alert":
            conn.send(b"\x15\x03\x03\x00\x02\x02\x28")
        elif way == "resets":
            conn.reset()
            return
        conn.close()

    bad, good_one = make_upstream(script), make_server()
    site = make_site(endpoints=[bad.address, {"address": good_one.address, "backup": True}],
                     upstream={**https(), "connect_timeout": "300ms"})
    for _ in range(3):
        assert site.fetch("/").status == 200
    assert bad.accepted == 1
    outcome = {"silent": "upstream_timeout", "after_hello": "upstream_timeout"}.get(way, "upstream_tls")
    fault = {"garbage": "protocol", "closes": "closed_in_handshake", "resets": "reset_in_handshake",
             "alert": "alert_handshake_failure"}.get(way)
    alone = make_site(endpoints=[make_upstream(script).address], upstream={**https(), "connect_timeout": "300ms"})
    assert alone.fetch("/alone").status == (504 if outcome == "upstream_timeout" else 502)
    record = alone.node.wait_record(tenant=alone.name, path="/alone")
    assert record["outcome"] == outcome
    if fault and way != "garbage":
        assert record["fault"] == fault


def test_another_address_of_the_name_is_tried_when_a_handshake_fails(make_node, make_upstream, make_server,
                                                                     name_server) -> None:
    """All addresses of a name are one endpoint, which has failed when all of them have: with TLS as without."""

    def stalls(conn: Served) -> None:
        conn.wait_end()

    server = make_server()
    make_upstream(lambda conn: conn.send(b"not TLS\n"), host="127.0.0.2", port=server.port)
    make_upstream(stalls, host="127.0.0.3", port=server.port)
    node = make_node(config={"resolver": {"servers": [name_server.address]}})
    name_server.set("three.example", "127.0.0.2", "127.0.0.3", "127.0.0.1")
    node.apply(tenant("three", [f"three.example:{server.port}"], upstream=https()))
    for _ in range(3):
        with node.connect() as client:
            assert client.ask(get("three.test")).status == 200


class DeafAtFirst(TlsUpstream):
    """An address that takes no connection until `hear` is called: its queue is full."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._heard = threading.Event()
        super().__init__(*args, **options)
        self._listener.listen(0)
        self._fill = [socket.socket() for _ in range(4)]
        for one in self._fill:
            one.setblocking(False)
            one.connect_ex((self.host, self.port))

    def _accept(self) -> None:
        self._heard.wait(PATIENCE)
        super()._accept()

    def hear(self) -> None:
        for one in self._fill:
            one.close()
        self._heard.set()


def test_a_connect_that_ended_for_a_handshake_is_made_again_when_that_fails(make_node, make_upstream, good,
                                                                            name_server) -> None:
    """The first address is slow, the second one fast but no server of TLS: the first is tried once more."""
    slow = DeafAtFirst(good, host="127.0.0.2")

    def no_tls(conn: Served) -> None:
        slow.hear()
        pause(0.05)
        conn.send(b"not TLS\n")

    fast = make_upstream(no_tls, port=slow.port)
    node = make_node(config={"resolver": {"servers": [name_server.address]}})
    name_server.set("two.example", "127.0.0.2", "127.0.0.1")
    node.apply(tenant("two", [f"two.example:{slow.port}"], upstream=https()))
    try:
        with node.connect() as client:
            assert client.ask(get("two.test")).status == 200
        assert fast.accepted == 1
    finally:
        slow.close()


# -- ends


def _until_close(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body


def test_a_body_up_to_the_end_is_whole_with_close_notify_alone(make_site, make_server) -> None:
    """RFC 8446 6.1, robustness.md 7: an end without close_notify may be an attacker's: a cut, and visible."""

    def in_order(conn: Served) -> None:
        conn.read_request()
        conn.send(_until_close(b"whole"))
        end_in_order(conn)

    def cut(conn: Served) -> None:
        conn.read_request()
        conn.send(_until_close(b"part"))
        conn.close()

    whole = make_site(endpoints=[make_server(in_order).address], upstream=https())
    assert whole.fetch("/").body == b"whole"
    site = make_site(endpoints=[make_server(cut).address], upstream=https())
    with site.connect() as client:
        client.send(site.get("/cut"))
        client.read_to_end()
        assert client.end is End.RESET
    assert site.node.wait_record(tenant=site.name, path="/cut")["outcome"] == "upstream_cut"


def test_a_body_with_a_length_needs_no_close_notify(make_site, make_server) -> None:
    """RFC 9112 9.8: what framing makes complete is complete."""

    def script(conn: Served) -> None:
        conn.read_request()
        conn.send(ok(b"all of it", "Connection: close"))
        conn.close()

    site = make_site(endpoints=[make_server(script).address], upstream=https())
    for _ in range(3):
        assert site.fetch("/").body == b"all of it"
    assert site.node.wait_record(tenant=site.name, path="/")["outcome"] == "ok"


def test_a_chunked_body_that_is_cut_is_no_whole_one(make_site, make_server) -> None:
    """robustness.md 7, in order or not: a body whose framing is incomplete is a cut."""
    for end in (end_in_order, lambda conn: conn.close()):
        def script(conn: Served) -> None:
            conn.read_request()
            conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            end(conn)

        site = make_site(endpoints=[make_server(script).address], upstream=https())
        with site.connect() as client:
            client.send(site.get("/"))
            assert b"0\r\n\r\n" not in client.read_to_end()
            assert client.end is End.RESET


def test_a_parked_connection_that_ends_or_sends_is_not_used(make_site, make_server) -> None:
    """robustness.md 6: nothing is read from an idle upstream connection but its end, and the tickets of TLS."""

    def sends(conn: Served) -> None:
        conn.send(b"unasked for")
        conn.wait_end()

    ways = [end_in_order, lambda conn: conn.close(), sends]

    def script(conn: Served) -> None:
        conn.read_request()
        conn.send(ok(b"first"))
        ways[conn.index](conn)

    server = make_server(script)
    site = make_site(endpoints=[server.address], upstream=https())
    before = _unsolicited(site)
    for number in range(len(ways)):
        assert site.fetch("/", method="POST", body=b"x").status == 200
        server.wait_ended(server.connections[number])
        site.barrier()
        assert len(server.handshakes) == number + 1
    assert _unsolicited(site) == before + 1


def test_a_push_that_changes_the_settings_uses_no_old_connection(make_site, make_server, authority) -> None:
    """What was not verified is not used once it must be."""
    server = make_server(one=authority.issue("elsewhere.test"))
    site = make_site(endpoints=[server.address], upstream=https())
    assert site.fetch("/").status == 200
    web = dict(site.document["upstreams"]["web"])
    web.update(https(verify=True, sni=NAME, ca={"pem": authority.root.read_text()}))
    site.push(upstreams={"web": web})
    refused(site, "certificate_name")
    assert len(server.requests) == 1
