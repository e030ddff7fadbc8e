/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics_test.c - sums over blocks, and the text of a scrape read line by line.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "node/base/metrics.h"
#include "tests/support/failalloc.h"

static void sum_is_over_all_blocks(void **state)
{
    static struct weir_metrics m[3];
    const struct weir_metrics *blocks[] = { &m[0], &m[1], &m[2] };
    memset(m, 0, sizeof(m));
    weir_metric_add(&m[0], WEIR_M_STORE_WRITES, 5);
    weir_metric_add(&m[2], WEIR_M_STORE_WRITES, 7);
    weir_metric_add(&m[2], WEIR_M_STORE_WRITES, 1);
    assert_int_equal(weir_metrics_sum(blocks, 3, WEIR_M_STORE_WRITES), 13);
    assert_int_equal(weir_metrics_sum(blocks, 1, WEIR_M_STORE_WRITES), 5);
    assert_int_equal(weir_metrics_sum(blocks, 0, WEIR_M_STORE_WRITES), 0);
    assert_int_equal(weir_metrics_sum(blocks, 3, WEIR_M_STORE_COMMITS), 0);
}

static void gauge_counted_down_in_another_block_comes_out_right(void **state)
{
    static struct weir_metrics m[2];
    const struct weir_metrics *blocks[] = { &m[0], &m[1] };
    memset(m, 0, sizeof(m));
    weir_metric_add(&m[0], WEIR_M_UPSTREAM_IDLE, 10);
    weir_metric_sub(&m[1], WEIR_M_UPSTREAM_IDLE, 4);
    assert_int_equal(weir_metrics_sum(blocks, 2, WEIR_M_UPSTREAM_IDLE), 6);
}

static void blocks_of_two_writers_share_no_cache_line(void **state)
{
    assert_int_equal(sizeof(struct weir_metrics) % WEIR_CACHE_LINE, 0);
    assert_int_equal(_Alignof(struct weir_metrics), WEIR_CACHE_LINE);
}

static char *scrape(const struct weir_metrics *m)
{
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    size_t len;
    weir_metrics_write(&m, 1, &b);
    char *text = weir_strbuf_take(&b, &len);
    assert_non_null(text);
    return text;
}

static void scrape_has_the_values_and_one_family_for_all_response_classes(void **state)
{
    static struct weir_metrics m;
    memset(&m, 0, sizeof(m));
    weir_metric_add(&m, WEIR_M_CONNECTIONS_OPEN, 3);
    weir_metric_add(&m, WEIR_M_REQUESTS_2XX, 200);
    weir_metric_add(&m, WEIR_M_REQUESTS_5XX, UINT64_MAX);
    char *text = scrape(&m);
    assert_non_null(strstr(text, "# TYPE weir_connections_open gauge\nweir_connections_open 3\n"));
    assert_non_null(strstr(text, "# TYPE weir_requests_total counter\n"
                                 "weir_requests_total{class=\"1xx\"} 0\n"
                                 "weir_requests_total{class=\"2xx\"} 200\n"
                                 "weir_requests_total{class=\"3xx\"} 0\n"
                                 "weir_requests_total{class=\"4xx\"} 0\n"
                                 "weir_requests_total{class=\"5xx\"} 18446744073709551615\n"));
    free(text);
}

static void gauge_that_seems_below_zero_is_written_as_zero(void **state)
{
    static struct weir_metrics m;
    memset(&m, 0, sizeof(m));
    weir_metric_sub(&m, WEIR_M_UPSTREAM_OPEN, 1);
    char *text = scrape(&m);
    assert_non_null(strstr(text, "\nweir_upstream_open 0\n"));
    free(text);
}

/* Takes one family: HELP, TYPE, then its samples. Returns where the next one begins and counts the
 * samples. */
