/* SPDX-License-Identifier: Apache-2.0
 *
 * budget.c - see budget.h.
 */
#include "node/base/buffers/budget.h"

#include <string.h>

/* In percent of the limit: where a rung is entered. Reads stop at READS_PC, so that the two upper
 * ones are reached only by what cannot wait: heads, and what tenants add to them. */
static const uint8_t rung_pc[] = {
    [WEIR_RUNG_NONE] = 0,    [WEIR_RUNG_NO_KEEP_ALIVE] = 75, [WEIR_RUNG_NO_ACCEPT] = 80,
    [WEIR_RUNG_REFUSE] = 84, [WEIR_RUNG_SHED] = 87,
};
_Static_assert(WEIR_ARRAY_LEN(rung_pc) == WEIR_RUNG_COUNT, "a mark for each rung");

#define HYSTERESIS_PC 5
#define READS_PC      90
#define LEAST_PC      60 /* an account above its share reads nothing above this: below the rungs */

static size_t part_of(size_t max, unsigned percent)
{
    return max / 100 * percent;
}

void weir_budget_init(struct weir_budget *b, size_t max)
{
    memset(b, 0, sizeof(*b));
    b->max = max;
}

void weir_budget_set_max(struct weir_budget *b, size_t max)
{
    b->max = max;
}

struct weir_account *weir_budget_account(struct weir_budget *b, uint64_t key)
{
    return &b->accounts[1 + key % (WEIR_ACCOUNTS_MAX - 1)];
}

static size_t free_for_reads(const struct weir_budget *b)
{
    size_t max = part_of(b->max, READS_PC);
    return b->used < max ? max - b->used : 0;
}

size_t weir_budget_room(const struct weir_budget *b, const struct weir_account *a, size_t want,
                        size_t least)
{
    size_t left = free_for_reads(b);
    if (WEIR_LIKELY(want <= left && weir_account_used(a) <= left - want))
        return want;
    if (least > want)
        least = want;
    return b->used + least <= part_of(b->max, LEAST_PC) ? least : 0;
}

bool weir_budget_is_over(const struct weir_budget *b, const struct weir_account *a)
{
    return weir_account_used(a) > free_for_reads(b);
}

bool weir_budget_step(struct weir_budget *b)
{
    uint8_t rung = b->rung;
    while (rung + 1 < WEIR_RUNG_COUNT && b->used >= part_of(b->max, rung_pc[rung + 1]))
        rung++;
    while (rung > WEIR_RUNG_NONE && b->used < part_of(b->max, rung_pc[rung] - HYSTERESIS_PC))
        rung--;
    bool changed = rung != b->rung;
    b->rung = rung;
    return changed;
}

struct weir_account *weir_budget_heaviest(struct weir_budget *b)
{
    struct weir_account *most = &b->accounts[0];
    for (size_t i = 1; i < WEIR_ACCOUNTS_MAX; i++)
        if (weir_account_used(&b->accounts[i]) > weir_account_used(most))
            most = &b->accounts[i];
    return most;
}
