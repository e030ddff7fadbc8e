/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_serve_twin.c - sync/engine/engine_serve.c against a second, plain implementation of what
 * the response to a pull request is: over random stores, with lanes that have holes, records
 * beyond their vector, lanes that are folded, bans that have expired, a damaged record; and over
 * random requests, by cursor and by key.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/version/hlc.h"
#include "sync/version/num.h"
#include "tests/sim/drills/bed/drill_seed.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define ROUNDS       8
#define LANES        7
#define LANE_RECS    6
#define SEQS         14
#define PULLER       0
#define SECOND       UINT64_C(1000000)
#define JUMP_MS      5000 /* of the clock, over the end of some bans */
#define TOMBSTONE_MS 1500
#define RECORD_FIXED 120 /* bytes that a record counts beside what it carries */
#define VALUE_MAX    200

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* What is in one store, and what is to come of a request. */
struct twin {
    struct weir_drill *d;
    enum weir_group g;
    bool is_forced;
    struct weir_lane_row rows[LANES + 2];
    size_t num_rows;
    struct weir_stored_record **recs; /* by lane and seq */
    size_t num_recs;
    const struct weir_stored_record *damaged;
    uint64_t gen;
    uint64_t wall_ms; /* of the response */
    size_t max_bytes;
    /* expected */
    Weir__V1__PullRep__Status st;
    const struct weir_stored_record *sent[(LANES + 1) * LANE_RECS + 1];
    size_t num_sent;
    size_t len;
    bool is_full;
    bool is_dropped; /* the damaged record was met */
    struct weir_vector cursor;
    struct weir_vector beyond;
    struct weir_vector vv;
};

/* -- stores -- */

/* Group C: the record that folds a lane, without which another would be written. */
static void seed_fold(struct weir_drill *d, const uint8_t folded[WEIR_LANE_LEN],
                      const uint8_t lane[WEIR_LANE_LEN], uint64_t seq, uint64_t end)
{
    uint8_t value[8];
    struct weir_stored_record rec = {
        .rec = { .class = WEIR_CLASS_LANE,
                 .key = weir_span(folded, WEIR_LANE_LEN),
                 .version = { .hlc = weir_drill_stamp(d), .seq = seq },
                 .value = weir_span(value, sizeof(value)) },
        .stored_ms = d->wall_ms,
    };

    weir_num_write_le(value, end | UINT64_C(1) << 63, sizeof(value));
    memcpy(rec.rec.version.lane, lane, WEIR_LANE_LEN);
    weir_drill_seed(d, &rec);
}

static void seed_record(struct weir_drill *d, enum weir_group g, const uint8_t *lane, uint64_t seq,
                        uint8_t n)
{
    static const enum weir_class classes[] = { WEIR_CLASS_SETTING, WEIR_CLASS_TENANT,
                                               WEIR_CLASS_CERT, WEIR_CLASS_LIST };
    uint64_t now_ms = d->wall_ms + d->mono_us / 1000;
    uint8_t key[32] = { n, 'k' };
    struct weir_stored_record rec = {
        .rec = { .class = g == WEIR_GROUP_E ? WEIR_CLASS_BAN : classes[weir_sim_draw(d->x, 4)],
                 .version = { .hlc = weir_drill_stamp(d), .seq = seq } },
        .stored_ms = now_ms,
    };

    memcpy(rec.rec.version.lane, lane, WEIR_LANE_LEN);
    rec.rec.key = g == WEIR_GROUP_E ? weir_drill_ban_key(d, n)
                                    : weir_span(key, 2 + weir_sim_draw(d->x, sizeof(key) - 1));
    weir_drill_draw_record(d, VALUE_MAX, &rec);
    rec.rec.expires = weir_sim_draw(d->x, 3) == 0 ? 1 + weir_sim_draw(d->x, 1000) : 0;
    if (g == WEIR_GROUP_E)
        rec.rec.expires =
            weir_sim_draw(d->x, 4) == 0 ? 0 : now_ms / 1000 + 5 + weir_sim_draw(d->x, 5);
    if (g == WEIR_GROUP_E && rec.rec.tombstone) {
        uint64_t written_ms = now_ms + 2000 + JUMP_MS - TOMBSTONE_MS - 2 + weir_sim_draw(d->x, 5);
        rec.rec.version.hlc = weir_hlc_of_ms(written_ms);
        rec.rec.expires = written_ms / 1000;
    }
    weir_drill_seed(d, &rec);
}

