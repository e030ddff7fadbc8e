/* SPDX-License-Identifier: Apache-2.0
 *
 * paths.h - a sorted set of paths that finds the longest path which begins a
 * given one, in logarithmic time. Shared by routes and redirects. Owner: the owner of the block
 * that holds the nodes; read-only once linked. Limits: 65,535 nodes, paths of 65,535 bytes.   Ref:
 * Myers 1983, "An applicative random-access stack" (jump links).
 */
#ifndef WEIR_TENANTS_PATHS_H
#define WEIR_TENANTS_PATHS_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/span.h"

#define WEIR_PATH_NONE UINT16_MAX

/** One path. The links lead to nodes whose paths begin this one, so that a search climbs instead of
 * scanning. */
struct weir_path_node {
    const uint8_t *at; /* borrowed from the block */
    uint16_t len;
    uint16_t item;   /* the caller's number */
    uint16_t parent; /* the longest other path that begins this one, or WEIR_PATH_NONE */
    uint16_t jump;   /* a farther ancestor; a root's leads to itself */
    uint16_t depth;  /* ancestors */
};

/** A node for `path` (at most 65,535 bytes, contract), not yet linked. */
struct weir_path_node weir_paths_node(struct weir_span path, uint16_t item);

/** Set the links. The nodes are sorted by weir_span_cmp, without doubles, fewer than WEIR_PATH_NONE
 * (contract). */
void weir_paths_link(struct weir_path_node *nodes, size_t num);

/** Index of the longest node that begins `path`, or WEIR_PATH_NONE. The nodes must be linked. */
uint16_t weir_paths_longest(const struct weir_path_node *nodes, size_t num, struct weir_span path);

/** Index of the node that equals `path`, or WEIR_PATH_NONE. The nodes need not be linked. */
uint16_t weir_paths_equal(const struct weir_path_node *nodes, size_t num, struct weir_span path);

#endif
