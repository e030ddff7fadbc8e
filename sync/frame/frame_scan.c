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

#define DEPTH_MAX       3  /* messages inside one another */
#define FIELDS_MAX      15 /* of one message of the schema */
#define RULES_MAX       14 /* messages of the schema */
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

/* What protobuf-c allocates while it reads a message of more fields than fit its stack: slabs of
 * 32 bytes a field, each slab twice the one before. Nothing is freed before the frame is. */
#define STACK_FIELDS   16
#define MEMORY_SLABS   (2 * 2 * STACK_FIELDS * 32)
#define MEMORY_FIELD   (2 * 32)
#define ITEM_LEN(type) ((type) == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : 8)

/* Of one field: bytes are min..max long, numbers min..max large, repeated ones at most num. */
struct rule {
    uint32_t tag;
    bool must;
    enum weir_frame_fault fault; /* of a length or a number */
    uint64_t min;
    uint64_t max;
    uint32_t num;                    /* repeated only */
    enum weir_frame_fault num_fault; /* repeated only */
};

struct rules {
    const ProtobufCMessageDescriptor *desc;
    struct rule of[FIELDS_MAX]; /* in the order of their tags, none left out */
};

#define MAY  false
#define MUST true
#define ANY  0, UINT64_MAX

/* clang-format off */
#define KEY(tag)              { tag, MUST, WEIR_FRAME_BAD_KEY, 1, WEIR_KEY_MAX, 0, 0 }
#define LANE(tag, must)       { tag, must, WEIR_FRAME_BAD_LANE, WEIR_LANE_LEN, WEIR_LANE_LEN, 0, 0 }
#define SEQ(tag, must, least) { tag, must, WEIR_FRAME_BAD_SEQ, least, WEIR_RECORD_SEQ_MAX, 0, 0 }
#define LANES(tag, most)      { tag, MAY, 0, ANY, most, WEIR_FRAME_BAD_LANES }
#define RECORDS(tag)          { tag, MAY, 0, ANY, WEIR_FRAME_RECORDS, WEIR_FRAME_BAD_RECORDS }
#define STAMP(tag, must)      { tag, must, WEIR_FRAME_BAD_CLAIM, 0, WEIR_HLC_MAX, 0, 0 }
#define FIELD(tag, must, ...) { tag, must, WEIR_FRAME_BAD_FIELD, __VA_ARGS__, 0, 0 }
#define HOLES(tag)            { tag, MAY, WEIR_FRAME_BAD_SEQ, 1, WEIR_RECORD_SEQ_MAX, WEIR_ACK_HOLES_MAX, WEIR_FRAME_BAD_ITEMS }
#define BYTES(tag, must, len) FIELD(tag, must, len, len)
#define COLUMN(tag)           { tag, MAY, WEIR_FRAME_BAD_BANS, ANY, WEIR_FRAME_RECORDS, WEIR_FRAME_BAD_BANS }
#define LETTERS(tag)          { tag, MUST, WEIR_FRAME_BAD_BANS, 1, WEIR_FRAME_RECORDS, 0, 0 }
/* clang-format on */