static void seed_lane(struct weir_drill *d, enum weir_group g, uint8_t n, bool is_folded)
{
    struct weir_lane_row row = { .vv = weir_sim_draw(d->x, SEQS) };

    weir_drill_lane(n < LANES - 1 ? d->peer[n % 3].node : d->cfg.node, g, n, row.lane);
    for (uint64_t seq = 1, num = 0; seq <= SEQS && num < LANE_RECS; seq++)
        if (weir_sim_draw(d->x, 3) == 0)
            seed_record(d, g, row.lane, seq, (uint8_t)(16 * n + num++));
    row.seen = row.vv + (weir_sim_draw(d->x, 2) == 0 ? weir_sim_draw(d->x, 4) : 0);
    row.floor = weir_sim_draw(d->x, 6) == 0 ? weir_sim_draw(d->x, row.vv + 1) : 0;
    if (g == WEIR_GROUP_E)
        row.floor = 0;
    if (is_folded) {
        row.vv = row.floor = row.vv + 1;
        row.seen = row.vv;
        row.final = row.vv | UINT64_C(1) << 63;
        uint8_t other[WEIR_LANE_LEN];
        weir_drill_lane(d->peer[3].node, WEIR_GROUP_C, 0x40, other);
        seed_fold(d, row.lane, other, 1 + n, row.vv);
    }
    if (row.vv > 0 || row.seen > 0)
        weir_drill_seed_row(d, g, &row);
}

static void seed(struct weir_drill *d, enum weir_group g)
{
    struct weir_store_meta meta = { .live = true, .hlc_floor = weir_sim_draw(d->x, 1000) };

    for (uint8_t n = 0; n < LANES - 1; n++)
        if (weir_sim_draw(d->x, 2) == 0)
            seed_lane(d, g, n, g == WEIR_GROUP_C && weir_sim_draw(d->x, 3) == 0);
    if (weir_sim_draw(d->x, 2) == 0) {
        weir_drill_lane(d->cfg.node, g, LANES - 1, meta.lane);
        meta.seq = SEQS + 8;
        seed_lane(d, g, LANES - 1, false);
    }
    weir_drill_seed_meta(d, g, &meta);
}

/* -- what is there -- */

static bool read_row(void *arg, const struct weir_lane_row *row)
{
    struct twin *t = arg;
    struct weir_lane_row *to = &t->rows[t->num_rows++];

    *to = *row;
    if (to->seen < to->vv)
        to->seen = to->vv;
    return true;
}

static int by_dot(const void *a, const void *b)
{
    const struct weir_version *va = &(*(struct weir_stored_record *const *)a)->rec.version;
    const struct weir_version *vb = &(*(struct weir_stored_record *const *)b)->rec.version;
    int order = memcmp(va->lane, vb->lane, WEIR_LANE_LEN);

    return order != 0 ? order : va->seq < vb->seq ? -1 : va->seq > vb->seq;
}

/* One record may be damaged when all are known. */
static void read_store(struct twin *t, bool is_damaged)
{
    struct weir_drill *d = t->d;

    t->num_rows = 0;
    weir_memory_each_lane(d->store[t->g], read_row, t);
    t->recs = weir_drill_records(d, t->g, &t->num_recs);
    if (is_damaged && t->num_recs > 0) {
        size_t at = weir_sim_draw(d->x, t->num_recs);
        t->damaged = t->recs[at];
        CLAIM(weir_memory_flip(d->store[t->g], at, WEIR_MEMORY_HEADER, 7));
    }
    qsort(t->recs, t->num_recs, sizeof(t->recs[0]), by_dot);
}

static bool is_folded(const struct weir_lane_row *row)
{
    return row->final != 0;
}

