/* SPDX-License-Identifier: Apache-2.0
 *
 * rewrite_test.c - heads as they leave: exact bytes for a table of cases; and for random heads that
 * the result fits its bound, reads again as one message, and keeps nothing that belongs to one hop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "node/flow/rewrite.h"
#include "node/wire/bytes.h"

#define ID   "0123456789abcdef"
#define DATE "Sat, 21 Nov 2026 03:55:51 GMT"

/* The fields that weir adds for a request from 192.0.2.7 whose client is 198.51.100.9. */
#define OWN(forwarded_for, host)                                                                   \
    "X-Forwarded-For: " forwarded_for "\r\nX-Forwarded-Proto: http\r\n"                            \
    "X-Forwarded-Host: " host "\r\nX-Real-IP: 198.51.100.9\r\nX-Request-ID: " ID "\r\n"            \
    "Via: 1.1 weir\r\n"
#define PEER "192.0.2.7"

static struct weir_addr addr_of(const char *text)
{
    struct weir_addr a;
    assert_int_equal(weir_addr_parse_ip(weir_span_cstr(text), &a), WEIR_OK);
    return a;
}

/* -- requests -- */

enum flag {
    TRUSTED = 1,
    HTTPS = 2,
    KEEP_UNDERSCORES = 8,
    CHANGES = 16, /* the tenant adds and removes fields */
    CDN_ID = 256,
};

static const struct weir_header added[] = {
    { WEIR_SPAN_LIT("X-Edge"), WEIR_SPAN_LIT("weir") },
    { WEIR_SPAN_LIT("X-Empty"), { NULL, 0 } }, /* as compile leaves an empty value */
};
static const struct weir_span removed[] = { WEIR_SPAN_LIT("server"), WEIR_SPAN_LIT("cookie"),
                                            WEIR_SPAN_LIT("x-many") };

static struct weir_tenant tenant_of(unsigned flags)
{
    struct weir_tenant t = { .underscores = WEIR_UNDERSCORES_DROP, .via = WEIR_SPAN_LIT("weir") };
    if (flags & KEEP_UNDERSCORES)
        t.underscores = WEIR_UNDERSCORES_KEEP;
    if (flags & CHANGES) {
        t.add_request = t.add_response = added;
        t.num_add_request = t.num_add_response = WEIR_ARRAY_LEN(added);
        t.remove_request = t.remove_response = removed;
        t.num_remove_request = t.num_remove_response = WEIR_ARRAY_LEN(removed);
    }
    return t;
}

/* A head as it leaves, in a heap block of exactly its bound. */
struct written {
    uint8_t *bytes;
    size_t len;
    struct weir_rewrite_marks marks;
};

static struct written write_request(const struct weir_h1_head *h, const uint8_t *bytes,
                                    unsigned flags)
{
    struct weir_addr peer = addr_of(PEER), client = addr_of("198.51.100.9");
    struct weir_tenant t = tenant_of(flags);
    struct weir_rewrite_request r = {
        .head = h,
        .bytes = bytes,
        .tenant = &t,
        .host = weir_span(bytes + h->authority_at, h->authority_len),
        .peer = &peer,
        .client = &client,
        .trusted = (flags & TRUSTED) != 0,
        .https = (flags & HTTPS) != 0,
        .request_id = WEIR_SPAN_LIT(ID),
        .cdn_id = flags & CDN_ID ? WEIR_SPAN_LIT("weir-edge") : WEIR_SPAN_EMPTY,
    };
    struct written w;
    if (r.host.len == 0)
        r.host = WEIR_SPAN_LIT("192.0.2.1:80");
    size_t max = weir_rewrite_request_max(&r);
    w.bytes = malloc(max);
    assert_non_null(w.bytes);
    w.len = weir_rewrite_request(&r, w.bytes, &w.marks);
    assert_true(w.len <= max);
    return w;
}

static void read_head(struct weir_h1_head *h, enum weir_h1_kind kind, struct weir_span bytes)
{
    weir_h1_head_init(h, kind, WEIR_HEAD_MAX);
    enum weir_step step = weir_h1_head_feed(h, bytes);
    if (step != WEIR_STEP_DONE)
        print_error("%s: %.*s\n", weir_h1_fault_name(h->fault), (int)bytes.len, bytes.at);
    assert_int_equal(step, WEIR_STEP_DONE);
    assert_int_equal(h->head_len, bytes.len);
}

