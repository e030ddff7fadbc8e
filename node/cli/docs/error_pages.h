/* SPDX-License-Identifier: Apache-2.0
 *
 * error_pages.h - `error_pages: { "502": { file: sorry.html } }`: nodes do not have the user's
 * files, so the content of the file becomes the body of the page before the document is checked.
 * A document may come from another author than the operator. So it reads only the files that the
 * operator allows.
 * Owner: the main thread.
 * Limits: WEIR_ERROR_PAGE_MAX bytes a page; UTF-8; regular files; the schema bounds all pages of a
 * tenant.
 */
#ifndef WEIR_NODE_CLI_DOCS_ERROR_PAGES_H
#define WEIR_NODE_CLI_DOCS_ERROR_PAGES_H

#include "node/base/arena.h"
#include "node/cli/docs/file.h"
#include "weir/v1/tenant.pb-c.h"

#define WEIR_ERROR_PAGE_MAX 65536 /* bytes; as the schema's rule for a body */
#define WEIR_ERROR_PAGE_WHY 1024  /* bytes of a fault, with its NUL */

/** The files that one document may read. All is borrowed but `why`. */
struct weir_error_pages {
    struct weir_arena *arena; /* texts of pages go there; they must outlive the document */
    struct weir_file_roots roots;
    char why[WEIR_ERROR_PAGE_WHY]; /* the last fault */
};

/**
 * Read the file of a page into its body; content_type, when the document does not have one, follows
 * from the file's extension. A weir_schema_page_reader.
 *
 * @param arg  struct weir_error_pages
 * @return NULL: page->body is set and page->file is not | what is wrong, until the next call
 */
const char *weir_error_page_read(void *arg, Weir__V1__ErrorPage *page);

#endif
