/* SPDX-License-Identifier: Apache-2.0
 *
 * active_reports.c - follows records until they are active or rejected, and makes the acks.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/activation/active.h"
#include "sync/activation/active_lanes.h"

#define BIT(state) (1u << (state))

/* From each state to where a report of the data plane may move it: some of the moves that
 * active_lanes.c has. A report of any other is late, and rejected. */
static const unsigned reports[WEIR_ACTIVE_NUM_STATES] = {
    [WEIR_ACTIVE_STORED] = BIT(WEIR_ACTIVE_COMPILED) | BIT(WEIR_ACTIVE_LIVE) |
                           BIT(WEIR_ACTIVE_REJECTED) | BIT(WEIR_ACTIVE_HELD),
    [WEIR_ACTIVE_COMPILED] = BIT(WEIR_ACTIVE_STAGED) | BIT(WEIR_ACTIVE_LIVE) |
                             BIT(WEIR_ACTIVE_REJECTED) | BIT(WEIR_ACTIVE_HELD),
    [WEIR_ACTIVE_STAGED] =
        BIT(WEIR_ACTIVE_LIVE) | BIT(WEIR_ACTIVE_REJECTED) | BIT(WEIR_ACTIVE_HELD),
    /* What it names has come, or has gone; or the compiler has improved. */
    [WEIR_ACTIVE_HELD] = BIT(WEIR_ACTIVE_COMPILED) | BIT(WEIR_ACTIVE_LIVE) |
                         BIT(WEIR_ACTIVE_REJECTED) | BIT(WEIR_ACTIVE_HELD),
    [WEIR_ACTIVE_REJECTED] = BIT(WEIR_ACTIVE_COMPILED) | BIT(WEIR_ACTIVE_LIVE) |
                             BIT(WEIR_ACTIVE_REJECTED) | BIT(WEIR_ACTIVE_HELD),
};

enum weir_err weir_active_new(const struct weir_active_config *cfg, struct weir_active **ret)
{
    struct weir_active *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return WEIR_ENOMEM;
    a->cfg = *cfg;
    a->now_us = cfg->mono_us;
    a->loading = true;
    *ret = a;
    return WEIR_OK;
}

void weir_active_free(struct weir_active **a)
{
    if (*a != NULL) {
        weir_active_lanes_reset(*a);
        free((*a)->lane);
        free((*a)->replaced);
    }
    free(*a);
    *a = NULL;
}

void weir_active_tick(struct weir_active *a, uint64_t mono_us)
{
    WEIR_ASSERT(mono_us >= a->now_us);
    a->now_us = mono_us;
}

void weir_active_load(struct weir_active *a)
{
    weir_active_lanes_reset(a);
    a->loading = true;
    a->blind = false;
    a->lost = false;
}

void weir_active_loaded(struct weir_active *a)
{
    a->loading = false;
    for (size_t i = 0; i < a->num_lanes; i++) {
        a->lane[i].is_unreported = true;
        a->lane[i].changed_us = a->now_us;
    }
}

void weir_active_durable(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN])
{
    (void)weir_active_lane_touch(
        a, lane); /* no room: the lane is not reported, so other nodes do not count it as active */
}

void weir_active_repeat(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN])
{
    (void)weir_active_lane_repeat(a, lane); /* no room: as above */
}

/* Nothing is known of this record any more, nor, for other nodes, of those after it in its lane. */
static void note_lost_record(struct weir_active *a, struct active_lane *l, uint64_t seq)
{
    a->num_dropped++;
    a->lost = true;
    if (l == NULL)
        a->blind = true;
    else if (l->lost_from == 0 || seq < l->lost_from)
        l->lost_from = seq;
}

static bool is_replaced_by(const struct active_replaced *r, const uint8_t *by, uint64_t by_seq)
{
    return r->by_seq == by_seq && memcmp(r->by, by, WEIR_LANE_LEN) == 0;
}

/* The record is live, so those that it replaced count as active too. */
static void drop_holes_replaced_by(struct weir_active *a, const uint8_t *by, uint64_t by_seq)
{
    size_t num = 0;

    for (size_t i = 0; i < a->num_replaced; i++) {
        struct active_replaced *r = &a->replaced[i];
        if (!is_replaced_by(r, by, by_seq)) {
            a->replaced[num++] = *r;
            continue;
        }
        struct active_lane *l = weir_active_lane_touch(a, r->lane);
        WEIR_ASSERT(l != NULL); /* a lane with holes is there */
        struct active_hole *h = weir_active_hole_find(l, r->seq);
        WEIR_ASSERT(h != NULL && h->state == WEIR_ACTIVE_REPLACED);
        weir_active_hole_drop(a, l, h);
    }
    a->num_replaced = num;
}

static bool add_replaced(struct weir_active *a, const struct active_replaced *r)
{
    if (a->num_replaced == a->cap_replaced) {
        size_t cap = a->cap_replaced > 0 ? 2 * a->cap_replaced : 16;
        struct active_replaced *replaced = realloc(a->replaced, cap * sizeof(*replaced));
        if (replaced == NULL)
            return false;
        a->replaced = replaced;
        a->cap_replaced = cap;
    }
    a->replaced[a->num_replaced++] = *r;
    return true;
}

