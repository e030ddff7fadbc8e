/* SPDX-License-Identifier: Apache-2.0
 *
 * store_full_test.c - no room and a failing disk: the reserve, the limit moved while running,
 * errors of writing and of fsync, of the meta page too; what was acknowledged stays readable
 * throughout. The disk fails by way of pwrite, writev and fdatasync, which this program defines
 * before the C library does, so that LMDB calls them.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "tests/support/store_kit.h"

#define SMALL_BYTES (4u << 20)
#define META_BYTES  4096

enum fault { FAULT_NONE, FAULT_ENOSPC, FAULT_EIO, FAULT_SHORT, FAULT_SYNC, FAULT_META };

static _Atomic int fault;

ssize_t pwrite(int fd, const void *at, size_t len, off_t offset);
ssize_t pwrite64(int fd, const void *at, size_t len, off_t offset);
ssize_t pwritev(int fd, const struct iovec *iov, int num, off_t offset);
ssize_t writev(int fd, const struct iovec *iov, int num);
int fdatasync(int fd);

static ssize_t refuse(int err)
{
    errno = err;
    return -1;
}

ssize_t pwrite(int fd, const void *at, size_t len, off_t offset)
{
    int f = atomic_load(&fault);

    if (f == FAULT_META && offset < 2 * META_BYTES)
        return refuse(EIO);
    if (f == FAULT_ENOSPC || f == FAULT_EIO)
        return refuse(f == FAULT_EIO ? EIO : ENOSPC);
    if (f == FAULT_SHORT)
        len /= 2;
    return syscall(SYS_pwrite64, fd, at, len, offset);
}

ssize_t pwrite64(int fd, const void *at, size_t len, off_t offset)
{
    return pwrite(fd, at, len, offset);
}

ssize_t writev(int fd, const struct iovec *iov, int num)
{
    int f = atomic_load(&fault);

    if (f == FAULT_ENOSPC || f == FAULT_EIO)
        return refuse(f == FAULT_EIO ? EIO : ENOSPC);
    return syscall(SYS_writev, fd, iov, f == FAULT_SHORT ? 1 : num);
}

ssize_t pwritev(int fd, const struct iovec *iov, int num, off_t offset)
{
    int f = atomic_load(&fault);

    if (f == FAULT_ENOSPC || f == FAULT_EIO)
        return refuse(f == FAULT_EIO ? EIO : ENOSPC);
    return syscall(SYS_pwritev, fd, iov, f == FAULT_SHORT ? 1 : num, offset, 0);
}

int fdatasync(int fd)
{
    if (atomic_load(&fault) == FAULT_SYNC)
        return (int)refuse(EIO);
    return (int)syscall(SYS_fdatasync, fd);
}

static int setup(void **state)
{
    struct kit *k = malloc(sizeof(*k));
    assert_non_null(k);
    kit_init(k);
    k->cfg.max_bytes = SMALL_BYTES;
    kit_open(k);
    *state = k;
    return 0;
}

static int teardown(void **state)
{
    atomic_store(&fault, FAULT_NONE);
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

static enum weir_err put_sized(struct kit *k, int i, size_t len, uint64_t revision)
{
    static uint8_t value[WEIR_RECORD_MAX];
    struct kit_write kw;
    char key[16];

    memset(value, 'v', len);
    (void)snprintf(key, sizeof(key), "k%06d", i);
    kit_write_init(&kw, weir_span_cstr(key), weir_span(value, len));
    kw.revision = revision;
    return kit_run(k, &kw);
}

static int fill(struct kit *k, size_t len, bool revisions)
{
    int num = 0;
    enum weir_err err;

    while ((err = put_sized(k, num, len, revisions ? 1 : 0)) == WEIR_OK)
        num++;
    assert_int_equal(err, WEIR_EFULL);
    return num;
}

static void writes_stop_at_80_percent_and_deletes_make_room_again(void **state)
{
    struct kit *k = *state;
    char key[16];

    int num = fill(k, 8000, false);
    struct weir_store_stats st = stats(k);
    assert_false(st.writable);
    assert_true(st.used_bytes > SMALL_BYTES / 100 * 80);
    assert_true(st.used_bytes < SMALL_BYTES / 100 * 90);
    assert_true(num > 200);
    for (int i = 0; i < num; i++) {
        (void)snprintf(key, sizeof(key), "k%06d", i);
        assert_int_equal(kit_delete(k, key), WEIR_OK);
    }
    st = stats(k);
    assert_true(st.writable);
    assert_true(st.used_bytes < SMALL_BYTES / 4);
    int again = fill(k, 8000, false);
    assert_true(again > num * 8 / 10);
    kit_close(k);
    kit_open(k);
    assert_int_equal(put_sized(k, 0, 10, 0), WEIR_EFULL);
    assert_int_equal(stats(k).num_tenants, again);
}

static void delete_above_the_reserve_takes_the_revisions_along(void **state)
{
    struct kit *k = *state;
    struct weir_span value;
    char key[16];

    int num = fill(k, 8000, true);
    for (int i = 0; i < num; i++) {
        (void)snprintf(key, sizeof(key), "k%06d", i);
        bool full = !stats(k).writable;
        assert_int_equal(kit_delete(k, key), WEIR_OK);
        assert_int_equal(weir_store_read_begin(k->r), WEIR_OK);
        assert_int_equal(
            weir_store_revision_get(k->r, WEIR_CLASS_TENANT, weir_span_cstr(key), 1, &value),
            full ? WEIR_ENOTFOUND : WEIR_OK);
        weir_store_read_end(k->r);
    }
    assert_true(stats(k).writable);
    assert_int_equal(put_sized(k, 0, 10, 1), WEIR_OK);
}

static void limit_that_is_raised_while_running_takes_writes_again(void **state)
{
    struct kit *k = *state;

    int num = fill(k, 8000, false);
    assert_int_equal(weir_store_set_max(k->s, SMALL_BYTES * 2), WEIR_OK);
    assert_true(stats(k).writable);
    assert_int_equal(put_sized(k, num, 8000, 0), WEIR_OK);
    assert_int_equal(weir_store_set_max(k->s, SMALL_BYTES), WEIR_OK);
    assert_int_equal(put_sized(k, num + 1, 8000, 0), WEIR_EFULL);
    assert_int_equal(kit_delete(k, "k000000"), WEIR_OK);
    /* The next start with the larger limit. */
    kit_close(k);
    k->cfg.max_bytes = SMALL_BYTES * 2;
    kit_open(k);
    assert_int_equal(put_sized(k, num + 1, 8000, 0), WEIR_OK);
}

