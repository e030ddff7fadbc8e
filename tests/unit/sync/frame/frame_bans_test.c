/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_bans_test.c - ban columns: records go in and come out the same; what has no place in them
 * is not accepted, and false columns are rejected by decode.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/limits.h"
#include "node/base/rng.h"
#include "sync/frame/frame_bans.h"
#include "sync/version/hlc.h"
#include "tests/support/failalloc.h"
#include "tests/support/frames.h"

#define SENT_MS  UINT64_C(1800000000999)
#define NUM_BANS 500

static void random_ban(struct weir_rng *rng, struct weir_frame_ban *ban, uint64_t seq)
{
    bool is_v4 = weir_rng_below(rng, 2) == 0;
    unsigned bits = (unsigned)weir_rng_below(rng, is_v4 ? 33 : 129);

    memset(ban, 0, sizeof(*ban));
    ban->key[3] = (uint8_t)weir_rng_below(rng, 3);
    ban->key[0] = (uint8_t)(weir_rng_below(rng, 8) == 0 ? 0xff : 0);
    ban->key[4] = is_v4 ? 4 : 6;
    for (unsigned i = 0; i < bits; i++)
        if (weir_rng_below(rng, 2) == 0)
            ban->key[5 + i / 8] |= (uint8_t)(0x80 >> i % 8);
    ban->key[21] = (uint8_t)bits;
    ban->reason = (uint8_t)weir_rng_below(rng, 256);
    ban->rec = (struct weir_record){
        .class = WEIR_CLASS_BAN,
        .version = { .hlc = weir_rng_below(rng, WEIR_HLC_MAX + 1), .seq = seq },
        .tombstone = weir_rng_below(rng, 5) == 0,
    };
    memset(ban->rec.version.lane, 0x22, WEIR_LANE_LEN);
    if (!ban->rec.tombstone)
        ban->rec.expires = SENT_MS / 1000 + 1 + weir_rng_below(rng, WEIR_BAN_TTL_MAX);
}

static void point(struct weir_frame_ban *ban)
{
    ban->rec.key = weir_span(ban->key, sizeof(ban->key));
    ban->rec.value = ban->rec.tombstone ? WEIR_SPAN_EMPTY : weir_span(&ban->reason, 1);
}

/* Columns as a frame. The caller frees. */
static struct wire frame_of(Weir__V1__BanCols *cols)
{
    struct wire w = wire_batch(WEIR_FRAME_BATCH_E, 100);
    uint8_t *bytes = malloc(weir__v1__ban_cols__get_packed_size(cols));

    assert_non_null(bytes);
    size_t len = weir__v1__ban_cols__pack(cols, bytes);
    wire_number(&w, 4, 'E');
    wire_fill(&w, 5, 0x44, 16);
    wire_number(&w, 6, SENT_MS);
    wire_bytes(&w, 8, bytes, len);
    free(bytes);
    return w;
}

static void same(const struct weir_record *a, const struct weir_record *b)
{
    assert_int_equal(a->class, b->class);
    assert_true(weir_span_eq(a->key, b->key));
    assert_true(weir_span_eq(a->value, b->value));
    assert_int_equal(a->version.hlc, b->version.hlc);
    assert_int_equal(a->version.seq, b->version.seq);
    assert_memory_equal(a->version.lane, b->version.lane, WEIR_LANE_LEN);
    assert_int_equal(a->tombstone, b->tombstone);
    assert_int_equal(a->expires, b->expires);
}

static void bans_come_back_as_the_records_they_were(void **state)
{
    struct weir_frame_ban *bans = calloc(NUM_BANS, sizeof(*bans));
    struct weir_frame_cols *cols = NULL;
    struct weir_rng rng;

    assert_non_null(bans);
    weir_rng_init(&rng, 20261129);
    assert_int_equal(weir_frame_cols_new(NUM_BANS, &cols), WEIR_OK);
    for (int round = 0; round < 40; round++) {
        size_t num = 1 + weir_rng_below(&rng, NUM_BANS);
        weir_frame_cols_reset(cols, SENT_MS);
        for (size_t i = 0; i < num; i++) {
            random_ban(&rng, &bans[i], 100 + i);
            point(&bans[i]);
            assert_int_equal(weir_frame_cols_add(cols, &bans[i].rec), WEIR_OK);
        }
        assert_int_equal(weir_frame_cols_num(cols), num);
        struct wire w = frame_of(weir_frame_cols_msg(cols));
        struct weir_frame f = { 0 };
        struct weir_frame_bans b;
        struct weir_frame_ban ban;
        enum weir_frame_fault fault;
        assert_int_equal(weir_frame_decode(wire_span(&w), &f, &fault), WEIR_OK);
        weir_frame_bans_begin(&b, f.msg.batch);
        for (size_t i = 0; i < num; i++) {
            assert_true(weir_frame_bans_next(&b, &ban));
            same(&ban.rec, &bans[i].rec);
        }
        assert_false(weir_frame_bans_next(&b, &ban));
        weir_frame_deinit(&f);
        free(w.at);
    }
    weir_frame_cols_free(&cols);
    weir_frame_cols_free(&cols);
    free(bans);
}