static char *check_family(char *at, unsigned *num_samples)
{
    char name[100];
    char type[100];
    char again[100];
    int used = 0;

    assert_int_equal(sscanf(at, "# HELP %99[a-z0-9_] %n", name, &used), 1);
    assert_true(used > 0 && at[used] >= 'A' && at[used] <= 'Z');
    char *line = strchr(at, '\n');
    assert_non_null(line);
    assert_int_equal(line[-1], '.');
    line++;
    assert_int_equal(sscanf(line, "# TYPE %99[a-z0-9_] %99[a-z]", again, type), 2);
    assert_string_equal(name, again);
    assert_int_equal(strncmp(name, "weir_", 5), 0);
    bool is_total = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
    bool is_time = strlen(name) > 8 && strcmp(name + strlen(name) - 8, "_seconds") == 0;
    assert_string_equal(type, is_total ? "counter" : is_time ? "histogram" : "gauge");
    line = strchr(line, '\n') + 1;
    unsigned before = *num_samples;
    for (; *line != '#' && *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_int_equal(strncmp(line, name, strlen(name)), 0);
        assert_true(line[strlen(name)] == (is_time ? '_' : ' ') || line[strlen(name)] == '{');
        (*num_samples)++;
    }
    assert_true(*num_samples > before);
    return line;
}

static void every_metric_has_help_type_and_a_sample(void **state)
{
    static struct weir_metrics m;
    memset(&m, 0, sizeof(m));
    unsigned num_samples = 0;
    char *text = scrape(&m);

    for (char *at = text; *at != '\0';) {
        /* A family that comes up twice would be refused by the scraper. */
        char head[120];
        assert_int_equal(sscanf(at, "%119[^\n]", head), 1);
        assert_null(strstr(at + 1, head));
        at = check_family(at, &num_samples);
    }
    assert_int_equal(num_samples, WEIR_M_COUNT + WEIR_H_COUNT * (WEIR_HISTOGRAM_BUCKETS + 2));
    free(text);
}

static void every_sample_counts_its_own_metric(void **state)
{
    static struct weir_metrics m;
    memset(&m, 0, sizeof(m));
    for (unsigned i = 0; i < WEIR_M_COUNT; i++)
        weir_metric_add(&m, (enum weir_metric)i, 1000 + i);
    char *text = scrape(&m);
    unsigned next = 0;
    for (char *line = text; next < WEIR_M_COUNT; line = strchr(line, '\n') + 1) {
        if (*line == '#')
            continue;
        char *end = strchr(line, '\n');
        char *value = end;
        while (value[-1] != ' ')
            value--;
        assert_int_equal(strtoul(value, NULL, 10), 1000 + next);
        next++;
    }
    assert_int_equal(next, WEIR_M_COUNT);
    free(text);
}

static void value_goes_to_the_first_bucket_whose_bound_is_not_below_it(void **state)
{
    const size_t num = WEIR_HISTOGRAM_BUCKETS - 1;

    for (size_t i = 1; i < num; i++)
        assert_true(weir_histogram_bounds_us[i] >= 2 * weir_histogram_bounds_us[i - 1]);
    for (unsigned bits = 0; bits < 64; bits++) {
        for (int off = -1; off <= 1; off++) {
            uint64_t power = ((uint64_t)1 << bits) + (uint64_t)(int64_t)off;
            size_t naive = 0;
            while (naive < num && power > weir_histogram_bounds_us[naive])
                naive++;
            assert_int_equal(weir_histogram_bucket(power), naive);
        }
    }
    for (size_t i = 0; i < num; i++) {
        assert_int_equal(weir_histogram_bucket(weir_histogram_bounds_us[i] - 1), i);
        assert_int_equal(weir_histogram_bucket(weir_histogram_bounds_us[i]), i);
        assert_int_equal(weir_histogram_bucket(weir_histogram_bounds_us[i] + 1), i + 1);
    }
    assert_int_equal(weir_histogram_bucket(0), 0);
    assert_int_equal(weir_histogram_bucket(UINT64_MAX), num);
}

static void each_bound_is_written_as_the_seconds_it_is(void **state)
{
    static struct weir_metrics m;
    memset(&m, 0, sizeof(m));
    char *text = scrape(&m);
    char *line = strstr(text, "weir_store_commit_seconds_bucket");

    for (size_t i = 0; i < WEIR_HISTOGRAM_BUCKETS - 1; i++) {
        double seconds = 0;
        assert_non_null(line);
        assert_int_equal(sscanf(line, "weir_store_commit_seconds_bucket{le=\"%lf\"} 0", &seconds),
                         1);
        assert_int_equal((uint64_t)(seconds * 1e6 + 0.5), weir_histogram_bounds_us[i]);
        line = strchr(line, '\n') + 1;
    }
    assert_ptr_equal(strstr(line, "weir_store_commit_seconds_bucket{le=\"+Inf\"} 0\n"), line);
    free(text);
}

