/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_repair.c - sync/engine/engine_audit.c and engine_sums.c: a record that is damaged is
 * dropped, noted once, and fetched from two peers that may have it.
 */
#include <stdio.h>
#include <string.h>

#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"
#include "tests/sim/drills/bed/drill_stock.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND UINT64_C(1000000)
#define NEVER  (UINT64_C(1) << 50)
#define AGAIN  250000 /* us until a peer that was behind is asked again */
#define KEYS   64     /* of one request */
#define NOTED  256    /* damaged records at once */

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static struct weir_span nth_key(struct weir_drill *d, unsigned n)
{
    char key[8];

    int len = snprintf(key, sizeof(key), "k%04u", n);
    return weir_span(weir_drill_bytes(d, key, (size_t)len).data, (size_t)len);
}

/* An engine with three tenants of a node that is not here. */
static void start(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.intervals.heartbeat_us = d->cfg.intervals.pull_us = NEVER;
    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, lane);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    for (unsigned n = 0; n < 3; n++)
        weir_drill_stock_put(
            d,
            &(struct weir_drill_rec){
                .key = nth_key(d, n), .value = "v", .lane = lane, .seq = 1 + n, .hlc = 1 + n },
            d->wall_ms);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    weir_drill_start(d);
}

/* It is found now, in a turn of its own. */
static void find_damage(struct weir_drill *d, enum weir_class class, struct weir_span key)
{
    weir_drill_begin(d);
    CLAIM(weir_engine_begin(d->e, class == WEIR_CLASS_BAN ? WEIR_GROUP_E : WEIR_GROUP_C));
    weir_engine_drop_damaged(d->e, class, key);
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

static size_t num_forced(const struct weir_drill *d)
{
    size_t num = 0;

    for (uint32_t link = 0; link < WEIR_DRILL_PEERS; link++)
        num += weir_drill_forced(d, link) != NULL;
    return num;
}

/* Does the request ask for this key in this place? */
static bool asks_for(const Weir__V1__PullReq *req, size_t at, enum weir_class class,
                     struct weir_span key)
{
    return req != NULL && at < req->n_force_keys && req->force_keys[at].len == 1 + key.len &&
           req->force_keys[at].data[0] == class &&
           memcmp(req->force_keys[at].data + 1, key.at, key.len) == 0;
}

/* Respond to the request for keys with the record k0001, or with none. */
static void respond(struct weir_drill *d, uint32_t link, bool has_record)
{
    const Weir__V1__PullReq *req = weir_drill_forced(d, link);
    uint8_t lane[WEIR_LANE_LEN];

    if (!CLAIM(req != NULL))
        return;
    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, lane);
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, link, req);
    Weir__V1__Record *rec = weir_drill_make_record(
        d, &(struct weir_drill_rec){
               .key = nth_key(d, 1), .value = "v", .lane = lane, .seq = 2, .hlc = 2 });
    rep->r = &rec;
    rep->n_r = has_record;
    weir_drill_receive(d, link, WEIR_FRAME_PULL_REP, &rep->base);
}

/* -- two peers -- */

