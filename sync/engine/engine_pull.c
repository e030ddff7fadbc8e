/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_pull.c - pull sessions, as puller (R4, R5, R8): request what is beyond a cursor until the
 * source has nothing more, and only then accept its vector.
 */
#include "sync/engine/engine_pull.h"

#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_apply.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_life.h"
#include "sync/engine/engine_out.h"
#include "sync/engine/engine_peer.h"
#include "sync/engine/engine_sums.h"
#include "sync/engine/engine_turn.h"

#define JOIN_US     100000   /* between two attempts to start a bootstrap */
#define PATIENCE_US 10000000 /* how long to wait for a peer that has all that this node has had */
#define SECOND_US   UINT64_C(1000000)
#define BUDGET_US   SECOND_US /* bytes that were not used are kept for this time */

/* The pull was wanted because two peers had records that this node lacked. Has this node received
 * some since? */
static bool has_doubt_passed(const struct weir_engine *e, const struct engine_link *l,
                             enum weir_group g)
{
    return l->is_doubt[g] && weir_engine_hash(e, g) != l->our_hash[g];
}

static bool is_joining(const struct weir_engine *e)
{
    return e->state == WEIR_ENGINE_JOINING;
}

/* -- requests -- */

static Weir__V1__PullReq *make_request(struct weir_engine *e, struct engine_pull *p)
{
    Weir__V1__PullReq *m = weir_engine_alloc(e, sizeof(*m));

    if (m == NULL)
        return NULL;
    p->name = weir_rng_next(
        &e->rng); /* names this request, so that late copies of earlier responses match none */
    weir__v1__pull_req__init(m);
    uint32_t *group = weir_engine_alloc(e, sizeof(*group));
    if (group == NULL)
        return NULL;
    *group = p->group == WEIR_GROUP_C ? WEIR_FRAME_BATCH_C : WEIR_FRAME_BATCH_E;
    m->groups = group;
    m->n_groups = 1;
    m->has_session = 1;
    m->session.len = ENGINE_SESSION_LEN;
    m->session.data = (uint8_t *)(uintptr_t)&p->name;
    m->has_max_bytes = 1;
    m->max_bytes = e->cfg.intervals.chunk_bytes;
    m->has_boot = p->boot;
    m->boot = p->boot;
    return m;
}

static void note_request_sent(struct weir_engine *e, struct engine_pull *p,
                              const Weir__V1__PullReq *m)
{
    weir_engine_send(e, p->link, WEIR_FRAME_PULL_REQ, &m->base);
    p->waiting = true;
    p->deadline_us = e->mono_us + e->cfg.intervals.pull_timeout_us;
}

/* R6: add the cursor and, in group C, the floor of this node. @return false: the turn has failed */
static bool add_cursor_and_floor(struct weir_engine *e, struct engine_pull *p, Weir__V1__PullReq *m)
{
    const struct weir_vector *floor = &e->group[p->group].floor;
    struct weir_vector cursor = WEIR_VECTOR_ZERO;

    p->floor_hash = weir_vector_hash(floor);
    if (!p->boot) { /* group E has no floor */
        m->floor = weir_engine_lanes(e, floor);
        m->n_floor = m->floor != NULL ? floor->num : 0;
    }
    const struct weir_vector *shown = &p->cursor;
    if (p->group == WEIR_GROUP_C &&
        weir_engine_show(e, &p->cursor, &e->links[p->link]->vv, &cursor))
        shown = &cursor;
    m->cursor = weir_engine_lanes(e, shown);
    m->n_cursor = m->cursor != NULL ? shown->num : 0;
    weir_vector_deinit(&cursor);
    return e->turn_err == WEIR_OK;
}

static void send_request(struct weir_engine *e, struct engine_pull *p)
{
    Weir__V1__PullReq *m = make_request(e, p);

    if (m == NULL)
        return;
    if (p->has_source && engine_has(e, WEIR_RULE_INCARNATION)) {
        m->has_want_incarnation = 1;
        m->want_incarnation.len = WEIR_INCARNATION_LEN;
        m->want_incarnation.data = p->source;
    }
    if (!add_cursor_and_floor(e, p, m))
        return;
    m->beyond = weir_engine_lanes(e, &p->beyond);
    m->n_beyond = m->beyond != NULL ? p->beyond.num : 0;
    m->has_gen = p->beyond.num > 0;
    m->gen = p->gen;
    note_request_sent(e, p, m);
}

