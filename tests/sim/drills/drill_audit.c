/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_audit.c - sync/engine/engine_audit.c: a peer's sums differ in two heartbeats: it is asked
 * for its keys, and what it has newer is fetched; and the same for a peer that asks.
 */
#include <string.h>

#include "sync/engine/engine_inputs.h"
#include "tests/sim/drills/bed/drill_stock.h"
#include "tests/sim/drills/drills.h"
#include "tests/support/failalloc.h"

#define SECOND  UINT64_C(1000000)
#define NEVER   (UINT64_C(1) << 50)
#define AUDITS  UINT64_C(5000000) /* us between two that this node asks for */
#define KEYS    64                /* of one request */
#define RECORDS 40

#define TENANT (UINT32_C(1) << WEIR_CLASS_TENANT)
#define CERT   (UINT32_C(1) << WEIR_CLASS_CERT)

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

struct scene {
    uint8_t lane[WEIR_LANE_LEN];
    struct weir_span key[RECORDS]; /* of tenants, ascending; the last is a tombstone */
};

/* An engine with tenants and a certificate of a node that is not here, and peers that have them. */
static void start(struct scene *s, struct weir_drill *d, uint32_t num_peers)
{
    d->cfg.intervals.heartbeat_us = d->cfg.intervals.pull_us = NEVER;
    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, s->lane);
    weir_drill_stock_begin(d, WEIR_GROUP_C);
    for (unsigned i = 0; i < RECORDS; i++) {
        uint8_t key[4] = { 'k', (uint8_t)i };
        weir_sim_draw_bytes(d->x, key + 2, 2);
        s->key[i] = weir_span(weir_drill_bytes(d, key, sizeof(key)).data, sizeof(key));
        weir_drill_stock_put(d,
                             &(struct weir_drill_rec){ .key = s->key[i],
                                                       .value = i + 1 < RECORDS ? "v" : NULL,
                                                       .lane = s->lane,
                                                       .seq = 1 + i,
                                                       .hlc = 1000 + i },
                             d->wall_ms);
    }
    weir_drill_stock_put(d,
                         &(struct weir_drill_rec){ .class = WEIR_CLASS_CERT,
                                                   .key = s->key[0],
                                                   .value = "c",
                                                   .lane = s->lane,
                                                   .seq = RECORDS + 1,
                                                   .hlc = 9 },
                         d->wall_ms);
    weir_drill_stock_end(d, WEIR_GROUP_C);
    weir_drill_start(d);
    weir_drill_meet_level(d, num_peers);
}

static const Weir__V1__Audit *audit_sent(const struct weir_drill *d, uint32_t link)
{
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_AUDIT, link, 0);

    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_AUDIT, WEIR_DRILL_ANY) == (f != NULL));
    return f != NULL ? f->msg.audit : NULL;
}

/* -- asking -- */

static void asked_after_two_heartbeats(struct weir_drill *d)
{
    uint8_t buckets[WEIR_SUMS_PACKED_LEN];
    struct scene s;

    start(&s, d, 1);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    CLAIM(audit_sent(d, 1) == NULL && weir_drill_counted(d, WEIR_COUNT_AUDITS_BAD) == 0);
    CLAIM(d->e->links[1]->audit_bad == TENANT && weir_drill_num(d, WEIR_OUT_ALARM) == 0);
    weir_drill_beat_sums(d, 1, TENANT, 1 + weir_sim_draw(d->x, 9));
    const Weir__V1__Audit *m = audit_sent(d, 1);
    if (!CLAIM(m != NULL))
        return;
    weir_sums_pack(weir_drill_sums(d, WEIR_CLASS_TENANT), buckets);
    CLAIM(m->has_class_ && m->class_ == WEIR_CLASS_TENANT && m->has_buckets && m->n_kv == 0);
    CLAIM(m->buckets.len == sizeof(buckets));
    CLAIM(memcmp(m->buckets.data, buckets, sizeof(buckets)) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_AUDITS) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_AUDITS_BAD) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 1 && weir_drill_alarms(d, WEIR_ALARM_AUDIT, 1) == 1);
    CLAIM(d->e->links[1]->audit_asked);
    /* Not again for five seconds. */
    weir_drill_wait(d, AUDITS - 1);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    CLAIM(audit_sent(d, 1) == NULL && weir_drill_counted(d, WEIR_COUNT_AUDITS_BAD) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0 && weir_drill_counted(d, WEIR_COUNT_AUDITS) == 0);
    weir_drill_wait(d, 1);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    CLAIM(audit_sent(d, 1) != NULL && weir_drill_counted(d, WEIR_COUNT_AUDITS) == 1);
}

