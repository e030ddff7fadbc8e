/* SPDX-License-Identifier: Apache-2.0
 *
 * store_test.c - the store's promises one by one: versions, deletion, index, revisions, order of
 * durable, reported and done, limits, purge, one process at a time.
 */
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "sync/version/hlc.h"
#include "tests/support/failalloc.h"
#include "tests/support/store_kit.h"

#define MS_PER_DAY UINT64_C(86400000)

static _Atomic uint64_t test_ms = 1795000000000;

static uint64_t test_clock(void)
{
    return atomic_load(&test_ms);
}

static int setup(void **state)
{
    struct kit *k = malloc(sizeof(*k));
    assert_non_null(k);
    kit_init(k);
    k->cfg.wall_ms = test_clock;
    kit_open(k);
    *state = k;
    return 0;
}

static int teardown(void **state)
{
    kit_deinit(*state);
    free(*state);
    return 0;
}

static struct weir_store_stats stats(struct kit *k)
{
    struct weir_store_stats st;
    assert_int_equal(weir_store_stats(k->r, &st), WEIR_OK);
    return st;
}

static void record_is_there_after_its_write_is_done_and_after_a_restart(void **state)
{
    struct kit *k = *state;

    assert_int_equal(kit_put(k, "t/shop", "one"), WEIR_OK);
    kit_expect(k, "t/shop", "one");
    kit_expect(k, "t/sho", NULL);
    kit_expect(k, "t/shop2", NULL);
    kit_close(k);
    kit_open(k);
    kit_expect(k, "t/shop", "one");
    assert_int_equal(stats(k).num_tenants, 1);
}

static void versions_grow_and_keep_their_lane_over_a_restart(void **state)
{
    struct kit *k = *state;
    struct kit_write kw;
    struct weir_version before = { .seq = 0 };
    uint8_t lane[WEIR_LANE_LEN];

    for (uint64_t i = 1; i <= 6; i++) {
        if (i == 4) {
            kit_close(k);
            kit_open(k);
        }
        kit_write_init(&kw, WEIR_SPAN_LIT("k"), WEIR_SPAN_LIT("v"));
        assert_int_equal(kit_run(k, &kw), WEIR_OK);
        assert_int_equal(kw.w.version.seq, i);
        assert_true(kw.w.version.hlc > before.hlc);
        assert_int_equal(kw.saw_hlc, before.hlc);
        if (i == 1)
            memcpy(lane, kw.w.version.lane, sizeof(lane));
        assert_memory_equal(kw.w.version.lane, lane, sizeof(lane));
        assert_int_equal(lane[8], 'C');
        before = kw.w.version;
    }
    assert_memory_equal(stats(k).lane, lane, sizeof(lane));
    assert_int_equal(stats(k).seq, 6);
}

static void clock_that_goes_back_does_not_take_versions_back(void **state)
{
    struct kit *k = *state;
    struct kit_write a;
    struct kit_write b;
    uint64_t now = atomic_load(&test_ms);

    kit_write_init(&a, WEIR_SPAN_LIT("k"), WEIR_SPAN_LIT("1"));
    assert_int_equal(kit_run(k, &a), WEIR_OK);
    assert_int_equal(a.w.version.hlc, weir_hlc_of_ms(now));
    atomic_store(&test_ms, now - 3600000);
    kit_write_init(&b, WEIR_SPAN_LIT("k"), WEIR_SPAN_LIT("2"));
    assert_int_equal(kit_run(k, &b), WEIR_OK);
    assert_int_equal(b.w.version.hlc, a.w.version.hlc + 1);
    kit_write_init(&b, WEIR_SPAN_LIT("other"), WEIR_SPAN_LIT("2"));
    assert_int_equal(kit_run(k, &b), WEIR_OK);
    assert_int_equal(b.w.version.hlc, weir_hlc_of_ms(now - 3600000));
    atomic_store(&test_ms, now);
}

