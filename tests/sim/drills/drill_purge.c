/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_purge.c - sync/engine/engine_purge.c: tombstones, bans, conflicts and empty lanes of bans
 * go when they are as old as they must be, so many in a turn, and not before.
 */
#include <string.h>

#include "sync/engine/engine_state.h"
#include "sync/version/hlc.h"
#include "tests/sim/drills/bed/drill_stock.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND UINT64_C(1000000)
#define NEVER  (UINT64_C(1) << 50)
#define MORE   10000 /* us until the next purge when there were more */
#define MOST   256   /* of one turn */
/* Operations of a turn that purges two settings, with the walk over all classes: then bans are
 * committed, and the lanes of settings written. */
#define SETTINGS_READ 16

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* Where the drill's records lie: a node that is not here. */
struct scene {
    struct weir_drill *d;
    uint8_t lane[WEIR_GROUP_COUNT][WEIR_LANE_LEN];
    uint64_t now_ms; /* of the first turn */
    uint64_t num[WEIR_GROUP_COUNT];
};

static void set_scene(struct scene *s, struct weir_drill *d)
{
    *s = (struct scene){ .d = d, .now_ms = d->wall_ms + d->mono_us / 1000 };
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        weir_drill_lane(d->peer[7].node, (enum weir_group)g, 5, s->lane[g]);
    d->cfg.intervals.heartbeat_us = NEVER;
    d->cfg.intervals.pull_us = NEVER;
}

static struct weir_span nth_key(struct weir_drill *d, uint64_t n)
{
    uint8_t key[3] = { 'k', (uint8_t)(n >> 8), (uint8_t)n };

    return weir_span(weir_drill_bytes(d, key, sizeof(key)).data, sizeof(key));
}

/* A record of the next number. @return its version's seq */
static uint64_t stock(struct scene *s, enum weir_class class, struct weir_span key,
                      const char *value, uint64_t when)
{
    enum weir_group g = class == WEIR_CLASS_BAN ? WEIR_GROUP_E : WEIR_GROUP_C;

    weir_drill_stock_put(s->d,
                         &(struct weir_drill_rec){
                             .class = class,
                             .key = key,
                             .value = value,
                             .lane = s->lane[g],
                             .seq = ++s->num[g],
                             .hlc = weir_hlc_of_ms(s->now_ms - 1000) + s->num[g],
                         },
                         when);
    return s->num[g];
}

static bool is_there(const struct weir_drill *d, enum weir_class class, struct weir_span key)
{
    enum weir_group g = class == WEIR_CLASS_BAN ? WEIR_GROUP_E : WEIR_GROUP_C;
    struct weir_stored_record rec;

    return weir_memory_find(d->store[g], class, key, &rec) == WEIR_OK;
}

static size_t num_records(const struct weir_drill *d, enum weir_group g)
{
    return weir_memory_counts(d->store[g]).num_records;
}

/* -- tombstones -- */

