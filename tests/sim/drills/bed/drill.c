/* SPDX-License-Identifier: Apache-2.0
 *
 * drill.c - the engine of a drill, its turns and what they led to.
 */
#include "tests/sim/drills/bed/drill.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/failalloc.h"

#define START_MS UINT64_C(1800000000000)
#define MEM_MAX  (UINT64_C(256) << 20)
#define LATE_MAX 20 /* turns in a row that ask for the next at once */

/* -- the engine -- */

void weir_drill_init(struct weir_drill *d, struct weir_sim_exam *x)
{
    *d = (struct weir_drill){ .x = x, .mono_us = 1000000, .wall_ms = START_MS, .exports = true };
    weir_arena_init(&d->mem, 1 << 16, MEM_MAX);
    d->cfg.cluster = WEIR_SPAN_LIT("drill");
    d->cfg.audit_key = (struct weir_siphash_key){ { 3, 4 } };
    d->cfg.seed = weir_rng_next(&x->rng);
    d->cfg.bootstrap = true;
    d->cfg.schema_max = 1;
    weir_sim_draw_bytes(x, d->cfg.node, sizeof(d->cfg.node));
    d->cfg.node[0] = 0x80;
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        WEIR_ASSERT(weir_memory_new((enum weir_group)g, &d->store[g]) == WEIR_OK);
        d->cfg.records[g] = weir_memory_record_store(d->store[g]);
    }
    for (uint32_t i = 0; i < WEIR_DRILL_PEERS; i++) {
        struct weir_drill_peer *p = &d->peer[i];
        memcpy(p->node, d->cfg.node, sizeof(p->node));
        p->node[0] = (uint8_t)(i % 2 == 0 ? 0x10 + i : 0x90 + i);
        weir_sim_draw_bytes(x, p->incarnation, sizeof(p->incarnation));
        p->live = true;
        p->met = true;
    }
}

/* Frames stay: a drill may still look at what an earlier turn sent. */
static void forget_outs(struct weir_drill *d)
{
    if (d->num_old + d->num_outs > d->cap_old) {
        bool counted = weir_failalloc_pause();
        d->cap_old = 2 * (d->num_old + d->num_outs);
        d->old = realloc(d->old, d->cap_old * sizeof(*d->old));
        WEIR_ASSERT(d->old != NULL);
        if (counted)
            weir_failalloc_resume(counted);
    }
    for (size_t i = 0; i < d->num_outs; i++)
        d->old[d->num_old++] = d->outs[i].frame;
    d->num_outs = 0;
}

void weir_drill_deinit(struct weir_drill *d)
{
    weir_drill_stop(d);
    forget_outs(d);
    for (size_t i = 0; i < d->num_old; i++)
        weir_frame_deinit(&d->old[i]);
    free(d->old);
    free(d->outs);
    weir_vector_deinit(&d->scratch);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        weir_memory_free(&d->store[g]);
    for (uint32_t i = 0; i < WEIR_DRILL_PEERS; i++) {
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
            weir_vector_deinit(&d->peer[i].vv[g]);
        weir_vector_deinit(&d->peer[i].floor);
        weir_vector_deinit(&d->peer[i].seen);
    }
    weir_arena_deinit(&d->mem);
    *d = (struct weir_drill){ .e = NULL };
}

void weir_drill_renew(struct weir_drill *d)
{
    struct weir_sim_exam *x = d->x;

    weir_drill_deinit(d);
    weir_drill_init(d, x);
}

bool weir_drill_start(struct weir_drill *d)
{
    if (weir_engine_new(&d->cfg, &d->e) != WEIR_OK) {
        d->e = NULL;
        return false;
    }
    weir_drill_begin(d);
    (void)weir_drill_end(d);
    return true;
}

void weir_drill_stop(struct weir_drill *d)
{
    if (d->e != NULL)
        weir_engine_free(&d->e);
}

static void tick(struct weir_drill *d)
{
    weir_engine_tick(d->e, d->mono_us, d->wall_ms + d->mono_us / 1000);
}

void weir_drill_begin(struct weir_drill *d)
{
    forget_outs(d);
    for (unsigned c = 0; c < WEIR_COUNT_COUNT; c++)
        d->counts[c] = weir_engine_counter(d->e, (enum weir_engine_count)c);
    tick(d);
}

static void copy_span(struct weir_drill *d, struct weir_span *s)
{
    void *at = weir_drill_alloc(d, s->len);

    if (s->len > 0)
        memcpy(at, s->at, s->len);
    *s = weir_span(at, s->len);
}

static void add_output(struct weir_drill *d, const struct weir_engine_out *out)
{
    bool has_frame = out->what == WEIR_OUT_SEND || out->what == WEIR_OUT_PUBLISH;
    enum weir_frame_fault fault;

    if (d->num_outs == d->cap_outs) {
        size_t cap = d->cap_outs == 0 ? 64 : 2 * d->cap_outs;
        void *outs = realloc(d->outs, cap * sizeof(*d->outs));
        WEIR_ASSERT(outs != NULL);
        d->outs = outs;
        d->cap_outs = cap;
    }
    struct weir_drill_out *o = &d->outs[d->num_outs++];
    *o = (struct weir_drill_out){ .out = *out };
    copy_span(d, &o->out.frame);
    copy_span(d, &o->out.key);
    if (has_frame)
        WEIR_SIM_CLAIM(d->x, weir_frame_decode(o->out.frame, &o->frame, &fault) == WEIR_OK);
}

static enum weir_err commit(struct weir_drill *d)
{
    struct weir_engine_out out;

