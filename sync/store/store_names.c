/* SPDX-License-Identifier: Apache-2.0
 *
 * store_names.c - lanes by name: two sorted lists over the store's lanes, by all their bytes and
 * by their last ones, and a journal that undoes what a transaction did to them. A lane that only a
 * context has mentioned has zeros for its first bytes, which no node id consists of, and no
 * numbers. An index of a lane is never used again, since contexts may mention it as long as there
 * are records; a wipe frees all of them. Owner: the record store's caller.
 */
#include "sync/store/store_names.h"

#include <stdlib.h>
#include <string.h>

#include "sync/store/store_meta.h"
#include "sync/store/store_txn.h"
#include "sync/version/stored_record.h"

#define HEAD_LEN       (WEIR_LANE_LEN - WEIR_LANE_TAIL_LEN)
#define LANES_AT_FIRST 16

static const uint8_t *tail_of(const uint8_t *lane)
{
    return lane + HEAD_LEN;
}

static bool has_numbers(const struct store_lane *l)
{
    return (l->vv | l->hi_seen | l->floor | l->retired_final) != 0;
}

void weir_store_names_deinit(struct store_names *n)
{
    free(n->by_id);
    free(n->by_tail);
    free(n->noted);
    free(n->before);
    free(n->stash);
    *n = (struct store_names){ .cap = 0 };
}

