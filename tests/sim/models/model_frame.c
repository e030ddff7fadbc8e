/* SPDX-License-Identifier: Apache-2.0
 *
 * model_frame.c - frames of each topic with what must fit together: drawn valid ones come back as
 * they were, and each that is wrong in one way is rejected for that.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/frame/frame.h"
#include "tests/sim/models/model.h"

#define LANES   8
#define SEQS    4
#define RECORDS 3
#define EXTRA_MAX                                                                                  \
    4096 /* bytes of later versions that a record may carry, each tag counted as 5                 \
          */
#define LISTS 4
#define SUMS  5

/* The lanes differ in their nodes, groups and last bytes; their order is that of i. */
static const uint8_t *lane_at(uint64_t i)
{
    static uint8_t lanes[LANES][WEIR_LANE_LEN];

    lanes[i][0] = (uint8_t)(i / 4 * 200);
    lanes[i][WEIR_NODE_ID_LEN] = i % 4 < 2 ? 'C' : 'E';
    lanes[i][WEIR_LANE_LEN - 1] = (uint8_t)(i % 2 * 200);
    return lanes[i];
}

/* A list of lanes as a message has it. */
struct list {
    struct weir_vector vector;
    Weir__V1__Lv lanes[LANES];
    Weir__V1__Lv *at[LANES + 1];
};

static void draw_list(struct weir_sim_exam *x, struct list *l)
{
    weir_vector_reset(&l->vector);
    for (unsigned i = 0; i < LANES; i++)
        WEIR_SIM_CLAIM(x, weir_vector_raise(&l->vector, lane_at(i), weir_sim_draw(x, SEQS)) ==
                              WEIR_OK);
    weir_frame_lanes(&l->vector, l->lanes, l->at);
}

/* A list and the vector that it stands for say the same. */
static void check_list(struct weir_sim_exam *x, struct list *l)
{
    struct weir_vector again = WEIR_VECTOR_ZERO;

    WEIR_SIM_CLAIM(x, weir_vector_raise(&again, lane_at(0), SEQS) == WEIR_OK); /* is dropped */
    WEIR_SIM_CLAIM(x, weir_frame_vector(l->at, l->vector.num, &again) == WEIR_OK);
    WEIR_SIM_CLAIM(x, weir_vector_eq(&again, &l->vector));
    weir_vector_deinit(&again);
    for (size_t i = 0; i < l->vector.num; i++) {
        WEIR_SIM_CLAIM(x, l->at[i] == &l->lanes[i]);
        WEIR_SIM_CLAIM(x, l->lanes[i].base.descriptor == &weir__v1__lv__descriptor);
        WEIR_SIM_CLAIM(x, l->lanes[i].has_lane && l->lanes[i].has_seq);
    }
}

/* A message of each kind, and what they are made of. */
struct draft {
    struct weir_sim_exam *x;
    struct list lists[LISTS];
    Weir__V1__Record records[RECORDS];
    Weir__V1__Record *record_at[RECORDS];
    ProtobufCMessageUnknownField later[2];
    uint8_t bytes[EXTRA_MAX + 1];
    uint8_t sums[SUMS][17];
    ProtobufCBinaryData sum_at[SUMS];
    uint32_t numbers[SUMS];
    Weir__V1__Batch batch;
    Weir__V1__BanCols bans;
    int32_t ttl;
    int64_t hlc;
    uint8_t plen;
    Weir__V1__Hello hello;
    Weir__V1__PullReq pull_req;
    Weir__V1__PullRep pull_rep;
    Weir__V1__Heartbeat heartbeat;
    Weir__V1__Audit audit;
};

/* -- what is decoded -- */

/* What a decoder says, and whether all is as promised then. */
static enum weir_frame_fault decode(struct weir_sim_exam *x, const uint8_t *at, size_t len)
{
    struct weir_frame before = { .version = 77 };
    struct weir_frame f;
    enum weir_frame_fault fault = WEIR_FRAME_NUM_FAULTS;

    memcpy(&f, &before, sizeof(f));
    enum weir_err err = weir_frame_decode(weir_span(at, len), &f, &fault);

