/* SPDX-License-Identifier: Apache-2.0
 *
 * buffers_test.c - stashes and output queues: their bytes against a naive twin, their bounds, and
 * that a refused allocation leaves everything as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/buffers/buffers.h"
#include "node/base/rng.h"
#include "tests/support/failalloc.h"

#define PLENTY (64u << 20)

/* Bytes whose values show their position. */
static void fill(uint8_t *at, size_t len, size_t from)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)((from + i) * 2654435761u >> 13);
}

static void assert_filled(struct weir_span s, size_t from)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] != (uint8_t)((from + i) * 2654435761u >> 13))
            fail_msg("byte %zu of %zu differs", i, s.len);
}

static void a_stash_has_the_room_that_was_asked_for(void **state)
{
    static const size_t wants[] = {
        0, 1, WEIR_SMALL_LEN, WEIR_SMALL_LEN + 1, WEIR_LARGE_LEN - 1, WEIR_LARGE_LEN
    };
    struct weir_buffers b;
    weir_buffers_init(&b, PLENTY);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(wants); i++) {
        struct weir_stash *s = weir_stash_get(&b, wants[i]);
        assert_non_null(s);
        assert_true(s->cap >= wants[i]);
        assert_int_equal(s->large, wants[i] > WEIR_SMALL_LEN);
        assert_int_equal(weir_stash_span(s).len, 0);
        memset(s->bytes, 0xa5, s->cap);
        weir_stash_release(&b, s);
    }
    assert_null(weir_stash_get(&b, WEIR_LARGE_LEN + 1));
    weir_stash_release(&b, NULL);
    assert_int_equal(weir_stash_span(NULL).len, 0);
    weir_buffers_deinit(&b);
}

static void a_stash_grows_until_the_large_size_and_no_further(void **state)
{
    static uint8_t bytes[WEIR_LARGE_LEN + 1];
    struct weir_buffers b;
    struct weir_stash *s = NULL;
    weir_buffers_init(&b, PLENTY);
    fill(bytes, sizeof(bytes), 0);
    for (size_t at = 0; at < WEIR_LARGE_LEN; at += 512)
        assert_int_equal(weir_stash_append(&b, &s, weir_span(bytes + at, 512)), WEIR_OK);
    assert_int_equal(weir_stash_span(s).len, WEIR_LARGE_LEN);
    assert_filled(weir_stash_span(s), 0);
    assert_int_equal(weir_stash_append(&b, &s, weir_span(bytes, 1)), WEIR_ENOMEM);
    assert_int_equal(weir_stash_span(s).len, WEIR_LARGE_LEN);
    assert_int_equal(weir_stash_append(&b, &s, WEIR_SPAN_EMPTY), WEIR_OK);
    /* Room in front counts: what was used makes place for what comes. */
    weir_stash_use(&b, &s, 1);
    assert_int_equal(weir_stash_append(&b, &s, weir_span(bytes + WEIR_LARGE_LEN, 1)), WEIR_OK);
    assert_filled(weir_stash_span(s), 1);
    weir_stash_use(&b, &s, WEIR_LARGE_LEN);
    assert_null(s);
    assert_int_equal(weir_stash_append(&b, &s, weir_span(bytes, sizeof(bytes))), WEIR_ENOMEM);
    assert_null(s);
    weir_buffers_deinit(&b);
}

static void appending_and_using_at_random_is_a_queue(void **state)
{
    static uint8_t bytes[WEIR_SMALL_LEN * 2];
    struct weir_rng rng;
    struct weir_buffers b;
    struct weir_stash *s = NULL;
    size_t head = 0, tail = 0; /* bytes used and appended so far: the twin */
    weir_buffers_init(&b, PLENTY);
    weir_rng_init(&rng, 7);
    for (int round = 0; round < 20000; round++) {
        if (weir_rng_below(&rng, 2) == 0) {
            size_t len = weir_rng_below(&rng, sizeof(bytes));
            fill(bytes, len, tail);
            bool fits = tail - head + len <= WEIR_LARGE_LEN;
            enum weir_err err = weir_stash_append(&b, &s, weir_span(bytes, len));
            assert_int_equal(err, fits ? WEIR_OK : WEIR_ENOMEM);
            tail += fits ? len : 0;
        } else {
            size_t len = weir_rng_below(&rng, tail - head + 1);
            weir_stash_use(&b, &s, len);
            head += len;
        }
        assert_int_equal(weir_stash_span(s).len, tail - head);
        assert_filled(weir_stash_span(s), head);
    }
    weir_stash_release(&b, s);
    weir_buffers_deinit(&b);
}

static struct weir_pieces pieces_of(const uint8_t *bytes, size_t len, struct weir_rng *rng)
{
    struct weir_pieces p;
    weir_pieces_reset(&p);
    for (size_t at = 0; at < len;) {
        size_t n = p.num + 1 == WEIR_PIECES_MAX ? len - at : 1 + weir_rng_below(rng, len - at);
        weir_pieces_add(&p, weir_span(bytes + at, n));
        at += n;
    }
    return p;
}

static void check_queue(const struct weir_outq *q, size_t head, size_t tail)
{
    size_t at = head;
    assert_int_equal(q->len, tail - head);
    assert_int_equal(q->last == NULL, q->len == 0);
    const struct weir_stash *first = weir_outq_first(q);
    for (const struct weir_stash *s = first; s != NULL; s = s == q->last ? NULL : s->next) {
        struct weir_span run = weir_stash_span(s);
        assert_true(run.len > 0);
        assert_filled(run, at);
        at += run.len;
        assert_int_equal(s == q->last, s->next == first);
    }
    assert_int_equal(at, tail);
}