/* Found by the walk, fetched from the first two that are live and accepted, then forgotten. */
static void fetched_from_two(struct weir_drill *d)
{
    start(d);
    d->peer[1].live = false;
    weir_drill_meet_level(d, 5);
    d->e->links[2]->stale = true;
    weir_drill_damage(d, WEIR_GROUP_C, WEIR_CLASS_TENANT, nth_key(d, 1));
    weir_drill_wait(d, SECOND);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CORRUPT) == 1 && !weir_drill_has(d, "k0001", "v"));
    CLAIM(d->e->num_damaged == 1 && d->e->damaged_us == d->mono_us);
    CLAIM(d->e->lossy == UINT32_C(1) << WEIR_CLASS_TENANT && weir_drill_is_summed(d));
    CLAIM(d->e->scan.next_us == d->mono_us + SECOND && weir_engine_in_motion(d->e));
    CLAIM(num_forced(d) == 1);
    CLAIM(asks_for(weir_drill_forced(d, 3), 0, WEIR_CLASS_TENANT, nth_key(d, 1)));
    CLAIM(weir_drill_forced(d, 3) != NULL && weir_drill_forced(d, 3)->n_force_keys == 1);
    CLAIM(d->e->damaged[0].asked == 1 && d->e->damaged[0].links[0] == 3);
    CLAIM(weir_engine_was_asked(&d->e->damaged[0], 3) && !weir_engine_was_asked(d->e->damaged, 4));
    respond(d, 3, true);
    CLAIM(weir_drill_has(d, "k0001", "v") && weir_drill_counted(d, WEIR_COUNT_REPAIRED) == 1);
    CLAIM(weir_drill_is_summed(d) && d->e->num_damaged == 1);
    weir_drill_wait(d, 0);
    CLAIM(num_forced(d) == 1 && weir_drill_forced(d, 4) != NULL);
    CLAIM(d->e->damaged[0].asked == 2 && weir_engine_was_asked(&d->e->damaged[0], 3));
    CLAIM(weir_engine_was_asked(&d->e->damaged[0], 4) && !weir_engine_was_asked(d->e->damaged, 5));
    respond(d, 4, true);
    CLAIM(d->e->num_damaged == 1);
    weir_drill_wait(d, 0);
    CLAIM(d->e->num_damaged == 0 && num_forced(d) == 0 && !weir_engine_in_motion(d->e));
    weir_drill_wait(d, SECOND);
    CLAIM(num_forced(d) == 0 && weir_drill_is_summed(d));
    CLAIM(d->e->lossy == UINT32_C(1) << WEIR_CLASS_TENANT);
}

/* One request at a time. */
static void one_request_at_a_time(struct weir_drill *d)
{
    start(d);
    weir_drill_meet_level(d, 3);
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 1));
    weir_drill_wait(d, 0);
    CLAIM(num_forced(d) == 1 && weir_drill_forced(d, 1) != NULL);
    weir_drill_wait(d, 100000);
    CLAIM(num_forced(d) == 0 && d->e->damaged[0].asked == 1);
    weir_drill_wait(d, WEIR_ENGINE_PULL_TIMEOUT_US - 100000); /* lost: the next is asked */
    CLAIM(num_forced(d) == 1 && weir_drill_forced(d, 2) != NULL);
    CLAIM(d->e->damaged[0].asked == 2 && d->e->num_damaged == 1);
}

static void one_peer_alone(struct weir_drill *d)
{
    start(d);
    weir_drill_meet_level(d, 1);
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 1));
    weir_drill_wait(d, 0);
    respond(d, 1, true);
    CLAIM(d->e->num_damaged == 1);
    weir_drill_wait(d, 0);
    CLAIM(num_forced(d) == 0 && d->e->num_damaged == 0);
}

/* All that are there cannot be asked: it is given up; nobody is there: it waits. */
static void no_peer(struct weir_drill *d)
{
    start(d);
    weir_drill_up(d, 2);
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 1));
    weir_drill_wait(d, SECOND);
    CLAIM(d->e->num_damaged == 1);
    d->peer[2].live = false;
    weir_drill_hello(d, 2, true);
    CLAIM(d->e->num_damaged == 1);
    weir_drill_wait(d, 0);
    CLAIM(d->e->num_damaged == 0 && num_forced(d) == 0);
    weir_drill_down(d, 2);
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 1));
    weir_drill_wait(d, SECOND);
    CLAIM(d->e->num_damaged == 1);
    weir_drill_level(d, 3);
    weir_drill_meet(d, 3);
    weir_drill_wait(d, 0);
    CLAIM(num_forced(d) == 1 && weir_drill_forced(d, 3) != NULL);
    /* The peer goes without a response: nobody is there, but one was asked. */
    weir_drill_down(d, 3);
    weir_drill_wait(d, 0);
    CLAIM(d->e->num_damaged == 0);
}

