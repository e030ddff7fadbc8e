/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile_acts.c - what an engine would not do.
 */
#include "tests/sim/cluster/hostile_acts.h"

#include <stdlib.h>
#include <string.h>

#include "sync/version/hlc.h"
#include "sync/version/record.h"
#include "sync/version/sums.h"
#include "tests/sim/cluster/hostile_faults.h"
#include "tests/sim/cluster/hostile_lies.h"
#include "tests/sim/cluster/hostile_parts.h"
#include "tests/sim/cluster/sim_node.h"
#include "tests/sim/cluster/sim_state.h"

#define GARBAGE_MAX   200
#define FLOOD         40
#define GIANT         120 /* records */
#define LANES         8   /* of one act */
#define LANES_MOST    160 /* of a run */
#define AHEAD_BATCHES 12
#define AHEAD_BY      1000
#define AHEAD_LEN     60000
#define CENTURY_MS    (UINT64_C(100) * 365 * 86400 * 1000)
#define SUMS          7 /* classes */

static ProtobufCBinaryData bytes_of(const void *at, size_t len)
{
    return (ProtobufCBinaryData){ .len = len, .data = (uint8_t *)(uintptr_t)at };
}

static uint32_t draw(struct weir_sim_hostile *h, uint32_t below)
{
    return (uint32_t)weir_rng_below(&h->rng, below);
}

static void send_bytes(struct weir_sim *s, const uint8_t *bytes, size_t len)
{
    struct weir_sim_hostile *h = &s->hostile;
    struct weir_sim_parcel *p = weir_sim_parcel_new(bytes, len);

    if (draw(h, 2) == 0)
        weir_sim_net_publish(&s->net, h->node, p);
    else
        weir_sim_net_send(&s->net, h->node, draw(h, h->num_links), p);
    weir_sim_parcel_drop(&p);
}

static const struct weir_sim_parcel *draw_replay(struct weir_sim_hostile *h)
{
    uint32_t num = h->num_replays < WEIR_SIM_REPLAYS_MAX ? h->num_replays : WEIR_SIM_REPLAYS_MAX;

    return num == 0 ? NULL : h->replays[draw(h, num)];
}

static void act_garbage(struct weir_sim *s)
{
    uint8_t bytes[GARBAGE_MAX];
    size_t len = draw(&s->hostile, GARBAGE_MAX);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)weir_rng_next(&s->hostile.rng);
    if (len > 1 && draw(&s->hostile, 2) == 0) {
        bytes[0] = (uint8_t) "CEHLPRA"[bytes[0] % 7];
        bytes[1] = WEIR_FRAME_VERSION;
    }
    send_bytes(s, bytes, len);
}

static void act_short(struct weir_sim *s)
{
    const struct weir_sim_parcel *p = draw_replay(&s->hostile);

    if (p != NULL && p->len > 0)
        send_bytes(s, p->bytes, draw(&s->hostile, p->len));
}

static void act_replay(struct weir_sim *s)
{
    const struct weir_sim_parcel *p = draw_replay(&s->hostile);

    if (p != NULL)
        send_bytes(s, p->bytes, p->len);
}

/* A heartbeat, since no node relies on it; a frame with records would forge those of another. */
static void act_flipped(struct weir_sim *s)
{
    Weir__V1__Lv own;
    Weir__V1__Lv *list;
    Weir__V1__Heartbeat m;

    weir_sim_hostile_heartbeat(s, &own, &list, &m);
    size_t len = weir_frame_packed_len(&m.base);
    uint8_t *bytes = malloc(len);
    WEIR_ASSERT(bytes != NULL);
    weir_frame_pack(WEIR_FRAME_HEARTBEAT, &m.base, bytes);
    uint32_t bit = draw(&s->hostile, (uint32_t)(8 * (len - WEIR_FRAME_HEAD_LEN)));
    bytes[WEIR_FRAME_HEAD_LEN + bit / 8] ^= (uint8_t)(1u << bit % 8);
    send_bytes(s, bytes, len);
    free(bytes);
}

