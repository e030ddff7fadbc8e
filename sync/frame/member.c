/* SPDX-License-Identifier: Apache-2.0
 *
 * member.c - one member in bytes. Reading is two steps: frame_scan.c proves form, types, lengths
 * and ranges by its table, as for a message from a peer; then the fields are picked out in place.
 */
#include "sync/frame/member.h"

#include <string.h>

#include "sync/frame/frame_checks.h"

#define TAG_NODE       1
#define TAG_KEY_HASH   2
#define TAG_ROLES      3
#define TAG_ADDRESS    4
#define TAG_ZONE       5
#define TAG_STATE      6
#define TAG_SCHEMA_MAX 7

#define TYPE_NUMBER 0 /* wire types */
#define TYPE_64BIT  1
#define TYPE_BYTES  2
#define TYPE_32BIT  5

/* The longest known part: tags of one byte, lengths of at most two. */
_Static_assert(2 + WEIR_NODE_ID_LEN + 2 + WEIR_MEMBER_KEY_HASH_LEN + 6 +
                       WEIR_MEMBER_ADDRESSES_MAX * (3 + WEIR_MEMBER_ADDRESS_MAX) + 2 +
                       WEIR_MEMBER_ZONE_MAX + 2 + 4 <=
                   WEIR_MEMBER_LEN_MAX,
               "a full member fits");
_Static_assert(WEIR_MEMBER_LEFT == (int)WEIR__V1__MEMBER__STATE__LEFT &&
                   WEIR_MEMBER_EVICTED == (int)WEIR__V1__MEMBER__STATE__EVICTED,
               "states are those of the record");

static size_t varint_len(uint64_t v)
{
    size_t len = 1;

    for (; v >= 0x80; v >>= 7)
        len++;
    return len;
}

static uint8_t *append_varint(uint8_t *at, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *at++ = (uint8_t)(v | 0x80);
    *at++ = (uint8_t)v;
    return at;
}

static uint8_t *append_number(uint8_t *at, unsigned tag, uint64_t v)
{
    return append_varint(append_varint(at, tag << 3 | TYPE_NUMBER), v);
}

static uint8_t *append_bytes(uint8_t *at, unsigned tag, struct weir_span s)
{
    at = append_varint(append_varint(at, tag << 3 | TYPE_BYTES), s.len);
    memcpy(at, s.at, s.len);
    return at + s.len;
}

static size_t bytes_len(size_t len)
{
    return 1 + varint_len(len) + len;
}

size_t weir_member_packed_len(const struct weir_member *m)
{
    size_t len = bytes_len(WEIR_NODE_ID_LEN) + bytes_len(WEIR_MEMBER_KEY_HASH_LEN);

    len += m->roles != 0 ? 1 + varint_len(m->roles) : 0;
    for (size_t i = 0; i < m->num_addresses; i++)
        len += bytes_len(m->address[i].len);
    len += m->zone.len > 0 ? bytes_len(m->zone.len) : 0;
    len += 1 + varint_len((uint64_t)m->state);
    len += m->schema_max != 0 ? 1 + varint_len(m->schema_max) : 0;
    return len + m->extra.len;
}

void weir_member_pack(const struct weir_member *m, uint8_t *out)
{
    WEIR_ASSERT(m->state < WEIR_MEMBER_NUM_STATES);
    WEIR_ASSERT(m->num_addresses <= WEIR_MEMBER_ADDRESSES_MAX);
    WEIR_ASSERT(m->zone.len <= WEIR_MEMBER_ZONE_MAX);
    out = append_bytes(out, TAG_NODE, weir_span(m->node, sizeof(m->node)));
    out = append_bytes(out, TAG_KEY_HASH, weir_span(m->key_hash, sizeof(m->key_hash)));
    if (m->roles != 0)
        out = append_number(out, TAG_ROLES, m->roles);
    for (size_t i = 0; i < m->num_addresses; i++) {
        WEIR_ASSERT(m->address[i].len > 0 && m->address[i].len <= WEIR_MEMBER_ADDRESS_MAX);
        out = append_bytes(out, TAG_ADDRESS, m->address[i]);
    }
    if (m->zone.len > 0)
        out = append_bytes(out, TAG_ZONE, m->zone);
    out = append_number(out, TAG_STATE, (uint64_t)m->state);
    if (m->schema_max != 0)
        out = append_number(out, TAG_SCHEMA_MAX, m->schema_max);
    if (m->extra.len > 0)
        memcpy(out, m->extra.at, m->extra.len);
}

