/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_walk.c - sync/engine/engine_audit.c and engine_sums.c: the walk over all records makes the
 * sums, which then follow every change, whatever the walk has reached; when a node is in motion.
 */
#include <stdio.h>
#include <string.h>

#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"
#include "sync/version/hlc.h"
#include "tests/sim/drills/bed/drill_stock.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND UINT64_C(1000000)
#define NEVER  (UINT64_C(1) << 50)
#define FAST   5000 /* us between two turns of a walk that makes the sums */
#define MANY   2101 /* tenants of the long walk */
#define MOTION 0x100

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static const enum weir_class classes[] = { WEIR_CLASS_SETTING, WEIR_CLASS_TENANT, WEIR_CLASS_CERT,
                                           WEIR_CLASS_LIST, WEIR_CLASS_LANE };

static struct weir_span nth_key(struct weir_drill *d, unsigned n)
{
    char key[8];

    int len = snprintf(key, sizeof(key), "k%04u", n);
    return weir_span(weir_drill_bytes(d, key, (size_t)len).data, (size_t)len);
}

static void be_quiet(struct weir_drill *d)
{
    d->cfg.intervals.heartbeat_us = d->cfg.intervals.pull_us = NEVER;
}

/* Two records of each of `classes`, and a tombstone, of a node that is not here: seq 1..15. */
static void stock_classes(struct weir_drill *d, uint8_t lane[WEIR_LANE_LEN])
{
    uint64_t seq = 0;

    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, lane);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(classes); i++)
        for (unsigned n = 0; n < 3; n++) {
            seq++;
            weir_drill_stock_put(d,
                                 &(struct weir_drill_rec){ .class = classes[i],
                                                           .key = nth_key(d, n),
                                                           .value = n < 2 ? "v" : NULL,
                                                           .lane = lane,
                                                           .seq = seq,
                                                           .hlc = weir_drill_stamp(d) + seq },
                                 d->wall_ms);
        }
    weir_drill_stock_end(d, WEIR_GROUP_C);
}

/* -- sums -- */

/* They are complete after the first turn, and heartbeats have those that are not zero. */
static void sums_of_all_classes(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t sum[WEIR_SUM_LEN];

    stock_classes(d, lane);
    d->cfg.intervals.pull_us = NEVER;
    weir_drill_start(d);
    CLAIM(weir_drill_is_summed(d));
    CLAIM(d->e->scan.next_us == d->mono_us + SECOND);
    weir_drill_up(d, 1);
    weir_drill_wait(d, SECOND);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK, 0);
    if (!CLAIM(f != NULL))
        return;
    const Weir__V1__Heartbeat *h = f->msg.heartbeat;
    CLAIM((h->state & MOTION) == 0 && h->n_sum == WEIR_ARRAY_LEN(classes));
    for (size_t i = 0; i < h->n_sum; i++) {
        weir_sum_pack(weir_drill_sums(d, classes[i])->total, sum);
        CLAIM(h->sum[i].data[0] == classes[i]);
        CLAIM(memcmp(h->sum[i].data + 1, sum, WEIR_SUM_LEN) == 0);
    }
    CLAIM(d->e->scan.next_us == d->mono_us + SECOND && d->e->scan.key_len == 0);
}

static void sums_follow_changes(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    stock_classes(d, lane);
    be_quiet(d);
    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "k0000", "new") == WEIR_OK && weir_drill_is_summed(d));
    CLAIM(weir_drill_put(d, "k0001", NULL) == WEIR_OK && weir_drill_is_summed(d));
    CLAIM(weir_drill_put(d, "k0001", "again") == WEIR_OK && weir_drill_is_summed(d));
    CLAIM(weir_drill_put(d, "k0002", "up") == WEIR_OK && weir_drill_is_summed(d));
    CLAIM(weir_drill_write(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), "a", 9) == WEIR_OK);
    CLAIM(weir_drill_write(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), "b", 9) == WEIR_OK);
    CLAIM(weir_drill_is_summed(d));
    /* More in a turn than fit at first. */
    weir_drill_begin(d);
    for (unsigned i = 0; i < 150; i++) {
        struct weir_engine_write w = {
            .class = WEIR_CLASS_ACME, .key = nth_key(d, i), .value = WEIR_SPAN_LIT("v"), .schema = 1
        };
        CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    }
    CLAIM(weir_drill_end(d) == WEIR_OK && weir_drill_is_summed(d));
}