    WEIR_SIM_CLAIM(x, err == (fault == WEIR_FRAME_OK ? WEIR_OK : WEIR_EPROTO));
    if (err < 0) {
        WEIR_SIM_CLAIM(x, weir_sim_is_untouched(&f, &before, sizeof(f)));
        return fault;
    }
    uint8_t *again = malloc(len);
    WEIR_ASSERT(again != NULL);
    WEIR_SIM_CLAIM(x, (uint8_t)f.topic == at[0]);
    WEIR_SIM_CLAIM(x, f.version == 1);
    if (WEIR_SIM_CLAIM(x, weir_frame_packed_len(f.msg.any) == len)) {
        weir_frame_pack(f.topic, f.msg.any, again);
        WEIR_SIM_CLAIM(x, memcmp(again, at, len) == 0);
    }
    free(again);
    weir_frame_deinit(&f);
    WEIR_SIM_CLAIM(x, f.memory == NULL && f.msg.any == NULL && f.version == 0);
    return fault;
}

static enum weir_frame_fault sent(struct draft *d, enum weir_frame_topic topic,
                                  const ProtobufCMessage *msg)
{
    size_t len = weir_frame_packed_len(msg);
    uint8_t *out = malloc(len);

    WEIR_ASSERT(out != NULL);
    weir_frame_pack(topic, msg, out);
    WEIR_SIM_CLAIM(d->x, out[0] == (uint8_t)topic && out[1] == 1);
    enum weir_frame_fault fault = decode(d->x, out, len);
    free(out);
    return fault;
}

static bool is_topic(unsigned byte)
{
    return byte > 0 && byte < 128 && strchr("CEHLPRA", (int)byte) != NULL;
}

static void check_heads(struct weir_sim_exam *x)
{
    uint8_t head[2] = { 'L', 1 };
    uint8_t *large = calloc(1, WEIR_FRAME_MAX + 1);

    WEIR_ASSERT(large != NULL);
    WEIR_SIM_CLAIM(x, decode(x, NULL, 0) == WEIR_FRAME_BAD_SHORT);
    WEIR_SIM_CLAIM(x, decode(x, head, 1) == WEIR_FRAME_BAD_SHORT);
    WEIR_SIM_CLAIM(x, decode(x, large, WEIR_FRAME_MAX) == WEIR_FRAME_BAD_TOPIC);
    WEIR_SIM_CLAIM(x, decode(x, large, WEIR_FRAME_MAX + 1) == WEIR_FRAME_BAD_SIZE);
    free(large);
    for (unsigned version = 0; version < 4; version++)
        for (unsigned topic = 0; topic < 256; topic++) {
            head[0] = (uint8_t)topic;
            head[1] = (uint8_t)version;
            WEIR_SIM_CLAIM(x, decode(x, head, 2) == (!is_topic(topic) ? WEIR_FRAME_BAD_TOPIC
                                                     : version != 1   ? WEIR_FRAME_BAD_VERSION
                                                                      : WEIR_FRAME_BAD_MISSING));
        }
}

static void check_names(struct weir_sim_exam *x)
{
    WEIR_SIM_CLAIM(x, strcmp(weir_frame_fault_name(WEIR_FRAME_OK), "none") == 0);
    WEIR_SIM_CLAIM(x, strcmp(weir_frame_fault_name(WEIR_FRAME_NUM_FAULTS), "unknown") == 0);
    for (unsigned i = 0; i < WEIR_FRAME_NUM_FAULTS; i++)
        for (unsigned k = i + 1; k <= WEIR_FRAME_NUM_FAULTS; k++)
            WEIR_SIM_CLAIM(x, strcmp(weir_frame_fault_name((enum weir_frame_fault)i),
                                     weir_frame_fault_name((enum weir_frame_fault)k)) != 0);
}

/* The group of each class, and none for other numbers. */
static uint8_t group_of(uint32_t class)
{
    return class == 16 ? 'E' : class >= 1 && class <= 9 ? 'C' : 0;
}

static void check_groups(struct weir_sim_exam *x)
{
    for (uint32_t class = 0; class < 300; class ++)
        WEIR_SIM_CLAIM(x, weir_frame_group(class) == group_of(class));
}

/* -- records -- */

#define NO_CLASS(x) (10 + (uint32_t)weir_sim_draw((x), 6)) /* that the scan lets pass */

