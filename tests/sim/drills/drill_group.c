/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_group.c - sync/engine/engine_group.c: what is read at the start and written at a commit,
 * limits, this node's lane, lists of messages. What its functions do to vectors one after another
 * is in drill_group_twin.c.
 */
#include <string.h>

#include "node/base/limits.h"
#include "sync/activation/active_lanes.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_turn.h"
#include "sync/version/num.h"
#include "tests/sim/drills/bed/drill_seed.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define PEER      0
#define LOST_US   UINT64_C(600000000)
#define ROWS      5
#define MANY_MEMS 400

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static void lane_of(const struct weir_drill *d, uint32_t peer, enum weir_group g, uint8_t n,
                    uint8_t ret[WEIR_LANE_LEN])
{
    weir_drill_lane(d->peer[peer].node, g, n, ret);
}

static struct engine_group *group_of(const struct weir_drill *d, enum weir_group g)
{
    return &d->e->group[g];
}

/* -- what is read -- */

static void put_row(struct weir_drill *d, enum weir_group g, const struct weir_lane_row *row)
{
    struct weir_record_store *r = d->cfg.records[g];

    CLAIM(r->ops->put_lane(r, row) == WEIR_OK);
}

/* Stores that were used: ROWS rows of group C, the first of them folded, one of group E; and
 * numbers. */
static void fill_stores(struct weir_drill *d, uint8_t lane[ROWS][WEIR_LANE_LEN],
                        uint8_t bans[WEIR_LANE_LEN])
{
    static const struct weir_lane_row rows[ROWS] = {
        { .vv = 5, .seen = 6, .floor = 5, .final = 5 | ENGINE_FOLDED },
        { .vv = 5, .seen = 5, .floor = 4, .final = 5 | ENGINE_FOLDED },
        { .vv = 4, .seen = 5, .floor = 5, .final = 5 | ENGINE_FOLDED },
        { .vv = 5, .seen = 2, .floor = 5, .final = 5 },
        { .vv = 7, .seen = 9 },
    };

    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        struct weir_record_store *r = d->cfg.records[g];
        struct weir_store_meta meta = { .seq = 40 + g, .hlc_floor = 50 + g, .live = true };
        struct weir_lane_row row = { .vv = 3, .seen = 4 };
        CLAIM(r->ops->begin(r) == WEIR_OK);
        weir_drill_lane(d->cfg.node, (enum weir_group)g, 77, meta.lane);
        CLAIM(r->ops->put_meta(r, &meta) == WEIR_OK);
        if (g == WEIR_GROUP_E) {
            lane_of(d, PEER, WEIR_GROUP_E, 1, bans);
            memcpy(row.lane, bans, WEIR_LANE_LEN);
            put_row(d, WEIR_GROUP_E, &row);
        }
        for (unsigned i = 0; i < ROWS && g == WEIR_GROUP_C; i++) {
            lane_of(d, i % 3, WEIR_GROUP_C, (uint8_t)(1 + i), lane[i]);
            row = rows[i];
            memcpy(row.lane, lane[i], WEIR_LANE_LEN);
            put_row(d, WEIR_GROUP_C, &row);
        }
        CLAIM(r->ops->commit(r) == WEIR_OK);
    }
}

/* A row that folds its lane is no part of the vectors; `seen` is never below the vector. */
static void load_rows(struct weir_drill *d)
{
    uint8_t lane[ROWS][WEIR_LANE_LEN];
    uint8_t bans[WEIR_LANE_LEN];

    fill_stores(d, lane, bans);
    if (!CLAIM(weir_engine_new(&d->cfg, &d->e) == WEIR_OK)) /* before its first turn */
        return;
    const struct engine_group *c = group_of(d, WEIR_GROUP_C);
    const struct engine_group *b = group_of(d, WEIR_GROUP_E);
    CLAIM(c->vv.num == 4 && c->seen.num == 4 && c->floor.num == 3 && c->final.num == 3);
    CLAIM(c->folded.num == 1 && weir_vector_get(&c->folded, lane[0]) == 5);
    CLAIM(weir_vector_get(&c->vv, lane[1]) == 5 && weir_vector_get(&c->seen, lane[1]) == 5);
    CLAIM(weir_vector_get(&c->floor, lane[1]) == 4);
    CLAIM(weir_vector_get(&c->final, lane[1]) == (5 | ENGINE_FOLDED));
    CLAIM(weir_vector_get(&c->vv, lane[2]) == 4 && weir_vector_get(&c->seen, lane[2]) == 5);
    CLAIM(weir_vector_get(&c->floor, lane[2]) == 5);
    CLAIM(weir_vector_get(&c->vv, lane[3]) == 5 && weir_vector_get(&c->seen, lane[3]) == 5);
    CLAIM(weir_vector_get(&c->final, lane[3]) == 5);
    CLAIM(weir_vector_get(&c->vv, lane[4]) == 7 && weir_vector_get(&c->seen, lane[4]) == 9);
    CLAIM(b->vv.num == 1 && weir_vector_get(&b->vv, bans) == 3);
    CLAIM(b->seen.num == 1 && weir_vector_get(&b->seen, bans) == 4);
    CLAIM(c->meta.seq == 40 && c->meta.hlc_floor == 50 && c->meta.live);
    CLAIM(b->meta.seq == 41 && b->meta.hlc_floor == 51 && b->meta.live);
    CLAIM(!c->meta_dirty && !b->meta_dirty && c->dirty.num == 0);
}

