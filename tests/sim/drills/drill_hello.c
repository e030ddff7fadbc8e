/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_hello.c - sync/engine/engine_link.c: what a Hello says, and when one is sent.
 */
#include <string.h>

#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "tests/sim/drills/bed/drill_links.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND    WEIR_DRILL_SECOND
#define PEER      0
#define OTHER     1
#define FAR       3 /* link 2 was never up */
#define SEEN_MAX  64
#define SWEEP_MAX 64 /* allocations of a turn */

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* -- what it says -- */

static bool is_named(const struct weir_drill *d, const Weir__V1__Hello *m)
{
    return m->has_cluster &&
           weir_span_eq(weir_span(m->cluster.data, m->cluster.len), d->cfg.cluster) &&
           m->has_node && m->node.len == WEIR_NODE_ID_LEN &&
           memcmp(m->node.data, d->cfg.node, WEIR_NODE_ID_LEN) == 0 && m->has_incarnation &&
           m->incarnation.len == WEIR_INCARNATION_LEN &&
           memcmp(m->incarnation.data, weir_engine_incarnation(d->e), WEIR_INCARNATION_LEN) == 0;
}

static bool has_versions(const struct weir_drill *d, const Weir__V1__Hello *m)
{
    return m->has_wire_max && m->wire_max == WEIR_FRAME_VERSION && m->has_wire_min &&
           m->wire_min == WEIR_FRAME_VERSION_MIN && m->has_schema_max &&
           m->schema_max == d->cfg.schema_max;
}

static void state_each_field(struct weir_drill *d)
{
    d->cfg.schema_max = (uint16_t)(2 + weir_sim_draw(d->x, 60000));
    weir_drill_start(d);
    weir_drill_up(d, PEER);
    const Weir__V1__Hello *m = weir_drill_hello_to(d, PEER, 0);
    if (!CLAIM(m != NULL && weir_drill_num_hellos(d, WEIR_DRILL_ANY) == 1))
        return;
    CLAIM(is_named(d, m) && has_versions(d, m));
    CLAIM(m->has_live && m->live && !m->has_all && !m->has_met && !m->has_response);
    CLAIM(m->n_vv == 0 && m->n_floor == 0 && m->n_seen == 0);

    weir_drill_hello(d, PEER, true);
    weir_drill_respond(d, PEER);
    weir_drill_wait(d, SECOND);
    m = weir_drill_hello_to(d, PEER, 0);
    CLAIM(m != NULL && m->has_met && m->met && !m->has_response);
    d->e->lacks_end = true;
    weir_drill_hello(d, PEER, false);
    m = weir_drill_hello_to(d, PEER, 0);
    if (CLAIM(m != NULL)) {
        CLAIM(is_named(d, m) && has_versions(d, m));
        CLAIM(m->has_response && m->response && m->has_met && m->met && m->has_all && m->all);
    }
}

static void join_says_so(struct weir_drill *d)
{
    d->cfg.bootstrap = false;
    weir_drill_start(d);
    weir_drill_up(d, PEER);
    const Weir__V1__Hello *m = weir_drill_hello_to(d, PEER, 0);
    CLAIM(m != NULL && m->has_live && !m->live);
}

/* A batch of one record of a lane, and whether it had to wait. */
static void batch(struct weir_drill *d, uint32_t link, const uint8_t *lane, uint64_t seq)
{
    bool is_ban = lane[WEIR_NODE_ID_LEN] == 'E';
    struct weir_drill_rec r = {
        .class = is_ban ? WEIR_CLASS_BAN : WEIR_CLASS_TENANT,
        .key = is_ban ? weir_drill_ban_key(d, (uint8_t)seq) : weir_span(&lane[8], 8),
        .value = "v",
        .lane = lane,
        .seq = seq,
    };

    weir_drill_batch_one(d, link, &r);
}

