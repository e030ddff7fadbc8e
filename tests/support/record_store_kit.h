/* SPDX-License-Identifier: Apache-2.0
 *
 * record_store_kit.h - for tests of the stores behind the engine's record store: a store of either
 * group in a folder of its own, and records out of a few words. Header only, so that only tests of
 * sync/ link it. A record's bytes live in the builder until its next use.
 */
#ifndef WEIR_TESTS_SUPPORT_RECORD_STORE_KIT_H
#define WEIR_TESTS_SUPPORT_RECORD_STORE_KIT_H

#include "sync/store/store_eph.h"
#include "sync/store/store_records.h"
#include "tests/support/record_store_suite.h"
#include "tests/support/store_kit.h"

#define RECORD_STORE_DAY_MS UINT64_C(86400000)
#define RECORD_STORE_NOW_MS (UINT64_C(20000) * RECORD_STORE_DAY_MS) /* some day at midnight */

/* A store of one group and its record store. */
struct record_store_kit {
    struct kit kit;
    char group;
    uint8_t boot_id[WEIR_BOOT_ID_LEN];
    struct weir_record_store *k;
};

static inline uint64_t record_store_kit_revision(enum weir_class class, struct weir_span key,
                                                 struct weir_span value)
{
    (void)class;
    (void)key;
    return value.len > 1 && value.at[0] == 'r' ? value.at[1] - (uint64_t)'0' : 0;
}

static inline void record_store_kit_open(struct record_store_kit *kk)
{
    enum weir_err err = kk->group == 'C' ? weir_store_open(&kk->kit.cfg, &kk->kit.s)
                                         : weir_eph_open(&kk->kit.cfg, kk->boot_id, &kk->kit.s);

    assert_int_equal(err, WEIR_OK);
    assert_int_equal(weir_store_reader_new(kk->kit.s, &kk->kit.r), WEIR_OK);
    kk->k = weir_store_records(kk->kit.s);
}

static inline void record_store_kit_init(struct record_store_kit *kk, char group)
{
    memset(kk, 0, sizeof(*kk));
    kit_init_quick(&kk->kit);
    kk->group = group;
    kk->boot_id[0] = 1;
    kk->kit.cfg.driven = true;
    kk->kit.cfg.revision = record_store_kit_revision;
    record_store_kit_open(kk);
}

static inline void record_store_kit_reopen(struct record_store_kit *kk)
{
    kit_close(&kk->kit);
    record_store_kit_open(kk);
}

static inline void record_store_kit_deinit(struct record_store_kit *kk)
{
    kit_deinit(&kk->kit);
}

static inline enum weir_class record_store_kit_class(const struct record_store_kit *kk)
{
    return kk->group == 'C' ? WEIR_CLASS_TENANT : WEIR_CLASS_BAN;
}

/* A lane: node `n`, its group, number `n`. */
static inline void rs_lane(uint8_t n, uint8_t out[WEIR_LANE_LEN])
{
    memset(out, n, WEIR_LANE_LEN);
    out[8] = 'C';
}

/* A live record of dot (lane n, seq), stamped by seq. */
static inline struct weir_stored_record rs_record(const struct record_store_kit *kk,
                                                  const char *key, uint8_t lane, uint64_t seq,
                                                  const char *value)
{
    struct weir_stored_record rec = {
        .rec = {
            .class = record_store_kit_class(kk),
            .key = weir_span_cstr(key),
            .version = { .hlc = seq << 16, .seq = seq },
            .schema = 3,
            .min_reader = 2,
            .value = weir_span_cstr(value),
        },
        .stored_ms = RECORD_STORE_NOW_MS,
    };

    rs_lane(lane, rec.rec.version.lane);
    return rec;
}

static inline struct weir_stored_record rs_tombstone(const struct record_store_kit *kk,
                                                     const char *key, uint8_t lane, uint64_t seq,
                                                     uint64_t stored_ms)
{
    struct weir_stored_record rec = rs_record(kk, key, lane, seq, "");

    rec.rec.tombstone = true;
    rec.rec.value = WEIR_SPAN_EMPTY;
    rec.stored_ms = stored_ms;
    return rec;
}

static inline void rs_begin(struct record_store_kit *kk)
{
    assert_int_equal(kk->k->ops->begin(kk->k), WEIR_OK);
}

static inline void rs_commit(struct record_store_kit *kk)
{
    assert_int_equal(kk->k->ops->commit(kk->k), WEIR_OK);
}

static inline void rs_put(struct record_store_kit *kk, const struct weir_stored_record *rec)
{
    assert_int_equal(kk->k->ops->put(kk->k, rec), WEIR_OK);
}

