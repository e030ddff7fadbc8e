/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_forget.c - sync/engine/engine_purge.c: a lane of bans that has had no record for twice the
 * age of a tombstone is dropped; one lane is looked at in a turn.
 */
#include <string.h>

#include "sync/engine/engine_group.h"
#include "tests/sim/drills/bed/drill_stock.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND UINT64_C(1000000)
#define NEVER  (UINT64_C(1) << 50)
#define LANES  3

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

struct scene {
    uint8_t lane[LANES][WEIR_LANE_LEN]; /* ascending */
};

/* An engine that has `num` lanes of bans, without a record, to 3. Purges are a second apart. */
static void set_scene(struct scene *s, struct weir_drill *d, unsigned num)
{
    d->cfg.intervals.heartbeat_us = d->cfg.intervals.pull_us = NEVER;
    d->cfg.intervals.purge_us = 10 * SECOND;
    for (unsigned i = 0; i < num; i++) {
        struct weir_lane_row row = { .vv = 3, .seen = 3 };
        weir_drill_lane(d->peer[7].node, WEIR_GROUP_E, (uint8_t)(10 + i), s->lane[i]);
        memcpy(row.lane, s->lane[i], WEIR_LANE_LEN);
        weir_drill_stock_lane(d, WEIR_GROUP_E, &row);
    }
}

static void stock_ban(struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                      uint64_t ttl_s)
{
    weir_drill_stock_begin(d, WEIR_GROUP_E);
    weir_drill_stock_put(d,
                         &(struct weir_drill_rec){ .class = WEIR_CLASS_BAN,
                                                   .key = weir_drill_ban_key(d, (uint8_t)seq),
                                                   .value = "a",
                                                   .lane = lane,
                                                   .seq = seq },
                         (d->wall_ms + d->mono_us / 1000) / 1000 + ttl_s);
    weir_drill_stock_end(d, WEIR_GROUP_E);
}

static uint64_t idle_of(const struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN])
{
    return weir_vector_get(&d->e->group[WEIR_GROUP_E].idle, lane);
}

static bool has_lane(const struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN])
{
    const struct engine_group *g = &d->e->group[WEIR_GROUP_E];
    struct weir_lane_row row = weir_drill_row(d, WEIR_GROUP_E, lane);
    bool has = weir_vector_get(&g->vv, lane) == 3;

    CLAIM((row.vv == 3) == has && (row.seen == 3) == has);
    CLAIM((weir_vector_get(&g->seen, lane) == 3) == has);
    return has;
}

/* Twice the age, in whole seconds, and no sooner; peers' vectors lose it too. */
static void empty_lane_goes(struct weir_drill *d)
{
    struct scene s;
    uint64_t age_s = 3 + weir_sim_draw(d->x, 4);
    bool is_odd = weir_sim_draw(d->x, 2) == 1; /* a quarter of a second more: the next second */

    d->cfg.intervals.ban_tombstone_ms = age_s * 1000 + (is_odd ? 250 : 0);
    d->mono_us += weir_sim_draw(d->x, SECOND);
    set_scene(&s, d, 1);
    weir_drill_start(d);
    CLAIM(idle_of(d, s.lane[0]) == d->mono_us / SECOND + 1);
    weir_drill_up(d, 1);
    weir_drill_up(d, 3);
    for (uint32_t link = 1; link <= 3; link += 2)
        weir_drill_raise(&d->e->links[link]->given[WEIR_GROUP_E], s.lane[0], 3);
    weir_drill_wait(d, (2 * age_s - 1) * SECOND);
    CLAIM(has_lane(d, s.lane[0]));
    if (is_odd) {
        weir_drill_wait(d, SECOND);
        CLAIM(has_lane(d, s.lane[0]));
    }
    weir_drill_wait(d, SECOND - 1);
    CLAIM(has_lane(d, s.lane[0]));
    CLAIM(weir_vector_get(&d->e->links[3]->given[WEIR_GROUP_E], s.lane[0]) == 3);
    weir_drill_wait(d, 1);
    CLAIM(!has_lane(d, s.lane[0]) && idle_of(d, s.lane[0]) == 0);
    CLAIM(weir_engine_vv(d->e, WEIR_GROUP_E)->num == 0);
    CLAIM(d->e->links[1]->given[WEIR_GROUP_E].num == 0);
    CLAIM(d->e->links[3]->given[WEIR_GROUP_E].num == 0);
    weir_drill_wait(d, SECOND);
    CLAIM(d->err == WEIR_OK);
}

/* One a purge, in turn, from the second on. */
static void lanes_in_turn(struct weir_drill *d)
{
    struct scene s;

    d->cfg.intervals.ban_tombstone_ms = 5000;
    set_scene(&s, d, LANES);
    for (unsigned i = 0; i < 2 * LANES; i++) {
        if (i == 0)
            weir_drill_start(d);
        else
            weir_drill_wait(d, SECOND);
        for (unsigned j = 0; j < LANES; j++) {
            unsigned at = (j + LANES - 1) % LANES; /* looked at in this place */
            CLAIM(idle_of(d, s.lane[j]) == (i < at ? 0 : 2 + at));
        }
    }
    /* The second has its age at its next turn beyond it, then the third; the place stays. */
    weir_drill_wait(d, 3 * SECOND); /* the second, 9 s old or less */
    CLAIM(has_lane(d, s.lane[0]) && has_lane(d, s.lane[1]) && has_lane(d, s.lane[2]));
    weir_drill_wait(d, 20 * SECOND);
    CLAIM(has_lane(d, s.lane[0]) && has_lane(d, s.lane[1]) && !has_lane(d, s.lane[2]));
    weir_drill_wait(d, SECOND);
    CLAIM(!has_lane(d, s.lane[0]) && has_lane(d, s.lane[1]));
    weir_drill_wait(d, SECOND);
    CLAIM(!has_lane(d, s.lane[1]));
}

