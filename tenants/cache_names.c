/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_names.c - the bounded table of names behind tenants/cache.c.
 * Owner: one worker. No call fails for lack of memory: a name that cannot be stored is looked up
 * again.
 */
#include "tenants/cache_names.h"

#include <stdlib.h>

#define NONE   WEIR_NAME_NONE
#define NOBODY WEIR_NAME_NOBODY

/* -- index -- */

static void index_add(struct weir_cache_names *t, uint32_t hash, uint32_t name)
{
    uint32_t i = hash & t->index_mask;

    while (t->index[i].name_1 != 0)
        i = (i + 1) & t->index_mask;
    t->index[i] = (struct weir_cache_index_slot){ .hash = hash, .name_1 = name + 1 };
}

/** Remove a name and close the gap, so that no probe ever meets a tombstone. */
static void index_remove(struct weir_cache_names *t, uint32_t hash, uint32_t name)
{
    uint32_t mask = t->index_mask;
    uint32_t gap = hash & mask;

    while (t->index[gap].name_1 != name + 1) {
        WEIR_ASSERT(t->index[gap].name_1 != 0);
        gap = (gap + 1) & mask;
    }
    for (uint32_t i = (gap + 1) & mask; t->index[i].name_1 != 0; i = (i + 1) & mask) {
        uint32_t home = t->index[i].hash & mask;

        /* It may move into the gap when its home is not behind the gap. */
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            t->index[gap] = t->index[i];
            gap = i;
        }
    }
    t->index[gap] = (struct weir_cache_index_slot){ 0, 0 };
}

/* -- lists of owners -- */

static void owner_link(struct weir_cache_names *t, uint32_t at, uint32_t owner)
{
    struct weir_cache_name *n = &t->names[at];

    n->owner = owner;
    n->prev = NONE;
    n->next = NONE;
    if (owner == NOBODY)
        return;
    n->next = t->first[owner];
    if (n->next != NONE)
        t->names[n->next].prev = at;
    t->first[owner] = at;
}

static void owner_unlink(struct weir_cache_names *t, uint32_t at)
{
    const struct weir_cache_name *n = &t->names[at];

    if (n->next != NONE)
        t->names[n->next].prev = n->prev;
    if (n->prev != NONE)
        t->names[n->prev].next = n->next;
    else if (n->owner != NOBODY)
        t->first[n->owner] = n->next;
}

/* -- names -- */

void weir_cache_names_remove(struct weir_cache_names *t, uint32_t at)
{
    struct weir_cache_name *n = &t->names[at];

    WEIR_ASSERT(n->len > 0);
    index_remove(t, n->hash, at);
    owner_unlink(t, at);
    if (n->len > WEIR_NAME_INLINE)
        free(n->bytes.heap);
    n->len = 0;
    n->next = t->free;
    t->free = at;
}

void weir_cache_names_remove_owner(struct weir_cache_names *t, uint32_t owner)
{
    while (t->first[owner] != NONE)
        weir_cache_names_remove(t, t->first[owner]);
}

/** Second chance: a name that was used since the hand last passed it stays. Ends within two rounds.
 */
static void name_evict(struct weir_cache_names *t)
{
    for (;;) {
        uint32_t at = t->hand;

        t->hand = at + 1 < t->max ? at + 1 : 0;
        if (!t->names[at].used) {
            weir_cache_names_remove(t, at);
            return;
        }
        t->names[at].used = 0;
    }
}

/** A free name: one that was freed, else one that was never used, else the one that the clock
 * evicts. */
static uint32_t name_reserve(struct weir_cache_names *t)
{
    if (t->free == NONE && t->num < t->max)
        return t->num++;
    if (t->free == NONE)
        name_evict(t);
    uint32_t at = t->free;
    t->free = t->names[at].next;
    return at;
}

static void name_add(struct weir_cache_names *t, const struct weir_cache_key *k, uint32_t owner,
                     uint32_t epoch)
{
    uint8_t *heap = NULL;

    WEIR_ASSERT(k->bytes.len > 0 && k->bytes.len <= UINT16_MAX);
    if (k->bytes.len > WEIR_NAME_INLINE) {
        heap = malloc(k->bytes.len);
        if (!heap)
            return;
    }
    uint32_t at = name_reserve(t);
    struct weir_cache_name *n = &t->names[at];

    n->epoch = epoch;
    n->hash = k->hash;
    n->used = 0; /* a name that is used only once leaves first */
    n->is_address = k->is_address;
    n->len = (uint16_t)k->bytes.len;
    if (heap)
        n->bytes.heap = heap;
    memcpy(heap ? heap : n->bytes.at, k->bytes.at, k->bytes.len);
    owner_link(t, at, owner);
    index_add(t, k->hash, at);
}

void weir_cache_names_insert(struct weir_cache_names *t, const struct weir_cache_key *k,
                             uint32_t owner, uint32_t epoch)
{
    uint32_t at = weir_cache_names_find(t, k);

    if (at == NONE) {
        name_add(t, k, owner, epoch);
        return;
    }
    if (t->names[at].owner != owner) {
        owner_unlink(t, at);
        owner_link(t, at, owner);
    }
    t->names[at].epoch = epoch;
}

uint32_t weir_cache_names_len(const struct weir_cache_names *t)
{
    uint32_t len = 0;

    for (uint32_t i = 0; i < t->num; i++)
        len += t->names[i].len > 0;
    return len;
}

/* -- life -- */

enum weir_err weir_cache_names_init(struct weir_cache_names *t, uint64_t seed, uint32_t max,
                                    uint32_t num_owners)
{
    uint32_t num_index = 1;

    WEIR_ASSERT(max >= 1 && max <= 1u << 30);
    while (num_index < 2 * max)
        num_index *= 2;
    *t = (struct weir_cache_names){
        .seed = seed,
        /* Zeroed pages that were never written cost no memory: a small node pays for what it
           serves, not for max. */
        .index = calloc(num_index, sizeof(*t->index)),
        .names = calloc(max, sizeof(*t->names)),
        .first = malloc(num_owners * sizeof(*t->first)),
        .index_mask = num_index - 1,
        .max = max,
        .free = NONE,
    };
    if (!t->index || !t->names || !t->first) {
        weir_cache_names_deinit(t);
        return WEIR_ENOMEM;
    }
    for (uint32_t i = 0; i < num_owners; i++)
        t->first[i] = NONE;
    return WEIR_OK;
}

void weir_cache_names_deinit(struct weir_cache_names *t)
{
    for (uint32_t i = 0; t->names && i < t->num; i++)
        if (t->names[i].len > WEIR_NAME_INLINE)
            free(t->names[i].bytes.heap);
    free(t->index);
    free(t->names);
    free(t->first);
    *t = (struct weir_cache_names){ .seed = 0 };
}