/* Whatever read fails, there is no engine; and with none that fails there is one. */
static void load_fails(struct weir_drill *d)
{
    uint8_t lane[ROWS][WEIR_LANE_LEN];
    uint8_t bans[WEIR_LANE_LEN];

    fill_stores(d, lane, bans);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        unsigned num = g == WEIR_GROUP_C ? ROWS : 1;
        for (unsigned n = 1; n <= num + 3; n++) { /* begin, get_meta, rows and the end of them */
            weir_memory_fail_op(d->store[g], n, WEIR_EIO);
            CLAIM(weir_engine_new(&d->cfg, &d->e) == WEIR_EIO);
        }
    }
    CLAIM(weir_drill_start(d));
}

/* Without memory for a vector there is no engine, and nothing leaks. */
static void load_lacks_memory(struct weir_drill *d)
{
    uint8_t lane[ROWS][WEIR_LANE_LEN];
    uint8_t bans[WEIR_LANE_LEN];
    bool has_failed = true;

    fill_stores(d, lane, bans);
    for (long n = 1; has_failed && n < MANY_MEMS && d->x->claim == NULL; n++) {
        long live = weir_failalloc_live();
        weir_failalloc_once(n);
        enum weir_err err = weir_engine_new(&d->cfg, &d->e);
        has_failed = weir_sim_plenty();
        CLAIM((err == WEIR_OK) == !has_failed);
        if (err == WEIR_OK)
            weir_engine_free(&d->e);
        CLAIM(weir_failalloc_live() == live);
    }
    CLAIM(!has_failed);
    d->e = NULL;
}

/* -- what is written -- */

/* Two lanes and the numbers change; a commit writes these alone, each once. */
static void change_three(struct weir_drill *d, const uint8_t a[WEIR_LANE_LEN],
                         const uint8_t b[WEIR_LANE_LEN])
{
    weir_drill_begin(d);
    weir_engine_raise(d->e, WEIR_GROUP_C, a, 2);
    weir_engine_raise(d->e, WEIR_GROUP_C, b, 3);
    group_of(d, WEIR_GROUP_C)->meta.hlc_floor = 9;
    group_of(d, WEIR_GROUP_C)->meta_dirty = true;
}

static void write_what_changed(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN];
    uint8_t b[WEIR_LANE_LEN];

    weir_drill_start(d);
    lane_of(d, PEER, WEIR_GROUP_C, 1, a);
    lane_of(d, PEER, WEIR_GROUP_C, 2, b);
    change_three(d, a, b);
    uint64_t before = weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops;
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops == before + 3);
    CLAIM(weir_memory_meta(d->store[WEIR_GROUP_C]).hlc_floor == 9);
    CLAIM(!group_of(d, WEIR_GROUP_C)->meta_dirty);

    /* The numbers did not change, then neither changed. */
    weir_drill_begin(d);
    weir_engine_raise(d->e, WEIR_GROUP_C, a, 3);
    before = weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops;
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops == before + 1);
    weir_drill_begin(d);
    weir_engine_raise(d->e, WEIR_GROUP_C, a, 3);
    weir_engine_note_seen(d->e, WEIR_GROUP_C, a, 3);
    CLAIM(!group_of(d, WEIR_GROUP_C)->begun);
    CLAIM(weir_drill_end(d) == WEIR_OK);

    /* Group E has lanes of its own. */
    lane_of(d, PEER, WEIR_GROUP_E, 3, b);
    weir_drill_begin(d);
    weir_engine_raise(d->e, WEIR_GROUP_E, b, 2);
    weir_engine_note_seen(d->e, WEIR_GROUP_E, b, 5);
    CLAIM(!group_of(d, WEIR_GROUP_C)->begun);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_row(d, WEIR_GROUP_E, b).vv == 2);
    CLAIM(weir_drill_row(d, WEIR_GROUP_E, b).seen == 5);
    CLAIM(weir_engine_reach(d->e, WEIR_GROUP_E, b) == 2);
    CLAIM(weir_engine_hash(d->e, WEIR_GROUP_E) == weir_vector_hash(&group_of(d, WEIR_GROUP_E)->vv));
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, b).seen == 0);
}

