# SPDX-License-Identifier: Apache-2.0
"""tls_test.py - TLS of clients: versions, ciphers, which certificate, which tenant. `openssl s_client` is the client,
Python's ssl, and bytes of the test's own. What else clients do over TLS is in tls_session_test.py and tls_load_test.py.

The statements of the product document about HTTPS, encryption and HTTP/2, each with the tests that show it; their names
have `test_` in front, and are of this file when no other is named:

| statement | tests |
| --- | --- |
| clients use HTTP and HTTPS | tls_is_offloaded, another_host_of_the_same_tenant_is_served |
| upstreams are reached by HTTP and HTTPS | tls_is_offloaded, https_upstream: tls_on_both_sides |
| HTTPS is decrypted, and requests go on to the upstream | tls_is_offloaded |
| a redirect is served without a request to the upstream | clear_requests_are_redirected |
| certificate, chain and key come from the store | the_chain_is_sent, cert: handshakes_get_what_is_stored_at_once |
| they can be added by hand | cert: a_folder_of_all_sorts |
| they can be added by the API | cert: the_api_takes_pem_and_says_what_is_wrong |
| PEM in pem, cer, crt, der, p7b, p7c, p12 | cert: every_form_is_taken |
| HTTP/1.1 unless HTTP/2 is turned on | protocols_of_alpn, h2: h2_is_spoken_where_the_tenant_offers_it |
| HTTP/2 only with HTTPS | http2_is_not_spoken_in_clear |
| many requests at once in one connection of HTTP/2 | h2: h2_a_hundred_streams_at_once |
| upstreams get HTTP/1.1 in any case | h2: h2_record_and_fields_of_a_request |
| requests of HTTP/2 use several upstream connections | http2_streams_use_many_upstream_connections |
| TLS 1.0 to 1.3 for clients | each_version_by_policy |
| their suites | each_legacy_cipher, each_cipher_of_tls_13 |
| the list of suites can be changed | ciphers_of_the_tenant |
| all versions and suites for upstreams | https_upstream: a_server_of_each_version_is_reached |
| (the same) | https_upstream: a_server_of_each_cipher_is_reached |
| upstreams are not verified | https_upstream: without_verify_any_certificate_will_do |
| SSL is not supported for clients | hellos_of_ssl_are_refused |
| SSL is not supported for upstreams | upstreams_of_ssl_are_refused |
| handshakes with upstreams ahead of requests | https_upstream: connections_ahead_of_demand_are_ready |
| one upstream connection serves many requests | https_upstream: connections_are_kept_alive |
| TLS offloading: HTTPS to clients, HTTP to upstreams | tls_is_offloaded |
| server push of what Link names | push: a_linked_style_sheet_is_requested_and_pushed |
| several Link fields | push: links_of_several_fields_and_several_of_a_field_are_pushed |
| Link is never removed | push: clients_of_http_1_see_the_link_and_no_more |
"""

import hashlib
import re
import ssl
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest

from conftest import short_folder
from support import h2 as wire
from support import tls
from support.certs import Authority, Certificate
from support.client import Client, End, get
from support.node import Node
from support.site import Site, tenant, unique
from support.tls import SecureClient, Watched, s_client
from support.upstream import Served, ok, responding
from support.wait import until

VERSIONS = {"1.0": "-tls1", "1.1": "-tls1_1", "1.2": "-tls1_2", "1.3": "-tls1_3"}
BODY = bytes(range(256)) * 256
MODERN = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256",
          "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"]
CBC = ["ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
       "AES128-SHA", "AES256-SHA"]
RSA_KEY_EXCHANGE = ["AES128-GCM-SHA256", "AES256-GCM-SHA384"]
TRIPLE_DES = 0x000A


def _both_keys(site: Site, authority: Authority) -> Site:
    """Give the site a certificate with an RSA key too."""
    site.node.add_certificate(site.name, authority.issue(site.host, key="rsa"))
    return site


@pytest.fixture
def make_tls_site(make_secure_site, authority: Authority):
    """Sites with certificates of both kinds of keys, whose upstream serves BODY."""

    def make(**settings: Any) -> Site:
        return _both_keys(make_secure_site(responding(ok(BODY)), tls=settings), authority)

    return make


def _agree(site: Site, version: str, cipher: str = "ALL") -> tls.Shown:
    return s_client(site, VERSIONS[version], "-cipher", f"{cipher}:@SECLEVEL=0")


