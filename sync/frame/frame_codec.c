/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_codec.c - head, memory and names. A message unpacks into one allocation whose size the scan
 * has computed: protobuf-c takes its pieces from it one after the other, and all are freed at once.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/frame/frame.h"
#include "sync/frame/frame_checks.h"
#include "sync/version/version.h"

struct pieces {
    uint8_t *at;
    size_t left;
};

static void *pieces_alloc(void *arg, size_t len)
{
    struct pieces *p = arg;

    if (len > p->left) /* a defect: the scan counts what protobuf-c asks for */
        return NULL;
    size_t padded = (len + FRAME_ALIGN - 1) / FRAME_ALIGN * FRAME_ALIGN;
    void *piece = p->at;
    p->at += padded;
    p->left -= padded;
    return piece;
}

static void pieces_free(void *arg, void *piece)
{
    (void)arg;
    (void)piece; /* all at once, in weir_frame_deinit */
}

static const ProtobufCMessageDescriptor *descriptor_of(uint8_t topic)
{
    static const struct {
        enum weir_frame_topic topic;
        const ProtobufCMessageDescriptor *desc;
    } table[] = {
        { WEIR_FRAME_BATCH_C, &weir__v1__batch__descriptor },
        { WEIR_FRAME_BATCH_E, &weir__v1__batch__descriptor },
        { WEIR_FRAME_HEARTBEAT, &weir__v1__heartbeat__descriptor },
        { WEIR_FRAME_HELLO, &weir__v1__hello__descriptor },
        { WEIR_FRAME_PULL_REQ, &weir__v1__pull_req__descriptor },
        { WEIR_FRAME_PULL_REP, &weir__v1__pull_rep__descriptor },
        { WEIR_FRAME_AUDIT, &weir__v1__audit__descriptor },
    };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(table); i++)
        if (topic == (uint8_t)table[i].topic)
            return table[i].desc;
    return NULL;
}

size_t weir_frame_packed_len(const ProtobufCMessage *msg)
{
    return WEIR_FRAME_HEAD_LEN + protobuf_c_message_get_packed_size(msg);
}

void weir_frame_pack(enum weir_frame_topic topic, const ProtobufCMessage *msg, uint8_t *out)
{
    WEIR_ASSERT(msg->descriptor == descriptor_of((uint8_t)topic));
    out[0] = (uint8_t)topic;
    out[1] = WEIR_FRAME_VERSION;
    protobuf_c_message_pack(msg, out + WEIR_FRAME_HEAD_LEN);
}

static enum weir_frame_fault head_fault(struct weir_span in)
{
    if (in.len < WEIR_FRAME_HEAD_LEN)
        return WEIR_FRAME_BAD_SHORT;
    if (in.len > WEIR_FRAME_MAX)
        return WEIR_FRAME_BAD_SIZE;
    if (descriptor_of(in.at[0]) == NULL)
        return WEIR_FRAME_BAD_TOPIC;
    if (in.at[1] < WEIR_FRAME_VERSION_MIN || in.at[1] > WEIR_FRAME_VERSION)
        return WEIR_FRAME_BAD_VERSION;
    return WEIR_FRAME_OK;
}

/* Unpack what was scanned. On failure nothing is left to free but f->memory. */
static enum weir_frame_fault unpack(struct weir_frame *f, struct weir_span body, size_t memory)
{
    struct pieces p = { .at = f->memory, .left = memory };
    ProtobufCAllocator from_pieces = { pieces_alloc, pieces_free, &p };

    f->msg.any = protobuf_c_message_unpack(descriptor_of((uint8_t)f->topic), &from_pieces, body.len,
                                           body.at);
    return f->msg.any != NULL ? weir_frame_check(f) : WEIR_FRAME_BAD_UNPACK;
}

enum weir_err weir_frame_decode(struct weir_span in, struct weir_frame *ret,
                                enum weir_frame_fault *ret_fault)
{
    struct weir_span body = weir_span_from(in, WEIR_FRAME_HEAD_LEN);
    size_t memory;

    *ret_fault = head_fault(in);
    if (*ret_fault == WEIR_FRAME_OK)
        *ret_fault = weir_frame_scan(descriptor_of(in.at[0]), body, &memory);
    if (*ret_fault != WEIR_FRAME_OK)
        return WEIR_EPROTO;
    WEIR_ASSERT(memory <= WEIR_FRAME_MEMORY_MAX);