/* One record in a transaction of its own. */
static inline void rs_put_now(struct record_store_kit *kk, const struct weir_stored_record *rec)
{
    rs_begin(kk);
    rs_put(kk, rec);
    rs_commit(kk);
}

static inline enum weir_err rs_get(struct record_store_kit *kk, const char *key,
                                   struct weir_stored_record *ret)
{
    return kk->k->ops->get(kk->k, record_store_kit_class(kk), weir_span_cstr(key), ret);
}

/* All of it but for when it was stored, which a store may round. */
static inline void rs_same(const struct weir_stored_record *a, const struct weir_stored_record *b)
{
    assert_int_equal(a->rec.class, b->rec.class);
    assert_true(weir_span_eq(a->rec.key, b->rec.key));
    assert_int_equal(a->rec.version.hlc, b->rec.version.hlc);
    assert_memory_equal(a->rec.version.lane, b->rec.version.lane, WEIR_LANE_LEN);
    assert_int_equal(a->rec.version.seq, b->rec.version.seq);
    assert_int_equal(a->rec.tombstone, b->rec.tombstone);
    assert_int_equal(a->rec.schema, b->rec.schema);
    assert_int_equal(a->rec.min_reader, b->rec.min_reader);
    assert_int_equal(a->rec.expires, b->rec.expires);
    assert_true(weir_span_eq(a->rec.value, b->rec.value));
    assert_true(weir_span_eq(a->sig, b->sig));
    assert_true(weir_span_eq(a->extra, b->extra));
    assert_int_equal(a->num_ctx, b->num_ctx);
    for (unsigned i = 0; i < a->num_ctx; i++) {
        assert_memory_equal(a->ctx[i].tail, b->ctx[i].tail, WEIR_LANE_TAIL_LEN);
        assert_int_equal(a->ctx[i].seq, b->ctx[i].seq);
    }
}

/* The loser: dot (lane 1, seq). */
static inline struct weir_conflict rs_conflict(struct record_store_kit *kk, const char *key,
                                               uint64_t seq, uint64_t noted_ms)
{
    struct weir_conflict c = { .noted_ms = noted_ms,
                               .loser = rs_record(kk, key, 1, seq, "lost"),
                               .winner = { .hlc = 99 << 16, .seq = 98 } };

    rs_lane(2, c.winner.lane);
    c.loser.num_ctx = 1;
    memset(c.loser.ctx[0].tail, 'q', WEIR_LANE_TAIL_LEN);
    c.loser.ctx[0].seq = 3;
    c.loser.extra = WEIR_SPAN_LIT("later");
    return c;
}

/* NULL: there is none. */
static inline void rs_expect_conflict(struct record_store_kit *kk, uint64_t at,
                                      const struct weir_conflict *c)
{
    struct weir_conflict got;

    enum weir_err err = kk->k->ops->get_conflict(kk->k, at, &got);
    assert_int_equal(err, c != NULL ? WEIR_OK : WEIR_ENOTFOUND);
    if (c == NULL)
        return;
    assert_int_equal(got.noted_ms, c->noted_ms);
    assert_int_equal(got.winner.hlc, c->winner.hlc);
    assert_int_equal(got.winner.seq, c->winner.seq);
    assert_memory_equal(got.winner.lane, c->winner.lane, WEIR_LANE_LEN);
    rs_same(&got.loser, &c->loser);
}

/* A test once for each group, in main's list; its state is the group. */
#define RECORD_STORE_BOTH(test)                                                                    \
    { #test " (C)", test, NULL, NULL, (char[]){ "C" } },                                           \
    {                                                                                              \
#test " (E)", test, NULL, NULL, (char[])                                                   \
        {                                                                                          \
            "E"                                                                                    \
        }                                                                                          \
    }

static inline char rs_group_of(void **state)
{
    return *(const char *)*state;
}

/* -- for suites -- */

static inline struct weir_record_store *record_store_kit_make(enum weir_group group,
                                                              void **ret_home)
{
    struct record_store_kit *kk = malloc(sizeof(*kk));

    assert_non_null(kk);
    record_store_kit_init(kk, group == WEIR_GROUP_C ? 'C' : 'E');
    *ret_home = kk;
    return kk->k;
}

static inline struct weir_record_store *record_store_kit_again(void *home)
{
    struct record_store_kit *kk = home;

    record_store_kit_reopen(kk);
    return kk->k;
}

static inline void record_store_kit_end(void *home)
{
    record_store_kit_deinit(home);
    free(home);
}

static const struct rs_maker record_store_kit_maker __attribute__((unused)) = {
    "LMDB",
    record_store_kit_make,
    record_store_kit_again,
    record_store_kit_end,
};

#endif
