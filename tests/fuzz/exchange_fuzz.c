/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange_fuzz.c - a request and its responses on their way through weir without any socket: head
 * parser, rewriting, body codec. What leaves is read by a strict reader of its own that shares no
 * code with them. It must find exactly one message, the same one, framed in one way, with nothing
 * of this hop in it; and of a message that did not arrive whole, never a whole one.
 * Input: flags, 2 bytes length of the request part, request bytes, response bytes.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/flow/body.h"
#include "node/flow/cdn_loop.h"
#include "node/flow/forwarded.h"
#include "node/flow/methods.h"
#include "node/flow/plan.h"
#include "node/flow/rewrite.h"
#include "node/wire/uri.h"
#include "tests/fuzz/head_fuzz.h"
#include "tests/support/naive_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DATE "Sat, 21 Nov 2026 03:55:51 GMT"
#define ID   "0123456789abcdef"

enum flag {
    TRUSTED = 1,
    HTTPS = 2,
    RECORD_STORE_UNDERSCORES = 4,
    CHANGES = 8,
    LAST = 16,
    CUT = 32
};

static const struct weir_header added[] = {
    { WEIR_SPAN_LIT("X-Edge"), WEIR_SPAN_LIT("weir") },
    { WEIR_SPAN_LIT("X-Empty"), { NULL, 0 } },
};
static const struct weir_span removed[] = { WEIR_SPAN_LIT("server"), WEIR_SPAN_LIT("cookie"),
                                            WEIR_SPAN_LIT("date"), WEIR_SPAN_LIT("via") };

/* -- what went in, by the simplest means -- */