static struct engine_pull *open_session(struct weir_engine *e, uint32_t link, enum weir_group g)
{
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++) {
        struct engine_pull *p = &e->pulls[i];
        if (p->open)
            continue;
        p->open = true;
        p->group = g;
        p->link = link;
        p->boot = false;
        p->forced = false;
        p->has_source = false;
        p->gen = 0;
        p->began_us = e->mono_us;
        return p;
    }
    return NULL;
}

void weir_engine_force(struct weir_engine *e, uint32_t link, ProtobufCBinaryData *keys, size_t num)
{
    if (num == 0 || engine_handshake_done(e, link) == NULL)
        return;
    struct engine_pull *p =
        open_session(e, link, engine_group_of((enum weir_class)keys[0].data[0]));
    Weir__V1__PullReq *m = p != NULL ? make_request(e, p) : NULL;

    if (m == NULL)
        return;
    p->forced = true;
    m->force_keys = keys;
    m->n_force_keys = num;
    if (weir_vector_copy(&p->cursor, &e->group[p->group].vv) < 0)
        weir_engine_fail(e, WEIR_ENOMEM);
    else if (add_cursor_and_floor(e, p, m))
        note_request_sent(e, p, m);
}

/* The cursor begins at the vector, or at nothing for a bootstrap. @return false: the turn has
 * failed */
static bool init_cursor(struct weir_engine *e, struct engine_pull *p)
{
    struct engine_group *group = &e->group[p->group];
    const struct weir_vector *from = &group->vv;

    if (p->group == WEIR_GROUP_C && is_joining(e)) {
        p->boot = true;
        bool is_empty = group->seen.num == 0 && group->vv.num == 0 && group->folded.num == 0;
        if (!is_empty && engine_has(e, WEIR_RULE_LIVE_ONLY) && !weir_engine_wipe(e))
            return false;
    }
    if (!engine_has(e, WEIR_RULE_INCARNATION) && e->shared_cursor[p->group].num > 0)
        from = &e->shared_cursor[p->group];
    weir_vector_reset(&p->beyond);
    weir_vector_reset(&p->floor);
    if (weir_vector_copy(&p->cursor, from) == WEIR_OK)
        return true;
    weir_engine_fail(e, WEIR_ENOMEM);
    return false;
}

static void start_session(struct weir_engine *e, uint32_t link, enum weir_group g)
{
    struct engine_pull *p = open_session(e, link, g);

    if (p == NULL)
        return;
    e->links[link]->want_us[g] = ENGINE_NEVER;
    engine_count(e, WEIR_COUNT_PULLS, 1);
    if (init_cursor(e, p))
        send_request(e, p);
}

/* -- scheduling -- */

static unsigned num_open_sessions(const struct weir_engine *e, enum weir_group g, uint32_t link)
{
    unsigned num = 0;

    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++) {
        const struct engine_pull *p = &e->pulls[i];
        if (p->open && p->group == g && (link == WEIR_ENGINE_NO_LINK || p->link == link))
            num++;
    }
    return num;
}

/* Whose purges made this node reset is the source; another may lack them too, or be evicted. */
static bool is_second_choice(const struct weir_engine *e, const struct engine_link *l)
{
    bool is_second = false;

    for (uint32_t i = 0; i < e->num_links && !is_second; i++) {
        const struct engine_link *other = engine_handshake_done(e, i);
        is_second = other != NULL && other->live && other->first_until_us > e->mono_us;
    }
    return is_second && l->first_until_us <= e->mono_us;
}

static bool may_pull_from(const struct weir_engine *e, uint32_t link, enum weir_group g)
{
    const struct engine_link *l = engine_handshake_done(e, link);

    if (l == NULL || !l->live || num_open_sessions(e, g, link) > 0)
        return false;
    return g == WEIR_GROUP_E || !(l->stale || (is_joining(e) && is_second_choice(e, l)));
}

static uint32_t random_source(struct weir_engine *e, enum weir_group g)
{
    uint32_t num = 0;
    uint32_t found = WEIR_ENGINE_NO_LINK;

    for (uint32_t i = 0; i < e->num_links; i++)
        if (may_pull_from(e, i, g) && weir_rng_below(&e->rng, ++num) == 0)
            found = i;
    return found;
}

/* Each group may use half of the sessions; a bootstrap runs alone. */
static unsigned max_sessions(const struct weir_engine *e, enum weir_group g)
{
    if (is_joining(e))
        return g == WEIR_GROUP_C ? 1 : 0;
    return WEIR_ENGINE_PULLS_MAX / WEIR_GROUP_COUNT;
}

/* When there is a byte to spend again. */
static uint64_t budget_ready_at(const struct weir_engine *e)
{
    return e->paid_us > e->mono_us ? e->paid_us : e->mono_us;
}