static void deleted_record_is_absent_and_its_successor_is_newer(void **state)
{
    struct kit *k = *state;
    struct kit_write kw;

    assert_int_equal(kit_put(k, "t/a", "1"), WEIR_OK);
    kit_write_init(&kw, WEIR_SPAN_LIT("t/a"), WEIR_SPAN_EMPTY);
    kw.w.delete = true;
    assert_int_equal(kit_run(k, &kw), WEIR_OK);
    uint64_t deleted = kw.w.version.hlc;
    kit_expect(k, "t/a", NULL);
    assert_int_equal(stats(k).num_tenants, 0);
    assert_int_equal(kit_delete(k, "t/a"), WEIR_ENOTFOUND);
    kit_write_init(&kw, WEIR_SPAN_LIT("t/a"), WEIR_SPAN_LIT("2"));
    assert_int_equal(kit_run(k, &kw), WEIR_OK);
    assert_false(kw.saw_current);
    assert_true(kw.w.version.hlc > deleted);
    kit_expect(k, "t/a", "2");
    assert_int_equal(stats(k).num_tenants, 1);
}

static void refused_build_changes_nothing_and_does_not_touch_its_group(void **state)
{
    struct kit *k = *state;
    static const enum weir_err err[] = { WEIR_EEXIST, WEIR_ECONFLICT, WEIR_ENOTFOUND, WEIR_EINVAL,
                                         WEIR_ENOMEM };
    struct kit_write kw[WEIR_ARRAY_LEN(err) * 2];
    char key[WEIR_ARRAY_LEN(kw)][16];

    for (size_t i = 0; i < WEIR_ARRAY_LEN(kw); i++) {
        (void)snprintf(key[i], sizeof(key[i]), "k%zu", i);
        kit_write_init(&kw[i], weir_span_cstr(key[i]), WEIR_SPAN_LIT("v"));
        if (i % 2 == 1)
            kw[i].err = err[i / 2];
        assert_int_equal(weir_store_submit(k->s, &kw[i].w), WEIR_OK);
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kw); i++) {
        assert_int_equal(kit_wait(&kw[i]), i % 2 == 1 ? err[i / 2] : WEIR_OK);
        kit_expect(k, key[i], i % 2 == 1 ? NULL : "v");
    }
    assert_int_equal(stats(k).seq, WEIR_ARRAY_LEN(err));
}

static void value_of_the_largest_size_is_stored_and_one_byte_more_refused(void **state)
{
    struct kit *k = *state;
    struct kit_write kw;
    struct weir_record rec;
    uint8_t *big = malloc(WEIR_RECORD_MAX + 1);

    assert_non_null(big);
    for (size_t i = 0; i <= WEIR_RECORD_MAX; i++)
        big[i] = (uint8_t)('a' + i * 31 / 8 % 26);
    kit_write_init(&kw, WEIR_SPAN_LIT("big"), weir_span(big, WEIR_RECORD_MAX));
    kw.revision = 1;
    assert_int_equal(kit_run(k, &kw), WEIR_OK);
    kit_write_init(&kw, WEIR_SPAN_LIT("bigger"), weir_span(big, WEIR_RECORD_MAX + 1));
    assert_int_equal(kit_run(k, &kw), WEIR_ELIMIT);
    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    assert_int_equal(weir_store_get(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("big"), &rec), WEIR_OK);
    assert_true(weir_span_eq(rec.value, weir_span(big, WEIR_RECORD_MAX)));
    weir_store_read_end(k->r);
    kit_expect(k, "bigger", NULL);
    free(big);
}

static void key_of_the_largest_size_works_in_every_tree(void **state)
{
    struct kit *k = *state;
    char key[WEIR_KEY_MAX + 1];

    memset(key, 'x', WEIR_KEY_MAX);
    key[WEIR_KEY_MAX] = '\0';
    assert_int_equal(kit_put(k, key, "v|1n@5"), WEIR_OK);
    kit_expect(k, key, "v|1n@5");
    kit_expect_owner(k, WEIR_INDEX_HOST, "n", key);
    assert_int_equal(kit_delete(k, key), WEIR_OK);
    kit_expect(k, key, NULL);
    kit_expect_owner(k, WEIR_INDEX_HOST, "n", NULL);
    /* A name that together with this key passes LMDB's limit is refused, not cut. */
    char value[200] = "v|1";
    memset(value + 3, 'n', 150);
    memcpy(value + 153, "@1", 3);
    assert_int_equal(kit_put(k, key, value), WEIR_ELIMIT);
    kit_expect(k, key, NULL);
}

