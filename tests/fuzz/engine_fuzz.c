/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_fuzz.c - peers that send anything, in any order, to one engine: Hellos, batches, responses
 * to its pulls, requests, heartbeats, audits, and bytes as they are; writes, cut links, time and
 * failing disks between them. What must hold: no crash, bounded memory, vectors and floors that
 * only grow within one life, stamps of its own writes that follow its own clock (I6, I9, I13).
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/contract.h"
#include "sync/engine/engine.h"
#include "sync/frame/frame.h"
#include "sync/frame/frame_bans.h"
#include "sync/version/hlc.h"
#include "sync/version/sums.h"
#include "tests/fuzz/head_fuzz.h"
#include "tests/sim/memory/memory.h"

#define LINKS      4
#define WALL_MS    UINT64_C(1800000000000)
#define STEPS_MAX  400
#define LANES      6
#define MEMORY_MAX (WEIR_ENGINE_WAITING_MAX + (UINT64_C(64) << 20))

/* The input, eaten from the front; zeros behind its end. */
struct input {
    const uint8_t *at;
    size_t left;
};

struct world {
    struct input in;
    struct weir_engine *engine;
    struct weir_memory *memory[WEIR_GROUP_COUNT];
    bool is_up[LINKS];
    uint8_t session[LINKS][16]; /* of the engine's last request to each */
    size_t session_len[LINKS];
    uint64_t mono_us;
    uint64_t wall_ms;
    uint64_t tainted_ms; /* the largest stamp in any frame that the engine was given */
    struct weir_vector vv[WEIR_GROUP_COUNT];
    struct weir_vector floor;
    bool was_live;
    uint8_t life[WEIR_INCARNATION_LEN];
};

