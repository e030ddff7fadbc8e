# SPDX-License-Identifier: Apache-2.0
"""passed_request_cases.py - the neighbours of the hostile requests: legal, if odd; each with what the upstream must see.

What goes on is written anew: names and values are preserved, their surroundings and all framing are weir's own.
"""

from dataclasses import dataclass
from typing import List, Tuple

from hostile_request_cases import head, post


@dataclass(frozen=True)
class Passed:
    """A request, and the request that the upstream gets: `fields` are those of the client that are passed on."""

    name: str
    data: bytes
    fields: Tuple[str, ...] = ()
    method: str = "GET"
    target: str = "/hostile"
    framing: str = ""
    body: bytes = b""
    forwarded_for: str = ""
    authority: str = "<host>"
    via: str = "1.1"
    ends: bool = False


def _start(line: bytes, *lines: bytes) -> bytes:
    return head(*lines, start=line)


def _body(name: str, line: bytes, length: int = 5, out: bytes = b"hello") -> Passed:
    return Passed(name, post(line, body=b"hello"), method="POST", framing=f"Content-Length: {length}", body=out)


def _chunks(name: str, came: bytes, goes: bytes, line: bytes = b"Transfer-Encoding: chunked",
            fields: Tuple[str, ...] = ()) -> Passed:
    return Passed(name, post(line, body=came), fields, method="POST", framing="Transfer-Encoding: chunked", body=goes)


_HELLO = b"5\r\nhello\r\n0\r\n\r\n"

# White space, case and order: RFC 9110 5.5, 5.3; RFC 9112 2.2, 5.1.
_FIELDS = [
    Passed("plain", head()),
    Passed("empty-line-first", b"\r\n" + head()),
    Passed("white-space-around-value", head(b"X: \t y \t "), ("X: y",)),
    Passed("no-space-behind-colon", head(b"X:y"), ("X: y",)),
    Passed("white-space-inside-value", head(b"X: a \t b"), ("X: a \t b",)),
    Passed("empty-value", head(b"X:"), ("X: ",)),
    Passed("blank-value", head(b"X: \t "), ("X: ",)),
    Passed("bytes-over-127", head(b"X: caf\xe9"), ("X: caf\xe9",)),
    Passed("name-of-256", head(b"n" * 256 + b": y"), ("n" * 256 + ": y",)),
    Passed("all-token-bytes", head(b"!#$%&'*+-.^`|~09azAZ: y"), ("!#$%&'*+-.^`|~09azAZ: y",)),
    Passed("colons-in-value", head(b"X: :a:b:"), ("X: :a:b:",)),
    Passed("odd-case-preserved", head(b"x-ODD-cAsE: y"), ("x-ODD-cAsE: y",)),
    Passed("repeated-in-order", head(b"A: 1", b"B: 2", b"A: 3"), ("A: 1", "B: 2", "A: 3")),
    Passed("cookies-not-joined", head(b"Cookie: a=b", b"Cookie: c=d"), ("Cookie: a=b", "Cookie: c=d")),
    Passed("host-behind-others", b"GET /hostile HTTP/1.1\r\nA: 1\r\nhOST: <host>\r\nB: 2\r\n\r\n", ("A: 1", "B: 2")),
    Passed("128-fields", head(*(b"X-%d: y" % n for n in range(127))), tuple(f"X-{n}: y" for n in range(127))),
    Passed("authorization", head(b"Authorization: Basic YTpi"), ("Authorization: Basic YTpi",)),
    Passed("content-encoding-chunked", head(b"Content-Encoding: chunked"), ("Content-Encoding: chunked",)),
]

