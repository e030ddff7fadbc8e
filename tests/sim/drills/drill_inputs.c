/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_inputs.c - sync/engine/engine_commit.c: links that come and go, frames of any, what time
 * leads to, the next deadline, and the getters.
 */
#include <string.h>

#include "sync/engine/engine_state.h"
#include "sync/members/members.h"
#include "tests/sim/drills/bed/drill_writes.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND UINT64_C(1000000)
#define LAST   (WEIR_ENGINE_LINKS_MAX - 1)

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* -- up and down -- */

static void come_up(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_up(d, 2);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, 2) == 1 &&
          weir_drill_num(d, WEIR_OUT_SEND) == 1);
    CLAIM(!weir_drill_sent(d, WEIR_FRAME_HELLO, 2, 0)->msg.hello->met);
    const struct engine_link *l = d->e->links[2];
    CLAIM(l->up && !l->refused && !l->handshake_done && d->e->num_up == 1 && d->e->num_links == 3);
    CLAIM(memcmp(l->node, d->peer[2].node, WEIR_NODE_ID_LEN) == 0);
    CLAIM(l->want_us[WEIR_GROUP_C] == ENGINE_NEVER && l->want_us[WEIR_GROUP_E] == ENGINE_NEVER);
    weir_drill_wait(d, 0);
    CLAIM(weir_engine_deadline(d->e) > d->mono_us);
    weir_drill_up(d, 0);
    CLAIM(d->e->num_up == 2 && d->e->num_links == 3);
    weir_drill_begin(d);
    CLAIM(weir_engine_link_up(d->e, LAST, d->peer[1].node) == WEIR_OK);
    weir_drill_end(d);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, LAST) == 1);
    CLAIM(d->e->num_links == LAST + 1);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK) == 1);
}

static void refuse_itself(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_begin(d);
    CLAIM(weir_engine_link_up(d->e, 1, d->cfg.node) == WEIR_OK);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_DUPLICATE, 1) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_CUT) == 1 && weir_drill_out(d, WEIR_OUT_CUT, 0)->link == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_SEND) == 0);
    weir_drill_wait(d, 3 * SECOND);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, WEIR_DRILL_ANY) == 0);
}

static void come_up_without_memory(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_begin(d);
    weir_failalloc_once(1);
    CLAIM(weir_engine_link_up(d->e, 1, d->peer[1].node) == WEIR_ENOMEM);
    (void)weir_sim_plenty();
    CLAIM(weir_drill_end(d) == WEIR_OK && d->e->num_up == 0);
    weir_drill_hello(d, 1, true);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    weir_drill_down(d, 1);
    weir_drill_meet(d, 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0 && d->e->num_up == 1);
    CLAIM(d->e->links[1]->handshake_done);
}

/* What was known of a link is forgotten with it; the others stay. */
static void go_down(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, 1);
    weir_drill_meet(d, 3);
    CLAIM(weir_drill_member(d, d->peer[1].node, WEIR_MEMBER_JOINED) == WEIR_OK);
    weir_drill_wait(d, 1);
    const struct weir_members *m = weir_engine_members(d->e);
    CLAIM(weir_members_find(m, d->peer[1].node)->num_links == 1);
    unsigned open = 0;
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++)
        open += d->e->pulls[i].open && d->e->pulls[i].link == 1;
    weir_drill_down(d, 2); /* never was up */
    weir_drill_down(d, LAST);
    CLAIM(d->e->num_up == 2);
    d->e->audit.link = 3;
    weir_drill_begin(d);
    d->e->audit.open = true;
    weir_engine_link_down(d->e, 1);
    CLAIM(d->e->audit.open && d->e->away_us == d->mono_us);
    weir_engine_link_down(d->e, 1); /* once is enough */
    d->e->away_us = 1;
    weir_engine_link_down(d->e, 1);
    CLAIM(d->e->away_us == 1 && d->e->num_up == 1);
    d->e->audit.open = false;
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == open && open > 0);
    CLAIM(weir_members_find(weir_engine_members(d->e), d->peer[1].node)->num_links == 0);
    weir_drill_hello(d, 1, false);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_SEND) == 0);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK) == 1);
    d->e->links[1]->stale = d->e->links[1]->refused = true;
    weir_drill_up(d, 1);
    CLAIM(!d->e->links[1]->stale && !d->e->links[1]->refused);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, 1) == 1);
    CLAIM(!weir_drill_sent(d, WEIR_FRAME_HELLO, 1, 0)->msg.hello->met);
    weir_drill_begin(d);
    d->e->away_us = 1;
    d->e->audit.open = true;
    weir_engine_link_down(d->e, 1); /* no handshake was done: it was never here */
    CLAIM(d->e->away_us == 1);
    weir_engine_link_down(d->e, 3);
    CLAIM(!d->e->audit.open && d->e->away_us == d->mono_us);
    weir_drill_end(d);
    CLAIM(d->e->num_up == 0);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_drill_num(d, WEIR_OUT_PUBLISH) == 0);
}

