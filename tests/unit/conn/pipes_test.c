/* SPDX-License-Identifier: Apache-2.0
 *
 * pipes_test.c - pipes within a number of pages: large while few are used, smaller when many are,
 * none beyond. The kernel's own limit is tested by tests/live/pipes_test.py, as an ordinary user.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/conn/pipes.h"

#define PAGE 4096u
#define MIB  1048576u
#define MANY 400

static struct weir_pipe_room room;
static struct weir_metrics metrics;
static struct weir_pipes pipes;
static struct weir_pipe held[MANY];

/* @param user_pages 0: no limit of the user */
static void begin(uint64_t user_pages, uint64_t memory)
{
    memset(&room, 0, sizeof(room));
    memset(&metrics, 0, sizeof(metrics));
    memset(held, 0, sizeof(held));
    room.limit = (struct weir_pipe_limit){ .user_pages = user_pages,
                                           .pipe_pages = MIB / PAGE,
                                           .page_bytes = PAGE };
    weir_pipe_room_set(&room, memory);
    weir_pipes_init(&pipes, &room, &metrics, 1);
}

static uint64_t metric(enum weir_metric which)
{
    const struct weir_metrics *blocks = &metrics;
    return weir_metrics_sum(&blocks, 1, which);
}

static unsigned get_all(void)
{
    unsigned num = 0;
    while (num < MANY && weir_pipe_open(&pipes, &held[num], 1))
        num++;
    return num;
}

static void release_all(unsigned num)
{
    for (unsigned i = 0; i < num; i++)
        weir_pipe_close(&pipes, &held[i]);
}

static void pipes_shrink_as_they_become_many_and_then_there_are_none(void **state)
{
    begin(8192, 1ull << 40);
    unsigned num = get_all();
    uint64_t sum = 0;
    assert_in_range(num, 32, MANY - 1);
    assert_int_equal(held[0].pages, MIB / PAGE);
    for (unsigned i = 0; i < num; i++) {
        int size = fcntl(held[i].fd[0], F_GETPIPE_SZ);
        assert_int_equal(size, held[i].pages * PAGE);
        assert_in_range(size, 65536, MIB);
        assert_true(i == 0 || held[i].pages <= held[i - 1].pages);
        sum += held[i].pages;
    }
    assert_int_equal(held[num - 1].pages, 65536 / PAGE);
    assert_in_range(sum, 8192 * 3 / 4 - 15, 8192 * 3 / 4);
    assert_int_equal(metric(WEIR_M_PIPE_BYTES), sum * PAGE);
    assert_int_equal(metric(WEIR_M_PIPES_NONE), 1);
    release_all(num);
    weir_pipes_deinit(&pipes);
    assert_int_equal(metric(WEIR_M_PIPE_BYTES), 0);
    assert_int_equal(atomic_load(&room.taken), 0);
}

static void memory_bounds_them_where_the_kernel_does_not(void **state)
{
    begin(0, 64 * MIB);
    unsigned num = get_all();
    uint64_t sum = 0;
    for (unsigned i = 0; i < num; i++)
        sum += held[i].pages * PAGE;
    assert_in_range(sum, 16 * MIB - 65536, 16 * MIB);
    release_all(num);
    weir_pipes_deinit(&pipes);
}

static void an_empty_large_pipe_is_used_again_and_a_full_one_closed(void **state)
{
    struct weir_pipe a = { 0 };
    struct weir_pipe b = { 0 };
    begin(0, 1ull << 30);
    assert_true(weir_pipe_open(&pipes, &a, 1));
    int fd = a.fd[0];
    weir_pipe_close(&pipes, &a);
    assert_false(a.open);
    weir_pipe_close(&pipes, &a); /* none: legal */
    assert_true(weir_pipe_open(&pipes, &b, 1));
    assert_int_equal(b.fd[0], fd);
    b.held = 1;
    weir_pipe_close(&pipes, &b);
    assert_int_equal(pipes.num, 0);
    assert_int_equal(atomic_load(&room.taken), 0);
    weir_pipes_deinit(&pipes);
}

static void those_that_wait_leave_most_pages_to_others(void **state)
{
    begin(16384, 1ull << 40);
    unsigned num = get_all();
    release_all(num);
    assert_in_range(pipes.pages, 1, 16384 * 3 / 4 / 4);
    assert_int_equal(atomic_load(&room.taken), pipes.pages);
    weir_pipes_deinit(&pipes);
}

static void a_lower_limit_ends_the_growth(void **state)
{
    begin(0, 1ull << 30);
    assert_true(weir_pipe_open(&pipes, &held[0], 1));
    weir_pipe_room_set(&room, MIB);
    assert_false(weir_pipe_open(&pipes, &held[1], 1));
    weir_pipe_close(&pipes, &held[0]);
    assert_int_equal(pipes.num, 0);
    weir_pipes_deinit(&pipes);
}

static void the_capabilities_that_lift_the_limit_are_known(void **state)
{
    static const struct {
        const char *status;
        bool lifted;
    } rows[] = {
        { "Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n", true },
        { "Name:\tx\nCapEff:\t0000000001000000\n", true },  /* CAP_SYS_RESOURCE */
        { "Name:\tx\nCapEff:\t0000000000200000\n", true },  /* CAP_SYS_ADMIN */
        { "Name:\tx\nCapEff:\t0000000000000400\n", false }, /* CAP_NET_BIND_SERVICE */
        { "Name:\tx\nCapEff:\t0000000000000000", false },
        { "Name:\tx\nCapEff:\tzz\n", false },
        { "Name:\tx\n", false },
        { "", false },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        assert_int_equal(weir_pipe_limit_is_lifted(weir_span_cstr(rows[i].status)), rows[i].lifted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipes_shrink_as_they_become_many_and_then_there_are_none),
        cmocka_unit_test(memory_bounds_them_where_the_kernel_does_not),
        cmocka_unit_test(an_empty_large_pipe_is_used_again_and_a_full_one_closed),
        cmocka_unit_test(those_that_wait_leave_most_pages_to_others),
        cmocka_unit_test(a_lower_limit_ends_the_growth),
        cmocka_unit_test(the_capabilities_that_lift_the_limit_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