static uint64_t reach(const struct twin *t, const uint8_t *lane)
{
    for (size_t i = 0; i < t->num_rows; i++)
        if (memcmp(t->rows[i].lane, lane, WEIR_LANE_LEN) == 0)
            return t->rows[i].vv;
    return 0;
}

/* -- what is to be sent -- */

static size_t weight(const struct weir_stored_record *rec)
{
    return RECORD_FIXED + rec->rec.key.len + rec->rec.value.len + rec->extra.len;
}

static bool is_expired(const struct twin *t, const struct weir_stored_record *rec)
{
    if (t->g == WEIR_GROUP_C)
        return false;
    if (rec->rec.tombstone)
        return weir_hlc_ms(rec->rec.version.hlc) + TOMBSTONE_MS <= t->wall_ms;
    return rec->rec.expires > 0 && rec->rec.expires <= t->wall_ms / 1000;
}

static void expect_record(struct twin *t, const struct weir_stored_record *rec)
{
    t->sent[t->num_sent++] = rec;
    t->len += weight(rec);
}

static void expect_lane(struct twin *t, const struct weir_lane_row *row, const Weir__V1__PullReq *m)
{
    uint64_t cursor = weir_drill_listed(m->cursor, m->n_cursor, row->lane);
    uint64_t at =
        m->has_gen && m->gen == t->gen ? weir_drill_listed(m->beyond, m->n_beyond, row->lane) : 0;

    at = at > cursor ? at : cursor;
    if (row->seen <= at && !is_folded(row))
        return;
    for (size_t i = 0; i < t->num_recs && !t->is_full; i++) {
        const struct weir_stored_record *rec = t->recs[i];
        if (memcmp(rec->rec.version.lane, row->lane, WEIR_LANE_LEN) != 0 ||
            rec->rec.version.seq <= at)
            continue;
        if (rec == t->damaged) {
            t->is_dropped = true;
        } else if (t->len >= t->max_bytes) {
            t->is_full = true;
            continue;
        } else if (!is_expired(t, rec)) {
            expect_record(t, rec);
        }
        at = rec->rec.version.seq;
    }
    uint64_t end = is_folded(row) ? row->vv : row->seen;
    if (!t->is_full && at < end)
        at = end;
    uint64_t to = at < row->vv ? at : row->vv;
    if (to > cursor)
        weir_drill_raise(&t->cursor, row->lane, to);
    if (at > to)
        weir_drill_raise(&t->beyond, row->lane, at);
}

static void expect_keys(struct twin *t, const Weir__V1__PullReq *m)
{
    for (size_t i = 0; i < m->n_force_keys; i++) {
        struct weir_span key = weir_span(m->force_keys[i].data + 1, m->force_keys[i].len - 1);
        for (size_t k = 0; k < t->num_recs; k++) {
            if (t->recs[k]->rec.class != (enum weir_class)m->force_keys[i].data[0] ||
                !weir_span_eq(t->recs[k]->rec.key, key) ||
                (t->recs[k] == t->damaged && t->is_dropped))
                continue;
            if (t->recs[k] == t->damaged)
                t->is_dropped = true;
            else
                expect_record(t, t->recs[k]);
        }
    }
}

/* R6 */
static Weir__V1__PullRep__Status floor_status(const struct twin *t, const Weir__V1__PullReq *m)
{
    for (size_t i = 0; i < m->n_floor; i++)
        if (m->floor[i]->lane.data[WEIR_NODE_ID_LEN] == 'C' &&
            m->floor[i]->seq > reach(t, m->floor[i]->lane.data))
            return WEIR__V1__PULL_REP__STATUS__STALE_ME;
    for (size_t i = 0; i < t->num_rows; i++)
        if (!is_folded(&t->rows[i]) &&
            weir_drill_listed(m->cursor, m->n_cursor, t->rows[i].lane) < t->rows[i].floor)
            return WEIR__V1__PULL_REP__STATUS__STALE_YOU;
    return WEIR__V1__PULL_REP__STATUS__OK;
}

