/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_stock.c - what stores have before an engine starts, and peers that have the same.
 */
#include "tests/sim/drills/bed/drill_stock.h"

#include <string.h>

#include "sync/engine/engine_state.h"

#define ROUNDS_MAX 20

static struct weir_record_store *records_of(const struct weir_drill *d, enum weir_group g)
{
    return d->cfg.records[g];
}

/* -- stores -- */

void weir_drill_stock_begin(struct weir_drill *d, enum weir_group g)
{
    WEIR_ASSERT(records_of(d, g)->ops->begin(records_of(d, g)) == WEIR_OK);
}

void weir_drill_stock_put(struct weir_drill *d, const struct weir_drill_rec *r, uint64_t when)
{
    enum weir_class class = r->class != 0 ? r->class : WEIR_CLASS_TENANT;
    bool is_ban = class == WEIR_CLASS_BAN;
    struct weir_record_store *records = records_of(d, is_ban ? WEIR_GROUP_E : WEIR_GROUP_C);
    struct weir_stored_record rec = {
        .rec = {
            .class = class,
            .key = r->key,
            .version = { .hlc = r->hlc != 0 ? r->hlc : weir_drill_stamp(d), .seq = r->seq },
            .tombstone = r->value == NULL,
            .schema = 1,
            .expires = is_ban && r->value != NULL ? when : 0,
            .value = weir_span_cstr(r->value),
        },
        .stored_ms = when,
    };

    memcpy(rec.rec.version.lane, r->lane, WEIR_LANE_LEN);
    WEIR_ASSERT(records->ops->put(records, &rec) == WEIR_OK);
}

void weir_drill_stock_end(struct weir_drill *d, enum weir_group g)
{
    struct weir_record_store *records = records_of(d, g);
    struct weir_store_meta meta;
    struct weir_lane_row row;
    const uint8_t *after = NULL;
    uint8_t at[WEIR_LANE_LEN];

    while (records->ops->next_lane(records, after, &row) == WEIR_OK) {
        if (row.vv == 0)
            row.vv = row.seen;
        WEIR_ASSERT(records->ops->put_lane(records, &row) == WEIR_OK);
        memcpy(at, row.lane, WEIR_LANE_LEN);
        after = at;
    }
    WEIR_ASSERT(records->ops->get_meta(records, &meta) == WEIR_OK);
    meta.live = true;
    WEIR_ASSERT(records->ops->put_meta(records, &meta) == WEIR_OK);
    WEIR_ASSERT(records->ops->commit(records) == WEIR_OK);
}

void weir_drill_stock_lane(struct weir_drill *d, enum weir_group g, const struct weir_lane_row *row)
{
    weir_drill_stock_begin(d, g);
    WEIR_ASSERT(records_of(d, g)->ops->put_lane(records_of(d, g), row) == WEIR_OK);
    WEIR_ASSERT(records_of(d, g)->ops->commit(records_of(d, g)) == WEIR_OK);
}

struct place {
    enum weir_class class;
    struct weir_span key;
    size_t at;
};

static bool count_before(void *arg, const struct weir_stored_record *rec, bool damaged)
{
    struct place *p = arg;

    (void)damaged;
    if (rec->rec.class == p->class && weir_span_eq(rec->rec.key, p->key))
        return false;
    p->at++;
    return true;
}

void weir_drill_damage(struct weir_drill *d, enum weir_group g, enum weir_class class,
                       struct weir_span key)
{
    struct place p = { .class = class, .key = key };

    weir_memory_each_record(d->store[g], count_before, &p);
    WEIR_ASSERT(weir_memory_flip(d->store[g], p.at, WEIR_MEMORY_KEY, 0));
}

/* -- sums -- */

struct summing {
    struct weir_drill *d;
    enum weir_class class;
    struct weir_sums *sums;
};

static bool sum_record(void *arg, const struct weir_stored_record *rec, bool damaged)
{
    struct summing *s = arg;
    struct weir_sums_item item = { rec->rec.class, rec->rec.key, rec->rec.version };

    if (rec->rec.class == s->class && !rec->rec.tombstone && !damaged)
        weir_sums_add(s->sums, &s->d->cfg.audit_key, &item);
    return true;
}

