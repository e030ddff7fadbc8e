/* SPDX-License-Identifier: Apache-2.0
 *
 * file.h - files of the user: read whole within a bound, written whole or not at all.
 * Owner: the main thread. Paths that come out in messages are escaped by the code that writes them.
 */
#ifndef WEIR_NODE_CLI_DOCS_FILE_H
#define WEIR_NODE_CLI_DOCS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"

/**
 * Append what a file holds.
 *
 * @param path  "-": standard input
 * @param max   bytes
 * @param ret_why  on failure: a static text such as "no such file"
 * @return WEIR_OK | WEIR_EIO | WEIR_ELIMIT (longer than max) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_file_read(const char *path, size_t max, struct weir_strbuf *out,
                                           const char **ret_why);
/** The folders in which a file may lie that a document names. Borrowed. */
struct weir_file_roots {
    const char *base;           /* the folder that relative names start from */
    bool base_allowed;          /* whether what lies below it may be read */
    const char *const *allowed; /* more folders, below which files may be read */
    size_t num_allowed;
};

/**
 * Append what a regular file below an allowed folder holds. Links are followed as long as they stay
 * below that folder; the kernel enforces it while it opens (openat2), so that a link that changes
 * meanwhile gains nothing.
 *
 * @param name  relative to roots->base, or absolute
 * @param max   bytes
 * @param ret_why  on failure: a static text such as "no such file"
 * @return WEIR_OK | WEIR_EPERM (not below an allowed folder) | WEIR_EIO (also: no regular file) |
 *         WEIR_ELIMIT (longer than max) | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_file_read_beneath(const struct weir_file_roots *roots,
                                                   const char *name, size_t max,
                                                   struct weir_strbuf *out, const char **ret_why);
/**
 * Replace a file's content with `text`: a reader sees the old or the new, and a crash leaves
 * one of them. Keeps the mode and a symbolic link.
 *
 * @return WEIR_OK | WEIR_EIO: *ret_why as above, the file is as before | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_file_replace(const char *path, struct weir_span text,
                                              const char **ret_why);

#endif