/* A response took the time in which so many bytes may come; what was not used is kept for a second.
 */
static void spend_budget(struct weir_engine *e, size_t len)
{
    if (e->mono_us > e->paid_us + BUDGET_US)
        e->paid_us = e->mono_us - BUDGET_US;
    e->paid_us += (uint64_t)len * SECOND_US / e->cfg.intervals.pull_bytes_per_s;
}

void weir_engine_pull_tick(struct weir_engine *e)
{
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++) {
        struct engine_pull *p = &e->pulls[i];
        if (!p->open || p->deadline_us > e->mono_us)
            continue;
        if (p->waiting)
            weir_engine_pull_lost(e, p);
        else
            send_request(e, p);
    }
    if (e->mono_us < e->pull_at)
        return;
    uint64_t every = is_joining(e) ? JOIN_US : e->cfg.intervals.pull_us;
    e->pull_at = e->mono_us + every / 2 + weir_rng_below(&e->rng, every);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        uint32_t link = random_source(e, (enum weir_group)g);
        if (link != WEIR_ENGINE_NO_LINK &&
            num_open_sessions(e, (enum weir_group)g, WEIR_ENGINE_NO_LINK) == 0)
            weir_engine_want_pull(e, link, (enum weir_group)g, e->mono_us);
    }
}

void weir_engine_pull_run(struct weir_engine *e)
{
    if (e->readonly || e->state == WEIR_ENGINE_STALE)
        return;
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        weir_engine_vouch(e, (enum weir_group)g);
    if (e->mono_us < e->paid_us)
        return;
    for (unsigned i = 0; i < WEIR_GROUP_COUNT; i++) {
        enum weir_group g = (enum weir_group)i;
        unsigned left = max_sessions(e, g);
        unsigned open = num_open_sessions(e, g, WEIR_ENGINE_NO_LINK);
        for (uint32_t link = 0; link < e->num_links && open < left; link++) {
            const struct engine_link *l = engine_handshake_done(e, link);
            if (l == NULL || l->want_us[g] > e->mono_us || e->turn_err < 0)
                continue;
            if (has_doubt_passed(e, l, g)) {
                e->links[link]->want_us[g] = ENGINE_NEVER;
                continue;
            }
            if (!may_pull_from(e, link, g)) {
                e->links[link]->want_us[g] = weir_engine_retry_at(e);
                continue;
            }
            start_session(e, link, g);
            open++;
        }
    }
}

uint64_t weir_engine_pull_deadline(const struct weir_engine *e)
{
    uint64_t at = e->pull_at;
    bool has_free = false;

    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++) {
        has_free = has_free || !e->pulls[i].open;
        if (e->pulls[i].open && e->pulls[i].deadline_us < at)
            at = e->pulls[i].deadline_us;
    }
    for (unsigned i = 0; i < WEIR_GROUP_COUNT; i++) {
        enum weir_group g = (enum weir_group)i;
        if (!has_free || num_open_sessions(e, g, WEIR_ENGINE_NO_LINK) >= max_sessions(e, g))
            continue; /* the end of one is an input of its own */
        for (uint32_t link = 0; link < e->num_links; link++) {
            const struct engine_link *l = engine_handshake_done(e, link);
            uint64_t want_us = l != NULL ? l->want_us[g] : ENGINE_NEVER;
            want_us = want_us > e->paid_us ? want_us : e->paid_us;
            at = want_us < at ? want_us : at;
        }
    }
    return at;
}

/* -- responses -- */

static struct engine_pull *find_session(struct weir_engine *e, uint32_t link,
                                        ProtobufCBinaryData name)
{
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++) {
        struct engine_pull *p = &e->pulls[i];
        if (p->open && p->link == link && p->waiting && name.len == ENGINE_SESSION_LEN &&
            memcmp(&p->name, name.data, ENGINE_SESSION_LEN) == 0)
            return p;
    }
    return NULL;
}

static void restart_session(struct weir_engine *e, struct engine_pull *p)
{
    engine_count(e, WEIR_COUNT_PULLS_RESTARTED, 1);
    p->has_source = false;
    if (p->boot && !weir_engine_wipe(e))
        return;
    if (init_cursor(e, p))
        send_request(e, p);
}

/* R5. @return whether the response comes from the incarnation of the source with which the
 * session began */
static bool is_source(struct weir_engine *e, struct engine_pull *p, const Weir__V1__PullRep *m)
{
    if (p->has_source && engine_has(e, WEIR_RULE_INCARNATION))
        return memcmp(p->source, m->incarnation.data, WEIR_INCARNATION_LEN) == 0;
    p->has_source = true;
    memcpy(p->source, m->incarnation.data, WEIR_INCARNATION_LEN);
    return true;
}

