/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile_lies.c - one lie after the other, about everything that a message can state.
 */
#include "tests/sim/cluster/hostile_lies.h"

#include <string.h>

#include "sync/version/hlc.h"
#include "sync/version/num.h"
#include "sync/version/sums.h"
#include "tests/sim/cluster/hostile_parts.h"
#include "tests/sim/cluster/sim_node.h"
#include "tests/sim/cluster/sim_state.h"

#define STATES     256
#define FINAL_LEN  8
#define FINAL_MAX  40
#define FOLDED     (UINT64_C(1) << 63) /* of an end: all members have the lane (R14) */
#define MEMBERS    4                   /* that it invents in a run */
#define HEADS_BY   1000
#define FOLDED_BY  (UINT64_C(1) << 40) /* more than a run writes */
#define FORGE_NEXT 3

static uint32_t draw(struct weir_sim_hostile *h, uint32_t below)
{
    return (uint32_t)weir_rng_below(&h->rng, below);
}

static ProtobufCBinaryData bytes_of(const void *at, size_t len)
{
    return (ProtobufCBinaryData){ .len = len, .data = (uint8_t *)(uintptr_t)at };
}

/* -- vectors and floors -- */

static void lie_floor(struct weir_sim *s)
{
    struct weir_sim_hostile *h = &s->hostile;
    uint32_t slot = draw(h, h->num_links);
    struct weir_vector floor = WEIR_VECTOR_ZERO;

    if (weir_vector_copy(&floor, &h->vv) < 0)
        return;
    switch (draw(h, 4)) {
    case 0: /* it purged what no node has seen */
        weir_sim_hostile_raise(s, slot, false, &floor);
        weir_sim_hostile_hello(s, slot, &floor, &floor);
        break;
    case 1: /* and does not even claim to have had it */
        weir_sim_hostile_raise(s, slot, false, &floor);
        weir_sim_hostile_hello(s, slot, &h->vv, &floor);
        break;
    case 2: /* it purged all there is */
        weir_sim_hostile_hello(s, slot, &h->vv, &h->vv);
        break;
    default:
        h->lie = WEIR_SIM_LIE_FLOOR;
        break;
    }
    weir_vector_deinit(&floor);
}

static void raised_hello(struct weir_sim *s, bool own_lanes)
{
    struct weir_sim_hostile *h = &s->hostile;
    uint32_t slot = draw(h, h->num_links);
    struct weir_vector vv = WEIR_VECTOR_ZERO;

    if (weir_vector_copy(&vv, &h->vv) < 0)
        return;
    weir_sim_hostile_raise(s, slot, own_lanes, &vv);
    weir_sim_hostile_hello(s, slot, &vv, &h->floor);
    weir_vector_deinit(&vv);
}

static void lie_vector(struct weir_sim *s)
{
    if (draw(&s->hostile, 3) == 0)
        raised_hello(s, false);
    else
        s->hostile.lie = WEIR_SIM_LIE_VECTOR;
}

static void lie_own(struct weir_sim *s)
{
    if (draw(&s->hostile, 2) == 0)
        raised_hello(s, true);
    else
        s->hostile.lie = WEIR_SIM_LIE_OWN;
}

static void lie_cursor(struct weir_sim *s)
{
    s->hostile.lie = WEIR_SIM_LIE_CURSOR;
}

/* -- heartbeats -- */

static void lie_heads(struct weir_sim *s)
{
    Weir__V1__Lv own;
    Weir__V1__Lv *list;
    Weir__V1__Heartbeat m;

    weir_sim_hostile_heartbeat(s, &own, &list, &m);
    own.has_lane = own.has_seq = 1;
    own.lane = bytes_of(s->hostile.last_lane, WEIR_LANE_LEN);
    own.seq = s->hostile.last_seq + HEADS_BY;
    list = &own;
    m.own = &list;
    m.n_own = 1;
    weir_sim_hostile_send(s, UINT32_MAX, WEIR_FRAME_HEARTBEAT, &m.base);
}

static void lie_hash(struct weir_sim *s)
{
    Weir__V1__Lv own;
    Weir__V1__Lv *list;
    Weir__V1__Heartbeat m;

    weir_sim_hostile_heartbeat(s, &own, &list, &m);
    m.vv_hash = draw(&s->hostile, 2) == 0 ? s->hostile.vv_hash : weir_rng_next(&s->hostile.rng);
    m.has_ban_hash = 1;
    m.ban_hash = weir_rng_next(&s->hostile.rng);
    m.state = WEIR_ENGINE_LIVE; /* nothing moves, and it has no records */
    weir_sim_hostile_send(s, UINT32_MAX, WEIR_FRAME_HEARTBEAT, &m.base);
}

static void lie_state(struct weir_sim *s)
{
    Weir__V1__Lv own;
    Weir__V1__Lv *list;
    Weir__V1__Heartbeat m;

    weir_sim_hostile_heartbeat(s, &own, &list, &m);
    m.state = draw(&s->hostile, 2) == 0 ? WEIR_ENGINE_STALE : draw(&s->hostile, STATES);
    weir_sim_hostile_send(s, UINT32_MAX, WEIR_FRAME_HEARTBEAT, &m.base);
}

