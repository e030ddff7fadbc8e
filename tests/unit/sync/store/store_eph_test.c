/* SPDX-License-Identifier: Apache-2.0
 *
 * store_eph_test.c - the store of group E: what it survives and what it throws away, its queues by
 * time, and that it stands beside the settings in one folder.
 */
#include <sys/wait.h>

#include "tests/support/record_store_kit.h"
#include "tests/support/spoil_store_file.h"

#define NUM_BANS 500

static void put_bans(struct record_store_kit *kk)
{
    char key[16];

    rs_begin(kk);
    for (unsigned i = 0; i < NUM_BANS; i++) {
        (void)snprintf(key, sizeof(key), "ban%u", i);
        struct weir_stored_record rec = rs_record(kk, key, 1, 1 + i, "x");
        rec.rec.expires = 1000 + i * 7 % NUM_BANS;
        rs_put(kk, &rec);
    }
    rs_commit(kk);
}

static bool has_bans(struct record_store_kit *kk)
{
    struct weir_stored_record got;

    rs_begin(kk);
    bool all = rs_get(kk, "ban0", &got) == WEIR_OK && rs_get(kk, "ban499", &got) == WEIR_OK;
    bool none =
        kk->k->ops->next_key(kk->k, WEIR_CLASS_BAN, WEIR_SPAN_EMPTY, &got) == WEIR_ENOTFOUND;
    assert_true(all != none);
    kk->k->ops->abort(kk->k);
    return all;
}

static void end_without_close(struct record_store_kit *kk)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        record_store_kit_open(kk);
        put_bans(kk);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void bans_survive_the_process_and_a_clean_close_of_the_machine(void **state)
{
    struct record_store_kit kk;

    (void)state;
    record_store_kit_init(&kk, 'E');
    kit_close(&kk.kit);
    end_without_close(&kk);
    record_store_kit_open(&kk);
    assert_true(has_bans(&kk));
    assert_int_equal(weir_eph_sync(kk.kit.s), WEIR_OK);
    kit_close(&kk.kit);
    kk.boot_id[3]++;
    record_store_kit_open(&kk);
    assert_true(has_bans(&kk));
    record_store_kit_deinit(&kk);
}

static void bans_of_a_machine_that_stopped_are_thrown_away(void **state)
{
    struct record_store_kit kk;

    (void)state;
    record_store_kit_init(&kk, 'E');
    kit_close(&kk.kit);
    end_without_close(&kk);
    kk.boot_id[3]++;
    record_store_kit_open(&kk);
    assert_false(has_bans(&kk));
    put_bans(&kk);
    record_store_kit_reopen(&kk);
    assert_true(has_bans(&kk));
    record_store_kit_deinit(&kk);
}

/* Every page of the file in turn, and a file cut short. */
static void damaged_file_is_thrown_away_and_never_more_than_that(void **state)
{
    struct record_store_kit kk;
    size_t len = 0;
    unsigned num_stored = 0;
    unsigned num_lost = 0;

    (void)state;
    record_store_kit_init(&kk, 'E');
    put_bans(&kk);
    kit_close(&kk.kit);
    uint8_t *file = kit_read_file(&kk.kit, "eph.mdb", &len);
    for (size_t page = 0; page <= len / 4096; page++) {
        uint8_t wrong[8];
        int fd = kit_open_file(&kk.kit, "eph.mdb", O_WRONLY | O_CREAT | O_TRUNC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, file, len), len);
        memset(wrong, 0xff, sizeof(wrong));
        if (page < len / 4096)
            assert_int_equal(pwrite(fd, wrong, sizeof(wrong), (off_t)(page * 4096 + 10)),
                             sizeof(wrong));
        else
            assert_int_equal(ftruncate(fd, 3 * 4096), 0);
        close(fd);
        record_store_kit_open(&kk);
        *(has_bans(&kk) ? &num_stored : &num_lost) += 1;
        put_bans(&kk);
        assert_true(has_bans(&kk));
        kit_close(&kk.kit);
    }
    /* Pages that nothing leads to any more may be spoiled. */
    assert_true(num_lost > 10);
    assert_true(num_stored > 0);
    free(file);
    record_store_kit_open(&kk);
    record_store_kit_deinit(&kk);
}

