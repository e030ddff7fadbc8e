/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_heartbeat.c - sync/engine/engine_heartbeat.c: each field of a heartbeat and when it is
 * sent; and what one of a peer leads to.
 */
#include <string.h>

#include "sync/engine/engine_group.h"
#include "sync/version/sums.h"
#include "tests/sim/drills/bed/drill_links.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND      WEIR_DRILL_SECOND
#define DOUBT_US    100000
#define MOTION      0x100
#define WALL_BEYOND (UINT64_C(1) << 50) /* ms; a stamp has 48 bits */
#define A           0
#define B           1
#define C           3
#define SWEEP_MAX   64

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static const Weir__V1__Heartbeat *sent(const struct weir_drill *d)
{
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK, 0);

    return f != NULL ? f->msg.heartbeat : NULL;
}

/* Time passes up to the next heartbeat. */
static const Weir__V1__Heartbeat *next(struct weir_drill *d)
{
    weir_drill_wait(d, d->e->heartbeat_at - d->mono_us);
    return sent(d);
}

/* -- what it says -- */

static bool is_named(const struct weir_drill *d, const Weir__V1__Heartbeat *m)
{
    return m->has_node && m->node.len == WEIR_NODE_ID_LEN &&
           memcmp(m->node.data, d->cfg.node, WEIR_NODE_ID_LEN) == 0 && m->has_incarnation &&
           m->incarnation.len == WEIR_INCARNATION_LEN &&
           memcmp(m->incarnation.data, weir_engine_incarnation(d->e), WEIR_INCARNATION_LEN) == 0;
}

static bool has_hashes(const struct weir_drill *d, const Weir__V1__Heartbeat *m)
{
    return m->has_vv_hash && m->vv_hash == weir_engine_hash(d->e, WEIR_GROUP_C) &&
           m->has_ban_hash && m->ban_hash == weir_engine_hash(d->e, WEIR_GROUP_E) &&
           m->has_folded_hash && m->folded_hash == weir_vector_hash(weir_engine_folded(d->e));
}

static void state_each_field(struct weir_drill *d)
{
    struct weir_lane_row row = { .vv = 5, .seen = 5, .floor = 5, .final = 5 | ENGINE_FOLDED };
    uint64_t first = d->wall_ms + d->mono_us / 1000 + 1;

    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, row.lane);
    weir_drill_fill(d, WEIR_GROUP_C, &row, 1);
    d->cfg.schema_max = (uint16_t)(1 + weir_sim_draw(d->x, 60000));
    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK && weir_drill_put(d, "l", "w") == WEIR_OK);
    CLAIM(weir_drill_write(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), "", 99) == WEIR_OK);
    weir_drill_meet(d, A);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(sent(d) == NULL);
    weir_drill_wait(d, 1);
    const Weir__V1__Heartbeat *m = sent(d);
    if (!CLAIM(m != NULL && weir_drill_num_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_DRILL_ANY) == 1))
        return;
    CLAIM(is_named(d, m) && has_hashes(d, m));
    CLAIM(m->has_n && m->n == first + 1);
    CLAIM(m->has_wall_ms && m->wall_ms == d->wall_ms + d->mono_us / 1000);
    CLAIM(m->has_schema_max && m->schema_max == d->cfg.schema_max);
    CLAIM(m->has_state && m->state == (WEIR_ENGINE_LIVE | MOTION) && m->n_sum == 0);
    CLAIM(m->n_own == 2);
    CLAIM(weir_drill_listed(m->own, m->n_own, weir_drill_own(d, WEIR_GROUP_C)) ==
          d->e->group[WEIR_GROUP_C].meta.seq);
    CLAIM(weir_drill_listed(m->own, m->n_own, weir_drill_own(d, WEIR_GROUP_E)) == 1);

    /* A second after the last one, not after when that should have been. */
    weir_drill_respond(d, A);
    d->e->pull_at = UINT64_MAX;
    weir_drill_wait(d, 3 * SECOND / 2);
    m = sent(d);
    CLAIM(m != NULL && m->n == first + 2);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(sent(d) == NULL);
    d->wall_ms = WALL_BEYOND;
    weir_drill_wait(d, 1);
    m = sent(d);
    CLAIM(m != NULL && m->n == first + 3 && m->wall_ms == (UINT64_C(1) << 48) - 1);
    CLAIM(m != NULL && m->state == WEIR_ENGINE_LIVE && m->n_sum == 2);
}

