/* SPDX-License-Identifier: Apache-2.0
 *
 * vector.c - a sorted array of lanes. Two vectors are compared and merged in one walk over both.
 */
#include "sync/version/vector.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"
#include "node/base/limits.h"
#include "sync/version/sorted.h"

#define CAP_MIN 8

_Static_assert(WEIR_LANES_MAX % CAP_MIN == 0 &&
                   ((WEIR_LANES_MAX / CAP_MIN) & (WEIR_LANES_MAX / CAP_MIN - 1)) == 0,
               "doubling ends at the limit");
_Static_assert(sizeof(struct weir_vector_entry) == WEIR_LANE_LEN + sizeof(uint64_t),
               "no bytes between, so that entries are compared whole");

void weir_vector_deinit(struct weir_vector *v)
{
    free(v->items);
    *v = WEIR_VECTOR_ZERO;
}

void weir_vector_reset(struct weir_vector *v)
{
    v->num = 0;
    v->hash = 0;
}

static uint64_t entry_hash(const uint8_t lane[WEIR_LANE_LEN], uint64_t seq)
{
    return weir_mix64(weir_hash64(0, lane, WEIR_LANE_LEN) ^ weir_mix64(seq));
}

/* Position of the first entry whose lane is not below `lane`. Lanes often come in order: check
 * the end first. */
static size_t find_lane(const struct weir_vector *v, const uint8_t lane[WEIR_LANE_LEN])
{
    if (v->num > 0 && memcmp(v->items[v->num - 1].lane, lane, WEIR_LANE_LEN) < 0)
        return v->num;
    return weir_sorted_position(v->items, v->num, sizeof(v->items[0]), lane, WEIR_LANE_LEN);
}

static bool is_lane_at(const struct weir_vector *v, size_t at, const uint8_t lane[WEIR_LANE_LEN])
{
    return at < v->num && memcmp(v->items[at].lane, lane, WEIR_LANE_LEN) == 0;
}

uint64_t weir_vector_get(const struct weir_vector *v, const uint8_t lane[WEIR_LANE_LEN])
{
    size_t at = find_lane(v, lane);

    return is_lane_at(v, at, lane) ? v->items[at].seq : 0;
}

bool weir_vector_covers(const struct weir_vector *v, const uint8_t lane[WEIR_LANE_LEN],
                        uint64_t seq)
{
    return weir_vector_get(v, lane) >= seq;
}

/* Room for `num` entries in all. The limit is reached by doubling: no length overflows. */
static enum weir_err reserve_entries(struct weir_vector *v, size_t num)
{
    if (num > WEIR_LANES_MAX)
        return WEIR_ELIMIT;
    while (v->cap < num) {
        size_t cap = v->cap == 0 ? CAP_MIN : 2 * v->cap;
        struct weir_vector_entry *items = realloc(v->items, cap * sizeof(items[0]));
        if (items == NULL)
            return WEIR_ENOMEM;
        v->items = items;
        v->cap = cap;
    }
    WEIR_ASSERT(v->cap <= WEIR_LANES_MAX);
    return WEIR_OK;
}

enum weir_err weir_vector_raise(struct weir_vector *v, const uint8_t lane[WEIR_LANE_LEN],
                                uint64_t seq)
{
    size_t at = find_lane(v, lane);
    bool has = is_lane_at(v, at, lane);

    if (seq <= (has ? v->items[at].seq : 0))
        return WEIR_OK;
    if (has) {
        v->hash -= entry_hash(lane, v->items[at].seq);
    } else {
        enum weir_err err = reserve_entries(v, v->num + 1);
        if (err < 0)
            return err;
        memmove(&v->items[at + 1], &v->items[at], (v->num - at) * sizeof(v->items[0]));
        memcpy(v->items[at].lane, lane, WEIR_LANE_LEN);
        v->num++;
    }
    v->items[at].seq = seq;
    v->hash += entry_hash(lane, seq);
    return WEIR_OK;
}

void weir_vector_forget(struct weir_vector *v, const uint8_t lane[WEIR_LANE_LEN])
{
    size_t at = find_lane(v, lane);

    if (!is_lane_at(v, at, lane))
        return;
    v->hash -= entry_hash(lane, v->items[at].seq);
    v->num--;
    memmove(&v->items[at], &v->items[at + 1], (v->num - at) * sizeof(v->items[0]));
}

/* Position of the first entry from `at` on whose lane is not below `lane`: for walks over two. */
static size_t skip_below(const struct weir_vector *v, size_t at, const uint8_t lane[WEIR_LANE_LEN])
{
    while (at < v->num && memcmp(v->items[at].lane, lane, WEIR_LANE_LEN) < 0)
        at++;
    return at;
}

/* Lanes of `other` that v does not have. */
static size_t count_new_lanes(const struct weir_vector *v, const struct weir_vector *other)
{
    size_t at = 0;
    size_t num = 0;

    for (size_t i = 0; i < other->num; i++) {
        at = skip_below(v, at, other->items[i].lane);
        num += !is_lane_at(v, at, other->items[i].lane);
    }
    return num;
}

enum weir_err weir_vector_merge(struct weir_vector *v, const struct weir_vector *other)
{
    size_t from = v->num;
    size_t to = v->num + count_new_lanes(v, other);
    enum weir_err err = reserve_entries(v, to);
    if (err < 0)
        return err;
    v->num = to;
    for (size_t i = other->num; i > 0; i--) { /* from the end, so that nothing is overwritten */
        const struct weir_vector_entry *e = &other->items[i - 1];
        while (from > 0 && memcmp(v->items[from - 1].lane, e->lane, WEIR_LANE_LEN) > 0)
            v->items[--to] = v->items[--from];
        if (is_lane_at(v, from - 1, e->lane)) { /* nowhere when from is 0 */
            struct weir_vector_entry *mine = &v->items[--from];
            if (e->seq > mine->seq) {
                v->hash += entry_hash(e->lane, e->seq) - entry_hash(e->lane, mine->seq);
                mine->seq = e->seq;
            }
            v->items[--to] = *mine;
        } else {
            v->hash += entry_hash(e->lane, e->seq);
            v->items[--to] = *e;
        }
    }
    WEIR_ASSERT(from == to); /* what is left stands where it stood */
    return WEIR_OK;
}

enum weir_err weir_vector_copy(struct weir_vector *v, const struct weir_vector *other)
{
    enum weir_err err = reserve_entries(v, other->num);
    if (err < 0)
        return err;
    for (size_t i = 0; i < other->num; i++)
        v->items[i] = other->items[i];
    v->num = other->num;
    v->hash = other->hash;
    return WEIR_OK;
}

bool weir_vector_dominates(const struct weir_vector *v, const struct weir_vector *other)
{
    size_t at = 0;

    for (size_t i = 0; i < other->num; i++) {
        const struct weir_vector_entry *e = &other->items[i];
        at = skip_below(v, at, e->lane);
        if (!is_lane_at(v, at, e->lane) || v->items[at].seq < e->seq)
            return false;
    }
    return true;
}

bool weir_vector_is_stale(const struct weir_vector *v, const struct weir_vector *floor)
{
    return !weir_vector_dominates(v, floor);
}

bool weir_vector_eq(const struct weir_vector *a, const struct weir_vector *b)
{
    if (a->num != b->num)
        return false;
    for (size_t i = 0; i < a->num; i++)
        if (memcmp(&a->items[i], &b->items[i], sizeof(a->items[0])) != 0)
            return false;
    return true;
}

uint64_t weir_vector_hash(const struct weir_vector *v)
{
    return v->hash;
}
