# SPDX-License-Identifier: Apache-2.0
"""h2_hostile_cases.py - requests over HTTP/2 that could become something else over HTTP/1.1, family by family.

`<host>` stands for the host of the site under test. Nothing of any of them may reach an upstream as a whole request, and
no byte of what they smuggle. Families: shared rules on robustness; Kettle 2021; CVE-2023-27491, -27493, -45539.
"""

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

RESET = 0     # the stream is reset: PROTOCOL_ERROR
GOAWAY = -1   # the connection ends

Field = Tuple[bytes, bytes]

METHOD, SCHEME, AUTHORITY, PATH = b":method", b":scheme", b":authority", b":path"


@dataclass(frozen=True)
class Hostile:
    """A header list and what follows it. `outcome` is a status, RESET or GOAWAY; in_body: the head may be on its way."""

    name: str
    fields: Sequence[Field]
    outcome: int = RESET
    body: Optional[bytes] = None
    trailers: Sequence[Field] = field(default_factory=tuple)
    in_body: bool = False


def request(*more: Field, method: bytes = b"GET", path: bytes = b"/hostile", scheme: bytes = b"https",
            authority: bytes = b"<host>") -> List[Field]:
    return [(METHOD, method), (SCHEME, scheme), (AUTHORITY, authority), (PATH, path), *more]


def post(*more: Field) -> List[Field]:
    return request(*more, method=b"POST")


def _all(family: str, cases: Dict[str, Sequence[Field]], outcome: int = RESET) -> List[Hostile]:
    return [Hostile(f"{family}-{name}", fields, outcome) for name, fields in cases.items()]


_SMUGGLED = b"\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: <host>\r\n\r\n"

# Kettle 2021; Envoy CVE-2023-27493: what ends a line or a head in HTTP/1.1.
INJECTED = _all("injected", {
    "value-crlf": request((b"x", b"a\r\ny: b")),
    "value-request": request((b"x", b"a" + _SMUGGLED)),
    "value-lf": request((b"x", b"a\ny: b")),
    "value-cr": request((b"x", b"a\ry: b")),
    "value-nul": request((b"x", b"a\0b")),
    "value-del": request((b"x", b"a\x7fb")),
    "value-control": request((b"x", b"a\x01b")),
    "value-space-first": request((b"x", b" a")),
    "value-space-last": request((b"x", b"a ")),
    "value-tab-first": request((b"x", b"\ta")),
    "cookie-crlf": request((b"cookie", b"a=1\r\nx: y")),
    "host-crlf": [(METHOD, b"GET"), (SCHEME, b"https"), (PATH, b"/hostile"), (b"host", b"<host>\r\nx: y")],
    "name-crlf": request((b"x: y\r\nz", b"a")),
    "name-colon": request((b"x:", b"a")),
    "name-space": request((b"x y", b"a")),
    "name-space-last": request((b"transfer-encoding ", b"chunked")),
    "name-nul": request((b"x\0", b"a")),
    "name-empty": request((b"", b"a")),
    "name-upper-case": request((b"X-Custom", b"a")),
    "name-latin": request((b"x\xe9", b"a")),
    "name-bracket": request((b"x[]", b"a")),
    "name-quote": request((b'"x"', b"a")),
    "method-crlf": request(method=b"GET /smuggled HTTP/1.1\r\nHost: <host>\r\n\r\nGET"),
    "method-space": request(method=b"GET /smuggled HTTP/1.1"),
    "method-tab": request(method=b"GET\t"),
    "method-empty": request(method=b""),
    "method-colon": request(method=b"GET:"),
    "path-crlf": request(path=b"/" + _SMUGGLED),
    "path-space": request(path=b"/smuggled HTTP/1.1"),
    "path-lf": request(path=b"/a\nx: y"),
    "path-nul": request(path=b"/a\0b"),
    "path-empty": request(path=b""),
    "path-without-slash": request(path=b"smuggled"),
    "path-absolute": request(path=b"http://other.test/smuggled"),
    "path-of-authority": request(path=b"other.test:80"),
    "scheme-crlf": request(scheme=b"https\r\nx: y"),
    "scheme-with-path": request(scheme=b"https://<host>/smuggled?"),
    "scheme-other": request(scheme=b"ftp"),
    "scheme-empty": request(scheme=b""),
    "authority-crlf": request(authority=b"<host>\r\nx: y"),
    "authority-space": request(authority=b"<host> x"),
    "authority-empty": request(authority=b""),
})

# RFC 9113 8.2.2: fields of a connection are malformed in HTTP/2, whatever their value.
CONNECTION = _all("connection", {
    "close": request((b"connection", b"close")),
    "names-a-field": request((b"connection", b"x-a"), (b"x-a", b"b")),
    "keep-alive": request((b"keep-alive", b"timeout=5")),
    "proxy-connection": request((b"proxy-connection", b"keep-alive")),
    "upgrade-websocket": request((b"upgrade", b"websocket")),
    "upgrade-h2c": request((b"upgrade", b"h2c"), (b"http2-settings", b"AAMAAABkAARAAAAAAAIAAAAA")),
    "http2-settings": request((b"http2-settings", b"AAMAAABkAARAAAAAAAIAAAAA")),
    "te-gzip": request((b"te", b"gzip")),
    "te-list": request((b"te", b"trailers, deflate")),
    "te-chunked": request((b"te", b"chunked")),
    "chunked-on-get": request((b"transfer-encoding", b"chunked")),
    "chunked-with-space": request((b"transfer-encoding", b"chunked ")),
    "identity": request((b"transfer-encoding", b"identity")),
})

