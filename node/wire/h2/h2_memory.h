/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_memory.h - the memory that nghttp2 asks for: pools of a few sizes for all HTTP/2 connections
 * of a worker, charged to the worker's budget, with a bound for each connection. Owner: one worker.
 * Limits: WEIR_H2_MEMORY_MAX bytes of a connection; the budget.
 */
#ifndef WEIR_NODE_WIRE_H2_MEMORY_H
#define WEIR_NODE_WIRE_H2_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/buffers/buffers.h"
#include "node/base/contract.h"
#include "node/base/pool.h"

#define WEIR_H2_MEMORY_MAX   4194304 /* a hundred responses with heads of 40 KiB wait to be sent */
#define WEIR_H2_MEMORY_SIZES 12

struct weir_h2_memory {
    struct weir_buffers *buffers;
    struct weir_pool pools[WEIR_H2_MEMORY_SIZES];
};

/** Allocates nothing yet. `buffers` stay. */
void weir_h2_memory_init(struct weir_h2_memory *m, struct weir_buffers *buffers);
/** All must have been given back (contract). */
void weir_h2_memory_deinit(struct weir_h2_memory *m);

/** What one connection holds. */
struct weir_h2_use {
    struct weir_h2_memory *memory;
    struct weir_account *account;
    size_t used; /* bytes */
    bool refused;
};

/* As malloc, calloc, realloc and free. NULL: no memory, or the connection is at its bound. */
WEIR_MUST_USE void *weir_h2_malloc(struct weir_h2_use *u, size_t len);
WEIR_MUST_USE void *weir_h2_calloc(struct weir_h2_use *u, size_t num, size_t len);
WEIR_MUST_USE void *weir_h2_realloc(struct weir_h2_use *u, void *p, size_t len);
void weir_h2_release(struct weir_h2_use *u, void *p);

#endif
