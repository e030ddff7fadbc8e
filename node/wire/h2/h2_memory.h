/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_memory.h - the memory that nghttp2 asks for: pools of a few sizes for all HTTP/2 connections
 * of a worker, charged to the worker's budget, with a bound for each connection. Two things that a
 * connection has but that hold nothing while it is idle, the buffer of a frame and the table of
 * streams, are pages of their own, which the system can have back meanwhile. Owner: one worker.
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
#define WEIR_H2_PAGES_USED   8192 /* bytes of a connection's pages that are touched, as a rule */

struct weir_h2_memory {
    struct weir_buffers *buffers;
    struct weir_pool pools[WEIR_H2_MEMORY_SIZES];
    struct weir_h2_pages *free_pages; /* owns, through the slabs */
    struct weir_h2_slab *slabs;       /* owns */
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
    bool making; /* the session is being made: what it asks for may come from the pages */
    bool has_frame, has_table; /* they are in use */
    bool rests;
    uint8_t *pages; /* NULL: none */
};

/** A connection begins. Without memory for pages it has none. */
void weir_h2_use_init(struct weir_h2_use *u, struct weir_h2_memory *m,
                      struct weir_account *account);
/** All else must have been given back (contract). */
void weir_h2_use_deinit(struct weir_h2_use *u);
/** Nothing is being sent or received: give the pages to the system, if nothing is in them. */
void weir_h2_use_rest(struct weir_h2_use *u);
/** The pages are used again. */
void weir_h2_use_wake(struct weir_h2_use *u);

/* As malloc, calloc, realloc and free. NULL: no memory, or the connection is at its bound. */
WEIR_MUST_USE void *weir_h2_malloc(struct weir_h2_use *u, size_t len);
WEIR_MUST_USE void *weir_h2_calloc(struct weir_h2_use *u, size_t num, size_t len);
WEIR_MUST_USE void *weir_h2_realloc(struct weir_h2_use *u, void *p, size_t len);
void weir_h2_release(struct weir_h2_use *u, void *p);

#endif