static void expect_vector(struct twin *t, bool is_boot)
{
    for (size_t i = 0; i < t->num_rows; i++) {
        bool has_record = t->g == WEIR_GROUP_C;
        for (size_t k = 0; k < t->num_recs; k++)
            has_record = has_record || (memcmp(t->recs[k]->rec.version.lane, t->rows[i].lane,
                                               WEIR_LANE_LEN) == 0 &&
                                        !(t->recs[k] == t->damaged && t->is_dropped));
        if (has_record && t->rows[i].vv > 0 && (is_boot || !is_folded(&t->rows[i])))
            weir_drill_raise(&t->vv, t->rows[i].lane, t->rows[i].vv);
    }
}

static bool is_same_life(struct weir_drill *d, const Weir__V1__PullReq *m)
{
    return !m->has_want_incarnation ||
           memcmp(m->want_incarnation.data, weir_engine_incarnation(d->e), WEIR_INCARNATION_LEN) ==
               0;
}

static void expect(struct twin *t, const Weir__V1__PullReq *m)
{
    struct weir_drill *d = t->d;
    size_t chunk =
        d->cfg.intervals.chunk_bytes != 0 ? d->cfg.intervals.chunk_bytes : WEIR_ENGINE_CHUNK_BYTES;

    t->max_bytes =
        m->has_max_bytes && m->max_bytes > 0 && m->max_bytes < chunk ? m->max_bytes : chunk;
    t->st = t->g == WEIR_GROUP_C && !m->boot ? floor_status(t, m) : WEIR__V1__PULL_REP__STATUS__OK;
    if (t->st != WEIR__V1__PULL_REP__STATUS__OK)
        return;
    if (m->n_force_keys > 0) {
        expect_keys(t, m);
    } else if (is_same_life(d, m)) {
        for (size_t i = 0; i < t->num_rows; i++)
            if (!is_folded(&t->rows[i]) && !t->is_full)
                expect_lane(t, &t->rows[i], m);
        for (size_t i = 0; i < t->num_rows && m->boot; i++)
            if (is_folded(&t->rows[i]) && !t->is_full)
                expect_lane(t, &t->rows[i], m);
        if (t->is_dropped && t->g == WEIR_GROUP_C)
            t->st = WEIR__V1__PULL_REP__STATUS__BUSY;
    }
    expect_vector(t, m->boot);
}

/* -- requests -- */

static void draw_vector(struct twin *t, struct weir_vector *v, uint64_t below)
{
    struct weir_drill *d = t->d;
    uint8_t lane[WEIR_LANE_LEN];

    for (size_t i = 0; i < t->num_rows; i++) {
        uint64_t end = t->rows[i].vv + weir_sim_draw(d->x, below);
        if (weir_sim_draw(d->x, 4) > 0 && end > 0)
            weir_drill_raise(v, t->rows[i].lane,
                             weir_sim_draw(d->x, 2) == 0 ? end : 1 + weir_sim_draw(d->x, end));
    }
    /* a lane of the other group has no say */
    weir_drill_lane(d->peer[0].node, t->g == WEIR_GROUP_C ? WEIR_GROUP_E : WEIR_GROUP_C, 1, lane);
    if (weir_sim_draw(d->x, 3) == 0)
        weir_drill_raise(v, lane, 1 + weir_sim_draw(d->x, SEQS));
}

static void draw_keys(struct twin *t, Weir__V1__PullReq *m)
{
    struct weir_drill *d = t->d;
    size_t num = t->is_forced ? 1 + weir_sim_draw(d->x, 6) : 0;

    m->force_keys = weir_drill_alloc(d, num * sizeof(*m->force_keys));
    for (size_t i = 0; i < num; i++) {
        uint8_t name[64] = { WEIR_CLASS_TENANT, 'n', 'o', 'n', 'e' };
        size_t len = 5;
        if (t->num_recs > 0 && weir_sim_draw(d->x, 5) > 0) {
            const struct weir_record *r = &t->recs[weir_sim_draw(d->x, t->num_recs)]->rec;
            if (i == 0 && t->damaged != NULL)
                r = &t->damaged->rec;
            name[0] = (uint8_t)r->class;
            memcpy(name + 1, r->key.at, r->key.len);
            len = 1 + r->key.len;
        } else if (weir_sim_draw(d->x, 2) == 0) {
            name[0] = WEIR_CLASS_BAN;
        }
        m->force_keys[m->n_force_keys++] = weir_drill_bytes(d, name, len);
    }
}

