/* SPDX-License-Identifier: Apache-2.0
 *
 * acks.h - what all nodes said of the revisions that changed lately: how many have one durable, how
 * many active, and who rejected it, why. For `weir apply --wait` and `weir rev`. Says of no node
 * more than its last ack did; what is forgotten counts as not there.
 * Owner: one thread.   Limits: WEIR_ACKS_LANES_MAX lanes and WEIR_ACKS_MAX acks of about 64 bytes,
 * the lanes used least lately go first; memory grows by doubling, when a node speaks of a lane for
 * the first time, and for lists and reasons.
 */
#ifndef WEIR_SYNC_ACTIVATION_ACKS_H
#define WEIR_SYNC_ACTIVATION_ACKS_H

#include "sync/frame/ack.h"
#include "sync/members/members.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_ACKS_LANES_MAX 1024
#define WEIR_ACKS_MAX       262144 /* of all lanes: 64 of 4,096 nodes, all 1,024 of 256 */
#define WEIR_ACKS_LISTS_MAX 16384  /* acks with held or refused numbers; others end before them */
#define WEIR_ACKS_WHYS_MAX  4096   /* acks with a reason; others have no text */

/** Of one revision: active + rejected + waiting <= durable <= members. */
struct weir_acks_count {
    size_t members;     /* joined, this node too; none that left or was evicted */
    size_t durable;     /* also of those that are not reachable: they will come back with it */
    size_t active;      /* of those that are reachable, as the next two */
    size_t rejected;    /* what was there before it keeps serving */
    size_t waiting;     /* for the compiler, for what it names, or for a later weir */
    size_t unreachable; /* members that are DOWN or LOST: what they serve is not known */
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
 * A node's ack, this node's too, takes the place of its last one for the lane. Acks of one life of
 * a node must come in the order in which it wrote them; see weir_acks_forget. Without memory a
 * node's first ack of a lane is dropped, and a later one kept without its lists: it ends before
 * them.
 */
void weir_acks_note(struct weir_acks *a, const uint8_t node[WEIR_NODE_ID_LEN],
                    const struct weir_ack *ack);
/** The node was started anew, was reset or is gone: what it said does not hold any more. */
void weir_acks_forget(struct weir_acks *a, const uint8_t node[WEIR_NODE_ID_LEN]);

/** Count the members' last words about a revision. @param seq  1.. */
void weir_acks_count(struct weir_acks *a, const struct weir_members *m,
                     const uint8_t lane[WEIR_LANE_LEN], uint64_t seq, struct weir_acks_count *ret);
/**
 * Who rejected it, ascending by id, members or not.
 * @param after  NULL: the first; else the one behind this node
 * @return false: no more; *ret is untouched
 */
bool weir_acks_next_rejection(const struct weir_acks *a, const uint8_t lane[WEIR_LANE_LEN],
                              uint64_t seq, const uint8_t *after, struct weir_acks_rejection *ret);

/** Lanes kept. */
size_t weir_acks_num_lanes(const struct weir_acks *a);
/** Acks kept. */
size_t weir_acks_num(const struct weir_acks *a);
/** Acks that were not kept for want of memory, or went with their lanes. */
uint64_t weir_acks_dropped(const struct weir_acks *a);

#endif