/* The numbers that it met of the peer's lanes: applied, and of batches that wait. */
static void name_what_was_met(struct weir_drill *d)
{
    uint8_t a[WEIR_LANE_LEN], b[WEIR_LANE_LEN], bans[WEIR_LANE_LEN], other[WEIR_LANE_LEN];
    uint64_t gap = 2 + weir_sim_draw(d->x, 9);

    weir_drill_lane(d->peer[PEER].node, WEIR_GROUP_C, 1, a);
    weir_drill_lane(d->peer[PEER].node, WEIR_GROUP_C, 2, b);
    weir_drill_lane(d->peer[PEER].node, WEIR_GROUP_E, 3, bans);
    weir_drill_lane(d->peer[OTHER].node, WEIR_GROUP_C, 4, other);
    weir_drill_start(d);
    weir_drill_meet(d, PEER);
    weir_drill_meet(d, OTHER);
    batch(d, OTHER, other, 1);
    batch(d, OTHER, other, 3);
    batch(d, PEER, a, 1);
    batch(d, PEER, a, 2);
    batch(d, PEER, bans, 2);
    batch(d, PEER, b, 1);
    batch(d, PEER, b, 2 + gap);
    batch(d, PEER, b, 1 + gap);
    weir_drill_hello(d, PEER, false);
    const Weir__V1__Hello *m = weir_drill_hello_to(d, PEER, 0);
    if (!CLAIM(m != NULL && m->n_seen == 2))
        return;
    CLAIM(weir_drill_listed(m->seen, m->n_seen, a) == 2);
    CLAIM(weir_drill_listed(m->seen, m->n_seen, b) == 2 + gap);
    CLAIM(m->n_vv == 3 && weir_drill_listed(m->vv, m->n_vv, a) == 2);
    CLAIM(weir_drill_listed(m->vv, m->n_vv, b) == 1);
    CLAIM(weir_drill_listed(m->vv, m->n_vv, other) == 1);
    CLAIM(m->n_floor == 0);
    weir_drill_hello(d, OTHER, false);
    m = weir_drill_hello_to(d, OTHER, 0);
    CLAIM(m != NULL && m->n_seen == 1 && weir_drill_listed(m->seen, 1, other) == 3);
}

/* At most 64 lanes of the peer; the last of them by name. */
static void name_few_lanes(struct weir_drill *d)
{
    struct weir_vector *seen;
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_start(d);
    weir_drill_meet(d, PEER);
    seen = &d->e->group[WEIR_GROUP_C].seen;
    for (uint8_t n = 1; n <= SEEN_MAX; n++) {
        weir_drill_lane(d->peer[PEER].node, WEIR_GROUP_C, n, lane);
        weir_drill_raise(seen, lane, n);
    }
    weir_drill_hello(d, PEER, false);
    const Weir__V1__Hello *m = weir_drill_hello_to(d, PEER, 0);
    CLAIM(m != NULL && m->n_seen == SEEN_MAX);
    weir_drill_lane(d->peer[PEER].node, WEIR_GROUP_C, SEEN_MAX + 1, lane);
    weir_drill_raise(seen, lane, 1);
    weir_drill_hello(d, PEER, false);
    m = weir_drill_hello_to(d, PEER, 0);
    if (!CLAIM(m != NULL && m->n_seen == SEEN_MAX))
        return;
    CLAIM(weir_drill_listed(m->seen, m->n_seen, lane) == 1);
    weir_drill_lane(d->peer[PEER].node, WEIR_GROUP_C, 1, lane);
    CLAIM(weir_drill_listed(m->seen, m->n_seen, lane) == 0);
    weir_drill_lane(d->peer[PEER].node, WEIR_GROUP_C, 2, lane);
    CLAIM(weir_drill_listed(m->seen, m->n_seen, lane) == 2);
}

/* Two folded lanes and one with a floor; and the lane on which the engine writes, since no record
 * says that the two are folded, that they are. */
static void start_folded(struct weir_drill *d, struct weir_lane_row rows[3])
{
    for (uint8_t i = 0; i < 3; i++) {
        uint64_t end = 2 + weir_sim_draw(d->x, 1000);
        rows[i] = (struct weir_lane_row){ .vv = end, .seen = end, .floor = end - 1 };
        if (i < 2) {
            rows[i].floor = end;
            rows[i].final = end | ENGINE_FOLDED;
        }
        weir_drill_lane(d->peer[OTHER].node, WEIR_GROUP_C, (uint8_t)(i + 1), rows[i].lane);
    }
    weir_drill_fill(d, WEIR_GROUP_C, rows, 3);
    weir_drill_start(d);
}

