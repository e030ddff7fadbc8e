/* SPDX-License-Identifier: Apache-2.0
 *
 * record_store_suite_run.c - see record_store_suite.h and record_store_scene.h: the runner,
 * builders and pictures.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/record_store_scene.h"
#include "tests/support/record_store_suite.h"

#define TESTS_MAX 128
#define NAME_LEN  160

/* -- scenes -- */

static int scene_setup(void **state)
{
    struct scene *s = *state;

    s->k = s->maker->make(s->group, &s->home);
    return s->k != NULL ? 0 : -1;
}

static int scene_teardown(void **state)
{
    struct scene *s = *state;

    s->maker->free(s->home);
    return 0;
}

void scene_begin(struct scene *s)
{
    assert_int_equal(s->k->ops->begin(s->k), WEIR_OK);
}

void scene_commit(struct scene *s)
{
    assert_int_equal(s->k->ops->commit(s->k), WEIR_OK);
}

void scene_reopen(struct scene *s)
{
    scene_commit(s);
    s->k = s->maker->reopen(s->home);
    assert_non_null(s->k);
    scene_begin(s);
}

/* -- builders -- */

enum weir_class rs_class(const struct scene *s)
{
    return s->group == WEIR_GROUP_C ? WEIR_CLASS_TENANT : WEIR_CLASS_BAN;
}

void rs_lane(uint8_t id, uint8_t out[WEIR_LANE_LEN])
{
    memset(out, id, WEIR_LANE_LEN);
}

struct weir_stored_record rs_rec(const struct scene *s, const char *key, uint8_t lane, uint64_t seq)
{
    struct weir_stored_record rec = {
        .rec = {
            .class = rs_class(s),
            .key = weir_span_cstr(key),
            .version = { .hlc = 1000 * seq + lane, .seq = seq },
            .schema = 3,
            .min_reader = 2,
            .expires = s->group == WEIR_GROUP_E ? RECORD_STORE_EXPIRES : 0,
            .value = WEIR_SPAN_LIT("value"),
        },
        .stored_ms = RECORD_STORE_STORED_MS,
    };

    rs_lane(lane, rec.rec.version.lane);
    return rec;
}

struct weir_stored_record rs_tomb(const struct scene *s, const char *key, uint64_t seq,
                                  uint64_t stored_ms)
{
    struct weir_stored_record rec = rs_rec(s, key, 1, seq);

    rec.rec.tombstone = true;
    rec.rec.value = WEIR_SPAN_EMPTY;
    rec.rec.expires = 0;
    rec.stored_ms = stored_ms;
    return rec;
}

void rs_put(struct scene *s, const struct weir_stored_record *rec)
{
    assert_int_equal(s->k->ops->put(s->k, rec), WEIR_OK);
}

void rs_drop(struct scene *s, const char *key)
{
    assert_int_equal(s->k->ops->drop(s->k, rs_class(s), weir_span_cstr(key)), WEIR_OK);
}

/* -- comparisons -- */

void rs_same(const struct weir_stored_record *got, const struct weir_stored_record *want)
{
    const struct weir_record *g = &got->rec;
    const struct weir_record *w = &want->rec;

    assert_int_equal(g->class, w->class);
    assert_true(weir_span_eq(g->key, w->key));
    assert_int_equal(g->version.hlc, w->version.hlc);
    assert_memory_equal(g->version.lane, w->version.lane, WEIR_LANE_LEN);
    assert_int_equal(g->version.seq, w->version.seq);
    assert_int_equal(g->tombstone, w->tombstone);
    assert_int_equal(g->schema, w->schema);
    assert_int_equal(g->min_reader, w->min_reader);
    assert_int_equal(g->expires, w->expires);
    assert_true(weir_span_eq(g->value, w->value));
    assert_int_equal(got->num_ctx, want->num_ctx);
    for (unsigned i = 0; i < want->num_ctx; i++) {
        assert_memory_equal(got->ctx[i].tail, want->ctx[i].tail, WEIR_LANE_TAIL_LEN);
        assert_int_equal(got->ctx[i].seq, want->ctx[i].seq);
    }
    assert_true(weir_span_eq(got->sig, want->sig));
    assert_true(weir_span_eq(got->extra, want->extra));
    assert_int_equal(got->stored_ms, want->stored_ms);
}

