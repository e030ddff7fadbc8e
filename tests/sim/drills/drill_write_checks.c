/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_write_checks.c - sync/engine/engine_write.c: what a write is refused for, and what is
 * stored of it.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/engine/engine_state.h"
#include "sync/engine/engine_write.h"
#include "sync/version/hlc.h"
#include "tests/sim/drills/bed/drill_writes.h"
#include "tests/sim/drills/drills.h"

#define SECOND UINT64_C(1000000)

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* -- refused and not -- */

static void expect_refused(struct weir_drill *d, const struct weir_engine_write *w,
                           enum weir_err err)
{
    uint64_t seq = weir_drill_meta(d, WEIR_GROUP_C).seq + weir_drill_meta(d, WEIR_GROUP_E).seq;

    CLAIM(weir_drill_write_one(d, w) == err);
    CLAIM(d->err == WEIR_OK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WRITES_REFUSED) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WRITES) == 0);
    CLAIM(weir_drill_num(d, WEIR_OUT_ACKED) == 0);
    CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == 0);
    CLAIM(weir_drill_meta(d, WEIR_GROUP_C).seq + weir_drill_meta(d, WEIR_GROUP_E).seq == seq);
}

static void expect_written(struct weir_drill *d, const struct weir_engine_write *w)
{
    CLAIM(weir_drill_write_one(d, w) == WEIR_OK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WRITES_REFUSED) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WRITES) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_ACKED) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == 1);
}

static void refuse_out_of_range(struct weir_drill *d)
{
    static const char key[WEIR_KEY_MAX + 1];
    uint8_t *value = weir_drill_alloc(d, WEIR_RECORD_MAX + 1);

    memset(value, 1, WEIR_RECORD_MAX + 1);
    weir_drill_start(d);
    struct weir_engine_write w = weir_drill_make_write(d, "k", "v");
    w.class = (enum weir_class)0;
    expect_refused(d, &w, WEIR_EINVAL);
    w.class = (enum weir_class)(WEIR_CLASS_LANE + 1);
    expect_refused(d, &w, WEIR_EINVAL);
    w.class = WEIR_CLASS_TENANT;
    w.key = WEIR_SPAN_EMPTY;
    expect_refused(d, &w, WEIR_EINVAL);
    w.key = weir_span(key, WEIR_KEY_MAX + 1);
    expect_refused(d, &w, WEIR_EINVAL);
    w.key = weir_span(key, WEIR_KEY_MAX);
    expect_written(d, &w);
    w.key = weir_span(key, 1);
    w.value = weir_span(value, WEIR_RECORD_MAX + 1);
    expect_refused(d, &w, WEIR_EINVAL);
    w.value = weir_span(value, WEIR_RECORD_MAX);
    expect_written(d, &w);
    w.delete = true;
    w.value = weir_span(value, 1);
    expect_refused(d, &w, WEIR_EINVAL);
    w.value = WEIR_SPAN_EMPTY;
    expect_written(d, &w);
    w.delete = false;
    w.expires = WEIR_RECORD_EXPIRES_MAX + 1;
    expect_refused(d, &w, WEIR_EINVAL);
    w.expires = WEIR_RECORD_EXPIRES_MAX;
    expect_written(d, &w);
    w.expires = 1; /* only a ban must end in the future */
    expect_written(d, &w);
}

static void refuse_bans_by_their_end(struct weir_drill *d)
{
    d->wall_ms += 1 + weir_sim_draw(d->x, 998);
    weir_drill_start(d);
    struct weir_engine_write w = weir_drill_make_ban(d, 1, 0);
    uint64_t now_s = w.expires;

    expect_refused(d, &w, WEIR_EINVAL);
    w.expires = 0;
    expect_refused(d, &w, WEIR_EINVAL);
    w.expires = now_s + WEIR_BAN_TTL_MAX + 1;
    expect_refused(d, &w, WEIR_EINVAL);
    w.expires = now_s + WEIR_BAN_TTL_MAX;
    expect_written(d, &w);
    w.expires = now_s + 1;
    expect_written(d, &w);
    w.delete = true;
    w.value = WEIR_SPAN_EMPTY;
    w.expires = 0;
    expect_written(d, &w);
    w.expires = now_s + WEIR_BAN_TTL_MAX + 1;
    expect_written(d, &w);
    struct weir_stored_record rec = weir_drill_find(d, WEIR_CLASS_BAN, w.key);
    CLAIM(rec.rec.tombstone);
    CLAIM(rec.rec.expires == weir_hlc_ms(rec.rec.version.hlc) / 1000);
}

