# SPDX-License-Identifier: Apache-2.0
"""The certificate store through the CLI: every form of files, all that is refused, folders, links, and where keys are."""

import json
import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest

from support.certs import Authority, Certificate, make_key, openssl
from support.node import Node, is_sanitized
from support.remote import Remote
from support.wait import PATIENCE, until

PASSWORD = "correct horse battery"


def _tenant(name: str, *hosts: str) -> Dict[str, Any]:
    return {"apiVersion": "weir/v1", "kind": "Tenant", "name": name, "hosts": list(hosts),
            "upstreams": {"web": {"endpoints": [{"address": "127.0.0.1:9"}]}}}


def _listed(node: Node, *args: str) -> List[Dict[str, Any]]:
    return json.loads(node.run("cert", "list", "-o", "json", *args).stdout)["items"]


def _id(one: Certificate) -> str:
    return one.fingerprint[:32]


@pytest.fixture
def shop(make_node) -> Node:
    node = make_node()
    assert node.apply(_tenant("shop", "shop.test", "*.shop.test")).returncode == 0
    return node


def _add(node: Node, *args: Any, rc: int = 0, tenant: str = "shop") -> "subprocess.CompletedProcess[str]":
    done = node.run("cert", "add", "--tenant", tenant, *map(str, args))
    assert done.returncode == rc, done.stdout + done.stderr
    return done


@pytest.fixture
def password_file(folder: Path) -> Path:
    path = folder / "password"
    path.write_text(PASSWORD + "\n")
    return path


FORMS = {
    "pem_three_files": lambda c, p: ["--cert", c.cert, "--key", c.key, "--chain", c.chain],
    "pem_full_chain": lambda c, p: ["--cert", c.full_chain, "--key", c.key],
    "pem_all_in_one": lambda c, p: ["--cert", _joined(c, "all.pem", c.key, c.chain, c.cert)],
    "pem_reversed_with_root": lambda c, p: ["--cert", _joined(c, "reversed.pem", c.chain, c.cert), "--key", c.key],
    "der": lambda c, p: ["--cert", c.cert_der(), "--key", c.key_der(), "--chain", c.chain],
    "cer_by_content": lambda c, p: ["--cert", _named(c, c.cert_der(), "site.cer"), "--key", c.key, "--chain", c.chain],
    "crt_by_content": lambda c, p: ["--cert", _named(c, c.cert, "site.crt"), "--key", c.key, "--chain", c.chain],
    "traditional_key": lambda c, p: ["--cert", c.full_chain, "--key", c.key_traditional()],
    "encrypted_pkcs8": lambda c, p: ["--cert", c.full_chain, "--key", c.key_encrypted(PASSWORD), "--password-file", p],
    "encrypted_traditional": lambda c, p: ["--cert", c.full_chain, "--key", c.key_encrypted(PASSWORD, True),
                                           "--password-file", p],
    "p7b_pem": lambda c, p: ["--cert", c.p7b(), "--key", c.key],
    "p7c_der": lambda c, p: ["--cert", c.p7b(der=True), "--key", c.key],
    "p12": lambda c, p: ["--cert", c.p12(PASSWORD), "--password-file", p],
    "p12_legacy": lambda c, p: ["--cert", c.p12(PASSWORD, legacy=True), "--password-file", p],
    "pfx_without_password": lambda c, p: ["--cert", _named(c, c.p12(), "site.pfx")],
    "base64_without_armour": lambda c, p: ["--cert", _bare(c), "--key", c.key, "--chain", c.chain],
}


def _joined(one: Certificate, name: str, *files: Path) -> Path:
    path = one.folder / name
    path.write_text("".join(file.read_text() for file in files))
    return path


def _named(one: Certificate, file: Path, name: str) -> Path:
    path = one.folder / name
    shutil.copy(file, path)
    return path


def _bare(one: Certificate) -> Path:
    path = one.folder / "bare.txt"
    path.write_text("".join(line for line in one.pem.splitlines(True) if "-----" not in line))
    return path