/* -- frames -- */

static void receive_from_nobody(struct weir_drill *d)
{
    Weir__V1__Hello *m = weir_drill_make_hello(d, 1);
    size_t len = weir_frame_packed_len(&m->base);
    uint8_t *bytes = weir_drill_alloc(d, len);

    weir_frame_pack(WEIR_FRAME_HELLO, &m->base, bytes);
    weir_drill_start(d);
    weir_drill_up(d, 2);
    weir_drill_receive_bytes(d, 1, weir_span(bytes, len)); /* a gap */
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    weir_drill_receive_bytes(d, LAST, WEIR_SPAN_EMPTY);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_BAD) == 0);
    weir_drill_begin(d);
    d->e->turn_err = WEIR_ENOMEM;
    weir_engine_receive(d->e, 2, WEIR_SPAN_EMPTY);
    CLAIM(weir_drill_end(d) == WEIR_ENOMEM);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_BAD) == 0);
}

static void receive_what_is_bad(struct weir_drill *d)
{
    struct weir_vector floor = WEIR_VECTOR_ZERO;
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_start(d);
    weir_drill_meet(d, 2);
    weir_drill_receive_bytes(d, 2, WEIR_SPAN_LIT("?"));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_BAD) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FALSE_CLAIMS) == 0 && d->num_outs == 0);
    Weir__V1__Hello *m = weir_drill_make_hello(d, 2);
    size_t len = weir_frame_packed_len(&m->base);
    uint8_t *bytes = weir_drill_alloc(d, len);
    weir_frame_pack(WEIR_FRAME_HELLO, &m->base, bytes);
    weir_drill_begin(d);
    weir_failalloc_once(1);
    weir_engine_receive(d->e, 2, weir_span(bytes, len)); /* for want of memory: dropped */
    (void)weir_sim_plenty();
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_BAD) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0 && d->num_outs == 0);
    weir_drill_lane(d->peer[2].node, WEIR_GROUP_C, 1, lane);
    weir_drill_raise(&floor, lane, 3);
    m->floor = weir_drill_lanes(d, &floor);
    m->n_floor = 1; /* purges beyond its own vector */
    weir_drill_receive(d, 2, WEIR_FRAME_HELLO, &m->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_BAD) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FALSE_CLAIMS) == 1);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_FALSE_CLAIM, 2) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_CUT) == 1);
    weir_vector_deinit(&floor);
}

/* Each kind of message reaches what handles it. */
static void receive_each_kind(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, 1, lane);
    weir_drill_start(d);
    weir_drill_up(d, 0);
    weir_drill_hello(d, 0, false);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, 0) == 1);
    weir_drill_batch_one(d, 0,
                         &(struct weir_drill_rec){
                             .key = WEIR_SPAN_LIT("a"), .value = "1", .lane = lane, .seq = 1 });
    CLAIM(weir_drill_counted(d, WEIR_COUNT_APPLIED) == 1);
    weir_drill_receive(d, 0, WEIR_FRAME_PULL_REQ, &weir_drill_make_req(d, 0, WEIR_GROUP_C)->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_SERVED) == 1);
    weir_drill_receive(d, 0, WEIR_FRAME_HEARTBEAT, &weir_drill_make_beat(d, 0)->base);
    CLAIM(weir_members_find(weir_engine_members(d->e), d->peer[0].node)->n == 1);
    Weir__V1__PullReq *unknown = weir_drill_make_req(d, 0, WEIR_GROUP_C);
    weir_drill_receive(d, 0, WEIR_FRAME_PULL_REP, &weir_drill_make_rep(d, 0, unknown)->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    Weir__V1__Audit audit;
    weir__v1__audit__init(&audit);
    audit.has_class_ = 1;
    audit.class_ = WEIR_CLASS_TENANT; /* keys, and none were asked for */
    weir_drill_receive(d, 0, WEIR_FRAME_AUDIT, &audit.base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_BAD) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
}

/* -- time -- */

/* A damaged record is fetched again: found by the walk, asked for by the tick. */
static void fetch_what_is_damaged(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, 0, 0);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_OK && f != NULL);
    CLAIM(weir_memory_flip(d->store[WEIR_GROUP_C], 0, WEIR_MEMORY_VALUE, 3));
    unsigned corrupt = 0, forced = 0;
    for (unsigned i = 0; i < 12; i++) {
        weir_drill_wait(d, SECOND / 2);
        corrupt += (unsigned)weir_drill_counted(d, WEIR_COUNT_CORRUPT);
        for (size_t k = 0; (f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, 0, k)) != NULL; k++)
            forced += f->msg.pull_req->n_force_keys > 0;
    }
    CLAIM(corrupt == 1 && forced > 0);
}

