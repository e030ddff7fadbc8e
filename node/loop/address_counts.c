/* SPDX-License-Identifier: Apache-2.0
 *
 * address_counts.c - see address_counts.h. A bucket is one cache line of cells; a cell has the
 * count in its low 16 bits and above them 48 bits of the address's hash. A cell whose count is 0 is
 * free. Two workers may give one address two cells at the same time, so that an address's count is
 * the sum over its bucket, and each first adds and then looks.
 */
#include "node/loop/address_counts.h"

#include <stdatomic.h>
#include <stdlib.h>

#define CELLS       8 /* of a bucket: 64 bytes */
#define BUCKETS_MIN 128u
#define BUCKETS_MAX (1u << 19) /* 32 MiB */
#define COUNT_BITS  16
#define COUNT_MASK  ((UINT64_C(1) << COUNT_BITS) - 1)

struct bucket {
    _Alignas(64) _Atomic uint64_t cells[CELLS];
};

struct weir_address_counts {
    struct weir_siphash_key key;
    void *memory;           /* owns */
    struct bucket *buckets; /* the first aligned one in it */
    uint32_t mask;
};

_Static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");
_Static_assert(WEIR_CONNECTIONS_PER_ADDRESS_MAX + 4096 < COUNT_MASK, "no count runs over");

struct weir_address_counts *weir_address_counts_new(uint32_t connections,
                                                    const struct weir_siphash_key *key)
{
    uint32_t num = BUCKETS_MIN;
    struct weir_address_counts *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    while (num < BUCKETS_MAX && (uint64_t)num * CELLS < 2ull * connections)
        num *= 2;
    /* From calloc, so that pages are made only when they are used. */
    t->memory = calloc(num + 1, sizeof(struct bucket));
    if (t->memory == NULL) {
        free(t);
        return NULL;
    }
    t->buckets = (struct bucket *)(((uintptr_t)t->memory + sizeof(struct bucket) - 1) &
                                   ~(uintptr_t)(sizeof(struct bucket) - 1));
    t->key = *key;
    t->mask = num - 1;
    return t;
}

void weir_address_counts_free(struct weir_address_counts **tp)
{
    if (*tp == NULL)
        return;
    free((*tp)->memory);
    free(*tp);
    *tp = NULL;
}

/* The address in its bucket. */
struct spot {
    struct bucket *bucket;
    uint64_t tag; /* in place, with count 0 */
};

static struct spot spot_of(const struct weir_address_counts *t, const struct weir_addr *a)
{
    struct weir_siphash h;
    weir_siphash_init(&h, &t->key);
    weir_siphash_add(&h, a->ip, weir_addr_is_v4(a) ? sizeof(a->ip) : sizeof(a->ip) / 2);
    uint64_t hash = weir_siphash_end(&h);
    return (struct spot){ &t->buckets[hash & t->mask], hash & ~COUNT_MASK };
}

static bool is_of(uint64_t cell, uint64_t tag)
{
    return (cell & COUNT_MASK) > 0 && (cell & ~COUNT_MASK) == tag;
}

/* Add to the address's cell if it is that, or if `free_too` and it is free. */
static bool add_to(_Atomic uint64_t *cell, uint64_t tag, bool free_too)
{
    uint64_t v = atomic_load_explicit(cell, memory_order_relaxed);
    while (is_of(v, tag) || (free_too && (v & COUNT_MASK) == 0)) {
        uint64_t next = is_of(v, tag) ? v + 1 : (tag | 1);
        if (atomic_compare_exchange_weak_explicit(cell, &v, next, memory_order_seq_cst,
                                                  memory_order_relaxed))
            return true;
    }
    return false;
}

static bool take_from(_Atomic uint64_t *cell, uint64_t tag)
{
    uint64_t v = atomic_load_explicit(cell, memory_order_relaxed);
    while (is_of(v, tag))
        if (atomic_compare_exchange_weak_explicit(cell, &v, v - 1, memory_order_seq_cst,
                                                  memory_order_relaxed))
            return true;
    return false;
}

static uint64_t sum_of(struct spot s)
{
    uint64_t sum = 0;
    for (int i = 0; i < CELLS; i++) {
        uint64_t v = atomic_load_explicit(&s.bucket->cells[i], memory_order_seq_cst);
        sum += is_of(v, s.tag) ? v & COUNT_MASK : 0;
    }
    return sum;
}

/* Another worker may take what was this one's, and leave its own in a cell already looked at. */
static void leave(struct spot s)
{
    for (;;)
        for (int i = 0; i < CELLS; i++)
            if (take_from(&s.bucket->cells[i], s.tag))
                return;
}

enum weir_address_count weir_address_counts_take(struct weir_address_counts *t,
                                                 const struct weir_addr *a, uint32_t max)
{
    WEIR_ASSERT(max >= 1 && max <= WEIR_CONNECTIONS_PER_ADDRESS_MAX);
    struct spot s = spot_of(t, a);
    bool added = false;
    for (int i = 0; i < 2 * CELLS && !added; i++)
        added = add_to(&s.bucket->cells[i % CELLS], s.tag, i >= CELLS);
    if (!added)
        return WEIR_ADDRESS_NO_CELL;
    if (sum_of(s) <= max)
        return WEIR_ADDRESS_COUNTED;
    leave(s);
    return WEIR_ADDRESS_OVER;
}

void weir_address_counts_leave(struct weir_address_counts *t, const struct weir_addr *a)
{
    struct spot s = spot_of(t, a);
    WEIR_DCHECK(sum_of(s) > 0);
    leave(s);
}