/* The sums are those of the live records, class by class; a class without records has none. */
static void state_sums(struct weir_drill *d)
{
    static struct weir_sums sums;
    const struct weir_siphash_key key = d->cfg.audit_key;
    uint8_t packed[WEIR_SUM_LEN];
    unsigned num = 1 + (unsigned)weir_sim_draw(d->x, 3);

    memset(&sums, 0, sizeof(sums));
    weir_drill_start(d);
    CLAIM(weir_drill_write(d, WEIR_CLASS_SETTING, WEIR_SPAN_LIT("s"), "v", 0) == WEIR_OK);
    for (unsigned i = 0; i < num; i++) {
        struct weir_sums_item item = { WEIR_CLASS_TENANT, weir_span(&"abc"[i], 1), { 0 } };
        CLAIM(weir_drill_write(d, WEIR_CLASS_TENANT, item.key, "v", 0) == WEIR_OK);
        item.version = weir_drill_out(d, WEIR_OUT_ACKED, 0)->version;
        weir_sums_add(&sums, &key, &item);
    }
    weir_sum_pack(sums.total, packed);
    weir_drill_settle(d, A);
    d->e->pull_at = UINT64_MAX;
    const Weir__V1__Heartbeat *m = next(d);
    if (!CLAIM(m != NULL && m->state == WEIR_ENGINE_LIVE && m->n_sum == 2))
        return;
    CLAIM(m->sum[0].len == 1 + WEIR_SUM_LEN && m->sum[0].data[0] == WEIR_CLASS_SETTING);
    CLAIM(m->sum[1].len == 1 + WEIR_SUM_LEN && m->sum[1].data[0] == WEIR_CLASS_TENANT);
    CLAIM(memcmp(m->sum[1].data + 1, packed, WEIR_SUM_LEN) == 0);
    CLAIM(weir_drill_write(d, WEIR_CLASS_SETTING, WEIR_SPAN_LIT("s"), NULL, 0) == WEIR_OK);
    m = next(d);
    CLAIM(m != NULL && m->n_sum == 1 && m->sum[0].data[0] == WEIR_CLASS_TENANT);
    CLAIM(m != NULL && memcmp(m->sum[0].data + 1, packed, WEIR_SUM_LEN) == 0);
}

static void state_what_it_is(struct weir_drill *d)
{
    d->cfg.bootstrap = false;
    weir_drill_start(d);
    weir_drill_meet(d, A);
    const Weir__V1__Heartbeat *m = next(d);
    CLAIM(m != NULL && m->state == (WEIR_ENGINE_JOINING | MOTION) && m->n_sum == 0);
    CLAIM(m != NULL && m->n_own == 0);
}

/* While the disk takes no writes it says so; while the vectors cannot be read it says nothing. */
static void state_that_the_disk_fails(struct weir_drill *d)
{
    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK);
    weir_drill_settle(d, A);
    weir_memory_set_trouble(d->store[WEIR_GROUP_C], WEIR_MEMORY_NOWRITE);
    CLAIM(weir_drill_put(d, "k", "w") == WEIR_EIO);
    /* The turn in which the disk is tried again sends nothing, since it fails. */
    d->e->retry_at = UINT64_MAX;
    const Weir__V1__Heartbeat *m = next(d);
    CLAIM(m != NULL && m->state == (WEIR_ENGINE_READONLY | MOTION) && m->n_sum == 0);
    uint64_t n = m != NULL ? m->n : 0;

    weir_memory_set_trouble(d->store[WEIR_GROUP_C], WEIR_MEMORY_DEAD);
    d->e->retry_at = d->mono_us;
    weir_drill_wait(d, 0);
    d->e->unloaded = true;
    d->e->retry_at = UINT64_MAX;
    uint64_t at = d->e->heartbeat_at;
    CLAIM(next(d) == NULL && d->e->heartbeat_at == at + SECOND);
    weir_memory_set_trouble(d->store[WEIR_GROUP_C], WEIR_MEMORY_SOUND);
    d->e->retry_at = d->mono_us;
    weir_drill_wait(d, 0);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE && sent(d) == NULL);
    m = next(d);
    CLAIM(m != NULL && m->n == n + 1 && (m->state & 0xff) == WEIR_ENGINE_LIVE);
}