def test_the_table_names_tests() -> None:
    """Each statement of the table above has tests that are there."""
    rows = re.findall(r"^\| .+? \| (.+) \|$", __doc__ or "", re.MULTILINE)[2:]
    assert len(rows) > 20
    for named in (one.strip() for row in rows for one in row.split(",")):
        file, _, name = named.rpartition(": ")
        source = (Path(__file__).parent / f"{file or 'tls'}_test.py").read_text()
        assert f"\ndef test_{name}(" in source, named


# -- versions


@pytest.mark.parametrize("allowed, settings", [
    ("1.2 1.3", {}),
    ("1.3", {"policy": "modern"}),
    ("1.2 1.3", {"policy": "compatible"}),
    ("1.0 1.1 1.2 1.3", {"policy": "legacy"}),
    ("1.1 1.2", {"policy": "legacy", "min_version": "1.1", "max_version": "1.2"}),
    ("1.2 1.3", {"policy": "modern", "min_version": "1.2"}),
    ("1.2", {"max_version": "1.2"}),
    ("1.0", {"policy": "legacy", "max_version": "1.0"}),
], ids=str)
def test_each_version_by_policy(make_tls_site, allowed: str, settings: Dict[str, str]) -> None:
    """http-proxy.txt, encryption: TLS 1.0 to 1.3 as the tenant says; others are refused by protocol_version."""
    site = make_tls_site(**settings)
    watched = Watched(site)
    refused = {"no_shared_version": 0, "alert_of_peer": 0}
    for version in VERSIONS:
        shown = _agree(site, version)
        if version in allowed.split():
            assert shown.agreed and shown.agreed[0] == "TLSv" + version.replace("1.0", "1"), shown.text
            assert hashlib.sha256(shown.body).digest() == hashlib.sha256(BODY).digest(), version
            continue
        # A hello of TLS 1.2 and below says its highest version alone, and its client finds a lower one too low.
        by_client = allowed[:3] < version < "1.3"
        assert (shown.agreed, shown.alert) == (None, None if by_client else tls.PROTOCOL_VERSION), shown.text
        refused["alert_of_peer" if by_client else "no_shared_version"] += 1
    for reason, number in refused.items():
        watched.wait(f'weir_tls_handshakes_failed_total{{reason="{reason}"}}', number)
    watched.wait('weir_tls_handshakes_total{kind="full"}', len(allowed.split()))


@pytest.mark.parametrize("policy", ["modern", "compatible", "legacy"])
def test_hellos_of_ssl_are_refused(make_tls_site, policy: str) -> None:
    """http-proxy.txt, encryption: the legacy SSL protocol is not supported."""
    site = make_tls_site(policy=policy)
    watched = Watched(site)
    address = site.node.secure_address
    hello = tls.client_hello(site.host, [0x0035, 0x002F, 0x000A, 0x0005], version=0x0300)
    assert tls.hello_alert(address, hello) in (tls.PROTOCOL_VERSION, tls.HANDSHAKE_FAILURE, tls.UNRECOGNIZED_NAME)
    with Client(address) as client:
        client.send(tls.ssl2_hello())
        assert all(kind == 0x15 for kind, _ in tls.records(client.read_to_end()))
    watched.wait('weir_tls_handshakes_failed_total{reason="protocol"}')


def test_upstreams_of_ssl_are_refused(make_site) -> None:
    """http-proxy.txt, encryption: SSL is neither offered to upstreams, nor taken from one that insists."""
    hellos: List[bytes] = []

    def serve(conn: Served) -> None:
        hellos.append(conn.read_some())
        body = b"\x03\x00" + bytes(32) + b"\0" + b"\x00\x2f" + b"\0"
        conn.send(b"\x16\x03\x00" + (len(body) + 4).to_bytes(2, "big") + b"\x02" + len(body).to_bytes(3, "big") + body)
        conn.wait_end()

    site = make_site(serve, upstream={"protocol": "https"})
    assert site.fetch("/ssl").status == 502
    assert site.node.wait_record(host=site.host, path="/ssl")["outcome"] == "upstream_tls"
    for hello in hellos:
        assert hello[:2] == b"\x16\x03" and hello[9:11] == b"\x03\x03", hello
        offered = re.search(rb"\x00\x2b\x00.(.)((?:\x03[\x01-\x04])+)", hello, re.DOTALL)
        assert offered and offered.group(1)[0] == len(offered.group(2)), "supported_versions begins with TLS 1.0"


