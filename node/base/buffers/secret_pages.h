/* SPDX-License-Identifier: Apache-2.0
 *
 * secret_pages.h - memory for secrets: whole pages that no core dump contains, that a child process
 * finds zeroed, and that are wiped when they are freed. For a few long-lived secrets; each
 * allocation costs at least a page. Owner: one thread.   Limits: none.   Ref: madvise(2).
 */
#ifndef WEIR_NODE_BASE_BUFFERS_SECRET_PAGES_H
#define WEIR_NODE_BASE_BUFFERS_SECRET_PAGES_H

#include <stddef.h>

#include "node/base/contract.h"

/** Zeroed memory, aligned to a page. @param len bytes, from 1  @return NULL: out of memory */
WEIR_MUST_USE void *weir_secret_pages_new(size_t len);
/** Wipe and free; sets *at NULL. NULL is legal. @param len as it was allocated */
void weir_secret_pages_free(void **at, size_t len);

#endif
