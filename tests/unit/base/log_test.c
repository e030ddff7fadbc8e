/* SPDX-License-Identifier: Apache-2.0
 *
 * log_test.c - the form of a line, its escaping and its bound; threads; the limit of a call site.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/base/clock.h"
#include "node/base/contract.h"
#include "node/base/log.h"

#define LINE_MAX_LEN 2048

struct capture {
    int fds[2];
    char text[65536];
    size_t len;
};

static void capture_begin(struct capture *c, enum weir_log_level level)
{
    c->len = 0;
    assert_int_equal(pipe2(c->fds, O_NONBLOCK), 0);
    weir_log_init(level, c->fds[1]);
}

/* Reads what was logged. Each read gives one write when it is called after each line. */
static const char *capture_read(struct capture *c)
{
    ssize_t n = read(c->fds[0], c->text, sizeof(c->text) - 1);
    c->len = n < 0 ? 0 : (size_t)n;
    c->text[c->len] = '\0';
    return c->text;
}

static void capture_end(struct capture *c)
{
    weir_log_init(WEIR_LOG_INFO, STDERR_FILENO);
    assert_int_equal(close(c->fds[0]), 0);
    assert_int_equal(close(c->fds[1]), 0);
}

static void line_has_time_level_event_and_fields(void **state)
{
    static struct capture c;
    char before[WEIR_RFC3339_LEN + 1];
    char after[WEIR_RFC3339_LEN + 1];

    capture_begin(&c, WEIR_LOG_INFO);
    weir_clock_rfc3339(weir_clock_wall_ms(), before);
    log_warn("upstream.connect_failed", "tenant=%s port=%d", "shop", 80);
    weir_clock_rfc3339(weir_clock_wall_ms(), after);
    capture_read(&c);
    assert_true(memcmp(c.text, before, WEIR_RFC3339_LEN) >= 0);
    assert_true(memcmp(c.text, after, WEIR_RFC3339_LEN) <= 0);
    assert_string_equal(c.text + WEIR_RFC3339_LEN,
                        " warn upstream.connect_failed tenant=shop port=80\n");
    capture_end(&c);
}

static void line_without_fields_has_no_space_at_its_end(void **state)
{
    static struct capture c;
    capture_begin(&c, WEIR_LOG_INFO);
    log_info("node.ready", "%s", "");
    assert_string_equal(capture_read(&c) + WEIR_RFC3339_LEN, " info node.ready\n");
    capture_end(&c);
}

static void levels_below_the_one_set_are_silent(void **state)
{
    static struct capture c;
    for (int level = WEIR_LOG_ERROR; level <= WEIR_LOG_TRACE; level++) {
        capture_begin(&c, (enum weir_log_level)level);
        for (int at = WEIR_LOG_ERROR; at <= WEIR_LOG_TRACE; at++) {
            weir_log((enum weir_log_level)at, "event", "n=%d", at);
            assert_int_equal(capture_read(&c)[0] != '\0', at <= level);
            assert_int_equal(weir_log_on((enum weir_log_level)at), at <= level);
        }
        capture_end(&c);
    }
}

static void debug_arguments_are_not_evaluated_when_debug_is_off(void **state)
{
    static struct capture c;
    int calls = 0;
    capture_begin(&c, WEIR_LOG_INFO);
    log_debug("event", "n=%d", ++calls);
    assert_int_equal(calls, 0);
    weir_log_init(WEIR_LOG_DEBUG, c.fds[1]);
    log_debug("event", "n=%d", ++calls);
    assert_int_equal(calls, 1);
    capture_end(&c);
}

static void outside_bytes_cannot_forge_a_line(void **state)
{
    static struct capture c;
    capture_begin(&c, WEIR_LOG_INFO);
    log_error("event", "host=%s", "a\nb\r\x1b[0m\x7f\xc3\xa9 ~");
    assert_string_equal(capture_read(&c) + WEIR_RFC3339_LEN,
                        " error event host=a\\x0ab\\x0d\\x1b[0m\\x7f\\xc3\\xa9 ~\n");
    capture_end(&c);
}

