/* SPDX-License-Identifier: Apache-2.0
 *
 * head_fuzz.h - what must hold for any bytes given to the head parser; shared by request_fuzz.c and
 * response_fuzz.c.
 * 1. Pieces give what the whole gives. 2. A good head, written anew from its parts, reads the
 * same. 3. CR and LF stand only in the line ends. 4. A reader that knows nothing but CRLF and the
 * first colon finds the same fields.
 */
#ifndef WEIR_TESTS_FUZZ_HEAD_FUZZ_H
#define WEIR_TESTS_FUZZ_HEAD_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/wire/bytes.h"
#include "node/wire/h1.h"

#define FUZZ_CHECK(cond)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Lengths of pieces come from the bytes themselves, so that a finding stays one when it is run
 * again. */
static inline size_t fuzz_piece(const uint8_t *bytes, size_t len, size_t at)
{
    uint32_t mix = (uint32_t)len * 2654435761U + (uint32_t)at * 40503U + bytes[at];
    return 1 + (mix >> 7) % 23;
}

/* The first `len` bytes as a heap copy of exactly that length. */
static inline enum weir_step fuzz_feed(struct weir_h1_head *h, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    FUZZ_CHECK(copy != NULL);
    if (len > 0)
        memcpy(copy, bytes, len);
    enum weir_step step = weir_h1_head_feed(h, weir_span(copy, len));
    free(copy);
    return step;
}

static inline void fuzz_same_fields(const struct weir_h1_head *a, const struct weir_h1_head *b)
{
    for (size_t i = 0; i < a->num_fields; i++) {
        const struct weir_h1_field *f = &a->fields[i];
        const struct weir_h1_field *g = &b->fields[i];
        FUZZ_CHECK(f->name_at == g->name_at && f->name_len == g->name_len);
        FUZZ_CHECK(f->value_at == g->value_at && f->value_len == g->value_len);
        FUZZ_CHECK(f->id == g->id && f->hop == g->hop && f->underscore == g->underscore);
    }
}

static inline void fuzz_pieces(const struct weir_h1_head *whole, enum weir_step expect,
                               const uint8_t *bytes, size_t len)
{
    struct weir_h1_head h;
    enum weir_step step = WEIR_STEP_MORE;
    weir_h1_head_init(&h, whole->kind, whole->max_head);
    for (size_t at = 0; at < len && step == WEIR_STEP_MORE;) {
        at += fuzz_piece(bytes, len, at);
        at = at < len ? at : len;
        step = fuzz_feed(&h, bytes, at);
    }
    FUZZ_CHECK(step == expect);
    FUZZ_CHECK(h.fault == whole->fault);
    if (step != WEIR_STEP_DONE)
        return;
    FUZZ_CHECK(memcmp(&h, whole, offsetof(struct weir_h1_head, fields)) == 0);
    fuzz_same_fields(&h, whole);
}

/* Rules 3 and 4, by the simplest reader there is. */
static inline void fuzz_naive(const struct weir_h1_head *h, const uint8_t *bytes)
{
    size_t num_lines = 0;
    size_t line_at = h->kind == WEIR_H1_REQUEST ? h->method_at : 0;
    for (size_t at = 0; at < h->head_len; at++) {
        FUZZ_CHECK((bytes[at] == '\r') == (at + 1 < h->head_len && bytes[at + 1] == '\n'));
        FUZZ_CHECK(bytes[at] != '\0');
        if (bytes[at] != '\n' || at < line_at)
            continue;
        size_t line_len = at - 1 - line_at;
        if (num_lines > 0 && line_len > 0) {
            const uint8_t *colon = memchr(bytes + line_at, ':', line_len);
            FUZZ_CHECK(colon != NULL && num_lines <= h->num_fields);
            size_t name_len = (size_t)(colon - bytes) - line_at;
            struct weir_span value = weir_bytes_trim(weir_span(colon + 1, line_len - name_len - 1));
            const struct weir_h1_field *f = &h->fields[num_lines - 1];
            FUZZ_CHECK(f->name_at == line_at && f->name_len == name_len);
            FUZZ_CHECK(weir_span_eq(weir_h1_value(bytes, f), value));
        } else {
            FUZZ_CHECK(num_lines == 0 || at + 1 == h->head_len);
        }
        num_lines++;
        line_at = at + 1;
    }
    FUZZ_CHECK(num_lines == h->num_fields + 2U && line_at == h->head_len);
}

static inline size_t fuzz_append(uint8_t *out, size_t at, struct weir_span s)
{
    if (s.len > 0)
        memcpy(out + at, s.at, s.len);
    return at + s.len;
}

/* Never longer than what was read: fields are written without white space, a reason with none
 * before an empty one. */
