/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_peers.c - what a drill gives its engine: writes, and the messages of peers.
 */
#include <string.h>

#include "sync/frame/frame_bans.h"
#include "sync/frame/member.h"
#include "sync/version/hlc.h"
#include "tests/sim/drills/bed/drill.h"
#include "tests/support/failalloc.h"

#define REQ_BYTES (256 << 10)

/* -- parts -- */

void *weir_drill_alloc(struct weir_drill *d, size_t len)
{
    bool counted = weir_failalloc_pause();
    void *at = weir_arena_alloc(&d->mem, len);

    WEIR_ASSERT(at != NULL);
    if (counted)
        weir_failalloc_resume(counted);
    return at;
}

ProtobufCBinaryData weir_drill_bytes(struct weir_drill *d, const void *at, size_t len)
{
    ProtobufCBinaryData b = { .len = len, .data = weir_drill_alloc(d, len) };

    if (len > 0)
        memcpy(b.data, at, len);
    return b;
}

Weir__V1__Lv **weir_drill_lanes(struct weir_drill *d, const struct weir_vector *v)
{
    Weir__V1__Lv **list = weir_drill_alloc(d, v->num * sizeof(*list));

    for (size_t i = 0; i < v->num; i++) {
        list[i] = weir_drill_alloc(d, sizeof(**list));
        weir__v1__lv__init(list[i]);
        list[i]->has_lane = list[i]->has_seq = 1;
        list[i]->lane = weir_drill_bytes(d, v->items[i].lane, WEIR_LANE_LEN);
        list[i]->seq = v->items[i].seq;
    }
    return list;
}

void weir_drill_lane(const uint8_t node[WEIR_NODE_ID_LEN], enum weir_group g, uint8_t n,
                     uint8_t ret[WEIR_LANE_LEN])
{
    memset(ret, 0, WEIR_LANE_LEN);
    memcpy(ret, node, WEIR_NODE_ID_LEN);
    ret[WEIR_NODE_ID_LEN] = g == WEIR_GROUP_E ? 'E' : 'C';
    ret[WEIR_LANE_LEN - 1] = n;
}

uint64_t weir_drill_stamp(const struct weir_drill *d)
{
    return weir_hlc_of_ms(d->wall_ms + d->mono_us / 1000);
}

void weir_drill_raise(struct weir_vector *v, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq)
{
    bool counted = weir_failalloc_pause();

    WEIR_ASSERT(weir_vector_raise(v, lane, seq) == WEIR_OK);
    if (counted)
        weir_failalloc_resume(counted);
}

/* -- writes -- */

enum weir_err weir_drill_write(struct weir_drill *d, enum weir_class class, struct weir_span key,
                               const char *value, uint64_t ttl_s)
{
    struct weir_engine_write w = {
        .class = class,
        .key = key,
        .delete = value == NULL,
        .value = weir_span_cstr(value),
        .schema = 1,
        .expires = class == WEIR_CLASS_BAN ? (d->wall_ms + d->mono_us / 1000) / 1000 + ttl_s : 0,
        .cookie = 7,
    };

    weir_drill_begin(d);
    enum weir_err err = weir_engine_write(d->e, &w);
    enum weir_err committed = weir_drill_end(d);
    return err < 0 ? err : committed;
}

enum weir_err weir_drill_put(struct weir_drill *d, const char *key, const char *value)
{
    return weir_drill_write(d, WEIR_CLASS_TENANT, weir_span_cstr(key), value, 0);
}

struct weir_span weir_drill_ban_key(struct weir_drill *d, uint8_t n)
{
    uint8_t key[WEIR_BAN_KEY_LEN] = { [4] = 4, [5] = 10, [8] = n, [21] = 32 };

    return weir_span(weir_drill_bytes(d, key, sizeof(key)).data, sizeof(key));
}

enum weir_err weir_drill_member(struct weir_drill *d, const uint8_t node[WEIR_NODE_ID_LEN],
                                unsigned state)
{
    struct weir_member m = { .state = (enum weir_member_state)state, .schema_max = 1 };
    uint8_t value[WEIR_MEMBER_LEN_MAX];

    memcpy(m.node, node, WEIR_NODE_ID_LEN);
    weir_member_pack(&m, value);
    struct weir_engine_write w = {
        .class = WEIR_CLASS_MEMBER,
        .key = weir_span(m.node, WEIR_NODE_ID_LEN),
        .value = weir_span(value, weir_member_packed_len(&m)),
    };
    weir_drill_begin(d);
    enum weir_err err = weir_engine_write(d->e, &w);
    enum weir_err committed = weir_drill_end(d);
    return err < 0 ? err : committed;
}