/* The byte limit is near where some record is the first that has no room. */
static uint32_t draw_max_bytes(struct twin *t)
{
    uint64_t sum = 0;

    for (uint64_t i = weir_sim_draw(t->d->x, 6); i > 0 && t->num_recs > 0; i--)
        sum += weight(t->recs[weir_sim_draw(t->d->x, t->num_recs)]);
    return (uint32_t)(sum + weir_sim_draw(t->d->x, 2));
}

static Weir__V1__PullReq *draw_request(struct twin *t)
{
    struct weir_drill *d = t->d;
    struct weir_vector v[3] = { WEIR_VECTOR_ZERO, WEIR_VECTOR_ZERO, WEIR_VECTOR_ZERO };
    Weir__V1__PullReq *m = weir_drill_make_req(d, PULLER, t->g);
    uint8_t name[16];

    weir_sim_draw_bytes(d->x, name, sizeof(name));
    m->session = weir_drill_bytes(d, name, 1 + weir_sim_draw(d->x, sizeof(name)));
    for (unsigned i = 0; i < 3; i++)
        draw_vector(t, &v[i], i == 0 ? 2 : i == 1 ? 5 : 1);
    if (weir_sim_draw(d->x, 6) == 0)
        draw_vector(t, &v[2], 2);
    m->cursor = weir_drill_lanes(d, &v[0]);
    m->n_cursor = v[0].num;
    m->beyond = weir_drill_lanes(d, &v[1]);
    m->n_beyond = v[1].num;
    m->floor = weir_drill_lanes(d, &v[2]);
    m->n_floor = v[2].num;
    m->has_gen = weir_sim_draw(d->x, 4) > 0;
    m->gen = weir_sim_draw(d->x, 4) > 0 ? t->gen : weir_sim_draw(d->x, 3);
    m->has_boot = weir_sim_draw(d->x, 3) > 0;
    m->boot = m->has_boot && weir_sim_draw(d->x, 2) == 0;
    m->has_max_bytes = weir_sim_draw(d->x, 4) > 0;
    m->max_bytes = m->has_max_bytes ? draw_max_bytes(t) : 0;
    m->has_want_incarnation = weir_sim_draw(d->x, 3) == 0;
    m->want_incarnation = weir_drill_bytes(d, weir_engine_incarnation(d->e), WEIR_INCARNATION_LEN);
    m->want_incarnation.data[WEIR_INCARNATION_LEN - 1] ^= weir_sim_draw(d->x, 4) == 0;
    draw_keys(t, m);
    if (t->g == WEIR_GROUP_C && weir_sim_draw(d->x, 3) == 0)
        m->n_groups = 0; /* settings */
    for (unsigned i = 0; i < 3; i++)
        weir_vector_deinit(&v[i]);
    return m;
}

/* -- the comparison -- */

static void compare_lanes(struct weir_drill *d, Weir__V1__Lv *const *lanes, size_t num,
                          const struct weir_vector *v)
{
    CLAIM(num == v->num);
    for (size_t i = 0; i < num && i < v->num; i++)
        CLAIM(memcmp(lanes[i]->lane.data, v->items[i].lane, WEIR_LANE_LEN) == 0 &&
              lanes[i]->seq == v->items[i].seq);
}

static void compare_floor(struct twin *t, const Weir__V1__PullRep *m, bool is_sent)
{
    struct weir_drill *d = t->d;
    struct weir_vector floor = WEIR_VECTOR_ZERO;

    for (size_t i = 0; i < t->num_rows && is_sent && t->g == WEIR_GROUP_C; i++)
        if (!is_folded(&t->rows[i]))
            weir_drill_raise(&floor, t->rows[i].lane, t->rows[i].floor);
    compare_lanes(d, m->floor, m->n_floor, &floor);
    weir_vector_deinit(&floor);
}