static void refuse_before_it_is_complete(struct weir_drill *d)
{
    d->cfg.bootstrap = false;
    weir_drill_start(d);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_JOINING);
    struct weir_engine_write w = weir_drill_make_write(d, "k", "v");
    expect_refused(d, &w, WEIR_EBUSY);
    w = weir_drill_make_ban(d, 1, 9);
    expect_refused(d, &w, WEIR_EBUSY);
}

/* A write of the first turn, before any time was told: the members are not known yet. */
static void write_before_the_first_tick(struct weir_drill *d)
{
    struct weir_engine_write w = weir_drill_make_write(d, "k", "v");

    if (!CLAIM(weir_engine_new(&d->cfg, &d->e) == WEIR_OK))
        return;
    CLAIM(weir_engine_members(d->e) == NULL && weir_engine_active(d->e) == NULL);
    CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    CLAIM(weir_engine_commit(d->e) == WEIR_OK);
    CLAIM(weir_drill_has(d, "k", "v"));
}

/* The only other node's clock is 3 s behind: nobody knows whose is right. Bans are urgent. */
static void refuse_while_the_clock_is_off(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, 0);
    weir_drill_member(d, d->peer[0].node, WEIR_MEMBER_JOINED);
    weir_drill_wait(d, SECOND);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK, 0);
    if (!CLAIM(f != NULL))
        return;
    Weir__V1__Heartbeat *m = weir_drill_make_beat(d, 0);
    Weir__V1__Echo *echo = weir_drill_alloc(d, sizeof(*echo));
    weir__v1__echo__init(echo);
    echo->has_node = echo->has_n = echo->has_held_us = 1;
    echo->node = weir_drill_bytes(d, d->cfg.node, WEIR_NODE_ID_LEN);
    echo->n = f->msg.heartbeat->n;
    m->echo = weir_drill_alloc(d, sizeof(Weir__V1__Echo *));
    m->echo[0] = echo;
    m->n_echo = 1;
    m->wall_ms -= 3000;
    weir_drill_receive(d, 0, WEIR_FRAME_HEARTBEAT, &m->base);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_members_clock_off(weir_engine_members(d->e)));
    struct weir_engine_write w = weir_drill_make_write(d, "k", "v");
    expect_refused(d, &w, WEIR_EPERM);
    w = weir_drill_make_ban(d, 1, 9);
    expect_written(d, &w);
}

/* A turn has room for so many writes of a group, beside the bans that wait. Records that are
 * counted only need not be there. */
static void refuse_too_many_in_a_turn(struct weir_drill *d)
{
    struct weir_engine_write w = weir_drill_make_write(d, "k", "v");
    struct weir_engine_write ban = weir_drill_make_ban(d, 1, 9);

    weir_drill_start(d);
    weir_drill_begin(d);
    struct engine_pub *c = &d->e->group[WEIR_GROUP_C].pub;
    struct engine_pub *bans = &d->e->group[WEIR_GROUP_E].pub;
    c->num = WEIR_WRITE_GROUP_MAX;
    CLAIM(weir_engine_write(d->e, &w) == WEIR_ELIMIT);
    CLAIM(weir_engine_write(d->e, &ban) == WEIR_OK);
    c->num = WEIR_WRITE_GROUP_MAX + 8;
    c->durable = 9;
    c->cap = c->num; /* it grows, and nothing is read of it */
    CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    c->recs[0] = c->recs[c->num - 1];
    c->num = 1;
    c->durable = 0;
    bans->durable = 1;
    CLAIM(weir_engine_write(d->e, &ban) == WEIR_OK);
    bans->durable = 0;
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WRITES) == 3);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WRITES_REFUSED) == 1);
}

