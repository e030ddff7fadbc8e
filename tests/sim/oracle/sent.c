/* SPDX-License-Identifier: Apache-2.0
 *
 * sent.c - frames as they are sent.
 */
#include "tests/sim/oracle/sent.h"

#include <string.h>

#include "sync/frame/frame.h"
#include "tests/sim/cluster/sim_state.h"
#include "tests/sim/oracle/activation.h"
#include "tests/sim/oracle/barred.h"
#include "tests/sim/oracle/counted.h"
#include "tests/sim/oracle/said.h"

#define ACKS_MAX     8  /* of one heartbeat */
#define RECORD_LEAST 20 /* bytes of a packed record beside key and value, at least */

static void found(struct weir_sim *s, const struct weir_sim_node *n)
{
    weir_sim_check_found(&s->check, WEIR_SIM_FRAME, n->index, WEIR_SIM_NO_NAME);
}

/* Was the node in one of these states (bits) from the beginning of the turn to its end? A turn that
 * changes the state may send what belongs to either. */
static bool was_in(const struct weir_sim_node *n, unsigned states)
{
    return (states >> n->state_before & 1) != 0 && (states >> n->state & 1) != 0;
}

static bool may_not_serve(const struct weir_sim_node *n)
{
    if (n->state_before == WEIR_ENGINE_JOINING && n->state == WEIR_ENGINE_STALE &&
        weir_memory_meta(n->store[WEIR_GROUP_C]).live)
        return false; /* it was LIVE in between */
    return was_in(n, 1u << WEIR_ENGINE_JOINING | 1u << WEIR_ENGINE_STALE);
}

/* A life that ended in this turn may still have sent something. */
static bool is_own_life(const struct weir_sim_node *n, ProtobufCBinaryData incarnation)
{
    return incarnation.len == WEIR_INCARNATION_LEN &&
           (memcmp(incarnation.data, weir_engine_incarnation(n->engine), WEIR_INCARNATION_LEN) ==
                0 ||
            memcmp(incarnation.data, n->incarnation, WEIR_INCARNATION_LEN) == 0);
}

/* -- heartbeats -- */

/* A heartbeat is made at the beginning of its turn; after a wipe it states what was. */
static void check_lanes(struct weir_sim *s, const struct weir_sim_node *n,
                        const Weir__V1__Heartbeat *h)
{
    struct weir_ack ack;

    for (size_t i = 0; i < h->n_own; i++) {
        bool is_ban = h->own[i]->lane.data[WEIR_NODE_ID_LEN] == 'E';
        if (memcmp(h->own[i]->lane.data, n->id, WEIR_NODE_ID_LEN) != 0 ||
            (!is_ban &&
             h->own[i]->seq > weir_engine_durable(n->engine, WEIR_GROUP_C, h->own[i]->lane.data)))
            found(s, n);
    }
    if (h->n_ack > ACKS_MAX)
        found(s, n);
    for (size_t i = 0; i < h->n_ack; i++) {
        if (weir_ack_unpack(h->ack[i], &ack) == WEIR_OK)
            weir_sim_activation_published(s, n, &ack);
        else
            found(s, n);
    }
}

/* No sooner than the interval after the one before, unless it had something to report of activation
 * since: then it is hastened, to 20 ms. */
static void check_interval(struct weir_sim *s, struct weir_sim_node *n)
{
    bool may_hasten = s->plan.compiled != 0 && n->hastened_us >= n->beat_us;
    uint64_t least_us = may_hasten ? 20000 : s->plan.intervals.heartbeat_us;
    uint64_t now_us = s->events.now_us;

    if (n->beat_life == n->life && now_us - n->beat_us < least_us)
        found(s, n);
    n->beat_life = n->life;
    n->beat_us = now_us;
}