static uint8_t eat(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

static uint64_t eat_number(struct input *in)
{
    static const uint64_t odd[] = {
        0, 1, 2, 3, 1000, WEIR_RECORD_SEQ_MAX, UINT64_MAX, WEIR_HLC_MAX
    };
    uint8_t c = eat(in);

    return c < 0xc0 ? c : odd[c % WEIR_ARRAY_LEN(odd)];
}

static void peer_id(unsigned link, uint8_t id[WEIR_NODE_ID_LEN])
{
    memset(id, (int)(link + 2), WEIR_NODE_ID_LEN);
}

/* One of a few lanes: of peers, and the engine's own. */
static void eat_lane(struct world *w, uint8_t lane[WEIR_LANE_LEN])
{
    uint8_t c = eat(&w->in);

    peer_id(c % LINKS, lane);
    memset(lane + WEIR_NODE_ID_LEN, c % LANES, WEIR_LANE_TAIL_LEN);
    lane[WEIR_NODE_ID_LEN] = (c & 0x40) != 0 ? 'E' : 'C';
    if (c >= 0xe0)
        memcpy(lane, weir_memory_meta(w->memory[WEIR_GROUP_C]).lane, WEIR_LANE_LEN);
}

static void taint(struct world *w, uint64_t hlc)
{
    if (weir_hlc_ms(hlc) > w->tainted_ms)
        w->tainted_ms = weir_hlc_ms(hlc);
}

static void taint_of_batch(struct world *w, const Weir__V1__Batch *b)
{
    struct weir_frame_bans bans;
    struct weir_frame_ban ban;

    for (size_t i = 0; i < b->n_r; i++)
        taint(w, b->r[i]->hlc);
    if (b->bans == NULL)
        return;
    weir_frame_bans_begin(&bans, b);
    while (weir_frame_bans_next(&bans, &ban))
        taint(w, ban.rec.version.hlc);
}

/* The stamps are read from the bytes, since a flipped bit may make one that nobody meant. */
static void receive(struct world *w, unsigned link, struct weir_span frame)
{
    struct weir_frame f;
    enum weir_frame_fault fault;

    if (weir_frame_decode(frame, &f, &fault) == WEIR_OK) {
        if (f.topic == WEIR_FRAME_BATCH_C || f.topic == WEIR_FRAME_BATCH_E)
            taint_of_batch(w, f.msg.batch);
        if (f.topic == WEIR_FRAME_PULL_REP) {
            taint(w, f.msg.pull_rep->hlc_floor);
            for (size_t i = 0; i < f.msg.pull_rep->n_r; i++)
                taint(w, f.msg.pull_rep->r[i]->hlc);
        }
        weir_frame_deinit(&f);
    }
    weir_engine_receive(w->engine, link, frame);
}

static void send_message(struct world *w, unsigned link, enum weir_frame_topic topic,
                         const ProtobufCMessage *msg)
{
    size_t len = weir_frame_packed_len(msg);
    uint8_t *frame = malloc(len);

    if (frame == NULL)
        return;
    weir_frame_pack(topic, msg, frame);
    if ((eat(&w->in) & 0x1f) == 0x1f && len > 0)
        frame[eat(&w->in) % len] ^= (uint8_t)(1 << (eat(&w->in) & 7));
    receive(w, link, weir_span(frame, len));
    free(frame);
}

#define LV_MAX 4
struct lvs {
    Weir__V1__Lv at[LV_MAX];
    Weir__V1__Lv *list[LV_MAX];
    uint8_t lane[LV_MAX][WEIR_LANE_LEN];
    size_t num;
};

static void eat_lvs(struct world *w, struct lvs *l)
{
    l->num = eat(&w->in) % (LV_MAX + 1);
    for (size_t i = 0; i < l->num; i++) {
        weir__v1__lv__init(&l->at[i]);
        eat_lane(w, l->lane[i]);
        l->lane[i][0] = (uint8_t)(l->lane[i][0] & ~3U) | (uint8_t)i; /* ascending, mostly */
        l->at[i].has_lane = l->at[i].has_seq = 1;
        l->at[i].lane = (ProtobufCBinaryData){ .len = WEIR_LANE_LEN, .data = l->lane[i] };
        l->at[i].seq = eat_number(&w->in);
        l->list[i] = &l->at[i];
    }
}

static void send_hello(struct world *w, unsigned link)
{
    Weir__V1__Hello m;
    struct lvs vv;
    struct lvs floor;
    uint8_t id[WEIR_NODE_ID_LEN];
    uint8_t life[WEIR_INCARNATION_LEN];

    weir__v1__hello__init(&m);
    peer_id(link, id);
    memset(life, eat(&w->in) & 1, sizeof(life));
    m.has_cluster = m.has_node = m.has_incarnation = m.has_wire_max = m.has_wire_min = 1;
    m.cluster = (ProtobufCBinaryData){ .len = 4, .data = (uint8_t[4]){ 't', 'e', 's', 't' } };
    m.node = (ProtobufCBinaryData){ .len = sizeof(id), .data = id };
    m.incarnation = (ProtobufCBinaryData){ .len = sizeof(life), .data = life };
    m.wire_max = m.wire_min = 1;
    eat_lvs(w, &vv);
    m.vv = vv.list;
    m.n_vv = vv.num;
    if ((eat(&w->in) & 3) == 0) {
        eat_lvs(w, &floor);
        m.floor = floor.list;
        m.n_floor = floor.num;
    }
    m.has_live = m.has_response = 1;
    m.live = (eat(&w->in) & 7) != 0;
    m.response = eat(&w->in) & 1;
    send_message(w, link, WEIR_FRAME_HELLO, &m.base);
}

#define RECORDS 3
struct records {
    Weir__V1__Record at[RECORDS];
    Weir__V1__Record *list[RECORDS];
    uint8_t key[RECORDS];
    uint8_t lane[RECORDS][WEIR_LANE_LEN];
    size_t num;
};

static void eat_records(struct world *w, struct records *r, uint64_t first, bool with_lane)
{
    static uint8_t value[] = "some value";

    r->num = eat(&w->in) % (RECORDS + 1);
    for (size_t i = 0; i < r->num; i++) {
        Weir__V1__Record *m = &r->at[i];
        uint8_t kind = eat(&w->in);
        weir__v1__record__init(m);
        m->has_class_ = m->has_key = m->has_seq = m->has_hlc = 1;
        m->class_ = (kind & 3) == 3 ? WEIR_CLASS_MEMBER : WEIR_CLASS_TENANT;
        r->key[i] = (uint8_t)('a' + kind % 5);
        m->key = (ProtobufCBinaryData){ .len = 1, .data = &r->key[i] };
        m->hlc = (WALL_MS << 16) + (eat_number(&w->in) << 10);
        m->has_flags = 1;
        m->flags = kind >> 7;
        m->has_value = m->flags == 0;
        m->value = (ProtobufCBinaryData){ .len = m->flags ? 0 : kind % 10, .data = value };
        m->seq = with_lane ? eat_number(&w->in) : first + i;
        m->has_lane = with_lane;
        if (with_lane) {
            eat_lane(w, r->lane[i]);
            m->lane = (ProtobufCBinaryData){ .len = WEIR_LANE_LEN, .data = r->lane[i] };
        }
        r->list[i] = m;
    }
}

static void send_batch(struct world *w, unsigned link)
{
    Weir__V1__Batch m;
    struct records r;
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t life[WEIR_INCARNATION_LEN] = { 0 };

    weir__v1__batch__init(&m);
    eat_lane(w, lane);
    m.has_lane = m.has_first = m.has_group = m.has_incarnation = 1;
    m.lane = (ProtobufCBinaryData){ .len = WEIR_LANE_LEN, .data = lane };
    m.first = weir_vector_get(weir_engine_vv(w->engine, WEIR_GROUP_C), lane) + 1;
    if ((eat(&w->in) & 3) == 0)
        m.first += eat_number(&w->in);
    m.group = 'C';
    m.incarnation = (ProtobufCBinaryData){ .len = sizeof(life), .data = life };
    eat_records(w, &r, m.first, false);
    m.r = r.list;
    m.n_r = r.num;
    send_message(w, link, WEIR_FRAME_BATCH_C, &m.base);
}

static void send_response(struct world *w, unsigned link)
{
    Weir__V1__PullRep m;
    struct records r;
    struct lvs vv;
    struct lvs floor;
    struct lvs cursor;
    uint8_t life[WEIR_INCARNATION_LEN];

    if (w->session_len[link] == 0)
        return;
    weir__v1__pull_rep__init(&m);
    memset(life, eat(&w->in) & 1, sizeof(life));
    m.has_session = m.has_incarnation = m.has_st = m.has_complete = 1;
    m.session = (ProtobufCBinaryData){ .len = w->session_len[link], .data = w->session[link] };
    m.incarnation = (ProtobufCBinaryData){ .len = sizeof(life), .data = life };
    m.st = (eat(&w->in) & 7) == 0 ? (Weir__V1__PullRep__Status)(eat(&w->in) % 5) : 0;
    m.complete = eat(&w->in) & 1;
    eat_records(w, &r, 0, true);
    m.r = r.list;
    m.n_r = r.num;
    eat_lvs(w, &cursor);
    m.cursor = cursor.list;
    m.n_cursor = cursor.num;
    if (m.complete) {
        eat_lvs(w, &vv);
        m.vv = vv.list;
        m.n_vv = vv.num;
    }
    if ((eat(&w->in) & 3) == 0) {
        eat_lvs(w, &floor);
        m.floor = floor.list;
        m.n_floor = floor.num;
    }
    send_message(w, link, WEIR_FRAME_PULL_REP, &m.base);
}

static void send_request(struct world *w, unsigned link)
{
    Weir__V1__PullReq m;
    struct lvs cursor;
    struct lvs beyond;
    uint8_t name[8] = { 1 };
    uint8_t forced[2] = { WEIR_CLASS_TENANT, 'a' };
    ProtobufCBinaryData keys = { .len = sizeof(forced), .data = forced };
    uint32_t group = 'C';

    weir__v1__pull_req__init(&m);
    m.has_session = 1;
    m.session = (ProtobufCBinaryData){ .len = sizeof(name), .data = name };
    m.groups = &group;
    m.n_groups = 1;
    m.has_max_bytes = 1;
    m.max_bytes = (uint32_t)eat_number(&w->in);
    m.has_boot = eat(&w->in) & 1;
    m.boot = m.has_boot;
    eat_lvs(w, &cursor);
    m.cursor = cursor.list;
    m.n_cursor = cursor.num;
    eat_lvs(w, &beyond);
    m.beyond = beyond.list;
    m.n_beyond = beyond.num;
    m.has_gen = 1;
    m.gen = eat_number(&w->in);
    if ((eat(&w->in) & 7) == 0) {
        m.force_keys = &keys;
        m.n_force_keys = 1;
    }
    send_message(w, link, WEIR_FRAME_PULL_REQ, &m.base);
}

static void send_heartbeat(struct world *w, unsigned link)
{
    Weir__V1__Heartbeat m;
    struct lvs own;
    uint8_t id[WEIR_NODE_ID_LEN];
    uint8_t life[WEIR_INCARNATION_LEN];
    uint8_t sum[1 + WEIR_SUM_LEN] = { WEIR_CLASS_TENANT };
    ProtobufCBinaryData sums = { .len = sizeof(sum), .data = sum };

    weir__v1__heartbeat__init(&m);
    peer_id(link, id);
    memset(life, eat(&w->in) & 1, sizeof(life));
    m.has_node = m.has_incarnation = m.has_n = m.has_wall_ms = m.has_vv_hash = 1;
    m.node = (ProtobufCBinaryData){ .len = sizeof(id), .data = id };
    m.incarnation = (ProtobufCBinaryData){ .len = sizeof(life), .data = life };
    m.n = eat_number(&w->in);
    m.wall_ms = WALL_MS + eat_number(&w->in) % (UINT64_C(1) << 40);
    m.vv_hash = (eat(&w->in) & 1) != 0 ? weir_vector_hash(weir_engine_vv(w->engine, WEIR_GROUP_C))
                                       : eat_number(&w->in);
    eat_lvs(w, &own);
    m.own = own.list;
    m.n_own = own.num;
    sum[1] = eat(&w->in);
    m.sum = &sums;
    m.n_sum = 1;
    send_message(w, link, WEIR_FRAME_HEARTBEAT, &m.base);
}

static void send_audit(struct world *w, unsigned link)
{
    static uint8_t buckets[WEIR_SUMS_PACKED_LEN];
    Weir__V1__Audit m;
    Weir__V1__KeyVer kv;
    Weir__V1__KeyVer *list = &kv;
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t key = (uint8_t)('a' + eat(&w->in) % 5);

    weir__v1__audit__init(&m);
    m.has_class_ = 1;
    m.class_ = WEIR_CLASS_TENANT;
    if ((eat(&w->in) & 1) != 0) {
        m.has_buckets = 1;
        buckets[eat(&w->in)] = eat(&w->in);
        m.buckets = (ProtobufCBinaryData){ .len = sizeof(buckets), .data = buckets };
    } else {
        weir__v1__key_ver__init(&kv);
        eat_lane(w, lane);
        kv.has_key = kv.has_lane = kv.has_seq = kv.has_hlc = 1;
        kv.key = (ProtobufCBinaryData){ .len = 1, .data = &key };
        kv.lane = (ProtobufCBinaryData){ .len = WEIR_LANE_LEN, .data = lane };
        kv.seq = 1 + eat(&w->in);
        kv.hlc = eat_number(&w->in) << 40;
        m.kv = &list;
        m.n_kv = 1;
    }
    send_message(w, link, WEIR_FRAME_AUDIT, &m.base);
}

static void send_bytes(struct world *w, unsigned link)
{
    size_t len = eat(&w->in);

    if (len > w->in.left)
        len = w->in.left;
    receive(w, link, weir_span(w->in.at, len));
    w->in.at += len;
    w->in.left -= len;
}

static void write_one(struct world *w)
{
    uint8_t kind = eat(&w->in);
    uint8_t key = (uint8_t)('a' + kind % 5);
    struct weir_engine_write write = {
        .class = (kind & 0x20) != 0 ? WEIR_CLASS_BAN : WEIR_CLASS_TENANT,
        .key = weir_span(&key, 1),
        .delete = kind >= 0x80,
        .value = kind >= 0x80 ? WEIR_SPAN_EMPTY : WEIR_SPAN_LIT("v"),
        .expires = (kind & 0x20) != 0 ? w->wall_ms / 1000 + 1 + kind : 0,
    };

    (void)!weir_engine_write(w->engine, &write);
}

static void turn_link(struct world *w, unsigned link)
{
    uint8_t id[WEIR_NODE_ID_LEN];

    peer_id(link, id);
    if (w->is_up[link])
        weir_engine_link_down(w->engine, link);
    else
        (void)!weir_engine_link_up(w->engine, link, id);
    w->is_up[link] = !w->is_up[link];
}

static void step(struct world *w)
{
    uint8_t op = eat(&w->in);
    unsigned link = (op >> 4) % LINKS;

    switch (op & 0xf) {
    case 0:
        turn_link(w, link);
        return;
    case 1:
    case 2:
        send_hello(w, link);
        return;
    case 3:
    case 4:
        send_batch(w, link);
        return;
    case 5:
    case 6:
        send_response(w, link);
        return;
    case 7:
        send_request(w, link);
        return;
    case 8:
        send_heartbeat(w, link);
        return;
    case 9:
        send_audit(w, link);
        return;
    case 10:
        send_bytes(w, link);
        return;
    case 11:
    case 12:
        write_one(w);
        return;
    case 13:
        weir_engine_exported(w->engine, (op & 0x10) != 0);
        return;
    case 14:
        weir_memory_fail_op(w->memory[(op >> 4) & 1], 1 + eat(&w->in) % 32, WEIR_EIO);
        return;
    default:
        if (op == 0xff)
            weir_engine_give_up(w->engine);
        w->mono_us += eat(&w->in) * UINT64_C(40000);
        return;
    }
}

static void note_request(struct world *w, const struct weir_engine_out *out)
{
    struct weir_frame f;
    enum weir_frame_fault fault;

    /* All that it sends is sound. */
    FUZZ_CHECK(weir_frame_decode(out->frame, &f, &fault) == WEIR_OK);
    if (f.topic == WEIR_FRAME_PULL_REQ && out->link < LINKS) {
        w->session_len[out->link] = f.msg.pull_req->session.len;
        memcpy(w->session[out->link], f.msg.pull_req->session.data, f.msg.pull_req->session.len);
    }
    weir_frame_deinit(&f);
}

static void take_outputs(struct world *w)
{
    struct weir_engine_out out;

    while (weir_engine_next(w->engine, &out)) {
        if (out.what == WEIR_OUT_SEND || out.what == WEIR_OUT_PUBLISH)
            note_request(w, &out);
        if (out.what == WEIR_OUT_ACKED && out.err == WEIR_OK) {
            uint64_t most = w->wall_ms > w->tainted_ms ? w->wall_ms : w->tainted_ms;
            FUZZ_CHECK(weir_hlc_ms(out.version.hlc) <= most + 1); /* I9 */
        }
    }
}

/* I6, I13. What a failed commit undid was never sent to any peer. */
static void check(struct world *w, enum weir_err err)
{
    const uint8_t *life = weir_engine_incarnation(w->engine);
    bool is_live = weir_engine_state(w->engine) == WEIR_ENGINE_LIVE;
    bool is_same = is_live && w->was_live && memcmp(w->life, life, WEIR_INCARNATION_LEN) == 0;

    FUZZ_CHECK(weir_engine_memory(w->engine) <= MEMORY_MAX);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT && err == WEIR_OK; g++) {
        const struct weir_vector *vv = weir_engine_vv(w->engine, (enum weir_group)g);
        FUZZ_CHECK(!is_same || g == WEIR_GROUP_E || weir_vector_dominates(vv, &w->vv[g]));
        FUZZ_CHECK(weir_vector_copy(&w->vv[g], vv) == WEIR_OK);
    }
    const struct weir_vector *floor = weir_engine_floor(w->engine, WEIR_GROUP_C);
    FUZZ_CHECK(err < 0 || !is_same || weir_vector_dominates(floor, &w->floor));
    if (err == WEIR_OK)
        FUZZ_CHECK(weir_vector_copy(&w->floor, floor) == WEIR_OK);
    memcpy(w->life, life, WEIR_INCARNATION_LEN);
    w->was_live = is_live;
}

