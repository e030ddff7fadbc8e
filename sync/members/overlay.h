/* SPDX-License-Identifier: Apache-2.0
 *
 * overlay.h - which nodes this node links with. Up to WEIR_OVERLAY_MESH members: all. Above: its
 * neighbours on four rings, so that any two nodes that know the same members agree on each link,
 * and a node that comes or goes changes only links beside itself.
 * Pure, no memory. Any thread.   Limits: WEIR_OVERLAY_LINKS_MAX links; O(members) a computation.
 */
#ifndef WEIR_SYNC_MEMBERS_OVERLAY_H
#define WEIR_SYNC_MEMBERS_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/span.h"
#include "sync/version/version.h"

#define WEIR_OVERLAY_MESH  64 /* members that all link with each other */
#define WEIR_OVERLAY_RINGS 4  /* of all by id, of the zone's own, two more of all */
/* Links above MESH: so many to nodes that are alive, and so many that wait for nodes that are
 * not. */
#define WEIR_OVERLAY_DEGREE    (2 * WEIR_OVERLAY_RINGS)
#define WEIR_OVERLAY_LINKS_MAX WEIR_OVERLAY_MESH
_Static_assert(2 * WEIR_OVERLAY_DEGREE <= WEIR_OVERLAY_LINKS_MAX, "rings need less than a mesh");

/** A member that neither left nor was evicted. */
struct weir_overlay_node {
    uint8_t id[WEIR_NODE_ID_LEN];
    bool alive;
    struct weir_span zone; /* borrowed for the call; empty is a zone too */
};

struct weir_overlay_peer {
    uint8_t id[WEIR_NODE_ID_LEN];
    bool alive;
};

/** Ascending by id, each once. Zero: none. */
struct weir_overlay_links {
    size_t num;
    struct weir_overlay_peer peer[WEIR_OVERLAY_LINKS_MAX];
};

/**
 * The links of node `me`.
 *
 * Up to WEIR_OVERLAY_MESH nodes: all others. Above: on each ring the node before and the node
 * behind; where one of them is not alive, also the next one that is. The link to the dead one stays
 * wanted, so that after a partition, when each side has closed its rings without the other, both
 * try at once to reach across.
 * Symmetric: computed from the same nodes, a is a link of b exactly when b is one of a, if both are
 * alive.
 *
 * @param nodes  in any order, each id once (contract: not checked)
 * @param me     one of them; or not, then it is placed as if it had the empty zone
 */
void weir_overlay_compute(const struct weir_overlay_node *nodes, size_t num,
                          const uint8_t me[WEIR_NODE_ID_LEN], struct weir_overlay_links *ret);

#endif