/* Which class: the smallest that differs in both heartbeats. */
static void class_that_is_asked_for(struct weir_drill *d)
{
    static const uint8_t zero[WEIR_SUMS_PACKED_LEN];
    struct scene s;

    start(&s, d, 1);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    weir_drill_beat_sums(d, 1, CERT, 1);
    CLAIM(audit_sent(d, 1) == NULL && weir_drill_counted(d, WEIR_COUNT_AUDITS_BAD) == 0);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    weir_drill_beat_sums(d, 1, 0, 1);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    CLAIM(audit_sent(d, 1) == NULL && weir_drill_counted(d, WEIR_COUNT_AUDITS_BAD) == 0);
    weir_drill_beat_sums(d, 1, TENANT | CERT, 1);
    CLAIM(audit_sent(d, 1) != NULL && audit_sent(d, 1)->class_ == WEIR_CLASS_TENANT);
    /* A class that the peer has not. */
    weir_drill_wait(d, AUDITS);
    weir_drill_beat_sums(d, 1, CERT, 0);
    CLAIM(audit_sent(d, 1) != NULL && audit_sent(d, 1)->class_ == WEIR_CLASS_CERT);
    /* A class that this node has not. */
    weir_drill_wait(d, AUDITS);
    weir_drill_beat_sums(d, 1, UINT32_C(1) << WEIR_CLASS_LIST, 1);
    weir_drill_beat_sums(d, 1, UINT32_C(1) << WEIR_CLASS_LIST, 1);
    const Weir__V1__Audit *m = audit_sent(d, 1);
    CLAIM(m != NULL && m->class_ == WEIR_CLASS_LIST && m->buckets.len == sizeof(zero) &&
          memcmp(m->buckets.data, zero, sizeof(zero)) == 0);
}

/* A sum of bans, of which there are none, is passed over. */
static void sum_of_bans(struct weir_drill *d)
{
    struct scene s;

    start(&s, d, 1);
    for (unsigned i = 0; i < 2; i++) {
        Weir__V1__Heartbeat *m = weir_drill_make_beat(d, 1);
        uint8_t bytes[1 + WEIR_SUM_LEN] = { WEIR_CLASS_BAN, 1, [WEIR_SUM_LEN] = 1 };
        ProtobufCBinaryData sum = weir_drill_bytes(d, bytes, sizeof(bytes));
        m->sum = &sum;
        m->n_sum = 1;
        weir_drill_receive(d, 1, WEIR_FRAME_HEARTBEAT, &m->base);
    }
    CLAIM(audit_sent(d, 1) != NULL && audit_sent(d, 1)->class_ == WEIR_CLASS_TENANT);
}

/* Sums say nothing while the vectors differ, or while this node is in motion. */
static void no_comparison(struct weir_drill *d)
{
    struct scene s;

    start(&s, d, 1);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    weir_vector_forget(&d->peer[1].vv[WEIR_GROUP_C], s.lane);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    CLAIM(d->e->links[1]->audit_bad == 0 && audit_sent(d, 1) == NULL);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    CLAIM(d->e->links[1]->audit_bad == 0 && weir_drill_counted(d, WEIR_COUNT_AUDITS_BAD) == 0);
    weir_drill_settle_all(d); /* the second such heartbeat led to a pull */
    weir_drill_level(d, 1);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    CLAIM(d->e->links[1]->audit_bad == TENANT);
    d->e->num_damaged = 1;
    d->e->repair_us = NEVER;
    weir_drill_beat_sums(d, 1, TENANT, 1);
    CLAIM(d->e->links[1]->audit_bad == 0 && weir_drill_counted(d, WEIR_COUNT_AUDITS_BAD) == 0);
    d->e->num_damaged = 0;
    weir_drill_beat_sums(d, 1, TENANT, 1);
    CLAIM(audit_sent(d, 1) == NULL);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    CLAIM(audit_sent(d, 1) != NULL);
}

