/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_out.c - collects the outputs of a turn, which are given out when it is durable. Frames are
 * packed once, into memory that lives as long as the outputs do.
 */
#include "sync/engine/engine_out.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_turn.h"

#define BLOCK_LEN 16384
#define ITEMS_MAX 262144
#define ARENA_MAX (2 * (size_t)WEIR_ENGINE_OUT_MAX) /* messages under construction, and packed */
#define TAG_SHIFT 3
#define WIRE_TYPE 7
#define TOMBSTONE 1

void weir_engine_out_init(struct weir_engine *e)
{
    weir_arena_init(&e->outs.arena, BLOCK_LEN, ARENA_MAX);
}

void weir_engine_out_deinit(struct weir_engine *e)
{
    weir_arena_deinit(&e->outs.arena);
    free(e->outs.items);
}

void *weir_engine_alloc(struct weir_engine *e, size_t len)
{
    void *at = e->turn_err == WEIR_OK ? weir_arena_alloc(&e->outs.arena, len) : NULL;

    if (at == NULL)
        weir_engine_fail(e, WEIR_ENOMEM);
    return at;
}

/* Room for one more output. @return NULL: no memory, or too many */
static struct engine_out_item *add_item(struct weir_engine *e)
{
    struct engine_outs *o = &e->outs;

    if (o->num == o->cap) {
        size_t cap = o->cap > 0 ? 2 * o->cap : 64;
        struct engine_out_item *items =
            cap > ITEMS_MAX ? NULL : realloc(o->items, cap * sizeof(*items));
        if (items == NULL)
            return NULL;
        o->items = items;
        o->cap = cap;
    }
    return &o->items[o->num++];
}

/* A frame that finds no room is not sent: hints are repeated, and sessions start over. */
static void add_frame(struct weir_engine *e, uint32_t link, struct weir_span frame)
{
    struct engine_out_item *item = frame.at != NULL ? add_item(e) : NULL;

    if (item == NULL) {
        engine_count(e, WEIR_COUNT_OUT_DROPPED, 1);
        return;
    }
    *item = (struct engine_out_item){
        .out = {
            .what = link == WEIR_ENGINE_NO_LINK ? WEIR_OUT_PUBLISH : WEIR_OUT_SEND,
            .link = link,
            .frame = frame,
        },
    };
}

void weir_engine_send(struct weir_engine *e, uint32_t link, enum weir_frame_topic topic,
                      const ProtobufCMessage *msg)
{
    if (e->turn_err < 0 || (link == WEIR_ENGINE_NO_LINK && e->num_up == 0))
        return;
    size_t len = weir_frame_packed_len(msg);
    uint8_t *at = len <= WEIR_FRAME_MAX && e->outs.arena.used + len <= WEIR_ENGINE_OUT_MAX
                      ? weir_arena_alloc(&e->outs.arena, len)
                      : NULL;
    if (at != NULL)
        weir_frame_pack(topic, msg, at);
    add_frame(e, link, weir_span(at, len));
}

void weir_engine_relay(struct weir_engine *e, struct weir_span frame)
{
    uint8_t *at = e->outs.arena.used + frame.len <= WEIR_ENGINE_OUT_MAX
                      ? weir_arena_alloc(&e->outs.arena, frame.len)
                      : NULL;

    if (at != NULL)
        memcpy(at, frame.at, frame.len);
    add_frame(e, WEIR_ENGINE_NO_LINK, weir_span(at, frame.len));
}

void weir_engine_emit(struct weir_engine *e, const struct weir_engine_out *out, enum weir_group g)
{
    uint8_t *key = NULL;

    if (out->key.len > 0) {
        key = weir_engine_alloc(e, out->key.len);
        if (key == NULL)
            return;
        memcpy(key, out->key.at, out->key.len);
    }
    struct engine_out_item *item = add_item(e);
    if (item == NULL) {
        weir_engine_fail(e, WEIR_ENOMEM);
        return;
    }
    *item = (struct engine_out_item){ .out = *out, .group = g };
    item->out.key = weir_span(key, out->key.len);
}

void weir_engine_alarm(struct weir_engine *e, enum weir_alarm alarm, uint32_t link)
{
    struct engine_out_item *item = add_item(e);

    if (item != NULL)
        *item = (struct engine_out_item){
            .out = { .what = WEIR_OUT_ALARM, .alarm = alarm, .link = link },
            .group = WEIR_GROUP_C,
        };
}