static void draw_record(struct draft *d, Weir__V1__Record *r, uint32_t class)
{
    weir__v1__record__init(r);
    r->has_class_ = r->has_key = r->has_seq = r->has_hlc = r->has_flags = 1;
    r->class_ = class;
    r->key = (ProtobufCBinaryData){ 1 + weir_sim_draw(d->x, WEIR_KEY_MAX), d->bytes };
    r->hlc = weir_sim_draw(d->x, 1000);
    r->flags = (uint32_t)weir_sim_draw(d->x, 2);
    r->has_value = r->flags == 0 || weir_sim_draw(d->x, 2) == 0;
    r->value = (ProtobufCBinaryData){ r->flags == 0 ? weir_sim_draw(d->x, 100) : 0, d->bytes };
}

/* Each way in which one record is wrong wherever it stands; and what is just right. */
static void try_record(struct draft *d, Weir__V1__Record *r, enum weir_frame_topic topic,
                       const ProtobufCMessage *msg)
{
    Weir__V1__Record right = *r;

    r->class_ = NO_CLASS(d->x);
    WEIR_SIM_CLAIM(d->x, sent(d, topic, msg) == WEIR_FRAME_BAD_CLASS);
    *r = right;
    r->flags = 1;
    r->has_value = 1;
    r->value.len = 1;
    WEIR_SIM_CLAIM(d->x, sent(d, topic, msg) == WEIR_FRAME_BAD_TOMBSTONE);
    r->flags = 0;
    WEIR_SIM_CLAIM(d->x, sent(d, topic, msg) == WEIR_FRAME_OK);
    *r = right;
    r->base.unknown_fields = d->later;
    r->base.n_unknown_fields = 2;
    d->later[0] = (ProtobufCMessageUnknownField){ 100, PROTOBUF_C_WIRE_TYPE_32BIT, 4, d->bytes };
    size_t room = EXTRA_MAX - 2 * 5 - 4;
    uint8_t text[EXTRA_MAX + 1] = { (uint8_t)((room - 2) | 0x80), (uint8_t)((room - 2) >> 7) };
    d->later[1] =
        (ProtobufCMessageUnknownField){ 101, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, room, text };
    WEIR_SIM_CLAIM(d->x, sent(d, topic, msg) == WEIR_FRAME_OK);
    d->later[1].len++;
    text[0]++;
    WEIR_SIM_CLAIM(d->x, sent(d, topic, msg) == WEIR_FRAME_BAD_UNKNOWN);
    *r = right;
}

/* -- lists -- */

/* Each list of the message with two lanes turned round, or one lane twice. */
static void try_orders(struct draft *d, size_t num, enum weir_frame_topic topic,
                       const ProtobufCMessage *msg)
{
    for (size_t i = 0; i < num; i++) {
        struct list *l = &d->lists[i];
        if (l->vector.num < 2)
            continue;
        size_t at = weir_sim_draw(d->x, l->vector.num - 1);
        Weir__V1__Lv *other = l->at[at];
        l->at[at] = l->at[at + 1];
        WEIR_SIM_CLAIM(d->x, sent(d, topic, msg) == WEIR_FRAME_BAD_ORDER);
        l->at[at + 1] = other;
        WEIR_SIM_CLAIM(d->x, sent(d, topic, msg) == WEIR_FRAME_BAD_ORDER);
        l->at[at] = other;
        l->at[at + 1] = &l->lanes[at + 1];
    }
}

/* R15: no lane is further than the sender states to be, or missing there, but one of bans. */
static bool is_claim(const struct list *l, const struct list *vv)
{
    for (unsigned i = 0; i < LANES; i++) {
        uint64_t seq = weir_vector_get(&l->vector, lane_at(i));
        uint64_t has = weir_vector_get(&vv->vector, lane_at(i));
        if (seq > has && (has > 0 || i % 4 < 2))
            return false;
    }
    return true;
}

/* Make a claim true, so that only what is drawn besides may be wrong. */
static void trim(struct weir_sim_exam *x, struct list *l, const struct list *vv)
{
    for (unsigned i = 0; i < LANES; i++) {
        uint64_t has = weir_vector_get(&vv->vector, lane_at(i));
        uint64_t seq = weir_vector_get(&l->vector, lane_at(i));
        weir_vector_forget(&l->vector, lane_at(i));
        WEIR_SIM_CLAIM(x,
                       weir_vector_raise(&l->vector, lane_at(i), seq < has ? seq : has) == WEIR_OK);
    }
    weir_frame_lanes(&l->vector, l->lanes, l->at);
}

