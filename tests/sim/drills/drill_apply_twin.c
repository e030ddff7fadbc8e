/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_apply_twin.c - weir_engine_apply against a second, plain implementation of which record
 * of a key stays: random records of few keys and lanes, by each way on which a record comes, in any
 * order. Compared are the store, conflicts, outputs, counters, the last record met of each lane,
 * and the sums.
 */
#include <string.h>

#include "sync/engine/engine_apply.h"
#include "sync/engine/engine_group.h"
#include "sync/version/hlc.h"
#include "tests/sim/drills/bed/drill_faults.h"
#include "tests/sim/drills/bed/drill_seed.h"
#include "tests/sim/drills/drills.h"

#define STEPS        60
#define LANES        4
#define KEYS         4
#define SEQS         8
#define HLC_FLOOR_MS 3 /* before the drill's time */
#define TOMBSTONE_MS 4000

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

struct step {
    struct weir_drill *d;
    enum weir_group g;
    enum engine_how how;
    struct weir_stored_record rec;
    struct weir_stored_record old; /* of its key, as it was */
    bool has_old;
    uint64_t vv; /* of its lane */
    uint64_t seen;
    uint64_t folded;
    uint64_t gen;
    size_t num_conflicts;
    /* expected */
    enum weir_err err;
    bool is_stored;
    bool is_expired;
    bool is_met; /* its lane is known up to it */
    const struct weir_stored_record *loser;
};

static uint64_t wall_ms(const struct weir_drill *d)
{
    return d->wall_ms + d->mono_us / 1000;
}

/* -- the stores before -- */

static void lane_of(struct weir_drill *d, enum weir_group g, uint64_t n, uint8_t *ret)
{
    weir_drill_lane(d->peer[n / 2].node, g, (uint8_t)n, ret);
}

/* Lane 0 is covered to 3, of 1 a part was purged, 2 is folded in group C, 3 is new. */
static void seed_lanes(struct weir_drill *d, enum weir_group g)
{
    struct weir_lane_row rows[] = { { .vv = 3, .seen = 5 }, { .vv = 4, .seen = 4, .floor = 2 } };
    struct weir_lane_row folded = { .vv = 3, .seen = 3, .floor = 3, .final = 3 | ENGINE_FOLDED };
    struct weir_store_meta meta = { .live = true,
                                    .hlc_floor = weir_hlc_of_ms(wall_ms(d) - HLC_FLOOR_MS) };

    weir_drill_seed_meta(d, g, &meta);
    for (unsigned n = 0; n < 2; n++) {
        lane_of(d, g, n, rows[n].lane);
        weir_drill_seed_row(d, g, &rows[n]);
    }
    if (g == WEIR_GROUP_E)
        return;
    lane_of(d, g, 2, folded.lane);
    weir_drill_seed_row(d, g, &folded);
}

/* -- one record -- */

static void draw_step(struct step *s)
{
    struct weir_drill *d = s->d;
    struct weir_record *r = &s->rec.rec;
    uint64_t key = weir_sim_draw(d->x, KEYS);
    static const enum weir_class classes[] = { WEIR_CLASS_TENANT, WEIR_CLASS_TENANT,
                                               WEIR_CLASS_CERT, WEIR_CLASS_LIST };

    weir_drill_draw_record(d, 12, &s->rec);
    r->class = s->g == WEIR_GROUP_E ? WEIR_CLASS_BAN : classes[key];
    r->key = s->g == WEIR_GROUP_E ? weir_drill_ban_key(d, (uint8_t)key)
                                  : weir_span(weir_drill_bytes(d, &key, 8).data, 8);
    lane_of(d, s->g, weir_sim_draw(d->x, LANES), r->version.lane);
    r->version.seq = 1 + weir_sim_draw(d->x, SEQS);
    r->version.hlc = weir_hlc_of_ms(wall_ms(d) - weir_sim_draw(d->x, 6));
    s->how = (enum engine_how)weir_sim_draw(d->x, 3);
    s->rec.num_ctx = (uint8_t)weir_sim_draw(d->x, 4);
    for (unsigned i = 0; i < s->rec.num_ctx; i++) { /* what its writer had seen of the key */
        uint8_t lane[WEIR_LANE_LEN];
        lane_of(d, s->g, weir_sim_draw(d->x, LANES), lane);
        memcpy(s->rec.ctx[i].tail, lane + 8, WEIR_LANE_TAIL_LEN);
        s->rec.ctx[i].seq = 1 + weir_sim_draw(d->x, SEQS);
    }
    if (s->g == WEIR_GROUP_E) {
        r->expires =
            weir_sim_draw(d->x, 4) == 0 ? 0 : wall_ms(d) / 1000 - 1 + weir_sim_draw(d->x, 4);
        if (r->tombstone && weir_sim_draw(d->x, 2) == 0)
            r->version.hlc = weir_hlc_of_ms(wall_ms(d) - TOMBSTONE_MS + weir_sim_draw(d->x, 3) - 1);
    }
    s->rec.stored_ms = wall_ms(d);
}

