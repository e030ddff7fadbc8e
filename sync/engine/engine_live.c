/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_live.c - rule R2: a live batch is applied only when it is the next of its lane; else it
 * waits for those before it. A batch is a hint: if it is lost, a pull brings the same records.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_apply.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_members.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_peer.h"

#define RELAY_GAP_US                                                                               \
    50000 /* copies of a flooded batch overtake one another: wait before pulling                   \
           */

static uint64_t num_records_of(const Weir__V1__Batch *b)
{
    return b->bans != NULL ? b->bans->reason.len : b->n_r;
}

static uint64_t last_seq_of(const Weir__V1__Batch *b)
{
    uint64_t num = num_records_of(b);

    return num > 0 ? b->first + num - 1 : b->first;
}

/* -- applying -- */

/* Apply records from seq `from` on, the next of the lane. @return the last seq that was applied */
static uint64_t apply_records(struct weir_engine *e, const Weir__V1__Batch *b, uint64_t from)
{
    struct weir_stored_record rec;
    uint64_t at = from;

    for (; at - b->first < b->n_r; at++) {
        if (!weir_engine_record(e, b->r[at - b->first], b->lane.data, &rec) ||
            weir_engine_apply(e, &rec, ENGINE_LIVE) < 0)
            break;
    }
    return at - 1;
}

static uint64_t apply_bans(struct weir_engine *e, const Weir__V1__Batch *b, uint64_t from)
{
    struct weir_frame_bans bans;
    struct weir_frame_ban ban;

    weir_frame_bans_begin(&bans, b);
    while (weir_frame_bans_next(&bans, &ban)) {
        struct weir_stored_record rec = { .rec = ban.rec, .stored_ms = e->wall_ms };
        if (ban.rec.version.seq >= from)
            (void)!weir_engine_apply(e, &rec, ENGINE_LIVE); /* a ban fails only with the turn */
    }
    return last_seq_of(b);
}

/* @return whether this node has all of the batch now */
static bool apply_batch(struct weir_engine *e, enum weir_group g, const Weir__V1__Batch *b)
{
    const uint8_t *lane = b->lane.data;
    uint64_t from = weir_engine_reach(e, g, lane) + 1;

    if (from < b->first || !engine_has(e, WEIR_RULE_DOT_GATE))
        from = b->first;
    uint64_t taken = b->bans != NULL ? apply_bans(e, b, from) : apply_records(e, b, from);
    weir_engine_raise(e, g, lane, taken);
    return taken == last_seq_of(b);
}

/* -- waiting -- */

static void wait_for_predecessor(struct weir_engine *e, enum weir_group g, const Weir__V1__Batch *b,
                                 struct weir_span frame)
{
    size_t len = sizeof(struct engine_waiting_batch) + frame.len;
    struct engine_waiting_batch **at = &e->waiting;

    for (; *at != NULL; at = &(*at)->next)
        if ((*at)->first == b->first && memcmp((*at)->lane, b->lane.data, WEIR_LANE_LEN) == 0)
            return;
    struct engine_waiting_batch *p =
        e->waiting_len + len <= WEIR_ENGINE_WAITING_MAX && e->num_parked < ENGINE_WAITING_NUM
            ? malloc(len)
            : NULL;
    if (p == NULL) {
        engine_count(e, WEIR_COUNT_WAITING_DROPPED, 1);
        return;
    }
    p->next = NULL;
    p->group = g;
    memcpy(p->lane, b->lane.data, WEIR_LANE_LEN);
    p->first = b->first;
    p->last = last_seq_of(b);
    p->len = frame.len;
    memcpy(p->frame, frame.at, frame.len);
    *at = p;
    e->waiting_len += len;
    e->num_parked++;
    engine_count(e, WEIR_COUNT_PARKED, 1);
}

static void drop_waiting(struct weir_engine *e, struct engine_waiting_batch **at)
{
    struct engine_waiting_batch *p = *at;

    *at = p->next;
    e->waiting_len -= sizeof(*p) + p->len;
    e->num_parked--;
    free(p);
}

