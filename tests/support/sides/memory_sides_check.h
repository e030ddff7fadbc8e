/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_sides_check.h - what must hold of each exchange between sides of memory, whatever happens
 * to it: what one side got is what the other gave, or a part of it from its beginning; and what was
 * cut never looks whole.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_CHECK_H
#define WEIR_TESTS_SUPPORT_SIDES_MEMORY_SIDES_CHECK_H

#include "tests/support/sides/memory_sides.h"

static inline bool has_whole_head(struct weir_span in)
{
    return in.len > 0 && memmem(in.at, in.len, "\r\n\r\n", 4) != NULL;
}

static inline void check_is_prefix(const struct bytes *got, const struct bytes *expected)
{
    MUST(got->len <= expected->len);
    MUST(got->len == 0 || memcmp(got->at, expected->at, got->len) == 0);
}

/** The body of the response that an origin gave. @return whether all of it is there */
static inline bool expected_response(struct weir_span in, enum weir_method method, bool ended,
                                     struct bytes *ret, bool *ret_extra)
{
    for (;;) {
        struct weir_h1_head h;
        weir_h1_head_init(&h, WEIR_H1_RESPONSE, WEIR_HEAD_MAX);
        if (weir_h1_head_feed(&h, in) != WEIR_STEP_DONE)
            return false;
        in = weir_span_from(in, h.head_len);
        if (h.status < 200)
            continue;
        enum weir_h1_body framing = weir_h1_body_of(&h, method);
        *ret_extra = framing == WEIR_BODY_NONE
                         ? in.len > 0
                         : framing == WEIR_BODY_LENGTH && in.len > h.content_length;
        bool whole = expected_body(framing, h.content_length, in, ret);
        return framing == WEIR_BODY_CLOSE ? ended : whole;
    }
}

/** Skip interim responses. @return the final head is there: *n is of it */
static inline bool read_final_head(struct weir_span *in, struct naive *n)
{
    while (has_whole_head(*in)) {
        *n = (struct naive){ .whole = false };
        naive_head(n, *in);
        MUST(n->line.len > 12 && weir_span_starts(n->line, WEIR_SPAN_LIT("HTTP/1.1 ")));
        if (n->line.at[9] != '1')
            return true;
        *in = weir_span_from(*in, n->head_len);
    }
    return false;
}

/* The response's body as this client reads it. */
static inline void read_client_body(const struct memory_client *c, struct naive *n,
                                    struct weir_span in, enum weir_client_end how)
{
    bool bodiless = c->asked.method == WEIR_METHOD_HEAD ||
                    weir_span_eq(weir_span(n->line.at + 9, 3), WEIR_SPAN_LIT("204")) ||
                    weir_span_eq(weir_span(n->line.at + 9, 3), WEIR_SPAN_LIT("304"));
    if (bodiless) {
        n->whole = true;
        n->used = n->head_len;
    } else if (n->framing == NAIVE_NONE) {
        MUST(n->close);
        bytes_add(&n->body, in.at + n->head_len, in.len - n->head_len);
        n->used = in.len;
        n->whole = how != WEIR_CLIENT_CUT;
    } else {
        naive_body(n, in);
    }
}

/* A response of an origin, or the part of it that was passed on. */
static inline void check_passed_response(struct memory_client *c, struct naive *n,
                                         struct weir_span in, enum weir_client_end how)
{
    struct bytes expected = { 0 };
    bool extra = false;
    bool whole = expected_response(weir_span(c->source.at, c->source.len), c->asked.method,
                                   c->source_ended, &expected, &extra);
    check_is_prefix(&n->body, &expected);
    if (how == WEIR_CLIENT_CUT) {
        MUST(c->lost || c->queued > 0 || !n->whole); /* a cut is seen */
    } else {
        MUST(whole && n->whole && n->used == in.len && n->body.len == expected.len);
    }
    free(expected.at);
}

/** An exchange has ended: what its client got. */
static inline void check_client_got(struct memory_client *c, enum weir_client_end how)
{
    struct weir_span in = bytes_from(&c->out, c->out_at);
    struct naive n = { .whole = false };
    bool in_order = how == WEIR_CLIENT_NEXT || how == WEIR_CLIENT_LAST || how == WEIR_CLIENT_LINGER;
    MUST(!in_order || (c->queued == 0 && !c->room_wanted));
    if (!read_final_head(&in, &n)) {
        MUST(!in_order && !c->head_passed);
        return;
    }
    if (c->sides->records > 0)
        MUST(naive_number(weir_span(n.line.at + 9, 3), 10) == c->sides->last.status);
    read_client_body(c, &n, in, how);
    if (c->head_passed)
        check_passed_response(c, &n, in, how);
    else if (how != WEIR_CLIENT_CUT)
        MUST(n.whole && n.used == in.len);
    MUST(how != WEIR_CLIENT_NEXT || !n.close);
    MUST(how != WEIR_CLIENT_LAST || n.close);
    free(n.body.at);
}

/** An origin connection is released: what the origin got of the current request, and gave. */
static inline void check_origin_got(const struct memory_client *c, const struct memory_origin *o,
                                    bool reusable)
{
    struct weir_span in = bytes_from(&o->got, o->got_at);
    struct bytes expected = { 0 };
    struct naive n = { .whole = false };
    bool extra = false;
    if (in.len > 0) {
        const struct weir_h1_head *h = &c->asked;
        naive_head(&n, in);
        naive_body(&n, in);
        MUST(n.num_hosts == 1 && !n.close);
        bool whole = expected_body(weir_h1_body_of(h, WEIR_METHOD_OTHER), h->content_length,
                                   bytes_from(&c->gave, c->body_at), &expected);
        check_is_prefix(&n.body, &expected);
        MUST(!n.whole || (whole && n.body.len == expected.len && n.used == in.len));
    }
    if (reusable) {
        struct bytes given = { 0 };
        MUST(n.whole && o->queued == 0 && !o->side.broken);
        MUST(expected_response(weir_span(o->gave.at + o->gave_at, o->seen - o->gave_at),
                               c->asked.method, false, &given, &extra));
        MUST(!extra);
        free(given.at);
    }
    free(n.body.at);
    free(expected.at);
}

#endif
