/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_out_pieces.c - sync/engine/engine_out.c: outputs of a turn, their limits, what stands when
 * it fails, and the pieces of messages.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_turn.h"
#include "sync/engine/engine_write.h"
#include "tests/sim/drills/bed/drill_writes.h"
#include "tests/sim/drills/drills.h"

#define ITEMS_MAX 262144 /* outputs of a turn */

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* -- what stands -- */

static void emit_of(struct weir_drill *d, enum weir_out what, enum weir_group g, const char *key)
{
    struct weir_engine_out out = {
        .what = what,
        .link = 3,
        .cookie = 40 + (unsigned)g,
        .class = g == WEIR_GROUP_C ? WEIR_CLASS_TENANT : WEIR_CLASS_BAN,
        .key = weir_span_cstr(key),
    };

    weir_engine_emit(d->e, &out, g);
}

static void emit_each_kind(struct weir_drill *d)
{
    Weir__V1__Hello *m = weir_drill_make_hello(d, 0);
    char key[] = "key";

    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        emit_of(d, WEIR_OUT_ACKED, (enum weir_group)g, key);
        emit_of(d, WEIR_OUT_CHANGED, (enum weir_group)g, key);
        emit_of(d, WEIR_OUT_PURGED, (enum weir_group)g, key);
    }
    key[0] = '!'; /* it was copied */
    emit_of(d, WEIR_OUT_EXPORT, WEIR_GROUP_C, "");
    emit_of(d, WEIR_OUT_CUT, WEIR_GROUP_C, "");
    weir_engine_alarm(d->e, WEIR_ALARM_AUDIT, 6);
    weir_engine_send(d->e, 0, WEIR_FRAME_HELLO, &m->base);
    weir_engine_send(d->e, WEIR_ENGINE_NO_LINK, WEIR_FRAME_HELLO, &m->base);
}

static void claim_kinds(struct weir_drill *d, enum weir_err settings, enum weir_err bans)
{
    bool all = settings == WEIR_OK;
    size_t num = all + (bans == WEIR_OK);

    CLAIM(weir_drill_num(d, WEIR_OUT_ACKED) == 2);
    for (size_t g = 0; g < WEIR_GROUP_COUNT && d->x->claim == NULL; g++) {
        const struct weir_engine_out *o = weir_drill_out(d, WEIR_OUT_ACKED, g);
        CLAIM(o->cookie == 40 + g && o->err == (g == 0 ? settings : bans));
        CLAIM(weir_span_eq(o->key, WEIR_SPAN_LIT("key")) && o->link == 3);
    }
    CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == num);
    CLAIM(weir_drill_num(d, WEIR_OUT_PURGED) == num);
    if (num == 1)
        CLAIM(weir_drill_out(d, WEIR_OUT_CHANGED, 0)->cookie == 41 &&
              weir_drill_out(d, WEIR_OUT_PURGED, 0)->cookie == 41);
    CLAIM(weir_drill_num(d, WEIR_OUT_EXPORT) == all);
    CLAIM(weir_drill_num(d, WEIR_OUT_CUT) == 1);
    CLAIM(weir_drill_out(d, WEIR_OUT_CUT, 0)->key.len == 0);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_AUDIT, 6) == 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, 0) == all);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, WEIR_ENGINE_NO_LINK) == all);
    CLAIM(weir_drill_num(d, WEIR_OUT_PUBLISH) == all);
}

static void stand_or_fall(struct weir_drill *d)
{
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 60);
    struct weir_engine_write w = weir_drill_make_write(d, "k", "1");

    weir_drill_start(d);
    weir_drill_meet(d, 0);
    weir_drill_begin(d);
    emit_each_kind(d);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    claim_kinds(d, WEIR_OK, WEIR_OK);
    weir_drill_begin(d);
    emit_each_kind(d);
    CLAIM(weir_engine_write_own(d->e, &ban) == WEIR_OK);
    CLAIM(weir_engine_write_own(d->e, &w) == WEIR_OK);
    d->e->outs.num -= 2; /* their own outputs are not meant here */
    weir_memory_fail_commit(d->store[WEIR_GROUP_C], 1, WEIR_ENOMEM);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
    claim_kinds(d, WEIR_ENOMEM, WEIR_OK);
    weir_drill_begin(d);
    emit_each_kind(d);
    weir_engine_fail(d->e, WEIR_ENOMEM);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
    claim_kinds(d, WEIR_ENOMEM, WEIR_ENOMEM);
}

