/* SPDX-License-Identifier: Apache-2.0
 *
 * counters_test.c - counters by label set: which sets get a row, what becomes of the counts when
 * there is no room or a row is given away, and what a scrape shows of several tables.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "node/exchange/counters.h"
#include "tests/support/death.h"

#define LABELS_MAX 80

static struct weir_counters *table_new(void)
{
    struct weir_counters *c = weir_counters_new(LABELS_MAX, 7);
    assert_non_null(c);
    return c;
}

/* The row of tenant "t<n>". */
static struct weir_counter_row *row_of(struct weir_counters *c, unsigned n, uint64_t now_ms)
{
    char name[16];
    struct weir_counter_hint hint = { 0 };
    (void)snprintf(name, sizeof(name), "t%u", n);
    struct weir_label label = { "tenant", weir_span_cstr(name) };
    return weir_counters_row(c, n + 1, (struct weir_labels){ &label, 1 }, now_ms, &hint);
}

static char *scrape(struct weir_counters *const *tables, size_t num)
{
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    size_t len = 0;
    assert_int_equal(weir_counters_write_tenants(tables, num, &b), WEIR_OK);
    char *text = weir_strbuf_take(&b, &len);
    assert_non_null(text);
    return text;
}

static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    return false;
}

static unsigned count_text(const char *text, const char *what)
{
    unsigned num = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        num++;
    return num;
}

static void a_scrape_sums_the_rows_of_all_workers_by_label(void **state)
{
    struct weir_counters *tables[] = { table_new(), table_new() };
    weir_counter_add(row_of(tables[0], 1, 0), WEIR_TENANT_2XX, 3);
    weir_counter_add(row_of(tables[0], 2, 0), WEIR_TENANT_BYTES_OUT, 10);
    weir_counter_add(row_of(tables[1], 2, 0), WEIR_TENANT_BYTES_OUT, 5);
    weir_counter_add(row_of(tables[1], 1, 0), WEIR_TENANT_2XX, 4);
    char *text = scrape(tables, 2);
    assert_true(has_line(text, "weir_tenant_requests_total{tenant=\"t1\",class=\"2xx\"} 7"));
    assert_true(has_line(text, "weir_tenant_sent_bytes_total{tenant=\"t2\"} 15"));
    assert_true(has_line(text, "weir_tenant_requests_total{tenant=\"\",class=\"2xx\"} 0"));
    assert_int_equal(count_text(text, "# TYPE weir_tenant_requests_total counter\n"), 1);
    free(text);
    weir_counters_free(&tables[0]);
    weir_counters_free(&tables[1]);
}

static void a_hint_finds_the_row_until_it_belongs_to_another(void **state)
{
    struct weir_counters *c = table_new();
    struct weir_label label = { "tenant", WEIR_SPAN_LIT("shop") };
    struct weir_counter_hint hint = { 0 };
    assert_null(weir_counters_hinted(c, &hint, 0));
    struct weir_counter_row *r =
        weir_counters_row(c, 99999, (struct weir_labels){ &label, 1 }, 0, &hint);
    assert_ptr_equal(weir_counters_hinted(c, &hint, 0), r);
    for (unsigned n = 0; n < 2 * WEIR_COUNTER_ROWS_MAX; n++)
        (void)row_of(c, n, WEIR_COUNTER_UNUSED_MS);
    assert_null(weir_counters_hinted(c, &hint, WEIR_COUNTER_UNUSED_MS));
    weir_counters_free(&c);
}

static void tenants_beyond_the_bound_are_summed_under_the_empty_label(void **state)
{
    struct weir_counters *c = table_new();
    for (unsigned n = 0; n < WEIR_COUNTER_ROWS_MAX + 20; n++)
        weir_counter_add(row_of(c, n, 0), WEIR_TENANT_4XX, 1);
    char *text = scrape(&c, 1);
    assert_true(has_line(text, "weir_tenant_requests_total{tenant=\"\",class=\"4xx\"} 20"));
    assert_true(has_line(text, "weir_tenant_requests_total{tenant=\"t999\",class=\"4xx\"} 1"));
    assert_int_equal(count_text(text, "t1000\""), 0);
    assert_int_equal(count_text(text, "\nweir_tenant_sent_bytes_total{"),
                     WEIR_COUNTER_ROWS_MAX + 1);
    free(text);
    weir_counters_free(&c);
}

