/* SPDX-License-Identifier: Apache-2.0
 *
 * member.h - a node of the cluster as a record of class MEMBER: the value is the message Member of
 * proto/weir/v1/record.proto, the key the node's id. Pure. Any thread.
 * A member has one form in bytes: fields in the order of their numbers, shortest numbers, no zero
 * that could be left out; fields of later versions behind all others. What unpacks packs to the
 * same bytes.   Limits: below.
 */
#ifndef WEIR_SYNC_FRAME_MEMBER_H
#define WEIR_SYNC_FRAME_MEMBER_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "sync/version/version.h"

#define WEIR_MEMBER_LEN_MAX       8192 /* bytes of a value, with what later versions add */
#define WEIR_MEMBER_KEY_HASH_LEN  32   /* bytes of a SHA-256 */
#define WEIR_MEMBER_ADDRESSES_MAX 16
#define WEIR_MEMBER_ADDRESS_MAX   256 /* bytes of one */
#define WEIR_MEMBER_ZONE_MAX      64  /* bytes */

/** What the operator, or the node itself, made of it. The numbers are those of the record. */
enum weir_member_state {
    WEIR_MEMBER_JOINED = 0,
    WEIR_MEMBER_LEFT = 1,    /* by itself, in order */
    WEIR_MEMBER_EVICTED = 2, /* by others: no node keeps a link to it */
    WEIR_MEMBER_NUM_STATES,
};

/** A member taken apart. Spans borrow from the value. */
struct weir_member {
    uint8_t node[WEIR_NODE_ID_LEN];
    uint8_t key_hash[WEIR_MEMBER_KEY_HASH_LEN]; /* of its certificate's SubjectPublicKeyInfo */
    enum weir_member_state state;
    uint32_t roles;
    uint16_t schema_max; /* what it read when it wrote this; 0: not known */
    uint8_t num_addresses;
    struct weir_span address[WEIR_MEMBER_ADDRESSES_MAX]; /* 1..WEIR_MEMBER_ADDRESS_MAX bytes */
    struct weir_span zone;  /* 0..WEIR_MEMBER_ZONE_MAX bytes; empty: none */
    struct weir_span extra; /* fields of later versions, as they came */
};

/** Bytes that weir_member_pack will write: at most WEIR_MEMBER_LEN_MAX when `extra` is empty. */
size_t weir_member_packed_len(const struct weir_member *m);
/**
 * Write the value. Lengths and state must be in their ranges (contract). Addresses and zone must
 * be text without control characters, or every reader rejects the record.
 * @param out  weir_member_packed_len bytes
 */
void weir_member_pack(const struct weir_member *m, uint8_t *out);
/**
 * Take a record apart and check all of it: it may come from any peer.
 *
 * @param key  of the record: must be the node's id
 * @param ret  written on success only; borrows from `value`
 * @return WEIR_OK | WEIR_EPROTO: not a member; count it and go on as if the record were not there
 */
WEIR_MUST_USE enum weir_err weir_member_unpack(struct weir_span key, struct weir_span value,
                                               struct weir_member *ret);

#endif
