/* SPDX-License-Identifier: Apache-2.0
 *
 * record_test.c - the row of a record: what is packed comes back, what is not whole does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/hash.h"
#include "node/base/rng.h"
#include "sync/version/hlc.h"
#include "sync/version/record.h"

#define KEY WEIR_SPAN_LIT("\x02t/shop")

static struct weir_record_parts sample(void)
{
    struct weir_record_parts p = {
        .head = {
            .schema = 0x1122,
            .min_reader = 0x3344,
            .lane_idx = 0x55667788,
            .seq = WEIR_RECORD_SEQ_MAX,
            .hlc = UINT64_C(0x0102030405060708),
            .expires = WEIR_RECORD_EXPIRES_MAX,
            .stage = 0x99aa,
            .recv_day = 0xbbcc,
        },
        .value = WEIR_SPAN_LIT("hosts: [shop.example.com]"),
    };
    weir_record_ctx_add(&p.head, 7, 3);
    weir_record_ctx_add(&p.head, 1, WEIR_RECORD_SEQ_MAX);
    return p;
}

static void same_head(const struct weir_record_head *a, const struct weir_record_head *b)
{
    assert_int_equal(a->tombstone, b->tombstone);
    assert_int_equal(a->schema, b->schema);
    assert_int_equal(a->min_reader, b->min_reader);
    assert_int_equal(a->lane_idx, b->lane_idx);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->hlc, b->hlc);
    assert_int_equal(a->expires, b->expires);
    assert_int_equal(a->stage, b->stage);
    assert_int_equal(a->recv_day, b->recv_day);
    assert_int_equal(a->num_ctx, b->num_ctx);
    for (unsigned i = 0; i < a->num_ctx; i++) {
        assert_int_equal(a->ctx[i].lane_idx, b->ctx[i].lane_idx);
        assert_int_equal(a->ctx[i].seq, b->ctx[i].seq);
    }
}

static void record_comes_back_as_it_was_packed(void **state)
{
    struct weir_record_parts p = sample();
    struct weir_record_parts q;
    uint8_t row[256];

    size_t len = weir_record_packed_len(&p);
    assert_int_equal(len, WEIR_RECORD_HEADER_LEN + 2 * WEIR_RECORD_CTX_LEN + p.value.len);
    weir_record_pack(&p, KEY, row);
    assert_int_equal(weir_record_unpack(weir_span(row, len), KEY, &q), WEIR_OK);
    same_head(&p.head, &q.head);
    assert_true(weir_span_eq(p.value, q.value));
    assert_int_equal(q.sig.len, 0);
}

static void record_keeps_a_signature_and_packs_at_odd_addresses(void **state)
{
    struct weir_record_parts p = sample();
    struct weir_record_parts q;
    uint8_t sig[WEIR_RECORD_SIG_LEN];
    uint8_t row[256];

    memset(sig, 0x5a, sizeof(sig));
    p.sig = weir_span(sig, sizeof(sig));
    for (unsigned shift = 0; shift < 8; shift++) {
        weir_record_pack(&p, KEY, row + shift);
        struct weir_span span = weir_span(row + shift, weir_record_packed_len(&p));
        assert_int_equal(weir_record_unpack(span, KEY, &q), WEIR_OK);
        assert_true(weir_span_eq(q.sig, p.sig));
        assert_true(weir_span_eq(q.value, p.value));
    }
}

static void record_carries_what_a_later_version_added_between_signature_and_value(void **state)
{
    struct weir_record_parts p = sample();
    struct weir_record_parts q;
    uint8_t sig[WEIR_RECORD_SIG_LEN];
    static uint8_t extra[WEIR_RECORD_EXTRA_MAX + 1];
    static uint8_t row[WEIR_RECORD_EXTRA_MAX + 256];
    static const size_t lens[] = { 0, 1, 255, 256, WEIR_RECORD_EXTRA_MAX };

    memset(sig, 0x5a, sizeof(sig));
    memset(extra, 0xe7, sizeof(extra));
    p.sig = weir_span(sig, sizeof(sig));
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        p.extra = weir_span(extra, lens[i]);
        size_t len = weir_record_packed_len(&p);
        size_t behind = WEIR_RECORD_HEADER_LEN + 2 * WEIR_RECORD_CTX_LEN + sizeof(sig);
        assert_int_equal(len, behind + lens[i] + p.value.len);
        weir_record_pack(&p, KEY, row);
        assert_int_equal(row[38] | row[39] << 8, lens[i]);
        assert_memory_equal(row + behind, extra, lens[i]);
        assert_int_equal(weir_record_unpack(weir_span(row, len), KEY, &q), WEIR_OK);
        assert_true(weir_span_eq(q.sig, p.sig));
        assert_true(weir_span_eq(q.extra, p.extra));
        assert_true(weir_span_eq(q.value, p.value));
    }
}

/* Sums set right by hand: the lengths alone must be enough to refuse it. */
static void record_with_more_of_a_later_version_than_the_limit_is_refused(void **state)
{
    struct weir_record_parts p = { .head = { .seq = 1 } };
    struct weir_record_parts q;
    static uint8_t row[WEIR_RECORD_HEADER_LEN + WEIR_RECORD_EXTRA_MAX + 1];

    weir_record_pack(&p, KEY, row);
    for (size_t extra_len = WEIR_RECORD_EXTRA_MAX; extra_len <= WEIR_RECORD_EXTRA_MAX + 1;
         extra_len++) {
        size_t len = WEIR_RECORD_HEADER_LEN + extra_len;
        row[38] = (uint8_t)extra_len;
        row[39] = (uint8_t)(extra_len >> 8);
        memset(row + 28, 0, 4);
        uint32_t crc = weir_crc32c(0, row, WEIR_RECORD_HEADER_LEN);
        crc = weir_crc32c(crc, KEY.at, KEY.len);
        crc = weir_crc32c(crc, row + WEIR_RECORD_HEADER_LEN, extra_len);
        for (unsigned i = 0; i < 4; i++)
            row[28 + i] = (uint8_t)(crc >> 8 * i);
        assert_int_equal(weir_record_unpack(weir_span(row, len), KEY, &q),
                         extra_len <= WEIR_RECORD_EXTRA_MAX ? WEIR_OK : WEIR_ECORRUPT);
    }
}