/* -- keys that are newer -- */

static Weir__V1__KeyVer *make_key(struct weir_drill *d, struct weir_span key, const uint8_t *lane,
                                  uint64_t hlc, uint64_t seq)
{
    Weir__V1__KeyVer *kv = weir_drill_alloc(d, sizeof(*kv));

    weir__v1__key_ver__init(kv);
    kv->has_key = kv->has_lane = kv->has_seq = kv->has_hlc = 1;
    kv->key = weir_drill_bytes(d, key.at, key.len);
    kv->lane = weir_drill_bytes(d, lane, WEIR_LANE_LEN);
    kv->seq = seq;
    kv->hlc = hlc;
    return kv;
}

/* This node asked for tenants; the peer's keys come. */
static void receive_keys(struct weir_drill *d, Weir__V1__KeyVer **kv, size_t num)
{
    Weir__V1__Audit m;

    weir__v1__audit__init(&m);
    m.has_class_ = 1;
    m.class_ = WEIR_CLASS_TENANT;
    m.kv = kv;
    m.n_kv = num;
    weir_drill_receive(d, 1, WEIR_FRAME_AUDIT, &m.base);
}

static void ask(struct scene *s, struct weir_drill *d)
{
    start(s, d, 1);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    weir_drill_beat_sums(d, 1, TENANT, 1);
    CLAIM(audit_sent(d, 1) != NULL);
}

static bool asks_for(const Weir__V1__PullReq *req, size_t at, struct weir_span key)
{
    return req != NULL && at < req->n_force_keys && req->force_keys[at].len == 1 + key.len &&
           req->force_keys[at].data[0] == WEIR_CLASS_TENANT &&
           memcmp(req->force_keys[at].data + 1, key.at, key.len) == 0;
}

static void newer_keys_are_fetched(struct weir_drill *d)
{
    uint8_t low[WEIR_LANE_LEN] = { 0 };
    uint8_t high[WEIR_LANE_LEN] = { 0xff };
    struct scene s;

    ask(&s, d);
    weir_drill_damage(d, WEIR_GROUP_C, WEIR_CLASS_TENANT, s.key[9]);
    Weir__V1__KeyVer *kv[] = {
        make_key(d, s.key[0], s.lane, 999, 99),       /* older */
        make_key(d, s.key[1], s.lane, 1001, 2),       /* the same */
        make_key(d, s.key[2], s.lane, 1003, 3),       /* newer */
        make_key(d, s.key[3], high, 1003, 1),         /* of the same moment, a larger lane */
        make_key(d, s.key[4], low, 1004, 1),          /* a smaller one */
        make_key(d, s.key[5], s.lane, 1005, 7),       /* a larger number */
        make_key(d, WEIR_SPAN_LIT("new"), low, 1, 1), /* not here */
        make_key(d, s.key[9], s.lane, 1, 1),          /* damaged here */
    };
    receive_keys(d, kv, WEIR_ARRAY_LEN(kv));
    const Weir__V1__PullReq *req = weir_drill_forced(d, 1);
    if (!CLAIM(req != NULL && req->n_force_keys == 5))
        return;
    CLAIM(asks_for(req, 0, s.key[2]) && asks_for(req, 1, s.key[3]) && asks_for(req, 2, s.key[5]));
    CLAIM(asks_for(req, 3, WEIR_SPAN_LIT("new")) && asks_for(req, 4, s.key[9]));
    CLAIM(d->e->audit_tried == TENANT && !d->e->links[1]->audit_asked);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0);
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, 1, req);
    Weir__V1__Record *rec = weir_drill_make_record(
        d, &(struct weir_drill_rec){
               .key = s.key[2], .value = "newer", .lane = s.lane, .seq = 3, .hlc = 1003 });
    rep->r = &rec;
    rep->n_r = 1;
    weir_drill_receive(d, 1, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_REPAIRED) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_APPLIED) == 1);
    /* It was asked once. */
    receive_keys(d, kv, WEIR_ARRAY_LEN(kv));
    CLAIM(weir_drill_forced(d, 1) == NULL);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
}

