/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_serve.c - sync/engine/engine_serve.c: who is served at all, the limits of a response, and
 * what a failing store or allocation leaves behind.
 */
#include <string.h>

#include "node/base/limits.h"
#include "sync/version/num.h"
#include "tests/sim/drills/bed/drill_faults.h"
#include "tests/sim/drills/bed/drill_seed.h"
#include "tests/sim/drills/drills.h"

#define PULLER       0
#define RECORD_FIXED 120 /* bytes that a record counts beside what it carries */
#define FOLDED       (UINT64_C(1) << 63)
#define NUM          3u /* lanes of a response in which something fails */

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static const Weir__V1__PullRep *response(const struct weir_drill *d, size_t nth)
{
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_PULL_REP, PULLER, nth);

    return f != NULL ? f->msg.pull_rep : NULL;
}

static void ask(struct weir_drill *d, enum weir_group g)
{
    weir_drill_receive(d, PULLER, WEIR_FRAME_PULL_REQ, &weir_drill_make_req(d, PULLER, g)->base);
}

/* Several requests in one turn. */
static void give(struct weir_drill *d, const Weir__V1__PullReq *m)
{
    size_t len = weir_frame_packed_len(&m->base);
    uint8_t *bytes = weir_drill_alloc(d, len);

    weir_frame_pack(WEIR_FRAME_PULL_REQ, &m->base, bytes);
    weir_engine_receive(d->e, PULLER, weir_span(bytes, len));
}

static void claim_refused(struct weir_drill *d, Weir__V1__PullRep__Status st)
{
    const Weir__V1__PullRep *m = response(d, 0);

    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REP, WEIR_DRILL_ANY) == 1);
    CLAIM(m != NULL && m->st == st && m->n_r == 0 && !m->has_complete && m->n_vv == 0 &&
          !m->has_gen);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_SERVED) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_BUSY) == (st == WEIR__V1__PULL_REP__STATUS__BUSY));
}

/* -- who is served -- */

static void serve_nobody_while_joining(struct weir_drill *d)
{
    d->cfg.bootstrap = false;
    weir_drill_start(d);
    weir_drill_meet(d, PULLER);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_JOINING);
    ask(d, WEIR_GROUP_C);
    claim_refused(d, WEIR__V1__PULL_REP__STATUS__NOT_LIVE);
    ask(d, WEIR_GROUP_E);
    claim_refused(d, WEIR__V1__PULL_REP__STATUS__NOT_LIVE);
}

static void serve_nobody_while_stale(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, PULLER);
    weir_drill_begin(d);
    weir_engine_give_up(d->e);
    (void)weir_drill_end(d);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_STALE);
    ask(d, WEIR_GROUP_C);
    claim_refused(d, WEIR__V1__PULL_REP__STATUS__NOT_LIVE);
}

/* A node whose disk fails serves what it has. */
static void serve_while_readonly(struct weir_drill *d)
{
    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK);
    weir_drill_meet(d, PULLER);
    weir_memory_set_trouble(d->store[WEIR_GROUP_C], WEIR_MEMORY_NOWRITE);
    CLAIM(weir_drill_put(d, "b", "2") == WEIR_EIO);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
    ask(d, WEIR_GROUP_C);
    const Weir__V1__PullRep *m = response(d, 0);
    CLAIM(m != NULL && m->st == WEIR__V1__PULL_REP__STATUS__OK && m->n_r == 1 && m->complete);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_SERVED) == 1);
}

static void serve_no_stranger(struct weir_drill *d)
{
    weir_drill_start(d);
    ask(d, WEIR_GROUP_C); /* not connected */
    CLAIM(d->num_outs == weir_drill_num_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_DRILL_ANY));
    weir_drill_up(d, PULLER);
    ask(d, WEIR_GROUP_C); /* without a Hello */
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REP, WEIR_DRILL_ANY) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_SERVED) == 0);
    weir_drill_hello(d, PULLER, true);
    ask(d, WEIR_GROUP_C);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_SERVED) == 1);
}

