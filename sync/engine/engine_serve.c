/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_serve.c - pull sessions, as source. The source stores nothing between two requests: what
 * was sent is in the cursors that the puller brings.
 * A cursor never passes the vector of the source (R4): below a record that the vector does not
 * cover others may still come, and the session would miss them. Such records are sent too, since
 * one may have replaced a covered record; `beyond` states up to where, and is valid while no record
 * came below another of its lane (gen).
 */
#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_apply.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_inputs.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_peer.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"

#define RECORD_FIXED 120 /* bytes of a packed record beside key, value and extra */

/* A response under construction. */
struct response {
    Weir__V1__PullRep rep;
    enum weir_group group;
    struct weir_vector cursor; /* from the request; when sent, only the lanes that moved */
    struct weir_vector beyond;
    struct weir_vector moved;
    struct weir_vector moved_beyond;
    size_t max_bytes;
    size_t len;
    bool is_full;
    bool is_forced; /* requested by key, with the vector that goes with them */
    bool is_boot;   /* R14: of an empty store: folded lanes too */
};

static void response_init(struct weir_engine *e, struct response *a, const Weir__V1__PullReq *m)
{
    *a = (struct response){ .max_bytes = e->cfg.intervals.chunk_bytes, .is_boot = m->boot };
    weir__v1__pull_rep__init(&a->rep);
    a->group = m->n_groups > 0 && m->groups[0] == WEIR_FRAME_BATCH_E ? WEIR_GROUP_E : WEIR_GROUP_C;
    a->rep.has_session = 1;
    a->rep.session = m->session;
    a->rep.has_incarnation = 1;
    a->rep.incarnation.len = WEIR_INCARNATION_LEN;
    a->rep.incarnation.data = e->incarnation;
    a->rep.has_st = 1;
    if (m->has_max_bytes && m->max_bytes > 0 && m->max_bytes < a->max_bytes)
        a->max_bytes = m->max_bytes;
}

static void response_deinit(struct response *a)
{
    weir_vector_deinit(&a->cursor);
    weir_vector_deinit(&a->beyond);
    weir_vector_deinit(&a->moved);
    weir_vector_deinit(&a->moved_beyond);
}

static bool send_refusal(struct weir_engine *e, uint32_t link, struct response *a,
                         Weir__V1__PullRep__Status st)
{
    a->rep.st = st;
    if (st == WEIR__V1__PULL_REP__STATUS__BUSY)
        engine_count(e, WEIR_COUNT_BUSY, 1);
    weir_engine_send(e, link, WEIR_FRAME_PULL_REP, &a->rep.base);
    return false;
}

/* -- records -- */

static bool add_record(struct weir_engine *e, struct response *a,
                       const struct weir_stored_record *rec)
{
    /* The record store may move the record with its next change, as when it drops a damaged one. */
    const struct weir_stored_record *copy = weir_engine_copy_record(&e->outs.arena, rec);
    Weir__V1__Record *m = copy != NULL ? weir_engine_message(e, copy, true) : NULL;

    if (copy == NULL)
        weir_engine_fail(e, WEIR_ENOMEM);
    if (a->rep.r == NULL)
        a->rep.r = weir_engine_alloc(e, WEIR_FRAME_RECORDS * sizeof(Weir__V1__Record *));
    if (a->rep.r == NULL || m == NULL)
        return false;
    a->rep.r[a->rep.n_r++] = m;
    a->len += RECORD_FIXED + rec->rec.key.len + rec->rec.value.len + rec->extra.len;
    return true;
}

/* Add the records of a lane after `start`, until there are no more or the response is full.
 * @param ret_at  the last seq that was added or passed @return false: the turn has failed */
static bool add_lane(struct weir_engine *e, struct response *a,
                     const struct weir_vector_entry *lane, uint64_t start, uint64_t *ret_at)
{
    struct weir_record_store *records = e->group[a->group].records;
    struct weir_stored_record rec;
    uint64_t at = start;

    for (;;) {
        enum weir_err err = records->ops->next_dot(records, lane->lane, at, &rec);
        if (err == WEIR_ENOTFOUND) {
            at = at > lane->seq ? at : lane->seq;
            break;
        }
        if (err == WEIR_ECORRUPT) {
            at = rec.rec.version.seq;
            weir_engine_drop_damaged(e, rec.rec.class, rec.rec.key);
            continue;
        }
        if (err < 0) {
            weir_engine_fail(e, err);
            return false;
        }
        if (a->len >= a->max_bytes || a->rep.n_r == WEIR_FRAME_RECORDS) {
            a->is_full = true;
            break;
        }
        at = rec.rec.version.seq;
        if (!weir_engine_is_expired(e, &rec.rec) && !add_record(e, a, &rec))
            return false;
    }
    *ret_at = at;
    return true;
}

