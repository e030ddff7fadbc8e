/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile.c - the peer as a node of a later version: it does the handshake, sends heartbeats and
 * responses, and writes records that have fields of their own. The vector that it claims is the one
 * that the asking node just sent: so it is never stale, and misleads no node.
 */
#include "tests/sim/cluster/hostile.h"

#include <stdlib.h>
#include <string.h>

#include "sync/version/hlc.h"
#include "tests/sim/cluster/hostile_parts.h"
#include "tests/sim/cluster/sim_node.h"
#include "tests/sim/cluster/sim_state.h"

#define KEYS         12
#define FIELD_FIRST  1000 /* numbers of fields that no engine knows */
#define RESPONSE_MAX 40   /* records of one response */
#define STATE_MOTION 0x100
#define LIES_BY      5

static void put_u64(uint8_t *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static ProtobufCBinaryData bytes_of(const void *at, size_t len)
{
    return (ProtobufCBinaryData){ .len = len, .data = (uint8_t *)(uintptr_t)at };
}

void weir_sim_hostile_init(struct weir_sim *s)
{
    struct weir_sim_hostile *h = &s->hostile;

    weir_rng_init(&h->rng, weir_sim_seed_of(s, 0x686f7374));
    if (!weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_LATER) &&
        !weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_HOSTILE))
        return;
    h->is_there = true;
    h->node = s->num_nodes;
    h->num_faults = (uint32_t)weir_sim_seed_of(s, 0x6661756c74);
    put_u64(h->id, weir_rng_next(&h->rng));
    put_u64(h->incarnation, weir_rng_next(&h->rng));
    put_u64(h->incarnation + 8, weir_rng_next(&h->rng));
    memcpy(h->lane, h->id, WEIR_NODE_ID_LEN);
    put_u64(h->lane + WEIR_NODE_ID_LEN, weir_rng_next(&h->rng));
    h->lane[WEIR_NODE_ID_LEN] = 'C';
    memcpy(s->check.foreign, h->id, WEIR_NODE_ID_LEN);
    s->check.foreign_node = h->node;
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        weir_sim_net_join(&s->net, h->node, i);
        h->num_links++;
    }
    weir_sim_net_start(&s->net, h->node);
}

void weir_sim_hostile_deinit(struct weir_sim_hostile *h)
{
    for (uint32_t i = 0; i < WEIR_SIM_REPLAYS_MAX; i++)
        if (h->replays[i] != NULL)
            weir_sim_parcel_drop(&h->replays[i]);
    weir_vector_deinit(&h->vv);
    weir_vector_deinit(&h->floor);
}

/* -- messages -- */

void weir_sim_hostile_send(struct weir_sim *s, uint32_t slot, enum weir_frame_topic topic,
                           const ProtobufCMessage *msg)
{
    size_t len = weir_frame_packed_len(msg);
    uint8_t *bytes = malloc(len);

    WEIR_ASSERT(bytes != NULL);
    weir_frame_pack(topic, msg, bytes);
    struct weir_sim_parcel *p = weir_sim_parcel_new(bytes, len);
    free(bytes);
    if (slot == UINT32_MAX)
        weir_sim_net_publish(&s->net, s->hostile.node, p);
    else
        weir_sim_net_send(&s->net, s->hostile.node, slot, p);
    weir_sim_parcel_drop(&p);
}

/* Lists of lanes for a message; the caller frees them. */
struct lanes {
    Weir__V1__Lv *lanes;
    Weir__V1__Lv **list;
};

static struct lanes lanes_of(const struct weir_vector *v)
{
    struct lanes l = { calloc(v->num + 1, sizeof(Weir__V1__Lv)),
                       calloc(v->num + 1, sizeof(Weir__V1__Lv *)) };

    WEIR_ASSERT(l.lanes != NULL);
    WEIR_ASSERT(l.list != NULL);
    weir_frame_lanes(v, l.lanes, l.list);
    return l;
}

static void lanes_free(struct lanes *l)
{
    free(l->lanes);
    free(l->list);
}

