/* SPDX-License-Identifier: Apache-2.0
 *
 * guess_limit.c - see guess_limit.h.
 */
#include "node/ctl/access/guess_limit.h"

#include <string.h>

#define WAYS 8 /* places that an address may have */

_Static_assert(WEIR_GUESS_ADDRESSES % WAYS == 0, "whole sets");

void weir_guess_limit_init(struct weir_guess_limit *l, const struct weir_siphash_key *key)
{
    memset(l, 0, sizeof(*l));
    l->key = *key;
}

static void address_of(const struct weir_addr *a, uint8_t out[16])
{
    memcpy(out, a->ip, 16);
    if (!weir_addr_is_v4(a))
        memset(out + 8, 0, 8);
}

static size_t set_of(const struct weir_guess_limit *l, const uint8_t address[16])
{
    struct weir_siphash h;
    weir_siphash_init(&h, &l->key);
    weir_siphash_add(&h, address, 16);
    return (size_t)(weir_siphash_end(&h) % (WEIR_GUESS_ADDRESSES / WAYS)) * WAYS;
}

/* @return NULL: nothing is known of it */
static const struct weir_guess_slot *slot_find(const struct weir_guess_limit *l,
                                               const uint8_t address[16])
{
    const struct weir_guess_slot *set = &l->slots[set_of(l, address)];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].empty_at_ms != 0 && memcmp(set[i].address, address, 16) == 0)
            return &set[i];
    return NULL;
}

/* @return that of the address, or the one that has recovered most, made its own */
static struct weir_guess_slot *slot_take(struct weir_guess_limit *l, const uint8_t address[16])
{
    struct weir_guess_slot *set = &l->slots[set_of(l, address)];
    struct weir_guess_slot *best = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].empty_at_ms != 0 && memcmp(set[i].address, address, 16) == 0)
            return &set[i];
        if (set[i].empty_at_ms < best->empty_at_ms)
            best = &set[i];
    }
    memcpy(best->address, address, 16);
    best->empty_at_ms = 0;
    return best;
}

/* One more failure in a bucket. @return false: it was full already */
static bool bucket_add(uint64_t *empty_at_ms, uint64_t now_ms, uint64_t each_ms, uint64_t burst)
{
    uint64_t from = *empty_at_ms > now_ms ? *empty_at_ms : now_ms;
    if (from + each_ms > now_ms + burst * each_ms)
        return false;
    *empty_at_ms = from + each_ms;
    return true;
}

uint64_t weir_guess_wait_ms(const struct weir_guess_limit *l, const struct weir_addr *a,
                            uint64_t now_ms)
{
    uint8_t address[16];
    address_of(a, address);
    const struct weir_guess_slot *s = slot_find(l, address);
    uint64_t full_ms = (uint64_t)(WEIR_GUESS_BURST - 1) * WEIR_GUESS_EACH_MS;
    if (s == NULL || s->empty_at_ms <= now_ms + full_ms)
        return 0;
    return s->empty_at_ms - now_ms - full_ms;
}

bool weir_guess_failed(struct weir_guess_limit *l, const struct weir_addr *a, uint64_t now_ms)
{
    uint8_t address[16];
    address_of(a, address);
    struct weir_guess_slot *s = slot_take(l, address);
    bool own = bucket_add(&s->empty_at_ms, now_ms, WEIR_GUESS_EACH_MS, WEIR_GUESS_BURST);
    bool all =
        bucket_add(&l->all_empty_at_ms, now_ms, WEIR_GUESS_ALL_EACH_MS, WEIR_GUESS_ALL_BURST);
    return own && all;
}
