/* SPDX-License-Identifier: Apache-2.0
 *
 * address_rate.c - see address_rate.h. A cell has the count in its low 16 bits, above it 16 bits of
 * the second and 32 bits of the address's hash.
 */
#include "node/loop/address_rate.h"

#include <stdatomic.h>
#include <stdlib.h>

#define CELLS      65536u
#define COUNT_MASK UINT64_C(0xffff)

struct weir_address_rate {
    struct weir_siphash_key key;
    _Atomic uint64_t cells[CELLS];
};

_Static_assert(WEIR_ADDRESS_RATE_MAX < COUNT_MASK, "no count runs over");

struct weir_address_rate *weir_address_rate_new(const struct weir_siphash_key *key)
{
    /* From calloc, so that pages are made only when they are used. */
    struct weir_address_rate *r = calloc(1, sizeof(*r));
    if (r != NULL)
        r->key = *key;
    return r;
}

void weir_address_rate_free(struct weir_address_rate **r)
{
    free(*r);
    *r = NULL;
}

bool weir_address_rate_take(struct weir_address_rate *r, const struct weir_addr *a, uint32_t max,
                            uint64_t now_ms)
{
    WEIR_ASSERT(max >= 1 && max <= WEIR_ADDRESS_RATE_MAX);
    struct weir_siphash h;
    weir_siphash_init(&h, &r->key);
    weir_siphash_add(&h, a->ip, weir_addr_is_v4(a) ? sizeof(a->ip) : sizeof(a->ip) / 2);
    uint64_t hash = weir_siphash_end(&h);
    uint64_t now = (hash & ~UINT64_C(0xffffffff)) | (now_ms / 1000 & 0xffff) << 16;
    _Atomic uint64_t *cell = &r->cells[hash % CELLS];
    uint64_t v = atomic_load_explicit(cell, memory_order_relaxed);
    for (;;) {
        bool same = (v & ~COUNT_MASK) == now;
        if (same && (v & COUNT_MASK) >= max)
            return false;
        if (atomic_compare_exchange_weak_explicit(cell, &v, same ? v + 1 : (now | 1),
                                                  memory_order_relaxed, memory_order_relaxed))
            return true;
    }
}