void weir_sim_hostile_hello(struct weir_sim *s, uint32_t slot, const struct weir_vector *vv,
                            const struct weir_vector *floor)
{
    struct weir_sim_hostile *h = &s->hostile;
    struct lanes vv_lanes = lanes_of(vv);
    struct lanes floor_lanes = lanes_of(floor);
    Weir__V1__Hello m;

    weir__v1__hello__init(&m);
    m.has_cluster = m.has_node = m.has_incarnation = 1;
    m.cluster = bytes_of("simulated", 9);
    m.node = bytes_of(h->id, WEIR_NODE_ID_LEN);
    m.incarnation = bytes_of(h->incarnation, WEIR_INCARNATION_LEN);
    m.has_wire_max = m.has_wire_min = m.has_schema_max = m.has_live = m.has_response = 1;
    m.wire_max = WEIR_FRAME_VERSION + 1;
    m.wire_min = WEIR_FRAME_VERSION_MIN;
    m.schema_max = 3;
    m.live = 1;
    m.response = 1;
    m.vv = vv_lanes.list;
    m.n_vv = vv->num;
    m.floor = floor_lanes.list;
    m.n_floor = floor->num;
    weir_sim_hostile_send(s, slot, WEIR_FRAME_HELLO, &m.base);
    lanes_free(&vv_lanes);
    lanes_free(&floor_lanes);
}

void weir_sim_hostile_heartbeat(struct weir_sim *s, Weir__V1__Lv *own, Weir__V1__Lv **list,
                                Weir__V1__Heartbeat *ret)
{
    struct weir_sim_hostile *h = &s->hostile;

    weir__v1__heartbeat__init(ret);
    weir__v1__lv__init(own);
    ret->has_node = ret->has_incarnation = ret->has_n = ret->has_wall_ms = 1;
    ret->node = bytes_of(h->id, WEIR_NODE_ID_LEN);
    ret->incarnation = bytes_of(h->incarnation, WEIR_INCARNATION_LEN);
    ret->n = WEIR_SIM_EPOCH_MS + ++h->num_heartbeats;
    ret->wall_ms = WEIR_SIM_EPOCH_MS + s->events.now_us / 1000;
    ret->has_vv_hash = ret->has_ban_hash = ret->has_schema_max = ret->has_state = 1;
    ret->vv_hash = h->num_heartbeats;
    ret->schema_max = 3;
    ret->state = WEIR_ENGINE_LIVE | STATE_MOTION;
    if (h->seq == 0)
        return;
    own->has_lane = own->has_seq = 1;
    own->lane = bytes_of(h->lane, WEIR_LANE_LEN);
    own->seq = h->seq;
    *list = own;
    ret->own = list;
    ret->n_own = 1;
}

void weir_sim_hostile_batch(struct weir_sim *s, const uint8_t lane[WEIR_LANE_LEN], uint64_t first,
                            Weir__V1__Batch *ret)
{
    weir__v1__batch__init(ret);
    ret->has_lane = ret->has_first = ret->has_group = ret->has_incarnation = ret->has_sent_ms = 1;
    ret->lane = bytes_of(lane, WEIR_LANE_LEN);
    ret->first = first;
    ret->group = WEIR_FRAME_BATCH_C;
    ret->incarnation = bytes_of(s->hostile.incarnation, WEIR_INCARNATION_LEN);
    ret->sent_ms = WEIR_SIM_EPOCH_MS + s->events.now_us / 1000;
}

/* -- records of a later version -- */

static void make_field(uint64_t random, unsigned i, struct weir_sim_later *r)
{
    static const ProtobufCWireType types[] = {
        PROTOBUF_C_WIRE_TYPE_VARINT,
        PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
        PROTOBUF_C_WIRE_TYPE_32BIT,
        PROTOBUF_C_WIRE_TYPE_64BIT,
    };
    ProtobufCMessageUnknownField *f = &r->fields[i];
    size_t text_len = random >> 16 & 31;

    f->tag = FIELD_FIRST + i;
    f->wire_type = types[random % WEIR_ARRAY_LEN(types)];
    f->data = r->bytes[i];
    memset(r->bytes[i], (int)(random >> 8 & 0x7f), sizeof(r->bytes[i]));
    if (f->wire_type == PROTOBUF_C_WIRE_TYPE_VARINT) {
        r->bytes[i][0] = (uint8_t)(random >> 24 | 0x80);
        r->bytes[i][1] = (uint8_t)(1 + (random >> 32) % 127);
        f->len = 2;
    } else if (f->wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) {
        r->bytes[i][0] = (uint8_t)text_len;
        f->len = 1 + text_len;
    } else {
        f->len = f->wire_type == PROTOBUF_C_WIRE_TYPE_32BIT ? 4 : 8;
    }
}

