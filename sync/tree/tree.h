/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.h - reads the pages of an LMDB data file and trusts nothing in them. Sans-I/O, pure.
 * LMDB trusts its file: one flipped bit in a page ends the process by an assertion or a wild read.
 * These functions read for the data plane, check pages before every write, and find what is left
 * of a damaged file. Whatever the bytes are, the result is WEIR_ECORRUPT and no access outside the
 * file.
 * Ref: LMDB 0.9 data format, version 1 (64-bit, host byte order).
 */
#ifndef WEIR_SYNC_TREE_TREE_H
#define WEIR_SYNC_TREE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

#define WEIR_TREE_DEPTH_MAX 32         /* levels of a tree; LMDB's own bound */
#define WEIR_TREE_NONE      UINT64_MAX /* the root of an empty tree */
#define WEIR_TREE_HEADER    16         /* bytes of a page header */
#define WEIR_TREE_META_LEN  152        /* bytes of a meta page that have a meaning */
#define WEIR_TREE_DB_LEN    48         /* bytes of a tree's description in the main tree */

/** The file, as far as it may be touched. Borrowed by all that follows. */
struct weir_tree_file {
    const uint8_t *map;
    uint64_t len; /* bytes after `map` that exist */
    uint32_t page_len;
};

/** One B+tree: where it begins and what LMDB counted in it. */
struct weir_tree {
    uint64_t root; /* WEIR_TREE_NONE: empty */
    uint64_t num_entries;
    uint64_t num_branch_pages;
    uint64_t num_leaf_pages;
    uint64_t num_overflow_pages;
    uint16_t depth; /* 1..WEIR_TREE_DEPTH_MAX; 0 when empty */
    uint16_t flags;
};

/** A meta page: one of the two newest committed states. */
struct weir_tree_meta {
    uint64_t txnid;
    uint64_t last_page; /* highest page number in use */
    uint32_t page_len;
    struct weir_tree free; /* pages to use again, by transaction */
    struct weir_tree main; /* names to trees */
};

/**
 * Read meta page `pgno` (0 or 1).
 *
 * @param page  the page's first WEIR_TREE_META_LEN bytes or more
 * @return WEIR_OK | WEIR_ECORRUPT | WEIR_EUNSUPPORTED: a whole LMDB meta page of another version
 */
WEIR_MUST_USE enum weir_err weir_tree_meta_read(struct weir_span page, uint64_t pgno,
                                                struct weir_tree_meta *ret);

/** Read a tree's description, a value of the main tree. @return WEIR_OK | WEIR_ECORRUPT */
WEIR_MUST_USE enum weir_err weir_tree_read(struct weir_span bytes, struct weir_tree *ret);

/**
 * A position in a tree. Valid as long as the pages under it do not change: one read transaction.
 */
struct weir_tree_cursor {
    struct weir_tree_file file;
    unsigned depth;
    struct weir_tree_level {
        const uint8_t *page;
        unsigned at;  /* the entry the cursor is on; num: after the last */
        unsigned num; /* entries of the page */
    } level[WEIR_TREE_DEPTH_MAX];
};

/**
 * Go to the leaf where `key` is or would be, to read the path. The cursor may then stand after
 * the leaf's last entry (`at` == `num`).
 * @return WEIR_OK | WEIR_ENOTFOUND: the tree is empty | WEIR_ECORRUPT
 */
WEIR_MUST_USE enum weir_err weir_tree_locate(struct weir_tree_cursor *c,
                                             const struct weir_tree_file *file,
                                             const struct weir_tree *tree, struct weir_span key);
/**
 * Go to the first entry whose key is `key` or larger.
 *
 * @return WEIR_OK | WEIR_ENOTFOUND: none (weir_tree_prev goes to the last) | WEIR_ECORRUPT
 */
WEIR_MUST_USE enum weir_err weir_tree_seek(struct weir_tree_cursor *c,
                                           const struct weir_tree_file *file,
                                           const struct weir_tree *tree, struct weir_span key);