/* How far the puller has come: its cursor up to the vector of this node, `beyond` for the rest. */
static void note_progress(struct weir_engine *e, struct response *a,
                          const uint8_t lane[WEIR_LANE_LEN], uint64_t at)
{
    uint64_t vv = weir_engine_reach(e, a->group, lane);
    uint64_t cursor = at < vv || !engine_has(e, WEIR_RULE_CURSOR_CAP) ? at : vv;
    enum weir_err err = WEIR_OK;

    if (cursor > weir_vector_get(&a->cursor, lane))
        err = weir_vector_raise(&a->moved, lane, cursor);
    if (err == WEIR_OK && at > cursor)
        err = weir_vector_raise(&a->moved_beyond, lane, at);
    if (err < 0)
        weir_engine_fail(e, WEIR_ENOMEM);
}

/* @param ends  the last seq of each lane; of a folded lane records may lie beyond it that no node
 * can cover any more */
static bool add_lanes(struct weir_engine *e, struct response *a, const struct weir_vector *ends)
{
    bool are_folded = ends == &e->group[a->group].folded;

    for (size_t i = 0; i < ends->num && !a->is_full; i++) {
        const struct weir_vector_entry *lane = &ends->items[i];
        uint64_t start = weir_vector_get(&a->cursor, lane->lane);
        uint64_t beyond = weir_vector_get(&a->beyond, lane->lane);
        uint64_t at = start > beyond ? start : beyond;
        if (lane->seq <= at && !are_folded)
            continue;
        if (!add_lane(e, a, lane, at, &at))
            return false;
        note_progress(e, a, lane->lane, at);
    }
    return true;
}

static bool add_forced(struct weir_engine *e, struct response *a, const Weir__V1__PullReq *m)
{
    struct weir_stored_record rec;

    for (size_t i = 0; i < m->n_force_keys; i++) {
        enum weir_class class = (enum weir_class)m->force_keys[i].data[0];
        struct weir_span key = weir_span(m->force_keys[i].data + 1, m->force_keys[i].len - 1);
        struct weir_record_store *records = e->group[a->group].records;
        if (engine_group_of(class) != a->group)
            continue;
        enum weir_err err = records->ops->get(records, class, key, &rec);
        if (err == WEIR_ECORRUPT)
            weir_engine_drop_damaged(e, class, key);
        else if (err < 0 && err != WEIR_ENOTFOUND)
            weir_engine_fail(e, err);
        else if (err == WEIR_OK && a->len < WEIR_FRAME_MAX / 2 && !add_record(e, a, &rec))
            return false;
    }
    return e->turn_err == WEIR_OK;
}

/* -- the vector of the source -- */

/* A source does not send lanes of bans that have no record: nodes that still have them would give
 * them back for ever to nodes that dropped them. */
static void copy_vector_to_send(struct weir_engine *e, const struct response *a,
                                struct weir_vector *ret)
{
    enum weir_group g = a->group;
    const struct engine_group *group = &e->group[g];
    const struct weir_vector *to_send =
        engine_has(e, WEIR_RULE_CURSOR_CAP) ? &group->vv : &group->seen;
    struct weir_stored_record rec;

    for (size_t i = 0; i < to_send->num; i++) {
        const struct weir_vector_entry *lane = &to_send->items[i];
        if (g == WEIR_GROUP_E) {
            enum weir_err err = group->records->ops->next_dot(group->records, lane->lane, 0, &rec);
            if (err == WEIR_ENOTFOUND)
                continue;
        }
        if (weir_vector_raise(ret, lane->lane, lane->seq) < 0) {
            weir_engine_fail(e, WEIR_ENOMEM);
            return;
        }
    }
    if (a->is_boot && weir_vector_merge(ret, &group->folded) < 0)
        weir_engine_fail(e, WEIR_ENOMEM);
}