static void record_layout_on_disk_is_the_documented_one(void **state)
{
    struct weir_record_parts p = { .head = { .tombstone = true, .seq = 1, .hlc = 2 } };
    uint8_t row[WEIR_RECORD_HEADER_LEN];

    p.head.schema = 0x0201;
    p.head.lane_idx = 0x04030201;
    p.head.recv_day = 0x0605;
    weir_record_pack(&p, KEY, row);
    assert_int_equal(row[0], 1);
    assert_int_equal(row[1], 1);
    assert_int_equal(row[2], 2);
    assert_int_equal(row[5], 1);
    assert_int_equal(row[8], 4);
    assert_int_equal(row[9], 1);
    assert_int_equal(row[15], 2);
    assert_int_equal(row[36], 5);
    assert_int_equal(row[37], 6);
    assert_int_equal(row[38], 0);
    assert_true(weir_record_row_is_tombstone(weir_span(row, sizeof(row))));
}

static void record_cut_at_any_byte_is_refused(void **state)
{
    struct weir_record_parts p = sample();
    struct weir_record_parts q;
    uint8_t row[256];

    weir_record_pack(&p, KEY, row);
    size_t len = weir_record_packed_len(&p);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = malloc(cut + 1);
        assert_non_null(exact);
        memcpy(exact, row, cut);
        assert_int_equal(weir_record_unpack(weir_span(exact, cut), KEY, &q), WEIR_ECORRUPT);
        free(exact);
    }
    assert_int_equal(weir_record_unpack(weir_span(row, len + 1), KEY, &q), WEIR_ECORRUPT);
}