void weir_engine_drop_waiting(struct weir_engine *e)
{
    while (e->waiting != NULL)
        drop_waiting(e, &e->waiting);
}

static void apply_waiting(struct weir_engine *e, const struct engine_waiting_batch *p)
{
    struct weir_frame f;
    enum weir_frame_fault fault;
    struct weir_span frame = weir_span(p->frame, p->len);

    if (weir_frame_decode(frame, &f, &fault) < 0)
        return; /* no memory: pulled later */
    if (apply_batch(e, p->group, f.msg.batch) && weir_engine_relays(e))
        weir_engine_relay(e, frame);
    weir_frame_deinit(&f);
}

void weir_engine_apply_waiting(struct weir_engine *e)
{
    while (e->waiting_ready) {
        struct engine_waiting_batch **at = &e->waiting;
        e->waiting_ready = false;
        while (*at != NULL && e->turn_err == WEIR_OK) {
            uint64_t vv = weir_engine_reach(e, (*at)->group, (*at)->lane);
            if ((*at)->first > vv + 1) {
                at = &(*at)->next;
                continue;
            }
            if ((*at)->last > vv)
                apply_waiting(e, *at);
            drop_waiting(e, at);
        }
    }
}

/* -- a batch comes -- */

/* R6, R7: may this node apply live batches of this link now? */
static bool may_apply_live(struct weir_engine *e, uint32_t link, enum weir_group g)
{
    const struct engine_link *l = engine_handshake_done(e, link);

    if (l == NULL) {
        engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1);
        return false;
    }
    if (!engine_is_live(e) || e->readonly)
        return false;
    if (g == WEIR_GROUP_C && (l->stale || l->behind)) {
        engine_count(e, WEIR_COUNT_STALE_REFUSED, 1);
        if (!l->stale)
            weir_engine_want_pull(e, link, g, e->mono_us);
        return false;
    }
    return true;
}

/* R15: in a full mesh each node publishes what it writes itself, and nothing else. */
static bool is_valid_batch(const struct weir_engine *e, enum weir_group g, const Weir__V1__Batch *b,
                           const uint8_t sender[WEIR_NODE_ID_LEN])
{
    return engine_lane_group(b->lane.data) == g &&
           (weir_engine_relays(e) || memcmp(b->lane.data, sender, WEIR_NODE_ID_LEN) == 0);
}

void weir_engine_on_batch(struct weir_engine *e, uint32_t link, const Weir__V1__Batch *b,
                          struct weir_span frame)
{
    enum weir_group g = b->group == WEIR_FRAME_BATCH_C ? WEIR_GROUP_C : WEIR_GROUP_E;
    struct engine_group *group = &e->group[g];
    const uint8_t *lane = b->lane.data;

    if (!may_apply_live(e, link, g))
        return;
    if (!is_valid_batch(e, g, b, e->links[link]->node)) {
        engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1);
        return;
    }
    uint64_t vv = weir_engine_reach(e, g, lane);
    if (last_seq_of(b) <= vv && engine_has(e, WEIR_RULE_DOT_GATE)) {
        engine_count(e, WEIR_COUNT_COVERED, num_records_of(b));
        return;
    }
    if (memcmp(lane, group->meta.lane, WEIR_LANE_LEN) ==
        0) { /* R10: this node's lane; a pull would not help */
        if (last_seq_of(b) > group->meta.seq)
            weir_engine_lane_lost(e, g, link);
        return;
    }
    if (!weir_engine_has_room(e, g, lane))
        return;
    bool has_gap = b->first > vv + 1 && engine_has(e, WEIR_RULE_NO_GAPS);
    if (num_records_of(b) > 0 && !has_gap) {
        if (apply_batch(e, g, b)) {
            if (weir_engine_relays(e))
                weir_engine_relay(e, frame);
            return;
        }
    } else if (num_records_of(b) > 0) {
        wait_for_predecessor(e, g, b, frame);
    }
    weir_engine_want_pull(e, link, g,
                          e->mono_us + (weir_engine_relays(e) && has_gap ? RELAY_GAP_US : 0));
}
