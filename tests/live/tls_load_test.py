# SPDX-License-Identifier: Apache-2.0
"""tls_load_test.py - clients of TLS in number, in size, and at their worst: floods of handshakes, hellos that are none,
bodies, pipelines and ends of connections; and what scanners say of a node."""

import hashlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
import xml.etree.ElementTree as xml
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Dict, List

import pytest

from support import tls
from support.certs import Authority
from support.client import Client, End, get
from support.message import Request
from support.node import Node
from support.site import Site, tenant
from support.tls import SecureClient, Watched, client_hello
from support.upstream import Served, ok, responding
from support.wait import PATIENCE, until

LARGE = 8 << 20
FAILED = 'weir_tls_handshakes_failed_total{reason="%s"}'


def _connect(site: Site, authority: Authority, version: str = "1.3") -> SecureClient:
    context = authority.context("http/1.1")
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, "TLSv" + version.replace(".", "_"))
    return SecureClient(site.node.secure_address, context, site.host)


# -- handshakes that stay


def _flood_node(make_node, make_upstream, authority: Authority, timeout: str) -> Node:
    node = make_node(config={"listen": {"https": ["127.0.0.1:0"]}, "clients": {"handshake_timeout": timeout}})
    node.apply(tenant("shop", [make_upstream(responding(ok(b"served"))).address]))
    node.add_certificate("shop", authority.issue("shop.test"))
    return node


def _flood(node: Node, stack: ExitStack, data: bytes, number: int = 200) -> List[Client]:
    clients = []
    for _ in range(number):
        clients.append(stack.enter_context(Client(node.secure_address)))
        clients[-1].send(data)
    return clients


