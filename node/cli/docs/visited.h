/* SPDX-License-Identifier: Apache-2.0
 *
 * visited.h - the folders that a walk was in: links may form a loop, or lead to one folder twice.
 * Owner: the main thread.   Limits: WEIR_VISITED_MAX folders.
 */
#ifndef WEIR_NODE_CLI_DOCS_VISITED_H
#define WEIR_NODE_CLI_DOCS_VISITED_H

#include <sys/stat.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/hashmap.h"

#define WEIR_VISITED_MAX 1000000

struct weir_visited_folder;

struct weir_visited {
    struct weir_visited_folder *first; /* owns the list */
    struct weir_hashmap folders;
};

/** Allocates nothing. */
void weir_visited_init(struct weir_visited *v);
void weir_visited_deinit(struct weir_visited *v);
/**
 * Note a folder, by its device and inode.
 *
 * @param st  of the folder, as stat(2) gives it
 * @return WEIR_OK | WEIR_EEXIST: the walk was there | WEIR_ELIMIT | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_visited_add(struct weir_visited *v, const struct stat *st);

#endif
