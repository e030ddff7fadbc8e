/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_conflicts.c - conflicts, in and out of their two trees.
 */
#include "tests/sim/memory/memory_conflicts.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"

static struct memory_conflict *of_number(const struct memory_link *link)
{
    return link ? weir_container_of(link, struct memory_conflict, by_number) : NULL;
}

static int tie_loser(const void *rest, const struct memory_link *link)
{
    const struct memory_name *name = rest;
    const struct memory_record *r =
        weir_container_of(link, struct memory_conflict, by_loser)->loser;
    int side = memcmp(name->lane, r->head.lane, WEIR_LANE_LEN);

    return side != 0 ? side : memory_name_compare(name, r);
}

void memory_conflicts_init(struct weir_memory *m)
{
    m->conflicts = (struct memory_tree){ .tie = NULL };
    m->losers = (struct memory_tree){ .tie = tie_loser };
    m->conflicts_hash = 0;
    m->last_number = 0;
    m->looked_number = 0;
}

static void free_conflict(struct memory_link *link)
{
    memory_conflict_free(of_number(link));
}

void memory_conflicts_deinit(struct weir_memory *m)
{
    memory_tree_drain(&m->conflicts, free_conflict);
    memory_conflicts_init(m);
}

bool memory_conflict_is_listed(const struct weir_memory *m, const struct weir_record *loser)
{
    struct memory_name name = { .class = (uint8_t)loser->class,
                                .key = loser->key,
                                .lane = loser->version.lane };
    struct memory_place at = { loser->version.seq, &name };

    return memory_tree_find(&m->losers, &at) != NULL;
}

static uint64_t conflict_hash(const struct memory_conflict *c)
{
    uint64_t hash = weir_mix64(memory_record_hash(c->loser) + c->noted_ms);

    hash = weir_mix64(hash + c->winner.hlc);
    return weir_mix64(hash + c->winner.seq + memory_lane_rank(c->winner.lane));
}

struct memory_conflict *memory_conflict_new(const struct weir_memory *m,
                                            const struct weir_conflict *c)
{
    struct memory_conflict *conflict = calloc(1, sizeof(*conflict));

    if (conflict == NULL)
        return NULL;
    conflict->noted_ms = c->noted_ms;
    conflict->winner = c->winner;
    conflict->loser = memory_record_new(m->group, &c->loser);
    if (conflict->loser == NULL) {
        free(conflict);
        return NULL;
    }
    return conflict;
}

struct memory_conflict *memory_conflict_copy(const struct memory_conflict *c)
{
    struct memory_conflict *copy = malloc(sizeof(*copy));

    if (copy == NULL)
        return NULL;
    *copy = *c;
    copy->loser = memory_record_copy(c->loser);
    if (copy->loser == NULL) {
        free(copy);
        return NULL;
    }
    return copy;
}

void memory_conflict_add(struct weir_memory *m, struct memory_conflict *c, uint64_t number)
{
    struct memory_name name = memory_name_of(c->loser);
    struct memory_place at = { number, NULL };
    struct memory_place loser = { c->loser->head.seq, &name };

    memory_tree_add(&m->conflicts, &at, &c->by_number);
    memory_tree_add(&m->losers, &loser, &c->by_loser);
    m->conflicts_hash += conflict_hash(c);
    m->looked_number = 0;
}

void memory_conflict_remove(struct weir_memory *m, struct memory_conflict *c)
{
    struct memory_name name = memory_name_of(c->loser);
    struct memory_place at = { c->by_number.rank, NULL };
    struct memory_place loser = { c->by_loser.rank, &name };

    memory_tree_take(&m->conflicts, &at, &c->by_number);
    memory_tree_take(&m->losers, &loser, &c->by_loser);
    m->conflicts_hash -= conflict_hash(c);
    m->looked_number = 0;
}

struct memory_conflict *memory_conflict_above(const struct weir_memory *m, uint64_t number)
{
    struct memory_place at = { number, NULL };

    return of_number(memory_tree_above(&m->conflicts, &at));
}

struct memory_conflict *memory_conflict_at(struct weir_memory *m, uint64_t at)
{
    bool is_on = m->looked_number > 0 && m->looked_at <= at;
    uint64_t left = is_on ? at - m->looked_at : at;

    WEIR_ASSERT(at < m->conflicts.num);
    struct memory_conflict *c = memory_conflict_above(m, is_on ? m->looked_number - 1 : 0);
    for (; left > 0; left--)
        c = memory_conflict_above(m, c->by_number.rank);
    m->looked_at = at;
    m->looked_number = c->by_number.rank;
    return c;
}

void memory_conflict_free(struct memory_conflict *c)
{
    if (c != NULL)
        free(c->loser);
    free(c);
}

void memory_conflict_show(const struct memory_conflict *c, const struct weir_record_context *bytes,
                          struct weir_conflict *ret)
{
    ret->noted_ms = c->noted_ms;
    ret->winner = c->winner;
    memory_record_show(c->loser, bytes, &ret->loser);
}