/* At the age, not a ms before; the floor and its stamp rise, and are stored; PURGED says which. */
static void tombstones_of_settings(struct weir_drill *d)
{
    struct scene s;
    uint64_t age = d->cfg.intervals.tombstone_ms = 5000 + weir_sim_draw(d->x, 1000000);
    struct weir_span old = nth_key(d, 1);
    struct weir_span young = nth_key(d, 2);

    set_scene(&s, d);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    (void)stock(&s, WEIR_CLASS_TENANT, nth_key(d, 3), "live", s.now_ms - age);
    (void)stock(&s, WEIR_CLASS_SETTING, young, NULL, s.now_ms - age + 1);
    uint64_t seq = stock(&s, WEIR_CLASS_CERT, old, NULL, s.now_ms - age);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    weir_drill_start(d);
    uint64_t hlc = weir_hlc_of_ms(s.now_ms - 1000) + seq;
    const struct weir_engine_out *out = weir_drill_out(d, WEIR_OUT_PURGED, 0);
    CLAIM(weir_drill_num(d, WEIR_OUT_PURGED) == 1);
    if (!CLAIM(out != NULL))
        return;
    CLAIM(out->class == WEIR_CLASS_CERT && weir_span_eq(out->key, old) && out->tombstone);
    CLAIM(out->link == WEIR_ENGINE_NO_LINK && out->version.seq == seq && out->version.hlc == hlc);
    CLAIM(memcmp(out->version.lane, s.lane[WEIR_GROUP_C], WEIR_LANE_LEN) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_EXPIRED) == 0);
    CLAIM(!is_there(d, WEIR_CLASS_CERT, old) && is_there(d, WEIR_CLASS_SETTING, young));
    CLAIM(num_records(d, WEIR_GROUP_C) == 2);
    CLAIM(weir_vector_get(weir_engine_floor(d->e, WEIR_GROUP_C), s.lane[WEIR_GROUP_C]) == seq);
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, s.lane[WEIR_GROUP_C]).floor == seq);
    CLAIM(weir_memory_meta(d->store[WEIR_GROUP_C]).hlc_floor == hlc);

    /* The other has the age a ms later, but tombstones are looked at once a minute. */
    weir_drill_wait(d, WEIR_ENGINE_PURGE_US - SECOND);
    CLAIM(weir_drill_num(d, WEIR_OUT_PURGED) == 0 && is_there(d, WEIR_CLASS_SETTING, young));
    weir_drill_wait(d, SECOND - 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_PURGED) == 0 && is_there(d, WEIR_CLASS_SETTING, young));
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 1);
    CLAIM(!is_there(d, WEIR_CLASS_SETTING, young));
    /* It was written before the first: nothing rises. */
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, s.lane[WEIR_GROUP_C]).floor == seq);
    CLAIM(weir_memory_meta(d->store[WEIR_GROUP_C]).hlc_floor == hlc);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
}

static void tombstones_of_bans(struct weir_drill *d)
{
    struct scene s;
    uint64_t age = d->cfg.intervals.ban_tombstone_ms = 5000 + weir_sim_draw(d->x, 100000);
    struct weir_span old = weir_drill_ban_key(d, 1);
    struct weir_span young = weir_drill_ban_key(d, 2);

    set_scene(&s, d);
    weir_drill_stock_begin(d, WEIR_GROUP_E);
    (void)stock(&s, WEIR_CLASS_BAN, young, NULL, s.now_ms - age + 1);
    uint64_t seq = stock(&s, WEIR_CLASS_BAN, old, NULL, s.now_ms - age);
    weir_drill_stock_end(d, WEIR_GROUP_E);
    weir_drill_start(d);
    const struct weir_engine_out *out = weir_drill_out(d, WEIR_OUT_PURGED, 0);
    CLAIM(weir_drill_num(d, WEIR_OUT_PURGED) == 1);
    if (!CLAIM(out != NULL))
        return;
    CLAIM(out->class == WEIR_CLASS_BAN && weir_span_eq(out->key, old) && out->version.seq == seq);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 1);
    CLAIM(!is_there(d, WEIR_CLASS_BAN, old) && is_there(d, WEIR_CLASS_BAN, young));
    /* Bans leave nothing behind. */
    CLAIM(weir_engine_floor(d->e, WEIR_GROUP_C)->num == 0);
    CLAIM(weir_engine_floor(d->e, WEIR_GROUP_E)->num == 0);
    CLAIM(weir_memory_meta(d->store[WEIR_GROUP_C]).hlc_floor == 0);
    CLAIM(weir_memory_meta(d->store[WEIR_GROUP_E]).hlc_floor == 0);
    weir_drill_wait(d, WEIR_ENGINE_PURGE_US);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 1 && num_records(d, WEIR_GROUP_E) == 0);
}