static void act_sums(struct weir_sim *s)
{
    Weir__V1__Lv own;
    Weir__V1__Lv *list;
    Weir__V1__Heartbeat m;
    uint8_t sums[SUMS][1 + WEIR_SUM_LEN];
    ProtobufCBinaryData list_of_sums[SUMS];

    weir_sim_hostile_heartbeat(s, &own, &list, &m);
    for (unsigned i = 0; i < SUMS; i++) {
        sums[i][0] = (uint8_t)(1 + i);
        for (unsigned k = 0; k < WEIR_SUM_LEN; k++)
            sums[i][1 + k] = (uint8_t)weir_rng_next(&s->hostile.rng);
        list_of_sums[i] = bytes_of(sums[i], sizeof(sums[i]));
    }
    m.sum = list_of_sums;
    m.n_sum = SUMS;
    m.vv_hash = s->hostile.vv_hash;
    m.state = WEIR_ENGINE_LIVE;
    weir_sim_hostile_send(s, UINT32_MAX, WEIR_FRAME_HEARTBEAT, &m.base);
}

static void act_flood(struct weir_sim *s)
{
    struct weir_sim_hostile *h = &s->hostile;
    uint32_t slot = draw(h, h->num_links);
    uint32_t group = draw(h, 2) == 0 ? WEIR_FRAME_BATCH_C : WEIR_FRAME_BATCH_E;
    Weir__V1__PullReq m;

    weir__v1__pull_req__init(&m);
    m.has_session = m.has_max_bytes = 1;
    m.max_bytes = UINT32_MAX;
    m.groups = &group;
    m.n_groups = 1;
    for (unsigned i = 0; i < FLOOD; i++) {
        uint64_t session = weir_rng_next(&h->rng);
        m.session = bytes_of(&session, sizeof(session));
        weir_sim_hostile_send(s, slot, WEIR_FRAME_PULL_REQ, &m.base);
    }
}

static void act_giant(struct weir_sim *s)
{
    struct weir_sim_later *room = calloc(GIANT, sizeof(*room));
    Weir__V1__Record *list[GIANT];
    Weir__V1__Batch m;
    uint32_t num = 0;
    uint64_t first = s->hostile.seq + 1;

    WEIR_ASSERT(room != NULL);
    for (; num < GIANT; num++) {
        uint64_t seq = weir_sim_hostile_add(s);
        if (seq == 0)
            break;
        weir_sim_later_make(&s->hostile, seq, &room[num]);
        list[num] = &room[num].msg;
    }
    weir_sim_hostile_batch(s, s->hostile.lane, first, &m);
    m.r = list;
    m.n_r = num;
    if (num > 0)
        weir_sim_hostile_send(s, UINT32_MAX, WEIR_FRAME_BATCH_C, &m.base);
    free(room);
}

/* One record in a lane of its own. */
static void send_alone(struct weir_sim *s, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                       Weir__V1__Record *rec)
{
    Weir__V1__Record *list[] = { rec };
    Weir__V1__Batch m;

    rec->has_seq = 1;
    rec->seq = seq;
    weir_sim_hostile_batch(s, lane, seq, &m);
    m.r = list;
    m.n_r = 1;
    weir_sim_hostile_send(s, UINT32_MAX, WEIR_FRAME_BATCH_C, &m.base);
}

static void new_lane(struct weir_sim_hostile *h, uint8_t out[WEIR_LANE_LEN])
{
    memcpy(out, h->lane, WEIR_LANE_LEN);
    for (unsigned i = WEIR_NODE_ID_LEN + 1; i < WEIR_LANE_LEN; i++)
        out[i] = (uint8_t)weir_rng_next(&h->rng);
    h->num_lanes++;
}

/* A plain record. Borrows key and value. */
static void plain(Weir__V1__Record *r, struct weir_span key, uint64_t hlc, struct weir_span value)
{
    weir__v1__record__init(r);
    r->has_class_ = r->has_key = r->has_hlc = r->has_value = 1;
    r->class_ = WEIR_CLASS_SETTING;
    r->key = bytes_of(key.at, key.len);
    r->hlc = hlc;
    r->value = bytes_of(value.at, value.len);
}