/* R6, R8. @return false: the session ended, or started over */
static bool is_above_floor(struct weir_engine *e, struct engine_pull *p,
                           const struct weir_vector *floor, bool is_first)
{
    if (p->group == WEIR_GROUP_E)
        return true;
    if (!p->boot) {
        if (!engine_has(e, WEIR_RULE_STALE_SELF) || !weir_engine_lacks(e, WEIR_GROUP_C, floor))
            return true;
        weir_engine_want_hello(e, p->link); /* the response to it decides which side is to reset */
        weir_engine_pull_lost(e, p);
        return false;
    }
    if (is_first && weir_vector_copy(&p->floor, floor) < 0) {
        weir_engine_fail(e, WEIR_ENOMEM);
        return false;
    }
    if (weir_vector_eq(&p->floor, floor) || !engine_has(e, WEIR_RULE_FLOOR_FROZEN))
        return true;
    restart_session(e, p);
    return false;
}

/* R6: this node has purged since its request, and the source did not know that when it responded.
 * @return false: the request was sent again */
static bool is_floor_known(struct weir_engine *e, struct engine_pull *p, const Weir__V1__PullRep *m)
{
    const struct engine_group *group = &e->group[p->group];
    struct weir_vector vv = WEIR_VECTOR_ZERO;

    if (p->floor_hash == weir_vector_hash(&group->floor) || !engine_has(e, WEIR_RULE_STALE_PEER))
        return true;
    if (p->forced) { /* the next audit finds what is still missing */
        weir_engine_pull_lost(e, p);
        return false;
    }
    bool is_known = m->complete && weir_engine_split(e, p->group, m->vv, m->n_vv, &vv) &&
                    !weir_vector_is_stale(&vv, &group->floor);
    weir_vector_deinit(&vv);
    if (is_known || e->turn_err < 0)
        return is_known;
    p->name = weir_rng_next(&e->rng);
    send_request(e, p);
    return false;
}

static bool apply_records(struct weir_engine *e, const struct engine_pull *p,
                          const Weir__V1__PullRep *m)
{
    struct weir_stored_record rec;

    for (size_t i = 0; i < m->n_r; i++) {
        if (!weir_engine_record(e, m->r[i], NULL, &rec) ||
            engine_group_of(rec.rec.class) != p->group) {
            engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1);
            return false;
        }
        if (p->forced)
            engine_count(e, WEIR_COUNT_REPAIRED, 1);
        if (weir_engine_apply(e, &rec, p->forced ? ENGINE_FORCED : ENGINE_PULLED) < 0)
            return false;
    }
    return true;
}

static void merge_cursor(struct weir_engine *e, struct engine_pull *p, const Weir__V1__PullRep *m)
{
    enum weir_err err = WEIR_OK;

    for (size_t i = 0; i < m->n_cursor && err == WEIR_OK; i++) {
        err = weir_vector_raise(&p->cursor, m->cursor[i]->lane.data, m->cursor[i]->seq);
        if (!engine_has(e, WEIR_RULE_VV_AT_END) &&
            engine_lane_group(m->cursor[i]->lane.data) == p->group)
            weir_engine_raise(e, p->group, m->cursor[i]->lane.data, m->cursor[i]->seq);
    }
    if (err == WEIR_OK && m->gen != p->gen)
        weir_vector_reset(&p->beyond);
    for (size_t i = 0; i < m->n_beyond && err == WEIR_OK; i++)
        err = weir_vector_raise(&p->beyond, m->beyond[i]->lane.data, m->beyond[i]->seq);
    p->gen = m->gen;
    if (err < 0)
        weir_engine_fail(e, err == WEIR_ELIMIT ? WEIR_ENOMEM : err);
}

