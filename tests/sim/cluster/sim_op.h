/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_op.h - a write that a user of a simulated cluster asks for. Keys are numbers; the bytes that
 * stand for them, and the values, are made here.   Owner: none; pure.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_SIM_OP_H
#define WEIR_TESTS_SIM_CLUSTER_SIM_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/frame/member.h"
#include "sync/version/record.h"

#define WEIR_SIM_KEY_NAME_MAX 32

/** What a MEMBER record has beside its state. From WEIR_SIM_MEMBER_CUT on no node can read it. */
enum weir_sim_member_form {
    WEIR_SIM_MEMBER_PLAIN,
    WEIR_SIM_MEMBER_ZONE,  /* zone and roles */
    WEIR_SIM_MEMBER_LATER, /* a later version wrote it: fields of its own, of each wire type */
    WEIR_SIM_MEMBER_READABLE,
    WEIR_SIM_MEMBER_CUT = WEIR_SIM_MEMBER_READABLE, /* ends within a field */
    WEIR_SIM_MEMBER_OTHER,                          /* names another node than its key */
    WEIR_SIM_MEMBER_ORDER,                          /* fields in another order */
    WEIR_SIM_MEMBER_LARGE,                          /* over WEIR_MEMBER_LEN_MAX */
    WEIR_SIM_MEMBER_FORMS,
};

/** A write that a user asks for. */
struct weir_sim_op {
    enum weir_class class;
    uint32_t key; /* a number; of a MEMBER: of the node */
    bool delete;
    uint32_t value_len;
    uint64_t token; /* no two writes have the same */
    uint32_t ttl_s;
    enum weir_member_state state;   /* of a MEMBER */
    enum weir_sim_member_form form; /* likewise */
};

/**
 * The bytes that stand for an op's key.
 * @param member  the id of the node that a MEMBER op is about; not read for other classes
 * @return their number
 */
size_t weir_sim_op_key(const struct weir_sim_op *op, const uint8_t *member,
                       uint8_t out[WEIR_SIM_KEY_NAME_MAX]);
/** The bytes of an op's value, op->value_len of them: the token first. @param member  as above */
void weir_sim_op_value(const struct weir_sim_op *op, const uint8_t *member, uint8_t *out);
/** What value_len is to be for a MEMBER op. @param member  as above */
uint32_t weir_sim_op_member_len(const struct weir_sim_op *op, const uint8_t *member);

#endif
