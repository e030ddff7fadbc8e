/* SPDX-License-Identifier: Apache-2.0
 *
 * active_lanes.c - sorted arrays: lanes, and in each the records that are not active. Records come
 * and become active mostly in the order of their numbers, so that an array is added to at its end
 * and taken from at its beginning.
 */
#include "sync/activation/active_lanes.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/version/sorted.h"

#define CAP_MIN 4

#define BIT(state) (1u << (state))

/* What may happen to any record that is not active: it is stored again, replaced, or dropped, and
 * then counts as LIVE. */
#define ALWAYS                                                                                     \
    (BIT(WEIR_ACTIVE_STORED) | BIT(WEIR_ACTIVE_HELD_SCHEMA) | BIT(WEIR_ACTIVE_REPLACED) |          \
     BIT(WEIR_ACTIVE_LIVE))

/* All legal moves. */
static const unsigned moves[] = {
    [WEIR_ACTIVE_STORED] =
        ALWAYS | BIT(WEIR_ACTIVE_COMPILED) | BIT(WEIR_ACTIVE_REJECTED) | BIT(WEIR_ACTIVE_HELD),
    [WEIR_ACTIVE_COMPILED] =
        ALWAYS | BIT(WEIR_ACTIVE_STAGED) | BIT(WEIR_ACTIVE_REJECTED) | BIT(WEIR_ACTIVE_HELD),
    [WEIR_ACTIVE_STAGED] = ALWAYS | BIT(WEIR_ACTIVE_REJECTED) | BIT(WEIR_ACTIVE_HELD),
    [WEIR_ACTIVE_LIVE] = 0, /* no hole is left of it */
    [WEIR_ACTIVE_REJECTED] =
        ALWAYS | BIT(WEIR_ACTIVE_COMPILED) | BIT(WEIR_ACTIVE_REJECTED) | BIT(WEIR_ACTIVE_HELD),
    [WEIR_ACTIVE_HELD] =
        ALWAYS | BIT(WEIR_ACTIVE_COMPILED) | BIT(WEIR_ACTIVE_REJECTED) | BIT(WEIR_ACTIVE_HELD),
    [WEIR_ACTIVE_HELD_SCHEMA] = ALWAYS,
    [WEIR_ACTIVE_REPLACED] = BIT(WEIR_ACTIVE_LIVE),
};
_Static_assert(WEIR_ARRAY_LEN(moves) == WEIR_ACTIVE_NUM_STATES, "each state has its moves");

/* Grow an array of `cap` items for one more. @return the array, or NULL: the old one stays */
static void *grow_array(void *items, size_t *cap, size_t item_len)
{
    size_t new_cap =
        *cap > 0 ? 2 * *cap : CAP_MIN; /* all these arrays are bounded far below SIZE_MAX */
    void *grown = realloc(items, new_cap * item_len);

    if (grown != NULL)
        *cap = new_cap;
    return grown;
}

size_t weir_active_lane_position(const struct weir_active *a, const uint8_t *lane)
{
    return weir_sorted_position(a->lane, a->num_lanes, sizeof(a->lane[0]), lane, WEIR_LANE_LEN);
}

struct active_lane *weir_active_lane_find(const struct weir_active *a, const uint8_t *lane)
{
    size_t at = weir_active_lane_position(a, lane);

    return at < a->num_lanes && memcmp(a->lane[at].lane, lane, WEIR_LANE_LEN) == 0 ? &a->lane[at]
                                                                                   : NULL;
}

static struct active_lane *make_lane(struct weir_active *a, const uint8_t *lane)
{
    size_t at = weir_active_lane_position(a, lane);

    if (a->num_lanes >= WEIR_LANES_MAX)
        return NULL;
    if (a->num_lanes == a->cap_lanes) {
        void *lanes = grow_array(a->lane, &a->cap_lanes, sizeof(a->lane[0]));
        if (lanes == NULL)
            return NULL;
        a->lane = lanes;
    }
    memmove(&a->lane[at + 1], &a->lane[at], (a->num_lanes - at) * sizeof(a->lane[0]));
    a->lane[at] = (struct active_lane){ 0 };
    memcpy(a->lane[at].lane, lane, WEIR_LANE_LEN);
    a->num_lanes++;
    return &a->lane[at];
}