/* A search that is open goes on with the next tick, and tells the peer what it found. */
static void go_on_with_a_search(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    CLAIM(weir_drill_put(d, "k", "1") == WEIR_OK);
    d->e->audit.open = true;
    d->e->audit.link = 0;
    d->e->audit.class = WEIR_CLASS_TENANT;
    memset(d->e->audit.bad, 0xff, sizeof(d->e->audit.bad));
    CLAIM(weir_engine_deadline(d->e) == d->mono_us);
    weir_drill_wait(d, 0);
    weir_drill_wait(d, 0);
    CLAIM(!d->e->audit.open);
}

/* The next tick is at the first of these times; for some, only when they have a meaning. */
static void wait_for_the_first(struct weir_drill *d)
{
    uint64_t now = d->mono_us;

    weir_drill_start(d);
    weir_drill_up(d, 2);
    CLAIM(weir_engine_link_up(d->e, 0, d->peer[0].node) == WEIR_OK);
    CLAIM(weir_engine_commit(d->e) == WEIR_OK);
    CLAIM(weir_engine_link_up(d->e, 5, d->peer[5].node) == WEIR_OK);
    weir_engine_link_down(d->e, 5);
    CLAIM(weir_engine_commit(d->e) == WEIR_OK);
    struct weir_engine *e = d->e;
    struct engine_link *l = e->links[2];
    uint64_t *const times[] = {
        &e->heartbeat_at,
        &e->pull_at,
        &e->purge_at,
        &e->scan.next_us,
        &e->bans_at,
        &e->retry_at,
        &e->export_at,
        &e->pulls[0].deadline_us,
        &e->pulls[3].deadline_us,
        &l->hello_again_us,
        &l->hello_us,
        &l->want_us[WEIR_GROUP_C],
        &l->want_us[WEIR_GROUP_E],
        &e->links[0]->hello_again_us,
        &e->links[5]->hello_again_us,
    };
    enum {
        HEARTBEAT = 0,
        BANS = 4,
        RETRY = 5,
        EXPORT = 6,
        FIRST_PULL = 7,
        LAST_PULL = 8,
        HELLO = 10,
        WANT_C = 11,
        DOWN = 14
    };
    weir_members_free(&e->members);
    l->handshake_done = true;
    for (unsigned mode = 0; mode < 3; mode++) { /* as a rule; READONLY; STALE */
        e->readonly = mode == 1;
        e->state = mode == 2 ? WEIR_ENGINE_STALE : WEIR_ENGINE_LIVE;
        for (unsigned on = 0; on < 2; on++) {
            e->group[WEIR_GROUP_E].pub.num = on;
            e->pulls[0].open = e->pulls[3].open = l->hello_wanted = on;
            for (unsigned i = 0; i < WEIR_ARRAY_LEN(times); i++) {
                for (unsigned k = 0; k < WEIR_ARRAY_LEN(times); k++)
                    *times[k] = now + 5000 + k;
                *times[i] = now + 10;
                bool by_flag = i == BANS || i == HELLO || i == FIRST_PULL || i == LAST_PULL;
                bool counts =
                    mode == 1   ? i == HEARTBEAT || i == RETRY
                    : mode == 2 ? i == HEARTBEAT || i == EXPORT
                                : i != RETRY && i != EXPORT && i != DOWN && (on != 0 || !by_flag) &&
                                      (on == 0 || i != WANT_C); /* its sessions are all open */
                CLAIM((weir_engine_deadline(e) == now + 10) == counts);
                CLAIM(counts || weir_engine_deadline(e) == now + 5000 ||
                      (i == HEARTBEAT && weir_engine_deadline(e) == now + 5001));
            }
        }
    }
    e->readonly = false;
    e->state = WEIR_ENGINE_LIVE;
    e->group[WEIR_GROUP_E].pub.num = 0;
}

/* What is wanted of a peer waits for the budget, for a free session and for the handshake. */
static void wait_for_a_session(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, 2);
    struct weir_engine *e = d->e;
    struct engine_link *l = e->links[2];
    uint64_t now = d->mono_us;
    weir_members_free(&e->members);
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++)
        e->pulls[i].open = false;
    e->heartbeat_at = e->pull_at = e->purge_at = e->scan.next_us = now + 5000;
    l->hello_again_us = l->hello_us = l->want_us[WEIR_GROUP_C] = now + 5000;
    l->want_us[WEIR_GROUP_E] = now + 10;
    e->paid_us = now + 11;
    CLAIM(weir_engine_deadline(e) == now + 11);
    e->paid_us = now + 6000;
    e->pull_at = now + 20; /* which does not wait for it */
    CLAIM(weir_engine_deadline(e) == now + 20);
    e->pull_at = now + 5000;
    e->paid_us = 0;
    for (unsigned num = 0; num <= WEIR_ENGINE_PULLS_MAX; num++) {
        for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++) {
            e->pulls[i].open = i < num;
            e->pulls[i].group = num < WEIR_ENGINE_PULLS_MAX ? WEIR_GROUP_E : WEIR_GROUP_C;
            e->pulls[i].deadline_us = ENGINE_NEVER;
        }
        CLAIM((weir_engine_deadline(e) == now + 10) == (num < 2));
    }
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++)
        e->pulls[i].open = false;
    l->handshake_done = false;
    CLAIM(weir_engine_deadline(e) > now + 10);
}

