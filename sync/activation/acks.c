/* SPDX-License-Identifier: Apache-2.0
 *
 * acks.c - lanes in a sorted array, and in each the last ack of each node, sorted too.
 */
#include "sync/activation/acks.h"

#include <stdlib.h>
#include <string.h>

#include "sync/version/sorted.h"

#define CAP_MIN 4

_Static_assert(WEIR_ACKS_MAX >= 2 * (WEIR_MEMBERS_MAX + WEIR_STRANGERS_MAX),
               "a lane with acks of all nodes leaves room for another");

/* The last ack of a node for a lane. */
struct acks_entry {
    uint8_t node[WEIR_NODE_ID_LEN];
    uint64_t durable;
    uint64_t active;
    uint64_t rejected;
    uint64_t *list;   /* owns; held, then refused; NULL: none */
    char *why;        /* owns; NULL: none */
    uint8_t num_held; /* of the list */
    uint8_t num_refused;
};

struct acks_lane {
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t used;            /* weir_acks.uses when it was used last */
    struct acks_entry *entry; /* owns; ascending by node */
    size_t num;
    size_t cap;
};

struct weir_acks {
    struct acks_lane lane[WEIR_ACKS_LANES_MAX]; /* ascending by name */
    size_t num_lanes;
    size_t num;
    size_t num_lists;
    size_t num_whys;
    uint64_t uses;
    uint64_t num_dropped;
};

enum weir_err weir_acks_new(struct weir_acks **ret)
{
    struct weir_acks *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return WEIR_ENOMEM;
    *ret = a;
    return WEIR_OK;
}

static void ack_clear(struct weir_acks *a, struct acks_entry *w)
{
    a->num_lists -= w->list != NULL;
    a->num_whys -= w->why != NULL;
    free(w->list);
    free(w->why);
    w->list = NULL;
    w->why = NULL;
}

static void lane_clear(struct weir_acks *a, struct acks_lane *l)
{
    for (size_t i = 0; i < l->num; i++)
        ack_clear(a, &l->entry[i]);
    a->num -= l->num;
    free(l->entry);
}

void weir_acks_free(struct weir_acks **a)
{
    for (size_t i = 0; *a != NULL && i < (*a)->num_lanes; i++)
        lane_clear(*a, &(*a)->lane[i]);
    free(*a);
    *a = NULL;
}

/* The first lane that is not below `lane`. */
static size_t lane_position(const struct weir_acks *a, const uint8_t *lane)
{
    return weir_sorted_position(a->lane, a->num_lanes, sizeof(a->lane[0]), lane, WEIR_LANE_LEN);
}

static const struct acks_lane *lane_find(const struct weir_acks *a, const uint8_t *lane)
{
    size_t at = lane_position(a, lane);

    return at < a->num_lanes && memcmp(a->lane[at].lane, lane, WEIR_LANE_LEN) == 0 ? &a->lane[at]
                                                                                   : NULL;
}

static void lane_drop(struct weir_acks *a, size_t at)
{
    a->num_dropped += a->lane[at].num;
    lane_clear(a, &a->lane[at]);
    a->num_lanes--;
    memmove(&a->lane[at], &a->lane[at + 1], (a->num_lanes - at) * sizeof(a->lane[0]));
}

/* Drop the lane that was used least recently, except `keep`. */
static void make_room(struct weir_acks *a, const uint8_t *keep)
{
    size_t oldest = a->num_lanes;

    for (size_t i = 0; i < a->num_lanes; i++)
        if (memcmp(a->lane[i].lane, keep, WEIR_LANE_LEN) != 0 &&
            (oldest == a->num_lanes || a->lane[i].used < a->lane[oldest].used))
            oldest = i;
    WEIR_ASSERT(oldest < a->num_lanes);
    lane_drop(a, oldest);
}

static struct acks_lane *lane_touch(struct weir_acks *a, const uint8_t *lane)
{
    size_t at = lane_position(a, lane);