void rs_has_key(const struct weir_stored_record *got, const char *key)
{
    assert_int_equal(got->rec.key.len, strlen(key));
    assert_memory_equal(got->rec.key.at, key, got->rec.key.len);
}

void rs_expect(struct scene *s, const char *key, const struct weir_stored_record *want)
{
    struct weir_stored_record got;
    enum weir_err err = s->k->ops->get(s->k, rs_class(s), weir_span_cstr(key), &got);

    assert_int_equal(err, want != NULL ? WEIR_OK : WEIR_ENOTFOUND);
    if (want != NULL)
        rs_same(&got, want);
}

void rs_expect_dot(struct scene *s, uint8_t lane, uint64_t after, const char *key)
{
    uint8_t name[WEIR_LANE_LEN];
    struct weir_stored_record got;

    rs_lane(lane, name);
    enum weir_err err = s->k->ops->next_dot(s->k, name, after, &got);
    assert_int_equal(err, key != NULL ? WEIR_OK : WEIR_ENOTFOUND);
    if (key != NULL) {
        rs_has_key(&got, key);
        assert_memory_equal(got.rec.version.lane, name, WEIR_LANE_LEN);
        assert_true(got.rec.version.seq > after);
    }
}

/* -- pictures -- */

static void draw_bytes(struct weir_strbuf *b, struct weir_span s)
{
    for (size_t i = 0; i < s.len; i++)
        weir_strbuf_printf(b, "%02x", s.at[i]);
    weir_strbuf_putc(b, ' ');
}

static void draw_record(struct weir_strbuf *b, const struct weir_stored_record *rec)
{
    const struct weir_record *r = &rec->rec;

    weir_strbuf_printf(b, "%d ", (int)r->class);
    draw_bytes(b, r->key);
    draw_bytes(b, weir_span(r->version.lane, WEIR_LANE_LEN));
    weir_strbuf_printf(b, "%" PRIu64 " %" PRIu64 " %d %u %u %" PRIu64 " %" PRIu64 " ",
                       r->version.seq, r->version.hlc, r->tombstone, r->schema, r->min_reader,
                       r->expires, rec->stored_ms);
    for (unsigned i = 0; i < rec->num_ctx; i++) {
        draw_bytes(b, weir_span(rec->ctx[i].tail, WEIR_LANE_TAIL_LEN));
        weir_strbuf_printf(b, "%" PRIu64 " ", rec->ctx[i].seq);
    }
    draw_bytes(b, rec->sig);
    draw_bytes(b, rec->extra);
    draw_bytes(b, r->value);
    weir_strbuf_putc(b, '\n');
}

static void draw_classes(struct weir_record_store *k, struct weir_strbuf *b)
{
    struct weir_stored_record rec;
    uint8_t key[WEIR_KEY_MAX];

    for (int class = WEIR_CLASS_SETTING; class <= WEIR_CLASS_BAN; class ++) {
        struct weir_span after = WEIR_SPAN_EMPTY;
        while (k->ops->next_key(k, (enum weir_class) class, after, &rec) == WEIR_OK) {
            assert_int_equal(rec.rec.class, class);
            assert_true(weir_span_cmp(rec.rec.key, after) > 0);
            draw_record(b, &rec);
            memcpy(key, rec.rec.key.at, rec.rec.key.len);
            after = weir_span(key, rec.rec.key.len);
        }
    }
}

static void draw_dots(struct weir_record_store *k, const uint8_t *lane, struct weir_strbuf *b)
{
    struct weir_stored_record rec;
    uint64_t at = 0;

    while (k->ops->next_dot(k, lane, at, &rec) == WEIR_OK) {
        assert_true(rec.rec.version.seq > at);
        draw_record(b, &rec);
        at = rec.rec.version.seq;
    }
}

