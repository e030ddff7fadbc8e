# SPDX-License-Identifier: Apache-2.0
"""h2_push.py - a client of HTTP/2 over TLS, on python3-h2: what it sent, and all that came back, frame by frame.
"""

import socket
import ssl
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

from support.client import Address
from support.wait import PATIENCE, Deadline

Fields = List[Tuple[str, str]]
Setting = h2.settings.SettingCodes


class Stream:
    """One request and what has come of it."""

    def __init__(self) -> None:
        self.status: Optional[int] = None
        self.fields: Fields = []
        self.interim: List[Tuple[int, Fields]] = []  # 1xx, each with its fields
        self.promise: Fields = []                     # the request, when the server promised it
        self.parent: Optional[int] = None
        self.body = b""
        self.ended = False
        self.reset: Optional[int] = None              # the code of RST_STREAM

    def get(self, name: str) -> List[str]:
        return [value for key, value in self.fields if key == name]

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None

    @property
    def path(self) -> Optional[str]:
        """Of a promise."""
        return dict(self.promise).get(":path")


class PushClient:
    """One connection. A wait that is in vain fails at its deadline."""

    def __init__(self, address: Address, host: str, context: ssl.SSLContext,
                 settings: Optional[Mapping[int, int]] = None, seconds: float = PATIENCE) -> None:
        """`context` offers h2 by ALPN; `settings` are those of the client's first SETTINGS."""
        self.host = host
        self._seconds = seconds
        plain = socket.create_connection(address, timeout=seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=host)
        assert self.socket.selected_alpn_protocol() == "h2", self.socket.selected_alpn_protocol()
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.connection = h2.connection.H2Connection(config)
        if settings:
            self.connection.local_settings.update(settings)
            self.connection.local_settings.acknowledge()
        self.streams: Dict[int, Stream] = {}
        self.order: List[Tuple[str, int]] = []  # ("promise" | "head" | "interim" | "data" | "end" | "reset", stream)
        self.goaway: Optional[int] = None       # the code of GOAWAY
        self.closed = False
        self.connection.initiate_connection()
        self.flush()

    def __enter__(self) -> "PushClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def flush(self) -> None:
        data = self.connection.data_to_send()
        if data and not self.closed:
            try:
                self.socket.sendall(data)
            except (OSError, ssl.SSLError):
                self.closed = True

    def ask(self, path: str, *fields: Tuple[str, str], method: str = "GET", body: Optional[bytes] = None) -> int:
        """Send a request; its stream."""
        stream = self.connection.get_next_available_stream_id()
        self.streams[stream] = Stream()
        head = [(":method", method), (":scheme", "https"), (":authority", self.host), (":path", path), *fields]
        self.connection.send_headers(stream, head, end_stream=body is None)
        if body is not None:
            self.connection.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    def get(self, path: str, *fields: Tuple[str, str], **more: Any) -> Stream:
        """A request and its whole response."""
        return self.wait_over(self.ask(path, *fields, **more))

    def reset(self, stream: int, code: int = int(h2.errors.ErrorCodes.CANCEL)) -> None:
        self.connection.reset_stream(stream, code)
        self.flush()

    def set(self, settings: Mapping[int, int]) -> None:
        self.connection.update_settings(dict(settings))
        self.flush()

    def promised(self) -> List[Stream]:
        return [stream for _, stream in sorted(self.streams.items()) if stream.parent is not None]

    def wait_over(self, stream: int) -> Stream:
        self.wait(lambda: self.streams[stream].over, f"stream {stream} is over")
        return self.streams[stream]

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = Deadline(self._seconds)
        while not condition():
            assert not self.closed, f"the connection ended before {what}: {self.order}"
            assert self.read(deadline.left()), f"waited in vain until {what}: {self.order}"

    def read(self, seconds: float) -> bool:
        """Take what comes next. False: nothing came in that time."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data = self.socket.recv(65536)
        except (socket.timeout, ssl.SSLWantReadError):
            return False
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return True
        for event in self.connection.receive_data(data):
            self._note(event)
        self.flush()
        return True

    def quiet(self, seconds: float = 0.3) -> None:
        """Take all that comes until nothing has come for so long."""
        while not self.closed and self.read(seconds):
            pass

    def _note(self, event: Any) -> None:
        stream = self.streams.get(getattr(event, "stream_id", 0) or 0)
        if isinstance(event, h2.events.PushedStreamReceived):
            made = self.streams[event.pushed_stream_id] = Stream()
            made.promise, made.parent = list(event.headers), event.parent_stream_id
            self.order.append(("promise", event.pushed_stream_id))
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = int(event.error_code)
        elif stream is None:
            return
        elif isinstance(event, h2.events.InformationalResponseReceived):
            fields = list(event.headers)
            stream.interim.append((int(dict(fields)[":status"]), fields))
            self.order.append(("interim", event.stream_id))
        elif isinstance(event, h2.events.ResponseReceived):
            stream.fields = list(event.headers)
            stream.status = int(dict(stream.fields)[":status"])
            self.order.append(("head", event.stream_id))
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.order.append(("data", event.stream_id))
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
            self.order.append(("end", event.stream_id))
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = int(event.error_code)
            self.order.append(("reset", event.stream_id))