/* Memory for what waits to be published is bounded. Each number is that of the last piece. */
static void refuse_without_room_to_publish(struct weir_drill *d)
{
    struct weir_engine_write w = weir_drill_make_write(d, "key", "value");
    size_t most = 64 * (size_t)1048576;

    weir_drill_start(d);
    weir_drill_begin(d);
    struct weir_arena *a = &d->e->group[WEIR_GROUP_C].pub.arena;
    CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    size_t len = a->used;
    a->used = most - len;
    CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    for (size_t missing = 16; missing <= len; missing += 16) {
        a->used = most - len + missing;
        CLAIM(weir_engine_write(d->e, &w) == WEIR_ENOMEM);
    }
    a->used = most - len;
    w.cookie = 8;
    CLAIM(weir_engine_write(d->e, &w) == WEIR_OK);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    const struct weir_engine_out *o = weir_drill_out(d, WEIR_OUT_ACKED, 2);
    if (CLAIM(o != NULL && weir_drill_num(d, WEIR_OUT_ACKED) == 3))
        CLAIM(o->version.seq == 3 && o->cookie == 8);
}

/* A vector that has no room for the lane that the write would begin. */
static void refuse_without_room_for_a_lane(struct weir_drill *d)
{
    struct weir_engine_write w = weir_drill_make_write(d, "k", "v");
    struct weir_vector full = { .num = WEIR_LANES_MAX };

    weir_drill_start(d);
    struct weir_vector *seen = &d->e->group[WEIR_GROUP_C].seen;
    struct weir_vector before = *seen;
    full.items = calloc(full.num, sizeof(*full.items));
    WEIR_ASSERT(full.items != NULL);
    for (size_t i = 0; i < full.num; i++) {
        full.items[i].lane[0] = (uint8_t)(i >> 8);
        full.items[i].lane[1] = (uint8_t)i;
        full.items[i].seq = 1;
    }
    *seen = full;
    expect_refused(d, &w, WEIR_ELIMIT);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_LANES_FULL) == 1);
    *seen = before;
    free(full.items);
    expect_written(d, &w);
}

/* -- what is stored -- */

static void claim_record(struct weir_drill *d, const struct weir_engine_write *w, uint64_t hlc)
{
    enum weir_group g = w->class == WEIR_CLASS_BAN ? WEIR_GROUP_E : WEIR_GROUP_C;
    struct weir_stored_record rec = weir_drill_find(d, w->class, w->key);
    const struct weir_engine_out *acked = weir_drill_out(d, WEIR_OUT_ACKED, 0);
    const struct weir_engine_out *changed = weir_drill_out(d, WEIR_OUT_CHANGED, 0);
    struct weir_store_meta meta = weir_drill_meta(d, g);
    struct weir_lane_row row = weir_drill_row(d, g, meta.lane);

    CLAIM(rec.rec.class == w->class && weir_span_eq(rec.rec.key, w->key));
    CLAIM(weir_span_eq(rec.rec.value, w->value));
    CLAIM(rec.rec.tombstone == w->delete);
    CLAIM(rec.rec.schema == w->schema && rec.rec.min_reader == w->min_reader);
    CLAIM(w->delete || rec.rec.expires == w->expires);
    CLAIM(rec.rec.version.hlc == hlc);
    CLAIM(rec.rec.version.seq == meta.seq);
    CLAIM(memcmp(rec.rec.version.lane, meta.lane, WEIR_LANE_LEN) == 0);
    CLAIM(rec.stored_ms == d->wall_ms + d->mono_us / 1000);
    CLAIM(rec.sig.len == 0 && rec.extra.len == 0);
    CLAIM(row.vv == meta.seq && row.seen == meta.seq && row.floor == 0 && row.final == 0);
    CLAIM(memcmp(meta.lane, d->cfg.node, WEIR_NODE_ID_LEN) == 0);
    CLAIM(meta.lane[WEIR_NODE_ID_LEN] == (g == WEIR_GROUP_C ? 'C' : 'E'));
    CLAIM(weir_vector_get(weir_engine_vv(d->e, g), meta.lane) == meta.seq);
    if (!CLAIM(acked != NULL && changed != NULL))
        return;
    CLAIM(acked->err == WEIR_OK && acked->link == WEIR_ENGINE_NO_LINK);
    CLAIM(acked->cookie == w->cookie && acked->class == w->class);
    CLAIM(weir_span_eq(acked->key, w->key) && acked->tombstone == w->delete);
    CLAIM(weir_version_eq(&acked->version, &rec.rec.version));
    CLAIM(weir_version_eq(&changed->version, &rec.rec.version));
    CLAIM(weir_span_eq(changed->key, w->key) && changed->class == w->class);
}