/* -- topics -- */

static void begin_batch(struct draft *d, enum weir_frame_topic topic)
{
    Weir__V1__Batch *b = &d->batch;

    weir__v1__batch__init(b);
    b->has_lane = b->has_first = b->has_group = b->has_incarnation = 1;
    b->lane = (ProtobufCBinaryData){ WEIR_LANE_LEN, d->bytes };
    b->first = 1 + weir_sim_draw(d->x, 300);
    b->group = (uint32_t)topic;
    b->incarnation = (ProtobufCBinaryData){ WEIR_INCARNATION_LEN, d->bytes };
    b->r = d->record_at;
    b->n_r = 1 + weir_sim_draw(d->x, RECORDS);
    for (size_t i = 0; i < b->n_r; i++) {
        draw_record(d, &d->records[i],
                    topic == WEIR_FRAME_BATCH_E ? 16 : 1 + (uint32_t)weir_sim_draw(d->x, 9));
        d->records[i].seq = b->first + i;
    }
}

static void try_batch(struct draft *d, enum weir_frame_topic topic)
{
    Weir__V1__Batch *b = &d->batch;
    enum weir_frame_topic other =
        topic == WEIR_FRAME_BATCH_C ? WEIR_FRAME_BATCH_E : WEIR_FRAME_BATCH_C;

    begin_batch(d, topic);
    WEIR_SIM_CLAIM(d->x, sent(d, topic, &b->base) == WEIR_FRAME_OK);
    WEIR_SIM_CLAIM(d->x, sent(d, other, &b->base) == WEIR_FRAME_BAD_GROUP);
    b->group = 'D';
    WEIR_SIM_CLAIM(d->x, sent(d, topic, &b->base) == WEIR_FRAME_BAD_GROUP);
    b->group = (uint32_t)topic;
    Weir__V1__Record *r = &d->records[weir_sim_draw(d->x, b->n_r)];
    try_record(d, r, topic, &b->base);
    r->seq++;
    WEIR_SIM_CLAIM(d->x, sent(d, topic, &b->base) == WEIR_FRAME_BAD_SEQ);
    r->seq--;
    r->has_lane = 1;
    r->lane = b->lane;
    WEIR_SIM_CLAIM(d->x, sent(d, topic, &b->base) == WEIR_FRAME_BAD_LANE);
    r->has_lane = 0;
    r->class_ = topic == WEIR_FRAME_BATCH_E ? 1 : 16;
    WEIR_SIM_CLAIM(d->x, sent(d, topic, &b->base) == WEIR_FRAME_BAD_CLASS);
}

static void try_bans(struct draft *d)
{
    Weir__V1__Batch *b = &d->batch;
    Weir__V1__BanCols *c = &d->bans;

    begin_batch(d, WEIR_FRAME_BATCH_E);
    weir__v1__ban_cols__init(c);
    d->ttl = 60;
    d->hlc = 1;
    d->plen = 33; /* all of IPv6 */
    c->n_ttl_d = c->n_scope = c->n_hlc_d = 1;
    c->ttl_d = &d->ttl;
    c->scope = d->numbers;
    c->hlc_d = &d->hlc;
    c->has_reason = c->has_plen = 1;
    c->reason = (ProtobufCBinaryData){ 1, d->bytes };
    c->plen = (ProtobufCBinaryData){ 1, &d->plen };
    b->has_sent_ms = 1;
    b->sent_ms = 5000;
    b->bans = c;
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_BATCH_E, &b->base) == WEIR_FRAME_BAD_BANS);
    b->n_r = 0;
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_BATCH_E, &b->base) == WEIR_FRAME_OK);
    d->ttl = -1;
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_BATCH_E, &b->base) == WEIR_FRAME_BAD_BANS);
    d->ttl = 60;
    b->group = 'C';
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_BATCH_C, &b->base) == WEIR_FRAME_BAD_BANS);
}

