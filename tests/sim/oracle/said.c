/* SPDX-License-Identifier: Apache-2.0
 *
 * said.c - frames against what the node has.
 */
#include "tests/sim/oracle/said.h"

#include <string.h>

#include "tests/sim/cluster/sim_state.h"

#define LINKS          64
#define SEEN_MAX       64 /* lanes that a Hello names */
#define RESTLESS_US    500000
#define RESTLESS_TURNS 64

static void found(struct weir_sim *s, const struct weir_sim_node *n)
{
    weir_sim_check_found(&s->check, WEIR_SIM_SAID, n->index, WEIR_SIM_NO_NAME);
}

void weir_sim_said_start(struct weir_sim_node *n)
{
    n->said = (struct weir_sim_said){ .num_up = 0 };
}

void weir_sim_said_turn(struct weir_sim_node *n)
{
    n->said.vv_hash = weir_vector_hash(weir_engine_vv(n->engine, WEIR_GROUP_C)) +
                      weir_vector_hash(weir_engine_folded(n->engine));
    n->said.ban_hash = weir_vector_hash(weir_engine_vv(n->engine, WEIR_GROUP_E));
}

void weir_sim_said_link(struct weir_sim_node *n, uint32_t slot, bool up)
{
    uint64_t bit = slot < LINKS ? UINT64_C(1) << slot : 0;

    n->said.num_up += up ? 1 : -1;
    n->said.hello_due &= ~bit;
    n->said.hello_due |= up ? bit : 0;
}

static bool is_of(const uint8_t node[WEIR_NODE_ID_LEN], const uint8_t *lane)
{
    return memcmp(node, lane, WEIR_NODE_ID_LEN) == 0;
}

/* -- batches -- */

/* Each own write is published once, in the order of its lane, by the turn that made it durable;
 * those that nobody could have heard are not. */
static void check_batch(struct weir_sim *s, struct weir_sim_node *n, const Weir__V1__Batch *b)
{
    enum weir_group g = b->group == WEIR_FRAME_BATCH_E ? WEIR_GROUP_E : WEIR_GROUP_C;
    struct weir_sim_said *said = &n->said;
    size_t num = b->bans != NULL ? b->bans->n_ttl_d : b->n_r;

    if (!is_of(n->id, b->lane.data))
        return; /* relayed */
    bool is_same = memcmp(said->lane[g], b->lane.data, WEIR_LANE_LEN) == 0;
    if (is_same && said->next[g] > 0 && b->first != said->next[g])
        found(s, n);
    memcpy(said->lane[g], b->lane.data, WEIR_LANE_LEN);
    said->next[g] = b->first + (num > 0 ? num : 1);
}

/* -- heartbeats -- */

static void check_heartbeat(struct weir_sim *s, struct weir_sim_node *n,
                            const Weir__V1__Heartbeat *h)
{
    struct weir_sim_said *said = &n->said;

    if (h->n <= said->beat_n || h->wall_ms != s->check.views[n->index].wall_ms ||
        h->schema_max != n->schema)
        found(s, n);
    if (n->state_before != WEIR_ENGINE_READONLY && /* it may have read its stores again */
        (h->vv_hash != said->vv_hash || h->ban_hash != said->ban_hash))
        found(s, n);
    said->beat_n = h->n;
    for (size_t i = 0; i < h->n_own; i++) {
        const uint8_t *lane = h->own[i]->lane.data;
        enum weir_group g = lane[WEIR_NODE_ID_LEN] == 'E' ? WEIR_GROUP_E : WEIR_GROUP_C;
        if (said->next[g] > 0 && memcmp(said->lane[g], lane, WEIR_LANE_LEN) == 0 &&
            h->own[i]->seq != said->next[g] - 1)
            found(s, n);
    }
}

/* -- Hello -- */

/* Are these all lanes of the vector, and none beside them but some of the others? */
static bool is_vector(Weir__V1__Lv **lanes, size_t num, const struct weir_vector *v,
                      const struct weir_vector *others)
{
    size_t num_own = 0;

    for (size_t i = 0; i < num; i++) {
        const uint8_t *lane = lanes[i]->lane.data;
        bool is_own = weir_vector_get(v, lane) > 0;
        num_own += is_own;
        if (lanes[i]->seq != weir_vector_get(is_own ? v : others, lane))
            return false;
    }
    return num_own == v->num;
}

static uint64_t get(Weir__V1__Lv **lanes, size_t num, const uint8_t *lane)
{
    for (size_t i = 0; i < num; i++)
        if (memcmp(lanes[i]->lane.data, lane, WEIR_LANE_LEN) == 0)
            return lanes[i]->seq;
    return 0;
}