/* Whichever of the writes fails, all of the turn is undone. */
static void write_fails(struct weir_drill *d)
{
    static const enum weir_err errs[] = { WEIR_EIO, WEIR_EFULL };
    uint8_t a[WEIR_LANE_LEN];
    uint8_t b[WEIR_LANE_LEN];

    weir_drill_start(d);
    lane_of(d, PEER, WEIR_GROUP_C, 1, a);
    lane_of(d, PEER, WEIR_GROUP_C, 2, b);
    for (unsigned n = 1; n <= 3; n++) {
        enum weir_err err = errs[weir_sim_draw(d->x, WEIR_ARRAY_LEN(errs))];
        change_three(d, a, b);
        weir_memory_fail_op(d->store[WEIR_GROUP_C], n, err);
        CLAIM(weir_drill_end(d) == err);
        CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
        CLAIM(weir_drill_alarms(d, WEIR_ALARM_DISK, WEIR_DRILL_ANY) == 1);
        const struct engine_group *c = group_of(d, WEIR_GROUP_C);
        CLAIM(c->vv.num == 0 && c->seen.num == 0 && c->dirty.num == 0 && !c->meta_dirty);
        CLAIM(c->meta.hlc_floor == 0);
        weir_drill_wait(d, 1000000);
        CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        weir_drill_wait(d, 0); /* what only a node does whose disk works */
        CLAIM(weir_drill_row(d, WEIR_GROUP_C, a).vv == 0);
        CLAIM(weir_drill_row(d, WEIR_GROUP_C, b).vv == 0);
    }
    change_three(d, a, b);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, a).vv == 2);
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, b).vv == 3);
}

/* -- calls that fail -- */

enum call {
    CALL_RAISE,
    CALL_UNFOLD,
    CALL_SEEN,
    CALL_FLOOR,
    CALL_FOLD,
    CALL_END,
    CALL_SPLIT,
    CALL_SHOW,
};

/* One call on rows of fill_stores. @return whether it stated a success */
static bool call_one(struct weir_drill *d, enum call call, uint8_t lane[ROWS][WEIR_LANE_LEN],
                     Weir__V1__Lv *const *list)
{
    uint8_t value[ENGINE_FINAL_LEN];
    struct weir_vector ret = WEIR_VECTOR_ZERO;
    struct weir_version by = { .seq = 7 };
    struct weir_stored_record rec = {
        .rec = { .class = WEIR_CLASS_LANE,
                 .key = weir_span(lane[0], WEIR_LANE_LEN),
                 .value = weir_span(value, sizeof(value)) },
    };
    bool done = true;

    switch (call) {
    case CALL_RAISE:
        weir_engine_raise(d->e, WEIR_GROUP_C, d->e->incarnation, 1);
        break;
    case CALL_UNFOLD:
        weir_engine_raise(d->e, WEIR_GROUP_C, lane[0], 6);
        break;
    case CALL_SEEN:
        weir_engine_note_seen(d->e, WEIR_GROUP_C, d->e->incarnation, 1);
        break;
    case CALL_FLOOR:
        weir_engine_raise_floor(d->e, d->e->incarnation, 1);
        break;
    case CALL_FOLD:
        weir_engine_fold(d->e, lane[4]);
        break;
    case CALL_END:
        memcpy(by.lane, lane[4], WEIR_LANE_LEN);
        weir_num_write_le(value, 4, sizeof(value));
        weir_engine_end_stored(d->e, &rec, 4, &by);
        break;
    case CALL_SPLIT:
        done = weir_engine_split(d->e, WEIR_GROUP_C, list, 2, &ret);
        break;
    case CALL_SHOW:
        done = weir_engine_show(d->e, &group_of(d, WEIR_GROUP_C)->final, NULL, &ret);
    }
    CLAIM(call < CALL_SPLIT || ret.num > 0 || !done);
    CLAIM(done || (ret.num == 0 && ret.items == NULL));
    weir_vector_deinit(&ret);
    return done;
}

/* Of eight entries, the least that a vector has memory for, all are taken: one more needs memory.
 */
static void fill_vector(struct weir_vector *v)
{
    struct weir_vector full = WEIR_VECTOR_ZERO;

    for (size_t i = 0; i < v->num; i++)
        weir_drill_raise(&full, v->items[i].lane, v->items[i].seq);
    for (uint8_t i = 0; full.num < 8; i++) {
        uint8_t lane[WEIR_LANE_LEN] = { 0xff, i };
        weir_drill_raise(&full, lane, 1);
    }
    weir_vector_deinit(v);
    *v = full;
}