/* R14: a peer sees the folded lanes that it has itself, in the vector alone; one that misses a part
 * of such a lane sees all of them, and that they were purged. */
static void show_folded_lanes(struct weir_drill *d)
{
    struct weir_lane_row rows[3];

    start_folded(d, rows);
    weir_drill_raise(&d->peer[PEER].vv[WEIR_GROUP_C], rows[0].lane, 1);
    weir_drill_raise(&d->peer[PEER].vv[WEIR_GROUP_C], rows[2].lane, rows[2].floor);
    weir_drill_up(d, PEER);
    weir_drill_hello(d, PEER, false);
    const Weir__V1__Hello *m = weir_drill_hello_to(d, PEER, 0);
    if (!CLAIM(m != NULL))
        return;
    CLAIM(m->n_vv == 3 && weir_drill_listed(m->vv, m->n_vv, rows[0].lane) == rows[0].vv);
    CLAIM(weir_drill_listed(m->vv, m->n_vv, rows[2].lane) == rows[2].vv);
    CLAIM(m->n_floor == 1 && weir_drill_listed(m->floor, 1, rows[2].lane) == rows[2].floor);

    d->peer[PEER].all = true;
    weir_drill_hello(d, PEER, false);
    m = weir_drill_hello_to(d, PEER, 0);
    if (!CLAIM(m != NULL && m->n_vv == 4 && m->n_floor == 3))
        return;
    for (unsigned i = 0; i < 3; i++) {
        CLAIM(weir_drill_listed(m->vv, m->n_vv, rows[i].lane) == rows[i].vv);
        CLAIM(weir_drill_listed(m->floor, m->n_floor, rows[i].lane) == rows[i].floor);
    }
    d->peer[PEER].all = false;
    weir_drill_hello(d, PEER, false);
    m = weir_drill_hello_to(d, PEER, 0);
    CLAIM(m != NULL && m->n_vv == 3 && m->n_floor == 1);
}

/* -- when -- */

/* One at once, the next a second later, then one each two seconds until the handshake is done. */
static void repeat_without_response(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_up(d, PEER);
    weir_drill_up(d, FAR);
    CLAIM(weir_drill_num_hellos(d, FAR) == 1 && weir_drill_num_hellos(d, PEER) == 0);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(weir_drill_num_hellos(d, WEIR_DRILL_ANY) == 0);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_num_hellos(d, PEER) == 1 && weir_drill_num_hellos(d, FAR) == 1);
    /* PEER was asked first in the turn in which FAR came up, FAR in the one after. */
    CLAIM(weir_drill_link(d, PEER)->hello_again_us == d->mono_us + SECOND);
    CLAIM(weir_drill_link(d, FAR)->hello_again_us == d->mono_us + 2 * SECOND - 1);
    CLAIM(weir_drill_link(d, PEER)->hello_us == d->mono_us + SECOND);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(weir_drill_num_hellos(d, WEIR_DRILL_ANY) == 0);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_num_hellos(d, PEER) == 1 && weir_drill_num_hellos(d, FAR) == 0);
    weir_drill_wait(d, SECOND - 1);
    CLAIM(weir_drill_num_hellos(d, PEER) == 0 && weir_drill_num_hellos(d, FAR) == 1);
    weir_drill_hello(d, PEER, true);
    weir_drill_down(d, FAR);
    CLAIM(weir_drill_num_hellos(d, WEIR_DRILL_ANY) == 0);
    for (unsigned i = 0; i < 4; i++) {
        weir_drill_wait(d, SECOND);
        CLAIM(weir_drill_num_hellos(d, WEIR_DRILL_ANY) == 0);
    }
}

static void set_one(struct weir_drill *d, unsigned which, bool to)
{
    struct engine_link *l = weir_drill_link(d, PEER);

    switch (which) {
    case 0:
        l->live = !to;
        break;
    case 1:
        l->behind = to;
        break;
    case 2:
        l->stale = to;
        break;
    default:
        d->e->lacks_end = to;
    }
}