/* The readers below are for bytes that weir_frame_scan has passed. */
static uint64_t get_varint(struct weir_span *in)
{
    uint64_t v = 0;
    size_t len = 0;

    do {
        WEIR_ASSERT(len < in->len && len < 10);
        v |= (uint64_t)(in->at[len] & 0x7f) << (7 * len);
    } while (in->at[len++] >= 0x80);
    *in = weir_span_from(*in, len);
    return v;
}

static struct weir_span get_bytes(struct weir_span *in, size_t len)
{
    struct weir_span bytes = weir_span(in->at, len);

    WEIR_ASSERT(len <= in->len);
    *in = weir_span_from(*in, len);
    return bytes;
}

/* One field of any number and type: its number, or its bytes. */
static uint64_t get_field(struct weir_span *in, unsigned type, struct weir_span *ret_bytes)
{
    if (type == TYPE_NUMBER)
        return get_varint(in);
    size_t len = type == TYPE_64BIT ? 8 : type == TYPE_32BIT ? 4 : (size_t)get_varint(in);
    *ret_bytes = get_bytes(in, len);
    return 0;
}

static void note_field(struct weir_member *m, uint64_t tag, uint64_t number, struct weir_span bytes)
{
    if (tag == TAG_NODE)
        memcpy(m->node, bytes.at, sizeof(m->node));
    else if (tag == TAG_KEY_HASH)
        memcpy(m->key_hash, bytes.at, sizeof(m->key_hash));
    else if (tag == TAG_ROLES)
        m->roles = (uint32_t)number;
    else if (tag == TAG_ADDRESS)
        m->address[m->num_addresses++] = bytes;
    else if (tag == TAG_ZONE)
        m->zone = bytes;
    else if (tag == TAG_STATE)
        m->state = (enum weir_member_state)number;
    else if (tag == TAG_SCHEMA_MAX)
        m->schema_max = (uint16_t)number;
}

/* Pick the fields out. @return whether they stand in order, what is not known last */
static bool pick_fields(struct weir_span in, struct weir_member *m)
{
    uint64_t last = 0;

    while (in.len > 0) {
        struct weir_span from = in;
        struct weir_span bytes = WEIR_SPAN_EMPTY;
        uint64_t tag = get_varint(&in);
        uint64_t number = get_field(&in, tag & 7, &bytes);
        tag >>= 3;
        if (tag <= TAG_SCHEMA_MAX && tag < last)
            return false;
        if (tag <= TAG_SCHEMA_MAX)
            note_field(m, tag, number, bytes);
        else if (last <= TAG_SCHEMA_MAX)
            m->extra = from;
        if (last <= TAG_SCHEMA_MAX) /* later versions have an order of their own */
            last = tag;
    }
    return true;
}

enum weir_err weir_member_unpack(struct weir_span key, struct weir_span value,
                                 struct weir_member *ret)
{
    struct weir_member m = { 0 };
    size_t memory;

    if (value.len > WEIR_MEMBER_LEN_MAX)
        return WEIR_EPROTO;
    if (weir_frame_scan(&weir__v1__member__descriptor, value, &memory) != WEIR_FRAME_OK)
        return WEIR_EPROTO;
    if (!pick_fields(value, &m) || !weir_span_eq(key, weir_span(m.node, sizeof(m.node))))
        return WEIR_EPROTO;
    *ret = m;
    return WEIR_OK;
}