/* So many in a turn; the next turn serves again. */
static void serve_so_many_in_a_turn(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, PULLER);
    for (unsigned turn = 0; turn < 2; turn++) {
        unsigned num = WEIR_ENGINE_SERVED_MAX + (turn == 0 ? 2 : 0);
        weir_drill_begin(d);
        for (unsigned i = 0; i < num; i++)
            give(d, weir_drill_make_req(d, PULLER, i % 2 == 0 ? WEIR_GROUP_C : WEIR_GROUP_E));
        (void)weir_drill_end(d);
        CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REP, PULLER) == num);
        for (unsigned i = 0; i < num; i++) {
            const Weir__V1__PullRep *m = response(d, i);
            CLAIM(m != NULL &&
                  m->st == (i < WEIR_ENGINE_SERVED_MAX ? WEIR__V1__PULL_REP__STATUS__OK
                                                       : WEIR__V1__PULL_REP__STATUS__BUSY));
        }
        CLAIM(weir_drill_counted(d, WEIR_COUNT_SERVED) == WEIR_ENGINE_SERVED_MAX);
        CLAIM(weir_drill_counted(d, WEIR_COUNT_BUSY) == num - WEIR_ENGINE_SERVED_MAX);
    }
}

/* The first group of a request is the one that it is about. */
static void serve_first_group(struct weir_drill *d)
{
    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "a", "1") == WEIR_OK);
    CLAIM(weir_drill_write(d, WEIR_CLASS_BAN, weir_drill_ban_key(d, 1), "x", 60) == WEIR_OK);
    weir_drill_meet(d, PULLER);
    for (unsigned i = 0; i < 2; i++) {
        Weir__V1__PullReq *m = weir_drill_make_req(d, PULLER, WEIR_GROUP_C);
        uint32_t groups[] = { i == 0 ? WEIR_FRAME_BATCH_C : WEIR_FRAME_BATCH_E,
                              i == 0 ? WEIR_FRAME_BATCH_E : WEIR_FRAME_BATCH_C };
        m->groups = groups;
        m->n_groups = 2;
        weir_drill_receive(d, PULLER, WEIR_FRAME_PULL_REQ, &m->base);
        const Weir__V1__PullRep *rep = response(d, 0);
        if (CLAIM(rep != NULL && rep->n_r == 1))
            CLAIM(rep->r[0]->class_ == (i == 0 ? WEIR_CLASS_TENANT : WEIR_CLASS_BAN));
    }
}

/* -- limits -- */

/* Seed `num` records of a peer's lane in one transaction. */
static void seed_many(struct weir_drill *d, size_t num, size_t value_len)
{
    struct weir_record_store *records = d->cfg.records[WEIR_GROUP_C];
    uint8_t *value = weir_drill_alloc(d, value_len);
    struct weir_stored_record rec = {
        .rec = { .class = WEIR_CLASS_TENANT, .value = weir_span(value, value_len) },
        .stored_ms = d->wall_ms,
    };

    memset(value, 'v', value_len);
    rec.rec.version.hlc = weir_drill_stamp(d);
    weir_drill_lane(d->peer[1].node, WEIR_GROUP_C, 1, rec.rec.version.lane);
    weir_drill_seed_meta(d, WEIR_GROUP_C, &(struct weir_store_meta){ .live = true });
    WEIR_ASSERT(records->ops->begin(records) == WEIR_OK);
    for (size_t i = 0; i < num; i++) {
        uint8_t key[4] = { 'k', (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
        rec.rec.key = weir_span(key, sizeof(key));
        rec.rec.version.seq = i + 1;
        WEIR_ASSERT(records->ops->put(records, &rec) == WEIR_OK);
    }
    WEIR_ASSERT(records->ops->commit(records) == WEIR_OK);
}

/* A message has room for so many records, whatever they weigh. */
static void serve_so_many_records(struct weir_drill *d)
{
    size_t more = weir_sim_draw(d->x, 2);

    if (weir_sim_draw(d->x, 16) != 0)
        return;
    seed_many(d, WEIR_FRAME_RECORDS + more, 0);
    d->cfg.intervals.chunk_bytes = UINT32_C(1) << 30;
    weir_drill_start(d);
    weir_drill_meet(d, PULLER);
    Weir__V1__PullReq *m = weir_drill_make_req(d, PULLER, WEIR_GROUP_C);
    m->has_max_bytes = 0;
    m->max_bytes = 0;
    weir_drill_receive(d, PULLER, WEIR_FRAME_PULL_REQ, &m->base);
    const Weir__V1__PullRep *rep = response(d, 0);
    CLAIM(rep != NULL && rep->n_r == WEIR_FRAME_RECORDS && rep->complete == (more == 0));
}

/* By key: no more once half of a message is full. Of three records the third has room, or not. */
static void serve_half_a_message_by_key(struct weir_drill *d)
{
    size_t half = WEIR_FRAME_MAX / 2;
    size_t over = weir_sim_draw(d->x, 2);

    if (weir_sim_draw(d->x, 4) != 0)
        return;
    seed_many(d, 3, half / 2 - RECORD_FIXED - 4 - over);
    weir_drill_start(d);
    weir_drill_meet(d, PULLER);
    Weir__V1__PullReq *m = weir_drill_make_req(d, PULLER, WEIR_GROUP_C);
    m->force_keys = weir_drill_alloc(d, 3 * sizeof(*m->force_keys));
    m->n_force_keys = 3;
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t name[] = { WEIR_CLASS_TENANT, 'k', 0, 0, i };
        m->force_keys[i] = weir_drill_bytes(d, name, sizeof(name));
    }
    weir_drill_receive(d, PULLER, WEIR_FRAME_PULL_REQ, &m->base);
    const Weir__V1__PullRep *rep = response(d, 0);
    CLAIM(rep != NULL && rep->n_r == 2 + over && !rep->has_complete && rep->has_hlc_floor);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_SERVED) == 0);
}