void weir_active_stored(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                        enum weir_class class, uint16_t min_reader)
{
    struct active_lane *l = weir_active_lane_touch(a, lane);
    enum weir_active_state state =
        min_reader > a->cfg.reader ? WEIR_ACTIVE_HELD_SCHEMA : WEIR_ACTIVE_STORED;

    WEIR_ASSERT(seq > 0);
    if ((unsigned)class >= 32 || (a->cfg.compiled & 1u << class) == 0)
        return;
    struct active_hole *h = l != NULL ? weir_active_hole_find(l, seq) : NULL;
    if (h != NULL && h->state != WEIR_ACTIVE_REPLACED)
        weir_active_hole_move(a, h, state);
    else if (h == NULL && (l == NULL || !weir_active_hole_add(a, l, seq, state)))
        note_lost_record(a, l, seq);
}

/* Text for logs and tables: no control characters, no half of a UTF-8 character at its end. */
static char *copy_why(struct weir_span why)
{
    size_t len = why.len < WEIR_ACK_WHY_MAX ? why.len : WEIR_ACK_WHY_MAX;
    char *copy;

    while (len > 0 && len < why.len && (why.at[len] & 0xc0) == 0x80)
        len--;
    if (len == 0 || (copy = malloc(len + 1)) == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++)
        copy[i] = why.at[i] < 0x20 || why.at[i] == 0x7f ? ' ' : (char)why.at[i];
    copy[len] = '\0';
    return copy;
}

bool weir_active_report(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                        enum weir_active_state state, struct weir_span why)
{
    struct active_lane *l = weir_active_lane_find(a, lane);
    struct active_hole *h = l != NULL ? weir_active_hole_find(l, seq) : NULL;

    WEIR_ASSERT(state == WEIR_ACTIVE_LIVE || state == WEIR_ACTIVE_COMPILED ||
                state == WEIR_ACTIVE_STAGED || state == WEIR_ACTIVE_REJECTED ||
                state == WEIR_ACTIVE_HELD);
    if (h == NULL || (reports[h->state] & BIT(state)) == 0)
        return false;
    l->changed_us = a->now_us;
    l->is_unreported = true;
    if (state == WEIR_ACTIVE_LIVE) {
        weir_active_hole_drop(a, l, h);
        drop_holes_replaced_by(a, lane, seq);
        return true;
    }
    weir_active_hole_move(a, h, state);
    if (state == WEIR_ACTIVE_REJECTED && a->num_whys < WEIR_ACTIVE_WHYS_MAX) {
        h->why = copy_why(why);
        a->num_whys += h->why != NULL;
    }
    return true;
}

/* Is the record tracked, or known to be lost? */
static bool is_tracked(const struct weir_active *a, const uint8_t *lane, uint64_t seq)
{
    const struct active_lane *l = weir_active_lane_find(a, lane);

    if (l == NULL)
        return false;
    return weir_active_hole_find(l, seq) != NULL || (l->lost_from != 0 && seq >= l->lost_from);
}

/* From now on the record, and those that it had replaced, become active with another one. */
static void note_replaced(struct weir_active *a, struct active_lane *l, struct active_hole *h,
                          const struct active_replaced *r)
{
    for (size_t i = 0; i < a->num_replaced; i++)
        if (is_replaced_by(&a->replaced[i], r->lane, r->seq)) {
            memcpy(a->replaced[i].by, r->by, WEIR_LANE_LEN);
            a->replaced[i].by_seq = r->by_seq;
        }
    weir_active_hole_move(a, h, WEIR_ACTIVE_REPLACED);
    if (!add_replaced(a, r))
        note_lost_record(a, l, r->seq);
}

void weir_active_superseded(struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN], uint64_t seq,
                            const uint8_t by[WEIR_LANE_LEN], uint64_t by_seq)
{
    struct active_lane *l = weir_active_lane_find(a, lane);
    struct active_hole *h = l != NULL ? weir_active_hole_find(l, seq) : NULL;
    struct active_replaced r = { .seq = seq, .by_seq = by_seq };

    if (h == NULL || h->state == WEIR_ACTIVE_REPLACED)
        return;
    l->changed_us = a->now_us;
    l->is_unreported = true;
    memcpy(r.lane, lane, WEIR_LANE_LEN);
    memcpy(r.by, by, WEIR_LANE_LEN);
    if (is_tracked(a, by, by_seq)) {
        note_replaced(a, l, h, &r);
    } else {
        weir_active_hole_drop(a, l, h);
        drop_holes_replaced_by(a, lane, seq);
    }
}

static bool is_on_its_way(const struct active_hole *h)
{
    return h->state == WEIR_ACTIVE_STORED || h->state == WEIR_ACTIVE_COMPILED ||
           h->state == WEIR_ACTIVE_STAGED;
}

