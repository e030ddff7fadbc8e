# SPDX-License-Identifier: Apache-2.0
"""hostile_response_cases.py - responses of an upstream that is broken or in an attacker's hands, family by family.

Three tables. BAD: no part of the response may reach the client, which gets 502. TORN: the fault lies behind the head; a
client that has got the head sees the response end before its end. PASSED: legal or harmless responses, each with the exact
bytes that the client must see, and whether the upstream connection may carry another request.
"""

from dataclasses import dataclass
from typing import Dict, List, Tuple

CRLF = b"\r\n"
DATE = b"Date: Thu, 01 Jan 2026 00:00:00 GMT"


def response(*lines: bytes, start: bytes = b"HTTP/1.1 200 OK", body: bytes = b"") -> bytes:
    """A response of these lines, with a Date."""
    return CRLF.join((start, DATE, *lines)) + CRLF + CRLF + body


def passed(*lines: bytes, start: bytes = b"HTTP/1.1 200 OK", body: bytes = b"", via: bytes = b"1.1",
           framing: Tuple[bytes, ...] = ()) -> bytes:
    """What the client gets: what weir passes on, Via, its own framing."""
    return CRLF.join((start, DATE, *lines, b"Via: " + via + b" weir", *framing)) + CRLF + CRLF + body


@dataclass(frozen=True)
class Bad:
    name: str
    data: bytes
    method: str = "GET"


def _bad(family: str, cases: Dict[str, bytes], method: str = "GET") -> List[Bad]:
    return [Bad(f"{family}-{name}", data, method) for name, data in cases.items()]


def _status(line: bytes) -> bytes:
    return response(b"Content-Length: 2", start=line, body=b"hi")


# RFC 9112 4: HTTP-version SP status-code SP [ reason-phrase ] CRLF, and nothing before it.
STATUS_LINE = _bad("status", {
    "no-http": b"garbage\r\n\r\n",
    "page-without-head": b"<html><body>hello</body></html>\r\n\r\n",
    "icy": _status(b"ICY 200 OK"),
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "tls-alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "nuls": b"\x00" * 32,
    "request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "lower-case": _status(b"http/1.1 200 OK"),
    "version-0-9": _status(b"HTTP/0.9 200 OK"),
    "version-1-2": _status(b"HTTP/1.2 200 OK"),
    "version-1-10": _status(b"HTTP/1.10 200 OK"),
    "version-2-0": _status(b"HTTP/2.0 200 OK"),
    "version-2": _status(b"HTTP/2 200"),
    "two-spaces": _status(b"HTTP/1.1  200 OK"),
    "tab": _status(b"HTTP/1.1\t200 OK"),
    "tab-behind-code": _status(b"HTTP/1.1 200\tOK"),
    "no-code": _status(b"HTTP/1.1"),
    "two-digits": _status(b"HTTP/1.1 20 OK"),
    "four-digits": _status(b"HTTP/1.1 2000 OK"),
    "letters": _status(b"HTTP/1.1 2x0 OK"),
    "minus": _status(b"HTTP/1.1 -20 OK"),
    "plus": _status(b"HTTP/1.1 +20 OK"),
    "000": _status(b"HTTP/1.1 000 Zero"),
    "099": _status(b"HTTP/1.1 099 Low"),
    "600": _status(b"HTTP/1.1 600 High"),
    "999": _status(b"HTTP/1.1 999 Blocked"),
    "code-and-reason-joined": _status(b"HTTP/1.1 200OK"),
    "leading-space": b" " + _status(b"HTTP/1.1 200 OK"),
    "leading-empty-line": b"\r\n" + _status(b"HTTP/1.1 200 OK"),
    "leading-lf": b"\n" + _status(b"HTTP/1.1 200 OK"),
    "nul-in-reason": _status(b"HTTP/1.1 200 O\x00K"),
    "control-in-reason": _status(b"HTTP/1.1 200 \x1b[2J"),
    "cr-in-reason": _status(b"HTTP/1.1 200 O\rK"),
    "lf-behind": b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nhi",
})

