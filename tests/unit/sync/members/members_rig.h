/* SPDX-License-Identifier: Apache-2.0
 *
 * members_rig.h - a table of members for tests, nodes named by small numbers. Header only.
 */
#ifndef WEIR_TESTS_UNIT_SYNC_MEMBERS_MEMBERS_RIG_H
#define WEIR_TESTS_UNIT_SYNC_MEMBERS_MEMBERS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sync/members/members.h"
#include "sync/version/num.h"

#define S            UINT64_C(1000000) /* us */
#define RIG_START_US (100 * S)
#define RIG_WALL_MS  UINT64_C(1800000000000)
#define RIG_SCHEMA   3

/* This node is number 0. */
struct rig {
    struct weir_members *m;
    uint64_t us;
    int64_t wall_ahead_ms; /* of this node's clock */
    uint8_t younger[WEIR_INCARNATION_LEN];
};

/* Ids do not ascend with numbers. */
static inline const uint8_t *rig_id(unsigned n)
{
    static uint8_t ids[4][WEIR_NODE_ID_LEN];
    static unsigned next;
    uint8_t *id = ids[next++ % 4];

    weir_num_write_be(id, (n * UINT64_C(0x9e3779b97f4a7c15)) ^ 0x5555, WEIR_NODE_ID_LEN);
    return id;
}

static inline struct weir_span rig_key(unsigned n)
{
    return weir_span(rig_id(n), WEIR_NODE_ID_LEN);
}

static inline struct rig rig_new(void)
{
    struct rig r = { .us = RIG_START_US };
    struct weir_members_config cfg = {
        .incarnation = { 1 },
        .schema_max = RIG_SCHEMA,
        .mono_us = RIG_START_US,
    };

    memcpy(cfg.node, rig_id(0), WEIR_NODE_ID_LEN);
    assert_int_equal(weir_members_new(&cfg, &r.m), WEIR_OK);
    weir_members_tick(r.m, RIG_START_US, RIG_WALL_MS);
    return r;
}

static inline uint64_t rig_true_ms(const struct rig *r)
{
    return RIG_WALL_MS + (r->us - RIG_START_US) / 1000;
}

static inline void rig_pass(struct rig *r, uint64_t us)
{
    r->us += us;
    weir_members_tick(r->m, r->us, (uint64_t)((int64_t)rig_true_ms(r) + r->wall_ahead_ms));
}

static inline struct weir_member rig_record(unsigned n)
{
    struct weir_member rec = { .state = WEIR_MEMBER_JOINED, .schema_max = RIG_SCHEMA };

    memcpy(rec.node, rig_id(n), WEIR_NODE_ID_LEN);
    return rec;
}

static inline enum weir_err rig_put_record(struct rig *r, const struct weir_member *rec)
{
    uint8_t value[WEIR_MEMBER_LEN_MAX];

    weir_member_pack(rec, value);
    return weir_members_put(r->m, weir_span(rec->node, WEIR_NODE_ID_LEN),
                            weir_span(value, weir_member_packed_len(rec)));
}

static inline void rig_put(struct rig *r, unsigned n, enum weir_member_state state)
{
    struct weir_member rec = rig_record(n);

    rec.state = state;
    assert_int_equal(rig_put_record(r, &rec), WEIR_OK);
}

/* Members 0..num-1 are there. */
static inline struct rig rig_of(unsigned num)
{
    struct rig r = rig_new();

    for (unsigned n = 0; n < num; n++)
        rig_put(&r, n, WEIR_MEMBER_JOINED);
    return r;
}

/* Heartbeat of one life of a node; its number is the time. */
static inline enum weir_members_admission rig_heartbeat(struct rig *r, unsigned n, uint8_t life)
{
    uint8_t incarnation[WEIR_INCARNATION_LEN] = { life };
    struct weir_members_heartbeat h = {
        .node = rig_id(n),
        .incarnation = incarnation,
        .n = r->us,
        .schema_max = RIG_SCHEMA,
    };

    return weir_members_heard(r->m, &h, r->younger);
}

static inline void rig_hear(struct rig *r, unsigned n)
{
    assert_int_equal(rig_heartbeat(r, n, 1), WEIR_MEMBERS_FINE);
}

/* Node `from` reports that it heard node `of` so long ago. */
static inline void rig_vouch(struct rig *r, unsigned from, unsigned of, uint64_t held_us)
{
    struct weir_members_echo e = { .n = r->us, .held_us = held_us };

    memcpy(e.node, rig_id(of), WEIR_NODE_ID_LEN);
    weir_members_vouched(r->m, rig_id(from), &e);
}

static inline enum weir_members_life rig_life(const struct rig *r, unsigned n)
{
    const struct weir_members_item *item = weir_members_find(r->m, rig_id(n));

    assert_non_null(item);
    return item->life;
}

#endif
