/* SPDX-License-Identifier: Apache-2.0
 *
 * store_driven_test.c - what a store does beside the operations of the record store that drives it:
 * derived rows, revisions, changes reported, readers, the way from a single node and back, a full
 * store, no memory, kill -9.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/support/failalloc.h"
#include "tests/support/record_store_kit.h"

#define KILL_BATCH 20

struct reported {
    char text[512];
    struct record_store_kit *kk;
};

static void on_change(void *arg, const struct weir_change *changes, size_t num)
{
    struct reported *t = arg;
    size_t len = strlen(t->text);

    for (size_t i = 0; i < num; i++) {
        const struct weir_change *c = &changes[i];
        int more = snprintf(t->text + len, sizeof(t->text) - len, "%.*s%s%s%u ", (int)c->key.len,
                            (const char *)c->key.at, c->tombstone ? "-" : "+",
                            c->index_changed ? "!" : "", (unsigned)c->version.seq);
        assert_true(more > 0);
        len += (size_t)more;
        /* It is durable: a reader sees it. */
        struct weir_record rec;
        assert_int_equal(weir_store_read_begin(t->kk->kit.r), WEIR_OK);
        enum weir_err err = weir_store_get(t->kk->kit.r, c->class, c->key, &rec);
        assert_int_equal(err, c->tombstone ? WEIR_ENOTFOUND : WEIR_OK);
        weir_store_read_end(t->kk->kit.r);
    }
}

static void expect_reported(struct reported *t, const char *text)
{
    assert_string_equal(t->text, text);
    t->text[0] = '\0';
}

static void changes_are_reported_after_the_commit_and_not_without(void **state)
{
    struct record_store_kit kk;
    struct reported reported = { .kk = &kk };

    record_store_kit_init(&kk, 'C');
    kit_close(&kk.kit);
    kk.kit.cfg.on_change = on_change;
    kk.kit.cfg.on_change_arg = &reported;
    record_store_kit_open(&kk);
    struct weir_stored_record a = rs_record(&kk, "a", 1, 1, "x|1host@7");
    struct weir_stored_record b = rs_record(&kk, "b", 1, 2, "y");
    rs_begin(&kk);
    rs_put(&kk, &a);
    rs_put(&kk, &b);
    expect_reported(&reported, "");
    rs_commit(&kk);
    expect_reported(&reported, "a+!1 b+2 ");
    rs_begin(&kk);
    rs_put(&kk, &a);
    kk.k->ops->abort(kk.k);
    rs_begin(&kk);
    rs_commit(&kk);
    expect_reported(&reported, "");
    struct weir_stored_record gone = rs_tombstone(&kk, "b", 1, 3, RECORD_STORE_NOW_MS);
    rs_put_now(&kk, &gone);
    expect_reported(&reported, "b-3 ");
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->drop(kk.k, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("b")), WEIR_OK);
    assert_int_equal(kk.k->ops->drop(kk.k, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a")), WEIR_OK);
    rs_commit(&kk);
    expect_reported(&reported, "a-!1 ");
    rs_put_now(&kk, &a);
    rs_put_now(&kk, &gone);
    expect_reported(&reported, "a+!1 b-3 ");
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->wipe(kk.k), WEIR_OK);
    rs_commit(&kk);
    expect_reported(&reported, "a-!0 ");
    record_store_kit_deinit(&kk);
}