static void assert_bytes(const struct written *w, const char *expect)
{
    if (w->len != strlen(expect) || memcmp(w->bytes, expect, w->len) != 0)
        print_error("wrote:\n%.*s\nexpected:\n%s\n", (int)w->len, (const char *)w->bytes, expect);
    assert_int_equal(w->len, strlen(expect));
    assert_memory_equal(w->bytes, expect, w->len);
}

struct request_case {
    unsigned flags;
    const char *in;
    const char *out;
};

static const struct request_case request_cases[] = {
    /* Fields stay in their order, in their spelling; white space around values does not. */
    { 0, "GET /a?b=c HTTP/1.1\r\nhOST: a.example\r\nuser-AGENT:x\r\nB: \t1 2 \t\r\nB:\r\n\r\n",
      "GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nuser-AGENT: x\r\nB: 1 2\r\nB: \r\n" OWN(
          PEER, "a.example") "\r\n" },
    /* RFC 9110 7.6.1: what belongs to this hop ends here, and so does what Connection names. */
    { 0,
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-one, close , X-TWO\r\nX-One: 1\r\nx-two: 2\r\n"
      "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
      "TE: trailers\r\nTrailer: x\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
      "Proxy-Authorization: Basic QQ==\r\nProxy-Authenticate: x\r\nX-Three: 3\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX-Three: 3\r\n" OWN(PEER, "a") "\r\n" },
    /* Framing is written anew. */
    { 0, "POST / HTTP/1.1\r\nContent-Length: 007\r\nHost: a\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\n" OWN(PEER, "a") "Content-Length: 7\r\n\r\n" },
    { 0, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\n" OWN(PEER, "a") "Content-Length: 0\r\n\r\n" },
    { 0, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\n" OWN(PEER,
                                           "a") "Content-Length: 999999999999999999\r\n\r\n" },
    { 0, "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\n" OWN(PEER, "a") "Transfer-Encoding: chunked\r\n\r\n" },
    { 0, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
      "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" OWN(
          PEER, "a") "Content-Length: 1\r\n\r\n" },
    /* RFC 9110 10.1.1: an expectation of HTTP/1.0 is ignored, and the upstream must not see it. */
    { 0, "PUT / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
      "PUT / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " PEER "\r\nX-Forwarded-Proto: http\r\n"
      "X-Forwarded-Host: a\r\nX-Real-IP: 198.51.100.9\r\nX-Request-ID: " ID
      "\r\nVia: 1.0 weir\r\nContent-Length: 1\r\n\r\n" },
    /* HTTP/1.0 without Host: the address that it came to. */
    { 0, "GET /old HTTP/1.0\r\n\r\n",
      "GET /old HTTP/1.1\r\nHost: 192.0.2.1:80\r\nX-Forwarded-For: " PEER
      "\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: 192.0.2.1:80\r\nX-Real-IP: 198.51.100.9\r\n"
      "X-Request-ID: " ID "\r\nVia: 1.0 weir\r\n\r\n" },
    /* The absolute form wins over Host, and leaves in origin form. */
    { 0, "GET http://A.example:8080/p?q HTTP/1.1\r\nHost: b.example\r\n\r\n",
      "GET /p?q HTTP/1.1\r\nHost: A.example:8080\r\n" OWN(PEER, "A.example:8080") "\r\n" },
    { 0, "GET http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a.example\r\n" OWN(PEER, "a.example") "\r\n" },
    /* RFC 9110 4.2.3: an empty path is "/", also in front of a query; an empty port is none. */
    { 0, "GET http://a.example?q HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "GET /?q HTTP/1.1\r\nHost: a.example\r\n" OWN(PEER, "a.example") "\r\n" },
    { 0, "OPTIONS http://a.example?q HTTP/1.1\r\nHost: a.example\r\n\r\n",
      "OPTIONS /?q HTTP/1.1\r\nHost: a.example\r\n" OWN(PEER, "a.example") "\r\n" },
    { 0, "GET / HTTP/1.1\r\nHost: a.example:\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a.example\r\n" OWN(PEER, "a.example") "\r\n" },
    { 0, "GET http://[::1]:/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: [::1]\r\n" OWN(PEER, "[::1]") "\r\n" },
    /* What clients write beside RFC 3986 leaves as it came. */
    { 0, "GET /[x]|^caf\xc3\xa9?100%&C:\\x%u00e9 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /[x]|^caf\xc3\xa9?100%&C:\\x%u00e9 HTTP/1.1\r\nHost: a\r\n" OWN(PEER, "a") "\r\n" },
    { 0, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\n" OWN(PEER, "a") "\r\n" },
    /* RFC 9112 3.2.4: "the last proxy ... MUST send a request-target of "*"". */
    { 0, "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\n" OWN(PEER, "a") "\r\n" },
    { 0, "OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "OPTIONS / HTTP/1.1\r\nHost: a\r\n" OWN(PEER, "a") "\r\n" },
    /* The path leaves as it came: routing alone reads it normalised. */
    { 0, "GET //x/%2e%2E/;y?%41#no HTTP/1.1\r\nHost: a\r\n\r\n", NULL },
    { 0, "GET //x/%2e%2E/;y?%41 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET //x/%2e%2E/;y?%41 HTTP/1.1\r\nHost: a\r\n" OWN(PEER, "a") "\r\n" },
    /* "_" reads as "-" at many servers. */
    { 0, "GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 1.1.1.1\r\nContent_Length: 9\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n" OWN(PEER, "a") "\r\n" },
    { KEEP_UNDERSCORES, "GET / HTTP/1.1\r\nHost: a\r\nx_y: 1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nx_y: 1\r\n" OWN(PEER, "a") "\r\n" },
    /* Forwarding fields of a peer that is not trusted: appended to, or replaced. */
    { 0,
      "GET / HTTP/1.1\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nHost: a\r\nX-Real-IP: 1.1.1.1\r\n"
      "X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: for=1.1.1.1\r\n"
      "X-Request-ID: fedcba9876543210\r\nx-forwarded-for:\r\nX-Forwarded-For: 3.3.3.3\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n" OWN("1.1.1.1, 2.2.2.2, 3.3.3.3, " PEER, "a") "\r\n" },
    /* Fields of a trusted peer are passed on, except the address and the id, which were read from
       them. */
    { TRUSTED,
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Host: shop\r\nForwarded: for=1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\n"
      "X-Request-ID: fedcba9876543210\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop\r\n"
      "Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 1.1.1.1, " PEER
      "\r\nX-Real-IP: 198.51.100.9\r\nX-Request-ID: " ID "\r\nVia: 1.1 weir\r\n\r\n" },
    { TRUSTED, "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n" OWN(PEER, "a") "\r\n" },
    { HTTPS, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: http\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " PEER "\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Host: a\r\nX-Real-IP: 198.51.100.9\r\nX-Request-ID: " ID
      "\r\nVia: 1.1 weir\r\n\r\n" },
    /* Earlier proxies stay in Via, before us. */
    { 0, "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 fred, 1.1 p.example\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 fred, 1.1 p.example\r\n" OWN(PEER, "a") "\r\n" },
    { CHANGES,
      "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nX-Many: 1\r\nX-Manyy: 2\r\nx-MANY: 3\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX-Manyy: 2\r\n" OWN(PEER,
                                                        "a") "X-Edge: weir\r\nX-Empty: \r\n\r\n" },
    { 0, "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n" OWN(PEER, "a") "\r\n" },
    /* RFC 9110 7.6.2: counted down, where it counts. */
    { 0, "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 010\r\nB: c\r\n\r\n",
      "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 9\r\nB: c\r\n" OWN(PEER, "a") "\r\n" },
    { 0, "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n",
      "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n" OWN(PEER, "a") "\r\n" },
    { 0, "GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 5\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 5\r\n" OWN(PEER, "a") "\r\n" },
    /* "Proxy" becomes HTTP_PROXY in the environment of a CGI program, which takes it for its own.
     */
    { 0, "GET / HTTP/1.1\r\nHost: a\r\nProxy: http://evil/\r\npROXY: x\r\nProxy-A: 1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nProxy-A: 1\r\n" OWN(PEER, "a") "\r\n" },
    { 0, "M-SEARCH /x HTTP/1.1\r\nHost: [2001:db8::1]:81\r\n\r\n",
      "M-SEARCH /x HTTP/1.1\r\nHost: [2001:db8::1]:81\r\n" OWN(PEER, "[2001:db8::1]:81") "\r\n" },
};

static void requests_leave_as_in_the_table(void **state)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(request_cases); i++) {
        const struct request_case *c = &request_cases[i];
        struct weir_h1_head h;
        if (c->out == NULL) { /* a row that must not get this far */
            weir_h1_head_init(&h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
            assert_int_equal(weir_h1_head_feed(&h, weir_span_cstr(c->in)), WEIR_STEP_FAIL);
            continue;
        }
        read_head(&h, WEIR_H1_REQUEST, weir_span_cstr(c->in));
        struct written w = write_request(&h, (const uint8_t *)c->in, c->flags);
        assert_bytes(&w, c->out);
        free(w.bytes);
    }
}

static void assert_mark(const struct written *w, uint32_t at, uint16_t len, const char *text)
{
    assert_int_equal(len, strlen(text));
    assert_true((size_t)at + len <= w->len);
    assert_memory_equal(w->bytes + at, text, len);
}

static void marks_point_at_what_the_record_shows(void **state)
{
    static const char in[] = "GET http://a.example:81/p?q HTTP/1.1\r\nHost: b\r\n"
                             "REFERER: http://r/\r\nuser-agent: curl/8\r\n\r\n";
    struct weir_h1_head h;
    read_head(&h, WEIR_H1_REQUEST, weir_span_cstr(in));
    struct written w = write_request(&h, (const uint8_t *)in, 0);
    assert_mark(&w, w.marks.target_at, w.marks.target_len, "/p?q");
    assert_mark(&w, w.marks.host_at, w.marks.host_len, "a.example:81");
    assert_mark(&w, w.marks.referer_at, w.marks.referer_len, "http://r/");
    assert_mark(&w, w.marks.agent_at, w.marks.agent_len, "curl/8");
    free(w.bytes);
}

/* Fault 6, RFC 8586 2: what others wrote stays, in order, and weir's identity is the last. */
static void the_own_identity_is_appended_to_cdn_loop(void **state)
{
    static const char in[] = "GET / HTTP/1.1\r\nHost: b\r\nCDN-Loop: a;v=1, b\r\ncdn-loop:\r\n"
                             "cdn-loop: c\r\n\r\n";
    static const char out[] = "\r\nCDN-Loop: a;v=1, b, c, weir-edge\r\n";
    struct weir_h1_head h;
    read_head(&h, WEIR_H1_REQUEST, weir_span_cstr(in));
    struct written w = write_request(&h, (const uint8_t *)in, CDN_ID);
    assert_non_null(memmem(w.bytes, w.len, out, sizeof(out) - 1));
    free(w.bytes);
}

static void fields_that_are_dropped_leave_no_marks(void **state)
{
    static const char in[] = "GET / HTTP/1.1\r\nHost: b\r\nConnection: user-agent\r\n"
                             "user-agent: curl/8\r\n\r\n";
    struct weir_h1_head h;
    read_head(&h, WEIR_H1_REQUEST, weir_span_cstr(in));
    struct written w = write_request(&h, (const uint8_t *)in, 0);
    assert_int_equal(w.marks.agent_len, 0);
    assert_int_equal(w.marks.referer_len, 0);
    free(w.bytes);
}

/* -- responses -- */

enum response_flag {
    TO_HEAD = 1,
    CHUNKED = 2,
    CLOSE = 4,
    OLD_CLIENT = 8, /* HTTP/1.0 */
    NOBODYS = 32,   /* no tenant */
};

static struct written write_response(const struct weir_h1_head *h, const uint8_t *bytes,
                                     unsigned flags)
{
    struct weir_tenant t = tenant_of(flags & CHANGES);
    struct weir_rewrite_response r = {
        .head = h,
        .bytes = bytes,
        .tenant = flags & NOBODYS ? NULL : &t,
        .downstream_minor = flags & OLD_CLIENT ? 0 : 1,
        .head_request = (flags & TO_HEAD) != 0,
        .chunked = (flags & CHUNKED) != 0,
        .close = (flags & CLOSE) != 0,
        .date = DATE,
    };
    struct written w = { .len = 0 };
    size_t max = weir_rewrite_response_max(&r);
    w.bytes = malloc(max);
    assert_non_null(w.bytes);
    w.len = weir_rewrite_response(&r, w.bytes);
    assert_true(w.len <= max);
    return w;
}

static const struct request_case response_cases[] = {
    { 0, "HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 012\r\nserver:nginx\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: then\r\nserver: nginx\r\nVia: 1.1 weir\r\nContent-Length: "
      "12\r\n\r\n" },
    /* RFC 9110 6.6.1: a recipient that forwards a response without Date adds the time of its
       arrival. */
    { 0, "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 404 \r\nDate: " DATE "\r\nVia: 1.1 weir\r\nContent-Length: 0\r\n\r\n" },
    { 0, "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 404 \r\nDate: " DATE "\r\nVia: 1.1 weir\r\nContent-Length: 0\r\n\r\n" },
    { 0, "HTTP/1.1 200 OK\r\nConnection: date\r\nDate: then\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: " DATE "\r\nVia: 1.1 weir\r\nContent-Length: 0\r\n\r\n" },
    { CHUNKED, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: Chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: d\r\nVia: 1.1 weir\r\nTransfer-Encoding: chunked\r\n\r\n" },
    /* Until the connection ends, from a server of HTTP/1.0. */
    { CHUNKED, "HTTP/1.0 200 OK\r\nDate: d\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: d\r\nVia: 1.0 weir\r\nTransfer-Encoding: chunked\r\n\r\n" },
    { CLOSE | OLD_CLIENT, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: d\r\nVia: 1.1 weir\r\nConnection: close\r\n\r\n" },
    { OLD_CLIENT, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 3\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: d\r\nVia: 1.1 weir\r\nContent-Length: 3\r\n"
      "Connection: keep-alive\r\n\r\n" },
    { CLOSE, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: d\r\nVia: 1.1 weir\r\nContent-Length: 3\r\n"
      "Connection: close\r\n\r\n" },
    /* What HEAD declares of a body that does not follow. */
    { TO_HEAD, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 123\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: d\r\nVia: 1.1 weir\r\nContent-Length: 123\r\n\r\n" },
    { TO_HEAD, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: d\r\nVia: 1.1 weir\r\nTransfer-Encoding: chunked\r\n\r\n" },
    { TO_HEAD | OLD_CLIENT, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: d\r\nVia: 1.1 weir\r\nConnection: keep-alive\r\n\r\n" },
    { 0, "HTTP/1.1 304 Not Modified\r\nDate: d\r\nContent-Length: 77\r\nETag: \"e\"\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nDate: d\r\nETag: \"e\"\r\nVia: 1.1 weir\r\n"
      "Content-Length: 77\r\n\r\n" },
    /* RFC 9110 8.6: no Content-Length in a 1xx or 204. */
    { 0, "HTTP/1.1 204 No Content\r\nDate: d\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 204 No Content\r\nDate: d\r\nVia: 1.1 weir\r\n\r\n" },
    { CHANGES | CLOSE, "HTTP/1.1 100 Continue\r\nServer: s\r\nLink: </a>\r\n\r\n",
      "HTTP/1.1 100 Continue\r\nLink: </a>\r\nVia: 1.1 weir\r\n\r\n" },
    { OLD_CLIENT, "HTTP/1.1 103 Early Hints\r\n\r\n",
      "HTTP/1.1 103 Early Hints\r\nVia: 1.1 weir\r\n\r\n" },
    /* Hop by hop, and a tenant's changes. */
    { CHANGES,
      "HTTP/1.1 200 OK\r\nDate: d\r\nServer: s\r\nSet-Cookie: a\r\nConnection: x-a, close\r\n"
      "X-A: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nProxy-Authenticate: x\r\nTrailer: T\r\n"
      "Set-Cookie: b\r\nContent-Length: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nDate: d\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nVia: 1.1 weir\r\n"
      "X-Edge: weir\r\nX-Empty: \r\nContent-Length: 1\r\n\r\n" },
    { NOBODYS, "HTTP/1.1 599 Odd\r\nDate: d\r\nX_Y: kept\r\nContent-Length: 1\r\n\r\n",
      "HTTP/1.1 599 Odd\r\nDate: d\r\nX_Y: kept\r\nVia: 1.1 weir\r\nContent-Length: 1\r\n\r\n" },
};

static void responses_leave_as_in_the_table(void **state)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(response_cases); i++) {
        const struct request_case *c = &response_cases[i];
        struct weir_h1_head h;
        read_head(&h, WEIR_H1_RESPONSE, weir_span_cstr(c->in));
        struct written w = write_response(&h, (const uint8_t *)c->in, c->flags);
        assert_bytes(&w, c->out);
        free(w.bytes);
    }
}

/* -- any head -- */

static const char *const names[] = { "Accept",
                                     "Connection",
                                     "Content-Length",
                                     "Transfer-Encoding",
                                     "TE",
                                     "Trailer",
                                     "Upgrade",
                                     "Keep-Alive",
                                     "Proxy-Connection",
                                     "X-One",
                                     "X-Two",
                                     "x_under",
                                     "X-Forwarded-For",
                                     "X-Forwarded-Proto",
                                     "Expect",
                                     "X-Real-IP",
                                     "X-Forwarded-Host",
                                     "X-Request-ID",
                                     "Forwarded",
                                     "Via",
                                     "Date",
                                     "User-Agent",
                                     "Referer",
                                     "Cookie",
                                     "Server",
                                     "X-Many",
                                     "Proxy-Authenticate" };
static const char *const values[] = { "",  "1",         "chunked",          "x-one, x-two", "close",
                                      "a", "x-one",     "100-continue",     "trailers",     "5",
                                      " ", "\t x \t",   "1.2.3.4, 5.6.7.8", "keep-alive",   ",",
                                      "b", "user-agent" };

static size_t add_text(char *at, size_t len, const char *text)
{
    memcpy(at + len, text, strlen(text));
    return len + strlen(text);
}

static size_t random_head(struct weir_rng *rng, enum weir_h1_kind kind, char *out)
{
    static const char *const requests[] = { "GET / HTTP/1.1\r\n",
                                            "HEAD /a?b HTTP/1.0\r\n",
                                            "POST http://a.example HTTP/1.1\r\n",
                                            "PUT http://b.example:8/x?y HTTP/1.1\r\n",
                                            "OPTIONS * HTTP/1.1\r\n",
                                            "X /%41 HTTP/1.1\r\n" };
    static const char *const responses[] = {
        "HTTP/1.1 200 OK\r\n",           "HTTP/1.0 200 OK\r\n", "HTTP/1.1 204\r\n",
        "HTTP/1.1 304 Not Modified\r\n", "HTTP/1.1 103 Hm\r\n", "HTTP/1.1 500 \xc3\xa9\r\n",
        "HTTP/1.1 404 Oh No\r\n"
    };
    size_t len = 0;
    if (kind == WEIR_H1_REQUEST) {
        len = add_text(out, len, requests[weir_rng_below(rng, WEIR_ARRAY_LEN(requests))]);
        len = add_text(out, len, "Host:c.example\r\n");
    } else {
        len = add_text(out, len, responses[weir_rng_below(rng, WEIR_ARRAY_LEN(responses))]);
    }
    for (uint64_t num = weir_rng_below(rng, 12); num > 0; num--) {
        size_t from = len;
        len = add_text(out, len, names[weir_rng_below(rng, WEIR_ARRAY_LEN(names))]);
        for (size_t i = from; i < len; i++)
            if (weir_rng_below(rng, 8) == 0)
                out[i] = (char)weir_ascii_lower((uint8_t)out[i]);
        len = add_text(out, len, weir_rng_below(rng, 2) ? ":" : ": ");
        len = add_text(out, len, values[weir_rng_below(rng, WEIR_ARRAY_LEN(values))]);
        len = add_text(out, len, "\r\n");
    }
    return add_text(out, len, "\r\n");
}

/* Whether any Connection field of the received head names this field. */
static bool named_by_connection(const struct weir_h1_head *h, const uint8_t *bytes,
                                struct weir_span name)
{
    for (size_t i = 0; i < h->num_fields; i++) {
        const struct weir_h1_field *f = &h->fields[i];
        if (f->id != WEIR_FIELD_CONNECTION)
            continue;
        struct weir_span list = weir_h1_value(bytes, f);
        for (size_t at = 0; at <= list.len;) {
            size_t end = at;
            while (end < list.len && list.at[end] != ',')
                end++;
            struct weir_span one = weir_bytes_trim(weir_span(list.at + at, end - at));
            if (one.len > 0 && weir_span_eq_nocase(one, name))
                return true;
            at = end + 1;
        }
    }
    return false;
}

static void assert_no_hop_field(const struct weir_h1_head *in, const uint8_t *in_bytes,
                                const struct weir_h1_head *out, const uint8_t *bytes,
                                bool may_send_connection)
{
    for (size_t i = 0; i < out->num_fields; i++) {
        const struct weir_h1_field *f = &out->fields[i];
        if (f->id == WEIR_FIELD_TRANSFER_ENCODING) {
            assert_true(weir_span_eq(weir_h1_value(bytes, f), WEIR_SPAN_LIT("chunked")));
            continue;
        }
        if (f->id == WEIR_FIELD_CONNECTION) {
            assert_true(may_send_connection);
            continue;
        }
        assert_false(f->hop);
        if (f->id != WEIR_FIELD_DATE)
            assert_false(named_by_connection(in, in_bytes, weir_h1_name(bytes, f)));
    }
}

static void random_requests_read_again_as_the_same_request(void **state)
{
    static char in[4096];
    struct weir_rng rng;
    unsigned good = 0;
    weir_rng_init(&rng, 9110);
    for (int round = 0; round < 60000; round++) {
        struct weir_h1_head h, again;
        size_t len = random_head(&rng, WEIR_H1_REQUEST, in);
        unsigned flags = (unsigned)weir_rng_below(&rng, 32);
        weir_h1_head_init(&h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
        if (weir_h1_head_feed(&h, weir_span(in, len)) != WEIR_STEP_DONE)
            continue;
        good++;
        const uint8_t *bytes = (const uint8_t *)in;
        struct written w = write_request(&h, bytes, flags);
        read_head(&again, WEIR_H1_REQUEST, weir_span(w.bytes, w.len));
        assert_int_equal(again.minor, 1);
        assert_int_equal(again.method, h.method);
        assert_true(weir_span_eq(weir_span(w.bytes + again.method_at, again.method_len),
                                 weir_span(bytes + h.method_at, h.method_len)));
        assert_int_equal(weir_h1_body_of(&again, WEIR_METHOD_OTHER),
                         weir_h1_body_of(&h, WEIR_METHOD_OTHER));
        assert_int_equal(again.has_content_length, h.has_content_length);
        assert_int_equal(again.content_length, h.content_length);
        assert_int_equal(again.expect_continue,
                         h.expect_continue &&
                             !named_by_connection(&h, bytes, WEIR_SPAN_LIT("expect")));
        assert_true(weir_span_eq(weir_span(w.bytes + again.authority_at, again.authority_len),
                                 weir_span(bytes + h.authority_at, h.authority_len)));
        assert_no_hop_field(&h, bytes, &again, w.bytes, false);
        free(w.bytes);
    }
    assert_true(good > 6000);
}

static void random_responses_read_again_as_the_same_response(void **state)
{
    static char in[4096];
    struct weir_rng rng;
    unsigned good = 0;
    weir_rng_init(&rng, 9112);
    for (int round = 0; round < 60000; round++) {
        struct weir_h1_head h, again;
        size_t len = random_head(&rng, WEIR_H1_RESPONSE, in);
        weir_h1_head_init(&h, WEIR_H1_RESPONSE, WEIR_HEAD_MAX);
        if (weir_h1_head_feed(&h, weir_span(in, len)) != WEIR_STEP_DONE)
            continue;
        good++;
        const uint8_t *bytes = (const uint8_t *)in;
        enum weir_h1_body body = weir_h1_body_of(&h, WEIR_METHOD_GET);
        bool chunked = body == WEIR_BODY_CHUNKED || body == WEIR_BODY_CLOSE;
        unsigned flags = (unsigned)weir_rng_below(&rng, 2) * CLOSE |
                         (unsigned)weir_rng_below(&rng, 2) * CHANGES | (chunked ? CHUNKED : 0);
        struct written w = write_response(&h, bytes, flags);
        read_head(&again, WEIR_H1_RESPONSE, weir_span(w.bytes, w.len));
        assert_int_equal(again.minor, 1);
        assert_int_equal(again.status, h.status);
        assert_true(weir_span_eq(weir_span(w.bytes + again.reason_at, again.reason_len),
                                 weir_span(bytes + h.reason_at, h.reason_len)));
        assert_int_equal(weir_h1_body_of(&again, WEIR_METHOD_GET),
                         body == WEIR_BODY_CLOSE ? WEIR_BODY_CHUNKED : body);
        if (body == WEIR_BODY_LENGTH)
            assert_int_equal(again.content_length, h.content_length);
        if (h.status >= 200) {
            assert_int_equal(weir_h1_keeps_alive(&again), !(flags & CLOSE));
            assert_non_null(weir_h1_find(&again, WEIR_FIELD_DATE));
        }
        assert_no_hop_field(&h, bytes, &again, w.bytes, (flags & CLOSE) && h.status >= 200);
        free(w.bytes);
    }
    assert_true(good > 6000);
}

/* The bound must hold where the written head grows most: many fields without white space. */
static void the_longest_heads_stay_within_their_bound(void **state)
{
    static char in[WEIR_HEAD_MAX + 1];
    for (int forwarded = 0; forwarded < 2; forwarded++) {
        struct weir_h1_head h;
        size_t len = add_text(in, 0, "GET http://a HTTP/1.1\r\nHost:a\r\n");
        for (int i = 1; i < WEIR_FIELDS_MAX; i++)
            len = add_text(in, len, forwarded ? "X-Forwarded-For:1\r\n" : "a:\r\n");
        len = add_text(in, len, "\r\n");
        read_head(&h, WEIR_H1_REQUEST, weir_span(in, len));
        free(write_request(&h, (const uint8_t *)in, CHANGES | HTTPS | CDN_ID).bytes);
        len = add_text(in, 0, "HTTP/1.0 200\r\n");
        for (int i = 0; i < WEIR_FIELDS_MAX; i++)
            len = add_text(in, len, "a:\r\n");
        len = add_text(in, len, "\r\n");
        read_head(&h, WEIR_H1_RESPONSE, weir_span(in, len));
        free(write_response(&h, (const uint8_t *)in, CHANGES | CHUNKED | CLOSE).bytes);
    }
}

/* The longest head that is read, in as many fields as it may have, and all that the schema lets a
 * tenant add: what the worker has room for. */
static void the_longest_response_head_fits_the_room_that_every_worker_has(void **state)
{
    static char in[WEIR_HEAD_MAX + 1], value[WEIR_ADD_RESPONSE_MAX];
    struct weir_h1_head h;
    struct weir_header all = { WEIR_SPAN_LIT("a"), weir_span(value, WEIR_ADD_RESPONSE_MAX - 5) };
    struct weir_tenant t = { .add_response = &all, .num_add_response = 1 };
    memset(value, 'v', sizeof(value));
    size_t len = add_text(in, 0, "HTTP/1.1 200\r\n");
    for (int i = 1; i < WEIR_FIELDS_MAX; i++)
        len = add_text(in, len, "a:\r\n");
    len = add_text(in, len, "b:");
    size_t fill = WEIR_HEAD_MAX - len - strlen("\r\n\r\n");
    memset(in + len, 'b', fill);
    len = add_text(in, len + fill, "\r\n\r\n");
    assert_int_equal(len, WEIR_HEAD_MAX);
    read_head(&h, WEIR_H1_RESPONSE, weir_span(in, len));
    struct weir_rewrite_response r = { .head = &h,
                                       .bytes = (const uint8_t *)in,
                                       .tenant = &t,
                                       .downstream_minor = 1,
                                       .close = true,
                                       .date = "Thu, 01 Jan 1970 00:00:00 GMT" };
    uint8_t *out = malloc(WEIR_REWRITE_RESPONSE_MAX);
    assert_non_null(out);
    assert_in_range(weir_rewrite_response_max(&r), len, WEIR_REWRITE_RESPONSE_MAX);
    assert_in_range(weir_rewrite_response(&r, out), len, WEIR_REWRITE_RESPONSE_MAX);
    free(out);
}

static void request_ids_are_preserved_only_when_they_are_harmless(void **state)
{
    static const char *const good[] = { "0123456789abcdef", "A.b_c-0123456789" };
    static const char *const bad[] = { "",
                                       "0123456789abcde",
                                       "0123456789abcde ",
                                       "0123456789abcde\"",
                                       "0123456789abcde,",
                                       "0123456789abcde\xc3" };
    char long_id[130];
    memset(long_id, 'a', sizeof(long_id));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(good); i++)
        assert_true(weir_request_id_valid(weir_span_cstr(good[i])));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_false(weir_request_id_valid(weir_span_cstr(bad[i])));
    assert_true(weir_request_id_valid(weir_span(long_id, 128)));
    assert_false(weir_request_id_valid(weir_span(long_id, 129)));
}

static void a_written_head_of_chunks_may_get_a_length(void **state)
{
    static const uint64_t lengths[] = { 0, 9, 65536, 9999999999 };
    struct weir_h1_head h, again;
    struct weir_span bytes =
        weir_span_cstr("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nB: c\r\n\r\n");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lengths); i++) {
        weir_h1_head_init(&h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
        assert_int_equal(weir_h1_head_feed(&h, bytes), WEIR_STEP_DONE);
        struct written w = write_request(&h, bytes.at, 0);
        size_t len = weir_rewrite_set_length(w.bytes, w.len, lengths[i]);
        assert_in_range(len, 1, w.len);
        weir_h1_head_init(&again, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
        assert_int_equal(weir_h1_head_feed(&again, weir_span(w.bytes, len)), WEIR_STEP_DONE);
        assert_int_equal(again.head_len, len);
        assert_true(again.has_content_length && !again.chunked);
        assert_true(again.content_length == lengths[i]);
        free(w.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_leave_as_in_the_table),
        cmocka_unit_test(a_written_head_of_chunks_may_get_a_length),
        cmocka_unit_test(marks_point_at_what_the_record_shows),
        cmocka_unit_test(the_own_identity_is_appended_to_cdn_loop),
        cmocka_unit_test(fields_that_are_dropped_leave_no_marks),
        cmocka_unit_test(responses_leave_as_in_the_table),
        cmocka_unit_test(random_requests_read_again_as_the_same_request),
        cmocka_unit_test(random_responses_read_again_as_the_same_response),
        cmocka_unit_test(the_longest_heads_stay_within_their_bound),
        cmocka_unit_test(the_longest_response_head_fits_the_room_that_every_worker_has),
        cmocka_unit_test(request_ids_are_preserved_only_when_they_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
