/* SPDX-License-Identifier: Apache-2.0
 *
 * error_pages.h - `error_pages: { "502": { file: sorry.html } }`: nodes do not have the user's
 * files, so the file becomes the body before a document is sent. Limits: WEIR_ERROR_PAGE_MAX bytes
 * a page; UTF-8; the schema bounds all pages of a tenant.
 */
#ifndef WEIR_NODE_CLI_ERROR_PAGES_H
#define WEIR_NODE_CLI_ERROR_PAGES_H

#include "node/cli/source.h"

#define WEIR_ERROR_PAGE_MAX 65536 /* bytes; as the schema's rule for a body */

/**
 * Read the pages of a tenant's document into it: body, and content_type by the file's extension
 * when the document does not have one. Paths are relative to the document's folder. What is wrong
 * is told with weir_source_fault. Memory is the source's.
 */
void weir_error_pages_read(struct weir_source *s, struct weir_source_doc *doc);

#endif