static void names_lead_to_the_records_that_claim_them(void **state)
{
    struct record_store_kit kk;
    struct weir_store_stats st;

    record_store_kit_init(&kk, 'C');
    struct weir_stored_record a = rs_record(&kk, "a", 1, 1, "x|1host@7;2wild@7");
    struct weir_stored_record b = rs_record(&kk, "b", 2, 1, "y|1host@5");
    rs_begin(&kk);
    rs_put(&kk, &a);
    rs_put(&kk, &b);
    rs_commit(&kk);
    kit_expect_owner(&kk.kit, WEIR_INDEX_HOST, "host", "b");
    kit_expect_owner(&kk.kit, WEIR_INDEX_WILDCARD, "wild", "a");
    assert_int_equal(weir_store_stats(kk.kit.r, &st), WEIR_OK);
    assert_int_equal(st.num_conflicts, 1);
    assert_int_equal(st.num_records, 2);
    b = rs_tombstone(&kk, "b", 2, 2, RECORD_STORE_NOW_MS);
    rs_put_now(&kk, &b);
    kit_expect_owner(&kk.kit, WEIR_INDEX_HOST, "host", "a");
    a = rs_record(&kk, "a", 1, 2, "x|1other@1");
    rs_put_now(&kk, &a);
    kit_expect_owner(&kk.kit, WEIR_INDEX_HOST, "host", NULL);
    kit_expect_owner(&kk.kit, WEIR_INDEX_HOST, "other", "a");
    record_store_kit_reopen(&kk);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->drop(kk.k, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a")), WEIR_OK);
    rs_commit(&kk);
    kit_expect_owner(&kk.kit, WEIR_INDEX_HOST, "other", NULL);
    assert_int_equal(weir_store_stats(kk.kit.r, &st), WEIR_OK);
    assert_int_equal(st.num_conflicts, 0);
    assert_int_equal(st.num_records, 0);
    record_store_kit_deinit(&kk);
}

static bool see_revision(void *arg, uint64_t revision, struct weir_span value)
{
    uint64_t *all = arg;

    assert_int_equal(value.at[1], '0' + revision);
    *all = *all * 10 + revision;
    return true;
}

static uint64_t revisions_of(struct record_store_kit *kk, const char *key)
{
    uint64_t all = 0;

    assert_int_equal(weir_store_read_begin(kk->kit.r), WEIR_OK);
    assert_int_equal(weir_store_revision_list(kk->kit.r, WEIR_CLASS_TENANT, weir_span_cstr(key),
                                              see_revision, &all),
                     WEIR_OK);
    weir_store_read_end(kk->kit.r);
    return all;
}

static void values_are_stored_under_the_number_they_carry(void **state)
{
    struct record_store_kit kk;

    record_store_kit_init(&kk, 'C');
    const char *const values[] = { "r1", "none", "r3" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(values); i++) {
        struct weir_stored_record rec = rs_record(&kk, "a", 1, 1 + i, values[i]);
        rs_put_now(&kk, &rec);
    }
    assert_int_equal(revisions_of(&kk, "a"), 31);
    struct weir_stored_record gone = rs_tombstone(&kk, "a", 1, 9, RECORD_STORE_NOW_MS);
    rs_put_now(&kk, &gone);
    assert_int_equal(revisions_of(&kk, "a"), 31);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->drop(kk.k, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a")), WEIR_OK);
    rs_commit(&kk);
    assert_int_equal(revisions_of(&kk, "a"), 0);
    record_store_kit_deinit(&kk);
}

static void full_store_takes_tombstones_and_swaps_conflicts(void **state)
{
    struct record_store_kit kk;
    static char value[20000];
    char key[16];
    uint64_t num = 0;

    record_store_kit_init(&kk, rs_group_of(state));
    assert_int_equal(weir_store_set_max(kk.kit.s, UINT64_C(2) << 20), WEIR_OK);
    memset(value, 'v', sizeof(value) - 1);
    enum weir_err err = WEIR_OK;
    while (err == WEIR_OK) {
        assert_true(num < 1000);
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)num);
        struct weir_stored_record rec = rs_record(&kk, key, 1, ++num, value);
        rs_begin(&kk);
        err = kk.k->ops->put(kk.k, &rec);
        if (err == WEIR_OK)
            rs_commit(&kk);
    }
    assert_int_equal(err, WEIR_EFULL);
    kk.k->ops->abort(kk.k);
    assert_true(num > 50);

    struct weir_stored_record gone = rs_tombstone(&kk, "key0", 1, num, RECORD_STORE_NOW_MS);
    struct weir_conflict c[] = { rs_conflict(&kk, "key0", 1, 1), rs_conflict(&kk, "a", 2, 2) };
    rs_begin(&kk);
    rs_put(&kk, &gone);
    assert_int_equal(kk.k->ops->put_conflict(kk.k, &c[0]), WEIR_OK);
    assert_int_equal(kk.k->ops->put_conflict(kk.k, &c[1]), WEIR_OK);
    rs_expect_conflict(&kk, 0, &c[1]);
    rs_expect_conflict(&kk, 1, NULL);
    rs_commit(&kk);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->wipe(kk.k), WEIR_OK);
    rs_commit(&kk);
    struct weir_stored_record rec = rs_record(&kk, "room", 1, 1, value);
    rs_put_now(&kk, &rec);
    record_store_kit_deinit(&kk);
}

static void driven_store_has_no_writer_of_its_own(void **state)
{
    struct record_store_kit kk;
    struct kit_write kw;

    record_store_kit_init(&kk, rs_group_of(state));
    kit_write_init(&kw, WEIR_SPAN_LIT("a"), WEIR_SPAN_LIT("x"));
    kw.w.class = WEIR_CLASS_TENANT;
    assert_int_equal(weir_store_submit(kk.kit.s, &kw.w), WEIR_ECLOSED);
    record_store_kit_deinit(&kk);
}

