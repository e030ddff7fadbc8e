/* SPDX-License-Identifier: Apache-2.0
 *
 * log_filter_test.c - levels and filters switched while threads log.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/base/clock.h"
#include "node/base/contract.h"
#include "node/base/log_filter.h"
#include "tests/support/death.h"

#define SHOP  WEIR_SPAN_LIT("shop")
#define OTHER WEIR_SPAN_LIT("shopping")

static int switch_off(void **state)
{
    weir_log_filter_clear_all();
    weir_log_init(WEIR_LOG_INFO, STDERR_FILENO);
    return 0;
}

static struct weir_log_filter for_tenant(const char *name, enum weir_log_level level)
{
    struct weir_log_filter f = { .level = level };
    (void)snprintf(f.tenant, sizeof(f.tenant), "%s", name);
    return f;
}

static struct weir_log_filter for_client(const char *prefix, enum weir_log_level level)
{
    struct weir_log_filter f = { .level = level };
    assert_int_equal(weir_prefix_parse(weir_span_cstr(prefix), &f.client), WEIR_OK);
    return f;
}

static struct weir_addr addr(const char *text)
{
    struct weir_addr a;
    assert_int_equal(weir_addr_parse_ip(weir_span_cstr(text), &a), WEIR_OK);
    return a;
}

static void set(struct weir_log_filter f)
{
    assert_int_equal(weir_log_filter_set(&f), WEIR_OK);
}

static void without_filters_the_general_level_decides(void **state)
{
    struct weir_addr client = addr("192.0.2.1");
    for (int general = WEIR_LOG_ERROR; general <= WEIR_LOG_TRACE; general++) {
        weir_log_set_level((enum weir_log_level)general);
        assert_int_equal(weir_log_level(), general);
        for (int l = WEIR_LOG_ERROR; l <= WEIR_LOG_TRACE; l++) {
            enum weir_log_level level = (enum weir_log_level)l;
            assert_int_equal(weir_log_on(level), l <= general);
            assert_int_equal(weir_log_on_for(level, SHOP, &client), l <= general);
        }
    }
}

static void tenant_filter_lets_through_that_tenant_alone(void **state)
{
    struct weir_addr client = addr("192.0.2.1");
    set(for_tenant("shop", WEIR_LOG_DEBUG));
    assert_true(weir_log_on_for(WEIR_LOG_DEBUG, SHOP, &client));
    assert_true(weir_log_on_for(WEIR_LOG_DEBUG, SHOP, NULL));
    assert_false(weir_log_on_for(WEIR_LOG_TRACE, SHOP, &client));
    assert_false(weir_log_on_for(WEIR_LOG_DEBUG, OTHER, &client));
    assert_false(weir_log_on_for(WEIR_LOG_DEBUG, WEIR_SPAN_EMPTY, &client));
    assert_false(weir_log_on(WEIR_LOG_DEBUG));
    assert_int_equal(weir_log_level(), WEIR_LOG_INFO);
}

static void client_filter_lets_through_its_prefix_alone(void **state)
{
    struct weir_addr in = addr("192.0.2.200");
    struct weir_addr out = addr("192.0.3.1");
    struct weir_addr in_v6 = addr("2001:db8::7");
    set(for_client("192.0.2.0/24", WEIR_LOG_TRACE));
    set(for_client("2001:db8::/32", WEIR_LOG_DEBUG));
    assert_true(weir_log_on_for(WEIR_LOG_TRACE, WEIR_SPAN_EMPTY, &in));
    assert_true(weir_log_on_for(WEIR_LOG_DEBUG, SHOP, &in));
    assert_false(weir_log_on_for(WEIR_LOG_DEBUG, SHOP, &out));
    assert_false(weir_log_on_for(WEIR_LOG_DEBUG, SHOP, NULL));
    assert_true(weir_log_on_for(WEIR_LOG_DEBUG, SHOP, &in_v6));
    assert_false(weir_log_on_for(WEIR_LOG_TRACE, SHOP, &in_v6));
}

static void filter_below_the_general_level_takes_nothing_away(void **state)
{
    weir_log_set_level(WEIR_LOG_DEBUG);
    set(for_tenant("shop", WEIR_LOG_ERROR));
    assert_true(weir_log_on_for(WEIR_LOG_DEBUG, SHOP, NULL));
    assert_false(weir_log_on_for(WEIR_LOG_TRACE, SHOP, NULL));
}

static void general_level_and_filters_do_not_undo_each_other(void **state)
{
    set(for_tenant("shop", WEIR_LOG_TRACE));
    weir_log_set_level(WEIR_LOG_WARN);
    assert_true(weir_log_on_for(WEIR_LOG_TRACE, SHOP, NULL));
    assert_false(weir_log_on(WEIR_LOG_INFO));
    weir_log_filter_clear_all();
    assert_int_equal(weir_log_level(), WEIR_LOG_WARN);
    assert_false(weir_log_on_for(WEIR_LOG_TRACE, SHOP, NULL));
}

static void setting_the_same_target_again_replaces_its_level(void **state)
{
    struct weir_log_filter list[WEIR_LOG_FILTERS_MAX];
    set(for_tenant("shop", WEIR_LOG_TRACE));
    set(for_client("10.0.0.0/8", WEIR_LOG_TRACE));
    set(for_tenant("shop", WEIR_LOG_DEBUG));
    set(for_client("10.0.0.0/8", WEIR_LOG_DEBUG));
    assert_int_equal(weir_log_filter_list(list, WEIR_LOG_FILTERS_MAX), 2);
    assert_string_equal(list[0].tenant, "shop");
    assert_int_equal(list[0].level, WEIR_LOG_DEBUG);
    assert_string_equal(list[1].tenant, "");
    assert_int_equal(list[1].client.len, 96 + 8);
    assert_int_equal(list[1].level, WEIR_LOG_DEBUG);
    assert_false(weir_log_on_for(WEIR_LOG_TRACE, SHOP, NULL));
    assert_int_equal(weir_log_filter_list(list, 1), 1);
}

static void clearing_one_leaves_the_others(void **state)
{
    struct weir_log_filter list[WEIR_LOG_FILTERS_MAX];
    struct weir_log_filter shop = for_tenant("shop", WEIR_LOG_ERROR);
    set(for_tenant("shop", WEIR_LOG_TRACE));
    set(for_tenant("shopping", WEIR_LOG_DEBUG));
    assert_true(weir_log_filter_clear(&shop));
    assert_false(weir_log_filter_clear(&shop));
    assert_false(weir_log_on_for(WEIR_LOG_TRACE, SHOP, NULL));
    assert_true(weir_log_on_for(WEIR_LOG_DEBUG, OTHER, NULL));
    assert_int_equal(weir_log_filter_list(list, WEIR_LOG_FILTERS_MAX), 1);
    assert_string_equal(list[0].tenant, "shopping");
    /* The highest level of any filter went down with it: no question for trace reads the table. */
    assert_int_equal(weir_log_switches >> WEIR_LOG_FILTERED_SHIFT, WEIR_LOG_DEBUG);
}

