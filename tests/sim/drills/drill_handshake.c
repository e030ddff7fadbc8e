/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_handshake.c - sync/engine/engine_link.c: which Hellos are accepted, what another life of a
 * peer makes this node forget, R10, and which pulls follow.
 */
#include <string.h>

#include "sync/engine/engine_inputs.h"
#include "tests/sim/drills/bed/drill_links.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND    WEIR_DRILL_SECOND
#define PEER      0
#define OTHER     3
#define SWEEP_MAX 64

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* -- which are accepted -- */

static void receive_hello(struct weir_drill *d, const Weir__V1__Hello *m)
{
    weir_drill_receive(d, PEER, WEIR_FRAME_HELLO, &m->base);
}

/* The link is cut off, once, and is as if it were not there; the next connection begins anew. */
static void claim_refused(struct weir_drill *d, enum weir_alarm alarm)
{
    CLAIM(weir_drill_is_cut(d, PEER, alarm));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_num_hellos(d, PEER) == 0);
    CLAIM(!weir_drill_link(d, PEER)->handshake_done);
    weir_drill_hello(d, PEER, false);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0 && weir_drill_num(d, WEIR_OUT_CUT) == 0);
    CLAIM(weir_drill_num_hellos(d, PEER) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0);
    weir_drill_wait(d, 5 * SECOND);
    CLAIM(weir_drill_num_hellos(d, PEER) == 0);
    weir_drill_down(d, PEER);
    weir_drill_meet(d, PEER);
    CLAIM(weir_drill_link(d, PEER)->handshake_done);
    weir_drill_down(d, PEER);
    weir_drill_up(d, PEER);
}

static void refuse_other_clusters(struct weir_drill *d)
{
    static const char *const names[] = { "dril", "drillx", "drilm", "Drill" };

    weir_drill_start(d);
    weir_drill_up(d, PEER);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        Weir__V1__Hello *m = weir_drill_make_hello(d, PEER);
        m->cluster = weir_drill_bytes(d, names[i], strlen(names[i]));
        receive_hello(d, m);
        claim_refused(d, WEIR_ALARM_CLUSTER);
    }
    Weir__V1__Hello *m = weir_drill_make_hello(d, PEER);
    m->wire_min = m->wire_max = WEIR_FRAME_VERSION + 1;
    receive_hello(d, m);
    claim_refused(d, WEIR_ALARM_CLUSTER);
    m = weir_drill_make_hello(d, PEER);
    memcpy(m->node.data, d->cfg.node, WEIR_NODE_ID_LEN);
    receive_hello(d, m);
    claim_refused(d, WEIR_ALARM_DUPLICATE);
    /* A version that no frame of this one can state. */
    m = weir_drill_make_hello(d, PEER);
    m->wire_min = m->wire_max = WEIR_FRAME_VERSION_MIN - 1;
    weir_drill_begin(d);
    weir_engine_on_hello(d->e, PEER, m);
    (void)weir_drill_end(d);
    claim_refused(d, WEIR_ALARM_CLUSTER);
    /* Those that include this node's version are accepted. */
    m = weir_drill_make_hello(d, PEER);
    m->wire_max = UINT8_MAX;
    m->wire_min = WEIR_FRAME_VERSION;
    receive_hello(d, m);
    CLAIM(weir_drill_link(d, PEER)->handshake_done && weir_drill_num_hellos(d, PEER) == 1);
}

/* Not the node that the transport named: nothing of it is believed, but the link stays. */
static void ignore_other_names(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_up(d, PEER);
    Weir__V1__Hello *m = weir_drill_make_hello(d, PEER);
    m->node.data[weir_sim_draw(d->x, WEIR_NODE_ID_LEN)] ^= 0x55;
    receive_hello(d, m);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0 && weir_drill_num(d, WEIR_OUT_CUT) == 0);
    CLAIM(!weir_drill_link(d, PEER)->handshake_done && !weir_drill_link(d, PEER)->refused);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, PEER) == 0);
    weir_drill_hello(d, PEER, true);
    CLAIM(weir_drill_link(d, PEER)->handshake_done);
}

/* -- another life of the peer -- */

