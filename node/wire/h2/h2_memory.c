/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_memory.c - see h2_memory.h. Before each run of bytes stands which pool it is of. What is
 * larger than all of them (a table that has grown, a head of an upstream) comes from malloc.
 */
#include "node/wire/h2/h2_memory.h"

#include <stdlib.h>
#include <string.h>

/* With the head. nghttp2 holds: fields and names (64, 96, 128), items that wait to be sent (192),
 * streams (256), tables of references (1 KiB), the map of streams (4 KiB), the session itself, and
 * the buffer of a frame (16.4 KiB, of which only as much is touched as heads are long). */
static const uint32_t sizes[WEIR_H2_MEMORY_SIZES] = { 64,  96,   128,  192,  256,  384,
                                                      512, 1040, 2064, 4112, 8208, 16448 };

struct head {
    uint32_t len;  /* with the head */
    uint32_t size; /* index of its pool, or WEIR_H2_MEMORY_SIZES: of malloc */
    uint64_t align;
};

void weir_h2_memory_init(struct weir_h2_memory *m, struct weir_buffers *buffers)
{
    m->buffers = buffers;
    for (size_t i = 0; i < WEIR_H2_MEMORY_SIZES; i++) {
        uint32_t per_slab = 65536 / sizes[i];
        weir_pool_init(&m->pools[i], sizes[i], per_slab < 64 ? per_slab : 64, 1u << 24);
    }
}

void weir_h2_memory_deinit(struct weir_h2_memory *m)
{
    for (size_t i = 0; i < WEIR_H2_MEMORY_SIZES; i++)
        weir_pool_deinit(&m->pools[i]);
}

static uint32_t size_of(size_t len)
{
    uint32_t i = 0;
    while (i < WEIR_H2_MEMORY_SIZES && sizes[i] < len)
        i++;
    return i;
}

void *weir_h2_malloc(struct weir_h2_use *u, size_t len)
{
    struct weir_budget *b = &u->memory->buffers->budget;
    if (len > WEIR_H2_MEMORY_MAX) {
        u->refused = true;
        return NULL;
    }
    len += sizeof(struct head);
    uint32_t i = size_of(len);
    if (i < WEIR_H2_MEMORY_SIZES)
        len = sizes[i];
    if (u->used + len > WEIR_H2_MEMORY_MAX || b->used + len > b->max) {
        u->refused = true;
        return NULL;
    }
    struct head *h = i < WEIR_H2_MEMORY_SIZES ? weir_pool_get(&u->memory->pools[i]) : malloc(len);
    if (h == NULL) {
        u->refused = true;
        return NULL;
    }
    h->len = (uint32_t)len;
    h->size = i;
    u->used += len;
    weir_budget_take(b, u->account, WEIR_MEMORY_REQUESTS, len);
    return h + 1;
}

void weir_h2_release(struct weir_h2_use *u, void *p)
{
    if (p == NULL)
        return;
    struct head *h = (struct head *)p - 1;
    uint32_t i = h->size;
    WEIR_ASSERT_CMP(i, <=, WEIR_H2_MEMORY_SIZES);
    WEIR_ASSERT_CMP(u->used, >=, h->len);
    u->used -= h->len;
    weir_budget_leave(&u->memory->buffers->budget, u->account, WEIR_MEMORY_REQUESTS, h->len);
    if (i < WEIR_H2_MEMORY_SIZES)
        weir_pool_release(&u->memory->pools[i], h);
    else
        free(h);
}

void *weir_h2_calloc(struct weir_h2_use *u, size_t num, size_t len)
{
    size_t all;
    if (__builtin_mul_overflow(num, len, &all))
        return NULL;
    void *p = weir_h2_malloc(u, all);
    if (p != NULL)
        memset(p, 0, all);
    return p;
}

void *weir_h2_realloc(struct weir_h2_use *u, void *p, size_t len)
{
    if (p == NULL)
        return weir_h2_malloc(u, len);
    size_t had = ((struct head *)p - 1)->len - sizeof(struct head);
    if (len <= had)
        return p;
    void *more = weir_h2_malloc(u, len);
    if (more == NULL)
        return NULL;
    memcpy(more, p, had);
    weir_h2_release(u, p);
    return more;
}