def test_a_fallback_of_the_client_is_refused(make_tls_site) -> None:
    """RFC 7507 4: TLS_FALLBACK_SCSV in a hello below the highest version: inappropriate_fallback."""
    site = make_tls_site(policy="legacy")
    shown = s_client(site, "-tls1_1", "-fallback_scsv", "-cipher", "ALL:@SECLEVEL=0")
    assert (shown.agreed, shown.alert) == (None, 86), shown.text


# -- ciphers


def test_each_legacy_cipher(make_tls_site) -> None:
    """http-proxy.txt, encryption: the suites of TLS 1.0 to 1.2; CBC works in each version that has it."""
    site = make_tls_site(policy="legacy")
    for cipher in MODERN + RSA_KEY_EXCHANGE:
        shown = _agree(site, "1.2", cipher)
        assert shown.agreed == ("TLSv1.2", cipher) and shown.body == BODY, (cipher, shown.text)
    for cipher in CBC:
        for version in ("1.0", "1.1", "1.2"):
            shown = _agree(site, version, cipher)
            assert shown.agreed and shown.agreed[1] == cipher and shown.body == BODY, (cipher, version, shown.text)
    hello = tls.client_hello(site.host, [TRIPLE_DES])
    assert tls.server_hello_cipher(site.node.secure_address, hello) == TRIPLE_DES


def test_each_cipher_of_tls_13(make_tls_site) -> None:
    """RFC 8446 B.4: the three suites, of which the tenant has no choice."""
    site = make_tls_site(policy="modern")
    for cipher in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
        shown = s_client(site, "-ciphersuites", cipher)
        assert shown.agreed == ("TLSv1.3", cipher) and shown.body == BODY, shown.text


def test_compatible_has_no_legacy_cipher(make_tls_site) -> None:
    """Only forward secrecy with authenticated encryption; the rest is refused by handshake_failure."""
    site = make_tls_site(policy="compatible")
    watched = Watched(site)
    for cipher in MODERN:
        assert _agree(site, "1.2", cipher).agreed == ("TLSv1.2", cipher), cipher
    refused = CBC + RSA_KEY_EXCHANGE
    for cipher in refused:
        shown = _agree(site, "1.2", cipher)
        assert (shown.agreed, shown.alert) == (None, tls.HANDSHAKE_FAILURE), (cipher, shown.text)
    hello = tls.client_hello(site.host, [TRIPLE_DES])
    assert tls.hello_alert(site.node.secure_address, hello) == tls.HANDSHAKE_FAILURE
    watched.wait('weir_tls_handshakes_failed_total{reason="no_shared_cipher"}', len(refused) + 1)


def test_ciphers_of_the_tenant(make_tls_site) -> None:
    """http-proxy.txt, encryption: the list of allowed algorithms can be changed; its order decides."""
    site = make_tls_site(ciphers=["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA"])
    assert _agree(site, "1.2", "ECDHE-RSA-AES128-SHA").agreed == ("TLSv1.2", "ECDHE-RSA-AES128-SHA")
    assert _agree(site, "1.2", "ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384").agreed == (
        "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")
    assert _agree(site, "1.2", "ECDHE-RSA-AES128-GCM-SHA256").alert == tls.HANDSHAKE_FAILURE
    assert _agree(site, "1.3").agreed, "those of TLS 1.3 stay"


def test_the_kind_of_key_is_of_a_cipher_in_common(make_tls_site) -> None:
    """Which certificate is shown depends on what both sides can use with it, not on what the client offers alone."""
    site = make_tls_site(ciphers=["ECDHE-RSA-AES256-GCM-SHA384"])
    assert _agree(site, "1.2").agreed == ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384"), "ECDSA is in no suite of the tenant"
    site = make_tls_site(policy="compatible")
    shown = _agree(site, "1.2", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256")
    assert shown.agreed == ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"), shown.text


# -- certificates


def _context(key: str = "", version: str = "") -> ssl.SSLContext:
    """A client of one version of TLS, that takes one kind of key alone."""
    context = tls.permissive()
    if version:
        context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, "TLSv" + version.replace(".", "_"))
    if key:
        context.set_ciphers({"rsa": "ECDHE-RSA-AES128-GCM-SHA256", "ecdsa": "ECDHE-ECDSA-AES128-GCM-SHA256"}[key])
    return context


