/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_flood.h - how many frames of the kinds that cost the receiver more than the sender one HTTP/2
 * connection may bring: a bucket of tokens for each kind. Pure. Owner: one connection.
 * Limits: the table in h2_flood.c.   Ref: CVE-2019-9511 to 9518, CVE-2023-44487, CVE-2025-8671.
 */
#ifndef WEIR_NODE_WIRE_H2_FLOOD_H
#define WEIR_NODE_WIRE_H2_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"

enum weir_h2_flood_kind {
    WEIR_H2_FLOOD_RESETS, /* streams that ended by RST_STREAM of either peer */
    WEIR_H2_FLOOD_PINGS,
    WEIR_H2_FLOOD_SETTINGS,
    WEIR_H2_FLOOD_PRIORITIES, /* PRIORITY and PRIORITY_UPDATE */
    WEIR_H2_FLOOD_WINDOWS,    /* WINDOW_UPDATE, beyond those that DATA frames have earned */
    WEIR_H2_FLOOD_EMPTY,      /* DATA frames that bring neither bytes nor an end */
    WEIR_H2_FLOOD_UNKNOWN,    /* types that this version does not know */
    WEIR_H2_FLOOD_HEADERS,    /* a header block beyond all limits */
    WEIR_H2_FLOOD_ACKS,       /* responses to SETTINGS and PING that the peer does not read */
    WEIR_H2_FLOOD_REFUSED,    /* streams that were refused before any work began */
    WEIR_H2_FLOOD_KINDS,
};

struct weir_h2_flood {
    uint64_t filled_ms; /* when tokens were added last */
    uint32_t tokens[WEIR_H2_FLOOD_KINDS];
};

/** All buckets are full. */
void weir_h2_flood_init(struct weir_h2_flood *f, uint64_t now_ms);
/** One more of a kind. @return false: that is too many, end the connection */
WEIR_MUST_USE bool weir_h2_flood_take(struct weir_h2_flood *f, enum weir_h2_flood_kind kind,
                                      uint64_t now_ms);
/** The peer has earned `n` more of a kind, up to twice its full bucket. */
void weir_h2_flood_earn(struct weir_h2_flood *f, enum weir_h2_flood_kind kind, uint32_t n);
/** How many of a kind were taken and have not been forgotten yet. */
uint32_t weir_h2_flood_debt(struct weir_h2_flood *f, enum weir_h2_flood_kind kind, uint64_t now_ms);
/** Stable label such as "ping". Never NULL. */
const char *weir_h2_flood_name(enum weir_h2_flood_kind kind);

#endif
