/* SPDX-License-Identifier: Apache-2.0
 *
 * store_lost_test.c - a data file that is gone or empty at start, and a list of free pages that was
 * changed under the running store: the two kinds of damage that pass for a sound file.
 */
#include "sync/layout/store_file.h"
#include "sync/version/num.h"
#include "tests/support/store_kit.h"

/* The errors that a start logs about the folder. */
static size_t log_of_start(struct kit *k, char *out, size_t cap)
{
    int fds[2];

    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    weir_log_init(WEIR_LOG_ERROR, fds[1]);
    kit_open(k);
    kit_quiet();
    close(fds[1]);
    ssize_t len = read(fds[0], out, cap - 1);
    close(fds[0]);
    assert_true(len >= 0);
    out[len] = '\0';
    return (size_t)len;
}

static int open_in(const struct kit *k, const char *name, int flags)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", k->folder, name);
    return open(path, flags, 0600);
}

static void start_in_a_new_folder_is_quiet(void **state)
{
    struct kit k;
    char log[4096];

    (void)state;
    kit_init_quick(&k);
    assert_int_equal(log_of_start(&k, log, sizeof(log)), 0);
    kit_close(&k);
    assert_int_equal(log_of_start(&k, log, sizeof(log)), 0);
    kit_deinit(&k);
}

static void start_after_a_first_one_that_was_cut_off_is_quiet(void **state)
{
    static const char *const names[] = { "lock", "conf.mdb-lock", "conf.mdb" };
    struct kit k;
    char log[4096];

    (void)state;
    kit_init_quick(&k);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        int fd = open_in(&k, names[i], O_WRONLY | O_CREAT);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(log_of_start(&k, log, sizeof(log)), 0);
    kit_deinit(&k);
}

static void lost_or_emptied_file_is_logged_as_error_and_begun_anew(void **state)
{
    char log[4096];

    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        struct kit k;
        char path[256];
        kit_init_quick(&k);
        kit_open(&k);
        assert_int_equal(kit_put(&k, "t/a", "x"), WEIR_OK);
        kit_close(&k);
        (void)snprintf(path, sizeof(path), "%s/conf.mdb", k.folder);
        assert_int_equal(gone ? unlink(path) : truncate(path, 0), 0);
        assert_true(log_of_start(&k, log, sizeof(log)) > 0);
        assert_non_null(strstr(log, "store.damaged"));
        assert_non_null(strstr(log, path));
        assert_non_null(strstr(log, "nothing could be read"));
        kit_expect(&k, "t/a", NULL);
        assert_int_equal(kit_put(&k, "t/b", "y"), WEIR_OK);
        kit_close(&k);
        assert_int_equal(log_of_start(&k, log, sizeof(log)), 0);
        kit_expect(&k, "t/b", "y");
        kit_deinit(&k);
    }
}

/* Make the first free row name the page behind one of its own: the numbers still fall and lie
 * inside the file, and one of them is of a page in use, or free twice. */
static void spoil_free_row(const struct kit *k)
{
    struct store_file f = STORE_FILE_ZERO;
    struct weir_tree_cursor c;
    struct weir_span key;
    struct weir_span row;
    uint8_t number[8];
    int folder = open(k->folder, O_RDONLY | O_DIRECTORY);

    assert_true(folder >= 0);
    assert_int_equal(weir_store_file_open(folder, "conf.mdb", &f), WEIR_OK);
    assert_int_equal(weir_store_file_check(&f, true), WEIR_OK);
    assert_int_equal(weir_tree_first(&c, &f.pages, &f.meta.free), WEIR_OK);
    assert_int_equal(weir_tree_entry(&c, &key, &row), WEIR_OK);
    uint64_t num = weir_num_get_le(row.at, 8);
    assert_true(num > 0);
    uint64_t above = f.meta.last_page + 1;
    uint64_t i = 1;
    uint64_t pgno = weir_num_get_le(row.at + 8, 8);
    while (pgno + 1 >= above && i < num) {
        above = pgno;
        pgno = weir_num_get_le(row.at + ++i * 8, 8);
    }
    assert_true(pgno + 1 < above);
    weir_num_write_le(number, pgno + 1, 8);
    off_t at = row.at + i * 8 - f.pages.map;
    weir_store_file_close(&f);
    close(folder);
    int fd = open_in(k, "conf.mdb", O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, number, 8, at), 8);
    close(fd);
}

static void changed_number_of_a_free_page_stops_writes_until_the_restart(void **state)
{
    struct kit k;

    (void)state;
    kit_init_quick(&k);
    kit_open(&k);
    assert_int_equal(kit_put(&k, "t/a", "1"), WEIR_OK);
    assert_int_equal(kit_put(&k, "t/b", "2"), WEIR_OK);
    spoil_free_row(&k);
    assert_int_equal(kit_put(&k, "t/c", "3"), WEIR_ECORRUPT);
    kit_expect(&k, "t/a", "1");
    kit_expect(&k, "t/b", "2");
    kit_close(&k);
    kit_open(&k);
    kit_expect(&k, "t/a", "1");
    kit_expect(&k, "t/b", "2");
    assert_int_equal(kit_put(&k, "t/c", "3"), WEIR_OK);
    kit_deinit(&k);
}

int main(void)
{
    kit_quiet();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_in_a_new_folder_is_quiet),
        cmocka_unit_test(start_after_a_first_one_that_was_cut_off_is_quiet),
        cmocka_unit_test(lost_or_emptied_file_is_logged_as_error_and_begun_anew),
        cmocka_unit_test(changed_number_of_a_free_page_stops_writes_until_the_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
