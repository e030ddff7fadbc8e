/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_group_twin.c - sync/engine/engine_group.c against a plain second one: a table of lanes with
 * their numbers, which random calls change, commits write and loads read again.
 */
#include <string.h>

#include "sync/engine/engine_apply.h"
#include "sync/engine/engine_group.h"
#include "sync/engine/engine_turn.h"
#include "sync/version/num.h"
#include "tests/sim/drills/bed/drill.h"
#include "tests/sim/drills/drills.h"

#define LANES 6
#define SEQS  10 /* the numbers of a lane are 1..SEQS */
#define STEPS 400
#define LINKS 2

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* The links that are up; between them is one that never was. */
static const uint32_t links[LINKS] = { 0, 2 };

struct twin_lane {
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t vv;
    uint64_t seen;
    uint64_t floor;
    uint64_t final;
    uint64_t folded;
    bool is_dirty;
    bool has_record[SEQS + 1];
    uint64_t given[LINKS];
    struct weir_lane_row row; /* in the store */
};

struct twin {
    struct weir_drill *d;
    struct engine_group *c;
    struct twin_lane lane[LANES];
    bool floor_rose;
};

static struct twin_lane *draw_lane(struct twin *t)
{
    return &t->lane[weir_sim_draw(t->d->x, LANES)];
}

static uint64_t draw_seq(struct twin *t)
{
    return 1 + weir_sim_draw(t->d->x, SEQS);
}

static uint64_t reach_of(const struct twin_lane *l)
{
    return l->folded > 0 ? l->folded : l->vv;
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* -- the second one -- */

static void twin_note_seen(struct twin_lane *l, uint64_t seq)
{
    if (l->folded > 0 || seq <= l->seen)
        return;
    l->seen = seq;
    l->is_dirty = true;
}

static void twin_raise_floor(struct twin *t, struct twin_lane *l, uint64_t seq)
{
    if (l->folded > 0 || seq <= l->floor)
        return;
    l->floor = seq;
    l->is_dirty = true;
    t->floor_rose = true;
}

static void twin_unfold(struct twin *t, struct twin_lane *l)
{
    uint64_t end = l->folded;

    if (end == 0)
        return;
    l->folded = 0;
    l->vv = end;
    l->final = end | ENGINE_FOLDED;
    twin_note_seen(l, end);
    twin_raise_floor(t, l, end);
    twin_note_seen(l, l->row.seen); /* also of records that were replaced or dropped since */
}

static void twin_raise(struct twin *t, struct twin_lane *l, uint64_t seq)
{
    if (seq <= reach_of(l))
        return;
    twin_unfold(t, l);
    l->vv = max_of(l->vv, seq);
    l->seen = max_of(l->seen, seq);
    l->is_dirty = true;
}

static void twin_commit(struct twin *t)
{
    for (unsigned i = 0; i < LANES; i++) {
        struct twin_lane *l = &t->lane[i];
        if (l->is_dirty && l->folded > 0)
            l->row = (struct weir_lane_row){ .vv = l->folded,
                                             .seen = max_of(l->row.seen, l->folded),
                                             .floor = l->folded,
                                             .final = l->folded | ENGINE_FOLDED };
        else if (l->is_dirty)
            l->row = (struct weir_lane_row){ .vv = l->vv,
                                             .seen = max_of(l->row.seen, l->seen),
                                             .floor = l->floor,
                                             .final = l->final };
        l->is_dirty = false;
    }
    t->floor_rose = false;
}

static void twin_load(struct twin *t)
{
    for (unsigned i = 0; i < LANES; i++) {
        struct twin_lane *l = &t->lane[i];
        const struct weir_lane_row *r = &l->row;
        uint64_t end = r->final & ~ENGINE_FOLDED;
        bool is_mine = memcmp(l->lane, t->c->meta.lane, WEIR_LANE_LEN) == 0;
        bool is_folded = r->final > end && r->vv == end && r->floor == end && !is_mine;
        l->folded = is_folded ? end : 0;
        l->vv = is_folded ? 0 : r->vv;
        l->seen = is_folded ? 0 : max_of(r->vv, r->seen);
        l->floor = is_folded ? 0 : r->floor;
        l->final = is_folded ? 0 : r->final;
    }
}

/* -- both are the same -- */

static void compare_vectors(struct twin *t)
{
    const struct weir_drill *d = t->d;
    size_t num[6] = { 0 };

    for (unsigned i = 0; i < LANES; i++) {
        const struct twin_lane *l = &t->lane[i];
        CLAIM(weir_vector_get(&t->c->vv, l->lane) == l->vv);
        CLAIM(weir_vector_get(&t->c->seen, l->lane) == l->seen);
        CLAIM(weir_vector_get(&t->c->floor, l->lane) == l->floor);
        CLAIM(weir_vector_get(&t->c->final, l->lane) == l->final);
        CLAIM(weir_vector_get(&t->c->folded, l->lane) == l->folded);
        CLAIM((weir_vector_get(&t->c->dirty, l->lane) > 0) == l->is_dirty);
        num[0] += l->vv > 0;
        num[1] += l->seen > 0;
        num[2] += l->floor > 0;
        num[3] += l->final > 0;
        num[4] += l->folded > 0;
        num[5] += l->is_dirty;
    }
    CLAIM(t->c->vv.num == num[0] && t->c->seen.num == num[1] && t->c->floor.num == num[2]);
    CLAIM(t->c->final.num == num[3] && t->c->folded.num == num[4] && t->c->dirty.num == num[5]);
    CLAIM(d->e->floor_rose == t->floor_rose);
    CLAIM(d->e->turn_err == WEIR_OK);
}

static void compare_reach(struct twin *t)
{
    struct weir_drill *d = t->d;
    struct weir_vector all = WEIR_VECTOR_ZERO;
    struct weir_vector more = WEIR_VECTOR_ZERO;
    const struct twin_lane *last = draw_lane(t);

    for (unsigned i = 0; i < LANES; i++) {
        const struct twin_lane *l = &t->lane[i];
        uint64_t reach = reach_of(l);
        CLAIM(weir_engine_reach(d->e, WEIR_GROUP_C, l->lane) == reach);
        CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, l->lane) == reach);
        CLAIM(weir_engine_covers(d->e, WEIR_GROUP_C, l->lane, reach));
        CLAIM(!weir_engine_covers(d->e, WEIR_GROUP_C, l->lane, reach + 1));
        CLAIM(weir_engine_reach(d->e, WEIR_GROUP_E, l->lane) == 0);
        weir_drill_raise(&all, l->lane, reach);
    }
    CLAIM(weir_engine_hash(d->e, WEIR_GROUP_C) == weir_vector_hash(&all));
    CLAIM(weir_engine_hash(d->e, WEIR_GROUP_E) == 0);
    CLAIM(!weir_engine_lacks(d->e, WEIR_GROUP_C, &all));
    CLAIM(!weir_engine_lacks(d->e, WEIR_GROUP_C, &more));
    weir_drill_raise(&all, last->lane, reach_of(last) + 1);
    CLAIM(weir_engine_lacks(d->e, WEIR_GROUP_C, &all));
    weir_drill_raise(&more, last->lane, reach_of(last) + 1);
    CLAIM(weir_engine_lacks(d->e, WEIR_GROUP_C, &more));
    weir_vector_deinit(&all);
    weir_vector_deinit(&more);
}