static void send_response(struct weir_engine *e, uint32_t link, struct response *a)
{
    struct engine_group *group = &e->group[a->group];
    struct weir_vector vv = WEIR_VECTOR_ZERO;

    a->rep.cursor = weir_engine_lanes(e, &a->moved);
    a->rep.n_cursor = a->rep.cursor != NULL ? a->moved.num : 0;
    a->rep.beyond = weir_engine_lanes(e, &a->moved_beyond);
    a->rep.n_beyond = a->rep.beyond != NULL ? a->moved_beyond.num : 0;
    a->rep.has_gen = 1;
    a->rep.gen = group->gen;
    if (a->group == WEIR_GROUP_C) {
        a->rep.floor = weir_engine_lanes(e, &group->floor);
        a->rep.n_floor = a->rep.floor != NULL ? group->floor.num : 0;
    }
    if (a->rep.complete || a->is_forced) {
        copy_vector_to_send(e, a, &vv);
        a->rep.vv = weir_engine_lanes(e, &vv);
        a->rep.n_vv = a->rep.vv != NULL ? vv.num : 0;
        a->rep.has_hlc_floor = 1;
        a->rep.hlc_floor = group->meta.hlc_floor;
    }
    weir_engine_send(e, link, WEIR_FRAME_PULL_REP, &a->rep.base);
    weir_vector_deinit(&vv);
}

/* -- requests -- */

/* R6, as source: has either side missed purges of the other? */
static bool check_floors(struct weir_engine *e, uint32_t link, struct response *a,
                         const Weir__V1__PullReq *m)
{
    const struct engine_group *group = &e->group[WEIR_GROUP_C];
    struct weir_vector floor = WEIR_VECTOR_ZERO;

    if (a->group == WEIR_GROUP_E || m->boot)
        return true;
    if (!weir_engine_split(e, WEIR_GROUP_C, m->floor, m->n_floor, &floor))
        return false;
    bool is_behind = weir_engine_lacks(e, WEIR_GROUP_C, &floor);
    bool is_ahead = weir_vector_is_stale(&a->cursor, &group->floor);
    weir_vector_deinit(&floor);
    if (is_behind && engine_has(e, WEIR_RULE_STALE_PEER)) {
        weir_engine_want_hello(e, link);
        return send_refusal(e, link, a, WEIR__V1__PULL_REP__STATUS__STALE_ME);
    }
    if (is_ahead && engine_has(e, WEIR_RULE_STALE_SELF)) {
        weir_engine_want_hello(e, link);
        return send_refusal(e, link, a, WEIR__V1__PULL_REP__STATUS__STALE_YOU);
    }
    return true;
}

static bool may_serve(struct weir_engine *e, uint32_t link, struct response *a)
{
    if (!engine_is_live(e))
        return send_refusal(e, link, a, WEIR__V1__PULL_REP__STATUS__NOT_LIVE);
    /* A record is missing here that the vector covers, so the vector would claim too much (R11). */
    if (e->served >= WEIR_ENGINE_SERVED_MAX || e->num_damaged > 0)
        return send_refusal(e, link, a, WEIR__V1__PULL_REP__STATUS__BUSY);
    e->served++;
    return true;
}

static bool is_same_life(const struct weir_engine *e, const Weir__V1__PullReq *m)
{
    return !m->has_want_incarnation ||
           memcmp(m->want_incarnation.data, e->incarnation, WEIR_INCARNATION_LEN) == 0;
}

static void build_response(struct weir_engine *e, uint32_t link, struct response *a,
                           const Weir__V1__PullReq *m)
{
    if (!may_serve(e, link, a) ||
        !weir_engine_split(e, a->group, m->cursor, m->n_cursor, &a->cursor) ||
        !check_floors(e, link, a, m) || !weir_engine_begin(e, a->group))
        return;
    if (m->has_gen && m->gen == e->group[a->group].gen &&
        !weir_engine_split(e, a->group, m->beyond, m->n_beyond, &a->beyond))
        return;
    if (m->n_force_keys > 0) {
        a->is_forced = true;
        if (add_forced(e, a, m))
            send_response(e, link, a);
        return;
    }
    if (is_same_life(e, m)) {
        if (!add_lanes(e, a, &e->group[a->group].seen) ||
            (a->is_boot && !add_lanes(e, a, &e->group[a->group].folded)))
            return;
        if (a->group == WEIR_GROUP_C && e->num_damaged > 0) { /* found just now */
            a->rep.n_r = 0;
            (void)send_refusal(e, link, a, WEIR__V1__PULL_REP__STATUS__BUSY);
            return;
        }
        a->rep.has_complete = 1;
        a->rep.complete = !a->is_full;
    }
    engine_count(e, WEIR_COUNT_SERVED, 1);
    send_response(e, link, a);
}

void weir_engine_on_pull_req(struct weir_engine *e, uint32_t link, const Weir__V1__PullReq *m)
{
    struct response a;

    if (engine_handshake_done(e, link) == NULL) {
        engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1);
        return;
    }
    response_init(e, &a, m);
    build_response(e, link, &a, m);
    response_deinit(&a);
}