/* Bans that wait for their batch were not sent yet: the lane ends before the first of them. */
static void end_lanes_before_what_waits(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t num = 1 + weir_sim_draw(d->x, 3);

    weir_drill_start(d);
    weir_drill_settle(d, A);
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK);
    for (uint64_t i = 0; i < num; i++)
        CLAIM(weir_drill_write(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, (uint8_t)i), "", 99) ==
              WEIR_OK);
    memcpy(lane, weir_drill_own(d, WEIR_GROUP_E), WEIR_LANE_LEN);
    weir_drill_wait(d, 30000);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_BATCH_E, WEIR_ENGINE_NO_LINK) == 1);
    weir_drill_wait(d, d->e->heartbeat_at - d->mono_us - 1000);
    for (uint8_t i = 0; i < 3; i++)
        CLAIM(weir_drill_write(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 10 + i), "", 99) ==
              WEIR_OK);
    const Weir__V1__Heartbeat *m = next(d);
    CLAIM(m != NULL && m->n_own == 2 && weir_drill_listed(m->own, 2, lane) == num);
    CLAIM(m != NULL && weir_drill_listed(m->own, 2, weir_drill_own(d, WEIR_GROUP_C)) == 1);

    /* The lane is lost: those of the old one that wait do not count for the new one. */
    d->e->heartbeat_at = d->mono_us + 3000;
    d->e->bans_at = UINT64_MAX;
    memset(d->e->group[WEIR_GROUP_E].meta.lane, 0, WEIR_LANE_LEN);
    d->e->group[WEIR_GROUP_E].meta.seq = 0;
    for (uint8_t i = 0; i < 2; i++)
        CLAIM(weir_drill_write(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 20 + i), "", 99) ==
              WEIR_OK);
    m = next(d);
    CLAIM(m != NULL && m->n_own == 1);
    d->e->bans_at = d->mono_us;
    weir_drill_wait(d, 0);
    m = next(d);
    CLAIM(m != NULL && m->n_own == 2);
    CLAIM(m != NULL && weir_drill_listed(m->own, 2, weir_drill_own(d, WEIR_GROUP_E)) == 2);
}

/* Whichever allocation fails: no heartbeat, or a whole one. */
static void stay_whole_without_memory(struct weir_drill *d)
{
    bool failed = true;

    d->cfg.compiled = 1u << WEIR_CLASS_TENANT;
    weir_drill_start(d);
    CLAIM(weir_drill_write(d, WEIR_CLASS_SETTING, WEIR_SPAN_LIT("s"), "v", 0) == WEIR_OK);
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK);
    CLAIM(weir_drill_write(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), "", 9999) == WEIR_OK);
    weir_drill_settle(d, A);
    weir_drill_wait(d, SECOND);
    for (long n = 1; n < SWEEP_MAX && failed; n++) {
        d->e->pull_at = d->e->purge_at = UINT64_MAX;
        weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
        d->e->scan.next_us = d->mono_us;
        weir_drill_wait(d, 1); /* the sums after what was undone */
        d->e->scan.next_us = UINT64_MAX;
        d->mono_us = d->e->heartbeat_at;
        weir_failalloc_once(n);
        weir_drill_wait(d, 0);
        (void)weir_failalloc_pause();
        failed = weir_failalloc_has_failed();
        const Weir__V1__Heartbeat *m = sent(d);
        CLAIM(d->err == WEIR_OK || (d->err == WEIR_ENOMEM && failed && m == NULL));
        CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        if (m != NULL)
            CLAIM(m->n_own == 2 && m->n_echo == 1 && m->n_ack == 1 && m->n_sum == 2);
    }
    CLAIM(!failed && sent(d) != NULL);
}