static void mark(struct engine_link *l)
{
    l->audit_asked = true;
    l->sums_hash = l->audit_bad = l->confirmed = 7;
    l->hash[WEIR_GROUP_C] = l->hash[WEIR_GROUP_E] = 9;
}

static bool is_forgotten(const struct engine_link *l)
{
    return !l->audit_asked && l->sums_hash == 0 && l->audit_bad == 0 && l->confirmed == 0 &&
           l->hash[WEIR_GROUP_C] == 0 && l->hash[WEIR_GROUP_E] == 0;
}

static bool is_remembered(const struct engine_link *l)
{
    return l->audit_asked && l->sums_hash == 7 && l->audit_bad == 7 && l->confirmed == 7 &&
           l->hash[WEIR_GROUP_C] == 9 && l->hash[WEIR_GROUP_E] == 9;
}

static void forget_another_life(struct weir_drill *d)
{
    struct engine_link *l;

    d->peer[PEER].met = false;
    weir_drill_start(d);
    weir_drill_up(d, PEER);
    weir_drill_up(d, OTHER);
    l = weir_drill_link(d, PEER);
    mark(l);
    weir_drill_hello(d, PEER, true);
    CLAIM(is_forgotten(l) && l->handshake_done);
    CLAIM(memcmp(l->incarnation, d->peer[PEER].incarnation, WEIR_INCARNATION_LEN) == 0);
    CLAIM(weir_members_find(d->e->members, d->peer[PEER].node)->num_links == 1);
    weir_drill_hello(d, OTHER, true);
    mark(l);
    mark(weir_drill_link(d, OTHER));
    weir_drill_hello(d, PEER, true);
    CLAIM(is_remembered(l));
    CLAIM(weir_members_find(d->e->members, d->peer[PEER].node)->num_links == 1);
    d->peer[PEER].incarnation[WEIR_INCARNATION_LEN - 1] ^= 1;
    weir_drill_hello(d, PEER, true);
    CLAIM(is_forgotten(l) && l->handshake_done);
    CLAIM(is_remembered(weir_drill_link(d, OTHER)));
    CLAIM(memcmp(l->incarnation, d->peer[PEER].incarnation, WEIR_INCARNATION_LEN) == 0);
    CLAIM(weir_members_find(d->e->members, d->peer[PEER].node)->num_links == 1);
}

/* What the last life of the peer reported as active no longer counts, and it is told again what is
 * active here. */
static void repeat_acks(struct weir_drill *d)
{
    Weir__V1__Ack ack;
    Weir__V1__Ack *list[1] = { &ack };
    struct weir_acks_count count;
    struct weir_version v;

    d->cfg.compiled = 1u << WEIR_CLASS_TENANT;
    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK);
    v = weir_drill_out(d, WEIR_OUT_ACKED, 0)->version;
    weir_drill_settle(d, PEER);
    weir_drill_join(d, 1u << PEER);
    weir_drill_wait(d, WEIR_ACTIVE_REPORT_US);
    weir_drill_wait(d, WEIR_ACTIVE_REPORT_US);
    Weir__V1__Heartbeat *h = weir_drill_make_beat(d, PEER);
    weir__v1__ack__init(&ack);
    ack.has_lane = ack.has_durable = ack.has_active = 1;
    ack.lane = weir_drill_bytes(d, v.lane, WEIR_LANE_LEN);
    ack.durable = ack.active = v.seq;
    h->ack = list;
    h->n_ack = 1;
    weir_drill_receive(d, PEER, WEIR_FRAME_HEARTBEAT, &h->base);
    CLAIM(weir_engine_acks(d->e, &v, &count) && count.members == 2 && count.durable == 2);
    weir_drill_hello(d, PEER, true);
    CLAIM(weir_engine_acks(d->e, &v, &count) && count.durable == 2);
    weir_drill_wait(d, SECOND);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK, 0);
    CLAIM(f != NULL && f->msg.heartbeat->n_ack == 0);

    d->peer[PEER].incarnation[0] ^= 1;
    weir_drill_hello(d, PEER, true);
    CLAIM(weir_engine_acks(d->e, &v, &count) && count.durable == 1);
    weir_drill_wait(d, SECOND);
    f = weir_drill_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK, 0);
    CLAIM(f != NULL && f->msg.heartbeat->n_ack == 1);
}

