# SPDX-License-Identifier: Apache-2.0
"""message.py - HTTP/1 messages as bytes, read more strictly than any client would.

A reader here takes exactly one message from a stream, or reports that the stream ended inside it. Whatever is not of the
grammar of RFC 9112 raises `Malformed`: a test that reads with it also proves that weir wrote a correct message.
"""

import re
from dataclasses import dataclass, field
from typing import Callable, List, Optional, Tuple

FieldList = List[Tuple[bytes, bytes]]

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)\Z")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.1\Z")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*"
                    rb"[\x21-\x7e\x80-\xff])?)?)\Z")
_CHUNK_SIZE = re.compile(rb"[0-9a-f]{1,16}\Z")


class Malformed(AssertionError):
    """The bytes are no HTTP/1.1 message that weir may write."""


class Truncated(AssertionError):
    """The stream ended inside a message."""


class Message:
    """Fields of a head; names are compared without regard to case."""

    fields: FieldList

    def all(self, name: str) -> List[bytes]:
        wanted = name.lower().encode()
        return [value for key, value in self.fields if key.lower() == wanted]

    def get(self, name: str) -> Optional[bytes]:
        """The value of a field that comes at most once."""
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None


@dataclass
class Response(Message):
    status: int
    reason: bytes
    fields: FieldList
    head: bytes
    body: bytes = b""
    trailers: FieldList = field(default_factory=list)
    chunked: bool = False
    interims: List["Response"] = field(default_factory=list)


@dataclass
class Request(Message):
    method: str
    target: str
    fields: FieldList
    head: bytes
    body: bytes = b""
    trailers: FieldList = field(default_factory=list)
    chunked: bool = False


class Stream:
    """Bytes as they come from `more`, which returns b"" at the end of the stream."""

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more = more
        self._unread = b""

    def _fill(self) -> None:
        new = self._more()
        if not new:
            raise Truncated(f"the stream ended inside a message, after {self._unread[-200:]!r}")
        self._unread += new

    def begins(self) -> bool:
        """Wait for a byte. False when the stream ended before one came."""
        if not self._unread:
            self._unread = self._more()
        return bool(self._unread)

    def line(self, limit: int = 200_000) -> bytes:
        """A line without its CRLF."""
        at = self._unread.find(b"\n")
        while at < 0:
            if len(self._unread) > limit:
                raise Malformed("a line without end")
            self._fill()
            at = self._unread.find(b"\n")
        line, self._unread = self._unread[: at + 1], self._unread[at + 1 :]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise Malformed(f"line end is not CRLF: {line!r}")
        return line[:-2]

    def exactly(self, length: int) -> bytes:
        pieces, have = [self._unread], len(self._unread)
        while have < length:
            new = self._more()
            if not new:
                raise Truncated(f"the stream ended {length - have} bytes before its end")
            pieces.append(new)
            have += len(new)
        data = b"".join(pieces)
        self._unread = data[length:]
        return data[:length] if self._unread else data

    def rest(self) -> bytes:
        """All up to the end of the stream."""
        pieces = [self._unread]
        while pieces[-1] or len(pieces) == 1:
            pieces.append(self._more())
        self._unread = b""
        return b"".join(pieces)

    @property
    def unread(self) -> bytes:
        """Bytes that came and that no message has used."""
        return self._unread


def _read_fields(stream: Stream) -> Tuple[FieldList, bytes]:
    fields: FieldList = []
    raw = b""
    while True:
        line = stream.line()
        raw += line + b"\r\n"
        if not line:
            return fields, raw
        match = _FIELD.match(line)
        if not match:
            raise Malformed(f"field line {line!r}")
        fields.append((match.group(1), match.group(2)))


def _read_chunked(stream: Stream) -> Tuple[bytes, FieldList]:
    body = []
    while True:
        size = stream.line()
        if not _CHUNK_SIZE.match(size):
            raise Malformed(f"chunk size {size!r}")
        length = int(size, 16)
        if length == 0:
            trailers, _ = _read_fields(stream)
            return b"".join(body), trailers
        body.append(stream.exactly(length))
        if stream.exactly(2) != b"\r\n":
            raise Malformed("no CRLF behind a chunk")


def _length_of(message: Message) -> Optional[int]:
    value = message.get("Content-Length")
    if value is None:
        return None
    if not re.fullmatch(rb"[0-9]{1,18}", value):
        raise Malformed(f"Content-Length {value!r}")
    return int(value)


def _is_chunked(message: Message) -> bool:
    coding = message.get("Transfer-Encoding")
    if coding is None:
        return False
    if coding != b"chunked" or message.get("Content-Length") is not None:
        raise Malformed("framing of a message is in doubt")
    return True


def _read_one_response(stream: Stream, method: str) -> Response:
    line = stream.line()
    match = _STATUS_LINE.match(line)
    if not match:
        raise Malformed(f"status line {line!r}")
    fields, raw = _read_fields(stream)
    response = Response(int(match.group(1)), match.group(2), fields, line + b"\r\n" + raw)
    response.chunked = _is_chunked(response)
    length = _length_of(response)
    if response.status < 200 or response.status == 204:
        if response.chunked or length:
            raise Malformed(f"{response.status} declares a body")
        return response
    if method == "HEAD" or response.status == 304:
        return response
    if response.chunked:
        response.body, response.trailers = _read_chunked(stream)
    elif length is not None:
        response.body = stream.exactly(length)
    else:
        response.body = stream.rest()
    return response


def read_response(stream: Stream, method: str = "GET") -> Response:
    """The final response to a request; those of status 1xx before it are its `interims`."""
    interims = []
    while True:
        response = _read_one_response(stream, method)
        if response.status >= 200 or response.status == 101:
            response.interims = interims
            return response
        interims.append(response)


def read_interim(stream: Stream) -> Response:
    response = _read_one_response(stream, "GET")
    assert response.status < 200, response.head
    return response


def read_request_head(stream: Stream) -> Request:
    line = stream.line()
    match = _REQUEST_LINE.match(line)
    if not match:
        raise Malformed(f"request line {line!r}")
    fields, raw = _read_fields(stream)
    request = Request(match.group(1).decode(), match.group(2).decode("latin-1"), fields, line + b"\r\n" + raw)
    request.chunked = _is_chunked(request)
    _length_of(request)
    return request


def read_request_body(stream: Stream, request: Request) -> None:
    length = _length_of(request)
    if request.chunked:
        request.body, request.trailers = _read_chunked(stream)
    elif length:
        request.body = stream.exactly(length)


def read_request(stream: Stream) -> Request:
    """A whole request of weir's: strict, since weir wrote it."""
    request = read_request_head(stream)
    read_request_body(stream, request)
    return request
