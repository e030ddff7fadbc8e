/* SPDX-License-Identifier: Apache-2.0
 *
 * push_test.c - pushes into a real store: order within one name, many at once, the end of the node,
 * a full store.
 */
#include "node/base/limits.h"
#include "tests/unit/ctl/ctl_rig.h"

/** A push under test. */
struct trial {
    struct weir_push *push;
    bool done;
};

static void on_done(struct weir_push *p)
{
    struct trial *t = p->arg;
    t->done = true;
}

static void trial_wait(const struct trial *t)
{
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (!t->done) {
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
}

/* A tenant in the push's own arena. */
static Weir__V1__Tenant *tenant_new(struct weir_push *p, const char *name, const char *host)
{
    Weir__V1__Tenant *t = weir_arena_alloc(&p->arena, sizeof(*t));
    char **hosts = weir_arena_alloc(&p->arena, sizeof(char *));
    assert_non_null(t);
    assert_non_null(hosts);
    weir__v1__tenant__init(t);
    t->name = weir_arena_strdup(&p->arena, weir_span_cstr(name));
    hosts[0] = weir_arena_strdup(&p->arena, weir_span_cstr(host));
    t->hosts = hosts;
    t->n_hosts = 1;
    return t;
}

static void trial_begin(struct trial *t, size_t num)
{
    t->done = false;
    t->push = weir_push_new(rig.node.pushes, "ada", false);
    assert_non_null(t->push);
    assert_int_equal(weir_push_reserve(t->push, num), WEIR_OK);
}

static void trial_put(struct trial *t, const char *name, const char *host)
{
    assert_int_equal(weir_push_add(t->push, tenant_new(t->push, name, host), "apply", NULL),
                     WEIR_OK);
}

static void trial_start(struct trial *t)
{
    assert_int_equal(weir_push_start(t->push, on_done, t), WEIR_OK);
    assert_false(t->done); /* never before the loop has turned */
}

static uint64_t stored_revision(const char *name)
{
    struct weir_record rec;
    struct weir_arena arena;
    Weir__V1__StoredTenant *s = NULL;
    weir_stored_tenant_arena_init(&arena);
    assert_int_equal(weir_store_read_begin(rig.node.reader), WEIR_OK);
    assert_int_equal(weir_store_get(rig.node.reader, WEIR_CLASS_TENANT, weir_span_cstr(name), &rec),
                     WEIR_OK);
    assert_int_equal(weir_stored_tenant_read(rec.value, &arena, &s), WEIR_OK);
    uint64_t revision = s->revision;
    weir_store_read_end(rig.node.reader);
    weir_arena_deinit(&arena);
    return revision;
}

static void an_empty_push_is_done_in_a_later_turn(void **state)
{
    struct trial t;
    trial_begin(&t, 0);
    trial_start(&t);
    trial_wait(&t);
    weir_push_free(&t.push);
}

static void each_item_has_its_own_outcome(void **state)
{
    struct trial t;
    struct weir_push_item *gone = NULL;
    trial_begin(&t, 3);
    trial_put(&t, "a", "a.example");
    assert_int_equal(weir_push_delete(t.push, WEIR_SPAN_LIT("nobody"), &gone), WEIR_OK);
    trial_put(&t, "b", "b.example");
    trial_start(&t);
    trial_wait(&t);
    assert_string_equal(weir_push_outcome(&t.push->items[0]), "created");
    assert_string_equal(weir_push_outcome(&t.push->items[1]), "refused");
    assert_int_equal(gone->err, WEIR_ENOTFOUND);
    assert_string_equal(weir_push_outcome(&t.push->items[2]), "created");
    assert_int_equal(t.push->items[0].write.version.seq + 1, t.push->items[2].write.version.seq);
    weir_push_free(&t.push);
}

/* Delete and create the same name in many pushes at once: whatever the order of commits, no
 * revision comes twice. */
static void revisions_of_one_name_never_repeat(void **state)
{
    enum { NUM = 40 };
    struct trial trials[NUM];
    char host[32];
    uint64_t last = 0;
    for (int i = 0; i < NUM; i++) {
        trial_begin(&trials[i], 1);
        snprintf(host, sizeof(host), "h%d.example", i);
        if (i % 2 == 0)
            trial_put(&trials[i], "shop", host);
        else
            assert_int_equal(weir_push_delete(trials[i].push, WEIR_SPAN_LIT("shop"), NULL),
                             WEIR_OK);
        trial_start(&trials[i]);
    }
    for (int i = 0; i < NUM; i++) {
        const struct weir_push_item *item = &trials[i].push->items[0];
        trial_wait(&trials[i]);
        if (item->err != WEIR_OK || item->write.delete)
            continue;
        assert_true(item->change.revision > last);
        last = item->change.revision;
    }
    assert_true(last > 1);
    for (int i = 0; i < NUM; i++)
        weir_push_free(&trials[i].push);
}

static void two_large_pushes_run_side_by_side(void **state)
{
    enum { NUM = 3000 };
    struct trial trials[2];
    char name[32];
    char host[64];
    for (int i = 0; i < 2; i++) {
        trial_begin(&trials[i], NUM);
        for (int j = 0; j < NUM; j++) {
            /* Every third name is in both. */
            snprintf(name, sizeof(name), "t%d-%d", j % 3 == 0 ? 9 : i, j);
            snprintf(host, sizeof(host), "p%d-%s.example", i, name);
            trial_put(&trials[i], name, host);
        }
        trial_start(&trials[i]);
    }
    trial_wait(&trials[0]);
    trial_wait(&trials[1]);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < NUM; j++)
            assert_int_equal(trials[i].push->items[j].err, WEIR_OK);
    assert_int_equal(stored_revision("t9-0"), 2);
    assert_int_equal(stored_revision("t1-1"), 1);
    weir_push_free(&trials[0].push);
    weir_push_free(&trials[1].push);
}