/* -- whose it is -- */

static void ignore_strange_ones(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_up(d, A);
    weir_drill_wait(d, SECOND);
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    weir_drill_hello(d, A, true);
    weir_drill_respond(d, A);
    weir_drill_wait(d, 9 * SECOND);
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0);
    CLAIM(weir_drill_num_hellos(d, A) == 0);
    weir_drill_wait(d, 2 * SECOND);
    CLAIM(weir_drill_num_hellos(d, A) == 0);

    Weir__V1__Heartbeat *m = weir_drill_make_beat(d, A);
    m->node.data[WEIR_NODE_ID_LEN - 1] ^= 1;
    m->vv_hash = 77;
    weir_drill_receive(d, A, WEIR_FRAME_HEARTBEAT, &m->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_link(d, A)->hash[WEIR_GROUP_C] == 0 && weir_drill_num_hellos(d, A) == 0);
    CLAIM(weir_members_find(d->e->members, m->node.data) == NULL);

    m = weir_drill_make_beat(d, A);
    m->incarnation.data[WEIR_INCARNATION_LEN - 1] ^= 1;
    m->vv_hash = 77;
    weir_drill_receive(d, A, WEIR_FRAME_HEARTBEAT, &m->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_num_hellos(d, A) == 1 && weir_drill_link(d, A)->hash[WEIR_GROUP_C] == 0);
    CLAIM(weir_members_find(d->e->members, d->peer[A].node)->n == m->n - 2);
}

/* -- what it leads to -- */

/* Its own lanes go beyond what is here: pulled at once, each from its group. */
static void pull_own_lanes(struct weir_drill *d)
{
    struct weir_vector own = WEIR_VECTOR_ZERO;
    uint8_t lane[2][WEIR_LANE_LEN];

    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        struct weir_lane_row row = { .vv = 4, .seen = 4 };
        weir_drill_lane(d->peer[A].node, (enum weir_group)g, 1, lane[g]);
        memcpy(row.lane, lane[g], WEIR_LANE_LEN);
        weir_drill_raise(&d->peer[A].vv[g], lane[g], 4);
        weir_drill_fill(d, (enum weir_group)g, &row, 1);
    }
    weir_drill_start(d);
    weir_drill_settle(d, A);
    d->e->pull_at = UINT64_MAX;
    for (unsigned round = 0; round < 4; round++) {
        weir_vector_reset(&own);
        weir_drill_raise(&own, lane[0], 4 + round % 2);
        weir_drill_raise(&own, lane[1], 4 + round / 2);
        Weir__V1__Heartbeat *m = weir_drill_make_beat(d, A);
        m->own = weir_drill_lanes(d, &own);
        m->n_own = own.num;
        weir_drill_wait(d, 10 * SECOND);
        weir_drill_respond(d, A);
        weir_drill_receive(d, A, WEIR_FRAME_HEARTBEAT, &m->base);
        CLAIM(weir_drill_num_pulls(d, A, WEIR_GROUP_C) == round % 2);
        CLAIM(weir_drill_num_pulls(d, A, WEIR_GROUP_E) == round / 2);
        weir_drill_respond(d, A);
        weir_drill_wait(d, SECOND);
        weir_drill_respond(d, A);
        /* Not while the disk fails, and not of a peer of which nothing is accepted. */
        m->n += 1000;
        d->peer[A].beat_n = m->n;
        bool is_readonly = weir_sim_draw(d->x, 2) == 0;
        d->e->readonly = is_readonly;
        d->e->retry_at = UINT64_MAX;
        weir_drill_link(d, A)->stale = !is_readonly;
        weir_drill_receive(d, A, WEIR_FRAME_HEARTBEAT, &m->base);
        CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, A) == 0);
        CLAIM(weir_drill_link(d, A)->want_us[0] == ENGINE_NEVER);
        CLAIM(weir_drill_link(d, A)->want_us[1] == ENGINE_NEVER);
        d->e->readonly = false;
        weir_drill_link(d, A)->stale = false;
    }
    weir_vector_deinit(&own);
}