static void no_key_is_newer(struct weir_drill *d)
{
    struct scene s;

    ask(&s, d);
    Weir__V1__KeyVer *kv = make_key(d, s.key[1], s.lane, 1001, 2);
    receive_keys(d, &kv, weir_sim_draw(d->x, 2));
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    CLAIM(d->e->audit_tried == TENANT && !d->e->links[1]->audit_asked);
}

static void so_many_keys(struct weir_drill *d)
{
    Weir__V1__KeyVer *kv[KEYS + 1];
    struct scene s;

    ask(&s, d);
    for (unsigned i = 0; i <= KEYS; i++) {
        uint8_t key[2] = { 'n', (uint8_t)i };
        kv[i] = make_key(d, weir_span(key, sizeof(key)), s.lane, 1, 1);
    }
    receive_keys(d, kv, WEIR_ARRAY_LEN(kv));
    const Weir__V1__PullReq *req = weir_drill_forced(d, 1);
    CLAIM(req != NULL && req->n_force_keys == KEYS);
    CLAIM(asks_for(req, KEYS - 1, weir_span(kv[KEYS - 1]->key.data, 2)));
}

/* Operations: begin, and a get for each key; the first that fails ends it. */
static void keys_and_a_failing_store(struct weir_drill *d, uint64_t n)
{
    struct scene s;

    ask(&s, d);
    Weir__V1__KeyVer *kv[] = { make_key(d, s.key[1], s.lane, 2000, 2),
                               make_key(d, s.key[2], s.lane, 2000, 2) };
    uint64_t ops = weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops;
    weir_memory_fail_op(d->store[WEIR_GROUP_C], n, WEIR_EIO);
    receive_keys(d, kv, WEIR_ARRAY_LEN(kv));
    CLAIM(d->err == WEIR_EIO && weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
    CLAIM(weir_drill_forced(d, 1) == NULL);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops - ops >= n);
}

/* -- a peer that asks -- */

/* In the open turn. */
static void give_question(struct weir_drill *d, uint32_t link, enum weir_class class,
                          const struct weir_sums *sums)
{
    Weir__V1__Audit m;

    weir__v1__audit__init(&m);
    m.has_class_ = m.has_buckets = 1;
    m.class_ = class;
    m.buckets.len = WEIR_SUMS_PACKED_LEN;
    m.buckets.data = weir_drill_alloc(d, WEIR_SUMS_PACKED_LEN);
    weir_sums_pack(sums, m.buckets.data);
    size_t len = weir_frame_packed_len(&m.base);
    uint8_t *bytes = weir_drill_alloc(d, len);
    weir_frame_pack(WEIR_FRAME_AUDIT, &m.base, bytes);
    weir_engine_receive(d->e, link, weir_span(bytes, len));
}

static void receive_question(struct weir_drill *d, uint32_t link, enum weir_class class,
                             const struct weir_sums *sums)
{
    weir_drill_begin(d);
    give_question(d, link, class, sums);
    (void)weir_drill_end(d);
}

static unsigned bucket_of(const struct weir_drill *d, struct weir_span key)
{
    return weir_sums_bucket(&d->cfg.audit_key, WEIR_CLASS_TENANT, key);
}

