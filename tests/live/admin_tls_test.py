# SPDX-License-Identifier: Apache-2.0
"""admin_tls_test.py - admin.listen: remote clients over TLS with tokens, as weir's own client and as others see it."""

import json
import re
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from support.certs import Authority
from support.node import Node, plain_environment, program, to_yaml
from support.remote import Remote, secrets_of
from support.site import tenant, unique
from support.wait import PATIENCE, until

DONE, FAILED, USAGE, DEGRADED, CONFLICT, TIMEOUT = range(6)
_REMOTE = {"admin": {"listen": "127.0.0.1:0"}}


def _document(name: str, **more: Any) -> Dict[str, Any]:
    return tenant(name, ["127.0.0.1:9"], **more)


@pytest.fixture(scope="module")
def shared(request) -> Iterator[Remote]:
    """A node with admin.listen for the tests that leave it as it was."""
    from conftest import short_folder  # the fixtures of conftest.py are not for modules
    import shutil
    folder = short_folder()
    node = Node(folder, config=_REMOTE).start()
    yield Remote(node)
    node.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def admin(shared: Remote) -> Iterator[str]:
    """A token that may do everything."""
    token = shared.token()
    yield token
    shared.revoke(token)


# -- the whole way


def test_every_command_works_from_another_host(shared: Remote, admin: str, authority: Authority) -> None:
    """A remote node: https://host:port with a token and --ca; each command as over the socket."""
    name = unique()

    def run(*args: str, stdin: str = "") -> str:
        done = shared.run(admin, *args, stdin=stdin)
        assert done.returncode == DONE, (args, done.stderr)
        return done.stdout

    assert "serving" in run("status")
    assert f"tenant/{name} created" in run("apply", "-f", "-", stdin=to_yaml(_document(name)))
    assert f"tenant/{name}" in run("get", "-o", "name").split()
    assert name in run("get", "tenant", name)
    assert run("diff", "-f", "-", stdin=run("get", "tenant", name, "-o", "yaml")) == ""
    assert "changed" in run("apply", "-f", "-", stdin=to_yaml(_document(name, hosts=[f"{name}.other.test"])))
    assert "token:" + admin.split("_")[1] in run("history", "tenant", name)
    run("rollback", "tenant", name, "1")
    assert f"{name}" in run("route", "test", f"http://{name}.test/")
    assert "descriptors" in shared.run(admin, "doctor").stdout
    assert "info" in run("log-level")
    assert run("export").count("\n") > 3
    one = authority.issue(f"{name}.test")
    run("cert", "add", "--tenant", name, "--cert", str(one.full_chain), "--key", str(one.key))
    assert name in run("cert", "list", "--tenant", name)
    run("logs")
    assert admin.split("_")[1] in run("token", "list")
    run("delete", "tenant", name)
    assert shared.run(admin, "get", "tenant", name).returncode == FAILED


