/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_test.c - the suite of the replication engine over stores in memory, and what only a store
 * that fails on demand can show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/memory/memory.h"
#include "tests/support/engine/cluster.h"
#include "tests/support/engine/engine_suite.h"
#include "tests/support/failalloc.h"

#define SECOND UINT64_C(1000000)

struct bed {
    struct cluster c;
    struct weir_memory *memory[CLUSTER_MAX][WEIR_GROUP_COUNT];
};

static void bed_init(struct bed *b, unsigned num)
{
    cluster_init(&b->c, num);
    for (unsigned i = 0; i < num; i++)
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
            assert_int_equal(weir_memory_new((enum weir_group)g, &b->memory[i][g]), WEIR_OK);
            b->c.node[i].records[g] = weir_memory_record_store(b->memory[i][g]);
        }
    b->c.node[0].bootstrap = true;
    for (unsigned i = 0; i < num; i++)
        cluster_start(&b->c, i);
    cluster_run(&b->c, SECOND);
    for (unsigned i = 0; i < num; i++)
        assert_int_equal(weir_engine_state(b->c.node[i].engine), WEIR_ENGINE_LIVE);
}

static void bed_deinit(struct bed *b)
{
    cluster_deinit(&b->c);
    for (unsigned i = 0; i < b->c.num; i++)
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
            weir_memory_free(&b->memory[i][g]);
}

static void a_damaged_record_is_fetched_again(void **state)
{
    struct bed b;

    bed_init(&b, 3);
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "one"), WEIR_OK);
    assert_true(weir_memory_flip(b.memory[1][WEIR_GROUP_C], 0, WEIR_MEMORY_VALUE, 3));
    cluster_run(&b.c, 5 * SECOND);
    assert_true(cluster_has(&b.c, 1, WEIR_CLASS_TENANT, "a", "one"));
    assert_int_equal(weir_engine_counter(b.c.node[1].engine, WEIR_COUNT_CORRUPT), 1);
    bed_deinit(&b);
}

static void a_failed_commit_acknowledges_nothing_and_is_over_when_the_disk_is_back(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    weir_memory_set_trouble(b.memory[0][WEIR_GROUP_C], WEIR_MEMORY_FULL);
    assert_true(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "one") < 0);
    assert_int_equal(weir_engine_state(b.c.node[0].engine), WEIR_ENGINE_READONLY);
    assert_true(cluster_has(&b.c, 1, WEIR_CLASS_TENANT, "a", NULL));
    assert_int_equal(b.c.node[0].num_alarms[WEIR_ALARM_DISK], 1);
    cluster_run(&b.c, 3 * SECOND);
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "one"), WEIR_EIO);
    weir_memory_set_trouble(b.memory[0][WEIR_GROUP_C], WEIR_MEMORY_SOUND);
    cluster_run(&b.c, 3 * SECOND);
    assert_int_equal(weir_engine_state(b.c.node[0].engine), WEIR_ENGINE_LIVE);
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "two"), WEIR_OK);
    assert_true(cluster_has(&b.c, 1, WEIR_CLASS_TENANT, "a", "two"));
    bed_deinit(&b);
}

/* Its turn fails in the middle: one write before it is acknowledged with the error, it and the one
 * after it are refused. Each has one result. */
static void a_write_that_fails_is_refused_and_has_no_output(void **state)
{
    struct bed b;
    enum weir_err err[3];

    bed_init(&b, 1);
    for (unsigned i = 0; i < 3; i++) {
        struct weir_engine_write w = {
            .class = WEIR_CLASS_TENANT,
            .key = weir_span(&"abc"[i], 1),
            .value = WEIR_SPAN_LIT("one"),
            .cookie = i,
        };
        if (i == 1)
            weir_memory_fail_op(b.memory[0][WEIR_GROUP_C], 2, WEIR_EIO); /* get, then put */
        err[i] = weir_engine_write(b.c.node[0].engine, &w);
    }
    assert_int_equal(err[0], WEIR_OK);
    assert_int_equal(err[1], WEIR_EIO);
    assert_int_equal(err[2], WEIR_EIO);
    cluster_run(&b.c, SECOND);
    assert_int_equal(b.c.node[0].num_acked, 1);
    assert_int_equal(b.c.node[0].last_ack, WEIR_EIO);
    bed_deinit(&b);
}

/* -- without memory -- */

#define FRAMES_MAX 16

/* What a peer sends, byte for byte. */
struct script {
    uint8_t *frame[FRAMES_MAX];
    size_t len[FRAMES_MAX];
    unsigned num;
};