/* The peer differs in the buckets of these tenants, of a bit set. In the open turn. */
static void give_question_about(struct scene *s, struct weir_drill *d, uint32_t link,
                                uint64_t which)
{
    struct weir_sums *sums = weir_drill_alloc(d, sizeof(*sums));

    *sums = *weir_drill_sums(d, WEIR_CLASS_TENANT);
    for (unsigned i = 0; i < RECORDS; i++)
        if ((which >> i & 1) != 0)
            sums->bucket[bucket_of(d, s->key[i])].hi += 1 + i;
    give_question(d, link, WEIR_CLASS_TENANT, sums);
}

static void ask_about(struct scene *s, struct weir_drill *d, uint32_t link, uint64_t which)
{
    weir_drill_begin(d);
    give_question_about(s, d, link, which);
    (void)weir_drill_end(d);
}

/* The response has these tenants, and those of the same buckets. */
static void claim_found(struct scene *s, struct weir_drill *d, uint32_t link, uint64_t which)
{
    const Weir__V1__Audit *m = audit_sent(d, link);
    size_t num = 0;

    if (!CLAIM(m != NULL))
        return;
    CLAIM(m->has_class_ && m->class_ == WEIR_CLASS_TENANT && !m->has_buckets);
    for (unsigned i = 0; i < RECORDS; i++) {
        bool is_asked = false;
        for (unsigned j = 0; j < RECORDS; j++)
            is_asked = is_asked || ((which >> j & 1) != 0 &&
                                    bucket_of(d, s->key[i]) == bucket_of(d, s->key[j]));
        if (!is_asked)
            continue;
        const Weir__V1__KeyVer *kv = num < m->n_kv ? m->kv[num] : NULL;
        num++;
        if (!CLAIM(kv != NULL))
            return;
        CLAIM(weir_span_eq(weir_span(kv->key.data, kv->key.len), s->key[i]));
        CLAIM(memcmp(kv->lane.data, s->lane, WEIR_LANE_LEN) == 0);
        CLAIM(kv->seq == 1 + i && kv->hlc == 1000 + i);
    }
    CLAIM(m->n_kv == num);
}

static void keys_for_a_peer(struct weir_drill *d)
{
    const uint64_t all = (UINT64_C(1) << RECORDS) - 1;
    struct scene s;

    start(&s, d, 2);
    for (unsigned round = 0; round < 4; round++) {
        uint64_t which = weir_rng_next(&d->x->rng) & weir_rng_next(&d->x->rng) & all;
        uint32_t link = 1 + (uint32_t)weir_sim_draw(d->x, 2);
        if (round == 0)
            which |= UINT64_C(1) << (RECORDS - 1); /* tombstones count */
        if (round == 3)
            which = 0; /* all is equal: it is answered */
        weir_drill_begin(d);
        give_question_about(&s, d, link, which);
        give_question_about(&s, d, 3 - link, all); /* one search at a time */
        (void)weir_drill_end(d);
        CLAIM(d->e->audit.open && d->e->audit.link == link && audit_sent(d, link) == NULL);
        CLAIM(weir_engine_deadline(d->e) == d->mono_us);
        CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0);
        weir_drill_wait(d, 0);
        claim_found(&s, d, link, which);
        CLAIM(!d->e->audit.open && weir_engine_deadline(d->e) > d->mono_us);
        weir_drill_wait(d, 0);
        CLAIM(weir_drill_num_sent(d, WEIR_FRAME_AUDIT, WEIR_DRILL_ANY) == 0);
    }
    /* A class that is not here. */
    struct weir_sums *none = weir_drill_alloc(d, sizeof(*none));
    memset(none, 0, sizeof(*none));
    receive_question(d, 1, WEIR_CLASS_LIST, none);
    weir_drill_wait(d, 0);
    CLAIM(audit_sent(d, 1) != NULL && audit_sent(d, 1)->class_ == WEIR_CLASS_LIST);
    CLAIM(audit_sent(d, 1) != NULL && audit_sent(d, 1)->n_kv == 0);
}

