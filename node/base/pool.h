/* SPDX-License-Identifier: Apache-2.0
 *
 * pool.h - objects of one size from slabs, with a cap and a free list. Owner: one thread.
 * A freed object is poisoned in sanitizer builds. Slabs are returned to the system only by deinit.
 */
#ifndef WEIR_NODE_BASE_POOL_H
#define WEIR_NODE_BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"

struct weir_pool {
    void *free_list;
    struct weir_pool_slab *slabs; /* owns */
    size_t object_len;
    size_t num_used; /* objects given out now */
    size_t num_made; /* objects all slabs have room for, 0..max */
    size_t max;
    uint32_t per_slab;
};

/**
 * A pool without objects. Allocates nothing.
 *
 * @param object_len  bytes, 16..1 MiB   @param per_slab  objects allocated at a time, 1..65536
 * @param max         objects in all
 */
void weir_pool_init(struct weir_pool *p, size_t object_len, uint32_t per_slab, size_t max);
/** Change the cap. Objects that slabs have room for already stay usable: a lower cap only ends the
 * growth. */
void weir_pool_set_max(struct weir_pool *p, size_t max);
/** All objects must have been given back (contract). */
void weir_pool_deinit(struct weir_pool *p);
/** Not zeroed. NULL: at the cap or out of memory; refuse the work. */
WEIR_MUST_USE void *weir_pool_get(struct weir_pool *p);
/** Give an object of this pool back. NULL is legal. */
void weir_pool_release(struct weir_pool *p, void *object);

#endif