/* -- limits -- */

/* Outputs that only the engine saw are taken back before the turn ends. */
static void take_back(struct weir_drill *d, size_t used)
{
    d->e->outs.num = 0;
    d->e->outs.arena.used = used;
}

static void claim_frame(struct weir_drill *d, bool fits, uint32_t link, size_t len)
{
    const struct engine_outs *o = &d->e->outs;

    CLAIM(o->num == fits);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_OUT_DROPPED) == !fits);
    if (!fits || o->num == 0)
        return;
    CLAIM(o->items[0].out.frame.len == len && o->items[0].out.link == link);
    CLAIM(o->items[0].out.what == (link == WEIR_ENGINE_NO_LINK ? WEIR_OUT_PUBLISH : WEIR_OUT_SEND));
}

/* A Hello of so many bytes; no peer would accept its cluster. */
static Weir__V1__Hello *make_hello_of(struct weir_drill *d, size_t len)
{
    Weir__V1__Hello *m = weir_drill_make_hello(d, 0);
    static uint8_t zeros[WEIR_FRAME_MAX];

    m->cluster = (ProtobufCBinaryData){ .len = 1000, .data = zeros };
    while (weir_frame_packed_len(&m->base) < len)
        m->cluster.len += len - weir_frame_packed_len(&m->base);
    while (weir_frame_packed_len(&m->base) > len)
        m->cluster.len--;
    CLAIM(weir_frame_packed_len(&m->base) == len);
    return m;
}

static void send_within_limits(struct weir_drill *d)
{
    Weir__V1__Hello *m = make_hello_of(d, 5000);
    Weir__V1__Hello *most = make_hello_of(d, WEIR_FRAME_MAX);
    Weir__V1__Hello *over = make_hello_of(d, WEIR_FRAME_MAX + 1);

    weir_drill_start(d);
    weir_drill_begin(d);
    size_t used = d->e->outs.arena.used;
    weir_engine_send(d->e, WEIR_ENGINE_NO_LINK, WEIR_FRAME_HELLO, &m->base); /* to nobody */
    CLAIM(d->e->outs.num == 0 && weir_drill_counted(d, WEIR_COUNT_OUT_DROPPED) == 0);
    weir_drill_end(d);
    weir_drill_up(d, 0);
    for (unsigned i = 0; i < 5; i++) {
        uint32_t link = i % 2 == 0 ? 0 : WEIR_ENGINE_NO_LINK;
        weir_drill_begin(d);
        take_back(d, i < 2 ? WEIR_ENGINE_OUT_MAX - 5000 + i : used);
        weir_engine_send(d->e, link, WEIR_FRAME_HELLO,
                         i < 3    ? &m->base
                         : i == 3 ? &most->base
                                  : &over->base);
        claim_frame(d, i != 1 && i != 4, link, i < 3 ? 5000 : WEIR_FRAME_MAX);
        take_back(d, used);
        weir_drill_end(d);
    }
    uint8_t *frame = weir_drill_alloc(d, 64);
    memset(frame, 'f', 64);
    for (unsigned i = 0; i < 2; i++) {
        weir_drill_begin(d);
        take_back(d, WEIR_ENGINE_OUT_MAX - 64 + i);
        frame[0] = 'f';
        weir_engine_relay(d->e, weir_span(frame, 64));
        frame[0] = 'g';
        claim_frame(d, i == 0, WEIR_ENGINE_NO_LINK, 64);
        if (i == 0 && d->e->outs.num == 1)
            CLAIM(d->e->outs.items[0].out.frame.at[0] == 'f' &&
                  d->e->outs.items[0].out.frame.at[63] == 'f');
        take_back(d, used);
        weir_drill_end(d);
    }
}