/* -- faults -- */

static enum weir_group group;
static bool is_forced;
static bool is_damaged;
static bool is_boot; /* group C, with a lane that is folded */

static void seed_lane(struct weir_drill *d, uint8_t n)
{
    struct weir_lane_row row = { .vv = 2, .seen = 4 };

    weir_drill_lane(d->peer[1].node, group, n, row.lane);
    for (uint8_t i = 0; i < (is_boot && n == NUM ? 3 : 4); i++) {
        uint8_t name[] = { 'k', n, i };
        struct weir_stored_record rec = {
            .rec = { .class = group == WEIR_GROUP_E ? WEIR_CLASS_BAN : WEIR_CLASS_TENANT,
                     .key = weir_span(name, sizeof(name)),
                     .version = { .hlc = weir_drill_stamp(d), .seq = i + UINT64_C(1) },
                     .value = WEIR_SPAN_LIT("x") },
            .stored_ms = d->wall_ms,
            .num_ctx = i % 2,
            .ctx = { { .tail = { 1 }, .seq = 3 } },
        };
        if (group == WEIR_GROUP_E)
            rec.rec.key = weir_drill_ban_key(d, (uint8_t)(16 * n + i));
        memcpy(rec.rec.version.lane, row.lane, WEIR_LANE_LEN);
        weir_drill_seed(d, &rec);
    }
    row.floor = group == WEIR_GROUP_C;
    weir_drill_seed_row(d, group, &row);
    if (group == WEIR_GROUP_C)
        weir_drill_raise(&d->peer[PULLER].vv[group], row.lane, 2);
}

static void seed_folded(struct weir_drill *d)
{
    struct weir_lane_row row = { .vv = 2, .seen = 2, .floor = 2, .final = 2 | FOLDED };
    uint8_t value[8];
    struct weir_stored_record rec = {
        .rec = { .class = WEIR_CLASS_LANE,
                 .key = weir_span(row.lane, WEIR_LANE_LEN),
                 .version = { .hlc = weir_drill_stamp(d), .seq = 4 },
                 .value = weir_span(value, sizeof(value)) },
        .stored_ms = d->wall_ms,
    };

    weir_num_write_le(value, row.final, sizeof(value));
    weir_drill_lane(d->peer[1].node, WEIR_GROUP_C, NUM + 1, row.lane);
    weir_drill_lane(d->peer[1].node, WEIR_GROUP_C, NUM, rec.rec.version.lane);
    weir_drill_seed_row(d, WEIR_GROUP_C, &row);
    weir_drill_seed(d, &rec); /* instead of the last of that lane */
}

static void prepare(struct weir_drill *d)
{
    for (uint8_t n = 1; n <= NUM; n++)
        seed_lane(d, n);
    if (is_boot)
        seed_folded(d);
    weir_drill_start(d);
    weir_drill_meet(d, PULLER);
    if (is_damaged)
        CLAIM(weir_memory_flip(d->store[group], 1, WEIR_MEMORY_VALUE, 1));
}