/* Does an output remain valid although the turn failed? */
static bool stands_after_failure(const struct engine_out_item *item, bool bans_stand)
{
    switch (item->out.what) {
    case WEIR_OUT_SEND:
    case WEIR_OUT_PUBLISH:
    case WEIR_OUT_EXPORT:
        return false;
    case WEIR_OUT_CHANGED:
    case WEIR_OUT_PURGED:
        return bans_stand && item->group == WEIR_GROUP_E;
    case WEIR_OUT_ACKED:
    case WEIR_OUT_ALARM:
    case WEIR_OUT_CUT:
        return true;
    }
    WEIR_UNREACHABLE();
}

void weir_engine_out_undo(struct weir_engine *e, enum weir_err err, bool bans_stand)
{
    size_t num = 0;

    if (!engine_has(e, WEIR_RULE_DURABLE_FIRST))
        return;
    for (size_t i = 0; i < e->outs.num; i++) {
        struct engine_out_item *item = &e->outs.items[i];
        if (!stands_after_failure(item, bans_stand))
            continue;
        if (item->out.what == WEIR_OUT_ACKED && !(bans_stand && item->group == WEIR_GROUP_E))
            item->out.err = err;
        e->outs.items[num++] = *item;
    }
    e->outs.num = num;
}

/* -- pieces of messages -- */

Weir__V1__Lv **weir_engine_lanes(struct weir_engine *e, const struct weir_vector *v)
{
    if (v->num == 0)
        return NULL;
    struct weir_vector copy = *v;
    Weir__V1__Lv *lanes = weir_engine_alloc(e, v->num * sizeof(*lanes));
    Weir__V1__Lv **list = weir_engine_alloc(e, v->num * sizeof(Weir__V1__Lv *));
    copy.items = weir_engine_alloc(e, v->num * sizeof(v->items[0]));
    if (lanes == NULL || list == NULL || copy.items == NULL)
        return NULL;
    memcpy(copy.items, v->items, v->num * sizeof(v->items[0]));
    weir_frame_lanes(&copy, lanes, list);
    return list;
}

/* One unknown field of what weir_engine_record packed. */
static struct weir_span next_extra(struct weir_span rest, ProtobufCMessageUnknownField *ret)
{
    uint32_t head = 0;
    size_t at = 0;
    size_t len = 0;

    for (unsigned shift = 0; at < rest.len; shift += 7) {
        head |= (uint32_t)(rest.at[at] & 0x7f) << shift;
        if (rest.at[at++] < 0x80)
            break;
    }
    ret->tag = head >> TAG_SHIFT;
    ret->wire_type = (ProtobufCWireType)(head & WIRE_TYPE);
    rest = weir_span_from(rest, at);
    if (ret->wire_type == PROTOBUF_C_WIRE_TYPE_64BIT) {
        len = 8;
    } else if (ret->wire_type == PROTOBUF_C_WIRE_TYPE_32BIT) {
        len = 4;
    } else {
        uint64_t number = 0;
        for (unsigned shift = 0; len < rest.len; shift += 7) {
            number |= (uint64_t)(rest.at[len] & 0x7f) << shift;
            if (rest.at[len++] < 0x80)
                break;
        }
        if (ret->wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
            len += number;
    }
    WEIR_ASSERT(len <= rest.len); /* packed here, and protected by the record's checksum */
    ret->len = len;
    ret->data = (uint8_t *)(uintptr_t)rest.at;
    return weir_span_from(rest, len);
}

static bool add_extra(struct weir_engine *e, struct weir_span extra, ProtobufCMessage *m)
{
    ProtobufCMessageUnknownField one;
    struct weir_span rest = extra;
    unsigned num = 0;

    for (; rest.len > 0; num++)
        rest = next_extra(rest, &one);
    m->unknown_fields = weir_engine_alloc(e, num * sizeof(one));
    if (m->unknown_fields == NULL)
        return false;
    m->n_unknown_fields = num;
    rest = extra;
    for (unsigned i = 0; i < num; i++)
        rest = next_extra(rest, &m->unknown_fields[i]);
    return true;
}

static bool add_ctx(struct weir_engine *e, const struct weir_stored_record *rec,
                    Weir__V1__Record *m)
{
    Weir__V1__Ctx *ctx = weir_engine_alloc(e, rec->num_ctx * sizeof(*ctx));

    m->ctx = weir_engine_alloc(e, rec->num_ctx * sizeof(Weir__V1__Ctx *));
    if (ctx == NULL || m->ctx == NULL)
        return false;
    m->n_ctx = rec->num_ctx;
    for (unsigned i = 0; i < rec->num_ctx; i++) {
        weir__v1__ctx__init(&ctx[i]);
        ctx[i].has_lane8 = 1;
        ctx[i].lane8.len = WEIR_LANE_TAIL_LEN;
        ctx[i].lane8.data = (uint8_t *)(uintptr_t)rec->ctx[i].tail;
        ctx[i].has_seq = 1;
        ctx[i].seq = rec->ctx[i].seq;
        m->ctx[i] = &ctx[i];
    }
    return true;
}

static ProtobufCBinaryData bytes_of(struct weir_span s)
{
    return (ProtobufCBinaryData){ .len = s.len, .data = (uint8_t *)(uintptr_t)s.at };
}

ProtobufCBinaryData weir_engine_key_name(struct weir_engine *e, uint8_t class, struct weir_span key)
{
    uint8_t *at = weir_engine_alloc(e, 1 + key.len);

    if (at == NULL)
        return (ProtobufCBinaryData){ 0 };
    at[0] = class;
    memcpy(at + 1, key.at, key.len);
    return (ProtobufCBinaryData){ .len = 1 + key.len, .data = at };
}

static struct weir_span copy_span(uint8_t **at, struct weir_span s)
{
    struct weir_span copy = weir_span(*at, s.len);