# RFC 9110 5, RFC 9112 5: the same grammar as in requests, and as little mercy.
HEAD = _bad("head", {
    "lf-everywhere": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "lf-behind-field": response(b"X: y\nContent-Length: 2", body=b"hi"),
    "lf-as-empty-line": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nhi",
    "cr-in-value": response(b"X: a\rSet-Cookie: b=c", b"Content-Length: 2", body=b"hi"),
    "cr-cr-lf": response(b"X: y\r", b"Content-Length: 2", body=b"hi"),
    "fold": response(b"X: y", b" z", b"Content-Length: 2", body=b"hi"),
    "fold-tab": response(b"X: y", b"\tz", b"Content-Length: 2", body=b"hi"),
    "fold-first": b"HTTP/1.1 200 OK\r\n X: y\r\nContent-Length: 2\r\n\r\nhi",
    "empty-name": response(b": y", b"Content-Length: 2", body=b"hi"),
    "space-before-colon": response(b"X : y", b"Content-Length: 2", body=b"hi"),
    "nbsp-before-colon": response(b"X\xa0: y", b"Content-Length: 2", body=b"hi"),
    "inside-space": response(b"X Y: z", b"Content-Length: 2", body=b"hi"),
    "no-colon": response(b"XYZ", b"Content-Length: 2", body=b"hi"),
    "nul-in-name": response(b"X\x00: y", b"Content-Length: 2", body=b"hi"),
    "nul-in-value": response(b"X: a\x00b", b"Content-Length: 2", body=b"hi"),
    "control-in-value": response(b"X: a\x0bb", b"Content-Length: 2", body=b"hi"),
    "del-in-value": response(b"Location: /\x7f", b"Content-Length: 2", body=b"hi"),
    "split-by-lf": response(b"Location: /a\nSet-Cookie: b=c", b"Content-Length: 2", body=b"hi"),
    "split-by-cr": response(b"Location: /a\r\rHTTP/1.1 200 OK\r\r", b"Content-Length: 2", body=b"hi"),
    "connection-names-length": response(b"Connection: Content-Length", b"Content-Length: 2", body=b"hi"),
    "connection-no-token": response(b"Connection: a b", b"Content-Length: 2", body=b"hi"),
    "name-of-257": response(b"n" * 257 + b": y", b"Content-Length: 2", body=b"hi"),
    "129-fields": response(*(b"X-%d: y" % n for n in range(128)), b"Content-Length: 2", body=b"hi"),
    "over-64k": response(b"X: " + b"y" * 70_000, b"Content-Length: 2", body=b"hi"),
    "value-without-end": response(b"X: y")[:-4] + b"z" * 100_000,
    "name-without-end": b"HTTP/1.1 200 OK\r\n" + b"n" * 100_000,
    "reason-without-end": b"HTTP/1.1 200 " + b"r" * 100_000,
})


def _lengths(*lines: bytes) -> bytes:
    return response(*lines, body=b"hi")


