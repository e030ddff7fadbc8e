# SPDX-License-Identifier: Apache-2.0
"""tls_session_test.py - what outlives a handshake, and what clients show of themselves: sessions that resume, and never
for another tenant; client certificates; renegotiation and early data, which are not to be had."""

import base64
import ssl
import subprocess
from pathlib import Path
from typing import Any, Dict, Optional

import pytest

from conftest import short_folder
from support import h2 as wire
from support import tls
from support.certs import Authority, Certificate
from support.client import get
from support.node import Node
from support.site import Site, tenant
from support.tls import SecureClient, Watched, s_client
from support.upstream import ok, responding
from support.wait import PATIENCE, until

OPTIONS = {"1.2": "-tls1_2", "1.3": "-tls1_3"}
VERSIONS = sorted(OPTIONS)


# -- sessions that resume


def _agree(site: Site, version: str, *args: str, name: Optional[str] = None) -> Optional[bool]:
    """Whether a handshake resumed a session; None: it failed."""
    return s_client(site, OPTIONS[version], *args, name=name, brief=False).resumed


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_resumes(make_secure_site, folder: Path, version: str) -> None:
    """RFC 5077, RFC 8446 2.2: by ticket in TLS 1.2, by PSK in TLS 1.3; the request in it is served."""
    site = make_secure_site(responding(ok(b"served")))
    watched, stored = Watched(site), str(folder / "session")
    assert _agree(site, version, "-sess_out", stored) is False
    for _ in range(2):
        shown = s_client(site, OPTIONS[version], "-sess_in", stored, brief=False)
        assert shown.resumed is True and b"served" in shown.output
    watched.wait('weir_tls_handshakes_total{kind="resumed"}', 2)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_of_one_tenant_is_nothing_to_another(make_secure_site, folder: Path, version: str) -> None:
    """A ticket with another tenant's name: a full handshake, with the other's certificate, and no session crosses."""
    one, other = make_secure_site(responding(ok(b"one"))), make_secure_site(responding(ok(b"other")))
    stored = str(folder / "session")
    assert _agree(one, version, "-sess_out", stored) is False
    shown = s_client(other, OPTIONS[version], "-sess_in", stored, brief=False)
    assert shown.resumed is False and b"other" in shown.output
    assert f"CN = {other.host}".encode() in shown.output
    assert _agree(one, version, "-sess_in", stored) is True, "it is as good as before to its own"


def _add_site(node: Node, authority: Authority, address: str, name: str) -> None:
    node.apply(tenant(name, [address]))
    node.add_certificate(name, authority.issue(f"{name}.test"))


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_outlive_a_restart(make_node, make_upstream, authority: Authority, folder: Path, version: str) -> None:
    """Keys of tickets come from the node's secret: with the same data clients resume, at each worker; with
    other data they do not."""
    server = make_upstream(responding(ok(b"served")))
    stored = str(folder / "session")
    first, second = (make_node(workers=2, config={"listen": {"https": ["127.0.0.1:0"]}}) for _ in range(2))
    for node in (first, second):
        _add_site(node, authority, server.address, "shop")

    def resumed(node: Node, *args: str) -> Optional[bool]:
        shown = tls.run_s_client(node.secure_address, "-servername", "shop.test", OPTIONS[version], *args, brief=False,
                                 stdin=get("shop.test", "/", "Connection: close"))
        assert b"served" in shown.output
        return shown.resumed

    assert resumed(first, "-sess_out", stored) is False
    first.restart()
    assert all(resumed(first, "-sess_in", stored) for _ in range(4))
    assert resumed(second, "-sess_in", stored) is False


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_end_when_clients_need_certificates(make_secure_site, authority: Authority, folder: Path,
                                                     version: str) -> None:
    """What was agreed on before the tenant asked for certificates, or asked others, does not go on."""
    site = make_secure_site(responding(ok(b"served")))
    stored = str(folder / "session")
    assert _agree(site, version, "-sess_out", stored) is False
    _ask(site, authority, "optional")
    assert _agree(site, version, "-sess_in", stored) is False
    assert _agree(site, version, "-sess_out", stored) is False
    assert _agree(site, version, "-sess_in", stored) is True
    _ask(site, authority, "required")
    shown = s_client(site, OPTIONS[version], "-sess_in", stored, brief=False)
    assert b"served" not in shown.output and shown.alert is not None, shown.text


def test_sessions_end_with_their_version(make_secure_site, folder: Path) -> None:
    """A session of TLS 1.2 resumes nothing where the tenant has TLS 1.3 alone."""
    site = make_secure_site()
    stored = str(folder / "session")
    assert _agree(site, "1.2", "-sess_out", stored) is False
    site.push(tls={"policy": "modern"})
    shown = tls.run_s_client(site.node.secure_address, "-servername", site.host, "-sess_in", stored, brief=False,
                             stdin=site.get("/", "Connection: close"))
    assert shown.resumed is not True