void weir_sim_later_make(const struct weir_sim_hostile *h, uint64_t seq, struct weir_sim_later *r)
{
    uint64_t random = weir_mix64(seq ^ weir_mix64(h->lane[WEIR_LANE_LEN - 1]));
    unsigned num_fields = (unsigned)(random >> 40) % 4;

    weir__v1__record__init(&r->msg);
    memcpy(r->key, "later/", 6);
    r->key[6] = (uint8_t)('a' + random % KEYS);
    put_u64(r->value, seq);
    memset(r->value + 8, 'x', sizeof(r->value) - 8);
    r->msg.has_class_ = r->msg.has_key = r->msg.has_seq = r->msg.has_hlc = 1;
    r->msg.class_ = WEIR_CLASS_SETTING;
    r->msg.key = bytes_of(r->key, 7);
    r->msg.seq = seq;
    r->msg.hlc = h->stamps[seq - 1];
    r->msg.has_schema = r->msg.has_min_reader = 1;
    r->msg.schema = 3;
    r->msg.min_reader = 3;
    r->msg.has_value = 1;
    r->msg.value = bytes_of(r->value, 8 + (random >> 48) % (sizeof(r->value) - 8));
    r->msg.has_sig = (int)(random >> 44 & 1);
    memset(r->sig, (int)(random & 0xff), sizeof(r->sig));
    r->msg.sig = bytes_of(r->sig, sizeof(r->sig));
    for (unsigned i = 0; i < num_fields; i++)
        make_field(weir_mix64(random + i), i, r);
    r->msg.base.n_unknown_fields = num_fields;
    r->msg.base.unknown_fields = num_fields > 0 ? r->fields : NULL;
}

/* As a node stores it: number and type of each field, then its bytes. */
static size_t pack_extra(const struct weir_sim_later *r, uint8_t *out)
{
    size_t len = 0;

    for (unsigned i = 0; i < r->msg.base.n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *f = &r->fields[i];
        uint32_t head = f->tag << 3 | (uint32_t)f->wire_type;
        for (; head >= 0x80; head >>= 7)
            out[len++] = (uint8_t)(head | 0x80);
        out[len++] = (uint8_t)head;
        memcpy(out + len, f->data, f->len);
        len += f->len;
    }
    return len;
}

uint64_t weir_sim_hostile_add(struct weir_sim *s)
{
    struct weir_sim_hostile *h = &s->hostile;
    struct weir_sim_later r;
    uint8_t extra[256];

    if (h->seq == WEIR_SIM_LATER_MAX)
        return 0;
    uint64_t hlc = weir_hlc_of_ms(WEIR_SIM_EPOCH_MS + s->events.now_us / 1000) + h->seq % 65536;
    h->stamps[h->seq++] = hlc;
    weir_sim_later_make(h, h->seq, &r);
    struct weir_stored_record stored = {
        .rec = {
            .class = WEIR_CLASS_SETTING,
            .key = weir_span(r.msg.key.data, r.msg.key.len),
            .version = { .hlc = hlc, .seq = h->seq },
            .schema = 3,
            .min_reader = 3,
            .value = weir_span(r.msg.value.data, r.msg.value.len),
        },
    };
    memcpy(stored.rec.version.lane, h->lane, WEIR_LANE_LEN);
    stored.extra = weir_span(extra, pack_extra(&r, extra));
    if (r.msg.has_sig)
        stored.sig = weir_span(r.sig, sizeof(r.sig));
    if (s->checks)
        weir_sim_check_wrote(&s->check, h->node, &stored);
    return h->seq;
}