static void queue_of_large_writes_passes_the_reserve_by_little(void **state)
{
    struct kit *k = *state;
    enum { NUM = 1000 };
    static struct kit_write kw[NUM];
    static char key[NUM][16];
    static uint8_t value[8000];
    int num_ok = 0;

    memset(value, 'v', sizeof(value));
    for (int i = 0; i < NUM; i++) {
        (void)snprintf(key[i], sizeof(key[i]), "k%06d", i);
        kit_write_init(&kw[i], weir_span_cstr(key[i]), weir_span(value, sizeof(value)));
        assert_int_equal(weir_store_submit(k->s, &kw[i].w), WEIR_OK);
    }
    for (int i = 0; i < NUM; i++) {
        enum weir_err err = kit_wait(&kw[i]);
        assert_true(err == WEIR_OK || err == WEIR_EFULL);
        num_ok += err == WEIR_OK;
    }
    struct weir_store_stats st = stats(k);
    assert_int_equal(st.num_tenants, num_ok);
    assert_true(st.used_bytes > SMALL_BYTES / 100 * 80);
    assert_true(st.used_bytes < SMALL_BYTES / 100 * 90);
}

/* A disk that fails for a while: the writes get the error, reading goes on, then writing too. */
static void disk_fails_for_a_while(struct kit *k, enum fault kind, enum weir_err want)
{
    enum { NUM = 50 };
    static struct kit_write kw[NUM];
    static char key[NUM][16];

    assert_int_equal(kit_put(k, "before", "1"), WEIR_OK);
    atomic_store(&fault, kind);
    for (int i = 0; i < NUM; i++) {
        (void)snprintf(key[i], sizeof(key[i]), "k%d", i);
        kit_write_init(&kw[i], weir_span_cstr(key[i]), WEIR_SPAN_LIT("v"));
        assert_int_equal(weir_store_submit(k->s, &kw[i].w), WEIR_OK);
    }
    for (int i = 0; i < NUM; i++)
        assert_int_equal(kit_wait(&kw[i]), want);
    assert_false(stats(k).writable);
    kit_expect(k, "before", "1");
    kit_expect(k, "k0", NULL);
    atomic_store(&fault, FAULT_NONE);
    assert_int_equal(kit_put(k, "after", "2"), WEIR_OK);
    assert_true(stats(k).writable);
    assert_int_equal(stats(k).seq, 2);
    kit_close(k);
    kit_open(k);
    kit_expect(k, "before", "1");
    kit_expect(k, "after", "2");
    kit_expect(k, "k0", NULL);
    assert_int_equal(stats(k).num_tenants, 2);
}