/** Go to the first entry whatever the order of keys. @return as weir_tree_seek */
WEIR_MUST_USE enum weir_err weir_tree_first(struct weir_tree_cursor *c,
                                            const struct weir_tree_file *file,
                                            const struct weir_tree *tree);
/** @return WEIR_OK | WEIR_ENOTFOUND: there is no further entry | WEIR_ECORRUPT */
WEIR_MUST_USE enum weir_err weir_tree_next(struct weir_tree_cursor *c);
WEIR_MUST_USE enum weir_err weir_tree_prev(struct weir_tree_cursor *c);
/** The entry under the cursor. Spans borrow from the map. @return WEIR_OK | WEIR_ECORRUPT */
WEIR_MUST_USE enum weir_err weir_tree_entry(const struct weir_tree_cursor *c,
                                            struct weir_span *ret_key, struct weir_span *ret_value);
/** The value under exactly this key. @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT */
WEIR_MUST_USE enum weir_err weir_tree_get(const struct weir_tree_file *file,
                                          const struct weir_tree *tree, struct weir_span key,
                                          struct weir_span *ret_value);

/* Single pages: for the check and the rescue of whole files. */

enum weir_tree_page_kind {
    WEIR_TREE_PAGE_BAD = 0, /* nothing that LMDB writes there */
    WEIR_TREE_PAGE_BRANCH = 1,
    WEIR_TREE_PAGE_LEAF = 2,
    WEIR_TREE_PAGE_OVERFLOW = 4,
};

/**
 * Check the whole of a page: header, every entry's bounds, order of keys. What LMDB will do with
 * the page is then defined, whatever it holds.
 *
 * @param sorted  keys are bytes in order; false for the free tree, whose keys are numbers
 */
enum weir_tree_page_kind weir_tree_page_check(const struct weir_tree_file *file, uint64_t pgno,
                                              bool sorted);
/* The following are for pages that were checked, and yet check again: under an open store a page
 * can be damaged between two reads. */

/** Pages of the run that an overflow page begins. 0: it is no page any more */
uint64_t weir_tree_overflow_len(const struct weir_tree_file *file, uint64_t pgno);
/** Entries of a branch or leaf page. 0: it is neither any more */
unsigned weir_tree_page_num(const struct weir_tree_file *file, uint64_t pgno);
bool weir_tree_page_is_leaf(const struct weir_tree_file *file, uint64_t pgno);
/** Bytes of a branch or leaf page that hold entries. 0: it is neither any more */
unsigned weir_tree_page_used(const struct weir_tree_file *file, uint64_t pgno);
/** Child of entry `at` of a branch page. WEIR_TREE_NONE: there is no such entry */
uint64_t weir_tree_page_child(const struct weir_tree_file *file, uint64_t pgno, unsigned at);
/** Key of entry `at`. Empty: there is no such entry */
struct weir_span weir_tree_page_key(const struct weir_tree_file *file, uint64_t pgno, unsigned at);
/** One entry of a leaf. Spans borrow from the map. */
struct weir_tree_item {
    struct weir_span key;
    struct weir_span value;
    uint64_t overflow; /* first page of the value's own run, WEIR_TREE_NONE: it lies in the leaf */
};
/** Entry `at` of such a leaf page. @return WEIR_OK | WEIR_ECORRUPT: its own pages are damaged */
WEIR_MUST_USE enum weir_err weir_tree_page_item(const struct weir_tree_file *file, uint64_t pgno,
                                                unsigned at, struct weir_tree_item *ret);

/** The number of entries that a page has room for, whatever its header states. */
unsigned weir_tree_loose_num(const struct weir_tree_file *file);
/**
 * The entry that would be at position `at` of a leaf page whose header or order is damaged. Only
 * bounds are checked: the caller must have a checksum over key and value.
 * @return WEIR_OK | WEIR_ECORRUPT: nothing there that lies inside the file
 */
WEIR_MUST_USE enum weir_err weir_tree_loose_item(const struct weir_tree_file *file, uint64_t pgno,
                                                 unsigned at, struct weir_tree_item *ret);

#endif
