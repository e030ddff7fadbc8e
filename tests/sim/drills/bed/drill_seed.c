/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_seed.c - records and rows that are put into stores or read out of them.
 */
#include "tests/sim/drills/bed/drill_seed.h"

#include <string.h>

#define TAG_FIRST 100 /* of fields that no version knows */
#define TAG_SHIFT 3

/* -- stores -- */

static struct weir_record_store *begin(struct weir_drill *d, enum weir_group g)
{
    struct weir_record_store *records = d->cfg.records[g];

    WEIR_ASSERT(records->ops->begin(records) == WEIR_OK);
    return records;
}

void weir_drill_seed(struct weir_drill *d, const struct weir_stored_record *rec)
{
    struct weir_record_store *records =
        begin(d, rec->rec.class == WEIR_CLASS_BAN ? WEIR_GROUP_E : WEIR_GROUP_C);

    WEIR_ASSERT(records->ops->put(records, rec) == WEIR_OK);
    WEIR_ASSERT(records->ops->commit(records) == WEIR_OK);
}

void weir_drill_seed_row(struct weir_drill *d, enum weir_group g, const struct weir_lane_row *row)
{
    struct weir_store_meta meta = weir_memory_meta(d->store[g]);
    struct weir_record_store *records = begin(d, g);

    meta.live = true;
    WEIR_ASSERT(records->ops->put_lane(records, row) == WEIR_OK);
    WEIR_ASSERT(records->ops->put_meta(records, &meta) == WEIR_OK);
    WEIR_ASSERT(records->ops->commit(records) == WEIR_OK);
}

void weir_drill_seed_meta(struct weir_drill *d, enum weir_group g,
                          const struct weir_store_meta *meta)
{
    struct weir_record_store *records = begin(d, g);

    WEIR_ASSERT(records->ops->put_meta(records, meta) == WEIR_OK);
    WEIR_ASSERT(records->ops->commit(records) == WEIR_OK);
}

/* -- records -- */

/* Fields of a later version, as they are on the wire. */
static struct weir_span draw_extra(struct weir_drill *d)
{
    static const uint8_t lens[] = { [PROTOBUF_C_WIRE_TYPE_VARINT] = 1,
                                    [PROTOBUF_C_WIRE_TYPE_64BIT] = 8,
                                    [PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED] = 5,
                                    [PROTOBUF_C_WIRE_TYPE_32BIT] = 4 };
    static const uint8_t types[] = { PROTOBUF_C_WIRE_TYPE_VARINT, PROTOBUF_C_WIRE_TYPE_64BIT,
                                     PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
                                     PROTOBUF_C_WIRE_TYPE_32BIT };
    uint8_t *at = weir_drill_alloc(d, WEIR_DRILL_EXTRA_MAX);
    size_t len = 0;

    for (uint64_t i = 0, num = weir_sim_draw(d->x, 4); i < num; i++) {
        uint8_t type = types[weir_sim_draw(d->x, 4)];
        uint32_t tag = TAG_FIRST + (uint32_t)i + (weir_sim_draw(d->x, 2) == 0 ? 0 : 1u << 24);
        uint32_t head = tag << TAG_SHIFT | type;
        for (; head >= 0x80; head >>= 7)
            at[len++] = (uint8_t)(head | 0x80);
        at[len++] = (uint8_t)head;
        weir_sim_draw_bytes(d->x, at + len, lens[type]);
        if (type == PROTOBUF_C_WIRE_TYPE_VARINT)
            at[len] &= 0x7f;
        if (type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
            at[len] = lens[type] - 1;
        len += lens[type];
    }
    return weir_span(at, len);
}

static struct weir_span draw_bytes(struct weir_drill *d, size_t len)
{
    uint8_t *at = weir_drill_alloc(d, len);