static void draw_lanes(struct weir_record_store *k, struct weir_strbuf *b)
{
    uint8_t name[WEIR_LANE_LEN];
    const uint8_t *after = NULL;
    struct weir_lane_row lane;

    while (k->ops->next_lane(k, after, &lane) == WEIR_OK) {
        assert_true(after == NULL || memcmp(lane.lane, after, WEIR_LANE_LEN) > 0);
        draw_bytes(b, weir_span(lane.lane, WEIR_LANE_LEN));
        weir_strbuf_printf(b, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", lane.vv,
                           lane.seen, lane.floor, lane.final);
        draw_dots(k, lane.lane, b);
        memcpy(name, lane.lane, sizeof(name));
        after = name;
    }
}

typedef enum weir_err (*next_due)(struct weir_record_store *k, uint64_t until,
                                  struct weir_stored_record *ret);

static void draw_queue(struct weir_record_store *k, next_due next, struct weir_strbuf *b)
{
    struct weir_stored_record rec;

    while (next(k, UINT64_MAX, &rec) == WEIR_OK) {
        draw_record(b, &rec);
        assert_int_equal(k->ops->drop(k, rec.rec.class, rec.rec.key), WEIR_OK);
    }
}

static void draw_tables(struct weir_record_store *k, struct weir_strbuf *b)
{
    struct weir_conflict c;
    struct weir_store_meta meta;

    for (uint64_t at = 0; k->ops->get_conflict(k, at, &c) == WEIR_OK; at++) {
        weir_strbuf_printf(b, "%" PRIu64 " %" PRIu64 " %" PRIu64 " ", c.noted_ms, c.winner.hlc,
                           c.winner.seq);
        draw_bytes(b, weir_span(c.winner.lane, WEIR_LANE_LEN));
        draw_record(b, &c.loser);
    }
    assert_int_equal(k->ops->get_meta(k, &meta), WEIR_OK);
    draw_bytes(b, weir_span(meta.lane, WEIR_LANE_LEN));
    weir_strbuf_printf(b, "%" PRIu64 " %" PRIu64 " %d\n", meta.seq, meta.hlc_floor, meta.live);
}

void rs_picture(struct weir_record_store *k, enum weir_group group, struct weir_strbuf *ret)
{
    weir_strbuf_puts(ret, "records\n");
    draw_classes(k, ret);
    weir_strbuf_puts(ret, "lanes and dots\n");
    draw_lanes(k, ret);
    weir_strbuf_puts(ret, "conflicts and numbers\n");
    draw_tables(k, ret);
    weir_strbuf_puts(ret, "tombstones\n");
    draw_queue(k, k->ops->next_tombstone, ret);
    weir_strbuf_puts(ret, "expiries\n");
    if (group == WEIR_GROUP_E)
        draw_queue(k, k->ops->next_expired, ret);
    assert_false(ret->failed);
}

void scene_picture(struct scene *s, struct weir_strbuf *ret)
{
    scene_begin(s);
    rs_picture(s->k, s->group, ret);
    s->k->ops->abort(s->k);
}

void rs_same_picture(struct weir_strbuf *a, struct weir_strbuf *b)
{
    assert_string_equal(a->at, b->at);
    weir_strbuf_deinit(a);
    weir_strbuf_deinit(b);
}

/* -- the scenario -- */

static enum weir_err use_records(struct weir_record_store *k, const struct scene *s)
{
    struct weir_stored_record live = rs_rec(s, "live", 1, 1);
    struct weir_stored_record tomb = rs_tomb(s, "tomb", 2, RECORD_STORE_STORED_MS);
    struct weir_stored_record got;

    enum weir_err err = k->ops->put(k, &live);
    if (err == WEIR_OK)
        err = k->ops->put(k, &tomb);
    if (err == WEIR_OK)
        err = k->ops->get(k, rs_class(s), live.rec.key, &got);
    if (err == WEIR_OK)
        err = k->ops->next_dot(k, live.rec.version.lane, 0, &got);
    if (err == WEIR_OK)
        err = k->ops->next_key(k, rs_class(s), WEIR_SPAN_EMPTY, &got);
    if (err == WEIR_OK)
        err = k->ops->next_tombstone(k, UINT64_MAX, &got);
    if (err == WEIR_OK && s->group == WEIR_GROUP_E)
        err = k->ops->next_expired(k, UINT64_MAX, &got);
    if (err == WEIR_OK)
        err = k->ops->drop(k, rs_class(s), live.rec.key);
    return err;
}