def _shown_der(node: Node, name: Optional[str], context: Optional[ssl.SSLContext] = None,
               address: Optional[Any] = None) -> Optional[bytes]:
    with SecureClient(address or node.secure_address, context or tls.permissive(), name) as client:
        return client.socket.getpeercert(binary_form=True)


def _listed(authority: Authority, name: str) -> Dict[str, Certificate]:
    return {key: authority.issue(name, key=key) for key in ("ecdsa", "rsa")}


def test_the_kind_of_key_is_what_the_client_takes(make_tls_site, authority: Authority) -> None:
    """RFC 8446 4.2.3: ECDSA where the client can, else RSA; by signature algorithms in TLS 1.3, by suites before."""
    site = make_tls_site()
    ones = _listed(authority, site.host)
    assert _shown_der(site.node, site.host) == ones["ecdsa"].der
    for key, one in ones.items():
        assert _shown_der(site.node, site.host, _context(key, "1.2")) == one.der, key
    for algorithms, key in (("rsa_pss_rsae_sha256", "rsa"), ("ecdsa_secp256r1_sha256", "ecdsa"),
                            ("rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256", "ecdsa")):
        shown = s_client(site, "-tls1_3", "-sigalgs", algorithms, brief=False)
        assert ones[key].pem.encode() in shown.output, (algorithms, shown.text)


def test_the_chain_is_sent(make_tls_site, authority: Authority) -> None:
    """The certificate with the chain of trust: a client that knows the root alone trusts the site."""
    site = make_tls_site()
    for version in ("1.2", "1.3"):
        shown = s_client(site, VERSIONS[version], "-CAfile", str(authority.root), "-verify_return_error",
                         "-verify_hostname", site.host)
        assert shown.agreed and "Verification: OK" in shown.text, shown.text


def test_names_of_a_tenant(make_secure_site, authority: Authority) -> None:
    """Exact before wildcard, then the one that is linked as the default; names in any case."""
    name = unique()
    hosts = [f"{name}.test", f"*.{name}.test", f"{name}.example"]
    site = make_secure_site(hosts=hosts)
    exact, wild, fallback = (authority.issue(one) for one in (f"a.{name}.test", f"*.{name}.test", f"{name}.invalid"))
    for one in (exact, wild, fallback):
        site.node.add_certificate(site.name, one)
    assert site.node.run("cert", "link", "--default", f"{site.name}/{fallback.fingerprint[:32]}").returncode == 0
    assert _shown_der(site.node, f"a.{name}.test") == exact.der
    assert _shown_der(site.node, f"A.{name.upper()}.test") == exact.der
    assert _shown_der(site.node, f"b.{name}.test") == wild.der
    assert _shown_der(site.node, f"b.c.{name}.test") == fallback.der, "RFC 6125 6.4.3: a wildcard is one label"
    assert _shown_der(site.node, f"{name}.example") == fallback.der


def test_certificates_change_while_the_node_runs(make_secure_site, secure_node: Node, authority: Authority) -> None:
    """Added: live at the next handshake; a newer one replaces it; deleted: the older one again, and then none."""
    site = make_secure_site()
    first = authority.issue(site.host)
    with SecureClient(site.node.secure_address, authority.context(), site.host) as before:
        newer = authority.issue(site.host, days=(-0.5, 120))
        site.node.add_certificate(site.name, newer)
        assert _shown_der(site.node, site.host) == newer.der
        assert before.ask(site.get("/")).status == 200, "a connection that is open goes on"
    for one, left in ((newer, first), (first, None)):
        assert secure_node.run("cert", "delete", f"{site.name}/{one.fingerprint[:32]}").returncode == 0
        if left is not None:
            assert _shown_der(site.node, site.host) == left.der
    watched = Watched(site)
    assert "HANDSHAKE_FAILURE" in tls.handshake_alert(site.node.secure_address, tls.permissive(), site.host)
    watched.wait('weir_tls_handshakes_failed_total{reason="no_certificate"}')
    until(lambda: f"tls.no_certificate tenant={site.name}" in site.node.stderr, "it is logged")