/* Members have a deadline of their own, in every state. */
static void wait_for_the_members(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    uint64_t at = weir_members_deadline(weir_engine_members(d->e));
    d->e->heartbeat_at = d->e->pull_at = d->e->purge_at = d->e->scan.next_us = at + 1;
    CLAIM(weir_engine_deadline(d->e) == at);
    d->e->readonly = true;
    d->e->retry_at = at + 1;
    CLAIM(weir_engine_deadline(d->e) == at);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
    d->e->readonly = false;
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
}

/* -- getters -- */

/* Each counter has a name of its own. */
static void name_each_counter(struct weir_drill *d)
{
    for (unsigned c = 0; c < WEIR_COUNT_COUNT; c++) {
        const char *name = weir_engine_count_name((enum weir_engine_count)c);
        if (!CLAIM(name != NULL && name[0] != '\0'))
            return;
        for (unsigned i = 0; i < c; i++)
            CLAIM(strcmp(name, weir_engine_count_name((enum weir_engine_count)i)) != 0);
    }
}

static void get_what_is_there(struct weir_drill *d)
{
    uint8_t lane[2][WEIR_LANE_LEN];
    struct weir_lane_row row = { .vv = 4, .seen = 5, .floor = 3 };

    for (uint8_t i = 0; i < 2; i++)
        weir_drill_lane(d->peer[0].node, WEIR_GROUP_C, i, lane[i]);
    memcpy(row.lane, lane[0], WEIR_LANE_LEN);
    weir_drill_set_row(d, WEIR_GROUP_C, &row);
    row = (struct weir_lane_row){ .vv = 6, .seen = 6, .floor = 6, .final = 6 | 1ULL << 63 };
    memcpy(row.lane, lane[1], WEIR_LANE_LEN);
    weir_drill_set_row(d, WEIR_GROUP_C, &row);
    struct weir_store_meta meta = { .live = true };
    weir_drill_set_meta(d, WEIR_GROUP_C, &meta);
    weir_drill_start(d);
    CLAIM(weir_vector_get(weir_engine_vv(d->e, WEIR_GROUP_C), lane[0]) == 4);
    CLAIM(weir_vector_get(weir_engine_floor(d->e, WEIR_GROUP_C), lane[0]) == 3);
    CLAIM(weir_vector_get(weir_engine_folded(d->e), lane[1]) == 6);
    CLAIM(weir_engine_folded(d->e)->num == 1);
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane[0]) == 4);
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane[1]) == 6);
    CLAIM(weir_engine_vv(d->e, WEIR_GROUP_E)->num == 0);
    CLAIM(weir_engine_floor(d->e, WEIR_GROUP_E)->num == 0);
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_E, lane[0]) == 0);
    CLAIM(weir_engine_memory(d->e) == 0);
    weir_drill_meet(d, 0);
    weir_drill_meet(d, 3);
    size_t before = weir_engine_memory(d->e);
    struct engine_link *l = d->e->links[3];
    size_t *const caps[] = {
        &l->vv.cap,
        &d->e->links[0]->vv.cap,
        &l->given[WEIR_GROUP_C].cap,
        &l->given[WEIR_GROUP_E].cap,
        &d->e->pulls[0].cursor.cap,
        &d->e->pulls[3].beyond.cap,
        &d->e->pulls[1].floor.cap,
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(caps); i++) {
        *caps[i] += 10;
        CLAIM(weir_engine_memory(d->e) == before + 10 * sizeof(struct weir_vector_entry));
        *caps[i] -= 10;
    }
    d->e->waiting_len += 9;
    CLAIM(weir_engine_memory(d->e) == before + 9);
    d->e->waiting_len -= 9;
}

/* -- all -- */

static const weir_drill_fn all[] = {
    come_up,
    refuse_itself,
    come_up_without_memory,
    go_down,
    receive_from_nobody,
    receive_what_is_bad,
    receive_each_kind,
    fetch_what_is_damaged,
    go_on_with_a_search,
    wait_for_the_first,
    wait_for_a_session,
    wait_for_the_members,
    name_each_counter,
    get_what_is_there,
};

void weir_drill_inputs(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