static void lie_acks(struct weir_sim *s)
{
    Weir__V1__Lv own;
    Weir__V1__Lv *list;
    Weir__V1__Heartbeat m;
    Weir__V1__Ack ack;
    Weir__V1__Ack *acks = &ack;

    weir_sim_hostile_heartbeat(s, &own, &list, &m);
    weir__v1__ack__init(&ack);
    ack.has_lane = ack.has_durable = ack.has_active = 1;
    ack.lane = bytes_of(s->hostile.last_lane, WEIR_LANE_LEN);
    ack.durable = ack.active = s->hostile.last_seq + draw(&s->hostile, HEADS_BY);
    m.ack = &acks;
    m.n_ack = 1;
    weir_sim_hostile_send(s, UINT32_MAX, WEIR_FRAME_HEARTBEAT, &m.base);
}

/* -- records -- */

static void lie_stamp(struct weir_sim *s)
{
    struct weir_sim_hostile *h = &s->hostile;
    uint64_t name = weir_rng_next(&h->rng);
    uint64_t hlc = draw(h, 2) == 0 ? WEIR_HLC_MAX : WEIR_HLC_MAX + 1 + draw(h, 2);

    (void)!weir_sim_hostile_alone(s, WEIR_CLASS_SETTING, weir_span((uint8_t *)&name, sizeof(name)),
                                  hlc, WEIR_SPAN_LIT("late"));
}

/* Where a lane ends; or that all members have it, up to where none has, since with an end that some
 * have those that fold the lane make the others reset, as they must (R6, R14). */
static void lie_lanes(struct weir_sim *s)
{
    struct weir_sim_hostile *h = &s->hostile;
    uint8_t value[FINAL_LEN];

    if (h->last_seq == 0)
        return;
    uint64_t end = 1 + draw(h, FINAL_MAX);
    if (draw(h, 2) == 0)
        end = (h->last_seq + FOLDED_BY + end) | FOLDED;
    weir_num_write_le(value, end, sizeof(value));
    (void)!weir_sim_hostile_alone(s, WEIR_CLASS_LANE, weir_span(h->last_lane, WEIR_LANE_LEN),
                                  weir_sim_hostile_now(s), weir_span(value, sizeof(value)));
}

static void lie_forge(struct weir_sim *s)
{
    struct weir_sim_hostile *h = &s->hostile;

    if (h->last_seq > 0)
        weir_sim_hostile_forge(s, h->last_lane, h->last_seq + draw(h, FORGE_NEXT),
                               weir_sim_hostile_now(s));
}

/* -- audits -- */

static void lie_audit(struct weir_sim *s)
{
    static uint8_t buckets[WEIR_SUMS_PACKED_LEN];
    struct weir_sim_hostile *h = &s->hostile;
    const uint8_t key[5] = { 'k', 0, 0, 0, 1 };
    Weir__V1__Audit m;
    Weir__V1__KeyVer kv;
    Weir__V1__KeyVer *kvs = &kv;

    weir__v1__audit__init(&m);
    m.has_class_ = 1;
    m.class_ = WEIR_CLASS_SETTING;
    if (draw(h, 2) == 0) {
        m.has_buckets = 1;
        m.buckets = bytes_of(buckets, sizeof(buckets));
    } else {
        weir__v1__key_ver__init(&kv);
        kv.has_key = kv.has_lane = kv.has_seq = kv.has_hlc = 1;
        kv.key = bytes_of(key, sizeof(key));
        kv.lane = bytes_of(h->lane, WEIR_LANE_LEN);
        kv.seq = 1;
        kv.hlc = WEIR_HLC_MAX;
        m.kv = &kvs;
        m.n_kv = 1;
    }
    weir_sim_hostile_send(s, draw(h, h->num_links), WEIR_FRAME_AUDIT, &m.base);
}

static void (*const lies[])(struct weir_sim *s) = {
    [WEIR_SIM_LIE_FLOOR - WEIR_SIM_LIE_FIRST] = lie_floor,
    [WEIR_SIM_LIE_VECTOR - WEIR_SIM_LIE_FIRST] = lie_vector,
    [WEIR_SIM_LIE_OWN - WEIR_SIM_LIE_FIRST] = lie_own,
    [WEIR_SIM_LIE_CURSOR - WEIR_SIM_LIE_FIRST] = lie_cursor,
    [WEIR_SIM_LIE_HEADS - WEIR_SIM_LIE_FIRST] = lie_heads,
    [WEIR_SIM_LIE_HASH - WEIR_SIM_LIE_FIRST] = lie_hash,
    [WEIR_SIM_LIE_STATE - WEIR_SIM_LIE_FIRST] = lie_state,
    [WEIR_SIM_LIE_STAMP - WEIR_SIM_LIE_FIRST] = lie_stamp,
    [WEIR_SIM_LIE_ACKS - WEIR_SIM_LIE_FIRST] = lie_acks,
    [WEIR_SIM_LIE_AUDIT - WEIR_SIM_LIE_FIRST] = lie_audit,
    [WEIR_SIM_LIE_LANES - WEIR_SIM_LIE_FIRST] = lie_lanes,
    [WEIR_SIM_LIE_FORGE - WEIR_SIM_LIE_FIRST] = lie_forge,
};
_Static_assert(WEIR_ARRAY_LEN(lies) == WEIR_SIM_FEATURES - WEIR_SIM_LIE_FIRST, "each lie is told");

uint32_t weir_sim_hostile_num_lies(const struct weir_sim *s)
{
    return (uint32_t)__builtin_popcountll(s->plan.features >> WEIR_SIM_LIE_FIRST);
}

void weir_sim_hostile_lie(struct weir_sim *s, uint32_t way)
{
    uint64_t left = s->plan.features >> WEIR_SIM_LIE_FIRST;

    WEIR_ASSERT(way < weir_sim_hostile_num_lies(s));
    for (; way > 0; way--)
        left &= left - 1;
    lies[__builtin_ctzll(left)](s);
}