/* One that is not covered yet stays, and holds up those behind it. */
static void tombstones_beyond_the_vector(struct weir_drill *d)
{
    struct scene s;
    struct weir_lane_row row = { .vv = 2, .seen = 2 };

    d->cfg.intervals.tombstone_ms = 5000;
    set_scene(&s, d);
    memcpy(row.lane, s.lane[WEIR_GROUP_C], WEIR_LANE_LEN);
    weir_drill_stock_lane(d, WEIR_GROUP_C, &row);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    (void)stock(&s, WEIR_CLASS_TENANT, nth_key(d, 1), NULL, s.now_ms - 9000);
    s.num[WEIR_GROUP_C] = 2;
    (void)stock(&s, WEIR_CLASS_TENANT, nth_key(d, 3), NULL, s.now_ms - 8000);
    s.num[WEIR_GROUP_C] = 1;
    (void)stock(&s, WEIR_CLASS_TENANT, nth_key(d, 2), NULL, s.now_ms - 7000);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    weir_drill_start(d);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 1);
    CLAIM(!is_there(d, WEIR_CLASS_TENANT, nth_key(d, 1)));
    CLAIM(is_there(d, WEIR_CLASS_TENANT, nth_key(d, 2)));
    CLAIM(is_there(d, WEIR_CLASS_TENANT, nth_key(d, 3)));
    CLAIM(weir_engine_deadline(d->e) <= d->mono_us + SECOND);
    CLAIM(d->e->purge_at == d->mono_us + SECOND);
    CLAIM(d->e->tombstones_at == d->mono_us + WEIR_ENGINE_PURGE_US);
}

/* 256 in a turn, and the rest a moment later. */
static void purge_many(struct weir_drill *d, enum weir_class class, uint64_t when,
                       const char *value, enum weir_engine_count counter)
{
    enum weir_group g = class == WEIR_CLASS_BAN ? WEIR_GROUP_E : WEIR_GROUP_C;
    uint64_t more = weir_sim_draw(d->x, 3);
    struct scene s;

    d->cfg.intervals.tombstone_ms = d->cfg.intervals.ban_tombstone_ms = 50000;
    set_scene(&s, d);
    weir_drill_stock_begin(d, g);
    for (uint64_t i = 0; i < MOST + more; i++)
        (void)stock(&s, class, nth_key(d, i), value, when);
    weir_drill_stock_end(d, g);
    weir_drill_start(d);
    CLAIM(weir_drill_counted(d, counter) == MOST && num_records(d, g) == more);
    CLAIM(d->e->purge_at == d->mono_us + MORE && d->e->tombstones_at == d->mono_us + MORE);
    CLAIM(weir_engine_deadline(d->e) == d->mono_us + MORE);
    weir_drill_wait(d, MORE - 1);
    CLAIM(weir_drill_counted(d, counter) == 0 && num_records(d, g) == more);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_counted(d, counter) == more && num_records(d, g) == 0);
    CLAIM(d->e->purge_at == d->mono_us + SECOND);
    CLAIM(d->e->tombstones_at == d->mono_us + WEIR_ENGINE_PURGE_US);
}

static void many_tombstones_of_settings(struct weir_drill *d)
{
    purge_many(d, WEIR_CLASS_TENANT, d->wall_ms - 100000, NULL, WEIR_COUNT_PURGED);
}

static void many_tombstones_of_bans(struct weir_drill *d)
{
    purge_many(d, WEIR_CLASS_BAN, d->wall_ms - 100000, NULL, WEIR_COUNT_PURGED);
}

static void many_bans(struct weir_drill *d)
{
    purge_many(d, WEIR_CLASS_BAN, d->wall_ms / 1000 - 1, "why", WEIR_COUNT_EXPIRED);
}

/* A clock that begins later than the age: nothing is old. */
static void clock_below_the_age(struct weir_drill *d)
{
    struct scene s;

    d->wall_ms = 0;
    d->cfg.intervals.tombstone_ms = d->cfg.intervals.ban_tombstone_ms = 1001;
    d->cfg.intervals.purge_us = 1000;
    set_scene(&s, d);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    (void)stock(&s, WEIR_CLASS_TENANT, nth_key(d, 1), NULL, 0);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    weir_drill_stock_begin(d, WEIR_GROUP_E);
    (void)stock(&s, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), NULL, 0);
    weir_drill_stock_end(d, WEIR_GROUP_E);
    weir_drill_start(d);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 0);
    CLAIM(d->e->purge_at == d->mono_us + 1000 && d->e->tombstones_at == d->mono_us + 1000);
    weir_drill_wait(d, 999);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 0);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 2);
}

