/* SPDX-License-Identifier: Apache-2.0
 *
 * names.c - an open hash table over names that lie one behind the other.
 */
#include "tests/sim/cluster/names.h"

#include <stdlib.h>

#include "node/base/contract.h"
#include "node/base/hash.h"

#define CAP_FIRST 64

void weir_sim_names_deinit(struct weir_sim_names *n)
{
    free(n->bytes);
    free(n->ends);
    free(n->slots);
    *n = (struct weir_sim_names){ 0 };
}

struct weir_span weir_sim_names_at(const struct weir_sim_names *n, uint32_t number)
{
    WEIR_ASSERT(number < n->num);
    size_t begin = number > 0 ? n->ends[number - 1] : 0;
    return weir_span(n->bytes + begin, n->ends[number] - begin);
}

/* The slot that holds the name, or the free one where it belongs. */
static uint32_t slot_of(const struct weir_sim_names *n, struct weir_span name)
{
    uint32_t at = (uint32_t)weir_hash64(0, name.at, name.len) & (n->num_slots - 1);

    while (n->slots[at] != 0 && !weir_span_eq(weir_sim_names_at(n, n->slots[at] - 1), name))
        at = (at + 1) & (n->num_slots - 1);
    return at;
}

static void grow_slots(struct weir_sim_names *n)
{
    if (2 * (n->num + 1) <= n->num_slots)
        return;
    n->num_slots = n->num_slots == 0 ? 2 * CAP_FIRST : 2 * n->num_slots;
    free(n->slots);
    n->slots = calloc(n->num_slots, sizeof(*n->slots));
    WEIR_ASSERT(n->slots != NULL);
    for (uint32_t i = 0; i < n->num; i++)
        n->slots[slot_of(n, weir_sim_names_at(n, i))] = i + 1;
}

static void grow(struct weir_sim_names *n, size_t len)
{
    if (n->num == n->cap) {
        n->cap = n->cap == 0 ? CAP_FIRST : 2 * n->cap;
        uint64_t *ends = realloc(n->ends, n->cap * sizeof(*ends));
        WEIR_ASSERT(ends != NULL);
        n->ends = ends;
    }
    while (n->num_bytes + len > n->cap_bytes) {
        n->cap_bytes = n->cap_bytes == 0 ? (size_t)16 * CAP_FIRST : 2 * n->cap_bytes;
        uint8_t *bytes = realloc(n->bytes, n->cap_bytes);
        WEIR_ASSERT(bytes != NULL);
        n->bytes = bytes;
    }
}

uint32_t weir_sim_names_find(const struct weir_sim_names *n, struct weir_span name)
{
    uint32_t number = n->num_slots == 0 ? 0 : n->slots[slot_of(n, name)];

    return number == 0 ? WEIR_SIM_NO_NAME : number - 1;
}

uint32_t weir_sim_names_add(struct weir_sim_names *n, struct weir_span name)
{
    grow_slots(n);
    uint32_t at = slot_of(n, name);
    if (n->slots[at] != 0)
        return n->slots[at] - 1;
    grow(n, name.len);
    if (name.len > 0)
        memcpy(n->bytes + n->num_bytes, name.at, name.len);
    n->num_bytes += name.len;
    n->ends[n->num] = n->num_bytes;
    n->slots[at] = n->num + 1;
    WEIR_ASSERT(n->num < UINT32_MAX - 1);
    return n->num++;
}