static void fill_vectors(struct weir_drill *d)
{
    struct engine_group *c = group_of(d, WEIR_GROUP_C);

    fill_vector(&c->vv);
    fill_vector(&c->seen);
    fill_vector(&c->floor);
    fill_vector(&c->final);
    fill_vector(&c->folded);
    weir_vector_deinit(&c->dirty);
}

/* Any allocation of a call may fail: then the turn fails, and leaves no trace. */
static void calls_lack_memory(struct weir_drill *d)
{
    uint8_t lane[ROWS][WEIR_LANE_LEN];
    uint8_t bans[WEIR_LANE_LEN];
    struct weir_vector all = WEIR_VECTOR_ZERO;

    fill_stores(d, lane, bans);
    weir_drill_start(d);
    weir_drill_raise(&all, lane[0], 3);
    weir_drill_raise(&all, lane[1], 4);
    Weir__V1__Lv **list = weir_drill_lanes(d, &all);
    for (unsigned call = 0; call <= CALL_SHOW; call++) {
        bool has_failed = true;
        long n = 1;
        for (; has_failed && n < MANY_MEMS && d->x->claim == NULL; n++) {
            weir_drill_begin(d);
            CLAIM(weir_engine_begin(d->e, WEIR_GROUP_C));
            fill_vectors(d);
            weir_failalloc_once(n);
            bool done = call_one(d, (enum call)call, lane, list);
            has_failed = weir_sim_plenty();
            CLAIM(d->e->turn_err == (has_failed ? WEIR_ENOMEM : WEIR_OK));
            CLAIM(done || has_failed);
            weir_engine_fail(d->e, WEIR_ENOMEM);
            CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
            CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
            CLAIM(group_of(d, WEIR_GROUP_C)->vv.num == 4); /* with its own */
            CLAIM(weir_vector_get(&group_of(d, WEIR_GROUP_C)->folded, lane[0]) == 5);
        }
        CLAIM(n > 2); /* it asked for some */
    }
    weir_vector_deinit(&all);
}

/* Where no transaction can be begun, nothing changes. */
static void calls_lack_a_store(struct weir_drill *d)
{
    uint8_t lane[ROWS][WEIR_LANE_LEN];
    uint8_t bans[WEIR_LANE_LEN];
    struct weir_vector vv = WEIR_VECTOR_ZERO;

    fill_stores(d, lane, bans);
    weir_drill_start(d);
    struct engine_group *c = group_of(d, WEIR_GROUP_C);
    weir_drill_raise(&vv, lane[4], 8);
    weir_drill_raise(&vv, lane[2], 3);
    for (unsigned call = 0; call < 4; call++) {
        uint64_t seen = weir_vector_hash(&c->seen);
        weir_drill_begin(d);
        weir_memory_fail_op(d->store[WEIR_GROUP_C], 1, WEIR_EIO);
        if (call == 0)
            weir_engine_raise(d->e, WEIR_GROUP_C, lane[4], 8);
        else if (call == 1)
            weir_engine_fold(d->e, lane[4]);
        else if (call == 2)
            weir_engine_join(d->e, WEIR_GROUP_C, &vv, &vv);
        else
            weir_engine_lane_lost(d->e, WEIR_GROUP_C, PEER);
        CLAIM(d->e->turn_err == WEIR_EIO);
        CLAIM(weir_vector_get(&c->vv, lane[4]) == 7 && weir_vector_hash(&c->seen) == seen);
        CLAIM(c->folded.num == 2 && weir_vector_get(&c->floor, lane[2]) == 5);
        CLAIM(weir_vector_get(&c->floor, lane[4]) == 0 && !d->e->floor_rose);
        CLAIM(c->dirty.num == 0 && c->meta.seq > 0 && !c->meta_dirty);
        CLAIM(weir_drill_end(d) == WEIR_EIO);
        CLAIM(weir_drill_alarms(d, WEIR_ALARM_ROLLBACK, WEIR_DRILL_ANY) == 0);
        weir_drill_wait(d, 1000000);
        CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        weir_drill_wait(d, 0); /* what only a node does whose disk works */
    }
    weir_vector_deinit(&vv);
}