static void full_disk_is_reported_and_passes(void **state)
{
    disk_fails_for_a_while(*state, FAULT_ENOSPC, WEIR_EFULL);
}

static void disk_error_is_reported_and_passes(void **state)
{
    disk_fails_for_a_while(*state, FAULT_EIO, WEIR_EIO);
}

static void write_that_the_disk_takes_by_half_is_no_write(void **state)
{
    disk_fails_for_a_while(*state, FAULT_SHORT, WEIR_EIO);
}

static void failing_fsync_acknowledges_nothing(void **state)
{
    disk_fails_for_a_while(*state, FAULT_SYNC, WEIR_EIO);
}

static void meta_page_that_cannot_be_written_ends_writing_but_not_reading(void **state)
{
    struct kit *k = *state;
    struct weir_store_reader *late = NULL;

    assert_int_equal(kit_put(k, "a", "1|1n@1"), WEIR_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(kit_put(k, "b", "2"), WEIR_OK);
    atomic_store(&fault, FAULT_META);
    assert_int_equal(kit_put(k, "c", "3"), WEIR_EIO);
    atomic_store(&fault, FAULT_NONE);
    /* LMDB gives up for good; readers do not. */
    for (int i = 0; i < 3; i++) {
        kit_expect(k, "a", "1|1n@1");
        kit_expect(k, "b", "2");
        kit_expect(k, "c", NULL);
        kit_expect_owner(k, WEIR_INDEX_HOST, "n", "a");
        assert_int_equal(kit_put(k, "d", "4"), WEIR_EIO);
    }
    assert_false(stats(k).writable);
    assert_int_equal(weir_store_reader_new(k->s, &late), WEIR_EIO);
    kit_close(k);
    kit_open(k);
    kit_expect(k, "a", "1|1n@1");
    kit_expect(k, "b", "2");
    kit_expect(k, "c", NULL);
    assert_int_equal(kit_put(k, "c", "3"), WEIR_OK);
}

/* A real file system of 2 MiB. */
static void full_file_system_is_survived(void **state)
{
    struct kit k;
    char ballast[160];
    static const uint8_t zeros[65536];

    kit_init(&k);
    if (mount("tmpfs", k.folder, "tmpfs", 0, "size=2m") != 0) {
        print_message("skipped: mounting needs rights that this user has not\n");
        kit_remove_folder(k.folder);
        skip();
    }
    (void)snprintf(ballast, sizeof(ballast), "%s/.ballast", k.folder);
    int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    for (int i = 0; i < 16; i++)
        assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
    close(fd);
    kit_open(&k);
    int num = fill(&k, 8000, true);
    assert_true(num > 10);
    assert_false(stats(&k).writable);
    kit_expect(&k, "none", NULL);
    assert_int_equal(stats(&k).num_tenants, num);
    /* Every reader's place in LMDB's table is there, though the disk is full. */
    struct weir_store_reader *more[400];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(more); i++)
        assert_int_equal(weir_store_reader_new(k.s, &more[i]), WEIR_OK);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(more); i++)
        weir_store_reader_free(&more[i]);
    kit_close(&k);
    kit_open(&k);
    assert_int_equal(stats(&k).num_tenants, num);
    /* Pages that the last commits gave back may take one more. */
    enum weir_err err = put_sized(&k, num, 8000, 1);
    assert_true(err == WEIR_EFULL || err == WEIR_OK);
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(put_sized(&k, num + 1, 8000, 1), WEIR_OK);
    assert_int_equal(put_sized(&k, num + 2, 8000, 1), WEIR_OK);
    assert_true(stats(&k).writable);
    kit_close(&k);
    assert_int_equal(umount(k.folder), 0);
    kit_remove_folder(k.folder);
}