static bool count_conflict(void *arg, const struct weir_conflict *c)
{
    (void)c;
    (*(size_t *)arg)++;
    return true;
}

static void read_before(struct step *s)
{
    struct weir_drill *d = s->d;
    const struct weir_version *v = &s->rec.rec.version;
    struct weir_stored_record old;
    enum weir_err err = weir_memory_find(d->store[s->g], s->rec.rec.class, s->rec.rec.key, &old);

    s->has_old = err == WEIR_OK;
    if (s->has_old)
        s->old = *weir_drill_copy_record(d, &old);
    s->vv = weir_vector_get(&d->e->group[s->g].vv, v->lane);
    s->seen = weir_vector_get(&d->e->group[s->g].seen, v->lane);
    s->folded = weir_vector_get(&d->e->group[s->g].folded, v->lane);
    s->gen = d->e->group[s->g].gen;
    s->num_conflicts = 0;
    weir_memory_each_conflict(d->store[s->g], count_conflict, &s->num_conflicts);
}

/* -- what is to come of it -- */

static int order_of(const struct weir_version *a, const struct weir_version *b)
{
    if (a->hlc != b->hlc)
        return a->hlc < b->hlc ? -1 : 1;
    int order = memcmp(a->lane, b->lane, WEIR_LANE_LEN);
    return order != 0 ? order : a->seq < b->seq ? -1 : a->seq > b->seq;
}

/* Had the writer of `a` seen `b`? */
static bool has_seen(const struct weir_stored_record *a, const struct weir_version *b)
{
    if (memcmp(a->rec.version.lane, b->lane, WEIR_LANE_LEN) == 0)
        return a->rec.version.seq >= b->seq;
    for (unsigned i = 0; i < a->num_ctx; i++)
        if (memcmp(a->ctx[i].tail, b->lane + 8, WEIR_LANE_TAIL_LEN) == 0)
            return a->ctx[i].seq >= b->seq;
    return false;
}

static bool is_over(struct step *s)
{
    const struct weir_record *r = &s->rec.rec;

    if (s->g == WEIR_GROUP_C)
        return false;
    if (r->tombstone)
        return weir_hlc_ms(r->version.hlc) + TOMBSTONE_MS <= wall_ms(s->d);
    return r->expires != 0 && r->expires <= wall_ms(s->d) / 1000;
}

static void expect_stored(struct step *s)
{
    s->is_expired = is_over(s);
    s->is_stored = !s->is_expired;
    s->is_met = true;
}

static void expect(struct step *s)
{
    const struct weir_record *r = &s->rec.rec;
    uint64_t reach = s->folded > 0 ? s->folded : s->vv;
    uint64_t floor = weir_vector_get(&s->d->e->group[s->g].floor, r->version.lane);

    s->err = WEIR_OK;
    if (s->how != ENGINE_FORCED && r->version.seq <= reach)
        return;
    if (!s->has_old) {
        if (s->how == ENGINE_LIVE && s->g == WEIR_GROUP_C &&
            r->version.hlc <= weir_hlc_of_ms(wall_ms(s->d) - HLC_FLOOR_MS)) {
            s->err = WEIR_EBUSY;
            return;
        }
        if (s->how == ENGINE_FORCED && r->tombstone && (r->version.seq <= floor || s->folded > 0))
            return;
        expect_stored(s);
        return;
    }
    int order = order_of(&r->version, &s->old.rec.version);
    if (order == 0)
        return;
    const struct weir_stored_record *winner = order > 0 ? &s->rec : &s->old;
    const struct weir_stored_record *loser = order > 0 ? &s->old : &s->rec;
    if (s->g == WEIR_GROUP_C && !has_seen(winner, &loser->rec.version))
        s->loser = loser;
    s->is_met = true;
    if (order > 0)
        expect_stored(s);
}

