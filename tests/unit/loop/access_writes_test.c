/* SPDX-License-Identifier: Apache-2.0
 *
 * access_writes_test.c - how many system calls access records take. The program has its own write,
 * which counts the calls of the log thread and their bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/loop/access_log.h"

#define NUM_RECORDS 20000
#define RECORD_LEN  430 /* bytes of a small exchange's record */

static _Thread_local bool is_tests_own;
static atomic_uint num_writes;
static atomic_ulong num_bytes;

ssize_t write(int fd, const void *bytes, size_t len)
{
    ssize_t n = syscall(SYS_write, fd, bytes, len);
    if (n > 0 && !is_tests_own) {
        atomic_fetch_add(&num_writes, 1);
        atomic_fetch_add(&num_bytes, (unsigned long)n);
    }
    return n;
}

static void buffers_are_full_when_they_are_written(void **state)
{
    (void)state;
    char path[] = "/tmp/weir_access_writes_XXXXXX";
    struct weir_metrics m = { 0 };
    struct weir_access_log *l = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(weir_access_log_open(path, 1, &l), WEIR_OK);
    struct weir_access_writer *w = weir_access_log_writer(l, 0, &m);
    for (unsigned i = 0; i < NUM_RECORDS;) {
        uint8_t *at = weir_access_reserve(w);
        if (at == NULL) { /* the log thread has all buffers */
            (void)usleep(1000);
            continue;
        }
        memset(at, 'r', RECORD_LEN - 1);
        at[RECORD_LEN - 1] = '\n';
        weir_access_commit(w, RECORD_LEN);
        i++;
    }
    weir_access_flush(w);
    weir_access_log_close(&l);
    assert_int_equal(atomic_load(&num_bytes), (unsigned long)NUM_RECORDS * RECORD_LEN);
    unsigned most = (unsigned)(atomic_load(&num_bytes) / (WEIR_ACCESS_BUFFER / 10 * 9)) + 1;
    assert_in_range(atomic_load(&num_writes), 1, most);
    close(fd);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    is_tests_own = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_are_full_when_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