static void try_pull_req(struct draft *d)
{
    Weir__V1__PullReq *p = &d->pull_req;
    uint8_t key[2] = { 1 + (uint8_t)weir_sim_draw(d->x, 9), 0 };
    uint8_t ban[2] = { 16, 0 };
    ProtobufCBinaryData keys[2] = { { 2, key }, { 2, ban } };

    weir__v1__pull_req__init(p);
    p->has_session = 1;
    p->session = (ProtobufCBinaryData){ 1, d->bytes };
    p->groups = d->numbers;
    p->n_groups = 2;
    p->force_keys = keys;
    p->n_force_keys = 2;
    p->cursor = d->lists[0].at;
    p->n_cursor = d->lists[0].vector.num;
    p->floor = d->lists[1].at;
    p->n_floor = d->lists[1].vector.num;
    p->beyond = d->lists[2].at;
    p->n_beyond = d->lists[2].vector.num;
    d->numbers[0] = 'C';
    d->numbers[1] = 'E';
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_PULL_REQ, &p->base) == WEIR_FRAME_OK);
    try_orders(d, 3, WEIR_FRAME_PULL_REQ, &p->base);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t right = d->numbers[i];
        d->numbers[i] = 'D';
        WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_PULL_REQ, &p->base) == WEIR_FRAME_BAD_GROUP);
        d->numbers[i] = right;
        keys[i].data[0] = (uint8_t)weir_sim_draw(d->x, 256);
        WEIR_SIM_CLAIM(d->x,
                       sent(d, WEIR_FRAME_PULL_REQ, &p->base) ==
                           (group_of(keys[i].data[0]) == 0 ? WEIR_FRAME_BAD_CLASS : WEIR_FRAME_OK));
        keys[i].data[0] = 0;
        WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_PULL_REQ, &p->base) == WEIR_FRAME_BAD_CLASS);
        keys[i].data[0] = 9;
    }
}

static void begin_pull_rep(struct draft *d)
{
    Weir__V1__PullRep *p = &d->pull_rep;

    weir__v1__pull_rep__init(p);
    p->has_session = p->has_incarnation = p->has_st = 1;
    p->session = (ProtobufCBinaryData){ 1, d->bytes };
    p->incarnation = (ProtobufCBinaryData){ WEIR_INCARNATION_LEN, d->bytes };
    p->r = d->record_at;
    p->n_r = 1 + weir_sim_draw(d->x, RECORDS);
    for (size_t i = 0; i < p->n_r; i++) {
        Weir__V1__Record *r = &d->records[i];
        draw_record(d, r, weir_sim_draw(d->x, 2) == 0 ? 16 : 1 + (uint32_t)weir_sim_draw(d->x, 9));
        r->seq = 1 + weir_sim_draw(d->x, 1000);
        r->has_lane = 1;
        r->lane = (ProtobufCBinaryData){ WEIR_LANE_LEN, d->bytes };
    }
    p->cursor = d->lists[0].at;
    p->n_cursor = d->lists[0].vector.num;
    p->floor = d->lists[1].at;
    p->n_floor = d->lists[1].vector.num;
    p->vv = d->lists[2].at;
    p->n_vv = d->lists[2].vector.num;
    p->beyond = d->lists[3].at;
    p->n_beyond = d->lists[3].vector.num;
}

static void try_pull_rep(struct draft *d)
{
    Weir__V1__PullRep *p = &d->pull_rep;

    begin_pull_rep(d);
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_PULL_REP, &p->base) == WEIR_FRAME_OK);
    try_orders(d, 4, WEIR_FRAME_PULL_REP, &p->base);
    Weir__V1__Record *r = &d->records[weir_sim_draw(d->x, p->n_r)];
    try_record(d, r, WEIR_FRAME_PULL_REP, &p->base);
    r->has_lane = 0;
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_PULL_REP, &p->base) == WEIR_FRAME_BAD_LANE);
}

/* Only a complete response has a vector that its cursor and floor must fit. */
static void try_claims_of_pull_rep(struct draft *d)
{
    Weir__V1__PullRep *p = &d->pull_rep;
    struct list *vv = &d->lists[2];

    for (unsigned i = 0; i < 2; i++) {
        trim(d->x, &d->lists[i], vv);
        begin_pull_rep(d);
        bool holds = is_claim(&d->lists[0], vv) && is_claim(&d->lists[1], vv);
        WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_PULL_REP, &p->base) == WEIR_FRAME_OK);
        p->has_complete = p->complete = 1;
        WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_PULL_REP, &p->base) ==
                                 (holds ? WEIR_FRAME_OK : WEIR_FRAME_BAD_CLAIM));
        if (holds)
            try_orders(d, 4, WEIR_FRAME_PULL_REP, &p->base);
        draw_list(d->x, &d->lists[i]); /* and with this one as it comes */
        begin_pull_rep(d);
        holds = is_claim(&d->lists[0], vv) && is_claim(&d->lists[1], vv);
        p->has_complete = p->complete = 1;
        WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_PULL_REP, &p->base) ==
                                 (holds ? WEIR_FRAME_OK : WEIR_FRAME_BAD_CLAIM));
        trim(d->x, &d->lists[i], vv);
    }
}