static void a_scrape_of_many_workers_is_bounded_too(void **state)
{
    struct weir_counters *tables[] = { table_new(), table_new(), table_new() };
    for (unsigned n = 0; n < 3 * WEIR_COUNTER_ROWS_MAX; n++)
        weir_counter_add(row_of(tables[n % 3], n, 0), WEIR_TENANT_2XX, 1);
    char *text = scrape(tables, 3);
    assert_int_equal(count_text(text, "\nweir_tenant_sent_bytes_total{"),
                     WEIR_COUNTER_ROWS_MAX + 1);
    assert_true(has_line(text, "weir_tenant_requests_total{tenant=\"\",class=\"2xx\"} 2000"));
    free(text);
    for (size_t i = 0; i < 3; i++)
        weir_counters_free(&tables[i]);
}

static void an_unused_row_goes_to_another_and_its_counts_to_the_rest(void **state)
{
    struct weir_counters *c = table_new();
    for (unsigned n = 0; n < WEIR_COUNTER_ROWS_MAX; n++)
        weir_counter_add(row_of(c, n, 0), WEIR_TENANT_5XX, 2);
    weir_counter_add(row_of(c, 5000, WEIR_COUNTER_UNUSED_MS - 1), WEIR_TENANT_5XX, 7);
    char *text = scrape(&c, 1);
    assert_int_equal(count_text(text, "t5000"), 0);
    free(text);
    weir_counter_add(row_of(c, 5001, WEIR_COUNTER_UNUSED_MS), WEIR_TENANT_5XX, 9);
    text = scrape(&c, 1);
    assert_true(has_line(text, "weir_tenant_requests_total{tenant=\"t5001\",class=\"5xx\"} 9"));
    assert_true(has_line(text, "weir_tenant_requests_total{tenant=\"\",class=\"5xx\"} 9"));
    assert_int_equal(count_text(text, "\nweir_tenant_sent_bytes_total{"),
                     WEIR_COUNTER_ROWS_MAX + 1);
    free(text);
    weir_counters_free(&c);
}

static void a_pinned_row_stays(void **state)
{
    struct weir_counters *c = table_new();
    struct weir_counter_row *rows[WEIR_COUNTER_ROWS_MAX];
    for (unsigned n = 0; n < WEIR_COUNTER_ROWS_MAX; n++) {
        rows[n] = row_of(c, n, 0);
        weir_counter_pin(rows[n]);
        weir_counter_add(rows[n], WEIR_TENANT_OPEN, 1);
    }
    for (unsigned n = 0; n < WEIR_COUNTER_ROWS_MAX; n++)
        (void)row_of(c, 5000 + n, 10 * WEIR_COUNTER_UNUSED_MS);
    char *text = scrape(&c, 1);
    assert_int_equal(count_text(text, "{tenant=\"t5"), 8 * (1 + 10 + 100));
    assert_true(has_line(text, "weir_tenant_requests_open{tenant=\"t0\"} 1"));
    free(text);
    for (unsigned n = 0; n < WEIR_COUNTER_ROWS_MAX; n++) {
        weir_counter_add(rows[n], WEIR_TENANT_OPEN, (uint64_t)0 - 1);
        weir_counter_unpin(rows[n]);
    }
    weir_counters_free(&c);
}

static void labels_cannot_break_the_text_or_a_row(void **state)
{
    struct weir_counters *c = table_new();
    struct weir_counter_hint hint = { 0 };
    char longest[LABELS_MAX];
    struct weir_label label = { "tenant", WEIR_SPAN_LIT("a\"} 1\nevil{b=\"\\") };
    weir_counter_add(weir_counters_row(c, 1, (struct weir_labels){ &label, 1 }, 0, &hint),
                     WEIR_TENANT_2XX, 1);
    memset(longest, 'x', sizeof(longest));
    label.value = weir_span(longest, sizeof(longest));
    weir_counter_add(weir_counters_row(c, 2, (struct weir_labels){ &label, 1 }, 0, &hint),
                     WEIR_TENANT_2XX, 5);
    assert_int_equal(hint.row, 0);
    char *text = scrape(&c, 1);
    assert_true(
        has_line(text, "weir_tenant_requests_total{tenant=\"a_} 1_evil{b=__\",class=\"2xx\"} 1"));
    assert_true(has_line(text, "weir_tenant_requests_total{tenant=\"\",class=\"2xx\"} 5"));
    free(text);
    weir_counters_free(&c);
}

