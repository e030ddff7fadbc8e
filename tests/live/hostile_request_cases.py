# SPDX-License-Identifier: Apache-2.0
"""hostile_request_cases.py - requests that two readers could understand differently, family by family.

`<host>` stands for the host of the site under test. Behind each refused request the tests send a second one, to
/smuggled: a server that serves or forwards it has parsed the first in a way of its own. Families: shared rules on robustness.
"""

from dataclasses import dataclass
from typing import Dict, List, Tuple

CRLF = b"\r\n"


@dataclass(frozen=True)
class Refused:
    """What must be refused: `status` once, then the end of the connection; nothing of it reaches an upstream.

    in_body: the fault is behind the head. What came before it may be on its way already; what the upstream has then is a
    request without an end, on a connection that ends.
    """

    name: str
    data: bytes
    status: int = 400
    in_body: bool = False
    split: bool = False


def head(*lines: bytes, start: bytes = b"GET /hostile HTTP/1.1", host: bool = True) -> bytes:
    """A head of these lines, each ended by CRLF."""
    named = (b"Host: <host>",) if host else ()
    return CRLF.join((start, *named, *lines)) + CRLF + CRLF


def post(*lines: bytes, body: bytes = b"") -> bytes:
    return head(*lines, start=b"POST /hostile HTTP/1.1") + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


def _named(family: str, cases: Dict[str, bytes], status: int = 400, in_body: bool = False,
           split: Tuple[str, ...] = ()) -> List[Refused]:
    return [Refused(f"{family}-{name}", data, status, in_body, name in split) for name, data in cases.items()]


_SMUGGLED_BODY = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: <host>\r\nX: "

# RFC 9112 6.3 point 3: a message with both fields "ought to be handled as an error". CL.TE, TE.CL, and all mixtures.
BOTH_FIELDS = _named("both", {
    "cl-te": post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=b"0\r\n\r\nG"),
    "te-cl": post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"5c\r\nGPOST / HTTP/1.1\r\n"),
    "cl-0-te": post(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=_SMUGGLED_BODY),
    "te-cl-0": post(b"Transfer-Encoding: chunked", b"Content-Length: 0", body=_SMUGGLED_BODY),
    "equal-length": post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "on-get": head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "on-head": head(b"Transfer-Encoding: chunked", b"Content-Length: 5", start=b"HEAD /hostile HTTP/1.1") + b"0\r\n\r\n",
    "odd-case": post(b"cOnTENT-lENGTH: 5", b"tRANSFER-eNCODING: chunked", body=b"0\r\n\r\n"),
    "far-apart": post(b"Content-Length: 5", *(b"X-%d: y" % n for n in range(60)), b"Transfer-Encoding: chunked",
                      body=b"0\r\n\r\n"),
    "identity": post(b"Content-Length: 5", b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
    "te-twice-cl": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", b"Content-Length: 5",
                        body=b"0\r\n\r\n"),
    "cl-twice-te": post(b"Content-Length: 5", b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "te-empty-cl": post(b"Transfer-Encoding:", b"Content-Length: 5", body=b"0\r\n\r\n"),
    "cl-empty-te": post(b"Content-Length:", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "te-named-by-connection": post(b"Connection: Transfer-Encoding", b"Transfer-Encoding: chunked", b"Content-Length: 5",
                                   body=b"0\r\n\r\n"),
    "http10": head(b"Content-Length: 5", b"Transfer-Encoding: chunked", start=b"POST /hostile HTTP/1.0") + b"0\r\n\r\n",
}, split=("cl-te", "te-cl"))