/* A lane in one list that the vector does not have; only bans have such. */
static void try_lack(struct draft *d)
{
    struct list *vv = &d->lists[2];

    for (unsigned i = 0; i < 2; i++) {
        uint64_t lane = weir_sim_draw(d->x, LANES);
        weir_vector_forget(&vv->vector, lane_at(lane));
        weir_frame_lanes(&vv->vector, vv->lanes, vv->at);
        trim(d->x, &d->lists[0], vv);
        trim(d->x, &d->lists[1], vv);
        WEIR_SIM_CLAIM(d->x, weir_vector_raise(&d->lists[i].vector, lane_at(lane), 1) == WEIR_OK);
        weir_frame_lanes(&d->lists[i].vector, d->lists[i].lanes, d->lists[i].at);
        begin_pull_rep(d);
        d->pull_rep.has_complete = d->pull_rep.complete = 1;
        WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_PULL_REP, &d->pull_rep.base) ==
                                 (lane % 4 < 2 ? WEIR_FRAME_BAD_CLAIM : WEIR_FRAME_OK));
    }
}

static void begin_hello(struct draft *d)
{
    Weir__V1__Hello *h = &d->hello;

    weir__v1__hello__init(h);
    h->has_cluster = h->has_node = h->has_incarnation = h->has_wire_max = h->has_wire_min = 1;
    h->cluster = (ProtobufCBinaryData){ 4, d->bytes };
    h->node = (ProtobufCBinaryData){ WEIR_NODE_ID_LEN, d->bytes };
    h->incarnation = (ProtobufCBinaryData){ WEIR_INCARNATION_LEN, d->bytes };
    h->wire_min = 1 + (uint32_t)weir_sim_draw(d->x, 255);
    h->wire_max = h->wire_min;
    h->floor = d->lists[0].at;
    h->n_floor = d->lists[0].vector.num;
    h->vv = d->lists[1].at;
    h->n_vv = d->lists[1].vector.num;
    h->seen = d->lists[2].at;
    h->n_seen = d->lists[2].vector.num;
}

static void try_hello(struct draft *d)
{
    Weir__V1__Hello *h = &d->hello;

    begin_hello(d);
    bool holds = is_claim(&d->lists[0], &d->lists[1]);
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_HELLO, &h->base) ==
                             (holds ? WEIR_FRAME_OK : WEIR_FRAME_BAD_CLAIM));
    trim(d->x, &d->lists[0], &d->lists[1]);
    begin_hello(d);
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_HELLO, &h->base) == WEIR_FRAME_OK);
    try_orders(d, 3, WEIR_FRAME_HELLO, &h->base);
    h->wire_min = 2 + (uint32_t)weir_sim_draw(d->x, 254);
    h->wire_max = h->wire_min - 1;
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_HELLO, &h->base) == WEIR_FRAME_BAD_FIELD);
    h->wire_min = h->wire_max;
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_HELLO, &h->base) == WEIR_FRAME_OK);
}

/* A node's own lanes are those of one node: i.. of each four. */
static void draw_own(struct draft *d, uint64_t from)
{
    struct list *l = &d->lists[0];

    weir_vector_reset(&l->vector);
    for (uint64_t i = from; i < from + 4; i++)
        WEIR_SIM_CLAIM(d->x, weir_vector_raise(&l->vector, lane_at(i),
                                               1 + weir_sim_draw(d->x, SEQS)) == WEIR_OK);
    weir_frame_lanes(&l->vector, l->lanes, l->at);
}