# Request line: RFC 9110 9.1, RFC 9112 3.2, RFC 3986.
_LINES = [
    Passed("unknown-method", _start(b"PURGE /hostile HTTP/1.1"), method="PURGE"),
    Passed("method-of-marks", _start(b"M-SEARCH.x~1 /hostile HTTP/1.1"), method="M-SEARCH.x~1"),
    Passed("lower-case-method", _start(b"get /hostile HTTP/1.1"), method="get"),
    Passed("options", _start(b"OPTIONS /hostile HTTP/1.1"), method="OPTIONS"),
    Passed("max-forwards", _start(b"OPTIONS /hostile HTTP/1.1", b"Max-Forwards: 5"), ("Max-Forwards: 4",), method="OPTIONS"),
    Passed("max-forwards-of-1", _start(b"OPTIONS * HTTP/1.1", b"Max-Forwards: 1"), ("Max-Forwards: 0",), method="OPTIONS",
           target="*"),
    Passed("max-forwards-of-get", head(b"Max-Forwards: 0"), ("Max-Forwards: 0",)),
    Passed("max-forwards-of-get-malformed", head(b"Max-Forwards: x", b"Max-Forwards: 1"),
           ("Max-Forwards: x", "Max-Forwards: 1")),
    Passed("asterisk", _start(b"OPTIONS * HTTP/1.1"), method="OPTIONS", target="*"),
    Passed("query", _start(b"GET /hostile?a=b&c=%20d?e/f HTTP/1.1"), target="/hostile?a=b&c=%20d?e/f"),
    Passed("query-of-browsers", _start(b"GET /hostile?[a]|^`{} HTTP/1.1"), target="/hostile?[a]|^`{}"),
    Passed("brackets-in-path", _start(b"GET /a[1].png HTTP/1.1"), target="/a[1].png"),
    Passed("bar-and-caret-in-path", _start(b"GET /a|b^c HTTP/1.1"), target="/a|b^c"),
    Passed("backslash-in-query", _start(b"GET /?path=C:\\temp HTTP/1.1"), target="/?path=C:\\temp"),
    Passed("percent-at-end-of-query", _start(b"GET /sale?discount=50% HTTP/1.1"), target="/sale?discount=50%"),
    Passed("percent-in-query", _start(b"GET /?a=100%&b=%g0&c=%4&d=%% HTTP/1.1"), target="/?a=100%&b=%g0&c=%4&d=%%"),
    Passed("escape-of-javascript-in-query", _start(b"GET /?u=%u00e9 HTTP/1.1"), target="/?u=%u00e9"),
    Passed("utf8-in-path", _start("GET /höstile/漢 HTTP/1.1".encode()), target="/höstile/漢".encode().decode("latin-1")),
    Passed("utf8-in-query", _start("GET /?q=smile😀 HTTP/1.1".encode()), target="/?q=smile😀".encode().decode("latin-1")),
    Passed("method-of-32-bytes", _start(b"M" * 32 + b" /hostile HTTP/1.1"), method="M" * 32),
    Passed("empty-query", _start(b"GET /hostile? HTTP/1.1"), target="/hostile?"),
    Passed("marks-in-path", _start(b"GET /a;b=c/d:e@f/$-_.+!*'(), HTTP/1.1"), target="/a;b=c/d:e@f/$-_.+!*'(),"),
    Passed("escapes-preserved", _start(b"GET /%41%2f%2F%e4 HTTP/1.1"), target="/%41%2f%2F%e4"),
    Passed("double-slash", _start(b"GET //evil.test/hostile HTTP/1.1"), target="//evil.test/hostile"),
    Passed("dots-that-stay-inside", _start(b"GET /a/../hostile HTTP/1.1"), target="/a/../hostile"),
    Passed("http10", _start(b"GET /hostile HTTP/1.0"), via="1.0", ends=True),
    Passed("http10-keep-alive", _start(b"GET /hostile HTTP/1.0", b"Connection: Keep-Alive"), via="1.0"),
    Passed("connection-close", head(b"Connection: close"), ends=True),
]