    d->err = weir_engine_commit(d->e);
    bool counted = weir_failalloc_pause();
    while (weir_engine_next(d->e, &out))
        add_output(d, &out);
    if (counted)
        weir_failalloc_resume(counted);
    return d->err;
}

enum weir_err weir_drill_end(struct weir_drill *d)
{
    return commit(d);
}

void weir_drill_wait(struct weir_drill *d, uint64_t us)
{
    d->mono_us += us;
    weir_drill_begin(d);
    (void)weir_drill_end(d);
}

void weir_drill_pass(struct weir_drill *d, uint64_t us)
{
    uint64_t end = d->mono_us + us;
    size_t num_seen = 0;
    unsigned num_late = 0;

    weir_drill_begin(d);
    (void)commit(d);
    while (d->mono_us < end) {
        uint64_t at = weir_engine_deadline(d->e);
        if (at <= d->mono_us)
            at = d->mono_us + 1000;
        d->mono_us = at < end ? at : end;
        tick(d);
        for (; num_seen < d->num_outs; num_seen++)
            if (d->exports && d->outs[num_seen].out.what == WEIR_OUT_EXPORT)
                weir_engine_exported(d->e, true);
        (void)commit(d);
        num_late = weir_engine_deadline(d->e) <= d->mono_us ? num_late + 1 : 0;
        WEIR_SIM_CLAIM(d->x, num_late < LATE_MAX); /* it would be called without end */
    }
}

/* -- what the last action led to -- */

size_t weir_drill_num(const struct weir_drill *d, enum weir_out what)
{
    size_t num = 0;

    for (size_t i = 0; i < d->num_outs; i++)
        num += d->outs[i].out.what == what;
    return num;
}

const struct weir_engine_out *weir_drill_out(const struct weir_drill *d, enum weir_out what,
                                             size_t nth)
{
    for (size_t i = 0; i < d->num_outs; i++)
        if (d->outs[i].out.what == what && nth-- == 0)
            return &d->outs[i].out;
    return NULL;
}

static bool is_sent(const struct weir_drill_out *o, enum weir_frame_topic topic, uint32_t link)
{
    if (o->frame.memory == NULL || o->frame.topic != topic)
        return false;
    if (o->out.what == WEIR_OUT_PUBLISH)
        return link == WEIR_ENGINE_NO_LINK || link == WEIR_DRILL_ANY;
    return o->out.link == link || link == WEIR_DRILL_ANY;
}

size_t weir_drill_num_sent(const struct weir_drill *d, enum weir_frame_topic topic, uint32_t link)
{
    size_t num = 0;

    for (size_t i = 0; i < d->num_outs; i++)
        num += is_sent(&d->outs[i], topic, link);
    return num;
}

const struct weir_frame *weir_drill_sent(const struct weir_drill *d, enum weir_frame_topic topic,
                                         uint32_t link, size_t nth)
{
    for (size_t i = 0; i < d->num_outs; i++)
        if (is_sent(&d->outs[i], topic, link) && nth-- == 0)
            return &d->outs[i].frame;
    return NULL;
}

size_t weir_drill_alarms(const struct weir_drill *d, enum weir_alarm alarm, uint32_t link)
{
    size_t num = 0;

    for (size_t i = 0; i < d->num_outs; i++) {
        const struct weir_engine_out *o = &d->outs[i].out;
        num += o->what == WEIR_OUT_ALARM && o->alarm == alarm &&
               (o->link == link || link == WEIR_DRILL_ANY);
    }
    return num;
}

uint64_t weir_drill_counted(const struct weir_drill *d, enum weir_engine_count c)
{
    return weir_engine_counter(d->e, c) - d->counts[c];
}

bool weir_drill_has(const struct weir_drill *d, const char *key, const char *value)
{
    struct weir_stored_record rec;
    enum weir_err err =
        weir_memory_find(d->store[WEIR_GROUP_C], WEIR_CLASS_TENANT, weir_span_cstr(key), &rec);
    bool is_there = err == WEIR_OK && !rec.rec.tombstone;

    return value == NULL ? !is_there
                         : is_there && weir_span_eq(rec.rec.value, weir_span_cstr(value));
}

struct looked_for {
    const uint8_t *lane;
    struct weir_lane_row row;
};

static bool match_row(void *arg, const struct weir_lane_row *row)
{
    struct looked_for *l = arg;

    if (memcmp(l->lane, row->lane, WEIR_LANE_LEN) != 0)
        return true;
    l->row = *row;
    return false;
}

struct weir_lane_row weir_drill_row(const struct weir_drill *d, enum weir_group g,
                                    const uint8_t lane[WEIR_LANE_LEN])
{
    struct looked_for l = { .lane = lane };

    weir_memory_each_lane(d->store[g], match_row, &l);
    return l.row;
}

uint64_t weir_drill_listed(Weir__V1__Lv *const *lanes, size_t num,
                           const uint8_t lane[WEIR_LANE_LEN])
{
    for (size_t i = 0; i < num; i++)
        if (memcmp(lanes[i]->lane.data, lane, WEIR_LANE_LEN) == 0)
            return lanes[i]->seq;
    return 0;
}

void weir_drill_run(struct weir_sim_exam *x, const weir_drill_fn *all, size_t num)
{
    for (size_t i = 0; i < num && x->claim == NULL; i++) {
        struct weir_drill d;
        long live = weir_failalloc_live();
        weir_drill_init(&d, x);
        all[i](&d);
        weir_drill_deinit(&d);
        WEIR_SIM_CLAIM(x, weir_failalloc_live() == live);
    }
}