def test_a_ticket_that_is_not_ours(make_secure_site, folder: Path) -> None:
    """RFC 5077 3.3: a ticket that does not open is no fault: a full handshake follows, for each byte that is wrong."""
    site = make_secure_site(responding(ok(b"served")))
    for at in (0, 5, 20, 100, -1):
        hello = tls.client_hello(site.host, extensions=_ticket_extension(at))
        assert tls.server_hello_cipher(site.node.secure_address, hello) == 0xC02B, at


def _ticket_extension(at: int) -> bytes:
    ticket = bytearray(160)
    ticket[at] ^= 0x55
    return b"\x00\x23" + len(ticket).to_bytes(2, "big") + bytes(ticket)


# -- certificates of clients


def _ask(site: Site, authority: Authority, mode: str) -> None:
    """Push that clients need certificates; one that is required cannot be seen in clear, but by its 403."""
    settings = {"http2": True, "client_certificates": {"ca": {"pem": authority.root.read_text()}, "mode": mode}}
    if mode == "required":
        site.document["tls"] = settings
        site.node.apply(site.document)
        until(lambda: site.fetch("/").status == 403, "the tenant requires certificates")
    else:
        site.push(tls=settings)
    site.upstream.forget()


def _context(authority: Authority, one: Optional[Certificate], version: str = "1.3",
             protocol: str = "http/1.1") -> ssl.SSLContext:
    context = authority.context(protocol)
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, "TLSv" + version.replace(".", "_"))
    if one:
        context.load_cert_chain(one.full_chain, one.key)
    return context


def _ask_as(site: Site, context: ssl.SSLContext, *fields: str) -> bytes:
    """A request with this client; b"" when the node refuses the client."""
    try:
        with SecureClient(site.node.secure_address, context, site.host) as client:
            return client.ask(site.get("/", *fields)).body
    except (ssl.SSLError, ConnectionError, AssertionError):
        return b""


def _seen(site: Site, name: str = "Client-Cert") -> list:
    return site.upstream.requests[-1].all(name)


def _value(one: Certificate) -> bytes:
    """RFC 9440 2.1: the DER as a byte sequence of structured fields."""
    return b":" + base64.b64encode(one.der) + b":"


@pytest.fixture(scope="module")
def strangers() -> Authority:
    return Authority(short_folder(), "strangers")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", ["required", "optional"])
def test_certificates_of_clients(make_secure_site, authority: Authority, strangers: Authority, mode: str,
                                 version: str) -> None:
    """Whom the tenant's authorities vouch for is let in, and the upstream sees the certificate; others are refused."""
    site = make_secure_site(responding(ok(b"served")))
    _ask(site, authority, mode)
    for one in (authority.client(), authority.client("of-rsa", key="rsa"), authority.client("direct", issuer="root")):
        assert _ask_as(site, _context(authority, one, version)) == b"served"
        assert _seen(site) == [_value(one)]
    watched = Watched(site)
    refused = [strangers.client(), authority.client("old", days=(-40, -10)), authority.client("early", days=(2, 40)),
               authority.client("alone", issuer="self")]
    for one in refused:
        assert _ask_as(site, _context(authority, one, version)) == b"", one.pem
    number = len(refused)
    if mode == "required":
        assert _ask_as(site, _context(authority, None, version)) == b""
        number += 1
    else:
        assert _ask_as(site, _context(authority, None, version)) == b"served"
        assert _seen(site) == []
    watched.wait('weir_tls_handshakes_failed_total{reason="peer_not_trusted"}', number)


def test_no_certificate_where_it_is_required(make_secure_site, authority: Authority) -> None:
    """RFC 8446 4.4.2.4: certificate_required in TLS 1.3, handshake_failure in TLS 1.2."""
    site = make_secure_site()
    _ask(site, authority, "required")
    assert s_client(site, "-tls1_3").alert == tls.CERTIFICATE_REQUIRED
    assert s_client(site, "-tls1_2").alert == tls.HANDSHAKE_FAILURE


def test_a_certificate_for_servers_is_none_for_clients(make_secure_site, authority: Authority) -> None:
    """RFC 5280 4.2.1.12: a certificate whose extended key usage is of servers alone says nothing of a client."""
    site = make_secure_site(responding(ok(b"served")))
    _ask(site, authority, "required")
    assert _ask_as(site, _context(authority, authority.issue("server.test"))) == b""
    assert _ask_as(site, _context(authority, authority.client("any", issuer="root"))) == b"served"


@pytest.mark.parametrize("mode", ["none", "optional"])
def test_what_a_client_says_of_itself_is_dropped(make_secure_site, authority: Authority, mode: str) -> None:
    """RFC 9440 4: Client-Cert and Client-Cert-Chain of a client never reach the upstream, in HTTP/1.1 and HTTP/2."""
    site = make_secure_site(responding(ok(b"served")))
    if mode != "none":
        _ask(site, authority, mode)
    claims = [(name, "forged") for name in ("client-cert", "client-cert-chain")]
    for one in (None, authority.client()) if mode != "none" else (None,):
        expected = [_value(one)] if one else []
        lines = [f"{name}: {value}" for name, value in claims] + ["CLIENT-CERT: forged", "Client-Cert-Chain:"]
        assert _ask_as(site, _context(authority, one), *lines) == b"served"
        assert (_seen(site), _seen(site, "Client-Cert-Chain")) == (expected, [])
        context = _context(authority, one, protocol="h2")
        with wire.H2Client(site.node.secure_address, site.host, authority.root) as client:
            client.socket.close()
            client.socket = SecureClient(site.node.secure_address, context, site.host).socket
            client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + wire.frame(wire.SETTINGS, 0, 0))
            assert client.fetch(wire.fields_of(site.host, "/", "GET", *claims)).body == b"served"
        assert (_seen(site), _seen(site, "Client-Cert-Chain")) == (expected, [])
    assert site.fetch("/", *[f"{name}: {value}" for name, value in claims]).status == 200
    assert (_seen(site), _seen(site, "Client-Cert-Chain")) == ([], [])