static void a_stop_finishes_every_item_and_keeps_what_was_acknowledged(void **state)
{
    enum { NUM = 2000 };
    struct trial t, late;
    struct weir_record rec;
    char name[32];
    size_t written = 0;
    trial_begin(&t, NUM);
    trial_begin(&late, 1);
    trial_put(&late, "late", "late.example");
    for (int j = 0; j < NUM; j++) {
        snprintf(name, sizeof(name), "t%d", j);
        trial_put(&t, name, name);
    }
    trial_start(&t);
    rig_turn();
    weir_push_queue_stop(rig.node.pushes);
    assert_int_equal(weir_push_start(late.push, on_done, &late), WEIR_ECLOSED);
    trial_wait(&t);
    assert_int_equal(weir_store_read_begin(rig.node.reader), WEIR_OK);
    for (int j = 0; j < NUM; j++) {
        const struct weir_push_item *item = &t.push->items[j];
        enum weir_err found = weir_store_get(rig.node.reader, WEIR_CLASS_TENANT, item->name, &rec);
        assert_int_equal(found, item->err == WEIR_OK ? WEIR_OK : WEIR_ENOTFOUND);
        assert_true(item->err == WEIR_OK || item->err == WEIR_ECLOSED);
        written += item->err == WEIR_OK ? 1 : 0;
    }
    weir_store_read_end(rig.node.reader);
    assert_in_range(written, 1, NUM - 1);
    weir_push_free(&t.push);
    weir_push_free(&late.push);
}

/** A single write of another class. */
struct single {
    struct weir_push_single push;
    bool finished;
};

static enum weir_err build_single(struct weir_write *w, const struct weir_record *current,
                                  uint64_t hlc, struct weir_strbuf *value)
{
    weir_strbuf_puts(value, "value");
    return current != NULL ? WEIR_EEXIST : WEIR_OK;
}

static void on_single(struct weir_push_single *p)
{
    weir_container_of(p, struct single, push)->finished = true;
}