# Authority: RFC 9112 3.2.2, RFC 3986 3.2, 6.2.2.1.
_AUTHORITIES = [
    Passed("host-with-port", b"GET /hostile HTTP/1.1\r\nHost: <host>:8080\r\n\r\n", authority="<host>:8080"),
    Passed("host-with-highest-port", b"GET /hostile HTTP/1.1\r\nHost: <host>:65535\r\n\r\n", authority="<host>:65535"),
    Passed("host-with-empty-port", b"GET /hostile HTTP/1.1\r\nHost: <host>:\r\n\r\n"),
    Passed("host-with-trailing-dot", b"GET /hostile HTTP/1.1\r\nHost: <host>.\r\n\r\n", authority="<host>."),
    Passed("absolute-wins", b"GET http://<host>/hostile?q HTTP/1.1\r\nHost: evil.test\r\n\r\n", target="/hostile?q"),
    Passed("absolute-with-port", b"GET http://<host>:81/hostile HTTP/1.1\r\nHost: <host>\r\n\r\n", authority="<host>:81"),
    Passed("absolute-with-empty-port", b"GET http://<host>:/hostile HTTP/1.1\r\nHost: <host>\r\n\r\n"),
    Passed("absolute-with-query-and-no-path", _start(b"GET http://<host>?a=b%\\ HTTP/1.1"), target="/?a=b%\\"),
    Passed("absolute-without-path", _start(b"GET http://<host> HTTP/1.1"), target="/"),
    Passed("absolute-scheme-in-capitals", _start(b"GET HTTP://<host>/hostile HTTP/1.1")),
    Passed("absolute-https-proves-nothing", _start(b"GET https://<host>/hostile HTTP/1.1")),
]

# Lengths and chunks: RFC 9110 8.6, RFC 9112 6 and 7.1. Trailers end here (RFC 9110 6.5.1), those that frame above all.
_BODIES = [
    _body("length", b"Content-Length: 5"),
    _body("length-with-zeros", b"Content-Length: 0005"),
    _body("length-of-18-digits", b"Content-Length: 000000000000000005"),
    _body("length-between-blanks", b"Content-Length:\t 5 \t"),
    Passed("length-0", post(b"Content-Length: 0"), method="POST", framing="Content-Length: 0"),
    Passed("length-0-on-get", head(b"Content-Length: 0"), framing="Content-Length: 0"),
    Passed("get-with-body", head(b"Content-Length: 5") + b"hello", framing="Content-Length: 5", body=b"hello"),
    _chunks("chunked", _HELLO, _HELLO),
    _chunks("chunked-in-capitals", _HELLO, _HELLO, b"Transfer-Encoding: CHUNKED"),
    _chunks("chunked-between-blanks", _HELLO, _HELLO, b"Transfer-Encoding: \t chunked \t"),
    _chunks("chunk-size-in-capitals", b"A\r\n0123456789\r\n0\r\n\r\n", b"a\r\n0123456789\r\n0\r\n\r\n"),
    _chunks("chunk-size-of-16-digits", b"0000000000000005\r\nhello\r\n0\r\n\r\n", _HELLO),
    _chunks("last-chunk-of-many-zeros", b"5\r\nhello\r\n000\r\n\r\n", _HELLO),
    _chunks("chunk-extension", b'5;a=b;c;d="e\\"f"\r\nhello\r\n0;g\r\n\r\n', _HELLO),
    _chunks("chunk-extension-with-white-space", b"5 ; a\t= b ;c= \"d\" ;e\r\nhello\r\n0\t;\tg\r\n\r\n", _HELLO),
    _chunks("chunk-extension-of-200", b"5;a=" + b"b" * 200 + b"\r\nhello\r\n0\r\n\r\n", _HELLO),
    _chunks("trailers-end-here", b"5\r\nhello\r\n0\r\nX: y\r\nDigest: z\r\n\r\n", _HELLO),
    _chunks("trailers-that-frame-end-here", b"5\r\nhello\r\n0\r\nContent-Length: 9\r\nHost: evil.test\r\n"
            b"Transfer-Encoding: chunked\r\nAuthorization: x\r\nX-Forwarded-For: y\r\n\r\n", _HELLO),
    Passed("trailer-field", post(b"Trailer: X", b"Transfer-Encoding: chunked", body=_HELLO), method="POST",
           framing="Transfer-Encoding: chunked", body=_HELLO),
]