struct lone {
    struct weir_memory *memory[WEIR_GROUP_COUNT];
    struct weir_engine *engine;
};

static bool lone_init(struct lone *l, uint8_t id)
{
    struct weir_engine_config cfg = {
        .cluster = WEIR_SPAN_LIT("test"),
        .seed = id,
        .bootstrap = true,
        .schema_max = 1,
        .compiled = 1 << WEIR_CLASS_TENANT,
    };

    *l = (struct lone){ 0 };
    memset(cfg.node, id, WEIR_NODE_ID_LEN);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        if (weir_memory_new((enum weir_group)g, &l->memory[g]) < 0)
            return false;
        cfg.records[g] = weir_memory_record_store(l->memory[g]);
    }
    return weir_engine_new(&cfg, &l->engine) == WEIR_OK;
}

static void lone_deinit(struct lone *l)
{
    weir_engine_free(&l->engine);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        weir_memory_free(&l->memory[g]);
}

static enum weir_err lone_turn(struct lone *l, uint64_t at_us, struct weir_span frame)
{
    struct weir_engine_out out;

    weir_engine_tick(l->engine, at_us, UINT64_C(1800000000000) + at_us / 1000);
    if (frame.len > 0)
        weir_engine_receive(l->engine, 0, frame);
    enum weir_err err = weir_engine_commit(l->engine);
    while (weir_engine_next(l->engine, &out))
        continue;
    return err;
}

static enum weir_err lone_write(struct lone *l, const char *value)
{
    struct weir_engine_write w = {
        .class = WEIR_CLASS_TENANT,
        .key = WEIR_SPAN_LIT("key"),
        .value = weir_span_cstr(value),
    };
    enum weir_err err = weir_engine_write(l->engine, &w);
    enum weir_err committed = weir_engine_commit(l->engine);

    return err < 0 ? err : committed;
}

static void script_take(struct script *s, struct lone *l)
{
    struct weir_engine_out out;

    while (weir_engine_next(l->engine, &out)) {
        if (out.what != WEIR_OUT_SEND && out.what != WEIR_OUT_PUBLISH)
            continue;
        assert_in_range(s->num, 0, FRAMES_MAX - 1);
        s->frame[s->num] = malloc(out.frame.len);
        assert_non_null(s->frame[s->num]);
        memcpy(s->frame[s->num], out.frame.at, out.frame.len);
        s->len[s->num++] = out.frame.len;
    }
}

/* A Hello, a write, and a heartbeat. */
static void script_init(struct script *s)
{
    const uint8_t peer[WEIR_NODE_ID_LEN] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    struct lone l;

    *s = (struct script){ 0 };
    assert_true(lone_init(&l, 2));
    weir_engine_tick(l.engine, 1, UINT64_C(1800000000000));
    assert_int_equal(weir_engine_link_up(l.engine, 0, peer), WEIR_OK);
    assert_int_equal(weir_engine_commit(l.engine), WEIR_OK);
    script_take(s, &l);
    assert_int_equal(lone_write(&l, "theirs"), WEIR_OK);
    script_take(s, &l);
    weir_engine_tick(l.engine, 2000000, UINT64_C(1800000002000));
    assert_int_equal(weir_engine_commit(l.engine), WEIR_OK);
    script_take(s, &l);
    assert_in_range(s->num, 3, FRAMES_MAX);
    lone_deinit(&l);
}

/* @return WEIR_OK | WEIR_ENOMEM; anything else fails the test */
static enum weir_err play(struct lone *l, const struct script *s)
{
    const uint8_t peer[WEIR_NODE_ID_LEN] = { 2, 2, 2, 2, 2, 2, 2, 2 };
    enum weir_err worst = weir_engine_link_up(l->engine, 0, peer);

    for (unsigned i = 0; i < s->num; i++) {
        enum weir_err err = lone_turn(l, 1000 * (i + 1), weir_span(s->frame[i], s->len[i]));
        worst = err < 0 ? err : worst;
    }
    enum weir_err err = lone_write(l, "ours");
    worst = err < 0 ? err : worst;
    for (uint64_t at_us = 100000; at_us < 3000000; at_us += 500000) {
        err = lone_turn(l, at_us, WEIR_SPAN_EMPTY);
        worst = err < 0 ? err : worst;
    }
    return worst;
}

