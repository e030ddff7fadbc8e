/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_tree.h - private to tests/sim/memory/: an ordered tree of links that lie in what is
 * ordered, so that adding and removing never asks for memory and an abort cannot fail. A treap:
 * its shape comes from the number of the adding, its order from rank and tie alone.
 * Owner: one thread.   Limits: none; a million links are some 50 deep at worst, 25 on average.
 */
#ifndef WEIR_TESTS_SIM_MEMORY_MEMORY_TREE_H
#define WEIR_TESTS_SIM_MEMORY_MEMORY_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"

/** Lies in what is ordered; the tree's while it is in one. */
struct memory_link {
    struct memory_link *child[2];
    uint64_t rank;
    uint64_t weight; /* heavier is nearer to the root */
};

/** A place in the order: by rank, then by what the tree's tie makes of the rest. */
struct memory_place {
    uint64_t rank;
    const void *rest;
};

/** Where is the rest of a place to a link of equal rank? < 0 before it, 0 there, > 0 behind it. */
typedef int (*memory_tie)(const void *rest, const struct memory_link *link);

/** Zero state: empty, without a tie. */
struct memory_tree {
    struct memory_link *root; /* borrowed */
    memory_tie tie;           /* NULL: ranks are different */
    size_t num;
    uint64_t num_added; /* ever */
};

/** Add a link at a place where none is (contract). */
void memory_tree_add(struct memory_tree *t, const struct memory_place *at,
                     struct memory_link *link);
/** Take the link at a place away. @return it, or NULL: none is there */
struct memory_link *memory_tree_remove(struct memory_tree *t, const struct memory_place *at);
/** Remove this link, which is at that place (contract). */
void memory_tree_take(struct memory_tree *t, const struct memory_place *at,
                      const struct memory_link *link);
/** Replace the link at a place. @return the old one, or NULL: none was there, nothing was done */
struct memory_link *memory_tree_replace(struct memory_tree *t, const struct memory_place *at,
                                        struct memory_link *link);
/** The link at a place, or NULL. */
struct memory_link *memory_tree_find(const struct memory_tree *t, const struct memory_place *at);
/** The first link behind a place, or NULL. */
struct memory_link *memory_tree_above(const struct memory_tree *t, const struct memory_place *at);
/** The first link, or NULL. */
struct memory_link *memory_tree_first(const struct memory_tree *t);
/** Called for each link; return false to stop. */
typedef bool (*memory_visit)(void *arg, struct memory_link *link);
/** Visit all in order; the tree must not change. @return false: stopped */
bool memory_tree_each(const struct memory_tree *t, memory_visit visit, void *arg);
/** Empty the tree, giving each link to `take`, in no order. */
void memory_tree_drain(struct memory_tree *t, void (*take)(struct memory_link *link));

#endif
