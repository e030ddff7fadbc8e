/* SPDX-License-Identifier: Apache-2.0
 *
 * store_threads_test.c - readers, submitters and the writer at the same time. What a reader sees in
 * one snapshot belongs together; what it saw it never sees older again. Made for the thread
 * sanitizer; also prints how quick the store is (WEIR_TEST_LOG).
 */
#include <inttypes.h>
#include <stdatomic.h>

#include "node/base/clock.h"
#include "tests/support/store_kit.h"

#define NUM_READERS    3
#define NUM_SUBMITTERS 2
#define NUM_PAIRS      8
#define NUM_WRITES     1500

struct shared {
    struct kit k;
    _Atomic bool stop;
    _Atomic uint64_t num_reads;
    _Atomic uint64_t num_busy;
};

static struct shared sh;

/* Two keys that are always written together would need one transaction; instead the value names its
 * claim, so that record and index row can be compared within a snapshot. */
static void *reader_main(void *arg)
{
    struct weir_store_reader *r = NULL;
    uint64_t seen[NUM_PAIRS] = { 0 };

    (void)arg;
    if (weir_store_reader_new(sh.k.s, &r) != WEIR_OK)
        return (void *)1;
    while (!atomic_load(&sh.stop)) {
        if (weir_store_read_begin(r) != WEIR_OK)
            return (void *)2;
        for (int i = 0; i < NUM_PAIRS; i++) {
            struct weir_record rec;
            struct weir_span owner;
            char key[16];
            char name[64];
            (void)snprintf(key, sizeof(key), "k%d", i);
            enum weir_err err = weir_store_get(r, WEIR_CLASS_TENANT, weir_span_cstr(key), &rec);
            if (err == WEIR_ENOTFOUND)
                continue;
            if (err != WEIR_OK || rec.version.seq < seen[i])
                return (void *)3;
            seen[i] = rec.version.seq;
            /* "NUMBER|1NAME@1": the name must lead back to this record now. */
            const uint8_t *bar = memchr(rec.value.at, '|', rec.value.len);
            size_t len = rec.value.len - (size_t)(bar + 2 - rec.value.at) - 2;
            memcpy(name, bar + 2, len);
            err = weir_store_index_owner(r, WEIR_INDEX_HOST, weir_span(name, len), &owner);
            if (err != WEIR_OK || !weir_span_eq(owner, weir_span_cstr(key)))
                return (void *)4;
        }
        weir_store_read_end(r);
        struct weir_store_stats st;
        if (weir_store_stats(r, &st) != WEIR_OK || st.num_corrupt != 0)
            return (void *)5;
        atomic_fetch_add(&sh.num_reads, 1);
    }
    weir_store_reader_free(&r);
    return NULL;
}

static void *submitter_main(void *arg)
{
    uint64_t id = (uint64_t)(uintptr_t)arg;

    for (uint64_t n = 0; n < NUM_WRITES; n += 10) {
        struct kit_write kw[10];
        char key[10][16];
        char value[10][64];
        for (int i = 0; i < 10; i++) {
            uint64_t pair = (n + (uint64_t)i) * NUM_SUBMITTERS + id;
            (void)snprintf(key[i], sizeof(key[i]), "k%" PRIu64, pair % NUM_PAIRS);
            (void)snprintf(value[i], sizeof(value[i]), "%" PRIu64 "|1n%" PRIu64 "@1", n, pair);
            kit_write_init(&kw[i], weir_span_cstr(key[i]), weir_span_cstr(value[i]));
            while (weir_store_submit(sh.k.s, &kw[i].w) == WEIR_EBUSY)
                atomic_fetch_add(&sh.num_busy, 1);
        }
        for (int i = 0; i < 10; i++)
            if (kit_wait(&kw[i]) != WEIR_OK)
                return (void *)1;
    }
    return NULL;
}

static void readers_see_whole_snapshots_while_others_write(void **state)
{
    pthread_t readers[NUM_READERS];
    pthread_t submitters[NUM_SUBMITTERS];
    struct weir_store_stats st;
    void *result = NULL;

    (void)state;
    kit_init(&sh.k);
    kit_open(&sh.k);
    for (int i = 0; i < NUM_READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, reader_main, NULL), 0);
    for (int i = 0; i < NUM_SUBMITTERS; i++)
        assert_int_equal(pthread_create(&submitters[i], NULL, submitter_main, (void *)(uintptr_t)i),
                         0);
    for (int i = 0; i < NUM_SUBMITTERS; i++) {
        assert_int_equal(pthread_join(submitters[i], &result), 0);
        assert_null(result);
    }
    atomic_store(&sh.stop, true);
    for (int i = 0; i < NUM_READERS; i++) {
        assert_int_equal(pthread_join(readers[i], &result), 0);
        assert_null(result);
    }
    assert_true(atomic_load(&sh.num_reads) > 0);
    assert_int_equal(weir_store_stats(sh.k.r, &st), WEIR_OK);
    assert_int_equal(st.seq, NUM_WRITES * NUM_SUBMITTERS);
    kit_deinit(&sh.k);
}