/* While the sums are not complete a question is not taken up; a search that meets damage ends. */
static void searches_that_end(struct weir_drill *d)
{
    struct scene s;

    start(&s, d, 1);
    d->e->scan.summed = false;
    d->e->scan.next_us = NEVER;
    ask_about(&s, d, 1, 1);
    CLAIM(!d->e->audit.open);
    d->e->scan.summed = true;
    weir_drill_damage(d, WEIR_GROUP_C, WEIR_CLASS_TENANT, s.key[3]);
    ask_about(&s, d, 1, 1);
    CLAIM(d->e->audit.open);
    weir_drill_wait(d, 0);
    CLAIM(!d->e->audit.open && audit_sent(d, 1) == NULL && d->e->num_damaged == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_CORRUPT) == 1);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_records == RECORDS);
}

/* Operations: begin, and one for each record. */
static void search_and_a_failing_store(struct weir_drill *d, uint64_t n)
{
    struct scene s;

    start(&s, d, 1);
    ask_about(&s, d, 1, 1);
    weir_memory_fail_op(d->store[WEIR_GROUP_C], n, WEIR_EIO);
    uint64_t ops = weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops;
    weir_drill_wait(d, 0);
    CLAIM(d->err == WEIR_EIO && weir_engine_state(d->e) == WEIR_ENGINE_READONLY);
    CLAIM(!d->e->audit.open && audit_sent(d, 1) == NULL);
    CLAIM(weir_memory_counts(d->store[WEIR_GROUP_C]).num_ops - ops < n + 20); /* it stops there */
    weir_drill_wait(d, SECOND);
    weir_drill_wait(d, 0);
    ask_about(&s, d, 1, 1);
    weir_drill_wait(d, 0);
    claim_found(&s, d, 1, 1);
}

/* So many keys as a message may have. */
static void full_response(struct weir_drill *d)
{
    struct scene s;

    if (weir_sim_draw(d->x, 4) != 0)
        return;
    start(&s, d, 1);
    struct engine_audit *a = &d->e->audit;
    ask_about(&s, d, 1, (UINT64_C(1) << RECORDS) - 1);
    Weir__V1__KeyVer *kv = make_key(d, WEIR_SPAN_LIT("a"), s.lane, 1, 1);
    a->num_found = WEIR_FRAME_RECORDS - 1;
    for (size_t i = 0; i < a->num_found; i++)
        a->found[i] = kv;
    weir_drill_wait(d, 0);
    CLAIM(audit_sent(d, 1) != NULL && audit_sent(d, 1)->n_kv == WEIR_FRAME_RECORDS);
}

/* -- who may say something -- */

static void claim_strange(struct weir_drill *d)
{
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1 && !d->e->audit.open);
    CLAIM(weir_drill_forced(d, 1) == NULL && d->e->audit_tried == 0 && d->err == WEIR_OK);
}

static void strange_messages(struct weir_drill *d)
{
    struct weir_sums *none = weir_drill_alloc(d, sizeof(*none));
    struct scene s;

    memset(none, 0, sizeof(*none));
    ask(&s, d);
    Weir__V1__KeyVer *kv = make_key(d, s.key[1], s.lane, 2000, 2);
    receive_question(d, 1, WEIR_CLASS_BAN, none);
    claim_strange(d);
    weir_drill_up(d, 2);
    receive_question(d, 2, WEIR_CLASS_TENANT, none);
    claim_strange(d);
    d->e->links[1]->stale = true;
    receive_question(d, 1, WEIR_CLASS_TENANT, none);
    claim_strange(d);
    receive_keys(d, &kv, 1);
    claim_strange(d);
    d->e->links[1]->stale = false;
    d->e->readonly = true;
    d->e->retry_at = NEVER;
    receive_keys(d, &kv, 1);
    claim_strange(d);
    d->e->readonly = false;
    d->e->links[1]->audit_asked = false;
    receive_keys(d, &kv, 1);
    claim_strange(d);
    d->e->links[1]->audit_asked = true;
    receive_question(d, 1, WEIR_CLASS_LANE, none);
    CLAIM(d->e->audit.open && weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0);
    CLAIM(d->e->links[1]->audit_asked); /* its own question is no response */
    receive_keys(d, &kv, 1);
    CLAIM(weir_drill_forced(d, 1) != NULL);
    weir_drill_begin(d);
    weir_engine_give_up(d->e);
    (void)weir_drill_end(d);
    receive_question(d, 1, WEIR_CLASS_TENANT, none);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1 && !d->e->audit.open);
}