    if (at == a->num_lanes || memcmp(a->lane[at].lane, lane, WEIR_LANE_LEN) != 0) {
        if (a->num_lanes == WEIR_ACKS_LANES_MAX)
            make_room(a, lane);
        at = lane_position(a, lane);
        memmove(&a->lane[at + 1], &a->lane[at], (a->num_lanes - at) * sizeof(a->lane[0]));
        a->lane[at] = (struct acks_lane){ 0 };
        memcpy(a->lane[at].lane, lane, WEIR_LANE_LEN);
        a->num_lanes++;
    }
    a->lane[at].used = ++a->uses;
    return &a->lane[at];
}

/* The position of the first entry that is not below `node`. */
static size_t ack_position(const struct acks_lane *l, const uint8_t *node)
{
    return weir_sorted_position(l->entry, l->num, sizeof(l->entry[0]), node, WEIR_NODE_ID_LEN);
}

static bool is_ack_of(const struct acks_lane *l, size_t at, const uint8_t *node)
{
    return at < l->num && memcmp(l->entry[at].node, node, WEIR_NODE_ID_LEN) == 0;
}

/* NULL: no memory, or more nodes than there can be. */
static struct acks_entry *ack_touch(struct weir_acks *a, struct acks_lane *l, const uint8_t *node)
{
    size_t at = ack_position(l, node);

    if (is_ack_of(l, at, node))
        return &l->entry[at];
    if (l->num >= WEIR_MEMBERS_MAX + WEIR_STRANGERS_MAX)
        return NULL;
    if (l->num == l->cap) {
        size_t cap = l->cap > 0 ? 2 * l->cap : CAP_MIN;
        struct acks_entry *entries = realloc(l->entry, cap * sizeof(*entries));
        if (entries == NULL)
            return NULL;
        l->entry = entries;
        l->cap = cap;
    }
    memmove(&l->entry[at + 1], &l->entry[at], (l->num - at) * sizeof(l->entry[0]));
    l->entry[at] = (struct acks_entry){ 0 };
    memcpy(l->entry[at].node, node, WEIR_NODE_ID_LEN);
    l->num++;
    a->num++;
    return &l->entry[at];
}

/* Copy the numbers that are not active; without room for them `active` ends before the first. */
static void copy_list(struct weir_acks *a, struct acks_entry *w, const struct weir_ack *ack)
{
    size_t num = ack->num_held + ack->num_refused;

    WEIR_ASSERT(ack->num_held <= WEIR_ACK_HOLES_MAX && ack->num_refused <= WEIR_ACK_HOLES_MAX);
    if (num == 0)
        return;
    if (a->num_lists < WEIR_ACKS_LISTS_MAX)
        w->list = malloc(num * sizeof(w->list[0]));
    if (w->list == NULL) {
        if (ack->num_held > 0)
            w->active = ack->held[0] - 1;
        if (ack->num_refused > 0 && ack->refused[0] <= w->active)
            w->active = ack->refused[0] - 1;
        return;
    }
    a->num_lists++;
    memcpy(w->list, ack->held, ack->num_held * sizeof(w->list[0]));
    memcpy(w->list + ack->num_held, ack->refused, ack->num_refused * sizeof(w->list[0]));
    w->num_held = (uint8_t)ack->num_held;
    w->num_refused = (uint8_t)ack->num_refused;
}

static void copy_why(struct weir_acks *a, struct acks_entry *w, struct weir_span why)
{
    if (why.len == 0 || a->num_whys >= WEIR_ACKS_WHYS_MAX)
        return;
    w->why = malloc(why.len + 1);
    if (w->why == NULL)
        return;
    memcpy(w->why, why.at, why.len);
    w->why[why.len] = '\0';
    a->num_whys++;
}

void weir_acks_note(struct weir_acks *a, const uint8_t node[WEIR_NODE_ID_LEN],
                    const struct weir_ack *ack)
{
    while (a->num >= WEIR_ACKS_MAX)
        make_room(a, ack->lane);
    struct acks_entry *w = ack_touch(a, lane_touch(a, ack->lane), node);
    if (w == NULL) {
        a->num_dropped++;
        return;
    }
    ack_clear(a, w);
    w->durable = ack->durable;
    w->active = ack->active;
    w->rejected = ack->rejected;
    copy_list(a, w, ack);
    copy_why(a, w, ack->why);
}