/* A peer that is not known to be live and with which records can be exchanged is asked again. */
static void repeat_while_unsettled(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_settle(d, PEER);
    weir_drill_settle(d, FAR);
    weir_drill_wait(d, SECOND);
    for (unsigned i = 0; i < 4; i++) {
        weir_drill_wait(d, 4 * SECOND);
        CLAIM(weir_drill_num_hellos(d, WEIR_DRILL_ANY) == 0);
        set_one(d, i, true);
        weir_drill_wait(d, 2 * SECOND);
        CLAIM(weir_drill_num_hellos(d, PEER) == 1);
        CLAIM(weir_drill_num_hellos(d, FAR) == (i == 3));
        set_one(d, i, false);
    }
}

/* A request gets its response at once, a link that was cut off or is down gets nothing. */
static void respond_at_once(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_settle(d, PEER);
    for (unsigned i = 0; i < 3; i++) {
        weir_drill_hello(d, PEER, false);
        const Weir__V1__Hello *m = weir_drill_hello_to(d, PEER, 0);
        CLAIM(m != NULL && m->response && weir_drill_num_hellos(d, PEER) == 1);
        weir_drill_hello(d, PEER, true);
        CLAIM(weir_drill_num_hellos(d, PEER) == 0);
    }
    /* What this node wants to know itself is not lost over a response. */
    weir_drill_link(d, PEER)->hello_wanted = true;
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_num_hellos(d, PEER) == 0);
    weir_drill_hello(d, PEER, false);
    const Weir__V1__Hello *m = weir_drill_hello_to(d, PEER, 0);
    CLAIM(m != NULL && !m->response);
    CLAIM(!weir_drill_link(d, PEER)->hello_wanted);
    CLAIM(weir_drill_link(d, PEER)->hello_us == d->mono_us + SECOND);

    weir_drill_link(d, PEER)->hello_wanted = true;
    weir_drill_down(d, PEER);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_drill_num_hellos(d, WEIR_DRILL_ANY) == 0);
}

static void respond_to_no_refused(struct weir_drill *d)
{
    Weir__V1__Hello *m;
    uint8_t bytes[2][512];

    weir_drill_start(d);
    weir_drill_settle(d, PEER);
    m = weir_drill_make_hello(d, PEER);
    size_t len = weir_frame_packed_len(&m->base);
    weir_frame_pack(WEIR_FRAME_HELLO, &m->base, bytes[0]);
    m->cluster = weir_drill_bytes(d, "strange", 7);
    size_t other_len = weir_frame_packed_len(&m->base);
    weir_frame_pack(WEIR_FRAME_HELLO, &m->base, bytes[1]);
    weir_drill_begin(d);
    weir_engine_receive(d->e, PEER, weir_span(bytes[0], len));
    CLAIM(weir_drill_link(d, PEER)->response_wanted);
    weir_engine_receive(d->e, PEER, weir_span(bytes[1], other_len));
    (void)weir_drill_end(d);
    CLAIM(weir_drill_is_cut(d, PEER, WEIR_ALARM_CLUSTER));
    CLAIM(weir_drill_num_hellos(d, PEER) == 0);
}

/* -- a purge -- */

/* The floor rose over what was deleted here: who may have missed it is asked, and nothing but pulls
 * is accepted from it until it has responded. */