/* What it has met of the peer's lanes, and no lane of another; batches that wait count too. */
static bool is_seen(const struct weir_sim *s, const struct weir_sim_node *n,
                    const uint8_t peer[WEIR_NODE_ID_LEN], const Weir__V1__Hello *h)
{
    const struct weir_sim_view *v = &s->check.views[n->index];

    for (size_t i = 0; i < h->n_seen; i++)
        if (!is_of(peer, h->seen[i]->lane.data) || h->seen[i]->lane.data[WEIR_NODE_ID_LEN] == 'E')
            return false;
    for (uint32_t i = 0; i < v->num_seen && i < s->check.lanes.num && h->n_seen < SEEN_MAX; i++) {
        const uint8_t *lane = weir_sim_names_at(&s->check.lanes, i).at;
        if (is_of(peer, lane) && lane[WEIR_NODE_ID_LEN] != 'E' &&
            weir_vector_get(weir_engine_folded(n->engine), lane) == 0 &&
            get(h->seen, h->n_seen, lane) < v->seen[i])
            return false;
    }
    return true;
}

static void check_hello(struct weir_sim *s, struct weir_sim_node *n, uint32_t slot,
                        const Weir__V1__Hello *h)
{
    uint32_t ends[2];

    weir_sim_net_ends(&s->net, weir_sim_net_link_of(&s->net, n->index, slot), ends);
    uint32_t peer = ends[0] == n->index ? ends[1] : ends[0];
    const uint8_t *id = peer < s->num_nodes ? s->nodes[peer].id : s->hostile.id;
    enum weir_engine_state state = weir_engine_state(n->engine);

    if (memcmp(h->node.data, n->id, WEIR_NODE_ID_LEN) != 0 || h->wire_max != WEIR_FRAME_VERSION ||
        h->wire_min != WEIR_FRAME_VERSION_MIN || h->schema_max != n->schema ||
        !is_vector(h->vv, h->n_vv, weir_engine_vv(n->engine, WEIR_GROUP_C),
                   weir_engine_folded(n->engine)) ||
        !is_vector(h->floor, h->n_floor, weir_engine_floor(n->engine, WEIR_GROUP_C),
                   weir_engine_folded(n->engine)) ||
        !is_seen(s, n, id, h))
        found(s, n);
    if (state != WEIR_ENGINE_READONLY && h->live != (state == WEIR_ENGINE_LIVE))
        found(s, n);
}

/* -- turns -- */

void weir_sim_said_output(struct weir_sim *s, struct weir_sim_node *n,
                          const struct weir_engine_out *out, const struct weir_frame *f)
{
    uint64_t bit = out->link < LINKS ? UINT64_C(1) << out->link : 0;

    if (out->what == WEIR_OUT_CUT)
        n->said.hello_due &= ~bit;
    if (out->what == WEIR_OUT_ALARM && out->alarm == WEIR_ALARM_ROLLBACK)
        n->said.next[WEIR_GROUP_C] = 0; /* a peer has more of its lane: it goes on in another */
    if (f == NULL)
        return;
    switch (f->topic) {
    case WEIR_FRAME_BATCH_C:
    case WEIR_FRAME_BATCH_E:
        check_batch(s, n, f->msg.batch);
        return;
    case WEIR_FRAME_HEARTBEAT:
        check_heartbeat(s, n, f->msg.heartbeat);
        return;
    case WEIR_FRAME_HELLO:
        n->said.hello_due &= ~bit;
        check_hello(s, n, out->link, f->msg.hello);
        return;
    case WEIR_FRAME_PULL_REQ:
    case WEIR_FRAME_PULL_REP:
    case WEIR_FRAME_AUDIT:
        return;
    }
    WEIR_UNREACHABLE();
}

/* What waits for another message must not ask for time: a node would never sleep. */
static void check_rest(struct weir_sim *s, struct weir_sim_node *n)
{
    struct weir_sim_said *said = &n->said;
    uint64_t now_us = s->events.now_us;

    if (weir_engine_deadline(n->engine) > now_us) {
        said->num_restless = 0;
        return;
    }
    if (said->num_restless++ == 0)
        said->restless_us = now_us;
    if (said->num_restless > RESTLESS_TURNS && now_us - said->restless_us > RESTLESS_US)
        weir_sim_check_found(&s->check, WEIR_SIM_RESTLESS, n->index, WEIR_SIM_NO_NAME);
}

void weir_sim_said_end(struct weir_sim *s, struct weir_sim_node *n, enum weir_err err)
{
    struct weir_sim_said *said = &n->said;
    bool is_scarce = n->was_scarce; /* what there was no memory for is missing */
    bool works =
        err == WEIR_OK && weir_engine_state(n->engine) != WEIR_ENGINE_READONLY && !is_scarce;

    check_rest(s, n);
    if (said->hello_due != 0 && works)
        found(s, n);
    said->hello_due = 0;
    if (is_scarce)
        said->next[WEIR_GROUP_C] = 0;
    if (err < 0 || is_scarce)
        said->next[WEIR_GROUP_E] = 0; /* bans may stand although their batch is not sent */
    if (!works)
        return;
    if (said->num_wipes != s->check.views[n->index].num_wipes)
        said->next[WEIR_GROUP_C] = 0; /* its lane was another life's */
    said->num_wipes = s->check.views[n->index].num_wipes;
    if (said->num_up <= 0)
        said->next[WEIR_GROUP_C] = said->next[WEIR_GROUP_E] = 0;
}
