/* SPDX-License-Identifier: Apache-2.0
 *
 * model_overlay.c - links against rings that are written out: sorted lists, walked step by step.
 */
#include <string.h>

#include "node/base/hash.h"
#include "sync/members/overlay.h"
#include "tests/sim/models/model.h"

#define NODES 84
#define ZONES 4

/* Each ring is all nodes by their hash on it. A guest is on the rings, and is no member. */
struct net {
    struct weir_overlay_node node[NODES + 1];
    size_t num;
    size_t num_members;
    uint64_t hash[WEIR_OVERLAY_RINGS][NODES + 1];
    size_t order[WEIR_OVERLAY_RINGS][NODES + 1];
};

/* Two ids that have the same hash on the first ring: one of the two factors of it is zero. */
static const uint8_t twins[2][WEIR_NODE_ID_LEN] = {
    { 0x16, 0x1f, 0x1e, 0xcd, 0x39, 0xb4, 0x64, 0x35 },
    { 0xa0, 0x27, 0x98, 0x60, 0x6d, 0xc2, 0x8d, 0x65 },
};

static bool is_before(const struct net *n, unsigned ring, size_t a, size_t b)
{
    if (n->hash[ring][a] != n->hash[ring][b])
        return n->hash[ring][a] < n->hash[ring][b];
    return memcmp(n->node[a].id, n->node[b].id, WEIR_NODE_ID_LEN) < 0;
}

static void add_to_rings(struct net *n)
{
    size_t i = n->num++;

    for (unsigned ring = 0; ring < WEIR_OVERLAY_RINGS; ring++) {
        size_t at = i;
        n->hash[ring][i] = weir_hash64(ring, n->node[i].id, WEIR_NODE_ID_LEN);
        for (; at > 0 && is_before(n, ring, i, n->order[ring][at - 1]); at--)
            n->order[ring][at] = n->order[ring][at - 1];
        n->order[ring][at] = i;
    }
}

static bool has_node(const struct net *n, const uint8_t *id)
{
    for (size_t i = 0; i < n->num; i++)
        if (memcmp(n->node[i].id, id, WEIR_NODE_ID_LEN) == 0)
            return true;
    return false;
}

/* Some ids differ in their last byte alone, and some zones in their last or in their length. */
static void draw_node(struct weir_sim_exam *x, struct net *n, uint64_t percent_alive)
{
    static const char *const zones[ZONES] = { "aa", "", "ab", "a" };
    struct weir_overlay_node *node = &n->node[n->num];
    const char *zone = zones[weir_sim_draw(x, 1 + weir_sim_draw(x, ZONES))];

    weir_sim_draw_bytes(x, node->id, WEIR_NODE_ID_LEN);
    if (n->num > 0 && weir_sim_draw(x, 3) == 0)
        memcpy(node->id, n->node[n->num - 1].id, WEIR_NODE_ID_LEN - 1);
    if (n->num == 0)
        memset(node->id, 0, WEIR_NODE_ID_LEN);
    else if (n->num <= 2)
        memcpy(node->id, twins[n->num - 1], WEIR_NODE_ID_LEN);
    node->alive = weir_sim_draw(x, 100) < percent_alive;
    node->zone = weir_span(zone, strlen(zone));
    if (!has_node(n, node->id))
        add_to_rings(n);
}

/* Walk around a ring from `me` to the first that is on it. @return me: there is none */
static size_t walk(const struct net *n, unsigned ring, size_t me, size_t steps, bool alive)
{
    size_t at = 0;

    while (n->order[ring][at] != me)
        at++;
    for (size_t i = 1; i < n->num; i++) {
        const struct weir_overlay_node *other = NULL;
        at = (at + steps) % n->num;
        other = &n->node[n->order[ring][at]];
        if ((other->alive || !alive) && (ring != 1 || weir_span_eq(other->zone, n->node[me].zone)))
            return n->order[ring][at];
    }
    return me;
}

static void expect(const struct net *n, size_t me, bool *ret_linked)
{
    for (size_t i = 0; i < n->num; i++)
        ret_linked[i] = n->num_members <= 64;
    for (unsigned ring = 0; ring < 4 && n->num_members > 64; ring++)
        for (unsigned alive = 0; alive < 2; alive++) {
            ret_linked[walk(n, ring, me, 1, alive)] = true;
            ret_linked[walk(n, ring, me, n->num - 1, alive)] = true;
        }
    ret_linked[me] = false;
}

static const struct weir_overlay_peer *find(const struct weir_overlay_links *l, const uint8_t *id)
{
    for (size_t i = 0; i < l->num; i++)
        if (memcmp(l->peer[i].id, id, WEIR_NODE_ID_LEN) == 0)
            return &l->peer[i];
    return NULL;
}

static void check_node(struct weir_sim_exam *x, const struct net *n, size_t me)
{
    struct weir_overlay_links links;
    bool linked[NODES + 1];
    size_t num = 0;

    memset(&links, 0xa5, sizeof(links));
    weir_overlay_compute(n->node, n->num_members, n->node[me].id, &links);
    expect(n, me, linked);
    for (size_t i = 0; i < n->num; i++) {
        const struct weir_overlay_peer *peer = find(&links, n->node[i].id);
        num += linked[i];
        WEIR_SIM_CLAIM(x, (peer != NULL) == linked[i]);
        WEIR_SIM_CLAIM(x, peer == NULL || peer->alive == n->node[i].alive);
    }
    WEIR_SIM_CLAIM(x, links.num == num);
    for (size_t i = 1; i < links.num; i++)
        WEIR_SIM_CLAIM(x, memcmp(links.peer[i - 1].id, links.peer[i].id, WEIR_NODE_ID_LEN) < 0);
}

static void check_net(struct weir_sim_exam *x, size_t num, uint64_t percent_alive)
{
    static const uint8_t guest[WEIR_NODE_ID_LEN] = { 1 };
    struct net n = { .num = 0 };

    while (n.num < num)
        draw_node(x, &n, percent_alive);
    n.num_members = num;
    for (size_t i = 0; i < num; i++)
        check_node(x, &n, i);
    memcpy(n.node[num].id, guest, sizeof(guest));
    n.node[num].zone = WEIR_SPAN_EMPTY;
    add_to_rings(&n);
    check_node(x, &n, num);
}

void weir_sim_model_overlay(struct weir_sim_exam *x)
{
    WEIR_SIM_CLAIM(x, weir_hash64(0, twins[0], WEIR_NODE_ID_LEN) ==
                          weir_hash64(0, twins[1], WEIR_NODE_ID_LEN));
    check_net(x, weir_sim_draw(x, 4), 50);
    check_net(x, 63 + weir_sim_draw(x, 4), 50);
    check_net(x, 65 + weir_sim_draw(x, NODES - 65), weir_sim_draw(x, 101));
}