def test_a_request_in_clear_has_no_certificate(make_secure_site, authority: Authority) -> None:
    """Where certificates are required, a request in clear is refused by a 403 and reaches no upstream."""
    site = make_secure_site(responding(ok(b"served")))
    _ask(site, authority, "required")
    assert site.fetch("/").status == 403
    assert not site.upstream.requests
    _ask(site, authority, "optional")
    assert site.fetch("/").body == b"served"


def test_a_session_remembers_the_certificate(make_secure_site, authority: Authority) -> None:
    """A session of a client with a certificate resumes, and the upstream still sees it."""
    site = make_secure_site(responding(ok(b"served")))
    _ask(site, authority, "required")
    one = authority.client()
    for version in VERSIONS:
        context = _context(authority, one, version)
        with SecureClient(site.node.secure_address, context, site.host) as client:
            assert client.ask(site.get("/")).body == b"served"
            session = client.socket.session
        with SecureClient(site.node.secure_address, context, site.host, session=session) as client:
            assert client.socket.session_reused, version
            assert client.ask(site.get("/")).body == b"served"
        assert _seen(site) == [_value(one)], version


def test_a_connection_ends_when_the_tenant_asks_others(make_secure_site, authority: Authority) -> None:
    """A connection that was agreed on before certificates were required is not good for requests any more: 421."""
    site = make_secure_site(responding(ok(b"served")))
    with SecureClient(site.node.secure_address, _context(authority, None), site.host) as client:
        assert client.ask(site.get("/")).body == b"served"
        _ask(site, authority, "required")
        assert client.ask(site.get("/")).status == 421
    assert not site.upstream.requests


# -- what is not to be had


class _Talk:
    """An `openssl s_client` whose commands are used: each step sends bytes, and waits for a word."""

    def __init__(self, site: Site, *args: str) -> None:
        host, port = site.node.secure_address
        self.output = b""
        self._process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", site.host, *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def step(self, data: bytes, word: bytes) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()
        new = b""
        while word not in new:
            more = self._process.stdout.read1(65536)  # the node's deadlines bound it
            assert more, f"no {word!r} in {new[-2000:]!r}"
            new += more
        self.output += new

    def end(self) -> bytes:
        """All that it has printed."""
        more, _ = self._process.communicate(timeout=PATIENCE)
        return self.output + more


@pytest.mark.parametrize("requests", [0, 1])
def test_renegotiation_is_refused(make_secure_site, requests: int) -> None:
    """CVE-2011-1473: a client that renegotiates is cut, or told no_renegotiation; there is no second handshake."""
    site = make_secure_site(responding(ok(b"served")))
    watched = Watched(site)
    full = 'weir_tls_handshakes_total{kind="full"}'
    talk = _Talk(site, "-tls1_2")
    talk.step(b"", b"Verify return code")
    for _ in range(requests):
        talk.step(site.get("/"), b"served")
    talk.step(b"R\n", b"RENEGOTIATING")
    output = talk.end()
    assert b"no renegotiation" in output or b"closed" in output or b"errno" in output, output[-2000:]
    assert site.node.admin.metrics()[full] == watched.before[full] + 1


def test_early_data_is_not_taken(make_secure_site, folder: Path) -> None:
    """RFC 8446 8: what comes before the handshake is done can be replayed: tickets do not offer it."""
    site = make_secure_site(responding(ok(b"served")))
    stored, early = str(folder / "session"), folder / "early"
    early.write_bytes(site.get("/early"))
    assert _agree(site, "1.3", "-sess_out", stored) is False
    shown = s_client(site, "-tls1_3", "-sess_in", stored, "-early_data", str(early), brief=False)
    assert b"Early data was not sent" in shown.output or b"Early data was rejected" in shown.output
    assert b"Max Early Data: 0" in shown.output
    assert not [request for request in site.upstream.requests if request.target == "/early"]


def test_keys_are_updated(make_secure_site) -> None:
    """RFC 8446 4.6.3: a key update, with the node's own asked for or not, changes nothing for requests."""
    site = make_secure_site(responding(ok(b"served")))
    talk = _Talk(site, "-tls1_3")
    talk.step(b"", b"Verify return code")
    for command in (b"K\n", b"k\n"):
        talk.step(command, b"KEYUPDATE")
        talk.step(site.get("/"), b"served")
    talk.step(site.get("/", "Connection: close"), b"served")
    talk.end()
    assert len(site.upstream.requests) == 3