static uint64_t count_of(const struct weir_metrics *m, enum weir_metric which)
{
    return atomic_load_explicit(&m->cells[which], memory_order_relaxed);
}

static void refused_write_counts_by_its_reason_and_never_as_a_fault(void **state)
{
    static const struct {
        enum weir_err err;
        enum weir_metric metric;
    } rows[] = {
        { WEIR_ECONFLICT, WEIR_M_STORE_REFUSED_PRECONDITION },
        { WEIR_ENOTFOUND, WEIR_M_STORE_REFUSED_NOT_FOUND },
        { WEIR_EEXIST, WEIR_M_STORE_REFUSED_EXISTS },
        { WEIR_EINVAL, WEIR_M_STORE_REFUSED_INVALID },
        { WEIR_EPERM, WEIR_M_STORE_REFUSED_OVERLAP },
        { WEIR_ELIMIT, WEIR_M_STORE_REFUSED_FULL },
        { WEIR_EIO, WEIR_M_STORE_WRITE_ERRORS },
        { WEIR_ENOMEM, WEIR_M_STORE_WRITE_ERRORS },
    };
    struct kit *k = *state;
    struct weir_metrics m = { 0 };
    uint64_t sum = 0;

    kit_close(k);
    k->cfg.metrics = &m;
    kit_open(k);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct kit_write kw;
        uint64_t before = count_of(&m, rows[i].metric);
        kit_write_init(&kw, WEIR_SPAN_LIT("k"), WEIR_SPAN_LIT("v"));
        kw.err = rows[i].err;
        assert_int_equal(kit_run(k, &kw), rows[i].err);
        assert_int_equal(count_of(&m, rows[i].metric), before + 1);
    }
    for (int c = WEIR_M_STORE_WRITE_ERRORS; c <= WEIR_M_STORE_REFUSED_FULL; c++)
        sum += count_of(&m, (enum weir_metric)c);
    assert_int_equal(sum, WEIR_ARRAY_LEN(rows));
    assert_int_equal(count_of(&m, WEIR_M_STORE_WRITES), 0);

    uint64_t before = count_of(&m, WEIR_M_STORE_REFUSED_FULL);
    (void)fill(k, 8000, false);
    assert_int_equal(count_of(&m, WEIR_M_STORE_REFUSED_FULL), before + 1);
    assert_int_equal(kit_delete(k, "k000000"), WEIR_OK);
    atomic_store(&fault, FAULT_EIO);
    before = count_of(&m, WEIR_M_STORE_WRITE_ERRORS);
    assert_int_equal(kit_delete(k, "k000001"), WEIR_EIO);
    assert_int_equal(count_of(&m, WEIR_M_STORE_WRITE_ERRORS), before + 1);
    kit_close(k); /* `m` goes with this function */
    atomic_store(&fault, FAULT_NONE);
    k->cfg.metrics = NULL;
    kit_open(k);
}