HELLO = client_hello("shop.test")
FLOODS = {"half": HELLO[:len(HELLO) // 2], "one_byte": HELLO[:1], "no_finish": HELLO}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_handshakes_leaves_room(make_node, make_upstream, authority: Authority, kind: str) -> None:
    """200 clients that begin a handshake and stay: another one is served while all of them are there."""
    node = _flood_node(make_node, make_upstream, authority, "60s")
    with ExitStack() as stack:
        clients = _flood(node, stack, FLOODS[kind])
        for _ in range(3):
            with SecureClient(node.secure_address, authority.context(), "shop.test") as other:
                assert other.ask(get("shop.test")).body == b"served"
        assert all(client.is_silent() or kind == "no_finish" for client in clients)
        assert node.admin.metrics()["weir_tls_handshakes_timed_out_total"] == 0


@pytest.mark.parametrize("kind", FLOODS)
def test_handshakes_that_stay_are_closed(make_node, make_upstream, authority: Authority, kind: str) -> None:
    """clients.handshake_timeout, in all: from the start to the end of the handshake, whatever trickles in."""
    node = _flood_node(make_node, make_upstream, authority, "1s")
    with ExitStack() as stack:
        for client in _flood(node, stack, FLOODS[kind]):
            client.read_to_end()
            assert client.end is not None
    assert node.admin.metrics()["weir_tls_handshakes_timed_out_total"] == 200
    with SecureClient(node.secure_address, authority.context(), "shop.test") as other:
        assert other.ask(get("shop.test")).body == b"served", "what is done in time is not touched"


def test_a_hello_that_trickles_is_read(make_secure_site) -> None:
    """A hello of one byte in each segment, and one of a byte in each record."""
    site = make_secure_site()
    hello = client_hello(site.host)
    with Client(site.node.secure_address) as client:
        assert client.send_parts([hello[at:at + 1] for at in range(len(hello))])
        assert client.read_bytes(1) == b"\x16"
    assert tls.server_hello_cipher(site.node.secure_address, _in_records(hello, 8)) == 0xC02B


def _in_records(hello: bytes, size: int) -> bytes:
    body = hello[5:]
    parts = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)


# -- hellos that are none


def _record(kind: int, content: bytes, version: bytes = b"\x03\x01") -> bytes:
    return bytes((kind,)) + version + len(content).to_bytes(2, "big") + content


def _bad_hellos() -> Dict[str, bytes]:
    hello = client_hello("a.test")
    body = hello[5:]
    name = b"\x00\x00\x00\x04\x00\x02\x00\x00"
    return {
        "random_bytes": bytes(range(128, 256)),
        "zeros": bytes(512),
        "of_another_protocol": b"SSH-2.0-OpenSSH_9.2p1\r\n" * 4,
        "application_data_first": _record(23, b"GET / HTTP/1.1\r\n\r\n"),
        "change_cipher_spec_first": _record(20, b"\x01") + hello,
        "record_of_unknown_type": _record(99, body),
        "record_too_long": b"\x16\x03\x01\xff\xff" + bytes(20000),
        "empty_records": _record(22, b"") * 100,
        "version_of_the_record": _record(22, body, b"\x09\x09"),
        "message_too_long": _record(22, b"\x01\xff\xff\xff" + bytes(100)),
        "server_hello": _record(22, b"\x02" + body[1:]),
        "finished": _record(22, b"\x14\x00\x00\x0c" + bytes(12)),
        "hello_twice": _record(22, body + body),
        "body_is_longer": _record(22, b"\x01" + (len(body) - 3).to_bytes(3, "big") + body[4:] + b"\0"),
        "no_ciphers": client_hello("a.test", []),
        "extension_twice": client_hello("a.test", extensions=b"\x00\x17\x00\x00" * 2),
        "name_twice": client_hello("a.test", extensions=name),
        "extension_is_cut": client_hello("a.test", extensions=b"\x00\x17\x00\x09"),
        "alert_first": _record(21, b"\x02\x28"),
        "heartbeat_first": _record(24, b"\x01\x40\x00" + bytes(16)),
    }


@pytest.mark.parametrize("name", _bad_hellos())
def test_what_is_no_hello(make_secure_site, name: str) -> None:
    """RFC 8446 4.1.2, 5.1: the connection ends, by an alert where one is due; it is counted, and others go on."""
    site = make_secure_site(responding(ok(b"served")))
    failed = _failed_handshakes(site.node)
    with Client(site.node.secure_address) as client:
        client.send(_bad_hellos()[name])
        found = tls.records(client.read_to_end())
    assert all(kind == 21 and content[0] == 2 for kind, content in found), found
    until(lambda: _failed_handshakes(site.node) == failed + 1, "it is counted")
    assert tls.server_hello_cipher(site.node.secure_address, client_hello(site.host)) == 0xC02B


def _failed_handshakes(node: Node) -> float:
    return sum(value for key, value in node.admin.metrics().items()
               if key.startswith("weir_tls_handshakes_failed_total"))


def test_a_client_that_leaves_within_its_handshake(make_secure_site) -> None:
    """At each byte of its hello, by FIN and by RST: it is forgotten."""
    site = make_secure_site()
    hello = client_hello(site.host)
    for at in range(0, len(hello), 7):
        for leave in (Client.close, Client.reset):
            client = Client(site.node.secure_address)
            client.send(hello[:at])
            leave(client)
    with Client(site.node.secure_address) as client:
        client.send(hello[:50])
        client.finish()
        assert client.read_to_end() == b""
    assert site.fetch("/").status == 200


def test_an_alert_of_the_client_is_counted(make_secure_site) -> None:
    """A client that does not trust the certificate says so, and its handshake ends."""
    site = make_secure_site()
    watched = Watched(site)
    with Client(site.node.secure_address) as client:
        client.send(client_hello(site.host))
        assert client.read_bytes(1) == b"\x16"
        client.send(_record(21, bytes((2, tls.BAD_CERTIFICATE)), b"\x03\x03"))
        client.read_to_end()
    watched.wait(FAILED % "alert_of_peer")


# -- requests and responses


def _pattern(length: int) -> bytes:
    return b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(length // 32))


def _echo(conn: Served, request: Request) -> None:
    digest = hashlib.sha256(request.body).hexdigest()
    conn.send(ok(request.body, f"X-Digest: {digest}"))


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_large_bodies_both_ways(make_secure_site, authority: Authority, version: str) -> None:
    """8 MiB up and down through records of all sizes, byte for byte; by length and by chunks."""
    site = make_secure_site(responding(_echo))
    body = _pattern(LARGE)
    digest = hashlib.sha256(body).digest()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:1], body[1:100000], body[100000:]))
    with _connect(site, authority, version) as client:
        for request in (site.get("/", method="POST", body=body),
                        site.get("/", "Transfer-Encoding: chunked", method="POST") + chunks + b"0\r\n\r\n"):
            response = client.ask(request)
            assert response.status == 200 and response.get("X-Digest") == digest.hex().encode()
            assert hashlib.sha256(response.body).digest() == digest