void weir_acks_forget(struct weir_acks *a, const uint8_t node[WEIR_NODE_ID_LEN])
{
    for (size_t i = 0; i < a->num_lanes; i++) {
        struct acks_lane *l = &a->lane[i];
        size_t at = ack_position(l, node);
        if (!is_ack_of(l, at, node))
            continue;
        ack_clear(a, &l->entry[at]);
        l->num--;
        a->num--;
        memmove(&l->entry[at], &l->entry[at + 1], (l->num - at) * sizeof(l->entry[0]));
    }
}

static enum weir_ack_state ack_state_of(const struct acks_entry *w, uint64_t seq)
{
    struct weir_ack ack = {
        .durable = w->durable,
        .active = w->active,
        .rejected = w->rejected,
    };

    if (w->list != NULL) {
        ack.num_held = w->num_held;
        ack.num_refused = w->num_refused;
        memcpy(ack.held, w->list, w->num_held * sizeof(w->list[0]));
        memcpy(ack.refused, w->list + w->num_held, w->num_refused * sizeof(w->list[0]));
    }
    return weir_ack_of(&ack, seq);
}

static bool is_joined(enum weir_members_life life)
{
    return life >= WEIR_MEMBERS_ALIVE && life <= WEIR_MEMBERS_LOST;
}

static bool is_reachable(enum weir_members_life life)
{
    return life == WEIR_MEMBERS_ALIVE || life == WEIR_MEMBERS_SUSPECT;
}

void weir_acks_count(struct weir_acks *a, const struct weir_members *m,
                     const uint8_t lane[WEIR_LANE_LEN], uint64_t seq, struct weir_acks_count *ret)
{
    const struct acks_lane *l = lane_find(a, lane) != NULL ? lane_touch(a, lane) : NULL;

    *ret = (struct weir_acks_count){
        .members = weir_members_joined(m),
        .unreachable =
            weir_members_count(m, WEIR_MEMBERS_DOWN) + weir_members_count(m, WEIR_MEMBERS_LOST),
    };
    for (size_t i = 0; l != NULL && i < l->num; i++) {
        const struct weir_members_item *item = weir_members_find(m, l->entry[i].node);
        if (item == NULL || !is_joined(item->life))
            continue;
        enum weir_ack_state state = ack_state_of(&l->entry[i], seq);
        ret->durable += state != WEIR_ACK_ABSENT;
        if (!is_reachable(item->life))
            continue;
        ret->active += state == WEIR_ACK_ACTIVE;
        ret->rejected += state == WEIR_ACK_REJECTED;
        ret->waiting += state == WEIR_ACK_WAITING;
    }
    WEIR_ASSERT(ret->active + ret->rejected + ret->waiting <= ret->durable);
    WEIR_ASSERT(ret->durable <= ret->members);
}

bool weir_acks_next_rejection(const struct weir_acks *a, const uint8_t lane[WEIR_LANE_LEN],
                              uint64_t seq, const uint8_t *after, struct weir_acks_rejection *ret)
{
    const struct acks_lane *l = lane_find(a, lane);

    if (l == NULL)
        return false;
    size_t at = after != NULL ? ack_position(l, after) : 0;
    at += after != NULL && is_ack_of(l, at, after);
    for (; at < l->num; at++) {
        const struct acks_entry *w = &l->entry[at];
        if (ack_state_of(w, seq) != WEIR_ACK_REJECTED)
            continue;
        memcpy(ret->node, w->node, WEIR_NODE_ID_LEN);
        ret->why = seq == w->rejected ? weir_span_cstr(w->why) : WEIR_SPAN_EMPTY;
        return true;
    }
    return false;
}

size_t weir_acks_num_lanes(const struct weir_acks *a)
{
    return a->num_lanes;
}

size_t weir_acks_num(const struct weir_acks *a)
{
    return a->num;
}

uint64_t weir_acks_dropped(const struct weir_acks *a)
{
    return a->num_dropped;
}