/* -- links -- */

void weir_drill_up(struct weir_drill *d, uint32_t link)
{
    weir_drill_begin(d);
    WEIR_SIM_CLAIM(d->x, weir_engine_link_up(d->e, link, d->peer[link].node) == WEIR_OK);
    (void)weir_drill_end(d);
}

void weir_drill_down(struct weir_drill *d, uint32_t link)
{
    weir_drill_begin(d);
    weir_engine_link_down(d->e, link);
    (void)weir_drill_end(d);
}

void weir_drill_receive_bytes(struct weir_drill *d, uint32_t link, struct weir_span bytes)
{
    weir_drill_begin(d);
    weir_engine_receive(d->e, link, bytes);
    (void)weir_drill_end(d);
}

void weir_drill_receive(struct weir_drill *d, uint32_t link, enum weir_frame_topic topic,
                        const ProtobufCMessage *msg)
{
    size_t len = weir_frame_packed_len(msg);
    uint8_t *bytes = weir_drill_alloc(d, len);

    weir_frame_pack(topic, msg, bytes);
    weir_drill_receive_bytes(d, link, weir_span(bytes, len));
}

void weir_drill_hello(struct weir_drill *d, uint32_t link, bool response)
{
    Weir__V1__Hello *m = weir_drill_make_hello(d, link);

    m->has_response = m->response = response;
    weir_drill_receive(d, link, WEIR_FRAME_HELLO, &m->base);
}

void weir_drill_meet(struct weir_drill *d, uint32_t link)
{
    weir_drill_up(d, link);
    weir_drill_hello(d, link, true);
}

/* -- messages -- */

Weir__V1__Hello *weir_drill_make_hello(struct weir_drill *d, uint32_t link)
{
    const struct weir_drill_peer *p = &d->peer[link];
    Weir__V1__Hello *m = weir_drill_alloc(d, sizeof(*m));

    weir__v1__hello__init(m);
    m->has_cluster = m->has_node = m->has_incarnation = 1;
    m->cluster = weir_drill_bytes(d, d->cfg.cluster.at, d->cfg.cluster.len);
    m->node = weir_drill_bytes(d, p->node, sizeof(p->node));
    m->incarnation = weir_drill_bytes(d, p->incarnation, sizeof(p->incarnation));
    m->has_wire_max = m->has_wire_min = m->has_schema_max = 1;
    m->wire_max = m->wire_min = WEIR_FRAME_VERSION;
    m->schema_max = 1;
    m->has_live = 1;
    m->live = p->live;
    m->has_all = m->all = p->all;
    m->has_met = m->met = p->met;
    m->vv = weir_drill_lanes(d, &p->vv[WEIR_GROUP_C]);
    m->n_vv = p->vv[WEIR_GROUP_C].num;
    m->floor = weir_drill_lanes(d, &p->floor);
    m->n_floor = p->floor.num;
    m->seen = weir_drill_lanes(d, &p->seen);
    m->n_seen = p->seen.num;
    return m;
}

Weir__V1__Heartbeat *weir_drill_make_beat(struct weir_drill *d, uint32_t link)
{
    struct weir_drill_peer *p = &d->peer[link];
    Weir__V1__Heartbeat *m = weir_drill_alloc(d, sizeof(*m));

    weir__v1__heartbeat__init(m);
    m->has_node = m->has_incarnation = 1;
    m->node = weir_drill_bytes(d, p->node, sizeof(p->node));
    m->incarnation = weir_drill_bytes(d, p->incarnation, sizeof(p->incarnation));
    m->has_n = m->has_wall_ms = m->has_schema_max = m->has_state = 1;
    m->n = ++p->beat_n;
    m->wall_ms = d->wall_ms + d->mono_us / 1000;
    m->schema_max = 1;
    m->state = p->live ? WEIR_ENGINE_LIVE : WEIR_ENGINE_JOINING;
    m->has_vv_hash = m->has_ban_hash = 1;
    m->vv_hash = weir_vector_hash(&p->vv[WEIR_GROUP_C]);
    m->ban_hash = weir_vector_hash(&p->vv[WEIR_GROUP_E]);
    return m;
}

