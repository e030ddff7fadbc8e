/* SPDX-License-Identifier: Apache-2.0
 *
 * contract_test.c - contracts abort with a report; fatal signals report too; container_of finds the
 * outer object.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "node/base/trace.h"
#include "tests/support/death.h"

struct outer {
    int before;
    int member;
};

static void break_it(void *arg)
{
    int *one = arg;
    WEIR_ASSERT(*one == 2);
}

static void reach_it(void *arg)
{
    (void)arg;
    WEIR_UNREACHABLE();
}

static void break_with_long_text(void *arg)
{
    (void)arg;
    char what[2000];
    for (size_t i = 0; i < sizeof(what); i++)
        what[i] = 'x';
    what[sizeof(what) - 1] = '\0';
    struct weir_contract_site site = { what, "file.c", "function", 1 };
    weir_contract_broken(&site);
}

static void broken_assert_aborts_and_names_the_condition(void **state)
{
    int one = 1;
    assert_true(weir_death_by_contract(break_it, &one, "*one == 2 at "));
    assert_true(weir_death_by_contract(break_it, &one, "contract_test.c:"));
}

static void assert_that_holds_goes_on(void **state)
{
    int two = 2;
    break_it(&two);
    assert_false(weir_death_by_contract(break_it, &two, "*one == 2"));
}

/* Not inlined and not a tail call, so that both have a frame of their own. */
__attribute__((noinline)) static void inner_of_two_static_functions(int left, int right)
{
    weir_trace("contract.test", 11, 22);
    WEIR_ASSERT_CMP(left, <, right);
    __asm__ volatile("");
}

__attribute__((noinline)) static void outer_of_two_static_functions(void *arg)
{
    (void)arg;
    inner_of_two_static_functions(7, -3);
    __asm__ volatile("");
}

static void report_has_place_values_backtrace_and_trace(void **state)
{
    static char report[WEIR_DEATH_TEXT_MAX];
    assert_true(weir_death_by_signal(outer_of_two_static_functions, NULL, SIGABRT, report));
    /* Behind a name may come ".constprop.0" of the optimiser. */
    static const char *const parts[] = {
        "contract broken: left < right at tests/unit/base/contract_test.c:",
        " in inner_of_two_static_functions\n",
        "\n  left=7 right=-3 (0xfffffffffffffffd)\nbacktrace",
        " inner_of_two_static_functions",
        " outer_of_two_static_functions",
        " main+0x",
        "\ntrace of this thread, oldest first",
        " contract.test a=11 b=22\n",
    };
    const char *at = report;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(parts); i++) {
        at = strstr(at, parts[i]);
        if (at == NULL)
            fail_msg("missing, or not in its order: %s\nin: %s", parts[i], report);
    }
}

static void comparison_that_holds_goes_on(void **state)
{
    size_t len = 4;
    const char *text = "text";
    WEIR_ASSERT_CMP(len, <=, 4);
    WEIR_ASSERT_CMP(text, !=, NULL);
    WEIR_ASSERT_STATE(len == 4, "idle");
    WEIR_ASSERT_MOVE(len == 4, "idle", "busy");
}

static void break_state(void *arg)
{
    int *one = arg;
    WEIR_ASSERT_STATE(*one == 2, *one == 1 ? "reading_head" : "idle");
}

static void break_move(void *arg)
{
    int *one = arg;
    WEIR_ASSERT_MOVE(*one == 2, "idle", "tunnel");
}

static void broken_state_and_move_name_their_states(void **state)
{
    int one = 1;
    assert_true(weir_death_by_contract(break_state, &one, "\n  state=reading_head\n"));
    assert_true(weir_death_by_contract(break_move, &one, "\n  state=idle to=tunnel\n"));
}

static void break_within_the_report(void *arg)
{
    struct weir_contract_site site = { "outer", "file.c", "function", 1 };
    weir_contract_broken_state(&site, (const char *)(uintptr_t)8, arg);
}

