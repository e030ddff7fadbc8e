/* SPDX-License-Identifier: Apache-2.0
 *
 * hashmap.c - linear probing, at most three quarters full. Removal moves later entries of the run
 * back, so that there are no tombstones: a table that lives for months does not slow down by what
 * was once in it.
 */
#include "node/base/hashmap.h"

#include <stdlib.h>

#include "node/base/hash.h"

#define SLOTS_MIN 16

/* 0 marks a free slot, so the one key in 2^64 that hashes to it takes 1 instead. */
static uint64_t hash_of(const struct weir_hashmap *m, struct weir_span key)
{
    uint64_t hash = weir_hash64(m->seed, key.at, key.len);
    return hash ? hash : 1;
}

void weir_hashmap_init(struct weir_hashmap *m, uint64_t seed, size_t max)
{
    *m = (struct weir_hashmap){ .seed = seed, .max = max };
}

void weir_hashmap_deinit(struct weir_hashmap *m)
{
    free(m->slots);
    m->slots = NULL;
    m->num_slots = 0;
    m->len = 0;
}

/* The slot of the key, or the free slot where its run ends. There is always one: the table is never
 * full. */
static struct weir_hashmap_slot *find_slot(const struct weir_hashmap *m, uint64_t hash,
                                           struct weir_span key)
{
    size_t mask = m->num_slots - 1;
    size_t i = hash & mask;

    while (m->slots[i].hash != 0) {
        if (m->slots[i].hash == hash && weir_span_eq(m->slots[i].key, key))
            break;
        i = (i + 1) & mask;
    }
    return &m->slots[i];
}

void *weir_hashmap_find(const struct weir_hashmap *m, struct weir_span key)
{
    if (m->len == 0)
        return NULL;
    return find_slot(m, hash_of(m, key), key)->value;
}

static enum weir_err grow_table(struct weir_hashmap *m)
{
    size_t num = SLOTS_MIN;
    if (m->num_slots > 0 && __builtin_mul_overflow(m->num_slots, 2, &num))
        return WEIR_ENOMEM;
    struct weir_hashmap_slot *slots = calloc(num, sizeof(*slots));
    if (slots == NULL)
        return WEIR_ENOMEM;

    for (size_t i = 0; i < m->num_slots; i++) {
        if (m->slots[i].hash == 0)
            continue;
        size_t to = m->slots[i].hash & (num - 1);
        while (slots[to].hash != 0)
            to = (to + 1) & (num - 1);
        slots[to] = m->slots[i];
    }
    free(m->slots);
    m->slots = slots;
    m->num_slots = num;
    return WEIR_OK;
}

enum weir_err weir_hashmap_add(struct weir_hashmap *m, struct weir_span key, void *value)
{
    WEIR_ASSERT(value != NULL);
    uint64_t hash = hash_of(m, key);

    if (m->len > 0 && find_slot(m, hash, key)->hash != 0)
        return WEIR_EEXIST;
    if (m->len >= m->max)
        return WEIR_ELIMIT;
    if (m->len >= m->num_slots / 4 * 3) {
        enum weir_err err = grow_table(m);
        if (err != WEIR_OK)
            return err;
    }
    *find_slot(m, hash, key) =
        (struct weir_hashmap_slot){ .hash = hash, .key = key, .value = value };
    m->len++;
    return WEIR_OK;
}

/*
 * Close the gap at `gap`: each entry of the run behind it moves into the gap unless that would move
 * it before the slot where its search begins. Distances are taken modulo the table, so that runs
 * may wrap around its end.
 */
static void close_gap(struct weir_hashmap *m, size_t gap)
{
    size_t mask = m->num_slots - 1;

    for (size_t i = (gap + 1) & mask; m->slots[i].hash != 0; i = (i + 1) & mask) {
        size_t from_home = (i - (m->slots[i].hash & mask)) & mask;
        if (from_home >= ((i - gap) & mask)) {
            m->slots[gap] = m->slots[i];
            gap = i;
        }
    }
    m->slots[gap] = (struct weir_hashmap_slot){ 0 };
}

void *weir_hashmap_remove(struct weir_hashmap *m, struct weir_span key)
{
    if (m->len == 0)
        return NULL;
    struct weir_hashmap_slot *slot = find_slot(m, hash_of(m, key), key);
    void *value = slot->value;
    if (slot->hash == 0)
        return NULL;
    close_gap(m, (size_t)(slot - m->slots));
    m->len--;
    return value;
}

void *weir_hashmap_next(const struct weir_hashmap *m, size_t *pos)
{
    for (size_t i = *pos; i < m->num_slots; i++) {
        if (m->slots[i].hash != 0) {
            *pos = i + 1;
            return m->slots[i].value;
        }
    }
    *pos = m->num_slots;
    return NULL;
}