static void read_log(int fd, char *text, size_t size)
{
    ssize_t len = pread(fd, text, size - 1, 0);

    assert_true(len >= 0);
    text[len] = '\0';
}

/* The reserve of limits.store refuses; a disk without room, or one that fails, is a fault. */
static void write_that_the_disk_fails_counts_as_a_fault_and_logs_the_errno(void **state)
{
    static const struct {
        enum fault fault;
        enum weir_err err;
        int cause;
    } rows[] = {
        { FAULT_ENOSPC, WEIR_EFULL, ENOSPC },
        { FAULT_EIO, WEIR_EIO, EIO },
    };
    static struct weir_metrics m;
    struct kit *k = *state;
    char text[8192];
    char want[64];

    memset(&m, 0, sizeof(m));
    kit_close(k);
    int log = memfd_create("log", MFD_CLOEXEC);
    assert_true(log >= 0);
    weir_log_init(WEIR_LOG_ERROR, log);
    k->cfg.metrics = &m;
    kit_open(k);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        atomic_store(&fault, rows[i].fault);
        for (int n = 0; n < 3; n++)
            assert_int_equal(kit_put(k, "k", "v"), rows[i].err);
        atomic_store(&fault, FAULT_NONE);
        assert_int_equal(count_of(&m, WEIR_M_STORE_WRITE_ERRORS), 3 * (i + 1));
        (void)snprintf(want, sizeof(want), "err=\"%s\" errno=%d", strerror(rows[i].cause),
                       rows[i].cause);
        read_log(log, text, sizeof(text));
        assert_non_null(strstr(text, want));
    }
    assert_int_equal(count_of(&m, WEIR_M_STORE_REFUSED_FULL), 0);
    kit_close(k);
    kit_quiet();
    close(log);
    k->cfg.metrics = NULL;
    kit_open(k);
}

static uint64_t count_commits(const struct weir_metrics *m)
{
    const struct weir_histogram_cells *h = &m->histograms[WEIR_H_STORE_COMMIT];
    uint64_t num = 0;

    for (size_t b = 0; b < WEIR_HISTOGRAM_BUCKETS; b++)
        num += atomic_load_explicit(&h->buckets[b], memory_order_relaxed);
    return num;
}

static void each_commit_is_in_the_histogram(void **state)
{
    static struct weir_metrics m;
    struct kit *k = *state;

    kit_close(k);
    k->cfg.metrics = &m;
    kit_open(k);
    uint64_t before = count_commits(&m);
    for (int i = 0; i < 5; i++)
        assert_int_equal(put_sized(k, i, 10, 0), WEIR_OK);
    /* The writer may purge in between, which is a commit too. */
    assert_true(count_commits(&m) >= before + 5);
    assert_int_equal(count_of(&m, WEIR_M_STORE_COMMITS), 5);
}

int main(void)
{
    kit_quiet();
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(writes_stop_at_80_percent_and_deletes_make_room_again),
        T(delete_above_the_reserve_takes_the_revisions_along),
        T(limit_that_is_raised_while_running_takes_writes_again),
        T(queue_of_large_writes_passes_the_reserve_by_little),
        T(full_disk_is_reported_and_passes),
        T(disk_error_is_reported_and_passes),
        T(write_that_the_disk_takes_by_half_is_no_write),
        T(failing_fsync_acknowledges_nothing),
        T(meta_page_that_cannot_be_written_ends_writing_but_not_reading),
        T(refused_write_counts_by_its_reason_and_never_as_a_fault),
        T(write_that_the_disk_fails_counts_as_a_fault_and_logs_the_errno),
        T(each_commit_is_in_the_histogram),
        cmocka_unit_test(full_file_system_is_survived),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