static void fault_within_the_report_still_ends_the_process(void **state)
{
    static char report[WEIR_DEATH_TEXT_MAX];
    assert_true(weir_death_by_signal(break_within_the_report, NULL, SIGSEGV, report));
    assert_non_null(strstr(report, "contract broken: outer at file.c:1 in function\n"));
}

/* The sanitizers' handlers report in their own way, and weir's are not installed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WITH_HANDLERS 0
#else
#define WITH_HANDLERS 1
#endif

__attribute__((noinline)) static void touch_nothing(void *arg)
{
    weir_contract_install_handlers();
    weir_trace("before.fault", 1, 2);
    *(volatile int *)arg = 1;
}

__attribute__((noinline)) static void raise_fault(void *arg)
{
    weir_contract_install_handlers();
    (void)raise(*(int *)arg);
    __asm__ volatile("");
}

__attribute__((noinline)) static int overflow(volatile int *depth)
{
    volatile char frame[4096];
    frame[0] = (char)*depth;
    (*depth)++;
    return *depth < 0 ? 0 : overflow(depth) + frame[0];
}

static void overflow_stack(void *arg)
{
    volatile int depth = 0;
    (void)arg;
    weir_contract_install_handlers();
    (void)overflow(&depth);
}

static void fatal_signal_reports_and_ends_by_the_same_signal(void **state)
{
    static char report[WEIR_DEATH_TEXT_MAX];
    static int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
    void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (!WITH_HANDLERS)
        skip();
    assert_ptr_not_equal(page, MAP_FAILED);
    assert_true(weir_death_by_signal(touch_nothing, page, SIGSEGV, report));
    assert_int_equal(munmap(page, 4096), 0);
    assert_non_null(strstr(report, "fatal signal: SIGSEGV code=2 address=0x"));
    assert_non_null(strstr(report, " touch_nothing"));
    assert_non_null(strstr(report, " before.fault a=1 b=2\n"));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(signals); i++) {
        assert_true(weir_death_by_signal(raise_fault, &signals[i], signals[i], report));
        assert_non_null(strstr(report, "fatal signal: SIG"));
        assert_non_null(strstr(report, " raise_fault"));
    }
}

static void stack_overflow_is_reported_from_a_stack_of_its_own(void **state)
{
    static char report[WEIR_DEATH_TEXT_MAX];

    if (!WITH_HANDLERS)
        skip();
    assert_true(weir_death_by_signal(overflow_stack, NULL, SIGSEGV, report));
    assert_non_null(strstr(report, "fatal signal: SIGSEGV"));
    assert_non_null(strstr(report, " overflow"));
}

static void unreachable_aborts(void **state)
{
    assert_true(weir_death_by_contract(reach_it, NULL, "unreachable"));
}

static void text_longer_than_the_buffer_is_cut(void **state)
{
    assert_true(weir_death_by_contract(break_with_long_text, NULL, "xxxxxxxx"));
}

static void dcheck_does_not_evaluate_in_release_builds(void **state)
{
    int calls = 0;
    WEIR_DCHECK(++calls > 0);
#ifdef WEIR_DEBUG
    assert_int_equal(calls, 1);
#else
    assert_int_equal(calls, 0);
#endif
}

static void container_of_finds_the_outer_object(void **state)
{
    struct outer o = { 1, 2 };
    assert_ptr_equal(weir_container_of(&o.member, struct outer, member), &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_assert_aborts_and_names_the_condition),
        cmocka_unit_test(assert_that_holds_goes_on),
        cmocka_unit_test(report_has_place_values_backtrace_and_trace),
        cmocka_unit_test(comparison_that_holds_goes_on),
        cmocka_unit_test(broken_state_and_move_name_their_states),
        cmocka_unit_test(fault_within_the_report_still_ends_the_process),
        cmocka_unit_test(fatal_signal_reports_and_ends_by_the_same_signal),
        cmocka_unit_test(stack_overflow_is_reported_from_a_stack_of_its_own),
        cmocka_unit_test(unreachable_aborts),
        cmocka_unit_test(text_longer_than_the_buffer_is_cut),
        cmocka_unit_test(dcheck_does_not_evaluate_in_release_builds),
        cmocka_unit_test(container_of_finds_the_outer_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