/* -- R10 -- */

/* What the peer's Hello says of this node's lane, after three writes on it. */
struct word {
    uint64_t vv;
    uint64_t seen;
    bool met;
    bool confirms;
    bool is_lost;
};

static const struct word words[] = {
    { 3, 0, false, true, false }, { 3, 2, false, true, false }, { 2, 3, false, true, false },
    { 0, 1, false, true, false }, { 0, 0, true, true, false },  { 0, 0, false, false, false },
    { 4, 0, false, false, true }, { 0, 4, false, false, true }, { 4, 2, true, false, true },
    { 2, 4, true, false, true },  { 1, 0, false, true, false },
};

static void hear_of_own_lane(struct weir_drill *d)
{
    const struct word *w = &words[weir_sim_draw(d->x, WEIR_ARRAY_LEN(words))];
    struct weir_drill_peer *p = &d->peer[PEER];
    uint8_t own[WEIR_LANE_LEN], old[WEIR_LANE_LEN];

    weir_drill_start(d);
    for (unsigned i = 0; i < 3; i++)
        CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK);
    memcpy(own, weir_drill_own(d, WEIR_GROUP_C), WEIR_LANE_LEN);
    weir_drill_lane(d->cfg.node, WEIR_GROUP_C, 1, old); /* another of this node, with more in it */
    memset(old + WEIR_NODE_ID_LEN + 1, own[WEIR_NODE_ID_LEN + 1] ^ 0x80, 7);
    p->met = w->met;
    weir_drill_raise(&p->seen, old, 99);
    if (w->vv > 0)
        weir_drill_raise(&p->vv[WEIR_GROUP_C], own, w->vv);
    if (w->seen > 0)
        weir_drill_raise(&p->seen, own, w->seen);
    weir_drill_up(d, PEER);
    uint32_t number = d->e->lane_number;
    weir_drill_hello(d, PEER, true);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_ROLLBACK, PEER) == w->is_lost);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == w->is_lost);
    CLAIM(weir_drill_link(d, PEER)->confirmed == (w->confirms ? number : 0));
    CLAIM((memcmp(own, weir_drill_own(d, WEIR_GROUP_C), WEIR_LANE_LEN) != 0) == w->is_lost);
    if (!w->is_lost)
        return;
    /* The second claim within ten minutes of what was drawn in this life is false (R15). */
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK);
    memcpy(own, weir_drill_own(d, WEIR_GROUP_C), WEIR_LANE_LEN);
    weir_drill_raise(&p->vv[WEIR_GROUP_C], own, 99);
    weir_drill_wait(d, 2 * SECOND);
    Weir__V1__Hello *m = weir_drill_make_hello(d, PEER);
    receive_hello(d, m);
    CLAIM(weir_drill_is_cut(d, PEER, WEIR_ALARM_FALSE_CLAIM));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FALSE_CLAIMS) == 1);
    CLAIM(weir_drill_num_hellos(d, PEER) == 0);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, PEER) == 0);
    CLAIM(weir_drill_link(d, PEER)->want_us[WEIR_GROUP_C] == ENGINE_NEVER ||
          !weir_drill_link(d, PEER)->handshake_done);
    CLAIM(memcmp(own, weir_drill_own(d, WEIR_GROUP_C), WEIR_LANE_LEN) == 0);
}

/* -- which pulls follow -- */