/* Whoever waits for a record to be active waits no more. */
static void purged_counts_as_active(struct weir_drill *d)
{
    struct scene s;
    struct weir_version v = { .seq = 2 };
    struct weir_acks_count acks;

    d->cfg.compiled = UINT32_C(1) << WEIR_CLASS_TENANT;
    d->cfg.intervals.tombstone_ms = 1000;
    d->cfg.intervals.purge_us = 500000;
    set_scene(&s, d);
    weir_drill_start(d);
    weir_drill_up(d, 1);
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK && weir_drill_put(d, "a", NULL) == WEIR_OK);
    memcpy(v.lane, weir_memory_meta(d->store[WEIR_GROUP_C]).lane, WEIR_LANE_LEN);
    d->e->heartbeat_at = d->mono_us;
    weir_drill_wait(d, 0);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK, 0);
    CLAIM(f != NULL && f->msg.heartbeat->n_ack == 1 && f->msg.heartbeat->ack[0]->active < 2);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 1);
    d->e->heartbeat_at = d->mono_us;
    weir_drill_wait(d, 0);
    f = weir_drill_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK, 0);
    CLAIM(f != NULL && f->msg.heartbeat->n_ack == 1 && f->msg.heartbeat->ack[0]->active == 2);
    CLAIM(weir_engine_acks(d->e, &v, &acks));
}

/* -- bans that end -- */

static void bans_end(struct weir_drill *d)
{
    struct scene s;

    set_scene(&s, d);
    weir_drill_stock_begin(d, WEIR_GROUP_E);
    (void)stock(&s, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), "a", s.now_ms / 1000);
    (void)stock(&s, WEIR_CLASS_BAN, weir_drill_ban_key(d, 2), "b", s.now_ms / 1000 + 1);
    (void)stock(&s, WEIR_CLASS_BAN, weir_drill_ban_key(d, 3), "c", s.now_ms / 1000 + 100);
    weir_drill_stock_end(d, WEIR_GROUP_E);
    weir_drill_start(d);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_EXPIRED) == 1);
    CLAIM(!is_there(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1)));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 0 && weir_drill_num(d, WEIR_OUT_PURGED) == 0);
    CLAIM(num_records(d, WEIR_GROUP_E) == 2 && d->e->purge_at == d->mono_us + SECOND);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(num_records(d, WEIR_GROUP_E) == 2);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_EXPIRED) == 1);
    CLAIM(num_records(d, WEIR_GROUP_E) == 1);
    CLAIM(is_there(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 3)));
    CLAIM(d->e->tombstones_at == d->mono_us - SECOND + WEIR_ENGINE_PURGE_US);
}

/* -- damage -- */

/* What is damaged goes without a word, and those behind it all the same. */
static void damaged_ones_go(struct weir_drill *d)
{
    struct scene s;

    d->cfg.intervals.tombstone_ms = d->cfg.intervals.ban_tombstone_ms = 5000;
    set_scene(&s, d);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    (void)stock(&s, WEIR_CLASS_TENANT, nth_key(d, 1), NULL, s.now_ms - 9000);
    (void)stock(&s, WEIR_CLASS_TENANT, nth_key(d, 2), NULL, s.now_ms - 8000);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    weir_drill_stock_begin(d, WEIR_GROUP_E);
    (void)stock(&s, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), NULL, s.now_ms - 9000);
    (void)stock(&s, WEIR_CLASS_BAN, weir_drill_ban_key(d, 2), NULL, s.now_ms - 8000);
    (void)stock(&s, WEIR_CLASS_BAN, weir_drill_ban_key(d, 3), "a", s.now_ms / 1000 - 2);
    (void)stock(&s, WEIR_CLASS_BAN, weir_drill_ban_key(d, 4), "b", s.now_ms / 1000 - 1);
    weir_drill_stock_end(d, WEIR_GROUP_E);
    weir_drill_damage(d, WEIR_GROUP_C, WEIR_CLASS_TENANT, nth_key(d, 1));
    weir_drill_damage(d, WEIR_GROUP_E, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1));
    weir_drill_damage(d, WEIR_GROUP_E, WEIR_CLASS_BAN, weir_drill_ban_key(d, 3));
    weir_drill_start(d);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CORRUPT) == 3);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 2);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_EXPIRED) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_PURGED) == 2);
    CLAIM(num_records(d, WEIR_GROUP_C) == 0 && num_records(d, WEIR_GROUP_E) == 0);
    CLAIM(d->e->num_damaged == 3 && d->e->damaged[0].class == WEIR_CLASS_BAN);
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, s.lane[WEIR_GROUP_C]).floor == 2);
}