static void filter_over_the_bound_is_refused_and_changes_nothing(void **state)
{
    struct weir_log_filter list[WEIR_LOG_FILTERS_MAX];
    char name[20];
    for (int i = 0; i < WEIR_LOG_FILTERS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "tenant-%d", i);
        set(for_tenant(name, WEIR_LOG_DEBUG));
    }
    struct weir_log_filter more = for_tenant("shop", WEIR_LOG_TRACE);
    assert_int_equal(weir_log_filter_set(&more), WEIR_ELIMIT);
    assert_false(weir_log_on_for(WEIR_LOG_TRACE, SHOP, NULL));
    set(for_tenant("tenant-15", WEIR_LOG_TRACE)); /* replaces: needs no room */
    assert_true(weir_log_on_for(WEIR_LOG_TRACE, WEIR_SPAN_LIT("tenant-15"), NULL));
    assert_int_equal(weir_log_filter_list(list, WEIR_LOG_FILTERS_MAX), WEIR_LOG_FILTERS_MAX);
    struct weir_log_filter first = for_tenant("tenant-0", WEIR_LOG_DEBUG);
    assert_true(weir_log_filter_clear(&first));
    assert_int_equal(weir_log_filter_set(&more), WEIR_OK);
    assert_true(weir_log_on_for(WEIR_LOG_TRACE, SHOP, NULL));
}

static void filter_that_does_not_hold_is_refused(void **state)
{
    struct weir_log_filter f = for_tenant("shop", (enum weir_log_level)(WEIR_LOG_TRACE + 1));
    assert_int_equal(weir_log_filter_set(&f), WEIR_EINVAL);
    f = for_tenant("shop", WEIR_LOG_TRACE);
    memset(f.tenant, 'x', sizeof(f.tenant));
    assert_int_equal(weir_log_filter_set(&f), WEIR_EINVAL);
    f = for_client("10.0.0.0/8", WEIR_LOG_TRACE);
    f.client.len = 129;
    assert_int_equal(weir_log_filter_set(&f), WEIR_EINVAL);
    assert_int_equal(weir_log_filter_list(&f, 1), 0);
}

static void longest_tenant_name_is_matched(void **state)
{
    char name[WEIR_TENANT_NAME_MAX + 1];
    memset(name, 'x', WEIR_TENANT_NAME_MAX);
    name[WEIR_TENANT_NAME_MAX] = '\0';
    set(for_tenant(name, WEIR_LOG_DEBUG));
    assert_true(weir_log_on_for(WEIR_LOG_DEBUG, weir_span_cstr(name), NULL));
    assert_false(weir_log_on_for(WEIR_LOG_DEBUG, weir_span(name, WEIR_TENANT_NAME_MAX - 1), NULL));
}