# RFC 9112 6.1 to 6.3: what delimits the body is in no doubt, or the response is refused.
FRAMING = _bad("framing", {
    "cl-te": response(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
    "te-cl": response(b"Transfer-Encoding: chunked", b"Content-Length: 2", body=b"2\r\nhi\r\n0\r\n\r\n"),
    "cl-identity": response(b"Content-Length: 2", b"Transfer-Encoding: identity", body=b"hi"),
    "cl-twice-equal": _lengths(b"Content-Length: 2", b"Content-Length: 2"),
    "cl-twice-different": _lengths(b"Content-Length: 2", b"Content-Length: 3"),
    "cl-list": _lengths(b"Content-Length: 2, 2"),
    "cl-empty": _lengths(b"Content-Length:"),
    "cl-plus": _lengths(b"Content-Length: +2"),
    "cl-minus": _lengths(b"Content-Length: -2"),
    "cl-hex": _lengths(b"Content-Length: 0x2"),
    "cl-underscore": _lengths(b"Content-Length: 0_2"),
    "cl-2-to-64": _lengths(b"Content-Length: 18446744073709551618"),
    "cl-19-digits": _lengths(b"Content-Length: 0000000000000000002"),
    "cl-letters": _lengths(b"Content-Length: two"),
    "te-gzip": _lengths(b"Transfer-Encoding: gzip"),
    "te-gzip-chunked": _lengths(b"Transfer-Encoding: gzip, chunked"),
    "te-identity": _lengths(b"Transfer-Encoding: identity"),
    "te-chunked-twice": response(b"Transfer-Encoding: chunked, chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
    "te-in-two-fields": response(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked",
                               body=b"2\r\nhi\r\n0\r\n\r\n"),
    "te-leading-comma": response(b"Transfer-Encoding: ,chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
    "te-prefix": response(b"Transfer-Encoding: xchunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
    "te-vertical-tab": response(b"Transfer-Encoding: \x0bchunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
    "te-space-before-colon": response(b"Transfer-Encoding : chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
    "te-on-http10": response(b"Transfer-Encoding: chunked", start=b"HTTP/1.0 200 OK", body=b"2\r\nhi\r\n0\r\n\r\n"),
    "204-with-length": response(b"Content-Length: 2", start=b"HTTP/1.1 204 No Content", body=b"hi"),
    "204-gzip": response(b"Transfer-Encoding: gzip", start=b"HTTP/1.1 204 No Content"),
    "204-chunked-with-length": response(b"Transfer-Encoding: chunked", b"Content-Length: 0",
                                        start=b"HTTP/1.1 204 No Content", body=b"0\r\n\r\n"),
    "100-with-length": response(b"Content-Length: 2", start=b"HTTP/1.1 100 Continue", body=b"hi"),
    "103-chunked": response(b"Transfer-Encoding: chunked", start=b"HTTP/1.1 103 Early Hints", body=b"0\r\n\r\n"),
}) + _bad("framing-head", {
    "cl-te": response(b"Content-Length: 2", b"Transfer-Encoding: chunked"),
    "cl-twice": response(b"Content-Length: 2", b"Content-Length: 3"),
}, method="HEAD")

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FINAL = response(b"Content-Length: 2", body=b"hi")

# RFC 9110 15.2, 7.8: interim responses in bounds; a switch only for a client that asked, and none can ask here.
INTERIM = _bad("interim", {
    "101-bare": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "101-websocket": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
    "101-h2c": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    "101-then-200": b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + _FINAL,
    "flood-of-102": b"HTTP/1.1 102 Processing\r\n\r\n" * 1000 + _FINAL,
    "17-then-final": _CONTINUE * 17 + _FINAL,
    "garbage-behind": _CONTINUE + b"garbage\r\n\r\n",
    "bad-field": b"HTTP/1.1 103 Early Hints\r\nX : y\r\n\r\n" + _FINAL,
    "head-without-end": b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * 100_000,
})

BAD: List[Bad] = [*STATUS_LINE, *HEAD, *FRAMING, *INTERIM]


@dataclass(frozen=True)
class Torn:
    """`good` is in order, and reaches the client; `bad` follows, and then the connection ends by `after`."""

    name: str
    good: bytes
    bad: bytes
    after: str = "stay"
    method: str = "GET"


_CHUNKED_HEAD = response(b"Transfer-Encoding: chunked")
_LENGTH_HEAD = response(b"Content-Length: 10")


def _chunk_faults() -> List[Torn]:
    """RFC 9112 7.1, as in requests; `hello` has gone out when the fault comes."""
    faults = {
        "size-missing": b"\r\nhello\r\n0\r\n\r\n",
        "size-no-digit": b"g\r\nhello\r\n0\r\n\r\n",
        "size-0x": b"0x5\r\nhello\r\n0\r\n\r\n",
        "size-minus": b"-1\r\nhello\r\n0\r\n\r\n",
        "size-longest-prefix": b"5x\r\nhello\r\n0\r\n\r\n",
        "size-space": b"5 \r\nhello\r\n0\r\n\r\n",
        "size-17-digits": b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        "size-sum-over-2-to-64": b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "lf-behind-size": b"5\nhello\r\n0\r\n\r\n",
        "cr-behind-size": b"5\rhello\r\n0\r\n\r\n",
        "lf-behind-data": b"5\r\nhello\n0\r\n\r\n",
        "data-too-long": b"5\r\nhello!\r\n0\r\n\r\n",
        "extension-space-and-lf": b"5 \n;a\r\nhello\r\n0\r\n\r\n",
        "extension-space-behind": b"5;a \r\nhello\r\n0\r\n\r\n",
        "extension-with-lf": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
        "extension-with-nul": b"5;a\x00\r\nhello\r\n0\r\n\r\n",
        "extension-too-long": b"5;" + b"a" * 400 + b"\r\nhello\r\n0\r\n\r\n",
        "last-with-lf": b"0\n\r\n",
        "end-with-lf": b"0\r\n\n",
        "trailer-with-nul": b"0\r\nX: \x00\r\n\r\n",
        "trailer-folded": b"0\r\nX: y\r\n z\r\n\r\n",
        "trailer-no-colon": b"0\r\nHTTP/1.1 200 OK\r\n\r\n",
        "trailers-too-long": b"0\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        "garbage": b"garbage\r\n\r\n",
    }
    return [Torn(f"chunk-{name}", _CHUNKED_HEAD + b"5\r\nhello\r\n", bad) for name, bad in faults.items()]


# RFC 9112 8: an incomplete response is never shown as a whole one.
TORN: List[Torn] = _chunk_faults() + [
    Torn("length-cut", _LENGTH_HEAD + b"hello", b"", "close"),
    Torn("length-cut-by-reset", _LENGTH_HEAD + b"hello", b"", "reset"),
    Torn("length-cut-at-last-byte", _LENGTH_HEAD + b"hello", b"worl", "close"),
    Torn("length-cut-at-first-byte", _LENGTH_HEAD + b"h", b"", "close"),
    Torn("chunked-cut-behind-chunk", _CHUNKED_HEAD + b"5\r\nhello\r\n", b"", "close"),
    Torn("chunked-cut-by-reset", _CHUNKED_HEAD + b"5\r\nhello\r\n", b"", "reset"),
    Torn("chunked-cut-in-size", _CHUNKED_HEAD + b"5\r\nhello\r\n", b"5", "close"),
    Torn("chunked-cut-in-data", _CHUNKED_HEAD + b"5\r\nhello\r\n", b"5\r\nhel", "close"),
    Torn("chunked-cut-behind-data", _CHUNKED_HEAD + b"5\r\nhello\r\n", b"5\r\nhello", "close"),
    Torn("chunked-cut-in-last", _CHUNKED_HEAD + b"5\r\nhello\r\n", b"0", "close"),
    Torn("chunked-cut-behind-last", _CHUNKED_HEAD + b"5\r\nhello\r\n", b"0\r\n", "close"),
    Torn("chunked-cut-in-end", _CHUNKED_HEAD + b"5\r\nhello\r\n", b"0\r\n\r", "close"),
    Torn("chunked-cut-in-trailers", _CHUNKED_HEAD + b"5\r\nhello\r\n", b"0\r\nX: y\r\n", "close"),
    Torn("until-close-cut-by-reset", response() + b"hello", b"", "reset"),
]


@dataclass(frozen=True)
class Seen:
    """A response, and the bytes that the client must see. `reused`: the upstream connection may go on."""

    name: str
    data: bytes
    seen: bytes
    after: str = "stay"
    method: str = "GET"
    reused: bool = False


_HI = (b"Content-Length: 2",)
_OK = passed(framing=_HI, body=b"hi")
_CHUNKS = (b"Transfer-Encoding: chunked",)

# Rule 6: one byte beyond a response could become another client's response: it is dropped with its connection.
EXTRA: List[Seen] = [
    Seen("extra-byte", _FINAL + b"!", _OK),
    Seen("extra-crlf", _FINAL + b"\r\n", _OK),
    Seen("extra-response", _FINAL + response(b"Content-Length: 6", body=b"poison"), _OK),
    Seen("extra-interim", _FINAL + _CONTINUE, _OK),
    Seen("extra-64k", _FINAL + b"x" * 65_536, _OK),
    Seen("extra-behind-chunks", response(*_CHUNKS, body=b"2\r\nhi\r\n0\r\n\r\n" + _FINAL),
         passed(framing=_CHUNKS, body=b"2\r\nhi\r\n0\r\n\r\n")),
    Seen("body-of-length-0", response(b"Content-Length: 0", body=b"poison"), passed(framing=(b"Content-Length: 0",))),
    Seen("body-of-head", response(b"Content-Length: 2", body=b"hi"), passed(framing=_HI), method="HEAD"),
    Seen("response-behind-head", response(b"Content-Length: 2") + _FINAL, passed(framing=_HI), method="HEAD"),
    Seen("chunks-of-head", response(*_CHUNKS, body=b"2\r\nhi\r\n0\r\n\r\n"), passed(framing=_CHUNKS), method="HEAD"),
    Seen("body-of-204", response(start=b"HTTP/1.1 204 No Content", body=b"hi"), passed(start=b"HTTP/1.1 204 No Content")),
    Seen("response-behind-204", response(start=b"HTTP/1.1 204 No Content") + _FINAL,
         passed(start=b"HTTP/1.1 204 No Content")),
    Seen("body-of-304", response(b"Content-Length: 2", start=b"HTTP/1.1 304 Not Modified", body=b"hi"),
         passed(start=b"HTTP/1.1 304 Not Modified", framing=_HI)),
    Seen("response-behind-304", response(start=b"HTTP/1.1 304 Not Modified") + _FINAL,
         passed(start=b"HTTP/1.1 304 Not Modified")),
]

_INTERIM_SEEN = b"HTTP/1.1 100 Continue\r\nVia: 1.1 weir\r\n\r\n"

# RFC 9110 6, 7.6.1, 15; RFC 9112 4, 6.3, 7: what a client sees of responses in order.
PLAIN: List[Seen] = [
    Seen("length", _FINAL, _OK, reused=True),
    Seen("length-with-zeros", response(b"Content-Length: 0002", body=b"hi"), _OK, reused=True),
    Seen("empty", response(b"Content-Length: 0"), passed(framing=(b"Content-Length: 0",)), reused=True),
    Seen("chunked", response(*_CHUNKS, body=b"2\r\nhi\r\n0\r\n\r\n"), passed(framing=_CHUNKS, body=b"2\r\nhi\r\n0\r\n\r\n"),
         reused=True),
    Seen("chunks-that-come-together-go-as-one", response(*_CHUNKS, body=b"1\r\nh\r\n01\r\ni\r\n000\r\n\r\n"),
         passed(framing=_CHUNKS, body=b"2\r\nhi\r\n0\r\n\r\n"), reused=True),
    Seen("chunk-extensions-end-here", response(*_CHUNKS, body=b'2;a;b="c"\r\nhi\r\n0;d\r\n\r\n'),
         passed(framing=_CHUNKS, body=b"2\r\nhi\r\n0\r\n\r\n"), reused=True),
    Seen("chunk-extensions-with-white-space", response(*_CHUNKS, body=b'2 ;a ; b = "c"\r\nhi\r\n0\t;\td\r\n\r\n'),
         passed(framing=_CHUNKS, body=b"2\r\nhi\r\n0\r\n\r\n"), reused=True),
    Seen("trailers-end-here", response(b"Trailer: X", *_CHUNKS, body=b"2\r\nhi\r\n0\r\nX: y\r\nContent-Length: 9\r\n\r\n"),
         passed(framing=_CHUNKS, body=b"2\r\nhi\r\n0\r\n\r\n"), reused=True),
    Seen("empty-chunked", response(*_CHUNKS, body=b"0\r\n\r\n"), passed(framing=_CHUNKS, body=b"0\r\n\r\n"), reused=True),
    Seen("until-close", response(body=b"hi"), passed(framing=_CHUNKS, body=b"2\r\nhi\r\n0\r\n\r\n"), after="close"),
    Seen("until-close-empty", response(), passed(framing=_CHUNKS, body=b"0\r\n\r\n"), after="close"),
    Seen("http10-until-close", response(start=b"HTTP/1.0 200 OK", body=b"hi"),
         passed(framing=_CHUNKS, body=b"2\r\nhi\r\n0\r\n\r\n", via=b"1.0"), after="close"),
    Seen("http10-length", response(b"Content-Length: 2", start=b"HTTP/1.0 200 OK", body=b"hi"),
         passed(framing=_HI, body=b"hi", via=b"1.0")),
    Seen("http10-keep-alive", response(b"Connection: keep-alive", b"Content-Length: 2", start=b"HTTP/1.0 200 OK", body=b"hi"),
         passed(framing=_HI, body=b"hi", via=b"1.0"), reused=True),
    Seen("connection-close", response(b"Connection: close", b"Content-Length: 2", body=b"hi"), _OK),
    Seen("head-with-length", response(b"Content-Length: 2"), passed(framing=_HI), method="HEAD", reused=True),
    Seen("head-chunked", response(*_CHUNKS), passed(framing=_CHUNKS), method="HEAD", reused=True),
    Seen("head-without-length", response(), passed(), method="HEAD", reused=True),
    Seen("204", response(start=b"HTTP/1.1 204 No Content"), passed(start=b"HTTP/1.1 204 No Content"), reused=True),
    # RFC 9112 6.3 point 1: no body whatever its fields say; but what its sender sends behind it is not known.
    Seen("204-chunked", response(*_CHUNKS, start=b"HTTP/1.1 204 No Content"), passed(start=b"HTTP/1.1 204 No Content")),
    Seen("204-chunked-with-chunks", response(*_CHUNKS, start=b"HTTP/1.1 204 No Content", body=b"0\r\n\r\n"),
         passed(start=b"HTTP/1.1 204 No Content")),
    Seen("204-with-length-0", response(b"Content-Length: 0", start=b"HTTP/1.1 204 No Content"),
         passed(start=b"HTTP/1.1 204 No Content"), reused=True),
    Seen("304-with-length", response(b"Content-Length: 2", start=b"HTTP/1.1 304 Not Modified"),
         passed(start=b"HTTP/1.1 304 Not Modified", framing=_HI), reused=True),
    Seen("304-chunked", response(*_CHUNKS, start=b"HTTP/1.1 304 Not Modified"),
         passed(start=b"HTTP/1.1 304 Not Modified"), reused=True),
    Seen("no-reason", response(*_HI, start=b"HTTP/1.1 200 ", body=b"hi"), passed(start=b"HTTP/1.1 200 ", framing=_HI,
                                                                              body=b"hi"), reused=True),
    Seen("no-space-behind-code", response(*_HI, start=b"HTTP/1.1 200", body=b"hi"),
         passed(start=b"HTTP/1.1 200 ", framing=_HI, body=b"hi"), reused=True),
    Seen("odd-reason", response(*_HI, start=b"HTTP/1.1 599 Caf\xe9 \t!", body=b"hi"),
         passed(start=b"HTTP/1.1 599 Caf\xe9 \t!", framing=_HI, body=b"hi"), reused=True),
    Seen("unknown-code", response(*_HI, start=b"HTTP/1.1 299 Fine", body=b"hi"),
         passed(start=b"HTTP/1.1 299 Fine", framing=_HI, body=b"hi"), reused=True),
    Seen("fields-in-order", response(b"Set-Cookie: a=b", b"X:", b"x-ODD:\t y ", b"Set-Cookie: c=d", *_HI, body=b"hi"),
         passed(b"Set-Cookie: a=b", b"X: ", b"x-ODD: y", b"Set-Cookie: c=d", framing=_HI, body=b"hi"), reused=True),
    Seen("hop-by-hop", response(b"Connection: X-Secret", b"X-Secret: 1", b"Keep-Alive: timeout=5", b"Upgrade: h2c",
                              b"Proxy-Authenticate: Basic", b"Proxy-Connection: keep-alive", b"TE: trailers", *_HI,
                              body=b"hi"), _OK, reused=True),
    Seen("underscores-pass", response(b"X_Y: z", *_HI, body=b"hi"), passed(b"X_Y: z", framing=_HI, body=b"hi"), reused=True),
    Seen("via-preserved", response(b"Via: 1.1 other", *_HI, body=b"hi"), passed(b"Via: 1.1 other", framing=_HI, body=b"hi"),
         reused=True),
    Seen("head-of-60k", response(b"X: " + b"y" * 60_000, *_HI, body=b"hi"),
         passed(b"X: " + b"y" * 60_000, framing=_HI, body=b"hi"), reused=True),
    Seen("128-fields", response(*(b"X-%d: y" % n for n in range(126)), *_HI, body=b"hi"),
         passed(*(b"X-%d: y" % n for n in range(126)), framing=_HI, body=b"hi"), reused=True),
    Seen("100", _CONTINUE + _FINAL, _INTERIM_SEEN + _OK, reused=True),
    Seen("103", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + _FINAL,
         b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nVia: 1.1 weir\r\n\r\n" + _OK, reused=True),
    Seen("16-interims", _CONTINUE * 16 + _FINAL, _INTERIM_SEEN * 16 + _OK, reused=True),
    Seen("interim-before-204", _CONTINUE + response(start=b"HTTP/1.1 204 No Content"),
         _INTERIM_SEEN + passed(start=b"HTTP/1.1 204 No Content"), reused=True),
]

SEEN: List[Seen] = [*EXTRA, *PLAIN]
