# SPDX-License-Identifier: Apache-2.0
"""tls.py - clients of TLS for tests: `openssl s_client` and what it tells, Python's ssl, and hellos byte by byte.

    shown = s_client(site, "-tls1_2")                   # a handshake and one request; what was agreed on
    with SecureClient(address, context, name) as one:   # a Client of support/client.py, over TLS
    alert = hello_alert(address, client_hello(name))    # what comes back to bytes of the test's own
"""

import re
import socket
import ssl
import struct
import subprocess
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from support.client import Address, Client, End, get
from support.site import Site
from support.wait import PATIENCE, until

# RFC 8446 B.2, RFC 6066 9.
HANDSHAKE_FAILURE, BAD_CERTIFICATE, PROTOCOL_VERSION = 40, 42, 70
CERTIFICATE_REQUIRED, UNRECOGNIZED_NAME, NO_APPLICATION_PROTOCOL = 116, 112, 120

_AGREED = re.compile(r"^(New|Reused), (\S+), Cipher is (\S+)$", re.MULTILINE)
_BRIEF = re.compile(r"^Protocol version: (\S+)\nCiphersuite: (\S+)$", re.MULTILINE)
_ALERT = re.compile(r"SSL alert number ([0-9]+)")
_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)\r\n")


@dataclass
class Shown:
    """What `openssl s_client` told of a connection: about the handshake, and what came."""

    text: str
    output: bytes

    @property
    def agreed(self) -> Optional[Tuple[str, str]]:
        """Version and cipher; None: there was no handshake. Of the brief form."""
        found = _BRIEF.search(self.text)
        return (found.group(1), found.group(2)) if found else None

    @property
    def body(self) -> bytes:
        """The body of the response."""
        head, _, rest = self.output.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        return rest[:int(length.group(1))] if length else b""

    @property
    def resumed(self) -> Optional[bool]:
        """Whether an earlier session was; None: there was no handshake. Of the full form."""
        found = _AGREED.search(self.output.decode("latin-1"))
        return None if not found or found.group(3) == "(NONE)" else found.group(1) == "Reused"

    @property
    def alert(self) -> Optional[int]:
        """The alert that the node sent."""
        found = _ALERT.search(self.text)
        return int(found.group(1)) if found else None


def run_s_client(address: Address, *args: str, stdin: bytes = b"", brief: bool = True) -> Shown:
    """Run `openssl s_client ARGS`, which stays until the node closes. Its brief form prints nothing into the data; the
    full form tells of the session."""
    command = ["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", "-ign_eof",
               *(["-brief"] if brief else []), *args]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=PATIENCE * 2, check=False)
    return Shown(done.stderr.decode("latin-1"), done.stdout)


def s_client(site: Site, *args: str, name: Optional[str] = None, target: str = "/", brief: bool = True) -> Shown:
    """A handshake that names `name`, else the site, and a GET of the site."""
    request = get(site.host, target, "Connection: close")
    return run_s_client(site.node.secure_address, "-servername", name or site.host, *args, stdin=request, brief=brief)


class SecureClient(Client):
    """A client over TLS."""

    socket: ssl.SSLSocket

    def __init__(self, address: Address, context: ssl.SSLContext, name: Optional[str],
                 session: Optional[ssl.SSLSession] = None) -> None:
        super().__init__(address)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=name, session=session)
        except BaseException:
            self.socket.close()
            raise

    def _more(self) -> bytes:
        try:
            return super()._more()
        except ssl.SSLZeroReturnError:
            self.end = End.CLEAN  # close_notify, after the client's own
            return b""
        except ssl.SSLEOFError:
            self.end = End.RESET  # without close_notify: nobody can tell whether it was cut
            return b""

    def finish(self) -> None:
        """close_notify: there will be no more requests; what comes from now on is still read. What is there already is
        lost, as Python's ssl makes use of it to look for the other side's close_notify."""
        self.socket.setblocking(False)
        try:
            self.socket.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLError, OSError):
            pass


def permissive(*alpn: str) -> ssl.SSLContext:
    """A client that takes any certificate, and every version and cipher that OpenSSL has."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.set_ciphers("ALL:@SECLEVEL=0")
    made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


def handshake_alert(address: Address, context: ssl.SSLContext, name: Optional[str]) -> str:
    """The alert that ends a handshake, in OpenSSL's words; "" when it does not end."""
    try:
        with SecureClient(address, context, name) as client:
            client.socket.settimeout(PATIENCE)
            client.socket.send(b"")
            return ""
    except ssl.SSLError as error:
        return str(error.reason)


# -- hellos, byte by byte


def _vector(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def client_hello(name: str, ciphers: Sequence[int] = (0xC02B, 0xC02F), version: int = 0x0303,
                 extensions: bytes = b"") -> bytes:
    """A record with a ClientHello of TLS up to 1.2 (SSL 3 with version 0x0300)."""
    sni = struct.pack(">H", 0) + _vector(_vector(b"\0" + _vector(name.encode(), 2), 2), 2)
    groups = struct.pack(">HHHHH", 10, 6, 4, 29, 23) + struct.pack(">HHBB", 11, 2, 1, 0)
    algorithms = struct.pack(">H", 13) + _vector(_vector(bytes.fromhex("0403080404010503020302010804"), 2), 2)
    body = struct.pack(">H", version) + bytes(range(32)) + b"\0"
    body += _vector(b"".join(struct.pack(">H", one) for one in ciphers), 2) + b"\x01\0"
    if version > 0x0300:
        body += _vector(sni + groups + algorithms + extensions, 2)
    message = b"\x01" + _vector(body, 3)
    return b"\x16" + struct.pack(">H", min(version, 0x0301)) + _vector(message, 2)


def ssl2_hello() -> bytes:
    """A CLIENT-HELLO of SSL 2, with two of its ciphers."""
    body = b"\x01\x00\x02" + struct.pack(">HHH", 6, 0, 16) + bytes.fromhex("010080030080") + bytes(16)
    return struct.pack(">H", 0x8000 | len(body)) + body


def records(data: bytes) -> List[Tuple[int, bytes]]:
    """Type and content of each whole record."""
    found = []
    while len(data) >= 5:
        length = int.from_bytes(data[3:5], "big")
        found.append((data[0], data[5:5 + length]))
        data = data[5 + length:]
    return found


def hello_alert(address: Address, data: bytes) -> Optional[int]:
    """Send bytes to a node that must refuse them: the fatal alert that comes, None for none, and then the end."""
    with Client(address) as client:
        client.send(data)
        found = records(client.read_to_end())
    assert all(kind == 0x15 and content[0] == 2 for kind, content in found), found
    return found[0][1][1] if found else None


def server_hello_cipher(address: Address, data: bytes) -> int:
    """Send a ClientHello: the cipher of the ServerHello that comes."""
    with Client(address) as client:
        client.send(data)
        head = client.read_bytes(5)
        assert head[0] == 0x16, head + client.read_bytes(2)
        hello = client.read_bytes(int.from_bytes(head[3:5], "big"))
    at = 4 + 2 + 32
    at += 1 + hello[at]
    return int.from_bytes(hello[at:at + 2], "big")


class Watched:
    """The samples of /metrics that grew since."""

    def __init__(self, site: Site) -> None:
        self._node = site.node
        self.before = self._node.admin.metrics()

    def wait(self, name: str, number: float = 1) -> None:
        """Wait until the sample has grown by so much, at least: others use the node too."""
        until(lambda: self._node.admin.metrics().get(name, 0) >= self.before.get(name, 0) + number,
              f"{name} grows by {number}")