static void index_names_the_earliest_claim_and_hands_over_when_it_goes(void **state)
{
    struct kit *k = *state;

    assert_int_equal(kit_put(k, "t/b", "x|1shop.example@20"), WEIR_OK);
    kit_expect_owner(k, WEIR_INDEX_HOST, "shop.example", "t/b");
    assert_int_equal(stats(k).num_conflicts, 0);
    assert_int_equal(kit_put(k, "t/c", "x|1shop.example@10;1other@1"), WEIR_OK);
    kit_expect_owner(k, WEIR_INDEX_HOST, "shop.example", "t/c");
    assert_int_equal(stats(k).num_conflicts, 1);
    assert_int_equal(kit_put(k, "t/a", "x|1shop.example@10"), WEIR_OK);
    kit_expect_owner(k, WEIR_INDEX_HOST, "shop.example", "t/a");
    assert_int_equal(stats(k).num_conflicts, 1);
    assert_int_equal(kit_delete(k, "t/a"), WEIR_OK);
    kit_expect_owner(k, WEIR_INDEX_HOST, "shop.example", "t/c");
    assert_int_equal(kit_put(k, "t/c", "x|1other@1"), WEIR_OK);
    kit_expect_owner(k, WEIR_INDEX_HOST, "shop.example", "t/b");
    assert_int_equal(stats(k).num_conflicts, 0);
    kit_expect_owner(k, WEIR_INDEX_WILDCARD, "shop.example", NULL);
    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    assert_int_equal(weir_store_index_count(k->r, WEIR_INDEX_HOST), 2);
    assert_int_equal(weir_store_index_count(k->r, WEIR_INDEX_PREFIX), 0);
    weir_store_read_end(k->r);
}

static void index_distinguishes_names_that_begin_alike(void **state)
{
    struct kit *k = *state;

    assert_int_equal(kit_put(k, "a", "x|1n@1"), WEIR_OK);
    assert_int_equal(kit_put(k, "b", "x|1nn@1;1@1"), WEIR_OK); /* and the empty name */
    assert_int_equal(kit_put(k, "c", "x|1nnn@1;2nn@1"), WEIR_OK);
    kit_expect_owner(k, WEIR_INDEX_HOST, "n", "a");
    kit_expect_owner(k, WEIR_INDEX_HOST, "nn", "b");
    kit_expect_owner(k, WEIR_INDEX_HOST, "nnn", "c");
    kit_expect_owner(k, WEIR_INDEX_WILDCARD, "nn", "c");
    kit_expect_owner(k, WEIR_INDEX_HOST, "", "b");
    kit_expect_owner(k, WEIR_INDEX_ADDRESS, "", NULL);
}

static void record_that_claims_a_name_twice_holds_one_row(void **state)
{
    struct kit *k = *state;

    assert_int_equal(kit_put(k, "a", "x|1n@9;1n@3;1n@3"), WEIR_OK);
    assert_int_equal(kit_put(k, "b", "x|1n@5"), WEIR_OK);
    kit_expect_owner(k, WEIR_INDEX_HOST, "n", "a");
    assert_int_equal(stats(k).num_conflicts, 1);
    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    assert_int_equal(weir_store_index_count(k->r, WEIR_INDEX_HOST), 2);
    weir_store_read_end(k->r);
}

static void value_that_does_not_unpack_is_stored_without_rows(void **state)
{
    struct kit *k = *state;

    assert_int_equal(kit_put(k, "a", "x|1n@1"), WEIR_OK);
    assert_int_equal(kit_put(k, "a", "!corrupt|1n@1"), WEIR_OK);
    kit_expect(k, "a", "!corrupt|1n@1");
    kit_expect_owner(k, WEIR_INDEX_HOST, "n", NULL);
    assert_int_equal(kit_put(k, "a", "x|1n@1"), WEIR_OK);
    kit_expect_owner(k, WEIR_INDEX_HOST, "n", "a");
}

/* -- reported and done -- */

struct reports {
    struct kit *k;
    _Atomic int num;
    _Atomic int num_index;
    _Atomic int num_tombstones;
    _Atomic bool done_was_first;
    _Atomic bool not_durable;
};

static void on_change(void *arg, const struct weir_change *changes, size_t num)
{
    struct reports *t = arg;

    for (size_t i = 0; i < num; i++) {
        atomic_fetch_add(&t->num, 1);
        atomic_fetch_add(&t->num_index, changes[i].index_changed);
        atomic_fetch_add(&t->num_tombstones, changes[i].tombstone);
        if (changes[i].class != WEIR_CLASS_TENANT || changes[i].version.seq == 0)
            atomic_store(&t->not_durable, true);
    }
}

