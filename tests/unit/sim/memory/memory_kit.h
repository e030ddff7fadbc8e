/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_kit.h - for the tests of the store in memory: stores, records and short transactions.
 */
#ifndef WEIR_TESTS_UNIT_SIM_MEMORY_MEMORY_KIT_H
#define WEIR_TESTS_UNIT_SIM_MEMORY_MEMORY_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/memory/memory.h"
#include "tests/support/record_store_suite.h"

#define KIT_STORED_MS (20000 * UINT64_C(86400000))

static inline struct weir_memory *kit_new(enum weir_group group)
{
    struct weir_memory *m = NULL;

    assert_int_equal(weir_memory_new(group, &m), WEIR_OK);
    return m;
}

static inline const uint8_t *kit_lane(uint8_t id, uint8_t out[WEIR_LANE_LEN])
{
    memset(out, id, WEIR_LANE_LEN);
    return out;
}

/* In group E it expires at second 1000 + seq. @param key  borrowed by the record */
static inline struct weir_stored_record kit_rec(enum weir_group group, const char *key,
                                                uint8_t lane, uint64_t seq)
{
    struct weir_stored_record rec = {
        .rec = {
            .class = group == WEIR_GROUP_C ? WEIR_CLASS_TENANT : WEIR_CLASS_BAN,
            .key = weir_span_cstr(key),
            .version = { .hlc = seq << 16, .seq = seq },
            .expires = group == WEIR_GROUP_E ? 1000 + seq : 0,
            .value = WEIR_SPAN_LIT("value"),
        },
        .stored_ms = KIT_STORED_MS,
    };

    (void)kit_lane(lane, rec.rec.version.lane);
    return rec;
}

static inline struct weir_stored_record kit_tomb(enum weir_group group, const char *key,
                                                 uint8_t lane, uint64_t seq)
{
    struct weir_stored_record rec = kit_rec(group, key, lane, seq);

    rec.rec.tombstone = true;
    rec.rec.value = WEIR_SPAN_EMPTY;
    rec.rec.expires = 0;
    return rec;
}

static inline const struct weir_record_store_ops *kit_ops(struct weir_memory *m)
{
    return weir_memory_record_store(m)->ops;
}

static inline void kit_begin(struct weir_memory *m)
{
    assert_int_equal(kit_ops(m)->begin(weir_memory_record_store(m)), WEIR_OK);
}

static inline enum weir_err kit_commit(struct weir_memory *m)
{
    return kit_ops(m)->commit(weir_memory_record_store(m));
}

static inline void kit_abort(struct weir_memory *m)
{
    kit_ops(m)->abort(weir_memory_record_store(m));
}

static inline enum weir_err kit_put(struct weir_memory *m, const struct weir_stored_record *rec)
{
    return kit_ops(m)->put(weir_memory_record_store(m), rec);
}

/* In a transaction of its own, which succeeds. */
static inline void kit_store(struct weir_memory *m, const struct weir_stored_record *rec)
{
    kit_begin(m);
    assert_int_equal(kit_put(m, rec), WEIR_OK);
    assert_int_equal(kit_commit(m), WEIR_OK);
}

/* Two lanes, live records, a tombstone, in group C a conflict, numbers. */
static inline void kit_fill(struct weir_memory *m, enum weir_group group)
{
    struct weir_record_store *k = weir_memory_record_store(m);
    struct weir_stored_record recs[] = { kit_rec(group, "a", 1, 1), kit_rec(group, "b", 2, 5),
                                         kit_tomb(group, "c", 1, 2) };
    struct weir_conflict c = { .noted_ms = 7, .loser = kit_rec(group, "b", 3, 9) };
    struct weir_store_meta meta = { .seq = 2, .hlc_floor = 3, .live = true };

    (void)kit_lane(1, meta.lane);
    kit_begin(m);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(recs); i++)
        assert_int_equal(kit_put(m, &recs[i]), WEIR_OK);
    if (group == WEIR_GROUP_C)
        assert_int_equal(k->ops->put_conflict(k, &c), WEIR_OK);
    assert_int_equal(k->ops->put_meta(k, &meta), WEIR_OK);
    assert_int_equal(kit_commit(m), WEIR_OK);
}

#endif
