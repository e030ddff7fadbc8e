/* SPDX-License-Identifier: Apache-2.0
 *
 * ack.c - reading and writing of acks, and the one place that defines what they mean.
 */
#include "sync/frame/ack.h"

#include <string.h>

static bool list_has(const uint64_t *list, size_t num, uint64_t seq)
{
    for (size_t i = 0; i < num; i++)
        if (list[i] == seq)
            return true;
    return false;
}

enum weir_ack_state weir_ack_of(const struct weir_ack *a, uint64_t seq)
{
    WEIR_ASSERT(seq > 0);
    if (seq > a->durable)
        return WEIR_ACK_ABSENT;
    if (seq == a->rejected || list_has(a->refused, a->num_refused, seq))
        return WEIR_ACK_REJECTED;
    if (seq > a->active || list_has(a->held, a->num_held, seq))
        return WEIR_ACK_WAITING;
    return WEIR_ACK_ACTIVE;
}

const char *weir_ack_state_name(enum weir_ack_state state)
{
    static const char *const names[] = {
        [WEIR_ACK_ABSENT] = "absent",
        [WEIR_ACK_WAITING] = "waiting",
        [WEIR_ACK_ACTIVE] = "active",
        [WEIR_ACK_REJECTED] = "rejected",
    };
    _Static_assert(WEIR_ARRAY_LEN(names) == WEIR_ACK_NUM_STATES, "each state has a name");

    return (size_t)state < WEIR_ARRAY_LEN(names) ? names[state] : "unknown";
}

void weir_ack_pack(const struct weir_ack *a, struct weir_ack_message *ret)
{
    WEIR_ASSERT(a->why.len <= WEIR_ACK_WHY_MAX);
    WEIR_ASSERT(a->num_held <= WEIR_ACK_HOLES_MAX && a->num_refused <= WEIR_ACK_HOLES_MAX);
    weir__v1__ack__init(&ret->msg);
    ret->msg.has_lane = 1;
    ret->msg.lane = (ProtobufCBinaryData){ WEIR_LANE_LEN, (uint8_t *)a->lane };
    ret->msg.has_durable = 1;
    ret->msg.durable = a->durable;
    ret->msg.has_active = 1;
    ret->msg.active = a->active;
    ret->msg.has_rejected = a->rejected != 0;
    ret->msg.rejected = a->rejected;
    if (a->why.len > 0) {
        memcpy(ret->why, a->why.at, a->why.len);
        ret->why[a->why.len] = '\0';
        ret->msg.why = ret->why;
    }
    ret->msg.n_held = a->num_held;
    ret->msg.held = (uint64_t *)a->held;
    ret->msg.n_refused = a->num_refused;
    ret->msg.refused = (uint64_t *)a->refused;
}

/* Copy numbers that ascend and do not pass `most`. */
static bool read_list(const uint64_t *from, size_t num, uint64_t most, uint64_t *to)
{
    uint64_t last = 0;

    if (num > WEIR_ACK_HOLES_MAX)
        return false;
    for (size_t i = 0; i < num; i++) {
        if (from[i] <= last || from[i] > most)
            return false;
        last = to[i] = from[i];
    }
    return true;
}

enum weir_err weir_ack_unpack(const Weir__V1__Ack *msg, struct weir_ack *ret)
{
    struct weir_ack a = {
        .durable = msg->durable,
        .active = msg->active,
        .rejected = msg->rejected,
        .why = weir_span_cstr(msg->why),
        .num_held = msg->n_held,
        .num_refused = msg->n_refused,
    };

    if (msg->lane.len != WEIR_LANE_LEN || a.why.len > WEIR_ACK_WHY_MAX)
        return WEIR_EPROTO;
    if (a.active > a.durable || a.rejected > a.durable)
        return WEIR_EPROTO;
    if (!read_list(msg->held, msg->n_held, a.active, a.held) ||
        !read_list(msg->refused, msg->n_refused, a.active, a.refused))
        return WEIR_EPROTO;
    for (size_t i = 0; i < a.num_held; i++)
        if (list_has(a.refused, a.num_refused, a.held[i]))
            return WEIR_EPROTO;
    memcpy(a.lane, msg->lane.data, WEIR_LANE_LEN);
    *ret = a;
    return WEIR_OK;
}