Weir__V1__Record *weir_drill_make_record(struct weir_drill *d, const struct weir_drill_rec *r)
{
    Weir__V1__Record *m = weir_drill_alloc(d, sizeof(*m));

    weir__v1__record__init(m);
    m->has_class_ = m->has_key = m->has_seq = m->has_hlc = m->has_schema = 1;
    m->class_ = r->class != 0 ? r->class : WEIR_CLASS_TENANT;
    m->key = weir_drill_bytes(d, r->key.at, r->key.len);
    m->seq = r->seq;
    m->hlc = r->hlc != 0 ? r->hlc : weir_drill_stamp(d);
    m->schema = 1;
    m->has_lane = r->lane != NULL;
    if (r->lane != NULL)
        m->lane = weir_drill_bytes(d, r->lane, WEIR_LANE_LEN);
    m->has_flags = r->value == NULL;
    m->flags = r->value == NULL;
    m->has_value = r->value != NULL;
    if (r->value != NULL)
        m->value = weir_drill_bytes(d, r->value, strlen(r->value));
    return m;
}

Weir__V1__Batch *weir_drill_make_batch(struct weir_drill *d, uint32_t link,
                                       const uint8_t lane[WEIR_LANE_LEN], Weir__V1__Record **recs,
                                       size_t num)
{
    const struct weir_drill_peer *p = &d->peer[link];
    Weir__V1__Batch *m = weir_drill_alloc(d, sizeof(*m));

    weir__v1__batch__init(m);
    m->has_lane = m->has_first = m->has_group = m->has_incarnation = m->has_sent_ms = 1;
    m->lane = weir_drill_bytes(d, lane, WEIR_LANE_LEN);
    m->first = num > 0 ? recs[0]->seq : 1;
    m->group = lane[WEIR_NODE_ID_LEN];
    m->incarnation = weir_drill_bytes(d, p->incarnation, sizeof(p->incarnation));
    m->sent_ms = d->wall_ms + d->mono_us / 1000;
    m->r = recs;
    m->n_r = num;
    return m;
}

void weir_drill_batch_one(struct weir_drill *d, uint32_t link, const struct weir_drill_rec *r)
{
    struct weir_drill_rec in_batch = *r;

    in_batch.lane = NULL;
    Weir__V1__Record *rec = weir_drill_make_record(d, &in_batch);
    Weir__V1__Batch *m = weir_drill_make_batch(d, link, r->lane, &rec, 1);
    enum weir_frame_topic topic =
        m->group == WEIR_FRAME_BATCH_E ? WEIR_FRAME_BATCH_E : WEIR_FRAME_BATCH_C;
    weir_drill_receive(d, link, topic, &m->base);
}

Weir__V1__PullRep *weir_drill_make_rep(struct weir_drill *d, uint32_t link,
                                       const Weir__V1__PullReq *req)
{
    const struct weir_drill_peer *p = &d->peer[link];
    bool is_e = req->n_groups > 0 && req->groups[0] == WEIR_FRAME_BATCH_E;
    const struct weir_vector *vv = &p->vv[is_e ? WEIR_GROUP_E : WEIR_GROUP_C];
    Weir__V1__PullRep *m = weir_drill_alloc(d, sizeof(*m));

    weir__v1__pull_rep__init(m);
    m->has_session = m->has_incarnation = m->has_st = m->has_complete = m->has_gen = 1;
    m->session = weir_drill_bytes(d, req->session.data, req->session.len);
    m->incarnation = weir_drill_bytes(d, p->incarnation, sizeof(p->incarnation));
    m->st = WEIR__V1__PULL_REP__STATUS__OK;
    m->complete = 1;
    m->vv = weir_drill_lanes(d, vv);
    m->n_vv = vv->num;
    m->floor = weir_drill_lanes(d, &p->floor);
    m->n_floor = is_e ? 0 : p->floor.num;
    return m;
}

Weir__V1__PullReq *weir_drill_make_req(struct weir_drill *d, uint32_t link, enum weir_group group)
{
    static const uint8_t session[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    const struct weir_drill_peer *p = &d->peer[link];
    Weir__V1__PullReq *m = weir_drill_alloc(d, sizeof(*m));

    weir__v1__pull_req__init(m);
    m->has_session = m->has_max_bytes = 1;
    m->session = weir_drill_bytes(d, session, sizeof(session));
    m->max_bytes = REQ_BYTES;
    m->groups = weir_drill_alloc(d, sizeof(*m->groups));
    m->groups[0] = group == WEIR_GROUP_E ? WEIR_FRAME_BATCH_E : WEIR_FRAME_BATCH_C;
    m->n_groups = 1;
    m->floor = weir_drill_lanes(d, &p->floor);
    m->n_floor = group == WEIR_GROUP_E ? 0 : p->floor.num;
    return m;
}