static void record_with_any_bit_flipped_is_refused(void **state)
{
    struct weir_record_parts p = sample();
    struct weir_record_parts q;
    uint8_t row[256];

    weir_record_pack(&p, KEY, row);
    size_t len = weir_record_packed_len(&p);
    for (size_t bit = 0; bit < len * 8; bit++) {
        row[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(weir_record_unpack(weir_span(row, len), KEY, &q), WEIR_ECORRUPT);
        row[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void record_under_another_key_is_refused(void **state)
{
    struct weir_record_parts p = sample();
    struct weir_record_parts q;
    uint8_t row[256];

    weir_record_pack(&p, KEY, row);
    struct weir_span span = weir_span(row, weir_record_packed_len(&p));
    assert_int_equal(weir_record_unpack(span, WEIR_SPAN_LIT("\x02t/shoq"), &q), WEIR_ECORRUPT);
    assert_int_equal(weir_record_unpack(span, WEIR_SPAN_LIT("\x03t/shop"), &q), WEIR_ECORRUPT);
    assert_int_equal(weir_record_unpack(span, WEIR_SPAN_EMPTY, &q), WEIR_ECORRUPT);
}

static void record_value_may_be_as_large_as_the_limit_and_no_larger(void **state)
{
    uint8_t *big = calloc(1, WEIR_RECORD_MAX + 1);
    uint8_t *row = malloc(WEIR_RECORD_MAX + 1 + WEIR_RECORD_HEADER_LEN);
    struct weir_record_parts p = { .head = { .seq = 1 } };
    struct weir_record_parts q;

    assert_non_null(big);
    assert_non_null(row);
    p.value = weir_span(big, WEIR_RECORD_MAX);
    weir_record_pack(&p, KEY, row);
    size_t len = weir_record_packed_len(&p);
    assert_int_equal(weir_record_unpack(weir_span(row, len), KEY, &q), WEIR_OK);
    assert_int_equal(weir_record_unpack(weir_span(row, len + 1), KEY, &q), WEIR_ECORRUPT);
    free(big);
    free(row);
}

static void context_keeps_the_newest_dot_of_a_lane_and_drops_the_oldest_lane(void **state)
{
    struct weir_record_head h = { .seq = 1 };

    weir_record_ctx_add(&h, 1, 10);
    weir_record_ctx_add(&h, 2, 20);
    weir_record_ctx_add(&h, 1, 5);
    assert_int_equal(h.num_ctx, 2);
    assert_int_equal(h.ctx[0].lane_idx, 2);
    assert_int_equal(h.ctx[1].lane_idx, 1);
    assert_int_equal(h.ctx[1].seq, 10);
    for (uint32_t lane = 3; lane < 3 + WEIR_RECORD_CTX_MAX; lane++)
        weir_record_ctx_add(&h, lane, lane);
    assert_int_equal(h.num_ctx, WEIR_RECORD_CTX_MAX);
    assert_int_equal(h.ctx[0].lane_idx, 3);
    assert_int_equal(h.ctx[WEIR_RECORD_CTX_MAX - 1].lane_idx, 2 + WEIR_RECORD_CTX_MAX);
}

/* Naive twin: a list of (lane, seq) in order of last change. */
static void context_agrees_with_a_naive_twin(void **state)
{
    struct weir_rng rng;

    weir_rng_init(&rng, 20261121);
    for (int round = 0; round < 500; round++) {
        struct weir_record_head h = { .seq = 1 };
        struct weir_record_ctx twin[64];
        unsigned num = 0;
        for (int i = 0; i < 40; i++) {
            uint32_t lane = (uint32_t)weir_rng_below(&rng, 12);
            uint64_t seq = 1 + weir_rng_below(&rng, 50);
            weir_record_ctx_add(&h, lane, seq);
            unsigned at = 0;
            while (at < num && twin[at].lane_idx != lane)
                at++;
            if (at < num) {
                seq = twin[at].seq > seq ? twin[at].seq : seq;
                for (; at + 1 < num; at++)
                    twin[at] = twin[at + 1];
                num--;
            }
            twin[num++] = (struct weir_record_ctx){ lane, seq };
            if (num > WEIR_RECORD_CTX_MAX) {
                memmove(&twin[0], &twin[1], (num - 1) * sizeof(twin[0]));
                num--;
            }
            assert_int_equal(h.num_ctx, num);
            for (unsigned j = 0; j < num; j++) {
                assert_int_equal(h.ctx[j].lane_idx, twin[j].lane_idx);
                assert_int_equal(h.ctx[j].seq, twin[j].seq);
            }
        }
    }
}

static void stamp_is_the_wall_clock_but_always_above_what_it_follows(void **state)
{
    uint64_t hlc = 0;

    assert_int_equal(weir_hlc_next(1000, 0, &hlc), WEIR_OK);
    assert_int_equal(hlc, UINT64_C(1000) << 16);
    assert_int_equal(weir_hlc_next(1000, hlc, &hlc), WEIR_OK);
    assert_int_equal(hlc, (UINT64_C(1000) << 16) + 1);
    assert_int_equal(weir_hlc_next(5, hlc, &hlc), WEIR_OK);
    assert_int_equal(hlc, (UINT64_C(1000) << 16) + 2);
    assert_int_equal(weir_hlc_ms(hlc), 1000);
}

static void stamp_is_never_beyond_the_year_9999(void **state)
{
    uint64_t hlc = 0;

    assert_int_equal(weir_hlc_next(1, WEIR_HLC_MAX - 1, &hlc), WEIR_OK);
    assert_int_equal(hlc, WEIR_HLC_MAX);
    assert_int_equal(weir_hlc_next(1, WEIR_HLC_MAX, &hlc), WEIR_ELIMIT);
    assert_int_equal(weir_hlc_next(1, UINT64_MAX, &hlc), WEIR_ELIMIT);
    assert_int_equal(weir_hlc_next(UINT64_C(253402300799999), 0, &hlc), WEIR_OK);
    assert_int_equal(weir_hlc_next(UINT64_C(253402300800000), 0, &hlc), WEIR_ELIMIT);
    assert_int_equal(weir_hlc_next(UINT64_MAX, 0, &hlc), WEIR_ELIMIT);
}

static void versions_order_by_stamp_then_lane(void **state)
{
    uint8_t a[16] = { 1 };
    uint8_t b[16] = { 2 };

    assert_true(weir_hlc_cmp(1, b, 2, a) < 0);
    assert_true(weir_hlc_cmp(2, a, 2, b) < 0);
    assert_true(weir_hlc_cmp(2, b, 2, a) > 0);
    assert_int_equal(weir_hlc_cmp(2, a, 2, a), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_comes_back_as_it_was_packed),
        cmocka_unit_test(record_keeps_a_signature_and_packs_at_odd_addresses),
        cmocka_unit_test(record_carries_what_a_later_version_added_between_signature_and_value),
        cmocka_unit_test(record_with_more_of_a_later_version_than_the_limit_is_refused),
        cmocka_unit_test(record_layout_on_disk_is_the_documented_one),
        cmocka_unit_test(record_cut_at_any_byte_is_refused),
        cmocka_unit_test(record_with_any_bit_flipped_is_refused),
        cmocka_unit_test(record_under_another_key_is_refused),
        cmocka_unit_test(record_value_may_be_as_large_as_the_limit_and_no_larger),
        cmocka_unit_test(context_keeps_the_newest_dot_of_a_lane_and_drops_the_oldest_lane),
        cmocka_unit_test(context_agrees_with_a_naive_twin),
        cmocka_unit_test(stamp_is_the_wall_clock_but_always_above_what_it_follows),
        cmocka_unit_test(stamp_is_never_beyond_the_year_9999),
        cmocka_unit_test(versions_order_by_stamp_then_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