def test_an_expired_certificate_is_still_served(make_node, authority: Authority) -> None:
    """It is the client's to refuse it; a site does not vanish."""
    node = make_node(config={"listen": {"https": ["127.0.0.1:0"]}})
    node.apply(tenant("old", ["127.0.0.1:9"]))
    old = authority.issue("old.test", days=(-40, -10))
    done = node.run("cert", "add", "--tenant", "old", "--cert", str(old.full_chain), "--key", str(old.key), "--force")
    assert done.returncode == 0, done.stderr
    assert _shown_der(node, "old.test") == old.der


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_unknown_names_are_refused(make_tls_site, version: str) -> None:
    """RFC 6066 3: unrecognized_name for a name of no tenant, and for none where the address is nobody's own."""
    site = make_tls_site()
    watched = Watched(site)
    names: List[Optional[str]] = ["nobody.invalid", f"x.{site.host}", None]
    for name in names:
        named = ["-noservername"] if name is None else ["-servername", name]
        shown = tls.run_s_client(site.node.secure_address, VERSIONS[version], *named)
        assert (shown.agreed, shown.alert) == (None, tls.UNRECOGNIZED_NAME), (name, shown.text)
    watched.wait('weir_tls_handshakes_failed_total{reason="unknown_name"}', len(names))


@pytest.fixture(scope="module")
def two_addresses() -> Iterator[Node]:
    node = Node(short_folder(), config={"listen": {"https": ["127.0.0.1:0", "127.0.0.2:0"]}}).start()
    yield node
    node.stop()


def test_a_dedicated_address_is_before_the_name(two_addresses: Node, make_upstream, authority: Authority) -> None:
    """All that arrives at a tenant's own address is the tenant's: whatever name the client says, and with none."""
    node = two_addresses
    one, other = make_upstream(responding(ok(b"one"))), make_upstream(responding(ok(b"other")))
    node.apply(tenant("one", [one.address], addresses=["127.0.0.2"]), tenant("other", [other.address]))
    certs = {name: authority.issue(f"{name}.test") for name in ("one", "other")}
    for name, cert in certs.items():
        node.add_certificate(name, cert)
    shared, own = node.secure_addresses
    if shared[0] != "127.0.0.1":
        shared, own = own, shared
    assert _shown_der(node, "other.test", address=shared) == certs["other"].der
    assert _shown_der(node, "one.test", address=shared) == certs["one"].der
    for name in ("other.test", "one.test", "nobody.invalid", None):
        assert _shown_der(node, name, address=own) == certs["one"].der, name
        with SecureClient(own, tls.permissive(), name) as client:
            assert client.ask(get(name or "any.invalid")).body == b"one", name


# -- whose request


def test_a_host_of_another_tenant_is_misdirected(make_tls_site, make_secure_site, authority: Authority) -> None:
    """RFC 9110 15.5.20: 421 for a host that is not of the handshake's tenant, in HTTP/1.1 and HTTP/2."""
    site, other = make_secure_site(responding(ok(b"one"))), make_secure_site(responding(ok(b"other")))
    watched = Watched(site)
    with SecureClient(site.node.secure_address, authority.context("http/1.1"), site.host) as client:
        for host, status in ((other.host, 421), ("nobody.invalid", 421), (site.host, 200)):
            assert client.ask(get(host)).status == status, host
    with wire.H2Client(site.node.secure_address, site.host, authority.root) as h2:
        for host, status in ((other.host, 421), ("nobody.invalid", 421), (site.host, 200)):
            assert h2.fetch(wire.fields_of(host)).status == status, host
    assert not other.upstream.requests
    watched.wait("weir_requests_misdirected_total", 4)
    assert site.node.wait_record(host=other.host, status=421)["outcome"] == "misdirected"


def test_another_host_of_the_same_tenant_is_served(make_secure_site, authority: Authority) -> None:
    """One connection for all hosts of a tenant (RFC 9113 9.1.1), whatever name the handshake had."""
    name = unique()
    site = make_secure_site(hosts=[f"{name}.test", f"www.{name}.test"])
    with wire.H2Client(site.node.secure_address, site.host, authority.root) as client:
        for host in site.document["hosts"]:
            assert client.fetch(wire.fields_of(host)).status == 200, host


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /a HTTP/1.0\r\n\r\n",
                                          b"HEAD / HTTP/1.1\r\n", b"PUT / HTTP/1.1\r\n",
                                          b"CONNECT x:1 HTTP/1.1\r\n\r\n"])