#define NUM_QUEUED 10000

static void ten_thousand_queued_writes_take_few_commits(void **state)
{
    static struct kit_write kw[NUM_QUEUED];
    static char key[NUM_QUEUED][16];
    static char value[1024];
    struct weir_metrics metrics = { 0 };
    struct weir_record rec;
    struct kit k;

    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    kit_init(&k);
    k.cfg.metrics = &metrics;
    k.cfg.max_bytes = UINT64_C(1) << 30;
    kit_open(&k);
    uint64_t begin = weir_clock_mono_ns();
    for (int i = 0; i < NUM_QUEUED; i++) {
        (void)snprintf(key[i], sizeof(key[i]), "t/%06d", i);
        kit_write_init(&kw[i], weir_span_cstr(key[i]), weir_span(value, sizeof(value)));
        kw[i].revision = 1;
        assert_int_equal(weir_store_submit(k.s, &kw[i].w), WEIR_OK);
    }
    for (int i = 0; i < NUM_QUEUED; i++)
        assert_int_equal(kit_wait(&kw[i]), WEIR_OK);
    uint64_t written = weir_clock_mono_ns();
    for (int i = 0; i < NUM_QUEUED; i++) {
        assert_int_equal(weir_store_read_begin(k.r), WEIR_OK);
        assert_int_equal(weir_store_get(k.r, WEIR_CLASS_TENANT, weir_span_cstr(key[i]), &rec),
                         WEIR_OK);
        weir_store_read_end(k.r);
    }
    uint64_t read = weir_clock_mono_ns();
    if (getenv("WEIR_TEST_LOG"))
        print_message("%d writes %" PRIu64 " us, %d reads %" PRIu64 " us\n", NUM_QUEUED,
                      (written - begin) / 1000, NUM_QUEUED, (read - written) / 1000);
    assert_int_equal(atomic_load(&metrics.cells[WEIR_M_STORE_WRITES]), NUM_QUEUED);
    assert_true(atomic_load(&metrics.cells[WEIR_M_STORE_COMMITS]) < NUM_QUEUED / 20);
    kit_deinit(&k);
}

static _Atomic bool gate_entered;
static _Atomic bool gate_open;

/* Holds the writer until the test lets it go. */
static enum weir_err gate_build(struct weir_write *w, const struct weir_record *current,
                                uint64_t hlc, struct weir_strbuf *value)
{
    atomic_store(&gate_entered, true);
    while (!atomic_load(&gate_open))
        usleep(1000);
    return kit_build(w, current, hlc, value);
}

static void full_queue_is_reported_and_loses_nothing(void **state)
{
    struct kit_write *kw = calloc(WEIR_WRITER_QUEUE_MAX, sizeof(*kw));
    struct kit_write gate;
    struct kit_write late;
    struct kit k;

    (void)state;
    assert_non_null(kw);
    kit_init(&k);
    kit_open(&k);
    kit_write_init(&gate, WEIR_SPAN_LIT("gate"), WEIR_SPAN_LIT("v"));
    gate.w.build = gate_build;
    assert_int_equal(weir_store_submit(k.s, &gate.w), WEIR_OK);
    while (!atomic_load(&gate_entered))
        usleep(1000);
    /* Nothing is written by these: the key is absent. */
    for (int i = 0; i < WEIR_WRITER_QUEUE_MAX; i++) {
        kit_write_init(&kw[i], WEIR_SPAN_LIT("k"), WEIR_SPAN_LIT("v"));
        kw[i].must_exist = true;
        assert_int_equal(weir_store_submit(k.s, &kw[i].w), WEIR_OK);
    }
    kit_write_init(&late, WEIR_SPAN_LIT("late"), WEIR_SPAN_LIT("v"));
    assert_int_equal(weir_store_submit(k.s, &late.w), WEIR_EBUSY);
    atomic_store(&gate_open, true);
    assert_int_equal(kit_wait(&gate), WEIR_OK);
    for (int i = 0; i < WEIR_WRITER_QUEUE_MAX; i++)
        assert_int_equal(kit_wait(&kw[i]), WEIR_ENOTFOUND);
    assert_int_equal(kit_run(&k, &late), WEIR_OK);
    kit_deinit(&k);
    free(kw);
}

int main(void)
{
    kit_quiet();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_whole_snapshots_while_others_write),
        cmocka_unit_test(ten_thousand_queued_writes_take_few_commits),
        cmocka_unit_test(full_queue_is_reported_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