/* A commit that fails changes no sum, though they are made anew. */
static void failed_commit_sums_nothing(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    stock_classes(d, lane);
    be_quiet(d);
    weir_drill_start(d);
    weir_memory_fail_commit(d->store[WEIR_GROUP_C], 1, WEIR_EIO);
    CLAIM(weir_drill_put(d, "k0000", "new") == WEIR_EIO);
    CLAIM(!d->e->scan.summed && weir_engine_in_motion(d->e) && d->e->num_sum_ops == 0);
    CLAIM(d->e->scan.next_us == d->mono_us && d->e->scan.class_at == WEIR_CLASS_SETTING);
    CLAIM(d->e->scan.key_len == 0);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE && !d->e->scan.summed);
    CLAIM(weir_engine_deadline(d->e) <= d->mono_us);
    weir_drill_wait(d, 0);
    CLAIM(weir_drill_is_summed(d) && !weir_engine_in_motion(d->e));
}

/* -- the long walk -- */

/* Key of the nth tenant, n = 0.., as the store has them. */
struct nth {
    size_t left;
    char key[8];
};

static bool find_nth(void *arg, const struct weir_stored_record *rec, bool damaged)
{
    struct nth *n = arg;

    (void)damaged;
    if (rec->rec.class != WEIR_CLASS_TENANT || n->left-- > 0)
        return true;
    memcpy(n->key, rec->rec.key.at, rec->rec.key.len);
    n->key[rec->rec.key.len] = '\0';
    return false;
}

static bool is_at_tenant(const struct weir_drill *d, size_t nth)
{
    const struct engine_scan *s = &d->e->scan;
    struct nth n = { .left = nth };

    weir_memory_each_record(d->store[WEIR_GROUP_C], find_nth, &n);
    return s->class_at == WEIR_CLASS_TENANT &&
           weir_span_eq(weir_span(s->key, s->key_len), weir_span_cstr(n.key));
}

/* Writes on both sides of where the walk is: behind k0998. */
static void write_around(struct weir_drill *d)
{
    CLAIM(weir_drill_put(d, "k0998", "new") == WEIR_OK);
    CLAIM(weir_drill_put(d, "k0997", NULL) == WEIR_OK);
    CLAIM(weir_drill_put(d, "k0999", "new") == WEIR_OK);
    CLAIM(weir_drill_put(d, "k1500", NULL) == WEIR_OK);
    CLAIM(weir_drill_put(d, "k0998x", "1") == WEIR_OK);
    CLAIM(weir_drill_put(d, "k0997x", "1") == WEIR_OK);
    CLAIM(weir_drill_put(d, "k099", "1") == WEIR_OK);
    CLAIM(weir_drill_write(d, WEIR_CLASS_SETTING, WEIR_SPAN_LIT("s"), "1", 0) == WEIR_OK);
    CLAIM(weir_drill_write(d, WEIR_CLASS_SETTING, WEIR_SPAN_LIT("t"), "1", 0) == WEIR_OK);
    CLAIM(weir_drill_write(d, WEIR_CLASS_SETTING, WEIR_SPAN_LIT("t"), NULL, 0) == WEIR_OK);
    CLAIM(weir_drill_write(d, WEIR_CLASS_LIST, WEIR_SPAN_LIT("l"), "1", 0) == WEIR_OK);
    CLAIM(weir_drill_write(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), "a", 99) == WEIR_OK);
    CLAIM(!d->e->scan.summed && is_at_tenant(d, 1000)); /* two more came before k0998 */
}