static uint64_t now_hlc(const struct weir_sim *s, uint64_t ahead_ms)
{
    return weir_hlc_of_ms(WEIR_SIM_EPOCH_MS + s->events.now_us / 1000 + ahead_ms);
}

bool weir_sim_hostile_alone(struct weir_sim *s, enum weir_class class, struct weir_span key,
                            uint64_t hlc, struct weir_span value)
{
    uint8_t lane[WEIR_LANE_LEN];
    Weir__V1__Record r;

    if (s->hostile.num_lanes >= LANES_MOST)
        return false;
    new_lane(&s->hostile, lane);
    plain(&r, key, hlc, value);
    r.class_ = class;
    send_alone(s, lane, 1, &r);
    return true;
}

void weir_sim_hostile_forge(struct weir_sim *s, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                            uint64_t hlc)
{
    Weir__V1__Record r;

    plain(&r, WEIR_SPAN_LIT("forged"), hlc, WEIR_SPAN_LIT("forged"));
    send_alone(s, lane, seq, &r);
}

uint64_t weir_sim_hostile_now(const struct weir_sim *s)
{
    return now_hlc(s, 0);
}

static void act_lanes(struct weir_sim *s)
{
    uint8_t lane[WEIR_LANE_LEN];
    Weir__V1__Record r;

    for (unsigned i = 0; i < LANES && s->hostile.num_lanes < LANES_MOST; i++) {
        new_lane(&s->hostile, lane);
        plain(&r, weir_span(lane, 12), now_hlc(s, 0), WEIR_SPAN_LIT("lane"));
        send_alone(s, lane, 1, &r);
    }
}

/* Of a key that every node writes: SETTING 1. */
static void act_future(struct weir_sim *s)
{
    const uint8_t key[5] = { 'k', 0, 0, 0, 1 };

    (void)!weir_sim_hostile_alone(s, WEIR_CLASS_SETTING, weir_span(key, sizeof(key)),
                                  now_hlc(s, CENTURY_MS), WEIR_SPAN_LIT("future"));
}

/* What is before them never comes: they wait, while there is room. */
static void act_ahead(struct weir_sim *s)
{
    static const uint8_t value[AHEAD_LEN];
    uint8_t lane[WEIR_LANE_LEN];
    Weir__V1__Record r;

    if (s->hostile.num_lanes >= LANES_MOST)
        return;
    new_lane(&s->hostile, lane);
    for (unsigned i = 0; i < AHEAD_BATCHES; i++) {
        plain(&r, weir_span(lane, 12), now_hlc(s, 0), weir_span(value, sizeof(value)));
        send_alone(s, lane, AHEAD_BY + 2 * i, &r);
    }
}

/* A Hello for which a node must close the link. */
static void act_stranger(struct weir_sim *s)
{
    struct weir_sim_hostile *h = &s->hostile;
    Weir__V1__Hello m;

    weir__v1__hello__init(&m);
    m.has_cluster = m.has_node = m.has_incarnation = m.has_wire_max = m.has_wire_min = 1;
    m.cluster = bytes_of("simulated", 9);
    m.node = bytes_of(h->id, WEIR_NODE_ID_LEN);
    m.incarnation = bytes_of(h->incarnation, WEIR_INCARNATION_LEN);
    m.wire_max = WEIR_FRAME_VERSION + 1;
    m.wire_min = WEIR_FRAME_VERSION + draw(h, 2);
    if (m.wire_min == WEIR_FRAME_VERSION)
        m.cluster = bytes_of("another", 7);
    weir_sim_hostile_send(s, draw(h, h->num_links), WEIR_FRAME_HELLO, &m.base);
}

/* A setting in a lane of bans. */
static void act_strange(struct weir_sim *s)
{
    uint8_t lane[WEIR_LANE_LEN];
    Weir__V1__Record r;

    memcpy(lane, s->hostile.lane, WEIR_LANE_LEN);
    lane[WEIR_NODE_ID_LEN] = 'E';
    plain(&r, WEIR_SPAN_LIT("strange"), now_hlc(s, 0), WEIR_SPAN_LIT("strange"));
    send_alone(s, lane, 1, &r);
}