static struct single single_of(const char *key)
{
    return (struct single){ .push.write = { .class = WEIR_CLASS_SETTING,
                                            .key = weir_span_cstr(key),
                                            .build = build_single } };
}

static void single_wait(const struct single *s)
{
    uint64_t until = weir_clock_mono_ns() + RIG_WAIT_NS;
    while (!s->finished) {
        rig_turn();
        assert_true(weir_clock_mono_ns() < until);
    }
}

static void single_writes_run_beside_pushes_and_come_back(void **state)
{
    struct single one = single_of("a");
    struct single again = single_of("a");
    struct trial t;
    trial_begin(&t, 1);
    trial_put(&t, "shop", "shop.example");
    trial_start(&t);
    assert_int_equal(weir_push_submit(rig.node.pushes, &one.push, on_single), WEIR_OK);
    trial_wait(&t);
    single_wait(&one);
    assert_int_equal(one.push.write.err, WEIR_OK);
    assert_int_equal(t.push->items[0].err, WEIR_OK);
    assert_int_equal(weir_push_submit(rig.node.pushes, &again.push, on_single), WEIR_OK);
    single_wait(&again);
    assert_int_equal(again.push.write.err, WEIR_EEXIST);
    weir_push_free(&t.push);
}

static void a_stop_waits_for_single_writes_and_takes_no_more(void **state)
{
    struct single one = single_of("a");
    struct single late = single_of("b");
    assert_int_equal(weir_push_submit(rig.node.pushes, &one.push, on_single), WEIR_OK);
    weir_push_queue_stop(rig.node.pushes);
    assert_int_equal(weir_push_submit(rig.node.pushes, &late.push, on_single), WEIR_ECLOSED);
    single_wait(&one);
    assert_int_equal(one.push.write.err, WEIR_OK);
    assert_false(late.finished);
}

static void a_full_store_refuses_writes_and_takes_deletes(void **state)
{
    struct trial t;
    bool full = false;
    char name[32];
    char host[2048];
    assert_int_equal(weir_store_set_max(rig.node.store, 2u << 20), WEIR_OK);
    memset(host, 'x', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    for (int i = 0; i < 2000 && !full; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        trial_begin(&t, 1);
        trial_put(&t, name, host);
        trial_start(&t);
        trial_wait(&t);
        full = t.push->items[0].err == WEIR_EFULL;
        assert_true(full || t.push->items[0].err == WEIR_OK);
        weir_push_free(&t.push);
    }
    assert_true(full);
    trial_begin(&t, 1);
    assert_int_equal(weir_push_delete(t.push, WEIR_SPAN_LIT("t0"), NULL), WEIR_OK);
    trial_start(&t);
    trial_wait(&t);
    assert_string_equal(weir_push_outcome(&t.push->items[0]), "deleted");
    weir_push_free(&t.push);
}

static void a_document_over_the_limit_is_rejected(void **state)
{
    struct trial t;
    char *host = calloc(1, WEIR_RECORD_MAX + 1);
    assert_non_null(host);
    memset(host, 'x', WEIR_RECORD_MAX);
    trial_begin(&t, 1);
    assert_int_equal(weir_push_add(t.push, tenant_new(t.push, "big", host), "apply", NULL),
                     WEIR_ELIMIT);
    weir_push_free(&t.push);
    free(host);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_push_is_done_in_a_later_turn),
        TEST(each_item_has_its_own_outcome),
        TEST(revisions_of_one_name_never_repeat),
        TEST(two_large_pushes_run_side_by_side),
        TEST(a_stop_finishes_every_item_and_keeps_what_was_acknowledged),
        TEST(single_writes_run_beside_pushes_and_come_back),
        TEST(a_stop_waits_for_single_writes_and_takes_no_more),
        TEST(a_full_store_refuses_writes_and_takes_deletes),
        TEST(a_document_over_the_limit_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
