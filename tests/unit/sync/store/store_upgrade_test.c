/* SPDX-License-Identifier: Apache-2.0
 *
 * store_upgrade_test.c - a file that a program without reversed rows wrote: it is opened as it is,
 * its reversed rows are made once, and a start that is cut off is continued by the next one.
 */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "node/base/clock.h"
#include "sync/store/store_claims.h"
#include "sync/store/store_lmdb.h"
#include "tests/support/older_store_file.h"
#include "tests/support/store_kit.h"

#define NUM_TENANTS      25
#define HOSTS_PER_TENANT 400 /* 10,000 names: three transactions of an upgrade */

static int setup(void **state)
{
    static struct kit k;
    *state = &k;
    kit_init_quick(&k);
    kit_open(&k);
    return 0;
}

static int teardown(void **state)
{
    kit_deinit(*state);
    return 0;
}

/* Names below a domain. */
static size_t num_below(struct kit *k, const char *domain)
{
    struct weir_claim_found at = { .row_len = 0 };
    enum weir_err err = WEIR_OK;
    size_t num = 0;

    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    while ((err = weir_store_index_below(k->r, weir_span_cstr(domain), &at)) == WEIR_OK)
        num++;
    assert_int_equal(err, WEIR_ENOTFOUND);
    weir_store_read_end(k->r);
    return num;
}

static void expect_undamaged(const struct kit *k)
{
    DIR *d = opendir(k->folder);
    struct dirent *e;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        assert_null(strstr(e->d_name, "damaged"));
    closedir(d);
}

static void put_many(struct kit *k)
{
    static char value[HOSTS_PER_TENANT * 32];
    char key[16];

    for (int i = 0; i < NUM_TENANTS; i++) {
        size_t len = (size_t)snprintf(value, sizeof(value), "x|2w%d.example@9", i);
        for (int j = 1; j < HOSTS_PER_TENANT; j++)
            len += (size_t)snprintf(value + len, sizeof(value) - len, ";1h%d.t%d.example@9", j, i);
        (void)snprintf(key, sizeof(key), "t%02d", i);
        assert_int_equal(kit_put(k, key, value), WEIR_OK);
    }
}

/* What an upgrade must not change, and the transaction it ended with. */
struct identity {
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t incarnation[16];
    uint64_t seq;
    uint64_t txn;
};

static struct identity identity_of(const struct kit *k)
{
    struct identity ret = { .seq = k->s->tally.seq, .txn = k->s->shared.roots.txnid };

    memcpy(ret.lane, k->s->shared.lane, sizeof(ret.lane));
    memcpy(ret.incarnation, k->s->incarnation, sizeof(ret.incarnation));
    return ret;
}

static void expect_same_identity(const struct kit *k, const struct identity *want)
{
    const struct identity got = identity_of(k);

    assert_memory_equal(got.lane, want->lane, sizeof(got.lane));
    assert_memory_equal(got.incarnation, want->incarnation, sizeof(got.incarnation));
    assert_int_equal(got.seq, want->seq);
}

static bool note_revision(void *arg, uint64_t revision, struct weir_span value)
{
    uint64_t *digits = arg;

    assert_true(value.len > 0);
    *digits = *digits * 10 + revision;
    return true;
}

/* The numbers of a tenant's revisions as digits, newest first. */
static uint64_t revisions_of(struct kit *k, const char *key)
{
    uint64_t digits = 0;

    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    assert_int_equal(weir_store_revision_list(k->r, WEIR_CLASS_TENANT, weir_span_cstr(key),
                                              note_revision, &digits),
                     WEIR_OK);
    weir_store_read_end(k->r);
    return digits;
}