static enum weir_err use_tables(struct weir_record_store *k, const struct scene *s)
{
    struct weir_lane_row lane = { .vv = 2, .floor = 1 };
    struct weir_lane_row other = { .vv = 9 };
    struct weir_store_meta meta = { .seq = 2, .live = true };
    struct weir_conflict c = { .noted_ms = 5, .loser = rs_rec(s, "live", 1, 1) };

    rs_lane(1, lane.lane);
    rs_lane(1, meta.lane);
    rs_lane(2, other.lane);
    enum weir_err err = k->ops->put_lane(k, &lane);
    if (err == WEIR_OK)
        err = k->ops->put_lane(k, &other);
    if (err == WEIR_OK)
        err = k->ops->next_lane(k, NULL, &lane);
    if (err == WEIR_OK)
        err = k->ops->drop_lane(k, other.lane);
    if (err == WEIR_OK)
        err = k->ops->put_meta(k, &meta);
    if (err == WEIR_OK)
        err = k->ops->get_meta(k, &meta);
    if (err == WEIR_OK && s->group == WEIR_GROUP_C)
        err = k->ops->put_conflict(k, &c);
    if (err == WEIR_OK && s->group == WEIR_GROUP_C)
        err = k->ops->get_conflict(k, 0, &c);
    return err;
}

enum weir_err record_store_suite_scenario(struct weir_record_store *k, enum weir_group group)
{
    const struct scene s = { .group = group };

    enum weir_err err = k->ops->begin(k);
    if (err < 0)
        return err;
    err = k->ops->drop_conflicts(k, 0);
    if (err == WEIR_OK)
        err = k->ops->wipe(k);
    if (err == WEIR_OK)
        err = use_records(k, &s);
    if (err == WEIR_OK)
        err = use_tables(k, &s);
    if (err == WEIR_OK)
        return k->ops->commit(k);
    k->ops->abort(k);
    return err;
}

/* -- the runner -- */

struct plan {
    struct CMUnitTest tests[TESTS_MAX];
    char names[TESTS_MAX][NAME_LEN];
    size_t num;
};

static void plan_add(struct plan *p, const struct rs_test *t, struct scene *s)
{
    unsigned in = s->group == WEIR_GROUP_C ? RECORD_STORE_IN_C : RECORD_STORE_IN_E;

    if (!(t->groups & in))
        return;
    WEIR_ASSERT(p->num < TESTS_MAX);
    (void)snprintf(p->names[p->num], NAME_LEN, "%s: %s", s->group == WEIR_GROUP_C ? "C" : "E",
                   t->name);
    p->tests[p->num] = (struct CMUnitTest){
        .name = p->names[p->num],
        .test_func = t->fn,
        .setup_func = scene_setup,
        .teardown_func = scene_teardown,
        .initial_state = s,
    };
    p->num++;
}

int record_store_suite_run(const struct rs_maker *maker)
{
    static const struct rs_test *const parts[] = { record_store_suite_records,
                                                   record_store_suite_queues,
                                                   record_store_suite_tables,
                                                   record_store_suite_twin };
    static struct plan plan;
    struct scene scenes[WEIR_GROUP_COUNT];

    plan.num = 0;
    for (int g = 0; g < WEIR_GROUP_COUNT; g++) {
        scenes[g] = (struct scene){ .maker = maker, .group = (enum weir_group)g };
        for (size_t i = 0; i < WEIR_ARRAY_LEN(parts); i++)
            for (const struct rs_test *t = parts[i]; t->name != NULL; t++)
                plan_add(&plan, t, &scenes[g]);
    }
    return _cmocka_run_group_tests(maker->name, plan.tests, plan.num, NULL, NULL);
}