static inline size_t fuzz_write(const struct weir_h1_head *h, const uint8_t *bytes, uint8_t *out)
{
    size_t at = 0;
    if (h->kind == WEIR_H1_REQUEST) {
        at = fuzz_append(out, at, weir_span(bytes + h->method_at, h->method_len));
        at = fuzz_append(out, at, WEIR_SPAN_LIT(" "));
        at = fuzz_append(out, at, weir_span(bytes + h->target_at, h->target_len));
        at = fuzz_append(out, at,
                         h->minor ? WEIR_SPAN_LIT(" HTTP/1.1") : WEIR_SPAN_LIT(" HTTP/1.0"));
    } else {
        char line[32];
        int len = snprintf(line, sizeof(line), "HTTP/1.%u %u%s", h->minor, h->status,
                           h->reason_len > 0 ? " " : "");
        at = fuzz_append(out, at, weir_span(line, (size_t)len));
        at = fuzz_append(out, at, weir_span(bytes + h->reason_at, h->reason_len));
    }
    at = fuzz_append(out, at, WEIR_SPAN_LIT("\r\n"));
    for (size_t i = 0; i < h->num_fields; i++) {
        at = fuzz_append(out, at, weir_h1_name(bytes, &h->fields[i]));
        at = fuzz_append(out, at, WEIR_SPAN_LIT(":"));
        at = fuzz_append(out, at, weir_h1_value(bytes, &h->fields[i]));
        at = fuzz_append(out, at, WEIR_SPAN_LIT("\r\n"));
    }
    return fuzz_append(out, at, WEIR_SPAN_LIT("\r\n"));
}

static inline void fuzz_same_text(const uint8_t *a, size_t a_at, const uint8_t *b, size_t b_at,
                                  size_t len)
{
    FUZZ_CHECK(memcmp(a + a_at, b + b_at, len) == 0);
}

/* Rule 2: nothing that the head means got lost or came in by writing it anew. */
static inline void fuzz_rewrite(const struct weir_h1_head *h, const uint8_t *bytes)
{
    static uint8_t out[WEIR_HEAD_MAX];
    struct weir_h1_head again;
    size_t len = fuzz_write(h, bytes, out);
    FUZZ_CHECK(len <= h->head_len);
    weir_h1_head_init(&again, h->kind, WEIR_HEAD_MAX);
    FUZZ_CHECK(fuzz_feed(&again, out, len) == WEIR_STEP_DONE);
    FUZZ_CHECK(again.head_len == len && again.num_fields == h->num_fields);
    FUZZ_CHECK(again.method == h->method && again.form == h->form && again.minor == h->minor);
    FUZZ_CHECK(again.status == h->status && again.chunked == h->chunked);
    FUZZ_CHECK(again.has_content_length == h->has_content_length);
    FUZZ_CHECK(again.content_length == h->content_length);
    FUZZ_CHECK(again.connection_close == h->connection_close);
    FUZZ_CHECK(again.connection_keep_alive == h->connection_keep_alive);
    FUZZ_CHECK(again.connection_upgrade == h->connection_upgrade);
    FUZZ_CHECK(again.expect_continue == h->expect_continue);
    FUZZ_CHECK(again.absolute_https == h->absolute_https);
    FUZZ_CHECK(again.path_len == h->path_len && again.authority_len == h->authority_len);
    FUZZ_CHECK((again.query_at > 0) == (h->query_at > 0));
    FUZZ_CHECK(again.reason_len == h->reason_len);
    fuzz_same_text(out, again.path_at, bytes, h->path_at, h->path_len);
    fuzz_same_text(out, again.authority_at, bytes, h->authority_at, h->authority_len);
    fuzz_same_text(out, again.reason_at, bytes, h->reason_at, h->reason_len);
    for (size_t i = 0; i < h->num_fields; i++) {
        const struct weir_h1_field *f = &h->fields[i];
        const struct weir_h1_field *g = &again.fields[i];
        FUZZ_CHECK(weir_span_eq(weir_h1_name(bytes, f), weir_h1_name(out, g)));
        FUZZ_CHECK(weir_span_eq(weir_h1_value(bytes, f), weir_h1_value(out, g)));
        FUZZ_CHECK(f->id == g->id && f->hop == g->hop && f->underscore == g->underscore);
    }
}

/** Read the bytes under a limit, and check all of the above. *h is the result. */
static inline enum weir_step fuzz_head(struct weir_h1_head *h, enum weir_h1_kind kind,
                                       uint32_t max_head, struct weir_span bytes)
{
    weir_h1_head_init(h, kind, max_head);
    enum weir_step step = fuzz_feed(h, bytes.at, bytes.len);
    FUZZ_CHECK(step != WEIR_STEP_SOME);
    FUZZ_CHECK((step == WEIR_STEP_FAIL) == (h->fault != WEIR_FAULT_NONE));
    if (bytes.len > 0)
        fuzz_pieces(h, step, bytes.at, bytes.len);
    if (step == WEIR_STEP_MORE)
        FUZZ_CHECK(bytes.len < max_head);
    if (step == WEIR_STEP_DONE) {
        FUZZ_CHECK(h->head_len <= bytes.len && h->head_len <= max_head);
        FUZZ_CHECK(!(h->chunked && h->has_content_length));
        fuzz_naive(h, bytes.at);
        fuzz_rewrite(h, bytes.at);
    }
    return step;
}

#endif