# Hop-by-hop: RFC 9110 7.6.1, 7.8, 10.1.4; RFC 9113 3.1 (h2c never passes).
_HOPS = [
    Passed("te", head(b"TE: trailers, chunked", b"Connection: TE")),
    Passed("keep-alive", head(b"Connection: keep-alive", b"Keep-Alive: timeout=5, max=100")),
    Passed("proxy-fields", head(b"Proxy-Connection: keep-alive", b"Proxy-Authorization: Basic YTpi",
                                b"Proxy-Authenticate: Basic")),
    Passed("named-by-connection", head(b"Connection: x-custom, Y", b"X-Custom: 1", b"Z: 2", b"y: 3"), ("Z: 2",)),
    Passed("named-before-it-comes", head(b"X-Custom: 1", b"Connection: X-Custom", b"X-CUSTOM: 2")),
    Passed("named-in-second-connection", head(b"Connection: a", b"A: 1", b"Connection: b", b"B: 2", b"C: 3"), ("C: 3",)),
    Passed("empty-options", head(b"Connection: , ,close,"), ends=True),
    Passed("upgrade-h2c", head(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
                               b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")),
    Passed("upgrade-websocket", head(b"Connection: Upgrade", b"Upgrade: websocket",
                                     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13"),
           ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")),
    Passed("upgrade-without-connection", head(b"Upgrade: h2c")),
]

# weir itself names the client; names with "_" are dropped, since many readers take "_" for "-".
_IDENTITY = [
    Passed("forwarded-for", head(b"X-Forwarded-For: 10.9.8.7"), forwarded_for="10.9.8.7, 127.0.0.1"),
    Passed("forwarded-for-in-two-fields", head(b"X-Forwarded-For: 10.9.8.7", b"A: 1", b"x-forwarded-for: 10.6.5.4"),
           ("A: 1",), forwarded_for="10.9.8.7, 10.6.5.4, 127.0.0.1"),
    Passed("forwarded-for-empty", head(b"X-Forwarded-For:")),
    Passed("forwarded-for-nonsense", head(b"X-Forwarded-For: unknown, \"_x\""), forwarded_for="unknown, \"_x\", 127.0.0.1"),
    Passed("forwarded-proto", head(b"X-Forwarded-Proto: https")),
    Passed("forwarded-host", head(b"X-Forwarded-Host: evil.test")),
    Passed("real-ip", head(b"X-Real-IP: 10.9.8.7")),
    Passed("request-id", head(b"X-Request-ID: 0123456789abcdef0123456789abcdef")),
    Passed("forwarded", head(b"Forwarded: for=10.9.8.7;proto=https")),
    Passed("via-is-preserved", head(b"Via: 1.0 other"), ("Via: 1.0 other",)),
    Passed("underscore-dropped", head(b"X_Custom: 1", b"X-Custom: 2"), ("X-Custom: 2",)),
    Passed("underscore-forwarded-for", head(b"X_Forwarded_For: 10.9.8.7", b"X-Forwarded_For: 10.9.8.7")),
    Passed("underscore-length", head(b"Content_Length: 50")),
    Passed("underscore-coding", head(b"Transfer_Encoding: chunked")),
    Passed("underscore-host", head(b"_Host: evil.test", b"Host_: evil.test")),
    # httpoxy (CVE-2016-5385 and its kin): CGI programs take it for their environment's HTTP_PROXY.
    Passed("httpoxy", head(b"Proxy: http://evil.test:8080/", b"A: 1", b"pROXY: x"), ("A: 1",)),
    Passed("date", head(b"Date: Thu, 01 Jan 2026 00:00:00 GMT"), ("Date: Thu, 01 Jan 2026 00:00:00 GMT",)),
]

PASSED: List[Passed] = [*_FIELDS, *_LINES, *_AUTHORITIES, *_BODIES, *_HOPS, *_IDENTITY]