/* Messages under construction may take as much again. */
static void allocate_within_limits(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_begin(d);
    d->e->outs.arena.used = 2 * (size_t)WEIR_ENGINE_OUT_MAX - 32;
    CLAIM(weir_engine_alloc(d->e, 16) != NULL && weir_engine_alloc(d->e, 16) != NULL);
    CLAIM(d->e->turn_err == WEIR_OK);
    CLAIM(weir_engine_alloc(d->e, 16) == NULL && d->e->turn_err == WEIR_ENOMEM);
    d->e->outs.arena.used = 0;
    CLAIM(weir_engine_alloc(d->e, 16) == NULL); /* the turn has failed */
    Weir__V1__Hello *m = weir_drill_make_hello(d, 0);
    weir_engine_send(d->e, 0, WEIR_FRAME_HELLO, &m->base);
    CLAIM(d->e->outs.num == 0 && weir_drill_counted(d, WEIR_COUNT_OUT_DROPPED) == 0);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
}

static void collect_within_limits(struct weir_drill *d)
{
    struct engine_outs *o;

    weir_drill_start(d);
    weir_drill_up(d, 0);
    weir_drill_begin(d);
    o = &d->e->outs;
    for (unsigned i = 0; i < 200; i++) /* more than the first piece, and the second */
        weir_engine_alarm(d->e, WEIR_ALARM_LANES, i);
    for (unsigned i = 0; i < 200 && i < o->num; i++)
        CLAIM(o->items[i].out.link == i && o->items[i].group == WEIR_GROUP_C);
    CLAIM(o->num == 200 && o->cap >= 200);
    o->num = o->cap = ITEMS_MAX / 2;
    weir_engine_alarm(d->e, WEIR_ALARM_LANES, 7);
    CLAIM(o->num == ITEMS_MAX / 2 + 1 && o->cap == ITEMS_MAX);
    o->num = o->cap;
    weir_engine_alarm(d->e, WEIR_ALARM_LANES, 7);
    Weir__V1__Hello *m = weir_drill_make_hello(d, 0);
    weir_engine_send(d->e, 0, WEIR_FRAME_HELLO, &m->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_OUT_DROPPED) == 1);
    CLAIM(d->e->turn_err == WEIR_OK && o->num == ITEMS_MAX);
    emit_of(d, WEIR_OUT_CUT, WEIR_GROUP_C, "");
    CLAIM(d->e->turn_err == WEIR_ENOMEM && o->num == ITEMS_MAX);
    o->num = 0;
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
}

/* -- pieces of messages -- */

static void list_lanes(struct weir_drill *d)
{
    struct weir_vector v = WEIR_VECTOR_ZERO;
    uint8_t lane[3][WEIR_LANE_LEN];

    weir_drill_start(d);
    weir_drill_begin(d);
    CLAIM(weir_engine_lanes(d->e, &v) == NULL && d->e->turn_err == WEIR_OK);
    for (uint8_t i = 0; i < 3; i++) {
        weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, i, lane[i]);
        weir_drill_raise(&v, lane[i], 10 + i);
    }
    Weir__V1__Lv **list = weir_engine_lanes(d->e, &v);
    memset(v.items, 0, v.num * sizeof(v.items[0])); /* it was copied */
    for (uint8_t i = 0; i < 3; i++)
        CLAIM(weir_drill_listed(list, 3, lane[i]) == 10u + i && list[i]->has_lane &&
              list[i]->has_seq);
    const uint8_t *at = weir_engine_key_name(d->e, 7, WEIR_SPAN_LIT("xyz")).data;
    CLAIM(at != NULL && memcmp(at, "\7xyz", 4) == 0);
    CLAIM(weir_engine_key_name(d->e, 7, WEIR_SPAN_LIT("xyz")).len == 4);
    for (size_t room = 0; room < 3; room++) { /* one of its three pieces finds no memory */
        size_t used = d->e->outs.arena.used;
        size_t list_len = 32, lanes_len = (3 * sizeof(Weir__V1__Lv) + 15) / 16 * 16;
        size_t got = room == 0 ? 0 : room == 1 ? lanes_len : lanes_len + list_len;
        d->e->outs.arena.used = 2 * (size_t)WEIR_ENGINE_OUT_MAX - got;
        CLAIM(weir_engine_lanes(d->e, &v) == NULL && d->e->turn_err == WEIR_ENOMEM);
        d->e->turn_err = WEIR_OK;
        d->e->outs.arena.used = used;
    }
    weir_engine_fail(d->e, WEIR_ENOMEM);
    CLAIM(weir_engine_key_name(d->e, 7, WEIR_SPAN_LIT("x")).data == NULL);
    CLAIM(weir_engine_lanes(d->e, &v) == NULL);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
    weir_vector_deinit(&v);
}