    if (s.len > 0)
        memcpy(*at, s.at, s.len);
    *at += s.len;
    return copy;
}

struct weir_stored_record *weir_engine_copy_record(struct weir_arena *a,
                                                   const struct weir_stored_record *rec)
{
    struct weir_stored_record *copy = weir_arena_alloc(
        a, sizeof(*copy) + rec->rec.key.len + rec->rec.value.len + rec->sig.len + rec->extra.len);

    if (copy == NULL)
        return NULL;
    uint8_t *at = (uint8_t *)(copy + 1);
    *copy = *rec;
    copy->rec.key = copy_span(&at, rec->rec.key);
    copy->rec.value = copy_span(&at, rec->rec.value);
    copy->sig = copy_span(&at, rec->sig);
    copy->extra = copy_span(&at, rec->extra);
    return copy;
}

Weir__V1__Record *weir_engine_message(struct weir_engine *e, const struct weir_stored_record *rec,
                                      bool with_lane)
{
    Weir__V1__Record *m = weir_engine_alloc(e, sizeof(*m));

    if (m == NULL)
        return NULL;
    weir__v1__record__init(m);
    m->has_class_ = 1;
    m->class_ = (uint32_t)rec->rec.class;
    m->has_key = 1;
    m->key = bytes_of(rec->rec.key);
    m->has_seq = 1;
    m->seq = rec->rec.version.seq;
    m->has_hlc = 1;
    m->hlc = rec->rec.version.hlc;
    m->has_flags = rec->rec.tombstone;
    m->flags = rec->rec.tombstone ? TOMBSTONE : 0;
    m->has_schema = rec->rec.schema != 0;
    m->schema = rec->rec.schema;
    m->has_min_reader = rec->rec.min_reader != 0;
    m->min_reader = rec->rec.min_reader;
    m->has_value = rec->rec.value.len > 0;
    m->value = bytes_of(rec->rec.value);
    m->has_expires = rec->rec.expires != 0;
    m->expires = rec->rec.expires;
    m->has_sig = rec->sig.len > 0;
    m->sig = bytes_of(rec->sig);
    m->has_lane = with_lane;
    if (with_lane)
        m->lane = bytes_of(weir_span(rec->rec.version.lane, WEIR_LANE_LEN));
    if (rec->num_ctx > 0 && !add_ctx(e, rec, m))
        return NULL;
    if (rec->extra.len > 0 && engine_has(e, WEIR_RULE_EXTRA) && !add_extra(e, rec->extra, &m->base))
        return NULL;
    return m;
}