/* A search of 2,000 records a turn: a peer asks for all. */
static void search_all(struct weir_drill *d)
{
    Weir__V1__Audit *m = weir_drill_alloc(d, sizeof(*m));
    const struct engine_audit *a = &d->e->audit;
    struct nth n = { .left = 1999 };

    weir_drill_meet_level(d, 1);
    weir__v1__audit__init(m);
    m->has_class_ = m->has_buckets = 1;
    m->class_ = WEIR_CLASS_TENANT;
    m->buckets.len = WEIR_SUMS_PACKED_LEN;
    m->buckets.data = weir_drill_alloc(d, WEIR_SUMS_PACKED_LEN);
    memset(m->buckets.data, 0, WEIR_SUMS_PACKED_LEN);
    weir_drill_receive(d, 1, WEIR_FRAME_AUDIT, &m->base);
    CLAIM(a->open && a->key_len == 0 && weir_engine_deadline(d->e) <= d->mono_us);
    weir_drill_wait(d, 0);
    weir_memory_each_record(d->store[WEIR_GROUP_C], find_nth, &n);
    CLAIM(a->open && weir_drill_num_sent(d, WEIR_FRAME_AUDIT, WEIR_DRILL_ANY) == 0);
    CLAIM(weir_span_eq(weir_span(a->key, a->key_len), weir_span_cstr(n.key)));
    weir_drill_wait(d, 0);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_AUDIT, 1, 0);
    CLAIM(!a->open && f != NULL && f->msg.audit->n_kv >= MANY - 2 + 3);
}

/* It takes longer than all others: every second seed. */
static void long_walk(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t at = d->mono_us;

    if (weir_sim_draw(d->x, 2) != 0)
        return;
    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, lane);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    for (unsigned i = 0; i < MANY; i++)
        weir_drill_stock_put(d,
                             &(struct weir_drill_rec){
                                 .key = nth_key(d, i), .value = "v", .lane = lane, .seq = 1 + i },
                             d->wall_ms);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    be_quiet(d);
    weir_drill_start(d);
    CLAIM(!d->e->scan.summed && is_at_tenant(d, 998) && d->e->scan.next_us == at + FAST);
    CLAIM(weir_engine_in_motion(d->e) && weir_engine_deadline(d->e) == at + FAST);
    write_around(d);
    weir_drill_wait(d, FAST - 1);
    CLAIM(is_at_tenant(d, 1000));
    weir_drill_wait(d, 1);
    CLAIM(is_at_tenant(d, 2000) && !d->e->scan.summed && d->e->scan.next_us == d->mono_us + FAST);
    weir_drill_wait(d, FAST);
    CLAIM(weir_drill_is_summed(d) && d->e->scan.next_us == d->mono_us + SECOND);
    CLAIM(d->e->scan.key_len == 0 && d->e->scan.class_at == WEIR_CLASS_SETTING);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(d->e->scan.key_len == 0 && d->e->scan.class_at == WEIR_CLASS_SETTING);
    weir_drill_wait(d, 1); /* two settings and their end: 197 tenants */
    CLAIM(is_at_tenant(d, 196) && d->e->scan.next_us == d->mono_us + SECOND);
    CLAIM(weir_drill_is_summed(d));
    search_all(d);
}

/* -- activation -- */

static uint64_t active_of(struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN])
{
    d->e->heartbeat_at = d->mono_us;
    weir_drill_wait(d, 0);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK, 0);
    for (size_t i = 0; f != NULL && i < f->msg.heartbeat->n_ack; i++)
        if (memcmp(f->msg.heartbeat->ack[i]->lane.data, lane, WEIR_LANE_LEN) == 0)
            return f->msg.heartbeat->ack[i]->active;
    return UINT64_MAX;
}

/* The first walk tells what waits for the data plane; a later one does not. */
static void walk_feeds_activation(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    struct weir_version v = { .seq = 4 };

    d->cfg.compiled = UINT32_C(1) << WEIR_CLASS_TENANT;
    stock_classes(d, lane);
    be_quiet(d);
    weir_drill_start(d);
    weir_drill_up(d, 1);
    CLAIM(active_of(d, lane) == 3);
    memcpy(v.lane, lane, WEIR_LANE_LEN);
    for (; v.seq <= 6; v.seq++) {
        weir_drill_begin(d);
        weir_engine_activated(d->e, &v, WEIR_ACTIVE_LIVE, WEIR_SPAN_EMPTY);
        (void)weir_drill_end(d);
    }
    CLAIM(active_of(d, lane) == 15);
    weir_drill_wait(d, SECOND);
    CLAIM(active_of(d, lane) == 15 || active_of(d, lane) == UINT64_MAX);
}

