/* SPDX-License-Identifier: Apache-2.0
 *
 * store_file.h - the data file before LMDB sees it, read through tree.h. The
 * quick check reads what LMDB will read at start and does not depend on the number of records; the
 * whole check follows every page.
 * Owner: the opening thread, before any other runs.
 */
#ifndef WEIR_SYNC_LAYOUT_STORE_FILE_H
#define WEIR_SYNC_LAYOUT_STORE_FILE_H

#include "sync/layout/store_rows.h"
#include "sync/tree/tree_walk.h"

/** A file up to this size is always checked as a whole: some milliseconds. */
#define STORE_CHECK_WHOLE_BYTES (UINT64_C(32) << 20)

struct store_file {
    int fd;
    struct weir_tree_file pages; /* owns the map; page_len 4096 when no meta page has it */
    bool has_meta;               /* at least one meta page is sound */
    bool newest_known; /* both are sound and fit together; else there may be a later commit */
    struct weir_tree_meta meta; /* the newest sound one */
    int num_trees; /* trees that must exist; those of group C unless the caller sets another number
                    */
    bool has_tree[STORE_NUM_TREES];
    struct weir_tree tree[STORE_NUM_TREES];
    bool created;    /* weir's own meta tree exists; false: LMDB began the file and no more */
    const char *why; /* what the check found, for the log */
};

/** The zero state: weir_store_file_close is legal. */
#define STORE_FILE_ZERO ((struct store_file){ .fd = -1 })

/** @return WEIR_OK | WEIR_ENOTFOUND: no file, or an empty one | WEIR_EIO | WEIR_EPERM | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_store_file_open(int folder_fd, const char *name,
                                                 struct store_file *ret);
void weir_store_file_close(struct store_file *f);

/**
 * Can LMDB be given this file? Fills what is known of it also when it cannot.
 * @param whole  follow every page even if the file is large
 * @return WEIR_OK | WEIR_ECORRUPT: see `why` | WEIR_EUNSUPPORTED: sound, but of a newer format |
 * WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_store_file_check(struct store_file *f, bool whole);

/** A row of weir's own meta tree. @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT */
WEIR_MUST_USE enum weir_err weir_store_file_meta(const struct store_file *f, const char *name,
                                                 struct weir_span *ret_payload);

/**
 * Mark the pages that the free tree lists, and its own.
 * @param ret_unwritten  free pages beyond the end of the file: allocated and freed without being
 * written. A sound file lacks these pages and no others
 * @return false: the free tree is damaged; what could be read of it is marked
 */
bool weir_store_file_mark_free(const struct store_file *f, struct weir_tree_walk *w,
                               uint64_t *ret_unwritten);

#endif
