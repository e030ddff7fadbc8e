/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_new.c - sync/engine/engine_new.c: what an engine begins with, over any store, and that it
 * gives everything back.
 */
#include <string.h>

#include "sync/engine/engine_state.h"
#include "tests/sim/drills/bed/drill_writes.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND UINT64_C(1000000)

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* -- the configuration -- */

static void begin_with_defaults(struct weir_drill *d)
{
    static const struct weir_engine_intervals defaults = {
        WEIR_ENGINE_HEARTBEAT_US,     WEIR_ENGINE_PULL_US,     WEIR_ENGINE_PULL_TIMEOUT_US,
        WEIR_ENGINE_BANS_US,          WEIR_ENGINE_PURGE_US,    WEIR_ENGINE_TOMBSTONE_MS,
        WEIR_ENGINE_BAN_TOMBSTONE_MS, WEIR_ENGINE_CONFLICT_MS, WEIR_ENGINE_PULL_BYTES_PER_S,
        WEIR_ENGINE_CHUNK_BYTES,
    };
    struct weir_engine_intervals chosen = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

    weir_drill_start(d);
    const struct weir_engine_intervals *p = &d->e->cfg.intervals;
    CLAIM(p->heartbeat_us == defaults.heartbeat_us && p->pull_us == defaults.pull_us);
    CLAIM(p->pull_timeout_us == defaults.pull_timeout_us && p->bans_us == defaults.bans_us);
    CLAIM(p->purge_us == defaults.purge_us && p->tombstone_ms == defaults.tombstone_ms);
    CLAIM(p->ban_tombstone_ms == defaults.ban_tombstone_ms);
    CLAIM(p->conflict_ms == defaults.conflict_ms && p->chunk_bytes == defaults.chunk_bytes);
    CLAIM(p->pull_bytes_per_s == defaults.pull_bytes_per_s);
    weir_drill_stop(d);
    d->cfg.intervals = chosen;
    if (!CLAIM(weir_engine_new(&d->cfg, &d->e) == WEIR_OK))
        return;
    p = &d->e->cfg.intervals;
    CLAIM(p->heartbeat_us == 1 && p->pull_us == 2 && p->pull_timeout_us == 3 && p->bans_us == 4);
    CLAIM(p->purge_us == 5 && p->tombstone_ms == 6 && p->ban_tombstone_ms == 7);
    CLAIM(p->conflict_ms == 8 && p->pull_bytes_per_s == 9 && p->chunk_bytes == 10);
}

static void begin_with_names_of_its_own(struct weir_drill *d)
{
    char cluster[] = "a cluster of thirty-two letters!";
    uint8_t incarnation[WEIR_INCARNATION_LEN];

    d->cfg.cluster = weir_span(cluster, sizeof(cluster) - 1);
    CLAIM(d->cfg.cluster.len == 32);
    weir_drill_start(d);
    memcpy(incarnation, weir_engine_incarnation(d->e), sizeof(incarnation));
    cluster[0] = 'A'; /* it was copied */
    cluster[31] = '?';
    weir_drill_up(d, 0);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HELLO, 0, 0);
    if (!CLAIM(f != NULL))
        return;
    const Weir__V1__Hello *m = f->msg.hello;
    CLAIM(m->cluster.len == 32);
    CLAIM(memcmp(m->cluster.data, "a cluster of thirty-two letters!", 32) == 0);
    CLAIM(memcmp(m->node.data, d->cfg.node, WEIR_NODE_ID_LEN) == 0);
    CLAIM(memcmp(m->incarnation.data, incarnation, sizeof(incarnation)) == 0);
    weir_drill_stop(d);
    weir_drill_start(d);
    CLAIM(memcmp(incarnation, weir_engine_incarnation(d->e), sizeof(incarnation)) == 0);
    weir_drill_stop(d);
    d->cfg.seed++;
    weir_drill_start(d);
    CLAIM(memcmp(incarnation, weir_engine_incarnation(d->e), sizeof(incarnation)) != 0);
    CLAIM(d->e->cfg.cluster.at == d->e->cluster && d->e->lane_number == 1);
}

/* -- the store -- */

static void note_wipe(void *arg)
{
    ++*(unsigned *)arg;
}

enum content { EMPTY, COVERED, SEEN, FOLDED, CONTENTS };