void weir_sim_hostile_write(struct weir_sim *s)
{
    struct weir_sim_later r;
    Weir__V1__Record *list[] = { &r.msg };
    Weir__V1__Batch m;
    Weir__V1__Heartbeat heartbeat;
    Weir__V1__Lv own;
    Weir__V1__Lv *owns;

    uint64_t seq = weir_sim_hostile_add(s);
    if (seq == 0)
        return;
    weir_sim_later_make(&s->hostile, seq, &r);
    weir_sim_hostile_batch(s, s->hostile.lane, seq, &m);
    m.r = list;
    m.n_r = 1;
    weir_sim_hostile_send(s, UINT32_MAX, WEIR_FRAME_BATCH_C, &m.base);
    weir_sim_hostile_heartbeat(s, &own, &owns, &heartbeat);
    weir_sim_hostile_send(s, UINT32_MAX, WEIR_FRAME_HEARTBEAT, &heartbeat.base);
}

/* -- responses -- */

static void add_records(struct weir_sim *s, const Weir__V1__PullReq *req, Weir__V1__PullRep *rep,
                        struct weir_sim_later *room)
{
    struct weir_sim_hostile *h = &s->hostile;
    uint64_t at = 0;

    for (size_t i = 0; i < req->n_cursor; i++)
        if (memcmp(req->cursor[i]->lane.data, h->lane, WEIR_LANE_LEN) == 0)
            at = req->cursor[i]->seq;
    while (at < h->seq && rep->n_r < RESPONSE_MAX) {
        struct weir_sim_later *r = &room[rep->n_r];
        weir_sim_later_make(h, ++at, r);
        r->msg.has_lane = 1;
        r->msg.lane = bytes_of(h->lane, WEIR_LANE_LEN);
        rep->r[rep->n_r++] = &r->msg;
    }
    rep->complete = at >= h->seq;
    rep->cursor[0]->seq = at;
    rep->n_cursor = at > 0;
}

void weir_sim_hostile_raise(const struct weir_sim *s, uint32_t slot, bool own_lanes,
                            struct weir_vector *v)
{
    for (size_t i = 0; i < v->num; i++) {
        const uint8_t *lane = v->items[i].lane;
        bool is_own = memcmp(lane, s->nodes[slot].id, WEIR_NODE_ID_LEN) == 0;
        /* What it writes itself it may not withhold: that would be true of the records it sends. */
        if (is_own == own_lanes && memcmp(lane, s->hostile.id, WEIR_NODE_ID_LEN) != 0)
            (void)!weir_vector_raise(v, lane, v->items[i].seq + LIES_BY);
    }
}

/* A pull is complete that brought nothing. */
static void response_with_lie(struct weir_sim *s, uint32_t slot, const Weir__V1__PullReq *req,
                              Weir__V1__PullRep *rep)
{
    struct weir_sim_hostile *h = &s->hostile;
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    unsigned lie = h->lie;

    h->lie = 0;
    if (weir_frame_vector(req->cursor, req->n_cursor, &vv) < 0)
        return;
    struct lanes cursor = lanes_of(&vv);
    if (lie == WEIR_SIM_LIE_VECTOR || lie == WEIR_SIM_LIE_OWN)
        weir_sim_hostile_raise(s, slot, lie == WEIR_SIM_LIE_OWN, &vv);
    struct lanes l = lanes_of(&vv);
    rep->n_r = 0;
    rep->complete = 1;
    rep->vv = l.list;
    rep->n_vv = vv.num;
    rep->cursor = cursor.list;
    rep->n_cursor = lie == WEIR_SIM_LIE_CURSOR ? vv.num : 0;
    if (lie == WEIR_SIM_LIE_CURSOR && vv.num > 0)
        cursor.lanes[vv.num - 1].seq += LIES_BY;
    if (lie == WEIR_SIM_LIE_FLOOR) {
        rep->floor = l.list;
        rep->n_floor = vv.num;
        rep->has_hlc_floor = 1;
        rep->hlc_floor = WEIR_HLC_MAX;
    }
    weir_sim_hostile_send(s, slot, WEIR_FRAME_PULL_REP, &rep->base);
    lanes_free(&l);
    lanes_free(&cursor);
    weir_vector_deinit(&vv);
}

