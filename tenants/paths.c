/* SPDX-License-Identifier: Apache-2.0
 *
 * paths.c - longest-prefix search by one binary search and a climb over jump links.
 * Why it holds: when P begins K, every path between P and K in byte order also begins with P. So
 * the longest P in the set is the last path not above K, or one of its ancestors: the first that is
 * no longer than what both share.
 */
#include "tenants/paths.h"

#include "node/base/contract.h"

static struct weir_span node_path(const struct weir_path_node *n)
{
    return weir_span(n->at, n->len);
}

struct weir_path_node weir_paths_node(struct weir_span path, uint16_t item)
{
    WEIR_ASSERT(path.len <= UINT16_MAX);
    return (struct weir_path_node){
        .at = path.at,
        .len = (uint16_t)path.len,
        .item = item,
        .parent = WEIR_PATH_NONE,
        .jump = WEIR_PATH_NONE,
    };
}

/**
 * Where node `i` jumps: as far as its parent's two next jumps together when they are equally long,
 * else to its parent. So every climb is logarithmic in the depth, with two numbers a node.
 */
static uint16_t jump_of(const struct weir_path_node *nodes, uint16_t parent)
{
    const struct weir_path_node *p = &nodes[parent];
    const struct weir_path_node *pj = &nodes[p->jump];
    const struct weir_path_node *pjj = &nodes[pj->jump];

    return p->depth - pj->depth == pj->depth - pjj->depth ? pj->jump : parent;
}

void weir_paths_link(struct weir_path_node *nodes, size_t num)
{
    WEIR_ASSERT(num < WEIR_PATH_NONE);
    for (uint16_t i = 0; i < num; i++) {
        struct weir_path_node *n = &nodes[i];
        uint16_t parent = i == 0 ? WEIR_PATH_NONE : (uint16_t)(i - 1);

        WEIR_DCHECK(i == 0 || weir_span_cmp(node_path(&nodes[i - 1]), node_path(n)) < 0);
        /* A path that begins this one and is sorted before it also begins all paths between: it is
         * an ancestor of the neighbour. */
        while (parent != WEIR_PATH_NONE &&
               !weir_span_starts(node_path(n), node_path(&nodes[parent])))
            parent = nodes[parent].parent;
        n->parent = parent;
        n->depth = parent == WEIR_PATH_NONE ? 0 : (uint16_t)(nodes[parent].depth + 1);
        n->jump = parent == WEIR_PATH_NONE ? i : jump_of(nodes, parent);
    }
}

/** Number of nodes that are not above `path` in byte order. */
static size_t upper_bound(const struct weir_path_node *nodes, size_t num, struct weir_span path)
{
    size_t low = 0, high = num;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (weir_span_cmp(node_path(&nodes[mid]), path) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static size_t shared_len(struct weir_span a, struct weir_span b)
{
    size_t max = a.len < b.len ? a.len : b.len;
    size_t n = 0;

    while (n < max && a.at[n] == b.at[n])
        n++;
    return n;
}

uint16_t weir_paths_longest(const struct weir_path_node *nodes, size_t num, struct weir_span path)
{
    size_t below = upper_bound(nodes, num, path);
    if (below == 0)
        return WEIR_PATH_NONE;

    uint16_t at = (uint16_t)(below - 1);
    size_t shared = shared_len(node_path(&nodes[at]), path);
    while (at != WEIR_PATH_NONE && nodes[at].len > shared) {
        uint16_t jump = nodes[at].jump;

        at = jump != at && nodes[jump].len > shared ? jump : nodes[at].parent;
    }
    return at;
}

uint16_t weir_paths_equal(const struct weir_path_node *nodes, size_t num, struct weir_span path)
{
    size_t below = upper_bound(nodes, num, path);

    if (below == 0 || !weir_span_eq(node_path(&nodes[below - 1]), path))
        return WEIR_PATH_NONE;
    return (uint16_t)(below - 1);
}