@pytest.mark.parametrize("key", ["ecdsa", "rsa"])
def test_every_form_is_taken(shop: Node, authority: Authority, password_file: Path, key: str) -> None:
    """PEM, DER, CER, CRT, P7B, P7C, P12 and PFX, by content; keys in each of their forms; in any order."""
    one = authority.issue("shop.test", "*.shop.test", key=key)
    for form, args in FORMS.items():
        done = _add(shop, *args(one, password_file))
        assert _id(one) in done.stdout and "created" in done.stdout, form
        (found,) = _listed(shop)
        assert found["id"] == _id(one) and found["names"] == ["shop.test", "*.shop.test"], form
        assert found["chain_length"] == 2 and found["used_by"] == ["shop"] and found["state"] == "valid", form
        assert found["key"] == {"ecdsa": "ECDSA P-256", "rsa": "RSA 2048"}[key]
        assert shop.run("cert", "delete", found["id"][:8]).returncode == 0, form
    assert not _listed(shop)


def test_what_is_wrong_is_said_in_full(shop: Node, authority: Authority, folder: Path, password_file: Path) -> None:
    """A bad certificate is refused at the push: all faults at once, in plain words, and nothing is stored."""
    good = authority.issue("shop.test")
    weak = authority.issue("shop.test", key="rsa1024", digest="sha1", days=(-40, -10), usage="clientAuth")
    done = _add(shop, "--cert", weak.full_chain, "--key", weak.key, rc=1)
    for fault in ("expired on", "1024 bits", "SHA-1", "not for servers"):
        assert fault in done.stderr, done.stderr
    cases = [
        (["--cert", good.full_chain], "no private key was found"),
        (["--cert", good.full_chain, "--key", make_key(folder / "k")], "belongs to none of the certificates"),
        (["--cert", good.key], "no certificate was found"),
        (["--cert", good.cert, "--key", folder / "none"], "No such file"),
        (["--cert", folder, "--key", good.key], "is a folder"),
        (["--cert", good.cert, "--key", good.key_encrypted(PASSWORD)], "is encrypted: give its password"),
        (["--cert", good.p12(PASSWORD)], "with a password: give it with --password-file"),
        (["--cert", authority.issue("shop.test", key="secp256k1").full_chain, "--key", good.key], "belongs to none"),
    ]
    for args, fault in cases:
        done = _add(shop, *args, rc=1)
        assert fault in done.stderr, (args, done.stderr)
    password_file.write_text("wrong\n")
    assert "password is another one" in _add(shop, "--cert", good.p12(PASSWORD), "--password-file", password_file,
                                             rc=1).stderr
    other = Authority(folder / "other", "others")
    done = _add(shop, "--cert", good.cert, "--key", good.key, "--chain", other.intermediate.cert, rc=1)
    assert "certificates of other issuers alone" in done.stderr
    assert not _listed(shop)


def test_doubts_can_be_overruled(shop: Node, authority: Authority) -> None:
    """An expired certificate is refused unless whoever adds it insists; then it is served on, loudly."""
    old = authority.issue("shop.test", days=(-40, -10))
    assert "--force adds it" in _add(shop, "--cert", old.full_chain, "--key", old.key, rc=1).stderr
    _add(shop, "--cert", old.full_chain, "--key", old.key, "--force")
    (found,) = _listed(shop)
    assert found["state"] == "expired" and found["days_left"] == 0


def test_warnings_do_not_refuse(shop: Node, authority: Authority) -> None:
    """A missing intermediate, names of no host, a certificate that begins tomorrow: added, with a warning."""
    other = authority.issue("other.test", days=(1, 90))
    done = _add(shop, "--cert", other.cert, "--key", other.key)
    for text in ("no intermediate certificate", "none of its names is a host of tenant", "is not valid before"):
        assert text in done.stderr, done.stderr
    done = _add(shop, "--cert", other.full_chain, "--key", other.key, tenant="later")
    assert "there is no tenant" in done.stderr
    assert {one["tenant"] for one in _listed(shop)} == {"shop", "later"}
    assert [one["state"] for one in _listed(shop, "--tenant", "later")] == ["early"]


def test_added_again_nothing_changes(shop: Node, authority: Authority) -> None:
    """The same certificate is unchanged; another chain changes it; links stay."""
    one = authority.issue("shop.test")
    _add(shop, "--cert", one.cert, "--key", one.key)
    assert shop.run("cert", "link", "www.shop.test", _id(one)).returncode == 0
    assert "changed" in _add(shop, "--cert", one.full_chain, "--key", one.key).stdout
    assert "unchanged" in _add(shop, "--cert", one.full_chain, "--key", one.key).stdout
    (found,) = _listed(shop)
    assert found["links"] == ["www.shop.test"] and found["chain_length"] == 2
    assert "dry run" in _add(shop, "--cert", one.full_chain, "--key", one.key, "--dry-run").stdout


