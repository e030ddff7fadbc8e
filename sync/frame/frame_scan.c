/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_scan.c - the check of the wire form, by the tables below. It reads tags, lengths and
 * numbers itself and descends only where the schema does, three messages deep; a field that the
 * schema does not have is skipped whole, whatever it holds.
 * Stricter than protobuf: shortest numbers only, no field twice, no groups. Every writer of ours
 * keeps to that, so that one message has one form.
 */
#include <string.h>

#include "node/base/limits.h"
#include "sync/frame/ack.h"
#include "sync/frame/frame_checks.h"
#include "sync/frame/member.h"
#include "sync/version/hlc.h"
#include "sync/version/record.h"
#include "sync/version/sums.h"

#define FIELDS_MAX      15 /* of one message of the schema */
#define INNER_UNKNOWN   64 /* unknown fields of a message inside another */
#define CLUSTER_MAX     32 /* bytes of Hello.cluster */
#define SESSION_MAX     16 /* bytes of a pull session's name */
#define NODE_LEN        8
#define INCARNATION_LEN 16
#define HEARTBEATS_MAX  4096 /* acks or echoes of one heartbeat */
#define OWN_MAX         64   /* lanes of one node */
#define CLASSES_MAX     16
#define FORCED_MAX      1024                /* keys of one request */
#define MS_MAX          WEIR_RECORD_SEQ_MAX /* Unix milliseconds have 48 bits too */

/* protobuf-c notes each field that it reads: the first ones on its stack, the others in slabs of
 * which each has room for as many as all before it and STACK_FIELDS more. */
#define STACK_FIELDS 16
#define NOTE_LEN     32 /* bytes of one */

/* Of one field: bytes are min..max long, numbers min..max large, there are at most num. */
struct rule {
    uint32_t tag;
    bool must;
    enum weir_frame_fault fault; /* of a length or a number */
    uint64_t min;
    uint64_t max;
    uint32_t num;
    enum weir_frame_fault num_fault; /* of one more than `num` */
};

struct rules {
    const ProtobufCMessageDescriptor *desc;
    struct rule of[FIELDS_MAX]; /* in the order of their tags, none left out */
};

#define MAY  false
#define MUST true
#define ANY  0, UINT64_MAX

/* clang-format off */
#define ONE(tag, must, fault, ...)        { tag, must, fault, __VA_ARGS__, 1, WEIR_FRAME_BAD_TWICE }
#define MANY(tag, fault, ...)             { tag, MAY, fault, __VA_ARGS__ }
#define CLASS(tag)                        ONE(tag, MUST, WEIR_FRAME_BAD_CLASS, WEIR_CLASS_SETTING, WEIR_CLASS_BAN)
#define KEY(tag)                          ONE(tag, MUST, WEIR_FRAME_BAD_KEY, 1, WEIR_KEY_MAX)
#define LANE(tag, must)                   ONE(tag, must, WEIR_FRAME_BAD_LANE, WEIR_LANE_LEN, WEIR_LANE_LEN)
#define SEQ(tag, must, least)             ONE(tag, must, WEIR_FRAME_BAD_SEQ, least, WEIR_RECORD_SEQ_MAX)
#define STAMP(tag, must)                  ONE(tag, must, WEIR_FRAME_BAD_CLAIM, 0, WEIR_HLC_MAX)
#define FIELD(tag, must, ...)             ONE(tag, must, WEIR_FRAME_BAD_FIELD, __VA_ARGS__)
#define BYTES(tag, must, len)             FIELD(tag, must, len, len)
#define LETTERS(tag)                      ONE(tag, MUST, WEIR_FRAME_BAD_BANS, 1, WEIR_FRAME_RECORDS)
#define COLUMN(tag)                       MANY(tag, WEIR_FRAME_BAD_BANS, ANY, WEIR_FRAME_RECORDS, WEIR_FRAME_BAD_BANS)
#define LANES(tag, most)                  MANY(tag, WEIR_FRAME_OK, ANY, most, WEIR_FRAME_BAD_LANES)
#define RECORDS(tag)                      MANY(tag, WEIR_FRAME_OK, ANY, WEIR_FRAME_RECORDS, WEIR_FRAME_BAD_RECORDS)
#define ITEMS(tag, fault, min, max, most) MANY(tag, fault, min, max, most, WEIR_FRAME_BAD_ITEMS)
#define HOLES(tag)                        ITEMS(tag, WEIR_FRAME_BAD_SEQ, 1, WEIR_RECORD_SEQ_MAX, WEIR_ACK_HOLES_MAX)
#define HEARTBEATS(tag)                   MANY(tag, WEIR_FRAME_OK, ANY, HEARTBEATS_MAX, WEIR_FRAME_BAD_ITEMS)
#define CONTEXT(tag)                      MANY(tag, WEIR_FRAME_OK, ANY, WEIR_RECORD_CTX_MAX, WEIR_FRAME_BAD_CTX)
/* clang-format on */

