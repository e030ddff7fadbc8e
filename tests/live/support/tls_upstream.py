# SPDX-License-Identifier: Apache-2.0
"""tls_upstream.py - origin servers over TLS: the scripts of upstream.py behind a handshake, `openssl s_server`, nginx.

    server = TlsUpstream(authority.issue("origin.test"))            # serves 200 over any version from TLS 1.0 up
    server.handshakes[-1].name                                      # the SNI of the last handshake
"""

import shutil
import socket
import ssl
import subprocess
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

from support.certs import Certificate
from support.nginx import Nginx
from support.upstream import Script, Served, Upstream, responding
from support.wait import PATIENCE, until

VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2,
            "1.3": ssl.TLSVersion.TLSv1_3}
ANY_CIPHER = "ALL:@SECLEVEL=0"


def server_context(one: Certificate, versions: Sequence[str] = ("1.0", "1.3"),
                   ciphers: str = ANY_CIPHER) -> ssl.SSLContext:
    """A server that speaks versions from the first to the last of these."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1
        made.minimum_version, made.maximum_version = VERSIONS[versions[0]], VERSIONS[versions[-1]]
    made.load_cert_chain(one.full_chain, one.key)
    return made


class Handshake:
    """What a server saw of one handshake."""

    def __init__(self) -> None:
        self.name: Optional[str] = None
        self.version: Optional[str] = None
        self.cipher: Optional[str] = None
        self.resumed = False
        self.peer_certificate: Optional[bytes] = None
        self.error: Optional[str] = None


class TlsUpstream(Upstream):
    """An upstream whose connections begin with a handshake. `before` is given the raw connection first."""

    def __init__(self, one: Certificate, script: Script = responding(), context: Optional[ssl.SSLContext] = None,
                 before: Optional[Callable[[Served], None]] = None, **options: Any) -> None:
        self.context = context or server_context(one)
        self.context.sni_callback = self._note_name
        self.before = before
        self.handshakes: List[Handshake] = []
        self._names: Dict[int, Optional[str]] = {}
        super().__init__(script, **options)

    def _note_name(self, sock: ssl.SSLObject, name: Optional[str], _: ssl.SSLContext) -> None:
        self._names[id(sock)] = name

    def _serve(self, conn: Served) -> None:
        try:
            if self.before:
                self.before(conn)
            self._shake(conn)
        except BaseException:
            conn.close()
            conn.ended.set()
            return
        super()._serve(conn)

    def _shake(self, conn: Served) -> None:
        seen = Handshake()
        conn.socket.settimeout(PATIENCE)
        wrapped = self.context.wrap_socket(conn.socket, server_side=True, do_handshake_on_connect=False)
        conn.socket = wrapped
        try:
            wrapped.do_handshake()
        except OSError as error:
            seen.error = str(error)
            raise
        finally:
            seen.name = self._names.pop(id(wrapped), None)
            seen.version, seen.resumed = wrapped.version(), bool(wrapped.session_reused)
            seen.cipher = (wrapped.cipher() or ("",))[0]
            if not seen.error and self.context.verify_mode != ssl.CERT_NONE:
                seen.peer_certificate = wrapped.getpeercert(True)
            self.handshakes.append(seen)

    def wait_handshakes(self, number: int) -> List[Handshake]:
        until(lambda: len(self.handshakes) >= number, f"{number} handshakes at the upstream")
        return list(self.handshakes)

    def names(self) -> List[Optional[str]]:
        return [one.name for one in self.handshakes]


def end_in_order(conn: Served) -> None:
    """close_notify, then the end of the connection."""
    try:
        conn.socket.unwrap()
    except (OSError, ValueError):
        pass
    conn.close()


class OpensslServer:
    """`openssl s_server -WWW`: serves the files of a folder over HTTP/1.0, as old or odd as its options ask."""

    def __init__(self, folder: Path, one: Certificate, *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.folder = folder / f"s_server.{self.port}"
        self.folder.mkdir()
        (self.folder / "file").write_bytes(b"from openssl")
        self._log = open(self.folder / "log", "wb")
        self._process = subprocess.Popen(
            ["openssl", "s_server", "-WWW", "-accept", self.address, "-cert", str(one.cert), "-key", str(one.key),
             "-cert_chain", str(one.chain), *options],
            cwd=self.folder, stdin=subprocess.PIPE, stdout=self._log, stderr=subprocess.STDOUT)
        until(lambda: "ACCEPT" in self.output, "openssl s_server accepts")

    @property
    def output(self) -> str:
        assert self._process.poll() is None, "openssl s_server has ended"
        return (self.folder / "log").read_text(errors="replace")

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=20)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


_TLS_LOG = "log_format tls '$ssl_protocol $ssl_session_reused $ssl_server_name $connection_requests';"

_TLS_SERVER = """
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        access_log {folder}/tls.log tls;
        {more}
"""


class NginxTls(Nginx):
    """nginx with a port for TLS beside its port in clear; its log tells what each request came over."""

    def __init__(self, folder: Path, one: Certificate, more: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.tls_port: int = probe.getsockname()[1]
        super().__init__(folder, http=_TLS_LOG, server=_TLS_SERVER.format(
            port=self.tls_port, cert=one.full_chain, key=one.key, folder=folder, more=more))

    @property
    def tls_address(self) -> str:
        return f"127.0.0.1:{self.tls_port}"

    def lines(self) -> List[List[str]]:
        """Of each request over TLS: version, "r" for a resumed session else ".", name, number in its connection."""
        text = (self.folder / "tls.log").read_text()
        return [line.split() for line in text.splitlines() if line.startswith("TLS")]