static Weir__V1__PullReq *make_request(struct weir_drill *d)
{
    Weir__V1__PullReq *m = weir_drill_make_req(d, PULLER, group);
    struct weir_vector v = WEIR_VECTOR_ZERO;
    uint8_t lane[WEIR_LANE_LEN];

    for (uint8_t n = 1; n <= NUM; n++) {
        weir_drill_lane(d->peer[1].node, group, n, lane);
        weir_drill_raise(&v, lane, 1);
    }
    m->cursor = weir_drill_lanes(d, &v);
    m->beyond = m->cursor;
    m->floor = m->cursor;
    m->n_cursor = m->n_beyond = m->n_floor = v.num;
    m->has_gen = 1;
    m->has_boot = m->boot = is_boot;
    weir_vector_deinit(&v);
    if (is_forced) {
        uint8_t name[] = { WEIR_CLASS_TENANT, 'k', 1, 1 };
        uint8_t ban[1 + 22] = { WEIR_CLASS_BAN };
        memcpy(ban + 1, weir_drill_ban_key(d, 17).at, 22);
        m->force_keys = weir_drill_alloc(d, sizeof(*m->force_keys));
        m->force_keys[0] = group == WEIR_GROUP_E ? weir_drill_bytes(d, ban, sizeof(ban))
                                                 : weir_drill_bytes(d, name, sizeof(name));
        m->n_force_keys = 1;
    }
    return m;
}

static Weir__V1__PullReq *wanted;

static void request(struct weir_drill *d)
{
    give(d, wanted);
}

static void prepare_request(struct weir_drill *d)
{
    prepare(d);
    wanted = make_request(d);
}

/* All of the response or nothing; half of one would let the puller raise its vector. */
static void check_whole(struct weir_drill *d, bool failed)
{
    const Weir__V1__PullRep *m = response(d, 0);

    CLAIM(failed || m != NULL);
    if (m == NULL)
        return;
    CLAIM(d->err == WEIR_OK);
    if (is_damaged && group == WEIR_GROUP_C && !is_forced) {
        CLAIM(m->st == WEIR__V1__PULL_REP__STATUS__BUSY && m->n_r == 0);
        return;
    }
    CLAIM(m->st == WEIR__V1__PULL_REP__STATUS__OK);
    CLAIM(m->n_r == (is_forced ? 1u : 3u * NUM) - is_damaged);
    CLAIM(m->complete == !is_forced && m->n_vv == NUM + is_boot);
    CLAIM(m->n_floor == (group == WEIR_GROUP_C ? NUM : 0));
    CLAIM(m->n_cursor == (is_forced ? 0u : NUM + is_boot));
    CLAIM(m->n_beyond == (is_forced ? 0 : NUM));
}

static void check_alloc(struct weir_drill *d, bool failed)
{
    check_whole(d, failed);
    CLAIM(d->err == WEIR_OK || d->err == WEIR_ENOMEM);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
    ask(d, group);
    CLAIM(response(d, 0) != NULL);
    CLAIM(weir_memory_counts(d->store[group]).num_records >= 4 * NUM - 1);
}

static void check_op(struct weir_drill *d, bool failed)
{
    check_whole(d, failed);
    CLAIM(d->err == (failed ? WEIR_EIO : WEIR_OK));
    CLAIM((response(d, 0) == NULL) == failed);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CORRUPT) <= is_damaged); /* met once */
    CLAIM(weir_drill_counted(d, WEIR_COUNT_SERVED) == (!failed && !is_forced && !is_damaged) ||
          group == WEIR_GROUP_E); /* whose vector is read from the store afterwards */
    CLAIM(weir_engine_state(d->e) == (failed ? WEIR_ENGINE_READONLY : WEIR_ENGINE_LIVE));
}

static void fail_everything(struct weir_sim_exam *x)
{
    static const struct weir_drill_scene allocs = { prepare_request, request, check_alloc };
    static const struct weir_drill_scene ops = { prepare_request, request, check_op };

    for (unsigned i = 0; i < 8; i++) {
        group = i % 2 == 0 ? WEIR_GROUP_C : WEIR_GROUP_E;
        is_forced = i / 2 % 2 == 1;
        is_damaged = i >= 4;
        is_boot = group == WEIR_GROUP_C && !is_forced && weir_sim_draw(x, 2) == 0;
        weir_drill_fail_allocs(x, &allocs);
        weir_drill_fail_ops(x, group, &ops);
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    serve_nobody_while_joining, serve_nobody_while_stale,    serve_while_readonly,
    serve_no_stranger,          serve_so_many_in_a_turn,     serve_first_group,
    serve_so_many_records,      serve_half_a_message_by_key,
};

void weir_drill_serve(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
    fail_everything(x);
}