/* -- the comparison -- */

struct last_conflict {
    const struct step *s;
    bool is_there;
    bool is_known; /* the same loser, that is stored once */
};

static bool match_conflict(void *arg, const struct weir_conflict *c)
{
    struct last_conflict *l = arg;
    const struct step *s = l->s;
    const struct weir_version *winner =
        s->loser == &s->rec ? &s->old.rec.version : &s->rec.rec.version;

    if (memcmp(c->loser.rec.version.lane, s->loser->rec.version.lane, WEIR_LANE_LEN) != 0 ||
        c->loser.rec.version.seq != s->loser->rec.version.seq)
        return true;
    l->is_known = true;
    l->is_there =
        l->is_there || (weir_drill_is_record(&c->loser, s->loser) &&
                        weir_version_eq(&c->winner, winner) && c->noted_ms == wall_ms(s->d));
    return true;
}

static void compare_conflict(const struct step *s)
{
    struct weir_drill *d = s->d;
    struct last_conflict l = { .s = s };

    CLAIM(weir_drill_counted(d, WEIR_COUNT_CONFLICTS) == (s->loser != NULL));
    if (s->loser != NULL) {
        weir_memory_each_conflict(d->store[s->g], match_conflict, &l);
        CLAIM(l.is_known);
    }
    size_t num = 0;
    weir_memory_each_conflict(d->store[s->g], count_conflict, &num);
    if (num > s->num_conflicts) {
        CLAIM(l.is_there && num == s->num_conflicts + 1);
        return;
    }
    CLAIM(num == s->num_conflicts);
}

static void compare_sums(struct weir_drill *d)
{
    static const struct weir_sum none;
    struct weir_sums *sums = weir_drill_alloc(d, sizeof(*sums));
    size_t num = 0;
    struct weir_stored_record **recs = weir_drill_records(d, WEIR_GROUP_C, &num);

    for (unsigned class = WEIR_CLASS_SETTING; class <= WEIR_CLASS_LANE; class ++) {
        memset(sums, 0, sizeof(*sums));
        for (size_t i = 0; i < num; i++)
            if (!recs[i]->rec.tombstone && recs[i]->rec.class == (enum weir_class) class)
                weir_sums_add(sums, &d->cfg.audit_key,
                              &(struct weir_sums_item){ recs[i]->rec.class, recs[i]->rec.key,
                                                        recs[i]->rec.version });
        CLAIM(
            weir_sum_eq(d->e->sums[class] != NULL ? d->e->sums[class]->total : none, sums->total));
    }
    CLAIM(d->e->scan.summed);
}

static void compare_output(const struct step *s)
{
    struct weir_drill *d = s->d;
    const struct weir_engine_out *out = weir_drill_out(d, WEIR_OUT_CHANGED, 0);

    CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == s->is_stored);
    if (out == NULL)
        return;
    CLAIM(out->class == s->rec.rec.class && weir_span_eq(out->key, s->rec.rec.key));
    CLAIM(weir_version_eq(&out->version, &s->rec.rec.version));
    CLAIM(out->tombstone == s->rec.rec.tombstone && out->link == WEIR_ENGINE_NO_LINK);
}

static void compare_record(const struct step *s)
{
    struct weir_drill *d = s->d;
    struct weir_stored_record now;
    enum weir_err err = weir_memory_find(d->store[s->g], s->rec.rec.class, s->rec.rec.key, &now);
    struct weir_stored_record want = s->is_stored ? s->rec : s->old;

    if (s->is_stored && s->g == WEIR_GROUP_E && s->rec.rec.tombstone)
        want.rec.expires = weir_hlc_ms(s->rec.rec.version.hlc) / 1000;
    if (!s->is_stored && (!s->has_old || s->is_expired)) {
        CLAIM(err == WEIR_ENOTFOUND);
        return;
    }
    CLAIM(err == WEIR_OK && weir_drill_is_record(&now, &want));
    CLAIM(now.stored_ms == want.stored_ms);
}