static void line_at_its_bound_is_whole_and_one_byte_more_is_cut(void **state)
{
    static struct capture c;
    const size_t head_len = WEIR_RFC3339_LEN + strlen(" info event ");

    capture_begin(&c, WEIR_LOG_INFO);
    for (size_t len = 1990; len < 2100; len++) {
        log_info("event", "%0*d", (int)len, 1);
        capture_read(&c);
        assert_true(c.len <= LINE_MAX_LEN);
        assert_int_equal(c.text[c.len - 1], '\n');
        assert_ptr_equal(strchr(c.text, '\n'), c.text + c.len - 1);
        bool cut = memcmp(c.text + c.len - 4, "...\n", 4) == 0;
        /* The bound leaves room for the mark of a cut, whether it is needed or not. */
        assert_int_equal(cut, head_len + len + strlen("...\n") > LINE_MAX_LEN);
        if (!cut)
            assert_int_equal(c.len, head_len + len + 1);
    }
    capture_end(&c);
}

static void cut_never_falls_into_an_escape(void **state)
{
    static struct capture c;
    char bytes[3000];

    capture_begin(&c, WEIR_LOG_INFO);
    for (size_t shift = 0; shift < 8; shift++) {
        memset(bytes, '\n', sizeof(bytes) - 1);
        bytes[sizeof(bytes) - 1] = '\0';
        memset(bytes, 'x', shift);
        log_info("event", "%s", bytes);
        capture_read(&c);
        assert_true(c.len <= LINE_MAX_LEN);
        assert_memory_equal(c.text + c.len - 8, "\\x0a...\n", 8);
    }
    capture_end(&c);
}

static void errno_is_preserved_even_when_the_line_is_lost(void **state)
{
    weir_log_init(WEIR_LOG_INFO, -1);
    errno = E2BIG;
    log_info("event", "n=%d", 1);
    assert_int_equal(errno, E2BIG);
    weir_log_init(WEIR_LOG_INFO, STDERR_FILENO);
}

static void full_pipe_loses_lines_and_does_not_block(void **state)
{
    static struct capture c;
    capture_begin(&c, WEIR_LOG_INFO);
    for (int i = 0; i < 1000; i++)
        log_info("event", "%01000d", i);
    capture_read(&c);
    assert_true(c.len > 0);
    capture_end(&c);
}

static void level_names_parse_and_others_do_not(void **state)
{
    static const char *const names[] = { "error", "warn", "info", "debug", "trace" };
    static const char *const wrong[] = { "", "ERROR", "warning", "inf", "info ", "6" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        enum weir_log_level level = WEIR_LOG_ERROR;
        assert_int_equal(weir_log_level_parse(names[i], &level), WEIR_OK);
        assert_int_equal(level, i);
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(wrong); i++) {
        enum weir_log_level level = WEIR_LOG_DEBUG;
        assert_int_equal(weir_log_level_parse(wrong[i], &level), WEIR_EINVAL);
        assert_int_equal(level, WEIR_LOG_DEBUG);
    }
}

enum { NUM_THREADS = 4, NUM_LINES = 100 };

static void *log_lines(void *arg)
{
    const int *number = arg;
    for (int i = 0; i < NUM_LINES; i++)
        log_info("thread.line", "thread=%d line=%d pad=%040d", *number, i, 0);
    return NULL;
}

static void lines_of_many_threads_do_not_mix(void **state)
{
    static struct capture c;
    pthread_t threads[NUM_THREADS];
    int numbers[NUM_THREADS];
    int next[NUM_THREADS] = { 0 };

    capture_begin(&c, WEIR_LOG_INFO);
    for (int i = 0; i < NUM_THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, log_lines, &numbers[i]), 0);
    }
    for (int i = 0; i < NUM_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    capture_read(&c); /* 400 lines of some 110 bytes: less than a pipe holds */
    int num_lines = 0;
    for (char *line = c.text; *line != '\0'; num_lines++) {
        int thread = -1;
        int number = -1;
        char *end = strchr(line, '\n');
        assert_non_null(end);
        assert_int_equal(sscanf(line + WEIR_RFC3339_LEN,
                                " info thread.line thread=%d line=%d pad=", &thread, &number),
                         2);
        assert_in_range(thread, 0, NUM_THREADS - 1);
        assert_int_equal(number, next[thread]++);
        line = end + 1;
    }
    assert_int_equal(num_lines, NUM_THREADS * NUM_LINES);
    capture_end(&c);
}