/* A bootstrap must not end here: this peer does not have all there is. */
static void response(struct weir_sim *s, uint32_t slot, const Weir__V1__PullReq *req)
{
    struct weir_sim_hostile *h = &s->hostile;
    static struct weir_sim_later room[RESPONSE_MAX];
    Weir__V1__Record *records[RESPONSE_MAX];
    Weir__V1__Lv own = WEIR__V1__LV__INIT;
    Weir__V1__Lv *owns[] = { &own };
    Weir__V1__PullRep rep;

    weir__v1__pull_rep__init(&rep);
    own.has_lane = own.has_seq = 1;
    own.lane = bytes_of(h->lane, WEIR_LANE_LEN);
    rep.has_session = rep.has_incarnation = rep.has_st = rep.has_complete = rep.has_gen = 1;
    rep.session = req->session;
    rep.incarnation = bytes_of(h->incarnation, WEIR_INCARNATION_LEN);
    rep.st = req->boot ? WEIR__V1__PULL_REP__STATUS__NOT_LIVE : WEIR__V1__PULL_REP__STATUS__OK;
    rep.r = records;
    rep.cursor = owns;
    rep.complete = 1;
    bool is_c = req->n_groups > 0 && req->groups[0] == WEIR_FRAME_BATCH_C;
    if (is_c && !req->boot && req->n_force_keys == 0)
        add_records(s, req, &rep, room);
    rep.vv = owns;
    rep.n_vv = rep.n_cursor;
    if (h->lie != 0 && is_c && !req->boot) {
        response_with_lie(s, slot, req, &rep);
        return;
    }
    weir_sim_hostile_send(s, slot, WEIR_FRAME_PULL_REP, &rep.base);
}

static void on_hello(struct weir_sim *s, uint32_t slot, const Weir__V1__Hello *m)
{
    struct weir_sim_hostile *h = &s->hostile;

    if (weir_frame_vector(m->vv, m->n_vv, &h->vv) < 0 ||
        weir_frame_vector(m->floor, m->n_floor, &h->floor) < 0)
        return;
    weir_sim_hostile_hello(s, slot, &h->vv, &h->floor);
}

static void on_frame(struct weir_sim *s, uint32_t slot, const struct weir_frame *f)
{
    struct weir_sim_hostile *h = &s->hostile;

    switch (f->topic) {
    case WEIR_FRAME_HELLO:
        on_hello(s, slot, f->msg.hello);
        return;
    case WEIR_FRAME_PULL_REQ:
        response(s, slot, f->msg.pull_req);
        return;
    case WEIR_FRAME_HEARTBEAT:
        h->vv_hash = f->msg.heartbeat->vv_hash;
        return;
    case WEIR_FRAME_BATCH_C:
        memcpy(h->last_lane, f->msg.batch->lane.data, WEIR_LANE_LEN);
        h->last_seq = f->msg.batch->first + f->msg.batch->n_r;
        return;
    case WEIR_FRAME_BATCH_E:
    case WEIR_FRAME_PULL_REP:
    case WEIR_FRAME_AUDIT:
        return; /* it does not care */
    }
    WEIR_UNREACHABLE();
}

void weir_sim_hostile_on_event(struct weir_sim *s, const struct weir_sim_net_event *event)
{
    struct weir_sim_hostile *h = &s->hostile;
    struct weir_frame f;
    enum weir_frame_fault fault;

    if (event->what != WEIR_SIM_NET_FRAME)
        return;
    struct weir_sim_parcel **slot = &h->replays[h->num_replays++ % WEIR_SIM_REPLAYS_MAX];
    if (*slot != NULL)
        weir_sim_parcel_drop(slot);
    *slot = weir_sim_parcel_ref(event->parcel);
    if (weir_frame_decode(weir_span(event->parcel->bytes, event->parcel->len), &f, &fault) < 0)
        return;
    on_frame(s, event->slot, &f);
    weir_frame_deinit(&f);
}
