# SPDX-License-Identifier: Apache-2.0
"""upstream.py - an origin server of raw sockets that follows a test's script exactly.

A script is a function that is given each accepted connection, in a thread of its own. It reads requests strictly, sends
any bytes, and ends the connection as it likes. Every byte that arrives is stored.
"""

import re
import socket
import struct
import threading
import time
from typing import Callable, Dict, List, Optional, Union

from support.message import Request, Stream, Truncated, read_request, read_request_body, read_request_head
from support.wait import PATIENCE, until

Script = Callable[["Served"], None]
Response = Union[bytes, Callable[["Served", Request], None]]


class Gone(Exception):
    """The peer ended the connection; the script has nothing more to do."""


class Served:
    """One connection as the upstream sees it."""

    def __init__(self, upstream: "Upstream", sock: socket.socket, index: int) -> None:
        self.upstream = upstream
        self.index = index
        self.socket = sock
        self.peer = sock.getpeername()
        self.received = b""
        self.requests: List[Request] = []
        self.error: Optional[BaseException] = None
        self.ended = threading.Event()
        self.reset_seen = False
        self._stream = Stream(self._more)

    def _more(self) -> bytes:
        try:
            data = self.socket.recv(262144)
        except (ConnectionResetError, OSError):
            self.reset_seen = True
            return b""
        if self.upstream.keep_bytes:
            self.received += data
        return data

    def _counted(self, request: Request) -> Request:
        self.requests.append(request)
        self.upstream.note(self, request)
        return request

    def read_request(self) -> Request:
        """The next request, whole. Ends the script when the peer closes between two requests."""
        if not self._stream.begins():
            raise Gone
        return self._counted(read_request(self._stream))

    def read_head(self) -> Request:
        """The next request's head; `read_body` reads what follows."""
        if not self._stream.begins():
            raise Gone
        return self._counted(read_request_head(self._stream))

    def read_body(self, request: Request) -> bytes:
        read_request_body(self._stream, request)
        return request.body

    def read_some(self) -> bytes:
        """Whatever comes next; b"" at the end."""
        data, more = self._stream.unread, b""
        if not data:
            more = self._more()
        else:
            self._stream.exactly(len(data))
        return data or more

    def send(self, *parts: bytes) -> None:
        """Send each part in a segment of its own."""
        for part in parts:
            try:
                self.socket.sendall(part)
            except OSError:
                raise Gone from None

    def finish(self) -> None:
        """Half-close, as a server does that has sent all."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def reset(self) -> None:
        """End by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def wait_end(self) -> None:
        """Stay until the peer ends the connection; what it still sends is stored."""
        while self._more():
            pass


def ok(body: bytes = b"ok", *fields: str) -> bytes:
    """A plain response whose bytes weir passes on but for Via: it has a Date of its own."""
    head = ["HTTP/1.1 200 OK", "Date: Thu, 01 Jan 2026 00:00:00 GMT", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def responding(response: Response = ok()) -> Script:
    """Serve every request of every connection alike."""

    def serve(conn: Served) -> None:
        while True:
            request = conn.read_request()
            if callable(response):
                response(conn, request)
            else:
                conn.send(response)

    return serve


def by_target(responses: Dict[str, Response], otherwise: Response = ok()) -> Script:
    """Serve by the request's path; the query does not count."""

    def serve(conn: Served) -> None:
        while True:
            request = conn.read_request()
            response = responses.get(request.target.split("?")[0], otherwise)
            if callable(response):
                response(conn, request)
            else:
                conn.send(response)

    return serve


class Upstream:
    """Listens on a free port of a loopback address and runs its script on each connection."""

    def __init__(self, script: Script = responding(), host: str = "127.0.0.1", port: int = 0) -> None:
        self.script = script
        self.keep_bytes = True
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(512)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self.connections: List[Served] = []
        self.requests: List[Request] = []
        self.accepted = 0
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def note(self, conn: Served, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                if self._closed:
                    sock.close()
                    return
                try:
                    conn = Served(self, sock, self.accepted)
                except OSError:
                    sock.close()
                    continue
                self.accepted += 1
                self.connections.append(conn)
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn: Served) -> None:
        try:
            self.script(conn)
        except (Gone, Truncated):
            pass
        except BaseException as error:  # `check` reports it to the test
            conn.error = error
        finally:
            conn.close()
            conn.ended.set()

    def check(self) -> None:
        """No script failed: everything that arrived was of the grammar."""
        for conn in list(self.connections):
            if conn.error and not isinstance(conn.error, OSError):
                raise AssertionError(f"upstream connection {conn.index}: {conn.error!r}") from conn.error

    def forget(self) -> None:
        """Forget what was received so far."""
        with self._lock:
            self.requests.clear()
            for conn in self.connections:
                conn.received = b""
                conn.requests.clear()
            self.connections[:] = [conn for conn in self.connections if not conn.ended.is_set()]

    def received(self) -> bytes:
        """Every byte that arrived, connection by connection."""
        return b"".join(conn.received for conn in list(self.connections))

    def used(self) -> List[Served]:
        """The connections that carried a request, in the order in which they were accepted."""
        return [conn for conn in list(self.connections) if conn.requests]

    def open_connections(self) -> List[Served]:
        return [conn for conn in list(self.connections) if not conn.ended.is_set()]

    def wait_requests(self, number: int) -> List[Request]:
        until(lambda: len(self.requests) >= number, f"{number} requests at the upstream, {len(self.requests)} came")
        return list(self.requests)

    def wait_connection_with(self, data: bytes) -> Served:
        """The first connection that has received these bytes."""
        return until(lambda: next((conn for conn in list(self.connections) if data in conn.received), None),
                     f"an upstream connection with {data!r}")

    def wait_ended(self, conn: Served) -> None:
        assert conn.ended.wait(PATIENCE), "an upstream connection that the node had to close is still open"

    def stop_listening(self) -> None:
        """Refuse new connections; those that are there go on."""
        with self._lock:
            self._closed = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self._thread.join(PATIENCE)

    def close(self) -> None:
        self.stop_listening()
        for conn in list(self.connections):
            conn.close()


_STAMP = re.compile(rb"(X-Request-ID: )[0-9a-f]{32}\r\n")


def normalised(data: bytes) -> bytes:
    """With the one part of a forwarded request that no test can know."""
    return _STAMP.sub(rb"\1-\r\n", data)


def pause(seconds: float) -> None:
    """Be a slow server. The duration is the server's nature, never what a test waits for."""
    time.sleep(seconds)