static void an_older_file_is_no_damage_and_stays_what_it_was(void **state)
{
    struct kit *k = *state;
    struct kit_write kw;

    for (uint64_t revision = 1; revision <= 3; revision++) {
        kit_write_init(&kw, WEIR_SPAN_LIT("t1"),
                       WEIR_SPAN_LIT("x|1a.shop.example@1;2pay.example@1"));
        kw.revision = revision;
        assert_int_equal(kit_run(k, &kw), WEIR_OK);
    }
    assert_int_equal(kit_put(k, "t2", "x|1b.a.shop.example@2"), WEIR_OK);
    const struct identity before = identity_of(k);
    kit_close(k);
    assert_int_equal(older_strip(k), 3);
    kit_open(k);
    expect_undamaged(k);
    expect_same_identity(k, &before);
    kit_expect(k, "t1", "x|1a.shop.example@1;2pay.example@1");
    assert_int_equal(revisions_of(k, "t1"), 321);
    assert_int_equal(num_below(k, "shop.example"), 2);
    assert_int_equal(num_below(k, "pay.example"), 1);
    assert_int_equal(kit_delete(k, "t2"), WEIR_OK);
    assert_int_equal(num_below(k, "shop.example"), 1);
}

static void a_driven_store_is_upgraded_as_well(void **state)
{
    struct kit *k = *state;

    assert_int_equal(kit_put(k, "t1", "x|1a.shop.example@1;2pay.example@1"), WEIR_OK);
    const struct identity before = identity_of(k);
    kit_close(k);
    assert_int_equal(older_strip(k), 2);
    k->cfg.driven = true;
    kit_open(k);
    expect_undamaged(k);
    expect_same_identity(k, &before);
    assert_int_equal(num_below(k, "shop.example"), 1);
    assert_int_equal(num_below(k, "pay.example"), 1);
}

static void an_upgraded_file_is_not_upgraded_again(void **state)
{
    struct kit *k = *state;

    assert_int_equal(kit_put(k, "t1", "x|1a.shop.example@1"), WEIR_OK);
    kit_close(k);
    assert_int_equal(older_strip(k), 1);
    kit_open(k);
    kit_close(k);
    kit_open(k);
    const uint64_t txn = identity_of(k).txn;
    kit_close(k);
    kit_open(k);
    assert_int_equal(identity_of(k).txn, txn);
    assert_int_equal(num_below(k, "shop.example"), 1);
}

static void names_that_an_older_program_moved_are_found_and_the_old_ones_are_not(void **state)
{
    struct kit *k = *state;
    struct weir_claim_found at = { .row_len = 0 };

    assert_int_equal(kit_put(k, "t1", "x|1a.shop.example@1"), WEIR_OK);
    kit_close(k);
    older_move_host(k, "t1", "a.shop.example", "moved.shop.example", 1);
    kit_open(k);
    expect_undamaged(k);
    assert_int_equal(num_below(k, "shop.example"), 1);
    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    assert_int_equal(weir_store_index_below(k->r, WEIR_SPAN_LIT("shop.example"), &at), WEIR_OK);
    assert_string_equal(at.name, "moved.shop.example");
    weir_store_read_end(k->r);
}

/* -- cut off -- */

static int txns_left; /* until the process ends itself; each transaction asks for the time once */

static uint64_t wall_ms_until_killed(void)
{
    if (--txns_left == 0)
        (void)raise(SIGKILL);
    return weir_clock_wall_ms();
}