static const struct rules all_rules[] = {
    { &weir__v1__record__descriptor,
      {
          CLASS(1),
          KEY(2),
          SEQ(3, MUST, 1),
          LANE(4, MAY),
          STAMP(5, MUST),               /* hlc */
          FIELD(6, MAY, 0, 1),          /* flags */
          FIELD(7, MAY, 0, UINT16_MAX), /* schema */
          FIELD(8, MAY, 0, UINT16_MAX), /* min_reader */
          ONE(9, MAY, WEIR_FRAME_BAD_VALUE, 0, WEIR_RECORD_MAX),
          FIELD(10, MAY, 0, WEIR_RECORD_EXPIRES_MAX),
          CONTEXT(11),
          BYTES(12, MAY, WEIR_RECORD_SIG_LEN),
      } },
    { &weir__v1__ctx__descriptor,
      { ONE(1, MUST, WEIR_FRAME_BAD_LANE, NODE_LEN, NODE_LEN), SEQ(2, MUST, 1) } },
    { &weir__v1__member__descriptor, /* the value of a record, for member.c */
      {
          BYTES(1, MUST, NODE_LEN),
          BYTES(2, MUST, WEIR_MEMBER_KEY_HASH_LEN),
          FIELD(3, MAY, 1, UINT32_MAX),
          ITEMS(4, WEIR_FRAME_BAD_FIELD, 1, WEIR_MEMBER_ADDRESS_MAX, WEIR_MEMBER_ADDRESSES_MAX),
          FIELD(5, MAY, 1, WEIR_MEMBER_ZONE_MAX),
          FIELD(6, MUST, 0, WEIR__V1__MEMBER__STATE__EVICTED),
          FIELD(7, MAY, 1, UINT16_MAX),
      } },
    { &weir__v1__lv__descriptor, { LANE(1, MUST), SEQ(2, MUST, 1) } },
    { &weir__v1__batch__descriptor,
      {
          LANE(1, MUST), SEQ(2, MUST, 1), RECORDS(3), ONE(4, MUST, WEIR_FRAME_BAD_GROUP, 'C', 'E'),
          BYTES(5, MUST, INCARNATION_LEN), FIELD(6, MAY, 0, MS_MAX), /* sent_ms */
          FIELD(7, MAY, ANY), FIELD(8, MAY, ANY),                    /* bans */
      } },
    { &weir__v1__ban_cols__descriptor,
      {
          COLUMN(1),
          ONE(2, MAY, WEIR_FRAME_BAD_BANS, 0, 16 * WEIR_FRAME_RECORDS),
          COLUMN(3),
          LETTERS(4),
          COLUMN(5),
          COLUMN(6),
          LETTERS(7),
      } },
    { &weir__v1__hello__descriptor,
      {
          FIELD(1, MUST, 1, CLUSTER_MAX),
          BYTES(2, MUST, NODE_LEN),
          BYTES(3, MUST, INCARNATION_LEN),
          FIELD(4, MUST, 1, UINT8_MAX), /* wire_max */
          FIELD(5, MUST, 1, UINT8_MAX),
          FIELD(6, MAY, 0, UINT16_MAX), /* schema_max */
          LANES(7, WEIR_LANES_MAX),
          LANES(8, WEIR_LANES_MAX),
          FIELD(10, MAY, ANY),
          FIELD(11, MAY, ANY),
          FIELD(12, MAY, ANY),
          LANES(13, OWN_MAX),
          FIELD(15, MAY, ANY),
          FIELD(16, MAY, ANY),
      } },
    { &weir__v1__pull_req__descriptor,
      {
          FIELD(1, MUST, 1, SESSION_MAX), BYTES(2, MAY, INCARNATION_LEN), LANES(3, WEIR_LANES_MAX),
          FIELD(4, MAY, ANY), ITEMS(5, WEIR_FRAME_BAD_GROUP, 'C', 'E', 2), FIELD(6, MAY, ANY),
          ITEMS(7, WEIR_FRAME_BAD_KEY, 2, 1 + WEIR_KEY_MAX, FORCED_MAX), LANES(8, WEIR_LANES_MAX),
          LANES(9, WEIR_LANES_MAX), FIELD(10, MAY, ANY), /* gen */
      } },
    { &weir__v1__pull_rep__descriptor,
      {
          FIELD(1, MUST, 1, SESSION_MAX), BYTES(2, MUST, INCARNATION_LEN), RECORDS(3),
          LANES(4, WEIR_LANES_MAX), FIELD(5, MAY, ANY), LANES(6, WEIR_LANES_MAX),
          LANES(7, WEIR_LANES_MAX), STAMP(8, MAY),
          FIELD(9, MUST, 0, WEIR__V1__PULL_REP__STATUS__NOT_LIVE), LANES(10, WEIR_LANES_MAX),
          FIELD(11, MAY, ANY), /* gen */
      } },
    { &weir__v1__heartbeat__descriptor,
      {
          BYTES(1, MUST, NODE_LEN),
          BYTES(2, MUST, INCARNATION_LEN),
          FIELD(3, MUST, ANY),
          LANES(4, OWN_MAX),
          FIELD(5, MAY, ANY),
          ITEMS(6, WEIR_FRAME_BAD_FIELD, 1 + WEIR_SUM_LEN, 1 + WEIR_SUM_LEN, CLASSES_MAX),
          FIELD(7, MUST, 0, MS_MAX), /* wall_ms */
          HEARTBEATS(8),
          FIELD(9, MAY, ANY),
          FIELD(10, MAY, 0, UINT16_MAX), /* schema_max */
          HEARTBEATS(11),
          FIELD(12, MAY, ANY),
          FIELD(13, MAY, ANY),
          FIELD(14, MAY, ANY),
      } },
    { &weir__v1__echo__descriptor,
      { BYTES(1, MUST, NODE_LEN), FIELD(2, MUST, ANY), FIELD(3, MUST, ANY) } },
    { &weir__v1__ack__descriptor,
      { LANE(1, MUST), SEQ(2, MAY, 0), SEQ(3, MAY, 0), SEQ(4, MAY, 0),
        FIELD(5, MAY, 0, WEIR_ACK_WHY_MAX), HOLES(6), HOLES(7) } },
    { &weir__v1__audit__descriptor,
      {
          CLASS(1),
          BYTES(2, MAY, WEIR_SUMS_PACKED_LEN),
          ITEMS(3, WEIR_FRAME_BAD_FIELD, 0, WEIR_SUMS_BUCKETS - 1, WEIR_SUMS_BUCKETS),
          RECORDS(4),
      } },
    { &weir__v1__key_ver__descriptor, { KEY(1), LANE(2, MUST), SEQ(3, MUST, 1), STAMP(4, MUST) } },
};

