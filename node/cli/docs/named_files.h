/* SPDX-License-Identifier: Apache-2.0
 *
 * named_files.h - `error_pages: { "502": { file: sorry.html } }`, `tls: { ca: { file: ca.pem } }`:
 * nodes do not have the user's files, so the content of the file becomes a part of the document
 * before that is checked. A document may come from another author than the operator. So it reads
 * only the files that the operator allows.
 * Owner: the main thread.
 * Limits: WEIR_ERROR_PAGE_MAX bytes a page, WEIR_CA_MAX of authorities; UTF-8; regular files; the
 * schema bounds all pages of a tenant.
 */
#ifndef WEIR_NODE_CLI_DOCS_NAMED_FILES_H
#define WEIR_NODE_CLI_DOCS_NAMED_FILES_H

#include "node/base/arena.h"
#include "node/cli/docs/file.h"
#include "tenants/schema/schema.h"

#define WEIR_NAMED_FILE_WHY 1024 /* bytes of a fault, with its NUL */

/** The files that one document may read. All is borrowed but `why`. */
struct weir_named_files {
    struct weir_arena *arena; /* texts of files go there; they must outlive the document */
    struct weir_file_roots roots;
    char why[WEIR_NAMED_FILE_WHY]; /* the last fault */
};

/** The readers, whose argument is a struct weir_named_files. A page without content_type gets that
 * of its file's extension. */
extern const struct weir_schema_files weir_named_files_readers;

#endif