def _te(value: bytes) -> bytes:
    return post(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n")


# RFC 9112 6.1: only `chunked`, alone, is understood.
TRANSFER_ENCODING = _named("te", {
    "twice-in-list": _te(b"chunked, chunked"),
    "twice-in-fields": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "leading-comma": _te(b",chunked"),
    "trailing-comma": _te(b"chunked,"),
    "empty": _te(b""),
    "identity": _te(b"identity"),
    "identity-chunked": _te(b"identity, chunked"),
    "chunked-identity": _te(b"chunked, identity"),
    "gzip": _te(b"gzip"),
    "gzip-chunked": _te(b"gzip, chunked"),
    "prefix": _te(b"xchunked"),
    "suffix": _te(b"chunkedx"),
    "inside-space": _te(b"chun ked"),
    "parameter": _te(b"chunked;q=1"),
    "double-quotes": _te(b'"chunked"'),
    "single-quotes": _te(b"'chunked'"),
    "escape": _te(b"chunke%64"),
    "vertical-tab-before": _te(b"\x0bchunked"),
    "vertical-tab-behind": _te(b"chunked\x0b"),
    "form-feed": _te(b"\x0cchunked"),
    "nul-before": _te(b"\x00chunked"),
    "nul-behind": _te(b"chunked\x00"),
    "nbsp-before": _te(b"\xa0chunked"),
    "nbsp-behind": _te(b"chunked\xa0"),
    "nel-before": _te(b"\x85chunked"),
    "utf8-look-alike": _te("ｃhunked".encode()),
    "cow-then-chunked": post(b"Transfer-Encoding: cow", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunked-then-cow": post(b"Transfer-Encoding: chunked", b"Transfer-encoding: cow", body=b"0\r\n\r\n"),
    "http10": head(b"Transfer-Encoding: chunked", start=b"POST /hostile HTTP/1.0") + b"0\r\n\r\n",
    "http10-keep-alive": head(b"Connection: keep-alive", b"Transfer-Encoding: chunked",
                              start=b"POST /hostile HTTP/1.0") + b"0\r\n\r\n",
    "folded": post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n"),
    "space-before-colon": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "tab-before-colon": post(b"Transfer-Encoding\t: chunked", body=b"0\r\n\r\n"),
    "nul-in-name": post(b"Transfer\x00-Encoding: chunked", body=b"0\r\n\r\n"),
    "behind-bare-lf": post(b"X: y\nTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "behind-bare-cr": post(b"X: y\rTransfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "leading-space-line": post(b" Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
}, split=("twice-in-list", "folded"))


def _cl(value: bytes) -> bytes:
    return post(b"Content-Length: " + value, body=b"hello")


# RFC 9110 8.6: 1*DIGIT, once; at most 18 digits here, so that no sum of ours overflows.
CONTENT_LENGTH = _named("cl", {
    "empty": _cl(b""),
    "empty-then-full": post(b"Content-Length:", b"Content-Length: 5", body=b"hello"),
    "full-then-empty": post(b"Content-Length: 5", b"Content-Length:", body=b"hello"),
    "plus": _cl(b"+5"),
    "minus": _cl(b"-5"),
    "minus-zero": _cl(b"-0"),
    "hex": _cl(b"0x5"),
    "octal": _cl(b"0o5"),
    "underscore": _cl(b"5_0"),
    "inside-space": _cl(b"5 0"),
    "fraction": _cl(b"5.0"),
    "exponent": _cl(b"5e0"),
    "suffix": _cl(b"5l"),
    "list-equal": _cl(b"5, 5"),
    "list-tight": _cl(b"5,5"),
    "list-different": _cl(b"5, 0"),
    "trailing-comma": _cl(b"5,"),
    "semicolon": _cl(b"5;"),
    "quotes": _cl(b'"5"'),
    "twice-equal": post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "twice-different": post(b"Content-Length: 5", b"Content-Length: 0", body=b"hello"),
    "twice-odd-case": post(b"Content-Length: 5", b"content-length: 5", body=b"hello"),
    "19-digits": _cl(b"0000000000000000005"),
    "2-to-63-less-1": _cl(b"9223372036854775807"),
    "2-to-63": _cl(b"9223372036854775808"),
    "2-to-64-less-1": _cl(b"18446744073709551615"),
    "2-to-64": _cl(b"18446744073709551616"),
    "2-to-64-plus-5": _cl(b"18446744073709551621"),
    "80-digits": _cl(b"9" * 80),
    "utf8-digit": _cl("٥".encode()),
    "superscript": _cl("⁵".encode()),
    "nul": _cl(b"5\x00"),
    "vertical-tab": _cl(b"\x0b5"),
    "nbsp": _cl(b"\xa05"),
    "infinity": _cl(b"inf"),
    "space-before-colon": post(b"Content-Length : 5", body=b"hello"),
    "folded": post(b"Content-Length: 5", b" 0", body=b"hello"),
    "bare-cr": _cl(b"5\r0"),
    "bare-lf": _cl(b"5\nX: y"),
    "on-get-negative": head(b"Content-Length: -1"),
}, split=("empty-then-full", "2-to-64"))

# RFC 9112 7.1: chunk-size is 1*HEXDIG; 16 digits at most, judged before the shift.
CHUNK_SIZE = _named("chunk-size", {
    "missing": chunked(b"\r\nhello\r\n0\r\n\r\n"),
    "space-before": chunked(b" 5\r\nhello\r\n0\r\n\r\n"),
    "space-behind": chunked(b"5 \r\nhello\r\n0\r\n\r\n"),
    "tab-behind": chunked(b"5\t\r\nhello\r\n0\r\n\r\n"),
    "plus": chunked(b"+5\r\nhello\r\n0\r\n\r\n"),
    "minus": chunked(b"-5\r\nhello\r\n0\r\n\r\n"),
    "0x": chunked(b"0x5\r\nhello\r\n0\r\n\r\n"),
    "0x-zero": chunked(b"0x0\r\n\r\n"),
    "longest-valid-prefix": chunked(b"5g\r\nhello\r\n0\r\n\r\n"),
    "no-digit": chunked(b"g\r\nhello\r\n0\r\n\r\n"),
    "underscore": chunked(b"0_5\r\nhello\r\n0\r\n\r\n"),
    "comma": chunked(b"5,5\r\nhello\r\n0\r\n\r\n"),
    "h-suffix": chunked(b"5h\r\nhello\r\n0\r\n\r\n"),
    "17-digits": chunked(b"00000000000000005\r\nhello\r\n0\r\n\r\n"),
    "2-to-64": chunked(b"10000000000000000\r\nhello\r\n0\r\n\r\n"),
    "2-to-64-plus-5": chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    "sum-over-2-to-64": chunked(b"1\r\na\r\nffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "nul": chunked(b"5\x00\r\nhello\r\n0\r\n\r\n"),
    "nbsp": chunked(b"5\xa0\r\nhello\r\n0\r\n\r\n"),
    "wide-digit": chunked("５\r\nhello\r\n0\r\n\r\n".encode()),
    "bad-second": chunked(b"5\r\nhello\r\nxyz\r\n"),
    "last-is-00x": chunked(b"5\r\nhello\r\n0x\r\n\r\n"),
}, in_body=True, split=("longest-valid-prefix", "2-to-64"))

# RFC 9112 7.1: CRLF, and nothing else, behind size and data.
CHUNK_LINES = _named("chunk-line", {
    "lf-behind-size": chunked(b"5\nhello\r\n0\r\n\r\n"),
    "cr-behind-size": chunked(b"5\rhello\r\n0\r\n\r\n"),
    "cr-cr-lf": chunked(b"5\r\r\nhello\r\n0\r\n\r\n"),
    "lf-cr": chunked(b"5\n\rhello\r\n0\r\n\r\n"),
    "lf-behind-data": chunked(b"5\r\nhello\n0\r\n\r\n"),
    "cr-behind-data": chunked(b"5\r\nhello\r0\r\n\r\n"),
    "nothing-behind-data": chunked(b"5\r\nhello0\r\n\r\n"),
    "data-too-long": chunked(b"5\r\nhelloX\r\n0\r\n\r\n"),
    "data-too-long-by-crlf": chunked(b"5\r\nhello\r\n\r\n0\r\n\r\n"),
    "data-too-short": chunked(b"6\r\nhello\r\n0\r\n\r\n"),
    "lf-behind-last": chunked(b"5\r\nhello\r\n0\n\r\n"),
    "lf-as-end": chunked(b"5\r\nhello\r\n0\r\n\n"),
    "lf-lf": chunked(b"5\r\nhello\r\n0\n\n"),
    "cr-as-end": chunked(b"5\r\nhello\r\n0\r\n\rX"),
}, in_body=True, split=("lf-behind-size", "data-too-long"))

# RFC 9112 7.1.1: extensions of the grammar, white space in its places alone, and of bounded length. "TERM.EXT" and "EXT.TERM".
CHUNK_EXTENSIONS = _named("chunk-ext", {
    "lf": chunked(b"5;a\nhello\r\n0\r\n\r\n"),
    "lf-then-crlf": chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "cr": chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    "cr-before-semicolon": chunked(b"5\r;a\r\nhello\r\n0\r\n\r\n"),
    "nul": chunked(b"5;\x00\r\nhello\r\n0\r\n\r\n"),
    "nul-in-name": chunked(b"5;a\x00b\r\nhello\r\n0\r\n\r\n"),
    "del-in-value": chunked(b"5;a=\x7f\r\nhello\r\n0\r\n\r\n"),
    "space-and-no-extension": chunked(b"5 \r\nhello\r\n0\r\n\r\n"),
    "space-behind": chunked(b"5;a=b \r\nhello\r\n0\r\n\r\n"),
    "space-behind-name": chunked(b"5;a \r\nhello\r\n0\r\n\r\n"),
    "space-in-name": chunked(b"5;a b\r\nhello\r\n0\r\n\r\n"),
    "space-and-lf": chunked(b"5 \n;a=b\r\nhello\r\n0\r\n\r\n"),
    "space-and-cr": chunked(b"5; \ra=b\r\nhello\r\n0\r\n\r\n"),
    "vertical-tab-before": chunked(b"5\x0b;a=b\r\nhello\r\n0\r\n\r\n"),
    "nbsp-before": chunked(b"5\xa0;a=b\r\nhello\r\n0\r\n\r\n"),
    "too-much-space": chunked(b"5" + b" " * 300 + b";a\r\nhello\r\n0\r\n\r\n"),
    "empty": chunked(b"5;\r\nhello\r\n0\r\n\r\n"),
    "empty-name": chunked(b"5;=b\r\nhello\r\n0\r\n\r\n"),
    "empty-value": chunked(b"5;a=\r\nhello\r\n0\r\n\r\n"),
    "two-semicolons": chunked(b"5;;a\r\nhello\r\n0\r\n\r\n"),
    "open-quote": chunked(b'5;a="b\r\nhello\r\n0\r\n\r\n'),
    "lf-in-quotes": chunked(b'5;a="b\nc"\r\nhello\r\n0\r\n\r\n'),
    "crlf-in-quotes": chunked(b'5;a="\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"\r\nhello\r\n0\r\n\r\n'),
    "escaped-lf": chunked(b'5;a="\\\n"\r\nhello\r\n0\r\n\r\n'),
    "bytes-behind-quotes": chunked(b'5;a="b"c\r\nhello\r\n0\r\n\r\n'),
    "too-long": chunked(b"5;a=" + b"b" * 300 + b"\r\nhello\r\n0\r\n\r\n"),
    "far-too-long": chunked(b"5;a=" + b"b" * 100_000),
    "on-last-lf": chunked(b"5\r\nhello\r\n0;a\n\r\n"),
}, in_body=True, split=("lf", "cr-before-semicolon"))

# RFC 9112 7.1.2: trailers are field lines; RFC 9110 6.5.1: not those that frame. Checked like a head and bounded.
TRAILERS = _named("trailer", {
    "nul": chunked(b"0\r\nX: a\x00b\r\n\r\n"),
    "control": chunked(b"0\r\nX: a\x01b\r\n\r\n"),
    "no-colon": chunked(b"0\r\nX\r\n\r\n"),
    "empty-name": chunked(b"0\r\n: y\r\n\r\n"),
    "space-before-colon": chunked(b"0\r\nX : y\r\n\r\n"),
    "folded": chunked(b"0\r\nX: y\r\n z\r\n\r\n"),
    "leading-space": chunked(b"0\r\n X: y\r\n\r\n"),
    "lf": chunked(b"0\r\nX: y\n\r\n"),
    "lf-lf": chunked(b"0\r\nX: y\n\n"),
    "bare-cr": chunked(b"0\r\nX: y\rZ: w\r\n\r\n"),
    "cr-cr-lf": chunked(b"0\r\nX: y\r\r\n\r\n"),
    "high-byte-in-name": chunked(b"0\r\nX\x85: y\r\n\r\n"),
    "request-line": chunked(b"0\r\nGET /smuggled HTTP/1.1\r\nHost: <host>\r\n\r\n"),
    "section-too-long": chunked(b"0\r\n" + b"X: y\r\n" * 800 + b"\r\n"),
    "line-too-long": chunked(b"0\r\nX: " + b"y" * 5000 + b"\r\n\r\n"),
}, in_body=True, split=("nul", "folded"))

# RFC 9112 2.2: a bare CR is never a line end; bare LF may be one for others, so it is refused as well.
LINE_ENDS = _named("line", {
    "lf-everywhere": b"GET /hostile HTTP/1.1\nHost: <host>\n\n",
    "lf-behind-request-line": b"GET /hostile HTTP/1.1\nHost: <host>\r\n\r\n",
    "lf-behind-field": head(b"X: y\nY: z"),
    "lf-as-empty-line": b"GET /hostile HTTP/1.1\r\nHost: <host>\r\n\n",
    "lf-cr": b"GET /hostile HTTP/1.1\r\nHost: <host>\n\r\n\r\n",
    "cr-behind-request-line": b"GET /hostile HTTP/1.1\rHost: <host>\r\n\r\n",
    "cr-everywhere": b"GET /hostile HTTP/1.1\rHost: <host>\r\r",
    "cr-cr-lf": head(b"X: y\r"),
    "cr-in-value": head(b"X: a\rb"),
    "cr-in-name": head(b"X\rY: z"),
    "cr-in-target": b"GET /host\rile HTTP/1.1\r\nHost: <host>\r\n\r\n",
    "lf-in-target": b"GET /host\nile HTTP/1.1\r\nHost: <host>\r\n\r\n",
    "cr-as-empty-line": b"GET /hostile HTTP/1.1\r\nHost: <host>\r\n\rX: y\r\n\r\n",
    "lf-first": b"\n" + head(),
    "cr-first": b"\r" + head(),
    "two-empty-lines-first": b"\r\n\r\n" + head(),
    "lf-lf-first": b"\n\n" + head(),
    "space-line-first": b" \r\n" + head(),
    "lf-smuggles-head": head(b"X: y\n\nGET /smuggled HTTP/1.1\nHost: <host>"),
    "cr-smuggles-host": head(b"X: y\rHost: evil.test"),
}, split=("lf-everywhere", "cr-in-value", "two-empty-lines-first"))

# RFC 9112 5.2: obs-fold; 2.2: white space between the start line and the first field.
FOLDS = _named("fold", {
    "space": head(b"X: y", b" z"),
    "tab": head(b"X: y", b"\tz"),
    "of-host": b"GET /hostile HTTP/1.1\r\nHost:\r\n <host>\r\n\r\n",
    "empty-space-line": head(b"X: y", b" "),
    "empty-tab-line": head(b"X: y", b"\t"),
    "field-in-fold": head(b"X: y", b" Content-Length: 5"),
    "before-first-field": b"GET /hostile HTTP/1.1\r\n Host: <host>\r\n\r\n",
    "before-first-field-tab": b"GET /hostile HTTP/1.1\r\n\tX: y\r\nHost: <host>\r\n\r\n",
    "hides-second-host": b"GET /hostile HTTP/1.1\r\n Host: evil.test\r\nHost: <host>\r\n\r\n",
    "of-request-line": b"GET /hostile\r\n HTTP/1.1\r\nHost: <host>\r\n\r\n",
}, split=("space", "before-first-field"))

# RFC 9110 5.1: a name is a token, and nothing stands between it and its colon (RFC 9112 5.1).
FIELD_NAMES = _named("name", {
    "empty": head(b": y"),
    "empty-hides-length": post(b": y", b"Content-Length: 5", body=b"hello"),
    "space-before-colon": head(b"X : y"),
    "tab-before-colon": head(b"X\t: y"),
    "nul": head(b"X\x00Y: z"),
    "nul-before-colon": head(b"X\x00: y"),
    "nel-before-colon": head(b"X\x85: y"),
    "nbsp-before-colon": head(b"X\xa0: y"),
    "vertical-tab-before-colon": head(b"X\x0b: y"),
    "high-byte": head(b"X\xffY: z"),
    "utf8": head("Ключ: y".encode()),
    "del": head(b"X\x7f: y"),
    "inside-space": head(b"X Y: z"),
    "no-colon": head(b"XYZ"),
    "request-line-as-field": head(b"GET /smuggled HTTP/1.1"),
    "host-with-space": b"GET /hostile HTTP/1.1\r\nHost : <host>\r\n\r\n",
    **{f"separator-{ord(mark):02x}": head(b"X" + mark.encode() + b"Y: z") for mark in '(),/;<=>?@[\\]{}"'},
}, split=("empty", "space-before-colon", "nel-before-colon"))

# RFC 9110 5.5: no control bytes in a value but HTAB.
FIELD_VALUES = _named("value", {
    **{f"control-{byte:02x}": head(b"X: a" + bytes([byte]) + b"b")
       for byte in (0x00, 0x01, 0x07, 0x08, 0x0b, 0x0c, 0x0e, 0x1b, 0x1f, 0x7f)},
    "nul-first": head(b"X: \x00"),
    "nul-last": head(b"X: y\x00"),
    "nul-in-cookie": head(b"Cookie: a=b\x00; c=d"),
    "nul-in-forwarded-for": head(b"X-Forwarded-For: 10.0.0.1\x00, 10.0.0.2"),
    "escape-in-agent": head(b"User-Agent: \x1b[2J"),
}, split=("control-00",))


def _line(line: bytes) -> bytes:
    return line + b"\r\nHost: <host>\r\n\r\n"


# RFC 9112 3: method SP target SP HTTP-version CRLF. RFC 3986 for the target.
REQUEST_LINE = _named("request-line", {
    "lower-case-version": _line(b"GET /hostile http/1.1"),
    "minor-of-two-digits": _line(b"GET /hostile HTTP/1.10"),
    "major-of-two-digits": _line(b"GET /hostile HTTP/01.1"),
    "no-minor": _line(b"GET /hostile HTTP/1."),
    "no-dot": _line(b"GET /hostile HTTP/11"),
    "comma-version": _line(b"GET /hostile HTTP/1,1"),
    "version-suffix": _line(b"GET /hostile HTTP/1.1x"),
    "version-space": _line(b"GET /hostile HTTP /1.1"),
    "other-protocol": _line(b"GET /hostile HTTPS/1.1"),
    "rtsp": _line(b"OPTIONS * RTSP/1.0"),
    "trailing-space": _line(b"GET /hostile HTTP/1.1 "),
    "trailing-tab": _line(b"GET /hostile HTTP/1.1\t"),
    "two-spaces-first": _line(b"GET  /hostile HTTP/1.1"),
    "two-spaces-second": _line(b"GET /hostile  HTTP/1.1"),
    "tab-first": _line(b"GET\t/hostile HTTP/1.1"),
    "tab-second": _line(b"GET /hostile\tHTTP/1.1"),
    "vertical-tab": _line(b"GET\x0b/hostile HTTP/1.1"),
    "leading-space": _line(b" GET /hostile HTTP/1.1"),
    "only-method": _line(b"GET"),
    "no-target": _line(b"GET HTTP/1.1"),
    "empty-target": _line(b"GET  HTTP/1.1"),
    "empty-method": _line(b" /hostile HTTP/1.1"),
    "two-targets": _line(b"GET /hostile /smuggled HTTP/1.1"),
    "two-versions": _line(b"GET /hostile HTTP/1.1 HTTP/1.1"),
    "fragment": _line(b"GET /hostile#top HTTP/1.1"),
    "fragment-escapes-prefix": _line(b"GET /public#/../admin HTTP/1.1"),
    "no-slash": _line(b"GET hostile HTTP/1.1"),
    "relative": _line(b"GET ../hostile HTTP/1.1"),
    "asterisk-get": _line(b"GET * HTTP/1.1"),
    "asterisk-and-more": _line(b"OPTIONS *x HTTP/1.1"),
    "quote": _line(b'GET /"hostile" HTTP/1.1'),
    "angle": _line(b"GET /<script> HTTP/1.1"),
    "backslash": _line(b"GET /..\\hostile HTTP/1.1"),
    "backslash-first": _line(b"GET \\hostile HTTP/1.1"),
    "backquote-in-path": _line(b"GET /`hostile` HTTP/1.1"),
    "braces-in-path": _line(b"GET /{hostile} HTTP/1.1"),
    "nul": _line(b"GET /host\x00ile HTTP/1.1"),
    "del": _line(b"GET /host\x7file HTTP/1.1"),
    "utf8-overlong-slash": _line(b"GET /..\xc0\xafhostile HTTP/1.1"),
    "utf8-overlong-dot": _line(b"GET /\xe0\x80\xae\xe0\x80\xae/hostile HTTP/1.1"),
    "utf8-surrogate": _line(b"GET /\xed\xa0\x80 HTTP/1.1"),
    "utf8-above-unicode": _line(b"GET /?\xf4\x90\x80\x80 HTTP/1.1"),
    "utf8-cut": _line(b"GET /host\xc3 HTTP/1.1"),
    "utf8-cut-by-query": _line(b"GET /host\xe4\xb8?\xad HTTP/1.1"),
    "utf8-control": _line(b"GET /host\xc2\x85ile HTTP/1.1"),
    "high-byte": _line(b"GET /host\xffile HTTP/1.1"),
    "latin-1": _line(b"GET /?q=caf\xe9 HTTP/1.1"),
    "nel-as-space": _line(b"GET /hostile\x85HTTP/1.1"),
    "escaped-nul": _line(b"GET /host%00ile HTTP/1.1"),
    "escape-not-hex": _line(b"GET /host%zzile HTTP/1.1"),
    "escape-cut": _line(b"GET /hostile% HTTP/1.1"),
    "escape-cut-by-query": _line(b"GET /hostile%4?x HTTP/1.1"),
    "escape-one-digit": _line(b"GET /hostile%4 HTTP/1.1"),
    "escape-of-javascript-in-path": _line(b"GET /host%u00e9ile HTTP/1.1"),
    "escaped-nul-in-query": _line(b"GET /hostile?a=%00 HTTP/1.1"),
    "escaped-nul-behind-percent": _line(b"GET /hostile?a=%%00 HTTP/1.1"),
    "angle-in-query": _line(b"GET /hostile?a=<b> HTTP/1.1"),
    "fragment-in-query": _line(b"GET /hostile?a#b HTTP/1.1"),
    "method-with-space": _line(b"GE T /hostile HTTP/1.1"),
    "method-with-nul": _line(b"GET\x00 /hostile HTTP/1.1"),
    "method-with-high-byte": _line(b"G\xc9T /hostile HTTP/1.1"),
    "method-with-slash": _line(b"GET/1 /hostile HTTP/1.1"),
    "method-with-colon": _line(b"GET: /hostile HTTP/1.1"),
    "space-in-query": _line(b"GET /hostile?a b HTTP/1.1"),
    "tab-in-query": _line(b"GET /hostile?a\tb HTTP/1.1"),
    "method-in-quotes": _line(b'"GET" /hostile HTTP/1.1'),
    "method-with-crlf": _line(b"GET\r\nX: /hostile HTTP/1.1"),
    "connect-authority": _line(b"CONNECT <host>:443 HTTP/1.1"),
    "connect-path": _line(b"CONNECT /hostile HTTP/1.1"),
    "connect-absolute": _line(b"CONNECT http://<host>/ HTTP/1.1"),
}, split=("minor-of-two-digits", "fragment", "escape-cut", "utf8-cut", "escaped-nul-behind-percent")) + _named("method", {
    # RFC 9112 3: a method longer than any that is implemented.
    "of-33-bytes": _line(b"M" * 33 + b" /hostile HTTP/1.1"),
    "of-70000-bytes": _line(b"M" * 70_000 + b" /hostile HTTP/1.1"),
    "without-end": b"M" * 70_000,
}, status=501, split=("of-33-bytes",)) + _named("version", {
    # RFC 9110 15.6.6: a version that is well-formed and not ours.
    "2-0": _line(b"GET /hostile HTTP/2.0"),
    "3-0": _line(b"GET /hostile HTTP/3.0"),
    "1-2": _line(b"GET /hostile HTTP/1.2"),
    "1-9": _line(b"GET /hostile HTTP/1.9"),
    "0-9": _line(b"GET /hostile HTTP/0.9"),
    "9-9": _line(b"GET /hostile HTTP/9.9"),
}, status=505, split=("1-2",))


def _host(value: bytes) -> bytes:
    return head(b"Host: " + value, host=False)


# RFC 9110 7.2, RFC 9112 3.2: one Host, and in it one host[:port] of RFC 3986.
HOST = _named("host", {
    "missing": head(host=False),
    "empty": _host(b""),
    "twice-equal": head(b"Host: <host>"),
    "twice-different": head(b"Host: evil.test"),
    "twice-different-first": b"GET /hostile HTTP/1.1\r\nHost: evil.test\r\nHost: <host>\r\n\r\n",
    "list": _host(b"<host>, evil.test"),
    "list-tight": _host(b"<host>,evil.test"),
    "trailing-comma": _host(b"<host>,"),
    "two-words": _host(b"<host> evil.test"),
    "userinfo": _host(b"user@<host>"),
    "userinfo-hides": _host(b"<host>@evil.test"),
    "userinfo-password": _host(b"a:b@<host>"),
    "only-port-empty": _host(b":"),
    "port-empty-twice": _host(b"<host>::"),
    "port-0": _host(b"<host>:0"),
    "port-65536": _host(b"<host>:65536"),
    "port-wraps": _host(b"<host>:65616"),
    "port-huge": _host(b"<host>:99999999999999999999"),
    "port-leading-zero": _host(b"<host>:080"),
    "port-letters": _host(b"<host>:80a"),
    "port-plus": _host(b"<host>:+80"),
    "port-twice": _host(b"<host>:80:80"),
    "path": _host(b"<host>/hostile"),
    "query": _host(b"<host>?x"),
    "fragment": _host(b"<host>#x"),
    "url": _host(b"http://<host>/"),
    "backslash": _host(b"<host>\\evil.test"),
    "semicolon": _host(b"<host>;evil.test"),
    "escape": _host(b"%3Chost%3E.test"),
    "nul": _host(b"<host>\x00.evil.test"),
    "del": _host(b"<host>\x7f"),
    "utf8": _host("shöp.test".encode()),
    "quotes": _host(b'"<host>"'),
    "two-dots": _host(b"a..test"),
    "leading-dot": _host(b".<host>"),
    "two-trailing-dots": _host(b"<host>.."),
    "only-dot": _host(b"."),
    "label-of-64": _host(b"a" * 64 + b".test"),
    "name-of-254": _host(b".".join([b"a" * 62] * 4) + b".xx"),
    "number-as-name": _host(b"2130706433"),
    "ipv4-short": _host(b"127.1"),
    "ipv4-five-parts": _host(b"127.0.0.1.1"),
    "ipv4-256": _host(b"127.0.0.256"),
    "ipv4-octal": _host(b"0177.0.0.01"),
    "ipv6-bare": _host(b"::1"),
    "ipv6-open": _host(b"[::1"),
    "ipv6-rest": _host(b"[::1]x"),
    "ipv6-zone": _host(b"[fe80::1%25eth0]"),
    "ipv6-not-hex": _host(b"[::g]"),
    "ipv6-two-gaps": _host(b"[1::2::3]"),
    "ipv-future": _host(b"[v1.a]"),
}, split=("twice-different", "list", "port-65536"))

# RFC 9112 3.2.2: the absolute form wins, but must be correct, and Host must be there and correct as well.
ABSOLUTE = _named("absolute", {
    "no-host-field": b"GET http://<host>/hostile HTTP/1.1\r\n\r\n",
    "two-host-fields": b"GET http://<host>/hostile HTTP/1.1\r\nHost: <host>\r\nHost: <host>\r\n\r\n",
    "bad-host-field": b"GET http://<host>/hostile HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "userinfo": _line(b"GET http://user@<host>/hostile HTTP/1.1"),
    "userinfo-hides": _line(b"GET http://<host>@evil.test/hostile HTTP/1.1"),
    "empty-authority": _line(b"GET http:///hostile HTTP/1.1"),
    "nothing-behind": _line(b"GET http:// HTTP/1.1"),
    "one-slash": _line(b"GET http:/<host>/hostile HTTP/1.1"),
    "no-slash": _line(b"GET http:<host>/hostile HTTP/1.1"),
    "other-scheme": _line(b"GET ftp://<host>/hostile HTTP/1.1"),
    "file-scheme": _line(b"GET file:///etc/passwd HTTP/1.1"),
    "scheme-relative-port": _line(b"GET http://:80/hostile HTTP/1.1"),
    "port-0": _line(b"GET http://<host>:0/hostile HTTP/1.1"),
    "port-65536": _line(b"GET http://<host>:65536/hostile HTTP/1.1"),
    "only-port-empty": _line(b"GET http://:/hostile HTTP/1.1"),
    "query-without-authority": _line(b"GET http://?hostile HTTP/1.1"),
    "fragment": _line(b"GET http://<host>/hostile#x HTTP/1.1"),
    "comma": _line(b"GET http://<host>,evil.test/hostile HTTP/1.1"),
    "backslash": _line(b"GET http://<host>\\@evil.test/hostile HTTP/1.1"),
    "escaped-host": _line(b"GET http://%3chost%3e/hostile HTTP/1.1"),
    "authority-form": _line(b"GET <host>:80 HTTP/1.1"),
}, split=("userinfo-hides", "bad-host-field"))

# RFC 9110 7.6.1: what Connection names is dropped, so it may not name what must arrive.
CONNECTION = _named("connection", {
    **{f"names-{name.lower().decode()}": head(b"Connection: close, " + name, name + b": 10.0.0.1")
       for name in (b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host", b"X-Forwarded-Port", b"X-Real-IP",
                    b"X-Request-ID", b"Forwarded", b"Via", b"Authorization", b"Cookie")},
    "names-host": head(b"Connection: Host"),
    "names-content-length": post(b"Connection: Content-Length", b"Content-Length: 5", body=b"hello"),
    "names-transfer-encoding": post(b"Connection: Transfer-Encoding", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "odd-case": head(b"CONNECTION: x-FORWARDED-for", b"X-Forwarded-For: 10.0.0.1"),
    "in-second-field": head(b"Connection: close", b"Connection: X-Real-IP"),
    "no-token": head(b"Connection: a b"),
    "quotes": head(b'Connection: "close"'),
    "parameter": head(b"Connection: close;x"),
    "many-options": head(b"Connection: " + b",".join(b"a%d" % n for n in range(40))),
    "many-empty-options": head(b"Connection: " + b"," * 60),
})

# RFC 9110 10.1.1: an expectation that cannot be met is 417.
EXPECT = _named("expect", {
    "unknown": post(b"Expect: 200-ok", b"Content-Length: 5", body=b"hello"),
    "empty": post(b"Expect:", b"Content-Length: 5", body=b"hello"),
    "list": post(b"Expect: 100-continue, x", b"Content-Length: 5", body=b"hello"),
    "twice": post(b"Expect: 100-continue", b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
    "parameter": post(b"Expect: 100-continue;q=1", b"Content-Length: 5", body=b"hello"),
    "suffix": post(b"Expect: 100-continued", b"Content-Length: 5", body=b"hello"),
}, status=417, split=("unknown",)) + _named("expect", {
    # CVE families "Expect and 0.CL": the framing is judged whatever is expected.
    "with-both-fields": post(b"Expect: 100-continue", b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"hello"),
    "with-bad-length": post(b"Expect: 100-continue", b"Content-Length: +5", body=b"hello"),
    "obfuscated-name": post(b"Expect : 100-continue", b"Content-Length: 5", body=b"hello"),
})

# RFC 9110 7.6.2: 1*DIGIT, once; whoever reads another number ends the chain elsewhere.
MAX_FORWARDS = _named("max-forwards", {
    f"{method.decode().lower()}-{name}": head(*(b"Max-Forwards: " + value for value in values),
                                              start=method + b" /hostile HTTP/1.1")
    for method in (b"OPTIONS", b"TRACE")
    for name, values in {"empty": (b"",), "minus": (b"-1",), "plus": (b"+1",), "hex": (b"0x0",), "list": (b"0, 1",),
                         "fraction": (b"0.5",), "19-digits": (b"0" * 19,), "twice": (b"1", b"1"),
                         "twice-different": (b"0", b"1")}.items()
}, split=("options-list",)) + _named("max-forwards", {
    "named-by-connection": head(b"Connection: Max-Forwards", b"Max-Forwards: 0", start=b"OPTIONS /hostile HTTP/1.1"),
})

# RFC 9110 5.4, RFC 6585 5: bounds of a head.
SIZES = _named("size", {
    "head-over-64k": head(b"X: " + b"y" * 70_000),
    "head-of-many-lines": head(*(b"X-%d: %s" % (n, b"y" * 600) for n in range(120))),
    "129-fields": head(*(b"X-%d: y" % n for n in range(128))),
    "1000-fields": head(*(b"X-%d: y" % n for n in range(1000))),
    "name-of-257": head(b"n" * 257 + b": y"),
    "name-of-257-that-is-none": head(b"n" * 257 + b" : y"),
    "name-without-end": b"GET /hostile HTTP/1.1\r\nHost: <host>\r\n" + b"n" * 70_000,
    "value-without-end": b"GET /hostile HTTP/1.1\r\nHost: <host>\r\nX: " + b"v" * 70_000,
}, status=431) + _named("size", {
    "target-over-64k": _line(b"GET /" + b"h" * 70_000 + b" HTTP/1.1"),
    "target-without-end": b"GET /" + b"h" * 70_000,
    "query-over-64k": _line(b"GET /?" + b"q" * 70_000 + b" HTTP/1.1"),
}, status=414)

_CLIENT_HELLO = bytes.fromhex(
    "160301007a010000760303" + "5a" * 32 + "00" + "0004130113020100" + "0049" + "0000000f000d00000a73686f702e74657374"
    + "002b00030203040010000e000c02683208687474702f312e31") + b"\x00" * 32

# Other protocols at the port.
OTHER_PROTOCOLS = _named("protocol", {
    "http-0-9": b"GET /hostile\r\n",
    "http-0-9-and-head": b"GET /hostile\r\nHost: <host>\r\n\r\n",
    "http2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "tls-client-hello": _CLIENT_HELLO,
    "sslv2-hello": b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10",
    "proxy-v1": b"PROXY TCP4 10.0.0.1 10.0.0.2 1234 80\r\n" + head(),
    "proxy-v2": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12) + head(),
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "smtp": b"EHLO example.test\r\nMAIL FROM:<a@example.test>\r\n",
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "memcached": b"get key\r\n",
    "websocket-frame": b"\x81\x85\x01\x02\x03\x04hello",
    "response": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "nuls": b"\x00" * 64,
    "high-bytes": b"\xff" * 64,
    "json": b'{"a":1}\r\n\r\n',
}, split=("http2-preface", "tls-client-hello", "proxy-v1"))

# Requests whose Upgrade or HTTP2-Settings would be harmless, but whose Connection is not.
UPGRADE = _named("upgrade", {
    "bad-connection": head(b"Connection: Upgrade, a b", b"Upgrade: websocket"),
    "nul-in-upgrade": head(b"Connection: Upgrade", b"Upgrade: h2c\x00"),
    "folded-upgrade": head(b"Connection: Upgrade", b"Upgrade: websocket,", b" h2c"),
    "space-before-colon": head(b"Connection: Upgrade", b"Upgrade : h2c"),
    "h2c-with-both-fields": post(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
                                 b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", b"Content-Length: 5",
                                 b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
})

_INNER = b"GET /smuggled HTTP/1.1\r\nHost: inner.test\r\n\r\n"

# Refused by a rule of the site, in full knowledge of where the request ends: the next one on the connection is served.
IN_SYNC: List[Refused] = [
    Refused("in-sync-unknown-host", b"GET /hostile HTTP/1.1\r\nHost: nobody.test\r\n\r\n", 404),
    Refused("in-sync-unknown-host-absolute", _line(b"GET http://nobody.test/hostile HTTP/1.1"), 404),
    Refused("in-sync-unknown-host-with-body", b"POST /hostile HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: 5\r\n\r\n"
            b"hello", 404),
    Refused("in-sync-unknown-host-with-request-as-body", b"POST /hostile HTTP/1.1\r\nHost: nobody.test\r\n"
            b"Content-Length: %d\r\n\r\n" % len(_INNER) + _INNER, 404),
    Refused("in-sync-unknown-host-with-request-in-chunk", b"POST /hostile HTTP/1.1\r\nHost: nobody.test\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(_INNER), _INNER), 404),
    Refused("in-sync-trace", _line(b"TRACE /hostile HTTP/1.1"), 405),
    Refused("in-sync-trace-with-body", head(b"Content-Length: 5", start=b"TRACE /hostile HTTP/1.1") + b"hello", 405),
    Refused("in-sync-trace-with-max-forwards", head(b"Max-Forwards: 5", start=b"TRACE /hostile HTTP/1.1"), 405),
    Refused("in-sync-above-root", _line(b"GET /../hostile HTTP/1.1"), 400),
    Refused("in-sync-above-root-escaped", _line(b"GET /%2e%2E/hostile HTTP/1.1"), 400),
    Refused("in-sync-above-root-inside", _line(b"GET /a/../../hostile HTTP/1.1"), 400),
    Refused("in-sync-head-over-tenants-limit", head(b"X: " + b"y" * 33_000), 431),
    Refused("in-sync-cookie-of-60k", head(b"Cookie: " + b"a=b; " * 12_000), 431),
]

REFUSED: List[Refused] = [
    *BOTH_FIELDS, *TRANSFER_ENCODING, *CONTENT_LENGTH, *CHUNK_SIZE, *CHUNK_LINES, *CHUNK_EXTENSIONS, *TRAILERS,
    *LINE_ENDS, *FOLDS, *FIELD_NAMES, *FIELD_VALUES, *REQUEST_LINE, *HOST, *ABSOLUTE, *CONNECTION, *EXPECT, *MAX_FORWARDS,
    *SIZES,
    *OTHER_PROTOCOLS, *UPGRADE,
]