static const struct rules *rules_of(const ProtobufCMessageDescriptor *desc)
{
    for (size_t i = 0;; i++) {
        WEIR_ASSERT(i < WEIR_ARRAY_LEN(all_rules));
        if (all_rules[i].desc == desc)
            return &all_rules[i];
    }
}

/* Where one message is being read. */
struct walk {
    struct weir_span rest;
    const ProtobufCMessageDescriptor *desc;
    const struct rules *rules;
    unsigned depth;
    uint32_t num[FIELDS_MAX]; /* seen of each */
    uint32_t num_unknown;
    size_t *memory; /* of the whole frame */
};

/* A piece that protobuf-c will ask for. A frame has at most WEIR_FRAME_MAX bytes, so no sum of
 * these overflows. */
static void note_memory(struct walk *w, size_t len)
{
    *w->memory += (len + FRAME_ALIGN - 1) / FRAME_ALIGN * FRAME_ALIGN;
}

static enum weir_frame_fault read_varint(struct weir_span *in, uint64_t *ret)
{
    uint64_t v = 0;

    for (unsigned i = 0;; i++) {
        if (i == in->len)
            return WEIR_FRAME_BAD_TRUNCATED;
        uint8_t byte = in->at[i];
        if ((i == 9 && byte > 1) || (i > 0 && byte == 0))
            return WEIR_FRAME_BAD_VARINT;
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *in = weir_span_from(*in, i + 1);
            *ret = v;
            return WEIR_FRAME_OK;
        }
    }
}

/* A number of `bits`, as tags and lengths are. */
static enum weir_frame_fault read_small(struct weir_span *in, unsigned bits, uint32_t *ret)
{
    uint64_t v;
    enum weir_frame_fault fault = read_varint(in, &v);

