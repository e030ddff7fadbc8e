/* SPDX-License-Identifier: Apache-2.0
 *
 * secret_heap.h - a heap for secrets that a library allocates piece by piece, such as a private key
 * that was read: in no core dump, in no child, wiped when freed. A thread that is "inside" gets its
 * memory from here; everybody may free it. Owner: the process, behind a lock, since the hooks that
 * a library has for its memory have no argument. Limits: WEIR_SECRET_HEAP_MAX bytes,
 * WEIR_SECRET_PIECE_MAX a piece: beyond, there is none.
 */
#ifndef WEIR_NODE_BASE_BUFFERS_SECRET_HEAP_H
#define WEIR_NODE_BASE_BUFFERS_SECRET_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#include "node/base/contract.h"

#define WEIR_SECRET_HEAP_MAX                                                                       \
    (UINT64_C(1) << 30)             /* bytes of address space; memory is used as needed */
#define WEIR_SECRET_PIECE_MAX 65536 /* bytes with the header */

/** From now on this thread is inside; calls nest. */
void weir_secret_heap_enter(void);
/** One enter less. */
void weir_secret_heap_leave(void);
/** Whether this thread is inside. */
bool weir_secret_heap_inside(void);

/** 16-byte aligned, not zeroed. NULL: too large, or the heap is full or cannot be made. */
WEIR_MUST_USE void *weir_secret_heap_alloc(size_t len);
/** Whether a piece of memory is of this heap. */
bool weir_secret_heap_owns(const void *at);
/** Bytes of a piece of this heap, at least as asked for. */
size_t weir_secret_heap_size(const void *at);
/** Wipe and free a piece of this heap. */
void weir_secret_heap_free(void *at);

#endif
