/* SPDX-License-Identifier: Apache-2.0
 *
 * heads.h - reading heads in tests: whole, cut at every byte, and byte by byte, with one result
 * for all. Each feed gets a heap copy of exactly its bytes, so that a sanitizer sees a read past
 * their end.
 */
#ifndef WEIR_TESTS_SUPPORT_HEADS_H
#define WEIR_TESTS_SUPPORT_HEADS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/wire/h1.h"

#define BYTES(literal) WEIR_SPAN_LIT(literal)

/** Feed the first `len` of the bytes. */
static inline enum weir_step heads_feed(struct weir_h1_head *h, struct weir_span bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, bytes.at, len);
    enum weir_step step = weir_h1_head_feed(h, weir_span(copy, len));
    free(copy);
    return step;
}

static inline void heads_assert_same(const struct weir_h1_head *a, const struct weir_h1_head *b)
{
    assert_int_equal(a->fault, b->fault);
    if (a->fault != WEIR_FAULT_NONE)
        return;
    assert_memory_equal(a, b, offsetof(struct weir_h1_head, fields));
    for (size_t i = 0; i < a->num_fields; i++) {
        const struct weir_h1_field *f = &a->fields[i];
        const struct weir_h1_field *g = &b->fields[i];
        assert_int_equal(f->name_at, g->name_at);
        assert_int_equal(f->name_len, g->name_len);
        assert_int_equal(f->value_at, g->value_at);
        assert_int_equal(f->value_len, g->value_len);
        assert_int_equal(f->id, g->id);
        assert_int_equal(f->hop, g->hop);
        assert_int_equal(f->underscore, g->underscore);
    }
}

/**
 * Read the bytes whole; then check that every prefix gives the same result or MORE, that going on
 * from every prefix ends where reading them whole ended, and that feeding byte by byte does.
 */
static inline enum weir_step heads_read_max(struct weir_h1_head *h, enum weir_h1_kind kind,
                                            struct weir_span bytes, uint32_t max_head)
{
    weir_h1_head_init(h, kind, max_head);
    enum weir_step whole = heads_feed(h, bytes, bytes.len);

    struct weir_h1_head slow;
    weir_h1_head_init(&slow, kind, max_head);
    enum weir_step slow_step = WEIR_STEP_MORE;
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        struct weir_h1_head split;
        weir_h1_head_init(&split, kind, max_head);
        enum weir_step step = heads_feed(&split, bytes, cut);
        if (step == WEIR_STEP_MORE)
            step = heads_feed(&split, bytes, bytes.len);
        else if (step == WEIR_STEP_DONE)
            assert_in_range(split.head_len, 0, cut);
        assert_int_equal(step, whole);
        heads_assert_same(&split, h);
        if (slow_step == WEIR_STEP_MORE)
            slow_step = heads_feed(&slow, bytes, cut);
    }
    assert_int_equal(slow_step, whole);
    heads_assert_same(&slow, h);
    return whole;
}

/** Read a head that must be good, whole. */
static inline void heads_good(struct weir_h1_head *h, enum weir_h1_kind kind,
                              struct weir_span bytes)
{
    enum weir_step step = heads_read_max(h, kind, bytes, WEIR_HEAD_MAX);
    if (step != WEIR_STEP_DONE)
        print_error("step %d, fault %s: %.*s\n", (int)step, weir_h1_fault_name(h->fault),
                    (int)bytes.len, (const char *)bytes.at);
    assert_int_equal(step, WEIR_STEP_DONE);
}

/** Read a head that must be refused, and for this fault. */
static inline void heads_bad(enum weir_h1_kind kind, struct weir_span bytes,
                             enum weir_h1_fault fault)
{
    struct weir_h1_head h;
    enum weir_step step = heads_read_max(&h, kind, bytes, WEIR_HEAD_MAX);
    if (step != WEIR_STEP_FAIL || h.fault != fault)
        print_error("step %d, fault %s instead of %s: %.*s\n", (int)step,
                    weir_h1_fault_name(h.fault), weir_h1_fault_name(fault), (int)bytes.len,
                    (const char *)bytes.at);
    assert_int_equal(step, WEIR_STEP_FAIL);
    assert_int_equal(h.fault, fault);
    assert_int_equal(weir_h1_head_feed(&h, bytes), WEIR_STEP_FAIL);
}

/** Check a run of bytes of a head's buffer against text. */
static inline void heads_assert_text(struct weir_span bytes, size_t at, size_t len,
                                     const char *text)
{
    assert_true(at + len <= bytes.len);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(bytes.at + at, text, len);
}

#endif