static void complete_session(struct weir_engine *e, struct engine_pull *p,
                             const Weir__V1__PullRep *m, const struct weir_vector *floor)
{
    struct engine_group *group = &e->group[p->group];
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    bool was_boot = p->boot;

    if (weir_engine_split(e, p->group, m->vv, m->n_vv, &vv) && was_boot)
        weir_engine_join(e, p->group, &vv, floor);
    else if (e->turn_err == WEIR_OK)
        weir_engine_note_given(e, p->link, p->group, &vv);
    weir_vector_deinit(&vv);
    /* After a bootstrap alone: else what the source purged was seen and purged here too (R4). */
    if (was_boot && m->hlc_floor > group->meta.hlc_floor && engine_has(e, WEIR_RULE_FLOOR_MERGE)) {
        group->meta.hlc_floor = m->hlc_floor;
        group->meta_dirty = true;
    }
    e->links[p->link]->asked_us[p->group] = p->began_us;
    weir_vector_reset(&e->shared_cursor[p->group]);
    e->has_pulled = e->has_pulled || p->group == WEIR_GROUP_C;
    weir_engine_close_pull(p);
    engine_count(e, WEIR_COUNT_PULLS_DONE, 1);
    if (!was_boot || e->turn_err < 0)
        return;
    group->meta.live = true;
    group->meta_dirty = true;
    if (!weir_engine_begin(e, WEIR_GROUP_C))
        return;
    weir_engine_move(e, WEIR_ENGINE_LIVE);
    weir_members_free(&e->members); /* of records that are not here any more; meet all again */
    e->pull_at = e->mono_us;
    for (uint32_t i = 0; i < e->num_links; i++)
        weir_engine_want_hello(e, i);
}

/* R11: a record that is fetched by key may be older than the one that was lost here, unless the
 * peer has received all that this node had. Lanes of this node itself are exempt: no other node
 * can know them better. */
static bool has_all_of_ours(struct weir_engine *e, const struct engine_pull *p,
                            const Weir__V1__PullRep *m)
{
    const struct weir_vector *ours = &e->group[p->group].vv;
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    bool has_all = weir_engine_split(e, p->group, m->vv, m->n_vv, &vv);

    /* Two damaged nodes that wait for one another would wait for ever: neither serves while it is
     * damaged. */
    if (e->num_damaged > 0 && e->mono_us - e->damaged_us > PATIENCE_US) {
        weir_vector_deinit(&vv);
        return true;
    }

    for (size_t i = 0; i < ours->num && has_all; i++)
        has_all = memcmp(ours->items[i].lane, e->cfg.node, WEIR_NODE_ID_LEN) == 0 ||
                  weir_vector_covers(&vv, ours->items[i].lane, ours->items[i].seq);
    weir_vector_deinit(&vv);
    return has_all;
}

static void apply_response(struct weir_engine *e, struct engine_pull *p, const Weir__V1__PullRep *m)
{
    struct weir_vector floor = WEIR_VECTOR_ZERO;
    bool is_first = !p->has_source;

    if (!is_source(e, p, m)) {
        restart_session(e, p);
    } else if (weir_engine_split(e, p->group, m->floor, m->n_floor, &floor) &&
               is_above_floor(e, p, &floor, is_first) && is_floor_known(e, p, m)) {
        if (p->forced && p->group == WEIR_GROUP_C && !has_all_of_ours(e, p, m)) {
            weir_engine_ask_again(e, p->link);
            weir_engine_pull_lost(e, p);
        } else if (!apply_records(e, p, m)) {
            weir_engine_pull_lost(e, p);
        } else if (p->forced) {
            weir_engine_close_pull(p);
        } else if (m->complete) {
            complete_session(e, p, m, &floor);
        } else {
            merge_cursor(e, p, m);
            p->waiting = false;
            p->deadline_us = budget_ready_at(e);
            if (p->deadline_us <= e->mono_us)
                send_request(e, p);
        }
    }
    weir_vector_deinit(&floor);
}

void weir_engine_on_pull_rep(struct weir_engine *e, uint32_t link, const Weir__V1__PullRep *m,
                             size_t len)
{
    struct engine_link *l = engine_handshake_done(e, link);
    struct engine_pull *p = l != NULL ? find_session(e, link, m->session) : NULL;

    if (p == NULL) {
        engine_count(e, WEIR_COUNT_FRAMES_STRANGE, 1);
        return;
    }
    spend_budget(e, len);
    switch (m->st) {
    case WEIR__V1__PULL_REP__STATUS__OK:
        apply_response(e, p, m);
        return;
    case WEIR__V1__PULL_REP__STATUS__NOT_LIVE:
        l->live = false; /* its next Hello reports when it is */
        weir_engine_pull_lost(e, p);
        return;
    case WEIR__V1__PULL_REP__STATUS__STALE_YOU:
    case WEIR__V1__PULL_REP__STATUS__STALE_ME:
        weir_engine_want_hello(e, link);
        weir_engine_pull_lost(e, p);
        return;
    case WEIR__V1__PULL_REP__STATUS__BUSY:
        weir_engine_pull_lost(e, p);
        return;
    case _WEIR__V1__PULL_REP__STATUS_IS_INT_SIZE:
        break;
    }
    weir_engine_pull_lost(e, p);
}