static void fill_store(struct weir_drill *d, enum content content, bool live)
{
    struct weir_lane_row row = { .vv = 3, .seen = 3 };
    struct weir_store_meta meta = { .live = live };

    if (content == SEEN)
        row = (struct weir_lane_row){ .seen = 3 };
    if (content == FOLDED)
        row = (struct weir_lane_row){ .vv = 3, .seen = 3, .floor = 3, .final = 3 | 1ULL << 63 };
    weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, 1, row.lane);
    if (content != EMPTY)
        weir_drill_set_row(d, WEIR_GROUP_C, &row);
    weir_drill_set_meta(d, WEIR_GROUP_C, &meta);
}

static void begin_over(struct weir_drill *d, enum content content, bool live, bool bootstrap)
{
    unsigned wiped = 0;
    struct weir_memory_hooks hooks = { .arg = &wiped, .on_wipe = note_wipe };

    weir_memory_lose(d->store[WEIR_GROUP_C]);
    fill_store(d, content, live);
    weir_memory_watch(d->store[WEIR_GROUP_C], &hooks);
    d->cfg.bootstrap = bootstrap;
    d->e = NULL;
    uint64_t ops = weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops;
    CLAIM(weir_engine_new(&d->cfg, &d->e) == WEIR_OK);
    weir_memory_watch(d->store[WEIR_GROUP_C], NULL);
    if (live) /* begin, numbers, lanes: nothing is written */
        CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops == ops + 3 + (content != EMPTY));
    CLAIM(wiped == (content != EMPTY && !live));
    CLAIM(weir_engine_state(d->e) == (live || bootstrap ? WEIR_ENGINE_LIVE : WEIR_ENGINE_JOINING));
    CLAIM(weir_drill_meta(d, WEIR_GROUP_C).live == (live || bootstrap));
    bool stays = content != EMPTY && live;
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_lanes == stays);
    CLAIM(weir_engine_vv(d->e, WEIR_GROUP_C)->num == (stays && content == COVERED));
    CLAIM(weir_engine_folded(d->e)->num == (stays && content == FOLDED));
    CLAIM(d->e->group[WEIR_GROUP_C].seen.num == (stays && content != FOLDED));
    weir_drill_stop(d);
}

static void begin_over_any_store(struct weir_drill *d)
{
    for (unsigned i = 0; i < 4 * CONTENTS; i++)
        begin_over(d, (enum content)(i / 4), i % 2 != 0, i / 2 % 2 != 0);
}

/* Each operation of the start fails: the engine does not come, and both stores are free again. */
static void fail_an_operation(struct weir_drill *d)
{
    bool more = true;

    for (uint64_t n = 1; more && d->x->claim == NULL; n++) {
        unsigned g = n <= 9 ? WEIR_GROUP_C : WEIR_GROUP_E;
        struct weir_engine *e = NULL;
        weir_memory_lose(d->store[WEIR_GROUP_C]);
        fill_store(d, COVERED, false);
        uint64_t hash = weir_memory_hash(d->store[WEIR_GROUP_C]);
        uint64_t ops = weir_memory_counts(d->store[WEIR_GROUP_E]).num_ops;
        if (n == 9)
            weir_memory_fail_commit(d->store[g], 1, WEIR_EFULL);
        else
            weir_memory_fail_op(d->store[g], n < 9 ? n : n - 9, WEIR_EIO);
        uint64_t before = weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops;
        enum weir_err err = weir_engine_new(&d->cfg, &e);
        CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops == before + (n < 8 ? n : 8));
        /* begin, numbers, lane, end of lanes, wipe, numbers, end of lanes, numbers; commit. Then
         * begin, numbers, end of lanes of the other store. */
        more = n <= 12;
        CLAIM(err == (n == 9 ? WEIR_EFULL : more ? WEIR_EIO : WEIR_OK));
        CLAIM((e != NULL) == !more);
        if (n <= 9) {
            CLAIM(weir_memory_hash(d->store[WEIR_GROUP_C]) == hash);
            CLAIM(weir_memory_counts(d->store[WEIR_GROUP_E]).num_ops == ops);
        }
        weir_engine_free(&e);
        CLAIM(e == NULL);
        if (!more) /* the failure is still to come */
            CLAIM(weir_engine_new(&d->cfg, &e) == WEIR_EIO || d->x->claim != NULL);
        weir_engine_free(&e);
    }
}