static void stores_fail(struct weir_drill *outer)
{
    for (uint64_t n = 1; n <= 3; n++) {
        struct weir_drill d;
        weir_drill_init(&d, outer->x);
        keys_and_a_failing_store(&d, n);
        weir_drill_deinit(&d);
        weir_drill_init(&d, outer->x);
        search_and_a_failing_store(&d, n);
        weir_drill_deinit(&d);
    }
}

/* -- no memory -- */

enum step { STEP_ASK, STEP_FETCH, STEP_BEGIN, STEP_SEARCH, STEP_COUNT };

static void take_step(struct scene *s, struct weir_drill *d, enum step what)
{
    Weir__V1__KeyVer *kv[2] = { make_key(d, s->key[1], s->lane, 2000, 2),
                                make_key(d, s->key[2], s->lane, 2000, 2) };

    if (what == STEP_ASK)
        weir_drill_beat_sums(d, 1, TENANT, 1);
    else if (what == STEP_FETCH)
        receive_keys(d, kv, WEIR_ARRAY_LEN(kv));
    else if (what == STEP_BEGIN)
        ask_about(s, d, 1, 7);
    else
        weir_drill_wait(d, 0);
}

static bool is_done(struct weir_drill *d, enum step what)
{
    if (what == STEP_FETCH)
        return weir_drill_forced(d, 1) != NULL && weir_drill_forced(d, 1)->n_force_keys == 2;
    if (what == STEP_BEGIN)
        return d->e->audit.open;
    const Weir__V1__Audit *m = audit_sent(d, 1);
    return m != NULL && (what == STEP_ASK ? m->has_buckets : m->n_kv >= 3);
}

/* The turn is undone, or what found no room is left out; with memory it goes on as ever. */
static void allocations_fail(struct weir_drill *outer)
{
    enum step what = (enum step)weir_sim_draw(outer->x, STEP_COUNT);
    bool has_failed = true;

    for (long n = 1; has_failed && outer->x->claim == NULL; n++) {
        struct weir_drill drill;
        struct weir_drill *d = &drill;
        struct scene s;
        weir_drill_init(d, outer->x);
        start(&s, d, 1);
        weir_drill_beat_sums(d, 1, TENANT, 1);
        d->e->links[1]->audit_asked = true;
        if (what == STEP_SEARCH)
            ask_about(&s, d, 1, 7);
        weir_failalloc_once(n);
        take_step(&s, d, what);
        has_failed = weir_sim_plenty();
        CLAIM(has_failed || is_done(d, what));
        weir_drill_settle_all(d);
        for (unsigned i = 0; i < 2; i++) {
            weir_drill_wait(d, AUDITS);
            weir_drill_settle_all(d);
        }
        weir_drill_level(d, 1);
        weir_drill_hello(d, 1, true);
        weir_drill_settle_all(d);
        weir_drill_beat_sums(d, 1, 0, 1);
        weir_drill_beat_sums(d, 1, TENANT, 1);
        d->e->links[1]->audit_asked = true;
        if (what == STEP_SEARCH)
            ask_about(&s, d, 1, 7);
        take_step(&s, d, what);
        CLAIM(is_done(d, what) && weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
        weir_drill_deinit(d);
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    asked_after_two_heartbeats, class_that_is_asked_for, sum_of_bans,      no_comparison,
    newer_keys_are_fetched,     no_key_is_newer,         so_many_keys,     keys_for_a_peer,
    searches_that_end,          full_response,           strange_messages, stores_fail,
    allocations_fail,
};

void weir_drill_audit(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
