/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_op.c - the bytes of keys and values.
 */
#include "tests/sim/cluster/sim_op.h"

#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine.h"
#include "sync/frame/frame_bans.h"

/* scope, family, address, length: of every other ban IPv6. Most ban one address or what a customer
 * has of IPv6, a few a whole family. */
static size_t ban_key(uint32_t number, uint8_t out[WEIR_BAN_KEY_LEN])
{
    static const uint8_t lengths[][8] = { { 32, 32, 32, 32, 32, 32, 32, 0 },
                                          { 64, 128, 64, 64, 128, 64, 64, 0 } };
    bool is_v6 = (number & 1) != 0;
    uint8_t len = lengths[is_v6][number / 2 % 8];

    memset(out, 0, WEIR_BAN_KEY_LEN);
    out[3] = (uint8_t)(number % 3);
    out[4] = is_v6 ? 6 : 4;
    out[WEIR_BAN_KEY_LEN - 1] = len;
    if (len == 0)
        return WEIR_BAN_KEY_LEN;
    out[5] = is_v6 ? 0x20 : 10;
    out[6] = (uint8_t)(number >> 16);
    out[7] = (uint8_t)(number >> 8);
    out[8] = (uint8_t)number;
    if (len == 128)
        out[20] = 1;
    return WEIR_BAN_KEY_LEN;
}

size_t weir_sim_op_key(const struct weir_sim_op *op, const uint8_t *member,
                       uint8_t out[WEIR_SIM_KEY_NAME_MAX])
{
    if (op->class == WEIR_CLASS_BAN)
        return ban_key(op->key, out);
    if (op->class == WEIR_CLASS_MEMBER) {
        memcpy(out, member, WEIR_NODE_ID_LEN);
        return WEIR_NODE_ID_LEN;
    }
    out[0] = 'k';
    for (unsigned i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(op->key >> (24 - 8 * i));
    return 5;
}

/* A field of each wire type, with numbers that no version has today. */
static const uint8_t later_fields[] = {
    0xc0, 0x3e, 0xac, 0x02,                       /* 1000: 300 */
    0xc9, 0x3e, 1,    2,    3,   4,   5, 6, 7, 8, /* 1001: 64 bits */
    0xd2, 0x3e, 3,    'n',  'e', 'w',             /* 1002: bytes */
    0xdd, 0x3e, 1,    2,    3,   4,               /* 1003: 32 bits */
};

static void fill_member(const struct weir_sim_op *op, const uint8_t *id, struct weir_member *ret)
{
    static const uint8_t large[WEIR_MEMBER_LEN_MAX] = { 0xd2, 0x3e, 0xfc, 0x3f }; /* 8188 bytes */

    *ret = (struct weir_member){ .state = op->state, .num_addresses = 1, .schema_max = 1 };
    memcpy(ret->node, id, WEIR_NODE_ID_LEN);
    ret->node[0] ^= op->form == WEIR_SIM_MEMBER_OTHER;
    ret->address[0] = WEIR_SPAN_LIT("node.example:7443");
    if (op->form == WEIR_SIM_MEMBER_ZONE || op->form == WEIR_SIM_MEMBER_LATER) {
        ret->zone = op->token % 2 == 0 ? WEIR_SPAN_LIT("east") : WEIR_SPAN_LIT("south");
        ret->roles = 200;
    }
    if (op->form == WEIR_SIM_MEMBER_LATER) {
        ret->schema_max = 0;
        ret->extra = weir_span(later_fields, sizeof(later_fields));
    } else if (op->form == WEIR_SIM_MEMBER_LARGE) {
        ret->extra = weir_span(large, sizeof(large));
    }
}

uint32_t weir_sim_op_member_len(const struct weir_sim_op *op, const uint8_t *member)
{
    struct weir_member value;

    fill_member(op, member, &value);
    return (uint32_t)weir_member_packed_len(&value) - (op->form == WEIR_SIM_MEMBER_CUT);
}

/* The state, which comes last but one, goes to the end. */
static void put_last(uint8_t *out, size_t len)
{
    uint8_t state[2];

    memcpy(state, out + len - 4, 2);
    memmove(out + len - 4, out + len - 2, 2);
    memcpy(out + len - 2, state, 2);
}

static void pack_member(const struct weir_sim_op *op, const uint8_t *member, uint8_t *out)
{
    struct weir_member value;

    fill_member(op, member, &value);
    weir_member_pack(&value, out);
    if (op->form == WEIR_SIM_MEMBER_ORDER)
        put_last(out, op->value_len);
}

void weir_sim_op_value(const struct weir_sim_op *op, const uint8_t *member, uint8_t *out)
{
    if (op->class == WEIR_CLASS_MEMBER) {
        pack_member(op, member, out);
        return;
    }
    if (op->class == WEIR_CLASS_BAN) {
        if (op->value_len > 0)
            out[0] = (uint8_t)(1 + op->token % 7); /* a reason */
        return;
    }
    for (uint32_t i = 0; i < op->value_len; i++)
        out[i] = i < 8 ? (uint8_t)(op->token >> (8 * i)) : (uint8_t)(op->token + i);
}
