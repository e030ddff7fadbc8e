/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_suite_bed.h - engines side by side over stores of one maker, linked and live.
 * Owner: one test.
 */
#ifndef WEIR_TESTS_SUPPORT_ENGINE_ENGINE_SUITE_BED_H
#define WEIR_TESTS_SUPPORT_ENGINE_ENGINE_SUITE_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/engine/cluster.h"
#include "tests/support/record_store_suite.h"

#define SECOND UINT64_C(1000000)

struct bed {
    struct cluster c;
    void *home[CLUSTER_MAX][WEIR_GROUP_COUNT];
};

extern const struct rs_maker *engine_suite_maker; /* set it once, before the tests run */

static inline void bed_make(struct bed *b, unsigned num)
{
    cluster_init(&b->c, num);
    for (unsigned i = 0; i < num; i++)
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
            b->c.node[i].records[g] = engine_suite_maker->make((enum weir_group)g, &b->home[i][g]);
    b->c.node[0].bootstrap = true;
}

static inline void bed_start(struct bed *b)
{
    for (unsigned i = 0; i < b->c.num; i++)
        cluster_start(&b->c, i);
    cluster_run(&b->c, SECOND);
    for (unsigned i = 0; i < b->c.num; i++)
        assert_int_equal(weir_engine_state(b->c.node[i].engine), WEIR_ENGINE_LIVE);
}

static inline void bed_init(struct bed *b, unsigned num)
{
    bed_make(b, num);
    bed_start(b);
}

static inline void bed_deinit(struct bed *b)
{
    cluster_deinit(&b->c);
    for (unsigned i = 0; i < b->c.num; i++)
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
            engine_suite_maker->free(b->home[i][g]);
}

/* Stop, close and open the stores, start again. */
static inline void restart(struct bed *b, unsigned at)
{
    cluster_stop(&b->c, at);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        b->c.node[at].records[g] = engine_suite_maker->reopen(b->home[at][g]);
    cluster_start(&b->c, at);
}

static inline uint64_t count(struct bed *b, unsigned at, enum weir_engine_count what)
{
    return weir_engine_counter(b->c.node[at].engine, what);
}

static inline enum weir_err put_tenant(struct bed *b, unsigned at, const char *key,
                                       const char *value)
{
    return cluster_write(&b->c, at, WEIR_CLASS_TENANT, key, value);
}

static inline void write_key(struct bed *b, unsigned at, const char *key)
{
    assert_int_equal(put_tenant(b, at, key, "v"), WEIR_OK);
}

static inline bool has(struct bed *b, unsigned at, const char *key, const char *value)
{
    return cluster_has(&b->c, at, WEIR_CLASS_TENANT, key, value);
}

static inline void assert_equal(struct bed *b)
{
    for (unsigned i = 1; i < b->c.num; i++)
        assert_true(weir_vector_eq(weir_engine_vv(b->c.node[0].engine, WEIR_GROUP_C),
                                   weir_engine_vv(b->c.node[i].engine, WEIR_GROUP_C)));
}

/** The tests of lanes that end. @return how many failed */
int engine_suite_lanes_run(void);

#endif