static void pull_what_is_missing(struct weir_drill *d)
{
    struct weir_drill_peer *p = &d->peer[PEER];
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_lane(p->node, WEIR_GROUP_C, 1, lane);
    weir_drill_start(d);
    weir_drill_meet(d, PEER);
    CLAIM(weir_drill_num_pulls(d, PEER, WEIR_GROUP_C) == 1);
    CLAIM(weir_drill_num_pulls(d, PEER, WEIR_GROUP_E) == 1);
    weir_drill_respond(d, PEER);
    d->e->pull_at = UINT64_MAX;
    /* Nothing is missing, and it was live before. */
    weir_drill_hello(d, PEER, true);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, PEER) == 0);
    /* It is live again: its bans are asked for, which no Hello shows. */
    p->live = false;
    weir_drill_hello(d, PEER, true);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, PEER) == 0);
    CLAIM(!weir_drill_link(d, PEER)->live);
    p->live = true;
    weir_drill_hello(d, PEER, true);
    CLAIM(weir_drill_num_pulls(d, PEER, WEIR_GROUP_C) == 0);
    CLAIM(weir_drill_num_pulls(d, PEER, WEIR_GROUP_E) == 1);
    weir_drill_respond(d, PEER);
    weir_drill_raise(&p->vv[WEIR_GROUP_C], lane, 1);
    weir_drill_hello(d, PEER, true);
    CLAIM(weir_drill_num_pulls(d, PEER, WEIR_GROUP_C) == 1);
    CLAIM(weir_drill_num_pulls(d, PEER, WEIR_GROUP_E) == 0);
    weir_drill_respond(d, PEER);
    /* No session of group C was completed in this life. */
    d->e->has_pulled = false;
    weir_drill_hello(d, PEER, true);
    CLAIM(weir_drill_num_pulls(d, PEER, WEIR_GROUP_C) == 1);
    /* Another connection. */
    weir_drill_respond(d, PEER);
    weir_drill_down(d, PEER);
    weir_drill_meet(d, PEER);
    CLAIM(weir_drill_num_pulls(d, PEER, WEIR_GROUP_C) == 0);
    CLAIM(weir_drill_num_pulls(d, PEER, WEIR_GROUP_E) == 1);
}

/* One that joins pulls from whoever is live, whatever that has. */
static void pull_to_join(struct weir_drill *d)
{
    d->cfg.bootstrap = false;
    d->peer[OTHER].live = false;
    weir_drill_start(d);
    weir_drill_meet(d, OTHER);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    CLAIM(weir_drill_link(d, OTHER)->want_us[WEIR_GROUP_C] == ENGINE_NEVER);
    d->e->pull_at = UINT64_MAX;
    d->e->has_pulled = true;
    weir_drill_meet(d, PEER);
    CLAIM(weir_drill_num_pulls(d, PEER, WEIR_GROUP_C) == 1);
    CLAIM(weir_drill_num_pulls(d, PEER, WEIR_GROUP_E) == 0);
}

/* -- without memory -- */

/* The vector of the peer is what its last Hello said, or nothing. */
static void stay_whole_without_memory(struct weir_drill *d)
{
    struct weir_drill_peer *p = &d->peer[PEER];
    uint8_t lane[WEIR_LANE_LEN];
    bool failed = true;

    weir_drill_lane(p->node, WEIR_GROUP_C, 1, lane);
    weir_drill_raise(&p->vv[WEIR_GROUP_C], lane, 3);
    weir_drill_raise(&p->floor, lane, 1);
    weir_drill_start(d);
    for (long n = 1; n < SWEEP_MAX && failed; n++) {
        Weir__V1__Hello *m = weir_drill_make_hello(d, PEER);
        weir_drill_up(d, PEER);
        weir_failalloc_once(n);
        receive_hello(d, m);
        (void)weir_failalloc_pause();
        failed = weir_failalloc_has_failed();
        struct engine_link *l = weir_drill_link(d, PEER);
        CLAIM(d->err == WEIR_OK || (d->err == WEIR_ENOMEM && failed));
        CLAIM(l->vv.num == 0 || weir_vector_get(&l->vv, lane) == 3);
        if (d->err == WEIR_OK && l->vv.num == 1 && d->e->state == WEIR_ENGINE_LIVE)
            CLAIM(l->handshake_done);
        if (d->err < 0)
            CLAIM(d->e->state == WEIR_ENGINE_LIVE);
        if (d->e->state == WEIR_ENGINE_STALE)
            break; /* R15: the only other node states purges that were missed here */
        weir_drill_down(d, PEER);
    }
    CLAIM(d->err == WEIR_OK);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    refuse_other_clusters,     ignore_other_names, forget_another_life,  repeat_acks,
    hear_of_own_lane,          hear_of_own_lane,   hear_of_own_lane,     hear_of_own_lane,
    hear_of_own_lane,          hear_of_own_lane,   pull_what_is_missing, pull_to_join,
    stay_whole_without_memory,
};

void weir_drill_handshake(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