/* What a peer with any vector is shown of the vector or of the floor. */
static void compare_shown(struct twin *t)
{
    struct weir_drill *d = t->d;
    struct weir_vector to = WEIR_VECTOR_ZERO;
    struct weir_vector shown = WEIR_VECTOR_ZERO;
    bool is_floor = weir_sim_draw(d->x, 2) == 0;
    bool to_all = weir_sim_draw(d->x, 3) == 0;
    size_t num = 0;

    weir_drill_raise(&shown, d->e->incarnation, 99); /* of another use */
    for (unsigned i = 0; i < LANES; i++)
        if (weir_sim_draw(d->x, 2) == 0)
            weir_drill_raise(&to, t->lane[i].lane, draw_seq(t));
    CLAIM(weir_engine_show(d->e, is_floor ? &t->c->floor : &t->c->vv, to_all ? NULL : &to, &shown));
    for (unsigned i = 0; i < LANES; i++) {
        const struct twin_lane *l = &t->lane[i];
        uint64_t seq = is_floor ? l->floor : l->vv;
        if (l->folded > 0 && (to_all || weir_vector_get(&to, l->lane) > 0))
            seq = l->folded;
        CLAIM(weir_vector_get(&shown, l->lane) == seq);
        num += seq > 0;
    }
    CLAIM(shown.num == num);
    weir_vector_deinit(&to);
    weir_vector_deinit(&shown);
}

static void compare_rows(struct twin *t)
{
    const struct weir_drill *d = t->d;

    for (unsigned i = 0; i < LANES; i++) {
        const struct twin_lane *l = &t->lane[i];
        struct weir_lane_row row = weir_drill_row(d, WEIR_GROUP_C, l->lane);
        CLAIM(row.vv == l->row.vv && row.seen == l->row.seen);
        CLAIM(row.floor == l->row.floor && row.final == l->row.final);
    }
}