static void line_of_a_filter_is_written_below_the_general_level(void **state)
{
    char text[400] = "";
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    weir_log_init(WEIR_LOG_INFO, fds[1]);
    set(for_tenant("shop", WEIR_LOG_TRACE));
    log_trace_for(OTHER, NULL, "exchange.move", "tenant=%s", "shopping");
    log_trace("exchange.move", "tenant=%s", "none");
    log_trace_for(SHOP, NULL, "exchange.move", "tenant=%s", "shop");
    log_debug_for(SHOP, NULL, "connection.opened", "tenant=%s", "shop");
    ssize_t n = read(fds[0], text, sizeof(text) - 1);
    assert_true(n > WEIR_RFC3339_LEN);
    static const char first[] = " trace exchange.move tenant=shop\n";
    assert_int_equal(strncmp(text + WEIR_RFC3339_LEN, first, sizeof(first) - 1), 0);
    assert_string_equal(text + 2 * WEIR_RFC3339_LEN + sizeof(first) - 1,
                        " debug connection.opened tenant=shop\n");
    assert_int_equal(close(fds[0]), 0);
    assert_int_equal(close(fds[1]), 0);
}

static void set_impossible_level(void *arg)
{
    weir_log_set_level((enum weir_log_level)9);
}

static void level_out_of_range_breaks_the_contract(void **state)
{
    assert_true(weir_death_by_contract(set_impossible_level, NULL, "left=9 right=4"));
}

#define NUM_READERS 6 /* more than processors, so that some are interrupted within a read */
#define NUM_READS   2000000

struct switcher {
    _Atomic bool stop;
    _Atomic unsigned num_torn;
};

/* "axx...xxa" or "bxx...xxb": a copy that was torn at any word between begins and ends unlike. */
static struct weir_log_filter of_letter(char letter)
{
    struct weir_log_filter f = { .level = WEIR_LOG_TRACE };
    memset(f.tenant, 'x', WEIR_TENANT_NAME_MAX);
    f.tenant[0] = f.tenant[WEIR_TENANT_NAME_MAX - 1] = letter;
    return f;
}

/* Publishes in turn: nothing, the name of "a", nothing, the name of "b". */
static void *switch_filters(void *arg)
{
    struct switcher *s = arg;
    for (unsigned i = 0; !atomic_load(&s->stop); i++) {
        weir_log_filter_clear_all();
        set(of_letter(i % 2 == 0 ? 'a' : 'b'));
        weir_log_set_level(i % 2 == 0 ? WEIR_LOG_WARN : WEIR_LOG_INFO);
    }
    return NULL;
}

static void *ask_for_torn_names(void *arg)
{
    struct switcher *s = arg;
    struct weir_log_filter torn[2] = { of_letter('a'), of_letter('b') };

    torn[0].tenant[WEIR_TENANT_NAME_MAX - 1] = 'b';
    torn[1].tenant[WEIR_TENANT_NAME_MAX - 1] = 'a';
    for (size_t i = 0; i < NUM_READS; i++)
        if (weir_log_filter_match(WEIR_LOG_TRACE,
                                  weir_span(torn[i % 2].tenant, WEIR_TENANT_NAME_MAX), NULL))
            atomic_fetch_add(&s->num_torn, 1);
    return NULL;
}

static void reader_beside_a_writer_sees_no_filter_half_written(void **state)
{
    struct switcher s = { .stop = false };
    pthread_t writer;
    pthread_t readers[NUM_READERS];

    assert_int_equal(pthread_create(&writer, NULL, switch_filters, &s), 0);
    for (int i = 0; i < NUM_READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, ask_for_torn_names, &s), 0);
    for (int i = 0; i < NUM_READERS; i++)
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    atomic_store(&s.stop, true);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(atomic_load(&s.num_torn), 0);
    set(for_tenant("shop", WEIR_LOG_TRACE));
    assert_true(weir_log_on_for(WEIR_LOG_TRACE, SHOP, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(without_filters_the_general_level_decides, switch_off),
        cmocka_unit_test_teardown(tenant_filter_lets_through_that_tenant_alone, switch_off),
        cmocka_unit_test_teardown(client_filter_lets_through_its_prefix_alone, switch_off),
        cmocka_unit_test_teardown(filter_below_the_general_level_takes_nothing_away, switch_off),
        cmocka_unit_test_teardown(general_level_and_filters_do_not_undo_each_other, switch_off),
        cmocka_unit_test_teardown(setting_the_same_target_again_replaces_its_level, switch_off),
        cmocka_unit_test_teardown(clearing_one_leaves_the_others, switch_off),
        cmocka_unit_test_teardown(filter_over_the_bound_is_refused_and_changes_nothing, switch_off),
        cmocka_unit_test_teardown(filter_that_does_not_hold_is_refused, switch_off),
        cmocka_unit_test_teardown(longest_tenant_name_is_matched, switch_off),
        cmocka_unit_test_teardown(line_of_a_filter_is_written_below_the_general_level, switch_off),
        cmocka_unit_test_teardown(level_out_of_range_breaks_the_contract, switch_off),
        cmocka_unit_test_teardown(reader_beside_a_writer_sees_no_filter_half_written, switch_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
