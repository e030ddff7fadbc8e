# SPDX-License-Identifier: Apache-2.0
"""certs.py - certificates for tests: an authority, and what it issues, made by the `openssl` program.

    authority = Authority(folder)                       # the fixture `authority` of conftest.py is one for the session
    one = authority.issue("shop.test", "*.shop.test")   # ECDSA P-256 below the intermediate
    two = authority.issue("shop.test", key="rsa", days=(-10, -1))   # expired yesterday

Asked for the same thing twice, an authority gives the same certificate. Times are days from now.
"""

import re
import ssl
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

# How `openssl genpkey` makes each kind of key.
_KEYS = {
    "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "secp256k1": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "rsa3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "rsa4096": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
    "ed25519": ["-algorithm", "ED25519"],
}

_CONFIG = """
[ca]
default_ca = this
[this]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = {digest}
policy = any
x509_extensions = extensions
[any]
commonName = optional
organizationName = optional
[extensions]
{extensions}
"""

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)


def openssl(*args: Any, stdin: bytes = b"") -> bytes:
    """Run `openssl ARGS`, which must succeed; what it prints."""
    done = subprocess.run(["openssl", *map(str, args)], input=stdin, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, f"openssl {' '.join(map(str, args))}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def make_key(path: Path, kind: str = "ecdsa") -> Path:
    """A new private key (PKCS #8 in PEM) of one of the kinds: ecdsa, p384, p521, rsa, rsa4096, ed25519..."""
    openssl("genpkey", *_KEYS[kind], "-out", path)
    return path


def certificates_of(pem: str) -> List[str]:
    """The certificates in a PEM text, one by one and without what openssl prints around them."""
    return _BLOCK.findall(pem)


def _stamp(day: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(days=day)).strftime("%Y%m%d%H%M%SZ")


class Certificate:
    """A certificate with its key as PEM files, and the certificates between it and the root."""

    def __init__(self, folder: Path, key: Path, between: Sequence["Certificate"]) -> None:
        self.folder = folder
        self.key = key
        self.cert = folder / "cert.pem"            # alone
        self.chain = folder / "chain.pem"          # those between it and the root
        self.full_chain = folder / "full_chain.pem"  # both, in the order of TLS
        self.between = list(between)

    def finish(self) -> "Certificate":
        self.chain.write_text("".join(one.pem for one in self.between))
        self.full_chain.write_text(self.pem + self.chain.read_text())
        return self

    @property
    def pem(self) -> str:
        return self.cert.read_text()

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.pem)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, 64 hexadecimal digits in lower case."""
        printed = openssl("x509", "-in", self.cert, "-noout", "-fingerprint", "-sha256").decode()
        return printed.strip().rpartition("=")[2].replace(":", "").lower()

    @property
    def serial(self) -> str:
        """The serial number in hexadecimal, as openssl prints it."""
        return openssl("x509", "-in", self.cert, "-noout", "-serial").decode().strip().rpartition("=")[2]

    def cert_der(self) -> Path:
        """The certificate alone in DER."""
        path = self.folder / "cert.der"
        path.write_bytes(self.der)
        return path

    def key_der(self) -> Path:
        """The key in DER (PKCS #8)."""
        path = self.folder / "key.der"
        openssl("pkcs8", "-topk8", "-nocrypt", "-in", self.key, "-outform", "DER", "-out", path)
        return path

    def key_traditional(self) -> Path:
        """The key in the older PEM form of its kind: EC PRIVATE KEY (with its parameters), RSA PRIVATE KEY."""
        path = self.folder / "key_traditional.pem"
        openssl("pkey", "-in", self.key, "-traditional", "-out", path)
        return path

    def key_encrypted(self, password: str, traditional: bool = False) -> Path:
        """The key under a password: PKCS #8 with PBES2, or the older PEM form with its Proc-Type line."""
        path = self.folder / f"key_encrypted_{'traditional' if traditional else 'pkcs8'}.pem"
        form = ["-traditional"] if traditional else []
        openssl("pkey", "-in", self.key, *form, "-aes-256-cbc", "-passout", f"pass:{password}", "-out", path)
        return path

    def p7b(self, der: bool = False) -> Path:
        """Certificate and chain as PKCS #7 (P7B, P7C), in PEM or DER."""
        path = self.folder / ("chain.p7c" if der else "chain.p7b")
        openssl("crl2pkcs7", "-nocrl", "-certfile", self.full_chain, "-outform", "DER" if der else "PEM", "-out", path)
        return path

    def p12(self, password: str = "", legacy: bool = False) -> Path:
        """Certificate, key and chain as PKCS #12; legacy: with the RC2 and 3DES of older exporters."""
        path = self.folder / f"all{'_legacy' if legacy else ''}{'_password' if password else ''}.p12"
        chain = ["-certfile", self.chain] if self.between else []
        openssl("pkcs12", "-export", "-in", self.cert, "-inkey", self.key, *chain, *(["-legacy"] if legacy else []),
                "-passout", f"pass:{password}", "-out", path)
        return path


class Authority:
    """A root, an intermediate below it, and what both issue; all in one folder."""

    def __init__(self, folder: Path, name: str = "weir tests") -> None:
        self._folder = folder
        self._count = 0
        self._issued: Dict[Tuple[Any, ...], Certificate] = {}
        self._name = name
        self.root_certificate = self._make(name + " root", [], "ecdsa", (-1, 3650), ca=True, issuer="self")
        self.intermediate = self.issue(common_name=name + " intermediate", days=(-1, 3000), ca=True, issuer="root")

    @property
    def root(self) -> Path:
        """The root's certificate: what clients are given to trust."""
        return self.root_certificate.cert

    def issue(self, *names: str, key: str = "ecdsa", days: Tuple[float, float] = (-1, 90),
              issuer: str = "intermediate", common_name: Optional[str] = None, usage: str = "serverAuth",
              digest: str = "sha256", ca: bool = False) -> Certificate:
        """A certificate for DNS names and IP addresses.

        `issuer` is intermediate, root or self. `common_name` defaults to the first name; "" leaves the subject with
        an organisation alone. `usage` is the extended key usage ("clientAuth"; "" for none).
        """
        wanted = (names, key, days, issuer, common_name, usage, digest, ca)
        if wanted not in self._issued:
            subject = common_name if common_name is not None else names[0]
            self._issued[wanted] = self._make(subject, names, key, days, ca=ca, issuer=issuer, usage=usage,
                                              digest=digest)
        return self._issued[wanted]

    def client(self, name: str = "client", **more: Any) -> Certificate:
        """A certificate for a client."""
        return self.issue(common_name=name, usage="clientAuth", **more)

    def context(self, *alpn: str) -> ssl.SSLContext:
        """A TLS client that trusts this root alone, and checks names."""
        made = ssl.create_default_context(cafile=str(self.root))
        if alpn:
            made.set_alpn_protocols(list(alpn))
        return made

    def _make(self, subject: str, names: Sequence[str], key: str, days: Tuple[float, float], *, ca: bool, issuer: str,
              usage: str = "", digest: str = "sha256") -> Certificate:
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir(parents=True)
        signer, between = None, []
        if issuer == "intermediate":
            signer, between = self.intermediate, [self.intermediate]
        elif issuer == "root":
            signer = self.root_certificate
        else:
            assert issuer == "self", f"no such issuer: {issuer}"
        one = Certificate(folder, make_key(folder / "key.pem", key), between)
        self._sign(one, signer, _subject(subject), _extensions(names, ca, usage), days, digest)
        return one.finish()

    @staticmethod
    def _sign(one: Certificate, signer: Optional[Certificate], subject: str, extensions: str,
              days: Tuple[float, float], digest: str) -> None:
        folder = one.folder
        (folder / "index").touch()
        config, request = folder / "ca.cnf", folder / "request.pem"
        # A key of Edwards form signs with no digest of its own; OpenSSL asks for the word "default" then.
        if signer is None and not _takes_digest(one.key):
            digest = "default"
        config.write_text(_CONFIG.format(folder=folder, digest=digest, extensions=extensions))
        openssl("req", "-new", "-key", one.key, "-subj", subject, "-config", "/dev/null", "-out", request)
        by = ["-cert", signer.cert, "-keyfile", signer.key] if signer else ["-selfsign", "-keyfile", one.key]
        openssl("ca", "-batch", "-notext", "-config", config, *by, "-startdate", _stamp(days[0]), "-enddate",
                _stamp(days[1]), "-in", request, "-out", one.cert)


def _takes_digest(key: Path) -> bool:
    return b"ED25519" not in openssl("pkey", "-in", key, "-noout", "-text")


def _subject(common_name: str) -> str:
    return f"/O=weir tests/CN={common_name}" if common_name else "/O=weir tests"


def _extensions(names: Sequence[str], ca: bool, usage: str) -> str:
    lines = ["basicConstraints = critical, CA:" + ("TRUE" if ca else "FALSE"), "subjectKeyIdentifier = hash",
             "authorityKeyIdentifier = keyid"]
    lines.append("keyUsage = critical, " + ("keyCertSign, cRLSign" if ca else "digitalSignature, keyEncipherment"))
    if usage and not ca:
        lines.append(f"extendedKeyUsage = {usage}")
    if names:
        kinds = ["IP:" + name if re.fullmatch(r"[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:]*", name) else "DNS:" + name
                 for name in names]
        lines.append("subjectAltName = " + ", ".join(kinds))
    return "\n".join(lines)