static void batch_without_bans_has_none_to_read(void **state)
{
    struct wire w = frames_batch();
    struct weir_frame f = { 0 };
    struct weir_frame_bans b;
    struct weir_frame_ban ban;
    enum weir_frame_fault fault;

    assert_int_equal(weir_frame_decode(wire_span(&w), &f, &fault), WEIR_OK);
    weir_frame_bans_begin(&b, f.msg.batch);
    assert_false(weir_frame_bans_next(&b, &ban));
    weir_frame_deinit(&f);
    free(w.at);
}

static void bans_of_one_address_take_nine_to_ten_bytes(void **state)
{
    struct weir_frame_cols *cols = NULL;

    assert_int_equal(weir_frame_cols_new(1000, &cols), WEIR_OK);
    weir_frame_cols_reset(cols, SENT_MS);
    for (uint32_t i = 0; i < 1000; i++) {
        struct weir_frame_ban ban = {
            .key = { [4] = 4, [5] = 203, [7] = (uint8_t)(i >> 8), [8] = (uint8_t)i, [21] = 32 }
        };
        ban.rec = (struct weir_record){ .class = WEIR_CLASS_BAN,
                                        .version = { .hlc = (SENT_MS << 16) + i },
                                        .expires = SENT_MS / 1000 + 3600 };
        point(&ban);
        assert_int_equal(weir_frame_cols_add(cols, &ban.rec), WEIR_OK);
    }
    assert_in_range(weir__v1__ban_cols__get_packed_size(weir_frame_cols_msg(cols)), 9000, 10000);
    weir_frame_cols_free(&cols);
}

static void ban_that_does_not_fit_in_columns_is_rejected(void **state)
{
    struct weir_frame_cols *cols = NULL;
    struct weir_frame_ban good = { .key = { [4] = 4, [5] = 203, [21] = 8 }, .reason = 1 };
    uint8_t long_key[WEIR_BAN_KEY_LEN + 1] = { [4] = 4 };
    uint64_t sent = SENT_MS / 1000;

    good.rec = (struct weir_record){ .class = WEIR_CLASS_BAN, .expires = sent + 60 };
    assert_int_equal(weir_frame_cols_new(1, &cols), WEIR_OK);
    weir_frame_cols_reset(cols, SENT_MS);
    for (unsigned n = 0; n <= 14; n++) {
        struct weir_frame_ban ban = good;
        point(&ban);
        ban.rec.class = n == 0 ? WEIR_CLASS_LIST : WEIR_CLASS_BAN;
        ban.rec.schema = n == 1;
        ban.rec.min_reader = n == 2;
        ban.rec.value = n == 3 ? WEIR_SPAN_LIT("xy") : n == 4 ? WEIR_SPAN_EMPTY : ban.rec.value;
        ban.rec.expires = n == 5   ? 0
                          : n == 6 ? sent
                          : n == 7 ? sent + WEIR_BAN_TTL_MAX + 1
                                   : ban.rec.expires;
        ban.rec.key.len -= n == 8;
        ban.rec.key = n == 9 ? weir_span(long_key, sizeof(long_key)) : ban.rec.key;
        ban.key[4] = n == 10 ? 5 : 4;
        ban.key[21] = n == 11 ? 33 : n == 12 ? 7 : 8; /* too long; the address has more bits */
        ban.rec.tombstone = n == 13;                  /* one with a value */
        if (n == 14)
            ban.key[9] = 1; /* behind the four bytes of IPv4 */
        assert_int_equal(weir_frame_cols_add(cols, &ban.rec), WEIR_EUNSUPPORTED);
    }
    assert_int_equal(weir_frame_cols_num(cols), 0);
    point(&good);
    assert_int_equal(weir_frame_cols_add(cols, &good.rec), WEIR_OK);
    assert_int_equal(weir_frame_cols_add(cols, &good.rec), WEIR_ELIMIT);
    assert_int_equal(weir_frame_cols_num(cols), 1);
    weir_frame_cols_free(&cols);
}

/* Two bans, of which the caller spoils something. */
struct two {
    Weir__V1__BanCols msg;
    uint32_t v4[2];
    int32_t ttl_d[2];
    uint32_t scope[3];
    int64_t hlc_d[2];
    uint8_t v6[16];
    uint8_t reason[2];
    uint8_t plen[2];
};

