# SPDX-License-Identifier: Apache-2.0
"""client.py - a client of the data path that knows each byte it sends and gets, and how the connection ended."""

import enum
import socket
import struct
from typing import Optional, Sequence, Tuple

from support.message import Response, Stream, read_interim, read_response
from support.wait import PATIENCE, Deadline

Address = Tuple[str, int]


class End(enum.Enum):
    """How a connection ended."""

    CLEAN = "closed in order"
    RESET = "reset"


class StillOpen(AssertionError):
    """The peer neither sent nor closed in time."""


class Client:
    """One connection. Any wait ends at the client's deadline, which `ask` renews."""

    def __init__(self, address: Address, seconds: float = PATIENCE, source: Optional[str] = None) -> None:
        self._seconds = seconds
        self._deadline = Deadline(seconds)
        self.address = address
        bind = (source, 0) if source else None
        self.socket = socket.create_connection(address, timeout=seconds, source_address=bind)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.end: Optional[End] = None
        self.received = 0
        self._stream = Stream(self._more)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Give the connection up by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """Send all. False: the peer is gone already, which is its right once it refused what came before."""
        self.socket.settimeout(self._deadline.left())
        try:
            self.socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            return False
        return True

    def send_parts(self, parts: Sequence[bytes]) -> bool:
        """Send each part in a segment of its own."""
        return all(self.send(part) for part in parts)

    def finish(self) -> None:
        """Half-close: there will be no more requests."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _more(self) -> bytes:
        if self.end:
            return b""
        self.socket.settimeout(self._deadline.left())
        try:
            data = self.socket.recv(262144)
        except ConnectionResetError:
            self.end = End.RESET
            return b""
        except socket.timeout:
            raise StillOpen("the connection neither ended nor brought bytes in time") from None
        self.received += len(data)
        if not data:
            self.end = End.CLEAN
        return data

    def read_response(self, method: str = "GET") -> Response:
        """The next final response; its interim ones come with it."""
        return read_response(self._stream, method)

    def read_interim(self) -> Response:
        return read_interim(self._stream)

    def read_bytes(self, length: int) -> bytes:
        return self._stream.exactly(length)

    def read_line(self) -> bytes:
        return self._stream.line()

    def read_to_end(self) -> bytes:
        """All up to the end; `end` holds its kind."""
        return self._stream.rest()

    def expect_end(self) -> End:
        """The connection brings no further byte, and ends."""
        rest = self.read_to_end()
        assert rest == b"", f"bytes behind the last response: {rest[:300]!r}"
        assert self.end is not None
        return self.end

    def is_silent(self) -> bool:
        """True when nothing has arrived so far: neither bytes nor an end."""
        if self.end or self._stream.unread:
            return False
        self.socket.setblocking(False)
        try:
            return not self.socket.recv(1, socket.MSG_PEEK) and False
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False

    def ask(self, data: bytes, method: Optional[str] = None) -> Response:
        """Send a request and read its response."""
        self._deadline = Deadline(self._seconds)
        assert self.send(data), "the node closed before it had the request"
        return self.read_response(method or data.split(b" ", 1)[0].decode("latin-1"))


def get(host: str, target: str = "/", *lines: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A correct request."""
    head = [f"{method} {target} HTTP/1.1", f"Host: {host}", *lines]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def fetch(address: Address, data: bytes, seconds: float = PATIENCE) -> Response:
    """One request on a connection of its own."""
    with Client(address, seconds) as client:
        return client.ask(data)
