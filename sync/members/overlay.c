/* SPDX-License-Identifier: Apache-2.0
 *
 * overlay.c - rings by keyed hashes of ids. A node's neighbours on a ring are the next larger and
 * the next smaller hash; to find them takes one walk over the nodes, no sorting.
 */
#include "sync/members/overlay.h"

#include <string.h>

#include "node/base/contract.h"
#include "node/base/hash.h"

#define RING_BY_ID   0 /* the number of a ring is its hash's seed: the same on every node */
#define RING_OF_ZONE 1

/* Where a node stands on a ring. */
struct spot {
    uint64_t hash;
    const struct weir_overlay_node *node;
};

/* Going around a ring, up or down: the first spot after a given one, and the first of all, with
 * which the way continues after the end. */
struct side {
    struct spot next;
    struct spot first;
};

static int spot_cmp(const struct spot *a, const struct spot *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return memcmp(a->node->id, b->node->id, WEIR_NODE_ID_LEN);
}

/* @param way  1: up, -1: down */
static void note_spot(struct side *s, const struct spot *me, const struct spot *other, int way)
{
    if (spot_cmp(other, me) * way > 0 &&
        (s->next.node == NULL || spot_cmp(other, &s->next) * way < 0))
        s->next = *other;
    if (s->first.node == NULL || spot_cmp(other, &s->first) * way < 0)
        s->first = *other;
}

static const struct weir_overlay_node *end_of(const struct side *s)
{
    return s->next.node != NULL ? s->next.node : s->first.node;
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
    struct spot mine = { weir_hash64(ring, me->id, WEIR_NODE_ID_LEN), me };
    struct side all[2] = { 0 }; /* up, down */
    struct side alive[2] = { 0 };

    for (size_t i = 0; i < num; i++) {
        struct spot other = { weir_hash64(ring, nodes[i].id, WEIR_NODE_ID_LEN), &nodes[i] };
        if (!is_on_ring(ring, me, &nodes[i]) || memcmp(nodes[i].id, me->id, WEIR_NODE_ID_LEN) == 0)
            continue;
        for (int up = 0; up < 2; up++) {
            note_spot(&all[up], &mine, &other, up ? 1 : -1);
            if (nodes[i].alive)
                note_spot(&alive[up], &mine, &other, up ? 1 : -1);
        }
    }
    for (int up = 0; up < 2; up++) {
        if (end_of(&all[up]) != NULL)
            add_link(links, end_of(&all[up]));
        if (end_of(&alive[up]) != NULL)
            add_link(links, end_of(&alive[up]));
    }
}

void weir_overlay_compute(const struct weir_overlay_node *nodes, size_t num,
                          const uint8_t me[WEIR_NODE_ID_LEN], struct weir_overlay_links *ret)
{
    struct weir_overlay_node self = { .alive = true };

    *ret = (struct weir_overlay_links){ 0 };
    memcpy(self.id, me, WEIR_NODE_ID_LEN);
    for (size_t i = 0; i < num; i++) {
        bool is_me = memcmp(nodes[i].id, me, WEIR_NODE_ID_LEN) == 0;
        if (is_me)
            self.zone = nodes[i].zone;
        if (!is_me && num <= WEIR_OVERLAY_MESH)
            add_link(ret, &nodes[i]);
    }
    if (num <= WEIR_OVERLAY_MESH)
        return;
    for (unsigned ring = RING_BY_ID; ring < WEIR_OVERLAY_RINGS; ring++)
        add_ring(nodes, num, &self, ring, ret);
}