static void compare_response(struct twin *t, const Weir__V1__PullReq *req,
                             const Weir__V1__PullRep *m)
{
    struct weir_drill *d = t->d;
    bool is_ok = t->st == WEIR__V1__PULL_REP__STATUS__OK;
    bool is_walk = is_ok && req->n_force_keys == 0 && is_same_life(d, req);
    bool has_vv = is_ok && (req->n_force_keys > 0 || (is_walk && !t->is_full));

    CLAIM(weir_span_eq(weir_span(m->session.data, m->session.len),
                       weir_span(req->session.data, req->session.len)));
    CLAIM(memcmp(m->incarnation.data, weir_engine_incarnation(d->e), WEIR_INCARNATION_LEN) == 0);
    CLAIM(m->has_st && m->st == t->st);
    CLAIM(m->n_r == (is_ok ? t->num_sent : 0));
    for (size_t i = 0; i < m->n_r && i < t->num_sent; i++)
        CLAIM(weir_drill_is_message_of(m->r[i], t->sent[i]));
    CLAIM(m->has_complete == is_walk);
    CLAIM(m->complete == (is_walk && !t->is_full));
    CLAIM(m->has_gen == is_ok && m->gen == (is_ok ? t->gen : 0));
    CLAIM(m->has_hlc_floor == has_vv);
    CLAIM(m->hlc_floor == (has_vv ? weir_memory_meta(d->store[t->g]).hlc_floor : 0));
    if (!is_ok)
        weir_vector_reset(&t->cursor);
    if (!is_ok)
        weir_vector_reset(&t->beyond);
    if (!has_vv)
        weir_vector_reset(&t->vv);
    compare_lanes(d, m->cursor, m->n_cursor, &t->cursor);
    compare_lanes(d, m->beyond, m->n_beyond, &t->beyond);
    compare_lanes(d, m->vv, m->n_vv, &t->vv);
    compare_floor(t, m, is_ok);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_SERVED) == (is_ok && req->n_force_keys == 0));
}

/* A request, then another: a node with damage serves no longer. */
static void compare(struct twin *t, const Weir__V1__PullReq *req)
{
    struct weir_drill *d = t->d;

    expect(t, req);
    bool is_busy = t->st == WEIR__V1__PULL_REP__STATUS__BUSY;
    bool is_stale = !is_busy && t->st != WEIR__V1__PULL_REP__STATUS__OK;
    weir_drill_receive(d, PULLER, WEIR_FRAME_PULL_REQ, &req->base);
    CLAIM(d->err == WEIR_OK);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_PULL_REP, PULLER, 0);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REP, WEIR_DRILL_ANY) == 1);
    if (!CLAIM(f != NULL))
        return;
    compare_response(t, req, f->msg.pull_rep);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, PULLER) == is_stale);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_BUSY) == is_busy);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CORRUPT) == t->is_dropped);
    CLAIM(weir_memory_counts(d->store[t->g]).num_records == t->num_recs - t->is_dropped);
    weir_drill_receive(d, PULLER, WEIR_FRAME_PULL_REQ, &weir_drill_make_req(d, PULLER, t->g)->base);
    f = weir_drill_sent(d, WEIR_FRAME_PULL_REP, PULLER, 0);
    if (CLAIM(f != NULL) && t->is_dropped)
        CLAIM(f->msg.pull_rep->st == WEIR__V1__PULL_REP__STATUS__BUSY);
}

/* A record comes below others of its lane: what was sent beyond the vector may not be all. */
static void raise_gen(struct twin *t)
{
    struct weir_drill *d = t->d;

    read_store(t, false);
    for (size_t i = 0; i < t->num_rows; i++) {
        const struct weir_lane_row *row = &t->rows[i];
        bool is_there = false;
        for (size_t k = 0; k < t->num_recs; k++)
            is_there =
                is_there || (memcmp(t->recs[k]->rec.version.lane, row->lane, WEIR_LANE_LEN) == 0 &&
                             t->recs[k]->rec.version.seq == row->vv + 1);
        if (is_there || is_folded(row) || row->seen <= row->vv + 1 ||
            memcmp(row->lane, d->peer[PULLER].node, WEIR_NODE_ID_LEN) != 0)
            continue;
        weir_drill_batch_one(d, PULLER,
                             &(struct weir_drill_rec){ .key = WEIR_SPAN_LIT("late"),
                                                       .value = "x",
                                                       .lane = row->lane,
                                                       .seq = row->vv + 1 });
        CLAIM(weir_drill_counted(d, WEIR_COUNT_APPLIED) == 1);
        t->gen++;
        return;
    }
}