/* `active` and the holes below it. */
static void fill_active(const struct active_lane *l, struct weir_ack *ack)
{
    uint64_t end = ack->durable;

    if (l->lost_from != 0 && l->lost_from <= end)
        end = l->lost_from - 1;
    for (size_t i = 0; i < l->num; i++) {
        const struct active_hole *h = &l->hole[l->first + i];
        bool is_rejected = h->state == WEIR_ACTIVE_REJECTED;
        size_t num = is_rejected ? ack->num_refused : ack->num_held;
        if (h->seq > end)
            break;
        if (is_on_its_way(h) || num == WEIR_ACK_HOLES_MAX) {
            end = h->seq - 1;
            break;
        }
        if (is_rejected)
            ack->refused[ack->num_refused++] = h->seq;
        else
            ack->held[ack->num_held++] = h->seq;
    }
    ack->active = end;
}

/* The newest rejected one, with its reason. */
static void fill_rejected(const struct active_lane *l, struct weir_ack *ack)
{
    for (size_t i = l->num; i > 0; i--) {
        const struct active_hole *h = &l->hole[l->first + i - 1];
        if (h->state != WEIR_ACTIVE_REJECTED || h->seq > ack->durable)
            continue;
        ack->rejected = h->seq;
        ack->why = weir_span_cstr(h->why);
        return;
    }
}

void weir_active_lane(const struct weir_active *a, const uint8_t lane[WEIR_LANE_LEN],
                      uint64_t durable, struct weir_ack *ret)
{
    const struct active_lane *l = weir_active_lane_find(a, lane);

    *ret = (struct weir_ack){ .durable = durable };
    memcpy(ret->lane, lane, WEIR_LANE_LEN);
    if (l != NULL)
        fill_rejected(l, ret);
    if (a->loading || a->blind)
        return;
    ret->active = durable;
    if (l != NULL)
        fill_active(l, ret);
}

/* Report lanes that changed since their last report, or those that did not; each lane once a
 * round. */
static size_t fill_acks(struct weir_active *a, const struct weir_vector *vv, bool unreported,
                        struct weir_ack *out, size_t max)
{
    size_t from = weir_active_lane_position(a, a->last_reported);
    size_t num = 0;

    from += from < a->num_lanes && memcmp(a->lane[from].lane, a->last_reported, WEIR_LANE_LEN) == 0;
    for (size_t i = 0; i < a->num_lanes && num < max; i++) {
        struct active_lane *l = &a->lane[(from + i) % a->num_lanes];
        bool is_old = a->now_us - l->changed_us > WEIR_ACTIVE_REPORT_US;
        uint64_t durable = weir_vector_get(vv, l->lane);
        if (l->is_unreported != unreported || l->round == a->round || (!unreported && is_old) ||
            durable == 0)
            continue;
        weir_active_lane(a, l->lane, durable, &out[num++]);
        l->is_unreported = false;
        l->round = a->round;
        memcpy(a->last_reported, l->lane, WEIR_LANE_LEN);
    }
    return num;
}

size_t weir_active_acks(struct weir_active *a, const struct weir_vector *vv, struct weir_ack *out,
                        size_t max)
{
    weir_active_lanes_sweep(a);
    a->round++;
    size_t num = fill_acks(a, vv, true, out, max);
    return num + fill_acks(a, vv, false, out + num, max - num);
}

size_t weir_active_count(const struct weir_active *a, enum weir_active_state state)
{
    WEIR_ASSERT(state < WEIR_ACTIVE_NUM_STATES);
    return a->count[state];
}

bool weir_active_is_final(const struct weir_active *a)
{
    return !a->loading && !a->lost && a->count[WEIR_ACTIVE_STORED] == 0 &&
           a->count[WEIR_ACTIVE_COMPILED] == 0 && a->count[WEIR_ACTIVE_STAGED] == 0;
}

uint64_t weir_active_dropped(const struct weir_active *a)
{
    return a->num_dropped;
}

bool weir_active_wants_load(const struct weir_active *a)
{
    return a->lost && a->num_holes <= WEIR_ACTIVE_MAX / 2;
}

const char *weir_active_state_name(enum weir_active_state state)
{
    static const char *const names[] = {
        [WEIR_ACTIVE_STORED] = "stored",
        [WEIR_ACTIVE_COMPILED] = "compiled",
        [WEIR_ACTIVE_STAGED] = "staged",
        [WEIR_ACTIVE_LIVE] = "active",
        [WEIR_ACTIVE_REJECTED] = "rejected",
        [WEIR_ACTIVE_HELD] = "held",
        [WEIR_ACTIVE_HELD_SCHEMA] = "held, schema",
        [WEIR_ACTIVE_REPLACED] = "replaced",
    };
    _Static_assert(WEIR_ARRAY_LEN(names) == WEIR_ACTIVE_NUM_STATES, "each state has a name");

    return (size_t)state < WEIR_ARRAY_LEN(names) ? names[state] : "unknown";
}