/* -- conflicts -- */

static void conflicts_end(struct weir_drill *d)
{
    static const struct weir_version winner = { .hlc = 9, .lane = { 1 }, .seq = 9 };
    struct weir_record_store *c = d->cfg.records[WEIR_GROUP_C];
    uint64_t age = d->cfg.intervals.conflict_ms = 5000 + weir_sim_draw(d->x, 1000000);
    struct scene s;

    set_scene(&s, d);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    for (uint64_t i = 0; i < 3; i++) {
        struct weir_conflict conflict = { .noted_ms = s.now_ms - age + i, .winner = winner };
        conflict.loser.rec.class = WEIR_CLASS_TENANT;
        conflict.loser.rec.key = nth_key(d, i);
        conflict.loser.rec.version.seq = 1 + i;
        WEIR_ASSERT(c->ops->put_conflict(c, &conflict) == WEIR_OK);
    }
    weir_drill_stock_end(d, WEIR_GROUP_C);
    weir_drill_start(d);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_conflicts == 2);
    weir_drill_wait(d, WEIR_ENGINE_PURGE_US - SECOND);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_conflicts == 2);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_conflicts == 2);
    weir_drill_wait(d, 1);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_conflicts == 0);
}

/* The clock begins at nothing: one of then ends when it has the age. */
static void conflict_of_the_first_moment(struct weir_drill *d)
{
    struct weir_record_store *c = d->cfg.records[WEIR_GROUP_C];
    struct weir_conflict conflict = { .noted_ms = 0, .winner = { .hlc = 9, .seq = 9 } };
    struct scene s;

    d->wall_ms = 0;
    d->cfg.intervals.conflict_ms = 1000 + weir_sim_draw(d->x, 2);
    d->cfg.intervals.purge_us = 1000;
    conflict.loser.rec.class = WEIR_CLASS_TENANT;
    conflict.loser.rec.key = nth_key(d, 1);
    conflict.loser.rec.version.seq = 1;
    set_scene(&s, d);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    WEIR_ASSERT(c->ops->put_conflict(c, &conflict) == WEIR_OK);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    weir_drill_start(d);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_conflicts ==
          d->cfg.intervals.conflict_ms - 1000);
    weir_drill_wait(d, 1000);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_conflicts == 0);
}

/* -- when not -- */

/* A node that is not complete has nothing to purge, whatever its store of bans has. */
static void joining_purges_nothing(struct weir_drill *d)
{
    struct scene s;

    d->cfg.bootstrap = false;
    set_scene(&s, d);
    weir_drill_stock_begin(d, WEIR_GROUP_E);
    (void)stock(&s, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), "a", s.now_ms / 1000 - 9);
    weir_drill_stock_end(d, WEIR_GROUP_E);
    weir_drill_start(d);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_JOINING);
    weir_drill_wait(d, 2 * SECOND);
    CLAIM(num_records(d, WEIR_GROUP_E) == 1 && weir_drill_counted(d, WEIR_COUNT_EXPIRED) == 0);
}