static void buckets_are_cumulative_and_summed_over_the_blocks(void **state)
{
    static struct weir_metrics m[2];
    const struct weir_metrics *blocks[] = { &m[0], &m[1] };
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    size_t len;

    memset(m, 0, sizeof(m));
    weir_histogram_observe(&m[0], WEIR_H_REQUEST_CONNECT, 100);
    weir_histogram_observe(&m[1], WEIR_H_REQUEST_CONNECT, 101);
    weir_histogram_observe(&m[1], WEIR_H_REQUEST_CONNECT, 4000);
    weir_histogram_observe(&m[0], WEIR_H_REQUEST_CONNECT, 31000000);
    weir_metrics_write(blocks, 2, &b);
    char *text = weir_strbuf_take(&b, &len);
    assert_non_null(text);
    static const char *const lines[] = {
        "\n# TYPE weir_request_phase_seconds histogram\n",
        "\nweir_request_phase_seconds_bucket{phase=\"connect\",le=\"0.0001\"} 1\n",
        "\nweir_request_phase_seconds_bucket{phase=\"connect\",le=\"0.00025\"} 2\n",
        "\nweir_request_phase_seconds_bucket{phase=\"connect\",le=\"0.0025\"} 2\n",
        "\nweir_request_phase_seconds_bucket{phase=\"connect\",le=\"0.005\"} 3\n",
        "\nweir_request_phase_seconds_bucket{phase=\"connect\",le=\"30\"} 3\n",
        "\nweir_request_phase_seconds_bucket{phase=\"connect\",le=\"+Inf\"} 4\n",
        "\nweir_request_phase_seconds_sum{phase=\"connect\"} 31.004201\n",
        "\nweir_request_phase_seconds_count{phase=\"connect\"} 4\n",
        "\nweir_request_phase_seconds_count{phase=\"total\"} 0\n",
        "\nweir_store_commit_seconds_sum 0.000000\n",
        "\nweir_store_commit_seconds_count 0\n",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lines); i++)
        if (strstr(text, lines[i]) == NULL)
            fail_msg("missing: %s", lines[i]);
    free(text);
}

static void scrape_without_memory_fails_whole(void **state)
{
    static struct weir_metrics m;
    const struct weir_metrics *block = &m;
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    weir_failalloc_once(-1);
    weir_metrics_write(&block, 1, &b);
    unsigned long num_allocs = weir_failalloc_count();
    weir_strbuf_deinit(&b);
    assert_true(num_allocs > 1);
    for (unsigned long n = 1; n <= num_allocs; n++) {
        weir_failalloc_once((long)n);
        weir_metrics_write(&block, 1, &b);
        weir_failalloc_after(-1);
        assert_true(b.failed);
        weir_strbuf_deinit(&b);
    }
}

static void *count_up(void *arg)
{
    for (int i = 0; i < 100000; i++)
        weir_metric_add(arg, WEIR_M_REQUESTS_2XX, 1);
    return NULL;
}

static void scrape_beside_the_writers_never_goes_back(void **state)
{
    static struct weir_metrics m[2];
    const struct weir_metrics *blocks[] = { &m[0], &m[1] };
    pthread_t threads[2];
    uint64_t last = 0;

    memset(m, 0, sizeof(m));
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &m[i]), 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t sum = weir_metrics_sum(blocks, 2, WEIR_M_REQUESTS_2XX);
        assert_true(sum >= last);
        last = sum;
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(weir_metrics_sum(blocks, 2, WEIR_M_REQUESTS_2XX), 200000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sum_is_over_all_blocks),
        cmocka_unit_test(gauge_counted_down_in_another_block_comes_out_right),
        cmocka_unit_test(blocks_of_two_writers_share_no_cache_line),
        cmocka_unit_test(scrape_has_the_values_and_one_family_for_all_response_classes),
        cmocka_unit_test(gauge_that_seems_below_zero_is_written_as_zero),
        cmocka_unit_test(every_metric_has_help_type_and_a_sample),
        cmocka_unit_test(every_sample_counts_its_own_metric),
        cmocka_unit_test(value_goes_to_the_first_bucket_whose_bound_is_not_below_it),
        cmocka_unit_test(each_bound_is_written_as_the_seconds_it_is),
        cmocka_unit_test(buckets_are_cumulative_and_summed_over_the_blocks),
        cmocka_unit_test(scrape_without_memory_fails_whole),
        cmocka_unit_test(scrape_beside_the_writers_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