def test_flags_do_what_the_environment_does(shared: Remote, admin: str) -> None:
    """--node, --token, --ca."""
    done = subprocess.run([str(program()), "status", "--node", shared.url, "--token", admin, "--ca", str(shared.certificate)],
                          env=plain_environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == DONE, done.stderr


def test_many_documents_go_and_come(make_node, admin: str) -> None:
    """Megabytes each way over TLS, in pieces of any size."""
    remote = Remote(make_node(config=_REMOTE))
    token = remote.token()
    documents = to_yaml(*[_document(f"t{i:04}", hosts=[f"h{k}.t{i:04}.test" for k in range(20)]) for i in range(1500)])
    done = remote.run(token, "import", "-", stdin=documents)
    assert done.returncode == DONE, done.stderr
    back = remote.run(token, "export", "-o", "yaml")
    assert back.returncode == DONE and back.stdout.count("kind: \"Tenant\"") == 1500
    assert remote.run(token, "export", "--digest").stdout == remote.node.run("export", "--digest").stdout


def test_a_log_is_followed_over_tls(make_node) -> None:
    """A stream without end: records arrive as they are made, and the end of the node is its end."""
    node = make_node(config=_REMOTE)
    remote = Remote(node)
    env = {**plain_environment(), "WEIR_NODE": remote.url, "WEIR_CA": remote.fingerprint, "WEIR_TOKEN": remote.token()}
    with subprocess.Popen([str(program()), "logs", "-f"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as follower:
        assert follower.stdout is not None
        with node.connect() as client:
            until(lambda: node.admin.metrics()["weir_admin_requests_total"] > 1, "the follower is there")
            client.send(b"GET /one HTTP/1.1\r\nHost: nowhere.test\r\nConnection: close\r\n\r\n")
            line = follower.stdout.readline()
        assert "/one" in line
        node.stop()
        rest, note = follower.communicate(timeout=PATIENCE * 2)
        assert (follower.returncode, rest) == (DONE, "") and "the node has ended" in note


# -- whom the client trusts


def test_a_node_is_never_trusted_unseen(shared: Remote, admin: str, authority: Authority) -> None:
    """Without its certificate, with another, or by another name: exit 1, and not a byte of the token goes out."""
    other = authority.root
    for ca, why in ((other, "not trusted"), ("/etc/ssl/certs/ca-certificates.crt", "not trusted"),
                    ("sha256:" + "00" * 32, "another fingerprint")):
        done = shared.run(admin, "status", ca=ca)
        assert done.returncode == FAILED and why in done.stderr, done.stderr
        assert shared.fingerprint in done.stderr
    done = shared.run(admin, "status", url=shared.url.replace("127.0.0.1", "127.0.0.2"))
    assert done.returncode == FAILED
    for ca, why in (("/nowhere", "cannot be read"), ("sha256:12", "no fingerprint"),
                    (shared.node.data / "admin.pem", "private key")):
        done = shared.run(admin, "status", ca=ca)
        assert done.returncode == USAGE and why in done.stderr, done.stderr


def test_a_name_that_the_certificate_has_not_is_refused(make_node, authority: Authority) -> None:
    """Chain and name are verified: an authority's word for one host is none for another."""
    one = authority.issue("edge.test")
    node = make_node(config={"admin": {"listen": "127.0.0.1:0", "tls": {"certificate": str(one.full_chain), "key": str(one.key)}}})
    remote = Remote(node)
    done = remote.run(remote.token(), "status", ca=authority.root)
    assert done.returncode == FAILED and "not trusted" in done.stderr, done.stderr


def test_localhost_and_the_fingerprint_are_good(shared: Remote, admin: str) -> None:
    """The names of a self-signed certificate: the node's, localhost, where it listens. A pin needs no name."""
    port = shared.address[1]
    assert shared.run(admin, "status", url=f"https://localhost:{port}").returncode == DONE
    assert shared.run(admin, "status", ca=shared.fingerprint).returncode == DONE
    status = json.loads(shared.node.run("status", "-o", "json").stdout)
    assert status["nodes"][0]["admin_certificate"] == shared.fingerprint


@pytest.mark.parametrize("kind", ["rsa", "rsa4096", "p384", "ed25519"])
def test_an_operators_certificate(make_node, authority: Authority, kind: str) -> None:
    """admin.tls: chain and key of the operator; a large RSA key signs on a helper thread."""
    one = authority.issue("127.0.0.1", "localhost", key=kind)
    node = make_node(config={"admin": {"listen": "127.0.0.1:0", "tls": {"certificate": str(one.full_chain), "key": str(one.key)}}})
    remote = Remote(node)
    done = remote.run(remote.token(), "status", ca=authority.root)
    assert done.returncode == DONE, done.stderr
    assert not (node.data / "admin.pem").exists()


def test_a_reload_takes_a_renewed_certificate(make_node, authority: Authority, folder: Path) -> None:
    """A certificate is renewed in its place; a fault changes nothing; open connections go on."""
    crt, key = folder / "a.crt", folder / "a.key"

    def put(one: Any) -> None:
        crt.write_text(one.full_chain.read_text())
        key.write_text(one.key.read_text())
        key.chmod(0o600)

    put(authority.issue("127.0.0.1", key="ecdsa"))
    node = make_node(config={"admin": {"listen": "127.0.0.1:0", "tls": {"certificate": str(crt), "key": str(key)}}})
    remote = Remote(node)
    token = remote.token()
    first = node.admin.get("/v1/status").json()["nodes"][0]["admin_certificate"]
    assert remote.run(token, "status", ca=first).returncode == DONE
    put(authority.issue("127.0.0.1", key="rsa"))
    done = node.run("reload")
    assert done.returncode == DONE and "admin.tls" in done.stdout, done.stdout + done.stderr
    second = node.admin.get("/v1/status").json()["nodes"][0]["admin_certificate"]
    assert first != second
    assert remote.run(token, "status", ca=second).returncode == DONE
    assert remote.run(token, "status", ca=first).returncode == FAILED
    key.write_text("nothing")
    done = node.run("reload")
    assert done.returncode == FAILED and "no private key" in done.stderr
    assert remote.run(token, "status", ca=second).returncode == DONE


def test_an_expired_certificate_is_served_loudly(make_node, authority: Authority) -> None:
    """The node serves on and says so; clients refuse the certificate but for those that know its fingerprint."""
    one = authority.issue("127.0.0.1", days=(-10, -1))
    node = make_node(config={"admin": {"listen": "127.0.0.1:0", "tls": {"certificate": str(one.full_chain), "key": str(one.key)}}})
    remote = Remote(node)
    assert "admin.certificate_expired" in node.stderr
    token = remote.token()
    done = remote.run(token, "status", ca=authority.root)
    assert done.returncode == FAILED and "expired" in done.stderr, done.stderr
    assert remote.run(token, "status", ca=remote.fingerprint).returncode == DONE
    done = node.run("doctor")
    assert done.returncode == FAILED and "it has expired" in done.stdout


def test_a_node_does_not_start_with_a_key_that_is_not_its_own(make_node, authority: Authority) -> None:
    """Fail at the start, with the field and the reason; --check finds it too."""
    one, two = authority.issue("a.test"), authority.issue("b.test")
    node = make_node(start=False, config={"admin": {"listen": "127.0.0.1:0",
                                                    "tls": {"certificate": str(one.full_chain), "key": str(two.key)}}})
    node.write_config()
    done = subprocess.run([str(program()), "node", "--check", "--config", str(node.config_path)], env=node.env,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "admin.tls" in done.stdout, done.stdout
    node.spawn()
    assert node.wait() == 1
    assert "does not belong to the certificate" in node.stderr


# -- who may do what


def test_tokens_of_each_kind(shared: Remote) -> None:
    """401 without one, 401 for one that is revoked or has expired, 403 beyond its scope."""
    read, brief, gone = shared.token("--scope", "read"), shared.token("--ttl", "1ms"), shared.token()
    shared.revoke(gone)
    response = shared.call("GET", "/v1/status")
    assert response.status == 401 and response.headers["WWW-Authenticate"].startswith("Bearer")
    until(lambda: shared.call("GET", "/v1/status", brief).status == 401, "the brief token to expire")
    assert shared.call("GET", "/v1/status", gone).status == 401
    assert shared.call("GET", "/v1/status", read).status == 200
    assert shared.call("GET", "/metrics", read).status == 200
    assert shared.call("DELETE", "/v1/tenants/x", read).code == "read_only"
    assert shared.call("GET", "/v1/tokens", read).code == "forbidden"
    for token, why in ((None, "needs a token"), (gone, "not known"), (brief, "has expired")):
        done = shared.run(token, "status")
        assert done.returncode != DONE and why in done.stderr
    for path, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 401)):
        assert shared.call("GET", path).status == status


def test_a_tenants_token_touches_no_other(shared: Remote, authority: Authority) -> None:
    """tenant:NAME: that tenant's objects and nothing of another, nor of the node, on every path."""
    mine, other = unique(), unique()
    shared.node.apply(_document(mine), _document(other))
    token = shared.token("--scope", f"tenant:{mine}")
    before = shared.node.admin.get(f"/v1/tenants/{other}").body
    good = [("GET", f"/v1/tenants/{mine}"), ("GET", f"/v1/tenants/{mine}/history"), ("GET", f"/v1/tenants/{mine}/revisions/1"),
            ("GET", f"/v1/certificates?tenant={mine}"), ("GET", f"/v1/logs?tenant={mine}"), ("GET", f"/v1/test/redirect?url=http://{mine}.test/&tenant={mine}")]
    for method, path in good:
        assert shared.call(method, path, token).status == 200, path
    bad = [(method, path.replace(mine, other)) for method, path in good]
    bad += [("PUT", f"/v1/tenants/{other}"), ("DELETE", f"/v1/tenants/{other}"),
            ("GET", f"/v1/tenants/{other}/certificates/x"), ("DELETE", f"/v1/tenants/{other}/certificates/x"),
            ("POST", f"/v1/tenants/{other}/certificates/x/links?host=a.test"), ("GET", "/v1/certificates"),
            ("POST", f"/v1/tenants/{other}/rollback?revision=1"), ("PUT", f"/v1/tenants/{mine}?allow_overlap=1"),
            ("GET", "/v1/tenants"), ("GET", "/v1/export"), ("GET", "/v1/status"), ("GET", "/metrics"), ("GET", "/v1/doctor"),
            ("GET", "/v1/logs"), ("GET", f"/v1/test/route?url=http://{mine}.test/"), ("GET", "/v1/drain"), ("POST", "/v1/drain"),
            ("POST", "/v1/undrain"), ("POST", "/v1/reload"), ("GET", "/v1/log-level"), ("PUT", "/v1/log-level?level=debug"),
            ("DELETE", "/v1/log-level"), ("GET", "/v1/tokens"), ("POST", "/v1/tokens"), ("DELETE", "/v1/tokens/0123456789ab")]
    for method, path in bad:
        response = shared.call(method, path, token, body=_document(other) if method == "PUT" else None)
        assert (response.status, response.code) == (403, "forbidden"), (method, path)
    assert shared.call("PUT", f"/v1/tenants/{mine}", token, body=_document(other)).status in (400, 403)
    assert shared.run(token, "apply", "-f", "-", stdin=to_yaml(_document(mine, hosts=["new.test"]))).returncode == DONE
    done = shared.run(token, "apply", "-f", "-", stdin=to_yaml(_document(mine), _document(other, hosts=["new2.test"])))
    assert done.returncode == FAILED and f"for tenant {mine} alone" in done.stderr
    one = authority.issue(f"{other}.test")
    done = shared.run(token, "cert", "add", "--tenant", other, "--cert", str(one.full_chain), "--key", str(one.key))
    assert done.returncode == FAILED and f"for tenant {mine} alone" in done.stderr, done.stderr
    assert other not in shared.node.run("cert", "list").stdout
    assert shared.node.admin.get(f"/v1/tenants/{other}").body == before
    assert shared.node.run("delete", "tenant", mine, other).returncode == DONE


def test_guesses_are_limited_and_logged_without_them(make_node) -> None:
    """Brute force: 429 after ten wrong tokens, a counter, a line without a byte of them; the socket goes on."""
    node = make_node(config={**_REMOTE, "log": {"level": "trace"}})
    remote = Remote(node)
    good = remote.token()
    guesses = [f"weir_{i:012x}_{i:048x}" for i in range(0xabc000, 0xabc000 + 40)]
    statuses = [remote.call("GET", "/v1/status", guess).status for guess in guesses]
    assert statuses[:10] == [401] * 10 and set(statuses[10:]) == {429}
    response = remote.call("GET", "/v1/status", guesses[0])
    assert response.status == 429 and int(response.headers["Retry-After"]) >= 1
    assert remote.call("GET", "/v1/status", good).status == 200, "whatever others at its address have guessed"
    assert node.admin.get("/v1/status").status == 200
    metrics = node.admin.metrics()
    assert metrics['weir_admin_tokens_refused_total{reason="unknown"}'] == 10
    assert metrics['weir_admin_tokens_refused_total{reason="limited"}'] == 31
    assert "admin.token_refused client=127.0.0.1" in node.stderr
    for secret in secrets_of(guesses + [good]):
        assert secret not in node.stderr
    done = remote.run(guesses[0], "status")
    assert done.returncode == FAILED and "try again later" in done.stderr


def test_tokens_outlive_a_restart_and_show_nowhere(make_node) -> None:
    """Stored hashed: a restart finds them, and no file has them."""
    node = make_node(config={**_REMOTE, "log": {"level": "trace"}})
    remote = Remote(node)
    token = remote.token("--comment", "survives")
    first = remote.fingerprint
    assert remote.run(token, "status").returncode == DONE
    node.stop()
    node.start()
    remote = Remote(node)
    assert remote.fingerprint == first
    assert remote.run(token, "status").returncode == DONE
    secret = secrets_of([token])[0]
    for path in node.folder.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


# -- clients that misbehave


def test_http_in_clear_is_told_so(shared: Remote) -> None:
    """A client that takes the port for plain HTTP gets 400 in clear, and the end of the connection."""
    with shared.open() as client:
        client.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ") and b"https://" in answer


@pytest.mark.parametrize("noise", [b"\x00" * 64, b"\x16\x03\x01\xff\xff" + b"x" * 70000, b"SSH-2.0-OpenSSH_9\r\n",
                                   b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", b"\x15\x03\x03\x00\x02\x02\x28"])
def test_noise_ends_a_connection(shared: Remote, noise: bytes) -> None:
    """Bytes that are no handshake: the connection ends, is counted, and nothing else happens."""
    before = shared.node.admin.metrics()["weir_admin_handshakes_failed_total"]
    with shared.open() as client:
        try:
            client.sendall(noise)
            while client.recv(65536):
                pass
        except ConnectionError:
            pass
    until(lambda: shared.node.admin.metrics()["weir_admin_handshakes_failed_total"] == before + 1, "it is counted")


def test_a_client_that_leaves_in_the_handshake_is_forgotten(shared: Remote) -> None:
    """A ClientHello cut at any byte."""
    context = shared.context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    half = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    hello = outgoing.read()
    for cut in range(0, len(hello), 37):
        with shared.open() as client:
            client.sendall(hello[:cut])
    assert shared.call("GET", "/healthz").status == 200


def test_stalled_handshakes_make_way(make_node) -> None:
    """Connections that say nothing, or have no good token, never keep out one that has."""
    node = make_node(config=_REMOTE)
    remote = Remote(node)
    token = remote.token()
    stalled: List[socket.socket] = []
    try:
        for i in range(150):
            client = remote.open()
            stalled.append(client)
            if i % 3 == 1:
                client.sendall(b"\x16\x03\x01\x02\x00\x01")
        for _ in range(5):
            assert remote.run(token, "status").returncode == DONE
        assert node.admin.get("/v1/status").status == 200
    finally:
        for client in stalled:
            client.close()


def test_a_handshake_has_ten_seconds(shared: Remote) -> None:
    """A slow client: a byte now and then buys no time."""
    began = time.monotonic()
    with shared.open(30) as client:
        client.settimeout(1)
        for byte in b"\x16\x03\x01\x00\xf0" + bytes(60):
            try:
                client.sendall(bytes([byte]))
                if client.recv(1) == b"":
                    break
            except socket.timeout:
                continue
            except ConnectionError:
                break
    assert 8 < time.monotonic() - began < 20


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(shared: Remote, version: ssl.TLSVersion) -> None:
    """TLS 1.2 and 1.3 alone, whatever tenants may have."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with shared.open() as client, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(client)
    for good in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = shared.context()
        context.minimum_version = context.maximum_version = good
        with shared.open() as client, context.wrap_socket(client, server_hostname="localhost") as done:
            assert done.version() == good.name.replace("_", ".")


def test_other_clients_take_the_certificate(shared: Remote, admin: str) -> None:
    """curl, with the copy of the certificate that the node puts beside it; keep-alive, then an end in order."""
    done = subprocess.run(["curl", "-sS", "--cacert", str(shared.certificate), "-H", f"Authorization: Bearer {admin}",
                           f"{shared.url}/v1/status", f"{shared.url}/healthz"], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    assert '"state":"serving"' in done.stdout and done.stdout.endswith("ok\n")


def test_what_no_node_says_is_refused_by_the_client(shared: Remote, admin: str, authority: Authority) -> None:
    """A server that breaks off, or speaks no HTTP: an error with what to do, never a hang or half a response."""
    one = authority.issue("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(one.full_chain, one.key)
    answers = [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"hello\r\n\r\n",
               b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"nodes\":[]}"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        env = {**plain_environment(), "WEIR_NODE": url, "WEIR_TOKEN": admin, "WEIR_CA": str(authority.root)}
        for answer in answers:
            with subprocess.Popen([str(program()), "status"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True) as client:
                peer, _ = server.accept()
                with context.wrap_socket(peer, server_side=True) as tls:
                    request = b""
                    while b"\r\n\r\n" not in request:
                        request += tls.recv(65536)
                    assert f"Authorization: Bearer {admin}".encode() in request
                    tls.sendall(answer)
                    # Without close_notify: an end that TLS does not confirm may be a cut.
                    socket.socket(fileno=tls.detach()).close()
                out, error = client.communicate(timeout=60)
            assert client.returncode == FAILED and error, (answer, out, error)
            assert admin.split("_")[2] not in error
