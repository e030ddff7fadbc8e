/* SPDX-License-Identifier: Apache-2.0
 *
 * tree_walk.h - visits every page of a tree, around the holes when there are some. Pure, in place.
 * For the check of a whole file and for what can be read of a damaged one. A page met twice (two
 * parents, a loop, also listed as free) counts as bad and is not entered again, so that a walk
 * always ends after as many steps as the file has pages.
 */
#ifndef WEIR_SYNC_TREE_TREE_WALK_H
#define WEIR_SYNC_TREE_TREE_WALK_H

#include "sync/tree/tree.h"

struct weir_tree_walk {
    struct weir_tree_file file;
    uint8_t *seen; /* borrowed: one bit a page, weir_tree_walk_seen_len bytes, zero at first */
    /** Called for every entry whose value can be read; borrowed from the map. May be NULL. */
    void (*entry)(void *arg, struct weir_span key, struct weir_span value);
    void *arg;
    bool loose;           /* also report entries in bounds on damaged leaf pages */
    uint64_t num_bad;     /* pages and values that could not be read; added to */
    uint64_t num_entries; /* entries met; added to */
};

/** Bytes of the bit map for a file. */
size_t weir_tree_walk_seen_len(const struct weir_tree_file *file);
/** Mark one page. @return false: it was marked already, or is not in the file */
bool weir_tree_walk_mark(struct weir_tree_walk *w, uint64_t pgno);
bool weir_tree_walk_is_seen(const struct weir_tree_walk *w, uint64_t pgno);

/** Walk a tree in key order. @param sorted as weir_tree_page_check */
void weir_tree_walk(struct weir_tree_walk *w, const struct weir_tree *tree, bool sorted);
/**
 * Report the entries of a page that no walk has come to, and with `loose` those of a damaged
 * page. Pages that are no leaves are marked and skipped, with the run they begin.
 */
void weir_tree_walk_orphan(struct weir_tree_walk *w, uint64_t pgno);

#endif