def test_http_on_the_port_of_https(secure_node: Node, make_secure_site, request_line: bytes) -> None:
    """A client that speaks in clear to the port of TLS is told so by a 400, and the connection ends."""
    site = make_secure_site()
    watched = Watched(site)
    with Client(secure_node.secure_address) as client:
        client.send(request_line + b"X: " + bytes(65) * 20)
        response = client.read_response()
        assert response.status == 400 and b"https" in response.body
        assert client.expect_end() is End.CLEAN
    watched.wait('weir_tls_handshakes_failed_total{reason="http_in_clear"}')


def test_clear_requests_are_redirected(make_secure_site, authority: Authority) -> None:
    """tls.redirect_http: a 301 to https without a request to the upstream; a carve-out goes before it."""
    rules = [{"path": "/.well-known/", "to": "none"}]
    site = make_secure_site(responding(ok(b"served")), tls={"redirect_http": True}, redirects=rules)
    response = site.fetch("/a/b?c=d")
    assert (response.status, response.get("Location")) == (301, f"https://{site.host}/a/b?c=d".encode())
    assert not site.upstream.requests
    assert site.fetch("/.well-known/acme-challenge/x").body == b"served"
    with SecureClient(site.node.secure_address, authority.context(), site.host) as client:
        assert client.ask(site.get("/a/b?c=d")).body == b"served"


def test_tls_is_offloaded(make_secure_site, authority: Authority) -> None:
    """http-proxy.txt, HTTPS and TLS offloading: the request is decrypted and goes to the upstream in clear."""
    site = make_secure_site(responding(ok(b"served")))
    with SecureClient(site.node.secure_address, authority.context(), site.host) as client:
        assert client.ask(site.get("/x", "X-One: 1")).body == b"served"
    expected = site.forwarded("/x", "X-One: 1").replace(b"X-Forwarded-Proto: http\r\n", b"X-Forwarded-Proto: https\r\n")
    request = site.upstream.requests[-1]
    assert request.head.replace(request.get("X-Request-ID") or b"?", b"-") == expected
    assert site.node.wait_record(host=site.host, path="/x")["scheme"] == "https"


# -- which protocol


def test_protocols_of_alpn(make_secure_site) -> None:
    """RFC 7301 3.2: the server's choice; no_application_protocol for none in common; HTTP/1.1 without ALPN."""
    plain, both = make_secure_site(tls={"http2": False}), make_secure_site()
    for site, offers, chosen in ((both, ["h2", "http/1.1"], "h2"), (both, ["http/1.1", "h2"], "h2"),
                                 (both, ["http/1.1"], "http/1.1"), (plain, ["h2", "http/1.1"], "http/1.1"),
                                 (plain, [], None), (both, ["spdy/3", "h2"], "h2")):
        with SecureClient(site.node.secure_address, tls.permissive(*offers), site.host) as client:
            assert client.socket.selected_alpn_protocol() == chosen, offers
            if chosen != "h2":
                assert client.ask(site.get("/")).status == 200
    for site, offers in ((plain, "h2"), (both, "spdy/3"), (both, "h2c")):
        shown = s_client(site, "-alpn", offers)
        assert shown.alert == tls.NO_APPLICATION_PROTOCOL, shown.text


def test_http2_is_not_spoken_in_clear(make_secure_site) -> None:
    """http-proxy.txt, HTTP/2: only with HTTPS. A preface in clear, or an upgrade to h2c, gives no HTTP/2."""
    site = make_secure_site()
    with site.connect() as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + wire.frame(wire.SETTINGS, 0, 0))
        response = client.read_response()
        assert response.status in (400, 505) and client.expect_end()
    response = site.fetch("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAA")
    assert response.status == 200 and response.get("Upgrade") is None


def test_http2_streams_use_many_upstream_connections(make_secure_site, authority: Authority) -> None:
    """http-proxy.txt, persistent connections: requests of one HTTP/2 connection go out on different ones at once."""
    site: Site

    def serve(conn: Served) -> None:
        conn.read_request()
        until(lambda: len(site.upstream.requests) >= 10, "ten requests are at the upstream at once")
        conn.send(ok(b"served"))

    site = make_secure_site(serve)
    with wire.H2Client(site.node.secure_address, site.host, authority.root) as client:
        streams = [client.ask(wire.fields_of(site.host)) for _ in range(10)]
        assert [client.read_response(stream).status for stream in streams] == [200] * 10
    assert len(site.upstream.used()) == 10