static void store_each_field(struct weir_drill *d)
{
    struct weir_engine_write w = weir_drill_make_write(d, "key", "value");
    struct weir_engine_write ban = weir_drill_make_ban(d, 9, 60);

    weir_drill_start(d);
    w.schema = (uint16_t)(1 + weir_sim_draw(d->x, 99));
    w.min_reader = (uint16_t)(200 + weir_sim_draw(d->x, 99));
    w.expires = 1 + weir_sim_draw(d->x, 99);
    w.cookie = weir_rng_next(&d->x->rng);
    expect_written(d, &w);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_LANES) == 1);
    claim_record(d, &w, weir_drill_stamp(d));
    expect_written(d, &w); /* above what it replaces, in the same millisecond */
    CLAIM(weir_drill_counted(d, WEIR_COUNT_LANES) == 0);
    claim_record(d, &w, weir_drill_stamp(d) + 1);
    w.key = WEIR_SPAN_LIT("another");
    expect_written(d, &w);
    claim_record(d, &w, weir_drill_stamp(d));
    CLAIM(weir_drill_meta(d, WEIR_GROUP_C).seq == 3);
    w.delete = true;
    w.value = WEIR_SPAN_EMPTY;
    expect_written(d, &w);
    claim_record(d, &w, weir_drill_stamp(d) + 1);
    CLAIM(weir_drill_find(d, w.class, w.key).rec.expires == 0);
    expect_written(d, &ban);
    claim_record(d, &ban, weir_drill_stamp(d));
    CLAIM(weir_drill_meta(d, WEIR_GROUP_E).seq == 1);
    CLAIM(weir_drill_meta(d, WEIR_GROUP_C).seq == 4);
    d->wall_ms -= 5000; /* the clock of stamps goes back with the node's */
    w.key = WEIR_SPAN_LIT("third");
    expect_written(d, &w);
    claim_record(d, &w, weir_drill_stamp(d));
}

/* What the engine writes for itself has no output for a user. */
static void write_its_own(struct weir_drill *d)
{
    struct weir_engine_write w = weir_drill_make_write(d, "k", "v");

    weir_drill_start(d);
    weir_drill_begin(d);
    CLAIM(weir_engine_write_own(d->e, &w) == WEIR_OK);
    w.key = WEIR_SPAN_EMPTY;
    CLAIM(weir_engine_write_own(d->e, &w) == WEIR_EINVAL);
    CLAIM(weir_drill_end(d) == WEIR_OK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_WRITES) == 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_ACKED) == 0);
    CLAIM(weir_drill_num(d, WEIR_OUT_CHANGED) == 1);
    CLAIM(weir_drill_has(d, "k", "v"));
}

/* -- all -- */

static const weir_drill_fn all[] = {
    refuse_out_of_range,
    refuse_bans_by_their_end,
    refuse_before_it_is_complete,
    write_before_the_first_tick,
    refuse_while_the_clock_is_off,
    refuse_too_many_in_a_turn,
    refuse_without_room_to_publish,
    refuse_without_room_for_a_lane,
    store_each_field,
    write_its_own,
};

void weir_drill_write_checks(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