static void an_output_queue_holds_unsent_bytes_in_order(void **state)
{
    static uint8_t bytes[3 * WEIR_LARGE_LEN];
    struct weir_rng rng;
    struct weir_buffers b;
    struct weir_outq q = { NULL, 0 };
    size_t head = 0, tail = 0;
    weir_buffers_init(&b, PLENTY);
    weir_rng_init(&rng, 8);
    for (int round = 0; round < 2000; round++) {
        if (weir_rng_below(&rng, 5) < 2) {
            size_t len = 1 + weir_rng_below(&rng, weir_rng_below(&rng, 4) ? 900 : sizeof(bytes));
            /* The socket takes a part of it: those bytes never come here. */
            size_t sent = weir_rng_below(&rng, 2) ? 0 : weir_rng_below(&rng, len + 1);
            fill(bytes, len, tail - sent);
            struct weir_pieces p = pieces_of(bytes, len, &rng);
            assert_int_equal(weir_outq_add(&b, &q, &p, sent), WEIR_OK);
            tail += len - sent;
        } else {
            size_t len = weir_rng_below(&rng, tail - head + 1);
            weir_outq_use(&b, &q, len);
            head += len;
        }
        check_queue(&q, head, tail);
        if (tail - head > PLENTY / 4) {
            weir_outq_use(&b, &q, tail - head);
            head = tail;
        }
    }
    weir_outq_clear(&b, &q);
    assert_int_equal(q.len, 0);
    weir_outq_clear(&b, &q);
    weir_buffers_deinit(&b);
}

/* All stashes that fit, then one beyond. @return how many */
static size_t take_all(struct weir_buffers *b, size_t cap)
{
    struct weir_stash *first = NULL;
    size_t num = 0;
    for (struct weir_stash *s; (s = weir_stash_get(b, cap)) != NULL; num++) {
        s->next = first;
        first = s;
    }
    while (first != NULL) {
        struct weir_stash *next = first->next;
        weir_stash_release(b, first);
        first = next;
    }
    return num;
}

static void the_memory_of_all_buffers_is_bounded(void **state)
{
    static const size_t limits[] = { 1, 1u << 20, 10u << 20 };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(limits); i++) {
        struct weir_buffers b;
        weir_buffers_init(&b, limits[i]);
        size_t small = take_all(&b, 1), large = take_all(&b, WEIR_LARGE_LEN);
        assert_true(small >= 1 && large >= 1); /* the smallest node still works, one at a time */
        assert_true((small - 1) * WEIR_SMALL_LEN + (large - 1) * WEIR_LARGE_LEN <= limits[i]);
        assert_int_equal(take_all(&b, 1), small);
        weir_buffers_deinit(&b);
    }
}

static void a_queue_without_room_holds_what_it_had(void **state)
{
    static uint8_t bytes[4 * WEIR_LARGE_LEN];
    struct weir_rng rng;
    struct weir_buffers b;
    struct weir_outq q = { NULL, 0 };
    weir_buffers_init(&b, 1); /* one stash of each size */
    weir_rng_init(&rng, 9);
    fill(bytes, sizeof(bytes), 0);
    struct weir_pieces p = pieces_of(bytes, sizeof(bytes), &rng);
    assert_int_equal(weir_outq_add(&b, &q, &p, 0), WEIR_ENOMEM);
    check_queue(&q, 0, q.len);
    weir_outq_clear(&b, &q);
    assert_int_equal(weir_outq_add(&b, &q, &p, sizeof(bytes) - 10), WEIR_OK);
    assert_int_equal(q.len, 10);
    weir_outq_use(&b, &q, 10);
    weir_buffers_deinit(&b);
}

static void a_failed_allocation_leaves_the_stash_as_it_was(void **state)
{
    static uint8_t bytes[WEIR_SMALL_LEN + 1];
    struct weir_buffers b;
    struct weir_stash *s = NULL;
    weir_buffers_init(&b, PLENTY);
    fill(bytes, sizeof(bytes), 0);
    weir_failalloc_after(1);
    assert_int_equal(weir_stash_append(&b, &s, weir_span(bytes, 10)), WEIR_ENOMEM);
    assert_null(s);
    weir_failalloc_after(2);
    assert_int_equal(weir_stash_append(&b, &s, weir_span(bytes, 10)), WEIR_OK);
    assert_int_equal(weir_stash_append(&b, &s, weir_span(bytes + 10, WEIR_SMALL_LEN - 9)),
                     WEIR_ENOMEM);
    assert_int_equal(weir_stash_span(s).len, 10);
    weir_failalloc_after(-1);
    assert_int_equal(weir_stash_append(&b, &s, weir_span(bytes + 10, WEIR_SMALL_LEN - 9)), WEIR_OK);
    assert_int_equal(weir_stash_span(s).len, WEIR_SMALL_LEN + 1);
    assert_filled(weir_stash_span(s), 0);
    weir_stash_release(&b, s);
    weir_buffers_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stash_has_the_room_that_was_asked_for),
        cmocka_unit_test(a_stash_grows_until_the_large_size_and_no_further),
        cmocka_unit_test(appending_and_using_at_random_is_a_queue),
        cmocka_unit_test(an_output_queue_holds_unsent_bytes_in_order),
        cmocka_unit_test(the_memory_of_all_buffers_is_bounded),
        cmocka_unit_test(a_queue_without_room_holds_what_it_had),
        cmocka_unit_test(a_failed_allocation_leaves_the_stash_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