static void ask_after_purge(struct weir_drill *d)
{
    const uint8_t *own;
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.intervals.tombstone_ms = 10000;
    d->cfg.intervals.purge_us = SECOND;
    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK && weir_drill_put(d, "k", NULL) == WEIR_OK);
    own = weir_drill_own(d, WEIR_GROUP_C);
    weir_drill_raise(&d->peer[PEER].vv[WEIR_GROUP_C], own, 2);
    weir_drill_raise(&d->peer[FAR].vv[WEIR_GROUP_C], own, 1);
    d->peer[5].live = false;
    weir_drill_settle(d, PEER);
    weir_drill_settle(d, FAR);
    weir_drill_meet(d, 5);
    weir_drill_up(d, 6);
    weir_drill_wait(d, 5 * SECOND);
    CLAIM(weir_vector_get(weir_engine_floor(d->e, WEIR_GROUP_C), own) == 0);
    CLAIM(!weir_drill_link(d, FAR)->behind);
    weir_drill_link(d, 5)->hello_again_us = weir_drill_link(d, 6)->hello_again_us = UINT64_MAX;
    weir_drill_wait(d, 4 * SECOND);
    CLAIM(weir_vector_get(weir_engine_floor(d->e, WEIR_GROUP_C), own) == 2);
    CLAIM(weir_drill_num_hellos(d, FAR) == 1 && weir_drill_num_hellos(d, WEIR_DRILL_ANY) == 1);
    CLAIM(weir_drill_link(d, FAR)->behind && !weir_drill_link(d, PEER)->behind);
    CLAIM(!weir_drill_link(d, 5)->behind && !weir_drill_link(d, 6)->behind);
    weir_drill_lane(d->peer[FAR].node, WEIR_GROUP_C, 1, lane);
    batch(d, FAR, lane, 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_STALE_REFUSED) == 1);

    /* It has what was purged, as its next Hello says. */
    weir_drill_raise(&d->peer[FAR].vv[WEIR_GROUP_C], own, 2);
    weir_drill_hello(d, FAR, true);
    CLAIM(!weir_drill_link(d, FAR)->behind && !weir_drill_link(d, FAR)->stale);
    batch(d, FAR, lane, 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_STALE_REFUSED) == 0);
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane) == 1);
    /* Without another purge nobody is asked. */
    weir_vector_reset(&weir_drill_link(d, PEER)->vv);
    weir_drill_wait(d, 4 * SECOND);
    CLAIM(!weir_drill_link(d, PEER)->behind);
}

/* -- without memory -- */

/* Whichever allocation fails: the turn is undone and says so, or the Hello is whole. */
static void stay_whole_without_memory(struct weir_drill *d)
{
    struct weir_lane_row rows[3];
    uint8_t lane[WEIR_LANE_LEN];
    bool failed = true;

    start_folded(d, rows);
    weir_drill_lane(d->peer[PEER].node, WEIR_GROUP_C, 7, lane);
    weir_drill_raise(&d->peer[PEER].vv[WEIR_GROUP_C], rows[2].lane, rows[2].vv);
    weir_drill_raise(&d->peer[PEER].floor, rows[2].lane, rows[2].floor);
    d->peer[PEER].all = weir_sim_draw(d->x, 2) == 0;
    weir_drill_settle(d, PEER);
    batch(d, PEER, lane, 1);
    batch(d, PEER, lane, 3);
    for (long n = 1; n < SWEEP_MAX && failed; n++) {
        Weir__V1__Hello *m = weir_drill_make_hello(d, PEER);
        weir_drill_wait(d, SECOND);
        weir_failalloc_once(n);
        weir_drill_receive(d, PEER, WEIR_FRAME_HELLO, &m->base);
        (void)weir_failalloc_pause();
        failed = weir_failalloc_has_failed();
        const Weir__V1__Hello *r = weir_drill_hello_to(d, PEER, 0);
        CLAIM(d->err == WEIR_OK || (d->err == WEIR_ENOMEM && failed && r == NULL));
        CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        if (r != NULL) {
            CLAIM(weir_drill_listed(r->seen, r->n_seen, lane) == 3);
            CLAIM(weir_drill_listed(r->vv, r->n_vv, rows[2].lane) == rows[2].vv);
            CLAIM(weir_drill_listed(r->floor, r->n_floor, rows[2].lane) == rows[2].floor);
            CLAIM(r->n_vv == (d->peer[PEER].all ? 5 : 3));
        }
    }
    CLAIM(!failed && d->err == WEIR_OK);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    state_each_field,          join_says_so,
    name_what_was_met,         name_few_lanes,
    show_folded_lanes,         repeat_without_response,
    repeat_while_unsettled,    respond_at_once,
    respond_to_no_refused,     ask_after_purge,
    stay_whole_without_memory,
};

void weir_drill_hellos(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