/* A floor, or a fold, is written also when it is all that a turn changes. */
static void begin_for_little(struct weir_drill *d)
{
    uint8_t lane[ROWS][WEIR_LANE_LEN];
    uint8_t bans[WEIR_LANE_LEN];
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    struct weir_vector floor = WEIR_VECTOR_ZERO;

    fill_stores(d, lane, bans);
    weir_drill_start(d);
    weir_drill_raise(&floor, lane[0], 5); /* folded */
    weir_drill_raise(&floor, lane[4], 7);
    weir_drill_begin(d);
    weir_engine_join(d->e, WEIR_GROUP_C, &vv, &floor);
    CLAIM(d->e->floor_rose);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, lane[4]).floor == 7);
    weir_drill_begin(d);
    weir_engine_fold(d->e, lane[4]);
    CLAIM(!d->e->floor_rose);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, lane[4]).final == (7 | ENGINE_FOLDED));

    /* Group E has no floor, whatever a response states. */
    weir_vector_reset(&floor);
    weir_drill_raise(&vv, bans, 6);
    weir_drill_raise(&floor, bans, 6);
    weir_drill_begin(d);
    weir_engine_join(d->e, WEIR_GROUP_E, &vv, &floor);
    CLAIM(!d->e->floor_rose);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_row(d, WEIR_GROUP_E, bans).vv == 6);
    CLAIM(group_of(d, WEIR_GROUP_C)->floor.num == 2);
    weir_vector_deinit(&vv);
    weir_vector_deinit(&floor);
}

/* -- limits -- */

static void limit_lanes(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN] = { 0 };
    uint8_t other[WEIR_LANE_LEN] = { 0xff };
    struct weir_vector vv = WEIR_VECTOR_ZERO;

    weir_drill_start(d);
    struct engine_group *c = group_of(d, WEIR_GROUP_C);
    weir_drill_begin(d);
    for (unsigned i = 0; i < WEIR_LANES_MAX - 1; i++) {
        weir_num_write_be(lane, i, 4);
        weir_drill_raise(&c->seen, lane, 1);
    }
    CLAIM(weir_engine_has_room(d->e, WEIR_GROUP_C, other));
    weir_num_write_be(lane, WEIR_LANES_MAX, 4);
    weir_drill_raise(&c->seen, lane, 1);
    uint64_t before = weir_engine_counter(d->e, WEIR_COUNT_LANES_FULL);
    CLAIM(weir_engine_has_room(d->e, WEIR_GROUP_C, lane));
    CLAIM(weir_engine_has_room(d->e, WEIR_GROUP_E, other));
    CLAIM(weir_engine_counter(d->e, WEIR_COUNT_LANES_FULL) == before);
    CLAIM(!weir_engine_has_room(d->e, WEIR_GROUP_C, other));
    CLAIM(weir_engine_counter(d->e, WEIR_COUNT_LANES_FULL) == before + 1);
    weir_drill_raise(&vv, lane, 4);
    weir_drill_raise(&vv, other, 4);
    weir_engine_join(d->e, WEIR_GROUP_C, &vv, &c->floor);
    CLAIM(weir_engine_counter(d->e, WEIR_COUNT_LANES_FULL) == before + 2);
    CLAIM(weir_vector_get(&c->vv, lane) == 4 && c->vv.num == 1 && d->e->turn_err == WEIR_OK);
    weir_drill_raise(&c->folded, other, 1);
    CLAIM(weir_engine_has_room(d->e, WEIR_GROUP_C, other));
    CLAIM(weir_engine_counter(d->e, WEIR_COUNT_LANES_FULL) == before + 2);
    weir_engine_fail(d->e, WEIR_ENOMEM);
    (void)weir_drill_end(d);
    weir_vector_deinit(&vv);
}

/* -- this node's lane -- */

/* Its name is this node's, the letter of the group, and seven random bytes. */
static void draw_lanes(struct weir_drill *d)
{
    static const char letters[WEIR_GROUP_COUNT] = { 'C', 'E' };

    weir_drill_start(d);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        struct engine_group *group = group_of(d, (enum weir_group)g);
        struct weir_rng rng = d->e->rng;
        uint64_t random = weir_rng_next(&rng);
        uint32_t number = d->e->lane_number;
        uint64_t drawn = weir_engine_counter(d->e, WEIR_COUNT_LANES);
        weir_drill_begin(d);
        CLAIM(weir_engine_begin(d->e, (enum weir_group)g));
        memset(group->meta.lane, 0xee, WEIR_LANE_LEN);
        group->meta.seq = 9;
        CLAIM(!d->e->lane_drawn[g]);
        weir_engine_draw_lane(d->e, (enum weir_group)g);
        CLAIM(memcmp(group->meta.lane, d->cfg.node, WEIR_NODE_ID_LEN) == 0);
        CLAIM(group->meta.lane[WEIR_NODE_ID_LEN] == (uint8_t)letters[g]);
        CLAIM(memcmp(group->meta.lane + WEIR_NODE_ID_LEN + 1, (uint8_t *)&random + 1, 7) == 0);
        CLAIM(group->meta.seq == 0 && group->meta_dirty && d->e->lane_drawn[g]);
        CLAIM(g == WEIR_GROUP_E || !d->e->lane_drawn[WEIR_GROUP_E]);
        CLAIM(d->e->lane_number == number + 1);
        CLAIM(weir_engine_counter(d->e, WEIR_COUNT_LANES) == drawn + 1);
        CLAIM(weir_drill_end(d) == WEIR_OK);
        CLAIM(memcmp(weir_memory_meta(d->store[g]).lane, group->meta.lane, WEIR_LANE_LEN) == 0);
    }
}