/* Open the store in a process that ends at the begin of its n-th transaction. */
static void open_until_txn(const struct kit *k, int n)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct weir_store_config cfg = k->cfg;
        struct weir_store *s = NULL;
        txns_left = n;
        cfg.wall_ms = wall_ms_until_killed;
        _exit(weir_store_open(&cfg, &s) == WEIR_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void an_upgrade_that_is_killed_goes_on_where_it_stopped(void **state)
{
    struct kit *k = *state;
    const size_t num = (size_t)NUM_TENANTS * HOSTS_PER_TENANT;
    size_t found = 0;

    put_many(k);
    const struct identity before = identity_of(k);
    kit_close(k);
    assert_int_equal(older_strip(k), num);
    /* The first transaction reads where the upgrade stands, each other makes 4,096 rows. */
    open_until_txn(k, 3);
    assert_int_equal(older_num_reversed(k), 4096);
    open_until_txn(k, 3);
    assert_int_equal(older_num_reversed(k), 8192);
    kit_open(k);
    expect_undamaged(k);
    expect_same_identity(k, &before);
    for (int i = 0; i < NUM_TENANTS; i++) {
        char domain[32];
        (void)snprintf(domain, sizeof(domain), "t%d.example", i);
        assert_int_equal(num_below(k, domain), HOSTS_PER_TENANT - 1);
        (void)snprintf(domain, sizeof(domain), "w%d.example", i);
        found += num_below(k, domain);
    }
    assert_int_equal(found, NUM_TENANTS);
    kit_close(k);
    assert_int_equal(older_num_reversed(k), num);
    kit_open(k);
}

static void stale_rows_are_removed_also_when_the_removal_is_killed(void **state)
{
    struct kit *k = *state;
    const size_t num = (size_t)NUM_TENANTS * HOSTS_PER_TENANT;

    put_many(k);
    kit_close(k);
    older_move_host(k, "t03", "h7.t3.example", "h7.moved.example", 9);
    open_until_txn(k, 3);
    assert_int_equal(older_num_reversed(k), num - 4096);
    kit_open(k);
    assert_int_equal(num_below(k, "t3.example"), HOSTS_PER_TENANT - 2);
    assert_int_equal(num_below(k, "moved.example"), 1);
    kit_close(k);
    assert_int_equal(older_num_reversed(k), num);
    kit_open(k);
}

/* -- faults -- */

static void a_rescued_older_file_has_its_reversed_rows(void **state)
{
    struct kit *k = *state;

    assert_int_equal(kit_put(k, "t1", "x|1a.shop.example@1;2pay.example@1"), WEIR_OK);
    kit_close(k);
    assert_int_equal(older_strip(k), 2);
    older_lose_counts(k);
    kit_open(k);
    assert_int_equal(num_below(k, "shop.example"), 1);
    assert_int_equal(num_below(k, "pay.example"), 1);
    const uint64_t txn = identity_of(k).txn;
    kit_close(k);
    kit_open(k);
    assert_int_equal(identity_of(k).txn, txn);
}

static void a_disk_that_takes_no_rows_leaves_a_store_that_says_so(void **state)
{
    struct kit *k = *state;
    struct weir_claim_found at = { .row_len = 0 };
    struct rlimit was;

    put_many(k);
    kit_close(k);
    assert_int_equal(older_strip(k), (size_t)NUM_TENANTS * HOSTS_PER_TENANT);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    const struct rlimit small = { 65536, was.rlim_max };
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    kit_open(k);
    expect_undamaged(k);
    kit_expect_owner(k, WEIR_INDEX_HOST, "h7.t3.example", "t03");
    assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
    assert_int_equal(weir_store_index_below(k->r, WEIR_SPAN_LIT("t3.example"), &at), WEIR_EIO);
    weir_store_read_end(k->r);
    kit_close(k);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    (void)signal(SIGXFSZ, handler);
    kit_open(k);
    assert_int_equal(num_below(k, "t3.example"), HOSTS_PER_TENANT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_older_file_is_no_damage_and_stays_what_it_was, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_driven_store_is_upgraded_as_well, setup, teardown),
        cmocka_unit_test_setup_teardown(an_upgraded_file_is_not_upgraded_again, setup, teardown),
        cmocka_unit_test_setup_teardown(
            names_that_an_older_program_moved_are_found_and_the_old_ones_are_not, setup, teardown),
        cmocka_unit_test_setup_teardown(an_upgrade_that_is_killed_goes_on_where_it_stopped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(stale_rows_are_removed_also_when_the_removal_is_killed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_rescued_older_file_has_its_reversed_rows, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_takes_no_rows_leaves_a_store_that_says_so,
                                        setup, teardown),
    };
    kit_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