static void call_site_is_limited_and_reports_what_it_left_out(void **state)
{
    struct weir_log_limit limit = { 0 };
    struct timespec second = { .tv_sec = 1, .tv_nsec = 10000000 };
    unsigned num_allowed = 0;
    uint32_t suppressed = 99;

    /* Begin right after the turn of a second, so that the calls fall into one. */
    uint64_t now_ns = weir_clock_mono_ns();
    struct timespec rest = { .tv_nsec = (long)(1000000000 - now_ns % 1000000000) - 1 };
    (void)nanosleep(&rest, NULL);
    for (int i = 0; i < 50; i++) {
        if (!weir_log_allowed(&limit, 5, &suppressed))
            continue;
        assert_int_equal(suppressed, 0);
        num_allowed++;
    }
    assert_int_equal(num_allowed, 5);
    (void)nanosleep(&second, NULL);
    assert_true(weir_log_allowed(&limit, 5, &suppressed));
    assert_int_equal(suppressed, 45);
    assert_true(weir_log_allowed(&limit, 5, &suppressed));
    assert_int_equal(suppressed, 0);
}

static void limit_of_zero_allows_nothing(void **state)
{
    struct weir_log_limit limit = { 0 };
    uint32_t suppressed = 99;
    for (int i = 0; i < 10; i++)
        assert_false(weir_log_allowed(&limit, 0, &suppressed));
    assert_int_equal(suppressed, 99);
}

struct storm {
    struct weir_log_limit limit;
    _Atomic uint32_t num_allowed;
    _Atomic uint32_t num_reported;
};

static void *storm_run(void *arg)
{
    struct storm *s = arg;
    uint32_t suppressed;
    for (int i = 0; i < 20000; i++) {
        if (weir_log_allowed(&s->limit, 3, &suppressed)) {
            atomic_fetch_add(&s->num_allowed, 1);
            atomic_fetch_add(&s->num_reported, suppressed);
        }
    }
    return NULL;
}

static void no_suppressed_line_of_many_threads_goes_uncounted(void **state)
{
    static struct storm s;
    pthread_t threads[NUM_THREADS];

    for (int i = 0; i < NUM_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, storm_run, &s), 0);
    for (int i = 0; i < NUM_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    uint32_t left = atomic_load(&s.limit.suppressed);
    assert_int_equal(atomic_load(&s.num_allowed) + atomic_load(&s.num_reported) + left,
                     NUM_THREADS * 20000);
    assert_true(atomic_load(&s.num_allowed) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_time_level_event_and_fields),
        cmocka_unit_test(line_without_fields_has_no_space_at_its_end),
        cmocka_unit_test(levels_below_the_one_set_are_silent),
        cmocka_unit_test(debug_arguments_are_not_evaluated_when_debug_is_off),
        cmocka_unit_test(outside_bytes_cannot_forge_a_line),
        cmocka_unit_test(line_at_its_bound_is_whole_and_one_byte_more_is_cut),
        cmocka_unit_test(cut_never_falls_into_an_escape),
        cmocka_unit_test(errno_is_preserved_even_when_the_line_is_lost),
        cmocka_unit_test(full_pipe_loses_lines_and_does_not_block),
        cmocka_unit_test(level_names_parse_and_others_do_not),
        cmocka_unit_test(lines_of_many_threads_do_not_mix),
        cmocka_unit_test(call_site_is_limited_and_reports_what_it_left_out),
        cmocka_unit_test(limit_of_zero_allows_nothing),
        cmocka_unit_test(no_suppressed_line_of_many_threads_goes_uncounted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
