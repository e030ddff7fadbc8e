/* SPDX-License-Identifier: Apache-2.0
 *
 * overlay.c - rings by keyed hashes of ids. A node's neighbours on a ring are the next larger and
 * the next smaller hash; to find them takes one walk over the nodes, no sorting.
 */
#include "sync/members/overlay.h"

#include <string.h>

#include "node/base/contract.h"
#include "node/base/hash.h"
#include "sync/version/num.h"

#define RING_BY_ID   0 /* the number of a ring is its hash's seed: the same on every node */
#define RING_OF_ZONE 1

/* The nearest node in one direction, so far. */
struct side {
    unsigned __int128 distance;
    const struct weir_overlay_node *node; /* NULL: none */
};

/* Where a node stands on a ring: by its hash, and of one hash by its id. */
static unsigned __int128 place_of(unsigned ring, const struct weir_overlay_node *node)
{
    return (unsigned __int128)weir_hash64(ring, node->id, WEIR_NODE_ID_LEN) << 64 |
           weir_num_get_be(node->id, WEIR_NODE_ID_LEN);
}

static void note_node(struct side *s, unsigned __int128 distance,
                      const struct weir_overlay_node *node)
{
    if (s->node == NULL || distance < s->distance)
        *s = (struct side){ distance, node };
}

static void add_link(struct weir_overlay_links *l, const struct weir_overlay_node *node)
{
    size_t at = 0;

    while (at < l->num && memcmp(l->peer[at].id, node->id, WEIR_NODE_ID_LEN) < 0)
        at++;
    if (at < l->num && memcmp(l->peer[at].id, node->id, WEIR_NODE_ID_LEN) == 0)
        return;
    WEIR_ASSERT(l->num < WEIR_OVERLAY_LINKS_MAX);
    memmove(&l->peer[at + 1], &l->peer[at], (l->num - at) * sizeof(l->peer[0]));
    memcpy(l->peer[at].id, node->id, WEIR_NODE_ID_LEN);
    l->peer[at].alive = node->alive;
    l->num++;
}

static bool is_on_ring(unsigned ring, const struct weir_overlay_node *me,
                       const struct weir_overlay_node *other)
{
    return ring != RING_OF_ZONE || weir_span_eq(me->zone, other->zone);
}

static void add_ring(const struct weir_overlay_node *nodes, size_t num,
                     const struct weir_overlay_node *me, unsigned ring,
                     struct weir_overlay_links *links)
{
    unsigned __int128 mine = place_of(ring, me);
    struct side up[2] = { 0 }; /* among all, among those that are alive */
    struct side down[2] = { 0 };

    for (size_t i = 0; i < num; i++) {
        unsigned __int128 distance = place_of(ring, &nodes[i]) - mine; /* a ring: it wraps */
        if (distance == 0 || !is_on_ring(ring, me, &nodes[i]))
            continue;
        for (unsigned j = 0; j <= nodes[i].alive; j++) {
            note_node(&up[j], distance, &nodes[i]);
            note_node(&down[j], -distance, &nodes[i]);
        }
    }
    for (unsigned j = 0; j < WEIR_ARRAY_LEN(up); j++) {
        if (up[j].node != NULL) {
            add_link(links, up[j].node);
            add_link(links, down[j].node);
        }
    }
}

void weir_overlay_compute(const struct weir_overlay_node *nodes, size_t num,
                          const uint8_t me[WEIR_NODE_ID_LEN], struct weir_overlay_links *ret)
{
    struct weir_overlay_node self = { .zone = WEIR_SPAN_EMPTY };

    *ret = (struct weir_overlay_links){ 0 };
    memcpy(self.id, me, WEIR_NODE_ID_LEN);
    for (size_t i = 0; i < num; i++) {
        bool is_me = memcmp(nodes[i].id, me, WEIR_NODE_ID_LEN) == 0;
        if (is_me)
            self.zone = nodes[i].zone;
        if (!is_me && num <= WEIR_OVERLAY_MESH)
            add_link(ret, &nodes[i]);
    }
    /* In a mesh they add nothing. */
    for (unsigned ring = RING_BY_ID; ring < WEIR_OVERLAY_RINGS; ring++)
        add_ring(nodes, num, &self, ring, ret);
}
