/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_run_test.c - the program weir-sim: its exit status, its last line, its jobs, its traces.
 */
#include "node/base/contract.h"
#include "tests/support/run_program.h"

static struct ran run(const char *arguments)
{
    return run_program(WEIR_SIM, arguments);
}

static void seeds_that_hold_end_with_0(void **state)
{
    struct ran ran = run("--seeds 1..12");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.first, "12 run, 0 broken"));
}

static void a_violation_ends_with_1_and_the_command_that_replays_it(void **state)
{
    struct ran ran = run("--seeds 1..40 --mutant gapadvance --until-failure");
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.first, "1 broken"));
    const char *replay = strstr(ran.last, "replay: weir-sim --seed ");
    assert_non_null(replay);
    assert_non_null(strstr(replay, " --mutant gapadvance"));

    struct ran again = run(strstr(replay, "--seed "));
    assert_int_equal(again.status, 1);
    assert_string_equal(again.last, ran.last);
}

static void jobs_find_what_one_process_finds(void **state)
{
    struct ran alone = run("--seeds 1..20 --mutant nohlcbump --seconds 10");
    struct ran jobs = run("--seeds 1..20 --mutant nohlcbump --seconds 10 --jobs 3");
    assert_int_equal(alone.status, 1);
    assert_int_equal(jobs.status, 1);
    assert_string_equal(alone.first, jobs.first);
    assert_string_equal(alone.last, jobs.last);
    jobs = run("--seeds 1..20 --mutant nohlcbump --seconds 10 --jobs 64 --until-failure");
    assert_string_equal(alone.last, jobs.last);
}

static void seeds_reach_the_last_number_there_is(void **state)
{
    struct ran ran = run("--seeds 18446744073709551614..18446744073709551615 --seconds 2 --jobs 2");
    assert_non_null(strstr(ran.first, "2 run, "));
}

static void a_seed_has_one_hash_and_a_trace_does_not_change_it(void **state)
{
    struct ran first = run("--seed 7 --seconds 10 --trace-hash");
    struct ran again = run("--seed 7 --seconds 10 --trace-hash");
    struct ran traced = run("--seed 7 --seconds 10 --trace");
    struct ran other = run("--seed 8 --seconds 10 --trace-hash");

    assert_int_equal(first.status, 0);
    assert_int_equal(first.num_lines, 1);
    assert_int_equal(strlen(first.first), 16);
    assert_string_equal(first.first, again.first);
    assert_string_equal(first.first, traced.last);
    assert_true(traced.num_lines > 100);
    assert_non_null(strstr(traced.first, "seed 7: "));
    assert_string_not_equal(first.first, other.first);
    assert_int_equal(run("--seeds 1..2 --trace-hash").status, 2);
}

static void a_failing_seed_is_made_smaller(void **state)
{
    struct ran ran = run("--shrink 1 --mutant nohlcbump --seconds 20");
    assert_int_equal(ran.status, 1);
    assert_non_null(strstr(ran.last, "weir-sim --seed 1 --seconds "));
    assert_non_null(strstr(ran.last, "--off "));
    assert_int_equal(run(strstr(ran.last, "--seed ")).status, 1);
    ran = run("--shrink 1 --seconds 2");
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.last, "seed 1 holds");
}

static void features_can_be_left_out(void **state)
{
    struct ran all = run("--seed 2 --seconds 5 --trace-hash");
    struct ran some = run("--seed 2 --seconds 5 --trace-hash --off loss,deletes,crashes");
    assert_int_equal(some.status, 0);
    assert_string_not_equal(all.first, some.first);
}

static void what_there_is_is_listed(void **state)
{
    struct ran ran = run("--list-mutants");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.first, "ackbefore"));
    ran = run("--list-features");
    assert_int_equal(ran.status, 0);
    assert_string_equal(ran.first, "loss");
    ran = run("--list-scenarios");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.first, "hour50"));
}

static void two_halves_are_equal_within_the_bar(void **state)
{
    struct ran ran = run("--scenario partition");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.last, "bar 5000 ms"));
}

static void wrong_usage_ends_with_2(void **state)
{
    static const char *const wrong[] = {
        "--seeds 1",
        "--seeds 2..1",
        "--seeds 1..x",
        "--seeds ..2",
        "--seeds -1..2",
        "--seed 1x",
        "--seed ''",
        "--mutant nothing",
        "--jobs 0",
        "--jobs 65",
        "--off nothing",
        "--off loss,,deletes",
        "--seconds 0",
        "--nodes 1",
        "--nodes 1001",
        "--scenario nowhere",
        "--shrink x",
        "--seeds",
        "--no-such-flag",
        "more",
        "--seconds 86401",
        "--trace",
        "--seed 18446744073709551616",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(wrong); i++)
        assert_int_equal(run(wrong[i]).status, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_that_hold_end_with_0),
        cmocka_unit_test(a_violation_ends_with_1_and_the_command_that_replays_it),
        cmocka_unit_test(jobs_find_what_one_process_finds),
        cmocka_unit_test(seeds_reach_the_last_number_there_is),
        cmocka_unit_test(a_seed_has_one_hash_and_a_trace_does_not_change_it),
        cmocka_unit_test(a_failing_seed_is_made_smaller),
        cmocka_unit_test(features_can_be_left_out),
        cmocka_unit_test(what_there_is_is_listed),
        cmocka_unit_test(two_halves_are_equal_within_the_bar),
        cmocka_unit_test(wrong_usage_ends_with_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