static const struct rules all_rules[RULES_MAX] = {
    { &weir__v1__record__descriptor,
      {
          { 1, MUST, WEIR_FRAME_BAD_CLASS, 1, WEIR_CLASS_BAN, 0, 0 },
          KEY(2),
          SEQ(3, MUST, 1),
          LANE(4, MAY),
          STAMP(5, MUST),               /* hlc */
          FIELD(6, MAY, 0, 1),          /* flags */
          FIELD(7, MAY, 0, UINT16_MAX), /* schema */
          FIELD(8, MAY, 0, UINT16_MAX), /* min_reader */
          { 9, MAY, WEIR_FRAME_BAD_VALUE, 0, WEIR_RECORD_MAX, 0, 0 },
          FIELD(10, MAY, 0, WEIR_RECORD_EXPIRES_MAX),
          { 11, MAY, 0, ANY, WEIR_RECORD_CTX_MAX, WEIR_FRAME_BAD_CTX },
          BYTES(12, MAY, WEIR_RECORD_SIG_LEN),
      } },
    { &weir__v1__ctx__descriptor,
      { { 1, MUST, WEIR_FRAME_BAD_LANE, NODE_LEN, NODE_LEN, 0, 0 }, SEQ(2, MUST, 1) } },
    { &weir__v1__member__descriptor, /* the value of a record, for member.c */
      {
          BYTES(1, MUST, NODE_LEN),
          BYTES(2, MUST, WEIR_MEMBER_KEY_HASH_LEN),
          FIELD(3, MAY, 1, UINT32_MAX),
          { 4, MAY, WEIR_FRAME_BAD_FIELD, 1, WEIR_MEMBER_ADDRESS_MAX, WEIR_MEMBER_ADDRESSES_MAX,
            WEIR_FRAME_BAD_ITEMS },
          FIELD(5, MAY, 1, WEIR_MEMBER_ZONE_MAX),
          FIELD(6, MUST, 0, WEIR__V1__MEMBER__STATE__EVICTED),
          FIELD(7, MAY, 1, UINT16_MAX),
      } },
    { &weir__v1__lv__descriptor, { LANE(1, MUST), SEQ(2, MUST, 1) } },
    { &weir__v1__batch__descriptor,
      {
          LANE(1, MUST),
          SEQ(2, MUST, 1),
          RECORDS(3),
          { 4, MUST, WEIR_FRAME_BAD_GROUP, 'C', 'E', 0, 0 },
          BYTES(5, MUST, INCARNATION_LEN),
          FIELD(6, MAY, 0, MS_MAX), /* sent_ms */
          FIELD(7, MAY, ANY),
          FIELD(8, MAY, ANY), /* bans */
      } },
    { &weir__v1__ban_cols__descriptor,
      {
          COLUMN(1),
          { 2, MAY, WEIR_FRAME_BAD_BANS, 0, 16 * WEIR_FRAME_RECORDS, 0, 0 },
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
          FIELD(9, MAY, ANY),
          FIELD(10, MAY, ANY),
          FIELD(11, MAY, ANY),
          FIELD(12, MAY, ANY),
          LANES(13, OWN_MAX),
          FIELD(14, MAY, ANY),
          FIELD(15, MAY, ANY),
      } },
    { &weir__v1__pull_req__descriptor,
      {
          FIELD(1, MUST, 1, SESSION_MAX),
          BYTES(2, MAY, INCARNATION_LEN),
          LANES(3, WEIR_LANES_MAX),
          FIELD(4, MAY, ANY),
          { 5, MAY, WEIR_FRAME_BAD_GROUP, 'C', 'E', 2, WEIR_FRAME_BAD_ITEMS },
          FIELD(6, MAY, ANY),
          { 7, MAY, WEIR_FRAME_BAD_KEY, 2, 1 + WEIR_KEY_MAX, FORCED_MAX, WEIR_FRAME_BAD_ITEMS },
          LANES(8, WEIR_LANES_MAX),
          LANES(9, WEIR_LANES_MAX),
          FIELD(10, MAY, ANY), /* gen */
          FIELD(11, MAY, ANY), /* retired_hash */
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
          { 6, MAY, WEIR_FRAME_BAD_FIELD, 1 + WEIR_SUM_LEN, 1 + WEIR_SUM_LEN, CLASSES_MAX,
            WEIR_FRAME_BAD_ITEMS },
          FIELD(7, MUST, 0, MS_MAX), /* wall_ms */
          { 8, MAY, 0, ANY, HEARTBEATS_MAX, WEIR_FRAME_BAD_ITEMS },
          FIELD(9, MAY, ANY),
          FIELD(10, MAY, 0, UINT16_MAX), /* schema_max */
          { 11, MAY, 0, ANY, HEARTBEATS_MAX, WEIR_FRAME_BAD_ITEMS },
          FIELD(12, MAY, ANY),
          FIELD(13, MAY, ANY),
      } },
    { &weir__v1__echo__descriptor,
      { BYTES(1, MUST, NODE_LEN), FIELD(2, MUST, ANY), FIELD(3, MUST, ANY) } },
    { &weir__v1__ack__descriptor,
      { LANE(1, MUST), SEQ(2, MAY, 0), SEQ(3, MAY, 0), SEQ(4, MAY, 0),
        FIELD(5, MAY, 0, WEIR_ACK_WHY_MAX), HOLES(6), HOLES(7) } },
    { &weir__v1__audit__descriptor,
      {
          { 1, MUST, WEIR_FRAME_BAD_CLASS, 1, WEIR_CLASS_BAN, 0, 0 },
          BYTES(2, MAY, WEIR_SUMS_PACKED_LEN),
          { 3, MAY, WEIR_FRAME_BAD_FIELD, 0, WEIR_SUMS_BUCKETS - 1, WEIR_SUMS_BUCKETS,
            WEIR_FRAME_BAD_ITEMS },
          RECORDS(4),
      } },
    { &weir__v1__key_ver__descriptor, { KEY(1), LANE(2, MUST), SEQ(3, MUST, 1), STAMP(4, MUST) } },
};

static const struct rules *rules_of(const ProtobufCMessageDescriptor *desc)
{
    for (size_t i = 0; i < RULES_MAX; i++)
        if (all_rules[i].desc == desc)
            return &all_rules[i];
    WEIR_UNREACHABLE();
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

/* A frame has at most WEIR_FRAME_MAX bytes, so no sum of these overflows. */
static enum weir_frame_fault note_memory(struct walk *w, size_t len)
{
    *w->memory += (len + FRAME_ALIGN - 1) / FRAME_ALIGN * FRAME_ALIGN;
    return *w->memory > WEIR_FRAME_MEMORY_MAX ? WEIR_FRAME_BAD_MEMORY : WEIR_FRAME_OK;
}

static enum weir_frame_fault read_varint(struct weir_span *in, uint64_t *ret)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 10; i++) {
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
    return WEIR_FRAME_BAD_VARINT;
}