static void whichever_allocation_fails_a_turn_is_done_or_undone(void **state)
{
    struct script s;
    long n = 1;

    script_init(&s);
    for (;; n++) {
        struct lone l;
        weir_failalloc_once(n);
        if (lone_init(&l, 1))
            (void)play(&l, &s);
        bool failed = weir_failalloc_count() >= (unsigned long)n;
        weir_failalloc_once(-1);
        if (l.engine != NULL) { /* afterwards all goes on */
            assert_int_equal(lone_turn(&l, 5000000, WEIR_SPAN_EMPTY), WEIR_OK);
            assert_int_equal(lone_turn(&l, 8000000, WEIR_SPAN_EMPTY), WEIR_OK);
            assert_int_equal(weir_engine_state(l.engine), WEIR_ENGINE_LIVE);
            assert_int_equal(lone_write(&l, "after"), WEIR_OK);
        }
        lone_deinit(&l);
        if (!failed)
            break;
    }
    assert_in_range(n, 30, 1000);
    for (unsigned i = 0; i < s.num; i++)
        free(s.frame[i]);
}

static void a_link_without_memory_does_not_count_as_connected(void **state)
{
    const uint8_t peer[WEIR_NODE_ID_LEN] = { 2, 2, 2, 2, 2, 2, 2, 2 };
    struct lone l;

    assert_true(lone_init(&l, 1));
    assert_int_equal(lone_turn(&l, 1, WEIR_SPAN_EMPTY), WEIR_OK);
    weir_failalloc_once(1);
    assert_int_equal(weir_engine_link_up(l.engine, 0, peer), WEIR_ENOMEM);
    weir_failalloc_once(-1);
    weir_engine_receive(l.engine, 0, WEIR_SPAN_LIT("C"));
    assert_int_equal(weir_engine_counter(l.engine, WEIR_COUNT_FRAMES_STRANGE), 1);
    assert_int_equal(weir_engine_link_up(l.engine, 0, peer), WEIR_OK);
    assert_int_equal(lone_turn(&l, 1000, WEIR_SPAN_EMPTY), WEIR_OK);
    lone_deinit(&l);
}

/* The peer has this node's own id. Without memory for the output the turn fails; the Hellos that
 * follow show the same again. */
static void a_link_that_is_refused_without_memory_is_cut_later(void **state)
{
    const uint8_t peer[WEIR_NODE_ID_LEN] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    struct weir_engine_out out;
    unsigned num_cut = 0;
    struct script s;
    struct lone l;

    script_init(&s);
    assert_true(lone_init(&l, 2));
    assert_int_equal(weir_engine_link_up(l.engine, 0, peer), WEIR_OK);
    weir_failalloc_after(2); /* the frame, no more */
    weir_engine_receive(l.engine, 0, weir_span(s.frame[0], s.len[0]));
    assert_int_equal(weir_engine_commit(l.engine), WEIR_ENOMEM);
    weir_failalloc_once(-1);
    weir_engine_receive(l.engine, 0, weir_span(s.frame[0], s.len[0]));
    assert_int_equal(weir_engine_commit(l.engine), WEIR_OK);
    while (weir_engine_next(l.engine, &out))
        num_cut += out.what == WEIR_OUT_CUT && out.link == 0;
    assert_int_equal(num_cut, 1);
    lone_deinit(&l);
    for (unsigned i = 0; i < s.num; i++)
        free(s.frame[i]);
}

static struct weir_record_store *make(enum weir_group group, void **ret_home)
{
    struct weir_memory *m = NULL;

    assert_int_equal(weir_memory_new(group, &m), WEIR_OK);
    *ret_home = m;
    return weir_memory_record_store(m);
}

static struct weir_record_store *reopen(void *home)
{
    return weir_memory_record_store(home);
}

static void end(void *home)
{
    struct weir_memory *m = home;

    weir_memory_free(&m);
}

int main(void)
{
    const struct rs_maker maker = { "memory", make, reopen, end };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_record_is_fetched_again),
        cmocka_unit_test(a_failed_commit_acknowledges_nothing_and_is_over_when_the_disk_is_back),
        cmocka_unit_test(a_write_that_fails_is_refused_and_has_no_output),
        cmocka_unit_test(whichever_allocation_fails_a_turn_is_done_or_undone),
        cmocka_unit_test(a_link_without_memory_does_not_count_as_connected),
        cmocka_unit_test(a_link_that_is_refused_without_memory_is_cut_later),
    };

    return engine_suite_run(&maker) + cmocka_run_group_tests(tests, NULL, NULL);
}