/* While all sessions are in use nobody is asked, and nobody counts as asked. */
static void no_free_session(struct weir_drill *d)
{
    start(d);
    for (uint32_t link = 1; link <= 2; link++) {
        weir_drill_level(d, link);
        weir_drill_meet(d, link);
    }
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++)
        CLAIM(d->e->pulls[i].open && !d->e->pulls[i].forced);
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 1));
    weir_drill_wait(d, 0);
    CLAIM(num_forced(d) == 0 && d->e->num_damaged == 1 && d->e->damaged[0].asked == 0);
    unsigned at = (unsigned)weir_sim_draw(d->x, WEIR_ENGINE_PULLS_MAX);
    d->e->pulls[at].open = false;
    weir_drill_wait(d, 0);
    CLAIM(num_forced(d) == 1 && d->e->damaged[0].asked == 1 && d->e->pulls[at].forced);
    weir_drill_wait(d, 0);
    CLAIM(num_forced(d) == 0 && d->e->damaged[0].asked == 1);
}

/* -- peers that are behind -- */

/* It is asked again a quarter of a second later, the other is not. */
static void asked_again(struct weir_drill *d)
{
    start(d);
    weir_drill_meet_level(d, 2);
    weir_vector_reset(&d->peer[1].vv[WEIR_GROUP_C]);
    weir_vector_reset(&d->peer[2].vv[WEIR_GROUP_C]);
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 1));
    uint64_t found_us = d->mono_us;
    weir_drill_wait(d, 0);
    respond(d, 1, true);
    CLAIM(!weir_drill_has(d, "k0001", "v") && weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 1);
    CLAIM(d->e->damaged[0].asked == 0 && d->e->repair_us == d->mono_us + AGAIN);
    weir_drill_wait(d, AGAIN - 1);
    CLAIM(num_forced(d) == 0);
    weir_drill_wait(d, 1);
    CLAIM(num_forced(d) == 1 && weir_drill_forced(d, 1) != NULL);
    weir_drill_level(d, 1);
    respond(d, 1, true);
    CLAIM(weir_drill_has(d, "k0001", "v"));
    weir_drill_wait(d, 0);
    respond(d, 2, true);
    CLAIM(d->e->damaged[0].asked == 1 && d->e->damaged[0].links[0] == 1);
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 2));
    CLAIM(d->e->damaged_us == found_us); /* since when there is any */
    weir_drill_wait(d, AGAIN - 1);
    CLAIM(num_forced(d) == 0 && d->e->num_damaged == 2);
    weir_drill_wait(d, 1);
    CLAIM(num_forced(d) == 1 && weir_drill_forced(d, 2) != NULL);
    CLAIM(d->e->damaged[0].asked == 2 && d->e->damaged[1].asked == 1);
}