/* A turn that has failed already purges nothing and puts nothing off. */
static void failed_turn_puts_nothing_off(struct weir_drill *d)
{
    struct weir_engine_write w = { .class = WEIR_CLASS_TENANT,
                                   .key = WEIR_SPAN_LIT("a"),
                                   .schema = 1 };
    struct scene s;

    set_scene(&s, d);
    weir_drill_stock_begin(d, WEIR_GROUP_E);
    (void)stock(&s, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), "a", s.now_ms / 1000 + 1);
    weir_drill_stock_end(d, WEIR_GROUP_E);
    weir_drill_start(d);
    weir_drill_begin(d);
    weir_memory_fail_op(d->store[WEIR_GROUP_C], 1, WEIR_ENOMEM);
    (void)!weir_engine_write(d->e, &w);
    d->mono_us += SECOND;
    weir_engine_tick(d->e, d->mono_us, d->wall_ms + d->mono_us / 1000);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM && weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
    CLAIM(num_records(d, WEIR_GROUP_E) == 1 && d->e->purge_at == d->mono_us);
    weir_drill_wait(d, 0);
    CLAIM(num_records(d, WEIR_GROUP_E) == 0);
}

/* Each purge looks after the lanes that ended, too: this node had another lane once. */
static void old_lane_ends(struct weir_drill *d)
{
    struct scene s;
    struct weir_stored_record rec;

    set_scene(&s, d);
    weir_drill_lane(d->cfg.node, WEIR_GROUP_C, 3, s.lane[WEIR_GROUP_C]);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    (void)stock(&s, WEIR_CLASS_TENANT, nth_key(d, 1), "a", s.now_ms);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    weir_drill_start(d);
    CLAIM(weir_memory_find(d->store[WEIR_GROUP_C], WEIR_CLASS_LANE,
                           weir_span(s.lane[WEIR_GROUP_C], WEIR_LANE_LEN), &rec) == WEIR_OK);
}

/* -- a store that fails -- */

/* Two of everything, of which all is due a minute after the start. */
static void stock_all(struct scene *s, struct weir_drill *d)
{
    struct weir_record_store *c = d->cfg.records[WEIR_GROUP_C];
    struct weir_conflict conflict = { .noted_ms = d->wall_ms, .winner = { .hlc = 9, .seq = 9 } };

    d->cfg.intervals.tombstone_ms = d->cfg.intervals.ban_tombstone_ms = 30000;
    d->cfg.intervals.conflict_ms = 30000;
    set_scene(s, d);
    uint64_t due_s = s->now_ms / 1000 + 2;
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    conflict.loser.rec.class = WEIR_CLASS_TENANT;
    conflict.loser.rec.key = nth_key(d, 1);
    conflict.loser.rec.version.seq = 1;
    WEIR_ASSERT(c->ops->put_conflict(c, &conflict) == WEIR_OK);
    weir_drill_stock_begin(d, WEIR_GROUP_E);
    for (uint64_t i = 1; i <= 2; i++) {
        (void)stock(s, WEIR_CLASS_TENANT, nth_key(d, i), NULL, s->now_ms);
        (void)stock(s, WEIR_CLASS_BAN, weir_drill_ban_key(d, (uint8_t)i), "a", due_s);
        (void)stock(s, WEIR_CLASS_BAN, weir_drill_ban_key(d, (uint8_t)(10 + i)), NULL, s->now_ms);
    }
    weir_drill_stock_end(d, WEIR_GROUP_C);
    weir_drill_stock_end(d, WEIR_GROUP_E);
    weir_drill_start(d);
    CLAIM(num_records(d, WEIR_GROUP_C) == 2 && num_records(d, WEIR_GROUP_E) == 4);
}

static bool is_all_gone(const struct weir_drill *d)
{
    return num_records(d, WEIR_GROUP_C) == 0 && num_records(d, WEIR_GROUP_E) == 0 &&
           weir_memory_counts(d->store[WEIR_GROUP_C]).num_conflicts == 0;
}

static unsigned min_of(uint64_t a, unsigned b)
{
    return a < b ? (unsigned)a : b;
}

/* What was counted when the nth operation of a store failed: nothing is done after it. Of bans the
 * 3rd and 5th operations remove expired ones, the 7th looks for an empty lane, the 9th and 11th
 * remove tombstones; of settings the 3rd and 5th do, before those of bans, and the 7th drops
 * conflicts after them. */