static void report_done(struct weir_write *w)
{
    struct kit_write *kw = weir_container_of(w, struct kit_write, w);
    struct reports *t = (struct reports *)(uintptr_t)kw->revision;

    if (atomic_load(&t->num) == 0)
        atomic_store(&t->done_was_first, true);
    kit_done(w);
}

static void changes_are_reported_before_done_with_whether_names_moved(void **state)
{
    struct kit *k = *state;
    struct reports t = { .k = k };
    struct kit_write kw;

    kit_close(k);
    k->cfg.on_change = on_change;
    k->cfg.on_change_arg = &t;
    kit_open(k);
    kit_write_init(&kw, WEIR_SPAN_LIT("a"), WEIR_SPAN_LIT("1|1n@1"));
    kw.w.done = report_done;
    kw.revision = (uint64_t)(uintptr_t)&t;
    assert_int_equal(kit_run(k, &kw), WEIR_OK);
    assert_false(atomic_load(&t.done_was_first));
    assert_int_equal(atomic_load(&t.num), 1);
    assert_int_equal(atomic_load(&t.num_index), 1);
    assert_int_equal(kit_put(k, "a", "2|1n@1"), WEIR_OK);
    assert_int_equal(atomic_load(&t.num), 2);
    assert_int_equal(atomic_load(&t.num_index), 1);
    assert_int_equal(kit_put(k, "a", "2|1n@2"), WEIR_OK);
    assert_int_equal(atomic_load(&t.num_index), 2);
    assert_int_equal(kit_delete(k, "a"), WEIR_OK);
    assert_int_equal(atomic_load(&t.num_index), 3);
    assert_int_equal(atomic_load(&t.num_tombstones), 1);
    assert_int_equal(kit_delete(k, "a"), WEIR_ENOTFOUND);
    assert_int_equal(atomic_load(&t.num), 4);
    assert_false(atomic_load(&t.not_durable));
}

static void queued_writes_are_finished_by_close_and_later_ones_refused(void **state)
{
    struct kit *k = *state;
    enum { NUM = 500 };
    static struct kit_write kw[NUM];
    static char key[NUM][16];

    for (int i = 0; i < NUM; i++) {
        (void)snprintf(key[i], sizeof(key[i]), "k%d", i);
        kit_write_init(&kw[i], weir_span_cstr(key[i]), WEIR_SPAN_LIT("v"));
        assert_int_equal(weir_store_submit(k->s, &kw[i].w), WEIR_OK);
    }
    kit_close(k);
    for (int i = 0; i < NUM; i++)
        assert_int_equal(kit_wait(&kw[i]), WEIR_OK);
    kit_open(k);
    assert_int_equal(stats(k).num_tenants, NUM);
}

/* -- revisions -- */

struct seen {
    uint64_t revision[WEIR_REVISIONS_KEPT + 4];
    size_t num;
    size_t stop_at;
};

static bool see_revision(void *arg, uint64_t revision, struct weir_span value)
{
    struct seen *s = arg;
    char want[32];

    (void)snprintf(want, sizeof(want), "v%" PRIu64, revision);
    assert_true(weir_span_eq(value, weir_span_cstr(want)));
    s->revision[s->num++] = revision;
    return s->num != s->stop_at;
}

static enum weir_err put_revision(struct kit *k, const char *key, uint64_t revision)
{
    struct kit_write kw;
    char value[32];

    (void)snprintf(value, sizeof(value), "v%" PRIu64, revision);
    kit_write_init(&kw, weir_span_cstr(key), weir_span_cstr(value));
    kw.revision = revision;
    return kit_run(k, &kw);
}