/* Records of both groups: one request is for those of the first one's group. */
static void both_groups(struct weir_drill *d)
{
    struct weir_span ban[2] = { weir_drill_ban_key(d, 1), weir_drill_ban_key(d, 2) };

    start(d);
    weir_drill_meet_level(d, 2);
    find_damage(d, WEIR_CLASS_BAN, ban[0]);
    CLAIM(d->e->lossy == UINT32_C(1) << WEIR_CLASS_BAN);
    weir_drill_begin(d);
    CLAIM(weir_engine_begin(d->e, WEIR_GROUP_C) && weir_engine_begin(d->e, WEIR_GROUP_E));
    weir_engine_drop_damaged(d->e, WEIR_CLASS_TENANT, nth_key(d, 1));
    weir_engine_drop_damaged(d->e, WEIR_CLASS_BAN, ban[1]);
    CLAIM(weir_drill_end(d) == WEIR_OK && num_forced(d) == 1);
    respond(d, 1, false);
    weir_drill_wait(d, 0);
    const Weir__V1__PullReq *req = weir_drill_forced(d, 2);
    CLAIM(req != NULL && req->n_force_keys == 2 && req->groups[0] == WEIR_FRAME_BATCH_E);
    CLAIM(asks_for(req, 0, WEIR_CLASS_BAN, ban[0]) && asks_for(req, 1, WEIR_CLASS_BAN, ban[1]));
    respond(d, 2, false);
    weir_drill_wait(d, 0);
    CLAIM(d->e->num_damaged == 2 && d->e->damaged[0].class == WEIR_CLASS_TENANT);
    CLAIM(d->e->damaged[1].class == WEIR_CLASS_BAN && d->e->damaged[1].asked == 1);
    CLAIM(d->e->damaged[1].links[0] == 2 && num_forced(d) == 0);
    weir_drill_wait(d, 0);
    req = weir_drill_forced(d, 1);
    CLAIM(num_forced(d) == 1 && req != NULL && req->n_force_keys == 1);
    CLAIM(asks_for(req, 0, WEIR_CLASS_TENANT, nth_key(d, 1)));
    respond(d, 1, true);
    weir_drill_wait(d, 0);
    respond(d, 2, true);
    weir_drill_wait(d, 0);
    CLAIM(d->e->num_damaged == 1 &&
          weir_span_eq(weir_span(d->e->damaged[0].key, d->e->damaged[0].key_len), ban[1]));
    weir_drill_wait(d, 0);
    req = weir_drill_forced(d, 1);
    CLAIM(req != NULL && req->n_force_keys == 1 && asks_for(req, 0, WEIR_CLASS_BAN, ban[1]));
}

/* A peer that is behind is taken off each list that it is on, wherever. */
static void taken_off_each_list(struct weir_drill *d)
{
    struct engine_damaged *g;

    start(d);
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 0));
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 1));
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 2));
    g = d->e->damaged;
    g[0] = (struct engine_damaged){ .asked = 2, .links = { 4, 5 } };
    g[1] = (struct engine_damaged){ .asked = 1, .links = { 5, 4 } };
    g[2] = (struct engine_damaged){ .asked = 2, .links = { 5, 4 } };
    weir_engine_ask_again(d->e, 4);
    CLAIM(g[0].asked == 1 && g[0].links[0] == 5 && g[1].asked == 1 && g[1].links[0] == 5);
    CLAIM(g[2].asked == 1 && g[2].links[0] == 5);
    CLAIM(weir_engine_was_asked(&g[0], 5) && !weir_engine_was_asked(&g[1], 4));
}

/* -- many -- */

/* 256 are noted, the rest is dropped all the same; 64 keys in a request; one after another ends. */
static void many_are_damaged(struct weir_drill *d)
{
    start(d);
    weir_drill_meet_level(d, 2);
    weir_drill_begin(d);
    CLAIM(weir_engine_begin(d->e, WEIR_GROUP_C));
    for (unsigned i = 0; i < NOTED; i++)
        weir_engine_drop_damaged(d->e, WEIR_CLASS_TENANT, nth_key(d, 1000 + i));
    weir_engine_drop_damaged(d->e, WEIR_CLASS_TENANT, nth_key(d, 1));
    CLAIM(weir_drill_end(d) == WEIR_OK && !weir_drill_has(d, "k0001", "v"));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CORRUPT) == NOTED + 1 && d->e->num_damaged == NOTED);
    for (uint32_t link = 1; link <= 2; link++) {
        weir_drill_wait(d, 0);
        const Weir__V1__PullReq *req = weir_drill_forced(d, link);
        CLAIM(req != NULL && req->n_force_keys == KEYS);
        for (unsigned i = 0; i < KEYS; i++)
            CLAIM(asks_for(req, i, WEIR_CLASS_TENANT, nth_key(d, 1000 + i)));
        respond(d, link, false);
    }
    for (unsigned i = 1; i <= KEYS; i++) {
        weir_drill_wait(d, 0);
        CLAIM(d->e->num_damaged == NOTED - i && num_forced(d) == 0);
    }
    weir_drill_wait(d, 0);
    CLAIM(asks_for(weir_drill_forced(d, 1), 0, WEIR_CLASS_TENANT, nth_key(d, 1000 + KEYS)));
    CLAIM(asks_for(weir_drill_forced(d, 1), KEYS - 1, WEIR_CLASS_TENANT,
                   nth_key(d, 1000 + 2 * KEYS - 1)));
    CLAIM(d->e->num_damaged == NOTED - KEYS);
}

