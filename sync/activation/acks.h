/* SPDX-License-Identifier: Apache-2.0
 *
 * acks.h - what all nodes reported of the revisions that changed lately: on how many nodes one is
 * durable, on how many active, and which rejected it, and why. For `weir apply --wait` and `weir
 * rev`. It reports of no node more than its last ack did; what was dropped counts as not there.
 * Owner: one thread.   Limits: WEIR_ACKS_LANES_MAX lanes and WEIR_ACKS_MAX acks of about 64 bytes,
 * the least recently used lanes are dropped first; memory grows by doubling, when a node first
 * reports a lane, and for lists and reasons.
 */
#ifndef WEIR_SYNC_ACTIVATION_ACKS_H
#define WEIR_SYNC_ACTIVATION_ACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/frame/ack.h"
#include "sync/members/members.h"

#define WEIR_ACKS_LANES_MAX 1024
#define WEIR_ACKS_MAX       262144 /* of all lanes: 64 lanes of 4,096 nodes, or all 1,024 of 256 */
#define WEIR_ACKS_LISTS_MAX                                                                        \
    16384 /* acks with held or refused numbers; further ones end before these numbers */
#define WEIR_ACKS_WHYS_MAX 4096 /* acks with a reason; further ones have none */

/** Counts of one revision: active + rejected + waiting <= durable <= members. */
struct weir_acks_count {
    size_t members;     /* joined, this node included; none that left or was evicted */
    size_t durable;     /* unreachable ones included: they will come back with it */
    size_t active;      /* of those that are reachable, like the next two */
    size_t rejected;    /* the revision before it keeps serving */
    size_t waiting;     /* for the compiler, for a record that it names, or for a later weir */
    size_t unreachable; /* members that are DOWN or LOST: it is not known what they serve */
};

/** A node that rejected a revision. */
struct weir_acks_rejection {
    uint8_t node[WEIR_NODE_ID_LEN];
    struct weir_span
        why; /* borrows until an input; empty: not known, or a newer one was rejected */
};

struct weir_acks;

/** @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_acks_new(struct weir_acks **ret);
/** Sets *a NULL. */
void weir_acks_free(struct weir_acks **a);

/**
 * The ack of a node, this one included, replaces its last ack of the lane. Acks of one
 * incarnation of a node must come in the order in which it wrote them; see weir_acks_forget.
 * Without memory a node's first ack of a lane is dropped, and a later one is stored without its
 * lists: it ends before the numbers in them.
 */
void weir_acks_note(struct weir_acks *a, const uint8_t node[WEIR_NODE_ID_LEN],
                    const struct weir_ack *ack);
/** The node restarted, was reset or is gone: its acks are no longer valid. */
void weir_acks_forget(struct weir_acks *a, const uint8_t node[WEIR_NODE_ID_LEN]);

/** Count the members' last acks of a revision. @param seq  1.. */
void weir_acks_count(struct weir_acks *a, const struct weir_members *m,
                     const uint8_t lane[WEIR_LANE_LEN], uint64_t seq, struct weir_acks_count *ret);
/**
 * The nodes that rejected it, ascending by id, members or not.
 * @param after  NULL: the first; else the next one after this node
 * @return false: no more; *ret is untouched
 */
bool weir_acks_next_rejection(const struct weir_acks *a, const uint8_t lane[WEIR_LANE_LEN],
                              uint64_t seq, const uint8_t *after, struct weir_acks_rejection *ret);

/** Lanes that are stored; also those whose acks were all forgotten. */
size_t weir_acks_num_lanes(const struct weir_acks *a);
/** Acks that are stored. */
size_t weir_acks_num(const struct weir_acks *a);
/** Acks that were dropped for want of memory, or with their lanes. */
uint64_t weir_acks_dropped(const struct weir_acks *a);

#endif