static void last_revisions_are_stored_newest_first_and_survive_deletion(void **state)
{
    struct kit *k = *state;
    struct seen seen = { .num = 0 };
    struct weir_span value;

    assert_int_equal(put_revision(k, "a", 77), WEIR_OK);
    assert_int_equal(put_revision(k, "bb", 78), WEIR_OK);
    for (uint64_t rev = 1; rev <= WEIR_REVISIONS_KEPT + 3; rev++)
        assert_int_equal(put_revision(k, "b", rev), WEIR_OK);
    assert_int_equal(kit_delete(k, "b"), WEIR_OK);
    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    assert_int_equal(
        weir_store_revision_list(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("b"), see_revision, &seen),
        WEIR_OK);
    assert_int_equal(seen.num, WEIR_REVISIONS_KEPT);
    for (size_t i = 0; i < seen.num; i++)
        assert_int_equal(seen.revision[i], WEIR_REVISIONS_KEPT + 3 - i);
    assert_int_equal(
        weir_store_revision_get(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("b"), 4, &value), WEIR_OK);
    assert_true(weir_span_eq(value, WEIR_SPAN_LIT("v4")));
    assert_int_equal(
        weir_store_revision_get(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("b"), 3, &value),
        WEIR_ENOTFOUND);
    seen = (struct seen){ .stop_at = 2 };
    assert_int_equal(
        weir_store_revision_list(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("b"), see_revision, &seen),
        WEIR_OK);
    assert_int_equal(seen.num, 2);
    seen = (struct seen){ .num = 0 };
    assert_int_equal(
        weir_store_revision_list(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("bb"), see_revision, &seen),
        WEIR_OK);
    assert_int_equal(seen.num, 1);
    seen = (struct seen){ .num = 0 };
    assert_int_equal(weir_store_revision_list(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("none"),
                                              see_revision, &seen),
                     WEIR_OK);
    assert_int_equal(seen.num, 0);
    weir_store_read_end(k->r);
}

/* -- lists -- */

struct listed {
    char last[WEIR_KEY_MAX + 1];
    size_t num;
};

static bool see_record(void *arg, const struct weir_record *rec)
{
    struct listed *l = arg;

    assert_int_equal(rec->class, WEIR_CLASS_TENANT);
    assert_false(rec->tombstone);
    assert_true(weir_span_cmp(weir_span_cstr(l->last), rec->key) < 0);
    memcpy(l->last, rec->key.at, rec->key.len);
    l->last[rec->key.len] = '\0';
    l->num++;
    return true;
}

static void pages_of_a_list_meet_every_live_record_once_in_order(void **state)
{
    struct kit *k = *state;
    struct listed l = { .num = 0 };
    struct kit_write kw;
    char key[16];
    size_t num_pages = 0;

    for (int i = 0; i < 60; i++) {
        (void)snprintf(key, sizeof(key), "t/%02d", i);
        assert_int_equal(kit_put(k, key, "v"), WEIR_OK);
        if (i % 3 == 0)
            assert_int_equal(kit_delete(k, key), WEIR_OK);
    }
    kit_write_init(&kw, WEIR_SPAN_LIT("t/00"), WEIR_SPAN_LIT("of another class"));
    kw.w.class = WEIR_CLASS_CERT;
    assert_int_equal(kit_run(k, &kw), WEIR_OK);
    size_t before;
    do {
        before = l.num;
        assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
        assert_int_equal(
            weir_store_list(k->r, WEIR_CLASS_TENANT, weir_span_cstr(l.last), 7, see_record, &l),
            WEIR_OK);
        weir_store_read_end(k->r);
        num_pages++;
    } while (l.num > before);
    assert_int_equal(l.num, 40);
    assert_int_equal(num_pages, 7);
}

/* -- limits -- */

static void second_store_on_the_folder_is_refused(void **state)
{
    struct kit *k = *state;
    struct weir_store *other = NULL;

    assert_int_equal(weir_store_open(&k->cfg, &other), WEIR_EINUSE);
    assert_null(other);
}