/* -- motion -- */

/* A record beyond the vector, for two heartbeats since it came; not for each write after it. */
static void motion_beyond_the_vector(struct weir_drill *d)
{
    struct weir_lane_row row = { .vv = 3, .seen = 5 };
    uint64_t beats = 2 * (d->cfg.intervals.heartbeat_us = 200000 + weir_sim_draw(d->x, 100000));

    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, row.lane);
    weir_drill_stock_lane(d, WEIR_GROUP_C, &row);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    d->cfg.intervals.pull_us = NEVER;
    weir_drill_start(d);
    CLAIM(weir_engine_in_motion(d->e));
    weir_drill_wait(d, beats - 1);
    CLAIM(weir_engine_in_motion(d->e));
    weir_drill_wait(d, 1);
    CLAIM(!weir_engine_in_motion(d->e));
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK && !weir_engine_in_motion(d->e));
    weir_drill_begin(d);
    weir_engine_note_seen(d->e, WEIR_GROUP_C, row.lane, 7);
    CLAIM(weir_engine_begin(d->e, WEIR_GROUP_C) && weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_engine_in_motion(d->e));
    weir_drill_wait(d, beats - 1);
    CLAIM(weir_engine_in_motion(d->e));
    weir_drill_wait(d, 1);
    CLAIM(!weir_engine_in_motion(d->e));
    weir_drill_begin(d);
    weir_engine_note_seen(d->e, WEIR_GROUP_C, row.lane, 9);
    weir_engine_raise(d->e, WEIR_GROUP_C, row.lane, 9);
    CLAIM(weir_drill_end(d) == WEIR_OK && !weir_engine_in_motion(d->e));
}

/* While a session for settings is open, whichever; while damage is not mended; unless LIVE. */
static void motion_of_other_causes(struct weir_drill *d)
{
    weir_drill_start(d);
    CLAIM(!weir_engine_in_motion(d->e));
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++) {
        struct engine_pull *p = &d->e->pulls[i];
        p->group = WEIR_GROUP_C;
        CLAIM(!weir_engine_in_motion(d->e));
        p->open = true;
        CLAIM(weir_engine_in_motion(d->e));
        p->group = WEIR_GROUP_E;
        CLAIM(!weir_engine_in_motion(d->e));
        p->open = false;
    }
    d->e->num_damaged = 1;
    CLAIM(weir_engine_in_motion(d->e));
    d->e->num_damaged = 0;
    weir_drill_begin(d);
    weir_engine_give_up(d->e);
    (void)weir_drill_end(d);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_STALE && d->e->scan.summed);
    CLAIM(weir_engine_in_motion(d->e));
}

static void motion_while_joining(struct weir_drill *d)
{
    d->cfg.bootstrap = false;
    weir_drill_start(d);
    CLAIM(d->e->scan.summed && weir_engine_in_motion(d->e));
}

/* -- no memory -- */

/* The sums are complete all the same, a moment later. */
static void allocations_of_the_start_fail(struct weir_drill *outer)
{
    bool has_failed = true;

    for (long n = 1; has_failed && outer->x->claim == NULL; n++) {
        struct weir_drill drill;
        struct weir_drill *d = &drill;
        uint8_t lane[WEIR_LANE_LEN];
        weir_drill_init(d, outer->x);
        stock_classes(d, lane);
        be_quiet(d);
        weir_failalloc_once(n);
        bool is_started = weir_drill_start(d);
        has_failed = weir_sim_plenty();
        if (is_started) {
            weir_drill_wait(d, SECOND);
            weir_drill_wait(d, SECOND);
            CLAIM(weir_drill_is_summed(d) && weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        }
        weir_drill_deinit(d);
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    sums_of_all_classes,           sums_follow_changes,
    failed_commit_sums_nothing,    long_walk,
    walk_feeds_activation,         motion_beyond_the_vector,
    motion_of_other_causes,        motion_while_joining,
    allocations_of_the_start_fail,
};

void weir_drill_walk(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