static void store_of_a_single_node_is_live_and_has_its_lane(void **state)
{
    struct record_store_kit kk = { .group = 'C' };
    struct weir_store_meta meta;
    struct weir_lane_row lane;
    struct weir_stored_record got;
    struct weir_store_stats st;

    kit_init_quick(&kk.kit);
    kit_open(&kk.kit);
    assert_int_equal(kit_put(&kk.kit, "a", "one"), WEIR_OK);
    assert_int_equal(kit_put(&kk.kit, "a", "two"), WEIR_OK);
    assert_int_equal(weir_store_stats(kk.kit.r, &st), WEIR_OK);
    kit_close(&kk.kit);

    kk.kit.cfg.driven = true;
    record_store_kit_open(&kk);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->get_meta(kk.k, &meta), WEIR_OK);
    assert_true(meta.live);
    assert_int_equal(meta.seq, 2);
    assert_memory_equal(meta.lane, st.lane, WEIR_LANE_LEN);
    assert_int_equal(kk.k->ops->next_lane(kk.k, NULL, &lane), WEIR_OK);
    assert_memory_equal(lane.lane, st.lane, WEIR_LANE_LEN);
    assert_int_equal(lane.vv, 2);
    assert_int_equal(lane.seen, 2);
    assert_int_equal(kk.k->ops->next_dot(kk.k, lane.lane, 0, &got), WEIR_OK);
    assert_true(weir_span_eq(got.rec.value, WEIR_SPAN_LIT("two")));
    /* The next numbers come from elsewhere, with a hole. */
    struct weir_stored_record rec = rs_record(&kk, "b", 1, 40, "three");
    rs_put(&kk, &rec);
    rs_lane(1, meta.lane);
    meta.seq = 40;
    assert_int_equal(kk.k->ops->put_meta(kk.k, &meta), WEIR_OK);
    rs_commit(&kk);
    kit_close(&kk.kit);

    /* And back: all is there, and new writes are on a lane without holes. */
    kk.kit.cfg.driven = false;
    kit_open(&kk.kit);
    kit_expect(&kk.kit, "a", "two");
    kit_expect(&kk.kit, "b", "three");
    assert_int_equal(weir_store_stats(kk.kit.r, &st), WEIR_OK);
    assert_int_equal(st.seq, 0);
    assert_memory_not_equal(st.lane, meta.lane, WEIR_LANE_LEN);
    assert_memory_not_equal(st.lane, lane.lane, WEIR_LANE_LEN);
    assert_int_equal(kit_put(&kk.kit, "b", "four"), WEIR_OK);
    kit_close(&kk.kit);
    kit_open(&kk.kit);
    kit_expect(&kk.kit, "b", "four");
    kit_deinit(&kk.kit);
}

/* -- no memory, and no process -- */

/* Some of everything. @return the first error, with the transaction open if `*ret_open` */
static enum weir_err some_of_all(struct record_store_kit *kk, bool *ret_open)
{
    const struct weir_record_store_ops *ops = kk->k->ops;
    struct weir_lane_row lane = { .vv = 3 };
    struct weir_store_meta meta = { .seq = 4 };
    struct weir_conflict c = rs_conflict(kk, "k", 1, 1);
    static char big[9000];

    memset(big, 'b', sizeof(big) - 1);
    struct weir_stored_record a = rs_record(kk, "a", 1, 1, big);
    struct weir_stored_record b = rs_record(kk, "b", 2, 1, "x|1host@1");
    b.num_ctx = 1;
    memset(b.ctx[0].tail, 't', WEIR_LANE_TAIL_LEN);
    b.ctx[0].seq = 1;
    rs_lane(7, lane.lane);
    rs_lane(8, meta.lane);
    enum weir_err err = ops->begin(kk->k);
    *ret_open = err == WEIR_OK;
    if (err == WEIR_OK)
        err = ops->put(kk->k, &a);
    if (err == WEIR_OK)
        err = ops->put(kk->k, &b);
    if (err == WEIR_OK)
        err = ops->put_lane(kk->k, &lane);
    if (err == WEIR_OK)
        err = ops->put_meta(kk->k, &meta);
    if (err == WEIR_OK)
        err = ops->put_conflict(kk->k, &c);
    if (err == WEIR_OK)
        err = ops->drop(kk->k, record_store_kit_class(kk), WEIR_SPAN_LIT("b"));
    if (err == WEIR_OK)
        err = ops->wipe(kk->k);
    if (err == WEIR_OK)
        err = ops->put(kk->k, &a);
    if (err < 0)
        return err;
    *ret_open = false;
    return ops->commit(kk->k);
}

