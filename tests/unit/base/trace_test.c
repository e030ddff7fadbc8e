/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_test.c - the ring holds the last events of its own thread and prints them oldest first.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "node/base/trace.h"

static const char *dump(void)
{
    static char text[16384];
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    weir_trace_dump(fds[1]);
    assert_int_equal(close(fds[1]), 0);
    size_t len = 0;
    ssize_t n;
    while ((n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    assert_int_equal(close(fds[0]), 0);
    return text;
}

static size_t count_lines(const char *text)
{
    size_t num = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++)
        num++;
    return num;
}

static int clear_ring(void **state)
{
    memset(&weir_trace_ring, 0, sizeof(weir_trace_ring));
    return 0;
}

static void thread_without_events_dumps_only_the_head(void **state)
{
    assert_string_equal(dump(), "trace of this thread, oldest first, 0 of 0 events, now_ms=0\n");
}

static void events_come_with_time_and_values_in_their_order(void **state)
{
    weir_trace_clock(1234);
    weir_trace("exchange.move", 1, 2);
    weir_trace_clock(1235);
    weir_trace("pool.full", UINT64_MAX, (uint64_t)INT64_MAX);
    assert_string_equal(dump(), "trace of this thread, oldest first, 2 of 2 events, now_ms=1235\n"
                                "  0 at_ms=1234 exchange.move a=1 b=2\n"
                                "  1 at_ms=1235 pool.full a=-1 (0xffffffffffffffff) "
                                "b=9223372036854775807\n");
}

static void only_the_last_events_are_there_after_the_ring_wrapped(void **state)
{
    for (uint64_t i = 0; i < 3 * WEIR_TRACE_EVENTS + 5; i++)
        weir_trace("loop.turn", i, 0);
    const char *text = dump();
    assert_int_equal(count_lines(text), WEIR_TRACE_EVENTS + 1);
    assert_non_null(strstr(text, "64 of 197 events"));
    assert_null(strstr(text, " a=132 "));
    const char *at = strchr(text, '\n') + 1;
    for (uint64_t i = 133; i < 197; i++) {
        char line[100];
        (void)snprintf(line, sizeof(line), "  %d at_ms=0 loop.turn a=%d b=0\n", (int)i, (int)i);
        assert_int_equal(strncmp(at, line, strlen(line)), 0);
        at += strlen(line);
    }
}

static void event_that_is_being_written_over_is_left_out(void **state)
{
    for (uint64_t i = 0; i < WEIR_TRACE_EVENTS; i++)
        weir_trace("loop.turn", i, 0);
    weir_trace_ring.events[0].event = NULL; /* what a signal handler sees inside weir_trace */
    const char *text = dump();
    assert_int_equal(count_lines(text), WEIR_TRACE_EVENTS);
    assert_null(strstr(text, "  0 at_ms="));
    assert_non_null(strstr(text, "  1 at_ms="));
}

static void *trace_elsewhere(void *arg)
{
    bool *ok = arg;
    weir_trace("other.thread", 7, 7);
    *ok = weir_trace_ring.num == 1;
    return NULL;
}

static void threads_do_not_see_each_others_events(void **state)
{
    pthread_t thread;
    bool ok = false;

    weir_trace("this.thread", 1, 1);
    assert_int_equal(pthread_create(&thread, NULL, trace_elsewhere, &ok), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(ok);
    assert_non_null(strstr(dump(), "this.thread"));
    assert_null(strstr(dump(), "other.thread"));
}

static void dump_to_a_closed_descriptor_ends_and_preserves_errno(void **state)
{
    weir_trace("exchange.move", 1, 2);
    errno = EAGAIN;
    weir_trace_dump(-1);
    assert_int_equal(errno, EAGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(thread_without_events_dumps_only_the_head, clear_ring),
        cmocka_unit_test_setup(events_come_with_time_and_values_in_their_order, clear_ring),
        cmocka_unit_test_setup(only_the_last_events_are_there_after_the_ring_wrapped, clear_ring),
        cmocka_unit_test_setup(event_that_is_being_written_over_is_left_out, clear_ring),
        cmocka_unit_test_setup(threads_do_not_see_each_others_events, clear_ring),
        cmocka_unit_test_setup(dump_to_a_closed_descriptor_ends_and_preserves_errno, clear_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