/* A lane whose next record is the only one that is missing. */
static void seed_gap(struct weir_drill *d)
{
    struct weir_lane_row row = { .vv = 2, .seen = 4 };

    weir_drill_lane(d->peer[PULLER].node, WEIR_GROUP_C, LANES, row.lane);
    seed_record(d, WEIR_GROUP_C, row.lane, 4, UINT8_MAX);
    weir_drill_seed_row(d, WEIR_GROUP_C, &row);
}

/* Lanes that are folded, and a record behind the end of each. */
static void seed_folded(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    for (uint8_t n = 0; n < 3; n++) {
        seed_lane(d, WEIR_GROUP_C, n, true);
        weir_drill_lane(d->peer[n].node, WEIR_GROUP_C, n, lane);
        seed_record(d, WEIR_GROUP_C, lane, SEQS + 2, (uint8_t)(16 * n + LANE_RECS));
    }
}

/* What a round is about; those behind are as they are drawn. */
enum { BY_KEY, LATE, DAMAGED_KEY, DAMAGED, FOLDED };

static void round_of(struct weir_drill *d, unsigned nth)
{
    struct twin t = { .d = d,
                      .g = weir_sim_draw(d->x, 2) == 0 ? WEIR_GROUP_C : WEIR_GROUP_E,
                      .is_forced = nth == BY_KEY || nth == DAMAGED_KEY,
                      .wall_ms = d->wall_ms + d->mono_us / 1000 + 2000 + JUMP_MS };

    if (nth == LATE || nth == FOLDED)
        t.g = WEIR_GROUP_C;
    d->cfg.intervals.ban_tombstone_ms = TOMBSTONE_MS;
    if (weir_sim_draw(d->x, 3) == 0)
        d->cfg.intervals.chunk_bytes = 100 + (uint32_t)weir_sim_draw(d->x, 2000);
    if (nth == FOLDED)
        seed_folded(d);
    else
        seed(d, t.g);
    if (nth == LATE)
        seed_gap(d);
    weir_memory_each_lane(d->store[WEIR_GROUP_C], read_row, &t); /* the puller missed no purge */
    for (size_t i = 0; i < t.num_rows; i++)
        weir_drill_raise(&d->peer[PULLER].vv[WEIR_GROUP_C], t.rows[i].lane, t.rows[i].floor);
    weir_drill_start(d);
    weir_drill_meet(d, PULLER);
    weir_drill_wait(d, SECOND); /* its second Hello */
    if (nth == LATE)
        raise_gen(&t);
    weir_drill_wait(d, SECOND);
    d->wall_ms += JUMP_MS;
    read_store(&t, nth == DAMAGED || nth == DAMAGED_KEY);
    Weir__V1__PullReq *req = draw_request(&t);
    if (nth == FOLDED) {
        req->has_boot = req->boot = 1;
        req->has_want_incarnation = 0;
        req->has_max_bytes = 0;
    }
    compare(&t, req);
    weir_vector_deinit(&t.cursor);
    weir_vector_deinit(&t.beyond);
    weir_vector_deinit(&t.vv);
}

void weir_drill_serve_twin(struct weir_sim_exam *x)
{
    for (unsigned i = 0; i < ROUNDS && x->claim == NULL; i++) {
        struct weir_drill d;
        long live = weir_failalloc_live();
        weir_drill_init(&d, x);
        round_of(&d, i);
        weir_drill_deinit(&d);
        WEIR_SIM_CLAIM(x, weir_failalloc_live() == live);
    }
}