    if (fault != WEIR_FRAME_OK)
        return fault;
    *ret = (uint32_t)v;
    return v >> bits == 0 ? WEIR_FRAME_OK : WEIR_FRAME_BAD_VARINT;
}

static enum weir_frame_fault read_fixed(struct weir_span *in, size_t len)
{
    if (in->len < len)
        return WEIR_FRAME_BAD_TRUNCATED;
    *in = weir_span_from(*in, len);
    return WEIR_FRAME_OK;
}

static enum weir_frame_fault read_bytes(struct weir_span *in, struct weir_span *ret)
{
    uint32_t len;
    enum weir_frame_fault fault = read_small(in, 31, &len);

    if (fault != WEIR_FRAME_OK)
        return fault;
    if (len > in->len)
        return WEIR_FRAME_BAD_TRUNCATED;
    *ret = weir_span(in->at, len);
    *in = weir_span_from(*in, len);
    return WEIR_FRAME_OK;
}

static enum weir_frame_fault scan_unknown(struct walk *w, uint8_t wire_type)
{
    struct weir_span before = w->rest;
    struct weir_span bytes;
    uint64_t number;
    enum weir_frame_fault fault = WEIR_FRAME_BAD_WIRE_TYPE;

    if (++w->num_unknown > (w->depth == 1 ? WEIR_FRAME_UNKNOWN : INNER_UNKNOWN))
        return WEIR_FRAME_BAD_UNKNOWN;
    if (wire_type == PROTOBUF_C_WIRE_TYPE_VARINT)
        fault = read_varint(&w->rest, &number);
    else if (wire_type == PROTOBUF_C_WIRE_TYPE_64BIT)
        fault = read_fixed(&w->rest, 8);
    else if (wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
        fault = read_bytes(&w->rest, &bytes);
    else if (wire_type == PROTOBUF_C_WIRE_TYPE_32BIT)
        fault = read_fixed(&w->rest, 4);
    if (fault != WEIR_FRAME_OK)
        return fault;
    note_memory(w, before.len - w->rest.len);
    return WEIR_FRAME_OK;
}

static uint8_t wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return PROTOBUF_C_WIRE_TYPE_VARINT;
    }
    WEIR_UNREACHABLE();
}

/* The largest varint of a type. */
static uint64_t most_of(ProtobufCType type)
{
    if (type == PROTOBUF_C_TYPE_BOOL)
        return true;
    return type == PROTOBUF_C_TYPE_UINT64 || type == PROTOBUF_C_TYPE_SINT64 ? UINT64_MAX
                                                                            : UINT32_MAX;
}

/* Bytes of one item of a repeated field, as protobuf-c stores it. */
static size_t item_len(ProtobufCType type)
{
    if (type == PROTOBUF_C_TYPE_BYTES)
        return sizeof(ProtobufCBinaryData);
    bool is_pointer = wire_type_of(type) == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    return is_pointer || most_of(type) > UINT32_MAX ? sizeof(uint64_t) : sizeof(uint32_t);
}

/* One number of a field. Fixed ones may have any value. */
static enum weir_frame_fault scan_number(struct weir_span *in, ProtobufCType type,
                                         const struct rule *rule)
{
    uint64_t v;

    if (wire_type_of(type) == PROTOBUF_C_WIRE_TYPE_32BIT)
        return read_fixed(in, 4);
    if (wire_type_of(type) == PROTOBUF_C_WIRE_TYPE_64BIT)
        return read_fixed(in, 8);
    enum weir_frame_fault fault = read_varint(in, &v);
    if (fault != WEIR_FRAME_OK)
        return fault;
    if (v > most_of(type))
        return WEIR_FRAME_BAD_VARINT;
    return v >= rule->min && v <= rule->max ? WEIR_FRAME_OK : rule->fault;
}

static enum weir_frame_fault scan_packed(struct walk *w, ProtobufCType type,
                                         const struct rule *rule, uint32_t *num)
{
    struct weir_span in;
    enum weir_frame_fault fault = read_bytes(&w->rest, &in);

    while (fault == WEIR_FRAME_OK && in.len > 0) {
        if (++*num > rule->num)
            return rule->num_fault;
        fault = scan_number(&in, type, rule);
    }
    return fault;
}

/* Text is for logs and tables: no control bytes, above all no NUL. */
static bool is_text(struct weir_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < 0x20 || s.at[i] == 0x7f)
            return false;
    return true;
}