static void two_init(struct two *t)
{
    *t = (struct two){
        .v4 = { 0xcb007101 },
        .ttl_d = { 60, -60 },
        .v6 = { 0x20, 1 },
        .reason = { 7, 0 },
        .plen = { 32, 33 + 16 },
    };
    weir__v1__ban_cols__init(&t->msg);
    t->msg.n_v4 = 1;
    t->msg.v4 = t->v4;
    t->msg.has_v6 = t->msg.has_reason = t->msg.has_plen = 1;
    t->msg.v6 = (ProtobufCBinaryData){ 2, t->v6 };
    t->msg.reason = (ProtobufCBinaryData){ 2, t->reason };
    t->msg.plen = (ProtobufCBinaryData){ 2, t->plen };
    t->msg.n_ttl_d = t->msg.n_scope = t->msg.n_hlc_d = 2;
    t->msg.ttl_d = t->ttl_d;
    t->msg.scope = t->scope;
    t->msg.hlc_d = t->hlc_d;
}

static enum weir_frame_fault two_fault(struct two *t)
{
    struct wire w = frame_of(&t->msg);
    struct weir_frame f = { 0 };
    enum weir_frame_fault fault;

    enum weir_err err = weir_frame_decode(wire_span(&w), &f, &fault);
    assert_int_equal(err == WEIR_OK, fault == WEIR_FRAME_OK);
    weir_frame_deinit(&f);
    free(w.at);
    return fault;
}

static void columns_that_lie_are_refused(void **state)
{
    struct two t;

    two_init(&t);
    assert_int_equal(two_fault(&t), WEIR_FRAME_OK);
    for (unsigned n = 0; n <= 14; n++) {
        two_init(&t);
        t.msg.n_v4 = n == 0 ? 0 : n == 1 ? 2 : 1;
        t.msg.v6.len = n == 2 ? 1 : n == 3 ? 3 : 2;
        t.msg.reason.len = n == 4 ? 1 : 2;
        t.msg.n_ttl_d = n == 5 ? 1 : 2;
        t.msg.n_scope = n == 6 ? 3 : 2;
        t.msg.n_hlc_d = n == 7 ? 0 : 2;
        t.plen[1] = n == 8 ? 162 : t.plen[1];
        t.plen[0] = n == 9 ? 31 : 32; /* the address has a bit behind it */
        t.plen[1] = n == 10 ? 33 + 15 : t.plen[1];
        t.ttl_d[1] = n == 11 ? -61 : -60;
        t.ttl_d[0] = n == 12 ? WEIR_BAN_TTL_MAX + 1 : 60;
        t.reason[1] = n == 13; /* a tombstone with a reason */
        t.msg.plen.len = n == 14 ? 1 : 2;
        assert_int_equal(two_fault(&t), WEIR_FRAME_BAD_BANS);
    }
}

static void batch_of_bans_must_be_of_its_group_alone_and_carry_its_time(void **state)
{
    struct weir_frame f = { 0 };
    enum weir_frame_fault fault;
    struct two t;

    two_init(&t);
    uint8_t *bytes = malloc(weir__v1__ban_cols__get_packed_size(&t.msg));
    assert_non_null(bytes);
    size_t len = weir__v1__ban_cols__pack(&t.msg, bytes);
    for (unsigned n = 0; n < 4; n++) {
        enum weir_frame_topic topic = n == 0 ? WEIR_FRAME_BATCH_C : WEIR_FRAME_BATCH_E;
        struct wire w = wire_batch(topic, n == 3 ? (UINT64_C(1) << 48) - 1 : 5);
        if (n == 1) { /* records beside it */
            struct wire r = wire_record(16, 5);
            wire_number(&r, 5, 1);
            wire_message(&w, 3, &r);
        }
        wire_number(&w, 4, (uint32_t)topic);
        wire_fill(&w, 5, 0x44, 16);
        if (n != 2)
            wire_number(&w, 6, SENT_MS);
        wire_bytes(&w, 8, bytes, len);
        assert_int_equal(weir_frame_decode(wire_span(&w), &f, &fault), WEIR_EPROTO);
        assert_int_equal(fault, WEIR_FRAME_BAD_BANS);
        free(w.at);
    }
    free(bytes);
}

static void columns_without_memory_are_not_made(void **state)
{
    struct weir_frame_cols *cols = NULL;

    weir_failalloc_once(1);
    enum weir_err err = weir_frame_cols_new(10, &cols);
    weir_failalloc_once(-1);
    assert_int_equal(err, WEIR_ENOMEM);
    assert_null(cols);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bans_come_back_as_the_records_they_were),
        cmocka_unit_test(batch_without_bans_has_none_to_read),
        cmocka_unit_test(bans_of_one_address_take_nine_to_ten_bytes),
        cmocka_unit_test(ban_that_does_not_fit_in_columns_is_rejected),
        cmocka_unit_test(columns_that_lie_are_refused),
        cmocka_unit_test(batch_of_bans_must_be_of_its_group_alone_and_carry_its_time),
        cmocka_unit_test(columns_without_memory_are_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