CODED = [
    Hostile("coded-chunked", post((b"transfer-encoding", b"chunked")), body=b"0" + _SMUGGLED),
    Hostile("coded-chunked-and-length", post((b"content-length", b"5"), (b"transfer-encoding", b"chunked")),
            body=b"0\r\n\r\n"),
    Hostile("coded-obfuscated", post((b"transfer-encoding", b"\x0bchunked")), body=b"0" + _SMUGGLED),
]

# RFC 9113 8.1.1: Content-Length equals the DATA of the stream, however it ends.
LENGTHS = [
    Hostile("length-too-long", post((b"content-length", b"9")), body=b"abc", in_body=True),
    Hostile("length-too-short", post((b"content-length", b"2")), body=b"ab" + _SMUGGLED, in_body=True),
    Hostile("length-zero-with-body", post((b"content-length", b"0")), body=b"GET /smuggled HTTP/1.1\r\n"),
    Hostile("length-ends-with-head", post((b"content-length", b"9"))),
    Hostile("length-ends-with-trailers", post((b"content-length", b"9")), body=b"abc", trailers=((b"t", b"v"),),
            in_body=True),
    Hostile("length-empty-body", post((b"content-length", b"9")), body=b"", in_body=True),
    Hostile("length-plus", post((b"content-length", b"+3")), body=b"abc"),
    Hostile("length-minus", post((b"content-length", b"-3")), body=b"abc"),
    Hostile("length-hex", post((b"content-length", b"0x3")), body=b"abc"),
    Hostile("length-list", post((b"content-length", b"3, 3")), body=b"abc"),
    Hostile("length-empty", post((b"content-length", b"")), body=b"abc"),
    Hostile("length-space", post((b"content-length", b"3 3")), body=b"abc"),
    Hostile("length-underscore", post((b"content-length", b"3_0")), body=b"abc"),
    Hostile("length-twice", post((b"content-length", b"3"), (b"content-length", b"3")), body=b"abc"),
    Hostile("length-twice-other", post((b"content-length", b"3"), (b"content-length", b"0")), body=b"abc"),
    Hostile("length-of-2-to-64", post((b"content-length", b"18446744073709551619")), body=b"abc"),
    Hostile("length-of-2-to-63", post((b"content-length", b"9223372036854775811")), body=b"abc", in_body=True),
]

# RFC 9113 8.3: pseudo fields, each once, first, and no others.
PSEUDO = _all("pseudo", {
    "no-method": request()[1:],
    "no-scheme": [request()[0], *request()[2:]],
    "no-path": request()[:3],
    "no-authority-and-no-host": [(METHOD, b"GET"), (SCHEME, b"https"), (PATH, b"/hostile")],
    "method-twice": [(METHOD, b"GET"), *request()],
    "path-twice": request((PATH, b"/smuggled")),
    "authority-twice": [(AUTHORITY, b"other.test"), *request()],
    "scheme-twice": [(SCHEME, b"http"), *request()],
    "behind-a-field": [request()[0], (b"x", b"y"), *request()[1:]],
    "unknown": [(b":x", b"y"), *request()],
    "of-a-response": [(b":status", b"200"), *request()],
    "protocol": [(b":protocol", b"websocket"), *request(method=b"CONNECT")],
    "connect-with-path": request(method=b"CONNECT"),
    "upper-case": [(b":Method", b"GET"), *request()[1:]],
})

# One authority: RFC 9113 8.3.1.
AUTHORITIES = _all("authority", {
    "other-host": request((b"host", b"other.test")),
    "host-list": request((b"host", b"<host>, other.test")),
    "host-twice": [(METHOD, b"GET"), (SCHEME, b"https"), (PATH, b"/hostile"), (b"host", b"<host>"), (b"host", b"<host>")],
}) + [
    Hostile("authority-list", request(authority=b"<host>,other.test"), 400),
    Hostile("authority-userinfo", request(authority=b"user@<host>"), 400),
    Hostile("authority-bad-port", request(authority=b"<host>:x"), 400),
    Hostile("authority-port-too-high", request(authority=b"<host>:65536"), 400),
    Hostile("authority-bad-address", request(authority=b"[::1"), 400),
    Hostile("authority-path", request(authority=b"<host>/smuggled")),
]

# What the parser of HTTP/1.1 refuses stays refused, with the same status.
VALIDATED = [
    Hostile("validated-fragment", request(path=b"/a#b"), 400),
    Hostile("validated-backslash", request(path=b"/a\\b"), 400),
    Hostile("validated-escaped-nul", request(path=b"/a%00b"), 400),
    Hostile("validated-bad-escape", request(path=b"/a%zz"), 400),
    Hostile("validated-quote", request(path=b'/a"b'), 400),
    Hostile("validated-above-root", request(path=b"/../../etc/passwd"), 400),
    Hostile("validated-expect", request((b"expect", b"200-ok")), 417),
    Hostile("validated-max-forwards", request((b"max-forwards", b"x"), method=b"OPTIONS"), 400),
    Hostile("validated-asterisk-of-get", request(path=b"*")),
    Hostile("validated-connect", [(METHOD, b"CONNECT"), (AUTHORITY, b"<host>:443")], 400),
    Hostile("validated-long-method", request(method=b"A" * 33), 501),
    Hostile("validated-long-name", request((b"x" * 257, b"y")), 431),
]

HOSTILE = INJECTED + CONNECTION + CODED + LENGTHS + PSEUDO + AUTHORITIES + VALIDATED