static bool world_init(struct world *w, const uint8_t *data, size_t size)
{
    struct weir_engine_config cfg = {
        .node = { 1, 1, 1, 1, 1, 1, 1, 1 },
        .cluster = WEIR_SPAN_LIT("test"),
        .seed = 1,
        .schema_max = 1,
        .intervals = { .tombstone_ms = 2000, .purge_us = 100000, .chunk_bytes = 200 },
    };

    *w = (struct world){ .in = { data, size }, .wall_ms = WALL_MS, .tainted_ms = WALL_MS };
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        if (weir_memory_new((enum weir_group)g, &w->memory[g]) < 0)
            return false;
    cfg.records[WEIR_GROUP_C] = weir_memory_record_store(w->memory[WEIR_GROUP_C]);
    cfg.records[WEIR_GROUP_E] = weir_memory_record_store(w->memory[WEIR_GROUP_E]);
    uint8_t flags = eat(&w->in);
    cfg.bootstrap = (flags & 1) != 0;
    cfg.relay = (flags & 2) != 0;
    return weir_engine_new(&cfg, &w->engine) == WEIR_OK;
}

static void world_deinit(struct world *w)
{
    weir_engine_free(&w->engine);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        weir_memory_free(&w->memory[g]);
        weir_vector_deinit(&w->vv[g]);
    }
    weir_vector_deinit(&w->floor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w;

    if (world_init(&w, data, size)) {
        memcpy(w.life, weir_engine_incarnation(w.engine), WEIR_INCARNATION_LEN);
        for (unsigned i = 0; i < STEPS_MAX && w.in.left > 0; i++) {
            w.wall_ms = WALL_MS + w.mono_us / 1000;
            weir_engine_tick(w.engine, w.mono_us, w.wall_ms);
            step(&w);
            enum weir_err err = weir_engine_commit(w.engine);
            take_outputs(&w);
            check(&w, err);
        }
    }
    world_deinit(&w);
    return 0;
}
