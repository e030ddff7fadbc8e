/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_names.h - private to tenants/cache.c: hosts and destination addresses of one worker, and
 * the tenant of each. Owner: one worker. Bounded; when full, second chance decides which name
 * leaves. A lookup is one probe of a packed index and one comparison in one cache line; nothing is
 * chased for hosts up to WEIR_NAME_INLINE bytes.
 */
#ifndef WEIR_TENANTS_CACHE_NAMES_H
#define WEIR_TENANTS_CACHE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/hash.h"
#include "node/base/span.h"

#define WEIR_NAME_INLINE                                                                           \
    40 /* bytes of a host that are stored in its line; longer hosts are on the heap */
#define WEIR_NAME_NONE   UINT32_MAX       /* no name, no owner */
#define WEIR_NAME_NOBODY (UINT32_MAX - 1) /* owner of a destination address that no tenant has */

/** One name. One cache line. */
struct weir_cache_name {
    uint32_t owner; /* number of a tenant, or WEIR_NAME_NOBODY */
    uint32_t epoch; /* of the cache when the store was last asked */
    uint32_t next;  /* of the same owner; of a free name the next free one */
    uint32_t prev;
    uint32_t hash;
    uint8_t used; /* second chance */
    uint8_t is_address;
    uint16_t len; /* 0: free */
    union {
        uint8_t at[WEIR_NAME_INLINE];
        uint8_t *heap; /* owns, when len > WEIR_NAME_INLINE */
    } bytes;
};
_Static_assert(sizeof(struct weir_cache_name) == WEIR_CACHE_LINE, "one name, one line");

/** Where a name is. All-zero is free, so that a big index costs memory only where it is used. */
struct weir_cache_index_slot {
    uint32_t hash;
    uint32_t name_1; /* its number plus one; 0: free */
};

struct weir_cache_names {
    uint64_t seed;
    struct weir_cache_index_slot *index; /* owns; linear probing, at most half full */
    struct weir_cache_name *names;       /* owns; max */
    uint32_t *first;                     /* owns; by owner: the head of its list */
    uint32_t index_mask;
    uint32_t max;
    uint32_t num;  /* ever used: 0..max */
    uint32_t free; /* list through next, or WEIR_NAME_NONE */
    uint32_t hand; /* of the clock */
};

/** The key of a lookup. */
struct weir_cache_key {
    struct weir_span bytes; /* 1..65535 */
    uint32_t hash;
    bool is_address;
};

/** @param max names, 1..2^30  @param num_owners owners are numbered below this  @return WEIR_OK |
 * WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_cache_names_init(struct weir_cache_names *t, uint64_t seed,
                                                  uint32_t max, uint32_t num_owners);
/** The zero state is legal. */
void weir_cache_names_deinit(struct weir_cache_names *t);

/** Store the owner of this name, as of `epoch`. A new name for which there is no memory is not
 * stored. May evict another name. */
void weir_cache_names_insert(struct weir_cache_names *t, const struct weir_cache_key *k,
                             uint32_t owner, uint32_t epoch);
/** Forget name number `at`. */
void weir_cache_names_remove(struct weir_cache_names *t, uint32_t at);
/** Forget all names of an owner. */
void weir_cache_names_remove_owner(struct weir_cache_names *t, uint32_t owner);
/** Number of stored names; counts them one by one. */
uint32_t weir_cache_names_len(const struct weir_cache_names *t);

static inline struct weir_cache_key weir_cache_host_key(const struct weir_cache_names *t,
                                                        struct weir_span host)
{
    return (struct weir_cache_key){ .bytes = host,
                                    .hash = (uint32_t)weir_hash64(t->seed, host.at, host.len) };
}

/** Addresses of this host are not an attacker's choice: a cheap hash will do. Borrows from `a`.
 */
static inline struct weir_cache_key weir_cache_address_key(const struct weir_cache_names *t,
                                                           const struct weir_addr *a)
{
    uint64_t high, low;

    memcpy(&high, a->ip, sizeof(high));
    memcpy(&low, a->ip + sizeof(high), sizeof(low));
    return (struct weir_cache_key){ .bytes = weir_span(a->ip, sizeof(a->ip)),
                                    .hash = (uint32_t)weir_mix64(weir_mix64(low ^ t->seed) ^ high),
                                    .is_address = true };
}

/** The number of a name, or WEIR_NAME_NONE. */
static inline uint32_t weir_cache_names_find(const struct weir_cache_names *t,
                                             const struct weir_cache_key *k)
{
    uint32_t i = k->hash & t->index_mask;

    for (; t->index[i].name_1 != 0; i = (i + 1) & t->index_mask) {
        if (t->index[i].hash != k->hash)
            continue;
        uint32_t at = t->index[i].name_1 - 1;
        const struct weir_cache_name *n = &t->names[at];
        const uint8_t *bytes = n->len > WEIR_NAME_INLINE ? n->bytes.heap : n->bytes.at;
        if (n->len == k->bytes.len && n->is_address == k->is_address &&
            memcmp(bytes, k->bytes.at, n->len) == 0)
            return at;
    }
    return WEIR_NAME_NONE;
}

#endif