def test_a_slow_reader_gets_all(make_secure_site, authority: Authority) -> None:
    """A client that reads little at a time, with a small window, gets each byte; others are served meanwhile."""
    body = _pattern(1 << 20)
    site = make_secure_site(responding(lambda conn, request: conn.send(ok(body if request.target == "/l" else b"s"))))
    context = authority.context("http/1.1")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(site.node.secure_address)
    with context.wrap_socket(raw, server_hostname=site.host) as slow:
        slow.sendall(site.get("/l", "Connection: close"))
        got, reads = b"", 0
        while True:
            part = slow.recv(1500)
            if not part:
                break
            got, reads = got + part, reads + 1
            if reads % 200 == 1:
                with _connect(site, authority) as other:
                    assert other.ask(site.get("/s")).body == b"s"
    assert hashlib.sha256(got.partition(b"\r\n\r\n")[2]).digest() == hashlib.sha256(body).digest()


def test_many_small_requests_in_one_connection(make_secure_site, authority: Authority) -> None:
    """RFC 9112 9.3.2: 500 requests at once, in one record as in many, are served in order."""
    site = make_secure_site(responding(lambda conn, request: conn.send(ok(request.target.encode()))))
    requests = [site.get(f"/{number}") for number in range(500)]
    with _connect(site, authority) as client:
        client.send(b"".join(requests[:250]))
        assert client.send_parts(requests[250:])
        assert [client.read_response().body for _ in requests] == [b"/%d" % number for number in range(500)]


def _close_notify(client: SecureClient) -> None:
    client.finish()


def _fin(client: SecureClient) -> None:
    with suppress(OSError):  # the node may have ended the connection already
        socket.socket.shutdown(client.socket, socket.SHUT_WR)


ENDS = [_close_notify, _fin]


class _Late:
    """An upstream that responds to /late when `go` is set, to all else at once."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, conn: Served) -> None:
        while True:
            if conn.read_request().target == "/late":
                self.go.wait(PATIENCE)
            conn.send(ok(b"served"))


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_client_may_end_its_side(make_secure_site, authority: Authority, version: str, end) -> None:
    """RFC 8446 6.1: the end of the client's side, by close_notify or FIN behind whole requests; with on_client_close:
    finish the responses still come, and then the node's close_notify."""
    late = _Late()
    site = make_secure_site(late, http={"on_client_close": "finish"})
    with _connect(site, authority, version) as client:
        assert client.ask(site.get("/")).body == b"served"
        client.send(site.get("/late") + site.get("/"))
        site.upstream.wait_requests(2)
        end(client)
        site.barrier()
        late.go.set()
        assert [client.read_response().body for _ in range(2)] == [b"served"] * 2
        assert client.expect_end() is End.CLEAN


@pytest.mark.parametrize("end", ENDS)
def test_a_client_that_ends_gives_up_its_request(make_secure_site, authority: Authority, end) -> None:
    """http.on_client_close, abort: so a client that leaves while its response is awaited ends the upstream's work."""
    def serve(conn: Served) -> None:
        conn.read_request()
        conn.wait_end()

    site = make_secure_site(serve)
    with _connect(site, authority) as client:
        client.send(site.get("/left"))
        site.upstream.wait_requests(1)
        end(client)
        assert client.read_to_end() == b""
    record = site.node.wait_record(host=site.host, path="/left")
    assert (record["status"], record["outcome"]) == (499, "client_gone")
    site.upstream.wait_ended(site.upstream.used()[0])