struct active_lane *weir_active_lane_repeat(struct weir_active *a, const uint8_t *lane)
{
    struct active_lane *l = weir_active_lane_find(a, lane);

    if (l == NULL)
        l = make_lane(a, lane);
    if (l != NULL)
        l->changed_us = a->now_us;
    return l;
}

struct active_lane *weir_active_lane_touch(struct weir_active *a, const uint8_t *lane)
{
    struct active_lane *l = weir_active_lane_repeat(a, lane);

    if (l != NULL)
        l->is_unreported = true;
    return l;
}

void weir_active_lanes_sweep(struct weir_active *a)
{
    size_t num = 0;

    for (size_t i = 0; i < a->num_lanes; i++) {
        struct active_lane *l = &a->lane[i];
        bool is_old = a->now_us - l->changed_us > WEIR_ACTIVE_REPORT_US;
        if (l->num == 0 && l->lost_from == 0 && is_old)
            free(l->hole);
        else
            a->lane[num++] = *l;
    }
    a->num_lanes = num;
}

static void free_why(struct weir_active *a, struct active_hole *h)
{
    a->num_whys -= h->why != NULL;
    free(h->why);
    h->why = NULL;
}

void weir_active_lanes_reset(struct weir_active *a)
{
    for (size_t i = 0; i < a->num_lanes; i++) {
        struct active_lane *l = &a->lane[i];
        for (size_t j = 0; j < l->num; j++)
            free_why(a, &l->hole[l->first + j]);
        free(l->hole);
    }
    a->num_lanes = 0;
    a->num_holes = 0;
    a->num_replaced = 0;
    memset(a->count, 0, sizeof(a->count));
}

/* Position of the first hole that is not below seq, counted from l->first. */
static size_t hole_position(const struct active_lane *l, uint64_t seq)
{
    size_t low = 0;
    size_t high = l->num;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->hole[l->first + middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct active_hole *weir_active_hole_find(const struct active_lane *l, uint64_t seq)
{
    size_t at = hole_position(l, seq);

    return at < l->num && l->hole[l->first + at].seq == seq ? &l->hole[l->first + at] : NULL;
}

/* Room for a hole after the last one. */
static bool make_hole_room(struct active_lane *l)
{
    if (l->first + l->num < l->cap)
        return true;
    if (l->first > l->cap / 2) {
        memmove(l->hole, l->hole + l->first, l->num * sizeof(l->hole[0]));
        l->first = 0;
        return true;
    }
    void *holes = grow_array(l->hole, &l->cap, sizeof(l->hole[0]));
    if (holes == NULL)
        return false;
    l->hole = holes;
    return true;
}

bool weir_active_hole_add(struct weir_active *a, struct active_lane *l, uint64_t seq,
                          enum weir_active_state state)
{
    if (a->num_holes >= WEIR_ACTIVE_MAX || !make_hole_room(l))
        return false;
    size_t at = hole_position(l, seq);
    struct active_hole *h = &l->hole[l->first + at];
    WEIR_ASSERT(at == l->num || h->seq != seq);
    memmove(h + 1, h, (l->num - at) * sizeof(*h));
    *h = (struct active_hole){ .seq = seq, .state = state };
    l->num++;
    a->num_holes++;
    a->count[state]++;
    return true;
}

void weir_active_hole_move(struct weir_active *a, struct active_hole *h,
                           enum weir_active_state state)
{
    WEIR_ASSERT((size_t)h->state < WEIR_ARRAY_LEN(moves));
    WEIR_ASSERT((moves[h->state] & BIT(state)) != 0);
    WEIR_ASSERT(a->count[h->state] > 0);
    a->count[h->state]--;
    free_why(a, h);
    h->state = state;
    a->count[state]++;
}

void weir_active_hole_drop(struct weir_active *a, struct active_lane *l, struct active_hole *h)
{
    size_t at = (size_t)(h - l->hole) - l->first;

    weir_active_hole_move(a, h, WEIR_ACTIVE_LIVE);
    a->count[WEIR_ACTIVE_LIVE]--;
    a->num_holes--;
    l->num--;
    if (at <= l->num / 2) { /* move the shorter part */
        memmove(&l->hole[l->first + 1], &l->hole[l->first], at * sizeof(*h));
        l->first++;
    } else {
        memmove(h, h + 1, (l->num - at) * sizeof(*h));
    }
}