/* -- steps -- */

static void step_fold(struct twin *t)
{
    struct weir_drill *d = t->d;
    struct twin_lane *l = draw_lane(t);

    if (l->vv == 0)
        return;
    weir_engine_fold(d->e, l->lane);
    l->folded = l->vv;
    l->vv = l->seen = l->floor = l->final = 0;
    l->is_dirty = true;
    memset(l->given, 0, sizeof(l->given));
}

static void step_given(struct twin *t)
{
    struct twin_lane *l = draw_lane(t);
    unsigned i = (unsigned)weir_sim_draw(t->d->x, LINKS);
    struct engine_link *link = t->d->e->links[links[i]];

    l->given[i] = max_of(l->given[i], draw_seq(t));
    weir_drill_raise(&link->given[WEIR_GROUP_C], l->lane, l->given[i]);
    weir_drill_raise(&link->given[WEIR_GROUP_E], l->lane, SEQS);
    weir_drill_raise(&link->vv, l->lane, SEQS);
}

static void compare_given(struct twin *t)
{
    const struct weir_drill *d = t->d;

    for (unsigned i = 0; i < LINKS; i++) {
        struct engine_link *link = d->e->links[links[i]];
        size_t num = 0;
        for (unsigned k = 0; k < LANES; k++) {
            const struct twin_lane *l = &t->lane[k];
            CLAIM(weir_vector_get(&link->given[WEIR_GROUP_C], l->lane) == l->given[i]);
            num += l->given[i] > 0;
        }
        CLAIM(link->given[WEIR_GROUP_C].num == num);
        CLAIM(link->given[WEIR_GROUP_E].num == link->vv.num); /* fold takes from neither */
    }
}

/* A record of class LANE, or nearly one, was stored in place of another. */
static void step_end(struct twin *t)
{
    struct weir_drill *d = t->d;
    struct twin_lane *l = draw_lane(t);
    struct twin_lane *b = draw_lane(t);
    struct weir_version by = { .seq = draw_seq(t) };
    uint8_t value[ENGINE_FINAL_LEN];
    uint64_t end = weir_sim_draw(d->x, 3) == 0 ? reach_of(l) : weir_sim_draw(d->x, SEQS + 1);
    struct weir_stored_record rec = {
        .rec = { .class = WEIR_CLASS_LANE, .key = weir_span(l->lane, WEIR_LANE_LEN) },
    };

    if (end > 0 && weir_sim_draw(d->x, 2) == 0)
        end |= ENGINE_FOLDED;
    uint64_t was = weir_sim_draw(d->x, 2) == 0 ? end : end & ~ENGINE_FOLDED;
    if (weir_sim_draw(d->x, 4) == 0)
        was = 1 + weir_sim_draw(d->x, SEQS);
    memcpy(by.lane, b->lane, WEIR_LANE_LEN);
    weir_num_write_le(value, end, sizeof(value));
    rec.rec.tombstone = end == 0;
    rec.rec.value = weir_span(value, end > 0 ? sizeof(value) : 0);
    bool is_other = weir_sim_draw(d->x, 6) == 0;
    if (is_other && weir_sim_draw(d->x, 2) == 0)
        rec.rec.class = WEIR_CLASS_TENANT;
    else if (is_other)
        rec.rec.key.len -= 1;
    weir_engine_end_stored(d->e, &rec, was, was > 0 ? &by : NULL);
    if (is_other)
        return;
    bool is_fold = end > ENGINE_FOLDED && was == (end & ~ENGINE_FOLDED);
    if (is_fold && by.seq <= reach_of(b))
        twin_raise_floor(t, b, by.seq);
    if (end > ENGINE_FOLDED && l->folded == (end & ~ENGINE_FOLDED))
        return;
    twin_unfold(t, l);
    l->final = end;
    l->is_dirty = true;
}

static void step_store(struct twin *t)
{
    struct weir_drill *d = t->d;
    struct twin_lane *l = draw_lane(t);
    uint64_t seq = draw_seq(t);
    uint8_t key[2] = { (uint8_t)('a' + (l - t->lane)), (uint8_t)('a' + seq) };
    struct weir_stored_record rec = {
        .rec = { .class = WEIR_CLASS_TENANT,
                 .key = weir_span(key, sizeof(key)),
                 .version = { .hlc = weir_drill_stamp(d), .seq = seq } },
    };

    if (l->has_record[seq])
        return;
    memcpy(rec.rec.version.lane, l->lane, WEIR_LANE_LEN);
    weir_engine_store_record(d->e, &rec, NULL);
    l->has_record[seq] = true;
    l->row.seen = max_of(l->row.seen, seq);
    twin_note_seen(l, seq);
}