/* A number of `bits`, as tags and lengths are. */
static enum weir_frame_fault read_small(struct weir_span *in, unsigned bits, uint32_t *ret)
{
    uint64_t v = 0;
    enum weir_frame_fault fault = read_varint(in, &v);

    if (fault == WEIR_FRAME_OK && v >> bits != 0)
        return WEIR_FRAME_BAD_VARINT;
    *ret = (uint32_t)v;
    return fault;
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
    uint32_t len = 0;
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
    fault = note_memory(w, sizeof(ProtobufCMessageUnknownField));
    return fault != WEIR_FRAME_OK ? fault : note_memory(w, before.len - w->rest.len);
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

static unsigned bits_of(ProtobufCType type)
{
    if (type == PROTOBUF_C_TYPE_BOOL)
        return 1;
    return type == PROTOBUF_C_TYPE_UINT64 || type == PROTOBUF_C_TYPE_SINT64 ? 64 : 32;
}

/* One number of a field. Fixed ones may have any value. */
static enum weir_frame_fault scan_number(struct weir_span *in, ProtobufCType type,
                                         const struct rule *rule)
{
    uint64_t v = 0;
    unsigned bits = bits_of(type);

    if (wire_type_of(type) == PROTOBUF_C_WIRE_TYPE_32BIT)
        return read_fixed(in, 4);
    if (wire_type_of(type) == PROTOBUF_C_WIRE_TYPE_64BIT)
        return read_fixed(in, 8);
    enum weir_frame_fault fault = read_varint(in, &v);
    if (fault != WEIR_FRAME_OK)
        return fault;
    if (bits < 64 && v >> bits != 0)
        return WEIR_FRAME_BAD_VARINT;
    return v >= rule->min && v <= rule->max ? WEIR_FRAME_OK : rule->fault;
}

static enum weir_frame_fault scan_packed(struct walk *w, ProtobufCType type,
                                         const struct rule *rule, uint32_t *num)
{
    struct weir_span in = WEIR_SPAN_EMPTY;
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
    return note_memory(w, bytes.len + (field->type == PROTOBUF_C_TYPE_STRING));
}

static enum weir_frame_fault scan_known(struct walk *w, const ProtobufCFieldDescriptor *field,
                                        uint8_t wire_type)
{
    size_t at = (size_t)(field - w->desc->fields);
    WEIR_ASSERT(at < FIELDS_MAX);
    const struct rule *rule = &w->rules->of[at];
    WEIR_ASSERT(rule->tag == field->id);
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    uint8_t own_type = wire_type_of(field->type);

    if (repeated && wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED && own_type != wire_type)
        return scan_packed(w, field->type, rule, &w->num[at]);
    if (wire_type != own_type)
        return WEIR_FRAME_BAD_WIRE_TYPE;
    w->num[at]++;
    if (!repeated && w->num[at] > 1)
        return WEIR_FRAME_BAD_TWICE;
    if (repeated && w->num[at] > rule->num)
        return rule->num_fault;
    if (own_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
        return scan_bytes(w, field, rule);
    return scan_number(&w->rest, field->type, rule);
}

static enum weir_frame_fault scan_field(struct walk *w)
{
    uint32_t tag = 0;
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
    enum weir_frame_fault fault = note_memory(w, w->desc->sizeof_message);

    for (unsigned i = 0; fault == WEIR_FRAME_OK && i < w->desc->n_fields; i++) {
        if (w->rules->of[i].must && w->num[i] == 0)
            return WEIR_FRAME_BAD_MISSING;
        if (w->desc->fields[i].label == PROTOBUF_C_LABEL_REPEATED)
            fault = note_memory(w, w->num[i] * ITEM_LEN(w->desc->fields[i].type));
    }
    return fault;
}

static enum weir_frame_fault scan_message(const ProtobufCMessageDescriptor *desc,
                                          struct weir_span body, unsigned depth, size_t *memory)
{
    enum weir_frame_fault fault = WEIR_FRAME_OK;
    struct walk w = {
        .rest = body,
        .desc = desc,
        .rules = rules_of(desc),
        .depth = depth,
        .memory = memory,
    };

    WEIR_ASSERT(depth <= DEPTH_MAX); /* the schema's depth, not the peer's */
    WEIR_ASSERT(desc->n_fields <= FIELDS_MAX);
    for (size_t num = 0; fault == WEIR_FRAME_OK && w.rest.len > 0; num++) {
        fault = scan_field(&w);
        if (fault == WEIR_FRAME_OK && num >= STACK_FIELDS)
            fault = note_memory(&w, num == STACK_FIELDS ? MEMORY_SLABS : MEMORY_FIELD);
    }
    return fault == WEIR_FRAME_OK ? scan_end(&w) : fault;
}

enum weir_frame_fault weir_frame_scan(const ProtobufCMessageDescriptor *desc, struct weir_span body,
                                      size_t *ret_memory)
{
    size_t memory = 0;
    enum weir_frame_fault fault = scan_message(desc, body, 1, &memory);

    if (fault == WEIR_FRAME_OK)
        *ret_memory = memory;
    return fault;
}
