/* SPDX-License-Identifier: Apache-2.0
 *
 * ack.h - what a node reports of the records of one lane. A replicated record is not yet an active
 * one: it is durable at once, then compiled, then active, rejected or held, and each is reported.
 * Pure. Any thread.   Limits: below.
 */
#ifndef WEIR_SYNC_FRAME_ACK_H
#define WEIR_SYNC_FRAME_ACK_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "sync/version/version.h"
#include "weir/v1/sync.pb-c.h"

#define WEIR_ACK_WHY_MAX   255 /* bytes of a reason */
#define WEIR_ACK_HOLES_MAX 32  /* of each kind; the next one ends `active` */

/** What became of one revision on one node. */
enum weir_ack_state {
    WEIR_ACK_ABSENT,   /* not durable there */
    WEIR_ACK_WAITING,  /* durable; waits for the compiler, for what it names, or for a later weir */
    WEIR_ACK_ACTIVE,   /* live in all workers; or replaced by a newer one, which is what counts */
    WEIR_ACK_REJECTED, /* the revision before it keeps serving */
    WEIR_ACK_NUM_STATES,
};

/**
 * One lane on one node. For a revision with number s the first that applies: s > durable: ABSENT;
 * s == rejected, or s in refused: REJECTED; s > active, or s in held: WAITING; else ACTIVE. A
 * lost or old ack therefore reports less than there is, never more.
 */
struct weir_ack {
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t durable;
    uint64_t active;      /* at most durable */
    uint64_t rejected;    /* the newest that is rejected, at most durable; 0: none */
    struct weir_span why; /* of that one: text of 0..WEIR_ACK_WHY_MAX bytes; borrowed */
    size_t num_held;
    size_t num_refused;
    uint64_t held[WEIR_ACK_HOLES_MAX];    /* ascending, at most active */
    uint64_t refused[WEIR_ACK_HOLES_MAX]; /* ascending, at most active, none of them held */
};

/** What became of revision `seq`, 1.., by this ack. */
enum weir_ack_state weir_ack_of(const struct weir_ack *a, uint64_t seq);
/** "absent" and so on. Never NULL. */
const char *weir_ack_state_name(enum weir_ack_state state);

/** A message with room for its text. */
struct weir_ack_message {
    Weir__V1__Ack msg;
    char why[WEIR_ACK_WHY_MAX + 1];
};

/** The message that stands for an ack; borrows from both until one of them changes. */
void weir_ack_pack(const struct weir_ack *a, struct weir_ack_message *ret);
/**
 * Read the ack of a decoded heartbeat.
 * @param ret  written on success only; `why` borrows from the message
 * @return WEIR_OK | WEIR_EPROTO: numbers that contradict each other; drop this ack
 */
WEIR_MUST_USE enum weir_err weir_ack_unpack(const Weir__V1__Ack *msg, struct weir_ack *ret);

#endif