static void fail_an_allocation(struct weir_drill *d)
{
    bool more = true;

    for (long n = 1; more && d->x->claim == NULL; n++) {
        struct weir_engine *e = NULL;
        weir_memory_lose(d->store[WEIR_GROUP_C]);
        fill_store(d, (enum content)(n % CONTENTS), true);
        weir_failalloc_once(n);
        enum weir_err err = weir_engine_new(&d->cfg, &e);
        more = weir_sim_plenty();
        CLAIM(n < WEIR_DRILL_ALLOCS);
        CLAIM(err == WEIR_OK ? e != NULL : e == NULL && more);
        CLAIM(n > 1 || err == WEIR_ENOMEM);
        weir_engine_free(&e);
        struct weir_store_meta meta = weir_drill_meta(d, WEIR_GROUP_E);
        weir_drill_set_meta(d, WEIR_GROUP_E, &meta); /* no transaction is open */
    }
}

/* -- the end -- */

static void free_with_a_turn_open(struct weir_drill *d)
{
    struct weir_engine_write w = weir_drill_make_write(d, "k", "v");
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);
    struct weir_engine *none = NULL;

    weir_engine_free(&none);
    weir_drill_start(d);
    weir_drill_begin(d);
    CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    CLAIM(weir_engine_write(d->e, &ban) == WEIR_OK);
    weir_engine_free(&d->e);
    CLAIM(d->e == NULL);
    weir_drill_start(d);
    CLAIM(weir_drill_has(d, "k", NULL));
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_E]).num_records == 0);
}

/* A bootstrap in its middle has cursors of all kinds; without rule R5 they are handed on. */
static void free_with_a_session_open(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    bool shared = weir_sim_draw(d->x, 2) == 0;

    d->cfg.bootstrap = false;
    d->cfg.without = shared ? UINT32_C(1) << WEIR_RULE_INCARNATION : 0;
    weir_drill_lane(d->peer[1].node, WEIR_GROUP_C, 1, lane);
    weir_drill_raise(&d->peer[1].vv[WEIR_GROUP_C], lane, 9);
    weir_drill_raise(&d->peer[1].floor, lane, 2);
    weir_drill_start(d);
    weir_drill_meet(d, 1);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, 1, 0);
    if (!CLAIM(f != NULL))
        return;
    Weir__V1__PullRep *m = weir_drill_make_rep(d, 1, f->msg.pull_req);
    m->complete = 0;
    m->cursor = m->beyond = m->floor;
    m->n_cursor = m->n_beyond = m->n_floor;
    weir_drill_receive(d, 1, WEIR_FRAME_PULL_REP, &m->base);
    CLAIM(d->e->pulls[0].open && d->e->pulls[0].cursor.num == 1);
    CLAIM(d->e->pulls[0].beyond.num == 1 && d->e->pulls[0].floor.num == 1);
    if (shared)
        weir_drill_down(d, 1);
    CLAIM(d->e->shared_cursor[WEIR_GROUP_C].num == shared);
}

/* A batch that waits, lanes that end, and one of bans that has no record. */
static void free_with_all_kinds_of_lanes(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    struct weir_lane_row row = { .vv = 3, .seen = 3, .floor = 2, .final = 9 };

    weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, 1, row.lane);
    weir_drill_set_row(d, WEIR_GROUP_C, &row);
    row = (struct weir_lane_row){ .vv = 3, .seen = 3 };
    weir_drill_lane(d->peer[0].node, WEIR_GROUP_E, 1, row.lane);
    weir_drill_set_row(d, WEIR_GROUP_E, &row);
    fill_store(d, FOLDED, true);
    weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, 2, lane);
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    weir_drill_batch_one(d, 0,
                         &(struct weir_drill_rec){
                             .key = WEIR_SPAN_LIT("k"), .value = "1", .lane = lane, .seq = 2 });
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PARKED) == 1 && d->e->waiting != NULL);
    weir_drill_wait(d, SECOND);
    weir_drill_wait(d, SECOND);
    CLAIM(d->e->group[WEIR_GROUP_E].idle.num == 1);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_OK);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    begin_with_defaults,      begin_with_names_of_its_own, begin_over_any_store,
    fail_an_operation,        fail_an_allocation,          free_with_a_turn_open,
    free_with_a_session_open, free_with_a_session_open,    free_with_all_kinds_of_lanes,
};

void weir_drill_new(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