static void ask(struct weir_sim *s, uint32_t slot)
{
    struct weir_sim_hostile *h = &s->hostile;
    uint8_t ban[] = { WEIR_CLASS_BAN, 'b' };
    uint8_t setting[] = { WEIR_CLASS_SETTING, 'k', 0, 0, 0, 1 };
    ProtobufCBinaryData keys[] = { bytes_of(ban, sizeof(ban)), bytes_of(setting, sizeof(setting)) };
    uint64_t session = weir_rng_next(&h->rng);
    uint32_t group = WEIR_FRAME_BATCH_C;
    Weir__V1__PullReq m;

    weir__v1__pull_req__init(&m);
    m.has_session = 1;
    m.session = bytes_of(&session, sizeof(session));
    m.has_max_bytes = (int)draw(h, 2);
    m.max_bytes = draw(h, 100);
    m.groups = &group;
    m.n_groups = 1;
    m.force_keys = keys;
    m.n_force_keys = draw(h, 3);
    weir_sim_hostile_send(s, slot, WEIR_FRAME_PULL_REQ, &m.base);
}

static void act_asks(struct weir_sim *s)
{
    static const uint32_t classes[] = { WEIR_CLASS_SETTING, WEIR_CLASS_ACME, WEIR_CLASS_BAN };
    struct weir_sim_hostile *h = &s->hostile;
    uint32_t slot = draw(h, h->num_links);
    uint8_t *sums = malloc(WEIR_SUMS_PACKED_LEN);
    Weir__V1__Audit m;

    WEIR_ASSERT(sums != NULL);
    memset(sums, (int)draw(h, 256), WEIR_SUMS_PACKED_LEN);
    ask(s, slot);
    weir__v1__audit__init(&m);
    m.has_class_ = m.has_buckets = 1;
    m.class_ = classes[draw(h, WEIR_ARRAY_LEN(classes))];
    m.buckets = bytes_of(sums, WEIR_SUMS_PACKED_LEN);
    weir_sim_hostile_send(s, slot, WEIR_FRAME_AUDIT, &m.base);
    free(sums);
}

static void (*const acts[])(struct weir_sim *s) = {
    [WEIR_SIM_ACT_GARBAGE] = act_garbage,   [WEIR_SIM_ACT_SHORT] = act_short,
    [WEIR_SIM_ACT_FLIPPED] = act_flipped,   [WEIR_SIM_ACT_REPLAY] = act_replay,
    [WEIR_SIM_ACT_SUMS] = act_sums,         [WEIR_SIM_ACT_FLOOD] = act_flood,
    [WEIR_SIM_ACT_GIANT] = act_giant,       [WEIR_SIM_ACT_LANES] = act_lanes,
    [WEIR_SIM_ACT_FUTURE] = act_future,     [WEIR_SIM_ACT_AHEAD] = act_ahead,
    [WEIR_SIM_ACT_STRANGER] = act_stranger, [WEIR_SIM_ACT_STRANGE] = act_strange,
    [WEIR_SIM_ACT_ASKS] = act_asks,         [WEIR_SIM_ACT_MALFORMED] = weir_sim_hostile_malformed,
};
_Static_assert(WEIR_ARRAY_LEN(acts) == WEIR_SIM_ACTS, "each act is done");

void weir_sim_hostile_act(struct weir_sim *s)
{
    uint32_t num_lies = weir_sim_hostile_num_lies(s);
    uint32_t act = draw(&s->hostile, WEIR_SIM_ACTS + 2 * num_lies);

    weir_sim_trace(&s->trace, s->events.now_us, WEIR_SIM_LINE_HOSTILE, s->hostile.node, act);
    if (act < WEIR_SIM_ACTS)
        acts[act](s);
    else
        weir_sim_hostile_lie(s, (act - WEIR_SIM_ACTS) % num_lies);
}