/* Whether a Connection field of the head names `name`. */
static bool named(const struct weir_h1_head *h, const uint8_t *bytes, struct weir_span name)
{
    for (size_t i = 0; i < h->num_fields; i++) {
        struct weir_span list = weir_h1_value(bytes, &h->fields[i]);
        if (!is(weir_h1_name(bytes, &h->fields[i]), "connection"))
            continue;
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

/* No field that the received head's Connection names is in the written one, but for weir's own. */
static void check_named(const struct weir_h1_head *h, const uint8_t *bytes, struct weir_span out)
{
    static const char *const own[] = {
        "host",   "date",    "via",       "connection",  "transfer-encoding",
        "x-edge", "x-empty", "x-real-ip", "x-request-id"
    };
    struct weir_span line = naive_line(out, 0);
    for (size_t at = line.len + 2;; at += line.len + 2) {
        line = naive_line(out, at);
        if (line.len == 0)
            return;
        const uint8_t *colon = memchr(line.at, ':', line.len);
        struct weir_span name = weir_span(line.at, (size_t)(colon - line.at));
        bool mine = false;
        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
            mine = mine || is(name, own[i]);
        FUZZ_CHECK(mine || !named(h, bytes, name));
    }
}

/* Feed the body in pieces as reads would bring them. @return whether it came to its end */
static bool pass_body(struct weir_body *b, struct weir_span in, struct bytes *out)
{
    enum weir_step step = b->done ? WEIR_STEP_DONE : WEIR_STEP_MORE;
    for (size_t at = 0; at < in.len && step == WEIR_STEP_MORE;) {
        size_t len = fuzz_piece(in.at, in.len, at);
        struct weir_span piece = weir_span(in.at + at, len < in.len - at ? len : in.len - at);
        at += piece.len;
        do {
            struct weir_pieces p;
            size_t used = 0;
            weir_pieces_reset(&p);
            step = weir_body_feed(b, piece, &p, &used);
            if (step == WEIR_STEP_FAIL)
                return false;
            for (int i = 0; i < p.num; i++)
                bytes_add(out, p.iov[i].iov_base, p.iov[i].iov_len);
            piece = weir_span_from(piece, used);
        } while (step == WEIR_STEP_SOME);
        FUZZ_CHECK(step == WEIR_STEP_DONE || piece.len == 0);
    }
    return step == WEIR_STEP_DONE;
}

static void check_same_body(const struct naive *n, const struct bytes *expected)
{
    FUZZ_CHECK(n->body.len == expected->len);
    FUZZ_CHECK(n->body.len == 0 || memcmp(n->body.at, expected->at, n->body.len) == 0);
}

/* -- the request -- */

static void check_request_line(const struct weir_h1_head *h, const uint8_t *in,
                               const struct naive *n)
{
    struct weir_span method = weir_span(in + h->method_at, h->method_len);
    struct weir_span path = weir_span(in + h->path_at, h->path_len);
    if (h->form == WEIR_TARGET_ASTERISK ||
        (path.len == 0 && weir_span_eq(method, WEIR_SPAN_LIT("OPTIONS"))))
        path = WEIR_SPAN_LIT("*");
    else if (path.len == 0)
        path = WEIR_SPAN_LIT("/");
    struct weir_span line = n->line;
    size_t at = method.len + 1;
    FUZZ_CHECK(line.len > at && memcmp(line.at, method.at, method.len) == 0);
    FUZZ_CHECK(line.at[method.len] == ' ');
    if (path.at[0] == '?') /* the "/" that an absolute form may leave out */
        FUZZ_CHECK(line.at[at++] == '/');
    FUZZ_CHECK(line.len == at + path.len + 9);
    FUZZ_CHECK(memcmp(line.at + at, path.at, path.len) == 0);
    FUZZ_CHECK(weir_span_eq(weir_span_from(line, line.len - 9), WEIR_SPAN_LIT(" HTTP/1.1")));
    FUZZ_CHECK(memchr(path.at, ' ', path.len) == NULL);
}

static void request_head(const struct weir_h1_head *h, const uint8_t *in, uint8_t flags,
                         struct weir_span host, struct bytes *out)
{
    static const struct weir_addr peer = { { [10] = 0xff, [11] = 0xff, 192, 0, 2, 7 }, 4711 };
    struct weir_tenant t = { .underscores = flags & RECORD_STORE_UNDERSCORES
                                                ? WEIR_UNDERSCORES_KEEP
                                                : WEIR_UNDERSCORES_DROP,
                             .via = flags & HTTPS ? WEIR_SPAN_EMPTY : WEIR_SPAN_LIT("weir"),
                             .remove_request_ids = flags & CHANGES ? 1u << WEIR_FIELD_VIA : 0 };
    struct weir_addr client = peer;
    struct weir_rewrite_marks marks;
    if (flags & CHANGES) {
        t.add_request = added;
        t.num_add_request = 2;
        t.remove_request = removed;
        t.num_remove_request = 4;
    }
    struct weir_prefix any = { { 0 }, 96 };
    memcpy(any.ip, peer.ip, 12);
    if (flags & TRUSTED) {
        struct weir_forwarded said;
        weir_forwarded_read(h, in, (struct weir_prefixes){ &any, 1 }, &peer, &said);
        FUZZ_CHECK(said.trusted && said.scheme <= WEIR_SCHEME_HTTPS);
        client = said.client;
    }
    struct weir_rewrite_request r = { .head = h,
                                      .bytes = in,
                                      .tenant = &t,
                                      .host = host,
                                      .peer = &peer,
                                      .client = &client,
                                      .trusted = (flags & TRUSTED) != 0,
                                      .https = (flags & HTTPS) != 0,
                                      .request_id = WEIR_SPAN_LIT(ID),
                                      .cdn_id = WEIR_SPAN_LIT("weir-edge") };
    (void)weir_cdn_loop_read(h, in, r.cdn_id);
    size_t max = weir_rewrite_request_max(&r);
    uint8_t *room = malloc(max); /* exactly: a sanitizer sees one byte more */
    FUZZ_CHECK(room != NULL);
    size_t len = weir_rewrite_request(&r, room, &marks);
    FUZZ_CHECK(len <= max);
    FUZZ_CHECK(marks.target_at + marks.target_len <= len && marks.host_at + marks.host_len <= len);
    bytes_add(out, room, len);
    free(room);
}

/* Max-Forwards is one less than it was (a request with 0 is not passed on), and no Proxy is there.
 */
static void check_counted_down(const struct weir_h1_head *h, struct weir_span out)
{
    struct weir_span line = naive_line(out, 0);
    size_t num = 0;
    for (size_t at = line.len + 2; line.len > 0; at += line.len + 2) {
        line = naive_line(out, at);
        const uint8_t *colon = line.len > 0 ? memchr(line.at, ':', line.len) : NULL;
        struct weir_span name = weir_span(line.at, colon ? (size_t)(colon - line.at) : 0);
        FUZZ_CHECK(!is(name, "proxy"));
        if (!h->has_max_forwards || !is(name, "max-forwards"))
            continue;
        num++;
        FUZZ_CHECK(naive_number(weir_span_from(line, name.len + 2), 10) + 1 == h->max_forwards);
    }
    FUZZ_CHECK(num == h->has_max_forwards);
}

static void pass_request(const struct weir_h1_head *h, struct weir_span in, uint8_t flags)
{
    struct weir_span host = weir_span(in.at + h->authority_at, h->authority_len);
    struct weir_span rest = weir_span_from(in, h->head_len);
    enum weir_h1_body framing = weir_h1_body_of(h, WEIR_METHOD_OTHER);
    struct bytes out = { NULL, 0, 0 }, body = { NULL, 0, 0 };
    struct naive n = { .whole = false };
    struct weir_body b;
    if (host.len == 0)
        host = WEIR_SPAN_LIT("192.0.2.1:80");
    request_head(h, in.at, flags, host, &out);
    weir_body_init(&b, framing, h->content_length, h->chunked);
    bool whole = expected_body(framing, h->content_length, rest, &body);
    FUZZ_CHECK(pass_body(&b, rest, &out) == whole);
    struct weir_span sent = weir_span(out.at, out.len);
    naive_head(&n, sent);
    naive_body(&n, sent);
    check_request_line(h, in.at, &n);
    check_named(h, in.at, sent);
    check_counted_down(h, sent);
    FUZZ_CHECK(n.num_hosts == 1 && weir_span_eq(n.host, host) && !n.close);
    FUZZ_CHECK(n.whole == whole);
    if (whole) {
        FUZZ_CHECK(n.used == sent.len);
        check_same_body(&n, &body);
    }
    free(n.body.at);
    free(body.at);
    free(out.at);
}

/* What a TRACE gets back is a head again, no longer than it was. */
/* Whether the name of a field, in any case, has this word. */
static bool name_has(struct weir_span line, const char *word)
{
    char name[512] = { 0 };
    const uint8_t *colon = memchr(line.at, ':', line.len);
    if (colon == NULL)
        return false;
    for (size_t i = 0; i < sizeof(name) - 1 && line.at + i < colon; i++) {
        uint8_t c = line.at[i];
        name[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    return strstr(name, word) != NULL;
}

static void check_echo(const struct weir_h1_head *h, const uint8_t *in)
{
    uint8_t *out = malloc(h->head_len);
    FUZZ_CHECK(out != NULL);
    size_t len = weir_trace_echo(h, in, out);
    struct weir_span line = naive_line(weir_span(out, len), 0);
    FUZZ_CHECK(line.len == h->method_len + h->target_len + 10U);
    for (size_t at = line.len + 2; line.len > 0; at += line.len + 2) {
        line = naive_line(weir_span(out, len), at);
        FUZZ_CHECK(line.len > 0 || at + 2 == len);
        FUZZ_CHECK(!name_has(line, "auth") && !name_has(line, "cookie"));
    }
    free(out);
}

/* -- its responses -- */

/* What a response is read and written by. */
struct asked {
    uint8_t flags;
    struct weir_request_facts req;
    struct weir_response_plan plan;
};

static void response_head(const struct weir_h1_head *h, const uint8_t *in, const struct asked *a,
                          struct bytes *out)
{
    struct weir_tenant t = { .via = WEIR_SPAN_LIT("edge") };
    if (a->flags & CHANGES) {
        t.add_response = added;
        t.num_add_response = 2;
        t.remove_response = removed;
        t.num_remove_response = 4;
    }
    struct weir_rewrite_response r = { .head = h,
                                       .bytes = in,
                                       .tenant = a->flags & HTTPS ? NULL : &t,
                                       .downstream_minor = a->req.minor,
                                       .head_request = a->req.method == WEIR_METHOD_HEAD,
                                       .chunked = a->plan.out_chunked,
                                       .close = !a->plan.reuse_downstream,
                                       .date = DATE };
    size_t max = weir_rewrite_response_max(&r);
    uint8_t *room = malloc(max);
    FUZZ_CHECK(room != NULL);
    size_t len = weir_rewrite_response(&r, room);
    FUZZ_CHECK(len <= max);
    bytes_add(out, room, len);
    free(room);
}

static void check_status_line(const struct weir_h1_head *h, const uint8_t *in,
                              const struct naive *n)
{
    FUZZ_CHECK(n->line.len == 13u + h->reason_len);
    FUZZ_CHECK(weir_span_starts(n->line, WEIR_SPAN_LIT("HTTP/1.1 ")));
    FUZZ_CHECK(naive_number(weir_span(n->line.at + 9, 3), 10) == h->status);
    FUZZ_CHECK(n->line.at[12] == ' ');
    FUZZ_CHECK(h->reason_len == 0 ||
               memcmp(n->line.at + 13, in + h->reason_at, h->reason_len) == 0);
}

/* What a client that asked with this method makes of the final response. */
static void check_final(const struct weir_h1_head *h, const struct asked *a, struct naive *n,
                        struct weir_span sent)
{
    const struct weir_request_facts *req = &a->req;
    const struct weir_response_plan *plan = &a->plan;
    bool bodiless = req->method == WEIR_METHOD_HEAD || h->status == 204 || h->status == 304;
    FUZZ_CHECK(h->status != 204 || n->framing == NAIVE_NONE);
    FUZZ_CHECK(req->minor > 0 || n->framing != NAIVE_CHUNKED);
    FUZZ_CHECK(n->close == !plan->reuse_downstream);
    if (bodiless) {
        n->whole = true;
        n->used = n->head_len;
    } else if (plan->out_until_close) {
        FUZZ_CHECK(n->framing == NAIVE_NONE && n->close);
        bytes_add(&n->body, sent.at + n->head_len, sent.len - n->head_len);
        n->whole = true;
        n->used = sent.len;
    } else {
        FUZZ_CHECK(n->framing != NAIVE_NONE);
        naive_body(n, sent);
    }
}

static void pass_final(const struct weir_h1_head *h, struct weir_span in, const struct asked *a)
{
    const struct weir_response_plan *plan = &a->plan;
    struct weir_span rest = weir_span_from(in, h->head_len);
    struct bytes out = { NULL, 0, 0 }, body = { NULL, 0, 0 };
    struct naive n = { .whole = false };
    struct weir_body b;
    response_head(h, in.at, a, &out);
    weir_body_init(&b, plan->body, h->content_length, plan->out_chunked);
    bool whole = expected_body(plan->body, h->content_length, rest, &body);
    bool done = pass_body(&b, rest, &out);
    if (plan->body == WEIR_BODY_CLOSE) {
        struct weir_pieces p;
        weir_pieces_reset(&p);
        whole = !(a->flags & CUT); /* or a reset instead of an end */
        if (whole)
            FUZZ_CHECK(weir_body_end(&b, &p));
        for (int i = 0; i < p.num; i++)
            bytes_add(&out, p.iov[i].iov_base, p.iov[i].iov_len);
    } else {
        FUZZ_CHECK(done == whole);
    }
    struct weir_span sent = weir_span(out.at, out.len);
    naive_head(&n, sent);
    check_status_line(h, in.at, &n);
    check_named(h, in.at, sent);
    check_final(h, a, &n, sent);
    FUZZ_CHECK((a->flags & CHANGES) || n.num_dates >= 1);
    /* Until the connection ends: that a cut is none shows in how it ends, not in the bytes. */
    if (!plan->out_until_close)
        FUZZ_CHECK(n.whole == whole);
    if (whole) {
        FUZZ_CHECK(n.used == sent.len);
        check_same_body(&n, &body);
    }
    free(n.body.at);
    free(body.at);
    free(out.at);
}

static void pass_interim(const struct weir_h1_head *h, const uint8_t *in, const struct asked *a)
{
    struct bytes out = { NULL, 0, 0 };
    struct naive n = { .whole = false };
    FUZZ_CHECK(a->plan.pass_interim == (a->req.minor > 0) && a->plan.body == WEIR_BODY_NONE);
    response_head(h, in, a, &out);
    naive_head(&n, weir_span(out.at, out.len));
    check_status_line(h, in, &n);
    check_named(h, in, weir_span(out.at, out.len));
    FUZZ_CHECK(n.head_len == out.len && n.framing == NAIVE_NONE && !n.close);
    free(out.at);
}

static void pass_responses(struct weir_span in, struct asked *a)
{
    struct weir_response_facts facts = { .request_done = (a->flags & CUT) == 0,
                                         .last = (a->flags & LAST) != 0 };
    for (;;) {
        struct weir_h1_head h;
        weir_h1_head_init(&h, WEIR_H1_RESPONSE, WEIR_HEAD_MAX);
        if (fuzz_feed(&h, in.at, in.len) != WEIR_STEP_DONE)
            return;
        facts.head = &h;
        if (!weir_plan_response(&facts, &a->req, &a->plan)) {
            FUZZ_CHECK(h.status == 101 || facts.interims == WEIR_INTERIM_MAX);
            return;
        }
        if (!a->plan.interim) {
            pass_final(&h, in, a);
            return;
        }
        pass_interim(&h, in.at, a);
        facts.interims++;
        in = weir_span_from(in, h.head_len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_h1_head h;
    if (size < 3)
        return 0;
    struct asked a = { .flags = data[0],
                       .req = { .method = WEIR_METHOD_GET, .minor = 1, .keep_alive = true } };
    size_t len = (size_t)data[1] << 8 | data[2];
    struct weir_span in = weir_span(data + 3, size - 3);
    struct weir_span request = weir_span(in.at, len < in.len ? len : in.len);
    weir_h1_head_init(&h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    if (fuzz_feed(&h, request.at, request.len) == WEIR_STEP_DONE) {
        if (weir_request_ends_here(&h))
            check_echo(&h, request.at);
        else
            pass_request(&h, request, a.flags);
        a.req.method = h.method;
        a.req.minor = h.minor;
        a.req.keep_alive = weir_h1_keeps_alive(&h);
    }
    pass_responses(weir_span_from(in, request.len), &a);
    return 0;
}