static enum weir_frame_fault scan_message(const ProtobufCMessageDescriptor *desc,
                                          struct weir_span body, unsigned depth, size_t *memory);

static enum weir_frame_fault scan_bytes(struct walk *w, const ProtobufCFieldDescriptor *field,
                                        const struct rule *rule)
{
    struct weir_span bytes;
    enum weir_frame_fault fault = read_bytes(&w->rest, &bytes);

    if (fault != WEIR_FRAME_OK)
        return fault;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return scan_message(field->descriptor, bytes, w->depth + 1, w->memory);
    if (bytes.len < rule->min || bytes.len > rule->max)
        return rule->fault;
    if (field->type == PROTOBUF_C_TYPE_STRING && !is_text(bytes))
        return rule->fault;
    note_memory(w, bytes.len + (field->type == PROTOBUF_C_TYPE_STRING)); /* text ends with a NUL */
    return WEIR_FRAME_OK;
}

static enum weir_frame_fault scan_known(struct walk *w, const ProtobufCFieldDescriptor *field,
                                        uint8_t wire_type)
{
    size_t at = (size_t)(field - w->desc->fields);
    WEIR_ASSERT(at < FIELDS_MAX);
    const struct rule *rule = &w->rules->of[at];
    uint8_t own_type = wire_type_of(field->type);

    if (wire_type != own_type)
        return field->label == PROTOBUF_C_LABEL_REPEATED &&
                       wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED
                   ? scan_packed(w, field->type, rule, &w->num[at])
                   : WEIR_FRAME_BAD_WIRE_TYPE;
    if (++w->num[at] > rule->num)
        return rule->num_fault;
    if (own_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
        return scan_bytes(w, field, rule);
    return scan_number(&w->rest, field->type, rule);
}

static enum weir_frame_fault scan_field(struct walk *w)
{
    uint32_t tag;
    enum weir_frame_fault fault = read_small(&w->rest, 32, &tag);

    if (fault != WEIR_FRAME_OK)
        return fault;
    if (tag >> 3 == 0)
        return WEIR_FRAME_BAD_WIRE_TYPE;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(w->desc, tag >> 3);
    return field == NULL ? scan_unknown(w, tag & 7) : scan_known(w, field, tag & 7);
}

/* What the message itself takes, once its fields are counted; and whether one is missing. */
static enum weir_frame_fault scan_end(struct walk *w)
{
    note_memory(w, w->desc->sizeof_message);
    note_memory(w, w->num_unknown * sizeof(ProtobufCMessageUnknownField));
    for (unsigned i = 0; i < w->desc->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &w->desc->fields[i];
        WEIR_ASSERT(w->rules->of[i].tag == field->id);
        if (w->rules->of[i].must && w->num[i] == 0)
            return WEIR_FRAME_BAD_MISSING;
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            note_memory(w, w->num[i] * item_len(field->type));
    }
    return WEIR_FRAME_OK;
}

static enum weir_frame_fault scan_message(const ProtobufCMessageDescriptor *desc,
                                          struct weir_span body, unsigned depth, size_t *memory)
{
    enum weir_frame_fault fault = WEIR_FRAME_OK;
    size_t room = STACK_FIELDS;
    struct walk w = {
        .rest = body,
        .desc = desc,
        .rules = rules_of(desc),
        .depth = depth,
        .memory = memory,
    };

    WEIR_ASSERT(depth <= 3); /* the schema's depth, not the peer's */
    WEIR_ASSERT(desc->n_fields <= FIELDS_MAX);
    for (size_t num = 0; fault == WEIR_FRAME_OK && w.rest.len > 0; num++) {
        fault = scan_field(&w);
        if (num == room) {
            note_memory(&w, (room + STACK_FIELDS) * NOTE_LEN);
            room += room + STACK_FIELDS;
        }
    }
    return fault == WEIR_FRAME_OK ? scan_end(&w) : fault;
}

enum weir_frame_fault weir_frame_scan(const ProtobufCMessageDescriptor *desc, struct weir_span body,
                                      size_t *ret_memory)
{
    *ret_memory = 0;
    enum weir_frame_fault fault = scan_message(desc, body, 1, ret_memory);

    if (fault != WEIR_FRAME_OK)
        return fault;
    return *ret_memory > WEIR_FRAME_MEMORY_MAX ? WEIR_FRAME_BAD_MEMORY : WEIR_FRAME_OK;
}