static void claim_stopped_at(struct weir_drill *d, enum weir_group g, uint64_t n)
{
    uint64_t purged;

    if (g == WEIR_GROUP_E) {
        purged = n < 8 ? 0 : 2 + min_of((n - 7) / 2, 2);
        CLAIM(weir_drill_counted(d, WEIR_COUNT_EXPIRED) == min_of((n - 1) / 2, 2));
    } else {
        purged = n < 7 ? min_of((n - 1) / 2, 2) : 4;
        CLAIM(weir_drill_counted(d, WEIR_COUNT_EXPIRED) == 2);
    }
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == purged);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
}

static void each_operation_fails(struct weir_sim_exam *x, enum weir_group g)
{
    bool has_failed = true;

    for (uint64_t n = 1; has_failed && x->claim == NULL; n++) {
        struct weir_drill drill;
        struct weir_drill *d = &drill;
        struct scene s;
        weir_drill_init(d, x);
        stock_all(&s, d);
        uint64_t hash[] = { weir_memory_hash(d->store[0]), weir_memory_hash(d->store[1]) };
        weir_memory_fail_op(d->store[g], n, WEIR_EIO);
        weir_drill_wait(d, WEIR_ENGINE_PURGE_US);
        has_failed = d->err < 0;
        if (has_failed) {
            CLAIM(d->err == WEIR_EIO);
            CLAIM(weir_memory_hash(d->store[0]) == hash[0]);
            bool do_bans_stand = g == WEIR_GROUP_C && n > SETTINGS_READ;
            CLAIM((weir_memory_hash(d->store[1]) == hash[1]) == !do_bans_stand);
            CLAIM(weir_drill_num(d, WEIR_OUT_PURGED) == (do_bans_stand ? 2 : 0));
            claim_stopped_at(d, g, n);
            weir_memory_fail_op(d->store[g], 0, WEIR_EIO);
            weir_drill_wait(d, SECOND);
            weir_drill_wait(d, WEIR_ENGINE_PURGE_US);
        } else {
            CLAIM(n > 11);
        }
        CLAIM(is_all_gone(d) && weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        weir_drill_deinit(d);
    }
}

static void each_operation_fails_once(struct weir_drill *d)
{
    each_operation_fails(d->x, WEIR_GROUP_C);
    each_operation_fails(d->x, WEIR_GROUP_E);
}

/* No memory: the turn is undone, and nothing is lost or leaked. */
static void each_allocation_fails_once(struct weir_drill *outer)
{
    bool has_failed = true;

    for (long n = 1; has_failed && outer->x->claim == NULL; n++) {
        struct weir_drill drill;
        struct weir_drill *d = &drill;
        struct scene s;
        weir_drill_init(d, outer->x);
        stock_all(&s, d);
        uint64_t hash[] = { weir_memory_hash(d->store[0]), weir_memory_hash(d->store[1]) };
        weir_failalloc_once(n);
        weir_drill_wait(d, WEIR_ENGINE_PURGE_US);
        has_failed = weir_sim_plenty();
        if (d->err < 0) {
            CLAIM(weir_memory_hash(d->store[0]) == hash[0]);
            CLAIM(weir_memory_hash(d->store[1]) == hash[1]);
            CLAIM(weir_drill_num(d, WEIR_OUT_PURGED) == 0);
            weir_drill_wait(d, SECOND);
            weir_drill_wait(d, WEIR_ENGINE_PURGE_US);
        }
        CLAIM(is_all_gone(d) && weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        weir_drill_deinit(d);
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    tombstones_of_settings,
    tombstones_of_bans,
    tombstones_beyond_the_vector,
    many_tombstones_of_settings,
    many_tombstones_of_bans,
    many_bans,
    clock_below_the_age,
    purged_counts_as_active,
    bans_end,
    damaged_ones_go,
    conflicts_end,
    conflict_of_the_first_moment,
    joining_purges_nothing,
    failed_turn_puts_nothing_off,
    old_lane_ends,
    each_operation_fails_once,
    each_allocation_fails_once,
};

void weir_drill_purge(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