/* Position of the first entry of by_id that is not below `lane`. */
static uint32_t place_of_id(const struct store_names *n, const struct weir_store *s,
                            const uint8_t *lane, uint32_t num)
{
    uint32_t low = 0;

    for (uint32_t high = num; low < high;) {
        uint32_t mid = low + (high - low) / 2;
        if (memcmp(s->lanes[n->by_id[mid]].id, lane, WEIR_LANE_LEN) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The same of by_tail, for a tail and a number. */
static uint32_t place_of_tail(const struct store_names *n, const struct weir_store *s,
                              const uint8_t *tail, uint32_t idx, uint32_t num)
{
    uint32_t low = 0;

    for (uint32_t high = num; low < high;) {
        uint32_t mid = low + (high - low) / 2;
        uint32_t at = n->by_tail[mid];
        int order = memcmp(tail_of(s->lanes[at].id), tail, WEIR_LANE_TAIL_LEN);
        if (order < 0 || (order == 0 && at < idx))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void insert_sorted(uint32_t *list, uint32_t num, uint32_t at, uint32_t idx)
{
    memmove(list + at + 1, list + at, (num - at) * sizeof(*list));
    list[at] = idx;
}

/* Insert lane `idx` into both lists of `num` entries. */
static void enter_lane(struct store_names *n, const struct weir_store *s, uint32_t idx,
                       uint32_t num)
{
    const uint8_t *id = s->lanes[idx].id;

    insert_sorted(n->by_id, num, place_of_id(n, s, id, num), idx);
    insert_sorted(n->by_tail, num, place_of_tail(n, s, tail_of(id), idx, num), idx);
}

static int order_ids(const void *a, const void *b, void *arg)
{
    const struct weir_store *s = arg;

    return memcmp(s->lanes[*(const uint32_t *)a].id, s->lanes[*(const uint32_t *)b].id,
                  WEIR_LANE_LEN);
}

static int order_tails(const void *a, const void *b, void *arg)
{
    const struct weir_store *s = arg;
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    int order = memcmp(tail_of(s->lanes[x].id), tail_of(s->lanes[y].id), WEIR_LANE_TAIL_LEN);

    return order != 0 ? order : (x > y) - (x < y);
}

/* Build both lists anew; they have the room. */
static void sort_all(struct store_names *n, struct weir_store *s)
{
    for (uint32_t i = 0; i < s->num_lanes; i++)
        n->by_id[i] = n->by_tail[i] = i;
    if (s->num_lanes == 0)
        return;
    qsort_r(n->by_id, s->num_lanes, sizeof(*n->by_id), order_ids, s);
    qsort_r(n->by_tail, s->num_lanes, sizeof(*n->by_tail), order_tails, s);
}

static bool grow_tables(void *list, uint32_t cap, size_t size)
{
    void **at = list;
    void *more = realloc(*at, cap * size);

    if (more != NULL)
        *at = more;
    return more != NULL;
}

static enum weir_err reserve_tables(struct store_names *n, uint32_t num)
{
    uint32_t cap = n->cap > 0 ? n->cap : LANES_AT_FIRST;

    if (num > STORE_LANES_MAX)
        return WEIR_ELIMIT;
    if (num <= n->cap)
        return WEIR_OK;
    while (cap < num)
        cap *= 2;
    if (!grow_tables(&n->by_id, cap, sizeof(*n->by_id)) ||
        !grow_tables(&n->by_tail, cap, sizeof(*n->by_tail)) ||
        !grow_tables(&n->noted, cap, sizeof(*n->noted)))
        return WEIR_ENOMEM;
    memset(n->noted + n->cap, 0, (cap - n->cap) * sizeof(*n->noted));
    n->cap = cap;
    return WEIR_OK;
}

enum weir_err weir_store_names_load(struct store_names *n, struct weir_store *s)
{
    enum weir_err err = reserve_tables(n, s->num_lanes);
    if (err < 0)
        return err;
    sort_all(n, s);
    n->num_seen = 0;
    for (uint32_t i = 0; i < s->num_lanes; i++)
        n->num_seen += has_numbers(&s->lanes[i]);
    return WEIR_OK;
}

void weir_store_names_begin(struct store_names *n, const struct weir_store *s)
{
    n->turn++;
    n->num_before = 0;
    n->wiped = false;
    n->num_at_begin = s->num_lanes;
    n->seen_at_begin = n->num_seen;
}

bool weir_store_names_changed(const struct store_names *n, const struct weir_store *s)
{
    return n->wiped || n->num_before > 0 || s->num_lanes != n->num_at_begin;
}

/* Save a lane as it was at the begin, before it changes. */
static enum weir_err note_before_change(struct store_names *n, const struct weir_store *s,
                                        uint32_t idx)
{
    if (n->wiped || idx >= n->num_at_begin || n->noted[idx] == n->turn)
        return WEIR_OK;
    if (n->num_before == n->cap_before) {
        size_t cap = n->cap_before > 0 ? n->cap_before * 2 : LANES_AT_FIRST;
        struct store_lane_before *more = realloc(n->before, cap * sizeof(*more));
        if (more == NULL)
            return WEIR_ENOMEM;
        n->before = more;
        n->cap_before = cap;
    }
    n->noted[idx] = n->turn;
    n->before[n->num_before++] = (struct store_lane_before){ idx, s->lanes[idx] };
    return WEIR_OK;
}

enum weir_err weir_store_names_flush(struct store_names *n, struct store_txn *t)
{
    struct weir_store *s = t->s;
    enum weir_err err = WEIR_OK;

    for (size_t i = 0; err == WEIR_OK && !n->wiped && i < n->num_before; i++)
        err = weir_store_lane_put(t, n->before[i].idx, &s->lanes[n->before[i].idx]);
    for (uint32_t i = n->wiped ? 0 : n->num_at_begin; err == WEIR_OK && i < s->num_lanes; i++)
        err = weir_store_lane_put(t, i, &s->lanes[i]);
    return err;
}

void weir_store_names_commit(struct store_names *n)
{
    free(n->stash);
    n->stash = NULL;
}

void weir_store_names_undo(struct store_names *n, struct weir_store *s)
{
    if (!weir_store_names_changed(n, s))
        return;
    if (n->wiped) {
        free(s->lanes);
        s->lanes = n->stash;
        s->cap_lanes = n->stash_cap;
        n->stash = NULL;
    }
    for (size_t i = 0; i < n->num_before; i++)
        s->lanes[n->before[i].idx] = n->before[i].lane;
    s->num_lanes = n->num_at_begin;
    n->num_seen = n->seen_at_begin;
    sort_all(n, s);
}

void weir_store_names_wipe(struct store_names *n, struct weir_store *s)
{
    if (!n->wiped) {
        n->wiped = true;
        n->stash = s->lanes;
        n->stash_cap = s->cap_lanes;
        s->lanes = NULL;
        s->cap_lanes = 0;
    }
    s->num_lanes = 0;
    n->num_seen = 0;
}

uint32_t weir_store_names_find(const struct store_names *n, const struct weir_store *s,
                               const uint8_t lane[WEIR_LANE_LEN])
{
    uint32_t at = place_of_id(n, s, lane, s->num_lanes);

    if (at == s->num_lanes || memcmp(s->lanes[n->by_id[at]].id, lane, WEIR_LANE_LEN) != 0)
        return STORE_LANE_NONE;
    return n->by_id[at];
}

static enum weir_err add_lane(struct store_names *n, struct weir_store *s, const uint8_t *id,
                              uint32_t *ret_idx)
{
    struct store_lane lane = { .vv = 0 };

    memcpy(lane.id, id, WEIR_LANE_LEN);
    enum weir_err err = reserve_tables(n, s->num_lanes + 1);
    if (err == WEIR_OK)
        err = weir_store_lane_add(s, &lane);
    if (err < 0)
        return err;
    *ret_idx = s->num_lanes - 1;
    enter_lane(n, s, *ret_idx, *ret_idx);
    return WEIR_OK;
}

/* A lane that was known only by its last bytes is met: fill in its first bytes. */
static enum weir_err complete_lane(struct store_names *n, struct weir_store *s, uint32_t idx,
                                   const uint8_t *lane)
{
    enum weir_err err = note_before_change(n, s, idx);
    if (err < 0)
        return err;
    uint32_t at = place_of_id(n, s, s->lanes[idx].id, s->num_lanes);
    memmove(n->by_id + at, n->by_id + at + 1, (s->num_lanes - at - 1) * sizeof(*n->by_id));
    memcpy(s->lanes[idx].id, lane, WEIR_LANE_LEN);
    insert_sorted(n->by_id, s->num_lanes - 1, place_of_id(n, s, lane, s->num_lanes - 1), idx);
    return WEIR_OK;
}

enum weir_err weir_store_names_lane(struct store_names *n, struct weir_store *s,
                                    const uint8_t lane[WEIR_LANE_LEN], uint32_t *ret_idx)
{
    uint8_t stub[WEIR_LANE_LEN] = { 0 };
    uint32_t idx = weir_store_names_find(n, s, lane);

    if (idx != STORE_LANE_NONE) {
        *ret_idx = idx;
        return WEIR_OK;
    }
    memcpy(stub + HEAD_LEN, tail_of(lane), WEIR_LANE_TAIL_LEN);
    idx = weir_store_names_find(n, s, stub);
    if (idx == STORE_LANE_NONE || has_numbers(&s->lanes[idx]))
        return add_lane(n, s, lane, ret_idx);
    enum weir_err err = complete_lane(n, s, idx, lane);
    if (err == WEIR_OK)
        *ret_idx = idx;
    return err;
}

enum weir_err weir_store_names_tail(struct store_names *n, struct weir_store *s,
                                    const uint8_t tail[WEIR_LANE_TAIL_LEN], uint32_t *ret_idx)
{
    uint8_t stub[WEIR_LANE_LEN] = { 0 };
    uint32_t at = place_of_tail(n, s, tail, 0, s->num_lanes);

    if (at < s->num_lanes &&
        memcmp(tail_of(s->lanes[n->by_tail[at]].id), tail, WEIR_LANE_TAIL_LEN) == 0) {
        *ret_idx = n->by_tail[at];
        return WEIR_OK;
    }
    memcpy(stub + HEAD_LEN, tail, WEIR_LANE_TAIL_LEN);
    return add_lane(n, s, stub, ret_idx);
}

enum weir_err weir_store_names_set(struct store_names *n, struct weir_store *s, uint32_t idx,
                                   const struct store_lane *numbers)
{
    struct store_lane *lane = &s->lanes[idx];
    bool was = has_numbers(lane);
    bool is = has_numbers(numbers);

    if (is && !was && n->num_seen == WEIR_LANES_MAX)
        return WEIR_ELIMIT;
    if (lane->vv == numbers->vv && lane->hi_seen == numbers->hi_seen &&
        lane->floor == numbers->floor && lane->retired_final == numbers->retired_final)
        return WEIR_OK;
    enum weir_err err = note_before_change(n, s, idx);
    if (err < 0)
        return err;
    lane->vv = numbers->vv;
    lane->hi_seen = numbers->hi_seen;
    lane->floor = numbers->floor;
    lane->retired_final = numbers->retired_final;
    n->num_seen += is;
    n->num_seen -= was;
    return WEIR_OK;
}

uint32_t weir_store_names_next(const struct store_names *n, const struct weir_store *s,
                               const uint8_t *after)
{
    uint32_t at = after != NULL ? place_of_id(n, s, after, s->num_lanes) : 0;

    if (after != NULL && at < s->num_lanes &&
        memcmp(s->lanes[n->by_id[at]].id, after, WEIR_LANE_LEN) == 0)
        at++;
    while (at < s->num_lanes && !has_numbers(&s->lanes[n->by_id[at]]))
        at++;
    return at < s->num_lanes ? n->by_id[at] : STORE_LANE_NONE;
}