def test_a_client_that_closes_without_close_notify(make_secure_site, authority: Authority) -> None:
    """Between requests, within one, and by RST: the node forgets the client; a request that is cut is not passed on."""
    site = make_secure_site(responding(ok(b"served")))
    cut = site.get("/cut", "Content-Length: 10", method="POST") + b"12345"
    for rest in (b"", b"GET /cut HT", cut):
        for leave in (SecureClient.close, SecureClient.reset):
            client = _connect(site, authority)
            assert client.ask(site.get("/")).body == b"served"
            client.send(rest)
            leave(client)
    until(lambda: site.node.access_records(host=site.host, path="/cut"), "the cut request is recorded")
    record = site.node.access_records(host=site.host, path="/cut")[0]
    assert record["outcome"] != "ok" and record["status"] != 200, record
    assert site.fetch("/").body == b"served"


GARBAGE = {
    "clear_request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "bad_record": _record(23, bytes(64), b"\x03\x03"),
    "record_too_long": b"\x17\x03\x03\xff\xff" + bytes(20000),
    "empty_records": _record(23, b"", b"\x03\x03") * 50,
    "hello": HELLO,
    "clear_alert": _record(21, b"\x02\x00", b"\x03\x03"),
    "cut_record": b"\x17\x03\x03\x40\x00" + bytes(100),
}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("kind", GARBAGE)
def test_bytes_that_do_not_decrypt_end_the_connection(make_secure_site, authority: Authority, kind: str,
                                                      version: str) -> None:
    """RFC 8446 5.2: bad_record_mac and the like are fatal. A body that is cut so is never whole at the upstream."""
    site = make_secure_site(responding(ok(b"served")))
    with _connect(site, authority, version) as client:
        assert client.ask(site.get("/")).body == b"served"
        client.send(site.get("/cut", "Content-Length: 100", method="POST") + bytes(50))
        with suppress(OSError):
            socket.socket.sendall(client.socket, GARBAGE[kind])
        _fin(client)
        with pytest.raises((ssl.SSLError, OSError, AssertionError)):
            client.read_response()
    record = site.node.wait_record(host=site.host, path="/cut")
    assert record["outcome"] in ("client_gone", "client_reset", "malformed"), record
    assert not [one for conn in site.upstream.connections for one in conn.requests if one.target == "/cut"]
    assert site.fetch("/").body == b"served"


def test_a_client_that_leaves_within_a_response(make_secure_site, authority: Authority) -> None:
    """By close and by RST, with megabytes still to come: the upstream's work ends, and others are served."""
    body = bytes(LARGE)
    site = make_secure_site(responding(lambda conn, request: conn.send(ok(body if request.target == "/l" else b"s"))))
    for leave in (SecureClient.close, SecureClient.reset):
        client = _connect(site, authority)
        client.send(site.get("/l"))
        assert client.read_line().endswith(b"200 OK")
        leave(client)
    until(lambda: len(site.node.access_records(host=site.host, path="/l")) == 2, "both have ended")
    assert all(one["outcome"] == "client_gone" for one in site.node.access_records(host=site.host, path="/l"))
    assert site.fetch("/s").body == b"s"