/* A peer whose hash is this node's has its vector; but for lanes that it has not folded yet. */
static void learn_equal_vectors(struct weir_drill *d)
{
    struct weir_lane_row row = { .vv = 5, .seen = 5, .floor = 5, .final = 5 | ENGINE_FOLDED };
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, row.lane);
    weir_drill_lane(d->peer[A].node, WEIR_GROUP_C, 2, lane);
    weir_drill_fill(d, WEIR_GROUP_C, &row, 1);
    weir_drill_raise(&d->peer[A].vv[WEIR_GROUP_C], row.lane, 4);
    weir_drill_start(d);
    weir_drill_settle(d, A);
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK);
    struct weir_vector *vv = &weir_drill_link(d, A)->vv;
    const uint8_t *own = weir_drill_own(d, WEIR_GROUP_C);
    uint64_t end = weir_vector_get(weir_engine_vv(d->e, WEIR_GROUP_C), own);
    CLAIM(weir_vector_get(vv, own) == 0);

    Weir__V1__Heartbeat *m = weir_drill_make_beat(d, A);
    m->vv_hash = weir_engine_hash(d->e, WEIR_GROUP_C) + 1;
    weir_drill_receive(d, A, WEIR_FRAME_HEARTBEAT, &m->base);
    CLAIM(weir_vector_get(vv, own) == 0 && vv->num == 1);
    m = weir_drill_make_beat(d, A);
    m->vv_hash = weir_engine_hash(d->e, WEIR_GROUP_C);
    m->has_folded_hash = 1;
    m->folded_hash = 1;
    weir_drill_receive(d, A, WEIR_FRAME_HEARTBEAT, &m->base);
    CLAIM(weir_vector_get(vv, own) == end && weir_vector_get(vv, row.lane) == 5 && vv->num == 2);
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    CLAIM(weir_vector_get(vv, own) == end && vv->num == 1);
    uint64_t hash = weir_vector_hash(vv);
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    CLAIM(weir_vector_hash(vv) == hash && vv->num == 1);
}

/* Without memory for that the turn is undone, and the vector stays. */
static void learn_nothing_without_memory(struct weir_drill *d)
{
    uint8_t folded = (uint8_t)weir_sim_draw(d->x, 2);
    bool failed = true;
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_start(d);
    weir_drill_settle(d, A);
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK);
    for (long n = 1; n < SWEEP_MAX && failed; n++) {
        struct weir_vector *vv = &weir_drill_link(d, A)->vv;
        weir_vector_deinit(vv);
        weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, lane);
        Weir__V1__Heartbeat *m = weir_drill_make_beat(d, A);
        m->vv_hash = weir_engine_hash(d->e, WEIR_GROUP_C);
        m->ban_hash = weir_engine_hash(d->e, WEIR_GROUP_E);
        m->has_folded_hash = folded;
        m->folded_hash = folded;
        weir_failalloc_once(n);
        weir_drill_receive(d, A, WEIR_FRAME_HEARTBEAT, &m->base);
        (void)weir_failalloc_pause();
        failed = weir_failalloc_has_failed();
        CLAIM(d->err == WEIR_OK || (d->err == WEIR_ENOMEM && failed));
        CLAIM(vv->num <= 1 && (vv->num == 1 || failed));
        CLAIM(vv->num == 1 || d->err == WEIR_ENOMEM || d->counts[WEIR_COUNT_FRAMES] > 0);
    }
    CLAIM(!failed && weir_drill_link(d, A)->vv.num == 1);
}