/* A record in it, sound or damaged: the time begins again. */
static void lane_with_a_record_stays(struct weir_drill *d)
{
    struct scene s;

    d->cfg.intervals.ban_tombstone_ms = 5000;
    set_scene(&s, d, 1);
    stock_ban(d, s.lane[0], 1, 1);
    weir_drill_start(d);
    CLAIM(idle_of(d, s.lane[0]) == 0);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_EXPIRED) == 1 && idle_of(d, s.lane[0]) == 3);
    stock_ban(d, s.lane[0], 2, 30);
    if (weir_sim_draw(d->x, 2) == 0)
        weir_drill_damage(d, WEIR_GROUP_E, WEIR_CLASS_BAN, weir_drill_ban_key(d, 2));
    weir_drill_wait(d, 10 * SECOND);
    CLAIM(has_lane(d, s.lane[0]) && idle_of(d, s.lane[0]) == 0);
    CLAIM(d->err == WEIR_OK);
}

/* The lane that this node writes on may be empty for ever. */
static void own_lane_stays(struct weir_drill *d)
{
    struct scene s;
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.intervals.ban_tombstone_ms = 5000;
    set_scene(&s, d, 0);
    weir_drill_start(d);
    CLAIM(weir_drill_write(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), "a", 1) == WEIR_OK);
    memcpy(lane, weir_memory_meta(d->store[WEIR_GROUP_E]).lane, WEIR_LANE_LEN);
    for (unsigned i = 0; i < 4; i++)
        weir_drill_wait(d, 10 * SECOND);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_E]).num_records == 0);
    CLAIM(weir_drill_row(d, WEIR_GROUP_E, lane).vv == 1 && idle_of(d, lane) == 0);
}

/* A lane that something came of in this very turn is not looked at. */
static void lane_of_this_turn_stays(struct weir_drill *d)
{
    struct scene s;

    d->cfg.intervals.ban_tombstone_ms = 5000;
    set_scene(&s, d, 1);
    weir_drill_start(d);
    weir_drill_wait(d, 9 * SECOND);
    weir_drill_begin(d);
    weir_engine_raise(d->e, WEIR_GROUP_E, s.lane[0], 4);
    d->mono_us += SECOND;
    weir_engine_tick(d->e, d->mono_us, d->wall_ms + d->mono_us / 1000);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_row(d, WEIR_GROUP_E, s.lane[0]).vv == 4);
    CLAIM(weir_vector_get(weir_engine_vv(d->e, WEIR_GROUP_E), s.lane[0]) == 4);
}

/* -- a store that fails, and no memory -- */

/* The lane is there as it was, and waits its time again. Nothing is purged after the failure. */
static void operation_fails(struct weir_drill *d, uint64_t n)
{
    struct scene s;
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.intervals.ban_tombstone_ms = 5000;
    d->cfg.intervals.tombstone_ms = 9000;
    set_scene(&s, d, 1);
    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, lane);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    weir_drill_stock_put(
        d, &(struct weir_drill_rec){ .key = WEIR_SPAN_LIT("a"), .lane = lane, .seq = 1 },
        d->wall_ms + d->mono_us / 1000);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    weir_drill_start(d);
    weir_memory_fail_op(d->store[WEIR_GROUP_E], n, WEIR_EIO);
    weir_drill_wait(d, 10 * SECOND);
    CLAIM(d->err == WEIR_EIO && weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PURGED) == 0);
    CLAIM(has_lane(d, s.lane[0]));
    weir_drill_wait(d, SECOND);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
    weir_drill_wait(d, 11 * SECOND);
    weir_drill_wait(d, 11 * SECOND);
    CLAIM(!has_lane(d, s.lane[0]));
}

/* Operations of that turn: begin, next_expired, next_dot, drop_lane. */
static void first_operation_fails(struct weir_drill *d)
{
    operation_fails(d, 1);
}

static void second_operation_fails(struct weir_drill *d)
{
    operation_fails(d, 2);
}

static void third_operation_fails(struct weir_drill *d)
{
    operation_fails(d, 3);
}

static void fourth_operation_fails(struct weir_drill *d)
{
    operation_fails(d, 4);
}

/* No memory to note since when it is empty. */
static void allocations_fail(struct weir_drill *outer)
{
    bool has_failed = true;

    for (long n = 1; has_failed && outer->x->claim == NULL; n++) {
        struct weir_drill drill;
        struct weir_drill *d = &drill;
        struct scene s;
        weir_drill_init(d, outer->x);
        d->cfg.intervals.ban_tombstone_ms = 5000;
        set_scene(&s, d, 1);
        stock_ban(d, s.lane[0], 1, 2);
        weir_drill_start(d);
        weir_failalloc_once(n);
        weir_drill_wait(d, 2 * SECOND);
        has_failed = weir_sim_plenty();
        if (d->err < 0) {
            CLAIM(weir_memory_counts(d->store[WEIR_GROUP_E]).num_records == 1);
            CLAIM(idle_of(d, s.lane[0]) == 0);
            weir_drill_wait(d, SECOND);
            weir_drill_wait(d, SECOND);
        }
        CLAIM(idle_of(d, s.lane[0]) > 0);
        CLAIM(has_lane(d, s.lane[0]) && weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        weir_drill_deinit(d);
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    empty_lane_goes,         lanes_in_turn,         lane_with_a_record_stays, own_lane_stays,
    lane_of_this_turn_stays, first_operation_fails, second_operation_fails,   third_operation_fails,
    fourth_operation_fails,  allocations_fail,
};

void weir_drill_forget(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
