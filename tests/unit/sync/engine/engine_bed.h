/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_bed.h - a cluster of engines over stores in memory (tests/support/record_store_kit.h),
 * linked and live. Node 0 was the first.   Owner: one test.
 */
#ifndef WEIR_TESTS_UNIT_SYNC_ENGINE_ENGINE_BED_H
#define WEIR_TESTS_UNIT_SYNC_ENGINE_ENGINE_BED_H

#include "tests/support/engine/cluster.h"
#include "tests/support/record_store_kit.h"

#define SECOND UINT64_C(1000000)

struct bed {
    struct cluster c;
    void *home[CLUSTER_MAX][WEIR_GROUP_COUNT];
};

static inline void bed_init(struct bed *b, unsigned num)
{
    const struct rs_maker *maker = &record_store_kit_maker;

    cluster_init(&b->c, num);
    for (unsigned i = 0; i < num; i++)
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
            b->c.node[i].records[g] = maker->make((enum weir_group)g, &b->home[i][g]);
    b->c.node[0].bootstrap = true;
    for (unsigned i = 0; i < num; i++)
        cluster_start(&b->c, i);
    cluster_run(&b->c, SECOND);
}

static inline void bed_deinit(struct bed *b)
{
    cluster_deinit(&b->c);
    for (unsigned i = 0; i < b->c.num; i++)
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
            record_store_kit_maker.free(b->home[i][g]);
}

static inline bool has(struct bed *b, unsigned at, const char *key, const char *value)
{
    return cluster_has(&b->c, at, WEIR_CLASS_TENANT, key, value);
}

static inline void write_key(struct bed *b, unsigned at, const char *key)
{
    assert_int_equal(cluster_write(&b->c, at, WEIR_CLASS_TENANT, key, "v"), WEIR_OK);
}

#endif