static void step_join(struct twin *t)
{
    struct weir_drill *d = t->d;
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    struct weir_vector floor = WEIR_VECTOR_ZERO;
    uint64_t at[2][LANES] = { { 0 } };

    for (unsigned i = 0; i < LANES; i++) {
        at[0][i] = weir_sim_draw(d->x, 2) == 0 ? weir_sim_draw(d->x, SEQS) : 0;
        at[1][i] = weir_sim_draw(d->x, 2) == 0 ? weir_sim_draw(d->x, SEQS) : 0;
        weir_drill_raise(&vv, t->lane[i].lane, at[0][i]);
        weir_drill_raise(&floor, t->lane[i].lane, at[1][i]);
    }
    weir_engine_join(d->e, WEIR_GROUP_C, &vv, &floor);
    for (unsigned i = 0; i < LANES; i++)
        twin_raise(t, &t->lane[i], at[0][i]);
    for (unsigned i = 0; i < LANES; i++)
        if (at[1][i] <= t->lane[i].vv)
            twin_raise_floor(t, &t->lane[i], at[1][i]);
    CLAIM(memcmp(t->c->meta.lane, t->lane[0].lane, WEIR_LANE_LEN) == 0);
    weir_vector_deinit(&vv);
    weir_vector_deinit(&floor);
}

static void step_load(struct twin *t)
{
    struct weir_drill *d = t->d;

    CLAIM(weir_drill_end(d) == WEIR_OK);
    twin_commit(t);
    compare_rows(t);
    CLAIM(t->c->dirty.num == 0);
    weir_drill_begin(d);
    if (!CLAIM(weir_engine_begin(d->e, WEIR_GROUP_C)) || weir_sim_draw(d->x, 2) == 0)
        return;
    weir_drill_raise(&t->c->dirty, t->lane[0].lane, 1); /* all that was there goes */
    t->c->meta_dirty = true;
    CLAIM(weir_engine_load(d->e, WEIR_GROUP_C) == WEIR_OK);
    CLAIM(!t->c->meta_dirty);
    twin_load(t);
}

static void take_step(struct twin *t)
{
    struct twin_lane *l = draw_lane(t);
    uint64_t seq = draw_seq(t);

    switch (weir_sim_draw(t->d->x, 9)) {
    case 0:
        weir_engine_note_seen(t->d->e, WEIR_GROUP_C, l->lane, seq);
        twin_note_seen(l, seq);
        return;
    case 1:
        weir_engine_raise(t->d->e, WEIR_GROUP_C, l->lane, seq);
        twin_raise(t, l, seq);
        return;
    case 2:
        weir_engine_raise_floor(t->d->e, l->lane, seq);
        twin_raise_floor(t, l, seq);
        return;
    case 3:
        step_fold(t);
        return;
    case 4:
        step_given(t);
        return;
    case 5:
        step_end(t);
        return;
    case 6:
        step_store(t);
        return;
    case 7:
        if (weir_sim_draw(t->d->x, 4) == 0)
            step_join(t);
        return;
    default:
        step_load(t);
    }
}

/* Lane 0 is the one that this engine writes on; no number of it is beyond those of `meta`. */
static void compare_twins(struct weir_drill *d)
{
    struct twin t = { .d = d };

    weir_drill_start(d);
    for (unsigned i = 0; i < LINKS; i++)
        weir_drill_up(d, links[i]);
    for (unsigned i = 0; i < LANES; i++)
        weir_drill_lane(i < 2 ? d->cfg.node : d->peer[i].node, WEIR_GROUP_C, (uint8_t)(i + 1),
                        t.lane[i].lane);
    t.c = &d->e->group[WEIR_GROUP_C];
    weir_drill_begin(d);
    CLAIM(weir_engine_begin(d->e, WEIR_GROUP_C));
    memcpy(t.c->meta.lane, t.lane[0].lane, WEIR_LANE_LEN);
    t.c->meta.seq = SEQS;
    t.c->meta_dirty = true;
    for (unsigned i = 0; i < STEPS && d->x->claim == NULL; i++) {
        take_step(&t);
        compare_vectors(&t);
        if (i % 8 == 0) {
            compare_reach(&t);
            compare_shown(&t);
            compare_given(&t);
        }
    }
    CLAIM(weir_drill_end(d) == WEIR_OK);
}

void weir_drill_group_twin(struct weir_sim_exam *x)
{
    struct weir_drill d;

    weir_drill_init(&d, x);
    compare_twins(&d);
    weir_drill_deinit(&d);
}