static void try_heartbeat(struct draft *d)
{
    static const uint8_t classes[SUMS] = { 1, 2, 8, 9, 16 };
    Weir__V1__Heartbeat *h = &d->heartbeat;
    uint8_t node[WEIR_NODE_ID_LEN];

    draw_own(d, 4 * weir_sim_draw(d->x, LANES / 4));
    memcpy(node, d->lists[0].lanes[0].lane.data, sizeof(node));
    weir__v1__heartbeat__init(h);
    h->has_node = h->has_incarnation = h->has_n = h->has_wall_ms = 1;
    h->node = (ProtobufCBinaryData){ sizeof(node), node };
    h->incarnation = (ProtobufCBinaryData){ WEIR_INCARNATION_LEN, d->bytes };
    h->own = d->lists[0].at;
    h->n_own = 4;
    h->sum = d->sum_at;
    h->n_sum = SUMS;
    for (unsigned i = 0; i < SUMS; i++) {
        d->sums[i][0] = classes[i];
        d->sum_at[i] = (ProtobufCBinaryData){ sizeof(d->sums[i]), d->sums[i] };
    }
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_HEARTBEAT, &h->base) == WEIR_FRAME_OK);
    try_orders(d, 1, WEIR_FRAME_HEARTBEAT, &h->base);
    for (unsigned i = 0; i < SUMS; i++) {
        d->sums[i][0] = (uint8_t)NO_CLASS(d->x);
        WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_HEARTBEAT, &h->base) == WEIR_FRAME_BAD_CLASS);
        d->sums[i][0] = classes[i == 0 ? 1 : i - 1];
        WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_HEARTBEAT, &h->base) == WEIR_FRAME_BAD_ORDER);
        d->sums[i][0] = classes[i];
    }
    node[WEIR_NODE_ID_LEN - 1]++;
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_HEARTBEAT, &h->base) == WEIR_FRAME_BAD_CLAIM);
    node[WEIR_NODE_ID_LEN - 1]--;
    uint8_t *last = d->lists[0].vector.items[weir_sim_draw(d->x, 4)].lane;
    last[weir_sim_draw(d->x, WEIR_NODE_ID_LEN)] ^= 1; /* one of them is another's */
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_HEARTBEAT, &h->base) == WEIR_FRAME_BAD_CLAIM);
}

static void try_audit(struct draft *d)
{
    Weir__V1__Audit *a = &d->audit;

    weir__v1__audit__init(a);
    a->has_class_ = 1;
    a->class_ = 1 + (uint32_t)weir_sim_draw(d->x, 9);
    a->bad = d->numbers;
    a->n_bad = SUMS;
    for (uint32_t i = 0; i < SUMS; i++)
        d->numbers[i] = i * 3 + 1;
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_AUDIT, &a->base) == WEIR_FRAME_OK);
    for (unsigned i = 1; i < SUMS; i++) {
        d->numbers[i] = d->numbers[i - 1];
        WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_AUDIT, &a->base) == WEIR_FRAME_BAD_ORDER);
        d->numbers[i]--;
        WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_AUDIT, &a->base) == WEIR_FRAME_BAD_ORDER);
        d->numbers[i] = i * 3 + 1;
    }
    a->class_ = NO_CLASS(d->x);
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_AUDIT, &a->base) == WEIR_FRAME_BAD_CLASS);
    a->class_ = 16;
    WEIR_SIM_CLAIM(d->x, sent(d, WEIR_FRAME_AUDIT, &a->base) == WEIR_FRAME_OK);
}

void weir_sim_model_frame(struct weir_sim_exam *x)
{
    struct draft d = { .x = x };

    weir_sim_draw_bytes(x, d.bytes, WEIR_KEY_MAX);
    for (unsigned i = 0; i < RECORDS; i++)
        d.record_at[i] = &d.records[i];
    check_heads(x);
    check_names(x);
    check_groups(x);
    try_batch(&d, WEIR_FRAME_BATCH_C);
    try_batch(&d, WEIR_FRAME_BATCH_E);
    try_bans(&d);
    for (unsigned turn = 0; turn < 4; turn++) {
        for (unsigned i = 0; i < LISTS; i++) {
            draw_list(x, &d.lists[i]);
            check_list(x, &d.lists[i]);
        }
        try_pull_req(&d);
        try_pull_rep(&d);
        try_hello(&d);
        try_claims_of_pull_rep(&d);
        try_lack(&d);
    }
    try_heartbeat(&d);
    try_audit(&d);
    for (unsigned i = 0; i < LISTS; i++)
        weir_vector_deinit(&d.lists[i].vector);
}