static void endpoints_show_whether_failures_put_them_out(void **state)
{
    struct weir_counters *c = weir_counters_new(512, 7);
    struct weir_failure_marks *marks = weir_failure_marks_new();
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    struct weir_counter_hint hint = { 0 };
    uint64_t now_ms = 1000;
    assert_non_null(c);
    assert_non_null(marks);
    for (uint64_t key = 11; key <= 12; key++) {
        struct weir_label labels[] = {
            { "tenant", WEIR_SPAN_LIT("shop") },
            { "upstream", WEIR_SPAN_LIT("web") },
            { "endpoint", key == 11 ? WEIR_SPAN_LIT("[::1]:80") : WEIR_SPAN_LIT("b:80") },
        };
        weir_counter_add(
            weir_counters_row(c, key, (struct weir_labels){ labels, 3 }, now_ms, &hint),
            WEIR_ENDPOINT_FAILURES, key);
    }
    for (int i = 0; i < 100 && weir_failure_marks_usable(marks, 11, now_ms); i++)
        (void)weir_failure_marks_failed(marks, 11, now_ms);
    assert_int_equal(weir_counters_write_endpoints(&c, 1, marks, now_ms, &b), WEIR_OK);
#define LABELS(e) "{tenant=\"shop\",upstream=\"web\",endpoint=\"" e "\"} "
    assert_true(has_line(b.at, "weir_endpoint_usable" LABELS("[::1]:80") "0"));
    assert_true(has_line(b.at, "weir_endpoint_usable" LABELS("b:80") "1"));
    assert_true(has_line(b.at, "weir_endpoint_failures_total" LABELS("b:80") "12"));
    weir_strbuf_deinit(&b);
    weir_failure_marks_free(&marks);
    weir_counters_free(&c);
}

/* -- a scrape while the worker replaces labels -- */

struct racing {
    struct weir_counters *c;
    _Atomic bool done;
};

/* Tenant t<n> only ever counts in steps of n + 1. */
static void *replace_all_the_time(void *arg)
{
    struct racing *r = arg;
    for (uint64_t round = 1; round <= 20; round++)
        for (unsigned n = 0; n < WEIR_COUNTER_ROWS_MAX + 100; n++)
            weir_counter_add(row_of(r->c, n, round * WEIR_COUNTER_UNUSED_MS), WEIR_TENANT_2XX,
                             n + 1);
    atomic_store(&r->done, true);
    return NULL;
}

static void check_steps(const char *text)
{
    const char *at = text;
    while ((at = strstr(at, "\nweir_tenant_requests_total{tenant=\"t")) != NULL) {
        unsigned n;
        unsigned long long value;
        at++;
        if (sscanf(at, "weir_tenant_requests_total{tenant=\"t%u\",class=\"2xx\"} %llu", &n,
                   &value) == 2)
            assert_int_equal(value % (n + 1), 0);
    }
}

static void a_scrape_never_shows_the_counts_of_one_tenant_under_another(void **state)
{
    struct racing r = { .c = table_new() };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, replace_all_the_time, &r), 0);
    do {
        char *text = scrape(&r.c, 1);
        check_steps(text);
        free(text);
    } while (!atomic_load(&r.done));
    assert_int_equal(pthread_join(thread, NULL), 0);
    weir_counters_free(&r.c);
}

static void free_pinned(void *arg)
{
    struct weir_counters *c = table_new();
    weir_counter_pin(row_of(c, 1, 0));
    weir_counters_free(&c);
}

static void a_table_is_not_freed_under_an_exchange(void **state)
{
    assert_true(weir_death_by_contract(free_pinned, NULL, "pins == 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scrape_sums_the_rows_of_all_workers_by_label),
        cmocka_unit_test(a_hint_finds_the_row_until_it_belongs_to_another),
        cmocka_unit_test(tenants_beyond_the_bound_are_summed_under_the_empty_label),
        cmocka_unit_test(a_scrape_of_many_workers_is_bounded_too),
        cmocka_unit_test(an_unused_row_goes_to_another_and_its_counts_to_the_rest),
        cmocka_unit_test(a_pinned_row_stays),
        cmocka_unit_test(labels_cannot_break_the_text_or_a_row),
        cmocka_unit_test(endpoints_show_whether_failures_put_them_out),
        cmocka_unit_test(a_scrape_never_shows_the_counts_of_one_tenant_under_another),
        cmocka_unit_test(a_table_is_not_freed_under_an_exchange),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