/* One heartbeat with hashes that differ from the engine's, in one group. */
static void differ(struct weir_drill *d, uint32_t link, enum weir_group g, uint64_t hash)
{
    Weir__V1__Heartbeat *m = weir_drill_make_beat(d, link);

    m->vv_hash = weir_engine_hash(d->e, WEIR_GROUP_C) + (g == WEIR_GROUP_C ? hash : 0);
    m->ban_hash = weir_engine_hash(d->e, WEIR_GROUP_E) + (g == WEIR_GROUP_E ? hash : 0);
    m->has_folded_hash = 1;
    m->folded_hash = weir_vector_hash(weir_engine_folded(d->e));
    weir_drill_receive(d, link, WEIR_FRAME_HEARTBEAT, &m->base);
}

static void start_quiet(struct weir_drill *d)
{
    weir_drill_start(d);
    d->e->pull_at = d->e->purge_at = UINT64_MAX;
    weir_drill_settle(d, A);
    weir_drill_settle(d, B);
    weir_drill_settle(d, C);
}

/* A change of this node, so that its hash is another. */
static void change(struct weir_drill *d, enum weir_group g)
{
    if (g == WEIR_GROUP_C)
        CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK);
    else
        CLAIM(weir_drill_write(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), "", 99) == WEIR_OK);
}

/* Twice the same, with this node unchanged: pulled at once. */
static void pull_what_differs_twice(struct weir_drill *d)
{
    enum weir_group g = (enum weir_group)weir_sim_draw(d->x, WEIR_GROUP_COUNT);

    start_quiet(d);
    struct engine_link *l = weir_drill_link(d, A);
    differ(d, A, g, 7);
    CLAIM(l->hash[g] == weir_engine_hash(d->e, g) + 7 && l->hash[1 - g] == 0);
    CLAIM(l->our_hash[g] == weir_engine_hash(d->e, g));
    CLAIM(l->want_us[g] == ENGINE_NEVER && weir_drill_num_pulls(d, A, g) == 0);
    differ(d, A, g, 8); /* it changed */
    CLAIM(weir_drill_num_pulls(d, A, g) == 0 && l->want_us[g] == ENGINE_NEVER);
    change(d, g); /* this node did */
    differ(d, A, g, 8);
    CLAIM(weir_drill_num_pulls(d, A, g) == 0 && l->want_us[g] == ENGINE_NEVER);
    differ(d, A, g, 0); /* equal in between */
    CLAIM(l->hash[g] == 0);
    differ(d, A, g, 8);
    CLAIM(weir_drill_num_pulls(d, A, g) == 0);
    l->our_hash[g] ^= 1; /* the same of the peer, another of this node */
    differ(d, A, g, 8);
    CLAIM(weir_drill_num_pulls(d, A, g) == 0 && l->our_hash[g] == weir_engine_hash(d->e, g));
    differ(d, A, g, 8);
    CLAIM(weir_drill_num_pulls(d, A, g) == 1 && weir_drill_num_pulls(d, A, 1 - g) == 0);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 1);
    CLAIM(l->hash[g] == weir_engine_hash(d->e, g) + 8);
}

/* A second peer says the same: pulled from it a tenth of a second later, unless records come. */
static void doubt_what_two_have(struct weir_drill *d)
{
    enum weir_group g = (enum weir_group)weir_sim_draw(d->x, WEIR_GROUP_COUNT);
    bool changes = weir_sim_draw(d->x, 2) == 0;

    start_quiet(d);
    struct engine_link *l = weir_drill_link(d, C);
    differ(d, A, g, 7);
    differ(d, B, g, 8);
    CLAIM(weir_drill_link(d, B)->want_us[g] == ENGINE_NEVER);
    differ(d, C, g, 7);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    CLAIM(l->want_us[g] == d->mono_us + DOUBT_US && l->is_doubt[g] && !l->is_doubt[1 - g]);
    CLAIM(l->want_us[1 - g] == ENGINE_NEVER);
    CLAIM(weir_drill_link(d, A)->want_us[g] == ENGINE_NEVER);
    weir_drill_wait(d, 1000);
    differ(d, C, g, 9); /* what is wanted already is not put off */
    differ(d, A, g, 9);
    CLAIM(l->want_us[g] == d->mono_us + DOUBT_US - 1000 && l->is_doubt[g]);
    if (changes) {
        change(d, g);
        weir_drill_wait(d, DOUBT_US);
        CLAIM(weir_drill_num_pulls(d, C, g) == 0 && l->want_us[g] == ENGINE_NEVER);
        return;
    }
    weir_drill_wait(d, DOUBT_US - 1001);
    CLAIM(weir_drill_num_pulls(d, C, g) == 0);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_num_pulls(d, C, g) == 1 && l->want_us[g] == ENGINE_NEVER);
}