static void expired_bans_come_in_the_order_of_their_end(void **state)
{
    struct record_store_kit kk;
    struct weir_stored_record got;

    (void)state;
    record_store_kit_init(&kk, 'E');
    put_bans(&kk);
    rs_begin(&kk);
    struct weir_stored_record for_ever = rs_record(&kk, "for ever", 1, 900, "x");
    rs_put(&kk, &for_ever);
    for (unsigned i = 0; i < NUM_BANS; i++) {
        assert_int_equal(kk.k->ops->next_expired(kk.k, 999 + i, &got), WEIR_ENOTFOUND);
        assert_int_equal(kk.k->ops->next_expired(kk.k, UINT64_MAX, &got), WEIR_OK);
        assert_int_equal(got.rec.expires, 1000 + i);
        assert_int_equal(kk.k->ops->drop(kk.k, WEIR_CLASS_BAN, got.rec.key), WEIR_OK);
    }
    assert_int_equal(kk.k->ops->next_expired(kk.k, UINT64_MAX, &got), WEIR_ENOTFOUND);
    rs_commit(&kk);
    rs_begin(&kk);
    assert_int_equal(rs_get(&kk, "for ever", &got), WEIR_OK);
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

static void tombstone_expires_by_its_age_in_seconds_or_by_its_own_end(void **state)
{
    struct record_store_kit kk;
    struct weir_stored_record got;
    uint64_t now_s = RECORD_STORE_NOW_MS / 1000;

    (void)state;
    record_store_kit_init(&kk, 'E');
    struct weir_stored_record aged = rs_tombstone(&kk, "aged", 1, 1, RECORD_STORE_NOW_MS + 7999);
    struct weir_stored_record late = rs_tombstone(&kk, "late", 1, 2, RECORD_STORE_NOW_MS + 60000);
    struct weir_stored_record early = rs_tombstone(&kk, "early", 1, 3, RECORD_STORE_NOW_MS + 9000);
    late.rec.expires = now_s + 5;
    early.rec.expires = now_s + 86400;
    rs_begin(&kk);
    rs_put(&kk, &aged);
    rs_put(&kk, &late);
    rs_put(&kk, &early);
    const struct weir_stored_record *const order[] = { &late, &aged, &early };
    const uint64_t expires_ms[] = { 5000, 7000, 9000 };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(order); i++) {
        uint64_t expires_at_ms = RECORD_STORE_NOW_MS + expires_ms[i];
        assert_int_equal(kk.k->ops->next_tombstone(kk.k, expires_at_ms - 1, &got), WEIR_ENOTFOUND);
        assert_int_equal(kk.k->ops->next_tombstone(kk.k, expires_at_ms, &got), WEIR_OK);
        rs_same(&got, order[i]);
        assert_int_equal(kk.k->ops->drop(kk.k, WEIR_CLASS_BAN, got.rec.key), WEIR_OK);
    }
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

static void both_stores_stand_in_one_folder_and_are_read_alike(void **state)
{
    struct record_store_kit bans;
    struct record_store_kit settings;
    struct weir_store *second = NULL;
    struct weir_record rec;

    (void)state;
    record_store_kit_init(&bans, 'E');
    settings = bans;
    settings.group = 'C';
    record_store_kit_open(&settings);
    put_bans(&bans);
    struct weir_stored_record tenant = rs_record(&settings, "tenant", 1, 1, "y");
    rs_put_now(&settings, &tenant);
    assert_int_equal(weir_eph_open(&bans.kit.cfg, bans.boot_id, &second), WEIR_EINUSE);
    assert_int_equal(weir_store_read_begin(bans.kit.r), WEIR_OK);
    assert_int_equal(weir_store_get(bans.kit.r, WEIR_CLASS_BAN, WEIR_SPAN_LIT("ban7"), &rec),
                     WEIR_OK);
    assert_true(weir_span_eq(rec.value, WEIR_SPAN_LIT("x")));
    assert_int_equal(weir_store_get(bans.kit.r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("tenant"), &rec),
                     WEIR_ENOTFOUND);
    weir_store_read_end(bans.kit.r);
    kit_expect(&settings.kit, "tenant", "y");
    struct weir_store_stats st;
    assert_int_equal(weir_store_stats(bans.kit.r, &st), WEIR_OK);
    assert_int_equal(st.num_records, NUM_BANS);
    kit_close(&settings.kit);
    record_store_kit_deinit(&bans);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bans_survive_the_process_and_a_clean_close_of_the_machine),
        cmocka_unit_test(bans_of_a_machine_that_stopped_are_thrown_away),
        cmocka_unit_test(damaged_file_is_thrown_away_and_never_more_than_that),
        cmocka_unit_test(expired_bans_come_in_the_order_of_their_end),
        cmocka_unit_test(tombstone_expires_by_its_age_in_seconds_or_by_its_own_end),
        cmocka_unit_test(both_stores_stand_in_one_folder_and_are_read_alike),
    };
    kit_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