def test_the_node_ends_by_close_notify(make_secure_site, authority: Authority) -> None:
    """RFC 8446 6.1: after Connection: close, behind a response of unknown length too, so that no cut looks whole."""
    def serve(conn: Served) -> None:
        conn.read_request()
        conn.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")

    site = make_secure_site(serve)
    with _connect(site, authority) as client:
        assert client.ask(site.get("/", "Connection: close")).body == b"until the end"
        assert client.expect_end() is End.CLEAN
    with _connect(site, authority) as client:
        client.send(get(site.host).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert client.read_to_end().endswith(b"\r\n\r\nuntil the end")
        assert client.end is End.CLEAN


# -- scanners


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; deploy/setup --tests brings it")
    return found


# What the certificates of tests have not: a place that tells what was revoked.
_OF_THE_TESTS = {"cert_revocation"}
# Suites and groups are for sslscan below, which is faster.
_RESTS = {"protocols": ["-p", "-S"], "vulnerabilities": ["-U"]}
_KNOWN = {"heartbleed", "CCS", "ROBOT", "CRIME_TLS", "POODLE_SSL", "FREAK", "DROWN", "LOGJAM", "BEAST", "LUCKY13",
          "RC4"}


@pytest.mark.parametrize("rest", _RESTS)
@pytest.mark.parametrize("policy", ["modern", "compatible"])
def test_testssl_finds_nothing(make_secure_site, authority: Authority, folder: Path, policy: str, rest: str) -> None:
    """testssl.sh: no finding at all, with both kinds of keys."""
    site = make_secure_site(tls={"http2": True, "policy": policy})
    site.node.add_certificate(site.name, authority.issue(site.host, key="rsa"))
    found = folder / "found.json"
    done = subprocess.run(
        [_program("testssl"), "--ip", "127.0.0.1", "-n", "none", "--warnings", "off", "--color", "0", "--quiet", "--add-ca",
         str(authority.root), "--jsonfile", str(found), *_RESTS[rest], f"{site.host}:{site.node.secure_address[1]}"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=400, check=False)
    findings: List[Dict[str, Any]] = json.loads(found.read_text())
    bad = [one for one in findings if one["severity"] in ("LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL")
           and not one["id"].startswith(tuple(_OF_THE_TESTS))]
    assert not bad, (bad, done.stdout[-4000:])
    said = {one["id"]: one["finding"] for one in findings}
    if rest == "protocols":
        assert (said["SSLv2"], said["SSLv3"], said["TLS1_3"]) == ("not offered", "not offered", "offered with final")
        assert said["TLS1"] == said["TLS1_1"] == "not offered"
        assert said["ALPN_HTTP2"] == "h2"
        assert any(key.startswith("cert_chain_of_trust") and value.startswith("passed") for key, value in said.items())
    else:
        assert _KNOWN <= set(said), _KNOWN - set(said)


_AEAD_12 = {f"ECDHE-{key}-{cipher}" for key in ("ECDSA", "RSA")
            for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")}
_TLS_13 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
_CBC = {f"{kind}{cipher}" for kind in ("ECDHE-ECDSA-", "ECDHE-RSA-", "") for cipher in ("AES128-SHA", "AES256-SHA")}
_CBC.add("TLS_RSA_WITH_3DES_EDE_CBC_SHA")
_RSA_GCM = {"AES128-GCM-SHA256", "AES256-GCM-SHA384"}
_SCANNED: Dict[str, Dict[str, Any]] = {
    "modern": {"TLSv1.3": _TLS_13},
    "compatible": {"TLSv1.3": _TLS_13, "TLSv1.2": _AEAD_12},
    "legacy": {"TLSv1.3": _TLS_13, "TLSv1.2": _AEAD_12 | _RSA_GCM | _CBC, "TLSv1.1": _CBC, "TLSv1.0": _CBC},
}


@pytest.mark.parametrize("policy", _SCANNED)
def test_sslscan_finds_what_the_policy_says(make_secure_site, authority: Authority, policy: str) -> None:
    """sslscan: the versions and suites of the policy and no other, no compression, no heartbeat; both kinds of keys."""
    site = make_secure_site(tls={"http2": True, "policy": policy})
    site.node.add_certificate(site.name, authority.issue(site.host, key="rsa"))
    done = subprocess.run([_program("sslscan"), "--no-colour", "--xml=-", f"--sni-name={site.host}",
                           f"127.0.0.1:{site.node.secure_address[1]}"], capture_output=True, timeout=120, check=True)
    scanned = xml.fromstring(done.stdout).find("ssltest")
    assert scanned is not None
    accepted: Dict[str, set] = {}
    for one in scanned.iter("cipher"):
        accepted.setdefault(one.attrib["sslversion"], set()).add(one.attrib["cipher"])
    assert accepted == _SCANNED[policy]
    enabled = {one.attrib["type"].upper() + "v" + one.attrib["version"] for one in scanned.iter("protocol")
               if one.attrib["enabled"] == "1"}
    assert enabled == set(_SCANNED[policy])
    groups = {one.attrib["name"].split()[0] for one in scanned.iter("group")}
    assert groups == {"x25519", "secp256r1", "secp384r1"}
    assert all(one.attrib["vulnerable"] == "0" for one in scanned.iter("heartbleed"))
    assert all(one.attrib["supported"] == "0" for one in scanned.iter("compression"))