/* What is no second witness: the same peer, one that is gone, one that compared with another vector
 * of this node, one whose hash was another. */
static void need_a_second_witness(struct weir_drill *d)
{
    enum weir_group g = (enum weir_group)weir_sim_draw(d->x, WEIR_GROUP_COUNT);
    struct engine_link *l;

    start_quiet(d);
    l = weir_drill_link(d, B);
    differ(d, B, g, 7);
    l->our_hash[g] ^= 1;
    differ(d, B, g, 7);
    CLAIM(l->want_us[g] == ENGINE_NEVER);
    differ(d, A, g, 9);
    weir_drill_down(d, A);
    differ(d, B, g, 9);
    CLAIM(l->want_us[g] == ENGINE_NEVER);
    differ(d, C, g, 5);
    weir_drill_link(d, C)->our_hash[g] ^= 1;
    differ(d, B, g, 5);
    CLAIM(l->want_us[g] == ENGINE_NEVER);
    weir_drill_link(d, C)->our_hash[g] ^= 1;
    differ(d, B, g, 6);
    CLAIM(l->want_us[g] == ENGINE_NEVER);
    differ(d, B, g, 5);
    CLAIM(l->want_us[g] == d->mono_us + DOUBT_US);
}

/* Sums are compared unless the peer says that its records change. */
static void compare_sums_at_rest(struct weir_drill *d)
{
    start_quiet(d);
    weir_drill_link(d, A)->sums_hash = 77;
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE | MOTION);
    CLAIM(weir_drill_link(d, A)->sums_hash == 77);
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE | 0xfe00);
    CLAIM(weir_drill_link(d, A)->sums_hash == weir_engine_hash(d->e, WEIR_GROUP_C));
}

/* One that waits to reset hears nothing of records. */
static void pull_nothing_when_stale(struct weir_drill *d)
{
    start_quiet(d);
    differ(d, A, WEIR_GROUP_C, 7);
    weir_drill_begin(d);
    weir_engine_give_up(d->e);
    (void)weir_drill_end(d);
    differ(d, A, WEIR_GROUP_C, 7);
    CLAIM(weir_drill_link(d, A)->want_us[WEIR_GROUP_C] == ENGINE_NEVER);
    differ(d, A, WEIR_GROUP_C, 6);
    CLAIM(weir_drill_link(d, A)->hash[WEIR_GROUP_C] == weir_engine_hash(d->e, WEIR_GROUP_C) + 7);
    CLAIM(weir_members_find(d->e->members, d->peer[A].node)->n == d->peer[A].beat_n);
    const Weir__V1__Heartbeat *m = next(d);
    CLAIM(m != NULL && m->state == (WEIR_ENGINE_STALE | MOTION));
}

/* -- all -- */

static const weir_drill_fn all[] = {
    state_each_field,
    state_sums,
    state_what_it_is,
    state_that_the_disk_fails,
    end_lanes_before_what_waits,
    stay_whole_without_memory,
    ignore_strange_ones,
    pull_own_lanes,
    learn_equal_vectors,
    learn_nothing_without_memory,
    pull_what_differs_twice,
    pull_what_differs_twice,
    doubt_what_two_have,
    doubt_what_two_have,
    need_a_second_witness,
    compare_sums_at_rest,
    pull_nothing_when_stale,
};

void weir_drill_heartbeat(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