/* The same key is noted once, in each class; a key that cannot be one is not. */
static void noted_once(struct weir_drill *d)
{
    static const uint8_t key[WEIR_KEY_MAX + 1] = { 'k' };

    start(d);
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 1));
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 1));
    CLAIM(d->e->num_damaged == 1 && weir_drill_counted(d, WEIR_COUNT_CORRUPT) == 1);
    find_damage(d, WEIR_CLASS_CERT, nth_key(d, 1));
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 2));
    find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 2));
    CLAIM(d->e->num_damaged == 3);
    find_damage(d, WEIR_CLASS_TENANT, weir_span(key, WEIR_KEY_MAX));
    CLAIM(d->e->num_damaged == 4 && d->e->damaged[3].key_len == WEIR_KEY_MAX);
    find_damage(d, WEIR_CLASS_TENANT, weir_span(key, WEIR_KEY_MAX + 1));
    CLAIM(d->e->num_damaged == 4);
}

/* -- failures -- */

/* Sums of this turn's other changes are forgotten with the rest: the walk makes all anew. */
static void damage_among_writes(struct weir_drill *d)
{
    struct weir_engine_write w = { .class = WEIR_CLASS_TENANT,
                                   .key = WEIR_SPAN_LIT("a"),
                                   .value = WEIR_SPAN_LIT("1"),
                                   .schema = 1 };

    start(d);
    weir_drill_begin(d);
    CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    weir_engine_drop_damaged(d->e, WEIR_CLASS_TENANT, nth_key(d, 1));
    CLAIM(weir_drill_end(d) == WEIR_OK && !d->e->scan.summed);
    CLAIM(d->e->scan.next_us == d->mono_us && weir_engine_deadline(d->e) == d->mono_us);
    weir_drill_wait(d, 0);
    CLAIM(weir_drill_is_summed(d));
}

/* A turn in which the disk fails leaves the note, and the record for the next walk. */
static void commit_fails(struct weir_drill *d)
{
    start(d);
    weir_drill_damage(d, WEIR_GROUP_C, WEIR_CLASS_TENANT, nth_key(d, 1));
    weir_memory_fail_commit(d->store[WEIR_GROUP_C], 1, WEIR_EIO);
    weir_drill_wait(d, SECOND);
    CLAIM(d->err == WEIR_EIO && d->e->num_damaged == 1);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_records == 3);
    weir_drill_wait(d, SECOND);
    weir_drill_wait(d, 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CORRUPT) == 1 && d->e->num_damaged == 1);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_records == 2 && weir_drill_is_summed(d));
}

/* Operations of a turn of the walk: begin, the settings' end, the damaged tenant, its drop. */
static void operation_fails(struct weir_drill *d, uint64_t n, uint64_t num_found)
{
    start(d);
    weir_drill_damage(d, WEIR_GROUP_C, WEIR_CLASS_TENANT, nth_key(d, 0));
    weir_drill_damage(d, WEIR_GROUP_C, WEIR_CLASS_TENANT, nth_key(d, 1));
    weir_memory_fail_op(d->store[WEIR_GROUP_C], n, WEIR_EIO);
    weir_drill_wait(d, SECOND);
    CLAIM(d->err == WEIR_EIO && weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CORRUPT) == num_found);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_records == 3);
    weir_drill_wait(d, SECOND);
    weir_drill_wait(d, 0);
    CLAIM(d->e->num_damaged == 2 && weir_drill_is_summed(d));
}