static void limits_of_the_size_are_checked_and_can_be_moved_while_running(void **state)
{
    struct kit *k = *state;
    struct weir_store_config cfg = k->cfg;
    struct weir_store *other = NULL;

    cfg.max_bytes = (1 << 20) - 1;
    assert_int_equal(weir_store_open(&cfg, &other), WEIR_EINVAL);
    assert_int_equal(weir_store_set_max(k->s, (1 << 20) - 1), WEIR_EINVAL);
    assert_int_equal(weir_store_set_max(k->s, KIT_MAX_BYTES * 4), WEIR_OK);
    assert_int_equal(stats(k).max_bytes, KIT_MAX_BYTES * 4);
    assert_int_equal(weir_store_set_max(k->s, KIT_MAX_BYTES * 4 + 1), WEIR_ELIMIT);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ADDRESS_SPACE_LIMITABLE 0
#else
#define ADDRESS_SPACE_LIMITABLE 1
#endif

static void little_address_space_is_enough_for_the_limit_itself(void **state)
{
    struct kit *k = *state;
    struct rlimit space = { UINT64_C(1) << 30, UINT64_C(1) << 30 };
    int status = 0;

    if (!ADDRESS_SPACE_LIMITABLE) {
        print_message("skipped: a sanitizer needs the address space itself\n");
        skip();
    }
    kit_close(k);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct weir_store *s = NULL;
        k->cfg.max_bytes = UINT64_C(300) << 20;
        bool ok = setrlimit(RLIMIT_AS, &space) == 0 && weir_store_open(&k->cfg, &s) == WEIR_OK &&
                  weir_store_set_max(s, UINT64_C(301) << 20) == WEIR_ELIMIT &&
                  weir_store_set_max(s, UINT64_C(200) << 20) == WEIR_OK;
        weir_store_close(&s);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    kit_open(k);
}

static void readers_are_counted_and_bounded(void **state)
{
    struct kit *k = *state;
    struct weir_store_reader *r[1024] = { NULL };
    size_t num = 0;
    enum weir_err err = WEIR_OK;

    while (num < WEIR_ARRAY_LEN(r) && (err = weir_store_reader_new(k->s, &r[num])) == WEIR_OK)
        num++;
    assert_int_equal(err, WEIR_ELIMIT);
    struct weir_store_stats st = stats(k);
    assert_int_equal(st.readers_used, num + 1);
    assert_int_equal(st.readers_used, st.readers_max);
    for (size_t i = 0; i < num; i++)
        weir_store_reader_free(&r[i]);
    assert_int_equal(stats(k).readers_used, 1);
}

static void snapshot_does_not_move_while_it_is_read(void **state)
{
    struct kit *k = *state;
    struct weir_record rec;

    assert_int_equal(kit_put(k, "a", "old"), WEIR_OK);
    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    for (int i = 0; i < 20; i++)
        assert_int_equal(kit_put(k, "a", "new"), WEIR_OK);
    assert_int_equal(kit_delete(k, "a"), WEIR_OK);
    assert_int_equal(weir_store_get(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a"), &rec), WEIR_OK);
    assert_true(weir_span_eq(rec.value, WEIR_SPAN_LIT("old")));
    assert_int_equal(rec.version.seq, 1);
    weir_store_read_end(k->r);
    kit_expect(k, "a", NULL);
}

/* -- purge -- */

static void old_tombstones_are_purged_and_leave_their_floor(void **state)
{
    struct kit *k = *state;
    struct kit_write kw;
    uint64_t now = atomic_load(&test_ms);
    struct weir_span value;

    assert_int_equal(put_revision(k, "a", 1), WEIR_OK);
    assert_int_equal(kit_put(k, "b", "stays"), WEIR_OK);
    kit_write_init(&kw, WEIR_SPAN_LIT("a"), WEIR_SPAN_EMPTY);
    kw.w.delete = true;
    assert_int_equal(kit_run(k, &kw), WEIR_OK);
    uint64_t deleted = kw.w.version.hlc;

    /* 399 days later it is still there: a new write sees its stamp. */
    atomic_store(&test_ms, now + 399 * MS_PER_DAY);
    kit_close(k);
    kit_open(k);
    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    assert_int_equal(
        weir_store_revision_get(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a"), 1, &value), WEIR_OK);
    weir_store_read_end(k->r);

    atomic_store(&test_ms, now + 401 * MS_PER_DAY);
    kit_close(k);
    kit_open(k); /* the first thing the writer does */
    kit_close(k);
    kit_open(k);
    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    assert_int_equal(
        weir_store_revision_get(k->r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a"), 1, &value),
        WEIR_ENOTFOUND);
    weir_store_read_end(k->r);
    kit_expect(k, "b", "stays");

    /* A clock set back does not bring the key under its deletion. */
    atomic_store(&test_ms, now - MS_PER_DAY);
    kit_write_init(&kw, WEIR_SPAN_LIT("a"), WEIR_SPAN_LIT("again"));
    assert_int_equal(kit_run(k, &kw), WEIR_OK);
    assert_true(kw.w.version.hlc > deleted);
    atomic_store(&test_ms, now);
}

/* -- scrub -- */

static void scrub_meets_every_record_in_steps(void **state)
{
    struct kit *k = *state;
    struct weir_store_scrub at = { .after_len = 0 };
    char key[16];
    uint64_t met = 0;

    assert_int_equal(weir_store_scrub_step(k->r, &at, 10), WEIR_OK);
    assert_int_equal(at.num_passes, 1);
    for (int i = 0; i < 25; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(kit_put(k, key, "v"), WEIR_OK);
    }
    assert_int_equal(kit_delete(k, "k3"), WEIR_OK);
    while (at.num_passes == 1) {
        met = at.num_checked > met ? at.num_checked : met;
        assert_int_equal(weir_store_scrub_step(k->r, &at, 4), WEIR_OK);
    }
    assert_int_equal(met, 24);
    assert_int_equal(at.num_corrupt, 0);
    assert_int_equal(at.num_passes, 2);
}

/* -- memory -- */

static void write_path_survives_every_failing_allocation(void **state)
{
    struct kit *k = *state;
    char many[4096] = "v|";
    size_t len = 2;
    long n = 1;
    enum weir_err err;

    for (int i = 0; i < 64; i++)
        len += (size_t)snprintf(many + len, sizeof(many) - len, "%s1host%d.example@%d",
                                i ? ";" : "", i, i + 1);
    do {
        struct kit_write kw;
        kit_write_init(&kw, WEIR_SPAN_LIT("a"), weir_span(many, len));
        kw.revision = 1;
        weir_failalloc_once(n++);
        err = kit_run(k, &kw);
        bool all_tried = weir_failalloc_count() < (unsigned long)(n - 1);
        weir_failalloc_once(-1);
        assert_true(err == WEIR_OK || err == WEIR_ENOMEM);
        kit_expect(k, "a", err == WEIR_OK ? many : NULL);
        if (err == WEIR_OK && all_tried)
            break;
        if (err == WEIR_OK) /* an allocation that can be done without */
            assert_int_equal(kit_delete(k, "a"), WEIR_OK);
    } while (n < 100);
    assert_true(n > 1);
    assert_true(n < 100);
    kit_expect_owner(k, WEIR_INDEX_HOST, "host63.example", "a");
}

static void open_survives_every_failing_allocation(void **state)
{
    struct kit *k = *state;
    struct weir_store *s = NULL;
    enum weir_err err = WEIR_ENOMEM;
    long n = 1;

    assert_int_equal(kit_put(k, "a", "1"), WEIR_OK);
    kit_close(k);
    for (; err < 0 && n < 100; n++) {
        weir_failalloc_once(n);
        err = weir_store_open(&k->cfg, &s);
        weir_failalloc_once(-1);
        assert_true(err == WEIR_OK || err == WEIR_ENOMEM);
    }
    assert_int_equal(err, WEIR_OK);
    assert_true(n > 4);
    weir_store_close(&s);
    kit_open(k);
    kit_expect(k, "a", "1");
}

int main(void)
{
    kit_quiet();
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(record_is_there_after_its_write_is_done_and_after_a_restart),
        T(versions_grow_and_keep_their_lane_over_a_restart),
        T(clock_that_goes_back_does_not_take_versions_back),
        T(deleted_record_is_absent_and_its_successor_is_newer),
        T(refused_build_changes_nothing_and_does_not_touch_its_group),
        T(value_of_the_largest_size_is_stored_and_one_byte_more_refused),
        T(key_of_the_largest_size_works_in_every_tree),
        T(index_names_the_earliest_claim_and_hands_over_when_it_goes),
        T(index_distinguishes_names_that_begin_alike),
        T(record_that_claims_a_name_twice_holds_one_row),
        T(value_that_does_not_unpack_is_stored_without_rows),
        T(changes_are_reported_before_done_with_whether_names_moved),
        T(queued_writes_are_finished_by_close_and_later_ones_refused),
        T(last_revisions_are_stored_newest_first_and_survive_deletion),
        T(pages_of_a_list_meet_every_live_record_once_in_order),
        T(second_store_on_the_folder_is_refused),
        T(limits_of_the_size_are_checked_and_can_be_moved_while_running),
        T(little_address_space_is_enough_for_the_limit_itself),
        T(readers_are_counted_and_bounded),
        T(snapshot_does_not_move_while_it_is_read),
        T(old_tombstones_are_purged_and_leave_their_floor),
        T(scrub_meets_every_record_in_steps),
        T(write_path_survives_every_failing_allocation),
        T(open_survives_every_failing_allocation),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