static void without_memory_nothing_is_half_done(void **state)
{
    struct record_store_kit kk;
    struct weir_stored_record got;
    struct weir_lane_row lane;
    enum weir_err err = WEIR_ENOMEM;
    long n = 1;

    for (; err < 0; n++) {
        bool open = false;
        record_store_kit_init(&kk, rs_group_of(state));
        weir_failalloc_once(n);
        err = some_of_all(&kk, &open);
        weir_failalloc_once(-1);
        if (err < 0) {
            assert_true(err == WEIR_ENOMEM || err == WEIR_EIO);
            if (open)
                kk.k->ops->abort(kk.k);
            rs_begin(&kk);
            assert_int_equal(rs_get(&kk, "a", &got), WEIR_ENOTFOUND);
            assert_int_equal(kk.k->ops->next_lane(kk.k, NULL, &lane), WEIR_ENOTFOUND);
            rs_expect_conflict(&kk, 0, NULL);
            kk.k->ops->abort(kk.k);
            assert_int_equal(some_of_all(&kk, &open), WEIR_OK);
        }
        rs_begin(&kk);
        assert_int_equal(rs_get(&kk, "a", &got), WEIR_OK);
        kk.k->ops->abort(kk.k);
        record_store_kit_deinit(&kk);
    }
    assert_true(n > 8);
}

/* Commit batches until killed; *reported is the last batch that was committed. */
static void commit_for_ever(struct record_store_kit *kk, _Atomic uint64_t *reported)
{
    char key[32];

    record_store_kit_open(kk);
    for (uint64_t batch = 1;; batch++) {
        rs_begin(kk);
        for (unsigned i = 0; i < KILL_BATCH; i++) {
            (void)snprintf(key, sizeof(key), "key%u", i * 37);
            struct weir_stored_record rec =
                rs_record(kk, key, 1, (batch - 1) * KILL_BATCH + i + 1, "value");
            rs_put(kk, &rec);
        }
        rs_commit(kk);
        atomic_store(reported, batch);
    }
}

/* All records of one batch, the last that was reported or the one after it. */
static void expect_whole_batch(struct record_store_kit *kk, uint64_t reported)
{
    struct weir_stored_record got;
    struct weir_lane_row lane;
    char key[32];

    rs_begin(kk);
    assert_int_equal(kk->k->ops->next_lane(kk->k, NULL, &lane), WEIR_OK);
    uint64_t batch = lane.seen / KILL_BATCH;
    assert_true(batch == reported || batch == reported + 1);
    for (unsigned i = 0; i < KILL_BATCH; i++) {
        (void)snprintf(key, sizeof(key), "key%u", i * 37);
        assert_int_equal(rs_get(kk, key, &got), WEIR_OK);
        assert_int_equal(got.rec.version.seq, (batch - 1) * KILL_BATCH + i + 1);
        uint64_t after = i > 0 ? got.rec.version.seq - 1 : 0;
        assert_int_equal(kk->k->ops->next_dot(kk->k, lane.lane, after, &got), WEIR_OK);
        assert_int_equal(got.rec.version.seq, (batch - 1) * KILL_BATCH + i + 1);
    }
    kk->k->ops->abort(kk->k);
}

static void killed_process_leaves_whole_transactions(void **state)
{
    struct record_store_kit kk;
    _Atomic uint64_t *reported =
        mmap(NULL, sizeof(*reported), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(reported != MAP_FAILED);
    record_store_kit_init(&kk, rs_group_of(state));
    kit_close(&kk.kit);
    for (unsigned round = 0; round < 5; round++) {
        atomic_store(reported, 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            commit_for_ever(&kk, reported);
        for (unsigned ms = 0; ms < 10000 && atomic_load(reported) < 3 + round; ms++)
            usleep(1000);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_true(atomic_load(reported) >= 3 + round);
        record_store_kit_open(&kk);
        expect_whole_batch(&kk, atomic_load(reported));
        rs_begin(&kk);
        assert_int_equal(kk.k->ops->wipe(kk.k), WEIR_OK);
        rs_commit(&kk);
        kit_close(&kk.kit);
    }
    record_store_kit_open(&kk);
    record_store_kit_deinit(&kk);
    munmap((void *)reported, sizeof(*reported));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_reported_after_the_commit_and_not_without),
        cmocka_unit_test(names_lead_to_the_records_that_claim_them),
        cmocka_unit_test(values_are_stored_under_the_number_they_carry),
        RECORD_STORE_BOTH(full_store_takes_tombstones_and_swaps_conflicts),
        RECORD_STORE_BOTH(driven_store_has_no_writer_of_its_own),
        cmocka_unit_test(store_of_a_single_node_is_live_and_has_its_lane),
        RECORD_STORE_BOTH(without_memory_nothing_is_half_done),
        RECORD_STORE_BOTH(killed_process_leaves_whole_transactions),
    };
    kit_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
