# SPDX-License-Identifier: Apache-2.0
"""h2.py - HTTP/2 over TLS for tests: a client whose every frame is the test's own, and sites that offer it.

    with site.h2() as client:
        stream = client.ask(site.fields("/"))           # a whole request: its stream's number
        response = client.read_response(stream)         # an Outcome: a response, or how the stream ended

Header lists are encoded without any check, so that a test can send what no library would.
"""

import socket
import ssl
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from hpack import Decoder, Encoder

from support.client import Address
from support.wait import PATIENCE

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 0x10
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
STREAM_CLOSED, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 5, 7, 8, 11

Fields = Sequence[Tuple[bytes, bytes]]


@dataclass
class Outcome:
    """What came of a request."""

    status: int = 0
    fields: List[Tuple[str, str]] = field(default_factory=list)
    interim: List[int] = field(default_factory=list)
    body: bytes = b""
    ended: bool = False
    reset: Optional[int] = None

    def get(self, name: str) -> Optional[str]:
        return next((value for key, value in self.fields if key == name), None)


class Gone(Exception):
    """The connection has ended."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A field as HPACK writes it without table and without Huffman: any bytes at all."""
    return b"\x00" + _integer(len(name)) + name + _integer(len(value)) + value


def _integer(number: int) -> bytes:
    if number < 127:
        return bytes((number,))
    out, rest = b"\x7f", number - 127
    while rest >= 128:
        out += bytes((rest & 127 | 128,))
        rest >>= 7
    return out + bytes((rest,))


class H2Client:
    """One connection. Its SETTINGS are sent with the preface; windows are opened wide unless `window` says otherwise."""

    def __init__(self, address: Address, name: str, authority: Path, window: int = 1 << 20,
                 seconds: float = PATIENCE) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        context.set_alpn_protocols(["h2"])
        raw = socket.create_connection(address, timeout=seconds)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(raw, server_hostname=name)
        assert self.socket.selected_alpn_protocol() == "h2"
        self.encoder, self.decoder = Encoder(), Decoder()
        self.outcomes: Dict[int, Outcome] = {}
        self.goaway: Optional[Tuple[int, int]] = None
        self.settings: Dict[int, int] = {}
        self.pongs = 0
        self.next_stream = 1
        self._buffer = b""
        self._block: Optional[Tuple[int, int, bytes]] = None
        self.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, struct.pack(">HIHI", 4, window, 2, 0)) +
                  frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))

    def __enter__(self) -> "H2Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except (ConnectionError, ssl.SSLError, BrokenPipeError) as error:
            raise Gone from error

    def try_send(self, data: bytes) -> bool:
        """For floods: the node may have ended the connection already."""
        try:
            self.send(data)
        except Gone:
            return False
        return True

    # -- requests --

    def new_stream(self) -> int:
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        self.outcomes[stream] = Outcome()
        return stream

    def head(self, stream: int, fields: Fields, end: bool = True) -> bytes:
        """The frames of a header list, encoded as it is."""
        block = b"".join(literal(name, value) for name, value in fields)
        out, kind = b"", HEADERS
        while True:
            part, block = block[:16384], block[16384:]
            flags = (END_STREAM if end and kind == HEADERS else 0) | (0 if block else END_HEADERS)
            out += frame(kind, flags, stream, part)
            kind = CONTINUATION
            if not block:
                return out

    def ask(self, fields: Fields, body: Optional[bytes] = None, end: bool = True) -> int:
        """Send a request; `end` is for the body, if there is one."""
        stream = self.new_stream()
        data = self.head(stream, fields, end=body is None and end)
        if body is not None:
            data += frame(DATA, END_STREAM if end else 0, stream, body)
        self.send(data)
        return stream

    # -- what comes --

    def read_frame(self) -> None:
        """Take one frame."""
        head = self._take(9)
        length = int.from_bytes(head[:3], "big")
        kind, flags = head[3], head[4]
        stream = int.from_bytes(head[5:9], "big") & 0x7FFFFFFF
        self._note(kind, flags, stream, self._take(length))

    def _take(self, number: int) -> bytes:
        while len(self._buffer) < number:
            try:
                data = self.socket.recv(262144)
            except (ConnectionError, ssl.SSLError) as error:
                if isinstance(error, socket.timeout):
                    raise
                raise Gone from error
            if not data:
                raise Gone
            self._buffer += data
        taken, self._buffer = self._buffer[:number], self._buffer[number:]
        return taken

    def _note(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        outcome = self.outcomes.get(stream, Outcome())
        if kind in (HEADERS, CONTINUATION):
            before = self._block[2] if kind == CONTINUATION and self._block else b""
            first = self._block[1] if kind == CONTINUATION and self._block else flags
            self._block = (stream, first, before + payload)
            if flags & END_HEADERS:
                self._note_head(outcome, self._block)
        elif kind == DATA:
            assert outcome.status >= 200 and not outcome.ended and outcome.reset is None
            outcome.body += payload
            outcome.ended = bool(flags & END_STREAM)
        elif kind == RST_STREAM:
            outcome.reset = int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[at:at + 6])
                self.settings[key] = value
            self.try_send(frame(SETTINGS, ACK, 0))
        elif kind == PING:
            self.pongs += flags & ACK
        elif kind == GOAWAY:
            self.goaway = (int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big"))

    def _note_head(self, outcome: Outcome, block: Tuple[int, int, bytes]) -> None:
        fields = [(str(name), str(value)) for name, value in self.decoder.decode(block[2])]
        status = int(dict(fields)[":status"])
        if status < 200:
            outcome.interim.append(status)
            return
        outcome.status = status
        outcome.fields = [one for one in fields if not one[0].startswith(":")]
        outcome.ended = bool(block[1] & END_STREAM)

    def read_response(self, stream: int) -> Outcome:
        """Wait until the stream has ended, in order or not."""
        outcome = self.outcomes[stream]
        while not outcome.ended and outcome.reset is None:
            self.read_frame()
        return outcome

    def fetch(self, fields: Fields, body: Optional[bytes] = None) -> Outcome:
        return self.read_response(self.ask(fields, body))

    def read_to_end(self) -> Optional[Tuple[int, int]]:
        """Wait for the end of the connection. The last GOAWAY: last stream, code."""
        until = time.monotonic() + PATIENCE * 2
        try:
            while time.monotonic() < until:
                self.read_frame()
        except Gone:
            return self.goaway
        raise AssertionError("the connection stays open")


def fields_of(host: str, path: str = "/", method: str = "GET", *more: Tuple[str, str]) -> List[Tuple[bytes, bytes]]:
    """A request as a browser would write it."""
    listed = [(":method", method), (":scheme", "https"), (":authority", host), (":path", path), *more]
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in listed]


def without(fields: Fields, name: bytes) -> List[Tuple[bytes, bytes]]:
    return [one for one in fields if one[0] != name]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