    struct weir_frame f = {
        .topic = (enum weir_frame_topic)in.at[0],
        .version = in.at[1],
        .memory = malloc(memory),
    };
    if (f.memory == NULL)
        return WEIR_ENOMEM;
    *ret_fault = unpack(&f, body, memory);
    if (*ret_fault != WEIR_FRAME_OK) {
        weir_frame_deinit(&f);
        return WEIR_EPROTO;
    }
    *ret = f;
    return WEIR_OK;
}

void weir_frame_deinit(struct weir_frame *f)
{
    free(f->memory);
    *f = (struct weir_frame){ 0 };
}

const char *weir_frame_fault_name(enum weir_frame_fault fault)
{
    static const char *const names[] = {
        [WEIR_FRAME_OK] = "none",
        [WEIR_FRAME_BAD_SHORT] = "too short",
        [WEIR_FRAME_BAD_SIZE] = "too long",
        [WEIR_FRAME_BAD_TOPIC] = "unknown topic",
        [WEIR_FRAME_BAD_VERSION] = "wire version",
        [WEIR_FRAME_BAD_TRUNCATED] = "cut off",
        [WEIR_FRAME_BAD_VARINT] = "malformed number",
        [WEIR_FRAME_BAD_WIRE_TYPE] = "wrong type",
        [WEIR_FRAME_BAD_TWICE] = "a field twice",
        [WEIR_FRAME_BAD_MISSING] = "a field missing",
        [WEIR_FRAME_BAD_UNKNOWN] = "too many unknown fields",
        [WEIR_FRAME_BAD_MEMORY] = "too large unpacked",
        [WEIR_FRAME_BAD_RECORDS] = "too many records",
        [WEIR_FRAME_BAD_LANES] = "too many lanes",
        [WEIR_FRAME_BAD_CTX] = "too many context entries",
        [WEIR_FRAME_BAD_ITEMS] = "too many items",
        [WEIR_FRAME_BAD_KEY] = "key length",
        [WEIR_FRAME_BAD_VALUE] = "value length",
        [WEIR_FRAME_BAD_LANE] = "lane",
        [WEIR_FRAME_BAD_SEQ] = "sequence number",
        [WEIR_FRAME_BAD_CLASS] = "class",
        [WEIR_FRAME_BAD_GROUP] = "group",
        [WEIR_FRAME_BAD_FIELD] = "field out of range",
        [WEIR_FRAME_BAD_TOMBSTONE] = "tombstone with a value",
        [WEIR_FRAME_BAD_ORDER] = "out of order",
        [WEIR_FRAME_BAD_BANS] = "ban columns",
        [WEIR_FRAME_BAD_CLAIM] = "a claim that cannot be true",
        [WEIR_FRAME_BAD_UNPACK] = "does not unpack",
    };
    _Static_assert(WEIR_ARRAY_LEN(names) == WEIR_FRAME_NUM_FAULTS, "each fault has a name");

    return (size_t)fault < WEIR_ARRAY_LEN(names) ? names[fault] : "unknown";
}

uint8_t weir_frame_group(uint32_t class)
{
    if (class >= WEIR_CLASS_SETTING && class <= WEIR_CLASS_LANE)
        return 'C';
    return class == WEIR_CLASS_BAN ? 'E' : 0;
}

enum weir_err weir_frame_vector(Weir__V1__Lv *const *lanes, size_t num, struct weir_vector *ret)
{
    weir_vector_reset(ret);
    for (size_t i = 0; i < num; i++) {
        WEIR_ASSERT(lanes[i]->lane.len == WEIR_LANE_LEN);
        enum weir_err err = weir_vector_raise(ret, lanes[i]->lane.data, lanes[i]->seq);
        if (err < 0)
            return err;
    }
    return WEIR_OK;
}

void weir_frame_lanes(const struct weir_vector *v, Weir__V1__Lv *lanes, Weir__V1__Lv **list)
{
    for (size_t i = 0; i < v->num; i++) {
        weir__v1__lv__init(&lanes[i]);
        lanes[i].has_lane = 1;
        lanes[i].lane.len = WEIR_LANE_LEN;
        lanes[i].lane.data = v->items[i].lane;
        lanes[i].has_seq = 1;
        lanes[i].seq = v->items[i].seq;
        list[i] = &lanes[i];
    }
}