static void check_heartbeat(struct weir_sim *s, struct weir_sim_node *n,
                            const Weir__V1__Heartbeat *h)
{
    check_interval(s, n);
    if (!is_own_life(n, h->incarnation) || memcmp(h->node.data, n->id, WEIR_NODE_ID_LEN) != 0)
        found(s, n);
    if (memcmp(h->incarnation.data, n->plane.incarnation, WEIR_INCARNATION_LEN) == 0 &&
        n->plane.num_wipes == s->check.views[n->index].num_wipes)
        check_lanes(s, n, h);
}

/* -- the others -- */

/* A response ends with the record that reaches the length that was asked for. */
static void check_chunk(struct weir_sim *s, const struct weir_sim_node *n,
                        const Weir__V1__PullRep *m)
{
    size_t len = 0;

    for (size_t i = 0; i + 1 < m->n_r; i++)
        len += RECORD_LEAST + m->r[i]->key.len + m->r[i]->value.len;
    if (s->plan.intervals.chunk_bytes > 0 && m->has_complete &&
        len >= s->plan.intervals.chunk_bytes)
        found(s, n);
}

static void check_response(struct weir_sim *s, struct weir_sim_node *n, const Weir__V1__PullRep *m)
{
    if (!is_own_life(n, m->incarnation))
        found(s, n);
    if (m->st != WEIR__V1__PULL_REP__STATUS__OK)
        return;
    if (n->served_us != s->events.now_us)
        n->num_served = 0;
    n->served_us = s->events.now_us;
    if (may_not_serve(n) || ++n->num_served > WEIR_ENGINE_SERVED_MAX)
        found(s, n);
    check_chunk(s, n, m);
}

/* Nothing but what belongs to the handshake goes to a node that was evicted. */
static void check_barred(struct weir_sim *s, const struct weir_sim_node *n,
                         const struct weir_engine_out *out)
{
    uint32_t ends[2];

    if (out->what != WEIR_OUT_SEND || out->frame.at[0] == WEIR_FRAME_HELLO)
        return;
    weir_sim_net_ends(&s->net, weir_sim_net_link_of(&s->net, n->index, out->link), ends);
    if (weir_sim_barred_is(s, n, ends[0] == n->index ? ends[1] : ends[0]))
        weir_sim_check_found(&s->check, WEIR_SIM_BARRED, n->index, WEIR_SIM_NO_NAME);
}

static void check_frame(struct weir_sim *s, struct weir_sim_node *n, const struct weir_frame *f)
{
    switch (f->topic) {
    case WEIR_FRAME_BATCH_C:
        if (may_not_serve(n))
            found(s, n);
        return;
    case WEIR_FRAME_BATCH_E: /* bans that were written before may still wait for their tick */
        if (was_in(n, 1u << WEIR_ENGINE_JOINING))
            found(s, n);
        return;
    case WEIR_FRAME_HEARTBEAT:
        check_heartbeat(s, n, f->msg.heartbeat);
        return;
    case WEIR_FRAME_HELLO:
        if (!is_own_life(n, f->msg.hello->incarnation) || (f->msg.hello->live && may_not_serve(n)))
            found(s, n);
        return;
    case WEIR_FRAME_PULL_REQ:
        if (was_in(n, 1u << WEIR_ENGINE_STALE | 1u << WEIR_ENGINE_READONLY))
            found(s, n);
        return;
    case WEIR_FRAME_PULL_REP:
        check_response(s, n, f->msg.pull_rep);
        return;
    case WEIR_FRAME_AUDIT:
        if (may_not_serve(n))
            found(s, n);
        return;
    }
    WEIR_UNREACHABLE();
}

void weir_sim_sent_check(struct weir_sim *s, struct weir_sim_node *n,
                         const struct weir_engine_out *out)
{
    struct weir_frame f;
    enum weir_frame_fault fault;

    if (weir_frame_decode(out->frame, &f, &fault) < 0) {
        found(s, n);
        return;
    }
    check_frame(s, n, &f);
    check_barred(s, n, out);
    weir_sim_said_output(s, n, out, &f);
    weir_sim_counted_frame(n, &f);
    weir_frame_deinit(&f);
}