static void operations_fail(struct weir_drill *d)
{
    static const uint64_t num_found[] = { 0, 0, 0, 1 };
    uint64_t n = weir_sim_draw(d->x, WEIR_ARRAY_LEN(num_found));

    operation_fails(d, 1 + n, num_found[n]);
}

static void second_operation_fails(struct weir_drill *d)
{
    operation_fails(d, 2, 0);
}

static void fourth_operation_fails(struct weir_drill *d)
{
    operation_fails(d, 4, 1);
}

/* A turn that has failed gives nothing up. */
static void failed_turn_gives_nothing_up(struct weir_drill *d)
{
    start(d);
    d->peer[1].live = false;
    weir_drill_meet_level(d, 1);
    weir_drill_begin(d);
    CLAIM(weir_engine_begin(d->e, WEIR_GROUP_C));
    weir_engine_drop_damaged(d->e, WEIR_CLASS_TENANT, nth_key(d, 1));
    weir_engine_fail(d->e, WEIR_ENOMEM);
    weir_engine_tick(d->e, d->mono_us, d->wall_ms + d->mono_us / 1000);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM && d->e->num_damaged == 1);
    weir_drill_wait(d, 0);
    CLAIM(d->e->num_damaged == 0);
}

/* No memory to ask: somebody is asked in the next turn. */
static void questions_without_memory(struct weir_drill *outer)
{
    bool has_failed = true;

    for (long n = 1; has_failed && outer->x->claim == NULL; n++) {
        struct weir_drill drill;
        struct weir_drill *d = &drill;
        weir_drill_init(d, outer->x);
        start(d);
        weir_drill_meet_level(d, 2);
        find_damage(d, WEIR_CLASS_TENANT, nth_key(d, 1));
        weir_failalloc_once(n);
        weir_drill_wait(d, 0);
        has_failed = weir_sim_plenty();
        CLAIM(has_failed || num_forced(d) == 1);
        if (d->err < 0) {
            CLAIM(num_forced(d) == 0);
            weir_drill_wait(d, 0);
        }
        if (weir_drill_counted(d, WEIR_COUNT_OUT_DROPPED) > 0) /* as if it were lost on its way */
            weir_drill_wait(d, WEIR_ENGINE_PULL_TIMEOUT_US);
        CLAIM(num_forced(d) == 1 && d->e->num_damaged == 1);
        weir_drill_deinit(d);
    }
}

/* No memory to note it: it is found again. */
static void allocations_fail(struct weir_drill *outer)
{
    bool has_failed = true;

    for (long n = 1; has_failed && outer->x->claim == NULL; n++) {
        struct weir_drill drill;
        struct weir_drill *d = &drill;
        weir_drill_init(d, outer->x);
        start(d);
        weir_drill_damage(d, WEIR_GROUP_C, WEIR_CLASS_TENANT, nth_key(d, 1));
        weir_failalloc_once(n);
        weir_drill_wait(d, SECOND);
        has_failed = weir_sim_plenty();
        CLAIM(has_failed == (d->err < 0));
        weir_drill_wait(d, SECOND);
        weir_drill_wait(d, SECOND);
        CLAIM(d->e->num_damaged == 1 && !weir_drill_has(d, "k0001", "v"));
        CLAIM(weir_drill_is_summed(d) && weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        weir_drill_deinit(d);
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    fetched_from_two, one_request_at_a_time,    one_peer_alone,
    no_peer,          no_free_session,          asked_again,
    both_groups,      taken_off_each_list,      many_are_damaged,
    noted_once,       damage_among_writes,      commit_fails,
    operations_fail,  second_operation_fails,   fourth_operation_fails,
    allocations_fail, questions_without_memory, failed_turn_gives_nothing_up,
};

void weir_drill_repair(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