/* A claim in a turn of its own. @return whether the lane was given up */
static bool lose(struct weir_drill *d, enum weir_group g, uint32_t link, bool is_drawn)
{
    static const uint8_t none[WEIR_LANE_LEN];
    struct engine_group *group = group_of(d, g);

    weir_drill_begin(d);
    if (weir_engine_begin(d->e, g)) {
        weir_engine_draw_lane(d->e, g);
        group->meta.seq = 3;
        group->meta_dirty = false;
    }
    d->e->lane_drawn[g] = is_drawn;
    weir_engine_lane_lost(d->e, g, link);
    bool is_lost = memcmp(group->meta.lane, none, WEIR_LANE_LEN) == 0;
    CLAIM(group->meta.seq == (is_lost ? 0 : 3));
    CLAIM(group->meta_dirty == is_lost);
    CLAIM(d->e->lane_drawn[g] == (is_drawn && !is_lost));
    CLAIM(weir_drill_end(d) == WEIR_OK);
    return is_lost;
}

/* The first claim on a lane that was drawn here gives it up; a second one by a peer within ten
 * minutes is false. */
static void lose_lanes(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, PEER);
    weir_drill_meet(d, 1);

    CLAIM(lose(d, WEIR_GROUP_C, 1, false));
    CLAIM(d->e->lane_lost_us == 0); /* of an earlier life: it is no such claim */
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_ROLLBACK, 1) == 1);
    CLAIM(lose(d, WEIR_GROUP_C, 1, true));
    uint64_t lost_us = d->mono_us;
    CLAIM(d->e->lane_lost_us == lost_us);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_ROLLBACK, 1) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_CUT) == 0);

    d->mono_us = lost_us + LOST_US - 1;
    CLAIM(lose(d, WEIR_GROUP_C, 1, false)); /* it was not drawn in this life */
    CLAIM(lose(d, WEIR_GROUP_C, WEIR_ENGINE_NO_LINK, true));
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_ROLLBACK, WEIR_ENGINE_NO_LINK) == 1);
    CLAIM(d->e->lane_lost_us == d->mono_us);
    d->e->lane_lost_us = lost_us;
    CLAIM(!lose(d, WEIR_GROUP_C, 1, true));
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_ROLLBACK, WEIR_DRILL_ANY) == 0);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_FALSE_CLAIM, 1) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_CUT) == 1 && weir_drill_out(d, WEIR_OUT_CUT, 0)->link == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FALSE_CLAIMS) == 1);
    CLAIM(d->e->lane_lost_us == lost_us);

    d->mono_us += 1;
    CLAIM(lose(d, WEIR_GROUP_C, PEER, true));
    CLAIM(d->e->lane_lost_us == lost_us + LOST_US);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FALSE_CLAIMS) == 0);
    d->mono_us += LOST_US;
    CLAIM(lose(d, WEIR_GROUP_E, PEER, true)); /* of bans there is no alarm */
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0);
}

/* What a response states of this node's own lane beyond what was written is a roll-back. */
static void join_own_lane(struct weir_drill *d)
{
    static const uint8_t none[WEIR_LANE_LEN];
    uint8_t own[WEIR_LANE_LEN];
    uint8_t other[WEIR_LANE_LEN];
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    struct weir_vector empty = WEIR_VECTOR_ZERO;

    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK);
    struct engine_group *c = group_of(d, WEIR_GROUP_C);
    memcpy(own, c->meta.lane, WEIR_LANE_LEN);
    memcpy(other, own, WEIR_LANE_LEN);
    other[WEIR_LANE_LEN - 1] ^= 1;
    weir_drill_raise(&vv, own, 1);
    weir_drill_raise(&vv, other, 9);
    weir_drill_begin(d);
    weir_engine_join(d->e, WEIR_GROUP_C, &vv, &empty);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(memcmp(c->meta.lane, own, WEIR_LANE_LEN) == 0 && c->meta.seq == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0);
    CLAIM(weir_vector_get(&c->vv, other) == 9);
    weir_drill_raise(&vv, own, 2);
    weir_drill_begin(d);
    weir_engine_join(d->e, WEIR_GROUP_C, &vv, &empty);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(memcmp(c->meta.lane, none, WEIR_LANE_LEN) == 0);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_ROLLBACK, WEIR_ENGINE_NO_LINK) == 1);
    CLAIM(weir_vector_get(&c->vv, own) == 2);
    weir_vector_deinit(&vv);
}