static void compare(const struct step *s, enum weir_err err)
{
    struct weir_drill *d = s->d;
    const struct engine_group *g = &d->e->group[s->g];
    const struct weir_version *v = &s->rec.rec.version;
    bool is_covered = s->how != ENGINE_FORCED && v->seq <= (s->folded > 0 ? s->folded : s->vv);
    bool is_below = v->seq < s->seen || s->folded > 0;
    uint64_t seen = s->is_met && v->seq > s->seen && s->folded == 0 ? v->seq : s->seen;

    CLAIM(err == s->err && d->err == WEIR_OK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_COVERED) == is_covered);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_APPLIED) == s->is_stored);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_EXPIRED) == s->is_expired);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_OLDER) ==
          (s->is_met && !s->is_stored && !s->is_expired));
    CLAIM(g->gen == s->gen + (s->is_stored && is_below));
    CLAIM(weir_vector_get(&g->seen, v->lane) == seen);
    CLAIM(weir_vector_get(&g->folded, v->lane) == s->folded);
    CLAIM(weir_vector_get(&g->vv, v->lane) == s->vv);
    if (s->folded == 0)
        CLAIM(weir_drill_row(d, s->g, v->lane).seen == seen);
    compare_record(s);
    compare_output(s);
    if (s->g == WEIR_GROUP_C)
        compare_conflict(s);
}

static void take_step(struct weir_drill *d, enum weir_group g)
{
    struct step s = { .d = d, .g = g };

    draw_step(&s);
    read_before(&s);
    expect(&s);
    struct weir_stored_record *rec = weir_drill_copy_record(d, &s.rec);
    weir_drill_begin(d);
    enum weir_err err = weir_engine_apply(d->e, rec, s.how);
    (void)weir_drill_end(d);
    compare(&s, err);
}

static void take_steps(struct weir_drill *d)
{
    d->cfg.intervals.ban_tombstone_ms = TOMBSTONE_MS;
    seed_lanes(d, WEIR_GROUP_C);
    seed_lanes(d, WEIR_GROUP_E);
    weir_drill_start(d);
    for (unsigned i = 0; i < STEPS && d->x->claim == NULL; i++)
        take_step(d, i % 4 == 0 ? WEIR_GROUP_E : WEIR_GROUP_C);
    compare_sums(d);
}

/* -- records of messages -- */

/* What a message says is what is unpacked of it, and the other way round. */
static void unpack_messages(struct weir_drill *d)
{
    weir_drill_start(d);
    for (unsigned i = 0; i < STEPS / 4; i++) {
        struct step s = { .d = d, .g = i % 4 == 0 ? WEIR_GROUP_E : WEIR_GROUP_C };
        struct weir_stored_record got;
        draw_step(&s);
        weir_drill_draw_record(d, 12, &s.rec);
        if (s.rec.rec.tombstone)
            s.rec.rec.value = WEIR_SPAN_EMPTY;
        Weir__V1__Record *m = weir_drill_message(d, &s.rec);
        CLAIM(weir_engine_record(d->e, m, NULL, &got) && weir_drill_is_record(&got, &s.rec));
        CLAIM(got.stored_ms == wall_ms(d));
        lane_of(d, s.g, 3, s.rec.rec.version.lane);
        CLAIM(weir_engine_record(d->e, m, s.rec.rec.version.lane, &got));
        CLAIM(weir_drill_is_record(&got, &s.rec));
        lane_of(d, s.g == WEIR_GROUP_C ? WEIR_GROUP_E : WEIR_GROUP_C, 3, s.rec.rec.version.lane);
        CLAIM(!weir_engine_record(d->e, m, s.rec.rec.version.lane, &got));
    }
}

void weir_drill_apply_twin(struct weir_sim_exam *x)
{
    static const weir_drill_fn all[] = { take_steps, unpack_messages };

    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