static void fill_record(struct weir_drill *d, struct weir_stored_record *rec)
{
    static const uint8_t sig[WEIR_RECORD_SIG_LEN] = { 9 };

    *rec = (struct weir_stored_record){
        .rec = {
            .class = WEIR_CLASS_CERT,
            .key = WEIR_SPAN_LIT("key"),
            .version = { .hlc = 77, .seq = 5 },
            .schema = 3,
            .min_reader = 2,
            .expires = 99,
            .value = WEIR_SPAN_LIT("value"),
        },
        .num_ctx = 2,
        .ctx = { { .tail = "Cabcdef", .seq = 4 }, { .tail = "Cghijkl", .seq = 6 } },
        .sig = weir_span(sig, sizeof(sig)),
    };
    weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, 1, rec->rec.version.lane);
}

static bool is_bytes(ProtobufCBinaryData b, struct weir_span s)
{
    return weir_span_eq(weir_span(b.data, b.len), s);
}

static void make_a_full_record(struct weir_drill *d)
{
    struct weir_stored_record rec;

    fill_record(d, &rec);
    weir_drill_start(d);
    weir_drill_begin(d);
    const Weir__V1__Record *m = weir_engine_message(d->e, &rec, true);
    if (!CLAIM(m != NULL))
        return;
    CLAIM(m->has_class_ && m->class_ == WEIR_CLASS_CERT && m->has_key);
    CLAIM(is_bytes(m->key, rec.rec.key) && m->has_value && is_bytes(m->value, rec.rec.value));
    CLAIM(m->has_seq && m->seq == 5 && m->has_hlc && m->hlc == 77);
    CLAIM(!m->has_flags && m->flags == 0 && m->has_schema && m->schema == 3);
    CLAIM(m->has_min_reader && m->min_reader == 2 && m->has_expires && m->expires == 99);
    CLAIM(m->has_sig && is_bytes(m->sig, rec.sig));
    CLAIM(m->has_lane && is_bytes(m->lane, weir_span(rec.rec.version.lane, WEIR_LANE_LEN)));
    CLAIM(m->n_ctx == 2 && m->base.n_unknown_fields == 0);
    for (size_t i = 0; i < m->n_ctx; i++) {
        CLAIM(m->ctx[i]->has_lane8 && m->ctx[i]->has_seq && m->ctx[i]->seq == rec.ctx[i].seq);
        CLAIM(is_bytes(m->ctx[i]->lane8, weir_span(rec.ctx[i].tail, WEIR_LANE_TAIL_LEN)));
    }
    m = weir_engine_message(d->e, &rec, false);
    CLAIM(m != NULL && !m->has_lane && m->lane.len == 0);
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

static void make_an_empty_record(struct weir_drill *d)
{
    struct weir_stored_record rec;

    fill_record(d, &rec);
    rec.rec.tombstone = true;
    rec.rec.value = rec.sig = WEIR_SPAN_EMPTY;
    rec.rec.schema = rec.rec.min_reader = 0;
    rec.rec.expires = 0;
    rec.num_ctx = 0;
    weir_drill_start(d);
    weir_drill_begin(d);
    const Weir__V1__Record *m = weir_engine_message(d->e, &rec, true);
    if (!CLAIM(m != NULL))
        return;
    CLAIM(m->has_flags && m->flags == 1 && !m->has_value && !m->has_sig);
    CLAIM(!m->has_schema && !m->has_min_reader && !m->has_expires && m->n_ctx == 0);
    CLAIM(m->ctx == NULL && m->base.unknown_fields == NULL);
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

/* Fields of a later version, byte for byte: numbers, fixed ones, and text, with heads of one to
 * three bytes. */
static void make_later_fields(struct weir_drill *d)
{
    static const struct {
        uint32_t tag;
        ProtobufCWireType type;
        size_t head, len;
    } fields[] = {
        { 15, PROTOBUF_C_WIRE_TYPE_VARINT, 1, 1 },
        { 16, PROTOBUF_C_WIRE_TYPE_VARINT, 2, 3 },
        { 100, PROTOBUF_C_WIRE_TYPE_64BIT, 2, 8 },
        { 2047, PROTOBUF_C_WIRE_TYPE_32BIT, 2, 4 },
        { 2048, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, 3, 1 + 127 },
        { 20000, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, 3, 2 + 300 },
        { 101, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, 2, 1 },
    };
    uint8_t extra[1024];
    size_t at[WEIR_ARRAY_LEN(fields)];
    size_t len = 0;
    struct weir_stored_record rec;

    fill_record(d, &rec);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(fields); i++) {
        uint32_t head = fields[i].tag << 3 | (uint32_t)fields[i].type;
        for (size_t k = 0; k < fields[i].head; k++, head >>= 7)
            extra[len++] = (uint8_t)((head & 0x7f) | (k + 1 < fields[i].head ? 0x80 : 0));
        at[i] = len;
        memset(extra + len, (int)weir_sim_draw(d->x, 256), fields[i].len);
        len += fields[i].len;
    }
    extra[at[0]] = 0x7f;
    memcpy(extra + at[1], "\x80\xff\x01", 3);
    extra[at[4]] = 127;
    memcpy(extra + at[5], "\xac\x02", 2); /* 300 */
    extra[at[6]] = 0;
    rec.extra = weir_span(extra, len);
    weir_drill_start(d);
    weir_drill_begin(d);
    const Weir__V1__Record *m = weir_engine_message(d->e, &rec, true);
    if (CLAIM(m != NULL && m->base.n_unknown_fields == WEIR_ARRAY_LEN(fields))) {
        for (size_t i = 0; i < WEIR_ARRAY_LEN(fields); i++) {
            const ProtobufCMessageUnknownField *f = &m->base.unknown_fields[i];
            CLAIM(f->tag == fields[i].tag && f->wire_type == fields[i].type);
            CLAIM(f->len == fields[i].len && memcmp(f->data, extra + at[i], f->len) == 0);
        }
    }
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

/* Each piece of a record's message finds no memory once. */
static void make_records_without_memory(struct weir_drill *d)
{
    struct weir_stored_record rec;

    fill_record(d, &rec);
    rec.extra = WEIR_SPAN_LIT("\x78\x01");
    weir_drill_start(d);
    weir_drill_begin(d);
    size_t used = d->e->outs.arena.used;
    CLAIM(weir_engine_message(d->e, &rec, true) != NULL);
    size_t len = d->e->outs.arena.used - used;
    for (size_t room = 0; room < len; room += 16) {
        d->e->outs.arena.used = 2 * (size_t)WEIR_ENGINE_OUT_MAX - room;
        CLAIM(weir_engine_message(d->e, &rec, true) == NULL && d->e->turn_err == WEIR_ENOMEM);
        d->e->turn_err = WEIR_OK;
    }
    d->e->outs.arena.used = 2 * (size_t)WEIR_ENGINE_OUT_MAX - len;
    CLAIM(weir_engine_message(d->e, &rec, true) != NULL && d->e->turn_err == WEIR_OK);
    d->e->outs.arena.used = used;
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    stand_or_fall,         send_within_limits, allocate_within_limits,
    collect_within_limits, list_lanes,         make_a_full_record,
    make_an_empty_record,  make_later_fields,  make_records_without_memory,
};

void weir_drill_out_pieces(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