    weir_sim_draw_bytes(d->x, at, len);
    return weir_span(at, len);
}

void weir_drill_draw_record(struct weir_drill *d, size_t most, struct weir_stored_record *rec)
{
    rec->rec.tombstone = weir_sim_draw(d->x, 4) == 0;
    rec->rec.value = rec->rec.tombstone || weir_sim_draw(d->x, 6) == 0
                         ? WEIR_SPAN_EMPTY
                         : draw_bytes(d, weir_sim_draw(d->x, most + 1));
    rec->rec.schema = (uint16_t)weir_sim_draw(d->x, 3);
    rec->rec.min_reader = (uint16_t)weir_sim_draw(d->x, 2);
    rec->num_ctx = (uint8_t)weir_sim_draw(d->x, 4);
    if (weir_sim_draw(d->x, 8) == 0)
        rec->num_ctx = WEIR_RECORD_CTX_MAX;
    for (unsigned i = 0; i < rec->num_ctx; i++) {
        weir_sim_draw_bytes(d->x, rec->ctx[i].tail, sizeof(rec->ctx[i].tail));
        rec->ctx[i].tail[0] = 'C';
        rec->ctx[i].seq = 1 + weir_sim_draw(d->x, WEIR_RECORD_SEQ_MAX);
    }
    rec->sig = weir_sim_draw(d->x, 3) == 0 ? draw_bytes(d, WEIR_RECORD_SIG_LEN) : WEIR_SPAN_EMPTY;
    rec->extra = weir_sim_draw(d->x, 3) == 0 ? draw_extra(d) : WEIR_SPAN_EMPTY;
}

static ProtobufCBinaryData bytes_of(struct weir_drill *d, struct weir_span s)
{
    return weir_drill_bytes(d, s.at, s.len);
}

/* Fields of a later version; `len` is the last byte of the head of one and all behind it. */
static void add_extra(struct weir_drill *d, struct weir_span extra, ProtobufCMessage *m)
{
    struct weir_span rest = extra;

    m->unknown_fields = weir_drill_alloc(d, 4 * sizeof(*m->unknown_fields));
    while (rest.len > 0) {
        ProtobufCMessageUnknownField *f = &m->unknown_fields[m->n_unknown_fields++];
        static const uint8_t lens[] = { 1, 8, 5, 0, 0, 4 };
        uint32_t head = 0;
        size_t at = 0;
        do
            head |= (uint32_t)(rest.at[at] & 0x7f) << 7 * at;
        while (rest.at[at++] >= 0x80);
        f->tag = head >> TAG_SHIFT;
        f->wire_type = (ProtobufCWireType)(head & 7);
        f->len = lens[head & 7];
        f->data = weir_drill_bytes(d, rest.at + at, f->len).data;
        rest = weir_span_from(rest, at + f->len);
    }
}

Weir__V1__Record *weir_drill_message(struct weir_drill *d, const struct weir_stored_record *rec)
{
    Weir__V1__Record *m = weir_drill_make_record(d, &(struct weir_drill_rec){
                                                        .class = rec->rec.class,
                                                        .key = rec->rec.key,
                                                        .value = "",
                                                        .lane = rec->rec.version.lane,
                                                        .seq = rec->rec.version.seq,
                                                        .hlc = rec->rec.version.hlc,
                                                    });

    m->has_flags = rec->rec.tombstone;
    m->flags = rec->rec.tombstone;
    m->has_value = rec->rec.value.len > 0;
    m->value = bytes_of(d, rec->rec.value);
    m->has_schema = rec->rec.schema > 0;
    m->schema = rec->rec.schema;
    m->has_min_reader = rec->rec.min_reader > 0;
    m->min_reader = rec->rec.min_reader;
    m->has_expires = rec->rec.expires > 0;
    m->expires = rec->rec.expires;
    m->has_sig = rec->sig.len > 0;
    m->sig = bytes_of(d, rec->sig);
    m->n_ctx = rec->num_ctx;
    m->ctx = weir_drill_alloc(d, rec->num_ctx * sizeof(*m->ctx));
    for (size_t i = 0; i < m->n_ctx; i++) {
        m->ctx[i] = weir_drill_alloc(d, sizeof(*m->ctx[i]));
        weir__v1__ctx__init(m->ctx[i]);
        m->ctx[i]->has_lane8 = m->ctx[i]->has_seq = 1;
        m->ctx[i]->lane8 = weir_drill_bytes(d, rec->ctx[i].tail, WEIR_LANE_TAIL_LEN);
        m->ctx[i]->seq = rec->ctx[i].seq;
    }
    if (rec->extra.len > 0)
        add_extra(d, rec->extra, &m->base);
    return m;
}

/* -- comparing -- */

static bool are_bytes(ProtobufCBinaryData a, struct weir_span b)
{
    return weir_span_eq(weir_span(a.data, a.len), b);
}

static bool is_extra_of(const ProtobufCMessage *m, struct weir_span extra)
{
    size_t at = 0;

    for (unsigned i = 0; i < m->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *f = &m->unknown_fields[i];
        uint32_t head = f->tag << TAG_SHIFT | (uint32_t)f->wire_type;
        uint8_t bytes[8];
        size_t len = 0;
        for (; head >= 0x80; head >>= 7)
            bytes[len++] = (uint8_t)(head | 0x80);
        bytes[len++] = (uint8_t)head;
        if (at + len + f->len > extra.len || memcmp(extra.at + at, bytes, len) != 0 ||
            memcmp(extra.at + at + len, f->data, f->len) != 0)
            return false;
        at += len + f->len;
    }
    return at == extra.len;
}

static bool are_ctx_of(const Weir__V1__Record *m, const struct weir_stored_record *rec)
{
    for (size_t i = 0; i < m->n_ctx && i < rec->num_ctx; i++)
        if (!are_bytes(m->ctx[i]->lane8, weir_span(rec->ctx[i].tail, WEIR_LANE_TAIL_LEN)) ||
            m->ctx[i]->seq != rec->ctx[i].seq)
            return false;
    return m->n_ctx == rec->num_ctx;
}

bool weir_drill_is_message_of(const Weir__V1__Record *m, const struct weir_stored_record *rec)
{
    const struct weir_record *r = &rec->rec;

    return m->class_ == (uint32_t)r->class && are_bytes(m->key, r->key) &&
           m->seq == r->version.seq && m->hlc == r->version.hlc && m->has_lane &&
           are_bytes(m->lane, weir_span(r->version.lane, WEIR_LANE_LEN)) &&
           m->flags == r->tombstone && m->schema == r->schema && m->min_reader == r->min_reader &&
           m->expires == r->expires && are_bytes(m->value, r->value) &&
           are_bytes(m->sig, rec->sig) && are_ctx_of(m, rec) && is_extra_of(&m->base, rec->extra);
}

static bool is_same_ctx(const struct weir_stored_record *a, const struct weir_stored_record *b)
{
    for (unsigned i = 0; i < a->num_ctx && i < b->num_ctx; i++)
        if (memcmp(a->ctx[i].tail, b->ctx[i].tail, WEIR_LANE_TAIL_LEN) != 0 ||
            a->ctx[i].seq != b->ctx[i].seq)
            return false;
    return a->num_ctx == b->num_ctx;
}

bool weir_drill_is_record(const struct weir_stored_record *a, const struct weir_stored_record *b)
{
    const struct weir_record *ra = &a->rec;
    const struct weir_record *rb = &b->rec;

    return ra->class == rb->class && weir_span_eq(ra->key, rb->key) &&
           weir_version_eq(&ra->version, &rb->version) && ra->tombstone == rb->tombstone &&
           ra->schema == rb->schema && ra->min_reader == rb->min_reader &&
           ra->expires == rb->expires && weir_span_eq(ra->value, rb->value) && is_same_ctx(a, b) &&
           weir_span_eq(a->sig, b->sig) && weir_span_eq(a->extra, b->extra);
}

/* -- reading -- */

struct weir_stored_record *weir_drill_copy_record(struct weir_drill *d,
                                                  const struct weir_stored_record *rec)
{
    struct weir_stored_record *copy = weir_drill_alloc(d, sizeof(*copy));

    *copy = *rec;
    copy->rec.key = weir_span(bytes_of(d, rec->rec.key).data, rec->rec.key.len);
    copy->rec.value = weir_span(bytes_of(d, rec->rec.value).data, rec->rec.value.len);
    copy->sig = weir_span(bytes_of(d, rec->sig).data, rec->sig.len);
    copy->extra = weir_span(bytes_of(d, rec->extra).data, rec->extra.len);
    return copy;
}

struct reader {
    struct weir_drill *d;
    struct weir_stored_record **recs;
    size_t num;
};

static bool read_one(void *arg, const struct weir_stored_record *rec, bool damaged)
{
    struct reader *r = arg;

    (void)damaged;
    r->recs[r->num++] = weir_drill_copy_record(r->d, rec);
    return true;
}

struct weir_stored_record **weir_drill_records(struct weir_drill *d, enum weir_group g,
                                               size_t *ret_num)
{
    size_t num = weir_memory_counts(d->store[g]).num_records;
    struct reader r = { .d = d, .recs = weir_drill_alloc(d, (num + 1) * sizeof(*r.recs)) };

    weir_memory_each_record(d->store[g], read_one, &r);
    *ret_num = r.num;
    return r.recs;
}