/* -- messages and records -- */

/* A list of a message is split by group; what was there before goes. */
static void split_lists(struct weir_drill *d)
{
    uint8_t lane[4][WEIR_LANE_LEN];
    struct weir_vector both = WEIR_VECTOR_ZERO;
    struct weir_vector ret = WEIR_VECTOR_ZERO;

    weir_drill_start(d);
    for (unsigned i = 0; i < 4; i++) {
        lane_of(d, i, i % 2 == 0 ? WEIR_GROUP_C : WEIR_GROUP_E, 1, lane[i]);
        weir_drill_raise(&both, lane[i], 10 + i);
    }
    lane[2][WEIR_NODE_ID_LEN] = 'X'; /* no letter of a group: counts as group C */
    weir_drill_raise(&both, lane[2], 12);
    Weir__V1__Lv **list = weir_drill_lanes(d, &both);
    weir_drill_begin(d);
    weir_drill_raise(&ret, lane[1], 99);
    CLAIM(weir_engine_split(d->e, WEIR_GROUP_C, list, both.num, &ret));
    CLAIM(ret.num == 3 && weir_vector_get(&ret, lane[0]) == 10);
    CLAIM(weir_vector_get(&ret, lane[2]) == 12);
    CLAIM(weir_engine_split(d->e, WEIR_GROUP_E, list, both.num, &ret));
    CLAIM(ret.num == 2 && weir_vector_get(&ret, lane[1]) == 11);
    CLAIM(weir_vector_get(&ret, lane[3]) == 13);
    CLAIM(weir_engine_split(d->e, WEIR_GROUP_C, list, 0, &ret));
    CLAIM(ret.num == 0 && d->e->turn_err == WEIR_OK);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    weir_vector_deinit(&both);
    weir_vector_deinit(&ret);
}

static uint64_t end_of(enum weir_class class, size_t key_len, size_t value_len, uint64_t end)
{
    uint8_t key[WEIR_LANE_LEN + 1] = { 1 };
    uint8_t value[ENGINE_FINAL_LEN + 1] = { 0 };
    struct weir_stored_record rec = {
        .rec = { .class = class,
                 .key = weir_span(key, key_len),
                 .value = weir_span(value, value_len) },
    };

    weir_num_write_le(value, end, ENGINE_FINAL_LEN);
    return weir_engine_end_of(&rec);
}

static void read_ends(struct weir_drill *d)
{
    const enum weir_class class = WEIR_CLASS_LANE;
    const uint64_t most = WEIR_RECORD_SEQ_MAX;
    uint64_t any = 1 + weir_sim_draw(d->x, most);

    CLAIM(end_of(class, 16, 8, any) == any);
    CLAIM(end_of(class, 16, 8, any | ENGINE_FOLDED) == (any | ENGINE_FOLDED));
    CLAIM(end_of(class, 16, 8, 1) == 1 && end_of(class, 16, 8, most) == most);
    CLAIM(end_of(class, 16, 8, 1 | ENGINE_FOLDED) == (1 | ENGINE_FOLDED));
    CLAIM(end_of(class, 16, 8, most | ENGINE_FOLDED) == (most | ENGINE_FOLDED));
    CLAIM(end_of(class, 16, 8, 0) == 0 && end_of(class, 16, 8, ENGINE_FOLDED) == 0);
    CLAIM(end_of(class, 16, 8, most + 1) == 0);
    CLAIM(end_of(class, 16, 8, (most + 1) | ENGINE_FOLDED) == 0);
    CLAIM(end_of(class, 16, 8, any | ENGINE_FOLDED >> 1) == 0);
    CLAIM(end_of(WEIR_CLASS_TENANT, 16, 8, any) == 0);
    CLAIM(end_of(class, 15, 8, any) == 0 && end_of(class, 17, 8, any) == 0);
    CLAIM(end_of(class, 16, 0, any) == 0 && end_of(class, 16, 7, any) == 0);
    CLAIM(end_of(class, 16, 9, any) == 0);
    CLAIM(ENGINE_FOLDED == UINT64_C(1) << 63 && ENGINE_FINAL_LEN == 8);
}

/* The numbers of a lane that rose are reported in the next heartbeat; of bans none are. A batch
 * that waits is looked at again. */