const struct weir_sums *weir_drill_sums(struct weir_drill *d, enum weir_class class)
{
    static _Thread_local struct weir_sums sums;
    struct summing s = { .d = d, .class = class, .sums = &sums };

    memset(&sums, 0, sizeof(sums));
    weir_memory_each_record(d->store[WEIR_GROUP_C], sum_record, &s);
    return &sums;
}

static bool note_class(void *arg, const struct weir_stored_record *rec, bool damaged)
{
    uint32_t *classes = arg;

    if (!rec->rec.tombstone && !damaged)
        *classes |= UINT32_C(1) << rec->rec.class;
    return true;
}

bool weir_drill_is_summed(struct weir_drill *d)
{
    static const struct weir_sums none;
    bool is_summed = d->e->scan.summed && d->e->num_sum_ops == 0;
    uint32_t classes = 0;

    weir_memory_each_record(d->store[WEIR_GROUP_C], note_class, &classes);
    for (unsigned class = 0; class < ENGINE_CLASS_NUM && is_summed; class ++) {
        const struct weir_sums *ours = d->e->sums[class];
        bool has_records = (classes & UINT32_C(1) << class) != 0;
        if (ours == NULL)
            is_summed = !has_records;
        else
            is_summed = memcmp(has_records ? weir_drill_sums(d, (enum weir_class) class) : &none,
                               ours, sizeof(*ours)) == 0;
    }
    return is_summed;
}

/* -- peers -- */

void weir_drill_level(struct weir_drill *d, uint32_t link)
{
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        WEIR_ASSERT(weir_vector_copy(&d->peer[link].vv[g],
                                     weir_engine_vv(d->e, (enum weir_group)g)) == WEIR_OK);
    WEIR_ASSERT(weir_vector_copy(&d->peer[link].floor, weir_engine_floor(d->e, WEIR_GROUP_C)) ==
                WEIR_OK);
}

void weir_drill_settle_all(struct weir_drill *d)
{
    Weir__V1__PullRep *reps[WEIR_ENGINE_PULLS_MAX];
    uint32_t links[WEIR_ENGINE_PULLS_MAX];

    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        size_t num = 0;
        for (size_t i = 0; i < d->num_outs && num < WEIR_ENGINE_PULLS_MAX; i++) {
            const struct weir_drill_out *o = &d->outs[i];
            if (o->frame.memory == NULL || o->frame.topic != WEIR_FRAME_PULL_REQ)
                continue;
            links[num] = o->out.link;
            reps[num++] = weir_drill_make_rep(d, o->out.link, o->frame.msg.pull_req);
        }
        if (num == 0)
            return;
        for (size_t i = 0; i < num; i++)
            weir_drill_receive(d, links[i], WEIR_FRAME_PULL_REP, &reps[i]->base);
    }
}

void weir_drill_meet_level(struct weir_drill *d, uint32_t num)
{
    for (uint32_t link = 1; link <= num; link++) {
        weir_drill_level(d, link);
        weir_drill_meet(d, link);
        weir_drill_settle_all(d);
    }
}

void weir_drill_beat_sums(struct weir_drill *d, uint32_t link, uint32_t classes, uint64_t off)
{
    static const struct weir_sum zero;
    Weir__V1__Heartbeat *m = weir_drill_make_beat(d, link);

    m->sum = weir_drill_alloc(d, ENGINE_CLASS_NUM * sizeof(*m->sum));
    for (unsigned class = 1; class < ENGINE_CLASS_NUM; class ++) {
        struct weir_sum sum = d->e->sums[class] != NULL ? d->e->sums[class]->total : zero;
        uint8_t bytes[1 + WEIR_SUM_LEN] = { (uint8_t) class };
        if ((classes & UINT32_C(1) << class) != 0)
            sum = off == 0 ? zero : (struct weir_sum){ .lo = sum.lo + off, .hi = sum.hi };
        if (weir_sum_eq(sum, zero))
            continue;
        weir_sum_pack(sum, bytes + 1);
        m->sum[m->n_sum++] = weir_drill_bytes(d, bytes, sizeof(bytes));
    }
    weir_drill_receive(d, link, WEIR_FRAME_HEARTBEAT, &m->base);
}

const Weir__V1__PullReq *weir_drill_forced(const struct weir_drill *d, uint32_t link)
{
    const struct weir_frame *f;

    for (size_t i = 0; (f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, link, i)) != NULL; i++)
        if (f->msg.pull_req->n_force_keys > 0)
            return f->msg.pull_req;
    return NULL;
}