def _served(node: Node, name: str, rsa: bool = False) -> Any:
    """The certificate that a client gets for this name ("" names none), DER; None: the handshake fails."""
    port = int(re.findall(r"https://127\.0\.0\.1:([0-9]+)", node.stderr)[-1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if rsa:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=name or None) as tls:
                return tls.getpeercert(binary_form=True)
        except (ssl.SSLError, ConnectionError):
            return None


def test_handshakes_get_what_is_stored_at_once(make_node, authority: Authority) -> None:
    """Exact before wildcard before the default, ECDSA before RSA, the newest; live on the workers when add returns."""
    node = make_node(config={"listen": {"http": ["127.0.0.1:0"], "https": ["127.0.0.1:0"]}}, workers=2)
    assert node.apply(_tenant("shop", "shop.test", "*.shop.test")).returncode == 0
    assert _served(node, "a.shop.test") is None
    wild, exact = authority.issue("*.shop.test"), authority.issue("a.shop.test", days=(-3, 90))
    rsa, newer = authority.issue("a.shop.test", key="rsa"), authority.issue("a.shop.test", days=(-2, 90))
    expect = {}
    for one, changes in ((wild, {"a.shop.test": wild, "b.shop.test": wild, "shop.test": wild}),
                         (exact, {"a.shop.test": exact}), (newer, {"a.shop.test": newer})):
        _add(node, "--cert", one.full_chain, "--key", one.key)
        expect.update(changes)
        for name, wanted in expect.items():
            if name != "shop.test":  # the default is the newest of all
                assert _served(node, name) == wanted.der, name
    assert _served(node, "a.shop.test", rsa=True) is None
    _add(node, "--cert", rsa.full_chain, "--key", rsa.key)
    assert _served(node, "a.shop.test", rsa=True) == rsa.der and _served(node, "a.shop.test") == newer.der
    assert node.run("cert", "link", "--default", _id(exact)).returncode == 0
    assert _served(node, "shop.test") == exact.der
    assert node.run("cert", "link", "b.shop.test", _id(exact)).returncode == 0
    assert _served(node, "b.shop.test") == exact.der
    assert node.run("cert", "delete", _id(newer)).returncode == 0
    assert _served(node, "a.shop.test") == exact.der
    node.restart()
    assert _served(node, "a.shop.test") == exact.der and _served(node, "c.shop.test") == wild.der
    metrics = node.admin.metrics()
    assert metrics["weir_certs_cached"] >= 2 and metrics["weir_cert_load_errors_total"] == 0


def test_an_expired_certificate_is_served_on(make_node, authority: Authority) -> None:
    """While there is no better one; then the better one is."""
    node = make_node(config={"listen": {"http": ["127.0.0.1:0"], "https": ["127.0.0.1:0"]}})
    assert node.apply(_tenant("shop", "shop.test")).returncode == 0
    old, new = authority.issue("shop.test", days=(-9, -5)), authority.issue("shop.test", days=(-40, 40))
    early = authority.issue("shop.test", days=(3, 40))
    for one, wanted in ((old, old), (early, old), (new, new)):
        _add(node, "--cert", one.full_chain, "--key", one.key, "--force")
        assert _served(node, "shop.test") == wanted.der


def test_a_link_moves_from_one_to_another(shop: Node, authority: Authority) -> None:
    """A host, and clients that name none, have one link for each kind of key."""
    first, second = authority.issue("shop.test"), authority.issue("a.shop.test")
    rsa = authority.issue("shop.test", key="rsa")
    for one in (first, second, rsa):
        _add(shop, "--cert", one.full_chain, "--key", one.key)

    def links() -> Dict[str, Any]:
        return {found["id"]: (found.get("links", []), found.get("fallback", False)) for found in _listed(shop)}

    for one in (first, rsa, second):
        assert "linked to" in shop.run("cert", "link", "B.shop.test", _id(one)[:10]).stdout
    assert links() == {_id(first): ([], False), _id(second): (["b.shop.test"], False), _id(rsa): (["b.shop.test"], False)}
    for one in (first, second):
        assert shop.run("cert", "link", "--default", _id(one)).returncode == 0
    assert [links()[_id(one)][1] for one in (first, second)] == [False, True]
    assert shop.run("cert", "link", "b.shop.test", _id(second), "--remove").returncode == 0
    assert shop.run("cert", "link", "--default", _id(second), "--remove").returncode == 0
    assert links()[_id(second)] == ([], False)
    assert shop.run("cert", "link", "no host", _id(second)).returncode == 1


def test_names_of_certificates_may_be_cut(shop: Node, authority: Authority) -> None:
    """An ID may be cut to its begin while one certificate alone has it; TENANT/ID is one tenant's."""
    one = authority.issue("shop.test")
    _add(shop, "--cert", one.full_chain, "--key", one.key)
    _add(shop, "--cert", one.full_chain, "--key", one.key, tenant="blog")
    assert "names 2 certificates" in shop.run("cert", "show", _id(one)).stderr
    shown = shop.run("cert", "show", f"blog/{_id(one)[:6]}", "-o", "wide")
    assert shown.returncode == 0 and "tenant      blog" in shown.stdout
    assert one.pem.strip() in shown.stdout and "PRIVATE" not in shown.stdout
    assert shop.run("cert", "delete", f"blog/{_id(one)}").returncode == 0
    assert [found["tenant"] for found in _listed(shop)] == ["shop"]
    for wrong, rc in (("xyz", 2), ("abc", 2), ("0" * 33, 2), ("0000", 1)):
        assert shop.run("cert", "show", wrong).returncode == rc, wrong


def test_a_folder_of_all_sorts(shop: Node, authority: Authority, folder: Path, password_file: Path) -> None:
    """weir cert add --dir: pairs are found by content, whatever the files are called; what fails is listed."""
    place = folder / "certs"
    (place / "deep" / "live").mkdir(parents=True)
    ones = {name: authority.issue(f"{name}.shop.test", key=key)
            for name, key in (("a", "ecdsa"), ("b", "rsa"), ("c", "ecdsa"), ("d", "ecdsa"), ("e", "rsa"))}
    shutil.copy(ones["a"].cert, place / "a.crt")
    shutil.copy(ones["a"].key, place / "a.key")
    shutil.copy(ones["b"].full_chain, place / "deep" / "live" / "fullchain.pem")
    shutil.copy(ones["b"].key_traditional(), place / "deep" / "live" / "privkey.pem")
    shutil.copy(ones["b"].cert, place / "deep" / "live" / "cert.pem")          # the same one again
    shutil.copy(ones["c"].p12(PASSWORD), place / "c.pfx")
    shutil.copy(ones["d"].cert_der(), place / "one.der")
    shutil.copy(ones["d"].key_encrypted(PASSWORD), place / "totally-different-name")
    (place / "ca").mkdir()
    shutil.copy(authority.intermediate.cert, place / "ca" / "intermediate.pem")
    shutil.copy(authority.root, place / "ca" / "root.pem")
    (place / "README.txt").write_text("not a certificate")
    (place / "again").symlink_to(place)                                        # a loop
    # What fails:
    shutil.copy(ones["e"].cert, place / "e.crt")
    make_key(place / "e.key")
    (place / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    done = _add(shop, "--dir", place, "--password-file", password_file, rc=1)
    assert "4 certificates: 4 created" in done.stdout, done.stdout + done.stderr
    assert {found["id"] for found in _listed(shop)} == {_id(ones[name]) for name in "abcd"}
    assert all(found["chain_length"] == 2 for found in _listed(shop)), "the intermediate is in another file"
    for text in ("e.crt: the key in", "e.key: the private key belongs to no certificate", "broken.pem: a PEM block"):
        assert text in done.stderr, done.stderr
    assert "README" not in done.stderr and "3 failed" in done.stderr
    assert "4 unchanged" in _add(shop, "--dir", place, "--password-file", password_file, rc=1).stdout
    (folder / "empty").mkdir()
    assert "no certificate is in it" in _add(shop, "--dir", folder / "empty", rc=1).stderr
    assert "No such file" in _add(shop, "--dir", folder / "none", rc=1).stderr


def test_two_thousand_certificates_in_seconds(shop: Node, authority: Authority, folder: Path) -> None:
    """weir cert add --dir takes thousands; the list of them comes in pages."""
    number = 2000
    place = folder / "many"
    place.mkdir()
    # One key for all: to make 2,000 would take most of the test's time.
    key = make_key(place / "key.pem")
    config = folder / "sign.cnf"
    for i in range(number):
        config.write_text(f"subjectAltName = DNS:n{i}.shop.test\n")
        subprocess.run(["openssl", "req", "-new", "-x509", "-key", key, "-subj", f"/CN=n{i}", "-days", "90",
                        "-addext", f"subjectAltName=DNS:n{i}.shop.test", "-addext", "basicConstraints=CA:FALSE",
                        "-out", place / f"{i}.pem"], check=True, capture_output=True)
    done = shop.run("cert", "add", "--tenant", "shop", "--dir", str(place), "--timeout", "120s")
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"{number} certificates: {number} created, in " in done.stdout
    seconds = float(done.stdout.split(", in ")[1].split()[0])
    assert seconds < (60 if is_sanitized() else 15), done.stdout
    listed = _listed(shop)
    assert len(listed) == number == len({found["id"] for found in listed})
    assert shop.admin.get("/readyz").status == 200


def test_keys_are_nowhere_in_clear(shop: Node, authority: Authority, folder: Path) -> None:
    """Keys are sealed in the store, and neither shown nor logged; the secret has mode 0600."""
    one = authority.issue("shop.test")
    _add(shop, "--cert", one.full_chain, "--key", one.key)
    der = one.key_der().read_bytes()
    secret = shop.data / "secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert len(secret.read_text().strip()) == 64
    inner = openssl("pkey", "-in", one.key, "-noout", "-text").decode()
    number = bytes.fromhex("".join(inner.split("priv:")[1].split("pub:")[0].replace(":", "").split())[-64:])
    for path in shop.data.iterdir():
        content = path.read_bytes()
        assert number not in content and der not in content, path
    texts = shop.stderr + shop.run("cert", "show", _id(one), "-o", "wide").stdout
    texts += shop.admin.get("/v1/certificates").body.decode() + shop.admin.get(
        f"/v1/tenants/shop/certificates/{_id(one)}").body.decode()
    assert "PRIVATE" not in texts and "sealed" not in texts.lower().replace("the stored keys are sealed under it", "")
    assert secret.read_text().strip() not in texts


def test_expiry_is_told_everywhere(shop: Node, authority: Authority) -> None:
    """Expiry in metrics, status and doctor; what has expired is logged at the start. A newer one ends it."""
    old = authority.issue("old.shop.test", days=(-40, -10))
    soon = authority.issue("soon.shop.test", days=(-40, 3))
    for one in (old, soon):
        _add(shop, "--cert", one.full_chain, "--key", one.key, "--force")

    def counts() -> List[float]:
        metrics = shop.admin.metrics()
        return [metrics["weir_certificates" + tail] for tail in ("", "_expired", "_expiring")]

    until(lambda: counts() == [2, 1, 1], "the certificates are counted")
    assert -11 * 86400 < shop.admin.metrics()["weir_certificate_soonest_expiry_seconds"] < -9 * 86400
    status = shop.run("status")
    assert "1 expired: shop/" in status.stdout and "old.shop.test" in status.stdout and "soon.shop.test" in status.stdout
    assert json.loads(shop.run("status", "-o", "json").stdout)["nodes"][0]["certificates"] == 2
    assert "certificates" in shop.run("doctor").stdout
    shop.restart()
    until(lambda: f"cert.expired certificate=shop/{_id(old)}" in shop.stderr, "it is logged")
    assert f"cert.expiring certificate=shop/{_id(soon)}" in shop.stderr
    for name in ("old.shop.test", "soon.shop.test"):
        new = authority.issue(name)
        _add(shop, "--cert", new.full_chain, "--key", new.key)
    until(lambda: counts() == [4, 0, 0], "newer ones stand in for them")
    assert "expired" not in shop.run("status").stdout


@pytest.mark.parametrize("form", ["folder", "yaml", "json"])
def test_a_backup_has_certificates_sealed(shop: Node, make_node, authority: Authority, folder: Path, form: str) -> None:
    """export and import carry certificates: sealed where the secret is, in clear only on an explicit flag."""
    one = authority.issue("shop.test")
    old = authority.issue("old.shop.test", key="rsa", days=(-40, -10))
    for cert in (one, old):
        _add(shop, "--cert", cert.full_chain, "--key", cert.key, "--force")
    assert shop.run("cert", "link", "w.shop.test", _id(old)).returncode == 0
    assert shop.run("cert", "link", "--default", _id(one)).returncode == 0

    def export(name: str, *flags: str) -> Path:
        to = folder / (name if form == "folder" else f"{name}.{form}")
        done = shop.run("export", f"{to}/" if form == "folder" else str(to), *flags)
        assert done.returncode == 0 and "1 tenant and 2 certificates exported" in done.stderr, done.stderr
        return to

    def text(of: Path) -> str:
        return "".join(path.read_text() for path in ([of] if of.is_file() else sorted(of.iterdir())))

    sealed, clear = export("sealed"), export("clear", "--with-keys")
    assert "PRIVATE KEY" not in text(sealed) and "sealed_key" in text(sealed)
    assert "PRIVATE KEY" in text(clear) and "sealed_key" not in text(clear)
    assert "export.with_keys" in shop.stderr
    wanted = [(found["id"], found.get("links", []), found.get("fallback", False)) for found in _listed(shop)]

    (folder / "other").mkdir()
    other = make_node(folder=folder / "other")
    refused = other.run("import", str(sealed))
    assert refused.returncode == 1 and "sealed under another secret" in refused.stderr, refused.stderr
    assert not _listed(other)
    done = other.run("import", str(clear))
    assert done.returncode == 0 and "2 certificates: 2 created" in done.stdout, done.stdout + done.stderr
    assert [(f["id"], f.get("links", []), f.get("fallback", False)) for f in _listed(other)] == wanted
    for found in _listed(shop):
        assert shop.run("cert", "delete", found["id"]).returncode == 0
    done = shop.run("import", str(sealed))
    assert done.returncode == 0 and "2 certificates: 2 created" in done.stdout, done.stdout + done.stderr
    assert [(f["id"], f.get("links", []), f.get("fallback", False)) for f in _listed(shop)] == wanted
    assert "2 certificates: 2 unchanged" in shop.run("import", str(sealed)).stdout
    assert shop.admin.call("POST", "/v1/export").status == 400
    assert shop.admin.get("/v1/export?keys=1").status == 400


def test_a_certificate_document_is_not_applied(shop: Node) -> None:
    """apply points to import; faults of a document have their places."""
    document = "apiVersion: weir/v1\nkind: Certificate\ntenant: shop\nchain: x\n"
    assert "is read by `weir import`" in shop.run("apply", "-f", "-", stdin=document).stderr
    done = shop.run("import", "-", stdin=document)
    assert done.returncode == 1 and "holds no certificate" in done.stderr
    done = shop.run("import", "-", stdin=document.replace("chain", "chian"))
    assert done.returncode == 1 and "chian" in done.stderr and 'did you mean "chain"' in done.stderr
    assert "sealed_key" in shop.run("help", "certificate").stdout


def test_the_secret_decides_whether_a_node_starts(shop: Node) -> None:
    """A secret that others may read, or that is none, stops the start with a clear line."""
    secret = shop.data / "secret"
    text = secret.read_text()
    shop.stop()
    for change, words in ((lambda: secret.chmod(0o644), "chmod 600"), (lambda: secret.write_text("short"), "is no secret")):
        secret.write_text(text)
        secret.chmod(0o600)
        change()
        shop.spawn()
        assert shop.wait() == 1
        assert words in shop.stderr, shop.stderr
    secret.write_text(text)
    secret.chmod(0o600)
    shop.start()


def test_the_api_takes_pem_and_says_what_is_wrong(shop: Node, authority: Authority) -> None:
    """POST /v1/certificates: PEM or Base64 of DER, one or many; one that is refused is 400 with all details."""
    one = authority.issue("shop.test")
    two = authority.issue("two.shop.test", key="rsa")

    def post(*uploads: Dict[str, Any], query: str = "") -> Any:
        body = json.dumps({"certificates": list(uploads)})
        return shop.admin.call("POST", "/v1/certificates" + query, body, {"Content-Type": "application/json"})

    whole = {"tenant": "shop", "files": [one.full_chain.read_text(), one.key.read_text()]}
    response = post(whole)
    assert response.status == 200, response.body
    (result,) = response.json()["results"]
    assert result["outcome"] == "created" and result["id"] == _id(one)
    bad = {"tenant": "shop", "label": "bad one", "files": [two.pem]}
    refused = post(bad)
    assert refused.status == 400 and "no private key" in refused.json()["error"]["details"][0]["message"]
    several = post(whole, bad, {"tenant": "No Name", "files": whole["files"]}).json()["results"]
    assert [result["outcome"] for result in several] == ["unchanged", "refused", "refused"]
    assert several[1]["label"] == "bad one" and "is no tenant's name" in several[2]["faults"][0]
    for body in ("", "{}", "[]", '{"certificates": 1}', '{"certificates": []}', "x"):
        response = shop.admin.call("POST", "/v1/certificates", body, {"Content-Type": "application/json"})
        assert response.status == 400, body
    assert post(*[whole] * 65).status == 400
    assert shop.admin.call("DELETE", f"/v1/tenants/shop/certificates/{'0' * 32}").status == 404
    assert shop.admin.get("/v1/tenants/shop/certificates/xyz").status == 404
    assert shop.admin.get("/v1/certificates?limit=0").status == 400


def test_a_tenants_token_adds_its_own_from_another_host(make_node, authority: Authority, folder: Path) -> None:
    """Over TLS with a token: a tenant's for its own certificates alone, a reading one for none, keys for admin alone."""
    node = make_node(config={"admin": {"listen": "127.0.0.1:0"}})
    assert node.apply(_tenant("shop", "shop.test"), _tenant("blog", "blog.test")).returncode == 0
    remote = Remote(node)
    mine, reads, whole = (remote.token("--scope", scope) for scope in ("tenant:shop", "read", "admin"))
    one = authority.issue("shop.test", key="rsa")
    add = ["cert", "add", "--cert", str(one.full_chain), "--key", str(one.key), "--tenant"]
    assert "created" in remote.run(mine, *add, "shop").stdout
    for token, tenant in ((mine, "blog"), (reads, "shop")):
        done = remote.run(token, *add, tenant)
        assert done.returncode == 1 and "token" in done.stderr, done.stderr
    assert _id(one)[:12] in remote.run(mine, "cert", "list", "--tenant", "shop").stdout
    assert remote.run(mine, "cert", "list").returncode == 1
    assert _id(one)[:12] in remote.run(reads, "cert", "list").stdout
    assert remote.run(reads, "cert", "delete", _id(one)).returncode == 1
    for token, rc in ((mine, 1), (reads, 1), (whole, 0)):
        done = remote.run(token, "export", "-", "--with-keys")
        assert done.returncode == rc and ("PRIVATE KEY" in done.stdout) == (rc == 0), done.stderr
    assert remote.run(mine, "cert", "delete", f"shop/{_id(one)}").returncode == 0


def test_usage_of_the_command(shop: Node) -> None:
    """Wrong use is told before anything is done."""
    for args in (["add"], ["add", "--tenant", "shop"], ["add", "--tenant", "shop", "--cert", "a", "--dir", "b"],
                 ["add", "--tenant", "Shop", "--cert", "a"], ["list", "x"], ["list", "--force"], ["show"], ["delete"],
                 ["link"], ["link", "a.test"], ["link", "--default", "a", "b"], ["list", "--default"], ["grow"],
                 ["add", "--tenant", "shop", "--dir", "b", "--key", "c"]):
        assert shop.run("cert", *args).returncode == 2, args


def _tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + length + body


def _pkcs12(count: int) -> bytes:
    """A PKCS #12 file whose salt reads as an element of DER, and whose count of hashes stands behind it."""
    number = lambda n: _tlv(2, n.to_bytes((n.bit_length() + 8) // 8, "big"))
    oid = lambda text: _tlv(6, bytes.fromhex(text))
    content = _tlv(0x30, oid("2a864886f70d010701"), _tlv(0xA0, _tlv(4, _tlv(0x30))))
    digest = _tlv(0x30, _tlv(0x30, oid("608648016503040201"), _tlv(5)), _tlv(4, bytes(32)))
    mac = _tlv(0x30, digest, _tlv(4, bytes.fromhex("0406aabbccddeeff")), number(count))
    return _tlv(0x30, number(3), content, mac)


def test_a_count_of_hashes_cannot_hide_behind_its_salt(secure_node, tmp_path: Path) -> None:
    """90,000,000 hashes take half a minute: they are refused by their number, whatever stands before it."""
    file = tmp_path / "hostile.p12"
    file.write_bytes(_pkcs12(90_000_000))
    done = secure_node.run("cert", "add", "--tenant", "nobody", "--cert", str(file))
    assert done.returncode != 0 and "hashed more than" in done.stderr, done.stderr