static void tell_of_what_rose(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t bans[WEIR_LANE_LEN];
    struct weir_drill_rec late = { .key = WEIR_SPAN_LIT("b"), .value = "2", .seq = 3 };

    weir_drill_start(d);
    weir_drill_meet(d, PEER);
    lane_of(d, PEER, WEIR_GROUP_C, 1, lane);
    lane_of(d, PEER, WEIR_GROUP_E, 2, bans);
    weir_drill_begin(d);
    weir_engine_raise(d->e, WEIR_GROUP_C, lane, 1);
    CLAIM(!d->e->waiting_ready);
    weir_engine_raise(d->e, WEIR_GROUP_E, bans, 1);
    CLAIM(!d->e->waiting_ready);
    CLAIM(weir_active_lane_find(d->e->active, lane) != NULL);
    CLAIM(weir_active_lane_find(d->e->active, bans) == NULL);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    weir_drill_wait(d, WEIR_ENGINE_HEARTBEAT_US);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK, 0);
    if (CLAIM(f != NULL && f->msg.heartbeat->n_ack == 1)) {
        const Weir__V1__Ack *ack = f->msg.heartbeat->ack[0];
        CLAIM(memcmp(ack->lane.data, lane, WEIR_LANE_LEN) == 0 && ack->durable == 1);
    }
    late.lane = lane;
    weir_drill_batch_one(d, PEER, &late);
    CLAIM(weir_drill_has(d, "b", NULL) && d->e->waiting != NULL && !d->e->waiting_ready);
    weir_drill_begin(d);
    weir_engine_raise(d->e, WEIR_GROUP_C, lane, 2);
    CLAIM(d->e->waiting_ready);
    weir_engine_raise(d->e, WEIR_GROUP_E, bans, 2);
    CLAIM(d->e->waiting_ready);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_has(d, "b", "2") && d->e->waiting == NULL);
    CLAIM(weir_engine_reach(d->e, WEIR_GROUP_C, lane) == 3);
}

/* -- a lane goes on -- */

/* A node over a store with one folded lane, of which more was met than its end. */
static bool start_folded(struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN])
{
    struct weir_lane_row row = { .vv = 4, .seen = 9, .floor = 4, .final = ENGINE_FOLDED | 4 };
    struct weir_lane_row before = { .vv = 1, .seen = 7 };
    struct weir_store_meta meta = { .live = true };

    memcpy(row.lane, lane, WEIR_LANE_LEN);
    memset(before.lane, 0x77, WEIR_LANE_LEN);
    weir_drill_lane(d->cfg.node, WEIR_GROUP_C, 1, meta.lane);
    weir_drill_seed_row(d, WEIR_GROUP_C, &row);
    weir_drill_seed_row(d, WEIR_GROUP_C, &before);
    weir_drill_seed_meta(d, WEIR_GROUP_C, &meta);
    return CLAIM(weir_drill_start(d)) &&
           CLAIM(weir_vector_get(weir_engine_folded(d->e), lane) == 4);
}

/* The last number that was met is that of its row, whatever the lane's name is: also the first of
 * all, and one that ends in zeros. A store that cannot be read ends the turn. */
static void unfold_by_row(struct weir_drill *d, const uint8_t lane[WEIR_LANE_LEN])
{
    bool has_failed = true;

    for (uint64_t n = 1; has_failed && d->x->claim == NULL; n++) {
        weir_drill_renew(d);
        if (!start_folded(d, lane))
            return;
        weir_drill_begin(d);
        uint64_t before = weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops;
        weir_memory_fail_op(d->store[WEIR_GROUP_C], n, WEIR_EIO);
        weir_engine_raise(d->e, WEIR_GROUP_C, lane, 6);
        bool is_met = weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops - before >= n;
        CLAIM(d->e->turn_err == (is_met ? WEIR_EIO : WEIR_OK));
        (void)weir_drill_end(d);
        has_failed = d->err < 0;
        CLAIM(!is_met || has_failed);
        CLAIM(weir_vector_get(weir_engine_vv(d->e, WEIR_GROUP_C), lane) == (has_failed ? 0 : 6));
        CLAIM(weir_vector_get(&d->e->group[WEIR_GROUP_C].seen, lane) == (has_failed ? 0 : 9));
    }
}

static void unfold_each_name(struct weir_drill *d)
{
    static const uint8_t first[WEIR_LANE_LEN];
    static const uint8_t zeros[WEIR_LANE_LEN] = { 0x30, [WEIR_NODE_ID_LEN] = 'C' };
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_lane(d->peer[PEER].node, WEIR_GROUP_C, 200, lane);
    unfold_by_row(d, lane);
    unfold_by_row(d, zeros);
    unfold_by_row(d, first);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    load_rows,   load_fails,        load_lacks_memory,  write_what_changed,
    write_fails, calls_lack_memory, calls_lack_a_store, begin_for_little,
    limit_lanes, draw_lanes,        lose_lanes,         join_own_lane,
    split_lists, read_ends,         tell_of_what_rose,  unfold_each_name,
};

void weir_drill_group(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
